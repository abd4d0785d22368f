//! Which modules the PBX must have running.

use std::collections::BTreeSet;

use super::{Check, unanswered};
use crate::{
    ari::{Module, Rest},
    config::ScreenMode,
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
pub(super) async fn modes(rest: &Rest, mode: ScreenMode) -> Check {
    match rest.modules().await {
        Ok(modules) => judge_modes(&modules, mode),
        Err(failure) => unanswered(MODES, &failure),
    }
}

fn judge_modes(modules: &[Module], mode: ScreenMode) -> Check {
    let runs = |name: &&str| {
        let found = modules.iter().find(|module| module.name == **name);
        found.is_some_and(Module::is_running)
    };
    let missing: Vec<&str> = TO_LISTEN
        .iter()
        .copied()
        .filter(|name| !runs(name))
        .collect();
    if missing.is_empty() {
        return Check::ok(MODES, "dialplan and listen");
    }
    let listed = missing.join(", ");
    match mode {
        ScreenMode::Dialplan => Check::ok(MODES, format!("dialplan; listen would need {listed}")),
        ScreenMode::Listen => Check::warn(
            MODES,
            format!("dialplan only, although `screen.mode` is `listen`: {listed} not running"),
            format!(
                "`module load {}` on the PBX's console; until then the dialplan screens",
                missing[0]
            ),
        ),
    }
}

const NAME: &str = "modules";

const MODES: &str = "modes";

/// What `screen.mode = "listen"` needs beside the others.
const TO_LISTEN: [&str; 5] = [
    "bridge_simple.so",
    "chan_audiosocket.so",
    "res_ari_bridges.so",
    "res_audiosocket.so",
    "res_stasis_snoop.so",
];

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
    fn a_pbx_that_cannot_listen_says_so_and_warns_who_wants_to() {
        let mut all: Vec<_> = TO_LISTEN
            .iter()
            .map(|name| Module {
                name: (*name).into(),
                status: "Running".into(),
            })
            .collect();
        let check = judge_modes(&all, ScreenMode::Listen);
        assert_eq!(check.detail, "dialplan and listen");
        all.remove(1);
        let check = judge_modes(&all, ScreenMode::Dialplan);
        assert_eq!(check.status, Status::Ok);
        assert_eq!(
            check.detail,
            "dialplan; listen would need chan_audiosocket.so"
        );
        let check = judge_modes(&all, ScreenMode::Listen);
        assert_eq!(check.status, Status::Warn);
        assert!(check.remedy.unwrap().contains("chan_audiosocket.so"));
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
