//! The deadlines of a drop: each has a name, and there is one per name.

use std::{collections::BTreeMap, time::Instant};

/// What a drop waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Until the drop leg is dialled.
    Lead,
    /// Until a 183 without ringing releases the busy leg.
    Progress,
    /// Until a drop leg that shows nothing releases the busy leg.
    Unheard,
    /// Until the drop leg is answered; if it is not dialled at the end of the lead, because
    /// the event link is down or the PBX has not answered for the busy leg, until that is given up.
    Answer,
    /// From answer to the start of play.
    Screening,
    /// From the verdict to the ready point.
    Ready,
    /// Until the PBX has begun to play, or has refused.
    PlayStart,
    /// Until a playback that should have ended long ago is given up.
    Playback,
    /// Until a leg that has lost its audio connection is back in our app.
    Return,
    /// Until the event has arrived that confirms the end of a leg, or explains what has been seen of it.
    Reason,
    /// Until a hang-up is asked for once more.
    HangUpAgain,
    /// Until the drop ends although the PBX does not confirm that its legs are gone.
    Clearing,
}

/// The deadlines that are set.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers(BTreeMap<Timer, Instant>);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0.insert(timer, at);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0.remove(&timer);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn clear_all_but(&mut self, timer: Timer) {
        self.0.retain(|&other, _| other == timer);
    }

    pub(super) fn get(&self, timer: Timer) -> Option<Instant> {
        self.0.get(&timer).copied()
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.0.contains_key(&timer)
    }

    /// The next deadline; of two at the same moment the one that comes first in [`Timer`].
    pub(super) fn next(&self) -> Option<(Instant, Timer)> {
        self.0.iter().map(|(&timer, &at)| (at, timer)).min()
    }

    /// Takes one deadline that has passed.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = self.next()?;
        if at > now {
            return None;
        }
        self.0.remove(&timer);
        Some(timer)
    }
}
