//! What came of campaigns: a row for each drop and for each contact that was never dialled.

use jiff::Timestamp;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{
    Store, StoreError,
    callbacks::STEP as CALLBACKS,
    codec,
    sql::{Sql, args, row, rows, sql},
    tally::{known, phone, time},
    transaction::Tx,
};
use crate::{
    callback::CallbackOutcome,
    campaign::{HeldReason, RefusedReason, budget::Calls, engine::CampaignId},
    drop::{Outcome, Proof, Technique},
    id::DropId,
    phone::PhoneNumber,
};

/// The last result that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    contact: i64,
    attempt: i64,
}

/// Which rows to give: those that meet all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these outcomes; empty: all.
    pub outcomes: Vec<Outcome>,
    /// Only drops that began at or after this moment.
    pub since: Option<Timestamp>,
    /// Only drops that began before this moment.
    pub until: Option<Timestamp>,
    /// Only this number.
    pub number: Option<PhoneNumber>,
    /// Only this foreign id.
    pub foreign_id: Option<String>,
    /// Only this variant.
    pub variant: Option<String>,
    /// Whether contacts without any drop are wanted, too: refused, held or waiting ones. They have no outcome, time or
    /// variant, and are left out if one is asked for.
    pub undialled: bool,
}

/// One drop, or one contact that was not dialled.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    /// The line of the list that the contact came from.
    pub line: Option<u64>,
    /// The number; `None` if everything about the person was erased.
    pub number: Option<PhoneNumber>,
    /// The contact's name.
    pub name: Option<String>,
    /// The id under which the user's own system knows the contact.
    pub foreign_id: Option<String>,
    /// The drop; `None` unless something was dialled.
    pub drop: Option<DropId>,
    /// The number of the attempt.
    pub attempt: u32,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended; `None` while it has not.
    pub outcome: Option<Outcome>,
    /// Whether nothing follows for the contact: it is how they ended, or they were refused since.
    pub is_final: bool,
    /// How sure it is that the message was left.
    pub proof: Option<Proof>,
    /// Why the contact will not be dialled, or not again; given with their last drop.
    pub refused: Option<RefusedReason>,
    /// Why the contact waits, and until when; given with their last drop.
    pub held: Option<(HeldReason, Timestamp)>,
    /// The gate's ruling as JSON: that which refused or holds the contact, else that on the drop.
    pub ruling: Option<String>,
    /// One call or two.
    pub technique: Option<Technique>,
    /// The message.
    pub message: Option<String>,
    /// The variant.
    pub variant: Option<String>,
    /// What the drop was on the trunk.
    pub calls: Calls,
    /// How long the busy leg was up, in ms.
    pub busy_up_ms: u64,
    /// How long the drop leg was up, in ms.
    pub drop_up_ms: u64,
    /// What `drop --json` printed of it, its number masked.
    pub report: Option<String>,
    /// The folder of its evidence.
    pub evidence: Option<String>,
    /// When the contact called back first; given with their last drop.
    pub called_back_at: Option<Timestamp>,
    /// What came of their last call; `None` while it is up.
    pub callback: Option<CallbackOutcome>,
}

impl Store {
    /// The rows after those read so far, at most so many, ordered by contact and attempt; with the cursor to go on from,
    /// `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn results(
        &self,
        campaign: CampaignId,
        filter: &Filter,
        after: Option<Cursor>,
        at_most: usize,
    ) -> Result<(Vec<ResultRow>, Option<Cursor>), StoreError> {
        let mut tx = self
            .read(format!("read the results of campaign {campaign}"))
            .await?;
        let mut from = after.unwrap_or(Cursor {
            contact: 0,
            attempt: i64::MAX,
        });
        let mut until = i64::MAX;
        if let Some(number) = &filter.number {
            let given = args![codec::number(number), campaign.0];
            let contact: Option<(i64,)> = tx.one(CONTACT, given).await?;
            let Some((contact,)) = contact.filter(|(contact,)| *contact >= from.contact) else {
                return Ok((Vec::new(), None));
            };
            until = contact;
            if contact > from.contact {
                let attempt = -1;
                from = Cursor { contact, attempt };
            }
        }
        let outcomes = filter.outcomes.iter();
        let outcomes = rows(outcomes.map(|outcome| row! { outcome: outcome.slug() }));
        let at_most = i64::try_from(at_most.max(1)).unwrap_or(i64::MAX);
        let given = args![
            &outcomes,
            campaign.0,
            from.contact,
            from.attempt,
            until,
            i64::from(filter.outcomes.is_empty()),
            filter.since.map(codec::micros),
            filter.until.map(codec::micros),
            filter.variant.as_deref(),
            filter.foreign_id.as_deref(),
            at_most,
        ];
        let of_drops = filter.variant.is_some()
            || filter.since.is_some()
            || filter.until.is_some()
            || !filter.outcomes.is_empty();
        let sql = match (filter.undialled && !of_drops, tx.has_step(CALLBACKS)) {
            (true, true) => ROWS_OF_ALL,
            (false, true) => ROWS_OF_DROPS,
            (true, false) => OLD_ROWS_OF_ALL,
            (false, false) => OLD_ROWS_OF_DROPS,
        };
        let found: Vec<StoredResult> = tx.all(sql, given).await?;
        let is_full = found.len() as i64 == at_most;
        let next = found.last().filter(|_| is_full).map(|last| Cursor {
            contact: last.contact,
            attempt: last.attempt,
        });
        let read = found.into_iter().map(|row| row.read(&tx));
        Ok((read.collect::<Result<_, _>>()?, next))
    }
}

