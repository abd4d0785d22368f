//! The rules of the gate, by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The number can be dialled, is no emergency number, costs no more than a plain call, and is not blocked.
    Number,
    /// The number is not on any do-not-call list.
    DoNotCall,
    /// There is consent that suffices.
    Consent,
    /// The number was not called as often as it may be.
    FrequencyCap,
    /// It is an hour to call wherever the contact may be.
    CallingHours,
}

impl Rule {
    /// Every rule, in the order in which they are asked.
    pub const ORDER: [Self; 5] = [
        Self::Number,
        Self::DoNotCall,
        Self::Consent,
        Self::FrequencyCap,
        Self::CallingHours,
    ];

    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::DoNotCall => "do_not_call",
            Self::Consent => "consent",
            Self::FrequencyCap => "frequency_cap",
            Self::CallingHours => "calling_hours",
        }
    }

    /// The rule of this name, or the one that decides so: `no_consent` is `consent`.
    pub fn parse(slug: &str) -> Option<Self> {
        let slug = slug.trim();
        let by_name = Self::ORDER.into_iter().find(|rule| rule.slug() == slug);
        by_name.or(match slug {
            "no_consent" => Some(Self::Consent),
            "invalid_number" | "emergency_number" | "blocked_prefix" => Some(Self::Number),
            _ => None,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}
