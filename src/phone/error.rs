//! Why a number is not dialled.

use thiserror::Error;

use super::Region;

/// Why a number was refused. It never holds the whole number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PhoneError {
    /// Nothing was given.
    #[error("no phone number was given; expected one such as `+12025550101`")]
    Empty,
    /// The text is longer than any number with its separators.
    #[error(
        "a text of {length} characters is no phone number; expected one such as `+12025550101`"
    )]
    TooLong {
        /// How many characters there are.
        length: usize,
    },
    /// The text holds something that could mean more than a digit to the PBX.
    #[error(
        "a phone number holds digits, spaces, `-`, `.`, brackets and one leading `+`, but character {position} is `{}`",
        found.escape_default()
    )]
    NotADigit {
        /// The first character that does not belong.
        found: char,
        /// Its position, counted from 1 after leading spaces.
        position: usize,
    },
    /// The number is an emergency number.
    #[error("emergency numbers are never dialled")]
    Emergency,
    /// Calling the number costs more than a plain call.
    #[error(
        "{masked} is a premium-rate or shared-cost number; those are dialled only if `pbx.allow_premium = true`"
    )]
    Premium {
        /// The number, masked.
        masked: String,
    },
    /// No such number can exist.
    #[error(
        "{masked} is not a valid phone number, read as one dialled in {region}; write it with its country code, such as `+12025550101`"
    )]
    Invalid {
        /// The digits typed, masked.
        masked: String,
        /// The region whose way of dialling was assumed.
        region: Region,
    },
}

impl PhoneError {
    /// The slug of the refusal as results have it.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Empty | Self::TooLong { .. } | Self::NotADigit { .. } | Self::Invalid { .. } => {
                "invalid_number"
            }
            Self::Emergency => "emergency_number",
            Self::Premium { .. } => "blocked_prefix",
        }
    }
}
