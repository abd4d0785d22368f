//! Finds out from a file's first bytes what it is, so that a refusal can name it, and finds all of its audio if headers announce
//! less of it, or more.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use symphonia::core::io::MediaSource;

use super::refusal::Refusal;

/// A container this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Wav,
    Mp3,
    Flac,
    Ogg,
}

impl Format {
    /// The name that people know it by.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Wav => "WAV",
            Self::Mp3 => "MP3",
            Self::Flac => "FLAC",
            Self::Ogg => "OGG",
        }
    }

    /// The extension by which the decoders know it.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Flac => "flac",
            Self::Ogg => "ogg",
        }
    }
}

/// The format, from a file's first bytes.
pub(super) fn format_of(head: &[u8]) -> Result<Format, Refusal> {
    let foreign = |what| Err(Refusal::Foreign { what });
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|h| h.starts_with(magic));
    if at(0, b"RIFF") && at(8, b"WAVE") {
        return Ok(Format::Wav);
    }
    if at(0, b"fLaC") {
        return Ok(Format::Flac);
    }
    if at(0, b"OggS") {
        return match OGG_CODECS.iter().find(|(magic, _)| holds(head, magic)) {
            Some((_, what)) => foreign(what),
            None => Ok(Format::Ogg),
        };
    }
    if at(0, b"ID3") {
        return Ok(Format::Mp3);
    }
    for (offset, magic, what) in FOREIGN {
        if at(*offset, magic) {
            return foreign(what);
        }
    }
    // An MPEG audio frame begins with eleven set bits, then version (01 is reserved) and layer (00 is AAC's ADTS).
    match head {
        [0xFF, second, third, ..] if second & 0xE0 == 0xE0 => {
            match (second >> 3 & 3, second >> 1 & 3) {
                (2 | 3, 0) if second & 0x10 != 0 => foreign("AAC"),
                (1, _) | (_, 0) => Err(Refusal::NotAudio),
                _ if third >> 4 == 0xF || third >> 2 & 3 == 3 => Err(Refusal::NotAudio),
                _ => Ok(Format::Mp3),
            }
        }
        _ => Err(Refusal::NotAudio),
    }
}

/// Whether an MP3 file counts its frames, by the header that encoders put into the first one. If it does not, its
/// length is a guess from its size.
pub(super) fn counts_frames(file: &mut File) -> io::Result<bool> {
    let mut head = [0; 10];
    let tagged = read_at(file, 0, &mut head)? == head.len() && head.starts_with(b"ID3");
    // The tag's size holds seven bits a byte, and leaves out the tag's own header.
    let size = head[6..]
        .iter()
        .fold(0, |size, b| size << 7 | u64::from(b & 0x7F));
    let mut frame = [0; 64];
    let held = read_at(file, if tagged { size + 10 } else { 0 }, &mut frame)?;
    let frame = &frame[..held];
    let at = frame.windows(4).position(|w| w == b"Xing" || w == b"Info");
    // The lowest of the flags that follow says that the count is there.
    Ok(at
        .and_then(|at| frame.get(at + 7))
        .is_some_and(|flags| flags & 1 == 1))
}

/// A source of bytes that is put together of parts of a file, and of headers that describe them.
///
/// Programs that write to a pipe leave the sizes of a WAV file at 0 or at their largest value, and the decoder would then
/// lose the last packet: up to 144 ms of the message's end. Recordings are put together as files (`cat a.mp3 b.mp3`), and a
/// header is written early and never again: the decoder would end with the part that the first header announces.
pub(super) struct Mended {
    file: File,
    parts: Vec<Part>,
    len: u64,
    position: u64,
}

/// A part of a source.
#[derive(Clone, Debug)]
enum Part {
    File { at: u64, len: u64 },
    Bytes(Vec<u8>),
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

impl Mended {
    /// A source that reads the file as it is.
    pub(super) fn as_is(file: File, len: u64) -> Self {
        Self::of(file, vec![Part::File { at: 0, len }])
    }

    fn of(file: File, parts: Vec<Part>) -> Self {
        Self {
            file,
            len: parts.iter().map(Part::len).sum(),
            parts,
            position: 0,
        }
    }

