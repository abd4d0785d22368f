//! Keys that hold more than a text: amounts, whole numbers, lists, and lists of tables.

use std::ops::RangeInclusive;

use config::{Map, Value, ValueKind};

use super::{Layers, kind, plain, quoted};
use crate::config::{error::ConfigError, keys::KEYS};

impl Layers {
    /// A key that holds a number or a text, parsed; `None` if it is not given.
    pub(in crate::config) fn amount<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        debug_assert!(KEYS.contains(&key), "{key} is not in the table of keys");
        let Some(value) = self.given.get(key) else {
            return Ok(None);
        };
        let parsed = match plain(&value.kind) {
            Some(text) => parse(&text),
            None => Err(format!("{} was given", kind(&value.kind))),
        };
        parsed
            .map(Some)
            .map_err(|problem| self.bad(key, problem, expected))
    }

    /// A key that holds a whole number.
    pub(in crate::config) fn whole(
        &self,
        key: &'static str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let number = self.amount(key, &expected, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| format!("{} was given", quoted(text)))
        })?;
        Ok(number.unwrap_or(default))
    }

    /// A key that holds a list of texts or whole numbers, each parsed; `None` if it is not given. As one text, such as
    /// the environment has it, it is taken apart at its commas.
    pub(in crate::config) fn list<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, ConfigError> {
        debug_assert!(KEYS.contains(&key), "{key} is not in the table of keys");
        let Some(value) = self.given.get(key) else {
            return Ok(None);
        };
        let parsed = texts(value).and_then(|texts| texts.iter().map(|t| parse(t)).collect());
        parsed
            .map(Some)
            .map_err(|problem| self.bad(key, problem, expected))
    }

    /// A key that holds tables, each read; none if it is not given.
    pub(in crate::config) fn tables<T>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&KeyTable<'_>) -> Result<T, String>,
    ) -> Result<Vec<T>, ConfigError> {
        debug_assert!(KEYS.contains(&key), "{key} is not in the table of keys");
        let Some(value) = self.given.get(key) else {
            return Ok(Vec::new());
        };
        let rows = match &value.kind {
            ValueKind::Array(rows) => rows.as_slice(),
            other => {
                let problem = format!("{} was given", kind(other));
                return Err(self.bad(key, problem, expected));
            }
        };
        let read = rows.iter().enumerate().map(|(at, row)| {
            let bad = |problem| self.bad(key, format!("table {}: {problem}", at + 1), expected);
            match &row.kind {
                ValueKind::Table(fields) => read(&KeyTable { fields }).map_err(bad),
                other => Err(bad(format!("{} was given", kind(other)))),
            }
        });
        read.collect()
    }
}

/// One table of a list of tables.
pub(in crate::config) struct KeyTable<'a> {
    fields: &'a Map<String, Value>,
}

impl KeyTable<'_> {
    /// Refuses fields that are none of these.
    pub(in crate::config) fn only(&self, known: &[&str]) -> Result<(), String> {
        let given = Vec::from_iter(self.fields).into_iter();
        let mut names: Vec<_> = given.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.into_iter().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "{} is not one of its keys, which are {}",
                quoted(name),
                known.join(", ")
            )),
        }
    }

    /// A field's text, parsed; `None` if it is not given.
    pub(in crate::config) fn text<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.fields.get(name) else {
            return Ok(None);
        };
        let parsed = match &value.kind {
            ValueKind::String(text) => parse(text),
            other => Err(format!("{} was given, not a text in quotes", kind(other))),
        };
        parsed
            .map(Some)
            .map_err(|problem| format!("`{name}`: {problem}"))
    }

    /// A field's list of texts, each parsed; none if it is not given.
    pub(in crate::config) fn list<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let Some(value) = self.fields.get(name) else {
            return Ok(Vec::new());
        };
        let parsed = texts(value).and_then(|texts| texts.iter().map(|t| parse(t)).collect());
        parsed.map_err(|problem| format!("`{name}`: {problem}"))
    }
}

/// The texts of a list, or of one text with commas.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    match &value.kind {
        ValueKind::Array(values) => values
            .iter()
            .map(|value| {
                plain(&value.kind).ok_or_else(|| format!("the list holds {}", kind(&value.kind)))
            })
            .collect(),
        ValueKind::String(text) => Ok(text.split(',').map(|part| part.trim().to_owned()).collect()),
        other => Err(format!("{} was given, not a list", kind(other))),
    }
}
