//! Which modules the PBX must have running.

use super::check::{Check, Status, unanswered};
use crate::{
    ari::{Module, Rest},
    config::{Config, Media, ScreenMode},
};

/// What the PBX's modules allow.
pub(super) struct Modules {
    /// The checks to report.
    pub(super) checks: Vec<Check>,
    /// Whether a call within the PBX can be tried.
    pub(super) may_try: bool,
    /// Whether live audio can be tried.
    pub(super) may_listen: bool,
}

/// Whether all modules that a drop needs are running, and which way to find out who answered they allow.
pub(super) async fn check(rest: &Rest, config: &Config) -> Modules {
    match rest.modules().await {
        Ok(modules) => allow(
            &modules,
            config.pbx.endpoint.technology(),
            (config.screen.mode, config.screen.media),
        ),
        Err(failure) => Modules {
            checks: vec![unanswered(NAME, &failure)],
            may_try: false,
            may_listen: false,
        },
    }
}

fn allow(modules: &[Module], technology: &str, (mode, media): (ScreenMode, Media)) -> Modules {
    let needed = judge(modules, technology);
    let modes = judge_modes(modules, mode, media);
    let may_listen = modes.status == Status::Ok;
    // A missing module is reported once, and nothing is tried that would fail because of it.
    let missing = lacks(modules, &NEEDED);
    let screens = missing.iter().all(|name| TO_SCREEN.contains(name));
    let reported =
        mode == ScreenMode::Dialplan && missing.iter().any(|name| TO_SCREEN.contains(name));
    let checks = if reported {
        vec![needed]
    } else {
        vec![needed, modes]
    };
    Modules {
        checks,
        may_try: screens,
        may_listen,
    }
}

/// Those of these modules that do not run.
fn lacks(modules: &[Module], needed: &[&'static str]) -> Vec<&'static str> {
    let runs = |name: &str| {
        let found = modules.iter().find(|module| module.name == name);
        found.is_some_and(Module::is_running)
    };
    needed.iter().copied().filter(|name| !runs(name)).collect()
}

fn judge(modules: &[Module], technology: &str) -> Check {
    let channel = (technology == "PJSIP").then_some("chan_pjsip.so");
    let needed: Vec<&'static str> = NEEDED.iter().copied().chain(channel).collect();
    let missing = lacks(modules, &needed);
    if missing.is_empty() {
        let count = needed.len();
        return Check::ok(NAME, format!("all {count} required modules are running"));
    }
    let listed = missing.join(", ");
    let remedy = if missing.contains(&"app_amd.so") {
        "app_amd.so does not load without an amd.conf: copy asterisk-conf/pbx/amd.conf to the PBX's \
         configuration, then `module load app_amd.so` on its console; load the others likewise"
            .to_owned()
    } else {
        let each: Vec<_> = missing
            .iter()
            .map(|name| format!("`module load {name}`"))
            .collect();
        format!(
            "{} on the PBX's console, and remove it from `noload` in modules.conf",
            each.join(", ")
        )
    };
    Check::fail(NAME, format!("not running: {listed}"), remedy)
}

/// Which of the two ways to find out who answered this PBX has the modules for.
fn judge_modes(modules: &[Module], mode: ScreenMode, media: Media) -> Check {
    let audiosocket = lacks(modules, &TO_LISTEN);
    let websocket = lacks(modules, &TO_LISTEN_BY_WEBSOCKET);
    let listen = match media {
        Media::WebSocket => websocket,
        Media::Auto if websocket.is_empty() => websocket,
        Media::Auto | Media::AudioSocket => audiosocket,
    };
    let dialplan = lacks(modules, &TO_SCREEN);
    let word = |lacking: &[&str]| match lacking {
        [] => "yes".to_owned(),
        lacking => format!("no, {} not running", lacking.join(" and ")),
    };
    let detail = format!("listen: {}; dialplan: {}", word(&listen), word(&dialplan));
    let (own, other) = match mode {
        ScreenMode::Listen => (&listen, (&dialplan, "dialplan")),
        ScreenMode::Dialplan => (&dialplan, (&listen, "listen")),
    };
    if own.is_empty() {
        return Check::ok(MODES, detail);
    }
    let each: Vec<_> = own
        .iter()
        .map(|name| format!("`module load {name}`"))
        .collect();
    let mut remedy = format!(
        "{} on the PBX's console, and remove it from `noload` in modules.conf",
        each.join(", ")
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

/// The same if `screen.media` is `websocket`.
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
    use super::*;

    #[test]
    fn a_missing_module_is_reported_once_and_nothing_that_needs_it_is_tried() {
        use ScreenMode::{Dialplan, Listen};
        // Missing; mode; the checks that fail; whether a call, and whether live audio are tried.
        let rows = [
            ("", Listen, vec![], true, true),
            ("app_amd.so", Listen, vec![NAME], true, true),
            ("app_amd.so", Dialplan, vec![NAME], true, false),
            ("app_waitforsilence.so", Dialplan, vec![NAME], true, false),
            ("func_dialplan.so", Listen, vec![NAME], false, true),
            ("res_audiosocket.so", Listen, vec![MODES], true, false),
            ("res_audiosocket.so", Dialplan, vec![], true, true),
        ];
        for (missing, mode, reported, may_try, may_listen) in rows {
            let all = loaded().into_iter().chain(TO_LISTEN.map(running));
            let modules: Vec<_> = all.filter(|module| module.name != missing).collect();
            let allowed = allow(&modules, "PJSIP", (mode, Media::AudioSocket));
            let failed = allowed.checks.iter().filter(|c| c.status != Status::Ok);
            let failed: Vec<_> = failed.map(|check| check.check).collect();
            assert_eq!(failed, reported, "{missing} {mode:?}");
            assert_eq!(allowed.may_try, may_try, "{missing} {mode:?}");
            assert_eq!(allowed.may_listen, may_listen, "{missing} {mode:?}");
        }
    }

    fn running(name: &str) -> Module {
        Module {
            name: name.into(),
            status: "Running".into(),
        }
    }

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
    fn a_mode_that_the_pbx_cannot_do_fails_if_it_is_configured() {
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
            let reported = check.remedy.unwrap_or_default();
            assert!(reported.contains(remedy.unwrap_or_default()), "{reported}");
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
