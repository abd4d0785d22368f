//! `/`: what is dialled at this moment, and why nothing is, if so.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::json;

use super::{
    PageRoute,
    form::PageForm,
    live_picture::{LivePicture, Seen},
    page, pages, see,
    shell::PageShell,
    signing_in::own_path,
    surroundings::{banners, surroundings},
};
use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::Caller,
        given::{Body, Parameters},
        live_feed::LiveState,
        problem::Problem,
        routes::campaigns,
    },
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/" Some(Action::ReadLive) => show,
        POST "/stop" Some(Action::RunCampaign) => stop,
        POST "/campaigns/{campaign}/standing" Some(Action::RunCampaign) => stand,
    ]
}

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    shell: PageShell,
    live: LivePicture,
    /// Whether the buttons are shown that start and stop.
    may_run: bool,
    may_create: bool,
    has_campaigns: bool,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    parameters.finish()?;
    // What a form has just done is on the page behind it.
    let state = api.state.live.anew(&api).await?;
    let live = picture(&api, &caller, &state).await?;
    let shell = PageShell::below(live.banners.clone(), &caller, "Live", "/");
    let shown = LivePage {
        shell: shell.having_done(done.as_deref()),
        may_run: caller.may(Action::RunCampaign, Object::Any).is_ok(),
        may_create: caller.may(Action::CreateCampaign, Object::Any).is_ok(),
        has_campaigns: !state.views.is_empty(),
        live,
    };
    page(StatusCode::OK, &shown)
}

/// The picture of a state, for somebody.
pub(super) async fn picture(
    api: &Api,
    caller: &Caller,
    state: &LiveState,
) -> Result<LivePicture, Problem> {
    let ended = api.state.pages.ended(api).await?;
    let banners = banners(api, caller).await;
    let run = api.view.borrow().clone();
    let sees_fleet = caller.may(Action::ReadFleet, Object::Any).is_ok();
    let rate = api.config.borrow().trunk.rate.to_string();
    Ok(LivePicture::of(Seen {
        at: state.at,
        campaigns: state.views.values().map(|view| &**view).collect(),
        fleet: state.fleet_view.as_deref().filter(|_| sees_fleet),
        run: run.as_deref(),
        around: surroundings(api),
        ended: &ended,
        banners,
        rate,
    }))
}

/// Pauses every campaign that is started.
async fn stop(State(api): State<Api>, caller: Caller, form: PageForm) -> Result<Response, Problem> {
    let in_flight = form.text("in_flight").unwrap_or("finish").to_owned();
    let mut stopped = 0;
    for campaign in api.store.campaigns(0).await? {
        if campaign.status.slug() != "running" {
            continue;
        }
        let body = json!({"standing": "paused", "in_flight": in_flight});
        order(&api, &caller, campaign.name, &body).await?;
        stopped += 1;
    }
    Ok(see(match stopped {
        0 => "/?done=nothing-to-stop",
        _ => "/?done=stopped",
    }))
}

/// Starts, pauses or cancels a campaign, and goes back to the page that the form was on.
async fn stand(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let standing = form.text("standing").unwrap_or_default();
    let mut body = json!({"standing": standing});
    if let Some(in_flight) = form.text("in_flight") {
        body["in_flight"] = in_flight.into();
    }
    order(&api, &caller, name, &body).await?;
    let back = own_path(form.text("back"));
    let sign = if back.contains('?') { '&' } else { '?' };
    Ok(see(&format!("{back}{sign}done={standing}")))
}

/// Starts, pauses or cancels a campaign.
pub(super) async fn order(
    api: &Api,
    caller: &Caller,
    name: String,
    body: &serde_json::Value,
) -> Result<(), Problem> {
    let (state, by) = (State(api.clone()), caller.clone());
    let body = Body::of_json(body);
    campaigns::stand(state, by, Path(name), Parameters::none(), body).await?;
    Ok(())
}
