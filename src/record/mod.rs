//! A message that is recorded by telephone: who may, what is heard, and what a key does. Pure: time comes in as
//! [`RecordInput::Elapsed`].
//!
//! ```text
//!   answered ── pin, # ──> checked ──┬─ wrong ── three times ──> hung up
//!                                    └─ right ──> "after the tone" ── tone ──> recording ── #, silence, limit ──> prepared
//!        ┌──────────────────────────────────────^                    ^ 3                                            │
//!        └─ too short, or not fit ── said why ───────────────────────┼───────────────────────────────────────────<──┤
//!                                              played back ── menu ──┤ 2: again                                     v
//!                                                    ^───────────────┼──────────────────────────────────── played back
//!                                                                    ├ 1 ── name free ──────────────────────> kept
//!                                                                    │   └─ name taken ── "it is" ── 1 ──────> kept in its place
//!                                                                    └ another key, none, or hung up: nothing is kept
//! ```

mod machine;
mod tries;

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr, time::Duration};

use crate::id::{BadId, DropId};

pub use machine::{RecordInput, RecordMachine, RecordStep};
pub use tries::CallerTries;

/// The name of one call by which a message is recorded: as a drop's, and sortable as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(DropId);

impl RecordId {
    /// A new id, never given before.
    pub fn generate() -> Self {
        Self(DropId::generate())
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RecordId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        text.parse().map(Self)
    }
}

/// What the keys do, and how long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlan {
    /// The key that keeps what was recorded.
    pub keep: char,
    /// The key that plays it once more.
    pub hear: char,
    /// The key that records in its place.
    pub again: char,
    /// How long the first key is waited for behind a prompt.
    pub wait: Duration,
}

/// Something that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordPrompt {
    /// That the PIN is to be typed, and `#`.
    AskPin,
    /// That it was wrong, and is to be typed again.
    WrongPin,
    /// That the message is to be spoken after the tone.
    Instructions,
    /// The tone.
    Beep,
    /// What was recorded, as it was prepared.
    Prepared,
    /// The same as the PBX has it, if it cannot see what was prepared.
    AsRecorded,
    /// What the keys do.
    Menu,
    /// That there is a message of this name, which the key to keep replaces.
    Taken,
    /// That the message is kept.
    Saved,
    /// That nothing is kept.
    Discarded,
    /// That too little was to be heard in it.
    TooShort,
    /// That it cannot be used for another reason.
    Refused,
    /// That something went wrong here.
    Failed,
    /// That the call ends.
    Goodbye,
}

/// Digits that somebody has typed, which no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedDigits(String);

impl TypedDigits {
    /// The digits, for what compares them.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TypedDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedDigits")
    }
}

/// What was found of a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinVerdict {
    /// It is somebody's who may record.
    Right,
    /// It is nobody's who may.
    Wrong,
    /// It was not looked at: whoever calls has been wrong too often.
    Barred,
    /// It could not be looked at.
    Unknown,
}

/// What came of preparing a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeVerdict {
    /// It can be a message.
    Fit {
        /// Whether there is a message of the name already.
        is_taken: bool,
    },
    /// Too little is to be heard in it.
    TooShort,
    /// It cannot be one for another reason.
    Unfit,
    /// It could not be had, or not be prepared.
    Failed,
}

/// What came of keeping a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepVerdict {
    /// It is kept.
    Kept,
    /// It is not: there is one of its name by now, which was not to be replaced.
    Taken,
    /// It is not.
    Failed,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// A message was kept.
    Kept,
    /// Nothing was kept: another key, or none.
    Discarded,
    /// The PIN was wrong.
    WrongPin,
    /// They hung up before.
    HungUp,
    /// Something went wrong here.
    Failed,
}

impl RecordOutcome {
    /// Its word in the log.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Discarded => "discarded",
            Self::WrongPin => "wrong_pin",
            Self::HungUp => "hung_up",
            Self::Failed => "failed",
        }
    }
}
