//! Phone numbers, parsed at the edge: what is accepted can be dialled, and reaches a dial string as digits only.
//!
//! A number is accepted if libphonenumber calls it valid, or if it is one of the North American numbers kept for
//! fiction (`NXX-555-01XX` under any area code of assignable form): no telephone rings there, and the lab needs hundreds
//! of them. "Possible" would not do as a rule: it knows lengths only, so that mistyped numbers would ring strangers.
//!
//! Emergency numbers are never accepted. Premium-rate and shared-cost numbers are refused unless [`Rules`] allow them.

mod barring;
mod caller_id;
mod disclosure;
mod error;
mod whereabouts;
mod written;

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, ValidationError};

pub use barring::{Barring, NotBarred};
pub use caller_id::{CallerId, CallerIdError};
pub use disclosure::{Disclosure, masked_text};
pub use error::PhoneError;
pub use whereabouts::{COUNTRIES_ABROAD, zones_of_country, zones_of_place};
pub use written::{Rounded, clean};

/// A number that can be dialled, in E.164 form.
///
/// It shows masked; [`PhoneNumber::full`] and [`PhoneNumber::digits`] are the only ways to the whole.
///
/// ```
/// use aftertone::phone::{PhoneNumber, Rules};
///
/// let number = PhoneNumber::parse("(202) 555-0101", Rules::default())?;
/// assert_eq!(number.to_string(), "+1202•••0101");
/// assert_eq!(number.full().to_string(), "+12025550101");
/// # Ok::<(), aftertone::phone::PhoneError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber {
    /// E.164 without its `+`: 7 to 15 ASCII digits, the first not `0`.
    digits: String,
}

impl PhoneNumber {
    /// Parses E.164 (`+1 202 555 0101`) or a number as it is written or dialled within the rules' default region
    /// (`(202) 555-0101`, `011 44 20 7946 0958`).
    ///
    /// # Errors
    /// [`PhoneError`], which never holds the whole number, if the text is no number, holds anything but digits,
    /// spaces, `-`, `.`, brackets and one leading `+`, or if the number is none that may be dialled.
    pub fn parse(text: &str, rules: Rules) -> Result<Self, PhoneError> {
        let typed = typed_digits(text)?;
        if is_emergency(&typed) {
            return Err(PhoneError::Emergency);
        }

        let region = rules.default_region;
        let invalid = || PhoneError::Invalid {
            masked: mask(&typed.digits),
            region,
        };
        let parsed = PHONE_NUMBER_UTIL
            .parse(text.trim(), Some(region.0))
            .map_err(|_| invalid())?;
        let number = Self::from_e164(&PHONE_NUMBER_UTIL.format(&parsed, PhoneNumberFormat::E164))
            .ok_or_else(invalid)?;

        let national = number.digits.strip_prefix('1');
        if national.is_some_and(|n| n.starts_with("911")) {
            return Err(PhoneError::Emergency);
        }
        // A number is valid by the metadata if it is of any type; which one is found by patterns, and takes time.
        let kind = PHONE_NUMBER_UTIL.get_number_type(&parsed);
        let costly = matches!(
            kind,
            PhoneNumberType::PremiumRate | PhoneNumberType::SharedCost
        ) || national.is_some_and(|n| n.starts_with("900"));
        if costly && !rules.allow_premium {
            return Err(PhoneError::Premium {
                masked: mask(&number.digits),
            });
        }
        if kind != PhoneNumberType::Unknown || national.is_some_and(is_fictional) {
            Ok(number)
        } else {
            Err(invalid())
        }
    }

    /// A number that was parsed once, from its digits as a store keeps them; `None` if they cannot be such. Whether it
    /// may be dialled was decided when it was parsed, and is not asked again.
    pub fn from_digits(digits: u64) -> Option<Self> {
        Self::from_e164(&format!("+{digits}"))
    }

    /// The whole number in E.164 form, with its `+`. Not for logs.
    pub fn full(&self) -> Full<'_> {
        Full(&self.digits)
    }

    /// The number as whoever asks may see it: whole, or masked as [`fmt::Display`] is. Whole it is not for logs.
    pub fn shown(&self, in_full: bool) -> String {
        if in_full {
            self.full().to_string()
        } else {
            self.to_string()
        }
    }

    /// The whole number's digits, without a `+`. Not for logs.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Whether there may be numbers that begin with this one and are longer, as far as the plan of its country says how long those
    /// of its kind are.
    pub fn may_go_on(&self) -> bool {
        let parse = |digits: &str| PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok();
        let (Some(own), Some(longer)) = (parse(&self.digits), parse(&format!("{}0", self.digits)))
        else {
            return false;
        };
        let kind = PHONE_NUMBER_UTIL.get_number_type(&own);
        let possible = PHONE_NUMBER_UTIL.is_possible_number_for_type_with_reason(&longer, kind);
        !matches!(possible, Err(ValidationError::TooLong))
    }

    fn from_e164(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| Self {
            digits: digits.to_owned(),
        })
    }
}

/// Masked: `+1202•••0101`.
impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", mask(&self.digits))
    }
}

/// Masked, as [`fmt::Display`] is.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({self})")
    }
}

/// A number that shows whole; made by [`PhoneNumber::full`].
#[derive(Clone, Copy)]
pub struct Full<'a>(&'a str);

impl fmt::Display for Full<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

