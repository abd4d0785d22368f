//! What the engine keeps of one campaign.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::{AddAssign, SubAssign},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    event::{Contact, End, Next, PauseReason},
    refusals::Refusals,
    settings::{CampaignSettings, StopOn},
    supply::Supply,
    waiting::Waiting,
};
use crate::{
    campaign::{
        caller::CallerIds,
        ids::{ContactId, PbxId},
        pace::{Pace, Rate},
        sliding::Sliding,
        window::Opening,
    },
    drop::{Outcome, Technique},
    phone::PhoneNumber,
};

/// The phase of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It dials, as far as it may.
    Running,
    /// It starts nothing until it is resumed.
    Paused(PauseReason),
    /// It starts nothing any more, and what is in flight comes to its end.
    Cancelling,
    /// It is over.
    Over(End),
}

/// One campaign, with what is in flight and at hand.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) settings: CampaignSettings,
    pub(super) phase: Phase,
    pub(super) callers: CallerIds,
    pub(super) pace: Option<Pace>,
    pub(super) in_flight: BTreeMap<ContactId, DropInFlight>,
    /// Contacts that are due and leased to us, in the order in which the store gave them.
    pub(super) ready: VecDeque<Contact>,
    pub(super) supply: Supply,
    /// Whether contacts have come to their end since the store's last answer, which counted their leases.
    pub(super) is_stale: bool,
    /// Contacts that were at hand when the store was asked and are not now: a lease that ended may be renewed in an answer
    /// that is still on its way.
    left: BTreeSet<ContactId>,
    /// How often in a row the store has not answered.
    pub(super) failures: u32,
    pub(super) waiting: Waiting,
    pub(super) opening: Opening,
    /// Its place in the row of campaigns that wait for their turn.
    pub(super) pass: u64,
    /// Whether it could have taken its turn when turns were last given.
    pub(super) was_able: bool,
    errors: Sliding<Errors>,
    pub(super) refusals: Refusals,
    /// How many contacts were held or refused since the last start: then more of them are asked for at once.
    idle_asks: usize,
}

/// A drop in flight.
#[derive(Debug)]
pub(super) struct DropInFlight {
    pub(super) attempt: u32,
    pub(super) pbx: PbxId,
    pub(super) technique: Technique,
    pub(super) number: PhoneNumber,
}

/// Drops that have ended, and how many of them in an error.
#[derive(Clone, Copy, Debug, Default)]
struct Errors {
    errors: u64,
    of: u64,
}

impl Campaign {
    pub(super) fn new(settings: CampaignSettings, pass: u64, now: Timestamp) -> Self {
        let mut this = Self {
            phase: Phase::Running,
            callers: settings.caller_ids.clone(),
            pace: settings.rate.map(Pace::new),
            in_flight: BTreeMap::new(),
            ready: VecDeque::new(),
            supply: Supply::Known(Next::At(now)),
            is_stale: false,
            left: BTreeSet::new(),
            failures: 0,
            waiting: Waiting::new(),
            opening: ALWAYS,
            pass,
            was_able: false,
            errors: Sliding::new(settings.stop_on.map_or(Duration::ZERO, |stop| stop.window)),
            refusals: Refusals::default(),
            idle_asks: 0,
            settings,
        };
        this.look_at_the_hours(now);
        this
    }

    /// Takes other settings from here on; one that was over runs again, for its dates may have changed. What contacts wait
    /// for is told anew.
    pub(super) fn change(&mut self, settings: CampaignSettings, now: Timestamp) {
        match (&mut self.pace, settings.rate) {
            (Some(pace), Some(rate)) => pace.set_rate(rate),
            (pace, rate) => *pace = rate.map(Pace::new),
        }
        if self.settings.caller_ids != settings.caller_ids {
            self.callers = settings.caller_ids.clone();
        }
        if self.settings.stop_on != settings.stop_on {
            let window = settings.stop_on.map_or(Duration::ZERO, |stop| stop.window);
            self.errors = Sliding::new(window);
        }
        self.settings = settings;
        self.waiting = Waiting::new();
        if matches!(self.phase, Phase::Over(_)) {
            self.phase = Phase::Running;
        }
        self.supply.note(now);
        self.look_at_the_hours(now);
    }

    /// Brings what depends on the time alone up to date.
    pub(super) fn refresh(&mut self, now: Timestamp) {
        self.waiting.roll(now);
        if self.supply.answer_by().is_some_and(|by| by <= now) {
            self.supply.give_up(now);
        }
        let until = match self.opening {
            Opening::Open { until } => until,
            Opening::Closed { until } => Some(until),
            Opening::Over => None,
        };
        if until.is_some_and(|until| until <= now) {
            self.look_at_the_hours(now);
        }
    }

    pub(super) fn resume(&mut self, now: Timestamp) {
        match self.phase {
            Phase::Paused(_) => {
                self.phase = Phase::Running;
                self.errors.clear();
                self.refusals.accept();
                self.supply.note(now);
            }
            Phase::Running | Phase::Cancelling | Phase::Over(_) => {}
        }
    }

    /// Whether it wants to dial at this hour.
    pub(super) fn is_dialling(&self) -> bool {
        self.phase == Phase::Running && matches!(self.opening, Opening::Open { .. })
    }

