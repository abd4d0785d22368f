//! `aftertone message add|list|show|rm|say`: prepare and keep recordings, and hear messages with parts.

mod clips;
mod say;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use thiserror::Error;

use self::{
    clips::{AddTarget, add_clips},
    say::SayArgs,
};
use super::operator::by_user;
use crate::{
    audio::{
        self, Composer, Library, Name, PreparationReport, Prepared, Targets,
        template::{BadTemplate, Unfilled},
    },
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
                ..by_user("message.add", name.to_string())
            }),
            MessageCommand::Rm { names, .. } => {
                let names: Vec<_> = names.iter().map(Name::as_str).collect();
                Some(by_user("message.remove", names.join(" ")))
            }
            MessageCommand::List { .. } | MessageCommand::Show { .. } | MessageCommand::Say(_) => {
                None
            }
        }
    }

    /// Makes the message that is to be heard; `None` if something else is to be done.
    ///
    /// # Errors
    /// [`MessageError`].
    pub(super) async fn say(
        &self,
        composer: &Composer,
        now: SystemTime,
        data: &mut dyn Write,
    ) -> Option<Result<(), MessageError>> {
        match &self.command {
            MessageCommand::Say(args) => Some(say::run(args, composer, now, data).await),
            MessageCommand::Add { .. }
            | MessageCommand::List { .. }
            | MessageCommand::Show { .. }
            | MessageCommand::Rm { .. } => None,
        }
    }
}

