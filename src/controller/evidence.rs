//! The evidence of drops, kept off the threads that drive calls.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use thiserror::Error;
use tokio::{
    task::{JoinError, spawn_blocking},
    time::timeout,
};
use tracing::warn;

use crate::{
    clock,
    config::Config,
    drop::{DropRecord, Report},
    error_chain::chain,
    evidence::{Archive, ArchiveError, Folder, MessageParts, RetentionLimits, title_of},
    id::{DropId, RunName},
    phone::PhoneNumber,
    store::Store,
};

/// Why evidence cannot be kept. It is found out before a drop is dialled: no drop is better than one that was to be proven
/// and is not.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// The folder cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It was not looked at.
    #[error("the folder of evidence was not looked at")]
    Task(#[from] JoinError),
}

/// Opens the folder of all evidence.
///
/// # Errors
/// [`EvidenceError`].
pub(super) async fn open(dir: PathBuf, config: &Config) -> Result<Archive, EvidenceError> {
    let limits = RetentionLimits {
        max_age: config.evidence.max_age,
        max_size: config.evidence.max_size,
    };
    let opened = spawn_blocking(move || Archive::open(&dir, limits, clock::wall()));
    Ok(opened.await??)
}

/// Begins the folder of a drop. `now` is the time that is gone by: a wall clock that jumped would make evidence too old to be
/// kept.
///
/// # Errors
/// [`EvidenceError`].
pub(super) async fn begin(
    archive: Archive,
    drop: DropId,
    now: Timestamp,
) -> Result<Folder, EvidenceError> {
    let begun = spawn_blocking(move || archive.begin(drop, now.into()));
    Ok(begun.await??)
}

/// Keeps the evidence of a drop that has ended; returns the folder, or in words why there is none. `shown` is its number
/// as the evidence shows it, and `message` what was left and what that is made of. Of whoever is erased nothing is kept: an erasure
/// that comes later finds the folder, and one that came before is seen here.
pub(super) async fn keep(
    (store, number): (&Store, &PhoneNumber),
    folder: Folder,
    subject: (&RunName, DropId, &str),
    report: &Arc<Report>,
    message: (Option<Arc<[i16]>>, Option<MessageParts>),
    now: Timestamp,
) -> Result<PathBuf, String> {
    let path = keep_folder(folder, subject, report, message, now).await?;
    match timeout(STORE_WITHIN, store.is_barred_for_good(number)).await {
        Ok(Ok(false)) => Ok(path),
        Ok(Ok(true)) => {
            let (drops, folders) = (BTreeSet::new(), [path]);
            let removing = spawn_blocking(move || Archive::remove(None, &drops, &folders));
            match removing.await {
                Ok(Ok(_)) => Err(ERASED.to_owned()),
                Ok(Err(error)) => Err(format!("{ERASED}, and {}", chain(&error))),
                Err(error) => Err(format!(
                    "{ERASED}, and what there is of it was not removed: {error}"
                )),
            }
        }
        failed => {
            let error = failed.map(|asked| asked.err().map(|error| chain(&error)));
            warn!(folder = %path.display(), ?error, "whether the person of a drop is erased is not known; its evidence is kept");
            Ok(path)
        }
    }
}

async fn keep_folder(
    mut folder: Folder,
    (run, drop, shown): (&RunName, DropId, &str),
    report: &Arc<Report>,
    (message, parts): (Option<Arc<[i16]>>, Option<MessageParts>),
    now: Timestamp,
) -> Result<PathBuf, String> {
    let (run, shown, report) = (run.clone(), shown.to_owned(), Arc::clone(report));
    let kept = spawn_blocking(move || {
        if let Some(parts) = parts {
            folder.note_parts(parts);
        }
        let record = DropRecord::new(&run, drop, shown, &report);
        let title = title_of(
            &drop.to_string(),
            report.outcome.slug(),
            report.proof.slug(),
        );
        let kept = folder.keep(&record, &title, message.as_deref(), now.into());
        kept.map_err(|error| chain(&error))
    });
    match kept.await {
        Ok(kept) => kept,
        Err(error) => Err(format!("the evidence was not kept: {error}")),
    }
}

/// Why there is no evidence of a call to somebody who was erased.
const ERASED: &str = "everything about the person was erased while the call was up";

/// How long the database may take to say whether somebody is erased.
const STORE_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{drop::Outcome, store::DatabaseAddress};

    #[tokio::test]
    async fn evidence_of_whoever_was_erased_while_the_call_was_up_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let place = DatabaseAddress::Sqlite(dir.path().join("aftertone.db"));
        let store = Store::open(&place).await.unwrap();
        let limits = RetentionLimits {
            max_age: None,
            max_size: u64::MAX,
        };
        let kept = dir.path().join("evidence");
        let archive = Archive::open(&kept, limits, clock::wall()).unwrap();
        let number = |digits| PhoneNumber::from_digits(digits).unwrap();
        let (other, erased) = (number(12_025_550_101), number(12_025_550_102));
        let (run, report) = (
            RunName::new("aftertone").unwrap(),
            Arc::new(Report::unseen(Outcome::Lost, "it ended")),
        );
        let now = Timestamp::UNIX_EPOCH;
        let keep_of = async |number: &PhoneNumber, drop| {
            let drop = DropId::from_u128(drop);
            let folder = begin(archive.clone(), drop, now).await.unwrap();
            let subject = (&run, drop, "masked");
            keep(
                (&store, number),
                folder,
                subject,
                &report,
                (None, None),
                now,
            )
            .await
        };
        assert!(keep_of(&erased, 1).await.unwrap().is_dir());
        // It is barred while a call is up that began before.
        let barred = store.bar_for_good(std::slice::from_ref(&erased), None, now);
        barred.await.unwrap();
        assert_eq!(keep_of(&erased, 2).await, Err(ERASED.to_owned()));
        assert!(keep_of(&other, 3).await.unwrap().is_dir());
        let mut names: Vec<_> = std::fs::read_dir(&kept)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        let wanted = [1, 3].map(|drop| format!("19700101T000000Z-{}", DropId::from_u128(drop)));
        assert_eq!(names, wanted);
    }
}
