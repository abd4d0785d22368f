//! `aftertone store`: the database itself.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::{
    CliError, Exit, campaign::moment, database, operator::by_user, printer::Printer,
    restore::quieten,
};
use crate::{
    config::Config,
    store::{AuditEntry, Opened, Store, UpgradePlan},
};

/// Look after the database
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    Migrate(MigrateArgs),
    Restored(RestoredArgs),
}

/// Bring the database to this version's schema
///
/// Commands that write do the same by themselves; commands that only read never do. An SQLite file is copied first, to
/// `FILE.before-NNNN` beside it, for its owner only; of PostgreSQL make a backup with `pg_dump` before. On PostgreSQL programs
/// of the version before go on working meanwhile and afterwards. The exit status is 0 if the database has this version's
/// schema or, with `--dry-run`, can be brought to it, and 2 if it cannot.
#[derive(Debug, Args)]
struct MigrateArgs {
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Make no copy of an SQLite file first; have a backup of your own then
    #[arg(long)]
    no_copy: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Stop what a database would go on with that was restored from a backup
///
/// For a database that was restored otherwise than by `aftertone restore`, such as by `pg_restore`: run it before any other
/// program uses the database. Campaigns that ran are paused, drops that were in flight are settled as `lost`, contacts that were leased
/// are due again, people have to sign in again, and what to do next is printed. Nobody is called. Refused while a controller is
/// alive by its lease, which lasts for half a minute.
#[derive(Debug, Args)]
struct RestoredArgs {
    /// When the backup was taken, such as 2026-11-23T14:00 or RFC 3339; it is kept as the reason
    #[arg(long, value_name = "TIME", value_parser = moment)]
    taken_at: Option<Timestamp>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be done.
pub(super) async fn run(
    args: &StoreArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    match &args.command {
        StoreCommand::Migrate(args) => migrate(args, config, printer).await,
        StoreCommand::Restored(args) => {
            let store = database::open(config).await?;
            let done = quieten(&store, args.taken_at, false).await?;
            if args.json {
                printer.json(&done.object());
            } else {
                printer.line(&done.line());
            }
            done.say_what_to_do(printer);
            store.close().await;
            Ok(Exit::Success)
        }
    }
}

async fn migrate(args: &MigrateArgs, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    config.make_state_dir();
    let place = database::address(config);
    database::warn_of_exposure(&place, printer);
    let mut plan = Store::plan_upgrade(&place)
        .await
        .map_err(database::trouble)?;
    if args.no_copy {
        plan.copy = None;
    }
    if args.dry_run {
        if args.json {
            printer.json(&object(&plan));
        } else {
            for line in lines(&plan) {
                printer.line(&line);
            }
        }
        return Ok(Exit::Success);
    }
    let store = Store::migrate(&place, !args.no_copy)
        .await
        .map_err(database::trouble)?;
    if let Opened::Upgraded(upgraded) = store.opened() {
        plan.copy.clone_from(&upgraded.copy);
    }
    if !plan.steps.is_empty() {
        let entry = AuditEntry {
            before: Some(json!({"schema": plan.from}).to_string()),
            after: Some(json!({"schema": plan.to}).to_string()),
            ..by_user("store.migrate", "the database")
        };
        // The row is of the new schema, so that it follows.
        store.note(entry).await.map_err(database::trouble)?;
    }
    if args.json {
        printer.json(&object(&plan));
    } else if plan.steps.is_empty() {
        printer.line(&nothing_to_do(&plan));
    } else {
        printer.line(&format!(
            "{} was brought from schema {} to {}",
            plan.place, plan.from, plan.to
        ));
        if let Some(copy) = &plan.copy {
            let path = copy.path.display();
            printer.line(&format!(
                "as it was before, it is kept in `{path}`, which holds people's numbers: remove it when you are content"
            ));
        }
    }
    store.close().await;
    Ok(Exit::Success)
}

fn nothing_to_do(plan: &UpgradePlan) -> String {
    let (place, from) = (&plan.place, plan.from.max(plan.to));
    format!("{place} has schema {from}; there is nothing to do")
}

/// What a migration would do, for people.
fn lines(plan: &UpgradePlan) -> Vec<String> {
    if plan.steps.is_empty() {
        return vec![nothing_to_do(plan)];
    }
    let mut lines = vec![match plan.from {
        0 => format!("{} would be made, with schema {}", plan.place, plan.to),
        from => format!(
            "{} has schema {from} and would be brought to schema {}",
            plan.place, plan.to
        ),
    }];
    lines.extend(
        plan.steps
            .iter()
            .map(|(version, name)| format!("  step {version}: {name}")),
    );
    if let Some(copy) = &plan.copy {
        let path = copy.path.display();
        let room = match copy.free {
            Some(free) if copy.fits() => format!("{} are free", size(free)),
            Some(free) => format!(
                "ONLY {} ARE FREE, and twice its size is needed: nothing would be done",
                size(free)
            ),
            None => "how much is free is not known".to_owned(),
        };
        lines.push(format!(
            "  a copy is made first: `{path}`, {} at most; {room}",
            size(copy.bytes)
        ));
    } else if plan.from > 0 {
        lines.push("  no copy is made: have a backup (`pg_dump` of PostgreSQL)".to_owned());
    }
    if plan.from > 0 {
        lines.push(format!(
            "  the database has {}: that takes about {}",
            size(plan.bytes),
            seconds(estimate(plan))
        ));
    }
    lines
}

/// The same for programs.
fn object(plan: &UpgradePlan) -> serde_json::Value {
    let steps = plan.steps.iter();
    let steps = steps.map(|(version, name)| json!({ "version": version, "name": name }));
    let copy = plan.copy.as_ref().map(|copy| {
        json!({
            "path": copy.path.display().to_string(),
            "bytes": copy.bytes,
            "free_bytes": copy.free,
            "fits": copy.fits(),
        })
    });
    json!({
        "from": plan.from,
        "to": plan.to,
        "steps": steps.collect::<Vec<_>>(),
        "copy": copy,
        "bytes": plan.bytes,
        "estimated_seconds": estimate(plan),
    })
}

/// A rough guess, in seconds: a pass over the database for its copy, and one for its steps.
fn estimate(plan: &UpgradePlan) -> u64 {
    if plan.steps.is_empty() || plan.from == 0 {
        return 0;
    }
    let passes = 1 + u64::from(plan.copy.is_some());
    (passes * plan.bytes).div_ceil(BYTES_A_SECOND)
}

fn size(bytes: u64) -> String {
    let kilobytes = bytes.div_ceil(1_000);
    match kilobytes {
        ..10_000 => format!("{kilobytes} kB"),
        10_000..10_000_000 => format!("{} MB", kilobytes.div_ceil(1_000)),
        _ => format!("{} GB", kilobytes.div_ceil(1_000_000)),
    }
}

fn seconds(seconds: u64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

/// What a slow disk does of reading and writing a database as a whole.
const BYTES_A_SECOND: u64 = 50_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DatabaseCopy;

    #[test]
    fn a_plan_says_what_would_be_done() {
        insta::assert_snapshot!(lines(&plan(Some(4_000_000_000))).join("\n"), @r"
        the database `aftertone.db` has schema 1 and would be brought to schema 7
          step 2: fleet
          step 7: erasure
          a copy is made first: `aftertone.db.before-0002`, 1200 MB at most; 4000 MB are free
          the database has 1200 MB: that takes about 48 s
        ");
        insta::assert_snapshot!(lines(&plan(Some(1_500_000_000))).join("\n"), @r"
        the database `aftertone.db` has schema 1 and would be brought to schema 7
          step 2: fleet
          step 7: erasure
          a copy is made first: `aftertone.db.before-0002`, 1200 MB at most; ONLY 1500 MB ARE FREE, and twice its size is needed: nothing would be done
          the database has 1200 MB: that takes about 48 s
        ");
        insta::assert_snapshot!(object(&plan(None)), @r#"{"bytes":1200000000,"copy":{"bytes":1200000000,"fits":true,"free_bytes":null,"path":"aftertone.db.before-0002"},"estimated_seconds":48,"from":1,"steps":[{"name":"fleet","version":2},{"name":"erasure","version":7}],"to":7}"#);
        let done = UpgradePlan {
            from: 7,
            steps: Vec::new(),
            copy: None,
            ..plan(None)
        };
        insta::assert_snapshot!(lines(&done).join("\n"), @"the database `aftertone.db` has schema 7; there is nothing to do");
        let new = UpgradePlan {
            from: 0,
            copy: None,
            ..plan(None)
        };
        insta::assert_snapshot!(lines(&new).join("\n"), @r"
        the database `aftertone.db` would be made, with schema 7
          step 2: fleet
          step 7: erasure
        ");
    }

    fn plan(free: Option<u64>) -> UpgradePlan {
        UpgradePlan {
            place: "the database `aftertone.db`".to_owned(),
            from: 1,
            to: 7,
            steps: vec![(2, "fleet".to_owned()), (7, "erasure".to_owned())],
            copy: Some(DatabaseCopy {
                path: "aftertone.db.before-0002".into(),
                bytes: 1_200_000_000,
                free,
            }),
            bytes: 1_200_000_000,
        }
    }
}
