//! The only place that reads a clock. Everything else is told what time it is.

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

/// Wall time that never goes back: the wall clock as it was read once, and the time that has passed since. Where the wall
/// clock is found ahead of that (it was set, or the machine slept), it is followed; where it is behind, it is not.
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

    /// When `at` will be on the clock that never goes back; this moment where it has passed.
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
