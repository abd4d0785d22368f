//! The event websocket: connects, reads without pause, notices silence, reconnects for ever.
//!
//! The PBX closes a socket whose reader is a tenth of a second late, so the reading task never waits for the consumer:
//! what it understood goes into a queue of [`QUEUE`] items. A consumer that falls that far behind has missed
//! something; the link counts as broken then, and the consumer gets what was queued, [`Incoming::Down`] and, once it
//! has caught up, [`Incoming::Up`], with which it must look at the PBX's channels anyway.

mod connect;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::{SinkExt, StreamExt};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, info, trace, warn};

pub use self::connect::LinkError;
use self::connect::Socket;
pub(super) use self::connect::{Socket as MediaSocket, connect_media};
use super::{
    failure::tame,
    setup::Pbx,
    translate::{Notice, translate},
    wire,
};
use crate::{clock, error_chain::chain, id::RunName};

/// How many items may wait for the consumer before it counts as too slow.
pub const QUEUE: usize = 8_192;

/// What comes from the PBX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The app is registered and events flow. What happened before is not repeated: look at the PBX's channels.
    Up {
        /// Whether this is the first time.
        first: bool,
    },
    /// Events are being missed from here on, until the next [`Incoming::Up`].
    Down {
        /// Why, for people.
        why: String,
    },
    /// Something happened.
    Notice(Notice),
    /// Another program has taken the app's name. Nothing follows: to take it back would start an endless fight.
    Replaced,
}

/// What comes from the PBX, in order. Dropping it ends the link.
#[derive(Debug)]
pub struct Events {
    queue: Receiver<Incoming>,
    unreadable: Arc<AtomicU64>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Events {
    /// Waits for what comes next; `None` after [`Incoming::Replaced`]. Nothing is lost if the wait is abandoned.
    pub async fn next(&mut self) -> Option<Incoming> {
        self.queue.recv().await
    }

    /// What has come already, without waiting.
    pub fn ready(&mut self) -> Option<Incoming> {
        self.queue.try_recv().ok()
    }

    /// How many messages of the PBX could not be read, and were skipped.
    pub fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// Closes the socket, so that the PBX knows at once that the app is gone.
    pub async fn close(self) {
        let Self {
            queue, stop, task, ..
        } = self;
        stop.cancel();
        drop(queue);
        // The task ends by itself within `CLOSE_LIMIT`; a panic in it has been reported by its runtime.
        let _ = task.await;
    }
}

impl Pbx {
    /// Registers an app and keeps it registered. The first [`Incoming`] is [`Incoming::Up`].
    ///
    /// # Errors
    /// [`LinkError`] if the first attempt fails; later ones are repeated until one succeeds.
    pub async fn listen(&self, app: &str, run: &RunName) -> Result<Events, LinkError> {
        self.listen_at(app, run, Pace::default()).await
    }

    async fn listen_at(&self, app: &str, run: &RunName, pace: Pace) -> Result<Events, LinkError> {
        let socket = connect::connect(self, app).await?;
        let (sender, queue) = mpsc::channel(pace.queue);
        let unreadable = Arc::new(AtomicU64::new(0));
        let stop = CancellationToken::new();
        let link = EventLink {
            pbx: self.clone(),
            app: app.to_owned(),
            run: run.clone(),
            pace,
            sender,
            unreadable: Arc::clone(&unreadable),
        };
        let stopped = stop.clone();
        let task = AbortOnDropHandle::new(tokio::spawn(link.keep(socket, stopped)));
        Ok(Events {
            queue,
            unreadable,
            stop,
            task,
        })
    }
}

/// The times of a link, and the room of its queue.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// From one ping to the next.
    ping: Duration,
    /// Without any frame for so long, the PBX counts as gone.
    silence: Duration,
    /// The first wait before connecting again; each further one is twice as long, and each is lengthened by up to
    /// as much again, at random, so that many controllers do not come back at once.
    retry_first: Duration,
    /// The longest wait before connecting again, but for the random part.
    retry_longest: Duration,
    queue: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(2),
            silence: Duration::from_secs(8),
            retry_first: Duration::from_millis(100),
            retry_longest: Duration::from_secs(3),
            queue: QUEUE,
        }
    }
}

/// How long the PBX gets to confirm that we leave.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The reading task's own.
struct EventLink {
    pbx: Pbx,
    app: String,
    run: RunName,
    pace: Pace,
    sender: Sender<Incoming>,
    unreadable: Arc<AtomicU64>,
}

/// Why a socket is read no more.
enum End {
    Broken(String),
    Replaced,
    /// The consumer is gone.
    Left,
}

