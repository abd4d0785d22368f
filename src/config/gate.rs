//! `[gate]`: which rules are in force, and those of the user's own.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

use super::{
    ConfigError,
    layers::{KeyTable, Layers},
    values::quoted,
};
use crate::campaign::policy::{Counted, GateSettings, Jurisdiction, Limit, Span, UserRule, Week};

/// Reads the section.
pub(super) fn gate(layers: &Layers) -> Result<GateSettings, ConfigError> {
    const PREFIXES: &str = "a list of the first 1 to 15 digits of numbers in their international form, such as `[\"1900\", \"+44870\"]`";
    const LIMITS: &str =
        "a list of limits such as `[\"1 per 24h\", \"3 per 7d\", \"6 calls per 7d\"]`";
    const RULES: &str = "`[[gate.rules]]` in the file, each with a `name`, and `hours`, a weekday or `closed`: hours as `09:00-19:00` or `closed`, days as `2026-12-24`, `places` as `US-FL` or `country:CA`";

    let default = GateSettings::default();
    let rules = layers.tables("gate.rules", RULES, rule)?;
    let mut names = BTreeSet::new();
    if let Some(twice) = rules.iter().find(|rule| !names.insert(&rule.name)) {
        let problem = format!("two rules are called {}", quoted(&twice.name));
        return Err(layers.bad("gate.rules", problem, RULES));
    }
    Ok(GateSettings {
        enabled: layers.flag("gate.enabled")?.unwrap_or(default.enabled),
        consent: layers.flag("gate.consent")?.unwrap_or(default.consent),
        caps: layers.flag("gate.caps")?.unwrap_or(default.caps),
        hours: layers.flag("gate.hours")?.unwrap_or(default.hours),
        limits: layers
            .list("gate.limits", LIMITS, limit)?
            .unwrap_or(default.limits),
        rules,
        blocked_prefixes: layers
            .list("gate.blocked_prefixes", PREFIXES, prefix)?
            .unwrap_or_default(),
    })
}

/// The first digits of numbers, with or without a `+`.
fn prefix(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let fits = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    // No country code begins with 0, so that a prefix as it is dialled at home would never be met.
    if !fits || digits.starts_with('0') {
        return Err(format!("{} is not such a prefix", quoted(text)));
    }
    Ok(digits.to_owned())
}

/// `1 per 24h`, `3 drops per 7d`, `6 calls per 7d`.
fn limit(text: &str) -> Result<Limit, String> {
    let wrong = || format!("{} is not a limit", quoted(text));
    let (what, span) = text.split_once(" per ").ok_or_else(wrong)?;
    let what = what.trim();
    let (most, of) = match what.split_once(' ') {
        None => (what, Counted::Drops),
        Some((most, "drop" | "drops")) => (most, Counted::Drops),
        Some((most, "call" | "calls")) => (most, Counted::Calls),
        Some(_) => return Err(wrong()),
    };
    let span = span.trim();
    let (number, hours) = match (span.strip_suffix('h'), span.strip_suffix('d')) {
        (Some(hours), _) => (hours, 1),
        (None, Some(days)) => (days, 24),
        (None, None) => return Err(wrong()),
    };
    let whole = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| digits)
    };
    let (most, number) = whole(most).zip(whole(number)).ok_or_else(wrong)?;
    let hours = number.saturating_mul(hours);
    if !(1..=1_000).contains(&most) || !(1..=LONGEST_HOURS).contains(&hours) {
        return Err(format!(
            "{} is out of range: 1 to 1000, per 1h to 365d",
            quoted(text)
        ));
    }
    Ok(Limit { most, hours, of })
}

/// One rule of the user's own.
fn rule(row: &KeyTable<'_>) -> Result<UserRule, String> {
    row.only(&[
        "name",
        "places",
        "hours",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "closed",
        "instead_of_law",
    ])?;
    let name = row.text("name", name)?.ok_or("it has no `name`")?;
    let of_rule = |problem: String| format!("{}: {problem}", quoted(&name));
    let usual = row.text("hours", hours).map_err(of_rule)?;
    let mut says_something = usual.is_some();
    let usual = usual.unwrap_or(Some(Span::DAY));
    let mut week = Week::of(usual, usual, usual);
    for (day, weekday) in WEEKDAYS {
        if let Some(span) = row.text(day, hours).map_err(of_rule)? {
            week = week.with(weekday, span);
            says_something = true;
        }
    }
    let closed: BTreeSet<Date> = row
        .list("closed", date)
        .map_err(of_rule)?
        .into_iter()
        .collect();
    if !says_something && closed.is_empty() {
        return Err(of_rule("it has neither hours nor closed days".to_owned()));
    }
    let places = row.list("places", place).map_err(of_rule)?;
    let because = row
        .text("instead_of_law", |text| Ok(text.to_owned()))
        .map_err(of_rule)?;
    let rule = UserRule {
        name,
        places,
        week,
        closed,
        instead_of_law: None,
    };
    match because {
        None => Ok(rule),
        Some(because) => rule.forced(&because).map_err(|error| error.to_string()),
    }
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 60 || text.contains(char::is_control) {
        return Err("it is empty, longer than 60 characters or not plain text".to_owned());
    }
    Ok(text.to_owned())
}

/// `09:00-19:00`, or `closed`.
fn hours(text: &str) -> Result<Option<Span>, String> {
    if text == "closed" {
        return Ok(None);
    }
    Span::parse(text)
        .map(Some)
        .map_err(|error| error.to_string())
}

fn date(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| format!("{} is not a date", quoted(text)))
}

fn place(text: &str) -> Result<Jurisdiction, String> {
    Jurisdiction::of_setting(text).map_err(|error| error.to_string())
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// A year; so far back drops are looked up for each call.
const LONGEST_HOURS: u32 = 365 * 24;
