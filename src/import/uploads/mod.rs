//! Lists that are sent over HTTP: kept in files, and taken in from there.
//!
//! ```text
//!   parts ──> Spool: ID.part ── all there, on the disk ──> the row says so ──> ID.list ──> answered
//!                                                                               │
//!                   UploadWorker, one list at a time <── the lock of ID.list ───┘
//!                        └──> Import ──> the store            (goes on by itself wherever it was stopped)
//! ```
//!
//! The file's lock says who works on a list, and the system gives it back when a process is gone. What is in the store is there
//! once, whoever takes it in, and however often: see [`Import`](super::Import).

mod contact_rows;
mod dry_run;
mod gate_check;
mod ndjson;
mod put;
mod spool;
mod worker;
mod zstd;

use std::{io::Read as _, path::PathBuf, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::{
    spool::{Incoming, Spool, Whole},
    worker::{UploadWorker, WorkerRequest},
};
use super::{NeededColumns, wall};
use crate::{
    campaign::{engine::CampaignId, policy::GateSettings},
    error_chain::chain,
    id::DropId,
    list::{DateOrder, List, ListError, Mapping, RunningDigest, hex},
    orders::{
        GivenContacts, ListForm, ListUploads, PutRow, Spec, UploadOrder, UploadPart, UploadRefusal,
    },
    phone::{PhoneNumber, Rules},
    store::{AcceptedUpload, AuditEntry, NewUpload, Store, UploadCounts, UploadState},
};

/// The files below a state folder, of lists that were sent and of their rejects, that hold one of these numbers. It blocks.
pub fn files_holding(state_dir: &std::path::Path, numbers: &[PhoneNumber]) -> Vec<PathBuf> {
    Spool::below(state_dir).holding(numbers)
}

/// Takes lists for a server. Clones are the same.
#[derive(Clone)]
pub struct SpooledUploads {
    store: Store,
    spool: Spool,
    rules: CurrentRules,
    /// One for each list that may be sent at once.
    places: Arc<Semaphore>,
    requests: mpsc::UnboundedSender<WorkerRequest>,
    stopping: CancellationToken,
}

/// The rules of the moment.
pub type CurrentRules = Arc<dyn Fn() -> UploadRules + Send + Sync>;

/// What of the configuration lists go by.
#[derive(Clone, Debug)]
pub struct UploadRules {
    /// How numbers are read.
    pub phone: Rules,
    /// What the gate holds contacts to.
    pub gate: GateSettings,
}

impl std::fmt::Debug for SpooledUploads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let spool = &self.spool;
        f.debug_struct("SpooledUploads")
            .field("spool", spool)
            .finish_non_exhaustive()
    }
}

impl SpooledUploads {
    /// Begins to take lists, and goes on with those that are in this state folder. When `stopping` is cancelled no more are taken,
    /// and the task ends behind the transaction that it is at. Rows come in by `lists`: on SQLite a store of its own on the same
    /// file, since what makes it fast there must hold for nothing else.
    pub fn begin(
        store: Store,
        lists: Store,
        state_dir: &std::path::Path,
        rules: CurrentRules,
        stopping: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let spool = Spool::below(state_dir);
        let (requests, requested) = mpsc::unbounded_channel();
        let worker = UploadWorker {
            store: store.clone(),
            lists,
            spool: spool.clone(),
            rules: Arc::clone(&rules),
            requested,
            stopping: stopping.clone(),
        };
        let uploads = Self {
            store,
            spool,
            rules,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            requests,
            stopping,
        };
        (uploads, tokio::spawn(worker.work()))
    }

