//! The folder of prepared messages, from which the PBX plays them.
//!
//! ```text
//!  spring.wav  spring.wav16  spring.json        a message, for both kinds of trunk, and what was done to it
//!  names/ann.wav ...                            a clip: a part of messages, in a folder
//!  once-<run>-<drop>.wav ...                    a message of one drop only, or a message as the drops of a run play it
//!  .speech/fixed/ .speech/filled/               what a command has spoken before
//!  .spring.wav.a1b2c3.part                      half a file of a preparation under way, or of one that died
//! ```
//!
//! A message is there if its `.wav` is there; its length is that file's. The rest is staged whole and renamed in an
//! order in which the two recordings under one name are never of different messages, wherever a crash falls.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    io::{self, Read},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Targets,
    decode::decode,
    error::Error,
    folder::{Stamp, files_in, read_samples, remove_file, stamp, written},
    name::{Name, ONCE, plain},
    normalise::{Joined, NARROW_RATE, Resampler, WORK_RATE, normalise},
    report::PreparationReport,
    write::{STAGED, length, stage, stage_fleeting, sync_dir, wav},
};
use crate::owner::give_to_owner_of_folder;

/// The folder of prepared messages.
#[derive(Clone, Debug)]
pub struct Library {
    dir: PathBuf,
    pbx_dir: String,
}

impl Library {
    /// A library in `dir`, which the PBX sees as `pbx_dir`.
    ///
    /// # Errors
    /// [`Error::PbxDir`] if `pbx_dir` is not absolute or holds what the PBX would read as a list.
    pub fn new(dir: &Path, pbx_dir: &Path) -> Result<Self, Error> {
        let text = pbx_dir.to_str().map(|t| t.trim_end_matches('/'));
        let fits = |t: &&str| {
            t.starts_with('/') && !t.contains([',', '&', '|']) && !t.contains(char::is_control)
        };
        match text.filter(fits) {
            Some(text) => Ok(Self {
                dir: dir.to_owned(),
                pbx_dir: text.to_owned(),
            }),
            None => Err(Error::PbxDir {
                dir: pbx_dir.to_owned(),
            }),
        }
    }

    /// The folder as this program sees it.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Prepares the recording at `source` and keeps it under `name`.
    ///
    /// # Errors
    /// [`Error::Refused`] if the recording is not fit, [`Error::Taken`] if the name is in use and `replace` is not
    /// set, [`Error::Write`] if the folder cannot be written. What was there before is untouched then.
    pub fn add(
        &self,
        name: &Name,
        source: &Path,
        targets: &Targets,
        replace: bool,
        now: SystemTime,
    ) -> Result<Prepared, Error> {
        // Asked first, because preparing takes a while; asked again, without a gap, when the file is put there.
        if !replace && self.holds(name) {
            return Err(Error::Taken { name: name.clone() });
        }
        let is_clip = name.folder().is_some();
        self.prepare((name.as_str(), is_clip), source, targets, replace, now)?
            .ok_or_else(|| Error::Taken { name: name.clone() })
    }

    /// Prepares the recording at `source` for one drop; its files go when the value does.
    ///
    /// `run` and `drop` are the names of the run and of the drop: `[a-z0-9]+`, so that [`Self::leftovers`] can find whose
    /// it was if this process dies.
    ///
    /// # Errors
    /// As [`Self::add`]; [`Error::Owner`] if `run` or `drop` is not such a name.
    pub fn prepare_once(
        &self,
        run: &str,
        drop: &str,
        source: &Path,
        targets: &Targets,
        now: SystemTime,
    ) -> Result<Once, Error> {
        self.prepare_for((run, drop), false, source, targets, now)
    }

    /// Prepares the recording at `source` to be heard as it will be once it is kept under `name`. `of` is as for
    /// [`Self::prepare_once`].
    ///
    /// # Errors
    /// As [`Self::prepare_once`].
    pub fn prepare_take(
        &self,
        of: (&str, &str),
        name: &Name,
        source: &Path,
        targets: &Targets,
        now: SystemTime,
    ) -> Result<Once, Error> {
        self.prepare_for(of, name.folder().is_some(), source, targets, now)
    }

