//! Drops as they are listed and looked up, of campaigns and single ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{
    SettledHold, Store, StoreError, codec,
    sql::{Sql, args, sql},
    tally::{known, phone, time},
    transaction::Tx,
};
use crate::{
    drop::{Outcome, Proof, Technique},
    id::DropId,
    phone::PhoneNumber,
};

/// A drop as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDrop {
    /// Its id.
    pub id: DropId,
    /// The campaign's name; `None` outside campaigns.
    pub campaign: Option<String>,
    /// The contact's number in the database; `None` outside campaigns.
    pub contact: Option<i64>,
    /// The number of the attempt.
    pub attempt: u64,
    /// The number called; `None` if everything about the person was erased.
    pub number: Option<PhoneNumber>,
    /// The PBX, by its controller's instance.
    pub pbx: String,
    /// One call or two.
    pub technique: Technique,
    /// The message.
    pub message: String,
    /// The variant.
    pub variant: Option<String>,
    /// The number shown, if the campaign or the order chose one.
    pub caller_id: Option<String>,
    /// The gate's ruling, as JSON.
    pub ruling: String,
    /// When its intent was written; `None` of one that was not dialled.
    pub started_at: Option<Timestamp>,
    /// When it ended, or was refused.
    pub ended_at: Option<Timestamp>,
    /// How it ended; `None` while it is in flight.
    pub outcome: Option<Outcome>,
    /// How sure it is that the message was left.
    pub proof: Option<Proof>,
    /// What `drop --json` printed of it, its number masked.
    pub report: Option<String>,
    /// The folder of its evidence.
    pub evidence: Option<String>,
    /// The id under which the user's own system knows the callee.
    pub foreign_id: Option<String>,
    /// What the user's own system wants back with it.
    pub metadata: Option<Map<String, Value>>,
    /// Who ordered it over HTTP.
    pub ordered_by: Option<String>,
    /// From then on it is not dialled, as it was ordered.
    pub expires_at: Option<Timestamp>,
    /// Where it belongs in the trace of whoever ordered it.
    pub traceparent: Option<String>,
    /// What the gate has made of it, if it held it and it was not dialled since.
    pub hold: Option<SettledHold>,
}

/// Which drops to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropFilter {
    /// All.
    All,
    /// Those to a number.
    Number(PhoneNumber),
    /// Those that were ordered over HTTP with this foreign id, and those to contacts of campaigns that have it.
    ForeignId(String),
    /// Those that the gate holds.
    Held,
}

impl Store {
    /// A drop; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_of(&self, id: DropId) -> Result<Option<StoredDrop>, StoreError> {
        let mut tx = self.read("look a drop up").await?;
        let id = id.to_string();
        let stored: Option<DropColumns> = tx.one(OF_ID, args![&id]).await?;
        stored.map(|stored| stored.read(&tx)).transpose()
    }

    /// The drops to a contact of a campaign, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drops_of_contact(&self, contact: i64) -> Result<Vec<StoredDrop>, StoreError> {
        let mut tx = self.read("read the drops to a contact").await?;
        let stored: Vec<DropColumns> = tx.all(OF_CONTACT, args![contact]).await?;
        stored.into_iter().map(|stored| stored.read(&tx)).collect()
    }

    /// Drops before a drop, the latest first, or after it, the earliest first; at most so many. `None`: from that end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drops(
        &self,
        filter: &DropFilter,
        from: Option<DropId>,
        is_backward: bool,
        at_most: usize,
    ) -> Result<Vec<StoredDrop>, StoreError> {
        let mut tx = self.read("read drops").await?;
        // Ids are 32 lower-case hexadecimal digits, in the order of time.
        let from = match (from, is_backward) {
            (Some(from), _) => from.to_string(),
            (None, true) => "g".to_owned(),
            (None, false) => String::new(),
        };
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let pick = |backward, forward| if is_backward { backward } else { forward };
        let stored: Vec<DropColumns> = match filter {
            DropFilter::All => {
                let sql = pick(ALL_BEFORE, ALL_AFTER);
                tx.all(sql, args![&from, at_most]).await?
            }
            DropFilter::Number(number) => {
                let sql = pick(NUMBER_BEFORE, NUMBER_AFTER);
                let given = args![&from, at_most, codec::number(number)];
                tx.all(sql, given).await?
            }
            DropFilter::ForeignId(id) => {
                let sql = pick(FOREIGN_BEFORE, FOREIGN_AFTER);
                tx.all(sql, args![&from, at_most, id]).await?
            }
            DropFilter::Held => {
                let sql = pick(HELD_BEFORE, HELD_AFTER);
                tx.all(sql, args![&from, at_most]).await?
            }
        };
        stored.into_iter().map(|stored| stored.read(&tx)).collect()
    }
}

