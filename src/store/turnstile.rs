//! Who writes to an SQLite file next: whoever has waited longest, of all programs that have it open.
//!
//! SQLite's own lock knows no order: whoever waits asks again and again, and one that writes without a break is hardly ever
//! found between two transactions. So each transaction that writes takes its turn first, by two locks on files beside the
//! database:
//!
//! ```text
//!   next    held while waiting: nobody else gets in line before its holder
//!   turn    held while writing
//! ```
//!
//! Who has ended a transaction and wants another finds `next` held if anybody waits, and comes behind. It is for order alone:
//! the database is safe by SQLite's lock, and whoever gets no turn in time, or cannot make the files, goes by that. The system
//! lets go of the locks of a process that ends, however it ends.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::owner::give_to_owner_of_folder;

/// Where the writers of a file queue.
#[derive(Clone, Debug)]
pub(super) struct Turnstile {
    next: Arc<Path>,
    turn: Arc<Path>,
    /// The queue within this process.
    here: Arc<Mutex<()>>,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _turn: File,
    _here: OwnedMutexGuard<()>,
}

/// Who wants a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// One transaction.
    Single,
    /// Many, one behind the other: it lets those pass who wait with it.
    Many,
}

impl Turnstile {
    pub(super) fn beside(database: &Path) -> Self {
        let named = |suffix: &str| -> Arc<Path> {
            let mut name = OsString::from(database);
            name.push(suffix);
            PathBuf::from(name).into()
        };
        Self {
            next: named("-next"),
            turn: named("-turn"),
            here: Arc::default(),
        }
    }

    /// Waits for a turn; `None` if there is none in time.
    pub(super) async fn take(&self, writer: Writer) -> Option<Turn> {
        let turn = tokio::time::timeout(WAIT_AT_MOST, self.wait(writer)).await;
        turn.ok().flatten()
    }

    async fn wait(&self, writer: Writer) -> Option<Turn> {
        let here = Arc::clone(&self.here).lock_owned().await;
        let next = lock(&self.next, writer).await?;
        let turn = lock(&self.turn, writer).await?;
        drop(next);
        Some(Turn {
            _turn: turn,
            _here: here,
        })
    }
}

/// Locks a file, made if it is missing; `None` if that cannot be.
///
/// It asks again and again: a thread that waits in the system would keep the program from ending.
async fn lock(path: &Path, writer: Writer) -> Option<File> {
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path);
    let file = opened.ok()?;
    give_to_owner_of_folder(path);
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(writer.pause()).await,
            Err(TryLockError::Error(_)) => return None,
        }
    }
}

impl Writer {
    /// How long it waits before it asks again.
    const fn pause(self) -> Duration {
        match self {
            Self::Single => Duration::from_millis(1),
            Self::Many => Duration::from_millis(5),
        }
    }
}

/// As long as SQLite's own lock is waited for: one that is frozen in its turn stops nobody for longer.
const WAIT_AT_MOST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DatabaseAddress, Store};

    #[tokio::test]
    async fn who_waits_is_next_however_fast_another_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aftertone.db");
        // Two programs: nothing but the files is common to them.
        let [many, single] = [(); 2].map(|()| Turnstile::beside(&path));
        let first = many.take(Writer::Many).await.unwrap();
        let waiting = tokio::spawn(async move {
            let turn = single.take(Writer::Single).await;
            turn.map(|turn| (turn, single))
        });
        while lock_now(&many.next).is_some() {
            tokio::task::yield_now().await;
        }
        drop(first);
        let again = many.take(Writer::Many);
        let (second, third) = tokio::join!(
            async {
                let (turn, _) = waiting.await.unwrap().unwrap();
                // It has its turn, and nobody else has.
                assert!(lock_now(&many.turn).is_none());
                drop(turn);
            },
            again
        );
        let () = second;
        assert!(third.is_some());
    }

    #[tokio::test]
    async fn a_turn_within_the_process_waits_for_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let turnstile = Turnstile::beside(&folder.path().join("aftertone.db"));
        let first = turnstile.take(Writer::Single).await.unwrap();
        let mut second = Box::pin(turnstile.take(Writer::Single));
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert!(second.await.is_some());
    }

    #[tokio::test]
    async fn every_transaction_that_writes_takes_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aftertone.db");
        let store = Store::open(&DatabaseAddress::Sqlite(path.clone()))
            .await
            .unwrap();
        let other = Turnstile::beside(&path);
        let turn = other.take(Writer::Single).await.unwrap();
        let writing = tokio::spawn(async move { store.ping().await });
        // It waits, and whoever comes now comes behind it.
        while lock_now(&other.next).is_some() {
            assert!(!writing.is_finished());
            tokio::task::yield_now().await;
        }
        drop(turn);
        writing.await.unwrap().unwrap();
        // It has let go.
        assert!(lock_now(&other.next).is_some() && lock_now(&other.turn).is_some());
    }

    #[tokio::test]
    async fn a_folder_that_takes_no_files_gives_no_turn_and_stops_nobody() {
        let turnstile = Turnstile::beside(Path::new("/nowhere/aftertone.db"));
        assert!(turnstile.take(Writer::Single).await.is_none());
    }

    fn lock_now(path: &Path) -> Option<File> {
        let file = File::open(path).ok()?;
        file.try_lock().is_ok().then_some(file)
    }
}
