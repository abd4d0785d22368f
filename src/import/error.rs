//! Why an import ends early.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{list::ListError, store::StoreError};

/// Why a list is not imported, or not to its end. What is in stays in, and the same import goes on behind it.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The list cannot be read.
    #[error("cannot import `{}`", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// The cause.
        source: ListError,
    },
    /// An import of it was interrupted, and it has changed since.
    #[error(
        "`{}` has changed since {rows} rows of it were imported; its import is not complete",
        path.display()
    )]
    Changed {
        /// The list.
        path: PathBuf,
        /// Rows that were passed.
        rows: u64,
    },
    /// It changed while it was imported.
    #[error("`{}` changed while it was imported", path.display())]
    Changing {
        /// The list.
        path: PathBuf,
    },
    /// Rejects would go over the list itself.
    #[error("`{}` cannot take the rejects: it is the list itself", path.display())]
    SameFile {
        /// The list.
        path: PathBuf,
    },
    /// The file of rejects cannot be written.
    #[error("cannot write the rejects to `{}`", path.display())]
    Rejects {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImportError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::List { source, .. } => source.hint(),
            Self::Store(error) => error.hint().map(str::to_owned),
            Self::Changed { .. } => Some(
                "put the earlier list back to go on with it, or say that the changed one is meant: its new numbers are added, and contacts that were never called are as it says"
                    .to_owned(),
            ),
            Self::Changing { .. } => Some("start the import again when it is at rest".to_owned()),
            Self::SameFile { .. } | Self::Rejects { .. } => {
                Some("name another file for the rejects".to_owned())
            }
        }
    }
}
