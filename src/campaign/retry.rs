//! What follows an outcome: whether the contact is dialled once more, and when.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use thiserror::Error;

use super::{
    ids::ContactId,
    policy::{self, Counted, Limit},
    seeded::mix,
};
use crate::drop::{Outcome, Retry};

/// How long to wait before the next attempt, and after how many to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first attempt, one second or more.
    pub first: Duration,
    /// How much longer each wait is than the one before, 1 to 10.
    pub factor: u32,
    /// The longest wait.
    pub longest: Duration,
    /// How many attempts a contact may have had, this one included, for another to follow; 1 to 100. Attempts with
    /// other outcomes count.
    pub attempts: u32,
}

impl Backoff {
    /// The wait after so many attempts, before it is spread.
    fn wait(&self, attempts: u32) -> Duration {
        let steps = attempts.saturating_sub(1).min(64);
        let mut wait = self.first;
        for _ in 0..steps {
            if wait >= self.longest {
                break;
            }
            wait = wait.saturating_mul(self.factor);
        }
        wait.min(self.longest).max(SHORTEST)
    }
}

/// Why a retry cannot be set as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RetryError {
    /// Another attempt after this outcome makes no sense, or only a person may start it.
    #[error("a contact is never redialled automatically after `{0}`")]
    Never(Outcome),
    /// The backoff is out of its bounds.
    #[error("a retry waits 1 second or more, its factor is 1 to 10 and its attempts are 2 to 100")]
    Bounds,
}

/// What follows each outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryRules {
    rules: BTreeMap<Outcome, Backoff>,
    most: u32,
}

impl RetryRules {
    /// Most attempts at a contact over all outcomes, unless set.
    pub const MOST_ATTEMPTS: u32 = 5;

    /// No retry after any outcome.
    pub const fn none() -> Self {
        Self {
            rules: BTreeMap::new(),
            most: 1,
        }
    }

    /// Sets, or with `None` takes away, the retry after an outcome.
    ///
    /// # Errors
    /// [`RetryError`] if the outcome's row in the table of outcomes forbids it, or a value is out of its bounds.
    pub fn set(&mut self, after: Outcome, backoff: Option<Backoff>) -> Result<(), RetryError> {
        let Some(backoff) = backoff else {
            self.rules.remove(&after);
            return Ok(());
        };
        match after.retry() {
            Retry::Yes | Retry::YesLater | Retry::Policy => {}
            Retry::No | Retry::Never | Retry::NeverByItself => {
                return Err(RetryError::Never(after));
            }
        }
        let fits = backoff.first >= SHORTEST
            && backoff.longest <= LONGEST
            && (1..=10).contains(&backoff.factor)
            && (2..=100).contains(&backoff.attempts);
        if !fits {
            return Err(RetryError::Bounds);
        }
        self.rules.insert(after, backoff);
        Ok(())
    }

    /// Sets the most attempts at a contact over all outcomes, 1 to 100; values beyond are brought within.
    pub fn set_most_attempts(&mut self, most: u32) {
        self.most = most.clamp(1, 100);
    }

    /// The most attempts at a contact over all outcomes.
    pub const fn most_attempts(&self) -> u32 {
        self.most
    }

    /// The retry after an outcome, if there is one.
    pub fn get(&self, after: Outcome) -> Option<&Backoff> {
        self.rules.get(&after)
    }

    /// When the contact is to be dialled again after an attempt, the `attempts`-th, ended like this; `None`: never.
    ///
    /// The moment is spread by up to a tenth of the wait, by the contact and its attempt alone: those that failed
    /// together do not come back together, and a restart finds the same moment. Whether it may be dialled then is for the
    /// gate.
    pub fn next(
        &self,
        outcome: Outcome,
        contact: ContactId,
        attempts: u32,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let backoff = self.rules.get(&outcome)?;
        if attempts >= backoff.attempts.min(self.most) {
            return None;
        }
        let wait = backoff.wait(attempts);
        let part = mix(&[contact.0.cast_unsigned(), attempts.into()]) % SPREAD_STEPS;
        let steps = u32::try_from(part).unwrap_or(0);
        let spread = wait / SPREAD_PART * steps / u32::try_from(SPREAD_STEPS).unwrap_or(1);
        now.checked_add(wait + spread).ok()
    }
}

/// A retry that a cap of the gate does not let happen when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateRetry {
    /// The outcome that it follows.
    pub after: Outcome,
    /// Which attempt it is, from 2 on.
    pub attempt: u32,
    /// How long it is to wait.
    pub wait: Duration,
    /// The cap that holds it longer.
    pub cap: Limit,
}

