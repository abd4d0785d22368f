//! `aftertone audit`: whether the log of who changed what is as it was written.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{CliError, Exit, database, printer::Printer};
use crate::{config::Config, store::AuditState};

/// Look after the audit log: who changed what, by the API, on the pages and on the command line
///
/// A row is written in the transaction of the change, and has the digest of the row before it in its own. `GET /audit` of the API reads
/// them.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Verify(VerifyArgs),
}

/// Compare the digests of all rows: the exit status is 0 if none was changed, added or taken away, 1 if one was
///
/// Whoever can write the database can write all digests anew: keep the last one elsewhere, or a copy, to know of that as well.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be started.
pub(super) async fn run(
    args: &AuditArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let AuditCommand::Verify(args) = &args.command;
    let store = database::open_to_read(config).await?;
    let state = store.verify_audit().await.map_err(database::trouble)?;
    match state {
        AuditState::Whole(rows) => {
            if args.json {
                printer.json(&json!({"whole": true, "rows": rows, "broken_at": null}));
            } else {
                printer.line(&match rows {
                    1 => "1 row, as it was written".to_owned(),
                    rows => format!("{rows} rows, as they were written"),
                });
            }
            Ok(Exit::Success)
        }
        AuditState::Broken(row) => {
            if args.json {
                printer.json(&json!({"whole": false, "rows": null, "broken_at": row}));
            } else {
                let words = anyhow!(
                    "row {row} of the audit log is not as it was written, or the row before it is missing"
                );
                CliError::new(words)
                    .hint("compare it with a copy of the database: rows before it are whole")
                    .print(printer);
            }
            Ok(Exit::Failure)
        }
    }
}
