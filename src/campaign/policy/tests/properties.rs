//! What holds for any contact, any rules and any moment.

use std::{collections::BTreeSet, iter};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::campaign::policy::hours::Hours;

proptest! {
    /// A call that is held until T is allowed at T, not a second before, and at no moment until then.
    #[test]
    fn held_until_then_means_not_before_and_then(
        contact in contacts(),
        settings in settings(),
        now in moments(),
        samples in prop::collection::vec(0.0..1.0f64, 24),
    ) {
        let ruling = contact.asked(&settings, now);
        let Decision::Held { until, .. } = ruling.decision else {
            return Ok(());
        };
        prop_assert!(until > now);
        if ruling.words().contains("no moment within a year suits") {
            return Ok(());
        }
        let then = contact.asked(&settings, until);
        prop_assert_eq!(then.decision, Decision::Allowed, "{} then {}", ruling.words(), then.words());
        let second_before = until - SignedDuration::from_secs(1);
        let before = contact.asked(&settings, second_before);
        prop_assert!(!before.decision.is_allowed(), "{}", ruling.words());
        let wait = until.duration_since(now).as_secs_f64();
        for sample in samples {
            let at = now + SignedDuration::from_secs_f64(wait * sample);
            prop_assert!(at >= until || !contact.asked(&settings, at).decision.is_allowed(), "{at}: {}", ruling.words());
        }
    }

    /// No rule of a user's own opens what was closed, nor brings an opening forward.
    #[test]
    fn a_stricter_rule_opens_nothing(
        contact in contacts(),
        settings in settings(),
        rule in user_rules(),
        now in moments(),
    ) {
        let mut stricter = settings.clone();
        stricter.rules.push(rule);
        let before = contact.asked(&settings, now).decision;
        let after = contact.asked(&stricter, now).decision;
        match (before, after) {
            (Decision::Allowed, _) => {}
            (Decision::Held { until: before, .. }, Decision::Held { until: after, .. }) => prop_assert!(before <= after),
            (before, after) => prop_assert_eq!(before, after),
        }
    }

    /// More history, or one more cap, opens nothing.
    #[test]
    fn more_starts_and_more_caps_open_nothing(
        contact in contacts(),
        settings in settings(),
        start in starts(),
        now in moments(),
        most in 1..5u32,
        hours in 1..200u32,
    ) {
        let before = contact.asked(&settings, now).decision.is_allowed();
        let mut called = contact.clone();
        called.starts.push(start.1.from(now, start.0));
        prop_assert!(before || !called.asked(&settings, now).decision.is_allowed());
        let mut capped = settings;
        capped.limits.push(Limit { most, hours, of: Counted::Drops });
        prop_assert!(before || !contact.asked(&capped, now).decision.is_allowed());
    }

    /// The rules are asked in their order, the first that is not met decides, and no later one is asked.
    #[test]
    fn the_order_is_kept(
        contact in contacts(),
        settings in settings(),
        now in moments(),
    ) {
        let ruling = contact.asked(&settings, now);
        let asked: Vec<_> = ruling.findings.iter().map(|finding| finding.rule).collect();
        prop_assert_eq!(&asked[..], &Rule::ORDER[..asked.len()]);
        let failed = |finding: &Finding| matches!(finding.outcome, Outcome::Failed(_));
        let (last, others) = ruling.findings.split_last().unwrap();
        prop_assert!(!others.iter().any(failed));
        match ruling.decision {
            Decision::Allowed => prop_assert!(asked.len() == 5 && !failed(last)),
            decision @ (Decision::Held { .. } | Decision::Refused(_)) => {
                prop_assert_eq!(&last.outcome, &Outcome::Failed(decision));
            }
        }
        let json = serde_json::to_string(&ruling).unwrap();
        prop_assert_eq!(serde_json::from_str::<Ruling>(&json).unwrap(), ruling);
    }

    /// Around any change of clocks in any zone, the next opening is the first minute that is open.
    #[test]
    fn an_opening_is_the_first_minute_that_is_open(
        name in zones(),
        near in moments(),
        before in -30_000..90_000i64,
        rule in user_rules(),
    ) {
        let zone = TimeZoneDatabase::bundled().get(&name).unwrap();
        let change = zone.following(near).next().map_or(near, |change| change.timestamp());
        let from = change - SignedDuration::from_secs(before);
        let zones = [zone];
        let hours = Hours { zones: &zones, laws: Vec::new(), rules: vec![&rule] };
        let to_the_minute = 60 - from.as_second().rem_euclid(60);
        let minutes = (0..4 * 1_440).map(|minute| {
            Timestamp::from_second(from.as_second() + to_the_minute + 60 * minute).unwrap()
        });
        let first = iter::once(from).chain(minutes).find(|&at| hours.are_open(at));
        let found = hours.open_from(from);
        match first {
            Some(first) => prop_assert_eq!(found, Some(first), "{} from {}", name, from),
            None => prop_assert!(found.is_none_or(|found| found.duration_since(from).as_hours() >= 95)),
        }
    }

    /// No contact is called outside of eight to nine in the zone of their list, nor in those of their number if these do not agree
    /// with it, unless a rule is forced.
    #[test]
    fn nobody_is_called_at_night(
        contact in contacts(),
        settings in settings(),
        now in moments(),
    ) {
        let ruling = contact.asked(&settings, now);
        let forced = settings.rules.iter().any(|rule| rule.instead_of_law.is_some());
        if !ruling.decision.is_allowed() || forced || !contact.overrides.is_empty() {
            return Ok(());
        }
        let known = TimeZoneDatabase::bundled();
        let local = |name: &str| known.get(name).unwrap().to_datetime(now);
        let of_list = contact.zone.as_deref().filter(|zone| zone.contains('/') && !zone.starts_with("Etc/"));
        let mut names: Vec<_> = of_list.into_iter().collect();
        let of_number = contact.number.as_ref().unwrap().zones();
        let agrees = of_list.is_some_and(|zone| of_number.iter().any(|other| local(other) == local(zone)));
        let has_state = contact.state.as_deref().is_some_and(|state| state != "Atlantis");
        if !agrees && !has_state {
            names.extend(of_number);
        }
        for name in names {
            let local = local(name);
            let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
            prop_assert!((480..1290).contains(&minute), "{name} {local}");
        }
    }

    /// A state that is not understood is never called if one that is understood is not.
    #[test]
    fn a_state_that_is_not_understood_opens_nothing(
        mut contact in contacts(),
        settings in settings(),
        state in prop::sample::select(STATES),
        now in moments(),
    ) {
        let number = contact.number.clone().unwrap();
        let is_in_the_states = number.places().iter().any(|place| place.starts_with("US-"));
        if !is_in_the_states || settings.rules.iter().any(|rule| rule.instead_of_law.is_some()) {
            return Ok(());
        }
        contact.state = Some("Atlantis".to_owned());
        contact.zone = None;
        let strict = contact.asked(&settings, now).decision.is_allowed();
        contact.state = Some(state.to_owned());
        prop_assert!(!strict || contact.asked(&settings, now).decision.is_allowed(), "{state}");
    }
}

