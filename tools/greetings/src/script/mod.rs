//! What people and machines say: texts for the synthetic voices. No sentence is said by two labels: what was heard from a person is
//! never heard from a machine.

mod texts;

pub(crate) use self::texts::{ENGLISH, FRENCH, GERMAN, ITALIAN, POLISH, SPANISH};

/// An occasion to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A person: "hello?"
    Hello,
    /// A person: their name.
    Name,
    /// A person: a company's greeting.
    Business,
    /// A mailbox in one sentence.
    Short,
    /// A mailbox in several sentences.
    Long,
    /// The network's own mailbox.
    Carrier,
    /// A mailbox that takes no more.
    Full,
    /// The announcement after the intercept tones.
    Intercept,
    /// A menu.
    Menu,
    /// Somebody's telephone asks who calls, and why.
    Screening,
    /// Music on hold is interrupted.
    Hold,
    /// A company's recording, before a person comes.
    Company,
    /// The network, before it rings and rings.
    Connecting,
    /// The network, before it rings and a mailbox answers.
    Forwarding,
}

impl Part {
    /// Each of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 14] = [
        Self::Hello,
        Self::Name,
        Self::Business,
        Self::Short,
        Self::Long,
        Self::Carrier,
        Self::Full,
        Self::Intercept,
        Self::Menu,
        Self::Screening,
        Self::Hold,
        Self::Company,
        Self::Connecting,
        Self::Forwarding,
    ];

    /// What may be said on this occasion and on no other one.
    pub(crate) const fn pool(self) -> Pool {
        match self {
            Self::Hello | Self::Name | Self::Business => Pool::Person,
            Self::Company => Pool::Company,
            Self::Short | Self::Long | Self::Carrier | Self::Forwarding => Pool::Machine,
            Self::Full
            | Self::Intercept
            | Self::Menu
            | Self::Screening
            | Self::Hold
            | Self::Connecting => Pool::Other,
        }
    }
}

/// Recordings that are heard of one label only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pool {
    /// Of people.
    Person,
    /// Of companies, before a person comes.
    Company,
    /// Of mailboxes.
    Machine,
    /// Of what never records.
    Other,
    /// Behind a speaker.
    Babble,
}

/// What may be said on an occasion: each is a list of sentences, between which there is a pause.
pub(crate) type Sayings = &'static [&'static [&'static str]];

/// The texts of one language.
pub(crate) struct Texts {
    pub(crate) names: &'static [&'static str],
    pub(crate) companies: &'static [&'static str],
    hello: Sayings,
    name: Sayings,
    business: Sayings,
    short: Sayings,
    long: Sayings,
    carrier: Sayings,
    full: Sayings,
    intercept: Sayings,
    menu: Sayings,
    screening: Sayings,
    hold: Sayings,
    company: Sayings,
    connecting: Sayings,
    forwarding: Sayings,
}

impl Texts {
    /// In them `{n}` is a name, `{c}` a company and `{d}` a number, digit by digit.
    pub(crate) fn of(&self, part: Part) -> Sayings {
        match part {
            Part::Hello => self.hello,
            Part::Name => self.name,
            Part::Business => self.business,
            Part::Short => self.short,
            Part::Long => self.long,
            Part::Carrier => self.carrier,
            Part::Full => self.full,
            Part::Intercept => self.intercept,
            Part::Menu => self.menu,
            Part::Screening => self.screening,
            Part::Hold => self.hold,
            Part::Company => self.company,
            Part::Connecting => self.connecting,
            Part::Forwarding => self.forwarding,
        }
    }
}
