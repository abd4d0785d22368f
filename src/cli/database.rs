//! The database that the configuration names.

use jiff::Timestamp;

use super::{CliError, printer::Printer};
use crate::{
    clock,
    config::Config,
    controller::place,
    store::{DatabaseAddress, Opened, Store, StoreError},
};

/// Opens the database, and says what that has done to it.
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
    let store = Store::open(&address(config)).await?;
    say_upgraded(&store, Printer::new());
    Ok(store)
}

/// Opens the database to read it as it is: a command that only reads changes no schema and makes no file.
///
/// # Errors
/// [`CliError`] if it cannot be opened.
pub(super) async fn open_to_read(config: &Config) -> Result<Store, CliError> {
    let store = Store::open_to_read(&address(config)).await;
    let store = store.map_err(trouble)?;
    if *store.opened() == Opened::Missing {
        Printer::new().talk(&format!("{} does not exist yet", store.place()));
    }
    Ok(store)
}

/// Where the database is.
pub(super) fn address(config: &Config) -> DatabaseAddress {
    place(&config.store)
}

/// Says that the schema was brought forward, and where the database is as it was.
pub(super) fn say_upgraded(store: &Store, printer: Printer) {
    let Opened::Upgraded(upgraded) = store.opened() else {
        return;
    };
    // A database that was empty was made, not brought forward.
    if upgraded.from == 0 {
        return;
    }
    printer.talk(&format!(
        "{} was brought from schema {} to {}",
        store.place(),
        upgraded.from,
        upgraded.to
    ));
    if let Some(copy) = &upgraded.copy {
        printer.talk(&format!(
            "as it was before, it is kept in `{}`, which holds people's numbers: remove it when you are content",
            copy.path.display()
        ));
    }
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
