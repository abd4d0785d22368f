//! Rings, busy tones and warnings of the world's networks: none of them is a beep.

use super::signal::Sound;
use crate::{
    screen::{
        At, Call, CallFacts, Cue, Heard, Hint, HintSays, HintSource, RATE, Replay, Settings,
        Signal,
        line_tones::{COUNTRIES, Cadence, LONGEST_PAUSE, Pitches, RECORDER},
    },
    words::{ReadyBy, Verdict},
};

fn hear(sound: &Sound) -> Replay {
    Replay::of(&sound.pcm(), Settings::default(), &Default::default())
}

/// The same of a call that was diverted, as far as the calls show.
fn hear_diverted(sound: &Sound) -> Replay {
    let facts = CallFacts {
        call: Some(Call {
            alerted: Some(1.0),
            other_rang: true,
        }),
        ..CallFacts::default()
    };
    Replay::of(&sound.pcm(), Settings::default(), &facts)
}

/// A tone that is on and off by turns for so long.
fn cadence(sound: Sound, tone: &Cadence, seconds: f32) -> Sound {
    let end = sound.end() + seconds;
    let mut sound = sound;
    for (n, time) in tone.times.iter().cycle().enumerate() {
        if sound.end() >= end {
            break;
        }
        sound = match (n % 2, tone.pitch) {
            (0, Pitches::One(hz)) => sound.tone(&[hz], *time, -18.0),
            (0, Pitches::Two(low, high)) => sound.tone(&[low, high], *time, -18.0),
            (0, Pitches::Modulated(hz, by)) => {
                sound.tone(&[hz - by, hz, hz, hz + by], *time, -18.0)
            }
            _ => sound.quiet(*time),
        };
    }
    sound
}

fn beeps(replay: &Replay) -> usize {
    let heard = replay.heard.iter();
    heard
        .filter(|heard| matches!(heard, Heard::Beep(_)))
        .count()
}

#[test]
fn the_ringing_of_no_country_is_a_beep_whatever_was_said_before() {
    for country in COUNTRIES {
        for words in [0.0, 2.0, 3.2, 7.5, 12.0] {
            let sound = Sound::new().quiet(0.3).speech(words, -18.0).quiet(0.6);
            let sound = cadence(sound, &country.ringing, 20.0);
            for replay in [hear(&sound), hear_diverted(&sound)] {
                assert_eq!(
                    (beeps(&replay), replay.ready),
                    (0, None),
                    "{} after {words} s: {:?}",
                    country.name,
                    replay.heard
                );
            }
        }
    }
}

#[test]
fn behind_a_diversion_only_a_countrys_own_ring_is_watched() {
    let after = |hz: f32, lasts: f32| {
        let sound = Sound::new().quiet(0.4).speech(3.0, -18.0).quiet(0.5);
        let sound = sound.tone(&[hz], lasts, -15.0);
        let end = sound.end();
        let replay = hear_diverted(&sound.quiet(9.0));
        let (by, at) = replay.ready.unwrap();
        assert_eq!(by, ReadyBy::Beep);
        at.seconds() as f32 - end
    };
    for (hz, lasts) in [(425.0, 1.0), (425.0, 0.97), (430.0, 0.8), (450.0, 1.03)] {
        let waited = after(hz, lasts);
        assert!(waited >= 6.0, "{hz} Hz, {lasts} s: {waited}");
    }
    for (hz, lasts) in [
        (425.0, 0.9),
        (440.0, 1.0),
        (440.0, 0.5),
        (456.0, 0.9),
        (480.0, 1.0),
    ] {
        let waited = after(hz, lasts);
        assert!(waited < 1.2, "{hz} Hz, {lasts} s: {waited}");
    }
}

#[test]
fn busy_and_congestion_tones_of_all_countries_are_known_or_no_beep() {
    for country in COUNTRIES {
        for tone in [country.busy, country.congestion] {
            let sound = Sound::new().quiet(0.3).speech(3.0, -18.0).quiet(0.6);
            let replay = hear(&cadence(sound, &tone, 6.0));
            assert_eq!(replay.ready, None, "{}: {:?}", country.name, replay.heard);
        }
    }
}

#[test]
fn the_longest_pause_of_the_table_is_waited_for() {
    assert!(LONGEST_PAUSE <= Settings::default().ring_wait);
}

