//! The ears: who answered, and from when does the mailbox record?
//!
//! ```text
//!  frames ─> hops of 10 ms ─> Spectrum ─┬─> Tones   beep, ringback, keys, busy, SIT, fax
//!                                       ├─> Speech  begins, ends
//!                                       ├─> Voice   while we play: somebody's voice, or our own echo
//!                                       ├─> Again   what was said before, word for word
//!                                       └─> Judge   verdict and ready point, with the reasons
//! ```
//!
//! Pure: 8 kHz samples go in, [`Heard`] comes out, and the only clock is the count of samples. The same samples give the
//! same events however they are cut into frames. Nothing is allocated after [`Ears::new`].

mod background;
mod barge_in;
mod classifier;
mod first_turn;
mod reason;
mod repetition;
mod replay;
mod settings;
mod spectrum;
mod speech;
#[cfg(test)]
mod tests;
mod tone;
mod tone_track;

use std::{fmt, ops::Add};

use self::{
    barge_in::BargeIn, classifier::Classifier, repetition::Repetition, spectrum::Spectrum,
    speech::Speech, tone::Tones,
};
pub use self::{
    barge_in::Message,
    reason::{Amd, Call, Reason, Reasons},
    replay::{Cue, Known, Replay},
    settings::{BadSetting, Setting, Settings},
    tone::{Beep, Signal, SitClass},
};
use crate::words::{ReadyBy, Verdict};

/// Samples a second.
pub const RATE: usize = 8_000;

/// Samples in a hop: 10 ms, the ears' own pace.
const HOP: usize = 80;

/// One listener: hears the incoming audio of one call.
pub struct Ears {
    settings: Settings,
    /// Samples of a hop that is not full yet.
    partial: [i16; HOP],
    filled: usize,
    /// Hops heard so far.
    hops: u64,
    spectrum: Spectrum,
    tones: Tones,
    speech: Speech,
    voice: BargeIn,
    again: Repetition,
    judge: Classifier,
}

impl Ears {
    /// What one stream takes, in bytes: itself and the buffers it makes once. The tables of the transform, which are as
    /// long as a window, are counted twice over.
    pub const BYTES: usize =
        size_of::<Self>() + Spectrum::BYTES + Tones::BYTES + BargeIn::BYTES + Repetition::BYTES;

    /// Ears for one call; the first sample they hear is the moment of answer.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            partial: [0; HOP],
            filled: 0,
            hops: 0,
            spectrum: Spectrum::new(),
            tones: Tones::new(),
            speech: Speech::new(),
            voice: BargeIn::new(),
            again: Repetition::new(),
            judge: Classifier::new(settings),
        }
    }

    /// Hears 8 kHz samples, any number of them, and tells what it makes of them.
    pub fn hear(&mut self, frame: &[i16], out: &mut impl FnMut(Heard)) {
        for sample in frame {
            self.partial[self.filled] = *sample;
            self.filled += 1;
            if self.filled == HOP {
                self.filled = 0;
                self.hop(out);
            }
        }
    }

    /// Takes note of Asterisk's word.
    pub fn note_amd(&mut self, word: Amd) {
        self.judge.amd = Some(word);
    }

    /// Takes note of what only the call itself tells.
    pub fn note_call(&mut self, call: Call) {
        self.judge.call = Some(call);
    }

    /// The message starts to play with the next sample heard; told what it is, the ears know its echo.
    pub fn playing(&mut self, message: Option<Message>) {
        let now = self.now();
        self.voice.start(message);
        self.judge.playing(now);
    }

    /// How much was heard since answer.
    pub fn now(&self) -> At {
        At(self.hops * HOP as u64 + self.filled as u64)
    }

    /// What they go by.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    fn hop(&mut self, out: &mut impl FnMut(Heard)) {
        self.hops += 1;
        let now = At(self.hops * HOP as u64);
        let look = self.spectrum.hop(&self.partial);
        let sound = self.tones.hop(&look, &self.spectrum, now);
        let before = self.speech.last_voice();
        let edge = self.speech.hop(&look, now);
        let again = self.again.hop(&look, edge, self.speech.active(), before);
        let live = self
            .voice
            .hop(&look, self.speech.active(), now, &self.settings);
        let judged = self.judge.hop(
            classifier::Hop {
                sound,
                edge,
                live,
                again,
                tone: self.tones.sounding(),
                last_voice: self.speech.last_voice(),
                look,
            },
            now,
        );
        judged.tell(out);
    }
}

impl fmt::Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ears")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

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

/// A moment of a call: samples since answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(pub u64);

impl At {
    /// Seconds since answer.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / RATE as f64
    }

    /// Whole milliseconds since answer.
    pub const fn millis(self) -> u64 {
        self.0 * 1_000 / RATE as u64
    }

    /// Seconds from an earlier moment to this one; 0 where it is not earlier.
    pub fn since(self, earlier: Self) -> f32 {
        self.0.saturating_sub(earlier.0) as f32 / RATE as f32
    }

    /// The moment this many seconds before; the answer where there is none.
    fn before(self, seconds: f32) -> Self {
        Self(self.0.saturating_sub(samples(seconds)))
    }
}

impl Add<f32> for At {
    type Output = Self;

    fn add(self, seconds: f32) -> Self {
        Self(self.0 + samples(seconds))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s", self.seconds())
    }
}

fn samples(seconds: f32) -> u64 {
    (seconds.max(0.0) * RATE as f32).round() as u64
}
