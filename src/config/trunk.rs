//! `[trunk]` and `[price]`: what the trunk carries, what it tolerates and what it charges.

use std::{num::NonZeroU32, time::Duration};

use super::{ConfigError, layers::Layers};
use crate::campaign::{
    budget::{BudgetLimits, PeopleHold, Share},
    cost::{CostError, Currency, Increment, Money, Price},
    engine::PbxSettings,
    pace::Rate,
};

/// Reads the section `[trunk]`; and whether it says what the trunk's contract tolerates, `none` included.
pub(super) fn trunk(layers: &Layers) -> Result<(PbxSettings, bool), ConfigError> {
    let default = BudgetLimits::default();
    let cancelled = share(layers, "trunk.cancelled")?;
    let short = share(layers, "trunk.short")?;
    let people = share(layers, "trunk.people")?;
    let settings = PbxSettings {
        rate: rate(layers)?,
        in_flight: layers.whole("trunk.in_flight", 10, 1..=10_000)?,
        limits: BudgetLimits {
            window: layers.duration("trunk.window", default.window.as_secs(), 60..=86_400)?,
            cancelled: cancelled.unwrap_or(default.cancelled),
            short: short.unwrap_or(default.short),
            people: people.unwrap_or(default.people),
            people_hold: people.map_or(default.people_hold, |_| PeopleHold::All),
            at_least: layers.whole("trunk.at_least", default.at_least, 1..=1_000_000)?,
            near: default.near,
        },
    };
    Ok((settings, cancelled.is_some() || short.is_some()))
}

/// Reads the trunk's name; `None` if none is given.
pub(super) fn name(layers: &Layers) -> Result<Option<String>, ConfigError> {
    const NAME: &str = "a name of 1 to 64 letters, digits, `.`, `_` and `-`";
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    layers.parsed("trunk.name", NAME, |text| {
        let is_name = (1..=64).contains(&text.len()) && text.chars().all(fits);
        is_name
            .then(|| text.to_owned())
            .ok_or_else(|| format!("`{text}` is not a name"))
    })
}

/// Reads the section `[price]`; `None` if there is none.
pub(super) fn price(layers: &Layers) -> Result<Option<Price>, ConfigError> {
    const AMOUNT: &str = "an amount of money with at most six decimals, such as `0.0085`";
    let words = |error: CostError| error.to_string();
    let money = |text: &str| Money::parse(text).map_err(words);

    let per_minute = layers.amount("price.per_minute", AMOUNT, money)?;
    let per_attempt = layers.amount("price.per_attempt", AMOUNT, money)?;
    let increment = layers.parsed(
        "price.increment",
        "`MINIMUM/STEP` in seconds, each 1 to 3600, such as `60/6`",
        |text| Increment::parse(text).map_err(words),
    )?;
    let currency = layers.parsed(
        "price.currency",
        "the three capitals of a currency, such as `USD`",
        |text| Currency::parse(text).map_err(words),
    )?;
    let given =
        per_minute.is_some() || per_attempt.is_some() || increment.is_some() || currency.is_some();
    if !given {
        return Ok(None);
    }
    // Nothing is charged that was forgotten: who pays by the attempt alone writes a 0.
    let per_minute = per_minute.ok_or_else(|| layers.missing("price.per_minute", AMOUNT))?;
    Ok(Some(Price {
        per_minute,
        per_attempt: per_attempt.unwrap_or(Money::ZERO),
        increment: increment.unwrap_or_default(),
        currency: currency.unwrap_or_default(),
    }))
}

/// Starts a second: a whole number, or less than one for trunks that want seconds between two.
fn rate(layers: &Layers) -> Result<Rate, ConfigError> {
    const KEY: &str = "trunk.starts_per_second";
    const EXPECTED: &str = "a whole number from 1 to 1000, or less than 1 down to 0.01";

    let parsed = layers.amount(KEY, EXPECTED, |text| {
        let wrong = || format!("`{}` is out of range", text.escape_debug());
        let number: f64 = text
            .parse()
            .map_err(|_| format!("`{}` is not a number", text.escape_debug()))?;
        let rate = if (0.01..1.0).contains(&number) {
            Rate::new(1, Duration::from_secs_f64(1.0 / number))
        } else {
            let whole = text.parse::<u32>().ok().filter(|whole| *whole <= 1_000);
            whole.and_then(|whole| Rate::new(whole, Duration::from_secs(1)))
        };
        rate.ok_or_else(wrong)
    })?;
    Ok(parsed.unwrap_or(Rate::per_second(NonZeroU32::MIN)))
}

/// A share in per cent, or `none`; `None` if the key is not given.
fn share(layers: &Layers, key: &'static str) -> Result<Option<Option<Share>>, ConfigError> {
    const EXPECTED: &str = "`none`, or per cent from 0 to 100, such as `7.5` or `20 %`";
    layers.amount(key, EXPECTED, |text| {
        if text == "none" {
            return Ok(None);
        }
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let percent: f64 = number
            .parse()
            .map_err(|_| format!("`{}` is not a number", text.escape_debug()))?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(format!("`{percent}` is out of range"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 1000 by the check above"
        )]
        let thousandths = (percent * 10.0).round() as u32;
        Ok(Some(Share::thousandths(thousandths)))
    })
}
