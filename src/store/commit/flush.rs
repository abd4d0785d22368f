//! Writes the rows that a batch has changed.

use super::{
    Written,
    batch::{Batch, Decided},
};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, End},
    },
    store::{
        Status, StoreError,
        codec::{number, stored_technique},
        sql::{Sql, args, row, rows, sql},
        transaction::Tx,
    },
};

impl Batch<'_> {
    pub(super) async fn flush(&self, tx: &mut Tx) -> Result<(), StoreError> {
        // What is taken back first: its attempt may be made again.
        self.write(tx, DELETE_DROPS, self.taken_back()).await?;
        self.write(tx, INSERT_DROPS, self.intents()).await?;
        self.write(tx, END_DROPS, self.ends()).await?;
        self.write(tx, UPDATE_CONTACTS, self.contacts()).await?;
        self.write(tx, KEEP_DECISIONS, self.decisions()).await?;
        for (campaign, places) in &self.places {
            tx.add_places(*campaign, places).await?;
        }
        self.write(tx, UPDATE_NUMBERS, self.versions()).await?;
        self.limits.flush(tx, self.holder).await?;
        for (id, row) in &self.campaigns {
            if let Some(why) = &row.pauses {
                let status = row.status.slug();
                set_status(tx, *id, status, Some(why), self.now).await?;
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        tx: &mut Tx,
        sql: Sql,
        changed: Vec<serde_json::Value>,
    ) -> Result<(), StoreError> {
        if changed.is_empty() {
            return Ok(());
        }
        let count = changed.len();
        let done = tx.execute(sql, args![&rows(changed)]).await?;
        if done != count as u64 {
            // Each was read, and is held.
            return Err(tx.broken(format!("{done} rows were written instead of {count}")));
        }
        Ok(())
    }

    fn taken_back(&self) -> Vec<serde_json::Value> {
        let stored = self.drops.iter();
        stored
            .filter(|(_, drop)| drop.is_again || drop.is_taken_back && drop.intent.is_none())
            .map(|(id, _)| row! { id: id })
            .collect()
    }

    fn intents(&self) -> Vec<serde_json::Value> {
        let mut all = Vec::new();
        for (id, drop) in &self.drops {
            let Some(intent) = drop.intent.filter(|_| !drop.is_taken_back) else {
                continue;
            };
            all.push(row! {
                id: id,
                campaign: intent.of.map(|(campaign, _)| campaign.0),
                contact: intent.of.map(|(_, contact)| contact.0),
                attempt: intent.attempt,
                number: number(&intent.number),
                pbx: self.holder.pbx,
                run: self.holder.run.as_str(),
                technique: stored_technique(intent.technique),
                message: intent.message,
                variant: intent.variant,
                caller_id: intent.caller_id.as_ref().map(|caller_id| caller_id.as_str()),
                ruling: intent.ruling,
                despite: i64::from(intent.despite_do_not_call),
                started_at: self.now
            });
        }
        all
    }

    fn ends(&self) -> Vec<serde_json::Value> {
        let mut all = Vec::new();
        for (id, drop) in &self.drops {
            let Some(end) = &drop.end else {
                continue;
            };
            let drop_end = end.drop_end;
            let Calls {
                busy_legs,
                drop_legs,
                released,
                given_up,
                answered,
                short,
                people,
            } = end.calls;
            all.push(row! {
                id: id,
                ended_at: self.now,
                outcome: end.outcome.slug(),
                proof: drop_end.map(|drop_end| drop_end.proof.slug()),
                is_final: end.is_final.map(i64::from),
                busy_legs: busy_legs,
                drop_legs: drop_legs,
                released: released,
                given_up: given_up,
                answered: answered,
                short: short,
                people: people,
                busy_up_ms: drop_end.map_or(0, |drop_end| drop_end.busy_up_ms),
                drop_up_ms: drop_end.map_or(0, |drop_end| drop_end.drop_up_ms),
                report: drop_end.map(|drop_end| drop_end.report.as_str()),
                evidence: drop_end.and_then(|drop_end| drop_end.evidence.as_deref())
            });
        }
        all
    }

    fn contacts(&self) -> Vec<serde_json::Value> {
        let changed = self.contacts.iter().filter(|(_, row)| row.is_changed);
        changed
            .map(|(id, row)| {
                row! {
                    id: id,
                    stage: row.stage.slug(),
                    due_at: row.due_at,
                    was_due: row.was_due,
                    holder: row.holder,
                    attempts: row.attempts,
                    held: row.held,
                    held_zone: row.held_zone,
                    outcome: row.outcome.map(|outcome| outcome.slug()),
                    refused: row.refused,
                    ended_at: row.ended_at,
                    place: row.place
                }
            })
            .collect()
    }

    fn decisions(&self) -> Vec<serde_json::Value> {
        let row = |decided: &Decided<'_>| {
            row! {
                campaign: decided.campaign,
                contact: decided.contact,
                at: self.now,
                decision: decided.decision,
                reason: decided.reason,
                until: decided.until,
                zone: decided.zone,
                ruling: decided.ruling
            }
        };
        self.decisions.iter().map(row).collect()
    }

    fn versions(&self) -> Vec<serde_json::Value> {
        let changed = self.numbers.iter().filter(|(_, row)| row.is_changed);
        changed
            .map(|(number, row)| row! { number: number, version: row.version })
            .collect()
    }
}

