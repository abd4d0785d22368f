//! What came of campaigns: counts, and a row for each drop and for each contact that was never dialled.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{
    Store, StoreError, kept,
    link::Tx,
    sql::{Sql, args, row, rows, sql},
};
use crate::{
    campaign::{HeldReason, RefusedReason, budget::Calls, engine::CampaignId},
    drop::{Outcome, Proof, Technique},
    id::DropId,
    phone::PhoneNumber,
    words::Leg,
};

/// How the contacts of a campaign stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Contacts in all.
    pub contacts: u64,
    /// Waiting for their first or next attempt, leased ones included.
    pub waiting: u64,
    /// In mid-drop.
    pub in_flight: u64,
    /// For good, by their last outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Refused, by why.
    pub refused: BTreeMap<RefusedReason, u64>,
    /// Drops in all, ended or not.
    pub drops: u64,
}

/// Calls of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsOfLength {
    /// Which leg.
    pub leg: Leg,
    /// How long they were up, in seconds, begun ones counted whole; 0 where they were not answered.
    pub seconds: u64,
    /// How many.
    pub calls: u64,
}

/// Up to where results were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    contact: i64,
    attempt: i64,
}

/// Which rows are wanted: those that meet all of it.
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
    /// variant, and are left out where one is asked for.
    pub undialled: bool,
}

/// One drop, or one contact that was not dialled.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    /// The row of the list the contact came from.
    pub line: Option<u64>,
    /// The number.
    pub number: PhoneNumber,
    /// The contact's name.
    pub name: Option<String>,
    /// The id under which the user's own system knows the contact.
    pub foreign_id: Option<String>,
    /// The drop; `None` where nothing was dialled.
    pub drop: Option<DropId>,
    /// Which attempt.
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
    /// Why the contact will not be dialled, or not again; told of their last drop.
    pub refused: Option<RefusedReason>,
    /// Why the contact waits, and until when; told of their last drop.
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
}

