//! Makes one websocket to the PBX, and says what to do if that fails.

use std::io;

use reqwest::Url;
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        Error as WsError,
        client::IntoClientRequest,
        error::{ProtocolError, TlsError},
        handshake::client::Request,
        http::{
            HeaderValue, StatusCode,
            header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL},
        },
        protocol::WebSocketConfig,
    },
};

use crate::ari::setup::{CONNECT_TIMEOUT, Pbx};

/// A websocket to the PBX.
pub(in crate::ari) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why the event websocket could not be made.
#[derive(Debug, Error)]
pub enum LinkError {
    /// Nothing listens there, or nothing gets there.
    #[error("cannot reach the PBX at {at}")]
    Unreachable {
        /// Host and port.
        at: String,
        /// What went wrong.
        source: io::Error,
    },
    /// No answer came.
    #[error("the PBX at {at} did not answer within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut {
        /// Host and port.
        at: String,
    },
    /// The connection could not be secured.
    #[error("cannot secure the connection to {at}")]
    Tls {
        /// Host and port.
        at: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The PBX answered 401.
    #[error("the PBX at {at} does not know this ARI user, or the password is wrong (401)")]
    Unauthorized {
        /// Host and port.
        at: String,
    },
    /// The PBX answered 403.
    #[error("the PBX at {at} does not let this ARI user in from here (403)")]
    Forbidden {
        /// Host and port.
        at: String,
    },
    /// The PBX answered 404.
    #[error("the web server at {at} has no ARI (404)")]
    NotEnabled {
        /// Host and port.
        at: String,
    },
    /// The PBX answered 503.
    #[error("the PBX at {at} is not ready (503)")]
    NotReady {
        /// Host and port.
        at: String,
    },
    /// The connection was made, and closed without an answer.
    #[error("the server at {at} closed the connection without an answer")]
    Closed {
        /// Host and port.
        at: String,
    },
    /// Another status.
    #[error("the server at {at} answered {status} instead of opening a websocket")]
    Refused {
        /// Host and port.
        at: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server there speaks another protocol.
    #[error("the server at {at} is not Asterisk")]
    NotAsterisk {
        /// Host and port.
        at: String,
        /// What was wrong with the answer.
        source: Box<WsError>,
    },
}

impl LinkError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "is Asterisk running? http.conf needs `enabled = yes`, and `bindaddr` and `bindport` as in `pbx.url`"
            }
            Self::TimedOut { .. } => {
                "is the address in `pbx.url` right, and does a firewall let this host in?"
            }
            Self::Tls { .. } => {
                "is it the port of `tlsbindaddr` in http.conf? Its certificate must name the host of `pbx.url` \
                 (subjectAltName) and be signed by an authority of the system's, or of `pbx.ca_file`"
            }
            Self::Unauthorized { .. } => {
                "`pbx.username` and `pbx.password` must be those of a `type = user` section of ari.conf \
                 (after a change there: `asterisk -rx 'module reload res_ari.so'`)"
            }
            Self::Forbidden { .. } => {
                "look at `permit`, `deny` and `acl` of the user in ari.conf, and at [/ari] in http.conf"
            }
            Self::NotEnabled { .. } => {
                "ari.conf needs `enabled = yes` and the modules res_ari and res_ari_events must be loaded; with a \
                 `prefix` in http.conf `pbx.url` must end with it"
            }
            Self::NotReady { .. } => {
                "it is starting: `asterisk -rx 'core waitfullybooted'` returns when it is up"
            }
            Self::Closed { .. } => {
                "Asterisk does that above `sessionlimit` connections (http.conf, 100 by default); or the port wants \
                 https://"
            }
            Self::Refused { .. } | Self::NotAsterisk { .. } => {
                "`pbx.url` must name Asterisk's own web server (http.conf), port 8088 by default; https needs https://"
            }
        }
    }
}

/// Connects and registers `app`.
///
/// # Errors
/// [`LinkError`].
pub(super) async fn connect(pbx: &Pbx, app: &str) -> Result<Socket, LinkError> {
    let mut url = pbx.base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.push("events");
    }
    url.query_pairs_mut().append_pair("app", app);
    connect_within(pbx, &url, "ari", READ_BUFFER).await
}