/// A row as it is stored.
struct StoredResult {
    contact: i64,
    attempt: i64,
    attempts: i64,
    line: Option<i64>,
    number: i64,
    name: Option<String>,
    foreign_id: Option<String>,
    held: Option<String>,
    due_at: Option<i64>,
    refused: Option<String>,
    decision: Option<String>,
    drop: Option<String>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    outcome: Option<String>,
    proof: Option<String>,
    is_final: Option<i64>,
    ruling: Option<String>,
    technique: Option<String>,
    message: Option<String>,
    variant: Option<String>,
    /// In the order of the fields of [`Calls`]; none unless something was dialled.
    calls: [Option<i64>; 7],
    busy_up_ms: Option<i64>,
    drop_up_ms: Option<i64>,
    report: Option<String>,
    evidence: Option<String>,
    called_back_at: Option<i64>,
    callback: Option<String>,
}

impl<'r, R: Row> FromRow<'r, R> for StoredResult
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            contact: row.try_get("contact")?,
            attempt: row.try_get("attempt")?,
            attempts: row.try_get("attempts")?,
            line: row.try_get("line")?,
            number: row.try_get("number")?,
            name: row.try_get("name")?,
            foreign_id: row.try_get("foreign_id")?,
            held: row.try_get("held")?,
            due_at: row.try_get("due_at")?,
            refused: row.try_get("refused")?,
            decision: row.try_get("decision")?,
            drop: row.try_get("drop_id")?,
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
            outcome: row.try_get("outcome")?,
            proof: row.try_get("proof")?,
            is_final: row.try_get("is_final")?,
            ruling: row.try_get("ruling")?,
            technique: row.try_get("technique")?,
            message: row.try_get("message")?,
            variant: row.try_get("variant")?,
            calls: [
                row.try_get("busy_legs")?,
                row.try_get("drop_legs")?,
                row.try_get("released")?,
                row.try_get("given_up")?,
                row.try_get("answered")?,
                row.try_get("short")?,
                row.try_get("people")?,
            ],
            busy_up_ms: row.try_get("busy_up_ms")?,
            drop_up_ms: row.try_get("drop_up_ms")?,
            report: row.try_get("report")?,
            evidence: row.try_get("evidence")?,
            called_back_at: row.try_get("called_back_at")?,
            callback: row.try_get("callback")?,
        })
    }
}

impl StoredResult {
    fn read(self, tx: &Tx) -> Result<ResultRow, StoreError> {
        let count = |count: Option<i64>| count.unwrap_or(0).unsigned_abs();
        // What became of the contact since is given with its last drop.
        let is_last = self.attempt == self.attempts;
        let refused = self.refused.filter(|_| is_last);
        let refused = refused.map(|slug| known(tx, codec::refused(&slug), "reason"));
        let refused = refused.transpose()?;
        let held = match (self.held.filter(|_| is_last), self.due_at) {
            (Some(slug), Some(until)) => {
                Some((known(tx, codec::held(&slug), "reason")?, time(tx, until)?))
            }
            _ => None,
        };
        let moment = |at: Option<i64>| at.map(|at| time(tx, at)).transpose();
        let outcome = self
            .outcome
            .map(|slug| known(tx, codec::outcome(&slug), "outcome"));
        let proof = self
            .proof
            .map(|slug| known(tx, codec::proof(&slug), "proof"));
        let technique = self
            .technique
            .map(|slug| known(tx, codec::technique(&slug), "technique"));
        let callback = self.callback.filter(|_| is_last);
        let callback = callback.map(|slug| known(tx, CallbackOutcome::read(&slug), "outcome"));
        let is_settled = refused.is_some() || held.is_some();
        let [
            busy_legs,
            drop_legs,
            released,
            given_up,
            answered,
            short,
            people,
        ] = self.calls.map(count);
        Ok(ResultRow {
            line: self.line.map(i64::unsigned_abs),
            number: phone(tx, self.number)?,
            name: self.name,
            foreign_id: self.foreign_id,
            drop: self
                .drop
                .map(|id| known(tx, id.parse().ok(), "drop's id"))
                .transpose()?,
            attempt: u32::try_from(self.attempt).unwrap_or(0),
            started_at: moment(self.started_at)?,
            ended_at: moment(self.ended_at)?,
            outcome: outcome.transpose()?,
            is_final: self.is_final == Some(1) || refused.is_some(),
            proof: proof.transpose()?,
            refused,
            held,
            ruling: if is_settled {
                self.decision
            } else {
                self.ruling
            },
            technique: technique.transpose()?,
            message: self.message,
            variant: self.variant,
            calls: Calls {
                busy_legs,
                drop_legs,
                released,
                given_up,
                answered,
                short,
                people,
            },
            busy_up_ms: count(self.busy_up_ms),
            drop_up_ms: count(self.drop_up_ms),
            report: self.report,
            evidence: self.evidence,
            called_back_at: moment(self.called_back_at.filter(|_| is_last))?,
            callback: callback.transpose()?,
        })
    }
}

