//! States, provinces and countries, as laws and contact lists name them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use thiserror::Error;

use crate::phone::COUNTRIES_ABROAD;

/// A state, a province or a country, as ISO 3166 writes it: `US-FL`, `CA-ON`, `BS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Jurisdiction(&'static str);

impl Jurisdiction {
    /// Everywhere: what holds for a place that is not known.
    pub const ANYWHERE: Self = Self("anywhere");

    /// The United States with their territories.
    pub const US: Self = Self("US");

    /// Canada.
    pub const CANADA: Self = Self("CA");

    /// A state of the USA that is not known: the laws of all of them hold.
    pub(super) const ANY_STATE: Self = Self("US-*");

    /// A place by a code that is known to be one, out of a table of ours.
    pub(super) const fn known(code: &'static str) -> Self {
        Self(code)
    }

    /// Reads a code: `US-FL`, `CA-ON`, and for whole countries `US`, `CA`, `BS`, `DE`. `None` for anything else.
    pub fn parse(code: &str) -> Option<Self> {
        [Self::ANYWHERE, Self::US, Self::CANADA, Self::ANY_STATE]
            .into_iter()
            .chain(STATES.iter().map(|&(code, _)| Self(code)))
            .chain(COUNTRIES.iter().map(|&code| Self(code)))
            .chain(COUNTRIES_ABROAD.iter().map(|&code| Self(code)))
            .find(|place| place.0.eq_ignore_ascii_case(code.trim()))
    }

    /// Reads a place as settings name it: `US-FL` and `CA-ON`; `US`; `country:CA`; and such as `BS` and `FR`.
    ///
    /// A bare code that is a state's or a province's as well as a country's is refused, whichever of them has laws here; and
    /// so is a part of another country, since no number shows that it is there.
    ///
    /// # Errors
    /// [`JurisdictionError`], which says how to write each of the places that may be meant.
    pub fn of_setting(text: &str) -> Result<Self, JurisdictionError> {
        let code = text.trim();
        let unknown = || JurisdictionError::Unknown {
            text: text.chars().take(40).collect(),
        };
        let by_country = code
            .split_once(':')
            .filter(|(kind, _)| kind.trim().eq_ignore_ascii_case(COUNTRY));
        if let Some((_, country)) = by_country {
            let place = Self::parse(country.trim()).filter(|place| place.0.len() == 2);
            return place.ok_or_else(unknown);
        }
        let state = STATES
            .iter()
            .find(|(state, _)| state[3..].eq_ignore_ascii_case(code));
        let country = BOTH
            .iter()
            .find(|(country, _)| country.eq_ignore_ascii_case(code));
        if let (Some(&(state, state_name)), Some(&(country, country_name))) = (state, country) {
            return Err(JurisdictionError::Ambiguous {
                state,
                state_name,
                country,
                country_name,
            });
        }
        let place = Self::parse(code).filter(|&place| place != Self::ANY_STATE);
        let whole = code
            .split_once('-')
            .and_then(|(country, _)| Self::parse(country));
        place.ok_or_else(|| match (state, whole) {
            (Some(&(state, name)), _) => JurisdictionError::Bare { state, name },
            (None, Some(country)) if ![Self::US, Self::CANADA].contains(&country) => {
                JurisdictionError::Part {
                    text: code.chars().take(40).collect(),
                    country: country.0,
                }
            }
            (None, _) => unknown(),
        })
    }

    /// Whether it is a country outside of the North American numbering plan.
    pub(super) fn is_abroad(self) -> bool {
        COUNTRIES_ABROAD.binary_search(&self.0).is_ok()
    }

    /// The code.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether the other place may be in it: it is the same, or lies within, or is a state that is not known. `US` covers
    /// `US-FL`.
    pub fn covers(self, other: Self) -> bool {
        self.encloses(other) || (other == Self::ANY_STATE && self.0.starts_with("US-"))
    }

    /// Whether the other place is certainly in it.
    pub(super) fn encloses(self, other: Self) -> bool {
        let within = other.0.strip_prefix(self.0);
        self == Self::ANYWHERE
            || within.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Jurisdiction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse(&code)
            .ok_or_else(|| D::Error::custom(format!("`{}` is no place", code.escape_default())))
    }
}

/// Why a text of a setting names no place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JurisdictionError {
    /// It is the code of a state or a province, and of a country.
    #[error(
        "`{country}` is {state_name} and {country_name}; write `{state}` or `{COUNTRY}:{country}`"
    )]
    Ambiguous {
        /// The state's code.
        state: &'static str,
        /// The state's name.
        state_name: &'static str,
        /// The country's code.
        country: &'static str,
        /// The country's name.
        country_name: &'static str,
    },
    /// It is a state's code without its country.
    #[error("`{}` is no place; for {name} write `{state}`", &state[3..])]
    Bare {
        /// The state's code.
        state: &'static str,
        /// The state's name.
        name: &'static str,
    },
    /// It is a part of a country in which no number shows where it is.
    #[error(
        "`{}` is a part of a country, and no number shows that it is there; write `{COUNTRY}:{country}`",
        text.escape_default()
    )]
    Part {
        /// What was given, at most its first 40 characters.
        text: String,
        /// The country's code.
        country: &'static str,
    },
    /// There is no such place.
    #[error("`{}` is no place", text.escape_default())]
    Unknown {
        /// What was given, at most its first 40 characters.
        text: String,
    },
}