/// Connects to a channel of chan_websocket that waits for us under `id`.
///
/// # Errors
/// [`LinkError`].
pub(in crate::ari) async fn connect_media(pbx: &Pbx, id: &str) -> Result<Socket, LinkError> {
    let mut url = pbx.base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        // Beside `ari`, under the same prefix.
        path.pop().push("media").push(id);
    }
    let made = connect_within(pbx, &url, "media", MEDIA_READ_BUFFER).await;
    made.map_err(|error| {
        if let LinkError::NotEnabled { at } = error {
            // The web server has no such channel, whatever else it has.
            LinkError::Refused { at, status: 404 }
        } else {
            error
        }
    })
}

async fn connect_within(
    pbx: &Pbx,
    url: &Url,
    protocol: &'static str,
    read_buffer: usize,
) -> Result<Socket, LinkError> {
    let at = pbx.address();
    let request = request(pbx, url, protocol).map_err(|error| failed(error, &at))?;
    match timeout(CONNECT_TIMEOUT, connect_to(pbx, request, &at, read_buffer)).await {
        Ok(done) => done,
        Err(_) => Err(LinkError::TimedOut { at }),
    }
}

async fn connect_to(
    pbx: &Pbx,
    request: Request,
    at: &str,
    read_buffer: usize,
) -> Result<Socket, LinkError> {
    let unreachable = |source| LinkError::Unreachable {
        at: at.to_owned(),
        source,
    };
    let stream = TcpStream::connect(at).await.map_err(unreachable)?;
    // Pongs are small, and late ones look like silence.
    stream.set_nodelay(true).map_err(unreachable)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(read_buffer)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    let connector = if pbx.base.scheme() == "https" {
        Connector::Rustls(pbx.tls.clone())
    } else {
        Connector::Plain
    };
    client_async_tls_with_config(request, stream, Some(config), Some(connector))
        .await
        .map(|(socket, _)| socket)
        .map_err(|error| failed(error, at))
}

fn request(pbx: &Pbx, url: &Url, protocol: &'static str) -> Result<Request, WsError> {
    let text = url.as_str();
    let rest = text.strip_prefix("http").unwrap_or(text);
    let mut request = format!("ws{rest}").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, pbx.authorization.clone());
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    Ok(request)
}

fn failed(error: WsError, at: &str) -> LinkError {
    let at = at.to_owned();
    match error {
        WsError::Http(response) => match response.status() {
            StatusCode::UNAUTHORIZED => LinkError::Unauthorized { at },
            StatusCode::FORBIDDEN => LinkError::Forbidden { at },
            StatusCode::NOT_FOUND => LinkError::NotEnabled { at },
            StatusCode::SERVICE_UNAVAILABLE => LinkError::NotReady { at },
            other => LinkError::Refused {
                at,
                status: other.as_u16(),
            },
        },
        WsError::Tls(source) => LinkError::Tls {
            at,
            source: io::Error::other(source),
        },
        WsError::Io(source) if is_tls(&source) => LinkError::Tls { at, source },
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => LinkError::Closed { at },
        WsError::Io(source) if is_cut(&source) => LinkError::Closed { at },
        WsError::Io(source) => LinkError::Unreachable { at, source },
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Capacity(_)
        | WsError::Protocol(_)
        | WsError::WriteBufferFull(_)
        | WsError::Utf8(_)
        | WsError::AttackAttempt
        | WsError::Url(_)
        | WsError::HttpFormat(_) => LinkError::NotAsterisk {
            at,
            source: Box::new(error),
        },
    }
}

/// Whether an I/O error is rustls' own, wrapped.
fn is_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>() || inner.is::<TlsError>())
}

/// Whether a connection that was there was cut.
fn is_cut(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
    )
}

/// What is read at once, in bytes: some forty events.
const READ_BUFFER: usize = 32 << 10;

/// The same of a call's sound: some tens of its messages.
const MEDIA_READ_BUFFER: usize = 8 << 10;

/// Largest message that is read, in bytes. Asterisk's are below ten thousand.
const MESSAGE_MAX: usize = 4 << 20;
