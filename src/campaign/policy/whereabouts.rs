//! Where a contact may be: by their list, else by their number.

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};

use super::{facts::Case, jurisdiction::Jurisdiction, state::StateText};
use crate::phone::{PhoneNumber, zones_of_country, zones_of_place};

/// Where a contact may be.
#[derive(Clone)]
pub(super) struct Whereabouts {
    /// Every zone they may be in; none if nothing names one.
    pub(super) zones: Vec<TimeZone>,
    /// Whose laws may hold.
    pub(super) places: Vec<Jurisdiction>,
    /// What named the zones.
    pub(super) by: ZoneBy,
    /// What of the list was not understood, or not relied on.
    pub(super) notes: Vec<String>,
}

/// What named the zones in which a contact may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneBy {
    /// Their own time zone, from their list.
    Timezone,
    /// Their time zone and their state, which disagree.
    TimezoneAndState,
    /// Their time zone and their number, which disagree.
    TimezoneAndNumber,
    /// Their time zone, their state and their number, none of which agrees with another.
    TimezoneStateAndNumber,
    /// Their state, from their list.
    State,
    /// Their number.
    Number,
    /// Their state and their number: the number is of another country.
    StateAndNumber,
    /// The country of their number: their state is not understood.
    Country,
    /// The place that the contact shares with others: their list and their number named it when they came in.
    Place,
}

impl Whereabouts {
    /// Finds where a contact may be.
    ///
    /// The zone of the list goes before the state's, and that before the number's, as far as they agree. A zone that is
    /// neither the state's nor the number's does not count alone: all of their zones have to be open. The laws of
    /// the state and of the number's area code both hold: which of them does is for a court to say. A state that is not
    /// understood may be any.
    pub(super) fn of(case: &Case<'_>, number: &PhoneNumber) -> Self {
        let mut notes = Vec::new();
        let state = case.state.map_or(StateText::Nothing, StateText::read);
        let zones = read_zone(case, &mut notes);
        let by_number = ByNumber::of(number);
        let (zones, by) = match (zones, state) {
            (Some(zones), state) => by_number.with_zone(zones, state, case.state),
            (None, StateText::State(state)) => {
                let mut names = zones_of_place(state.as_str());
                // `WA` beside a number of Perth is Western Australia.
                if by_number.is_in_country_of(state) {
                    (zones_of(&names), ZoneBy::State)
                } else {
                    names.extend(&by_number.zones);
                    (zones_of(&names), ZoneBy::StateAndNumber)
                }
            }
            (None, StateText::Country(country)) if !by_number.is_in_country_of(country) => {
                let mut names = zones_of_country(country.as_str());
                names.extend(&by_number.zones);
                (zones_of(&names), ZoneBy::StateAndNumber)
            }
            (None, StateText::Unknown) if by_number.may_be_in_a_state() => {
                let mut names = by_number.zones.clone();
                names.extend(
                    by_number
                        .countries
                        .iter()
                        .copied()
                        .flat_map(zones_of_country),
                );
                (zones_of(&names), ZoneBy::Country)
            }
            (None, StateText::Country(_) | StateText::Nothing | StateText::Unknown) => {
                (zones_of(&by_number.zones), ZoneBy::Number)
            }
        };

        let mut places: Vec<_> = number
            .places()
            .into_iter()
            .map(Jurisdiction::known)
            .collect();
        if places.is_empty() && matches!(state, StateText::Nothing | StateText::Unknown) {
            places.extend(by_number.countries.iter().copied().map(Jurisdiction::known));
        }
        match state {
            StateText::State(state) => places.push(state),
            StateText::Country(Jurisdiction::US)
                if !by_number.is_in_country_of(Jurisdiction::US) =>
            {
                places.push(Jurisdiction::ANY_STATE);
            }
            StateText::Country(country) => places.push(country),
            StateText::Nothing => {}
            StateText::Unknown => {
                let text = shown(case.state.unwrap_or_default());
                if by_number.may_be_in_a_state() {
                    places.push(Jurisdiction::ANY_STATE);
                    notes.push(format!(
                        "the state `{text}` is not known, so that the laws of every state hold"
                    ));
                } else {
                    notes.push(format!("the state `{text}` is not known"));
                }
            }
        }
        places.sort_unstable();
        places.dedup();

        Self {
            zones,
            places,
            by,
            notes,
        }
    }
}

/// What a number says of its place.
struct ByNumber {
    zones: Vec<&'static str>,
    /// Its countries, if it belongs to the North American numbering plan.
    countries: Vec<&'static str>,
}

