//! What is counted of a campaign while it runs, for the views.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    campaign::{RefusedReason, engine::Settlement},
    drop::Outcome,
    store::Tally,
};

/// The contacts of one campaign by their state, and its pace.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    tally: Tally,
    /// What is in `tally` and was not written yet: the store does not count it.
    unwritten: Unwritten,
    /// Drops started by this controller.
    started: u64,
    starts: BySecond,
    /// Contacts that came to their end.
    ends: BySecond,
}

impl Account {
    /// Begins with the store's count.
    pub(super) fn new(tally: Tally) -> Self {
        Self {
            tally,
            ..Self::default()
        }
    }

    /// The contacts by their state.
    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Contacts were added or came back, or other controllers have settled some: the store has counted anew, behind all
    /// that [`Self::written`] was called for and before all else.
    pub(super) fn recount(&mut self, tally: Tally) {
        self.tally = tally;
        for (&outcome, &count) in &self.unwritten.outcomes {
            *self.tally.outcomes.entry(outcome).or_default() += count;
        }
        for (&reason, &count) in &self.unwritten.refused {
            *self.tally.refused.entry(reason).or_default() += count;
        }
    }

    /// A settlement that was noted is written, or, as the contact is another's, never will be.
    pub(super) fn written(&mut self, settlement: &Settlement) {
        match *settlement {
            Settlement::Refused(reason) => one_less(&mut self.unwritten.refused, reason),
            Settlement::Ended {
                outcome,
                again: None,
                ..
            } => one_less(&mut self.unwritten.outcomes, outcome),
            Settlement::Ended { again: Some(_), .. }
            | Settlement::Held { .. }
            | Settlement::NotDialled { .. } => {}
        }
    }

    /// The store has counted, and nothing of ours is still to be written: it is as it says.
    pub(super) fn set(&mut self, tally: Tally) {
        self.tally = tally;
    }

    /// A drop starts.
    pub(super) fn note_start(&mut self, now: Timestamp) {
        self.started += 1;
        self.starts.add(now);
    }

    /// A contact is settled.
    pub(super) fn note(&mut self, settlement: &Settlement, now: Timestamp) {
        match *settlement {
            Settlement::Refused(reason) => {
                *self.tally.refused.entry(reason).or_default() += 1;
                *self.unwritten.refused.entry(reason).or_default() += 1;
                self.ends.add(now);
            }
            Settlement::Ended {
                outcome,
                again: None,
                ..
            } => {
                *self.tally.outcomes.entry(outcome).or_default() += 1;
                *self.unwritten.outcomes.entry(outcome).or_default() += 1;
                self.ends.add(now);
            }
            Settlement::Ended { again: Some(_), .. } | Settlement::Held { .. } => {}
            Settlement::NotDialled { .. } => self.started = self.started.saturating_sub(1),
        }
    }

    /// Drops started by this controller.
    pub(super) const fn started(&self) -> u64 {
        self.started
    }

    /// Drops started in the last minute.
    pub(super) fn starts_a_minute(&self, now: Timestamp) -> u64 {
        self.starts.within(MINUTE, now)
    }

    /// Contacts that have not come to their end.
    pub(super) fn left(&self) -> u64 {
        let ended: u64 = self.tally.outcomes.values().sum();
        let refused: u64 = self.tally.refused.values().sum();
        self.tally.contacts.saturating_sub(ended + refused)
    }

    /// When all will have come to their end at the pace of the last minutes, if no contact is dialled before
    /// `idle_until`; `None` if there was no pace.
    pub(super) fn ends_at(
        &self,
        idle_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let left = self.left();
        if left == 0 {
            return Some(now);
        }
        let (ended, over) = self.ends.pace(PACE_OF, now)?;
        let millis = u128::from(left) * over.as_millis() / u128::from(ended);
        let rest = SignedDuration::from_millis(i64::try_from(millis).ok()?);
        let from = idle_until.map_or(now, |until| until.max(now));
        from.checked_add(rest).ok()
    }
}

/// Settlements that were noted and not written.
#[derive(Clone, Debug, Default)]
struct Unwritten {
    outcomes: BTreeMap<Outcome, u64>,
    refused: BTreeMap<RefusedReason, u64>,
}

fn one_less<K: Ord>(counts: &mut BTreeMap<K, u64>, of: K) {
    if let Some(count) = counts.get_mut(&of) {
        *count = count.saturating_sub(1);
    }
}

