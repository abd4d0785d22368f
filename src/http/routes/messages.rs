//! `/messages`: recordings that are prepared for the telephone and kept.

use std::{fs, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use tempfile::tempdir;

use crate::{
    audio::{self, Library, Name, PreparationReport, Prepared, Reference, Targets},
    auth::Action,
    campaign::variant::Messages,
    clock,
    error_chain::chain,
    evidence::Layout,
    http::{
        Api,
        caller::{Caller, now},
        given::{Body, Parameters},
        problem::{Fault, Problem, ProblemKind},
        ranges::ServedFile,
    },
    orders::Spec,
    tasks,
};

/// A message, as `aftertone message show --json` prints it.
#[derive(Debug, Serialize)]
pub(in crate::http) struct MessageView {
    pub(in crate::http) name: String,
    /// How the PBX plays it.
    media: String,
    pub(in crate::http) duration_ms: u64,
    /// What was done to its recording; `None` if it was not prepared by this program.
    pub(in crate::http) report: Option<PreparationReport>,
}

/// The messages.
#[derive(Debug, Serialize)]
pub(in crate::http) struct MessageList {
    pub(in crate::http) items: Vec<MessageView>,
}

/// All messages that can be read, by name.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<MessageList>, Problem> {
    parameters.finish()?;
    let listed = blocking(&api, |library, _| library.list()).await?;
    let items = listed.into_iter().filter_map(|(_, message)| message.ok());
    Ok(Json(MessageList {
        items: items.map(view).collect(),
    }))
}

/// One message, with what was done to its recording.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Json<MessageView>, Problem> {
    parameters.finish()?;
    let name = name_of(&name)?;
    let prepared = blocking(&api, move |library, _| library.show(&name)).await?;
    Ok(Json(view(prepared)))
}

/// The recording of a message as it is kept, or a part of it.
pub(in crate::http) async fn audio(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let name = name_of(&name)?;
    let file = name.as_str().replace('/', "-");
    let file = format!("attachment; filename=\"{file}.wav\"");
    let path = blocking(&api, move |library, _| {
        Ok::<_, Failed>(library.recording(&name))
    })
    .await?;
    let opened = ServedFile::open(path).await.map_err(|error| {
        tracing::error!(%error, "a message cannot be read");
        Problem::new(ProblemKind::Internal, "the message cannot be read")
    })?;
    let opened = opened.ok_or_else(|| Problem::not_found("message"))?;
    let mut about = HeaderMap::new();
    about.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    if let Ok(file) = HeaderValue::from_str(&file) {
        about.insert(header::CONTENT_DISPOSITION, file);
    }
    Ok(opened.answer(&headers, about))
}

/// Draws the sound of a message.
pub(in crate::http) async fn picture(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let name = name_of(&name)?;
    let drawn = blocking(&api, move |library, _| {
        let prepared = library.show(&name)?;
        let samples = library.samples(&prepared);
        let drawn = samples.map(|samples| Layout::of_message(name.as_str(), &samples).svg());
        Ok::<_, audio::Error>(drawn)
    })
    .await?;
    let drawn = drawn.ok_or_else(|| Problem::not_found("sound of this message"))?;
    let about = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        ),
    ];
    Ok((about, drawn).into_response())
}

/// Prepares a recording and keeps it, in the place of one of the same name. Drops in flight keep the one they have.
pub(in crate::http) async fn prepare(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
    body: Body<RECORDING>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let name = name_of(&name)?;
    let object = name.to_string();
    let (prepared, was_there) = blocking(&api, move |library, targets| {
        let folder = tempdir().map_err(unwritten)?;
        let file = folder.path().join("upload");
        fs::write(&file, &body.bytes).map_err(unwritten)?;
        let was_there = library.holds(&name);
        let now = clock::wall();
        let prepared = library.add(&name, &file, targets, true, now);
        Ok::<_, Failed>((prepared?, was_there))
    })
    .await?;
    // Messages are files: they cannot be in one transaction with the log.
    let entry = caller.audit(now(), Action::PrepareMessage, object);
    api.store.note(entry).await?;
    let status = if was_there {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(view(prepared))).into_response())
}

