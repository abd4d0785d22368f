//! `aftertone contact show`: all that is known of a person.

use clap::Args;

use super::{record, spellings};
use crate::{
    cli::{CliError, Exit, database, printer::Printer},
    config::Config,
    orders::PersonView,
    phone::Disclosure,
};

/// Show all that is known of a person
///
/// The lists that the number came from, consents, do-not-call lists, decisions of the gate with their rulings, calls with
/// their evidence, prompts that were heard in them, and of each campaign what is next and why. Every spelling of the number is looked for.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The person's number
    number: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Show whole numbers instead of masking them
    #[arg(long)]
    full_number: bool,
}

/// Shows it.
///
/// # Errors
/// [`CliError`] if the number or the database cannot be read.
pub(super) async fn run(
    args: &ShowArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let numbers = spellings(&args.number, config)?;
    let store = database::open_to_read(config).await?;
    let record = store.person(&numbers).await.map_err(database::trouble)?;
    let now = database::now();
    let subject = PersonView {
        number: &numbers[0],
        record: &record,
        shown: Disclosure::of_program(args.full_number),
        now,
    };
    if args.json {
        printer.json(&subject.object());
    } else {
        for line in record::PersonText(subject).lines() {
            printer.line(&line);
        }
    }
    Ok(Exit::Success)
}
