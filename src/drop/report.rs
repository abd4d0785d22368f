//! What is known of a drop when it has ended.

use std::time::Duration;

use serde::Serialize;

use super::{
    event::Cause,
    outcome::{EndedBy, Outcome},
    proof::{Beep, Proof},
    unanswered::OutcomeReason,
};
use crate::words::{Leg, ReadyBy, Verdict};

/// A moment of a drop worth reporting.
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
    PromptStarted,
    PromptFinished,
    TapLost,
    GivenBack,
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
            Self::PromptStarted => "prompt_started",
            Self::PromptFinished => "prompt_finished",
            Self::TapLost => "tap_lost",
            Self::GivenBack => "given_back",
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
    /// What the outcome alone does not say, if the call failed.
    pub reason: Option<OutcomeReason>,
    /// Who answered, as far as is known.
    pub verdict: Option<Verdict>,
    /// AMDCAUSE, if the dialplan set it.
    pub amd_cause: Option<String>,
    /// Why, in the words of our own ears, if they decided.
    pub reasons: Option<String>,
    /// Whether the busy leg became the live leg.
    pub promoted: bool,
    /// How the ready point was found; the last one if the message started again.
    pub ready_by: Option<ReadyBy>,
    /// When that ready point was found, since the first originate was asked for.
    pub ready_at: Option<Duration>,
    /// The beep that marked it, if our own ears heard one.
    pub beep: Option<Beep>,
    /// How much of the message was played; of the last play, if there were more.
    pub played: Duration,
    /// How often the message started again.
    pub restarts: u32,
    /// How much of the message at most was heard by a person, or by a machine that is no mailbox.
    pub heard: Duration,
    /// How sure it is that the message was left.
    pub proof: Proof,
    /// Why, in the order in which things happened.
    pub proof_reasons: Vec<String>,
    /// Which side ended the live leg; `None` if there was none.
    pub ended_by: Option<EndedBy>,
    /// The refusal that ended the drop, in the PBX's words, or those of the reason.
    pub words: Option<String>,
    /// How the busy leg ended; `None` unless it was dialled.
    pub busy: Option<Cause>,
    /// How the drop leg ended; `None` unless it was dialled.
    pub drop: Option<Cause>,
    /// Every milestone, in the order in which it happened.
    pub timeline: Vec<Moment>,
}

impl Report {
    /// The report of a drop of which nothing was seen; why, in words.
    pub fn unseen(outcome: Outcome, why: &str) -> Self {
        Self {
            outcome,
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
            proof_reasons: vec![why.to_owned()],
            ended_by: None,
            words: Some(why.to_owned()),
            busy: None,
            drop: None,
            timeline: Vec::new(),
        }
    }

    /// The report of a drop that ended before anything was dialled; why, in words.
    pub fn not_dialled(why: &str) -> Self {
        Self {
            proof_reasons: vec!["nothing was dialled".to_owned()],
            ..Self::unseen(Outcome::Cancelled, why)
        }
    }

    /// Whether it ended before anything was dialled, and not because the PBX refused to.
    pub const fn is_not_dialled(&self) -> bool {
        matches!(self.outcome, Outcome::Cancelled) && self.busy.is_none() && self.drop.is_none()
    }

    /// Makes it the report of a drop that was lost: it is not known how it ended, or would have.
    pub fn lose(&mut self, words: &str) {
        self.outcome = Outcome::Lost;
        self.reason = None;
        self.words = Some(words.to_owned());
        self.heard = Duration::ZERO;
        self.proof = Proof::Unproven;
        self.proof_reasons = vec![words.to_owned()];
    }

    /// How a leg ended; `None` unless it was dialled.
    pub const fn leg(&self, leg: Leg) -> Option<Cause> {
        match leg {
            Leg::Busy => self.busy,
            Leg::Drop => self.drop,
        }
    }
}
