//! Rescues what controllers that died have left: every minute it adopts their drops, has their calls ended on the PBX, and
//! reports them to the control loop.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::mpsc, time::sleep};
use tracing::{info, warn};

use super::{
    Input,
    gone::{self, GivenUp},
    lease::compare,
};
use crate::{
    clock::Steady,
    error_chain::chain,
    id::{DropId, RunName},
    runtime::reconciler::{EndedDrops, Reconciler},
    store::{ControllerLease, Gone, Orphan, Store, StoreError},
};

/// Looks for orphans of dead controllers, over and over.
pub(super) struct OrphanRescuer {
    pub(super) store: Store,
    pub(super) holder: ControllerLease,
    pub(super) reconciler: Reconciler,
    pub(super) clock: Arc<Steady>,
    pub(super) inputs: mpsc::UnboundedSender<Input>,
    /// How long after the end of its lease a controller of any PBX is given up.
    pub(super) lost_after: Duration,
    /// Drops whose calls the PBX has not ended so far.
    pub(super) stuck: BTreeSet<(RunName, DropId)>,
}

impl OrphanRescuer {
    pub(super) async fn work(mut self) {
        loop {
            if let Err(error) = self.give_up().await {
                warn!(
                    error = chain(&error),
                    "cannot settle the drops of PBXes that do not come back; to be tried again"
                );
            }
            sleep(LOOK_EVERY).await;
            self.end_stuck().await;
            if let Err(error) = self.look().await {
                warn!(
                    error,
                    "cannot look for the drops of dead controllers; to be tried again"
                );
            }
        }
    }

    /// Settles the drops of PBXes that do not come back.
    async fn give_up(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let by = now.checked_sub(self.lost_after).unwrap_or(Timestamp::MIN);
        let words = |pbx: &str| gone::words(pbx, self.lost_after);
        let given_up = gone::give_up(&self.store, Gone::By(by), words, now).await?;
        if given_up != GivenUp::default() {
            let _ = self.inputs.send(Input::GivenUp(given_up));
        }
        Ok(())
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

    /// Adopts what dead controllers left, and has it ended on the PBX. It is adopted before any sweep forgets the run it
    /// belonged to: a controller that dies in between leaves it to the next one, as its own.
    async fn look(&mut self) -> Result<(), String> {
        let dead = self.reconciler.dead().map_err(|error| chain(&error))?;
        let orphans = self.store.adopt(&self.holder, &dead, self.clock.now());
        let orphans = orphans.await.map_err(|error| chain(&error))?;
        compare(&self.store, &self.clock);
        if !orphans.is_empty() {
            let ended = end_calls(&self.reconciler, &orphans).await;
            self.stuck.extend(ended.stuck.iter().cloned());
            let _ = self.inputs.send(Input::Found { orphans, ended });
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

const LOOK_EVERY: Duration = Duration::from_secs(60);
