//! Speech by a command of the user's.
//!
//! ```text
//!  text, voice ──> .speech/fixed/<digest>.wav16    there: used, and marked as used
//!                  .speech/filled/…                else: command ──> WAV ──trimmed──> kept there
//! ```
//!
//! What is kept is only a cache: if it cannot be written, the command runs each time. Texts with something of a person in
//! them are kept apart, so that the erasure of a person can take all of them away.

mod cache;
mod command;
mod error;
mod settings;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use tokio::sync::Semaphore;

pub(super) use self::settings::SaidText;
use self::{
    cache::{SpeechCache, work_folder},
    command::run,
};
pub use self::{error::SpeechError, settings::SpeechSettings};
use super::{
    decode::decode,
    library::Library,
    normalise::{SHORTEST_CLIP, Trimmed, audible},
    refusal::Refusal,
};
use crate::tasks::blocking;

/// Makes speech of words.
#[derive(Clone, Debug)]
pub struct Speech {
    settings: Arc<SpeechSettings>,
}

impl Speech {
    /// Speech by a command. What is at most at once counts for the whole process, however many of these there are.
    pub fn new(settings: SpeechSettings) -> Self {
        Self {
            settings: Arc::new(settings),
        }
    }

    /// The program's name, without its folder.
    pub fn program(&self) -> &str {
        self.settings.program()
    }

    /// The voice of a part, whose own is `own`.
    pub fn voice<'a>(&'a self, own: Option<&'a str>) -> &'a str {
        own.unwrap_or(&self.settings.voice)
    }

    /// Whether a part whose own voice is `own` can be spoken.
    ///
    /// # Errors
    /// [`SpeechError::NoVoice`].
    pub(super) fn check(&self, own: Option<&str>) -> Result<(), SpeechError> {
        match own {
            Some(voice) if !self.settings.takes_voice() => Err(SpeechError::NoVoice {
                voice: voice.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Lets the command say a word, whatever was kept.
    ///
    /// # Errors
    /// [`SpeechError`].
    pub async fn trial(&self) -> Result<SpeechTrial, SpeechError> {
        let said = SaidText {
            text: "Hello.".to_owned(),
            voice: None,
            is_personal: false,
        };
        let program = || self.program().to_owned();
        let folder = work_folder().map_err(|source| SpeechError::File {
            program: program(),
            source,
        })?;
        let made = run(&self.settings, self.voice(None), &said, folder).await?;
        let trimmed = blocking(move || trimmed(&made.file, LONGEST_WORD)).await;
        let trimmed = trimmed.map_err(|why| SpeechError::Unfit {
            program: program(),
            why,
        })?;
        Ok(SpeechTrial {
            length: trimmed.length,
            allowed: self.settings.timeout,
        })
    }

    /// What is said, as one channel at the working rate, trimmed: from what was kept, or by the command. Two who ask for
    /// the same at once run it once. At most `limit` long.
    ///
    /// # Errors
    /// [`SpeechError`].
    pub(super) async fn say(
        &self,
        said: &SaidText,
        library: &Library,
        limit: Duration,
        now: SystemTime,
    ) -> Result<Vec<f32>, SpeechError> {
        self.check(said.voice.as_deref())?;
        let settings = &self.settings;
        let voice = self.voice(said.voice.as_deref()).to_owned();
        let cache = SpeechCache::of(library, said.is_personal);
        let kept = cache.place(settings, &voice, &said.text);
        let turn = turn_at(&kept);
        let _turn = turn.lock().await;
        {
            let (cache, kept) = (cache.clone(), kept.clone());
            if let Some(samples) = blocking(move || cache.used(&kept, now)).await {
                return Ok(samples);
            }
        }
        let _permit = permits(settings.at_once).acquire_owned().await;
        let program = self.program().to_owned();
        let folder = cache.work().map_err(|source| SpeechError::File {
            program: program.clone(),
            source,
        })?;
        let made = run(settings, &voice, said, folder).await?;
        blocking(move || {
            let unfit = |why| SpeechError::Unfit { program, why };
            let samples = trimmed(&made.file, limit).map_err(unfit)?.samples;
            Ok(cache.keep(&kept, &samples))
        })
        .await
    }
}

/// How a trial went.
#[derive(Clone, Copy, Debug)]
pub struct SpeechTrial {
    /// How long the word is.
    pub length: Duration,
    /// How long a command may take.
    pub allowed: Duration,
}

impl Library {
    /// Removes speech that was not used for `keep`, what is longest unused of more than 1 GB, and what commands have left that
    /// died; returns how many files.
    ///
    /// # Errors
    /// [`std::io::Error`] of the first that cannot be removed.
    pub fn prune_speech(&self, keep: Duration, now: SystemTime) -> std::io::Result<usize> {
        cache::prune(self, keep, now)
    }

    /// How many files [`Self::prune_speech`] would remove.
    ///
    /// # Errors
    /// [`std::io::Error`] of the first that cannot be looked at.
    pub fn unused_speech(&self, keep: Duration, now: SystemTime) -> std::io::Result<usize> {
        Ok(cache::unused(self, keep, now)?.len())
    }

    /// Removes all speech with something of a person in it: which is about whom cannot be told. Returns how many files.
    ///
    /// # Errors
    /// [`std::io::Error`] of the first that cannot be removed.
    pub fn forget_speech(&self, now: SystemTime) -> std::io::Result<usize> {
        cache::forget(self, now)
    }
}

fn trimmed(file: &Path, limit: Duration) -> Result<Trimmed, Refusal> {
    let decoded = decode(file, limit)?;
    let heard = audible(&decoded.samples)?;
    if heard.length < SHORTEST_CLIP {
        return Err(Refusal::TooShort {
            audible: heard.length,
            least: SHORTEST_CLIP,
        });
    }
    Ok(heard)
}

/// One at a time for each file of the cache.
fn turn_at(kept: &Path) -> Arc<tokio::sync::Mutex<()>> {
    static TURNS: Mutex<BTreeMap<PathBuf, Weak<tokio::sync::Mutex<()>>>> =
        Mutex::new(BTreeMap::new());

    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(turn) = turns.get(kept).and_then(Weak::upgrade) {
        return turn;
    }
    turns.retain(|_, turn| turn.strong_count() > 0);
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    turns.insert(kept.to_owned(), Arc::downgrade(&turn));
    turn
}

/// The commands that may run at once in this process: one configuration has one number of them.
fn permits(at_once: usize) -> Arc<Semaphore> {
    static PERMITS: Mutex<BTreeMap<usize, Arc<Semaphore>>> = Mutex::new(BTreeMap::new());

    let mut permits = PERMITS.lock().unwrap_or_else(PoisonError::into_inner);
    let permits = permits.entry(at_once);
    Arc::clone(permits.or_insert_with(|| Arc::new(Semaphore::new(at_once))))
}

/// Longer than anybody takes for a word.
const LONGEST_WORD: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
