//! The only place that reads a clock. Everything else gets the time as an argument.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;

/// This moment on the clock that never goes back; differences of two are real time.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge where time enters"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// This moment on the wall clock, for what people and the PBX read.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge where time enters"
)]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// Waits until a deadline; for ever if there is none.
pub async fn reach(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// For how long this program was suspended, if it was: a process that is stopped, a virtual machine that is paused, a
/// disk that swaps. A deadline was due at `due` and is seen at `now`; one that is seen a little late was not slept through.
pub fn suspended_for(due: Instant, now: Instant) -> Option<Duration> {
    let late = now.saturating_duration_since(due);
    (late >= SUSPENDED).then_some(late)
}

/// How long what has come meanwhile may take to be read, from the sockets on, before a deadline that was due at `due` and
/// is seen at `now` acts; `None` if it is seen in time. A small delay may be the end of a long
/// suspension.
pub fn catch_up(due: Instant, now: Instant) -> Option<Duration> {
    let late = now.saturating_duration_since(due);
    (late >= IN_TIME).then(|| late.clamp(CATCH_UP_LEAST, CATCH_UP))
}

/// The lateness from which a deadline counts as slept through.
const SUSPENDED: Duration = Duration::from_millis(250);

/// The lateness that any deadline may have.
const IN_TIME: Duration = Duration::from_millis(10);

/// The shortest time to read what has come.
const CATCH_UP_LEAST: Duration = Duration::from_millis(30);

/// The longest one.
pub const CATCH_UP: Duration = Duration::from_millis(300);

/// Wall time that never goes back: the wall clock as it was read once, and the time that has passed since. If the wall
/// clock is ahead of that (it was set, or the machine slept), it is followed; if it is behind, it is not.
#[derive(Debug)]
pub struct Steady {
    /// In microseconds.
    began: i64,
    since: Instant,
    latest: AtomicI64,
}

impl Steady {
    /// Reads the wall clock.
    pub fn start() -> Self {
        let began = micros(wall());
        Self {
            began,
            since: now(),
            latest: AtomicI64::new(began),
        }
    }

    /// This moment, to the microsecond.
    pub fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = self.began.saturating_add(passed).max(micros(wall()));
        let latest = self.latest.fetch_max(now, Ordering::SeqCst).max(now);
        Timestamp::from_microsecond(latest).unwrap_or(Timestamp::MAX)
    }

    /// When `at` will be on the clock that never goes back; this moment if it has passed.
    pub fn instant(&self, at: Timestamp) -> Instant {
        let ahead = at.duration_since(self.now());
        now() + Duration::try_from(ahead).unwrap_or_default()
    }
}

fn micros(time: SystemTime) -> i64 {
    Timestamp::try_from(time).map_or(0, Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_is_seen_much_too_late_was_slept_through() {
        let due = now();
        for (late, slept) in [(0, false), (249, false), (250, true), (9_600, true)] {
            let late = Duration::from_millis(late);
            let expected = slept.then_some(late);
            assert_eq!(suspended_for(due, due + late), expected, "{late:?}");
        }
        assert_eq!(suspended_for(due + Duration::from_secs(1), due), None);
    }

    #[test]
    fn the_later_a_deadline_is_seen_the_longer_it_waits_for_what_has_come() {
        let due = now();
        for (late, wait) in [
            (0, None),
            (9, None),
            (10, Some(30)),
            (99, Some(99)),
            (9_600, Some(300)),
        ] {
            let wait = wait.map(Duration::from_millis);
            assert_eq!(
                catch_up(due, due + Duration::from_millis(late)),
                wait,
                "{late}"
            );
        }
        assert_eq!(catch_up(due + Duration::from_secs(1), due), None);
    }

    #[test]
    fn it_follows_a_wall_clock_that_is_ahead_and_never_goes_back() {
        let steady = Steady::start();
        let first = steady.now();
        assert!((micros(wall()) - first.as_microsecond()).abs() < 5_000_000);
        // As if the wall clock had been an hour ahead a moment ago.
        let ahead = first.as_microsecond() + 3_600_000_000;
        steady.latest.store(ahead, Ordering::SeqCst);
        assert_eq!(steady.now().as_microsecond(), ahead);
        // As if it had been an hour behind when it was read.
        let behind = Steady {
            began: micros(wall()) - 3_600_000_000,
            since: now(),
            latest: AtomicI64::new(0),
        };
        assert!((behind.now().as_microsecond() - micros(wall())).abs() < 5_000_000);
    }
}
