//! The ears' only clock: the count of samples since answer.

use std::{fmt, ops::Add};

/// Samples a second.
pub const RATE: usize = 8_000;

/// Samples in a hop: 10 ms, the ears' own pace.
pub(super) const HOP: usize = 80;

/// A moment of a call: samples since answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(pub u64);

impl At {
    /// Seconds since answer.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / RATE as f64
    }

    /// Whole milliseconds since answer.
    pub const fn millis(self) -> u64 {
        self.0 * 1_000 / RATE as u64
    }

    /// Seconds from an earlier moment to this one; 0 if it is not earlier.
    pub fn since(self, earlier: Self) -> f32 {
        self.0.saturating_sub(earlier.0) as f32 / RATE as f32
    }

    /// The moment this many seconds before, but not before the answer.
    pub(super) fn before(self, seconds: f32) -> Self {
        Self(self.0.saturating_sub(samples(seconds)))
    }
}

impl Add<f32> for At {
    type Output = Self;

    fn add(self, seconds: f32) -> Self {
        Self(self.0 + samples(seconds))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s", self.seconds())
    }
}

fn samples(seconds: f32) -> u64 {
    (seconds.max(0.0) * RATE as f32).round() as u64
}
