//! Settings as TOML text, as people write and read them.

use serde_json::{Map, Value};

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Map<String, Value>, String> {
    let source = config::File::from_str(text, config::FileFormat::Toml);
    let built = config::Config::builder().add_source(source).build();
    built
        .and_then(config::Config::try_deserialize)
        .map_err(|error| error.to_string())
}

/// Writes keys: values first, then a line for each key of a table.
pub(super) fn write(keys: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (key, value) in keys {
        match value {
            Value::Object(table) => {
                for (inner, value) in table {
                    line(&mut text, &format!("{key}.{inner}"), value);
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => line(&mut text, key, value),
        }
    }
    text
}

fn line(text: &mut String, key: &str, value: &Value) {
    if let Some(value) = inline(value) {
        text.push_str(&format!("{key} = {value}\n"));
    }
}

/// A value in one line; `None`: TOML has none for nothing.
fn inline(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(table) => {
            let members = table.iter();
            let members = members.filter_map(|(key, value)| {
                let value = inline(value)?;
                Some(format!("{key} = {value}"))
            });
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
    })
}

/// A basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::orders::Spec;

    #[test]
    fn what_is_written_is_read_again() {
        let given = json!({
            "kind": "marketing",
            "variants": [{"name": "a\"\\", "message": "one", "weight": 2}, {"name": "b", "message": "two"}],
            "rate": "5/s", "in_flight": 3, "zone": "America/New_York", "hours": "mon-fri 09:00-17:00",
            "except_dates": ["2026-12-24"], "retry": {"busy": {"first": "15m"}, "no_answer": "never"},
            "caller_id": ["+12025550100", "+12025550101"], "stop_on": "never",
        });
        let spec = Spec::from_keys(given.as_object().unwrap()).unwrap();
        let text = write(&spec.to_keys());
        let again = Spec::from_keys(&read(&text).unwrap()).unwrap();
        assert_eq!(again, spec, "{text}");
        assert!(text.contains("retry.no_answer = \"never\"\n"), "{text}");
        assert!(read("rate = ").is_err());
    }
}
