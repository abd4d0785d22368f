//! What the engine keeps of one PBX and the trunk behind it.

use jiff::Timestamp;

use super::{event::Availability, settings::PbxSettings};
use crate::{
    campaign::{
        budget::{Budget, Terms},
        pace::Pace,
    },
    drop::Technique,
};

/// One PBX, with what it carries at this moment.
#[derive(Debug)]
pub(super) struct PbxState {
    pub(super) most_in_flight: u32,
    pub(super) in_flight: u32,
    pub(super) pace: Pace,
    pub(super) budget: Budget,
    pub(super) reach: Availability,
    /// Whether the far end of its trunk answers it.
    pub(super) trunk: Availability,
}

impl PbxState {
    pub(super) fn new(settings: &PbxSettings) -> Self {
        Self {
            most_in_flight: settings.in_flight,
            in_flight: 0,
            pace: Pace::new(settings.rate),
            budget: Budget::new(settings.limits),
            reach: Availability::Up,
            trunk: Availability::Up,
        }
    }

    pub(super) fn change(&mut self, settings: &PbxSettings) {
        self.most_in_flight = settings.in_flight;
        self.pace.set_rate(settings.rate);
        self.budget.set_limits(settings.limits);
    }

    /// Whether it can be dialled through: it is there, and so is the far end of its trunk.
    pub(super) fn is_up(&self) -> bool {
        self.reach == Availability::Up && self.trunk == Availability::Up
    }

    /// Whether a drop more may be in flight.
    pub(super) const fn has_room(&self) -> bool {
        self.in_flight < self.most_in_flight
    }

    /// Whether a drop may start at `now`, as far as rate and room go.
    pub(super) fn is_free(&self, now: Timestamp) -> bool {
        self.is_up() && self.has_room() && self.pace.is_open(now)
    }

    /// Whether drops on these terms may start here sooner or later, without anything having to change.
    pub(super) fn serves(&self, terms: Terms) -> bool {
        self.is_up() && self.budget.technique(terms).is_ok()
    }

    /// How full it is, in thousandths.
    pub(super) fn load(&self) -> u64 {
        u64::from(self.in_flight) * 1_000 / u64::from(self.most_in_flight.max(1))
    }

    /// A drop starts.
    pub(super) fn note_start(&mut self, terms: Terms, technique: Technique, now: Timestamp) {
        self.pace.note(self.budget.stretch(terms), now);
        self.budget.expect(technique);
        self.in_flight += 1;
    }
}
