//! Makes one message of the parts that are for one person.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    Targets,
    error::Error,
    folder::{Stamp, stamp},
    library::{Library, Once, Prepared},
    name::Name,
    normalise::{Joined, SoundPart, WORK_RATE, join},
    speech::{SaidText, Speech, SpeechError},
    template::{Filled, FilledPart, Template},
    write::wav,
};
use crate::tasks::blocking;

/// Makes messages for single people. Clones share what they have read.
#[derive(Clone, Debug)]
pub struct Composer {
    library: Library,
    targets: Targets,
    speech: Option<Speech>,
    parts: Arc<Mutex<KnownParts>>,
}

impl Composer {
    /// A composer from the recordings of a library, and with speech if that is configured.
    pub fn new(library: Library, targets: Targets, speech: Option<Speech>) -> Self {
        Self {
            library,
            targets,
            speech,
            parts: Arc::default(),
        }
    }

    /// The folder of messages.
    pub const fn library(&self) -> &Library {
        &self.library
    }

    /// What messages are to be like.
    pub const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Whether a template can be used: the recordings that it names are there, each folder of which a column chooses has
    /// a clip, and speech is configured if it speaks. Blocks.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Broken`], [`Error::NoClips`] or [`Error::Speech`].
    pub fn check(&self, template: &Template) -> Result<(), Error> {
        for name in template.names() {
            self.library.show(name)?;
        }
        for folder in template.folders() {
            if self.library.clips(folder)?.is_empty() {
                return Err(Error::NoClips {
                    folder: folder.to_owned(),
                });
            }
        }
        for voice in template.voices() {
            self.speech()?.check(voice)?;
        }
        Ok(())
    }

    /// Makes the message of one person. `run` is as for [`Library::prepare_once`].
    ///
    /// # Errors
    /// [`Error::Missing`] if a recording is not there, [`Error::Speech`] if there is no speech, [`Error::Composed`] if
    /// the whole is too long or too short, [`Error::Owner`], [`Error::Write`].
    pub async fn compose(
        &self,
        filled: &Filled,
        run: &str,
        now: SystemTime,
    ) -> Result<Composed, Error> {
        // Two drops may have the same message at once, and the first that ends takes its files away.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let drop = format!("{}x{number}", filled.digest());
        let (library, run) = (self.library.clone(), run.to_owned());
        let (joined, left) = self.join(filled, now).await?;
        let once = blocking(move || library.write_once(&run, &drop, &joined)).await?;
        Ok(Composed {
            prepared: once.prepared().clone(),
            once: Arc::new(once),
            left,
        })
    }

    /// The message of one person as a WAV file at 16 kHz, without leaving one on disk.
    ///
    /// # Errors
    /// As [`Self::compose`].
    pub async fn hear(&self, filled: &Filled, now: SystemTime) -> Result<Vec<u8>, Error> {
        let (joined, _) = self.join(filled, now).await?;
        Ok(wav(&joined.wide, WORK_RATE))
    }

    async fn join(
        &self,
        filled: &Filled,
        now: SystemTime,
    ) -> Result<(Joined, Vec<PartLeft>), Error> {
        let spoken = filled.parts.iter().map(|part| self.speak(part, now));
        let spoken = try_join_all(spoken).await?;
        let (composer, parts) = (self.clone(), filled.parts.clone());
        blocking(move || {
            let mut sounds = Vec::with_capacity(parts.len());
            let mut left = Vec::with_capacity(parts.len());
            for (part, spoken) in parts.into_iter().zip(spoken) {
                let (sound, part) = composer.sound(part, spoken)?;
                sounds.push(sound);
                left.push(part);
            }
            let limit = composer.targets.max_length();
            let joined = join(sounds.iter().map(|sound| &**sound), limit);
            Ok((joined.map_err(|why| Error::Composed { why })?, left))
        })
        .await
    }

    /// What is said of a part; `None` if it is a recording.
    async fn speak(&self, part: &FilledPart, now: SystemTime) -> Result<Option<Vec<f32>>, Error> {
        let FilledPart::Speech {
            text,
            voice,
            is_personal,
        } = part
        else {
            return Ok(None);
        };
        let said = SaidText {
            text: text.clone(),
            voice: voice.clone(),
            is_personal: *is_personal,
        };
        let limit = self.targets.max_length();
        let samples = self.speech()?.say(&said, &self.library, limit, now).await?;
        Ok(Some(samples))
    }

