//! The seam: one request to ARI, carried to the PBX, and its reply. Only this module knows how it is carried.

use std::{
    error::Error as StdError,
    future::pending,
    io::{self, ErrorKind},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{
    Client, Method, Response, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{failure::Failure, tls_fault::TlsFault};
use crate::{clock, error_chain::chain, metrics};

/// One request, in ARI's own terms.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// The path below `/ari`, not encoded, one item a segment.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Whether it goes ahead of requests that are not: it ends a call, or stops a play.
    pub(super) urgent: bool,
    /// Until when it may be sent.
    pub(super) by: Option<Instant>,
    /// It is not sent once this is cancelled.
    pub(super) unless: Option<&'a CancellationToken>,
}

/// What came back, whatever its status.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Carries requests over a pool of HTTP connections. Cheap to clone; all clones share the pool.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    base: Url,
    authorization: HeaderValue,
    limit: Duration,
    lanes: Arc<Lanes>,
}

/// How many requests may be under way. Each takes a connection, and Asterisk closes connections above its
/// `sessionlimit` (100, shared by all its clients) without a reply.
struct Lanes {
    ordinary: Semaphore,
    /// A lane of its own: a hang-up does not queue behind originates that the PBX is slow to answer.
    urgent: Semaphore,
}

impl Http {
    /// Connections kept open while idle: as many as can be under way, so that a steady load does not reconnect.
    pub(super) const MAX_IDLE: usize = Self::ORDINARY + Self::URGENT;

    /// Requests under way at most, hang-ups apart.
    pub(super) const ORDINARY: usize = 32;

    /// Hang-ups and stops of plays under way at most.
    pub(super) const URGENT: usize = 16;

    pub(super) fn new(
        client: Client,
        base: Url,
        authorization: HeaderValue,
        limit: Duration,
    ) -> Self {
        let lanes = Arc::new(Lanes {
            ordinary: Semaphore::new(Self::ORDINARY),
            urgent: Semaphore::new(Self::URGENT),
        });
        Self {
            client,
            base,
            authorization,
            limit,
            lanes,
        }
    }

    /// Carries out one request, with a body of JSON if it has one. A reply of any status is a reply.
    ///
    /// If the connection broke without an answer, a request that can be repeated without harm is repeated once.
    pub(super) async fn send(
        &self,
        request: Request<'_>,
        body: Option<Vec<u8>>,
    ) -> Result<Reply, Failure> {
        let _permit = self.permit(&request).await?;
        if request.by.is_some_and(|by| clock::now() > by) {
            return Err(Failure::too_late());
        }
        if request.unless.is_some_and(CancellationToken::is_cancelled) {
            return Err(Failure::given_up());
        }
        let repeatable = matches!(request.method, Method::GET | Method::DELETE);
        let exchange = async {
            match self.exchange(&request, body).await {
                Err(error) if repeatable && broken(&error) => self.exchange(&request, None).await,
                done => done,
            }
        };
        let began = clock::now();
        let done = within(self.limit, exchange).await;
        let status = match &done {
            Some(Ok(reply)) => Some(reply.status),
            Some(Err(_)) | None => None,
        };
        let took = clock::now().duration_since(began);
        metrics::ari_request(request.method.as_str(), status, took);
        match done {
            Some(done) => done.map_err(|error| classify(&error)),
            None => Err(Failure::no_reply(&format!(
                "no reply within {} s",
                self.limit.as_secs_f32()
            ))),
        }
    }

    async fn permit(&self, request: &Request<'_>) -> Result<SemaphorePermit<'_>, Failure> {
        let lane = if request.urgent {
            &self.lanes.urgent
        } else {
            &self.lanes.ordinary
        };
        if let Ok(permit) = lane.try_acquire() {
            return Ok(permit);
        }
        let left = |by: Instant| by.saturating_duration_since(clock::now());
        let limit = request.by.map_or(self.limit, left).min(self.limit);
        let given_up = async {
            match request.unless {
                Some(unless) => unless.cancelled().await,
                None => pending().await,
            }
        };
        let permit = tokio::select! {
            permit = timeout(limit, lane.acquire()) => permit,
            () = given_up => return Err(Failure::given_up()),
        };
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) if request.by.is_some() => Err(Failure::too_late()),
            Ok(Err(_)) | Err(_) => Err(Failure::unreachable(
                "not sent: the PBX is too slow with the requests before it",
            )),
        }
    }

    async fn exchange(
        &self,
        request: &Request<'_>,
        body: Option<Vec<u8>>,
    ) -> Result<Reply, reqwest::Error> {
        let mut builder = self
            .client
            .request(request.method.clone(), self.url(request))
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(json) = body {
            builder = builder.header(CONTENT_TYPE, JSON).body(json);
        }
        let response = builder.send().await?;
        let status = response.status().as_u16();
        let body = read(response).await?;
        Ok(Reply { status, body })
    }

    fn url(&self, request: &Request<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(request.path);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        url
    }
}

/// Waits so long for something, and then a moment more: if this program stalled, what has come meanwhile may have
/// to be read first.
async fn within<T>(limit: Duration, awaited: impl Future<Output = T>) -> Option<T> {
    let mut awaited = pin!(awaited);
    match timeout(limit, &mut awaited).await {
        Ok(done) => Some(done),
        Err(_) => timeout(clock::CATCH_UP, awaited).await.ok(),
    }
}

/// Reads the body, as far as any reply of Asterisk's goes: what follows is garbage and not kept.
async fn read(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_MAX {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether a connection that was there broke before the whole reply had come.
fn broken(error: &reqwest::Error) -> bool {
    !error.is_connect() && !error.is_timeout() && !error.is_builder()
}

fn classify(error: &reqwest::Error) -> Failure {
    // Without its URL by construction: only the causes are reported.
    let message = StdError::source(error).map_or_else(|| "no reply".to_owned(), chain);
    if error.is_connect() || error.is_builder() {
        Failure {
            tls: TlsFault::of(error),
            ..Failure::unreachable(&message)
        }
    } else if closed_on_us(error) {
        Failure::no_reply(
            "the connection was closed without a reply; is the PBX at its sessionlimit?",
        )
    } else {
        Failure::no_reply(&message)
    }
}

/// Whether the other side ended the connection. How the system reports it depends on which of two packets comes first.
fn closed_on_us(error: &reqwest::Error) -> bool {
    std::iter::successors(error.source(), |&cause| cause.source()).any(|cause| {
        match cause.downcast_ref::<io::Error>() {
            Some(error) => matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ),
            // hyper's `IncompleteMessage`, which it reports as text only.
            None => cause.to_string() == "connection closed before message completed",
        }
    })
}

/// Largest reply that is read, in bytes: a list of 10,000 channels is about half of it.
const BODY_MAX: usize = 16 << 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
