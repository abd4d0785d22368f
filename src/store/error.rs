//! What can go wrong with a database, and what follows.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the errors of others are many, grow, and mostly mean the same here"
)]

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use thiserror::Error;

/// The database could not do what was asked; nothing of it was done, or, after a lost reply, all of it.
#[derive(Debug, Error)]
#[error("cannot {doing}, in {place}")]
pub struct StoreError {
    /// What was asked, to follow `cannot`: `lease contacts of campaign 3`.
    pub doing: String,
    /// Whether it is worth asking again.
    pub class: ErrorClass,
    /// What the database said.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
    /// Which database: a path, or a server's host, port and database; never a password.
    place: Arc<str>,
    kind: Kind,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The server is away, the file is locked, the disk is full: it may pass by itself or with a person's help, and the
    /// same may be asked again.
    Away,
    /// The database is damaged, is not ours, or does not do what it must: a person has to look, and nothing is asked again.
    Broken,
    /// What was asked makes no sense there: no such campaign, a name that is taken.
    Refused,
}

impl StoreError {
    pub(super) fn new(doing: String, place: Arc<str>, failure: Failure) -> Self {
        let kind = failure.kind();
        Self {
            doing,
            class: kind.class(),
            source: failure.into_source(),
            place,
            kind,
        }
    }

    /// Whether it is likely to pass by itself within a minute: another has a lock, or the server is away or restarts.
    pub fn passes(&self) -> bool {
        match self.kind {
            Kind::Locked | Kind::Unreachable | Kind::Busy | Kind::Conflict => true,
            Kind::Full
            | Kind::Disk
            | Kind::Exists
            | Kind::ReadOnly
            | Kind::NoAccess
            | Kind::NoFolder
            | Kind::Corrupt
            | Kind::NotOurs
            | Kind::Later
            | Kind::Earlier
            | Kind::Unreleased
            | Kind::Copy
            | Kind::Pooler
            | Kind::Standby
            | Kind::NoRight
            | Kind::Login
            | Kind::NoDatabase
            | Kind::Address
            | Kind::OtherPbx
            | Kind::Refused
            | Kind::Unknown => false,
        }
    }

    /// Whether another transaction got in the way: the same, begun anew, may go through.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self.kind, Kind::Conflict | Kind::Exists)
    }

    /// Whether a key is there already.
    pub(super) fn is_there_already(&self) -> bool {
        matches!(self.kind, Kind::Exists)
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        self.kind.hint()
    }

    /// Why it was not done, for whoever asked from elsewhere: neither where the database is, nor what it said itself.
    pub fn reason(&self) -> String {
        if self.source.is::<sqlx::Error>() {
            return match self.class {
                ErrorClass::Refused => "the database does not take a value of it",
                ErrorClass::Away => "the database cannot be reached",
                ErrorClass::Broken => "the database has failed",
            }
            .to_owned();
        }
        self.source.to_string()
    }
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database said so.
    Database(sqlx::Error),
    /// A step of its schema could not be done; the name follows `step`.
    Step(String, sqlx::Error),
    /// The server did not answer in time.
    NoAnswer,
    /// The file could not be made.
    File(std::io::Error),
    /// It is not ours.
    NotOurs(String),
    /// Its schema is too new for this program.
    Later(String),
    /// Its schema is of an earlier version, and lacks what was asked for.
    Earlier(String),
    /// Its schema has a step of this version with another text.
    Unreleased(i64),
    /// It has to be copied first, and that did not work.
    Copy(String),
    /// The pooler before it does not let transactions through.
    Pooler(String),
    /// The address cannot be one.
    Address(String),
    /// What was asked makes no sense.
    Refused(String),
    /// The instance's name is another PBX's.
    OtherPbx(String),
    /// What it holds is nothing that this program writes.
    Strange(String),
}

impl Failure {
    fn kind(&self) -> Kind {
        match self {
            Self::Database(error) => kind_of(error),
            Self::Step(_, error) => kind_of(error),
            Self::NoAnswer => Kind::Unreachable,
            Self::File(error) => kind_of_io(error),
            Self::NotOurs(_) => Kind::NotOurs,
            Self::Later(_) => Kind::Later,
            Self::Earlier(_) => Kind::Earlier,
            Self::Unreleased(_) => Kind::Unreleased,
            Self::Copy(_) => Kind::Copy,
            Self::Pooler(_) => Kind::Pooler,
            Self::Address(_) => Kind::Address,
            Self::Refused(_) => Kind::Refused,
            Self::OtherPbx(_) => Kind::OtherPbx,
            Self::Strange(_) => Kind::Unknown,
        }
    }

    /// Whether it passes by itself in a moment: another has a lock.
    pub(super) fn is_passing(&self) -> bool {
        let Some(code) = self.code() else {
            return false;
        };
        matches!(&*code, "55P03" | "40P01" | "40001") || self.kind() == Kind::Locked
    }

