//! A list into the store: contacts are taken in batch by batch, and an import that was interrupted goes on where it was.
//!
//! ```text
//!              ┌──> worker ──┐
//!   reader ────┤   numbers,  ├──> in the list's order ──> store: one transaction a batch,
//!   rows       └──> worker ──┘    contacts, rejects        with how far it is ──> rejects file
//! ```
//!
//! The list is read to its end once before anything is taken in, for its digest, and so that one that cannot be read to its
//! end is refused as a whole. Every channel holds one batch, so that memory is the same for any list.
//!
//! A batch is in the store, or it is not; its rejects are written behind it. Where the program is killed between the two,
//! the next run finds the rejects of that batch again: those that cannot be read, and those rows that did not become
//! contacts.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::{File, OpenOptions},
    io::{self, Seek as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    audio::{Name, SoundUri},
    campaign::engine::CampaignId,
    clock,
    list::{
        Batch, Columns, ContactRules, List, ListError, Mapping, Mark, NewRow, Reason, Rejects,
        Survey,
    },
    phone::Rules,
    store::{Across, Importing, NewContact, Source, Store, StoreError},
};

/// What is to be imported, and how.
#[derive(Clone, Debug)]
pub struct Import {
    /// Into which campaign.
    pub campaign: CampaignId,
    /// The list.
    pub list: PathBuf,
    /// Which of its columns is what, where their names do not tell.
    pub mapping: Mapping,
    /// How its numbers are read.
    pub rules: Rules,
    /// Whether numbers are added that stand in other campaigns.
    pub across: Across,
    /// Where its rejects go. The file is made with the first of them; one of an earlier import is written over.
    pub rejects: PathBuf,
    /// Whether a list may be imported that has changed since an import of it was interrupted.
    pub is_change_accepted: bool,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Bytes of the list that are passed.
    pub bytes: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Rows that are passed, of earlier runs included.
    pub rows: u64,
    /// Its rows.
    pub rows_in_all: u64,
    /// Rows that became contacts, of earlier runs included.
    pub added: u64,
    /// Rows that were rejected, of earlier runs included.
    pub rejected: u64,
    /// Since this run began to take rows in.
    pub elapsed: Duration,
    /// Rows a second, of this run; 0 at its beginning.
    pub rate: f64,
    /// How long the rest will take at this rate.
    pub left: Option<Duration>,
}

/// What came of an import.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// How far it is.
    pub progress: Progress,
    /// Whether the whole list is in; otherwise it was told to stop, and goes on when it is started again.
    pub is_complete: bool,
    /// How many rows were passed already when it began.
    pub rows_before: u64,
    /// The rejects of this run, by their slugs.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The file of rejects, where there are any.
    pub rejects: Option<PathBuf>,
}

/// Why a list is not imported, or not to its end. What is in stays in, and the same import goes on behind it.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The list cannot be read.
    #[error("cannot import `{}`", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// Why.
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
        /// Why.
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
                "put the earlier list back to go on with it, or say that the changed one is meant: its new numbers are added, and those that are in stay"
                    .to_owned(),
            ),
            Self::Changing { .. } => Some("start the import again when it is at rest".to_owned()),
            Self::SameFile { .. } => Some("name another file for the rejects".to_owned()),
            Self::Rejects { .. } => None,
        }
    }
}

