//! Reading the configuration anew: what is asked of a service, and what came of it.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// What came of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadAnswer {
    /// Keys whose new values are in force.
    pub live: Vec<String>,
    /// Keys whose new values count from the next start on.
    pub at_restart: Vec<String>,
    /// Why nothing was taken up.
    pub error: Option<String>,
}

/// Somebody who wants a reload, and waits for what comes of it.
pub type ReloadRequest = oneshot::Sender<ReloadAnswer>;
