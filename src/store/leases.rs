//! How long leases last, and which clock they go by.

use std::{sync::PoisonError, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    Store, StoreError,
    codec::{micros, read_time},
    server_clock::{Compared, ServerClock},
    sql::{Sql, args, sql},
    transaction::Tx,
};

/// How long a controller's lease lasts.
pub const CONTROLLER_LEASE: Duration = Duration::from_secs(30);

/// How long a contact stays leased without an intent.
pub const CONTACT_LEASE: Duration = Duration::from_secs(90);

/// When a lease of this length ends that begins at this moment, in microseconds.
pub(super) fn lease_end(now: i64, lease: Duration) -> i64 {
    now.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX))
}

impl Store {
    /// What was compared since this was last asked; `None` if nothing was, or the database has no clock of its own. Leases
    /// and all writes of a controller compare.
    pub fn compared(&self) -> Option<Compared> {
        match &self.clock {
            ServerClock::None => None,
            ServerClock::Of(compared) => {
                let mut compared = compared.lock().unwrap_or_else(PoisonError::into_inner);
                compared.take()
            }
        }
    }

    /// How far the clock of the database server is ahead of the caller's, which showed `now` when this was called; `None` on SQLite,
    /// which has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn server_ahead(&self, now: Timestamp) -> Result<Option<SignedDuration>, StoreError> {
        let mut tx = self.read("read the clock of the database").await?;
        let shown: Option<(Option<i64>,)> = tx.one(SERVER_TIME, args![]).await?;
        let shown = shown.and_then(|(shown,)| shown).and_then(read_time);
        Ok(shown.map(|shown| shown.duration_since(now)))
    }

    /// The same store, whose leases go by the times that callers give, on whichever database: for virtual time in tests.
    #[must_use]
    pub fn by_given_times(self) -> Self {
        Self {
            clock: ServerClock::None,
            ..self
        }
    }
}

impl Tx {
    /// This moment by the clock that leases go by, in microseconds: the server's, or what the caller gives.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn lease_time(&mut self, given: Timestamp) -> Result<i64, StoreError> {
        if let (ServerClock::Of(_), None) = self.clock() {
            let shown: Option<(Option<i64>,)> = self.one(SERVER_TIME, args![]).await?;
            self.note_server_time(shown.and_then(|(shown,)| shown));
        }
        let (clock, shown) = self.clock();
        match (clock, *shown) {
            (ServerClock::Of(compared), Some(shown)) => {
                if let Some(server) = read_time(shown) {
                    let mut compared = compared.lock().unwrap_or_else(PoisonError::into_inner);
                    *compared = Some(Compared { given, server });
                }
                Ok(shown)
            }
            (ServerClock::None | ServerClock::Of(_), _) => Ok(micros(given)),
        }
    }

    /// When something happened that is written down now: what the caller gives, and no later than the server's clock shows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn past(&mut self, given: Timestamp) -> Result<Timestamp, StoreError> {
        let shown = read_time(self.lease_time(given).await?);
        Ok(shown.map_or(given, |shown| shown.min(given)))
    }

    /// A statement of this transaction has brought what the server's clock shows.
    pub(super) const fn note_server_time(&mut self, shown: Option<i64>) {
        let (_, server_time) = self.clock();
        *server_time = shown;
    }
}

pub(super) const SERVER_TIME: Sql = sql!("SELECT ", SERVER_TIME);
