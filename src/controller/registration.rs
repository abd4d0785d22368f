//! What a controller registers with in the store: its PBX, and the trunk behind it.

use crate::{
    config::Config,
    id::RunName,
    runtime::PbxIdentity,
    store::{Registration, Store, StoreError},
};

/// The registration of a run that begins on this PBX, which the store may know by another address. `is_single`: for one drop
/// outside any campaign.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn registration(
    config: &Config,
    store: &Store,
    run: &RunName,
    identity: &PbxIdentity,
    is_single: bool,
) -> Result<Registration, StoreError> {
    let known = store.known_pbx(&config.instance).await?;
    let known = known
        .as_ref()
        .map(|(name, mark)| (name.as_str(), mark.as_deref()));
    let name = identity.known_as(known);
    Ok(Registration {
        run: run.clone(),
        pbx: config.instance.clone(),
        trunk: trunk_name(config, name),
        identity: name.to_owned(),
        marker: identity.marker().map(str::to_owned),
        rate: config.trunk.rate,
        in_flight: config.trunk.in_flight,
        is_single,
    })
}

/// The name of the trunk: as it is configured, or by the PBX and the endpoint's trunk there.
fn trunk_name(config: &Config, pbx: &str) -> String {
    if let Some(name) = &config.trunk_name {
        return name.clone();
    }
    let endpoint = &config.pbx.endpoint;
    let trunk = endpoint.trunk().unwrap_or(endpoint.as_str());
    format!("{trunk}@{pbx}")
}
