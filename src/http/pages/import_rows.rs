//! Lists that were sent, as pages show them.

use serde_json::Value;

use super::{
    shell::Moment,
    values::{counts, flag, items, moment, number, text},
};
use crate::orders::figures::count;

/// A list that was sent.
pub(super) struct ImportRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) why: String,
    pub(super) is_dry_run: bool,
    pub(super) rows: String,
    pub(super) added: String,
    pub(super) updated: String,
    pub(super) rejected: String,
    pub(super) has_rejects: bool,
    pub(super) reasons: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
    /// Which column was read as what.
    pub(super) reading: Vec<(String, String)>,
    pub(super) began: Option<Moment>,
    pub(super) eta: Option<Moment>,
}

pub(super) fn import_row(of: &Value) -> ImportRow {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    let reading = of.pointer("/reading").and_then(Value::as_object);
    let reading = reading.into_iter().flatten();
    ImportRow {
        id: text(of, "/id"),
        name: text(of, "/name"),
        state: text(of, "/state"),
        why: text(of, "/why"),
        is_dry_run: flag(of, "/dry_run"),
        rows: count(number(of, "/rows")),
        added: count(number(of, "/added")),
        updated: count(number(of, "/updated")),
        rejected: count(number(of, "/rejected")),
        has_rejects: number(of, "/rejected") > 0,
        reasons: counts(of, "/reasons")
            .into_iter()
            .map(|(reason, number)| (reason.replace('_', " "), count(number)))
            .collect(),
        notes: items(of, "/notes")
            .iter()
            .map(|note| text(note, ""))
            .collect(),
        reading: reading
            .map(|(key, value)| (key.clone(), plain(value)))
            .collect(),
        began: moment(of, "/began_at"),
        eta: moment(of, "/eta"),
    }
}
