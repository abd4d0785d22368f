//! Closes every connection if the driver stalls, so that the PBX ends the calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::error;

/// A sign of life of the driver, which has to beat it at least once a second.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// Says that the driver turns.
    pub fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the driver has turned.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Watches the driver's pulse from the thread of the connections.
pub(super) struct Watchdog {
    pulse: Option<Pulse>,
    looks: Interval,
    standing: Standstill,
    /// Ends the connections of now.
    standstill: CancellationToken,
}

impl Watchdog {
    /// Needs a runtime around it. Without a `pulse` there is nothing to watch.
    pub(super) fn new(pulse: Option<Pulse>) -> Self {
        let mut looks = interval(LOOK);
        // A process that was suspended as a whole missed its checks as well: that counts as one check, not many.
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            pulse,
            looks,
            standing: Standstill::default(),
            standstill: CancellationToken::new(),
        }
    }

    /// Ends a connection that begins now if the driver stalls.
    pub(super) fn token(&self) -> CancellationToken {
        self.standstill.child_token()
    }

    /// Waits until the driver has stalled for too long. Can be cancelled.
    pub(super) async fn driver_stalls(&mut self) {
        let Some(pulse) = &self.pulse else {
            return std::future::pending().await;
        };
        loop {
            self.looks.tick().await;
            if self.standing.is_too_long(pulse.count()) {
                return;
            }
        }
    }

    /// The driver has stalled: no drop is attended to, so that every call must end.
    pub(super) fn end_all(&mut self, calls: usize) {
        if calls > 0 {
            error!(
                calls,
                seconds = STANDSTILL.as_secs(),
                "the driver has stalled; every call that is listened to is ended"
            );
            std::mem::take(&mut self.standstill).cancel();
        }
    }
}

/// For how long the driver has stalled, counted in checks of this thread.
#[derive(Debug, Default)]
struct Standstill {
    last: u64,
    looks: u32,
}

impl Standstill {
    /// Makes one check; returns whether the driver has stalled for too long, once for each such time.
    fn is_too_long(&mut self, count: u64) -> bool {
        if std::mem::replace(&mut self.last, count) != count {
            self.looks = 0;
            return false;
        }
        self.looks += 1;
        let too_long = LOOK * self.looks >= STANDSTILL;
        if too_long {
            self.looks = 0;
        }
        too_long
    }
}

/// How long the driver may stall while this thread runs.
const STANDSTILL: Duration = Duration::from_secs(5);

/// From one check of the driver to the next.
const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_is_counted_in_looks_of_its_own_thread() {
        let mut standing = Standstill::default();
        assert!(!standing.is_too_long(1));
        for _ in 0..4 {
            assert!(!standing.is_too_long(1));
        }
        assert!(standing.is_too_long(1));
        assert!(!standing.is_too_long(1), "and anew from there");
        assert!(!standing.is_too_long(2));
        for _ in 0..4 {
            assert!(!standing.is_too_long(2));
        }
        assert!(standing.is_too_long(2));
    }
}
