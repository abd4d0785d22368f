//! Real processes: one that works, and such as have the faults of real ones.

use std::{path::PathBuf, time::Duration};

use tokio::time::{sleep, timeout};

use super::*;

#[tokio::test]
async fn phrases_come_to_the_call_that_they_were_heard_in() {
    let (recogniser, supervisor) = Recogniser::start(command(&["", "menu", "2.5"]));
    let mut calls = [recogniser.hear(), recogniser.hear()];
    let mut heard = calls[1].hear_until_phrase().await;
    assert_eq!(heard.says, PhraseClass::Menu);
    assert_eq!((heard.nats, heard.text.as_str()), (2.5, "so it said"));
    assert_eq!(heard.until - heard.from, 4_000);
    assert_eq!(heard.until % PIECE as u64, 0);
    let none = timeout(Duration::from_millis(50), calls[0].next()).await;
    assert!(none.is_err(), "{none:?}");
    // What a call does not hear for a while has its time all the same.
    calls[0].skip(80_000);
    heard = calls[0].hear_until_phrase().await;
    assert!(heard.until > 80_000, "{heard:?}");
    drop((calls, recogniser));
    let ended = timeout(Duration::from_secs(5), supervisor).await;
    assert!(ended.is_ok(), "it ends with the last call");
}

#[tokio::test]
async fn a_process_that_dies_is_started_again_for_the_calls_that_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("first");
    // It dies once: the second process finds the mark.
    let script = format!(
        "[ -e {mark} ] && exec perl {} '' full 3; touch {mark}; exec perl {} dies",
        script().display(),
        script().display(),
        mark = mark.display()
    );
    let command = ["sh", "-c", &script].map(str::to_owned);
    let (recogniser, _supervisor) = Recogniser::start(command.to_vec());
    let heard = recogniser.hear().hear_until_phrase().await;
    assert_eq!(heard.says, PhraseClass::Full);
    assert!(mark.exists());
}

#[tokio::test]
async fn garbage_is_ignored_and_what_is_not_is_heard() {
    let (recogniser, _supervisor) = Recogniser::start(command(&["garbage", "full", "3"]));
    let heard = recogniser.hear().hear_until_phrase().await;
    assert_eq!(heard.says, PhraseClass::Full);
}

/// Nothing is read from it any more, and its input fills: calls must not wait for that, and what waits is bounded.
#[tokio::test]
async fn a_process_that_stalls_holds_nothing_up_and_fills_no_memory() {
    for fault in ["stalls", "mute", "floods"] {
        let (recogniser, _supervisor) = Recogniser::start(command(&[fault]));
        let mut call = recogniser.hear();
        for _ in 0..2 * ON_THEIR_WAY {
            call.sound(&[0; PIECE]);
            tokio::task::yield_now().await;
        }
        let waiting = ON_THEIR_WAY - recogniser.room.available_permits();
        assert!(waiting <= ON_THEIR_WAY, "{fault}");
        drop(call);
    }
}

#[tokio::test]
async fn a_trial_shows_what_works_and_says_what_does_not() {
    let works = trial(&command(&[""])).await.unwrap();
    assert_eq!((works.name.as_str(), works.ends), ("for tests", true));
    let refuses = trial(&command(&["refuses"])).await.unwrap_err();
    assert!(refuses.contains("it closed its output"), "{refuses}");
    assert!(refuses.contains("exit status: 3"), "{refuses}");
    assert!(refuses.contains("it listens to •"), "{refuses}");
    let missing = trial(&["/no/such/program".to_owned()]).await.unwrap_err();
    assert!(missing.contains("cannot be started"), "{missing}");
    let other = ["sh", "-c", "echo hello; sleep 60"].map(str::to_owned);
    let other = trial(&other).await.unwrap_err();
    assert!(other.contains("not of the protocol: `hello`"), "{other}");
}

impl CallWords {
    /// Lets it hear a sound until it has said something, for ten seconds at most.
    async fn hear_until_phrase(&mut self) -> Phrase {
        for _ in 0..1_000 {
            self.sound(&[100; PIECE]);
            tokio::select! {
                biased;
                phrase = self.phrases.recv() => {
                    let phrase = phrase.unwrap();
                    // One that is not over yet is the listener's to refuse.
                    if phrase.until <= self.heard {
                        return phrase;
                    }
                }
                () = sleep(Duration::from_millis(10)) => {}
            }
        }
        panic!("no phrase came");
    }
}

fn command(arguments: &[&str]) -> Vec<String> {
    let script = script().display().to_string();
    let own = ["perl".to_owned(), script];
    let arguments = arguments.iter().map(|&argument| argument.to_owned());
    own.into_iter().chain(arguments).collect()
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/recogniser.pl")
}