/// Ends a campaign, unless something forbids it. The batch holds its row.
pub(super) async fn finish(
    tx: &mut Tx,
    campaign: CampaignId,
    end: End,
    now: i64,
) -> Result<Written, StoreError> {
    let status = match end {
        End::Complete => Status::Complete,
        End::Cancelled => Status::Cancelled,
        End::DatesOver => Status::DatesOver,
    };
    let Some(before) = tx.status_of(campaign).await? else {
        return Ok(Written::Fenced);
    };
    if before == status {
        return Ok(Written::Applied);
    }
    let may = match (end, before) {
        (End::Cancelled, Status::Cancelling) => true,
        (End::Complete | End::DatesOver, Status::Running | Status::Paused) => true,
        (
            End::Cancelled | End::Complete | End::DatesOver,
            Status::Draft
            | Status::Running
            | Status::Paused
            | Status::Cancelling
            | Status::Complete
            | Status::Cancelled
            | Status::DatesOver,
        ) => false,
    };
    if !may {
        return Ok(Written::Fenced);
    }
    let in_the_way: &[Sql] = match end {
        End::Complete => &[IN_FLIGHT, OPEN],
        End::Cancelled | End::DatesOver => &[IN_FLIGHT],
    };
    for sql in in_the_way {
        if tx.one::<(i64,)>(*sql, args![campaign.0]).await?.is_some() {
            return Ok(Written::Fenced);
        }
    }
    set_status(tx, campaign.0, status.slug(), None, now).await?;
    Ok(Written::Applied)
}

async fn set_status(
    tx: &mut Tx,
    campaign: i64,
    status: &str,
    why: Option<&str>,
    now: i64,
) -> Result<(), StoreError> {
    let version = tx.next_version().await?;
    let args = args![campaign, status, why, now, version];
    tx.execute(STAND, args).await?;
    Ok(())
}

const DELETE_DROPS: Sql = sql!(
    "DELETE FROM drops WHERE id IN (SELECT given.id FROM ",
    { id TEXT },
    ")"
);

const INSERT_DROPS: Sql = sql!(
    "INSERT INTO drops (id, campaign, contact, attempt, number, pbx, run, holder, technique, message, \
     variant, caller_id, ruling, despite_do_not_call, started_at) \
     SELECT id, campaign, contact, attempt, number, pbx, run, run, technique, message, \
     variant, caller_id, ruling, despite, started_at FROM ",
    {
        id TEXT, campaign BIGINT, contact BIGINT, attempt BIGINT, number BIGINT, pbx TEXT, run TEXT,
        technique TEXT, message TEXT, variant TEXT, caller_id TEXT, ruling TEXT, despite BIGINT,
        started_at BIGINT
    }
);

const END_DROPS: Sql = sql!(
    "UPDATE drops SET ended_at = given.ended_at, outcome = given.outcome, proof = given.proof, \
     is_final = given.is_final, busy_legs = given.busy_legs, drop_legs = given.drop_legs, \
     released = given.released, given_up = given.given_up, answered = given.answered, \
     short = given.short, people = given.people, busy_up_ms = given.busy_up_ms, \
     drop_up_ms = given.drop_up_ms, report = given.report, evidence = given.evidence FROM ",
    {
        id TEXT, ended_at BIGINT, outcome TEXT, proof TEXT, is_final BIGINT, busy_legs BIGINT,
        drop_legs BIGINT, released BIGINT, given_up BIGINT, answered BIGINT, short BIGINT,
        people BIGINT, busy_up_ms BIGINT, drop_up_ms BIGINT, report TEXT, evidence TEXT
    },
    " WHERE drops.id = given.id"
);

const UPDATE_CONTACTS: Sql = sql!(
    "UPDATE contacts SET stage = given.stage, due_at = given.due_at, was_due = given.was_due, \
     holder = given.holder, attempts = given.attempts, held = given.held, \
     held_zone = given.held_zone, outcome = given.outcome, refused = given.refused, \
     ended_at = given.ended_at, place = coalesce(given.place, contacts.place) FROM ",
    {
        id BIGINT, stage TEXT, due_at BIGINT, was_due BIGINT, holder TEXT, attempts BIGINT,
        held TEXT, held_zone TEXT, outcome TEXT, refused TEXT, ended_at BIGINT, place BIGINT
    },
    " WHERE contacts.id = given.id"
);

/// Of each contact the last one; those before it are counted.
const KEEP_DECISIONS: Sql = sql!(
    "INSERT INTO last_decisions AS kept (contact, campaign, at, decision, reason, until, zone, ruling, \
     times_held, held_since) SELECT contact, campaign, at, decision, reason, until, zone, ruling, \
     CASE decision WHEN 'held' THEN 1 ELSE 0 END, CASE decision WHEN 'held' THEN at END FROM ",
    {
        campaign BIGINT, contact BIGINT, at BIGINT, decision TEXT, reason TEXT, until BIGINT,
        zone TEXT, ruling TEXT
    },
    " WHERE true ORDER BY contact ON CONFLICT (contact) DO UPDATE SET at = excluded.at, \
     decision = excluded.decision, reason = excluded.reason, until = excluded.until, zone = excluded.zone, \
     ruling = excluded.ruling, times_held = kept.times_held + excluded.times_held, \
     held_since = coalesce(kept.held_since, excluded.held_since)"
);

const UPDATE_NUMBERS: Sql = sql!(
    "INSERT INTO numbers (number, version) SELECT number, version FROM ",
    { number BIGINT, version BIGINT },
    " WHERE true ON CONFLICT (number) DO UPDATE SET version = excluded.version"
);

const IN_FLIGHT: Sql =
    sql!("SELECT attempt FROM drops WHERE campaign = $1 AND outcome IS NULL LIMIT 1");

/// In the order of the index by place, which holds none that has ended.
const OPEN: Sql = sql!(
    "SELECT id FROM contacts WHERE campaign = $1 AND due_at IS NOT NULL ORDER BY place LIMIT 1"
);

const STAND: Sql = sql!(
    "UPDATE campaigns SET standing = $2, why = $3, changed_at = $4, version = $5 WHERE id = $1"
);
