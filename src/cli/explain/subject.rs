//! What `aftertone explain` is about: a recording, or the evidence of a drop.

use std::{ffi::OsStr, path::Path, sync::Arc};

use anyhow::{Context as _, anyhow, bail};

use serde_json::Value;

use super::{super::CliError, ExplainArgs, LookUp};
use crate::{
    evidence::{CallSound, EvidenceReader},
    orders::{callback_lines, callback_object},
    screen::{At, Call, CallFacts, Message, RATE, Replay, Settings, book::Book},
};

/// A recording or the evidence of a drop, and what the ears make of it.
pub(super) struct Subject {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) samples: Vec<i16>,
    pub(super) replay: Replay,
    /// The message's length in seconds.
    pub(super) message: Option<f32>,
    /// When it really played.
    pub(super) plays: Option<Vec<(At, At)>>,
    pub(super) evidence: Option<ReplayedEvidence>,
}

/// What only evidence holds.
pub(super) struct ReplayedEvidence {
    /// How the drop ended, and how sure that is.
    pub(super) ended: String,
    pub(super) version: String,
    pub(super) notes: Vec<String>,
    /// The phrases that were recognised live, a line each.
    pub(super) phrases: Vec<String>,
    /// What followed, a line each; none unless that was looked up.
    pub(super) later: Vec<String>,
    /// The same for programs.
    pub(super) callbacks: Option<Vec<Value>>,
    /// What the message is made of, a line each; nothing if it is the same for all.
    pub(super) message: Vec<String>,
    /// What the ears decided differently live; `None` if it was not compared.
    pub(super) differences: Option<Vec<String>>,
}

impl Subject {
    /// What followed the call, a line each, as far as is known.
    pub(super) fn later(&self) -> &[String] {
        self.evidence
            .as_ref()
            .map_or(&[], |evidence| &evidence.later)
    }

    pub(super) fn differs(&self) -> bool {
        let evidence = self.evidence.as_ref();
        let differences = evidence.and_then(|evidence| evidence.differences.as_ref());
        differences.is_some_and(|lines| !lines.is_empty())
    }
}

/// What the command line says of recordings, which do not hold it themselves.
pub(super) struct KnownCall {
    settings: Settings,
    known: CallFacts,
    message: Option<f32>,
}

impl KnownCall {
    /// # Errors
    /// [`CliError`] if a setting is not valid, or the message cannot be read.
    pub(super) fn of(args: &ExplainArgs, book: Option<Arc<Book>>) -> Result<Self, CliError> {
        let message = args.message.as_deref().map(read).transpose()?;
        Ok(Self {
            settings: settings(Settings::default(), &args.set)?,
            known: CallFacts {
                amd: args.amd,
                call: (args.alerted.is_some() || args.other_leg_rang).then_some(Call {
                    alerted: args.alerted,
                    other_rang: args.other_leg_rang,
                }),
                message: message.as_deref().map(Message::new),
                book,
            },
            message: message.map(|heard| heard.len() as f32 / RATE as f32),
        })
    }

    /// A recording, heard with what is given.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be read.
    pub(super) fn recording(&self, path: &Path) -> Result<Subject, CliError> {
        let samples = read(path)?;
        Ok(Subject {
            id: text(path.file_stem()),
            title: text(path.file_name()),
            replay: Replay::of(&samples, self.settings, &self.known),
            samples,
            message: self.message,
            plays: None,
            evidence: None,
        })
    }
}

/// The evidence of a drop, heard as it was heard live, or with the settings that are given.
///
/// # Errors
/// [`CliError`] if it cannot be read, more is given than its settings, or who called back cannot be looked up.
pub(super) fn evidence(
    path: &Path,
    args: &ExplainArgs,
    callbacks: LookUp<'_>,
) -> Result<Subject, CliError> {
    if args.amd.is_some() || args.alerted.is_some() || args.other_leg_rang || args.message.is_some()
    {
        let own = anyhow!(
            "{} is the evidence of a drop, which holds what was known of the call",
            path.display()
        );
        return Err(
            CliError::new(own).hint("leave out --amd, --alerted, --other-leg-rang and --message")
        );
    }
    let kept = EvidenceReader::read(path).map_err(|error| {
        CliError::new(error).hint("name a folder that `aftertone drop --evidence` has kept")
    })?;
    let callbacks = match kept.word("drop").parse() {
        Ok(drop) => callbacks(drop)?,
        Err(_) => None,
    };
    let sound = kept.sound();
    let (replay, differences) = match sound {
        None => (Replay::default(), None),
        Some(sound) if args.set.is_empty() => {
            let again = sound.again();
            let differences = sound.differences(&again);
            (again, Some(differences))
        }
        Some(sound) => {
            let settings = settings(sound.settings(), &args.set)?;
            (sound.otherwise(settings), None)
        }
    };
    Ok(Subject {
        id: kept.name().to_owned(),
        title: kept.title(),
        samples: sound.map_or_else(Vec::new, |sound| sound.samples().to_vec()),
        replay,
        message: sound.and_then(CallSound::message_seconds),
        plays: sound.filter(|_| args.set.is_empty()).map(CallSound::plays),
        evidence: Some(ReplayedEvidence {
            ended: format!("{}, {}", kept.word("outcome"), kept.word("proof")),
            version: kept.version().to_owned(),
            notes: kept.notes().to_vec(),
            phrases: kept.phrases(),
            later: callback_lines(callbacks.as_deref().unwrap_or_default()),
            callbacks: callbacks.map(|calls| calls.iter().map(callback_object).collect()),
            message: kept.message_lines(),
            differences,
        }),
    })
}

fn text(name: Option<&OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn settings(mut settings: Settings, given: &[String]) -> Result<Settings, CliError> {
    for set in given {
        let (name, value) = set.split_once('=').ok_or_else(|| {
            CliError::new(anyhow!("`--set {set}` is not KEY=VALUE"))
                .hint("`aftertone explain x --set help` lists the keys")
        })?;
        settings.set(name.trim(), value.trim()).map_err(|error| {
            CliError::new(error).hint("`aftertone explain x --set help` lists the keys")
        })?;
    }
    Ok(settings)
}

/// The samples of a recording. They are taken as they are: another rate would not be what a live call brings.
pub(super) fn read(path: &Path) -> Result<Vec<i16>, CliError> {
    let convert = || {
        let path = path.display();
        format!("sox {path} -r 8000 -c 1 -b 16 converted.wav")
    };
    samples(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .map_err(|error| CliError::new(error).hint(convert()))
}

fn samples(path: &Path) -> anyhow::Result<Vec<i16>> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let fits = spec.sample_rate as usize == RATE
        && spec.channels == 1
        && spec.bits_per_sample == 16
        && spec.sample_format == hound::SampleFormat::Int;
    if !fits {
        bail!(
            "expected 8000 Hz, 1 channel, 16 bit; it has {} Hz, {} channels, {} bit",
            spec.sample_rate,
            spec.channels,
            spec.bits_per_sample
        );
    }
    Ok(reader.samples().collect::<Result<_, _>>()?)
}
