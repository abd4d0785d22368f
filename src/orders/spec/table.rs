//! Reads the keys of a table, with errors that name them.

use serde_json::{Map, Value};

use super::SpecError;

/// The keys of a table.
pub(super) struct Keys<'a> {
    /// The prefix of their names in errors: `stop_on.`
    pub(super) of: String,
    pub(super) given: &'a Map<String, Value>,
}

impl<'a> Keys<'a> {
    /// Refuses keys that are not `known`.
    pub(super) fn refuse_unknown(&self, known: &[&str]) -> Result<(), SpecError> {
        let unknown = self.given.keys().find(|key| !known.contains(&key.as_str()));
        unknown.map_or(Ok(()), |key| {
            let key: String = key.chars().take(40).collect();
            let known = known.join("`, `");
            let problem = format!("there is no such key; the keys are `{known}`");
            Err(self.error(&key.escape_debug().to_string(), &problem))
        })
    }

    /// The value of a key, if one is given.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        let given = self.given.get(key)?;
        let is_none = given.is_null() || given.as_str() == Some(NONE);
        (!is_none).then_some(given)
    }

    /// A text, or a number as it was written.
    pub(super) fn text(&self, key: &str, expected: &str) -> Result<Option<String>, SpecError> {
        match self.value(key) {
            None => Ok(None),
            Some(value @ (Value::String(_) | Value::Number(_))) => Ok(Some(plain(value))),
            Some(other @ (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_))) => {
                Err(self.unlike(key, &plain(other), expected))
            }
        }
    }

    /// A text, parsed.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SpecError> {
        let text = self.text(key, expected)?;
        text.map(|text| parse(&text).ok_or_else(|| self.unlike(key, &text, expected)))
            .transpose()
    }

    /// A whole number within a range.
    pub(super) fn number<T: TryFrom<u64>>(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<T>, SpecError> {
        let expected = if *range.end() == u64::MAX {
            format!("a whole number from {}", range.start())
        } else {
            format!("a whole number from {} to {}", range.start(), range.end())
        };
        self.parsed(key, &expected, |text| {
            let number = text.parse::<u64>().ok().filter(|n| range.contains(n))?;
            T::try_from(number).ok()
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        words: &[(&'static str, T)],
    ) -> Result<Option<T>, SpecError> {
        let all: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let expected = all.join(" or ");
        self.parsed(key, &expected, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|&(_, meaning)| meaning)
        })
    }

    /// One text, or a list of them.
    pub(super) fn list<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, SpecError>,
    ) -> Result<Vec<T>, SpecError> {
        let one = |value: &Value| match value {
            Value::String(_) | Value::Number(_) => parse(&plain(value)),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                Err(self.unlike(key, &plain(value), "a text or a list of texts"))
            }
        };
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => {
                let given = values.iter().filter(|value| value.as_str() != Some(NONE));
                given.map(one).collect()
            }
            Some(value) => one(value).map(|value| vec![value]),
        }
    }

    /// The error of a required key.
    pub(super) fn missing(&self, key: &str, expected: &str) -> SpecError {
        self.error(key, &format!("it is required; expected {expected}"))
    }

    /// The error of a value that is not valid.
    pub(super) fn unlike(&self, key: &str, found: &str, expected: &str) -> SpecError {
        SpecError::expected(format!("{}{key}", self.of), found, expected)
    }

    /// An error about a key.
    pub(super) fn error(&self, key: &str, problem: &str) -> SpecError {
        SpecError::new(format!("{}{key}", self.of), problem)
    }
}

/// A value as it was written, without quotes.
pub(super) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The text that means that no value is given.
pub(super) const NONE: &str = "none";