    /// Whether it has a contact to dial and may start it at `now`, as far as its own limits go.
    pub(super) fn is_able(&self, now: Timestamp) -> bool {
        self.is_dialling()
            && !self.ready.is_empty()
            && self.has_room()
            && self.pace.as_ref().is_none_or(|pace| pace.is_open(now))
    }

    /// Whether one more of its drops may be in flight.
    pub(super) fn has_room(&self) -> bool {
        self.settings
            .in_flight
            .is_none_or(|most| self.in_flight.len() < most as usize)
    }

    /// How many contacts to ask the store for, if it is time to: enough for a moment of dialling at this rate, and
    /// more of them the longer none was allowed.
    pub(super) fn wants(&self, pbx_rate: Option<Rate>, now: Timestamp) -> Option<usize> {
        let rates = [self.settings.rate, pbx_rate];
        let per_moment = |rate: Rate| {
            let starts = u64::from(rate.starts()) * AHEAD.as_secs();
            usize::try_from(starts / rate.per().as_secs().max(1)).unwrap_or(MOST_AT_ONCE)
        };
        let by_rate = rates.into_iter().flatten().map(per_moment).min();
        let by_room = self
            .settings
            .in_flight
            .map_or(usize::MAX, |most| 2 * most as usize);
        let enough = by_rate
            .unwrap_or(MOST_AT_ONCE)
            .min(by_room)
            .max(self.idle_asks)
            .clamp(FEWEST_AT_ONCE, MOST_AT_ONCE);
        let low = enough.div_ceil(2);
        let is_due = self.supply.is_due(now) || self.may_be_over();
        (is_due && self.ready.len() < low).then(|| enough - self.ready.len())
    }

    /// Whether the store's last answer may have been held back by contacts alone that have come to their end since.
    fn may_be_over(&self) -> bool {
        self.is_stale
            && self.ready.is_empty()
            && self.in_flight.is_empty()
            && self.supply.answer_by().is_none()
            && !self.supply.is_exhausted()
    }

    /// The store is asked.
    pub(super) fn ask(&mut self, now: Timestamp) {
        self.supply.ask(now);
        self.left.clear();
    }

    /// Whether a contact that the store gives is not known already: its lease may have ended while it was at hand, and
    /// an answer may be heard twice.
    pub(super) fn is_new(&self, contact: &Contact, at_hand: &BTreeSet<ContactId>) -> bool {
        !at_hand.contains(&contact.id)
            && !self.left.contains(&contact.id)
            && !self.in_flight.contains_key(&contact.id)
    }

    /// Takes the next contact that is at hand.
    pub(super) fn take(&mut self) -> Option<Contact> {
        let contact = self.ready.pop_front()?;
        if self.supply.answer_by().is_some() {
            self.left.insert(contact.id);
        }
        Some(contact)
    }

    /// The gate has let a contact pass, or has not.
    pub(super) const fn note_asked(&mut self, allowed: bool) {
        self.idle_asks = if allowed { 0 } else { self.idle_asks + 1 };
        self.is_stale = true;
    }

    /// Takes note of how a drop ended; returns why the campaign has to pause, if it has to.
    pub(super) fn note_outcome(&mut self, outcome: Outcome, now: Timestamp) -> Option<PauseReason> {
        let stop = self.settings.stop_on?;
        let errors = u64::from(StopOn::is_error(outcome));
        self.errors.add(Errors { errors, of: 1 }, now);
        let Errors { errors, of } = self.errors.sum();
        let too_many = of >= u64::from(stop.at_least.max(1))
            && errors * 1_000 > u64::from(stop.share.as_thousandths()) * of;
        let refused = self.refusals.note(outcome, stop);
        if self.phase != Phase::Running {
            return None;
        }
        let errors = too_many.then_some(PauseReason::Errors { errors, of });
        let why = errors.or(refused)?;
        self.phase = Phase::Paused(why);
        Some(why)
    }

    /// How it has ended, if nothing is left to do.
    pub(super) fn end(&self) -> Option<End> {
        if !self.in_flight.is_empty() {
            return None;
        }
        match self.phase {
            Phase::Running if self.ready.is_empty() && self.supply.is_exhausted() => {
                Some(End::Complete)
            }
            Phase::Running if self.opening == Opening::Over => Some(End::DatesOver),
            Phase::Cancelling => Some(End::Cancelled),
            Phase::Running | Phase::Paused(_) | Phase::Over(_) => None,
        }
    }

    fn look_at_the_hours(&mut self, now: Timestamp) {
        let window = self.settings.window.as_ref();
        self.opening = window.map_or(ALWAYS, |window| window.opening(now));
    }
}

impl AddAssign for Errors {
    fn add_assign(&mut self, other: Self) {
        self.errors += other.errors;
        self.of += other.of;
    }
}

impl SubAssign for Errors {
    fn sub_assign(&mut self, other: Self) {
        self.errors -= other.errors;
        self.of -= other.of;
    }
}

/// The opening of a campaign without hours of its own.
const ALWAYS: Opening = Opening::Open { until: None };

/// For how long contacts are fetched ahead.
const AHEAD: Duration = Duration::from_secs(2);

/// Fewest contacts to ask for.
const FEWEST_AT_ONCE: usize = 4;

/// Most contacts to ask for.
const MOST_AT_ONCE: usize = 1_000;
