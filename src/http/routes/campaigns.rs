//! `/campaigns`: settings, standing and state.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{BASE, messages::message_faults};
use crate::{
    auth::{Action, Object},
    campaign::engine::{CampaignId, InFlight, Why},
    http::{
        Api,
        caller::{Caller, now},
        etag::{is_made_from, stale, tagged},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        pagination::{Page, Paging},
        problem::{Fault, Problem, ProblemKind},
    },
    orders::{
        CampaignSummary, CampaignView, RunView, Spec, SpecError, WaitingView, overlay, phase_slug,
        stored_view,
    },
    store::{AuditEntry, Campaign, NewCampaign, OperatorCommand},
};

/// A campaign: its state as `aftertone campaign status --json` prints it, and its settings.
#[derive(Debug, Serialize)]
pub(in crate::http) struct CampaignResource {
    #[serde(flatten)]
    view: CampaignView,
    /// Its number.
    id: i64,
    /// Grows with each change; the `ETag`.
    version: i64,
    /// Its settings.
    settings: Map<String, Value>,
}

impl CampaignResource {
    fn tagged(self) -> Response {
        tagged(self.version, self).into_response()
    }
}

/// Creates a campaign; nothing of it is dialled before somebody says run.
pub(in crate::http) async fn create(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let mut fields = Fields::of(body.json()?)?;
    let name = fields.parsed("name", name_of);
    let name = fields.required(
        "name",
        name,
        "1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`",
    );
    let runs = fields.flag("run").unwrap_or(false);
    let (keys, mut faults) = fields.rest();
    let spec = read_settings(keys, &api, &mut faults);
    let (Some(name), Some(spec)) = (name, spec) else {
        return Err(Problem::invalid(faults));
    };
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    if runs {
        caller.may(Action::RunCampaign, Object::Any)?;
    }
    if api.store.campaign(&name).await?.is_some() {
        let words = format!("there is a campaign `{name}`");
        return Err(Problem::new(ProblemKind::Exists, words));
    }
    let new = NewCampaign {
        name: name.clone(),
        spec: spec.to_json(),
    };
    let entry = AuditEntry {
        after: Some(new.spec.clone()),
        ..caller.audit(now(), Action::CreateCampaign, &name)
    };
    let mut campaign = api
        .store
        .audited(entry)
        .create_campaign(&new, now())
        .await?;
    if runs {
        campaign = order(&api, &caller, &campaign, OperatorCommand::Resume).await?;
    }
    let location = [(header::LOCATION, format!("{BASE}/campaigns/{name}"))];
    let resource = resource(&api, campaign).await?;
    Ok((
        StatusCode::CREATED,
        location,
        tagged(resource.version, resource),
    )
        .into_response())
}

/// The campaigns, the latest first.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Json<Page<CampaignResource>>, Problem> {
    let (limit, cursor) = (parameters.text("limit"), parameters.text("cursor"));
    parameters.finish()?;
    let paging = Paging::new(api.seal().await?, "campaigns", &[]);
    let asked = paging.request(limit.as_deref(), cursor.as_deref())?;
    // The list begins with the latest, so that what is behind a campaign is before it.
    let from = asked.key().map(CampaignId);
    let found = api
        .store
        .campaigns_from(from, !asked.is_back(), asked.limit + 1);
    let page = paging.page(&asked, found.await?, |campaign| campaign.id.0.to_string());
    let mut items = Vec::with_capacity(page.items.len());
    for campaign in page.items {
        items.push(resource(&api, campaign).await?);
    }
    Ok(Json(Page {
        items,
        next: page.next,
        previous: page.previous,
    }))
}

/// One campaign.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let campaign = find(&api, &name).await?;
    Ok(resource(&api, campaign).await?.tagged())
}

/// What its contacts wait for.
#[derive(Debug, Serialize)]
pub(in crate::http) struct WaitingList {
    items: Vec<WaitingView>,
}

