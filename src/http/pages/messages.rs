//! `/messages`: the recordings that are left, how loud they are, and where they are used.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{PageRoute, page, pages, see, shell::PageShell};
use crate::{
    audio::PreparationReport,
    auth::{Action, Object},
    campaign::variant::Messages,
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        problem::Problem,
        routes::{self, messages::MessageView},
    },
    orders::{Spec, figures::seconds},
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/messages" Some(Action::ReadMessages) => show_all,
        GET "/messages/{message}" Some(Action::ReadMessages) => show,
        POST "/messages/{message}/remove" Some(Action::RemoveMessage) => remove,
    ]
}

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    shell: PageShell,
    messages: Vec<ShownMessage>,
    may_prepare: bool,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    shell: PageShell,
    message: ShownMessage,
    report: Vec<(&'static str, String)>,
    changes: Vec<String>,
    may_prepare: bool,
    may_remove: bool,
}

/// A message.
struct ShownMessage {
    name: String,
    length: String,
    loudness: Option<String>,
    peak: Option<String>,
    /// The campaigns that leave it and are not over.
    used_by: Vec<String>,
}

async fn show_all(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    parameters.finish()?;
    let listed = routes::messages::list(State(api.clone()), Parameters::none())
        .await?
        .0;
    let used = used(&api).await?;
    let shell = PageShell::of(&api, &caller, "Messages", "/messages").await;
    let shown = MessagesPage {
        shell: shell.having_done(done.as_deref()),
        messages: listed
            .items
            .iter()
            .map(|message| shown(message, &used))
            .collect(),
        may_prepare: caller.may(Action::PrepareMessage, Object::Any).is_ok(),
    };
    page(StatusCode::OK, &shown)
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    parameters.finish()?;
    let state = State(api.clone());
    let found = routes::messages::show(state, Path(name), Parameters::none())
        .await?
        .0;
    let used = used(&api).await?;
    let shell = PageShell::of(&api, &caller, found.name.clone(), "/messages").await;
    let message = shown(&found, &used);
    let may = |action| caller.may(action, Object::Any).is_ok();
    let shown = MessagePage {
        shell: shell.having_done(done.as_deref()),
        report: found.report.as_ref().map(report).unwrap_or_default(),
        changes: found
            .report
            .map(|report| report.changes)
            .unwrap_or_default(),
        may_prepare: may(Action::PrepareMessage),
        may_remove: may(Action::RemoveMessage) && message.used_by.is_empty(),
        message,
    };
    page(StatusCode::OK, &shown)
}

async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let (state, path) = (State(api), Path(name));
    routes::messages::remove(state, caller, path, Parameters::none()).await?;
    Ok(see("/messages?done=message-removed"))
}

fn shown(message: &MessageView, used: &BTreeMap<String, Vec<String>>) -> ShownMessage {
    let report = message.report.as_ref();
    ShownMessage {
        name: message.name.clone(),
        length: seconds(message.duration_ms),
        loudness: report.map(|report| format!("{:.1} LUFS", report.lufs)),
        peak: report.map(|report| format!("{:.1} dBTP", report.peak_db)),
        used_by: used.get(&message.name).cloned().unwrap_or_default(),
    }
}

fn report(report: &PreparationReport) -> Vec<(&'static str, String)> {
    let (before, after) = (report.silence_before_ms, report.silence_after_ms);
    vec![
        ("Recording", report.source.clone()),
        (
            "Its format",
            format!(
                "{}, {} Hz, {} channels, {}",
                report.format,
                report.source_rate_hz,
                report.source_channels,
                seconds(report.source_ms)
            ),
        ),
        ("Audible", seconds(report.audible_ms)),
        (
            "Silence in the recording",
            format!("{} before, {} after", seconds(before), seconds(after)),
        ),
        (
            "Loudness",
            format!(
                "{:.1} LUFS, was {:.1}, aimed at {:.1}",
                report.lufs, report.lufs_before, report.target_lufs
            ),
        ),
        (
            "True peak",
            format!(
                "{:.1} dBTP, was {:.1}",
                report.peak_db, report.peak_before_db
            ),
        ),
        ("Gain", format!("{:+.1} dB", report.gain_db)),
    ]
}

/// The campaigns that leave each message and are not over.
async fn used(api: &Api) -> Result<BTreeMap<String, Vec<String>>, Problem> {
    let mut used: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let campaigns = api.store.campaigns(0).await?;
    for campaign in campaigns.into_iter().filter(|one| !one.status.is_over()) {
        let Ok(spec) = Spec::from_json(&campaign.spec) else {
            continue;
        };
        let names = match spec.messages {
            Messages::One(name) => vec![name],
            Messages::Several(variants) => {
                let all = variants.all().iter();
                all.map(|variant| variant.message.clone()).collect()
            }
        };
        for name in names {
            used.entry(name).or_default().push(campaign.name.clone());
        }
    }
    Ok(used)
}
