//! One drop outside any campaign, from the order to the end that is written: what `aftertone drop` and any other caller do.
//!
//! A [`SingleDrop`] is a plain order. [`SingleDrop::start`] carries it out in a task and returns a [`SingleDropHandle`], by
//! which the caller follows it, cancels it, and takes its end:
//!
//! ```text
//!   gate ──> PBX, trunk ──> message, evidence ──> event link ──> gate again, intent ──> calls ──> evidence, end
//!    └──────────────────── SingleDropError: nothing was dialled ───────────┘           SingleDropUpdate ──> SingleDropEnd
//! ```

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tracing::info;

pub use super::drop_order::{DropMessage, SingleDrop};

use super::{
    admission::{Admission, AdmissionError, Admitted, Patience, RunOf, SingleDropAdmission},
    carry_out::{CarriedOut, StopSignals, abandoned, carry_out},
    evidence::{self, EvidenceError},
    gate,
    messages::PlayableMessage,
    prompts,
    run_of::{RunOfDrop, SharedRun},
};
use crate::{
    audio,
    campaign::{Decision, policy::Ruling},
    clock::{self, Doubt},
    config::Config,
    drop::{DropRecord, Moment, Plan, Report},
    evidence::{Archive, Folder},
    id::RunName,
    metrics,
    runtime::{CallSpec, DriverError, PbxLink, Session, SessionError},
    store::{OrderKeeping, StoreError},
    tasks, telemetry,
    traces::DropTrace,
};

/// What happens to a single drop, in this order; each but [`Self::Moment`] once at most.
#[derive(Debug)]
pub enum SingleDropUpdate {
    /// The event link to the PBX is down; it is waited for, so long at most.
    WaitingForLink(Duration),
    /// Other drops use all that the trunk carries; room is waited for.
    WaitingForTrunk,
    /// Its intent is committed, and it is about to be dialled.
    Dialling,
    /// A milestone, with what is to be said about it beyond its name.
    Moment(Moment, Option<String>),
    /// Its calls have ended, and the run is closed.
    Closing,
    /// It has ended; its end is still to be written.
    Ended(SingleDropResult),
}

/// A single drop that has ended.
#[derive(Debug)]
pub struct SingleDropResult {
    /// The run that carried it out.
    pub run: RunName,
    /// Its outcome, with all that was seen of it.
    pub report: Arc<Report>,
    /// The folder of its evidence, or in words why it was not kept; `None` if none was to be kept.
    pub evidence: Option<Result<PathBuf, String>>,
    /// The caller has quit before the end was seen.
    pub has_quit: bool,
}

/// The end of a single drop of which something may have been dialled.
#[derive(Debug)]
pub struct SingleDropEnd {
    /// Its outcome, with all that was seen of it.
    pub report: Arc<Report>,
    /// What is unusual about it.
    pub ending: SingleDropEnding,
    /// Why its end is not in the store, which will have it as `lost`; `None`: it is there.
    pub unwritten: Option<Unwritten>,
}

/// What is unusual about the end of a single drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleDropEnding {
    /// Nothing.
    Orderly,
    /// The caller did not wait for it.
    Quit,
    /// Another program registered its app, and took its events.
    Replaced,
}

/// Why the end of a drop is not in the store.
#[derive(Debug)]
pub enum Unwritten {
    /// The store.
    Store(StoreError),
    /// The caller has quit, and the store took too long.
    TooLate,
}

