//! A PBX for this module's tests: real sockets, and a script of replies.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::Response,
    routing::get,
};
use secrecy::SecretString;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{Pbx, PbxSettings};
use crate::{
    id::{ChannelId, DropId, RunName},
    words::Leg,
};

/// Longest wait of a test for a thing that must come.
pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) const DROP: DropId = DropId::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);

pub(super) fn run() -> RunName {
    RunName::new("run1").unwrap()
}

pub(super) fn leg(leg: Leg) -> ChannelId {
    ChannelId::leg(run(), DROP, leg)
}

pub(super) fn settings(url: String) -> PbxSettings {
    PbxSettings {
        url,
        username: "us er".to_owned(),
        password: SecretString::from("pass:word"),
        ca_file: None,
        request_timeout: SOON,
    }
}

pub(super) async fn soon<T>(wait: impl Future<Output = T>) -> T {
    timeout(SOON, wait).await.expect("in time")
}

/// A request that arrived, and the way to answer it. Unanswered, it waits until this is dropped, and gets a 500 then.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    reply: oneshot::Sender<(u16, String)>,
}

impl Asked {
    pub(super) fn line(&self) -> String {
        format!("{} {} {}", self.method, self.target, self.body)
            .trim_end()
            .to_owned()
    }

    pub(super) fn answer(self, status: u16, body: &str) {
        // The test may have given up on it.
        let _ = self.reply.send((status, body.to_owned()));
    }
}

/// An event websocket that was opened.
pub(super) struct OpenedSocket {
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) socket: WebSocket,
}

impl OpenedSocket {
    pub(super) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }
}

pub(super) struct FakePbx {
    pub(super) at: SocketAddr,
    pub(super) asked: mpsc::UnboundedReceiver<Asked>,
    pub(super) opened: mpsc::UnboundedReceiver<OpenedSocket>,
    server: JoinHandle<()>,
}

impl FakePbx {
    pub(super) async fn start() -> Self {
        let (asks, asked) = mpsc::unbounded_channel();
        let (opens, opened) = mpsc::unbounded_channel();
        let app = Router::new()
            .route("/ari/events", get(open))
            .route("/media/the-id", get(open))
            .fallback(ask)
            .with_state(Arc::new(Reports { asks, opens }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            at,
            asked,
            opened,
            server,
        }
    }

    pub(super) fn pbx(&self) -> Pbx {
        Pbx::new(&settings(format!("http://{}", self.at))).unwrap()
    }

    pub(super) async fn asked(&mut self) -> Asked {
        soon(self.asked.recv()).await.unwrap()
    }

    pub(super) async fn opened(&mut self) -> OpenedSocket {
        soon(self.opened.recv()).await.unwrap()
    }
}

impl Drop for FakePbx {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Reports {
    asks: mpsc::UnboundedSender<Asked>,
    opens: mpsc::UnboundedSender<OpenedSocket>,
}

async fn ask(
    State(reports): State<Arc<Reports>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (reply, answer) = oneshot::channel();
    let asked = Asked {
        method,
        target: uri.to_string(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        reply,
    };
    let _ = reports.asks.send(asked);
    let (status, body) = answer.await.unwrap_or((500, String::new()));
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header(header::LOCATION, "/ari/elsewhere")
        .body(body.into())
        .unwrap()
}

async fn open(
    State(reports): State<Arc<Reports>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade
        .protocols(["ari", "media"])
        .on_upgrade(move |socket| async move {
            let _ = reports.opens.send(OpenedSocket {
                target: uri.to_string(),
                headers,
                socket,
            });
        })
}
