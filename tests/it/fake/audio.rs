//! An audio connection, as `AudioSocket()` of Asterisk 22.10.1 has it: brings what the far end sounds like, and takes down what
//! comes back.

use std::{
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use super::{
    Shared,
    fault::{Audio, Goodbye, Loss, Opening, When},
};

/// What came over the audio connections of one channel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// How many were made.
    pub(crate) connections: usize,
    /// How much of what the far end sounds like was brought.
    pub(crate) brought: Duration,
    /// When each frame came that is not silence.
    pub(crate) message: Vec<Instant>,
    /// How many came that are.
    pub(crate) silence: usize,
    /// When a goodbye came.
    pub(crate) goodbye: Option<Instant>,
    /// When the last one ended, for whatever reason.
    pub(crate) over: Option<Instant>,
}

impl Heard {
    /// How much of a message came.
    pub(crate) fn spoken(&self) -> Duration {
        FRAME * u32::try_from(self.message.len()).expect("a test is short")
    }
}

/// One call's side of its audio connection.
pub(super) struct Line {
    pub(super) shared: Weak<Shared>,
    pub(super) channel: String,
    pub(super) serial: u64,
    pub(super) sound: Arc<[i16]>,
    pub(super) reply: Arc<[i16]>,
    pub(super) audio: Audio,
}

/// What TRYSTATUS says.
pub(super) const FAILED: &str = "FAILED";
const SUCCESS: &str = "SUCCESS";

/// Carries the audio of a channel until the connection ends, after which the dialplan goes on, or the channel does.
pub(super) async fn carry(
    mut line: Line,
    host: String,
    uuid: Uuid,
    ended: oneshot::Receiver<Infallible>,
) {
    let status = tokio::select! {
        status = line.run(&host, uuid) => Some(status),
        _ = ended => None,
    };
    line.note(|heard| heard.over = Some(Instant::now()));
    if let (Some(status), Some(shared)) = (status, line.shared.upgrade()) {
        shared.lock().audio_over(&line.channel, line.serial, status);
        shared.changed();
    }
}

impl Line {
    /// Runs `AudioSocket()`; what TRYSTATUS says then.
    async fn run(&mut self, host: &str, uuid: Uuid) -> &'static str {
        if self.audio.opening == Opening::Refused {
            sleep(Duration::from_millis(11)).await;
            return FAILED;
        }
        let Ok(mut stream) = TcpStream::connect(host).await else {
            return FAILED;
        };
        self.note(|heard| heard.connections += 1);
        let _ = stream.set_nodelay(true);
        if self.audio.opening == Opening::Mute {
            return match stream.read_u8().await {
                Ok(_) => SUCCESS,
                Err(_) => FAILED,
            };
        }
        let mut head = vec![UUID, 0, 16];
        head.extend_from_slice(uuid.as_bytes());
        if stream.write_all(&head).await.is_err() {
            return FAILED;
        }
        match self.converse(&mut stream).await {
            Ended::Goodbye if self.audio.goodbye == Goodbye::Reset => {
                let _ = stream.set_zero_linger();
                FAILED
            }
            Ended::Goodbye | Ended::Closed => SUCCESS,
            Ended::Lost(Loss::Reset) => {
                let _ = stream.set_zero_linger();
                FAILED
            }
            Ended::Broken | Ended::Lost(Loss::Closed) => FAILED,
        }
    }

    async fn converse(&mut self, stream: &mut TcpStream) -> Ended {
        let mut buffer = Vec::new();
        let (mut brought, mut message) = (0, 0);
        let mut replied = self.reply.chunks_exact(SAMPLES);
        let mut due = Instant::now();
        loop {
            if let Some(shared) = self.shared.upgrade() {
                shared.thawed().await;
            }
            let come = |when: &When| match when {
                When::Sound(time) => FRAME * brought >= *time,
                When::Message(time) => message > 0 && FRAME * message >= *time,
            };
            if let Some((when, loss)) = &self.audio.lost
                && come(when)
            {
                return Ended::Lost(*loss);
            }
            if let Some((when, time)) = &self.audio.stands
                && come(when)
            {
                sleep(*time).await;
                self.audio.stands = None;
                due = Instant::now();
                continue;
            }
            let reads = !self.audio.unread.as_ref().is_some_and(come);
            let is_mute = self.audio.mute.as_ref().is_some_and(come);
            tokio::select! {
                () = sleep_until(due) => {
                    let place = usize::try_from(brought).expect("a test is short") * SAMPLES;
                    let rest = self.sound.get(place..).filter(|rest| rest.len() >= SAMPLES);
                    let next = if message > 0 { replied.next() } else { None };
                    let (samples, step) = match (next, rest) {
                        (Some(reply), _) => (reply, FRAME),
                        (None, Some(rest)) if self.audio.live => (&rest[..SAMPLES], FRAME),
                        (None, Some(rest)) => (&rest[..SAMPLES], FAST),
                        (None, None) => (&[0; SAMPLES][..], FRAME),
                    };
                    brought += 1;
                    self.note(|heard| heard.brought = FRAME * brought);
                    // A machine under load makes up for a little.
                    due = (due + step).max(Instant::now() - FRAME * 5);
                    if !is_mute && stream.write_all(&frame(samples)).await.is_err() {
                        return Ended::Broken;
                    }
                }
                read = stream.read_buf(&mut buffer), if reads => match read {
                    Ok(0) => return Ended::Closed,
                    Err(_) => return Ended::Broken,
                    Ok(_) => {
                        while let Some((kind, payload)) = take(&mut buffer) {
                            match kind {
                                GOODBYE => {
                                    self.note(|heard| heard.goodbye = Some(Instant::now()));
                                    if self.audio.goodbye != Goodbye::Never {
                                        return Ended::Goodbye;
                                    }
                                }
                                AUDIO if payload.iter().all(|&byte| byte == 0) => {
                                    self.note(|heard| heard.silence += 1);
                                }
                                AUDIO => {
                                    message += 1;
                                    self.note(|heard| heard.message.push(Instant::now()));
                                }
                                // Newer releases end the call by it, older ones warn.
                                _ => return Ended::Broken,
                            }
                        }
                    }
                },
            }
        }
    }

    fn note(&self, what: impl FnOnce(&mut Heard)) {
        if let Some(shared) = self.shared.upgrade() {
            what(shared.lock().heard.entry(self.channel.clone()).or_default());
            shared.changed();
        }
    }
}

/// How a connection ended.
enum Ended {
    /// We were asked to end it.
    Goodbye,
    /// The other side closed it.
    Closed,
    /// The other side reset it.
    Broken,
    /// On purpose.
    Lost(Loss),
}

/// The first whole frame: its kind and what it carries.
fn take(buffer: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let &[kind, high, low, ..] = buffer.as_slice() else {
        return None;
    };
    let end = 3 + usize::from(u16::from_be_bytes([high, low]));
    let payload = buffer.get(3..end)?.to_vec();
    buffer.drain(..end);
    Some((kind, payload))
}

fn frame(samples: &[i16]) -> Vec<u8> {
    let length = u16::try_from(samples.len() * 2).expect("a frame is short");
    let mut bytes = vec![AUDIO];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

const GOODBYE: u8 = 0x00;
const UUID: u8 = 0x01;
const AUDIO: u8 = 0x10;

/// What a frame lasts.
const FRAME: Duration = Duration::from_millis(20);

/// From one frame of what the far end sounds like to the next.
const FAST: Duration = Duration::from_millis(2);

/// Samples of a frame.
const SAMPLES: usize = 160;
