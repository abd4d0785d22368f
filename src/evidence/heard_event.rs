//! What the ears reported, as it is written down: exact to the sample, and in text.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::screen::{At, Beep, Heard};

/// One event that the ears reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeardEvent {
    event: String,
    /// Samples since answer.
    from: u64,
    /// Samples since answer, if it lasted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    #[serde(default, rename = "words", skip_serializing_if = "String::is_empty")]
    detail: String,
}

impl HeardEvent {
    pub(super) fn of(heard: &Heard) -> Self {
        let event = |name: &str, from: At, until: Option<At>, detail: String| Self {
            event: name.to_owned(),
            from: from.0,
            until: until.map(|until| until.0),
            detail,
        };
        let beeped = |name, beep: &Beep| event(name, beep.start, Some(beep.end), beep.to_string());
        match heard {
            Heard::SpeechBegan { start } => event("speech_began", *start, None, String::new()),
            Heard::SpeechEnded { end } => event("speech_ended", *end, None, String::new()),
            Heard::Signal { signal, start, end } => {
                event("signal", *start, Some(*end), signal.to_string())
            }
            Heard::Beep(beep) => beeped("beep", beep),
            Heard::LateBeep(beep) => beeped("late_beep", beep),
            Heard::LimitBeep(beep) => beeped("limit_beep", beep),
            Heard::BeepWasRing { again, first: _ } => beeped("beep_was_ring", again),
            Heard::Verdict {
                verdict,
                sit: _,
                revised: _,
                at,
                reasons,
            } => event("verdict", *at, None, format!("{verdict}: {reasons}")),
            Heard::Ready { by, at } => event("ready", *at, None, by.as_str().to_owned()),
            Heard::Voice { start, at, answers } => {
                let detail = if *answers { "answers the message" } else { "" };
                event("voice", *start, Some(*at), detail.to_owned())
            }
        }
    }

    /// For programs: its times in seconds.
    pub(super) fn timed(&self) -> Value {
        json!({
            "event": self.event,
            "at_s": At(self.from).seconds(),
            "until_s": self.until.map(|until| At(until).seconds()),
            "words": self.detail,
        })
    }

    /// On one line, for people.
    pub(super) fn line(&self) -> String {
        let from = At(self.from).seconds();
        let until = self.until.map(|until| At(until).seconds());
        let until = until.map_or_else(String::new, |until| format!(" to {until:.4} s"));
        let event = self.event.replace('_', " ");
        let line = format!("{from:.4} s{until}: {event} {}", self.detail);
        line.trim_end().to_owned()
    }
}
