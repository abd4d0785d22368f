//! How many contacts and drops there are of each kind, without looking at each.
//!
//! The database keeps the counts itself: triggers count whatever a statement writes in the transaction that writes it, be it
//! of this version, of an earlier one that runs beside it, or a person's. `counted` is what is read; it is exact in every
//! snapshot.
//!
//! - On PostgreSQL a statement adds what it has changed to `count_changes`, as one row for each kind, and every two seconds
//!   a transaction that comes by adds them up into `counts`. None waits for another.
//! - On SQLite, with its one writer, rows that change are counted one by one. Contacts that come in are not: `counted` reads
//!   those behind `counts_state.counted_to` one by one, and each transaction of an import moves it on, as does each controller
//!   that begins. An import knows what it has added, and adds that up itself where all before it is counted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::{held, micros},
    sql::{Sql, args, row, rows, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::campaign::{HeldReason, engine::CampaignId};

/// Contacts of a campaign that are due, now or later, and not leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DueCount {
    /// Why they are held, if they are.
    pub(super) reason: Option<HeldReason>,
    /// Where they are; 0 if that is not known.
    pub(super) place: i64,
    /// The zone whose hours hold them.
    pub(super) zone: Option<String>,
    /// When they are due, rounded up to the minute; `None`: they are.
    pub(super) until: Option<Timestamp>,
    /// How many they are.
    pub(super) contacts: u64,
}

impl Store {
    /// How many contacts of campaigns that are not over each reason holds at this moment, to the minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_contacts(
        &self,
        now: Timestamp,
    ) -> Result<BTreeMap<HeldReason, u64>, StoreError> {
        let mut tx = self.read("count contacts that are held").await?;
        let stored: Vec<(String, i64)> = tx.all(HELD, args![micros(now)]).await?;
        let mut counts = BTreeMap::new();
        for (slug, contacts) in stored {
            let reason = known(&tx, held(&slug), "reason")?;
            counts.insert(reason, contacts.unsigned_abs());
        }
        Ok(counts)
    }

    /// Counts every contact and every drop anew, and returns how many counts were wrong. That there was one means that
    /// somebody has switched triggers off. Nothing else is written meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recount(&self) -> Result<u64, StoreError> {
        let mut tx = self.write("count all contacts and drops anew").await?;
        tx.execute(ALONE, &[]).await?;
        let wrong: Option<(i64,)> = tx.one(WRONG, &[]).await?;
        let wrong = wrong.map_or(0, |(wrong,)| wrong.unsigned_abs());
        if wrong > 0 {
            for sql in [FORGET_CHANGES, FORGET, FILL, FILLED] {
                tx.execute(sql, &[]).await?;
            }
        }
        tx.commit().await?;
        Ok(wrong)
    }
}

impl Tx {
    /// Contacts of a campaign that are due, now or later, and not leased. It knows minutes only; of the minute that runs it
    /// looks at each contact, unless so many are to come in it that those before them do not matter.
    pub(super) async fn due_counts(
        &mut self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<Vec<DueCount>, StoreError> {
        let now = micros(now);
        let minute = (now + MINUTE - 1).div_euclid(MINUTE) * MINUTE;
        let stored: Vec<(i64, StoredReason, i64, String, i64)> =
            self.all(DUE, args![campaign.0]).await?;
        let is_running = |until: i64| until == minute && minute > now;
        let mut to_come = Vec::new();
        if stored.iter().any(|(until, ..)| is_running(*until)) {
            let args = args![campaign.0, now, minute, MOST_IN_MINUTE];
            to_come = self.all::<StoredToCome>(TO_COME, args).await?;
        }
        let come: i64 = to_come.iter().map(|(_, _, _, contacts)| contacts).sum();

        let mut counts = Vec::with_capacity(stored.len());
        for (until, reason, place, zone, contacts) in stored {
            let kind = |it: &&StoredToCome| (&it.0, it.1, &it.2) == (&reason, place, &zone);
            let later = if is_running(until) && come < MOST_IN_MINUTE {
                to_come.iter().find(kind).map_or(0, |it| it.3)
            } else if until > now {
                contacts
            } else {
                0
            };
            let held = match reason.as_str() {
                "" => None,
                slug => Some(known(self, held(slug), "reason")?),
            };
            let at = time(self, until)?;
            for (until, contacts) in [(Some(at), later), (None, contacts - later)] {
                if contacts > 0 {
                    counts.push(DueCount {
                        reason: held,
                        place,
                        zone: Some(zone.clone()).filter(|zone| !zone.is_empty()),
                        until,
                        contacts: contacts.unsigned_abs(),
                    });
                }
            }
        }
        Ok(counts)
    }
}

impl Tx {
    /// Whether every contact is in `counts`, so that whoever adds some may count them by [`Self::count_added`]. Never on
    /// PostgreSQL, where the triggers do.
    pub(super) async fn is_all_counted(&mut self) -> Result<bool, StoreError> {
        let counted: Option<(i64,)> = self.one(ALL_COUNTED, &[]).await?;
        Ok(counted == Some((1,)))
    }

