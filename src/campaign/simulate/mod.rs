//! How long a campaign takes, how many calls an hour it makes and which shares of the trunk's budget it uses: the
//! engine itself on virtual time, before a store and a network that are assumed.
//!
//! The answer is as good as its assumptions: which outcomes come how often, and how long calls ring and last. Those of
//! [`Assumptions::default`] are guesses, to be replaced by what one's own results show. The same seed gives the same
//! answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    budget::{BudgetLimits, Calls, Gauge, Share},
    engine::{
        CampaignSettings, Command, Contact, End, Engine, Event, Gate, Next, PauseReason,
        PbxSettings, Settlement, Start,
    },
    ids::{CampaignId, ContactId, PbxId},
    seeded::Dice,
};
use crate::drop::{Outcome, Technique};

mod assumptions;

pub use assumptions::{Assumed, Assumptions};

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The campaign.
    pub campaign: CampaignSettings,
    /// The PBX and its trunk.
    pub pbx: PbxSettings,
    /// What the network and its subscribers do.
    pub assumptions: Assumptions,
    /// When it begins.
    pub begins: Timestamp,
    /// What decides chances.
    pub seed: u64,
}

impl Scenario {
    /// The limits of the trunk that hold the campaign back.
    pub const fn limits(&self) -> BudgetLimits {
        self.pbx.limits.of(self.campaign.kind)
    }
}

/// A contact that is dialled from a moment on.
#[derive(Clone, Debug)]
pub struct DueContact {
    /// The contact.
    pub contact: Contact,
    /// When it is due.
    pub due: Timestamp,
}

/// What else there is at the beginning: what the trunk has carried, and what runs beside the campaign.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The number of the simulated campaign.
    pub campaign: CampaignId,
    /// The campaigns that run on the same trunk.
    pub others: Vec<OtherCampaign>,
    /// The latest starts on the trunk, the earlier first: those of the longest span of a rate.
    pub starts: Vec<(CampaignId, Timestamp)>,
    /// The latest calls on the trunk, by when they ended, the earlier first: those of the budget's window.
    pub calls: Vec<(Calls, Timestamp)>,
}

/// A campaign that runs beside the simulated one.
#[derive(Clone, Debug)]
pub struct OtherCampaign {
    /// Its number.
    pub id: CampaignId,
    /// Its settings.
    pub settings: CampaignSettings,
    /// Its contacts. No contact has the id of another, of whichever campaign.
    pub contacts: Vec<DueContact>,
}

impl Surroundings {
    /// An idle trunk, and no other campaign.
    pub const fn none() -> Self {
        Self {
            campaign: CampaignId(1),
            others: Vec::new(),
            starts: Vec::new(),
            calls: Vec::new(),
        }
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// How the campaign came to its end; `None` unless it did.
    pub end: Option<End>,
    /// Why it stopped by itself, if it did.
    pub stopped: Option<PauseReason>,
    /// From its begin to the last thing that happened.
    pub took: Duration,
    /// Contacts on the list.
    pub contacts: u64,
    /// Contacts that the gate refused.
    pub refused: u64,
    /// Contacts by their last outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Attempts by their outcome.
    pub attempts: BTreeMap<Outcome, u64>,
    /// How many of the attempts were made by two calls.
    pub doubles: u64,
    /// All calls.
    pub calls: Calls,
    /// Calls of each hour that had any, from its begin; hours are counted from the campaign's own begin.
    pub hours: BTreeMap<Timestamp, u64>,
    /// The most drops that were in flight at once.
    pub most_in_flight: u64,
    /// The largest share that each gauge showed over a window with calls enough to judge by.
    pub peaks: BTreeMap<Gauge, Share>,
    /// For how long nothing happened, by the slug of the reason ([`super::engine::Why::slug`]). Spans of less than a
    /// second are left out.
    pub idle: BTreeMap<&'static str, Duration>,
}

impl Forecast {
    /// Calls of the busiest hour.
    pub fn busiest_hour(&self) -> u64 {
        self.hours.values().copied().max().unwrap_or(0)
    }

