//! How a list is written, by its first bytes.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{
    Batch, ListError, ListRow, MAX_COLUMNS, cell::is_like_a_number, field::names_a_number,
};

/// Refuses what is no UTF-8 text; returns how many bytes of a byte-order mark lead it.
pub(super) fn look_at(head: &[u8]) -> Result<usize, ListError> {
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(ListError::NotText(what));
    }
    if let Some((_, encoding)) = MARKS.iter().find(|(mark, _)| head.starts_with(mark)) {
        return Err(ListError::Encoding(encoding));
    }
    // Without a mark: every other byte of Latin text is 0.
    let zeros = |first: usize| {
        head.iter()
            .skip(first)
            .step_by(2)
            .take(SOME)
            .filter(|b| **b == 0)
            .count()
    };
    let letters = SOME.min(head.len() / 2);
    if letters >= 2 {
        if zeros(1) * 2 > letters && zeros(0) == 0 {
            return Err(ListError::Encoding("UTF-16LE"));
        }
        if zeros(0) * 2 > letters && zeros(1) == 0 {
            return Err(ListError::Encoding("UTF-16BE"));
        }
    }
    Ok(if head.starts_with(UTF8_MARK) {
        UTF8_MARK.len()
    } else {
        0
    })
}

/// The delimiter that Excel's first line `sep=;` names, and how long that line is.
pub(super) fn named_delimiter(head: &[u8]) -> Option<(u8, usize)> {
    let rest = head
        .strip_prefix(b"sep=")
        .or_else(|| head.strip_prefix(b"SEP="))?;
    let (delimiter, rest) = rest.split_first()?;
    let end = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        [] | [_, ..] => return None,
    };
    DELIMITERS
        .contains(delimiter)
        .then_some((*delimiter, 5 + end))
}

/// The delimiter that makes a header of the first row, else the most even table of the rows; a comma if there is none.
///
/// `is_all` says that the head is the whole list, so that its last row is complete.
pub(super) fn guess(head: &[u8], is_all: bool) -> u8 {
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let score = score(&first_rows(head, is_all, delimiter));
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

/// A parser of rows with this delimiter: quotation marks are `"`, doubled within, and rows end with LF, CRLF or CR.
pub(super) fn parser(delimiter: u8) -> Reader {
    let mut parser = ReaderBuilder::new().delimiter(delimiter).build();
    // It takes a byte-order mark off what it reads first, which may be in the midst of a list, where reading resumes.
    let _ = parser.read_record(b"\n", &mut [0], &mut [0]);
    parser
}

/// Reads until the buffer is full or there is no more; returns how much there is.
pub(super) fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ListError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ListError::Read(error)),
        }
    }
    Ok(filled)
}

/// The first rows of a list, at most [`SOME`], as one delimiter has them; the last is left out unless it is complete.
pub(super) fn first_rows(mut head: &[u8], is_all: bool, delimiter: u8) -> Batch {
    let mut rows = Batch::default();
    let mut parser = parser(delimiter);
    let mut text = vec![0; head.len() + 1];
    let mut ends = vec![0; MAX_COLUMNS + 1];
    let (mut out, mut count) = (0, 0);
    while rows.len() < SOME {
        if head.is_empty() && !is_all {
            break;
        }
        let (result, read, written, ended) =
            parser.read_record(head, &mut text[out..], &mut ends[count..]);
        head = &head[read..];
        out += written;
        count += ended;
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::Record => {
                let row = str::from_utf8(&text[..out]).ok();
                let row =
                    row.filter(|row| ends[..count].iter().all(|end| row.is_char_boundary(*end)));
                // A row that is not UTF-8 is refused when it is read; its columns count.
                let empty = vec![0; count];
                match row {
                    Some(row) => rows.push(0, 0, row, &ends[..count], false),
                    None => rows.push(0, 0, "", &empty, false),
                }
                (out, count) = (0, 0);
            }
            ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull
            | ReadRecordResult::End => break,
        }
    }
    rows
}

/// How well a delimiter makes a table of rows: the more the better; 0 if it makes none.
fn score(rows: &Batch) -> usize {
    let names_a_number = |row: &ListRow<'_>| row.fields().any(names_a_number);
    let header = rows.rows().position(|row| names_a_number(&row));
    let has_number = |row: &ListRow<'_>| row.fields().any(is_like_a_number);
    // Above the header, or above the first row with several columns, there may be a title.
    let from = header.or_else(|| {
        let titles = rows
            .rows()
            .take_while(|row| row.len() == 1 && !has_number(row));
        Some(titles.count())
    });
    let columns = rows.rows().map(|row| row.len()).skip(from.unwrap_or(0));
    let columns: Vec<usize> = columns.collect();
    let Some(&first) = columns.first().filter(|first| **first > 1) else {
        return 0;
    };
    let even = columns.iter().filter(|columns| **columns == first).count();
    let header = if header.is_some() { 10_000_000 } else { 0 };
    header + even * 10_000 / columns.len() * 100 + first.min(99)
}

/// What separates columns, the likeliest first.
pub(super) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How many rows or letters are enough to decide by.
const SOME: usize = 50;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Byte-order marks of encodings that are not read; UTF-32's first, for it begins as UTF-16's does.
const MARKS: &[(&[u8], &str)] = &[
    (b"\xff\xfe\0\0", "UTF-32LE"),
    (b"\0\0\xfe\xff", "UTF-32BE"),
    (b"\xff\xfe", "UTF-16 (Excel's `Unicode text`)"),
    (b"\xfe\xff", "UTF-16"),
];

/// How files begin that people take for lists.
const MAGIC: &[(&[u8], &str)] = &[
    (
        b"PK\x03\x04",
        "an Excel or LibreOffice workbook, or a ZIP archive",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3\0", "an SQLite database"),
];