    /// A source that reads all audio of a WAV file, or of several that were put together, with true sizes.
    ///
    /// # Errors
    /// [`Refusal::Truncated`] if the header promises more than the file holds, by more than a few bytes;
    /// [`Refusal::Encoding`] if its parts are encoded differently.
    pub(super) fn wav(mut file: File, len: u64) -> Result<Self, Refusal> {
        let Some(audio) = WavAudio::find(&mut file, len)? else {
            return Ok(Self::as_is(file, len));
        };
        let size = audio.bodies.iter().map(|(_, len)| len).sum();
        let header = if audio.is_as_announced {
            // With what else is in front of the audio.
            let at = 8;
            let len = audio.data_at + 4 - at;
            vec![
                Part::File { at, len },
                Part::Bytes(size_field(size).to_vec()),
            ]
        } else {
            let format = [&b"WAVEfmt "[..], &size_field(audio.format.len() as u64)].concat();
            let data = [&b"data"[..], &size_field(size)].concat();
            vec![Part::Bytes([format, audio.format, data].concat())]
        };
        let bodies = audio.bodies.iter();
        let bodies = bodies.map(|&(at, len)| Part::File { at, len });
        let behind: u64 = header.iter().map(Part::len).sum();
        let riff = [&b"RIFF"[..], &size_field(behind + size)].concat();
        let parts = [Part::Bytes(riff)].into_iter().chain(header).chain(bodies);
        Ok(Self::of(file, parts.collect()))
    }

    /// A source that reads the audio of an MP3 file, if the header in its first frame announces only a part of it or if
    /// there is something else in between; otherwise the file as it is.
    ///
    /// # Errors
    /// [`Refusal::Truncated`] if the headers promise more than the file holds.
    pub(super) fn mp3(mut file: File, len: u64) -> Result<Self, Refusal> {
        let audio = Mp3Audio::find(&mut file, len).map_err(Refusal::Unreadable)?;
        let is_more = audio.announced > 0 && audio.frames > audio.announced + SPARE_FRAMES;
        if audio.ranges.len() < 2 && !is_more {
            return Ok(Self::as_is(file, len));
        }
        if audio.frames + SPARE_FRAMES < audio.announced {
            return Err(Refusal::Truncated {
                percent: (audio.frames * 100 / audio.announced) as u32,
            });
        }
        let ranges = audio.ranges.into_iter();
        let parts = ranges.map(|(at, len)| Part::File { at, len }).collect();
        Ok(Self::of(file, parts))
    }

    /// The sources of a FLAC file, one for each recording that was put into it.
    ///
    /// # Errors
    /// What reading the file says.
    pub(super) fn flac(mut file: File, len: u64) -> io::Result<Vec<Self>> {
        let mut starts = vec![0];
        while let Some(next) = find(
            &mut file,
            starts[starts.len() - 1] + 4,
            len,
            b"fLaC",
            |at| {
                // The first block of metadata describes the stream, in 34 bytes.
                matches!(at[4..], [0 | 0x80, 0, 0, 34, ..])
            },
        )? {
            starts.push(next);
            if starts.len() > MAX_CHUNKS {
                break;
            }
        }
        let ends = starts.iter().skip(1).copied().chain([len]);
        let ranges = starts.iter().copied().zip(ends);
        ranges
            .map(|(at, end)| {
                let part = Part::File { at, len: end - at };
                Ok(Self::of(file.try_clone()?, vec![part]))
            })
            .collect()
    }

    /// Whether all of it is the file as it is.
    pub(super) fn is_as_is(&self) -> bool {
        matches!(self.parts[..], [Part::File { at: 0, .. }])
    }
}

impl Read for Mended {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut start = 0;
        for part in &self.parts {
            let within = self.position - start;
            let held = part.len().saturating_sub(within);
            if held == 0 {
                start += part.len();
                continue;
            }
            let most = buf.len().min(usize::try_from(held).unwrap_or(usize::MAX));
            let read = match part {
                Part::File { at, .. } => {
                    self.file.seek(SeekFrom::Start(at + within))?;
                    self.file.read(&mut buf[..most])?
                }
                Part::Bytes(bytes) => {
                    let from = within as usize;
                    buf[..most].copy_from_slice(&bytes[from..from + most]);
                    most
                }
            };
            self.position += read as u64;
            return Ok(read);
        }
        Ok(0)
    }
}

