//! The run by which a process carries single drops out, one for many, and one drop that goes by it.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    admission::{SingleDropAdmission, renew},
    handed_over::{Turned, turn_away},
    messages::PlayableMessage,
    prompts,
    run_of::SharedRun,
    single_drop::{SingleDrop, SingleDropError, SingleDropUpdate},
};
use crate::{
    ari::Visit,
    clock::Steady,
    config::Config,
    error_chain::chain,
    orders::{DropOrder, NotOrdered, OrderedDrop},
    runtime::Session,
    store::Store,
};

/// Takes the answer to an order.
pub(super) type Reply = oneshot::Sender<Result<OrderedDrop, NotOrdered>>;

/// Asks a task for a drop, by what sends it the request; one that takes no more is ending.
pub(super) fn ordered(
    send: impl FnOnce(Reply) -> bool,
) -> BoxFuture<'static, Result<OrderedDrop, NotOrdered>> {
    let (reply, replied) = oneshot::channel();
    let is_sent = send(reply);
    async move {
        if !is_sent {
            return Err(NotOrdered::Draining);
        }
        replied.await.unwrap_or(Err(NotOrdered::Draining))
    }
    .boxed()
}

/// Asks a task to cancel a drop, by what sends it the request. `false` if none of this id is in flight there.
pub(super) fn cancelled(
    send: impl FnOnce(oneshot::Sender<bool>) -> bool,
) -> BoxFuture<'static, bool> {
    let (reply, replied) = oneshot::channel();
    let is_sent = send(reply);
    async move { is_sent && replied.await.unwrap_or(false) }.boxed()
}

/// The run on the PBX.
pub(super) struct OpenRun {
    pub(super) shared: Arc<SharedRun>,
    pub(super) renewing: AbortHandle,
    keeper: Option<JoinHandle<()>>,
}

/// Begins a run on the PBX and in the store, with the calls that enter `app`, if it is to have one that calls of others enter.
pub(super) async fn begin(
    store: &Store,
    clock: &Arc<Steady>,
    config: &Arc<Config>,
    app: Option<&str>,
) -> Result<(OpenRun, mpsc::UnboundedReceiver<Visit>), NotOrdered> {
    let admission = SingleDropAdmission::on(store.clone(), Arc::clone(clock), config);
    let (keeper, book) = admission.book().await?.unzip();
    let keeper = keeper.map(|keeper| tokio::spawn(keeper.keep()));
    let session = match app {
        None => Session::open(config, book).await,
        Some(app) => Session::open_to_calls(config, app, book).await,
    };
    let mut session = session.map_err(|error| NotOrdered::Away(chain(&error)))?;
    let mut visits = session.visits();
    let beginning = admission.begin(&session);
    let begun = match app {
        None => beginning.await.map_err(NotOrdered::from),
        // Calls come from here on, and wait.
        Some(_) => match timeout(BEGIN_WITHIN, beginning).await {
            Ok(begun) => begun.map_err(NotOrdered::from),
            Err(_) => Err(NotOrdered::Away(
                "the database does not answer in time".to_owned(),
            )),
        },
    };
    let holder = match begun {
        Ok(holder) => holder,
        Err(error) => {
            let rest = session.rest();
            while let Ok(visit) = visits.try_recv() {
                if let Visit::Came(arrival) = visit {
                    turn_away(&rest, &arrival.channel, Turned::Away).await;
                }
            }
            // It is reported by what went wrong first.
            let _ = session.close().await;
            return Err(error);
        }
    };
    info!(run = %session.run(), app, "a run for single drops has begun");
    let open = OpenRun {
        renewing: renew(store, clock, &holder),
        shared: Arc::new(SharedRun {
            store: store.clone(),
            clock: Arc::clone(clock),
            session,
            holder,
        }),
        keeper,
    };
    Ok((open, visits))
}

/// Ends a run, once its drops have ended.
pub(super) async fn close(run: OpenRun, clock: &Steady) {
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
pub(super) async fn carry(
    order: DropOrder,
    config: &Arc<Config>,
    run: Arc<SharedRun>,
    cancel: CancellationToken,
    reply: Reply,
) {
    match SingleDrop::of(order, config) {
        Ok(order) => carry_with(order, None, config, run, cancel, reply).await,
        Err(why) => drop(reply.send(Err(why))),
    }
}

/// The same of a drop whose message is known, and may be made ready already.
pub(super) async fn carry_with(
    order: SingleDrop,
    sound: Option<PlayableMessage>,
    config: &Arc<Config>,
    run: Arc<SharedRun>,
    cancel: CancellationToken,
    reply: Reply,
) {
    let drop = order.drop;
    let mut handle = order.start_by((**config).clone(), run, sound);
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

fn not_ordered(error: SingleDropError) -> NotOrdered {
    match error {
        SingleDropError::Store(error) => NotOrdered::Store(error),
        SingleDropError::Stopped(ruling) => NotOrdered::Stopped(ruling),
        SingleDropError::Erased => NotOrdered::Erased,
        SingleDropError::Contended => NotOrdered::Contended,
        SingleDropError::TrunkFull => NotOrdered::TrunkFull,
        SingleDropError::KeyTaken => NotOrdered::KeyTaken,
        SingleDropError::Expired => NotOrdered::Expired,
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

/// How long the database may take until calls that come are taken, or go on in the dialplan.
const BEGIN_WITHIN: Duration = Duration::from_secs(12);
