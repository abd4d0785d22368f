//! The pages of an SQLite file, as far as it takes to overwrite what is free in them: <https://www.sqlite.org/fileformat2.html>.
//!
//! ```text
//!   a page of a tree   [header][where each cell is][ gap ........ ][cell][freeblock ..][cell][cell]
//!   the rest of a cell  a chain of pages, whose last one is filled in part
//!   a free page         one of the free list: in a trunk, or named by one
//! ```

/// What the first page says of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileHeader {
    /// Bytes of a page.
    page: usize,
    /// Bytes of it that SQLite uses.
    usable: usize,
    /// Pages of the file.
    pub(super) pages: u32,
    /// The first trunk of the free list; 0: there is none.
    pub(super) trunk: u32,
}

impl FileHeader {
    /// Reads it; `None` if the file is laid out otherwise than this module knows.
    pub(super) fn read(first: &[u8]) -> Option<Self> {
        // A value of 1 is 65,536.
        let page = match u16_at(first, 16)? {
            1 => 65_536,
            bytes => usize::from(bytes),
        };
        let header = Self {
            page,
            usable: page.checked_sub(usize::from(*first.get(20)?))?,
            pages: u32_at(first, 28)?,
            trunk: u32_at(first, 32)?,
        };
        let has_pointer_maps = u32_at(first, 52)? != 0;
        let is_known = first.len() == page
            && header.usable >= 480
            && header.pages < MOST_PAGES
            && !has_pointer_maps;
        is_known.then_some(header)
    }

    /// Whether a page is the one that locks are taken on, which holds nothing.
    pub(super) fn is_for_locks(&self, number: u32) -> bool {
        usize::try_from(number).is_ok_and(|number| number == LOCKED / self.page + 1)
    }

    /// The next trunk of the free list, and the free pages that this one names. What is behind them is overwritten; it says
    /// whether there was anything.
    pub(super) fn clean_trunk(&self, page: &mut [u8]) -> Option<(u32, Vec<u32>, bool)> {
        let count = usize::try_from(u32_at(page, 4)?).ok()?;
        let end = count.checked_mul(4)?.checked_add(8)?;
        let named = page.get(8..end)?.chunks_exact(4);
        let named = named.filter_map(|number| u32_at(number, 0)).collect();
        let next = u32_at(page, 0)?;
        let changed = wipe(page.get_mut(end..self.usable)?);
        Some((next, named, changed))
    }

    /// Overwrites what is free in a page of a tree; a page that is of none is left alone. Says whether anything was there,
    /// and where the rest of each cell is that goes beyond the page; `None`: this is no page as SQLite writes it.
    pub(super) fn clean_tree_page(
        &self,
        number: u32,
        page: &mut [u8],
    ) -> Option<(bool, Vec<Rest>)> {
        let start = if number == 1 { 100 } else { 0 };
        // The rest of a cell, and a trunk, begin with the number of a page, which is below 2^25.
        let Some(kind) = TreeKind::of(*page.get(start)?) else {
            return Some((false, Vec::new()));
        };
        let cells = usize::from(u16_at(page, start + 3)?);
        let content = match u16_at(page, start + 5)? {
            0 => 65_536,
            at => usize::from(at),
        };
        let pointers = start + kind.header();
        let gap = pointers + 2 * cells..content;
        let mut changed = wipe(page.get_mut(gap)?);

        let mut block = usize::from(u16_at(page, start + 1)?);
        while block != 0 {
            let next = usize::from(u16_at(page, block)?);
            let size = usize::from(u16_at(page, block + 2)?);
            // They come in order, and none is before the cells.
            if block < content
                || size < 4
                || block + size > self.usable
                || (next != 0 && next <= block)
            {
                return None;
            }
            changed |= wipe(page.get_mut(block + 4..block + size)?);
            block = next;
        }

        let mut rests = Vec::new();
        if kind.has_payload() {
            for nth in 0..cells {
                let at = usize::from(u16_at(page, pointers + 2 * nth)?);
                rests.extend(self.rest_of(kind, page, at)?);
            }
        }
        Some((changed, rests))
    }

    /// Overwrites a free page.
    pub(super) fn clean_free_page(page: &mut [u8]) -> bool {
        wipe(page)
    }

    /// Overwrites what is behind the rest of a cell.
    pub(super) fn clean_last_page(&self, page: &mut [u8], rest: Rest) -> Option<bool> {
        Some(wipe(page.get_mut(4 + rest.last..self.usable)?))
    }

    /// The page that follows in a chain.
    pub(super) fn next_of(page: &[u8]) -> Option<u32> {
        u32_at(page, 0)
    }

