//! A recording heard from its first sample to its last, as a drop would have lived through it.

use std::sync::Arc;

use super::{
    Ears,
    at::{At, HOP},
    barge_in::Message,
    book::{Book, Matcher},
    events::Heard,
    hint::Hint,
    reason::{Amd, Call, Reasons},
    settings::Settings,
    tone::Beep,
};
use crate::words::{ReadyBy, Verdict};

/// What the ears made of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// All that was heard, in order.
    pub heard: Vec<Heard>,
    /// The last verdict, when it first fell, and why.
    pub verdict: Option<(Verdict, At, Reasons)>,
    /// When the message would have started, and what showed that.
    pub ready: Option<(ReadyBy, At)>,
    /// When the message would have started again.
    pub restarts: Vec<At>,
    /// Every beep.
    pub beeps: Vec<Beep>,
    /// When a voice would have stopped the message.
    pub voice: Option<At>,
    /// The recording's length.
    pub end: At,
}

/// What else was known of the call.
#[derive(Clone, Debug, Default)]
pub struct CallFacts {
    /// AMD's answer.
    pub amd: Option<Amd>,
    /// What is known of the two calls.
    pub call: Option<Call>,
    /// The message, so that its echo is known.
    pub message: Option<Message>,
    /// The prompts that are recognised.
    pub book: Option<Arc<Book>>,
}

/// Something that the ears learn while they listen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cue {
    /// AMD's answer.
    Amd(Amd),
    /// What is known of the two calls.
    Call(Call),
    /// What another part of the program said.
    Hint(Hint),
    /// A prompt of ours has answered a call screener; see [`Ears::listen_anew`].
    Anew,
    /// The message starts to play.
    Playing,
}

impl Replay {
    /// Hears 8 kHz samples whose first is the moment of answer; the message starts at the moment of the ready point.
    pub fn of(samples: &[i16], settings: Settings, known: &CallFacts) -> Self {
        let amd = known.amd.map(|amd| (At(0), Cue::Amd(amd)));
        let call = known.call.map(|call| (At(0), Cue::Call(call)));
        let cues: Vec<_> = amd.into_iter().chain(call).collect();
        let matcher = known.book.clone().map(Matcher::new);
        let message = known.message.as_ref();
        Self::hear(samples, settings, &cues, message, true, matcher)
    }

    /// Hears again what was heard live: each cue comes at its sample, the message's starts among them. `cues` are in
    /// the order of their moments.
    pub fn again(
        samples: &[i16],
        settings: Settings,
        cues: &[(At, Cue)],
        message: Option<&Message>,
    ) -> Self {
        Self::hear(samples, settings, cues, message, false, None)
    }

    /// Hears what was heard live as it would have been with other settings: the message starts at the ready point that is
    /// found now, whatever the cues say.
    pub fn otherwise(
        samples: &[i16],
        settings: Settings,
        cues: &[(At, Cue)],
        message: Option<&Message>,
    ) -> Self {
        let given = cues.iter().filter(|(_, cue)| *cue != Cue::Playing);
        let given: Vec<_> = given.copied().collect();
        Self::hear(samples, settings, &given, message, true, None)
    }

    fn hear(
        samples: &[i16],
        settings: Settings,
        cues: &[(At, Cue)],
        message: Option<&Message>,
        plays_when_ready: bool,
        mut matcher: Option<Matcher>,
    ) -> Self {
        let mut ears = Ears::new(settings);
        let mut replay = Self::default();
        let mut cues = cues.iter().peekable();
        let mut rest = samples;
        loop {
            let now = ears.now();
            while let Some((_, cue)) = cues.next_if(|(at, _)| *at <= now) {
                match cue {
                    Cue::Amd(amd) => ears.note_amd(*amd),
                    Cue::Call(call) => ears.note_call(*call),
                    Cue::Hint(hint) => ears.note_hint(*hint),
                    Cue::Anew => ears.listen_anew(),
                    Cue::Playing => ears.playing(message.cloned()),
                }
            }
            // To the next hop, which may bring an event, or to the next cue.
            let mut step = HOP - now.0 as usize % HOP;
            if let Some((at, _)) = cues.peek() {
                step = step.min((at.0 - now.0) as usize);
            }
            let (frame, after) = rest.split_at(step.min(rest.len()));
            if frame.is_empty() {
                break;
            }
            rest = after;
            if let Some(matcher) = &mut matcher {
                matcher.hear(frame, &mut |news| ears.note_hint(news.hint_at(now)));
            }
            let before = replay.heard.len();
            ears.hear(frame, &mut |heard| replay.heard.push(heard));
            for n in before..replay.heard.len() {
                if replay.take(replay.heard[n]) && plays_when_ready {
                    ears.playing(message.cloned());
                    // Its echo is no prompt.
                    matcher = None;
                }
            }
        }
        replay.end = ears.now();
        replay
    }

    /// Whether no voice stopped the message for good.
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
            Heard::BeepWasRing { .. } => {}
            Heard::Voice { at, .. } => self.voice = Some(at),
            Heard::SpeechBegan { .. } | Heard::SpeechEnded { .. } | Heard::Signal { .. } => {}
        }
        false
    }
}
