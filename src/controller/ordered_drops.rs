//! Single drops that are ordered over HTTP: one run on the PBX dials them all, each by the use case of `aftertone drop`.
//!
//! ```text
//!   SingleDrops::order ──> OrderedDropsTask ── the run, begun at the first order ──> SingleDrop ──> its intent ──> answered
//!                                 ^                                                      └── its end ──> the store
//!                                 ├── a run that lost its lease or its app is not used any more; the next order begins another
//!                                 └── drops that the gate held come from the store when their time has come: `held_drops`
//! ```

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    held_drops::{AT_ONCE, HeldOnItsWay, carry_held},
    incoming::IncomingCalls,
    open_run::{self, OpenRun, Reply, begin, carry, close},
    run_of::SharedRun,
};
use crate::{
    clock::{self, Steady},
    config::Config,
    error_chain::chain,
    id::DropId,
    orders::{DropOrder, NotOrdered, OrderedDrop, SingleDrops},
    runtime::PbxLink,
    store::Store,
    tasks,
};

/// Carries single drops out for a server. Clones are the same.
#[derive(Clone, Debug)]
pub struct OrderedDrops {
    requests: mpsc::UnboundedSender<Request>,
    /// Takes over calls that are up, if anything does.
    incoming: Option<IncomingCalls>,
}

/// What is asked of the task.
enum Request {
    Order(Box<DropOrder>, Reply),
    Cancel(DropId, oneshot::Sender<bool>),
    LookAtHeld,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Order(..) => "Order",
            Self::Cancel(..) => "Cancel",
            Self::LookAtHeld => "LookAtHeld",
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
            held: 0,
            look_at: clock::now(),
            // A process before this one may have had others.
            are_holds_old: true,
        };
        let incoming = None;
        (Self { requests, incoming }, tokio::spawn(task.run()))
    }

    /// The same, which has these take over the calls that are up.
    #[must_use]
    pub fn beside(self, incoming: IncomingCalls) -> Self {
        Self {
            incoming: Some(incoming),
            ..self
        }
    }
}

impl SingleDrops for OrderedDrops {
    fn order(&self, order: DropOrder) -> BoxFuture<'static, Result<OrderedDrop, NotOrdered>> {
        if order.adopted.is_some() {
            return match &self.incoming {
                Some(incoming) => incoming.order(order),
                None => {
                    let words = "calls that are up are not taken over here".to_owned();
                    std::future::ready(Err(NotOrdered::Away(words))).boxed()
                }
            };
        }
        open_run::ordered(|reply| {
            let request = Request::Order(Box::new(order), reply);
            self.requests.send(request).is_ok()
        })
    }

    fn cancel(&self, drop: DropId) -> BoxFuture<'static, bool> {
        let ours = open_run::cancelled(|reply| {
            let request = Request::Cancel(drop, reply);
            self.requests.send(request).is_ok()
        });
        let adopted = self.incoming.as_ref().map(|calls| calls.cancel(drop));
        async move {
            let is_ours = ours.await;
            match adopted {
                Some(adopted) if !is_ours => adopted.await,
                Some(_) | None => is_ours,
            }
        }
        .boxed()
    }

    fn look_at_held(&self) {
        // At its end nothing is looked at any more; it waits in the store.
        let _ = self.requests.send(Request::LookAtHeld);
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
    in_flight: BTreeMap<DropId, CarriedDrop>,
    drops: JoinSet<DropDone>,
    /// How many of them the gate had held.
    held: usize,
    /// When the store is asked for drops that were held.
    look_at: Instant,
    /// Whether drops may be held by other rules than those in force.
    are_holds_old: bool,
}

/// A drop that is being carried out.
struct CarriedDrop {
    cancel: CancellationToken,
    /// Whose gate decides on it.
    config: Arc<Config>,
}

/// That a drop needs nothing more from here.
struct DropDone {
    drop: DropId,
    /// Of one that the gate had held, when the store is asked for the next at the latest.
    look_at: Option<Instant>,
}

impl OrderedDropsTask {
    async fn run(mut self) {
        let mut gate = self.config.borrow_and_update().gate.clone();
        let mut is_configured = true;
        let mut left_alone = self.store.left_alone();
        loop {
            tokio::select! {
                // What was asked before the end is answered.
                biased;
                Some(ended) = self.drops.join_next() => self.ended(ended),
                request = self.requested.recv() => match request {
                    Some(request) => self.on_request(request).await,
                    None => break,
                },
                drop = left_alone.next() => {
                    self.cancel(drop);
                }
                changed = self.config.changed(), if is_configured => {
                    is_configured = changed.is_ok();
                    let now = self.config.borrow_and_update().gate.clone();
                    if std::mem::replace(&mut gate, now) != gate {
                        self.rules_changed();
                    }
                }
                () = self.stopping.cancelled() => break,
                () = clock::reach(Some(self.look_at)) => self.look_at_held().await,
            }
        }
        self.requested.close();
        while let Some(request) = self.requested.recv().await {
            self.on_request(request).await;
        }
        loop {
            tokio::select! {
                ended = self.drops.join_next() => match ended {
                    Some(ended) => self.ended(ended),
                    None => break,
                },
                drop = left_alone.next() => {
                    self.cancel(drop);
                }
            }
        }
        if let Some(run) = self.run.take() {
            close(run, &self.clock).await;
        }
    }