    /// The rest of the cell at a place, if it goes beyond the page.
    fn rest_of(&self, kind: TreeKind, page: &[u8], at: usize) -> Option<Option<Rest>> {
        let cell = page.get(at + kind.child()..self.usable)?;
        let (payload, mut before) = varint(cell)?;
        if kind == TreeKind::TableLeaf {
            before += varint(cell.get(before..)?)?.1;
        }
        let payload = usize::try_from(payload).ok()?;
        let most = match kind {
            TreeKind::TableLeaf => self.usable - 35,
            TreeKind::TableInner | TreeKind::IndexInner | TreeKind::IndexLeaf => {
                (self.usable - 12) * 64 / 255 - 23
            }
        };
        if payload <= most {
            return Some(None);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let room = self.usable - 4;
        let fitting = least + (payload - least) % room;
        let local = if fitting <= most { fitting } else { least };
        let beyond = payload - local;
        let pages = beyond.div_ceil(room);
        Some(Some(Rest {
            first: u32_at(cell, before + local)?,
            pages: u32::try_from(pages).ok()?,
            last: beyond - (pages - 1) * room,
        }))
    }
}

/// Where the rest of a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// The first page of the chain.
    pub(super) first: u32,
    /// How many it has.
    pub(super) pages: u32,
    /// Bytes of the cell in the last of them.
    last: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TreeKind {
    IndexInner,
    TableInner,
    IndexLeaf,
    TableLeaf,
}

impl TreeKind {
    const fn of(byte: u8) -> Option<Self> {
        match byte {
            2 => Some(Self::IndexInner),
            5 => Some(Self::TableInner),
            10 => Some(Self::IndexLeaf),
            13 => Some(Self::TableLeaf),
            _ => None,
        }
    }

    const fn is_inner(self) -> bool {
        matches!(self, Self::IndexInner | Self::TableInner)
    }

    /// Bytes of its header.
    const fn header(self) -> usize {
        if self.is_inner() { 12 } else { 8 }
    }

    /// Bytes of a cell before its payload's length: the number of a child.
    const fn child(self) -> usize {
        if self.is_inner() { 4 } else { 0 }
    }

    const fn has_payload(self) -> bool {
        !matches!(self, Self::TableInner)
    }
}

/// Overwrites bytes with zeros; says whether any was another.
fn wipe(bytes: &mut [u8]) -> bool {
    let has_any = bytes.iter().any(|byte| *byte != 0);
    if has_any {
        bytes.fill(0);
    }
    has_any
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*two))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*four))
}

/// A number of one to nine bytes, and how many it has.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for nth in 0..8 {
        let byte = *bytes.get(nth)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, nth + 1));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(8)?), 9))
}

/// 128 GiB of pages of 4 KiB: up to here the first byte says whether a page is of a tree.
const MOST_PAGES: u32 = 0x0200_0000;

/// Where locks are taken: a page that holds this byte has nothing in it.
const LOCKED: usize = 0x4000_0000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_one_to_nine_bytes() {
        for (bytes, value) in [
            (&[0x7f_u8][..], (127, 1)),
            (&[0x81, 0x00], (128, 2)),
            (&[0xff; 9], (u64::MAX, 9)),
        ] {
            assert_eq!(varint(bytes), Some(value));
        }
        assert_eq!(varint(&[0x81]), None);
    }

    #[test]
    fn what_is_no_page_of_a_file_is_not_touched() {
        let mut first = vec![0; 4_096];
        assert_eq!(FileHeader::read(&first), None);
        first[16..18].copy_from_slice(&4_096_u16.to_be_bytes());
        first[28..32].copy_from_slice(&9_u32.to_be_bytes());
        let header = FileHeader::read(&first).unwrap();
        // Pointer maps, more pages than are told apart, and half a page.
        for (at, value) in [(52, 1), (28, MOST_PAGES)] {
            let mut other = first.clone();
            other[at..at + 4].copy_from_slice(&value.to_be_bytes());
            assert_eq!(FileHeader::read(&other), None);
        }
        assert_eq!(FileHeader::read(&first[..2_048]), None);

        // Whatever is in a page: an answer, and never a panic.
        for seed in 0..2_000_u32 {
            let mut page: Vec<u8> = (0..4_096_u32)
                .map(|at| {
                    (at.wrapping_mul(seed | 1).wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]
                })
                .collect();
            page[0] = [2, 5, 10, 13, 0, 7][(seed % 6) as usize];
            let _ = header.clean_tree_page(2, &mut page.clone());
            let _ = header.clean_trunk(&mut page);
        }
    }
}
