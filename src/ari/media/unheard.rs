//! How long no sound of the far end came while a message was sent to it. Pure: time is an argument.

use std::time::{Duration, Instant};

/// The longest time without sound of the far end, since a message began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unheard {
    /// When sound came last, or the message began.
    since: Instant,
    longest: Duration,
}

impl Unheard {
    /// The message begins now.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            since: now,
            longest: Duration::ZERO,
        }
    }

    /// No sound has come until now.
    pub(super) fn note(&mut self, now: Instant) {
        let silent = now.saturating_duration_since(self.since);
        self.longest = self.longest.max(silent);
    }

    /// Sound came.
    pub(super) fn on_sound(&mut self, now: Instant) {
        self.note(now);
        self.since = now;
    }

    /// The longest time without sound, as far as it was noted.
    pub(super) const fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silence_counts_and_sound_begins_another() {
        let begin = crate::clock::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut unheard = Unheard::new(begin);
        unheard.on_sound(at(20));
        unheard.on_sound(at(320));
        unheard.note(at(400));
        assert_eq!(unheard.longest(), Duration::from_millis(300));
        unheard.note(at(720));
        assert_eq!(unheard.longest(), Duration::from_millis(400));
    }
}