impl ByNumber {
    fn of(number: &PhoneNumber) -> Self {
        Self {
            zones: number.zones(),
            countries: number.north_american_countries(),
        }
    }

    fn is_in_country_of(&self, place: Jurisdiction) -> bool {
        self.countries
            .iter()
            .any(|&country| Jurisdiction::known(country).encloses(place))
    }

    /// Whether a state column that is not understood may mean a state of the USA.
    fn may_be_in_a_state(&self) -> bool {
        self.countries
            .iter()
            .any(|country| ["US", "CA"].contains(country))
    }

    /// The zones of a contact whose list names some, with those of what disagrees.
    fn with_zone(
        &self,
        zones: Vec<TimeZone>,
        state: StateText,
        text: Option<&str>,
    ) -> (Vec<TimeZone>, ZoneBy) {
        let of_number = zones_of(&self.zones);
        let fits_number = of_number.is_empty() || share_a_clock(&zones, &of_number);
        let of_state = match state {
            StateText::State(state) => zones_of(&zones_of_place(state.as_str())),
            StateText::Country(_) | StateText::Nothing | StateText::Unknown => Vec::new(),
        };
        let fits_state = of_state.is_empty() || share_a_clock(&zones, &of_state);
        let is_confirmed = match state {
            StateText::State(state) => fits_state && self.is_in_country_of(state),
            StateText::Country(_) | StateText::Nothing | StateText::Unknown => false,
        };
        // `WA` beside a number and a zone of Perth is Western Australia.
        let is_foreign = self.countries.is_empty()
            && fits_number
            && text.is_some_and(|text| text.trim().len() <= 3);
        let with_state = !fits_state && !is_foreign;
        let with_number = !fits_number && !is_confirmed;
        let by = match (with_state, with_number) {
            (false, false) => ZoneBy::Timezone,
            (true, false) => ZoneBy::TimezoneAndState,
            (false, true) => ZoneBy::TimezoneAndNumber,
            (true, true) => ZoneBy::TimezoneStateAndNumber,
        };
        let mut all = zones;
        for (more, is_wanted) in [(of_state, with_state), (of_number, with_number)] {
            for zone in more.into_iter().filter(|_| is_wanted) {
                if !all
                    .iter()
                    .any(|known| known.iana_name() == zone.iana_name())
                {
                    all.push(zone);
                }
            }
        }
        all.sort_by(|a, b| a.iana_name().cmp(&b.iana_name()));
        (all, by)
    }
}

/// Whether a text is one that a contact's time zone may be: an IANA name such as `America/Denver`, in any case; one of the
/// abbreviations that lists of North America use, such as `MST` or `CT`; or one that is the zone of no place, such as `UTC`
/// or `-08:00`, which the gate ignores with a note.
pub fn is_zone(text: &str) -> bool {
    let text = text.trim();
    is_of_no_place(text) || zones_named(text).is_some()
}

/// Whether anything says in which time zone a contact is: their list, or their number. A number of no country, such as
/// one of `+800` or `+870`, does not.
pub fn has_a_zone(number: &PhoneNumber, zone: Option<&str>, state: Option<&str>) -> bool {
    // Every number of North America has zones.
    number.is_north_american()
        || !number.zones().is_empty()
        || zone.is_some_and(|zone| !is_of_no_place(zone.trim()) && is_zone(zone))
        || state.is_some_and(|state| match StateText::read(state) {
            StateText::State(_) | StateText::Country(_) => true,
            StateText::Nothing | StateText::Unknown => false,
        })
}

/// The zones that the contact's list names, if it names any.
fn read_zone(case: &Case<'_>, notes: &mut Vec<String>) -> Option<Vec<TimeZone>> {
    let text = case.zone.map(str::trim).filter(|text| !text.is_empty())?;
    if is_of_no_place(text) {
        notes.push(format!(
            "the time zone `{}` is that of no place and is ignored",
            shown(text)
        ));
        return None;
    }
    let zones = zones_named(text);
    if zones.is_none() {
        notes.push(format!("the time zone `{}` is not known", shown(text)));
    }
    zones
}

/// Whether a text is the zone of no place: UTC by any of its names, a fixed offset, or an IANA name of either. Machines
/// keep such time, people do not; in a list it is what a program writes by itself.
fn is_of_no_place(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words = lower.trim_matches(|c: char| c == '(' || c == ')' || c.is_whitespace());
    if words.starts_with("etc/") || OF_NO_PLACE.contains(&words) {
        return true;
    }
    let offset = ["utc", "gmt", "ut", "z"]
        .iter()
        .find_map(|name| words.strip_prefix(name))
        .unwrap_or(words)
        .trim_start();
    let offset = offset
        .strip_prefix(['+', '-', '\u{2212}', '\u{2013}', '\u{b1}'])
        .unwrap_or(offset)
        .trim_start();
    let is_offset = |c: char| c.is_ascii_digit() || c == ':' || c == '.';
    offset.starts_with(|c: char| c.is_ascii_digit()) && offset.chars().all(is_offset)
}

