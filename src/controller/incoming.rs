//! Calls that others have made and that come to us: those that agents hand over once they have reached a mailbox, those of people who
//! call back, which are `called_back`'s, and those by which messages are recorded, which are `recorded`'s.
//!
//! ```text
//!   dialplan ── Stasis(app,leave,MESSAGE,…) ──> Session ──> IncomingTask ──> `taken_over`: the gate, the intent, the drop
//!   API ── channel ──> IncomingTask ── Local channel: ChannelRedirect() ──> dialplan ── Stasis(app,fetched,DROP) ──^
//!   refused: hung up · everything else that is in the way: back to the dialplan, which is told why
//! ```
//!
//! Of all programs on a PBX, one has the app; the others try again and again, so that one of them follows if it goes. A call that
//! waits in the app when a program begins, or when its event link comes back, is taken then.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    called_back,
    handed_over::{Turned, turn_away},
    in_hand::CallsInHand,
    open_run::{self, OpenRun, Reply},
    pbx_recordings,
    pin_desk::PinDesk,
    recorded,
    run_of::SharedRun,
    taken_over::{CallEnds, LeftOver, ReadyMessage, fetch, leave, prepare, take_over},
};
use crate::{
    ari::{Arrival, Visit},
    callback::CallbackId,
    clock::Steady,
    config::Config,
    error_chain::chain,
    id::DropId,
    orders::{DropOrder, NotOrdered, OrderedDrop},
    record::RecordId,
    runtime::PbxLink,
    store::Store,
    tasks,
};

/// Takes the calls of others. Clones are the same.
#[derive(Clone, Debug)]
pub struct IncomingCalls {
    requests: mpsc::UnboundedSender<IncomingRequest>,
}

/// What is asked of the task.
enum IncomingRequest {
    Order(Box<DropOrder>, Reply),
    Cancel(DropId, oneshot::Sender<bool>),
}

impl std::fmt::Debug for IncomingRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Order(..) => "Order",
            Self::Cancel(..) => "Cancel",
        })
    }
}

impl IncomingCalls {
    /// Begins to take calls, if the configuration names an app that they enter. When `stopping` is cancelled it takes no more, and
    /// the task ends once its drops have ended; `hang_up` cancels these.
    pub fn begin(
        store: Store,
        config: watch::Receiver<Arc<Config>>,
        stopping: CancellationToken,
        hang_up: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (requests, requested) = mpsc::unbounded_channel();
        let task = IncomingTask {
            store,
            config,
            clock: Arc::new(Steady::start()),
            requested,
            stopping,
            hang_up,
            calls: JoinSet::new(),
            in_hand: CallsInHand::default(),
            pins: PinDesk::default(),
            fetching: BTreeMap::new(),
            said: None,
        };
        (Self { requests }, tokio::spawn(task.run()))
    }

    /// Orders a drop on a call that is up on the PBX. It is answered once its intent is committed, or once it is certain that
    /// nothing is played.
    pub(super) fn order(
        &self,
        order: DropOrder,
    ) -> BoxFuture<'static, Result<OrderedDrop, NotOrdered>> {
        open_run::ordered(|reply| {
            let request = IncomingRequest::Order(Box::new(order), reply);
            self.requests.send(request).is_ok()
        })
    }

    /// Cancels a drop. `false` if none of this id is in flight here.
    pub(super) fn cancel(&self, drop: DropId) -> BoxFuture<'static, bool> {
        open_run::cancelled(|reply| {
            let request = IncomingRequest::Cancel(drop, reply);
            self.requests.send(request).is_ok()
        })
    }
}

/// What a task has come to.
enum TaskDone {
    /// A call needs nothing more from here, by its channel; of its order something may go on.
    Call(String, LeftOver),
    /// The message of an order is there, before its call is asked for, or it cannot be.
    Ready(DropId, Result<Box<ReadyMessage>, NotOrdered>),
    /// A call that was asked for does not come.
    NotFetched(DropId, NotOrdered),
    /// It is over, and nothing follows.
    Over,
}

/// A drop whose call is asked for once its message is there.
struct Fetching {
    order: Box<DropOrder>,
    reply: Reply,
    /// The channel, as it was named.
    channel: String,
    ready: Option<Box<ReadyMessage>>,
    /// The call has come.
    came: CancellationToken,
}

