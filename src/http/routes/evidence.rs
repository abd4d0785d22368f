//! What was heard of a call: as files, as a picture, and heard again with other settings.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{BASE, drops::find};
use crate::{
    auth::{Action, Object},
    evidence::{
        EvidenceReader, HearAgainError, KEPT_FILES, Layout, MANIFEST, ReadError, Recording,
        hear_again,
    },
    http::{
        Api,
        caller::{Caller, now},
        fields::{Fields, below},
        given::{Body, Parameters, SMALL},
        problem::{Fault, Problem, ProblemKind},
        ranges::ServedFile,
    },
    id::DropId,
    orders::callback_lines,
    store::StoredDrop,
    tasks,
};

/// The files that are kept of a drop.
#[derive(Debug, Serialize)]
pub(in crate::http) struct EvidenceList {
    pub(in crate::http) items: Vec<EvidenceFileView>,
}

/// A file of evidence.
#[derive(Debug, Serialize)]
pub(in crate::http) struct EvidenceFileView {
    pub(in crate::http) file: &'static str,
    media_type: &'static str,
    pub(in crate::http) bytes: u64,
    /// Its address.
    pub(in crate::http) href: String,
}

/// Places for calls that are heard again: each takes a core for a while. Clones share them.
#[derive(Clone, Debug)]
pub(in crate::http) struct Replays(Arc<Semaphore>);

impl Default for Replays {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(REPLAYS)))
    }
}

/// Lists what is kept of a drop on this machine.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<EvidenceList>, Problem> {
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    let folder = folder_of(&drop)?;
    let mut items = Vec::new();
    for (file, media_type) in KEPT_FILES {
        if let Some(found) = open(folder.join(file)).await? {
            items.push(EvidenceFileView {
                file,
                media_type,
                bytes: found.size(),
                href: format!("{BASE}/drops/{}/evidence/{file}", drop.id),
            });
        }
    }
    if items.is_empty() {
        return Err(none());
    }
    Ok(Json(EvidenceList { items }))
}

/// Gives a file of evidence, or a part of it. That it was read is in the audit log.
pub(in crate::http) async fn file(
    State(api): State<Api>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    let folder = folder_of(&drop)?;
    // By its name among those that there are: whatever else is in a path is none.
    let known = KEPT_FILES.into_iter().find(|(file, _)| *file == name);
    let (file, media_type) = known.ok_or_else(none)?;
    let found = open(folder.join(file)).await?.ok_or_else(none)?;
    // Before it is given.
    let object = format!("{}/{file}", drop.id);
    let entry = caller.audit(now(), Action::ReadEvidence, object);
    api.store.note(entry).await?;
    let about = headers_of(drop.id, file, media_type);
    if file != MANIFEST {
        return Ok(found.answer(&headers, about));
    }
    // It may have been kept with the whole number.
    let may_in_full = caller.may(Action::ReadFullNumbers, Object::Any).is_ok();
    let in_full = may_in_full && caller.has_just_signed_in(now()).is_ok();
    let manifest = found.read().await.map_err(|error| {
        tracing::error!(%error, "a manifest of evidence cannot be read");
        Problem::new(ProblemKind::Internal, "the evidence cannot be read")
    })?;
    let mut manifest: Value = serde_json::from_slice(&manifest).map_err(|_| none())?;
    if let Some(number) = manifest.get_mut("number").filter(|_| !in_full) {
        *number = drop.number.as_ref().map(ToString::to_string).into();
    }
    Ok((about, manifest.to_string()).into_response())
}

fn headers_of(drop: DropId, file: &str, media_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let name = format!("attachment; filename=\"{drop}-{file}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'"),
    );
    headers
}

