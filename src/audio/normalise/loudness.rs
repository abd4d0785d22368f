//! Measures loudness (EBU R128) and brings a message to its target without clipping.

use std::f64::consts::PI;

use ebur128::{EbuR128, Mode};

/// A level by EBU R128, measured as one channel.
#[derive(Clone, Copy, Debug)]
pub(in crate::audio) struct Level {
    /// Integrated loudness in LUFS; minus infinity where all of it lies below the standard's gate (-70 LUFS).
    pub(in crate::audio) lufs: f64,
    /// True peak in dB of full scale.
    pub(in crate::audio) peak_db: f64,
}

/// A message at its target.
#[derive(Debug)]
pub(super) struct Levelled {
    pub(super) samples: Vec<f32>,
    pub(super) gain_db: f64,
    pub(super) limited: bool,
    pub(super) level: Level,
}

/// Measures samples at `rate` Hz.
pub(super) fn measure(samples: &[f32], rate: u32) -> Level {
    let mut meter = EbuR128::new(1, rate, Mode::I | Mode::TRUE_PEAK)
        .expect("one channel at a rate of telephony is what the meter takes");
    meter
        .add_frames_f32(samples)
        .expect("any number of frames is whole frames of one channel");
    Level {
        lufs: meter.loudness_global().unwrap_or(f64::NEG_INFINITY),
        peak_db: 20.0
            * meter
                .true_peak(0)
                .unwrap_or(0.0)
                .max(f64::MIN_POSITIVE)
                .log10(),
    }
}

/// Brings samples at `rate` Hz to `target` LUFS and holds their true peak below [`CEILING_DB`]; `None` where they have
/// no level at all.
pub(super) fn level(samples: Vec<f32>, rate: u32, target: f64) -> Option<Levelled> {
    let before = measure(&samples, rate);
    if !before.lufs.is_finite() {
        return None;
    }
    let needed = target - before.lufs;
    let mut gain_db = needed;
    // Holding peaks down takes loudness away: go a little higher and measure again. A source that is all peaks would
    // never get there, and is left softer rather than crushed.
    for round in 1..=ROUNDS {
        let mut out = scaled(&samples, gain_db);
        let limited = before.peak_db + gain_db > CEILING_DB;
        if limited {
            limit(&mut out, amplitude(CEILING_DB - LIMITER_MARGIN_DB));
        }
        let mut level = measure(&out, rate);
        let missing = target - level.lufs;
        let most = needed + MOST_EXTRA_DB;
        if missing.abs() > CLOSE_DB && round < ROUNDS && gain_db < most {
            gain_db = (gain_db + missing).min(most);
            continue;
        }
        // The limiter's estimate of peaks between samples is finite; the ceiling is not negotiable.
        if level.peak_db > CEILING_DB {
            out = scaled(&out, CEILING_DB - LIMITER_MARGIN_DB - level.peak_db);
            level = measure(&out, rate);
        }
        return Some(Levelled {
            samples: out,
            gain_db,
            limited,
            level,
        });
    }
    None
}

/// Holds every peak, between samples too, at `ceiling` (a share of full scale), by turning the level down smoothly
/// around it.
fn limit(samples: &mut [f32], ceiling: f64) {
    let allowed = allowed_gain(samples, ceiling);
    // The lowest gain allowed within reach, then its mean over half that reach: it has come down when the peak is there.
    let lowest = sliding_min(&allowed, REACH);
    let mut sum: f64 = 0.0;
    let width = 2 * (REACH / 2) + 1;
    let at = |i: isize| -> f64 {
        let i = i.clamp(0, lowest.len() as isize - 1);
        f64::from(lowest[i as usize])
    };
    let half = (REACH / 2) as isize;
    for i in -half..=half {
        sum += at(i);
    }
    for (i, sample) in samples.iter_mut().enumerate() {
        *sample = (f64::from(*sample) * (sum / width as f64).min(1.0)) as f32;
        let i = i as isize;
        sum += at(i + half + 1) - at(i - half);
    }
}

