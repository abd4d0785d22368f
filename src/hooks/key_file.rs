//! The file of the key that seals secrets.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tempfile::NamedTempFile;

use crate::owner::give_to_owner_of;

/// Why the key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the key of webhooks, {} (`webhooks.key_file`)", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be made.
    #[error("cannot make the key of webhooks, {} (`webhooks.key_file`)", file.display())]
    Make {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no key.
    #[error(
        "{} is not the key of webhooks (`webhooks.key_file`): expected 32 bytes in base64, such as `openssl rand -base64 32` prints",
        .0.display()
    )]
    NoKey(PathBuf),
}

/// The key in a file. If there is no such file, and it may be made, it is made of these random bytes, readable for its owner only.
pub(super) fn read(
    file: &Path,
    may_be_made: bool,
    random: [u8; 32],
) -> Result<[u8; 32], KeyFileError> {
    match fs::read_to_string(file) {
        Ok(text) => parse(&text).ok_or_else(|| KeyFileError::NoKey(file.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_be_made => {
            make(file, random).map_err(|source| KeyFileError::Make {
                file: file.to_owned(),
                source,
            })?;
            // Another process may have been faster.
            read(file, false, random)
        }
        Err(source) => Err(KeyFileError::Read {
            file: file.to_owned(),
            source,
        }),
    }
}

/// Makes the file as a whole, or leaves the one that is there.
fn make(file: &Path, random: [u8; 32]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut made = NamedTempFile::new_in(folder)?;
    writeln!(made, "{}", BASE64_STANDARD.encode(random))?;
    made.as_file().sync_all()?;
    give_to_owner_of(folder, made.path());
    match made.persist_noclobber(file) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let bytes = BASE64_STANDARD.decode(text.trim()).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("webhooks.key");
        assert!(matches!(
            read(&file, false, [1; 32]),
            Err(KeyFileError::Read { .. })
        ));
        assert_eq!(read(&file, true, [1; 32]).unwrap(), [1; 32]);
        assert_eq!(read(&file, true, [2; 32]).unwrap(), [1; 32]);
        make(&file, [3; 32]).unwrap();
        assert_eq!(read(&file, false, [2; 32]).unwrap(), [1; 32]);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&file, "hunter2").unwrap();
        let error = read(&file, true, [2; 32]).unwrap_err().to_string();
        assert!(error.contains("webhooks.key_file"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