    fn ended(&mut self, ended: Result<DropDone, tokio::task::JoinError>) {
        let DropDone { drop, look_at } = tasks::outcome(ended);
        let carried = self.in_flight.remove(&drop);
        // If the rules changed while it was decided on, the old ones may have held it.
        if carried.is_some_and(|carried| carried.config.gate != self.config.borrow().gate) {
            self.rules_changed();
        }
        if let Some(look_at) = look_at {
            self.held -= 1;
            self.look_at = self.look_at.min(look_at);
        }
    }

    /// Cancels a drop. `false` if none of this id is in flight here.
    fn cancel(&self, drop: DropId) -> bool {
        let found = self.in_flight.get(&drop);
        if let Some(found) = found {
            found.cancel.cancel();
        }
        found.is_some()
    }

    async fn on_request(&mut self, request: Request) {
        match request {
            Request::LookAtHeld => self.look_at = clock::now(),
            Request::Cancel(drop, reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.cancel(drop));
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
                let cancel = self.take_in_hand(drop, &config);
                self.drops.spawn(async move {
                    carry(*order, &config, run, cancel, reply).await;
                    DropDone {
                        drop,
                        look_at: None,
                    }
                });
            }
        }
    }

    /// Notes a drop that is carried out from here on; returns what cancels it.
    fn take_in_hand(&mut self, drop: DropId, config: &Arc<Config>) -> CancellationToken {
        let cancel = self.hang_up.child_token();
        let carried = CarriedDrop {
            cancel: cancel.clone(),
            config: Arc::clone(config),
        };
        self.in_flight.insert(drop, carried);
        cancel
    }

    /// The gate is to be asked about all drops that it holds.
    fn rules_changed(&mut self) {
        self.are_holds_old = true;
        self.look_at = clock::now();
    }

    /// Makes all held drops due, whatever they wait for.
    async fn look_at_all_held(&self) {
        let instance = self.config.borrow().instance.clone();
        let marked = self
            .store
            .look_again_at_drops(&instance, self.clock.now())
            .await;
        if let Err(error) = marked {
            warn!(
                error = chain(&error),
                "held drops are asked about at their times, by other rules than before"
            );
        }
    }

    /// Takes drops up that were held and whose time has come, and ends those that have expired.
    async fn look_at_held(&mut self) {
        self.look_at = clock::now() + LOOK_EVERY;
        if std::mem::take(&mut self.are_holds_old) {
            self.look_at_all_held().await;
        }
        if let Err(error) = self.take_up_held().await {
            if let NotOrdered::Store(_) = &error {
                warn!(%error, "drops that were held are looked at later");
            } else {
                debug!(%error, "drops that were held are looked at later");
            }
            self.look_at = clock::now() + LOOK_AFTER_FAULT;
        }
    }

    async fn take_up_held(&mut self) -> Result<(), NotOrdered> {
        let config = Arc::clone(&self.config.borrow());
        let now = self.clock.now();
        let expired = self.store.expire_held(now, AT_ONCE).await?;
        // Those on their way are due until their intents are written.
        let due = self
            .store
            .due_held(&config.instance, now, AT_ONCE + self.held);
        let due = due.await?.into_iter();
        let due: Vec<_> = due
            .filter(|held| !self.in_flight.contains_key(&held.drop))
            .take(AT_ONCE.saturating_sub(self.held))
            .collect();
        if !due.is_empty() {
            let run = self.open(&config).await?;
            for held in due {
                let drop = held.drop;
                let cancel = self.take_in_hand(drop, &config);
                self.held += 1;
                let on_its_way = HeldOnItsWay {
                    held,
                    config: Arc::clone(&config),
                    run: Arc::clone(&run),
                    cancel,
                    hang_up: self.hang_up.clone(),
                    stopping: self.stopping.clone(),
                };
                self.drops.spawn(async move {
                    let look_at = Some(carry_held(on_its_way).await);
                    DropDone { drop, look_at }
                });
            }
        }
        let next = [
            self.store.next_held(&config.instance).await?,
            self.store.next_expiry().await?,
        ];
        if let Some(next) = next.into_iter().flatten().min() {
            // One that is due by now is taken up when one of those on their way makes room.
            let left = Duration::try_from(next.duration_since(self.clock.now()));
            let left = left.unwrap_or_default();
            let is_full = self.held >= AT_ONCE || (self.held > 0 && left.is_zero());
            if !is_full || expired == AT_ONCE {
                self.look_at = self.look_at.min(clock::now() + left);
            }
        }
        Ok(())
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
        let (open, _) = begin(&self.store, &self.clock, config, None).await?;
        let shared = Arc::clone(&open.shared);
        self.run = Some(open);
        Ok(shared)
    }
}

/// How often the store is asked for drops that were held, if nothing is known of: another process may have kept one.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The same behind a fault.
const LOOK_AFTER_FAULT: Duration = Duration::from_secs(5);
