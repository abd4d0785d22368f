//! Where messages are, and what they are to be like, as it is configured.

use std::{path::PathBuf, time::Duration};

use super::{
    Composer, Library, Targets,
    error::Error,
    speech::{Speech, SpeechSettings},
};

/// What is configured of messages.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageSettings {
    /// Their folder, as this program sees it.
    pub dir: PathBuf,
    /// The same, as the PBX sees it.
    pub pbx_dir: PathBuf,
    /// How long one may be: 1 s to 10 min.
    pub max_length: Duration,
    /// How loud each is made, from -36 to -10 LUFS; `None`: [`Targets::LUFS`].
    pub lufs: Option<f64>,
    /// How words become speech; `None`: messages have none.
    pub speech: Option<SpeechSettings>,
}

impl MessageSettings {
    /// Their folder.
    ///
    /// # Errors
    /// [`Error::PbxDir`].
    pub fn library(&self) -> Result<Library, Error> {
        Library::new(&self.dir, &self.pbx_dir)
    }

    /// What makes them: it has their folder, and what they are to be like.
    ///
    /// # Errors
    /// [`Error::PbxDir`], or [`Error::Targets`] if a value is out of its range.
    pub fn composer(&self) -> Result<Composer, Error> {
        let lufs = self.lufs.unwrap_or(Targets::LUFS);
        let targets = Targets::new(self.max_length, lufs)?;
        let speech = self.speech.clone().map(Speech::new);
        Ok(Composer::new(self.library()?, targets, speech))
    }
}
