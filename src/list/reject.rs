//! Rows that are left out, and the file they go to.

use std::{
    fs::File,
    io::{self, Read as _},
};

use thiserror::Error;

use super::{Batch, Field, ListError, ListRow, MAX_FIELD, Writer, day::UnclearTime, rows::Rows};
use crate::phone::PhoneError;

/// A row that could not be read, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The line on which it begins, counted from 1.
    pub line: u64,
    /// The row that a spreadsheet shows it in.
    pub row: u64,
    /// Why the row is left out.
    pub reason: Reason,
    /// Its fields.
    pub fields: Vec<String>,
}

/// A row that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The line on which it begins, counted from 1.
    pub line: u64,
    /// Why the row is left out.
    pub reason: Reason,
}

/// Why a row is left out. It never holds a whole number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// Its number is none that may be dialled.
    #[error("{0}")]
    Number(PhoneError),
    /// A spreadsheet has rounded its number.
    #[error(
        "a spreadsheet has shortened the number (`1.2E+10`); format its column as text and export it again"
    )]
    Shortened,
    /// It has more or fewer fields than the header.
    #[error("{found} fields where the first row has {expected}")]
    Fields {
        /// How many it has.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// There is nothing in it.
    #[error("all fields are empty")]
    Empty,
    /// A field is longer than any name or note.
    #[error("a field is longer than {} KiB; is there a quotation mark that is never closed?", MAX_FIELD / 1024)]
    FieldTooLong,
    /// A quotation mark in it is never closed.
    #[error("a quotation mark on this line is never closed")]
    Unclosed,
    /// A field holds what looks like other rows.
    #[error(
        "a field between quotation marks holds what looks like other rows; is there a quotation mark too few?"
    )]
    HoldsRows,
    /// Its number belongs to no country, and it names no zone: there are no hours at which to call.
    #[error(
        "the number belongs to no country (such as +800, +870 and +881 do not), so that no time zone is known for it; name one in a column `timezone`"
    )]
    NoZone,
    /// It does not say how consent was given.
    #[error(
        "the consent `{0}` does not say how it was given; expected `written`, `signed`, `electronic`, `verbal` or `oral`, or `no` or nothing if there is none"
    )]
    Consent(String),
    /// It does not say when.
    #[error("{}", unclear_time(*field, found, *why))]
    Time {
        /// In which column.
        field: Field,
        /// What is there.
        found: String,
        /// Why it cannot be read.
        why: UnclearTime,
    },
    /// It names no message.
    #[error("the message `{found}` is none: {why}")]
    Message {
        /// What is there.
        found: String,
        /// Why the row is left out.
        why: String,
    },
    /// Its number came before.
    #[error("the number is on an earlier line of this list")]
    Duplicate,
    /// Its number was called by the campaign, so that the contact stays as it is.
    #[error("this campaign has called the number already")]
    AlreadyCalled,
    /// Another campaign has its number.
    #[error("another campaign has the number")]
    Elsewhere,
    /// Everything about the person was erased.
    #[error("everything about the person was erased, who is never to be called again")]
    Erased,
}

impl Reason {
    /// The word by which reasons are counted. Words are stored in files and are never renamed.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Number(error) => error.slug(),
            Self::Shortened => "invalid_number",
            Self::Fields { .. } => "wrong_fields",
            Self::Empty => "empty",
            Self::FieldTooLong => "field_too_long",
            Self::Unclosed | Self::HoldsRows => "unclosed_quote",
            Self::NoZone => "unknown_timezone",
            Self::Consent(_) => "unclear_consent",
            Self::Time { .. } => "unclear_time",
            Self::Message { .. } => "bad_message",
            Self::Duplicate | Self::Elsewhere => "duplicate",
            Self::Erased => "erased",
            Self::AlreadyCalled => "already_called",
        }
    }
}

fn unclear_time(field: Field, found: &str, why: UnclearTime) -> String {
    match why {
        UnclearTime::Form => format!(
            "cannot read `{found}` in {field}; expected such as `2026-03-01`, `2026-03-01T14:05:00-05:00`, `2026-03-01 14:05` (UTC), `01.03.2026`, or `3/1/2026` in the order of `--date-order`"
        ),
        UnclearTime::Order => format!(
            "`{found}` in {field} does not show whether its day or its month comes first; state it with `--date-order mdy` or `--date-order dmy`"
        ),
    }
}

/// Writes the file of rejects: line, reason, words, and the row's own fields behind them, so that it can be mended and
/// imported.
#[derive(Debug)]
pub struct Rejects<W: io::Write> {
    out: Writer<W>,
}

