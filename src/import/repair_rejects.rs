//! Going on behind the last transaction, whose rejects may not have been written.

use std::{collections::BTreeSet, fs::File};

use super::{Import, ImportError, Steps, batches::ReadRows, blocking, rejects_file::RejectsFile};
use crate::{
    list::{Batch, ContactRules, List, ListPosition, Reason},
    store::{Importing, InCampaign, Store},
};

impl Import {
    /// Mends the end of the rejects, and goes to where an earlier run stopped.
    pub(super) async fn repair_rejects(
        &self,
        steps: Steps,
        store: &Store,
        mut list: List<File>,
        importing: &Importing,
        rules: &ContactRules,
        rejects_file: &mut RejectsFile,
    ) -> Result<List<File>, ImportError> {
        if importing.bytes == 0 {
            return Ok(list);
        }
        let from = ListPosition {
            bytes: importing.last_bytes,
            lines: importing.last_lines,
        };
        let to = ListPosition {
            bytes: importing.bytes,
            lines: importing.lines,
        };
        if from.bytes > 0 {
            list = self.at(list, from).await?;
        }
        rejects_file.go_on(from.lines + 1)?;
        loop {
            let (back, batch) = blocking(move || {
                let batch = list.batch(steps.batch)?;
                Ok((list, batch))
            })
            .await
            .map_err(|error| self.list_error(error))?;
            list = back;
            let Some(batch) = batch else { break };
            let found = self.find(store, &list, &batch, importing, rules).await?;
            rejects_file.hold(&batch, found)?;
            if rejects_file.is_full() {
                rejects_file.write()?;
            }
            if batch.after().bytes >= to.bytes {
                break;
            }
        }
        rejects_file.write()?;
        self.at(list, to).await
    }

    /// The rejects of a batch, as far as it is in.
    async fn find(
        &self,
        store: &Store,
        list: &List<File>,
        batch: &Batch,
        importing: &Importing,
        rules: &ContactRules,
    ) -> Result<Vec<(usize, Reason)>, ImportError> {
        let mut found = ReadRows::default();
        let rows: Vec<_> = batch.rows().enumerate().collect();
        let (Some((_, first)), Some((_, last))) = (rows.first(), rows.last()) else {
            return Ok(found.rejects);
        };
        let there = store.lines_in(importing, first.line..=last.line).await?;
        let there: BTreeSet<u64> = there.into_iter().collect();
        // The last row of a list may have no end of line behind it.
        let is_whole = batch.after().bytes <= importing.bytes;
        let mut left_out = Vec::new();
        for (at, row) in rows {
            if !is_whole && row.line > importing.lines {
                break;
            }
            match list.columns().contact(row, rules) {
                Err(reject) => found.rejects.push((at, reject.reason)),
                Ok(contact) if !there.contains(&row.line) => left_out.push((at, contact.number)),
                Ok(_) => {}
            }
        }
        let numbers: Vec<_> = left_out.iter().map(|(_, number)| number.clone()).collect();
        let known = store.in_campaign(importing, &numbers).await?;
        for ((at, _), known) in left_out.into_iter().zip(known) {
            let reason = match known {
                InCampaign::No => Reason::Elsewhere,
                InCampaign::ByThisList => Reason::Duplicate,
                InCampaign::Called => Reason::AlreadyCalled,
                // It became a contact, which another list has changed since.
                InCampaign::NotCalled => continue,
            };
            found.rejects.push((at, reason));
        }
        Ok(found.rejects)
    }

    async fn at(
        &self,
        mut list: List<File>,
        mark: ListPosition,
    ) -> Result<List<File>, ImportError> {
        blocking(move || {
            list.go_to(mark)?;
            Ok(list)
        })
        .await
        .map_err(|error| self.list_error(error))
    }
}
