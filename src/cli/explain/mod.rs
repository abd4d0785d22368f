//! `aftertone explain`: what the ears hear in a recording, and why they decide as they do.

mod picture;
mod subject;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _, ValueParser},
};

use self::{
    picture::Pictures,
    subject::{KnownCall, Subject, evidence},
};
use super::{
    CliError, Exit, database,
    printer::{Paint, Printer},
};
use crate::{
    config::Config,
    controller::prompts::{FIRST_SHIPPED, book_in_use, book_of, read_export, shipped},
    evidence::{EvidenceReader, ExplainedCall, LiveCall, Recording, reasons},
    id::DropId,
    screen::{Amd, Heard, NoBeep, Replay, Settings, book::Book},
    store::{PersonCallback, Store},
};

/// Explain what the ears hear in a recorded call, and why
///
/// Listens to a recording as if it were a live call that is answered at its first sample, and prints who answered, when
/// the message would have started, every beep, and the reasons. The evidence of a drop is replayed as it was heard live,
/// and the result is compared with the live one. A folder gives a table. Nothing is dialled. The exit status is 0, 1 if a
/// replay differs from the live result, and 2 if something could not be read.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A recording (WAV, 8 kHz, one channel, 16 bit), the evidence of a drop, or a folder of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON, one object per recording, each on its own line
    #[arg(long)]
    json: bool,
    /// Listen with another setting: `--set ready_silence=2.5`; `--set help` lists the settings
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The result of Asterisk's AMD
    #[arg(long, value_name = "WORD", value_parser = amd())]
    amd: Option<Amd>,
    /// How long the answered leg had rung, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    alerted: Option<f32>,
    /// The other leg still rang when this one was answered
    #[arg(long)]
    other_leg_rang: bool,
    /// The book of prompts heard before: `shipped` with the program, `database`, `none`, or a file of `prompts export`
    #[arg(long, value_name = "BOOK", default_value = "shipped")]
    book: String,
    /// The message that was played, so that its echo is not taken for a voice (WAV as above)
    #[arg(long, value_name = "WAV")]
    message: Option<PathBuf>,
    /// Draw a picture into a file that ends in .svg or .png; for several recordings, a folder that gets one PNG each
    #[arg(long, value_name = "OUT")]
    picture: Option<PathBuf>,
    /// Say who called back after the drop, which the database knows and its evidence does not
    #[arg(long)]
    callbacks: bool,
}

/// The book that recordings are compared with; evidence holds what was recognised live.
///
/// # Errors
/// [`CliError`] if it cannot be read.
pub(super) async fn book(
    args: &ExplainArgs,
    config: impl Fn() -> Result<Config, CliError>,
) -> Result<Option<Arc<Book>>, CliError> {
    let book = match args.book.as_str() {
        "none" => return Ok(None),
        "shipped" => book_of(shipped(), FIRST_SHIPPED),
        "database" => {
            let store = database::open_to_read(&config()?).await?;
            book_in_use(&store).await.map_err(database::trouble)?
        }
        file => {
            let text = fs::read_to_string(file)
                .with_context(|| format!("cannot read the book {file}"))
                .map_err(|error| CliError::new(error).hint(BOOKS))?;
            let entries = read_export(&text)
                .with_context(|| format!("cannot read the book {file}"))
                .map_err(|error| CliError::new(error).hint(BOOKS))?;
            book_of(&entries, 1)
        }
    };
    Ok(Some(Arc::new(book)))
}

/// The database, if it is to say who called back.
///
/// # Errors
/// [`CliError`] if it cannot be opened.
pub(super) async fn store(
    args: &ExplainArgs,
    config: impl Fn() -> Result<Config, CliError>,
) -> Result<Option<Store>, CliError> {
    if args.callbacks {
        database::open_to_read(&config()?).await.map(Some)
    } else {
        Ok(None)
    }
}

/// The calls that came back and answer a drop; none if the database does not know it.
///
/// # Errors
/// [`CliError`] if they cannot be read.
pub(super) async fn callbacks(
    store: &Store,
    drop: DropId,
) -> Result<Vec<PersonCallback>, CliError> {
    let found = store.drop_of(drop).await.map_err(database::trouble)?;
    match found {
        Some(drop) => store
            .callbacks_of_drop(&drop)
            .await
            .map_err(database::trouble),
        None => Ok(Vec::new()),
    }
}

/// Looks up who called back after a drop; `None`: that was not asked for.
pub(super) type LookUp<'a> = &'a dyn Fn(DropId) -> Result<Option<Vec<PersonCallback>>, CliError>;