impl Seek for Mended {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        let position = match pos {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?.min(self.len);
        Ok(self.position)
    }
}

impl MediaSource for Mended {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len)
    }
}

/// The places of the audio in a WAV file.
struct WavAudio {
    /// How it is encoded: the chunk `fmt `.
    format: Vec<u8>,
    /// The start of its first `data` chunk.
    data_at: u64,
    /// The starts of audio, and its lengths.
    bodies: Vec<(u64, u64)>,
    /// Whether there is one body, of the length that its header announces.
    is_as_announced: bool,
}

impl WavAudio {
    /// Walks through the chunks of a file, and of those that follow in it; `None` if there is no audio.
    fn find(file: &mut File, len: u64) -> Result<Option<Self>, Refusal> {
        let mut audio = Self {
            format: Vec::new(),
            data_at: 0,
            bodies: Vec::new(),
            is_as_announced: true,
        };
        let mut at = 12;
        // A bound on the walk: real files have a handful of chunks.
        for _ in 0..MAX_CHUNKS {
            let mut header = [0; 12];
            let held = read_at(file, at, &mut header).map_err(Refusal::Unreadable)?;
            if held < 8 {
                break;
            }
            let [a, b, c, d, s, i, z, e, ..] = header;
            let (id, size) = ([a, b, c, d], u64::from(u32::from_le_bytes([s, i, z, e])));
            if id == *b"RIFF" && header[8..] == *b"WAVE" {
                at += 12;
                continue;
            }
            let body = at + 8;
            let held = len.saturating_sub(body);
            if !audio.bodies.is_empty() && !is_chunk(id, size, held) {
                match audio.take_unannounced(file, at, len)? {
                    Some(next) => at = next,
                    None => break,
                }
                continue;
            }
            let mut next = body + size;
            match &id {
                b"fmt " => audio.take_format(file, body, size)?,
                b"data" => {
                    next = audio.take_data(file, at, size, len)?;
                    // The byte that fills up an odd length may be missing.
                    let mut id = [0; 4];
                    let there = read_at(file, next, &mut id).map_err(Refusal::Unreadable)?;
                    let is_next = there == 4 && (id == *b"RIFF" || KNOWN_CHUNKS.contains(&&id));
                    at = next + u64::from(size % 2 == 1 && !is_next);
                    continue;
                }
                _ => {}
            }
            next += size % 2;
            at = next;
        }
        audio.align();
        Ok((!audio.bodies.is_empty()).then_some(audio))
    }

    fn take_format(&mut self, file: &mut File, at: u64, size: u64) -> Result<(), Refusal> {
        let mut format = vec![0; size.min(MAX_FORMAT) as usize];
        let held = read_at(file, at, &mut format).map_err(Refusal::Unreadable)?;
        format.truncate(held);
        if self.format.is_empty() {
            self.format = format;
        } else if self.format != format {
            return Err(Refusal::Encoding {
                why: "it is put together of recordings that are encoded differently".to_owned(),
            });
        }
        Ok(())
    }

    /// Takes a `data` chunk; returns its end.
    fn take_data(&mut self, file: &mut File, at: u64, size: u64, len: u64) -> Result<u64, Refusal> {
        let body = at + 8;
        let held = len.saturating_sub(body);
        let is_known = size > 0 && size < STREAMED;
        let size = if is_known && size <= held {
            size
        } else {
            let end = another_riff(file, body, len)?.unwrap_or(len);
            let held = end - body;
            if is_known && size > held + self.bytes_in(SLACK_OF_A_SECOND).max(64) {
                return Err(Refusal::Truncated {
                    percent: (held * 100 / size) as u32,
                });
            }
            held
        };
        if self.bodies.is_empty() {
            self.data_at = at;
        } else {
            self.is_as_announced = false;
        }
        self.bodies.push((body, size));
        Ok(body + size)
    }

