//! Evidence, read back and heard again.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde_json::Value;
use thiserror::Error;

use super::{
    files::{INCOMING, MANIFEST, MESSAGE, SPEC},
    heard_event::HeardEvent,
    manifest::{FORMAT, Manifest, plays},
    message_parts::MessageParts,
    phrase::PhraseRecord,
};
use crate::screen::{self, At, Message, RATE, Replay, Settings};

/// The evidence of one drop.
#[derive(Debug)]
pub struct EvidenceReader {
    name: String,
    /// All of `drop.json`.
    file: Value,
    manifest: Manifest,
    sound: Option<CallSound>,
}

/// The sound of a drop, and what else its ears were given.
#[derive(Debug)]
pub struct CallSound {
    samples: Vec<i16>,
    complete: bool,
    cues: Vec<(At, screen::Cue)>,
    plays: Vec<(At, At)>,
    settings: Settings,
    message: Option<Vec<i16>>,
    heard: Vec<HeardEvent>,
}

impl EvidenceReader {
    /// Whether a path is a folder of evidence, of any format.
    pub fn is_at(path: &Path) -> bool {
        path.is_dir() && is_ours(path)
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// [`ReadError`] if it holds no evidence that this program can read.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let path = folder.join(MANIFEST);
        let failed = |source| ReadError::Read {
            path: path.clone(),
            source,
        };
        let broken = |why: String| ReadError::Broken {
            path: path.clone(),
            why,
        };
        let file = manifest_json(&path).map_err(failed)?;
        let file = file.ok_or_else(|| ReadError::NotOurs { path: path.clone() })?;
        let format = &file[FORMAT_KEY];
        if *format != FORMAT {
            return Err(ReadError::Format {
                path,
                found: format.to_string(),
            });
        }
        let manifest: Manifest =
            serde_json::from_value(file.clone()).map_err(|error| broken(error.to_string()))?;
        let sound = match manifest.audio {
            Some(audio) => {
                let settings = manifest.settings().map_err(broken)?;
                let samples = samples(&folder.join(INCOMING))?;
                if samples.len() as u64 != audio.samples {
                    return Err(broken(format!(
                        "it names {} samples, and {INCOMING} has {}",
                        audio.samples,
                        samples.len()
                    )));
                }
                let message = folder.join(MESSAGE);
                let message = message.exists().then(|| self::samples(&message));
                let message = message.transpose()?;
                let length = message.as_ref().map(|message| message.len() as u64);
                let cues = manifest.cues();
                Some(CallSound {
                    complete: audio.complete,
                    cues: cues
                        .filter_map(|(at, cue)| Some((at, cue.to_ears()?)))
                        .collect(),
                    plays: plays(manifest.cues(), length, audio.samples),
                    heard: manifest.heard.clone(),
                    settings,
                    samples,
                    message,
                })
            }
            None => None,
        };
        let name = folder.file_name().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            file,
            manifest,
            sound,
        })
    }

    /// The folder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A text of the object that `drop --json` printed; empty if it has none of this name.
    pub fn word(&self, key: &str) -> &str {
        self.file[key].as_str().unwrap_or_default()
    }

    /// The title of its picture.
    pub fn title(&self) -> String {
        title_of(self.word("drop"), self.word("outcome"), self.word("proof"))
    }

    /// What is missing of it, and why.
    pub fn notes(&self) -> &[String] {
        &self.manifest.notes
    }

    /// The phrases that were recognised in it, a line each.
    pub fn phrases(&self) -> Vec<String> {
        let phrases = self.manifest.phrases.iter();
        phrases.map(PhraseRecord::line).collect()
    }

    /// What the message is made of, a line each; nothing if it is the same for all.
    pub fn message_lines(&self) -> Vec<String> {
        let parts = self.manifest.message_parts.as_ref();
        parts.map_or_else(Vec::new, MessageParts::lines)
    }

    /// The version of the program that heard the call.
    pub fn version(&self) -> &str {
        &self.manifest.aftertone
    }

    /// Its sound; `None` if none was kept.
    pub const fn sound(&self) -> Option<&CallSound> {
        self.sound.as_ref()
    }
}

impl CallSound {
    /// What was heard from answer on, [`RATE`] samples a second.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// The settings of the ears.
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// When the message played, from and until.
    pub fn plays(&self) -> Vec<(At, At)> {
        self.plays.clone()
    }