impl EventLink {
    async fn keep(self, first: Socket, stop: CancellationToken) {
        let mut socket = first;
        let mut is_first = true;
        let mut backoff = self.backoff();
        loop {
            // There is room: nothing else sends, and the queue was empty before the socket was made.
            let reported = self
                .sender
                .try_send(Incoming::Up { first: is_first })
                .is_ok();
            is_first = false;
            let since = clock::now();
            let end = if reported {
                tokio::select! {
                    end = self.read(&mut socket) => end,
                    () = stop.cancelled() => End::Left,
                }
            } else {
                End::Left
            };
            match end {
                End::Left => {
                    // The PBX may be gone, and we go either way.
                    let _ = timeout(CLOSE_LIMIT, socket.close(None)).await;
                    return;
                }
                End::Replaced => {
                    drop(socket);
                    // If the consumer is gone, there is nothing to report.
                    let _ = self.sender.send(Incoming::Replaced).await;
                    return;
                }
                End::Broken(why) => {
                    drop(socket);
                    warn!(%why, "event link to the PBX lost");
                    if !self.report_down(why).await {
                        return;
                    }
                }
            }
            // A PBX that takes us and drops us at once is not to be asked ten times a second.
            if clock::now() - since > self.pace.silence {
                backoff = self.backoff();
            }
            let again = tokio::select! {
                again = self.connect_again(&mut backoff) => again,
                () = stop.cancelled() => return,
            };
            socket = again;
            info!("event link to the PBX restored");
        }
    }

    /// Reports that the link is down, and waits until the consumer has taken that and all before it: a socket is only
    /// made for a consumer that keeps up. `false` if the consumer is gone.
    async fn report_down(&self, why: String) -> bool {
        self.sender.send(Incoming::Down { why }).await.is_ok()
            && self.sender.reserve_many(self.pace.queue).await.is_ok()
    }

    async fn connect_again(&self, backoff: &mut ExponentialBackoff) -> Socket {
        let mut reported = false;
        loop {
            let wait = backoff.next().unwrap_or(self.pace.retry_longest);
            sleep(wait).await;
            match connect::connect(&self.pbx, &self.app).await {
                Ok(socket) => return socket,
                Err(error) if reported => debug!(error = chain(&error), "still no event link"),
                Err(error) => {
                    reported = true;
                    warn!(error = chain(&error), "no event link yet; trying again");
                }
            }
        }
    }

    fn backoff(&self) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(self.pace.retry_first)
            .with_max_delay(self.pace.retry_longest)
            .with_jitter()
            .without_max_times()
            .build()
    }

    async fn read(&self, socket: &mut Socket) -> End {
        let mut ping = interval(self.pace.ping);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = clock::now();
        let mut next_ping = heard;
        loop {
            tokio::select! {
                // What has come is read before silence is judged.
                biased;
                frame = socket.next() => {
                    heard = clock::now();
                    let message = match frame {
                        Some(Ok(message)) => message,
                        Some(Err(error)) => return End::Broken(tame(&chain(&error))),
                        None => return End::Broken("the PBX closed the connection".to_owned()),
                    };
                    if let Err(end) = self.take(&message) {
                        return end;
                    }
                }
                _ = ping.tick() => {
                    let now = clock::now();
                    let slept = clock::suspended_for(next_ping, now);
                    // While this program was suspended it sent no ping, and silence says nothing of the PBX. What has come
                    // is read until the next tick, which judges.
                    heard += slept.unwrap_or_default();
                    let silent = now.saturating_duration_since(heard);
                    if silent >= self.pace.silence && slept.is_none() {
                        return End::Broken(format!("the PBX was silent for {} s", silent.as_secs_f32()));
                    }
                    next_ping = now + self.pace.ping;
                    // If even a ping finds no room, the PBX reads no more.
                    let sent = timeout(self.pace.silence, socket.send(Message::Ping(Bytes::new()))).await;
                    match sent {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return End::Broken(tame(&chain(&error))),
                        Err(_) => return End::Broken("the PBX reads no more".to_owned()),
                    }
                    // A socket that is slow to take the ping is not a stall of ours.
                    next_ping = next_ping.max(clock::now());
                }
            }
        }
    }

    fn take(&self, message: &Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text.as_str(),
            Message::Close(frame) => {
                let why = frame
                    .as_ref()
                    .map(|frame| format!(": {} {}", u16::from(frame.code), frame.reason))
                    .unwrap_or_default();
                return Err(End::Broken(format!(
                    "the PBX closed the connection{}",
                    tame(&why)
                )));
            }
            Message::Binary(_) => {
                self.skip("binary", 0);
                return Ok(());
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(()),
        };
        let mut event = match wire::WireEvent::parse(text) {
            Ok(event) => event,
            Err(error) => {
                // The parser's own words may quote the message, and with it a number.
                self.skip("not JSON as ARI sends it", error.column());
                return Ok(());
            }
        };
        trace!(kind = event.kind.as_str(), "event");
        if event.kind.as_str() == "ApplicationReplaced" && event.application.as_str() == self.app {
            return Err(End::Replaced);
        }
        self.pbx.adopted.rename(&mut event);
        for notice in translate(&self.run, &event) {
            match self.sender.try_send(Incoming::Notice(notice)) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => {
                    return Err(End::Broken(format!(
                        "this program is {} events behind",
                        self.pace.queue
                    )));
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(End::Left),
            }
        }
        Ok(())
    }

    fn skip(&self, what: &'static str, column: usize) {
        if self.unreadable.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!(
                what,
                column, "skipped a message of the PBX; further ones are only counted"
            );
        }
    }
}

#[cfg(test)]
mod tests;
