//! How a drop ended: an outcome is data with a slug and a blame, decided in one table.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    event::{Cause, Sit},
    proof::{Beep, Proof},
    unanswered::OutcomeReason,
};
use crate::words::{Leg, ReadyBy, Verdict};

/// How a drop ended. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole message was played to a machine after its ready point.
    Delivered,
    /// A person answered; nothing was played, or play was stopped at once.
    Human,
    /// Answered, then the far end hung up before anything was played.
    HungUp,
    /// Fax, menu or full mailbox; nothing was played.
    NotVoicemail,
    /// No verdict, or silence, or no ready point; nothing was played.
    Unsure,
    /// The far end hung up while the message played.
    CutOff,
    /// Something alerted, and nobody answered until the deadline.
    NoAnswer,
    /// The number is busy.
    Busy,
    /// The callee, or the network for them, declined.
    Rejected,
    /// No such number.
    InvalidNumber,
    /// The network has no way through just now.
    Congestion,
    /// The call failed for any other reason.
    Failed,
    /// The operator cancelled.
    Cancelled,
    /// The PBX or the websocket went away and the truth cannot be known.
    Lost,
    /// The PBX refused our request.
    Error,
}

/// Who has to act on an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// All went as wanted.
    Nobody,
    /// The number called, or who answered there.
    Callee,
    /// The network between.
    Carrier,
    /// This program or the PBX it steers.
    Us,
}

/// Whether another attempt makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// There is nothing left to do.
    No,
    /// It cannot succeed.
    Never,
    /// Yes.
    Yes,
    /// Yes, but the network needs a pause first.
    YesLater,
    /// The campaign's rules decide.
    Policy,
    /// Only a person may start it again.
    NeverByItself,
}

impl Outcome {
    /// Every outcome, in the order of the design's table.
    pub const ALL: [Self; 15] = [
        Self::Delivered,
        Self::Human,
        Self::HungUp,
        Self::NotVoicemail,
        Self::Unsure,
        Self::CutOff,
        Self::NoAnswer,
        Self::Busy,
        Self::Rejected,
        Self::InvalidNumber,
        Self::Congestion,
        Self::Failed,
        Self::Cancelled,
        Self::Lost,
        Self::Error,
    ];

    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        self.row().0
    }

    /// Who has to act.
    pub const fn blame(self) -> Blame {
        self.row().1
    }

    /// Whether another attempt makes sense.
    pub const fn retry(self) -> Retry {
        self.row().2
    }

    const fn row(self) -> (&'static str, Blame, Retry) {
        match self {
            Self::Delivered => ("delivered", Blame::Nobody, Retry::No),
            Self::Human => ("human", Blame::Callee, Retry::Policy),
            Self::HungUp => ("hung_up", Blame::Callee, Retry::Policy),
            Self::NotVoicemail => ("not_voicemail", Blame::Callee, Retry::Never),
            Self::Unsure => ("unsure", Blame::Us, Retry::Policy),
            Self::CutOff => ("cut_off", Blame::Callee, Retry::Policy),
            Self::NoAnswer => ("no_answer", Blame::Callee, Retry::Yes),
            Self::Busy => ("busy", Blame::Callee, Retry::Yes),
            Self::Rejected => ("rejected", Blame::Callee, Retry::Policy),
            Self::InvalidNumber => ("invalid_number", Blame::Callee, Retry::Never),
            Self::Congestion => ("congestion", Blame::Carrier, Retry::YesLater),
            Self::Failed => ("failed", Blame::Carrier, Retry::YesLater),
            Self::Cancelled => ("cancelled", Blame::Nobody, Retry::No),
            Self::Lost => ("lost", Blame::Us, Retry::NeverByItself),
            Self::Error => ("error", Blame::Us, Retry::NeverByItself),
        }
    }

    /// Whether what was played was heard by somebody or something that is no mailbox.
    pub(super) const fn is_no_mailbox(self) -> bool {
        match self {
            Self::Human | Self::NotVoicemail => true,
            Self::Delivered
            | Self::HungUp
            | Self::Unsure
            | Self::CutOff
            | Self::NoAnswer
            | Self::Busy
            | Self::Rejected
            | Self::InvalidNumber
            | Self::Congestion
            | Self::Failed
            | Self::Cancelled
            | Self::Lost
            | Self::Error => false,
        }
    }

    /// The outcome of a leg that the network's own announcement answered.
    pub const fn of_announcement(sit: Sit) -> Self {
        match sit {
            Sit::Invalid => Self::InvalidNumber,
            Sit::Congestion => Self::Congestion,
            Sit::Other => Self::Failed,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// Who ended the live leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// We asked for the hang-up.
    Us,
    /// The far end, or the network.
    FarEnd,
    /// The time limit that we had set on the PBX.
    Limit,
}

/// A moment of a drop worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each is the event that its name says; the names are the public timeline"
)]
pub enum Milestone {
    BusyDialled,
    DropDialled,
    BusyAlerting,
    DropAlerting,
    BusyHungUp,
    BusyAnswered,
    BusyGone,
    Promoted,
    DropAnswered,
    Verdict,
    Ready,
    PlayStarted,
    PlayFinished,
    PlayRestarted,
    TapLost,
    DropHungUp,
    DropGone,
}

