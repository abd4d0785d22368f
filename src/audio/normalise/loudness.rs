//! Measures loudness (EBU R128) and brings a message to its target without clipping.

use std::{f64::consts::PI, time::Duration};

use ebur128::{EbuR128, Mode};

use super::lengths::frames;

/// A level by EBU R128, measured as one channel.
#[derive(Clone, Copy, Debug)]
pub(in crate::audio) struct Level {
    /// Integrated loudness in LUFS; minus infinity if all of it lies below the standard's gate (-70 LUFS).
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

/// What of the samples the loudness is taken of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measured {
    /// All of them.
    Whole,
    /// These alone, which are repeated if they are short: the standard measures blocks of 400 ms, and would take the
    /// silence around a single word for a part of it.
    Audible { from: usize, to: usize },
}

impl Measured {
    fn lufs(self, samples: &[f32], rate: u32) -> f64 {
        let mut meter = meter(rate, Mode::I);
        match self {
            Self::Whole => add(&mut meter, samples),
            Self::Audible { from, to } => {
                let heard = &samples[from.min(samples.len())..to.min(samples.len())];
                let times = frames(REPEATED, rate).div_ceil(heard.len().max(1)).max(1);
                for _ in 0..times.min(MOST_TIMES) {
                    add(&mut meter, heard);
                }
            }
        }
        meter.loudness_global().unwrap_or(f64::NEG_INFINITY)
    }
}

/// Measures samples at `rate` Hz.
pub(super) fn measure(samples: &[f32], rate: u32, measured: Measured) -> Level {
    let mut meter = meter(rate, Mode::TRUE_PEAK);
    add(&mut meter, samples);
    Level {
        lufs: measured.lufs(samples, rate),
        peak_db: 20.0
            * meter
                .true_peak(0)
                .unwrap_or(0.0)
                .max(f64::MIN_POSITIVE)
                .log10(),
    }
}

/// Brings samples at `rate` Hz to `target` LUFS and holds their true peak below [`CEILING_DB`]; `None` if they have
/// no level at all.
pub(super) fn level(
    samples: &[f32],
    rate: u32,
    target: f64,
    measured: Measured,
) -> Option<Levelled> {
    let before = measure(samples, rate, measured);
    if !before.lufs.is_finite() {
        return None;
    }
    let needed = target - before.lufs;
    let most = needed + MOST_EXTRA_DB;
    let aim = CEILING_DB - LIMITER_MARGIN_DB;
    let limited = before.peak_db + needed > aim;
    let mut gain_db = needed;
    let mut out = if limited {
        let peaks = peaks(samples, amplitude(aim - most) as f32);
        let mut out = limit(samples, &peaks, gain_db, aim);
        // Holding peaks down takes loudness away: go a little higher and measure again. A source that is all peaks
        // would never get there, and is left softer rather than crushed.
        for _ in 0..ROUNDS {
            let missing = target - measured.lufs(&out, rate);
            if missing.abs() <= CLOSE_DB || (gain_db >= most && missing > 0.0) {
                break;
            }
            gain_db = (gain_db + OVERSHOOT * missing).min(most);
            out = limit(samples, &peaks, gain_db, aim);
        }
        out
    } else {
        scaled(samples, gain_db)
    };
    let mut level = measure(&out, rate, measured);
    // The limiter's estimate of what lies between samples is only so good; the ceiling is not negotiable.
    if level.peak_db > CEILING_DB {
        out = scaled(&out, CEILING_DB - ROUNDING_DB - level.peak_db);
        level = measure(&out, rate, measured);
    }
    Some(Levelled {
        samples: out,
        gain_db,
        limited,
        level,
    })
}

fn meter(rate: u32, mode: Mode) -> EbuR128 {
    EbuR128::new(1, rate, mode).expect("one channel at a rate of telephony is what the meter takes")
}

fn add(meter: &mut EbuR128, samples: &[f32]) {
    meter
        .add_frames_f32(samples)
        .expect("any number of frames is whole frames of one channel");
}

/// The samples raised by `gain_db`, with every peak (`peaks`, before the gain) held at `aim_db` by turning the level
/// down smoothly around it.
fn limit(samples: &[f32], peaks: &[f32], gain_db: f64, aim_db: f64) -> Vec<f32> {
    let gain = amplitude(gain_db);
    let ceiling = (amplitude(aim_db) / gain) as f32;
    let allowed: Vec<f32> = peaks
        .iter()
        .map(|peak| if *peak > ceiling { ceiling / peak } else { 1.0 })
        .collect();
    // The lowest gain allowed within reach, then its mean over half that reach: it has come down when the peak is there.
    let lowest = sliding_min(&allowed, REACH);
    let half = (REACH / 2) as isize;
    let end = lowest.len() as isize - 1;
    let at = |i: isize| f64::from(lowest[i.clamp(0, end) as usize]);
    let mut sum: f64 = if lowest.is_empty() {
        0.0
    } else {
        (-half..=half).map(at).sum()
    };
    let mut out = Vec::with_capacity(samples.len());
    for (i, sample) in samples.iter().enumerate() {
        let mean = sum / (2 * half + 1) as f64;
        out.push((f64::from(*sample) * gain * mean.min(1.0)) as f32);
        sum += at(i as isize + half + 1) - at(i as isize - half);
    }
    out
}

/// The highest point of the curve through the samples, at each sample and on to the next one; 0 if it is far below
/// `floor`.
fn peaks(samples: &[f32], floor: f32) -> Vec<f32> {
    let phases = interpolators();
    let mut peaks = vec![0.0_f32; samples.len()];
    let half = TAPS / 2;
    let mut worth_until = 0;
    for i in 0..samples.len() {
        // Between samples the curve rises to at most about twice the samples around it in anything a microphone hears.
        if samples
            .get(i + half)
            .or(samples.get(i))
            .is_some_and(|s| s.abs() >= floor * 0.5)
        {
            worth_until = i + TAPS;
        }
        if i > worth_until && i >= half {
            continue;
        }
        let begin = (i + 1).saturating_sub(half);
        let near = &samples[begin..(i + 1 + half).min(samples.len())];
        let skip = half - 1 - (i - begin);
        let mut peak = samples[i].abs();
        for phase in &phases {
            let value: f32 = near.iter().zip(&phase[skip..]).map(|(s, c)| s * c).sum();
            peak = peak.max(value.abs());
        }
        peaks[i] = peaks[i].max(peak);
        if let Some(next) = peaks.get_mut(i + 1) {
            *next = next.max(peak);
        }
    }
    peaks
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
const LIMITER_MARGIN_DB: f64 = 0.3;

/// How far below the ceiling peaks are put that the limiter has let through, in dB: rounding to 16 bits adds less.
const ROUNDING_DB: f64 = 0.01;

/// Samples on either side of a peak in which the level goes down and up again: 10 ms at 8 kHz, 5 ms at 16 kHz.
const REACH: usize = 80;

/// Length of the interpolation between samples.
const TAPS: usize = 16;

/// How close to the target is close enough, in dB.
const CLOSE_DB: f64 = 0.05;

/// How much of what is missing is added to the gain: the limiter takes part of it away again.
const OVERSHOOT: f64 = 1.3;

/// How often the gain is corrected at most.
const ROUNDS: usize = 5;

/// How much more than the plain difference the gain may be to make up for the limiter, in dB.
const MOST_EXTRA_DB: f64 = 6.0;

/// Up to this length a short sound is repeated to be measured.
const REPEATED: Duration = Duration::from_secs(2);

/// How often at most: a sound of 10 ms.
const MOST_TIMES: usize = 200;
