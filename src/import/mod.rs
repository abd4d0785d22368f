//! A list into the store: contacts are taken in batch by batch, and an interrupted import resumes where it left off.
//!
//! ```text
//!              ┌──> worker ──┐
//!   reader ────┤   numbers,  ├──> in the list's order ──> store: some twenty batches a transaction,
//!   rows       └──> worker ──┘    contacts, rejects        with how far it is ──> rejects file
//! ```
//!
//! While one transaction is written the batches of the next are read. SQLite has one writer at a time: there each transaction
//! has as many rows as take about an eighth of a second, and whoever waits meanwhile comes next. A controller of an earlier
//! version does not queue, but asks again and again: beside one, each transaction is shorter, and a pause follows.
//!
//! The list is read to its end once before anything is taken in, for its digest, and so that one that cannot be read to its
//! end is refused as a whole. Every channel holds one batch, and no more than two transactions are kept, packed, so that
//! memory is the same for any list.
//!
//! A transaction is in the store, or it is not; its rejects are written behind it, and are on the disk before the next one
//! is. If the program is killed between the two, the next run finds the rejects of that transaction again: those rows
//! that cannot be read, and those that did not become contacts.

mod batches;
mod error;
mod needed;
mod progress;
mod rejects_file;
mod repair_rejects;
mod transaction_writer;
mod uploads;

