//! All drops in flight: routes events by id, drains commands on every change, indexes deadlines.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use super::{
    event::{Command, Event},
    machine::VoicemailDrop,
    outcome::{Moment, Report},
    plan::Plan,
};
use crate::{
    id::{DropId, Play},
    words::Leg,
};

/// What the PBX has of one drop, read after the event link came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The legs that exist, each with the events that its state implies: ringing, answered, in our app, a verdict.
    pub legs: BTreeMap<Leg, Vec<Event>>,
    /// The playbacks that the PBX still knows.
    pub plays: Vec<Play>,
}

/// All drops in flight.
#[derive(Debug, Default)]
pub struct Board {
    drops: BTreeMap<DropId, VoicemailDrop>,
    commands: VecDeque<(DropId, Command)>,
    moments: VecDeque<(DropId, Moment)>,
    ended: VecDeque<(DropId, Report)>,
}

impl Board {
    /// A board without drops, its link to the PBX up.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a drop.
    pub fn start(&mut self, id: DropId, plan: Plan, now: Instant) {
        self.drops.insert(id, VoicemailDrop::new(plan, now));
    }

    /// Routes an event to its drop. An event of a drop that is not on the board ends the leg it tells of, where it
    /// shows that the leg lives: nothing outlives its drop.
    pub fn handle_event(&mut self, id: DropId, event: Event, now: Instant) {
        if let Some(drop) = self.drops.get_mut(&id) {
            drop.handle_event(event, now);
        }
    }

    /// Acts on every deadline that has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        for drop in self.drops.values_mut() {
            drop.handle_timeout(now);
        }
    }

    /// Ends one drop on the operator's wish.
    pub fn cancel(&mut self, id: DropId, now: Instant) {
        if let Some(drop) = self.drops.get_mut(&id) {
            drop.cancel(now);
        }
    }

    /// Ends all drops on the operator's wish.
    pub fn cancel_all(&mut self, now: Instant) {
        for drop in self.drops.values_mut() {
            drop.cancel(now);
        }
    }

    /// The event link to the PBX broke. Until [`Self::link_restored`] nothing is dialled.
    pub fn link_lost(&mut self, now: Instant) {
        for drop in self.drops.values_mut() {
            drop.link_lost(now);
        }
    }

    /// The link is back, events flow again, and `seen` was read after that: decides about every drop as it is now.
    pub fn link_restored(&mut self, seen: &BTreeMap<DropId, Seen>, now: Instant) {
        let nothing = Seen::default();
        for (id, drop) in &mut self.drops {
            drop.link_restored(seen.get(id).unwrap_or(&nothing), now);
        }
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<(DropId, Command)> {
        self.commands.pop_front()
    }

    /// The next milestone of any drop that has not been told yet.
    pub fn poll_moment(&mut self) -> Option<(DropId, Moment)> {
        self.moments.pop_front()
    }

    /// The next drop that has ended; it has left the board.
    pub fn poll_ended(&mut self) -> Option<(DropId, Report)> {
        self.ended.pop_front()
    }

    /// The next deadline of any drop.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether the drop is in flight.
    pub fn owns(&self, id: DropId) -> bool {
        self.drops.contains_key(&id)
    }

    /// How many drops are in flight.
    pub fn len(&self) -> usize {
        self.drops.len()
    }

    /// Whether no drop is in flight.
    pub fn is_empty(&self) -> bool {
        self.drops.is_empty()
    }
}
