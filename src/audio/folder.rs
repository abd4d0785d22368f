//! What is in a folder of recordings, and whose it is.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use super::error::Error;

/// The names of what is in a folder; none if it is not there.
///
/// # Errors
/// [`Error::List`] if it cannot be read.
pub(super) fn files_in(dir: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::List {
        dir: dir.to_owned(),
        source,
    };
    let entries = match fs::read_dir(dir) {
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

/// Removes a file that may be gone already.
///
/// # Errors
/// [`Error::Write`].
pub(super) fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        result => written(path, result),
    }
}

/// The result of writing to `path`.
///
/// # Errors
/// [`Error::Write`].
pub(super) fn written<T>(path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

/// What changes if a file is replaced.
pub(super) type Stamp = (u64, u64, i64, i64);

/// The stamp of a file.
pub(super) fn stamp(about: &Metadata) -> Stamp {
    (about.ino(), about.len(), about.mtime(), about.mtime_nsec())
}

/// The samples of a file that this program wrote. Full scale is 1.
///
/// # Errors
/// It cannot be read, or is another file.
pub(super) fn read_samples(path: &Path) -> io::Result<Vec<f32>> {
    let mut reader = hound::WavReader::open(path).map_err(io::Error::other)?;
    let samples = reader.samples::<i16>();
    samples
        .map(|sample| Ok(f32::from(sample.map_err(io::Error::other)?) / 32_768.0))
        .collect()
}
