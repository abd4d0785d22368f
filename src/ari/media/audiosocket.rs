//! One call's audio over AudioSocket: brings what the far end says, and sends our message to it.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt as _, StreamExt as _};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant as TokioInstant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, ConnectionEnd, FromCall, GOODBYE_WAIT, Order, SILENCE_EVERY},
    counts::{Counts, add},
    frame::{Bad, Frame, GOODBYE, Stream},
    outlet::Outlet,
    pacer::{BYTES, FRAME, Pacer, SILENCE},
    unheard::Unheard,
};
use crate::{
    clock,
    drop::{Spoken, SpokenEnd},
    id::Play,
};

/// The connection of a stream that has sent its UUID, and the task that serves it.
pub(super) fn open(
    stream: Stream,
    standstill: CancellationToken,
    patience: Duration,
    counts: Arc<Counts>,
) -> (Connection, impl Future<Output = ()> + Send + 'static) {
    let (outlet, come) = Outlet::new(patience);
    let (orders, take) = mpsc::unbounded_channel();
    let now = clock::now();
    let call = AudioSocketCall {
        stream,
        outlet,
        outbox: Outbox::default(),
        message: None,
        parting: None,
        counts,
        silence_due: now,
    };
    (Connection::new(come, orders), call.serve(take, standstill))
}

struct AudioSocketCall {
    stream: Stream,
    outlet: Outlet,
    outbox: Outbox,
    message: Option<PacedMessage>,
    /// Goodbye was said: when to give up waiting for the answer, and the play that ended with it.
    parting: Option<(Instant, Option<(Play, Spoken)>)>,
    counts: Arc<Counts>,
    /// When the next frame of silence is due while no message is sent.
    silence_due: Instant,
}

/// A message that is being sent, frame by frame.
struct PacedMessage {
    play: Play,
    pacer: Pacer,
    /// Whole frames that the connection took before this play.
    before: u64,
    begun: bool,
    /// Goodbye is said after it.
    parts: bool,
    unheard: Unheard,
}

