//! Beeps, and all the tones of a telephone network that are none.

use std::f32::consts::{SQRT_2, TAU};

use serde::{Deserialize, Serialize};

use crate::{
    dice::Dice,
    recording::{RATE, Samples},
};

/// What a beep is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// One tone.
    Single,
    /// The same tone twice; to a mailbox it is one beep.
    Double,
    /// A tone that rises or falls.
    Chirp,
    /// Two tones at once.
    Dual,
}

/// A beep, its root mean square 1.0 while it sounds.
pub(crate) struct Beep {
    pub(crate) shape: Shape,
    pub(crate) hz: f32,
    pub(crate) second_hz: Option<f32>,
    pub(crate) samples: Samples,
}

/// A beep as mailboxes have them: 400 to 2200 Hz, 0.12 to 1.0 s.
pub(crate) fn beep(dice: &mut Dice) -> Beep {
    let shape = dice.share(&[
        (0.74, Shape::Single),
        (0.11, Shape::Double),
        (0.09, Shape::Chirp),
        (0.06, Shape::Dual),
    ]);
    let hz = if dice.chance(0.3) {
        dice.between(400.0, 2_000.0).round()
    } else {
        *dice.pick(&[
            425.0, 440.0, 480.0, 500.0, 620.0, 800.0, 852.0, 950.0, 1_000.0, 1_004.0, 1_100.0,
            1_400.0, 1_633.0, 2_000.0,
        ])
    };
    let seconds = dice.range(&[(0.35, (0.12, 0.25)), (0.4, (0.25, 0.5)), (0.25, (0.5, 1.0))]);
    let edge = *dice.pick(&[0.001, 0.005, 0.02]);
    let (second_hz, samples) = match shape {
        Shape::Single => (None, tone(&[hz], seconds, edge)),
        Shape::Double => {
            let seconds = dice.between(0.12, 0.3);
            let once = tone(&[hz], seconds, edge);
            let mut twice = once.clone();
            twice.extend(quiet(dice.between(0.08, 0.25)));
            twice.extend(once);
            (None, twice)
        }
        Shape::Chirp => {
            let to = (hz * dice.pick(&[0.6, 0.75, 1.4, 1.8])).clamp(400.0, 2_200.0);
            (Some(to), sweep(hz, to, seconds.max(0.2)))
        }
        Shape::Dual => {
            let second = (hz * dice.between(1.2, 1.6)).clamp(400.0, 2_200.0);
            (Some(second), tone(&[hz, second], seconds, edge))
        }
    };
    Beep {
        shape,
        hz,
        second_hz,
        samples,
    }
}

/// The tone of somebody's recorder, by which the other party is warned (the warning tone of ITU-T E.180; 1400 Hz for half a second).
pub(crate) fn recorder() -> Samples {
    scaled(tone(&[1_400.0], 0.5, EDGE), 0.5)
}

/// A chime that fades, as before an announcement, or keys: neither is the beep.
pub(crate) fn trap(dice: &mut Dice) -> Samples {
    let mut samples = Vec::new();
    if dice.chance(0.5) {
        let melodies: &[&[f32]] = &[
            &[659.3, 523.3, 784.0],
            &[880.0, 698.5],
            &[523.3, 659.3, 784.0, 1_046.5],
        ];
        for &pitch in *dice.pick(melodies) {
            let struck = tone(&[pitch, 2.0 * pitch], 0.35, 0.004);
            samples.extend(
                struck
                    .iter()
                    .enumerate()
                    .map(|(index, sample)| sample * (-(index as f32) / (0.18 * RATE as f32)).exp()),
            );
        }
    } else {
        for _ in 0..=dice.index(3) {
            let (row, column) = (
                *dice.pick(&[697.0, 770.0, 852.0, 941.0]),
                *dice.pick(&[1_209.0, 1_336.0, 1_477.0]),
            );
            samples.extend(tone(&[row, column], 0.12, EDGE));
            samples.extend(quiet(0.08));
        }
    }
    scaled(samples, 0.8)
}