const STATES: &[&str] = &[
    "AL", "FL", "ME", "RI", "TX", "UT", "AK", "HI", "SD", "KY", "Calif.", "N.Y.",
];

fn moments() -> impl Strategy<Value = Timestamp> {
    // 2024 to 2030, and more often around changes of clocks.
    prop_oneof![
        3 => (1_704_067_200..1_893_456_000i64).boxed(),
        1 => (1_793_480_000..1_793_560_000i64).boxed(),
        1 => (1_804_980_000..1_805_060_000i64).boxed(),
    ]
    .prop_flat_map(|second| (Just(second), 0..1_000_000_000i32))
    .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
}

/// How long before a moment a drop began.
#[derive(Clone, Copy, Debug)]
struct Ago(i64);

impl Ago {
    fn from(self, now: Timestamp, calls: u32) -> Start {
        Start {
            at: now - SignedDuration::from_secs(self.0),
            calls,
        }
    }
}

fn starts() -> impl Strategy<Value = (u32, Ago)> {
    (1..=2u32, (-3_600..9 * 86_400i64).prop_map(Ago))
}

fn contacts() -> impl Strategy<Value = Contact> {
    let numbers = prop::sample::select(vec![
        "+12125550101",
        "+18505550101",
        "+12055550101",
        "+12075550101",
        "+13055550101",
        "+14015550101",
        "+14025550101",
        "+15045550101",
        "+16055550101",
        "+19285550101",
        "+19075550101",
        "+17095550101",
        "+14165550101",
        "+18005550101",
        "+442079460958",
        "+61883001234",
        "+79161234567",
        "+9779841234567",
        "+80012345678",
    ]);
    let zones = prop::option::weighted(
        0.5,
        prop_oneof![
            5 => zones().boxed(),
            1 => prop::sample::select(vec!["UTC".to_owned(), "-08:00".to_owned()]).boxed(),
        ],
    );
    let states = prop::option::weighted(
        0.3,
        prop::sample::select(vec![
            "AL", "FL", "ME", "RI", "TX", "UT", "ON", "NL", "AK", "Fla.", "Atlantis",
        ]),
    );
    let histories = prop::collection::vec((1..=2u32, 1_704_067_200..1_893_456_000i64), 0..3);
    let overrides = prop::option::weighted(
        0.1,
        prop::sample::select(vec!["calling_hours", "frequency_cap"]),
    );
    (numbers, zones, states, histories, overrides, 1..=2u32).prop_map(
        |(number, zone, state, history, forced, calls)| {
            let mut contact = Contact::at(number);
            contact.zone = zone;
            contact.state = state.map(str::to_owned);
            contact.calls = calls;
            contact.starts = history
                .into_iter()
                .map(|(calls, second)| Start {
                    at: Timestamp::new(second, 0).unwrap(),
                    calls,
                })
                .collect();
            match forced {
                Some(rule) => contact.overriding(rule, "a test"),
                None => contact,
            }
        },
    )
}

