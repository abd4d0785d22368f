//! Transactions, on whichever database it is: the only place that knows the two apart for every statement.

use std::{fmt, sync::Arc};

use sqlx::{
    FromRow, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    Store, StoreError,
    audit_entry::AuditSlip,
    bulk::{self, BulkTable, PackedRow},
    error::Failure,
    salt::Salt,
    server_clock::ServerClock,
    sql::{Arg, Sql, args, sql},
    timely::timely,
    turnstile::{Turn, Turnstile, Writer},
};

/// The connections to a database.
#[derive(Clone, Debug)]
pub(super) enum Pools {
    Sqlite {
        /// One connection, so that this process never waits for a lock of its own.
        writer: SqlitePool,
        readers: SqlitePool,
        turnstile: Turnstile,
    },
    Postgres {
        pool: PgPool,
        way: Way,
    },
}

/// What a connection to PostgreSQL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A session of the server's.
    Direct,
    /// A pooler's: each transaction has whatever session is free, so that nothing is kept in one beyond it, neither a
    /// setting nor a prepared statement.
    Pooler,
}

/// A transaction; what was not committed is taken back when it is dropped.
pub(super) struct Tx {
    transaction: OpenTransaction,
    /// What is being done, to follow `cannot`.
    doing: String,
    place: Arc<str>,
    clock: ServerClock,
    /// What the server's clock showed when this transaction first asked for it.
    server_time: Option<i64>,
    /// The version of the schema, if it is of an earlier version of the program.
    pub(super) behind: Option<i64>,
    pub(super) salt: Salt,
    /// What is appended to the audit log when it is committed.
    audit: Option<Arc<AuditSlip>>,
    /// Behind the transaction, so that it ends first.
    _turn: Option<Turn>,
}

enum OpenTransaction {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres {
        tx: Transaction<'static, Postgres>,
        /// Whether the session keeps statements that were prepared.
        keeps: bool,
    },
}

/// A row that either database can give.
pub(super) trait StoredRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> StoredRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl Store {
    /// Begins a transaction that writes; on SQLite it has the database for itself.
    pub(super) async fn write(&self, doing: impl Into<String>) -> Result<Tx, StoreError> {
        self.write_as(Writer::Single, doing).await
    }

    /// The same, by one who writes many of them one behind the other.
    pub(super) async fn write_as(
        &self,
        who: Writer,
        doing: impl Into<String>,
    ) -> Result<Tx, StoreError> {
        if self.is_to_read {
            let failure = Failure::Refused("it was opened to be read only".to_owned());
            return Err(StoreError::new(doing.into(), self.place.clone(), failure));
        }
        let mut turn = None;
        let begun = match &self.pools {
            Pools::Sqlite {
                writer, turnstile, ..
            } => {
                turn = turnstile.take(who).await;
                let begun = writer.begin_with("BEGIN IMMEDIATE").await;
                begun.map(OpenTransaction::Sqlite).map_err(Failure::from)
            }
            // Each statement has to see what was committed before it, as the locks here need it.
            Pools::Postgres { pool, way } => {
                begin_postgres(pool, *way, WRITE, WRITE_BY_POOLER).await
            }
        };
        self.begun(doing.into(), begun, (true, turn))
    }

    /// Begins a transaction that reads, and sees the database as it was at its first statement.
    pub(super) async fn read(&self, doing: impl Into<String>) -> Result<Tx, StoreError> {
        let begun = match &self.pools {
            Pools::Sqlite { readers, .. } => readers
                .begin()
                .await
                .map(OpenTransaction::Sqlite)
                .map_err(Failure::from),
            Pools::Postgres { pool, way } => begin_postgres(pool, *way, READ, READ_BY_POOLER).await,
        };
        self.begun(doing.into(), begun, (false, None))
    }

