//! Chance that is the same every time.

use crate::test_speech::Random;

/// What is left to chance in one item: it depends on the seed, the kind and the item's number among its kind, and on no
/// other item.
pub(crate) struct Dice(Random);

impl Dice {
    /// The dice of one item.
    pub(crate) fn of(seed: u64, kind: &str, nth: usize) -> Self {
        let mut hash = digest(kind.as_bytes(), BASIS) ^ seed.wrapping_mul(PRIME);
        hash = digest(&(nth as u64).to_le_bytes(), hash);
        Self(Random(hash))
    }

    /// Evenly from `low` to `high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.unit()
    }

    /// Whether it happens, of a share of cases from 0.0 to 1.0.
    pub(crate) fn chance(&mut self, share: f32) -> bool {
        self.0.unit() < share
    }

    /// One below `count`, which is at least 1.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        ((self.0.unit() * count as f32) as usize).min(count - 1)
    }

    /// One of several, of which there is at least one.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// One of several by their shares, which sum to 1.0.
    pub(crate) fn share<T: Copy>(&mut self, of: &[(f32, T)]) -> T {
        let mut left = self.0.unit();
        for &(share, one) in &of[..of.len() - 1] {
            if left < share {
                return one;
            }
            left -= share;
        }
        of[of.len() - 1].1
    }

    /// Evenly from one of several ranges, each with its share.
    pub(crate) fn range(&mut self, of: &[(f32, (f32, f32))]) -> f32 {
        let (low, high) = self.share(of);
        self.between(low, high)
    }

    /// Normally distributed, mean 0, deviation 1: twelve even ones, which is near enough for noise.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.0.unit()).sum::<f32>() - 6.0
    }
}

/// A digest of bytes (FNV-1a, 64 bit), continued from another.
pub(crate) fn digest(bytes: &[u8], from: u64) -> u64 {
    bytes.iter().fold(from, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(PRIME)
    })
}

/// The digest of nothing.
pub(crate) const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

const PRIME: u64 = 0x0000_0100_0000_01b3;