impl RetryRules {
    /// The first retry after each outcome that a cap holds longer than it is to wait, for drops of so many calls. Outcomes
    /// that count only if something alerted are left out, and so is the spread of waits.
    pub fn late(&self, caps: &[Limit], calls: u32) -> Vec<LateRetry> {
        let counting = self
            .rules
            .iter()
            .filter(|(outcome, _)| policy::counts(**outcome, false));
        counting
            .filter_map(|(&after, backoff)| {
                let mut starts = vec![Duration::ZERO];
                for attempt in 2..=backoff.attempts.min(self.most) {
                    let wait = backoff.wait(attempt - 1);
                    let at = starts.last()?.saturating_add(wait);
                    if let Some(&cap) = caps.iter().find(|cap| holds(cap, &starts, at, calls)) {
                        return Some(LateRetry {
                            after,
                            attempt,
                            wait,
                            cap,
                        });
                    }
                    starts.push(at);
                }
                None
            })
            .collect()
    }
}

impl fmt::Display for LateRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            after,
            attempt,
            wait,
            cap,
        } = self;
        let seconds = wait.as_secs();
        let (number, unit) = match seconds {
            _ if seconds.is_multiple_of(3_600) => (seconds / 3_600, "h"),
            _ if seconds.is_multiple_of(60) => (seconds / 60, "m"),
            _ => (seconds, "s"),
        };
        write!(
            f,
            "attempt {attempt}, {number}{unit} after `{after}`, cannot happen then: the cap `{cap}` holds it longer"
        )
    }
}

/// Whether a cap leaves no room for a drop at a moment, after earlier ones.
fn holds(cap: &Limit, starts: &[Duration], at: Duration, calls: u32) -> bool {
    let weight = match cap.of {
        Counted::Drops => 1,
        Counted::Calls => calls,
    };
    let hours = Duration::from_secs(3_600 * u64::from(cap.hours));
    let used = starts
        .iter()
        .filter(|start| start.saturating_add(hours) > at)
        .count();
    let used = u32::try_from(used).unwrap_or(u32::MAX);
    used.saturating_add(1).saturating_mul(weight) > cap.most
}

/// The waits agree with the gate's default caps: after a drop that counts for them, a day; the others can come sooner.
///
/// Callees that were out or busy, the network's troubles and doubtful ends are tried again; a person who answered, one
/// who declined, and a mailbox that holds part of the message are left in peace.
impl Default for RetryRules {
    fn default() -> Self {
        let backoff = |first_minutes: u64, factor, longest_hours: u64, attempts| Backoff {
            first: Duration::from_secs(60 * first_minutes),
            factor,
            longest: Duration::from_secs(3600 * longest_hours),
            attempts,
        };
        let rules = [
            (Outcome::NoAnswer, backoff(24 * 60, 1, 24, 3)),
            (Outcome::Busy, backoff(15, 2, 4, 4)),
            (Outcome::Congestion, backoff(5, 2, 2, 5)),
            (Outcome::Failed, backoff(30, 2, 4, 3)),
            (Outcome::HungUp, backoff(24 * 60, 1, 24, 2)),
            (Outcome::Unsure, backoff(24 * 60, 1, 24, 2)),
        ];
        Self {
            rules: BTreeMap::from(rules),
            most: Self::MOST_ATTEMPTS,
        }
    }
}

/// The shortest wait.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest wait that can be set.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A wait is spread by up to this part of it.
const SPREAD_PART: u32 = 10;

