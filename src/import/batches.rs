//! Batches of a list, read by several threads at once, and given out in their order.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    sync::Arc,
};

use tokio::sync::mpsc;

use super::progress::UnknownZones;
use crate::{
    campaign::policy::CallingPlace,
    list::{Batch, Columns, ContactRules, List, ListError, NewRow, Reason},
    store::{NewContact, PackedContacts},
};

/// What the rows of a batch are.
#[derive(Default)]
pub(super) struct ReadRows {
    pub(super) contacts: PackedContacts,
    /// Each with its place in the batch.
    pub(super) rejects: Vec<(usize, Reason)>,
    /// Time zones that are not known, and how many rows have each.
    pub(super) unknown_zones: UnknownZones,
}

/// A batch that was read.
pub(super) struct Taken {
    pub(super) batch: Batch,
    pub(super) found: ReadRows,
}

/// A batch that was read, and is not to be taken in.
pub(super) struct CheckedBatch {
    pub(super) batch: Batch,
    /// Each with its place in the batch.
    pub(super) contacts: Vec<(usize, NewRow)>,
    /// Each with its place in the batch.
    pub(super) rejects: Vec<(usize, Reason)>,
    pub(super) unknown_zones: UnknownZones,
}

impl CheckedBatch {
    /// The next of a list, of so many rows at most; `None` at its end. It blocks.
    pub(super) fn next(
        list: &mut List<File>,
        rules: &ContactRules,
        rows: usize,
    ) -> Result<Option<Self>, ListError> {
        let Some(batch) = list.batch(rows)? else {
            return Ok(None);
        };
        let mut unknown_zones = UnknownZones::default();
        let (mut contacts, mut rejects) = (Vec::new(), Vec::new());
        for (at, row) in batch.rows().enumerate() {
            match list.columns().contact(row, rules) {
                Ok(row) => {
                    if let Some(zone) = row.zone.as_deref().filter(|_| row.unknown_zone) {
                        unknown_zones.count(zone, 1);
                    }
                    contacts.push((at, row));
                }
                Err(reject) => rejects.push((at, reject.reason)),
            }
        }
        Ok(Some(Self {
            batch,
            contacts,
            rejects,
            unknown_zones,
        }))
    }
}

/// Reads batches, some at once, and gives them out in their order.
pub(super) struct Batches {
    from: VecDeque<mpsc::Receiver<Result<Taken, ListError>>>,
}

impl Batches {
    /// Begins to read, so many rows a batch.
    pub(super) fn begin(
        mut list: List<File>,
        columns: &Arc<Columns>,
        rules: ContactRules,
        rows: usize,
    ) -> Self {
        let mut to = Vec::new();
        let mut from = VecDeque::new();
        for _ in 0..workers() {
            let (give, work) = mpsc::channel(1);
            let (done, read) = mpsc::channel(1);
            let columns = Arc::clone(columns);
            tokio::task::spawn_blocking(move || work_through(work, &done, &columns, &rules));
            to.push(give);
            from.push_back(read);
        }
        tokio::task::spawn_blocking(move || {
            for worker in to.iter().cycle() {
                let batch = list.batch(rows).transpose();
                let Some(batch) = batch else { return };
                let is_last = batch.is_err();
                if worker.blocking_send(batch).is_err() || is_last {
                    return;
                }
            }
        });
        Self { from }
    }

    /// The next, or why there is none; `None` at the end of the list.
    pub(super) async fn next(&mut self) -> Option<Result<Taken, ListError>> {
        let read = self.from.front_mut()?.recv().await;
        self.from.rotate_left(1);
        read
    }
}

/// Reads the rows of batches until there are no more, or the reader is gone.
fn work_through(
    mut work: mpsc::Receiver<Result<Batch, ListError>>,
    done: &mpsc::Sender<Result<Taken, ListError>>,
    columns: &Columns,
    rules: &ContactRules,
) {
    let mut places = FoundPlaces::default();
    while let Some(batch) = work.blocking_recv() {
        let read = batch.map(|batch| {
            let mut found = ReadRows::default();
            for (at, row) in batch.rows().enumerate() {
                match columns.contact(row, rules) {
                    Ok(row) => {
                        if let Some(zone) = row.zone.as_deref().filter(|_| row.unknown_zone) {
                            found.unknown_zones.count(zone, 1);
                        }
                        found.contacts.push(&contact(row, &mut places));
                    }
                    Err(reject) => found.rejects.push((at, reject.reason)),
                }
            }
            Taken { batch, found }
        });
        if done.blocking_send(read).is_err() {
            return;
        }
    }
}

fn contact(row: NewRow, places: &mut FoundPlaces) -> NewContact {
    NewContact {
        place: places.of(&row),
        line: row.line,
        number: row.number,
        name: row.name,
        zone: row.zone,
        state: row.state,
        consent: row.consent,
        message: row.message,
        foreign_id: row.foreign_id,
        others: row.others,
    }
}

/// Places that were found: many rows have the same one.
#[derive(Default)]
struct FoundPlaces {
    /// By what they follow from: the number's first digits, zone and state, a line each.
    found: BTreeMap<String, Option<Arc<CallingPlace>>>,
    /// Where such a key is put together.
    key: String,
}

impl FoundPlaces {
    fn of(&mut self, row: &NewRow) -> Option<Arc<CallingPlace>> {
        let (zone, state) = (row.zone.as_deref(), row.state.as_deref());
        self.key.clear();
        for part in [Some(row.number.place_digits()), zone, state] {
            self.key.push_str(part.unwrap_or_default());
            self.key.push('\n');
        }
        if let Some(place) = self.found.get(&self.key) {
            return place.clone();
        }
        let place = CallingPlace::of(&row.number, zone, state).map(Arc::new);
        if self.found.len() >= MOST_PLACES {
            self.found.clear();
        }
        self.found.insert(self.key.clone(), place.clone());
        place
    }
}

/// How many places are remembered: a column of states may hold anything.
const MOST_PLACES: usize = 10_000;

/// One a core, for numbers take most of the time; four are more than the store keeps up with.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(1, 4))
}
