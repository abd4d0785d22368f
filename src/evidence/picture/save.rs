//! Writes pictures to files: whole or not at all, and for their owner only.

use std::{
    fs::{File, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{format::PictureFormat, layout::Layout};

/// A picture could not be written.
#[derive(Debug, Error)]
#[error("cannot write the picture {}", path.display())]
pub struct SaveError {
    /// The file that was to be written.
    pub path: PathBuf,
    source: io::Error,
}

/// Writes a picture to a file that only its owner can read (mode 0600). A file of that name is replaced in one step, once
/// the picture is whole and on disk.
///
/// # Errors
/// [`SaveError`] if the file or its folder cannot be written; a file that was there before is unchanged.
pub fn save(layout: &Layout, format: PictureFormat, path: &Path) -> Result<(), SaveError> {
    replace(path, &layout.render(format)).map_err(|source| SaveError {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    // Removes itself unless it is renamed.
    let mut file = tempfile::Builder::new()
        .prefix(".picture.")
        .suffix(".part")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
