//! `/campaigns/{campaign}/imports` and `/imports`: lists that are sent, and what came of them.

pub(in crate::http) mod preview;
pub(super) mod resume;

use std::{collections::BTreeMap, fs::File, io};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::{Stream, StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{BASE, campaigns};
use crate::{
    auth::Action,
    http::{
        Api,
        caller::{Caller, now},
        given::{Parameters, media_type},
        pagination::{Page, Paging},
        problem::{Problem, ProblemKind},
        timely::LONGEST_SILENCE,
    },
    list::{Batch, DateOrder, ListError, Mapping, REJECT_COLUMNS, RejectedRows, Writer, unguard},
    orders::{ListForm, UploadCoding, UploadOrder, UploadPart, UploadRefusal},
    store::{AuditEntry, Status, StoredUpload, UploadState},
    tasks,
};

/// A list that was sent.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ImportView {
    id: String,
    campaign: String,
    /// The list's name.
    name: String,
    state: &'static str,
    /// Why it failed or was interrupted, for people.
    why: Option<String>,
    /// Whether it is only read, and nothing is taken in.
    dry_run: bool,
    /// How it is read.
    reading: Value,
    /// Its size in bytes, decoded; `None` until all of it is there.
    size: Option<u64>,
    /// How many of these have come, and from `importing` on how many were read.
    bytes: u64,
    /// Rows that were passed.
    rows: u64,
    /// All of its rows; `None` until they are counted.
    rows_in_all: Option<u64>,
    added: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    /// The rejects by their reasons, once it is complete.
    reasons: BTreeMap<String, u64>,
    /// What was understood otherwise than it is written.
    notes: Vec<String>,
    /// What the gate would have said to its rows when it was read only.
    gate: Option<Value>,
    rows_per_second: Option<u64>,
    /// When it is through at this rate, while its rows come in.
    eta: Option<Timestamp>,
    began_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl ImportView {
    fn of(upload: StoredUpload, now: Timestamp) -> Self {
        let state = upload.state_at(now);
        let counts = upload.counts;
        let eta = match (state, counts.rate, counts.rows_in_all) {
            (UploadState::Importing, Some(rate), Some(all)) if rate > 0 => {
                let left = all.saturating_sub(counts.rows).div_ceil(rate);
                let left = i64::try_from(left).unwrap_or(i64::MAX);
                now.checked_add(SignedDuration::from_secs(left)).ok()
            }
            (
                UploadState::Receiving
                | UploadState::Checking
                | UploadState::Importing
                | UploadState::Complete
                | UploadState::Interrupted
                | UploadState::Failed,
                ..,
            ) => None,
        };
        Self {
            id: upload.new.id,
            campaign: upload.campaign_name,
            name: upload.new.name,
            state: state.slug(),
            why: upload.why,
            dry_run: upload.new.is_dry_run,
            reading: serde_json::from_str(&upload.new.reading).unwrap_or_default(),
            size: upload.size,
            bytes: upload.bytes,
            rows: counts.rows,
            rows_in_all: counts.rows_in_all,
            added: counts.added,
            updated: counts.updated,
            unchanged: counts.unchanged,
            rejected: counts.rejected,
            reasons: upload.reasons,
            notes: upload.notes,
            gate: upload
                .gate
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok()),
            rows_per_second: counts.rate,
            eta,
            began_at: upload.began_at,
            ended_at: upload.ended_at,
        }
    }
}

/// Takes a list. It is answered once all of it is on the disk; its rows come in from then on, by themselves.
pub(in crate::http) async fn upload(
    State(api): State<Api>,
    caller: Caller,
    Path(campaign): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH);
    let given = GivenList {
        announced: announced.and_then(|length| length.to_str().ok()?.parse().ok()),
        ..GivenList::read(parameters)?
    };
    let (coding, form) = check_kind(&headers)?;
    if form == ListForm::Ndjson && !given.map.is_empty() {
        let words = "the members of a line are named as the fields are; send no `map`";
        return Err(Problem::fault("?map", words));
    }
    let given = GivenList {
        coding,
        form,
        sha256: stated_digest(&headers)?,
        ..given
    };
    let id = take(&api, &caller, &campaign, given, body.into_data_stream()).await?;
    accepted(&api, &id).await
}

