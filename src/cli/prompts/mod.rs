//! `aftertone prompts`: the book of prompts that were heard before.

mod learn;
mod list;
mod show;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use serde_json::json;

use super::{CliError, Exit, database, operator::by_user, printer::Printer};
use crate::{
    config::Config,
    controller::prompts::{PromptEntry, read_export, shipped_prompt, write_export},
    screen::book::Prints,
    store::{AuditEntry, NewPrompt, PromptOrigin, Store, StoredPrompt},
    words::PromptEnd,
};

/// List, teach and correct the book of prompts that were heard before
///
/// Networks and companies play the same recordings again and again. The book holds fingerprints of them, never sound, with
/// how calls that heard them ended. A prompt is in use if two numbers have played it, or if you say how it ends; one whose calls
/// contradict each other is not, until you do.
#[derive(Debug, Args)]
pub(super) struct PromptsArgs {
    #[command(subcommand)]
    command: PromptsCommand,
}

#[derive(Debug, Subcommand)]
enum PromptsCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Learn(learn::LearnArgs),
    Label(LabelArgs),
    Forget(ForgetArgs),
    Export(ExportArgs),
    Import(ImportArgs),
}

/// Say how a prompt ends
///
/// It is in use from now on, however often it was heard, and calls that ended otherwise before count no more.
#[derive(Debug, Args)]
struct LabelArgs {
    /// The prompt, by its number
    prompt: u32,
    /// How it ends
    #[arg(long, value_name = "END", value_parser = ends_parser())]
    ends: Option<String>,
    /// What to call it
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Forget a prompt, and where it was heard
///
/// A prompt that comes with the program is not used any more.
#[derive(Debug, Args)]
struct ForgetArgs {
    /// The prompt, by its number
    prompt: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Write the prompts that are in use to a file, for another database
///
/// A line of JSON for each: its fingerprint, how it ends and what it is called; no sound, no number, no call. Prompts that come
/// with the program are left out.
#[derive(Debug, Args)]
struct ExportArgs {
    /// Print to this file, for its owner alone [default: print]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Prompts that are not in use as well
    #[arg(long)]
    all: bool,
}

/// Take prompts in that were exported elsewhere
///
/// They are in use at once: whoever exported them says how they end.
#[derive(Debug, Args)]
struct ImportArgs {
    /// A file that `prompts export` has written
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be started.
pub(super) async fn run(
    args: &PromptsArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    match &args.command {
        PromptsCommand::List(args) => {
            let store = database::open_to_read(config).await?;
            list::run(args, &store, printer).await
        }
        PromptsCommand::Show(args) => {
            let store = database::open_to_read(config).await?;
            show::run(args, &store, printer).await
        }
        PromptsCommand::Export(args) => {
            let store = database::open_to_read(config).await?;
            export(args, &store, printer).await
        }
        PromptsCommand::Learn(args) => {
            let store = database::open(config).await?;
            let store = store.audited_once(by_user("prompts.learn", "the book of prompts"));
            learn::run(args, &store, printer).await
        }
        PromptsCommand::Label(args) => label(args, &database::open(config).await?, printer).await,
        PromptsCommand::Forget(args) => forget(args, &database::open(config).await?, printer).await,
        PromptsCommand::Import(args) => import(args, &database::open(config).await?, printer).await,
    }
}

async fn label(args: &LabelArgs, store: &Store, printer: Printer) -> Result<Exit, CliError> {
    let known = find(store, args.prompt).await?;
    let ends = match &args.ends {
        Some(slug) => PromptEnd::of(slug).ok_or_else(|| CliError::new(anyhow!("no such end")))?,
        None => known.ends,
    };
    let given = shipped_row(args.prompt);
    let label = args.label.as_deref();
    let now = database::now();
    let entry = AuditEntry {
        after: Some(json!({"ends": ends, "label": label}).to_string()),
        ..by_user("prompts.label", format!("prompt {}", args.prompt))
    };
    let store = store.audited(entry);
    let labelled = store.label_prompt(args.prompt, ends, label, given.as_ref(), now);
    if !labelled.await.map_err(database::trouble)? {
        return Err(missing(args.prompt));
    }
    if args.json {
        printer.json(&json!({ "prompt": args.prompt, "ends": ends, "label": label }));
    } else {
        printer.line(&format!("prompt {}: {ends}; in use", args.prompt));
    }
    Ok(Exit::Success)
}

async fn forget(args: &ForgetArgs, store: &Store, printer: Printer) -> Result<Exit, CliError> {
    let given = shipped_row(args.prompt);
    let store = store.audited(by_user("prompts.forget", format!("prompt {}", args.prompt)));
    let forgotten = store.forget_prompt(args.prompt, given.as_ref(), database::now());
    if !forgotten.await.map_err(database::trouble)? {
        return Err(missing(args.prompt));
    }
    if args.json {
        printer.json(&json!({ "prompt": args.prompt, "forgotten": true }));
    } else {
        printer.line(&format!("prompt {}: forgotten", args.prompt));
    }
    Ok(Exit::Success)
}

async fn export(args: &ExportArgs, store: &Store, printer: Printer) -> Result<Exit, CliError> {
    let stored = store.prompts().await.map_err(database::trouble)?;
    let prints = store.prompt_prints(None, u32::MAX).await;
    let prints = prints.map_err(database::trouble)?;
    let mut entries = Vec::new();
    let mut older = 0;
    for prompt in &stored {
        let wanted = prompt.origin != PromptOrigin::Shipped && (args.all || prompt.is_in_use());
        let bytes = prints.iter().find(|(id, _)| *id == prompt.id);
        if wanted && prompt.bytes > 0 && !list::is_readable(prompt) {
            older += 1;
        } else if let Some((_, bytes)) = bytes.filter(|_| wanted) {
            let prints = Prints::from_bytes(bytes);
            let prints = prints.with_context(|| format!("prompt {} cannot be exported", prompt.id));
            entries.push(PromptEntry {
                ends: prompt.ends,
                beep_ms: prompt.beep_ms,
                label: prompt.label.clone(),
                prints: prints.map_err(CliError::new)?,
            });
        }
    }
    if older > 0 {
        printer.talk(&format!(
            "{older} prompts are left out: their fingerprints are of an older version"
        ));
    }
    let text = write_export(&entries);
    match &args.to {
        Some(path) => {
            fs::write(path, text)
                .with_context(|| format!("cannot write {}", path.display()))
                .map_err(CliError::new)?;
            printer.talk(&format!(
                "{} prompts are in {}",
                entries.len(),
                path.display()
            ));
        }
        None => text.lines().for_each(|line| printer.line(line)),
    }
    Ok(Exit::Success)
}

async fn import(args: &ImportArgs, store: &Store, printer: Printer) -> Result<Exit, CliError> {
    let path = args.file.display();
    let text = fs::read_to_string(&args.file);
    let text = text
        .with_context(|| format!("cannot read {path}"))
        .map_err(CliError::new)?;
    let entries = read_export(&text);
    let entries = entries
        .with_context(|| format!("cannot take in {path}"))
        .map_err(|error| {
            CliError::new(error).hint("give a file that `aftertone prompts export` has written")
        })?;
    let known = store
        .prompt_prints(None, u32::MAX)
        .await
        .map_err(database::trouble)?;
    let (mut added, mut had) = (0, 0);
    let entry = AuditEntry {
        after: Some(json!({"file": path.to_string()}).to_string()),
        ..by_user("prompts.import", "the book of prompts")
    };
    let store = store.audited_once(entry);
    for entry in entries {
        let new = entry.stored(PromptOrigin::Imported);
        if known.iter().any(|(_, prints)| *prints == new.prints) {
            had += 1;
            continue;
        }
        let done = store.add_prompt(&new, None, database::now()).await;
        done.map_err(database::trouble)?;
        added += 1;
    }
    if args.json {
        printer.json(&json!({ "added": added, "known": had }));
    } else {
        printer.line(&format!("{added} prompts added; {had} were there"));
    }
    Ok(Exit::Success)
}

/// A prompt of the store, or one that comes with the program.
async fn find(store: &Store, id: u32) -> Result<StoredPrompt, CliError> {
    let found = list::one(store, id).await?;
    found.ok_or_else(|| missing(id))
}

fn missing(prompt: u32) -> CliError {
    CliError::new(anyhow!("there is no prompt {prompt}"))
        .hint("`aftertone prompts list` lists them")
}

/// A prompt that comes with the program, as it is kept.
fn shipped_row(id: u32) -> Option<NewPrompt> {
    Some(shipped_prompt(id)?.stored(PromptOrigin::Shipped))
}

fn ends_parser() -> PossibleValuesParser {
    PossibleValuesParser::new(PromptEnd::ALL.map(PromptEnd::as_str))
}
