//! Removing the evidence of calls to a person who is erased.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{Archive, ArchiveError, EvidenceReader};
use crate::id::DropId;

/// What becomes of the evidence of a person's calls. Calls end while the person is erased, so that it is removed before that and
/// behind it.
#[derive(Clone, Debug, Default)]
pub struct EvidenceErasure {
    /// The folder of all evidence.
    dir: Option<PathBuf>,
    /// Folders that were looked for.
    seen: BTreeSet<PathBuf>,
    gone: usize,
    elsewhere: Vec<PathBuf>,
}

impl EvidenceErasure {
    /// Of the evidence in a folder, and of what calls name.
    pub fn new(dir: Option<&Path>) -> Self {
        Self {
            dir: dir.map(Path::to_owned),
            ..Self::default()
        }
    }

    /// Removes what there is of these calls, each with the folder that it names. Doing it again does no harm.
    ///
    /// # Errors
    /// [`ArchiveError`] if a folder cannot be removed.
    pub fn remove(
        &mut self,
        calls: impl IntoIterator<Item = (DropId, Option<String>)>,
    ) -> Result<(), ArchiveError> {
        let mut drops = BTreeSet::new();
        let mut named = BTreeSet::new();
        for (drop, folder) in calls {
            drops.insert(drop);
            named.extend(folder.map(PathBuf::from));
        }
        let fresh: Vec<_> = named.difference(&self.seen).cloned().collect();
        let (here, elsewhere): (Vec<_>, Vec<_>) = fresh
            .into_iter()
            .partition(|path| EvidenceReader::is_at(path));
        self.gone += Archive::remove(self.dir.as_deref(), &drops, &here)?;
        self.seen.append(&mut named);
        self.elsewhere.extend(elsewhere);
        Ok(())
    }

    /// Takes note of folders that could not be removed: nothing names them any more.
    pub fn leave(&mut self, folders: impl IntoIterator<Item = String>) {
        let folders = folders.into_iter().map(PathBuf::from);
        let fresh: Vec<_> = folders.filter(|path| !self.seen.contains(path)).collect();
        self.seen.extend(fresh.iter().cloned());
        self.elsewhere.extend(fresh);
    }

    /// How many folders are gone.
    pub const fn gone(&self) -> usize {
        self.gone
    }

    /// Folders that are named and are not on this machine, or cannot be removed.
    pub fn elsewhere(&self) -> &[PathBuf] {
        &self.elsewhere
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;
    use crate::evidence::RetentionLimits;

    #[test]
    fn evidence_of_a_call_that_ended_meanwhile_goes_and_what_is_elsewhere_is_named_once() {
        let dir = tempfile::tempdir().unwrap();
        let limits = RetentionLimits {
            max_age: None,
            max_size: u64::MAX,
        };
        let archive = |name: &str| {
            let path = dir.path().join(name);
            Archive::open(&path, limits, SystemTime::UNIX_EPOCH).unwrap()
        };
        let (all, own) = (archive("all"), archive("own"));
        let keep = |archive: &Archive, drop| {
            let folder = archive.begin(DropId::from_u128(drop), SystemTime::UNIX_EPOCH);
            let kept = folder
                .unwrap()
                .keep(&json!({}), "a call", None, SystemTime::UNIX_EPOCH);
            kept.unwrap()
        };
        let call = |drop, folder: Option<&Path>| {
            let folder = folder.map(|path| path.display().to_string());
            (DropId::from_u128(drop), folder)
        };
        let mut erasure = EvidenceErasure::new(Some(&dir.path().join("all")));
        let (first, away) = (keep(&all, 1), Path::new("/elsewhere/2"));
        let other = keep(&all, 9);
        let calls = [
            call(1, Some(&first)),
            call(2, Some(away)),
            call(3, None),
            call(4, None),
        ];
        erasure.remove(calls).unwrap();
        assert_eq!((erasure.gone(), first.exists()), (1, false));

        // Both were up; one has a folder of its own.
        let (third, fourth) = (keep(&all, 3), keep(&own, 4));
        let calls = [
            call(1, Some(&first)),
            call(2, Some(away)),
            call(3, Some(&third)),
            call(4, Some(&fourth)),
        ];
        for _ in 0..2 {
            erasure.remove(calls.clone()).unwrap();
            assert_eq!(erasure.gone(), 3);
            assert_eq!(erasure.elsewhere(), [away]);
        }
        assert!(!third.exists() && !fourth.exists() && other.is_dir());
        erasure.leave(["/elsewhere/2".to_owned(), "/elsewhere/5".to_owned()]);
        assert_eq!(erasure.elsewhere(), [away, Path::new("/elsewhere/5")]);
    }
}
