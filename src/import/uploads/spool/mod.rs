//! The files of lists that are sent: `ID.part` while their bytes come in, `ID.list` once all are on the disk, and
//! `ID.rejects.csv` for what of them could not be taken in. A list that was read only may be kept as `ID.read`.
//!
//! Whoever writes or reads one holds its lock, which the system gives back when a process is gone: of several servers with one
//! folder exactly one works on a list.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use flate2::write::MultiGzDecoder;

use super::{ndjson::NdjsonRows, zstd::ZstdDecoder};
use crate::{
    list::{RunningDigest, hex},
    orders::{ListForm, UploadCoding, UploadOrder, UploadRefusal},
    phone::PhoneNumber,
};

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Spool {
    folder: PathBuf,
}

/// A list of which all bytes are on the disk, and its lock.
#[derive(Debug)]
pub(super) struct SpooledList {
    pub(super) id: String,
    pub(super) path: PathBuf,
    /// Whether it stays once it was read.
    pub(super) is_to_be_kept: bool,
    _lock: File,
}

impl Spool {
    /// The folder below a state folder; it is made when something is written.
    pub(super) fn below(state_dir: &Path) -> Self {
        Self {
            folder: state_dir.join("uploads"),
        }
    }

    /// Where the rejects of a list go.
    pub(super) fn rejects(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.{REJECTS}"))
    }