/// Explains recordings.
///
/// # Errors
/// [`CliError`] if a setting is not valid, or a recording, evidence or who called back cannot be read.
pub(super) fn run(
    args: &ExplainArgs,
    book: Option<Arc<Book>>,
    callbacks: LookUp<'_>,
    printer: Printer,
) -> Result<Exit, CliError> {
    if args.set.iter().any(|set| set == "help") {
        for line in settings_table() {
            printer.line(&line);
        }
        return Ok(Exit::Success);
    }
    let given = KnownCall::of(args, book)?;
    let recordings = recordings(&args.paths)?;
    let pictures = Pictures::plan(args.picture.as_deref(), &args.paths, &recordings)?;
    let table = recordings.len() > 1;
    if table && !args.json {
        printer.line(&TableRow::HEAD.line());
    }
    let mut exit = Exit::Success;
    for path in recordings {
        let subject = if EvidenceReader::is_at(&path) {
            evidence(&path, args, callbacks)?
        } else {
            given.recording(&path)?
        };
        if subject.differs() {
            exit = Exit::Failure;
        }
        if args.json {
            printer.json(&explained(&subject));
        } else if table {
            printer.line(&TableRow::of(&subject).line());
        } else {
            for line in story(&subject, printer) {
                printer.line(&line);
            }
        }
        if subject.samples.is_empty() {
            continue;
        }
        let recording = Recording {
            title: &subject.title,
            samples: &subject.samples,
            replay: &subject.replay,
            message: subject.message,
            plays: subject.plays.as_deref(),
            later: subject.later(),
        };
        if let Some(drawn) = pictures.draw(&path, &recording)? {
            printer.talk(&format!("drew {}", drawn.display()));
        }
    }
    Ok(exit)
}

/// What `--book` takes.
const BOOKS: &str =
    "name `shipped`, `database`, `none`, or a file that `aftertone prompts export` has written";

fn settings_table() -> impl Iterator<Item = String> {
    let table = Settings::ALL.iter();
    let no_beep = format!(
        "{:<18} {:>5}  {}",
        NoBeep::KEY,
        NoBeep::default().as_str(),
        NoBeep::EXPECTED
    );
    let numbers = table.map(|setting| {
        format!(
            "{:<18} {:>5}  {} to {} {}",
            setting.name, setting.default, setting.least, setting.most, setting.unit
        )
    });
    std::iter::once(no_beep).chain(numbers)
}

/// The recordings and the evidence to explain, those of a folder in the order of their names.
fn recordings(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() || EvidenceReader::is_at(path) {
            all.push(path.clone());
            continue;
        }
        let mut found = found_in(path).map_err(CliError::new)?;
        if found.is_empty() {
            let none = anyhow!("{} holds no recording", path.display());
            return Err(CliError::new(none).hint("name a folder of .wav files, or of evidence"));
        }
        found.sort();
        all.append(&mut found);
    }
    Ok(all)
}

fn found_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listing = || format!("cannot list {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(listing)? {
        let path = entry.with_context(listing)?.path();
        let wav = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("wav"));
        if wav || EvidenceReader::is_at(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

/// What `--json` prints for a recording.
fn explained(subject: &Subject) -> ExplainedCall<'_> {
    let live = subject
        .evidence
        .as_ref()
        .map_or_else(LiveCall::default, |evidence| LiveCall {
            differences: evidence.differences.as_deref(),
            notes: &evidence.notes,
            phrases: &evidence.phrases,
            callbacks: evidence.callbacks.as_deref(),
            message: &evidence.message,
        });
    ExplainedCall::of(&subject.id, &subject.replay, live)
}

/// One line of the table.
struct TableRow<T> {
    id: T,
    verdict: T,
    at: T,
    ready: T,
    by: T,
    beeps: T,
    why: T,
}

