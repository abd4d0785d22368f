//! What recordings go through before they are put together: one rate, one band, one loudness.

use crate::recording::{FRAME, RATE, Samples};

/// A sample as 16 bits.
pub(crate) fn pcm(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

/// Only what a telephone passes: 250 to 3,400 Hz.
pub(crate) fn telephone(samples: Samples) -> Samples {
    biquad(&biquad(&samples, 250.0, true), 3_400.0, false)
}

/// Scaled to root mean square 1.0 over the frames within 25 dB of the loudest.
pub(crate) fn levelled(mut samples: Samples) -> Samples {
    let powers: Vec<f32> = samples.chunks(FRAME).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let loud: Vec<f32> = powers
        .into_iter()
        .filter(|power| *power > loudest / 316.0)
        .collect();
    let mean = loud.iter().sum::<f32>() / loud.len().max(1) as f32;
    let gain = 1.0 / mean.sqrt().max(1e-6);
    samples.iter_mut().for_each(|sample| *sample *= gain);
    samples
}

/// Without the silence before and after: frames of 10 ms more than 38 dB below the loudest.
pub(crate) fn trimmed(samples: &[f32]) -> Samples {
    const SHORT: usize = FRAME / 2;
    let powers: Vec<f32> = samples.chunks(SHORT).map(power).collect();
    let quiet = powers.iter().copied().fold(0.0, f32::max) / 6_310.0;
    let loud = |power: &f32| *power > quiet;
    let first = powers.iter().position(loud).unwrap_or(0) * SHORT;
    let last = powers
        .iter()
        .rposition(loud)
        .map_or(0, |at| (at + 1) * SHORT);
    samples[first..last.min(samples.len()).max(first)].to_vec()
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

/// At the telephone's rate: a windowed sinc that passes up to nine tenths of the band.
pub(crate) fn resampled(samples: &[f32], rate: usize) -> Samples {
    const REACH: f32 = 32.0;
    if rate == RATE {
        return samples.to_vec();
    }
    let step = rate as f32 / RATE as f32;
    let cutoff = 0.9 * (RATE as f32 / rate as f32).min(1.0);
    let reach = REACH / cutoff;
    let sinc = |x: f32| {
        if x == 0.0 {
            1.0
        } else {
            (std::f32::consts::PI * x).sin() / (std::f32::consts::PI * x)
        }
    };
    (0..(samples.len() as f32 / step) as usize)
        .map(|index| {
            let centre = index as f32 * step;
            let from = (centre - reach).ceil().max(0.0) as usize;
            let to = ((centre + reach) as usize + 1).min(samples.len());
            (from..to)
                .map(|at| {
                    let off = at as f32 - centre;
                    let window = 0.5 + 0.5 * (std::f32::consts::PI * off / reach).cos();
                    samples[at] * cutoff * sinc(cutoff * off) * window
                })
                .sum()
        })
        .collect()
}

/// A Butterworth filter of second order (R. Bristow-Johnson's cookbook), high or low pass.
fn biquad(samples: &[f32], hz: f32, high: bool) -> Samples {
    let omega = std::f32::consts::TAU * hz / RATE as f32;
    let alpha = omega.sin() / std::f32::consts::SQRT_2;
    let (a0, a1, a2) = (1.0 + alpha, -2.0 * omega.cos(), 1.0 - alpha);
    let (b0, b1) = if high {
        (0.5 * (1.0 + omega.cos()), -(1.0 + omega.cos()))
    } else {
        (0.5 * (1.0 - omega.cos()), 1.0 - omega.cos())
    };
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    samples
        .iter()
        .map(|&x| {
            let y = (b0 * x + b1 * x1 + b0 * x2 - a1 * y1 - a2 * y2) / a0;
            (x2, x1, y2, y1) = (x1, x, y1, y);
            y
        })
        .collect()
}
