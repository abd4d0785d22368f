//! A list that is read and not taken in: what would become of each of its rows.

use std::{collections::HashSet, fs::File};

use tokio_util::sync::CancellationToken;

use super::gate_check::GateCheck;
use crate::{
    clock,
    import::{
        Import, ImportError, Imported, NeededColumns, Progress, batches::CheckedBatch, blocking,
        is_message, progress::Count, rejects_file::RejectsFile,
    },
    list::{ContactRules, List, Reason},
    store::{Importing, Store},
};

/// An import of which nothing is written but its rejects.
pub(super) struct DryRun {
    pub(super) import: Import,
    /// What the gate would say to those that would be contacts.
    pub(super) gate: GateCheck,
    /// What the campaign's messages need of it.
    pub(super) needed: NeededColumns,
}

impl DryRun {
    /// Reads the list, and says what would become of its rows: those of contacts that the campaign has count as unchanged.
    ///
    /// # Errors
    /// [`ImportError`].
    pub(super) async fn run(
        &mut self,
        store: &Store,
        stop: &CancellationToken,
        mut tell: impl FnMut(&Progress),
    ) -> Result<Imported, ImportError> {
        let import = &self.import;
        let (opened, fingerprint) = import.fingerprint().await?;
        let rules = ContactRules {
            phone: import.rules,
            dates: import.dates,
            message: is_message,
        };
        let mut rejects = RejectsFile::new(&import.rejects, &opened.list);
        let none = Importing {
            id: 0,
            campaign: import.campaign,
            bytes: 0,
            rows: 0,
            lines: 0,
            last_bytes: 0,
            last_lines: 0,
            updated: 0,
            unchanged: 0,
            rejected: 0,
            is_complete: false,
            has_known: false,
        };
        let mut count = Count::new(none, &fingerprint);
        count.began = clock::now();
        tell(&count.progress());
        // Of a million numbers some tens of megabytes.
        let mut seen: HashSet<u64> = HashSet::new();
        let mut list: List<File> = opened.list;
        loop {
            if stop.is_cancelled() {
                return Ok(count.imported(false, rejects.path()));
            }
            let reading = blocking(move || {
                let checked = CheckedBatch::next(&mut list, &rules, BATCH)?;
                Ok((list, checked))
            });
            let (back, checked) = reading.await.map_err(|error| import.list_error(error))?;
            list = back;
            let Some(CheckedBatch {
                batch,
                contacts,
                rejects: mut left_out,
                unknown_zones,
            }) = checked
            else {
                break;
            };
            count.unknown_zones.add(&unknown_zones);
            let asked: Vec<_> = contacts.iter().map(|(_, row)| row.number.clone()).collect();
            let known = store
                .known(Some(import.campaign), import.across, &asked)
                .await?;
            let history = self.gate.history();
            let facts = store.facts_of(&asked, history, self.gate.at()).await?;
            for (_, row) in &contacts {
                self.needed.count(row);
            }
            for (((at, row), known), facts) in contacts.into_iter().zip(known).zip(facts) {
                let digits = row.number.digits().parse().unwrap_or(0);
                if !seen.insert(digits) {
                    left_out.push((at, Reason::Duplicate));
                } else if known {
                    self.gate.ask(&row, &facts);
                    count.importing.unchanged += 1;
                } else {
                    self.gate.ask(&row, &facts);
                    count.importing.rows += 1;
                }
            }
            count.importing.rejected += left_out.len() as u64;
            for (_, reason) in &left_out {
                *count.reasons.entry(reason.slug()).or_default() += 1;
            }
            count.importing.bytes = batch.after().bytes;
            rejects.hold(&batch, left_out)?;
            if rejects.is_full() {
                rejects.write()?;
            }
            tell(&count.progress());
        }
        rejects.write()?;
        let mut imported = count.imported(true, rejects.path());
        imported.notes.extend(self.needed.lines());
        if imported.progress.unchanged > 0 {
            imported.notes.push(format!(
                "{} rows have numbers that are known: contacts that were never called would be as this list says, all \
                 others would stay as they are",
                imported.progress.unchanged
            ));
        }
        Ok(imported)
    }
}

const BATCH: usize = 1_000;
