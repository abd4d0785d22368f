//! The files of lists that are sent: `ID.part` while their bytes come in, `ID.list` once all are on the disk, and
//! `ID.rejects.csv` for what of them could not be taken in.
//!
//! Whoever writes or reads one holds its lock, which the system gives back when a process is gone: of several servers with one
//! folder exactly one works on a list.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use flate2::write::MultiGzDecoder;

use crate::{
    list::{RunningDigest, hex},
    orders::{UploadCoding, UploadOrder, UploadRefusal},
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
        let path = self.folder.join(format!("{id}.{PART}"));
        let mut options = OpenOptions::new();
        // There are whole numbers in it.
        options.write(true).create(true).mode(0o600);
        let file = options.open(&path);
        let file = file.map_err(|error| files("write", &path, &error))?;
        if file.try_lock().is_err() {
            return Err(UploadRefusal::TooMany(1));
        }
        let emptied = file.set_len(0);
        emptied.map_err(|error| files("write", &path, &error))?;
        let sink = SpoolSink {
            file,
            spool: self.clone(),
            digest: RunningDigest::default(),
            bytes: 0,
            coded: 0,
            most: order.most_bytes,
            is_coded: order.coding == UploadCoding::Gzip,
            refusal: None,
        };
        let decoder = match order.coding {
            UploadCoding::Plain => Decoder::Plain(Box::new(sink)),
            UploadCoding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(sink))),
        };
        Ok(Incoming {
            path,
            decoder: Some(decoder),
            coded: RunningDigest::default(),
            wanted: order.sha256,
            is_kept: false,
        })
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
            _lock: lock,
        })
    }

    /// Removes what processes that are gone have left of lists that were not there as a whole.
    pub(super) fn sweep(&self) {
        for id in self.ids(PART) {
            let path = self.folder.join(format!("{id}.{PART}"));
            let Ok(file) = File::open(&path) else {
                continue;
            };
            if file.try_lock().is_ok() {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Removes the list of an upload, which is not needed any more.
    pub(super) fn remove_list(&self, id: &str) {
        let _ = fs::remove_file(self.folder.join(format!("{id}.{LIST}")));
    }

    /// Removes all files of an upload.
    pub(super) fn remove(&self, id: &str) {
        self.remove_list(id);
        let _ = fs::remove_file(self.rejects(id));
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
    /// `None` once it has ended.
    decoder: Option<Decoder>,
    /// Of the bytes as they come.
    coded: RunningDigest,
    wanted: Option<[u8; 32]>,
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
        if let Some(Decoder::Gzip(decoder)) = &mut self.decoder
            && let Err(error) = decoder.try_finish()
        {
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
        refusal.unwrap_or_else(|| UploadRefusal::NotGzip(error.to_string()))
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
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(sink) => sink.write_all(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes),
        }
    }
}

/// Where decoded bytes go.
struct SpoolSink {
    /// Locked as long as it is open.
    file: File,
    spool: Spool,
    digest: RunningDigest,
    bytes: u64,
    /// How many bytes have come, coded.
    coded: u64,
    most: u64,
    is_coded: bool,
    /// Why it takes no more.
    refusal: Option<UploadRefusal>,
}

impl SpoolSink {
    /// Whether so many bytes more may be written.
    fn check(&self, more: u64) -> Result<(), UploadRefusal> {
        let bytes = self.bytes + more;
        if bytes > self.most {
            return Err(UploadRefusal::TooLong(self.most));
        }
        if self.is_coded && bytes > RATIO_FROM && bytes / RATIO > self.coded {
            return Err(UploadRefusal::Ratio(RATIO));
        }
        // Now and then, for it takes a while to fill a disk.
        if bytes / LOOK_EVERY != self.bytes / LOOK_EVERY && !self.spool.has_space(more) {
            return Err(UploadRefusal::DiskFull);
        }
        Ok(())
    }
}

impl Write for SpoolSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(refusal) = self.check(bytes.len() as u64) {
            self.refusal = Some(refusal);
            return Err(io::Error::other("no more is taken"));
        }
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

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
const LIST: &str = "list";
const REJECTS: &str = "rejects.csv";

/// Most space of the disk that is left to others, in bytes; a twentieth of it, if that is less.
const MOST_SPARED: u64 = 1 << 30;

/// After how many bytes the disk is looked at again.
const LOOK_EVERY: u64 = 16 << 20;

/// No list of contacts is coded in a hundredth of its bytes: each row has a number of its own. What is short may be.
const RATIO: u64 = 100;
const RATIO_FROM: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use jiff::Timestamp;

    use super::*;
    use crate::{campaign::engine::CampaignId, store::AuditEntry};

    #[test]
    fn a_list_is_there_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::below(folder.path());
        let mut incoming = spool.begin("a", &order(UploadCoding::Plain)).unwrap();
        incoming.write(b"phone\n").unwrap();
        assert_eq!(names(folder.path()), ["a.part"]);
        drop(incoming);
        assert_eq!(names(folder.path()), [""; 0]);

        let mut incoming = spool.begin("a", &order(UploadCoding::Plain)).unwrap();
        incoming.write(b"phone\n").unwrap();
        let whole = incoming.finish().unwrap();
        assert_eq!(
            (whole.size, &whole.digest[..8]),
            (6, &hex(&sha(b"phone\n"))[..8])
        );
        spool.keep(incoming, "a").unwrap();
        assert_eq!(names(folder.path()), ["a.list"]);
        assert_eq!(spool.lists(), ["a"]);
        // One works on it, and when that has ended another may.
        let taken = spool.take("a").unwrap();
        assert!(spool.take("a").is_none());
        drop(taken);
        assert!(spool.take("a").is_some());
        fs::write(spool.rejects("a"), "rejected_line\n").unwrap();
        assert_eq!(
            (spool.rejected(), spool.lists()),
            (vec!["a".to_owned()], vec!["a".to_owned()])
        );
        spool.remove("a");
        assert!(spool.take("a").is_none() && spool.rejected().is_empty());
    }

    #[test]
    fn what_a_process_that_is_gone_has_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::below(folder.path());
        let alive = spool.begin("alive", &order(UploadCoding::Plain)).unwrap();
        fs::write(folder.path().join("uploads/dead.part"), "phone").unwrap();
        fs::write(folder.path().join("uploads/b.list"), "phone").unwrap();
        spool.sweep();
        assert_eq!(names(folder.path()), ["alive.part", "b.list"]);
        drop(alive);
    }

    #[test]
    fn what_is_coded_is_decoded_and_a_part_of_it_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::below(folder.path());
        let list = "phone,name\n+12025550101,Ann\n".repeat(5_000);
        let coded = gzip(list.as_bytes());
        // In parts of any size.
        for size in [1, 7, 4_096, coded.len()] {
            let mut incoming = spool
                .begin(
                    "a",
                    &UploadOrder {
                        sha256: Some(sha(&coded)),
                        ..order(UploadCoding::Gzip)
                    },
                )
                .unwrap();
            for part in coded.chunks(size) {
                incoming.write(part).unwrap();
            }
            let whole = incoming.finish().unwrap();
            assert_eq!(whole.digest, hex(&sha(list.as_bytes())));
            assert_eq!(whole.size, list.len() as u64);
        }
        let mut incoming = spool.begin("a", &order(UploadCoding::Gzip)).unwrap();
        incoming.write(&coded[..coded.len() - 3]).unwrap();
        let refused = incoming.finish();
        assert!(matches!(refused, Err(UploadRefusal::NotGzip(_))));
        drop(incoming);
        let mut incoming = spool.begin("a", &order(UploadCoding::Gzip)).unwrap();
        let refused = incoming.write(b"phone,name\n").err();
        let refused = refused.or_else(|| incoming.finish().err());
        assert!(matches!(refused, Some(UploadRefusal::NotGzip(_))));
        drop(incoming);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::below(folder.path());
        let bomb = gzip(&vec![b'0'; 50 << 20]);
        let mut incoming = spool.begin("a", &order(UploadCoding::Gzip)).unwrap();
        let refused = incoming.write(&bomb);
        assert!(matches!(refused, Err(UploadRefusal::Ratio(100))));
        assert!(incoming.bytes() <= 100 * bomb.len() as u64 + RATIO_FROM);
        let small = UploadOrder {
            most_bytes: 10,
            ..order(UploadCoding::Plain)
        };
        let mut incoming = spool.begin("b", &small).unwrap();
        incoming.write(b"0123456789").unwrap();
        let refused = incoming.write(b"0");
        assert!(matches!(refused, Err(UploadRefusal::TooLong(10))));
    }

    #[test]
    fn another_digest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::below(folder.path());
        let order = UploadOrder {
            sha256: Some(sha(b"phone\n")),
            ..order(UploadCoding::Plain)
        };
        let mut incoming = spool.begin("a", &order).unwrap();
        incoming.write(b"phone").unwrap();
        assert!(matches!(incoming.finish(), Err(UploadRefusal::WrongDigest)));
    }

    fn order(coding: UploadCoding) -> UploadOrder {
        UploadOrder {
            campaign: CampaignId(1),
            name: "leads.csv".to_owned(),
            mapping: Vec::new(),
            dates: None,
            is_dry_run: false,
            coding,
            announced: None,
            sha256: None,
            most_bytes: 100 << 20,
            who: "token:a".to_owned(),
            audit: AuditEntry {
                at: Timestamp::UNIX_EPOCH,
                who: "token:a".to_owned(),
                via: "api",
                ip: None,
                request_id: None,
                action: "import.add".to_owned(),
                object: "spring".to_owned(),
                before: None,
                after: None,
            },
        }
    }

    #[test]
    fn files_that_hold_a_number_are_found_however_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::below(folder.path());
        assert!(spool.holding(&[]).is_empty());
        fs::create_dir(folder.path().join("uploads")).unwrap();
        let number = PhoneNumber::from_digits(12_025_550_101).unwrap();
        for (name, text, holds) in [
            ("a.list", "phone\n+12025550101\n", true),
            ("b.rejects.csv", "phone\n\"(202) 555-0101\",no\n", true),
            ("c.part", "x,1.202.555.0101", true),
            ("d.list", "phone\n+12025550102\n", false),
            ("e.list", "+120255\n50101", false),
            ("f.list", "202,555,0101", false),
        ] {
            let path = folder.path().join("uploads").join(name);
            fs::write(&path, text).unwrap();
            let found = spool.holding(std::slice::from_ref(&number));
            assert_eq!(found.contains(&path), holds, "{name}");
        }
    }

    fn sha(bytes: &[u8]) -> [u8; 32] {
        let mut digest = RunningDigest::default();
        digest.update(bytes);
        digest.finish()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder.join("uploads")).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}
