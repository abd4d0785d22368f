//! Sounds of a call, and sounds of none.

use std::f32::consts::TAU;

use super::Bytes;
use crate::screen::RATE;

/// What the pieces of a program look like, so that one is made of more than one byte at a time.
pub(super) const WORDS: &[&[u8]] = &[
    // A beep of 1000 Hz for 0.4 s, and quiet after it.
    &[6, 0x03, 0xe8, 12, 50],
    &[5, 40],
    // A person speaks.
    &[9, 20, 60, 10],
    &[9, 30, 200, 12],
    &[9, 20, 250, 10, 5, 10, 9, 30, 250, 9],
    // Long quiet.
    &[10, 2],
    // Fax, announcement, ringback, busy.
    &[15, 0],
    &[15, 1],
    &[15, 2],
    &[15, 3],
    // It plays.
    &[2],
    &[3, 2],
];

/// A stretch of sound of one of fifteen kinds.
pub(super) fn part(kind: u8, bytes: &mut Bytes<'_>) -> Vec<i16> {
    match kind {
        0 => quiet(usize::from(bytes.byte()) * 20),
        1 => {
            let hz = pitch(bytes);
            let loud = level(bytes);
            tone(&[hz], loud, millis(bytes, 8))
        }
        2 => {
            let pair = [pitch(bytes), pitch(bytes)];
            let loud = level(bytes) / 2.0;
            tone(&pair, loud, millis(bytes, 8))
        }
        3 => {
            let (from, to) = (pitch(bytes), pitch(bytes));
            let loud = level(bytes);
            sweep(from, to, loud, millis(bytes, 8))
        }
        4 => {
            let hz = 80.0 + f32::from(bytes.byte());
            let ms = millis(bytes, 16);
            voice(hz, level(bytes), ms)
        }
        5 => quiet(2_000 + usize::from(bytes.below(8)) * 1_000),
        6 => {
            let seed = bytes.byte();
            let loud = level(bytes);
            noise(seed, loud, millis(bytes, 16))
        }
        7 => vec![bytes.short().cast_signed(); samples(millis(bytes, 16))],
        8 => {
            let loud = bytes.short().cast_signed();
            let half = usize::from(bytes.byte()) + 1;
            let high = |n: usize| (n / half).is_multiple_of(2);
            let wave = |n| if high(n) { loud } else { !loud };
            (0..samples(millis(bytes, 16))).map(wave).collect()
        }
        9 => {
            let count = usize::from(bytes.byte());
            let raw = bytes.take(count * 2).chunks_exact(2);
            raw.map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                .collect()
        }
        10 => known(bytes.below(4)),
        11 => {
            // A click in a long quiet.
            let mut sound = quiet(usize::from(bytes.byte()) * 8);
            sound.push(bytes.short().cast_signed());
            sound.extend(quiet(usize::from(bytes.byte()) * 8));
            sound
        }
        12 => {
            // A tone that is clipped, and not around zero.
            let hz = pitch(bytes);
            let offset = i32::from(bytes.short().cast_signed());
            let loud = tone(&[hz], 1.9, millis(bytes, 8));
            let shift = |sample: i16| (i32::from(sample) + offset).clamp(-32_768, 32_767) as i16;
            loud.into_iter().map(shift).collect()
        }
        13 => {
            // Frames lost: every so many of 20 ms.
            let every = usize::from(bytes.byte()) + 2;
            let hz = pitch(bytes);
            let mut sound = tone(&[hz], 0.3, millis(bytes, 8));
            for frame in sound.chunks_mut(160).step_by(every) {
                frame.fill(0);
            }
            sound
        }
        _ => {
            // Two words, and nothing between them.
            let loud = level(bytes);
            let mut sound = voice(110.0, loud, 400);
            sound.extend(voice(190.0, loud / 4.0, millis(bytes, 8)));
            sound
        }
    }
}

/// Fax, special information tones, ringback, busy.
fn known(which: u8) -> Vec<i16> {
    let cadence = |pair: &[f32], on: usize, off: usize, times: usize| {
        let mut once = tone(pair, 0.1, on);
        once.extend(quiet(off));
        once.repeat(times)
    };
    match which {
        0 => tone(&[2_100.0], 0.2, 3_000),
        1 => [913.8, 1_370.6, 1_776.7]
            .into_iter()
            .flat_map(|hz| tone(&[hz], 0.2, 330))
            .collect(),
        2 => cadence(&[440.0, 480.0], 2_000, 1_000, 2),
        _ => cadence(&[480.0, 620.0], 500, 500, 5),
    }
}

fn pitch(bytes: &mut Bytes<'_>) -> f32 {
    f32::from(bytes.short() % 4_000)
}

/// Amplitude, from full scale to 63 dB below; a step up from that is clipped.
fn level(bytes: &mut Bytes<'_>) -> f32 {
    match bytes.byte() {
        255 => 8.0,
        byte => 10_f32.powf(-f32::from(byte % 64) / 20.0),
    }
}

fn millis(bytes: &mut Bytes<'_>, step: usize) -> usize {
    usize::from(bytes.byte()) * step
}

const fn samples(ms: usize) -> usize {
    ms * RATE / 1_000
}

fn quiet(ms: usize) -> Vec<i16> {
    vec![0; samples(ms)]
}

fn tone(pitches: &[f32], loud: f32, ms: usize) -> Vec<i16> {
    make(ms, |n| {
        let at = n as f32 / RATE as f32;
        let waves = pitches.iter().map(|hz| (TAU * (hz * at).fract()).sin());
        waves.sum::<f32>() * loud
    })
}

fn sweep(from: f32, to: f32, loud: f32, ms: usize) -> Vec<i16> {
    let slope = (to - from) / samples(ms).max(1) as f32 / 2.0;
    make(ms, |n| {
        let turns = (from + slope * n as f32) * n as f32 / RATE as f32;
        (TAU * turns.fract()).sin() * loud
    })
}

/// Harmonics that glide, in syllables.
fn voice(hz: f32, loud: f32, ms: usize) -> Vec<i16> {
    let mut turns = 0.0_f32;
    make(ms, |n| {
        let at = n as f32 / RATE as f32;
        turns = (turns + hz * (1.0 + 0.2 * (TAU * 1.3 * at).sin()) / RATE as f32).fract();
        let harmonics = (1..12).map(|h| (TAU * (turns * h as f32).fract()).sin() / h as f32);
        let syllables = 0.6 + 0.4 * (TAU * 4.0 * at).sin();
        harmonics.sum::<f32>() * loud * syllables
    })
}

fn noise(seed: u8, loud: f32, ms: usize) -> Vec<i16> {
    let mut state = u32::from(seed);
    make(ms, |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as f32 / 32_768.0 - 1.0) * loud
    })
}

fn make(ms: usize, mut wave: impl FnMut(usize) -> f32) -> Vec<i16> {
    let scale = |sample: f32| (sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16;
    (0..samples(ms)).map(|n| scale(wave(n))).collect()
}
