//! The evidence of one drop: where it is kept, and when that fails.

use std::path::PathBuf;

use tokio::task::spawn_blocking;

use super::super::{Trouble, printer::chain, report::Ended};
use crate::{
    clock,
    config::Config,
    drop::Report,
    evidence::{Archive, ArchiveError, Folder, Limits, title_of},
    id::DropId,
};

/// Opens the folder of all evidence.
///
/// # Errors
/// [`Trouble`] where nothing can be kept there: better no drop than one that was to be proven and is not.
pub(super) async fn open(dir: PathBuf, config: &Config) -> Result<Archive, Trouble> {
    let limits = Limits {
        max_age: config.evidence.max_age,
        max_size: config.evidence.max_size,
    };
    let opened = spawn_blocking(move || Archive::open(&dir, limits, clock::wall())).await;
    opened.map_err(Trouble::new)?.map_err(advise)
}

/// Begins the folder of a drop.
///
/// # Errors
/// [`Trouble`] where it cannot be made.
pub(super) async fn begin(archive: Archive, drop: DropId) -> Result<Folder, Trouble> {
    let begun = spawn_blocking(move || archive.begin(drop, clock::wall())).await;
    begun.map_err(Trouble::new)?.map_err(advise)
}

/// Keeps the evidence of a drop that has ended, and tells where, or in words why not.
pub(super) async fn keep(
    folder: Folder,
    ended: &Ended<'_>,
    report: &Report,
    message: Option<Vec<i16>>,
) -> Result<PathBuf, String> {
    // Our own types have string keys and finite numbers only.
    let ended = serde_json::to_value(ended).map_err(|error| chain(&error))?;
    let drop = ended["drop"].as_str().unwrap_or_default().to_owned();
    let title = title_of(&drop, report.outcome.slug(), report.proof.slug());
    let keep = move || folder.keep(&ended, &title, message.as_deref(), clock::wall());
    match spawn_blocking(keep).await {
        Ok(kept) => kept.map_err(|error| chain(&error)),
        Err(error) => Err(chain(&error)),
    }
}

fn advise(error: ArchiveError) -> Trouble {
    let dir = error.dir.display();
    let hint =
        format!("make {dir} writable, or name another folder (`--evidence`, `evidence.dir`)");
    Trouble::new(error).hint(hint)
}
