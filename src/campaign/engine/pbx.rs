//! What the engine keeps of one PBX and the trunk behind it.

use jiff::Timestamp;

use super::{
    event::Availability,
    settings::{PbxSettings, Sharing},
};
use crate::{
    campaign::{
        budget::{Budget, TechniqueRule},
        pace::{Pace, Rate},
    },
    drop::Technique,
};

/// One PBX, with what it carries at this moment.
#[derive(Debug)]
pub(super) struct PbxState {
    pub(super) most_in_flight: u32,
    pub(super) in_flight: u32,
    /// The rate of the trunk as a whole.
    rate: Rate,
    /// Holds to this controller's part of it.
    pub(super) pace: Pace,
    /// What other controllers have of the trunk.
    pub(super) share: Sharing,
    /// Until when nothing is started, since others have used up its rate or its room.
    pub(super) hold: Option<Timestamp>,
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
            rate: settings.rate,
            pace: Pace::new(settings.rate),
            share: Sharing::default(),
            hold: None,
            budget: Budget::new(settings.limits),
            reach: Availability::Up,
            trunk: Availability::Up,
        }
    }

    pub(super) fn change(&mut self, settings: &PbxSettings) {
        self.most_in_flight = settings.in_flight;
        self.rate = settings.rate;
        self.set_share(self.share);
        self.budget.set_limits(settings.limits);
    }

    /// Takes note of what other controllers have of its trunk.
    pub(super) fn set_share(&mut self, share: Sharing) {
        self.share = share;
        self.pace
            .set_rate(self.rate.part(share.sharers.saturating_add(1)));
    }

    /// When the next drop may start; `None` if it could at any time.
    pub(super) fn next_start(&self) -> Option<Timestamp> {
        self.pace.next().max(self.hold)
    }

    /// Whether it can be dialled through: it is there, and so is the far end of its trunk.
    pub(super) fn is_up(&self) -> bool {
        self.reach == Availability::Up && self.trunk == Availability::Up
    }

    /// Whether a drop more may be in flight.
    pub(super) const fn has_room(&self) -> bool {
        self.in_flight.saturating_add(self.share.others_in_flight) < self.most_in_flight
    }

    /// Whether a drop may start at `now`, as far as rate and room go.
    pub(super) fn is_free(&self, now: Timestamp) -> bool {
        self.is_up() && self.has_room() && self.next_start().is_none_or(|at| at <= now)
    }

    /// Whether drops under this rule may start here sooner or later, without anything having to change.
    pub(super) fn serves(&self, rule: TechniqueRule) -> bool {
        self.is_up() && self.budget.technique(rule).is_ok()
    }

    /// How full it is, in thousandths.
    pub(super) fn load(&self) -> u64 {
        u64::from(self.in_flight) * 1_000 / u64::from(self.most_in_flight.max(1))
    }

    /// A drop starts.
    pub(super) fn note_start(&mut self, rule: TechniqueRule, technique: Technique, now: Timestamp) {
        self.pace.note(self.budget.stretch(rule), now);
        self.budget.expect(technique);
        self.in_flight += 1;
    }
}
