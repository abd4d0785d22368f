//! How often callers have typed a PIN that was wrong, by their numbers. What a PIN's own tries come to is in the store; this is in
//! memory, and a second line: a number can be made up.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The callers who were wrong within the last hour.
#[derive(Clone, Debug, Default)]
pub struct CallerTries {
    /// By the digits of their number, or by their extension; those who withhold it are one.
    wrong: BTreeMap<String, (u32, Instant)>,
}

impl CallerTries {
    /// Wrong tries of one caller after which no further one is looked at until [`Self::REST`] has gone by.
    pub const MOST: u32 = 10;

    /// How long a caller who was wrong too often has to wait, from the last time on.
    pub const REST: Duration = Duration::from_secs(3_600);

    /// Whether a PIN of this caller is looked at.
    pub fn may_try(&self, caller: &str, now: Instant) -> bool {
        let found = self.wrong.get(self.key(caller));
        found.is_none_or(|(count, last)| *count < Self::MOST || is_over(*last, now))
    }

    /// A PIN of this caller was wrong.
    pub fn note_wrong(&mut self, caller: &str, now: Instant) {
        if self.wrong.len() >= CALLERS {
            self.wrong.retain(|_, (_, last)| !is_over(*last, now));
        }
        let key = self.key(caller).to_owned();
        let (count, last) = self.wrong.entry(key).or_insert((0, now));
        *count = if is_over(*last, now) { 1 } else { *count + 1 };
        *last = now;
    }

    /// A PIN of this caller was right.
    pub fn note_right(&mut self, caller: &str) {
        self.wrong.remove(caller);
    }

    /// What a caller is counted under: beyond so many that is the same for all others.
    fn key<'a>(&self, caller: &'a str) -> &'a str {
        if self.wrong.len() < CALLERS || self.wrong.contains_key(caller) {
            caller
        } else {
            OTHERS
        }
    }
}

fn is_over(last: Instant, now: Instant) -> bool {
    now.saturating_duration_since(last) >= CallerTries::REST
}

/// Callers who are known apart: more have made their numbers up.
const CALLERS: usize = 10_000;

const OTHERS: &str = "others";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn who_was_wrong_too_often_waits_an_hour_from_the_last_time() {
        let (mut tries, now) = (CallerTries::default(), clock::now());
        for nth in 0..CallerTries::MOST {
            assert!(tries.may_try("1", now), "{nth}");
            tries.note_wrong("1", now);
        }
        assert!(!tries.may_try("1", now));
        assert!(tries.may_try("2", now));
        let later = now + CallerTries::REST - Duration::from_secs(1);
        assert!(!tries.may_try("1", later));
        assert!(tries.may_try("1", now + CallerTries::REST));
        // Then it is counted from the beginning.
        tries.note_wrong("1", now + CallerTries::REST);
        assert!(tries.may_try("1", now + CallerTries::REST));
    }

    #[test]
    fn who_was_right_begins_anew() {
        let (mut tries, now) = (CallerTries::default(), clock::now());
        for _ in 1..CallerTries::MOST {
            tries.note_wrong("1", now);
        }
        tries.note_right("1");
        tries.note_wrong("1", now);
        assert!(tries.may_try("1", now));
    }

    #[test]
    fn callers_without_end_are_counted_as_one() {
        let (mut tries, now) = (CallerTries::default(), clock::now());
        for nth in 0..CALLERS {
            tries.note_wrong(&nth.to_string(), now);
        }
        for nth in 0..CallerTries::MOST {
            assert!(tries.may_try("new", now), "{nth}");
            tries.note_wrong(&format!("new {nth}"), now);
        }
        assert!(!tries.may_try("new", now));
        assert!(tries.may_try("7", now));
        assert!(tries.wrong.len() <= CALLERS + 1);
    }
}