    /// Takes a list to its end, whatever becomes of whoever sends it.
    async fn take(
        self,
        mut order: UploadOrder,
        parts: mpsc::Receiver<UploadPart>,
        _place: OwnedSemaphorePermit,
    ) -> Result<String, UploadRefusal> {
        if self.knows_columns_of(&order).await? {
            order.mapping = contact_rows::mapping();
        }
        if let Some(resumed) = &order.resumed {
            let id = resumed.id.clone();
            let taken = self.take_as(&id, order, parts).await;
            if let Err(refusal) = &taken {
                self.leave_resumed(&id, refusal).await;
            }
            return taken;
        }
        let new = NewUpload {
            id: DropId::generate().to_string(),
            campaign: order.campaign,
            name: order.name.clone(),
            reading: ListReading::of(&order).to_json(),
            is_dry_run: order.is_dry_run,
            who: order.who.clone(),
        };
        let id = self.store.begin_upload(&new, wall()).await?;
        let taken = self.take_as(&id, order, parts).await;
        if let Err(refusal) = &taken {
            let left = match refusal {
                // It may be sent again.
                UploadRefusal::Broken | UploadRefusal::Draining => {
                    let why = refusal.to_string();
                    self.store.interrupt_upload(&id, None, &why).await
                }
                UploadRefusal::TooLong(_)
                | UploadRefusal::Ratio(_)
                | UploadRefusal::DiskFull
                | UploadRefusal::TooMany(_)
                | UploadRefusal::WrongDigest
                | UploadRefusal::NotCoded { .. }
                | UploadRefusal::OtherOffset(_)
                | UploadRefusal::NotKept
                | UploadRefusal::Unreadable { .. }
                | UploadRefusal::Files(_)
                | UploadRefusal::Store(_) => self.store.forget_upload(&id).await.map(drop),
            };
            if let Err(error) = left {
                warn!(error = %chain(&error), upload = id, "what became of a list is not written down");
            }
            info!(upload = id, why = %refusal, "a list was not taken");
        }
        taken
    }

    /// Writes down what became of a list that was gone on with and not taken: it is as it was, unless nothing can come of it.
    async fn leave_resumed(&self, id: &str, refusal: &UploadRefusal) {
        let left = match refusal {
            UploadRefusal::TooLong(_)
            | UploadRefusal::Ratio(_)
            | UploadRefusal::WrongDigest
            | UploadRefusal::NotCoded { .. }
            | UploadRefusal::Unreadable { .. } => self.store.forget_upload(id).await.map(drop),
            // Whoever works on it says so.
            UploadRefusal::TooMany(_) => Ok(()),
            UploadRefusal::Broken
            | UploadRefusal::Draining
            | UploadRefusal::DiskFull
            | UploadRefusal::OtherOffset(_)
            | UploadRefusal::NotKept
            | UploadRefusal::Files(_)
            | UploadRefusal::Store(_) => {
                let why = refusal.to_string();
                self.store.interrupt_upload(id, None, &why).await
            }
        };
        if let Err(error) = left {
            warn!(error = %chain(&error), upload = id, "what became of a list is not written down");
        }
        info!(upload = id, why = %refusal, "a list was not gone on with");
    }

    /// Whether a list is one of JSON, or is taken from what was kept of one: there, each column is in its place.
    async fn knows_columns_of(&self, order: &UploadOrder) -> Result<bool, UploadRefusal> {
        let from = order.from.as_deref().filter(|_| order.mapping.is_empty());
        let Some(from) = from else {
            return Ok(order.form == ListForm::Ndjson);
        };
        let upload = self.store.upload(from).await?;
        let reading = upload.and_then(|upload| ListReading::from_json(&upload.new.reading));
        Ok(reading.is_some_and(|reading| reading.map == contact_rows::mapping()))
    }

    /// What the messages of a campaign need of its lists.
    async fn needed_by(&self, campaign: CampaignId) -> Result<NeededColumns, UploadRefusal> {
        let before = CampaignId(campaign.0 - 1);
        let found = self.store.campaigns_from(Some(before), false, 1).await?;
        let found = found.into_iter().find(|found| found.id == campaign);
        // Settings that cannot be read are said to be so when the campaign runs.
        let spec = found.and_then(|found| Spec::from_json(&found.spec).ok());
        Ok(spec.map_or_else(NeededColumns::default, |spec| NeededColumns::of(&spec)))
    }