#[test]
fn a_lone_tone_of_a_rings_pitch_is_a_beep_once_it_did_not_come_again() {
    for (hz, lasts) in [(425.0, 0.4), (440.0, 1.0), (400.0, 0.5), (480.0, 0.6)] {
        let sound = Sound::new().quiet(0.4).speech(3.0, -18.0).quiet(0.5);
        let sound = sound.tone(&[hz], lasts, -15.0);
        let end = sound.end();
        let replay = hear(&sound.quiet(9.0));
        let (by, at) = replay
            .ready
            .unwrap_or_else(|| panic!("{hz}: {:?}", replay.heard));
        assert_eq!(by, ReadyBy::Beep);
        assert!(
            (6.0..6.3).contains(&(at.seconds() as f32 - end)),
            "{hz}: {at} for {end}"
        );
    }
    // One too short or too high for a ring need not wait.
    for (hz, lasts) in [(425.0, 0.25), (620.0, 0.5)] {
        let sound = Sound::new().quiet(0.4).speech(3.0, -18.0).quiet(0.5);
        let sound = sound.tone(&[hz], lasts, -15.0);
        let end = sound.end();
        let (_, at) = hear(&sound.quiet(9.0)).ready.unwrap();
        assert!(at.seconds() as f32 - end < 1.0, "{hz}: {at} for {end}");
    }
}

#[test]
fn a_tone_that_was_announced_need_not_wait() {
    for (source, says) in [
        (HintSource::Words, HintSays::BeepComes),
        (HintSource::Prompt, HintSays::Records { beep_in: Some(2.5) }),
    ] {
        let hint = Hint {
            source,
            says,
            nats: 2.0,
            detail: 1,
        };
        let sound = Sound::new().quiet(0.4).speech(3.0, -18.0).quiet(0.5);
        let sound = sound.tone(&[425.0], 0.5, -15.0);
        let end = sound.end();
        let cues = [(At(RATE as u64), Cue::Hint(hint))];
        let pcm = sound.quiet(9.0).pcm();
        let replay = Replay::otherwise(&pcm, Settings::default(), &cues, None);
        let (_, at) = replay.ready.unwrap();
        assert!(at.seconds() as f32 - end < 1.0, "{says:?}: {at} for {end}");
    }
}

#[test]
fn after_a_ring_everything_begins_anew() {
    let rings = |sound: Sound| sound.tone(&[425.0], 1.0, -18.0).quiet(4.0);
    let sound = Sound::new().quiet(0.4).speech(9.0, -18.0).quiet(0.8);
    let sound = rings(rings(sound)).tone(&[425.0], 1.0, -18.0).quiet(1.2);
    let lifted = sound.end();
    let replay = hear(&sound.speech(0.7, -18.0).quiet(6.0));
    let (verdict, at, reasons) = replay.verdict.unwrap();
    assert_eq!(verdict, Verdict::Human, "{:?}", replay.heard);
    assert!(at.seconds() as f32 > lifted, "{at}");
    assert!(reasons.to_string().starts_with("spoke 0.6 s"), "{reasons}");
    assert_eq!(replay.ready, None);
    // Silence is counted from the last ring.
    let sound = Sound::new().quiet(0.4).speech(3.0, -18.0).quiet(0.8);
    let sound = rings(rings(sound)).tone(&[425.0], 1.0, -18.0);
    let last = sound.end();
    let (verdict, at, _) = hear(&sound.quiet(12.0)).verdict.unwrap();
    assert_eq!(verdict, Verdict::Silence);
    assert!(
        (8.0..9.5).contains(&(at.seconds() as f32 - last)),
        "{at} for {last}"
    );
}

