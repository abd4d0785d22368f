//! The time that a program goes by, from the clocks of its machine.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{ClockJudge, Doubt, Reading, now, since_boot, wall};

/// Wall time that never goes back and never jumps: see [`ClockJudge`]. Each use compares the clocks.
#[derive(Debug)]
pub struct Steady(Mutex<ClockJudge>);

impl Steady {
    /// Begins with the wall clock's time.
    pub fn start() -> Self {
        let first = read().unwrap_or_else(|| reading(since_boot()));
        Self(Mutex::new(ClockJudge::new(first)))
    }

    /// This moment, to the microsecond.
    pub fn now(&self) -> Timestamp {
        timestamp(read_into(&mut self.judge()))
    }

    /// When `at` will be on the clock that never goes back; this moment if it has passed.
    pub fn instant(&self, at: Timestamp) -> Instant {
        let ahead = at.duration_since(self.now());
        now() + Duration::try_from(ahead).unwrap_or_default()
    }

    /// Takes in what the database server's clock showed after [`Self::now`] was `given`.
    pub fn compare(&self, given: Timestamp, server: Timestamp) {
        if let Some(reading) = read() {
            self.judge()
                .compare(given.as_microsecond(), server.as_microsecond(), reading);
        }
    }

    /// Why the time cannot be relied on at this moment, if it cannot.
    pub fn doubt(&self) -> Option<Doubt> {
        let mut judge = self.judge();
        read_into(&mut judge);
        judge.doubt()
    }

    /// Whether the time can be relied on at this moment.
    pub fn is_certain(&self) -> bool {
        self.doubt().is_none()
    }

    fn judge(&self) -> MutexGuard<'_, ClockJudge> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_into(judge: &mut ClockJudge) -> i64 {
    match read() {
        Some(reading) => judge.read(reading),
        None => judge.pass(micros(since_boot())),
    }
}

/// Both clocks at one moment. A program that is stopped between the two would see a jump that there was not: `None` if
/// they cannot be read together.
fn read() -> Option<Reading> {
    for _ in 0..TRIES {
        let before = since_boot();
        let reading = reading(before);
        if since_boot().saturating_sub(before) <= TOGETHER {
            return Some(reading);
        }
    }
    None
}

fn reading(boot: Duration) -> Reading {
    let wall = Timestamp::try_from(wall()).map_or(0, Timestamp::as_microsecond);
    Reading {
        wall,
        boot: micros(boot),
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

const TRIES: usize = 5;

/// How far apart two clocks may be read.
const TOGETHER: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_with_the_time_that_passes_and_is_the_wall_clock_s() {
        let steady = Steady::start();
        let (first, second) = (steady.now(), steady.now());
        assert!(first <= second);
        let off = second.duration_since(Timestamp::try_from(wall()).unwrap());
        assert!(off.abs().as_secs() < 2, "{off:?}");
        assert!(steady.is_certain());
    }

    #[test]
    fn a_server_whose_clock_differs_puts_it_in_doubt() {
        for (ahead, is_certain) in [(0, true), (1, true), (3, false), (-3, false)] {
            let steady = Steady::start();
            let given = steady.now();
            steady.compare(given, given + Duration::from_secs(60));
            assert!(!steady.is_certain());
            let steady = Steady::start();
            let given = steady.now();
            let server = given.checked_add(jiff::SignedDuration::from_secs(ahead));
            steady.compare(given, server.unwrap());
            assert_eq!(steady.is_certain(), is_certain, "{ahead}");
        }
    }
}
