//! The members of a JSON object as they are read: every fault is found, not the first alone, and a member that is not known
//! is one.

use std::{fmt::Display, ops::RangeInclusive};

use serde_json::{Map, Value};

use super::{
    given::NO_NUL,
    problem::{Fault, Problem, ProblemKind},
};

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Fields {
    members: Map<String, Value>,
    /// The pointer of the object itself; empty for the whole body.
    pointer: String,
    faults: Vec<Fault>,
}

impl Fields {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Problem`] if it is not JSON, not an object, or has a NUL character in a text or a name, wherever that is in it.
    pub(super) fn of(body: &[u8]) -> Result<Self, Problem> {
        let value = serde_json::from_slice(body);
        let value: Value = value.map_err(|error| {
            Problem::new(
                ProblemKind::Malformed,
                format!("the body is not JSON: {error}"),
            )
        })?;
        let mut faults = Vec::new();
        find_nuls(&value, "", &mut faults);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        match value {
            Value::Object(members) => Ok(Self::of_members(members)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                let words = "the body is not a JSON object";
                Err(Problem::new(ProblemKind::Malformed, words))
            }
        }
    }

    /// Reads an object.
    pub(super) fn of_members(members: Map<String, Value>) -> Self {
        Self {
            members,
            pointer: String::new(),
            faults: Vec::new(),
        }
    }

    /// A text that is read further; `None` if it is not there, or is wrong.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error.to_string());
                None
            }
        }
    }

    /// A text; `None` if it is not there, or is something else.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.members.remove(name)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.fault(name, "expected a text");
                None
            }
        }
    }

    /// Yes or no; `None` if it is not there, or is something else.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.members.remove(name)? {
            Value::Null => None,
            Value::Bool(flag) => Some(flag),
            Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                self.fault(name, "expected `true` or `false`");
                None
            }
        }
    }

    /// A whole number of a range; `None` if it is not there, or is something else.
    pub(super) fn whole(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        match self.members.remove(name)? {
            Value::Null => None,
            Value::Number(number) => {
                let read = number
                    .as_u64()
                    .and_then(|number| u32::try_from(number).ok());
                let read = read.filter(|number| range.contains(number));
                if read.is_none() {
                    self.fault(name, expected(&range));
                }
                read
            }
            Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                self.fault(name, expected(&range));
                None
            }
        }
    }

    /// Whether a member is there and null, so that it says that there is none.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(Value::is_null)
    }

    /// An object that is kept as it is; `None` if it is not there, or is something else.
    pub(super) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.members.remove(name)? {
            Value::Null => None,
            Value::Object(object) => Some(object),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.fault(name, "expected an object");
                None
            }
        }
    }

    /// A list; `None` if it is not there, or is something else.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.members.remove(name)? {
            Value::Null => None,
            Value::Array(list) => Some(list),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                self.fault(name, "expected a list");
                None
            }
        }
    }

    /// Reads an object within this one; what is wrong with it is wrong with this one.
    pub(super) fn within<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let members = self.object(name)?;
        let mut inner = Self {
            members,
            pointer: below(&self.pointer, name),
            faults: Vec::new(),
        };
        let read = read(&mut inner);
        inner.refuse_unknown();
        self.faults.append(&mut inner.faults);
        read
    }

    /// Something is wrong with a member.
    pub(super) fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.fault_at(below(&self.pointer, name), detail);
    }

    /// Something is wrong with an item of a list.
    pub(super) fn item_fault(&mut self, name: &str, at: usize, detail: impl Into<String>) {
        self.fault_at(below(&below(&self.pointer, name), &at.to_string()), detail);
    }

    /// Something is wrong with a member of an object that is kept as it is.
    pub(super) fn inner_fault(&mut self, name: &str, inner: &str, detail: impl Into<String>) {
        self.fault_at(below(&below(&self.pointer, name), inner), detail);
    }

    /// Something is wrong with the object as a whole.
    pub(super) fn fault_of_all(&mut self, detail: impl Into<String>) {
        self.fault_at(self.pointer.clone(), detail);
    }

    fn fault_at(&mut self, pointer: String, detail: impl Into<String>) {
        let detail = detail.into();
        self.faults.push(Fault { pointer, detail });
    }

    /// What has to be there and is not, unless something else is wrong with it already.
    pub(super) fn required<T>(&mut self, name: &str, read: Option<T>, expected: &str) -> Option<T> {
        let pointer = below(&self.pointer, name);
        let is_named = self.faults.iter().any(|fault| fault.pointer == pointer);
        if read.is_none() && !is_named {
            self.fault(name, format!("it is missing; expected {expected}"));
        }
        read
    }

    /// All that is left of the object, and what was wrong with what was taken of it.
    pub(super) fn rest(self) -> (Map<String, Value>, Vec<Fault>) {
        (self.members, self.faults)
    }

    /// What was read, unless anything was wrong with the object.
    ///
    /// # Errors
    /// [`Problem`], with all that was wrong.
    pub(super) fn finish<T>(mut self, read: Option<T>) -> Result<T, Problem> {
        self.refuse_unknown();
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            Some(_) | None => Err(Problem::invalid(self.faults)),
        }
    }

    fn refuse_unknown(&mut self) {
        let unknown: Vec<_> = std::mem::take(&mut self.members).into_iter().collect();
        for (name, _) in unknown {
            self.fault(&name, "there is no such member");
        }
    }
}

/// The pointer of a member of what is at a pointer, after RFC 6901.
pub(super) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Looks for NUL characters: a database refuses them, and what reads a text as one of C ends there.
fn find_nuls(value: &Value, pointer: &str, faults: &mut Vec<Fault>) {
    let found = |pointer: &str, detail: String| Fault {
        pointer: pointer.to_owned(),
        detail,
    };
    match value {
        Value::String(text) if text.contains('\0') => {
            faults.push(found(pointer, NO_NUL.to_owned()));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                find_nuls(item, &below(pointer, &at.to_string()), faults);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                let pointer = below(pointer, name);
                if name.contains('\0') {
                    faults.push(found(&pointer, format!("its name is wrong: {NO_NUL}")));
                }
                find_nuls(value, &pointer, faults);
            }
        }
    }
}

fn expected(range: &RangeInclusive<u32>) -> String {
    format!(
        "expected a whole number from {} to {}",
        range.start(),
        range.end()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_named_with_its_pointer() {
        let body = json!({
            "to": 12, "message": "hello", "consent": {"level": "loud", "by/whom": 1}, "tpyo": true, "wait": "yes"
        });
        let mut fields = Fields::of(body.to_string().as_bytes()).unwrap();
        let to = fields.text("to");
        let to = fields.required("to", to, "a number");
        let message = fields.text("message");
        let wait = fields.flag("wait");
        let kind = fields.text("kind");
        let kind = fields.required("kind", kind, "`marketing` or `informational`");
        let consent = fields.within("consent", |consent| {
            consent.parsed("level", |text| {
                Err::<(), _>(format!("`{text}` is not a level"))
            })
        });
        let read = fields.finish(to.zip(message).zip(kind).zip(wait).zip(consent));
        let body = Value::Object(read.unwrap_err().body());
        let named: Vec<_> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| format!("{} {}", fault["pointer"], fault["detail"]).replace('"', ""))
            .collect();
        assert_eq!(
            named,
            [
                "/consent/by~1whom there is no such member",
                "/consent/level `loud` is not a level",
                "/kind it is missing; expected `marketing` or `informational`",
                "/to expected a text",
                "/tpyo there is no such member",
                "/wait expected `true` or `false`",
            ]
        );
    }

    #[test]
    fn what_is_not_an_object_cannot_be_read() {
        for body in ["", "[", "[]", "null", "\"a\""] {
            let problem = Fields::of(body.as_bytes()).unwrap_err();
            assert_eq!(problem.kind(), ProblemKind::Malformed, "{body}");
        }
    }

    #[test]
    fn a_nul_character_is_found_wherever_it_is() {
        let body = br#"{"a": "x\u0000", "b/c": [{"d~": "\u0000"}, "\\u0000"], "e\u0000": 1}"#;
        let faults = Fields::of(body).unwrap_err().faults();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a", "/b~1c/0/d~0", "/e\0"]);
    }

    #[test]
    fn a_member_that_is_null_is_as_if_it_were_not_there() {
        let mut fields = Fields::of(br#"{"a": null, "b": null}"#).unwrap();
        assert_eq!((fields.text("a"), fields.flag("b")), (None, None));
        assert!(fields.finish(Some(())).is_ok());
    }
}
