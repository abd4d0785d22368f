//! Which tone is a beep, and which is something else.

use super::signal::{Codec, Sound};
use crate::{
    screen::{Beep, CallFacts, Heard, Replay, Settings, Signal, SitClass},
    words::Verdict,
};

#[test]
fn a_beep_is_found_whatever_its_pitch_length_level_and_line() {
    for hz in [
        400.0, 425.0, 440.0, 620.0, 850.0, 1_000.0, 1_400.0, 1_633.0, 2_000.0, 2_200.0,
    ] {
        for (seconds, db) in [(0.12, -15.0), (0.2, -35.0), (0.5, -20.0), (1.0, -8.0)] {
            for codec in Codec::ALL {
                let start = greeting();
                let sound = start.clone().quiet(0.4).tone(&[hz], seconds, db);
                let case = format!("{hz} Hz, {seconds} s, {db} dB, {codec:?}");
                let [beep] = beeps(&sound, codec)[..] else {
                    panic!("{case}: {:?}", beeps(&sound, codec));
                };
                assert!((beep.hz - hz).abs() < 6.0, "{case}: {beep}");
                assert!(
                    (beep.end.seconds() as f32 - sound.end()).abs() < 0.03,
                    "{case}: {beep}"
                );
                assert!(
                    (beep.start.seconds() as f32 - start.end() - 0.4).abs() < 0.03,
                    "{case}: {beep}"
                );
            }
        }
    }
}

#[test]
fn a_beep_at_the_heels_of_a_word_and_one_in_noise_are_found() {
    let close = greeting().quiet(0.03).tone(&[1_000.0], 0.3, -18.0);
    assert_eq!(beeps(&close, Codec::MuLaw).len(), 1);
    let noisy = greeting()
        .quiet(0.5)
        .tone(&[1_000.0], 0.3, -20.0)
        .quiet(1.0)
        .noise(-34.0);
    let heard = Replay::of(
        &noisy.through(Codec::MuLaw),
        Settings::default(),
        &CallFacts::default(),
    );
    assert_eq!(heard.beeps.len(), 1, "{:?}", heard.beeps);
}

#[test]
fn sweeps_pairs_and_doubles_are_beeps() {
    for codec in Codec::ALL {
        for (from, to, seconds) in [
            (1_000.0, 1_800.0, 0.25),
            (2_000.0, 1_200.0, 0.2),
            (600.0, 900.0, 0.5),
            (440.0, 400.0, 0.8),
        ] {
            let sound = greeting().quiet(0.4).sweep(from, to, seconds, -18.0);
            let found = beeps(&sound, codec);
            assert_eq!(found.len(), 1, "{from} to {to} Hz, {codec:?}: {found:?}");
            assert!(found[0].sweep * (to - from) > 0.0, "{}", found[0]);
        }
        for pair in [[500.0, 650.0], [950.0, 1_400.0], [1_100.0, 1_710.0]] {
            let sound = greeting().quiet(0.4).tone(&pair, 0.3, -18.0);
            let found = beeps(&sound, codec);
            assert!(
                matches!(
                    found[..],
                    [Beep {
                        second_hz: Some(_),
                        ..
                    }]
                ),
                "{pair:?} {codec:?}: {found:?}"
            );
        }
        let double = greeting()
            .quiet(0.4)
            .tone(&[950.0], 0.15, -18.0)
            .quiet(0.12)
            .tone(&[950.0], 0.15, -18.0);
        let found = beeps(&double, codec);
        assert_eq!(found.len(), 2, "{codec:?}: {found:?}");
        assert!((found[1].end.seconds() as f32 - double.end()).abs() < 0.03);
    }
}

#[test]
fn a_beep_with_lost_frames_in_it_is_one_beep() {
    let mut sound = greeting().quiet(0.4).tone(&[1_000.0], 0.4, -18.0);
    let hole = sound.samples.len() - 1_600;
    sound.samples[hole..hole + 400].fill(0.0);
    let sound = sound.noise(-45.0);
    let found = beeps(&sound, Codec::MuLaw);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!((found[0].end.seconds() as f32 - sound.end()).abs() < 0.03);
    assert!((found[0].start.seconds() as f32 - sound.end() + 0.4).abs() < 0.03);
}

