//! `aftertone campaign pause`, `resume` and `cancel`: wishes that stand in the database, for whoever runs the campaign.

use clap::Args as ClapArgs;
use serde_json::json;

use super::create::find;
use crate::{
    campaign::engine::InFlight,
    cli::{CliError, Exit, database, printer::Printer},
    config::Config,
    store::OperatorCommand,
};

/// Start nothing more of a campaign until it is resumed
///
/// It holds from the next second on, whoever runs the campaign, and stays where nobody does.
#[derive(Debug, ClapArgs)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    which: Selection,
    /// Hang up its drops in flight; otherwise they finish
    #[arg(long)]
    hang_up: bool,
}

/// Go on with a campaign that is paused, or has stopped on errors
#[derive(Debug, ClapArgs)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    which: Selection,
}

/// End a campaign for good
#[derive(Debug, ClapArgs)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    which: Selection,
    /// Hang up its drops in flight; otherwise they finish
    #[arg(long)]
    hang_up: bool,
}

#[derive(Debug, ClapArgs)]
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
/// [`CliError`] where that is not written.
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
/// [`CliError`] where that is not written.
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
/// [`CliError`] where that is not written.
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
    let store = database::open(config).await?;
    let campaign = find(&which.name, &store).await?;
    let ordered = store.order(campaign.id, command, database::now()).await;
    let campaign = ordered.map_err(database::trouble)?;
    let standing = campaign.status.slug();
    if which.json {
        printer.json(&json!({"campaign": campaign.name, "standing": standing}));
    } else {
        printer.line(&format!(
            "{}: {}",
            campaign.name,
            standing.replace('_', " ")
        ));
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