    /// Calls an hour on average, over the hours that had any.
    pub fn calls_per_hour(&self) -> u64 {
        self.calls.all() / u64::try_from(self.hours.len()).map_or(1, |hours| hours.max(1))
    }
}

/// A gate that is asked in a simulation: no store counts the drops that ended.
pub trait SimulatedGate: Gate {
    /// A drop to a contact has ended. Only what alerted counts for the caps; of what the network refused nothing did.
    fn ended(&mut self, _contact: ContactId, _outcome: Outcome) {}
}

/// Runs a campaign over a list, to its end or for [`LONGEST`]: on an idle trunk, with every contact due at its beginning.
pub fn simulate<G: SimulatedGate>(
    scenario: &Scenario,
    contacts: impl IntoIterator<Item = Contact>,
    gate: G,
) -> Forecast {
    let due = scenario.begins;
    let contacts = contacts
        .into_iter()
        .map(|contact| DueContact { contact, due });
    simulate_among(scenario, contacts, Surroundings::none(), gate)
}

/// Runs a campaign beside others, to its end or for [`LONGEST`].
pub fn simulate_among<G: SimulatedGate>(
    scenario: &Scenario,
    contacts: impl IntoIterator<Item = DueContact>,
    around: Surroundings,
    gate: G,
) -> Forecast {
    World::new(scenario, contacts, around, gate).run()
}

/// The longest that is simulated.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// An engine with a store and a network that exist in memory alone.
struct World<'a, G> {
    scenario: &'a Scenario,
    engine: Engine<G>,
    now: Timestamp,
    dice: Dice,
    contacts: BTreeMap<ContactId, Contact>,
    /// Contacts that are not leased, by their campaign and when they are due.
    due: BTreeMap<CampaignId, BTreeSet<(Timestamp, ContactId)>>,
    /// Drops in flight by when they end, in the order in which they began.
    flying: BTreeMap<(Timestamp, u64), DropInFlight>,
    started: u64,
    /// How many of the drops in flight are the simulated campaign's.
    own_in_flight: u64,
    around: Surroundings,
    forecast: Forecast,
}

/// A drop that has not ended.
struct DropInFlight {
    campaign: CampaignId,
    /// What is reported when it ends.
    end: Event,
}

impl<'a, G: SimulatedGate> World<'a, G> {
    fn new(
        scenario: &'a Scenario,
        contacts: impl IntoIterator<Item = DueContact>,
        around: Surroundings,
        gate: G,
    ) -> Self {
        let now = scenario.begins;
        let mut this = Self {
            engine: Engine::new(gate, now),
            now,
            dice: Dice::new(scenario.seed),
            contacts: BTreeMap::new(),
            due: BTreeMap::new(),
            flying: BTreeMap::new(),
            started: 0,
            own_in_flight: 0,
            forecast: Forecast::nothing(),
            around,
            scenario,
        };
        this.add(this.around.campaign, contacts);
        let own = this.contacts.len();
        this.forecast.contacts = u64::try_from(own).unwrap_or(u64::MAX);
        let mut others = std::mem::take(&mut this.around.others);
        for other in &mut others {
            this.add(other.id, std::mem::take(&mut other.contacts));
        }
        this.around.others = others;
        this
    }

    fn run(mut self) -> Forecast {
        self.engine.set_pbx(PBX, &self.scenario.pbx, self.now);
        let own = self.around.campaign;
        let settings = self.scenario.campaign.clone();
        self.engine.set_campaign(own, settings, self.now);
        for other in std::mem::take(&mut self.around.others) {
            self.engine.set_campaign(other.id, other.settings, self.now);
        }
        for (campaign, at) in std::mem::take(&mut self.around.starts) {
            let pbx = PBX;
            let started = Event::Started { campaign, pbx, at };
            self.engine.handle_event(started, self.now);
        }
        for (calls, at) in std::mem::take(&mut self.around.calls) {
            let pbx = PBX;
            let called = Event::Called { pbx, calls, at };
            self.engine.handle_event(called, self.now);
        }
        self.obey();
        while self.forecast.end.is_none() && self.forecast.stopped.is_none() {
            let Some(next) = self.next() else {
                break;
            };
            if next.duration_since(self.scenario.begins).unsigned_abs() > LONGEST {
                break;
            }
            self.wait_until(next);
            match self.flying.first_entry() {
                Some(first) if first.key().0 <= self.now => {
                    let DropInFlight { campaign, end } = first.remove();
                    self.own_in_flight -= u64::from(campaign == self.around.campaign);
                    self.engine.handle_event(end, self.now);
                }
                Some(_) | None => self.engine.handle_timeout(self.now),
            }
            self.obey();
        }
        let took = self.now.duration_since(self.scenario.begins);
        self.forecast.took = took.unsigned_abs();
        self.forecast
    }

