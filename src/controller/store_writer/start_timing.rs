//! When a drop may be dialled whose start has a moment by the database's clock.
//!
//! Each commit shows that the database's clock was read between its request and its reply. The offset between that clock
//! and ours lies within what all of them leave over, so the moment is kept on our clock without trusting either.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    controller::launch_pacer::LaunchWindow,
    store::{StartSlot, StartTerms},
};

/// What is known of the database's clock, and of how long a commit takes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::controller) struct StartTiming {
    offset: Option<Offset>,
    /// What the last commits took, from the reading of the database's clock to the reply.
    lead: Duration,
}

/// The database's clock less ours, in microseconds: between these.
#[derive(Clone, Copy, Debug)]
struct Offset {
    least: i64,
    most: i64,
    since: Timestamp,
}

impl StartTiming {
    /// A commit was sent and heard of at these times of our clock, and the database's showed `read` in between.
    pub(in crate::controller) fn note(
        &mut self,
        sent: Timestamp,
        read: Timestamp,
        heard: Timestamp,
    ) {
        let given = Offset {
            least: micros(read) - micros(heard),
            most: micros(read) - micros(sent),
            since: heard,
        };
        let offset = self
            .offset
            .and_then(|known| known.narrowed(given))
            .unwrap_or(given);
        self.offset = Some(offset);
        // The earliest moment of ours at which it can have been read.
        let read_at = micros(read) - offset.most;
        let took = u64::try_from(micros(heard) - read_at).unwrap_or(0);
        let took = Duration::from_micros(took) * 5 / 4;
        self.lead = took.max(self.lead * 9 / 10).min(LONGEST_LEAD);
    }

    /// The terms of an intent that is about to be written.
    pub(in crate::controller) fn terms(&self, terms: StartTerms) -> StartTerms {
        let width = self.offset.map_or(Duration::ZERO, |offset| {
            Duration::from_micros((offset.most - offset.least).unsigned_abs())
        });
        StartTerms {
            lead: self.lead,
            late: (width * 3).clamp(LATE, LONGEST_LATE),
            ..terms
        }
    }

    /// When the drop may be dialled: never before its moment, nor too long after it.
    pub(in crate::controller) fn window(
        &self,
        slot: StartSlot,
        terms: StartTerms,
    ) -> Option<LaunchWindow> {
        let offset = self.offset?;
        let at = |offset: i64| {
            slot.at
                .checked_sub(SignedDuration::from_micros(offset))
                .ok()
        };
        let (from, least) = (at(offset.least)?, at(offset.most)?);
        let window = LaunchWindow {
            from,
            until: least + terms.late / 2,
            dial_by: least + terms.late,
        };
        (window.from < window.until).then_some(window)
    }
}

impl Offset {
    /// What both leave over; `None` if they contradict each other, so that one of the clocks was set.
    fn narrowed(self, given: Self) -> Option<Self> {
        let passed = micros(given.since) - micros(self.since);
        let drift = passed.saturating_mul(DRIFT) / 1_000_000;
        let least = (self.least - drift).max(given.least);
        let most = (self.most + drift).min(given.most);
        (least <= most).then_some(Self {
            least,
            most,
            since: given.since,
        })
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// How long after its moment a drop may be dialled, if the clock is known well enough.
const LATE: Duration = Duration::from_millis(100);
const LONGEST_LATE: Duration = Duration::from_secs(1);

const LONGEST_LEAD: Duration = Duration::from_secs(3);

/// How far two clocks drift apart, in microseconds a second: what NTP may slew.
const DRIFT: i64 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_kept_whatever_lies_between_the_clocks() {
        // The database is 4 s ahead; a commit takes 30 ms, of which 10 ms after the clock was read.
        let mut timing = StartTiming::default();
        for commit in 0..20 {
            let sent = commit * 1_000;
            let (read, heard) = (sent + 4_020, sent + 30);
            timing.note(at(sent), at(read), at(heard));
            let terms = timing.terms(StartTerms::default());
            let slot = StartSlot {
                at: at(read + 200),
                read_at: at(read),
            };
            let window = timing.window(slot, terms).unwrap();
            let moment = at(sent + 220);
            let late = terms.late;
            assert!(
                window.from >= moment && window.until < moment + late,
                "{commit}: {window:?}"
            );
            assert!(window.dial_by <= moment + late);
            assert!((10..=40).contains(&terms.lead.as_millis()), "{terms:?}");
        }
    }

    #[test]
    fn commits_of_different_lengths_narrow_the_offset() {
        let mut timing = StartTiming::default();
        timing.note(at(0), at(500), at(1_000));
        assert!(timing.terms(StartTerms::default()).late > LATE);
        timing.note(at(2_000), at(2_001), at(2_002));
        let terms = timing.terms(StartTerms::default());
        assert_eq!(terms.late, LATE);
        assert!(
            terms.lead > Duration::from_millis(400),
            "it is forgotten slowly"
        );
    }

    #[test]
    fn a_clock_that_was_set_is_learnt_anew() {
        let mut timing = StartTiming::default();
        timing.note(at(0), at(1), at(2));
        timing.note(at(1_000), at(60_001), at(1_002));
        let slot = StartSlot {
            at: at(60_101),
            read_at: at(60_001),
        };
        let window = timing
            .window(slot, timing.terms(StartTerms::default()))
            .unwrap();
        assert_eq!(window.from, at(1_102));
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }
}
