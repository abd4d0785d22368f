//! The listener of the API, from its address to its end.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use axum_server::Handle;
use tokio_util::sync::CancellationToken;

use super::{Api, ServerTls, router};

/// A listener that is bound and not yet served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    at: SocketAddr,
    tls: Option<ServerTls>,
}

/// Why a server could not begin, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {at} (`serve.listen`)")]
    Listen {
        /// The address.
        at: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The listener failed.
    #[error("the HTTP server has failed")]
    Serve(#[source] io::Error),
}

impl Server {
    /// Binds a listener, which speaks plain HTTP; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ServerError::Listen`] if the address cannot be had.
    pub async fn bind(at: SocketAddr) -> Result<Self, ServerError> {
        let refused = |source| ServerError::Listen { at, source };
        let listener = tokio::net::TcpListener::bind(at).await.map_err(refused)?;
        let at = listener.local_addr().map_err(refused)?;
        let listener = listener.into_std().map_err(refused)?;
        Ok(Self {
            listener,
            at,
            tls: None,
        })
    }

    /// The same listener, which speaks TLS alone.
    #[must_use]
    pub fn with_tls(self, tls: ServerTls) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// Where it listens.
    pub const fn at(&self) -> SocketAddr {
        self.at
    }

    /// Where it is reached on this machine.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.at)
    }

    /// Answers until `closed` is cancelled and all that was asked before is answered. [`Api::stopping`] is cancelled earlier:
    /// what has no end of its own has ended by then.
    ///
    /// # Errors
    /// [`ServerError::Serve`] if the listener fails.
    pub async fn serve(self, api: Api, closed: CancellationToken) -> Result<(), ServerError> {
        let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
        let handle = Handle::new();
        let ending = handle.clone();
        let end = async move {
            closed.cancelled().await;
            ending.graceful_shutdown(None);
            // The server ends first.
            std::future::pending::<()>().await;
        };
        let serving = async {
            match self.tls {
                Some(tls) => {
                    let server = axum_server::from_tcp_rustls(self.listener, tls.config())?;
                    patient(server).handle(handle).serve(service).await
                }
                None => {
                    let server = axum_server::from_tcp(self.listener)?;
                    patient(server).handle(handle).serve(service).await
                }
            }
        };
        tokio::select! {
            served = serving => served.map_err(ServerError::Serve),
            () = end => Ok(()),
        }
    }
}

/// The same server, which waits for the head of a request, and no longer: who holds a connection and sends nothing holds little.
fn patient<A>(
    mut server: axum_server::Server<SocketAddr, A>,
) -> axum_server::Server<SocketAddr, A> {
    let mut http = server.http_builder().http1();
    http.header_read_timeout(Some(HEAD_WITHIN));
    server
        .first_request_timeout(HEAD_WITHIN)
        .accept_error_handler(|_, error| tracing::debug!(%error, "a connection was not taken"))
}

/// How long a client may take for the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