#[test]
fn a_harmonic_that_a_formant_makes_strong_is_not_a_beep() {
    for codec in Codec::ALL {
        // The fourth harmonic of 127 Hz, as a synthetic voice holds it in "this?".
        let start = greeting().quiet(0.4);
        let others = Sound::new().tone(&[382.5, 637.5], 0.3, -18.0);
        let alone = start.clone().tone(&[510.0], 0.3, -18.0);
        let voiced = alone.clone().with(&others, start.end(), -10.0);
        assert_eq!(beeps(&alone, codec).len(), 1, "{codec:?}");
        let found = beeps(&voiced, codec);
        assert!(found.is_empty(), "{codec:?}: {found:?}");
    }
}

#[test]
fn other_sounds_of_a_line_are_not_beeps() {
    let key = |pair: [f32; 2]| greeting().quiet(0.4).tone(&pair, 0.12, -18.0).quiet(0.08);
    let mut cases = vec![
        (
            "american ringback",
            Sound::new().tone(&[440.0, 480.0], 2.0, -20.0).quiet(1.0),
        ),
        (
            "european ringback",
            Sound::new()
                .quiet(0.2)
                .tone(&[425.0], 1.0, -20.0)
                .quiet(1.0),
        ),
        (
            "british ringback",
            Sound::new()
                .tone(&[400.0, 450.0], 0.4, -20.0)
                .quiet(0.2)
                .tone(&[400.0, 450.0], 0.4, -20.0),
        ),
        (
            "american busy",
            greeting()
                .tone(&[480.0, 620.0], 0.5, -20.0)
                .quiet(0.5)
                .tone(&[480.0, 620.0], 0.5, -20.0),
        ),
        (
            "dial tone",
            greeting().quiet(0.3).tone(&[350.0, 440.0], 5.0, -18.0),
        ),
        (
            "a long tone",
            greeting().quiet(0.3).tone(&[1_000.0], 4.0, -18.0),
        ),
        ("fax", Sound::new().quiet(0.5).tone(&[2_100.0], 3.0, -12.0)),
        ("noise", greeting().quiet(3.0).noise(-25.0)),
        ("words", Sound::new().speech(20.0, -18.0)),
        (
            "bells",
            greeting()
                .quiet(0.3)
                .note(&[660.0], 0.35, -15.0)
                .note(&[880.0], 0.35, -15.0),
        ),
        (
            "a chord",
            greeting().tone(&[523.3, 659.3, 784.0], 0.6, -15.0),
        ),
        (
            "a melody",
            notes(&[523.3, 587.3, 659.3, 698.5, 784.0, 880.0, 987.8, 1_046.5]),
        ),
        ("chords", chords()),
        (
            "a cut tone",
            greeting().tone(&[1_000.0], 0.3, -18.0).speech(1.0, -18.0),
        ),
    ];
    for (row, low) in [697.0, 770.0, 852.0, 941.0].into_iter().enumerate() {
        for high in [1_209.0, 1_336.0, 1_477.0, 1_633.0] {
            cases.push((
                ["keys 1-A", "keys 4-B", "keys 7-C", "keys *-D"][row],
                key([low, high]),
            ));
        }
    }
    for pitch in [110.0, 180.0, 230.0, 290.0] {
        for formants in [
            [300.0, 800.0],
            [500.0, 1_000.0],
            [700.0, 1_200.0],
            [280.0, 2_300.0],
        ] {
            cases.push((
                "a vowel",
                greeting().quiet(0.4).vowel(pitch, formants, 0.6, -15.0),
            ));
        }
    }
    for (what, sound) in cases {
        for codec in Codec::ALL {
            let found = beeps(&sound, codec);
            assert!(found.is_empty(), "{what}, {codec:?}: {found:?}");
        }
    }
}

#[test]
fn a_pressed_key_is_named() {
    let rows = ["123A", "456B", "789C", "*0#D"];
    for (row, low) in rows.iter().zip([697.0, 770.0, 852.0, 941.0]) {
        for (key, high) in row.chars().zip([1_209.0, 1_336.0, 1_477.0, 1_633.0]) {
            let sound = greeting().quiet(0.4).tone(&[low, high], 0.12, -18.0);
            assert_eq!(signals(&sound), [Signal::Key(key)], "{key}");
        }
    }
}

