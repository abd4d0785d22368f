//! Brings us the live audio of calls: one AudioSocket listener for all drops.
//!
//! ```text
//!  PBX ──tcp──> accept ──> greeting (UUID, in time) ──expected?──> pump ──(bounded)──> Frames
//!                  └─ crowded       └─ half-open, garbage   └─ unknown    └─ slow, garbage, oversized
//! ```
//!
//! A connection is known by the random UUID that it brings first and that was given to the PBX for this one use. All
//! else is closed and counted. A drop that does not keep up with its audio loses its tap, and nobody else's.

mod frame;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet},
    time::{interval, sleep, timeout},
};
use tokio_util::{bytes::Bytes, codec::FramedRead};
use tracing::{debug, warn};
use uuid::Uuid;

use frame::{Bad, Codec, Frame};

/// The listener. Cheap to clone; it closes when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Taps {
    expect: mpsc::UnboundedSender<(Uuid, oneshot::Sender<Frames>)>,
    address: Arc<str>,
    counts: Arc<Counts>,
}

impl Taps {
    /// Begins to listen. `advertise` is the `HOST` or `HOST:PORT` under which the PBX reaches `listen`, where it differs;
    /// without a port, the port listened on.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn bind(listen: SocketAddr, advertise: Option<&str>) -> io::Result<Self> {
        Self::open(listen, advertise, Limits::default()).await
    }

    async fn open(listen: SocketAddr, advertise: Option<&str>, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let local = listener.local_addr()?;
        let address = match advertise {
            None => local.to_string(),
            Some(host) if has_port(host) => host.to_owned(),
            Some(host) => format!("{host}:{}", local.port()),
        };
        let (expect, expected) = mpsc::unbounded_channel();
        let counts = Arc::<Counts>::default();
        let door = Door {
            listener,
            expected,
            waiting: HashMap::new(),
            greeting: JoinSet::new(),
            limits,
            counts: Arc::clone(&counts),
        };
        tokio::spawn(door.keep());
        Ok(Self {
            expect,
            address: address.into(),
            counts,
        })
    }

    /// Where the PBX is to connect: `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Prepares for one connection; it is expected until this is dropped.
    pub fn expect(&self) -> Expected {
        let uuid = Uuid::new_v4();
        let (tell, come) = oneshot::channel();
        // The door lives as long as any of us does.
        let _ = self.expect.send((uuid, tell));
        Expected { uuid, come }
    }

    /// What has been turned away so far.
    pub fn counts(&self) -> TapCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        TapCounts {
            unknown: read(&self.counts.unknown),
            garbage: read(&self.counts.garbage),
            oversized: read(&self.counts.oversized),
            half_open: read(&self.counts.half_open),
            crowded: read(&self.counts.crowded),
            slow: read(&self.counts.slow),
        }
    }
}

/// The colons of an IPv6 address stand in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| !port.ends_with(']'))
}

/// What was turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapCounts {
    /// Connections with a UUID that nobody expects, or expects any more.
    pub unknown: u64,
    /// Connections that said something that is not AudioSocket.
    pub garbage: u64,
    /// Connections that announced a frame larger than any call needs.
    pub oversized: u64,
    /// Connections that did not say in time who they are.
    pub half_open: u64,
    /// Connections that came while too many others had not said who they are.
    pub crowded: u64,
    /// Taps whose drop did not keep up.
    pub slow: u64,
}

impl TapCounts {
    /// How many in all.
    pub const fn total(&self) -> u64 {
        self.unknown + self.garbage + self.oversized + self.half_open + self.crowded + self.slow
    }
}

/// A connection that is to come.
#[derive(Debug)]
pub struct Expected {
    /// What it has to bring. Random (version 4), and good for one connection.
    pub uuid: Uuid,
    come: oneshot::Receiver<Frames>,
}

impl Expected {
    /// Waits for the connection; for ever where it does not come.
    pub async fn come(&mut self) -> Frames {
        match (&mut self.come).await {
            Ok(frames) => frames,
            // The listener is gone.
            Err(_) => std::future::pending().await,
        }
    }
}

