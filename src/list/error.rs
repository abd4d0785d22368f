//! Why a list cannot be read at all.

use std::io;

use thiserror::Error;

use super::{Field, MAX_COLUMNS, MAX_ROW};

/// What makes the rest of a list unreadable. Nothing of a row in it, for a row holds a person's number.
#[derive(Debug, Error)]
pub enum ListError {
    /// The file did.
    #[error("cannot read the list")]
    Read(#[source] io::Error),
    /// There is no row in it.
    #[error("the list is empty")]
    Empty,
    /// It is text, but not in an encoding that is read.
    #[error("the list is written in {0}, not in UTF-8")]
    Encoding(&'static str),
    /// It is no text.
    #[error("the list is {0}, not CSV")]
    NotText(&'static str),
    /// There are bytes that no UTF-8 has.
    #[error("line {line} is not UTF-8; it looks like Latin-1 or Windows-1252")]
    NotUtf8 {
        /// On the row that begins on this line, counted from 1.
        line: u64,
    },
    /// There is a byte 0.
    #[error("line {line} holds a NUL byte, so that this is no text")]
    Nul {
        /// On this line, counted from 1.
        line: u64,
    },
    /// A row is longer than any list has.
    #[error("the row that begins on line {line} is longer than {} KiB", MAX_ROW / 1024)]
    RowTooLong {
        /// Its line, counted from 1.
        line: u64,
    },
    /// A row has more columns than any list has.
    #[error("the row that begins on line {line} has more than {MAX_COLUMNS} columns")]
    TooManyColumns {
        /// Its line, counted from 1.
        line: u64,
    },
    /// No column is the number, by what the header says.
    #[error("no column of the header is the phone number; it has {found}")]
    NoNumber {
        /// The names of its columns.
        found: String,
    },
    /// There is no header, and more than one column.
    #[error("the list begins with a number and not with a header, and has {columns} columns")]
    NoHeader {
        /// How many.
        columns: usize,
    },
    /// Several columns could be the same thing.
    #[error("the columns {columns} could each be the {field}")]
    Ambiguous {
        /// What they could be.
        field: Field,
        /// Their names.
        columns: String,
    },
    /// A column that was mapped is not there.
    #[error("there is no column `{column}` to take the {field} from; the header has {found}")]
    Unmapped {
        /// What was to be taken from it.
        field: Field,
        /// The column that was named.
        column: String,
        /// The names of those that there are.
        found: String,
    },
    /// A column was mapped twice.
    #[error("the column `{column}` is mapped to the {first} and to the {second}")]
    MappedTwice {
        /// The column.
        column: String,
        /// To this.
        first: Field,
        /// And to this.
        second: Field,
    },
}

impl ListError {
    /// Whether it is only that the list does not say well enough which column is what: a mapping can.
    pub const fn is_of_columns(&self) -> bool {
        match self {
            Self::NoNumber { .. }
            | Self::NoHeader { .. }
            | Self::Ambiguous { .. }
            | Self::Unmapped { .. }
            | Self::MappedTwice { .. } => true,
            Self::Read(_)
            | Self::Empty
            | Self::Encoding(_)
            | Self::NotText(_)
            | Self::NotUtf8 { .. }
            | Self::Nul { .. }
            | Self::RowTooLong { .. }
            | Self::TooManyColumns { .. } => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read(_) | Self::Empty | Self::MappedTwice { .. } => return None,
            Self::Encoding(encoding) => format!(
                "convert it, such as with `iconv -f {} -t UTF-8 LIST > NEW`, or save it in Excel as `CSV UTF-8`",
                encoding.split(' ').next().unwrap_or(encoding)
            ),
            Self::NotText(_) => "save it as CSV; in Excel as `CSV UTF-8 (comma delimited)`".to_owned(),
            Self::NotUtf8 { .. } => {
                "convert it, such as with `iconv -f WINDOWS-1252 -t UTF-8 LIST > NEW`, or save it in Excel as `CSV UTF-8`".to_owned()
            }
            Self::Nul { .. } => "export the list again as CSV in UTF-8".to_owned(),
            Self::RowTooLong { .. } | Self::TooManyColumns { .. } => {
                "look for a quotation mark on that line that is never closed, or for another delimiter".to_owned()
            }
            Self::NoNumber { .. } => {
                "name the column, such as with `--map number=Telefon`, or by its position: `--map number=1`"
                    .to_owned()
            }
            Self::NoHeader { .. } => {
                "add a header, or name the column of the number by its position: `--map number=1`".to_owned()
            }
            Self::Ambiguous { field, .. } => {
                let slug = field.slug();
                if *field == Field::Number {
                    format!("name the one, with `--map {slug}=COLUMN`")
                } else {
                    format!("name the one, with `--map {slug}=COLUMN`, or none, with `--map {slug}=`")
                }
            }
            Self::Unmapped { .. } => {
                "write the column's name as the header has it, or its position, counted from 1".to_owned()
            }
        })
    }
}
