//! Rows as a list has them, within bounds.

use std::io::{Read, Seek, SeekFrom};

use csv_core::{ReadRecordResult, Reader};

use super::{
    Batch, ListError, ListPosition, ListRow, MAX_COLUMNS, MAX_ROW,
    cell::is_like_a_number,
    day::is_day,
    dialect::{fill, first_rows, guess, look_at, named_delimiter, parser},
};

/// Reads rows one after the other, from any place between two rows.
#[derive(Debug)]
pub(super) struct Rows<R> {
    input: R,
    /// What was read of the input: `buffer[start..next]` of the row at hand is parsed, `buffer[next..filled]` is not.
    buffer: Box<[u8]>,
    start: usize,
    next: usize,
    filled: usize,
    delimiter: u8,
    parser: Reader,
    /// The buffer in which a row is put together.
    row: Box<[u8]>,
    ends: Box<[usize]>,
    mark: ListPosition,
    /// Before the first row, behind a byte-order mark and a line that names the delimiter.
    first: ListPosition,
    /// How many of the ends of lines before the mark end no row of a spreadsheet.
    within: u64,
    /// How many bytes were read again behind quotation marks that are never closed.
    reread: usize,
}

impl<R: Read> Rows<R> {
    /// Reads the first bytes and finds out how the list is written, unless the delimiter is given.
    pub(super) fn open(mut input: R, delimiter: Option<u8>) -> Result<Self, ListError> {
        let mut buffer = vec![0; MAX_ROW + 2 * BUFFER].into_boxed_slice();
        let filled = fill(&mut input, &mut buffer[..BUFFER])?;
        let mut mark = ListPosition::default();
        let mut next = look_at(&buffer[..filled])?;
        let sep = named_delimiter(&buffer[next..filled]);
        if let Some((_, length)) = sep {
            next += length;
            mark.lines = 1;
        }
        mark.bytes = next as u64;
        let delimiter = delimiter
            .or(sep.map(|(delimiter, _)| delimiter))
            .unwrap_or_else(|| guess(&buffer[next..filled], filled < BUFFER));
        Ok(Self {
            input,
            buffer,
            start: next,
            next,
            filled,
            delimiter,
            parser: parser(delimiter),
            row: vec![0; MAX_ROW + 1].into_boxed_slice(),
            ends: vec![0; MAX_COLUMNS + 1].into_boxed_slice(),
            // A spreadsheet does not show the line that names the delimiter.
            within: mark.lines,
            first: mark,
            mark,
            reread: 0,
        })
    }

    /// The byte between two columns.
    pub(super) const fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The first rows, as far as the dialect was found by them; nothing is passed.
    pub(super) fn first_rows(&self) -> FirstRows {
        let head = &self.buffer[self.next..self.filled];
        let is_all = self.filled < BUFFER;
        FirstRows {
            rows: first_rows(head, is_all, self.delimiter),
            header: 0,
        }
    }

    /// Behind the last row that was read.
    pub(super) const fn mark(&self) -> ListPosition {
        self.mark
    }

    /// Whether the last row had an end of line behind it, and not the end of the input.
    pub(super) fn ended_a_line(&self) -> bool {
        let last = self.next.checked_sub(1).map(|last| self.buffer[last]);
        matches!(last, Some(b'\n' | b'\r'))
    }

    /// Puts the next row into a batch; `false` at the end of the list.
    ///
    /// A row with a quotation mark that is never closed ends with its line, and the next begins behind that.
    pub(super) fn read(&mut self, batch: &mut Batch) -> Result<bool, ListError> {
        if !self.skip_empty_lines()? {
            return Ok(false);
        }
        self.start = self.next;
        let start = self.mark;
        let line = start.lines + 1;
        let (mut written, mut columns) = (0, 0);
        let mut is_open = false;
        loop {
            let is_over = self.next == self.filled && !self.refill()?;
            let input = if is_over {
                // An end of line ends the last row, unless it is within quotation marks.
                b"\n"
            } else {
                &self.buffer[self.next..self.filled]
            };
            let (result, read, more, ended) =
                self.parser
                    .read_record(input, &mut self.row[written..], &mut self.ends[columns..]);
            written += more;
            columns += ended;
            if !is_over {
                self.pass(read)?;
            }
            let is_too_long = self.mark.bytes - start.bytes > MAX_ROW as u64;
            match result {
                ReadRecordResult::OutputEndsFull => return Err(ListError::TooManyColumns { line }),
                ReadRecordResult::OutputFull => is_open = true,
                _ if is_too_long => is_open = true,
                ReadRecordResult::InputEmpty => is_open = is_over,
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(false),
            }
            if is_open {
                let is_cut = is_over || self.goes_on_behind_its_line();
                if !is_cut || self.reread > MOST_REREAD {
                    return Err(ListError::RowTooLong { line });
                }
                (written, columns) = self.cut(start)?;
                break;
            }
        }
        self.pass_line_feed()?;
        // All but the one that ends the row, which the last of a list may lack.
        let passed = self.mark.lines - start.lines;
        let within = passed - u64::from(self.ended_a_line()).min(passed);
        if columns > MAX_COLUMNS {
            return Err(ListError::TooManyColumns { line });
        }
        let ends = &self.ends[..columns];
        let text = str::from_utf8(&self.row[..written])
            .ok()
            // A letter that is cut by a delimiter may come out whole.
            .filter(|text| ends.iter().all(|end| text.is_char_boundary(*end)))
            .ok_or(ListError::NotUtf8 { line })?;
        batch.push(line, line - self.within, text, ends, is_open);
        self.within += within;
        batch.after = self.mark;
        Ok(true)
    }

