//! Rows that are left out, and the file they go to.

use std::io;

use thiserror::Error;

use super::{Batch, Field, MAX_FIELD, Row, Writer, rows::Rows};
use crate::phone::PhoneError;

/// A row that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The line on which it begins, counted from 1.
    pub line: u64,
    /// Why.
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
    /// Nobody can tell which clocks are meant.
    #[error(
        "the time zone `{0}` is not known; expected an IANA name such as `America/Denver`, or such as `MST` or `CT`"
    )]
    Timezone(String),
    /// It does not say how consent was given.
    #[error(
        "the consent `{0}` does not tell how it was given; expected `written`, `signed`, `electronic`, `verbal` or `oral`, or `no` or nothing where there is none"
    )]
    Consent(String),
    /// It does not say when.
    #[error(
        "cannot read `{found}` in {field}; expected such as `2026-03-01`, `2026-03-01T14:05:00-05:00`, `2026-03-01 14:05` (UTC){american}",
        american = if *.american { ", `3/1/2026` or `3/1/2026 2:05 PM` (UTC)" } else { "" }
    )]
    Time {
        /// In which column.
        field: Field,
        /// What stands there.
        found: String,
        /// Whether months come first here.
        american: bool,
    },
    /// It names no message.
    #[error("the message `{found}` is none: {why}")]
    Message {
        /// What stands there.
        found: String,
        /// Why.
        why: String,
    },
    /// Its number came before, or is in the campaign already.
    #[error("this campaign has the number already")]
    Duplicate,
    /// Another campaign has its number.
    #[error("another campaign has the number")]
    Elsewhere,
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
            Self::Timezone(_) => "unknown_timezone",
            Self::Consent(_) => "unclear_consent",
            Self::Time { .. } => "unclear_time",
            Self::Message { .. } => "bad_message",
            Self::Duplicate | Self::Elsewhere => "duplicate",
        }
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

    /// How much of a file of rejects stands before the first that is of this line or one behind it, in bytes; a row that was
    /// cut off at the end of the file is none. 0 where it is no such file.
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
    pub fn add(&mut self, row: Row<'_>, reason: &Reason) -> io::Result<()> {
        let line = row.line.to_string();
        let mut words = reason.to_string();
        if row.row != row.line {
            words.push_str(&format!(" (row {} of a spreadsheet)", row.row));
        }
        let own = [line.as_str(), reason.slug(), &words];
        let fields: Vec<&str> = own.into_iter().chain(row.fields()).collect();
        self.out.record(&fields)
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

/// What a row begins with in the file of rejects.
pub(super) const OWN_COLUMNS: [&str; 3] = ["rejected_line", "rejected_because", "rejected_detail"];
