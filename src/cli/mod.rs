//! The command line: one file a command.

mod campaign;
mod database;
mod dnc;
mod doctor;
mod drop;
mod explain;
mod init;
mod message;
mod printer;
mod report;
mod stop;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use self::printer::Printer;
use crate::{
    audio::{Library, Targets},
    clock,
    config::Config,
    telemetry,
};

/// Parses the command line, carries it out, and says how it went.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let printer = Printer::new();
    telemetry::init();
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
    Args::command()
}

fn carry_out(args: Args, printer: Printer) -> Result<Exit, CliError> {
    let config = || Config::load(args.config.as_deref()).map_err(CliError::new);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CliError::new)?;
    let exit = match args.command {
        Command::Init(wanted) => {
            let file = init::run(&wanted, args.config.as_deref(), printer)?;
            if wanted.wants_doctor() {
                let config = init::load(&file)?;
                runtime.block_on(doctor::run(&doctor::Args::default(), &config, printer))
            } else {
                Ok(Exit::Success)
            }
        }
        Command::Doctor(args) => runtime.block_on(doctor::run(&args, &config()?, printer)),
        Command::Drop(args) => runtime.block_on(drop::run(&args, config()?, printer)),
        Command::Message(args) => messages(&args, &config()?, printer),
        Command::Explain(args) => explain::run(&args, printer),
        Command::Campaign(args) => runtime.block_on(campaign::run(&args, config()?, printer)),
        Command::Dnc(args) => runtime.block_on(dnc::run(&args, &config()?, printer)),
    };
    // What is not done by now is not waited for.
    runtime.shutdown_background();
    exit
}

fn messages(
    args: &message::MessageArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let (library, targets) = library(config)?;
    let done = message::run(args, &library, &targets, clock::wall(), &mut printer.data());
    let Err(error) = done else {
        return Ok(Exit::Success);
    };
    let hint = error.hint();
    CliError::new(error).maybe_hint(hint).print(printer);
    Ok(Exit::Failure)
}

/// The folder of prepared messages, and what messages are to be like.
fn library(config: &Config) -> Result<(Library, Targets), CliError> {
    let pbx = &config.pbx;
    let library = Library::new(&pbx.sounds_dir, &pbx.pbx_sounds_dir).map_err(CliError::new)?;
    let lufs = config.audio.target_lufs.unwrap_or(Targets::LUFS);
    let targets = Targets::new(config.audio.max_length, lufs).map_err(CliError::new)?;
    Ok((library, targets))
}

/// Leaves a recorded message in a contact's voicemail through your Asterisk PBX, and never plays it to a person.
#[derive(Debug, Parser)]
#[command(name = "aftertone", version, max_term_width = 100)]
struct Args {
    /// The configuration file [default: $AFTERTONE_CONFIG, ./aftertone.toml or /etc/aftertone/aftertone.toml]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Doctor(doctor::Args),
    Drop(drop::Args),
    /// Prepare and keep recordings
    Message(message::MessageArgs),
    Explain(explain::Args),
    Campaign(Box<campaign::Args>),
    Dnc(dnc::Args),
}

/// How a command went (design, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// It is as it was wanted.
    Success,
    /// It was carried out, and the result is another.
    Failure,
    /// It was not carried out.
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

/// An error on its way to the user, with what to do about it where that is known.
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

    fn print(&self, printer: Printer) {
        printer.error(self.error.as_ref());
        if let Some(hint) = &self.hint {
            printer.hint(hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_help_is_as_it_was() {
        let mut command = Args::command().term_width(100);
        command.build();
        insta::assert_snapshot!("help", command.render_long_help().to_string());
        for name in [
            "init", "drop", "doctor", "message", "explain", "campaign", "dnc",
        ] {
            let command = command.find_subcommand_mut(name).unwrap();
            insta::assert_snapshot!(
                format!("help-{name}"),
                command.render_long_help().to_string()
            );
        }
        for group in ["campaign", "dnc"] {
            let command = command.find_subcommand_mut(group).unwrap();
            let all = command.get_subcommands_mut();
            for command in all.filter(|command| command.get_name() != "help") {
                let name = format!("help-{group}-{}", command.get_name());
                insta::assert_snapshot!(name, command.render_long_help().to_string());
            }
        }
    }

    #[test]
    fn the_exit_statuses_are_the_design_s() {
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
