//! What other parts of the program say about a call while the ears listen: the book of prompts, and words.

use std::fmt;

use super::at::At;

/// What is said about a call, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hint {
    /// Who says so.
    pub source: HintSource,
    /// What is said.
    pub says: HintSays,
    /// How sure it is: the logarithm of the odds that it is so. Only what is above 0 counts.
    pub nats: f32,
    /// Which prompt or phrase it is, by the source's own number.
    pub detail: u32,
}

/// Who speaks about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HintSource {
    /// A prompt that was heard before, in other calls.
    Prompt,
    /// Words that were recognised.
    Words,
}

/// What may be said about a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HintSays {
    /// A mailbox that records.
    Records {
        /// How long it is until its beep, in seconds, if that is known.
        beep_in: Option<f32>,
    },
    /// A tone comes, and what is said after it is recorded.
    BeepComes,
    /// A person.
    Person,
    /// A menu that waits for a key.
    Menu,
    /// A mailbox that is full.
    Full,
    /// A number that is not in service.
    OutOfService,
    /// A machine that asks for the caller's name and reason, and lets a person listen.
    Screening,
    /// A company's announcement; then a person is connected.
    Connects,
    /// What this source said is so no longer: the call goes on otherwise.
    Withdrawn,
}

impl Hint {
    /// What it adds to the evidence for a mailbox, in nats: 0 if it says nothing of that.
    pub(super) fn weight(&self) -> f32 {
        match self.says {
            HintSays::Records { .. } | HintSays::BeepComes => match self.source {
                HintSource::Prompt => self.nats,
                HintSource::Words => self.nats.min(WORDS_MOST),
            },
            HintSays::Person | HintSays::Connects => -self.nats,
            // A machine, but none that records: it decides, or changes nothing.
            HintSays::Menu
            | HintSays::Full
            | HintSays::OutOfService
            | HintSays::Screening
            | HintSays::Withdrawn => 0.0,
        }
    }

    /// Whether it says that somebody else takes the call next.
    pub(super) const fn connects(&self) -> bool {
        matches!(self.says, HintSays::Connects)
    }

    /// Whether it says that nothing is recorded here.
    pub(super) const fn records_nothing(&self) -> bool {
        match self.says {
            HintSays::Menu | HintSays::Full | HintSays::OutOfService | HintSays::Screening => true,
            HintSays::Records { .. }
            | HintSays::BeepComes
            | HintSays::Person
            | HintSays::Connects
            | HintSays::Withdrawn => false,
        }
    }
}

/// The hints of a call that count: the strongest of each source.
#[derive(Debug, Default)]
pub(super) struct Hints {
    strongest: [Option<Hint>; 2],
    /// When the beep is expected, by the last hint that knew.
    beep: Option<At>,
    /// Who announced a tone.
    beep_comes: [bool; 2],
}

impl Hints {
    pub(super) fn note(&mut self, hint: Hint, now: At) {
        let source = match hint.source {
            HintSource::Prompt => 0,
            HintSource::Words => 1,
        };
        if hint.says == HintSays::Withdrawn {
            // Only a prompt's beep is known to the moment.
            self.beep = self.beep.filter(|_| hint.source != HintSource::Prompt);
            self.beep_comes[source] = false;
            self.strongest[source] = None;
            return;
        }
        if hint.nats.is_nan() || hint.nats <= 0.0 {
            return;
        }
        let hint = Hint {
            nats: hint.nats.min(MOST),
            ..hint
        };
        match hint.says {
            HintSays::Records { beep_in } => {
                let known = beep_in.filter(|seconds| (0.0..=LATEST_BEEP).contains(seconds));
                self.beep = known.map(|seconds| now + seconds).or(self.beep);
                self.beep_comes[source] |= known.is_some();
            }
            HintSays::BeepComes => self.beep_comes[source] = true,
            HintSays::Person
            | HintSays::Menu
            | HintSays::Full
            | HintSays::OutOfService
            | HintSays::Screening
            | HintSays::Connects
            | HintSays::Withdrawn => {}
        }
        let slot = &mut self.strongest[source];
        if slot.is_none_or(|before| before.nats <= hint.nats) {
            *slot = Some(hint);
        }
    }

    /// Whether somebody else takes the call next: what comes after a pause is heard as their first words.
    pub(super) fn connects(&self) -> bool {
        self.iter().any(|hint| hint.connects())
    }

    /// Somebody else has taken the call: what is known of who connected them says nothing of them. When a beep comes is no longer
    /// known, either.
    pub(super) fn connected(&mut self) {
        for slot in &mut self.strongest {
            *slot = slot.filter(|hint| !hint.connects());
        }
        self.beep = None;
    }

    /// Each hint that counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = Hint> + '_ {
        self.strongest.iter().copied().flatten()
    }

    /// When the beep is expected, if that is known.
    pub(super) const fn expected_beep(&self) -> Option<At> {
        self.beep
    }

    /// Whether a tone was announced, or the prompt is known to end in one.
    pub(super) const fn beep_comes(&self) -> bool {
        self.beep_comes[0] || self.beep_comes[1]
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            HintSource::Prompt if self.says == HintSays::Withdrawn => {
                return write!(f, "not prompt {}: the call goes on otherwise", self.detail);
            }
            HintSource::Prompt => write!(f, "prompt {} is known: ", self.detail)?,
            HintSource::Words => write!(f, "words heard ({}): ", self.detail)?,
        }
        match self.says {
            HintSays::Records { beep_in: None } => f.write_str("a mailbox that records")?,
            HintSays::Records {
                beep_in: Some(seconds),
            } => write!(f, "a mailbox that records, its beep {seconds:.1} s later")?,
            HintSays::BeepComes => f.write_str("a tone comes")?,
            HintSays::Person => f.write_str("a person")?,
            HintSays::Menu => f.write_str("a menu")?,
            HintSays::Full => f.write_str("a full mailbox")?,
            HintSays::OutOfService => f.write_str("a number that is not in service")?,
            HintSays::Screening => f.write_str("a call screener")?,
            HintSays::Connects => f.write_str("a company that connects a person next")?,
            HintSays::Withdrawn => f.write_str("no longer so")?,
        }
        write!(f, " ({:.1} nats)", self.nats)
    }
}

/// The most that one hint weighs, so that two that contradict each other still can (nats).
const MOST: f32 = 12.0;

/// The most that words add to the evidence for a mailbox, however sure they are: people say "leave a message", too, and a
/// recogniser mishears (nats). The classifier asserts that they never start a message by themselves.
pub(super) const WORDS_MOST: f32 = 2.0;

/// No prompt lasts longer (s).
const LATEST_BEEP: f32 = 120.0;
