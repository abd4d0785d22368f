use std::time::Duration;

use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    campaign::{
        budget::Share,
        retry::Backoff,
        variant::{Variant, Variants},
        window::Opening,
    },
    drop::{Outcome, Retry},
};

#[test]
fn what_is_not_given_is_as_the_engine_has_it() {
    let spec = read(json!({"kind": "marketing", "message": "promo"})).unwrap();
    assert_eq!(spec, Spec::new(CampaignKind::Marketing, "promo"));
    let settings = spec.settings().unwrap();
    let usual = CampaignSettings::new("promo");
    assert_eq!(format!("{settings:?}"), format!("{usual:?}"));
}

#[test]
fn an_order_is_kept_as_it_was_written() {
    let spec = Spec {
        rate: Rate::new(300, Duration::from_secs(60)),
        ..Spec::new(CampaignKind::Informational, "promo")
    };
    insta::assert_snapshot!(serde_json::to_string_pretty(&spec.to_keys()).unwrap());
}

#[test]
fn everything_can_be_ordered() {
    let spec = read(json!({
        "kind": "marketing",
        "variants": [
            {"name": "A", "message": "promo-a", "weight": 3, "callback_prompt": "back-a"},
            {"name": "B", "message": "sound:hello"},
        ],
        "rate": "20/10s", "in_flight": 8, "weight": 2,
        "zone": "America/New_York", "hours": "Mon-Fri 9-17, sat 10:00-14:00, sat 22:00-24:00",
        "first_date": "2026-11-24", "last_date": "2026-12-24", "except_dates": ["2026-11-26"],
        "retry": {"busy": {"first": "10m"}, "human": {"first": "7d", "attempts": 2}, "unsure": "never"},
        "most_attempts": 4,
        "caller_id": ["+12025550100", "(305) 555-0100"], "caller_id_by": "area_code",
        "technique": "single", "stop_on": {"share": "7.5%"}, "screen": "dialplan",
        "duplicates": "skip_open", "seed": 42, "callback_prompt": "back",
    }))
    .unwrap();
    let prompts = &spec.callback_prompts;
    assert_eq!(prompts.of(Some("A")), Some("back-a"));
    assert_eq!(prompts.of(Some("B")), Some("back"));
    assert_eq!(prompts.of(None), Some("back"));
    assert_eq!(read(Value::Object(spec.to_keys())).unwrap(), spec);
    let bad = read(json!({"kind": "marketing", "message": "promo", "callback_prompt": "../x"}));
    assert_eq!(bad.unwrap_err().key, "callback_prompt");
    let settings = spec.settings().unwrap();
    assert_eq!(settings.rate, Rate::new(20, Duration::from_secs(10)));
    assert_eq!(settings.in_flight, Some(8));
    let stop = settings.stop_on.unwrap();
    assert_eq!((stop.share, stop.at_least), (Share::thousandths(75), 20));
    let busy = settings.retry.get(Outcome::Busy).unwrap();
    assert_eq!(
        (busy.first, busy.factor, busy.attempts),
        (Duration::from_secs(600), 2, 4)
    );
    let human = settings.retry.get(Outcome::Human).unwrap();
    assert_eq!(human.first, Duration::from_secs(7 * 24 * 3_600));
    assert_eq!(human.longest, human.first);
    assert_eq!(settings.retry.get(Outcome::Unsure), None);
    assert!(settings.retry.get(Outcome::NoAnswer).is_some());
    assert_eq!(settings.retry.most_attempts(), 4);
    assert!(matches!(settings.caller_ids, CallerIds::ByAreaCode(_)));
    let window = settings.window.unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(
        window.opening(at("2026-11-25T18:00:00-05:00")),
        Opening::Closed {
            until: at("2026-11-27T09:00:00-05:00")
        }
    );
    assert_eq!(
        window.opening(at("2026-11-28T23:00:00-05:00")),
        Opening::Open {
            until: Some(at("2026-11-29T00:00:00-05:00"))
        }
    );
    assert_eq!(Spec::from_json(&spec.to_json()), Ok(spec));
}

