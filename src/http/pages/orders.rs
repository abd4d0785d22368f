//! An order to several campaigns: all are given it, and those that refuse it are named with those that do not.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::Value;

use super::{page, see, shell::PageShell};
use crate::http::{
    Api,
    caller::Caller,
    given::{Body, Parameters},
    problem::Problem,
    routes::campaigns,
};

/// What came of an order to several campaigns.
#[derive(Debug, Default)]
pub(super) struct CampaignOrders {
    done: Vec<String>,
    refused: Vec<(String, Problem)>,
}

/// The page that such an order was on, and what is said there.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderedFrom {
    /// The page, and what leads back to it.
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    /// The slug of what is said if none refused.
    pub(super) done: &'static str,
    /// What was done to those that did not refuse.
    pub(super) words: &'static str,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    shell: PageShell,
    back: &'static str,
    back_words: &'static str,
    done_words: &'static str,
    done: Vec<String>,
    refused: Vec<(String, String)>,
}

impl CampaignOrders {
    /// Gives the order to one. It ends nothing if that one refuses it: the others are to have it all the same.
    pub(super) async fn give(&mut self, api: &Api, caller: &Caller, name: &str, body: &Value) {
        match order(api, caller, name.to_owned(), body).await {
            Ok(()) => self.done.push(name.to_owned()),
            Err(problem) => self.refused.push((name.to_owned(), problem)),
        }
    }

    /// Takes those out that refused it and are no concern of whoever gave it.
    pub(super) fn forgive(&mut self, is_fault: impl Fn(&str) -> bool) {
        self.refused.retain(|(name, _)| is_fault(name));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.done.is_empty() && self.refused.is_empty()
    }

    pub(super) const fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// The way back, or a page that says which refused it and which did not.
    pub(super) async fn answer(
        self,
        api: &Api,
        caller: &Caller,
        from: OrderedFrom,
    ) -> Result<Response, Problem> {
        let Some((_, first)) = self.refused.first() else {
            return Ok(see(&format!("{}?done={}", from.path, from.done)));
        };
        // One that is not there is no page that is not there.
        let status = match first.kind().status() {
            StatusCode::NOT_FOUND => StatusCode::CONFLICT,
            status => status,
        };
        let refused = self.refused.into_iter();
        let shown = OrdersPage {
            shell: PageShell::of(api, caller, "Not all of it was done", from.path).await,
            back: from.path,
            back_words: from.label,
            done_words: from.words,
            done: self.done,
            refused: refused
                .map(|(name, problem)| (name, problem.detail().to_owned()))
                .collect(),
        };
        page(status, &shown)
    }
}

/// Starts, pauses or cancels a campaign.
pub(super) async fn order(
    api: &Api,
    caller: &Caller,
    name: String,
    body: &Value,
) -> Result<(), Problem> {
    let (state, by) = (State(api.clone()), caller.clone());
    let body = Body::of_json(body);
    campaigns::stand(state, by, Path(name), Parameters::none(), body).await?;
    Ok(())
}
