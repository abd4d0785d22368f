//! `/messages`: the recordings that are left, how loud they are, and where they are used.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{PageRoute, headers, page, pages, see, shell::PageShell};
use crate::{
    audio::{self, PreparationReport},
    auth::{Action, Object},
    campaign::variant::Messages,
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        problem::Problem,
        routes::{self, messages::MessageView},
    },
    orders::{
        Spec,
        figures::{counted, seconds},
    },
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
    /// The folder whose clips these are.
    folder: Option<String>,
    messages: Vec<ShownMessage>,
    folders: Vec<ShownFolder>,
    may_prepare: bool,
    /// Most seconds that may be recorded.
    longest: u64,
}

/// A folder of clips.
struct ShownFolder {
    name: String,
    /// How many clips are in it.
    clips: String,
    /// The campaigns that choose of it and are not over.
    used_by: Vec<String>,
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
    /// Most seconds that may be recorded.
    longest: u64,
}

/// A message.
struct ShownMessage {
    name: String,
    /// The name as an address has it.
    path: String,
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
    let folder = parameters.text("folder");
    parameters.finish()?;
    let listed = routes::messages::list(State(api.clone()), Parameters::none())
        .await?
        .0;
    let used = used(&api).await?;
    let shell = PageShell::of(&api, &caller, "Messages", "/messages").await;
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for message in &listed.items {
        if let Some((folder, _)) = message.name.split_once('/') {
            *folders.entry(folder).or_default() += 1;
        }
    }
    let folders = folders.into_iter().map(|(name, clips)| ShownFolder {
        name: name.to_owned(),
        clips: counted(clips as u64, "clip"),
        used_by: used.get(&format!("{name}/")).cloned().unwrap_or_default(),
    });
    let messages = listed.items.iter().filter(|message| {
        let of = message.name.split_once('/').map(|(folder, _)| folder);
        of == folder.as_deref()
    });
    let shown = MessagesPage {
        shell: shell.having_done(done.as_deref()),
        messages: messages.map(|message| shown(message, &used)).collect(),
        folders: if folder.is_none() {
            folders.collect()
        } else {
            Vec::new()
        },
        folder,
        may_prepare: caller.may(Action::PrepareMessage, Object::Any).is_ok(),
        longest: longest(&api),
    };
    recording_page(&shown, shown.may_prepare)
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
        longest: longest(&api),
    };
    recording_page(&shown, shown.may_prepare)
}

/// A page to which a browser may give the microphone, if whoever looks at it may record.
fn recording_page(template: &impl Template, may_record: bool) -> Result<Response, Problem> {
    let mut response = page(StatusCode::OK, template)?;
    if may_record {
        headers::with_microphone(response.headers_mut());
    }
    Ok(response)
}

/// Most seconds that a browser may record: a second less than a message may have, for the browser stops a moment late, and no
/// more than are sent at once as they come from most microphones.
fn longest(api: &Api) -> u64 {
    api.config
        .borrow()
        .audio
        .max_length
        .as_secs()
        .saturating_sub(1)
        .clamp(1, MOST_SECONDS)
}

/// As one channel of 16 bits at 48 kHz that is within the most bytes of a recording.
const MOST_SECONDS: u64 = 480;

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
    let by = |name: &str| used.get(name).cloned().unwrap_or_default();
    let mut used_by = by(&message.name);
    if let Some((folder, _)) = message.name.split_once('/') {
        used_by.extend(by(&format!("{folder}/")));
        used_by.sort_unstable();
        used_by.dedup();
    }
    ShownMessage {
        name: message.name.clone(),
        path: message.name.replace('/', "%2F"),
        length: seconds(message.duration_ms),
        loudness: report.map(|report| format!("{:.1} LUFS", report.lufs)),
        peak: report.map(|report| format!("{:.1} dBTP", report.peak_db)),
        used_by,
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

/// The campaigns that leave each message and are not over; for a folder of which a column chooses, by its name and a `/`.
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
        let names: BTreeSet<String> = names.into_iter().flat_map(parts).collect();
        for name in names {
            used.entry(name).or_default().push(campaign.name.clone());
        }
    }
    Ok(used)
}

/// The recordings and folders that a message is made of.
fn parts(message: String) -> Vec<String> {
    let template = audio::template::Template::is_one(&message)
        .then(|| message.parse::<audio::template::Template>());
    let Some(Ok(template)) = template else {
        return vec![message];
    };
    let folders = template.folders().map(|folder| format!("{folder}/"));
    let names = template.names().map(ToString::to_string);
    names.chain(folders).collect()
}
