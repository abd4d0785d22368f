//! Rows that were read together.

/// A place in a list, between two rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListPosition {
    /// How many bytes lie before it.
    pub bytes: u64,
    /// How many ends of lines lie before it.
    pub lines: u64,
}

/// Some rows, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    text: String,
    /// The ends of all fields, counted from the start of their row.
    ends: Vec<u32>,
    rows: Vec<RowEnd>,
    /// The place behind the last row.
    pub(super) after: ListPosition,
}

impl Batch {
    /// The rows, in their order.
    pub fn rows(&self) -> impl Iterator<Item = ListRow<'_>> {
        (0..self.rows.len()).filter_map(|at| self.row(at))
    }

    /// One of the rows, counted from 0.
    pub fn row(&self, at: usize) -> Option<ListRow<'_>> {
        let place = self.rows.get(at)?;
        let before = at.checked_sub(1).map(|before| &self.rows[before]);
        let (text, ends) = before.map_or((0, 0), |before| (before.text, before.ends));
        Some(ListRow {
            line: place.line,
            row: place.row,
            is_open: place.is_open,
            text: &self.text[text..place.text],
            ends: &self.ends[ends..place.ends],
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many bytes of text there are.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The place in the list behind the last row.
    pub fn after(&self) -> ListPosition {
        self.after
    }

    /// Adds the rows of another batch behind these.
    pub(super) fn append(&mut self, other: &Self) {
        let (text, ends) = (self.text.len(), self.ends.len());
        self.text.push_str(&other.text);
        self.ends.extend(&other.ends);
        self.rows.extend(other.rows.iter().map(|row| RowEnd {
            text: row.text + text,
            ends: row.ends + ends,
            ..*row
        }));
        self.after = other.after;
    }

    pub(super) fn push(&mut self, line: u64, row: u64, text: &str, ends: &[usize], is_open: bool) {
        self.text.push_str(text);
        // A row is far below 4 GiB.
        self.ends.extend(
            ends.iter()
                .map(|end| u32::try_from(*end).unwrap_or(u32::MAX)),
        );
        self.rows.push(RowEnd {
            line,
            row,
            text: self.text.len(),
            ends: self.ends.len(),
            is_open,
        });
    }
}

/// The end of a row in a batch.
#[derive(Clone, Copy, Debug)]
struct RowEnd {
    /// Its line, and whether it is open.
    line: u64,
    row: u64,
    is_open: bool,
    /// The ends of its text and of its ends.
    text: usize,
    ends: usize,
}

/// A row as a list has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRow<'a> {
    /// The line on which it begins, counted from 1.
    pub line: u64,
    /// The row that a spreadsheet shows it in: the header is row 1, and a field with line breaks makes no further rows.
    pub row: u64,
    /// Whether a quotation mark in it is never closed: it is what is on its line.
    pub is_open: bool,
    text: &'a str,
    ends: &'a [u32],
}

impl<'a> ListRow<'a> {
    /// A field, counted from 0.
    pub fn get(&self, at: usize) -> Option<&'a str> {
        let end = *self.ends.get(at)? as usize;
        let start = at
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] as usize);
        self.text.get(start..end)
    }

    /// How many fields there are, 1 or more.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether any field has an end of line in it.
    pub(super) fn has_lines(&self) -> bool {
        self.text.bytes().any(|byte| matches!(byte, b'\r' | b'\n'))
    }

    /// Whether all fields are empty.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The fields, in their order.
    pub fn fields(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let row = *self;
        (0..row.len()).filter_map(move |at| row.get(at))
    }
}
