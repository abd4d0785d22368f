//! Works on the lists that were sent, one at a time, until the process ends.

use std::{collections::BTreeMap, fs::File, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::spawn_blocking,
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    CurrentRules, ListReading,
    dry_run::DryRun,
    gate_check::GateCheck,
    spool::{Spool, SpooledList},
};
use crate::{
    clock,
    error_chain::chain,
    import::{Import, ImportError, Imported, NeededColumns, Progress, wall},
    list::RejectedRows,
    metrics,
    orders::Spec,
    store::{ErrorClass, Store, StoreError, StoredUpload, UploadCounts, UploadEnd, UploadState},
};

/// What the worker is asked.
#[derive(Debug)]
pub(super) enum WorkerRequest {
    /// To look for lists.
    Look,
    /// To end the work on an upload whose row is gone, and to remove its files.
    Forget(String, oneshot::Sender<()>),
}

/// Owns the work.
pub(super) struct UploadWorker {
    pub(super) store: Store,
    /// By which rows come in: on SQLite one of its own, see [`Store::make_ready_for_uploads`].
    pub(super) lists: Store,
    pub(super) spool: Spool,
    pub(super) rules: CurrentRules,
    pub(super) requested: mpsc::UnboundedReceiver<WorkerRequest>,
    pub(super) stopping: CancellationToken,
}

/// Whether the worker goes on with the next list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worked {
    /// This one is done with.
    Done,
    /// It could not be worked on at this moment.
    Later,
    /// The process ends.
    Stopped,
}

impl UploadWorker {
    pub(super) async fn work(mut self) {
        let spool = self.spool.clone();
        let swept = spawn_blocking(move || spool.sweep(clock::wall())).await;
        if swept.is_err() {
            return;
        }
        let mut sweeps = interval(SWEEP);
        loop {
            if self.go_through().await == Worked::Stopped {
                return;
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                request = self.requested.recv() => match request {
                    Some(WorkerRequest::Look) => {}
                    Some(WorkerRequest::Forget(id, reply)) => self.forget(&id, reply),
                    None => return,
                },
                // What another process has left is gone on with.
                () = sleep(LOOK_AGAIN) => {}
                _ = sweeps.tick() => self.forget_old().await,
            }
        }
    }

    /// Works on every list that nobody works on.
    async fn go_through(&mut self) -> Worked {
        let lists = self.spool.lists();
        metrics::imports_waiting(lists.len());
        for (nth, id) in lists.iter().enumerate() {
            if self.stopping.is_cancelled() {
                return Worked::Stopped;
            }
            let Some(list) = self.spool.take(id) else {
                continue;
            };
            match self.work_on(list).await {
                Worked::Done => metrics::imports_waiting(lists.len() - nth - 1),
                Worked::Later => return Worked::Later,
                Worked::Stopped => return Worked::Stopped,
            }
        }
        Worked::Done
    }

    async fn work_on(&mut self, mut list: SpooledList) -> Worked {
        let upload = match self.store.upload(&list.id).await {
            Ok(upload) => upload,
            Err(error) => {
                warn!(error = %chain(&error), upload = list.id, "a list waits");
                return Worked::Later;
            }
        };
        let Some(upload) = upload else {
            // Somebody has forgotten it, by another server.
            self.spool.remove(&list.id);
            return Worked::Done;
        };
        // It has ended, and only its file was left; or its row was never told that all of it is there.
        if upload.state.is_over() || upload.digest.is_none() {
            self.spool.remove_list(&list.id);
            return Worked::Done;
        }
        let reading = ListReading::from_json(&upload.new.reading);
        list.is_to_be_kept = reading.is_some_and(|reading| reading.is_kept);
        let job = match UploadJob::of(upload, &list, self).await {
            Ok(job) => job,
            Err(end) => return self.conclude(&list, end).await,
        };
        info!(upload = list.id, "a list is taken in");
        let (progress, seen) = watch::channel(None);
        let stop = CancellationToken::new();
        let mut running = tokio::spawn(job.run(self.lists.clone(), stop.clone(), progress));
        let mut beats = interval(BEAT);
        let mut waiting: Option<oneshot::Sender<()>> = None;
        let mut has_requests = true;
        let done = loop {
            tokio::select! {
                done = &mut running => break done,
                () = self.stopping.cancelled(), if !stop.is_cancelled() => stop.cancel(),
                request = self.requested.recv(), if has_requests && waiting.is_none() => match request {
                    Some(WorkerRequest::Forget(id, reply)) if id == list.id => {
                        stop.cancel();
                        waiting = Some(reply);
                    }
                    Some(WorkerRequest::Forget(id, reply)) => self.forget(&id, reply),
                    Some(WorkerRequest::Look) => {}
                    None => has_requests = false,
                },
                _ = beats.tick(), if waiting.is_none() => {
                    let progress: Option<Progress> = *seen.borrow();
                    if self.beat(&list.id, progress).await == Some(false) {
                        // Somebody has forgotten it, by another server.
                        stop.cancel();
                    }
                }
            }
        };
        if let Some(reply) = waiting {
            self.forget(&list.id, reply);
            return Worked::Done;
        }
        match done {
            Ok(end) => self.conclude(&list, end).await,
            Err(error) if error.is_panic() => {
                let why = "a fault of this program; its log has it".to_owned();
                self.end(&list, failed(why)).await
            }
            Err(_) => Worked::Stopped,
        }
    }

