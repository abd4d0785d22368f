//! Why there is no speech.

use std::{io, time::Duration};

use thiserror::Error;

use crate::audio::refusal::Refusal;

/// Why there is no speech. Never holds what was to be said.
#[derive(Debug, Error)]
pub enum SpeechError {
    /// No command is configured.
    #[error("it has words to speak, and no command that speaks is configured")]
    NoCommand,
    /// A part names a voice, and the command takes none.
    #[error("it names the voice `{voice}`, and the command that speaks takes none")]
    NoVoice {
        /// The voice.
        voice: String,
    },
    /// It cannot be started.
    #[error("`{program}` cannot be started")]
    NotStarted {
        /// The program.
        program: String,
        /// What went wrong.
        source: io::Error,
    },
    /// It failed.
    #[error("`{program}` {how}{}", said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        how: String,
        /// The last line that it wrote to its standard error.
        said: Option<String>,
    },
    /// It took too long.
    #[error("`{program}` was not done after {} s", after.as_secs_f64())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was given.
        after: Duration,
    },
    /// What it wrote is no speech.
    #[error("what `{program}` made cannot be used: {why}")]
    Unfit {
        /// The program.
        program: String,
        /// Why not.
        why: Refusal,
    },
    /// A file for it cannot be written or read.
    #[error("a file for `{program}` cannot be written or read")]
    File {
        /// The program.
        program: String,
        /// What went wrong.
        source: io::Error,
    },
}

impl SpeechError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoCommand => {
                "set `command` in section `[speech]`, such as `[\"espeak-ng\", \"--stdin\", \"-w\", \"{output}\"]`"
            }
            Self::NoVoice { .. } => {
                "leave `@VOICE` out, or put `{voice}` into `command` in section `[speech]`"
            }
            Self::NotStarted { .. } => {
                "install it, or correct `command` in section `[speech]`; the account that runs aftertone must be able to run it"
            }
            Self::Failed { .. } => {
                "run it by hand, and then `aftertone message say '\"hello\"' --output hello.wav`"
            }
            Self::Unfit { .. } => {
                "it has to write a WAV to `{output}`, or, without that, to its standard output; the text comes by its standard input, or in `{text_file}`"
            }
            Self::TimedOut { .. } => {
                "take a faster voice, or raise `timeout` in section `[speech]`"
            }
            Self::File { .. } => "let the account that runs aftertone write temporary files",
        }
    }
}
