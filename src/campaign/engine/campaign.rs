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
    settings::{CampaignSettings, Sharing, StopOn},
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
    /// Holds to this controller's part of the campaign's rate.
    pub(super) pace: Option<Pace>,
    /// What other controllers have of its limits.
    pub(super) share: Sharing,
    /// Until when nothing is started, since others have used up its rate or its room.
    pub(super) hold: Option<Timestamp>,
    pub(super) in_flight: BTreeMap<ContactId, DropInFlight>,
    /// Contacts that are due and leased to us, in the order in which the store gave them.
    pub(super) ready: VecDeque<Contact>,
    /// Contacts of the same kind whose messages are still to be made.
    pub(super) preparing: BTreeMap<ContactId, Contact>,
    /// Whether messages of its contacts are made one by one: then more of them are asked for ahead.
    pub(super) makes_messages: bool,
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
    /// Why its messages or the evidence of its drops cannot be read or written, while they are not tried again.
    pub(super) files_away: Option<FilesAway>,
    /// Its place in the row of campaigns that wait for their turn.
    pub(super) pass: u64,
    /// Whether it could have taken its turn when turns were last given.
    pub(super) was_able: bool,
    errors: Sliding<Errors>,
    pub(super) refusals: Refusals,
    /// When it was taken up: how callees refused before is known otherwise.
    began: Timestamp,
    /// When a person last let it go on: what had failed before counts no more.
    accepted: Timestamp,
    /// How many contacts were held or refused since the last start: then more of them are asked for at once.
    idle_asks: usize,
}

