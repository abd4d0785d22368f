//! The audio of calls by Asterisk's chan_websocket: we connect to the PBX's own web server, once for each call.
//!
//! ```text
//!  WebSockets::connect(id) ──wss──> PBX /media/id
//!       thread: Line ── μ-law, control ──> talk (what is due) ──> writer ──> PBX
//!                 └──────── sound, what became of ours ──(bounded)──> Connection of one drop
//! ```
//!
//! TCP carries what the network loses once more, and nothing depends on when a piece of a frame arrives. The connections have a
//! thread of their own, which watches the driver's [`Pulse`] as the [listener](super::MediaServer) does.

mod control;
mod talk;
mod ulaw;

use std::{
    io,
    pin::pin,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use futures::{SinkExt as _, StreamExt as _, stream::SplitSink};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant as TokioInstant, MissedTickBehavior, interval, sleep_until},
};
use tokio_tungstenite::tungstenite::{self, Bytes, Message};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use control::Said;
use talk::{Deed, Talk};

use super::{
    LOOK, Pulse, STANDSTILL, Standing,
    connection::{Connection, ConnectionEnd, FromCall, Order, QUEUE, SPARE},
    pacer::FRAME,
};
use crate::{
    ari::{
        setup::Pbx,
        socket::{LinkError, MediaSocket, connect_media},
    },
    clock,
};

/// Makes audio connections to a PBX. Cheap to clone; its thread ends with the last clone and connection.
#[derive(Clone, Debug)]
pub struct WebSockets {
    pbx: Arc<Pbx>,
    take: mpsc::UnboundedSender<Line>,
}

impl WebSockets {
    /// Begins; nothing is sent. If a `pulse` is given, the connections are closed when it stops.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub fn new(pbx: &Pbx, pulse: Option<Pulse>) -> io::Result<Self> {
        let (take, taken) = mpsc::unbounded_channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("aftertone-media".to_owned())
            .spawn(move || runtime.block_on(keep(taken, pulse)))?;
        Ok(Self {
            pbx: Arc::new(pbx.clone()),
            take,
        })
    }

    /// Connects to the channel that waits for us under this id.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn connect(&self, id: &str) -> Result<Connection, LinkError> {
        self.connect_with(id, PATIENCE).await
    }

    async fn connect_with(&self, id: &str, patience: Duration) -> Result<Connection, LinkError> {
        let (pbx, id) = (Arc::clone(&self.pbx), id.to_owned());
        let (tell, come) = mpsc::channel(QUEUE + SPARE);
        let (orders, take) = mpsc::unbounded_channel();
        let (done, made) = oneshot::channel();
        let line = Line {
            pbx,
            id,
            done,
            tell,
            orders: take,
            patience,
        };
        // The thread lives as long as any of us does.
        let _ = self.take.send(line);
        match made.await {
            Ok(Ok(())) => Ok(Connection::new(come, orders)),
            Ok(Err(error)) => Err(error),
            // Every call was let go at this moment.
            Err(_) => Err(LinkError::Closed {
                at: self.pbx.address(),
            }),
        }
    }
}

/// Serves connections until no more can come and the last has ended.
async fn keep(mut taken: mpsc::UnboundedReceiver<Line>, pulse: Option<Pulse>) {
    let mut watch = interval(LOOK);
    watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut standing, mut standstill) = (Standing::default(), CancellationToken::new());
    let mut lines = JoinSet::new();
    loop {
        tokio::select! {
            line = taken.recv() => match line {
                Some(line) => {
                    lines.spawn(line.connect(standstill.child_token()));
                }
                None => break,
            },
            Some(_) = lines.join_next() => {}
            _ = watch.tick(), if pulse.is_some() => {
                if let Some(pulse) = &pulse
                    && standing.is_too_long(pulse.count())
                    && !lines.is_empty()
                {
                    error!(
                        calls = lines.len(),
                        seconds = STANDSTILL.as_secs(),
                        "the driver stands still; every call that is listened to is let go"
                    );
                    std::mem::take(&mut standstill).cancel();
                }
            }
        }
    }
    // Each ends with its drop.
    while lines.join_next().await.is_some() {}
}

/// A connection that is to be made and served.
struct Line {
    pbx: Arc<Pbx>,
    id: String,
    done: oneshot::Sender<Result<(), LinkError>>,
    tell: mpsc::Sender<FromCall>,
    orders: mpsc::UnboundedReceiver<Order>,
    patience: Duration,
}

impl Line {
    async fn connect(self, standstill: CancellationToken) {
        let socket = match connect_media(&self.pbx, &self.id).await {
            Ok(socket) => socket,
            Err(error) => {
                // Who asked may have gone.
                let _ = self.done.send(Err(error));
                return;
            }
        };
        // If they have, the orders' end says so.
        let _ = self.done.send(Ok(()));
        let served = Served {
            talk: Talk::new(clock::now()),
            tell: self.tell,
            full_since: None,
            patience: self.patience,
        };
        served.serve(socket, self.orders, standstill).await;
    }
}

