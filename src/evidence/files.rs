//! The files of a folder of evidence: what they are called, and how they are made.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::{owner::give_to_owner_of_folder, screen::RATE};

/// A file for its owner only, which must not exist.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    give_to_owner_of_folder(path);
    Ok(file)
}

/// A file of samples, made now.
pub(super) fn write_wav(path: &Path, samples: &[i16]) -> io::Result<()> {
    let file = BufWriter::new(create(path)?);
    let mut wav = hound::WavWriter::new(file, SPEC).map_err(io_error)?;
    for sample in samples {
        wav.write_sample(*sample).map_err(io_error)?;
    }
    wav.finalize().map_err(io_error)
}

/// The error of the disk, which is why samples cannot be written.
pub(super) fn io_error(error: hound::Error) -> io::Error {
    if let hound::Error::IoError(error) = error {
        error
    } else {
        io::Error::other(error)
    }
}

/// Held while folders come and go.
pub(super) const LOCK: &str = ".lock";
/// What the name of the folder of a drop in flight begins with.
pub(super) const PARTIAL: &str = ".partial-";

/// What the ears heard.
pub(super) const INCOMING: &str = "incoming.wav";
/// What was played, on the same clock.
pub(super) const PLAYED: &str = "played.wav";
/// The message.
pub(super) const MESSAGE: &str = "message.wav";
/// How the drop ended, and what it takes to hear it again.
pub const MANIFEST: &str = "drop.json";
/// All of it in one picture.
pub(super) const PICTURE: &str = "picture.svg";

/// The files that may be given to whoever may read evidence, with their media types.
pub const KEPT_FILES: [(&str, &str); 5] = [
    (INCOMING, "audio/wav"),
    (PLAYED, "audio/wav"),
    (MESSAGE, "audio/wav"),
    (MANIFEST, "application/json"),
    (PICTURE, "image/svg+xml"),
];

/// What incoming.wav and played.wav are.
pub(super) const SPEC: hound::WavSpec = hound::WavSpec {
    channels: 1,
    sample_rate: RATE as u32,
    bits_per_sample: 16,
    sample_format: hound::SampleFormat::Int,
};
