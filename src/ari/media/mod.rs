//! The audio of calls, both ways: one AudioSocket listener for all drops, on a thread of its own.
//!
//! ```text
//!  PBX ──tcp──> accept ──> greeting (UUID, in time) ──expected?──> connection ──(bounded)──> sound, and what became of the message
//!                 │ stranger   └─ half-open, garbage   └─ unknown     ^   │ paced, 20 ms a frame
//!                 └ crowded: the oldest silent one is closed               └───┴── Order: speak, hush, goodbye
//! ```
//!
//! A connection is known by the random UUID that it brings first and that was given to the PBX for this one use. All else
//! is closed and counted, and so is every connection from an address that is not the PBX's. A drop that does not keep up with
//! its audio loses its connection, and no other drop does.
//!
//! The thread does nothing but this, so that a busy program does not delay a frame. It also watches the driver's [`Pulse`]:
//! if the driver stalls for 5 s, every connection is closed, and the PBX ends the calls.
//!
//! Every close of ours is a reset (`SO_LINGER` of zero). Asterisk 18.20 to 18.26, 20.5 to 20.13, 21.0 to 21.8 and 22.0 to 22.3
//! do not notice an orderly close: the call would stay, with a core of the PBX busy, until its time limit.

mod access;
mod audiosocket;
mod connection;
mod counts;
mod frame;
mod outlet;
mod pacer;
mod thread;
mod unheard;
mod watchdog;
mod websocket;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr, TcpListener as StdListener},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use futures::StreamExt as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::{AbortHandle, Id, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::{codec::FramedRead, sync::CancellationToken};
use tracing::{debug, warn};
use uuid::Uuid;

use access::AllowList;
use counts::{Counts, add};
use frame::{Bad, Codec, Frame, Stream};
use thread::Calls;
use watchdog::Watchdog;

pub use access::Access;
pub use connection::{Connection, ConnectionEnd, FromCall, Order};
pub use counts::MediaCounts;
pub use watchdog::Pulse;
pub use websocket::WebSockets;

/// The listener. Cheap to clone; it closes when the last clone is gone.
#[derive(Clone, Debug)]
pub struct MediaServer {
    expect: mpsc::UnboundedSender<(Uuid, oneshot::Sender<Connection>)>,
    address: Arc<str>,
    counts: Arc<Counts>,
}

/// The address to which the PBX connects with the audio of calls, and which hosts may.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// The address to listen on.
    pub host: IpAddr,
    /// The first free of these ports is taken; `0..=0` is any.
    pub ports: RangeInclusive<u16>,
    /// The `HOST` or `HOST:PORT` under which the PBX reaches it, if it differs; without a port, the port listened on.
    pub advertise: Option<String>,
    /// Who is let in.
    pub access: Access,
}

impl MediaServer {
    /// Begins to listen. If a `pulse` is given, the connections are closed when it stops.
    ///
    /// # Errors
    /// No port of the range can be listened on, or the thread cannot be made.
    pub fn bind(settings: &MediaSettings, pulse: Option<Pulse>) -> io::Result<Self> {
        Self::open(settings, pulse, ListenerLimits::default())
    }

    fn open(
        settings: &MediaSettings,
        pulse: Option<Pulse>,
        limits: ListenerLimits,
    ) -> io::Result<Self> {
        let listener = first_free(settings.host, settings.ports.clone())?;
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        let address = match settings.advertise.as_deref() {
            None => local.to_string(),
            Some(host) if has_port(host) => host.to_owned(),
            Some(host) => format!("{host}:{}", local.port()),
        };
        let (expect, expected) = mpsc::unbounded_channel();
        let counts = Arc::<Counts>::default();
        let (seen, guests) = (Arc::clone(&counts), AllowList::new(settings.access.clone()));
        let calls = Calls::default();
        let runtime = thread::runtime(&calls)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let listening = Listener {
            listener,
            expected,
            waiting: HashMap::new(),
            greeting: JoinSet::new(),
            silent: VecDeque::new(),
            connections: JoinSet::new(),
            calls,
            guests,
            limits,
            counts: seen,
        };
        thread::serve(runtime, listening.keep(pulse))?;
        Ok(Self {
            expect,
            address: address.into(),
            counts,
        })
    }

    /// The address to which the PBX is to connect: `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Prepares for one connection that brings this UUID; it is expected until the return value is dropped.
    pub fn expect(&self, uuid: Uuid) -> Expected {
        let (give, come) = oneshot::channel();
        // The listening task lives as long as any clone of this.
        let _ = self.expect.send((uuid, give));
        Expected { come }
    }

    /// What has been turned away so far.
    pub fn counts(&self) -> MediaCounts {
        self.counts.read()
    }
}

