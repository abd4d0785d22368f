//! The evidence of drops, kept off the threads that drive calls.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use thiserror::Error;
use tokio::task::{JoinError, spawn_blocking};

use crate::{
    clock,
    config::Config,
    drop::{DropRecord, Report},
    error_chain::chain,
    evidence::{Archive, ArchiveError, Folder, MessageParts, RetentionLimits, title_of},
    id::{DropId, RunName},
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
/// as the evidence shows it, and `message` what was left and what that is made of.
pub(super) async fn keep(
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
