//! A copy of an SQLite database as it is, made before its schema is changed, for the operator to go back to.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use super::super::error::Failure;
use crate::{owner::give_to_owner_of_folder, phone::PhoneNumber};

/// Where the copy of a database goes that is made before this step, and how large it gets at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseCopy {
    /// The file.
    pub path: PathBuf,
    /// Its size at most, in bytes.
    pub bytes: u64,
    /// How much room its file system has for us, in bytes; `None` if that is not known.
    pub free: Option<u64>,
}

impl DatabaseCopy {
    /// The copy that would be made of a database of this size before step `version`.
    pub(super) fn plan(database: &Path, version: i64, bytes: u64) -> Self {
        let named = |more: String| {
            let mut name = OsString::from(database);
            name.push(format!(".before-{version:04}{more}"));
            PathBuf::from(name)
        };
        // A copy is never overwritten: somebody may have put the database back, and come forward again.
        let names = std::iter::once(String::new()).chain((2..1_000).map(|nth| format!("-{nth}")));
        let free_name = names.map(named).find(|path| !path.exists());
        Self {
            path: free_name.unwrap_or_else(|| named("-more".to_owned())),
            bytes,
            free: free_bytes(database.parent().unwrap_or(Path::new("."))),
        }
    }

    /// Whether there is room for it, and for the change that comes after it, which is at most as large.
    pub fn fits(&self) -> bool {
        self.free
            .is_none_or(|free| free >= self.bytes.saturating_mul(2))
    }

    /// Makes it, for its owner only. It has its name only once it is whole and on the disk.
    pub(super) async fn make(&self, of: &SqliteConnectOptions) -> Result<(), Failure> {
        if !self.fits() {
            return Err(Failure::Copy(format!(
                "a copy of the database is made first, and with the change after it that needs {}, but {} are free",
                megabytes(self.bytes.saturating_mul(2)),
                megabytes(self.free.unwrap_or(0))
            )));
        }
        let mut partial = self.path.clone().into_os_string();
        partial.push(PARTIAL);
        let failed = |error: io::Error| {
            let path = self.path.display();
            Failure::Copy(format!("the copy `{path}` cannot be made: {error}"))
        };
        let mut partial = RemovedUnlessKept::new(PathBuf::from(partial));
        let file = copy_whole(of, &partial.path).await?;
        file.sync_all().map_err(failed)?;
        fs::rename(&partial.path, &self.path).map_err(failed)?;
        partial.keep();
        sync_folder(&self.path).map_err(failed)
    }
}

/// A file that goes when this does, unless it is kept: what makes it may fail, or be dropped before it is done.
#[derive(Debug)]
pub(super) struct RemovedUnlessKept {
    path: PathBuf,
    is_kept: bool,
}

impl RemovedUnlessKept {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            is_kept: false,
        }
    }

    pub(super) const fn keep(&mut self) {
        self.is_kept = true;
    }

    pub(super) const fn do_not_keep(&mut self) {
        self.is_kept = false;
    }
}

impl Drop for RemovedUnlessKept {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what copies have left that were killed half-way. The caller holds the database's lock, so that nobody makes one.
pub(super) fn remove_partial_copies(database: &Path) {
    for path in copies_of(database) {
        if path
            .as_os_str()
            .as_encoded_bytes()
            .ends_with(PARTIAL.as_bytes())
        {
            let _ = fs::remove_file(path);
        }
    }
}

/// The end of the name of a copy that is not whole yet.
const PARTIAL: &str = ".partial";

/// Copies a database as it is at one moment into a file that must not exist, for its owner only; others read and write it
/// meanwhile. Returns the file, which is not on the disk yet.
pub(super) async fn copy_whole(of: &SqliteConnectOptions, to: &Path) -> Result<File, Failure> {
    let failed = |error: io::Error| {
        let path = to.display();
        Failure::Copy(format!("the copy `{path}` cannot be made: {error}"))
    };
    let Some(target) = to.to_str() else {
        return Err(failed(io::Error::other("its name is not UTF-8")));
    };
    // SQLite fills a file that is there and empty.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(failed)?;
    give_to_owner_of_folder(to);
    let mut connection = of.connect().await?;
    let copied = sqlx::query("VACUUM INTO $1").bind(target);
    let copied = copied.execute(&mut connection).await;
    connection.close().await?;
    copied?;
    Ok(file)
}

/// Copies of a database that were made before changes of its schema, in the order of their names.
pub fn copies_of(database: &Path) -> Vec<PathBuf> {
    let Some(name) = database.file_name() else {
        return Vec::new();
    };
    let mut prefix = name.to_owned();
    prefix.push(".before-");
    let folder = database.parent().filter(|folder| *folder != Path::new(""));
    let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    let prefix = prefix.into_encoded_bytes();
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name();
            name.is_some_and(|name| name.as_encoded_bytes().starts_with(&prefix))
        })
        .collect();
    found.sort();
    found
}

