//! The command line: one module per command.

mod audit;
mod backup;
mod calls;
mod campaign;
mod contact;
mod database;
mod dnc;
mod doctor;
mod drop;
mod events;
mod explain;
mod fleet;
mod healthcheck;
mod init;
mod manual;
mod message;
mod operator;
mod patience;
mod printer;
mod private_file;
mod prompts;
mod prune;
mod reload;
mod report;
mod restore;
mod serve;
mod stop;
mod store;
mod token;
mod traced;
mod user;
mod webhook;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use self::printer::Printer;
use crate::{
    audio::{Composer, Library, Targets},
    clock,
    config::Config,
    telemetry,
};

/// Parses the command line, carries it out, and returns the exit status.
pub fn main() -> ExitCode {
    let args = Cli::parse();
    let printer = Printer::new();
    match args.command {
        CliCommand::Serve(_) => telemetry::init_with_changes(),
        CliCommand::Init(_)
        | CliCommand::Doctor(_)
        | CliCommand::Drop(_)
        | CliCommand::Message(_)
        | CliCommand::Explain(_)
        | CliCommand::Campaign(_)
        | CliCommand::Reload(_)
        | CliCommand::Healthcheck(_)
        | CliCommand::Dnc(_)
        | CliCommand::Fleet(_)
        | CliCommand::Prompts(_)
        | CliCommand::Contact(_)
        | CliCommand::Store(_)
        | CliCommand::Calls(_)
        | CliCommand::Manual(_)
        | CliCommand::Backup(_)
        | CliCommand::Restore(_)
        | CliCommand::Prune(_)
        | CliCommand::Token(_)
        | CliCommand::User(_)
        | CliCommand::Audit(_)
        | CliCommand::Webhook(_)
        | CliCommand::Events(_) => telemetry::init(),
    }
    let exit = match carry_out(args, printer) {
        Ok(exit) => exit,
        Err(trouble) => {
            trouble.print(printer);
            Exit::NotStarted
        }
    };
    exit.into()
}

/// The commands, their options and their help, for the reference.
pub fn command() -> clap::Command {
    Cli::command()
}

fn carry_out(args: Cli, printer: Printer) -> Result<Exit, CliError> {
    let args_file = args.config.clone();
    let config = || Config::load(args.config.as_deref()).map_err(CliError::new);
    // What only knows the database works where there is no PBX as well, beside a server of the API, and what does not speak to
    // the PBX without its password.
    let stored = || Config::load_for_database(args.config.as_deref()).map_err(CliError::new);
    let silent = || Config::load_without_password(args.config.as_deref()).map_err(CliError::new);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(CliError::new)?;
    let exit = match args.command {
        CliCommand::Init(wanted) => {
            let file = init::run(&wanted, args.config.as_deref(), printer)?;
            if wanted.wants_doctor() {
                let config = init::load(&file)?;
                runtime.block_on(doctor::run(
                    &doctor::DoctorArgs::default(),
                    &config,
                    printer,
                ))
            } else {
                Ok(Exit::Success)
            }
        }
        CliCommand::Doctor(args) => runtime.block_on(doctor::run(&args, &config()?, printer)),
        CliCommand::Drop(args) => runtime.block_on(drop::run(&args, config()?, printer)),
        CliCommand::Message(args) => runtime.block_on(messages(&args, &silent()?, printer)),
        CliCommand::Explain(args) => {
            let book = runtime.block_on(explain::book(&args, silent))?;
            let store = runtime.block_on(explain::store(&args, stored))?;
            let callbacks = |drop| match &store {
                Some(store) => runtime.block_on(explain::callbacks(store, drop)).map(Some),
                None => Ok(None),
            };
            explain::run(&args, book, &callbacks, printer)
        }
        CliCommand::Campaign(args) => {
            let config = if args.dials() { config()? } else { silent()? };
            runtime.block_on(campaign::run(&args, config, printer))
        }
        CliCommand::Serve(args) => {
            runtime.block_on(serve::run(&args, args_file.as_deref(), printer))
        }
        CliCommand::Reload(args) => {
            runtime.block_on(reload::run(&args, args_file.as_deref(), printer))
        }
        CliCommand::Healthcheck(args) => {
            runtime.block_on(healthcheck::run(&args, args_file.as_deref(), printer))
        }
        CliCommand::Contact(args) => runtime.block_on(contact::run(&args, &stored()?, printer)),
        CliCommand::Store(args) => runtime.block_on(store::run(&args, &stored()?, printer)),
        CliCommand::Events(args) => runtime.block_on(events::run(&args, &stored()?, printer)),
        CliCommand::Manual(args) => manual::run(&args),
        CliCommand::Calls(args) => runtime.block_on(calls::run(&args, &stored()?, printer)),
        CliCommand::Backup(args) => runtime.block_on(backup::run(&args, &stored()?, printer)),
        CliCommand::Restore(args) => runtime.block_on(restore::run(&args, &stored()?, printer)),
        CliCommand::Prune(args) => runtime.block_on(prune::run(&args, &stored()?, printer)),
        CliCommand::Dnc(args) => runtime.block_on(dnc::run(&args, &stored()?, printer)),
        CliCommand::Fleet(args) => runtime.block_on(fleet::run(&args, &stored()?, printer)),
        CliCommand::User(args) => runtime.block_on(user::run(&args, &stored()?, printer)),
        CliCommand::Webhook(args) => runtime.block_on(webhook::run(&args, stored, printer)),
        CliCommand::Audit(args) => runtime.block_on(audit::run(&args, &stored()?, printer)),
        CliCommand::Token(args) => runtime.block_on(token::run(&args, &stored()?, printer)),
        CliCommand::Prompts(args) => runtime.block_on(prompts::run(&args, &silent()?, printer)),
    };
    // Tasks that are left do not delay the exit.
    runtime.shutdown_background();
    exit
}