#[derive(Debug, Subcommand)]
enum MessageCommand {
    /// Prepare a recording (WAV, MP3, FLAC, Ogg Vorbis) and keep it under a name, or many as the clips of a folder
    ///
    /// `message add spring FILE` keeps a message. `message add names/ann FILE` keeps a clip, a part of messages for each
    /// person, which may be as short as a word; `message add names/ FILE...` keeps many, each under its file's name: `José.wav`
    /// is `names/jose`. The exit status is 1 if not all could be added; those that could are there.
    Add {
        /// Name of the message: a-z, 0-9, `_` and `-`; of a clip, `FOLDER/NAME`; of a folder for many, `FOLDER/`
        name: AddTarget,
        /// The recording, or those of a folder's clips
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Replace an existing message of this name
        #[arg(long)]
        replace: bool,
        /// Print one JSON object; for the clips of a folder, an array of them
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
    Say(SayArgs),
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
            name: AddTarget::Folder(folder),
            files,
            replace,
            json,
        } => {
            let add = |name: &Name, file: &Path| library.add(name, file, targets, *replace, now);
            add_clips(folder, files, add, *json, data)
        }
        MessageCommand::Add {
            name: AddTarget::Message(name),
            files,
            replace,
            json,
        } => {
            let [file] = &files[..] else {
                return Err(MessageError::ManyFiles { name: name.clone() });
            };
            let prepared = library.add(name, file, targets, *replace, now)?;
            show(&prepared, *json, data)
        }
        MessageCommand::List { json } => list(library, *json, data),
        MessageCommand::Show { name, json } => show(&library.show(name)?, *json, data),
        MessageCommand::Rm { names, json } => remove(library, names, *json, data),
        MessageCommand::Say(_) => Ok(()),
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
    /// Several recordings for one message.
    #[error("there are several recordings, and one message `{name}`")]
    ManyFiles {
        /// The message.
        name: Name,
    },
    /// Two recordings would be one clip.
    #[error("`{}` and `{}` would both be `{name}`", first.display(), second.display())]
    SameClip {
        /// The clip.
        name: Name,
        /// The one recording.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Not all clips could be added.
    #[error("{failed} of {all} recordings were not added")]
    NotAll {
        /// How many were not.
        failed: usize,
        /// How many there are.
        all: usize,
    },
    /// The text is no message.
    #[error(transparent)]
    Template(#[from] BadTemplate),
    /// A column has no value.
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
    /// A value for a column that the message does not have.
    #[error("the message has no column `{0}`")]
    NoColumn(String),
    /// The file cannot be written.
    #[error("cannot write `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

impl MessageError {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Library(error) => error.hint(),
            Self::Output(_) => None,
            Self::ManyFiles { name } => Some(format!(
                "`aftertone message add {name}/ FILE...` adds each as a clip of a folder `{name}`"
            )),
            Self::SameClip { .. } => Some("rename one of them; nothing was added".to_owned()),
            Self::NotAll { .. } => {
                Some("run it again with those alone, once they are mended".to_owned())
            }
            Self::Template(error) => Some(error.hint()),
            Self::Unfilled(
                Unfilled::Empty { column }
                | Unfilled::NoName { column }
                | Unfilled::TooLong { column },
            ) => Some(format!("give it a value: `--field \"{column}=VALUE\"`")),
            Self::Unfilled(Unfilled::Nothing) => {
                Some("give a column that it uses a value with `--field`".to_owned())
            }
            Self::NoColumn(_) => Some("a column is named between `{` and `}`".to_owned()),
            Self::File { .. } => Some("name a file in a folder that you may write".to_owned()),
        }
    }

    /// Whether something was changed all the same.
    pub(super) fn is_partly_done(&self) -> bool {
        matches!(self, Self::NotAll { failed, all } if failed < all)
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
        for bad in ["Bad Name", "/", "a/b/", "once-x/"] {
            assert!(
                MessageLine::try_parse_from(["message", "add", bad, "x"]).is_err(),
                "{bad}"
            );
        }
        assert!(MessageLine::try_parse_from(["message", "rm"]).is_err());
    }

    #[test]
    fn the_recordings_of_a_folder_become_its_clips() {
        let bench = MessageBench::new();
        let source = |name: &str| {
            let path = bench.dir.path().join(name);
            std::fs::copy(fixture("tone.flac"), &path).unwrap();
            path.display().to_string()
        };
        let (jose, ann, bad) = (
            source("José.flac"),
            source("Zoë Ann.FLAC"),
            source("….flac"),
        );
        let text = bench.dir.path().join("notes.wav").display().to_string();
        std::fs::write(&text, "not a sound").unwrap();
        let added = bench.run(&["add", "names/", &jose, &ann]).unwrap();
        assert_eq!(added, "names/jose: 1.62 s\nnames/zoe-ann: 1.62 s\n");
        assert_eq!(
            bench.run(&["show", "names/jose"]).unwrap().lines().count(),
            8
        );
        let listed = bench.run(&["list"]).unwrap();
        assert!(listed.contains("\nnames/jose "), "{listed}");

        let some = bench
            .run(&["add", "names/", &jose, &text, &bad])
            .unwrap_err();
        assert_eq!(some.to_string(), "3 of 3 recordings were not added");
        assert!(!some.is_partly_done());
        let again = bench
            .run(&["add", "--replace", "names/", &jose, &text])
            .unwrap_err();
        assert!(again.is_partly_done(), "{again}");
        let jose_again = source("jose.flac");
        let same = bench
            .run(&["add", "names/", &jose, &jose_again])
            .unwrap_err();
        assert!(
            same.to_string().contains("would both be `names/jose`"),
            "{same}"
        );
        let several = bench.run(&["add", "names/x", &jose, &ann]).unwrap_err();
        assert!(
            several.hint().unwrap().contains("names/x/ FILE"),
            "{several}"
        );

        let json = bench.run(&["add", "--json", "more/", &jose]).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json[0]["name"], "more/jose");
        assert_eq!(
            bench
                .run(&["rm", "more/jose", "names/jose", "names/zoe-ann"])
                .unwrap()
                .lines()
                .count(),
            3
        );
        assert_eq!(bench.run(&["list"]).unwrap(), "");
        assert!(!bench.dir.path().join("sounds/names").exists());
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
