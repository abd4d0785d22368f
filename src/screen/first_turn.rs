//! The first turn of the answering party: what it says before its first long pause.

use super::at::At;

/// The first turn of the answering party.
#[derive(Default)]
pub(super) struct FirstTurn {
    pub(super) began: Option<At>,
    pub(super) last: At,
    /// Begin of the utterance that goes on.
    utterance: At,
    pub(super) utterances: u32,
    longest: f32,
    /// Speech without pauses.
    talk: f32,
    /// The longest stretch of speech of anybody, which no rule of the nearest voice has cut into pieces.
    longest_of_any: f32,
}

impl FirstTurn {
    /// An utterance begins; after a long gap it is a new turn, unless a verdict was made of the old one.
    pub(super) fn begin(&mut self, start: At, decided: bool) {
        if self.began.is_none() || start.since(self.last) > TURN_GAP && !decided {
            *self = Self {
                began: Some(start),
                last: start,
                ..Self::default()
            };
        }
        self.utterance = start;
        self.utterances += 1;
    }

    pub(super) fn end(&mut self, end: At) {
        let lasted = end.since(self.utterance);
        self.longest = self.longest.max(lasted);
        self.talk += lasted;
    }

    /// A stretch of speech, whoever spoke.
    pub(super) fn end_of_any(&mut self, start: At, end: At) {
        self.longest_of_any = self.longest_of_any.max(end.since(start));
    }

    /// "hello? ... hello?": a few short utterances with more silence than a sentence has.
    pub(super) fn are_calls(&self) -> bool {
        let Some(began) = self.began else {
            return false;
        };
        let span = self.last.since(began);
        self.utterances >= 2
            && self.longest.max(self.longest_of_any) <= CALL_MOST
            && span - self.talk >= CALL_PAUSE * (self.utterances - 1) as f32
    }
}

/// Silence of this length ends a turn (s): no sentence of a greeting is that far from the next, and who speaks again waited for
/// an answer.
pub(super) const TURN_GAP: f32 = 2.1;

/// The longest single "hello?" of a person (s).
const CALL_MOST: f32 = 1.2;
/// The least mean pause between two of them (s): words of one sentence are closer.
const CALL_PAUSE: f32 = 0.4;
