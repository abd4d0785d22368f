//! What was done to a recording, for people and for the file beside the message.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{
    Targets,
    decode::Decoded,
    normalise::{LEAD, NARROW_RATE, Normalised},
};

/// What was made of a recording; kept beside the message. Lengths in ms, levels in LUFS and in dB of full scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreparationReport {
    /// The source's file name, without its folder.
    pub source: String,
    /// The source's format.
    pub format: String,
    /// The source's rate in Hz.
    pub source_rate_hz: u32,
    /// The source's channel count.
    pub source_channels: usize,
    /// The source's length.
    pub source_ms: u64,
    /// When it was prepared, by RFC 3339.
    pub prepared_at: String,
    /// The message's length.
    pub duration_ms: u64,
    /// The length of its audible part.
    pub audible_ms: u64,
    /// Silence that the source had before the audible part.
    pub silence_before_ms: u64,
    /// Silence that the source had after it.
    pub silence_after_ms: u64,
    /// The source's integrated loudness.
    pub lufs_before: f64,
    /// The message's integrated loudness.
    pub lufs: f64,
    /// The loudness that was aimed at.
    pub target_lufs: f64,
    /// The source's true peak.
    pub peak_before_db: f64,
    /// The message's true peak.
    pub peak_db: f64,
    /// What was added to its level.
    pub gain_db: f64,
    /// What was changed, as text for users.
    pub changes: Vec<String>,
}

impl PreparationReport {
    /// What was done to `source`, from `decoded` and `done`.
    pub(super) fn new(
        source: &Path,
        decoded: &Decoded,
        done: &Normalised,
        targets: &Targets,
        now: SystemTime,
    ) -> Self {
        let ms = |d: Duration| d.as_millis() as u64;
        let tenths = |level: f64| (level * 10.0).round() / 10.0;
        Self {
            source: source
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            format: decoded.format.as_str().to_owned(),
            source_rate_hz: decoded.rate,
            source_channels: decoded.channels,
            source_ms: ms(decoded.length),
            prepared_at: jiff::Timestamp::try_from(now)
                .and_then(|t| t.round(jiff::Unit::Second))
                .map_or_else(|_| String::new(), |t| t.to_string()),
            duration_ms: done.narrow.len() as u64 * 1_000 / u64::from(NARROW_RATE),
            audible_ms: ms(done.audible),
            silence_before_ms: ms(done.silence_before),
            silence_after_ms: ms(done.silence_after),
            lufs_before: tenths(done.before.lufs),
            lufs: tenths(done.after.lufs),
            target_lufs: targets.lufs(),
            peak_before_db: tenths(done.before.peak_db),
            peak_db: tenths(done.after.peak_db),
            gain_db: tenths(done.gain_db),
            changes: changes(decoded, done, targets),
        }
    }
}

fn changes(decoded: &Decoded, done: &Normalised, targets: &Targets) -> Vec<String> {
    let mut out = Vec::new();
    match decoded.only_channel {
        Some(channel) => out.push(format!(
            "took channel {channel} of {} alone: mixed together they cancel each other out",
            decoded.channels
        )),
        None if decoded.channels > 1 => {
            out.push(format!("mixed {} channels to one", decoded.channels))
        }
        None => {}
    }
    if decoded.bad_samples > 0 {
        out.push(format!(
            "silenced {} samples that were not numbers or far out of range",
            decoded.bad_samples
        ));
    }
    if decoded.skipped > 0 {
        out.push(format!("left out {} damaged MP3 frames", decoded.skipped));
    }
    if done.offset.abs() >= 0.005 {
        out.push(format!(
            "took out a constant offset of {:.1} % of full scale",
            done.offset * 100.0
        ));
    }
    let length = Duration::from_millis(done.narrow.len() as u64 * 1_000 / u64::from(NARROW_RATE));
    let tail = length.saturating_sub(LEAD + done.audible);
    for (was, is, place) in [
        (done.silence_before, LEAD, "before"),
        (done.silence_after, tail, "after"),
    ] {
        let (cut, added) = (was.saturating_sub(is), is.saturating_sub(was));
        if cut >= MENTIONED {
            out.push(format!("cut {} ms of silence {place} it", cut.as_millis()));
        } else if added >= MENTIONED {
            out.push(format!(
                "added {} ms of silence {place} it",
                added.as_millis()
            ));
        }
    }
    let gain = done.gain_db;
    if gain.abs() >= 0.05 {
        let way = if gain > 0.0 { "raised" } else { "lowered" };
        out.push(format!("{way} its level by {:.1} dB", gain.abs()));
    }
    if gain > NOISY_GAIN_DB {
        out.push("it was very soft: its noise was raised as well".to_owned());
    }
    if done.limited {
        out.push("held its peaks down".to_owned());
    }
    if targets.lufs() - done.after.lufs > 0.5 {
        out.push(format!(
            "left it {:.1} dB below the target: it is all peaks",
            targets.lufs() - done.after.lufs
        ));
    }
    out
}

/// From which gain on a source's noise is worth a word, in dB.
const NOISY_GAIN_DB: f64 = 25.0;

/// From which length on silence that was cut or added is worth a word.
const MENTIONED: Duration = Duration::from_millis(10);
