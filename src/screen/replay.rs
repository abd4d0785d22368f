//! A recording heard from its first sample to its last, as a drop would have lived through it.

use super::{Amd, At, Beep, Call, Ears, Heard, Message, Reasons, Settings};
use crate::words::{ReadyBy, Verdict};

/// What the ears made of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// All that was heard, in order.
    pub heard: Vec<Heard>,
    /// The last verdict, when it first fell, and why.
    pub verdict: Option<(Verdict, At, Reasons)>,
    /// When the message would have started, and what told it.
    pub ready: Option<(ReadyBy, At)>,
    /// When the message would have started again.
    pub restarts: Vec<At>,
    /// Every beep.
    pub beeps: Vec<Beep>,
    /// When somebody's voice would have stopped the message.
    pub voice: Option<At>,
    /// The recording's length.
    pub end: At,
}

/// What else was known of the call.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Asterisk's word.
    pub amd: Option<Amd>,
    /// What the two calls told.
    pub call: Option<Call>,
    /// The message, so that its echo is known.
    pub message: Option<Message>,
}

impl Replay {
    /// Hears 8 kHz samples whose first is the moment of answer; the message starts at the moment of the ready point.
    pub fn of(samples: &[i16], settings: Settings, known: &Known) -> Self {
        let mut ears = Ears::new(settings);
        if let Some(amd) = known.amd {
            ears.note_amd(amd);
        }
        if let Some(call) = known.call {
            ears.note_call(call);
        }
        let mut replay = Self::default();
        // Frames as they come from a telephone line.
        for frame in samples.chunks(super::HOP) {
            let before = replay.heard.len();
            ears.hear(frame, &mut |heard| replay.heard.push(heard));
            for n in before..replay.heard.len() {
                if replay.take(replay.heard[n]) {
                    ears.playing(known.message.clone());
                }
            }
        }
        replay.end = ears.now();
        replay
    }

    /// Whether nobody's voice stopped the message for good.
    pub fn whole(&self) -> bool {
        let last = self.restarts.last().copied();
        self.voice
            .is_none_or(|voice| last.is_some_and(|last| last > voice))
    }

    /// Whether the message starts.
    fn take(&mut self, heard: Heard) -> bool {
        match heard {
            Heard::Verdict {
                verdict,
                at,
                reasons,
                ..
            } => {
                let first = self.verdict.filter(|(before, ..)| *before == verdict);
                self.verdict = Some((verdict, first.map_or(at, |(_, at, _)| at), reasons));
            }
            Heard::Ready { by, at } => {
                if self.ready.is_none() {
                    self.ready = Some((by, at));
                } else {
                    self.restarts.push(at);
                }
                return true;
            }
            Heard::Beep(beep) | Heard::LateBeep(beep) | Heard::LimitBeep(beep) => {
                self.beeps.push(beep)
            }
            Heard::Voice { at, .. } => self.voice = Some(at),
            Heard::SpeechBegan { .. } | Heard::SpeechEnded { .. } | Heard::Signal { .. } => {}
        }
        false
    }
}