/// Why nothing was dialled.
#[derive(Debug, Error)]
pub enum SingleDropError {
    /// The database, without which nothing is dialled.
    #[error(transparent)]
    Store(StoreError),
    /// The gate does not allow it.
    #[error("the gate does not allow this drop")]
    Stopped(Box<Ruling>),
    /// Others use all that the trunk carries.
    #[error("nothing was dialled: the trunk carries no more calls at this moment")]
    TrunkFull,
    /// Others call the number at this moment.
    #[error("the number is being called by others at this moment")]
    Contended,
    /// The clocks cannot be relied on, so that it is not known which rules hold at this moment.
    #[error("nothing was dialled: {0}")]
    Clocks(Doubt),
    /// Everything about the person was erased.
    #[error("everything about the person was erased, and they are never called again")]
    Erased,
    /// Evidence was to be kept, and cannot be.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The run could not begin.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The trunk cannot be used.
    #[error(
        "nothing was dialled: the trunk {trunk} is offline, its far end does not answer the PBX"
    )]
    TrunkOffline {
        /// The trunk, as the PBX names it.
        trunk: String,
    },
    /// The message.
    #[error(transparent)]
    Message(audio::Error),
    /// The PBX's events did not come back in time.
    #[error("nothing was dialled: the event link to the PBX is down")]
    LinkDown,
    /// Another program registered the app of this drop.
    #[error("nothing was dialled: another program registered the Stasis app of this drop")]
    Replaced,
    /// It was cancelled before a call was made.
    #[error("interrupted before a call was made")]
    Interrupted,
    /// Another process carries out the order of the same key, or has dialled or ended the drop that was held.
    #[error("the key of the order was used meanwhile")]
    KeyTaken,
    /// It has expired before it could be dialled.
    #[error("nothing was dialled: it expired before it could be")]
    Expired,
    /// Its intent was committed, and it was not dialled after all.
    #[error("nothing was dialled: {words}")]
    NotDialled {
        /// The reason.
        words: String,
        /// Why its intent is still in the store; `None`: it was taken back.
        unwritten: Option<StoreError>,
    },
    /// Its intent was committed, and it was cancelled before a call was made.
    #[error("interrupted before a call was made")]
    Cancelled {
        /// Why its intent is still in the store; `None`: it was taken back.
        unwritten: Option<StoreError>,
    },
}

impl From<AdmissionError> for SingleDropError {
    fn from(error: AdmissionError) -> Self {
        match error {
            AdmissionError::Store(error) => Self::Store(error),
            AdmissionError::Contended => Self::Contended,
            AdmissionError::Full => Self::TrunkFull,
            AdmissionError::Interrupted => Self::Interrupted,
            AdmissionError::Clocks(doubt) => Self::Clocks(doubt),
            AdmissionError::Erased => Self::Erased,
            AdmissionError::KeyTaken => Self::KeyTaken,
            AdmissionError::Expired => Self::Expired,
        }
    }
}

/// A single drop that is carried out.
#[derive(Debug)]
pub struct SingleDropHandle {
    updates: mpsc::UnboundedReceiver<SingleDropUpdate>,
    stop: StopSignals,
    task: JoinHandle<Result<SingleDropEnd, SingleDropError>>,
}

impl SingleDropHandle {
    /// The next thing that happens; `None` once nothing more does, and [`Self::end`] is there.
    pub async fn next(&mut self) -> Option<SingleDropUpdate> {
        self.updates.recv().await
    }

    /// Cancels it: what was not dialled is not, and what was is hung up. Its end is still waited for.
    pub fn cancel(&self) {
        self.stop.cancel.cancel();
    }

    /// Cancels it, and does not wait for its calls to end: what is known of it by now is written.
    pub fn quit(&self) {
        self.stop.cancel.cancel();
        self.stop.quit.cancel();
    }

    /// Its end.
    ///
    /// # Errors
    /// [`SingleDropError`] if nothing was dialled.
    pub async fn end(self) -> Result<SingleDropEnd, SingleDropError> {
        tasks::join(self.task).await
    }
}

impl SingleDrop {
    /// Carries it out, in a task of its own.
    pub fn start(self, config: Config) -> SingleDropHandle {
        self.start_on(config, None, None)
    }

    /// Carries it out by a run that others share, with its message if that is made ready already.
    pub(super) fn start_by(
        self,
        config: Config,
        run: Arc<SharedRun>,
        sound: Option<PlayableMessage>,
    ) -> SingleDropHandle {
        self.start_on(config, Some(run), sound)
    }

    fn start_on(
        self,
        config: Config,
        shared: Option<Arc<SharedRun>>,
        sound: Option<PlayableMessage>,
    ) -> SingleDropHandle {
        let (updates, updated) = mpsc::unbounded_channel();
        let stop = StopSignals::default();
        let run = SingleDropRun {
            order: self,
            config,
            stop: stop.clone(),
            updates,
            sound,
            dialled_at: OnceLock::new(),
        };
        SingleDropHandle {
            updates: updated,
            stop,
            task: tokio::spawn(async move {
                match shared {
                    None => run.run().await,
                    Some(shared) => run.run_by(shared).await,
                }
            }),
        }
    }
}

