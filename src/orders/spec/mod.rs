//! The settings of a campaign: what a user wrote, checked, and kept as JSON with the campaign.
//!
//! It is written as keys with values, which are the same everywhere: as TOML, as the JSON that is kept, and as options of
//! the command line, which write `-` for a key's `_`. A later value overrides an earlier one ([`overlay`]).
//!
//! | key | value | unless given |
//! |---|---|---|
//! | `kind` | `informational` or `marketing` | required |
//! | `message` | what to leave | required, or `variants` |
//! | `variants` | two or more of `{ name, message, weight }` | |
//! | `rate` | drops started in a period: `5/s`, `300/m`, `20/10s` | as many as `trunk.starts_per_second` allows |
//! | `in_flight` | most drops at once | as many as `trunk.in_flight` allows |
//! | `weight` | its share of the trunk if several campaigns run, 1 to 1000 | 1 |
//! | `zone` | the time zone of its hours and dates | required with any of them |
//! | `hours` | `mon-fri 09:00-17:00, sat 10:00-14:00` | all that the gate allows |
//! | `first_date`, `last_date`, `except_dates` | dates, the last one included | |
//! | `retry` | `never` for all outcomes, or a table of outcomes | [`RetryRules::default`] |
//! | `retry.OUTCOME` | `never`, or `{ first, factor, longest, attempts }` | as above |
//! | `most_attempts` | at a contact, over all outcomes, 1 to 100 | 5 |
//! | `caller_id`, `caller_id_by` | one number or several, chosen by `area_code` or `least_used` | the PBX's own |
//! | `technique` | `double`, `single` or `by_share` | `double` |
//! | `stop_on` | `never`, or `{ share, window, at_least }` | 50 % of 20 drops or more in 10 minutes |
//! | `screen` | `listen` or `dialplan` | as configured |
//! | `duplicates` | numbers of other campaigns: `allow`, `skip_open` or `skip_any` | `allow` |
//! | `seed` | decides between variants | 0 |
//! | `callback_prompt` | what those hear first who call back, also of a variant | that of the configuration |
//!
//! `none` resets a key to its default.

pub(super) mod advice;
mod as_toml;
mod keys;
mod table;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{
    campaign::{
        budget::TechniqueRule,
        caller::{CallerIds, Pool},
        engine::{CampaignSettings, StopOn},
        pace::Rate,
        policy::CampaignKind,
        retry::RetryRules,
        variant::Messages,
        window::Window,
    },
    drop::Mode,
    phone::CallerId,
    store::Across,
};

pub use keys::overlay;

/// The settings of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Its purpose, which decides the rules of the gate.
    pub kind: CampaignKind,
    /// The messages to leave: names of prepared messages, or `sound:` URIs.
    pub messages: Messages,
    /// How fast its drops start; `None`: as fast as the trunk allows.
    pub rate: Option<Rate>,
    /// Most of its drops in flight, 1 or more; `None`: as many as the trunk allows.
    pub in_flight: Option<u32>,
    /// Its share of the trunk if several campaigns run, 1 to 1000.
    pub weight: u32,
    /// Its own hours and dates; `None`: at any time that the gate allows.
    pub times: Option<Times>,
    /// When to try again after each outcome.
    pub retry: RetryRules,
    /// The caller IDs of its calls.
    pub callers: Callers,
    /// One call or two.
    pub technique: TechniqueRule,
    /// When it pauses by itself because drops fail; `None`: never.
    pub stop_on: Option<StopOn>,
    /// Who detects the answering party; `None`: as configured.
    pub screen: Option<Mode>,
    /// What to do with numbers of other campaigns.
    pub duplicates: Duplicates,
    /// The seed of the choice of variants.
    pub seed: u64,
    /// What those hear first who call back.
    pub callback_prompts: CallbackPrompts,
}

/// The prepared messages that those hear first who call back; what is not given is the configuration's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallbackPrompts {
    /// The campaign's.
    pub campaign: Option<String>,
    /// Those of variants, by their names.
    pub variants: BTreeMap<String, String>,
}

impl CallbackPrompts {
    /// The one for a contact who was left this variant.
    pub fn of(&self, variant: Option<&str>) -> Option<&str> {
        let own = variant.and_then(|variant| self.variants.get(variant));
        own.or(self.campaign.as_ref()).map(String::as_str)
    }
}

/// The hours and dates of a campaign, in its own zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// The IANA name of the zone.
    pub zone: String,
    /// Hours by weekday, as they were written; `None`: the whole of each day.
    pub hours: Option<String>,
    /// The first date.
    pub first: Option<Date>,
    /// The last date, included.
    pub last: Option<Date>,
    /// Dates on which it does not dial.
    pub except: BTreeSet<Date>,
}

/// The caller IDs of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callers {
    /// The numbers; if there are none, that of `pbx.caller_id`.
    pub numbers: Vec<CallerId>,
    /// How one of several is chosen.
    pub by: CallerBy,
}

/// How to choose from a caller-ID pool. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallerBy {
    /// `least_used`: the one that was used least.
    #[default]
    LeastUsed,
    /// `area_code`: one with the contact's area code, if there is one.
    AreaCode,
}