/// What the contacts of a campaign wait for, the soonest first.
pub(in crate::http) async fn waiting(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Json<WaitingList>, Problem> {
    parameters.finish()?;
    let campaign = find(&api, &name).await?;
    let view = stored_view(campaign, &api.store, now()).await?;
    let items = view
        .stored
        .map_or_else(Vec::new, |stored| stored.waiting_for);
    Ok(Json(WaitingList { items }))
}

/// A campaign as it runs: its state in the database, and what this process's controller does with it.
#[derive(Debug, Serialize)]
pub(in crate::http) struct LiveCampaign {
    #[serde(flatten)]
    view: CampaignView,
    #[serde(flatten)]
    run: LiveRun,
}

/// What a controller knows of a campaign that it runs; none of it if the controller of this process does not.
#[derive(Debug, Default, Serialize)]
struct LiveRun {
    /// Whether this process runs it.
    is_run_here: bool,
    phase: Option<&'static str>,
    started: Option<u64>,
    starts_a_minute: Option<u64>,
    ends_at: Option<Timestamp>,
    idle: Option<&'static str>,
    idle_words: Option<String>,
    idle_until: Option<Timestamp>,
}

impl From<RunView> for LiveRun {
    fn from(run: RunView) -> Self {
        Self {
            is_run_here: true,
            phase: Some(phase_slug(run.phase)),
            started: Some(run.started),
            starts_a_minute: Some(run.starts_a_minute),
            ends_at: run.ends_at,
            idle: run.idle.as_ref().map(Why::slug),
            idle_words: run.idle_words,
            idle_until: run.idle_until,
        }
    }
}

/// How a campaign runs, and why nothing of it is dialled, if so.
pub(in crate::http) async fn live(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Json<LiveCampaign>, Problem> {
    parameters.finish()?;
    let campaign = find(&api, &name).await?;
    let run = {
        let view = api.view.borrow();
        let campaigns = view.iter().flat_map(|view| &view.campaigns);
        let mut of_it = campaigns.filter(|running| running.id == campaign.id);
        of_it.find_map(|running| running.run.clone())
    };
    let view = stored_view(campaign, &api.store, now()).await?;
    Ok(Json(LiveCampaign {
        view,
        run: run.map(LiveRun::from).unwrap_or_default(),
    }))
}

/// What came of a campaign, as `aftertone campaign results --summary` prints it.
pub(in crate::http) async fn summary(
    State(api): State<Api>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Json<CampaignSummary>, Problem> {
    parameters.finish()?;
    let campaign = find(&api, &name).await?;
    let price = api.config.borrow().price;
    let summary = CampaignSummary::of(&api.store, &campaign, price.as_ref(), now()).await?;
    Ok(Json(summary))
}

/// Changes settings, even while it runs: those that are given, all others stay.
pub(in crate::http) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let (given, mut faults) = Fields::of(body.json()?)?.rest();
    let campaign = find(&api, &name).await?;
    is_made_from(&headers, campaign.version, &campaign.name)?;
    let before = Spec::from_json(&campaign.spec).map_err(unreadable)?;
    let mut keys = before.to_keys();
    overlay(&mut keys, given);
    let spec = read_settings(keys, &api, &mut faults);
    let Some(spec) = spec.filter(|_| faults.is_empty()) else {
        return Err(Problem::invalid(faults));
    };
    let after = spec.to_json();
    let entry = AuditEntry {
        before: Some(before.to_json()),
        after: Some(after.clone()),
        ..caller.audit(now(), Action::ChangeCampaign, &name)
    };
    let store = api.store.audited(entry);
    let changed = store
        .reorder_at(campaign.id, campaign.version, &after, now())
        .await?;
    let changed = changed.ok_or_else(|| stale(&campaign.name))?;
    Ok(resource(&api, changed).await?.tagged())
}

/// Deletes a campaign that has no drops.
pub(in crate::http) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let campaign = find(&api, &name).await?;
    let entry = AuditEntry {
        before: Some(campaign.spec.clone()),
        ..caller.audit(now(), Action::DeleteCampaign, &name)
    };
    api.store
        .audited(entry)
        .begin_deletion(campaign.id, now())
        .await?;
    // From here on it is cancelled, and who deletes it again goes on.
    while api.store.delete_some(campaign.id).await? > 0 {}
    Ok(StatusCode::NO_CONTENT)
}

/// Says run, pause or cancel.
pub(in crate::http) async fn stand(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let mut fields = Fields::of(body.json()?)?;
    let in_flight = fields.parsed("in_flight", |text| match text {
        "finish" => Ok(InFlight::Finish),
        "hang_up" => Ok(InFlight::HangUp),
        _ => Err("expected `finish` or `hang_up`"),
    });
    let in_flight = in_flight.unwrap_or(InFlight::Finish);
    let command = fields.parsed("standing", |text| match text {
        "running" => Ok(OperatorCommand::Resume),
        "paused" => Ok(OperatorCommand::Pause(in_flight)),
        "cancelled" => Ok(OperatorCommand::Cancel(in_flight)),
        _ => Err(STANDINGS),
    });
    let command = fields.required("standing", command, "`running`, `paused` or `cancelled`");
    let command = fields.finish(command)?;
    let campaign = find(&api, &name).await?;
    let campaign = order(&api, &caller, &campaign, command).await?;
    Ok(resource(&api, campaign).await?.tagged())
}

async fn order(
    api: &Api,
    caller: &Caller,
    campaign: &Campaign,
    command: OperatorCommand,
) -> Result<Campaign, Problem> {
    let wanted = match command {
        OperatorCommand::Pause(_) => "paused",
        OperatorCommand::Resume => "running",
        OperatorCommand::Cancel(_) => "cancelled",
    };
    let entry = AuditEntry {
        before: Some(json!({"standing": campaign.status.slug()}).to_string()),
        after: Some(json!({"standing": wanted}).to_string()),
        ..caller.audit(now(), Action::RunCampaign, &campaign.name)
    };
    Ok(api
        .store
        .audited(entry)
        .order(campaign.id, command, now())
        .await?)
}

pub(in crate::http) async fn find(api: &Api, name: &str) -> Result<Campaign, Problem> {
    let found = api.store.campaign(name).await?;
    found.ok_or_else(|| Problem::not_found("campaign"))
}

async fn resource(api: &Api, campaign: Campaign) -> Result<CampaignResource, Problem> {
    let spec = Spec::from_json(&campaign.spec).map_err(unreadable)?;
    let (id, version) = (campaign.id.0, campaign.version);
    Ok(CampaignResource {
        view: stored_view(campaign, &api.store, now()).await?,
        id,
        version,
        settings: spec.to_keys(),
    })
}

pub(super) fn unreadable(error: SpecError) -> Problem {
    tracing::error!(%error, "the settings of a campaign cannot be read");
    Problem::new(
        ProblemKind::Internal,
        "the settings of the campaign cannot be read",
    )
}

/// Reads settings; every key that is wrong is a fault.
fn read_settings(mut keys: Map<String, Value>, api: &Api, faults: &mut Vec<Fault>) -> Option<Spec> {
    let whole = keys.clone();
    // The reader stops at the first key that is wrong; without it, it finds the next.
    let spec = loop {
        match Spec::from_keys(&keys) {
            Ok(spec) => break Some(spec),
            Err(SpecError { key, problem }) => {
                let pointer = format!("/{}", key.replace('.', "/"));
                if faults.iter().any(|fault| fault.pointer == pointer) {
                    break None;
                }
                faults.push(Fault {
                    pointer,
                    detail: problem,
                });
                let top = key.split('.').next().unwrap_or_default();
                if keys.remove(top).is_none() {
                    // It is missing: with a value that is right, what else is wrong shows.
                    match top {
                        "kind" => keys.insert("kind".to_owned(), json!("marketing")),
                        "message" => keys.insert("message".to_owned(), json!("sound:x")),
                        _ => break None,
                    };
                } else if top == "message" || top == "kind" {
                    let right = if top == "kind" {
                        "marketing"
                    } else {
                        "sound:x"
                    };
                    keys.insert(top.to_owned(), json!(right));
                }
            }
        }
    };
    let spec = spec?;
    faults.extend(message_faults(&spec, api));
    (keys == whole).then_some(spec)
}

fn name_of(text: &str) -> Result<String, &'static str> {
    if Campaign::is_name(text) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`")
    }
}

const STANDINGS: &str = "expected `running`, `paused` or `cancelled`";
