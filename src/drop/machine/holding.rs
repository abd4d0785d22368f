//! A far end that holds the call: what we send does not arrive. A leg that is held is not ready, and a message that is held
//! starts again when the hold is over.

use std::time::Instant;

use super::VoicemailDrop;
use crate::{
    drop::outcome::{EndedBy, Outcome},
    words::Leg,
};

impl VoicemailDrop {
    pub(super) fn on_held(&mut self, leg: Leg, now: Instant) {
        self.leg_mut(leg).held = true;
        let Some((live, ..)) = self.current_play() else {
            return;
        };
        if live != leg {
            return;
        }
        self.found.flaws.held = true;
        if self.restarts() < self.plan.max_restarts {
            self.rewind(self.found.ready, now);
            return;
        }
        self.stop_playing(now);
        self.found.words = Some(HELD.to_owned());
        self.found.ended_by = Some(EndedBy::Us);
        let outcome = if self.found.played.is_zero() {
            Outcome::Unsure
        } else {
            Outcome::CutOff
        };
        self.clear(outcome, now);
    }

    pub(super) fn on_resumed(&mut self, leg: Leg, now: Instant) {
        self.leg_mut(leg).held = false;
        self.play_if_possible(now);
    }
}

/// Why nothing more was played.
pub(super) const HELD: &str = "the far end holds the call";
