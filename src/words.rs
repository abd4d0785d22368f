//! Words that every part of the program uses: which leg, who answered, how the ready point was found.

use std::fmt;

use serde::Serialize;

/// The name of a column without case, spaces and marks: `Phone_Number` is `phonenumber`.
pub fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// One of the two calls of a drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// The first call; it keeps the line busy and is never meant to be answered.
    Busy,
    /// The second call to the same number; diverted to voicemail because the line is busy.
    Drop,
}

impl Leg {
    /// Both legs, in the order in which they are dialled.
    pub const BOTH: [Self; 2] = [Self::Busy, Self::Drop];

    /// The leg's name in channel ids and timelines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Drop => "drop",
        }
    }

    /// The other leg of the same drop.
    pub const fn other(self) -> Self {
        match self {
            Self::Busy => Self::Drop,
            Self::Drop => Self::Busy,
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An answering machine or a mailbox.
    Machine,
    /// A person.
    Human,
    /// Neither is certain.
    Unsure,
    /// A fax machine.
    Fax,
    /// Special information tones: the network's own announcement.
    Sit,
    /// No voice was heard.
    Silence,
    /// A menu that waits for a key.
    Menu,
    /// A machine that asks who calls and why, and lets a person listen.
    Screening,
}

impl Verdict {
    /// The verdict's slug in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Human => "human",
            Self::Unsure => "unsure",
            Self::Fax => "fax",
            Self::Sit => "sit",
            Self::Silence => "silence",
            Self::Menu => "menu",
            Self::Screening => "screening",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How it is known that the mailbox records from this moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadyBy {
    /// The end of a beep.
    Beep,
    /// The end of the greeting, without a beep.
    Silence,
    /// The wait for silence in the PBX's dialplan.
    Dialplan,
    /// The agent who handed the call over.
    Agent,
}

impl ReadyBy {
    /// The slug in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Beep => "beep",
            Self::Silence => "silence",
            Self::Dialplan => "dialplan",
            Self::Agent => "agent",
        }
    }
}

/// How a recorded prompt ends: what a call that hears it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptEnd {
    /// In a mailbox that records.
    Records,
    /// In a menu, or another machine that takes no message.
    Menu,
    /// In a mailbox that is full.
    Full,
    /// The number is not in service.
    OutOfService,
    /// In a machine that asks who calls and why.
    Screening,
    /// A person is connected.
    Connects,
}

impl PromptEnd {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Records,
        Self::Menu,
        Self::Full,
        Self::OutOfService,
        Self::Screening,
        Self::Connects,
    ];

    /// The slug in the store and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Menu => "menu",
            Self::Full => "full",
            Self::OutOfService => "out_of_service",
            Self::Screening => "screening",
            Self::Connects => "connects",
        }
    }

    /// The one of this slug.
    pub fn of(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == slug)
    }
}

impl fmt::Display for PromptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
