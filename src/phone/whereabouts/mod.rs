//! Where a number may be answered, by its digits: candidate time zones and places.
//!
//! Digits say little: a mobile keeps its area code wherever its owner moves. So these are candidates, and who has to be
//! sure that none of them is asleep asks all of them.

mod area_codes;
mod prefixes;

use area_codes::AREA_CODES;
use prefixes::PREFIXES;

use rlibphonenumber::PHONE_NUMBER_UTIL;

use super::PhoneNumber;

impl PhoneNumber {
    /// Every time zone the number may be in, by its IANA name, sorted.
    ///
    /// A North American number has those of its area code; if that is none that is assigned to a place (toll-free,
    /// personal or unknown), those of all states of the USA and all provinces of Canada. A number that belongs to no
    /// country, such as `+800`, has none.
    pub fn zones(&self) -> Vec<&'static str> {
        if self.is_north_american() {
            return match self.area() {
                Some((_, zones)) => sorted(zones.split(' ')),
                None => sorted(
                    AREA_CODES
                        .iter()
                        .filter(|(_, places, _)| is_continental(places))
                        .flat_map(|(_, _, zones)| zones.split(' ')),
                ),
            };
        }
        (1..=LONGEST_PREFIX.min(self.digits.len()))
            .rev()
            .find_map(|length| {
                let prefix = &self.digits[..length];
                let at = PREFIXES.binary_search_by(|(p, _)| (*p).cmp(prefix)).ok()?;
                Some(sorted(PREFIXES[at].1.split(' ')))
            })
            .unwrap_or_default()
    }

    /// The states, provinces or countries that the number's area code belongs to, as ISO 3166 writes them: `US-FL`,
    /// `CA-NS`, `BS`. Empty for a number outside of the North American numbering plan, and for an area code that belongs
    /// to no place.
    pub fn places(&self) -> Vec<&'static str> {
        self.area()
            .map_or_else(Vec::new, |(places, _)| places.split(' ').collect())
    }

    /// Whether the number belongs to the North American numbering plan (country code 1).
    pub fn is_north_american(&self) -> bool {
        self.digits.starts_with('1')
    }

    /// The countries that the number may be of, as ISO 3166 writes them, if it belongs to the North American numbering
    /// plan: `US`, `CA`, `BS`; both of the first two for an area code that belongs to no place. Empty for other numbers.
    pub fn north_american_countries(&self) -> Vec<&'static str> {
        let places = self.places();
        if places.is_empty() && self.is_north_american() {
            return vec!["CA", "US"];
        }
        sorted(places.into_iter().map(|place| &place[..2]))
    }

    /// The countries that a number outside of the North American numbering plan may be of, as ISO 3166 writes them: that
    /// of its first digits, else all that have its country code, else all there are. Empty for a number within that plan.
    pub fn countries_abroad(&self) -> Vec<&'static str> {
        if self.is_north_american() {
            return Vec::new();
        }
        let Ok(parsed) = PHONE_NUMBER_UTIL.parse(self.full().to_string(), None) else {
            return COUNTRIES_ABROAD.to_vec();
        };
        let one = PHONE_NUMBER_UTIL.get_region_for_number(&parsed);
        let all = PHONE_NUMBER_UTIL.get_regions_for_country_calling_code(parsed.country_code);
        let regions: Vec<_> = match one {
            Some(one) => vec![one],
            None => all.into_iter().flatten().collect(),
        };
        let known = |code: &str| COUNTRIES_ABROAD.binary_search(&code).ok();
        let known = regions
            .into_iter()
            .filter_map(|region| Some(COUNTRIES_ABROAD[known(region.as_region_str().as_str())?]));
        let countries = sorted(known);
        if countries.is_empty() {
            return COUNTRIES_ABROAD.to_vec();
        }
        countries
    }

    /// The first digits: all that zones and places depend on.
    pub fn place_digits(&self) -> &str {
        &self.digits[..LONGEST_PREFIX.min(self.digits.len())]
    }

    /// The places and zones of the number's area code.
    fn area(&self) -> Option<(&'static str, &'static str)> {
        let code = self.digits.strip_prefix('1')?.get(..3)?.parse().ok()?;
        let at = AREA_CODES
            .binary_search_by_key(&code, |&(code, _, _)| code)
            .ok()?;
        Some((AREA_CODES[at].1, AREA_CODES[at].2))
    }
}

