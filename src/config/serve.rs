//! `[serve]`: the HTTP server, and how the service ends.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use ipnet::IpNet;

use super::{
    ConfigError,
    layers::Layers,
    source::warn_if_exposed,
    values::{self, quoted},
};

/// How `aftertone serve` is reached, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where the HTTP server listens; port 0 takes a free one. Beyond this machine only with TLS, its own or a proxy's.
    pub listen: SocketAddr,
    /// Its certificate and key; `None`: it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Where people and programs reach it.
    pub public_url: Option<PublicUrl>,
    /// Networks of proxies, which say in `X-Forwarded-For` who asks.
    pub trusted_proxies: Vec<IpNet>,
    /// How many requests a second one token or user may make, and twice as many at once; `None`: any number.
    pub requests_per_second: Option<NonZeroU32>,
    /// How long drops in flight may go on after the order to end, 0 s to 1 h; then they are hung up.
    pub drain: Duration,
    /// Most bytes of a list that is sent over HTTP, decoded, 1 MB to 1 PB; 1 GB unless set.
    pub max_upload: u64,
    /// What is logged, in place of `AFTERTONE_LOG`; `None`: as that says.
    pub log: Option<String>,
}

/// The files of a certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the server, and those that lead to its authority.
    pub certificate: PathBuf,
    /// The private key of it.
    pub key: PathBuf,
}

/// Where a server is reached: a scheme, a host and a port, and nothing behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    is_https: bool,
    /// In lower case.
    host: String,
    /// `None`: the scheme's own.
    port: Option<u16>,
}

impl PublicUrl {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_https = text.starts_with("https://");
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or_else(|| {
                format!(
                    "{} does not begin with `https://` or `http://`",
                    quoted(text)
                )
            })?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            // A colon within brackets is one of an address.
            Some((host, port)) if !port.contains(']') => {
                let port = port.parse().ok().filter(|port| *port != 0);
                let port: Option<u16> = port;
                let port = port.ok_or_else(|| format!("{} has no valid port", quoted(text)))?;
                (host, Some(port))
            }
            Some(_) | None => (rest, None),
        };
        let is_name = !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        let is_address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
        if !is_name && !is_address {
            return Err(format!(
                "{} is not a scheme, a host and perhaps a port alone",
                quoted(text)
            ));
        }
        let default = if is_https { 443 } else { 80 };
        Ok(Self {
            is_https,
            host: host.to_ascii_lowercase(),
            port: port.filter(|port| *port != default),
        })
    }

    /// Whether it is reached by TLS, its own or a proxy's.
    pub const fn is_https(&self) -> bool {
        self.is_https
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// As a browser writes the origin of its pages.
impl std::fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl ServeConfig {
    /// Where it is reached: as configured, or at its own address.
    pub fn base_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.to_string(),
            None if self.tls.is_some() => format!("https://{}", self.listen),
            None => format!("http://{}", self.listen),
        }
    }
}

pub(super) fn serve(layers: &Layers) -> Result<ServeConfig, ConfigError> {
    const LISTEN: &str = "serve.listen";
    const EXPECTED: &str = "an address with a port, such as `127.0.0.1:8090` or `[::1]:8090`";

    let listen = layers.parsed(LISTEN, EXPECTED, |text| {
        let address = text.parse::<SocketAddr>();
        address.map_err(|_| format!("{} is not an address with a port", quoted(text)))
    })?;
    let listen = listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8090)));
    let tls = tls(layers)?;
    let plain_http = layers.choice("serve.plain_http", &[(BEHIND_A_PROXY, ())])?;
    if !listen.ip().to_canonical().is_loopback() && tls.is_none() && plain_http.is_none() {
        return Err(layers.bad(
            LISTEN,
            "tokens and numbers would cross the network in plain HTTP",
            "an address of this machine alone, such as `127.0.0.1:8090`; or `tls_certificate` and `tls_key` beside it; or, where a \
             proxy in front of it does TLS, `plain_http = \"behind a proxy\"`",
        ));
    }
    let public_url = layers.parsed(
        "serve.public_url",
        "a scheme and a host, such as `https://dialler.example.com`",
        PublicUrl::parse,
    )?;
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
        tls,
        public_url,
        trusted_proxies: layers
            .list(
                "serve.trusted_proxies",
                "a list of addresses or networks such as `10.1.0.0/16`",
                values::network,
            )?
            .unwrap_or_default(),
        requests_per_second: requests_per_second(layers)?,
        drain: layers.duration("serve.drain", 120, 0..=3_600)?,
        max_upload: max_upload.unwrap_or(1_000_000_000),
        log,
    })
}

/// The files are read by the server alone: whoever runs another command may not be able to.
fn tls(layers: &Layers) -> Result<Option<TlsFiles>, ConfigError> {
    let certificate = layers.path(CERTIFICATE)?;
    let key = layers.path(KEY)?;
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            warn_if_exposed(&key, "the key of the server's certificate");
            Ok(Some(TlsFiles { certificate, key }))
        }
        (Some(_), None) => {
            let problem = format!("`{KEY}` is missing beside it");
            Err(layers.bad(CERTIFICATE, problem, "both, or neither"))
        }
        (None, Some(_)) => {
            let problem = format!("`{CERTIFICATE}` is missing beside it");
            Err(layers.bad(KEY, problem, "both, or neither"))
        }
    }
}

fn requests_per_second(layers: &Layers) -> Result<Option<NonZeroU32>, ConfigError> {
    let given = layers.amount(
        "serve.requests_per_second",
        "a whole number from 1 to 100000, or `\"any\"`",
        |text| match text {
            "any" => Ok(None),
            number => {
                let number = number.parse().ok().filter(|number| *number <= 100_000);
                let number = number.and_then(NonZeroU32::new);
                number
                    .map(Some)
                    .ok_or_else(|| format!("{} was given", quoted(text)))
            }
        },
    )?;
    Ok(given.unwrap_or(NonZeroU32::new(50)))
}

/// The word for plain HTTP on the network, which says why that may be.
const BEHIND_A_PROXY: &str = "behind a proxy";

pub(super) const CERTIFICATE: &str = "serve.tls_certificate";
pub(super) const KEY: &str = "serve.tls_key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_a_host() {
        for (given, shown, host) in [
            (
                "https://Dialler.example.com",
                "https://dialler.example.com",
                "dialler.example.com",
            ),
            ("https://d.example:443/", "https://d.example", "d.example"),
            (
                "https://d.example:8443",
                "https://d.example:8443",
                "d.example",
            ),
            (
                "http://localhost:8090",
                "http://localhost:8090",
                "localhost",
            ),
            ("http://[::1]:80", "http://[::1]", "[::1]"),
        ] {
            let url = PublicUrl::parse(given).unwrap();
            assert_eq!((url.to_string().as_str(), url.host()), (shown, host));
            assert_eq!(url.is_https(), given.starts_with("https"));
        }
        for bad in [
            "",
            "dialler.example.com",
            "ftp://d.example",
            "https://",
            "https://d.example/path",
            "https://ann@d.example",
            "https://d.example:0",
            "https://d.example:x",
            "https://[::1",
            "https://a b",
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