    fn prepare_for(
        &self,
        (run, drop): (&str, &str),
        is_clip: bool,
        source: &Path,
        targets: &Targets,
        now: SystemTime,
    ) -> Result<Once, Error> {
        if !is_owner(run) || !is_owner(drop) {
            return Err(Error::Owner);
        }
        let stem = format!("{ONCE}{run}-{drop}");
        let prepared = self.prepare((&stem, is_clip), source, targets, true, now)?;
        let once = prepared.map(|prepared| Once {
            library: self.clone(),
            stem,
            prepared,
        });
        once.ok_or(Error::Owner)
    }

    /// Keeps a message as it is for drops that play it, under a name of their own, whatever is put in its place meanwhile. Those
    /// files go when the value does. `run` and `kept` are as for [`Self::prepare_once`].
    ///
    /// # Errors
    /// [`Error::Owner`], [`Error::Write`] if the folder cannot be written, or as [`Self::show`].
    pub fn keep_once(&self, run: &str, kept: &str, name: &Name) -> Result<Once, Error> {
        if !is_owner(run) || !is_owner(kept) {
            return Err(Error::Owner);
        }
        let stem = format!("{ONCE}{run}-{kept}");
        for _ in 0..TRIES {
            let before = self.stamp(name)?;
            let shown = self.show(name)?;
            // From here on the files go with the value.
            let once = Once {
                library: self.clone(),
                prepared: Prepared {
                    name: stem.clone(),
                    media: self.media_of(&stem),
                    ..shown
                },
                stem: stem.clone(),
            };
            let is_kept = self.link(name, &stem, WAV)?
                && (self.link(name, &stem, WIDE)? || before.wide.is_none());
            // The two recordings are of one message if neither was replaced in between.
            if is_kept && self.stamp(name)? == before {
                return Ok(once);
            }
        }
        Err(Error::Broken {
            name: name.clone(),
            path: self.recording(name),
            why: "it is replaced again and again".to_owned(),
        })
    }