    fn begun(
        &self,
        doing: String,
        transaction: Result<OpenTransaction, Failure>,
        (writes, turn): (bool, Option<Turn>),
    ) -> Result<Tx, StoreError> {
        let place = self.place.clone();
        match transaction {
            Ok(transaction) => Ok(Tx {
                transaction,
                doing,
                place,
                clock: self.clock.clone(),
                server_time: None,
                behind: self.behind,
                salt: self.salt.clone(),
                audit: self.audit.clone().filter(|_| writes),
                _turn: turn,
            }),
            Err(failure) => Err(StoreError::new(doing, place, failure)),
        }
    }
}

impl Tx {
    /// Runs a statement; returns how many rows it changed.
    pub(super) async fn execute(&mut self, sql: Sql, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let done = match &mut self.transaction {
            OpenTransaction::Sqlite(tx) => {
                let mut query = sqlx::query(sql.sqlite);
                for arg in args {
                    query = match *arg {
                        Arg::Int(value) => query.bind(value),
                        Arg::Text(value) => query.bind(value),
                    };
                }
                let done = query.execute(&mut **tx).await;
                done.map(|done| done.rows_affected()).map_err(Failure::from)
            }
            OpenTransaction::Postgres { tx, keeps } => {
                let mut query = sqlx::query(sql.postgres).persistent(*keeps);
                for arg in args {
                    query = match *arg {
                        Arg::Int(value) => query.bind(value),
                        Arg::Text(value) => query.bind(value),
                    };
                }
                let done = timely(query.execute(&mut **tx)).await;
                done.map(|done| done.rows_affected())
            }
        };
        done.map_err(|failure| self.failed(failure))
    }

