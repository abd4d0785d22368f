//! A list that is read and not imported.

use std::{fs::File, path::Path};

use anyhow::anyhow;

use crate::{
    cli::CliError,
    import::is_message,
    list::{ContactRules, DateOrder, Fingerprint, List, ListError, Mapping, NewRow, Reject},
    phone::Rules,
};

/// Reads a list to its end, row by row.
///
/// # Errors
/// [`CliError`] where it cannot be read.
pub(super) fn rows(
    list: &Path,
    mapping: &Mapping,
    dates: Option<DateOrder>,
    phone: Rules,
) -> Result<impl Iterator<Item = Result<Vec<Result<NewRow, Reject>>, CliError>>, CliError> {
    let path = list.to_owned();
    let mut list = List::open(open(list)?, mapping).map_err(|error| unreadable(&path, error))?;
    let columns = list.columns().clone();
    let rules = ContactRules {
        phone,
        dates,
        message: is_message,
    };
    Ok(std::iter::from_fn(move || {
        let batch = match list.batch(BATCH) {
            Ok(batch) => batch?,
            Err(error) => return Some(Err(unreadable(&path, error))),
        };
        let rows = batch.rows().map(|row| columns.contact(row, &rules));
        Some(Ok(rows.collect()))
    }))
}

/// Reads a list to its end, to see that it can be, and that there is somebody in it.
///
/// # Errors
/// [`CliError`] where it cannot, and where it has a header alone.
pub(super) fn survey(list: &Path, mapping: &Mapping) -> Result<(), CliError> {
    let file = open(list)?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        let told = anyhow!(
            "`{}` is no file, and a list is read more than once",
            list.display()
        );
        return Err(CliError::new(told).hint("save it as a file first"));
    }
    let survey = Fingerprint::of(file, mapping).map_err(|error| unreadable(list, error))?;
    if survey.rows == 0 {
        let told = anyhow!("`{}` has a header and no rows", list.display());
        return Err(CliError::new(told).hint("there is nobody in it to be called"));
    }
    Ok(())
}

fn open(list: &Path) -> Result<File, CliError> {
    File::open(list).map_err(|error| unreadable(list, ListError::Read(error)))
}

fn unreadable(list: &Path, error: ListError) -> CliError {
    let hint = error.hint();
    let told = format!("cannot read `{}`", list.display());
    CliError::new(anyhow::Error::new(error).context(told)).maybe_hint(hint)
}

/// Rows at a time.
const BATCH: usize = 1_000;