impl Import {
    /// Imports the list, or goes on where an import of the same list stopped; tells how far it is after each batch.
    ///
    /// `stop` ends it between two batches.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn run(
        &self,
        store: &Store,
        stop: &CancellationToken,
        mut tell: impl FnMut(&Progress),
    ) -> Result<Imported, ImportError> {
        if is_same_file(&self.list, &self.rejects) {
            return Err(ImportError::SameFile {
                path: self.list.clone(),
            });
        }
        let (opened, survey) = self.survey().await?;
        let importing = self.begin(store, &survey).await?;
        let mut count = Count::new(importing, &survey);
        if count.importing.is_complete {
            return Ok(count.imported(true, None));
        }

        let rules = ContactRules {
            phone: self.rules,
            message: is_message,
        };
        let columns = Arc::new(opened.list.columns().clone());
        let mut sink = Sink::new(&self.rejects, &opened.list);
        let at = opened.file_at;
        let list = self
            .find_last_rejects(store, opened.list, &count.importing, &rules, &mut sink)
            .await?;
        let mut batches = Batches::begin(list, &columns, rules);
        count.began = clock::now();
        tell(&count.progress());
        while !stop.is_cancelled() {
            let Some(read) = batches.next().await else {
                break;
            };
            let read = read.map_err(|error| self.list_error(error))?;
            self.take_in(store, read, &mut count, &mut sink).await?;
            tell(&count.progress());
        }
        if stop.is_cancelled() && count.importing.bytes < survey.size {
            return Ok(count.imported(false, sink.path()));
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
        Ok(count.imported(true, sink.path()))
    }

    /// Reads all of the list, and opens it.
    async fn survey(&self) -> Result<(Opened, Survey), ImportError> {
        let (path, mapping) = (self.list.clone(), self.mapping.clone());
        blocking(move || {
            let file_at = modified(&path);
            let mut file = File::open(&path).map_err(ListError::Read)?;
            let survey = Survey::of(&mut file, &mapping)?;
            file.rewind().map_err(ListError::Read)?;
            let mut list = List::open(file, &mapping)?;
            let start = list.start();
            list.go_to(start)?;
            Ok((Opened { list, file_at }, survey))
        })
        .await
        .map_err(|error| self.list_error(error))
    }

    /// Begins the import in the store, unless another version of the list is in by half.
    async fn begin(&self, store: &Store, survey: &Survey) -> Result<Importing, ImportError> {
        let name = self
            .list
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let source = Source {
            name,
            size: survey.size,
            digest: survey.digest.clone(),
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
                rows: importing.rows + importing.rejected,
            });
        }
        Ok(store.begin_import(self.campaign, &source, wall()).await?)
    }

    /// Where an earlier run stopped: mends the end of its rejects, and goes to that place.
    async fn find_last_rejects(
        &self,
        store: &Store,
        mut list: List<File>,
        importing: &Importing,
        rules: &ContactRules,
        sink: &mut Sink,
    ) -> Result<List<File>, ImportError> {
        if importing.bytes == 0 {
            return Ok(list);
        }
        let mark = Mark {
            bytes: importing.bytes,
            lines: importing.lines,
        };
        let (list, last) = blocking(move || {
            let last = last_batches(&mut list, mark)?;
            list.go_to(mark)?;
            Ok((list, last))
        })
        .await
        .map_err(|error| self.list_error(error))?;

        let first = last.iter().flat_map(Batch::rows).next();
        let first = first.map_or(mark.lines, |row| row.line);
        sink.go_on(first)?;
        let there: BTreeSet<u64> = store
            .lines_in(importing, first..=mark.lines)
            .await?
            .into_iter()
            .collect();
        for batch in &last {
            let mut found = Found::default();
            let mut left_out = Vec::new();
            for (at, row) in batch
                .rows()
                .enumerate()
                .filter(|(_, row)| row.line <= mark.lines)
            {
                match list.columns().contact(row, rules) {
                    Err(reject) => found.rejects.push((at, reject.reason)),
                    Ok(contact) if !there.contains(&row.line) => {
                        left_out.push((at, contact.number))
                    }
                    Ok(_) => {}
                }
            }
            let numbers: Vec<_> = left_out.iter().map(|(_, number)| number.clone()).collect();
            let known = store
                .known(Some(self.campaign), Across::Allow, &numbers)
                .await?;
            for ((at, _), is_ours) in left_out.into_iter().zip(known) {
                let reason = if is_ours {
                    Reason::Duplicate
                } else {
                    Reason::Elsewhere
                };
                found.rejects.push((at, reason));
            }
            sink.write(batch, found.rejects)?;
        }
        Ok(list)
    }

    /// Takes a batch in, and writes its rejects.
    async fn take_in(
        &self,
        store: &Store,
        read: Taken,
        count: &mut Count,
        sink: &mut Sink,
    ) -> Result<(), ImportError> {
        let Taken { batch, found } = read;
        let Found {
            contacts,
            mut rejects,
        } = found;
        let after = batch.after();
        count.importing.bytes = after.bytes;
        count.importing.lines = after.lines;
        count.importing.rejected += rejects.len() as u64;
        let added = store
            .add_contacts(&count.importing, self.across, &contacts, wall())
            .await?;
        count.importing.rows += added.added;
        count.importing.rejected += (added.duplicates.len() + added.elsewhere.len()) as u64;

        let twice: BTreeSet<u64> = added.duplicates.into_iter().collect();
        let elsewhere: BTreeSet<u64> = added.elsewhere.into_iter().collect();
        if !twice.is_empty() || !elsewhere.is_empty() {
            for (at, row) in batch.rows().enumerate() {
                if twice.contains(&row.line) {
                    rejects.push((at, Reason::Duplicate));
                } else if elsewhere.contains(&row.line) {
                    rejects.push((at, Reason::Elsewhere));
                }
            }
        }
        for (_, reason) in &rejects {
            *count.reasons.entry(reason.slug()).or_default() += 1;
        }
        sink.write(&batch, rejects)
    }

    fn list_error(&self, source: ListError) -> ImportError {
        ImportError::List {
            path: self.list.clone(),
            source,
        }
    }
}

