//! `POST /do-not-call`: numbers come onto a do-not-call list by the list.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Seek as _, Write as _},
};

use axum::{Json, body::Body, extract::State, http::HeaderMap};
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    auth::Action,
    http::{
        Api,
        caller::{Caller, now},
        given::{Parameters, media_type},
        problem::{Problem, ProblemKind},
        timely::LONGEST_SILENCE,
    },
    list::{DoNotCall, LeftOut, ListError, Numbers},
    store::{AuditEntry, ListName, OWN_LIST},
    tasks,
};

/// What became of a list of numbers.
#[derive(Debug, Serialize)]
pub(in crate::http) struct BarredList {
    /// The do-not-call list.
    list: String,
    /// How many numbers were given.
    numbers: u64,
    /// How many were not on it before, other spellings that dial the same telephones included.
    added: u64,
    /// How many rows could not be read, or not wholly.
    rejected: u64,
    /// These by their reasons.
    reasons: BTreeMap<&'static str, u64>,
    /// The first of them.
    rejects: Vec<RejectedNumber>,
    /// What was understood otherwise than it is written.
    notes: Vec<String>,
}

/// A row that could not be read, or not wholly.
#[derive(Debug, Serialize)]
pub(in crate::http) struct RejectedNumber {
    line: u64,
    reason: &'static str,
    detail: String,
}

/// Puts the numbers of a list on a do-not-call list. When it is answered, no drop to any of them begins any more. If it is
/// interrupted it may be sent again: what is on the list stays.
pub(in crate::http) async fn import(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BarredList>, Problem> {
    let list = parameters.parsed("list", |text| {
        ListName::new(text).ok_or("expected 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`")
    });
    let columns = parameters.texts("column");
    let because = parameters.text("because");
    parameters.finish()?;
    if !["text/csv", "text/plain", ""].contains(&media_type(&headers).as_str()) {
        let words = "send `Content-Type: text/csv`, and the list itself as the body";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, words));
    }
    let own = || ListName::new(OWN_LIST);
    let list = list
        .or_else(own)
        .ok_or_else(|| Problem::not_found("list"))?;
    let file = keep(&api, body).await?;
    // A do-not-call list may hold premium numbers.
    let rules = api.config.borrow().pbx.rules.with_premium();
    let opened = blocking(move || DoNotCall::open(file, &columns, rules));
    let mut numbers = opened.await?;
    let mut done = BarredList {
        list: list.as_str().to_owned(),
        numbers: 0,
        added: 0,
        rejected: 0,
        reasons: BTreeMap::new(),
        rejects: Vec::new(),
        notes: notes(&numbers),
    };
    let entry = AuditEntry {
        after: Some(json!({"because": because, "by": "list"}).to_string()),
        ..caller.audit(now(), Action::Bar, list.as_str())
    };
    // The first transaction says that a list comes.
    let mut store = api.store.audited(entry);
    loop {
        let reading = blocking(move || {
            let some = numbers.batch(BATCH)?;
            Ok((numbers, some))
        });
        let (back, some) = reading.await?;
        numbers = back;
        let Some(some) = some else { break };
        if !some.numbers.is_empty() {
            let added = store.bar(&list, &some.numbers, because.as_deref(), now());
            done.added += added.await?;
            store = api.store.clone();
        }
        done.add(some);
    }
    Ok(Json(done))
}

impl BarredList {
    fn add(&mut self, some: Numbers) {
        self.numbers += some.listed;
        for LeftOut { line, reason, .. } in some.rejects {
            self.rejected += 1;
            *self.reasons.entry(reason.slug()).or_default() += 1;
            if self.rejects.len() < MOST_REJECTS {
                self.rejects.push(RejectedNumber {
                    line,
                    reason: reason.slug(),
                    detail: reason.to_string(),
                });
            }
        }
    }
}

fn notes(numbers: &DoNotCall<File>) -> Vec<String> {
    let mut notes = Vec::new();
    match numbers.title_rows() {
        0 => {}
        rows => notes.push(format!("{rows} rows above the header were skipped")),
    }
    for name in numbers.not_taken() {
        let name = name.escape_debug();
        notes.push(format!(
            "the column `{name}` is not read; if it holds numbers, name it and the others with `column`"
        ));
    }
    notes
}

/// Keeps a body in a file without a name, which is gone with this process at the latest.
async fn keep(api: &Api, body: Body) -> Result<File, Problem> {
    let most = api.config.borrow().serve.max_upload;
    let folder = api.config.borrow().state_dir.clone();
    let made = blocking(move || tempfile::tempfile_in(folder).map_err(ListError::Read));
    let mut file = made.await?;
    let (mut body, mut bytes) = (body.into_data_stream(), 0);
    loop {
        let part = match timeout(LONGEST_SILENCE, body.next()).await {
            Ok(Some(Ok(part))) => part,
            Ok(None) => break,
            Ok(Some(Err(_))) | Err(_) => {
                let words = "the body could not be read to its end";
                return Err(Problem::new(ProblemKind::Malformed, words));
            }
        };
        bytes += part.len() as u64;
        if bytes > most {
            let words = format!("a list has at most {most} bytes (`serve.max_upload`)");
            return Err(Problem::new(ProblemKind::TooLarge, words).with("limit_bytes", most));
        }
        file = blocking(move || {
            file.write_all(&part).map_err(ListError::Read)?;
            Ok(file)
        })
        .await?;
    }
    blocking(move || {
        file.rewind().map_err(ListError::Read)?;
        Ok(file)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ListError> + Send + 'static,
) -> Result<T, Problem> {
    match tasks::blocking(work).await {
        Ok(done) => Ok(done),
        Err(ListError::Read(error)) if error.kind() == io::ErrorKind::StorageFull => {
            let words = "the disk of the server has no space for it";
            Err(Problem::new(ProblemKind::DiskFull, words))
        }
        Err(ListError::Read(error)) => {
            tracing::error!(%error, "a list of numbers could not be kept");
            Err(Problem::new(
                ProblemKind::Internal,
                "the list could not be kept",
            ))
        }
        Err(error) => Err(Problem::fault("", error.to_string())),
    }
}

/// Rows of a transaction, about.
const BATCH: usize = 5_000;

/// Most rejects that are answered one by one.
const MOST_REJECTS: usize = 100;
