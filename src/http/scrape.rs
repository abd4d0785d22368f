//! `/metrics`, which tells Prometheus what the process counts, and the counting of requests.

use std::time::Instant;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::header,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::task::spawn_blocking;

use super::{Api, caller::authorise, frame::frame, health};
use crate::{
    auth::Action,
    clock,
    metrics::{self, Sample},
};

/// The route. It takes a token: how much is called is nobody's business who happens to reach the address, and behind a proxy
/// everybody is on this machine.
pub(super) fn routes(api: &Api) -> Router<Api> {
    let guard = from_fn_with_state((api.clone(), Action::ReadMetrics), authorise);
    Router::new()
        .route("/metrics", get(scrape).layer(guard))
        .layer(from_fn_with_state(api.clone(), frame))
}

/// Counts a request, by the pattern of its route.
pub(super) async fn count(request: Request, next: Next) -> Response {
    let began: Instant = clock::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| NO_ROUTE.to_owned(), |route| route.as_str().to_owned());
    let response = next.run(request).await;
    let took = clock::now().duration_since(began);
    metrics::http_request(&route, method.as_str(), response.status().as_u16(), took);
    response
}

async fn scrape(State(api): State<Api>) -> Response {
    let is_store_up = health::store(&api).await.is_none();
    let (folders, starts_limit) = {
        let config = api.config.borrow();
        let rate = config.trunk.rate;
        let starts = f64::from(rate.starts()) / rate.per().as_secs_f64();
        (health::folders(&config), config.has_pbx.then_some(starts))
    };
    let free_disk = spawn_blocking(move || {
        let free = folders.into_iter().filter_map(|(name, folder)| {
            let thousandths = u32::try_from(health::free_thousandths(&folder)?).ok()?;
            Some((name, f64::from(thousandths) / 1_000.0))
        });
        free.collect()
    });
    metrics::sample(&Sample {
        is_store_up,
        starts_limit,
        streams: api.state.feed.open(),
        free_disk: free_disk.await.unwrap_or_default(),
    });
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, metrics::text()).into_response()
}

/// The route of a request that has none.
const NO_ROUTE: &str = "none";
