//! Which modules the PBX must have running.

use std::collections::BTreeSet;

use super::{Check, unanswered};
use crate::{
    ari::{Module, Rest},
    config::{Media, ScreenMode},
};

/// Looks whether all modules that a drop needs are running.
pub(super) async fn check(rest: &Rest, technology: &str) -> Check {
    match rest.modules().await {
        Ok(modules) => judge(&modules, technology),
        Err(failure) => unanswered(NAME, &failure),
    }
}

fn judge(modules: &[Module], technology: &str) -> Check {
    let running: BTreeSet<&str> = modules
        .iter()
        .filter(|module| module.is_running())
        .map(|module| module.name.as_str())
        .collect();
    let channel = (technology == "PJSIP").then_some("chan_pjsip.so");
    let needed: Vec<&str> = NEEDED.iter().copied().chain(channel).collect();
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|name| !running.contains(name))
        .collect();
    if missing.is_empty() {
        let count = needed.len();
        return Check::ok(NAME, format!("all {count} that are needed are running"));
    }
    let listed = missing.join(", ");
    let remedy = if missing.contains(&"app_amd.so") {
        "app_amd.so does not load without an amd.conf: copy asterisk-conf/pbx/amd.conf beside the PBX's \
         other files, then `module load app_amd.so` on its console; load the others likewise"
            .to_owned()
    } else {
        format!(
            "`module load {}` on the PBX's console, and take it out of modules.conf's `noload`",
            missing[0]
        )
    };
    Check::fail(NAME, format!("not running: {listed}"), remedy)
}

/// Tells which of the two ways to find out who answered this PBX can go.
pub(super) async fn modes(rest: &Rest, mode: ScreenMode, media: Media) -> Check {
    match rest.modules().await {
        Ok(modules) => judge_modes(&modules, mode, media),
        Err(failure) => unanswered(MODES, &failure),
    }
}