/// A single drop on its way.
struct SingleDropRun {
    order: SingleDrop,
    config: Config,
    stop: StopSignals,
    updates: mpsc::UnboundedSender<SingleDropUpdate>,
    /// Its message, if that is made ready already.
    sound: Option<PlayableMessage>,
    /// When its first originate was asked for.
    dialled_at: OnceLock<Timestamp>,
}

/// What a drop needs to be dialled.
struct ReadyToDial {
    sound: PlayableMessage,
    folder: Option<Folder>,
    admitted: Admitted,
}

/// What has the most to remember is boxed where it is made: unoptimised, each caller has room on its stack for all that it may become,
/// several times, and a worker's stack is 2 MB.
impl SingleDropRun {
    async fn run(self) -> Result<SingleDropEnd, SingleDropError> {
        gate::warn_of_what_is_off(&self.config.gate);
        let admission = SingleDropAdmission::open(&self.config, self.order.audit.clone()).await;
        let admission = admission.map_err(SingleDropError::Store)?;
        let ruling = admission.ask(&self.order).await?;
        if !ruling.decision.is_allowed() {
            return Err(self.stopped(Box::new(ruling)));
        }
        let archive = match &self.order.evidence {
            Some(dir) => Some(evidence::open(dir.clone(), &self.config).await?),
            None => None,
        };
        let (keeper, book) = admission
            .book()
            .await
            .map_err(SingleDropError::Store)?
            .unzip();
        let keeper = keeper.map(|keeper| tokio::spawn(keeper.keep()));
        let session = tokio::select! {
            session = Session::open(&self.config, book) => session?,
            () = self.stop.cancel.cancelled() => return Err(SingleDropError::Interrupted),
        };
        self.go_on(
            &admission,
            RunOfDrop::Own(Box::new(session)),
            archive,
            keeper,
        )
        .await
    }

    /// The same by a run that others share.
    async fn run_by(self, shared: Arc<SharedRun>) -> Result<SingleDropEnd, SingleDropError> {
        let (store, clock) = (shared.store.clone(), Arc::clone(&shared.clock));
        let admission = SingleDropAdmission::on(store, clock, &self.config);
        let ruling = admission.ask(&self.order).await?;
        if !ruling.decision.is_allowed() {
            return Err(self.stopped(Box::new(ruling)));
        }
        let archive = match &self.order.evidence {
            Some(dir) => Some(evidence::open(dir.clone(), &self.config).await?),
            None => None,
        };
        self.go_on(&admission, RunOfDrop::Shared(shared), archive, None)
            .await
    }

