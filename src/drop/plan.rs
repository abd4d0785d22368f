//! What a drop is to do: its settings, fixed before the first originate.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::Leg;

/// How one drop is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One call or two.
    pub technique: Technique,
    /// From originating the busy leg to originating the drop leg.
    pub lead: Duration,
    /// From originating the drop leg (the only leg of [`Technique::Single`]) to its answer.
    pub answer_timeout: Duration,
    /// From answer to the start of play.
    pub screening_timeout: Duration,
    /// From a machine verdict to the ready point.
    pub ready_timeout: Duration,
    /// How long to wait for ringing after a 183 before the busy leg is released; `None`: until the drop leg is up.
    pub release_on_progress: Option<Duration>,
    /// How long after its originate a drop leg may show nothing before the busy leg is released; `None`: until its end.
    pub release_when_unheard: Option<Duration>,
    /// What to do if it is not known who answered.
    pub when_unsure: WhenUnsure,
    /// What to do if a call screener answers.
    pub when_screened: WhenScreened,
    /// How long the prompt is that answers a call screener; `None`: there is none, and it is hung up on.
    pub prompt: Option<Duration>,
    /// What to do if the busy leg is answered first.
    pub when_busy_leg_answered: WhenBusyLegAnswered,
    /// Who finds out who answered, and from when the mailbox records.
    pub mode: Mode,
    /// What sends the message if our own ears listen.
    pub voice: Voice,
    /// How often at most the message starts again because the first beep came while it played, 0 to 5.
    pub max_restarts: u32,
    /// How long the message is; `None` if only the PBX has it and does not say.
    pub message: Option<Duration>,
    /// How a call is taken over. It has no effect unless the technique is [`Technique::Adopted`].
    pub adoption: Adoption,
}

impl Plan {
    /// The longest message a plan without a known length may play.
    pub const LONGEST_UNKNOWN_MESSAGE: Duration = Duration::from_secs(300);

    /// How long what allowed a call holds until it is dialled.
    pub const DIAL_WITHIN: Duration = Duration::from_secs(5);

    /// The ring time given to the PBX for a leg's originate: it ends the leg itself then, whether or not we live.
    /// The busy leg has to ring for as long as the drop leg may.
    pub fn ring_timeout(&self, leg: Leg) -> Duration {
        match leg {
            Leg::Busy => self.lead + self.answer_timeout,
            Leg::Drop => self.answer_timeout,
        }
    }

    /// The longest that a leg can stay with our own ears: until the message starts, and each time it starts again.
    pub fn longest_listening(&self) -> Duration {
        let again = (self.ready_timeout + self.message_limit()) * self.max_restarts;
        self.screening_timeout + self.message_limit() + again
    }

    /// The message's length, or the longest allowed if it is not known.
    pub fn message_limit(&self) -> Duration {
        self.message.unwrap_or(Self::LONGEST_UNKNOWN_MESSAGE)
    }
}

/// Who finds out who answered, and from when the mailbox records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// AMD and the wait for silence in the PBX's dialplan.
    #[default]
    Dialplan,
    /// Our own ears, on the live leg's audio connection to us; the dialplan if that fails.
    Listen,
}

/// Who sends the message to a leg that our own ears listen to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Voice {
    /// We do, from the samples that we have, over the connection by which we listen.
    #[default]
    Ours,
    /// The PBX does, from a recording that only it has; the connection has to end before.
    Pbx,
}

/// One call or two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Technique {
    /// Busy leg and drop leg.
    #[default]
    Double,
    /// Drop leg only, for carriers and trunks that punish short cancelled calls.
    Single,
    /// No call of ours: an agent has reached the mailbox, and hands the call over. It is the drop leg.
    Adopted,
}

/// How a call is taken over that an agent has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// When the message begins.
    pub begin: Begin,
    /// What to do if a person is on the line.
    pub when_human: WhenHuman,
}

/// When the message of a call begins that is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// At its ready point, which is listened for.
    #[default]
    AtReadyPoint,
    /// At once: the agent has heard the beep.
    AtOnce,
}

/// What to do if a person is on a line that is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenHuman {
    /// Hang up.
    #[default]
    HangUp,
    /// Send the call back to the dialplan, which knows the agent.
    GiveBack,
}

impl Technique {
    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Double => "double",
            Self::Single => "single",
            Self::Adopted => "adopted",
        }
    }

    /// Whether the call is made by somebody else.
    pub const fn is_adopted(self) -> bool {
        match self {
            Self::Adopted => true,
            Self::Double | Self::Single => false,
        }
    }
}

/// What to do if it is not known who answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnsure {
    /// Hang up, unplayed.
    #[default]
    HangUp,
    /// Go on as for a machine.
    Play,
}

/// What to do if a machine answers that asks for the caller's name and reason, and lets a person listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenScreened {
    /// Hang up; nothing is said.
    #[default]
    HangUp,
    /// Say a prompt, once, and listen on.
    Say,
}

/// What to do if the busy leg is answered before the drop leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenBusyLegAnswered {
    /// Screen the busy leg as if it were the drop leg; never dial, or at once cancel, the other.
    #[default]
    Promote,
    /// Hang it up and let the drop leg run.
    Continue,
    /// Hang up both.
    GiveUp,
}
