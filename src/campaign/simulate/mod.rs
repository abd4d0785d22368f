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

/// Runs a campaign over a list, to its end or for [`LONGEST`].
pub fn simulate<G: SimulatedGate>(
    scenario: &Scenario,
    contacts: impl IntoIterator<Item = Contact>,
    gate: G,
) -> Forecast {
    World::new(scenario, contacts, gate).run()
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
    /// Contacts that are not leased, by when they are due.
    due: BTreeSet<(Timestamp, ContactId)>,
    /// Drops in flight by when they end, in the order in which they began.
    flying: BTreeMap<(Timestamp, u64), Event>,
    started: u64,
    forecast: Forecast,
}

impl<'a, G: SimulatedGate> World<'a, G> {
    fn new(scenario: &'a Scenario, contacts: impl IntoIterator<Item = Contact>, gate: G) -> Self {
        let now = scenario.begins;
        let contacts: BTreeMap<_, _> = contacts.into_iter().map(|c| (c.id, c)).collect();
        Self {
            engine: Engine::new(gate, now),
            now,
            dice: Dice::new(scenario.seed),
            due: contacts.keys().map(|&id| (now, id)).collect(),
            flying: BTreeMap::new(),
            started: 0,
            forecast: Forecast::nothing(contacts.len()),
            contacts,
            scenario,
        }
    }

    fn run(mut self) -> Forecast {
        self.engine.set_pbx(PBX, &self.scenario.pbx, self.now);
        let settings = self.scenario.campaign.clone();
        self.engine.set_campaign(CAMPAIGN, settings, self.now);
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
                    let event = first.remove();
                    self.engine.handle_event(event, self.now);
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
            && let Some(idle) = self.engine.why_idle(CAMPAIGN)
        {
            *self.forecast.idle.entry(idle.why.slug()).or_default() += span;
        }
        self.now = self.now.max(next);
    }

    fn obey(&mut self) {
        while let Some(command) = self.engine.poll_command() {
            match command {
                Command::Fetch { at_most, .. } => self.fetch(at_most),
                Command::Start(start) => self.start(&start),
                Command::Settle {
                    contact,
                    settlement,
                    ..
                } => self.settle(contact, settlement),
                Command::Release { contacts, .. } => {
                    let now = self.now;
                    self.due.extend(contacts.into_iter().map(|id| (now, id)));
                }
                Command::Paused { why, .. } => self.forecast.stopped = Some(why),
                Command::Finished { end, .. } => self.forecast.end = Some(end),
                // They are not asked for here.
                Command::HangUp { .. } | Command::Drained => {}
            }
        }
    }

    fn fetch(&mut self, at_most: usize) {
        let mut contacts = Vec::with_capacity(at_most);
        while contacts.len() < at_most
            && let Some(&(at, id)) = self.due.first()
            && at <= self.now
        {
            self.due.pop_first();
            contacts.extend(self.contacts.get(&id).cloned());
        }
        let next = self
            .due
            .first()
            .map_or(Next::Never, |&(at, _)| Next::At(at));
        let event = Event::Due {
            campaign: CAMPAIGN,
            contacts,
            next,
        };
        self.engine.handle_event(event, self.now);
    }

    fn start(&mut self, start: &Start) {
        let drawn = self
            .scenario
            .assumptions
            .draw(start.technique, &mut self.dice);
        let calls = Calls::likely(start.technique, drawn.outcome, drawn.talks);
        let event = Event::Ended {
            campaign: start.campaign,
            contact: start.contact.id,
            attempt: start.attempt,
            outcome: drawn.outcome,
            reason: None,
            calls,
        };
        self.started += 1;
        let ends = self.now + drawn.rings + drawn.talks;
        self.flying.insert((ends, self.started), event);
        let flying = u64::try_from(self.flying.len()).unwrap_or(u64::MAX);
        let forecast = &mut self.forecast;
        forecast.most_in_flight = forecast.most_in_flight.max(flying);
        forecast.doubles += u64::from(start.technique == Technique::Double);
        *forecast.attempts.entry(drawn.outcome).or_default() += 1;
        forecast.calls += calls;
        let since = self.now.duration_since(self.scenario.begins).as_hours();
        let hour = self.scenario.begins + Duration::from_secs(3600 * since.unsigned_abs());
        *forecast.hours.entry(hour).or_default() += calls.all();
    }

    fn settle(&mut self, id: ContactId, settlement: Settlement) {
        match settlement {
            Settlement::Refused(_) => {
                self.forecast.refused += 1;
            }
            Settlement::Held { until, .. } => {
                self.due.insert((until, id));
            }
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
                    Some(at) => {
                        self.due.insert((at, id));
                    }
                    None => {
                        *self.forecast.outcomes.entry(outcome).or_default() += 1;
                    }
                }
                self.note_shares();
            }
            Settlement::NotDialled { .. } => {
                self.due.insert((self.now, id));
            }
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
    fn nothing(contacts: usize) -> Self {
        Self {
            end: None,
            stopped: None,
            took: Duration::ZERO,
            contacts: u64::try_from(contacts).unwrap_or(u64::MAX),
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

/// The campaign of a simulation.
const CAMPAIGN: CampaignId = CampaignId(1);

/// The PBX of a simulation.
const PBX: PbxId = PbxId(1);

#[cfg(test)]
mod tests;