use std::{
    fs::File,
    io::{self, Seek as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use error::ImportError;
pub use needed::{NeededColumns, templates};
pub use progress::{Imported, Progress};
pub use uploads::{CurrentRules, SpooledUploads, UploadRules, files_holding};

use crate::{
    audio::{Name, SoundUri, template::Template},
    campaign::engine::CampaignId,
    clock,
    list::{ContactRules, DateOrder, Fingerprint, List, ListError, Mapping},
    phone::Rules,
    store::{Across, Importing, Source, Store},
};
use batches::{Batches, Taken};
use progress::Count;
use rejects_file::RejectsFile;
use transaction_writer::TransactionWriter;

/// What is to be imported, and how.
#[derive(Clone, Debug)]
pub struct Import {
    /// Into which campaign.
    pub campaign: CampaignId,
    /// The list.
    pub list: PathBuf,
    /// The name under which it is known, if that is not its file's.
    pub name: Option<String>,
    /// Which of its columns is what, if their names do not say.
    pub mapping: Mapping,
    /// How its numbers are read.
    pub rules: Rules,
    /// Whether the month or the day comes first in its dates, if the user stated it.
    pub dates: Option<DateOrder>,
    /// Whether numbers are added that are in other campaigns.
    pub across: Across,
    /// The file for its rejects. It is made with the first of them; one of an earlier import is written over.
    pub rejects: PathBuf,
    /// Whether a list may be imported that has changed since an import of it was interrupted.
    pub is_change_accepted: bool,
    /// Whether the process does other things as well: less memory is taken then, and transactions are shorter.
    pub is_beside_others: bool,
}

impl Import {
    /// Imports the list, or resumes an import of the same list; reports how far it is after each transaction.
    ///
    /// `stop` ends it behind a transaction.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn run(
        &self,
        store: &Store,
        stop: &CancellationToken,
        tell: impl FnMut(&Progress),
    ) -> Result<Imported, ImportError> {
        let steps = Steps::of(store, store.needs_pauses(wall()).await?);
        let steps = if self.is_beside_others {
            store.make_ready_for_uploads().await?;
            steps.beside_others()
        } else {
            store.make_ready_for_lists(true).await?;
            steps
        };
        let imported = self.run_by(steps, store, stop, tell).await;
        let usual = store.make_ready_for_lists(false).await;
        let imported = imported?;
        usual?;
        Ok(imported)
    }

    async fn run_by(
        &self,
        steps: Steps,
        store: &Store,
        stop: &CancellationToken,
        mut tell: impl FnMut(&Progress),
    ) -> Result<Imported, ImportError> {
        check_rejects(&self.list, &self.rejects)?;
        let (opened, fingerprint) = self.fingerprint().await?;
        let importing = self.begin(store, &fingerprint).await?;
        let mut count = Count::new(importing, &fingerprint);
        if count.importing.is_complete {
            return Ok(count.imported(true, None));
        }

        let rules = ContactRules {
            phone: self.rules,
            dates: self.dates,
            message: is_message,
        };
        let columns = Arc::new(opened.list.columns().clone());
        let mut rejects_file = RejectsFile::new(&self.rejects, &opened.list);
        let at = opened.file_at;
        let list = self
            .repair_rejects(
                steps,
                store,
                opened.list,
                &count.importing,
                &rules,
                &mut rejects_file,
            )
            .await?;
        let mut batches = Batches::begin(list, &columns, rules, steps.batch);
        count.began = clock::now();
        tell(&count.progress());
        let mut writer = TransactionWriter::new(store, self.across, steps, count, rejects_file);
        let mut next = self.collect(&mut batches, writer.rows()).await?;
        while !next.is_empty() && !stop.is_cancelled() {
            let rows = writer.rows();
            let (written, collected) =
                tokio::join!(writer.write(next), self.collect(&mut batches, rows));
            tell(&written?);
            next = collected?;
        }
        let (mut count, rejects_file) = writer.end();
        if stop.is_cancelled() && count.importing.bytes < fingerprint.size {
            return Ok(count.imported(false, rejects_file.path()));
        }
        if modified(&self.list) != at {
            return Err(ImportError::Changing {
                path: self.list.clone(),
            });
        }
        count.importing.is_complete = true;
        store
            .add_contacts(&count.importing, self.across, &[], wall())
            .await?;
        Ok(count.imported(true, rejects_file.path()))
    }

    /// The batches of the next transaction: about so many rows, or fewer if they are long or the list is at its end.
    async fn collect(&self, batches: &mut Batches, rows: usize) -> Result<Vec<Taken>, ImportError> {
        let (mut taken, mut found, mut bytes) = (Vec::new(), 0, 0);
        while found < rows && bytes < MOST_BYTES {
            let Some(read) = batches.next().await else {
                break;
            };
            let read = read.map_err(|error| self.list_error(error))?;
            found += read.batch.len();
            bytes += read.batch.bytes();
            taken.push(read);
        }
        Ok(taken)
    }

    /// Reads all of the list, and opens it.
    async fn fingerprint(&self) -> Result<(OpenedList, Fingerprint), ImportError> {
        let (path, mapping) = (self.list.clone(), self.mapping.clone());
        let dates = self.dates;
        blocking(move || {
            let file_at = modified(&path);
            let mut file = File::open(&path).map_err(ListError::Read)?;
            let mut fingerprint = Fingerprint::of(&mut file, &mapping)?;
            fingerprint.read_by(&mapping, dates);
            file.rewind().map_err(ListError::Read)?;
            let mut list = List::open(file, &mapping)?;
            let start = list.start();
            list.go_to(start)?;
            Ok((OpenedList { list, file_at }, fingerprint))
        })
        .await
        .map_err(|error| self.list_error(error))
    }

    /// Begins the import in the store, unless another version of the list is in by half.
    async fn begin(
        &self,
        store: &Store,
        fingerprint: &Fingerprint,
    ) -> Result<Importing, ImportError> {
        let name = self.name.clone().unwrap_or_else(|| {
            let name = self.list.file_name();
            name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        });
        let source = Source {
            name,
            size: fingerprint.size,
            digest: fingerprint.digest.clone(),
        };
        let all = store.imports(self.campaign).await?;
        let is_known = all
            .iter()
            .any(|(known, _)| (known.size, &known.digest) == (source.size, &source.digest));
        let half = all
            .iter()
            .rev()
            .find(|(known, _)| known.name == source.name)
            .filter(|(_, importing)| !importing.is_complete && importing.bytes > 0);
        if let Some((_, importing)) = half.filter(|_| !is_known && !self.is_change_accepted) {
            return Err(ImportError::Changed {
                path: self.list.clone(),
                rows: importing.rows + importing.updated + importing.unchanged + importing.rejected,
            });
        }
        Ok(store.begin_import(self.campaign, &source, wall()).await?)
    }

    fn list_error(&self, source: ListError) -> ImportError {
        ImportError::List {
            path: self.list.clone(),
            source,
        }
    }
}

/// A list that was read once.
struct OpenedList {
    list: List<File>,
    /// When its file was written last, as it was before.
    file_at: Option<(u64, SystemTime)>,
}

/// Whether a text of a list names a message: a prepared one, or a sound that the PBX has. A list names no files.
///
/// # Errors
/// Why it does not, in words.
pub fn is_message(text: &str) -> Result<(), String> {
    if Template::is_one(text) {
        return text
            .parse::<Template>()
            .map(drop)
            .map_err(|error| error.to_string());
    }
    if text.starts_with("sound:") {
        return text
            .parse::<SoundUri>()
            .map(drop)
            .map_err(|error| error.to_string());
    }
    text.parse::<Name>()
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Whether the rejects of a list may go to a file: not to the list itself, and not over anything but earlier rejects.
///
/// # Errors
/// [`ImportError::SameFile`] and [`ImportError::Rejects`].
pub fn check_rejects(list: &Path, rejects: &Path) -> Result<(), ImportError> {
    if is_same_file(list, rejects) {
        return Err(ImportError::SameFile {
            path: list.to_owned(),
        });
    }
    rejects_file::check(rejects).map_err(|source| ImportError::Rejects {
        path: rejects.to_owned(),
        source,
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ListError> + Send + 'static,
) -> Result<T, ListError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The program is ending.
            Err(error) => Err(ListError::Read(io::Error::other(error))),
        },
    }
}

fn modified(path: &Path) -> Option<(u64, SystemTime)> {
    let about = path.metadata().ok()?;
    Some((about.len(), about.modified().ok()?))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        (Ok(_) | Err(_), _) => false,
    }
}