/// The audio of one call, as it comes in.
#[derive(Debug)]
pub struct Frames {
    audio: mpsc::Receiver<Bytes>,
    pump: JoinHandle<TapEnd>,
}

impl Frames {
    /// The next piece: 8 kHz samples of 16 bits, little-endian, an even number of bytes.
    ///
    /// # Errors
    /// [`TapEnd`], once nothing more will come.
    pub async fn next(&mut self) -> Result<Bytes, TapEnd> {
        match self.audio.recv().await {
            Some(audio) => Ok(audio),
            None => Err((&mut self.pump).await.unwrap_or(TapEnd::Closed)),
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Why no more audio comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TapEnd {
    /// The PBX ended the channel.
    #[error("the PBX ended the tap")]
    HungUp,
    /// The connection broke.
    #[error("the tap's connection broke")]
    Closed,
    /// It said something that is not AudioSocket.
    #[error("the tap's connection carried something that is not AudioSocket")]
    Garbage,
    /// It announced a frame that is too large.
    #[error("the tap's connection announced a frame that is too large")]
    Oversized,
    /// Nobody took the audio in time.
    #[error("the audio came faster than it was listened to")]
    Slow,
}

#[derive(Debug, Default)]
struct Counts {
    unknown: AtomicU64,
    garbage: AtomicU64,
    oversized: AtomicU64,
    half_open: AtomicU64,
    crowded: AtomicU64,
    slow: AtomicU64,
}

impl Counts {
    fn bad(&self, bad: &Bad) {
        match bad {
            Bad::Garbage => add(&self.garbage),
            Bad::Oversized => add(&self.oversized),
            // It is no attack to hang up.
            Bad::Broken(_) => {}
        }
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Owns the listener, and knows who is expected.
struct Door {
    listener: TcpListener,
    expected: mpsc::UnboundedReceiver<(Uuid, oneshot::Sender<Frames>)>,
    waiting: HashMap<Uuid, oneshot::Sender<Frames>>,
    greeting: JoinSet<Option<(Uuid, Stream)>>,
    limits: Limits,
    counts: Arc<Counts>,
}

type Stream = FramedRead<TcpStream, Codec>;

/// What those may take who have not said who they are.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How long each may be silent.
    greeting: Duration,
    /// How many of them there may be at once.
    greeting_most: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Asterisk says who it is in the same breath as it connects.
            greeting: Duration::from_secs(2),
            greeting_most: 256,
        }
    }
}

impl Door {
    async fn keep(mut self) {
        loop {
            tokio::select! {
                // Whoever is expected is known before they come.
                biased;
                expected = self.expected.recv() => match expected {
                    Some((uuid, waiter)) => {
                        self.waiting.retain(|_, waiter| !waiter.is_closed());
                        self.waiting.insert(uuid, waiter);
                    }
                    None => return,
                },
                Some(greeted) = self.greeting.join_next() => {
                    if let Ok(Some((uuid, stream))) = greeted {
                        self.let_in(uuid, stream);
                    }
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, from)) => self.greet(socket, from),
                    Err(error) => {
                        warn!(%error, "cannot take a tap's connection");
                        sleep(ACCEPT_AGAIN).await;
                    }
                },
            }
        }
    }

    fn greet(&mut self, socket: TcpStream, from: SocketAddr) {
        if self.greeting.len() >= self.limits.greeting_most {
            debug!(%from, "a connection is closed: too many have not said who they are");
            return add(&self.counts.crowded);
        }
        let (counts, patience) = (Arc::clone(&self.counts), self.limits.greeting);
        self.greeting.spawn(async move {
            let mut stream = FramedRead::with_capacity(socket, Codec, READ);
            match timeout(patience, stream.next()).await {
                Ok(Some(Ok(Frame::Uuid(uuid)))) => return Some((uuid, stream)),
                Ok(Some(Ok(Frame::Audio(_) | Frame::HungUp | Frame::Other))) => {
                    add(&counts.garbage)
                }
                // However it went away, it had not said who it is.
                Ok(Some(Err(Bad::Broken(_))) | None) | Err(_) => add(&counts.half_open),
                Ok(Some(Err(bad))) => counts.bad(&bad),
            }
            debug!(%from, "a connection is closed that did not say who it is");
            None
        });
    }