    /// How long the message is, in seconds; `None` if it did not play, or is not known.
    pub fn message_seconds(&self) -> Option<f32> {
        let message = self.message.as_ref()?;
        Some(message.len() as f32 / RATE as f32)
    }

    /// Hears it as it was heard live.
    pub fn again(&self) -> Replay {
        let message = self.message.as_deref().map(Message::new);
        Replay::again(&self.samples, self.settings, &self.cues, message.as_ref())
    }

    /// Hears it with other settings: what would have been decided?
    pub fn otherwise(&self, settings: Settings) -> Replay {
        let message = self.message.as_deref().map(Message::new);
        Replay::otherwise(&self.samples, settings, &self.cues, message.as_ref())
    }

    /// What differs between what the ears reported live and what they report [`again`](Self::again), line by line; nothing if
    /// both are the same. If the sound is not all that they heard, what they reported after it is left out.
    pub fn differences(&self, again: &Replay) -> Vec<String> {
        let again: Vec<HeardEvent> = again.heard.iter().map(HeardEvent::of).collect();
        let live = match self.complete {
            true => &self.heard[..],
            false => &self.heard[..self.heard.len().min(again.len())],
        };
        let same = live.iter().zip(&again).take_while(|(a, b)| a == b).count();
        let lines = |whose: &str, heard: &[HeardEvent]| -> Vec<String> {
            let shown = heard[same..].iter().take(SHOWN);
            shown
                .map(|event| format!("{whose} {}", event.line()))
                .collect()
        };
        let mut differences = lines("live  ", live);
        differences.extend(lines("again ", &again));
        differences
    }
}

/// Why evidence cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A file of it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The damaged or missing file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Something else is there.
    #[error("{} is not evidence of this program", path.display())]
    NotOurs {
        /// The damaged or missing file.
        path: PathBuf,
    },
    /// Another version of the program has written it.
    #[error(
        "{} has the format {found}, and this program reads {FORMAT}: another version wrote it", path.display()
    )]
    Format {
        /// The damaged or missing file.
        path: PathBuf,
        /// The format that it names.
        found: String,
    },
    /// It contradicts itself.
    #[error("{} is damaged: {why}", path.display())]
    Broken {
        /// The damaged or missing file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// The title of a drop's picture: how it ended, and the last characters of its id. There is little room for it.
pub fn title_of(drop: &str, outcome: &str, proof: &str) -> String {
    let end = drop.char_indices().rev().nth(7);
    let id = end.map_or(drop, |(from, _)| &drop[from..]);
    let how = match outcome {
        "delivered" => proof,
        other => other,
    };
    format!("{how}, drop {id}")
}

/// Whether a folder holds a manifest of this program.
pub(super) fn is_ours(folder: &Path) -> bool {
    let path = folder.join(MANIFEST);
    let file = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
    file && manifest_json(&path).is_ok_and(|file| file.is_some())
}

/// The manifest of a drop, of any format; `None` if the file holds something else.
fn manifest_json(path: &Path) -> io::Result<Option<Value>> {
    let mut text = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut text)?;
    let file: Option<Value> = serde_json::from_slice(&text).ok();
    Ok(file.filter(|file| file[FORMAT_KEY].is_number()))
}

fn samples(path: &Path) -> Result<Vec<i16>, ReadError> {
    let broken = |why: String| ReadError::Broken {
        path: path.to_owned(),
        why,
    };
    let read = |error| {
        if let hound::Error::IoError(source) = error {
            let path = path.to_owned();
            ReadError::Read { path, source }
        } else {
            broken(error.to_string())
        }
    };
    let mut wav = hound::WavReader::open(path).map_err(read)?;
    if wav.spec() != SPEC {
        return Err(broken("it is not 8000 Hz, 1 channel, 16 bit".to_owned()));
    }
    wav.samples().collect::<Result<_, _>>().map_err(read)
}

/// The key by which a manifest of this program is recognised.
const FORMAT_KEY: &str = "evidence_format";

/// The longest manifest that is read, in bytes: the ears report some ten events a second at most.
const LONGEST: u64 = 64 * 1_024 * 1_024;

/// How many lines of each side a difference shows.
const SHOWN: usize = 8;
