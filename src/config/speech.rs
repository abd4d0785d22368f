//! `[speech]`: the command that speaks.

use super::{ConfigError, layers::Layers, values};
use crate::audio::SpeechSettings;

/// `None` unless a command is given: then messages have no speech.
pub(super) fn speech(layers: &Layers) -> Result<Option<SpeechSettings>, ConfigError> {
    const COMMAND: &str = "speech.command";
    const VOICE: &str = "speech.voice";

    let command = layers.list(COMMAND, PROGRAM, argument)?;
    let voice = layers.parsed(VOICE, "a voice of the command", |text| {
        match argument(text)? {
            text if text.starts_with('-') => Err("an option was given".to_owned()),
            text => Ok(text),
        }
    })?;
    let keep = layers.parsed("speech.keep", KEEP, |text| match values::age(text)? {
        Some(keep) if keep >= HOUR => Ok(keep),
        _ => Err(format!("`{text}` was given")),
    })?;
    let settings = SpeechSettings {
        command: command.unwrap_or_default(),
        voice: voice.unwrap_or_default(),
        at_once: layers.whole("speech.at_once", 2, 1..=16)? as usize,
        timeout: layers.duration("speech.timeout", 20, 1..=300)?,
        keep: keep.unwrap_or(SpeechSettings::KEEP),
    };
    if settings.command.is_empty() {
        return Ok(None);
    }
    if settings.command[0].is_empty() {
        return Err(layers.bad(COMMAND, "it names no program", PROGRAM));
    }
    if settings.command[0].contains('{') {
        let problem = "the program itself cannot be a placeholder";
        return Err(layers.bad(COMMAND, problem, PROGRAM));
    }
    if let Some(word) = settings.unknown_placeholder() {
        let problem = format!("`{word}` stands for nothing");
        return Err(layers.bad(
            COMMAND,
            &problem,
            "`{voice}`, `{output}` and `{text_file}` alone; the text comes by the standard input as well",
        ));
    }
    if settings.takes_voice() && settings.voice.is_empty() {
        let problem = "it has `{voice}`, and `speech.voice` is not given";
        return Err(layers.bad(
            COMMAND,
            problem,
            "`speech.voice` beside it, or no `{voice}`",
        ));
    }
    Ok(Some(settings))
}

fn argument(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("it holds a NUL".to_owned());
    }
    Ok(text.to_owned())
}

const PROGRAM: &str =
    "a program and its arguments, such as `[\"espeak-ng\", \"--stdin\", \"-w\", \"{output}\"]`";

const KEEP: &str = "a duration from 1h to 10 years (3650d), such as `30d`";

const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);
