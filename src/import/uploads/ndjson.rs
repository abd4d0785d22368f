//! Contacts that are sent as JSON, one object a line, made the rows of the list that they are.

use std::io;

use serde_json::{Map, Value};

use super::contact_rows::{ContactRows, PARTS, nul_in};
use crate::{
    list::{Field, Writer},
    orders::ContactFields,
};

/// Makes rows of CSV of lines of JSON. The first line says which other columns there are.
#[derive(Debug, Default)]
pub(super) struct NdjsonRows {
    /// The beginning of a line.
    pending: Vec<u8>,
    /// How many lines have ended.
    lines: u64,
    /// What the columns are; `None` before the first row.
    rows: Option<ContactRows>,
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
        let columns = match contact.remove("columns") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(columns)) => columns,
            Some(_) => return Err(self.fault("`columns` is no object")),
        };
        let rows = match self.rows.take() {
            Some(rows) => rows,
            None => self.begin(&columns, writer)?,
        };
        let read = self.contact(contact, columns, &rows);
        let written = read.and_then(|contact| made(rows.write(&contact, writer)));
        self.rows = Some(rows);
        written
    }

    /// Writes the header: the first line says which columns there are.
    fn begin(
        &self,
        columns: &Map<String, Value>,
        writer: &mut Writer<Vec<u8>>,
    ) -> Result<ContactRows, String> {
        for name in columns.keys() {
            if !name.chars().any(char::is_alphabetic) {
                return Err(self.fault("a name in `columns` has no letter in it"));
            }
            if name.contains('\0') {
                return Err(self.fault("a name in `columns` holds a NUL character"));
            }
        }
        let parts = PARTS
            .into_iter()
            .filter(|part| !columns.contains_key(*part));
        let parts = parts.map(str::to_owned);
        let rows = ContactRows::with(parts.chain(columns.keys().cloned()));
        made(rows.write_head(writer))?;
        Ok(rows)
    }

    fn contact(
        &self,
        mut given: Map<String, Value>,
        columns: Map<String, Value>,
        rows: &ContactRows,
    ) -> Result<ContactFields, String> {
        let mut contact = ContactFields::default();
        for field in Field::ALL {
            let value = given.remove(field.slug()).unwrap_or_default();
            if let Some(text) = self.text(field.slug(), value)? {
                contact.fields.insert(field.slug().to_owned(), text);
            }
        }
        if let Some(name) = given.keys().next() {
            let words = format!(
                "there is no member `{}`; other columns go into `columns`",
                name.escape_debug()
            );
            return Err(self.fault(&words));
        }
        for (name, value) in columns {
            if !rows.has(&name) {
                let words = format!(
                    "the first line has no column `{}`: name it there, as null if it has none",
                    name.escape_debug()
                );
                return Err(self.fault(&words));
            }
            if let Some(text) = self.text(&name, value)? {
                contact.others.insert(name, text);
            }
        }
        match nul_in(&contact) {
            None => Ok(contact),
            Some(pointer) => Err(self.fault(&format!("{pointer} holds a NUL character"))),
        }
    }

    fn text(&self, name: &str, value: Value) -> Result<Option<String>, String> {
        match value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
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
fn made(written: io::Result<()>) -> Result<(), String> {
    written.map_err(|error| error.to_string())
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
                    {\"number\":\"+12025550102\",\"first_name\":\"Eve\",\"last_name\":\"Fox\",\"columns\":{\"Plan\":\"=gold\"}}";
        let head = "number,name,timezone,state,consent,consent_at,consent_source,message,foreign_id,first_name,last_name,City,Plan\r\n";
        let wanted = format!(
            "{head}+12025550101,\"Ann, \"\"A\"\"\",,,,,,,,,,Bonn,\r\n\
             +12025550102,Eve Fox,,,,,,,,Eve,Fox,,\"'=gold\"\r\n"
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
                "{\"number\":\"1\"}\n{\"name\":\"a\\u0000\"}\n",
                "line 2: /name holds a NUL character",
            ),
            (
                "{\"columns\":{\"a\\u0000\":null}}\n",
                "line 1: a name in `columns`",
            ),
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