/// A list that was read once.
struct Opened {
    list: List<File>,
    /// When its file was written last, as it was before.
    file_at: Option<(u64, SystemTime)>,
}

/// What was counted.
struct Count {
    importing: Importing,
    size: u64,
    rows_in_all: u64,
    rows_before: u64,
    reasons: BTreeMap<&'static str, u64>,
    began: Instant,
}

impl Count {
    fn new(importing: Importing, survey: &Survey) -> Self {
        Self {
            rows_before: importing.rows + importing.rejected,
            importing,
            size: survey.size,
            rows_in_all: survey.rows,
            reasons: BTreeMap::new(),
            began: clock::now(),
        }
    }

    fn progress(&self) -> Progress {
        let elapsed = clock::now().saturating_duration_since(self.began);
        let rows = self.importing.rows + self.importing.rejected;
        let seconds = elapsed.as_secs_f64();
        let done = rows.saturating_sub(self.rows_before);
        #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^53")]
        let rate = if seconds > 0.0 {
            done as f64 / seconds
        } else {
            0.0
        };
        #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^53")]
        let rest = self.rows_in_all.saturating_sub(rows) as f64;
        Progress {
            bytes: self.importing.bytes,
            size: self.size,
            rows,
            rows_in_all: self.rows_in_all,
            added: self.importing.rows,
            rejected: self.importing.rejected,
            elapsed,
            rate,
            left: (rate > 0.0)
                .then(|| Duration::try_from_secs_f64(rest / rate).ok())
                .flatten(),
        }
    }

    fn imported(self, is_complete: bool, rejects: Option<PathBuf>) -> Imported {
        Imported {
            progress: self.progress(),
            is_complete,
            rows_before: self.rows_before,
            reasons: self.reasons,
            rejects,
        }
    }
}

/// What stands in a batch.
#[derive(Default)]
struct Found {
    contacts: Vec<NewContact>,
    /// Each with its place in the batch.
    rejects: Vec<(usize, Reason)>,
}

/// A batch that was read.
struct Taken {
    batch: Batch,
    found: Found,
}

/// Reads batches, some at once, and gives them out in their order.
struct Batches {
    from: VecDeque<mpsc::Receiver<Result<Taken, ListError>>>,
}

impl Batches {
    fn begin(mut list: List<File>, columns: &Arc<Columns>, rules: ContactRules) -> Self {
        let mut to = Vec::new();
        let mut from = VecDeque::new();
        for _ in 0..workers() {
            let (give, work) = mpsc::channel(1);
            let (done, read) = mpsc::channel(1);
            let columns = Arc::clone(columns);
            tokio::task::spawn_blocking(move || work_through(work, &done, &columns, &rules));
            to.push(give);
            from.push_back(read);
        }
        tokio::task::spawn_blocking(move || {
            for worker in to.iter().cycle() {
                let batch = list.batch(BATCH).transpose();
                let Some(batch) = batch else { return };
                let is_last = batch.is_err();
                if worker.blocking_send(batch).is_err() || is_last {
                    return;
                }
            }
        });
        Self { from }
    }

    /// The next; `None` at the end of the list.
    async fn next(&mut self) -> Option<Result<Taken, ListError>> {
        let read = self.from.front_mut()?.recv().await;
        self.from.rotate_left(1);
        read
    }
}

