//! The log of events: what happened, in the order in which it can be seen.
//!
//! Triggers write the events of drops, contacts, campaigns, imports and controllers, so that those of earlier versions of the
//! program are told of, too; those of do-not-call lists are written here. On SQLite, where one writes at a time, an event has its
//! number with that. On PostgreSQL the order of writing is not that of commits: a reader that goes by numbers given at writing
//! misses what commits later with a lower one. There, whoever reads first gives numbers to what was committed since, one reader
//! behind the other. So no transaction that tells of something waits for another.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{
    Store, StoreError, codec,
    retry::Attempts,
    sql::{Sql, args, row, rows, sql},
    tally::{known, phone, time},
    transaction::{Pools, Tx},
};
use crate::{
    campaign::engine::{CampaignId, ContactId},
    events::{DropSnapshot, EventContact, EventDrop, EventFilter, EventKind, LoggedEvent},
};

/// What the log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventRange {
    /// The number of the oldest event that is kept; one more than `newest` if none is.
    pub oldest: u64,
    /// The number of the newest event, whether it is kept or not; 0: there never was one.
    pub newest: u64,
}

impl EventRange {
    /// Whether events behind this number are gone: who goes on from there has missed some.
    pub const fn is_past(&self, after: u64) -> bool {
        after.saturating_add(1) < self.oldest
    }

    /// How many events behind this number are gone. Whoever asks from 0 on asks for those that are kept, and misses none.
    pub const fn missed(&self, after: u64) -> u64 {
        if after > 0 && self.is_past(after) {
            self.oldest - after - 1
        } else {
            0
        }
    }
}