impl TableRow<&str> {
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

impl TableRow<String> {
    fn of(subject: &Subject) -> Self {
        let replay = &subject.replay;
        let mut why = reasons(replay);
        if let Some(evidence) = &subject.evidence {
            why.extend(evidence.notes.iter().cloned());
        }
        if subject.differs() {
            why.insert(0, "DIFFERS from live".to_owned());
        }
        let dash = || "-".to_owned();
        let verdict = replay.verdict.as_ref();
        let start = replay
            .restarts
            .last()
            .copied()
            .or(replay.ready.map(|(_, at)| at));
        Self {
            id: subject.id.clone(),
            verdict: verdict.map_or_else(dash, |(verdict, ..)| verdict.to_string()),
            at: verdict.map_or_else(dash, |(_, at, _)| at.to_string()),
            ready: start.map_or_else(dash, |at| at.to_string()),
            by: replay
                .ready
                .map_or_else(dash, |(by, _)| by.as_str().to_owned()),
            beeps: replay.beeps.len().to_string(),
            why: why.join("; "),
        }
    }
}

impl<T: AsRef<str>> TableRow<T> {
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

/// What was heard, line by line, and the decisions.
fn story(subject: &Subject, printer: Printer) -> Vec<String> {
    let Some(evidence) = &subject.evidence else {
        return heard(&subject.replay, printer);
    };
    let mut lines = vec![format!("{} ({})", subject.title, subject.id)];
    if !subject.samples.is_empty() {
        lines.extend(heard(&subject.replay, printer));
    }
    lines.push(format!("ended    {}", evidence.ended));
    let message = evidence.message.iter();
    lines.extend(message.map(|line| format!("message  {line}")));
    let phrases = evidence.phrases.iter();
    lines.extend(phrases.map(|phrase| format!("words    {phrase}")));
    let later = evidence.later.iter();
    lines.extend(later.map(|line| format!("later    {line}")));
    let notes = evidence.notes.iter();
    lines.extend(notes.map(|note| format!("note     {note}")));
    match evidence.differences.as_deref() {
        Some([]) => {
            let same = printer.paint(Paint::Good, "the same as live");
            lines.push(format!("replay   {same}"));
        }
        Some(differences) => {
            let differs = printer.paint(Paint::Bad, "not the same as live");
            let version = &evidence.version;
            let ours = env!("CARGO_PKG_VERSION");
            lines.push(format!(
                "replay   {differs} (heard by {version}, replayed by {ours})"
            ));
            lines.extend(differences.iter().map(|line| format!("         {line}")));
        }
        None => {}
    }
    lines
}

fn heard(replay: &Replay, printer: Printer) -> Vec<String> {
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
        Heard::BeepWasRing { again, .. } => {
            let words =
                format!("{again} came again: the first was a ring, and the message would stop");
            (&again.start, words, Some(Paint::Warn))
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
mod fuzz;

#[cfg(test)]
mod tests {
    use super::{
        subject::{ReplayedEvidence, read, settings},
        *,
    };
    use crate::screen::{CallFacts, RATE};

    #[test]
    fn a_recording_is_explained_line_by_line() {
        let lines = story(&subject(), Printer::plain());
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn programs_read_the_same() {
        let subject = subject();
        insta::assert_snapshot!(serde_json::to_string(&explained(&subject)).unwrap());
        insta::assert_snapshot!(TableRow::of(&subject).line());
    }

    #[test]
    fn what_followed_the_call_is_said_if_it_was_looked_up() {
        let evidence = |later: Vec<String>, callbacks| Subject {
            evidence: Some(ReplayedEvidence {
                ended: "delivered, proven".to_owned(),
                version: "0.2.0".to_owned(),
                notes: Vec::new(),
                phrases: Vec::new(),
                later,
                callbacks,
                message: Vec::new(),
                differences: None,
            }),
            ..subject()
        };
        let called = "called back 2026-12-01 14:05:03 UTC, opted out";
        let call = serde_json::json!({"outcome": "opted_out"});
        let known = evidence(vec![called.to_owned()], Some(vec![call]));
        let lines = story(&known, Printer::plain());
        assert!(lines.contains(&format!("later    {called}")), "{lines:?}");
        let json = serde_json::json!(explained(&known));
        assert_eq!(json["callbacks"][0]["outcome"], "opted_out");
        let unknown = serde_json::json!(explained(&evidence(Vec::new(), None)));
        assert!(unknown.get("callbacks").is_none());
        let nobody = serde_json::json!(explained(&evidence(Vec::new(), Some(Vec::new()))));
        assert_eq!(nobody["callbacks"], serde_json::json!([]));
    }

    #[test]
    fn a_bad_setting_is_refused() {
        for bad in [
            "ready_silence",
            "ready_silence=x",
            "ready_silence=-1",
            "ready=1",
        ] {
            let default = Settings::default();
            assert!(settings(default, &[bad.to_owned()]).is_err(), "{bad}");
        }
        let set = settings(Settings::default(), &["ready_silence = 2.5".to_owned()]).unwrap();
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

    fn subject() -> Subject {
        let samples = mailbox();
        Subject {
            id: "0001".to_owned(),
            title: "0001.wav".to_owned(),
            replay: Replay::of(&samples, Settings::default(), &CallFacts::default()),
            samples,
            message: None,
            plays: None,
            evidence: None,
        }
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