    /// Whether something between this program and the server refuses what a connection begins with.
    pub(super) fn is_about_startup(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                error.message().contains("startup parameter")
            }
            _ => false,
        }
    }

    /// What a pooler said to the beginning of a transaction.
    pub(super) fn of_pooler(self) -> Self {
        match &self {
            Self::Database(sqlx::Error::Database(error))
                if error.message().contains("statement pooling") =>
            {
                Self::Pooler(error.message().to_owned())
            }
            _ => self,
        }
    }

    /// The same, or, if a table or a column is missing, that the schema is of an earlier version.
    pub(super) fn of_earlier_schema(self, version: i64) -> Self {
        let is_missing = match (self.code().as_deref(), &self) {
            (Some("42P01" | "42703"), _) => true,
            (Some("1"), Self::Database(error)) => {
                let words = error.to_string();
                words.contains("no such table") || words.contains("no such column")
            }
            _ => false,
        };
        if is_missing {
            return Self::Earlier(format!(
                "the database has the schema of an earlier version ({version})"
            ));
        }
        self
    }

    /// A step of the schema that failed. A table that is there already when the first step makes it is another program's.
    pub(super) fn of_step(version: i64, name: &str, error: sqlx::Error) -> Self {
        if version == 1 && kind_of(&error) == Kind::Unknown {
            return Self::NotOurs(error.to_string());
        }
        Self::Step(format!("{version} ({name})"), error)
    }

    /// The database's own code for it.
    fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Database(sqlx::Error::Database(error))
            | Self::Step(_, sqlx::Error::Database(error)) => error.code(),
            _ => None,
        }
    }

    fn into_source(self) -> Box<dyn Error + Send + Sync> {
        match self {
            // It says nothing but that it waited.
            Self::Database(sqlx::Error::PoolTimedOut) => "no connection became free in time".into(),
            // Whatever statement it was that the server did not take.
            Self::Database(error) if kind_of(&error) == Kind::Standby => {
                "the server takes no writes from this user, and may be a read replica".into()
            }
            Self::Database(error) => error.into(),
            Self::Step(step, error) => format!("step {step}: {error}").into(),
            Self::Unreleased(version) => {
                format!("step {version} of its schema is not the one that this program has").into()
            }
            Self::NoAnswer => "the server did not answer in time".into(),
            Self::File(error) => error.into(),
            Self::NotOurs(words)
            | Self::Later(words)
            | Self::Earlier(words)
            | Self::Copy(words)
            | Self::Pooler(words)
            | Self::Address(words)
            | Self::Refused(words)
            | Self::OtherPbx(words)
            | Self::Strange(words) => words.into(),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// What is wrong, as far as a person has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Locked,
    Full,
    Disk,
    Unreachable,
    /// The server ended what we did: it restarts, or is out of something.
    Busy,
    /// Two transactions waited for each other, or cannot be put in an order.
    Conflict,
    /// A key is there already, by another transaction.
    Exists,
    ReadOnly,
    NoAccess,
    NoFolder,
    Corrupt,
    NotOurs,
    Later,
    Earlier,
    Unreleased,
    Copy,
    /// A pooler does not let through what this program needs.
    Pooler,
    /// The server takes no writes: it is a standby, or this user may only read.
    Standby,
    /// The user of the database lacks a right.
    NoRight,
    Login,
    NoDatabase,
    Address,
    Refused,
    OtherPbx,
    Unknown,
}

impl Kind {
    const fn class(self) -> ErrorClass {
        match self {
            Self::Locked
            | Self::Full
            | Self::Disk
            | Self::Unreachable
            | Self::Busy
            | Self::Conflict
            | Self::Standby => ErrorClass::Away,
            Self::ReadOnly
            | Self::NoAccess
            | Self::NoFolder
            | Self::Corrupt
            | Self::NotOurs
            | Self::Later
            | Self::Earlier
            | Self::Unreleased
            | Self::Copy
            | Self::Login
            | Self::NoDatabase
            | Self::Address
            | Self::Exists
            | Self::Pooler
            | Self::NoRight
            | Self::Unknown => ErrorClass::Broken,
            Self::Refused | Self::OtherPbx => ErrorClass::Refused,
        }
    }

    const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Locked => {
                Some("another program has the database locked; see which one has it open")
            }
            Self::Full => Some("the disk is full; make room, nothing is lost"),
            Self::Disk => {
                Some("the disk or its file system fails, or is full; see the system's log")
            }
            Self::Unreachable => {
                Some("see that the server runs and can be reached from here at this address")
            }
            Self::Busy => {
                Some("the server may be starting, stopping, or short of something; see its log")
            }
            Self::Standby => Some(
                "on a read replica, or as a user whose transactions are read-only, what only shows works, such as `status` and \
                 `results`; for all else name the primary in `store.url`",
            ),
            Self::Pooler => Some(
                "set `pool_mode = transaction` (or `session`) for this database in the pooler; one that gives each statement another \
                 connection cannot keep a transaction together; a setting that it refuses in `store.url` belongs on the server \
                 (`ALTER ROLE NAME SET ..`)",
            ),
            Self::NoRight => Some(
                "the database's user lacks a right on its tables: SELECT is enough for `status` and `results`; all else needs to own \
                 them, or SELECT, INSERT, UPDATE and DELETE",
            ),
            Self::Conflict => {
                Some("others write the same at this moment; try again when they are done")
            }
            Self::ReadOnly => Some(
                "the file, its folder or the file system cannot be written; see who owns them and how it is mounted",
            ),
            Self::NoAccess => Some("check its permissions and the user that this program runs as"),
            Self::NoFolder => Some("create the folder first, or name another file in `store.url`"),
            Self::Corrupt => Some(
                "the file is damaged or is not an SQLite database; name another in `store.url`, or restore a backup",
            ),
            Self::NotOurs => Some(
                "it belongs to another program; name a file or a database of its own in `store.url`",
            ),
            Self::Later => Some(
                "it was written by a later version of this program; use that version (`aftertone --version` names this one)",
            ),
            Self::Earlier => Some(
                "run `aftertone store migrate` first; with `--dry-run` it shows what it would do",
            ),
            Self::Copy => Some(
                "make room or see the folder's permissions; `aftertone store migrate --no-copy` goes without if you have a backup",
            ),
            Self::Unreleased => Some(
                "its schema was made by a version that was never released; restore a backup, or start a fresh one",
            ),
            Self::Login => Some(
                "see the user's name and password in `store.url`, and the server's pg_hba.conf",
            ),
            Self::NoDatabase => {
                Some("create it first: `createdb NAME`, or name another in `store.url`")
            }
            Self::Address => {
                Some("write `sqlite:aftertone.db` or `postgres://user:password@host:5432/database`")
            }
            Self::OtherPbx => Some(
                "give this one an `instance` of its own; `aftertone fleet forget NAME` ends what a PBX left that never comes back",
            ),
            Self::Refused | Self::Exists | Self::Unknown => None,
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "away",
            Self::Broken => "broken",
            Self::Refused => "refused",
        })
    }
}

