//! `/system`: whether this process is fit to work, what `doctor` says, and the configuration in force.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{
    PageRoute,
    form::PageForm,
    page, pages,
    shell::PageShell,
    system_checks::{FitRow, checks},
    values::{flag, items, joined, text, told},
};
use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        health,
        problem::{Problem, ProblemKind},
        routes::{configuration, doctor},
    },
    orders::figures::tenths,
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/system" Some(Action::ReadFleet) => show,
        POST "/system/doctor" Some(Action::Examine) => examine,
        POST "/system/reload" Some(Action::Reload) => reload,
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
    /// Those that are given, and all others; `None`: they are for admins.
    keys: Option<(Vec<KeyRow>, Vec<KeyRow>)>,
    reloaded: Option<ReloadShown>,
    may_examine: bool,
    /// What `doctor` found.
    found: Option<Vec<DoctorRow>>,
    /// Why nothing was looked at.
    refused: Option<String>,
}

/// A key of the configuration.
struct KeyRow {
    key: String,
    value: String,
    source: String,
    is_live: bool,
}

/// What came of a reload.
struct ReloadShown {
    error: String,
    live: String,
    at_restart: String,
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
    let shown = SystemPage::of(&api, &caller).await?;
    page(StatusCode::OK, &shown)
}

async fn examine(
    State(api): State<Api>,
    caller: Caller,
    _form: PageForm,
) -> Result<Response, Problem> {
    let (state, by) = (State(api.clone()), caller.clone());
    let examined = doctor::examine(state, by, Parameters::none()).await;
    let mut shown = SystemPage::of(&api, &caller).await?;
    match examined {
        Ok(found) => {
            let found = told(found).await?;
            shown.found = Some(items(&found, "/checks").iter().map(row).collect());
        }
        Err(problem)
            if matches!(
                problem.kind(),
                ProblemKind::NoPbx | ProblemKind::PbxAway | ProblemKind::TooManyRequests
            ) =>
        {
            shown.refused = Some(problem.detail().to_owned());
        }
        Err(problem) => return Err(problem),
    }
    page(StatusCode::OK, &shown)
}

async fn reload(
    State(api): State<Api>,
    caller: Caller,
    _form: PageForm,
) -> Result<Response, Problem> {
    let (state, by) = (State(api.clone()), caller.clone());
    let answer = told(configuration::reload(state, by, Parameters::none()).await?).await?;
    let mut shown = SystemPage::of(&api, &caller).await?;
    shown.reloaded = Some(ReloadShown {
        error: text(&answer, "/error"),
        live: joined(&answer, "/live"),
        at_restart: joined(&answer, "/at_restart"),
    });
    page(StatusCode::OK, &shown)
}

impl SystemPage {
    async fn of(api: &Api, caller: &Caller) -> Result<Self, Problem> {
        let folders = health::folders(&api.config.borrow());
        let disks = spawn_blocking(move || {
            let free = folders.into_iter().map(|(name, folder)| {
                let free = health::free_thousandths(&folder);
                let free =
                    free.map_or_else(|| "not known".to_owned(), |free| tenths(free.min(1_000)));
                (name, folder.display().to_string(), free)
            });
            free.collect()
        });
        let may = |action| caller.may(action, Object::Any).is_ok();
        let keys = if may(Action::ReadConfiguration) {
            let shown = configuration::show(State(api.clone()), Parameters::none()).await?;
            let shown = told(shown).await?;
            let keys = items(&shown, "/items").iter().map(key);
            Some(keys.partition(|key| key.source != "default"))
        } else {
            None
        };
        Ok(Self {
            shell: PageShell::of(api, caller, "System", "/system").await,
            version: env!("CARGO_PKG_VERSION"),
            database: api.store.place().to_owned(),
            checks: checks(api).await,
            disks: disks.await.unwrap_or_default(),
            keys,
            reloaded: None,
            may_examine: may(Action::Examine),
            found: None,
            refused: None,
        })
    }
}

fn key(of: &Value) -> KeyRow {
    let source = text(of, "/source");
    let is_given = source != "default";
    KeyRow {
        key: text(of, "/key"),
        value: match (flag(of, "/secret"), is_given) {
            (true, true) => "not shown: a secret".to_owned(),
            (false, true) => text(of, "/value"),
            (_, false) => text(of, "/default"),
        },
        source,
        is_live: flag(of, "/reloads"),
    }
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
