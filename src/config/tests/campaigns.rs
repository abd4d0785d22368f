//! What campaigns go by: gate, trunk and price.

use jiff::civil::Weekday;

use super::*;
use crate::campaign::{
    budget::{BudgetLimits, PeopleHold, Share},
    policy::{Counted, GateSettings, Limit, Span, UserRule},
};

#[test]
fn every_rule_is_in_force_unless_it_is_switched_off() {
    let config = Scene::with(REQUIRED).load();
    assert_eq!(config.gate, GateSettings::default());
    assert!(config.gate.enabled && config.gate.consent && config.gate.caps && config.gate.hours);
    for (key, off) in [
        ("enabled", [false, true, true, true]),
        ("consent", [true, false, true, true]),
        ("caps", [true, true, false, true]),
        ("hours", [true, true, true, false]),
    ] {
        let gate = gate(&format!("{key} = false"));
        let found = [gate.enabled, gate.consent, gate.caps, gate.hours];
        assert_eq!(found, off, "{key}");
    }
}

#[test]
fn limits_and_prefixes_are_lists_or_texts_with_commas() {
    let drops = |most, hours| Limit {
        most,
        hours,
        of: Counted::Drops,
    };
    let six_calls = Limit {
        most: 6,
        hours: 48,
        of: Counted::Calls,
    };
    let listed = gate("limits = [\"1 per 12h\", \"2 drops per 7d\", \"6 calls per 2d\"]");
    assert_eq!(listed.limits, [drops(1, 12), drops(2, 168), six_calls]);
    assert_eq!(gate("limits = []").limits, []);
    assert_eq!(
        gate("blocked_prefixes = [\"+44870\", 1900]").blocked_prefixes,
        ["44870", "1900"]
    );
    let config = Scene::with(REQUIRED)
        .variable("AFTERTONE__GATE__LIMITS", "1 per 12h, 2 per 7d")
        .variable("AFTERTONE__GATE__BLOCKED_PREFIXES", "+44870,1900")
        .variable("AFTERTONE__GATE__CONSENT", "false")
        .load();
    assert_eq!(config.gate.limits, [drops(1, 12), drops(2, 168)]);
    assert_eq!(config.gate.blocked_prefixes, ["44870", "1900"]);
    assert!(!config.gate.consent);
}

#[test]
fn a_rule_of_one_s_own_has_hours_days_places_and_perhaps_a_reason() {
    let gate = gate(
        r#"
[[gate.rules]]
name = "shop hours"
hours = "09:00-19:00"
friday = "09:00-12:00"
sunday = "closed"
[[gate.rules]]
name = "hurricane"
places = ["US-FL", "us-ga"]
closed = [2026-12-24, "2026-12-25"]
[[gate.rules]]
name = "existing customers"
places = ["US-TX"]
hours = "08:00-21:00"
instead_of_law = "301.051 exempts them, says counsel"
"#,
    );
    let [shop, storm, customers]: [UserRule; 3] = gate.rules.try_into().unwrap();
    assert_eq!(shop.name, "shop hours");
    assert_eq!(shop.places, []);
    assert_eq!(shop.week.on(Weekday::Monday), Some(Span::hours(9, 19)));
    assert_eq!(shop.week.on(Weekday::Friday), Some(Span::hours(9, 12)));
    assert_eq!(shop.week.on(Weekday::Sunday), None);
    assert_eq!(shop.instead_of_law, None);
    let codes: Vec<_> = storm.places.iter().map(|place| place.as_str()).collect();
    assert_eq!(codes, ["US-FL", "US-GA"]);
    assert_eq!(storm.week.on(Weekday::Monday), Some(Span::DAY));
    let days: Vec<_> = storm.closed.iter().map(ToString::to_string).collect();
    assert_eq!(days, ["2026-12-24", "2026-12-25"]);
    assert_eq!(
        customers.instead_of_law.as_deref(),
        Some("301.051 exempts them, says counsel")
    );
}

