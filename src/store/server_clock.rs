//! The clock of the database server. SQLite has none: its processes share a machine, and the times of callers are gone by.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{
    DatabaseAddress, Store, StoreError,
    codec::{micros, read_time},
    error::Failure,
    sql::{Sql, args, sql},
    transaction::{Pools, Tx, timely},
};

/// What the server's clock showed, beside the time that a caller gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// What the caller had given before the server was asked.
    pub given: Timestamp,
    /// What the server's clock showed when it answered.
    pub server: Timestamp,
}

/// Which clock leases go by. Clones share what was last compared.
#[derive(Clone, Debug)]
pub(super) enum ServerClock {
    /// The caller's.
    None,
    /// The server's.
    Of(Arc<Mutex<Option<Compared>>>),
}

impl ServerClock {
    pub(super) fn of(pools: &Pools) -> Self {
        match pools {
            Pools::Sqlite { .. } => Self::None,
            Pools::Postgres(_) => Self::Of(Arc::default()),
        }
    }
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

    /// The same store, whose leases go by the times that callers give, on whichever database: for virtual time in tests.
    #[must_use]
    pub fn by_given_times(self) -> Self {
        Self {
            clock: ServerClock::None,
            ..self
        }
    }

    /// What the clock of a database's server shows; `None`: it has none of its own. Nothing of the database is read or
    /// changed.
    ///
    /// # Errors
    /// [`StoreError`] if the server cannot be reached.
    pub async fn server_time(place: &DatabaseAddress) -> Result<Option<Timestamp>, StoreError> {
        let DatabaseAddress::Postgres(url) = place else {
            return Ok(None);
        };
        let asked = async {
            let options: PgConnectOptions = secrecy::ExposeSecret::expose_secret(url).parse()?;
            let mut connection = timely(PgConnection::connect_with(&options)).await?;
            let sql = sqlx::query_scalar::<_, i64>(SERVER_TIME.postgres);
            let shown = timely(sql.fetch_one(&mut connection)).await?;
            // What was asked for is there.
            let _ = timely(connection.close()).await;
            Ok::<_, Failure>(shown)
        };
        match asked.await {
            Ok(shown) => Ok(read_time(shown)),
            Err(failure) => {
                let doing = "read the server's clock".to_owned();
                Err(StoreError::new(doing, "the database".into(), failure))
            }
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

const SERVER_TIME: Sql = sql!(
    "SELECT ",
    [
        "CAST(NULL AS BIGINT)",
        "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
    ]
);
