//! What the ears heard in a call and decided, for programs.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::{EvidenceReader, ReadError, heard_event::HeardEvent};
use crate::{
    screen::{At, Beep, Replay, Settings},
    words::{ReadyBy, Verdict},
};

/// What `aftertone explain --json` prints for a recording.
#[derive(Debug, Serialize)]
pub struct ExplainedCall<'a> {
    id: &'a str,
    verdict: Option<Verdict>,
    verdict_s: Option<f64>,
    ready_by: Option<ReadyBy>,
    ready_s: Option<f64>,
    restarts: Vec<f64>,
    beeps: Vec<ExplainedBeep>,
    voice_s: Option<f64>,
    whole: bool,
    reasons: Vec<String>,
    /// Only evidence can be compared with what was heard live.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as_live: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    differences: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    /// The phrases that were recognised live.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    phrases: &'a [String],
    /// The calls that came back, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<&'a [Value]>,
    /// What the message is made of, if it was made for whoever was called.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    message: &'a [String],
}

#[derive(Debug, Serialize)]
struct ExplainedBeep {
    start_s: f64,
    end_s: f64,
    hz: f32,
}

/// What a recording alone does not hold of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiveCall<'a> {
    /// What the ears decided differently live; `None` if it was not compared.
    pub differences: Option<&'a [String]>,
    /// What is missing of it, and why.
    pub notes: &'a [String],
    /// The phrases that were recognised live, a line each.
    pub phrases: &'a [String],
    /// The calls that came back after it, which no evidence holds; `None` if that was not looked up.
    pub callbacks: Option<&'a [Value]>,
    /// What the message is made of, a line each.
    pub message: &'a [String],
}

impl<'a> ExplainedCall<'a> {
    /// A recording by its name, as it was heard now; `live` is what evidence holds of it.
    pub fn of(id: &'a str, replay: &Replay, live: LiveCall<'a>) -> Self {
        let verdict = replay.verdict.as_ref();
        Self {
            id,
            verdict: verdict.map(|(verdict, ..)| *verdict),
            verdict_s: verdict.map(|(_, at, _)| round(*at)),
            ready_by: replay.ready.map(|(by, _)| by),
            ready_s: replay.ready.map(|(_, at)| round(at)),
            restarts: replay.restarts.iter().map(|at| round(*at)).collect(),
            beeps: replay.beeps.iter().map(ExplainedBeep::of).collect(),
            voice_s: replay.voice.map(round),
            whole: replay.whole(),
            reasons: reasons(replay),
            same_as_live: live.differences.map(<[_]>::is_empty),
            differences: live.differences.unwrap_or_default(),
            notes: live.notes,
            phrases: live.phrases,
            callbacks: live.callbacks,
            message: live.message,
        }
    }
}

impl ExplainedBeep {
    fn of(beep: &Beep) -> Self {
        Self {
            start_s: round(beep.start),
            end_s: round(beep.end),
            hz: beep.hz.round(),
        }
    }
}

/// The reasons of a verdict, for people.
pub fn reasons(replay: &Replay) -> Vec<String> {
    let verdict = replay.verdict.iter();
    verdict
        .flat_map(|(.., reasons)| reasons.iter())
        .map(|reason| reason.to_string())
        .collect()
}

/// Seconds, to the millisecond.
fn round(at: At) -> f64 {
    at.millis() as f64 / 1_000.0
}

/// Why a call cannot be heard again.
#[derive(Debug, Error)]
pub enum HearAgainError {
    /// A setting is none, or has no such value.
    #[error("{problem}")]
    Setting {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No sound of the call was kept.
    #[error("no sound of the call was kept")]
    NoSound,
    /// Its evidence cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A setting of the ears with which a call can be heard again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HearingSetting {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Its value unless it is set.
    pub default: f32,
    /// The least and the most that it may be.
    pub range: (f32, f32),
}

/// Every setting of the ears that is a number.
pub fn hearing_settings() -> impl Iterator<Item = HearingSetting> {
    Settings::ALL.iter().map(|setting| HearingSetting {
        name: setting.name,
        unit: setting.unit,
        default: setting.default,
        range: (setting.least, setting.most),
    })
}

/// Hears the evidence of a drop again, with these settings in place of those it was heard with: what `aftertone explain` prints of
/// it, and how that differs from what was decided live. Nothing is dialled. It takes as long as a part of the call.
///
/// # Errors
/// [`HearAgainError`].
pub fn hear_again(folder: &Path, set: &[(String, String)]) -> Result<Value, HearAgainError> {
    let evidence = EvidenceReader::read(folder)?;
    let sound = evidence.sound().ok_or(HearAgainError::NoSound)?;
    let replay = if set.is_empty() {
        sound.again()
    } else {
        let mut settings = sound.settings();
        for (name, value) in set {
            let done = settings.set(name, value);
            done.map_err(|error| HearAgainError::Setting {
                name: name.clone(),
                problem: error.to_string(),
            })?;
        }
        sound.otherwise(settings)
    };
    let (differences, phrases) = (sound.differences(&replay), evidence.phrases());
    let message = evidence.message_lines();
    let live = LiveCall {
        differences: Some(&differences),
        notes: evidence.notes(),
        phrases: &phrases,
        callbacks: None,
        message: &message,
    };
    let heard = replay
        .heard
        .iter()
        .map(|heard| HeardEvent::of(heard).timed());
    let mut explained = json!(ExplainedCall::of(evidence.name(), &replay, live));
    // Always there, unlike on the command line.
    explained["differences"] = json!(differences);
    explained["notes"] = json!(evidence.notes());
    explained["phrases"] = json!(phrases);
    explained["heard"] = heard.collect::<Vec<_>>().into();
    Ok(explained)
}
