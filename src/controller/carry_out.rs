//! One drop from its committed intent to its end, the same for campaigns and for single drops.
//!
//! ```text
//!   campaign:     engine and gate ── intent ──> DropWorker ──┐
//!                                                            ├──> carry_out ──> evidence ──> end ──> store
//!   single drop:  SingleDropAdmission ── intent ──> run ─────┘
//! ```
//!
//! The caller of [`carry_out`] has had the intent committed, so that a process that dies leaves a trace of every call that
//! it may have made.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    drop::{DropRecord, Milestone, Moment, Outcome, Report},
    evidence::Recorder,
    id::{DropId, RunName},
    runtime::{CallSpec, DropUpdate, session::Orders},
    store::{DropEnd, Orphan},
    telemetry,
    traces::{DropTrace, TraceParent},
    words::Leg,
};

/// What ends a drop before it ends by itself. Clones act on the same drop.
#[derive(Clone, Debug, Default)]
pub(super) struct StopSignals {
    /// Hangs the drop up; its end is still waited for.
    pub(super) cancel: CancellationToken,
    /// Gives up waiting for its end.
    pub(super) quit: CancellationToken,
}

/// How the carrying out of a drop ended.
#[derive(Debug)]
pub(super) enum CarriedOut {
    /// Nothing was dialled, for certain.
    NotDialled(Box<Report>),
    /// The drop has ended.
    Ended(Box<Report>),
    /// The run ended before the drop; what was heard of it until then. If that is nothing, nothing was dialled.
    Abandoned(Vec<Moment>),
    /// [`StopSignals::quit`]; what was heard of it until then.
    Quit(Vec<Moment>),
}

/// Dials a drop and follows it to its end. Its intent is committed.
pub(super) async fn carry_out(
    driver: &Orders,
    spec: CallSpec,
    tape: Option<Recorder>,
    stop: &StopSignals,
    on_moment: impl Fn(Moment, Option<String>),
) -> CarriedOut {
    let drop = spec.drop;
    let mut updates = driver.start(spec, tape).await;
    let mut heard = Vec::new();
    let mut is_cancelled = false;
    loop {
        let update = tokio::select! {
            // A caller that quits has ordered the calls to be hung up before.
            biased;
            () = stop.cancel.cancelled(), if !is_cancelled => {
                is_cancelled = true;
                driver.cancel(drop).await;
                continue;
            }
            update = updates.recv() => update,
            () = stop.quit.cancelled() => return CarriedOut::Quit(heard),
        };
        match update {
            Some(DropUpdate::Moment(moment, words)) => {
                heard.push(moment);
                on_moment(moment, words);
            }
            Some(DropUpdate::Ended(report)) if report.is_not_dialled() => {
                return CarriedOut::NotDialled(report);
            }
            Some(DropUpdate::Ended(report)) => return CarriedOut::Ended(report),
            None => return CarriedOut::Abandoned(heard),
        }
    }
}

/// The end of a drop of which nothing is known but that its controller died.
pub(super) fn lost(run: &RunName, drop: DropId, words: &str) -> Box<DropEnd> {
    let report = Report::unseen(Outcome::Lost, words);
    // Its number is in the store.
    let record = DropRecord::new(run, drop, String::new(), &report);
    Box::new(end(drop, &report, &record, None))
}

/// Has the trace of a drop sent that was found when its process had died, if traces are: of what came between its intent and this
/// moment nothing is known.
pub(super) fn trace_lost(orphan: &Orphan, words: &str, now: Timestamp) {
    if !telemetry::sends_traces() {
        return;
    }
    let parent = orphan.traceparent.as_deref();
    let started_at = orphan.started_at.min(now);
    telemetry::drop_ended(&DropTrace {
        drop: orphan.drop,
        parent: parent.and_then(TraceParent::parse),
        campaign: orphan.campaign_name.clone(),
        technique: orphan.technique,
        asked_at: started_at,
        decided_at: started_at,
        committed_at: started_at,
        dialled_at: None,
        ended_at: now,
        report: Report::unseen(Outcome::Lost, words),
    });
}

