//! A list, gone through once before anything of it is taken in.

use std::{
    fmt::Write as _,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

use super::{List, ListError, Mapping};

/// What a list is, by all of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in 64 hex digits.
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
        let mut digest = String::with_capacity(64);
        for byte in hashed.digest.finalize() {
            // A String takes all.
            let _ = write!(digest, "{byte:02x}");
        }
        Ok(Self {
            size: hashed.size,
            digest,
            rows,
            title_rows,
        })
    }
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
