//! Whether calls can be made by the trunk at this moment, as the PBX sees its far end.
//!
//! An endpoint whose far end does not answer the PBX refuses every call before it is dialled, and would burn a list in
//! seconds. So it is asked for before the first drop, and again and again while campaigns run. Only an endpoint that the
//! PBX itself calls offline counts: one that it does not look after, or does not list, may well be dialled.

use std::time::Duration;

use tokio::{sync::watch, time::sleep};
use tracing::{debug, warn};

use crate::{ari::Rest, config::Endpoint};

/// Whether calls can be made by a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkState {
    /// As far as the PBX knows.
    Usable,
    /// The PBX says that its far end does not answer.
    Offline,
}

/// Asks the PBX about the trunk of a run.
#[derive(Clone)]
pub struct TrunkProbe {
    rest: Rest,
    endpoint: Endpoint,
}

impl TrunkProbe {
    pub(super) const fn new(rest: Rest, endpoint: Endpoint) -> Self {
        Self { rest, endpoint }
    }

    /// The trunk, as the PBX names it: `PJSIP/trunk`.
    pub fn name(&self) -> String {
        match self.endpoint.trunk() {
            Some(trunk) => format!("{}/{trunk}", self.endpoint.technology()),
            None => self.endpoint.as_str().to_owned(),
        }
    }

    /// Its state; `None` if the PBX does not answer now.
    pub async fn ask(&self) -> Option<TrunkState> {
        let Some(trunk) = self.endpoint.trunk() else {
            return Some(TrunkState::Usable);
        };
        match self.rest.endpoint(self.endpoint.technology(), trunk).await {
            Ok(found) => {
                let state = found.and_then(|endpoint| endpoint.state);
                Some(match state.as_deref() {
                    Some("offline") => TrunkState::Offline,
                    Some(_) | None => TrunkState::Usable,
                })
            }
            Err(failure) => {
                debug!(
                    detail = failure.detail,
                    "the pbx does not report the state of the trunk"
                );
                None
            }
        }
    }

    /// Whether it is offline, and stays so for a moment: after a start of its own the PBX has not heard of its far end yet.
    pub async fn is_offline(&self) -> bool {
        for _ in 0..TRIES {
            if self.ask().await != Some(TrunkState::Offline) {
                return false;
            }
            sleep(SOON).await;
        }
        true
    }

    /// Publishes every change from now on, until there is no receiver. What the PBX does not answer changes nothing.
    pub(crate) async fn watch(self, changes: watch::Sender<TrunkState>) {
        loop {
            let pause = match *changes.borrow() {
                TrunkState::Usable => OFTEN,
                TrunkState::Offline => OFTEN_OFFLINE,
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = changes.closed() => return,
            }
            let Some(state) = self.ask().await else {
                continue;
            };
            let changed =
                changes.send_if_modified(|known| std::mem::replace(known, state) != state);
            if changed {
                warn!(trunk = self.name(), ?state, "the trunk has changed");
            }
        }
    }
}

/// How often a trunk that is offline is asked for before a single drop.
const TRIES: u32 = 8;

/// How soon it is asked for again.
const SOON: Duration = Duration::from_millis(250);

/// How often it is asked for while campaigns run.
const OFTEN: Duration = Duration::from_secs(5);

/// The same while it is offline.
const OFTEN_OFFLINE: Duration = Duration::from_secs(2);
