//! The checks of `aftertone doctor`, for whoever asks over HTTP.

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    cli::{campaign::forecast, doctor},
    config::Config,
    error_chain::chain,
    orders::{Examinations, SimulationOrder},
};

/// Looks at the PBX and the database by the configuration in force.
#[derive(Clone, Debug)]
pub(super) struct Examiner(pub(super) watch::Receiver<Arc<Config>>);

impl Examinations for Examiner {
    fn doctor(&self) -> BoxFuture<'static, Result<Vec<Value>, String>> {
        let config = Arc::clone(&self.0.borrow());
        async move {
            let mut checks = Vec::new();
            let examined = doctor::examine(&config, |check| checks.push(json!(check))).await;
            examined.map_err(|error| chain(&error))?;
            Ok(checks)
        }
        .boxed()
    }

    fn simulate(&self, order: SimulationOrder) -> BoxFuture<'static, Result<Value, String>> {
        let config = Arc::clone(&self.0.borrow());
        async move { forecast(order, &config).await }.boxed()
    }
}