    /// Counts contacts of a campaign that this transaction has added since [`Self::is_all_counted`] said so, all of which are due
    /// at `due_at`: how many there are in each place.
    pub(super) async fn count_added(
        &mut self,
        campaign: i64,
        due_at: i64,
        by_place: &BTreeMap<i64, u64>,
    ) -> Result<(), StoreError> {
        let given = by_place.iter();
        let given = rows(given.map(|(place, count)| row! { place: place, count: count }));
        self.execute(COUNT_ADDED, args![&given, campaign, due_at])
            .await?;
        self.execute(FILLED, &[]).await.map(drop)
    }
}

/// The reason of a count, or an empty text.
type StoredReason = String;

/// The columns of [`TO_COME`].
type StoredToCome = (StoredReason, i64, String, i64);

/// A minute, in microseconds.
const MINUTE: i64 = 60_000_000;

/// How many contacts of the minute that runs are looked at.
const MOST_IN_MINUTE: i64 = 10_000;

const DUE: Sql = sql!(
    "SELECT until, reason, place, zone, CAST(sum(count) AS BIGINT) FROM counted \
     WHERE campaign = $1 AND stage = 'due' GROUP BY until, reason, place, zone HAVING sum(count) <> 0"
);

/// Campaign by campaign, so that of its counts only those of what is held are read.
const HELD: Sql = sql!(
    "SELECT counted.reason, CAST(sum(counted.count) AS BIGINT) FROM campaigns CROSS JOIN counted \
     WHERE counted.campaign = campaigns.id AND counted.stage = 'due' AND counted.reason > '' AND counted.until > $1 \
     AND campaigns.standing NOT IN ('complete', 'cancelled', 'dates_over') \
     GROUP BY counted.reason HAVING sum(counted.count) <> 0"
);

/// Place by place, by the index that the queue has too. Which ones are left out beyond the limit does not matter.
const TO_COME: Sql = sql!(
    "WITH RECURSIVE found (place) AS ( \
     SELECT min(place) FROM contacts WHERE campaign = $1 AND due_at IS NOT NULL \
     UNION ALL SELECT (SELECT min(contacts.place) FROM contacts WHERE campaign = $1 AND due_at IS NOT NULL \
     AND contacts.place > found.place) FROM found WHERE found.place IS NOT NULL) \
     SELECT reason, place, zone, count(*) FROM (SELECT coalesce(it.held, '') AS reason, it.place, \
     coalesce(it.held_zone, '') AS zone FROM (SELECT place FROM found WHERE place IS NOT NULL) AS found CROSS JOIN ",
    [
        "contacts AS it INDEXED BY contacts_by_place WHERE it.campaign = $1 AND it.place = found.place \
         AND it.due_at > $2 AND it.due_at <= $3 AND it.stage = 'due'",
        "LATERAL (SELECT contacts.place, held, held_zone FROM contacts WHERE campaign = $1 \
         AND contacts.place = found.place AND due_at > $2 AND due_at <= $3 AND stage = 'due' \
         ORDER BY due_at LIMIT 10000) AS it"
    ],
    " LIMIT $4) AS soon GROUP BY reason, place, zone"
);

const ALL_COUNTED: Sql = sql!([
    "SELECT counted_to = coalesce((SELECT max(id) FROM contacts), 0) FROM counts_state",
    "SELECT CAST(0 AS BIGINT)"
]);

/// On SQLite only.
const COUNT_ADDED: Sql = sql!(
    "INSERT INTO counts (campaign, stage, reason, place, zone, until, count) \
     SELECT $2, 'due', '', given.place, '', ($3 + 59999999) / 60000000 * 60000000, given.count FROM ",
    { place BIGINT, count BIGINT },
    " WHERE true ON CONFLICT (campaign, stage, reason, place, zone, until) \
     DO UPDATE SET count = counts.count + excluded.count"
);

const ALONE: Sql = sql!([
    "SELECT 1",
    "LOCK TABLE drops, contacts IN SHARE ROW EXCLUSIVE MODE"
]);

const WRONG: Sql = sql!(
    "SELECT count(*) FROM (SELECT campaign FROM ( \
     SELECT campaign, stage, reason, place, zone, until, count FROM recounted \
     UNION ALL SELECT campaign, stage, reason, place, zone, until, -count FROM counted) AS compared \
     GROUP BY campaign, stage, reason, place, zone, until HAVING sum(count) <> 0) AS wrong"
);

const FORGET_CHANGES: Sql = sql!(["SELECT 1", "DELETE FROM count_changes"]);

const FORGET: Sql = sql!("DELETE FROM counts");

const FILL: Sql = sql!(
    "INSERT INTO counts (campaign, stage, reason, place, zone, until, count) \
     SELECT campaign, stage, reason, place, zone, until, count FROM recounted"
);

const FILLED: Sql = sql!([
    "UPDATE counts_state SET counted_to = coalesce((SELECT max(id) FROM contacts), 0)",
    "SELECT 1"
]);
