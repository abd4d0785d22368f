//! `aftertone contact`: what is known of a person, and its end.

mod erase;
mod export;
mod record;
mod show;

use clap::{Args, Subcommand};

use super::{CliError, Exit, printer::Printer};
use crate::{config::Config, phone::PhoneNumber};

/// See all that is known of a person, hand it out, or erase it
#[derive(Debug, Args)]
pub(super) struct ContactArgs {
    #[command(subcommand)]
    command: ContactCommand,
}

#[derive(Debug, Subcommand)]
enum ContactCommand {
    Show(show::ShowArgs),
    Export(export::ExportArgs),
    Erase(erase::EraseArgs),
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be done, or not wholly.
pub(super) async fn run(
    args: &ContactArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    match &args.command {
        ContactCommand::Show(args) => show::run(args, config, printer).await,
        ContactCommand::Export(args) => export::run(args, config, printer).await,
        ContactCommand::Erase(args) => erase::run(args, config, printer).await,
    }
}

/// The number that was given, with every spelling that dials the same telephone. It comes first.
pub(super) fn spellings(text: &str, config: &Config) -> Result<Vec<PhoneNumber>, CliError> {
    // What is known of a person may be about a number that is not dialled.
    let rules = config.pbx.rules.with_premium();
    let number = PhoneNumber::parse(text, rules).map_err(CliError::new)?;
    Ok(number.with_spellings())
}
