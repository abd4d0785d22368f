//! Imports a list into a campaign, and shows the progress.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    read::{self, ColumnUse},
    words::{count, counted, span},
};
use crate::{
    cli::{CliError, printer::Printer, stop::Stop},
    config::Config,
    import::{Import, ImportError, Imported, check_rejects},
    list::{DateOrder, Mapping},
    orders::Duplicates,
    store::{Campaign, Store},
};

/// How a list is read.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The list")]
pub(super) struct ListOptions {
    /// The column of a field, by name or position, if it is not found by its name: `number=Telefon`, `name=3`; `state=`
    /// takes the field from no column; may be given more than once
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    /// Whether the month (`mdy`) or the day (`dmy`) comes first in dates such as `03/01/2026` [default: the month if
    /// `pbx.default_region` is `US`; otherwise such rows are rejected]
    #[arg(long, value_name = "ORDER", value_parser = date_order)]
    date_order: Option<DateOrder>,
}

impl ListOptions {
    /// The order of dates, if it is stated.
    pub(super) const fn dates(&self) -> Option<DateOrder> {
        self.date_order
    }

    /// The mapping that is given.
    ///
    /// # Errors
    /// [`CliError`] if it is not valid.
    pub(super) fn mapping(&self) -> Result<Mapping, CliError> {
        let mut mapping = Mapping::default();
        for text in &self.map {
            mapping.add(text).map_err(CliError::new)?;
        }
        Ok(mapping)
    }
}

fn date_order(text: &str) -> Result<DateOrder, String> {
    DateOrder::parse(text).ok_or_else(|| "expected `mdy` or `dmy`".to_owned())
}

/// How a list is imported.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The list")]
pub(super) struct ImportOptions {
    #[command(flatten)]
    pub(super) list: ListOptions,
    /// The file for rejected rows, each with the reason [default: LIST.rejects.csv beside the list]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Import a list even if it has changed since its import was interrupted
    #[arg(long)]
    changed_list: bool,
}

impl ImportOptions {
    /// The file for rejected rows: `leads.rejects.csv` beside `leads.csv`, unless one is given.
    fn rejects(&self, list: &Path) -> PathBuf {
        let given = self.rejects.clone();
        given.unwrap_or_else(|| list.with_extension("rejects.csv"))
    }
}

/// Imports a list into a campaign.
///
/// # Errors
/// [`CliError`] if it cannot be read to its end; contacts that are imported by then stay imported.
pub(super) async fn import(
    list: &Path,
    into: &Campaign,
    duplicates: Duplicates,
    options: &ImportOptions,
    store: &Store,
    config: &Config,
    printer: Printer,
) -> Result<Imported, CliError> {
    let import = Import {
        campaign: into.id,
        list: list.to_owned(),
        mapping: options.list.mapping()?,
        rules: config.pbx.rules,
        dates: options.list.dates(),
        across: duplicates.across(),
        name: None,
        rejects: options.rejects(list),
        is_change_accepted: options.changed_list,
        is_beside_others: false,
    };
    let mut stop = Stop::new().map_err(CliError::new)?;
    let control = CancellationToken::new();
    let bar = printer.progress(0);
    let running = import.run(store, &control, |progress| {
        let left = progress
            .left
            .map_or_else(String::new, |left| format!(", {} left", span(left)));
        let words = format!(
            "{} rows, {} rejected{left}",
            count(progress.rows),
            count(progress.rejected)
        );
        bar.at(progress.bytes, progress.size, words);
    });
    let mut running = Box::pin(running);
    let imported = loop {
        tokio::select! {
            imported = &mut running => break imported,
            () = stop.requested() => control.cancel(),
        }
    };
    drop(running);
    drop(bar);
    imported.map_err(|error| {
        let hint = match &error {
            ImportError::Changed { .. } => Some(
                "put the earlier list back to resume its import, or import the changed one with `--changed-list`: its new numbers are added, and contacts that were never called are updated"
                    .to_owned(),
            ),
            ImportError::SameFile { .. } | ImportError::Rejects { .. } => {
                Some(OTHER_REJECTS.to_owned())
            }
            ImportError::List { .. } | ImportError::Changing { .. } | ImportError::Store(_) => {
                error.hint()
            }
        };
        CliError::new(error).maybe_hint(hint)
    })
}

/// Checks that a file is a list that can be imported, and that its rejects can be written.
///
/// # Errors
/// [`CliError`] if not.
pub(super) fn look(list: &Path, options: &ImportOptions) -> Result<ColumnUse, CliError> {
    let columns = read::survey(list, &options.list.mapping()?)?;
    check_rejects(list, &options.rejects(list))
        .map_err(|error| CliError::new(error).hint(OTHER_REJECTS))?;
    Ok(columns)
}

/// The result of an import, for people.
pub(super) fn lines(campaign: &str, list: &Path, imported: &Imported) -> Vec<String> {
    let progress = &imported.progress;
    let mut lines = vec![
        if imported.is_complete && imported.rows_before == progress.rows_in_all {
            format!(
                "{campaign}: {} is already imported, with {}",
                list.display(),
                counted(
                    progress.added + progress.updated + progress.unchanged,
                    "contact"
                )
            )
        } else {
            let reasons: Vec<_> = imported
                .reasons
                .iter()
                .map(|(slug, n)| format!("{slug} {}", count(*n)))
                .collect();
            let reasons = if reasons.is_empty() {
                String::new()
            } else {
                format!(" ({})", reasons.join(", "))
            };
            let known = [
                (progress.updated, "updated"),
                (progress.unchanged, "unchanged"),
            ];
            let known: String = match known {
                [(0, _), (0, _)] => String::new(),
                known => known
                    .iter()
                    .map(|(n, what)| format!(" {} {what},", count(*n)))
                    .collect(),
            };
            format!(
                "{campaign}: {} added,{known} {} rejected{reasons}",
                counted(progress.added, "contact"),
                count(progress.rejected)
            )
        },
    ];
    let notes = imported.notes.iter();
    lines.extend(notes.map(|note| format!("{campaign}: {note}")));
    if let Some(rejects) = &imported.rejects {
        lines.push(format!(
            "{campaign}: rejected rows are not imported; they are in {}, each with its reason",
            rejects.display()
        ));
    }
    if !imported.is_complete {
        lines.push(format!(
            "{campaign}: interrupted at row {} of {}",
            count(progress.rows),
            count(progress.rows_in_all)
        ));
    }
    lines
}

/// The result of an import, for programs.
pub(super) fn object(imported: &Imported, columns: &ColumnUse) -> Value {
    let progress = &imported.progress;
    json!({
        "columns": columns.object(),
        "unused_columns": columns.unused,
        "is_complete": imported.is_complete,
        "rows": progress.rows,
        "rows_before": imported.rows_before,
        "added": progress.added,
        "updated": progress.updated,
        "unchanged": progress.unchanged,
        "rejected": progress.rejected,
        "reasons": imported.reasons,
        "notes": imported.notes,
        "rejects": imported.rejects,
    })
}

/// What to do about an interrupted import.
pub(super) fn unfinished_words(campaign: &str, list: &str) -> String {
    format!(
        "the import of `{list}` into `{campaign}` was interrupted; `aftertone campaign add {campaign} {list}` resumes it"
    )
}

const OTHER_REJECTS: &str = "name another file with `--rejects`";
