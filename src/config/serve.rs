//! `[serve]`: the HTTP server, and how the service ends.

use std::{net::SocketAddr, time::Duration};

use super::{
    ConfigError,
    layers::Layers,
    values::{self, quoted},
};

/// How `aftertone serve` is reached, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where the HTTP server listens; port 0 takes a free one. Beyond this machine only if a proxy in front of it does TLS.
    pub listen: SocketAddr,
    /// How long drops in flight may go on after the order to end, 0 s to 1 h; then they are hung up.
    pub drain: Duration,
    /// Most bytes of a list that is sent over HTTP, decoded, 1 MB to 1 PB; 1 GB unless set.
    pub max_upload: u64,
    /// What is logged, in place of `AFTERTONE_LOG`; `None`: as that says.
    pub log: Option<String>,
}

pub(super) fn serve(layers: &Layers) -> Result<ServeConfig, ConfigError> {
    const LISTEN: &str = "serve.listen";
    const EXPECTED: &str = "an address with a port, such as `127.0.0.1:8090` or `[::1]:8090`";

    let listen = layers.parsed(LISTEN, EXPECTED, |text| {
        let address = text.parse::<SocketAddr>();
        address.map_err(|_| format!("{} is not an address with a port", quoted(text)))
    })?;
    let listen = listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8090)));
    let plain_http = layers.choice("serve.plain_http", &[(BEHIND_A_PROXY, ())])?;
    if !listen.ip().to_canonical().is_loopback() && plain_http.is_none() {
        return Err(layers.bad(
            LISTEN,
            "tokens and numbers would cross the network in plain HTTP",
            "an address of this machine alone, such as `127.0.0.1:8090`; or, where a proxy in front of it does TLS, \
             `plain_http = \"behind a proxy\"` beside it",
        ));
    }
    let log = layers.parsed(
        "serve.log",
        "a level such as `info`, or `aftertone::ari=debug`",
        values::log_filter,
    )?;
    let max_upload = layers.parsed(
        "serve.max_upload",
        "a size from 1MB to 1PB, such as `1GB` or `500MiB`",
        values::size,
    )?;
    Ok(ServeConfig {
        listen,
        drain: layers.duration("serve.drain", 120, 0..=3_600)?,
        max_upload: max_upload.unwrap_or(1_000_000_000),
        log,
    })
}

/// The word for plain HTTP on the network, which says why that may be.
const BEHIND_A_PROXY: &str = "behind a proxy";
