//! One controller per app: a second one on this machine would take the events of the first.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::owner::give_to_owner_of_folder;

/// A lock on a PBX's app. It dies with its process; its file stays.
#[derive(Debug)]
pub(super) struct AppLock {
    _held: File,
}

/// Why the lock was not taken.
#[derive(Debug, Error)]
pub enum AppLockError {
    /// Another process of this machine holds it.
    #[error(
        "another `campaign run` or `serve` on this machine uses the app `{app}` of the PBX at {url}"
    )]
    Taken {
        /// The app.
        app: String,
        /// The PBX.
        url: String,
    },
    /// The lock's file cannot be used.
    #[error("cannot use the lock file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl AppLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`AppLockError`].
    pub(super) fn take(state_dir: &Path, url: &str, app: &str) -> Result<Self, AppLockError> {
        let path = state_dir.join("apps").join(file_name(url, app));
        let failed = |source| AppLockError::File {
            path: path.clone(),
            source,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
            give_to_owner_of_folder(folder);
        }
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(failed)?;
        give_to_owner_of_folder(&path);
        match file.try_lock() {
            Ok(()) => Ok(Self { _held: file }),
            Err(TryLockError::WouldBlock) => Err(AppLockError::Taken {
                app: app.to_owned(),
                url: url.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// A file's name for an app of a PBX: each character of the URL that is not a letter or a digit is replaced by its code, so that no two share one.
fn file_name(url: &str, app: &str) -> String {
    let mut name = format!("{app}@");
    for byte in url.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'.' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    // Longest names of files are 255 bytes; a URL this long differs before its end.
    name.truncate(240);
    name + ".lock"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_taken_once_and_free_again_after() {
        let folder = tempfile::tempdir().unwrap();
        let take = |url: &str, app: &str| AppLock::take(folder.path(), url, app);
        let held = take("http://127.0.0.1:8088", "aftertone").unwrap();
        assert!(matches!(
            take("http://127.0.0.1:8088", "aftertone"),
            Err(AppLockError::Taken { .. })
        ));
        take("http://127.0.0.1:8088", "other").unwrap();
        take("http://127.0.0.1:8089", "aftertone").unwrap();
        drop(held);
        take("http://127.0.0.1:8088", "aftertone").unwrap();
    }
}
