//! States, provinces and countries, as laws and contact lists name them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// A state, a province or a country, as ISO 3166 writes it: `US-FL`, `CA-ON`, `BS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Place(&'static str);

impl Place {
    /// Everywhere: what holds for a place that is not known.
    pub const ANYWHERE: Self = Self("anywhere");

    /// The United States with their territories.
    pub const US: Self = Self("US");

    /// Canada.
    pub const CANADA: Self = Self("CA");

    /// A place by a code that is known to be one, out of a table of ours.
    pub(super) const fn known(code: &'static str) -> Self {
        Self(code)
    }

    /// Reads what stands in a contact's state column: `FL`, `fl`, `US-FL`, `Florida`, `QC`, `Québec`. `None` for anything
    /// but a state of the USA, its capital's district and territories, and a province of Canada. `CA` is California.
    pub fn parse_state(text: &str) -> Option<Self> {
        let text = text.trim();
        STATES
            .iter()
            .find(|(code, name)| {
                code.eq_ignore_ascii_case(text)
                    || code[3..].eq_ignore_ascii_case(text)
                    || name.eq_ignore_ascii_case(text)
            })
            .map(|&(code, _)| Self(code))
            .or_else(|| {
                let by_another_name = OTHER_NAMES
                    .iter()
                    .find(|(name, _)| name.to_lowercase() == text.to_lowercase());
                by_another_name.map(|&(_, code)| Self(code))
            })
    }

    /// Reads a code: `US-FL`, `CA-ON`, and for whole countries `US`, `CA` and those others that have a North American
    /// area code, such as `BS`. `None` for anything else.
    pub fn parse(code: &str) -> Option<Self> {
        [Self::ANYWHERE, Self::US, Self::CANADA]
            .into_iter()
            .chain(STATES.iter().map(|&(code, _)| Self(code)))
            .chain(COUNTRIES.iter().map(|&code| Self(code)))
            .find(|place| place.0.eq_ignore_ascii_case(code.trim()))
    }

    /// The code.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether it is the other place or lies around it: `US` covers `US-FL`.
    pub fn covers(self, other: Self) -> bool {
        let within = other.0.strip_prefix(self.0);
        self == Self::ANYWHERE
            || within.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::parse(&code)
            .ok_or_else(|| D::Error::custom(format!("`{}` is no place", code.escape_default())))
    }
}

/// What people write beside the names of [`STATES`].
const OTHER_NAMES: &[(&str, &str)] = &[
    ("Washington DC", "US-DC"),
    ("Washington D.C.", "US-DC"),
    ("D.C.", "US-DC"),
    ("Québec", "CA-QC"),
    ("Newfoundland", "CA-NL"),
    ("Yukon Territory", "CA-YT"),
    ("US Virgin Islands", "US-VI"),
];

/// The other countries of the North American numbering plan (ISO 3166-1).
const COUNTRIES: &[&str] = &[
    "AG", "AI", "BB", "BM", "BS", "DM", "DO", "GD", "JM", "KN", "KY", "LC", "MS", "SX", "TC", "TT",
    "VC", "VG",
];

/// The states, the district and the territories of the USA, and the provinces and territories of Canada (ISO 3166-2).
const STATES: &[(&str, &str)] = &[
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
    fn a_state_is_known_by_its_code_and_by_its_name() {
        for (text, code) in [
            ("FL", "US-FL"),
            (" fl ", "US-FL"),
            ("us-fl", "US-FL"),
            ("florida", "US-FL"),
            ("CA", "US-CA"),
            ("CA-ON", "CA-ON"),
            ("qc", "CA-QC"),
            ("QUÉBEC", "CA-QC"),
            ("Washington", "US-WA"),
            ("Washington DC", "US-DC"),
        ] {
            assert_eq!(Place::parse_state(text).unwrap().as_str(), code, "{text}");
        }
        for text in ["", "F", "FLA", "XX", "US", "New", "Bavaria", "é"] {
            assert_eq!(Place::parse_state(text), None, "{text}");
        }
    }

    #[test]
    fn a_country_covers_its_states_and_no_other_country() {
        let [us, florida, canada] = ["US", "US-FL", "CA"].map(|code| Place::parse(code).unwrap());
        assert!(us.covers(florida) && us.covers(us) && Place::ANYWHERE.covers(florida));
        assert!(!florida.covers(us) && !canada.covers(florida));
        assert!(!Place::parse("US-CA").unwrap().covers(canada));
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
                assert_eq!(serde_json::from_str::<Place>(&json).unwrap().0, place);
            }
        }
        assert!(serde_json::from_str::<Place>("\"XX\"").is_err());
    }
}
