//! What to dial next, why nothing is dialled, and until when: pure, on virtual time.
//!
//! ```text
//!   store ── Due ────> ┌──────────────────────────────────────────────┐ ── Fetch, Settle, Release ──> store
//!                      │ Engine                                       │
//!   board ── Ended ──> │   hours ─ PBX ─ room ─ pace ─ budget ─ turn  │ ── Start, HangUp ───────────> board
//!                      │                   │                          │
//!   operator: pause,   │                   v                          │
//!   resume, cancel ──> │        the gate, for each attempt            │ ── Paused, Finished ────────> operator
//!                      └──────────────────────────────────────────────┘
//! ```
//!
//! The engine holds no list. The store feeds it small batches of contacts that are due, leased to it; the gate is
//! asked about each at the moment of its attempt, and it is started, or settled as held or refused. When its drop has ended it
//! is settled with what follows: its last outcome, or the moment of its next attempt. Crashes and leases are the
//! store's business: an engine that begins anew is fed the same contacts, and chooses the same variants and the same
//! moments.
//!
//! Of the campaigns that could start a drop at the same moment, the one whose turn it is does: each gets its weight's
//! share of the starts, and a campaign that had nothing to start has saved nothing up. Two campaigns that are able all the time
//! never differ by more than one start each from the shares of their weights.
//!
//! Its driver feeds events, drains [`Engine::poll_command`] after each, and calls [`Engine::handle_timeout`] at
//! [`Engine::poll_timeout`]. Time is wall time that never goes back: the driver adds the time that has passed to a
//! clock that was read once. A moment before the last one counts as the last one.

mod campaign;
mod event;
mod happened;
mod idle;
mod pbx;
mod refusals;
mod settings;
mod supply;
mod turn;
mod waiting;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

pub use campaign::Phase;
pub use event::{
    Ask, Availability, Command, Contact, End, Event, Gate, HeldPlaces, InFlight, Next, PauseReason,
    Settlement, Start,
};
pub use idle::{Idle, Why};
pub use settings::{CampaignSettings, PbxSettings, Sharing, StopOn};
pub use waiting::Waiting;

pub use super::ids::{CampaignId, ContactId, PbxId};

use super::{
    budget::{Budget, BudgetLimits},
    policy::CampaignKind,
};
use crate::phone::PhoneNumber;
use campaign::Campaign;
use pbx::PbxState;

/// All campaigns of one controller, and the PBXs they dial through.
///
/// Every change collects all commands that follow from it, and the next deadline, before it returns.
#[derive(Debug)]
pub struct Engine<G> {
    gate: G,
    now: Timestamp,
    pbxs: BTreeMap<PbxId, PbxState>,
    campaigns: BTreeMap<CampaignId, Campaign>,
    /// Numbers with a drop in flight: a second one would find the line busy with the first.
    numbers: BTreeSet<PhoneNumber>,
    store: Availability,
    clocks: Availability,
    drain: Drain,
    /// The place in the row of the campaign that had the last turn.
    turn: u64,
    commands: VecDeque<Command>,
    deadline: Option<Timestamp>,
}

/// Whether the engine is to come to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    No,
    Draining,
    Drained,
}

impl<G: Gate> Engine<G> {
    /// An engine without campaigns and PBXs.
    pub fn new(gate: G, now: Timestamp) -> Self {
        Self {
            gate,
            now,
            pbxs: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            numbers: BTreeSet::new(),
            store: Availability::Up,
            clocks: Availability::Up,
            drain: Drain::No,
            turn: 0,
            commands: VecDeque::new(),
            deadline: None,
        }
    }

    /// The gate it asks.
    pub const fn gate(&self) -> &G {
        &self.gate
    }

    /// The gate it asks, for what it has to know: what it forbids counts from the next attempt on.
    pub const fn gate_mut(&mut self) -> &mut G {
        &mut self.gate
    }

    /// Adds a PBX, or changes what one carries.
    pub fn set_pbx(&mut self, id: PbxId, settings: &PbxSettings, now: Timestamp) {
        self.change(now, |this| match this.pbxs.get_mut(&id) {
            Some(pbx) => pbx.change(settings),
            None => {
                this.pbxs.insert(id, PbxState::new(settings));
            }
        });
    }

    /// Adds a campaign, or changes how one is run; one that is over runs again.
    pub fn set_campaign(&mut self, id: CampaignId, settings: CampaignSettings, now: Timestamp) {
        self.change(now, |this| match this.campaigns.get_mut(&id) {
            Some(campaign) => {
                let choice =
                    |settings: &CampaignSettings| (settings.messages.clone(), settings.seed);
                let has_other_messages = choice(&campaign.settings) != choice(&settings);
                campaign.change(settings, this.now);
                // What is made for the contacts at hand is made from the messages of before.
                if has_other_messages {
                    let contacts = campaign.take_all();
                    this.release(id, contacts);
                }
            }
            None => {
                let campaign = Campaign::new(settings, this.turn, this.now);
                this.campaigns.insert(id, campaign);
            }
        });
    }