#[test]
fn information_tones_are_named_with_their_class() {
    use SitClass::{Intercept, NoCircuit, Other, Reorder, Vacant};
    const SHORT: f32 = 0.274;
    const LONG: f32 = 0.38;
    let rows = [
        ([(985.2, LONG), (1_370.6, SHORT)], Vacant),
        ([(913.8, SHORT), (1_370.6, SHORT)], Intercept),
        ([(913.8, SHORT), (1_428.5, LONG)], Reorder),
        ([(985.2, SHORT), (1_370.6, LONG)], Reorder),
        ([(985.2, LONG), (1_428.5, LONG)], NoCircuit),
        ([(913.8, LONG), (1_370.6, LONG)], NoCircuit),
        // The two codes that are reserved, and the tones of E.180 without a code.
        ([(985.2, SHORT), (1_428.5, SHORT)], Other),
        ([(913.8, LONG), (1_428.5, SHORT)], Other),
        ([(950.0, 0.33), (1_400.0, 0.33)], Other),
    ];
    for ([first, second], class) in rows {
        for (codec, off) in Codec::ALL
            .into_iter()
            .flat_map(|codec| [0.99, 1.0, 1.01].map(|off| (codec, off)))
        {
            // Without a code there is none to be a little off.
            let off = if first.0 == 950.0 { 1.0 } else { off };
            let sound = Sound::new()
                .quiet(0.3)
                .tone(&[first.0 * off], first.1, -18.0)
                .tone(&[second.0 * off], second.1, -18.0)
                .tone(&[1_776.7 * off], LONG, -18.0)
                .quiet(0.3)
                .speech(2.0, -18.0);
            let replay = heard(&sound, codec);
            let told = replay.heard.iter().find_map(|heard| {
                let Heard::Verdict { sit, .. } = heard else {
                    return None;
                };
                *sit
            });
            assert_eq!(
                told,
                Some(class),
                "{first:?} {second:?} {off} {codec:?}: {:?}",
                replay.heard
            );
            assert!(replay.beeps.is_empty() && replay.ready.is_none());
        }
    }
}

#[test]
fn a_ring_is_reported_as_one_and_is_not_a_beep() {
    let double = |sound: Sound, pair: &[f32]| {
        sound
            .tone(pair, 0.4, -20.0)
            .quiet(0.2)
            .tone(pair, 0.4, -20.0)
            .quiet(4.0)
    };
    let rings = [
        (
            "America",
            (0..2).fold(Sound::new().quiet(0.3), |sound, _| {
                sound.tone(&[440.0, 480.0], 2.0, -20.0).quiet(4.0)
            }),
        ),
        (
            "Europe",
            (0..2).fold(Sound::new().quiet(0.3), |sound, _| {
                sound.tone(&[425.0], 1.0, -20.0).quiet(4.0)
            }),
        ),
        (
            "Britain",
            double(
                double(Sound::new().quiet(0.3), &[400.0, 450.0]),
                &[400.0, 450.0],
            ),
        ),
    ];
    for (country, sound) in rings {
        for codec in Codec::ALL {
            for level in [-70.0, -40.0] {
                let replay = heard(&sound.clone().noise(level), codec);
                let case = format!("{country}, {codec:?}, {level} dB: {:?}", replay.heard);
                let rang = |heard: &&Heard| {
                    matches!(
                        heard,
                        Heard::Signal {
                            signal: Signal::Ringback,
                            ..
                        }
                    )
                };
                assert!(replay.heard.iter().filter(rang).count() >= 2, "{case}");
                assert!(replay.beeps.is_empty() && replay.ready.is_none(), "{case}");
            }
        }
    }
}

