//! `/system`: whether this process is fit to work, what `doctor` says, and which keys of the configuration are given.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{
    PageRoute,
    form::PageForm,
    page, pages,
    shell::{Moment, PageShell},
    values::{items, text, told},
};
use crate::{
    auth::{Action, Object},
    config::{KeyDefault, REFERENCE},
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        health,
        problem::{Problem, ProblemKind},
        routes::doctor,
        tls::Certificate,
    },
    orders::figures::tenths,
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/system" Some(Action::ReadFleet) => show,
        POST "/system/doctor" Some(Action::Examine) => examine,
    ]
}

#[derive(Template)]
#[template(path = "system.html")]
struct SystemPage {
    shell: PageShell,
    version: &'static str,
    database: String,
    checks: Vec<FitRow>,
    disks: Vec<(&'static str, String, String)>,
    /// When the certificate that it shows ends.
    certificate: Option<Moment>,
    keys: Vec<KeyRow>,
    may_examine: bool,
    /// What `doctor` found.
    found: Option<Vec<DoctorRow>>,
    /// Why nothing was looked at.
    refused: Option<String>,
}

/// Something that has to be right for this process to be fit to work.
struct FitRow {
    check: &'static str,
    is_right: bool,
    why: String,
}

/// A key of the configuration.
struct KeyRow {
    name: &'static str,
    is_given: bool,
    default: String,
}

/// A check of `doctor`.
struct DoctorRow {
    status: String,
    name: String,
    detail: String,
    remedy: String,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    shown(&api, &caller, None, None).await
}

async fn examine(
    State(api): State<Api>,
    caller: Caller,
    _form: PageForm,
) -> Result<Response, Problem> {
    let (state, by) = (State(api.clone()), caller.clone());
    match doctor::examine(state, by, Parameters::none()).await {
        Ok(found) => {
            let found = told(found).await?;
            let rows = items(&found, "/checks").iter().map(row).collect();
            shown(&api, &caller, Some(rows), None).await
        }
        Err(problem)
            if matches!(
                problem.kind(),
                ProblemKind::NoPbx | ProblemKind::PbxAway | ProblemKind::TooManyRequests
            ) =>
        {
            let words = problem.detail().to_owned();
            shown(&api, &caller, None, Some(words)).await
        }
        Err(problem) => Err(problem),
    }
}

async fn shown(
    api: &Api,
    caller: &Caller,
    found: Option<Vec<DoctorRow>>,
    refused: Option<String>,
) -> Result<Response, Problem> {
    let folders = health::folders(&api.config.borrow());
    let disks = spawn_blocking(move || {
        let free = folders.into_iter().map(|(name, folder)| {
            let free = health::free_thousandths(&folder);
            let free = free.map_or_else(|| "not known".to_owned(), |free| tenths(free.min(1_000)));
            (name, folder.display().to_string(), free)
        });
        free.collect()
    });
    let mut checks = health::seen(api).await;
    let doubt = api.view.borrow().as_ref().and_then(|view| {
        let mut campaigns = view.campaigns.iter();
        let waiting = campaigns.find(|campaign| campaign.waits_for_clocks())?;
        waiting.run.as_ref()?.idle_words.clone()
    });
    checks.push(("clocks", doubt));
    let tls = api.config.borrow().serve.tls.clone();
    let certificate = spawn_blocking(move || {
        let ends = Certificate::read(&tls?).ok()?.expires()?;
        Timestamp::from_second(ends).ok().map(Moment)
    });
    let keys = {
        let config = api.config.borrow();
        let keys = REFERENCE.iter().map(|key| KeyRow {
            name: key.name,
            is_given: config.is_given(key.name),
            default: match key.default {
                KeyDefault::Required => "required".to_owned(),
                KeyDefault::Example => key.example.to_owned(),
                KeyDefault::Words(words) => words.to_owned(),
            },
        });
        keys.collect()
    };
    let shown = SystemPage {
        shell: PageShell::of(api, caller, "System", "/system").await,
        version: env!("CARGO_PKG_VERSION"),
        database: api.store.place().to_owned(),
        checks: checks
            .into_iter()
            .map(|(check, why)| FitRow {
                check,
                is_right: why.is_none(),
                why: why.unwrap_or_default(),
            })
            .collect(),
        disks: disks.await.unwrap_or_default(),
        certificate: certificate.await.unwrap_or_default(),
        keys,
        may_examine: caller.may(Action::Examine, Object::Any).is_ok(),
        found,
        refused,
    };
    page(StatusCode::OK, &shown)
}

fn row(of: &Value) -> DoctorRow {
    let either = |first: &str, second: &str| {
        let text_of_first = text(of, first);
        if text_of_first.is_empty() {
            text(of, second)
        } else {
            text_of_first
        }
    };
    DoctorRow {
        status: text(of, "/status"),
        name: either("/check", "/name"),
        detail: either("/detail", "/message"),
        remedy: either("/remedy", "/hint"),
    }
}
