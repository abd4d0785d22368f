//! Rows as contacts.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Columns, Field, ListRow, MAX_FIELD, Reason, Reject,
    cell::is_like_a_number,
    day::{DateOrder, DayOrder, moment},
    dialect::DELIMITERS,
    unguard,
    zone::zone,
};
use crate::{
    campaign::policy::{Consent, ConsentKind, has_a_zone},
    phone::{PhoneNumber, Rounded, Rules, clean},
};

/// A contact as a list has them. Fields are without spaces around them, and without a `'` that guards a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// The line on which the row begins, counted from 1.
    pub line: u64,
    /// The number.
    pub number: PhoneNumber,
    /// The contact's name; first and last together if the list has them apart.
    pub name: Option<String>,
    /// Time zone: one that the gate knows, or whatever the list has.
    pub zone: Option<String>,
    /// Whether the time zone is not known.
    pub unknown_zone: bool,
    /// State, whether the gate knows it or not: what it does not know it treats most strictly.
    pub state: Option<String>,
    /// The consent on record; `None` if the list has none or says `no`.
    pub consent: Option<Consent>,
    /// The message for this contact.
    pub message: Option<String>,
    /// The id under which the user's own system knows the contact.
    pub foreign_id: Option<String>,
    /// All other columns that are not empty, by their names; first and last name among them if the list has them apart.
    pub others: BTreeMap<String, String>,
}

/// How rows are read.
#[derive(Clone, Copy, Debug)]
pub struct ContactRules {
    /// How numbers are read.
    pub phone: Rules,
    /// Whether the month or the day comes first in dates that do not show it, if the user stated it.
    pub dates: Option<DateOrder>,
    /// Whether a text names a message; else why not.
    pub message: fn(&str) -> Result<(), String>,
}

impl Columns {
    /// Reads a row.
    ///
    /// # Errors
    /// [`Reject`] if something in it is not understood.
    pub fn contact(&self, row: ListRow<'_>, rules: &ContactRules) -> Result<NewRow, Reject> {
        self.read(row, rules).map_err(|reason| Reject {
            line: row.line,
            reason,
        })
    }

    fn read(&self, row: ListRow<'_>, rules: &ContactRules) -> Result<NewRow, Reason> {
        self.check_shape(row)?;
        let get = |field| self.of(field).and_then(|at| given(row, at));
        let own = |field| get(field).map(Cow::into_owned);

        let number = number(get(Field::Number), rules.phone)?;
        // The gate goes by the state and the number of one whose zone is not known, and says so.
        let given_zone = own(Field::Timezone);
        let zone = given_zone.as_deref().map(zone);
        let unknown_zone = matches!(zone, Some(None));
        let zone = zone.flatten().or(given_zone);
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
            unknown_zone,
            state,
            consent: self.consent(row, rules)?,
            message,
            foreign_id: own(Field::ForeignId),
            others: self.own_columns(row),
        })
    }

    /// The columns that are no field, by their names, and the parts of a name that is put together, which messages may say.
    fn own_columns(&self, row: ListRow<'_>) -> BTreeMap<String, String> {
        let parts = [Field::FirstName, Field::LastName].into_iter();
        let parts = parts.filter_map(|field| Some((field.slug().to_owned(), self.of(field)?)));
        let others = self
            .others()
            .iter()
            .map(|at| (self.names()[*at].clone(), *at));
        let all = parts.chain(others);
        all.filter_map(|(name, at)| Some((name, given(row, at)?.into_owned())))
            .collect()
    }

    /// Refuses what is no row of this list.
    pub(super) fn check_shape(&self, row: ListRow<'_>) -> Result<(), Reason> {
        if row.is_open {
            return Err(Reason::Unclosed);
        }
        let expected = self.names().len();
        if row.is_empty() {
            return Err(Reason::Empty);
        }
        if row.has_lines() && row.fields().any(|field| self.holds_rows(field)) {
            return Err(Reason::HoldsRows);
        }
        // A delimiter behind the last column, as some exports have it.
        let is_padded = || {
            row.fields()
                .skip(expected)
                .all(|field| field.trim().is_empty())
        };
        // Exports leave out empty columns at the end of a row; what is missing there is empty.
        let is_short = self.of(Field::Number).is_some_and(|at| row.len() <= at);
        if is_short || (row.len() > expected && !is_padded()) {
            return Err(Reason::Fields {
                found: row.len(),
                expected,
            });
        }
        if row.fields().any(|field| field.len() > MAX_FIELD) {
            return Err(Reason::FieldTooLong);
        }
        Ok(())
    }

    /// Whether a field has lines that look like rows: with a number where the number is, among as many fields as there are
    /// columns. The last may have been cut by the quotation mark that ends the field.
    pub(super) fn holds_rows(&self, field: &str) -> bool {
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

    fn consent(&self, row: ListRow<'_>, rules: &ContactRules) -> Result<Option<Consent>, Reason> {
        let get = |field| self.of(field).and_then(|at| given(row, at));
        let order = DayOrder::of(rules.dates, rules.phone.default_region);
        let at = get(Field::ConsentAt)
            .map(|text| {
                moment(&text, order).map_err(|why| Reason::Time {
                    field: Field::ConsentAt,
                    found: brief(&text),
                    why,
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
    let text = clean(&text).map_err(|Rounded| Reason::Shortened)?;
    PhoneNumber::parse(&text, rules).map_err(Reason::Number)
}

/// A field without spaces around it; `None` if nothing is left.
pub(super) fn given<'a>(row: ListRow<'a>, at: usize) -> Option<Cow<'a, str>> {
    let field = row.get(at)?.trim();
    (!field.is_empty()).then(|| unguard(field))
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
