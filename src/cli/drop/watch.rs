//! Follows a drop while it happens.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    cli::{
        printer::Printer,
        report::{moment_line, status_line},
        stop::Stop,
    },
    clock,
    drop::{Moment, Report},
    runtime::{DropUpdate, Session},
};

/// How the watching of a drop ended.
pub(super) enum Watched {
    /// The drop has ended.
    Ended(Box<Report>),
    /// The run has ended before it; what was heard of it until then.
    Abandoned(Vec<Moment>),
    /// The operator does not want to wait for its end; what was heard of it until then.
    Quit(Vec<Moment>),
}

/// Follows the drop to its end. The first wish to stop cancels it; the second is granted at once.
pub(super) async fn watch(
    session: &Session,
    mut news: mpsc::UnboundedReceiver<DropUpdate>,
    stop: &mut Stop,
    quiet: bool,
    printer: Printer,
) -> Watched {
    let mut requests = 0;
    let mut moments = Vec::new();
    let mut last = None;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            heard = news.recv() => match heard {
                Some(DropUpdate::Moment(moment, note)) => {
                    moments.push(moment);
                    if !quiet {
                        printer.line(&moment_line(moment, note.as_deref()));
                        last = Some((moment, clock::now()));
                    }
                }
                Some(DropUpdate::Ended(report)) => return Watched::Ended(report),
                None => return Watched::Abandoned(moments),
            },
            _ = ticks.tick(), if printer.is_live() => {
                if let Some((moment, heard)) = last {
                    let since_start = moment.at + clock::now().duration_since(heard);
                    printer.status(&status_line(since_start, moment.event));
                }
            }
            () = stop.requested() => {
                requests += 1;
                if requests > 1 {
                    return Watched::Quit(moments);
                }
                printer.talk("cancelling; once more to quit at once");
                session.cancel_all().await;
            }
        }
    }
}

/// From one look at a live status line to the next.
const TICK: Duration = Duration::from_millis(100);