/// What marks the code of a country in settings.
const COUNTRY: &str = "country";

/// The countries whose codes are those of states or provinces too (ISO 3166-1). Territories that have a code of their own
/// there are the same place under both.
const BOTH: &[(&str, &str)] = &[
    ("AL", "Albania"),
    ("AR", "Argentina"),
    ("AZ", "Azerbaijan"),
    ("CA", "Canada"),
    ("CO", "Colombia"),
    ("DE", "Germany"),
    ("GA", "Gabon"),
    ("ID", "Indonesia"),
    ("IL", "Israel"),
    ("IN", "India"),
    ("KY", "the Cayman Islands"),
    ("LA", "Laos"),
    ("MA", "Morocco"),
    ("MD", "Moldova"),
    ("ME", "Montenegro"),
    ("MN", "Mongolia"),
    ("MO", "Macao"),
    ("MS", "Montserrat"),
    ("MT", "Malta"),
    ("NC", "New Caledonia"),
    ("NE", "Niger"),
    ("NL", "the Netherlands"),
    ("NU", "Niue"),
    ("PA", "Panama"),
    ("PE", "Peru"),
    ("SC", "the Seychelles"),
    ("SD", "Sudan"),
    ("SK", "Slovakia"),
    ("TN", "Tunisia"),
    ("VA", "Vatican City"),
    ("YT", "Mayotte"),
];

/// The other countries of the North American numbering plan (ISO 3166-1).
const COUNTRIES: &[&str] = &[
    "AG", "AI", "BB", "BM", "BS", "DM", "DO", "GD", "JM", "KN", "KY", "LC", "MS", "SX", "TC", "TT",
    "VC", "VG",
];

