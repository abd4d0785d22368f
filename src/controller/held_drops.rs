//! A drop that the gate held, on its way to the gate again, and by the use case of every single drop to its end.
//!
//! | what comes of it | what is written |
//! |---|---|
//! | dialled | its intent, which ends the waiting, and its end |
//! | held again | until when, and why |
//! | refused, expired, erased, cancelled, no such message | its end without a call |
//! | the PBX, the trunk or a clock is in the way | when it is looked at again |
//! | the server ends | nothing: it waits for the next one |

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    run_of::SharedRun,
    single_drop::{SingleDrop, SingleDropError, SingleDropHandle, SingleDropUpdate},
};
use crate::{
    campaign::{Decision, policy::Ruling},
    clock,
    config::Config,
    error_chain::chain,
    id::DropId,
    orders::DropOrder,
    store::{GateHold, HeldDrop, HeldEnd, OrderKeeping, StoreError},
    traces::TraceParent,
};

/// A drop that the gate held, and what it needs.
pub(super) struct HeldOnItsWay {
    pub(super) held: HeldDrop,
    pub(super) config: Arc<Config>,
    pub(super) run: Arc<SharedRun>,
    /// Cancels it; `hang_up` does that, too.
    pub(super) cancel: CancellationToken,
    /// Cancels all drops of this process.
    pub(super) hang_up: CancellationToken,
    /// Nothing more is dialled.
    pub(super) stopping: CancellationToken,
}

/// Carries the drop out; returns when the store is to be asked for the next one at the latest.
pub(super) async fn carry_held(on_its_way: HeldOnItsWay) -> Instant {
    let HeldOnItsWay {
        held,
        config,
        run,
        cancel,
        hang_up,
        stopping,
    } = on_its_way;
    let (drop, shared) = (held.drop, Arc::clone(&run));
    let came = match SingleDrop::of(order(held), &config) {
        Ok(order) => {
            let mut handle = order.start_by((*config).clone(), run, None);
            follow(&mut handle, &cancel, &stopping).await;
            match handle.end().await {
                Ok(end) => {
                    if let Some(unwritten) = end.unwritten {
                        warn!(%drop, ?unwritten, "the end of an ordered drop is not in the store, where it will be lost");
                    }
                    return clock::now();
                }
                Err(error) => error,
            }
        }
        Err(why) => {
            let failed = HeldEnd::Failed(why.to_string());
            return look_again(settle(&shared, drop, &failed).await, drop);
        }
    };
    let is_by_operator = cancel.is_cancelled() && !hang_up.is_cancelled();
    look_again(write(&shared, drop, came, is_by_operator).await, drop)
}

/// Writes what came of a drop that was not dialled.
async fn write(
    shared: &SharedRun,
    drop: DropId,
    came: SingleDropError,
    is_by_operator: bool,
) -> Result<(), StoreError> {
    let end = match came {
        SingleDropError::Store(error) => return Err(error),
        // Another process has it.
        SingleDropError::KeyTaken => return Ok(()),
        SingleDropError::Stopped(ruling) => match stopped(&ruling) {
            Stopped::Held(hold) => {
                let now = shared.clock.now();
                return shared.store.hold_again(drop, &hold, now).await.map(|_| ());
            }
            Stopped::Ended(end) => end,
        },
        SingleDropError::Erased => HeldEnd::Erased,
        SingleDropError::Expired => HeldEnd::Expired,
        SingleDropError::Message(error) => HeldEnd::Failed(chain(&error)),
        SingleDropError::Interrupted | SingleDropError::Cancelled { .. } if is_by_operator => {
            HeldEnd::Cancelled
        }
        SingleDropError::Interrupted | SingleDropError::Cancelled { .. } => return Ok(()),
        error @ (SingleDropError::TrunkFull
        | SingleDropError::Contended
        | SingleDropError::Clocks(_)
        | SingleDropError::Evidence(_)
        | SingleDropError::Session(_)
        | SingleDropError::TrunkOffline { .. }
        | SingleDropError::LinkDown
        | SingleDropError::Replaced
        | SingleDropError::NotDialled { .. }) => {
            debug!(%drop, error = chain(&error), "a drop that was held is tried again");
            let again = shared.clock.now() + AGAIN_AFTER;
            return shared.store.postpone_held(drop, again).await;
        }
    };
    settle(shared, drop, &end).await
}

async fn settle(shared: &SharedRun, drop: DropId, end: &HeldEnd) -> Result<(), StoreError> {
    let settled = shared.store.settle_held(drop, end, shared.clock.now());
    settled.await.map(|_| ())
}

/// When the store is to be asked for the next drop.
fn look_again(written: Result<(), StoreError>, drop: DropId) -> Instant {
    match written {
        Ok(()) => clock::now(),
        Err(error) => {
            warn!(%drop, error = chain(&error), "a drop that was held is looked at again");
            clock::now() + FAULT_PAUSE
        }
    }
}

/// Follows it until nothing more happens. What is not dialled yet when the server ends is not.
async fn follow(
    handle: &mut SingleDropHandle,
    cancel: &CancellationToken,
    stopping: &CancellationToken,
) {
    let (mut is_dialling, mut is_cancelled) = (false, false);
    loop {
        tokio::select! {
            update = handle.next() => match update {
                Some(SingleDropUpdate::Dialling) => is_dialling = true,
                Some(_) => {}
                None => return,
            },
            () = cancel.cancelled(), if !is_cancelled => {
                is_cancelled = true;
                handle.cancel();
            }
            () = stopping.cancelled(), if !is_dialling && !is_cancelled => {
                is_cancelled = true;
                handle.cancel();
            }
        }
    }
}

/// What the gate's ruling means for a drop that waits.
enum Stopped {
    Held(GateHold),
    Ended(HeldEnd),
}

fn stopped(ruling: &Ruling) -> Stopped {
    let words = || {
        let last = ruling.findings.last();
        last.map_or_else(String::new, |finding| finding.words.clone())
    };
    match ruling.decision {
        Decision::Held { reason, until } => Stopped::Held(GateHold {
            reason,
            until,
            ruling: ruling.json(),
        }),
        Decision::Refused(reason) => Stopped::Ended(HeldEnd::Refused {
            reason: reason.slug(),
            words: words(),
            ruling: ruling.json(),
        }),
        Decision::Allowed => Stopped::Ended(HeldEnd::Failed(
            "the gate allowed it, and it was stopped".to_owned(),
        )),
    }
}

/// The order of a drop that was held.
fn order(held: HeldDrop) -> DropOrder {
    DropOrder {
        drop: held.drop,
        number: held.number,
        kind: held.kind,
        consent: held.consent,
        overrides: held.overrides,
        message: held.message,
        fields: held.fields,
        technique: Some(held.technique),
        caller_id: held.caller_id,
        expires_at: held.expires_at,
        traceparent: held.traceparent.as_deref().and_then(TraceParent::parse),
        keeping: OrderKeeping::Held,
        adopted: None,
    }
}

/// How many drops that were held are on their way to the gate and the trunk at once.
pub(super) const AT_ONCE: usize = 16;

/// When a drop is tried again that something else than the gate is in the way of.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// How long to wait behind a fault of the store.
const FAULT_PAUSE: Duration = Duration::from_secs(5);