    /// Begins to take a list, if there is space for it.
    pub(super) fn begin(&self, id: &str, order: &UploadOrder) -> Result<Incoming, UploadRefusal> {
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| files("make", &self.folder, &error))?;
        if !self.has_space(order.announced.unwrap_or(0)) {
            return Err(UploadRefusal::DiskFull);
        }
        // What is decoded on its way cannot be gone on with: how far it was in its coded form is known to nobody.
        let is_plain = order.coding == UploadCoding::Plain && order.form == ListForm::Csv;
        let extension = if is_plain { PART } else { CODED };
        let path = self.folder.join(format!("{id}.{extension}"));
        let mut options = OpenOptions::new();
        // There are whole numbers in it.
        options.read(true).write(true).mode(0o600);
        options.create(order.resumed.is_none());
        let opened = options.open(&path);
        let mut file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(UploadRefusal::OtherOffset(None));
            }
            opened => opened.map_err(|error| files("write", &path, &error))?,
        };
        if file.try_lock().is_err() {
            return Err(UploadRefusal::TooMany(1));
        }
        let (mut digest, mut bytes) = (RunningDigest::default(), 0);
        match &order.resumed {
            None => {
                let emptied = file.set_len(0);
                emptied.map_err(|error| files("write", &path, &error))?;
            }
            Some(resumed) => {
                let there = read_again(&mut file, &mut digest);
                bytes = there.map_err(|error| files("read", &path, &error))?;
                if bytes != resumed.offset {
                    return Err(UploadRefusal::OtherOffset(Some(bytes)));
                }
            }
        }
        let sink = SpoolSink {
            file,
            spool: self.clone(),
            digest,
            bytes,
            came: bytes,
            coded: 0,
            most: order.most_bytes,
            is_coded: order.coding != UploadCoding::Plain,
            rows: (order.form == ListForm::Ndjson).then(NdjsonRows::default),
            refusal: None,
        };
        let decoder = match order.coding {
            UploadCoding::Plain => Decoder::Plain(Box::new(sink)),
            UploadCoding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(sink))),
            UploadCoding::Zstd => Decoder::Zstd(Box::new(ZstdDecoder::new(sink))),
        };
        Ok(Incoming {
            path,
            coding: order.coding,
            decoder: Some(decoder),
            coded: RunningDigest::default(),
            wanted: order.sha256,
            is_plain,
            is_kept: false,
        })
    }

    /// How many bytes of a list are there that can be gone on with.
    pub(super) fn received(&self, id: &str) -> Option<u64> {
        let path = self.folder.join(format!("{id}.{PART}"));
        Some(fs::metadata(path).ok()?.len())
    }

    /// Whether the disk has room for so many bytes more, and some to spare.
    fn has_space(&self, bytes: u64) -> bool {
        // What cannot be told is found out by writing.
        let Ok(disk) = rustix::fs::statvfs(&self.folder) else {
            return true;
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let all = disk.f_blocks.saturating_mul(disk.f_frsize);
        free.saturating_sub(bytes) > (all / 20).min(MOST_SPARED)
    }

    /// Makes a list that has come whole the list of an upload; one that was there is gone.
    pub(super) fn keep(&self, mut incoming: Incoming, id: &str) -> io::Result<()> {
        let path = self.folder.join(format!("{id}.{LIST}"));
        fs::rename(&incoming.path, &path)?;
        incoming.is_kept = true;
        // So that the name is on the disk as well.
        File::open(&self.folder)?.sync_all()
    }

    /// The ids of the lists that are there, the earliest first.
    pub(super) fn lists(&self) -> Vec<String> {
        self.ids(LIST)
    }

    /// The ids of those of which there are rejects.
    pub(super) fn rejected(&self) -> Vec<String> {
        self.ids(REJECTS)
    }

    /// The files that hold one of these numbers as digits, however these are set apart: lists whose rows are not in yet, and
    /// rejects.
    pub(super) fn holding(&self, numbers: &[PhoneNumber]) -> Vec<PathBuf> {
        let wanted = numbers.iter().map(|number| tail(&number.shown(true)));
        let wanted: Vec<_> = wanted.collect();
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut found: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| holds(path, &wanted).unwrap_or(false))
            .collect();
        found.sort();
        found
    }

    /// The list of an upload, unless somebody works on it or it is gone.
    pub(super) fn take(&self, id: &str) -> Option<SpooledList> {
        let path = self.folder.join(format!("{id}.{LIST}"));
        let lock = OpenOptions::new().read(true).open(&path).ok()?;
        lock.try_lock().ok()?;
        // It may have been removed before it was locked.
        path.try_exists().ok().filter(|is_there| *is_there)?;
        Some(SpooledList {
            id: id.to_owned(),
            path,
            is_to_be_kept: false,
            _lock: lock,
        })
    }

    /// Removes what nobody works on of lists that were not there as a whole, what could be gone on with after a day, and what was
    /// read only as well.
    pub(super) fn sweep(&self, now: SystemTime) {
        for (extension, kept_for) in [
            (PART, PARTS_KEPT_FOR),
            (READ, PARTS_KEPT_FOR),
            (CODED, Duration::ZERO),
        ] {
            for id in self.ids(extension) {
                let path = self.folder.join(format!("{id}.{extension}"));
                let Ok(file) = File::open(&path) else {
                    continue;
                };
                let written = file.metadata().and_then(|about| about.modified());
                let age = written.map_or(Duration::ZERO, |at| {
                    now.duration_since(at).unwrap_or_default()
                });
                if age >= kept_for && file.try_lock().is_ok() {
                    let _ = fs::remove_file(&path);
                }
            }
        }
    }

    /// Removes the list of an upload, which is not needed any more.
    pub(super) fn remove_list(&self, id: &str) {
        let _ = fs::remove_file(self.folder.join(format!("{id}.{LIST}")));
    }

    /// Keeps the list of an upload, which was read only, so that it can be taken in.
    pub(super) fn retain(&self, id: &str) -> io::Result<()> {
        let path = |extension: &str| self.folder.join(format!("{id}.{extension}"));
        fs::rename(path(LIST), path(READ))
    }

    /// Opens the list of an upload, if it is there.
    pub(super) fn kept(&self, id: &str) -> Option<File> {
        let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // In this order: what is not there as the one any more is there as the other.
        let mut opened = [LIST, READ].into_iter().filter(|_| is_id);
        opened.find_map(|extension| File::open(self.folder.join(format!("{id}.{extension}"))).ok())
    }

    /// Removes a list that was kept, which is needed no longer.
    pub(super) fn remove_kept(&self, id: &str) {
        let _ = fs::remove_file(self.folder.join(format!("{id}.{READ}")));
    }

    /// Removes all files of an upload.
    pub(super) fn remove(&self, id: &str) {
        self.remove_list(id);
        self.remove_kept(id);
        let _ = fs::remove_file(self.rejects(id));
        let _ = fs::remove_file(self.folder.join(format!("{id}.{PART}")));
    }

    fn ids(&self, extension: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut ids: Vec<_> = names
            .filter_map(|name| {
                let (id, end) = name.split_once('.')?;
                (end == extension).then(|| id.to_owned())
            })
            .collect();
        ids.sort();
        ids
    }
}

