//! `aftertone campaign requeue`: contacts that have come to their end, once more.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{
    create::find,
    words::{count, counted},
};
use crate::{
    campaign::RefusedReason,
    cli::{
        CliError, Exit, database,
        operator::{self, Because},
        printer::Printer,
    },
    config::Config,
    drop::Outcome,
    store::{AuditEntry, Campaign, ContactEnd, Status},
};

/// Dial contacts again that have ended
///
/// They are due at once, and the gate is asked about each of them as about any other contact: do-not-call lists, consent,
/// frequency caps and calling hours hold, and their attempts are counted on. Who requeued them, when and why is kept.
/// Nothing is dialled by a campaign that is a draft, paused or over before it is resumed or run. Contacts that a message was
/// delivered to are never requeued; those of whom somebody answered or declined, or whose number does not exist, only with
/// a reason.
#[derive(Debug, Args)]
pub(super) struct RequeueArgs {
    /// The campaign's name
    name: String,
    /// How the contacts ended: outcomes, `refused` for all that the gate refused, or one reason such as
    /// `refused:no_consent`
    #[arg(long, required = true, value_name = "OUTCOME", value_delimiter = ',', value_parser = ends)]
    outcome: Vec<Ends>,
    #[command(flatten)]
    because: Because,
    /// Show how many contacts there are, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What one word stands for.
type Ends = Vec<ContactEnd>;

/// Requeues contacts of a campaign.
///
/// # Errors
/// [`CliError`] if they may not be requeued, or the database fails.
pub(super) async fn run(
    args: &RequeueArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let which: BTreeSet<_> = args.outcome.iter().flatten().copied().collect();
    for &end in &which {
        may(end, args.because.because().is_some())?;
    }
    let store = database::open(config).await?;
    let campaign = find(&args.name, &store).await?;
    refuse_cancelled(&campaign)?;
    let (contacts, status) = if args.dry_run {
        let counts = store.ended(campaign.id, &which).await;
        (counts.map_err(database::trouble)?, campaign.status)
    } else {
        let who = args.because.who();
        let by = args.because.operator(&who);
        let slugs = which.iter().map(|end| match end {
            ContactEnd::Outcome(outcome) => outcome.slug().to_owned(),
            ContactEnd::Refused(reason) => format!("refused:{reason}"),
        });
        let slugs: Vec<_> = slugs.collect();
        let entry = AuditEntry {
            after: Some(json!({"ended": slugs, "because": by.because}).to_string()),
            ..operator::by(&who, "campaign.requeue", &campaign.name)
        };
        let requeued = store
            .audited(entry)
            .requeue(campaign.id, &which, by, database::now())
            .await
            .map_err(database::trouble)?;
        (requeued.contacts, requeued.status)
    };
    let all: u64 = contacts.values().sum();
    if args.json {
        printer.json(&json!({
            "campaign": campaign.name,
            "standing": status.slug(),
            "contacts": all,
            "ended": slugs(&contacts),
            "is_dry_run": args.dry_run,
        }));
        return Ok(Exit::Success);
    }
    printer.line(&line(&campaign.name, &contacts, args.dry_run));
    if all > 0 && !args.dry_run {
        let has_controller = store.has_controller(database::now()).await;
        let has_controller = has_controller.map_err(database::trouble)?;
        if let Some(hint) = next(&campaign.name, status, has_controller) {
            printer.hint(&hint);
        }
    }
    Ok(Exit::Success)
}

/// What a word of `--outcome` stands for.
fn ends(word: &str) -> Result<Ends, String> {
    let word = word.trim();
    if word == "refused" {
        return Ok(REASONS.map(ContactEnd::Refused).into());
    }
    let end = match word.strip_prefix("refused:") {
        Some(slug) => REASONS
            .into_iter()
            .find(|reason| reason.slug() == slug)
            .map(ContactEnd::Refused),
        None => Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.slug() == word)
            .map(ContactEnd::Outcome),
    };
    end.map(|end| vec![end]).ok_or_else(|| {
        let reasons = REASONS.map(RefusedReason::slug).join(", ");
        format!("expected outcomes, `refused`, or `refused:` with one of {reasons}")
    })
}

