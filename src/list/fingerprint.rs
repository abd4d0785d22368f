//! A list, gone through once before anything of it is taken in.

use std::{
    fmt::Write as _,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

use super::{DateOrder, List, ListError, Mapping};

/// What a list is, by all of its bytes, and by how they are read if the user says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in 64 hex digits; by [`Self::read_by`], of how they are read as well.
    pub digest: String,
    /// Its rows, without a header.
    pub rows: u64,
    /// Its rows above the header, which are skipped.
    pub title_rows: u64,
}

impl Fingerprint {
    /// Reads a list to its end, so that one that is damaged anywhere is refused before a row of it is taken in.
    ///
    /// # Errors
    /// [`ListError`]: what reading it row by row would end with.
    pub fn of(input: impl Read, mapping: &Mapping) -> Result<Self, ListError> {
        let mut hashed = Hashed {
            input,
            digest: Sha256::new(),
            size: 0,
        };
        let mut list = List::open(&mut hashed, mapping)?;
        let mut rows = 0;
        while let Some(batch) = list.batch(BATCH)? {
            rows += batch.len() as u64;
        }
        let title_rows = list.title_rows();
        drop(list);
        Ok(Self {
            size: hashed.size,
            digest: hex(&hashed.digest.finalize()),
            rows,
            title_rows,
        })
    }
}

impl Fingerprint {
    /// Makes the same bytes that are read otherwise another list: by columns that the user named, or by another order of
    /// dates.
    pub fn read_by(&mut self, mapping: &Mapping, dates: Option<DateOrder>) {
        if *mapping == Mapping::default() && dates.is_none() {
            return;
        }
        let read = format!("{} {mapping:?} {dates:?}", self.digest);
        self.digest = hex(&Sha256::digest(read));
    }
}

/// SHA-256 of bytes as they come.
#[derive(Clone, Debug, Default)]
pub struct RunningDigest(Sha256);

impl RunningDigest {
    /// Takes in some bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A String takes all.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Digests all that is read through it.
struct Hashed<R> {
    input: R,
    digest: Sha256,
    size: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.digest.update(&into[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

const BATCH: usize = 1_000;
