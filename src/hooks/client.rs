//! Requests to endpoints. The only place that connects to one: every address passes [`judge`] first, whichever way it was found.

use std::{
    error::Error as StdError,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ipnet::IpNet;
use jiff::Timestamp;
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
    redirect, retry,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::{net::lookup_host, sync::watch, time::timeout};
use tracing::warn;

use super::{
    address::{Target, TargetFault, judge},
    attempt::{HookAttempt, HookFault, MOST_OF_ANSWER, beginning, retry_after},
};
use crate::{clock, config::Config};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HookClientError {
    /// The file of certificates cannot be read.
    #[error("cannot read {} (`webhooks.ca_file`)", file.display())]
    CaFile {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no certificate of an authority.
    #[error("{} has no certificate of an authority in PEM (`webhooks.ca_file`)", .0.display())]
    NoCa(PathBuf),
    /// TLS cannot be set up.
    #[error("cannot set up TLS for webhooks")]
    Tls(#[source] rustls::Error),
    /// The client cannot be made.
    #[error("cannot make the client of webhooks")]
    Client(#[source] reqwest::Error),
}

/// A message, ready to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignedMessage<'a> {
    pub(super) id: &'a str,
    pub(super) at: Timestamp,
    pub(super) signatures: &'a str,
    pub(super) body: &'a str,
}

/// Sends messages to endpoints. Clones share connections.
#[derive(Clone, Debug)]
pub(super) struct HookClient {
    tls: ClientConfig,
    /// Those that are used, and the networks that were allowed when they were made: what is open to others is not used again.
    clients: Arc<Mutex<(Vec<IpNet>, HookClients)>>,
    config: watch::Receiver<Arc<Config>>,
}

/// A client for each way.
#[derive(Clone, Debug)]
struct HookClients {
    tls: Client,
    plain: Client,
}

impl HookClient {
    pub(super) fn new(config: watch::Receiver<Arc<Config>>) -> Result<Self, HookClientError> {
        let ca_file = config.borrow().webhooks.ca_file.clone();
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(HookClientError::Tls)?
            .with_root_certificates(roots(ca_file.as_deref())?)
            .with_no_client_auth();
        let allow = config.borrow().webhooks.allow.clone();
        let clients = HookClients::new(&tls, &allow)?;
        Ok(Self {
            tls,
            clients: Arc::new(Mutex::new((allow, clients))),
            config,
        })
    }

    /// The networks that are allowed now, and clients that never connected to others.
    fn clients(&self) -> Result<(Vec<IpNet>, HookClients), HookClientError> {
        let allow = self.config.borrow().webhooks.allow.clone();
        let mut used = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if used.0 != allow {
            *used = (allow.clone(), HookClients::new(&self.tls, &allow)?);
        }
        Ok((allow, used.1.clone()))
    }

    /// Whether an endpoint may be where a text says, as far as that is known now.
    ///
    /// # Errors
    /// [`TargetFault`].
    pub(super) async fn check(&self, text: &str) -> Result<String, TargetFault> {
        let target = Target::read(text)?;
        let addresses = match target.literal {
            Some(address) => vec![address],
            None => {
                let host = target.url.host_str().unwrap_or_default().to_owned();
                let found = timeout(ANSWERED_WITHIN, lookup_host((host, 0))).await;
                let found = found.ok().and_then(Result::ok);
                let found = found.into_iter().flatten().map(|found| found.ip());
                found.collect()
            }
        };
        if addresses.is_empty() {
            return Err(TargetFault::Name);
        }
        // A name with one address inside and another one outside is up to no good.
        for address in addresses {
            judge(address, target.is_tls, &self.config.borrow().webhooks.allow)?;
        }
        Ok(target.url.into())
    }

    /// Sends a message, and waits for the answer for 15 s.
    pub(super) async fn send(&self, url: &str, message: SignedMessage<'_>) -> HookAttempt {
        let begun = clock::now();
        let answered = self.exchange(url, message).await;
        let took = clock::now().saturating_duration_since(begun);
        let mut attempt = HookAttempt {
            at: message.at,
            took,
            status: None,
            fault: None,
            answer: None,
            retry_after: None,
        };
        let response = match answered {
            Ok(response) => response,
            Err(fault) => {
                attempt.fault = Some(fault);
                return attempt;
            }
        };
        let status = response.status();
        attempt.status = Some(status.as_u16());
        let waits = response.headers().get(RETRY_AFTER);
        let waits = waits.and_then(|value| value.to_str().ok());
        attempt.retry_after = waits.and_then(|text| retry_after(text, message.at));
        if status.is_redirection() && status.as_u16() != 304 {
            attempt.fault = Some(HookFault::Redirect);
            return attempt;
        }
        let answer = read(response).await;
        if !status.is_success() {
            attempt.answer = beginning(&answer);
        }
        attempt
    }

    async fn exchange(&self, url: &str, message: SignedMessage<'_>) -> Result<Response, HookFault> {
        let target = Target::read(url).map_err(|_| HookFault::Address)?;
        let (allow, clients) = self.clients().map_err(|_| HookFault::Connect)?;
        // No resolver sees an address.
        if let Some(address) = target.literal {
            let judged = judge(address, target.is_tls, &allow);
            judged.map_err(|_| HookFault::Address)?;
        }
        let client = if target.is_tls {
            clients.tls
        } else {
            clients.plain
        };
        let request = client
            .post(target.url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.at.as_second())
            .header("webhook-signature", message.signatures)
            .body(message.body.to_owned());
        match timeout(ANSWERED_WITHIN, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(classify(&error)),
            Err(_) => Err(HookFault::Timeout),
        }
    }
}

impl HookClients {
    fn new(tls: &ClientConfig, allow: &[IpNet]) -> Result<Self, HookClientError> {
        let client = |is_tls: bool| {
            let resolver = JudgingResolver {
                is_tls,
                allow: allow.into(),
            };
            // No proxy: it would resolve for us, unjudged. No redirect: it would lead where nobody has looked.
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(resolver)
                .no_proxy()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .https_only(is_tls)
                .tcp_nodelay(true)
                .connect_timeout(ANSWERED_WITHIN)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .build()
                .map_err(HookClientError::Client)
        };
        Ok(Self {
            tls: client(true)?,
            plain: client(false)?,
        })
    }
}

/// Gives those addresses of a name that may be connected to, at each connection.
#[derive(Clone, Debug)]
struct JudgingResolver {
    is_tls: bool,
    allow: Arc<[IpNet]>,
}

/// A name has no address that may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("no address of it may be connected to")]
struct AllRefused;

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("it has no address")]
struct NoAddress;

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { is_tls, allow } = self.clone();
        Box::pin(async move {
            let found = lookup_host((name.as_str().to_owned(), 0)).await;
            let found: Vec<_> = found.map_err(|_| NoAddress)?.collect();
            if found.is_empty() {
                return Err(NoAddress.into());
            }
            let fit: Vec<SocketAddr> = found
                .into_iter()
                .filter(|found| judge(found.ip(), is_tls, &allow).is_ok())
                .collect();
            if fit.is_empty() {
                return Err(AllRefused.into());
            }
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}

/// The beginning of an answer. What follows is never read: the connection ends with it.
async fn read(mut response: Response) -> Vec<u8> {
    let mut answer = Vec::new();
    let reading = async {
        while answer.len() < MOST_OF_ANSWER {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    answer.extend_from_slice(&chunk[..chunk.len().min(MOST_OF_ANSWER)])
                }
                Ok(None) | Err(_) => break,
            }
        }
    };
    // The status says what came of it; the rest may take its time.
    let _ = timeout(READ_WITHIN, reading).await;
    answer
}

/// What kind of fault it was. Its own words are kept to ourselves: they tell of what is inside.
fn classify(error: &reqwest::Error) -> HookFault {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        if cause.is::<AllRefused>() {
            return HookFault::Address;
        }
        if cause.is::<NoAddress>() {
            return HookFault::Name;
        }
        if cause.is::<rustls::Error>() {
            return HookFault::Tls;
        }
        // What an I/O error wraps is not its `source()` but itself.
        next = match cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    if error.is_timeout() {
        HookFault::Timeout
    } else if error.is_connect() {
        HookFault::Connect
    } else {
        HookFault::Closed
    }
}

/// The authorities that are trusted: the system's, and those of a file.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, HookClientError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(file) = ca_file {
        let pem = fs::read(file).map_err(|source| HookClientError::CaFile {
            file: file.to_owned(),
            source,
        })?;
        let own = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        let (added, _) = roots.add_parsable_certificates(own);
        if added == 0 {
            return Err(HookClientError::NoCa(file.to_owned()));
        }
    }
    if roots.is_empty() {
        warn!("this system trusts no certificate authority: no webhook over TLS can be sent");
    }
    Ok(roots)
}

/// How long an answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// How long the beginning of an answer may take, once its status is known.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// How long a connection is kept that nothing is sent over.
const IDLE: Duration = Duration::from_secs(30);

/// How many such connections an endpoint has at most.
const IDLE_CONNECTIONS: usize = 50;

const AGENT: &str = concat!("aftertone/", env!("CARGO_PKG_VERSION"));
