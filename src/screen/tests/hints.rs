//! What other parts of the program say about a call, and what the ears make of it.

use super::signal::Sound;
use crate::{
    screen::{At, Cue, Heard, Hint, HintSays, HintSource, RATE, Replay, Settings},
    words::{ReadyBy, Verdict},
};

#[test]
fn a_prompt_that_records_nothing_decides_at_once() {
    for (says, expected) in [
        (HintSays::Menu, Verdict::Menu),
        (HintSays::Full, Verdict::Menu),
        (HintSays::OutOfService, Verdict::Sit),
        (HintSays::Screening, Verdict::Screening),
    ] {
        for source in [HintSource::Prompt, HintSource::Words] {
            let replay = hear(
                &Sound::new().quiet(0.4).speech(9.0, -18.0).quiet(6.0),
                &[(2.0, hint(source, says, 6.0))],
            );
            let (verdict, at, reasons) = replay.verdict.unwrap();
            assert_eq!(verdict, expected, "{:?}", replay.heard);
            assert!((2.0..2.05).contains(&at.seconds()), "{at}");
            assert!(reasons.to_string().contains("(6.0 nats)"), "{reasons}");
            assert_eq!(replay.ready, None);
        }
    }
}

#[test]
fn a_hint_that_is_not_sure_decides_nothing() {
    for nats in [-6.0, 0.0, 1.0, f32::NAN] {
        let replay = hear(
            &Sound::new().quiet(0.4).speech(2.0, -18.0),
            &[(1.0, hint(HintSource::Words, HintSays::Menu, nats))],
        );
        assert_eq!(replay.verdict, None, "{nats}");
    }
}

#[test]
fn a_beep_refutes_a_hint() {
    let sound = Sound::new()
        .quiet(0.4)
        .speech(3.0, -18.0)
        .quiet(0.4)
        .tone(&[1_000.0], 0.4, -15.0)
        .quiet(3.0);
    let replay = hear(
        &sound,
        &[(4.9, hint(HintSource::Words, HintSays::Full, 6.0))],
    );
    assert_eq!(replay.ready.unwrap().0, ReadyBy::Beep, "{:?}", replay.heard);
}

#[test]
fn of_several_hints_of_one_source_the_strongest_counts() {
    let hints = [
        (0.4, hint(HintSource::Words, HintSays::Person, 1.0)),
        (0.5, hint(HintSource::Prompt, HintSays::Menu, 1.0)),
        (
            0.6,
            hint(HintSource::Prompt, HintSays::Records { beep_in: None }, 5.0),
        ),
        (0.6, hint(HintSource::Prompt, HintSays::Menu, 2.0)),
    ];
    let replay = hear(&Sound::new().quiet(0.3).speech(3.0, -18.0), &hints);
    let (verdict, _, reasons) = replay.verdict.unwrap();
    assert_eq!(verdict, Verdict::Machine);
    let reasons = reasons.to_string();
    assert!(
        reasons.contains("a mailbox that records (5.0 nats)"),
        "{reasons}"
    );
    assert!(reasons.contains("a person (1.0 nats)"), "{reasons}");
    assert!(!reasons.contains("a menu"), "{reasons}");
}

#[test]
fn a_message_waits_for_a_beep_that_is_expected() {
    let records = HintSays::Records { beep_in: Some(6.0) };
    let sound = Sound::new()
        .quiet(0.3)
        .speech(3.0, -18.0)
        .quiet(4.0)
        .tone(&[1_000.0], 0.4, -15.0)
        .quiet(4.0);
    let replay = hear(&sound, &[(1.5, hint(HintSource::Prompt, records, 5.0))]);
    assert_eq!(replay.ready.unwrap().0, ReadyBy::Beep, "{:?}", replay.heard);
    // If it does not come, silence will do.
    let sound = Sound::new().quiet(0.3).speech(3.0, -18.0).quiet(12.0);
    let replay = hear(&sound, &[(1.5, hint(HintSource::Prompt, records, 5.0))]);
    let (by, at) = replay.ready.unwrap();
    assert_eq!(by, ReadyBy::Silence);
    assert!((8.4..8.7).contains(&at.seconds()), "{at}");
}

#[test]
fn words_alone_never_start_a_message_however_sure_they_are() {
    for says in [HintSays::Records { beep_in: None }, HintSays::BeepComes] {
        let sound = Sound::new().quiet(0.3).speech(3.0, -18.0).quiet(12.0);
        let hints = [
            (1.0, hint(HintSource::Words, says, 8.0)),
            (2.0, hint(HintSource::Words, says, 12.0)),
        ];
        let replay = hear(&sound, &hints);
        assert_eq!(replay.ready, None, "{says:?}: {:?}", replay.heard);
        // The book of prompts may.
        let replay = hear(&sound, &[(1.0, hint(HintSource::Prompt, says, 8.0))]);
        assert!(replay.ready.is_some(), "{says:?}: {:?}", replay.heard);
    }
}

