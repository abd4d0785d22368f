//! The audio of calls by Asterisk's chan_websocket: we connect to the PBX's own web server, once for each call.
//!
//! ```text
//!  WebSockets::connect(id) ──wss──> PBX /media/id
//!       thread: WebSocketCall ── μ-law, control ──> talk (what is due) ──> writer ──> PBX
//!                 └──────── sound, what became of the message ──(bounded)──> Connection of one drop
//! ```
//!
//! TCP repeats what the network loses, and nothing depends on when a piece of a frame arrives. The connections have a
//! thread of their own, which watches the driver's [`Pulse`] as the [listener](super::MediaServer) does.

mod control;
mod talk;
mod ulaw;

use std::{io, pin::pin, sync::Arc, time::Duration};

use futures::{SinkExt as _, StreamExt as _, stream::SplitSink};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant as TokioInstant, sleep_until},
};
use tokio_tungstenite::tungstenite::{self, Bytes, Message};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use control::PbxMessage;
use talk::{Action, Talk};

use super::{
    Pulse,
    connection::{Connection, ConnectionEnd, FromCall, Order},
    outlet::Outlet,
    pacer::FRAME,
    thread::{self, Calls},
    watchdog::Watchdog,
};
use crate::{
    ari::{
        setup::Pbx,
        socket::{LinkError, MediaSocket, connect_media},
    },
    clock,
};

/// Makes audio connections to a PBX. Cheap to clone; its thread ends with the last clone and the last connection.
#[derive(Clone, Debug)]
pub struct WebSockets {
    pbx: Arc<Pbx>,
    take: mpsc::UnboundedSender<ConnectRequest>,
}

impl WebSockets {
    /// Begins; nothing is sent. If a `pulse` is given, the connections are closed when it stops.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub fn new(pbx: &Pbx, pulse: Option<Pulse>) -> io::Result<Self> {
        let (take, taken) = mpsc::unbounded_channel();
        let calls = Calls::default();
        thread::serve(thread::runtime(&calls)?, keep(taken, calls, pulse))?;
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
        let (outlet, come) = Outlet::new(patience);
        let (orders, take) = mpsc::unbounded_channel();
        let (done, made) = oneshot::channel();
        let line = ConnectRequest {
            pbx,
            id,
            done,
            outlet,
            orders: take,
        };
        // The thread lives as long as any clone of this.
        let _ = self.take.send(line);
        match made.await {
            Ok(Ok(())) => Ok(Connection::new(come, orders)),
            Ok(Err(error)) => Err(error),
            // Every call was ended at this moment.
            Err(_) => Err(LinkError::Closed {
                at: self.pbx.address(),
            }),
        }
    }
}

/// Serves connections until no more can come and the last has ended.
async fn keep(
    mut taken: mpsc::UnboundedReceiver<ConnectRequest>,
    calls: Calls,
    pulse: Option<Pulse>,
) {
    let mut watchdog = Watchdog::new(pulse);
    let mut lines = JoinSet::new();
    loop {
        tokio::select! {
            line = taken.recv() => match line {
                Some(line) => {
                    let (call, standstill) = (calls.carry(), watchdog.token());
                    lines.spawn(async move {
                        line.connect(standstill).await;
                        drop(call);
                    });
                }
                None => break,
            },
            Some(_) = lines.join_next() => {}
            () = watchdog.driver_stalls() => watchdog.end_all(lines.len()),
        }
    }
    // Each ends with its drop.
    while lines.join_next().await.is_some() {}
}

/// A connection that is to be made and served.
struct ConnectRequest {
    pbx: Arc<Pbx>,
    id: String,
    done: oneshot::Sender<Result<(), LinkError>>,
    outlet: Outlet,
    orders: mpsc::UnboundedReceiver<Order>,
}

impl ConnectRequest {
    async fn connect(self, standstill: CancellationToken) {
        let socket = match connect_media(&self.pbx, &self.id).await {
            Ok(socket) => socket,
            Err(error) => {
                // The drop that asked may have ended.
                let _ = self.done.send(Err(error));
                return;
            }
        };
        // If it has, its orders have ended, too.
        let _ = self.done.send(Ok(()));
        let call = WebSocketCall {
            talk: Talk::new(clock::now()),
            outlet: self.outlet,
        };
        call.serve(socket, self.orders, standstill).await;
    }
}

/// A connection that is served.
struct WebSocketCall {
    talk: Talk,
    outlet: Outlet,
}

impl WebSocketCall {
    async fn serve(
        mut self,
        socket: MediaSocket,
        mut orders: mpsc::UnboundedReceiver<Order>,
        standstill: CancellationToken,
    ) {
        let (sink, mut stream) = socket.split();
        let (send, to_send) = mpsc::channel(WAITING);
        let mut writer = pin!(write(sink, to_send));
        let mut actions = Vec::new();
        let end = loop {
            let has_room = self.outlet.has_room();
            // Pauses between checks of what is overdue while the PBX has no room.
            let wake = self.talk.wake().max(clock::now() + FRAME / 4);
            let done = tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => {
                        self.talk.on_order(order, clock::now(), &mut actions);
                        Ok(())
                    }
                    // The drop has ended.
                    None => return,
                },
                // What has come is read before anything is sent: a write to a PBX that has hung up makes the system discard it.
                message = stream.next(), if has_room => self.on_message(message, &mut actions),
                () = &mut writer => Err(self.talk.closed(ConnectionEnd::Closed)),
                () = sleep_until(TokioInstant::from_std(wake)) => {
                    self.talk.on_time(clock::now(), &mut actions);
                    Ok(())
                }
                () = standstill.cancelled() => Err(ConnectionEnd::Standstill),
            };
            let done = done.and_then(|()| self.carry_out(&mut actions, &send));
            if let Err(end) = done.and_then(|()| self.outlet.keep_up(has_room)) {
                break end;
            }
        };
        debug!(%end, "an audio connection has ended");
        drop(stream);
        self.talk.end(clock::now(), &mut actions);
        let reports = actions.into_iter().filter_map(|action| match action {
            Action::Report(what) => Some(what),
            Action::Sound(_) | Action::Command(_) | Action::End(_) => None,
        });
        self.outlet.end(reports, end).await;
    }

    fn on_message(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
        actions: &mut Vec<Action>,
    ) -> Result<(), ConnectionEnd> {
        let now = clock::now();
        match message {
            Some(Ok(Message::Binary(octets))) => {
                self.talk.on_sound(now);
                let samples = octets
                    .iter()
                    .flat_map(|&octet| ulaw::decode(octet).to_le_bytes());
                actions.push(Action::Report(FromCall::Sound(samples.collect())));
            }
            Some(Ok(Message::Text(text))) => {
                debug!(text = text.as_str().split(' ').next(), "the pbx says");
                self.talk
                    .on_message(PbxMessage::read(text.as_str()), now, actions);
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) | None => {
                return Err(self.talk.closed(ConnectionEnd::HungUp));
            }
            Some(Err(_)) => return Err(self.talk.closed(ConnectionEnd::Closed)),
        }
        Ok(())
    }

    fn carry_out(
        &self,
        actions: &mut Vec<Action>,
        send: &mpsc::Sender<Message>,
    ) -> Result<(), ConnectionEnd> {
        for action in actions.drain(..) {
            match action {
                Action::Sound(octets) => queue(send, Message::Binary(Bytes::from(octets)))?,
                Action::Command(text) => queue(send, Message::text(text))?,
                Action::Report(what) => self.outlet.report(what)?,
                Action::End(end) => return Err(end),
            }
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

/// How long a drop may take none of what waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
