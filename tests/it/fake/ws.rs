//! The event websocket, server side, as raw frames: so that it can be cut in the middle of one.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::Instant,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What waits to be written to one event websocket.
#[derive(Default)]
pub(crate) struct Sink {
    queue: Mutex<Vec<Outgoing>>,
    wake: Notify,
}

/// One thing to write.
pub(crate) enum Outgoing {
    /// An event; when it is written, the time goes into the log under this number.
    Text(String, Option<usize>),
    Pong(Vec<u8>),
    /// The answer to the client's close; the connection ends with it.
    Close(Vec<u8>),
    /// Everything before this is written, then the connection ends without a closing handshake.
    Cut,
    /// Everything before this is written, then nothing any more.
    Stall,
}

impl Sink {
    pub(crate) fn push(&self, outgoing: Outgoing) {
        self.queue
            .lock()
            .expect("no test panics while it holds this")
            .push(outgoing);
        self.wake.notify_one();
    }

    fn take(&self) -> Vec<Outgoing> {
        std::mem::take(
            &mut *self
                .queue
                .lock()
                .expect("no test panics while it holds this"),
        )
    }
}

/// Answers the upgrade, then carries frames both ways until either side ends it. `cut_at` is the number of bytes after
/// which the server drops the connection, in the middle of whatever it is writing.
pub(crate) async fn serve(
    mut stream: TcpStream,
    key: &str,
    rest: Vec<u8>,
    sink: Arc<Sink>,
    cut_at: Option<usize>,
    sent: impl Fn(&[usize], Instant) + Send + Sync,
) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
         {}\r\nSec-WebSocket-Protocol: ari\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(head.as_bytes()).await?;
    let (mut read, mut write) = stream.split();
    tokio::select! {
        ended = listen(&mut read, rest, &sink) => ended,
        ended = speak(&mut write, &sink, cut_at, sent) => ended,
    }
}

/// Writes what is queued. All that is there at once goes out as one write.
async fn speak(
    stream: &mut (impl AsyncWrite + Unpin),
    sink: &Sink,
    cut_at: Option<usize>,
    sent: impl Fn(&[usize], Instant),
) -> io::Result<()> {
    let mut written = 0;
    loop {
        sink.wake.notified().await;
        let (mut bytes, mut numbers, mut cut) = (Vec::new(), Vec::new(), false);
        let mut stall = false;
        for outgoing in sink.take() {
            match outgoing {
                Outgoing::Text(text, number) => {
                    frame(&mut bytes, 0x1, text.as_bytes());
                    numbers.extend(number);
                }
                Outgoing::Pong(payload) => frame(&mut bytes, 0xa, &payload),
                Outgoing::Close(payload) => {
                    frame(&mut bytes, 0x8, &payload);
                    cut = true;
                    break;
                }
                Outgoing::Cut => {
                    cut = true;
                    break;
                }
                Outgoing::Stall => {
                    stall = true;
                    break;
                }
            }
        }
        if let Some(limit) = cut_at
            && written + bytes.len() >= limit
        {
            bytes.truncate(limit - written);
            cut = true;
        }
        let now = Instant::now();
        stream.write_all(&bytes).await?;
        sent(&numbers, now);
        written += bytes.len();
        if stall {
            std::future::pending::<()>().await;
        }
        if cut {
            return Ok(());
        }
    }
}

/// Reads the client's frames: answers its pings and its close.
async fn listen(
    stream: &mut (impl AsyncRead + Unpin),
    rest: Vec<u8>,
    sink: &Sink,
) -> io::Result<()> {
    let mut buffer = rest;
    loop {
        while let Some((code, payload, length)) = unframe(&buffer) {
            buffer.drain(..length);
            match code {
                0x8 => sink.push(Outgoing::Close(payload)),
                0x9 => sink.push(Outgoing::Pong(payload)),
                _ => {}
            }
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Appends one unfragmented, unmasked frame (RFC 6455, 5.2).
fn frame(out: &mut Vec<u8>, code: u8, payload: &[u8]) {
    out.push(0x80 | code);
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(payload);
}

/// The first whole frame of a client: its code, its payload unmasked, and how long it was on the wire.
fn unframe(buffer: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (first, second) = (buffer.first()?, buffer.get(1)?);
    let (length, mask_at) = match second & 0x7f {
        126 => (
            usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?])),
            4,
        ),
        127 => (
            usize::try_from(u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?)).ok()?,
            10,
        ),
        short => (usize::from(short), 2),
    };
    let mask = buffer.get(mask_at..mask_at + 4)?;
    let payload = buffer.get(mask_at + 4..mask_at + 4 + length)?;
    let payload = payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m);
    Some((first & 0x0f, payload.collect(), mask_at + 4 + length))
}
