//! How a drop ended: an outcome is data with a slug and a blame, decided in one table.

use std::fmt;

use serde::Serialize;

use super::event::Sit;

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
    /// Something alerted, and did not answer until the deadline.
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
    /// The PBX or the websocket went away, and what happened cannot be known.
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
    /// The number called, or the party that answered.
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
    /// It does.
    Yes,
    /// It does, but the network needs a pause first.
    YesLater,
    /// The campaign's rules decide.
    Policy,
    /// Only a person may start it again.
    NeverByItself,
}

impl Outcome {
    /// Every outcome, in the order of the documented table.
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

    /// Whether what was played was heard by a person or by a machine that is no mailbox.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn slugs_are_distinct_and_serialise_as_they_are_written() {
        let slugs: BTreeSet<_> = Outcome::ALL.iter().map(|o| o.slug()).collect();
        assert_eq!(slugs.len(), Outcome::ALL.len());
        for outcome in Outcome::ALL {
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(json, format!("\"{}\"", outcome.slug()));
        }
    }
}
