//! Single drops that are ordered over HTTP: one run on the PBX dials them all, each by the use case of `aftertone drop`.
//!
//! ```text
//!   SingleDrops::order ──> OrderedDropsTask ── the run, begun at the first order ──> SingleDrop ──> its intent ──> answered
//!                                 ^                                                      └── its end ──> the store
//!                                 └── a run that lost its lease or its app is not used any more; the next order begins another
//! ```

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    admission::{SingleDropAdmission, renew},
    prompts,
    run_of::SharedRun,
    single_drop::{SingleDrop, SingleDropError, SingleDropUpdate},
};
use crate::{
    audio::{self, Library, Targets},
    clock::Steady,
    config::Config,
    error_chain::chain,
    id::DropId,
    orders::{DropOrder, NotOrdered, OrderedDrop, SingleDrops},
    runtime::{self, PbxLink, Session},
    store::Store,
};

/// Carries single drops out for a server. Clones are the same.
#[derive(Clone, Debug)]
pub struct OrderedDrops {
    requests: mpsc::UnboundedSender<Request>,
}

/// What is asked of the task.
enum Request {
    Order(Box<DropOrder>, Reply),
    Cancel(DropId, oneshot::Sender<bool>),
}

type Reply = oneshot::Sender<Result<OrderedDrop, NotOrdered>>;

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Order(..) => "Order",
            Self::Cancel(..) => "Cancel",
        })
    }
}

impl OrderedDrops {
    /// Begins to take orders. When `stopping` is cancelled it takes no more, and the task ends once its drops have ended;
    /// `hang_up` cancels these.
    pub fn begin(
        store: Store,
        config: watch::Receiver<Arc<Config>>,
        stopping: CancellationToken,
        hang_up: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (requests, requested) = mpsc::unbounded_channel();
        let task = OrderedDropsTask {
            store,
            config,
            clock: Arc::new(Steady::start()),
            requested,
            stopping,
            hang_up,
            run: None,
            in_flight: BTreeMap::new(),
            drops: JoinSet::new(),
        };
        (Self { requests }, tokio::spawn(task.run()))
    }
}

impl SingleDrops for OrderedDrops {
    fn order(&self, order: DropOrder) -> BoxFuture<'static, Result<OrderedDrop, NotOrdered>> {
        let (reply, replied) = oneshot::channel();
        let sent = self.requests.send(Request::Order(Box::new(order), reply));
        async move {
            if sent.is_err() {
                return Err(NotOrdered::Draining);
            }
            replied.await.unwrap_or(Err(NotOrdered::Draining))
        }
        .boxed()
    }

    fn cancel(&self, drop: DropId) -> BoxFuture<'static, bool> {
        let (reply, replied) = oneshot::channel();
        let sent = self.requests.send(Request::Cancel(drop, reply));
        async move { sent.is_ok() && replied.await.unwrap_or(false) }.boxed()
    }
}

/// Owns the run, and knows which drops are in flight.
struct OrderedDropsTask {
    store: Store,
    config: watch::Receiver<Arc<Config>>,
    clock: Arc<Steady>,
    requested: mpsc::UnboundedReceiver<Request>,
    stopping: CancellationToken,
    hang_up: CancellationToken,
    run: Option<OpenRun>,
    /// Cancels a drop.
    in_flight: BTreeMap<DropId, CancellationToken>,
    drops: JoinSet<DropId>,
}

/// The run on the PBX.
struct OpenRun {
    shared: Arc<SharedRun>,
    renewing: AbortHandle,
    keeper: Option<JoinHandle<()>>,
}

impl OrderedDropsTask {
    async fn run(mut self) {
        loop {
            tokio::select! {
                // What was asked before the end is answered.
                biased;
                Some(ended) = self.drops.join_next() => self.ended(ended),
                request = self.requested.recv() => match request {
                    Some(request) => self.on_request(request).await,
                    None => break,
                },
                () = self.stopping.cancelled() => break,
            }
        }
        self.requested.close();
        while let Some(request) = self.requested.recv().await {
            self.on_request(request).await;
        }
        while let Some(ended) = self.drops.join_next().await {
            self.ended(ended);
        }
        if let Some(run) = self.run.take() {
            close(run, &self.clock).await;
        }
    }

