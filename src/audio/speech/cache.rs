//! What was spoken before, in two hidden folders of the folder of messages.
//!
//! ```text
//!  .speech/fixed/<digest>.wav16     texts that are the same for all
//!  .speech/filled/<digest>.wav16    texts with something of a person in them
//!  .speech/filled/.work-…/          where a command works, or has worked that died
//! ```

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tracing::warn;

use super::settings::SpeechSettings;
use crate::{
    audio::{
        folder::read_samples,
        library::{Library, WIDE},
        normalise::WORK_RATE,
        write::{length, stage_fleeting, wav},
    },
    owner::give_to_owner_of,
};

/// One of the two folders.
#[derive(Clone, Debug)]
pub(super) struct SpeechCache {
    sounds: PathBuf,
    dir: PathBuf,
}

impl SpeechCache {
    pub(super) fn of(library: &Library, is_personal: bool) -> Self {
        Self {
            sounds: library.dir().to_owned(),
            dir: folder(library, if is_personal { FILLED } else { FIXED }),
        }
    }

    /// Where what a command says of a text is kept.
    pub(super) fn place(&self, settings: &SpeechSettings, voice: &str, text: &str) -> PathBuf {
        let mut hash = Sha256::new();
        let command = settings.command.iter().map(String::as_str);
        for part in command.chain([voice, text]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        self.dir.join(format!("{digest}{WIDE}"))
    }

    /// What is kept, which is marked as used; `None` if there is nothing that can be used.
    pub(super) fn used(&self, kept: &Path, now: SystemTime) -> Option<Vec<f32>> {
        length(kept, WORK_RATE).ok()?.ok()?;
        let samples = read_samples(kept).ok()?;
        // Once a day is enough for what is kept for days.
        let file = File::open(kept).ok()?;
        let changed = file.metadata().and_then(|about| about.modified()).ok()?;
        if now
            .duration_since(changed)
            .is_ok_and(|age| age > MARK_AGAIN)
        {
            // Only its owner may; another account's is made again one day.
            let _ = file.set_modified(now);
        }
        Some(samples)
    }

    /// Keeps what was said, and returns it as it is kept. If that is not possible it is said again next time.
    pub(super) fn keep(&self, kept: &Path, samples: &[f32]) -> Vec<f32> {
        let samples: Vec<i16> = samples
            .iter()
            .map(|s| (s * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16)
            .collect();
        let written = self.make().and_then(|()| {
            let staged = stage_fleeting(kept, &wav(&samples, WORK_RATE))?;
            staged.persist(kept).map_err(|e| e.error)?;
            Ok(())
        });
        match written {
            Ok(()) => give_to_owner_of(&self.sounds, kept),
            Err(error) => warn!(
                folder = %self.dir.display(),
                %error,
                "speech cannot be kept: it is made anew each time"
            ),
        }
        samples.iter().map(|s| f32::from(*s) / 32_768.0).collect()
    }

    /// A folder in which a command works, which goes with the value.
    pub(super) fn work(&self) -> io::Result<TempDir> {
        let made = self.make();
        made.and_then(|()| named().tempdir_in(&self.dir))
            .or_else(|_| work_folder())
    }

    /// Nobody but us has to enter: the PBX plays none of it.
    fn make(&self) -> io::Result<()> {
        for dir in [self.dir.parent(), Some(&*self.dir)].into_iter().flatten() {
            if !dir.is_dir() {
                fs::create_dir_all(&self.sounds)?;
                match DirBuilder::new().mode(0o700).create(dir) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(error);
                    }
                    _ => give_to_owner_of(&self.sounds, dir),
                }
            }
        }
        Ok(())
    }
}

/// A folder elsewhere in which a command works, which goes with the value.
pub(super) fn work_folder() -> io::Result<TempDir> {
    named().tempdir()
}

fn named() -> tempfile::Builder<'static, 'static> {
    let mut name = tempfile::Builder::new();
    name.prefix(WORK);
    name
}

/// What was not used for `keep`, the longest unused of what is more than [`MOST_KEPT`], and where commands have worked that
/// died.
pub(super) fn unused(
    library: &Library,
    keep: Duration,
    now: SystemTime,
) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut kept = Vec::new();
    for kind in [FIXED, FILLED] {
        for file in files(&folder(library, kind), now)? {
            if file.is_dead_work || file.age.is_some_and(|age| age > keep) {
                found.push(file.path);
            } else if let Some(age) = file.age {
                kept.push((age, file.bytes, file.path));
            }
        }
    }
    kept.sort_unstable();
    let mut bytes = 0;
    found.extend(kept.into_iter().filter_map(|(_, size, path)| {
        bytes += size;
        (bytes > MOST_KEPT).then_some(path)
    }));
    Ok(found)
}

/// Removes what [`unused`] finds.
pub(super) fn prune(library: &Library, keep: Duration, now: SystemTime) -> io::Result<usize> {
    remove(&unused(library, keep, now)?)
}

/// Removes all that has something of a person in it.
pub(super) fn forget(library: &Library, now: SystemTime) -> io::Result<usize> {
    let files = files(&folder(library, FILLED), now)?.into_iter();
    let found = files.filter(|file| file.is_dead_work || file.age.is_some());
    remove(&found.map(|file| file.path).collect::<Vec<_>>())
}

/// Something in one of the folders.
struct CacheEntry {
    path: PathBuf,
    bytes: u64,
    /// How long it was not used; `None`: commands work there.
    age: Option<Duration>,
    /// Whether a command has worked there that died.
    is_dead_work: bool,
}

fn files(dir: &Path, now: SystemTime) -> io::Result<Vec<CacheEntry>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let about = match entry.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            about => about?,
        };
        let age = now.duration_since(about.modified()?).unwrap_or_default();
        found.push(CacheEntry {
            path: entry.path(),
            bytes: about.len(),
            // A command that runs has its folder, and whoever asked for it looks at what it writes there.
            age: about.is_file().then_some(age),
            is_dead_work: about.is_dir() && age > LONGEST_WORK,
        });
    }
    Ok(found)
}

fn remove(found: &[PathBuf]) -> io::Result<usize> {
    let mut removed = 0;
    for path in found {
        let done = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => {
                done?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn folder(library: &Library, kind: &str) -> PathBuf {
    library.dir().join(SPEECH).join(kind)
}

const SPEECH: &str = ".speech";

const FIXED: &str = "fixed";

const FILLED: &str = "filled";

/// What the folders begin with that commands work in.
const WORK: &str = ".work-";

/// From which age on a file is marked as used again.
const MARK_AGAIN: Duration = Duration::from_secs(86_400 / 2);

/// Most bytes of all files together: nine hours of speech. What is said to each person is another text, and hardly ever said
/// again.
const MOST_KEPT: u64 = 1_000_000_000;

/// Longer than any command runs.
const LONGEST_WORK: Duration = Duration::from_secs(3_600);
