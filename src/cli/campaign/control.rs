//! `aftertone campaign pause`, `resume` and `cancel`: commands that are left in the database for the controller.

use clap::Args;
use serde_json::json;

use super::{create::find, status::state};
use crate::{
    campaign::engine::InFlight,
    cli::{
        CliError, Exit, database,
        patience::{open_patiently, patiently},
        printer::Printer,
    },
    config::Config,
    store::OperatorCommand,
};

/// Pause a campaign: start no more drops until it is resumed
///
/// A controller that runs the campaign obeys within a second. If none does, the campaign is paused when one is started.
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    which: Selection,
    /// Hang up its drops in flight; otherwise they finish
    #[arg(long)]
    hang_up: bool,
}

/// Resume a campaign that is paused, or has stopped on errors
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    which: Selection,
}

/// End a campaign for good
#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    which: Selection,
    /// Hang up its drops in flight; otherwise they finish
    #[arg(long)]
    hang_up: bool,
}

#[derive(Debug, Args)]
struct Selection {
    /// The campaign's name
    name: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Pauses a campaign.
///
/// # Errors
/// [`CliError`] if the command cannot be stored.
pub(super) async fn pause(
    args: &PauseArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let command = OperatorCommand::Pause(in_flight(args.hang_up));
    say(&args.which, command, config, printer).await
}

/// Resumes a campaign.
///
/// # Errors
/// [`CliError`] if the command cannot be stored.
pub(super) async fn resume(
    args: &ResumeArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    say(&args.which, OperatorCommand::Resume, config, printer).await
}

/// Cancels a campaign.
///
/// # Errors
/// [`CliError`] if the command cannot be stored.
pub(super) async fn cancel(
    args: &CancelArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let command = OperatorCommand::Cancel(in_flight(args.hang_up));
    say(&args.which, command, config, printer).await
}

async fn say(
    which: &Selection,
    command: OperatorCommand,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let store = open_patiently(config, printer).await?;
    let campaign = find(&which.name, &store).await?;
    let order = || store.order(campaign.id, command, database::now());
    let campaign = patiently(printer, order).await?;
    let standing = campaign.status.slug();
    if which.json {
        printer.json(&json!({"campaign": campaign.name, "standing": standing}));
    } else {
        let has_controller = store.has_controller(database::now()).await;
        let state = state(standing, has_controller.map_err(database::trouble)?);
        printer.line(&format!("{}: {state}", campaign.name));
    }
    Ok(Exit::Success)
}

const fn in_flight(hang_up: bool) -> InFlight {
    if hang_up {
        InFlight::HangUp
    } else {
        InFlight::Finish
    }
}
