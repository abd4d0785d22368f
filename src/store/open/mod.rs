//! The address of the database, and opening it.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Store, StoreError,
    error::Failure,
    sql::{Sql, args, sql},
    transaction::{Pools, timely},
};

/// The address of the database.
#[derive(Clone, Debug)]
pub enum DatabaseAddress {
    /// A file of SQLite's, made if it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL database, by its URL.
    Postgres(SecretString),
}

impl DatabaseAddress {
    /// Reads an address: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE` with the parameters that libpq
    /// knows, such as `?sslmode=require`.
    ///
    /// # Errors
    /// [`StoreError`] if it is neither; it does not hold the address.
    pub fn parse(url: &SecretString) -> Result<Self, StoreError> {
        let text = url.expose_secret().trim();
        let refused = |words: &str| {
            let failure = Failure::Address(words.to_owned());
            StoreError::new(READING.to_owned(), "store.url".into(), failure)
        };
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(":memory:") {
                return Err(refused("a path is missing behind `sqlite:`"));
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(text);
            options.map_err(|_| refused("it cannot be read as a server's address"))?;
            return Ok(Self::Postgres(text.to_owned().into()));
        }
        Err(refused(
            "it begins neither with `sqlite:` nor with `postgres://`",
        ))
    }
}

impl Store {
    /// Opens the database and brings its schema forward.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be reached, is corrupt, is not a database of this program, or was written by a later version.
    pub async fn open(place: &DatabaseAddress) -> Result<Self, StoreError> {
        Self::open_with(place, migrations).await
    }

    /// Whether it can be read and written at this moment: counts a counter up, which fails on a full disk and
    /// on a standby server.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut tx = self.write("write a row").await?;
        tx.execute(PING, args![]).await?;
        tx.commit().await
    }

    /// Keeps more of the database in memory while a list comes in, or the usual amount again. PostgreSQL does that
    /// by itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn widen_cache(&self, is_wide: bool) -> Result<(), StoreError> {
        let Pools::Sqlite { writer, .. } = &self.pools else {
            return Ok(());
        };
        let pragma = if is_wide { WIDE_CACHE } else { USUAL_CACHE };
        let done = sqlx::query(pragma).execute(writer).await;
        let failed = |error: sqlx::Error| {
            let doing = "set the size of its cache".to_owned();
            StoreError::new(doing, self.place.clone(), error.into())
        };
        done.map(drop).map_err(failed)
    }

    /// Closes all connections, once what they do is done. Clones are closed with it.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    async fn open_with(
        place: &DatabaseAddress,
        migrations: fn(Database) -> Vec<Migration>,
    ) -> Result<Self, StoreError> {
        let (shown, opened): (Arc<str>, _) = match place {
            DatabaseAddress::Sqlite(path) => {
                let shown = format!("the database `{}`", path.display());
                (shown.into(), open_sqlite(path, migrations).await)
            }
            DatabaseAddress::Postgres(url) => match PgConnectOptions::from_str(url.expose_secret())
            {
                Ok(options) => {
                    let shown = shown_postgres(&options);
                    (shown.into(), open_postgres(options, migrations).await)
                }
                Err(error) => ("store.url".into(), Err(error.into())),
            },
        };
        match opened {
            Ok(pools) => Ok(Self {
                pools,
                place: shown,
            }),
            Err(failure) => Err(StoreError::new(OPENING.to_owned(), shown, failure)),
        }
    }
}

/// One of the two databases.
#[derive(Clone, Copy, Debug)]
enum Database {
    Sqlite,
    Postgres,
}

async fn open_sqlite(
    path: &Path,
    migrations: fn(Database) -> Vec<Migration>,
) -> Result<Pools, Failure> {
    make_file(path).map_err(Failure::File)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // An intent has to outlive the machine's power, not only the program.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", CACHE_SIZE)
        .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
        .disable_statement_logging();

    // Another process may make the tables at the same moment: then they are there when it is asked again.
    let mut more = MIGRATE_AGAIN;
    while let Err(failure) = migrate_sqlite(&options, migrations).await {
        let is_final = matches!(failure, Failure::NotOurs(_)) || more == 0;
        if is_final {
            return Err(failure);
        }
        more -= 1;
        tokio::time::sleep(MIGRATE_PAUSE).await;
    }

    let pool = SqlitePoolOptions::new()
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // SQLite takes a transaction back by itself if the disk is full; the connection still counts it as begun.
        .before_acquire(|connection, _| {
            let is_clean = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_clean) })
        })
        .acquire_timeout(SQLITE_ACQUIRE);
    Ok(Pools::Sqlite {
        writer: pool
            .clone()
            .max_connections(1)
            .connect_lazy_with(options.clone()),
        readers: pool
            .max_connections(SQLITE_READERS)
            .connect_lazy_with(options.pragma("query_only", "on")),
    })
}

