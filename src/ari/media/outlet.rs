//! What a connection reports to its drop, as fast as the drop takes it.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::connection::{ConnectionEnd, FromCall};
use crate::clock;

/// A connection's way to its drop.
pub(super) struct Outlet {
    reports: mpsc::Sender<FromCall>,
    /// Since when the drop has not taken what waits for it.
    full_since: Option<Instant>,
    /// How long that may last.
    patience: Duration,
}

impl Outlet {
    /// A way to a drop that may take nothing for as long as `patience`, and the drop's end of it.
    pub(super) fn new(patience: Duration) -> (Self, mpsc::Receiver<FromCall>) {
        let (reports, come) = mpsc::channel(QUEUE + SPARE);
        let outlet = Self {
            reports,
            full_since: None,
            patience,
        };
        (outlet, come)
    }

    /// Whether there is room for sound. What the drop has not taken stays in the network, which waits for longer than
    /// there is room here.
    pub(super) fn has_room(&self) -> bool {
        self.reports.capacity() > SPARE
    }

    /// Whether the drop had not taken enough when [`Self::keep_up`] looked last.
    pub(super) const fn is_full(&self) -> bool {
        self.full_since.is_some()
    }

    /// Ends the connection of a drop that has taken nothing for too long; `has_room` is what [`Self::has_room`] said.
    pub(super) fn keep_up(&mut self, has_room: bool) -> Result<(), ConnectionEnd> {
        if has_room {
            self.full_since = None;
            return Ok(());
        }
        let now = clock::now();
        let since = *self.full_since.get_or_insert(now);
        if now.saturating_duration_since(since) > self.patience {
            return Err(ConnectionEnd::Slow);
        }
        Ok(())
    }

    /// Never waits: sound is read only if there is room for it, and there is spare room for reports.
    pub(super) fn report(&self, what: FromCall) -> Result<(), ConnectionEnd> {
        self.reports.try_send(what).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ConnectionEnd::Slow,
            mpsc::error::TrySendError::Closed(_) => ConnectionEnd::Closed,
        })
    }

    /// Reports how the connection ended, after the message that ended with it.
    pub(super) async fn end(self, with: impl IntoIterator<Item = FromCall>, end: ConnectionEnd) {
        for what in with {
            // The drop may have ended.
            let _ = self.reports.send(what).await;
        }
        let _ = self.reports.send(FromCall::Ended(end)).await;
    }
}

/// Pieces of sound that may wait for the drop: 6 s of Asterisk's 20 ms.
pub(super) const QUEUE: usize = 300;

/// Room beside them for reports of the message.
const SPARE: usize = 32;
