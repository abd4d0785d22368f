//! How much evidence is kept: decided from the age and the size of its folders.

use std::time::{Duration, SystemTime};

/// How long evidence is kept, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionLimits {
    /// The greatest age; `None` for no limit.
    pub max_age: Option<Duration>,
    /// The most bytes of all folders together.
    pub max_size: u64,
}

/// One folder of evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FolderEntry {
    /// When its drop began.
    pub(super) began: SystemTime,
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// The names of the folders to remove, the oldest first: all that are too old, then as many of the oldest as it takes
/// for the rest to be no larger than allowed. The folder `spared` is kept in any case.
pub(super) fn to_remove(
    mut entries: Vec<FolderEntry>,
    limits: RetentionLimits,
    spared: Option<&str>,
    now: SystemTime,
) -> Vec<String> {
    entries.sort();
    let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let mut gone = Vec::new();
    for entry in entries {
        // A folder of the future is new: some clock was wrong.
        let age = now.duration_since(entry.began).unwrap_or_default();
        let old = limits.max_age.is_some_and(|max| age > max);
        if (old || total > limits.max_size) && spared != Some(&entry.name) {
            total -= entry.bytes;
            gone.push(entry.name);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_goes_and_then_the_oldest_until_the_rest_fits() {
        let entries = || {
            vec![
                entry("c", 300, 10),
                entry("a", 100, 10),
                entry("b", 200, 10),
            ]
        };
        type RetentionCase = (
            Option<u64>,
            u64,
            Option<&'static str>,
            &'static [&'static str],
        );
        let rows: [RetentionCase; 11] = [
            (None, 30, None, &[]),
            (None, 29, None, &["a"]),
            (None, 10, None, &["a", "b"]),
            (None, 0, None, &["a", "b", "c"]),
            (None, 0, Some("c"), &["a", "b"]),
            (None, 10, Some("a"), &["b", "c"]),
            (Some(900), 30, None, &[]),
            (Some(899), 30, None, &["a"]),
            (Some(750), 30, None, &["a", "b"]),
            (Some(750), 9, None, &["a", "b", "c"]),
            (Some(0), 30, Some("b"), &["a", "c"]),
        ];
        for (max_age, max_size, spared, gone) in rows {
            let limits = RetentionLimits {
                max_age: max_age.map(Duration::from_secs),
                max_size,
            };
            let now = at(1_000);
            assert_eq!(
                to_remove(entries(), limits, spared, now),
                gone,
                "{limits:?} {spared:?}"
            );
        }
    }

    #[test]
    fn a_folder_of_the_future_is_not_old() {
        let limits = RetentionLimits {
            max_age: Some(Duration::ZERO),
            max_size: 100,
        };
        let gone = to_remove(vec![entry("a", 2_000, 1)], limits, None, at(1_000));
        assert!(gone.is_empty());
    }

    fn entry(name: &str, began: u64, bytes: u64) -> FolderEntry {
        FolderEntry {
            began: at(began),
            name: name.to_owned(),
            bytes,
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}