/// Every time zone that a place has, by its area codes: `US-FL` lies in two. Sorted; empty for a place without any.
pub fn zones_of_place(place: &str) -> Vec<&'static str> {
    sorted(
        AREA_CODES
            .iter()
            .filter(|(_, places, _)| places.split(' ').any(|p| p == place))
            .flat_map(|(_, _, zones)| zones.split(' ')),
    )
}

/// Every time zone of a country of the North American numbering plan, by its ISO 3166 code, without its islands far out:
/// `US`, `CA`, `BS`. Sorted.
pub fn zones_of_country(country: &str) -> Vec<&'static str> {
    let is_in = |place: &str| {
        let within = place.strip_prefix(country);
        within
            .is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && is_continental(place)))
    };
    sorted(
        AREA_CODES
            .iter()
            .filter(|(_, places, _)| places.split(' ').any(is_in))
            .flat_map(|(_, _, zones)| zones.split(' ')),
    )
}

/// Whether an area code belongs to a state of the USA or a province of Canada, not to an island far out.
fn is_continental(places: &str) -> bool {
    const ISLANDS: [&str; 5] = ["US-AS", "US-GU", "US-MP", "US-PR", "US-VI"];
    (places.starts_with("US-") || places.starts_with("CA-")) && !ISLANDS.contains(&places)
}

fn sorted(zones: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut zones: Vec<_> = zones.collect();
    zones.sort_unstable();
    zones.dedup();
    zones
}

/// The countries and territories outside of the North American numbering plan that have numbers (ISO 3166-1, and the codes
/// that ITU and Unicode CLDR use for Ascension, Kosovo and Tristan da Cunha).
pub const COUNTRIES_ABROAD: &[&str] = &[
    "AC", "AD", "AE", "AF", "AL", "AM", "AO", "AR", "AT", "AU", "AW", "AX", "AZ", "BA", "BD", "BE",
    "BF", "BG", "BH", "BI", "BJ", "BL", "BN", "BO", "BQ", "BR", "BT", "BW", "BY", "BZ", "CC", "CD",
    "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ",
    "DE", "DJ", "DK", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO",
    "FR", "GA", "GB", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GT", "GW",
    "GY", "HK", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT",
    "JE", "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KP", "KR", "KW", "KZ", "LA", "LB", "LI", "LK",
    "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM",
    "MN", "MO", "MQ", "MR", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG",
    "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM",
    "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG",
    "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST", "SV", "SY", "SZ", "TA", "TD",
    "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TV", "TW", "TZ", "UA", "UG", "UY", "UZ",
    "VA", "VE", "VN", "VU", "WF", "WS", "XK", "YE", "YT", "ZA", "ZM", "ZW",
];