#[test]
fn nobody_is_dialled_again_where_that_is_ordered() {
    let spec = read(json!({"kind": "marketing", "message": "m", "retry": "never"})).unwrap();
    let retried = |outcome| spec.retry.get(outcome).is_some();
    assert!(!Outcome::ALL.into_iter().any(retried));
    assert_eq!(Spec::from_json(&spec.to_json()), Ok(spec));
}

#[test]
fn a_technique_is_double_unless_it_is_ordered_otherwise_and_as_it_was_where_it_is_kept() {
    let technique = |more: &str| {
        let text = format!(r#"{{"kind": "marketing", "message": "m"{more}}}"#);
        let keys: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let ordered = Spec::from_keys(&keys).unwrap().technique;
        (ordered, Spec::from_json(&text).unwrap().technique)
    };
    use TechniqueRule::{ByShare, Double, Single};
    for (more, expected) in [
        // Within a limit of cancelled calls it does not pause, and without one it is double.
        ("", (Double, ByShare)),
        (r#", "technique": "by_share""#, (ByShare, ByShare)),
        (r#", "technique": "double""#, (Double, Double)),
        (r#", "technique": "single""#, (Single, Single)),
        (r#", "technique": "none""#, (Double, Double)),
    ] {
        assert_eq!(technique(more), expected, "{more}");
    }
}

#[test]
fn an_error_names_the_key_and_what_was_expected() {
    let rows = [
        json!({"message": "m"}),
        json!({"kind": "advert"}),
        json!({"kind": "marketing", "message": null}),
        json!({"message": ""}),
        json!({"mesage": "m"}),
        json!({"variants": [{"name": "A", "message": "a"}]}),
        json!({"message": "none", "variants": [{"name": "A", "message": "a", "wight": 2}]}),
        json!({"message": "none", "variants": [{"name": "A", "message": "a"}, {"name": "A", "message": "b"}]}),
        json!({"message": "none", "variants": "A"}),
        json!({"rate": "fast"}),
        json!({"rate": "0/s"}),
        json!({"rate": "5/2d"}),
        json!({"in_flight": 0}),
        json!({"in_flight": -1}),
        json!({"in_flight": 1.5}),
        json!({"in_flight": [1]}),
        json!({"weight": true}),
        json!({"hours": "09:00-17:00"}),
        json!({"zone": "Mars/Olympus", "hours": "09:00-17:00"}),
        json!({"zone": "UTC", "hours": "9 to 5"}),
        json!({"zone": "UTC", "hours": "mo-fri 09:00-17:00"}),
        json!({"zone": "UTC", "hours": "22:00-06:00"}),
        json!({"zone": "UTC", "first_date": "2026-12-24", "last_date": "2026-12-01"}),
        json!({"zone": "UTC", "first_date": "tomorrow"}),
        json!({"zone": "UTC", "except_dates": ["2026-13-01"]}),
        json!({"retry": "sometimes"}),
        json!({"retry": {"engaged": "never"}}),
        json!({"retry": {"busy": "sometimes"}}),
        json!({"retry": {"busy": {"first": "soon"}}}),
        json!({"retry": {"busy": {"first": "0s"}}}),
        json!({"retry": {"busy": {"attempts": 1}}}),
        json!({"retry": {"busy": {"after": "1m"}}}),
        json!({"retry": {"human": {"attempts": 3}}}),
        json!({"retry": {"delivered": {"first": "1d"}}}),
        json!({"retry": {"lost": {"first": "1d"}}}),
        json!({"most_attempts": 101}),
        json!({"caller_id": "Shop"}),
        json!({"caller_id": [{}]}),
        json!({"caller_id_by": "luck"}),
        json!({"technique": "triple"}),
        json!({"stop_on": "50%"}),
        json!({"stop_on": {"share": "0%"}}),
        json!({"stop_on": {"share": "half"}}),
        json!({"stop_on": {"window": "10s"}}),
        json!({"screen": "ears"}),
        json!({"duplicates": "no"}),
        json!({"seed": -3}),
        json!({"version": 2}),
    ];
    let told: Vec<_> = rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| {
            let mut keys = object(json!({"kind": "marketing", "message": "promo"}));
            if at == 0 {
                keys.remove("kind");
            }
            keys.extend(object(row));
            Spec::from_keys(&keys).unwrap_err().to_string()
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn text_that_is_no_order_is_refused() {
    for text in [
        "",
        "[]",
        "null",
        "{",
        "\"kind\"",
        "{\"kind\":\"marketing\"}",
    ] {
        assert!(Spec::from_json(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_given_later_counts() {
    let mut keys = Spec::new(CampaignKind::Marketing, "promo").to_keys();
    let above = object(json!({
        "variants": [{"name": "A", "message": "a"}, {"name": "B", "message": "b"}],
        "retry": {"busy": {"attempts": 2}, "human": {"first": "3d"}, "no_answer": "never"},
        "stop_on": {"at_least": 5},
        "rate": "2/s",
    }));
    overlay(&mut keys, above);
    let spec = Spec::from_keys(&keys).unwrap();
    assert!(matches!(spec.messages, Messages::Several(_)));
    let busy = *RetryRules::default().get(Outcome::Busy).unwrap();
    assert_eq!(
        spec.retry.get(Outcome::Busy),
        Some(&Backoff {
            attempts: 2,
            ..busy
        })
    );
    assert!(spec.retry.get(Outcome::Human).is_some());
    assert_eq!(spec.retry.get(Outcome::NoAnswer), None);
    assert_eq!(spec.stop_on.unwrap().share, Share::percent(50));
    overlay(
        &mut keys,
        object(json!({"message": "b", "rate": "none", "stop_on": "never"})),
    );
    let spec = Spec::from_keys(&keys).unwrap();
    assert_eq!(spec.messages, Messages::One("b".to_owned()));
    assert_eq!((spec.rate, spec.stop_on), (None, None));
}

#[test]
fn an_error_never_holds_a_whole_number() {
    let error =
        read(json!({"kind": "marketing", "message": "m", "caller_id": "Shop +12025550100"}));
    assert!(!error.unwrap_err().to_string().contains("2025550100"));
}

proptest! {
    #[test]
    fn every_order_survives_its_own_json(spec in specs()) {
        let json = spec.to_json();
        prop_assert_eq!(Spec::from_json(&json), Ok(spec.clone()), "{}", json);
        let again = Spec::from_json(&json).unwrap();
        prop_assert_eq!(again.to_json(), json);
        prop_assert_eq!(
            format!("{:?}", again.settings().unwrap()),
            format!("{:?}", spec.settings().unwrap())
        );
    }

    #[test]
    fn no_value_makes_it_panic(key in prop::sample::select(KEYS.to_vec()), text in ".{0,40}", number in any::<i64>()) {
        for value in [json!(text), json!(number), json!([text]), json!({"first": text, "name": number})] {
            let mut keys = object(json!({"kind": "marketing", "message": "promo", "zone": "UTC"}));
            keys.insert(key.to_owned(), value);
            let _ = Spec::from_keys(&keys);
        }
    }
}

fn specs() -> impl Strategy<Value = Spec> {
    let rate = (1_u32..=100_000, 1_u64..=86_400_000)
        .prop_map(|(starts, ms)| Rate::new(starts, Duration::from_millis(ms)));
    let first = (
        prop::option::of(rate),
        prop::option::of(1_u32..=1_000_000),
        1_u32..=1_000,
    );
    let stop = (1_u32..=1_000, 60_u64..=86_400, 1_u32..=1_000_000).prop_map(
        |(share, window, at_least)| StopOn {
            share: Share::thousandths(share),
            window: Duration::from_secs(window),
            at_least,
        },
    );
    let choices = (
        0..3_usize,
        0..3_usize,
        0..3_usize,
        0..4_usize,
        any::<bool>(),
    );
    (
        first,
        prop::option::of(times()),
        retries(),
        messages(),
        prop::option::of(stop),
        choices,
        any::<u64>(),
    )
        .prop_map(
            |((rate, in_flight, weight), times, retry, messages, stop_on, choices, seed)| {
                let (technique, screen, duplicates, callers, area) = choices;
                let numbers = ["+12025550100", "3055550100", "12"];
                Spec {
                    kind: if area {
                        CampaignKind::Marketing
                    } else {
                        CampaignKind::Informational
                    },
                    messages,
                    rate: rate.flatten(),
                    in_flight,
                    weight,
                    times,
                    retry,
                    callers: Callers {
                        numbers: numbers[..callers]
                            .iter()
                            .map(|n| CallerId::parse(n).unwrap())
                            .collect(),
                        by: if area && callers > 0 {
                            CallerBy::AreaCode
                        } else {
                            CallerBy::LeastUsed
                        },
                    },
                    technique: [
                        TechniqueRule::ByShare,
                        TechniqueRule::Double,
                        TechniqueRule::Single,
                    ][technique],
                    stop_on,
                    screen: [None, Some(Mode::Listen), Some(Mode::Dialplan)][screen],
                    duplicates: [Duplicates::Allow, Duplicates::SkipOpen, Duplicates::SkipAny]
                        [duplicates],
                    seed,
                    callback_prompts: CallbackPrompts::default(),
                }
            },
        )
}

fn messages() -> impl Strategy<Value = Messages> {
    let one = "[a-z0-9_-]{1,20}"
        .prop_filter("stands for what is not given", |name| name != "none")
        .prop_map(Messages::One);
    let several =
        prop::collection::btree_map("[A-Z]{1,3}", 1_u32..=1_000_000, 2..5).prop_map(|all| {
            let variants = all.into_iter().map(|(name, weight)| Variant {
                message: format!("m-{name}"),
                name,
                weight,
            });
            Messages::Several(Variants::new(variants.collect()).unwrap())
        });
    prop_oneof![one, several]
}

fn times() -> impl Strategy<Value = Times> {
    let hours = prop::option::of(prop::sample::select(vec![
        "09:00-17:00",
        "mon-fri 9-17, sat 10:30-24:00",
        "sun 00:00-00:01",
    ]));
    (
        hours,
        1_i8..=28,
        0_i8..=2,
        prop::collection::btree_set(1_i8..=28, 0..4),
    )
        .prop_map(|(hours, first, months, except)| Times {
            zone: "America/New_York".to_owned(),
            hours: hours.map(str::to_owned),
            first: Some(date(2026, 9, first)),
            last: Some(date(2026, 9 + months, 28)),
            except: except.into_iter().map(|day| date(2026, 10, day)).collect(),
        })
}

fn retries() -> impl Strategy<Value = RetryRules> {
    let row = (
        1_u64..=31_622_400,
        1_u32..=10,
        0_u64..=1_000_000,
        2_u32..=100,
    )
        .prop_map(|(first, factor, more, attempts)| Backoff {
            first: Duration::from_secs(first),
            factor,
            longest: Duration::from_secs((first + more).min(31_622_400)),
            attempts,
        });
    (
        prop::collection::vec(prop::option::of(row), 15),
        1_u32..=100,
    )
        .prop_map(|(rows, most)| {
            let mut rules = RetryRules::default();
            for (outcome, row) in Outcome::ALL.into_iter().zip(rows) {
                if matches!(
                    outcome.retry(),
                    Retry::Yes | Retry::YesLater | Retry::Policy
                ) {
                    rules.set(outcome, row).unwrap();
                }
            }
            rules.set_most_attempts(most);
            rules
        })
}

fn read(keys: Value) -> Result<Spec, SpecError> {
    Spec::from_keys(&object(keys))
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

const KEYS: [&str; 20] = [
    "kind",
    "message",
    "variants",
    "rate",
    "in_flight",
    "weight",
    "zone",
    "hours",
    "first_date",
    "last_date",
    "except_dates",
    "retry",
    "most_attempts",
    "caller_id",
    "caller_id_by",
    "technique",
    "stop_on",
    "screen",
    "duplicates",
    "seed",
];