impl AudioSocketCall {
    async fn serve(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        standstill: CancellationToken,
    ) {
        let end = loop {
            let wake = self.wake();
            let has_room = self.outlet.has_room();
            let done = tokio::select! {
                // Sending is not held up by what has come.
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.on_order(order),
                    // The drop has ended.
                    None => return,
                },
                () = sleep_until(TokioInstant::from_std(wake)) => self.send_what_is_due(),
                frame = self.stream.next(), if has_room => self.on_frame(frame),
                () = standstill.cancelled() => Err(ConnectionEnd::Standstill),
            };
            if let Err(end) = done.and_then(|()| self.keep_up(has_room)) {
                break end;
            }
        };
        self.end(end).await;
    }

    fn wake(&self) -> Instant {
        let due = match (&self.parting, &self.message) {
            (Some((until, _)), _) => *until,
            (None, Some(message)) => message.pacer.due(),
            (None, None) => self.silence_due,
        };
        if self.outbox.is_empty() && !self.outlet.is_full() {
            due
        } else {
            let now = clock::now();
            due.clamp(now + FRAME / 4, now + FRAME)
        }
    }

    fn keep_up(&mut self, has_room: bool) -> Result<(), ConnectionEnd> {
        let kept_up = self.outlet.keep_up(has_room);
        kept_up.inspect_err(|_| add(&self.counts.slow))
    }

    fn on_order(&mut self, order: Order) -> Result<(), ConnectionEnd> {
        let now = clock::now();
        match order {
            Order::Speak(play, sound) => self.begin(play, sound, true),
            Order::Say(play, sound) => self.begin(play, sound, false),
            Order::Hush(play) => {
                if self
                    .message
                    .as_ref()
                    .is_some_and(|message| message.play == play)
                {
                    self.stop(SpokenEnd::Stopped)?;
                }
                Ok(())
            }
            Order::Goodbye => {
                self.stop(SpokenEnd::Stopped)?;
                self.say_goodbye(None, now)
            }
        }
    }

    /// Sends a sound from now on, and says goodbye after it if it `parts`.
    fn begin(&mut self, play: Play, sound: Arc<[i16]>, parts: bool) -> Result<(), ConnectionEnd> {
        self.stop(SpokenEnd::Stopped)?;
        if self.parting.is_some() {
            return Ok(());
        }
        let now = clock::now();
        self.outbox.forget();
        self.message = Some(PacedMessage {
            play,
            pacer: Pacer::new(sound, now),
            before: self.outbox.taken + u64::from(!self.outbox.is_empty()),
            begun: false,
            parts,
            unheard: Unheard::new(now),
        });
        self.send_what_is_due()
    }

    /// Sends frames of the message, silence, or what the connection had no room for.
    fn send_what_is_due(&mut self) -> Result<(), ConnectionEnd> {
        self.hear_what_has_come()?;
        let now = clock::now();
        if let Some((until, _)) = self.parting {
            self.flush()?;
            return if now >= until {
                Err(ConnectionEnd::Unanswered)
            } else {
                Ok(())
            };
        }
        let Some(message) = &mut self.message else {
            if now >= self.silence_due && self.outbox.is_empty() {
                self.outbox.push(&SILENCE);
                self.silence_due = now + SILENCE_EVERY;
            }
            return self.flush();
        };
        let due = message.pacer.take(now);
        let play = message.play;
        for frame in &due.frames {
            self.outbox.push(frame);
        }
        self.flush()?;
        let Some(message) = &mut self.message else {
            return Ok(());
        };
        message.unheard.note(now);
        let begins = !message.begun && self.outbox.taken > message.before;
        message.begun |= begins;
        let is_over = message.pacer.is_over(now) && self.outbox.is_empty();
        if begins {
            self.outlet.report(FromCall::Speaking(play))?;
        }
        if let Some(gap) = due.gap {
            self.outlet.report(FromCall::Stumbled(play, gap))?;
        }
        if is_over && let Some(message) = self.message.take() {
            let spoken = message.spoken(SpokenEnd::Whole, self.outbox.taken);
            if message.parts {
                self.say_goodbye(Some((play, spoken)), now)?;
            } else {
                self.silence_due = now;
                self.outlet.report(FromCall::Spoken(play, spoken))?;
            }
        }
        Ok(())
    }

    /// A write to a PBX that has hung up makes the system discard what came before, so that is read first.
    fn hear_what_has_come(&mut self) -> Result<(), ConnectionEnd> {
        for _ in 0..AT_ONCE {
            if !self.outlet.has_room() {
                break;
            }
            match self.stream.next().now_or_never() {
                Some(frame) => self.on_frame(frame)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Sends no more of the message.
    fn stop(&mut self, end: SpokenEnd) -> Result<(), ConnectionEnd> {
        let Some(message) = self.message.take() else {
            return Ok(());
        };
        self.outbox.forget();
        self.silence_due = clock::now() + FRAME;
        let spoken = message.spoken(end, self.outbox.taken);
        self.outlet.report(FromCall::Spoken(message.play, spoken))
    }

    fn say_goodbye(
        &mut self,
        spoken: Option<(Play, Spoken)>,
        now: Instant,
    ) -> Result<(), ConnectionEnd> {
        if self.parting.is_none() {
            self.outbox.push(&GOODBYE);
            self.parting = Some((now + GOODBYE_WAIT, spoken));
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), ConnectionEnd> {
        match self.outbox.flush(self.stream.get_ref()) {
            Ok(()) if self.outbox.waiting() > STUCK => Err(ConnectionEnd::Stuck),
            Ok(()) => Ok(()),
            Err(_) => Err(self.closed()),
        }
    }

    /// Why the PBX closed the connection, orderly or not: some releases answer a goodbye with a reset.
    fn closed(&self) -> ConnectionEnd {
        if self.parting.is_some() {
            ConnectionEnd::Parted
        } else {
            ConnectionEnd::Closed
        }
    }

    fn on_frame(&mut self, frame: Option<Result<Frame, Bad>>) -> Result<(), ConnectionEnd> {
        match frame {
            Some(Ok(Frame::Audio(sound))) => {
                if let Some(message) = &mut self.message {
                    message.unheard.on_sound(clock::now());
                }
                self.outlet.report(FromCall::Sound(sound))
            }
            Some(Ok(Frame::Other)) => Ok(()),
            Some(Ok(Frame::HungUp)) if self.parting.is_none() => Err(ConnectionEnd::HungUp),
            Some(Ok(Frame::HungUp)) => Err(ConnectionEnd::Parted),
            // The UUID came before.
            Some(Ok(Frame::Uuid(_))) => {
                add(&self.counts.garbage);
                Err(ConnectionEnd::Garbage)
            }
            Some(Err(bad)) => {
                self.counts.bad(&bad);
                Err(match bad {
                    Bad::Garbage => ConnectionEnd::Garbage,
                    Bad::Oversized => ConnectionEnd::Oversized,
                    Bad::Broken(_) => self.closed(),
                })
            }
            None => Err(self.closed()),
        }
    }

    /// Reports how it ended, after the message that ended with it. The connection is closed first.
    async fn end(mut self, end: ConnectionEnd) {
        let taken = self.outbox.taken;
        let spoken = match (self.parting.take(), self.message.take()) {
            (Some((_, Some((play, spoken)))), _) => {
                let whole = match end {
                    ConnectionEnd::Parted => SpokenEnd::Whole,
                    ConnectionEnd::Unanswered => SpokenEnd::Unconfirmed,
                    ConnectionEnd::HungUp
                    | ConnectionEnd::Closed
                    | ConnectionEnd::Garbage
                    | ConnectionEnd::Oversized
                    | ConnectionEnd::Slow
                    | ConnectionEnd::Stuck
                    | ConnectionEnd::Standstill => SpokenEnd::Lost,
                };
                Some((
                    play,
                    Spoken {
                        end: whole,
                        ..spoken
                    },
                ))
            }
            (_, Some(message)) => Some((message.play, message.spoken(SpokenEnd::Lost, taken))),
            (_, None) => None,
        };
        drop(self.stream);
        let spoken = spoken.map(|(play, spoken)| FromCall::Spoken(play, spoken));
        self.outlet.end(spoken, end).await;
    }
}

impl PacedMessage {
    fn spoken(&self, end: SpokenEnd, taken: u64) -> Spoken {
        let frames = taken.saturating_sub(self.before);
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        Spoken {
            end,
            sent: FRAME * frames,
            unheard: self.unheard.longest(),
        }
    }
}

/// What the connection had no room for yet. A frame is written at once if there is room: on many releases a frame that is
/// interrupted for more than some milliseconds ends the call.
#[derive(Debug, Default)]
struct Outbox {
    bytes: Vec<u8>,
    /// Bytes of the first frame that are sent.
    gone: usize,
    /// Whole audio frames that the connection took.
    taken: u64,
}

impl Outbox {
    fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// Discards all frames of which nothing is sent yet.
    fn forget(&mut self) {
        let rest = if self.gone == 0 { 0 } else { BYTES - self.gone };
        self.bytes.truncate(rest);
    }

    fn flush(&mut self, to: &TcpStream) -> io::Result<()> {
        while !self.bytes.is_empty() {
            let sent = match to.try_write(&self.bytes) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.bytes.drain(..sent);
            let gone = self.gone + sent;
            self.taken += (gone / BYTES) as u64;
            self.gone = gone % BYTES;
        }
        Ok(())
    }
}

/// Frames that are read before one is sent: what a live call brings in a stall of 1 s, and few enough to be read at once.
const AT_ONCE: usize = 50;

/// Bytes that may wait for the PBX: 4 s.
const STUCK: usize = 200 * BYTES;