#[test]
fn who_lets_it_ring_is_not_silent() {
    let ring = |sound: Sound| sound.tone(&[440.0, 480.0], 2.0, -20.0).quiet(4.0);
    let sound = ring(ring(ring(Sound::new()))).speech(0.6, -20.0).quiet(4.0);
    let verdict = heard(&sound, Codec::MuLaw)
        .verdict
        .map(|(verdict, ..)| verdict);
    assert_eq!(verdict, Some(Verdict::Human));
}

#[test]
fn a_fax_is_named_by_its_data_and_by_its_calling_tone() {
    let data = |mark: f32, space: f32| {
        // Flags: 01111110 at 300 baud.
        let mut phase = 0.0_f32;
        let bits = (0..16_000).map(move |n| n * 300 / 8_000 % 8);
        let samples = bits.map(move |bit| {
            let hz = if bit == 0 || bit == 7 { space } else { mark };
            phase = (phase + hz / 8_000.0).fract();
            (phase * std::f32::consts::TAU).sin() * 0.2
        });
        let mut sound = Sound::new().quiet(0.7);
        sound.samples.extend(samples);
        sound
    };
    let calling = (0..3).fold(Sound::new().quiet(0.8), |sound, _| {
        sound.tone(&[1_100.0], 0.5, -15.0).quiet(3.0)
    });
    for codec in Codec::ALL {
        for (what, sound) in [
            ("the answering channel", data(1_650.0, 1_850.0)),
            ("the calling channel", data(980.0, 1_180.0)),
            ("the calling tone", calling.clone()),
        ] {
            let replay = heard(&sound, codec);
            assert_eq!(
                (replay.verdict.map(|(verdict, ..)| verdict), replay.ready),
                (Some(Verdict::Fax), None),
                "{what}, {codec:?}: {:?}",
                replay.heard
            );
        }
    }
}

#[test]
fn a_busy_tone_after_a_greeting_is_not_a_beep_and_is_not_played_to() {
    for (pair, on) in [
        (&[425.0][..], 0.5),
        (&[425.0], 0.25),
        (&[400.0], 0.375),
        (&[480.0, 620.0], 0.5),
        (&[480.0, 620.0], 0.25),
    ] {
        for codec in Codec::ALL {
            let greeting = Sound::new().quiet(0.5).speech(9.0, -18.0).quiet(0.5);
            let sound = (0..6).fold(greeting, |sound, _| sound.tone(pair, on, -18.0).quiet(on));
            let replay = heard(&sound, codec);
            assert_eq!(
                (
                    replay.verdict.map(|(verdict, ..)| verdict),
                    replay.ready,
                    replay.beeps.len()
                ),
                (Some(Verdict::Unsure), None, 0),
                "{pair:?} {on} s {codec:?}: {:?}",
                replay.heard
            );
        }
    }
}

#[test]
fn a_fax_is_named_with_and_without_phase_reversals() {
    for (reversed, swells) in [(false, false), (true, false), (true, true)] {
        let mut sound = Sound::new().quiet(0.5).tone(&[2_100.0], 3.0, -15.0);
        if swells {
            // ANSam of V.8: 15 Hz, a fifth of the amplitude.
            for (n, sample) in sound.samples.iter_mut().enumerate() {
                *sample *= 1.0 + 0.2 * (std::f32::consts::TAU * 15.0 * n as f32 / 8_000.0).sin();
            }
        }
        if reversed {
            let turns = sound.samples.iter_mut().enumerate().skip(4_000);
            turns
                .filter(|(n, _)| (n - 4_000) / 3_600 % 2 == 1)
                .for_each(|(_, sample)| *sample = -*sample);
        }
        for codec in Codec::ALL {
            let verdict = heard(&sound, codec).verdict.map(|(verdict, ..)| verdict);
            assert_eq!(
                verdict,
                Some(Verdict::Fax),
                "reversed {reversed}, swells {swells}, {codec:?}"
            );
        }
    }
}

#[test]
fn a_busy_line_is_nobody() {
    for pair in [&[480.0, 620.0][..], &[425.0][..]] {
        let mut sound = Sound::new().quiet(0.5).speech(1.2, -18.0).quiet(0.5);
        for _ in 0..5 {
            sound = sound.tone(pair, 0.25, -18.0).quiet(0.25);
        }
        let replay = heard(&sound, Codec::MuLaw);
        assert_eq!(
            replay.verdict.map(|(verdict, ..)| verdict),
            Some(Verdict::Unsure),
            "{pair:?}: {:?}",
            replay.heard
        );
    }
}

