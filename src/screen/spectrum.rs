//! What a hop looks like: short-time spectra of the incoming audio, and what is worth keeping of each.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use super::at::{HOP, RATE};

/// Samples in a window: 32 ms, short enough for a beep of 0.1 s and long enough to part tones 80 Hz from each other.
pub(super) const WINDOW: usize = 256;

/// Bins of a spectrum.
pub(super) const BINS: usize = WINDOW / 2 + 1;

/// The bands of a [`Look`], enough to distinguish one sound from another and few enough to keep a second of them.
pub(super) const BANDS: usize = 8;

/// The level of a hop without any sound, in dB of full scale. Everything quieter counts as this.
pub(super) const SILENT: f32 = -80.0;

/// One hop, described.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Level between 250 and 3500 Hz in dB of a full-scale square wave; never under [`SILENT`].
    pub(super) level: f32,
    /// The strongest peak.
    pub(super) first: Peak,
    /// The strongest peak apart from it.
    pub(super) second: Peak,
    /// Share of the power within 94 Hz of the first peak, 0 to 1.
    pub(super) one: f32,
    /// Share of the power within 63 Hz of either peak, 0 to 1.
    pub(super) two: f32,
    /// Level in each band, in dB; never under [`SILENT`].
    pub(super) bands: [f32; BANDS],
    /// A part of the window is digital silence: nothing was sent, and it says nothing of the line.
    pub(super) void: bool,
}

/// A peak of the spectrum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peak {
    /// Its frequency, between bins, in Hz.
    pub(super) hz: f32,
    /// Its power in the units of [`Spectrum::near`].
    pub(super) power: f32,
}

/// Turns samples into spectra. All buffers are made once.
pub(super) struct Spectrum {
    plan: Arc<dyn RealToComplex<f32>>,
    hann: Box<[f32]>,
    /// The last [`WINDOW`] samples, oldest first.
    samples: Box<[f32]>,
    windowed: Box<[f32]>,
    bins: Box<[Complex<f32>]>,
    scratch: Box<[Complex<f32>]>,
    power: Box<[f32]>,
    /// Hops until no digital silence is left in the window.
    void: usize,
}

impl Spectrum {
    /// What its buffers take; the plan's own tables and the scratch hold no more than two windows of complex numbers each.
    pub(super) const BYTES: usize = 3 * WINDOW * size_of::<f32>()
        + BINS * (size_of::<Complex<f32>>() + size_of::<f32>())
        + 4 * WINDOW * size_of::<Complex<f32>>();

    pub(super) fn new() -> Self {
        let plan = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
        let turn = std::f32::consts::TAU / WINDOW as f32;
        Self {
            hann: (0..WINDOW)
                .map(|n| 0.5 - 0.5 * (turn * n as f32).cos())
                .collect(),
            samples: vec![0.0; WINDOW].into(),
            windowed: vec![0.0; WINDOW].into(),
            bins: vec![Complex::default(); BINS].into(),
            scratch: vec![Complex::default(); plan.get_scratch_len()].into(),
            power: vec![0.0; BINS].into(),
            void: VOID_STAYS,
            plan,
        }
    }

    /// Takes a hop in and describes the window that ends with it.
    pub(super) fn hop(&mut self, hop: &[i16; HOP]) -> Look {
        self.void = if is_void(hop) {
            VOID_STAYS
        } else {
            self.void.saturating_sub(1)
        };
        self.samples.copy_within(HOP.., 0);
        let fresh = self.samples[WINDOW - HOP..].iter_mut();
        for (sample, heard) in fresh.zip(hop) {
            *sample = f32::from(*heard) / 32_768.0;
        }
        let windowed = self.windowed.iter_mut().zip(&self.samples).zip(&self.hann);
        for ((out, sample), weight) in windowed {
            *out = sample * weight;
        }
        self.plan
            .process_with_scratch(&mut self.windowed, &mut self.bins, &mut self.scratch)
            .expect("the buffers are made for this plan");
        for (power, bin) in self.power.iter_mut().zip(&self.bins) {
            *power = bin.norm_sqr() * SCALE;
        }
        self.look()
    }

    /// The share of the last window's power within 63 Hz of a frequency, 0 to 1.
    pub(super) fn share(&self, hz: f32) -> f32 {
        let total: f32 = self.power[BAND_LOW..=BAND_HIGH].iter().sum();
        self.around(bin_of(hz), 2) / (total + NOTHING)
    }

    /// Adds the last window's spectrum to a sum.
    pub(super) fn add_to(&self, sum: &mut [f32; BINS]) {
        for (sum, power) in sum.iter_mut().zip(&self.power) {
            *sum += power;
        }
    }