/// Files that a campaign's drops need are not there.
#[derive(Debug)]
pub(super) struct FilesAway {
    /// What is wrong with which.
    pub(super) why: String,
    /// When they are tried again.
    pub(super) until: Timestamp,
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
            share: Sharing::default(),
            hold: None,
            in_flight: BTreeMap::new(),
            ready: VecDeque::new(),
            preparing: BTreeMap::new(),
            makes_messages: false,
            supply: Supply::Known(Next::At(now)),
            is_stale: false,
            left: BTreeSet::new(),
            failures: 0,
            waiting: Waiting::new(),
            opening: ALWAYS,
            files_away: None,
            pass,
            was_able: false,
            errors: Sliding::new(settings.stop_on.map_or(Duration::ZERO, |stop| stop.window)),
            refusals: Refusals::default(),
            began: now,
            accepted: Timestamp::MIN,
            idle_asks: 0,
            settings,
        };
        this.look_at_the_hours(now);
        this
    }

    /// Takes other settings from here on; one that was over runs again, for its dates may have changed. What contacts wait
    /// for is told anew.
    pub(super) fn change(&mut self, settings: CampaignSettings, now: Timestamp) {
        if self.settings.caller_ids != settings.caller_ids {
            self.callers = settings.caller_ids.clone();
        }
        if self.settings.stop_on != settings.stop_on {
            let window = settings.stop_on.map_or(Duration::ZERO, |stop| stop.window);
            self.errors = Sliding::new(window);
        }
        self.settings = settings;
        self.set_share(self.share);
        self.waiting = Waiting::new();
        self.files_away = None;
        if matches!(self.phase, Phase::Over(_)) {
            self.phase = Phase::Running;
        }
        self.supply.note(now);
        self.look_at_the_hours(now);
    }

    /// Takes note of what other controllers have of its limits.
    pub(super) fn set_share(&mut self, share: Sharing) {
        self.share = share;
        let part = |rate: Rate| rate.part(share.sharers.saturating_add(1));
        match (&mut self.pace, self.settings.rate.map(part)) {
            (Some(pace), Some(rate)) => pace.set_rate(rate),
            (pace, rate) => *pace = rate.map(Pace::new),
        }
    }

    /// When its next drop may start; `None` if it could at any time.
    pub(super) fn next_start(&self) -> Option<Timestamp> {
        self.pace.as_ref().and_then(Pace::next).max(self.hold)
    }

    /// Whether it has contacts to dial now.
    pub(super) fn is_busy(&self, now: Timestamp) -> bool {
        self.is_dialling() && (self.at_hand() > 0 || self.supply.is_due(now))
    }

    /// Brings what depends on the time alone up to date.
    pub(super) fn refresh(&mut self, now: Timestamp) {
        self.waiting.roll(now);
        if self.supply.answer_by().is_some_and(|by| by <= now) {
            self.supply.give_up(now);
        }
        if self
            .files_away
            .as_ref()
            .is_some_and(|away| away.until <= now)
        {
            self.files_away = None;
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
                self.accepted = now;
                self.files_away = None;
                self.supply.note(now);
            }
            Phase::Running | Phase::Cancelling | Phase::Over(_) => {}
        }
    }

    /// How many contacts are leased to us and not started, their messages ready or not.
    pub(super) fn at_hand(&self) -> usize {
        self.ready.len() + self.preparing.len()
    }

    /// Whether a contact is at hand, or its drop in flight.
    pub(super) fn has(&self, contact: ContactId) -> bool {
        self.preparing.contains_key(&contact)
            || self.in_flight.contains_key(&contact)
            || self.ready.iter().any(|ready| ready.id == contact)
    }

    /// Whether it wants to dial at this hour, and has what its drops need.
    pub(super) fn is_dialling(&self) -> bool {
        self.phase == Phase::Running
            && matches!(self.opening, Opening::Open { .. })
            && self.files_away.is_none()
    }

    /// Whether it has a contact to dial and may start it at `now`, as far as its own limits go.
    pub(super) fn is_able(&self, now: Timestamp) -> bool {
        self.is_dialling()
            && !self.ready.is_empty()
            && self.has_room()
            && self.next_start().is_none_or(|at| at <= now)
    }

    /// Whether one more of its drops may be in flight.
    pub(super) fn has_room(&self) -> bool {
        let others = self.share.others_in_flight as usize;
        self.settings
            .in_flight
            .is_none_or(|most| self.in_flight.len().saturating_add(others) < most as usize)
    }

    /// How many contacts to ask the store for, if it is time to: enough for a moment of dialling at this rate, and
    /// more of them the longer none was allowed.
    pub(super) fn wants(&self, pbx_rate: Option<Rate>, now: Timestamp) -> Option<usize> {
        let rates = [self.settings.rate, pbx_rate];
        let (ahead, most) = if self.makes_messages {
            (AHEAD_OF_MESSAGES, MOST_MESSAGES)
        } else {
            (AHEAD, MOST_AT_ONCE)
        };
        let per_moment = |rate: Rate| {
            let starts = u64::from(rate.starts()) * ahead.as_secs();
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
            .clamp(FEWEST_AT_ONCE, most);
        let low = enough.div_ceil(2);
        let is_due = self.supply.is_due(now) || self.may_be_over();
        let at_hand = self.at_hand();
        (is_due && at_hand < low).then(|| enough - at_hand)
    }

    /// Whether the store's last answer may have been held back by contacts alone that have come to their end since.
    fn may_be_over(&self) -> bool {
        self.is_stale
            && self.at_hand() == 0
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
    pub(super) fn is_new(&self, contact: &Contact, ready: &BTreeSet<ContactId>) -> bool {
        !ready.contains(&contact.id)
            && !self.preparing.contains_key(&contact.id)
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

    /// Takes all contacts that are at hand, to give them back.
    pub(super) fn take_all(&mut self) -> Vec<Contact> {
        let preparing = std::mem::take(&mut self.preparing);
        self.ready.extend(preparing.into_values());
        std::iter::from_fn(|| self.take()).collect()
    }

    /// The message of a contact is ready.
    pub(super) fn message_ready(&mut self, contact: ContactId) {
        if let Some(contact) = self.preparing.remove(&contact) {
            self.ready.push_back(contact);
        }
    }

    /// The gate has let a contact pass, or has not.
    pub(super) const fn note_asked(&mut self, allowed: bool) {
        self.idle_asks = if allowed { 0 } else { self.idle_asks + 1 };
        self.is_stale = true;
    }

    /// Takes note of how a drop ended; returns why the campaign has to pause, if it has to.
    pub(super) fn note_outcome(&mut self, outcome: Outcome, now: Timestamp) -> Option<PauseReason> {
        let stop = self.settings.stop_on?;
        let refused = self.refusals.note(outcome, stop);
        self.note_outcomes(stop, (outcome, 1), refused, now)
    }

    /// The same of drops that were ended elsewhere.
    pub(super) fn note_elsewhere(
        &mut self,
        outcome: Outcome,
        drops: u64,
        at: Timestamp,
    ) -> Option<PauseReason> {
        let stop = self.settings.stop_on?;
        if at < self.accepted {
            return None;
        }
        let mut refused = None;
        if at >= self.began {
            for _ in 0..drops {
                let why = self.refusals.note(outcome, stop);
                refused = refused.or(why);
            }
        }
        self.note_outcomes(stop, (outcome, drops), refused, at)
    }

    fn note_outcomes(
        &mut self,
        stop: StopOn,
        (outcome, of): (Outcome, u64),
        refused: Option<PauseReason>,
        at: Timestamp,
    ) -> Option<PauseReason> {
        let errors = if StopOn::is_error(outcome) { of } else { 0 };
        self.errors.add(Errors { errors, of }, at);
        let Errors { errors, of } = self.errors.sum();
        let too_many = of >= u64::from(stop.at_least.max(1))
            && errors * 1_000 > u64::from(stop.share.as_thousandths()) * of;
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
            Phase::Running if self.at_hand() == 0 && self.supply.is_exhausted() => {
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

/// The same if their messages are made one by one, which takes its time.
const AHEAD_OF_MESSAGES: Duration = Duration::from_secs(10);

/// Most contacts at hand whose messages are made one by one: each is a file until its drop has ended.
const MOST_MESSAGES: usize = 200;

/// Fewest contacts to ask for.
const FEWEST_AT_ONCE: usize = 4;

/// Most contacts to ask for.
const MOST_AT_ONCE: usize = 1_000;
