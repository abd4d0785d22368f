//! Bringing a schema forward: step by step, once, whoever and however many begin at the same time.
//!
//! The table of steps is the one that sqlx keeps, so that the first release reads it too. On SQLite all steps are one
//! transaction, which holds the file from before its copy is made until its end. On PostgreSQL, where programs of an
//! earlier version go on meanwhile, each step is a transaction: it waits for a lock for a short time only, so that nothing
//! queues behind it for long, and then lets go and tries again.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection,
    migrate::Migration, sqlite::SqliteConnectOptions,
};

use super::{
    super::error::Failure,
    copy::{DatabaseCopy, RemovedUnlessKept, remove_partial_copies},
    schema::{AppliedSteps, SchemaState},
};

/// What brought a schema forward has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgraded {
    /// The version that it had; 0: none, the database was empty.
    pub from: i64,
    /// The version that it has.
    pub to: i64,
    /// The copy of the database as it was.
    pub copy: Option<DatabaseCopy>,
}

/// Brings an SQLite database forward, by a connection of its own. The copy is left out if there is nothing in the
/// database yet, or if it is not wanted.
pub(super) async fn bring_forward_sqlite(
    options: &SqliteConnectOptions,
    known: &[Migration],
    wants_copy: bool,
) -> Result<(SchemaState, Option<Upgraded>), Failure> {
    let mut connection = options
        .clone()
        .busy_timeout(WAIT_FOR_FILE)
        .connect()
        .await?;
    let done = sqlite_steps(&mut connection, options, known, wants_copy).await;
    connection.close().await?;
    done
}

async fn sqlite_steps(
    connection: &mut SqliteConnection,
    options: &SqliteConnectOptions,
    known: &[Migration],
    wants_copy: bool,
) -> Result<(SchemaState, Option<Upgraded>), Failure> {
    let state = AppliedSteps::of_sqlite(connection).await?.judge(known)?;
    if !state.wants_steps() {
        return Ok((state, None));
    }
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Another process may have done it while this one waited for the lock.
    let applied = AppliedSteps::of_sqlite(&mut tx).await?;
    let state = applied.judge(known)?;
    if !state.wants_steps() {
        return Ok((state, None));
    }
    let mut upgraded = upgraded(&applied, known);
    let missing: Vec<_> = applied.missing(known).collect();
    remove_partial_copies(options.get_filename());
    // Until the steps are committed nothing is changed, whether they fail or this is dropped, and the next command would make
    // the next copy.
    let mut kept = None;
    if let Some(first) = missing.first()
        && wants_copy
        && !applied.steps.is_empty()
    {
        let bytes = sqlite_bytes(&mut tx).await?;
        let copy = DatabaseCopy::plan(options.get_filename(), first.version, bytes);
        copy.make(options).await?;
        kept = Some(RemovedUnlessKept::new(copy.path.clone()));
        upgraded.copy = Some(copy);
    }
    if applied.steps.is_empty() {
        sqlx::raw_sql(SQLITE_STEPS).execute(&mut *tx).await?;
    }
    for step in missing {
        let sql = AssertSqlSafe(step.sql.as_str().to_owned());
        let done = sqlx::raw_sql(sql).execute(&mut *tx).await;
        done.map_err(|error| failed(step, error))?;
        let note = noted(sqlx::query(NOTE), step);
        note.execute(&mut *tx).await?;
    }
    // A commit that is dropped half-way may still be carried out.
    if let Some(copy) = &mut kept {
        copy.keep();
    }
    if let Err(error) = tx.commit().await {
        if let Some(copy) = &mut kept {
            copy.do_not_keep();
        }
        return Err(error.into());
    }
    Ok((SchemaState::Current, Some(upgraded)))
}