#[test]
fn a_bad_gate_is_told_with_key_place_and_what_was_expected() {
    let error = |line: &str| error_for(&format!("[gate]\n{line}"));
    assert_snapshot!(error("hours = \"09:00-19:00\""), @"`gate.hours` in DIR/aftertone.toml: `09:00-19:00` was given; expected `true` or `false`");
    assert_snapshot!(error("limits = [\"1 per day\"]"), @r#"`gate.limits` in DIR/aftertone.toml: `1 per day` is not a limit; expected a list of limits such as `["1 per 24h", "3 per 7d", "6 calls per 7d"]`"#);
    assert_snapshot!(error("limits = [\"0 per 24h\"]"), @r#"`gate.limits` in DIR/aftertone.toml: `0 per 24h` is out of range: 1 to 1000, per 1h to 365d; expected a list of limits such as `["1 per 24h", "3 per 7d", "6 calls per 7d"]`"#);
    assert_snapshot!(error("limits = true"), @r#"`gate.limits` in DIR/aftertone.toml: `true` or `false` was given, not a list; expected a list of limits such as `["1 per 24h", "3 per 7d", "6 calls per 7d"]`"#);
    assert_snapshot!(error("blocked_prefixes = [\"0900\"]"), @r#"`gate.blocked_prefixes` in DIR/aftertone.toml: `0900` is not such a prefix; expected a list of the first 1 to 15 digits of numbers in their international form, such as `["1900", "+44870"]`"#);
    assert_snapshot!(error("rules = \"09:00-19:00\""), @"`gate.rules` in DIR/aftertone.toml: a text was given; expected `[[gate.rules]]` in the file, each with a `name`, and `hours`, a weekday or `closed`: hours as `09:00-19:00` or `closed`, days as `2026-12-24`, `places` as `US-FL` or `country:CA`");
    assert_snapshot!(error("ours = true"), @"unknown key `gate.ours` in DIR/aftertone.toml; [gate] has enabled, consent, caps, hours, limits, blocked_prefixes, rules");
    for bad in [
        "1",
        "per 24h",
        "-1 per 24h",
        "1 per 24",
        "1 per 24m",
        "1 per 0h",
        "1 per 366d",
        "1001 per 24h",
        "1 ring per 24h",
        "1 per 999999999d",
        "1 per 24h 3 per 7d",
        "+1 per 24h",
    ] {
        let told = error(&format!("limits = [\"{bad}\"]"));
        assert!(
            told.starts_with("`gate.limits` in DIR/aftertone.toml: "),
            "{told}"
        );
    }
    for bad in ["", "+", "1900x", "1234567890123456", "1 900"] {
        let told = error(&format!("blocked_prefixes = [\"{bad}\"]"));
        assert!(
            told.starts_with("`gate.blocked_prefixes` in DIR/aftertone.toml: "),
            "{told}"
        );
    }
}

#[test]
fn a_bad_rule_is_told_by_its_name() {
    let error = |lines: &str| error_for(&format!("[[gate.rules]]\n{lines}"));
    let problem = |lines: &str| {
        let told = error(lines);
        let (problem, _) = told.split_once("; expected `[[gate.rules]]`").unwrap();
        problem.to_owned()
    };
    assert_snapshot!(error("hours = \"09:00-19:00\""), @"`gate.rules` in DIR/aftertone.toml: table 1: it has no `name`; expected `[[gate.rules]]` in the file, each with a `name`, and `hours`, a weekday or `closed`: hours as `09:00-19:00` or `closed`, days as `2026-12-24`, `places` as `US-FL` or `country:CA`");
    assert_snapshot!(problem("name = \"a\""), @"`gate.rules` in DIR/aftertone.toml: table 1: `a`: it has neither hours nor closed days");
    assert_snapshot!(problem("name = \"a\"\nhours = \"9-17\""), @"`gate.rules` in DIR/aftertone.toml: table 1: `a`: `hours`: `9-17` is not a span of hours; expected one such as `08:00-21:00`");
    assert_snapshot!(problem("name = \"a\"\nsunday = \"no\""), @"`gate.rules` in DIR/aftertone.toml: table 1: `a`: `sunday`: `no` is not a span of hours; expected one such as `08:00-21:00`");
    assert_snapshot!(problem("name = \"a\"\nhour = \"09:00-19:00\""), @"`gate.rules` in DIR/aftertone.toml: table 1: `hour` is not one of its keys, which are name, places, hours, monday, tuesday, wednesday, thursday, friday, saturday, sunday, closed, instead_of_law");
    assert_snapshot!(problem("name = \"a\"\nhours = 9"), @"`gate.rules` in DIR/aftertone.toml: table 1: `a`: `hours`: a whole number was given, not a text in quotes");
    assert_snapshot!(problem("name = \"a\"\nclosed = [\"Christmas\"]"), @"`gate.rules` in DIR/aftertone.toml: table 1: `a`: `closed`: `Christmas` is not a date");
    assert_snapshot!(problem("name = \"a\"\nclosed = [\"2026-12-24\"]\nplaces = [\"FL\"]"), @"`gate.rules` in DIR/aftertone.toml: table 1: `a`: `places`: `FL` is no place; for Florida write `US-FL`");
    assert_snapshot!(problem("name = \"a\"\nclosed = [\"2026-12-24\"]\nplaces = [\"US-FL\", \"KY\", \"MS\", \"CA\"]"), @"`gate.rules` in DIR/aftertone.toml: table 1: `a`: `places`: `KY` is Kentucky and the Cayman Islands; write `US-KY` or `country:KY`");
    assert_snapshot!(problem("name = \"a\"\nclosed = [\"2026-12-24\"]\nplaces = [\"GB-SCT\"]"), @"`gate.rules` in DIR/aftertone.toml: table 1: `a`: `places`: `GB-SCT` is a part of a country, and no number shows that it is there; write `country:GB`");
    assert_snapshot!(problem("name = \"a\"\nhours = \"09:00-19:00\"\ninstead_of_law = \" \""), @"`gate.rules` in DIR/aftertone.toml: table 1: the rule `a` is to take the place of the law, which needs a reason");
    assert_snapshot!(problem("name = \"a\"\nhours = \"09:00-19:00\"\n[[gate.rules]]\nname = \"a\"\nsunday = \"closed\""), @"`gate.rules` in DIR/aftertone.toml: two rules are called `a`");
    let scene = Scene::with(REQUIRED).variable("AFTERTONE__GATE__RULES", "09:00-19:00");
    assert!(
        scene
            .error()
            .contains("in the environment variable AFTERTONE__GATE__RULES: a text was given")
    );
}

#[test]
fn a_trunk_has_the_documented_defaults() {
    let trunk = Scene::with(REQUIRED).load().trunk;
    assert_eq!(
        (trunk.rate.starts(), trunk.rate.per()),
        (1, Duration::from_secs(1))
    );
    assert_eq!(trunk.in_flight, 10);
    assert_eq!(trunk.limits, BudgetLimits::default());
    assert!(!Scene::with(REQUIRED).load().is_trunk_known);
}

#[test]
fn a_trunk_s_limits_are_numbers_shares_or_none() {
    let trunk = |lines: &str| {
        let file = format!("{REQUIRED}[trunk]\n{lines}");
        Scene::with(&file).load().trunk
    };
    for (line, starts, per) in [
        ("starts_per_second = 5", 5, 1_000),
        ("starts_per_second = \"1000\"", 1_000, 1_000),
        ("starts_per_second = 0.5", 1, 2_000),
        ("starts_per_second = 0.01", 1, 100_000),
    ] {
        let rate = trunk(line).rate;
        assert_eq!(
            (rate.starts(), rate.per().as_millis()),
            (starts, per),
            "{line}"
        );
    }
    let limits =
        trunk("cancelled = \"none\"\nshort = 7.5\npeople = 0\nwindow = \"10m\"\nat_least = 20")
            .limits;
    assert_eq!(limits.cancelled, None);
    assert_eq!(limits.short, Some(Share::thousandths(75)));
    assert_eq!(limits.people, Some(Share::percent(0)));
    assert_eq!(limits.people_hold, PeopleHold::All);
    for line in [
        "cancelled = \"20 %\"",
        "cancelled = \"20%\"",
        "cancelled = 20",
    ] {
        let limits = trunk(line).limits;
        assert_eq!(limits.cancelled, Some(Share::percent(20)), "{line}");
        assert_eq!(limits.people_hold, PeopleHold::Marketing, "{line}");
    }
    for (line, is_known) in [
        ("cancelled = \"none\"", true),
        ("short = 15", true),
        ("people = 3", false),
    ] {
        let file = format!("{REQUIRED}[trunk]\n{line}");
        assert_eq!(Scene::with(&file).load().is_trunk_known, is_known, "{line}");
    }
    assert_eq!(
        (limits.window, limits.at_least),
        (Duration::from_secs(600), 20)
    );

    let error = |line: &str| error_for(&format!("[trunk]\n{line}"));
    assert_snapshot!(error("starts_per_second = 0"), @"`trunk.starts_per_second` in DIR/aftertone.toml: `0` is out of range; expected a whole number from 1 to 1000, or less than 1 down to 0.01");
    assert_snapshot!(error("in_flight = 0"), @"`trunk.in_flight` in DIR/aftertone.toml: `0` was given; expected a whole number from 1 to 10000");
    assert_snapshot!(error("cancelled = 101"), @"`trunk.cancelled` in DIR/aftertone.toml: `101` is out of range; expected `none`, or per cent from 0 to 100, such as `7.5` or `20 %`");
    assert_snapshot!(error("cancelled = \"20 p\""), @"`trunk.cancelled` in DIR/aftertone.toml: `20 p` is not a number; expected `none`, or per cent from 0 to 100, such as `7.5` or `20 %`");
    assert_snapshot!(error("cancelled = true"), @"`trunk.cancelled` in DIR/aftertone.toml: `true` or `false` was given; expected `none`, or per cent from 0 to 100, such as `7.5` or `20 %`");
    assert_snapshot!(error("window = \"30s\""), @r#"`trunk.window` in DIR/aftertone.toml: `30s` is out of range; expected a duration from 60s to 86400s, such as "2s" or "500ms""#);
    for bad in ["-1", "1.5", "1001", "0.001", "\"nan\"", "\"inf\"", "true"] {
        let told = error(&format!("starts_per_second = {bad}"));
        assert!(
            told.starts_with("`trunk.starts_per_second` in "),
            "{bad}: {told}"
        );
    }
    for bad in ["-1", "\"nan\"", "100.1", "\"never\""] {
        let told = error(&format!("people = {bad}"));
        assert!(told.starts_with("`trunk.people` in "), "{bad}: {told}");
    }
}

#[test]
fn a_price_is_there_where_its_section_is() {
    assert_eq!(Scene::with(REQUIRED).load().price, None);
    assert_eq!(
        Scene::with(&format!("{REQUIRED}[price]\n")).load().price,
        None
    );
    let price = Scene::with(&format!("{REQUIRED}[price]\nper_minute = 0.0085\n")).load();
    let price = price.price.unwrap();
    assert_eq!(price.per_minute.to_string(), "0.0085");
    assert_eq!(price.per_attempt.to_string(), "0.00");
    assert_eq!(
        (price.increment.to_string(), price.currency.to_string()),
        ("1/1".into(), "USD".into())
    );

    let error = |line: &str| error_for(&format!("[price]\n{line}"));
    assert_snapshot!(error("per_attempt = 0.01"), @"`price.per_minute` is missing from DIR/aftertone.toml; expected an amount of money with at most six decimals, such as `0.0085` (or set AFTERTONE__PRICE__PER_MINUTE)");
    assert_snapshot!(error("per_minute = -1"), @"`price.per_minute` in DIR/aftertone.toml: `-1` is not an amount; expected 0 to 1000000 with at most six decimals, such as `0.0085`; expected an amount of money with at most six decimals, such as `0.0085`");
    assert_snapshot!(error("per_minute = 1\nincrement = \"0/6\""), @"`price.increment` in DIR/aftertone.toml: `0/6` is not a minimum and step; expected 1 to 3600 seconds each, such as `6/6` or `60/60`; expected `MINIMUM/STEP` in seconds, each 1 to 3600, such as `60/6`");
    assert_snapshot!(error("per_minute = 1\ncurrency = \"dollars\""), @"`price.currency` in DIR/aftertone.toml: `dollars` is not a currency code; expected three capital letters, such as `USD`; expected the three capitals of a currency, such as `USD`");
}

fn gate(lines: &str) -> GateSettings {
    Scene::with(&format!("{REQUIRED}[gate]\n{lines}\n"))
        .load()
        .gate
}
