//! The reasons of a verdict, and their texts.

use std::fmt;

use super::{
    at::At,
    hint::Hint,
    tone::{Beep, Signal},
};

/// What Asterisk's AMD says of who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amd {
    /// `MACHINE`.
    Machine,
    /// `HUMAN`.
    Human,
    /// `NOTSURE`, or no answer.
    Unsure,
}

/// What is known of the two calls of a drop beside their sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    /// How long the answered leg had alerted, in seconds; `None` if that is not known.
    pub alerted: Option<f32>,
    /// Whether the other leg still rang when this one was answered: the call was diverted, or a second phone was lifted.
    pub other_rang: bool,
}

/// One reason of a verdict. Its text is for users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// A beep was heard.
    Beep(Beep),
    /// A tone other than a beep was heard.
    Signal {
        /// The tone.
        signal: Signal,
        /// When it began.
        start: At,
    },
    /// The first turn lasted this long (s).
    FirstTurn {
        /// From its first to its last sound, in seconds.
        lasted: f32,
        /// When it ended, or how far it was heard.
        end: At,
    },
    /// A few short calls with pauses between them, as "hello? ... hello?".
    Calls {
        /// How many calls.
        count: u32,
    },
    /// Silence of this length followed the turn (s).
    Waits(f32),
    /// No speech at all for this long (s).
    NoSpeech(f32),
    /// The background noise came with the greeting: it was recorded.
    NoiseCame {
        /// By how much, in dB.
        by: f32,
    },
    /// The background noise stopped with the greeting: it was recorded.
    NoiseStopped {
        /// By how much, in dB.
        by: f32,
    },
    /// The background noise goes on after the turn.
    NoiseGoesOn,
    /// What was said before is said again, word for word.
    Repetition {
        /// From when on.
        start: At,
    },
    /// A voice was heard while the message played.
    Voice {
        /// When the voice began.
        start: At,
    },
    /// Asterisk's AMD said so.
    Amd(Amd),
    /// The call was answered so soon that it was diverted.
    Diverted {
        /// How long it alerted, in seconds.
        alerted: f32,
    },
    /// It rang as long as a person takes to lift.
    RangLong {
        /// How long it alerted, in seconds.
        alerted: f32,
    },
    /// Another part of the program says so.
    Hint(Hint),
    /// Something that speaks for a mailbox that records, so that the message may start without a beep.
    ToPlay {
        /// What it is.
        ground: PlayGround,
        /// What it is worth, in nats.
        nats: f32,
    },
    /// The reasons to play without a beep, together.
    PlaySum {
        /// What they are worth, in nats.
        nats: f32,
        /// What they have to be worth, in nats.
        least: f32,
    },
    /// No beep came for so long after the greeting (s).
    NoBeep(f32),
    /// The sound ended in the middle of a word, as a lost connection does.
    SoundStopped,
}

/// What speaks for a mailbox that records, although no beep came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayGround {
    /// A long turn of one steady voice, with no other behind it.
    SteadyTurn,
    /// The call was diverted, and the turn was no person's.
    Diverted,
    /// The background stopped with the greeting: somebody recorded it, and no company or network did.
    Background,
    /// The book knows the prompt.
    Prompt,
    /// The words were those of a mailbox.
    Words,
    /// Something said of the call speaks against it.
    Against,
}

/// The reasons of a verdict, the strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reasons {
    list: [Option<Reason>; 8],
}

impl Reasons {
    /// Each reason.
    pub fn iter(&self) -> impl Iterator<Item = Reason> + '_ {
        self.list.iter().copied().flatten()
    }

    pub(super) fn push(&mut self, reason: Reason) {
        if let Some(free) = self.list.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(reason);
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beep(beep) => beep.fmt(f),
            Self::Signal { signal, start } => write!(f, "{signal} at {start}"),
            Self::FirstTurn { lasted, end } => write!(f, "spoke {lasted:.1} s, until {end}"),
            Self::Calls { count } => write!(f, "called {count} times, as a person does"),
            Self::Waits(quiet) => write!(f, "then waited {quiet:.1} s"),
            Self::NoSpeech(quiet) => write!(f, "no speech for {quiet:.1} s"),
            Self::NoiseCame { by } => {
                write!(f, "the background rose by {by:.0} dB with the greeting")
            }
            Self::NoiseStopped { by } => {
                write!(f, "the background fell by {by:.0} dB with the greeting")
            }
            Self::NoiseGoesOn => f.write_str("the background goes on"),
            Self::Repetition { start } => write!(f, "says the same again from {start}"),
            Self::Voice { start } => write!(f, "a voice over the message at {start}"),
            Self::Amd(Amd::Machine) => f.write_str("AMD says machine"),
            Self::Amd(Amd::Human) => f.write_str("AMD says human"),
            Self::Amd(Amd::Unsure) => f.write_str("AMD is not sure"),
            Self::Diverted { alerted } => write!(
                f,
                "diverted: answered after {alerted:.1} s while the other leg rang"
            ),
            Self::Hint(hint) => hint.fmt(f),
            Self::ToPlay { ground, nats } => {
                let ground = match ground {
                    PlayGround::SteadyTurn => "a long turn of one steady voice",
                    PlayGround::Diverted => "the call was diverted",
                    PlayGround::Background => "the background stopped with the greeting",
                    PlayGround::Prompt => "the prompt is known",
                    PlayGround::Words => "the words are a mailbox's",
                    PlayGround::Against => "other hints speak against it",
                };
                write!(f, "to play without a beep: {ground} ({nats:.1} nats)")
            }
            Self::PlaySum { nats, least } if nats >= least => {
                write!(f, "reason enough to play: {nats:.1} of {least:.1} nats")
            }
            Self::PlaySum { nats, least } => {
                write!(f, "no reason to play: {nats:.1} of {least:.1} nats")
            }
            Self::NoBeep(waited) => write!(f, "no beep for {waited:.1} s"),
            Self::SoundStopped => f.write_str("the sound stopped within a word"),
            Self::RangLong { alerted } => write!(f, "rang {alerted:.1} s before it was answered"),
        }
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, reason) in self.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            reason.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Beep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "beep {:.0}", self.hz)?;
        if let Some(second) = self.second_hz {
            write!(f, "+{second:.0}")?;
        }
        write!(
            f,
            " Hz, {:.2} s, ended {}",
            self.end.since(self.start),
            self.end
        )
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ringback => f.write_str("ringback"),
            Self::Key(key) => write!(f, "key {key}"),
            Self::Busy => f.write_str("busy tone"),
            Self::Sit(class) => write!(f, "special information tones ({})", class.as_str()),
            Self::Fax => f.write_str("fax answer tone"),
        }
    }
}