/// The three tones before an intercept, vacant code or reorder announcement (ITU-T E.180, Telcordia SR-2275).
pub(crate) fn sit(dice: &mut Dice) -> Samples {
    const SHORT: f32 = 0.274;
    const LONG: f32 = 0.380;
    let tones: &[(f32, f32); 3] = dice.pick(&[
        [(985.2, LONG), (1_370.6, SHORT), (1_776.7, LONG)],
        [(913.8, SHORT), (1_370.6, SHORT), (1_776.7, LONG)],
        [(913.8, LONG), (1_428.5, LONG), (1_776.7, LONG)],
        [(985.2, SHORT), (1_428.5, LONG), (1_776.7, LONG)],
    ]);
    tones
        .iter()
        .flat_map(|&(pitch, seconds)| tone(&[pitch], seconds, EDGE))
        .collect()
}

/// A fax: its answer tone (CED, or ANSam with phase reversals: ITU-T V.8), then the flags of V.21 channel 2.
pub(crate) fn fax(dice: &mut Dice) -> Samples {
    let mut samples = tone(&[2_100.0], dice.between(2.6, 4.0), EDGE);
    if dice.chance(0.5) {
        for (index, sample) in samples.iter_mut().enumerate() {
            if index / (RATE * 45 / 100) % 2 == 1 {
                *sample = -*sample;
            }
        }
    }
    samples.extend(quiet(0.075));
    let mut phase = 0.0_f32;
    samples.extend((0..3 * RATE).map(|index| {
        // 300 baud, HDLC flags 01111110.
        let bit = index * 300 / RATE % 8;
        let pitch = if bit == 0 || bit == 7 {
            1_850.0
        } else {
            1_650.0
        };
        phase = (phase + pitch / RATE as f32).fract();
        0.8 * SQRT_2 * (TAU * phase).sin()
    }));
    samples
}

/// Reorder: 480 and 620 Hz, four times a second on and off.
pub(crate) fn reorder() -> Samples {
    let mut samples = Vec::new();
    for _ in 0..8 {
        samples.extend(tone(&[480.0, 620.0], 0.25, EDGE));
        samples.extend(quiet(0.25));
    }
    scaled(samples, 0.6)
}

/// Silence.
pub(crate) fn quiet(seconds: f32) -> Samples {
    vec![0.0; (seconds * RATE as f32).round() as usize]
}

/// Tones at once, with soft edges; root mean square 1.0.
pub(crate) fn tone(pitches: &[f32], seconds: f32, edge: f32) -> Samples {
    let size = SQRT_2 / (pitches.len() as f32).sqrt();
    let samples = (0..(seconds * RATE as f32).round() as usize)
        .map(|index| {
            let t = index as f32 / RATE as f32;
            size * pitches
                .iter()
                .map(|pitch| (TAU * (pitch * t).fract()).sin())
                .sum::<f32>()
        })
        .collect();
    softened(samples, edge)
}

/// A tone that goes from one pitch to another.
fn sweep(from: f32, to: f32, seconds: f32) -> Samples {
    let samples = (0..(seconds * RATE as f32).round() as usize)
        .map(|index| {
            let t = index as f32 / RATE as f32;
            SQRT_2 * (TAU * (from * t + (to - from) * t * t / (2.0 * seconds)).fract()).sin()
        })
        .collect();
    softened(samples, EDGE)
}

pub(crate) fn softened(mut samples: Samples, edge: f32) -> Samples {
    let length = ((edge * RATE as f32) as usize).min(samples.len() / 2);
    for index in 0..length {
        let gain = index as f32 / length as f32;
        samples[index] *= gain;
        let last = samples.len() - 1 - index;
        samples[last] *= gain;
    }
    samples
}

fn scaled(mut samples: Samples, gain: f32) -> Samples {
    samples.iter_mut().for_each(|sample| *sample *= gain);
    samples
}

/// How long a tone of the network takes to its full loudness (s).
pub(crate) const EDGE: f32 = 0.005;
