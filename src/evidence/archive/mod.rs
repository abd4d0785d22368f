//! The folder of evidence: one folder for each drop, whole or not there, for its owner only.
//!
//! ```text
//! DIR/.lock                                 held while folders come and go: any number of processes may use DIR
//! DIR/.partial-<name>/                      a drop in flight; locked by its process, and swept once that is dead
//! DIR/<UTC yyyymmddThhmmssZ>-<drop id>/     a drop that has ended
//!     incoming.wav                          what the ears heard, from answer on, sample for sample
//!     played.wav                            on the same clock, what was played
//!     message.wav                           the message, if any of it was played
//!     drop.json                             how it ended, and what it takes to hear it again
//!     picture.svg                           all of it, for a ticket
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Serialize;
use thiserror::Error;
use tracing::{debug, warn};

use super::{
    files::{INCOMING, LOCK, MANIFEST, MESSAGE, PARTIAL, PICTURE, PLAYED, create, write_wav},
    manifest::{Audio, CueRecord, DropFile, FORMAT, Manifest, plays},
    message_parts::MessageParts,
    picture::{Layout, PictureFormat, Recording, save},
    reader::{EvidenceReader, is_ours},
    recorder::{Recorded, Recorder},
    retention::{FolderEntry, RetentionLimits, to_remove},
};
use crate::{
    id::DropId,
    metrics,
    owner::{give_to_owner_of, give_to_owner_of_folder},
    screen::NoBeep,
};

/// The folder of all evidence.
#[derive(Clone, Debug)]
pub struct Archive {
    dir: PathBuf,
    limits: RetentionLimits,
}