    fn ended(&mut self, ended: Result<DropId, tokio::task::JoinError>) {
        match ended {
            Ok(drop) => {
                self.in_flight.remove(&drop);
            }
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn on_request(&mut self, request: Request) {
        match request {
            Request::Cancel(drop, reply) => {
                let cancel = self.in_flight.get(&drop);
                if let Some(cancel) = cancel {
                    cancel.cancel();
                }
                // Whoever asked may have gone.
                let _ = reply.send(cancel.is_some());
            }
            Request::Order(order, reply) if self.stopping.is_cancelled() => {
                info!(drop = %order.drop, "a drop was ordered while the server ends");
                let _ = reply.send(Err(NotOrdered::Draining));
            }
            Request::Order(order, reply) => {
                let config = Arc::clone(&self.config.borrow());
                let run = match self.open(&config).await {
                    Ok(run) => run,
                    Err(error) => {
                        let _ = reply.send(Err(error));
                        return;
                    }
                };
                let drop = order.drop;
                let cancel = self.hang_up.child_token();
                self.in_flight.insert(drop, cancel.clone());
                self.drops.spawn(async move {
                    carry(*order, &config, run, cancel, reply).await;
                    drop
                });
            }
        }
    }

    /// The run; begun if there is none that is good.
    async fn open(&mut self, config: &Arc<Config>) -> Result<Arc<SharedRun>, NotOrdered> {
        if let Some(open) = &self.run {
            let link = *open.shared.session.link().borrow();
            if !open.renewing.is_finished() && link != PbxLink::Taken {
                return Ok(Arc::clone(&open.shared));
            }
        }
        if let Some(bad) = self.run.take() {
            warn!("the run of ordered drops has lost its lease or its app; another one begins");
            let clock = Arc::clone(&self.clock);
            tokio::spawn(async move { close(bad, &clock).await });
        }
        let open = begin(&self.store, &self.clock, config).await?;
        let shared = Arc::clone(&open.shared);
        self.run = Some(open);
        Ok(shared)
    }
}

/// Begins a run on the PBX and in the store.
async fn begin(
    store: &Store,
    clock: &Arc<Steady>,
    config: &Arc<Config>,
) -> Result<OpenRun, NotOrdered> {
    let admission = SingleDropAdmission::on(store.clone(), Arc::clone(clock), config);
    let (keeper, book) = admission.book().await?.unzip();
    let keeper = keeper.map(|keeper| tokio::spawn(keeper.keep()));
    let session = Session::open(config, book).await;
    let session = session.map_err(|error| NotOrdered::Away(chain(&error)))?;
    let holder = match admission.begin(&session).await {
        Ok(holder) => holder,
        Err(error) => {
            // It is reported by what went wrong first.
            let _ = session.close().await;
            return Err(error.into());
        }
    };
    info!(run = %session.run(), "a run for ordered drops has begun");
    Ok(OpenRun {
        renewing: renew(store, clock, &holder),
        shared: Arc::new(SharedRun {
            store: store.clone(),
            clock: Arc::clone(clock),
            session,
            holder,
        }),
        keeper,
    })
}

/// Ends a run, once its drops have ended.
async fn close(run: OpenRun, clock: &Steady) {
    let OpenRun {
        shared,
        renewing,
        keeper,
    } = run;
    let (store, holder) = (shared.store.clone(), shared.holder.clone());
    match Arc::try_unwrap(shared) {
        Ok(shared) => {
            if let Err(error) = shared.session.close().await {
                warn!(?error, "the run of ordered drops had ended");
            }
        }
        // Drops of it are in flight; the process outlives none of them.
        Err(_) => warn!("the run of ordered drops ends with drops in flight"),
    }
    prompts::finish(keeper).await;
    renewing.abort();
    if let Err(error) = store.end_controller(&holder, clock.now()).await {
        // It ends by itself.
        warn!(error = chain(&error), "the lease was not given back");
    }
}

/// Carries a drop out; answers once its intent is committed, or nothing of it is dialled.
async fn carry(
    order: DropOrder,
    config: &Arc<Config>,
    run: Arc<SharedRun>,
    cancel: CancellationToken,
    reply: Reply,
) {
    let drop = order.drop;
    let order = match single_drop(order, config) {
        Ok(order) => order,
        Err(words) => {
            let _ = reply.send(Err(NotOrdered::Message(words)));
            return;
        }
    };
    let mut handle = order.start_by((**config).clone(), run);
    let (end, ended) = oneshot::channel::<()>();
    let mut reply = Some((reply, ended));
    loop {
        let update = tokio::select! {
            update = handle.next() => update,
            () = cancel.cancelled() => {
                handle.cancel();
                while let Some(update) = handle.next().await {
                    accept(&update, &mut reply);
                }
                None
            }
        };
        match update {
            Some(update) => accept(&update, &mut reply),
            None => break,
        }
    }
    let ended = handle.end().await;
    match (ended, reply) {
        (Err(error), Some((reply, _))) => {
            let _ = reply.send(Err(not_ordered(error)));
        }
        (Err(error), None) => {
            warn!(%drop, error = chain(&error), "an ordered drop has no end in the store")
        }
        (Ok(ended), reply) => {
            if let Some(unwritten) = ended.unwritten {
                warn!(%drop, ?unwritten, "the end of an ordered drop is not in the store, where it will be lost");
            }
            if let Some((reply, ended)) = reply {
                answer(reply, ended);
            }
        }
    }
    std::mem::drop(end);
}

/// Answers, if the drop is about to be dialled.
fn accept(update: &SingleDropUpdate, reply: &mut Option<(Reply, oneshot::Receiver<()>)>) {
    if matches!(update, SingleDropUpdate::Dialling)
        && let Some((reply, ended)) = reply.take()
    {
        answer(reply, ended);
    }
}

fn answer(reply: Reply, ended: oneshot::Receiver<()>) {
    let ended = ended.map(drop).boxed();
    // Whoever ordered it may have gone; it is dialled all the same, and its key finds it.
    let _ = reply.send(Ok(OrderedDrop { ended }));
}

/// The drop that is ordered.
fn single_drop(order: DropOrder, config: &Config) -> Result<SingleDrop, String> {
    let pbx = &config.pbx;
    let library = Library::new(&pbx.sounds_dir, &pbx.pbx_sounds_dir);
    let library = library.map_err(|error| chain(&error))?;
    let lufs = config.audio.target_lufs.unwrap_or(Targets::LUFS);
    let targets = Targets::new(config.audio.max_length, lufs).map_err(|error| chain(&error))?;
    // Files of this machine are not for whoever asks over HTTP.
    let message = audio::resolve(&order.message, |name| library.holds(name), |_| false);
    let message = match message.map_err(|error| chain(&error))? {
        audio::Reference::File(_) => {
            return Err("expected the name of a prepared message, or a `sound:` URI".to_owned());
        }
        message @ (audio::Reference::Prepared(_) | audio::Reference::OnPbx(_)) => message,
    };
    let mut plan = runtime::plan(config, None);
    plan.technique = order.technique.unwrap_or(plan.technique);
    Ok(SingleDrop {
        drop: order.drop,
        shown_number: order.number.to_string(),
        number: order.number,
        kind: order.kind,
        consent: order.consent,
        overrides: order.overrides,
        plan,
        message,
        message_name: order.message,
        library,
        targets,
        caller_id: order.caller_id.unwrap_or_else(|| pbx.caller_id.clone()),
        evidence: config.evidence.dir.clone(),
        record: Some(order.record),
        audit: None,
    })
}

fn not_ordered(error: SingleDropError) -> NotOrdered {
    match error {
        SingleDropError::Store(error) => NotOrdered::Store(error),
        SingleDropError::Stopped(ruling) => NotOrdered::Stopped(ruling),
        SingleDropError::Erased => NotOrdered::Erased,
        SingleDropError::Contended => NotOrdered::Contended,
        SingleDropError::TrunkFull => NotOrdered::TrunkFull,
        SingleDropError::KeyTaken => NotOrdered::KeyTaken,
        SingleDropError::Message(error) => NotOrdered::Message(chain(&error)),
        SingleDropError::Interrupted | SingleDropError::Cancelled { .. } => NotOrdered::Draining,
        error @ (SingleDropError::Clocks(_)
        | SingleDropError::Evidence(_)
        | SingleDropError::Session(_)
        | SingleDropError::TrunkOffline { .. }
        | SingleDropError::LinkDown
        | SingleDropError::Replaced
        | SingleDropError::NotDialled { .. }) => NotOrdered::Away(chain(&error)),
    }
}