/// Whether contacts that ended like this may be requeued.
fn may(end: ContactEnd, has_reason: bool) -> Result<(), CliError> {
    let ContactEnd::Outcome(outcome) = end else {
        return Ok(());
    };
    let why = match outcome {
        Outcome::Delivered => {
            let error =
                anyhow!("contacts with `delivered` have their message, and are not requeued");
            return Err(
                CliError::new(error).hint("create another campaign to leave another message")
            );
        }
        Outcome::Human => "a person answered",
        Outcome::HungUp => "somebody or something answered, and hung up",
        Outcome::NotVoicemail => "no mailbox answered",
        Outcome::Unsure => "somebody or something answered",
        Outcome::CutOff => "part of the message was played",
        Outcome::Rejected => "the call was declined",
        Outcome::InvalidNumber => "the network knows no such number",
        Outcome::NoAnswer
        | Outcome::Busy
        | Outcome::Congestion
        | Outcome::Failed
        | Outcome::Cancelled
        | Outcome::Lost
        | Outcome::Error => return Ok(()),
    };
    if has_reason {
        return Ok(());
    }
    let slug = outcome.slug();
    Err(CliError::new(anyhow!(
        "contacts with `{slug}` are only requeued for a reason: {why}"
    ))
    .hint("give it with `--because`; it is kept with the requeue"))
}

fn refuse_cancelled(campaign: &Campaign) -> Result<(), CliError> {
    match campaign.status {
        Status::Cancelled | Status::Cancelling => {
            let name = &campaign.name;
            let error = anyhow!("`{name}` is {}, which is for good", campaign.status);
            Err(CliError::new(error).hint(format!(
                "`aftertone campaign results {name}` writes its contacts as CSV; `aftertone campaign create` makes a campaign of those that are still to be called"
            )))
        }
        Status::Draft | Status::Running | Status::Paused | Status::Complete | Status::DatesOver => {
            Ok(())
        }
    }
}

fn slugs(contacts: &BTreeMap<ContactEnd, u64>) -> BTreeMap<String, u64> {
    contacts
        .iter()
        .map(|(end, count)| (end.name(), *count))
        .collect()
}

fn line(name: &str, contacts: &BTreeMap<ContactEnd, u64>, is_dry_run: bool) -> String {
    let all = counted(contacts.values().sum(), "contact");
    let done = if is_dry_run {
        "would be requeued"
    } else {
        "requeued"
    };
    let each: Vec<_> = contacts
        .iter()
        .map(|(end, n)| format!("{} {}", end.name(), count(*n)))
        .collect();
    match each.as_slice() {
        [] => format!("{name}: {all} {done}"),
        each => format!("{name}: {all} {done} ({})", each.join(", ")),
    }
}

/// What to type next, so that they are dialled.
fn next(name: &str, status: Status, has_controller: bool) -> Option<String> {
    match status {
        Status::Running if has_controller => None,
        Status::Running => Some(format!("`aftertone campaign run {name}` dials them")),
        Status::Draft => Some(format!(
            "it is a draft; `aftertone campaign run {name}` starts it"
        )),
        Status::Paused => Some(format!(
            "it is paused; `aftertone campaign resume {name}` lets it go on"
        )),
        Status::Complete => Some(format!(
            "it is complete; `aftertone campaign run {name}` dials them, or `aftertone campaign resume {name}` if a controller runs"
        )),
        Status::DatesOver => Some(format!(
            "its dates are over; `aftertone campaign set {name} --last-date DATE` extends them, `aftertone campaign run {name}` dials them"
        )),
        Status::Cancelling | Status::Cancelled => None,
    }
}

const REASONS: [RefusedReason; 6] = [
    RefusedReason::DoNotCall,
    RefusedReason::NoConsent,
    RefusedReason::InvalidNumber,
    RefusedReason::BlockedPrefix,
    RefusedReason::EmergencyNumber,
    RefusedReason::Duplicate,
];
