//! AudioSocket: the reader of frames, and the listener with whole connections.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    runtime::Runtime,
};
use tokio_util::{
    bytes::{Bytes as Buffer, BytesMut},
    codec::Decoder as _,
};

use super::{
    Connection, ConnectionEnd, Expected, FromCall, ListenerLimits, MediaCounts, MediaServer,
    TcpStream, Uuid,
    frame::PAYLOAD_MAX,
    frame::{Bad, Codec, Frame},
    tests::{settings, until},
};
use crate::{
    ari::fixture::{SOON, soon},
    fuzz::{Bytes, Target},
};

#[test]
fn any_bytes_are_frames_or_refused_however_they_are_cut() {
    let target = Target {
        name: "frames",
        inputs: 10_000,
        longest: 8_000,
        words: WORDS,
    };
    target.check(|input| {
        let mut cuts = Bytes(input);
        let cuts = [cuts.byte(), cuts.byte(), cuts.byte()];
        let bytes = input.get(cuts.len()..).unwrap_or_default();
        let whole = read(bytes, &[bytes.len().max(1)]);
        let pieces = cuts.map(|cut| usize::from(cut) + 1);
        assert_eq!(read(bytes, &pieces), whole);
        assert_eq!(read(bytes, &[1]), whole);
    });
}

/// Reads all frames, and ends at the first that is refused.
fn read(bytes: &[u8], pieces: &[usize]) -> Vec<String> {
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    let mut fed = 0;
    for piece in pieces.iter().cycle() {
        let next = (fed + piece).min(bytes.len());
        buffer.extend_from_slice(&bytes[fed..next]);
        fed = next;
        loop {
            let at = fed - buffer.len();
            match Codec.decode(&mut buffer) {
                Ok(Some(frame)) => {
                    is_what_stood_there(&frame, &bytes[at..fed - buffer.len()]);
                    frames.push(format!("{frame:?}"));
                }
                Ok(None) => break,
                Err(bad) => {
                    assert!(!matches!(bad, Bad::Broken(_)), "nothing broke");
                    frames.push(bad.to_string());
                    return frames;
                }
            }
        }
        let held = buffer.len();
        assert!(held < 3 + PAYLOAD_MAX, "{held} bytes are hoarded");
        if fed == bytes.len() {
            break;
        }
    }
    // The end brings nothing that was not there before.
    assert!(matches!(Codec.decode_eof(&mut buffer), Ok(None)));
    frames
}

fn is_what_stood_there(frame: &Frame, eaten: &[u8]) {
    let (head, payload) = eaten.split_at(3);
    assert_eq!(
        usize::from(u16::from_be_bytes([head[1], head[2]])),
        payload.len()
    );
    match frame {
        Frame::Uuid(uuid) => assert_eq!((head[0], &uuid.as_bytes()[..]), (0x01, payload)),
        Frame::Audio(audio) => {
            assert_eq!((head[0], &audio[..]), (0x10, payload));
            assert!(audio.len() % 2 == 0 && audio.len() <= PAYLOAD_MAX);
        }
        Frame::HungUp => assert_eq!(eaten, [0, 0, 0]),
        Frame::Other => assert!(matches!(
            (head[0], payload.len()),
            (0x03, 1) | (0xff, 0..=4)
        )),
    }
}

#[test]
fn any_connections_reach_their_own_drop_or_are_counted() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let target = Target {
        name: "connections",
        inputs: 400,
        longest: 160,
        words: &[
            // Expect, connect, hello, audio, take; a second hello; a close.
            &[0, 1, 2, 0, 0, 3, 0, 9],
            &[2, 0, 0],
            &[2, 0, 0, 2, 0, 0],
            &[5, 0],
            &[6, 0],
            &[4, 0, 3, 0x10, 0xff, 0xff],
            &[4, 0, 3, 0x10, 0, 3],
        ],
    };
    target.check(|input| play(&runtime, Bytes(input)));
}

