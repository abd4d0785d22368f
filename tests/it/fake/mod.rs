//! A fake Asterisk on real sockets: ARI's requests and its event websocket, a script for each number, and faults on
//! demand. It is the server of the tests in this folder and of the benchmark.
//!
//! ```text
//! a request ──> http ──> World::handle ──> answer (or a fault) ──> http
//!                          │ later: agenda ──> World::advance
//!                          └ events ──> faults of the wire ──> ws
//! ```
//!
//! What it answers was compared with Asterisk 22.10.1, field by field. Deliberately simpler: channels end the moment
//! they are asked to (unless [`Settings::hang_up_takes`]), the far end is heard ten times as fast as it would sound, and there
//! are no bridges or Local pairs.

#![expect(
    clippy::disallowed_methods,
    reason = "a server of its own has a clock of its own"
)]

pub(crate) mod audio;
pub(crate) mod fault;
mod http;
pub(crate) mod log;
pub(crate) mod script;
pub(crate) mod wire;
mod world;
mod ws;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Notify, watch},
};
use tokio_util::sync::CancellationToken;

use fault::{Cut, Fault};
use http::{Reader, Request, Response};
use log::What;
pub(crate) use world::{Settings, World, leg_of};
use ws::Sink;

/// A running fake. It stops when it is dropped.
pub(crate) struct Fake {
    shared: Arc<Shared>,
    /// Keeps its port while it is stopped.
    _port: TcpSocket,
    running: CancellationToken,
}

pub(crate) struct Shared {
    address: SocketAddr,
    world: Mutex<World>,
    /// The agenda has a new first entry.
    wake: Arc<Notify>,
    /// Something has changed that a test may wait for.
    changed: watch::Sender<()>,
    connections: AtomicUsize,
    /// Whether the whole PBX is frozen.
    frozen: watch::Sender<bool>,
}

impl Fake {
    /// Starts one on a free port.
    pub(crate) async fn start(settings: Settings) -> Self {
        let port = own_port();
        let address = port.local_addr().expect("it is bound");
        let listener = TcpListener::bind(address)
            .await
            .expect("the port is its own");
        let wake = Arc::new(Notify::new());
        let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
            let world = World::new(settings, Arc::clone(&wake), Weak::clone(shared));
            Shared {
                address,
                world: Mutex::new(world),
                wake,
                changed: watch::Sender::new(()),
                connections: AtomicUsize::new(0),
                frozen: watch::Sender::new(false),
            }
        });
        let running = CancellationToken::new();
        spawn(&shared, listener, &running);
        Self {
            shared,
            _port: port,
            running,
        }
    }

    /// Its address, as `pbx.url` wants it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// Looks at it, or changes it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let seen = look(&mut self.shared.lock());
        self.shared.changed.send_replace(());
        seen
    }

    /// Waits until `look` finds something.
    ///
    /// # Panics
    /// If it has found nothing after 20 s: `what` says what was waited for, and the log follows.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut look: impl FnMut(&mut World) -> Option<T>,
    ) -> T {
        let mut changes = self.shared.changed.subscribe();
        let found = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                if let Some(found) = look(&mut self.shared.lock()) {
                    return found;
                }
                changes.changed().await.expect("the fake outlives its wait");
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("never came: {what}\n{}", self.ladder()),
        }
    }

    /// The log as text, for the message of a test that failed.
    pub(crate) fn ladder(&self) -> String {
        let world = self.shared.lock();
        let Some(start) = world.log.first().map(|entry| entry.at) else {
            return "nothing happened".into();
        };
        let mut lines = String::new();
        for entry in &world.log {
            let at = entry.at.duration_since(start).as_millis();
            let line = match &entry.what {
                What::Request {
                    line, body, status, ..
                } => format!("{at:>7} -> {line} {body} => {status:?}\n"),
                What::Event {
                    kind,
                    channel,
                    detail,
                    sent,
                } => {
                    let unheard = if *sent { "" } else { " (unheard)" };
                    let leg = channel.as_deref().and_then(leg_of);
                    format!("{at:>7} <- {kind} {leg:?} {detail}{unheard}\n")
                }
            };
            lines.push_str(&line);
        }
        lines
    }

    /// Freezes the whole PBX, or lets it go on: no request is answered, nothing happens, and no sound is moved. What the network
    /// takes it still takes.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.shared.frozen.send_replace(frozen);
    }

    /// Stops it as `core stop now` would: all connections and channels are gone without a word.
    pub(crate) fn stop(&mut self) {
        self.running.cancel();
        self.with(World::forget);
    }

    /// Starts it again at the same address.
    pub(crate) async fn start_again(&mut self) {
        let listener = loop {
            match TcpListener::bind(self.shared.address).await {
                Ok(listener) => break listener,
                // The old listener's task has not ended yet.
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.running = CancellationToken::new();
        spawn(&self.shared, listener, &self.running);
    }
}

/// A port of loopback that no other socket gets while this lives. What connects to it is refused until something listens there, which
/// this does not prevent.
pub(crate) fn own_port() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket
        .set_reuseaddr(true)
        .expect("every kind of socket has it");
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .expect("loopback has a free port");
    socket
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.running.cancel();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changed.send_replace(());
    }

    /// Waits for as long as the PBX is frozen.
    async fn thawed(&self) {
        // Its sender is here.
        let _ = self.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }
}

