//! Erasing a person: all that is stored of them goes, but a digest of their number, by which they are never called again.
//!
//! ```text
//!   bar_for_good ──> the evidence of drops_to goes ──> erase ──> evidence that has come meanwhile goes ──> nothing is left
//! ```
//!
//! Each step may be done again: whoever was stopped in between begins anew. What is counted stays: a contact and its
//! drops keep their rows, without anything of the person.

use jiff::Timestamp;

use super::{
    OWN_LIST, Store, StoreError, codec,
    do_not_call::{HOLD_INTENTS, MAKE_LIST},
    ordered::forget_answers,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::{id::DropId, phone::PhoneNumber};

/// What erasing a person has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasedPerson {
    /// A controller has a contact of theirs, or a call of theirs is in flight: nothing was done.
    Busy,
    /// Nothing is left.
    Done {
        /// Contacts without anything of the person now.
        contacts: u64,
        /// Drops, likewise.
        drops: u64,
        /// Decisions of the gate that are gone.
        decisions: u64,
        /// Entries of do-not-call lists that are gone; the digest has taken their place.
        entries: u64,
        /// Prompts of the book that only this person's number has played.
        prompts: u64,
        /// The calls, as they were: evidence of one that has ended since [`Store::drops_to`] is to go, and nothing names it any
        /// more.
        calls: Vec<PersonDrop>,
    },
}

/// A drop to a person, and where its evidence is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonDrop {
    /// The drop.
    pub drop: DropId,
    /// The folder of its evidence, on the machine of its controller.
    pub evidence: Option<String>,
}

impl Store {
    /// Puts digests of these numbers, all of one person, on the do-not-call list for good. From its return on no intent for
    /// them is written, and no import takes them in. Returns whether any is new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bar_for_good(
        &self,
        numbers: &[PhoneNumber],
        because: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(ERASING).await?;
        tx.all::<(i64,)>(HOLD_ERASURES, &[]).await?;
        let now = codec::micros(now);
        tx.execute(MAKE_LIST, args![OWN_LIST, now]).await?;
        let numbers = numbers.iter().map(codec::number);
        let given = tx.rows_with_digests(numbers).await?;
        let new = tx.execute(BAR, args![&given, now, because]).await?;
        // Waits for intents that are being written; the next one sees the digests.
        tx.execute(HOLD_INTENTS, &[]).await?;
        tx.commit().await?;
        Ok(new > 0)
    }

    /// All drops to these numbers, of campaigns and single ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drops_to(&self, numbers: &[PhoneNumber]) -> Result<Vec<PersonDrop>, StoreError> {
        let mut tx = self.read("read the drops to a person").await?;
        tx.drops_to(&given(numbers)).await
    }

    /// Whether a person was barred for good by this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_barred_for_good(&self, number: &PhoneNumber) -> Result<bool, StoreError> {
        let mut tx = self.read("read whether a person is erased").await?;
        tx.is_erased(codec::number(number)).await
    }

    /// The lists that campaigns were imported from, of which rows were left out: such rows are in files beside them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lists_with_rejects(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut tx = self.read("read which lists have rejects").await?;
        tx.all(REJECTS, &[]).await
    }

    /// Erases all that is stored of these numbers, all of one person, who were barred for good before.
    ///
    /// # Errors
    /// [`StoreError`], refused if they were not barred.
    pub async fn erase(
        &self,
        numbers: &[PhoneNumber],
        now: Timestamp,
    ) -> Result<ErasedPerson, StoreError> {
        // What is deleted is overwritten at once, so that nothing is left of it even if the sweep is not reached.
        self.pragma(ERASING, "PRAGMA secure_delete = ON").await?;
        let erased = self.erase_rows(numbers, now).await;
        self.pragma(ERASING, "PRAGMA secure_delete = OFF").await?;
        let erased = erased?;
        if erased != ErasedPerson::Busy {
            // Rows that were changed or moved before have left traces in what is free.
            self.sweep(ERASING).await?;
        }
        Ok(erased)
    }

    async fn erase_rows(
        &self,
        numbers: &[PhoneNumber],
        now: Timestamp,
    ) -> Result<ErasedPerson, StoreError> {
        let mut tx = self.write(ERASING).await?;
        let digits = numbers.iter().map(codec::number);
        if tx.erasure(digits).await?.is_none() {
            return Err(tx.refuse("the number is not barred for good yet"));
        }
        let given = given(numbers);
        // In the order in which a commit takes them.
        tx.execute(FORGET_NUMBERS, args![&given]).await?;
        let busy: Vec<(i64, i64)> = tx.all(CONTACTS, args![&given, codec::micros(now)]).await?;
        let in_flight: Option<(String,)> = tx.one(IN_FLIGHT, args![&given]).await?;
        if in_flight.is_some() || busy.iter().any(|(_, is_busy)| *is_busy == 1) {
            return Ok(ErasedPerson::Busy);
        }
        let ids = rows(busy.iter().map(|(id, _)| row! { id: id }));
        let mut decisions = tx.execute(FORGET_DECISIONS, args![&ids]).await?;
        if tx.has_table("last_decisions").await? {
            decisions += tx.execute(FORGET_LAST_DECISIONS, args![&ids]).await?;
        }
        // By the numbers of contacts and drops, which are still there.
        tx.forget_deliveries(&given).await?;
        let contacts = tx.execute(FORGET_CONTACTS, args![&ids]).await?;
        if tx.has_table("ordered_drops").await? {
            // By the drops' numbers, which are still there.
            tx.forget_answers(FORGET_ANSWERS, &given).await?;
            tx.execute(FORGET_ORDERS, args![&given]).await?;
        }
        tx.forget_events(&given).await?;
        tx.forget_callbacks(&given).await?;
        // Behind it: what it tells holds nothing of the person.
        tx.forget_held(&given, now).await?;
        let calls = tx.drops_to(&given).await?;
        let drops = tx.execute(FORGET_DROPS, args![&given]).await?;
        let entries = tx.execute(FORGET_ENTRIES, args![&given]).await?;
        if tx.has_table("removals").await? {
            tx.execute(FORGET_REMOVALS, args![&given]).await?;
        }
        let prompts = tx.forget_prompts_of(numbers).await?;
        tx.commit().await?;
        Ok(ErasedPerson::Done {
            contacts,
            drops,
            decisions,
            entries,
            prompts,
            calls,
        })
    }
}

