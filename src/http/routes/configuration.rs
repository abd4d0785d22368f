//! `/configuration`: the keys in force, where each came from, and reading them anew.

use axum::{Json, extract::State};
use serde::Serialize;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    auth::Action,
    config::{KeyDefault, REFERENCE},
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::{Problem, ProblemKind},
    },
    orders::ReloadAnswer,
    phone::masked_text,
};

/// The configuration in force.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ConfigurationView {
    items: Vec<KeyView>,
}

/// A key.
#[derive(Debug, Serialize)]
struct KeyView {
    key: &'static str,
    /// What is in force, as it was given; `None` if nothing was, or if it is a secret.
    value: Option<String>,
    /// What counts unless something is given.
    default: String,
    /// `file`, `environment` or `default`.
    source: &'static str,
    /// Whether its value is never shown.
    secret: bool,
    /// Whether a reload takes a new value up; any other counts from the next start on.
    reloads: bool,
}

/// Shows all keys. Secrets are left out, and numbers are masked.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<ConfigurationView>, Problem> {
    parameters.finish()?;
    let config = api.config.borrow();
    let items = REFERENCE.iter().map(|key| {
        let in_force = config.in_force(key.name);
        KeyView {
            key: key.name,
            value: in_force.given.map(|text| match key.name {
                "pbx.caller_id" => masked_text(text).into_owned(),
                _ => text.to_owned(),
            }),
            default: match key.default {
                KeyDefault::Required => "required".to_owned(),
                KeyDefault::Example => key.example.to_owned(),
                KeyDefault::Words(words) => words.to_owned(),
            },
            source: in_force.source.slug(),
            secret: in_force.is_secret,
            reloads: in_force.is_live,
        }
    });
    Ok(Json(ConfigurationView {
        items: items.collect(),
    }))
}

/// Reads the configuration anew, as `aftertone reload` does. That it was asked for is in the audit log before it is done.
pub(in crate::http) async fn reload(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<ReloadAnswer>, Problem> {
    parameters.finish()?;
    let ending = || {
        let words = "the service is about to end, and reads nothing anew";
        Problem::new(ProblemKind::Draining, words)
    };
    let entry = caller.audit(now(), Action::Reload, "configuration");
    api.store.note(entry).await?;
    let (give, given) = oneshot::channel();
    api.reloads.send(give).map_err(|_| ending())?;
    match timeout(PATIENCE, given).await {
        Ok(Ok(answer)) => Ok(Json(answer)),
        Ok(Err(_)) | Err(_) => Err(ending()),
    }
}

/// How long a reload may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