/// Those of them that hold one of these numbers, or that cannot be read, so that they may.
pub async fn copies_holding(database: &Path, numbers: &[PhoneNumber]) -> Vec<PathBuf> {
    let mut holding = Vec::new();
    for path in copies_of(database) {
        if holds(&path, numbers).await.unwrap_or(true) {
            holding.push(path);
        }
    }
    holding
}

/// Whether any table of a copy has one of these numbers. Nothing is written, and no file is made beside it.
async fn holds(copy: &Path, numbers: &[PhoneNumber]) -> Result<bool, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(copy);
    let options = options.read_only(true).immutable(true);
    let mut connection = options.disable_statement_logging().connect().await?;
    let numbers: Vec<_> = numbers
        .iter()
        .map(|number| number.digits().to_string())
        .collect();
    let numbers = numbers.join(", ");
    let tables: Vec<String> = sqlx::query_scalar(TABLES_WITH_NUMBERS)
        .fetch_all(&mut connection)
        .await?;
    let mut is_there = false;
    for table in tables {
        // Both are of this program: a table's name from its schema, and digits.
        let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\" WHERE number IN ({numbers}))");
        let found: bool = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut connection)
            .await?;
        is_there |= found;
    }
    connection.close().await?;
    Ok(is_there)
}

const TABLES_WITH_NUMBERS: &str = "SELECT tables.name FROM sqlite_schema AS tables \
    JOIN pragma_table_info(tables.name) AS columns ON columns.name = 'number' \
    WHERE tables.type = 'table' ORDER BY tables.name";

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// How much room a folder's file system has for us. The standard library cannot say it; `df` is on every machine, and
/// without its word there is no check: a disk that fills up stops the copy, and with it the change.
fn free_bytes(folder: &Path) -> Option<u64> {
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    let out = Command::new("df")
        .arg("-Pk")
        .arg("--")
        .arg(folder)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    read_df(std::str::from_utf8(&out.stdout).ok()?)
}

/// The fourth column of the second line, in 1024 bytes, as POSIX lays it down.
fn read_df(text: &str) -> Option<u64> {
    let line = text.lines().nth(1)?;
    let kilobytes: u64 = line.split_whitespace().nth(3)?.parse().ok()?;
    kilobytes.checked_mul(1_024)
}

/// A size for people.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_file_system_is_read_from_df() {
        let text = "Filesystem 1024-blocks    Used Available Capacity Mounted on\n\
                    /dev/sda1     41152736 8126764  30903268      21% /\n";
        assert_eq!(read_df(text), Some(30_903_268 * 1_024));
        assert_eq!(read_df("nonsense"), None);
        assert_eq!(read_df("Filesystem\n/dev/sda1 1 2\n"), None);
        assert!(free_bytes(Path::new("/")).is_some());
    }

    #[test]
    fn a_copy_needs_twice_the_room_and_takes_no_name_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("aftertone.db");
        let first = DatabaseCopy::plan(&database, 2, 1_000);
        assert_eq!(first.path, folder.path().join("aftertone.db.before-0002"));
        fs::write(&first.path, "").unwrap();
        let second = DatabaseCopy::plan(&database, 2, 1_000);
        assert_eq!(
            second.path,
            folder.path().join("aftertone.db.before-0002-2")
        );
        assert_eq!(copies_of(&database), std::slice::from_ref(&first.path));
        for (free, fits) in [(Some(1_999), false), (Some(2_000), true), (None, true)] {
            let copy = DatabaseCopy {
                free,
                ..second.clone()
            };
            assert_eq!(copy.fits(), fits, "{free:?}");
        }
    }
}
