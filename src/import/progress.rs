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
    /// Rows that changed contacts which were never called, of earlier runs included.
    pub updated: u64,
    /// Rows that say of such contacts what was known, of earlier runs included.
    pub unchanged: u64,
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
    /// Whether the whole list is in; otherwise it was stopped, and resumes when it is started again.
    pub is_complete: bool,
    /// How many rows were passed already when it began.
    pub rows_before: u64,
    /// The rejects of this run, by their slugs.
    pub reasons: BTreeMap<&'static str, u64>,
    /// What was understood otherwise than it is written, of this run, for people.
    pub notes: Vec<String>,
    /// The file of rejects, if there are any.
    pub rejects: Option<PathBuf>,
}

/// What was counted.
pub(super) struct Count {
    pub(super) importing: Importing,
    size: u64,
    rows_in_all: u64,
    rows_before: u64,
    pub(super) reasons: BTreeMap<&'static str, u64>,
    pub(super) unknown_zones: UnknownZones,
    title_rows: u64,
    pub(super) began: Instant,
}

impl Count {
    pub(super) fn new(importing: Importing, fingerprint: &Fingerprint) -> Self {
        Self {
            rows_before: passed(&importing),
            importing,
            size: fingerprint.size,
            rows_in_all: fingerprint.rows,
            reasons: BTreeMap::new(),
            unknown_zones: UnknownZones::default(),
            title_rows: fingerprint.title_rows,
            began: clock::now(),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let elapsed = clock::now().saturating_duration_since(self.began);
        let rows = passed(&self.importing);
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
            updated: self.importing.updated,
            unchanged: self.importing.unchanged,
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
            notes: self.notes(),
            reasons: self.reasons,
            rejects,
        }
    }

    fn notes(&self) -> Vec<String> {
        let titles = match self.title_rows {
            0 => None,
            1 => Some("1 row above the header was skipped".to_owned()),
            rows => Some(format!("{rows} rows above the header were skipped")),
        };
        titles
            .into_iter()
            .chain(self.unknown_zones.note())
            .collect()
    }
}

/// Rows that an import has passed.
const fn passed(importing: &Importing) -> u64 {
    importing.rows + importing.updated + importing.unchanged + importing.rejected
}

/// Time zones that are not known, a few of them by their names.
#[derive(Debug, Default)]
pub(super) struct UnknownZones {
    rows: u64,
    names: BTreeMap<String, u64>,
}

impl UnknownZones {
    pub(super) fn count(&mut self, name: &str, rows: u64) {
        self.rows += rows;
        if let Some(known) = self.names.get_mut(name) {
            *known += rows;
        } else if self.names.len() < MOST_NAMES {
            let name = name.chars().take(MOST_OF_A_NAME).collect();
            *self.names.entry(name).or_default() += rows;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        let named: u64 = other.names.values().sum();
        for (name, rows) in &other.names {
            self.count(name, *rows);
        }
        self.rows += other.rows - named.min(other.rows);
    }

    fn note(&self) -> Option<String> {
        let names: Vec<String> = self
            .names
            .iter()
            .map(|(name, rows)| format!("`{}` {rows}", name.escape_debug()))
            .collect();
        let rows = match self.rows {
            0 => return None,
            1 => "1 row has".to_owned(),
            rows => format!("{rows} rows have"),
        };
        Some(format!(
            "{rows} a time zone that is not known ({}); state and number decide",
            names.join(", ")
        ))
    }
}

/// Most names of time zones that a note has, and how much of each.
const MOST_NAMES: usize = 5;
const MOST_OF_A_NAME: usize = 40;