/// Brings the schema forward, by a connection of its own.
async fn migrate_sqlite(
    options: &SqliteConnectOptions,
    migrations: fn(Database) -> Vec<Migration>,
) -> Result<(), Failure> {
    let mut first = options.connect().await?;
    let (tables, ours): (i64, i64) = sqlx::query_as(SQLITE_TABLES).fetch_one(&mut first).await?;
    if tables > 0 && ours == 0 {
        return Err(Failure::NotOurs(format!(
            "it has {tables} tables of another program"
        )));
    }
    migrator(migrations(Database::Sqlite))
        .run_direct(None, &mut first, false)
        .await?;
    first.close().await?;
    Ok(())
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
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

async fn open_postgres(
    options: PgConnectOptions,
    migrations: fn(Database) -> Vec<Migration>,
) -> Result<Pools, Failure> {
    let options = options
        .application_name("aftertone")
        .disable_statement_logging();
    let mut first = timely(options.connect()).await?;
    let migrator = migrator(migrations(Database::Postgres));
    timely(ready_postgres(&mut first)).await?;
    match tokio::time::timeout(MIGRATE_WITHIN, migrator.run_direct(None, &mut first, false)).await {
        Ok(migrated) => migrated?,
        Err(_) => return Err(Failure::NoAnswer),
    }
    first.close().await?;

    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(POSTGRES_ACQUIRE)
        .after_connect(|connection, _| Box::pin(ready_postgres(connection)));
    Ok(Pools::Postgres(pool.connect_lazy_with(options)))
}

/// Gives a connection the settings that every one of ours has.
async fn ready_postgres(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for setting in [SURE_COMMITS, ROW_BY_ROW, GIVEN_UP] {
        sqlx::query(setting).execute(&mut *connection).await?;
    }
    Ok(())
}

fn shown_postgres(options: &PgConnectOptions) -> String {
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("the database `{database}` at {}", socket.display()),
        None => format!(
            "the database `{database}` at {}:{}",
            options.get_host(),
            options.get_port()
        ),
    }
}

fn migrator(migrations: Vec<Migration>) -> Migrator {
    let mut migrator = Migrator::with_migrations(migrations);
    // In a shared database another program may have taken the usual name.
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator
}

/// Every step of the schema, from the first release on. One that was released is never changed.
fn migrations(database: Database) -> Vec<Migration> {
    let steps = [
        (
            1,
            "first",
            include_str!("../migrations/0001.sqlite.sql"),
            include_str!("../migrations/0001.postgres.sql"),
        ),
        (
            5,
            "requeues and removals",
            include_str!("../migrations/0005.sqlite.sql"),
            include_str!("../migrations/0005.postgres.sql"),
        ),
    ];
    let step = |(version, name, sqlite, postgres): (i64, &'static str, &'static str, _)| {
        let text = match database {
            Database::Sqlite => sqlite,
            Database::Postgres => postgres,
        };
        let text = text.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, text, false)
    };
    steps.map(step).into()
}

const OPENING: &str = "open the store";
const READING: &str = "read the store's address";

const MIGRATIONS_TABLE: &str = "aftertone_migrations";

const SQLITE_TABLES: &str = "SELECT count(*), \
    count(*) FILTER (WHERE name = 'aftertone_migrations') FROM sqlite_schema WHERE type = 'table'";

const PING: Sql = sql!("UPDATE counters SET value = value + 1 WHERE name = 'ping'");

/// A commit that the server has confirmed has to survive its crash, whatever the server is set to.
const SURE_COMMITS: &str = "SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') = 'off'";

/// The server takes rows that come with a statement for a hundred, and by its default, meant for spinning disks, it
/// reads a table of ten thousand as a whole rather than look up a hundred.
const ROW_BY_ROW: &str = "SELECT set_config('random_page_cost', '1.1', false)";

/// A machine that vanishes keeps its locks until the server knows: by the system's defaults after two hours, so after some
/// 25 s. A wait for a lock ends before the server is given up, so that the same connection is used again.
const GIVEN_UP: &str = "SELECT set_config('tcp_keepalives_idle', '10', false), \
    set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false), \
    set_config('tcp_user_timeout', '25000', false), set_config('lock_timeout', '45s', false)";

/// How long PostgreSQL may take to bring its schema forward, or to wait for another process that does.
const MIGRATE_WITHIN: Duration = Duration::from_secs(600);

/// How long SQLite waits for another process to unlock the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What each connection keeps of the file in memory: 2 MiB, in SQLite's unit. The system's own cache has the rest,
/// and our memory does not grow with the list.
const CACHE_SIZE: &str = "-2048";

/// The same, and 16 MiB, most of the index that a list of a million numbers goes to in no order.
const USUAL_CACHE: &str = "PRAGMA cache_size = -2048";
const WIDE_CACHE: &str = "PRAGMA cache_size = -16384";

/// What is left of the write-ahead log once it was taken over, in bytes.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

/// How often bringing the schema forward is tried again, and after what pause.
const MIGRATE_AGAIN: u32 = 5;
const MIGRATE_PAUSE: Duration = Duration::from_millis(100);

const SQLITE_READERS: u32 = 4;

/// How long to wait for the writer of this process.
const SQLITE_ACQUIRE: Duration = Duration::from_secs(30);

const POSTGRES_CONNECTIONS: u32 = 8;

/// How long to wait for a connection.
const POSTGRES_ACQUIRE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
