//! A list into a campaign, with how far it is.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::words::{count, counted, span};
use crate::{
    cli::{Trouble, printer::Printer, stop::Stop},
    config::Config,
    list::Mapping,
    orders::Duplicates,
    run::import::{Import, ImportError, Imported},
    store::{Across, Campaign, Store},
};

/// How a list is read.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "The list")]
pub(super) struct ListOptions {
    /// The column of a field, by name or position, where its name does not tell: `number=Telefon`, `name=3`; `state=`
    /// takes it from none; may be given more than once
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<String>,
}

impl ListOptions {
    /// The mapping that is given.
    ///
    /// # Errors
    /// [`Trouble`] where it is none.
    pub(super) fn mapping(&self) -> Result<Mapping, Trouble> {
        let mut mapping = Mapping::default();
        for text in &self.map {
            mapping.add(text).map_err(Trouble::new)?;
        }
        Ok(mapping)
    }
}

/// How a list is taken in.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "The list")]
pub(super) struct ImportOptions {
    #[command(flatten)]
    pub(super) list: ListOptions,
    /// Where rows that are left out go, with the reason [default: LIST.rejects.csv beside the list]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Take in a list that has changed since its import was interrupted
    #[arg(long)]
    changed_list: bool,
}

/// Imports a list into a campaign.
///
/// # Errors
/// [`Trouble`] where it cannot be read, or not to its end; what is in stays in.
pub(super) async fn import(
    list: &Path,
    into: &Campaign,
    duplicates: Duplicates,
    options: &ImportOptions,
    store: &Store,
    config: &Config,
    printer: Printer,
) -> Result<Imported, Trouble> {
    let import = Import {
        campaign: into.id,
        list: list.to_owned(),
        mapping: options.list.mapping()?,
        rules: config.pbx.rules,
        across: across(duplicates),
        rejects: options.rejects.clone().unwrap_or_else(|| rejects_of(list)),
        is_change_accepted: options.changed_list,
    };
    let mut stop = Stop::new().map_err(Trouble::new)?;
    let wish = CancellationToken::new();
    let bar = printer.progress(0);
    let running = import.run(store, &wish, |progress| {
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
            () = stop.wish() => wish.cancel(),
        }
    };
    drop(running);
    drop(bar);
    imported.map_err(|error| {
        let hint = match &error {
            ImportError::Changed { .. } => Some(
                "put the earlier list back to go on with it, or take the changed one with `--changed-list`: its new numbers are added, and those that are in stay"
                    .to_owned(),
            ),
            ImportError::SameFile { .. } => Some("name another file with `--rejects`".to_owned()),
            other => other.hint(),
        };
        Trouble::new(error).maybe_hint(hint)
    })
}

/// What came of an import, for people.
pub(super) fn lines(campaign: &str, list: &Path, imported: &Imported) -> Vec<String> {
    let progress = &imported.progress;
    let mut lines = vec![
        if imported.is_complete && imported.rows_before == progress.rows_in_all {
            format!(
                "{campaign}: {} is in already, with {}",
                list.display(),
                counted(progress.added, "contact")
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
            format!(
                "{campaign}: {} added, {} rejected{reasons}",
                counted(progress.added, "contact"),
                count(progress.rejected)
            )
        },
    ];
    if let Some(rejects) = &imported.rejects {
        lines.push(format!(
            "{campaign}: what was left out, and why: {}",
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

/// What came of an import, for programs.
pub(super) fn object(imported: &Imported) -> Value {
    let progress = &imported.progress;
    json!({
        "is_complete": imported.is_complete,
        "rows": progress.rows,
        "rows_before": imported.rows_before,
        "added": progress.added,
        "rejected": progress.rejected,
        "reasons": imported.reasons,
        "rejects": imported.rejects,
    })
}

/// The word of an order as the store has it.
pub(super) const fn across(duplicates: Duplicates) -> Across {
    match duplicates {
        Duplicates::Allow => Across::Allow,
        Duplicates::SkipOpen => Across::SkipOpen,
        Duplicates::SkipAny => Across::SkipAny,
    }
}

/// `leads.rejects.csv` beside `leads.csv`.
fn rejects_of(list: &Path) -> PathBuf {
    list.with_extension("rejects.csv")
}
