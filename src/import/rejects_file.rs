//! The file of rejects.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::ImportError;
use crate::list::{Batch, List, Reason, Rejects};

/// The file of rejects, made with the first of them; and those whose rows are not in the store yet.
pub(super) struct RejectsFile {
    path: PathBuf,
    delimiter: u8,
    columns: Vec<String>,
    file: Option<File>,
    held: Option<Rejects<Vec<u8>>>,
    /// How much is held, in bytes, about.
    held_bytes: usize,
}

impl RejectsFile {
    pub(super) fn new(path: &Path, list: &List<File>) -> Self {
        Self {
            path: path.to_owned(),
            delimiter: list.delimiter(),
            columns: list.columns().names().to_vec(),
            file: None,
            held: None,
            held_bytes: 0,
        }
    }

    /// Goes on with a file of an earlier run, without what it has of this line and those behind it.
    pub(super) fn go_on(&mut self, line: u64) -> Result<(), ImportError> {
        let opened = OpenOptions::new().read(true).append(true).open(&self.path);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.error(error)),
        };
        let keeps = Rejects::<File>::length_before(&mut file, self.delimiter, line);
        if keeps > 0 {
            file.set_len(keeps).map_err(|error| self.error(error))?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// Keeps rejects of a batch, in the order of their lines.
    pub(super) fn hold(
        &mut self,
        batch: &Batch,
        mut rejects: Vec<(usize, Reason)>,
    ) -> Result<(), ImportError> {
        rejects.sort_by_key(|(at, _)| *at);
        for (at, reason) in rejects {
            let Some(row) = batch.row(at) else { continue };
            let held = match &mut self.held {
                Some(held) => held,
                None => self.held.insert(Rejects::go_on(Vec::new(), self.delimiter)),
            };
            self.held_bytes += row.fields().map(str::len).sum::<usize>() + OWN;
            let added = held.add(row, &reason);
            added.map_err(|error| self.error(error))?;
        }
        Ok(())
    }

    /// Whether so many are kept that they ought to be written.
    pub(super) const fn is_full(&self) -> bool {
        self.held_bytes >= MOST_HELD
    }

    /// Writes what is kept, to the disk: the next transaction must not be committed before these are.
    pub(super) fn write(&mut self) -> Result<(), ImportError> {
        self.held_bytes = 0;
        match self.held.take() {
            Some(held) => self.try_write(held).map_err(|error| self.error(error)),
            None => Ok(()),
        }
    }

    fn try_write(&mut self, held: Rejects<Vec<u8>>) -> io::Result<()> {
        let held = held.finish()?;
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut options = OpenOptions::new();
                // There are whole numbers in it.
                let options = options.write(true).create(true).truncate(true).mode(0o600);
                let file = options.open(&self.path)?;
                let file = Rejects::begin(file, self.delimiter, &self.columns)?.finish()?;
                self.file.insert(file)
            }
        };
        file.write_all(&held)?;
        file.sync_data()
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        self.file.is_some().then(|| self.path.clone())
    }

    fn error(&self, source: io::Error) -> ImportError {
        ImportError::Rejects {
            path: self.path.clone(),
            source,
        }
    }
}

/// Whether a file can take rejects: its folder is there, and it is none yet, empty, or one of rejects.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let mut begins = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(64).read_to_end(&mut begins)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            return folder.map_or(Ok(()), |folder| folder.metadata().map(drop));
        }
        Err(error) => return Err(error),
    };
    if begins.is_empty() || Rejects::<File>::is_begun_by(&begins) {
        Ok(())
    } else {
        let words = "there is a file of this name, which holds something else";
        Err(io::Error::new(io::ErrorKind::AlreadyExists, words))
    }
}

/// Most bytes of rejects that are kept, about.
const MOST_HELD: usize = 1024 * 1024;

/// About how long what is written before a row's own fields is, in bytes.
const OWN: usize = 100;
