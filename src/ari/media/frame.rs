//! The frames of AudioSocket: a type, a length of two bytes, big-endian, and so many bytes.
//!
//! Source: `include/asterisk/res_audiosocket.h`. Audio of other rates than 8 kHz has types of its own (0x11 and up),
//! which we do not ask for.

use std::io;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio_util::{
    bytes::{Buf as _, Bytes, BytesMut},
    codec::{Decoder, FramedRead},
};
use uuid::Uuid;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The UUID by which the connection is known.
    Uuid(Uuid),
    /// 8 kHz samples of 16 bits, little-endian, an even number of bytes.
    Audio(Bytes),
    /// The channel has ended.
    HungUp,
    /// A key, or an error that Asterisk reports: nothing that we listen for.
    Other,
}

/// Reads frames.
#[derive(Debug)]
pub(super) struct Codec;

/// A connection, frame by frame.
pub(super) type Stream = FramedRead<TcpStream, Codec>;

/// Why bytes are not a frame that is accepted.
#[derive(Debug, Error)]
pub(super) enum Bad {
    /// It is not AudioSocket.
    #[error("not AudioSocket")]
    Garbage,
    /// It is too large.
    #[error("a frame larger than {PAYLOAD_MAX} bytes")]
    Oversized,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[from] io::Error),
}

/// The head of a frame of audio of this many bytes.
pub(super) const fn head(length: u16) -> [u8; HEAD] {
    let [high, low] = length.to_be_bytes();
    [AUDIO, high, low]
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = Bad;

    fn decode(&mut self, from: &mut BytesMut) -> Result<Option<Frame>, Bad> {
        let Some(&[kind, high, low]) = from.first_chunk() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // Judged by its head, before any of it is waited for.
        match (kind, length) {
            (AUDIO, _) if length > PAYLOAD_MAX => return Err(Bad::Oversized),
            (AUDIO, _) if length % 2 == 0 => {}
            (UUID, 16) | (HANG_UP, 0) | (DTMF, 1) | (ERROR, 0..=4) => {}
            _ => return Err(Bad::Garbage),
        }
        if from.len() < HEAD + length {
            from.reserve(HEAD + length - from.len());
            return Ok(None);
        }
        from.advance(HEAD);
        let payload = from.split_to(length).freeze();
        Ok(Some(match kind {
            AUDIO => Frame::Audio(payload),
            UUID => Frame::Uuid(Uuid::from_slice(&payload).map_err(|_| Bad::Garbage)?),
            HANG_UP => Frame::HungUp,
            _ => Frame::Other,
        }))
    }

    fn decode_eof(&mut self, from: &mut BytesMut) -> Result<Option<Frame>, Bad> {
        // What is left of a frame that was cut off says nothing.
        self.decode(from)
    }
}

const HANG_UP: u8 = 0x00;
const UUID: u8 = 0x01;
const DTMF: u8 = 0x03;
const AUDIO: u8 = 0x10;
const ERROR: u8 = 0xff;

/// The frame by which we ask the PBX to close the connection.
pub(super) const GOODBYE: [u8; HEAD] = [HANG_UP, 0, 0];

/// Bytes in front of the payload.
pub(super) const HEAD: usize = 3;

/// Largest payload that is taken, in bytes: 200 ms, ten of Asterisk's frames.
pub(super) const PAYLOAD_MAX: usize = 3_200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_frame_is_read_and_each_other_head_refused_before_its_payload() {
        let uuid = Uuid::from_u128(7);
        let audio = vec![1, 2, 3, 4];
        type Read = Result<Option<Frame>, &'static str>;
        let rows: [(Vec<u8>, Read); 16] = [
            (framed(UUID, uuid.as_bytes()), Ok(Some(Frame::Uuid(uuid)))),
            (framed(AUDIO, &audio), Ok(Some(Frame::Audio(audio.into())))),
            (framed(AUDIO, &[]), Ok(Some(Frame::Audio(Bytes::new())))),
            (framed(HANG_UP, &[]), Ok(Some(Frame::HungUp))),
            (framed(DTMF, b"5"), Ok(Some(Frame::Other))),
            (framed(ERROR, &[1]), Ok(Some(Frame::Other))),
            (vec![AUDIO, 0], Ok(None)),
            (vec![AUDIO, 0x0c, 0x80], Ok(None)),
            (vec![AUDIO, 0x0c, 0x82], Err("oversized")),
            (vec![AUDIO, 0xff, 0xff], Err("oversized")),
            (vec![AUDIO, 0, 3], Err("garbage")),
            (vec![UUID, 0, 15], Err("garbage")),
            (vec![HANG_UP, 0, 1], Err("garbage")),
            (vec![DTMF, 0, 2], Err("garbage")),
            (vec![0x11, 0, 2], Err("garbage")),
            (b"GET / HTTP/1.1".to_vec(), Err("garbage")),
        ];
        for (bytes, expected) in rows {
            let read = Codec.decode(&mut BytesMut::from(bytes.as_slice()));
            let read = read.map_err(|bad| word(&bad));
            assert_eq!(read, expected, "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn the_same_bytes_are_the_same_frames_however_they_are_cut(
            frames in prop::collection::vec((0_u8..5, prop::collection::vec(any::<u8>(), 0..200)), 0..12),
            tail in prop::collection::vec(any::<u8>(), 0..8),
            cuts in prop::collection::vec(1_usize..97, 1..40),
        ) {
            let mut bytes: Vec<u8> = frames.iter().flat_map(|(kind, payload)| any_frame(*kind, payload)).collect();
            bytes.extend(tail);
            let whole = read_all(std::iter::once(bytes.as_slice()));
            let mut rest = bytes.as_slice();
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            prop_assert_eq!(read_all(pieces.into_iter()), whole);
        }

        #[test]
        fn any_bytes_are_read_or_refused_and_never_hoarded(bytes in prop::collection::vec(any::<u8>(), 0..9_000)) {
            let mut buffer = BytesMut::new();
            for piece in bytes.chunks(61) {
                buffer.extend_from_slice(piece);
                loop {
                    match Codec.decode(&mut buffer) {
                        Ok(Some(Frame::Audio(audio))) => prop_assert!(audio.len() % 2 == 0 && audio.len() <= PAYLOAD_MAX),
                        Ok(Some(Frame::Uuid(_) | Frame::HungUp | Frame::Other)) => {}
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(buffer.len() < HEAD + PAYLOAD_MAX);
            }
        }
    }

    fn any_frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        match kind {
            0 => framed(HANG_UP, &[]),
            1 => framed(UUID, Uuid::from_u128(payload.len() as u128).as_bytes()),
            2 => framed(DTMF, b"1"),
            _ => framed(AUDIO, &payload[..payload.len() / 2 * 2]),
        }
    }

    fn read_all<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        let mut buffer = BytesMut::new();
        let mut read = Vec::new();
        for piece in pieces {
            buffer.extend_from_slice(piece);
            loop {
                match Codec.decode(&mut buffer) {
                    Ok(Some(frame)) => read.push(format!("{frame:?}")),
                    Ok(None) => break,
                    Err(bad) => {
                        read.push(word(&bad).to_owned());
                        return read;
                    }
                }
            }
        }
        read
    }

    fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind], length.as_slice(), payload].concat()
    }

    const fn word(bad: &Bad) -> &'static str {
        match bad {
            Bad::Garbage => "garbage",
            Bad::Oversized => "oversized",
            Bad::Broken(_) => "broken",
        }
    }
}
