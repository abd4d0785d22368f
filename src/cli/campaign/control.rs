//! `aftertone campaign pause`, `resume` and `cancel`: commands that are left in the database for the controller.

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::{create::find, status::state, words::counted};
use crate::{
    campaign::engine::InFlight,
    cli::{
        CliError, Exit, database,
        operator::by_user,
        patience::{open_patiently, patiently},
        printer::Printer,
    },
    config::Config,
    controller::gone,
    store::{AuditEntry, Campaign, Gone, OperatorCommand, Status, Store},
};

/// Pause a campaign: start no more drops until it is resumed
///
/// A controller that runs the campaign obeys within a second. If none does, the campaign is paused when one is started. A
/// draft is not paused: nothing of it is dialled before it is started.
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    which: Selection,
    /// Hang up its drops in flight; otherwise they finish
    #[arg(long)]
    hang_up: bool,
}

/// Start a draft, or resume a campaign that is paused, has stopped on errors, or is over by its dates
///
/// A controller that runs, such as `aftertone serve`, dials it from then on. If none does, `aftertone campaign run` runs it.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    which: Selection,
}

/// End a campaign for good
///
/// It is `cancelled` once nothing of it is in flight, and `cancelling` until then: what is in flight is settled by the
/// controllers that dialled it, or, if one is gone, by the next on the same PBX, or `store.lost_after` later by any.
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
    let (store, campaign) = order(&args.which, command, config, printer).await?;
    let now = database::now();
    // What is overdue is settled here, where no controller may be.
    let after = config.store.lost_after;
    let by = now.checked_sub(after).unwrap_or(Timestamp::MIN);
    let words = |pbx: &str| gone::words(pbx, after);
    let given_up = gone::give_up(&store, Gone::By(by), words, now).await;
    given_up.map_err(database::trouble)?;
    let campaign = find(&campaign.name, &store).await?;
    let in_flight = store.in_flight_of(campaign.id, now).await;
    let in_flight = in_flight.map_err(database::trouble)?;
    let standing = campaign.status.slug();
    if args.which.json {
        let total = in_flight.total();
        printer.json(&json!({"campaign": campaign.name, "standing": standing, "in_flight": total}));
        return Ok(Exit::Success);
    }
    if campaign.status != Status::Cancelling {
        printer.line(&format!("{}: {}", campaign.name, standing));
        return Ok(Exit::Success);
    }
    printer.line(&format!(
        "{}: {standing}, {} in flight",
        campaign.name,
        counted(in_flight.total(), "drop")
    ));
    for (pbx, drops) in &in_flight.gone {
        let after = jiff::SignedDuration::try_from(after).unwrap_or(jiff::SignedDuration::MAX);
        printer.hint(&format!(
            "{} of the PBX `{pbx}` await a controller there, since theirs is gone; any controller settles them as lost {after:#} \
             after that, and `aftertone fleet forget {pbx}` at once",
            counted(*drops, "drop")
        ));
    }
    Ok(Exit::Success)
}

async fn say(
    which: &Selection,
    command: OperatorCommand,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let (store, campaign) = order(which, command, config, printer).await?;
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

/// Leaves a command for the controllers.
async fn order(
    which: &Selection,
    command: OperatorCommand,
    config: &Config,
    printer: Printer,
) -> Result<(Store, Campaign), CliError> {
    let store = open_patiently(config, printer).await?;
    let campaign = find(&which.name, &store).await?;
    let wanted = match command {
        OperatorCommand::Pause(_) => "paused",
        OperatorCommand::Resume => "running",
        OperatorCommand::Cancel(_) => "cancelled",
    };
    let audited = store.audited(AuditEntry {
        before: Some(json!({"standing": campaign.status.slug()}).to_string()),
        after: Some(json!({"standing": wanted}).to_string()),
        ..by_user("campaign.standing", &campaign.name)
    });
    let order = || audited.order(campaign.id, command, database::now());
    let campaign = patiently(printer, order).await?;
    Ok((store, campaign))
}

const fn in_flight(hang_up: bool) -> InFlight {
    if hang_up {
        InFlight::HangUp
    } else {
        InFlight::Finish
    }
}
