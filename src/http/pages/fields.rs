//! Fields of forms: what is asked, what was given, and what is wrong with it.

use super::form::PageForm;
use crate::http::problem::{Fault, Problem};

/// A field of a form.
#[derive(Clone, Debug)]
pub(super) struct FormField {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) value: String,
    /// `text`, `date`, `number`, or whatever else an `input` has.
    pub(super) kind: &'static str,
    /// Values to choose from; none: any text.
    pub(super) choices: Vec<Choice>,
    pub(super) is_required: bool,
    pub(super) fault: Option<String>,
}

/// A value to choose.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) is_chosen: bool,
}

impl FormField {
    pub(super) fn new(name: &'static str, label: &'static str, hint: &'static str) -> Self {
        Self {
            name,
            label,
            hint,
            value: String::new(),
            kind: "text",
            choices: Vec::new(),
            is_required: false,
            fault: None,
        }
    }

    pub(super) fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    pub(super) fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn with(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        for choice in &mut self.choices {
            choice.is_chosen = choice.value == self.value;
        }
        self
    }

    /// Of which one is chosen.
    pub(super) fn one_of<V: Into<String>, L: Into<String>>(
        mut self,
        choices: impl IntoIterator<Item = (V, L)>,
    ) -> Self {
        self.choices = choices
            .into_iter()
            .map(|(value, label)| {
                let value = value.into();
                Choice {
                    is_chosen: value == self.value,
                    label: label.into(),
                    value,
                }
            })
            .collect();
        self
    }
}

/// Writes into each field what a form gave for it.
pub(super) fn fill(fields: &mut [FormField], form: &PageForm) {
    for field in fields {
        let given = form.text(field.name).unwrap_or_default();
        *field = field.clone().with(given);
    }
}

/// Writes beside each field what is wrong with it; returns what is wrong beside them.
pub(super) fn tell(fields: &mut [FormField], problem: &Problem) -> Vec<String> {
    let mut others = Vec::new();
    let faults = problem.faults();
    if faults.is_empty() {
        others.push(problem.detail().to_owned());
    }
    for Fault { pointer, detail } in faults {
        let name = pointer.trim_start_matches(['/', '?']);
        let name = name.split('/').next().unwrap_or_default();
        match fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.fault = Some(detail),
            None if name.is_empty() => others.push(detail),
            None => others.push(format!("{name}: {detail}")),
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_beside_its_field() {
        let mut fields = [
            FormField::new("rate", "Rate", ""),
            FormField::new("name", "Name", ""),
        ];
        let problem = Problem::invalid(vec![
            Fault {
                pointer: "/rate".to_owned(),
                detail: "no rate".to_owned(),
            },
            Fault {
                pointer: "/retry/busy".to_owned(),
                detail: "no table".to_owned(),
            },
        ]);
        assert_eq!(tell(&mut fields, &problem), ["retry: no table"]);
        assert_eq!(fields[0].fault.as_deref(), Some("no rate"));
        assert_eq!(fields[1].fault, None);
        let other = Problem::not_found("campaign");
        assert_eq!(tell(&mut fields, &other), ["there is no such campaign"]);
    }
}
