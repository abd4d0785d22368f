//! Spectral peaks: what is left of a sound in any codec.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

/// Samples in a window: 64 ms, long enough to part the harmonics of a voice from each other.
pub(super) const WINDOW: usize = 512;

/// Samples from one window to the next: 32 ms.
pub(super) const STEP: usize = 256;

/// The bins in which peaks are looked for, 250 to 3400 Hz: what every codec of a telephone passes.
pub(super) const BINS: usize = 202;

/// Peaks of one window at most.
pub(super) const PEAKS: usize = 8;

/// A point of the time-frequency plane that is stronger than all around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SpectralPeak {
    /// Windows since the first sample.
    pub(super) step: u32,
    /// Bins of 15.6 Hz above 250 Hz.
    pub(super) bin: u8,
}

/// Finds the peaks. All buffers are made once.
pub(super) struct PeakFinder {
    /// The last [`WINDOW`] samples, oldest first.
    samples: Box<[f32]>,
    /// How many samples of the window to come have arrived.
    fresh: usize,
    /// The last windows' powers, as a ring.
    rows: Box<[[f32; BINS]; ROWS]>,
    /// For each of them the most power within [`REACH`] bins.
    most: Box<[[f32; BINS]; ROWS]>,
    /// Windows so far.
    steps: u32,
    /// The strongest of late, which falls slowly.
    loud: f32,
}

impl PeakFinder {
    /// What its buffers take.
    pub(super) const BYTES: usize = WINDOW * size_of::<f32>() + 2 * ROWS * BINS * size_of::<f32>();

    pub(super) fn new() -> Self {
        Self {
            samples: vec![0.0; WINDOW].into(),
            fresh: 0,
            rows: Box::new([[0.0; BINS]; ROWS]),
            most: Box::new([[0.0; BINS]; ROWS]),
            steps: 0,
            loud: 0.0,
        }
    }

    /// Hears samples; reports the powers of each window, and with them the peaks of the window [`AROUND`] before it, the windows
    /// after which are known then.
    pub(super) fn hear(
        &mut self,
        mut frame: &[i16],
        found: &mut impl FnMut(&[f32; BINS], &[SpectralPeak]),
    ) {
        while !frame.is_empty() {
            let (now, rest) = frame.split_at(frame.len().min(STEP - self.fresh));
            frame = rest;
            let start = WINDOW - STEP + self.fresh;
            for (kept, sample) in self.samples[start..].iter_mut().zip(now) {
                *kept = f32::from(*sample);
            }
            self.fresh += now.len();
            if self.fresh == STEP {
                self.fresh = 0;
                self.step(found);
                self.samples.copy_within(STEP.., 0);
            }
        }
    }

    /// Windows so far.
    pub(super) const fn steps(&self) -> u32 {
        self.steps
    }

    fn step(&mut self, found: &mut impl FnMut(&[f32; BINS], &[SpectralPeak])) {
        let Transform { plan, hann } = &*TRANSFORM;
        let mut windowed = [0.0; WINDOW];
        for ((out, sample), weight) in windowed.iter_mut().zip(&*self.samples).zip(hann) {
            *out = sample * weight;
        }
        let mut bins = [Complex::default(); WINDOW / 2 + 1];
        let mut scratch = [Complex::default(); SCRATCH];
        plan.process_with_scratch(&mut windowed, &mut bins, &mut scratch)
            .expect("the buffers are made for this plan");
        let row = &mut self.rows[self.steps as usize % ROWS];
        let mut total = 0.0;
        let mut strongest = 0.0_f32;
        for (power, bin) in row.iter_mut().zip(&bins[LOW..]) {
            *power = bin.norm_sqr();
            total += *power;
            strongest = strongest.max(*power);
        }
        // A tone is no speech: rings, beeps and keys are the same in every call.
        if is_tone(row, strongest, total) {
            row.fill(0.0);
            strongest = 0.0;
        }
        self.loud = strongest.max(self.loud * FADE);
        widen(row, &mut self.most[self.steps as usize % ROWS]);
        self.steps += 1;
        let mut peaks = [SpectralPeak::default(); PEAKS];
        let count = if self.steps as usize >= ROWS {
            self.pick(&mut peaks)
        } else {
            0
        };
        found(
            &self.rows[(self.steps - 1) as usize % ROWS],
            &peaks[..count],
        );
    }

