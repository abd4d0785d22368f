//! `aftertone doctor`: can this PBX do it?

use clap::Args;

use super::{
    CliError, Exit, database,
    printer::{Paint, Printer},
};
use crate::{
    config::Config,
    doctor::{self, Check, Status},
};

/// Check that the PBX has all that a drop needs
///
/// Prints a line for each check, with a remedy if it does not pass. It makes a short call within the PBX, and none outside.
/// The exit status is 0 if all checks pass (warnings do not count), 1 if any fails, 2 if the PBX could not be examined.
#[derive(Debug, Default, Args)]
pub(super) struct DoctorArgs {
    /// Print one JSON array of {check, status, detail, remedy}
    #[arg(long)]
    json: bool,
}

/// Examines the PBX.
///
/// # Errors
/// [`CliError`] if nothing could be examined.
pub(super) async fn run(
    args: &DoctorArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let mut checks = Vec::new();
    let tell = |check: Check| {
        if !args.json {
            printer.line(&line(&check, printer));
        }
        checks.push(check);
    };
    let mut tell = tell;
    database_check(config).into_iter().for_each(&mut tell);
    doctor::examine(config, tell).await.map_err(CliError::new)?;
    if args.json {
        printer.json(&checks);
    }
    Ok(verdict(&checks))
}

/// A warning if others on this machine can read the database.
fn database_check(config: &Config) -> Option<Check> {
    let place = database::address(config);
    let (detail, remedy) = database::exposure(&place.exposed())?;
    Some(Check {
        check: "database",
        status: Status::Warn,
        detail,
        remedy: Some(remedy),
    })
}

fn verdict(checks: &[Check]) -> Exit {
    if checks.iter().any(|check| check.status == Status::Fail) {
        Exit::Failure
    } else {
        Exit::Success
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_does_not_fail() {
        assert_eq!(verdict(&[]), Exit::Success);
        assert_eq!(
            verdict(&[check(Status::Ok), check(Status::Warn)]),
            Exit::Success
        );
        assert_eq!(
            verdict(&[check(Status::Fail), check(Status::Ok)]),
            Exit::Failure
        );
    }

    #[test]
    fn a_check_reads_the_same_to_people_and_to_programs() {
        let printer = Printer::plain();
        let warned = check(Status::Warn);
        assert_eq!(
            line(&warned, printer),
            "warn version: Asterisk 18 (update it)"
        );
        insta::assert_snapshot!(serde_json::to_string(&[warned]).unwrap(), @r#"[{"check":"version","status":"warn","detail":"Asterisk 18","remedy":"update it"}]"#);
    }

    fn check(status: Status) -> Check {
        Check {
            check: "version",
            status,
            detail: "Asterisk 18".into(),
            remedy: Some("update it".into()),
        }
    }
}
