//! `aftertone restore`: from a backup into an empty place, so that nothing goes on by itself.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    CliError, Exit,
    backup::{backup_trouble, by_its_own_programs},
    database, library,
    operator::by_user,
    printer::Printer,
};
use crate::{
    audio::Library,
    backup::Backup,
    config::{Config, StoreUrl},
    controller::gone,
    store::{AuditEntry, DatabaseAddress, Gone, Quietened, Store},
};

/// Restore a backup into an empty place
///
/// Every byte of the backup is checked before anything is written. There must be no database yet where `store.url` says, and no other
/// message of the same name in `pbx.sounds_dir`. A backup of an earlier version is brought forward; one of a later version is refused.
/// Nothing goes on by itself: campaigns that ran are paused, drops that were in flight are settled as `lost`, contacts that were
/// leased are due again, people have to sign in again. What was dialled after the backup is not known, and what to do about it is
/// printed. Nobody is called. Of PostgreSQL restore with `pg_restore`, then run `aftertone store restored`. The exit status is 0
/// if it was restored, and 2 if nothing was.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was done, and of when the database is.
#[derive(Debug)]
pub(super) struct Restored {
    /// When the backup was taken, if that is known.
    pub(super) taken_at: Option<Timestamp>,
    pub(super) quietened: Quietened,
    /// Drops that were in flight.
    pub(super) lost: u64,
}

/// Restores a backup.
///
/// # Errors
/// [`CliError`] if it was not; nothing is left of it then.
pub(super) async fn run(
    args: &RestoreArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let StoreUrl::Sqlite(database) = &config.store.url else {
        return Err(by_its_own_programs(
            "pg_restore --exit-on-error --dbname=\"$DATABASE_URL\" aftertone.dump",
        ));
    };
    let library = library(config)?.0;
    let backup = Backup::check(&args.file, Store::own_schema()).map_err(backup_trouble)?;
    must_be_empty(database)?;
    backup.compare_messages(&library).map_err(backup_trouble)?;
    config.make_state_dir();
    let staged = Staged::new(database)?;
    let done = restore(&backup, &staged, &library, database).await?;
    let (manifest, path) = (backup.manifest(), args.file.display());
    if args.json {
        let mut object = done.object();
        object["file"] = path.to_string().into();
        object["database"] = database.display().to_string().into();
        object["messages"] = manifest.messages().into();
        printer.json(&object);
    } else {
        printer.line(&format!(
            "restored from `{path}`, taken at {:.0} by aftertone {}: `{}` and {} messages",
            manifest.taken_at,
            manifest.aftertone,
            database.display(),
            manifest.messages()
        ));
        printer.line(&done.line());
    }
    done.say_what_to_do(printer);
    Ok(Exit::Success)
}

/// The messages come before the database: with it the place is in use.
async fn restore(
    backup: &Backup,
    staged: &Staged,
    library: &Library,
    database: &Path,
) -> Result<Restored, CliError> {
    backup
        .unpack_database(&staged.path)
        .map_err(backup_trouble)?;
    let checked = Store::check_database(&staged.path).await;
    checked.map_err(database::trouble)?;
    let address = DatabaseAddress::Sqlite(staged.path.clone());
    let store = Store::migrate(&address, false).await;
    let store = store.map_err(database::trouble)?;
    let done = quieten(&store, Some(backup.manifest().taken_at), true).await;
    store.close().await;
    let done = done?;
    if staged.has_log() {
        let error = anyhow!("the log of `{}` was not taken over", staged.path.display());
        return Err(CliError::new(error).hint("see whether another program has the file open"));
    }
    let messages = backup.put_messages_back(library).map_err(backup_trouble)?;
    if let Err(error) = Backup::place_database(&staged.path, database) {
        for message in messages {
            // It came with this restoration, which did not come about.
            let _ = fs::remove_file(message);
        }
        return Err(backup_trouble(error));
    }
    Ok(done)
}

