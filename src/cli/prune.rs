//! `aftertone prune`: deletes old drops, decisions, campaigns and events.

use clap::Args;
use serde_json::json;

use super::{CliError, Exit, database, operator::by_user, printer::Printer, stop::Stop};
use crate::{
    clock,
    config::Config,
    controller::pruner::{prunable, speech_kept},
    store::{AuditEntry, Pruned},
};

/// Delete old drops, decisions, campaigns and events, as `[retention]` in the configuration says
///
/// Of campaigns that are over, drops go that ended longer ago than `retention.drops`, and so do single drops; and what the
/// gate held or refused longer ago than `retention.decisions`. A drop that a cap still counts stays. The counts of a
/// campaign's results stay whole; the rows of its deleted drops are gone. Campaigns that were over longer ago than
/// `retention.campaigns` go with all that they have, unless something of them is open or younger. Events go that are older than
/// `retention.events`, and those beyond the newest `retention.events_at_most`. Speech on this machine goes that was not used for
/// `speech.keep`. It may be interrupted and run beside campaigns.
/// Controllers do the same by themselves once a day.
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
/// [`CliError`] if the database fails.
pub(super) async fn run(
    args: &PruneArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let what = prunable(config, database::now());
    let (pruned, is_whole) = if args.dry_run {
        let store = database::open_to_read(config).await?;
        (store.prunable(&what).await, true)
    } else {
        let store = database::open(config).await?;
        let entry = AuditEntry {
            after: Some(
                json!({
                    "campaigns_before": what.campaigns_before.map(|at| at.to_string()),
                    "drops_before": what.drops_before.map(|at| at.to_string()),
                    "decisions_before": what.decisions_before.map(|at| at.to_string()),
                    "events_before": what.events_before.map(|at| at.to_string()),
                })
                .to_string(),
            ),
            ..by_user("store.prune", "what is too old")
        };
        let store = store.audited_once(entry);
        let mut stop = Stop::new().map_err(CliError::new)?;
        let (ended, is_ended) = tokio::sync::watch::channel(false);
        let prune = store.prune(&what, |pruned| {
            let Pruned {
                campaigns,
                contacts,
                drops,
                decisions,
                events,
            } = pruned;
            printer.status(&format!(
                "{campaigns} campaigns with {contacts} contacts, {drops} drops, {decisions} decisions, {events} events"
            ));
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
        let is_whole = !*is_ended.borrow();
        if is_whole && pruned.is_ok() {
            let noted = store.end_prune_turn(None, database::now()).await;
            noted.map_err(database::trouble)?;
        }
        (pruned, is_whole)
    };
    let pruned = pruned.map_err(database::trouble)?;
    let (library, _) = super::library(config)?;
    let (keep, now) = (speech_kept(config), clock::wall());
    let speech = if args.dry_run {
        library.unused_speech(keep, now)
    } else {
        library.prune_speech(keep, now)
    };
    let speech = speech.map_err(|error| {
        let words = "speech that was not used cannot be removed";
        CliError::new(anyhow::Error::new(error).context(words))
            .hint("let the account that runs aftertone write to `.speech` in `pbx.sounds_dir`")
    })?;
    if args.json {
        printer.json(&json!({
            "campaigns": pruned.campaigns,
            "campaigns_before": what.campaigns_before.map(|at| at.to_string()),
            "contacts": pruned.contacts,
            "drops": pruned.drops,
            "drops_before": what.drops_before.map(|at| at.to_string()),
            "decisions": pruned.decisions,
            "decisions_before": what.decisions_before.map(|at| at.to_string()),
            "events": pruned.events,
            "events_before": what.events_before.map(|at| at.to_string()),
            "events_at_most": what.events_at_most,
            "speech": speech,
            "dry_run": args.dry_run,
            "is_complete": is_whole,
        }));
    } else {
        let verb = if args.dry_run { "would be " } else { "" };
        let counted = |count: u64, noun: &str| match count {
            1 => format!("1 {noun}"),
            more => format!("{more} {noun}s"),
        };
        if let Some(before) = what.campaigns_before {
            printer.line(&format!(
                "{} from before {before:.0} {verb}deleted, with {}",
                counted(pruned.campaigns, "campaign"),
                counted(pruned.contacts, "contact")
            ));
        }
        for (before, count, noun) in [
            (what.drops_before, pruned.drops, "drop"),
            (what.decisions_before, pruned.decisions, "decision"),
            (what.events_before, pruned.events, "event"),
        ] {
            if let Some(before) = before {
                printer.line(&format!(
                    "{} from before {before:.0} {verb}deleted",
                    counted(count, noun)
                ));
            }
        }
        if speech > 0 {
            let files = counted(speech as u64, "file");
            printer.line(&format!(
                "{files} of speech that was not used {verb}deleted"
            ));
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