impl Store {
    /// Events behind a number, in their order, at most so many; and what the log holds. All that was committed when this is
    /// called is among them. If fewer come than were asked for, there were no more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events(
        &self,
        after: u64,
        filter: &EventFilter,
        at_most: usize,
    ) -> Result<(Vec<LoggedEvent>, EventRange), StoreError> {
        self.number_events().await?;
        let mut tx = self.read("read events").await?;
        if !tx.has_step(STEP) {
            return Ok((Vec::new(), EventRange::default()));
        }
        let kinds = filter.kinds.iter();
        let kinds = rows(kinds.map(|kind| row! { slug: kind.slug() }));
        let given = args![
            &kinds,
            i64::try_from(after).unwrap_or(i64::MAX),
            i64::from(filter.kinds.is_empty()),
            filter.campaign.map(|campaign| campaign.0),
            i64::try_from(at_most).unwrap_or(i64::MAX)
        ];
        let stored: Vec<StoredEvent> = tx.all(EVENTS, given).await?;
        let events = stored.into_iter().map(|event| event.read(&tx));
        let events = events.collect::<Result<_, _>>()?;
        Ok((events, tx.event_range().await?))
    }

    /// Events of a campaign itself, not of its drops and contacts, before a number, the latest first; at most so many. `None`: from
    /// the newest on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events_of_campaign(
        &self,
        campaign: CampaignId,
        before: Option<u64>,
        at_most: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        self.number_events().await?;
        let mut tx = self.read("read events of a campaign").await?;
        if !tx.has_step(STEP) {
            return Ok(Vec::new());
        }
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let given = args![
            campaign.0,
            before.map_or(i64::MAX, whole),
            i64::try_from(at_most).unwrap_or(i64::MAX)
        ];
        let stored: Vec<StoredEvent> = tx.all(EVENTS_OF_CAMPAIGN, given).await?;
        stored
            .into_iter()
            .rev()
            .map(|event| event.read(&tx))
            .collect()
    }

    /// What the log holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn event_range(&self) -> Result<EventRange, StoreError> {
        self.number_events().await?;
        let mut tx = self.read("read what the log of events holds").await?;
        if !tx.has_step(STEP) {
            return Ok(EventRange::default());
        }
        tx.event_range().await
    }

    /// Gives numbers to the events that were committed since. A server that may only be read gives none.
    async fn number_events(&self) -> Result<(), StoreError> {
        if self.is_to_read || !matches!(self.pools, Pools::Postgres { .. }) {
            return Ok(());
        }
        loop {
            let mut tx = self.read("look for events without a number").await?;
            let is_any: Option<(i64,)> = tx.one(IS_ANY_UNNUMBERED, &[]).await?;
            drop(tx);
            if is_any.is_none() {
                return Ok(());
            }
            let mut attempts = Attempts::default();
            let count = loop {
                match self.number_some().await {
                    Err(error) if attempts.again(&error).await => {}
                    done => break done?,
                }
            };
            if count < AT_A_TIME {
                return Ok(());
            }
        }
    }

    async fn number_some(&self) -> Result<i64, StoreError> {
        let mut tx = self.write("give numbers to events").await?;
        let last: Option<(i64,)> = tx.one(LAST_NUMBER, &[]).await?;
        let Some((last,)) = last else {
            return Err(tx.broken("the count of events is missing"));
        };
        // A statement of its own: it sees what was committed while this one waited for its turn.
        let count = tx.execute(NUMBER, args![last, AT_A_TIME]).await?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if count > 0 {
            tx.execute(KEEP_NUMBER, args![last.saturating_add(count)])
                .await?;
            tx.commit().await?;
        }
        Ok(count)
    }

    /// Deletes events up to [limits](Self::prune_limits); some in each transaction. Returns how many went. What has no number yet
    /// stays.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted before it stays deleted.
    pub(super) async fn prune_events(
        &self,
        (before, over): (i64, i64),
        mut pruned: impl FnMut(u64) -> bool,
    ) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let mut attempts = Attempts::default();
            let some = loop {
                let mut tx = self.write("prune events").await?;
                let done = match tx.execute(DELETE, args![before, over]).await {
                    Ok(some) => tx.commit().await.map(|()| some),
                    Err(error) => Err(error),
                };
                match done {
                    Err(error) if attempts.again(&error).await => {}
                    done => break done?,
                }
            };
            gone += some;
            if some == 0 || !pruned(gone) {
                return Ok(gone);
            }
            self.give_way().await;
        }
    }

    /// How many events [`Self::prune_events`] would delete.
    pub(super) async fn prunable_events(
        &self,
        before: Option<Timestamp>,
        at_most: Option<u64>,
    ) -> Result<u64, StoreError> {
        let (before, over) = self.prune_limits(before, at_most).await?;
        let mut tx = self.read("count what can be pruned").await?;
        if !tx.has_step(STEP) {
            return Ok(0);
        }
        let count: Option<(i64,)> = tx.one(COUNT, args![before, over]).await?;
        Ok(count.map_or(0, |(count,)| count.unsigned_abs()))
    }

    /// Up to which moment and which number events go: those of before, and those beyond the newest `at_most`.
    pub(super) async fn prune_limits(
        &self,
        before: Option<Timestamp>,
        at_most: Option<u64>,
    ) -> Result<(i64, i64), StoreError> {
        let newest = self.event_range().await?.newest;
        let over = at_most.map_or(0, |at_most| newest.saturating_sub(at_most));
        let before = before.map_or(i64::MIN, codec::micros);
        Ok((before, i64::try_from(over).unwrap_or(i64::MAX)))
    }
}

impl Store {
    /// Tells of what is in no row of the database, such as the way to a PBX.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell(
        &self,
        kind: EventKind,
        detail: &Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(format!("tell of `{kind}`")).await?;
        let told = EventRow {
            kind,
            campaign: None,
            drop: None,
            number: None,
            detail,
        };
        tx.tell(&told, codec::micros(now)).await?;
        tx.commit().await
    }
}

/// An event that no trigger writes.
pub(super) struct EventRow<'a> {
    pub(super) kind: EventKind,
    pub(super) campaign: Option<i64>,
    pub(super) drop: Option<&'a str>,
    /// A phone number.
    pub(super) number: Option<i64>,
    pub(super) detail: &'a Value,
}

