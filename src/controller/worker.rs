//! The drops of campaigns: a task each, from the launch to the end.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Instant,
};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    Input,
    admission::AdmissionSteps,
    carry_out::{CarriedOut, RUN_ENDED, StopSignals, carry_out, end},
    evidence,
    messages::{Awaited, PlayableMessage},
};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, ContactId, Start},
    },
    clock::{self, Steady},
    config::Config,
    drop::{DropRecord, Mode, Moment, Outcome, OutcomeReason, Plan, Report},
    error_chain::chain,
    evidence::{Archive, Folder},
    id::{DropId, RunName},
    runtime::{CallSpec, PbxLink, TrunkProbe, TrunkState, plan, session::Orders},
    store::{DropEnd, Store},
    telemetry,
    traces::DropTrace,
};

/// An attempt at a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) campaign: CampaignId,
    pub(super) contact: ContactId,
    /// Counted from 1.
    pub(super) number: u32,
}

/// A drop whose intent is written, and what it needs beside the engine's decision.
pub(super) struct DropTask {
    pub(super) drop: DropId,
    pub(super) start: Start,
    /// Who detects the answering party; `None`: as the configuration has it.
    pub(super) mode: Option<Mode>,
    pub(super) message: Awaited,
    /// Whether the campaign itself names it, not the contact's own row.
    pub(super) is_of_campaign: bool,
    /// Until when it may be dialled: what allowed it does not hold for ever.
    pub(super) dial_by: Instant,
    /// The same by the clock that goes on while the machine is suspended.
    pub(super) stale_at: Timestamp,
    /// When it was decided on and committed, and the campaign's name, for its trace.
    pub(super) steps: AdmissionSteps,
    pub(super) campaign: Option<String>,
    /// Ends the drop.
    pub(super) cancel: CancellationToken,
}

impl DropTask {
    const fn attempt(&self) -> Attempt {
        Attempt {
            campaign: self.start.campaign,
            contact: self.start.contact.id,
            number: self.start.attempt,
        }
    }
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

/// That nothing was dialled, for certain.
enum NotDialled {
    /// Things have changed since it was decided on.
    ForNow,
    /// Its message or the folder of its evidence cannot be read or written, for this reason.
    FilesAway(Arc<str>),
}

/// What all drops share.
#[derive(Clone)]
pub(super) struct DropWorker {
    pub(super) clock: Arc<Steady>,
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) run: RunName,
    pub(super) orders: Orders,
    pub(super) link: watch::Receiver<PbxLink>,
    pub(super) trunk: TrunkProbe,
    /// The folder for evidence, if it is kept.
    pub(super) archive: Option<Archive>,
    pub(super) inputs: mpsc::UnboundedSender<Input>,
}

impl DropWorker {
    /// Carries the drop out and reports its end. Its intent is committed.
    pub(super) async fn run_drop(self: Arc<Self>, task: DropTask) {
        let attempt = task.attempt();
        let input = match self.carry_out(task).await {
            Ok(completed) => Input::Completed(completed),
            Err(NotDialled::ForNow) => Input::NotDialled(attempt),
            Err(NotDialled::FilesAway(words)) => Input::FilesAway(attempt, words),
        };
        // The loop is gone only if the program ends at once.
        let _ = self.inputs.send(input);
    }

