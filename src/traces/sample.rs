//! Which traces are sent, decided when the drop has ended.

use super::TraceParent;
use crate::{drop::Outcome, id::DropId};

/// Which traces are sent beside those of drops in which something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracesKept {
    /// How many of a hundred, 0 to 100.
    pub percent: u32,
}

impl TracesKept {
    /// Whether a trace is sent: what ended as `error`, `lost` or `unsure`, what the caller sends its own part of, and a part of
    /// the rest, by the drop's id.
    pub fn keeps(self, drop: DropId, outcome: Outcome, parent: Option<&TraceParent>) -> bool {
        let went_wrong = matches!(outcome, Outcome::Error | Outcome::Lost | Outcome::Unsure);
        let is_wanted = parent.is_some_and(|parent| parent.is_sampled);
        went_wrong || is_wanted || self.takes(random(drop))
    }

    fn takes(self, random: u64) -> bool {
        let range = u64::from(self.percent.min(100)) << RANDOM_BITS;
        random % (1 << RANDOM_BITS) * 100 < range
    }
}

/// The bits of a drop's id that are random.
pub(super) fn random(drop: DropId) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = drop.as_u128().to_be_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// How many bits of an id decide: its last. Those before them count the ids of a millisecond, and are alike in a burst of drops.
const RANDOM_BITS: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_sent_and_a_part_of_the_rest() {
        let sent = |percent, outcome, parent: Option<&str>| {
            let kept = TracesKept { percent };
            (0..4_000)
                .filter(|_| {
                    let parent = parent.and_then(TraceParent::parse);
                    kept.keeps(DropId::generate(), outcome, parent.as_ref())
                })
                .count()
        };
        for outcome in Outcome::ALL {
            let went_wrong = matches!(outcome, Outcome::Error | Outcome::Lost | Outcome::Unsure);
            let expected = if went_wrong { 4_000 } else { 0 };
            assert_eq!(sent(0, outcome, None), expected, "{outcome:?}");
        }
        assert_eq!(sent(100, Outcome::Delivered, None), 4_000);
        let some = sent(10, Outcome::Delivered, None);
        assert!((300..500).contains(&some), "{some} of 4,000");
        let caller =
            |flags| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        assert_eq!(sent(0, Outcome::Delivered, Some(&caller("01"))), 4_000);
        // Who does not send its own part may have ordered a drop that goes wrong all the same.
        assert_eq!(sent(0, Outcome::Delivered, Some(&caller("00"))), 0);
        assert_eq!(sent(0, Outcome::Lost, Some(&caller("00"))), 4_000);
    }
}