    fn go_on(
        mut self,
        admission: &SingleDropAdmission,
        run: RunOfDrop,
        archive: Option<Archive>,
        keeper: Option<JoinHandle<()>>,
    ) -> BoxFuture<'_, Result<SingleDropEnd, SingleDropError>> {
        async move {
            match self.ready(admission, &run, archive).await {
                Ok(ready) => self.dial(run, ready, keeper).await,
                Err(error) => {
                    // It is reported by what went wrong first.
                    let _ = run.close().await;
                    Err(error)
                }
            }
        }
        .boxed()
    }

    /// Makes all ready that a call needs, and is admitted last: what the gate allows does not hold while the PBX is waited
    /// for.
    async fn ready(
        &mut self,
        admission: &SingleDropAdmission,
        run: &RunOfDrop,
        archive: Option<Archive>,
    ) -> Result<ReadyToDial, SingleDropError> {
        let made = self.sound.take();
        let (order, cancel, session) = (&self.order, &self.stop.cancel, run.session());
        let interrupted = Err(SingleDropError::Interrupted);
        let trunk = session.trunk();
        let is_offline = tokio::select! {
            // A call that is up needs none.
            is_offline = trunk.is_offline(), if order.adopted.is_none() => is_offline,
            () = std::future::ready(()), if order.adopted.is_some() => false,
            () = cancel.cancelled() => return interrupted,
        };
        if is_offline {
            return Err(SingleDropError::TrunkOffline {
                trunk: trunk.name(),
            });
        }
        let sound = match made {
            Some(sound) => sound,
            None => tokio::select! {
                sound = self.sound(session.run().clone()) => sound?,
                () = cancel.cancelled() => return interrupted,
            },
        };
        let folder = match archive {
            Some(archive) => Some(evidence::begin(archive, order.drop, admission.now()).await?),
            None => None,
        };
        self.linked(session).await?;
        if cancel.is_cancelled() {
            return interrupted;
        }
        let patience = Patience {
            cancel,
            waits: &|| self.update(SingleDropUpdate::WaitingForTrunk),
        };
        let run = match run {
            RunOfDrop::Own(session) => RunOf::Own(session),
            RunOfDrop::Shared(shared) => RunOf::Shared(&shared.holder),
        };
        match admission.admit(order, run, &patience).await {
            Ok(Admission::Admitted(admitted)) => Ok(ReadyToDial {
                sound,
                folder,
                admitted: *admitted,
            }),
            Ok(Admission::Stopped(ruling)) => Err(self.stopped(ruling)),
            Err(AdmissionError::Interrupted) => interrupted,
            Err(error) => Err(error.into()),
        }
    }

    async fn sound(&self, run: RunName) -> Result<PlayableMessage, SingleDropError> {
        let sound = PlayableMessage::for_one_drop(&self.order, run).await;
        sound.map_err(SingleDropError::Message)
    }

    /// Waits until the PBX's events flow, if they do not: without them nothing is dialled.
    async fn linked(&self, session: &Session) -> Result<(), SingleDropError> {
        if session.link_within(Duration::ZERO).await == PbxLink::Away {
            self.update(SingleDropUpdate::WaitingForLink(LINK_WITHIN));
        }
        let link = tokio::select! {
            link = session.link_within(LINK_WITHIN) => link,
            () = self.stop.cancel.cancelled() => return Err(SingleDropError::Interrupted),
        };
        match link {
            PbxLink::Up => Ok(()),
            PbxLink::Away => Err(SingleDropError::LinkDown),
            PbxLink::Taken => Err(SingleDropError::Replaced),
        }
    }

    /// Dials the drop, whose intent is committed, and writes its end.
    fn dial(
        self,
        by: RunOfDrop,
        ready: ReadyToDial,
        keeper: Option<JoinHandle<()>>,
    ) -> BoxFuture<'static, Result<SingleDropEnd, SingleDropError>> {
        async move {
            let ReadyToDial {
                sound,
                mut folder,
                admitted,
            } = ready;
            let session = by.session();
            let (drop, run) = (self.order.drop, session.run().clone());
            let dial_by = clock::now() + Plan::DIAL_WITHIN;
            let dial_by = admitted.dial_by().map_or(dial_by, |by| by.min(dial_by));
            // It may have gone down meanwhile. What was allowed holds for as long as this waits, and without it nothing is
            // dialled.
            session.link_within(Plan::DIAL_WITHIN).await;
            // Nobody has been told yet that it is on its way.
            if self.stop.cancel.is_cancelled() {
                let unwritten = admitted.take_back().await.err();
                let _ = by.close().await;
                return Err(SingleDropError::Cancelled { unwritten });
            }
            // While the machine is suspended `dial_by` does not come nearer.
            if clock::now() < dial_by && admitted.is_stale() {
                let unwritten = admitted.take_back().await.err();
                let _ = by.close().await;
                let words = "what allowed it did not hold any more".to_owned();
                return Err(SingleDropError::NotDialled { words, unwritten });
            }
            let plan = Plan {
                message: sound.length,
                ..self.order.plan.clone()
            };
            let spec = CallSpec {
                sound: sound.samples.clone(),
                echo: sound.echo.clone(),
                adopted: self.order.adopted.clone(),
                ..CallSpec::new(
                    drop,
                    self.order.number.clone(),
                    plan,
                    sound.media.clone(),
                    dial_by,
                )
            };
            let tape = folder.as_mut().and_then(Folder::recorder);
            self.update(SingleDropUpdate::Dialling);
            let on_moment = |moment: Moment, words| {
                self.dialled_at.get_or_init(|| admitted.now() - moment.at);
                self.update(SingleDropUpdate::Moment(moment, words));
            };
            let report = match carry_out(&session.orders(), spec, tape, &self.stop, on_moment).await {
                // Whoever ordered it has been told that it is on its way: it has an end.
                CarriedOut::NotDialled(report)
                    if matches!(self.order.keeping, Some(OrderKeeping::WithIntent(_))) =>
                {
                    Arc::new(*report)
                }
                CarriedOut::NotDialled(report) => {
                    let unwritten = admitted.take_back().await.err();
                    let _ = by.close().await;
                    return Err(match report.words {
                        Some(words) => SingleDropError::NotDialled { words, unwritten },
                        None => SingleDropError::Cancelled { unwritten },
                    });
                }
                CarriedOut::Ended(report) => Arc::new(*report),
                CarriedOut::Abandoned(heard) => Arc::new(abandoned(heard, false)),
                CarriedOut::Quit(heard) => return Ok(self.quit(run, admitted, heard).await),
            };
            let was_cancelled = self.stop.cancel.is_cancelled();
            self.update(SingleDropUpdate::Closing);
            let closed = tokio::select! {
                closed = by.close() => closed,
                () = self.stop.cancel.cancelled(), if !was_cancelled => {
                    return Ok(self.settle(&run, admitted, report, SingleDropEnding::Quit, None).await);
                }
                () = self.stop.quit.cancelled() => {
                    return Ok(self.settle(&run, admitted, report, SingleDropEnding::Quit, None).await);
                }
            };
            // Before the store is closed behind the drop's own end.
            prompts::finish(keeper).await;
            let evidence = match folder {
                Some(folder) => {
                    let subject = (&run, drop, self.order.shown_number.as_str());
                    let message = (sound.samples.clone(), sound.parts());
                    let whose = (admitted.store(), &self.order.number);
                    let now = admitted.now();
                    Some(evidence::keep(whose, folder, subject, &report, message, now).await)
                }
                None => None,
            };
            let kept = evidence.as_ref().and_then(|kept| kept.as_ref().ok());
            let path = kept.map(|path| path.display().to_string());
            self.update(SingleDropUpdate::Ended(SingleDropResult {
                run: run.clone(),
                report: Arc::clone(&report),
                evidence,
                has_quit: false,
            }));
            let ending = match closed {
                Ok(()) => SingleDropEnding::Orderly,
                Err(DriverError::Replaced) => SingleDropEnding::Replaced,
            };
            Ok(self.settle(&run, admitted, report, ending, path).await)
        }
        .boxed()
    }

    /// Ends without waiting for the calls to end.
    async fn quit(&self, run: RunName, admitted: Admitted, heard: Vec<Moment>) -> SingleDropEnd {
        let report = Arc::new(abandoned(heard, true));
        self.update(SingleDropUpdate::Ended(SingleDropResult {
            run: run.clone(),
            report: Arc::clone(&report),
            evidence: None,
            has_quit: true,
        }));
        let ending = SingleDropEnding::Quit;
        let settling = self.settle(&run, admitted, Arc::clone(&report), ending, None);
        let settled = timeout(SETTLE_WITHIN, settling).await;
        settled.unwrap_or(SingleDropEnd {
            report,
            ending,
            unwritten: Some(Unwritten::TooLate),
        })
    }

    /// Writes what became of the drop.
    fn settle<'a>(
        &'a self,
        run: &'a RunName,
        admitted: Admitted,
        report: Arc<Report>,
        ending: SingleDropEnding,
        evidence: Option<String>,
    ) -> BoxFuture<'a, SingleDropEnd> {
        async move {
            if telemetry::sends_traces() {
                let steps = admitted.steps();
                telemetry::drop_ended(&DropTrace {
                    drop: self.order.drop,
                    parent: self.order.traceparent.clone(),
                    campaign: None,
                    technique: self.order.plan.technique,
                    asked_at: steps.asked_at,
                    decided_at: steps.decided_at,
                    committed_at: steps.committed_at,
                    dialled_at: self.dialled_at.get().copied(),
                    ended_at: admitted.now(),
                    report: (*report).clone(),
                });
            }
            let masked = self.order.number.to_string();
            let record = DropRecord::new(run, self.order.drop, masked, &report);
            let written = admitted.end(&report, &record, evidence).await;
            SingleDropEnd {
                unwritten: written.err().map(Unwritten::Store),
                report,
                ending,
            }
        }
        .boxed()
    }

    fn stopped(&self, ruling: Box<Ruling>) -> SingleDropError {
        if let Decision::Refused(reason) = ruling.decision {
            metrics::refused(reason.slug());
        }
        info!(drop = %self.order.drop, decision = ruling.words(), "not dialled");
        SingleDropError::Stopped(ruling)
    }

    fn update(&self, update: SingleDropUpdate) {
        // There may be no receiver.
        let _ = self.updates.send(update);
    }
}

/// How long the event link may stay away before a drop that has not been dialled is given up.
const LINK_WITHIN: Duration = Duration::from_secs(15);

/// How long the end of a drop may take to be written if the caller has quit.
const SETTLE_WITHIN: Duration = Duration::from_secs(2);
