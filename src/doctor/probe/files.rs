//! Settings in the PBX's own files that no request of ARI returns: read by a function of its dialplan.

use super::Probe;
use crate::{
    ari::{Failure, Module},
    doctor::check::{Check, unanswered},
};

impl Probe<'_> {
    /// Checks amd.conf and ari.conf.
    pub(super) async fn files(&self) -> Vec<Check> {
        let played = self.setting("amd.conf", "playback_file").await;
        let write_timeout = self.setting("ari.conf", "websocket_write_timeout").await;
        let (played, write_timeout) = match (played, write_timeout) {
            (Ok(played), Ok(write_timeout)) => (played, write_timeout),
            (Err(check), _) | (_, Err(check)) => return vec![check],
        };
        judge(played.as_deref(), write_timeout.as_deref())
    }

    /// A setting of the first `[general]` of a file; `None` if it is not set.
    async fn setting(&self, file: &str, name: &str) -> Result<Option<String>, Check> {
        let channel = self.channel.to_string();
        let asked = format!("AST_CONFIG({file},general,{name})");
        let failure = match self.rest.variable(&channel, &asked).await {
            Ok(value) => return Ok(value.filter(|value| !value.is_empty())),
            Err(failure) => failure,
        };
        // A setting that is missing is answered like a function that is missing.
        match (failure.status, self.reads_files().await) {
            (Some(_), Ok(true)) => Ok(None),
            (Some(_), Ok(false)) => Err(Check::warn(
                NAME,
                "cannot read the PBX's amd.conf and ari.conf, which may play something to people, or disconnect aftertone",
                "`module load func_config.so` on the PBX's console",
            )),
            (None, _) => Err(unanswered(NAME, &failure)),
            (_, Err(failure)) => Err(unanswered(NAME, &failure)),
        }
    }

    async fn reads_files(&self) -> Result<bool, Failure> {
        let module = self.rest.module("func_config.so").await?;
        Ok(module.as_ref().is_some_and(Module::is_running))
    }
}

fn judge(played: Option<&str>, write_timeout: Option<&str>) -> Vec<Check> {
    let mut wrong = Vec::new();
    if let Some(played) = played {
        wrong.push(Check::fail(
            NAME,
            format!("amd.conf has `playback_file = {played}`: AMD plays that to every party that answers"),
            "remove it from amd.conf, then `module unload app_amd.so` and `module load app_amd.so` on the PBX's console while \
             no call is screened: `module reload` keeps it",
        ));
    }
    let ms = write_timeout.map_or(Some(ASTERISKS_OWN_MS), |text| text.trim().parse().ok());
    match ms {
        Some(ms) if ms < LEAST_MS => wrong.push(Check::warn(
            NAME,
            format!("ari.conf: the PBX cuts off a program that does not read an event within {ms} ms (websocket_write_timeout)"),
            "set `websocket_write_timeout = 1000` in its [general]; a second section must be written `[general](+)`, or ARI does not \
             load at the next start; then `module reload res_ari.so` on the PBX's console",
        )),
        Some(_) | None => {}
    }
    if wrong.is_empty() {
        let detail = "amd.conf plays nothing to the answering party, and ari.conf leaves time enough to read events";
        wrong.push(Check::ok(NAME, detail));
    }
    wrong
}

const NAME: &str = "files";

/// Asterisk's default.
const ASTERISKS_OWN_MS: u64 = 100;

/// Less than this is short for a machine under load.
const LEAST_MS: u64 = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn what_the_files_say_is_judged() {
        use Status::{Fail, Ok, Warn};
        let rows: [(Option<&str>, Option<&str>, &[Status]); 6] = [
            (None, Some("1000"), &[Ok]),
            (None, Some("500"), &[Ok]),
            (None, Some("100"), &[Warn]),
            (None, None, &[Warn]),
            (Some("beep"), Some("1000"), &[Fail]),
            (Some("beep"), None, &[Fail, Warn]),
        ];
        for (played, timeout, expected) in rows {
            let checks = judge(played, timeout);
            let found: Vec<_> = checks.iter().map(|check| check.status).collect();
            assert_eq!(found, expected, "{played:?} {timeout:?}");
        }
    }
}
