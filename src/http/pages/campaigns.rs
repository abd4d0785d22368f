//! `/campaigns`: all campaigns, and what is done to several at once.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use jiff::Timestamp;
use serde_json::json;

use super::{
    PageRoute,
    form::PageForm,
    orders::{CampaignOrders, OrderedFrom},
    page, pages, see,
    shell::{Moment, PageShell},
    signing_in::url_query,
};
use crate::{
    auth::{Action, Object},
    drop::Outcome,
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::Problem,
    },
    orders::{
        CampaignView, Spec,
        figures::{count, percent},
        standing_words, stored_view,
    },
    store::Status,
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/campaigns" Some(Action::ReadCampaigns) => show,
        POST "/campaigns" Some(Action::RunCampaign) => order_several,
    ]
}

#[derive(Template)]
#[template(path = "campaigns.html")]
struct CampaignsPage {
    shell: PageShell,
    rows: Vec<CampaignRow>,
    /// What is looked for in names.
    search: String,
    standings: Vec<StandingChoice>,
    /// Whether any campaign is there at all.
    is_empty: bool,
    next: Option<String>,
    may_run: bool,
    may_create: bool,
}

struct StandingChoice {
    slug: &'static str,
    words: String,
    is_chosen: bool,
}

/// A campaign in a row.
struct CampaignRow {
    name: String,
    kind: String,
    standing: String,
    why: String,
    done: String,
    progress: u64,
    contacts: u64,
    delivered: String,
    people: String,
    refused: String,
    in_flight: String,
    last: Option<Moment>,
    created: Option<Moment>,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let search = parameters.text("q").unwrap_or_default();
    let standing = parameters.text("standing").unwrap_or_default();
    let before = parameters.parsed("before", str::parse::<i64>);
    let done = parameters.text("done");
    parameters.finish()?;
    let mut all = api.store.campaigns(0).await?;
    let is_empty = all.is_empty();
    all.sort_by_key(|campaign| std::cmp::Reverse(campaign.id));
    all.retain(|campaign| {
        campaign.name.contains(search.trim())
            && (standing.is_empty() || campaign.status.slug() == standing)
            && before.is_none_or(|before| campaign.id.0 < before)
    });
    let has_more = all.len() > AT_A_TIME;
    all.truncate(AT_A_TIME);
    let last = all.last().map(|campaign| campaign.id.0);
    let next = last.filter(|_| has_more).map(|last| {
        let search = url_query("q", &search);
        format!("/campaigns?{search}&standing={standing}&before={last}")
    });
    let mut rows = Vec::with_capacity(all.len());
    for campaign in all {
        let spec = Spec::from_json(&campaign.spec).ok();
        let ends = api.store.ends(campaign.id).await?;
        let view = stored_view(campaign, &api.store, now()).await?;
        rows.push(CampaignRow::of(&view, spec.as_ref(), ends));
    }
    let shell = PageShell::of(&api, &caller, "Campaigns", "/campaigns").await;
    let standings = STANDINGS.into_iter();
    let shown = CampaignsPage {
        shell: shell.having_done(done.as_deref()),
        rows,
        standings: standings
            .map(|status| StandingChoice {
                slug: status.slug(),
                words: status.slug().replace('_', " "),
                is_chosen: status.slug() == standing,
            })
            .collect(),
        search,
        is_empty,
        next,
        may_run: caller.may(Action::RunCampaign, Object::Any).is_ok(),
        may_create: caller.may(Action::CreateCampaign, Object::Any).is_ok(),
    };
    page(StatusCode::OK, &shown)
}

/// Starts or pauses those that are ticked.
async fn order_several(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let (done, words) = match form.text("standing") {
        Some("running") => ("running-several", "They are started:"),
        Some("paused") => ("paused-several", "They are paused:"),
        Some(_) | None => {
            return Err(Problem::fault(
                "/standing",
                "expected `running` or `paused`",
            ));
        }
    };
    let body = json!({"standing": form.text("standing")});
    let mut orders = CampaignOrders::default();
    for name in form.texts("campaign") {
        orders.give(&api, &caller, name, &body).await;
    }
    if orders.is_empty() {
        return Ok(see("/campaigns?done=none-ticked"));
    }
    let from = OrderedFrom {
        path: "/campaigns",
        label: "Campaigns",
        done,
        words,
    };
    orders.answer(&api, &caller, from).await
}

impl CampaignRow {
    fn of(view: &CampaignView, spec: Option<&Spec>, ends: Option<(Timestamp, Timestamp)>) -> Self {
        let stored = view.stored.as_ref();
        let of = |outcome| view.outcomes.get(&outcome).copied().unwrap_or(0);
        let ended: u64 = view.outcomes.values().sum();
        let share = |number: u64| format!("{} ({})", count(number), percent(number, ended));
        Self {
            kind: spec.map_or_else(String::new, |spec| {
                let kind = json!(spec.kind);
                kind.as_str().unwrap_or_default().to_owned()
            }),
            standing: standing_words(
                view.standing,
                stored.is_some_and(|stored| stored.has_controller),
            ),
            why: stored
                .and_then(|stored| stored.why.clone())
                .unwrap_or_default(),
            done: format!("{} of {}", count(view.done), count(view.contacts)),
            progress: view.done,
            contacts: view.contacts.max(1),
            delivered: share(of(Outcome::Delivered)),
            people: share(of(Outcome::Human)),
            refused: count(view.refused.values().sum()),
            in_flight: count(view.in_flight),
            last: ends.map(|(_, last)| Moment(last)),
            created: stored.map(|stored| Moment(stored.created_at)),
            name: view.name.clone(),
        }
    }
}

const STANDINGS: [Status; 7] = [
    Status::Draft,
    Status::Running,
    Status::Paused,
    Status::Cancelling,
    Status::Complete,
    Status::Cancelled,
    Status::DatesOver,
];

/// Campaigns of a page.
const AT_A_TIME: usize = 50;
