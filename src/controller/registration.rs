//! What a controller registers with in the store: its PBX, and the trunk behind it.

use crate::{config::Config, id::RunName, store::Registration};

/// The registration of a run that begins. `is_single`: for one drop outside any campaign.
pub(super) fn registration(config: &Config, run: &RunName, is_single: bool) -> Registration {
    let identity = address(config.pbx.url.as_str());
    Registration {
        run: run.clone(),
        pbx: config.instance.clone(),
        trunk: trunk_name(config, &identity),
        identity,
        rate: config.trunk.rate,
        in_flight: config.trunk.in_flight,
        is_single,
    }
}

/// The name of the trunk: as it is configured, or by the PBX and the endpoint's trunk there.
fn trunk_name(config: &Config, identity: &str) -> String {
    if let Some(name) = &config.trunk_name {
        return name.clone();
    }
    let endpoint = &config.pbx.endpoint;
    let trunk = endpoint.trunk().unwrap_or(endpoint.as_str());
    format!("{trunk}@{identity}")
}

/// The host and port of a URL, in lower case.
fn address(url: &str) -> String {
    let at = url.split_once("://").map_or(url, |(_, rest)| rest);
    let at = at.split(['/', '?', '#']).next().unwrap_or_default();
    at.to_ascii_lowercase()
}