    /// A part's sound, and what is to be told of it.
    fn sound(
        &self,
        part: FilledPart,
        spoken: Option<Vec<f32>>,
    ) -> Result<(Arc<SoundPart>, PartLeft), Error> {
        match part {
            FilledPart::Prepared(name) => {
                let sound = self.recording(&name)?;
                let name = name.to_string();
                Ok((sound, PartLeft::Prepared { name }))
            }
            FilledPart::Clip { name, or } => {
                let (sound, name) = match (self.recording(&name), or) {
                    (Err(Error::Missing { .. }), Some(or)) => (self.recording(&or)?, or),
                    (sound, _) => (sound?, name),
                };
                let name = name.to_string();
                Ok((sound, PartLeft::Clip { name }))
            }
            FilledPart::Speech { text, voice, .. } => {
                let speech = self.speech()?;
                let unfit = |why| SpeechError::Unfit {
                    program: speech.program().to_owned(),
                    why,
                };
                let sound = SoundPart::new(spoken.unwrap_or_default(), self.targets.lufs());
                let left = PartLeft::Speech {
                    voice: speech.voice(voice.as_deref()).to_owned(),
                    program: speech.program().to_owned(),
                    text,
                };
                Ok((Arc::new(sound.map_err(unfit)?), left))
            }
        }
    }

    /// A recording of the library as a part, which is kept in memory: most parts are for all.
    fn recording(&self, name: &Name) -> Result<Arc<SoundPart>, Error> {
        let stamp = fs::metadata(self.library.recording(name)).map(|about| stamp(&about));
        let stamp = stamp.map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                return Error::Missing { name: name.clone() };
            }
            let path = self.library.recording(name);
            Error::Read { path, source }
        })?;
        if let Some(known) = self.parts().get(name, stamp) {
            return Ok(known);
        }
        let samples = self.library.sound(name)?;
        let part = SoundPart::new(samples, self.targets.lufs()).map_err(|why| Error::Refused {
            file: self.library.recording(name),
            why,
        })?;
        let part = Arc::new(part);
        self.parts().keep(name, stamp, &part);
        Ok(part)
    }

    fn speech(&self) -> Result<&Speech, SpeechError> {
        self.speech.as_ref().ok_or(SpeechError::NoCommand)
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, KnownParts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The message of one person.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The message, as the PBX plays it.
    pub prepared: Prepared,
    /// Removes its files when the last clone is dropped.
    pub once: Arc<Once>,
    /// What it is made of, for the evidence.
    pub left: Vec<PartLeft>,
}

/// What a part of a message was. Personal data, but for its kind, its voice and its program.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PartLeft {
    /// A prepared message.
    Prepared {
        /// Its name.
        name: String,
    },
    /// A clip.
    Clip {
        /// Its name, with its folder.
        name: String,
    },
    /// Speech of a machine.
    Speech {
        /// What was said.
        text: String,
        /// By which voice; empty if the command knows only one.
        voice: String,
        /// By which program, without its folder.
        program: String,
    },
}

impl fmt::Debug for PartLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepared { .. } => "Prepared",
            Self::Clip { .. } => "Clip",
            Self::Speech { .. } => "Speech",
        })
    }
}

/// Parts that were read lately.
#[derive(Debug, Default)]
struct KnownParts {
    parts: BTreeMap<Name, (Stamp, Arc<SoundPart>)>,
    samples: usize,
}

impl KnownParts {
    fn get(&self, name: &Name, stamp: Stamp) -> Option<Arc<SoundPart>> {
        let (known, part) = self.parts.get(name)?;
        (*known == stamp).then(|| Arc::clone(part))
    }

    fn keep(&mut self, name: &Name, stamp: Stamp, part: &Arc<SoundPart>) {
        if self.samples + part.len() > MOST_SAMPLES {
            // Those that are for all are soon here again.
            *self = Self::default();
        }
        let before = self.parts.insert(name.clone(), (stamp, Arc::clone(part)));
        self.samples += part.len();
        self.samples -= before.map_or(0, |(_, part)| part.len());
    }
}

/// How many messages this process has made.
static MADE: AtomicU64 = AtomicU64::new(0);

/// How much of parts is kept in memory: 32 MB, five minutes of sound.
const MOST_SAMPLES: usize = 8_000_000;

#[cfg(test)]
mod tests;
