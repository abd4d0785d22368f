//! What is needed to reach one PBX, checked and made ready once.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, Url,
    header::{AUTHORIZATION, HeaderValue},
    redirect, retry,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tracing::warn;

use super::{adopted::AdoptedChannels, rest::Rest, transport::Http};

/// How long one request may take, from waiting for a connection to the end of the reply, unless set otherwise.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long making one connection may take; half of a request's time if that is less.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle connections are closed by us before Asterisk does it (`session_keep_alive`, 15 s), so that no request meets a
/// connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach one PBX.
#[derive(Clone, Debug)]
pub struct PbxSettings {
    /// `http://` or `https://`, host, port, and the prefix of Asterisk's http.conf if it has one; no `/ari`.
    pub url: String,
    /// The ARI user.
    pub username: String,
    /// The ARI user's password.
    pub password: SecretString,
    /// A PEM file of certificate authorities to trust beside the system's own.
    pub ca_file: Option<PathBuf>,
    /// How long one request may take; see [`DEFAULT_REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
}

/// One PBX, and all that is needed to talk to it. Cheap to clone.
#[derive(Clone)]
pub struct Pbx {
    pub(super) base: Url,
    pub(super) authorization: HeaderValue,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) adopted: AdoptedChannels,
    rest: Rest,
}

impl Pbx {
    /// Makes ready what requests and events need; nothing is sent.
    ///
    /// # Errors
    /// [`SetupError`] if the settings cannot work, or the certificate authorities cannot be read.
    pub fn new(settings: &PbxSettings) -> Result<Self, SetupError> {
        let base = base_url(&settings.url)?;
        let username_fits = !settings.username.is_empty()
            && !settings
                .username
                .chars()
                .any(|c| c == ':' || c.is_control());
        if !username_fits {
            return Err(SetupError::Username);
        }
        let tls = tls(&base, settings.ca_file.as_deref())?;
        // No proxy: the PBX is near, and its events do not pass one either. No redirect: only the configured host may see
        // our credentials. No retry: only the core decides whether something is done twice.
        let client = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT.min(settings.request_timeout / 2))
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(Http::MAX_IDLE)
            .build()
            .map_err(SetupError::Client)?;
        let authorization = authorization(&client, &base, settings)?;
        let http = Http::new(
            client,
            base.clone(),
            authorization.clone(),
            settings.request_timeout,
        );
        let adopted = AdoptedChannels::default();
        Ok(Self {
            base,
            authorization,
            tls: Arc::new(tls),
            rest: Rest::new(http, adopted.clone()),
            adopted,
        })
    }

    /// The request side. Cheap to clone; all clones share one pool of connections.
    pub fn rest(&self) -> Rest {
        self.rest.clone()
    }

    /// The channels that are taken over, which requests and events of this and its clones name as legs.
    pub fn adopted(&self) -> AdoptedChannels {
        self.adopted.clone()
    }

    /// The PBX's address, as `host:port`, for people and for connecting.
    pub fn address(&self) -> String {
        // `base_url` has seen to it that both are there.
        let host = self.base.host_str().unwrap_or_default();
        let port = self.base.port_or_known_default().unwrap_or_default();
        format!("{host}:{port}")
    }
}

impl fmt::Debug for Pbx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pbx")
            .field("at", &self.address())
            .finish_non_exhaustive()
    }
}

/// The settings cannot work.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The URL is not one, or has a part that it must not have.
    #[error("the PBX's URL {0}")]
    Url(&'static str),
    /// HTTP's basic authentication does not allow such a user name.
    #[error("the ARI user name must not be empty and must hold no colon and no control character")]
    Username,
    /// The file of certificate authorities cannot be read.
    #[error("cannot read the certificate authorities in {}", file.display())]
    CaFile {
        /// The configured file.
        file: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file of certificate authorities holds none.
    #[error("{} holds no usable certificate authority: it must be PEM (-----BEGIN CERTIFICATE-----)", .0.display())]
    NoCa(PathBuf),
    /// Neither the system nor the settings name a certificate authority.
    #[error(
        "the system has no certificate authorities: install `ca-certificates`, or name a PEM file of your own"
    )]
    NoRoots,
    /// The TLS library refused its own defaults.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP client could not be made.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

fn base_url(text: &str) -> Result<Url, SetupError> {
    let mut url = Url::parse(text)
        .map_err(|_| SetupError::Url("is not a URL: it must look like http://127.0.0.1:8088"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SetupError::Url("must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SetupError::Url(
            "must hold no user name and no password: they have settings of their own",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(SetupError::Url("must end with the host, port and prefix"));
    }
    let prefix = url.path().trim_end_matches('/');
    let prefix = prefix.strip_suffix("/ari").unwrap_or(prefix);
    let path = format!("{prefix}/ari");
    url.set_path(&path);
    Ok(url)
}

fn authorization(
    client: &Client,
    base: &Url,
    settings: &PbxSettings,
) -> Result<HeaderValue, SetupError> {
    let request = client
        .get(base.clone())
        .basic_auth(&settings.username, Some(settings.password.expose_secret()))
        .build()
        .map_err(|error| SetupError::Client(error.without_url()))?;
    request
        .headers()
        .get(AUTHORIZATION)
        .cloned()
        .ok_or(SetupError::Username)
}

fn tls(base: &Url, ca_file: Option<&Path>) -> Result<ClientConfig, SetupError> {
    // Reading the system's authorities takes time that a plain connection need not spend.
    let roots = if base.scheme() == "https" {
        roots(ca_file)?
    } else {
        RootCertStore::empty()
    };
    // The provider is named here, so that nothing depends on what the process has installed.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(SetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(error) = system.errors.first() {
        warn!(errors = system.errors.len(), %error, "some of the system's certificate authorities cannot be read");
    }
    if let Some(file) = ca_file {
        let pem = fs::read(file).map_err(|source| SetupError::CaFile {
            file: file.to_owned(),
            source,
        })?;
        let own = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        let (added, _) = roots.add_parsable_certificates(own);
        if added == 0 {
            return Err(SetupError::NoCa(file.to_owned()));
        }
    }
    if roots.is_empty() {
        return Err(SetupError::NoRoots);
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
