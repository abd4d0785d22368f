//! `/feed`: what of the first page changes, told to all tabs of a browser by one stream.

use std::time::{Duration, Instant};

use axum::{extract::State, response::Response};
use serde_json::{Value, json};

use super::{PageRoute, live::picture, live_picture::LivePicture, pages};
use crate::{
    auth::Action,
    clock,
    http::{
        Api, caller::Caller, given::Parameters, problem::Problem, routes::live::open,
        streams::StreamReader,
    },
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![GET "/feed" Some(Action::ReadLive) => show]
}

/// Where the stream is. Scripts ask for it, and to those a problem is told as the API tells it: one whose session is over cannot tell
/// a form for signing in from a server that is gone.
pub(super) const PATH: &str = "/feed";

/// The stream.
async fn show(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let (telling, by) = (api.clone(), caller.clone());
    open(&api, &caller, move |reader| async move {
        tell(&reader, &telling, &by).await
    })
}

async fn tell(reader: &StreamReader, api: &Api, caller: &Caller) -> Result<(), Problem> {
    if !reader.greet("live").await {
        return Ok(());
    }
    let mut state = api.state.live.behind(None, api).await?;
    let mut last: Option<LivePicture> = None;
    let mut told_at: Instant = clock::now();
    loop {
        let next = picture(api, caller, &state).await?;
        let body = change(last.as_ref(), &next);
        let is_due = clock::now().duration_since(told_at) >= TOLD_EVERY;
        if is_due || last.is_none() || body.as_object().is_some_and(|body| body.len() > 2) {
            if !reader.tell("cells", &body).await {
                return Ok(());
            }
            told_at = clock::now();
        }
        last = Some(next);
        state = api.state.live.behind(Some(state.number), api).await?;
    }
}

/// What is other than before, with the moment and the shape, which are always told.
fn change(before: Option<&LivePicture>, now: &LivePicture) -> Value {
    let cells_before = before.map(LivePicture::cells);
    let mut told = now.cells().told(cells_before.as_ref());
    // The moment alone is no news.
    if let Some(times) = told.get_mut("times").and_then(Value::as_object_mut) {
        times.remove("at");
        if times.is_empty() {
            told.remove("times");
        }
    }
    let known = before.map_or(&[][..], |before| &before.starts);
    let starts: Vec<_> = now
        .starts
        .iter()
        .filter(|minute| !known.contains(minute))
        .map(|minute| json!([minute.second(), minute.starts]))
        .collect();
    if !starts.is_empty() {
        told.insert("series".to_owned(), json!({"starts": starts}));
    }
    told.insert("shape".to_owned(), now.shape.as_str().into());
    let at = now.at.at.map(|at| at.utc());
    told.insert("at".to_owned(), json!(at));
    told.into()
}

/// How often the moment is told, though nothing has changed: whoever hears nothing for longer has no stream.
const TOLD_EVERY: Duration = Duration::from_secs(2);
