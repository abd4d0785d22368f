//! `/metrics`, which tells Prometheus what the process counts, and the counting of requests.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::header,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use jiff::Timestamp;
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};
use tracing::debug;

use super::{
    Api,
    caller::{authorise, now as wall_clock},
    frame::frame,
    health,
};
use crate::{
    auth::Action,
    campaign::HeldReason,
    clock,
    error_chain::chain,
    metrics::{self, Sample},
    store::StoreError,
};

/// When the database was last looked at, which holds for a moment: whoever asks often costs it no more.
#[derive(Clone, Debug, Default)]
struct LastCount(Arc<Mutex<Option<Instant>>>);

/// The route. It takes a token: how much is called is nobody's business who happens to reach the address, and behind a proxy
/// everybody is on this machine.
pub(super) fn routes(api: &Api) -> Router<Api> {
    let guard = from_fn_with_state((api.clone(), Action::ReadMetrics), authorise);
    let last = LastCount::default();
    let scrape = move |State(api): State<Api>| async move { scrape(&api, &last).await };
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

async fn scrape(api: &Api, last: &LastCount) -> Response {
    let is_store_up = matches!(timeout(PINGED_IN, health::store(api)).await, Ok(None));
    if is_store_up {
        look_at_store(api, last).await;
    }
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

/// Looks at what only the database knows. What cannot be read stays as it was.
async fn look_at_store(api: &Api, last: &LastCount) {
    let mut last = last.0.lock().await;
    let now = clock::now();
    if last.is_some_and(|at| now.duration_since(at) < HOLDS_FOR) {
        return;
    }
    match timeout(STORE_ANSWERS_IN, take_over(api)).await {
        Ok(Ok(())) => *last = Some(now),
        Ok(Err(error)) => debug!(error = chain(&error), "what waits was not counted"),
        Err(_) => debug!("what waits was not counted in time"),
    }
}

async fn take_over(api: &Api) -> Result<(), StoreError> {
    let wall = wall_clock();
    let held = api.store.held_contacts(wall).await?;
    let all = HeldReason::ALL.map(|reason| {
        let contacts = held.get(&reason).copied().unwrap_or(0);
        (reason.slug(), contacts)
    });
    metrics::held_contacts(&all);
    let waits = api.store.webhook_waits().await?.into_iter();
    let waits = waits.map(|(id, since)| {
        let waited = since.map_or(0.0, |since| wall.duration_since(since).as_secs_f64());
        // What is new is passed within seconds.
        let is_late = waited >= LATE.as_secs_f64();
        (id.to_string(), if is_late { waited } else { 0.0 })
    });
    metrics::webhooks(&waits.collect::<Vec<_>>());
    let stops = api.store.webhook_stops().await?.into_iter();
    let stops = stops.map(|(id, is_stopped)| (id.to_string(), is_stopped));
    metrics::webhooks_disabled(&stops.collect::<Vec<_>>());
    let turn = api.store.prune_turn(wall).await?;
    let done_at = turn.done_at.map(Timestamp::as_second);
    metrics::retention(done_at, turn.failure.is_some());
    Ok(())
}

/// For how long the database is not looked at again.
const HOLDS_FOR: Duration = Duration::from_secs(5);

/// How long the database may take to say that it is there: whoever asks waits ten seconds for all, if nobody has said otherwise.
const PINGED_IN: Duration = Duration::from_secs(3);

/// How long it may take to count.
const STORE_ANSWERS_IN: Duration = Duration::from_secs(5);

/// How far an endpoint has come in the log is stored every ten seconds.
const LATE: Duration = Duration::from_secs(30);

/// The route of a request that has none.
const NO_ROUTE: &str = "none";
