//! The database that the configuration names.

use jiff::Timestamp;

use super::{CliError, printer::Printer};
use crate::{
    clock,
    config::Config,
    controller::place,
    store::{DatabaseAddress, ExposedFile, Opened, Store, StoreError},
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
    let place = address(config);
    let store = Store::open(&place).await?;
    say_upgraded(&store, Printer::new());
    warn_of_exposure(&place, Printer::new());
    Ok(store)
}

/// Opens the database to read it as it is: a command that only reads changes no schema and makes no file.
///
/// # Errors
/// [`CliError`] if it cannot be opened.
pub(super) async fn open_to_read(config: &Config) -> Result<Store, CliError> {
    let place = address(config);
    warn_of_exposure(&place, Printer::new());
    let store = Store::open_to_read(&place).await.map_err(trouble)?;
    if *store.opened() == Opened::Missing {
        let database = store.place();
        tracing::info!(database, "it does not exist yet, and reads as an empty one");
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

/// Warns of files of the database that others on this machine can read or replace.
pub(super) fn warn_of_exposure(place: &DatabaseAddress, printer: Printer) {
    if let Some((words, remedy)) = exposure(&place.exposed()) {
        printer.warning(&words);
        printer.hint(&remedy);
    }
}

/// What others can do with the database, and what to run so that they cannot; `None` if they can do nothing.
pub(super) fn exposure(exposed: &[ExposedFile]) -> Option<(String, String)> {
    if exposed.is_empty() {
        return None;
    }
    let what = exposed.iter().map(|file| {
        let (path, mode) = (file.path.display(), file.mode);
        let what = if file.is_folder {
            "others can put files in"
        } else {
            "others can read"
        };
        format!("{what} `{path}` (mode {mode:04o})")
    });
    let what = what.collect::<Vec<_>>().join(", ");
    let chmod = |change: &str, is_folder| {
        let files = exposed.iter().filter(|file| file.is_folder == is_folder);
        let files: Vec<_> = files
            .map(|file| {
                format!(
                    "'{}'",
                    file.path.display().to_string().replace('\'', r"'\''")
                )
            })
            .collect();
        (!files.is_empty()).then(|| format!("chmod {change} {}", files.join(" ")))
    };
    let run = [chmod("go-rwx", false), chmod("go-w", true)];
    let run: Vec<_> = run.into_iter().flatten().collect();
    Some((
        format!("the database holds people's numbers, and {what}"),
        format!("run: {}", run.join("; ")),
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_read_is_named_with_what_to_run() {
        assert_eq!(exposure(&[]), None);
        let file = |path: &str, mode, is_folder| ExposedFile {
            path: path.into(),
            mode,
            is_folder,
        };
        let exposed = [
            file("/a/it's.db", 0o644, false),
            file("/a/it's.db-wal", 0o640, false),
            file("/a", 0o777, true),
        ];
        let (words, remedy) = exposure(&exposed).unwrap();
        insta::assert_snapshot!(words, @"the database holds people's numbers, and others can read `/a/it's.db` (mode 0644), others can read `/a/it's.db-wal` (mode 0640), others can put files in `/a` (mode 0777)");
        insta::assert_snapshot!(remedy, @r"run: chmod go-rwx '/a/it'\''s.db' '/a/it'\''s.db-wal'; chmod go-w '/a'");
    }
}
