//! What can be set: unit, range, default, and the reason for it.

use thiserror::Error;

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $default:literal, $low:literal..=$high:literal, $unit:literal;)+) => {
        /// What a user may set of the [`Ears`](super::Ears).
        ///
        /// The rest are constants beside the code that uses them: properties of tones and voices, which do not differ
        /// from one user to the next.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct Settings {
            $($(#[doc = $doc])+ #[doc = ""] #[doc = concat!("In ", $unit, ", ", $low, " to ", $high, "; ", $default, " unless set.")] pub $name: f32,)+
            /// Whether the message may start by silence alone.
            pub no_beep: NoBeep,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)+ no_beep: NoBeep::default() }
            }
        }

        impl Settings {
            /// Every setting that is a number.
            pub const ALL: &[Setting] = &[$(Setting {
                name: stringify!($name),
                about: concat!($($doc, "\n"),+).trim_ascii(),
                unit: $unit,
                default: $default,
                least: $low,
                most: $high,
            },)+];

            /// The name and the value of each setting that is a number, in the order of [`Self::ALL`].
            pub fn values(&self) -> impl Iterator<Item = (&'static str, f32)> {
                [$((stringify!($name), self.$name),)+].into_iter()
            }

            /// Gives the setting of this name another value.
            ///
            /// # Errors
            /// [`BadSetting`] if there is no such setting, or the value is not a number in its range, or not a whole one
            /// although it counts how often something is done.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), BadSetting> {
                if name == NoBeep::KEY {
                    self.no_beep = NoBeep::parse(value).ok_or_else(|| BadSetting::Value {
                        name: name.to_owned(),
                        value: value.to_owned(),
                        expected: NoBeep::EXPECTED.to_owned(),
                    })?;
                    return Ok(());
                }
                let field = match name {
                    $(stringify!($name) => &mut self.$name,)+
                    _ => return Err(BadSetting::Unknown { name: name.to_owned() }),
                };
                let about = Self::ALL
                    .iter()
                    .find(|about| about.name == name)
                    .expect("the table is made from the same list");
                let parsed = value.parse().ok();
                let fits = |value: &f32| {
                    (about.least..=about.most).contains(value) && (!about.counts() || value.fract() == 0.0)
                };
                let within = parsed.filter(fits);
                *field = within.ok_or_else(|| BadSetting::Value {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    expected: about.expected(),
                })?;
                Ok(())
            }
        }
    };
}