/// The answer to a list that is here whole.
async fn accepted(api: &Api, id: &str) -> Result<Response, Problem> {
    let view = show_of(api, id).await?;
    let location = [(header::LOCATION, format!("{BASE}/imports/{id}"))];
    Ok((StatusCode::ACCEPTED, location, Json(view)).into_response())
}

/// What is said of a list beside its bytes.
pub(in crate::http) struct GivenList {
    name: Option<String>,
    map: Vec<String>,
    dates: Option<String>,
    is_dry_run: bool,
    is_kept: bool,
    /// The import whose list it is.
    from: Option<String>,
    /// How its bytes are coded.
    pub(in crate::http) coding: UploadCoding,
    /// What its rows are.
    pub(in crate::http) form: ListForm,
    /// How many bytes are announced.
    pub(in crate::http) announced: Option<u64>,
    /// The digest that is stated.
    pub(in crate::http) sha256: Option<[u8; 32]>,
}

impl GivenList {
    /// Reads the parameters of a list.
    ///
    /// # Errors
    /// [`Problem`] with all that is wrong with them.
    pub(in crate::http) fn read(mut parameters: Parameters) -> Result<Self, Problem> {
        let name = parameters.parsed("name", list_name);
        let map = parameters.texts("map");
        let mut mapping = Mapping::default();
        for text in &map {
            if let Err(error) = mapping.add(text) {
                parameters.fault("map", error.to_string());
            }
        }
        let dates = parameters.parsed("date_order", |text| match DateOrder::parse(text) {
            Some(_) => Ok(text.to_owned()),
            None => Err("expected `mdy` or `dmy`"),
        });
        let is_dry_run = parameters.flag("dry_run");
        let is_kept = parameters.flag("keep");
        if is_kept && !is_dry_run {
            parameters.fault(
                "keep",
                "only a list that is read only is kept: send `dry_run` too",
            );
        }
        let from = parameters.text("from");
        parameters.finish()?;
        Ok(Self {
            name,
            map,
            dates,
            is_dry_run,
            is_kept,
            from,
            coding: UploadCoding::Plain,
            form: ListForm::Csv,
            announced: None,
            sha256: None,
        })
    }
}

