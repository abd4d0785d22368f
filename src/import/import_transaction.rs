//! Batches into the store, several a transaction.

use std::{collections::BTreeSet, time::Instant};

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
    store::{Across, Adding, Store},
};

/// Takes batches in.
pub(super) struct ImportTransaction<'a> {
    store: &'a Store,
    across: Across,
    steps: Steps,
    /// With what the open transaction has.
    count: Count,
    rejects_file: RejectsFile,
    open: Option<OpenTransaction>,
}

/// A transaction that is open.
struct OpenTransaction {
    adding: Adding,
    rows: usize,
    until: Instant,
}

impl<'a> ImportTransaction<'a> {
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
            open: None,
        }
    }

    /// When the open transaction has to end; `None` if none is open.
    pub(super) fn until(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.until)
    }

    /// Whether a transaction is open that has to end.
    pub(super) fn is_due(&self) -> bool {
        self.open.as_ref().is_some_and(|open| {
            open.rows >= self.steps.rows
                || self.rejects_file.is_full()
                || clock::now() >= open.until
        })
    }

    /// Takes a batch in, and keeps its rejects until it is committed.
    pub(super) async fn take(&mut self, read: Taken) -> Result<(), ImportError> {
        let Taken { batch, found } = read;
        let ReadRows {
            contacts,
            mut rejects,
            unknown_zones,
        } = found;
        self.count.unknown_zones.add(&unknown_zones);
        let after = batch.after();
        let importing = &mut self.count.importing;
        importing.bytes = after.bytes;
        importing.lines = after.lines;
        importing.rejected += rejects.len() as u64;
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let adding = self.store.adding(importing, self.across, wall()).await?;
                self.open.insert(OpenTransaction {
                    adding,
                    rows: 0,
                    until: clock::now() + self.steps.time,
                })
            }
        };
        let added = open.adding.add(importing, &contacts).await?;
        open.rows += batch.len();
        importing.rows += added.added;
        importing.updated += added.updated;
        importing.unchanged += added.unchanged;
        importing.rejected += added.left_out();

        let has_left_out = added.left_out() > 0;
        let twice: BTreeSet<u64> = added.duplicates.into_iter().collect();
        let called: BTreeSet<u64> = added.called.into_iter().collect();
        let elsewhere: BTreeSet<u64> = added.elsewhere.into_iter().collect();
        if has_left_out {
            for (at, row) in batch.rows().enumerate() {
                if twice.contains(&row.line) {
                    rejects.push((at, Reason::Duplicate));
                } else if called.contains(&row.line) {
                    rejects.push((at, Reason::AlreadyCalled));
                } else if elsewhere.contains(&row.line) {
                    rejects.push((at, Reason::Elsewhere));
                }
            }
        }
        for (_, reason) in &rejects {
            *self.count.reasons.entry(reason.slug()).or_default() += 1;
        }
        self.rejects_file.hold(&batch, rejects)
    }

    /// Commits what was taken in, writes its rejects behind it, and returns how far the import is.
    pub(super) async fn commit(&mut self) -> Result<Progress, ImportError> {
        if let Some(open) = self.open.take() {
            open.adding.commit().await?;
            self.rejects_file.write()?;
        }
        Ok(self.count.progress())
    }

    /// What was counted, and the rejects, once nothing is open.
    pub(super) fn end(self) -> (Count, RejectsFile) {
        (self.count, self.rejects_file)
    }
}
