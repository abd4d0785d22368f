//! What `aftertone serve` answers over HTTP: the API, and whether this process is fit to work.
//!
//! The only place that knows `axum`. It names neither `runtime` nor `controller`: what this process's own controller
//! does reaches it as a [`Condition`], and what it asks of it goes through ports in [`orders`](crate::orders).

mod health;
mod server;

use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, store::Store};

pub use health::{Condition, DriverCondition, LinkCondition};
pub use server::{Server, ServerError};

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
}

/// All that is answered.
pub fn router(api: Api) -> Router {
    Router::new().merge(health::routes()).with_state(api)
}
