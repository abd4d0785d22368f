//! When a message is sent again.

use std::time::Duration;

use jiff::Timestamp;

/// A wait of so long from a moment on. A clock that is set back does not make it longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    until: Timestamp,
    span: Duration,
}

impl Wait {
    /// From this moment on.
    pub(super) fn new(now: Timestamp, span: Duration) -> Self {
        let until = now.checked_add(span).unwrap_or(now);
        Self { until, span }
    }

    /// One that another process began, which was no longer than this.
    pub(super) const fn known(until: Timestamp, span: Duration) -> Self {
        Self { until, span }
    }

    /// Until when, as it is known.
    pub(super) const fn until(self) -> Timestamp {
        self.until
    }

    /// Until when at the most, from this moment on: what is left cannot be more than the whole.
    #[must_use]
    pub(super) fn bounded(self, now: Timestamp) -> Self {
        let most = Self::new(now, self.span);
        Self {
            until: self.until.min(most.until),
            ..self
        }
    }
}

/// What passes before each attempt, counted from the one before it: 75.6 h in all.
pub const SCHEDULE: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(14 * HOUR),
    Duration::from_secs(20 * HOUR),
    Duration::from_secs(24 * HOUR),
];

/// How long to wait after so many attempts, 1 at least; `None`: there are no more. An endpoint that named a time is not sent to
/// sooner. `random` spreads messages that failed together.
pub(super) fn next_attempt(
    attempts: u32,
    retry_after: Option<Duration>,
    random: u64,
) -> Option<Duration> {
    let at = usize::try_from(attempts).unwrap_or(usize::MAX);
    let usual = spread(*SCHEDULE.get(at)?, random);
    Some(usual.max(retry_after.map_or(Duration::ZERO, capped)))
}

/// How long a message waits at most after so many attempts, clocks of several servers being a little apart. What an endpoint asks
/// for beyond that holds for the endpoint, not for its messages.
pub(super) fn longest_waits() -> Vec<(u32, Duration)> {
    let all = (0..).zip(SCHEDULE);
    all.map(|(attempts, usual)| (attempts, spread(usual, u64::MAX) + APART))
        .collect()
}

/// A span, up to a fifth shorter or longer.
pub(super) fn spread(span: Duration, random: u64) -> Duration {
    // 32 bits are fine enough for a day in microseconds.
    let share = (random >> 32) as f64 / f64::from(u32::MAX);
    span.mul_f64(0.8 + 0.4 * share)
}

/// What is heeded of a time that an endpoint names.
pub(super) fn capped(retry_after: Duration) -> Duration {
    retry_after.min(LONGEST_HEEDED)
}

/// How far clocks of servers are apart at most.
const APART: Duration = Duration::from_secs(10);

const HOUR: u64 = 3_600;

/// A `Retry-After` beyond it is taken as this.
pub(super) const LONGEST_HEEDED: Duration = Duration::from_secs(HOUR);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_no_wait_longer() {
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let wait = Wait::new(at(0), Duration::from_secs(90));
        assert_eq!(wait.until(), at(90));
        assert_eq!(wait.bounded(at(60)), wait);
        assert_eq!(wait.bounded(at(200)), wait);
        let back = wait.bounded(at(-3_600));
        assert_eq!(back.until(), at(-3_510));
        // It is over once so much has passed.
        assert_eq!(back.bounded(at(-3_550)).until(), at(-3_510));
    }

    #[test]
    fn ten_attempts_take_three_days() {
        let all: Duration = SCHEDULE.iter().sum();
        assert_eq!(all.as_secs(), 5 + 300 + 1_800 + 75 * HOUR);
        for (attempts, seconds) in [
            (1, 5),
            (2, 300),
            (3, 1_800),
            (4, 2 * HOUR),
            (5, 5 * HOUR),
            (6, 10 * HOUR),
            (7, 14 * HOUR),
            (8, 20 * HOUR),
            (9, 24 * HOUR),
        ] {
            let span = |random| next_attempt(attempts, None, random).unwrap().as_secs_f64();
            let (least, most) = (seconds as f64 * 0.8, seconds as f64 * 1.2);
            assert!((span(0) - least).abs() < 0.001, "{attempts}");
            assert!((span(u64::MAX) - most).abs() < 0.001, "{attempts}");
            for random in (0..64).map(|nth: u64| nth.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
                assert!((least..=most).contains(&span(random)), "{attempts}");
            }
        }
        assert_eq!(next_attempt(10, None, 0), None);
        assert_eq!(next_attempt(u32::MAX, Some(Duration::ZERO), 0), None);
    }

    #[test]
    fn a_time_that_was_named_is_waited_for_an_hour_at_most() {
        let after = |attempts, seconds| {
            next_attempt(attempts, Some(Duration::from_secs(seconds)), 1 << 63)
                .unwrap()
                .as_secs()
        };
        assert_eq!(after(1, 60), 60);
        assert_eq!(after(1, 0), 5);
        assert_eq!(after(1, 90_000), HOUR);
        // The schedule is later.
        assert_eq!(after(4, 60), 2 * HOUR);
    }
}