impl Archive {
    /// Opens the folder, or makes it; removes what dead processes left half done, and what need not be kept any longer.
    ///
    /// # Errors
    /// [`ArchiveError`] if nothing can be kept there.
    pub fn open(
        dir: &Path,
        limits: RetentionLimits,
        now: SystemTime,
    ) -> Result<Self, ArchiveError> {
        let failed = |source| ArchiveError {
            dir: dir.to_owned(),
            source,
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(failed)?;
        give_to_owner_of_folder(dir);
        let this = Self {
            dir: fs::canonicalize(dir).map_err(failed)?,
            limits,
        };
        let _alone = this.lock().map_err(failed)?;
        this.sweep().map_err(failed)?;
        this.prune(None, now).map_err(failed)?;
        Ok(this)
    }

    /// Begins the folder of a drop that is about to start.
    ///
    /// # Errors
    /// [`ArchiveError`] if it cannot be made.
    pub fn begin(&self, drop: DropId, now: SystemTime) -> Result<Folder, ArchiveError> {
        let name = format!("{}-{drop}", stamp(now));
        let partial = self.dir.join(format!("{PARTIAL}{name}"));
        let begin = || {
            // No other process sees it before it is locked.
            let _alone = self.lock()?;
            DirBuilder::new().mode(0o700).create(&partial)?;
            give_to_owner_of(&self.dir, &partial);
            let held = File::open(&partial)?;
            held.lock()?;
            Ok(held)
        };
        let held = begin().map_err(|source| ArchiveError {
            dir: self.dir.clone(),
            source,
        })?;
        let (done, recorded) = channel();
        Ok(Folder {
            archive: self.clone(),
            recorder: Some(Recorder::new(partial.join(INCOMING), done)),
            recorded,
            began: now,
            name,
            partial,
            parts: None,
            _held: held,
        })
    }

    /// Keeps other processes from making, keeping and removing folders for as long as it lives.
    fn lock(&self) -> io::Result<File> {
        let path = self.dir.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        give_to_owner_of(&self.dir, &path);
        lock.lock()?;
        Ok(lock)
    }

    /// Removes the folders of drops whose process is dead.
    fn sweep(&self) -> io::Result<()> {
        for name in self.folders()? {
            let Some(of) = name.strip_prefix(PARTIAL) else {
                continue;
            };
            if began(of).is_none() {
                continue;
            }
            let path = self.dir.join(&name);
            match File::open(&path).map(|held| held.try_lock()) {
                Ok(Ok(())) => fs::remove_dir_all(&path)?,
                Ok(Err(TryLockError::WouldBlock)) => {}
                Ok(Err(TryLockError::Error(error))) | Err(error) => {
                    warn!(folder = %path.display(), %error, "cannot find out whether evidence is half done; it is left as it is");
                }
            }
        }
        Ok(())
    }

    /// Removes what need not be kept any longer.
    fn prune(&self, spared: Option<&str>, now: SystemTime) -> io::Result<()> {
        let entries = self.folders()?.into_iter().filter_map(|name| {
            let began = began(&name)?;
            let bytes = size(&self.dir.join(&name))?;
            Some(FolderEntry { began, name, bytes })
        });
        let entries: Vec<_> = entries.collect();
        let mut sizes: BTreeMap<_, _> = entries
            .iter()
            .map(|entry| (entry.name.clone(), entry.bytes))
            .collect();
        for name in to_remove(entries, self.limits, spared, now) {
            let path = self.dir.join(&name);
            if !is_ours(&path) {
                continue;
            }
            debug!(name, "old evidence is removed");
            remove_files(&path)?;
            sizes.remove(&name);
        }
        metrics::evidence_bytes(sizes.values().sum());
        Ok(())
    }

    /// Removes the folders of these drops that are in `dir`, and those at `others`, if they are ours. Returns how many are
    /// gone. What was put beside our files stays, and its folder with it.
    ///
    /// # Errors
    /// [`ArchiveError`] if one cannot be removed.
    pub fn remove(
        dir: Option<&Path>,
        drops: &BTreeSet<DropId>,
        others: &[PathBuf],
    ) -> Result<usize, ArchiveError> {
        let mut found: BTreeSet<PathBuf> = others.iter().cloned().collect();
        let failed = |source| ArchiveError {
            dir: dir.unwrap_or(Path::new(".")).to_owned(),
            source,
        };
        let mut _alone = None;
        if let Some(dir) = dir.filter(|dir| dir.is_dir()) {
            let this = Self {
                dir: dir.to_owned(),
                limits: RetentionLimits {
                    max_age: None,
                    max_size: u64::MAX,
                },
            };
            _alone = Some(this.lock().map_err(failed)?);
            let names = this.folders().map_err(failed)?;
            let is_of = |name: &String| {
                let id = name.split_once('-').and_then(|(_, id)| id.parse().ok());
                began(name).is_some() && id.is_some_and(|id| drops.contains(&id))
            };
            found.extend(
                names
                    .iter()
                    .filter(|name| is_of(name))
                    .map(|name| dir.join(name)),
            );
        }
        let mut gone = 0;
        for path in found.iter().filter(|path| is_ours(path)) {
            remove_files(path).map_err(failed)?;
            gone += 1;
        }
        Ok(gone)
    }

    /// The names of all folders, also of those that are not ours.
    fn folders(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }
}

/// The folder of a drop in flight. It is removed unless it is kept.
#[derive(Debug)]
pub struct Folder {
    archive: Archive,
    name: String,
    partial: PathBuf,
    began: SystemTime,
    recorder: Option<Recorder>,
    recorded: Receiver<Recorded>,
    parts: Option<MessageParts>,
    /// Shows other processes that this one is alive.
    _held: File,
}

impl Folder {
    /// The recorder for the listener of the call; there is one.
    pub const fn recorder(&mut self) -> Option<Recorder> {
        self.recorder.take()
    }

    /// Takes note of what the message is made of.
    pub fn note_parts(&mut self, parts: MessageParts) {
        self.parts = Some(parts);
    }