/// Removes a message.
pub(in crate::http) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let name = name_of(&name)?;
    let object = name.to_string();
    blocking(&api, move |library, _| library.remove(&name)).await?;
    let entry = caller.audit(now(), Action::RemoveMessage, object);
    api.store.note(entry).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is wrong with the messages of settings: each has to be prepared, or on the PBX.
pub(super) fn message_faults(spec: &Spec, api: &Api) -> Vec<Fault> {
    let fault = |pointer: String, detail: String| Fault { pointer, detail };
    let config = Arc::clone(&api.config.borrow());
    let composer = match config.messages().composer() {
        Ok(composer) => composer,
        Err(error) => return vec![fault("/message".to_owned(), error.to_string())],
    };
    let library = composer.library();
    let named: Vec<(String, &str)> = match &spec.messages {
        Messages::One(text) => vec![("/message".to_owned(), text)],
        Messages::Several(variants) => variants
            .all()
            .iter()
            .enumerate()
            .map(|(at, variant)| (format!("/variants/{at}/message"), variant.message.as_str()))
            .collect(),
    };
    let mut faults = Vec::new();
    for (pointer, text) in named {
        match audio::resolve(text, |name| library.holds(name), |_| false) {
            Ok(Reference::Prepared(_) | Reference::OnPbx(_)) => {}
            Ok(Reference::Template(template)) => {
                if let Err(error) = composer.check(&template) {
                    faults.push(fault(pointer, chain(&error)));
                }
            }
            Ok(Reference::File(_)) => {
                let words = "expected the name of a prepared message, or a `sound:` URI";
                faults.push(fault(pointer, words.to_owned()));
            }
            Err(error) => faults.push(fault(pointer, error.to_string())),
        }
    }
    faults
}

/// Why something could not be done with a message.
enum Failed {
    Audio(audio::Error),
    Settings(String),
}

impl From<audio::Error> for Failed {
    fn from(error: audio::Error) -> Self {
        Self::Audio(error)
    }
}

fn unwritten(error: std::io::Error) -> Failed {
    Failed::Settings(format!(
        "the recording cannot be kept for a moment: {error}"
    ))
}

/// Does something with the folder of messages where it may take its time.
async fn blocking<T, E>(
    api: &Api,
    work: impl FnOnce(&Library, &Targets) -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Failed> + Send + 'static,
{
    let config = Arc::clone(&api.config.borrow());
    let done = tasks::blocking(move || {
        let composer = config.messages().composer();
        let composer = composer.map_err(|error| Failed::Settings(error.to_string()))?;
        work(composer.library(), composer.targets()).map_err(Into::into)
    });
    done.await.map_err(problem)
}

fn problem(failed: Failed) -> Problem {
    match failed {
        Failed::Audio(audio::Error::Missing { .. }) => Problem::not_found("message"),
        // Without the path of the file, which is ours.
        Failed::Audio(audio::Error::Refused { why, .. }) => Problem::fault("", why.to_string()),
        Failed::Audio(error) => {
            tracing::error!(%error, "the folder of messages failed");
            Problem::new(ProblemKind::Internal, "the folder of messages failed")
        }
        Failed::Settings(words) => {
            tracing::error!(words, "the folder of messages cannot be used");
            Problem::new(
                ProblemKind::Internal,
                "the folder of messages cannot be used",
            )
        }
    }
}

fn name_of(text: &str) -> Result<Name, Problem> {
    text.parse()
        .map_err(|error: audio::BadName| Problem::fault("{message}", error.to_string()))
}

fn view(prepared: Prepared) -> MessageView {
    MessageView {
        name: prepared.name,
        media: prepared.media,
        duration_ms: u64::try_from(prepared.duration.as_millis()).unwrap_or(u64::MAX),
        report: prepared.report,
    }
}

/// Most bytes of a recording: two minutes of studio sound.
const RECORDING: usize = 50 * 1024 * 1024;
