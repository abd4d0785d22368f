//! Why something could not be done with the library of messages.

use std::{io, path::PathBuf};

use thiserror::Error;

use super::{BadTargets, name::Name, refusal::Refusal, speech::SpeechError};

/// Why something could not be done with the library.
#[derive(Debug, Error)]
pub enum Error {
    /// The recording is not fit.
    #[error("cannot use `{}` as a message", file.display())]
    Refused {
        /// The recording.
        file: PathBuf,
        /// The reason.
        #[source]
        why: Refusal,
    },
    /// The name is in use.
    #[error("there is a message called `{name}` already")]
    Taken {
        /// The name in use.
        name: Name,
    },
    /// There is no such message.
    #[error("there is no message called `{name}`")]
    Missing {
        /// The name that was given.
        name: Name,
    },
    /// A file in the library is not what this program writes.
    #[error("`{}` cannot be played: {why}", path.display())]
    Broken {
        /// The message.
        name: Name,
        /// The file in question.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Something in the library cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The unreadable file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Something in the library cannot be written or removed.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The folder cannot be listed.
    #[error("cannot list the messages in `{}`", dir.display())]
    List {
        /// The folder of messages.
        dir: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The folder's path on the PBX cannot be used.
    #[error("`{}` cannot be the messages' folder on the PBX", dir.display())]
    PbxDir {
        /// The folder's path on the PBX.
        dir: PathBuf,
    },
    /// No message can be as it is configured.
    #[error(transparent)]
    Targets(#[from] BadTargets),
    /// A folder of which a column chooses has no clips.
    #[error("there are no clips in `{folder}/`")]
    NoClips {
        /// The folder, as the message names it.
        folder: String,
    },
    /// The message of one person is not fit.
    #[error("the message for this contact cannot be used")]
    Composed {
        /// The reason.
        #[source]
        why: Refusal,
    },
    /// A part of a message cannot be spoken.
    #[error("the message cannot be spoken")]
    Speech(#[from] SpeechError),
    /// A message of a single drop was to be named after something that is not the name of a run or a drop.
    #[error("the names of a run and of a drop are made of a-z and 0-9")]
    Owner,
}

impl Error {
    /// What to do about it; `None` if there is nothing but to report it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { why, .. } => Some(why.hint().to_owned()),
            Self::Taken { name } => Some(format!(
                "replace it with `aftertone message add --replace {name} FILE`, or take another name"
            )),
            Self::Missing { .. } => Some("`aftertone message list` shows what there is".to_owned()),
            Self::Broken { name, .. } => Some(format!(
                "prepare it again: `aftertone message add --replace {name} FILE`"
            )),
            Self::Read { .. } | Self::Write { .. } | Self::List { .. } => Some(
                "let the account that runs aftertone read and write that folder, or set `sounds_dir` in section `[pbx]`"
                    .to_owned(),
            ),
            Self::PbxDir { .. } => Some(
                "set `pbx_sounds_dir` in section `[pbx]` to an absolute path without `,`, `&` and `|`".to_owned(),
            ),
            Self::NoClips { folder } => Some(format!(
                "add clips with `aftertone message add {folder}/ FILE...`"
            )),
            Self::Composed { why } => Some(why.hint().to_owned()),
            Self::Speech(error) => Some(error.hint().to_owned()),
            Self::Targets(_) | Self::Owner => None,
        }
    }
}
