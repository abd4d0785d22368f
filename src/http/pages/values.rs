//! What the API answers, read for a page: by the same names that its clients read.

use axum::{body::to_bytes, response::IntoResponse};
use jiff::Timestamp;
use serde_json::Value;

use super::shell::Moment;
use crate::http::problem::{Problem, ProblemKind};

/// The body of what a handler of the API answers.
///
/// # Errors
/// [`Problem`] if it is not JSON.
pub(super) async fn told(answer: impl IntoResponse) -> Result<Value, Problem> {
    let body = answer.into_response().into_body();
    let bytes = to_bytes(body, usize::MAX).await.ok();
    let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.ok_or_else(|| Problem::new(ProblemKind::Internal, "an answer could not be read"))
}

/// A text, or a number as one; empty if it is not there.
pub(super) fn text(of: &Value, pointer: &str) -> String {
    match of.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        Some(value @ (Value::Array(_) | Value::Object(_))) => value.to_string(),
        Some(Value::Null) | None => String::new(),
    }
}

/// A whole number; 0 if it is not there.
pub(super) fn number(of: &Value, pointer: &str) -> u64 {
    let found = of.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or(0)
}

/// Whether something is `true`.
pub(super) fn flag(of: &Value, pointer: &str) -> bool {
    let found = of.pointer(pointer).and_then(Value::as_bool);
    found.unwrap_or(false)
}

/// A moment.
pub(super) fn moment(of: &Value, pointer: &str) -> Option<Moment> {
    let found = of.pointer(pointer)?.as_str()?;
    found.parse::<Timestamp>().ok().map(Moment)
}

/// The items of a list.
pub(super) fn items<'a>(of: &'a Value, pointer: &str) -> &'a [Value] {
    let found = of.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// The texts of a list, with commas between.
pub(super) fn joined(of: &Value, pointer: &str) -> String {
    let texts: Vec<_> = items(of, pointer)
        .iter()
        .map(|item| text(item, ""))
        .collect();
    texts.join(", ")
}

/// The members of an object whose values are counts.
pub(super) fn counts(of: &Value, pointer: &str) -> Vec<(String, u64)> {
    let found = of.pointer(pointer).and_then(Value::as_object);
    let members = found.into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.as_u64().unwrap_or(0)))
        .collect()
}
