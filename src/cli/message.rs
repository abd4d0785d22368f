//! `aftertone message add|list|show|rm`: prepare and keep recordings.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::SystemTime,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use thiserror::Error;

use crate::audio::{self, Library, Name, Prepared, Report, Targets};

/// What `aftertone message` is asked to do.
#[derive(Debug, Args)]
pub struct MessageArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prepare a recording (WAV, MP3, FLAC, OGG Vorbis) and keep it under a name
    Add {
        /// Name of the message: a-z, 0-9, `_` and `-`
        name: Name,
        /// The recording
        file: PathBuf,
        /// Replace the message that has this name already
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

/// Does what is asked. `data` is standard output.
///
/// # Errors
/// [`MessageError`]; [`MessageError::hint`] is the remedy.
pub fn run(
    args: &MessageArgs,
    library: &Library,
    targets: &Targets,
    now: SystemTime,
    data: &mut dyn Write,
) -> Result<(), MessageError> {
    match &args.command {
        Command::Add {
            name,
            file,
            replace,
            json,
        } => {
            let prepared = library.add(name, file, targets, *replace, now)?;
            show(&prepared, *json, data)
        }
        Command::List { json } => list(library, *json, data),
        Command::Show { name, json } => show(&library.show(name)?, *json, data),
        Command::Rm { names, json } => remove(library, names, *json, data),
    }
}

/// Why it could not be done.
#[derive(Debug, Error)]
pub enum MessageError {
    /// The recording or the library refused.
    #[error(transparent)]
    Library(#[from] audio::Error),
    /// Standard output is gone.
    #[error("cannot write the result")]
    Output(#[from] io::Error),
}

impl MessageError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
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

fn source(report: &Report) -> String {
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
