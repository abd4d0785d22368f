//! The message starts on a reason: a beep, or what else speaks for a mailbox that records.

use super::signal::Sound;
use crate::{
    screen::{
        At, Call, CallFacts, Cue, Heard, Hint, HintSays, HintSource, NoBeep, RATE, Replay, Settings,
    },
    words::{ReadyBy, Verdict},
};

fn greeting() -> Sound {
    Sound::new().quiet(0.5).speech(9.0, -18.0).quiet(14.0)
}

fn diverted() -> Call {
    Call {
        alerted: Some(1.0),
        other_rang: true,
    }
}

fn with(set: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in set {
        settings.set(name, value).unwrap();
    }
    settings
}

fn hear(sound: &Sound, settings: Settings, call: Option<Call>) -> Replay {
    let facts = CallFacts {
        call,
        ..CallFacts::default()
    };
    Replay::of(&sound.pcm(), settings, &facts)
}

fn hinted(
    sound: &Sound,
    settings: Settings,
    source: HintSource,
    says: HintSays,
    nats: f32,
) -> Replay {
    let hint = Hint {
        source,
        says,
        nats,
        detail: 4,
    };
    let cues = [(At(2 * RATE as u64), Cue::Hint(hint))];
    Replay::otherwise(&sound.pcm(), settings, &cues, None)
}

#[test]
fn without_a_reason_the_message_never_starts_and_the_verdict_says_so() {
    assert_eq!(Settings::default().no_beep, NoBeep::WaitForReason);
    let replay = hear(&greeting(), Settings::default(), None);
    assert_eq!(replay.ready, None, "{:?}", replay.heard);
    let (verdict, at, reasons) = replay.verdict.unwrap();
    assert_eq!(verdict, Verdict::Unsure);
    assert!((17.3..17.7).contains(&at.seconds()), "{at}");
    let reasons = reasons.to_string();
    assert!(reasons.contains("no beep for 8.0 s"), "{reasons}");
}

#[test]
fn until_then_a_beep_starts_it() {
    for pause in [2.5, 5.0, 7.5] {
        let sound = Sound::new()
            .quiet(0.5)
            .speech(9.0, -18.0)
            .quiet(pause)
            .tone(&[1_000.0], 0.4, -15.0)
            .quiet(3.0);
        let replay = hear(&sound, Settings::default(), None);
        assert_eq!(
            replay.ready.map(|(by, _)| by),
            Some(ReadyBy::Beep),
            "{pause}"
        );
    }
}

#[test]
fn it_can_be_told_to_play() {
    let replay = hear(&greeting(), with(&[("no_beep", "play")]), None);
    assert_eq!(replay.ready.map(|(by, _)| by), Some(ReadyBy::Silence));
    let error = Settings::default().set("no_beep", "perhaps").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`perhaps` is not a value of `no_beep`; expected `wait_for_reason` or `play`"
    );
}

#[test]
fn each_reason_is_worth_what_is_set_and_the_verdict_states_it() {
    let cases = [
        (
            with(&[("reason_turn", "3")]),
            None,
            "one steady voice (3.0 nats)",
        ),
        (
            with(&[("reason_diverted", "3"), ("reason_turn", "0")]),
            Some(diverted()),
            "the call was diverted (3.0 nats)",
        ),
        (
            with(&[("reason_least", "2.5")]),
            Some(diverted()),
            "reason enough to play: 2.5 of 2.5 nats",
        ),
    ];
    for (settings, call, stated) in cases {
        let replay = hear(&greeting(), settings, call);
        let (by, at) = replay
            .ready
            .unwrap_or_else(|| panic!("{stated}: {:?}", replay.heard));
        assert_eq!(by, ReadyBy::Silence);
        assert!((11.3..11.7).contains(&at.seconds()), "{at}");
        let reasons = replay.verdict.unwrap().2.to_string();
        assert!(reasons.contains(stated), "{reasons}");
    }
    // By default neither a long turn nor a diversion is enough, nor both.
    let replay = hear(&greeting(), Settings::default(), Some(diverted()));
    assert_eq!(replay.ready, None);
}