impl Tx {
    pub(super) async fn event_range(&mut self) -> Result<EventRange, StoreError> {
        let found: Option<(i64, i64)> = self.one(RANGE, &[]).await?;
        let (oldest, newest) = found.unwrap_or_default();
        let newest = newest.unsigned_abs();
        Ok(EventRange {
            oldest: match oldest {
                0 => newest.saturating_add(1),
                oldest => oldest.unsigned_abs(),
            },
            newest,
        })
    }

    /// Tells that numbers were put on a do-not-call list, or taken off; which one, if it is one.
    pub(super) async fn tell_of_list(
        &mut self,
        kind: EventKind,
        list: &str,
        (count, number): (u64, Option<i64>),
        now: i64,
    ) -> Result<(), StoreError> {
        if count == 0 {
            return Ok(());
        }
        let detail = serde_json::json!({ "list": list, "numbers": count });
        let told = EventRow {
            kind,
            campaign: None,
            drop: None,
            number,
            detail: &detail,
        };
        self.tell(&told, now).await
    }

    /// Tells of a webhook.
    pub(super) async fn tell_of_webhook(
        &mut self,
        kind: EventKind,
        detail: &Value,
        now: i64,
    ) -> Result<(), StoreError> {
        let told = EventRow {
            kind,
            campaign: None,
            drop: None,
            number: None,
            detail,
        };
        self.tell(&told, now).await
    }

    /// Writes an event that no trigger writes.
    pub(super) async fn tell(&mut self, told: &EventRow<'_>, now: i64) -> Result<(), StoreError> {
        let detail = told.detail.to_string();
        let given = args![
            now,
            told.kind.slug(),
            told.campaign,
            told.drop,
            told.number,
            detail.as_str()
        ];
        self.execute(TELL, given).await?;
        Ok(())
    }

    /// Takes a person's numbers out of the log.
    pub(super) async fn forget_events(&mut self, given: &str) -> Result<(), StoreError> {
        if self.has_step(STEP) {
            self.execute(FORGET, args![given]).await?;
        }
        Ok(())
    }
}

/// An event as it is stored, with the rows that it names.
struct StoredEvent {
    sequence: i64,
    at: i64,
    slug: String,
    campaign: Option<i64>,
    campaign_name: Option<String>,
    contact: Option<i64>,
    contact_number: Option<i64>,
    foreign_id: Option<String>,
    drop_id: Option<String>,
    drop_number: Option<i64>,
    drop_foreign_id: Option<String>,
    traceparent: Option<String>,
    attempt: Option<i64>,
    technique: Option<String>,
    message: Option<String>,
    variant: Option<String>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    outcome: Option<String>,
    proof: Option<String>,
    is_final: Option<i64>,
    has_evidence: Option<i64>,
    report: Option<String>,
    number: Option<i64>,
    detail: Option<String>,
}

impl<'r, R: Row> FromRow<'r, R> for StoredEvent
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            sequence: row.try_get("sequence")?,
            at: row.try_get("at")?,
            slug: row.try_get("slug")?,
            campaign: row.try_get("campaign")?,
            campaign_name: row.try_get("campaign_name")?,
            contact: row.try_get("contact")?,
            contact_number: row.try_get("contact_number")?,
            foreign_id: row.try_get("foreign_id")?,
            drop_id: row.try_get("drop_id")?,
            drop_number: row.try_get("drop_number")?,
            drop_foreign_id: row.try_get("drop_foreign_id")?,
            traceparent: row.try_get("traceparent")?,
            attempt: row.try_get("attempt")?,
            technique: row.try_get("technique")?,
            message: row.try_get("message")?,
            variant: row.try_get("variant")?,
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
            outcome: row.try_get("outcome")?,
            proof: row.try_get("proof")?,
            is_final: row.try_get("is_final")?,
            has_evidence: row.try_get("has_evidence")?,
            report: row.try_get("report")?,
            number: row.try_get("number")?,
            detail: row.try_get("detail")?,
        })
    }
}