const CONTACT: Sql = sql!("SELECT id FROM contacts WHERE number = $1 AND campaign = $2");

/// The columns of [`StoredResult`]. A contact that would be due before the hours of its place begin is held by these. Earlier
/// versions of the program keep their decisions in `decisions`.
macro_rules! found {
    ($join:literal, $callback:literal) => {
        sql!(
            "SELECT contacts.id AS contact, coalesce(drops.attempt, 0) AS attempt, contacts.attempts, contacts.line, \
             contacts.number, contacts.name, contacts.foreign_id, \
             CASE WHEN place.held_until IS NULL THEN contacts.held ELSE 'calling_hours' END AS held, \
             coalesce(place.held_until, contacts.due_at) AS due_at, contacts.refused, \
             CASE WHEN coalesce(drops.attempt, 0) <> contacts.attempts THEN NULL \
             WHEN place.held_until IS NOT NULL THEN place.ruling \
             WHEN contacts.refused IS NOT NULL OR contacts.held IS NOT NULL THEN (SELECT made.ruling FROM \
             (SELECT last_decisions.at, last_decisions.ruling FROM last_decisions \
             WHERE last_decisions.contact = contacts.id UNION ALL SELECT decisions.at, decisions.ruling FROM decisions \
             WHERE decisions.id = (SELECT max(id) FROM decisions WHERE contact = contacts.id)) AS made \
             ORDER BY made.at DESC LIMIT 1) END AS decision, \
             drops.id AS drop_id, drops.started_at, drops.ended_at, drops.outcome, drops.proof, drops.is_final, \
             drops.ruling, drops.technique, coalesce(drops.message, contacts.message) AS message, drops.variant, \
             drops.busy_legs, drops.drop_legs, drops.released, drops.given_up, drops.answered, drops.short, \
             drops.people, drops.busy_up_ms, drops.drop_up_ms, drops.report, drops.evidence, ",
            $callback,
            " FROM contacts ",
            $join,
            " drops ON drops.contact = contacts.id LEFT JOIN campaign_places AS place \
             ON place.campaign = contacts.campaign AND place.place = contacts.place \
             AND contacts.stage = 'due' AND contacts.due_at < place.held_until \
             WHERE contacts.campaign = $2 AND contacts.id >= $3 AND contacts.id <= $5 \
             AND (contacts.id > $3 OR coalesce(drops.attempt, 0) > $4) \
             AND ($6 = 1 OR drops.outcome IN (SELECT given.outcome FROM ",
            { outcome TEXT },
            ")) AND ($7 IS NULL OR drops.started_at >= $7) AND ($8 IS NULL OR drops.started_at < $8) \
             AND ($9 IS NULL OR drops.variant = $9) AND ($10 IS NULL OR contacts.foreign_id = $10) \
             ORDER BY contacts.id, drops.attempt LIMIT $11"
        )
    };
}

const ROWS_OF_DROPS: Sql = found!("JOIN", "contacts.called_back_at, contacts.callback");

const ROWS_OF_ALL: Sql = found!("LEFT JOIN", "contacts.called_back_at, contacts.callback");

/// Of a database that knows of no calls that come back.
const OLD_ROWS_OF_DROPS: Sql = found!(
    "JOIN",
    "CAST(NULL AS BIGINT) AS called_back_at, CAST(NULL AS TEXT) AS callback"
);

const OLD_ROWS_OF_ALL: Sql = found!(
    "LEFT JOIN",
    "CAST(NULL AS BIGINT) AS called_back_at, CAST(NULL AS TEXT) AS callback"
);
