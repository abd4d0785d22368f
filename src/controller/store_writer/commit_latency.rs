//! Whether the store keeps up: if a commit takes seconds, decisions grow too old to be dialled on.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::controller::launch_pacer::STALE_AFTER;

/// How long the store takes to make something durable.
#[derive(Debug, Default)]
pub(in crate::controller) struct CommitLatency {
    slow: Option<Slow>,
}

/// A time in which the store is slow.
#[derive(Debug)]
struct Slow {
    /// What the first took: it is reported once, and does not change with each.
    first: Duration,
    /// When the last one was.
    last: Instant,
}

impl CommitLatency {
    /// One took so long; returns whether the store is slow by now and was not, or the other way round.
    pub(in crate::controller) fn note(&mut self, took: Duration, now: Instant) -> bool {
        let is_slow = took >= SLOW;
        match &mut self.slow {
            Some(slow) if is_slow => {
                slow.last = now;
                false
            }
            Some(slow) if now.duration_since(slow.last) < SURE_AFTER => false,
            Some(_) => {
                self.slow = None;
                info!("the database is no longer slow");
                true
            }
            None if is_slow => {
                let (first, last) = (took, now);
                self.slow = Some(Slow { first, last });
                let seconds = took.as_secs_f64();
                warn!(
                    seconds,
                    "the database is slow, so less is dialled than might be"
                );
                true
            }
            None => false,
        }
    }

    /// Why little or nothing is dialled, for people; `None` if the store keeps up.
    pub(in crate::controller) fn words(&self) -> Option<String> {
        let slow = self.slow.as_ref()?;
        Some(format!(
            "the database is slow ({:.1} s per commit); drops delayed by more than {} s are re-queued",
            slow.first.as_secs_f64(),
            STALE_AFTER.as_secs()
        ))
    }
}

/// What a commit that is slow takes: a drop waits for two of them, that of those before it and its own, and has
/// [`STALE_AFTER`] to begin.
const SLOW: Duration = Duration::from_secs(2);

/// For how long none may have been slow before the store is taken to keep up: single ones alternate with others.
const SURE_AFTER: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_slow_store_is_reported_once_until_it_keeps_up_again() {
        let (mut haste, start) = (CommitLatency::default(), clock::now());
        // At a second, what took so many ms; whether it is reported, and what is shown then.
        let rows = [
            (0, 900, false, None),
            (3, 6_240, true, Some("6.2 s per commit")),
            (6, 3_000, false, Some("6.2 s per commit")),
            (7, 20, false, Some("6.2 s per commit")),
            (30, 2_000, false, Some("6.2 s per commit")),
            (59, 20, false, Some("6.2 s per commit")),
            (60, 20, true, None),
            (61, 20, false, None),
            (70, 2_500, true, Some("2.5 s per commit")),
        ];
        for (second, millis, told, expected) in rows {
            let now = start + Duration::from_secs(second);
            let changed = haste.note(Duration::from_millis(millis), now);
            assert_eq!(changed, told, "at {second}");
            let words = haste.words();
            let fits = match (&words, expected) {
                (Some(words), Some(part)) => words.contains(part),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            assert!(fits, "at {second}: {words:?}");
        }
    }
}
