//! `drop.json`: the object that `drop --json` prints, and beside it what it takes to hear the call again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    heard_event::HeardEvent, message_parts::MessageParts, phrase::PhraseRecord,
    recorder::RecordedCue,
};
use crate::{
    id::Play,
    screen::{Amd, At, Call, Hint, HintSays, HintSource, NoBeep, Settings},
};

/// The whole of `drop.json`.
#[derive(Debug, Serialize)]
pub(super) struct DropFile<'a, T> {
    #[serde(flatten)]
    pub(super) ended: &'a T,
    #[serde(flatten)]
    pub(super) manifest: &'a Manifest,
}

/// What is in it beside the object of `drop --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// [`FORMAT`]; it also shows that the file is ours.
    pub(super) evidence_format: u64,
    /// The version of the program that heard the call.
    pub(super) aftertone: String,
    /// When the drop began, UTC (RFC 3339).
    pub(super) began: String,
    /// `None` if the ears did not listen, or no sound came.
    pub(super) audio: Option<Audio>,
    /// What is missing and why, for people.
    pub(super) notes: Vec<String>,
    /// The settings of the ears.
    pub(super) settings: BTreeMap<String, f32>,
    /// Whether the message could start by silence alone; evidence from before this could be set lacks it, and did.
    #[serde(default = "before")]
    pub(super) no_beep: String,
    /// What happened beside the sound, in order.
    pub(super) cues: Vec<CueRecord>,
    /// The phrases that were recognised, in the order in which they were reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) phrases: Vec<PhraseRecord>,
    /// What the ears reported, in order.
    pub(super) heard: Vec<HeardEvent>,
    /// What the message is made of, if it was made for whoever was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message_parts: Option<MessageParts>,
}

/// What `incoming.wav` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Audio {
    /// 8000 Hz, one channel, 16 bit, as many samples.
    pub(super) samples: u64,
    /// Whether it is all that the ears heard.
    pub(super) complete: bool,
}

/// A cue and its sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CueRecord {
    /// Samples since answer.
    pub(super) at: u64,
    #[serde(flatten)]
    pub(super) what: CueKind,
}

/// A cue, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cue", rename_all = "snake_case")]
pub(super) enum CueKind {
    Call {
        alerted: Option<f32>,
        other_rang: bool,
    },
    Amd {
        word: AmdWord,
    },
    Hint {
        source: HintFrom,
        says: HintWord,
        /// Seconds from the hint, if it says when the beep comes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        beep_in: Option<f32>,
        nats: f32,
        detail: u32,
    },
    Anew,
    Playing {
        play: u32,
    },
    Stopped {
        play: u32,
    },
}

/// AMD's answer, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AmdWord {
    Machine,
    Human,
    Unsure,
}

/// Who gave a hint, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HintFrom {
    Prompt,
    Words,
}

/// What a hint says, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HintWord {
    Records,
    BeepComes,
    Person,
    Menu,
    Full,
    OutOfService,
    Screening,
    Connects,
    Withdrawn,
}

impl Manifest {
    /// The cues, in order.
    pub(super) fn cues(&self) -> impl Iterator<Item = (At, RecordedCue)> {
        let cues = self.cues.iter();
        cues.map(|noted| (At(noted.at), noted.what.cue()))
    }

    /// The settings of the ears.
    ///
    /// # Errors
    /// The setting that this program does not have, or whose value it does not take.
    pub(super) fn settings(&self) -> Result<Settings, String> {
        let mut settings = Settings::default();
        for (name, value) in &self.settings {
            let set = settings.set(name, &value.to_string());
            set.map_err(|error| error.to_string())?;
        }
        let set = settings.set(NoBeep::KEY, &self.no_beep);
        set.map_err(|error| error.to_string())?;
        Ok(settings)
    }
}

/// How evidence was made that does not say.
fn before() -> String {
    NoBeep::Play.as_str().to_owned()
}

