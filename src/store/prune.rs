//! Deleting by time what grows with calls: drops and decisions of campaigns that are over, such campaigns as a whole, and events.
//!
//! What counts a number's calls, a trunk's shares or a campaign's results is not lost: drops stay as long as a cap looks
//! back, and are counted before they go. Campaigns that are not over, do-not-call lists and whatever has not ended
//! stay as they are, and contacts unless their campaign goes. Each transaction is small, so that others get in between.

use jiff::Timestamp;

use super::{
    Store, StoreError, codec,
    expire::Expired,
    retry::Attempts,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::campaign::engine::CampaignId;

/// What may be deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prunable {
    /// Drops that ended before: those of campaigns that are over, and those of none.
    pub drops_before: Option<Timestamp>,
    /// Decisions before, of campaigns that are over.
    pub decisions_before: Option<Timestamp>,
    /// Campaigns that were over before, with all that they have, if nothing of them is open or later.
    pub campaigns_before: Option<Timestamp>,
    /// Events before.
    pub events_before: Option<Timestamp>,
    /// How many of the newest events stay at most.
    pub events_at_most: Option<u64>,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Campaigns as a whole.
    pub campaigns: u64,
    /// Their contacts.
    pub contacts: u64,
    /// Drops, but those of campaigns that went as a whole.
    pub drops: u64,
    /// Decisions, likewise.
    pub decisions: u64,
    /// Events.
    pub events: u64,
}

/// A count of drops that are gone.
#[derive(Clone, Debug)]
pub(super) struct PrunedCount {
    /// The beginning of their hour in microseconds, or their seconds.
    pub(super) at: i64,
    pub(super) name: String,
    pub(super) outcome: String,
    pub(super) count: i64,
}

