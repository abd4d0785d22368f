//! What a simulation takes the network and its subscribers to do.

use std::time::Duration;

use crate::{
    campaign::seeded::Dice,
    drop::{Outcome, Technique},
};

/// What comes how often, for each technique: two calls reach more mailboxes, and fewer people, than one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// Of drops of two calls.
    pub double: Vec<Assumed>,
    /// Of drops of one call.
    pub single: Vec<Assumed>,
}

/// One way in which a drop may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumed {
    /// How the drop ends.
    pub outcome: Outcome,
    /// How often, against the sum of all weights.
    pub weight: u32,
    /// From the first originate to the answer, or to the end without an answer: the shortest and the longest, all
    /// between being as likely.
    pub rings: (Duration, Duration),
    /// From the answer to the end; zero without an answer.
    pub talks: (Duration, Duration),
}

/// How one drop ends.
pub(super) struct Drawn {
    pub(super) outcome: Outcome,
    pub(super) rings: Duration,
    pub(super) talks: Duration,
}

impl Assumptions {
    /// One drop by chance. If nothing is assumed it ends as an error at once.
    pub(super) fn draw(&self, technique: Technique, dice: &mut Dice) -> Drawn {
        let rows = match technique {
            Technique::Double => &self.double,
            Technique::Single | Technique::Adopted => &self.single,
        };
        let total: u64 = rows.iter().map(|row| u64::from(row.weight)).sum();
        let mut point = dice.below(total);
        for row in rows {
            let weight = u64::from(row.weight);
            if point < weight {
                return Drawn {
                    outcome: row.outcome,
                    rings: between(row.rings, dice),
                    talks: between(row.talks, dice),
                };
            }
            point -= weight;
        }
        Drawn {
            outcome: Outcome::Error,
            rings: Duration::ZERO,
            talks: Duration::ZERO,
        }
    }
}

fn between((shortest, longest): (Duration, Duration), dice: &mut Dice) -> Duration {
    let span = longest.saturating_sub(shortest).as_millis();
    let millis = dice.below(u64::try_from(span).unwrap_or(u64::MAX).saturating_add(1));
    shortest + Duration::from_millis(millis)
}

/// Guesses about a list of mobile numbers in North America with a message of half a minute: good for orders of
/// magnitude.
impl Default for Assumptions {
    fn default() -> Self {
        let row = |outcome, weight, rings: (u64, u64), talks: (u64, u64)| {
            let seconds = |(from, to)| (Duration::from_secs(from), Duration::from_secs(to));
            Assumed {
                outcome,
                weight,
                rings: seconds(rings),
                talks: seconds(talks),
            }
        };
        // Without an answer there is no talk.
        let never = (0, 0);
        let failures = [
            row(Outcome::Busy, 3, (1, 3), never),
            row(Outcome::Rejected, 1, (1, 6), never),
            row(Outcome::InvalidNumber, 5, (1, 3), never),
            row(Outcome::Congestion, 1, (1, 3), never),
            row(Outcome::Failed, 1, (1, 5), never),
        ];
        let double = [
            row(Outcome::Delivered, 72, (4, 9), (40, 60)),
            row(Outcome::Human, 4, (3, 12), (2, 4)),
            row(Outcome::HungUp, 2, (4, 9), (1, 5)),
            row(Outcome::NotVoicemail, 1, (4, 9), (10, 20)),
            row(Outcome::Unsure, 3, (4, 9), (10, 30)),
            row(Outcome::CutOff, 1, (4, 9), (20, 40)),
            row(Outcome::NoAnswer, 6, (47, 47), never),
        ];
        let single = [
            row(Outcome::Delivered, 58, (15, 30), (40, 60)),
            row(Outcome::Human, 15, (5, 20), (2, 4)),
            row(Outcome::HungUp, 3, (5, 20), (1, 5)),
            row(Outcome::NotVoicemail, 1, (15, 30), (10, 20)),
            row(Outcome::Unsure, 3, (15, 30), (10, 30)),
            row(Outcome::CutOff, 1, (15, 30), (20, 40)),
            row(Outcome::NoAnswer, 8, (45, 45), never),
        ];
        Self {
            double: double.into_iter().chain(failures).collect(),
            single: single.into_iter().chain(failures).collect(),
        }
    }
}
