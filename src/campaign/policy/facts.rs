//! What the gate is given of a call that is about to be made.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::rule::Rule;
use crate::phone::{PhoneError, PhoneNumber};

/// A call that is about to be made: to whom, for what, and what happened before.
///
/// The caller looks the histories up; the gate only weighs them.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The number, or why there is none.
    pub number: Result<&'a PhoneNumber, &'a PhoneError>,
    /// The contact's time zone as their list has it: an IANA name, or an abbreviation usual in North America.
    pub zone: Option<&'a str>,
    /// The contact's state as their list has it: a code or a name.
    pub state: Option<&'a str>,
    /// The consent that is on record.
    pub consent: Option<&'a Consent>,
    /// What the campaign is for.
    pub campaign: CampaignKind,
    /// How many calls this drop makes: 2 if it keeps the line busy first, else 1.
    pub calls: u32,
    /// The name of the do-not-call list that the number is on.
    pub do_not_call: Option<&'a str>,
    /// Every drop to this number that began within the last [`history`](super::GateSettings::history), over all campaigns,
    /// in any order.
    pub starts: &'a [Start],
    /// The rules that are set aside, and why.
    pub overrides: &'a [Override],
}

/// What a campaign is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignKind {
    /// It informs people of something that concerns them: an appointment, a delivery.
    Informational,
    /// It sells or advertises, if only in part.
    Marketing,
}

impl fmt::Display for CampaignKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Informational => "informational",
            Self::Marketing => "marketing",
        })
    }
}

/// A consent as it is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// How it was given.
    pub kind: ConsentKind,
    /// When it was given.
    pub at: Option<Timestamp>,
    /// The record of it, such as `web form 2026-03`.
    pub source: Option<String>,
}

/// How a consent was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// In writing, with a signature; an electronic one is one too (47 CFR 64.1200(f)).
    Written,
    /// By word of mouth.
    Verbal,
}

impl ConsentKind {
    /// Reads a contact's consent column: `written`, `signed`, `electronic`, or `verbal`, `oral`; case and
    /// spaces do not matter. `None` for anything else, since a bare `yes` does not say how it was given.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "written" | "signed" | "electronic" => Some(Self::Written),
            "verbal" | "oral" => Some(Self::Verbal),
            _ => None,
        }
    }
}

impl fmt::Display for ConsentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Written => "written",
            Self::Verbal => "verbal",
        })
    }
}

/// A drop that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Start {
    /// When it was started.
    pub at: Timestamp,
    /// How many calls it made, 1 or 2.
    pub calls: u32,
}

/// A rule that is set aside for one call, and why. It is kept with the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Override {
    rule: Rule,
    because: String,
}

impl Override {
    /// Sets a rule aside, by its slug: `do_not_call`, `consent`, `frequency_cap` or `calling_hours`. The slugs of what
    /// these rules decide, such as `no_consent`, name them too.
    ///
    /// # Errors
    /// [`OverrideError`] if there is no such rule, if it is the rule on numbers, or if no reason is given.
    pub fn new(rule: &str, because: &str) -> Result<Self, OverrideError> {
        let rule = Rule::parse(rule).ok_or_else(|| OverrideError::Unknown {
            rule: rule.chars().take(40).collect(),
        })?;
        if rule == Rule::Number {
            return Err(OverrideError::Number);
        }
        let because = because.trim();
        if because.is_empty() {
            return Err(OverrideError::NoReason { rule });
        }
        Ok(Self {
            rule,
            because: because.to_owned(),
        })
    }

    /// The rule that is set aside.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Why it is.
    pub fn because(&self) -> &str {
        &self.because
    }
}

/// Why a rule cannot be set aside.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OverrideError {
    /// There is no such rule.
    #[error(
        "there is no rule `{}`; those that can be set aside are `do_not_call`, `consent`, `frequency_cap` and `calling_hours`",
        rule.escape_default()
    )]
    Unknown {
        /// What was given, at most its first 40 characters.
        rule: String,
    },
    /// Numbers that cannot be dialled stay so.
    #[error("emergency, invalid and blocked numbers are never dialled, whatever the reason")]
    Number,
    /// No reason was given.
    #[error("setting `{rule}` aside needs a reason, which is kept with the call")]
    NoReason {
        /// The rule.
        rule: Rule,
    },
}
