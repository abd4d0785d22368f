//! Recordings: read, made fit for the telephone, and kept in the folder from which the PBX plays them.
//!
//! ```text
//!  WAV MP3 FLAC OGG ──decode──> one channel, 16 kHz ──normalise──> 8 kHz and 16 kHz, level ──write──> NAME.wav NAME.wav16
//! ```
//!
//! [`Library`] is the folder of prepared messages, [`resolve`] finds what a user's `--message` means, and [`Refusal`] is
//! every reason why a recording cannot be used. All of that blocks: a minute of audio takes a fraction of a second of
//! computing, so async callers run it on a thread for blocking work.
//!
//! ```text
//!  intro + names/{first_name} + "on {date}" ──Template::fill──> Filled ──Composer::compose──> once-<run>-<digest>.wav …
//!                                                                  │
//!                                                  [speech] command, .speech/ (what it said before)
//! ```
//!
//! A [`template::Template`] is a message that is made for each person, and a [`Composer`] makes it: that is async, because
//! the command that speaks takes its time.

mod compose;
mod decode;
mod error;
mod folder;
mod heard;
mod library;
mod message_files;
mod name;
mod normalise;
mod reference;
mod refusal;
mod report;
mod settings;
mod sniff;
mod speech;
pub mod template;
mod write;

use std::time::Duration;

use thiserror::Error;

pub use self::{
    compose::{Composed, Composer, PartLeft},
    error::Error,
    heard::{Unheard, heard_by},
    library::{Library, Listed, MessageStamp, Once, Prepared},
    message_files::MessageFile,
    name::{BadName, Name},
    normalise::{FRAME, LEAD, SHORTEST, SHORTEST_CLIP, TAIL},
    reference::{BadReference, Reference, SoundUri, resolve},
    refusal::Refusal,
    report::PreparationReport,
    settings::MessageSettings,
    speech::{Speech, SpeechError, SpeechSettings, SpeechTrial},
};

/// The greatest length and the loudness of a prepared message.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    max_length: Duration,
    lufs: f64,
}

impl Targets {
    /// Longest message, unless configured otherwise.
    pub const MAX_LENGTH: Duration = Duration::from_secs(120);

    /// Loudness in LUFS, unless configured otherwise.
    ///
    /// On the telephone full scale is +3.14 dBm0 for a sine, so -18 LUFS is about -12 dBm0 of speech. That is 8 dB above
    /// the -26 dB of full scale at which ITU-T tests speech, clearly heard beside the mailbox's own announcements; it is
    /// 3 dB below the -9 dBm0 that networks allow recorded sources on average; and it leaves speech, whose peaks lie
    /// about 15 dB above its level, nearly untouched by the limiter.
    pub const LUFS: f64 = -18.0;

    /// Targets with a longest length (1 s to 10 min) and an integrated loudness (-36 to -10 LUFS).
    ///
    /// # Errors
    /// [`BadTargets`] names the value that is out of range.
    pub fn new(max_length: Duration, lufs: f64) -> Result<Self, BadTargets> {
        if !(SHORTEST..=LONGEST).contains(&max_length) {
            return Err(BadTargets::MaxLength);
        }
        if !(-36.0..=-10.0).contains(&lufs) {
            return Err(BadTargets::Lufs);
        }
        Ok(Self { max_length, lufs })
    }

    /// The longest message.
    pub const fn max_length(&self) -> Duration {
        self.max_length
    }

    /// The integrated loudness in LUFS.
    pub const fn lufs(&self) -> f64 {
        self.lufs
    }
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            max_length: Self::MAX_LENGTH,
            lufs: Self::LUFS,
        }
    }
}

/// A target that no message can or should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadTargets {
    /// The longest length is out of range.
    #[error("`audio.max_length` must be from 1 s to 600 s")]
    MaxLength,
    /// The loudness is out of range.
    #[error("`audio.target_lufs` must be from -36 to -10 LUFS")]
    Lufs,
}

/// Longest message that can be allowed: mailboxes end a recording well before.
const LONGEST: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
