//! One drop of a campaign from its intent to its end: a task each, which holds what only that drop needs.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Input,
    messages::{Awaited, Sound},
};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, ContactId, Start},
    },
    clock,
    config::Config,
    drop::{DropRecord, Milestone, Mode, Outcome, OutcomeReason, Plan, Proof, Report, Technique},
    error_chain::chain,
    evidence::{Archive, Folder, title_of},
    id::{DropId, RunName},
    phone::{CallerId, PhoneNumber},
    runtime::{DropUpdate, Job, PbxLink, TrunkProbe, TrunkState, plan, session::Orders},
    store::DropEnd,
    words::Leg,
};

/// An attempt at a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) campaign: CampaignId,
    pub(super) contact: ContactId,
    /// Counted from 1.
    pub(super) number: u32,
}

/// What one drop needs.
pub(super) struct DropTask {
    pub(super) attempt: Attempt,
    pub(super) drop: DropId,
    pub(super) number: PhoneNumber,
    pub(super) technique: Technique,
    /// Who finds out who answered; `None`: as the configuration has it.
    pub(super) mode: Option<Mode>,
    pub(super) caller_id: Option<CallerId>,
    pub(super) message: Awaited,
    /// Until when it may be dialled: what allowed it does not hold for ever.
    pub(super) dial_by: Instant,
    /// The wish that it ends.
    pub(super) cancel: CancellationToken,
}

/// A drop that has ended.
#[derive(Debug)]
pub(super) struct Completed {
    pub(super) attempt: Attempt,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<OutcomeReason>,
    pub(super) calls: Calls,
    pub(super) end: Box<DropEnd>,
}

/// What all drops share.
pub(super) struct DropWorker {
    pub(super) config: Config,
    pub(super) run: RunName,
    pub(super) orders: Orders,
    pub(super) link: watch::Receiver<PbxLink>,
    pub(super) trunk: TrunkProbe,
    /// Where evidence is kept, where it is.
    pub(super) archive: Option<Archive>,
    pub(super) happened: mpsc::UnboundedSender<Input>,
}

impl DropWorker {
    /// Carries the drop out and tells its end. Its intent is written.
    pub(super) async fn run_drop(self: Arc<Self>, flight: DropTask) {
        let attempt = flight.attempt;
        let happened = match self.carry_out(flight).await {
            Some(completed) => Input::Completed(completed),
            None => Input::NotDialled(attempt),
        };
        // The loop is gone only where the program ends at once.
        let _ = self.happened.send(happened);
    }

    /// `None`: certainly nothing was dialled.
    async fn carry_out(&self, flight: DropTask) -> Option<Completed> {
        let sound = match flight.message.clone().await {
            Ok(sound) => sound,
            Err(words) => return Some(self.failed_before_dial(&flight, &words)),
        };
        let mut folder = None;
        if let Some(archive) = &self.archive {
            match begin(archive.clone(), flight.drop).await {
                Ok(begun) => folder = Some(begun),
                // Better no drop than one that was to be proven and is not.
                Err(words) => return Some(self.failed_before_dial(&flight, &words)),
            }
        }
        let is_late = clock::now() > flight.dial_by;
        if is_late || flight.cancel.is_cancelled() || *self.link.borrow() != PbxLink::Up {
            return None;
        }
        let job = self.job(&flight, &sound, folder.as_mut());
        let mut updates = self.orders.start(job).await;
        let mut has_begun = false;
        let mut is_cancelled = false;
        loop {
            let heard = tokio::select! {
                heard = updates.recv() => heard,
                () = flight.cancel.cancelled(), if !is_cancelled => {
                    is_cancelled = true;
                    self.orders.cancel(flight.drop).await;
                    continue;
                }
            };
            match heard {
                Some(DropUpdate::Moment(..)) => has_begun = true,
                // What allowed it may not hold any more; it is decided on again.
                Some(DropUpdate::Ended(report)) if report.is_not_dialled() => {
                    debug!(drop = %flight.drop, why = report.words, "not dialled");
                    return None;
                }
                // Nothing was dialled, and nothing is said of the contact: it is due again when the trunk is back.
                Some(DropUpdate::Ended(report))
                    if is_not_made(&report)
                        && self.trunk.ask().await == Some(TrunkState::Offline) =>
                {
                    return None;
                }
                Some(DropUpdate::Ended(report)) => {
                    return Some(self.land(flight, *report, folder, &sound).await);
                }
                None if has_begun => {
                    let report = unseen(Outcome::Lost, "the run ended before the drop");
                    return Some(self.land(flight, report, folder, &sound).await);
                }
                None => return None,
            }
        }
    }

    fn job(&self, flight: &DropTask, sound: &Sound, folder: Option<&mut Folder>) -> Job {
        let plan = plan(&self.config, sound.length);
        Job {
            id: flight.drop,
            number: flight.number.clone(),
            plan: Plan {
                technique: flight.technique,
                mode: flight.mode.unwrap_or(plan.mode),
                ..plan
            },
            media: sound.media.clone(),
            sound: sound.samples.clone(),
            echo: sound.echo.clone(),
            tape: folder.and_then(Folder::recorder),
            caller_id: flight.caller_id.clone(),
            campaign: Some(flight.attempt.campaign),
            dial_by: flight.dial_by,
        }
    }

