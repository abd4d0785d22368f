//! Why the gate decided as it did: kept with each decision, as data and in words.

use jiff::{Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize};

use super::{
    caps::LimitUse,
    facts::{CampaignKind, Consent},
    jurisdiction::Jurisdiction,
    law::Read,
    rule::Rule,
    span::Span,
    whereabouts::ZoneBy,
};
use crate::campaign::{Decision, HeldReason, RefusedReason};

/// What the gate decided, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// What it decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// The moment it decided for.
    pub at: Timestamp,
    /// What each rule found, in the order in which they were asked; the last one decided, unless the call is allowed.
    pub findings: Vec<Finding>,
}

impl Ruling {
    /// The rule that held or refused the call.
    pub fn rule(&self) -> Option<Rule> {
        match self.decision {
            Decision::Allowed => None,
            Decision::Held { .. } | Decision::Refused(_) => self.findings.last().map(|f| f.rule),
        }
    }

    /// The zone whose hours hold the call, by its IANA name: the first one that is closed. `None` unless hours hold it.
    pub fn closed_zone(&self) -> Option<&str> {
        if self.rule() != Some(Rule::CallingHours) {
            return None;
        }
        match &self.findings.last()?.inputs {
            Inputs::Hours(seen) => {
                let closed = seen.zones.iter().find(|zone| !zone.open);
                closed.map(|zone| zone.zone.as_str())
            }
            Inputs::Number { .. }
            | Inputs::DoNotCall { .. }
            | Inputs::Consent { .. }
            | Inputs::Caps(_) => None,
        }
    }

    /// The ruling as it is stored.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a ruling has string keys and finite numbers only")
    }

    /// What was decided and why, in one line, with the rules that were set aside or are switched off. The number is in it
    /// masked, if at all.
    pub fn words(&self) -> String {
        let aside = self
            .findings
            .iter()
            .filter(|finding| match finding.outcome {
                Outcome::SetAside { .. } | Outcome::SwitchedOff => true,
                Outcome::Met | Outcome::Failed(_) => false,
            });
        let deciding = self.rule().and(self.findings.last());
        let said: Vec<_> = deciding
            .into_iter()
            .chain(aside)
            .map(|finding| finding.words.as_str())
            .collect();
        let notes = self
            .findings
            .iter()
            .flat_map(|finding| finding.inputs.notes());
        match self.decision {
            Decision::Allowed => {
                let met = said.is_empty().then_some("every rule is met");
                let all: Vec<_> = met.into_iter().chain(said).chain(notes).collect();
                format!("allowed: {}", all.join("; "))
            }
            Decision::Held { reason, until } => {
                format!("held ({reason}) until {until}: {}", said.join("; "))
            }
            Decision::Refused(reason) => format!("refused ({reason}): {}", said.join("; ")),
        }
    }
}

/// What one rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What came of it.
    pub outcome: Outcome,
    /// What it looked at.
    pub inputs: Inputs,
    /// The same in words.
    pub words: String,
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is met.
    Met,
    /// It is not met, and decided.
    Failed(Decision),
    /// The settings switch it off.
    SwitchedOff,
    /// It was set aside for this call.
    SetAside {
        /// Why, in their words.
        because: String,
        /// What it would have decided; `None` if it was met anyway.
        instead_of: Option<Decision>,
    },
}

/// What a rule looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inputs {
    /// The number.
    Number {
        /// Masked; `None` if what was given is not a number.
        number: Option<String>,
        /// The blocked prefix it begins with.
        blocked_by: Option<String>,
    },
    /// Do-not-call lists.
    DoNotCall {
        /// The list that it is on.
        list: Option<String>,
    },
    /// Consent.
    Consent {
        /// What the campaign is for.
        campaign: CampaignKind,
        /// What is on record.
        consent: Option<Consent>,
    },
    /// Caps.
    Caps(Vec<LimitUse>),
    /// Calling hours.
    Hours(HoursSeen),
}

impl Inputs {
    /// What was not understood of the contact's list, or not relied on.
    fn notes(&self) -> impl Iterator<Item = &str> {
        let notes = match self {
            Self::Hours(seen) => seen.notes.as_slice(),
            Self::Number { .. } | Self::DoNotCall { .. } | Self::Consent { .. } | Self::Caps(_) => {
                &[]
            }
        };
        notes.iter().map(String::as_str)
    }
}

/// What the rule on calling hours looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoursSeen {
    /// What named the zones.
    pub zones_by: ZoneBy,
    /// Every zone the contact may be in.
    pub zones: Vec<ZoneSeen>,
    /// Whose laws may hold.
    pub places: Vec<Jurisdiction>,
    /// The laws and the user's rules that hold there.
    pub rules: Vec<RuleSeen>,
    /// What was not understood of the contact's list, or not relied on.
    pub notes: Vec<String>,
    /// The first moment at which all zones are open; `None` if none was found within a year.
    pub opens: Option<Timestamp>,
}

/// A zone as it was at the moment of the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneSeen {
    /// Its IANA name.
    pub zone: String,
    /// What its clocks show.
    pub local: DateTime,
    /// The hours that all rules leave open there on this day.
    pub hours: Option<Span>,
    /// Whether it is open.
    pub open: bool,
}

/// A law, or a user's rule, on hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSeen {
    /// The law's place and source, or the user's name for the rule.
    pub name: String,
    /// The hours it leaves open on the day of the first zone that is closed, or of the first zone.
    pub hours: Option<Span>,
    /// The holiday that this day is under it.
    pub holiday: Option<String>,
    /// When the law was read, and how; `None` for a user's rule.
    pub law: Option<LawRead>,
    /// Why the user's rule takes the place of the law, if it does.
    pub instead_of_law: Option<String>,
}

/// When a law was read, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LawRead {
    /// The day on which the law was read.
    pub as_of: jiff::civil::Date,
    /// What of it.
    pub read: Read,
}

/// What a rule decides if it is not met.
pub(super) const fn refused(reason: RefusedReason) -> Decision {
    Decision::Refused(reason)
}

/// What a rule decides if it is not met yet.
pub(super) const fn held(reason: HeldReason, until: Timestamp) -> Decision {
    Decision::Held { reason, until }
}