    /// Whether the row at hand has an end of line within it.
    fn goes_on_behind_its_line(&self) -> bool {
        let row = &self.buffer[self.start..self.next];
        row.iter().any(|byte| END_OF_LINE.contains(byte))
    }

    /// Parses the row at hand again as if it ended with its first line, and goes back to there; returns how long it is, and how
    /// many columns it has.
    fn cut(&mut self, start: ListPosition) -> Result<(usize, usize), ListError> {
        let row = &self.buffer[self.start..self.next];
        let ends = row.iter().position(|byte| END_OF_LINE.contains(byte));
        let (length, behind) = ends.map_or((row.len(), 0), |at| (at, 1));
        self.reread += row.len() - length;
        self.next = self.start + length;
        self.mark = ListPosition {
            bytes: start.bytes + length as u64,
            lines: start.lines,
        };
        self.parser = parser(self.delimiter);
        let (mut written, mut columns) = (0, 0);
        for part in [&self.buffer[self.start..self.next], b""] {
            let (result, _, more, ended) =
                self.parser
                    .read_record(part, &mut self.row[written..], &mut self.ends[columns..]);
            written += more;
            columns += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputEndsFull => {
                    return Err(ListError::TooManyColumns {
                        line: start.lines + 1,
                    });
                }
                // Its first line is no longer than the row.
                ReadRecordResult::OutputFull | ReadRecordResult::Record | ReadRecordResult::End => {
                    break;
                }
            }
        }
        self.parser = parser(self.delimiter);
        self.pass(behind)?;
        Ok((written, columns))
    }

    /// Passes ends of lines; `false` if nothing else comes.
    fn skip_empty_lines(&mut self) -> Result<bool, ListError> {
        loop {
            self.start = self.next;
            if self.next == self.filled && !self.refill()? {
                return Ok(false);
            }
            match self.buffer[self.next] {
                b'\n' => self.pass(1)?,
                b'\r' => {
                    self.pass(1)?;
                    self.pass_line_feed()?;
                }
                _ => return Ok(true),
            }
        }
    }

    /// If the last byte was a CR, passes the LF that belongs to it: a place between two rows is never between these.
    fn pass_line_feed(&mut self) -> Result<(), ListError> {
        let ended_by_cr = self.next > 0 && self.buffer[self.next - 1] == b'\r';
        if !ended_by_cr || (self.next == self.filled && !self.refill()?) {
            return Ok(());
        }
        if self.buffer[self.next] == b'\n' {
            self.next += 1;
            self.mark.bytes += 1;
        }
        Ok(())
    }

    /// Notes that the next bytes are passed.
    fn pass(&mut self, count: usize) -> Result<(), ListError> {
        let mut last = self.next.checked_sub(1).map_or(0, |last| self.buffer[last]);
        for byte in &self.buffer[self.next..self.next + count] {
            match byte {
                b'\n' if last == b'\r' => {}
                b'\n' | b'\r' => self.mark.lines += 1,
                0 => {
                    return Err(ListError::Nul {
                        line: self.mark.lines + 1,
                    });
                }
                _ => {}
            }
            last = *byte;
        }
        self.next += count;
        self.mark.bytes += count as u64;
        Ok(())
    }

    /// Reads more of the input, once all is passed; `false` at its end. The row at hand and the byte before it stay.
    fn refill(&mut self) -> Result<bool, ListError> {
        let stays = self.start.saturating_sub(1);
        self.buffer.copy_within(stays..self.filled, 0);
        self.start -= stays;
        self.next -= stays;
        // There is room: no more of a row is passed than may be of one, and what is read at a time.
        let from = self.next;
        self.filled = from + fill(&mut self.input, &mut self.buffer[from..from + BUFFER])?;
        Ok(self.filled > from)
    }
}