fn wall() -> Timestamp {
    Timestamp::try_from(clock::wall()).unwrap_or_default()
}

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
struct Steps {
    /// Rows of a batch.
    batch: usize,
    /// Most rows of a transaction.
    rows: usize,
    /// How long a transaction ought to take: others may wait for it.
    time: Duration,
    /// Behind how many transactions what was written is moved from SQLite's log into the database; others may write meanwhile.
    checkpoint: Option<u32>,
    /// The least pause behind a transaction in which others come in, and the share of its time that it is at least, as
    /// one of so many; none where others do not wait.
    pause: Option<(Duration, u32)>,
}

impl Steps {
    /// For a store, and, if others there may have to be let in by pauses, with these.
    const fn of(store: &Store, needs_pauses: bool) -> Self {
        match (store.has_one_writer(), needs_pauses) {
            (true, false) => ONE_WRITER,
            (true, true) => WITH_PAUSES,
            (false, _) => MANY_WRITERS,
        }
    }

    /// The same in a process that does other things as well.
    fn beside_others(self) -> Self {
        Self {
            batch: self.batch / 2,
            rows: self.rows / 3,
            time: self.time / 2,
            ..self
        }
    }
}

/// A batch is about 0.5 MB with all that is made of it, and some ten are under way at once. Whoever wants to write waits for
/// one transaction at most, which may take twice as long as it ought to.
const ONE_WRITER: Steps = Steps {
    batch: 1_000,
    rows: 12_000,
    time: Duration::from_millis(125),
    checkpoint: Some(3),
    pause: None,
};

/// Who does not queue asks after 1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50 and then every 100 ms. With 100 ms of writing and
/// 33 ms of pause by turns, whoever comes is in after 103 ms at the latest, and with 180 and 60 after 228.
const WITH_PAUSES: Steps = Steps {
    time: Duration::from_millis(100),
    checkpoint: Some(1),
    pause: Some((Duration::from_millis(30), 3)),
    ..ONE_WRITER
};

const MANY_WRITERS: Steps = Steps {
    batch: 1_000,
    rows: 20_000,
    time: Duration::from_secs(1),
    checkpoint: None,
    pause: None,
};

/// Most bytes of the list in a transaction, about.
const MOST_BYTES: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
