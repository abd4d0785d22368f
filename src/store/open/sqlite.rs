//! Opening an SQLite file.

use std::{
    fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::Path, str::FromStr as _,
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _,
    migrate::Migration,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    super::{error::Failure, transaction::Pools, turnstile::Turnstile},
    Database, DatabaseCopy, Opened,
    migrate::{bring_forward_sqlite, sqlite_bytes},
    migrations,
    schema::{AppliedSteps, SchemaState},
};
use crate::owner::give_to_owner_of_folder;

pub(super) async fn open_sqlite(
    path: &Path,
    known: &[Migration],
    wants_copy: bool,
) -> Result<(Pools, Opened), Failure> {
    make_file(path).map_err(Failure::File)?;
    let options = sqlite_options(path)
        .journal_mode(SqliteJournalMode::Wal)
        // An intent has to outlive the machine's power, not only the program.
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT);

    // Another process may make the file at the same moment: then it is there when it is asked again.
    let mut more = MIGRATE_AGAIN;
    let (state, upgraded) = loop {
        match bring_forward_sqlite(&options, known, wants_copy).await {
            Ok(done) => break done,
            Err(failure) if failure.is_passing() && more > 0 => {
                more -= 1;
                tokio::time::sleep(MIGRATE_PAUSE).await;
            }
            Err(failure) => return Err(failure),
        }
    };
    let pool = sqlite_pool();
    let pools = Pools::Sqlite {
        writer: pool
            .clone()
            .max_connections(1)
            .connect_lazy_with(options.clone()),
        readers: pool
            .max_connections(SQLITE_READERS)
            .connect_lazy_with(options.pragma("query_only", "on")),
        turnstile: Turnstile::beside(path),
    };
    Ok((pools, state.opened(upgraded)))
}

/// Opens a file to read it. A missing or empty one is not made: an empty database in memory takes its place.
pub(super) async fn read_sqlite(
    path: &Path,
    known: &[Migration],
) -> Result<(Pools, Opened), Failure> {
    let is_missing = match path.metadata() {
        Ok(about) => about.len() == 0,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(Failure::File(error)),
    };
    if !is_missing {
        // Not `read_only`: whoever is first to read a write-ahead log that was left has to take it over.
        let options = sqlite_options(path).pragma("query_only", "on");
        let mut first = options.connect().await?;
        let applied = AppliedSteps::of_sqlite(&mut first).await?;
        first.close().await?;
        let state = applied.judge(known)?;
        if state != SchemaState::Empty {
            let readers = sqlite_pool()
                .max_connections(SQLITE_READERS)
                .connect_lazy_with(options);
            let writer = readers.clone();
            let pools = Pools::Sqlite {
                writer,
                readers,
                turnstile: Turnstile::beside(path),
            };
            return Ok((pools, state.opened(None)));
        }
    }
    let options = SqliteConnectOptions::from_str("sqlite::memory:")?.disable_statement_logging();
    let readers = sqlite_pool().max_connections(1).connect_lazy_with(options);
    let mut first = readers.acquire().await?;
    for step in known {
        let sql = AssertSqlSafe(step.sql.as_str().to_owned());
        sqlx::raw_sql(sql).execute(&mut *first).await?;
    }
    drop(first);
    let writer = readers.clone();
    let pools = Pools::Sqlite {
        writer,
        readers,
        turnstile: Turnstile::beside(path),
    };
    Ok((pools, Opened::Missing))
}

pub(super) fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", CACHE_SIZE)
        .disable_statement_logging()
}

fn sqlite_pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // SQLite takes a transaction back by itself if the disk is full; the connection still counts it as begun.
        .before_acquire(|connection, _| {
            let is_clean = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_clean) })
        })
        .acquire_timeout(SQLITE_ACQUIRE)
}

pub(super) async fn plan_sqlite(
    path: &Path,
) -> Result<(AppliedSteps, Option<DatabaseCopy>, u64), Failure> {
    match path.metadata() {
        Ok(about) if about.len() > 0 => {}
        Ok(_) => return Ok((AppliedSteps::default(), None, 0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((AppliedSteps::default(), None, 0));
        }
        Err(error) => return Err(Failure::File(error)),
    }
    let options = sqlite_options(path).pragma("query_only", "on");
    let mut first = options.connect().await?;
    let applied = AppliedSteps::of_sqlite(&mut first).await?;
    let bytes = sqlite_bytes(&mut first).await?;
    first.close().await?;
    let known = migrations(Database::Sqlite);
    applied.judge(&known)?;
    let next = applied.missing(&known).next();
    let copy = next.filter(|_| !applied.steps.is_empty());
    let copy = copy.map(|step| DatabaseCopy::plan(path, step.version, bytes));
    Ok((applied, copy, bytes))
}

pub(super) fn shown_sqlite(path: &Path) -> String {
    format!("the database `{}`", path.display())
}

/// Makes the file if it is missing, for its owner only: it holds people's numbers. SQLite gives its other files the
/// same mode.
fn make_file(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => {
            // SQLite gives its other files to the same user.
            give_to_owner_of_folder(path);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// How long SQLite waits for another process to unlock the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What each connection keeps of the file in memory: 2 MiB, in SQLite's unit. The system's own cache has the rest,
/// and our memory does not grow with the list.
const CACHE_SIZE: &str = "-2048";

/// 18 MiB: most of the index that a list of a million numbers goes to in no order. What a contact belongs to is known in the
/// transaction that adds it, and not looked up again with each row; that one which comes in is due and has no end is how it is
/// written, and not asked of each row five times.
pub(super) const LISTS: &str = "PRAGMA cache_size = -18432; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF; \
     PRAGMA ignore_check_constraints = ON";
pub(super) const UPLOADS: &str = "PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF; \
     PRAGMA ignore_check_constraints = ON";
pub(super) const USUAL: &str = "PRAGMA cache_size = -2048; PRAGMA wal_autocheckpoint = 1000; PRAGMA foreign_keys = ON; \
     PRAGMA ignore_check_constraints = OFF";

/// What is left of the write-ahead log once it was taken over, in bytes.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

/// How often a file that another process makes at the moment is tried again, and after what pause.
const MIGRATE_AGAIN: u32 = 5;
const MIGRATE_PAUSE: Duration = Duration::from_millis(100);

const SQLITE_READERS: u32 = 4;

/// How long to wait for the writer of this process.
const SQLITE_ACQUIRE: Duration = Duration::from_secs(30);
