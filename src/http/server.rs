//! The listener of the API, from its address to its end.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Api, router};

/// A listener that is bound and not yet served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    at: SocketAddr,
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
    /// Binds a listener; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ServerError::Listen`] if the address cannot be had.
    pub async fn bind(at: SocketAddr) -> Result<Self, ServerError> {
        let refused = |source| ServerError::Listen { at, source };
        let listener = TcpListener::bind(at).await.map_err(refused)?;
        let at = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, at })
    }

    /// Where it listens.
    pub const fn at(&self) -> SocketAddr {
        self.at
    }

    /// Answers until `closed` is cancelled and all that was asked before is answered. [`Api::stopping`] is cancelled earlier:
    /// what has no end of its own has ended by then.
    ///
    /// # Errors
    /// [`ServerError::Serve`] if the listener fails.
    pub async fn serve(self, api: Api, closed: CancellationToken) -> Result<(), ServerError> {
        let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(self.listener, service)
            .with_graceful_shutdown(async move { closed.cancelled().await })
            .await
            .map_err(ServerError::Serve)
    }
}