impl<R: Read + Seek> Rows<R> {
    /// Goes to a place between two rows, by way of all rows before it: that is how the rows of a spreadsheet are counted.
    pub(super) fn go_to(&mut self, mark: ListPosition) -> Result<(), ListError> {
        let reread = self.reread;
        self.seek(self.first)?;
        self.within = self.first.lines;
        while self.mark.bytes < mark.bytes {
            // What cannot be read is reported when it is read for its own sake.
            match self.read(&mut Batch::default()) {
                Ok(true) => {}
                Ok(false) | Err(_) => break,
            }
        }
        self.reread = reread;
        if self.mark == mark {
            return Ok(());
        }
        self.seek(mark)
    }

    fn seek(&mut self, mark: ListPosition) -> Result<(), ListError> {
        self.input
            .seek(SeekFrom::Start(mark.bytes))
            .map_err(ListError::Read)?;
        (self.start, self.next, self.filled) = (0, 0, 0);
        self.parser = parser(self.delimiter);
        self.mark = mark;
        Ok(())
    }
}

/// The first rows of a list, looked at before they are read.
pub(super) struct FirstRows {
    rows: Batch,
    /// Which of them is the header.
    header: usize,
}

impl FirstRows {
    /// Finds the header; returns how many rows are above it, 0 if there is none, or if one of them holds a number and so is no title.
    ///
    /// A title may have a word of a header in it (`Do not phone`), and so may a row: of the rows before the first number the
    /// header is the one with the most names of columns in it, as they are counted, then that with the most columns.
    pub(super) fn titles(&mut self, names: &impl Fn(ListRow<'_>) -> usize) -> usize {
        let has_number = |row: &ListRow<'_>| {
            row.fields()
                .any(|field| is_like_a_number(field) && !is_day(field))
        };
        let columns = |row: ListRow<'_>| {
            row.fields()
                .filter(|field| !field.trim().is_empty())
                .count()
        };
        let rows = self.rows.rows().take(MOST_TITLES + 1);
        let rows = rows.take_while(|row| !has_number(row));
        let (mut header, mut best) = (0, (0, 0));
        for (at, row) in rows.enumerate() {
            let names = names(row);
            if names > 0 && (names, columns(row)) > best {
                (header, best) = (at, (names, columns(row)));
            }
        }
        self.header = header;
        header
    }

    /// Of a hundred fields of a column that are not empty, how many are such, in the rows
    /// behind the header.
    pub(super) fn share(&self, at: usize, is_such: impl Fn(&str) -> bool) -> usize {
        let fields = self
            .rows
            .rows()
            .skip(self.header + 1)
            .filter_map(|row| row.get(at));
        let fields: Vec<&str> = fields.filter(|field| !field.trim().is_empty()).collect();
        let such = fields.iter().filter(|field| is_such(field)).count();
        match such {
            0 => 0,
            // One is enough to make it more than none.
            such => (such * 100 / fields.len()).max(1),
        }
    }
}

/// How much is read at a time, and how much a dialect is found by.
const BUFFER: usize = 64 * 1024;

/// How many bytes of a list are read again at most, so that no list takes for ever: behind each quotation mark that is never
/// closed up to [`MAX_ROW`] are.
const MOST_REREAD: usize = 64 * MAX_ROW;

/// Most rows above a header.
const MOST_TITLES: usize = 20;

const END_OF_LINE: &[u8] = b"\r\n";

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_row_has_its_line_and_the_row_that_a_spreadsheet_shows_it_in() {
        let text = "sep=;\r\nphone;note\r\n1;\"a\r\nb\r\nc\"\r\n\r\n2;d\r\n3;\"e\nf\"";
        let whole = [(2, 1), (3, 2), (7, 4), (8, 5)];
        let mut rows = Rows::open(Cursor::new(text), None).unwrap();
        let mut marks = vec![rows.mark()];
        let mut found = Vec::new();
        while let Some(row) = next(&mut rows) {
            found.push(row);
            marks.push(rows.mark());
        }
        assert_eq!(found, whole);
        for (at, mark) in marks.into_iter().enumerate() {
            rows.go_to(mark).unwrap();
            let rest: Vec<_> = std::iter::from_fn(|| next(&mut rows)).collect();
            assert_eq!(rest, whole[at..]);
        }
    }

    fn next(rows: &mut Rows<Cursor<&str>>) -> Option<(u64, u64)> {
        let mut batch = Batch::default();
        let is_read = rows.read(&mut batch).unwrap();
        let row = batch.row(0).filter(|_| is_read)?;
        Some((row.line, row.row))
    }
}
