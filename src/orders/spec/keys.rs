//! An order read from its keys and written to them.

use std::{collections::BTreeMap, time::Duration};

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::{
    CallbackPrompts, CallerBy, Callers, Duplicates, Spec, SpecError, Times,
    table::{Keys, plain},
    text,
};
use crate::{
    campaign::{
        budget::TechniqueRule,
        engine::StopOn,
        policy::CampaignKind,
        retry::{Backoff, RetryRules},
        variant::{Messages, Variant, Variants},
    },
    drop::{Mode, Outcome, Retry},
    phone::CallerId,
};

/// Overrides keys with those of `above`. A retry or a stop that both give as a table is merged, key by key;
/// `message` removes `variants`, and the other way round.
pub fn overlay(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match key.as_str() {
            "message" => drop(below.remove("variants")),
            "variants" => drop(below.remove("message")),
            _ => {}
        }
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

pub(super) fn read(given: &Map<String, Value>) -> Result<Spec, SpecError> {
    let keys = Keys {
        of: String::new(),
        given,
    };
    keys.refuse_unknown(KNOWN)?;
    let version = keys.number("version", 1..=u64::MAX)?.unwrap_or(VERSION);
    if version > VERSION {
        let problem = format!(
            "it was created with a later version of the program (format {version}, this one reads {VERSION})"
        );
        return Err(SpecError::new("version", problem));
    }
    let retry = retry(&keys)?;
    Ok(Spec {
        kind: keys
            .choice("kind", KINDS)?
            .ok_or_else(|| keys.missing("kind", "`informational` or `marketing`"))?,
        messages: messages(&keys)?,
        rate: keys.parsed(
            "rate",
            "a rate, such as `5/s`, `300/m` or `20/10s`",
            text::rate,
        )?,
        in_flight: keys.number("in_flight", 1..=1_000_000)?,
        weight: keys.number("weight", 1..=1_000)?.unwrap_or(1),
        times: times(&keys)?,
        retry,
        callers: callers(&keys)?,
        technique: keys.choice("technique", TECHNIQUES)?.unwrap_or_default(),
        stop_on: stop_on(&keys)?,
        screen: keys.choice("screen", MODES)?,
        duplicates: keys.choice("duplicates", DUPLICATES)?.unwrap_or_default(),
        seed: keys.number("seed", 0..=u64::MAX)?.unwrap_or(0),
        callback_prompts: callback_prompts(&keys)?,
    })
}

pub(super) fn write(spec: &Spec) -> Map<String, Value> {
    let mut keys = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            keys.insert(key.to_owned(), value);
        }
    };
    put("version", json!(VERSION));
    put("kind", json!(spec.kind));
    match &spec.messages {
        Messages::One(message) => put("message", json!(message)),
        Messages::Several(variants) => {
            let all = variants.all().iter().map(|variant| {
                let mut shown = json!({
                    "name": variant.name, "message": variant.message, "weight": variant.weight,
                });
                if let Some(prompt) = spec.callback_prompts.variants.get(&variant.name) {
                    shown[PROMPT] = json!(prompt);
                }
                shown
            });
            put("variants", all.collect());
        }
    }
    put("rate", json!(spec.rate.map(text::write_rate)));
    put("in_flight", json!(spec.in_flight));
    put("weight", json!(spec.weight));
    if let Some(times) = &spec.times {
        put("zone", json!(times.zone));
        put("hours", json!(times.hours));
        put("first_date", json!(times.first));
        put("last_date", json!(times.last));
        if !times.except.is_empty() {
            put("except_dates", json!(times.except));
        }
    }
    put("retry", write_retry(&spec.retry));
    put("most_attempts", json!(spec.retry.most_attempts()));
    let numbers = spec.callers.numbers.iter().map(CallerId::as_str);
    let numbers: Vec<&str> = numbers.collect();
    if !numbers.is_empty() {
        put("caller_id", json!(numbers));
        put("caller_id_by", word(CALLERS_BY, spec.callers.by));
    }
    put("technique", word(TECHNIQUES, spec.technique));
    put(
        "stop_on",
        spec.stop_on.map_or_else(
            || json!(NEVER),
            |stop| {
                json!({
                    "share": text::write_share(stop.share),
                    "window": text::write_duration(stop.window),
                    "at_least": stop.at_least,
                })
            },
        ),
    );
    if let Some(mode) = spec.screen {
        put("screen", word(MODES, mode));
    }
    put("duplicates", json!(spec.duplicates.slug()));
    put("seed", json!(spec.seed));
    put(PROMPT, json!(spec.callback_prompts.campaign));
    keys
}

