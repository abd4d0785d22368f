//! `aftertone doctor`: can this PBX do it?

use clap::Args;

use super::{
    CliError, Exit, database,
    printer::{Paint, Printer},
};
use crate::{
    clock::{CLOCKS_WITHIN, Steady},
    config::{Config, StoreUrl},
    controller::place,
    doctor::{self, Check, Status},
    error_chain::chain,
    orders::DOUBLE_CALL,
    runtime::SessionError,
    store::Store,
};

/// Check that the PBX has all that a drop needs
///
/// Prints a line for each check, with a remedy if it does not pass. It compares the clocks of this machine, of the PBX and of
/// the database server. It makes a short call within the PBX, and none outside.
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
    examine(config, tell).await.map_err(CliError::new)?;
    if !config.is_trunk_known {
        printer.note(DOUBLE_CALL);
    }
    if args.json {
        printer.json(&checks);
    }
    Ok(verdict(&checks))
}

/// Makes all checks, and reports each as soon as it is done.
///
/// # Errors
/// [`SessionError`] if nothing could be examined.
pub(super) async fn examine(
    config: &Config,
    mut tell: impl FnMut(Check) + Send,
) -> Result<(), SessionError> {
    database_check(config).into_iter().for_each(&mut tell);
    doctor::examine(config, &mut tell).await?;
    let more = [
        database_clock(config).await,
        limits(config).await,
        retention(config).await,
    ];
    more.into_iter().flatten().for_each(tell);
    Ok(())
}

/// A warning if controllers do not delete what `[retention]` says.
async fn retention(config: &Config) -> Option<Check> {
    let store = stored(config).await?;
    let now = database::now();
    let turn = store.prune_turn(now).await.ok()?;
    let words = turn.why_not()?;
    Some(Check::warn(
        "retention",
        words,
        "it is tried again every hour; `aftertone prune` deletes it now",
    ))
}

/// The database as it is, if there is one.
async fn stored(config: &Config) -> Option<Store> {
    let is_there = match &config.store.url {
        StoreUrl::Sqlite(file) => file.is_file(),
        StoreUrl::Postgres(_) => true,
    };
    if !is_there {
        return None;
    }
    Store::open_to_read(&database::address(config)).await.ok()
}

/// What controllers of the trunk state that are alive, if they and this configuration do not agree on its limits.
async fn limits(config: &Config) -> Option<Check> {
    let store = stored(config).await?;
    let fleet = store.fleet(database::now()).await.ok()?;
    let of_this = fleet.pbxes.iter().find(|pbx| pbx.name == config.instance);
    let registered = of_this.and_then(|pbx| pbx.registered.as_ref());
    let trunk = match &config.trunk_name {
        Some(name) => name.clone(),
        None => registered?.trunk.clone(),
    };
    let own = (config.trunk.rate, config.trunk.in_flight);
    let trunks = fleet.trunks();
    let (run, stated) = trunks
        .get(trunk.as_str())?
        .iter()
        .find(|(_, stated)| (stated.rate, stated.in_flight) != own)?;
    Some(Check {
        check: "trunk limits",
        status: Status::Warn,
        detail: format!(
            "controller `{}` of the trunk `{trunk}` states {}, {} in flight, and this configuration {}, {} in flight: the \
             strictest hold",
            run.run, stated.rate, stated.in_flight, own.0, own.1
        ),
        remedy: Some(
            "give all controllers of a trunk the same `trunk.starts_per_second` and `trunk.in_flight`"
                .to_owned(),
        ),
    })
}

/// Compares this machine's clock with the database server's, if it has one.
async fn database_clock(config: &Config) -> Option<Check> {
    let clock = Steady::start();
    let given = clock.now();
    match Store::server_time(&place(&config.store)).await {
        Ok(server) => {
            clock.compare(given, server?);
            Some(match clock.doubt() {
                None => Check::ok(
                    DATABASE_CLOCK,
                    format!(
                        "this machine's clock and the database server's agree within {} s",
                        CLOCKS_WITHIN.as_secs()
                    ),
                ),
                Some(doubt) => Check::fail(
                    DATABASE_CLOCK,
                    doubt.to_string(),
                    "let both machines keep their clocks by NTP",
                ),
            })
        }
        Err(error) => {
            let hint = error.hint().unwrap_or("look at `store.url`").to_owned();
            let detail = format!(
                "the database server's clock cannot be read: {}",
                chain(&error)
            );
            Some(Check::fail(DATABASE_CLOCK, detail, hint))
        }
    }
}

const DATABASE_CLOCK: &str = "database_clock";

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
