//! Lists: any bytes as a list of contacts, and any text as cells that are written and read again.

use std::io::{Cursor, Read};

use super::{
    Batch, ContactRules, DoNotCall, Fingerprint, List, ListError, ListPosition, ListRow,
    MAX_COLUMNS, MAX_FIELD, MAX_ROW, Mapping, Writer, unguard,
};
use crate::{
    fuzz::{Bytes, Target},
    phone::Rules,
};

#[test]
fn any_bytes_are_rows_and_rejects_and_at_most_one_error() {
    let target = Target {
        name: "lists",
        inputs: 4_000,
        longest: 4_000,
        words: WORDS,
    };
    target.check(|input| {
        let mut bytes = Bytes(input);
        let (kind, piece) = (bytes.byte(), usize::from(bytes.byte()) + 1);
        let text = input.get(2..).unwrap_or_default();
        let text = if text.is_empty() { b"x" } else { text };
        // Some are so long that the bounds of a row are reached.
        let times = if kind < 4 {
            3 * MAX_ROW / text.len()
        } else {
            1
        };
        let mut mapping = Mapping::default();
        if kind % 2 == 0 {
            mapping.add("number=1").unwrap();
        }
        let mut whole = None;
        let used = allocation_counter::measure(|| {
            let survey = Fingerprint::of(Again::new(text, times), &mapping);
            whole = Some(
                survey
                    .map(|survey| survey.rows)
                    .map_err(|error| error.to_string()),
            );
        });
        assert!(used.bytes_max < 4 << 20, "{} bytes", used.bytes_max);
        if times == 1 {
            let pieces = Pieces { text, piece };
            let (rows, ended) = taken(pieces, &mapping);
            assert_eq!(
                whole,
                Some(ended.map(|()| rows)),
                "the pieces change what is read"
            );
            if str::from_utf8(text).is_ok() {
                as_another_reader_has_it(text, &mapping);
                goes_on(text, &mapping);
            }
        }
        if let Ok(mut list) = DoNotCall::open(text, &[], Rules::default()) {
            while let Ok(Some(_)) = list.batch(7) {}
        }
    });
}

/// Takes all rows as contacts; returns how many there are, and how reading ended.
fn taken(input: impl Read, mapping: &Mapping) -> (u64, Result<(), String>) {
    let rules = rules();
    let mut list = match List::open(input, mapping) {
        Ok(list) => list,
        Err(error) => return (0, Err(error.to_string())),
    };
    let (mut rows, mut last, mut mark) = (0, 0, list.start());
    loop {
        let batch = match list.batch(3) {
            Ok(Some(batch)) => batch,
            Ok(None) => return (rows, Ok(())),
            Err(error) => {
                assert!(!matches!(error, ListError::Empty | ListError::Read(_)));
                return (rows, Err(error.to_string()));
            }
        };
        assert!(batch.after().bytes > mark.bytes && batch.after().lines >= mark.lines);
        mark = batch.after();
        for row in batch.rows() {
            assert!(
                row.line > last && row.line <= mark.lines + 1,
                "line {}",
                row.line
            );
            assert!((1..=MAX_COLUMNS).contains(&row.len()));
            last = row.line;
            rows += 1;
            match list.columns().contact(row, &rules) {
                Ok(contact) => {
                    assert_eq!(contact.line, row.line);
                    assert!(
                        contact
                            .others
                            .values()
                            .all(|value| value.len() <= MAX_FIELD)
                    );
                }
                Err(reject) => {
                    assert_eq!(reject.line, row.line);
                    assert!(!reject.reason.to_string().is_empty());
                }
            }
        }
    }
}

/// The rows are those that the `csv` crate finds, and their places are where an editor has them.
fn as_another_reader_has_it(text: &[u8], mapping: &Mapping) {
    let Ok(mut list) = List::open(text, mapping) else {
        return;
    };
    let start = list.start();
    let rest = &text[usize::try_from(start.bytes).unwrap()..];
    if rest.starts_with(b"\xef\xbb\xbf") {
        return;
    }
    let mut other = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(list.delimiter())
        .from_reader(rest);
    let mut records = other.records();
    while let Ok(Some(batch)) = list.batch(1) {
        let row = batch.row(0).unwrap();
        if row.is_open {
            // The other reader takes all that is behind it as part of it.
            return;
        }
        let record = records.next().unwrap().unwrap();
        assert!(row.fields().eq(record.iter()), "{row:?} is {record:?}");
        let passed = &text[..usize::try_from(batch.after().bytes).unwrap()];
        assert_eq!(batch.after().lines, line_ends(passed));
    }
}

fn line_ends(text: &[u8]) -> u64 {
    let mut ends = 0;
    let mut last = 0;
    for &byte in text {
        ends += u64::from(byte == b'\r' || (byte == b'\n' && last != b'\r'));
        last = byte;
    }
    ends
}

