//! Names that no other run has: of labs, and of database servers.

use std::{
    env, fmt,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// A name that no other process uses for as long as this lives.
#[derive(Debug)]
pub struct OwnName {
    name: String,
    /// It goes with the process, however that ends.
    _lock: File,
}

impl OwnName {
    /// The first of `name`, `name-2`, `name-3` and so on that no process uses. Their locks are files of `folder`.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn first_free(folder: &Path, name: &str) -> io::Result<Self> {
        let mut nth = 1;
        loop {
            let candidate = match nth {
                1 => name.to_owned(),
                nth => format!("{name}-{nth}"),
            };
            let lock = lock_file(folder, &candidate)?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self::held(candidate, lock)),
                Err(TryLockError::WouldBlock) => nth += 1,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// This very name, as soon as no other process uses it.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn wait_for(folder: &Path, name: &str) -> io::Result<Self> {
        let lock = lock_file(folder, name)?;
        lock.lock()?;
        Ok(Self::held(name.to_owned(), lock))
    }

    fn held(name: String, lock: File) -> Self {
        Self { name, _lock: lock }
    }

    /// It as text.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for OwnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The folder of what outlives a run: `$XDG_CACHE_HOME/aftertone`, else `~/.cache/aftertone`.
pub fn cache() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let home = || PathBuf::from(set("HOME").unwrap_or_default()).join(".cache");
    set("XDG_CACHE_HOME")
        .map_or_else(home, PathBuf::from)
        .join("aftertone")
}

fn lock_file(folder: &Path, name: &str) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    File::create(folder.join(format!("{name}.in-use")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_use_is_passed_over_until_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let take = || OwnName::first_free(folder.path(), "lab").unwrap();
        let (first, second) = (take(), take());
        assert_eq!((first.as_str(), second.as_str()), ("lab", "lab-2"));
        drop(first);
        let again = OwnName::wait_for(folder.path(), "lab").unwrap();
        assert_eq!(again.as_str(), "lab");
        assert_eq!(take().as_str(), "lab-3");
    }
}