#[test]
fn the_book_is_reason_enough_and_loose_words_are_not() {
    let records = HintSays::Records { beep_in: None };
    let short = Sound::new().quiet(0.5).speech(3.0, -18.0).quiet(14.0);
    let replay = hinted(
        &short,
        Settings::default(),
        HintSource::Prompt,
        records,
        5.0,
    );
    assert_eq!(
        replay.ready.map(|(by, _)| by),
        Some(ReadyBy::Silence),
        "{:?}",
        replay.heard
    );
    let reasons = replay.verdict.unwrap().2.to_string();
    assert!(
        reasons.contains("the prompt is known (5.0 nats)"),
        "{reasons}"
    );
    let replay = hinted(&short, Settings::default(), HintSource::Words, records, 9.0);
    assert_eq!(replay.ready, None, "{:?}", replay.heard);
    // With a long turn of a steady voice they are.
    let replay = hinted(
        &greeting(),
        Settings::default(),
        HintSource::Words,
        records,
        9.0,
    );
    assert_eq!(
        replay.ready.map(|(by, _)| by),
        Some(ReadyBy::Silence),
        "{:?}",
        replay.heard
    );
}

#[test]
fn what_speaks_against_a_mailbox_is_taken_off() {
    for says in [HintSays::Person, HintSays::Connects, HintSays::Menu] {
        let settings = with(&[("reason_turn", "3"), ("reason_diverted", "0")]);
        let replay = hinted(&greeting(), settings, HintSource::Prompt, says, 1.0);
        assert_eq!(replay.ready, None, "{says:?}: {:?}", replay.heard);
    }
}

#[test]
fn a_diversion_plays_to_no_persons_turn() {
    let sound = Sound::new().quiet(0.5).speech(0.8, -18.0).quiet(14.0);
    let settings = with(&[("reason_diverted", "9")]);
    let replay = hear(&sound, settings, Some(diverted()));
    assert_eq!(replay.verdict.unwrap().0, Verdict::Human);
    assert_eq!(replay.ready, None);
}

/// A second voice so much below the first, under all that was so far.
fn behind(sound: Sound, below: f32) -> Sound {
    let seconds = sound.end();
    let other = Sound::new().speech(0.33, -18.0 - below).quiet(0.1);
    let other = (0..(seconds / 2.1) as usize).fold(other, |other, n| {
        other
            .speech(1.4 + 0.1 * (n % 3) as f32, -18.0 - below)
            .quiet(0.6)
    });
    let mut sound = sound;
    for (sample, soft) in sound.samples.iter_mut().zip(&other.samples) {
        *sample += soft;
    }
    sound
}

#[test]
fn voices_behind_a_person_neither_lengthen_the_turn_nor_make_a_machine() {
    for below in [12.0, 16.0, 20.0] {
        let sound = Sound::new().quiet(1.5).speech(0.9, -18.0).quiet(14.0);
        let replay = hear(&behind(sound, below), Settings::default(), None);
        let (verdict, at, reasons) = replay.verdict.unwrap();
        assert_eq!(verdict, Verdict::Human, "{below} dB: {reasons}");
        assert!(at.seconds() < 7.5, "{below} dB: {at}");
        let machine = replay.heard.iter().any(|heard| {
            matches!(
                heard,
                Heard::Verdict {
                    verdict: Verdict::Machine,
                    ..
                }
            )
        });
        assert!(!machine, "{below} dB: {:?}", replay.heard);
    }
}

#[test]
fn a_long_turn_with_voices_behind_it_is_no_reason_to_play() {
    let settings = with(&[("reason_turn", "9"), ("reason_background", "0")]);
    let alone = hear(&greeting(), settings, None);
    assert!(alone.ready.is_some());
    let sound = Sound::new()
        .quiet(0.5)
        .speech(4.0, -18.0)
        .quiet(1.4)
        .speech(4.0, -18.0)
        .quiet(14.0);
    let replay = hear(&behind(sound, 13.0), settings, None);
    assert_eq!(replay.ready, None, "{:?}", replay.heard);
}

