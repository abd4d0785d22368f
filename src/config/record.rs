//! `[record]`: what those hear, and can do, who record a message by telephone.

use std::time::Duration;

use super::{
    ConfigError,
    layers::Layers,
    values::{self, quoted},
};
use crate::record::{RecordPlan, RecordPrompt};

/// What those hear, and can do, who record a message by telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordConfig {
    /// What keys do.
    pub plan: RecordPlan,
    /// How long it may be silent until a recording ends, 1 to 60 s.
    pub silence: Duration,
    /// What is played, by the PBX's own names.
    pub sounds: RecordSounds,
}

/// Sounds of the PBX, without `sound:` before their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSounds([String; SOUNDS.len()]);

impl RecordSounds {
    /// The sound of a prompt; `None` of what was recorded.
    pub fn of(&self, prompt: RecordPrompt) -> Option<&str> {
        let mut all = SOUNDS.iter().zip(&self.0);
        let (_, sound) = all.find(|((of, ..), _)| *of == prompt)?;
        Some(sound)
    }

    /// All of them, each with its key.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = SOUNDS.iter().zip(&self.0);
        all.map(|((_, key, _), sound)| (*key, sound.as_str()))
    }
}

/// The prompts that are sounds of the PBX's, each with its key and the sound that it is by default.
const SOUNDS: [(RecordPrompt, &str, &str); 12] = [
    (RecordPrompt::AskPin, "record.ask_pin", "agent-pass"),
    (RecordPrompt::WrongPin, "record.wrong_pin", "auth-incorrect"),
    (
        RecordPrompt::Instructions,
        "record.instructions",
        "vm-rec-temp",
    ),
    (RecordPrompt::Beep, "record.beep", "beep"),
    (RecordPrompt::Menu, "record.menu", "vm-review"),
    (RecordPrompt::Taken, "record.taken", "beeperr"),
    (RecordPrompt::Saved, "record.saved", "vm-msgsaved"),
    (RecordPrompt::Discarded, "record.discarded", "vm-deleted"),
    (RecordPrompt::TooShort, "record.too_short", "vm-tooshort"),
    (RecordPrompt::Refused, "record.refused", "vm-pls-try-again"),
    (RecordPrompt::Failed, "record.failed", "tt-somethingwrong"),
    (RecordPrompt::Goodbye, "record.goodbye", "vm-goodbye"),
];

pub(super) fn record(layers: &Layers) -> Result<RecordConfig, ConfigError> {
    let keep = key(layers, "record.keep", '1')?;
    let hear = key(layers, "record.hear", '2')?;
    let again = key(layers, "record.again", '3')?;
    for (name, own, other, others) in [
        ("record.hear", hear, keep, "record.keep"),
        ("record.again", again, keep, "record.keep"),
        ("record.again", again, hear, "record.hear"),
    ] {
        if own == other {
            let problem = format!("it is the key of `{others}`, too");
            return Err(layers.bad(name, problem, "another key"));
        }
    }
    let mut sounds = SOUNDS.map(|(_, _, default)| default.to_owned());
    for (given, (_, key, default)) in sounds.iter_mut().zip(SOUNDS) {
        *given = sound(layers, key, default)?;
    }
    Ok(RecordConfig {
        plan: RecordPlan {
            keep,
            hear,
            again,
            wait: layers.duration("record.wait", 8, 1..=30)?,
        },
        silence: layers.duration("record.silence", 5, 1..=60)?,
        sounds: RecordSounds(sounds),
    })
}

fn key(layers: &Layers, key: &'static str, default: char) -> Result<char, ConfigError> {
    let given = layers.parsed(key, "a digit in quotes", |text| match text.as_bytes() {
        [digit] if digit.is_ascii_digit() => Ok(char::from(*digit)),
        _ => Err(format!("{} is not one", quoted(text))),
    })?;
    Ok(given.unwrap_or(default))
}

/// A sound by its name below the PBX's folder of sounds, or by its whole path there; never with an extension.
fn sound(layers: &Layers, key: &'static str, default: &str) -> Result<String, ConfigError> {
    let expected = "the name of a sound that the PBX has, such as `vm-review`, or its path without an extension";
    let given = layers.parsed(key, expected, |text| {
        let name = values::SOUND.check(text)?;
        let parts = name.strip_prefix('/').unwrap_or(&name).split('/');
        let climbs = |part: &str| part.is_empty() || part == "." || part == "..";
        match parts.into_iter().any(climbs) {
            true => Err(format!("{} does not fit", quoted(text))),
            false => Ok(name),
        }
    })?;
    Ok(given.unwrap_or_else(|| default.to_owned()))
}
