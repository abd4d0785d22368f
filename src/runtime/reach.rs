//! How the configured PBX is reached.

use std::time::Duration;

use backon::ExponentialBuilder;

use crate::{
    ari::{DEFAULT_REQUEST_TIMEOUT, PbxSettings},
    config::Config,
};

/// A PBX at the limit of its sessions closes connections without a word, and may have room a moment later.
pub(super) fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_jitter()
        .with_max_times(3)
}

/// What `ari` needs to reach the configured PBX.
pub(crate) fn settings(config: &Config) -> PbxSettings {
    PbxSettings {
        url: config.pbx.url.to_string(),
        username: config.pbx.username.clone(),
        password: config.pbx.password.clone(),
        ca_file: config.pbx.ca_file.clone(),
        request_timeout: DEFAULT_REQUEST_TIMEOUT,
    }
}
