//! A backup: one file that holds an SQLite database and the prepared messages as they were at one moment.
//!
//! It is a tar archive, so that any machine can look into it:
//!
//! ```text
//!  aftertone.db            the database, whole, as SQLite's `VACUUM INTO` makes it
//!  messages/spring.wav     each file of each prepared message
//!  manifest.json           what it is of, and size and SHA-256 of each file above
//!  sha256                  the SHA-256 of every byte before this entry
//! ```
//!
//! [`NewBackup`] writes one beside its name and gives it the name when it is whole. [`Backup::check`] reads all of one and
//! finds each byte that is not as it was written; only what was checked is unpacked.

mod read;
mod write;

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::audio;

pub use self::{read::Backup, write::NewBackup};

/// What a backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// [`BackupManifest::FORMAT`]; it also shows that the file is a backup.
    pub aftertone_backup: u64,
    /// The version of the program that made it.
    pub aftertone: String,
    /// The version of the database's schema.
    pub schema: i64,
    /// When it was taken: what was written later is not in it.
    pub taken_at: jiff::Timestamp,
    /// The controller's name, as it was configured.
    pub instance: String,
    /// What is in it, in this order.
    pub files: Vec<BackupFile>,
}

/// A file in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its name there.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl BackupManifest {
    /// The layout of the file. It grows when a program that knows this one could not read it.
    pub const FORMAT: u64 = 1;

    /// How many messages are in it.
    pub fn messages(&self) -> usize {
        let names = self.files.iter().map(|file| file.name.as_str());
        names.filter(|name| name.ends_with(".wav")).count()
    }

    /// The length of all of its files, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Why there is no backup, or nothing can be taken from one.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Its name is in use.
    #[error("`{}` exists, and is not overwritten", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// Another process writes the same.
    #[error("another process is making the backup `{}`", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error("`{}` is not a backup of this program: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// It is not as it was written.
    #[error("the backup `{}` is damaged or was changed: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// A later version of the program made it.
    #[error("the backup `{}` was made by a later version: {why}", path.display())]
    Later {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// A message is there that is another one than in the backup.
    #[error("there is another message `{name}` already, and nothing is overwritten")]
    OtherMessage {
        /// The file of the message.
        name: String,
    },
    /// A message cannot be read or written.
    #[error("the prepared messages cannot be read or written")]
    Messages(#[from] audio::Error),
    /// A file cannot be read or written.
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

impl BackupError {
    /// What to do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Taken { .. } => Some("name another file"),
            Self::Busy { .. } => Some("wait until it is done"),
            Self::Foreign { .. } => {
                Some("name a file that `aftertone backup` has made; of PostgreSQL use `pg_restore`")
            }
            Self::Damaged { .. } => {
                Some("nothing was written; take another copy of it, or an earlier backup")
            }
            Self::Later { .. } => Some("restore it with that version, or a later one"),
            Self::OtherMessage { .. } => Some(
                "name an empty folder in `pbx.sounds_dir`, or remove the message if it is not needed (`aftertone message rm`)",
            ),
            Self::Messages(_) => Some("see who may read and write `pbx.sounds_dir`"),
            Self::File { .. } => None,
        }
    }
}

/// A SHA-256 that is done, in hexadecimal digits.
fn hex(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const DATABASE: &str = "aftertone.db";
const MESSAGES: &str = "messages/";
const MANIFEST: &str = "manifest.json";
const DIGEST: &str = "sha256";

#[cfg(test)]
mod tests;