    /// Takes what is behind the announced audio and is no chunk, if it is audio: its header was written early and never
    /// again. Returns the place at which reading goes on.
    fn take_unannounced(
        &mut self,
        file: &mut File,
        at: u64,
        len: u64,
    ) -> Result<Option<u64>, Refusal> {
        let mut begins = [0; 8];
        let held = read_at(file, at, &mut begins).map_err(Refusal::Unreadable)?;
        let is_tag = TAGS.iter().any(|tag| begins[..held].starts_with(tag));
        let end = another_riff(file, at, len)?.unwrap_or(len);
        let Some(last) = self.bodies.last_mut().filter(|_| !is_tag) else {
            return Ok(None);
        };
        let from = last.0 + last.1;
        let is_long = end - from > self.bytes_in(LEAST_OF_A_SECOND);
        if is_long && !is_zero(file, from, end).map_err(Refusal::Unreadable)? {
            self.is_as_announced = false;
            if let Some(last) = self.bodies.last_mut() {
                last.1 = end - last.0;
            }
        }
        Ok((end < len).then_some(end))
    }

    /// How many bytes a part of a second has.
    fn bytes_in(&self, parts: u64) -> u64 {
        let rate = self.format.get(8..12).and_then(|rate| rate.try_into().ok());
        rate.map_or(0, |rate| u64::from(u32::from_le_bytes(rate)) / parts)
    }

    /// Leaves out what is no whole block of samples at the end of a body that another one follows.
    fn align(&mut self) {
        let block = self
            .format
            .get(12..14)
            .and_then(|block| block.try_into().ok());
        let block = u64::from(block.map_or(0, u16::from_le_bytes)).max(1);
        let last = self.bodies.len().saturating_sub(1);
        for (_, len) in &mut self.bodies[..last] {
            *len -= *len % block;
        }
    }
}

/// The places of the frames in an MP3 file.
#[derive(Default)]
struct Mp3Audio {
    /// The starts and lengths of frames, without gaps.
    ranges: Vec<(u64, u64)>,
    /// How many frames there are, and how many the headers of encoders announce.
    frames: u64,
    announced: u64,
}

impl Mp3Audio {
    /// Walks through the frames, and over tags and headers between them.
    fn find(file: &mut File, len: u64) -> io::Result<Self> {
        let mut audio = Self::default();
        let (mut at, mut junk, mut is_in_step) = (0, 0, true);
        while at < len && junk < MOST_JUNK {
            let mut head = [0; 64];
            let held = read_at(file, at, &mut head)?;
            let head = &head[..held];
            if let Some(tag) = tag_length(head) {
                at += tag;
                continue;
            }
            let frame = frame_length(head).filter(|frame| {
                is_in_step || {
                    let mut next = [0; 4];
                    let held = read_at(file, at + frame, &mut next);
                    held.is_ok_and(|held| held < 4 || frame_length(&next).is_some())
                }
            });
            is_in_step = frame.is_some();
            let Some(frame) = frame else {
                (at, junk) = (at + 1, junk + 1);
                continue;
            };
            match announced_frames(head) {
                Some(frames) => audio.announced += frames,
                None => {
                    audio.frames += 1;
                    let frame = frame.min(len - at);
                    match audio.ranges.last_mut() {
                        Some((from, held)) if *from + *held == at => *held += frame,
                        _ => audio.ranges.push((at, frame)),
                    }
                }
            }
            at += frame;
        }
        Ok(audio)
    }
}

/// How many frames follow by the header of an encoder, if a frame holds one; 0 if it does not say.
fn announced_frames(frame: &[u8]) -> Option<u64> {
    let number = |at: usize| {
        let bytes = frame.get(at..at + 4)?.try_into().ok()?;
        Some(u64::from(u32::from_be_bytes(bytes)))
    };
    if frame.get(36..40) == Some(b"VBRI") {
        return Some(number(50).unwrap_or(0));
    }
    // Behind the side information, whose length depends on version and channels.
    let at = [13, 21, 36].into_iter().find(|at| {
        let name = frame.get(*at..at + 4);
        name == Some(b"Xing") || name == Some(b"Info")
    })?;
    let is_counted = number(at + 4).is_some_and(|flags| flags & 1 == 1);
    Some(number(at + 8).filter(|_| is_counted).unwrap_or(0))
}