    /// The power within 63 Hz of a frequency in the last window.
    pub(super) fn near(&self, hz: f32) -> f32 {
        self.around(bin_of(hz), 2)
    }

    fn look(&self) -> Look {
        let total: f32 = self.power[BAND_LOW..=BAND_HIGH].iter().sum::<f32>() + NOTHING;
        let k1 = self.strongest(|_| true);
        let k2 = self.strongest(|k| k.abs_diff(k1) > 2);
        let first = self.around(k1, 2);
        // The skirts of both may overlap; no power counts twice.
        let both = (BAND_LOW..=BAND_HIGH)
            .filter(|k| k.abs_diff(k1) <= 2 || k.abs_diff(k2) <= 2)
            .map(|k| self.power[k])
            .sum::<f32>();
        Look {
            level: decibels(total),
            first: Peak {
                hz: self.between_bins(k1),
                power: first,
            },
            second: Peak {
                hz: self.between_bins(k2),
                power: self.around(k2, 2),
            },
            one: self.around(k1, 3) / total,
            two: both / total,
            bands: std::array::from_fn(|band| {
                let (low, high) = (EDGES[band], EDGES[band + 1]);
                decibels(self.power[low..high].iter().sum::<f32>())
            }),
            void: self.void > 0,
        }
    }

    fn around(&self, k: usize, reach: usize) -> f32 {
        let (low, high) = (k.saturating_sub(reach), (k + reach).min(WINDOW / 2));
        self.power[low..=high].iter().sum()
    }

    /// The local maximum that is strongest among those wanted.
    fn strongest(&self, wanted: impl Fn(usize) -> bool) -> usize {
        let mut best = TONES_LOW;
        let mut most = -1.0;
        for k in TONES_LOW..=TONES_HIGH {
            let power = self.power[k];
            let peak = power >= self.power[k - 1] && power >= self.power[k + 1];
            if peak && power > most && wanted(k) {
                (best, most) = (k, power);
            }
        }
        best
    }

    /// The frequency of a peak, by the parabola through the logarithms of three bins.
    fn between_bins(&self, k: usize) -> f32 {
        let [a, b, c] = [k - 1, k, k + 1].map(|k| (self.power[k] + NOTHING).ln());
        let bend = a - 2.0 * b + c;
        let offset = if bend < -1e-6 {
            (0.5 * (a - c) / bend).clamp(-0.5, 0.5)
        } else {
            0.0
        };
        (k as f32 + offset) * BIN_HZ
    }
}

/// Whether a hop is what arrives while nothing is sent: before the first packet, for a lost one, while the far end's voice
/// detection saves bandwidth. Noise as quiet as that is not a background either.
fn is_void(hop: &[i16; HOP]) -> bool {
    let (least, most) = hop.iter().fold((i16::MAX, i16::MIN), |(least, most), s| {
        (least.min(*s), most.max(*s))
    });
    most.abs_diff(least) <= VOID
}

/// Power in dB; nothing is quieter than [`SILENT`].
pub(super) fn decibels(power: f32) -> f32 {
    (10.0 * (power + NOTHING).log10()).max(SILENT)
}

/// The bin of a frequency between 375 and 2400 Hz; the nearest of those for any other.
pub(super) fn bin_of(hz: f32) -> usize {
    ((hz / BIN_HZ).round() as usize).clamp(TONES_LOW, TONES_HIGH)
}

/// The steps around nothing: -8 and 8 in A-law, 0 and one step of mu-law to either side. A constant offset may be under it.
const VOID: u16 = 16;

/// Hops of 10 ms that touch the window, but for the 2 ms at its beginning that weigh nothing.
const VOID_STAYS: usize = WINDOW / HOP;

/// Keeps logarithms and quotients finite; far under one step of a 16-bit sample.
const NOTHING: f32 = 1e-9;

const BIN_HZ: f32 = RATE as f32 / WINDOW as f32;

/// Makes a sum of bins the mean square of the samples: two sides of the spectrum, and a Hann window's power of 3/8.
const SCALE: f32 = 2.0 / (WINDOW as f32 * WINDOW as f32 * 0.375);

/// 250 to 3500 Hz: what a telephone passes, without hum and without a constant offset, which the window keeps in its first bins.
const BAND_LOW: usize = 8;
const BAND_HIGH: usize = 112;

/// 375 to 2400 Hz: the range of beeps and signalling tones.
const TONES_LOW: usize = 12;
const TONES_HIGH: usize = 97;

/// The edges of the bands, in bins; about as wide as the ear's.
const EDGES: [usize; BANDS + 1] = [8, 13, 19, 27, 37, 49, 64, 84, 113];
