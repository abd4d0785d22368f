//! `/erasures`: everything about a person goes.

use std::path::Path;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::json;

use crate::{
    auth::Action,
    clock,
    config::StoreUrl,
    evidence::{ArchiveError, EvidenceErasure},
    http::{
        Api,
        caller::{Caller, now},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        problem::{Problem, ProblemKind},
    },
    phone::{PhoneNumber, masked_text},
    store::{AuditEntry, ErasedPerson, PersonDrop, copies_holding},
    tasks,
};

/// What is gone of a person.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ErasureView {
    contacts: u64,
    calls: u64,
    decisions: u64,
    do_not_call_entries: u64,
    prompts: u64,
    /// Folders of evidence.
    evidence: usize,
    /// Folders that are named in the database and are not on this machine.
    evidence_elsewhere: Vec<String>,
    /// Files of speech of messages for each person, those of others as well.
    speech: usize,
    /// Lists of which rows were left out: the person may be in the list's file and in its rejects.
    lists_with_rejects: Vec<RejectingList>,
    /// Files of lists that were sent, and of their rejects, on this machine that hold the number.
    files_with_number: Vec<String>,
    /// Copies of the database from before its schema was changed that hold the person.
    copies: Vec<String>,
}

/// A list of which rows were left out.
#[derive(Debug, Serialize)]
pub(in crate::http) struct RejectingList {
    campaign: String,
    list: String,
}

/// Bars a person for good, and erases all that is known of them. There is no way back.
pub(in crate::http) async fn erase(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Json<ErasureView>, Problem> {
    parameters.finish()?;
    caller.has_just_signed_in(now())?;
    let mut fields = Fields::of(body.json()?)?;
    let numbers = person(&api, &mut fields);
    let because = fields.text("because");
    let numbers = fields.finish(numbers)?;
    caller.has_just_signed_in(now())?;

    // Whom it is about is to be forgotten: the log does not say it.
    let entry = AuditEntry {
        after: Some(json!({"because": because.as_deref().map(masked_text)}).to_string()),
        ..caller.audit(now(), Action::Erase, "a person")
    };
    let store = api.store.audited(entry);
    store
        .bar_for_good(&numbers, because.as_deref(), now())
        .await?;
    let evidence = EvidenceErasure::new(api.config.borrow().evidence.dir.as_deref());
    let calls = api.store.drops_to(&numbers).await?;
    let (mut evidence, removed) = remove_evidence(evidence, calls).await;
    if let Err(error) = removed {
        tracing::error!(%error, "evidence of a person cannot be removed");
        let words = "evidence cannot be removed; the person is barred, and not erased yet";
        return Err(Problem::new(ProblemKind::Internal, words));
    }
    let mut speech = forget_speech(&api).await?;
    let ErasedPerson::Done {
        contacts,
        drops,
        decisions,
        entries,
        prompts,
        calls,
    } = api.store.erase(&numbers, now()).await?
    else {
        let words = "a call to the person is in flight, or a controller has the contact: they are barred, and not erased yet; ask \
                     again when the call is over";
        return Err(Problem::new(ProblemKind::Conflict, words));
    };
    // A call may have ended since its evidence was looked for, and what was spoken for it may have come.
    let named: Vec<_> = calls
        .iter()
        .filter_map(|call| call.evidence.clone())
        .collect();
    let removed;
    (evidence, removed) = remove_evidence(evidence, calls).await;
    if let Err(error) = removed {
        tracing::error!(%error, "evidence of a person who is erased cannot be removed");
        evidence.leave(named);
    }
    speech += forget_speech(&api).await?;
    let copies = {
        let url = api.config.borrow().store.url.clone();
        match url {
            StoreUrl::Sqlite(path) => copies_holding(&path, &numbers).await,
            StoreUrl::Postgres(_) => Vec::new(),
        }
    };
    let lists = api.store.lists_with_rejects().await?.into_iter();
    let uploads = std::sync::Arc::clone(&api.uploads);
    let files = tasks::blocking(move || uploads.holding(&numbers)).await;
    Ok(Json(ErasureView {
        contacts,
        calls: drops,
        decisions,
        do_not_call_entries: entries,
        prompts,
        evidence: evidence.gone(),
        evidence_elsewhere: shown(evidence.elsewhere()),
        speech,
        lists_with_rejects: lists
            .map(|(campaign, list)| RejectingList { campaign, list })
            .collect(),
        files_with_number: shown(&files),
        copies: shown(&copies),
    }))
}

fn shown(paths: &[impl AsRef<Path>]) -> Vec<String> {
    let paths = paths.iter();
    paths
        .map(|path| path.as_ref().display().to_string())
        .collect()
}

/// The number of a person that a request names, with every spelling that dials the same telephone; it comes first.
pub(super) fn person(api: &Api, fields: &mut Fields) -> Option<Vec<PhoneNumber>> {
    // What is known of a person may be about a number that is not dialled.
    let rules = api.config.borrow().pbx.rules.with_premium();
    let number = fields.parsed("number", |text| PhoneNumber::parse(text, rules));
    let number = fields.required("number", number, "a number, such as `+12025550101`")?;
    Some(number.with_spellings())
}

/// Forgets what was spoken with something of a person in it: which is about whom cannot be told.
async fn forget_speech(api: &Api) -> Result<usize, Problem> {
    let library = api.config.borrow().messages().library();
    let Ok(library) = library else {
        // There are no messages either.
        return Ok(0);
    };
    match tasks::blocking(move || library.forget_speech(clock::wall())).await {
        Ok(files) => Ok(files),
        Err(error) => {
            tracing::error!(%error, "speech with something of people in it cannot be removed");
            let words = "speech cannot be removed; the person is barred, and not erased yet";
            Err(Problem::new(ProblemKind::Internal, words))
        }
    }
}

/// Removes the evidence of calls to a person.
async fn remove_evidence(
    mut evidence: EvidenceErasure,
    calls: Vec<PersonDrop>,
) -> (EvidenceErasure, Result<(), ArchiveError>) {
    tasks::blocking(move || {
        let calls = calls.into_iter().map(|call| (call.drop, call.evidence));
        let removed = evidence.remove(calls);
        (evidence, removed)
    })
    .await
}