/// Owns the run that calls come to.
struct IncomingTask {
    store: Store,
    config: watch::Receiver<Arc<Config>>,
    clock: Arc<Steady>,
    requested: mpsc::UnboundedReceiver<IncomingRequest>,
    stopping: CancellationToken,
    hang_up: CancellationToken,
    /// What is in hand.
    calls: JoinSet<TaskDone>,
    in_hand: CallsInHand,
    pins: PinDesk,
    /// Drops whose calls are asked for.
    fetching: BTreeMap<DropId, Fetching>,
    /// What was last said of why no calls are taken.
    said: Option<String>,
}

impl IncomingTask {
    async fn run(mut self) {
        while !self.stopping.is_cancelled() {
            let config = Arc::clone(&self.config.borrow_and_update());
            let Some(app) = config.incoming.app.clone() else {
                self.idle("`incoming.app` names no app that calls enter", None)
                    .await;
                continue;
            };
            let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
            let opening = async move { open_run::begin(&store, &clock, &config, Some(&app)).await };
            let stopping = self.stopping.clone();
            let opened = tokio::select! {
                opened = opening => opened,
                () = stopping.cancelled() => break,
            };
            match opened {
                Ok((run, visits)) => {
                    self.said = None;
                    self.end_callbacks().await;
                    self.follow(run, visits).await;
                }
                Err(error) => {
                    let words = error.to_string();
                    if self.said.as_ref() != Some(&words) {
                        info!(why = words, "no calls of others are taken here for now");
                        self.said = Some(words.clone());
                    }
                    self.idle(&words, Some(RETRY)).await;
                }
            }
        }
        self.requested.close();
        while let Some(request) = self.requested.recv().await {
            refuse(request, NotOrdered::Draining);
        }
    }