/// Drops and connections do as the input says; then everything that was sent is looked for.
fn play(runtime: &Runtime, mut bytes: Bytes<'_>) {
    runtime.block_on(async {
        // No peer here is silent for long, except on a machine that is.
        let patient = ListenerLimits {
            greeting: SOON,
            ..ListenerLimits::default()
        };
        let media = MediaServer::open(&settings(None), None, patient).unwrap();
        let mut scene = Connections::default();
        while !bytes.is_empty() {
            scene.act(&media, &mut bytes).await;
        }
        let refused = scene.close().await;
        // Each for one reason, whatever else was wrong with it.
        until(|| media.counts().total() == refused, || media.counts()).await;
        still_works(&media).await;
    });
}

#[derive(Default)]
struct Connections {
    drops: Vec<Drop>,
    calls: Vec<FuzzedCall>,
}

/// A drop that expects a connection.
struct Drop {
    uuid: Uuid,
    expected: Expected,
    /// Whether a connection has brought its UUID.
    named: bool,
}

/// A connection, from the PBX's side.
struct FuzzedCall {
    socket: Option<TcpStream>,
    /// The socket, after this side has ended.
    ended: Option<TcpStream>,
    /// What its drop hears of it, if it reached one.
    reached: Option<Connection>,
    /// It was closed from the other side.
    over: bool,
    /// All of it; once it has reached a drop, all since its UUID.
    said: Vec<u8>,
}

/// What a connection sent that its drop has to get, in order.
#[derive(Debug, PartialEq)]
enum Sent {
    Audio(Buffer),
    End(ConnectionEnd),
}

impl Connections {
    async fn act(&mut self, media: &MediaServer, bytes: &mut Bytes<'_>) {
        match bytes.below(7) {
            0 if self.drops.len() < 6 => {
                let uuid = Uuid::new_v4();
                self.drops.push(Drop {
                    uuid,
                    expected: media.expect(uuid),
                    named: false,
                });
            }
            1 if self.calls.len() < 6 => self.calls.push(FuzzedCall {
                socket: Some(TcpStream::connect(media.address()).await.unwrap()),
                ended: None,
                reached: None,
                over: false,
                said: Vec::new(),
            }),
            // A drop that wants no connection any more.
            6 if !self.drops.is_empty() => {
                let gone = usize::from(bytes.byte()) % self.drops.len();
                if !self.drops[gone].named {
                    self.drops.swap_remove(gone);
                }
            }
            _ if self.calls.is_empty() => {}
            2 => {
                let which = usize::from(bytes.byte()) % self.calls.len();
                let drop = usize::from(bytes.byte());
                self.hello(which, drop).await;
            }
            3 => {
                let call = self.call(bytes);
                let count = usize::from(bytes.byte());
                call.say(&framed(0x10, &vec![bytes.byte(); count * 2]))
                    .await;
            }
            4 => {
                let call = self.call(bytes);
                let count = usize::from(bytes.byte());
                call.say(bytes.take(count)).await;
            }
            5 => {
                self.call(bytes).end().await;
            }
            _ => {}
        }
    }

    fn call(&mut self, bytes: &mut Bytes<'_>) -> &mut FuzzedCall {
        let which = usize::from(bytes.byte()) % self.calls.len();
        &mut self.calls[which]
    }

    /// A connection names a drop, or none.
    async fn hello(&mut self, which: usize, drop: usize) {
        let call = &mut self.calls[which];
        let known = self.drops.get_mut(drop % 8);
        let uuid = known.as_ref().map_or_else(Uuid::new_v4, |drop| drop.uuid);
        let first = call.reached.is_none() && call.said.is_empty() && call.socket.is_some();
        call.say(&framed(0x01, uuid.as_bytes())).await;
        let Some(drop) = known.filter(|drop| first && !drop.named) else {
            return;
        };
        drop.named = true;
        call.reached = Some(soon(drop.expected.come()).await);
        call.said.clear();
    }