    fn let_in(&mut self, uuid: Uuid, stream: Stream) {
        let waiter = self.waiting.remove(&uuid);
        let Some(waiter) = waiter.filter(|waiter| !waiter.is_closed()) else {
            debug!("a connection is closed that nobody expects");
            return add(&self.counts.unknown);
        };
        let (pass_on, audio) = mpsc::channel(FRAMES);
        let counts = Arc::clone(&self.counts);
        let pump = tokio::spawn(pump(stream, pass_on, counts));
        // Whoever expected it may have gone this moment; then it goes with the frames.
        let _ = waiter.send(Frames { audio, pump });
    }
}

/// Passes audio on without ever waiting for whoever takes it, and sends silence back.
async fn pump(mut stream: Stream, pass_on: mpsc::Sender<Bytes>, counts: Arc<Counts>) -> TapEnd {
    let mut silence = Silence::default();
    let mut pace = interval(OPENING_PACE);
    let mut opening = true;
    loop {
        let frame = tokio::select! {
            frame = stream.next() => frame,
            _ = pace.tick() => {
                silence.send(stream.get_ref());
                continue;
            }
        };
        match frame {
            Some(Ok(Frame::Audio(audio))) => {
                if std::mem::take(&mut opening) {
                    pace = interval(PACE);
                }
                match pass_on.try_send(audio) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        add(&counts.slow);
                        return TapEnd::Slow;
                    }
                    Err(mpsc::error::TrySendError::Closed(_)) => return TapEnd::Closed,
                }
            }
            Some(Ok(Frame::Other)) => {}
            Some(Ok(Frame::HungUp)) => return TapEnd::HungUp,
            // It has said who it is.
            Some(Ok(Frame::Uuid(_))) => {
                add(&counts.garbage);
                return TapEnd::Garbage;
            }
            Some(Err(bad)) => {
                counts.bad(&bad);
                return match bad {
                    Bad::Garbage => TapEnd::Garbage,
                    Bad::Oversized => TapEnd::Oversized,
                    Bad::Broken(_) => TapEnd::Closed,
                };
            }
            None => return TapEnd::Closed,
        }
    }
}

/// What the PBX is sent: 20 ms of silence at a time.
///
/// Asterisk may read from the connection although nothing is there to be read, with the channel locked; it waits then
/// for a frame of ours, and meanwhile every request that looks for a channel waits, too (seen with 22.10.1 on one of 40
/// taps, while the channel waits to be bridged).
#[derive(Default)]
struct Silence {
    /// Bytes of a frame that the connection had no room for.
    left: usize,
}

impl Silence {
    /// Sends a frame, or what is left of the last one. What cannot be sent is not missed.
    fn send(&mut self, to: &TcpStream) {
        let from = match self.left {
            0 => 0,
            left => SILENCE.len() - left,
        };
        if let Ok(sent) = to.try_write(&SILENCE[from..]) {
            self.left = SILENCE.len() - from - sent;
        }
    }
}

/// A frame of silence.
const SILENCE: [u8; frame::HEAD + 320] = {
    let mut silence = [0; frame::HEAD + 320];
    [silence[0], silence[1], silence[2]] = frame::head(320);
    silence
};

/// From one frame to the next until audio comes: the channel is not bridged yet, and may be read from at any moment.
const OPENING_PACE: Duration = Duration::from_millis(20);

/// From one frame to the next afterwards: less than half of the time after which a tap without audio counts as dead.
const PACE: Duration = Duration::from_millis(200);

/// Pieces of audio that wait for whoever takes them: 1 s of Asterisk's 20 ms.
const FRAMES: usize = 50;

/// Bytes read at once: six of Asterisk's frames.
const READ: usize = 2_048;

/// Until the next try, where the system has no room for a connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "../../tests/fuzz/tap.rs"]
mod fuzz;
