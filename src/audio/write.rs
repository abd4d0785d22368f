//! Writes 16-bit mono WAV as Asterisk reads it, and reads back how long such a file is.

use std::{
    fs::{File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use tempfile::NamedTempFile;

/// A whole WAV file with one channel of 16-bit samples at `rate` Hz.
pub(super) fn wav(samples: &[i16], rate: u32) -> Vec<u8> {
    let data = (samples.len() * 2) as u32;
    let mut out = Vec::with_capacity(HEADER + samples.len() * 2);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(data + HEADER as u32 - 8).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes());
    out.extend_from_slice(&rate.to_le_bytes());
    out.extend_from_slice(&(rate * 2).to_le_bytes());
    out.extend_from_slice(&2_u16.to_le_bytes());
    out.extend_from_slice(&16_u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&data.to_le_bytes());
    for sample in samples {
        out.extend_from_slice(&sample.to_le_bytes());
    }
    out
}

/// How long a file is that [`wav`] made at `rate` Hz; the inner error says why it is not such a file.
///
/// # Errors
/// The file cannot be read.
pub(super) fn length(path: &Path, rate: u32) -> io::Result<Result<Duration, String>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut header = [0; HEADER];
    match file.read_exact(&mut header) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Err("it is too short to be a WAV file".to_owned()));
        }
        Err(e) => return Err(e),
    }
    let mut expected = wav(&[], rate);
    let data = u32::from_le_bytes([header[40], header[41], header[42], header[43]]);
    expected[4..8].copy_from_slice(&header[4..8]);
    expected[40..44].copy_from_slice(&header[40..44]);
    if header[..] != expected[..] {
        return Ok(Err(format!(
            "it is not a plain 16-bit mono WAV at {rate} Hz"
        )));
    }
    if u64::from(data) + HEADER as u64 != size {
        return Ok(Err("its size is not what its header says".to_owned()));
    }
    Ok(Ok(Duration::from_micros(
        u64::from(data / 2) * 1_000_000 / u64::from(rate),
    )))
}

/// Puts `bytes` under a temporary name beside `path`, safely on disk and readable for every user, ready to be renamed:
/// half a file is never visible, and the PBX runs as another user.
pub(super) fn stage(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let file = stage_fleeting(path, bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// The same for what need not outlive a power cut.
pub(super) fn stage_fleeting(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(STAGED)
        .tempfile_in(dir)?;
    file.write_all(bytes)?;
    // Set after creation: the umask does not touch it then.
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))?;
    Ok(file)
}

/// Makes renames within `dir` last through a power cut.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// What a file's name ends in until it is whole.
pub(super) const STAGED: &str = ".part";

/// Length of a plain WAV header in bytes.
const HEADER: usize = 44;
