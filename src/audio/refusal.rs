//! Why a recording cannot be used, and what to do about it.

use std::{io, time::Duration};

use thiserror::Error;

/// Why a recording cannot be used as a message.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The file cannot be read at all.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// A folder, a device or a pipe.
    #[error("it is not a regular file")]
    NotAFile,
    /// The file holds no bytes.
    #[error("it is empty")]
    Empty,
    /// More bytes than any message needs.
    #[error("it is {} MB large; at most {} MB are read", bytes / 1_000_000, limit / 1_000_000)]
    TooLarge {
        /// How large it is, in bytes.
        bytes: u64,
        /// How large it may be, in bytes.
        limit: u64,
    },
    /// Nothing that any of the decoders knows.
    #[error("it is not audio (WAV, MP3, FLAC and OGG Vorbis are accepted)")]
    NotAudio,
    /// Known, but not accepted.
    #[error("it is {what}, which is not accepted (WAV, MP3, FLAC and OGG Vorbis are)")]
    Foreign {
        /// What it is.
        what: &'static str,
    },
    /// The right container with an encoding inside that no decoder reads.
    #[error("its encoding is not accepted: {why}")]
    Encoding {
        /// The decoder's words.
        why: String,
    },
    /// The end is missing.
    #[error("it is cut off: it holds {percent} % of what its header promises")]
    Truncated {
        /// How much is there, in per cent.
        percent: u32,
    },
    /// The bytes are not what the format says they must be.
    #[error("it is damaged: {why}")]
    Damaged {
        /// What is wrong.
        why: String,
    },
    /// Nothing audible in it.
    #[error("it is silent")]
    Silent,
    /// Too little audible in it.
    #[error("only {} ms of it are audible; a message has at least {} ms", audible.as_millis(), least.as_millis())]
    TooShort {
        /// How long its audible part is.
        audible: Duration,
        /// How long it has to be.
        least: Duration,
    },
    /// Longer than the limit.
    #[error("it is {}{:.1} s long; the limit is {} s", if *measured { "" } else { "more than " }, length.as_secs_f64(), limit.as_secs_f64())]
    TooLong {
        /// How long it is.
        length: Duration,
        /// Whether `length` is the whole length, or what had been read when reading was given up.
        measured: bool,
        /// How long it may be.
        limit: Duration,
    },
}

impl Refusal {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "check that the file exists and that you may read it",
            Self::NotAFile => "name an audio file; save a stream to a file first",
            Self::Empty | Self::Truncated { .. } | Self::Damaged { .. } => {
                "export or copy the recording again"
            }
            Self::TooLarge { .. } => {
                "cut it to the message, or convert it: `ffmpeg -i IN -ac 1 -ar 16000 OUT.wav`"
            }
            Self::NotAudio => "name a recording, not another kind of file",
            Self::Foreign { .. } | Self::Encoding { .. } => {
                "convert it first: `ffmpeg -i IN -ac 1 -ar 16000 OUT.wav`"
            }
            Self::Silent => {
                "listen to the file: was the microphone muted, or the wrong track exported?"
            }
            Self::TooShort { .. } => "record a message of at least one second",
            Self::TooLong { .. } => {
                "shorten it, or raise `max_length` in section `[audio]` of the configuration"
            }
        }
    }
}