/// In how many steps.
const SPREAD_STEPS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_retried_as_its_row_says() {
        let rules = RetryRules::default();
        for (outcome, retried) in [
            (Outcome::Delivered, false),
            (Outcome::Human, false),
            (Outcome::HungUp, true),
            (Outcome::NotVoicemail, false),
            (Outcome::Unsure, true),
            (Outcome::CutOff, false),
            (Outcome::NoAnswer, true),
            (Outcome::Busy, true),
            (Outcome::Rejected, false),
            (Outcome::InvalidNumber, false),
            (Outcome::Congestion, true),
            (Outcome::Failed, true),
            (Outcome::Cancelled, false),
            (Outcome::Lost, false),
            (Outcome::Error, false),
        ] {
            let next = rules.next(outcome, ContactId(1), 1, at(0));
            assert_eq!(next.is_some(), retried, "{outcome}");
        }
    }

    #[test]
    fn the_default_retries_agree_with_the_default_caps() {
        let caps = policy::GateSettings::default().limits;
        let rules = RetryRules::default();
        for calls in [1, 2] {
            assert_eq!(rules.late(&caps, calls), [], "{calls}");
        }
        // With the longest waits that the spread makes of them, too: the caps are asked at the moment itself.
        let next = rules
            .next(Outcome::NoAnswer, ContactId(1), 1, at(0))
            .unwrap();
        assert!(next.as_second() >= 24 * 3_600);
    }

    #[test]
    fn a_retry_that_a_cap_holds_is_named() {
        let caps = policy::GateSettings::default().limits;
        let hours = |n: u64| Duration::from_secs(3_600 * n);
        let late = |after, first, attempts, caps: &[Limit], calls| {
            let mut rules = RetryRules::none();
            rules.set_most_attempts(100);
            let backoff = Backoff {
                first,
                factor: 1,
                longest: first,
                attempts,
            };
            rules.set(after, Some(backoff)).unwrap();
            let late = rules.late(caps, calls);
            late.first().map(ToString::to_string).unwrap_or_default()
        };
        assert_eq!(
            late(Outcome::NoAnswer, hours(4), 3, &caps, 2),
            "attempt 2, 4h after `no_answer`, cannot happen then: the cap `1 per 24h` holds it longer"
        );
        assert_eq!(
            late(Outcome::HungUp, Duration::from_secs(900), 2, &caps, 2),
            "attempt 2, 15m after `hung_up`, cannot happen then: the cap `1 per 24h` holds it longer"
        );
        assert_eq!(
            late(Outcome::NoAnswer, hours(24), 4, &caps, 2),
            "attempt 4, 24h after `no_answer`, cannot happen then: the cap `3 per 7d` holds it longer"
        );
        // Nothing rang, so that nothing is held.
        for outcome in [Outcome::Busy, Outcome::Congestion, Outcome::Failed] {
            assert_eq!(
                late(outcome, Duration::from_secs(300), 5, &caps, 2),
                "",
                "{outcome}"
            );
        }
        let calls = [Limit {
            most: 3,
            hours: 24,
            of: Counted::Calls,
        }];
        assert_eq!(
            late(Outcome::NoAnswer, hours(4), 2, &calls, 2),
            "attempt 2, 4h after `no_answer`, cannot happen then: the cap `3 calls per 24h` holds it longer"
        );
        assert_eq!(late(Outcome::NoAnswer, hours(4), 2, &calls, 1), "");
    }

    #[test]
    fn what_must_not_be_retried_cannot_be_set() {
        let mut rules = RetryRules::none();
        let backoff = *RetryRules::default().get(Outcome::Busy).unwrap();
        for outcome in Outcome::ALL {
            let set = rules.set(outcome, Some(backoff));
            let may = matches!(
                outcome.retry(),
                Retry::Yes | Retry::YesLater | Retry::Policy
            );
            assert_eq!(set.is_ok(), may, "{outcome}");
        }
        let endless = Backoff {
            factor: 0,
            ..backoff
        };
        assert_eq!(
            rules.set(Outcome::Busy, Some(endless)),
            Err(RetryError::Bounds)
        );
        rules.set(Outcome::Busy, None).unwrap();
        assert_eq!(rules.get(Outcome::Busy), None);
    }

    #[test]
    fn waits_grow_to_the_longest_and_attempts_come_to_an_end() {
        let mut rules = RetryRules::none();
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let backoff = Backoff {
            first: minutes(10),
            factor: 3,
            longest: minutes(60),
            attempts: 5,
        };
        rules.set(Outcome::Busy, Some(backoff)).unwrap();
        rules.set_most_attempts(100);
        let waits: Vec<_> = (1..=5)
            .map(|attempts| {
                let next = rules.next(Outcome::Busy, ContactId(7), attempts, at(0));
                next.map(|at| at.as_second())
            })
            .collect();
        for (wait, minutes) in waits[..4].iter().zip([10, 30, 60, 60]) {
            let wait = wait.unwrap();
            assert!((60 * minutes..=66 * minutes).contains(&wait), "{waits:?}");
        }
        assert_eq!(waits[4], None);
        rules.set_most_attempts(2);
        assert_eq!(rules.next(Outcome::Busy, ContactId(7), 2, at(0)), None);
    }

    #[test]
    fn those_who_failed_together_come_back_spread_and_a_restart_agrees() {
        let rules = RetryRules::default();
        let next = |id| rules.next(Outcome::Busy, ContactId(id), 1, at(0)).unwrap();
        let times: std::collections::BTreeSet<_> = (0..100).map(next).collect();
        assert!(times.len() > 80, "{}", times.len());
        assert_eq!(next(5), next(5));
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }
}
