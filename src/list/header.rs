//! Which column is what.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    io::{Read, Seek},
};

use thiserror::Error;

use super::{
    Batch, ListError, ListPosition, ListRow,
    cell::is_like_a_number,
    field::Field,
    reject::OWN_COLUMNS,
    rows::{FirstRows, Rows},
};
use crate::words::plain;

/// A list, open: its dialect and its columns are known.
#[derive(Debug)]
pub struct List<R> {
    rows: Rows<R>,
    columns: Columns,
    start: ListPosition,
    title_rows: u64,
    /// The first row, if it is no header.
    first: Option<Batch>,
    /// The place at which reading ends, while rows before it are given out.
    ends_with: Option<ListError>,
}

impl<R: Read> List<R> {
    /// Opens a list of contacts: finds how it is written, and its columns by their names or as they are mapped.
    ///
    /// Without a header a list is taken if the number's column is named by its position, or is the only one.
    ///
    /// # Errors
    /// [`ListError`] if it cannot be read, is no list, or does not say which column is what.
    pub fn open(input: R, mapping: &Mapping) -> Result<Self, ListError> {
        Self::with(
            input,
            |row| mapping.names_in(row),
            |first, _| Columns::find(first, mapping),
        )
    }

    /// Opens a list whose header is found, by how many names of columns a row has, and its columns in there, by the caller. Rows above the header are skipped: a
    /// title, or when the list was made.
    pub(super) fn with(
        input: R,
        names: impl Fn(ListRow<'_>) -> usize,
        find: impl FnOnce(ListRow<'_>, &FirstRows) -> Result<Columns, ListError>,
    ) -> Result<Self, ListError> {
        let mut rows = Rows::open(input, None)?;
        let mut start = rows.mark();
        let mut first_rows = rows.first_rows();
        let mut first = Batch::default();
        let mut title_rows = 0;
        for _ in 0..first_rows.titles(&names) {
            let mut title = Batch::default();
            rows.read(&mut title)?;
            title_rows += 1;
        }
        rows.read(&mut first)?;
        let columns = find(first.row(0).ok_or(ListError::Empty)?, &first_rows)?;
        if columns.has_header {
            start = rows.mark();
        }
        Ok(Self {
            start,
            title_rows,
            first: (!columns.has_header).then_some(first),
            rows,
            columns,
            ends_with: None,
        })
    }

    /// Which column is what.
    pub const fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The byte between two columns.
    pub const fn delimiter(&self) -> u8 {
        self.rows.delimiter()
    }

    /// The place before the first row, behind the header.
    pub const fn start(&self) -> ListPosition {
        self.start
    }

    /// How many rows above the header were skipped.
    pub const fn title_rows(&self) -> u64 {
        self.title_rows
    }

    /// That rows above the header were skipped, in words; `None` if there are none.
    pub fn title_note(&self) -> Option<String> {
        title_note(self.title_rows)
    }

    /// The next rows, at most so many, and of at most 1 MiB and one row; `None` at the end.
    ///
    /// # Errors
    /// [`ListError`] at the row at which reading ends. The rows before it come first.
    pub fn batch(&mut self, at_most: usize) -> Result<Option<Batch>, ListError> {
        if let Some(error) = self.ends_with.take() {
            return Err(error);
        }
        let mut batch = self.first.take().unwrap_or_default();
        while batch.len() < at_most.max(1) && batch.bytes() < BATCH_BYTES {
            match self.rows.read(&mut batch) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if batch.is_empty() => return Err(error),
                Err(error) => {
                    self.ends_with = Some(error);
                    break;
                }
            }
        }
        Ok((!batch.is_empty()).then_some(batch))
    }
}

impl<R: Read + Seek> List<R> {
    /// Goes to a place between two rows: one that [`Batch::after`] gave, or the start.
    ///
    /// # Errors
    /// [`ListError::Read`] if the input cannot.
    pub fn go_to(&mut self, mark: ListPosition) -> Result<(), ListError> {
        self.first = None;
        self.ends_with = None;
        self.rows.go_to(mark)
    }
}

/// Which columns the user named for what; the others are found by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping(BTreeMap<Field, Option<String>>);

impl Mapping {
    /// Takes in `FIELD=COLUMN`: a column by its name, or by its position counted from 1; `FIELD=` takes the field from
    /// no column. Case, spaces and underscores do not matter.
    ///
    /// # Errors
    /// [`BadMapping`] if it is not of this form, names no field, or one that is mapped already.
    pub fn add(&mut self, text: &str) -> Result<(), BadMapping> {
        let (field, column) = text.split_once('=').ok_or(BadMapping::Shape)?;
        let field = Field::ALL
            .into_iter()
            .find(|known| plain(known.slug()) == plain(field))
            .ok_or_else(|| BadMapping::Field(field.trim().escape_debug().to_string()))?;
        let column = column.trim();
        if column.is_empty() && field == Field::Number {
            return Err(BadMapping::NoNumber);
        }
        let column = (!column.is_empty()).then(|| column.to_owned());
        if self.0.insert(field, column).is_some() {
            return Err(BadMapping::Twice(field));
        }
        Ok(())
    }