/// Takes the bytes of a list into a campaign; returns the id of the import once all of them are on the disk.
///
/// # Errors
/// [`Problem`].
pub(in crate::http) async fn take<E>(
    api: &Api,
    caller: &Caller,
    campaign: &str,
    given: GivenList,
    body: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<String, Problem> {
    let campaign = campaigns::find(api, campaign).await?;
    match campaign.status {
        Status::Cancelled | Status::Cancelling => {
            let words = format!("campaign `{}` is cancelled", campaign.name);
            return Err(Problem::new(ProblemKind::Conflict, words));
        }
        Status::Draft | Status::Running | Status::Paused | Status::Complete | Status::DatesOver => {
        }
    }
    if let Some(from) = &given.from {
        let of = find(api, from).await?;
        if of.new.campaign != campaign.id {
            let words = format!("that list was sent into campaign `{}`", of.campaign_name);
            return Err(Problem::fault("?from", words));
        }
        if given.announced.is_some_and(|announced| announced > 0) {
            let words = "a list that is there already is not sent again: send no body";
            return Err(Problem::fault("", words));
        }
    }
    let most_bytes = api.config.borrow().serve.max_upload;
    if given
        .announced
        .is_some_and(|announced| announced > most_bytes)
    {
        return Err(too_large(&UploadRefusal::TooLong(most_bytes)));
    }
    let order = UploadOrder {
        campaign: campaign.id,
        name: given.name.unwrap_or_else(|| "upload".to_owned()),
        mapping: given.map,
        dates: given.dates,
        is_dry_run: given.is_dry_run,
        is_kept: given.is_kept,
        from: given.from,
        coding: given.coding,
        form: given.form,
        resumed: None,
        announced: given.announced,
        sha256: given.sha256,
        most_bytes,
        who: caller.principal.id.clone(),
        audit: caller.audit(now(), Action::AddImport, &campaign.name),
    };
    receive(api, order, body).await.map_err(refused)
}

/// Has the bytes of a list taken; returns the id of its import.
async fn receive<E>(
    api: &Api,
    order: UploadOrder,
    body: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<String, UploadRefusal> {
    let (parts, taken) = mpsc::channel(PARTS);
    let receiving = api.uploads.receive(order, taken);
    let (received, ()) = tokio::join!(receiving, pass_on(body, parts));
    received
}

/// Passes a body on, part by part, and says when it has ended; without that it was cut off.
async fn pass_on<E>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    parts: mpsc::Sender<UploadPart>,
) {
    loop {
        let part = tokio::select! {
            part = timeout(LONGEST_SILENCE, body.next()) => part,
            // It was refused.
            () = parts.closed() => return,
        };
        match part {
            Ok(Some(Ok(bytes))) => {
                if parts
                    .send(UploadPart::Bytes(Vec::from(bytes)))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Ok(None) => {
                // If nobody takes it any more, its answer is there.
                let _ = parts.send(UploadPart::End).await;
                return;
            }
            Ok(Some(Err(_))) | Err(_) => return,
        }
    }
}

/// The lists that were sent into a campaign, the latest first.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    Path(campaign): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Page<ImportView>>, Problem> {
    let (limit, cursor) = (parameters.text("limit"), parameters.text("cursor"));
    parameters.finish()?;
    let campaign = campaigns::find(&api, &campaign).await?;
    let id = campaign.id.0.to_string();
    let paging = Paging::new(api.seal().await?, "imports", &[("campaign", &id)]);
    let asked = paging.request(limit.as_deref(), cursor.as_deref())?;
    // The list begins with the latest, so that what is behind an upload is before it.
    let found = api
        .store
        .uploads(campaign.id, asked.key(), !asked.is_back(), asked.limit + 1)
        .await?;
    let page = paging.page(&asked, found, |upload| upload.new.id.clone());
    let now = now();
    Ok(Json(page.map(|upload| ImportView::of(upload, now))))
}

/// One of them.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let view = show_of(&api, &id).await?;
    let mut headers = HeaderMap::new();
    let (complete, offset) = match view.size {
        Some(size) => ("?1", Some(size)),
        None => ("?0", api.uploads.received(&id)),
    };
    headers.insert(UPLOAD_COMPLETE, HeaderValue::from_static(complete));
    if let Some(offset) = offset {
        headers.insert(UPLOAD_OFFSET, HeaderValue::from(offset));
    }
    Ok((headers, Json(view)).into_response())
}

