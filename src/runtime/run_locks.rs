//! The runs of this machine: a lock file each, which dies with its process and so separates the living from the dead.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::{clock, id::RunName, owner::give_to_owner_of};

/// The folder of lock files, shared by all processes of this machine that use one PBX.
///
/// Each PBX has a folder of its own, named after its identity: only a look at that PBX shows that nothing of a dead run is
/// left on it, and the same address may be another PBX's elsewhere. Earlier versions kept locks in the folder above, or in
/// folders named after addresses, which do not show which PBX a run used: these are looked after on every PBX, and
/// forgotten once they have been seen dead for two hours.
#[derive(Clone, Debug)]
pub struct Runs {
    folder: PathBuf,
    of_any_pbx: PathBuf,
}

impl Runs {
    /// The runs of the PBX with this identity below `state_dir`, a folder that is made if it is missing.
    ///
    /// # Errors
    /// [`RunsError::Folder`] if it cannot be made.
    pub fn open(state_dir: &Path, identity: &str) -> Result<Self, RunsError> {
        let of_any_pbx = state_dir.join("runs");
        let folder = of_any_pbx.join(folder_name(identity));
        fs::create_dir_all(&folder).map_err(|source| RunsError::Folder {
            folder: folder.clone(),
            source,
        })?;
        give_to_owner_of(state_dir, &of_any_pbx);
        give_to_owner_of(state_dir, &folder);
        Ok(Self { folder, of_any_pbx })
    }