fn spawn(shared: &Arc<Shared>, listener: TcpListener, running: &CancellationToken) {
    let clock = Arc::clone(shared);
    tokio::spawn(running.clone().run_until_cancelled_owned(async move {
        keep_time(&clock).await;
    }));
    let (shared, token) = (Arc::clone(shared), running.clone());
    tokio::spawn(running.clone().run_until_cancelled_owned(async move {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(token.clone().run_until_cancelled_owned(async move {
                    let open = Open::new(&shared);
                    converse(&open, stream).await;
                }));
            }
        }
    }));
}

/// A connection that counts as open as long as this lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Does what is due when it is due.
async fn keep_time(shared: &Shared) {
    loop {
        let next = shared.lock().next_due();
        match next {
            Some(at) => {
                tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = shared.wake.notified() => {}
                }
            }
            None => shared.wake.notified().await,
        }
        shared.thawed().await;
        shared.lock().advance();
        shared.changed();
    }
}

/// Answers one connection's requests, until it becomes an event websocket or ends.
async fn converse(open: &Open, mut stream: TcpStream) {
    let shared = &open.0;
    let limit = shared.lock().settings.session_limit;
    if shared.connections.load(Ordering::SeqCst) > limit {
        return;
    }
    let _ = stream.set_nodelay(true);
    let mut reader = Reader::new();
    while let Ok(Some(request)) = reader.next(&mut stream).await {
        if let Some(key) = &request.websocket_key {
            let refusal = match upgrade(shared, &request) {
                Ok((app, cut_at)) => {
                    carry_events(shared, stream, key, reader, &app, cut_at).await;
                    return;
                }
                Err(refusal) => refusal,
            };
            let _ = stream.write_all(&refusal).await;
            continue;
        }
        if !answer(shared, &mut stream, &request).await {
            return;
        }
    }
}

/// Answers one request; `false` if the connection ends with it.
async fn answer(shared: &Arc<Shared>, stream: &mut TcpStream, request: &Request) -> bool {
    shared.thawed().await;
    let late = shared.lock().comes_late(request);
    if let Some(time) = late {
        tokio::time::sleep(time).await;
    }
    let handled = shared.lock().handle(request);
    shared.changed();
    if let Some(blocked) = handled.blocked {
        let _ = blocked.await;
    }
    let bytes = match handled.fault {
        Some(Fault::Silence { .. }) => std::future::pending().await,
        Some(Fault::Hang { .. }) => return false,
        Some(Fault::Garbage) => b"\x00\x17this is no HTTP\r\n\r\n".to_vec(),
        Some(Fault::GarbageBody) => Response::json(200, "{\"id\": <oops>").bytes(),
        Some(Fault::Slow(time)) => {
            tokio::time::sleep(time).await;
            handled.response.bytes()
        }
        Some(Fault::Refuse(_) | Fault::DoneBut(_) | Fault::Late(_)) | None => {
            handled.response.bytes()
        }
    };
    if stream.write_all(&bytes).await.is_err() {
        return false;
    }
    if let Some(entry) = shared.lock().log.get_mut(handled.entry)
        && let What::Request { status, .. } = &mut entry.what
    {
        *status = Some(handled.response.status);
    }
    shared.changed();
    true
}

/// Lets a client become a listener: the app's name and the byte at which to cut, or the bytes of a refusal.
fn upgrade(shared: &Shared, request: &Request) -> Result<(String, Option<usize>), Vec<u8>> {
    let mut world = shared.lock();
    let handled = world.handle(request);
    if handled.response.status == 401 {
        return Err(handled.response.bytes());
    }
    if let Some(fault) = handled.fault {
        return Err(match fault {
            Fault::Refuse(status) | Fault::DoneBut(status) => {
                Response::message(status, "Fault on purpose").bytes()
            }
            Fault::Silence { .. }
            | Fault::Hang { .. }
            | Fault::Garbage
            | Fault::GarbageBody
            | Fault::Late(_)
            | Fault::Slow(_) => b"\x00\x17this is no HTTP\r\n\r\n".to_vec(),
        });
    }
    let Some(app) = request.parameter("app") else {
        return Err(Response::message(400, "HTTP request is missing param: [app]").bytes());
    };
    let cut_at = match &world.wire.cut {
        Some(Cut::AtByte(byte)) => Some(*byte),
        Some(Cut::Before(..) | Cut::After(..)) | None => None,
    };
    if cut_at.is_some() {
        world.wire.cut = None;
    }
    Ok((app, cut_at))
}

async fn carry_events(
    shared: &Arc<Shared>,
    stream: TcpStream,
    key: &str,
    reader: Reader,
    app: &str,
    cut_at: Option<usize>,
) {
    let sink = Arc::new(Sink::default());
    shared.lock().connected(app, &sink);
    shared.changed();
    let told = Arc::clone(shared);
    let sent = move |numbers: &[usize], at| {
        told.lock().sent(numbers, at);
        told.changed();
    };
    let _ = ws::serve(
        stream,
        key,
        reader.into_rest(),
        Arc::clone(&sink),
        cut_at,
        sent,
    )
    .await;
    shared.lock().disconnected(app, &sink);
    shared.changed();
}
