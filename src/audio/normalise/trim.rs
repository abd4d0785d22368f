//! Finds the audible part and cuts the silence around it to a fixed remainder.

use std::{f64::consts::PI, time::Duration};

use super::lengths::{FRAME, LEAD, TAIL, WORK_RATE, frames, lasting};
use crate::audio::refusal::Refusal;

/// What is left after the silence was cut.
pub(super) struct Cut {
    /// A multiple of [`FRAME`] long, with at least [`TAIL`] of zeros at its end.
    pub(super) samples: Vec<f32>,
    pub(super) audible: Duration,
    pub(super) silence_before: Duration,
    pub(super) silence_after: Duration,
}

/// The audible part of a source, and as much around it as is kept, which fades.
pub(super) struct Core {
    pub(super) samples: Vec<f32>,
    /// How many of the samples come before the first audible one, at most [`LEAD`].
    pub(super) before: usize,
    /// How many come after the last, at most [`REMAINDER`].
    pub(super) after: usize,
    /// How many the source had before the first.
    silent_before: usize,
    /// How many it had after the last.
    silent_after: usize,
}

/// Cuts samples at [`WORK_RATE`] to their audible part and the remainder around it.
///
/// # Errors
/// [`Refusal::Silent`] if nothing is audible.
pub(super) fn cut(samples: &[f32]) -> Result<Cut, Refusal> {
    let core = core(samples)?;
    let audible = core.samples.len() - core.before - core.after;
    // A source that begins with its first word gets the silence that it lacks: the first packets of a new stream of
    // audio are the ones that networks lose.
    let mut out = vec![0.0; frames(LEAD, WORK_RATE) - core.before];
    out.extend_from_slice(&core.samples);
    let frame = frames(FRAME, WORK_RATE);
    out.resize(
        out.len().next_multiple_of(frame) + frames(TAIL, WORK_RATE),
        0.0,
    );
    Ok(Cut {
        samples: out,
        audible: lasting(audible),
        silence_before: lasting(core.silent_before),
        silence_after: lasting(core.silent_after),
    })
}

/// Takes the audible part out of samples at [`WORK_RATE`], with what is kept around it.
///
/// # Errors
/// [`Refusal::Silent`] if nothing is audible.
pub(super) fn core(samples: &[f32]) -> Result<Core, Refusal> {
    let (first, last) = audible(samples).ok_or(Refusal::Silent)?;
    let before = first.min(frames(LEAD, WORK_RATE));
    let silent_after = samples.len() - last;
    let after = silent_after.min(frames(REMAINDER, WORK_RATE));
    let mut kept = samples[first - before..last + after].to_vec();
    // A source that was cut at its first or last word would click beside silence.
    let ramp = frames(RAMP, WORK_RATE);
    let fade_in = before.min(frames(FADE, WORK_RATE)).max(ramp);
    for (i, sample) in kept.iter_mut().take(fade_in).enumerate() {
        *sample *= i as f32 / fade_in as f32;
    }
    let fade_out = after.min(frames(FADE, WORK_RATE)).max(ramp);
    for (i, sample) in kept.iter_mut().rev().take(fade_out).enumerate() {
        *sample *= i as f32 / fade_out as f32;
    }
    Ok(Core {
        samples: kept,
        before,
        after,
        silent_before: first,
        silent_after,
    })
}

/// Takes out a constant offset and what lies below the telephone's band, and returns how large the offset was.
pub(super) fn remove_offset(samples: &mut [f32], rate: u32) -> f64 {
    let mean = samples.iter().map(|s| f64::from(*s)).sum::<f64>() / samples.len().max(1) as f64;
    // A second-order Butterworth high pass (Bristow-Johnson's cookbook), in double precision for its low corner.
    let turn = 2.0 * PI * RUMBLE_HZ / f64::from(rate);
    let alpha = turn.sin() / std::f64::consts::SQRT_2;
    let scale = 1.0 / (1.0 + alpha);
    let b = (1.0 + turn.cos()) / 2.0 * scale;
    let (a1, a2) = (-2.0 * turn.cos() * scale, (1.0 - alpha) * scale);
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    for sample in samples {
        let x = f64::from(*sample) - mean;
        let y = b * (x - 2.0 * x1 + x2) - a1 * y1 - a2 * y2;
        (x2, x1, y2, y1) = (x1, x, y1, y);
        *sample = y as f32;
    }
    mean
}

/// The first audible sample and the one after the last.
fn audible(samples: &[f32]) -> Option<(usize, usize)> {
    let window = frames(WINDOW, WORK_RATE);
    let energies: Vec<f64> = samples.chunks(window).map(mean_square).collect();
    let threshold = threshold(&energies)?;
    let first = energies.iter().position(|e| *e >= threshold)?;
    let last = energies.iter().rposition(|e| *e >= threshold)?;
    Some((first * window, ((last + 1) * window).min(samples.len())))
}

/// The mean square from which on a window is audible; `None` if nothing is.
fn threshold(energies: &[f64]) -> Option<f64> {
    let mut heard: Vec<f64> = energies
        .iter()
        .copied()
        .filter(|e| *e >= power(INAUDIBLE_DB))
        .collect();
    heard.sort_by(f64::total_cmp);
    // The level of the loud parts: nine tenths of what is heard are softer. A click alone does not set it.
    let loud = *heard.get(heard.len() * 9 / 10)?;
    let noise = energies
        .windows(NOISE_WINDOWS)
        .map(|w| w.iter().sum::<f64>() / w.len() as f64)
        .min_by(f64::total_cmp)
        .unwrap_or(0.0);
    // Above a noise floor, but never so high that a soft word of the message counts as silence.
    let above_noise = (noise * power(ABOVE_NOISE_DB)).min(loud * power(SOFTEST_WORD_DB));
    Some(
        above_noise
            .max(loud * power(AUDIBLE_RANGE_DB))
            .max(power(INAUDIBLE_DB)),
    )
}

fn mean_square(samples: &[f32]) -> f64 {
    samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len().max(1) as f64
}

fn power(db: f64) -> f64 {
    10_f64.powf(db / 10.0)
}

/// What is left of the source after the last audible sample, before the digital silence: a voice's and a room's decay.
const REMAINDER: Duration = Duration::from_millis(100);

/// How long the remainders take to fade from and to nothing, so that a cut does not click.
const FADE: Duration = Duration::from_millis(20);

/// How long sound takes to begin and to end at least.
const RAMP: Duration = Duration::from_millis(3);

/// The grain of audible and silent.
const WINDOW: Duration = Duration::from_millis(10);

/// Windows (200 ms) over which the noise floor is measured.
const NOISE_WINDOWS: usize = 20;

/// Below this mean level nothing is heard, whatever surrounds it, in dB of full scale.
const INAUDIBLE_DB: f64 = -65.0;

/// How far below the loud parts sound still counts, in dB.
const AUDIBLE_RANGE_DB: f64 = -40.0;

/// How far above the noise sound has to rise to count, in dB.
const ABOVE_NOISE_DB: f64 = 6.0;

/// What is less than this far below the loud parts counts however noisy the source is, in dB.
const SOFTEST_WORD_DB: f64 = -25.0;

/// Corner of the high pass in Hz: wideband telephony begins at 50 Hz.
const RUMBLE_HZ: f64 = 40.0;
