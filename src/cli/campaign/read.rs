//! A list that is read and not imported.

use std::{fs::File, path::Path};

use crate::{
    cli::Trouble,
    list::{ContactRules, List, ListError, Mapping, NewRow, Reject},
    phone::Rules,
    run::import::is_message,
};

/// Reads a list to its end, row by row.
///
/// # Errors
/// [`Trouble`] where it cannot be read.
pub(super) fn rows(
    list: &Path,
    mapping: &Mapping,
    phone: Rules,
) -> Result<impl Iterator<Item = Result<Vec<Result<NewRow, Reject>>, Trouble>>, Trouble> {
    let path = list.to_owned();
    let wrong = move |error: ListError| {
        let hint = error.hint();
        let told = format!("cannot read `{}`", path.display());
        Trouble::new(anyhow::Error::new(error).context(told)).maybe_hint(hint)
    };
    let file = File::open(list).map_err(|error| wrong(ListError::Read(error)))?;
    let mut list = List::open(file, mapping).map_err(&wrong)?;
    let columns = list.columns().clone();
    let rules = ContactRules {
        phone,
        message: is_message,
    };
    Ok(std::iter::from_fn(move || {
        let batch = match list.batch(BATCH) {
            Ok(batch) => batch?,
            Err(error) => return Some(Err(wrong(error))),
        };
        let rows = batch.rows().map(|row| columns.contact(row, &rules));
        Some(Ok(rows.collect()))
    }))
}

/// Looks whether a file is a list at all: its beginning, and its columns.
///
/// # Errors
/// [`Trouble`] where it is none.
pub(super) fn look(list: &Path, mapping: &Mapping, phone: Rules) -> Result<(), Trouble> {
    rows(list, mapping, phone).map(drop)
}

/// Rows at a time.
const BATCH: usize = 1_000;
