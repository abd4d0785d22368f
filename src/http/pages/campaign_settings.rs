//! The settings of a campaign, as a form and as TOML, and what differs between two of them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use serde_json::{Map, Value, json};

use super::{fields::FormField, form::PageForm};
use crate::{
    http::{
        Api,
        given::Parameters,
        problem::{Problem, ProblemKind},
        routes::messages,
    },
    orders::Spec,
    store::Campaign,
};

/// The tab.
pub(super) struct SettingsTab {
    pub(super) fields: Vec<FormField>,
    pub(super) toml: String,
    /// The version that was read.
    pub(super) version: i64,
    pub(super) faults: Vec<String>,
    /// What would change, and how it is saved; `None`: nothing was given yet.
    pub(super) pending: Option<PendingChange>,
    /// Whether somebody else has changed it meanwhile.
    pub(super) is_conflict: bool,
}

/// A change that was not saved yet.
pub(super) struct PendingChange {
    pub(super) toml: String,
    pub(super) rows: Vec<DiffRow>,
}

/// A key with another value.
pub(super) struct DiffRow {
    pub(super) key: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl SettingsTab {
    /// The settings as they are.
    pub(super) async fn of(api: &Api, campaign: &Campaign) -> Result<Self, Problem> {
        let keys = keys_of(campaign)?;
        Ok(Self {
            fields: setting_fields(api, &keys).await?,
            toml: Spec::toml_of_keys(&keys),
            version: campaign.version,
            faults: Vec::new(),
            pending: None,
            is_conflict: false,
        })
    }

    pub(super) fn has_faults(&self) -> bool {
        let of_field = self.fields.iter().any(|field| field.fault.is_some());
        of_field || !self.faults.is_empty()
    }
}

/// The settings of a campaign as keys.
pub(super) fn keys_of(campaign: &Campaign) -> Result<Map<String, Value>, Problem> {
    let spec = Spec::from_json(&campaign.spec).map_err(|error| {
        tracing::error!(%error, "the settings of a campaign cannot be read");
        let words = "the settings of the campaign cannot be read";
        Problem::new(ProblemKind::Internal, words)
    })?;
    Ok(without_format(spec.to_keys()))
}

/// Keys without that of their format, which is not the campaign's.
pub(super) fn without_format(mut keys: Map<String, Value>) -> Map<String, Value> {
    keys.remove("version");
    keys
}

/// The body by which the API makes these of those: what is not there any more is reset.
pub(super) fn change_of(before: &Map<String, Value>, wanted: Map<String, Value>) -> Value {
    let gone = before.keys().filter(|key| !wanted.contains_key(*key));
    // Each of these two takes the other's place by itself.
    let gone = gone.filter(|key| !["message", "variants"].contains(&key.as_str()));
    let gone: Vec<_> = gone.cloned().collect();
    let mut body = wanted;
    body.extend(gone.into_iter().map(|key| (key, Value::Null)));
    Value::Object(body)
}

/// The keys that differ.
pub(super) fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<DiffRow> {
    let (before, after) = (flat(before), flat(after));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let of = |map: &BTreeMap<String, String>, key: &String| map.get(key).cloned();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| DiffRow {
            key: key.clone(),
            before: of(&before, key).unwrap_or_else(|| "not set".to_owned()),
            after: of(&after, key).unwrap_or_else(|| "not set".to_owned()),
        })
        .collect()
}

