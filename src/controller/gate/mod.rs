//! The gate in front of every call of a campaign: the pure rules of [`policy`], asked with what the store knows of each
//! contact.
//!
//! ```text
//!   Due                   ──> remember     facts of each leased contact
//!   the engine's attempt  ──> decide, started
//!   Start                 ──> take_ruling  into the intent, with the facts' version
//!   Settle                ──> settled      into the settlement; the contact is forgotten
//!   Release               ──> forget
//! ```
//!
//! A drop that is allowed counts at once for every contact that is remembered with the same number, of whichever
//! campaign. Contacts whose facts are on their way at that moment are caught by the store: their facts' version is behind
//! when their intent is to be written.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{
    SignedDuration, Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};
use tracing::{error, warn};

use crate::{
    campaign::{
        Decision, HeldReason,
        engine::{Ask, CampaignId, Contact, ContactId, Gate, Settlement},
        policy::{self, CallingPlace, CampaignKind, Case, GateSettings, Rule, Ruling, Start},
        simulate::SimulatedGate,
    },
    drop::{Outcome, Technique},
    orders::Spec,
    phone::PhoneNumber,
    store::{Facts, Leased},
};

/// The gate of one controller, with what it has to know of the contacts that are leased to it.
#[derive(Debug, Default)]
pub struct CampaignGate {
    gate: policy::Gate,
    kinds: BTreeMap<CampaignId, CampaignKind>,
    contacts: BTreeMap<ContactId, KnownContact>,
    /// The contacts that are remembered with a number.
    by_number: BTreeMap<PhoneNumber, BTreeSet<ContactId>>,
}

/// A ruling as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The ruling, as JSON.
    pub ruling: String,
    /// The IANA name of the zone whose hours hold the contact, if they do.
    pub zone: Option<String>,
    /// Where the contact is, if hours hold them.
    pub place: Option<CallingPlace>,
    /// The version of the facts it was made with; `None` if no cap is kept, so that no drop in between can matter.
    pub version: Option<i64>,
}

/// What is known of a contact.
#[derive(Debug)]
struct KnownContact {
    number: PhoneNumber,
    facts: Facts,
    ruling: Option<Ruling>,
    /// The drop that was started for it, and counts.
    started: Option<Start>,
}

impl CampaignGate {
    /// A gate with a user's settings, which knows of no contact.
    pub fn new(settings: GateSettings) -> Self {
        Self {
            gate: policy::Gate::new(settings),
            ..Self::default()
        }
    }

    /// The rules that it asks.
    pub const fn rules(&self) -> &policy::Gate {
        &self.gate
    }

    /// How far back the drops to a number have to be known: what to ask [`crate::store::Store::lease`] for.
    pub fn history(&self) -> SignedDuration {
        self.gate.settings().history()
    }

    /// Asks by these settings from now on. If they look back further than those of before, the drops to the contacts that are
    /// remembered are not all known: no intent of theirs is written, and they are asked about again with all that counts.
    pub fn set_settings(&mut self, settings: GateSettings) {
        let before = self.history();
        self.gate = policy::Gate::new(settings);
        if self.history() > before {
            for known in self.contacts.values_mut() {
                known.facts.version = OUTDATED;
            }
        }
    }

    /// Sets what a campaign is for. One that was not set counts as marketing, which is the stricter.
    pub fn set_campaign(&mut self, campaign: CampaignId, kind: CampaignKind) {
        self.kinds.insert(campaign, kind);
    }

    /// Keeps what is known of a leased contact, in place of what was known of it; returns the contact for the engine.
    pub fn remember(&mut self, leased: Leased) -> Contact {
        let Leased { contact, facts } = leased;
        self.forget(contact.id);
        let number = contact.number.clone();
        let same = self.by_number.entry(number.clone()).or_default();
        same.insert(contact.id);
        let known = KnownContact {
            number,
            facts,
            ruling: None,
            started: None,
        };
        self.contacts.insert(contact.id, known);
        contact
    }

    /// The last ruling on a contact, once: for its intent. `None` if there is none.
    pub fn take_ruling(&mut self, contact: ContactId) -> Option<Ruled> {
        let version = self.gate.is_on(Rule::FrequencyCap);
        let known = self.contacts.get_mut(&contact)?;
        let ruling = known.ruling.take()?;
        let facts = &known.facts;
        let (zone, state) = (facts.zone.as_deref(), facts.state.as_deref());
        let place = || CallingPlace::of(&known.number, zone, state);
        Some(Ruled {
            place: ruling.closed_zone().and_then(|_| place()),
            zone: ruling.closed_zone().map(str::to_owned),
            version: version.then_some(known.facts.version),
            ruling: ruling.json(),
        })
    }

    /// A contact is settled: it is forgotten. Returns the ruling that held or refused it, if one did. A drop that was
    /// not dialled after all does not count any more.
    pub fn settled(&mut self, contact: ContactId, settlement: &Settlement) -> Option<Ruled> {
        let ruled = match settlement {
            Settlement::Held { .. } | Settlement::Refused(_) => self.take_ruling(contact),
            Settlement::Ended { .. } => None,
            Settlement::NotDialled { .. } => {
                self.take_back(contact);
                None
            }
        };
        self.forget(contact);
        ruled
    }

