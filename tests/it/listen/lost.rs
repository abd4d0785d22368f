//! Connections that are lost, or never made.

use super::*;
use crate::fake::fault::{Loss, Opening};

#[tokio::test]
async fn a_connection_that_is_lost_before_the_message_leaves_the_call_to_the_dialplan() {
    let early = When::Sound(Duration::from_millis(500));
    let late = AFTER_THE_WORDS;
    let lost = |when, loss| Audio {
        lost: Some((when, loss)),
        ..Audio::default()
    };
    let opening = |opening| Audio {
        opening,
        ..Audio::default()
    };
    let rows = [
        ("no app", opening(Opening::Missing), "made no connection", 0),
        (
            "refused",
            opening(Opening::Refused),
            "made no connection",
            0,
        ),
        ("mute", opening(Opening::Mute), "made no connection", 1),
        (
            "closed early",
            lost(early, Loss::Closed),
            "audio connection broke",
            1,
        ),
        (
            "reset early",
            lost(early, Loss::Reset),
            "audio connection broke",
            1,
        ),
        (
            "closed late",
            lost(late, Loss::Closed),
            "audio connection broke",
            1,
        ),
        (
            "reset late",
            lost(late, Loss::Reset),
            "audio connection broke",
            1,
        ),
    ];
    let runs = rows
        .into_iter()
        .map(|(name, audio, words, made)| async move {
            let program = listening(long_mailbox()).await;
            program.set("screening_timeout", "20s");
            program.fake.with(|world| world.audio = audio);
            let ended = run(&program).await;
            program.assert_clean(name, &ended);
            let (heard, json) = (heard(&program), ended.json());
            let told = ended.outcome() == "delivered"
                && json["ready_by"] == "dialplan"
                && json["proof"] == "probable"
                && has(&json, "tap_lost")
                && ended.stderr.contains("the live audio is lost")
                && ended.stderr.contains(words);
            let plays = program.fake.with(|world| carried_out_plays(world));
            let right = told && plays == 1 && heard.message.is_empty() && heard.connections == made;
            (!right).then(|| format!("{name}: {plays} {ended:?}\n{}", program.fake.ladder()))
        });
    none_of(runs).await;
}

/// The verdict that our ears had stays: only the end of the greeting is the dialplan's to find.
#[tokio::test]
async fn what_our_ears_found_before_the_connection_was_lost_stays_found() {
    let program = listening(long_mailbox().found("HUMAN", "HUMAN-803-800")).await;
    let when = AFTER_THE_WORDS;
    program
        .fake
        .with(|world| world.audio.lost = Some((when, Loss::Reset)));
    let mut command = listening_program(&program);
    let ended = wait(
        command
            .env("AFTERTONE__SCREEN__AMD", "false")
            .spawn()
            .unwrap(),
    )
    .await;
    program.assert_clean("lost after the verdict", &ended);
    let json = ended.json();
    assert_eq!(ended.outcome(), "delivered", "{json:#}");
    let asked = program.fake.with(|world| requests(world));
    assert!(asked.contains("\"extension\":\"wait\""), "{asked}");
}

#[tokio::test]
async fn the_reason_is_in_the_timeline() {
    let program = listening(mailbox()).await;
    program
        .fake
        .with(|world| world.audio.opening = Opening::Missing);
    let mut command = program.command(&["drop", NUMBER, "--message", "./message.wav"]);
    let child = command.env("AFTERTONE__SCREEN__MODE", "listen").spawn();
    let ended = wait(child.unwrap()).await;
    let line = ended.stdout.lines().find(|line| line.contains("audio"));
    let line = without_times(line.unwrap_or_default());
    insta::assert_snapshot!(line.trim(), @"T  the live audio is lost: the PBX's AudioSocket() made no connection, or ended it");
}

#[tokio::test]
async fn a_connection_that_is_lost_in_the_message_ends_the_drop() {
    let moments = [20, 700, 1_200].map(Duration::from_millis);
    let cases = moments
        .into_iter()
        .flat_map(|moment| [Loss::Closed, Loss::Reset].map(|loss| (moment, loss)));
    let runs = cases.map(|(moment, loss)| async move {
        let program = listening(mailbox()).await;
        let lost = (When::Message(moment), loss);
        program.fake.with(|world| world.audio.lost = Some(lost));
        let ended = run(&program).await;
        let name = format!("{loss:?} after {moment:?}");
        program.assert_clean(&name, &ended);
        let (heard, json) = (heard(&program), ended.json());
        let plays = program.fake.with(|world| carried_out_plays(world));
        let played = Duration::from_millis(json["played_ms"].as_u64().unwrap_or(0));
        let near = played.abs_diff(moment) < Duration::from_millis(150);
        let right = ended.outcome() == "cut_off"
            && json["proof"] == "unproven"
            && plays == 0
            && heard.connections == 1
            && near;
        (!right).then(|| format!("{name}: {plays} {ended:?}\n{}", program.fake.ladder()))
    });
    none_of(runs).await;
}

#[tokio::test]
async fn a_pbx_that_does_not_take_the_end_of_the_message_leaves_the_truth_unknown() {
    let rows = [
        (
            "no answer to our goodbye",
            Audio {
                goodbye: Goodbye::Never,
                ..Audio::default()
            },
        ),
        (
            "it reads nothing",
            Audio {
                unread: Some(When::Message(Duration::from_millis(500))),
                ..Audio::default()
            },
        ),
    ];
    let runs = rows.into_iter().map(|(name, audio)| async move {
        let program = listening(mailbox()).await;
        program.fake.with(|world| world.audio = audio);
        let ended = run(&program).await;
        program.assert_clean(name, &ended);
        let plays = program.fake.with(|world| carried_out_plays(world));
        let right = ended.outcome() == "lost" && plays == 0;
        (!right).then(|| format!("{name}: {plays} {ended:?}\n{}", program.fake.ladder()))
    });
    none_of(runs).await;
}

/// One word for one event, whenever it comes.
#[tokio::test]
async fn a_frozen_pbx_is_lost() {
    type Moment = fn(&Heard) -> bool;
    let moments: [(&str, Moment); 2] = [
        ("in the greeting", |heard| {
            heard.brought >= Duration::from_secs(1)
        }),
        ("in the message", |heard| {
            heard.spoken() >= Duration::from_millis(300)
        }),
    ];
    let runs = moments.into_iter().map(|(name, moment)| async move {
        let program = listening(mailbox()).await;
        program.set("screening_timeout", "20s");
        let child = listening_program(&program).spawn().unwrap();
        until_heard(&program, moment).await;
        program.fake.freeze(true);
        let ended = wait(child).await;
        program.fake.freeze(false);
        let quiet = |world: &mut World| world.channels.is_empty().then_some(());
        program.fake.until("the end of all channels", quiet).await;
        program.assert_clean(name, &ended);
        let wrong = ended.outcome() != "lost";
        wrong.then(|| format!("{name}: {ended:?}\n{}", program.fake.ladder()))
    });
    none_of(runs).await;
}

/// A mailbox whose greeting is so long that it is one for our ears before it beeps.
fn long_mailbox() -> Script {
    let sound = [words(1, 8.0), silence(1.0), beep(0.4), silence(1.0)].concat();
    Script::mailbox().sounding(&sound)
}

/// The words are over, and the beep has not come.
const AFTER_THE_WORDS: When = When::Sound(Duration::from_millis(8_500));