    async fn take_as(
        &self,
        id: &str,
        order: UploadOrder,
        parts: mpsc::Receiver<UploadPart>,
    ) -> Result<String, UploadRefusal> {
        let (so_far, came) = tokio::sync::watch::channel(0);
        let needed = self.needed_by(order.campaign).await?;
        let (spool, of, begun) = (self.spool.clone(), order.clone(), id.to_owned());
        let writing = spawn_blocking(move || write(&spool, &begun, (&of, &needed), parts, &so_far));
        tokio::pin!(writing);
        let mut ticks = tokio::time::interval(worker::BEAT);
        let written = loop {
            tokio::select! {
                written = &mut writing => break written,
                _ = ticks.tick() => {
                    let bytes = *came.borrow();
                    let counts = UploadCounts::default();
                    let beaten = self
                        .store
                        .beat_upload(id, UploadState::Receiving, bytes, &counts, wall())
                        .await;
                    if let Err(error) = beaten {
                        warn!(error = %chain(&error), "how much of a list has come is not written down");
                    }
                }
            }
        };
        let (incoming, whole) = match written {
            Ok(written) => written?,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(UploadRefusal::Draining),
            },
        };
        let digest = ListReading::of(&order).digest(&whole.digest, order.is_dry_run);
        let audit = AuditEntry {
            after: Some(
                json!({
                    "import": id, "list": order.name, "bytes": whole.size, "dry_run": order.is_dry_run,
                })
                .to_string(),
            ),
            ..order.audit
        };
        let accepted = self
            .store
            .audited(audit)
            .accept_upload(id, &digest, whole.size, wall())
            .await?;
        let id = match accepted {
            AcceptedUpload::New => id.to_owned(),
            AcceptedUpload::Again(same) => same,
            AcceptedUpload::UnderWay(same) => return Ok(same),
        };
        let (spool, kept) = (self.spool.clone(), id.clone());
        let keep = spawn_blocking(move || spool.keep(incoming, &kept));
        match keep.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return Err(UploadRefusal::Files(format!("it cannot be kept: {error}")));
            }
            Err(_) => return Err(UploadRefusal::Draining),
        }
        if let Some(from) = order.from.as_deref().filter(|_| !order.is_dry_run) {
            self.spool.remove_kept(from);
        }
        // A worker that has ended is followed by that of the next process.
        let _ = self.requests.send(WorkerRequest::Look);
        Ok(id)
    }
}

impl ListUploads for SpooledUploads {
    fn receive(
        &self,
        order: UploadOrder,
        parts: mpsc::Receiver<UploadPart>,
    ) -> BoxFuture<'static, Result<String, UploadRefusal>> {
        let uploads = self.clone();
        async move {
            if uploads.stopping.is_cancelled() {
                return Err(UploadRefusal::Draining);
            }
            let place = Arc::clone(&uploads.places).try_acquire_owned();
            let Ok(place) = place else {
                return Err(UploadRefusal::TooMany(AT_ONCE));
            };
            // Whoever waits for the answer may go; what was begun is done all the same.
            match tokio::spawn(uploads.take(order, parts, place)).await {
                Ok(taken) => taken,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(UploadRefusal::Draining),
                },
            }
        }
        .boxed()
    }

    fn put(&self, given: GivenContacts) -> BoxFuture<'static, Result<Vec<PutRow>, UploadRefusal>> {
        let (store, rules) = (self.store.clone(), (self.rules)().phone);
        // Whoever waits for the answer may go; what was begun is done all the same.
        let putting = tokio::spawn(async move { put::put(&store, given, rules).await });
        async move {
            match putting.await {
                Ok(put) => Ok(put?),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(UploadRefusal::Draining),
                },
            }
        }
        .boxed()
    }

    fn forget(&self, id: String) -> BoxFuture<'static, ()> {
        let (reply, replied) = oneshot::channel();
        let sent = self.requests.send(WorkerRequest::Forget(id, reply));
        async move {
            if sent.is_ok() {
                // A worker that ends meanwhile works on nothing.
                let _ = replied.await;
            }
        }
        .boxed()
    }

    fn received(&self, id: &str) -> Option<u64> {
        self.spool.received(id)
    }

    fn rejects(&self, id: &str) -> PathBuf {
        self.spool.rejects(id)
    }

    fn kept(&self, id: &str) -> Option<std::fs::File> {
        self.spool.kept(id)
    }

    fn holding(&self, numbers: &[PhoneNumber]) -> Vec<PathBuf> {
        self.spool.holding(numbers)
    }
}

