//! Whether an endpoint is well: when only one request tries whether it answers again, and when it is given up.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::schedule::spread;
use crate::store::WebhookHealth;

/// Whether so much has failed in a row that the endpoint is only probed.
pub(super) const fn is_probed(health: &WebhookHealth) -> bool {
    health.failures >= PROBED_FROM
}

/// Whether all that was tried for five days has failed.
pub(super) fn is_given_up(health: &WebhookHealth, now: Timestamp) -> bool {
    let failing = health.failing_since.map(|since| now.duration_since(since));
    failing.is_some_and(|failing| failing >= GIVEN_UP_AFTER)
}

/// The health after an attempt that succeeded.
pub(super) const fn after_success(now: Timestamp) -> WebhookHealth {
    WebhookHealth {
        failures: 0,
        failing_since: None,
        last_failure_at: None,
        last_success_at: Some(now),
        probe_at: None,
    }
}

/// The health after an attempt that failed.
pub(super) fn after_failure(health: &WebhookHealth, now: Timestamp, random: u64) -> WebhookHealth {
    // While nothing was tried, nothing failed.
    let was_quiet = health
        .last_failure_at
        .is_none_or(|last| now.duration_since(last) > QUIET);
    let failing_since = match health.failing_since {
        Some(since) if !was_quiet => since,
        Some(_) | None => now,
    };
    let failures = health.failures.saturating_add(1);
    let probe_at = (failures >= PROBED_FROM).then(|| {
        let doublings = (failures - PROBED_FROM).min(16);
        let pause = (SHORTEST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE);
        now.checked_add(spread(pause, random)).unwrap_or(now)
    });
    WebhookHealth {
        failures,
        failing_since: Some(failing_since),
        last_failure_at: Some(now),
        last_success_at: health.last_success_at,
        probe_at,
    }
}

/// Failures in a row from which on it is only probed.
const PROBED_FROM: u32 = 10;

/// Between probes: the first pause is doubled by each failure up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Longer than any pause between two attempts of one message.
const QUIET: SignedDuration = SignedDuration::from_hours(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_ten_failures_in_a_row_only_one_request_tries() {
        let mut health = WebhookHealth::default();
        for nth in 1..=9 {
            health = after_failure(&health, at(nth), 1 << 63);
            assert!(!is_probed(&health), "{nth}");
            assert_eq!(health.probe_at, None);
        }
        let mut pauses = Vec::new();
        for nth in 10..=20 {
            health = after_failure(&health, at(nth), 1 << 63);
            assert!(is_probed(&health));
            pauses.push(health.probe_at.unwrap().duration_since(at(nth)).as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300]);
        health = after_success(at(21));
        assert!(!is_probed(&health));
        assert_eq!((health.failures, health.failing_since), (0, None));
        assert_eq!(health.last_success_at, Some(at(21)));
    }

    #[test]
    fn five_days_of_failures_give_it_up_and_quiet_days_do_not() {
        let hour = 3_600;
        let mut health = after_failure(&WebhookHealth::default(), at(0), 0);
        for nth in 1..=4 {
            let now = at(nth * 29 * hour);
            health = after_failure(&health, now, 0);
            assert!(!is_given_up(&health, now), "{nth}");
        }
        let now = at(120 * hour);
        health = after_failure(&health, now, 0);
        assert!(is_given_up(&health, now));
        assert!(!is_given_up(&after_success(now), now));
        // A failure of last month was no attempt of this week.
        let later = at(1_000 * hour);
        health = after_failure(&health, later, 0);
        assert!(!is_given_up(&health, later));
        assert_eq!(health.failing_since, Some(later));
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }
}