impl Store {
    /// How the contacts of a campaign stand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tally(&self, campaign: CampaignId) -> Result<Tally, StoreError> {
        let mut tx = self
            .read(format!("count the contacts of campaign {campaign}"))
            .await?;
        let id = campaign.0;
        let contacts: Option<(i64,)> = tx.one(CONTACTS, args![id]).await?;
        let outcomes: Vec<(String, i64)> = tx.all(OUTCOMES, args![id]).await?;
        let refused: Vec<(String, i64)> = tx.all(REFUSED, args![id]).await?;
        let in_flight: Option<(i64,)> = tx.one(IN_FLIGHT, args![id]).await?;
        let drops: Option<(i64,)> = tx.one(DROPS, args![id]).await?;
        let count = |count: Option<(i64,)>| count.map_or(0, |(count,)| count.unsigned_abs());
        let mut tally = Tally {
            contacts: count(contacts),
            in_flight: count(in_flight),
            drops: count(drops),
            ..Tally::default()
        };
        for (slug, count) in outcomes {
            let outcome = known(&tx, kept::outcome(&slug), "outcome")?;
            tally.outcomes.insert(outcome, count.unsigned_abs());
        }
        for (slug, count) in refused {
            let refused = known(&tx, kept::refused(&slug), "reason")?;
            tally.refused.insert(refused, count.unsigned_abs());
        }
        let ended = tally.outcomes.values().sum::<u64>() + tally.refused.values().sum::<u64>();
        let not_waiting = ended + tally.in_flight;
        tally.waiting = tally.contacts - not_waiting.min(tally.contacts);
        Ok(tally)
    }

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
            let given = args![kept::number(number), campaign.0];
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
            filter.since.map(kept::micros),
            filter.until.map(kept::micros),
            filter.variant.as_deref(),
            filter.foreign_id.as_deref(),
            at_most,
        ];
        let of_drops = filter.variant.is_some()
            || filter.since.is_some()
            || filter.until.is_some()
            || !filter.outcomes.is_empty();
        let sql = if filter.undialled && !of_drops {
            ROWS_OF_ALL
        } else {
            ROWS_OF_DROPS
        };
        let found: Vec<Found> = tx.all(sql, given).await?;
        let is_full = found.len() as i64 == at_most;
        let next = found.last().filter(|_| is_full).map(|last| Cursor {
            contact: last.contact,
            attempt: last.attempt,
        });
        let read = found.into_iter().map(|row| row.read(&tx));
        Ok((read.collect::<Result<_, _>>()?, next))
    }

    /// When the first and the last drop of a campaign ended that have; `None` where none has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ends(
        &self,
        campaign: CampaignId,
    ) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        let mut tx = self
            .read(format!("read when drops of campaign {campaign} ended"))
            .await?;
        let ends: Option<(Option<i64>, Option<i64>)> =
            tx.one(FIRST_LAST, args![campaign.0]).await?;
        let Some((Some(first), Some(last))) = ends else {
            return Ok(None);
        };
        Ok(Some((time(&tx, first)?, time(&tx, last)?)))
    }

    /// Outcomes of a campaign's drops by the time they came, in spans of so many seconds that begin at multiples of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outcomes_over_time(
        &self,
        campaign: CampaignId,
        seconds: u32,
    ) -> Result<BTreeMap<(Timestamp, Outcome), u64>, StoreError> {
        let mut tx = self
            .read(format!("count the outcomes of campaign {campaign}"))
            .await?;
        let span = i64::from(seconds.max(1)) * 1_000_000;
        let counts: Vec<(i64, String, i64)> = tx.all(OVER_TIME, args![campaign.0, span]).await?;
        let counts = counts.into_iter().map(|(at, slug, count)| {
            let outcome = known(&tx, kept::outcome(&slug), "outcome")?;
            Ok(((time(&tx, at)?, outcome), count.unsigned_abs()))
        });
        counts.collect()
    }

    /// How the contacts of a campaign ended to whom a variant was left, by variant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn variants(
        &self,
        campaign: CampaignId,
    ) -> Result<BTreeMap<String, BTreeMap<Outcome, u64>>, StoreError> {
        let mut tx = self
            .read(format!("compare the variants of campaign {campaign}"))
            .await?;
        let counts: Vec<(String, String, i64)> = tx.all(VARIANTS, args![campaign.0]).await?;
        let mut variants: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (variant, slug, count) in counts {
            let outcome = known(&tx, kept::outcome(&slug), "outcome")?;
            let outcomes = variants.entry(variant).or_default();
            outcomes.insert(outcome, count.unsigned_abs());
        }
        Ok(variants)
    }

    /// All calls of a campaign's drops that have ended, by leg and length.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calls_by_length(
        &self,
        campaign: CampaignId,
    ) -> Result<Vec<CallsOfLength>, StoreError> {
        let mut tx = self
            .read(format!("measure the calls of campaign {campaign}"))
            .await?;
        let mut all = Vec::new();
        for (leg, sql) in [(Leg::Busy, BUSY_LENGTHS), (Leg::Drop, DROP_LENGTHS)] {
            let lengths: Vec<(i64, i64)> = tx.all(sql, args![campaign.0]).await?;
            all.extend(lengths.into_iter().map(|(seconds, calls)| CallsOfLength {
                leg,
                seconds: seconds.unsigned_abs(),
                calls: calls.unsigned_abs(),
            }));
        }
        Ok(all)
    }
}

/// A row as it is found.
struct Found {
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
    /// In the order of the fields of [`Calls`]; none where nothing was dialled.
    calls: [Option<i64>; 7],
    busy_up_ms: Option<i64>,
    drop_up_ms: Option<i64>,
    report: Option<String>,
    evidence: Option<String>,
}

impl<'r, R: Row> FromRow<'r, R> for Found
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
        })
    }
}

impl Found {
    fn read(self, tx: &Tx) -> Result<ResultRow, StoreError> {
        let count = |count: Option<i64>| count.unwrap_or(0).unsigned_abs();
        // What became of the contact since is told of its last drop.
        let is_last = self.attempt == self.attempts;
        let refused = self.refused.filter(|_| is_last);
        let refused = refused.map(|slug| known(tx, kept::refused(&slug), "reason"));
        let refused = refused.transpose()?;
        let held = match (self.held.filter(|_| is_last), self.due_at) {
            (Some(slug), Some(until)) => {
                Some((known(tx, kept::held(&slug), "reason")?, time(tx, until)?))
            }
            _ => None,
        };
        let told = |at: Option<i64>| at.map(|at| time(tx, at)).transpose();
        let outcome = self
            .outcome
            .map(|slug| known(tx, kept::outcome(&slug), "outcome"));
        let proof = self
            .proof
            .map(|slug| known(tx, kept::proof(&slug), "proof"));
        let technique = self
            .technique
            .map(|slug| known(tx, kept::technique(&slug), "technique"));
        let stands = refused.is_some() || held.is_some();
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
            number: known(tx, kept::read_number(self.number), "number")?,
            name: self.name,
            foreign_id: self.foreign_id,
            drop: self
                .drop
                .map(|id| known(tx, id.parse().ok(), "drop's id"))
                .transpose()?,
            attempt: u32::try_from(self.attempt).unwrap_or(0),
            started_at: told(self.started_at)?,
            ended_at: told(self.ended_at)?,
            outcome: outcome.transpose()?,
            is_final: self.is_final == Some(1) || refused.is_some(),
            proof: proof.transpose()?,
            refused,
            held,
            ruling: if stands { self.decision } else { self.ruling },
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
        })
    }
}