/// Brings a PostgreSQL database forward.
pub(super) async fn bring_forward_postgres(
    connection: &mut PgConnection,
    known: &[Migration],
) -> Result<(SchemaState, Option<Upgraded>), Failure> {
    let applied = AppliedSteps::of_postgres(connection).await?;
    let state = applied.judge(known)?;
    if !state.wants_steps() {
        return Ok((state, None));
    }
    let upgraded = upgraded(&applied, known);
    let work = async {
        loop {
            match postgres_step(connection, known).await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(failure) if failure.is_passing() => {
                    tracing::debug!(?failure, "a step of the schema waits for a lock");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    };
    match tokio::time::timeout(WITHIN, work).await {
        Ok(done) => done?,
        Err(_) => return Err(Failure::NoAnswer),
    }
    Ok((SchemaState::Current, Some(upgraded)))
}

/// Does the next step that is missing; `false` if none is.
async fn postgres_step(
    connection: &mut PgConnection,
    known: &[Migration],
) -> Result<bool, Failure> {
    let mut tx = connection.begin_with(POSTGRES_BEGIN).await?;
    sqlx::raw_sql(POSTGRES_LOCK).execute(&mut *tx).await?;
    let applied = AppliedSteps::of_postgres(&mut tx).await?;
    applied.judge(known)?;
    let Some(step) = applied.missing(known).next() else {
        return Ok(false);
    };
    if applied.steps.is_empty() {
        sqlx::raw_sql(POSTGRES_STEPS).execute(&mut *tx).await?;
    }
    let sql = AssertSqlSafe(step.sql.as_str().to_owned());
    let done = sqlx::raw_sql(sql).execute(&mut *tx).await;
    done.map_err(|error| failed(step, error))?;
    // Its name would stay in a pooler's session.
    let note = noted(sqlx::query(NOTE), step).persistent(false);
    note.execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(true)
}

/// How large an SQLite database is, in bytes.
pub(super) async fn sqlite_bytes(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let pages = sqlx::query_scalar(SQLITE_BYTES).fetch_one(connection);
    pages.await.map(i64::unsigned_abs)
}

fn upgraded(applied: &AppliedSteps, known: &[Migration]) -> Upgraded {
    Upgraded {
        from: applied.version().unwrap_or(0),
        to: known.last().map_or(0, |step| step.version),
        copy: None,
    }
}

fn failed(step: &Migration, error: sqlx::Error) -> Failure {
    Failure::of_step(step.version, &step.description, error)
}

fn noted<'q, DB>(
    query: sqlx::query::Query<'q, DB, <DB as sqlx::Database>::Arguments>,
    step: &'q Migration,
) -> sqlx::query::Query<'q, DB, <DB as sqlx::Database>::Arguments>
where
    DB: sqlx::Database,
    i64: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    &'q str: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    &'q [u8]: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    query
        .bind(step.version)
        .bind(&*step.description)
        .bind(&*step.checksum)
}

const SQLITE_STEPS: &str = "CREATE TABLE aftertone_migrations (version BIGINT PRIMARY KEY, \
    description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
    success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

const POSTGRES_STEPS: &str = "CREATE TABLE IF NOT EXISTS aftertone_migrations (version BIGINT PRIMARY KEY, \
    description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), \
    success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)";

const NOTE: &str = "INSERT INTO aftertone_migrations (version, description, success, checksum, execution_time) \
    VALUES ($1, $2, TRUE, $3, -1)";

const SQLITE_BYTES: &str = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";

/// Whatever the server or the role sets for everybody: a step may take long, and gives up a lock that it waits for after a
/// moment, since all that comes after it would wait behind it.
const POSTGRES_BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
    SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = 0; \
    SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// One at a time does a step; any number that stays the same does.
const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(7017226174862321005)";

/// How long to wait for another process that brings the file forward, or writes to it.
const WAIT_FOR_FILE: Duration = Duration::from_secs(600);

/// How long PostgreSQL may take for all steps, waiting for others included.
const WITHIN: Duration = Duration::from_secs(600);

/// How long everybody else has the locks to themselves before a step asks for them again.
const PAUSE: Duration = Duration::from_millis(500);