    /// Begins a run: from here on other processes see that it lives.
    ///
    /// # Errors
    /// [`RunsError::Begin`] if its lock file cannot be made, or exists.
    pub fn begin(&self, run: &RunName) -> Result<LiveRun, RunsError> {
        let path = self.path(run);
        let begin = || -> io::Result<File> {
            // Locked before it gets its name: no sweep ever sees it free.
            let hidden = NamedTempFile::new_in(&self.folder)?;
            hidden.as_file().lock()?;
            give_to_owner_of(&self.folder, hidden.path());
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
    /// [`RunsError::Folder`] if the folder cannot be read. A single file that cannot is passed over.
    pub fn dead(&self) -> Result<Vec<DeadRun>, RunsError> {
        let of_this_pbx = files(&self.folder)?;
        let mut of_any_pbx = files(&self.of_any_pbx)?;
        for folder in of_any_pbx.clone().iter().filter(|path| is_of_address(path)) {
            of_any_pbx.extend(files(folder)?);
        }
        let own = of_this_pbx.iter().filter_map(|path| dead_run(path));
        let shared = of_any_pbx.iter().filter_map(|path| dead_run(path));
        let shared = shared.filter_map(DeadRun::of_any_pbx);
        let mut dead: Vec<DeadRun> = own.chain(shared).collect();
        dead.sort_by(|a, b| a.run.cmp(&b.run));
        Ok(dead)
    }

    /// The runs that have a lock file here, of whatever PBX, and are not known to be dead.
    ///
    /// # Errors
    /// [`RunsError::Folder`] if the folder cannot be read.
    pub fn alive(&self) -> Result<Vec<RunName>, RunsError> {
        let mut paths = files(&self.of_any_pbx)?;
        for folder in paths.clone().iter().filter(|path| path.is_dir()) {
            paths.extend(files(folder)?);
        }
        let held = paths.iter().filter(|path| dead_run(path).is_none());
        Ok(held.filter_map(|path| run_of(path)).collect())
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
    /// Its name, which is part of the ids of its channels.
    pub run: RunName,
    file: File,
    path: PathBuf,
    /// When it was first seen dead, if it is not known which PBX it used.
    seen: Option<SystemTime>,
}

impl DeadRun {
    /// The same of a run of which it is not known which PBX it used. When it is first seen, that is written down; `None`
    /// if it cannot be.
    fn of_any_pbx(mut self) -> Option<Self> {
        if self.file.metadata().ok()?.len() == 0 {
            fs::write(&self.path, "seen dead at the time of this file\n").ok()?;
        }
        self.seen = Some(self.file.metadata().ok()?.modified().ok()?);
        Some(self)
    }

    /// Forgets the run: nothing of it is left on the PBX that was looked at. One that may have used another PBX is kept for
    /// a while, for the sweep of that one.
    pub fn release(self) {
        let age = |seen| clock::wall().duration_since(seen).unwrap_or_default();
        if self.seen.is_some_and(|seen| age(seen) < FORGET_AFTER) {
            return;
        }
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
        /// The system's error.
        source: io::Error,
    },
    /// The lock of a run that begins.
    #[error("cannot make the lock file {}", path.display())]
    Begin {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The name of the folder of a PBX's runs: its identity, with a dash for what no file name should hold.
fn folder_name(identity: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let name: String = identity
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    // Nothing that names this folder or the one above it.
    format!("pbx-{name}")
}

/// Whether it is a folder of an earlier version, named after an address.
fn is_of_address(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("at-")) && path.is_dir()
}

/// The paths of what is in a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, RunsError> {
    let entries = fs::read_dir(folder).map_err(|source| RunsError::Folder {
        folder: folder.to_owned(),
        source,
    })?;
    Ok(entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect())
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
            tracing::warn!(%run, %error, "it is not known whether a run lives; it is left alone");
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
        seen: None,
    })
}

const EXTENSION: &str = "lock";

/// How long a dead run is remembered of which it is not known which PBX it used: longer than the limits that the PBX has
/// for its calls.
const FORGET_AFTER: Duration = Duration::from_secs(2 * 3_600);

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
        assert_eq!(files(&runs.folder).unwrap(), Vec::<PathBuf>::new());
        drop(folder);
    }

    #[test]
    fn a_run_that_was_dropped_is_dead_until_it_is_buried() {
        let (_folder, runs) = runs();
        drop(runs.begin(&name("one")).unwrap());
        assert_eq!(names(&runs), ["one"]);
        assert_eq!(names(&runs), ["one"], "looking does not bury");
        for dead in runs.dead().unwrap() {
            dead.release();
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
        let (_folder, runs) = runs();
        for file in ["notes.txt", "Bad-Name.lock", ".tmpAbCdEf", "x.lock.bak"] {
            fs::write(runs.folder.join(file), "").unwrap();
            fs::write(runs.of_any_pbx.join(file), "").unwrap();
        }
        assert_eq!(names(&runs), Vec::<String>::new());
    }

    #[test]
    fn each_pbx_has_dead_runs_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let of = |identity| Runs::open(folder.path(), identity).unwrap();
        let (one, two) = (of("02:42:ac:11:00:02:8088"), of("02:42:ac:11:00:03:8088"));
        drop(one.begin(&name("one")).unwrap());
        drop(two.begin(&name("two")).unwrap());
        let _live = two.begin(&name("live")).unwrap();
        assert_eq!(
            (names(&one), names(&two)),
            (vec!["one".into()], vec!["two".into()])
        );
        assert_eq!(one.alive().unwrap(), [name("live")]);
        for dead in one.dead().unwrap() {
            dead.release();
        }
        assert_eq!((names(&one).len(), names(&two).len()), (0, 1));
        assert_eq!(
            folder_name("02:42:ac:11:00:02:8088"),
            "pbx-02_42_ac_11_00_02_8088"
        );
        assert_eq!(folder_name(".."), "pbx-..");
    }

    #[test]
    fn a_run_of_an_earlier_version_is_everybody_s_until_its_calls_must_be_over() {
        for place in ["old.lock", "at-127.0.0.1_8088/old.lock"] {
            is_everybody_s(place);
        }
    }

    fn is_everybody_s(place: &str) {
        let folder = tempfile::tempdir().unwrap();
        let of = |identity| Runs::open(folder.path(), identity).unwrap();
        let (one, two) = (of("one:8088"), of("two:8088"));
        let path = one.of_any_pbx.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let held = File::create(&path).unwrap();
        held.lock().unwrap();
        assert_eq!((names(&one).len(), names(&two).len()), (0, 0));
        assert_eq!(one.alive().unwrap(), [name("old")]);
        drop(held);
        for runs in [&one, &two, &one] {
            assert_eq!(names(runs), ["old"]);
            for dead in runs.dead().unwrap() {
                dead.release();
            }
        }
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(clock::wall() - FORGET_AFTER).unwrap();
        drop(file);
        for dead in two.dead().unwrap() {
            dead.release();
        }
        assert!(!path.exists());
    }

    fn runs() -> (tempfile::TempDir, Runs) {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs::open(folder.path(), "one:8088").unwrap();
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
