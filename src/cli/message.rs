//! `aftertone message add|list|show|rm`: prepare and keep recordings.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::SystemTime,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use thiserror::Error;

use super::operator::by_user;
use crate::{
    audio::{self, Library, Name, PreparationReport, Prepared, Targets},
    store::AuditEntry,
};

/// The arguments of `aftertone message`.
#[derive(Debug, Args)]
pub(super) struct MessageArgs {
    #[command(subcommand)]
    command: MessageCommand,
}

impl MessageArgs {
    /// What the audit log says of it; `None` if it changes nothing.
    pub(super) fn entry(&self) -> Option<AuditEntry> {
        match &self.command {
            MessageCommand::Add { name, replace, .. } => Some(AuditEntry {
                after: Some(json!({ "replace": replace }).to_string()),
                ..by_user("message.add", name.as_str())
            }),
            MessageCommand::Rm { names, .. } => {
                let names: Vec<_> = names.iter().map(Name::as_str).collect();
                Some(by_user("message.remove", names.join(" ")))
            }
            MessageCommand::List { .. } | MessageCommand::Show { .. } => None,
        }
    }
}

#[derive(Debug, Subcommand)]
enum MessageCommand {
    /// Prepare a recording (WAV, MP3, FLAC, Ogg Vorbis) and keep it under a name
    Add {
        /// Name of the message: a-z, 0-9, `_` and `-`
        name: Name,
        /// The recording
        file: PathBuf,
        /// Replace an existing message of this name
        #[arg(long)]
        replace: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the prepared messages
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show a message, and what was done to its recording
    Show {
        /// Name of the message
        name: Name,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove messages
    Rm {
        /// Names of the messages
        #[arg(required = true)]
        names: Vec<Name>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Carries out a command. `data` is standard output.
///
/// # Errors
/// [`MessageError`]; [`MessageError::hint`] is the remedy.
pub(super) fn run(
    args: &MessageArgs,
    library: &Library,
    targets: &Targets,
    now: SystemTime,
    data: &mut dyn Write,
) -> Result<(), MessageError> {
    match &args.command {
        MessageCommand::Add {
            name,
            file,
            replace,
            json,
        } => {
            let prepared = library.add(name, file, targets, *replace, now)?;
            show(&prepared, *json, data)
        }
        MessageCommand::List { json } => list(library, *json, data),
        MessageCommand::Show { name, json } => show(&library.show(name)?, *json, data),
        MessageCommand::Rm { names, json } => remove(library, names, *json, data),
    }
}

/// Why a command failed.
#[derive(Debug, Error)]
pub(super) enum MessageError {
    /// An error of the recording or the library.
    #[error(transparent)]
    Library(#[from] audio::Error),
    /// Standard output cannot be written.
    #[error("cannot write the result")]
    Output(#[from] io::Error),
}

impl MessageError {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Library(error) => error.hint(),
            Self::Output(_) => None,
        }
    }
}

fn show(prepared: &Prepared, json: bool, data: &mut dyn Write) -> Result<(), MessageError> {
    if json {
        return print_json(&object(prepared), data);
    }
    writeln!(
        data,
        "{}: {}",
        prepared.name,
        seconds(prepared.duration.as_millis() as u64)
    )?;
    writeln!(data, "  plays as  {}", prepared.media)?;
    let Some(report) = &prepared.report else {
        writeln!(data, "  was not prepared by aftertone")?;
        return Ok(());
    };
    writeln!(
        data,
        "  level     {:.1} LUFS, true peak {:.1} dB (before: {:.1} LUFS, {:.1} dB; gain {:+.1} dB)",
        report.lufs, report.peak_db, report.lufs_before, report.peak_before_db, report.gain_db
    )?;
    writeln!(data, "  source    {}", source(report))?;
    writeln!(data, "  prepared  {}", report.prepared_at)?;
    for change in &report.changes {
        writeln!(data, "  - {change}")?;
    }
    Ok(())
}

fn list(library: &Library, json: bool, data: &mut dyn Write) -> Result<(), MessageError> {
    let listed = library.list()?;
    if json {
        let all = listed
            .iter()
            .map(|(name, message)| match message {
                Ok(prepared) => object(prepared),
                Err(error) => json!({"name": name.as_str(), "problem": error.to_string()}),
            })
            .collect();
        return print_json(&Value::Array(all), data);
    }
    let width = listed
        .iter()
        .map(|(name, _)| name.as_str().len())
        .max()
        .unwrap_or(0)
        .max(4);
    if !listed.is_empty() {
        writeln!(
            data,
            "{:width$}  {:>8}  {:>10}  SOURCE",
            "NAME", "LENGTH", "LEVEL"
        )?;
    }
    for (name, message) in &listed {
        let name = name.as_str();
        match message {
            Ok(prepared) => {
                let length = seconds(prepared.duration.as_millis() as u64);
                let (level, source) = match &prepared.report {
                    Some(report) => (format!("{:.1} LUFS", report.lufs), report.source.as_str()),
                    None => ("-".to_owned(), "-"),
                };
                writeln!(data, "{name:width$}  {length:>8}  {level:>10}  {source}")?;
            }
            Err(error) => writeln!(data, "{name:width$}  {error}")?,
        }
    }
    Ok(())
}

fn remove(
    library: &Library,
    names: &[Name],
    json: bool,
    data: &mut dyn Write,
) -> Result<(), MessageError> {
    // A misspelt name among several removes nothing.
    if let Some(name) = names.iter().find(|name| !library.holds(name)) {
        return Err(audio::Error::Missing { name: name.clone() }.into());
    }
    for name in names {
        library.remove(name)?;
    }
    let removed: Vec<&str> = names.iter().map(Name::as_str).collect();
    if json {
        return print_json(&json!({ "removed": removed }), data);
    }
    for name in removed {
        writeln!(data, "removed {name}")?;
    }
    Ok(())
}

fn object(prepared: &Prepared) -> Value {
    json!({
        "name": prepared.name,
        "media": prepared.media,
        "duration_ms": prepared.duration.as_millis() as u64,
        "report": prepared.report,
    })
}

fn print_json(value: &Value, data: &mut dyn Write) -> Result<(), MessageError> {
    writeln!(data, "{value}")?;
    Ok(())
}

fn source(report: &PreparationReport) -> String {
    let channels = match report.source_channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        n => format!("{n} channels"),
    };
    format!(
        "{}: {}, {} Hz, {channels}, {}",
        report.source,
        report.format,
        report.source_rate_hz,
        seconds(report.source_ms)
    )
}

fn seconds(ms: u64) -> String {
    format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_message_is_added_listed_shown_and_removed() {
        let bench = MessageBench::new();
        assert_eq!(bench.run(&["list"]).unwrap(), "");
        assert_eq!(bench.run(&["list", "--json"]).unwrap(), "[]\n");
        let added = bench
            .run(&["add", "spring", &fixture("tone.flac")])
            .unwrap();
        insta::assert_snapshot!(added, @r"
        spring: 1.62 s
          plays as  sound:/pbx/spring
          level     -18.0 LUFS, true peak -11.8 dB (before: -17.4 LUFS, -11.1 dB; gain -0.7 dB)
          source    tone.flac: FLAC, 16000 Hz, mono, 2.10 s
          prepared  1970-01-01T00:00:00Z
          - cut 300 ms of silence before it
          - cut 180 ms of silence after it
          - lowered its level by 0.7 dB
        ");
        assert_eq!(bench.run(&["show", "spring"]).unwrap(), added);
        std::fs::write(bench.dir.path().join("sounds/torn.wav"), "half").unwrap();
        let listed = bench
            .run(&["list"])
            .unwrap()
            .replace(&bench.dir.path().display().to_string(), "DIR");
        insta::assert_snapshot!(listed, @r"
        NAME      LENGTH       LEVEL  SOURCE
        spring    1.62 s  -18.0 LUFS  tone.flac
        torn    `DIR/sounds/torn.wav` cannot be played: it is too short to be a WAV file
        ");
        assert_eq!(
            bench.run(&["rm", "spring", "torn"]).unwrap(),
            "removed spring\nremoved torn\n"
        );
        assert_eq!(bench.run(&["list"]).unwrap(), "");
    }

    #[test]
    fn with_json_there_is_one_value() {
        let bench = MessageBench::new();
        let added = bench
            .run(&["add", "--json", "spring", &fixture("tone.flac")])
            .unwrap();
        let value: Value = serde_json::from_str(&added).unwrap();
        assert_eq!(value["name"], "spring");
        assert_eq!(value["media"], "sound:/pbx/spring");
        assert_eq!(value["duration_ms"], value["report"]["duration_ms"]);
        assert_eq!(value["report"]["prepared_at"], "1970-01-01T00:00:00Z");
        assert_eq!(bench.run(&["show", "--json", "spring"]).unwrap(), added);
        let list: Value = serde_json::from_str(&bench.run(&["list", "--json"]).unwrap()).unwrap();
        assert_eq!(list[0], value);
        let removed = bench.run(&["rm", "--json", "spring"]).unwrap();
        assert_eq!(removed, "{\"removed\":[\"spring\"]}\n");
    }

    #[test]
    fn what_cannot_be_done_says_why_and_what_to_do() {
        let bench = MessageBench::new();
        let tone = fixture("tone.flac");
        bench.run(&["add", "spring", &tone]).unwrap();
        for (args, words, hint) in [
            (
                vec!["add", "spring", &tone],
                "a message called `spring` already",
                "--replace spring",
            ),
            (
                vec!["show", "autumn"],
                "no message called `autumn`",
                "message list",
            ),
            (
                vec!["rm", "spring", "autumn"],
                "no message called `autumn`",
                "message list",
            ),
        ] {
            let error = bench.run(&args).unwrap_err();
            assert!(error.to_string().contains(words), "{args:?}: {error}");
            assert!(error.hint().unwrap().contains(hint), "{args:?}: {error}");
        }
        // A misspelt name among several removed nothing.
        assert!(bench.run(&["show", "spring"]).is_ok());
        assert!(bench.run(&["add", "--replace", "spring", &tone]).is_ok());
        assert!(MessageLine::try_parse_from(["message", "add", "Bad Name", "x"]).is_err());
        assert!(MessageLine::try_parse_from(["message", "rm"]).is_err());
    }

    #[derive(Debug, Parser)]
    struct MessageLine {
        #[command(flatten)]
        args: MessageArgs,
    }

    struct MessageBench {
        dir: TempDir,
        library: Library,
    }

    impl MessageBench {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let library = Library::new(&dir.path().join("sounds"), Path::new("/pbx")).unwrap();
            Self { dir, library }
        }

        fn run(&self, args: &[&str]) -> Result<String, MessageError> {
            let line = MessageLine::try_parse_from([&["message"], args].concat()).unwrap();
            let mut data = Vec::new();
            run(
                &line.args,
                &self.library,
                &Targets::default(),
                SystemTime::UNIX_EPOCH,
                &mut data,
            )?;
            Ok(String::from_utf8(data).unwrap())
        }
    }

    fn fixture(name: &str) -> String {
        format!("{}/tests/fixtures/audio/{name}", env!("CARGO_MANIFEST_DIR"))
    }
}
