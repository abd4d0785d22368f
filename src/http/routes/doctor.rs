//! `/doctor`: whether the PBX and the database are fit for drops.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    auth::Action,
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::{Problem, ProblemKind},
    },
};

/// What was looked at.
#[derive(Debug, Serialize)]
pub(in crate::http) struct DoctorView {
    /// Whether no check has failed; warnings do not count.
    ok: bool,
    /// A check each, as `aftertone doctor --json` prints them.
    checks: Vec<Value>,
}

/// Held while a PBX is looked at: two at once would be in each other's way.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Examining(Arc<Mutex<()>>);

/// Looks at the PBX and the database. It makes a short call within the PBX, and none outside.
pub(in crate::http) async fn examine(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<DoctorView>, Problem> {
    parameters.finish()?;
    let examinations = api.examinations.clone().ok_or_else(|| {
        let words = "ask a server that has one: `[pbx]` is set in its configuration";
        Problem::new(ProblemKind::NoPbx, words)
    })?;
    let held = api.state.examining.0.clone().try_lock_owned();
    let _held = held.map_err(|_| {
        let words = "the PBX is being looked at at this moment";
        Problem::new(ProblemKind::TooManyRequests, words)
    })?;
    let entry = caller.audit(now(), Action::Examine, "the PBX");
    api.store.note(entry).await?;
    let checks = examinations.doctor().await;
    let checks = checks.map_err(|words| Problem::new(ProblemKind::PbxAway, words))?;
    let ok = checks.iter().all(|check| check["status"] != "fail");
    Ok(Json(DoctorView { ok, checks }))
}
