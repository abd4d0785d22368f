//! What the messages of a campaign need of its list, and of the configuration, before anything of it is dialled.

use std::path::Path;

use anyhow::anyhow;

use super::{
    import::ListOptions,
    read::{ColumnUse, rows},
};
use crate::{
    cli::{CliError, composer, printer::Printer},
    config::Config,
    import::{NeededColumns, templates},
    orders::Spec,
};

/// Refuses a list that lacks a column which the messages of a campaign need.
///
/// # Errors
/// [`CliError`] that names the columns.
pub(super) fn refuse_lacking(
    needed: &NeededColumns,
    list: &Path,
    columns: &ColumnUse,
) -> Result<(), CliError> {
    match needed.lacking(&columns.columns) {
        None => Ok(()),
        Some(words) => Err(CliError::new(anyhow!("{}: {words}", list.display()))
            .hint("name the column with `--map`, or add it to the list")),
    }
}

/// Reads a list to its end and warns of rows for which no message can be made.
///
/// # Errors
/// [`CliError`] if it cannot be read.
pub(super) fn warn_of_empty(
    spec: &Spec,
    list: &Path,
    options: &ListOptions,
    config: &Config,
    printer: Printer,
) -> Result<(), CliError> {
    let mut needed = NeededColumns::of(spec);
    if needed.is_empty() {
        return Ok(());
    }
    let mapping = options.mapping()?;
    let (_, batches) = rows(list, &mapping, options.dates(), config.pbx.rules)?;
    for batch in batches {
        for row in batch?.iter().flat_map(|row| &row.read) {
            needed.count(row);
        }
    }
    for line in needed.lines() {
        printer.warning(&line);
    }
    Ok(())
}

/// Checks that the templates of a campaign can be used: their recordings are there, and something speaks if they have words.
///
/// # Errors
/// [`CliError`] if one cannot.
pub(super) fn check_templates(spec: &Spec, config: &Config) -> Result<(), CliError> {
    let mut templates = templates(spec).peekable();
    if templates.peek().is_none() {
        return Ok(());
    }
    let composer = composer(config)?;
    for template in templates {
        composer.check(&template).map_err(|error| {
            let hint = error.hint();
            CliError::new(error).maybe_hint(hint)
        })?;
    }
    Ok(())
}