    /// How many names of columns a row has, if it is a header beyond doubt: if it names the number, a column that was mapped, or
    /// two fields.
    pub(super) fn names_in(&self, row: ListRow<'_>) -> usize {
        let fields: BTreeSet<Field> = row.fields().filter_map(Field::of).collect();
        let mapped = self.0.values().flatten();
        let mapped = mapped
            .filter(|wanted| wanted.parse::<usize>().is_err() && by_name(row, wanted).is_some())
            .count();
        if fields.contains(&Field::Number) || fields.len() > 1 || mapped > 0 {
            fields.len() + mapped
        } else {
            0
        }
    }
}

/// Why a mapping is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadMapping {
    /// There is no `=`.
    #[error("expected FIELD=COLUMN, such as `number=Telefon` or `number=1`")]
    Shape,
    /// There is no such field.
    #[error("there is no field `{0}`; there are {all}", all = Field::ALL.map(Field::slug).join(", "))]
    Field(String),
    /// The field has a column already.
    #[error("the {0} is mapped twice")]
    Twice(Field),
    /// Every contact has a number.
    #[error("the number has to come from a column")]
    NoNumber,
}

/// What each column of a list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The name of each: the header's, made different from each other, or `column 3`.
    names: Vec<String>,
    fields: BTreeMap<Field, usize>,
    others: Vec<usize>,
    has_header: bool,
}

impl Columns {
    /// The column of a field.
    pub fn of(&self, field: Field) -> Option<usize> {
        self.fields.get(&field).copied()
    }

    /// The names of all columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns that are no field, which are kept by their names.
    pub(super) fn others(&self) -> &[usize] {
        &self.others
    }

    fn find(first: ListRow<'_>, mapping: &Mapping) -> Result<Self, ListError> {
        let named = first
            .fields()
            .any(|name| Field::of(name) == Some(Field::Number))
            || mapping
                .0
                .values()
                .flatten()
                .any(|wanted| by_name(first, wanted).is_some());
        let has_header = named || !first.fields().any(is_like_a_number);
        if has_header {
            Self::of_header(first, mapping)
        } else {
            Self::of_positions(first, mapping)
        }
    }

    /// What the columns are as far as their names say so beyond doubt, the number or not.
    pub(super) fn guessed(first: ListRow<'_>) -> Self {
        let mut found = BTreeMap::<Field, Vec<usize>>::new();
        for (at, name) in first.fields().enumerate() {
            if let Some(field) = Field::of(name) {
                found.entry(field).or_default().push(at);
            }
        }
        let has_header = !found.is_empty() || !first.fields().any(is_like_a_number);
        let fields = found.into_iter();
        let fields = fields.filter_map(|(field, columns)| match columns[..] {
            [only] => Some((field, only)),
            [] | [_, ..] => None,
        });
        Self::new(first, fields.collect(), has_header)
    }

    fn of_header(first: ListRow<'_>, mapping: &Mapping) -> Result<Self, ListError> {
        let mut fields = Self::mapped(first, mapping)?;
        let taken: BTreeSet<usize> = fields.values().copied().collect();
        let mut found = BTreeMap::<Field, Vec<usize>>::new();
        for (at, name) in first.fields().enumerate() {
            let field = Field::of(name).filter(|field| !mapping.0.contains_key(field));
            if let Some(field) = field.filter(|_| !taken.contains(&at)) {
                found.entry(field).or_default().push(at);
            }
        }
        for (field, columns) in found {
            if let [only] = columns[..] {
                fields.insert(field, only);
            } else {
                let exact = |at: &&usize| {
                    first
                        .get(**at)
                        .is_some_and(|name| plain(name) == plain(field.slug()))
                };
                let names = columns.iter().filter_map(|at| first.get(*at));
                match columns.iter().filter(exact).collect::<Vec<_>>()[..] {
                    // `id` beside `foreign_id`: the one that has our own name for it. Of numbers none is guessed.
                    [only] if field != Field::Number => fields.insert(field, *only),
                    [] | [_, ..] => {
                        return Err(ListError::Ambiguous {
                            field,
                            columns: shown(names),
                        });
                    }
                };
            }
        }
        if !fields.contains_key(&Field::Number) {
            return Err(ListError::NoNumber {
                found: shown(first.fields()),
            });
        }
        Ok(Self::new(first, fields, true))
    }

