//! What the ears report.

use super::{
    at::At,
    reason::Reasons,
    tone::{Beep, Signal, SitClass},
};
use crate::words::{ReadyBy, Verdict};

/// What the ears tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// Somebody or something speaks.
    SpeechBegan {
        /// The first of it.
        start: At,
    },
    /// It speaks no more.
    SpeechEnded {
        /// The last of it.
        end: At,
    },
    /// A tone that is no beep.
    Signal {
        /// Which.
        signal: Signal,
        /// Where it began.
        start: At,
        /// Where it ended, or how far it was heard.
        end: At,
    },
    /// A beep.
    Beep(Beep),
    /// Who answered, as far as can be told.
    Verdict {
        /// Who.
        verdict: Verdict,
        /// The kind of announcement, where the verdict is [`Verdict::Sit`] and its tones tell.
        sit: Option<SitClass>,
        /// Whether another verdict went before.
        revised: bool,
        /// When it fell.
        at: At,
        /// Why.
        reasons: Reasons,
    },
    /// The mailbox records: the message may start.
    Ready {
        /// What told it.
        by: ReadyBy,
        /// When it was known; a message cannot start earlier.
        at: At,
    },
    /// The first beep came while the message played: nothing was recorded so far. Stop it; the ready point follows.
    LateBeep(Beep),
    /// A beep while the message plays that does not start it again: the mailbox has had enough.
    LimitBeep(Beep),
    /// Somebody's voice while the message plays: stop it. Where it `answers`, the verdict that it is a person follows at
    /// once. Else the greeting may have gone on: the ready point follows where it has, and that verdict where it has not.
    Voice {
        /// When it began.
        start: At,
        /// When it was known.
        at: At,
        /// Whether it is an answer to the message, and nothing more is to be found out.
        answers: bool,
    },
}