/// How long a tag is that a player passes over.
fn tag_length(head: &[u8]) -> Option<u64> {
    if head.starts_with(b"ID3") && head.len() >= 10 {
        // The size holds seven bits a byte, and leaves out the tag's own header and footer.
        let size = head[6..10].iter();
        let size = size.fold(0, |size, b| size << 7 | u64::from(b & 0x7F));
        let footer = if head[5] & 0x10 == 0 { 0 } else { 10 };
        return Some(10 + size + footer);
    }
    if head.starts_with(b"APETAGEX") && head.len() >= 24 {
        let size = head[12..16].try_into().map_or(0, u32::from_le_bytes);
        let is_header = head[23] & 0x20 != 0;
        return Some(if is_header { 32 + u64::from(size) } else { 32 });
    }
    head.starts_with(b"TAG").then_some(128)
}

/// How long an MPEG audio frame is, by its header (ISO/IEC 11172-3, 2.4.2.3; 13818-3).
fn frame_length(head: &[u8]) -> Option<u64> {
    let &[0xFF, second, third, _, ..] = head else {
        return None;
    };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    let (rate, padding) = (third >> 2 & 3, u64::from(third >> 1 & 1));
    let bits = usize::from(third >> 4);
    if second & 0xE0 != 0xE0 || version == 1 || layer == 0 || rate == 3 || bits == 0 || bits == 15 {
        return None;
    }
    let is_first = version == 3;
    let kilobits = match (is_first, layer) {
        (true, 3) => BIT_RATES[0][bits],
        (true, 2) => BIT_RATES[1][bits],
        (true, _) => BIT_RATES[2][bits],
        (false, 3) => BIT_RATES[3][bits],
        (false, _) => BIT_RATES[4][bits],
    };
    let halved = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let rate = [44_100, 48_000, 32_000][usize::from(rate)] >> halved;
    let bits = kilobits * 1_000;
    Some(match layer {
        3 => (12 * bits / rate + padding) * 4,
        1 if !is_first => 72 * bits / rate + padding,
        _ => 144 * bits / rate + padding,
    })
}

/// Whether the next bytes are a chunk: with a name of printable letters, and no longer than what is there.
fn is_chunk(id: [u8; 4], size: u64, held: u64) -> bool {
    KNOWN_CHUNKS.contains(&&id) || (id.iter().all(|b| (b' '..=b'~').contains(b)) && size <= held)
}

/// The start of another WAV file within this one.
fn another_riff(file: &mut File, from: u64, len: u64) -> Result<Option<u64>, Refusal> {
    let is_wav = |at: &[u8]| at[8..].starts_with(b"WAVEfmt ");
    find(file, from, len, b"RIFF", is_wav).map_err(Refusal::Unreadable)
}

/// The place of a word, with 16 bytes of which something holds.
fn find(
    file: &mut File,
    mut from: u64,
    len: u64,
    word: &[u8; 4],
    holds: impl Fn(&[u8]) -> bool,
) -> io::Result<Option<u64>> {
    let mut block = vec![0; BLOCK];
    while from + 16 <= len {
        let held = read_at(file, from, &mut block)?;
        let found = block[..held]
            .windows(16)
            .position(|window| window.starts_with(word) && holds(window));
        if let Some(at) = found {
            return Ok(Some(from + at as u64));
        }
        from += (held.saturating_sub(15) as u64).max(1);
    }
    Ok(None)
}

/// Whether there is nothing but zeros between two places.
fn is_zero(file: &mut File, mut from: u64, to: u64) -> io::Result<bool> {
    let mut block = vec![0; BLOCK];
    while from < to {
        let held = read_at(file, from, &mut block)?;
        let held = held.min(usize::try_from(to - from).unwrap_or(usize::MAX));
        if held == 0 {
            break;
        }
        if block[..held].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        from += held as u64;
    }
    Ok(true)
}

/// Reads at an offset what is there, at most the whole buffer.
fn read_at(file: &mut File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    let mut held = 0;
    loop {
        match file.read(&mut buf[held..])? {
            0 => return Ok(held),
            n => held += n,
        }
    }
}

fn size_field(size: u64) -> [u8; 4] {
    u32::try_from(size).unwrap_or(u32::MAX - 1).to_le_bytes()
}

