//! Tells how a trunk's budget stands, once it stands otherwise than when it was last told.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};
use tracing::debug;

use crate::{
    campaign::budget::{Gauge, GaugeState},
    cli::database,
    error_chain::chain,
    orders::{View, fraction, gauge_slug},
    store::{ErrorClass, Store},
};

/// What was last seen of the budget of a controller.
pub(super) struct BudgetWatch {
    seen: BTreeMap<Gauge, GaugeState>,
    changes: mpsc::UnboundedSender<BudgetChange>,
}

struct BudgetChange {
    pbx: String,
    gauge: Gauge,
    state: GaugeState,
    detail: Value,
    at: Timestamp,
}

impl BudgetWatch {
    /// Nothing was seen yet.
    pub(super) fn new(store: Store) -> Self {
        let (changes, changed) = mpsc::unbounded_channel();
        tokio::spawn(tell(store, changed));
        Self {
            seen: BTreeMap::new(),
            changes,
        }
    }

    /// Looks at what a controller of this PBX shows.
    pub(super) fn look(&mut self, pbx: &str, view: &View) {
        for gauge in &view.budget {
            // What was told before this process began may be over.
            if self.seen.insert(gauge.gauge, gauge.state) == Some(gauge.state) {
                continue;
            }
            let detail = json!({
                "pbx": pbx,
                "share": fraction(gauge.share),
                "limit": gauge.limit.map(fraction),
            });
            // It is the last to end.
            let _ = self.changes.send(BudgetChange {
                pbx: pbx.to_owned(),
                gauge: gauge.gauge,
                state: gauge.state,
                detail,
                at: database::now(),
            });
        }
    }
}

/// Tells one change behind the other.
async fn tell(store: Store, mut changed: mpsc::UnboundedReceiver<BudgetChange>) {
    while let Some(change) = changed.recv().await {
        for _ in 0..TRIES {
            let told = store
                .tell_of_budget(
                    &change.pbx,
                    gauge_slug(change.gauge),
                    change.state,
                    &change.detail,
                    change.at,
                )
                .await;
            match told {
                Err(error) if error.class == ErrorClass::Away => sleep(PAUSE).await,
                Err(error) => {
                    debug!(error = chain(&error), "how the budget stands was not told");
                    break;
                }
                Ok(_) => break,
            }
        }
    }
}

/// How often a change is tried to be told of while the database is away, and how long in between.
const TRIES: usize = 60;
const PAUSE: Duration = Duration::from_secs(5);
