//! A message that was made for one contact, and why there is no message.

use std::sync::Arc;

use crate::{
    audio::{self, Composed, SpeechError},
    error_chain::chain,
};

/// The message of one contact, or why it cannot be made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// The template that it is made from, as text.
    pub(super) template: Arc<str>,
    /// Clones share its files, which go with the last.
    pub(super) message: Result<Composed, NoMessage>,
}

/// Why there is no message.
#[derive(Clone, Debug)]
pub(super) struct NoMessage {
    /// In words.
    pub(super) words: Arc<str>,
    /// What has to change.
    pub(super) fault: MessageFault,
}

/// What has to change until there is a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageFault {
    /// What is known of the contact: its drop is an error.
    Contact,
    /// What the message is made of, for all who get it: a recording is missing, or the program that speaks.
    Message,
    /// A disk that is full, or does not read or write.
    Disk,
}

impl MessageFault {
    /// Whose fault it is that a message cannot be made.
    fn of(error: &audio::Error) -> Self {
        use audio::Error as E;
        match error {
            E::Write { .. } | E::List { .. } | E::Speech(SpeechError::File { .. }) => Self::Disk,
            // Which clip it is says a column of the contact.
            E::Missing { name } | E::Broken { name, .. } if name.folder().is_some() => {
                Self::Contact
            }
            E::Missing { .. }
            | E::Broken { .. }
            | E::Read { .. }
            | E::NoClips { .. }
            | E::Speech(
                SpeechError::NoCommand
                | SpeechError::NoVoice { .. }
                | SpeechError::NotStarted { .. },
            ) => Self::Message,
            E::Refused { .. }
            | E::Taken { .. }
            | E::PbxDir { .. }
            | E::Targets(_)
            | E::Composed { .. }
            | E::Speech(
                SpeechError::Failed { .. }
                | SpeechError::TimedOut { .. }
                | SpeechError::Unfit { .. },
            )
            | E::Owner => Self::Contact,
        }
    }
}

impl NoMessage {
    /// It cannot be made.
    pub(super) fn unmade(error: &audio::Error) -> Self {
        Self {
            words: format!("the message cannot be made: {}", chain(error)).into(),
            fault: MessageFault::of(error),
        }
    }

    /// It cannot be had for a reason of the contact's.
    pub(super) fn of_contact(words: impl Into<Arc<str>>) -> Self {
        Self {
            words: words.into(),
            fault: MessageFault::Contact,
        }
    }

    /// A message that is there for all cannot be had.
    pub(super) fn of_message(words: impl Into<Arc<str>>) -> Self {
        Self {
            words: words.into(),
            fault: MessageFault::Message,
        }
    }

    /// Whether contacts are given back for it; `is_of_campaign` if the campaign itself names the message. What one row of a
    /// list names does not stop all the others.
    pub(super) const fn is_passing(&self, is_of_campaign: bool) -> bool {
        match self.fault {
            MessageFault::Contact => false,
            MessageFault::Message => is_of_campaign,
            MessageFault::Disk => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_disk_that_is_full_is_no_contact_s_fault_and_a_clip_of_their_own_no_other_s() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let name = |name: &str| name.parse().unwrap();
        let rows = [
            (
                audio::Error::Write {
                    path: "once".into(),
                    source: full(),
                },
                (true, true),
            ),
            (
                SpeechError::File {
                    program: "piper".to_owned(),
                    source: full(),
                }
                .into(),
                (true, true),
            ),
            (
                audio::Error::Missing {
                    name: name("intro"),
                },
                (true, false),
            ),
            (SpeechError::NoCommand.into(), (true, false)),
            (
                audio::Error::Missing {
                    name: name("names/ann"),
                },
                (false, false),
            ),
        ];
        for (error, expected) in rows {
            let why = NoMessage::unmade(&error);
            let passing = (why.is_passing(true), why.is_passing(false));
            assert_eq!(passing, expected, "{error:?}");
            assert!(why.words.starts_with("the message cannot be made: "));
        }
    }
}