    /// Keeps what there is of the drop, which has ended: `ended` is the object that `drop --json` prints, `message` what
    /// was played, unless that is a sound of the PBX. Then removes what need not be kept any longer. Returns the folder.
    ///
    /// # Errors
    /// [`KeepError`]; nothing of the drop is left in the folder then.
    pub fn keep(
        mut self,
        ended: &impl Serialize,
        title: &str,
        message: Option<&[i16]>,
        now: SystemTime,
    ) -> Result<PathBuf, KeepError> {
        // A recorder that was not taken records nothing; otherwise the wait ends when the listener ends it.
        self.recorder = None;
        let recorded = self.recorded.recv_timeout(LAST_SOUND).ok();
        let path = self.archive.dir.join(&self.name);
        let keep = || {
            self.fill(recorded, ended, title, message)?;
            let _alone = self.archive.lock()?;
            fs::rename(&self.partial, &path)?;
            File::open(&self.archive.dir)?.sync_all()
        };
        keep().map_err(|source| KeepError {
            dir: self.archive.dir.clone(),
            source,
        })?;
        let pruned = self.archive.lock();
        let pruned = pruned.and_then(|_alone| self.archive.prune(Some(&self.name), now));
        if let Err(error) = pruned {
            warn!(dir = %self.archive.dir.display(), %error, "old evidence cannot be removed");
        }
        Ok(path)
    }

    fn fill(
        &self,
        recorded: Option<Recorded>,
        ended: &impl Serialize,
        title: &str,
        message: Option<&[i16]>,
    ) -> io::Result<()> {
        let mut manifest = self.manifest(recorded)?;
        let samples = manifest.audio.map_or(0, |audio| audio.samples);
        let length = message.map(|message| message.len() as u64);
        let plays = plays(manifest.cues(), length, samples);
        if samples > 0 {
            let mut played = vec![0; samples as usize];
            match message {
                Some(message) => {
                    for (from, until) in &plays {
                        let span = &mut played[from.0 as usize..until.0 as usize];
                        span.copy_from_slice(&message[..span.len()]);
                    }
                    if !plays.is_empty() {
                        write_wav(&self.partial.join(MESSAGE), message)?;
                    }
                }
                None if !plays.is_empty() => manifest.notes.push(
                    "the message is a sound of the PBX that is not here; played.wav is silent"
                        .to_owned(),
                ),
                None => {}
            }
            write_wav(&self.partial.join(PLAYED), &played)?;
        }
        let page = DropFile {
            ended,
            manifest: &manifest,
        };
        let path = self.partial.join(MANIFEST);
        let mut file = BufWriter::new(create(&path)?);
        serde_json::to_writer_pretty(&mut file, &page)?;
        file.write_all(b"\n")?;
        file.into_inner()?.sync_all()?;
        if samples > 0 {
            self.draw(title)?;
            File::open(self.partial.join(INCOMING))?.sync_all()?;
        }
        Ok(())
    }

    /// What is known of the call, once its sound is on the disk.
    fn manifest(&self, recorded: Option<Recorded>) -> io::Result<Manifest> {
        let mut manifest = Manifest {
            evidence_format: FORMAT,
            aftertone: env!("CARGO_PKG_VERSION").to_owned(),
            began: timestamp(self.began).to_string(),
            audio: None,
            notes: Vec::new(),
            settings: Default::default(),
            no_beep: NoBeep::default().as_str().to_owned(),
            cues: Vec::new(),
            phrases: Vec::new(),
            heard: Vec::new(),
            message_parts: self.parts.clone(),
        };
        let Some(recorded) = recorded else {
            let why = "the ears did not listen to this call, so there is no sound of it";
            manifest.notes.push(why.to_owned());
            return Ok(manifest);
        };
        if let Some(writer) = recorded.writer {
            let panicked = |_| Err(io::Error::other("the writer of the sound panicked"));
            writer.join().unwrap_or_else(panicked)?;
        }
        if recorded.written > 0 {
            manifest.audio = Some(Audio {
                samples: recorded.written,
                complete: !recorded.fell_behind,
            });
        }
        manifest
            .notes
            .extend(recorded.lost.map(|why| match recorded.written {
                0 => format!("there is no sound of this call: {why}"),
                _ => format!("the live audio ended before the drop: {why}"),
            }));
        if recorded.fell_behind {
            let slow = "the disk did not keep up, so the sound ends before the call";
            manifest.notes.push(slow.to_owned());
        }
        manifest.no_beep = recorded.settings.no_beep.as_str().to_owned();
        let settings = recorded.settings.values();
        manifest.settings = settings
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let cues = recorded.cues.into_iter();
        manifest.cues = cues.map(|(at, cue)| CueRecord::new(at, cue)).collect();
        manifest.phrases = recorded.phrases;
        manifest.heard = recorded.heard;
        Ok(manifest)
    }

