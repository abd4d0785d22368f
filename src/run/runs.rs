//! The runs of this machine: a lock file each, which dies with its process and so tells the living from the dead.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::id::RunName;

/// The folder of lock files, shared by all processes of this machine that use one PBX.
#[derive(Clone, Debug)]
pub struct Runs {
    folder: PathBuf,
}

impl Runs {
    /// The runs below `state_dir`, a folder that is made where it is missing.
    ///
    /// # Errors
    /// [`RunsError::Folder`] where it cannot be made.
    pub fn open(state_dir: &Path) -> Result<Self, RunsError> {
        let folder = state_dir.join("runs");
        fs::create_dir_all(&folder).map_err(|source| RunsError::Folder {
            folder: folder.clone(),
            source,
        })?;
        Ok(Self { folder })
    }

    /// Begins a run: from here on other processes see that it lives.
    ///
    /// # Errors
    /// [`RunsError::Begin`] where its lock file cannot be made, or exists.
    pub fn begin(&self, run: &RunName) -> Result<LiveRun, RunsError> {
        let path = self.path(run);
        let begin = || -> io::Result<File> {
            // Locked before it gets its name: no sweep ever sees it free.
            let hidden = NamedTempFile::new_in(&self.folder)?;
            hidden.as_file().lock()?;
            Ok(hidden.persist_noclobber(&path)?)
        };
        let file = begin().map_err(|source| RunsError::Begin {
            path: path.clone(),
            source,
        })?;
        Ok(LiveRun { file, path })
    }

    /// The runs whose process is gone although they did not end cleanly. Each is held until it is dropped or buried,
    /// so that two sweeps do not take one for the other's.
    ///
    /// # Errors
    /// [`RunsError::Folder`] where the folder cannot be read. A single file that cannot is passed over.
    pub fn dead(&self) -> Result<Vec<DeadRun>, RunsError> {
        let entries = fs::read_dir(&self.folder).map_err(|source| RunsError::Folder {
            folder: self.folder.clone(),
            source,
        })?;
        let mut dead: Vec<DeadRun> = entries
            .filter_map(|entry| dead_run(&entry.ok()?.path()))
            .collect();
        dead.sort_by(|a, b| a.run.cmp(&b.run));
        Ok(dead)
    }

    /// The runs that have a lock file here and are not known to be dead.
    ///
    /// # Errors
    /// [`RunsError::Folder`] where the folder cannot be read.
    pub fn alive(&self) -> Result<Vec<RunName>, RunsError> {
        let entries = fs::read_dir(&self.folder).map_err(|source| RunsError::Folder {
            folder: self.folder.clone(),
            source,
        })?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let held = paths.filter(|path| dead_run(path).is_none());
        Ok(held.filter_map(|path| run_of(&path)).collect())
    }

    fn path(&self, run: &RunName) -> PathBuf {
        self.folder.join(format!("{run}.{EXTENSION}"))
    }
}

/// A run of this process. Dropped without [`Self::end`], its file stays, free, and the next sweep looks after it.
#[derive(Debug)]
pub struct LiveRun {
    file: File,
    path: PathBuf,
}

impl LiveRun {
    /// Ends the run cleanly: nothing of it is left on the PBX.
    pub fn end(self) {
        // A file that stays behind only costs the next sweep a look.
        let _ = fs::remove_file(&self.path);
        drop(self.file);
    }
}

/// A run that ended without saying so.
#[derive(Debug)]
pub struct DeadRun {
    /// Its name, as it stands in the ids of its channels.
    pub run: RunName,
    file: File,
    path: PathBuf,
}

impl DeadRun {
    /// Forgets the run: nothing of it is left.
    pub fn bury(self) {
        let _ = fs::remove_file(&self.path);
        drop(self.file);
    }
}

/// The lock files cannot be used.
#[derive(Debug, Error)]
pub enum RunsError {
    /// The folder.
    #[error("cannot use the folder {} for the locks of runs", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lock of a run that begins.
    #[error("cannot make the lock file {}", path.display())]
    Begin {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Whose lock file it would be by its name.
fn run_of(path: &Path) -> Option<RunName> {
    if path.extension()? != EXTENSION {
        return None;
    }
    RunName::new(path.file_stem()?.to_str()?).ok()
}

fn dead_run(path: &Path) -> Option<DeadRun> {
    let run = run_of(path)?;
    let file = File::open(path).ok()?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return None,
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%run, %error, "cannot tell whether a run lives; it is left alone");
            return None;
        }
    }
    // Another sweep may have removed it, and a run of the same name begun, between the two calls above.
    let (mine, there) = (file.metadata().ok()?, fs::metadata(path).ok()?);
    let same = (mine.dev(), mine.ino()) == (there.dev(), there.ino());
    same.then(|| DeadRun {
        run,
        file,
        path: path.to_owned(),
    })
}

const EXTENSION: &str = "lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_run_is_never_dead() {
        let (_folder, runs) = runs();
        let _live = runs.begin(&name("one")).unwrap();
        drop(runs.begin(&name("two")).unwrap());
        assert_eq!(names(&runs), ["two"]);
        assert_eq!(runs.alive().unwrap(), [name("one")]);
    }

    #[test]
    fn a_run_that_ended_cleanly_leaves_nothing() {
        let (folder, runs) = runs();
        runs.begin(&name("one")).unwrap().end();
        assert_eq!(fs::read_dir(folder.path().join("runs")).unwrap().count(), 0);
    }

    #[test]
    fn a_run_that_was_dropped_is_dead_until_it_is_buried() {
        let (_folder, runs) = runs();
        drop(runs.begin(&name("one")).unwrap());
        assert_eq!(names(&runs), ["one"]);
        assert_eq!(names(&runs), ["one"], "looking does not bury");
        for dead in runs.dead().unwrap() {
            dead.bury();
        }
        assert_eq!(names(&runs), Vec::<String>::new());
    }

    #[test]
    fn two_sweeps_do_not_hold_the_same_run() {
        let (_folder, runs) = runs();
        drop(runs.begin(&name("one")).unwrap());
        let first = runs.dead().unwrap();
        assert_eq!(first.len(), 1);
        assert_eq!(names(&runs), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_is_taken_cannot_begin() {
        let (_folder, runs) = runs();
        let _live = runs.begin(&name("one")).unwrap();
        assert!(runs.begin(&name("one")).is_err());
    }

    #[test]
    fn what_is_no_lock_of_ours_is_passed_over() {
        let (folder, runs) = runs();
        for file in ["notes.txt", "Bad-Name.lock", ".tmpAbCdEf", "x.lock.bak"] {
            fs::write(folder.path().join("runs").join(file), "").unwrap();
        }
        assert_eq!(names(&runs), Vec::<String>::new());
    }

    fn runs() -> (tempfile::TempDir, Runs) {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs::open(folder.path()).unwrap();
        (folder, runs)
    }

    fn name(text: &str) -> RunName {
        RunName::new(text).unwrap()
    }

    fn names(runs: &Runs) -> Vec<String> {
        let dead = runs.dead().unwrap();
        dead.iter().map(|dead| dead.run.to_string()).collect()
    }
}
