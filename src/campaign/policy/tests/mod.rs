//! The gate as a whole: each rule at its edges, in local time, and what holds for all of them.

mod caps;
mod clocks;
mod hours;
mod order;
mod properties;
mod states;

use jiff::{Timestamp, Zoned, fmt::temporal::DateTimeParser, tz::TimeZoneDatabase};

use super::*;
use crate::{
    campaign::{Decision, HeldReason, RefusedReason},
    phone::{PhoneError, PhoneNumber, Rules},
};

/// A contact of whom every rule but those on time is met, until a test says otherwise.
#[derive(Clone, Debug)]
struct Contact {
    number: Result<PhoneNumber, PhoneError>,
    zone: Option<String>,
    state: Option<String>,
    consent: Option<Consent>,
    campaign: CampaignKind,
    calls: u32,
    do_not_call: Option<String>,
    starts: Vec<Start>,
    overrides: Vec<Override>,
}

impl Contact {
    fn at(number: &str) -> Self {
        Self {
            number: PhoneNumber::parse(number, Rules::default()),
            zone: None,
            state: None,
            consent: Some(Consent {
                kind: ConsentKind::Written,
                at: Some("2001-01-01T00:00:00Z".parse().unwrap()),
                source: Some("web form".to_owned()),
            }),
            campaign: CampaignKind::Marketing,
            calls: 2,
            do_not_call: None,
            starts: Vec::new(),
            overrides: Vec::new(),
        }
    }

    /// A number of fiction under an area code.
    fn under(area: u16) -> Self {
        Self::at(&format!("+1{area}5550101"))
    }

    fn zone(mut self, zone: &str) -> Self {
        self.zone = Some(zone.to_owned());
        self
    }

    fn state(mut self, state: &str) -> Self {
        self.state = Some(state.to_owned());
        self
    }

    fn starts(mut self, starts: &[(&str, u32)]) -> Self {
        self.starts = starts
            .iter()
            .map(|&(at, calls)| Start {
                at: moment(at),
                calls,
            })
            .collect();
        self
    }

    fn overriding(mut self, rule: &str, because: &str) -> Self {
        self.overrides.push(Override::new(rule, because).unwrap());
        self
    }

    fn asked(&self, settings: &GateSettings, now: Timestamp) -> Ruling {
        let case = Case {
            number: self.number.as_ref(),
            zone: self.zone.as_deref(),
            state: self.state.as_deref(),
            consent: self.consent.as_ref(),
            campaign: self.campaign,
            calls: self.calls,
            do_not_call: self.do_not_call.as_deref(),
            starts: &self.starts,
            overrides: &self.overrides,
        };
        Gate::new(settings.clone()).decide(&case, now)
    }

    /// What comes out at a moment, in the zone that the moment is written in: `allowed`, `do_not_call`, or the reason and
    /// until when.
    fn says(&self, settings: &GateSettings, at: &str) -> String {
        let zoned = zoned(at);
        match self.asked(settings, zoned.timestamp()).decision {
            Decision::Allowed => "allowed".to_owned(),
            Decision::Refused(reason) => reason.to_string(),
            Decision::Held { reason, until } => {
                let until = until.to_zoned(zoned.time_zone().clone());
                format!("{reason} {}", until.strftime("%a %Y-%m-%d %H:%M:%S %z"))
            }
        }
    }
}

/// A moment written with its zone: `2026-11-24T08:00[America/New_York]`.
fn moment(text: &str) -> Timestamp {
    zoned(text).timestamp()
}

/// The same with its zone, by the rules that the gate goes by and not by the machine's.
fn zoned(text: &str) -> Zoned {
    DateTimeParser::new()
        .parse_zoned_with(&TimeZoneDatabase::bundled(), text)
        .unwrap()
}

/// The default settings, with rules of the user's own.
fn with_rules(rules: Vec<UserRule>) -> GateSettings {
    GateSettings {
        rules,
        ..GateSettings::default()
    }
}

/// A rule that leaves all hours open in place of every law.
fn lawless() -> UserRule {
    UserRule::daily("no law", Span::DAY)
        .forced("a test")
        .unwrap()
}

/// Asserts what the gate says of a contact at each moment.
#[track_caller]
fn assert_says(contact: &Contact, settings: &GateSettings, rows: &[(&str, &str)]) {
    for (at, expected) in rows {
        assert_eq!(contact.says(settings, at), *expected, "at {at}");
    }
}