impl Store {
    /// The drops of all PBXes that ended last, the latest first; at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_ended(&self, at_most: usize) -> Result<Vec<StoredDrop>, StoreError> {
        let mut tx = self.read("read the drops that ended last").await?;
        let limit = i64::try_from(at_most).unwrap_or(i64::MAX);
        let pbxes: Vec<(String,)> = tx.all(KNOWN_PBXES, args![]).await?;
        let mut ended = Vec::new();
        // Each by its own index.
        for (pbx,) in pbxes {
            let stored: Vec<DropColumns> = tx.all(LAST_ENDED, args![&pbx, limit]).await?;
            for stored in stored {
                ended.push(stored.read(&tx)?);
            }
        }
        ended.sort_by_key(|drop| std::cmp::Reverse((drop.ended_at, drop.id)));
        ended.truncate(at_most);
        Ok(ended)
    }

    /// How many drops began in each minute from a moment on, over all PBXes, by the beginning of the minute; a minute in which
    /// none did is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn starts_by_minute(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<Timestamp, u64>, StoreError> {
        let mut tx = self.read("count the starts of the last minutes").await?;
        let counts: Vec<(i64, i64)> = tx.all(BY_MINUTE, args![codec::micros(since)]).await?;
        let read = |(at, count): (i64, i64)| Ok((time(&tx, at)?, count.unsigned_abs()));
        counts.into_iter().map(read).collect()
    }
}

/// A row as it is stored.
struct DropColumns {
    id: String,
    campaign: Option<String>,
    contact: Option<i64>,
    attempt: i64,
    number: i64,
    pbx: String,
    technique: String,
    message: String,
    variant: Option<String>,
    caller_id: Option<String>,
    ruling: String,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    outcome: Option<String>,
    proof: Option<String>,
    report: Option<String>,
    evidence: Option<String>,
    foreign_id: Option<String>,
    metadata: Option<String>,
    principal: Option<String>,
    expires_at: Option<i64>,
    traceparent: Option<String>,
    held_state: Option<String>,
    held_reason: Option<String>,
    held_words: Option<String>,
    held_until: Option<i64>,
}

impl<'r, R: Row> FromRow<'r, R> for DropColumns
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            campaign: row.try_get("campaign")?,
            contact: row.try_get("contact")?,
            attempt: row.try_get("attempt")?,
            number: row.try_get("number")?,
            pbx: row.try_get("pbx")?,
            technique: row.try_get("technique")?,
            message: row.try_get("message")?,
            variant: row.try_get("variant")?,
            caller_id: row.try_get("caller_id")?,
            ruling: row.try_get("ruling")?,
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
            outcome: row.try_get("outcome")?,
            proof: row.try_get("proof")?,
            report: row.try_get("report")?,
            evidence: row.try_get("evidence")?,
            foreign_id: row.try_get("foreign_id")?,
            metadata: row.try_get("metadata")?,
            principal: row.try_get("principal")?,
            expires_at: row.try_get("expires_at")?,
            traceparent: row.try_get("traceparent")?,
            held_state: row.try_get("held_state")?,
            held_reason: row.try_get("held_reason")?,
            held_words: row.try_get("held_words")?,
            held_until: row.try_get("held_until")?,
        })
    }
}

impl DropColumns {
    fn read(self, tx: &Tx) -> Result<StoredDrop, StoreError> {
        let hold = match (self.held_state, self.held_reason, self.held_until) {
            (Some(state), Some(reason), Some(until)) => {
                tx.settled_hold((&state, reason, self.held_words, until))?
            }
            _ => None,
        };
        let outcome = match (self.outcome, &hold) {
            (Some(slug), _) => Some(known(tx, codec::outcome(&slug), "outcome")?),
            (None, Some(hold)) => tx.outcome_of_hold(hold)?,
            (None, None) => None,
        };
        let proof = self
            .proof
            .map(|slug| known(tx, codec::proof(&slug), "proof"));
        let started_at = self.started_at.map(|at| time(tx, at));
        let ended_at = self.ended_at.map(|at| time(tx, at));
        let expires_at = self.expires_at.map(|at| time(tx, at));
        let metadata = self.metadata.map(|text| {
            let read = serde_json::from_str(&text).ok();
            known(tx, read, "object of metadata")
        });
        Ok(StoredDrop {
            id: known(tx, self.id.parse().ok(), "drop's id")?,
            campaign: self.campaign,
            contact: self.contact,
            attempt: self.attempt.unsigned_abs(),
            number: phone(tx, self.number)?,
            pbx: self.pbx,
            technique: known(tx, codec::technique(&self.technique), "technique")?,
            message: self.message,
            variant: self.variant,
            caller_id: self.caller_id,
            ruling: self.ruling,
            started_at: started_at.transpose()?,
            ended_at: ended_at.transpose()?,
            outcome,
            proof: proof.transpose()?,
            report: self.report,
            evidence: self.evidence,
            foreign_id: self.foreign_id,
            metadata: metadata.transpose()?,
            ordered_by: self.principal,
            expires_at: expires_at.transpose()?,
            traceparent: self.traceparent,
            hold,
        })
    }
}