/// Any zone on Earth.
fn zones() -> impl Strategy<Value = String> {
    let all: Vec<_> = TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.to_string())
        .filter(|name| name.contains('/'))
        .collect();
    prop::sample::select(all)
}

fn settings() -> impl Strategy<Value = GateSettings> {
    let forced = prop::option::weighted(0.15, Just(lawless()));
    let rules = prop::collection::vec(user_rules(), 0..3);
    (forced, rules, any::<bool>()).prop_map(|(forced, rules, caps)| GateSettings {
        rules: forced.into_iter().chain(rules).collect(),
        caps,
        ..GateSettings::default()
    })
}

fn user_rules() -> impl Strategy<Value = UserRule> {
    let spans = (0..1440u16, 1..1440u16)
        .prop_map(|(from, length)| Span::minutes(from, (from + length).min(1440)).unwrap());
    let weeks = prop_oneof![
        spans.clone().prop_map(Week::daily),
        (
            prop::option::of(spans.clone()),
            prop::option::of(spans.clone()),
            prop::option::of(spans),
        )
            .prop_map(|(weekdays, saturday, sunday)| Week::of(weekdays, saturday, sunday)),
    ];
    let days = prop::collection::btree_set((2026..2028i16, 1..=12i8, 1..=28i8), 0..3);
    (weeks, days, any::<bool>()).prop_map(|(week, days, everywhere)| UserRule {
        name: "a rule".to_owned(),
        places: if everywhere {
            Vec::new()
        } else {
            vec![Jurisdiction::US]
        },
        week,
        closed: days
            .into_iter()
            .map(|(year, month, day)| jiff::civil::date(year, month, day))
            .collect::<BTreeSet<_>>(),
        instead_of_law: None,
    })
}