#[test]
fn after_the_prompt_for_a_call_screener_whoever_comes_is_heard_as_on_any_call() {
    let screener = |sound: Sound| {
        let screening = hint(HintSource::Words, HintSays::Screening, 4.0);
        let at = |seconds: f32| At((seconds * RATE as f32) as u64);
        let cues = [
            (at(2.0), Cue::Hint(screening)),
            // It may ask its owner for longer than any mailbox is silent.
            (at(7.0), Cue::Anew),
        ];
        Replay::otherwise(&sound.pcm(), Settings::default(), &cues, None)
    };
    let asks = || Sound::new().quiet(0.4).speech(4.0, -18.0).quiet(15.0);
    let mailbox = asks()
        .speech(3.0, -18.0)
        .quiet(0.4)
        .tone(&[1_000.0], 0.4, -15.0)
        .quiet(3.0);
    let replay = screener(mailbox);
    let verdicts: Vec<_> = replay
        .heard
        .iter()
        .filter_map(|heard| {
            let Heard::Verdict { verdict, .. } = heard else {
                return None;
            };
            Some(*verdict)
        })
        .collect();
    assert_eq!(
        verdicts,
        [Verdict::Screening, Verdict::Machine],
        "{:?}",
        replay.heard
    );
    assert_eq!(replay.ready.unwrap().0, ReadyBy::Beep);
    let replay = screener(asks().speech(0.8, -18.0).quiet(6.0));
    assert_eq!(
        replay.verdict.unwrap().0,
        Verdict::Human,
        "{:?}",
        replay.heard
    );
    assert_eq!(replay.ready, None);
    let replay = screener(asks().quiet(30.0));
    assert_eq!(
        replay.verdict.unwrap().0,
        Verdict::Silence,
        "{:?}",
        replay.heard
    );
}

#[test]
fn a_beep_that_is_expected_need_not_be_waited_out() {
    let records = |beep_in| HintSays::Records {
        beep_in: Some(beep_in),
    };
    let sound = Sound::new()
        .quiet(0.3)
        .speech(3.0, -18.0)
        .quiet(0.7)
        .tone(&[1_000.0], 0.4, -15.0);
    let end = sound.end();
    let dead_air = |beep_in| {
        let prompt = hint(HintSource::Prompt, records(beep_in), 5.0);
        let replay = hear(&sound.clone().quiet(4.0), &[(2.0, prompt)]);
        let (by, at) = replay.ready.unwrap();
        assert_eq!(by, ReadyBy::Beep, "{:?}", replay.heard);
        at.seconds() as f32 - end
    };
    let (expected, surprising) = (dead_air(2.0), dead_air(9.0));
    assert!((0.04..0.12).contains(&expected), "{expected}");
    assert!((0.15..0.30).contains(&surprising), "{surprising}");
}

#[test]
fn who_is_connected_is_heard_as_on_any_call() {
    let connects = hint(HintSource::Prompt, HintSays::Connects, 6.0);
    for prompt in [3.0, 8.5] {
        // A person, however long the prompt before.
        let company = Sound::new().quiet(0.4).speech(prompt, -18.0).quiet(2.0);
        let sound = company.speech(0.8, -18.0).quiet(6.0);
        let replay = hear(&sound, &[(2.4, connects)]);
        let verdict = replay.verdict.unwrap().0;
        assert_eq!(
            (verdict, replay.ready),
            (Verdict::Human, None),
            "{prompt} s: {:?}",
            replay.heard
        );
    }
    // Their mailbox.
    let sound = Sound::new()
        .quiet(0.4)
        .speech(3.0, -18.0)
        .quiet(1.3)
        .speech(3.0, -18.0)
        .quiet(0.4)
        .tone(&[1_000.0], 0.4, -15.0)
        .quiet(3.0);
    let replay = hear(&sound, &[(2.4, connects)]);
    assert_eq!(
        replay.ready.map(|(by, _)| by),
        Some(ReadyBy::Beep),
        "{:?}",
        replay.heard
    );
}

fn hint(source: HintSource, says: HintSays, nats: f32) -> Hint {
    Hint {
        source,
        says,
        nats,
        detail: 7,
    }
}

/// Hears a call; the message starts at its ready point.
fn hear(sound: &Sound, hints: &[(f32, Hint)]) -> Replay {
    let at = |seconds: f32| At((seconds * RATE as f32) as u64);
    let cues: Vec<_> = hints
        .iter()
        .map(|(seconds, hint)| (at(*seconds), Cue::Hint(*hint)))
        .collect();
    let replay = Replay::otherwise(&sound.pcm(), Settings::default(), &cues, None);
    let over = replay.heard.iter().filter(
        |heard| matches!(heard, Heard::Verdict { verdict, .. } if *verdict != Verdict::Machine),
    );
    assert!(over.count() <= 1, "{:?}", replay.heard);
    replay
}