impl Milestone {
    /// The event's name in the timeline.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BusyDialled => "busy_dialled",
            Self::DropDialled => "drop_dialled",
            Self::BusyAlerting => "busy_alerting",
            Self::DropAlerting => "drop_alerting",
            Self::BusyHungUp => "busy_hung_up",
            Self::BusyAnswered => "busy_answered",
            Self::BusyGone => "busy_gone",
            Self::Promoted => "promoted",
            Self::DropAnswered => "drop_answered",
            Self::Verdict => "verdict",
            Self::Ready => "ready",
            Self::PlayStarted => "play_started",
            Self::PlayFinished => "play_finished",
            Self::PlayRestarted => "play_restarted",
            Self::TapLost => "tap_lost",
            Self::DropHungUp => "drop_hung_up",
            Self::DropGone => "drop_gone",
        }
    }
}

/// A milestone and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the first originate was asked for.
    pub at: Duration,
    /// What happened.
    pub event: Milestone,
}

/// What is known of a drop when it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What the outcome alone does not say, where the call failed.
    pub reason: Option<OutcomeReason>,
    /// Who answered, as far as it was told.
    pub verdict: Option<Verdict>,
    /// AMDCAUSE, where the dialplan told it.
    pub amd_cause: Option<String>,
    /// Why, in the words of our own ears, where they told it.
    pub reasons: Option<String>,
    /// Whether the busy leg became the live leg.
    pub promoted: bool,
    /// What told the ready point; the last one, where the message started again.
    pub ready_by: Option<ReadyBy>,
    /// When that ready point was told, since the first originate was asked for.
    pub ready_at: Option<Duration>,
    /// The beep that told it, where our own ears heard one.
    pub beep: Option<Beep>,
    /// How much of the message was played; of the last play, where there were more.
    pub played: Duration,
    /// How often the message started again.
    pub restarts: u32,
    /// How much of the message at most was heard by a person, or by whatever else that is no mailbox.
    pub heard: Duration,
    /// How sure it is that the message was left.
    pub proof: Proof,
    /// Why, in the order in which things happened.
    pub proof_reasons: Vec<String>,
    /// Who ended the live leg; `None` where there was none.
    pub ended_by: Option<EndedBy>,
    /// The refusal that ended the drop, in the PBX's words, or those of the reason.
    pub words: Option<String>,
    /// How the busy leg ended; `None` where it was never dialled.
    pub busy: Option<Cause>,
    /// How the drop leg ended; `None` where it was never dialled.
    pub drop: Option<Cause>,
    /// Everything worth telling, in the order in which it happened.
    pub timeline: Vec<Moment>,
}

impl Report {
    /// The report of a drop that ended before anything was dialled; why, in words.
    pub fn not_dialled(why: &str) -> Self {
        Self {
            outcome: Outcome::Cancelled,
            reason: None,
            verdict: None,
            amd_cause: None,
            reasons: None,
            promoted: false,
            ready_by: None,
            ready_at: None,
            beep: None,
            played: Duration::ZERO,
            restarts: 0,
            heard: Duration::ZERO,
            proof: Proof::Unproven,
            proof_reasons: vec!["nothing was dialled".to_owned()],
            ended_by: None,
            words: Some(why.to_owned()),
            busy: None,
            drop: None,
            timeline: Vec::new(),
        }
    }

    /// Whether it ended before anything was dialled, and not because the PBX refused to.
    pub const fn is_not_dialled(&self) -> bool {
        matches!(self.outcome, Outcome::Cancelled) && self.busy.is_none() && self.drop.is_none()
    }

    /// Makes it the report of a drop that nobody wished to end, and of which it is not known how it would have ended.
    pub fn lose(&mut self, words: &str) {
        self.outcome = Outcome::Lost;
        self.reason = None;
        self.words = Some(words.to_owned());
        self.heard = Duration::ZERO;
        self.proof = Proof::Unproven;
        self.proof_reasons = vec![words.to_owned()];
    }

    /// How a leg ended; `None` where it was never dialled.
    pub const fn leg(&self, leg: Leg) -> Option<Cause> {
        match leg {
            Leg::Busy => self.busy,
            Leg::Drop => self.drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn slugs_are_the_design_s_and_serialise_as_they_are_written() {
        let slugs: BTreeSet<_> = Outcome::ALL.iter().map(|o| o.slug()).collect();
        assert_eq!(slugs.len(), Outcome::ALL.len());
        for outcome in Outcome::ALL {
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(json, format!("\"{}\"", outcome.slug()));
        }
    }
}
