//! What a connection reports to its drop, as fast as the drop takes it.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::connection::{ConnectionEnd, FromCall};
use crate::clock;

/// A connection's way to its drop.
pub(super) struct Outlet {
    tell: mpsc::Sender<FromCall>,
    /// Since when the drop has not taken what waits for it.
    full_since: Option<Instant>,
    /// How long that may last.
    patience: Duration,
}

impl Outlet {
    /// A way to a drop that may take nothing for as long as `patience`, and the drop's end of it.
    pub(super) fn new(patience: Duration) -> (Self, mpsc::Receiver<FromCall>) {
        let (tell, come) = mpsc::channel(QUEUE + SPARE);
        let outlet = Self {
            tell,
            full_since: None,
            patience,
        };
        (outlet, come)
    }

    /// Whether there is room for sound. What the drop has not taken stays with the network, which waits for longer than we
    /// have room for.
    pub(super) fn has_room(&self) -> bool {
        self.tell.capacity() > SPARE
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

    /// Never waits: there is room for sound, or it is not read, and room to spare for what becomes of ours.
    pub(super) fn tell(&self, what: FromCall) -> Result<(), ConnectionEnd> {
        self.tell.try_send(what).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ConnectionEnd::Slow,
            mpsc::error::TrySendError::Closed(_) => ConnectionEnd::Closed,
        })
    }

    /// Says how the connection ended, after what ended with it.
    pub(super) async fn end(self, with: impl IntoIterator<Item = FromCall>, end: ConnectionEnd) {
        for what in with {
            // The drop may have ended.
            let _ = self.tell.send(what).await;
        }
        let _ = self.tell.send(FromCall::Ended(end)).await;
    }
}

/// Pieces of sound that may wait for the drop: 6 s of Asterisk's 20 ms.
pub(super) const QUEUE: usize = 300;

/// Room beside them for what becomes of what we say.
const SPARE: usize = 32;