/// Writes the parts of a list to its file, and looks whether it is one. It blocks.
fn write(
    spool: &Spool,
    id: &str,
    (order, needed): (&UploadOrder, &NeededColumns),
    mut parts: mpsc::Receiver<UploadPart>,
    so_far: &tokio::sync::watch::Sender<u64>,
) -> Result<(Incoming, Whole), UploadRefusal> {
    let mut incoming = spool.begin(id, order)?;
    if let Some(from) = &order.from {
        copy(spool, from, &mut incoming)?;
        so_far.send_replace(incoming.bytes());
    }
    while order.from.is_none() {
        match parts.blocking_recv() {
            Some(UploadPart::Bytes(bytes)) => {
                incoming.write(&bytes)?;
                so_far.send_replace(incoming.bytes());
            }
            Some(UploadPart::End) => break,
            None => {
                incoming.leave();
                return Err(UploadRefusal::Broken);
            }
        }
    }
    let whole = incoming.finish()?;
    let (mapping, _) = ListReading::of(order)
        .read()
        .ok_or_else(|| unreadable("its mapping cannot be read", true))?;
    let file = std::fs::File::open(incoming.path());
    let file = file.map_err(|error| UploadRefusal::Files(error.to_string()))?;
    match List::open(file, &mapping) {
        Ok(list) => match needed.lacking(list.columns()) {
            Some(words) if !order.is_kept => Err(unreadable(&words, true)),
            Some(_) | None => Ok((incoming, whole)),
        },
        Err(ListError::Read(error)) => Err(UploadRefusal::Files(error.to_string())),
        // It is kept so that somebody can say which column is what.
        Err(error) if order.is_kept && error.is_of_columns() => Ok((incoming, whole)),
        Err(error) => {
            let is_mapping = matches!(
                error,
                ListError::Unmapped { .. } | ListError::MappedTwice { .. }
            );
            Err(unreadable(&error.to_string(), is_mapping))
        }
    }
}

/// Takes the bytes of a list that was kept.
fn copy(spool: &Spool, from: &str, incoming: &mut Incoming) -> Result<(), UploadRefusal> {
    let mut file = spool.kept(from).ok_or(UploadRefusal::NotKept)?;
    let mut part = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut part);
        match read.map_err(|error| UploadRefusal::Files(error.to_string()))? {
            0 => return Ok(()),
            bytes => incoming.write(&part[..bytes])?,
        }
    }
}

fn unreadable(words: &str, is_mapping: bool) -> UploadRefusal {
    let words = words.to_owned();
    UploadRefusal::Unreadable { words, is_mapping }
}

/// How a list is read, as it is kept with its upload.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ListReading {
    map: Vec<String>,
    date_order: Option<String>,
    /// Whether the list is kept once it was read.
    is_kept: bool,
}

impl ListReading {
    fn of(order: &UploadOrder) -> Self {
        Self {
            map: order.mapping.clone(),
            date_order: order.dates.clone(),
            is_kept: order.is_kept,
        }
    }

    fn to_json(&self) -> String {
        let mut reading = json!({"map": self.map, "date_order": self.date_order});
        if self.is_kept {
            reading["keep"] = json!(true);
        }
        reading.to_string()
    }

    fn from_json(text: &str) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let map = value.get("map")?.as_array()?.iter();
        let map = map.map(|text| text.as_str().map(str::to_owned));
        let dates = value.get("date_order").and_then(|text| text.as_str());
        Some(Self {
            map: map.collect::<Option<_>>()?,
            date_order: dates.map(str::to_owned),
            is_kept: value.get("keep").is_some_and(|keep| keep == true),
        })
    }

    /// The mapping, and the order of dates; `None` if they are none.
    fn read(&self) -> Option<(Mapping, Option<DateOrder>)> {
        let mut mapping = Mapping::default();
        for text in &self.map {
            mapping.add(text).ok()?;
        }
        let dates = match &self.date_order {
            Some(text) => Some(DateOrder::parse(text)?),
            None => None,
        };
        Some((mapping, dates))
    }

    /// What the same bytes are, read like this: otherwise read they are another list, and one that is read only is, too.
    fn digest(&self, of_bytes: &str, is_dry_run: bool) -> String {
        let mut digest = RunningDigest::default();
        digest.update(format!("{of_bytes} {is_dry_run} {}", self.to_json()).as_bytes());
        hex(&digest.finish())
    }
}

/// How many lists may be sent at once: each has a thread of its own for as long as it takes.
const AT_ONCE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_list_is_read_is_part_of_what_it_is() {
        let plain = ListReading {
            map: Vec::new(),
            date_order: None,
            is_kept: false,
        };
        let other = ListReading {
            map: vec!["number=Telefon".to_owned()],
            date_order: Some("dmy".to_owned()),
            is_kept: true,
        };
        for reading in [&plain, &other] {
            assert_eq!(
                ListReading::from_json(&reading.to_json()).as_ref(),
                Some(reading)
            );
            assert!(reading.read().is_some());
        }
        let all = [
            plain.digest("a", false),
            plain.digest("a", true),
            plain.digest("b", false),
            other.digest("a", false),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(ListReading::from_json("{}"), None);
    }
}
