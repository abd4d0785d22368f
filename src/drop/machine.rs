//! One drop as a state machine.

use std::time::Instant;

use super::{
    board::Seen,
    event::{Command, Event},
    outcome::{Moment, Report},
    plan::Plan,
    timer::Timer,
};

/// One attempt to leave one message at one number.
#[derive(Debug)]
pub struct VoicemailDrop {
    plan: Plan,
}

impl VoicemailDrop {
    /// A drop that starts at `now`; its first command is ready to be polled.
    pub fn new(plan: Plan, now: Instant) -> Self {
        let _ = now;
        Self { plan }
    }

    /// Takes in something that happened.
    pub fn handle_event(&mut self, event: Event, now: Instant) {
        let _ = (event, now);
    }

    /// Acts on every deadline that has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// Ends the drop on the operator's wish.
    pub fn cancel(&mut self, now: Instant) {
        let _ = now;
    }

    /// The event link to the PBX broke: what happens from here on is not heard of.
    pub fn link_lost(&mut self, now: Instant) {
        let _ = now;
    }

    /// The link is back: `seen` is what the PBX has of this drop.
    pub fn link_restored(&mut self, seen: &Seen, now: Instant) {
        let _ = (seen, now);
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<Command> {
        None
    }

    /// The next milestone that has not been told yet.
    pub fn poll_moment(&mut self) -> Option<Moment> {
        None
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let _ = self.plan;
        None
    }

    /// What is known of the drop, once it has ended and none of its legs is left.
    pub fn report(&self) -> Option<Report> {
        None
    }
}
