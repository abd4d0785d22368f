//! Follows a drop while it happens, and shows it.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::{Args, last_line};
use crate::{
    cli::{
        printer::Printer,
        report::{moment_line, proof_words, status_line},
        stop::Stop,
    },
    clock,
    controller::single_drop::{SingleDropHandle, SingleDropResult, SingleDropUpdate},
    drop::{DropRecord, Moment},
    id::DropId,
};

/// Follows the drop until nothing more happens. The first request to stop cancels it; the second one quits.
pub(super) async fn watch(
    args: &Args,
    (drop, shown): (DropId, &str),
    handle: &mut SingleDropHandle,
    stop: &mut Stop,
    printer: Printer,
) {
    let mut requests = 0;
    let mut is_dialling = false;
    let mut last: Option<(Moment, Instant)> = None;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            update = handle.next() => match update {
                Some(SingleDropUpdate::WaitingForLink(within)) => {
                    let seconds = within.as_secs();
                    printer.warning(&format!(
                        "the event link to the PBX is down; waiting for it, {seconds} s at most"
                    ));
                }
                Some(SingleDropUpdate::WaitingForTrunk) => {
                    printer.warning("other drops use all that the trunk carries; waiting for room");
                }
                Some(SingleDropUpdate::Dialling) => {
                    is_dialling = true;
                    if !args.json {
                        printer.line(&format!("drop {drop}: {} to {shown}", args.message));
                    }
                    if requests > 0 {
                        printer.talk(CANCELLING);
                    }
                }
                Some(SingleDropUpdate::Moment(moment, words)) => {
                    if !args.json {
                        printer.line(&moment_line(moment, words.as_deref()));
                        last = Some((moment, clock::now()));
                    }
                }
                Some(SingleDropUpdate::Closing) => is_dialling = false,
                Some(SingleDropUpdate::Ended(result)) => {
                    is_dialling = false;
                    ended(args, (drop, shown), result, printer);
                }
                None => return,
            },
            _ = ticks.tick(), if is_dialling && printer.is_live() => {
                if let Some((moment, heard)) = last {
                    let since_start = moment.at + clock::now().duration_since(heard);
                    printer.status(&status_line(since_start, moment.event));
                }
            }
            () = stop.requested() => {
                requests += 1;
                if requests > 1 {
                    handle.quit();
                } else {
                    handle.cancel();
                    if is_dialling {
                        printer.talk(CANCELLING);
                    }
                }
            }
        }
    }
}

/// Shows how the drop ended.
fn ended(args: &Args, (drop, shown): (DropId, &str), result: SingleDropResult, printer: Printer) {
    let SingleDropResult {
        run,
        report,
        evidence,
        has_quit,
    } = result;
    if let Some(Err(words)) = &evidence {
        printer.warning(words);
    }
    if args.json {
        let record = DropRecord::new(&run, drop, shown.to_owned(), &report);
        printer.json(&match evidence {
            Some(evidence) => record.with_evidence(evidence),
            None => record,
        });
    } else if !has_quit {
        printer.line(&last_line(&report, printer));
        printer.line(&proof_words(&report));
        if let Some(Ok(path)) = &evidence {
            printer.line(&format!("evidence: {}", path.display()));
        }
    }
}

const CANCELLING: &str = "cancelling; once more to quit at once";

/// From one look at a live status line to the next.
const TICK: Duration = Duration::from_millis(100);