impl Tx {
    async fn drops_to(&mut self, given: &str) -> Result<Vec<PersonDrop>, StoreError> {
        let stored: Vec<(String, Option<String>)> = self.all(DROPS, args![given]).await?;
        let read = |(id, evidence): (String, _)| {
            let drop = id.parse();
            let drop =
                drop.map_err(|_| self.broken(format!("the row of drop {id} cannot be read")))?;
            Ok(PersonDrop { drop, evidence })
        };
        stored.into_iter().map(read).collect()
    }

    /// Whether there is a table that only some versions of the schema have.
    pub(super) async fn has_table(&mut self, name: &str) -> Result<bool, StoreError> {
        let found: Option<(i64,)> = self.one(HAS_TABLE, args![name]).await?;
        Ok(found == Some((1,)))
    }
}

pub(super) fn given(numbers: &[PhoneNumber]) -> String {
    rows(
        numbers
            .iter()
            .map(|number| row! { number: codec::number(number) }),
    )
}

const ERASING: &str = "erase a person";

const HAS_TABLE: Sql = sql!([
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
    "SELECT CAST(CASE WHEN to_regclass($1) IS NULL THEN 0 ELSE 1 END AS BIGINT)"
]);

/// Waits for imports that are coming in; those that begin later see the digests.
const HOLD_ERASURES: Sql = sql!([
    "SELECT 1",
    "SELECT CAST(1 AS BIGINT) FROM (SELECT pg_advisory_xact_lock(7017226174862321006)) AS held"
]);

const BAR: Sql = sql!(
    "INSERT INTO erased_numbers (digest, at, because) SELECT given.digest, $2, $3 FROM ",
    { number BIGINT, digest TEXT },
    " WHERE given.number > 0 ON CONFLICT (digest) DO NOTHING"
);

const DROPS: Sql = sql!(
    "SELECT drops.id, drops.evidence FROM ",
    { number BIGINT },
    " CROSS JOIN drops WHERE drops.number = given.number ORDER BY drops.started_at, drops.id"
);

const REJECTS: Sql = sql!(
    "SELECT campaigns.name, imports.name FROM imports JOIN campaigns ON campaigns.id = imports.campaign \
     WHERE imports.rejected > 0 ORDER BY imports.id"
);

const CONTACTS: Sql = sql!(
    "SELECT contacts.id, CAST(CASE WHEN contacts.stage = 'dialling' \
     OR (contacts.stage = 'leased' AND contacts.due_at > $2) THEN 1 ELSE 0 END AS BIGINT) FROM ",
    { number BIGINT },
    " CROSS JOIN contacts WHERE contacts.number = given.number ORDER BY contacts.id",
    ["", " FOR UPDATE OF contacts"]
);

const IN_FLIGHT: Sql = sql!(
    "SELECT drops.id FROM ",
    { number BIGINT },
    " CROSS JOIN drops WHERE drops.number = given.number AND drops.outcome IS NULL LIMIT 1"
);

const FORGET_NUMBERS: Sql = sql!(
    "DELETE FROM numbers WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);

const FORGET_DECISIONS: Sql = sql!(
    "DELETE FROM decisions WHERE contact IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const FORGET_LAST_DECISIONS: Sql = sql!(
    "DELETE FROM last_decisions WHERE contact IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const FORGET_CONTACTS: Sql = sql!(
    "UPDATE contacts SET number = -id, line = NULL, name = NULL, zone = NULL, state = NULL, consent = NULL, \
     consent_at = NULL, consent_source = NULL, message = NULL, foreign_id = NULL, others = NULL, \
     refused = CASE WHEN stage IN ('due', 'leased') THEN 'do_not_call' ELSE refused END, \
     stage = CASE WHEN stage IN ('due', 'leased') THEN 'refused' ELSE stage END, \
     due_at = NULL, was_due = NULL, holder = NULL, held = NULL, held_zone = NULL, ended_at = NULL \
     WHERE id IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const FORGET_ANSWERS: [Sql; 2] =
    forget_answers!("(SELECT drops.id AS drop_id, drops.number FROM drops)");

const FORGET_ORDERS: Sql = sql!(
    "DELETE FROM ordered_drops WHERE drop_id IN (SELECT drops.id FROM ",
    { number BIGINT },
    " CROSS JOIN drops WHERE drops.number = given.number)"
);

const FORGET_DROPS: Sql = sql!(
    "UPDATE drops SET number = CASE WHEN contact IS NULL THEN 0 ELSE -contact END, ruling = '{}', report = NULL, \
     evidence = NULL WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);

const FORGET_ENTRIES: Sql = sql!(
    "DELETE FROM do_not_call WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);

/// That something was removed, when and by whom, stays.
const FORGET_REMOVALS: Sql = sql!(
    "UPDATE removals SET number = 0, because = NULL WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);