/// The zones that a text may mean.
///
/// `MST` is what people write who mean the clocks of Denver, summer and winter, and also what Arizona has all year; and
/// the IANA zone `EST` has no summer time, so that it is off by an hour for anyone who means New York.
fn zones_named(text: &str) -> Option<Vec<TimeZone>> {
    // No abbreviation has a slash, and most names do.
    let abbreviations = if text.contains('/') {
        &[][..]
    } else {
        ABBREVIATIONS
    };
    let by_abbreviation = abbreviations
        .iter()
        .find(|(names, _)| names.split(' ').any(|name| name.eq_ignore_ascii_case(text)));
    match by_abbreviation {
        Some((_, zones)) => Some(zones_of(&zones.split(' ').collect::<Vec<_>>())),
        None => TimeZoneDatabase::bundled()
            .get(text)
            .ok()
            .map(|zone| vec![zone]),
    }
}

/// Whether any zone of the one has the clock of any of the other: many zones differ in their past alone.
fn share_a_clock(some: &[TimeZone], others: &[TimeZone]) -> bool {
    let same = |a: &TimeZone, b: &TimeZone| {
        a.iana_name() == b.iana_name()
            || (0..SAMPLES).all(|nth| {
                let at = Timestamp::from_second(FIRST_SAMPLE + nth * BETWEEN_SAMPLES);
                at.is_ok_and(|at| a.to_offset(at) == b.to_offset(at))
            })
    };
    some.iter()
        .any(|zone| others.iter().any(|other| same(zone, other)))
}

/// The zones of these names, each once.
fn zones_of(names: &[&str]) -> Vec<TimeZone> {
    let known = TimeZoneDatabase::bundled();
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| known.get(name).ok())
        .collect()
}

fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .collect::<String>()
        .escape_default()
        .to_string()
}

/// What lists write for the zones of North America.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("ET EST EDT Eastern", "America/New_York"),
    ("CT CST CDT Central", "America/Chicago"),
    ("MT MST MDT Mountain", "America/Denver America/Phoenix"),
    ("PT PST PDT Pacific", "America/Los_Angeles"),
    ("AKT AKST AKDT Alaska", "America/Anchorage"),
    ("HT HST HDT Hawaii", "Pacific/Honolulu America/Adak"),
    ("AT AST ADT Atlantic", "America/Halifax America/Puerto_Rico"),
    ("NT NST NDT Newfoundland", "America/St_Johns"),
];

/// Names of the time of no place, in lower case.
const OF_NO_PLACE: &[&str] = &[
    "coordinated universal time",
    "factory",
    "gmt",
    "gmt0",
    "greenwich",
    "greenwich mean time",
    "uct",
    "universal",
    "universal time",
    "universal time coordinated",
    "ut",
    "utc",
    "z",
    "zulu",
];