/// All values by their whole keys, as they are written.
fn flat(keys: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = Spec::toml_of_keys(keys);
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    lines
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The fields of settings, with their values.
pub(super) async fn setting_fields(
    api: &Api,
    keys: &Map<String, Value>,
) -> Result<Vec<FormField>, Problem> {
    let prepared = messages::list(State(api.clone()), Parameters::none()).await?;
    let prepared = super::values::told(prepared).await?;
    let names = super::values::items(&prepared, "/items").iter();
    let names = names.map(|one| super::values::text(one, "/name"));
    // A clip is a part of messages.
    let names: Vec<_> = names.filter(|name| !name.contains('/')).collect();
    let value = |name: &str| match keys.get(name) {
        Some(Value::Array(items)) => {
            let items = items.iter().map(|item| super::values::text(item, ""));
            items.collect::<Vec<_>>().join(", ")
        }
        Some(value) => super::values::text(value, ""),
        None => String::new(),
    };
    let has_variants = keys.contains_key("variants");
    let all = SETTINGS.into_iter();
    let shown = all.filter(|(name, ..)| !(has_variants && *name == "message"));
    Ok(shown
        .map(|(name, label, hint, kind)| {
            let field = FormField::new(name, label, hint).kind(kind);
            let field = match name {
                "message" => field
                    .required()
                    .one_of(names.iter().map(|name| (name.as_str(), name.as_str()))),
                "technique" => field.one_of(TECHNIQUES),
                _ => field,
            };
            field.with(value(name))
        })
        .collect())
}

/// What a form gives of these keys; those that are empty are reset, if they are to be.
pub(super) fn given_keys(
    form: &PageForm,
    of: &[(&'static str, &str, &str, &str)],
    with_empty: bool,
) -> Map<String, Value> {
    let mut given = Map::new();
    for (name, ..) in of {
        let value = match (form.text(name), *name) {
            (Some(text), "caller_id") => {
                let numbers = text.split(',').map(str::trim);
                let numbers = numbers.filter(|number| !number.is_empty());
                json!(numbers.collect::<Vec<_>>())
            }
            (Some(text), _) => json!(text),
            // One that is not on the page is left as it is.
            (None, _) if with_empty && form.raw(name).is_some() => Value::Null,
            (None, _) => continue,
        };
        given.insert((*name).to_owned(), value);
    }
    given
}

/// The keys that have a field, with their label, what is expected, and the kind of input.
pub(super) const SETTINGS: [(&str, &str, &str, &str); 11] = [
    (
        "message",
        "Message",
        "the name of a prepared message, or sound: and a sound of the PBX",
        "suggest",
    ),
    (
        "rate",
        "Pace",
        "such as 5/s or 300/m; empty: as fast as the trunk allows",
        "text",
    ),
    (
        "in_flight",
        "Most drops at once",
        "a whole number; empty: as many as the trunk allows",
        "number",
    ),
    (
        "weight",
        "Share of the trunk",
        "from 1 to 1000, beside other campaigns",
        "number",
    ),
    (
        "zone",
        "Time zone",
        "such as America/New_York; needed with hours or dates",
        "text",
    ),
    (
        "hours",
        "Hours",
        "such as mon-fri 09:00-17:00; empty: all that the gate allows",
        "text",
    ),
    ("first_date", "First date", "", "date"),
    (
        "last_date",
        "Last date",
        "it is dialled on this date too",
        "date",
    ),
    (
        "most_attempts",
        "Most attempts",
        "at a contact, from 1 to 100",
        "number",
    ),
    ("technique", "Technique", "two calls, or one", "select"),
    (
        "caller_id",
        "Caller IDs",
        "one number or several, with commas; empty: that of the PBX",
        "text",
    ),
];

const TECHNIQUES: [(&str, &str); 3] = [
    ("double", "double: two calls"),
    ("single", "single: one call"),
    (
        "by_share",
        "by share: two calls where the trunk's budget allows",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_differs_is_shown_and_what_is_gone_is_reset() {
        let before = keys(
            json!({"message": "a", "rate": "5/s", "retry": {"busy": "never", "lost": "never"}}),
        );
        let after = keys(
            json!({"variants": [], "weight": 2, "retry": {"busy": {"first": "1m"}, "lost": "never"}}),
        );
        let rows = difference(&before, &after);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| format!("{}: {} -> {}", row.key, row.before, row.after))
            .collect();
        assert_eq!(
            shown,
            [
                "message: \"a\" -> not set",
                "rate: \"5/s\" -> not set",
                "retry.busy: \"never\" -> { first = \"1m\" }",
                "variants: not set -> []",
                "weight: not set -> 2",
            ]
        );
        let body = change_of(&before, after);
        assert_eq!(body["rate"], Value::Null);
        assert!(body.get("rate").is_some() && body.get("message").is_none());
    }
}