    /// Takes nothing for a while, or until the configuration changes.
    async fn idle(&mut self, why: &str, pause: Option<Duration>) {
        let pausing = async move {
            match pause {
                Some(pause) => sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(pausing);
        loop {
            tokio::select! {
                request = self.requested.recv() => match request {
                    Some(request) => refuse(request, NotOrdered::Away(why.to_owned())),
                    None => return self.stopping.cancelled().await,
                },
                changed = self.config.changed(), if pause.is_none() => match changed {
                    Ok(()) => return,
                    Err(_) => return self.stopping.cancelled().await,
                },
                () = &mut pausing => return,
                () = self.stopping.cancelled() => return,
            }
        }
    }

    /// Takes the calls that come to a run, until it is over.
    async fn follow(&mut self, run: OpenRun, mut visits: mpsc::UnboundedReceiver<Visit>) {
        let mut link = run.shared.session.link();
        let mut ticks = tokio::time::interval(LOOK);
        // What a process before this one has recorded.
        let mut is_swept = false;
        let mut left_alone = self.store.left_alone();
        loop {
            tokio::select! {
                // A call that has come counts before whoever has waited for it in vain.
                biased;
                visit = visits.recv() => match visit {
                    Some(Visit::Came(arrival)) => self.on_arrival(arrival, &run.shared),
                    Some(Visit::Did(did)) => self.in_hand.tell(did),
                    None => break,
                },
                Some(done) = self.calls.join_next() => {
                    if let Some(again) = self.done(done, &run.shared) {
                        self.on_arrival(again, &run.shared);
                    }
                }
                drop = left_alone.next() => {
                    self.in_hand.cancel(drop);
                }
                request = self.requested.recv() => match request {
                    Some(request) => self.on_request(request, &run.shared),
                    None => break,
                },
                _ = ticks.tick() => {
                    let link = *link.borrow_and_update();
                    if link == PbxLink::Up && !is_swept {
                        self.sweep_recordings(&run.shared);
                    }
                    is_swept = link == PbxLink::Up;
                    if run.renewing.is_finished() || link == PbxLink::Taken {
                        warn!("the run for calls of others has lost its lease or its app; another one begins");
                        break;
                    }
                }
                () = self.stopping.cancelled() => break,
            }
        }
        for (_, fetching) in std::mem::take(&mut self.fetching) {
            fetching.came.cancel();
            let _ = fetching.reply.send(Err(NotOrdered::Draining));
        }
        // What comes from here on goes on in the dialplan.
        let rest = run.shared.session.rest();
        loop {
            tokio::select! {
                biased;
                done = self.calls.join_next() => match done {
                    Some(done) => {
                        if let Some(again) = self.done(done, &run.shared) {
                            turn_away(&rest, &again.channel, Turned::Away).await;
                        }
                    }
                    None => break,
                },
                Some(visit) = visits.recv() => match visit {
                    Visit::Came(arrival) => turn_away(&rest, &arrival.channel, Turned::Away).await,
                    Visit::Did(did) => self.in_hand.tell(did),
                },
                drop = left_alone.next() => {
                    self.in_hand.cancel(drop);
                }
            }
        }
        while let Ok(visit) = visits.try_recv() {
            if let Visit::Came(arrival) = visit {
                turn_away(&rest, &arrival.channel, Turned::Away).await;
            }
        }
        open_run::close(run, &self.clock).await;
    }

    /// Takes in what a task has come to; returns the call that is let go, if it came again meanwhile.
    fn done(
        &mut self,
        done: Result<TaskDone, tokio::task::JoinError>,
        shared: &Arc<SharedRun>,
    ) -> Option<Arrival> {
        match tasks::outcome(done) {
            TaskDone::Call(channel, left_over) => {
                if let Some(left_over) = left_over {
                    self.calls.spawn(async move {
                        tasks::join(left_over).await;
                        TaskDone::Over
                    });
                }
                return self.in_hand.let_go(&channel);
            }
            TaskDone::Ready(drop, Ok(ready)) => self.fetch(drop, ready, shared),
            TaskDone::Ready(drop, Err(why)) | TaskDone::NotFetched(drop, why) => {
                if let Some(fetching) = self.fetching.remove(&drop) {
                    // Whoever asked may have gone.
                    let _ = fetching.reply.send(Err(why));
                }
            }
            TaskDone::Over => {}
        }
        None
    }

    /// Calls that a process before this one has left are over.
    async fn end_callbacks(&self) {
        let instance = self.config.borrow().instance.clone();
        let ended = self.store.end_callbacks_of(&instance, self.clock.now());
        match ended.await {
            Ok(0) => {}
            Ok(calls) => info!(calls, "calls that came back are over: their process died"),
            Err(error) => debug!(
                error = chain(&error),
                "calls of a process that died are ended by the next"
            ),
        }
    }

    /// Removes what is on the PBX of recordings whose calls are over: a process that died has left it, or the link was down.
    fn sweep_recordings(&self, shared: &SharedRun) {
        let (rest, app) = (shared.session.rest(), shared.session.app().to_owned());
        let at_hand = self.in_hand.callers();
        tokio::spawn(async move {
            if let Err(failure) = pbx_recordings::sweep(&rest, &app, &at_hand).await {
                debug!(
                    detail = failure.detail,
                    "recordings are not looked for on the pbx"
                );
            }
        });
    }

    fn on_arrival(&mut self, arrival: Arrival, shared: &Arc<SharedRun>) {
        if self.in_hand.holds(&arrival.channel) {
            let channel = arrival.channel.clone();
            let came_again = self.in_hand.keep(arrival);
            debug!(channel, came_again, "the call is in hand already");
            return;
        }
        let cancel = self.hang_up.child_token();
        let (config, shared) = (Arc::clone(&self.config.borrow()), Arc::clone(shared));
        let channel = arrival.channel.clone();
        let token = arrival.args.get(1).and_then(|token| token.parse().ok());
        match arrival.args.first().map(String::as_str) {
            Some("leave") => {
                let drop = DropId::generate();
                let gone = self.in_hand.take_drop(&arrival, drop, cancel.clone());
                let ends = CallEnds { cancel, gone };
                self.calls.spawn(async move {
                    let left_over = leave(arrival, drop, (config, shared), ends).await;
                    TaskDone::Call(channel, left_over)
                });
            }
            Some("callback") => {
                let id = CallbackId::generate();
                let doing = self.in_hand.take_caller(&arrival, id.to_string());
                self.calls.spawn(async move {
                    called_back::carry(id, arrival, (config, shared), doing, cancel).await;
                    TaskDone::Call(channel, None)
                });
            }
            Some("record") => {
                let (id, pins) = (RecordId::generate(), self.pins.clone());
                let doing = self.in_hand.take_caller(&arrival, id.to_string());
                self.calls.spawn(async move {
                    recorded::carry(id, arrival, (config, shared), pins, doing, cancel).await;
                    TaskDone::Call(channel, None)
                });
            }
            Some("fetched") => {
                let fetched = token.and_then(|drop| self.fetching.remove(&drop));
                let Some(Fetching {
                    mut order,
                    reply,
                    ready: Some(ready),
                    came,
                    ..
                }) = fetched
                else {
                    warn!(channel, "a call comes that nobody waits for any more");
                    self.turn_away(channel, Turned::Away, shared);
                    return;
                };
                came.cancel();
                let gone = self.in_hand.take_drop(&arrival, order.drop, cancel.clone());
                let ends = CallEnds { cancel, gone };
                // The PBX has the last word on what its channel is called.
                if let Some(adopted) = &mut order.adopted {
                    adopted.channel.clone_from(&channel);
                }
                prepare(&mut order, &shared);
                self.calls.spawn(async move {
                    let left_over = take_over(*order, *ready, (config, shared), ends, reply).await;
                    TaskDone::Call(channel, left_over)
                });
            }
            Some(_) | None => self.turn_away(channel, Turned::Unknown, shared),
        }
    }

    /// Sends a call on for which there is nothing to do here.
    fn turn_away(&mut self, channel: String, turned: Turned, shared: Arc<SharedRun>) {
        self.calls.spawn(async move {
            turn_away(&shared.session.rest(), &channel, turned).await;
            TaskDone::Over
        });
    }

    fn on_request(&mut self, request: IncomingRequest, shared: &Arc<SharedRun>) {
        match request {
            IncomingRequest::Cancel(drop, reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.in_hand.cancel(drop));
            }
            IncomingRequest::Order(order, reply) => {
                let Some(adopted) = order.adopted.clone() else {
                    return;
                };
                let channel = adopted.channel;
                let mut asked_for = self.fetching.values();
                if self.in_hand.holds(&channel) || asked_for.any(|each| each.channel == channel) {
                    let _ = reply.send(Err(NotOrdered::Contended));
                    return;
                }
                let (drop, shared) = (order.drop, Arc::clone(shared));
                let (config, came) = (Arc::clone(&self.config.borrow()), CancellationToken::new());
                let named = (order.message.clone(), order.fields.clone());
                let fetching = Fetching {
                    order,
                    reply,
                    channel,
                    ready: None,
                    came,
                };
                self.fetching.insert(drop, fetching);
                // What cannot be left is no reason to take a call from its agent.
                self.calls.spawn(async move {
                    let ready = ReadyMessage::make(named, drop, config, &shared).await;
                    TaskDone::Ready(drop, ready.map(Box::new))
                });
            }
        }
    }

    /// Asks for the call of a drop whose message is there.
    fn fetch(&mut self, drop: DropId, ready: Box<ReadyMessage>, shared: &Arc<SharedRun>) {
        let Some(fetching) = self.fetching.get_mut(&drop) else {
            return;
        };
        fetching.ready = Some(ready);
        let (channel, came) = (fetching.channel.clone(), fetching.came.clone());
        let (is_in_hand, shared) = (self.in_hand.holds(&channel), Arc::clone(shared));
        self.calls.spawn(async move {
            if is_in_hand {
                return TaskDone::NotFetched(drop, NotOrdered::Contended);
            }
            tokio::select! {
                why = fetch(&shared, drop, &channel) => TaskDone::NotFetched(drop, why),
                () = came.cancelled() => TaskDone::Over,
            }
        });
    }
}

/// Answers what cannot be done.
fn refuse(request: IncomingRequest, why: NotOrdered) {
    // Whoever asked may have gone.
    match request {
        IncomingRequest::Order(_, reply) => drop(reply.send(Err(why))),
        IncomingRequest::Cancel(_, reply) => drop(reply.send(false)),
    }
}

/// When it is tried again to have the app.
const RETRY: Duration = Duration::from_secs(3);

/// How often it is looked whether the run is good.
const LOOK: Duration = Duration::from_secs(1);
