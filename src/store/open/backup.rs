//! Copies of an SQLite database for backups, and what is looked at before one is used.

use std::path::Path;

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::{
    super::{Store, StoreError, error::Failure},
    Database,
    copy::copy_whole,
    migrations,
    schema::{AppliedSteps, SchemaState},
    shown_sqlite, sqlite_options,
};

impl Store {
    /// The version of this program's schema.
    pub fn own_schema() -> i64 {
        let steps = migrations(Database::Sqlite);
        steps.iter().map(|step| step.version).max().unwrap_or(0)
    }

    /// Copies an SQLite database as it is at one moment into a file that must not exist, for its owner only; others read and
    /// write it meanwhile. Its schema stays as it is. Returns the version of that.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read, is not a database of this program, or the copy cannot be made. What there is of the
    /// copy is the caller's to remove.
    pub async fn copy_database(from: &Path, to: &Path) -> Result<i64, StoreError> {
        let copied = async {
            from.metadata().map_err(Failure::File)?;
            let options = sqlite_options(from);
            let file = copy_whole(&options, to).await?;
            file.sync_all().map_err(Failure::File)?;
            schema_of(to).await
        };
        copied.await.map_err(|failure| {
            StoreError::new("copy it".to_owned(), shown_sqlite(from).into(), failure)
        })
    }

    /// Looks at every page of a copy, and whether this program can bring it forward; returns the version of its schema.
    ///
    /// # Errors
    /// [`StoreError`] if it is damaged, is not a database of this program, or has the schema of a later version.
    pub async fn check_database(path: &Path) -> Result<i64, StoreError> {
        let checked = async {
            let mut connection = sqlite_options(path).connect().await?;
            let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
                .fetch_all(&mut connection)
                .await?;
            connection.close().await?;
            if found != ["ok"] {
                return Err(Failure::Strange(found.join("; ")));
            }
            schema_of(path).await
        };
        checked.await.map_err(|failure| {
            StoreError::new("check it".to_owned(), shown_sqlite(path).into(), failure)
        })
    }
}

/// The schema that a file has, if this program may use it.
async fn schema_of(path: &Path) -> Result<i64, Failure> {
    let mut connection: SqliteConnection = sqlite_options(path).connect().await?;
    let applied = AppliedSteps::of_sqlite(&mut connection).await;
    connection.close().await?;
    let applied = applied?;
    if applied.judge(&migrations(Database::Sqlite))? == SchemaState::Empty {
        return Err(Failure::NotOurs("it is empty".to_owned()));
    }
    Ok(applied.version().unwrap_or(0))
}