    /// When something happens next.
    fn next(&self) -> Option<Timestamp> {
        let ends = self.flying.first_key_value().map(|(&(at, _), _)| at);
        [ends, self.engine.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    fn wait_until(&mut self, next: Timestamp) {
        let span = next.duration_since(self.now).unsigned_abs();
        if span >= Duration::from_secs(1)
            && let Some(idle) = self.engine.why_idle(self.around.campaign)
        {
            *self.forecast.idle.entry(idle.why.slug()).or_default() += span;
        }
        self.now = self.now.max(next);
    }

    fn add(&mut self, campaign: CampaignId, contacts: impl IntoIterator<Item = DueContact>) {
        let of_campaign = self.due.entry(campaign).or_default();
        for DueContact { contact, due } in contacts {
            of_campaign.insert((due.max(self.now), contact.id));
            self.contacts.insert(contact.id, contact);
        }
    }

    fn obey(&mut self) {
        while let Some(command) = self.engine.poll_command() {
            match command {
                Command::Fetch { campaign, at_most } => self.fetch(campaign, at_most),
                Command::Start(start) => self.start(&start),
                Command::Settle {
                    campaign,
                    contact,
                    settlement,
                } => self.settle(campaign, contact, settlement),
                Command::Release { campaign, contacts } => {
                    for contact in contacts {
                        self.due_again(campaign, contact, self.now);
                    }
                }
                Command::Paused { campaign, why } => {
                    if campaign == self.around.campaign {
                        self.forecast.stopped = Some(why);
                    }
                }
                Command::Finished { campaign, end } => {
                    if campaign == self.around.campaign {
                        self.forecast.end = Some(end);
                    }
                }
                // They are not asked for here.
                Command::HangUp { .. } | Command::Drained => {}
            }
        }
    }

    fn fetch(&mut self, campaign: CampaignId, at_most: usize) {
        let mut contacts = Vec::with_capacity(at_most);
        let of_campaign = self.due.entry(campaign).or_default();
        while contacts.len() < at_most
            && let Some(&(at, id)) = of_campaign.first()
            && at <= self.now
        {
            of_campaign.pop_first();
            contacts.extend(self.contacts.get(&id).cloned());
        }
        let next = of_campaign
            .first()
            .map_or(Next::Never, |&(at, _)| Next::At(at));
        let event = Event::Due {
            campaign,
            contacts,
            unready: BTreeSet::new(),
            next,
        };
        self.engine.handle_event(event, self.now);
    }

    fn due_again(&mut self, campaign: CampaignId, contact: ContactId, at: Timestamp) {
        let of_campaign = self.due.entry(campaign).or_default();
        of_campaign.insert((at, contact));
    }

    fn start(&mut self, start: &Start) {
        let drawn = self
            .scenario
            .assumptions
            .draw(start.technique, &mut self.dice);
        let calls = Calls::likely(start.technique, drawn.outcome, drawn.talks);
        let campaign = start.campaign;
        let end = Event::Ended {
            campaign,
            contact: start.contact.id,
            attempt: start.attempt,
            outcome: drawn.outcome,
            reason: None,
            calls,
        };
        self.started += 1;
        let ends = self.now + drawn.rings + drawn.talks;
        let drop = DropInFlight { campaign, end };
        self.flying.insert((ends, self.started), drop);
        if campaign != self.around.campaign {
            return;
        }
        self.own_in_flight += 1;
        let forecast = &mut self.forecast;
        forecast.most_in_flight = forecast.most_in_flight.max(self.own_in_flight);
        forecast.doubles += u64::from(start.technique == Technique::Double);
        *forecast.attempts.entry(drawn.outcome).or_default() += 1;
        forecast.calls += calls;
        let since = self.now.duration_since(self.scenario.begins).as_hours();
        let hour = self.scenario.begins + Duration::from_secs(3600 * since.unsigned_abs());
        *forecast.hours.entry(hour).or_default() += calls.all();
    }

    fn settle(&mut self, campaign: CampaignId, id: ContactId, settlement: Settlement) {
        let is_own = campaign == self.around.campaign;
        match settlement {
            Settlement::Refused(_) => {
                self.forecast.refused += u64::from(is_own);
            }
            Settlement::Held { until, .. } => self.due_again(campaign, id, until),
            Settlement::Ended {
                attempt,
                outcome,
                again,
                ..
            } => {
                self.engine.gate_mut().ended(id, outcome);
                if let Some(contact) = self.contacts.get_mut(&id) {
                    contact.attempts = attempt;
                }
                match again {
                    Some(at) => self.due_again(campaign, id, at),
                    None if is_own => {
                        *self.forecast.outcomes.entry(outcome).or_default() += 1;
                    }
                    None => {}
                }
                self.note_shares();
            }
            Settlement::NotDialled { .. } => self.due_again(campaign, id, self.now),
        }
    }

    fn note_shares(&mut self) {
        let Some(budget) = self.engine.budget(PBX) else {
            return;
        };
        for gauge in Gauge::ALL {
            let reading = budget.read(gauge);
            if reading.whole >= u64::from(budget.limits().at_least) {
                let peak = self
                    .forecast
                    .peaks
                    .entry(gauge)
                    .or_insert(Share::percent(0));
                *peak = reading.share().max(*peak);
            }
        }
    }
}

impl Forecast {
    const fn nothing() -> Self {
        Self {
            end: None,
            stopped: None,
            took: Duration::ZERO,
            contacts: 0,
            refused: 0,
            outcomes: BTreeMap::new(),
            attempts: BTreeMap::new(),
            doubles: 0,
            calls: Calls::NONE,
            hours: BTreeMap::new(),
            most_in_flight: 0,
            peaks: BTreeMap::new(),
            idle: BTreeMap::new(),
        }
    }
}

/// The PBX of a simulation.
const PBX: PbxId = PbxId(1);

#[cfg(test)]
mod tests;