    /// Gives a file of a message another name as well; returns whether there was one.
    fn link(&self, name: &Name, stem: &str, extension: &str) -> Result<bool, Error> {
        let (from, to) = (
            self.path(name.as_str(), extension),
            self.path(stem, extension),
        );
        // A copy must not be written into a file that has another name as well.
        remove_file(&to)?;
        let linked = match fs::hard_link(&from, &to) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Not every disk can, and not everybody may with the files of others.
            Err(_) => fs::copy(&from, &to).map(|_| ()),
            Ok(()) => Ok(()),
        };
        match linked {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            linked => written(&to, linked).map(|()| true),
        }
    }

    /// Which recordings a message is at this moment.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none, [`Error::Read`] if it cannot be looked at.
    pub fn stamp(&self, name: &Name) -> Result<MessageStamp, Error> {
        let stamp_of = |extension| {
            let path = self.path(name.as_str(), extension);
            match fs::metadata(&path) {
                Ok(about) => Ok(Some(stamp(&about))),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(Error::Read { path, source }),
            }
        };
        match stamp_of(WAV)? {
            Some(narrow) => Ok(MessageStamp {
                narrow,
                wide: stamp_of(WIDE)?,
            }),
            None => Err(Error::Missing { name: name.clone() }),
        }
    }

    /// Writes a message that was made for one drop; its files go when the value does. `run` and `drop` are as for
    /// [`Self::prepare_once`].
    ///
    /// # Errors
    /// [`Error::Owner`] or [`Error::Write`].
    pub(super) fn write_once(&self, run: &str, drop: &str, joined: &Joined) -> Result<Once, Error> {
        if !is_owner(run) || !is_owner(drop) {
            return Err(Error::Owner);
        }
        self.make_dir(&self.dir)?;
        let stem = format!("{ONCE}{run}-{drop}");
        let milliseconds = joined.narrow.len() as u64 * 1_000 / u64::from(NARROW_RATE);
        // From here on the files go with the value, also if the second cannot be written.
        let once = Once {
            library: self.clone(),
            prepared: Prepared {
                name: stem.clone(),
                media: self.media_of(&stem),
                duration: Duration::from_millis(milliseconds),
                report: None,
            },
            stem,
        };
        for (extension, samples, rate) in [
            (WIDE, &joined.wide, WORK_RATE),
            (WAV, &joined.narrow, NARROW_RATE),
        ] {
            // What a power cut takes away, nobody will play any more.
            let path = self.path(&once.stem, extension);
            let staged = written(&path, stage_fleeting(&path, &wav(samples, rate)))?;
            written(&path, staged.persist(&path).map_err(|e| e.error))?;
        }
        Ok(once)
    }

    /// All messages and clips by name, each with what is wrong with it if something is. None if the folder does not exist.
    ///
    /// # Errors
    /// [`Error::List`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let mut names: BTreeSet<Name> = self
            .files()?
            .iter()
            .filter_map(|file| file.strip_suffix(WAV)?.parse().ok())
            .collect();
        for folder in self.folders()? {
            names.extend(self.clips(&folder)?);
        }
        Ok(names
            .into_iter()
            .map(|name| {
                let shown = self.show(&name);
                (name, shown)
            })
            .collect())
    }

    /// One message.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none, [`Error::Broken`] if its files are not what this program writes.
    pub fn show(&self, name: &Name) -> Result<Prepared, Error> {
        if !self.holds(name) {
            return Err(Error::Missing { name: name.clone() });
        }
        let wav = self.path(name.as_str(), WAV);
        let wide = self.path(name.as_str(), WIDE);
        let duration = checked_length(name, &wav, NARROW_RATE)?;
        if wide.exists() && checked_length(name, &wide, WORK_RATE)? != duration {
            return Err(Error::Broken {
                name: name.clone(),
                path: wide,
                why: format!("it is not as long as `{name}{WAV}`"),
            });
        }
        let report = self
            .report(name.as_str())
            .filter(|report| report.duration_ms == duration.as_millis() as u64);
        Ok(Prepared {
            name: name.to_string(),
            media: self.media(name),
            duration,
            report,
        })
    }

    /// What an ordinary trunk hears of a prepared message: 8 kHz samples. `None` if its file cannot be read.
    pub fn samples(&self, prepared: &Prepared) -> Option<Vec<i16>> {
        let mut reader = hound::WavReader::open(self.path(&prepared.name, WAV)).ok()?;
        reader.samples().collect::<Result<_, _>>().ok()
    }

    /// The recording of a message at [`WORK_RATE`], for a message that it is a part of. One that was put there by hand may
    /// be there for ordinary trunks alone.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub(super) fn sound(&self, name: &Name) -> Result<Vec<f32>, Error> {
        self.show(name)?;
        let wide = self.path(name.as_str(), WIDE);
        let (path, rate) = if wide.exists() {
            (wide, WORK_RATE)
        } else {
            (self.path(name.as_str(), WAV), NARROW_RATE)
        };
        let samples = read_samples(&path).map_err(|source| Error::Read { path, source })?;
        let mut resampler = Resampler::new(rate, WORK_RATE);
        resampler.push(&samples);
        Ok(resampler.finish())
    }

    /// The clips of a folder, by name. None if there is no such folder.
    ///
    /// # Errors
    /// [`Error::List`] if it cannot be read.
    pub fn clips(&self, folder: &str) -> Result<BTreeSet<Name>, Error> {
        if plain(folder).is_err() {
            return Ok(BTreeSet::new());
        }
        let files = files_in(&self.dir.join(folder))?;
        let clip = |file: &String| Name::in_folder(folder, file.strip_suffix(WAV)?).ok();
        Ok(files.iter().filter_map(clip).collect())
    }

    /// The folders of clips.
    ///
    /// # Errors
    /// [`Error::List`] if the folder of messages cannot be read.
    pub fn folders(&self) -> Result<BTreeSet<String>, Error> {
        let files = self.files()?.into_iter();
        Ok(files
            .filter(|file| plain(file).is_ok() && self.dir.join(file).is_dir())
            .collect())
    }

    /// Where the recording of a message is.
    pub fn recording(&self, name: &Name) -> PathBuf {
        self.path(name.as_str(), WAV)
    }

    /// Takes a message out of the library.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none, [`Error::Write`] if its files cannot be removed.
    pub fn remove(&self, name: &Name) -> Result<(), Error> {
        if !self.holds(name) {
            return Err(Error::Missing { name: name.clone() });
        }
        self.remove_stem(name.as_str())?;
        let staged = format!(".{}.", name.base());
        let dir = self.dir_of(name.as_str());
        for file in files_in(&dir)? {
            if file.starts_with(&staged) && file.ends_with(STAGED) {
                remove_file(&dir.join(file))?;
            }
        }
        if name.folder().is_some() {
            // It stays as long as there is a clip in it.
            let _ = fs::remove_dir(&dir);
        }
        Ok(())
    }

    /// Whether there is a message of this name.
    pub fn holds(&self, name: &Name) -> bool {
        self.path(name.as_str(), WAV).is_file()
    }

    /// The URI by which the PBX plays a message of this name.
    pub fn media(&self, name: &Name) -> String {
        self.media_of(name.as_str())
    }

    /// The runs that have left messages of single drops (or pieces of them) here; they may be alive.
    ///
    /// # Errors
    /// [`Error::List`] if the folder cannot be read.
    pub fn leftovers(&self) -> Result<BTreeSet<String>, Error> {
        let files = self.files()?;
        Ok(files
            .iter()
            .filter_map(|file| owner_of(file))
            .map(str::to_owned)
            .collect())
    }

    /// Removes what `run` has left of messages of single drops, and returns how many files that were. The caller knows
    /// that the run is dead.
    ///
    /// # Errors
    /// [`Error::List`] if the folder cannot be read, [`Error::Write`] if a file cannot be removed.
    pub fn remove_leftovers(&self, run: &str) -> Result<usize, Error> {
        let mut removed = 0;
        for file in self.files()? {
            if owner_of(&file) == Some(run) {
                remove_file(&self.dir.join(file))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Prepares and places, as a message or as a clip; `None` if the name is taken and `replace` is not set.
    fn prepare(
        &self,
        (stem, is_clip): (&str, bool),
        source: &Path,
        targets: &Targets,
        replace: bool,
        now: SystemTime,
    ) -> Result<Option<Prepared>, Error> {
        let refused = |why| Error::Refused {
            file: source.to_owned(),
            why,
        };
        let mut decoded = decode(source, targets.max_length()).map_err(refused)?;
        let samples = std::mem::take(&mut decoded.samples);
        let done = normalise(samples, targets, is_clip).map_err(refused)?;
        let report = PreparationReport::new(source, &decoded, &done, targets, now);
        let duration = Duration::from_millis(report.duration_ms);

        let dir = self.dir_of(stem);
        self.make_dir(&dir)?;
        let path = self.path(stem, WAV);
        let wide_path = self.path(stem, WIDE);
        let json_path = self.path(stem, JSON);
        let json = serde_json::to_vec_pretty(&report).unwrap_or_default();
        let narrow = written(&path, stage(&path, &wav(&done.narrow, NARROW_RATE)))?;
        let wide = written(&wide_path, stage(&wide_path, &wav(&done.wide, WORK_RATE)))?;
        let json = written(&json_path, stage(&json_path, &json))?;

        if replace {
            // The PBX picks the recording that fits the call: an old one must not be beside a new one.
            remove_file(&json_path)?;
            remove_file(&wide_path)?;
            written(&path, narrow.persist(&path).map_err(|e| e.error))?;
        } else {
            match narrow.persist_noclobber(&path) {
                Ok(_) => {}
                Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
                Err(e) => return written(&path, Err(e.error)),
            }
        }
        written(&wide_path, wide.persist(&wide_path).map_err(|e| e.error))?;
        written(&json_path, json.persist(&json_path).map_err(|e| e.error))?;
        written(&dir, sync_dir(&dir))?;
        Ok(Some(Prepared {
            name: stem.to_owned(),
            media: self.media_of(stem),
            duration,
            report: Some(report),
        }))
    }

    /// Makes the folder of messages, or one of clips in it.
    pub(super) fn make_dir(&self, dir: &Path) -> Result<(), Error> {
        if dir.is_dir() {
            return Ok(());
        }
        if dir != self.dir {
            self.make_dir(&self.dir)?;
        }
        written(dir, fs::create_dir_all(dir))?;
        // Whatever the umask: the PBX, another user, must be able to enter.
        written(dir, fs::set_permissions(dir, Permissions::from_mode(0o755)))?;
        give_to_owner_of_folder(dir);
        Ok(())
    }

    /// The folder that the files of a message are in.
    pub(super) fn dir_of(&self, stem: &str) -> PathBuf {
        match stem.split_once('/') {
            Some((folder, _)) => self.dir.join(folder),
            None => self.dir.clone(),
        }
    }

    fn remove_stem(&self, stem: &str) -> Result<(), Error> {
        for extension in [WIDE, JSON, WAV] {
            remove_file(&self.path(stem, extension))?;
        }
        Ok(())
    }

    fn report(&self, stem: &str) -> Option<PreparationReport> {
        let mut text = Vec::new();
        let file = fs::File::open(self.path(stem, JSON)).ok()?;
        file.take(REPORT_MAX).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn files(&self) -> Result<Vec<String>, Error> {
        files_in(&self.dir)
    }

    fn path(&self, stem: &str, extension: &str) -> PathBuf {
        self.dir.join(format!("{stem}{extension}"))
    }

    fn media_of(&self, stem: &str) -> String {
        format!("sound:{}/{stem}", self.pbx_dir)
    }
}

/// A message's name, and the message or what is wrong with it.
pub type Listed = (Name, Result<Prepared, Error>);

/// A message that the PBX can play.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Its name in the library.
    pub name: String,
    /// The URI by which the PBX plays it.
    pub media: String,
    /// How long it is: a multiple of 20 ms if this program has prepared it.
    pub duration: Duration,
    /// What was done to it; `None` if that is not known (files put there by hand).
    pub report: Option<PreparationReport>,
}

/// What of a message changes if another takes its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageStamp {
    narrow: Stamp,
    wide: Option<Stamp>,
}

/// A message prepared for one drop; its files are removed when the value is dropped.
#[derive(Debug)]
pub struct Once {
    library: Library,
    stem: String,
    prepared: Prepared,
}

impl Once {
    /// The message.
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        // What cannot be removed is a leftover of this run, which a later sweep removes.
        let _ = self.library.remove_stem(&self.stem);
    }
}