impl<W: io::Write> Rejects<W> {
    /// Begins the file with a header: three columns, and those of the list.
    ///
    /// # Errors
    /// What the output says.
    pub fn begin(out: W, delimiter: u8, columns: &[String]) -> io::Result<Self> {
        let mut rejects = Self::go_on(out, delimiter);
        let own = OWN_COLUMNS.into_iter();
        let names: Vec<&str> = own.chain(columns.iter().map(String::as_str)).collect();
        rejects.out.record(&names)?;
        Ok(rejects)
    }

    /// How much of a file of rejects is before the first that is of this line or one behind it, in bytes; a row that was
    /// cut off at the end of the file is none. 0 if it is no such file.
    pub fn length_before(file: impl io::Read, delimiter: u8, line: u64) -> u64 {
        let Ok(mut rows) = Rows::open(file, Some(delimiter)) else {
            return 0;
        };
        let mut length = 0;
        let mut batch = Batch::default();
        while let Ok(true) = rows.read(&mut batch) {
            let Some(row) = batch.row(0) else { break };
            let stays = match row.get(0) {
                Some(name) if length == 0 => name == OWN_COLUMNS[0],
                found => found
                    .and_then(|found| found.parse::<u64>().ok())
                    .is_some_and(|of| of < line),
            };
            if !stays || row.is_open || !rows.ended_a_line() {
                break;
            }
            length = rows.mark().bytes;
            batch = Batch::default();
        }
        length
    }

    /// Whether a file of rejects begins like this.
    pub fn is_begun_by(begins: &[u8]) -> bool {
        begins.starts_with(OWN_COLUMNS[0].as_bytes())
    }

    /// Goes on with a file that has its header.
    pub fn go_on(out: W, delimiter: u8) -> Self {
        Self {
            out: Writer::with_delimiter(out, delimiter),
        }
    }

    /// Writes one.
    ///
    /// # Errors
    /// What the output says.
    pub fn add(&mut self, row: ListRow<'_>, reason: &Reason) -> io::Result<()> {
        self.write((row.line, row.row), reason, row.fields())
    }

    /// Writes one of a do-not-call list.
    ///
    /// # Errors
    /// What the output says.
    pub fn add_left_out(&mut self, row: &LeftOut) -> io::Result<()> {
        self.write(
            (row.line, row.row),
            &row.reason,
            row.fields.iter().map(String::as_str),
        )
    }

    fn write<'a>(
        &mut self,
        (line, row): (u64, u64),
        reason: &Reason,
        fields: impl Iterator<Item = &'a str>,
    ) -> io::Result<()> {
        let mut detail = reason.to_string();
        if row != line {
            detail.push_str(&format!(" (row {row} of a spreadsheet)"));
        }
        let line = line.to_string();
        let mut record: Vec<&str> = vec![&line, reason.slug(), &detail];
        for field in fields {
            record.push(field);
        }
        self.out.record(&record)
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes out what is held back, and gives the output back.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(self) -> io::Result<W> {
        self.out.finish()
    }
}

/// Reads a file of rejects back, some rows at a time. A row that is not whole at its end, because it is being written, is left
/// out.
#[derive(Debug)]
pub struct RejectedRows<R> {
    rows: Rows<R>,
    is_header_next: bool,
}

impl RejectedRows<io::Chain<io::Cursor<Vec<u8>>, File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`ListError`] if it cannot be read, or is no file of rejects.
    pub fn open(mut file: File) -> Result<Self, ListError> {
        let mut begins = vec![0; OWN_COLUMNS[0].len() + 1];
        file.read_exact(&mut begins).map_err(ListError::Read)?;
        // It is written with the delimiter of the list.
        let delimiter = begins.last().copied();
        let all = io::Cursor::new(begins).chain(file);
        Ok(Self {
            rows: Rows::open(all, delimiter)?,
            is_header_next: true,
        })
    }
}

impl<R: io::Read> RejectedRows<R> {
    /// The next rows, at most so many: each with its first three fields, which are ours, and those of its list behind them.
    /// `None` at the end.
    ///
    /// # Errors
    /// [`ListError`] if the file cannot be read any further.
    pub fn next(&mut self, at_most: usize) -> Result<Option<Batch>, ListError> {
        if self.is_header_next {
            self.is_header_next = false;
            self.rows.read(&mut Batch::default())?;
        }
        let mut batch = Batch::default();
        while batch.len() < at_most {
            let mut one = Batch::default();
            if !self.rows.read(&mut one)? {
                break;
            }
            let Some(row) = one.row(0) else { break };
            if row.is_open || !self.rows.ended_a_line() {
                break;
            }
            batch.append(&one);
        }
        Ok((!batch.is_empty()).then_some(batch))
    }
}

/// What a row begins with in the file of rejects.
pub const OWN_COLUMNS: [&str; 3] = ["rejected_line", "rejected_because", "rejected_detail"];