/// A connection that is served.
struct Served {
    talk: Talk,
    tell: mpsc::Sender<FromCall>,
    /// Since when the drop has not taken what waits for it.
    full_since: Option<Instant>,
    /// How long that may last.
    patience: Duration,
}

impl Served {
    async fn serve(
        mut self,
        socket: MediaSocket,
        mut orders: mpsc::UnboundedReceiver<Order>,
        standstill: CancellationToken,
    ) {
        let (sink, mut stream) = socket.split();
        let (send, to_send) = mpsc::channel(WAITING);
        let mut writer = pin!(write(sink, to_send));
        let mut deeds = Vec::new();
        let end = loop {
            let has_room = self.tell.capacity() > SPARE;
            // What is overdue while the PBX has no room is not looked at without pause.
            let wake = self.talk.wake().max(clock::now() + FRAME / 4);
            let done = tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => {
                        self.talk.on_order(order, clock::now(), &mut deeds);
                        Ok(())
                    }
                    // The drop has ended.
                    None => return,
                },
                () = &mut writer => Err(self.talk.closed(ConnectionEnd::Closed)),
                () = sleep_until(TokioInstant::from_std(wake)) => {
                    self.talk.on_time(clock::now(), &mut deeds);
                    Ok(())
                }
                message = stream.next(), if has_room => self.on_message(message, &mut deeds),
                () = standstill.cancelled() => Err(ConnectionEnd::Standstill),
            };
            let done = done.and_then(|()| self.carry_out(&mut deeds, &send));
            if let Err(end) = done.and_then(|()| self.keep_up(has_room)) {
                break end;
            }
        };
        debug!(%end, "an audio connection has ended");
        drop(stream);
        self.talk.end(clock::now(), &mut deeds);
        for deed in deeds {
            if let Deed::Tell(what) = deed {
                // Whoever listened may have gone.
                let _ = self.tell.send(what).await;
            }
        }
        let _ = self.tell.send(FromCall::Ended(end)).await;
    }

    fn on_message(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
        deeds: &mut Vec<Deed>,
    ) -> Result<(), ConnectionEnd> {
        let now = clock::now();
        match message {
            Some(Ok(Message::Binary(octets))) => {
                self.talk.on_sound(now);
                let samples = octets
                    .iter()
                    .flat_map(|&octet| ulaw::decode(octet).to_le_bytes());
                deeds.push(Deed::Tell(FromCall::Sound(samples.collect())));
            }
            Some(Ok(Message::Text(text))) => {
                debug!(text = text.as_str().split(' ').next(), "the pbx says");
                self.talk.on_said(Said::read(text.as_str()), now, deeds);
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) | None => {
                return Err(self.talk.closed(ConnectionEnd::HungUp));
            }
            Some(Err(_)) => return Err(self.talk.closed(ConnectionEnd::Closed)),
        }
        Ok(())
    }

    /// Never waits: there is room for sound, or it is not read, and room to spare for what becomes of ours.
    fn carry_out(
        &self,
        deeds: &mut Vec<Deed>,
        send: &mpsc::Sender<Message>,
    ) -> Result<(), ConnectionEnd> {
        for deed in deeds.drain(..) {
            match deed {
                Deed::Sound(octets) => queue(send, Message::Binary(Bytes::from(octets)))?,
                Deed::Ask(text) => queue(send, Message::text(text))?,
                Deed::Tell(what) => {
                    self.tell.try_send(what).map_err(|error| match error {
                        mpsc::error::TrySendError::Full(_) => ConnectionEnd::Slow,
                        mpsc::error::TrySendError::Closed(_) => ConnectionEnd::Closed,
                    })?;
                }
                Deed::End(end) => return Err(end),
            }
        }
        Ok(())
    }

    /// Ends the connection of a drop that has taken nothing for too long.
    fn keep_up(&mut self, has_room: bool) -> Result<(), ConnectionEnd> {
        if has_room {
            self.full_since = None;
            return Ok(());
        }
        let now = clock::now();
        let since = *self.full_since.get_or_insert(now);
        if now.saturating_duration_since(since) > self.patience {
            return Err(ConnectionEnd::Slow);
        }
        Ok(())
    }
}

fn queue(send: &mpsc::Sender<Message>, message: Message) -> Result<(), ConnectionEnd> {
    send.try_send(message).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => ConnectionEnd::Stuck,
        mpsc::error::TrySendError::Closed(_) => ConnectionEnd::Closed,
    })
}

/// Writes what is queued, until the connection takes no more.
async fn write(mut sink: SplitSink<MediaSocket, Message>, mut queued: mpsc::Receiver<Message>) {
    while let Some(message) = queued.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
}

/// Messages of ours that may wait for the PBX: 4 s of a message, or of silence a good deal more.
const WAITING: usize = 40;

/// How long a drop may take nothing of what waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
