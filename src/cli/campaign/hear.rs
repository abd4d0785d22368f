//! `aftertone campaign hear`: what the first contacts of a campaign will hear, dialling nothing.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{
    create::{find, ordered},
    words::counted,
};
use crate::{
    audio::{Library, Unheard, heard_by, template::Filled},
    cli::{CliError, Exit, composer, database, library, printer::Printer, private_file},
    clock,
    config::Config,
    error_chain::chain,
    import::templates,
    orders::Spec,
    store::{Campaign, ContactFilter, SpokenColumns, Store, StoredContact},
};

/// Hear what the first contacts of a campaign will hear, dialling nothing
///
/// Makes the messages of the first contacts as they would be made for their drops, and writes each to a WAV file that is named after
/// its contact. Prints what each says: spoken text as it is, recordings by their names in brackets. The exit status is 1 if one cannot
/// be made: then the contact's drop would be an error, with nothing dialled.
#[derive(Debug, Args)]
pub(super) struct HearArgs {
    /// The campaign's name
    name: String,
    /// How many contacts: 1 to 1000
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rows: u16,
    /// The folder for the files; it is made if it is missing
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Print one JSON object for each contact
    #[arg(long)]
    json: bool,
    /// Show numbers unmasked
    #[arg(long)]
    full_number: bool,
}

/// Makes the messages, and prints what they say.
///
/// # Errors
/// [`CliError`] if there is no such campaign, or a file cannot be written.
pub(super) async fn run(
    args: &HearArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let (library, _) = library(config)?;
    let composer = composer(config)?;
    let store = database::open_to_read(config).await?;
    let campaign = find(&args.name, &store).await?;
    let spec = ordered(&campaign)?;
    private_file::make_folder(&args.into)
        .with_context(|| format!("cannot make {}", args.into.display()))
        .map_err(CliError::new)?;
    let sampled = sample(&campaign, &spec, &library, &store, args.rows.into()).await?;
    let mut unheard = 0;
    for (contact, heard) in sampled {
        let number = contact.number.as_ref();
        let number = number.map(|number| number.shown(args.full_number));
        let sound = match heard {
            Ok(filled) => {
                let sound = composer.hear(&filled, clock::wall()).await;
                let sound = sound.map_err(|error| chain(&error));
                sound.map(|sound| (filled.words(), sound))
            }
            Err(error) => Err(error.to_string()),
        };
        let (words, file, problem) = match sound {
            Ok((words, sound)) => {
                let file = args.into.join(format!("{}.wav", contact.id.0));
                private_file::write(&file, &sound)
                    .with_context(|| format!("cannot write {}", file.display()))
                    .map_err(CliError::new)?;
                (Some(words), Some(file), None)
            }
            Err(problem) => (None, None, Some(problem)),
        };
        unheard += u64::from(problem.is_some());
        if args.json {
            printer.json(&json!({
                "contact": contact.id.0,
                "number": number,
                "foreign_id": contact.foreign_id,
                "words": words,
                "file": file,
                "problem": problem,
            }));
            continue;
        }
        let number = number.unwrap_or_default();
        let said = match (words, problem) {
            (Some(words), _) => words,
            (None, problem) => format!("cannot be made: {}", problem.unwrap_or_default()),
        };
        printer.line(&format!("contact {}: {number:12}  {said}", contact.id.0));
    }
    if unheard == 0 {
        return Ok(Exit::Success);
    }
    let messages = if unheard == 1 { "message" } else { "messages" };
    printer.warning(&format!(
        "{unheard} {messages} cannot be made; such a contact ends as `error`, and nothing is dialled"
    ));
    Ok(Exit::Failure)
}

/// What each of the first contacts of a campaign will hear.
///
/// # Errors
/// [`CliError`] if the database cannot be read.
async fn sample(
    campaign: &Campaign,
    spec: &Spec,
    library: &Library,
    store: &Store,
    rows: usize,
) -> Result<Vec<(StoredContact, Result<Filled, Unheard>)>, CliError> {
    let contacts = store
        .contacts(campaign.id, &ContactFilter::All, None, false, rows)
        .await
        .map_err(database::trouble)?;
    let heard = contacts.into_iter().map(|contact| {
        let own = contact.message.as_deref();
        let message = spec.messages.choose(spec.seed, contact.id, own).message;
        let columns = SpokenColumns::of(&contact);
        let heard = heard_by(message, library, |column| columns.get(column));
        (contact, heard)
    });
    Ok(heard.collect())
}

/// Says of a campaign that is about to run which of its first messages cannot be made, if any.
///
/// # Errors
/// [`CliError`] if the database cannot be read.
pub(super) async fn warn_of_unmade(
    campaign: &Campaign,
    spec: &Spec,
    store: &Store,
    config: &Config,
    printer: Printer,
) -> Result<(), CliError> {
    if templates(spec).next().is_none() {
        return Ok(());
    }
    let (library, _) = library(config)?;
    let composer = composer(config)?;
    for template in templates(spec) {
        if let Err(error) = composer.check(&template) {
            printer.warning(&format!("{}: {}", campaign.name, chain(&error)));
            if let Some(hint) = error.hint() {
                printer.hint(&hint);
            }
        }
    }
    let sampled = sample(campaign, spec, &library, store, LOOKED_AT).await?;
    let of = sampled.len() as u64;
    let mut problems = sampled
        .into_iter()
        .filter_map(|(contact, heard)| match heard {
            // Its length is not known, and it plays.
            Ok(_) | Err(Unheard::OnPbx) => None,
            Err(error) => Some((contact.id, error)),
        });
    let Some((contact, error)) = problems.next() else {
        return Ok(());
    };
    let unmade = 1 + problems.count() as u64;
    let name = &campaign.name;
    printer.warning(&format!(
        "{name}: of the first {}, {unmade} cannot be left a message, and end as `error` with nothing dialled; contact {contact}: {error}",
        counted(of, "contact"),
    ));
    printer.hint(&format!(
        "`aftertone campaign hear {name} --into DIR` shows what each will hear"
    ));
    Ok(())
}

/// How many contacts are looked at before a campaign runs.
const LOOKED_AT: usize = 1_000;