    /// All rows of a statement.
    pub(super) async fn all<T: StoredRow>(
        &mut self,
        sql: Sql,
        args: &[Arg<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let rows = match &mut self.transaction {
            OpenTransaction::Sqlite(tx) => {
                let query = bind_sqlite(sqlx::query_as(sql.sqlite), args);
                query.fetch_all(&mut **tx).await.map_err(Failure::from)
            }
            OpenTransaction::Postgres { tx, keeps } => {
                let query = bind_postgres(sqlx::query_as(sql.postgres), args).persistent(*keeps);
                timely(query.fetch_all(&mut **tx)).await
            }
        };
        rows.map_err(|failure| self.failed(failure))
    }

    /// The only row of a statement, if there is one.
    pub(super) async fn one<T: StoredRow>(
        &mut self,
        sql: Sql,
        args: &[Arg<'_>],
    ) -> Result<Option<T>, StoreError> {
        Ok(self.all(sql, args).await?.pop())
    }

    /// The clock of the server, and what it showed in this transaction.
    pub(super) const fn clock(&mut self) -> (&ServerClock, &mut Option<i64>) {
        (&self.clock, &mut self.server_time)
    }

    /// Puts rows into a table; `same` is what its columns have that are the same in every row. Returns how many were new:
    /// SQLite leaves those out whose key is there, PostgreSQL takes all of the transaction back.
    pub(super) async fn insert_rows(
        &mut self,
        into: &BulkTable,
        same: &[Arg<'_>],
        rows: &[PackedRow<'_>],
    ) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let done = match &mut self.transaction {
            OpenTransaction::Sqlite(tx) => bulk::insert_sqlite(tx, into, same, rows).await,
            OpenTransaction::Postgres { tx, .. } => bulk::copy_postgres(tx, into, same, rows).await,
        };
        done.map_err(|failure| self.failed(failure))
    }

    /// Whether the schema has a step of its own; one that is only read may be of an earlier version.
    pub(super) fn has_step(&self, version: i64) -> bool {
        self.behind.is_none_or(|behind| behind >= version)
    }

    /// Whether [`Self::insert_rows`] leaves rows out whose key is there.
    pub(super) const fn leaves_out_known_rows(&self) -> bool {
        matches!(self.transaction, OpenTransaction::Sqlite(_))
    }

    /// Waits for other transactions that took this turn to end. On SQLite they have ended.
    pub(super) async fn take_turns(&mut self, turn: i64) -> Result<(), StoreError> {
        match self.transaction {
            OpenTransaction::Sqlite(_) => Ok(()),
            OpenTransaction::Postgres { .. } => {
                self.execute(TAKE_TURNS, args![turn]).await.map(drop)
            }
        }
    }

    /// Commits all of it, with what it leaves in the audit log.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        let slip = self.audit.take().filter(|slip| slip.is_due());
        if let Some(slip) = &slip {
            self.append_audit(&slip.entry).await?;
        }
        let done = match self.transaction {
            OpenTransaction::Sqlite(tx) => tx.commit().await.map_err(Failure::from),
            OpenTransaction::Postgres { tx, .. } => timely(tx.commit()).await,
        };
        if let (Some(slip), Ok(())) = (&slip, &done) {
            slip.note_written();
        }
        done.map_err(|failure| StoreError::new(self.doing, self.place, failure))
    }

    /// What was asked makes no sense; `why` follows `cannot ..: `.
    pub(super) fn refuse(&self, why: impl Into<String>) -> StoreError {
        self.failed(Failure::Refused(why.into()))
    }

    /// The instance's name is another PBX's; `why` follows `cannot ..: `.
    pub(super) fn refuse_other_pbx(&self, why: impl Into<String>) -> StoreError {
        self.failed(Failure::OtherPbx(why.into()))
    }

    /// What the database holds was never written by this program; `what` says what is wrong.
    pub(super) fn broken(&self, what: impl Into<String>) -> StoreError {
        self.failed(Failure::Strange(what.into()))
    }

    fn failed(&self, failure: Failure) -> StoreError {
        let failure = match self.behind {
            Some(version) => failure.of_earlier_schema(version),
            None => failure,
        };
        StoreError::new(self.doing.clone(), self.place.clone(), failure)
    }
}

async fn begin_postgres(
    pool: &PgPool,
    way: Way,
    direct: &'static str,
    by_pooler: &'static str,
) -> Result<OpenTransaction, Failure> {
    let (begin, keeps) = match way {
        Way::Direct => (direct, true),
        Way::Pooler => (by_pooler, false),
    };
    let tx = timely(pool.begin_with(begin)).await?;
    Ok(OpenTransaction::Postgres { tx, keeps })
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = &self.doing;
        f.debug_struct("Tx").field("doing", doing).finish()
    }
}

type SqliteAs<'q, T> = QueryAs<'q, Sqlite, T, SqliteArguments>;
type PostgresAs<'q, T> = QueryAs<'q, Postgres, T, PgArguments>;

fn bind_sqlite<'q, T>(mut query: SqliteAs<'q, T>, args: &[Arg<'q>]) -> SqliteAs<'q, T> {
    for arg in args {
        query = match *arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        };
    }
    query
}

fn bind_postgres<'q, T>(mut query: PostgresAs<'q, T>, args: &[Arg<'q>]) -> PostgresAs<'q, T> {
    for arg in args {
        query = match *arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        };
    }
    query
}

/// A writer that stops midway must not hold up all others for ever: a process that is frozen stays connected.
const WRITE: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '30s'";

const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The same with what a session of ours is given once, see `open`.
const WRITE_BY_POOLER: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
    SET LOCAL idle_in_transaction_session_timeout = '30s'; SET LOCAL lock_timeout = '45s'; \
    SET LOCAL random_page_cost = 1.1; SELECT set_config('synchronous_commit', 'on', true) \
    WHERE current_setting('synchronous_commit') = 'off'";
const READ_BY_POOLER: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '45s'; \
    SET LOCAL random_page_cost = 1.1";

const TAKE_TURNS: Sql = sql!(["SELECT $1", "SELECT pg_advisory_xact_lock($1)"]);
