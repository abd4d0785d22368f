//! Whether the database can be written: what it could not be told while it was away is told once it can.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    cli::database,
    config::Config,
    error_chain::chain,
    store::{ErrorClass, Store},
};

/// Begins to look, until `stopping` is cancelled.
pub(super) fn watch_store(
    store: Store,
    config: watch::Receiver<Arc<Config>>,
    stopping: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::select! {
            () = look(&store, &config) => {}
            () = stopping.cancelled() => {}
        }
    })
}

async fn look(store: &Store, config: &watch::Receiver<Arc<Config>>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut away_since: Option<Timestamp> = None;
    loop {
        ticks.tick().await;
        let asked = database::now();
        let instance = config.borrow().instance.clone();
        let written = match away_since {
            // In the transaction that finds out that it is back.
            Some(since) => {
                store
                    .tell_of_outage(&instance, since, database::now())
                    .await
            }
            None => store.ping().await,
        };
        match written {
            Ok(()) => {
                if let Some(since) = away_since.take() {
                    info!(%since, "the database is back");
                }
            }
            Err(error) if error.class == ErrorClass::Away => {
                if away_since.is_none() {
                    warn!(error = chain(&error), "the database is away");
                    away_since = Some(asked);
                }
            }
            Err(error) => warn!(error = chain(&error), "the database cannot be written"),
        }
    }
}

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(5);