/// Counts of the last minutes, by the second.
#[derive(Clone, Debug, Default)]
struct BySecond {
    counts: VecDeque<(i64, u64)>,
}

impl BySecond {
    fn add(&mut self, now: Timestamp) {
        let second = now.as_second();
        match self.counts.back_mut() {
            Some((last, count)) if *last >= second => *count += 1,
            Some(_) | None => self.counts.push_back((second, 1)),
        }
        let oldest = second - i64::try_from(PACE_OF.as_secs()).unwrap_or(0);
        while self.counts.front().is_some_and(|(at, _)| *at <= oldest) {
            self.counts.pop_front();
        }
    }

    fn within(&self, span: Duration, now: Timestamp) -> u64 {
        let after = now.as_second() - i64::try_from(span.as_secs()).unwrap_or(0);
        let those = self.counts.iter().filter(|(at, _)| *at > after);
        those.map(|(_, count)| count).sum()
    }

    /// How many there were, in which time: since the first of the span, a second at least; `None` if there were none.
    fn pace(&self, span: Duration, now: Timestamp) -> Option<(u64, Duration)> {
        let count = self.within(span, now);
        let after = now.as_second() - i64::try_from(span.as_secs()).unwrap_or(0);
        let first = self.counts.iter().find(|(at, _)| *at > after)?.0;
        let seconds = u64::try_from(now.as_second() - first).unwrap_or(0);
        Some((count, Duration::from_secs(seconds.max(1))))
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// Over what time the pace is taken.
const PACE_OF: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::budget::Calls;

    #[test]
    fn contacts_are_counted_once_and_the_rest_is_reckoned_by_the_pace() {
        let mut account = Account::new(Tally {
            contacts: 100,
            ..Tally::default()
        });
        assert_eq!(account.ends_at(None, at(0)), None);
        for second in 0..20 {
            account.note(&ended(None), at(second));
            account.note(&ended(Some(at(9_000))), at(second));
        }
        account.note(&Settlement::Refused(RefusedReason::DoNotCall), at(20));
        assert_eq!(account.left(), 79);
        assert_eq!(account.tally().outcomes[&Outcome::Busy], 20);
        // 21 ended within 20 s.
        let rest = 79 * 20 / 21;
        let told = account.ends_at(None, at(20)).unwrap();
        assert_eq!(told.as_second(), 20 + rest);
        let told = account.ends_at(Some(at(3_600)), at(20)).unwrap();
        assert_eq!(told.as_second(), 3_600 + rest);
    }

    #[test]
    fn contacts_that_came_back_count_no_more_and_what_is_not_written_yet_counts() {
        let mut account = Account::new(Tally {
            contacts: 10,
            ..Tally::default()
        });
        for second in 0..4 {
            account.note(&ended(None), at(second));
        }
        account.note(&Settlement::Refused(RefusedReason::NoConsent), at(4));
        for _ in 0..3 {
            account.written(&ended(None));
        }
        // Two of the three that were written were requeued, a list has brought two contacts more, and another controller
        // has settled one.
        account.recount(Tally {
            contacts: 12,
            outcomes: [(Outcome::Busy, 1), (Outcome::Delivered, 1)].into(),
            ..Tally::default()
        });
        let tally = account.tally();
        assert_eq!(tally.outcomes[&Outcome::Busy], 2);
        assert_eq!(tally.outcomes[&Outcome::Delivered], 1);
        assert_eq!(tally.refused[&RefusedReason::NoConsent], 1);
        assert_eq!(account.left(), 8);
        account.written(&ended(None));
        account.written(&Settlement::Refused(RefusedReason::NoConsent));
        account.recount(Tally {
            contacts: 12,
            outcomes: [(Outcome::Busy, 2)].into(),
            ..Tally::default()
        });
        assert_eq!(account.left(), 10);
    }

    #[test]
    fn what_is_older_than_the_span_is_let_go_of() {
        let mut counts = BySecond::default();
        for second in 0..10_000 {
            counts.add(at(second));
            counts.add(at(second));
        }
        assert_eq!(counts.counts.len(), 300);
        assert_eq!(counts.within(MINUTE, at(9_999)), 120);
        assert_eq!(counts.within(MINUTE, at(10_100)), 0);
    }

    fn ended(again: Option<Timestamp>) -> Settlement {
        Settlement::Ended {
            attempt: 1,
            outcome: Outcome::Busy,
            calls: Calls::NONE,
            again,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }
}
