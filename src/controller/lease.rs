//! Keeps the controller's lease alive, and looks every minute after what controllers that died have left.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{error, info, warn};

use super::Input;
use crate::error_chain::chain;
use crate::{
    clock::{self, Steady},
    id::{DropId, RunName},
    runtime::reconciler::{EndedDrops, Reconciler},
    store::{ControllerLease, Orphan, Store},
};

/// Renews the lease until it is lost.
pub(super) async fn keep(
    store: Store,
    holder: ControllerLease,
    clock: Arc<Steady>,
    happened: mpsc::UnboundedSender<Input>,
) {
    let mut ticks = interval(RENEW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let began = clock::now();
        let told = match store.renew(&holder, clock.now()).await {
            Ok(true) => Input::Renewed(began, clock::now().duration_since(began)),
            Ok(false) => {
                error!("the lease has ended: another controller has taken over");
                let _ = happened.send(Input::TakenOver);
                return;
            }
            Err(error) => {
                warn!(error = chain(&error), "the lease was not renewed");
                ticks.reset_after(ASK_AGAIN);
                continue;
            }
        };
        if happened.send(told).is_err() {
            return;
        }
    }
}

/// Looks after controllers that died, every so often.
pub(super) struct OrphanRescuer {
    pub(super) store: Store,
    pub(super) holder: ControllerLease,
    pub(super) reconciler: Reconciler,
    pub(super) clock: Arc<Steady>,
    pub(super) happened: mpsc::UnboundedSender<Input>,
    /// Drops whose calls the PBX has not ended so far.
    pub(super) stuck: BTreeSet<(RunName, DropId)>,
}

impl OrphanRescuer {
    pub(super) async fn work(mut self) {
        loop {
            sleep(LOOK_EVERY).await;
            self.end_stuck().await;
            if let Err(words) = self.look().await {
                warn!(
                    words,
                    "controllers that died cannot be looked after; to be tried again"
                );
            }
        }
    }

    /// Tries once more to end the calls that the PBX did not end before.
    async fn end_stuck(&mut self) {
        if self.stuck.is_empty() {
            return;
        }
        let before = self.stuck.len();
        self.stuck = self.reconciler.end_drops(&self.stuck).await.stuck;
        let ended = before - self.stuck.len();
        if ended > 0 {
            info!(
                ended,
                "calls are gone that the PBX did not end when their controllers died"
            );
        }
    }

    /// Takes over what dead controllers left, and has it ended on the PBX. It is adopted before any sweep forgets the
    /// run it belonged to: who dies in between leaves it to the next, as its own.
    async fn look(&mut self) -> Result<(), String> {
        let dead = self.reconciler.dead().map_err(|error| chain(&error))?;
        let orphans = self.store.adopt(&self.holder, &dead, self.clock.now());
        let orphans = orphans.await.map_err(|error| chain(&error))?;
        if !orphans.is_empty() {
            let ended = end_calls(&self.reconciler, &orphans).await;
            self.stuck.extend(ended.stuck.iter().cloned());
            let _ = self.happened.send(Input::Found { orphans, ended });
        }
        let swept = self.reconciler.sweep().await;
        swept.map_err(|failure| failure.detail)
    }
}

/// Ends what is left of these drops on the PBX, as far as the PBX does.
pub(super) async fn end_calls(reconciler: &Reconciler, orphans: &[Orphan]) -> EndedDrops {
    let drops = orphans
        .iter()
        .map(|orphan| (orphan.run.clone(), orphan.drop));
    reconciler.end_drops(&drops.collect()).await
}

/// A sixth of the lease: it outlives some failures.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// After which time a renewal that failed is tried again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

const LOOK_EVERY: Duration = Duration::from_secs(60);
