//! `aftertone fleet`: the PBXes, trunks and controllers of this database.

mod list;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{CliError, Exit, database, operator::by_user, printer::Printer};
use crate::{
    config::Config,
    controller::gone,
    orders::fleet_view,
    store::{AuditEntry, Gone, Store},
};

/// List the PBXes, trunks and controllers that share the database, or give a PBX up
///
/// Each instance dials through one PBX; several PBXes may share a trunk. Limits and budgets hold over all controllers of a
/// trunk.
#[derive(Debug, Args)]
pub(super) struct FleetArgs {
    #[command(subcommand)]
    command: FleetCommand,
}

#[derive(Debug, Subcommand)]
enum FleetCommand {
    List(ListArgs),
    Forget(ForgetArgs),
}

/// List PBXes, trunks and controllers
///
/// Controllers that are gone are listed as long as drops or contacts that they left are not settled.
#[derive(Debug, Args)]
struct ListArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Give up a PBX that never comes back
///
/// Settles its drops in flight as `lost` at once, gives the contacts back that were leased to its controllers, and removes
/// it from the list. If the PBX is still up somewhere, calls of these drops may be, too, until its own time limits end
/// them. Refused while a controller of it is alive.
#[derive(Debug, Args)]
struct ForgetArgs {
    /// The PBX, by its instance's name
    name: String,
    /// Why, for the record of each drop
    #[arg(long, value_name = "REASON")]
    because: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be started.
pub(super) async fn run(
    args: &FleetArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    match &args.command {
        FleetCommand::List(args) => {
            let store = database::open_to_read(config).await?;
            list(args, config, &store, printer).await
        }
        FleetCommand::Forget(args) => {
            let store = database::open(config).await?;
            forget(args, &store, printer).await
        }
    }
}

async fn list(
    args: &ListArgs,
    config: &Config,
    store: &Store,
    printer: Printer,
) -> Result<Exit, CliError> {
    let now = database::now();
    let view = fleet_view(store, &config.trunk.limits, now).await;
    let view = view.map_err(database::trouble)?;
    if args.json {
        printer.json(&view);
        return Ok(Exit::Success);
    }
    let lines = list::lines(&view, &jiff::tz::TimeZone::system());
    if lines.is_empty() {
        printer.line("no controller has used this database yet");
    }
    for line in lines {
        printer.line(&line);
    }
    Ok(Exit::Success)
}

async fn forget(args: &ForgetArgs, store: &Store, printer: Printer) -> Result<Exit, CliError> {
    let (name, now) = (args.name.as_str(), database::now());
    let fleet = store.fleet(now).await.map_err(database::trouble)?;
    if !fleet.pbxes.iter().any(|pbx| pbx.name == name) {
        let error = anyhow!("there is no PBX `{name}`");
        return Err(CliError::new(error).hint("`aftertone fleet list` lists them"));
    }
    let mut of_it = fleet.controllers.iter().filter(|each| each.pbx == name);
    if let Some(alive) = of_it.find(|each| each.is_alive) {
        let error = anyhow!(
            "the PBX `{name}` is in use: its controller `{}` is alive",
            alive.run
        );
        return Err(CliError::new(error)
            .hint("end it first; the lease of one that was killed ends within half a minute"));
    }
    let words = match &args.because {
        Some(because) => format!("the PBX `{name}` was given up by the operator: {because}"),
        None => format!("the PBX `{name}` was given up by the operator"),
    };
    let given_up = gone::give_up(store, Gone::Of(name), |_| words.clone(), now).await;
    let lost: u64 = given_up.map_err(database::trouble)?.lost.values().sum();
    let entry = AuditEntry {
        after: Some(json!({"lost": lost, "because": args.because}).to_string()),
        ..by_user("fleet.forget", name)
    };
    let given_back = store.audited(entry).forget_pbx(name, now).await;
    let given_back = given_back.map_err(database::trouble)?;
    let leased = fleet.controllers.iter().filter(|each| each.pbx == name);
    let given_back = given_back.max(leased.map(|each| each.leased).sum());
    if args.json {
        printer.json(&json!({"pbx": name, "lost": lost, "given_back": given_back}));
    } else {
        printer.line(&format!(
            "{name}: forgotten; {lost} drops settled as lost, {given_back} contacts given back"
        ));
    }
    Ok(Exit::Success)
}