/// Ends the work on one, and forgets it with its files; contacts that are in stay in.
pub(in crate::http) async fn forget(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let upload = find(&api, &id).await?;
    let state = upload.state_at(now());
    if state == UploadState::Receiving {
        let words = "it is being sent; end that, and ask again";
        return Err(Problem::new(ProblemKind::Conflict, words));
    }
    let before =
        json!({"list": upload.new.name, "state": state.slug(), "rows": upload.counts.rows});
    let entry = AuditEntry {
        before: Some(before.to_string()),
        ..caller.audit(now(), Action::ForgetImport, &id)
    };
    api.store.audited(entry).forget_upload(&id).await?;
    api.uploads.forget(id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the rows that were not taken in, each with its line and why; with the row itself if whole numbers may be read.
pub(in crate::http) async fn rejects(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let in_full = parameters.flag("full_numbers");
    parameters.finish()?;
    let upload = find(&api, &id).await?;
    let path = api.uploads.rejects(&id);
    let opened = blocking(move || match File::open(&path) {
        Ok(file) => RejectedRows::open(file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ListError::Read(error)),
    });
    let opened = opened.await?;
    if opened.is_none() && upload.counts.rejected > 0 {
        let words = "the rejects are on the server that took the list in, or are not kept any more";
        return Err(Problem::new(ProblemKind::NotFound, words));
    }
    let object = format!("rejects of import {id}");
    let entry = AuditEntry {
        after: Some(json!({"full_numbers": in_full}).to_string()),
        ..caller.audit(now(), Action::ReadRejects, &object)
    };
    if in_full {
        caller.may_read_in_full()?;
    }
    api.store.note(entry).await?;
    if in_full {
        caller.read_in_full(&api, object).await?;
    }
    let head = csv(|writer| writer.record(&REJECT_COLUMNS)).into();
    let begun = stream::once(async move { Ok::<Bytes, Problem>(head) });
    let rows = stream::try_unfold(opened, move |opened| async move {
        let Some(mut rows) = opened else {
            return Ok(None);
        };
        let read = blocking(move || {
            let batch = rows.next(PAGE)?;
            Ok((rows, batch))
        });
        let (rows, batch) = read.await?;
        Ok::<_, Problem>(batch.map(|batch| (lines(&batch, in_full), Some(rows))))
    });
    let body = begun
        .chain(rows)
        .map(|part| part.map_err(|problem| io::Error::other(format!("{:?}", problem.kind()))));
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((kind, Body::from_stream(body)).into_response())
}

/// Rows of a file of rejects: what is ours of them, or all.
fn lines(batch: &Batch, in_full: bool) -> Bytes {
    let written = csv(|writer| {
        batch.rows().try_for_each(|row| {
            let most = if in_full {
                usize::MAX
            } else {
                REJECT_COLUMNS.len()
            };
            let fields: Vec<_> = row.fields().take(most).map(unguard).collect();
            let fields: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
            writer.record(&fields)
        })
    });
    written.into()
}

/// What is written to memory cannot fail.
fn csv(write: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let written = write(&mut writer);
    written.and_then(|()| writer.finish()).unwrap_or_default()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ListError> + Send + 'static,
) -> Result<T, Problem> {
    match tasks::blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) => {
            tracing::error!(%error, "a file of rejects cannot be read");
            Err(Problem::new(
                ProblemKind::Internal,
                "the rejects cannot be read",
            ))
        }
    }
}

async fn show_of(api: &Api, id: &str) -> Result<ImportView, Problem> {
    let upload = find(api, id).await?;
    Ok(ImportView::of(upload, now()))
}

async fn find(api: &Api, id: &str) -> Result<StoredUpload, Problem> {
    let found = api.store.upload(id).await?;
    found.ok_or_else(|| Problem::not_found("import"))
}

/// What a list may be: CSV, or a contact a line, as it is or packed.
fn check_kind(headers: &HeaderMap) -> Result<(UploadCoding, ListForm), Problem> {
    let kind = media_type(headers);
    let form = match kind.as_str() {
        "text/csv" | "" => ListForm::Csv,
        "application/x-ndjson" => ListForm::Ndjson,
        _ => {
            let words = "send `Content-Type: text/csv` or `application/x-ndjson`, and the list itself as the body";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, words));
        }
    };
    let coding = headers.get(header::CONTENT_ENCODING);
    let coding = coding.map_or("", |coding| coding.to_str().unwrap_or("?"));
    let coding = match coding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => UploadCoding::Plain,
        "gzip" | "x-gzip" => UploadCoding::Gzip,
        "zstd" => UploadCoding::Zstd,
        _ => {
            let words = "send the list as it is, or with `Content-Encoding: gzip` or `zstd`";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, words));
        }
    };
    Ok((coding, form))
}

/// The SHA-256 of `Content-Digest` (RFC 9530), which is that of the bytes as they are sent.
fn stated_digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Problem> {
    let Some(given) = headers.get("content-digest") else {
        return Ok(None);
    };
    let given = given.to_str().unwrap_or("");
    let found = given.split(',').find_map(|member| {
        let (name, value) = member.trim().split_once('=')?;
        (name == "sha-256").then_some(value)
    });
    let read = found.and_then(|value| {
        let coded = value.strip_prefix(':')?.strip_suffix(':')?;
        BASE64_STANDARD.decode(coded).ok()?.try_into().ok()
    });
    let words = "expected `sha-256=:` and the digest in base64 and `:`";
    match read {
        Some(digest) => Ok(Some(digest)),
        None => Err(Problem::fault("Content-Digest", words)),
    }
}

fn list_name(text: &str) -> Result<String, &'static str> {
    let is_name = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 200 characters in one line")
    }
}