/// The gain, at most 1, at which each sample and the curve around it stay below `ceiling`.
fn allowed_gain(samples: &[f32], ceiling: f64) -> Vec<f32> {
    let phases = interpolators();
    let ceiling = ceiling as f32;
    let mut gains = vec![1.0_f32; samples.len()];
    for i in 0..samples.len() {
        let begin = (i + 1).saturating_sub(TAPS / 2);
        let end = (i + 1 + TAPS / 2).min(samples.len());
        let near = &samples[begin..end];
        // Between samples the curve rises to at most about twice the samples around it in anything a microphone hears.
        if near.iter().all(|s| s.abs() < ceiling * 0.5) {
            continue;
        }
        let mut peak = samples[i].abs();
        for phase in &phases {
            let skip = TAPS / 2 - 1 - (i - begin);
            let value: f32 = near.iter().zip(&phase[skip..]).map(|(s, c)| s * c).sum();
            peak = peak.max(value.abs());
        }
        if peak > ceiling {
            let gain = ceiling / peak;
            gains[i] = gains[i].min(gain);
            // The peak lies between this sample and the next one.
            if let Some(next) = gains.get_mut(i + 1) {
                *next = next.min(gain);
            }
        }
    }
    gains
}

/// Windowed sinc coefficients for the three quarter points between two samples.
fn interpolators() -> [[f32; TAPS]; 3] {
    let mut phases = [[0.0; TAPS]; 3];
    for (quarter, phase) in phases.iter_mut().enumerate() {
        let shift = (quarter + 1) as f64 / 4.0;
        for (tap, c) in phase.iter_mut().enumerate() {
            let x = tap as f64 - (TAPS / 2 - 1) as f64 - shift;
            let window = 0.5 + 0.5 * (2.0 * PI * x / TAPS as f64).cos();
            *c = ((PI * x).sin() / (PI * x) * window) as f32;
        }
    }
    phases
}

/// The least of the values within `reach` on either side, in linear time.
fn sliding_min(values: &[f32], reach: usize) -> Vec<f32> {
    let mut candidates: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
    let mut out = Vec::with_capacity(values.len());
    let mut entered = 0;
    for i in 0..values.len() {
        while entered < values.len() && entered <= i + reach {
            while candidates
                .back()
                .is_some_and(|c| values[*c] >= values[entered])
            {
                candidates.pop_back();
            }
            candidates.push_back(entered);
            entered += 1;
        }
        while candidates.front().is_some_and(|c| c + reach < i) {
            candidates.pop_front();
        }
        out.push(candidates.front().map_or(1.0, |c| values[*c]));
    }
    out
}

fn scaled(samples: &[f32], gain_db: f64) -> Vec<f32> {
    let gain = amplitude(gain_db) as f32;
    samples.iter().map(|s| s * gain).collect()
}

fn amplitude(db: f64) -> f64 {
    10_f64.powf(db / 20.0)
}

/// Highest true peak in dB of full scale. G.711 overloads at -0.2 dB; one more is R128's own margin, and another is for
/// the low-rate codecs of mobile networks, which overshoot.
pub(in crate::audio) const CEILING_DB: f64 = -2.0;

/// How far below the ceiling the limiter aims, in dB: its estimate of peaks between samples is that good.
const LIMITER_MARGIN_DB: f64 = 0.1;

/// Samples on either side of a peak in which the level goes down and up again: 10 ms at 8 kHz, 5 ms at 16 kHz.
const REACH: usize = 80;

/// Length of the interpolation between samples.
const TAPS: usize = 16;

/// How close to the target is close enough, in dB.
const CLOSE_DB: f64 = 0.05;

/// How often the gain is corrected.
const ROUNDS: usize = 5;

/// How much more than the plain difference the gain may be to make up for the limiter, in dB.
const MOST_EXTRA_DB: f64 = 6.0;
