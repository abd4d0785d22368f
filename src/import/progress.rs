//! How far an import is, and what came of it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{clock, list::Fingerprint, store::Importing};

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Bytes of the list that are passed.
    pub bytes: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Rows that are passed, of earlier runs included.
    pub rows: u64,
    /// Its rows.
    pub rows_in_all: u64,
    /// Rows that became contacts, of earlier runs included.
    pub added: u64,
    /// Rows that were rejected, of earlier runs included.
    pub rejected: u64,
    /// Since this run began to take rows in.
    pub elapsed: Duration,
    /// Rows a second, of this run; 0 at its beginning.
    pub rate: f64,
    /// How long the rest will take at this rate.
    pub left: Option<Duration>,
}

/// What came of an import.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// How far it is.
    pub progress: Progress,
    /// Whether the whole list is in; otherwise it was told to stop, and goes on when it is started again.
    pub is_complete: bool,
    /// How many rows were passed already when it began.
    pub rows_before: u64,
    /// The rejects of this run, by their slugs.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The file of rejects, where there are any.
    pub rejects: Option<PathBuf>,
}

/// What was counted.
pub(super) struct Count {
    pub(super) importing: Importing,
    size: u64,
    rows_in_all: u64,
    rows_before: u64,
    pub(super) reasons: BTreeMap<&'static str, u64>,
    pub(super) began: Instant,
}

impl Count {
    pub(super) fn new(importing: Importing, fingerprint: &Fingerprint) -> Self {
        Self {
            rows_before: importing.rows + importing.rejected,
            importing,
            size: fingerprint.size,
            rows_in_all: fingerprint.rows,
            reasons: BTreeMap::new(),
            began: clock::now(),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let elapsed = clock::now().saturating_duration_since(self.began);
        let rows = self.importing.rows + self.importing.rejected;
        let seconds = elapsed.as_secs_f64();
        let done = rows.saturating_sub(self.rows_before);
        #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^53")]
        let rate = if seconds > 0.0 {
            done as f64 / seconds
        } else {
            0.0
        };
        #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^53")]
        let rest = self.rows_in_all.saturating_sub(rows) as f64;
        Progress {
            bytes: self.importing.bytes,
            size: self.size,
            rows,
            rows_in_all: self.rows_in_all,
            added: self.importing.rows,
            rejected: self.importing.rejected,
            elapsed,
            rate,
            left: (rate > 0.0)
                .then(|| Duration::try_from_secs_f64(rest / rate).ok())
                .flatten(),
        }
    }

    pub(super) fn imported(self, is_complete: bool, rejects: Option<PathBuf>) -> Imported {
        Imported {
            progress: self.progress(),
            is_complete,
            rows_before: self.rows_before,
            reasons: self.reasons,
            rejects,
        }
    }
}