/// The columns of [`DropColumns`], of the drops whose ids are found: those that were dialled, or held and not dialled since.
macro_rules! drops {
    ($found:literal, $rest:literal) => {
        sql!(
            "SELECT found.id AS id, campaigns.name AS campaign, drops.contact, \
             CAST(coalesce(drops.attempt, 1) AS BIGINT) AS attempt, \
             CAST(coalesce(drops.number, held_drops.number) AS BIGINT) AS number, \
             coalesce(drops.pbx, held_drops.pbx) AS pbx, \
             CASE WHEN ordered_drops.channel IS NULL THEN coalesce(drops.technique, held_drops.technique) \
             ELSE 'adopted' END AS technique, \
             coalesce(drops.message, held_drops.message) AS message, drops.variant, \
             coalesce(drops.caller_id, held_drops.caller_id) AS caller_id, \
             coalesce(drops.ruling, held_drops.ruling) AS ruling, drops.started_at, \
             coalesce(drops.ended_at, held_drops.settled_at) AS ended_at, drops.outcome, drops.proof, drops.report, \
             drops.evidence, coalesce(ordered_drops.foreign_id, contacts.foreign_id) AS foreign_id, \
             ordered_drops.metadata, ordered_drops.principal, ordered_drops.expires_at, ordered_drops.traceparent, \
             held_drops.state AS held_state, held_drops.reason AS held_reason, held_drops.words AS held_words, \
             held_drops.until AS held_until FROM (",
            $found,
            ") AS found LEFT JOIN drops ON drops.id = found.id LEFT JOIN held_drops ON held_drops.drop_id = found.id \
             LEFT JOIN ordered_drops ON ordered_drops.drop_id = found.id \
             LEFT JOIN campaigns ON campaigns.id = drops.campaign LEFT JOIN contacts ON contacts.id = drops.contact \
             WHERE (drops.id IS NOT NULL OR held_drops.state <> 'dialled') ",
            $rest
        )
    };
}

const OF_ID: Sql = drops!("SELECT CAST($1 AS TEXT) AS id", "");

const OF_CONTACT: Sql = drops!(
    "SELECT id FROM drops WHERE contact = $1",
    "ORDER BY drops.attempt"
);

const ALL_BEFORE: Sql = drops!(
    "SELECT id FROM drops WHERE id < $1 UNION ALL \
     SELECT drop_id AS id FROM held_drops WHERE state <> 'dialled' AND drop_id < $1 ORDER BY id DESC LIMIT $2",
    "ORDER BY found.id DESC"
);

const ALL_AFTER: Sql = drops!(
    "SELECT id FROM drops WHERE id > $1 UNION ALL \
     SELECT drop_id AS id FROM held_drops WHERE state <> 'dialled' AND drop_id > $1 ORDER BY id LIMIT $2",
    "ORDER BY found.id"
);

const NUMBER_BEFORE: Sql = drops!(
    "SELECT id FROM drops WHERE number = $3 AND id < $1 UNION ALL SELECT drop_id AS id FROM held_drops \
     WHERE number = $3 AND state <> 'dialled' AND drop_id < $1 ORDER BY id DESC LIMIT $2",
    "ORDER BY found.id DESC"
);

const NUMBER_AFTER: Sql = drops!(
    "SELECT id FROM drops WHERE number = $3 AND id > $1 UNION ALL SELECT drop_id AS id FROM held_drops \
     WHERE number = $3 AND state <> 'dialled' AND drop_id > $1 ORDER BY id LIMIT $2",
    "ORDER BY found.id"
);

const LAST_ENDED: Sql = drops!(
    "SELECT id FROM drops WHERE pbx = $1 AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT $2",
    "ORDER BY drops.ended_at DESC"
);

const KNOWN_PBXES: Sql = sql!("SELECT name FROM pbxes WHERE forgotten_at IS NULL");

const BY_MINUTE: Sql = sql!(
    "SELECT drops.started_at / 60000000 * 60000000 AS minute, count(*) FROM pbxes CROSS JOIN drops \
     WHERE drops.pbx = pbxes.name AND drops.started_at >= $1 GROUP BY minute"
);

// Those that were ordered with it, and those to contacts that have it: each by its index.
const FOREIGN_BEFORE: Sql = drops!(
    "SELECT drop_id AS id FROM ordered_drops WHERE foreign_id = $3 AND drop_id < $1 \
     UNION SELECT drops.id FROM contacts JOIN drops ON drops.contact = contacts.id \
     WHERE contacts.foreign_id = $3 AND drops.id < $1",
    "ORDER BY found.id DESC LIMIT $2"
);

const FOREIGN_AFTER: Sql = drops!(
    "SELECT drop_id AS id FROM ordered_drops WHERE foreign_id = $3 AND drop_id > $1 \
     UNION SELECT drops.id FROM contacts JOIN drops ON drops.contact = contacts.id \
     WHERE contacts.foreign_id = $3 AND drops.id > $1",
    "ORDER BY found.id LIMIT $2"
);

const HELD_BEFORE: Sql = drops!(
    "SELECT drop_id AS id FROM held_drops WHERE state = 'waiting' AND drop_id < $1 ORDER BY drop_id DESC LIMIT $2",
    "ORDER BY found.id DESC"
);

const HELD_AFTER: Sql = drops!(
    "SELECT drop_id AS id FROM held_drops WHERE state = 'waiting' AND drop_id > $1 ORDER BY drop_id LIMIT $2",
    "ORDER BY found.id"
);
