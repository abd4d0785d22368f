//! Whether the command of `[speech]` speaks.

use super::check::Check;
use crate::{
    audio::{Speech, SpeechError, SpeechTrial},
    clock,
    config::Config,
    error_chain::chain,
};

/// Lets the command say a word; `None` if there is none.
pub(super) async fn check(config: &Config) -> Option<Check> {
    let speech = Speech::new(config.speech.clone()?);
    let began = clock::now();
    let trial = speech.trial().await;
    Some(judge(speech.program(), &trial, clock::now() - began))
}

fn judge(
    program: &str,
    trial: &Result<SpeechTrial, SpeechError>,
    took: std::time::Duration,
) -> Check {
    match trial {
        Ok(trial) => {
            let words = format!(
                "`{program}` said a word of {:.2} s in {:.2} s",
                trial.length.as_secs_f32(),
                took.as_secs_f32()
            );
            if took > trial.allowed / 2 {
                Check::warn(
                    SPEECH,
                    format!("{words}: a sentence may take longer than `speech.timeout`"),
                    "take a faster voice, or raise `timeout` in section `[speech]`",
                )
            } else {
                Check::ok(SPEECH, words)
            }
        }
        Err(error) => Check::fail(SPEECH, chain(error), error.hint()),
    }
}

const SPEECH: &str = "speech";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_command_that_does_not_speak_fails_and_a_slow_one_is_a_warning() {
        let trial = || {
            Ok(SpeechTrial {
                length: Duration::from_millis(420),
                allowed: Duration::from_secs(20),
            })
        };
        let gone = Err(SpeechError::NotStarted {
            program: "piper".to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        });
        let rows = [
            (
                trial(),
                1,
                Status::Ok,
                "`piper` said a word of 0.42 s in 1.00 s",
            ),
            (
                trial(),
                11,
                Status::Warn,
                "may take longer than `speech.timeout`",
            ),
            (gone, 1, Status::Fail, "`piper` cannot be started"),
        ];
        for (trial, took, status, words) in rows {
            let check = judge("piper", &trial, Duration::from_secs(took));
            assert_eq!(check.status, status, "{words}");
            assert!(check.detail.contains(words), "{}", check.detail);
        }
    }
}