/// Stops what would go on, and settles what was in flight.
///
/// # Errors
/// [`CliError`].
pub(super) async fn quieten(
    store: &Store,
    taken_at: Option<Timestamp>,
    is_copy: bool,
) -> Result<Restored, CliError> {
    let of = match taken_at {
        Some(at) => format!("from a backup of {at:.0}"),
        None => "from a backup".to_owned(),
    };
    let because = format!("restored {of}; what was dialled since is not known");
    let now = database::now();
    let entry = AuditEntry {
        after: Some(json!({ "taken_at": taken_at }).to_string()),
        ..by_user("store.restore", "the database")
    };
    let quietened = store.audited(entry).quieten(&because, is_copy, now).await;
    let quietened = quietened.map_err(database::trouble)?;
    let words = format!("the database was restored {of}, when it was in flight");
    let given_up = gone::give_up(store, Gone::By(database::now()), |_| words.clone(), now).await;
    let lost = given_up.map_err(database::trouble)?.lost.values().sum();
    Ok(Restored {
        taken_at,
        quietened,
        lost,
    })
}

impl Restored {
    /// What was stopped, for people.
    pub(super) fn line(&self) -> String {
        let Quietened {
            paused,
            given_back,
            held,
            uploads,
            sessions,
            keys: _,
        } = &self.quietened;
        let campaigns = match paused.as_slice() {
            [] => "no campaign ran".to_owned(),
            names => format!("paused: {}", names.join(", ")),
        };
        format!(
            "{campaigns}; {} drops in flight settled as lost, {given_back} contacts given back, {held} held drops cancelled, {uploads} uploads interrupted, \
             {sessions} sessions ended",
            self.lost
        )
    }

    /// The same for programs.
    pub(super) fn object(&self) -> Value {
        let Quietened {
            paused,
            given_back,
            held,
            uploads,
            sessions,
            keys,
        } = &self.quietened;
        json!({
            "taken_at": self.taken_at,
            "paused": paused,
            "lost": self.lost,
            "given_back": given_back,
            "held": held,
            "uploads": uploads,
            "sessions": sessions,
            "idempotency_keys": keys,
        })
    }

    /// What the database cannot know, and what only people can do about it.
    pub(super) fn say_what_to_do(&self, printer: Printer) {
        let since = match self.taken_at {
            Some(at) => format!("{at:.0}"),
            None => "the backup".to_owned(),
        };
        printer.warning(&format!(
            "what happened after {since} is not known here: who was called, who asked not to be called, who was erased"
        ));
        printer.talk("before anything is started:");
        for (nth, words) in TO_DO.iter().enumerate() {
            printer.talk(&format!("  {}. {words}", nth + 1));
        }
    }
}

/// In the order in which it matters.
const TO_DO: [&str; 6] = [
    "see that the installation that was backed up does not run any more: both would call the same people",
    "bar again who has asked since not to be called (`aftertone dnc import`), and erase again who was erased since (`aftertone contact erase`)",
    "look in the call records of the PBX for who was called since; bar them on a list of its own (`aftertone dnc import FILE --list restored`) or they are called again",
    "have no client send an order again that it has sent since: its key is not known, and it would be carried out twice",
    "revoke tokens and disable users again that were revoked or disabled since (`aftertone token list`, `aftertone user list`)",
    "put `webhooks.key_file`, evidence and the configuration in their places; then `aftertone doctor`, and `aftertone campaign resume NAME` for each",
];

/// The database while it is not whole yet; what is there of it goes with the value.
struct Staged {
    path: PathBuf,
}

impl Staged {
    fn new(database: &Path) -> Result<Self, CliError> {
        let this = Self {
            path: beside(database, ".restoring"),
        };
        this.remove().map_err(|error| {
            CliError::new(
                anyhow!(error).context(format!("cannot remove `{}`", this.path.display())),
            )
        })?;
        Ok(this)
    }

    /// Whether SQLite has left something that belongs to the file.
    fn has_log(&self) -> bool {
        let log = beside(&self.path, "-wal").metadata();
        log.is_ok_and(|about| about.len() > 0)
    }

    fn remove(&self) -> std::io::Result<()> {
        for more in ["", "-wal", "-shm", "-journal", "-next", "-turn"] {
            match fs::remove_file(beside(&self.path, more)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // What cannot be removed goes at the next restoration.
        let _ = self.remove();
    }
}

fn must_be_empty(database: &Path) -> Result<(), CliError> {
    for more in ["", "-wal", "-journal"] {
        let path = beside(database, more);
        if path.symlink_metadata().is_ok() {
            let error = anyhow!(
                "`{}` exists: a backup is restored into an empty place only",
                path.display()
            );
            return Err(CliError::new(error).hint(
                "name another file in `store.url`, or move what is there away, with its `-wal` and `-shm`, when nothing uses it",
            ));
        }
    }
    Ok(())
}

fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(more);
    name.into()
}
