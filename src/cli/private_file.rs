//! Files that hold what was said to people, or their numbers: for their owner only.

use std::{
    fs::{DirBuilder, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Makes a folder and those above it, for their owner only; one that is there stays as it is.
///
/// # Errors
/// It cannot be made.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file in the place of what is there.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path)?;
    // One that was there has a mode of its own. What is no file, such as a terminal, stays as it is.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_written_is_for_its_owner_only_also_in_the_place_of_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        make_folder(&folder).unwrap();
        let (made, there) = (folder.join("made"), folder.join("there"));
        fs::write(&there, "longer than that").unwrap();
        fs::set_permissions(&there, Permissions::from_mode(0o644)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for path in [&made, &there] {
            write(path, b"said").unwrap();
            assert_eq!(
                (fs::read(path).unwrap(), mode(path)),
                (b"said".to_vec(), 0o600)
            );
        }
        assert_eq!(mode(&folder), 0o700);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        make_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o755, "it was there");
        write(Path::new("/dev/null"), b"said").unwrap();
    }
}
