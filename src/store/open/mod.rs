//! The address of the database, and opening it.

mod backup;
mod copy;
mod exposed;
mod migrate;
mod schema;

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Store, StoreError,
    codec::read_time,
    error::Failure,
    leases::SERVER_TIME,
    server_clock::ServerClock,
    sql::{Sql, args, sql},
    timely::timely,
    transaction::{Pools, Way},
    turnstile::Turnstile,
};
use migrate::{bring_forward_postgres, bring_forward_sqlite, sqlite_bytes};
use schema::{AppliedSteps, SchemaState};

pub use copy::{DatabaseCopy, copies_of};
pub use exposed::ExposedFile;
pub use migrate::Upgraded;

/// The address of the database.
#[derive(Clone, Debug)]
pub enum DatabaseAddress {
    /// A file of SQLite's, made if it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresAddress),
}

/// The address of a PostgreSQL database, and how many connections it is given.
#[derive(Clone, Debug)]
pub struct PostgresAddress {
    url: SecretString,
    connections: u32,
}

impl PostgresAddress {
    /// The same with so many connections at most, of this process.
    #[must_use]
    pub fn with_connections(self, connections: u32) -> Self {
        Self {
            connections,
            ..self
        }
    }
}

impl<T: Into<SecretString>> From<T> for PostgresAddress {
    fn from(url: T) -> Self {
        Self {
            url: url.into(),
            connections: POSTGRES_CONNECTIONS,
        }
    }
}

impl ExposeSecret<str> for PostgresAddress {
    fn expose_secret(&self) -> &str {
        self.url.expose_secret()
    }
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

/// How a database was found when it was opened, and what opening it has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It has the schema of this version.
    AsItWas,
    /// It was brought forward, or made.
    Upgraded(Upgraded),
    /// There is none yet. Opened to read, it reads as one without campaigns and lists.
    Missing,
    /// It has the schema of an earlier version; this can be only if it was opened to read.
    Behind {
        /// The version of its schema.
        version: i64,
    },
    /// It has the schema of a later version, which this one may use.
    Ahead {
        /// The version of its schema.
        version: i64,
    },
}

/// What bringing a database forward would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradePlan {
    /// Which database it is, for people.
    pub place: String,
    /// The version of its schema; 0: there are no tables yet.
    pub from: i64,
    /// The version of this program's schema.
    pub to: i64,
    /// The steps that are missing, each with its name.
    pub steps: Vec<(i64, String)>,
    /// The copy that is made first; none of PostgreSQL, and none if there is nothing to copy or to do.
    pub copy: Option<DatabaseCopy>,
    /// How large the database is, in bytes.
    pub bytes: u64,
}

impl Store {
    /// Opens the database and brings its schema forward; an SQLite file that holds something is copied first.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be reached, is corrupt, is not a database of this program, or was written by a later version
    /// that this one cannot work with.
    pub async fn open(place: &DatabaseAddress) -> Result<Self, StoreError> {
        Self::open_with(place, migrations, Access::Write { wants_copy: true }).await
    }

