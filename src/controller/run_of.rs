//! The run by which a single drop is dialled: its own, or one that others share.

use std::sync::Arc;

use crate::{
    clock::Steady,
    runtime::{DriverError, Session},
    store::{ControllerLease, Store},
};

/// A run on a PBX that many single drops share.
pub(super) struct SharedRun {
    pub(super) store: Store,
    pub(super) clock: Arc<Steady>,
    pub(super) session: Session,
    /// Its lease in the store.
    pub(super) holder: ControllerLease,
}

/// The run by which a drop is dialled.
pub(super) enum RunOfDrop {
    Own(Box<Session>),
    Shared(Arc<SharedRun>),
}

impl RunOfDrop {
    pub(super) fn session(&self) -> &Session {
        match self {
            Self::Own(session) => session,
            Self::Shared(shared) => &shared.session,
        }
    }

    /// Ends a run that is the drop's own.
    pub(super) async fn close(self) -> Result<(), DriverError> {
        match self {
            Self::Own(session) => session.close().await,
            Self::Shared(_) => Ok(()),
        }
    }
}