async fn messages(
    args: &message::MessageArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let composer = composer(config)?;
    let said = args
        .say(&composer, clock::wall(), &mut printer.data())
        .await;
    if let Some(said) = said {
        return Ok(match said {
            Ok(()) => Exit::Success,
            Err(error) => {
                let hint = error.hint();
                CliError::new(error).maybe_hint(hint).print(printer);
                Exit::Failure
            }
        });
    }
    // Before the files, so that none is changed of which no row could be written.
    let noted = match args.entry() {
        Some(entry) => Some((database::open(config).await?, entry)),
        None => None,
    };
    let done = message::run(
        args,
        composer.library(),
        composer.targets(),
        clock::wall(),
        &mut printer.data(),
    );
    let is_changed = done
        .as_ref()
        .map_or_else(|error| error.is_partly_done(), |()| true);
    if is_changed && let Some((store, entry)) = noted {
        store.note(entry).await.map_err(database::trouble)?;
    }
    let Err(error) = done else {
        return Ok(Exit::Success);
    };
    let hint = error.hint();
    CliError::new(error).maybe_hint(hint).print(printer);
    Ok(Exit::Failure)
}

/// The folder of prepared messages, and the level and length they must have.
fn library(config: &Config) -> Result<(Library, Targets), CliError> {
    let composer = composer(config)?;
    Ok((composer.library().clone(), composer.targets().clone()))
}

/// What makes messages for single people, as it is configured.
///
/// # Errors
/// [`CliError`] if the folder of messages cannot be used.
fn composer(config: &Config) -> Result<Composer, CliError> {
    config.messages().composer().map_err(CliError::new)
}

/// Leaves a recorded message in a contact's voicemail through your Asterisk PBX, and never plays it to a person.
#[derive(Debug, Parser)]
#[command(name = "aftertone", version, max_term_width = 100)]
struct Cli {
    /// The configuration file [default: $AFTERTONE_CONFIG, ./aftertone.toml or /etc/aftertone/aftertone.toml]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    Init(init::InitArgs),
    Doctor(doctor::DoctorArgs),
    Drop(drop::Args),
    /// Prepare and keep recordings
    Message(message::MessageArgs),
    Explain(explain::ExplainArgs),
    Campaign(Box<campaign::CampaignArgs>),
    Serve(serve::ServeArgs),
    Reload(reload::ReloadArgs),
    Healthcheck(healthcheck::HealthcheckArgs),
    Dnc(dnc::DncArgs),
    Fleet(fleet::FleetArgs),
    Prompts(prompts::PromptsArgs),
    Contact(contact::ContactArgs),
    Store(store::StoreArgs),
    Calls(calls::CallsArgs),
    #[command(hide = true)]
    Manual(manual::ManualArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Prune(prune::PruneArgs),
    Token(token::TokenArgs),
    User(user::UserArgs),
    Audit(audit::AuditArgs),
    Webhook(webhook::WebhookArgs),
    Events(events::EventsArgs),
}

/// The exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// The command did what it was asked.
    Success,
    /// The command was carried out, with another result.
    Failure,
    /// The command was not carried out.
    NotStarted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::NotStarted => 2,
        })
    }
}

/// An error on its way to the user, with a hint if there is one.
#[derive(Debug)]
struct CliError {
    error: anyhow::Error,
    hint: Option<String>,
}

impl CliError {
    fn new(error: impl Into<anyhow::Error>) -> Self {
        Self {
            error: error.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        self.maybe_hint(Some(hint.into()))
    }

    fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// What went wrong.
    fn cause(&self) -> &(dyn std::error::Error + 'static) {
        self.error.as_ref()
    }

    fn print(&self, printer: Printer) {
        printer.error(self.error.as_ref());
        if let Some(hint) = &self.hint {
            printer.hint(hint);
        }
    }
}

/// Of each of the runtime's threads, in bytes: as much as the main thread usually has. What a task may become is on the stack in whole
/// while it begins, several times over if the program is not optimised, which was too much for the usual 2 MB. What is not used takes
/// no memory.
const STACK: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_is_as_it_was() {
        let mut command = Cli::command().term_width(100);
        command.build();
        insta::assert_snapshot!("help", command.render_long_help().to_string());
        for name in [
            "init",
            "drop",
            "doctor",
            "message",
            "explain",
            "campaign",
            "serve",
            "reload",
            "healthcheck",
            "dnc",
            "fleet",
            "contact",
            "store",
            "prune",
            "calls",
            "backup",
            "restore",
            "prompts",
            "token",
            "user",
            "audit",
            "webhook",
            "events",
        ] {
            let command = command.find_subcommand_mut(name).unwrap();
            insta::assert_snapshot!(
                format!("help-{name}"),
                command.render_long_help().to_string()
            );
        }
        for group in [
            "campaign", "dnc", "fleet", "contact", "store", "prompts", "token", "user", "audit",
            "webhook",
        ] {
            let command = command.find_subcommand_mut(group).unwrap();
            let all = command.get_subcommands_mut();
            for command in all.filter(|command| command.get_name() != "help") {
                let name = format!("help-{group}-{}", command.get_name());
                insta::assert_snapshot!(name, command.render_long_help().to_string());
            }
        }
    }

    #[test]
    fn each_exit_has_its_status() {
        let rows = [
            (Exit::Success, 0),
            (Exit::Failure, 1),
            (Exit::NotStarted, 2),
        ];
        for (exit, status) in rows {
            assert_eq!(ExitCode::from(exit), ExitCode::from(status));
        }
    }
}
