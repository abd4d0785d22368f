//! `aftertone contact erase`: all that is known of a person goes.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::spellings;
use crate::{
    cli::{CliError, Exit, campaign::wait, database, library, operator::by_user, printer::Printer},
    clock,
    config::{Config, StoreUrl},
    error_chain::chain,
    evidence::{ArchiveError, EvidenceErasure},
    import::files_holding,
    store::{AuditEntry, ErasedPerson, PersonDrop, PersonRecord, copies_holding},
};

/// Erase all that is known of a person
///
/// Contacts, calls, decisions and evidence of the number, in every spelling, lose all that is the person's; counts stay as
/// they are. A salted digest of the number stays on the do-not-call list `own` for good: the person is never called again,
/// and no list brings them back. There is no way back. Without `--yes` it shows what would go, and changes nothing. What
/// this program cannot reach is named: rows in files of lists and their rejects, evidence on other machines, copies and
/// backups of the database. The exit status is 0 if nothing is left, 1 if a call to the person is still in flight (they are
/// barred by then; run it again), 2 if nothing was done.
#[derive(Debug, Args)]
pub(super) struct EraseArgs {
    /// The person's number
    number: String,
    /// The reason, kept with the digest; it should not name the person
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    /// Erase, instead of showing what would go
    #[arg(long)]
    yes: bool,
    /// How long to wait for a call to the person that is in flight: 0s to 1h
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = wait)]
    wait: Duration,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Erases a person, or shows what would go.