/// Clocks are compared through a year and a half, from 2026-11-01 on: long enough for each change between summer and
/// winter, and close enough that changes which a few zones alone have are seen.
const FIRST_SAMPLE: i64 = 1_793_491_200;
const BETWEEN_SAMPLES: i64 = 9 * 86_400;
const SAMPLES: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        campaign::policy::CampaignKind,
        phone::{PhoneNumber, Rules},
    };

    fn found(number: &str, zone: &str, state: &str) -> (String, String, ZoneBy, usize) {
        let number = PhoneNumber::parse(number, Rules::default()).unwrap();
        let case = Case {
            number: Ok(&number),
            zone: Some(zone),
            state: Some(state),
            consent: None,
            campaign: CampaignKind::Marketing,
            calls: 2,
            do_not_call: None,
            starts: &[],
            overrides: &[],
        };
        let found = Whereabouts::of(&case, &number);
        let zones: Vec<_> = found.zones.iter().filter_map(TimeZone::iana_name).collect();
        let places: Vec<_> = found.places.iter().map(|place| place.as_str()).collect();
        (
            zones.join(" "),
            places.join(" "),
            found.by,
            found.notes.len(),
        )
    }

    fn is(zones: &str, places: &str, by: ZoneBy, notes: usize) -> (String, String, ZoneBy, usize) {
        (zones.to_owned(), places.to_owned(), by, notes)
    }

    #[test]
    fn the_list_goes_before_the_number_and_the_zone_before_the_state() {
        let florida = "+13055550101";
        assert_eq!(
            found(florida, "America/Denver", "TX"),
            is("America/Denver", "US-FL US-TX", ZoneBy::Timezone, 0)
        );
        assert_eq!(
            found(florida, "", "TX"),
            is(
                "America/Chicago America/Denver",
                "US-FL US-TX",
                ZoneBy::State,
                0
            )
        );
        assert_eq!(
            found(florida, " ", ""),
            is("America/New_York", "US-FL", ZoneBy::Number, 0)
        );
        assert_eq!(
            found("+18505550101", "", ""),
            is(
                "America/Chicago America/New_York",
                "US-FL",
                ZoneBy::Number,
                0
            )
        );
    }

    #[test]
    fn what_is_not_understood_is_treated_strictly_and_said() {
        let (zones, places, by, notes) = found("+13055550101", "Mars/Phobos", "Atlantis");
        assert!(
            zones.contains("America/New_York") && zones.contains("Pacific/Honolulu"),
            "{zones}"
        );
        assert_eq!(
            (places.as_str(), by, notes),
            ("US-* US-FL", ZoneBy::Country, 2)
        );
        assert_eq!(
            found("+13055550101", "America/New_York", "Atlantis"),
            is("America/New_York", "US-* US-FL", ZoneBy::Timezone, 1)
        );
        // A state of another country is no state of the USA.
        assert_eq!(
            found("+498912345678", "", "Bayern"),
            is("Europe/Berlin", "", ZoneBy::Number, 1)
        );
        assert_eq!(found("+12425550101", "", "New Providence").1, "BS");
        let (zones, places, by, _) = found("+442079460958", "", "USA");
        assert!(
            zones.contains("Europe/London") && zones.contains("America/Los_Angeles"),
            "{zones}"
        );
        assert_eq!((places.as_str(), by), ("US-*", ZoneBy::StateAndNumber));
    }

    #[test]
    fn the_time_of_no_place_is_nobody_s_zone() {
        for zone in [
            "UTC",
            "utc",
            "GMT",
            "Zulu",
            "Z",
            "UCT",
            "Universal",
            "Greenwich",
            "GMT0",
            "GMT+0",
            "GMT-0",
            "Etc/UTC",
            "Etc/GMT+8",
            "etc/zulu",
            "Factory",
            "UTC+0",
            "UTC-8",
            "GMT+01:00",
            "GMT -5",
            "UTC\u{2212}08:00",
            "\u{b1}00:00",
            "-08:00",
            "+0100",
            "-5",
            "-5.5",
            "(UTC-08:00)",
            "(GMT)",
            "Coordinated Universal Time",
            " UTC ",
        ] {
            assert_eq!(
                found("+13105550101", zone, ""),
                is("America/Los_Angeles", "US-CA", ZoneBy::Number, 1),
                "{zone}"
            );
            assert_eq!(
                found("+12025550101", zone, "CA"),
                is("America/Los_Angeles", "US-CA US-DC", ZoneBy::State, 1),
                "{zone}"
            );
            assert!(is_zone(zone), "{zone}");
        }
        // Each of the database's names is of a place, or of none: those without a `/` are the ones to look at.
        let kept = TimeZoneDatabase::bundled()
            .available()
            .filter(|name| !name.as_str().contains('/') && !is_of_no_place(name.as_str()))
            .map(|name| name.to_string())
            .collect::<std::collections::BTreeSet<_>>();
        assert_eq!(
            kept.into_iter().collect::<Vec<_>>().join(" "),
            "CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire HST Hongkong Iceland Iran Israel Jamaica Japan \
             Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK Singapore Turkey \
             W-SU WET"
        );
    }

    #[test]
    fn a_zone_that_disagrees_with_the_number_or_the_state_does_not_stand_alone() {
        for (number, zone, state, zones, by) in [
            // Another country's, and another state's.
            (
                "+13105550101",
                "Europe/London",
                "",
                "America/Los_Angeles Europe/London",
                ZoneBy::TimezoneAndNumber,
            ),
            (
                "+13105550101",
                "America/New_York",
                "",
                "America/Los_Angeles America/New_York",
                ZoneBy::TimezoneAndNumber,
            ),
            (
                "+442079460958",
                "America/New_York",
                "",
                "America/New_York Europe/London",
                ZoneBy::TimezoneAndNumber,
            ),
            // The list agrees with itself, within the country of the number.
            (
                "+13105550101",
                "America/New_York",
                "NY",
                "America/New_York",
                ZoneBy::Timezone,
            ),
            (
                "+13105550101",
                "America/Toronto",
                "ON",
                "America/Los_Angeles America/Toronto",
                ZoneBy::TimezoneAndNumber,
            ),
            (
                "+442079460958",
                "America/New_York",
                "NY",
                "America/New_York Europe/London",
                ZoneBy::TimezoneAndNumber,
            ),
            // It does not.
            (
                "+12125550101",
                "America/New_York",
                "CA",
                "America/Los_Angeles America/New_York",
                ZoneBy::TimezoneAndState,
            ),
            (
                "+12125550101",
                "Europe/London",
                "CA",
                "America/Los_Angeles America/New_York Europe/London",
                ZoneBy::TimezoneStateAndNumber,
            ),
            // Another name of the same clock agrees.
            (
                "+18505550101",
                "US/Eastern",
                "FL",
                "US/Eastern",
                ZoneBy::Timezone,
            ),
            (
                "+13175550101",
                "America/Indiana/Indianapolis",
                "IN",
                "America/Indiana/Indianapolis",
                ZoneBy::Timezone,
            ),
            (
                "+13135550101",
                "America/Detroit",
                "",
                "America/Detroit",
                ZoneBy::Timezone,
            ),
            (
                "+919810012345",
                "Asia/Kolkata",
                "",
                "Asia/Kolkata",
                ZoneBy::Timezone,
            ),
            (
                "+61412345678",
                "Australia/Sydney",
                "",
                "Australia/Sydney",
                ZoneBy::Timezone,
            ),
            // A state's code beside a zone and a number of another part of the world is none.
            (
                "+61412345678",
                "Australia/Perth",
                "WA",
                "Australia/Perth",
                ZoneBy::Timezone,
            ),
            (
                "+80012345678",
                "Europe/Berlin",
                "",
                "Europe/Berlin",
                ZoneBy::Timezone,
            ),
        ] {
            let (found, _, found_by, _) = found(number, zone, state);
            assert_eq!(
                (found.as_str(), found_by),
                (zones, by),
                "{number} {zone} {state}"
            );
        }
        // New York's clock is not Arizona's in summer, and not Panama's.
        assert_eq!(
            found("+12125550101", "America/Panama", "").2,
            ZoneBy::TimezoneAndNumber
        );
        assert_eq!(
            found("+16025550101", "America/Denver", "").2,
            ZoneBy::TimezoneAndNumber
        );
    }

    #[test]
    fn a_number_of_no_country_has_a_zone_only_by_its_list() {
        let has = |number: &str, zone: Option<&str>, state: Option<&str>| {
            has_a_zone(
                &PhoneNumber::parse(number, Rules::default()).unwrap(),
                zone,
                state,
            )
        };
        assert!(has("+12025550101", None, None));
        assert!(!has("+80012345678", None, None));
        assert!(!has("+80012345678", Some("UTC"), Some("Atlantis")));
        assert!(has("+80012345678", Some("Europe/Berlin"), None));
        assert!(has("+80012345678", None, Some("NY")));
    }

    #[test]
    fn abbreviations_mean_the_clocks_that_people_mean() {
        let zones = |zone, state| found("+13055550101", zone, state).0;
        assert_eq!(zones("EST", ""), "America/New_York");
        assert_eq!(zones("pt", "WA"), "America/Los_Angeles");
        assert_eq!(zones("MST", "AZ"), "America/Denver America/Phoenix");
        assert!(zones("asia/kolkata", "").contains("Asia/Kolkata"));
        assert!(is_zone(" ET ") && is_zone("US/Eastern") && !is_zone("Mars") && !is_zone(""));
    }

    #[test]
    fn a_state_beside_a_number_from_elsewhere_adds_and_does_not_replace() {
        assert_eq!(
            found("+61883001234", "", "WA"),
            is(
                "America/Los_Angeles Australia/Adelaide Australia/Perth",
                "US-WA",
                ZoneBy::StateAndNumber,
                0
            )
        );
        assert_eq!(
            found("+442079460958", "", ""),
            is("Europe/London", "", ZoneBy::Number, 0)
        );
    }

    #[test]
    fn an_area_code_of_no_place_is_under_the_laws_of_both_countries() {
        let (zones, places, _, _) = found("+18005550101", "", "");
        assert_eq!(places, "CA US");
        assert!(zones.split(' ').count() > 10, "{zones}");
        assert_eq!(found("+18005550101", "", "FL").1, "US-FL");
    }
}