/// The report of a drop whose end was not seen, by what was heard of it: `cancelled` if the operator did not wait for it and
/// the message had not begun, else `lost`, for how much was heard is not known.
pub(super) fn abandoned(heard: Vec<Moment>, by_operator: bool) -> Report {
    let has_played = heard
        .iter()
        .any(|each| each.event == Milestone::PlayStarted);
    let (outcome, words) = match (by_operator, has_played) {
        (true, false) => (
            Outcome::Cancelled,
            "the operator quit before its calls had ended",
        ),
        (true, true) => (
            Outcome::Lost,
            "the operator quit while its message played, or after",
        ),
        (false, _) => (Outcome::Lost, RUN_ENDED),
    };
    Report {
        timeline: heard,
        ..Report::unseen(outcome, words)
    }
}

/// How a drop ended, for the store. `record` is its object with the number masked, `evidence` the folder of its evidence.
pub(super) fn end(
    drop: DropId,
    report: &Report,
    record: &DropRecord<'_>,
    evidence: Option<String>,
) -> DropEnd {
    DropEnd {
        drop,
        outcome: report.outcome,
        proof: report.proof,
        busy_up_ms: up_ms(report, Leg::Busy),
        drop_up_ms: up_ms(report, Leg::Drop),
        // It is made of texts, numbers and lists, all of which JSON has.
        report: serde_json::to_string(record).unwrap_or_default(),
        evidence,
    }
}

/// How long a leg was up, in ms: from its answer to its end, or to the last that was heard of the drop; 0 if it was
/// not answered.
fn up_ms(report: &Report, leg: Leg) -> u64 {
    let (answered, gone) = match leg {
        Leg::Busy => (Milestone::BusyAnswered, Milestone::BusyGone),
        Leg::Drop => (Milestone::DropAnswered, Milestone::DropGone),
    };
    let at = |event| {
        let moment = report.timeline.iter().find(|moment| moment.event == event);
        moment.map(|moment| moment.at)
    };
    let Some(answered) = at(answered) else {
        return 0;
    };
    let last = report.timeline.last().map(|moment| moment.at);
    let up = at(gone).or(last).unwrap_or_default();
    u64::try_from(up.saturating_sub(answered).as_millis()).unwrap_or(u64::MAX)
}

/// What is said of a drop whose run ended first.
pub(super) const RUN_ENDED: &str = "the run ended before the drop";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::drop::Moment;

    #[test]
    fn a_leg_is_up_from_its_answer_to_its_end() {
        use Milestone as M;
        let rows = [
            (
                "never answered",
                vec![(M::DropDialled, 0), (M::DropGone, 900)],
                0,
                0,
            ),
            (
                "the drop leg",
                vec![
                    (M::BusyDialled, 0),
                    (M::DropDialled, 2_000),
                    (M::BusyHungUp, 3_000),
                    (M::BusyGone, 3_050),
                    (M::DropAnswered, 3_500),
                    (M::DropGone, 13_250),
                ],
                0,
                9_750,
            ),
            (
                "a promoted leg whose end was not heard of",
                vec![(M::BusyAnswered, 400), (M::PlayFinished, 5_400)],
                5_000,
                0,
            ),
        ];
        for (name, timeline, busy, drop) in rows {
            let moments = timeline.into_iter().map(|(event, millis)| Moment {
                at: Duration::from_millis(millis),
                event,
            });
            let report = Report {
                timeline: moments.collect(),
                ..Report::unseen(Outcome::Delivered, "")
            };
            let up = (up_ms(&report, Leg::Busy), up_ms(&report, Leg::Drop));
            assert_eq!(up, (busy, drop), "{name}");
        }
    }

    #[test]
    fn a_drop_that_is_lost_says_so_without_a_number() {
        let run = RunName::new("run1").unwrap();
        let end = lost(&run, DropId::from_u128(7), "its controller died");
        assert_eq!(end.outcome, Outcome::Lost);
        let report: serde_json::Value = serde_json::from_str(&end.report).unwrap();
        assert_eq!(report["outcome"], "lost");
        assert_eq!(report["words"], "its controller died");
    }
}