/// Reading goes on from any place between two rows as if it had never stopped.
fn goes_on(text: &[u8], mapping: &Mapping) {
    let Ok(mut list) = List::open(Cursor::new(text), mapping) else {
        return;
    };
    let mut marks = vec![list.start()];
    let mut whole = Vec::new();
    while let Some(row) = next(&mut list) {
        marks.push(row.2);
        whole.push(row);
    }
    for (at, mark) in marks.into_iter().enumerate().step_by(3).take(20) {
        list.go_to(mark).unwrap();
        for row in whole[at..].iter().take(5) {
            assert_eq!(next(&mut list).as_ref(), Some(row));
        }
    }
}

fn next(list: &mut List<Cursor<&[u8]>>) -> Option<(u64, Vec<String>, ListPosition)> {
    let batch: Batch = list.batch(1).ok()??;
    let row: ListRow<'_> = batch.row(0)?;
    Some((
        row.line,
        row.fields().map(str::to_owned).collect(),
        batch.after(),
    ))
}

#[test]
fn what_is_written_is_read_back_and_no_cell_begins_a_formula() {
    let target = Target {
        name: "cells",
        inputs: 20_000,
        longest: 400,
        words: WORDS,
    };
    target.check(|input| {
        let text = String::from_utf8_lossy(input);
        let rows: Vec<Vec<&str>> = text
            .split('\u{1}')
            .map(|row| row.split('\u{2}').collect())
            .collect();
        for delimiter in DELIMITERS {
            let mut writer = Writer::with_delimiter(Vec::new(), delimiter);
            for row in &rows {
                writer.record(row).unwrap();
            }
            let written = writer.finish().unwrap();
            let back: Vec<Vec<String>> = cells(&written, delimiter)
                .into_iter()
                .map(|row| row.iter().map(|cell| unguard(cell).into_owned()).collect())
                .collect();
            assert_eq!(back, rows);
            for other in DELIMITERS {
                for cell in cells(&written, other).iter().flatten() {
                    let formula = if other == delimiter {
                        begins_formula(cell)
                    } else {
                        // A reader that takes another delimiter sees several cells as one, and quotes, tabs and the ends of lines in
                        // it: what is between these are cells of ours or parts of one.
                        let ends = [char::from(delimiter), '\r', '\n', '\t', '"'];
                        let mut parts = cell.split(ends).filter(|part| !part.is_empty());
                        parts.any(begins_formula)
                    };
                    assert!(!formula, "{cell:?}");
                }
            }
        }
    });
}

fn begins_formula(cell: &str) -> bool {
    let computes = |c: char| !(c.is_ascii_digit() || ". •".contains(c));
    match cell.chars().next() {
        Some('+' | '-') => cell.len() == 1 || cell[1..].contains(computes),
        Some('=' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r' | '\n' | '\0') => true,
        Some(_) | None => false,
    }
}

fn cells(written: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(written);
    let records = reader.into_records();
    records
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

/// A text a number of times.
struct Again<'a> {
    text: &'a [u8],
    at: usize,
    times: usize,
}

impl<'a> Again<'a> {
    fn new(text: &'a [u8], times: usize) -> Self {
        Self { text, at: 0, times }
    }
}

impl Read for Again<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() && self.times > 0 {
            let count = (into.len() - filled).min(self.text.len() - self.at);
            into[filled..filled + count].copy_from_slice(&self.text[self.at..self.at + count]);
            filled += count;
            self.at += count;
            if self.at == self.text.len() {
                (self.at, self.times) = (0, self.times - 1);
            }
        }
        Ok(filled)
    }
}

/// A text in pieces of at most so many bytes.
struct Pieces<'a> {
    text: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.piece.min(into.len());
        self.text.read(&mut into[..count])
    }
}

fn rules() -> ContactRules {
    ContactRules {
        phone: Rules::default(),
        dates: None,
        message: |text| {
            if text.contains('/') {
                Err("no path".to_owned())
            } else {
                Ok(())
            }
        },
    }
}

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

const WORDS: &[&[u8]] = &[
    b"\xff\xffnumber,name,tz,consent,consent_at\n+12025550101,Ann,ET,written,2026-03-01\n",
    b"\xff\xffphone;\"first, name\";notes\r\n(202) 555-0101;\"A\r\n\"\"B\"\"\";=1+1\r\n",
    b"\xfe\x012025550101\n917-555-0102\n",
    b"\x00\xff2025550101,",
    b"number",
    b"+12025550101",
    b"sep=;\r\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\r\n",
    b"\n",
    b"\r",
    b"\"",
    b"\"\"",
    b"\",\"",
    b",",
    b";",
    b"\t",
    b"|",
    b"=cmd|' /C calc'!A0",
    b"'=",
    b"''+",
    b"+1",
    b"-2+3",
    b"@SUM(",
    b"\x01",
    b"\x02",
    b"\0",
    b"3/1/2026 2:05 PM",
    b"1.2E+10",
    b"\xc3\xa9",
    b"\xe9",
    "•".as_bytes(),
    "＝".as_bytes(),
];
