//! What the control loop needs to dial, and whether it is there: the store, the lease, the PBX and its trunk.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::sync::watch;
use tracing::{info, warn};

use super::{ControlLoop, EndReason};
use crate::{
    campaign::engine::{Availability, Event, InFlight},
    clock::{self, Doubt, Steady},
    controller::{PBX, store_writer::CommitLatency},
    runtime::{PbxLink, TrunkState},
    store::CONTROLLER_LEASE,
};

/// Whether the store, the lease, the PBX and the trunk are there, and the clocks can be relied on.
pub(in crate::controller) struct Health {
    clock: Arc<Steady>,
    link: watch::Receiver<PbxLink>,
    trunk: watch::Receiver<TrunkState>,
    /// Why the store is unavailable, if it is.
    pub(super) store_away: Option<String>,
    /// When the request began that last renewed the lease, by the time since the machine was started.
    renewed: Duration,
    commit_latency: CommitLatency,
    /// The clocks, as the engine knows of them, and why they cannot be relied on.
    known_clocks: Availability,
    doubt: Option<Doubt>,
    /// The store and the lease, as the engine knows of them.
    known_store: Availability,
    /// The trunk, as the engine knows of it.
    known_trunk: Availability,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HealthChange {
    Link,
    Trunk,
}

impl Health {
    /// All is there; the lease was asked for at `renewed`.
    pub(in crate::controller) fn new(
        link: watch::Receiver<PbxLink>,
        trunk: watch::Receiver<TrunkState>,
        clock: Arc<Steady>,
        renewed: Duration,
    ) -> Self {
        Self {
            clock,
            link,
            trunk,
            store_away: None,
            renewed,
            commit_latency: CommitLatency::default(),
            known_clocks: Availability::Up,
            doubt: None,
            known_store: Availability::Up,
            known_trunk: Availability::Up,
        }
    }

    /// Waits until the PBX or its trunk has changed.
    pub(super) async fn changed(&mut self) -> HealthChange {
        tokio::select! {
            biased;
            Ok(()) = self.link.changed() => HealthChange::Link,
            Ok(()) = self.trunk.changed() => HealthChange::Trunk,
            else => pending().await,
        }
    }

    /// The lease was renewed by a request that began then.
    pub(super) const fn note_renewal(&mut self, began: Duration) {
        self.renewed = began;
    }

    /// Takes note of how long the store took for something that it had to make durable; returns whether that changes what
    /// is shown.
    pub(super) fn note_commit(&mut self, took: Duration) -> bool {
        self.commit_latency.note(took, clock::now())
    }

    /// Whether a drop may be dialled, as far as this goes.
    pub(super) fn may_dial(&self) -> bool {
        self.is_lease_certain()
            && self.clock.is_certain()
            && *self.link.borrow() == PbxLink::Up
            && *self.trunk.borrow() == TrunkState::Usable
    }

    /// Whether our lease is certainly still valid.
    fn is_lease_certain(&self) -> bool {
        let age = clock::since_boot().saturating_sub(self.renewed);
        age < CONTROLLER_LEASE.saturating_sub(LEASE_MARGIN)
    }

    /// Why less is dialled than might be, for people; `None` if nothing is in the way.
    pub(super) fn trouble(&self) -> Option<String> {
        if let Some(doubt) = self.doubt {
            return Some(doubt.to_string());
        }
        if let Some(words) = &self.store_away {
            return Some(format!("the database is unavailable: {words}"));
        }
        if !self.is_lease_certain() {
            return Some("the database does not renew the lease of this controller".to_owned());
        }
        match *self.link.borrow() {
            PbxLink::Up if self.known_trunk == Availability::Away => Some(OFFLINE.to_owned()),
            PbxLink::Up => self.commit_latency.words(),
            PbxLink::Away => Some("the PBX cannot be reached".to_owned()),
            PbxLink::Taken => Some(
                "another program has registered the app of this controller on the PBX".to_owned(),
            ),
        }
    }
}

impl ControlLoop {
    pub(super) fn on_health(&mut self, change: HealthChange) {
        match change {
            HealthChange::Link => self.on_link(),
            HealthChange::Trunk => self.on_trunk(),
        }
    }

    fn on_link(&mut self) {
        self.reporter.changed();
        let link = *self.health.link.borrow_and_update();
        match link {
            PbxLink::Up => {
                self.reporter.note(None, "the PBX is back");
                self.tell(Event::Pbx(PBX, Availability::Up));
            }
            PbxLink::Away => {
                let words = "the PBX cannot be reached; nothing is started until it is back";
                self.reporter.warn(None, words);
                warn!("{words}");
                self.tell(Event::Pbx(PBX, Availability::Away));
            }
            PbxLink::Taken => {
                let words = "another program has registered the app of this controller on the PBX: every call is hung up";
                self.reporter.warn(None, words);
                self.end(EndReason::Replaced, InFlight::HangUp);
            }
        }
    }

    /// Reports the state of the trunk to the engine, and to people, if it has changed.
    pub(super) fn on_trunk(&mut self) {
        self.reporter.changed();
        let state = *self.health.trunk.borrow_and_update();
        let trunk = match state {
            TrunkState::Usable => Availability::Up,
            TrunkState::Offline => Availability::Away,
        };
        if std::mem::replace(&mut self.health.known_trunk, trunk) == trunk {
            return;
        }
        match state {
            TrunkState::Usable => self.reporter.note(None, "the trunk is back"),
            TrunkState::Offline => self
                .reporter
                .warn(None, format!("{OFFLINE}; nothing is started until it does")),
        }
        self.tell(Event::Trunk(PBX, trunk));
    }

    /// Reports to the engine whether the store and the lease are there, if that has changed.
    pub(super) fn tell_store(&mut self) {
        let is_there = self.health.store_away.is_none() && self.health.is_lease_certain();
        let store = if is_there {
            Availability::Up
        } else {
            Availability::Away
        };
        if store != self.health.known_store {
            self.health.known_store = store;
            self.reporter.changed();
            self.tell(Event::Store(store));
        }
    }

    /// Reports to the engine, and to people, whether the clocks can be relied on at this moment, if that has changed. It comes
    /// before all that the engine decides.
    pub(super) fn tell_clocks(&mut self) {
        let doubt = self.health.clock.doubt();
        if doubt == self.health.doubt {
            return;
        }
        self.health.doubt = doubt;
        self.reporter.changed();
        if let (Some(Doubt::SetBack { .. }), None) = (doubt, &self.ending) {
            self.end(EndReason::SetBack, InFlight::Finish);
        }
        let clocks = if doubt.is_none() {
            Availability::Up
        } else {
            Availability::Away
        };
        if std::mem::replace(&mut self.health.known_clocks, clocks) == clocks {
            return;
        }
        match doubt {
            Some(doubt) => {
                let words = doubt.to_string();
                warn!("{words}");
                self.reporter.warn(None, words);
            }
            None => {
                info!("the clocks agree again");
                self.reporter.note(None, "the clocks agree again");
            }
        }
        self.tell(Event::Clocks(clocks));
    }

    pub(super) fn note_commit(&mut self, took: Duration) {
        if self.health.note_commit(took) {
            self.reporter.changed();
        }
    }
}

/// What is said of a trunk that is offline.
const OFFLINE: &str = "the trunk is offline: its far end does not answer the PBX";

/// How long before the end of the lease, counted from its last renewal, nothing is dialled any more.
const LEASE_MARGIN: Duration = Duration::from_secs(10);
