//! `aftertone message say`: a message with parts, as one person would hear it, in a file.

use std::{io::Write, path::PathBuf, time::SystemTime};

use clap::Args;
use serde_json::json;

use super::{MessageError, print_json, seconds};
use crate::{
    audio::{
        Composer,
        template::{Template, plain_column},
    },
    cli::private_file,
};

/// Make a message for one person, and write it to a file, without any call
///
/// For a message with parts, such as `intro + names/{first_name|there} + "Your appointment is on {date}." + outro`, as a
/// campaign would leave it for a contact whose columns hold what `--field` says.
#[derive(Debug, Args)]
pub(super) struct SayArgs {
    /// The message: parts with ` + ` between them
    #[arg(value_name = "MESSAGE")]
    template: String,
    /// What a column holds, as `NAME=VALUE`
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
    /// The WAV file to write, at 16 kHz; it is replaced if it is there
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Makes the message.
///
/// # Errors
/// [`MessageError`].
pub(super) async fn run(
    args: &SayArgs,
    composer: &Composer,
    now: SystemTime,
    data: &mut dyn Write,
) -> Result<(), MessageError> {
    let template: Template = args.template.parse()?;
    let columns: Vec<_> = template.columns().into_iter().map(plain_column).collect();
    let unknown = |(name, _): &&(String, String)| !columns.contains(&plain_column(name));
    if let Some((name, _)) = args.fields.iter().find(unknown) {
        return Err(MessageError::NoColumn(name.clone()));
    }
    let filled = template.fill(|column| {
        let held = |(name, _): &&(String, String)| plain_column(name) == plain_column(column);
        let found = args.fields.iter().rev().find(held);
        found.map(|(_, value)| value.clone())
    })?;
    composer.check(&template)?;
    let wav = composer.hear(&filled, now).await?;
    let milliseconds = wav.len().saturating_sub(HEADER) as u64 / 2 / SAMPLES_PER_MS;
    let path = args.output.clone();
    private_file::write(&path, &wav).map_err(|source| MessageError::File {
        path: path.clone(),
        source,
    })?;
    if args.json {
        let object = json!({
            "file": path.display().to_string(),
            "duration_ms": milliseconds,
            "words": filled.words(),
        });
        return print_json(&object, data);
    }
    writeln!(data, "{}: {}", path.display(), seconds(milliseconds))?;
    writeln!(data, "  {}", filled.words())?;
    Ok(())
}

fn field(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !plain_column(name).is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE, such as `first_name=Ann`".to_owned()),
    }
}

/// The header of the file, in bytes.
const HEADER: usize = 44;

/// Samples of 16 bits.
const SAMPLES_PER_MS: u64 = 16;
