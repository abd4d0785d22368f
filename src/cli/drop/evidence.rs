//! The evidence of one drop: where it is kept, and when that fails.

use std::path::PathBuf;

use tokio::task::{block_in_place, spawn_blocking};

use super::super::CliError;
use crate::{
    clock,
    config::Config,
    drop::{DropRecord, Report},
    error_chain::chain,
    evidence::{Archive, ArchiveError, Folder, RetentionLimits, title_of},
    id::DropId,
};

/// Opens the folder of all evidence.
///
/// # Errors
/// [`CliError`] where nothing can be kept there: better no drop than one that was to be proven and is not.
pub(super) async fn open(dir: PathBuf, config: &Config) -> Result<Archive, CliError> {
    let limits = RetentionLimits {
        max_age: config.evidence.max_age,
        max_size: config.evidence.max_size,
    };
    let opened = spawn_blocking(move || Archive::open(&dir, limits, clock::wall())).await;
    opened.map_err(CliError::new)?.map_err(advise)
}

/// Begins the folder of a drop.
///
/// # Errors
/// [`CliError`] where it cannot be made.
pub(super) async fn begin(archive: Archive, drop: DropId) -> Result<Folder, CliError> {
    let begun = spawn_blocking(move || archive.begin(drop, clock::wall())).await;
    begun.map_err(CliError::new)?.map_err(advise)
}

/// Keeps the evidence of a drop that has ended, and tells where, or in words why not.
pub(super) fn keep(
    folder: Folder,
    drop: DropId,
    ended: &DropRecord<'_>,
    report: &Report,
    message: Option<&[i16]>,
) -> Result<PathBuf, String> {
    let drop = drop.to_string();
    let title = title_of(&drop, report.outcome.slug(), report.proof.slug());
    let kept = block_in_place(|| folder.keep(ended, &title, message, clock::wall()));
    kept.map_err(|error| chain(&error))
}

fn advise(error: ArchiveError) -> CliError {
    let dir = error.dir.display();
    let hint =
        format!("make {dir} writable, or name another folder (`--evidence`, `evidence.dir`)");
    CliError::new(error).hint(hint)
}
