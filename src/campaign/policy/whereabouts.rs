//! Where a contact may be: by their list, else by their number.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use super::{facts::Case, place::Place};
use crate::phone::{PhoneNumber, zones_of_place};

/// Where a contact may be.
pub(super) struct Whereabouts {
    /// Every zone they may be in; none where nothing tells.
    pub(super) zones: Vec<TimeZone>,
    /// Whose laws may hold.
    pub(super) places: Vec<Place>,
    /// What told the zones.
    pub(super) by: ZoneBy,
    /// What was not understood.
    pub(super) notes: Vec<String>,
}

/// What told in which zones a contact may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneBy {
    /// Their own time zone, from their list.
    Timezone,
    /// Their state, from their list.
    State,
    /// Their number.
    Number,
    /// Their state and their number: the number is of another part of the world.
    StateAndNumber,
}

impl Whereabouts {
    /// Tells where a contact may be.
    ///
    /// The zone of the list goes before the state's, and that before the number's. The laws of the state and of the
    /// number's area code both hold: which of them does is for a court to say.
    pub(super) fn of(case: &Case<'_>, number: &PhoneNumber) -> Self {
        let mut notes = Vec::new();
        let given = |text: Option<&'_ str>| {
            text.map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };

        let state = given(case.state).and_then(|text| {
            let state = Place::parse_state(&text);
            if state.is_none() {
                notes.push(format!("the state `{}` is not known", shown(&text)));
            }
            state
        });
        let zones = given(case.zone).and_then(|text| {
            let zones = zones_named(&text);
            if zones.is_none() {
                notes.push(format!("the time zone `{}` is not known", shown(&text)));
            }
            zones
        });

        let (zones, by) = match (zones, state) {
            (Some(zones), _) => (zones, ZoneBy::Timezone),
            (None, Some(state)) => {
                let mut names = zones_of_place(state.as_str());
                // `WA` beside a number of Perth is Western Australia.
                let by = if number.is_north_american() {
                    ZoneBy::State
                } else {
                    names.extend(number.zones());
                    ZoneBy::StateAndNumber
                };
                (zones_of(&names), by)
            }
            (None, None) => (zones_of(&number.zones()), ZoneBy::Number),
        };

        let mut places: Vec<_> = state.into_iter().collect();
        places.extend(number.places().into_iter().map(Place::known));
        if places.is_empty() && number.is_north_american() {
            places.extend([Place::US, Place::CANADA]);
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

/// Whether a text is a time zone that the gate understands: an IANA name such as `America/Denver`, in any case, or one of
/// the abbreviations that lists of North America use, such as `MST` or `CT`.
pub fn is_zone(text: &str) -> bool {
    zones_named(text.trim()).is_some()
}

/// The zones that a text may mean.
///
/// `MST` is what people write who mean the clocks of Denver, summer and winter, and also what Arizona has all year; and
/// the IANA zone `EST` has no summer time, so that it is off by an hour for whoever means New York.
fn zones_named(text: &str) -> Option<Vec<TimeZone>> {
    let by_abbreviation = ABBREVIATIONS
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
    fn what_is_not_understood_is_let_go_and_said() {
        assert_eq!(
            found("+13055550101", "Mars/Phobos", "Atlantis"),
            is("America/New_York", "US-FL", ZoneBy::Number, 2)
        );
    }

    #[test]
    fn abbreviations_mean_the_clocks_that_people_mean() {
        let zones = |zone| found("+13055550101", zone, "").0;
        assert_eq!(zones("EST"), "America/New_York");
        assert_eq!(zones("pt"), "America/Los_Angeles");
        assert_eq!(zones("MST"), "America/Denver America/Phoenix");
        assert_eq!(zones("asia/kolkata"), "Asia/Kolkata");
        assert!(is_zone(" ET ") && is_zone("US/Eastern") && !is_zone("GMT+25") && !is_zone(""));
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