    /// Takes note of what other controllers have of a PBX's trunk.
    pub fn share_pbx(&mut self, id: PbxId, share: Sharing, now: Timestamp) {
        if self.pbxs.get(&id).is_some_and(|pbx| pbx.share != share) {
            self.change(now, |this| {
                if let Some(pbx) = this.pbxs.get_mut(&id) {
                    pbx.set_share(share);
                }
            });
        }
    }

    /// Takes note of what other controllers have of each campaign's limits; of those that are left out they have nothing.
    pub fn share_campaigns(&mut self, shares: &BTreeMap<CampaignId, Sharing>, now: Timestamp) {
        let share_of = |id: &CampaignId| shares.get(id).copied().unwrap_or_default();
        if self.campaigns.iter().any(|(id, c)| c.share != share_of(id)) {
            self.change(now, |this| {
                for (id, campaign) in &mut this.campaigns {
                    campaign.set_share(share_of(id));
                }
            });
        }
    }

    /// Starts nothing through a PBX until then, or nothing of the campaign if one is named: others use up the limit.
    pub fn hold_off(&mut self, pbx: PbxId, campaign: Option<CampaignId>, until: Timestamp) {
        let hold = match campaign {
            Some(id) => self
                .campaigns
                .get_mut(&id)
                .map(|campaign| &mut campaign.hold),
            None => self.pbxs.get_mut(&pbx).map(|pbx| &mut pbx.hold),
        };
        if let Some(hold) = hold {
            *hold = Some(hold.map_or(until, |at| at.max(until)));
        }
    }

    /// The campaigns that have contacts to dial now.
    pub fn busy_with(&self) -> Vec<CampaignId> {
        if self.drain != Drain::No {
            return Vec::new();
        }
        let campaigns = self.campaigns.iter();
        let busy = campaigns.filter(|(_, campaign)| campaign.is_busy(self.now));
        busy.map(|(&id, _)| id).collect()
    }

    /// Starts nothing of a campaign until it is resumed.
    pub fn pause(&mut self, id: CampaignId, in_flight: InFlight, now: Timestamp) {
        self.change(now, |this| {
            let Some(campaign) = this.campaigns.get_mut(&id) else {
                return;
            };
            if matches!(campaign.phase, Phase::Running | Phase::Paused(_)) {
                campaign.phase = Phase::Paused(PauseReason::Operator);
                this.apply(id, in_flight);
            }
        });
    }

    /// Goes on with a paused campaign; its errors so far are forgotten.
    pub fn resume(&mut self, id: CampaignId, now: Timestamp) {
        self.change(now, |this| {
            if let Some(campaign) = this.campaigns.get_mut(&id) {
                campaign.resume(this.now);
            }
        });
    }

    /// Ends a campaign: nothing of it is started any more. [`Command::Finished`] follows when nothing is in flight.
    pub fn cancel(&mut self, id: CampaignId, in_flight: InFlight, now: Timestamp) {
        self.change(now, |this| {
            let Some(campaign) = this.campaigns.get_mut(&id) else {
                return;
            };
            if !matches!(campaign.phase, Phase::Over(_)) {
                campaign.phase = Phase::Cancelling;
                this.apply(id, in_flight);
            }
        });
    }

    /// Starts nothing at all any more. [`Command::Drained`] follows when nothing is in flight.
    pub fn drain(&mut self, in_flight: InFlight, now: Timestamp) {
        self.change(now, |this| {
            if this.drain == Drain::No {
                this.drain = Drain::Draining;
            }
            for id in this.ids() {
                this.apply(id, in_flight);
            }
        });
    }

    /// Takes in something that happened.
    pub fn handle_event(&mut self, event: Event, now: Timestamp) {
        self.change(now, |this| this.on_event(event));
    }