    fn draw(&self, title: &str) -> io::Result<()> {
        let kept = EvidenceReader::read(&self.partial).map_err(io::Error::other)?;
        let Some(sound) = kept.sound() else {
            return Ok(());
        };
        let replay = sound.again();
        let layout = Layout::of(&Recording {
            title,
            samples: sound.samples(),
            replay: &replay,
            message: sound.message_seconds(),
            plays: Some(&sound.plays()),
            // Evidence holds what was when the call ended.
            later: &[],
        });
        let path = self.partial.join(PICTURE);
        save(&layout, PictureFormat::Svg, &path).map_err(io::Error::other)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it was kept, it has another name. What cannot be removed now, the next start removes.
        let _ = fs::remove_dir_all(&self.partial);
    }
}

/// Evidence cannot be kept in a folder.
#[derive(Debug, Error)]
#[error("cannot keep evidence in {}", dir.display())]
pub struct ArchiveError {
    /// The folder of all evidence.
    pub dir: PathBuf,
    source: io::Error,
}

/// The evidence of a drop could not be kept.
#[derive(Debug, Error)]
#[error("the evidence of the drop could not be kept in {}", dir.display())]
pub struct KeepError {
    /// The folder of all evidence.
    pub dir: PathBuf,
    source: io::Error,
}

/// Removes our files of a folder, and the folder, unless other files were put beside them.
fn remove_files(path: &Path) -> io::Result<()> {
    // The manifest goes last: it shows that the other files are ours.
    for file in [PICTURE, MESSAGE, PLAYED, INCOMING, MANIFEST] {
        match fs::remove_file(path.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    let _ = fs::remove_dir(path);
    Ok(())
}

/// How many bytes a folder's files have; `None` for a folder without a manifest.
fn size(path: &Path) -> Option<u64> {
    let size = |file: &str| {
        let metadata = fs::symlink_metadata(path.join(file)).ok()?;
        metadata.is_file().then_some(metadata.len())
    };
    let manifest = size(MANIFEST)?;
    let others = [PICTURE, MESSAGE, PLAYED, INCOMING].into_iter();
    Some(manifest + others.filter_map(size).sum::<u64>())
}

fn timestamp(time: SystemTime) -> Timestamp {
    // No clock is outside the years 1 to 9999.
    Timestamp::try_from(time).unwrap_or_default()
}

fn stamp(time: SystemTime) -> String {
    timestamp(time).strftime(STAMP).to_string()
}

/// When the drop of a folder of this name began; `None` if the name is not of this form.
fn began(name: &str) -> Option<SystemTime> {
    let (stamp, drop) = name.split_once('-')?;
    drop.parse::<DropId>().ok()?;
    let time = DateTime::strptime(STAMP, stamp).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    // As it is written, and not as leniently as it is read.
    (time.timestamp().strftime(STAMP).to_string() == stamp).then(|| time.timestamp().into())
}

/// UTC, to the second.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// How long the listener may take to end the recording once the drop has ended.
const LAST_SOUND: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
