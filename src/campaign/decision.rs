//! What the gate says to a call: yes, later, or never. Slugs are stored and never renamed.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", content = "of", rename_all = "snake_case")]
pub enum Decision {
    /// It may be made at this moment.
    Allowed,
    /// It may be made later.
    Held {
        /// What forbids it.
        reason: HeldReason,
        /// The first moment at which it may be made, as far as is known by then.
        until: Timestamp,
    },
    /// It may never be made.
    Refused(RefusedReason),
}

impl Decision {
    /// Whether the call may be made at this moment.
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed)
    }

    /// It in the words of programs: what it is, why, and until when.
    pub const fn told(self) -> (&'static str, Option<&'static str>, Option<Timestamp>) {
        match self {
            Self::Allowed => ("allowed", None, None),
            Self::Held { reason, until } => ("held", Some(reason.slug()), Some(until)),
            Self::Refused(reason) => ("refused", Some(reason.slug()), None),
        }
    }
}

/// Why a call has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldReason {
    /// It is outside the calling hours at a place where the contact may be.
    CallingHours,
    /// The number was called as often as it may be.
    FrequencyCap,
    /// The campaign is paused.
    Paused,
}

impl HeldReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::CallingHours, Self::FrequencyCap, Self::Paused];

    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::CallingHours => "calling_hours",
            Self::FrequencyCap => "frequency_cap",
            Self::Paused => "paused",
        }
    }
}

impl fmt::Display for HeldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// Why a call is never made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedReason {
    /// The number is on a do-not-call list.
    DoNotCall,
    /// There is no consent that suffices for this campaign.
    NoConsent,
    /// There can be no such number.
    InvalidNumber,
    /// The number begins with something that is not dialled, or costs more than a plain call.
    BlockedPrefix,
    /// The number is an emergency number.
    EmergencyNumber,
    /// The number is in the campaign already.
    Duplicate,
}

impl RefusedReason {
    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::DoNotCall => "do_not_call",
            Self::NoConsent => "no_consent",
            Self::InvalidNumber => "invalid_number",
            Self::BlockedPrefix => "blocked_prefix",
            Self::EmergencyNumber => "emergency_number",
            Self::Duplicate => "duplicate",
        }
    }
}

impl fmt::Display for RefusedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_serialise_as_they_are_written() {
        for reason in [
            HeldReason::CallingHours,
            HeldReason::FrequencyCap,
            HeldReason::Paused,
        ] {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
        }
        for reason in [
            RefusedReason::DoNotCall,
            RefusedReason::NoConsent,
            RefusedReason::InvalidNumber,
            RefusedReason::BlockedPrefix,
            RefusedReason::EmergencyNumber,
            RefusedReason::Duplicate,
        ] {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
        }
    }

    #[test]
    fn a_decision_survives_its_own_json() {
        let until = "2026-11-24T13:00:00Z".parse().unwrap();
        let held = Decision::Held {
            reason: HeldReason::CallingHours,
            until,
        };
        for (decision, json) in [
            (Decision::Allowed, r#"{"decision":"allowed"}"#),
            (
                held,
                r#"{"decision":"held","of":{"reason":"calling_hours","until":"2026-11-24T13:00:00Z"}}"#,
            ),
            (
                Decision::Refused(RefusedReason::DoNotCall),
                r#"{"decision":"refused","of":"do_not_call"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&decision).unwrap(), json);
            assert_eq!(serde_json::from_str::<Decision>(json).unwrap(), decision);
        }
    }
}