impl CueRecord {
    pub(super) const fn new(at: u64, cue: RecordedCue) -> Self {
        Self {
            at,
            what: match cue {
                RecordedCue::Call(Call {
                    alerted,
                    other_rang,
                }) => CueKind::Call {
                    alerted,
                    other_rang,
                },
                RecordedCue::Amd(Amd::Machine) => CueKind::Amd {
                    word: AmdWord::Machine,
                },
                RecordedCue::Amd(Amd::Human) => CueKind::Amd {
                    word: AmdWord::Human,
                },
                RecordedCue::Amd(Amd::Unsure) => CueKind::Amd {
                    word: AmdWord::Unsure,
                },
                RecordedCue::Hint(hint) => CueKind::hint(hint),
                RecordedCue::Anew => CueKind::Anew,
                RecordedCue::Playing(play) => CueKind::Playing { play: play.0 },
                RecordedCue::Stopped(play) => CueKind::Stopped { play: play.0 },
            },
        }
    }
}

impl CueKind {
    const fn hint(hint: Hint) -> Self {
        let (says, beep_in) = match hint.says {
            HintSays::Records { beep_in } => (HintWord::Records, beep_in),
            HintSays::BeepComes => (HintWord::BeepComes, None),
            HintSays::Person => (HintWord::Person, None),
            HintSays::Menu => (HintWord::Menu, None),
            HintSays::Full => (HintWord::Full, None),
            HintSays::OutOfService => (HintWord::OutOfService, None),
            HintSays::Screening => (HintWord::Screening, None),
            HintSays::Connects => (HintWord::Connects, None),
            HintSays::Withdrawn => (HintWord::Withdrawn, None),
        };
        Self::Hint {
            source: match hint.source {
                HintSource::Prompt => HintFrom::Prompt,
                HintSource::Words => HintFrom::Words,
            },
            says,
            beep_in,
            nats: hint.nats,
            detail: hint.detail,
        }
    }

    const fn cue(self) -> RecordedCue {
        match self {
            Self::Call {
                alerted,
                other_rang,
            } => RecordedCue::Call(Call {
                alerted,
                other_rang,
            }),
            Self::Amd { word } => RecordedCue::Amd(match word {
                AmdWord::Machine => Amd::Machine,
                AmdWord::Human => Amd::Human,
                AmdWord::Unsure => Amd::Unsure,
            }),
            Self::Hint {
                source,
                says,
                beep_in,
                nats,
                detail,
            } => RecordedCue::Hint(Hint {
                source: match source {
                    HintFrom::Prompt => HintSource::Prompt,
                    HintFrom::Words => HintSource::Words,
                },
                says: match says {
                    HintWord::Records => HintSays::Records { beep_in },
                    HintWord::BeepComes => HintSays::BeepComes,
                    HintWord::Person => HintSays::Person,
                    HintWord::Menu => HintSays::Menu,
                    HintWord::Full => HintSays::Full,
                    HintWord::OutOfService => HintSays::OutOfService,
                    HintWord::Screening => HintSays::Screening,
                    HintWord::Connects => HintSays::Connects,
                    HintWord::Withdrawn => HintSays::Withdrawn,
                },
                nats,
                detail,
            }),
            Self::Anew => RecordedCue::Anew,
            Self::Playing { play } => RecordedCue::Playing(Play(play)),
            Self::Stopped { play } => RecordedCue::Stopped(Play(play)),
        }
    }
}

/// The plays of a call of so many samples: when each began, and when it ended at the latest. `message` is the message's
/// length in samples, if it is known.
pub(super) fn plays(
    cues: impl Iterator<Item = (At, RecordedCue)>,
    message: Option<u64>,
    samples: u64,
) -> Vec<(At, At)> {
    let mut plays: Vec<(At, At, Play)> = Vec::new();
    for (at, cue) in cues {
        match cue {
            RecordedCue::Playing(play) => {
                if let Some((_, end, _)) = plays.last_mut() {
                    *end = (*end).min(at);
                }
                let whole = message.map_or(samples, |message| at.0 + message);
                plays.push((at, At(whole.min(samples)), play));
            }
            RecordedCue::Stopped(play) => {
                let stopped = plays.iter_mut().find(|(_, _, other)| *other == play);
                if let Some((_, end, _)) = stopped {
                    *end = (*end).min(at);
                }
            }
            RecordedCue::Call(_)
            | RecordedCue::Amd(_)
            | RecordedCue::Hint(_)
            | RecordedCue::Anew => {}
        }
    }
    let plays = plays.into_iter().map(|(from, until, _)| (from, until));
    // A play that began after the sound had ended is not in it.
    plays.filter(|(from, until)| from < until).collect()
}

/// The format of `drop.json` that this program writes and reads.
pub(super) const FORMAT: u64 = 1;
