//! A list that is read and not imported.

use std::{fs::File, path::Path};

use anyhow::anyhow;
use serde_json::Value;

use crate::{
    cli::CliError,
    import::is_message,
    list::{
        Columns, ContactRules, DateOrder, Field, Fingerprint, List, ListError, Mapping, NewRow,
        Reject,
    },
    phone::Rules,
};

/// A row of a list, read as a contact.
pub(super) struct ListRow {
    /// The row that a spreadsheet shows it in; it is not the line if fields before it hold line breaks.
    pub(super) row: u64,
    /// The contact, or why it cannot be one.
    pub(super) read: Result<NewRow, Reject>,
}

/// What the columns of a list are taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnUse {
    /// The columns themselves.
    pub(super) columns: Columns,
    /// The fields that are found, each with the name of its column.
    pub(super) taken: Vec<(&'static str, String)>,
    /// The names of the columns that no field is taken from.
    pub(super) unused: Vec<String>,
    /// What was left out above the header, in words.
    pub(super) skipped: Option<String>,
}

impl ColumnUse {
    fn of(list: &List<File>) -> Self {
        let columns = list.columns();
        let names = columns.names();
        let found = Field::ALL
            .into_iter()
            .filter_map(|field| Some((field, columns.of(field)?)));
        let found: Vec<_> = found.collect();
        let is_taken = |at: usize| found.iter().any(|(_, taken)| *taken == at);
        let unused = names.iter().enumerate();
        let unused = unused.filter(|(at, name)| !is_taken(*at) && !name.starts_with("rejected_"));
        Self {
            columns: columns.clone(),
            unused: unused.map(|(_, name)| name.clone()).collect(),
            taken: found
                .into_iter()
                .filter_map(|(field, at)| Some((field.slug(), names.get(at)?.clone())))
                .collect(),
            skipped: list.title_note(),
        }
    }

    /// The same for people, in one line.
    pub(super) fn line(&self) -> String {
        let taken = self.taken.iter();
        let taken = taken.map(|(field, name)| format!("{field} from `{}`", name.escape_debug()));
        let taken = taken.collect::<Vec<_>>().join(", ");
        let unused = self.unused.iter();
        let unused: Vec<_> = unused
            .map(|name| format!("`{}`", name.escape_debug()))
            .collect();
        if unused.is_empty() {
            format!("columns: {taken}; all are used")
        } else {
            format!("columns: {taken}; not used: {}", unused.join(", "))
        }
    }

    /// The same for programs: fields with their columns.
    pub(super) fn object(&self) -> Value {
        let taken = self.taken.iter();
        taken
            .map(|(field, name)| ((*field).to_owned(), Value::from(name.as_str())))
            .collect()
    }
}

/// Reads a list to its end, row by row; and what its columns are taken for.
///
/// # Errors
/// [`CliError`] if it cannot be read.
pub(super) fn rows(
    list: &Path,
    mapping: &Mapping,
    dates: Option<DateOrder>,
    phone: Rules,
) -> Result<
    (
        ColumnUse,
        impl Iterator<Item = Result<Vec<ListRow>, CliError>>,
    ),
    CliError,
> {
    let path = list.to_owned();
    let mut list = List::open(open(list)?, mapping).map_err(|error| unreadable(&path, error))?;
    let columns = list.columns().clone();
    let rules = ContactRules {
        phone,
        dates,
        message: is_message,
    };
    let column_use = ColumnUse::of(&list);
    let batches = std::iter::from_fn(move || {
        let batch = match list.batch(BATCH) {
            Ok(batch) => batch?,
            Err(error) => return Some(Err(unreadable(&path, error))),
        };
        let rows = batch.rows().map(|row| ListRow {
            row: row.row,
            read: columns.contact(row, &rules),
        });
        Some(Ok(rows.collect()))
    });
    Ok((column_use, batches))
}

/// Reads a list to its end, to see that it can be read and has rows; returns what its columns are taken for.
///
/// # Errors
/// [`CliError`] if it cannot be read, or has only a header.
pub(super) fn survey(list: &Path, mapping: &Mapping) -> Result<ColumnUse, CliError> {
    let file = open(list)?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        let error = anyhow!(
            "`{}` is not a regular file, and a list is read more than once",
            list.display()
        );
        return Err(CliError::new(error).hint("save it as a file first"));
    }
    let survey = Fingerprint::of(file, mapping).map_err(|error| unreadable(list, error))?;
    if survey.rows == 0 {
        let error = anyhow!("`{}` has a header and no rows", list.display());
        return Err(CliError::new(error).hint("add a row for each contact"));
    }
    let opened = List::open(open(list)?, mapping).map_err(|error| unreadable(list, error))?;
    Ok(ColumnUse::of(&opened))
}

/// The byte between two columns of a list; `None` if it cannot be read.
pub(super) fn delimiter(list: &Path) -> Option<u8> {
    let mapping = Mapping::default();
    Some(
        List::open(File::open(list).ok()?, &mapping)
            .ok()?
            .delimiter(),
    )
}

fn open(list: &Path) -> Result<File, CliError> {
    File::open(list).map_err(|error| unreadable(list, ListError::Read(error)))
}

fn unreadable(list: &Path, error: ListError) -> CliError {
    let hint = error.hint();
    let reading = format!("cannot read `{}`", list.display());
    CliError::new(anyhow::Error::new(error).context(reading)).maybe_hint(hint)
}

/// Rows at a time.
const BATCH: usize = 1_000;
