//! `/simulations`: how long a campaign would take, without dialling.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{BASE, campaigns};
use crate::{
    http::{
        Api,
        caller::{Caller, now},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        problem::{Problem, ProblemKind},
    },
    id::DropId,
    orders::SimulationOrder,
};

/// A simulation.
#[derive(Clone, Debug, Serialize)]
pub(in crate::http) struct SimulationView {
    id: String,
    campaign: String,
    /// The settings that hold for it alone.
    settings: Map<String, Value>,
    /// `running`, `complete` or `failed`.
    state: &'static str,
    /// Why it failed, for people.
    why: Option<String>,
    began_at: Timestamp,
    /// What `aftertone campaign simulate --json` prints; `None` unless it is complete.
    forecast: Option<Value>,
}

/// The simulations of this process, the latest ones. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Simulations(Arc<Mutex<BTreeMap<String, SimulationView>>>);

impl Simulations {
    fn with<T>(&self, of: impl FnOnce(&mut BTreeMap<String, SimulationView>) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The simulations that this process knows.
#[derive(Debug, Serialize)]
pub(in crate::http) struct SimulationList {
    items: Vec<SimulationView>,
}

/// Begins to simulate a campaign.
pub(in crate::http) async fn begin(
    State(api): State<Api>,
    _caller: Caller,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let mut fields = Fields::of(body.json()?)?;
    let campaign = fields.text("campaign");
    let campaign = fields.required("campaign", campaign, "a campaign's name");
    let settings = fields.object("settings").unwrap_or_default();
    let assume = fields.object("assume").unwrap_or_default();
    let begins = fields.parsed("begins", str::parse::<Timestamp>);
    let campaign = fields.finish(campaign)?;
    campaigns::find(&api, &campaign).await?;
    let examinations = api.examinations.clone().ok_or_else(|| {
        let words = "ask a server that has one: `[pbx]` is set in its configuration";
        Problem::new(ProblemKind::NoPbx, words)
    })?;
    let view = SimulationView {
        id: DropId::generate().to_string(),
        campaign: campaign.clone(),
        settings: settings.clone(),
        state: "running",
        why: None,
        began_at: now(),
        forecast: None,
    };
    let simulations = api.state.simulations.clone();
    let is_begun = simulations.with(|all| {
        if all.values().any(|one| one.state == "running") {
            return false;
        }
        while all.len() >= MOST_KEPT {
            all.pop_first();
        }
        all.insert(view.id.clone(), view.clone());
        true
    });
    if !is_begun {
        let words = "another simulation runs at this moment";
        return Err(Problem::new(ProblemKind::TooManyRequests, words));
    }
    let order = SimulationOrder {
        campaign,
        settings,
        assume,
        begins: begins.unwrap_or(view.began_at),
    };
    let id = view.id.clone();
    let running = examinations.simulate(order);
    tokio::spawn(async move {
        let done = running.await;
        simulations.with(|all| {
            if let Some(view) = all.get_mut(&id) {
                (view.state, view.why, view.forecast) = match done {
                    Ok(forecast) => ("complete", None, Some(forecast)),
                    Err(why) => ("failed", Some(why), None),
                };
            }
        });
    });
    let location = [(header::LOCATION, format!("{BASE}/simulations/{}", view.id))];
    Ok((StatusCode::ACCEPTED, location, Json(view)).into_response())
}

/// The simulations that this process knows, the latest first.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<SimulationList>, Problem> {
    parameters.finish()?;
    let items = api
        .state
        .simulations
        .with(|all| all.values().rev().cloned().collect());
    Ok(Json(SimulationList { items }))
}

/// One of them.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<SimulationView>, Problem> {
    parameters.finish()?;
    let found = api.state.simulations.with(|all| all.get(&id).cloned());
    found
        .map(Json)
        .ok_or_else(|| Problem::not_found("simulation in this process"))
}

/// How many are kept.
const MOST_KEPT: usize = 20;
