//! `aftertone backup`: the database and the prepared messages into one file, while everything goes on.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{CliError, Exit, database, library, printer::Printer, stop::Stop};
use crate::{
    backup::{BackupError, BackupManifest, NewBackup},
    config::{Config, StoreUrl},
    store::Store,
    tasks,
};

/// Back up the database and the prepared messages into one file
///
/// Everything goes on meanwhile: the file holds the database as it was at one moment, every prepared message, and a manifest with
/// the schema, the version of the program, the time and SHA-256 digests. It is for its owner only, and has its name only when it
/// is whole and on the disk; a file that exists is not overwritten. It holds people's numbers. Not in it: the configuration, the key
/// of webhooks' secrets (`webhooks.key_file`), evidence, and lists that are coming in over HTTP at this moment. Of PostgreSQL make a
/// backup with `pg_dump`. The exit status is 0 if the backup was made, and 2 if not.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file, which must not exist
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Makes a backup.
///
/// # Errors
/// [`CliError`] if there is none.
pub(super) async fn run(
    args: &BackupArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let StoreUrl::Sqlite(database) = &config.store.url else {
        return Err(by_its_own_programs(
            "pg_dump --format=custom --file=aftertone.dump \"$DATABASE_URL\"",
        ));
    };
    if !database.exists() {
        let error = anyhow!("there is no database `{}` yet", database.display());
        return Err(
            CliError::new(error).hint("see `store.url` and `state_dir` in the configuration")
        );
    }
    let mut stop = Stop::new().map_err(CliError::new)?;
    let made = tokio::select! {
        made = make(&args.file, database, config) => made?,
        () = stop.requested() => {
            NewBackup::abandon(&args.file);
            printer.talk("interrupted: there is no backup");
            return Ok(Exit::Failure);
        }
    };
    let path = args.file.display();
    if args.json {
        printer.json(&json!({
            "file": path.to_string(),
            "taken_at": made.taken_at,
            "aftertone": made.aftertone,
            "schema": made.schema,
            "messages": made.messages(),
            "bytes": made.bytes(),
        }));
        return Ok(Exit::Success);
    }
    let messages = match made.messages() {
        1 => "1 message".to_owned(),
        more => format!("{more} messages"),
    };
    printer.line(&format!(
        "{path}: the database as it was at {:.0}, schema {}, and {messages}",
        made.taken_at, made.schema
    ));
    printer.hint(
        "it holds people's numbers; keep the configuration, `webhooks.key_file` and evidence as well, which are not in it",
    );
    Ok(Exit::Success)
}

async fn make(path: &Path, database: &Path, config: &Config) -> Result<BackupManifest, CliError> {
    let library = library(config)?.0;
    let backup = NewBackup::begin(path).map_err(backup_trouble)?;
    let taken_at = database::now();
    let schema = Store::copy_database(database, backup.database()).await;
    let about = BackupManifest {
        aftertone_backup: BackupManifest::FORMAT,
        aftertone: env!("CARGO_PKG_VERSION").to_owned(),
        schema: schema.map_err(database::trouble)?,
        taken_at,
        instance: config.instance.clone(),
        files: Vec::new(),
    };
    let kept = tasks::blocking(move || backup.keep(about, &library)).await;
    kept.map_err(backup_trouble)
}

/// PostgreSQL is backed up and restored by its own programs.
pub(super) fn by_its_own_programs(command: &str) -> CliError {
    let error =
        anyhow!("a PostgreSQL database is backed up and restored by PostgreSQL's own programs");
    CliError::new(error).hint(format!(
        "`{command}`; \"Backups\" in the book has all of it, and what to run after a restoration"
    ))
}

/// An error of a backup, with its hint.
pub(super) fn backup_trouble(error: BackupError) -> CliError {
    let hint = error.hint().map(str::to_owned);
    CliError::new(error).maybe_hint(hint)
}