fn judge_modes(modules: &[Module], mode: ScreenMode, media: Media) -> Check {
    let lacks = |needed: &[&'static str]| -> Vec<&'static str> {
        let runs = |name: &str| {
            let found = modules.iter().find(|module| module.name == name);
            found.is_some_and(Module::is_running)
        };
        needed.iter().copied().filter(|name| !runs(name)).collect()
    };
    let (audiosocket, websocket) = (lacks(&TO_LISTEN), lacks(&TO_LISTEN_BY_WEBSOCKET));
    let listen = match media {
        Media::WebSocket => websocket,
        Media::Auto if websocket.is_empty() => websocket,
        Media::Auto | Media::AudioSocket => audiosocket,
    };
    let dialplan = lacks(&TO_SCREEN);
    let word = |lacking: &[&str]| match lacking {
        [] => "yes".to_owned(),
        lacking => format!("no, {} not running", lacking.join(" and ")),
    };
    let detail = format!("listen: {}; dialplan: {}", word(&listen), word(&dialplan));
    let (own, other) = match mode {
        ScreenMode::Listen => (&listen, (&dialplan, "dialplan")),
        ScreenMode::Dialplan => (&dialplan, (&listen, "listen")),
    };
    let Some(first) = own.first() else {
        return Check::ok(MODES, detail);
    };
    let mut remedy = format!(
        "`module load {first}` on the PBX's console, and take it out of modules.conf's `noload`"
    );
    if let (true, instead) = (other.0.is_empty(), other.1) {
        remedy.push_str(&format!(", or set `screen.mode = \"{instead}\"`"));
    }
    Check::fail(MODES, detail, remedy)
}

const NAME: &str = "modules";

const MODES: &str = "modes";

/// What `screen.mode = "listen"` needs beside the others.
const TO_LISTEN: [&str; 4] = [
    "app_audiosocket.so",
    "app_exec.so",
    "res_audiosocket.so",
    "res_stasis_snoop.so",
];

/// The same where `screen.media` is `websocket`.
const TO_LISTEN_BY_WEBSOCKET: [&str; 4] = [
    "chan_websocket.so",
    "res_ari_bridges.so",
    "res_http_websocket.so",
    "res_stasis_snoop.so",
];

/// What the dialplan screens a call with.
const TO_SCREEN: [&str; 2] = ["app_amd.so", "app_waitforsilence.so"];

const NEEDED: [&str; 16] = [
    "app_amd.so",
    "app_stasis.so",
    "app_waitforsilence.so",
    "format_wav.so",
    "func_cdr.so",
    "func_dialplan.so",
    "func_timeout.so",
    "pbx_config.so",
    "res_ari.so",
    "res_ari_applications.so",
    "res_ari_asterisk.so",
    "res_ari_channels.so",
    "res_ari_events.so",
    "res_ari_playbacks.so",
    "res_stasis.so",
    "res_stasis_playback.so",
];

#[cfg(test)]
mod tests {
    use super::{super::Status, *};

    #[test]
    fn a_module_that_is_loaded_and_does_not_run_is_missing() {
        let mut all = loaded();
        assert_eq!(judge(&all, "PJSIP").status, Status::Ok);
        all.iter_mut()
            .find(|module| module.name == "func_cdr.so")
            .unwrap()
            .status = "Not Running".into();
        let check = judge(&all, "PJSIP");
        assert_eq!(check.status, Status::Fail);
        assert_eq!(check.detail, "not running: func_cdr.so");
    }

    #[test]
    fn a_missing_amd_names_its_file() {
        let all: Vec<_> = loaded()
            .into_iter()
            .filter(|module| module.name != "app_amd.so")
            .collect();
        let check = judge(&all, "PJSIP");
        assert!(check.remedy.unwrap().contains("amd.conf"));
    }

    #[test]
    fn only_a_pjsip_trunk_needs_its_channel_driver() {
        let all: Vec<_> = loaded()
            .into_iter()
            .filter(|module| module.name != "chan_pjsip.so")
            .collect();
        assert_eq!(judge(&all, "PJSIP").status, Status::Fail);
        assert_eq!(judge(&all, "DAHDI").status, Status::Ok);
    }

    #[test]
    fn a_mode_that_the_pbx_cannot_do_fails_where_it_is_wanted() {
        use ScreenMode::{Dialplan, Listen};
        let rows = [
            (vec![], Listen, "listen: yes; dialplan: yes", None),
            (vec![], Dialplan, "listen: yes; dialplan: yes", None),
            (
                vec!["app_audiosocket.so", "res_stasis_snoop.so"],
                Dialplan,
                "listen: no, app_audiosocket.so and res_stasis_snoop.so not running; dialplan: yes",
                None,
            ),
            (
                vec!["res_audiosocket.so"],
                Listen,
                "listen: no, res_audiosocket.so not running; dialplan: yes",
                Some("or set `screen.mode = \"dialplan\"`"),
            ),
            (
                vec!["app_amd.so"],
                Dialplan,
                "listen: yes; dialplan: no, app_amd.so not running",
                Some("or set `screen.mode = \"listen\"`"),
            ),
            (
                vec!["app_amd.so", "app_exec.so"],
                Listen,
                "listen: no, app_exec.so not running; dialplan: no, app_amd.so not running",
                Some("module load app_exec.so"),
            ),
        ];
        for (missing, mode, detail, remedy) in rows {
            let all = TO_LISTEN.iter().chain(&TO_SCREEN).copied();
            let running = all.filter(|name| !missing.contains(name));
            let modules: Vec<_> = running
                .map(|name| Module {
                    name: name.into(),
                    status: "Running".into(),
                })
                .collect();
            let check = judge_modes(&modules, mode, Media::AudioSocket);
            assert_eq!(check.detail, detail);
            assert_eq!(check.status == Status::Fail, remedy.is_some(), "{detail}");
            let told = check.remedy.unwrap_or_default();
            assert!(told.contains(remedy.unwrap_or_default()), "{told}");
        }
    }

    #[test]
    fn what_listening_needs_depends_on_the_carrier() {
        let running = |names: &[&str]| -> Vec<Module> {
            let names = names.iter().chain(&TO_SCREEN);
            let module = |name: &&str| Module {
                name: (*name).into(),
                status: "Running".into(),
            };
            names.map(module).collect()
        };
        let rows = [
            (running(&TO_LISTEN), Media::WebSocket, Status::Fail),
            (running(&TO_LISTEN), Media::Auto, Status::Ok),
            (
                running(&TO_LISTEN_BY_WEBSOCKET),
                Media::WebSocket,
                Status::Ok,
            ),
            (running(&TO_LISTEN_BY_WEBSOCKET), Media::Auto, Status::Ok),
            (
                running(&TO_LISTEN_BY_WEBSOCKET),
                Media::AudioSocket,
                Status::Fail,
            ),
            (running(&[]), Media::Auto, Status::Fail),
        ];
        for (modules, media, status) in rows {
            let check = judge_modes(&modules, ScreenMode::Listen, media);
            assert_eq!(check.status, status, "{media:?} {}", check.detail);
        }
    }

    fn loaded() -> Vec<Module> {
        let names = NEEDED.iter().copied().chain(["chan_pjsip.so"]);
        names
            .map(|name| Module {
                name: name.into(),
                status: "Running".into(),
            })
            .collect()
    }
}