    /// The error: nothing was dialled, for certain.
    async fn carry_out(&self, task: DropTask) -> Result<Completed, NotDialled> {
        let sound = match task.message.clone().await {
            Ok(sound) => sound,
            Err(why) if why.is_passing(task.is_of_campaign) => {
                return Err(NotDialled::FilesAway(why.words));
            }
            Err(why) => return Ok(self.failed_before_dial(&task, &why.words)),
        };
        let mut folder = None;
        if let Some(archive) = &self.archive {
            match evidence::begin(archive.clone(), task.drop, self.clock.now()).await {
                Ok(begun) => folder = Some(begun),
                // No drop is better than one that was to be proven and is not.
                Err(error) => return Err(NotDialled::FilesAway(chain(&error).into())),
            }
        }
        let is_late = clock::now() > task.dial_by || self.clock.now() > task.stale_at;
        if is_late
            || !self.clock.is_certain()
            || task.cancel.is_cancelled()
            || *self.link.borrow() != PbxLink::Up
        {
            return Err(NotDialled::ForNow);
        }
        let stop = StopSignals {
            cancel: task.cancel.clone(),
            ..StopSignals::default()
        };
        let tape = folder.as_mut().and_then(Folder::recorder);
        let spec = self.spec(&task, &sound);
        let dialled_at = OnceLock::new();
        let on_moment = |moment: Moment, _| {
            dialled_at.get_or_init(|| self.clock.now() - moment.at);
        };
        let carried_out = carry_out(&self.orders, spec, tape, &stop, on_moment).await;
        let dialled_at = dialled_at.get().copied();
        match carried_out {
            // What allowed it may not hold any more; it is decided on again.
            CarriedOut::NotDialled(report) => {
                debug!(drop = %task.drop, why = report.words, "not dialled");
                Err(NotDialled::ForNow)
            }
            // Nothing was dialled, and nothing is said of the contact: it is due again when the trunk is back.
            CarriedOut::Ended(report)
                if is_not_made(&report) && self.trunk.ask().await == Some(TrunkState::Offline) =>
            {
                Err(NotDialled::ForNow)
            }
            CarriedOut::Ended(report) => {
                self.trace(&task, &report, dialled_at);
                Ok(self.complete(task, *report, folder, &sound).await)
            }
            CarriedOut::Abandoned(heard) | CarriedOut::Quit(heard) if heard.is_empty() => {
                Err(NotDialled::ForNow)
            }
            CarriedOut::Abandoned(_) | CarriedOut::Quit(_) => {
                let report = Report::unseen(Outcome::Lost, RUN_ENDED);
                self.trace(&task, &report, dialled_at);
                Ok(self.complete(task, report, folder, &sound).await)
            }
        }
    }

    fn spec(&self, task: &DropTask, sound: &PlayableMessage) -> CallSpec {
        let start = &task.start;
        let plan = plan(&self.config, sound.length);
        let plan = Plan {
            technique: start.technique,
            mode: task.mode.unwrap_or(plan.mode),
            ..plan
        };
        CallSpec {
            campaign: Some(start.campaign),
            sound: sound.samples.clone(),
            echo: sound.echo.clone(),
            caller_id: start.caller_id.clone(),
            ..CallSpec::new(
                task.drop,
                start.contact.number.clone(),
                plan,
                sound.media.clone(),
                task.dial_by,
            )
        }
    }

    /// The end of a drop that could not be dialled for a reason that will still be there.
    fn failed_before_dial(&self, task: &DropTask, words: &str) -> Completed {
        let report = Report::unseen(Outcome::Error, words);
        self.trace(task, &report, None);
        self.completed(task, &report, None)
    }

    /// Has the drop's trace sent, if traces are.
    fn trace(&self, task: &DropTask, report: &Report, dialled_at: Option<Timestamp>) {
        if !telemetry::sends_traces() {
            return;
        }
        telemetry::drop_ended(&DropTrace {
            drop: task.drop,
            parent: None,
            campaign: task.campaign.clone(),
            technique: task.start.technique,
            asked_at: task.steps.asked_at,
            decided_at: task.steps.decided_at,
            committed_at: task.steps.committed_at,
            dialled_at,
            ended_at: self.clock.now(),
            report: report.clone(),
        });
    }

    async fn complete(
        &self,
        task: DropTask,
        report: Report,
        folder: Option<Folder>,
        sound: &PlayableMessage,
    ) -> Completed {
        let Some(folder) = folder else {
            return self.completed(&task, &report, None);
        };
        let report = Arc::new(report);
        let shown = task.start.contact.number.to_string();
        let subject = (&self.run, task.drop, shown.as_str());
        let message = (sound.samples.clone(), sound.parts());
        let whose = (&self.store, &task.start.contact.number);
        let now = self.clock.now();
        let kept = evidence::keep(whose, folder, subject, &report, message, now).await;
        if let Err(words) = &kept {
            warn!(drop = %task.drop, words, "the evidence of a drop could not be kept");
        }
        self.completed(&task, &report, Some(kept))
    }

    fn completed(
        &self,
        task: &DropTask,
        report: &Report,
        evidence: Option<Result<PathBuf, String>>,
    ) -> Completed {
        let kept = evidence.as_ref().and_then(|kept| kept.as_ref().ok());
        let path = kept.map(|path| path.display().to_string());
        let shown = task.start.contact.number.to_string();
        let mut record = DropRecord::new(&self.run, task.drop, shown, report);
        if let Some(evidence) = evidence {
            record = record.with_evidence(evidence);
        }
        Completed {
            attempt: task.attempt(),
            outcome: report.outcome,
            reason: report.reason,
            calls: Calls::of(report),
            end: Box::new(end(task.drop, report, &record, path)),
        }
    }
}

/// Whether the PBX could make none of the calls.
fn is_not_made(report: &Report) -> bool {
    report.reason == Some(OutcomeReason::NotMade) && report.busy.is_none() && report.drop.is_none()
}
