//! `[webhooks]`: where messages may be sent, and what their secrets are kept by.

use std::path::PathBuf;

use ipnet::IpNet;

use super::{ConfigError, layers::Layers, values};

/// Where webhooks may be sent, and what their secrets are kept by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhooksConfig {
    /// Networks whose addresses may be sent to though they are not public ones, and in plain HTTP.
    pub allow: Vec<IpNet>,
    /// Certificates that endpoints are trusted by beside the system's own, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The file of the key that seals secrets in the database; `None`: `webhooks.key` in the state folder, made when it is needed.
    pub key_file: Option<PathBuf>,
}

pub(super) fn webhooks(layers: &Layers) -> Result<WebhooksConfig, ConfigError> {
    let allow = layers.list(
        "webhooks.allow",
        "a list of addresses or networks such as `10.1.0.0/16`",
        values::network,
    )?;
    Ok(WebhooksConfig {
        allow: allow.unwrap_or_default(),
        ca_file: layers.path("webhooks.ca_file")?,
        key_file: layers.path("webhooks.key_file")?,
    })
}
