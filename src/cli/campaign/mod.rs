//! `aftertone campaign`: lists of contacts, their settings, and their results.

mod board;
mod check;
mod control;
mod create;
mod delete;
mod hear;
mod import;
mod needs;
mod options;
mod read;
mod requeue;
mod results;
mod run;
mod simulate;
mod status;
mod summary;
mod words;

use clap::{Args, Subcommand};

pub(super) use self::{
    board::note_line, create::find, results::moment, run::wait, simulate::forecast,
};

use super::{CliError, Exit, printer::Printer, traced::traced};
use crate::config::Config;

/// Work through lists of contacts
///
/// A campaign is a name, its settings and its contacts, kept in the database. It is created from a list and run until
/// every contact has its final outcome. However a run ends, the next one resumes where it left off.
#[derive(Debug, Args)]
pub(super) struct CampaignArgs {
    #[command(subcommand)]
    command: CampaignCommand,
}

impl CampaignArgs {
    /// Whether it speaks to the PBX.
    pub(super) const fn dials(&self) -> bool {
        matches!(self.command, CampaignCommand::Run(_))
    }
}

#[derive(Debug, Subcommand)]
enum CampaignCommand {
    Create(create::CreateArgs),
    Add(create::AddArgs),
    Set(create::SetArgs),
    Check(check::CheckArgs),
    Hear(hear::HearArgs),
    Simulate(simulate::SimulateArgs),
    Run(run::RunArgs),
    Status(status::StatusArgs),
    Pause(control::PauseArgs),
    #[command(visible_alias = "start")]
    Resume(control::ResumeArgs),
    Cancel(control::CancelArgs),
    Requeue(requeue::RequeueArgs),
    Results(results::ResultsArgs),
    Delete(delete::DeleteArgs),
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be started.
pub(super) async fn run(
    args: &CampaignArgs,
    config: Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    match &args.command {
        CampaignCommand::Create(args) => create::create(args, &config, printer).await,
        CampaignCommand::Add(args) => create::add(args, &config, printer).await,
        CampaignCommand::Set(args) => create::set(args, &config, printer).await,
        CampaignCommand::Check(args) => check::run(args, &config, printer).await,
        CampaignCommand::Hear(args) => hear::run(args, &config, printer).await,
        CampaignCommand::Simulate(args) => simulate::run(args, &config, printer).await,
        CampaignCommand::Run(args) => traced(&config, run::run(args, &config, printer)).await,
        CampaignCommand::Status(args) => status::run(args, &config, printer).await,
        CampaignCommand::Pause(args) => control::pause(args, &config, printer).await,
        CampaignCommand::Resume(args) => control::resume(args, &config, printer).await,
        CampaignCommand::Cancel(args) => control::cancel(args, &config, printer).await,
        CampaignCommand::Requeue(args) => requeue::run(args, &config, printer).await,
        CampaignCommand::Results(args) => results::run(args, &config, printer).await,
        CampaignCommand::Delete(args) => delete::run(args, &config, printer).await,
    }
}