/// A list whose bytes come in; its file is gone with it unless it is kept.
pub(super) struct Incoming {
    path: PathBuf,
    coding: UploadCoding,
    /// `None` once it has ended.
    decoder: Option<Decoder>,
    /// Of the bytes as they come.
    coded: RunningDigest,
    wanted: Option<[u8; 32]>,
    /// Whether what is there can be gone on with.
    is_plain: bool,
    is_kept: bool,
}

/// What has come.
pub(super) struct Whole {
    /// How many bytes it has, decoded.
    pub(super) size: u64,
    /// SHA-256 of them, in hex digits.
    pub(super) digest: String,
}

enum Decoder {
    Plain(Box<SpoolSink>),
    Gzip(Box<MultiGzDecoder<SpoolSink>>),
    Zstd(Box<ZstdDecoder<SpoolSink>>),
}

impl Incoming {
    /// Takes some bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), UploadRefusal> {
        self.coded.update(bytes);
        let Some(decoder) = &mut self.decoder else {
            return Err(UploadRefusal::Broken);
        };
        let sink = decoder.sink();
        sink.coded += bytes.len() as u64;
        match decoder.write_all(bytes) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refusal(&error)),
        }
    }

    /// How many bytes there are, decoded.
    pub(super) fn bytes(&mut self) -> u64 {
        self.decoder
            .as_mut()
            .map_or(0, |decoder| decoder.sink().bytes)
    }

    /// All bytes have come: they are on the disk from here on.
    pub(super) fn finish(&mut self) -> Result<Whole, UploadRefusal> {
        let coded = std::mem::take(&mut self.coded).finish();
        if self.wanted.is_some_and(|wanted| wanted != coded) {
            return Err(UploadRefusal::WrongDigest);
        }
        let finished = match &mut self.decoder {
            Some(Decoder::Gzip(decoder)) => decoder.try_finish(),
            Some(Decoder::Zstd(decoder)) => decoder.try_finish(),
            Some(Decoder::Plain(_)) | None => Ok(()),
        };
        let finished = finished.and_then(|()| match &mut self.decoder {
            Some(decoder) => decoder.sink().finish(),
            None => Ok(()),
        });
        if let Err(error) = finished {
            return Err(self.refusal(&error));
        }
        let Some(decoder) = self.decoder.as_mut() else {
            return Err(UploadRefusal::Broken);
        };
        let sink = decoder.sink();
        let synced = sink.file.sync_all();
        synced.map_err(|error| files("write", &self.path, &error))?;
        Ok(Whole {
            size: sink.bytes,
            digest: hex(&std::mem::take(&mut sink.digest).finish()),
        })
    }

    /// Nothing more comes of it at this moment. What is there stays, if it can be gone on with.
    pub(super) fn leave(mut self) {
        self.is_kept = self.is_plain && self.bytes() > 0;
    }

    /// Where it is until it is kept.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What an error of the decoder, or of what it writes to, means.
    fn refusal(&mut self, error: &io::Error) -> UploadRefusal {
        let refusal = self
            .decoder
            .as_mut()
            .and_then(|decoder| decoder.sink().refusal.take());
        refusal.unwrap_or_else(|| UploadRefusal::NotCoded {
            coding: self.coding,
            words: error.to_string(),
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Decoder {
    fn sink(&mut self) -> &mut SpoolSink {
        match self {
            Self::Plain(sink) => sink,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(sink) => sink.write_all(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes),
            Self::Zstd(decoder) => decoder.write_all(bytes),
        }
    }
}

/// Where decoded bytes go.
struct SpoolSink {
    /// Locked as long as it is open.
    file: File,
    spool: Spool,
    digest: RunningDigest,
    /// How many bytes were written.
    bytes: u64,
    /// How many have come, decoded.
    came: u64,
    /// How many bytes have come, coded.
    coded: u64,
    most: u64,
    is_coded: bool,
    /// What makes rows of what comes, if it is none.
    rows: Option<NdjsonRows>,
    /// Why it takes no more.
    refusal: Option<UploadRefusal>,
}

impl SpoolSink {
    /// Whether so many bytes more may be written.
    fn check(&self, more: u64) -> Result<(), UploadRefusal> {
        let bytes = self.came + more;
        if bytes > self.most {
            return Err(UploadRefusal::TooLong(self.most));
        }
        if self.is_coded && bytes > RATIO_FROM && bytes / RATIO > self.coded {
            return Err(UploadRefusal::Ratio(RATIO));
        }
        // Now and then, for it takes a while to fill a disk.
        if bytes / LOOK_EVERY != self.came / LOOK_EVERY && !self.spool.has_space(more) {
            return Err(UploadRefusal::DiskFull);
        }
        Ok(())
    }

    /// All has come.
    fn finish(&mut self) -> io::Result<()> {
        let Some(mut rows) = self.rows.take() else {
            return Ok(());
        };
        let last = rows.finish();
        self.put_rows(last)
    }

    fn put_rows(&mut self, made: Result<Vec<u8>, String>) -> io::Result<()> {
        match made {
            Ok(made) => {
                let mut left = made.as_slice();
                while !left.is_empty() {
                    let put = self.put(left)?;
                    left = &left[put..];
                }
                Ok(())
            }
            Err(words) => {
                let is_mapping = false;
                self.refuse(UploadRefusal::Unreadable { words, is_mapping })
            }
        }
    }

    fn refuse<T>(&mut self, refusal: UploadRefusal) -> io::Result<T> {
        self.refusal = Some(refusal);
        Err(io::Error::other("no more is taken"))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            Ok(written) => {
                self.digest.update(&bytes[..written]);
                self.bytes += written as u64;
                Ok(written)
            }
            Err(error) => {
                let is_full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded]
                    .contains(&error.kind());
                self.refusal = Some(if is_full {
                    UploadRefusal::DiskFull
                } else {
                    UploadRefusal::Files(format!("its file cannot be written: {error}"))
                });
                Err(error)
            }
        }
    }
}

impl Write for SpoolSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(refusal) = self.check(bytes.len() as u64) {
            return self.refuse(refusal);
        }
        let Some(rows) = &mut self.rows else {
            let put = self.put(bytes)?;
            self.came += put as u64;
            return Ok(put);
        };
        let made = rows.take(bytes);
        self.put_rows(made)?;
        self.came += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Goes through what is there of a list, to its end; returns how long it is.
fn read_again(file: &mut File, digest: &mut RunningDigest) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let (mut bytes, mut part) = (0, vec![0; 64 << 10]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(bytes),
            read => {
                digest.update(&part[..read]);
                bytes += read as u64;
            }
        }
    }
}