#[test]
fn a_pause_between_two_prompts_is_no_persons_waiting() {
    for pause in [2.3, 2.5] {
        let prompt = Sound::new().speech(3.0, -18.0);
        let sound = Sound::new()
            .quiet(0.4)
            .then(&prompt)
            .quiet(pause)
            .then(&prompt)
            .quiet(0.5);
        let sound = sound.tone(&[1_000.0], 0.4, -15.0).quiet(4.0);
        let replay = hear(&sound, Settings::default(), None);
        assert_eq!(
            replay.ready.map(|(by, _)| by),
            Some(ReadyBy::Beep),
            "{pause}: {:?}",
            replay.heard
        );
    }
}

#[test]
fn sound_that_stops_within_a_word_is_no_persons_waiting() {
    let mut sound = Sound::new()
        .quiet(0.5)
        .vowel(130.0, [650.0, 1_100.0], 2.0, -15.0);
    sound = sound.noise(-60.0).quiet(14.0);
    let replay = hear(&sound, Settings::default(), None);
    let (verdict, at, reasons) = replay.verdict.unwrap();
    assert_eq!(verdict, Verdict::Unsure, "{reasons}");
    assert!(at.seconds() > 9.0, "{at}");
}

#[test]
fn a_diverted_call_is_waited_for_longer_than_a_persons() {
    for (turn, pause) in [(0.8, 3.5), (2.5, 4.5), (5.0, 4.0)] {
        let sound = Sound::new()
            .quiet(0.5)
            .speech(turn, -18.0)
            .quiet(pause)
            .tone(&[1_000.0], 0.4, -15.0);
        let end = sound.end();
        let sound = sound.quiet(3.0).noise(-66.0);
        let replay = hear(&sound, Settings::default(), Some(diverted()));
        let (by, at) = replay
            .ready
            .unwrap_or_else(|| panic!("{turn} s: {:?}", replay.heard));
        assert_eq!(by, ReadyBy::Beep);
        assert!(at.seconds() as f32 - end < 0.5, "{turn} s: {at}");
        // Whoever lifts a telephone is let go as ever.
        let replay = hear(&sound, Settings::default(), None);
        assert_eq!(replay.ready, None, "{turn} s");
        assert_eq!(replay.verdict.unwrap().0, Verdict::Human, "{turn} s");
    }
    // Nobody waits for ever.
    let sound = Sound::new().quiet(0.5).speech(2.5, -18.0).quiet(9.0);
    let sound = sound.noise(-66.0);
    let replay = hear(&sound, Settings::default(), Some(diverted()));
    let (verdict, at, _) = replay.verdict.unwrap();
    assert_eq!(verdict, Verdict::Human);
    assert!((8.0..8.6).contains(&at.seconds()), "{at}");
}

/// A greeting with noise behind it from its first word until so long after its last, and a line that is quieter.
fn recorded(stays: f32) -> Sound {
    let greeting = Sound::new().speech(4.0, -18.0).quiet(stays).noise(-42.0);
    Sound::new()
        .quiet(0.5)
        .then(&greeting)
        .quiet(14.0)
        .noise(-68.0)
}

#[test]
fn a_background_that_stops_soon_after_the_greeting_is_a_reason() {
    for stays in [0.5, 0.8] {
        let replay = hear(&recorded(stays), Settings::default(), Some(diverted()));
        let (by, at) = replay
            .ready
            .unwrap_or_else(|| panic!("{stays} s: {:?}", replay.heard));
        assert_eq!(by, ReadyBy::Silence);
        // It is over, and need not be waited for as long as for a pause.
        assert!((6.0..6.4).contains(&at.seconds()), "{stays} s: {at}");
        let reasons = replay.verdict.unwrap().2.to_string();
        assert!(reasons.contains("the background stopped"), "{reasons}");
    }
}

#[test]
fn neither_a_word_that_fades_nor_lost_packets_are_a_background_that_stops() {
    // A room's echo of the last word.
    let mut fades = Sound::new().quiet(0.5).speech(4.0, -18.0);
    for n in 0..12 {
        fades = fades.tone(&[310.0, 530.0, 870.0], 0.05, -34.0 - 3.0 * n as f32);
    }
    let replay = hear(
        &fades.quiet(14.0).noise(-68.0),
        Settings::default(),
        Some(diverted()),
    );
    assert_eq!(replay.ready, None, "{:?}", replay.heard);
    // Two packets that are missing of a background that goes on.
    let mut goes_on = Sound::new()
        .quiet(0.5)
        .speech(4.0, -18.0)
        .quiet(14.0)
        .noise(-50.0);
    for at in (36_000 + 8_000..goes_on.samples.len() - 480).step_by(4_800) {
        goes_on.samples[at..at + 480].fill(0.0);
    }
    let replay = hear(&goes_on, Settings::default(), Some(diverted()));
    assert_eq!(replay.ready, None, "{:?}", replay.heard);
}

