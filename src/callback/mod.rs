//! A call that comes back: somebody who saw our number, or heard the message, calls it. Which prompt they hear, and what a key does.
//! Pure: time comes in as [`CallbackInput::Elapsed`], and with each input.
//!
//! ```text
//!   answered ── menu ──┬─ 9 ── who calls is known ──> opt out ── written ──> "removed" ──> hung up
//!                      │  └─ withheld ──> "which number?" ── digits, # ──^
//!                      ├─ 1 ──> on into the dialplan
//!                      ├─ another key, or none ──> menu again ──> what the setting says
//!                      └─ hung up
//! ```
//!
//! The number is on the list before anything says so: the confirmation is played once [`CallbackInput::OptedOut`] has come.
//!
//! Nobody hears which number was put there, so that one is put there only if it is certain which is meant: a key that comes twice is no
//! digit, and a number that may be the beginning of another one, or begins with that key, has to be typed twice.

mod machine;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr, time::Duration};

use crate::id::{BadId, DropId};

pub use machine::{CallbackInput, CallbackMachine, CallbackStep};

/// The name of one call that came back: as a drop's, and sortable as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallbackId(DropId);

impl CallbackId {
    /// A new id, never given before.
    pub fn generate() -> Self {
        Self(DropId::generate())
    }
}

impl fmt::Display for CallbackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CallbackId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        text.parse().map(Self)
    }
}

/// What may be done by whoever calls back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackPlan {
    /// The key that puts a number on the do-not-call list.
    pub opt_out: char,
    /// The key that sends the call on; `None` if it can be sent nowhere.
    pub connect: Option<char>,
    /// What follows if no key is pressed.
    pub when_silent: WhenSilent,
    /// How long a key is waited for behind a prompt.
    pub wait: Duration,
    /// How often the menu is played, 1 to 9.
    pub times: u32,
}

/// What follows if no key is pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenSilent {
    /// The call is hung up.
    #[default]
    HangUp,
    /// The call is sent on, as if the key for it had been pressed.
    Connect,
}

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallbackPrompt {
    /// Who calls, and what the keys do.
    Menu,
    /// That the number is to be typed, and `#`.
    WhichNumber,
    /// That the number is on the list.
    Removed,
    /// That it could not be put there.
    Failed,
}

/// How a call that came back ended. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallbackOutcome {
    /// A number was put on the do-not-call list, whatever followed.
    OptedOut,
    /// The call was sent on.
    Connected,
    /// The menu was heard to its end.
    Listened,
    /// They hung up before.
    HungUp,
}

impl CallbackOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::OptedOut,
        Self::Connected,
        Self::Listened,
        Self::HungUp,
    ];

    /// Its word in the database.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::Connected => "connected",
            Self::Listened => "listened",
            Self::HungUp => "hung_up",
        }
    }

    /// The outcome of this slug.
    pub fn read(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.slug() == slug)
    }
}

impl serde::Serialize for CallbackOutcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.slug())
    }
}
