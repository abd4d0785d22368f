//! The address of the database, and opening it.

mod backup;
mod copy;
mod exposed;
mod migrate;
mod postgres;
mod schema;
mod sqlite;

use std::{path::PathBuf, str::FromStr as _, sync::Arc};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection as _, PgConnection, SqlSafeStr as _,
    migrate::{Migration, MigrationType},
    postgres::PgConnectOptions,
};

use super::{
    Store, StoreError,
    codec::read_time,
    error::Failure,
    leases::SERVER_TIME,
    server_clock::ServerClock,
    sql::{Sql, args, sql},
    timely::timely,
    transaction::Pools,
};
use postgres::{open_postgres, plan_postgres, postgres_options, shown_postgres};
use schema::SchemaState;
use sqlite::{
    LISTS, UPLOADS, USUAL, open_sqlite, plan_sqlite, read_sqlite, shown_sqlite, sqlite_options,
};

pub use copy::{DatabaseCopy, copies_holding, copies_of};
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
                left_alone: Default::default(),
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
        (
            22,
            "pins",
            include_str!("../migrations/0022.sqlite.sql"),
            include_str!("../migrations/0022.postgres.sql"),
        ),
        (
            23,
            "fields of held drops",
            include_str!("../migrations/0023.sqlite.sql"),
            include_str!("../migrations/0023.postgres.sql"),
        ),
        (
            24,
            "pruned hearings",
            include_str!("../migrations/0024.sqlite.sql"),
            include_str!("../migrations/0024.postgres.sql"),
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

const PING: Sql = sql!("UPDATE counters SET value = value + 1 WHERE name = 'ping'");

/// How many connections to PostgreSQL a process has unless it is said.
const POSTGRES_CONNECTIONS: u32 = 8;

#[cfg(test)]
mod tests;
