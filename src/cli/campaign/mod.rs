//! `aftertone campaign`: lists, rules and a pace, and what came of them.

mod board;
mod check;
mod control;
mod create;
mod import;
mod options;
mod read;
mod result_columns;
mod results;
mod run;
mod simulate;
mod status;
mod summary;
mod words;

use clap::{Args as ClapArgs, Subcommand};

use super::{CliError, Exit, printer::Printer};
use crate::config::Config;

/// Work through lists of contacts
///
/// A campaign is a name, its settings and its contacts, kept in the database. It is made from a list, run as long as it
/// takes, and goes on where it was when it is run again, however it was ended.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Args),
    Add(create::AddArgs),
    Set(create::SetArgs),
    Check(check::Args),
    Simulate(simulate::Args),
    Run(run::Args),
    Status(status::Args),
    Pause(control::PauseArgs),
    Resume(control::ResumeArgs),
    Cancel(control::CancelArgs),
    Results(results::Args),
}

/// Does what is asked.
///
/// # Errors
/// [`CliError`] where it could not be begun.
pub(super) async fn run(args: &Args, config: Config, printer: Printer) -> Result<Exit, CliError> {
    match &args.command {
        Command::Create(args) => create::create(args, &config, printer).await,
        Command::Add(args) => create::add(args, &config, printer).await,
        Command::Set(args) => create::set(args, &config, printer).await,
        Command::Check(args) => check::run(args, &config, printer).await,
        Command::Simulate(args) => simulate::run(args, &config, printer).await,
        Command::Run(args) => run::run(args, &config, printer).await,
        Command::Status(args) => status::run(args, &config, printer).await,
        Command::Pause(args) => control::pause(args, &config, printer).await,
        Command::Resume(args) => control::resume(args, &config, printer).await,
        Command::Cancel(args) => control::cancel(args, &config, printer).await,
        Command::Results(args) => results::run(args, &config, printer).await,
    }
}