    /// Acts on the deadline that has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.change(now, |_| ());
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// The next deadline.
    pub const fn poll_timeout(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// The phase of a campaign; `None` unless it was added.
    pub fn phase(&self, id: CampaignId) -> Option<Phase> {
        self.campaigns.get(&id).map(|campaign| campaign.phase)
    }

    /// The message that a contact of a campaign gets, as it is chosen when its drop starts; `None` unless the campaign was added.
    pub fn message_of<'a>(&'a self, id: CampaignId, contact: &'a Contact) -> Option<&'a str> {
        let settings = &self.campaigns.get(&id)?.settings;
        let own = contact.message.as_deref();
        let chosen = settings.messages.choose(settings.seed, contact.id, own);
        Some(chosen.message)
    }

    /// Whether a campaign itself names this message, for all of its contacts or for a share of them.
    pub fn names(&self, id: CampaignId, message: &str) -> bool {
        let campaign = self.campaigns.get(&id);
        campaign.is_some_and(|campaign| campaign.settings.messages.names(message))
    }

    /// Whether a contact of a campaign is at hand, or its drop in flight.
    pub fn has(&self, id: CampaignId, contact: ContactId) -> bool {
        self.campaigns
            .get(&id)
            .is_some_and(|campaign| campaign.has(contact))
    }

    /// How many drops of a campaign are in flight.
    pub fn in_flight(&self, id: CampaignId) -> usize {
        self.campaigns
            .get(&id)
            .map_or(0, |campaign| campaign.in_flight.len())
    }

    /// The live account of a PBX's trunk.
    pub fn budget(&self, id: PbxId) -> Option<&Budget> {
        self.pbxs.get(&id).map(|pbx| &pbx.budget)
    }

    /// The limits of a PBX's trunk that hold any of the campaigns back that are not over.
    pub fn limits(&self, id: PbxId) -> Option<BudgetLimits> {
        let is_marketing = |campaign: &Campaign| {
            !matches!(campaign.phase, Phase::Over(_))
                && campaign.settings.kind == CampaignKind::Marketing
        };
        let kind = if self.campaigns.values().any(is_marketing) {
            CampaignKind::Marketing
        } else {
            CampaignKind::Informational
        };
        self.budget(id).map(|budget| budget.limits().of(kind))
    }

    /// Hangs up a campaign's drops in flight, if that is wanted.
    fn apply(&mut self, id: CampaignId, in_flight: InFlight) {
        match in_flight {
            InFlight::Finish => {}
            InFlight::HangUp => {
                let flying = self.campaigns.get(&id).into_iter();
                let hang_ups =
                    flying
                        .flat_map(|campaign| campaign.in_flight.keys())
                        .map(|&contact| Command::HangUp {
                            campaign: id,
                            contact,
                        });
                self.commands.extend(hang_ups);
            }
        }
    }

    fn release(&mut self, campaign: CampaignId, contacts: Vec<Contact>) {
        if contacts.is_empty() {
            return;
        }
        self.commands.push_back(Command::Release {
            campaign,
            contacts: contacts.into_iter().map(|contact| contact.id).collect(),
        });
    }

    fn ids(&self) -> Vec<CampaignId> {
        self.campaigns.keys().copied().collect()
    }

    /// Changes something, and collects all that follows from it.
    fn change(&mut self, now: Timestamp, change: impl FnOnce(&mut Self)) {
        self.now = self.now.max(now);
        for pbx in self.pbxs.values_mut() {
            pbx.budget.roll(self.now);
        }
        for campaign in self.campaigns.values_mut() {
            campaign.refresh(self.now);
        }
        change(self);
        self.schedule();
        self.release_unused();
        self.fetch();
        self.finish_completed();
        self.deadline = self.next_deadline();
    }

    /// Gives leased contacts back that are not about to be dialled.
    fn release_unused(&mut self) {
        if self.store == Availability::Away {
            return;
        }
        for id in self.ids() {
            if self.may_dial(id) {
                continue;
            }
            if let Some(campaign) = self.campaigns.get_mut(&id)
                && campaign.at_hand() > 0
            {
                let contacts = campaign.take_all();
                campaign.supply.note(self.now);
                self.release(id, contacts);
            }
        }
    }

    /// Asks the store for more when contacts run short.
    fn fetch(&mut self) {
        for id in self.ids() {
            if !self.may_dial(id) || self.store == Availability::Away {
                continue;
            }
            let rates = self.pbxs.values().filter(|pbx| pbx.is_up());
            let fastest = rates
                .map(|pbx| pbx.pace.rate())
                .max_by_key(|rate| rate.starts());
            if let Some(campaign) = self.campaigns.get_mut(&id)
                && let Some(at_most) = campaign.wants(fastest, self.now)
            {
                campaign.ask(self.now);
                self.commands.push_back(Command::Fetch {
                    campaign: id,
                    at_most,
                });
            }
        }
    }

    /// Whether anything may be started, as far as it does not depend on a campaign or a PBX.
    fn may_start(&self) -> bool {
        self.drain == Drain::No && self.store == Availability::Up && self.clocks == Availability::Up
    }

    /// Whether drops of this campaign may start sooner or later without anything having to change but rate and room.
    fn may_dial(&self, id: CampaignId) -> bool {
        self.drain == Drain::No
            && self.clocks == Availability::Up
            && self.campaigns.get(&id).is_some_and(|campaign| {
                let terms = campaign.settings.terms();
                campaign.is_dialling() && self.pbxs.values().any(|pbx| pbx.serves(terms))
            })
    }

    /// Reports campaigns that are over, and the end of draining.
    fn finish_completed(&mut self) {
        for (&id, campaign) in &mut self.campaigns {
            if let Some(end) = campaign.end() {
                campaign.phase = Phase::Over(end);
                self.commands
                    .push_back(Command::Finished { campaign: id, end });
            }
        }
        let rests = self.campaigns.values().all(|c| c.in_flight.is_empty());
        if self.drain == Drain::Draining && rests {
            self.drain = Drain::Drained;
            self.commands.push_back(Command::Drained);
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        if !self.may_start() {
            return None;
        }
        let next = self
            .campaigns
            .keys()
            .filter_map(|&id| self.deadline_of(id))
            .min();
        // All that is due was done just now; time has to pass for more.
        next.map(|at| at.max(self.now + TICK))
    }
}

/// The shortest time to the next deadline.
const TICK: Duration = Duration::from_millis(1);