#[test]
fn a_tone_that_comes_again_over_the_message_was_a_ring() {
    // Short enough to start the message at once, or too high.
    for (hz, lasts, pause) in [(620.0, 0.5, 3.0), (540.0, 0.4, 4.0), (425.0, 0.3, 3.0)] {
        let sound = Sound::new().quiet(0.4).speech(9.0, -18.0).quiet(0.5);
        let sound = sound.tone(&[hz], lasts, -15.0).quiet(pause);
        let replay = hear(&sound.tone(&[hz], lasts, -15.0).quiet(3.0));
        assert!(replay.ready.is_some(), "{hz}: {:?}", replay.heard);
        let was_ring = replay
            .heard
            .iter()
            .any(|heard| matches!(heard, Heard::BeepWasRing { .. }));
        assert!(was_ring, "{hz}: {:?}", replay.heard);
    }
    // A mailbox's limit is the same tone higher than any network's, or it comes later, or it is of another pitch or length.
    for (hz, lasts, pause) in [
        (1_000.0, 0.4, 2.0),
        (1_000.0, 0.4, 4.0),
        (1_000.0, 0.4, 8.0),
        (1_400.0, 0.4, 4.0),
        (1_000.0, 0.9, 4.0),
    ] {
        let sound = Sound::new().quiet(0.4).speech(9.0, -18.0).quiet(0.5);
        let sound = sound.tone(&[1_000.0], 0.4, -15.0).quiet(pause);
        let replay = hear(&sound.tone(&[hz], lasts, -15.0).quiet(3.0));
        let limit = replay
            .heard
            .iter()
            .any(|heard| matches!(heard, Heard::LimitBeep(_)));
        assert!(limit, "{hz}, {lasts} s after {pause} s: {:?}", replay.heard);
    }
}

#[test]
fn a_recorders_tone_after_hello_is_no_beep() {
    let sound = Sound::new().quiet(0.5).speech(0.7, -18.0).quiet(0.6);
    let replay = hear(&cadence(sound, &RECORDER, 1.0).quiet(4.0));
    assert_eq!(
        replay.verdict.unwrap().0,
        Verdict::Human,
        "{:?}",
        replay.heard
    );
    assert_eq!((beeps(&replay), replay.ready), (0, None));
    // After a greeting it is one.
    let sound = Sound::new().quiet(0.5).speech(3.0, -18.0).quiet(0.6);
    let replay = hear(&cadence(sound, &RECORDER, 1.0).quiet(4.0));
    assert_eq!(
        replay.ready.map(|(by, _)| by),
        Some(ReadyBy::Beep),
        "{:?}",
        replay.heard
    );
}

#[test]
fn a_recorders_tone_is_no_lone_beep_of_a_call_that_was_lifted() {
    let tone = |sound: Sound| cadence(sound, &RECORDER, 1.0).quiet(4.0);
    let hear_lifted = |sound: &Sound| {
        let call = Call {
            alerted: Some(5.0),
            other_rang: true,
        };
        let facts = CallFacts {
            call: Some(call),
            ..CallFacts::default()
        };
        Replay::of(&sound.pcm(), Settings::default(), &facts)
    };
    let lone = tone(Sound::new().quiet(2.5));
    assert_eq!(hear_lifted(&lone).ready, None);
    assert!(hear(&lone).ready.is_some());
    // A murmur that is no turn is somebody's, too.
    let murmur = tone(Sound::new().quiet(0.5).speech(0.4, -47.0).quiet(1.6));
    let replay = hear(&murmur);
    assert_eq!(replay.ready, None, "{:?}", replay.heard);
}

#[test]
fn hold_music_with_an_announcement_in_a_loop_is_never_played_to() {
    let notes = [523.0, 659.0, 784.0, 1_046.0, 880.0, 587.0];
    let mut sound = Sound::new().quiet(0.4);
    for _ in 0..4 {
        sound = sound.speech(4.0, -18.0);
        for n in 0..24 {
            sound = sound.note(&[notes[n * 5 % 6], notes[n % 6] / 2.0], 0.4, -14.0);
        }
    }
    let replay = hear(&sound.quiet(9.0));
    assert_eq!(replay.ready, None, "{:?}", replay.heard);
    let verdict = replay.verdict.unwrap().0;
    assert!(
        matches!(verdict, Verdict::Menu | Verdict::Unsure),
        "{verdict}: {:?}",
        replay.heard
    );
}

#[test]
fn the_double_ring_of_pairs_too_close_to_part_is_known_at_its_second_burst() {
    for name in ["AU", "GB", "ZA", "IN"] {
        let country = COUNTRIES
            .iter()
            .find(|country| country.name == name)
            .unwrap();
        let sound = Sound::new().quiet(0.4).speech(4.0, -18.0).quiet(0.8);
        let from = sound.end();
        let replay = hear(&cadence(sound, &country.ringing, 8.0));
        let first = replay.heard.iter().find_map(|heard| {
            let Heard::Signal { signal, end, .. } = heard else {
                return None;
            };
            (*signal == Signal::Ringback).then(|| end.seconds() as f32)
        });
        let first = first.unwrap_or_else(|| panic!("{name}: {:?}", replay.heard));
        assert!(first - from < 4.5, "{name}: {first} for {from}");
    }
}
