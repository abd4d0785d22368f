//! The source of a campaign's contacts: what the store was asked, and when it is to be asked again.

use std::time::Duration;

use jiff::Timestamp;

use super::event::Next;

/// What is known of the contacts that the store still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    /// The next is due then.
    Known(Next),
    /// The store was asked and has not answered. Since then something became due at `earliest`, which its answer may
    /// not know. After `by` no answer is waited for any more.
    Asked { earliest: Next, by: Timestamp },
}

impl Supply {
    /// Whether the store has a contact for us at `now`, and was not asked yet.
    pub(super) fn is_due(self, now: Timestamp) -> bool {
        match self {
            Self::Known(next) => next <= Next::At(now),
            Self::Asked { .. } => false,
        }
    }

    /// When the store is to be asked, if that is known.
    pub(super) const fn next(self) -> Option<Timestamp> {
        match self {
            Self::Known(Next::At(at)) => Some(at),
            Self::Known(Next::Never) | Self::Asked { .. } => None,
        }
    }

    /// Until when the store's answer is waited for, if it is.
    pub(super) const fn answer_by(self) -> Option<Timestamp> {
        match self {
            Self::Asked { by, .. } => Some(by),
            Self::Known(_) => None,
        }
    }

    /// Whether the store has nothing left.
    pub(super) fn is_exhausted(self) -> bool {
        self == Self::Known(Next::Never)
    }

    /// The store is asked.
    pub(super) fn ask(&mut self, now: Timestamp) {
        *self = Self::Asked {
            earliest: Next::Never,
            by: now + ANSWER_WITHIN,
        };
    }

    /// No answer is waited for any more: the store is to be asked again. One that comes late is handed back.
    pub(super) fn give_up(&mut self, now: Timestamp) {
        match self {
            Self::Asked { .. } => *self = Self::Known(Next::At(now)),
            Self::Known(_) => {}
        }
    }

    /// A contact will be due then, that the store's last answer did not count.
    pub(super) fn note(&mut self, at: Timestamp) {
        match self {
            Self::Known(next) => *next = (*next).min(Next::At(at)),
            Self::Asked { earliest, .. } => *earliest = (*earliest).min(Next::At(at)),
        }
    }

    /// The store's answer; returns whether it had been asked. If it gives nothing although something is due, it is
    /// left alone for a moment.
    pub(super) fn answered(&mut self, next: Next, gave: bool, now: Timestamp) -> bool {
        let Self::Asked { earliest, .. } = *self else {
            return false;
        };
        let next = if gave {
            next
        } else {
            next.max(Next::At(now + PATIENCE))
        };
        *self = Self::Known(next.min(earliest));
        true
    }

    /// The store did not answer, for the `times`-th time in a row.
    pub(super) fn failed(&mut self, times: u32, now: Timestamp) {
        let wait = PATIENCE * 2_u32.saturating_pow(times.saturating_sub(1).min(5));
        *self = Self::Known(Next::At(now + wait.min(LONGEST_WAIT)));
    }
}

/// How long the store is left alone when it has nothing to give although it should.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long its answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How long it is left alone at most after it did not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_due_while_the_store_is_asked_is_not_forgotten() {
        let mut supply = Supply::Known(Next::At(at(0)));
        assert!(supply.is_due(at(0)));
        supply.ask(at(0));
        supply.note(at(50));
        assert!(!supply.is_due(at(100)));
        assert!(supply.answered(Next::Never, true, at(1)));
        assert_eq!(supply.next(), Some(at(50)));
    }

    #[test]
    fn an_answer_that_gives_nothing_is_not_asked_for_at_once_again() {
        let mut supply = Supply::Known(Next::At(at(0)));
        supply.ask(at(0));
        supply.answered(Next::At(at(0)), false, at(5));
        assert_eq!(supply.next(), Some(at(6)));
        supply.ask(at(0));
        supply.answered(Next::At(at(90)), false, at(6));
        assert_eq!(supply.next(), Some(at(90)));
        supply.ask(at(0));
        supply.answered(Next::Never, false, at(90));
        assert!(supply.is_exhausted());
        assert!(!supply.answered(Next::At(at(0)), true, at(91)));
    }

    #[test]
    fn waits_for_a_store_that_fails_grow() {
        let mut supply = Supply::Known(Next::Never);
        let waits: Vec<_> = (1..9)
            .map(|times| {
                supply.failed(times, at(0));
                supply.next().unwrap().as_second()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }
}
