//! Lists as people have them: contacts and do-not-call numbers coming in as CSV, results going out.
//!
//! ```text
//!   bytes ──> Rows ───> Batch of rows ──> Columns ──┬──> NewRow
//!           dialect,    as written       by header  └──> Reject: line, reason, fields
//!           limits                       or mapping
//! ```
//!
//! A list is UTF-8 text. Its delimiter is recognised (comma, semicolon, tab, pipe, Excel's `sep=;`), its rows end with
//! LF, CRLF or CR, and its columns are found by their names or named by the user. What is wrong with one row makes it a [`Reject`] and
//! leaves the others alone; what makes the whole unreadable is the one [`ListError`] at which reading ends. [`Fingerprint`] finds
//! that before anything is taken in.
//!
//! Nothing here grows with a list: a row goes into memory that is set aside once, [`MAX_ROW`] bytes and [`MAX_COLUMNS`]
//! columns of it, so that a file of one endless line is refused as soon as these are full.
//!
//! What goes out is safe to open in a spreadsheet, and is read back here as it was; see [`Writer`].

mod batch;
mod cell;
mod contacts;
mod day;
mod dialect;
mod do_not_call;
mod error;
mod field;
mod fingerprint;
mod header;
mod preview;
mod reject;
mod rows;
mod writer;
mod zone;

pub use batch::{Batch, ListPosition, ListRow};
pub use contacts::{ContactRules, NewRow};
pub use day::{DateOrder, UnclearTime};
pub use do_not_call::{DoNotCall, Numbers};
pub use error::ListError;
pub use field::Field;
pub use fingerprint::{Fingerprint, RunningDigest, hex};
pub use header::{BadMapping, Columns, List, Mapping, title_note};
pub use preview::{ColumnUse, ListPreview};
pub use reject::OWN_COLUMNS as REJECT_COLUMNS;
pub use reject::{LeftOut, Reason, Reject, RejectedRows, Rejects};
pub use writer::{Writer, guard, unguard};

/// Most bytes of a row.
pub const MAX_ROW: usize = 1024 * 1024;

/// Most columns of a row.
pub const MAX_COLUMNS: usize = 1_000;

/// Most bytes of a field.
pub const MAX_FIELD: usize = 64 * 1024;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod fuzz;