fn messages(keys: &Keys<'_>) -> Result<Messages, SpecError> {
    let one = keys.text("message", "a message's name")?;
    let Some(variants) = keys.value("variants") else {
        let message = one.filter(|message| !message.is_empty());
        return message
            .map(Messages::One)
            .ok_or_else(|| keys.missing("message", "a message, or `variants` of it"));
    };
    if one.is_some() {
        let problem = "either one message is left or variants of it, not both";
        return Err(SpecError::new("variants", problem));
    }
    let expected = "a list of `{ name, message, weight }`";
    let Value::Array(variants) = variants else {
        return Err(SpecError::expected(
            "variants",
            &variants.to_string(),
            expected,
        ));
    };
    let mut read = Vec::with_capacity(variants.len());
    for (at, variant) in variants.iter().enumerate() {
        let of = format!("variants[{at}]");
        let Value::Object(given) = variant else {
            return Err(SpecError::expected(of, &variant.to_string(), expected));
        };
        let keys = Keys {
            of: format!("{of}."),
            given,
        };
        keys.refuse_unknown(&["name", "message", "weight", PROMPT])?;
        let required = |key| {
            let text = keys.text(key, "text")?.filter(|text| !text.is_empty());
            text.ok_or_else(|| keys.missing(key, "text"))
        };
        read.push(Variant {
            name: required("name")?,
            message: required("message")?,
            weight: keys.number("weight", 1..=1_000_000)?.unwrap_or(1),
        });
    }
    Variants::new(read)
        .map(Messages::Several)
        .map_err(|error| SpecError::new("variants", error.to_string()))
}

/// Of a campaign whose variants are known to be readable.
fn callback_prompts(keys: &Keys<'_>) -> Result<CallbackPrompts, SpecError> {
    let prompt = |keys: &Keys<'_>| {
        // Whoever calls back is not known before the prompt plays.
        let expected = "the name of one prepared message, 1 to 64 of `a-z0-9_-`, and no template";
        keys.parsed(PROMPT, expected, |text| {
            let holds = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
            let fits = (1..=64).contains(&text.len()) && text.bytes().all(holds);
            fits.then(|| text.to_owned())
        })
    };
    let mut prompts = CallbackPrompts {
        campaign: prompt(keys)?,
        variants: BTreeMap::new(),
    };
    let variants = keys.value("variants").and_then(Value::as_array);
    for (at, given) in variants.into_iter().flatten().enumerate() {
        let Some(given) = given.as_object() else {
            continue;
        };
        let of = format!("variants[{at}].");
        let name = given.get("name").and_then(Value::as_str);
        if let (Some(name), Some(prompt)) = (name, prompt(&Keys { of, given })?) {
            prompts.variants.insert(name.to_owned(), prompt);
        }
    }
    Ok(prompts)
}

fn times(keys: &Keys<'_>) -> Result<Option<Times>, SpecError> {
    const DATE: &str = "a date, such as `2026-12-24`";
    const ZONE: &str = "the name of a time zone, such as `America/New_York`";

    let date = |text: &str| text.parse::<Date>().ok();
    let is_zone = |name: &str| text::zone(name).map(|_| name.to_owned());
    let zone = keys.parsed("zone", ZONE, is_zone)?;
    let hours = keys.text("hours", "hours, such as `mon-fri 09:00-17:00`")?;
    let first = keys.parsed("first_date", DATE, date)?;
    let last = keys.parsed("last_date", DATE, date)?;
    let except = keys.list("except_dates", |text| {
        date(text).ok_or_else(|| SpecError::expected("except_dates", text, DATE))
    })?;
    let wanted = [
        ("hours", hours.is_some()),
        ("first_date", first.is_some()),
        ("last_date", last.is_some()),
        ("except_dates", !except.is_empty()),
    ];
    let Some((key, _)) = wanted.into_iter().find(|(_, is_given)| *is_given) else {
        return Ok(None);
    };
    let expected = format!("the time zone of `{key}`, such as `America/New_York`");
    Ok(Some(Times {
        zone: zone.ok_or_else(|| keys.missing("zone", &expected))?,
        hours,
        first,
        last,
        except: except.into_iter().collect(),
    }))
}

fn retry(keys: &Keys<'_>) -> Result<RetryRules, SpecError> {
    let mut rules = RetryRules::default();
    let expected = "`never` or a table of outcomes";
    match keys.value("retry") {
        None => {}
        Some(Value::String(text)) if text == NEVER => rules = RetryRules::none(),
        Some(Value::Object(given)) => {
            for (slug, value) in given {
                let key = format!("retry.{slug}");
                let outcome = Outcome::ALL.into_iter().find(|o| o.slug() == slug);
                let outcome =
                    outcome.ok_or_else(|| SpecError::expected(key.as_str(), slug, "an outcome"))?;
                let backoff = backoff(&key, value, rules.get(outcome).copied())?;
                rules
                    .set(outcome, backoff)
                    .map_err(|error| SpecError::new(key, error.to_string()))?;
            }
        }
        Some(other) => return Err(SpecError::expected("retry", &plain(other), expected)),
    }
    let most = keys.number("most_attempts", 1..=100)?;
    rules.set_most_attempts(most.unwrap_or(RetryRules::MOST_ATTEMPTS));
    Ok(rules)
}