    /// Brings the schema forward as [`Self::open`] does, with or without a copy of an SQLite file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn migrate(place: &DatabaseAddress, wants_copy: bool) -> Result<Self, StoreError> {
        Self::open_with(place, migrations, Access::Write { wants_copy }).await
    }

    /// Opens the database to read it as it is: its schema is not brought forward, no file is made, nothing is written. What
    /// needs a later schema than it has fails, with a hint to migrate. Whatever writes is refused.
    ///
    /// # Errors
    /// [`StoreError`] as [`Self::open`], and if a PostgreSQL database has no tables of this program.
    pub async fn open_to_read(place: &DatabaseAddress) -> Result<Self, StoreError> {
        Self::open_with(place, migrations, Access::Read).await
    }

    /// What [`Self::open`] would do to the schema, which it does not do.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn plan_upgrade(place: &DatabaseAddress) -> Result<UpgradePlan, StoreError> {
        let (shown, planned) = match place {
            DatabaseAddress::Sqlite(path) => (shown_sqlite(path), plan_sqlite(path).await),
            DatabaseAddress::Postgres(address) => match postgres_options(address) {
                Ok(options) => (shown_postgres(&options), plan_postgres(options).await),
                Err(failure) => ("store.url".to_owned(), Err(failure)),
            },
        };
        match planned {
            Ok((applied, copy, bytes)) => {
                let known = migrations(place.database());
                let missing = applied.missing(&known);
                Ok(UpgradePlan {
                    steps: missing
                        .map(|step| (step.version, step.description.to_string()))
                        .collect(),
                    place: shown,
                    from: applied.version().unwrap_or(0),
                    to: known.last().map_or(0, |step| step.version),
                    copy,
                    bytes,
                })
            }
            Err(failure) => {
                let doing = "see what a migration would do".to_owned();
                Err(StoreError::new(doing, shown.into(), failure))
            }
        }
    }

    /// How it was found, and what opening it has done.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Which database it is, for people.
    pub fn place(&self) -> &str {
        &self.place
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

    /// Whether one writer at a time has the whole database, as on SQLite, so that all others wait for it.
    pub const fn has_one_writer(&self) -> bool {
        matches!(self.pools, Pools::Sqlite { .. })
    }

    /// Makes SQLite ready for a list that comes in, or for its usual work again: more of the database is kept in memory, and
    /// what was written is moved from the log into the database by [`Self::checkpoint`] alone. PostgreSQL does both by itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn make_ready_for_lists(&self, is_ready: bool) -> Result<(), StoreError> {
        let pragma = if is_ready { LISTS } else { USUAL };
        self.pragma("set the size of its cache", pragma).await
    }

    /// The same in a process that does other things as well: with less of the database in memory. It is for a store of its own,
    /// because what a list needs not be held to holds for all that is written by the same one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn make_ready_for_uploads(&self) -> Result<(), StoreError> {
        self.pragma("set the size of its cache", UPLOADS).await
    }

    /// Moves what was written from SQLite's log into the database, as far as nothing reads it there. Others may write
    /// meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        let pragma = "PRAGMA wal_checkpoint(PASSIVE)";
        self.pragma("move its log into the database", pragma).await
    }

    pub(super) async fn pragma(&self, doing: &str, pragma: &'static str) -> Result<(), StoreError> {
        let Pools::Sqlite { writer, .. } = &self.pools else {
            return Ok(());
        };
        let done = sqlx::query(pragma).execute(writer).await;
        done.map(drop)
            .map_err(|error| StoreError::new(doing.to_owned(), self.place.clone(), error.into()))
    }

    /// Closes all connections, once what they do is done. Clones are closed with it.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite {
                writer, readers, ..
            } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { pool, .. } => pool.close().await,
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
            let options: PgConnectOptions = PgConnectOptions::from_str(url.expose_secret())?;
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

    async fn open_with(
        place: &DatabaseAddress,
        migrations: fn(Database) -> Vec<Migration>,
        access: Access,
    ) -> Result<Self, StoreError> {
        let known = migrations(place.database());
        let (shown, opened): (Arc<str>, _) = match place {
            DatabaseAddress::Sqlite(path) => {
                let opened = match access {
                    Access::Write { wants_copy } => open_sqlite(path, &known, wants_copy).await,
                    Access::Read => read_sqlite(path, &known).await,
                };
                (shown_sqlite(path).into(), opened)
            }
            DatabaseAddress::Postgres(address) => match postgres_options(address) {
                Ok(options) => {
                    let shown = shown_postgres(&options);
                    let opened = open_postgres(options, address.connections, &known, access);
                    (shown.into(), opened.await)
                }
                Err(failure) => ("store.url".into(), Err(failure)),
            },
        };
        match opened {
            Ok((pools, opened)) => Ok(Self {
                clock: match &pools {
                    Pools::Sqlite { .. } => ServerClock::None,
                    Pools::Postgres { .. } => ServerClock::Of(Arc::default()),
                },
                pools,
                place: shown,
                behind: match opened {
                    Opened::Behind { version } => Some(version),
                    Opened::AsItWas
                    | Opened::Upgraded(_)
                    | Opened::Missing
                    | Opened::Ahead { .. } => None,
                },
                opened: Arc::new(opened),
                is_to_read: access == Access::Read,
                salt: Default::default(),
                audit: None,
            }),
            Err(failure) => Err(StoreError::new(OPENING.to_owned(), shown, failure)),
        }
    }
}

impl DatabaseAddress {
    const fn database(&self) -> Database {
        match self {
            Self::Sqlite(_) => Database::Sqlite,
            Self::Postgres(_) => Database::Postgres,
        }
    }
}

impl SchemaState {
    /// Whether a program that writes has to bring it forward first.
    const fn wants_steps(self) -> bool {
        match self {
            Self::Empty | Self::Behind { .. } => true,
            Self::Current | Self::Ahead { .. } => false,
        }
    }

    fn opened(self, upgraded: Option<Upgraded>) -> Opened {
        match (upgraded, self) {
            (Some(upgraded), _) => Opened::Upgraded(upgraded),
            (None, Self::Empty) => Opened::Missing,
            (None, Self::Current) => Opened::AsItWas,
            (None, Self::Behind { version }) => Opened::Behind { version },
            (None, Self::Ahead { version }) => Opened::Ahead { version },
        }
    }
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// To read and write it. An SQLite file that has to be brought forward may be copied first.
    Write {
        /// Whether it is.
        wants_copy: bool,
    },
    /// To read it as it is.
    Read,
}

