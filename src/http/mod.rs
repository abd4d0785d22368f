//! What `aftertone serve` answers over HTTP: the API, the pages of the dashboard, and whether this process is fit to work.
//!
//! The only place that knows `axum`. It names neither `runtime` nor `controller`: what this process's own controller
//! does reaches it as a [`Condition`], and what it asks of it goes through ports in [`orders`](crate::orders).

mod attacks;
mod browser;
mod caller;
mod etag;
mod event_feed;
mod fields;
mod frame;
mod given;
mod health;
mod idempotency;
mod limits;
mod live_feed;
mod one_time_links;
mod openapi;
mod outflow;
mod pages;
mod pagination;
mod passwords;
mod probe;
mod problem;
mod ranges;
mod routes;
mod scrape;
mod scrapers;
mod server;
mod streams;
mod timely;
mod tls;
mod unread;

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware::from_fn};
use tokio::sync::{OnceCell, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Seal,
    config::Config,
    hooks::Webhooks,
    orders::{Examinations, ListUploads, ReloadRequest, SingleDrops, View},
    store::Store,
};

pub use health::{Condition, DriverCondition, LinkCondition};
pub use one_time_links::link_at;
pub use pages::page_routes;
pub use probe::{ProbeError, Probed, probe};
pub use problem::{Fault, Problem, ProblemKind};
pub use server::{Server, ServerError};
pub use tls::{Certificate, ServerTls, TlsError};

/// What all handlers share. Clones are the same.
#[derive(Clone, Debug)]
pub struct Api {
    /// The database.
    pub store: Store,
    /// The settings in force, which a reload replaces.
    pub config: watch::Receiver<Arc<Config>>,
    /// What this process knows of itself.
    pub condition: watch::Receiver<Condition>,
    /// Cancelled when the process begins to stop: an answer that has no end of its own, such as a stream, ends then.
    pub stopping: CancellationToken,
    /// What dials single drops; `None` if this process has no PBX.
    pub drops: Option<Arc<dyn SingleDrops>>,
    /// What this process's controller last showed; `None` while there is none.
    pub view: watch::Receiver<Option<Arc<View>>>,
    /// What looks at the PBX; `None` if this process has none.
    pub examinations: Option<Arc<dyn Examinations>>,
    /// Takes those who want the configuration to be read anew.
    pub reloads: mpsc::UnboundedSender<ReloadRequest>,
    /// What takes lists that are sent.
    pub uploads: Arc<dyn ListUploads>,
    /// What makes and tries endpoints of webhooks.
    pub webhooks: Webhooks,
    /// What the API keeps for itself; [`ApiState::default`] begins with nothing.
    pub state: ApiState,
}

/// What the API keeps for itself while it runs. Clones are the same.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// How long a request may take until its answer begins.
    longest_request: Duration,
    keys: idempotency::KeysInUse,
    feed: event_feed::EventFeed,
    live: live_feed::LiveFeed,
    seal: Arc<OnceCell<Seal>>,
    replays: routes::Replays,
    examining: routes::Examining,
    simulations: routes::Simulations,
    limits: limits::Limits,
    attacks: attacks::Attacks,
    scrapers: scrapers::Scrapers,
    passwords: passwords::PasswordThread,
    exports: outflow::Exports,
    pages: pages::PagesState,
}

impl Default for ApiState {
    fn default() -> Self {
        Self::answering_within(timely::LONGEST_REQUEST)
    }
}

impl ApiState {
    /// Nothing yet, of an API that answers a request within this, unless its work takes longer by its nature.
    pub fn answering_within(longest_request: Duration) -> Self {
        Self {
            longest_request,
            keys: idempotency::KeysInUse::default(),
            feed: event_feed::EventFeed::default(),
            live: live_feed::LiveFeed::default(),
            seal: Arc::default(),
            replays: routes::Replays::default(),
            examining: routes::Examining::default(),
            simulations: routes::Simulations::default(),
            limits: limits::Limits::default(),
            attacks: attacks::Attacks::default(),
            scrapers: scrapers::Scrapers::default(),
            passwords: passwords::PasswordThread::default(),
            exports: outflow::Exports::default(),
            pages: pages::PagesState::default(),
        }
    }
}

impl Api {
    /// What seals cursors: the same in every process on this database.
    async fn seal(&self) -> Result<&Seal, Problem> {
        let made = self.state.seal.get_or_try_init(|| async {
            let key = self.store.cursor_key().await?;
            Ok::<_, Problem>(Seal::new(key.as_bytes()))
        });
        made.await
    }
}

/// The OpenAPI document of the API.
pub fn openapi() -> serde_json::Value {
    routes::document()
}

/// All that is answered.
pub fn router(api: Api) -> Router {
    Router::new()
        .merge(health::routes())
        .merge(scrape::routes(&api))
        .merge(pages::router(&api))
        .merge(routes::router(&api))
        .layer(from_fn(scrape::count))
        .layer(from_fn(unread::settle))
        .with_state(api)
}