impl Store {
    /// How much [`Store::prune`] would delete.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prunable(&self, what: &Prunable) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        let mut whole = String::from("[]");
        if let Some(before) = what.campaigns_before {
            let expired = self.expired(before).await?;
            pruned.campaigns = expired.len() as u64;
            pruned.contacts = self.contacts_of(&expired).await?;
            whole = rows(expired.iter().map(|campaign| row! { id: campaign.0 }));
        }
        let mut tx = self.read("count what can be pruned").await?;
        for (before, sql, count) in [
            (what.drops_before, COUNT_DROPS, &mut pruned.drops),
            (
                what.decisions_before,
                COUNT_DECISIONS,
                &mut pruned.decisions,
            ),
        ] {
            if let Some(before) = before {
                let found: Option<(i64,)> =
                    tx.one(sql, args![&whole, codec::micros(before)]).await?;
                *count = found.map_or(0, |(count,)| count.unsigned_abs());
            }
        }
        drop(tx);
        if let Some(before) = what.drops_before {
            pruned.drops += self.prunable_held(before).await?;
        }
        pruned.events = self
            .prunable_events(what.events_before, what.events_at_most)
            .await?;
        Ok(pruned)
    }

    /// Deletes some of it, and calls `pruned` behind each transaction, until nothing is left or `pruned` says `false`.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted before it stays deleted.
    pub async fn prune(
        &self,
        what: &Prunable,
        mut pruned: impl FnMut(Pruned) -> bool,
    ) -> Result<Pruned, StoreError> {
        let mut all = Pruned::default();
        if let Some(before) = what.campaigns_before
            && !self.expire(before, &mut all, &mut pruned).await?
        {
            return Ok(all);
        }
        if let Some(before) = what.drops_before {
            let before = codec::micros(before);
            let mut tx = self.read("read which campaigns are over").await?;
            let over: Vec<(i64,)> = tx.all(OVER, &[]).await?;
            drop(tx);
            let over = over.into_iter().map(|(campaign,)| Some(campaign));
            for campaign in over.chain([None]) {
                // What was deleted may be in the way for a while, so each look begins where the last one ended.
                let mut from = Some(i64::MIN);
                while let Some(at) = from {
                    let mut attempts = Attempts::default();
                    let (some, last) = loop {
                        match self.prune_drops(campaign, at, before).await {
                            Err(error) if attempts.again(&error).await => {}
                            done => break done?,
                        }
                    };
                    all.drops += some;
                    from = last;
                    if some > 0 {
                        if !pruned(all) {
                            return Ok(all);
                        }
                        self.give_way().await;
                    }
                }
            }
        }
        if let Some(before) = what.drops_before {
            self.prune_callbacks(codec::micros(before)).await?;
            let gone = self.prune_held(before).await?;
            all.drops += gone;
            if gone > 0 && !pruned(all) {
                return Ok(all);
            }
        }
        // Behind the drops, which they are kept with.
        if let Some(before) = what.drops_before.max(what.campaigns_before) {
            self.prune_hearings(before).await?;
        }
        for kind in DECISIONS {
            let Some(before) = what.decisions_before.map(codec::micros) else {
                continue;
            };
            let mut after = Some(i64::MIN);
            while let Some(behind) = after {
                let mut attempts = Attempts::default();
                let (some, last) = loop {
                    match self.prune_decisions(kind, before, behind).await {
                        Err(error) if attempts.again(&error).await => {}
                        done => break done?,
                    }
                };
                all.decisions += some;
                after = last;
                if some > 0 {
                    if !pruned(all) {
                        return Ok(all);
                    }
                    self.give_way().await;
                }
            }
        }
        if what.events_before.is_some() || what.events_at_most.is_some() {
            let limits = self
                .prune_limits(what.events_before, what.events_at_most)
                .await?;
            let mut attempts = Attempts::default();
            while let Err(error) = self.note_missed(limits).await {
                if !attempts.again(&error).await {
                    return Err(error);
                }
            }
            let gone = self.prune_events(limits, |events| pruned(Pruned { events, ..all }));
            all.events = gone.await?;
            self.prune_deliveries().await?;
        }
        Ok(all)
    }

    /// Deletes campaigns as a whole; `false` if `pruned` says `false`.
    async fn expire(
        &self,
        before: Timestamp,
        all: &mut Pruned,
        pruned: &mut impl FnMut(Pruned) -> bool,
    ) -> Result<bool, StoreError> {
        for campaign in self.expired(before).await? {
            if !self.begin_expiry(campaign, before).await? {
                continue;
            }
            loop {
                let mut attempts = Attempts::default();
                let gone = loop {
                    match self.expire_some(campaign).await {
                        Err(error) if attempts.again(&error).await => {}
                        done => break done?,
                    }
                };
                match gone {
                    Expired::Some(contacts) => all.contacts += contacts,
                    Expired::All => all.campaigns += 1,
                }
                if !pruned(*all) {
                    return Ok(false);
                }
                self.give_way().await;
                if gone == Expired::All {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// How many drops of a campaign were pruned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pruned(&self, campaign: CampaignId) -> Result<u64, StoreError> {
        let mut tx = self
            .read(format!("count what was pruned of campaign {campaign}"))
            .await?;
        let pruned = tx.pruned(campaign, "drops").await?;
        Ok(pruned.iter().map(|one| one.count.unsigned_abs()).sum())
    }

    /// Deletes calls that came back as drops are deleted; what came of them stays with their contacts.
    async fn prune_callbacks(&self, before: i64) -> Result<(), StoreError> {
        loop {
            let mut tx = self.write("prune calls that came back").await?;
            let some = tx.prune_callbacks(before).await?;
            tx.commit().await?;
            if some == 0 {
                return Ok(());
            }
            self.give_way().await;
        }
    }

    /// Counts some drops of a campaign, or of none, that ended from then on, and deletes them; returns how many, and when the
    /// last of them ended unless there are no more.
    async fn prune_drops(
        &self,
        campaign: Option<i64>,
        from: i64,
        before: i64,
    ) -> Result<(u64, Option<i64>), StoreError> {
        let mut tx = self.write("prune drops").await?;
        tx.take_turns(PRUNE_LOCK).await?;
        let found: Vec<(String, i64, i64)> = match campaign {
            Some(campaign) => tx.all(OF_CAMPAIGN, args![from, before, campaign]).await?,
            None => tx.all(OF_NONE, args![from, before]).await?,
        };
        let Some((_, last, _)) = found.last() else {
            return Ok((0, None));
        };
        let given = rows(found.iter().map(|(id, ..)| row! { id: id }));
        for sql in [COUNT_OUTCOMES, COUNT_VARIANTS, COUNT_BUSY, COUNT_DROP] {
            tx.execute(sql, args![&given]).await?;
        }
        let gone = tx.execute(DELETE_DROPS, args![&given]).await?;
        if campaign.is_none() {
            tx.execute(DELETE_ORDERS, args![&given]).await?;
            tx.execute(DELETE_HELD, args![&given]).await?;
            let numbers = found.iter().map(|(_, _, number)| row! { number: number });
            tx.forget_numbers(rows(numbers), NO_CAMPAIGN).await?;
        }
        tx.commit().await?;
        Ok((gone, Some(*last)))
    }

    /// Deletes some decisions behind one; returns how many, and the last that was looked at unless that was the last of all.
    async fn prune_decisions(
        &self,
        (some, delete): (Sql, Sql),
        before: i64,
        after: i64,
    ) -> Result<(u64, Option<i64>), StoreError> {
        let mut tx = self.write("prune decisions").await?;
        let found: Vec<(i64, i64)> = tx.all(some, args![before, after]).await?;
        let Some((last, _)) = found.last().copied() else {
            return Ok((0, None));
        };
        let old = found.iter().filter(|(_, is_old)| *is_old == 1);
        let given = rows(old.map(|(id, _)| row! { id: id }));
        let gone = tx.execute(delete, args![&given]).await?;
        tx.commit().await?;
        Ok((gone, Some(last)))
    }

    /// On SQLite, a moment in which others write.
    pub(super) async fn give_way(&self) {
        if self.has_one_writer() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Tx {
    /// What was counted of a campaign's drops before they went.
    pub(super) async fn pruned(
        &mut self,
        campaign: CampaignId,
        kind: &str,
    ) -> Result<Vec<PrunedCount>, StoreError> {
        if !self.has_step(STEP) {
            return Ok(Vec::new());
        }
        let found: Vec<(i64, String, String, i64)> =
            self.all(PRUNED, args![campaign.0, kind]).await?;
        let counts = found
            .into_iter()
            .map(|(at, name, outcome, count)| PrunedCount {
                at,
                name,
                outcome,
                count,
            });
        Ok(counts.collect())
    }
}

/// The step of the schema that made the table of what was pruned.
const STEP: i64 = 6;

/// Half as long as a transaction takes, about.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(30);

/// In PostgreSQL's room of locks that programs share.
const PRUNE_LOCK: i64 = 0x6166_7465_7072_756e;

/// No campaign has it.
const NO_CAMPAIGN: CampaignId = CampaignId(0);

const PRUNED: Sql =
    sql!("SELECT at, name, outcome, count FROM pruned WHERE campaign = $1 AND kind = $2");

const OVER: Sql =
    sql!("SELECT id FROM campaigns WHERE standing IN ('complete', 'cancelled', 'dates_over')");

/// But those of campaigns that are given.
const COUNT_DROPS: Sql = sql!(
    "SELECT count(*) FROM drops WHERE ended_at IS NOT NULL AND ended_at < $2 AND (campaign IS NULL OR campaign IN \
     (SELECT id FROM campaigns WHERE standing IN ('complete', 'cancelled', 'dates_over') \
     AND id NOT IN (SELECT given.id FROM ",
    { id BIGINT },
    ")))"
);

// It may have come back to life since it was looked at.
const OF_CAMPAIGN: Sql = sql!(
    "SELECT id, ended_at, number FROM drops WHERE campaign = $3 AND ended_at IS NOT NULL AND ended_at >= $1 AND ended_at < $2 \
     AND EXISTS (SELECT 1 FROM campaigns WHERE campaigns.id = $3 \
     AND campaigns.standing IN ('complete', 'cancelled', 'dates_over')) ORDER BY ended_at LIMIT 500"
);

const OF_NONE: Sql = sql!(
    "SELECT id, ended_at, number FROM drops WHERE campaign IS NULL AND ended_at IS NOT NULL AND ended_at >= $1 AND ended_at < $2 \
     ORDER BY ended_at LIMIT 500"
);

const COUNT_DECISIONS: Sql = sql!(
    "SELECT count(*) FROM (SELECT campaign FROM decisions WHERE at < $2 \
     UNION ALL SELECT campaign FROM last_decisions WHERE at < $2) AS old WHERE campaign IN \
     (SELECT id FROM campaigns WHERE standing IN ('complete', 'cancelled', 'dates_over') \
     AND id NOT IN (SELECT given.id FROM ",
    { id BIGINT },
    "))"
);

/// Both kinds: those of earlier versions of the program, and the last one of each contact.
const DECISIONS: [(Sql, Sql); 2] = [
    (SOME_DECISIONS, DELETE_DECISIONS),
    (SOME_LAST_DECISIONS, DELETE_LAST_DECISIONS),
];

const SOME_LAST_DECISIONS: Sql = sql!(
    "SELECT contact, CAST(CASE WHEN last_decisions.at < $1 \
     AND campaigns.standing IN ('complete', 'cancelled', 'dates_over') THEN 1 ELSE 0 END AS BIGINT) \
     FROM last_decisions JOIN campaigns ON campaigns.id = last_decisions.campaign \
     WHERE contact > $2 ORDER BY contact LIMIT 1000"
);

const DELETE_LAST_DECISIONS: Sql = sql!(
    "DELETE FROM last_decisions WHERE contact IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const SOME_DECISIONS: Sql = sql!(
    "SELECT decisions.id, CAST(CASE WHEN decisions.at < $1 \
     AND campaigns.standing IN ('complete', 'cancelled', 'dates_over') THEN 1 ELSE 0 END AS BIGINT) \
     FROM decisions JOIN campaigns ON campaigns.id = decisions.campaign \
     WHERE decisions.id > $2 ORDER BY decisions.id LIMIT 1000"
);

/// Adds counts of the drops that are given to those that are there.
macro_rules! counted {
    ($columns:literal, $values:literal, $filter:literal, $group:literal) => {
        sql!(
            "INSERT INTO pruned (campaign, kind, ",
            $columns,
            ", count) SELECT drops.campaign, ",
            $values,
            " FROM ",
            { id TEXT },
            " JOIN drops ON drops.id = given.id WHERE drops.campaign IS NOT NULL AND ",
            $filter,
            " GROUP BY drops.campaign, ",
            $group,
            " ON CONFLICT (campaign, kind, at, name, outcome) DO UPDATE SET count = pruned.count + excluded.count"
        )
    };
}

/// With the proof of what was delivered as the name.
const COUNT_OUTCOMES: Sql = counted!(
    "at, name, outcome",
    "'drops', drops.ended_at / 3600000000 * 3600000000, \
     CASE drops.outcome WHEN 'delivered' THEN coalesce(drops.proof, '') ELSE '' END, drops.outcome, count(*)",
    "1 = 1",
    "drops.ended_at / 3600000000 * 3600000000, \
     CASE drops.outcome WHEN 'delivered' THEN coalesce(drops.proof, '') ELSE '' END, drops.outcome"
);

const COUNT_VARIANTS: Sql = counted!(
    "name, outcome",
    "'variant', drops.variant, drops.outcome, count(*)",
    "drops.is_final = 1 AND drops.variant IS NOT NULL",
    "drops.variant, drops.outcome"
);

const COUNT_BUSY: Sql = counted!(
    "at",
    "'busy', (drops.busy_up_ms + 999) / 1000, CAST(sum(drops.busy_legs) AS BIGINT)",
    "drops.busy_legs > 0",
    "(drops.busy_up_ms + 999) / 1000"
);

const COUNT_DROP: Sql = counted!(
    "at",
    "'drop', (drops.drop_up_ms + 999) / 1000, CAST(sum(drops.drop_legs) AS BIGINT)",
    "drops.drop_legs > 0",
    "(drops.drop_up_ms + 999) / 1000"
);

const DELETE_DROPS: Sql = sql!(
    "DELETE FROM drops WHERE id IN (SELECT given.id FROM ",
    { id TEXT },
    ")"
);

const DELETE_ORDERS: Sql = sql!(
    "DELETE FROM ordered_drops WHERE drop_id IN (SELECT given.id FROM ",
    { id TEXT },
    ")"
);

/// What was dialled of those that the gate held.
const DELETE_HELD: Sql = sql!(
    "DELETE FROM held_drops WHERE drop_id IN (SELECT given.id FROM ",
    { id TEXT },
    ")"
);

const DELETE_DECISIONS: Sql = sql!(
    "DELETE FROM decisions WHERE id IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);