/// Reads the rows of batches until there are no more, or nobody wants them.
fn work_through(
    mut work: mpsc::Receiver<Result<Batch, ListError>>,
    done: &mpsc::Sender<Result<Taken, ListError>>,
    columns: &Columns,
    rules: &ContactRules,
) {
    while let Some(batch) = work.blocking_recv() {
        let read = batch.map(|batch| {
            let mut found = Found::default();
            for (at, row) in batch.rows().enumerate() {
                match columns.contact(row, rules) {
                    Ok(row) => found.contacts.push(contact(row)),
                    Err(reject) => found.rejects.push((at, reject.reason)),
                }
            }
            Taken { batch, found }
        });
        if done.blocking_send(read).is_err() {
            return;
        }
    }
}

fn contact(row: NewRow) -> NewContact {
    NewContact {
        line: row.line,
        number: row.number,
        name: row.name,
        zone: row.zone,
        state: row.state,
        consent: row.consent,
        message: row.message,
        foreign_id: row.foreign_id,
        others: row.others,
    }
}

/// The file of rejects, made with the first of them.
struct Sink {
    path: PathBuf,
    delimiter: u8,
    columns: Vec<String>,
    file: Option<Rejects<File>>,
}

impl Sink {
    fn new(path: &Path, list: &List<File>) -> Self {
        Self {
            path: path.to_owned(),
            delimiter: list.delimiter(),
            columns: list.columns().names().to_vec(),
            file: None,
        }
    }

    /// Goes on with a file of an earlier run, without what stands there of this line and those behind it.
    fn go_on(&mut self, line: u64) -> Result<(), ImportError> {
        let opened = OpenOptions::new().read(true).append(true).open(&self.path);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.error(error)),
        };
        let keeps = Rejects::<File>::length_before(&mut file, self.delimiter, line);
        if keeps > 0 {
            file.set_len(keeps).map_err(|error| self.error(error))?;
            self.file = Some(Rejects::go_on(file, self.delimiter));
        }
        Ok(())
    }

    /// Writes rejects of a batch in the order of their lines.
    fn write(
        &mut self,
        batch: &Batch,
        mut rejects: Vec<(usize, Reason)>,
    ) -> Result<(), ImportError> {
        if rejects.is_empty() {
            return Ok(());
        }
        rejects.sort_by_key(|(at, _)| *at);
        self.try_write(batch, &rejects)
            .map_err(|error| self.error(error))
    }

    fn try_write(&mut self, batch: &Batch, rejects: &[(usize, Reason)]) -> io::Result<()> {
        let mut out = match self.file.take() {
            Some(out) => out,
            None => Rejects::begin(File::create(&self.path)?, self.delimiter, &self.columns)?,
        };
        for (at, reason) in rejects {
            if let Some(row) = batch.row(*at) {
                out.add(row, reason)?;
            }
        }
        out.flush()?;
        self.file = Some(out);
        Ok(())
    }

    fn path(&self) -> Option<PathBuf> {
        self.file.is_some().then(|| self.path.clone())
    }

    fn error(&self, source: io::Error) -> ImportError {
        ImportError::Rejects {
            path: self.path.clone(),
            source,
        }
    }
}

/// The batches that hold the last rows before a place: the one that ends there, and the one before it, for batches were
/// smaller or larger if another version of the program made them.
fn last_batches(list: &mut List<File>, mark: Mark) -> Result<VecDeque<Batch>, ListError> {
    let mut last = VecDeque::new();
    while let Some(batch) = list.batch(BATCH)? {
        let is_there = batch.after().bytes >= mark.bytes;
        last.push_back(batch);
        if last.len() > 2 {
            last.pop_front();
        }
        if is_there {
            break;
        }
    }
    Ok(last)
}

/// Whether a text of a list names a message: a prepared one, or a sound that the PBX has. A list names no files.
///
/// # Errors
/// Why it does not, in words.
pub fn is_message(text: &str) -> Result<(), String> {
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

/// One a core, for numbers take most of the time; four are more than the store keeps up with.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(1, 4))
}

/// Rows of a batch: about 1 MB with all that is made of them, and some ten batches are under way at once. Places where an
/// import stops are ends of batches.
const BATCH: usize = 1_000;

#[cfg(test)]
mod tests;
