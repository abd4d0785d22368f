//! What a call teaches: which part of it was a prompt, and how that ended, where this is beyond doubt.

use crate::{
    screen::{At, Heard, RATE, Reason, Signal, SitClass},
    words::{PromptEnd, ReadyBy, Verdict},
};

/// A prompt in a call, whose end is known beyond doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Where it begins.
    pub from: At,
    /// Where it ends.
    pub until: At,
    /// How it ended.
    pub ends: PromptEnd,
    /// When its beep began.
    pub beep: Option<At>,
}

impl Lesson {
    /// What a call teaches in which the ears heard this; `is_whole`: the whole message was played, and no voice stopped it.
    ///
    /// A mailbox is known by its beep and a whole message, a number that is not in service by its special information
    /// tones, a menu by a prompt that came again, and a fax by its tone: none of these is what the book itself said. A call in
    /// which there may have been a person teaches nothing.
    pub fn of(heard: &[Heard], is_whole: bool) -> Option<Self> {
        let mut call = Told::default();
        heard.iter().for_each(|heard| call.note(heard));
        if call.person {
            return None;
        }
        let from = call.from?;
        let (ends, until, beep) = match (call.nothing_recorded, call.beep) {
            (Some((ends, until)), _) => (ends, until, None),
            (None, Some(beep)) if is_whole && call.ready == Some(ReadyBy::Beep) => {
                (PromptEnd::Records, beep, Some(beep))
            }
            (None, _) => return None,
        };
        (until.since(from) >= SHORTEST).then_some(Self {
            from,
            until,
            ends,
            beep,
        })
    }
}

/// What is of interest of a call.
#[derive(Default)]
struct Told {
    /// The first words since it rang.
    from: Option<At>,
    /// The last beep before the message.
    beep: Option<At>,
    ready: Option<ReadyBy>,
    /// What answered records nothing; and where its prompt ends.
    nothing_recorded: Option<(PromptEnd, At)>,
    person: bool,
}

impl Told {
    fn note(&mut self, heard: &Heard) {
        match heard {
            Heard::SpeechBegan { start } => self.from = self.from.or(Some(*start)),
            Heard::Signal {
                signal: Signal::Ringback,
                ..
            } if self.beep.is_none() => self.from = None,
            Heard::Signal { .. } | Heard::SpeechEnded { .. } | Heard::LimitBeep(_) => {}
            // What follows is listened to like the beginning of a call.
            Heard::BeepWasRing { .. } => {
                (self.from, self.beep, self.ready) = (None, None, None);
            }
            Heard::Beep(beep) | Heard::LateBeep(beep) => self.beep = Some(beep.start),
            Heard::Ready { by, .. } => self.ready = Some(*by),
            // Whoever spoke over the message may have spoken before it.
            Heard::Voice { .. } => self.person = true,
            Heard::Verdict {
                verdict, reasons, ..
            } => match verdict {
                Verdict::Human => self.person = true,
                Verdict::Machine | Verdict::Unsure | Verdict::Silence | Verdict::Screening => {}
                Verdict::Menu | Verdict::Sit | Verdict::Fax => {
                    self.nothing_recorded = reasons.iter().find_map(ended_so);
                }
            },
        }
    }
}

/// The end that a reason shows by itself, and when.
fn ended_so(reason: Reason) -> Option<(PromptEnd, At)> {
    if let Reason::Repetition { start } = reason {
        return Some((PromptEnd::Menu, start));
    }
    let Reason::Signal { signal, start } = reason else {
        return None;
    };
    match signal {
        Signal::Sit(SitClass::Vacant | SitClass::Intercept) => {
            Some((PromptEnd::OutOfService, start))
        }
        // The network has a trouble, and the number may be in service.
        Signal::Sit(SitClass::Reorder | SitClass::NoCircuit | SitClass::Other) => None,
        // A fax takes no message either.
        Signal::Fax => Some((PromptEnd::Menu, start)),
        Signal::Ringback | Signal::Key(_) | Signal::Busy => None,
    }
}

/// The first sound of a call, kept until it is known whether it teaches anything: a byte a sample.
#[derive(Clone, Debug, Default)]
pub struct SoundKept(Vec<i8>);

impl SoundKept {
    /// What is kept at most, in bytes: half a minute.
    pub const MOST: usize = 30 * RATE;

    /// Keeps samples while there is room.
    pub fn hear(&mut self, samples: &[i16]) {
        let room = Self::MOST - self.0.len();
        let kept = samples.iter().take(room);
        // The root keeps what is soft: peaks are found in it as in the codecs of telephones.
        self.0.extend(kept.map(|sample| {
            let root = f32::from(sample.unsigned_abs()).sqrt() * ROOT;
            (root.min(127.0) as i8) * sample.signum() as i8
        }));
    }

    /// The samples of a lesson; `None` if not all of it was kept.
    pub fn samples(&self, lesson: &Lesson) -> Option<Vec<i16>> {
        let kept = self
            .0
            .get(lesson.from.0 as usize..lesson.until.0 as usize)?;
        let sample = |byte: &i8| {
            let root = f32::from(*byte) / ROOT;
            (root * root.abs()) as i16
        };
        Some(kept.iter().map(sample).collect())
    }
}

/// Makes the root of the loudest sample a byte.
const ROOT: f32 = 0.7;

/// A shorter prompt is not learnt, in seconds.
const SHORTEST: f32 = 1.5;
