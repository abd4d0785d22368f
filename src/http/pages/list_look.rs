//! A list that is here and of which nothing is taken in: its first rows, what each column is taken for, and what the
//! gate says.

use axum::extract::{Path, State};
use serde_json::Value;

use super::{
    fields::Choice,
    form::PageForm,
    import_rows::{ImportRow, import_row},
    shell::Moment,
    values::{items, joined, moment, number, text, told},
};
use crate::{
    http::{
        Api,
        given::Parameters,
        problem::Problem,
        routes::imports::{self, preview},
    },
    list::Field,
    orders::figures::count,
};

/// A list that was read only.
pub(super) struct ListLook {
    pub(super) row: ImportRow,
    pub(super) is_moving: bool,
    /// Why its rows cannot be shown, or cannot be taken in like this.
    pub(super) fault: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) columns: Vec<LookColumn>,
    pub(super) dates: Vec<Choice>,
    pub(super) rows: Vec<LookRow>,
    /// When the gate was asked about all of its rows, and what it said.
    pub(super) asked_at: Option<Moment>,
    pub(super) said: Vec<SaidRow>,
    /// How many rows would be contacts.
    pub(super) good: String,
    pub(super) is_good: bool,
}

/// A column, with what it may be taken for.
pub(super) struct LookColumn {
    pub(super) name: String,
    /// The first cells that are not empty.
    pub(super) cells: String,
    pub(super) choices: Vec<Choice>,
}

/// One of the first rows.
pub(super) struct LookRow {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
    pub(super) number: String,
    pub(super) zones: String,
    pub(super) consent: String,
    pub(super) decision: String,
    pub(super) words: String,
    pub(super) until: Option<Moment>,
}

/// What the gate said to so many rows.
pub(super) struct SaidRow {
    pub(super) decision: String,
    pub(super) reason: String,
    pub(super) rule: String,
    pub(super) rows: String,
    pub(super) until: Option<Moment>,
    pub(super) until_last: Option<Moment>,
}

impl ListLook {
    /// Reads what there is of a list of a campaign.
    ///
    /// # Errors
    /// [`Problem`] if there is none of this id.
    pub(super) async fn read(api: &Api, campaign: &str, id: &str) -> Result<Self, Problem> {
        let (state, path) = (State(api.clone()), Path(id.to_owned()));
        let import = told(imports::show(state, path, Parameters::none()).await?).await?;
        if text(&import, "/campaign") != campaign {
            return Err(Problem::not_found("import of this campaign"));
        }
        let (state, path) = (State(api.clone()), Path(id.to_owned()));
        let shown = preview::show(state, path, Parameters::none()).await;
        Ok(match shown {
            Ok(shown) => Self::of(&import, &told(shown).await?),
            Err(problem) => Self {
                fault: Some(problem.detail().to_owned()),
                ..Self::of(&import, &Value::Null)
            },
        })
    }

    fn of(import: &Value, preview: &Value) -> Self {
        let rows = items(preview, "/rows");
        let columns = items(preview, "/columns").iter().enumerate();
        let date_order = text(import, "/reading/date_order");
        let (said, allowed) = (items(import, "/gate/decisions"), number(import, "/added"));
        Self {
            row: import_row(import),
            is_moving: ["receiving", "checking", "importing"]
                .contains(&text(import, "/state").as_str()),
            fault: preview
                .pointer("/fault")
                .and_then(Value::as_str)
                .map(str::to_owned),
            notes: items(preview, "/notes")
                .iter()
                .map(|note| text(note, ""))
                .collect(),
            columns: columns
                .map(|(at, of)| LookColumn::of(of, at, rows))
                .collect(),
            dates: DATES
                .into_iter()
                .map(|(value, label)| choice(value, label, &date_order))
                .collect(),
            rows: rows.iter().map(LookRow::of).collect(),
            asked_at: moment(import, "/gate/at"),
            said: said.iter().map(SaidRow::of).collect(),
            good: count(allowed),
            is_good: allowed > 0,
        }
    }
}

impl LookColumn {
    fn of(of: &Value, at: usize, rows: &[Value]) -> Self {
        let taken = match text(of, "/field") {
            field if field.is_empty() => KEPT.to_owned(),
            field => field,
        };
        let cells = rows.iter().map(|row| text(row, &format!("/cells/{at}")));
        let cells: Vec<_> = cells
            .filter(|cell| !cell.trim().is_empty())
            .take(CELLS)
            .collect();
        let fields = Field::ALL.into_iter().map(Field::slug);
        let fields = fields.map(|slug| choice(slug, &slug.replace('_', " "), &taken));
        let kept = if text(of, "/taken") == "left_out" {
            "nothing"
        } else {
            "a variable"
        };
        Self {
            name: text(of, "/name"),
            cells: cells.join(", "),
            choices: std::iter::once(choice(KEPT, kept, &taken))
                .chain(fields)
                .collect(),
        }
    }
}

impl LookRow {
    fn of(of: &Value) -> Self {
        let consent = [
            text(of, "/contact/consent"),
            day(&text(of, "/contact/consent_at")),
        ];
        let consent: Vec<_> = consent
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        Self {
            line: number(of, "/line"),
            cells: items(of, "/cells")
                .iter()
                .map(|cell| text(cell, ""))
                .collect(),
            number: text(of, "/contact/number"),
            zones: joined(of, "/contact/zones"),
            consent: consent.join(", "),
            decision: text(of, "/decision"),
            words: match text(of, "/decision").as_str() {
                "allowed" => String::new(),
                "rejected" => text(of, "/words"),
                _ => text(of, "/reason").replace('_', " "),
            },
            until: moment(of, "/until"),
        }
    }
}

