//! Calls that others have made and that come to us: those that agents hand over once they have reached a mailbox, and those of people who
//! call back, which are `called_back`'s.
//!
//! ```text
//!   dialplan ── Stasis(app,leave,MESSAGE,…) ──> Session ──> IncomingTask ──> carry: the gate, the intent, the drop
//!   API ── channel ──> IncomingTask ── Local channel: ChannelRedirect() ──> dialplan ── Stasis(app,fetched,DROP) ──^
//!   refused: hung up · everything else that is in the way: back to the dialplan, which is told why
//! ```
//!
//! Of all programs on a PBX, one has the app; the others try again and again, so that one of them follows if it goes. A call that
//! waits in the app when a program begins, or when its event link comes back, is taken then.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    called_back,
    handed_over::{HandedOver, Turned, turn_away},
    open_run::{self, OpenRun, Reply, carry},
    run_of::SharedRun,
};
use crate::{
    ari::{Arrival, CallerDid, Originate, Rest, Visit},
    callback::CallbackId,
    campaign::{Decision, policy::Override},
    clock::Steady,
    config::Config,
    error_chain::chain,
    id::{ChannelId, DropId},
    orders::{DropOrder, NotOrdered, OrderedDrop},
    runtime::{PbxLink, call::NO_CDR},
    store::{OrderKeeping, RefusedOrder, Store},
    words::Leg,
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
            in_hand: BTreeMap::new(),
            callers: BTreeMap::new(),
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

/// That a task needs nothing more from here.
enum TaskDone {
    /// Of a call, by its channel.
    Call(String),
    /// A call was asked for, and has had the time that it may take.
    Fetch(DropId, Result<(), NotOrdered>),
}

/// Somebody who calls back.
struct CallerInHand {
    id: CallbackId,
    did: mpsc::UnboundedSender<CallerDid>,
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
    /// By their channels.
    in_hand: BTreeMap<String, (DropId, CancellationToken)>,
    /// Those who call back, by their channels.
    callers: BTreeMap<String, CallerInHand>,
    /// Drops whose calls were asked for.
    fetching: BTreeMap<DropId, (Box<DropOrder>, Reply)>,
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
        loop {
            tokio::select! {
                biased;
                Some(done) = self.calls.join_next() => self.done(done),
                visit = visits.recv() => match visit {
                    Some(Visit::Came(arrival)) => self.on_arrival(arrival, &run.shared),
                    Some(Visit::Did(did)) => self.on_did(did),
                    None => break,
                },
                request = self.requested.recv() => match request {
                    Some(request) => self.on_request(request, &run.shared),
                    None => break,
                },
                _ = ticks.tick() => {
                    if run.renewing.is_finished() || *link.borrow_and_update() == PbxLink::Taken {
                        warn!("the run for calls of others has lost its lease or its app; another one begins");
                        break;
                    }
                }
                () = self.stopping.cancelled() => break,
            }
        }
        for (_, (_, reply)) in std::mem::take(&mut self.fetching) {
            let _ = reply.send(Err(NotOrdered::Draining));
        }
        // What comes from here on goes on in the dialplan.
        let rest = run.shared.session.rest();
        loop {
            tokio::select! {
                biased;
                done = self.calls.join_next() => match done {
                    Some(done) => self.done(done),
                    None => break,
                },
                Some(visit) = visits.recv() => match visit {
                    Visit::Came(arrival) => turn_away(&rest, &arrival.channel, Turned::Away).await,
                    Visit::Did(did) => self.on_did(did),
                },
            }
        }
        while let Ok(visit) = visits.try_recv() {
            if let Visit::Came(arrival) = visit {
                turn_away(&rest, &arrival.channel, Turned::Away).await;
            }
        }
        open_run::close(run, &self.clock).await;
    }

    fn done(&mut self, done: Result<TaskDone, tokio::task::JoinError>) {
        match done {
            Ok(TaskDone::Call(channel)) => {
                self.callers.remove(&channel);
                self.in_hand.remove(&channel);
            }
            Ok(TaskDone::Fetch(drop, fetched)) => {
                if let Some((_, reply)) = self.fetching.remove(&drop) {
                    let late = || {
                        let words = "the PBX did not hand the call over: is `aftertone-fetch` in its dialplan?";
                        NotOrdered::Away(words.to_owned())
                    };
                    // Whoever asked may have gone.
                    let _ = reply.send(Err(fetched.err().unwrap_or_else(late)));
                }
            }
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
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

    /// Tells a call what happened to it.
    fn on_did(&self, did: CallerDid) {
        let caller = match &did {
            CallerDid::Pressed { channel, .. } | CallerDid::Left { channel } => {
                self.callers.get(channel)
            }
            CallerDid::Heard { playback, .. } => {
                let of = |caller: &&CallerInHand| playback.contains(&caller.id.to_string());
                self.callers.values().find(of)
            }
        };
        if let Some(caller) = caller {
            // It may be over.
            let _ = caller.did.send(did);
        }
    }

    fn on_arrival(&mut self, arrival: Arrival, shared: &Arc<SharedRun>) {
        if self.in_hand.contains_key(&arrival.channel) {
            debug!(channel = arrival.channel, "the call is in hand already");
            return;
        }
        let (drop, cancel) = (DropId::generate(), self.hang_up.child_token());
        let (config, shared) = (Arc::clone(&self.config.borrow()), Arc::clone(shared));
        let channel = arrival.channel.clone();
        let token = arrival.args.get(1).and_then(|token| token.parse().ok());
        match arrival.args.first().map(String::as_str) {
            Some("leave") => {
                self.in_hand.insert(channel.clone(), (drop, cancel.clone()));
                self.calls.spawn(async move {
                    leave(arrival, drop, (config, shared), cancel).await;
                    TaskDone::Call(channel)
                });
            }
            Some("callback") => {
                self.in_hand.insert(channel.clone(), (drop, cancel.clone()));
                let (did, doing) = mpsc::unbounded_channel();
                let id = CallbackId::generate();
                self.callers
                    .insert(channel.clone(), CallerInHand { id, did });
                self.calls.spawn(async move {
                    called_back::carry(id, arrival, (config, shared), doing, cancel).await;
                    TaskDone::Call(channel)
                });
            }
            Some("fetched") if token.is_some_and(|drop| self.fetching.contains_key(&drop)) => {
                let fetched = token.and_then(|drop| self.fetching.remove(&drop));
                let Some((mut order, reply)) = fetched else {
                    return;
                };
                self.in_hand
                    .insert(channel.clone(), (order.drop, cancel.clone()));
                // The PBX has the last word on what its channel is called.
                if let Some(adopted) = &mut order.adopted {
                    adopted.channel.clone_from(&channel);
                }
                prepare(&mut order, &shared);
                self.calls.spawn(async move {
                    let rest = shared.session.rest();
                    take_over(*order, &config, shared, cancel, reply, &rest).await;
                    TaskDone::Call(channel)
                });
            }
            Some(_) | None => {
                self.calls.spawn(async move {
                    turn_away(&shared.session.rest(), &channel, Turned::Unknown).await;
                    TaskDone::Call(channel)
                });
            }
        }
    }

    fn on_request(&mut self, request: IncomingRequest, shared: &Arc<SharedRun>) {
        match request {
            IncomingRequest::Cancel(drop, reply) => {
                let mut all = self.in_hand.values();
                let found = all.find(|(each, _)| *each == drop);
                if let Some((_, cancel)) = found {
                    cancel.cancel();
                }
                let _ = reply.send(found.is_some());
            }
            IncomingRequest::Order(order, reply) => {
                let Some(adopted) = order.adopted.clone() else {
                    return;
                };
                if self.in_hand.contains_key(&adopted.channel) {
                    let _ = reply.send(Err(NotOrdered::Contended));
                    return;
                }
                let (drop, shared) = (order.drop, Arc::clone(shared));
                self.fetching.insert(drop, (order, reply));
                self.calls.spawn(async move {
                    let fetched = fetch(&shared, drop, &adopted.channel).await;
                    if fetched.is_ok() {
                        sleep(FETCH_WITHIN).await;
                    }
                    TaskDone::Fetch(drop, fetched)
                });
            }
        }
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

/// Has the PBX send a call that is up into our app.
async fn fetch(shared: &SharedRun, drop: DropId, channel: &str) -> Result<(), NotOrdered> {
    let session = &shared.session;
    let found = session.rest().channel(channel).await;
    let found = found.map_err(|failure| NotOrdered::Away(failure.detail))?;
    if found.is_none_or(|found| found.state != "Up") {
        return Err(NotOrdered::NoCall);
    }
    let variables = [
        ("AFTERTONE_CHANNEL", channel.to_owned()),
        ("AFTERTONE_FETCHED", drop.to_string()),
        (NO_CDR, "1".to_owned()),
    ];
    let originate = Originate {
        // No call of this drop has it: it has one leg.
        channel: ChannelId::leg(session.run().clone(), drop, Leg::Busy),
        endpoint: FETCHER.to_owned(),
        caller_id: String::new(),
        app: session.app().to_owned(),
        app_args: drop.to_string(),
        timeout: FETCH_WITHIN,
        variables: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
        by: None,
        unless: CancellationToken::new(),
    };
    let asked = session.rest().originate(&originate).await;
    asked.map_err(|failure| NotOrdered::Away(failure.detail))
}

/// What an agent's call has that a call of ours would not: what is known of it in the store, and the rules that the agent answers for.
fn prepare(order: &mut DropOrder, shared: &SharedRun) {
    if let (OrderKeeping::WithIntent(record), Some(adopted)) = (&mut order.keeping, &order.adopted)
    {
        record.channel = Some(key_of(shared, &adopted.channel));
    }
    let given: BTreeSet<_> = order.overrides.iter().map(Override::rule).collect();
    let agents = AGENTS_RULES
        .iter()
        .filter_map(|rule| Override::new(rule, AGENTS).ok());
    order
        .overrides
        .extend(agents.filter(|each| !given.contains(&each.rule())));
}

/// The name of a channel among those of all PBXes.
fn key_of(shared: &SharedRun, channel: &str) -> String {
    format!("{}/{channel}", shared.session.identity())
}

/// An agent left a call with us.
async fn leave(
    arrival: Arrival,
    drop: DropId,
    (config, shared): (Arc<Config>, Arc<SharedRun>),
    cancel: CancellationToken,
) {
    let rest = shared.session.rest();
    let channel = arrival.channel.clone();
    let handed = match HandedOver::read(&arrival.args, config.pbx.rules) {
        Ok(handed) => handed,
        Err(turned) => {
            warn!(%drop, channel, why = turned.slug(), "a call that was handed over is not taken");
            turn_away(&rest, &channel, turned).await;
            return;
        }
    };
    info!(%drop, channel, number = %handed.number, agent = handed.agent, "a call was handed over");
    let key = key_of(&shared, &channel);
    let mut order = handed.into_order(drop, &channel, &key, shared.clock.now());
    prepare(&mut order, &shared);
    let refused = Refused::of(&order);
    let (reply, replied) = oneshot::channel();
    let carrying = carry(order, &config, Arc::clone(&shared), cancel, reply);
    let turning = async {
        let Ok(Err(error)) = replied.await else {
            return;
        };
        let turned = Turned::of(&error);
        warn!(%drop, channel, why = turned.slug(), %error, "a call that was handed over gets no message");
        match (&error, arrival.is_late) {
            (NotOrdered::Stopped(ruling), _) if matches!(ruling.decision, Decision::Refused(_)) => {
                end(&rest, &channel).await;
                refused.write(&shared, ruling).await;
            }
            (NotOrdered::Erased, _) => end(&rest, &channel).await,
            // The process that began with it is gone, and what it played is not known.
            (NotOrdered::KeyTaken, true) => end(&rest, &channel).await,
            _ => turn_away(&rest, &channel, turned).await,
        }
    };
    tokio::join!(carrying, turning);
}

/// Carries out an order whose call has come; a call that gets no message is hung up, since the agent has let go of it.
async fn take_over(
    order: DropOrder,
    config: &Arc<Config>,
    shared: Arc<SharedRun>,
    cancel: CancellationToken,
    reply: Reply,
    rest: &Rest,
) {
    let channel = order
        .adopted
        .as_ref()
        .map(|adopted| adopted.channel.clone());
    let (inner, replied) = oneshot::channel();
    let carrying = carry(order, config, shared, cancel, inner);
    let answering = async move {
        let Ok(answer) = replied.await else {
            return;
        };
        if answer.is_err()
            && let Some(channel) = channel
        {
            end(rest, &channel).await;
        }
        // Whoever ordered it may have gone.
        let _ = reply.send(answer);
    };
    tokio::join!(carrying, answering);
}

/// What the log of events tells of a call that the gate does not allow a message.
struct Refused {
    record: Option<Box<crate::store::OrderRecord>>,
    told: RefusedOrder,
}

impl Refused {
    fn of(order: &DropOrder) -> Self {
        let record = match &order.keeping {
            OrderKeeping::WithIntent(record) => Some(record.clone()),
            OrderKeeping::Held => None,
        };
        let foreign_id = record.as_ref().and_then(|record| record.foreign_id.clone());
        Self {
            record,
            told: RefusedOrder::refused(order.number.clone(), json!({"foreign_id": foreign_id})),
        }
    }

    async fn write(mut self, shared: &SharedRun, ruling: &crate::campaign::policy::Ruling) {
        let (Some(record), Decision::Refused(reason)) = (self.record, &ruling.decision) else {
            return;
        };
        let rule = ruling.findings.last().map(|finding| finding.rule.slug());
        self.told.detail["rule"] = json!(rule);
        self.told.detail["reason"] = reason.slug().into();
        let now = shared.clock.now();
        let kept = shared
            .store
            .keep_answer(&record.keyed, &self.told, &record.audit, now);
        if let Err(error) = kept.await {
            warn!(
                error = chain(&error),
                "that a call was refused a message is not in the store"
            );
        }
    }
}

/// Ends a call of somebody else's.
async fn end(rest: &Rest, channel: &str) {
    if let Err(failure) = rest.hang_up(channel).await {
        warn!(
            channel,
            detail = failure.detail,
            "cannot hang up; the pbx ends it at its time limit"
        );
    }
}

/// The rules that the agent answers for, who has called already. What they would have said is logged, and kept with the drop.
const AGENTS_RULES: [&str; 3] = ["consent", "frequency_cap", "calling_hours"];

/// Why they are set aside.
const AGENTS: &str = "an agent has made the call";

/// The Local channel whose far side sends a call that is up into our app.
const FETCHER: &str = "Local/s@aftertone-fetch/n";

/// How long that may take.
const FETCH_WITHIN: Duration = Duration::from_secs(5);

/// When it is tried again to have the app.
const RETRY: Duration = Duration::from_secs(3);

/// How often it is looked whether the run is good.
const LOOK: Duration = Duration::from_secs(1);
