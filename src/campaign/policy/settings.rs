//! What a user sets of the gate.

use std::collections::BTreeSet;

use jiff::{SignedDuration, civil::Date};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    jurisdiction::Jurisdiction,
    law::{Counted, Law, Limit},
    span::{Span, Week},
};
use crate::campaign::seeded::mix;

/// What a user sets of the gate. As it is by default, every rule is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateSettings {
    /// Whether consent, caps and hours are asked for at all. Numbers and do-not-call lists always are.
    pub enabled: bool,
    /// Whether consent is asked for.
    pub consent: bool,
    /// Whether caps are kept, those of the law included.
    pub caps: bool,
    /// Whether calling hours are kept.
    pub hours: bool,
    /// How often a number may be called, over all campaigns, beside what the law says; by default one drop in 24 hours
    /// and three in 7 days.
    pub limits: Vec<Limit>,
    /// Rules of the user's own on hours and days.
    pub rules: Vec<UserRule>,
    /// The first digits, in E.164 form without `+`, of numbers that are never dialled.
    pub blocked_prefixes: Vec<String>,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            consent: true,
            caps: true,
            hours: true,
            limits: vec![
                Limit {
                    most: 1,
                    hours: 24,
                    of: Counted::Drops,
                },
                Limit {
                    most: 3,
                    hours: 7 * 24,
                    of: Counted::Drops,
                },
            ],
            rules: Vec::new(),
            blocked_prefixes: Vec::new(),
        }
    }
}

impl GateSettings {
    /// How far back the drops to a number have to be known: the longest time within which any cap counts.
    pub fn history(&self) -> SignedDuration {
        let legal = Law::all().flat_map(|law| law.limits);
        let longest = self.limits.iter().chain(legal).map(|limit| limit.hours);
        SignedDuration::from_hours(i64::from(longest.max().unwrap_or(0)))
    }

    /// A digest of these settings, of the laws that this version of the program knows, and of whatever else decides: other
    /// rules have another digest.
    pub fn digest(&self, more: &str) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let rules = format!("{version} {self:?} {more}");
        let of = |seed: u64| {
            let bytes = rules.bytes().map(u64::from);
            mix(&[seed].into_iter().chain(bytes).collect::<Vec<_>>())
        };
        format!("{:016x}{:016x}", of(1), of(2))
    }
}

/// A rule of the user's own on hours and days. It makes hours stricter, and never opens what a law closes, unless it is
/// forced with a reason, which is kept with each decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRule {
    /// What the user calls it; decisions name it.
    pub name: String,
    /// The places in which it holds; a country includes its states. Everywhere if there is none.
    pub places: Vec<Jurisdiction>,
    /// The hours it leaves open.
    pub week: Week,
    /// Days without calls, such as those of a state of emergency.
    pub closed: BTreeSet<Date>,
    /// Why the laws on hours of these places are set aside for it, if they are.
    pub instead_of_law: Option<String>,
}

impl UserRule {
    /// A rule that leaves the same hours open on every day, everywhere.
    pub fn daily(name: &str, span: Span) -> Self {
        Self {
            name: name.to_owned(),
            places: Vec::new(),
            week: Week::daily(span),
            closed: BTreeSet::new(),
            instead_of_law: None,
        }
    }

    /// The same rule, in place of the laws on hours of its places.
    ///
    /// # Errors
    /// [`NoReason`] if none is given.
    pub fn forced(mut self, because: &str) -> Result<Self, NoReason> {
        let because = because.trim();
        if because.is_empty() {
            return Err(NoReason { name: self.name });
        }
        self.instead_of_law = Some(because.to_owned());
        Ok(self)
    }

    /// Whether it holds for a number that may be in any of these places.
    pub(super) fn holds_in(&self, places: &[Jurisdiction]) -> bool {
        self.places.is_empty()
            || self
                .places
                .iter()
                .any(|rule| places.iter().any(|&place| rule.covers(place)))
    }

    /// Whether it takes the place of the laws on hours of a place.
    pub(super) fn replaces_law_of(&self, place: Jurisdiction) -> bool {
        self.instead_of_law.is_some()
            && (self.places.is_empty() || self.places.iter().any(|rule| rule.encloses(place)))
    }

    /// The hours that it leaves open on a day.
    pub(super) fn on(&self, day: Date) -> Option<Span> {
        if self.closed.contains(&day) {
            return None;
        }
        self.week.on(day.weekday())
    }
}

/// A rule was forced without a reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the rule `{}` is to take the place of the law, which needs a reason", name.escape_default())]
pub struct NoReason {
    /// What the user calls the rule.
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_rules_have_another_digest() {
        let usual = GateSettings::default();
        let digest = usual.digest("Marketing");
        assert_eq!(digest, GateSettings::default().digest("Marketing"));
        assert_ne!(digest, usual.digest("Informational"));
        let mut limits = usual.clone();
        limits.limits.pop();
        let mut prefixes = usual.clone();
        prefixes.blocked_prefixes.push("44".to_owned());
        let hours = GateSettings {
            hours: false,
            ..usual
        };
        for other in [limits, prefixes, hours] {
            assert_ne!(digest, other.digest("Marketing"), "{other:?}");
        }
    }
}
