//! What the law of a place says about hours and about how often.

mod holidays;
mod states;

use std::fmt;

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use self::states::STATES;
use super::{
    holiday::Holiday,
    jurisdiction::Jurisdiction,
    span::{Span, Week},
};

/// One law of one place.
#[derive(Debug)]
pub struct Law {
    /// The places in which it holds.
    pub place: Jurisdiction,
    /// The hours it leaves open.
    pub week: Week,
    /// The days it makes exceptions of.
    pub(super) holidays: &'static [Holiday],
    /// The hours it leaves open on those days, within those of the week.
    pub on_holidays: Option<Span>,
    /// How often a number may be called.
    pub limits: &'static [Limit],
    /// Its source.
    pub source: &'static str,
    /// What was read of it.
    pub read: Read,
    /// When it was read.
    pub as_of: Date,
    /// The judgment that struck it down, if one did; its hours and limits are not applied then.
    pub struck_down: Option<&'static str>,
}

/// How often a number may be called within a time that slides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// At most so many.
    pub most: u32,
    /// Within so many hours.
    pub hours: u32,
    /// Of what.
    pub of: Counted,
}

/// As settings write it: `1 per 24h`, `3 per 7d`, `6 calls per 7d`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { most, hours, of } = self;
        match of {
            Counted::Drops => write!(f, "{most} per ")?,
            Counted::Calls => write!(f, "{most} calls per ")?,
        }
        if *hours > 24 && hours % 24 == 0 {
            write!(f, "{}d", hours / 24)
        } else {
            write!(f, "{hours}h")
        }
    }
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Drops, however many calls each of them made.
    Drops,
    /// Calls: a drop that rings a number twice counts twice.
    Calls,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drops => "drops",
            Self::Calls => "calls",
        })
    }
}

/// How far an entry of the table was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// The text of the law itself, in a public copy.
    Text,
    /// What law firms and trade guides say of it.
    Digest,
    /// Nothing: it is no law, but what is usual.
    Nothing,
}

impl Law {
    /// Every law that is known, those included that were struck down.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [&ELSEWHERE].into_iter().chain(NATIONS).chain(STATES)
    }

    /// The laws that hold for a number that may be in any of these places: those of each place and of its country, and
    /// the usual hours if no country of them has a law here.
    pub fn of(places: &[Jurisdiction]) -> Vec<&'static Self> {
        let holds = |law: &&'static Self| {
            law.struck_down.is_none() && places.iter().any(|&place| law.place.covers(place))
        };
        let mut found: Vec<_> = NATIONS.iter().filter(holds).collect();
        let has_nation = |&place: &Jurisdiction| found.iter().any(|law| law.place.covers(place));
        if places.is_empty() || !places.iter().all(has_nation) {
            found.push(&ELSEWHERE);
        }
        found.extend(STATES.iter().filter(holds));
        found
    }

    /// Its name: the place and the source.
    pub fn name(&self) -> String {
        format!("{} ({})", self.place, self.source)
    }

    /// The hours that it leaves open on a day, and the holiday that this day is.
    pub fn on(&self, day: Date) -> (Option<Span>, Option<&'static str>) {
        let span = self.week.on(day.weekday());
        match self.holidays.iter().find(|holiday| holiday.is_on(day)) {
            None => (span, None),
            Some(holiday) => {
                let both = span.and_then(|span| span.and(self.on_holidays?));
                (both, Some(holiday.name))
            }
        }
    }
}

/// The day on which the table was made.
const MADE: Date = date(2026, 11, 23);

/// What holds if nothing else is known.
static ELSEWHERE: Law = Law {
    place: Jurisdiction::ANYWHERE,
    week: Week::daily(Span::hours(8, 21)),
    holidays: &[],
    on_holidays: None,
    limits: &[],
    source: "usual hours; this country's law is not in the table",
    read: Read::Nothing,
    as_of: MADE,
    struck_down: None,
};

/// The laws of whole countries.
static NATIONS: &[Law] = &[
    Law {
        place: Jurisdiction::US,
        week: Week::daily(Span::hours(8, 21)),
        holidays: &[],
        on_holidays: None,
        limits: &[],
        source: "47 CFR 64.1200(c)(1)",
        read: Read::Digest,
        as_of: MADE,
        struck_down: None,
    },
    // The same hours bind live calls and announcing devices (Telecom Regulatory Policy 2009-200).
    Law {
        place: Jurisdiction::CANADA,
        week: Week::of(
            Span::minutes(9 * 60, 21 * 60 + 30),
            Some(Span::hours(10, 18)),
            Some(Span::hours(10, 18)),
        ),
        holidays: &[],
        on_holidays: None,
        limits: &[],
        source: "CRTC Unsolicited Telecommunications Rules, Parts III and IV",
        read: Read::Digest,
        as_of: MADE,
        struck_down: None,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_own_laws_and_its_country_s() {
        let sources = |places: &[&str]| {
            let places: Vec<_> = places
                .iter()
                .map(|p| Jurisdiction::parse(p).unwrap())
                .collect();
            Law::of(&places)
                .iter()
                .map(|law| law.place.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(sources(&["US-NY"]), "US");
        assert_eq!(sources(&["US-FL"]), "US US-FL");
        assert_eq!(sources(&["US-OK"]), "US US-OK");
        assert_eq!(sources(&["US-SC"]), "US");
        assert_eq!(sources(&["CA-ON"]), "CA");
        assert_eq!(sources(&["CA-ON", "US-WA"]), "US CA US-WA");
        assert_eq!(sources(&["US", "CA"]), "US CA");
        assert_eq!(sources(&["BS"]), "anywhere");
        assert_eq!(sources(&["US-TX", "BS"]), "US anywhere US-TX");
        assert_eq!(sources(&[]), "anywhere");
    }

    #[test]
    fn every_entry_says_where_it_is_written_and_when_it_was_read() {
        for law in Law::all() {
            assert!(law.source.len() > 10, "{law:?}");
            assert!(law.struck_down.is_none_or(|by| by.len() > 10), "{law:?}");
            assert!(law.as_of >= date(2026, 11, 23), "{law:?}");
            assert!(
                law.holidays.is_empty() || law.place.to_string().starts_with("US-"),
                "{law:?}"
            );
            for limit in law.limits {
                // A drop of two calls has to fit, or a state would never open.
                assert!(limit.of == Counted::Drops || limit.most >= 2, "{law:?}");
                assert!(limit.most > 0 && limit.hours > 0);
            }
        }
    }

    #[test]
    fn a_state_only_makes_its_country_s_hours_stricter() {
        let usual = &NATIONS[0];
        for law in Law::all().filter(|law| law.place.to_string().starts_with("US-")) {
            let mut stricter = !law.holidays.is_empty() || !law.limits.is_empty();
            let monday = date(2026, 11, 2);
            for day in monday.series(jiff::Span::new().days(1)).take(7) {
                let (usual, _) = usual.on(day);
                let (own, _) = law.on(day);
                if let (Some(own), Some(usual)) = (own, usual) {
                    assert_eq!(own.and(usual), Some(own), "{} {day}", law.name());
                }
                stricter |= own != usual;
            }
            assert!(stricter, "{} adds nothing", law.name());
        }
    }
}
