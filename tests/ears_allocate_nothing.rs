//! A thousand calls are heard at once, fifty frames a second each: none of them may cost memory.
//!
//! A program of its own, because the counting allocator replaces the one of the whole program.

use std::{f32::consts::TAU, sync::Arc};

use aftertone::screen::book::{Book, KnownPrompt, Matcher, Prints};
use aftertone::screen::{
    Amd, Call, Ears, Heard, Hint, HintSays, HintSource, Message, NoBeep, RATE, Settings,
};

#[test]
fn no_frame_costs_memory_whatever_is_heard() {
    let message = Message::new(&words(8.0, 90.0));
    let settings = Settings {
        no_beep: NoBeep::Play,
        ..Settings::default()
    };
    for (what, sound) in calls() {
        let mut told = 0_u32;
        let mut played = 0_u32;
        let mut ears = Ears::new(settings);
        let counted = allocation_counter::measure(|| {
            for (n, frame) in sound.chunks(160).enumerate() {
                let mut ready = false;
                ears.hear(frame, &mut |heard| {
                    told += 1;
                    ready |= matches!(heard, Heard::Ready { .. });
                });
                if ready {
                    played += 1;
                    ears.playing(Some(message.clone()));
                }
                if n == 200 {
                    ears.note_amd(Amd::Machine);
                    ears.note_hint(Hint {
                        source: HintSource::Words,
                        says: HintSays::Records { beep_in: None },
                        nats: 0.1,
                        detail: 3,
                    });
                    ears.note_call(Call {
                        alerted: Some(0.4),
                        other_rang: true,
                    });
                }
            }
        });
        assert_eq!(
            (counted.count_total, counted.bytes_current),
            (0, 0),
            "{what}: {counted:?}"
        );
        assert!(told > 0, "{what}: nothing was told");
        assert_eq!(played > 0, what.starts_with("a mailbox"), "{what}");
    }
}

#[test]
fn no_frame_costs_memory_while_a_call_is_compared_with_the_book() {
    let greeting = words(9.0, 110.0);
    let prints = Prints::of(&greeting);
    let prompt = KnownPrompt {
        id: 1,
        ends: aftertone::words::PromptEnd::Records,
        beep: Some(9.5),
    };
    let book = Arc::new(Book::new([(prompt, &prints)]));
    for (what, sound) in calls() {
        let mut matcher = Matcher::new(Arc::clone(&book));
        let counted = allocation_counter::measure(|| {
            for frame in sound.chunks(160) {
                matcher.hear(frame, &mut |_| {});
            }
        });
        let all = (counted.count_total, counted.bytes_current);
        assert_eq!(all, (0, 0), "{what}: {counted:?}");
    }
}

/// Each kind of call, several minutes in all.
fn calls() -> Vec<(&'static str, Vec<i16>)> {
    let beep = |hz| tone(&[hz], 0.4);
    vec![
        (
            "a mailbox that beeps, then limits",
            [
                words(9.0, 110.0),
                quiet(0.5),
                beep(1_000.0),
                quiet(20.0),
                beep(1_000.0),
                quiet(60.0),
            ]
            .concat(),
        ),
        (
            "a mailbox that beeps late",
            [words(9.0, 110.0), quiet(3.0), beep(440.0), quiet(30.0)].concat(),
        ),
        (
            "a mailbox that goes on, and on again",
            [
                words(9.0, 110.0),
                quiet(2.5),
                words(3.0, 170.0),
                quiet(2.5),
                words(30.0, 140.0),
            ]
            .concat(),
        ),
        (
            "a person",
            [quiet(0.5), words(0.6, 120.0), quiet(90.0)].concat(),
        ),
        (
            "a line that rings and is busy",
            [
                tone(&[440.0, 480.0], 2.0),
                quiet(4.0),
                words(2.0, 130.0),
                [tone(&[425.0], 0.5), quiet(0.5)].concat().repeat(6),
            ]
            .concat(),
        ),
        (
            "a fax",
            [quiet(0.5), tone(&[2_100.0], 3.0), quiet(30.0)].concat(),
        ),
        (
            "an announcement",
            [
                tone(&[985.2], 0.38),
                tone(&[1_370.6], 0.274),
                tone(&[1_776.7], 0.38),
                words(60.0, 100.0),
            ]
            .concat(),
        ),
        (
            "keys",
            [tone(&[697.0, 1_209.0], 0.12), quiet(0.1)]
                .concat()
                .repeat(60),
        ),
    ]
}

fn quiet(seconds: f32) -> Vec<i16> {
    vec![0; (seconds * RATE as f32) as usize]
}

fn tone(hz: &[f32], seconds: f32) -> Vec<i16> {
    sound(seconds, |t| hz.iter().map(|hz| (TAU * hz * t).sin()).sum())
}

/// Syllables of gliding pitch.
fn words(seconds: f32, pitch: f32) -> Vec<i16> {
    sound(seconds, |t| {
        let (syllable, t) = ((t * 5.0).floor(), t % 0.2);
        let pitch = pitch + 17.0 * (syllable * 2.3) % 60.0;
        let swell = (TAU * 2.5 * t).sin();
        let harmonic = |h: i32| (TAU * h as f32 * (pitch * t + 90.0 * t * t)).sin() / h as f32;
        (1..16).map(harmonic).sum::<f32>() * swell
    })
}

fn sound(seconds: f32, at: impl Fn(f32) -> f32) -> Vec<i16> {
    (0..(seconds * RATE as f32) as usize)
        .map(|n| (at(n as f32 / RATE as f32) * 5_000.0) as i16)
        .collect()
}