fn holds(head: &[u8], magic: &[u8]) -> bool {
    head.windows(magic.len()).any(|window| window == magic)
}

/// From here on a data size means "not known": sox writes 0x7FFFF000 and more to a pipe, ffmpeg 0xFFFFFFFF.
const STREAMED: u64 = 0x7FFF_0000;

/// Most chunks of a WAV file that are looked through for its data.
const MAX_CHUNKS: usize = 1_000;

/// Most bytes of the chunk that names the encoding.
const MAX_FORMAT: u64 = 4_096;

/// How much of a second may be missing of what a WAV header announces, and how much more than it must be there to be audio:
/// a twentieth and a fiftieth.
const SLACK_OF_A_SECOND: u64 = 20;
const LEAST_OF_A_SECOND: u64 = 50;

/// How many frames more or fewer than announced are still the announced ones: encoders count their own header or not.
const SPARE_FRAMES: u64 = 4;

/// Most bytes of an MP3 file that are no frames and no tags.
const MOST_JUNK: u64 = 256 * 1024;

/// How much is looked through at a time.
const BLOCK: usize = 64 * 1024;

/// Chunks that follow the audio of a WAV file.
const KNOWN_CHUNKS: &[&[u8; 4]] = &[
    b"data", b"fmt ", b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"fact", b"smpl", b"iXML",
    b"_PMX", b"JUNK", b"PAD ", b"FLLR", b"acid", b"inst", b"plst", b"DISP", b"PEAK", b"afsp",
];

/// Tags that are put behind audio and are no chunks.
const TAGS: &[&[u8]] = &[b"ID3", b"TAG", b"APETAGEX", b"LYRICS"];

/// Bit rates in kbit/s: of MPEG-1 layers I, II and III, and of MPEG-2 layer I, and II and III.
const BIT_RATES: [[u64; 15]; 5] = [
    [
        0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
    ],
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// Codecs inside Ogg that no decoder here reads.
const OGG_CODECS: &[(&[u8], &str)] = &[
    (b"OpusHead", "Opus"),
    (b"Speex   ", "Speex"),
    (b"\x80theora", "Theora video"),
];

/// What other files begin with.
const FOREIGN: &[(usize, &[u8], &str)] = &[
    (4, b"ftyp", "MP4 or M4A"),
    (0, b"\x1A\x45\xDF\xA3", "WebM or Matroska"),
    (0, b"RF64", "RF64 (a WAV for more than 4 GB)"),
    (0, b"FORM", "AIFF"),
    (0, b"caff", "Apple Core Audio"),
    (0, b".snd", "AU"),
    (0, b"#!AMR", "AMR"),
    (0, b"\x30\x26\xB2\x75", "Windows Media"),
    (0, b"ADIF", "AAC"),
    (0, b"wvpk", "WavPack"),
    (0, b"MThd", "MIDI"),
    (0, b"RIFF", "RIFF, but no WAV"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        let rows: &[(&[u8], &str)] = &[
            (b"RIFF\0\0\0\0WAVEfmt ", "WAV"),
            (b"fLaC\0\0", "FLAC"),
            (b"ID3\x04\0", "MP3"),
            (b"\xFF\xFB\x90\x64", "MP3"),
            (b"\xFF\xF3\x40\xC4", "MP3"),
            (b"\xFF\xF1\x50\x80", "AAC"),
            (b"\xFF\xFF\xFF\xFF", "-"),
            (b"OggS\0\x02...\x01vorbis", "OGG"),
            (b"OggS\0\x02...OpusHead\x01", "Opus"),
            (b"\0\0\0\x20ftypM4A ", "MP4 or M4A"),
            (b"RIFF\0\0\0\0AVI ", "RIFF, but no WAV"),
            (b"hello there, this is text", "-"),
            (b"\xFF", "-"),
            (b"", "-"),
        ];
        for (head, expected) in rows {
            let got = match format_of(head) {
                Ok(format) => format.as_str(),
                Err(Refusal::Foreign { what }) => what,
                Err(_) => "-",
            };
            assert_eq!(got, *expected, "{}", head.escape_ascii());
        }
    }
}
