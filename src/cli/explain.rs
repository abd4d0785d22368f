//! `aftertone explain`: what the ears make of a recording, and why.

mod picture;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use clap::{
    Args as ClapArgs,
    builder::{PossibleValuesParser, TypedValueParser as _, ValueParser},
};
use serde::Serialize;

use self::picture::Pictures;
use super::{
    Exit, Trouble,
    printer::{Paint, Printer},
};
use crate::evidence::Recording;
use crate::screen::{Amd, At, Beep, Call, Heard, Known, Message, RATE, Replay, Settings};
use crate::words::{ReadyBy, Verdict};

/// Tell what the ears make of a recorded call, and why
///
/// Hears a recording as if it were a live call whose answer is its first sample, and prints who answered, when the
/// message would have started, every beep, and the reasons. A folder gives a table. Nothing is dialled. The exit status
/// is 0 unless a recording could not be read (2).
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// A recording (WAV, 8 kHz, one channel, 16 bit), or a folder of such
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print one JSON object a recording, on a line of its own
    #[arg(long)]
    json: bool,
    /// What another setting would have decided: `--set ready_silence=2.5`; `--set help` lists them
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// What Asterisk's AMD said
    #[arg(long, value_name = "WORD", value_parser = amd())]
    amd: Option<Amd>,
    /// How long the answered leg had alerted, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    alerted: Option<f32>,
    /// The other leg still rang when this one was answered
    #[arg(long)]
    other_leg_rang: bool,
    /// The message that played, so that its echo is not taken for a voice (WAV as above)
    #[arg(long, value_name = "WAV")]
    message: Option<PathBuf>,
    /// Draw it: a file that ends in .svg or .png; for a folder, a folder that gets one PNG a recording
    #[arg(long, value_name = "OUT")]
    picture: Option<PathBuf>,
}

/// Explains recordings.
///
/// # Errors
/// [`Trouble`] where a setting is none, or a recording cannot be read.
pub(super) fn run(args: &Args, printer: Printer) -> Result<Exit, Trouble> {
    if args.set.iter().any(|set| set == "help") {
        for line in settings_table() {
            printer.line(&line);
        }
        return Ok(Exit::Done);
    }
    let settings = settings(&args.set)?;
    let message = args.message.as_deref().map(read).transpose()?;
    let known = Known {
        amd: args.amd,
        call: (args.alerted.is_some() || args.other_leg_rang).then_some(Call {
            alerted: args.alerted,
            other_rang: args.other_leg_rang,
        }),
        message: message.as_deref().map(Message::new),
    };
    let recordings = recordings(&args.paths)?;
    let pictures = Pictures::plan(args.picture.as_deref(), &args.paths, &recordings)?;
    let table = recordings.len() > 1;
    if table && !args.json {
        printer.line(&Row::HEAD.line());
    }
    for path in recordings {
        let samples = read(&path)?;
        let replay = Replay::of(&samples, settings, &known);
        let id = path.file_stem().unwrap_or_default().to_string_lossy();
        if args.json {
            printer.json(&Explained::of(&id, &replay));
        } else if table {
            printer.line(&Row::of(&id, &replay).line());
        } else {
            for line in story(&replay, printer) {
                printer.line(&line);
            }
        }
        let recording = Recording {
            title: &path.file_name().unwrap_or_default().to_string_lossy(),
            samples: &samples,
            replay: &replay,
            message: message
                .as_ref()
                .map(|heard| heard.len() as f32 / RATE as f32),
        };
        if let Some(drawn) = pictures.draw(&path, &recording)? {
            printer.talk(&format!("drew {}", drawn.display()));
        }
    }
    Ok(Exit::Done)
}

fn settings(given: &[String]) -> Result<Settings, Trouble> {
    let mut settings = Settings::default();
    for set in given {
        let (name, value) = set.split_once('=').ok_or_else(|| {
            Trouble::new(anyhow!("`--set {set}` is not KEY=VALUE"))
                .hint("`aftertone explain x --set help` lists the keys")
        })?;
        settings.set(name.trim(), value.trim()).map_err(|error| {
            Trouble::new(error).hint("`aftertone explain x --set help` lists the keys")
        })?;
    }
    Ok(settings)
}

