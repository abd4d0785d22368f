//! Keeps the controller's lease alive.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tracing::{error, warn};

use super::Input;
use crate::{
    clock::{self, Steady},
    error_chain::chain,
    store::{ControllerLease, Store},
};

/// Renews the lease until it is lost.
pub(super) async fn keep(
    store: Store,
    holder: ControllerLease,
    clock: Arc<Steady>,
    inputs: mpsc::UnboundedSender<Input>,
) {
    let mut ticks = interval(RENEW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // The lease goes on while the machine is suspended.
        let began = clock::since_boot();
        let renewed = store.renew(&holder, clock.now()).await;
        compare(&store, &clock);
        let input = match renewed {
            Ok(true) => Input::Renewed(began, clock::since_boot().saturating_sub(began)),
            Ok(false) => {
                error!("the lease has ended: another controller has taken over");
                let _ = inputs.send(Input::TakenOver);
                return;
            }
            Err(error) => {
                warn!(error = chain(&error), "the lease was not renewed");
                ticks.reset_after(RETRY_AFTER);
                continue;
            }
        };
        if inputs.send(input).is_err() {
            return;
        }
    }
}

/// Compares the clocks with the database server's, as the last request has shown it.
pub(super) fn compare(store: &Store, clock: &Steady) {
    if let Some(compared) = store.compared() {
        clock.compare(compared.given, compared.server);
    }
}

/// A sixth of the lease: it outlives some failures.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// How long after a failure the renewal is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
