//! The message of one drop, ready for the PBX to play.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::task::spawn_blocking;

use super::super::CliError;
use crate::{
    audio::{self, Library, Once, Reference, Targets},
    clock,
    id::{DropId, RunName},
    screen,
};

/// The message that `--message` means. Nothing is prepared yet.
///
/// # Errors
/// [`CliError`] where it means none.
pub(super) fn meant(message: &str, library: &Library) -> Result<Reference, CliError> {
    audio::resolve(message, |name| library.holds(name), Path::is_file).map_err(|error| {
        let hint = error.hint();
        CliError::new(error).hint(hint)
    })
}

/// A message that the PBX can play.
pub(super) struct Message {
    pub(super) media: String,
    /// `None` where only the PBX knows.
    pub(super) length: Option<Duration>,
    /// Its sound; `None` where only the PBX has it.
    pub(super) samples: Option<Arc<[i16]>>,
    /// Removes the files of a message that is for one drop.
    _once: Option<Once>,
}

impl Message {
    /// Makes ready what is meant; a recording is prepared for this drop alone.
    ///
    /// # Errors
    /// [`CliError`] where there is none of this name, or a recording cannot be prepared.
    pub(super) async fn ready(
        reference: Reference,
        library: Library,
        targets: Targets,
        run: RunName,
        drop: DropId,
    ) -> Result<Self, CliError> {
        let file = match reference {
            Reference::Prepared(name) => {
                let prepared = library.show(&name).map_err(library_trouble)?;
                return Ok(Self {
                    samples: library.samples(&prepared).map(Arc::from),
                    media: prepared.media,
                    length: Some(prepared.duration),
                    _once: None,
                });
            }
            Reference::OnPbx(uri) => {
                return Ok(Self {
                    media: uri.to_string(),
                    length: None,
                    samples: None,
                    _once: None,
                });
            }
            Reference::File(file) => file,
        };
        let kept = library.clone();
        let preparing = spawn_blocking(move || {
            let (run, drop) = (run.to_string(), drop.to_string());
            library.prepare_once(&run, &drop, &file, &targets, clock::wall())
        });
        let once = preparing
            .await
            .map_err(CliError::new)?
            .map_err(library_trouble)?;
        let prepared = once.prepared();
        Ok(Self {
            samples: kept.samples(prepared).map(Arc::from),
            media: prepared.media.clone(),
            length: Some(prepared.duration),
            _once: Some(once),
        })
    }

    /// The message as its echo would sound.
    pub(super) fn echo(&self) -> Option<screen::Message> {
        let samples = self.samples.as_deref()?;
        Some(screen::Message::new(samples))
    }
}

fn library_trouble(error: audio::Error) -> CliError {
    let hint = error.hint();
    CliError::new(error).maybe_hint(hint)
}
