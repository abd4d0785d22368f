//! Landmarks: pairs of peaks, which name a place in a recording.

use std::fmt;

use super::{
    peaks::{BINS, PEAKS, PeakFinder, STEP, SpectralPeak},
    signs::{GainFinder, Gains},
};

/// How many different landmarks there are.
pub(super) const KINDS: usize = 1 << 20;

/// A pair of peaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Landmark {
    /// The window of its later peak, in steps of [`Landmarks::STEP_SECONDS`].
    pub(super) step: u32,
    /// Which of [`KINDS`].
    pub(super) kind: u32,
}

/// Samples in, landmarks and gains out. All buffers are made once.
pub struct Landmarks {
    peaks: PeakFinder,
    gains: GainFinder,
    /// The last peaks, as a ring.
    recent: [SpectralPeak; RECENT],
    count: usize,
}

impl Landmarks {
    /// Seconds from one window to the next.
    pub const STEP_SECONDS: f32 = STEP as f32 / super::super::RATE as f32;

    /// What its buffers take.
    pub(super) const BYTES: usize = PeakFinder::BYTES;

    /// Nothing heard yet.
    pub fn new() -> Self {
        Self {
            peaks: PeakFinder::new(),
            gains: GainFinder::new(),
            recent: [SpectralPeak::default(); RECENT],
            count: 0,
        }
    }

    /// Hears 8 kHz samples, any number of them. Of each window its gains are reported, and the landmarks of the second window
    /// before it: a peak is known once the windows around it are heard.
    pub(super) fn hear(&mut self, frame: &[i16], found: &mut impl FnMut(Gains, &mut [Landmark])) {
        let Self {
            peaks,
            gains,
            recent,
            count,
        } = self;
        peaks.hear(frame, &mut |row, peaks| {
            let mut made = [Landmark::default(); MOST];
            let mut landmarks = 0;
            for peak in peaks {
                pair(recent, *count, *peak, &mut |landmark| {
                    made[landmarks] = landmark;
                    landmarks += 1;
                });
            }
            found(gains.hear(row), &mut made[..landmarks]);
            for peak in peaks {
                recent[*count % RECENT] = *peak;
                *count += 1;
            }
        });
    }

    /// Windows so far.
    pub const fn steps(&self) -> u32 {
        self.peaks.steps()
    }
}

impl Default for Landmarks {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Landmarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Landmarks")
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

/// Pairs a peak with the nearest before it.
fn pair(
    recent: &[SpectralPeak; RECENT],
    count: usize,
    later: SpectralPeak,
    found: &mut impl FnMut(Landmark),
) {
    let mut pairs = 0;
    for back in 1..=count.min(RECENT) {
        let earlier = recent[(count - back) % RECENT];
        let apart = later.step - earlier.step;
        if apart > FARTHEST {
            return;
        }
        if apart < NEAREST || earlier.bin.abs_diff(later.bin) > SPREAD {
            continue;
        }
        found(Landmark {
            step: later.step,
            kind: kind(earlier.bin, later.bin, apart),
        });
        pairs += 1;
        if pairs == FAN {
            return;
        }
    }
}

fn kind(earlier: u8, later: u8, apart: u32) -> u32 {
    debug_assert!(
        usize::from(earlier.max(later)) < BINS,
        "a bin is one of the spectrum's"
    );
    let bend = i32::from(later) - i32::from(earlier) + i32::from(SPREAD);
    (u32::from(earlier) << 12) | ((bend as u32 & 0x7F) << 5) | (apart & 0x1F)
}

/// Peaks that are kept to be paired.
const RECENT: usize = 128;

/// Pairs that one peak is the later of.
const FAN: usize = 4;

/// Landmarks of one window at most.
pub(super) const MOST: usize = PEAKS * FAN;

/// Windows between the peaks of a pair.
const NEAREST: u32 = 2;
const FARTHEST: u32 = 20;

/// Bins between the peaks of a pair: 980 Hz.
const SPREAD: u8 = 63;
