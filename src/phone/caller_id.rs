//! The number that the called party sees.

use std::fmt;

use thiserror::Error;

use super::mask;

/// The number a call shows as its origin: digits with an optional leading `+`, so that it cannot carry a second header,
/// a quoted name or a dial string.
///
/// It is one's own number, so the region's validity rules do not bind it: trunks expect national forms and short
/// extensions too. A display name is not accepted; it belongs into the trunk's own configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct CallerId(String);

impl CallerId {
    /// Parses 2 to 15 digits with an optional leading `+`; spaces, `-`, `.` and brackets between them are dropped.
    ///
    /// # Errors
    /// [`CallerIdError`], which does not hold the text, if there is anything else.
    pub fn parse(text: &str) -> Result<Self, CallerIdError> {
        let text = text.trim_matches(' ');
        let mut number = String::new();
        for (at, found) in text.chars().enumerate() {
            if found.is_ascii_digit() || (found == '+' && at == 0) {
                number.push(found);
            } else if !" -.()".contains(found) {
                return Err(CallerIdError::NotADigit {
                    found,
                    position: at + 1,
                });
            }
            if number.len() > 1 + MAX_DIGITS {
                return Err(CallerIdError::Length);
            }
        }
        let digits = number.trim_start_matches('+').len();
        if (MIN_DIGITS..=MAX_DIGITS).contains(&digits) {
            Ok(Self(number))
        } else {
            Err(CallerIdError::Length)
        }
    }

    /// The number as it goes to the PBX. Not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Masked, as a contact's number is.
impl fmt::Debug for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.trim_start_matches('+');
        let plus = if digits.len() < self.0.len() { "+" } else { "" };
        write!(f, "CallerId({plus}{})", mask(digits))
    }
}

/// Why a caller id was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallerIdError {
    /// There is something else than a number.
    #[error(
        "a caller id is a number without a name or quotes, but character {position} is `{}`",
        found.escape_default()
    )]
    NotADigit {
        /// The first character that does not belong.
        found: char,
        /// Its position, counted from 1 after leading spaces.
        position: usize,
    },
    /// There are too few or too many digits.
    #[error("a caller id has {MIN_DIGITS} to {MAX_DIGITS} digits")]
    Length,
}

const MIN_DIGITS: usize = 2;

/// As for any number (ITU-T E.164, 6.2.1).
const MAX_DIGITS: usize = 15;