fn backoff(key: &str, value: &Value, usual: Option<Backoff>) -> Result<Option<Backoff>, SpecError> {
    let expected = "`never` or a table of `first`, `factor`, `longest` and `attempts`";
    let given = match value {
        Value::Object(given) => given,
        Value::String(text) if text == NEVER => return Ok(None),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(SpecError::expected(key, &plain(value), expected));
        }
    };
    let keys = Keys {
        of: format!("{key}."),
        given,
    };
    keys.refuse_unknown(&["first", "factor", "longest", "attempts"])?;
    let span = "a duration from 1s to 366d, such as `15m` or `4h`";
    let first = keys.parsed("first", span, text::duration)?;
    let longest = keys.parsed("longest", span, text::duration)?;
    let first = first
        .or(usual.map(|usual| usual.first))
        .ok_or_else(|| keys.missing("first", span))?;
    Ok(Some(Backoff {
        first,
        factor: keys
            .number("factor", 1..=10)?
            .unwrap_or(usual.map_or(1, |usual| usual.factor)),
        longest: longest
            .unwrap_or(usual.map_or(LONGEST_UNLESS_GIVEN, |usual| usual.longest))
            .max(first),
        attempts: keys
            .number("attempts", 2..=100)?
            .unwrap_or(usual.map_or(2, |usual| usual.attempts)),
    }))
}

fn write_retry(rules: &RetryRules) -> Value {
    let may_be_set = |outcome: &Outcome| match outcome.retry() {
        Retry::Yes | Retry::YesLater | Retry::Policy => true,
        Retry::No | Retry::Never | Retry::NeverByItself => false,
    };
    let rows = Outcome::ALL.into_iter().filter(may_be_set).map(|outcome| {
        let value = rules.get(outcome).map_or_else(
            || json!(NEVER),
            |backoff| {
                json!({
                    "first": text::write_duration(backoff.first),
                    "factor": backoff.factor,
                    "longest": text::write_duration(backoff.longest),
                    "attempts": backoff.attempts,
                })
            },
        );
        (outcome.slug().to_owned(), value)
    });
    Value::Object(rows.collect())
}

fn callers(keys: &Keys<'_>) -> Result<Callers, SpecError> {
    let numbers = keys.list("caller_id", |text| {
        CallerId::parse(text).map_err(|error| SpecError::new("caller_id", error.to_string()))
    })?;
    let by = keys.choice("caller_id_by", CALLERS_BY)?.unwrap_or_default();
    Ok(Callers { numbers, by })
}

fn stop_on(keys: &Keys<'_>) -> Result<Option<StopOn>, SpecError> {
    let usual = StopOn::default();
    let given = match keys.value("stop_on") {
        None => return Ok(Some(usual)),
        Some(Value::Object(given)) => given,
        Some(Value::String(text)) if text == NEVER => return Ok(None),
        Some(other) => {
            let expected = "`never` or a table of `share`, `window` and `at_least`";
            return Err(SpecError::expected("stop_on", &plain(other), expected));
        }
    };
    let keys = Keys {
        of: "stop_on.".to_owned(),
        given,
    };
    keys.refuse_unknown(&["share", "window", "at_least"])?;
    let day = Duration::from_secs(60)..=Duration::from_secs(24 * 3_600);
    let window = keys.parsed("window", "a duration from 1m to 24h", |text| {
        text::duration(text).filter(|window| day.contains(window))
    })?;
    let share = keys.parsed("share", "a share, such as `50%`", text::share)?;
    Ok(Some(StopOn {
        share: share.unwrap_or(usual.share),
        window: window.unwrap_or(usual.window),
        at_least: keys
            .number("at_least", 1..=1_000_000)?
            .unwrap_or(usual.at_least),
    }))
}

fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> Value {
    let found = words.iter().find(|(_, of)| *of == meaning);
    json!(found.map(|(word, _)| word))
}

const KINDS: &[(&str, CampaignKind)] = &[
    ("informational", CampaignKind::Informational),
    ("marketing", CampaignKind::Marketing),
];

const TECHNIQUES: &[(&str, TechniqueRule)] = &[
    ("double", TechniqueRule::Double),
    ("single", TechniqueRule::Single),
    ("by_share", TechniqueRule::ByShare),
];

const MODES: &[(&str, Mode)] = &[("listen", Mode::Listen), ("dialplan", Mode::Dialplan)];

const CALLERS_BY: &[(&str, CallerBy)] = &[
    ("least_used", CallerBy::LeastUsed),
    ("area_code", CallerBy::AreaCode),
];

const DUPLICATES: &[(&str, Duplicates)] = &[
    (Duplicates::Allow.slug(), Duplicates::Allow),
    (Duplicates::SkipOpen.slug(), Duplicates::SkipOpen),
    (Duplicates::SkipAny.slug(), Duplicates::SkipAny),
];

const KNOWN: &[&str] = &[
    "version",
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
    PROMPT,
];

const PROMPT: &str = "callback_prompt";

/// The version of the format that is written. It grows when an older program would misread stored settings.
const VERSION: u64 = 1;

const NEVER: &str = "never";

/// The longest wait of a retry that is given without one, and has none by default.
const LONGEST_UNLESS_GIVEN: Duration = Duration::from_secs(24 * 3_600);
