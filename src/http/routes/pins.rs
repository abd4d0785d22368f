//! `/users/{user}/pin`: the PIN by which a user records messages by telephone.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::json;

use super::users::{find, fresh};
use crate::{
    auth::{Action, KeptUser, Object, Pin, allows},
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        one_time_links::random,
        problem::{Problem, ProblemKind},
    },
    store::AuditEntry,
};

/// A PIN that was made.
#[derive(Debug, Serialize)]
struct NewPin {
    user: String,
    /// It is not shown again.
    pin: String,
}

/// Makes a PIN in the place of the one before: of whoever asks, or, for an admin, of another user.
pub(in crate::http) async fn set(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let now = fresh(&caller)?;
    let user = of(&api, &caller, &name).await?;
    if allows(&user.principal(), Action::OwnPin, Object::Any).is_err() || user.disabled_at.is_some()
    {
        let words = "the user may not prepare messages, and so has no use for a PIN";
        return Err(Problem::new(ProblemKind::Conflict, words));
    }
    for _ in 0..Pin::TRIES {
        let pin = Pin::of(&random()?);
        let text = pin.password();
        let text = text.ok_or_else(|| Problem::new(ProblemKind::Internal, "a PIN is too long"))?;
        let digest = api.state.passwords.digest(text).await?;
        let store = api.store.audited(entry(&caller, &user, now, true));
        if store
            .set_pin(&user.name, pin.number(), &digest, now)
            .await?
        {
            let body = NewPin {
                user: user.name.to_string(),
                pin: pin.expose().to_owned(),
            };
            return Ok((StatusCode::CREATED, Json(body)).into_response());
        }
    }
    Err(Problem::new(
        ProblemKind::Internal,
        "no number for a PIN was free",
    ))
}

/// Takes a PIN away.
pub(in crate::http) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let now = fresh(&caller)?;
    let user = of(&api, &caller, &name).await?;
    let store = api.store.audited(entry(&caller, &user, now, false));
    if !store.remove_pin(&user.name).await? {
        return Err(Problem::not_found("PIN"));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The user of a name, if whoever asks may give them a PIN: it is they themselves, or an admin asks.
async fn of(api: &Api, caller: &Caller, name: &str) -> Result<KeptUser, Problem> {
    let is_own = caller
        .session()
        .is_some_and(|session| session.user.as_str() == name);
    if !is_own && caller.may(Action::ManageUsers, Object::Any).is_err() {
        return Err(Problem::not_found("user"));
    }
    find(api, name).await
}

fn entry(caller: &Caller, user: &KeptUser, now: jiff::Timestamp, is_set: bool) -> AuditEntry {
    AuditEntry {
        action: "user.pin".to_owned(),
        after: Some(json!({"pin": is_set}).to_string()),
        ..caller.audit(now, Action::OwnPin, user.principal().id)
    }
}