fn files(doing: &str, path: &Path, error: &io::Error) -> UploadRefusal {
    UploadRefusal::Files(format!("cannot {doing} {}: {error}", path.display()))
}

/// The digits by which a number is known in whatever way it is written: without its country's code.
fn tail(number: &str) -> Vec<u8> {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(TAIL)..].to_vec()
}

/// Whether a file has one of these runs of digits, with anything between them that people set digits apart by.
fn holds(path: &Path, wanted: &[Vec<u8>]) -> io::Result<bool> {
    let mut file = io::BufReader::with_capacity(64 * 1024, File::open(path)?);
    let longest = wanted.iter().map(Vec::len).max().unwrap_or(0);
    let mut seen: Vec<u8> = Vec::with_capacity(longest);
    let mut byte = [0];
    while io::Read::read(&mut file, &mut byte)? == 1 {
        match byte[0] {
            digit @ b'0'..=b'9' => {
                if seen.len() == longest {
                    seen.remove(0);
                }
                seen.push(digit);
                if wanted
                    .iter()
                    .any(|one| !one.is_empty() && seen.ends_with(one))
                {
                    return Ok(true);
                }
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' | b'+' | 0xc2 | 0xa0 => {}
            _ => seen.clear(),
        }
    }
    Ok(false)
}

/// How many digits of a number its spellings have in common.
const TAIL: usize = 9;

const PART: &str = "part";
/// A part of what was sent coded, as it is decoded.
const CODED: &str = "coded";
const LIST: &str = "list";
/// A list that was read only.
const READ: &str = "read";
const REJECTS: &str = "rejects.csv";

/// How long it may be gone on with what was interrupted, and what was read only be taken in.
const PARTS_KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Most space of the disk that is left to others, in bytes; a twentieth of it, if that is less.
const MOST_SPARED: u64 = 1 << 30;

/// After how many bytes the disk is looked at again.
const LOOK_EVERY: u64 = 16 << 20;

/// No list of contacts is coded in a hundredth of its bytes: each row has a number of its own. What is short may be.
const RATIO: u64 = 100;
const RATIO_FROM: u64 = 1 << 20;

#[cfg(test)]
mod tests;
