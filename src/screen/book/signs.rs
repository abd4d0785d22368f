//! Signs: which parts of the spectrum gain on which, window by window.
//!
//! Landmarks find where a call may be in the book; signs say whether it is there. Of each two neighbouring bands it is noted which
//! one gained on the other within two windows (after J. Haitsma, T. Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR
//! 2002). Level, frequency response and codec change few of the signs, noise those of weak bands: those that are most
//! likely to stay are marked in the prompt.

use super::peaks::BINS;

/// Signs of a window.
pub(super) const SIGNS: usize = 32;

/// The signs of a window of a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// Of each pair of bands: the lower one gained on the upper one. Only for those that are sure.
    pub(super) rises: u32,
    /// The signs that are likely to be the same wherever the prompt is played; none where it is silent.
    pub(super) sure: u32,
}

/// By how much the lower band of each pair gained on the upper one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gains {
    gains: [f32; SIGNS],
    /// The window is no pause.
    sounds: bool,
}

impl Gains {
    /// The signs alone, as a call has them.
    pub(super) fn rises(&self) -> u32 {
        let mut rises = 0;
        for (nth, gain) in self.gains.iter().enumerate() {
            rises |= u32::from(*gain > 0.0) << nth;
        }
        rises
    }

    /// The signs, with the largest half of them marked.
    pub(super) fn signs(&self) -> Signs {
        let mut sizes = self.gains.map(f32::abs);
        sizes.sort_unstable_by(|a, b| b.total_cmp(a));
        let least = sizes[SURE - 1];
        let mut sure = 0;
        if self.sounds && least > 0.0 {
            for (nth, gain) in self.gains.iter().enumerate() {
                sure |= u32::from(gain.abs() >= least) << nth;
            }
        }
        Signs {
            rises: self.rises() & sure,
            sure,
        }
    }
}

/// Powers in, gains out.
pub(super) struct GainFinder {
    /// The last windows' bands, as a ring.
    bands: [[f32; SIGNS + 1]; LAG + 1],
    windows: usize,
    /// The strongest band of late, which falls slowly.
    loud: f32,
}

impl GainFinder {
    /// Nothing heard yet.
    pub(super) const fn new() -> Self {
        Self {
            bands: [[0.0; SIGNS + 1]; LAG + 1],
            windows: 0,
            loud: 0.0,
        }
    }

    /// Hears the powers of the next window.
    pub(super) fn hear(&mut self, row: &[f32; BINS]) -> Gains {
        let mut strongest = 0.0_f32;
        let now = self.windows % (LAG + 1);
        for (band, edges) in self.bands[now].iter_mut().zip(EDGES.windows(2)) {
            let bins = &row[usize::from(edges[0])..usize::from(edges[1])];
            *band = bins.iter().sum::<f32>() / bins.len() as f32;
            strongest = strongest.max(*band);
        }
        self.windows += 1;
        self.loud = strongest.max(self.loud * FADE);
        let (now, before) = (&self.bands[now], &self.bands[self.windows % (LAG + 1)]);
        Gains {
            gains: std::array::from_fn(|nth| {
                (now[nth] - now[nth + 1]) - (before[nth] - before[nth + 1])
            }),
            sounds: strongest >= (self.loud * LEAST).max(QUIET),
        }
    }
}

/// Windows from one to that with which it is compared, 64 ms: they do not overlap.
const LAG: usize = 2;

/// How many signs of a window are marked.
const SURE: usize = SIGNS / 2;

/// Where the bands begin, in bins above 250 Hz; the last ends there. They are equally wide on the mel scale.
const EDGES: [u8; SIGNS + 2] = [
    0, 3, 6, 9, 12, 15, 18, 22, 26, 30, 34, 38, 43, 47, 52, 57, 63, 68, 74, 80, 86, 93, 100, 107,
    115, 123, 131, 140, 149, 159, 168, 179, 190, 202,
];

/// A window whose strongest band is more than 30 dB under the strongest of late is a pause.
const LEAST: f32 = 1e-3;

/// What counts as the strongest of late falls by 6 dB a second.
const FADE: f32 = 0.956;

/// Weaker is noise of the line.
const QUIET: f32 = 5e6;
