//! What the gate would say to the rows of a list at one moment: how many it would let through, and how many each rule would hold
//! or refuse.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    campaign::{
        budget::TechniqueRule,
        policy::{Case, Gate, GateSettings},
    },
    list::NewRow,
    orders::Spec,
    store::Facts,
};

/// The gate, what it was asked for, and what it has said so far.
pub(super) struct GateCheck {
    gate: Gate,
    kind: crate::campaign::policy::CampaignKind,
    calls: u32,
    at: Timestamp,
    said: BTreeMap<Said, Rows>,
}

/// What it said: `allowed`, `held` or `refused`, with why and by which rule.
type Said = (&'static str, Option<&'static str>, Option<&'static str>);

/// To how many rows it said so, and from when on the first and the last of them may be called.
#[derive(Default)]
struct Rows {
    rows: u64,
    until: Option<(Timestamp, Timestamp)>,
}

impl GateCheck {
    /// As it is asked for a campaign with these settings at a moment.
    pub(super) fn new(settings: GateSettings, spec: &Spec, at: Timestamp) -> Self {
        Self {
            gate: Gate::new(settings),
            kind: spec.kind,
            calls: match spec.technique {
                TechniqueRule::Single => 1,
                TechniqueRule::Double | TechniqueRule::ByShare => 2,
            },
            at,
            said: BTreeMap::new(),
        }
    }

    /// How far back drops to a number count.
    pub(super) fn history(&self) -> SignedDuration {
        self.gate.settings().history()
    }

    /// The moment it is asked for.
    pub(super) const fn at(&self) -> Timestamp {
        self.at
    }

    /// Asks it of a row.
    pub(super) fn ask(&mut self, row: &NewRow, facts: &Facts) {
        let case = Case {
            number: Ok(&row.number),
            zone: row.zone.as_deref(),
            state: row.state.as_deref(),
            consent: row.consent.as_ref(),
            campaign: self.kind,
            calls: self.calls,
            do_not_call: facts.do_not_call.as_deref(),
            starts: &facts.starts,
            overrides: &[],
        };
        let ruling = self.gate.decide(&case, self.at);
        let (decision, reason, until) = ruling.decision.told();
        let rule = ruling.rule().filter(|_| reason.is_some());
        let said = (decision, reason, rule.map(|rule| rule.slug()));
        let rows = self.said.entry(said).or_default();
        rows.rows += 1;
        if let Some(until) = until {
            let (first, last) = rows.until.unwrap_or((until, until));
            rows.until = Some((first.min(until), last.max(until)));
        }
    }

    /// What it has said, as it is stored and as the API shows it.
    pub(super) fn json(&self) -> String {
        let said = self.said.iter();
        let said: Vec<Value> = said
            .map(|((decision, reason, rule), rows)| {
                json!({
                    "decision": decision,
                    "reason": reason,
                    "rule": rule,
                    "rows": rows.rows,
                    "until": rows.until.map(|(first, _)| first),
                    "until_last": rows.until.map(|(_, last)| last),
                })
            })
            .collect();
        json!({"at": self.at, "decisions": said}).to_string()
    }
}
