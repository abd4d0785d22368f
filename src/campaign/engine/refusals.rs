//! Whether a campaign's calls are refused as callees do, or as a trunk does that takes no calls from us.
//!
//! A number that is declined or does not exist is the callee's, and no error. If almost every number is, the trunk or
//! the carrier answers so, and a whole list is burnt in minutes. So the last drops are compared with all that the campaign
//! had before: a list that always had many dead numbers goes on, one whose numbers are suddenly all dead stops.

use std::collections::VecDeque;

use super::{event::PauseReason, settings::StopOn};
use crate::drop::Outcome;

/// The refusals among the last drops of a campaign, and among all before them.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    /// Whether each was refused, the latest last.
    run: VecDeque<bool>,
    before: Counts,
}

/// Drops, and how many of them were refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    refused: u64,
    of: u64,
}

impl Refusals {
    /// Whether an outcome counts as a refusal of the callee.
    pub(super) const fn is_one(outcome: Outcome) -> bool {
        match outcome {
            Outcome::Rejected | Outcome::InvalidNumber => true,
            Outcome::Delivered
            | Outcome::Human
            | Outcome::HungUp
            | Outcome::NotVoicemail
            | Outcome::Unsure
            | Outcome::CutOff
            | Outcome::NoAnswer
            | Outcome::Busy
            | Outcome::Congestion
            | Outcome::Failed
            | Outcome::Cancelled
            | Outcome::Lost
            | Outcome::Error => false,
        }
    }

    /// What the campaign had before this program ran it.
    pub(super) const fn had(&mut self, refused: u64, of: u64) {
        self.before.refused += refused;
        self.before.of += of;
    }

    /// Takes note of how a drop ended; returns why the campaign has to stop, if it has to.
    pub(super) fn note(&mut self, outcome: Outcome, stop: StopOn) -> Option<PauseReason> {
        if outcome == Outcome::Cancelled {
            return None;
        }
        self.run.push_back(Self::is_one(outcome));
        let most = (stop.at_least as usize).clamp(SHORTEST_RUN, LONGEST_RUN);
        while self.run.len() > most {
            self.shift();
        }
        if self.run.len() < most {
            return None;
        }
        let run = Counts {
            refused: self.run.iter().map(|&refused| u64::from(refused)).sum(),
            of: self.run.len() as u64,
        };
        let share = u64::from(stop.share.as_thousandths());
        let many = run.refused * 1_000 > share * run.of;
        (many && is_far_above(run, self.before)).then_some(PauseReason::Refusals {
            refused: run.refused,
            of: run.of,
            before: self.before.refused,
            of_before: self.before.of,
        })
    }

    /// A person has looked, and lets it go on: what it had so far is what it has.
    pub(super) fn accept(&mut self) {
        while !self.run.is_empty() {
            self.shift();
        }
    }

    fn shift(&mut self) {
        if let Some(refused) = self.run.pop_front() {
            self.had(u64::from(refused), 1);
        }
    }
}

/// Whether a run holds more refusals than chance brings, [`SIGMAS`] deviations above what there was before. If there
/// was nothing before, any number is.
fn is_far_above(run: Counts, before: Counts) -> bool {
    let [r, k, b, n] = [run.refused, run.of, before.refused, before.of].map(u128::from);
    let above = (r * n).saturating_sub(k * b);
    // (r - k b/n)^2 >= s^2 k (b/n) (1 - b/n), times n^2.
    n == 0 || (above > 0 && above * above >= SIGMAS * SIGMAS * k * b * (n - b.min(n)))
}

/// Fewest drops that a run is looked at for, however few [`StopOn::at_least`] asks for: one refusal is nothing.
const SHORTEST_RUN: usize = 20;

/// Most drops that are kept.
const LONGEST_RUN: usize = 1_000;

/// So far above, chance stops one campaign in a few thousand drops at most.
const SIGMAS: u128 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    use Outcome::{Delivered, InvalidNumber, NoAnswer, Rejected};

    #[test]
    fn a_trunk_that_refuses_all_is_found_at_the_first_numbers() {
        for outcome in [Rejected, InvalidNumber] {
            let mut refusals = Refusals::default();
            let stop = StopOn::default();
            let stopped = (1..=100).find(|_| refusals.note(outcome, stop).is_some());
            assert_eq!(stopped, Some(20));
        }
    }

    #[test]
    fn a_run_after_good_calls_stops_soon_and_says_what_there_was_before() {
        let mut refusals = Refusals::default();
        let stop = StopOn::default();
        for _ in 0..300 {
            assert_eq!(refusals.note(Delivered, stop), None);
        }
        let reasons = std::iter::repeat_with(|| refusals.note(InvalidNumber, stop));
        let (nth, reason) = (1..).zip(reasons).find(|(_, why)| why.is_some()).unwrap();
        assert_eq!(nth, 11, "more than half of the last 20");
        let expected = PauseReason::Refusals {
            refused: 11,
            of: 20,
            before: 0,
            of_before: 291,
        };
        assert_eq!(reason, Some(expected));
    }

    #[test]
    fn a_list_with_many_dead_numbers_goes_on() {
        let stop = StopOn::default();
        // Every second, third and fourth number is dead, as the list goes.
        for every in [2, 3, 4, 10] {
            let mut refusals = Refusals::default();
            for nth in 0..5_000 {
                let outcome = if nth % every == 0 { Rejected } else { NoAnswer };
                assert_eq!(refusals.note(outcome, stop), None, "1 in {every}, {nth}");
            }
            // And stops if all are, as far as chance can be ruled out.
            let stopped = (0..20).any(|_| refusals.note(Rejected, stop).is_some());
            assert!(stopped, "1 in {every}");
        }
    }

    #[test]
    fn who_lets_it_go_on_is_not_asked_again_about_the_same() {
        let mut refusals = Refusals::default();
        let stop = StopOn::default();
        while refusals.note(InvalidNumber, stop).is_none() {}
        refusals.accept();
        for _ in 0..1_000 {
            assert_eq!(refusals.note(InvalidNumber, stop), None);
        }
        let mut restarted = Refusals::default();
        restarted.had(20, 20);
        for _ in 0..1_000 {
            assert_eq!(restarted.note(InvalidNumber, stop), None);
        }
    }

    #[test]
    fn a_drop_that_was_cancelled_says_nothing() {
        let mut refusals = Refusals::default();
        for _ in 0..100 {
            assert_eq!(refusals.note(Outcome::Cancelled, StopOn::default()), None);
        }
        assert!(refusals.run.is_empty());
    }
}
