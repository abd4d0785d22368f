//! Whether the recogniser of `screen.words` starts, answers and ends.

use super::check::Check;
use crate::{
    config::{Config, ScreenMode},
    runtime::{Trial, trial},
};

/// Lets the recogniser hear two seconds of silence; `None` if there is none, or nothing listens.
pub(super) async fn check(config: &Config) -> Option<Check> {
    let command = config.screen.words.as_ref()?;
    if config.screen.mode == ScreenMode::Dialplan {
        return None;
    }
    Some(judge(&trial(command).await))
}

fn judge(trial: &Result<Trial, String>) -> Check {
    match trial {
        Ok(trial) if !trial.ends => Check::warn(
            WORDS,
            format!("{} does not end when its input is closed", named(trial)),
            "let the program end at the end of its input; it is killed after 2 s",
        ),
        Ok(trial) => Check::ok(
            WORDS,
            format!(
                "{} was ready after {:.1} s and heard 2 s of silence in {:.2} s",
                named(trial),
                trial.started.as_secs_f32(),
                trial.heard.as_secs_f32()
            ),
        ),
        Err(why) => Check::fail(
            WORDS,
            format!("the recogniser does not work: {why}"),
            "run the command of `screen.words.command` by hand: it has to speak the protocol of docs/src/guide/words.md",
        ),
    }
}

fn named(trial: &Trial) -> String {
    match trial.name.as_str() {
        "" => "the recogniser".to_owned(),
        name => format!("the recogniser `{name}`"),
    }
}

const WORDS: &str = "words";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_recogniser_that_does_not_work_fails_and_one_that_does_not_end_is_a_warning() {
        let works = || Trial {
            name: "test".to_owned(),
            started: Duration::from_millis(1_200),
            heard: Duration::from_millis(250),
            ends: true,
        };
        let stays = Trial {
            ends: false,
            name: String::new(),
            ..works()
        };
        let rows = [
            (Ok(works()), Status::Ok, "`test` was ready after 1.2 s"),
            (Ok(stays), Status::Warn, "the recogniser does not end"),
            (
                Err("it is not there".to_owned()),
                Status::Fail,
                "it is not there",
            ),
        ];
        for (trial, status, words) in rows {
            let check = judge(&trial);
            assert_eq!(check.status, status, "{words}");
            assert!(check.detail.contains(words), "{}", check.detail);
        }
    }
}