/// How a typed number is read, and what may be dialled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The country whose way of writing and dialling numbers is assumed if no `+` leads.
    pub default_region: Region,
    /// Whether premium-rate and shared-cost numbers are accepted.
    pub allow_premium: bool,
}

impl Rules {
    /// The same for a number that is looked for or barred, and not dialled: it may be a premium-rate one.
    pub const fn with_premium(self) -> Self {
        Self {
            allow_premium: true,
            ..self
        }
    }
}

/// A country or territory that has a numbering plan, by its ISO 3166-1 code. The default is `US`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Region(rlibphonenumber::Region);

impl Region {
    /// Parses a two-letter code such as `US` or `gb`; `None` if it is no region that libphonenumber knows.
    pub fn parse(code: &str) -> Option<Self> {
        if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        let region = rlibphonenumber::Region::from_code(&code.to_ascii_uppercase()).ok()?;
        PHONE_NUMBER_UTIL
            .get_country_code_for_region(region)
            .map(|_| Self(region))
    }
}

impl Default for Region {
    fn default() -> Self {
        Self(rlibphonenumber::Region::US)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_region_str().as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

/// What was typed, with everything but the digits taken away.
struct Typed {
    digits: String,
    international: bool,
}

fn typed_digits(text: &str) -> Result<Typed, PhoneError> {
    let text = text.trim_matches(' ');
    let length = text.chars().count();
    if length == 0 {
        return Err(PhoneError::Empty);
    }
    if length > MAX_TYPED {
        return Err(PhoneError::TooLong { length });
    }
    let stray = text
        .chars()
        .enumerate()
        .find(|&(at, c)| !(c.is_ascii_digit() || " -.()".contains(c) || (c == '+' && at == 0)));
    if let Some((at, found)) = stray {
        return Err(PhoneError::NotADigit {
            found,
            position: at + 1,
        });
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return Err(PhoneError::Empty);
    }
    Ok(Typed {
        digits,
        international: text.starts_with('+'),
    })
}

/// Whether an emergency number was typed, bare, with a trunk prefix, or behind a country code: `911`, `0112`, `+1911`.
fn is_emergency(typed: &Typed) -> bool {
    let digits = typed.digits.as_str();
    let within = |rest: &str| EMERGENCY.contains(&rest);
    // The longest prefix, country code and emergency number together; a list has a million longer ones.
    if digits.len() > 3 * MOST_DIGITS_OF_EACH {
        return false;
    }
    let behind_country_code = |rest: &str| {
        (1..=rest.len().min(MOST_DIGITS_OF_EACH)).any(|length| {
            let (code, rest) = rest.split_at(length);
            within(rest) && is_calling_code(code)
        })
    };
    if typed.international {
        return within(digits) || behind_country_code(digits);
    }
    ["", "0", "00", "011"]
        .into_iter()
        .filter_map(|prefix| digits.strip_prefix(prefix))
        .any(|rest| within(rest) || behind_country_code(rest))
}

/// Whether digits are the calling code of a country.
fn is_calling_code(digits: &str) -> bool {
    !digits.starts_with('0')
        && digits.parse().is_ok_and(|code: i32| {
            PHONE_NUMBER_UTIL
                .get_supported_calling_codes()
                .any(|known| known == code)
        })
}

/// Whether a North American number (without its country code) is one of those kept for fiction: 555-0100 to 555-0199
/// (ATIS-0300115) under an area code of assignable form, `[2-9][0-8][0-9]` but not `N11`.
fn is_fictional(national: &str) -> bool {
    let &[a, b, c, ref rest @ ..] = national.as_bytes() else {
        return false;
    };
    let assignable = (b'2'..=b'9').contains(&a) && b != b'9' && !(b == b'1' && c == b'1');
    assignable && rest.len() == 7 && rest.starts_with(b"55501")
}

/// The first and last digits with three dots between: four and four if there are eleven digits or more, fewer of
/// them if there are fewer, so that at least three are always hidden.
fn mask(digits: &str) -> String {
    let count = digits.len();
    let last = (count.saturating_sub(3) / 2).min(4);
    let first = count.saturating_sub(3 + last).min(4);
    format!("{}•••{}", &digits[..first], &digits[count - last..])
}

/// Most characters a typed number may have, separators included.
const MAX_TYPED: usize = 40;

/// Most digits of an emergency number, of a country's calling code, and of what is dialled before it.
const MOST_DIGITS_OF_EACH: usize = 3;

/// Fewest digits of a number with its country code: seven, `+290 xxxx` (Saint Helena before 2013) and `+247 xxxx`.
const MIN_DIGITS: usize = 7;

/// Most digits of a number with its country code (ITU-T E.164, 6.2.1).
const MAX_DIGITS: usize = 15;

/// Emergency and crisis numbers of any country (ITU-T E.161.1 and national plans); all of them are refused everywhere,
/// because no mailbox answers there.
const EMERGENCY: &[&str] = &[
    "000", "060", "061", "062", "065", "066", "08", "080", "100", "101", "102", "103", "104",
    "108", "110", "111", "112", "113", "114", "115", "117", "118", "119", "120", "122", "123",
    "125", "128", "131", "132", "133", "140", "141", "144", "150", "151", "155", "158", "160",
    "166", "17", "18", "15", "190", "191", "192", "193", "194", "195", "197", "198", "199", "911",
    "912", "913", "914", "917", "988", "990", "991", "992", "993", "994", "995", "996", "997",
    "998", "999",
];

#[cfg(test)]
mod tests;