/// One of the two databases.
#[derive(Clone, Copy, Debug)]
enum Database {
    Sqlite,
    Postgres,
}

async fn open_sqlite(
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
async fn read_sqlite(path: &Path, known: &[Migration]) -> Result<(Pools, Opened), Failure> {
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

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
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

async fn plan_sqlite(path: &Path) -> Result<(AppliedSteps, Option<DatabaseCopy>, u64), Failure> {
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

fn shown_sqlite(path: &Path) -> String {
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
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn postgres_options(address: &PostgresAddress) -> Result<PgConnectOptions, Failure> {
    let options = PgConnectOptions::from_str(address.expose_secret())?;
    let options = options
        .application_name("aftertone")
        // Poolers refuse it, and no number here has a fraction.
        .extra_float_digits(None);
    Ok(options.disable_statement_logging())
}

async fn open_postgres(
    options: PgConnectOptions,
    connections: u32,
    known: &[Migration],
    access: Access,
) -> Result<(Pools, Opened), Failure> {
    let (mut first, way) = connect_postgres(&options).await?;
    let opened = match access {
        Access::Write { .. } => {
            let (state, upgraded) = bring_forward_postgres(&mut first, known).await?;
            state.opened(upgraded)
        }
        Access::Read => {
            let applied = timely(AppliedSteps::of_postgres(&mut first)).await?;
            match applied.judge(known)? {
                SchemaState::Empty => {
                    let words = "it has no tables of this program, or this user's search path does not have them";
                    return Err(Failure::Earlier(words.to_owned()));
                }
                state @ (SchemaState::Current
                | SchemaState::Behind { .. }
                | SchemaState::Ahead { .. }) => state.opened(None),
            }
        }
    };
    first.close().await?;

    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(POSTGRES_ACQUIRE);
    let pool = match way {
        Way::Direct => pool.after_connect(|connection, _| Box::pin(ready_postgres(connection))),
        Way::Pooler => pool,
    };
    let pool = pool.connect_lazy_with(options);
    Ok((Pools::Postgres { pool, way }, opened))
}

/// Connects, and finds out whether a connection is a session of the server's, or a pooler's, which gives each transaction
/// whatever session is free: one that takes no setting when it begins, or forgets it.
async fn connect_postgres(options: &PgConnectOptions) -> Result<(PgConnection, Way), Failure> {
    let marked = options.clone().options([(MARK, "on")]);
    let (mut first, way) = match timely(marked.connect()).await {
        Ok(mut first) => {
            let mark = timely(sqlx::raw_sql(READ_MARK).fetch_one(&mut first)).await?;
            let mark: Option<String> = mark.try_get(0)?;
            let is_direct = mark.as_deref() == Some("on");
            (first, if is_direct { Way::Direct } else { Way::Pooler })
        }
        Err(failure) if failure.is_about_startup() => {
            (timely(options.connect()).await?, Way::Pooler)
        }
        Err(failure) => return Err(failure),
    };
    match way {
        Way::Direct => timely(ready_postgres(&mut first)).await?,
        Way::Pooler => {
            // One that gives each statement another session ends the connection here.
            let begun = timely(first.begin()).await;
            let tx = begun.map_err(Failure::of_pooler)?;
            timely(tx.rollback()).await.map_err(Failure::of_pooler)?;
            tracing::debug!("a pooler is between this program and the server");
        }
    }
    Ok((first, way))
}

async fn plan_postgres(
    options: PgConnectOptions,
) -> Result<(AppliedSteps, Option<DatabaseCopy>, u64), Failure> {
    let (mut first, _) = connect_postgres(&options).await?;
    let applied = timely(AppliedSteps::of_postgres(&mut first)).await?;
    applied.judge(&migrations(Database::Postgres))?;
    let bytes = timely(sqlx::raw_sql(POSTGRES_BYTES).fetch_one(&mut first)).await?;
    let bytes: i64 = bytes.try_get(0)?;
    first.close().await?;
    Ok((applied, None, bytes.unsigned_abs()))
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
            2,
            "fleet",
            include_str!("../migrations/0002.sqlite.sql"),
            include_str!("../migrations/0002.postgres.sql"),
        ),
        (
            3,
            "holds by place",
            include_str!("../migrations/0003.sqlite.sql"),
            include_str!("../migrations/0003.postgres.sql"),
        ),
        (
            4,
            "counts",
            include_str!("../migrations/0004.sqlite.sql"),
            include_str!("../migrations/0004.postgres.sql"),
        ),
        (
            5,
            "requeues and removals",
            include_str!("../migrations/0005.sqlite.sql"),
            include_str!("../migrations/0005.postgres.sql"),
        ),
        (
            6,
            "pruned",
            include_str!("../migrations/0006.sqlite.sql"),
            include_str!("../migrations/0006.postgres.sql"),
        ),
        (
            7,
            "erasure",
            include_str!("../migrations/0007.sqlite.sql"),
            include_str!("../migrations/0007.postgres.sql"),
        ),
        (
            8,
            "registry",
            include_str!("../migrations/0008.sqlite.sql"),
            include_str!("../migrations/0008.postgres.sql"),
        ),
        (
            9,
            "imports",
            include_str!("../migrations/0009.sqlite.sql"),
            include_str!("../migrations/0009.postgres.sql"),
        ),
        (
            10,
            "prune turns",
            include_str!("../migrations/0010.sqlite.sql"),
            include_str!("../migrations/0010.postgres.sql"),
        ),
        (
            11,
            "prompts",
            include_str!("../migrations/0011.sqlite.sql"),
            include_str!("../migrations/0011.postgres.sql"),
        ),
        (
            12,
            "drafts",
            include_str!("../migrations/0012.sqlite.sql"),
            include_str!("../migrations/0012.postgres.sql"),
        ),
        (
            13,
            "tokens, keys and the audit log",
            include_str!("../migrations/0013.sqlite.sql"),
            include_str!("../migrations/0013.postgres.sql"),
        ),
        (
            14,
            "events",
            include_str!("../migrations/0014.sqlite.sql"),
            include_str!("../migrations/0014.postgres.sql"),
        ),
        (
            15,
            "webhooks",
            include_str!("../migrations/0015.sqlite.sql"),
            include_str!("../migrations/0015.postgres.sql"),
        ),
        (
            16,
            "uploads",
            include_str!("../migrations/0016.sqlite.sql"),
            include_str!("../migrations/0016.postgres.sql"),
        ),
        (
            17,
            "users",
            include_str!("../migrations/0017.sqlite.sql"),
            include_str!("../migrations/0017.postgres.sql"),
        ),
        (
            18,
            "held drops",
            include_str!("../migrations/0018.sqlite.sql"),
            include_str!("../migrations/0018.postgres.sql"),
        ),
        (
            19,
            "checked lists",
            include_str!("../migrations/0019.sqlite.sql"),
            include_str!("../migrations/0019.postgres.sql"),
        ),
        (
            20,
            "adopted calls",
            include_str!("../migrations/0020.sqlite.sql"),
            include_str!("../migrations/0020.postgres.sql"),
        ),
        (
            21,
            "calls that came back",
            include_str!("../migrations/0021.sqlite.sql"),
            include_str!("../migrations/0021.postgres.sql"),
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

const POSTGRES_BYTES: &str = "SELECT pg_database_size(current_database())";

/// A setting of our own, which a server takes from whoever connects.
const MARK: &str = "aftertone.direct";
const READ_MARK: &str = "SELECT current_setting('aftertone.direct', true)";

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

/// How long SQLite waits for another process to unlock the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What each connection keeps of the file in memory: 2 MiB, in SQLite's unit. The system's own cache has the rest,
/// and our memory does not grow with the list.
const CACHE_SIZE: &str = "-2048";

/// 18 MiB: most of the index that a list of a million numbers goes to in no order. What a contact belongs to is known in the
/// transaction that adds it, and not looked up again with each row; that one which comes in is due and has no end is how it is
/// written, and not asked of each row five times.
const LISTS: &str = "PRAGMA cache_size = -18432; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF; \
     PRAGMA ignore_check_constraints = ON";
const UPLOADS: &str = "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF; \
     PRAGMA ignore_check_constraints = ON";
const USUAL: &str = "PRAGMA cache_size = -2048; PRAGMA wal_autocheckpoint = 1000; PRAGMA foreign_keys = ON; \
     PRAGMA ignore_check_constraints = OFF";

/// What is left of the write-ahead log once it was taken over, in bytes.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

/// How often a file that another process makes at the moment is tried again, and after what pause.
const MIGRATE_AGAIN: u32 = 5;
const MIGRATE_PAUSE: Duration = Duration::from_millis(100);

const SQLITE_READERS: u32 = 4;

/// How long to wait for the writer of this process.
const SQLITE_ACQUIRE: Duration = Duration::from_secs(30);

/// How many connections to PostgreSQL a process has unless it is said.
const POSTGRES_CONNECTIONS: u32 = 8;

/// How long to wait for a connection.
const POSTGRES_ACQUIRE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