pub(super) fn refused(refusal: UploadRefusal) -> Problem {
    let words = refusal.to_string();
    match refusal {
        UploadRefusal::TooLong(_) | UploadRefusal::Ratio(_) => too_large(&refusal),
        UploadRefusal::DiskFull => Problem::new(ProblemKind::DiskFull, words),
        UploadRefusal::TooMany(_) => Problem::new(ProblemKind::TooManyRequests, words),
        UploadRefusal::Broken => Problem::new(ProblemKind::Malformed, words),
        UploadRefusal::WrongDigest => Problem::fault("Content-Digest", words),
        UploadRefusal::NotCoded { .. } => Problem::fault("", words),
        UploadRefusal::OtherOffset(_) | UploadRefusal::NotKept => {
            Problem::new(ProblemKind::Conflict, words)
        }
        UploadRefusal::Unreadable { is_mapping, .. } => {
            Problem::fault(if is_mapping { "?map" } else { "" }, words)
        }
        UploadRefusal::Files(_) => {
            tracing::error!(words, "a list could not be kept");
            Problem::new(ProblemKind::Internal, "the list could not be kept")
        }
        UploadRefusal::Store(error) => error.into(),
        UploadRefusal::Draining => Problem::new(ProblemKind::Draining, words),
    }
}

fn too_large(refusal: &UploadRefusal) -> Problem {
    let problem = Problem::new(ProblemKind::TooLarge, refusal.to_string());
    match refusal {
        UploadRefusal::TooLong(most) => problem.with("limit_bytes", *most),
        UploadRefusal::Ratio(most) => problem.with("limit_ratio", *most),
        UploadRefusal::DiskFull
        | UploadRefusal::TooMany(_)
        | UploadRefusal::Broken
        | UploadRefusal::WrongDigest
        | UploadRefusal::NotCoded { .. }
        | UploadRefusal::OtherOffset(_)
        | UploadRefusal::NotKept
        | UploadRefusal::Unreadable { .. }
        | UploadRefusal::Files(_)
        | UploadRefusal::Store(_)
        | UploadRefusal::Draining => problem,
    }
}

/// How many bytes of a list are there, and whether these are all.
const UPLOAD_OFFSET: &str = "upload-offset";
const UPLOAD_COMPLETE: &str = "upload-complete";

/// Parts that wait to be written.
const PARTS: usize = 4;

/// Rows that are read at a time.
const PAGE: usize = 1_000;

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_stated() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-digest", HeaderValue::from_static(value));
            stated_digest(&headers).map_err(|problem| problem.kind())
        };
        let good = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert_eq!(read(good).unwrap().unwrap()[..2], [0xe3, 0xb0]);
        let both = "sha-512=:AA==:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert!(read(both).is_ok());
        // One that cannot be checked is no digest that was checked.
        for wrong in [
            "",
            "sha-256",
            "sha-256=47DE",
            "sha-256=:AA==:",
            "sha-512=:AA==:",
            "md5=:AA==:",
        ] {
            assert_eq!(read(wrong), Err(ProblemKind::Invalid), "{wrong}");
        }
        assert_eq!(stated_digest(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_list_is_csv_or_json_as_it_is_or_packed() {
        let read = |kind: Option<&'static str>, coding: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            for (name, value) in [("content-type", kind), ("content-encoding", coding)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            check_kind(&headers).map_err(|problem| problem.kind())
        };
        assert_eq!(
            read(Some("text/csv; charset=utf-8"), None),
            Ok((UploadCoding::Plain, ListForm::Csv))
        );
        let gzip = Ok((UploadCoding::Gzip, ListForm::Csv));
        assert_eq!(read(None, Some("GZIP")), gzip);
        let zstd = Ok((UploadCoding::Zstd, ListForm::Ndjson));
        assert_eq!(read(Some("application/x-ndjson"), Some("zstd")), zstd);
        let unsupported = Err(ProblemKind::UnsupportedMediaType);
        assert_eq!(read(Some("multipart/form-data"), None), unsupported);
        assert_eq!(read(None, Some("br")), unsupported);
        assert_eq!(read(None, Some("gzip, gzip")), unsupported);
    }
}
