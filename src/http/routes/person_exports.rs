//! `/person-exports`: all that is known of a person, with the evidence, in one file.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::PathBuf,
};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use serde_json::json;
use tempfile::NamedTempFile;

use super::erasures::person;
use crate::{
    auth::{Action, Object},
    evidence::PersonBundle,
    http::{
        Api,
        caller::{Caller, now},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        problem::{Problem, ProblemKind},
        ranges::ServedFile,
    },
    orders::PersonDocuments,
    store::AuditEntry,
    tasks,
};

/// Hands out what is known of a person: whole numbers and evidence, so that it takes both.
pub(in crate::http) async fn export(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let mut fields = Fields::of(body.json()?)?;
    let numbers = person(&api, &mut fields);
    let numbers = fields.finish(numbers)?;
    caller.may(Action::ReadFullNumbers, Object::Any)?;
    caller.has_just_signed_in(now())?;
    let documents = PersonDocuments::of(&api.store, &numbers, now()).await?;
    let entry = AuditEntry {
        after: Some(json!({"calls": documents.calls.len()}).to_string()),
        ..caller.audit(now(), Action::ExportPerson, numbers[0].to_string())
    };
    let (made_at, made_by) = (entry.at, entry.who.clone());
    // Before it is given.
    api.store.note(entry).await?;
    let number = numbers[0].shown(true);
    zip(&api, "person.zip", move |file| {
        let mut bundle = PersonBundle::new(BufWriter::new(file), made_at);
        bundle.add_person(&documents.person)?;
        for call in &documents.calls {
            bundle.add_call(call.drop, &call.object, call.evidence.as_deref(), None)?;
        }
        let (out, _) = bundle.end(&number, &made_by)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(())
    })
    .await
}

/// Has a zip file written beside the database, and hands it out under a name; nothing of it is left.
///
/// # Errors
/// [`Problem`] if it cannot be written.
pub(super) async fn zip(
    api: &Api,
    name: &str,
    write: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static,
) -> Result<Response, Problem> {
    let dir = api.config.borrow().state_dir.clone();
    let writing = tasks::blocking(move || {
        // In the state folder, which is for its owner only.
        let mut file = tempfile::Builder::new()
            .prefix(".person-")
            .tempfile_in(&dir)?;
        write(file.as_file_mut())?;
        Ok::<NamedTempFile, io::Error>(file)
    });
    let written = writing.await;
    let failed = |error: io::Error| {
        tracing::error!(%error, name, "what is handed out cannot be written");
        Problem::new(ProblemKind::Internal, "the file cannot be written")
    };
    let file = written.map_err(failed)?;
    let path: PathBuf = file.path().to_owned();
    let served = ServedFile::open(path).await.map_err(failed)?;
    // Its name is gone with the value; what is open is given all the same.
    drop(file);
    let served =
        served.ok_or_else(|| Problem::new(ProblemKind::Internal, "the file cannot be written"))?;
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/zip"),
    );
    let disposition = format!("attachment; filename=\"{name}\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    // It is made anew each time, and has no parts that could be asked for.
    Ok(served.answer(&HeaderMap::new(), headers))
}