fn kind_of(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            if code == "08P01" {
                return kind_of_pooler(error.message());
            }
            // SQLite's codes are numbers of its own, PostgreSQL's are five characters.
            match code.parse() {
                Ok(number) if code.len() < 5 => kind_of_sqlite(number),
                Ok(_) | Err(_) => kind_of_postgres(&code),
            }
        }
        sqlx::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::PermissionDenied => Kind::NoAccess,
            _ => Kind::Unreachable,
        },
        sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => {
            Kind::Unreachable
        }
        sqlx::Error::Configuration(_) => Kind::Address,
        sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => Kind::Busy,
        _ => Kind::Unknown,
    }
}

/// Primary result codes of SQLite: <https://www.sqlite.org/rescode.html>. The upper bits are details.
const fn kind_of_sqlite(code: u32) -> Kind {
    match code & 0xff {
        3 | 23 => Kind::NoAccess,
        5 | 6 | 15 => Kind::Locked,
        8 | 14 => Kind::ReadOnly,
        10 => Kind::Disk,
        13 => Kind::Full,
        11 | 26 => Kind::Corrupt,
        _ => Kind::Unknown,
    }
}

/// PostgreSQL's codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn kind_of_postgres(code: &str) -> Kind {
    match code {
        "23505" => Kind::Exists,
        "28000" | "28P01" => Kind::Login,
        "3D000" => Kind::NoDatabase,
        "40001" | "40P01" => Kind::Conflict,
        "25006" => Kind::Standby,
        "42501" => Kind::NoRight,
        "53100" => Kind::Full,
        "XX001" | "XX002" => Kind::Corrupt,
        _ => match code.get(..2) {
            Some("08") => Kind::Unreachable,
            // 25: the server ended a transaction that was idle for too long (25P03). 55: another session held a lock for
            // too long (55P03).
            Some("25" | "40" | "53" | "55" | "57" | "58") => Kind::Busy,
            Some("22") => Kind::Refused,
            _ => Kind::Unknown,
        },
    }
}

/// PgBouncer has one code for all that it refuses.
fn kind_of_pooler(message: &str) -> Kind {
    if message.contains("startup parameter") || message.contains("statement pooling") {
        Kind::Pooler
    } else if message.contains("no such database") {
        Kind::NoDatabase
    } else if message.contains("no such user") {
        Kind::Login
    } else {
        Kind::Unreachable
    }
}

fn kind_of_io(error: &std::io::Error) -> Kind {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Kind::NoFolder,
        std::io::ErrorKind::PermissionDenied => Kind::NoAccess,
        std::io::ErrorKind::ReadOnlyFilesystem => Kind::ReadOnly,
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Kind::Full,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_was_refused_and_neither_where_nor_what_the_database_said() {
        let error = |failure| {
            let place: Arc<str> = "postgres://db.example:5432/calls".into();
            StoreError::new("pause campaign 3".to_owned(), place, failure)
        };
        let refused = error(Failure::Refused("`spring` is a draft".to_owned()));
        assert_eq!(refused.reason(), "`spring` is a draft");
        assert!(refused.to_string().contains("db.example"));
        let broken = error(Failure::Database(sqlx::Error::RowNotFound));
        assert_eq!(broken.reason(), "the database has failed");
    }
}