impl StoredEvent {
    fn read(self, tx: &Tx) -> Result<LoggedEvent, StoreError> {
        let kind = EventKind::read(&self.slug);
        let drop = match &self.drop_id {
            Some(id) => Some(EventDrop {
                id: known(tx, id.parse().ok(), "drop's id")?,
                traceparent: self.traceparent.clone(),
                stored: self.read_drop(tx, kind)?,
            }),
            None => None,
        };
        let contact = match self.contact {
            Some(id) => Some(EventContact {
                id: ContactId(id),
                number: phone(tx, self.contact_number.unwrap_or(0))?,
                foreign_id: self.foreign_id,
            }),
            None => None,
        };
        let detail = self.detail.as_deref().map(serde_json::from_str);
        let detail = detail.transpose().ok();
        Ok(LoggedEvent {
            sequence: self.sequence.unsigned_abs(),
            at: time(tx, self.at)?,
            kind,
            slug: self.slug,
            campaign: self.campaign.map(|id| (CampaignId(id), self.campaign_name)),
            contact,
            drop,
            number: phone(tx, self.number.unwrap_or(0))?,
            detail: known(tx, detail, "detail of an event")?.unwrap_or(Value::Null),
        })
    }

    /// What is stored of the drop; of one that is told to have started, what was known then.
    fn read_drop(
        &self,
        tx: &Tx,
        kind: Option<EventKind>,
    ) -> Result<Option<DropSnapshot>, StoreError> {
        // It was not dialled by then.
        if matches!(kind, Some(EventKind::DropHeld | EventKind::DropRefused)) {
            return Ok(None);
        }
        let (Some(attempt), Some(technique), Some(started_at)) =
            (self.attempt, &self.technique, self.started_at)
        else {
            return Ok(None);
        };
        let mut drop = DropSnapshot {
            number: phone(tx, self.drop_number.unwrap_or(0))?,
            foreign_id: self.drop_foreign_id.clone(),
            attempt: u32::try_from(attempt).unwrap_or(0),
            technique: known(tx, codec::technique(technique), "technique")?,
            message: self.message.clone().unwrap_or_default(),
            variant: self.variant.clone(),
            started_at: time(tx, started_at)?,
            ended_at: None,
            outcome: None,
            proof: None,
            is_final: None,
            has_evidence: false,
            report: None,
        };
        if kind == Some(EventKind::DropStarted) {
            return Ok(Some(drop));
        }
        let outcome = self.outcome.as_deref();
        let outcome = outcome.map(|slug| known(tx, codec::outcome(slug), "outcome"));
        let proof = self.proof.as_deref();
        let proof = proof.map(|slug| known(tx, codec::proof(slug), "proof"));
        drop.ended_at = self.ended_at.map(|at| time(tx, at)).transpose()?;
        drop.outcome = outcome.transpose()?;
        drop.proof = proof.transpose()?;
        drop.is_final = self.is_final.map(|is_final| is_final == 1);
        drop.has_evidence = self.has_evidence == Some(1);
        // What tells of a call that came back tells little of the drop that it answers.
        drop.report = self
            .report
            .clone()
            .filter(|_| kind.is_none_or(EventKind::ends_drop));
        Ok(Some(drop))
    }
}

/// The step of the schema with the log.
const STEP: i64 = 14;

/// How many events have numbers given in one transaction.
const AT_A_TIME: i64 = 5_000;

const IS_ANY_UNNUMBERED: Sql = sql!([
    "SELECT 1 WHERE 1 = 0",
    "SELECT id FROM events WHERE sequence IS NULL ORDER BY id LIMIT 1"
]);