    fn of_positions(first: ListRow<'_>, mapping: &Mapping) -> Result<Self, ListError> {
        let mut fields = Self::mapped(first, mapping)?;
        if let Entry::Vacant(number) = fields.entry(Field::Number) {
            if first.len() > 1 {
                return Err(ListError::NoHeader {
                    columns: first.len(),
                });
            }
            number.insert(0);
        }
        Ok(Self::new(first, fields, false))
    }

    /// The columns that the user named.
    fn mapped(first: ListRow<'_>, mapping: &Mapping) -> Result<BTreeMap<Field, usize>, ListError> {
        let mut fields = BTreeMap::<Field, usize>::new();
        for (field, column) in &mapping.0 {
            let Some(column) = column else { continue };
            let at = by_name(first, column)
                .or_else(|| by_position(first, column))
                .ok_or_else(|| ListError::Unmapped {
                    field: *field,
                    column: brief(column),
                    found: shown(first.fields()),
                })?;
            if let Some((other, _)) = fields.iter().find(|(_, taken)| **taken == at) {
                return Err(ListError::MappedTwice {
                    column: brief(column),
                    first: *other,
                    second: *field,
                });
            }
            fields.insert(*field, at);
        }
        Ok(fields)
    }

    pub(super) fn new(
        first: ListRow<'_>,
        mut fields: BTreeMap<Field, usize>,
        has_header: bool,
    ) -> Self {
        if fields.contains_key(&Field::Name) {
            fields.remove(&Field::FirstName);
            fields.remove(&Field::LastName);
        }
        let taken: BTreeSet<usize> = fields.values().copied().collect();
        let mut names = Vec::with_capacity(first.len());
        let mut known = BTreeSet::new();
        for (at, field) in first.fields().enumerate() {
            let given = if has_header { field.trim() } else { "" };
            let stem = if given.is_empty() {
                format!("column {}", at + 1)
            } else {
                given.to_owned()
            };
            let mut name = stem.clone();
            let mut next = 2_u32;
            while !known.insert(name.clone()) {
                name = format!("{stem} ({next})");
                next += 1;
            }
            names.push(name);
        }
        Self {
            // Why a row was rejected once is no longer so when it comes again, mended.
            others: (0..names.len())
                .filter(|at| !taken.contains(at) && !OWN_COLUMNS.contains(&names[*at].as_str()))
                .collect(),
            names,
            fields,
            has_header,
        }
    }
}

/// Names of columns, for a message.
pub(super) fn shown<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.map(|name| format!("`{}`", brief(name)));
    let mut text = names.by_ref().take(SHOWN).collect::<Vec<_>>().join(", ");
    let more = names.count();
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn brief(name: &str) -> String {
    let name = name.trim();
    let mut text: String = name
        .chars()
        .take(BRIEF)
        .flat_map(char::escape_debug)
        .collect();
    if name.chars().nth(BRIEF).is_some() {
        text.push('…');
    }
    text
}

fn by_name(first: ListRow<'_>, wanted: &str) -> Option<usize> {
    let exactly = first.fields().position(|name| name.trim() == wanted);
    let wanted = plain(wanted);
    exactly.or_else(|| {
        first
            .fields()
            .position(|name| !wanted.is_empty() && plain(name) == wanted)
    })
}

fn by_position(first: ListRow<'_>, wanted: &str) -> Option<usize> {
    let position: usize = wanted.parse().ok()?;
    position.checked_sub(1).filter(|at| *at < first.len())
}

/// A batch ends behind the row that brings it to this many bytes.
pub(super) const BATCH_BYTES: usize = 1024 * 1024;

/// How many columns a message names, and how much of each.
const SHOWN: usize = 20;
const BRIEF: usize = 40;
/// That so many rows above a header were skipped, in words; `None` if there are none.
pub fn title_note(rows: u64) -> Option<String> {
    match rows {
        0 => None,
        1 => Some("1 row above the header was skipped".to_owned()),
        rows => Some(format!("{rows} rows above the header were skipped")),
    }
}