/// What to do with a number of another campaign. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// `allow`: it is added; the gate's frequency caps hold over all campaigns.
    #[default]
    Allow,
    /// `skip_open`: it is left out if a campaign that is not over has it.
    SkipOpen,
    /// `skip_any`: it is left out if any campaign has it.
    SkipAny,
}

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key}: {problem}")]
pub struct SpecError {
    /// The key, such as `retry.busy.first`.
    pub key: String,
    /// What is wrong with it, and what was expected.
    pub problem: String,
}

impl Spec {
    /// Reads a pace as the key `rate` has it, such as `5/s`; `None` if it is none.
    pub fn read_rate(text: &str) -> Option<Rate> {
        text::rate(text)
    }

    /// A campaign that leaves one message, with defaults for the rest.
    pub fn new(kind: CampaignKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            messages: Messages::One(message.into()),
            rate: None,
            in_flight: None,
            weight: 1,
            times: None,
            retry: RetryRules::default(),
            callers: Callers::default(),
            technique: TechniqueRule::default(),
            stop_on: Some(StopOn::default()),
            screen: None,
            duplicates: Duplicates::default(),
            seed: 0,
            callback_prompts: CallbackPrompts::default(),
        }
    }

    /// Reads settings from their keys.
    ///
    /// # Errors
    /// [`SpecError`] for the first key that is unknown, missing or has an invalid value.
    pub fn from_keys(keys: &Map<String, Value>) -> Result<Self, SpecError> {
        let spec = keys::read(keys)?;
        // Settings that the engine cannot carry out are not accepted.
        spec.settings()?;
        Ok(spec)
    }

    /// The settings as keys, defaults included, so that a campaign stays as it is if a later version has other defaults.
    pub fn to_keys(&self) -> Map<String, Value> {
        keys::write(self)
    }

    /// Reads what [`Self::to_json`] wrote, by this or an earlier version. Settings without a technique are `by_share`: it
    /// makes two calls unless the trunk has a limit of cancelled calls, and within such a limit it does not pause.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        let mut keys: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| SpecError::new("", format!("it is not a JSON object: {error}")))?;
        keys.entry("technique").or_insert_with(|| "by_share".into());
        Self::from_keys(&keys)
    }

    /// The keys that a TOML text gives.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn keys_of_toml(text: &str) -> Result<Map<String, Value>, String> {
        as_toml::read(text)
    }

    /// Keys as TOML.
    pub fn toml_of_keys(keys: &Map<String, Value>) -> String {
        as_toml::write(keys)
    }

    /// The settings as JSON, as they are stored.
    pub fn to_json(&self) -> String {
        Value::Object(self.to_keys()).to_string()
    }

    /// The settings of the engine.
    ///
    /// # Errors
    /// [`SpecError`] if they cannot be carried out.
    pub fn settings(&self) -> Result<CampaignSettings, SpecError> {
        Ok(CampaignSettings {
            kind: self.kind,
            rate: self.rate,
            in_flight: self.in_flight,
            weight: self.weight,
            window: self.times.as_ref().map(Times::window).transpose()?,
            retry: self.retry.clone(),
            messages: self.messages.clone(),
            caller_ids: self.callers.ids(),
            technique: self.technique,
            stop_on: self.stop_on,
            seed: self.seed,
        })
    }
}

impl Times {
    /// The hours and dates as a window.
    ///
    /// # Errors
    /// [`SpecError`] if the zone is unknown, or hours or dates hold no time.
    pub fn window(&self) -> Result<Window, SpecError> {
        let zone = text::zone(&self.zone).ok_or_else(|| {
            let expected = "the name of a time zone, such as `America/New_York`";
            SpecError::expected("zone", &self.zone, expected)
        })?;
        let written = self.hours.as_deref().unwrap_or("00:00-24:00");
        let hours = text::hours(written).map_err(|problem| SpecError::new("hours", problem))?;
        Window::new(zone, hours)
            .map_err(|error| SpecError::new("hours", error.to_string()))?
            .between(self.first, self.last)
            .map(|window| window.except(self.except.iter().copied()))
            .map_err(|error| SpecError::new("last_date", error.to_string()))
    }
}

impl Callers {
    fn ids(&self) -> CallerIds {
        let pool = Pool::new(self.numbers.iter().cloned());
        match (self.numbers.as_slice(), pool, self.by) {
            ([_, _, ..], Some(pool), CallerBy::LeastUsed) => CallerIds::LeastUsed(pool),
            ([_, _, ..], Some(pool), CallerBy::AreaCode) => CallerIds::ByAreaCode(pool),
            (numbers, _, _) => CallerIds::Fixed(numbers.first().cloned()),
        }
    }
}

impl Duplicates {
    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::SkipOpen => "skip_open",
            Self::SkipAny => "skip_any",
        }
    }

    /// The setting as the store has it.
    pub const fn across(self) -> Across {
        match self {
            Self::Allow => Across::Allow,
            Self::SkipOpen => Across::SkipOpen,
            Self::SkipAny => Across::SkipAny,
        }
    }
}

impl SpecError {
    fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
        }
    }

    fn expected(key: impl Into<String>, found: &str, expected: &str) -> Self {
        let shown: String = found.chars().take(40).collect();
        let shown = shown.escape_debug();
        Self::new(key, format!("`{shown}` is not {expected}"))
    }
}

#[cfg(test)]
mod tests;
