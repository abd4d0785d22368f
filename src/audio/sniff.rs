//! Tells from a file's first bytes what it is, so that a refusal can name it, and mends what WAV headers get wrong.

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

/// A source of bytes whose WAV sizes are those that the file really has.
///
/// Programs that write to a pipe leave the sizes at 0 or at their largest value. The decoder would then lose the last
/// packet: up to 144 ms of the message's end.
pub(super) struct Mended {
    file: File,
    len: u64,
    patches: Vec<(u64, [u8; 4])>,
}

impl Mended {
    /// A source that reads the file as it is.
    pub(super) fn as_is(file: File, len: u64) -> Self {
        Self {
            file,
            len,
            patches: Vec::new(),
        }
    }

    /// A source that reads a WAV file with true sizes.
    ///
    /// # Errors
    /// [`Refusal::Truncated`] where the header promises more than the file holds.
    pub(super) fn wav(mut file: File, len: u64) -> Result<Self, Refusal> {
        let mut patches = vec![(4, size_field(len - 8))];
        let mut at = 12;
        // A bound on the walk: real files have a handful of chunks.
        for _ in 0..MAX_CHUNKS {
            let mut header = [0; 8];
            file.seek(SeekFrom::Start(at))
                .map_err(Refusal::Unreadable)?;
            match file.read_exact(&mut header) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(e) => return Err(Refusal::Unreadable(e)),
            }
            let [a, b, c, d, size @ ..] = header;
            let size = u64::from(u32::from_le_bytes(size));
            let body = at + 8;
            let held = len.saturating_sub(body);
            if [a, b, c, d] == *b"data" {
                if size == 0 || size >= STREAMED {
                    patches.push((at + 4, size_field(held)));
                } else if size > held {
                    return Err(Refusal::Truncated {
                        percent: (held * 100 / size) as u32,
                    });
                }
                break;
            }
            at = body + size + size % 2;
        }
        Ok(Self { file, len, patches })
    }
}

impl Read for Mended {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let from = self.file.stream_position()?;
        let n = self.file.read(buf)?;
        for (at, bytes) in &self.patches {
            for (i, byte) in bytes.iter().enumerate() {
                let place = (at + i as u64).checked_sub(from);
                if let Some(slot) = place.and_then(|p| buf[..n].get_mut(p as usize)) {
                    *slot = *byte;
                }
            }
        }
        Ok(n)
    }
}

impl Seek for Mended {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        self.file.seek(pos)
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