/// The most digits that a row of [`PREFIXES`] has, and those of a North American number with its area code.
const LONGEST_PREFIX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Rules;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, Rules::default()).unwrap()
    }

    #[test]
    fn a_number_has_the_zones_and_the_places_of_its_area_code() {
        for (text, zones, places) in [
            ("+12025550101", "America/New_York", "US-DC"),
            ("+18505550101", "America/Chicago America/New_York", "US-FL"),
            ("+14485550101", "America/Chicago America/New_York", "US-FL"),
            ("+16025550101", "America/Phoenix", "US-AZ"),
            ("+19285550101", "America/Denver America/Phoenix", "US-AZ"),
            ("+12195550101", "America/Chicago America/New_York", "US-IN"),
            ("+17095550101", "America/Halifax America/St_Johns", "CA-NL"),
            ("+19025550101", "America/Halifax", "CA-NS CA-PE"),
            ("+18085550101", "Pacific/Honolulu", "US-HI"),
            ("+12425550101", "America/Nassau", "BS"),
            ("+442079460958", "Europe/London", ""),
            ("+919810012345", "Asia/Calcutta", ""),
            ("+9779841234567", "Asia/Katmandu", ""),
        ] {
            let number = number(text);
            assert_eq!(number.zones().join(" "), zones, "{text}");
            assert_eq!(number.places().join(" "), places, "{text}");
        }
    }

    #[test]
    fn an_area_code_of_no_place_has_the_zones_of_the_whole_continent() {
        for text in ["+18005550101", "+18332345678"] {
            let number = number(text);
            let zones = number.zones();
            assert!(number.is_north_american() && number.places().is_empty());
            for zone in ["America/St_Johns", "Pacific/Honolulu", "America/Adak"] {
                assert!(zones.contains(&zone), "{text} {zone}");
            }
            assert!(!zones.contains(&"Pacific/Guam"), "{zones:?}");
        }
    }

    #[test]
    fn a_prefix_of_four_digits_goes_before_its_country() {
        assert_eq!(
            number("+61883001234").zones().join(" "),
            "Australia/Adelaide Australia/Perth"
        );
        assert_eq!(number("+61412345678").zones().len(), 8);
        assert_eq!(
            number("+551132345678").zones().join(" "),
            "America/Sao_Paulo"
        );
        assert!(number("+80012345678").zones().is_empty());
    }

    #[test]
    fn a_number_abroad_has_the_country_of_its_digits_or_all_that_may_be() {
        for (text, countries) in [
            ("+4930901820", "DE"),
            ("+442079460958", "GB"),
            ("+441481720000", "GG"),
            ("+61412345678", "AU"),
            ("+77012345678", "KZ"),
            ("+12025550101", ""),
        ] {
            assert_eq!(
                number(text).countries_abroad().join(" "),
                countries,
                "{text}"
            );
        }
        // It belongs to no country, so that it may be of any.
        assert_eq!(number("+80012345678").countries_abroad(), COUNTRIES_ABROAD);
        assert!(COUNTRIES_ABROAD.is_sorted_by(|a, b| a < b));
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region);
            let region = region.as_region_str();
            let is_abroad = COUNTRIES_ABROAD.contains(&region.as_str());
            assert_eq!(is_abroad, code != Some(1), "{}", region.as_str());
        }
    }

    #[test]
    fn a_place_has_the_zones_of_all_its_area_codes() {
        assert_eq!(
            zones_of_place("US-FL").join(" "),
            "America/Chicago America/New_York"
        );
        assert_eq!(
            zones_of_place("US-TX").join(" "),
            "America/Chicago America/Denver"
        );
        assert_eq!(zones_of_place("CA-PE").join(" "), "America/Halifax");
        assert!(zones_of_place("US").is_empty());
        assert_eq!(zones_of_country("BS").join(" "), "America/Nassau");
        let us = zones_of_country("US");
        assert!(
            us.contains(&"Pacific/Honolulu") && !us.contains(&"Pacific/Guam"),
            "{us:?}"
        );
        assert!(!us.contains(&"America/St_Johns"), "{us:?}");
        assert_eq!(number("+13105550101").north_american_countries(), ["US"]);
        assert_eq!(
            number("+18005550101").north_american_countries(),
            ["CA", "US"]
        );
        assert!(
            number("+442079460958")
                .north_american_countries()
                .is_empty()
        );
    }

    #[test]
    fn the_tables_are_sorted_and_have_nothing_twice() {
        assert!(AREA_CODES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(PREFIXES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(PREFIXES.iter().all(|(p, _)| p.len() <= LONGEST_PREFIX));
        let mut zones = AREA_CODES
            .iter()
            .map(|row| row.2)
            .chain(PREFIXES.iter().map(|row| row.1))
            .flat_map(|zones| zones.split(' '));
        let known = jiff::tz::TimeZoneDatabase::bundled();
        assert!(zones.all(|zone| known.get(zone).is_ok()));
    }
}
