//! One transaction of an import: as many batches of contacts as are given to it, and how far the import is behind them.
//!
//! Numbers come in no order, so that each row changes another page of the index on them, and each transaction writes every
//! page that it changed: the more rows it has, the fewer times each page is written.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashSet},
};

use jiff::Timestamp;

use super::{
    Across, Added, Importing, NewContact,
    contacts::{CONTACTS, PackedContacts, number_and_line, place},
    count,
    update::refresh,
};
use crate::store::{
    Store, StoreError,
    bulk::PackedRow,
    codec,
    retry::Attempts,
    sql::{Sql, args, sql},
    transaction::Tx,
    turnstile::Writer,
};

impl Store {
    /// Adds contacts in a transaction of their own, as [`Store::add_packed`] does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_contacts(
        &self,
        importing: &Importing,
        across: Across,
        contacts: &[NewContact],
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        let packed = [contacts.iter().collect::<PackedContacts>()];
        self.add_packed(importing, across, &packed, || {}, now)
            .await
    }

    /// Adds batches of contacts, due at once, in one transaction, with how far the import is.
    ///
    /// `importing` is as it is after them, but for what only this can count: its `rows` and `rejected` do not count yet what
    /// was added and what was left out here. Of several with one number the first is added. The same may be given again
    /// if the reply was lost: it changes nothing, and returns the same.
    ///
    /// `begun` is called when the transaction has begun: on SQLite no other process writes from then on until this returns.
    /// If another transaction got in its way it begins anew, a few times; and once on PostgreSQL if it took every number for
    /// new, as [`Importing::has_known`] lets it, and one was not.
    ///
    /// # Errors
    /// [`StoreError`], refused if the import was never begun; then none of it is written, or the reply was lost.
    pub async fn add_packed(
        &self,
        importing: &Importing,
        across: Across,
        batches: &[PackedContacts],
        mut begun: impl FnMut() + Send,
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        let mut attempts = Attempts::default();
        let mut looks_up = importing.has_known;
        loop {
            let added = self.try_add(importing, across, batches, looks_up, &mut begun, now);
            match added.await {
                // What was not looked for is there.
                Err(error) if !looks_up && error.is_there_already() => looks_up = true,
                Err(error) if attempts.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn try_add(
        &self,
        importing: &Importing,
        across: Across,
        batches: &[PackedContacts],
        looks_up: bool,
        begun: &mut (impl FnMut() + Send),
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        let campaign = importing.campaign;
        let mut tx = self
            .write_as(Writer::Many, format!("add contacts to campaign {campaign}"))
            .await?;
        begun();
        // Lists of one campaign that have the same numbers would wait for each other's rows, each for the other's.
        tx.take_turns(IMPORT_LOCK | campaign.0).await?;
        // Whoever erases a person waits for what comes in, and what comes in later sees that they were erased.
        tx.all::<(i64,)>(HOLD_ERASURES, &[]).await?;
        let given = args![importing.id, campaign.0];
        let known: Option<(i64, i64, i64)> = tx.one(HOW_FAR, given).await?;
        let Some((bytes, lines, is_complete)) = known else {
            return Err(tx.refuse("this import was never begun"));
        };
        let now = tx.past(now).await?;
        let mut rows: Vec<_> = batches.iter().flat_map(PackedContacts::rows).collect();
        let erased = leave_erased_out(&mut tx, &mut rows).await?;
        let is_there = match bytes.cmp(&count(importing.bytes)) {
            Ordering::Less => false,
            Ordering::Equal => is_complete == 1 || !importing.is_complete,
            Ordering::Greater => true,
        };
        if is_there {
            let added = added(&mut tx, importing, &rows).await?;
            return Ok(Added { erased, ..added });
        }
        let added = insert(&mut tx, importing, across, &rows, looks_up, now).await?;
        let added = Added { erased, ..added };
        let noted = args![
            importing.id,
            count(importing.bytes),
            count(importing.lines),
            bytes,
            lines,
            count(importing.rows + added.added),
            count(importing.updated + added.updated),
            count(importing.unchanged + added.unchanged),
            count(importing.rejected + added.left_out()),
            i64::from(importing.is_complete),
            codec::micros(now),
        ];
        tx.execute(NOTE, noted).await?;
        if added.added > 0 || added.updated > 0 {
            // The campaign's controller looks for what has changed.
            tx.touch(campaign, now).await?;
            let mut places = BTreeMap::new();
            for batch in batches {
                places.extend(batch.places().clone());
            }
            // Last: who adds the same places waits for this transaction to end.
            tx.add_places(campaign.0, &places).await?;
        }
        tx.commit().await?;
        Ok(added)
    }
}

/// Takes the rows out whose number was erased, and returns their lines.
async fn leave_erased_out(
    tx: &mut Tx,
    rows: &mut Vec<PackedRow<'_>>,
) -> Result<Vec<u64>, StoreError> {
    if !tx.has_erasures().await? {
        return Ok(Vec::new());
    }
    let numbers = rows.iter().map(|row| number_and_line(*row).0).collect();
    let erased = tx.erased_among(&numbers).await?;
    let mut lines = Vec::new();
    rows.retain(|row| {
        let (number, line) = number_and_line(*row);
        let is_erased = erased.contains(&number);
        if is_erased {
            lines.push(line);
        }
        !is_erased
    });
    Ok(lines)
}

async fn insert(
    tx: &mut Tx,
    importing: &Importing,
    across: Across,
    rows: &[PackedRow<'_>],
    looks_up: bool,
    now: Timestamp,
) -> Result<Added, StoreError> {
    if rows.is_empty() {
        return Ok(Added::default());
    }
    let campaign = importing.campaign.0;
    let same = args![campaign, importing.id, codec::micros(now)];
    let is_given_as_it_is = tx.leaves_out_known_rows() || (!looks_up && all_differ(rows));
    if across == Across::Allow && is_given_as_it_is {
        let is_all_counted = tx.is_all_counted().await?;
        let new = tx.insert_rows(&CONTACTS, same, rows).await?;
        if new < rows.len() as u64 {
            return with_known(tx, importing, rows, rows, now).await;
        }
        if is_all_counted {
            let mut by_place = BTreeMap::new();
            for row in rows {
                *by_place.entry(place(*row)).or_default() += 1;
            }
            tx.count_added(campaign, codec::micros(now), &by_place)
                .await?;
        }
        return Ok(Added {
            added: new,
            ..Added::default()
        });
    }

    let numbers = numbers(rows);
    let own = own(tx, campaign, &numbers, rows.len()).await?;
    let mut is_elsewhere = vec![false; rows.len()];
    if across != Across::Allow {
        let given = args![&numbers, campaign, across.stored()];
        let found: Vec<(i64,)> = tx.all(ELSEWHERE, given).await?;
        for (nth,) in found {
            mark(&mut is_elsewhere, nth, true);
        }
    }
    let mut seen = HashSet::with_capacity(rows.len());
    let (mut new, mut known) = (Vec::with_capacity(rows.len()), Vec::new());
    for ((row, own), is_elsewhere) in rows.iter().zip(own).zip(is_elsewhere) {
        let (number, _) = number_and_line(*row);
        if own.is_some() {
            known.push(*row);
        } else if !is_elsewhere && seen.insert(number) {
            new.push(*row);
        }
    }
    let added = tx.insert_rows(&CONTACTS, same, &new).await?;
    if added < rows.len() as u64 {
        return with_known(tx, importing, rows, &known, now).await;
    }
    Ok(Added {
        added,
        ..Added::default()
    })
}

/// Whether no two rows have one number.
fn all_differ(rows: &[PackedRow<'_>]) -> bool {
    let mut seen = HashSet::with_capacity(rows.len());
    rows.iter().all(|row| seen.insert(number_and_line(*row).0))
}

/// What became of rows of which some have numbers that were known: of those, contacts that were never called are updated.
async fn with_known(
    tx: &mut Tx,
    importing: &Importing,
    rows: &[PackedRow<'_>],
    known: &[PackedRow<'_>],
    now: Timestamp,
) -> Result<Added, StoreError> {
    let mut seen = HashSet::with_capacity(known.len());
    let firsts = known
        .iter()
        .filter(|row| seen.insert(number_and_line(**row).0));
    let firsts: Vec<_> = firsts.copied().collect();
    let refreshed = refresh(tx, importing, &firsts, codec::micros(now)).await?;
    let mut all = added(tx, importing, rows).await?;
    all.updated = refreshed.updated.len() as u64;
    all.unchanged = refreshed.unchanged.len() as u64;
    all.added = all.added.saturating_sub(all.updated + all.unchanged);
    Ok(all)
}

impl Added {
    /// How many rows were left out.
    pub fn left_out(&self) -> u64 {
        let left_out = [
            &self.called,
            &self.duplicates,
            &self.elsewhere,
            &self.erased,
        ];
        left_out.iter().map(|lines| lines.len() as u64).sum()
    }
}

/// What became of contacts that were given to an import, by what is stored: those that it changed count as added.
async fn added(
    tx: &mut Tx,
    importing: &Importing,
    rows: &[PackedRow<'_>],
) -> Result<Added, StoreError> {
    let numbers = numbers(rows);
    let own = own(tx, importing.campaign.0, &numbers, rows.len()).await?;
    let mut added = Added::default();
    let mut seen = BTreeSet::new();
    for (row, own) in rows.iter().zip(own) {
        let (_, line) = number_and_line(*row);
        match own {
            // A line is one contact, and a line that is given twice is no second one.
            Some(there) if there == (importing.id, count(line)) && seen.insert(line) => {
                added.added += 1;
            }
            Some((import, _)) if import == importing.id => added.duplicates.push(line),
            Some(_) => added.called.push(line),
            None => added.elsewhere.push(line),
        }
    }
    Ok(added)
}

/// For each number the import and the line by which the campaign has it, if it has.
async fn own(
    tx: &mut Tx,
    campaign: i64,
    numbers: &str,
    count: usize,
) -> Result<Vec<Option<(i64, i64)>>, StoreError> {
    let found: Vec<(i64, i64, i64)> = tx.all(OWN, args![numbers, campaign]).await?;
    let mut own = vec![None; count];
    for (nth, import, line) in found {
        mark(&mut own, nth, Some((import, line)));
    }
    Ok(own)
}

pub(super) fn mark<T>(all: &mut [T], nth: i64, with: T) {
    let nth = usize::try_from(nth).ok();
    if let Some(one) = nth.and_then(|nth| all.get_mut(nth)) {
        *one = with;
    }
}

/// The numbers of rows, as a JSON array.
pub(super) fn numbers(rows: &[PackedRow<'_>]) -> String {
    let numbers: Vec<_> = rows
        .iter()
        .map(|row| number_and_line(*row).0.to_string())
        .collect();
    format!("[{}]", numbers.join(","))
}

/// What the locks of imports begin with, in PostgreSQL's room of locks that programs share.
pub(super) const IMPORT_LOCK: i64 = 0x6166_7465_0000_0000;

/// Taken by whoever erases a person, and not shared: any number that stays the same does.
pub(super) const HOLD_ERASURES: Sql = sql!([
    "SELECT 1",
    "SELECT CAST(1 AS BIGINT) FROM (SELECT pg_advisory_xact_lock_shared(7017226174862321006)) AS held"
]);

// Two programs that import the same list at once take turns.
const HOW_FAR: Sql = sql!(
    "SELECT bytes, lines, is_complete FROM imports WHERE id = $1 AND campaign = $2",
    ["", " FOR UPDATE"]
);

// Both look up one number after the other, by the index on numbers: left alone, a planner reads the whole table, or all of
// a campaign that it has not heard of yet for each number.
const OWN: Sql = sql!([
    "SELECT given.key, coalesce(contacts.import, 0), coalesce(contacts.line, 0) FROM json_each($1) AS given \
     CROSS JOIN contacts ON contacts.number = given.value AND contacts.campaign + 0 = $2",
    "SELECT given.nth - 1, there.import, there.line \
     FROM unnest(CAST(translate($1, '[]', '{}') AS BIGINT[])) WITH ORDINALITY AS given (number, nth) \
     CROSS JOIN LATERAL (SELECT coalesce(import, 0) AS import, coalesce(line, 0) AS line FROM contacts \
     WHERE contacts.number = given.number AND contacts.campaign + 0 = $2 LIMIT 1) AS there",
]);

pub(super) const ELSEWHERE: Sql = sql!(
    [
        "SELECT given.key FROM json_each($1) AS given WHERE (SELECT 1 FROM contacts AS other \
         JOIN campaigns ON campaigns.id = other.campaign WHERE other.number = given.value",
        "SELECT given.nth - 1 \
         FROM unnest(CAST(translate($1, '[]', '{}') AS BIGINT[])) WITH ORDINALITY AS given (value, nth) \
         WHERE (SELECT 1 FROM contacts AS other \
         JOIN campaigns ON campaigns.id = other.campaign WHERE other.number = given.value",
    ],
    " AND other.campaign <> $2 AND ($3 = 2 OR campaigns.standing IN ('running', 'paused', 'cancelling')) LIMIT 1) \
     IS NOT NULL"
);

const NOTE: Sql = sql!(
    "UPDATE imports SET bytes = $2, lines = $3, last_bytes = $4, last_lines = $5, rows = $6, updated = $7, \
     unchanged = $8, rejected = $9, is_complete = $10, changed_at = $11 WHERE id = $1"
);