    /// Every connection that reached a drop brought it all it sent, and nothing else. Says how many are to be counted.
    async fn close(&mut self) -> u64 {
        let mut refused = 0;
        for call in &mut self.calls {
            call.end().await;
            let Some(connection) = &mut call.reached else {
                refused += 1;
                continue;
            };
            let sent = what_is_due(&call.said);
            let last = sent.last();
            refused += u64::from(last.is_some_and(Sent::is_refusal));
            for due in sent {
                let got = match soon(connection.next()).await {
                    FromCall::Sound(sound) => Sent::Audio(sound),
                    FromCall::Ended(end) => Sent::End(end),
                    FromCall::Speaking(_) | FromCall::Stumbled(..) | FromCall::Spoken(..) => {
                        panic!("nothing was said")
                    }
                };
                assert_eq!(got, due);
            }
        }
        refused
    }
}

impl Sent {
    const fn is_refusal(&self) -> bool {
        match self {
            Self::End(ConnectionEnd::Garbage | ConnectionEnd::Oversized) => true,
            Self::End(_) | Self::Audio(_) => false,
        }
    }
}

impl FuzzedCall {
    /// Ends this side, in order: a socket that is closed with sound unread would reset the connection, and what was sent before
    /// could be lost.
    async fn end(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            let _ = socket.shutdown().await;
            self.ended = Some(socket);
        }
    }

    /// What cannot be sent any more was turned away.
    async fn say(&mut self, bytes: &[u8]) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        if self.over {
            return;
        }
        match socket.write_all(bytes).await {
            Ok(()) => self.said.extend_from_slice(bytes),
            Err(_) => self.over = true,
        }
    }
}

/// What a drop has to get of what was said to it after its UUID.
fn what_is_due(said: &[u8]) -> Vec<Sent> {
    let mut buffer = BytesMut::from(said);
    let mut due = Vec::new();
    loop {
        let end = match Codec.decode(&mut buffer) {
            Ok(Some(Frame::Audio(audio))) => {
                due.push(Sent::Audio(audio));
                continue;
            }
            Ok(Some(Frame::Other)) => continue,
            Ok(Some(Frame::HungUp)) => ConnectionEnd::HungUp,
            Ok(Some(Frame::Uuid(_))) | Err(Bad::Garbage) => ConnectionEnd::Garbage,
            Err(Bad::Oversized) => ConnectionEnd::Oversized,
            Ok(None) | Err(Bad::Broken(_)) => ConnectionEnd::Closed,
        };
        due.push(Sent::End(end));
        return due;
    }
}

/// Whatever was said to it, the listener takes the next call.
async fn still_works(media: &MediaServer) {
    let uuid = Uuid::new_v4();
    let mut expected = media.expect(uuid);
    let mut pbx = TcpStream::connect(media.address()).await.unwrap();
    pbx.write_all(&framed(0x01, uuid.as_bytes())).await.unwrap();
    pbx.write_all(&framed(0x10, &[1, 2])).await.unwrap();
    let mut connection = soon(expected.come()).await;
    let sound = FromCall::Sound(Buffer::from_static(&[1, 2]));
    assert_eq!(soon(connection.next()).await, sound);
    let before: MediaCounts = media.counts();
    pbx.write_all(&framed(0x00, &[])).await.unwrap();
    let end = FromCall::Ended(ConnectionEnd::HungUp);
    assert_eq!(soon(connection.next()).await, end);
    // In order, or broken off.
    let _ = soon(pbx.read(&mut [0])).await;
    assert_eq!(media.counts(), before, "nothing was wrong with that");
}

fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind], length.as_slice(), payload].concat()
}

const WORDS: &[&[u8]] = &[
    &[0x00, 0, 0],
    &[
        0x01, 0, 16, 1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16,
    ],
    &[0x03, 0, 1, b'5'],
    &[0x10, 0, 4, 1, 0, 2, 0],
    &[0x10, 1, 64],
    &[0x10, 0x0c, 0x80],
    &[0x10, 0x0c, 0x82],
    &[0x10, 0xff, 0xff],
    &[0x11, 2, 128],
    &[0xff, 0, 1, 4],
    b"GET / HTTP/1.1\r\n\r\n",
];
