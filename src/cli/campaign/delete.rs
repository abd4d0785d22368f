//! `aftertone campaign delete`: a campaign that never called anybody, and all that is known by it.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde_json::json;
use tokio::time::sleep;

use super::{
    create::find,
    words::{count, counted},
};
use crate::{
    cli::{CliError, Exit, database, operator::by_user, printer::Printer},
    config::Config,
    store::AuditEntry,
};

/// Delete a campaign that has no drops, with its contacts and imports
///
/// A campaign that has called anybody stays, as the record of these calls: cancel it instead. If the deletion is
/// interrupted, the campaign stays cancelled; run the command again to finish.
#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The campaign's name
    name: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Deletes a campaign.
///
/// # Errors
/// [`CliError`] if it has drops, or is not deleted to its end.
pub(super) async fn run(
    args: &DeleteArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let campaign = find(&args.name, &store).await?;
    let name = &campaign.name;
    let tally = store.tally(campaign.id).await.map_err(database::trouble)?;
    if tally.drops > 0 {
        let drops = counted(tally.drops, "drop");
        let error =
            anyhow!("`{name}` has {drops}, which are kept: only campaigns without any are deleted");
        return Err(CliError::new(error).hint(format!(
            "`aftertone campaign cancel {name}` ends it for good"
        )));
    }
    let now = database::now();
    let entry = AuditEntry {
        before: Some(campaign.spec.clone()),
        ..by_user("campaign.delete", name)
    };
    let begun = store.audited(entry).begin_deletion(campaign.id, now).await;
    begun.map_err(database::trouble)?;
    let has_controller = store.has_controller(now).await;
    if !campaign.status.is_over() && has_controller.map_err(database::trouble)? {
        // It reads there that nothing is dialled any more, before there is nothing to read.
        sleep(OBEYED_WITHIN).await;
    }
    let mut contacts = 0;
    loop {
        match store.delete_some(campaign.id).await {
            Ok(0) => break,
            Ok(some) => contacts += some,
            Err(error) => {
                let error = database::trouble(error);
                printer.hint(&format!(
                    "`{name}` is cancelled; `aftertone campaign delete {name}` finishes the deletion"
                ));
                return Err(error);
            }
        }
        printer.status(&format!("{name}: {} contacts deleted", count(contacts)));
    }
    if args.json {
        printer.json(&json!({"campaign": name, "contacts": contacts}));
    } else {
        let contacts = counted(contacts, "contact");
        printer.line(&format!("{name}: deleted, with {contacts}"));
    }
    Ok(Exit::Success)
}

/// Within which time controllers read what was ordered of a campaign.
const OBEYED_WITHIN: Duration = Duration::from_secs(2);