    /// Forgets a contact that was given back to the store, or that this controller has nothing to do with any more. A
    /// drop that was started for it goes on to count.
    pub fn forget(&mut self, contact: ContactId) {
        let Some(known) = self.contacts.remove(&contact) else {
            return;
        };
        if let Some(same) = self.by_number.get_mut(&known.number) {
            same.remove(&contact);
            if same.is_empty() {
                self.by_number.remove(&known.number);
            }
        }
    }

    /// How many contacts are remembered.
    pub fn len(&self) -> usize {
        self.contacts.len()
    }

    /// Whether no contact is remembered.
    pub fn is_empty(&self) -> bool {
        self.contacts.is_empty()
    }

    /// Lets the drop that was started for a contact count no more.
    fn take_back(&mut self, contact: ContactId) {
        let known = self.contacts.get_mut(&contact);
        let Some((number, start)) = known.and_then(|k| Some((k.number.clone(), k.started.take()?)))
        else {
            return;
        };
        for id in self.by_number.get(&number).into_iter().flatten() {
            if let Some(known) = self.contacts.get_mut(id) {
                let starts = &mut known.facts.starts;
                if let Some(at) = starts.iter().position(|counted| *counted == start) {
                    starts.swap_remove(at);
                }
            }
        }
    }
}

impl Gate for CampaignGate {
    fn decide(&mut self, ask: &Ask<'_>, now: Timestamp) -> Decision {
        let Some(known) = self.contacts.get_mut(&ask.contact.id) else {
            // What is not known is not called. It was leased without its facts, which is a fault of ours; its lease ends.
            error!(contact = %ask.contact.id, "the gate was asked about a contact it knows nothing of");
            return Decision::Held {
                reason: HeldReason::FrequencyCap,
                until: now + UNKNOWN_WAITS,
            };
        };
        let facts = &known.facts;
        let case = Case {
            number: Ok(&ask.contact.number),
            zone: facts.zone.as_deref(),
            state: facts.state.as_deref(),
            consent: facts.consent.as_ref(),
            campaign: self
                .kinds
                .get(&ask.campaign)
                .copied()
                .unwrap_or(CampaignKind::Marketing),
            calls: calls(ask.technique),
            do_not_call: facts.do_not_call.as_deref(),
            starts: &facts.starts,
            overrides: &[],
        };
        let ruling = self.gate.decide(&case, now);
        let decision = ruling.decision;
        known.ruling = Some(ruling);
        decision
    }

    fn started(&mut self, ask: &Ask<'_>, now: Timestamp) {
        let start = Start {
            at: now,
            calls: calls(ask.technique),
        };
        for id in self
            .by_number
            .get(&ask.contact.number)
            .into_iter()
            .flatten()
        {
            if let Some(known) = self.contacts.get_mut(id) {
                known.facts.starts.push(start);
            }
        }
        if let Some(known) = self.contacts.get_mut(&ask.contact.id) {
            known.started = Some(start);
        }
    }

    fn zone(&self, contact: &Contact) -> Option<TimeZone> {
        let ruling = self.contacts.get(&contact.id)?.ruling.as_ref()?;
        TimeZoneDatabase::bundled().get(ruling.closed_zone()?).ok()
    }
}

impl SimulatedGate for CampaignGate {
    fn ended(&mut self, contact: ContactId, outcome: Outcome) {
        if !policy::counts(outcome, false) {
            self.take_back(contact);
        }
    }
}

/// The version of facts that are not all that counts: those of the store are later.
pub(super) const OUTDATED: i64 = -1;

/// Says of each rule that the settings switch off, and of each law that they set aside, that it is so: once, by every
/// command that dials.
pub fn warn_of_what_is_off(settings: &GateSettings) {
    let gate = policy::Gate::new(settings.clone());
    let off = Rule::ORDER.into_iter().filter(|&rule| !gate.is_on(rule));
    for rule in off {
        let own = match rule {
            Rule::Consent => "gate.consent",
            Rule::FrequencyCap => "gate.caps",
            Rule::CallingHours => "gate.hours",
            // No setting switches these off.
            Rule::Number | Rule::DoNotCall => continue,
        };
        let setting = if settings.enabled {
            own
        } else {
            "gate.enabled"
        };
        warn!(
            rule = rule.slug(),
            setting, "a rule of the gate is switched off"
        );
    }
    for rule in &settings.rules {
        if let Some(because) = &rule.instead_of_law {
            warn!(
                rule = rule.name,
                because, "a rule of `gate.rules` stands in place of the law"
            );
        }
    }
}

/// A digest of all that decides whether and until when contacts of a campaign are held: the user's settings of the gate,
/// those of the campaign that the gate or its hours depend on, and the laws that this version knows.
pub fn rules_digest(settings: &GateSettings, spec: &Spec) -> String {
    let (kind, technique, times) = (spec.kind, spec.technique, &spec.times);
    settings.digest(&format!("{kind:?} {technique:?} {times:?}"))
}

/// How many calls a drop makes.
pub fn calls(technique: Technique) -> u32 {
    match technique {
        Technique::Double => 2,
        Technique::Single | Technique::Adopted => 1,
    }
}

/// How long a contact waits of which nothing is known: its lease has ended by then.
const UNKNOWN_WAITS: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests;
