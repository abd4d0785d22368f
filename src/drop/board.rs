//! All drops in flight: routes events by id, drains commands on every change, indexes deadlines.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

use super::{
    event::{Command, Event, Seen},
    machine::VoicemailDrop,
    plan::Plan,
    report::{Moment, Report},
};
use crate::id::DropId;

/// All drops in flight.
///
/// Every change collects the commands and milestones that follow from it, and the drop's next deadline, before it
/// returns; the caller cannot forget to drain a drop.
#[derive(Debug, Default)]
pub struct Board {
    drops: BTreeMap<DropId, BoardEntry>,
    deadlines: BTreeSet<(Instant, DropId)>,
    /// Whether the event link is lost.
    is_cut_off: bool,
    commands: VecDeque<(DropId, Command)>,
    moments: VecDeque<(DropId, Moment)>,
    ended: VecDeque<(DropId, Report)>,
}

#[derive(Debug)]
struct BoardEntry {
    drop: VoicemailDrop,
    /// The drop's key in the index of deadlines.
    deadline: Option<Instant>,
}

impl Board {
    /// A board without drops, its link to the PBX up.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a drop. While the event link is lost, the drop ends at once with nothing dialled: what allowed it may not
    /// hold any more once the link is back, and only the caller can ask again. An id that is in flight is left as it is.
    pub fn start(&mut self, id: DropId, plan: Plan, now: Instant) {
        if self.owns(id) {
            return;
        }
        if self.is_cut_off {
            self.ended.push_back((id, Report::not_dialled(CUT_OFF)));
            return;
        }
        let drop = VoicemailDrop::new(plan, now);
        self.drops.insert(
            id,
            BoardEntry {
                drop,
                deadline: None,
            },
        );
        self.change(id, |_| ());
    }

    /// Routes an event to its drop. If the drop is not on the board and the event shows that a
    /// leg exists, that leg is hung up: nothing outlives its drop.
    pub fn handle_event(&mut self, id: DropId, event: Event, now: Instant) {
        if self.drops.contains_key(&id) {
            self.change(id, |drop| drop.handle_event(event, now));
        } else if let Some(leg) = event.shows_alive() {
            self.commands.push_back((id, Command::HangUp(leg)));
        }
    }

    /// Acts on every deadline that has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.deadlines.first() {
            if at > now {
                break;
            }
            self.change(id, |drop| drop.handle_timeout(now));
        }
    }

    /// Ends one drop because the operator cancelled it.
    pub fn cancel(&mut self, id: DropId, now: Instant) {
        self.change(id, |drop| drop.cancel(now));
    }

    /// Ends all drops because the operator cancelled them.
    pub fn cancel_all(&mut self, now: Instant) {
        for id in self.ids() {
            self.change(id, |drop| drop.cancel(now));
        }
    }

    /// The event link to the PBX broke. Until [`Self::link_restored`] nothing is dialled.
    pub fn link_lost(&mut self, now: Instant) {
        self.is_cut_off = true;
        for id in self.ids() {
            self.change(id, |drop| drop.link_lost(now));
        }
    }

    /// The link is back, events flow again, and `seen` was read after that: decides about every drop as it is now.
    pub fn link_restored(&mut self, seen: &BTreeMap<DropId, Seen>, now: Instant) {
        let nothing = Seen::default();
        for id in self.ids() {
            let seen = seen.get(&id).unwrap_or(&nothing);
            self.change(id, |drop| drop.link_restored(seen, now));
        }
        self.is_cut_off = false;
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<(DropId, Command)> {
        self.commands.pop_front()
    }

    /// The next milestone of any drop that was not polled yet.
    pub fn poll_moment(&mut self) -> Option<(DropId, Moment)> {
        self.moments.pop_front()
    }

    /// The next drop that has ended; it has left the board.
    pub fn poll_ended(&mut self) -> Option<(DropId, Report)> {
        self.ended.pop_front()
    }

    /// The next deadline of any drop.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    /// Whether the drop is in flight.
    pub fn owns(&self, id: DropId) -> bool {
        self.drops.contains_key(&id)
    }

    /// How many drops are in flight.
    pub fn len(&self) -> usize {
        self.drops.len()
    }

    /// Whether there is no drop.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn ids(&self) -> Vec<DropId> {
        self.drops.keys().copied().collect()
    }

    /// Changes one drop, and collects all that follows from it.
    fn change(&mut self, id: DropId, change: impl FnOnce(&mut VoicemailDrop)) {
        let Some(entry) = self.drops.get_mut(&id) else {
            return;
        };
        change(&mut entry.drop);
        while let Some(command) = entry.drop.poll_command() {
            self.commands.push_back((id, command));
        }
        while let Some(moment) = entry.drop.poll_moment() {
            self.moments.push_back((id, moment));
        }
        let next = entry.drop.poll_timeout().map(|(at, _)| at);
        let previous = std::mem::replace(&mut entry.deadline, next);
        let report = entry.drop.report();
        if previous != next {
            if let Some(at) = previous {
                self.deadlines.remove(&(at, id));
            }
            if let Some(at) = next {
                self.deadlines.insert((at, id));
            }
        }
        if let Some(report) = report {
            if let Some(at) = next {
                self.deadlines.remove(&(at, id));
            }
            self.drops.remove(&id);
            self.ended.push_back((id, report));
        }
    }
}

/// Why a drop was not dialled that was started while the event link was lost.
const CUT_OFF: &str = "the event link to the PBX is down";