fn lifted(alerted: f32) -> Call {
    Call {
        alerted: Some(alerted),
        other_rang: true,
    }
}

#[test]
fn a_call_that_a_hand_took_is_a_persons_unless_a_beep_comes() {
    // A company's recording, longer than any person speaks, and then somebody who waits.
    let company = Sound::new().quiet(0.5).speech(9.0, -18.0).quiet(1.0);
    let sound = company.speech(1.5, -18.0).quiet(6.0).noise(-66.0);
    let replay = hear(&sound, Settings::default(), Some(lifted(5.0)));
    let machine = |heard: &Heard| matches!(heard, Heard::Verdict { verdict, .. } if *verdict == Verdict::Machine);
    assert!(!replay.heard.iter().any(machine), "{:?}", replay.heard);
    assert_eq!(replay.verdict.unwrap().0, Verdict::Human);
    // They are let go as soon as after a short turn, whoever speaks behind them.
    let sound = Sound::new().quiet(1.5).speech(3.0, -18.0).quiet(14.0);
    let replay = hear(&behind(sound, 13.0), Settings::default(), Some(lifted(5.0)));
    let (verdict, at, _) = replay.verdict.unwrap();
    assert_eq!(verdict, Verdict::Human);
    assert!(at.seconds() < 6.8, "{at}");
    // A mailbox that nobody diverted to beeps.
    let sound = Sound::new().quiet(0.5).speech(3.0, -18.0).quiet(0.8);
    let sound = sound.tone(&[1_000.0], 0.4, -15.0).quiet(3.0);
    let replay = hear(&sound, Settings::default(), Some(lifted(5.0)));
    assert_eq!(replay.ready.map(|(by, _)| by), Some(ReadyBy::Beep));
    // After many rings it may well be one without a beep.
    let replay = hear(
        &greeting(),
        with(&[("reason_turn", "3")]),
        Some(lifted(20.0)),
    );
    assert_eq!(replay.ready.map(|(by, _)| by), Some(ReadyBy::Silence));
}

#[test]
fn a_beep_that_ends_in_time_refutes_the_menu() {
    let prompt = Sound::new().speech(3.0, -18.0);
    // It may be a busy tone's first burst, and so is reported late.
    let sound = Sound::new()
        .quiet(0.4)
        .then(&prompt)
        .quiet(2.3)
        .then(&prompt)
        .quiet(2.0)
        .tone(&[425.0], 0.3, -15.0)
        .quiet(4.0);
    let replay = hear(&sound, Settings::default(), Some(diverted()));
    assert_eq!(
        replay.ready.map(|(by, _)| by),
        Some(ReadyBy::Beep),
        "{:?}",
        replay.heard
    );
}

#[test]
fn where_a_hand_took_the_call_a_tone_that_may_be_something_else_is_no_beep() {
    let greets = |pause: f32| Sound::new().quiet(0.5).speech(2.2, -18.0).quiet(pause);
    for sound in [
        // A company's recording, one ring, and a person after the longest pause.
        greets(0.6)
            .tone(&[425.0], 1.0, -18.0)
            .quiet(6.8)
            .speech(0.6, -18.0),
        // Their recorder's tone.
        greets(0.8).tone(&[1_400.0], 0.5, -18.0),
        // A tone in the middle of what they say.
        greets(0.0)
            .tone(&[1_000.0], 0.1, -18.0)
            .quiet(0.3)
            .speech(0.6, -18.0),
    ] {
        let sound = sound.quiet(6.0).noise(-66.0);
        let replay = hear(&sound, Settings::default(), Some(lifted(5.0)));
        assert_eq!(replay.ready, None, "{:?}", replay.heard);
        assert_ne!(replay.verdict.unwrap().0, Verdict::Machine);
        let replay = hear(&sound, Settings::default(), None);
        assert!(replay.ready.is_some(), "{:?}", replay.heard);
    }
}
