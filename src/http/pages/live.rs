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
    orders::{CampaignOrders, OrderedFrom, order},
    page, pages, see,
    shell::PageShell,
    signing_in::own_path,
    surroundings::{banners, surroundings},
};
use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        live_feed::LiveState,
        problem::Problem,
    },
    store::{Campaign, Status},
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
    let takes_calls = api.config.borrow().callback.is_some();
    let callbacks = match takes_calls {
        true => Some(api.state.pages.callbacks(api).await?),
        false => None,
    };
    Ok(LivePicture::of(Seen {
        at: state.at,
        campaigns: state.views.values().map(|view| &**view).collect(),
        fleet: state.fleet_view.as_deref().filter(|_| sees_fleet),
        run: run.as_deref(),
        around: surroundings(api),
        ended: &ended,
        banners,
        rate,
        callbacks,
    }))
}

/// Pauses every campaign that is started; if calls in flight are to be hung up, those of all others, too.
async fn stop(State(api): State<Api>, caller: Caller, form: PageForm) -> Result<Response, Problem> {
    let hangs_up = match form.text("in_flight") {
        None | Some("finish") => false,
        Some("hang_up") => true,
        Some(_) => {
            let words = "expected `finish` or `hang_up`";
            return Err(Problem::fault("/in_flight", words));
        }
    };
    let mut orders = CampaignOrders::default();
    let mut all = api.store.campaigns(0).await?;
    // What dials comes first.
    all.sort_by_key(|campaign| campaign.status != Status::Running);
    for campaign in all {
        let Some(standing) = stopped_as(&api, &campaign, hangs_up).await else {
            continue;
        };
        let in_flight = if hangs_up { "hang_up" } else { "finish" };
        let body = json!({"standing": standing, "in_flight": in_flight});
        orders.give(&api, &caller, &campaign.name, &body).await;
    }
    if orders.has_refused() {
        // One that came to its end meanwhile, or was deleted, dials nothing.
        let left = api.store.campaigns(0).await?;
        orders.forgive(|name| {
            let mut named = left.iter().filter(|campaign| campaign.name == name);
            named.next().is_some_and(|campaign| match campaign.status {
                Status::Running | Status::Paused | Status::Cancelling => true,
                Status::Draft | Status::Complete | Status::Cancelled | Status::DatesOver => false,
            })
        });
    }
    if orders.is_empty() {
        return Ok(see("/?done=nothing-to-stop"));
    }
    let from = OrderedFrom {
        path: "/",
        label: "Live",
        done: if hangs_up { "hung-up" } else { "stopped" },
        words: if hangs_up {
            "They dial nothing more, and their calls are hung up:"
        } else {
            "They are paused:"
        },
    };
    orders.answer(&api, &caller, from).await
}

/// What a campaign is told to be if everything is stopped; `None` if nothing of it is to be stopped.
async fn stopped_as(api: &Api, campaign: &Campaign, hangs_up: bool) -> Option<&'static str> {
    match campaign.status {
        Status::Running => Some("paused"),
        Status::Cancelling if hangs_up => Some("cancelled"),
        // Without a call in flight it keeps the reason for which it was paused.
        Status::Paused if hangs_up => {
            let calls = api.store.in_flight_of(campaign.id, now()).await;
            // If that cannot be read, it is told once more.
            let is_at_rest = calls.is_ok_and(|calls| calls.total() == 0);
            (!is_at_rest).then_some("paused")
        }
        Status::Paused
        | Status::Cancelling
        | Status::Draft
        | Status::Complete
        | Status::Cancelled
        | Status::DatesOver => None,
    }
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