    /// Does what follows from the end of a work.
    async fn conclude(&self, list: &SpooledList, end: UploadJobEnd) -> Worked {
        match end {
            UploadJobEnd::Ended(end) => self.end(list, end).await,
            UploadJobEnd::Stopped if self.stopping.is_cancelled() => {
                let why = "the server has ended; the next one goes on with it";
                let left = self.store.interrupt_upload(&list.id, None, why).await;
                if let Err(error) = left {
                    warn!(error = %chain(&error), "a list that is left is not written down");
                }
                Worked::Stopped
            }
            // Its row is gone.
            UploadJobEnd::Stopped => {
                self.spool.remove(&list.id);
                Worked::Done
            }
            UploadJobEnd::Away(error) => {
                warn!(error = %chain(&error), upload = list.id, "a list waits for the database");
                Worked::Later
            }
        }
    }

    /// Says that the work goes on; `None` if that cannot be said.
    async fn beat(&self, id: &str, progress: Option<Progress>) -> Option<bool> {
        let (state, bytes) = match &progress {
            Some(progress) => (UploadState::Importing, progress.bytes),
            None => (UploadState::Checking, 0),
        };
        let counts = progress.map(|progress| counts(&progress));
        let counts = counts.unwrap_or_default();
        let beaten = self.store.beat_upload(id, state, bytes, &counts, wall());
        match beaten.await {
            Ok(is_there) => Some(is_there),
            Err(error) => {
                warn!(error = %chain(&error), "how far a list is is not written down");
                None
            }
        }
    }

    /// Writes down what came of a list; its file goes then, and stays if that cannot be written.
    async fn end(&self, list: &SpooledList, end: UploadEnd) -> Worked {
        let (state, why) = (end.state.slug(), end.why.as_deref());
        match self.store.end_upload(&list.id, &end, wall()).await {
            Ok(()) => {
                info!(upload = list.id, state, why, "a list has ended");
                if !(list.is_to_be_kept && self.spool.retain(&list.id).is_ok()) {
                    self.spool.remove_list(&list.id);
                }
                Worked::Done
            }
            Err(error) => {
                warn!(error = %chain(&error), upload = list.id, "the end of a list waits");
                Worked::Later
            }
        }
    }

    fn forget(&self, id: &str, reply: oneshot::Sender<()>) {
        self.spool.remove(id);
        // Whoever asked may be gone.
        let _ = reply.send(());
    }

    /// Forgets uploads that are long over, and removes the rejects of those that another server has forgotten.
    async fn forget_old(&self) {
        let spool = self.spool.clone();
        let _ = spawn_blocking(move || spool.sweep(clock::wall())).await;
        for id in self.spool.rejected() {
            if let Ok(None) = self.store.upload(&id).await {
                self.spool.remove(&id);
            }
        }
        let before = wall().checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
        match self.store.forget_uploads(before).await {
            Ok(gone) => {
                for id in gone {
                    self.spool.remove(&id);
                }
            }
            Err(error) => warn!(error = %chain(&error), "old lists are not forgotten"),
        }
    }
}

/// The work on a list.
enum UploadJob {
    Import(Box<Import>),
    DryRun(Box<DryRun>),
}

/// How it ended.
enum UploadJobEnd {
    Ended(UploadEnd),
    /// It was stopped, and is not over.
    Stopped,
    /// The database cannot be reached.
    Away(StoreError),
}

