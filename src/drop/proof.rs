//! How sure it is that the message was left, and why: judged once, from what is known at the end.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    event::{Beeped, ReadyPoint},
    outcome::{EndedBy, Outcome},
};
use crate::words::ReadyBy;

/// How sure it is that the message was left whole. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Our own ears heard the beep, the message played whole after it, no voice was heard over it up to its
    /// end, and the line was up then.
    Proven,
    /// It was delivered, and something of this is missing: a beep, our ears until the end, the line.
    Probable,
    /// It was not delivered, as far as is known.
    Unproven,
}

impl Proof {
    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Probable => "probable",
            Self::Unproven => "unproven",
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// The beep that marked a ready point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beep {
    /// Its pitch in Hz; the lower one of two that sound together.
    pub hz: u32,
    /// When it began, since the first originate was asked for.
    pub start: Duration,
    /// When it ended, since the first originate was asked for.
    pub end: Duration,
}

impl Beep {
    /// A beep that was reported at `at`, since the first originate.
    pub(super) const fn reported(beeped: Beeped, at: Duration) -> Self {
        Self {
            hz: beeped.hz,
            start: at.saturating_sub(beeped.began),
            end: at.saturating_sub(beeped.ended),
        }
    }
}

impl fmt::Display for Beep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasted = self.end.saturating_sub(self.start).as_secs_f64();
        let end = self.end.as_secs_f64();
        write!(f, "beep {} Hz, {lasted:.2} s, ended {end:.2} s", self.hz)
    }
}

/// A ready point that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) by: ReadyBy,
    /// Since the first originate.
    pub(super) at: Duration,
    pub(super) beep: Option<Beep>,
}

impl Ready {
    pub(super) const fn found(point: ReadyPoint, at: Duration) -> Self {
        Self {
            by: point.by(),
            at,
            beep: match point {
                ReadyPoint::Beep(beeped) => Some(Beep::reported(beeped, at)),
                ReadyPoint::Silence | ReadyPoint::Dialplan | ReadyPoint::Agent => None,
            },
        }
    }
}

/// What weakens a play as a proof, although it was whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flaws {
    /// A beep came over it and did not stop it.
    pub(super) beeped_over: bool,
    /// The longest gap between two of its frames that we sent late.
    pub(super) gap: Duration,
    /// The longest time in which no sound came from the far end.
    pub(super) unheard: Duration,
    /// The far end held the call, shortly before or during it.
    pub(super) held: bool,
    /// The event link was down, so that a hold would have been missed.
    pub(super) unwatched: bool,
}

/// Who listened while the message played, the last time it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attention {
    /// Nothing of ours: the dialplan screened the call.
    None,
    /// Our ears, but not to its end.
    Lost,
    /// Our ears, to its end, and they heard no voice.
    Quiet,
}

/// What a proof is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grounds {
    pub(super) outcome: Outcome,
    /// The last ready point.
    pub(super) ready: Option<Ready>,
    /// Of the last play.
    pub(super) played: Duration,
    /// Whether the message's length is known, and so whether it played whole.
    pub(super) length_known: bool,
    pub(super) attention: Attention,
    pub(super) flaws: Flaws,
    pub(super) ended_by: Option<EndedBy>,
}

impl Grounds {
    /// The proof, and its reasons in the order in which things happened.
    pub(super) fn judge(&self) -> (Proof, Vec<String>) {
        let why_not = match self.outcome {
            Outcome::Delivered => return self.judge_delivery(),
            Outcome::Human => "a person answered",
            Outcome::HungUp => "the far end hung up before the message",
            Outcome::NotVoicemail => "a machine answered that does not take messages",
            Outcome::Unsure => "could not tell who answered or when to start",
            Outcome::CutOff => "the message did not get to its end",
            Outcome::NoAnswer => "no answer",
            Outcome::Busy => "the number is busy",
            Outcome::Rejected => "the call was declined",
            Outcome::InvalidNumber => "there is no such number",
            Outcome::Congestion => "the network had no way through",
            Outcome::Failed => "the call failed",
            Outcome::Cancelled => "the drop was cancelled",
            Outcome::Lost => "what became of the call is not known",
            Outcome::Error => "the PBX did not do what it was asked",
        };
        let played = if self.played.is_zero() {
            "nothing was played".to_owned()
        } else {
            format!("{:.2} s were played", self.played.as_secs_f64())
        };
        let mut reasons = vec![why_not.to_owned(), played];
        // The dialplan then found out who answered, from what was left to hear.
        if self.attention == Attention::Lost {
            reasons.push("the live audio was lost".to_owned());
        }
        (Proof::Unproven, reasons)
    }

    fn judge_delivery(&self) -> (Proof, Vec<String>) {
        let beep = self.ready.and_then(|ready| ready.beep);
        let began = match (beep, self.ready.map(|ready| ready.by)) {
            (Some(beep), _) => holds(beep),
            (None, Some(ReadyBy::Dialplan)) => {
                lacks("no beep was heard: the PBX's dialplan waited for silence")
            }
            (None, Some(ReadyBy::Agent)) => {
                lacks("no beep was heard: the agent handed the call over after it")
            }
            (None, Some(ReadyBy::Beep | ReadyBy::Silence) | None) => {
                lacks("no beep was heard: the greeting ended in silence")
            }
        };
        let whole = match (self.length_known, beep) {
            (true, Some(_)) => holds("played whole after it"),
            (true, None) => holds("played whole"),
            (false, Some(_) | None) => {
                lacks("only the PBX knows how long the message is, and says that it played")
            }
        };
        let quiet = match self.attention {
            Attention::Quiet if self.flaws.beeped_over => lacks("a beep came over it"),
            Attention::Quiet if self.flaws.unheard >= UNHEARD => (
                false,
                format!(
                    "no sound came from the far end for {:.1} s while it played",
                    self.flaws.unheard.as_secs_f64()
                ),
            ),
            Attention::Quiet => holds("no voice was heard over it"),
            Attention::Lost => lacks("the live audio was lost before its end"),
            Attention::None => lacks("not listened to while it played"),
        };
        let line = match self.ended_by {
            Some(EndedBy::Us) => holds("line up at the end"),
            Some(EndedBy::FarEnd | EndedBy::Limit) | None => {
                lacks("the far end hung up as it ended")
            }
        };
        let mut links = vec![began, whole, quiet, line];
        links.extend(self.flaws.words());
        let proof = if links.iter().all(|(holds, _)| *holds) {
            Proof::Proven
        } else {
            Proof::Probable
        };
        (proof, links.into_iter().map(|(_, words)| words).collect())
    }
}

impl Flaws {
    /// What is missing for a proof because of how it was sent.
    fn words(&self) -> impl Iterator<Item = (bool, String)> {
        let gap = (!self.gap.is_zero()).then(|| {
            let gap = self.gap.as_millis();
            (
                false,
                format!("{gap} ms of silence came into it: this machine stalled"),
            )
        });
        let held = self.held.then(|| lacks("the far end held the call"));
        let unwatched = self
            .unwatched
            .then(|| lacks("the event link was down while it played"));
        [gap, held, unwatched].into_iter().flatten()
    }
}

fn holds(words: impl fmt::Display) -> (bool, String) {
    (true, words.to_string())
}

fn lacks(words: &str) -> (bool, String) {
    (false, words.to_owned())
}

/// How much missing sound means that the far end may be gone. Networks that suppress silence send nothing for
/// longer than a burst of lost packets lasts.
const UNHEARD: Duration = Duration::from_secs(1);
