//! `/healthz` and `/readyz`.

use std::time::Instant;

use axum::{Router, http::StatusCode, routing::get};

use super::Api;

/// What a process knows of itself, beyond the store that it shares.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// Its driver of a PBX; `None` if it has no PBX and is a server of the API only.
    pub driver: Option<DriverCondition>,
}

/// The driver of a PBX.
#[derive(Clone, Debug)]
pub struct DriverCondition {
    /// The way to the PBX.
    pub link: LinkCondition,
    /// When the driver's loop last turned; `None` before its first turn.
    pub turned_at: Option<Instant>,
}

/// The way to a PBX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkCondition {
    /// Connected.
    Up,
    /// Not connected, and why, in words for people.
    Away(String),
}

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/healthz", get(|| async { StatusCode::OK }))
}