/// The states, the district and the territories of the USA, and the provinces and territories of Canada (ISO 3166-2).
pub(super) const STATES: &[(&str, &str)] = &[
    ("US-AL", "Alabama"),
    ("US-AK", "Alaska"),
    ("US-AZ", "Arizona"),
    ("US-AR", "Arkansas"),
    ("US-CA", "California"),
    ("US-CO", "Colorado"),
    ("US-CT", "Connecticut"),
    ("US-DE", "Delaware"),
    ("US-FL", "Florida"),
    ("US-GA", "Georgia"),
    ("US-HI", "Hawaii"),
    ("US-ID", "Idaho"),
    ("US-IL", "Illinois"),
    ("US-IN", "Indiana"),
    ("US-IA", "Iowa"),
    ("US-KS", "Kansas"),
    ("US-KY", "Kentucky"),
    ("US-LA", "Louisiana"),
    ("US-ME", "Maine"),
    ("US-MD", "Maryland"),
    ("US-MA", "Massachusetts"),
    ("US-MI", "Michigan"),
    ("US-MN", "Minnesota"),
    ("US-MS", "Mississippi"),
    ("US-MO", "Missouri"),
    ("US-MT", "Montana"),
    ("US-NE", "Nebraska"),
    ("US-NV", "Nevada"),
    ("US-NH", "New Hampshire"),
    ("US-NJ", "New Jersey"),
    ("US-NM", "New Mexico"),
    ("US-NY", "New York"),
    ("US-NC", "North Carolina"),
    ("US-ND", "North Dakota"),
    ("US-OH", "Ohio"),
    ("US-OK", "Oklahoma"),
    ("US-OR", "Oregon"),
    ("US-PA", "Pennsylvania"),
    ("US-RI", "Rhode Island"),
    ("US-SC", "South Carolina"),
    ("US-SD", "South Dakota"),
    ("US-TN", "Tennessee"),
    ("US-TX", "Texas"),
    ("US-UT", "Utah"),
    ("US-VT", "Vermont"),
    ("US-VA", "Virginia"),
    ("US-WA", "Washington"),
    ("US-WV", "West Virginia"),
    ("US-WI", "Wisconsin"),
    ("US-WY", "Wyoming"),
    ("US-DC", "District of Columbia"),
    ("US-AS", "American Samoa"),
    ("US-GU", "Guam"),
    ("US-MP", "Northern Mariana Islands"),
    ("US-PR", "Puerto Rico"),
    ("US-VI", "Virgin Islands"),
    ("CA-AB", "Alberta"),
    ("CA-BC", "British Columbia"),
    ("CA-MB", "Manitoba"),
    ("CA-NB", "New Brunswick"),
    ("CA-NL", "Newfoundland and Labrador"),
    ("CA-NS", "Nova Scotia"),
    ("CA-NT", "Northwest Territories"),
    ("CA-NU", "Nunavut"),
    ("CA-ON", "Ontario"),
    ("CA-PE", "Prince Edward Island"),
    ("CA-QC", "Quebec"),
    ("CA-SK", "Saskatchewan"),
    ("CA-YT", "Yukon"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::{PhoneNumber, Rules, zones_of_place};

    #[test]
    fn a_code_that_is_a_state_s_and_a_country_s_is_refused_in_settings() {
        let read = |text: &str| {
            Jurisdiction::of_setting(text)
                .map_or_else(|error| error.to_string(), |place| place.to_string())
        };
        for (text, found) in [
            ("US-KY", "US-KY"),
            (" us-ky ", "US-KY"),
            ("country:KY", "KY"),
            ("country: ca", "CA"),
            ("Country:US", "US"),
            ("US", "US"),
            ("BS", "BS"),
            ("FR", "FR"),
            ("gb", "GB"),
            ("country:DE", "DE"),
            ("country:in", "IN"),
            (
                "DE",
                "`DE` is Delaware and Germany; write `US-DE` or `country:DE`",
            ),
            (
                "DE-BY",
                "`DE-BY` is a part of a country, and no number shows that it is there; write `country:DE`",
            ),
            ("US-XX", "`US-XX` is no place"),
            ("CA-ON", "CA-ON"),
            (
                "KY",
                "`KY` is Kentucky and the Cayman Islands; write `US-KY` or `country:KY`",
            ),
            (
                "ms",
                "`MS` is Mississippi and Montserrat; write `US-MS` or `country:MS`",
            ),
            (
                "CA",
                "`CA` is California and Canada; write `US-CA` or `country:CA`",
            ),
            (
                "NL",
                "`NL` is Newfoundland and Labrador and the Netherlands; write `CA-NL` or `country:NL`",
            ),
            ("FL", "`FL` is no place; for Florida write `US-FL`"),
            ("PR", "`PR` is no place; for Puerto Rico write `US-PR`"),
            ("country:FL", "`country:FL` is no place"),
            ("country:US-FL", "`country:US-FL` is no place"),
            ("US-*", "`US-*` is no place"),
            ("Mars", "`Mars` is no place"),
        ] {
            assert_eq!(read(text), found, "{text}");
        }
        for &country in COUNTRIES {
            let is_state = STATES.iter().any(|(state, _)| &state[3..] == country);
            assert_eq!(
                Jurisdiction::of_setting(country).is_err(),
                is_state,
                "{country}"
            );
        }
        let is_state = |country: &str| STATES.iter().any(|(state, _)| &state[3..] == country);
        assert!(BOTH.iter().all(|(country, _)| is_state(country)));
        // Each of them can be written as the error says.
        for (country, _) in BOTH {
            let written = format!("country:{country}");
            assert_eq!(Jurisdiction::of_setting(&written).unwrap().0, *country);
        }
        for &country in COUNTRIES_ABROAD {
            let is_plain = Jurisdiction::of_setting(country).is_ok();
            assert_eq!(is_plain, !is_state(country), "{country}");
        }
    }

    #[test]
    fn a_state_that_is_not_known_is_under_the_laws_of_every_state() {
        let [us, florida, canada] =
            ["US", "US-FL", "CA"].map(|code| Jurisdiction::parse(code).unwrap());
        assert!(
            us.covers(Jurisdiction::ANY_STATE)
                && florida.covers(Jurisdiction::ANY_STATE)
                && !canada.covers(Jurisdiction::ANY_STATE)
        );
        assert!(us.encloses(Jurisdiction::ANY_STATE) && !florida.encloses(Jurisdiction::ANY_STATE));
    }

    #[test]
    fn a_country_covers_its_states_and_no_other_country() {
        let [us, florida, canada] =
            ["US", "US-FL", "CA"].map(|code| Jurisdiction::parse(code).unwrap());
        assert!(us.covers(florida) && us.covers(us) && Jurisdiction::ANYWHERE.covers(florida));
        assert!(!florida.covers(us) && !canada.covers(florida));
        assert!(!Jurisdiction::parse("US-CA").unwrap().covers(canada));
    }

    #[test]
    fn every_place_of_an_area_code_is_known_and_every_state_has_zones() {
        for (code, _) in STATES {
            assert!(!zones_of_place(code).is_empty(), "{code}");
        }
        for area in 200..1000 {
            let text = format!("+1{area}5550101");
            let Ok(number) = PhoneNumber::parse(&text, Rules::default()) else {
                continue;
            };
            for place in number.places() {
                let json = format!("\"{place}\"");
                assert_eq!(
                    serde_json::from_str::<Jurisdiction>(&json).unwrap().0,
                    place
                );
            }
        }
        assert!(serde_json::from_str::<Jurisdiction>("\"XX\"").is_err());
    }
}