#[test]
fn high_and_long_beeps_are_found() {
    for (hz, seconds) in [
        (2_400.0, 0.2),
        (2_800.0, 0.12),
        (2_800.0, 0.6),
        (620.0, 2.0),
        (1_400.0, 2.0),
    ] {
        for codec in Codec::ALL {
            let sound = greeting().quiet(0.5).tone(&[hz], seconds, -20.0);
            let found = beeps(&sound, codec);
            assert_eq!(found.len(), 1, "{hz} Hz, {seconds} s, {codec:?}: {found:?}");
        }
    }
    // What rings is no beep of that length.
    let sound = greeting().quiet(0.5).tone(&[440.0], 2.0, -20.0);
    assert_eq!(beeps(&sound, Codec::MuLaw), []);
}

#[test]
fn the_last_note_of_a_chime_is_no_pair() {
    let chime = greeting().quiet(0.4).tone(&[784.0], 0.3, -18.0);
    let octave = chime.clone().tone(&[1_046.5, 2_093.0], 0.2, -18.0);
    assert_eq!(beeps(&octave, Codec::MuLaw), []);
    // Alone, or of another interval, it is one.
    let alone = greeting().quiet(0.4).tone(&[1_046.5, 2_093.0], 0.2, -18.0);
    assert_eq!(beeps(&alone, Codec::MuLaw).len(), 1);
    let other = chime.tone(&[1_046.5, 1_500.0], 0.2, -18.0);
    assert_eq!(beeps(&other, Codec::MuLaw).len(), 1);
}

#[test]
fn three_syllables_of_one_pitch_are_no_busy_tone() {
    let bursts = |below: Option<f32>| {
        let mut sound = greeting().quiet(0.4);
        for _ in 0..3 {
            let from = sound.end();
            sound = sound.tone(&[560.0], 0.3, -15.0);
            if let Some(below) = below {
                let other = Sound::new().tone(&[280.0], 0.3, -15.0);
                sound = sound.with(&other, from, below);
            }
            sound = sound.quiet(0.3);
        }
        signals(&sound.quiet(2.0))
    };
    assert_eq!(bursts(None), [Signal::Busy]);
    // A formant makes the second harmonic strong, and the first is heard with it.
    assert_eq!(bursts(Some(-13.0)), []);
}

fn greeting() -> Sound {
    Sound::new().quiet(0.5).speech(2.5, -18.0)
}

fn notes(scale: &[f32]) -> Sound {
    let tune = (0..24).map(|n| scale[n * 5 % scale.len()]);
    tune.fold(greeting(), |sound, hz| {
        sound.tone(&[hz, 2.0 * hz, 3.0 * hz], 0.25, -18.0)
    })
}

fn chords() -> Sound {
    let roots = [262.0, 349.0, 392.0, 440.0, 523.0];
    (0..15).fold(greeting(), |sound, n| {
        let root = roots[n % 5];
        sound.tone(&[root, root * 1.26, root * 1.5, root * 2.0], 0.4, -18.0)
    })
}

fn heard(sound: &Sound, codec: Codec) -> Replay {
    let whole = sound.clone().quiet(1.0);
    Replay::of(
        &whole.through(codec),
        Settings::default(),
        &CallFacts::default(),
    )
}

/// Those of a ring's pitch need not wait for the next ring here.
fn beeps(sound: &Sound, codec: Codec) -> Vec<Beep> {
    let settings = Settings {
        ring_wait: 0.0,
        ..Settings::default()
    };
    let whole = sound.clone().quiet(1.0);
    Replay::of(&whole.through(codec), settings, &CallFacts::default()).beeps
}

fn signals(sound: &Sound) -> Vec<Signal> {
    let heard = heard(sound, Codec::MuLaw).heard;
    let signals = heard.into_iter().filter_map(|heard| {
        let Heard::Signal { signal, .. } = heard else {
            return None;
        };
        Some(signal)
    });
    signals.collect()
}