impl SaidRow {
    fn of(of: &Value) -> Self {
        let (first, last) = (moment(of, "/until"), moment(of, "/until_last"));
        Self {
            decision: text(of, "/decision"),
            reason: text(of, "/reason").replace('_', " "),
            rule: text(of, "/rule").replace('_', " "),
            rows: count(number(of, "/rows")),
            until: first,
            until_last: last.filter(|last| Some(*last) != first),
        }
    }
}

fn day(moment: &str) -> String {
    moment.chars().take(10).collect()
}

fn choice(value: &str, label: &str, chosen: &str) -> Choice {
    Choice {
        is_chosen: value == chosen,
        value: value.to_owned(),
        label: label.to_owned(),
    }
}

impl ListLook {
    /// The mapping by which each column is what was chosen; `None` if that is what it is taken for by itself.
    ///
    /// # Errors
    /// [`Problem`] if two columns were chosen for one thing, or none for the number.
    pub(super) fn mapping(&self, chosen: &[&str]) -> Result<Option<Vec<String>>, Problem> {
        let is_of_it = |column: &LookColumn, value: &str| {
            let mut choices = column.choices.iter();
            choices.any(|choice| choice.value == value && choice.is_chosen)
        };
        let mut pairs = self.columns.iter().zip(chosen);
        let is_same = pairs.all(|(column, value)| is_of_it(column, value));
        if self.columns.len() != chosen.len() || is_same {
            return Ok(None);
        }
        let mut map = Vec::new();
        for field in Field::ALL {
            let slug = field.slug();
            let columns: Vec<_> = (0..chosen.len()).filter(|at| chosen[*at] == slug).collect();
            match columns[..] {
                [] if field == Field::Number => {
                    let words = "choose which column is the number";
                    return Err(Problem::fault("/column", words));
                }
                [] => map.push(format!("{slug}=")),
                [at] => map.push(format!("{slug}={}", self.place_of(at))),
                [_, _, ..] => {
                    let words = format!("choose one column for the {}", slug.replace('_', " "));
                    return Err(Problem::fault("/column", words));
                }
            }
        }
        Ok(Some(map))
    }

    /// How a mapping names a column: by its position, unless another column has that as its name.
    fn place_of(&self, at: usize) -> String {
        let position = (at + 1).to_string();
        let mut names = self.columns.iter().map(|column| column.name.trim());
        if names.any(|name| name == position) {
            self.columns[at].name.trim().to_owned()
        } else {
            position
        }
    }

    /// The same with what a form has chosen.
    pub(super) fn with_given(mut self, form: &PageForm) -> Self {
        let chosen = form.texts("column");
        for (column, value) in self.columns.iter_mut().zip(chosen) {
            for choice in &mut column.choices {
                choice.is_chosen = choice.value == value;
            }
        }
        let order = form.text("date_order").unwrap_or_default();
        for choice in &mut self.dates {
            choice.is_chosen = choice.value == order;
        }
        self
    }
}

/// What a column is chosen for that is no field.
const KEPT: &str = "kept";

/// Cells that are shown beside a column.
const CELLS: usize = 3;

const DATES: [(&str, &str); 3] = [
    ("", "as is seen from the list"),
    ("mdy", "month first"),
    ("dmy", "day first"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(columns: &[(&str, Option<&str>)]) -> ListLook {
        let columns: Vec<_> = columns
            .iter()
            .map(|(name, field)| json!({"name": name, "field": field, "taken": "field"}))
            .collect();
        let rows = json!([{"line": 2, "cells": ["+1202•••0101", " ", "x"]}]);
        ListLook::of(
            &json!({"added": 1}),
            &json!({"columns": columns, "rows": rows}),
        )
    }

    #[test]
    fn what_was_chosen_is_a_mapping_unless_it_is_what_the_list_says() {
        let seen = look(&[
            ("phone", Some("number")),
            ("id", Some("foreign_id")),
            ("Plan", None),
        ]);
        assert_eq!(seen.columns[0].cells, "+1202•••0101");
        assert_eq!(seen.columns[1].cells, "");
        assert_eq!(
            seen.mapping(&["number", "foreign_id", "kept"]).unwrap(),
            None
        );
        let other = seen
            .mapping(&["number", "kept", "foreign_id"])
            .unwrap()
            .unwrap();
        assert!(other.contains(&"number=1".to_owned()), "{other:?}");
        assert!(other.contains(&"foreign_id=3".to_owned()), "{other:?}");
        assert!(other.contains(&"name=".to_owned()), "{other:?}");
        let none = seen.mapping(&["kept", "foreign_id", "kept"]).unwrap_err();
        assert!(none.faults()[0].detail.contains("number"));
        let two = seen.mapping(&["number", "name", "name"]).unwrap_err();
        assert!(two.faults()[0].detail.contains("name"));
    }

    #[test]
    fn a_column_that_is_named_as_a_position_is_not_taken_for_it() {
        let seen = look(&[("2", Some("number")), ("b", None)]);
        let map = seen.mapping(&["kept", "number"]).unwrap().unwrap();
        assert!(map.contains(&"number=b".to_owned()), "{map:?}");
    }
}
