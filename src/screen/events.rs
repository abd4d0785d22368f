//! What the ears report.

use super::{
    at::At,
    reason::Reasons,
    tone::{Beep, Signal, SitClass},
};
use crate::words::{ReadyBy, Verdict};

/// What the ears report.
#[expect(
    clippy::large_enum_variant,
    reason = "it carries its reasons itself, so that nothing is allocated"
)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// Speech begins.
    SpeechBegan {
        /// The first of it.
        start: At,
    },
    /// Speech ends.
    SpeechEnded {
        /// The last of it.
        end: At,
    },
    /// A tone other than a beep.
    Signal {
        /// The tone.
        signal: Signal,
        /// When it began.
        start: At,
        /// When it ended, or how far it was heard.
        end: At,
    },
    /// A beep.
    Beep(Beep),
    /// Who answered, as far as is known.
    Verdict {
        /// Who answered.
        verdict: Verdict,
        /// The kind of announcement, if the verdict is [`Verdict::Sit`] and its tones show it.
        sit: Option<SitClass>,
        /// Whether another verdict went before.
        revised: bool,
        /// When it was reached.
        at: At,
        /// The reasons of it.
        reasons: Reasons,
    },
    /// The mailbox records: the message may start.
    Ready {
        /// What showed it.
        by: ReadyBy,
        /// When it was known; a message cannot start earlier.
        at: At,
    },
    /// The first beep came while the message played: nothing has been recorded so far. Stop it; the ready point follows.
    LateBeep(Beep),
    /// A beep while the message plays that does not start it again: the mailbox's limit is reached.
    LimitBeep(Beep),
    /// The tone that started the message came again while it played, as a ring does: nothing records, and the ready point was
    /// none. Stop the message; what follows is listened to like the beginning of a call.
    BeepWasRing {
        /// The tone that started the message.
        first: Beep,
        /// The next ring.
        again: Beep,
    },
    /// A voice while the message plays: stop it. If it `answers`, the verdict that it is a person follows at once.
    /// Otherwise the greeting may have gone on: if it has, the ready point follows, and if not, that verdict.
    Voice {
        /// When it began.
        start: At,
        /// When it was known.
        at: At,
        /// Whether it is an answer to the message, and nothing more is to be found out.
        answers: bool,
    },
}