/// Whoever gives numbers holds this row.
const LAST_NUMBER: Sql = sql!(
    "SELECT value FROM counters WHERE name = 'events'",
    ["", " FOR UPDATE"]
);

const NUMBER: Sql = sql!([
    "SELECT $1, $2",
    "UPDATE events SET sequence = $1 + given.nth FROM \
     (SELECT id, row_number() OVER (ORDER BY id) AS nth FROM \
     (SELECT id FROM events WHERE sequence IS NULL ORDER BY id LIMIT $2) AS taken) AS given \
     WHERE events.id = given.id"
]);

const KEEP_NUMBER: Sql = sql!("UPDATE counters SET value = $1 WHERE name = 'events'");

const RANGE: Sql = sql!(
    "SELECT coalesce((SELECT min(sequence) FROM events), 0), coalesce(",
    [
        "(SELECT seq FROM sqlite_sequence WHERE name = 'events')",
        "(SELECT value FROM counters WHERE name = 'events')"
    ],
    ", 0)"
);

/// Events that a statement chooses, in their order, with what their rows name.
macro_rules! events {
    ($($chosen:tt),+) => {
        sql!(
            "SELECT events.sequence, events.at, events.type AS slug, events.campaign, campaigns.name AS campaign_name, \
             events.contact, contacts.number AS contact_number, contacts.foreign_id, events.drop_id, \
             drops.number AS drop_number, ordered_drops.foreign_id AS drop_foreign_id, ordered_drops.traceparent, drops.attempt, \
             CASE WHEN ordered_drops.channel IS NULL THEN drops.technique ELSE 'adopted' END AS technique, drops.message, drops.variant, drops.started_at, \
             drops.ended_at, drops.outcome, drops.proof, drops.is_final, \
             CAST(CASE WHEN drops.evidence IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_evidence, drops.report, \
             events.number, events.detail FROM (SELECT * FROM events ",
            $($chosen),+,
            ") AS events \
             LEFT JOIN campaigns ON campaigns.id = events.campaign LEFT JOIN contacts ON contacts.id = events.contact \
             LEFT JOIN drops ON drops.id = events.drop_id \
             LEFT JOIN ordered_drops ON ordered_drops.drop_id = events.drop_id ORDER BY events.sequence"
        )
    };
}

const EVENTS: Sql = events!(
    "WHERE sequence > $2 AND ($3 = 1 OR type IN (SELECT given.slug FROM ",
    { slug TEXT },
    ")) AND ($4 IS NULL OR campaign = $4) ORDER BY sequence LIMIT $5"
);

/// Those of a campaign itself, the latest: none of its drops and contacts.
const EVENTS_OF_CAMPAIGN: Sql = events!(
    "WHERE campaign = $1 AND drop_id IS NULL AND contact IS NULL AND sequence < $2 ORDER BY sequence DESC LIMIT $3"
);

const TELL: Sql = sql!(
    "INSERT INTO events (at, type, campaign, drop_id, number, detail) VALUES ($1, $2, $3, $4, $5, $6)"
);

const FORGET: Sql = sql!(
    "UPDATE events SET number = NULL, \
     detail = CASE WHEN type IN ('drop.refused', 'drop.held', 'drop.ended') THEN NULL ELSE detail END \
     WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);

const DELETE: Sql = sql!(
    "DELETE FROM events WHERE sequence IN (SELECT sequence FROM events WHERE sequence IS NOT NULL \
     AND (at < $1 OR sequence <= $2) ORDER BY sequence LIMIT 1000)"
);

const COUNT: Sql =
    sql!("SELECT count(*) FROM events WHERE sequence IS NOT NULL AND (at < $1 OR sequence <= $2)");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_counted() {
        let range = EventRange {
            oldest: 11,
            newest: 20,
        };
        let of = |after| range.missed(after);
        assert_eq!([of(0), of(10), of(20)], [0; 3]);
        assert_eq!([of(9), of(1)], [1, 9]);
    }
}
