//! What the documentation of [`Heard`] promises, whatever is heard.

use super::Told;
use crate::{
    screen::{At, Beep, Ears, Heard, Reasons, Settings, Signal},
    words::Verdict,
};

/// Watches one call.
pub(super) struct Contract {
    most_restarts: u32,
    told: Vec<Told>,
    /// The last moment that was reported as it came.
    last: At,
    /// When speech began that goes on.
    speaks: Option<At>,
    quiet_since: At,
    verdict: Option<Verdict>,
    phase: Phase,
    restarts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Listening,
    Ready,
    Playing,
    Over,
}

impl Contract {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            most_restarts: settings.max_restarts as u32,
            told: Vec::new(),
            last: At(0),
            speaks: None,
            quiet_since: At(0),
            verdict: None,
            phase: Phase::Listening,
            restarts: 0,
        }
    }

    /// All that was reported, in order.
    pub(super) fn told(&self) -> &[Told] {
        &self.told
    }

    /// # Panics
    /// If it breaks a promise.
    pub(super) fn take(&mut self, told: Told, ears: &Ears) {
        self.told.push(told);
        match told {
            None => self.phase = Phase::Playing,
            Some(heard) => self.hear(heard, ears.now()),
        }
    }

    fn hear(&mut self, heard: Heard, now: At) {
        match heard {
            Heard::SpeechBegan { start } => {
                assert!(start <= now, "{heard:?} at {now}");
                assert_eq!(self.speaks, None, "speech begins twice");
                assert!(
                    start >= self.quiet_since,
                    "{heard:?} before {}",
                    self.quiet_since
                );
                self.speaks = Some(start);
            }
            Heard::SpeechEnded { end } => {
                let start = self.speaks.take().expect("speech ends that did not begin");
                assert!(start <= end && end <= now, "{start} to {end} at {now}");
                self.quiet_since = end;
            }
            Heard::Signal { signal, start, end } => {
                assert!(start <= end && end <= now, "{heard:?} at {now}");
                if let Signal::Key(key) = signal {
                    assert!("0123456789ABCD*#".contains(key), "{heard:?}");
                }
            }
            Heard::Beep(beep) => {
                tone(beep, now);
                assert_ne!(self.phase, Phase::Playing, "{heard:?} while it plays");
            }
            Heard::Verdict {
                verdict,
                revised,
                at,
                reasons,
                ..
            } => {
                self.moment(at, now);
                sensible(&reasons);
                assert_ne!(self.phase, Phase::Over, "{heard:?} after the last");
                let changed = self.verdict.is_some_and(|before| before != verdict);
                assert_eq!(revised, changed, "{heard:?} after {:?}", self.verdict);
                self.verdict = Some(verdict);
                if verdict != Verdict::Machine {
                    self.phase = Phase::Over;
                }
            }
            Heard::Ready { at, .. } => {
                self.moment(at, now);
                assert_eq!(self.verdict, Some(Verdict::Machine), "{heard:?}");
                assert_eq!(self.phase, Phase::Listening, "{heard:?}");
                self.phase = Phase::Ready;
            }
            Heard::LateBeep(beep) => {
                tone(beep, now);
                assert_eq!(self.phase, Phase::Playing, "{heard:?}");
                self.restarts += 1;
                assert!(
                    self.restarts <= self.most_restarts,
                    "{heard:?}: one too many"
                );
                self.phase = Phase::Listening;
            }
            Heard::LimitBeep(beep) => {
                tone(beep, now);
                assert_eq!(self.phase, Phase::Playing, "{heard:?}");
            }
            Heard::BeepWasRing { again, .. } => {
                assert!(again.start <= again.end && again.end <= now, "{heard:?}");
                assert_eq!(self.phase, Phase::Playing, "{heard:?}");
                // Without another start to come, the verdict that it is not sure follows.
                self.restarts += u32::from(self.restarts < self.most_restarts);
                self.phase = Phase::Listening;
            }
            Heard::Voice { start, at, .. } => {
                self.moment(at, now);
                assert!(start <= at, "{heard:?}");
                assert_eq!(self.phase, Phase::Playing, "{heard:?}");
                // A person's verdict follows, or a beep, or quiet that makes it a person.
                self.phase = Phase::Listening;
            }
        }
    }

    /// What is reported as it comes is never older than what was reported before.
    fn moment(&mut self, at: At, now: At) {
        assert!(
            self.last <= at && at <= now,
            "{at} after {} at {now}",
            self.last
        );
        self.last = at;
    }
}

fn tone(beep: Beep, now: At) {
    assert!(
        beep.start <= beep.end && beep.end <= now,
        "{beep:?} at {now}"
    );
    let heard = 300.0..4_000.0;
    assert!(heard.contains(&beep.hz), "{beep:?}");
    assert!(
        beep.second_hz.is_none_or(|hz| heard.contains(&hz)),
        "{beep:?}"
    );
    assert!(beep.sweep.is_finite(), "{beep:?}");
}

/// A user reads them.
fn sensible(reasons: &Reasons) {
    let words = reasons.to_string();
    assert!(!words.is_empty(), "a verdict for no reason");
    let mut each = words.split(|letter: char| !letter.is_alphanumeric());
    assert!(!each.any(|word| word == "NaN" || word == "inf"), "{words}");
}
