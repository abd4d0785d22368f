//! The folder of prepared messages, from which the PBX plays them.
//!
//! ```text
//!  spring.wav  spring.wav16  spring.json        a message, for both kinds of trunk, and what was done to it
//!  once-<run>-<drop>.wav ...                    a message of one drop only
//!  .spring.wav.a1b2c3.part                      half a file of a preparation under way, or of one that died
//! ```
//!
//! A message is there if its `.wav` is there; its length is that file's. The rest is staged whole and renamed in an
//! order in which the two recordings under one name are never of different messages, wherever a crash falls.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Targets,
    decode::decode,
    error::Error,
    normalise::{NARROW_RATE, WORK_RATE, normalise},
    reference::{Name, ONCE},
    report::PreparationReport,
    write::{STAGED, length, stage, sync_dir, wav},
};

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
        self.prepare(name.as_str(), source, targets, replace, now)?
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
        if !is_owner(run) || !is_owner(drop) {
            return Err(Error::Owner);
        }
        let stem = format!("{ONCE}{run}-{drop}");
        let prepared = self.prepare(&stem, source, targets, true, now)?;
        let once = prepared.map(|prepared| Once {
            library: self.clone(),
            stem,
            prepared,
        });
        once.ok_or(Error::Owner)
    }

    /// All messages by name, each with what is wrong with it if something is. None if the folder does not exist.
    ///
    /// # Errors
    /// [`Error::List`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let names: BTreeSet<Name> = self
            .files()?
            .iter()
            .filter_map(|file| file.strip_suffix(WAV)?.parse().ok())
            .collect();
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
        let duration = checked_length(&wav, NARROW_RATE)?;
        if wide.exists() && checked_length(&wide, WORK_RATE)? != duration {
            return Err(Error::Broken {
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
        let (_, stem) = prepared.media.rsplit_once('/')?;
        let mut reader = hound::WavReader::open(self.path(stem, WAV)).ok()?;
        reader.samples().collect::<Result<_, _>>().ok()
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
        let staged = format!(".{name}.");
        for file in self.files()? {
            if file.starts_with(&staged) && file.ends_with(STAGED) {
                remove_file(&self.dir.join(file))?;
            }
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

    /// Prepares and places; `None` if the name is taken and `replace` is not set.
    fn prepare(
        &self,
        stem: &str,
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
        let done = normalise(samples, targets).map_err(refused)?;
        let report = PreparationReport::new(source, &decoded, &done, targets, now);
        let duration = Duration::from_millis(report.duration_ms);

        self.make_dir()?;
        let path = self.path(stem, WAV);
        let wide_path = self.path(stem, WIDE);
        let json_path = self.path(stem, JSON);
        let json = serde_json::to_vec_pretty(&report).unwrap_or_default();
        let narrow = write(&path, stage(&path, &wav(&done.narrow, NARROW_RATE)))?;
        let wide = write(&wide_path, stage(&wide_path, &wav(&done.wide, WORK_RATE)))?;
        let json = write(&json_path, stage(&json_path, &json))?;

        if replace {
            // The PBX picks the recording that fits the call: an old one must not be beside a new one.
            remove_file(&json_path)?;
            remove_file(&wide_path)?;
            write(&path, narrow.persist(&path).map_err(|e| e.error))?;
        } else {
            match narrow.persist_noclobber(&path) {
                Ok(_) => {}
                Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
                Err(e) => return write(&path, Err(e.error)),
            }
        }
        write(&wide_path, wide.persist(&wide_path).map_err(|e| e.error))?;
        write(&json_path, json.persist(&json_path).map_err(|e| e.error))?;
        write(&self.dir, sync_dir(&self.dir))?;
        Ok(Some(Prepared {
            name: stem.to_owned(),
            media: self.media_of(stem),
            duration,
            report: Some(report),
        }))
    }

    pub(super) fn make_dir(&self) -> Result<(), Error> {
        if self.dir.is_dir() {
            return Ok(());
        }
        write(&self.dir, fs::create_dir_all(&self.dir))?;
        // Whatever the umask: the PBX, another user, must be able to enter.
        write(
            &self.dir,
            fs::set_permissions(&self.dir, Permissions::from_mode(0o755)),
        )
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
        let failed = |source| Error::List {
            dir: self.dir.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(e)),
        };
        let mut files = Vec::new();
        for entry in entries {
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
                files.push(name);
            }
        }
        Ok(files)
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

fn checked_length(path: &Path, rate: u32) -> Result<Duration, Error> {
    match length(path, rate) {
        Ok(Ok(duration)) => Ok(duration),
        Ok(Err(why)) => Err(Error::Broken {
            path: path.to_owned(),
            why,
        }),
        Err(source) => Err(Error::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write<T>(path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        result => write(path, result),
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

/// Longest report that is read, in bytes.
const REPORT_MAX: u64 = 64 * 1024;
