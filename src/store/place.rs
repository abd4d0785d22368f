//! Where the database is, and opening it.

use std::path::PathBuf;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Store, StoreError};

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file of SQLite's, made where it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL database, by its URL.
    Postgres(SecretString),
}

impl Store {
    /// Opens the database and brings its schema forward.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be reached, is corrupt, is no database of ours, or was written by a later version.
    pub async fn open(place: &Place, now: Timestamp) -> Result<Self, StoreError> {
        todo!()
    }

    /// Whether it can be read and written at this moment.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }
}
