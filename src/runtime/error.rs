//! Why a run could not begin.

use std::io;

use thiserror::Error;

use super::run_locks::RunsError;
use crate::{
    ari::{Failure, LinkError, SetupError},
    audio,
    drop::RefusalKind,
    id::BadId,
};

/// Why a run could not begin.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The instance's name cannot be part of an id.
    #[error("the instance's name does not fit `[a-z0-9]{{1,32}}`")]
    Instance(#[source] BadId),
    /// The lock of the run.
    #[error("cannot begin a run in `state_dir`")]
    Runs(#[from] RunsError),
    /// The folder of messages.
    #[error("the folder of messages cannot be used")]
    Library(#[source] audio::Error),
    /// There is nothing to answer call screeners with.
    #[error(
        "the prompt `{name}` for call screeners (`drop.screening_prompt`) cannot be used: {why}"
    )]
    Prompt {
        /// Its name.
        name: String,
        /// Why not.
        why: String,
    },
    /// The audio of calls cannot be received.
    #[error("cannot listen on {listen} for the audio of calls (`screen.listen`)")]
    Media {
        /// The address it was to listen on.
        listen: String,
        /// The error.
        source: io::Error,
    },
    /// What the configuration says about the PBX cannot work.
    #[error("the settings under `pbx` cannot work")]
    Settings(#[source] SetupError),
    /// The PBX does not answer requests as it should.
    #[error("the PBX at {url} does not answer as it should")]
    Pbx {
        /// Its URL.
        url: String,
        /// What it said, or why it was not reached.
        source: Failure,
    },
    /// Another controller has the app.
    #[error("the app `{app}` of the PBX at {url} is taken, by {by}")]
    Taken {
        /// The app.
        app: String,
        /// The PBX.
        url: String,
        /// The program that has it.
        by: String,
    },
    /// The PBX answers requests, but its events do not come.
    #[error("the event websocket of the PBX at {url} cannot be opened")]
    Link {
        /// Its URL.
        url: String,
        /// The error.
        source: LinkError,
    },
}

impl SessionError {
    /// Whether the PBX is away, at the limit of its connections, or starting, when its web server answers before ARI
    /// does: it may be there a moment later.
    pub const fn is_away(&self) -> bool {
        match self {
            Self::Link { source, .. } => match source {
                LinkError::Unreachable { .. }
                | LinkError::TimedOut { .. }
                | LinkError::NotEnabled { .. }
                | LinkError::NotReady { .. }
                | LinkError::Closed { .. } => true,
                LinkError::Tls { .. }
                | LinkError::Unauthorized { .. }
                | LinkError::Forbidden { .. }
                | LinkError::Refused { .. }
                | LinkError::NotAsterisk { .. } => false,
            },
            Self::Pbx { source, .. } => match source.kind {
                RefusalKind::Unreachable
                | RefusalKind::TooLate
                | RefusalKind::NoReply
                | RefusalKind::Failed => true,
                RefusalKind::NotFound
                | RefusalKind::WrongState
                | RefusalKind::Rejected
                | RefusalKind::NotMade => false,
            },
            Self::Instance(_)
            | Self::Runs(_)
            | Self::Settings(_)
            | Self::Library(_)
            | Self::Taken { .. }
            | Self::Prompt { .. }
            | Self::Media { .. } => false,
        }
    }

    /// What to do about it, if the error itself implies it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Link { source, .. } => Some(source.hint()),
            Self::Taken { .. } => Some(
                "end it there, or give this one an `instance` of its own; one that died is waited for by itself",
            ),
            Self::Prompt { .. } => Some(
                "prepare it with `aftertone message add`, or set `drop.when_screened` to \"hang_up\"",
            ),
            Self::Instance(_)
            | Self::Runs(_)
            | Self::Settings(_)
            | Self::Library(_)
            | Self::Media { .. }
            | Self::Pbx { .. } => None,
        }
    }
}
