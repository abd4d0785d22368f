//! `aftertone prune`: deletes old drops and decisions.

use anyhow::anyhow;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{CliError, Exit, database, printer::Printer, stop::Stop};
use crate::{
    config::Config,
    store::{Prunable, Pruned},
};

/// Delete old drops and decisions, as `[retention]` in the configuration says
///
/// Of campaigns that are over, drops go that ended longer ago than `retention.drops`, and so do single drops; and what the
/// gate held or refused longer ago than `retention.decisions`. A drop that a cap still counts stays. The counts of a
/// campaign's results stay whole; the rows of its deleted drops are gone. It may be interrupted and run beside campaigns.
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Delete nothing; only say how much would go
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Deletes what is too old.
///
/// # Errors
/// [`CliError`] if nothing may be deleted, or the database fails.
pub(super) async fn run(
    args: &PruneArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let what = prunable(config, database::now())?;
    let (pruned, is_whole) = if args.dry_run {
        let store = database::open_to_read(config).await?;
        (store.prunable(&what).await, true)
    } else {
        let store = database::open(config).await?;
        let mut stop = Stop::new().map_err(CliError::new)?;
        let (ended, is_ended) = tokio::sync::watch::channel(false);
        let prune = store.prune(&what, |pruned| {
            let Pruned { drops, decisions } = pruned;
            printer.status(&format!("{drops} drops, {decisions} decisions"));
            !*is_ended.borrow()
        });
        let mut prune = Box::pin(prune);
        let pruned = loop {
            tokio::select! {
                pruned = &mut prune => break pruned,
                () = stop.requested() => {
                    ended.send_replace(true);
                }
            }
        };
        drop(prune);
        (pruned, !*is_ended.borrow())
    };
    let pruned = pruned.map_err(database::trouble)?;
    if args.json {
        printer.json(&json!({
            "drops": pruned.drops,
            "drops_before": what.drops_before.map(|at| at.to_string()),
            "decisions": pruned.decisions,
            "decisions_before": what.decisions_before.map(|at| at.to_string()),
            "dry_run": args.dry_run,
            "is_complete": is_whole,
        }));
    } else {
        let verb = if args.dry_run { "would be " } else { "" };
        let counted = |count: u64, noun: &str| match count {
            1 => format!("1 {noun}"),
            more => format!("{more} {noun}s"),
        };
        for (before, count, noun) in [
            (what.drops_before, pruned.drops, "drop"),
            (what.decisions_before, pruned.decisions, "decision"),
        ] {
            if let Some(before) = before {
                printer.line(&format!(
                    "{} from before {before:.0} {verb}deleted",
                    counted(count, noun)
                ));
            }
        }
        if !is_whole {
            printer.line("interrupted; run it again to go on");
        }
    }
    Ok(if is_whole {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// What is too old by now.
fn prunable(config: &Config, now: Timestamp) -> Result<Prunable, CliError> {
    let retention = config.retention;
    if retention.drops.is_none() && retention.decisions.is_none() {
        return Err(CliError::new(anyhow!(
            "there is nothing to prune: `[retention]` keeps everything"
        ))
        .hint("set `retention.drops` or `retention.decisions`, such as `drops = \"400d\"`"));
    }
    let before = |age| now - SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    // Clocks of controllers differ a little, and a cap counts from the start of a drop.
    let history = config.gate.history() + SignedDuration::from_hours(24);
    Ok(Prunable {
        drops_before: retention.drops.map(|age| before(age).min(now - history)),
        decisions_before: retention.decisions.map(before),
    })
}
