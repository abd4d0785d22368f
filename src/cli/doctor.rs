//! `aftertone doctor`: can this PBX do it?

use clap::Args as ClapArgs;

use super::{
    Exit, Trouble,
    printer::{Paint, Printer},
};
use crate::{
    config::Config,
    run::doctor::{self, Check, Status},
};

/// Look whether the PBX has all that a drop needs
///
/// Prints a line for each check, with the remedy where one is needed. It makes a short call within the PBX, and none
/// outside. The exit status is 0 where all pass (warnings do not count), 1 where one fails, 2 where nothing could be
/// examined.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Print one JSON array of {check, status, detail, remedy}
    #[arg(long)]
    json: bool,
}

/// Examines the PBX.
///
/// # Errors
/// [`Trouble`] where nothing could be examined.
pub(super) async fn run(args: &Args, config: &Config, printer: Printer) -> Result<Exit, Trouble> {
    let mut checks = Vec::new();
    let tell = |check: Check| {
        if !args.json {
            printer.line(&line(&check, printer));
        }
        checks.push(check);
    };
    doctor::examine(config, tell).await.map_err(Trouble::new)?;
    if args.json {
        printer.json(&checks);
    }
    Ok(verdict(&checks))
}

fn verdict(checks: &[Check]) -> Exit {
    if checks.iter().any(|check| check.status == Status::Fail) {
        Exit::Otherwise
    } else {
        Exit::Done
    }
}

fn line(check: &Check, printer: Printer) -> String {
    let (paint, word) = match check.status {
        Status::Ok => (Paint::Good, "ok  "),
        Status::Warn => (Paint::Warn, "warn"),
        Status::Fail => (Paint::Bad, "FAIL"),
    };
    let word = printer.paint(paint, word);
    let remedy = check
        .remedy
        .as_ref()
        .map_or_else(String::new, |remedy| format!(" ({remedy})"));
    format!("{word} {}: {}{remedy}", check.check, check.detail)
}
