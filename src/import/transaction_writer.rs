//! Batches into the store, several a transaction.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    ImportError, Progress, Steps,
    batches::{ReadRows, Taken},
    progress::Count,
    rejects_file::RejectsFile,
    wall,
};
use crate::{
    clock,
    list::Reason,
    metrics,
    store::{Across, PackedContacts, Store},
};

/// Writes transactions, and their rejects behind them.
pub(super) struct TransactionWriter<'a> {
    store: &'a Store,
    across: Across,
    steps: Steps,
    /// With what is written.
    count: Count,
    rejects_file: RejectsFile,
    /// How many rows the next transaction ought to have.
    rows: usize,
    /// Until when others come in.
    pause_until: Option<Instant>,
    /// Transactions that are in SQLite's log, and not in the database yet.
    in_log: u32,
}

impl<'a> TransactionWriter<'a> {
    pub(super) fn new(
        store: &'a Store,
        across: Across,
        steps: Steps,
        count: Count,
        rejects_file: RejectsFile,
    ) -> Self {
        Self {
            store,
            across,
            steps,
            count,
            rejects_file,
            rows: steps.rows.min(FIRST_ROWS),
            pause_until: None,
            in_log: 0,
        }
    }

    /// How many rows the next transaction ought to have.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// Writes a transaction of these batches, and its rejects, and returns how far the import is.
    pub(super) async fn write(&mut self, taken: Vec<Taken>) -> Result<Progress, ImportError> {
        let rows: usize = taken.iter().map(|taken| taken.batch.len()).sum();
        let mut importing = self.count.importing.clone();
        let (mut contacts, mut batches) = (Vec::<PackedContacts>::new(), Vec::new());
        for Taken { batch, found } in taken {
            let after = batch.after();
            (importing.bytes, importing.lines) = (after.bytes, after.lines);
            let ReadRows {
                contacts: packed,
                rejects,
                unknown_zones,
            } = found;
            importing.rejected += rejects.len() as u64;
            self.count.unknown_zones.add(&unknown_zones);
            contacts.push(packed);
            batches.push((batch, rejects));
        }

        if let Some(until) = self.pause_until {
            tokio::time::sleep_until(until.into()).await;
        }
        let (across, mut begun) = (self.across, None);
        let begin = || begun = Some(clock::now());
        let added = self
            .store
            .add_packed(&importing, across, &contacts, begin, wall());
        let added = added.await?;
        let ended = clock::now();
        let held = begun.map_or(Duration::ZERO, |begun| ended.duration_since(begun));
        self.pause_until = self
            .steps
            .pause
            .map(|(least, share)| ended + (held / share).max(least));
        self.rows = next_rows(rows, held, self.steps);

        importing.rows += added.added;
        importing.updated += added.updated;
        importing.unchanged += added.unchanged;
        importing.rejected += added.left_out();
        let rejected = importing.rejected - self.count.importing.rejected;
        for (result, rows) in [
            ("added", added.added),
            ("updated", added.updated),
            ("unchanged", added.unchanged),
            ("rejected", rejected),
        ] {
            metrics::import_rows(result, rows);
        }
        let has_left_out = added.left_out() > 0;
        importing.has_known = has_left_out || added.updated + added.unchanged > 0;
        let called: BTreeSet<u64> = added.called.into_iter().collect();
        self.count.importing = importing;
        let twice: BTreeSet<u64> = added.duplicates.into_iter().collect();
        let elsewhere: BTreeSet<u64> = added.elsewhere.into_iter().collect();
        let erased: BTreeSet<u64> = added.erased.into_iter().collect();
        for (batch, mut rejects) in batches {
            if has_left_out {
                for (at, row) in batch.rows().enumerate() {
                    if twice.contains(&row.line) {
                        rejects.push((at, Reason::Duplicate));
                    } else if called.contains(&row.line) {
                        rejects.push((at, Reason::AlreadyCalled));
                    } else if elsewhere.contains(&row.line) {
                        rejects.push((at, Reason::Elsewhere));
                    } else if erased.contains(&row.line) {
                        rejects.push((at, Reason::Erased));
                    }
                }
            }
            for (_, reason) in &rejects {
                *self.count.reasons.entry(reason.slug()).or_default() += 1;
            }
            self.rejects_file.hold(&batch, rejects)?;
        }
        self.rejects_file.write()?;
        self.in_log += 1;
        if self
            .steps
            .checkpoint
            .is_some_and(|most| self.in_log >= most)
        {
            self.store.checkpoint().await?;
            self.in_log = 0;
        }
        Ok(self.count.progress())
    }

    /// What was counted, and the rejects.
    pub(super) fn end(self) -> (Count, RejectsFile) {
        (self.count, self.rejects_file)
    }
}

/// How many rows the next transaction ought to have if one of so many rows was held for so long.
fn next_rows(rows: usize, held: Duration, steps: Steps) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "rows are far below 2^53"
    )]
    let fits = (rows as f64 * steps.time.as_secs_f64() / held.as_secs_f64().max(1e-6)) as usize;
    // The index grows, and a disk may be slow for a moment.
    fits.min(rows.saturating_mul(2))
        .clamp(steps.batch.min(steps.rows), steps.rows)
}

/// Rows of the first transaction: how long they take is not known.
const FIRST_ROWS: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_has_the_rows_that_take_as_long_as_it_may() {
        let steps = Steps {
            batch: 1_000,
            rows: 20_000,
            time: Duration::from_millis(100),
            checkpoint: None,
            pause: None,
        };
        for (rows, held, next) in [
            (10_000, 100, 10_000),
            (10_000, 80, 12_500),
            (10_000, 200, 5_000),
            // No more than twice as many at once.
            (4_000, 10, 8_000),
            (15_000, 10, 20_000),
            // A batch at least.
            (4_000, 9_000, 1_000),
            (4_000, 0, 8_000),
        ] {
            let held = Duration::from_millis(held);
            assert_eq!(next_rows(rows, held, steps), next, "{rows} in {held:?}");
        }
    }
}