/// Listens on the first port of the range that is free.
fn first_free(host: IpAddr, ports: RangeInclusive<u16>) -> io::Result<StdListener> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for port in ports {
        match StdListener::bind((host, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The colons of an IPv6 address are in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| !port.ends_with(']'))
}

/// A connection that is to come.
#[derive(Debug)]
pub struct Expected {
    come: oneshot::Receiver<Connection>,
}

impl Expected {
    /// Waits for the connection; for ever if it does not come.
    pub async fn come(&mut self) -> Connection {
        match (&mut self.come).await {
            Ok(connection) => connection,
            // The listener is gone.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Owns the listening socket, and knows which connections are expected.
struct Listener {
    listener: TcpListener,
    expected: mpsc::UnboundedReceiver<(Uuid, oneshot::Sender<Connection>)>,
    waiting: HashMap<Uuid, oneshot::Sender<Connection>>,
    greeting: JoinSet<Option<(Uuid, Stream)>>,
    /// Connections that have not sent their UUID, the oldest first.
    silent: VecDeque<AbortHandle>,
    connections: JoinSet<()>,
    calls: Calls,
    guests: AllowList,
    limits: ListenerLimits,
    counts: Arc<Counts>,
}

/// How long and how many connections may wait.
#[derive(Clone, Copy, Debug)]
struct ListenerLimits {
    /// How long a connection may take to send its UUID.
    greeting: Duration,
    /// How many such connections there may be at once.
    greeting_most: usize,
    /// How long a drop may take nothing of what waits for it.
    patience: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            // Asterisk sends the UUID as soon as it has connected; a network may lose that once or twice.
            greeting: Duration::from_secs(5),
            greeting_most: 256,
            patience: Duration::from_secs(5),
        }
    }
}

impl Listener {
    async fn keep(mut self, pulse: Option<Pulse>) {
        let mut watchdog = Watchdog::new(pulse);
        loop {
            tokio::select! {
                // What is expected is known before it comes.
                biased;
                expected = self.expected.recv() => match expected {
                    Some((uuid, waiter)) => {
                        self.waiting.retain(|_, waiter| !waiter.is_closed());
                        self.waiting.insert(uuid, waiter);
                    }
                    None => break,
                },
                Some(greeted) = self.greeting.join_next_with_id() => {
                    self.no_longer_silent(&greeted);
                    if let Ok((_, Some((uuid, stream)))) = greeted {
                        self.let_in(uuid, stream, watchdog.token());
                    }
                }
                Some(_) = self.connections.join_next() => {}
                () = watchdog.driver_stalls() => watchdog.end_all(self.connections.len()),
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, from)) => self.greet(socket, from),
                    Err(error) => {
                        warn!(%error, "cannot accept an audio connection");
                        sleep(ACCEPT_AGAIN).await;
                    }
                },
            }
        }
        drop(self.listener);
        // Each ends with its drop.
        while self.connections.join_next().await.is_some() {}
    }

    fn greet(&mut self, socket: TcpStream, from: SocketAddr) {
        // Every close of ours is to be a reset, and a frame must not wait for an acknowledgement.
        let set = socket.set_zero_linger().and(socket.set_nodelay(true));
        if let Err(error) = set {
            debug!(%error, "an audio connection ended before it was accepted");
            return;
        }
        if self.silent.len() >= self.limits.greeting_most
            && let Some(oldest) = self.silent.pop_front()
        {
            debug!("the oldest connection without a UUID is closed: there are too many");
            add(&self.counts.crowded);
            oldest.abort();
        }
        let (counts, patience) = (Arc::clone(&self.counts), self.limits.greeting);
        let guests = self.guests.clone();
        let greeting = self.greeting.spawn(async move {
            if !guests.may_enter(from.ip()).await {
                warn!(
                    from = %from.ip(),
                    "an audio connection from an address that is not the PBX's is closed; add it to `screen.allow` to accept it"
                );
                add(&counts.stranger);
                return None;
            }
            let mut stream = FramedRead::with_capacity(socket, Codec, READ);
            match timeout(patience, stream.next()).await {
                Ok(Some(Ok(Frame::Uuid(uuid)))) => return Some((uuid, stream)),
                Ok(Some(Ok(Frame::Audio(_) | Frame::HungUp | Frame::Other))) => {
                    add(&counts.garbage)
                }
                // However it ended, it had not sent its UUID.
                Ok(Some(Err(Bad::Broken(_))) | None) | Err(_) => add(&counts.half_open),
                Ok(Some(Err(bad))) => counts.bad(&bad),
            }
            debug!(%from, "a connection that did not send its UUID is closed");
            None
        });
        self.silent.push_back(greeting);
    }

    fn no_longer_silent<T>(&mut self, greeted: &Result<(Id, T), tokio::task::JoinError>) {
        let id = match greeted {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        self.silent.retain(|silent| silent.id() != id);
    }

    fn let_in(&mut self, uuid: Uuid, stream: Stream, standstill: CancellationToken) {
        let waiter = self.waiting.remove(&uuid);
        let Some(waiter) = waiter.filter(|waiter| !waiter.is_closed()) else {
            debug!("a connection that no drop expects is closed");
            return add(&self.counts.unknown);
        };
        let (connection, serving) = audiosocket::open(
            stream,
            standstill,
            self.limits.patience,
            Arc::clone(&self.counts),
        );
        let call = self.calls.carry();
        self.connections.spawn(async move {
            serving.await;
            drop(call);
        });
        // The drop that expected it may have ended at this moment; the connection is closed then.
        let _ = waiter.send(connection);
    }
}

/// Bytes read at once: six of Asterisk's frames.
const READ: usize = 2_048;

/// Until the next try, if the system has no room for a connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;

#[cfg(test)]
mod fuzz;