    /// The end of a drop that could not be dialled for a reason that will still be there.
    fn failed_before_dial(&self, flight: &DropTask, words: &str) -> Completed {
        let report = unseen(Outcome::Error, words);
        let ended = DropRecord::new(&self.run, flight.drop, flight.number.to_string(), &report);
        completed(flight, &report, &ended, None)
    }

    async fn land(
        &self,
        flight: DropTask,
        report: Report,
        folder: Option<Folder>,
        sound: &Sound,
    ) -> Completed {
        let shown = flight.number.to_string();
        let Some(folder) = folder else {
            let ended = DropRecord::new(&self.run, flight.drop, shown, &report);
            return completed(&flight, &report, &ended, None);
        };
        let (run, samples, drop) = (self.run.clone(), sound.samples.clone(), flight.drop);
        let report = Arc::new(report);
        let told = Arc::clone(&report);
        let kept = spawn_blocking(move || {
            let ended = DropRecord::new(&run, drop, shown, &told);
            keep(folder, drop, &ended, &told, samples.as_deref())
        });
        let kept = match kept.await {
            Ok(kept) => kept,
            Err(error) => Err(format!("the evidence was not kept: {error}")),
        };
        if let Err(words) = &kept {
            tracing::warn!(%drop, words, "the evidence of a drop could not be kept");
        }
        let path = kept.as_ref().ok().map(|path| path.display().to_string());
        let shown = flight.number.to_string();
        let ended = DropRecord::new(&self.run, drop, shown, &report).with_evidence(kept);
        completed(&flight, &report, &ended, path)
    }
}

/// Whether the PBX could make none of the calls.
fn is_not_made(report: &Report) -> bool {
    report.reason == Some(OutcomeReason::NotMade) && report.busy.is_none() && report.drop.is_none()
}

/// The end of a drop of which nothing is known but that its controller died.
pub(crate) fn lost(run: &RunName, drop: DropId, words: &str) -> Box<DropEnd> {
    let report = unseen(Outcome::Lost, words);
    // Its number is in the store.
    let ended = DropRecord::new(run, drop, String::new(), &report);
    Box::new(end(drop, &report, &ended, None))
}

/// The number of the attempt, and when it was decided on: what the loop keeps of a drop.
#[derive(Debug)]
pub(super) struct Aloft {
    pub(super) attempt: Attempt,
    pub(super) drop: DropId,
    /// When the engine decided on it.
    pub(super) decided: Timestamp,
    pub(super) cancel: CancellationToken,
    pub(super) stage: Stage,
}

/// How far a drop has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Its intent is being written.
    Writing(Box<Start>),
    /// Its intent is written, and it waits for its place.
    Waiting(Box<Start>),
    /// Its task has it.
    Flying,
}

async fn begin(archive: Archive, drop: DropId) -> Result<Folder, String> {
    let begun = spawn_blocking(move || archive.begin(drop, clock::wall())).await;
    match begun {
        Ok(begun) => begun.map_err(|error| chain(&error)),
        Err(error) => Err(format!("no folder for evidence: {error}")),
    }
}

/// Keeps the evidence of a drop that has ended; tells where, or in words why not.
fn keep(
    folder: Folder,
    drop: DropId,
    ended: &DropRecord<'_>,
    report: &Report,
    message: Option<&[i16]>,
) -> Result<PathBuf, String> {
    let title = title_of(
        &drop.to_string(),
        report.outcome.slug(),
        report.proof.slug(),
    );
    let kept = folder.keep(ended, &title, message, clock::wall());
    kept.map_err(|error| chain(&error))
}

fn completed(
    flight: &DropTask,
    report: &Report,
    ended: &DropRecord<'_>,
    evidence: Option<String>,
) -> Completed {
    Completed {
        attempt: flight.attempt,
        outcome: report.outcome,
        reason: report.reason,
        calls: Calls::of(report),
        end: Box::new(end(flight.drop, report, ended, evidence)),
    }
}

/// How a drop ended, for the books.
pub(crate) fn end(
    drop: DropId,
    report: &Report,
    ended: &DropRecord<'_>,
    evidence: Option<String>,
) -> DropEnd {
    DropEnd {
        drop,
        outcome: report.outcome,
        proof: report.proof,
        busy_up_ms: up_ms(report, Leg::Busy),
        drop_up_ms: up_ms(report, Leg::Drop),
        // It is made of texts, numbers and lists, all of which JSON has.
        report: serde_json::to_string(ended).unwrap_or_default(),
        evidence,
    }
}

/// How long a leg was up, in ms: from its answer to its end, or to the last that was heard of the drop; 0 where it was
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

/// The report of a drop of which nothing was seen.
pub(crate) fn unseen(outcome: Outcome, words: &str) -> Report {
    Report {
        outcome,
        reason: None,
        verdict: None,
        amd_cause: None,
        reasons: None,
        promoted: false,
        ready_by: None,
        ready_at: None,
        beep: None,
        played: Duration::ZERO,
        restarts: 0,
        heard: Duration::ZERO,
        proof: Proof::Unproven,
        proof_reasons: vec![words.to_owned()],
        ended_by: None,
        words: Some(words.to_owned()),
        busy: None,
        drop: None,
        timeline: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
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
                "a promoted leg whose end was not told",
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
                ..unseen(Outcome::Delivered, "")
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