/// Hears a drop again, with other settings: what `aftertone explain --set` prints. Nothing is dialled.
pub(in crate::http) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let set = settings(&body)?;
    let drop = find(&api, &id).await?;
    let folder = folder_of(&drop)?;
    let place = Arc::clone(&api.state.replays.0).try_acquire_owned();
    let place = place.map_err(|_| {
        let words = format!("{REPLAYS} calls are being heard again at this moment");
        Problem::new(ProblemKind::TooManyRequests, words)
    })?;
    let entry = caller.audit(now(), Action::ReadEvidence, drop.id.to_string());
    api.store.note(entry).await?;
    let heard = tasks::blocking(move || {
        let heard = hear_again(&folder, &set);
        std::mem::drop(place);
        heard
    });
    match heard.await {
        Ok(heard) => Ok(Json(heard)),
        Err(HearAgainError::Setting { name, problem }) => {
            Err(Problem::fault(below("/set", &name), problem))
        }
        Err(HearAgainError::NoSound) => {
            Err(Problem::not_found("sound of this drop: none was kept"))
        }
        Err(HearAgainError::Read(error)) => Err(unread(&drop, &error)),
    }
}

/// The settings of a body: `{"set": {"hold_short": 2.0}}`.
fn settings(body: &Body<SMALL>) -> Result<Vec<(String, String)>, Problem> {
    if body.bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut fields = Fields::of(body.json()?)?;
    let set = fields.object("set").unwrap_or_default();
    fields.finish(Some(()))?;
    let mut faults = Vec::new();
    let mut settings = Vec::new();
    for (name, value) in set {
        match value {
            Value::Number(number) => settings.push((name, number.to_string())),
            Value::String(text) => settings.push((name, text)),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                faults.push(Fault {
                    pointer: below("/set", &name),
                    detail: "expected a number or a word".to_owned(),
                });
            }
        }
    }
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(Problem::invalid(faults))
    }
}

/// That there is none any more, or that it is elsewhere.
pub(super) fn none() -> Problem {
    Problem::not_found("evidence of this drop on this machine")
}

/// Where the evidence of a drop was kept.
///
/// # Errors
/// [`Problem`] if none was.
pub(super) fn folder_of(drop: &StoredDrop) -> Result<PathBuf, Problem> {
    drop.evidence.as_ref().map(PathBuf::from).ok_or_else(none)
}

fn unread(drop: &StoredDrop, error: &ReadError) -> Problem {
    tracing::info!(drop = %drop.id, %error, "its evidence cannot be read");
    none()
}

async fn open(path: PathBuf) -> Result<Option<ServedFile>, Problem> {
    let opened = ServedFile::open(path).await;
    opened.map_err(|error| {
        tracing::error!(%error, "a file of evidence cannot be read");
        Problem::new(ProblemKind::Internal, "the evidence cannot be read")
    })
}

/// Draws the evidence of a drop, if it is kept on this machine.
pub(in crate::http) async fn picture(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    let folder = folder_of(&drop)?;
    // Evidence holds what was when the call ended, and stays as it is.
    let later = api.store.callbacks_of_drop(&drop).await?;
    let later = callback_lines(&later);
    let drawn = tasks::blocking(move || draw(&folder, &later)).await;
    let drawn = drawn.map_err(|error| unread(&drop, &error))?;
    let drawn = drawn.ok_or_else(none)?;
    // Before it is shown.
    let entry = caller.audit(now(), Action::ReadEvidence, drop.id.to_string());
    api.store.note(entry).await?;
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        ),
    ];
    Ok((headers, drawn).into_response())
}

/// `None` if no sound was heard.
fn draw(folder: &std::path::Path, later: &[String]) -> Result<Option<String>, ReadError> {
    let evidence = EvidenceReader::read(folder)?;
    let Some(sound) = evidence.sound() else {
        return Ok(None);
    };
    let (title, replay, plays) = (evidence.title(), sound.again(), sound.plays());
    let recording = Recording {
        title: &title,
        samples: sound.samples(),
        replay: &replay,
        message: sound.message_seconds(),
        plays: Some(&plays),
        later,
    };
    Ok(Some(Layout::of(&recording).svg()))
}

/// How many calls may be heard again at once.
const REPLAYS: usize = 1;
