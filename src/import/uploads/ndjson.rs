//! Contacts that are sent as JSON, one object a line, made the rows of the list that they are.

use std::io;

use serde_json::{Map, Value};

use crate::list::{Field, Writer};

/// Makes rows of CSV of lines of JSON. The first line says which other columns there are.
#[derive(Debug, Default)]
pub(super) struct NdjsonRows {
    /// The beginning of a line.
    pending: Vec<u8>,
    /// How many lines have ended.
    lines: u64,
    /// Columns beside the fields; `None` before the first row.
    others: Option<Vec<String>>,
}

impl NdjsonRows {
    /// Takes some bytes; returns the rows that are whole by then.
    ///
    /// # Errors
    /// What is wrong with a line, for people.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut writer = Writer::new(Vec::new());
        for (at, part) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if at > 0 {
                self.end_line(&mut writer)?;
            }
            if self.pending.len() + part.len() > MOST_OF_LINE {
                let words = format!("it has more than {MOST_OF_LINE} bytes");
                return Err(self.fault(&words));
            }
            self.pending.extend_from_slice(part);
        }
        finished(writer)
    }

    /// All has come; returns the last row.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, String> {
        let mut writer = Writer::new(Vec::new());
        self.end_line(&mut writer)?;
        finished(writer)
    }

    fn end_line(&mut self, writer: &mut Writer<Vec<u8>>) -> Result<(), String> {
        let line = std::mem::take(&mut self.pending);
        let line = line.trim_ascii();
        if !line.is_empty() {
            let contact: Map<String, Value> = serde_json::from_slice(line)
                .map_err(|error| self.fault(&format!("it is no object of JSON: {error}")))?;
            self.row(contact, writer)?;
        }
        self.lines += 1;
        Ok(())
    }

    fn row(
        &mut self,
        mut contact: Map<String, Value>,
        writer: &mut Writer<Vec<u8>>,
    ) -> Result<(), String> {
        let mut columns = match contact.remove("columns") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(columns)) => columns,
            Some(_) => return Err(self.fault("`columns` is no object")),
        };
        let others = match &self.others {
            Some(others) => others.clone(),
            None => {
                let others: Vec<_> = columns.keys().cloned().collect();
                let has_letters = |name: &String| name.chars().any(char::is_alphabetic);
                if !others.iter().all(has_letters) {
                    return Err(self.fault("a name in `columns` has no letter in it"));
                }
                let names = Field::ALL.iter().map(|field| field.slug());
                let names: Vec<_> = names.chain(others.iter().map(String::as_str)).collect();
                record(writer, &names)?;
                self.others = Some(others.clone());
                others
            }
        };
        let mut cells = Vec::with_capacity(Field::ALL.len() + others.len());
        for field in Field::ALL {
            let value = contact.remove(field.slug()).unwrap_or_default();
            cells.push(self.cell(field.slug(), value)?);
        }
        for name in &others {
            let value = columns.remove(name).unwrap_or_default();
            cells.push(self.cell(name, value)?);
        }
        if let Some(name) = contact.keys().next() {
            let words = format!(
                "there is no member `{}`; other columns go into `columns`",
                name.escape_debug()
            );
            return Err(self.fault(&words));
        }
        if let Some(name) = columns.keys().next() {
            let words = format!(
                "the first line has no column `{}`: name it there, as null if it has none",
                name.escape_debug()
            );
            return Err(self.fault(&words));
        }
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        record(writer, &cells)
    }

    fn cell(&self, name: &str, value: Value) -> Result<String, String> {
        match value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                let words = format!("`{}` is no text", name.escape_debug());
                Err(self.fault(&words))
            }
        }
    }

    fn fault(&self, words: &str) -> String {
        format!("line {}: {words}", self.lines + 1)
    }
}

/// What is written to memory cannot fail.
fn record(writer: &mut Writer<Vec<u8>>, cells: &[&str]) -> Result<(), String> {
    writer.record(cells).map_err(|error| error.to_string())
}

fn finished(writer: Writer<Vec<u8>>) -> Result<Vec<u8>, String> {
    writer
        .finish()
        .map_err(|error: io::Error| error.to_string())
}

/// Bytes of a line, as of a contact that is given by itself.
const MOST_OF_LINE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_rows_wherever_they_are_cut() {
        let text = "{\"number\":\"+12025550101\",\"name\":\"Ann, \\\"A\\\"\",\"columns\":{\"City\":\"Bonn\",\"Plan\":null}}\r\n\n\
                    {\"number\":\"+12025550102\",\"columns\":{\"Plan\":\"=gold\"}}";
        let head = "number,name,first_name,last_name,timezone,state,consent,consent_at,consent_source,message,foreign_id,City,Plan\r\n";
        let wanted = format!(
            "{head}+12025550101,\"Ann, \"\"A\"\"\",,,,,,,,,,Bonn,\r\n+12025550102,,,,,,,,,,,,\"'=gold\"\r\n"
        );
        for size in [1, 5, 64, text.len()] {
            let mut rows = NdjsonRows::default();
            let mut made = Vec::new();
            for part in text.as_bytes().chunks(size) {
                made.extend(rows.take(part).unwrap());
            }
            made.extend(rows.finish().unwrap());
            assert_eq!(String::from_utf8(made).unwrap(), wanted, "{size}");
        }
    }

    #[test]
    fn a_line_that_is_no_contact_is_named() {
        for (text, words) in [
            (
                "{\"number\":\"1\"}\n[]\n",
                "line 2: it is no object of JSON",
            ),
            ("{\"number\":1}\n", "line 1: `number` is no text"),
            ("{\"phone\":\"1\"}\n", "line 1: there is no member `phone`"),
            ("{\"columns\":[]}\n", "line 1: `columns` is no object"),
            (
                "{\"columns\":{\"7\":\"\"}}\n",
                "line 1: a name in `columns`",
            ),
            (
                "{\"number\":\"1\"}\n{\"columns\":{\"City\":\"Bonn\"}}\n",
                "line 2: the first line has no column `City`",
            ),
        ] {
            let mut rows = NdjsonRows::default();
            let fault = rows.take(text.as_bytes()).unwrap_err();
            assert!(fault.starts_with(words), "{fault}");
        }
        let mut rows = NdjsonRows::default();
        let long = vec![b' '; MOST_OF_LINE + 1];
        assert!(rows.take(&long).unwrap_err().contains("more than"));
    }
}
