//! Which traces are sent, decided when the drop has ended.

use super::DropTrace;
use crate::drop::Outcome;

/// Which traces are sent beside those of drops in which something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracesKept {
    /// How many of a hundred, 0 to 100.
    pub percent: u32,
}

impl TracesKept {
    /// Whether a trace is sent: what ended as `error`, `lost` or `unsure`, what the caller sends its own part of, and a part of
    /// the rest, by the drop's id.
    pub fn keeps(self, trace: &DropTrace) -> bool {
        let went_wrong = matches!(
            trace.report.outcome,
            Outcome::Error | Outcome::Lost | Outcome::Unsure
        );
        let is_wanted = trace
            .parent
            .as_ref()
            .is_some_and(|parent| parent.is_sampled);
        went_wrong || is_wanted || self.takes(trace.random())
    }

    fn takes(self, random: u64) -> bool {
        let range = u64::from(self.percent.min(100)) << RANDOM_BITS;
        random % (1 << RANDOM_BITS) * 100 < range
    }
}

/// How many bits of an id decide: its last. Those before them count the ids of a millisecond, and are alike in a burst of drops.
const RANDOM_BITS: u32 = 32;

#[cfg(test)]
mod tests {
    use super::{super::spans::fixture, *};
    use crate::{id::DropId, traces::TraceParent};

    #[test]
    fn what_went_wrong_is_sent_and_a_part_of_the_rest() {
        let sent = |percent, outcome, parent: Option<&str>| {
            let kept = TracesKept { percent };
            (0..4_000)
                .filter(|_| {
                    kept.keeps(&DropTrace {
                        drop: DropId::generate(),
                        parent: parent.and_then(TraceParent::parse),
                        ..fixture(outcome)
                    })
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