impl UploadJob {
    /// # Errors
    /// How the work on it ends before it has begun.
    async fn of(
        upload: StoredUpload,
        list: &SpooledList,
        worker: &UploadWorker,
    ) -> Result<Self, UploadJobEnd> {
        let fails = |why: &str| UploadJobEnd::Ended(failed(why.to_owned()));
        let read = ListReading::from_json(&upload.new.reading).and_then(|reading| reading.read());
        let (mapping, dates) = read.ok_or_else(|| fails("how it is read cannot be read"))?;
        let campaign = worker.store.campaign(&upload.campaign_name).await;
        let campaign = campaign.map_err(UploadJobEnd::of_store)?;
        let campaign = campaign.ok_or_else(|| fails("its campaign is gone"))?;
        let spec = Spec::from_json(&campaign.spec);
        let spec = spec.map_err(|_| fails("the settings of its campaign cannot be read"))?;
        let rules = (worker.rules)();
        let import = Import {
            campaign: campaign.id,
            list: list.path.clone(),
            name: Some(upload.new.name),
            mapping,
            rules: rules.phone,
            dates,
            across: spec.duplicates.across(),
            rejects: worker.spool.rejects(&list.id),
            // It is known by what is in it, not by its name.
            is_change_accepted: true,
            is_beside_others: true,
        };
        Ok(if upload.new.is_dry_run {
            let gate = GateCheck::new(rules.gate, &spec, wall());
            let needed = NeededColumns::of(&spec);
            Self::DryRun(Box::new(DryRun {
                import,
                gate,
                needed,
            }))
        } else {
            Self::Import(Box::new(import))
        })
    }

    async fn run(
        self,
        store: Store,
        stop: CancellationToken,
        progress: watch::Sender<Option<Progress>>,
    ) -> UploadJobEnd {
        let tell = move |now: &Progress| {
            progress.send_replace(Some(*now));
        };
        let (done, gate, rejects) = match self {
            Self::Import(import) => (import.run(&store, &stop, tell).await, None, import.rejects),
            Self::DryRun(mut dry) => {
                let done = dry.run(&store, &stop, tell).await;
                (done, Some(dry.gate.json()), dry.import.rejects)
            }
        };
        let imported: Imported = match done {
            Ok(imported) if imported.is_complete => imported,
            Ok(_) => return UploadJobEnd::Stopped,
            Err(ImportError::Store(error)) => return UploadJobEnd::of_store(error),
            Err(error) => return UploadJobEnd::Ended(failed(words(&error))),
        };
        let reasons = spawn_blocking(move || reasons(&rejects)).await;
        UploadJobEnd::Ended(UploadEnd {
            state: UploadState::Complete,
            why: None,
            counts: Some(counts(&imported.progress)),
            reasons: reasons.unwrap_or_default(),
            notes: imported.notes,
            gate,
        })
    }
}

impl UploadJobEnd {
    /// What a failure of the database means for the work.
    fn of_store(error: StoreError) -> Self {
        if error.class == ErrorClass::Away {
            Self::Away(error)
        } else {
            Self::Ended(failed(chain(&error)))
        }
    }
}

fn failed(why: String) -> UploadEnd {
    UploadEnd {
        state: UploadState::Failed,
        why: Some(why),
        counts: None,
        reasons: BTreeMap::new(),
        notes: Vec::new(),
        gate: None,
    }
}

/// Why an import failed, without the paths of our files.
fn words(error: &ImportError) -> String {
    match error {
        ImportError::List { source, .. } => chain(source),
        ImportError::Rejects { source, .. } => format!("cannot write its rejects: {source}"),
        ImportError::Changed { .. }
        | ImportError::Changing { .. }
        | ImportError::SameFile { .. } => "its file has changed".to_owned(),
        ImportError::Store(error) => chain(error),
    }
}

fn counts(progress: &Progress) -> UploadCounts {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rows a second are far below 2^53 and not negative"
    )]
    let rate = (progress.rate >= 1.0).then_some(progress.rate as u64);
    UploadCounts {
        rows: progress.rows,
        rows_in_all: Some(progress.rows_in_all),
        added: progress.added,
        updated: progress.updated,
        unchanged: progress.unchanged,
        rejected: progress.rejected,
        rate,
    }
}

/// The rejects by their reasons: those of all runs are in the file.
fn reasons(path: &std::path::Path) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    let opened = File::open(path).ok();
    let Some(mut rows) = opened.and_then(|file| RejectedRows::open(file).ok()) else {
        return reasons;
    };
    while let Ok(Some(batch)) = rows.next(1_000) {
        for row in batch.rows() {
            if let Some(slug) = row.get(1) {
                *reasons.entry(slug.to_owned()).or_default() += 1;
            }
        }
    }
    reasons
}

/// How often whoever works on a list says so.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// How often lists are looked for that other processes have left.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How often old uploads are looked for, and how long they are kept with their rejects.
const SWEEP: Duration = Duration::from_secs(3_600);
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
