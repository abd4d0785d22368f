//! Numbers that look random and are the same in every run.

/// A number that depends on all parts and their order. Choices that were made by it are stored nowhere, so it never
/// changes from one version of the program to the next. (The finaliser is that of SplitMix64: Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014.)
pub(super) fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |state, &part| {
        let mut z = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// A row of such numbers from a seed.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// A number below `bound`; 0 if that is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.thrown += 1;
        mix(&[self.seed, self.thrown])
            .checked_rem(bound)
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_spread_and_stay() {
        let mut dice = Dice::new(1);
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            counts[usize::try_from(dice.below(10)).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|n| (900..1_100).contains(n)),
            "{counts:?}"
        );
        assert_eq!(dice.below(0), 0);
        assert_ne!(mix(&[1, 2]), mix(&[2, 1]));
        // The first number of SplitMix64 from the seed 0.
        assert_eq!(mix(&[0]), 0xe220_a839_7b1d_cdaf);
    }
}
