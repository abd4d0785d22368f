//! What a controller registers with in the store: its PBX, and the trunk behind it.

use crate::{config::Config, id::RunName, runtime::PbxIdentity, store::Registration};

/// The registration of a run that begins on this PBX. `is_single`: for one drop outside any campaign.
pub(super) fn registration(
    config: &Config,
    run: &RunName,
    identity: &PbxIdentity,
    is_single: bool,
) -> Registration {
    Registration {
        run: run.clone(),
        pbx: config.instance.clone(),
        trunk: trunk_name(config, identity),
        identity: identity.to_string(),
        rate: config.trunk.rate,
        in_flight: config.trunk.in_flight,
        is_single,
    }
}

/// The name of the trunk: as it is configured, or by the PBX and the endpoint's trunk there.
fn trunk_name(config: &Config, identity: &PbxIdentity) -> String {
    if let Some(name) = &config.trunk_name {
        return name.clone();
    }
    let endpoint = &config.pbx.endpoint;
    let trunk = endpoint.trunk().unwrap_or(endpoint.as_str());
    format!("{trunk}@{identity}")
}