    /// The peaks of the window in the middle of the ring, the strongest first; returns how many there are.
    fn pick(&self, peaks: &mut [SpectralPeak; PEAKS]) -> usize {
        let middle = self.steps - 1 - AROUND as u32;
        let row = &self.rows[middle as usize % ROWS];
        let least = (self.loud * LEAST).max(QUIET);
        let mut powers = [0.0_f32; PEAKS];
        let mut count = 0;
        let own = &self.most[middle as usize % ROWS];
        for (bin, (power, most)) in row.iter().zip(own).enumerate() {
            if most > power || *power < least {
                continue;
            }
            if self.most.iter().any(|most| most[bin] > *power) {
                continue;
            }
            // High sounds are weaker than low ones, and tell as much.
            let weight = *power * (bin as f32 + 16.0);
            let place = powers[..count].iter().position(|other| *other < weight);
            let place = place.unwrap_or(count);
            if place < PEAKS {
                count = (count + 1).min(PEAKS);
                powers[place..count].rotate_right(1);
                peaks[place..count].rotate_right(1);
                powers[place] = weight;
                peaks[place] = SpectralPeak {
                    step: middle,
                    bin: bin as u8,
                };
            }
        }
        count
    }
}

/// How a window becomes a spectrum, one for all calls.
struct Transform {
    plan: Arc<dyn RealToComplex<f32>>,
    hann: [f32; WINDOW],
}

static TRANSFORM: LazyLock<Transform> = LazyLock::new(|| {
    let plan = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
    assert!(
        plan.get_scratch_len() <= SCRATCH,
        "the plan of a fixed length needs what it always did"
    );
    let turn = std::f32::consts::TAU / WINDOW as f32;
    Transform {
        plan,
        hann: std::array::from_fn(|n| 0.5 - 0.5 * (turn * n as f32).cos()),
    }
});

impl fmt::Debug for PeakFinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeakFinder")
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

/// Whether one or two lines hold nearly all of the power.
fn is_tone(row: &[f32; BINS], strongest: f32, total: f32) -> bool {
    let around = |middle: usize| {
        let near = middle.saturating_sub(2)..(middle + 3).min(BINS);
        row[near].iter().sum::<f32>()
    };
    let Some(first) = row.iter().position(|power| *power == strongest) else {
        return false;
    };
    let one = around(first);
    // The second line is not stronger than the first.
    if one < 0.45 * TONAL * total {
        return false;
    }
    let apart = |bin: usize| bin.abs_diff(first) > 4;
    let mut second = (0, -1.0);
    for (bin, power) in row.iter().enumerate() {
        if *power > second.1 && apart(bin) {
            second = (bin, *power);
        }
    }
    one + around(second.0) > TONAL * total
}

/// The most within [`REACH`] bins of each.
fn widen(row: &[f32; BINS], most: &mut [f32; BINS]) {
    most.copy_from_slice(row);
    for by in 1..=REACH {
        for (most, power) in most[..BINS - by].iter_mut().zip(&row[by..]) {
            *most = most.max(*power);
        }
        for (most, power) in most[by..].iter_mut().zip(&row[..BINS - by]) {
            *most = most.max(*power);
        }
    }
}

/// The first bin: 250 Hz.
const LOW: usize = 16;

/// A peak is the strongest this many bins to either side, 110 Hz.
const REACH: usize = 7;

/// And this many windows before and after.
const AROUND: usize = 2;

/// What the transform of a window needs beside it, and room to spare.
const SCRATCH: usize = 2 * WINDOW;

const ROWS: usize = 2 * AROUND + 1;

/// A peak is at most 22 dB under the loudest of late: what is weaker is often noise in the next call.
const LEAST: f32 = 6e-3;

/// What counts as the loudest of late falls by 6 dB a second.
const FADE: f32 = 0.956;

/// Weaker is noise of the line: a sine wave at -66 dB of full scale.
const QUIET: f32 = 5e7;

/// The share of the power in two lines that makes a tone.
const TONAL: f32 = 0.97;
