//! The only place that reads a clock. Everything else gets the time as an argument.

mod judge;
mod steady;

use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};

pub use self::{
    judge::{CLOCKS_WITHIN, ClockJudge, Doubt, Reading},
    steady::Steady,
};

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

/// How long the machine has been up, the time in which it was suspended included. Nobody sets this clock, it never goes back,
/// and all processes of the machine share it.
pub fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(SINCE_BOOT)).unwrap_or_default()
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

#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::Boottime;

/// Suspension is not seen here.
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::Monotonic;

/// The lateness from which a deadline counts as slept through.
const SUSPENDED: Duration = Duration::from_millis(250);

/// The lateness that any deadline may have.
const IN_TIME: Duration = Duration::from_millis(10);

/// The shortest time to read what has come.
const CATCH_UP_LEAST: Duration = Duration::from_millis(30);

/// The longest one.
pub const CATCH_UP: Duration = Duration::from_millis(300);

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
}
