//! zstd as it comes, in parts of any size: a block is decoded once all of it is there, and written out before the next one is.
//!
//! The library reads as far as it is given bytes and keeps what it has decoded, of which a few bytes can make any amount. So it is
//! given one block at a time, of which a frame says how long it is (RFC 8878), and windows no larger than 8 MiB (RFC 9659).

use std::io::{self, Write};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Decodes what is written to it, and writes that on.
pub(super) struct ZstdDecoder<W> {
    sink: W,
    frame: FrameDecoder,
    /// What has come and cannot be decoded before more has.
    pending: Vec<u8>,
    step: ZstdStep,
    /// Whether a frame has come to its end.
    has_frame: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ZstdStep {
    /// The head of a frame.
    Head,
    /// A block of one, behind the last of which there may be a checksum.
    Block { has_checksum: bool },
}

impl<W: Write> ZstdDecoder<W> {
    pub(super) fn new(sink: W) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(MOST_WINDOW);
        Self {
            sink,
            frame,
            pending: Vec::new(),
            step: ZstdStep::Head,
            has_frame: false,
        }
    }

    pub(super) const fn get_mut(&mut self) -> &mut W {
        &mut self.sink
    }

    /// Takes some bytes.
    ///
    /// # Errors
    /// If they are no zstd, or the sink fails.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        loop {
            let taken = match self.step {
                ZstdStep::Head => self.head()?,
                ZstdStep::Block { has_checksum } => self.block(has_checksum)?,
            };
            if !taken {
                return Ok(());
            }
        }
    }

    /// All bytes have come.
    ///
    /// # Errors
    /// If something is missing.
    pub(super) fn try_finish(&self) -> io::Result<()> {
        if self.has_frame && self.step == ZstdStep::Head && self.pending.is_empty() {
            Ok(())
        } else {
            Err(invalid("it ends before its end"))
        }
    }

    /// Takes the head of a frame, if all of it is there.
    fn head(&mut self) -> io::Result<bool> {
        let Some(&flags) = self.pending.get(MAGIC.len()) else {
            return Ok(false);
        };
        if self.pending[..MAGIC.len()] != MAGIC {
            return Err(invalid("no frame begins there"));
        }
        let is_single = flags & 0b10_0000 != 0;
        let dictionary = [0, 1, 2, 4][usize::from(flags & 0b11)];
        let content = match flags >> 6 {
            0 => usize::from(is_single),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let size = MAGIC.len() + 1 + usize::from(!is_single) + dictionary + content;
        let Some(mut head) = self.pending.get(..size) else {
            return Ok(false);
        };
        let begun = self.frame.reset(&mut head);
        begun.map_err(|error| invalid(&error.to_string()))?;
        self.pending.drain(..size);
        self.step = ZstdStep::Block {
            has_checksum: flags & 0b100 != 0,
        };
        Ok(true)
    }

    /// Decodes a block, if all of it is there.
    fn block(&mut self, has_checksum: bool) -> io::Result<bool> {
        let Some(&[one, two, three]) = self.pending.first_chunk() else {
            return Ok(false);
        };
        let head = u32::from_le_bytes([one, two, three, 0]);
        let (is_last, kind, size) = (head & 1 == 1, (head >> 1) & 0b11, head >> 3);
        if size > MOST_OF_BLOCK {
            return Err(invalid("a block is too long"));
        }
        // A run is a byte, and how often it is there.
        let size = if kind == RUN { 1 } else { size as usize };
        let checksum = if is_last && has_checksum { 4 } else { 0 };
        let size = 3 + size + checksum;
        let Some(mut block) = self.pending.get(..size) else {
            return Ok(false);
        };
        let decoded = self
            .frame
            .decode_blocks(&mut block, BlockDecodingStrategy::UptoBlocks(1));
        decoded.map_err(|error| invalid(&error.to_string()))?;
        self.pending.drain(..size);
        self.frame.collect_to_writer(&mut self.sink)?;
        if is_last {
            let stated = self.frame.get_checksum_from_data();
            if stated.is_some() && stated != self.frame.get_calculated_checksum() {
                return Err(invalid("its checksum is another one"));
            }
            self.step = ZstdStep::Head;
            self.has_frame = true;
        }
        Ok(true)
    }
}

fn invalid(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}

/// What a frame begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The kind of a block that is one byte again and again.
const RUN: u32 = 1;

/// Most bytes of a block, coded and decoded.
const MOST_OF_BLOCK: u32 = 128 << 10;

/// Most bytes that a frame may look back.
const MOST_WINDOW: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    #[test]
    fn what_is_coded_is_decoded_in_parts_of_any_size() {
        let text: Vec<u8> = (0..40_000)
            .flat_map(|nth| format!("+1202555{nth:05},Ann {nth}\n").into_bytes())
            .collect();
        for level in [CompressionLevel::Uncompressed, CompressionLevel::Fastest] {
            let mut coded = compress_to_vec(text.as_slice(), level);
            // Several frames are one text.
            coded.extend(compress_to_vec(&b"+12025550101,Bob\n"[..], level));
            for size in [1, 7, 4_096, coded.len()] {
                let mut decoder = ZstdDecoder::new(Vec::new());
                for part in coded.chunks(size) {
                    decoder.write_all(part).unwrap();
                }
                decoder.try_finish().unwrap();
                let whole = decoder.get_mut();
                assert!(whole.starts_with(&text) && whole.ends_with(b"Bob\n"));
            }
            let mut decoder = ZstdDecoder::new(Vec::new());
            decoder.write_all(&coded[..coded.len() - 3]).unwrap();
            assert!(decoder.try_finish().is_err());
        }
        for wrong in [&b"phone,name\n"[..], &[0x28, 0xb5, 0x2f, 0xfe, 0, 0]] {
            assert!(ZstdDecoder::new(Vec::new()).write_all(wrong).is_err());
        }
        assert!(ZstdDecoder::new(Vec::new()).try_finish().is_err());
    }

    #[test]
    fn what_is_made_of_few_bytes_is_written_on_block_by_block() {
        // A frame that says nothing of its length, of runs of 128 KiB: 4 bytes each.
        let mut bomb = MAGIC.to_vec();
        bomb.extend([0, 0x50]);
        for _ in 0..10_000 {
            bomb.extend((((128 << 10) << 3) | (RUN << 1)).to_le_bytes()[..3].iter());
            bomb.push(b'0');
        }
        let mut decoder = ZstdDecoder::new(Counting(0));
        let refused = decoder.write_all(&bomb).unwrap_err();
        assert_eq!(refused.to_string(), "no more");
        assert!(decoder.get_mut().0 < 4 << 20, "{}", decoder.get_mut().0);
        // A window of 16 MiB.
        let wide = [&MAGIC[..], &[0, 0x70]].concat();
        assert!(ZstdDecoder::new(Vec::new()).write_all(&wide).is_err());
    }

    /// Takes 3 MiB.
    struct Counting(usize);

    impl Write for Counting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            if self.0 > 3 << 20 {
                return Err(io::Error::other("no more"));
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
