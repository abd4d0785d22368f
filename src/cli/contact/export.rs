//! `aftertone contact export`: all that is known of a person, with the evidence, in one file.

use std::{
    fs::{self, Permissions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::spellings;
use crate::{
    cli::{CliError, Exit, database, operator::by_user, printer::Printer},
    config::Config,
    evidence::{BundleContents, PersonBundle},
    orders::PersonDocuments,
    store::{AuditEntry, Store},
};

/// Hand out all that is known of a person, as a zip file
///
/// For a person who asks what is kept of them, and for a complaint about a call: contacts with consent and its source, decisions of the
/// gate, every call of campaigns and single ones with its report, the evidence that is on this machine, and a manifest with the
/// SHA-256 of each file. Numbers are whole. The file is for its owner only, and one that exists is not overwritten. That it was
/// made is in the audit log.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The person's number
    number: String,
    /// The file, such as `person.zip`
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Makes the file.
///
/// # Errors
/// [`CliError`] if it was not made.
pub(super) async fn run(
    args: &ExportArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let numbers = spellings(&args.number, config)?;
    let store = database::open(config).await?;
    if args.file.symlink_metadata().is_ok() {
        let error = anyhow!("`{}` exists, and is not overwritten", args.file.display());
        return Err(CliError::new(error).hint("name another file"));
    }
    let number = numbers[0].to_string();
    let contents = make(&args.file, &store, &numbers).await?;
    let elsewhere = contents.elsewhere.iter();
    let elsewhere: Vec<_> = elsewhere.map(|path| path.display().to_string()).collect();
    if args.json {
        printer.json(&json!({
            "file": args.file.display().to_string(),
            "files": contents.files,
            "evidence_elsewhere": elsewhere,
        }));
        return Ok(Exit::Success);
    }
    printer.line(&format!(
        "{}: {} files about {number}",
        args.file.display(),
        contents.files
    ));
    for path in elsewhere {
        printer.line(&format!(
            "not on this machine, and not in it: the evidence in `{path}`"
        ));
    }
    Ok(Exit::Success)
}

async fn make(
    path: &Path,
    store: &Store,
    numbers: &[crate::phone::PhoneNumber],
) -> Result<BundleContents, CliError> {
    let now = database::now();
    let documents = PersonDocuments::of(store, numbers, now).await;
    let documents = documents.map_err(database::trouble)?;
    let entry = AuditEntry {
        after: Some(json!({"calls": documents.calls.len()}).to_string()),
        ..by_user("person.export", numbers[0].to_string())
    };
    let made_by = entry.who.clone();
    // Before it is handed out.
    store.note(entry).await.map_err(database::trouble)?;
    let write = || -> io::Result<BundleContents> {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let mut file = tempfile::Builder::new()
            .prefix(".aftertone-")
            .suffix(".part")
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        fs::set_permissions(file.path(), Permissions::from_mode(0o600))?;
        let mut bundle = PersonBundle::new(BufWriter::new(file.as_file_mut()), now);
        bundle.add_person(&documents.person)?;
        for call in &documents.calls {
            bundle.add_call(call.drop, &call.object, call.evidence.as_deref(), None)?;
        }
        let (mut out, contents) = bundle.end(&numbers[0].shown(true), &made_by)?;
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        Ok(contents)
    };
    write().map_err(|error| {
        let words = format!("cannot make `{}`", path.display());
        CliError::new(anyhow!(error).context(words))
    })
}
