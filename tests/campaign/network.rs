//! What becomes of the drops of a test, by chance.

use std::time::Duration;

use aftertone::{
    campaign::budget::Calls,
    drop::{Outcome, Technique},
};

/// Numbers that look random; the same from one seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX, of which the upper half is good.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Whether something happens that happens so often in a thousand times.
    pub(crate) const fn permille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }
}

/// How drops end.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Outcomes, each as likely as the others; one that is listed twice is twice as likely.
    pub(crate) outcomes: Vec<Outcome>,
    /// The longest that a drop takes, in milliseconds; the shortest is a tenth.
    pub(crate) longest_ms: u64,
}

impl Network {
    /// Whose drops are all delivered in 20 to 60 seconds.
    pub(crate) fn good() -> Self {
        Self {
            outcomes: vec![Outcome::Delivered],
            longest_ms: 60_000,
        }
    }

    /// How a drop ends, after how long, and what it was on the trunk.
    pub(crate) fn drop(&self, technique: Technique, dice: &mut Dice) -> (Outcome, Duration, Calls) {
        let at = usize::try_from(dice.below(self.outcomes.len() as u64)).unwrap();
        let shortest = self.longest_ms / 10;
        let lasts = shortest + dice.below(self.longest_ms - shortest + 1);
        let outcome = self.outcomes[at];
        let talks = match outcome {
            Outcome::Human | Outcome::HungUp => Duration::from_secs(3),
            Outcome::Delivered
            | Outcome::NotVoicemail
            | Outcome::Unsure
            | Outcome::CutOff
            | Outcome::NoAnswer
            | Outcome::Busy
            | Outcome::Rejected
            | Outcome::InvalidNumber
            | Outcome::Congestion
            | Outcome::Failed
            | Outcome::Cancelled
            | Outcome::Lost
            | Outcome::Error => Duration::from_secs(30),
        };
        let calls = Calls::likely(technique, outcome, talks);
        (outcome, Duration::from_millis(lasts), calls)
    }
}