///
/// # Errors
/// [`CliError`] if it was not done, or not wholly.
pub(super) async fn run(
    args: &EraseArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let numbers = spellings(&args.number, config)?;
    if !args.yes {
        let store = database::open_to_read(config).await?;
        let record = store.person(&numbers).await.map_err(database::trouble)?;
        printer.line(&would_go(&record));
        let error = anyhow!("nothing was erased");
        return Err(CliError::new(error).hint("run it again with `--yes`; there is no way back"));
    }
    let store = database::open(config).await?;
    let because = args.because.as_deref();
    // Not even a part of the number stays.
    let entry = |action| AuditEntry {
        after: Some(json!({"because": because}).to_string()),
        ..by_user(action, "a person who is erased")
    };
    let barred = store
        .audited(entry("do_not_call.add"))
        .bar_for_good(&numbers, because, database::now())
        .await;
    barred.map_err(database::trouble)?;
    let deadline = clock::now() + args.wait;
    let mut said = false;
    let mut evidence = EvidenceErasure::new(config.evidence.dir.as_deref());
    let mut speech = 0;
    let erased = loop {
        let calls = store.drops_to(&numbers).await.map_err(database::trouble)?;
        remove_evidence(&mut evidence, calls).map_err(|error| {
            CliError::new(error)
                .hint("make the folder writable, and run it again; the person is barred already")
        })?;
        speech += forget_speech(config)?;
        let audited = store.audited(entry("contact.erase"));
        let erased = audited.erase(&numbers, database::now()).await;
        let erased = erased.map_err(database::trouble)?;
        match erased {
            ErasedPerson::Busy if clock::now() < deadline => {
                if !said {
                    printer.talk("the person is barred; a call to them is in flight, whose end is waited for");
                    said = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
            ErasedPerson::Busy | ErasedPerson::Done { .. } => break erased,
        }
    };
    let ErasedPerson::Done {
        contacts,
        drops,
        decisions,
        entries,
        prompts,
        calls,
    } = erased
    else {
        printer.talk("a call to the person is still in flight, or a controller has the contact; they are barred, and not erased yet");
        printer.hint("run it again when the call is over");
        return Ok(Exit::Failure);
    };
    // A call may have ended since its evidence was looked for, and what was spoken for it may have come.
    let named: Vec<_> = calls
        .iter()
        .filter_map(|call| call.evidence.clone())
        .collect();
    if let Err(error) = remove_evidence(&mut evidence, calls) {
        printer.warning(&format!("evidence is left: {}", chain(&error)));
        evidence.leave(named);
    }
    speech += forget_speech(config)?;
    let lists = store
        .lists_with_rejects()
        .await
        .map_err(database::trouble)?;
    let copies = match &config.store.url {
        StoreUrl::Sqlite(path) => copies_holding(path, &numbers).await,
        StoreUrl::Postgres(_) => Vec::new(),
    };
    let files = files_holding(&config.state_dir, &numbers);
    let files: Vec<_> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let (evidence, elsewhere) = (evidence.gone(), evidence.elsewhere());
    let elsewhere: Vec<_> = elsewhere
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if args.json {
        printer.json(&json!({
            "contacts": contacts,
            "calls": drops,
            "decisions": decisions,
            "do_not_call_entries": entries,
            "prompts": prompts,
            "evidence": evidence,
            "evidence_elsewhere": elsewhere,
            "speech": speech,
            "lists_with_rejects": lists.iter().map(|(campaign, list)| {
                json!({ "campaign": campaign, "list": list })
            }).collect::<Vec<_>>(),
            "files_with_number": files,
            "copies": copies.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Success);
    }
    let gone = [
        counted(contacts, "contact"),
        counted(drops, "call"),
        counted(decisions, "decision"),
        counted(entries, "do-not-call entry"),
        counted(evidence as u64, "folder of evidence"),
        counted(prompts, "prompt"),
    ];
    printer.line(&format!(
        "erased: {}; a digest of the number stays on the list `own`",
        gone.join(", ")
    ));
    if speech > 0 {
        printer.line(&format!(
            "speech of messages for each person was forgotten, that of others as well: {}; it is made again if it is needed",
            counted(speech as u64, "file")
        ));
    }
    for path in elsewhere {
        printer.line(&format!(
            "not on this machine: the evidence in `{path}`; remove it there, if it is kept"
        ));
    }
    for (campaign, list) in lists {
        let list = list.escape_debug();
        printer.line(&format!(
            "of `{list}` of campaign `{campaign}` rows were left out: look in the list and in its file of rejects (`.rejects.csv`)"
        ));
    }
    for path in files {
        printer.line(&format!(
            "of a list that was sent over HTTP, `{path}` holds the number: `DELETE /imports/{{import}}` removes it"
        ));
    }
    for path in copies {
        printer.line(&format!(
            "a copy of the database as it was holds the person still: `{}`",
            path.display()
        ));
    }
    printer.hint(
        "lists, exported results, recordings of the PBX and backups are yours to look through",
    );
    store.close().await;
    Ok(Exit::Success)
}

fn remove_evidence(
    evidence: &mut EvidenceErasure,
    calls: Vec<PersonDrop>,
) -> Result<(), ArchiveError> {
    evidence.remove(calls.into_iter().map(|call| (call.drop, call.evidence)))
}

/// Forgets what was spoken with something of a person in it: which is about whom cannot be told.
fn forget_speech(config: &Config) -> Result<usize, CliError> {
    let (library, _) = library(config)?;
    library.forget_speech(clock::wall()).map_err(|error| {
        let words = "speech with something of people in it cannot be removed";
        CliError::new(anyhow::Error::new(error).context(words))
            .hint("make `.speech` in `pbx.sounds_dir` writable, and run it again; the person is barred already")
    })
}

fn would_go(record: &PersonRecord) -> String {
    let decisions: usize = record
        .contacts
        .iter()
        .map(|contact| contact.decisions.len())
        .sum();
    let evidence = record.calls.iter();
    let evidence = evidence.filter(|call| call.evidence.is_some()).count();
    let learnt = record.prompts.iter().filter(|prompt| prompt.is_learnt);
    let learnt = learnt.count();
    let erased: Option<&(Timestamp, _)> = record.erased.as_ref();
    let before = erased.map_or_else(String::new, |(at, _)| {
        format!("; the number is barred for good since {at}")
    });
    let would = [
        counted(record.contacts.len() as u64, "contact"),
        counted(record.calls.len() as u64, "call"),
        counted(decisions as u64, "decision"),
        counted(record.do_not_call.len() as u64, "do-not-call entry"),
        counted(evidence as u64, "folder of evidence"),
        counted(learnt as u64, "prompt"),
    ];
    format!("would be erased: {}{before}", would.join(", "))
}

fn counted(count: u64, noun: &str) -> String {
    match (count, noun.split_once(' '), noun.strip_suffix('y')) {
        (1, ..) => format!("1 {noun}"),
        (_, Some((first, rest)), None) => format!("{count} {first}s {rest}"),
        (_, _, Some(stem)) => format!("{count} {stem}ies"),
        (_, None, None) => format!("{count} {noun}s"),
    }
}

/// How often it is looked whether the call is over.
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many_are_counted() {
        assert_eq!(counted(1, "contact"), "1 contact");
        assert_eq!(counted(0, "contact"), "0 contacts");
        assert_eq!(counted(2, "do-not-call entry"), "2 do-not-call entries");
        assert_eq!(counted(2, "folder of evidence"), "2 folders of evidence");
    }
}