fn settings_table() -> impl Iterator<Item = String> {
    let table = Settings::ALL.iter();
    table.map(|setting| {
        format!(
            "{:<18} {:>5}  {} to {} {}",
            setting.name, setting.default, setting.least, setting.most, setting.unit
        )
    })
}

/// The recordings that are meant, those of a folder in the order of their names.
fn recordings(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Trouble> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let mut found = wavs(path).map_err(Trouble::new)?;
        if found.is_empty() {
            let none = anyhow!("{} holds no recording", path.display());
            return Err(Trouble::new(none).hint("name a folder of .wav files"));
        }
        found.sort();
        all.append(&mut found);
    }
    Ok(all)
}

fn wavs(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listing = || format!("cannot list {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(listing)? {
        let path = entry.with_context(listing)?.path();
        if path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("wav"))
        {
            found.push(path);
        }
    }
    Ok(found)
}

/// The samples of a recording. They are taken as they are: another rate would not be what a live call brings.
fn read(path: &Path) -> Result<Vec<i16>, Trouble> {
    let convert = || {
        let path = path.display();
        format!("sox {path} -r 8000 -c 1 -b 16 converted.wav")
    };
    samples(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .map_err(|error| Trouble::new(error).hint(convert()))
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

/// What `--json` prints for a recording.
#[derive(Debug, Serialize)]
struct Explained<'a> {
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
}

#[derive(Debug, Serialize)]
struct ExplainedBeep {
    start_s: f64,
    end_s: f64,
    hz: f32,
}

impl<'a> Explained<'a> {
    fn of(id: &'a str, replay: &Replay) -> Self {
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

fn reasons(replay: &Replay) -> Vec<String> {
    let verdict = replay.verdict.iter();
    verdict
        .flat_map(|(.., reasons)| reasons.iter())
        .map(|reason| reason.to_string())
        .collect()
}

/// Milliseconds are all that can be told.
fn round(at: At) -> f64 {
    at.millis() as f64 / 1_000.0
}

/// One line of the table.
struct Row<T> {
    id: T,
    verdict: T,
    at: T,
    ready: T,
    by: T,
    beeps: T,
    why: T,
}

impl Row<&str> {
    const HEAD: Self = Self {
        id: "recording",
        verdict: "verdict",
        at: "at",
        ready: "ready",
        by: "by",
        beeps: "beeps",
        why: "why",
    };
}

impl Row<String> {
    fn of(id: &str, replay: &Replay) -> Self {
        let dash = || "-".to_owned();
        let verdict = replay.verdict.as_ref();
        let start = replay
            .restarts
            .last()
            .copied()
            .or(replay.ready.map(|(_, at)| at));
        Self {
            id: id.to_owned(),
            verdict: verdict.map_or_else(dash, |(verdict, ..)| verdict.to_string()),
            at: verdict.map_or_else(dash, |(_, at, _)| at.to_string()),
            ready: start.map_or_else(dash, |at| at.to_string()),
            by: replay
                .ready
                .map_or_else(dash, |(by, _)| by.as_str().to_owned()),
            beeps: replay.beeps.len().to_string(),
            why: reasons(replay).join("; "),
        }
    }
}

impl<T: AsRef<str>> Row<T> {
    fn line(&self) -> String {
        let [id, verdict, at, ready, by, beeps, why] = [
            &self.id,
            &self.verdict,
            &self.at,
            &self.ready,
            &self.by,
            &self.beeps,
            &self.why,
        ]
        .map(AsRef::as_ref);
        format!("{id:<20} {verdict:<8} {at:>8} {ready:>8} {by:<8} {beeps:>5}  {why}")
    }
}

/// What was heard, line by line, and what came of it.
fn story(replay: &Replay, printer: Printer) -> Vec<String> {
    let mut lines: Vec<_> = replay
        .heard
        .iter()
        .map(|heard| moment(heard, printer))
        .collect();
    lines.push(String::new());
    let verdict = replay.verdict.as_ref().map_or_else(
        || format!("no verdict in {}", replay.end),
        |(verdict, at, _)| format!("{verdict} at {at}"),
    );
    lines.push(format!("verdict  {verdict}"));
    lines.extend(
        reasons(replay)
            .iter()
            .map(|reason| format!("         {reason}")),
    );
    let ready = replay.ready.map_or_else(
        || "never: nothing would have been played".to_owned(),
        |(by, at)| format!("at {at}, by {}", by.as_str()),
    );
    lines.push(format!("ready    {ready}"));
    let restarts = replay.restarts.iter();
    lines.extend(restarts.map(|at| format!("         and again at {at}")));
    lines
}

fn moment(heard: &Heard, printer: Printer) -> String {
    let (at, words, paint) = match heard {
        Heard::SpeechBegan { start } => (start, "speech".to_owned(), None),
        Heard::SpeechEnded { end } => (end, "quiet".to_owned(), None),
        Heard::Signal { signal, start, .. } => (start, signal.to_string(), Some(Paint::Warn)),
        Heard::Beep(beep) => (&beep.start, beep.to_string(), Some(Paint::Hint)),
        Heard::LateBeep(beep) => {
            let words = format!("late {beep}: start again");
            (&beep.start, words, Some(Paint::Hint))
        }
        Heard::LimitBeep(beep) => {
            let words = format!("{beep}: the mailbox's limit");
            (&beep.start, words, Some(Paint::Warn))
        }
        Heard::Verdict {
            verdict,
            revised,
            at,
            ..
        } => {
            let word = if *revised {
                "verdict, revised"
            } else {
                "verdict"
            };
            (at, format!("{word}: {verdict}"), Some(Paint::Good))
        }
        Heard::Ready { by, at } => {
            let words = format!("ready, by {}: the message would start", by.as_str());
            (at, words, Some(Paint::Good))
        }
        Heard::Voice { start, .. } => {
            let words = "a voice over the message: it would stop".to_owned();
            (start, words, Some(Paint::Bad))
        }
    };
    let words = paint.map_or_else(|| words.clone(), |paint| printer.paint(paint, &words));
    format!("{:>9}  {words}", at.to_string())
}

fn amd() -> ValueParser {
    let meaning = |word: String| match word.as_str() {
        "machine" => Amd::Machine,
        "human" => Amd::Human,
        _ => Amd::Unsure,
    };
    PossibleValuesParser::new(["machine", "human", "notsure"])
        .map(meaning)
        .into()
}

fn seconds(text: &str) -> Result<f32, String> {
    let parsed = text.parse::<f32>().ok();
    let seconds = parsed.filter(|seconds| (0.0..=600.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds, 0 to 600".to_owned())
}

#[cfg(test)]
#[path = "../../tests/fuzz/recordings.rs"]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_told_line_by_line() {
        let lines = story(
            &Replay::of(&mailbox(), Settings::default(), &Known::default()),
            Printer::plain(),
        );
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn programs_read_the_same() {
        let replay = Replay::of(&mailbox(), Settings::default(), &Known::default());
        insta::assert_snapshot!(serde_json::to_string(&Explained::of("0001", &replay)).unwrap());
        insta::assert_snapshot!(Row::of("0001", &replay).line());
    }

    #[test]
    fn a_bad_setting_is_refused() {
        for bad in [
            "ready_silence",
            "ready_silence=x",
            "ready_silence=-1",
            "ready=1",
        ] {
            assert!(settings(&[bad.to_owned()]).is_err(), "{bad}");
        }
        let set = settings(&["ready_silence = 2.5".to_owned()]).unwrap();
        assert_eq!(set.ready_silence, 2.5);
    }

    #[test]
    fn a_recording_of_another_rate_is_refused_and_a_missing_one_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        hound::WavWriter::create(&path, spec)
            .unwrap()
            .finalize()
            .unwrap();
        assert!(read(&path).is_err());
        assert!(read(&folder.path().join("none.wav")).is_err());
        assert!(recordings(&[folder.path().to_owned()]).is_ok());
        assert!(recordings(&[folder.path().join("empty")]).unwrap().len() == 1);
    }

    /// Harmonics for 2 s, quiet for 1 s, a beep, quiet.
    fn mailbox() -> Vec<i16> {
        let tone = |n: usize, hz: f64| (std::f64::consts::TAU * hz * n as f64 / RATE as f64).sin();
        (0..8 * RATE)
            .map(|n| match n {
                4_000..20_000 => {
                    let loud = 1.0 + (std::f64::consts::TAU * 4.0 * n as f64 / RATE as f64).sin();
                    (1..20).map(|h| tone(n, 130.0 * f64::from(h))).sum::<f64>() * loud * 400.0
                }
                28_000..31_200 => tone(n, 1_000.0) * 8_000.0,
                _ => 0.0,
            } as i16)
            .collect()
    }
}
