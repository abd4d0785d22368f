//! The database that the configuration names.

use jiff::Timestamp;

use super::CliError;
use crate::{
    clock,
    config::{Config, StoreUrl},
    store::{DatabaseAddress, Store, StoreError},
};

/// Opens the database.
///
/// # Errors
/// [`CliError`] if it cannot be opened.
pub(super) async fn open(config: &Config) -> Result<Store, CliError> {
    try_open(config).await.map_err(trouble)
}

/// The same, with the store's own error.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn try_open(config: &Config) -> Result<Store, StoreError> {
    config.make_state_dir();
    let place = match &config.store.url {
        StoreUrl::Sqlite(path) => DatabaseAddress::Sqlite(path.clone()),
        StoreUrl::Postgres(url) => DatabaseAddress::Postgres(url.clone()),
    };
    Store::open(&place).await
}

/// An error of the database, with its hint.
pub(super) fn trouble(error: StoreError) -> CliError {
    let hint = error.hint().map(str::to_owned);
    CliError::new(error).maybe_hint(hint)
}

/// The current time, as the database keeps it.
pub(super) fn now() -> Timestamp {
    Timestamp::try_from(clock::wall()).expect("the clock shows a year before 10000")
}