fn checked_length(name: &Name, path: &Path, rate: u32) -> Result<Duration, Error> {
    match length(path, rate) {
        Ok(Ok(duration)) => Ok(duration),
        Ok(Err(why)) => Err(Error::Broken {
            name: name.clone(),
            path: path.to_owned(),
            why,
        }),
        Err(source) => Err(Error::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The run that a file of a single drop's message belongs to, staged or whole.
fn owner_of(file: &str) -> Option<&str> {
    let visible = match file.strip_prefix('.') {
        Some(staged) if staged.ends_with(STAGED) => staged,
        Some(_) => return None,
        None => file,
    };
    let (stem, rest) = visible.split_once('.')?;
    let known = [WAV, WIDE, JSON].iter().any(|extension| {
        let rest = rest.strip_prefix(&extension[1..]);
        rest.is_some_and(|r| r.is_empty() || (visible.len() < file.len() && r.starts_with('.')))
    });
    let (run, drop) = stem.strip_prefix(ONCE)?.split_once('-')?;
    (known && is_owner(run) && is_owner(drop)).then_some(run)
}

fn is_owner(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Extension of the recording for ordinary trunks.
pub(super) const WAV: &str = ".wav";

/// Extension of the recording for wideband trunks: Asterisk's name for WAV at 16 kHz.
pub(super) const WIDE: &str = ".wav16";

/// Extension of the report.
pub(super) const JSON: &str = ".json";

/// How often a message is kept anew that is replaced meanwhile.
const TRIES: u32 = 5;

/// Longest report that is read, in bytes.
const REPORT_MAX: u64 = 64 * 1024;