/// What was read, or that it is nothing that was ever written.
fn known<T>(tx: &Tx, read: Option<T>, what: &str) -> Result<T, StoreError> {
    read.ok_or_else(|| tx.broken(format!("there is an unknown {what} in it")))
}

fn time(tx: &Tx, micros: i64) -> Result<Timestamp, StoreError> {
    known(tx, kept::read_time(micros), "time")
}

// Where most contacts are open yet, counting these alone takes a fraction of what grouping them would.
const CONTACTS: Sql = sql!("SELECT count(*) FROM contacts WHERE campaign = $1");

const OUTCOMES: Sql = sql!(
    "SELECT outcome, count(*) FROM contacts WHERE campaign = $1 AND outcome IS NOT NULL GROUP BY outcome"
);

const REFUSED: Sql = sql!(
    "SELECT refused, count(*) FROM contacts \
     WHERE campaign = $1 AND outcome IS NULL AND refused IS NOT NULL GROUP BY refused"
);

const IN_FLIGHT: Sql = sql!(
    "SELECT count(*) FROM contacts WHERE holder IS NOT NULL AND stage = 'dialling' AND campaign = $1"
);

const DROPS: Sql = sql!("SELECT count(*) FROM drops WHERE campaign = $1");

const CONTACT: Sql = sql!("SELECT id FROM contacts WHERE number = $1 AND campaign = $2");

/// The columns of [`Found`].
macro_rules! found {
    ($join:literal) => {
        sql!(
            "SELECT contacts.id AS contact, coalesce(drops.attempt, 0) AS attempt, contacts.attempts, contacts.line, \
             contacts.number, contacts.name, contacts.foreign_id, contacts.held, contacts.due_at, contacts.refused, \
             CASE WHEN (contacts.refused IS NOT NULL OR contacts.held IS NOT NULL) \
             AND coalesce(drops.attempt, 0) = contacts.attempts THEN (SELECT decisions.ruling FROM decisions \
             WHERE decisions.contact = contacts.id ORDER BY decisions.id DESC LIMIT 1) END AS decision, \
             drops.id AS drop_id, drops.started_at, drops.ended_at, drops.outcome, drops.proof, drops.is_final, \
             drops.ruling, drops.technique, coalesce(drops.message, contacts.message) AS message, drops.variant, \
             drops.busy_legs, drops.drop_legs, drops.released, drops.given_up, drops.answered, drops.short, \
             drops.people, drops.busy_up_ms, drops.drop_up_ms, drops.report, drops.evidence FROM contacts ",
            $join,
            " drops ON drops.contact = contacts.id \
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

const ROWS_OF_DROPS: Sql = found!("JOIN");

const ROWS_OF_ALL: Sql = found!("LEFT JOIN");

const FIRST_LAST: Sql = sql!(
    "SELECT min(ended_at), max(ended_at) FROM drops WHERE campaign = $1 AND ended_at IS NOT NULL"
);

const OVER_TIME: Sql = sql!(
    "SELECT ended_at / $2 * $2 AS span, outcome, count(*) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL GROUP BY span, outcome"
);

const VARIANTS: Sql = sql!(
    "SELECT variant, outcome, count(*) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL AND is_final = 1 AND variant IS NOT NULL GROUP BY variant, outcome"
);

const BUSY_LENGTHS: Sql = sql!(
    "SELECT (busy_up_ms + 999) / 1000 AS seconds, CAST(sum(busy_legs) AS BIGINT) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL AND busy_legs > 0 GROUP BY seconds"
);

const DROP_LENGTHS: Sql = sql!(
    "SELECT (drop_up_ms + 999) / 1000 AS seconds, CAST(sum(drop_legs) AS BIGINT) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL AND drop_legs > 0 GROUP BY seconds"
);
