//! Rows as contacts.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Columns, Field, MAX_FIELD, Reason, Reject, Row,
    day::{is_american, moment},
    dialect::DELIMITERS,
    header::is_like_a_number,
    unguard,
};
use crate::{
    campaign::policy::{Consent, ConsentKind, has_a_zone, is_zone},
    phone::{PhoneNumber, Rules},
};

/// A contact as a list has them. Fields are without spaces around them, and without a `'` that guards a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// The line on which the row begins, counted from 1.
    pub line: u64,
    /// The number.
    pub number: PhoneNumber,
    /// The contact's name; first and last together where the list has them apart.
    pub name: Option<String>,
    /// Time zone, one that the gate knows.
    pub zone: Option<String>,
    /// State, whether the gate knows it or not: what it does not know it treats most strictly.
    pub state: Option<String>,
    /// The consent on record; `None` where the list has none or says `no`.
    pub consent: Option<Consent>,
    /// The message for this contact.
    pub message: Option<String>,
    /// The id under which the user's own system knows the contact.
    pub foreign_id: Option<String>,
    /// All other columns that are not empty, by their names.
    pub others: BTreeMap<String, String>,
}

/// How rows are read.
#[derive(Clone, Copy, Debug)]
pub struct ContactRules {
    /// How numbers are read.
    pub phone: Rules,
    /// Whether a text names a message; else why not.
    pub message: fn(&str) -> Result<(), String>,
}

impl Columns {
    /// Reads a row.
    ///
    /// # Errors
    /// [`Reject`] where something in it is not understood.
    pub fn contact(&self, row: Row<'_>, rules: &ContactRules) -> Result<NewRow, Reject> {
        self.read(row, rules).map_err(|reason| Reject {
            line: row.line,
            reason,
        })
    }

    fn read(&self, row: Row<'_>, rules: &ContactRules) -> Result<NewRow, Reason> {
        self.check_shape(row)?;
        let get = |field| self.of(field).and_then(|at| given(row, at));
        let own = |field| get(field).map(Cow::into_owned);

        let number = number(get(Field::Number), rules.phone)?;
        let zone = own(Field::Timezone);
        if let Some(zone) = zone.as_deref().filter(|zone| !is_zone(zone)) {
            return Err(Reason::Timezone(brief(zone)));
        }
        let state = own(Field::State);
        if !has_a_zone(&number, zone.as_deref(), state.as_deref()) {
            return Err(Reason::NoZone);
        }
        let message = own(Field::Message);
        if let Some(found) = &message {
            (rules.message)(found).map_err(|why| Reason::Message {
                found: brief(found),
                why,
            })?;
        }
        Ok(NewRow {
            line: row.line,
            number,
            name: own(Field::Name).or_else(|| both(own(Field::FirstName), own(Field::LastName))),
            zone,
            state,
            consent: self.consent(row, rules)?,
            message,
            foreign_id: own(Field::ForeignId),
            others: self
                .others()
                .iter()
                .filter_map(|at| Some((self.names()[*at].clone(), given(row, *at)?.into_owned())))
                .collect(),
        })
    }

    /// Refuses what is no row of this list.
    pub(super) fn check_shape(&self, row: Row<'_>) -> Result<(), Reason> {
        if row.is_open {
            return Err(Reason::Unclosed);
        }
        let expected = self.names().len();
        if row.has_lines() && row.fields().any(|field| self.holds_rows(field)) {
            return Err(Reason::HoldsRows);
        }
        // A delimiter behind the last column, as some exports have it.
        let is_padded = || {
            row.fields()
                .skip(expected)
                .all(|field| field.trim().is_empty())
        };
        if row.len() < expected || (row.len() > expected && !is_padded()) {
            return Err(Reason::Fields {
                found: row.len(),
                expected,
            });
        }
        if row.is_empty() {
            return Err(Reason::Empty);
        }
        if row.fields().any(|field| field.len() > MAX_FIELD) {
            return Err(Reason::FieldTooLong);
        }
        Ok(())
    }

    /// Whether a field has lines that look like rows: with a number where the number is, among as many fields as there are
    /// columns. The last may have been cut by the quotation mark that ends the field.
    fn holds_rows(&self, field: &str) -> bool {
        let Some(number) = self.of(Field::Number) else {
            return false;
        };
        let expected = self.names().len();
        let mut lines = field.split(['\r', '\n']).skip(1).peekable();
        while let Some(line) = lines.next() {
            let is_last = lines.peek().is_none();
            let is_row = DELIMITERS.map(char::from).into_iter().any(|delimiter| {
                let fields = line.split(delimiter).count();
                let found = line.split(delimiter).nth(number);
                let is_whole = fields == expected || (is_last && (2..expected).contains(&fields));
                is_whole && found.is_some_and(|found| is_like_a_number(found.trim_matches('"')))
            });
            if is_row {
                return true;
            }
        }
        false
    }

    fn consent(&self, row: Row<'_>, rules: &ContactRules) -> Result<Option<Consent>, Reason> {
        let get = |field| self.of(field).and_then(|at| given(row, at));
        let at = get(Field::ConsentAt)
            .map(|text| {
                let american = is_american(rules.phone.default_region);
                moment(&text, american).ok_or_else(|| Reason::Time {
                    field: Field::ConsentAt,
                    found: brief(&text),
                    american,
                })
            })
            .transpose()?;
        let Some(text) = get(Field::Consent) else {
            return Ok(None);
        };
        if NONE.iter().any(|none| none.eq_ignore_ascii_case(&text)) {
            return Ok(None);
        }
        let kind = ConsentKind::parse(&text).ok_or_else(|| Reason::Consent(brief(&text)))?;
        Ok(Some(Consent {
            kind,
            at,
            source: get(Field::ConsentSource).map(Cow::into_owned),
        }))
    }
}

/// Reads a number as a list has it.
pub(super) fn number(text: Option<Cow<'_, str>>, rules: Rules) -> Result<PhoneNumber, Reason> {
    let text = text.unwrap_or_default();
    // How spreadsheets mark a number as text.
    let text = text.strip_prefix('\'').unwrap_or(&text);
    PhoneNumber::parse(text, rules).map_err(|error| {
        if is_shortened(text) {
            Reason::Shortened
        } else {
            Reason::Number(error)
        }
    })
}

/// A field without spaces around it; `None` where nothing is left.
pub(super) fn given<'a>(row: Row<'a>, at: usize) -> Option<Cow<'a, str>> {
    let field = row.get(at)?.trim();
    (!field.is_empty()).then(|| unguard(field))
}

/// `1.20256E+10`, which is no number any more.
fn is_shortened(text: &str) -> bool {
    let Some((digits, power)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let all = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || more.contains(c))
    };
    all(digits, ".,") && all(power, "+")
}

fn both(first: Option<String>, last: Option<String>) -> Option<String> {
    match (first, last) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (first, last) => first.or(last),
    }
}

fn brief(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

/// What says that there is no consent.
const NONE: &[&str] = &["no", "n", "none", "false", "0", "n/a", "-"];