settings! {
    /// Quiet after a short first turn ("hello?") until it counts as a person's.
    ///
    /// Shorter lets people go sooner; longer spares machines that pause after their first words.
    hold_short: 1.5, 0.5..=5.0, "seconds";
    /// Quiet after a turn that may be a business or a short greeting until it counts as a person's.
    ///
    /// Nine beeps of ten come within this of the greeting. Shorter lets people go sooner and loses mailboxes with a late beep. A diverted call is given twice as long, whatever its turn.
    hold_open: 2.65, 0.5..=8.0, "seconds";
    /// Quiet after a machine's greeting from which it is taken to record although no beep came.
    ///
    /// Longer than a pause between two sentences; a beep that comes later starts the message again.
    ready_silence: 2.0, 0.5..=8.0, "seconds";
    /// A turn that lasts this long is a machine's: hardly a person says that much before they listen.
    ///
    /// Shorter plays to businesses with long phrases, longer loses mailboxes without a beep.
    machine_turn: 7.0, 2.0..=30.0, "seconds";
    /// A turn of at most this much is a person's unless something else speaks for a machine.
    short_turn: 1.7, 0.3..=6.0, "seconds";
    /// Quiet after a beep until the message starts: sees a second beep coming, and distinguishes a beep from the tone of a melody.
    beep_guard: 0.18, 0.05..=2.0, "seconds";
    /// Quiet after a beep that no speech came before: a chime may come before the greeting.
    lone_beep_guard: 1.5, 0.05..=5.0, "seconds";
    /// Quiet after a machine's greeting without a beep and without a reason to play, until the verdict is `unsure`.
    ///
    /// Shorter frees the line sooner, longer waits for beeps that come late.
    beep_wait: 8.0, 1.0..=60.0, "seconds";
    /// How long a lone tone of 350 to 500 Hz is watched for the next ring before it counts as a beep.
    ///
    /// The longest pause between two rings in any country's table is 6 s. Shorter starts sooner after such beeps, and takes slow rings for beeps.
    ring_wait: 6.0, 0.0..=10.0, "seconds";
    /// What the reasons to play without a beep have to be worth together.
    ///
    /// Has an effect only if `no_beep` is `wait_for_reason`. Lower plays to more mailboxes without a beep, and to more people and menus.
    reason_least: 3.0, 0.1..=20.0, "nats";
    /// What a turn of `machine_turn` or longer is worth as a reason to play, if its voice is steady and no other is heard behind it.
    reason_turn: 1.0, 0.0..=20.0, "nats";
    /// What a diverted call is worth as a reason to play: answered within 1.2 s while the other leg rang, and the turn was no person's.
    reason_diverted: 1.5, 0.0..=20.0, "nats";
    /// What a background that came with the greeting and stopped with it is worth as a reason to play: somebody recorded it at home.
    reason_background: 2.0, 0.0..=20.0, "nats";
    /// The most that a prompt of the book is worth as a reason to play.
    reason_prompt: 8.0, 0.0..=20.0, "nats";
    /// The most that words are worth as a reason to play.
    reason_words: 2.0, 0.0..=20.0, "nats";
    /// How long after the answer there may be no speech until the verdict is `silence`.
    initial_silence: 8.0, 2.0..=60.0, "seconds";
    /// How long after the start of the message a first beep starts it again.
    late_beep_window: 8.0, 0.0..=30.0, "seconds";
    /// How often a message is started again at most.
    max_restarts: 2.0, 0.0..=5.0, "times";
    /// How much of a voice stops the message, within one second.
    ///
    /// Speech has gaps, so that more than the most that can be set would never be found, and no voice would stop it.
    live_voice: 0.35, 0.1..=0.8, "seconds";
}

/// Whether the message may start by silence alone, if no beep comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoBeep {
    /// Only if something else speaks for a mailbox that records: `wait_for_reason`.
    #[default]
    WaitForReason,
    /// After every machine's greeting: `play`.
    Play,
}

impl NoBeep {
    /// The setting's name.
    pub const KEY: &str = "no_beep";
    /// What it takes.
    pub const EXPECTED: &str = "`wait_for_reason` or `play`";
    /// Each value and its name.
    pub const ALL: [(&str, Self); 2] = [
        ("wait_for_reason", Self::WaitForReason),
        ("play", Self::Play),
    ];

    /// The value's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitForReason => "wait_for_reason",
            Self::Play => "play",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value)
    }
}

/// The description of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// The setting's name.
    pub name: &'static str,
    /// What it is for, in Markdown.
    pub about: &'static str,
    /// The unit of its value.
    pub unit: &'static str,
    /// Its value unless set.
    pub default: f32,
    /// The least it can be.
    pub least: f32,
    /// The most it can be.
    pub most: f32,
}

impl Setting {
    /// Whether it counts how often something is done; then only whole numbers will do.
    fn counts(&self) -> bool {
        self.unit == "times"
    }

    fn expected(&self) -> String {
        let Self {
            unit, least, most, ..
        } = self;
        if self.counts() {
            format!("a whole number from {least} to {most} ({unit})")
        } else {
            format!("{least} to {most} ({unit})")
        }
    }
}

/// Why a setting cannot be set.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BadSetting {
    /// There is none of this name.
    #[error("there is no setting `{name}`")]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// The value is not one of this setting.
    #[error("`{value}` is not a value of `{name}`; expected {expected}")]
    Value {
        /// The setting.
        name: String,
        /// What was given.
        value: String,
        /// What would do.
        expected: String,
    },
}
