//! `/drops/{drop}/picture.svg`: what was heard of a call, as a picture.

use std::path::PathBuf;

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use tokio::task::spawn_blocking;

use super::drops::find;
use crate::{
    auth::Action,
    evidence::{EvidenceReader, Layout, ReadError, Recording},
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::Problem,
    },
};

/// Draws the evidence of a drop, if it is kept on this machine.
pub(in crate::http) async fn picture(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    let none = || Problem::not_found("evidence of this drop on this machine");
    let folder = PathBuf::from(drop.evidence.ok_or_else(none)?);
    let drawn = spawn_blocking(move || draw(&folder)).await;
    let drawn = match drawn {
        Ok(drawn) => drawn,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    let drawn = drawn.map_err(|error| {
        tracing::info!(drop = %drop.id, %error, "its evidence cannot be read");
        none()
    })?;
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
fn draw(folder: &std::path::Path) -> Result<Option<String>, ReadError> {
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
    };
    Ok(Some(Layout::of(&recording).svg()))
}
