//! Controllers: the processes that dial, each with a lease that it renews, and what they leave when they die.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::{read_time, technique},
    leases::{CONTACT_LEASE, CONTROLLER_LEASE, lease_end},
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::{
    campaign::{
        engine::{CampaignId, ContactId},
        pace::Rate,
    },
    drop::Technique,
    id::{DropId, RunName},
};

/// A living controller: its writes are checked against its own leases and drops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerLease {
    /// Its run's name, which is part of its channels' ids.
    pub run: RunName,
    /// The PBX, by the instance's name.
    pub pbx: String,
    /// The trunk behind it.
    pub trunk: String,
}

/// What a controller begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its run's name.
    pub run: RunName,
    /// The PBX, by the instance's name.
    pub pbx: String,
    /// Which PBX that is, so that no other one passes for it.
    pub identity: String,
    /// What tells it, as long as it runs, from every other that may have the same identity behind another port.
    pub marker: Option<String>,
    /// The trunk behind it, which other PBXes may share.
    pub trunk: String,
    /// How fast the trunk takes starts, as this controller was configured.
    pub rate: Rate,
    /// Most drops in flight on the trunk, as this controller was configured.
    pub in_flight: u32,
    /// Whether it is for one drop outside any campaign.
    pub is_single: bool,
}

/// A drop without an outcome whose controller is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The drop.
    pub drop: DropId,
    /// The run that made its channels.
    pub run: RunName,
    /// The campaign it belongs to; `None`: to none.
    pub campaign: Option<CampaignId>,
    /// The contact it was for; `None`: outside any campaign.
    pub contact: Option<ContactId>,
    /// The number of the attempt.
    pub attempt: u32,
    /// The PBX, by its controller's instance.
    pub pbx: String,
    /// One call or two.
    pub technique: Technique,
    /// When it was to begin.
    pub started_at: Timestamp,
    /// The campaign's name; `None` outside any campaign.
    pub campaign_name: Option<String>,
    /// Where it belongs in the trace of whoever ordered it, as W3C Trace Context has it.
    pub traceparent: Option<String>,
}

impl Store {
    /// Begins a controller whose lease lasts until [`CONTROLLER_LEASE`] from `now`, unless it is renewed.
    ///
    /// # Errors
    /// [`StoreError`], refused if a run of this name lives or has left something, or if the instance's name is another
    /// PBX's that is in use.
    pub async fn begin_controller(
        &self,
        given: &Registration,
        now: Timestamp,
    ) -> Result<ControllerLease, StoreError> {
        let run = &given.run;
        let mut tx = self.write(format!("begin controller `{run}`")).await?;
        let now = tx.lease_time(now).await?;
        tx.bound_leases(now).await?;
        tx.register(given, now).await?;
        let args = args![
            run.as_str(),
            &given.pbx,
            now,
            lease_end(now, CONTROLLER_LEASE),
            &given.trunk,
            i64::from(given.is_single),
            i64::from(given.rate.starts()),
            i64::try_from(given.rate.per().as_micros()).unwrap_or(i64::MAX),
            i64::from(given.in_flight),
        ];
        if tx.execute(BEGIN, args).await? == 0 {
            return Err(tx.refuse("a run of this name exists"));
        }
        // Starts of those who were alone until now are still on their way.
        let scope = format!("trunk:{}", given.trunk);
        let from = now + JOINS_AFTER;
        let args = args![
            scope.as_str(),
            from,
            i64::from(given.is_single),
            run.as_str()
        ];
        tx.execute(JOIN, args).await?;
        tx.commit().await?;
        Ok(ControllerLease {
            run: run.clone(),
            pbx: given.pbx.clone(),
            trunk: given.trunk.clone(),
        })
    }

    /// Whether any controller that runs campaigns is alive: its lease has not ended. A run of a single drop is not one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_controller(&self, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.read("look for a controller").await?;
        let now = tx.lease_time(now).await?;
        let found: Option<(String,)> = tx.one(ANY_CONTROLLER, args![now]).await?;
        Ok(found.is_some())
    }

    /// Registers that its trunk takes so many starts, and so many drops in flight, as its configuration has it by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_limits(
        &self,
        holder: &ControllerLease,
        rate: Rate,
        in_flight: u32,
    ) -> Result<(), StoreError> {
        let run = holder.run.as_str();
        let mut tx = self.write(format!("register the trunk of `{run}`")).await?;
        let args = args![
            run,
            i64::from(rate.starts()),
            i64::try_from(rate.per().as_micros()).unwrap_or(i64::MAX),
            i64::from(in_flight),
        ];
        tx.execute(LIMITS, args).await?;
        tx.commit().await
    }

    /// Renews its lease; `false` if it had ended and another controller has taken its drops over: it has to stop then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renew(
        &self,
        holder: &ControllerLease,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("renew this controller's lease").await?;
        let now = tx.lease_time(now).await?;
        let args = args![holder.run.as_str(), lease_end(now, CONTROLLER_LEASE)];
        let renewed = tx.execute(RENEW, args).await?;
        tx.commit().await?;
        Ok(renewed > 0)
    }

    /// Ends it: its leases of contacts are given back. Drops without outcome that it leaves are for the controller that
    /// adopts them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_controller(
        &self,
        holder: &ControllerLease,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("end this controller").await?;
        let run = holder.run.as_str();
        let now = tx.lease_time(now).await?;
        tx.execute(END, args![run, now]).await?;
        let leases = rows([row! { run: run }]);
        tx.execute(END_LEASES, args![&leases]).await?;
        tx.execute(FORGET, args![&holder.pbx]).await?;
        tx.commit().await
    }

    /// Takes over the drops without outcome of controllers of this PBX that are gone: those that have ended, those whose
    /// lease has expired, and those of `dead`, which are known to be gone. They are this holder's then, and no other's.
    /// These controllers are ended, and so are their leases of contacts. What was taken over before and has no outcome yet
    /// is returned again: the answer may have been lost on its way.
    ///
    /// # Errors
    /// [`StoreError`], refused if this holder was ended itself.
    pub async fn adopt(
        &self,
        holder: &ControllerLease,
        dead: &[RunName],
        now: Timestamp,
    ) -> Result<Vec<Orphan>, StoreError> {
        let mut tx = self.write("take over what other controllers left").await?;
        let run = holder.run.as_str();
        if !tx.is_alive(holder).await? {
            return Err(tx.refuse("another controller has taken over what this one had"));
        }
        let dead = rows(dead.iter().map(|run| row! { run: run.as_str() }));
        let now = tx.lease_time(now).await?;
        tx.bound_leases(now).await?;
        tx.execute(END_GONE, args![&dead, run, &holder.pbx, now])
            .await?;
        let gone: Vec<(String,)> = tx.all(GONE, args![run, &holder.pbx]).await?;
        if !gone.is_empty() {
            let gone = rows(gone.iter().map(|(run,)| row! { run: run }));
            tx.execute(END_LEASES, args![&gone]).await?;
            // In this order, in which a commit takes them too.
            tx.execute(ADOPT_CONTACTS, args![&gone, run]).await?;
            tx.execute(ADOPT, args![&gone, run, &holder.pbx]).await?;
            tx.execute(FORGET, args![&holder.pbx]).await?;
        }
        let stored = tx.all(ADOPTED, args![run, &holder.pbx]).await?;
        let orphans = tx.orphans(stored)?;
        tx.commit().await?;
        Ok(orphans)
    }

    /// Takes over the drops without outcome that belong to no campaign, of runs of this PBX that are gone, and touches
    /// nothing of any campaign. Gone are those that have ended, those of `dead`, and those whose lease has ended, unless
    /// they are of `alive`: a run of this machine whose process is alive may be cut off from the database for a while.
    ///
    /// # Errors
    /// [`StoreError`], refused if this holder was ended itself.
    pub async fn adopt_strays(
        &self,
        holder: &ControllerLease,
        dead: &[RunName],
        alive: &[RunName],
        now: Timestamp,
    ) -> Result<Vec<Orphan>, StoreError> {
        let mut tx = self.write("take over what other drops left").await?;
        let run = holder.run.as_str();
        if !tx.is_alive(holder).await? {
            return Err(tx.refuse("another run has taken over what this one had"));
        }
        let dead = dead.iter().map(|run| (run, false));
        let seen = dead.chain(alive.iter().map(|run| (run, true)));
        let seen = seen.map(|(run, lives)| row! { run: run.as_str(), lives: i64::from(lives) });
        let seen = rows(seen);
        let now = tx.lease_time(now).await?;
        let args = args![&seen, run, &holder.pbx, now];
        let gone: Vec<(String,)> = tx.all(STRAYED, args).await?;
        if gone.is_empty() {
            tx.commit().await?;
            return Ok(Vec::new());
        }
        let gone = rows(gone.iter().map(|(run,)| row! { run: run }));
        let stored = tx.all(ADOPT_STRAYS, args![&gone, run, &holder.pbx]).await?;
        let orphans = tx.orphans(stored)?;
        tx.execute(END_EMPTY, args![&gone, now]).await?;
        tx.execute(FORGET, args![&holder.pbx]).await?;
        tx.commit().await?;
        Ok(orphans)
    }
}

impl Tx {
    /// Whether a controller has not been ended, which it cannot be until this transaction is over.
    pub(super) async fn is_alive(&mut self, holder: &ControllerLease) -> Result<bool, StoreError> {
        let args = args![holder.run.as_str()];
        let found: Option<(Option<String>, Option<i64>)> = self.one(ALIVE, args).await?;
        let (run, server_time) = found.unwrap_or_default();
        self.note_server_time(server_time);
        Ok(run.is_some())
    }

    /// Bounds leases that a clock which was wrong has written, so that they do not last for hours: none ends later than
    /// one that begins now.
    async fn bound_leases(&mut self, now: i64) -> Result<(), StoreError> {
        let ends = lease_end(now, CONTROLLER_LEASE);
        self.execute(BOUND_LEASES, args![ends, lease_end(ends, SLACK)])
            .await?;
        let ends = lease_end(now, CONTACT_LEASE);
        self.execute(BOUND_CONTACTS, args![ends, lease_end(ends, SLACK)])
            .await?;
        Ok(())
    }

    /// Reads orphans, in the order in which they began.
    fn orphans(&self, stored: Vec<StoredOrphan>) -> Result<Vec<Orphan>, StoreError> {
        let mut orphans = Vec::with_capacity(stored.len());
        for stored in stored {
            let id = stored.0.clone();
            let Some(orphan) = read_orphan(stored) else {
                return Err(self.broken(format!("the row of drop {id} cannot be read")));
            };
            orphans.push(orphan);
        }
        orphans.sort_by_key(|orphan| (orphan.started_at, orphan.drop));
        Ok(orphans)
    }
}

type StoredOrphan = (
    String,
    String,
    Option<i64>,
    Option<i64>,
    i64,
    String,
    String,
    i64,
    Option<String>,
    Option<String>,
);

pub(super) fn read_orphan(stored: StoredOrphan) -> Option<Orphan> {
    let (drop, run, campaign, contact, attempt, pbx, slug, started_at, campaign_name, traceparent) =
        stored;
    Some(Orphan {
        drop: drop.parse().ok()?,
        run: RunName::new(&run).ok()?,
        campaign: campaign.map(CampaignId),
        contact: contact.map(ContactId),
        attempt: attempt.try_into().ok()?,
        pbx,
        technique: technique(&slug)?,
        started_at: read_time(started_at)?,
        campaign_name,
        traceparent,
    })
}

/// How much later than one that begins now a lease may end: clocks that agree are this far apart at most.
const SLACK: Duration = Duration::from_secs(5);

const BEGIN: Sql = sql!(
    "INSERT INTO controllers (run, pbx, began_at, lease_ends, trunk, is_single, starts, per_us, in_flight, takes_turns) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) ON CONFLICT (run) DO NOTHING"
);

const LIMITS: Sql = sql!(
    "UPDATE controllers SET starts = $2, per_us = $3, in_flight = $4 WHERE run = $1 AND ended_at IS NULL"
);

/// With what the server's clock shows.
const ALIVE: Sql = sql!(
    "SELECT alive.run, ",
    SERVER_TIME,
    " FROM (SELECT 1 AS one) AS always LEFT JOIN \
     (SELECT run FROM controllers WHERE run = $1 AND ended_at IS NULL",
    ["", " FOR SHARE"],
    ") AS alive ON 1 = 1"
);

const ANY_CONTROLLER: Sql = sql!(
    "SELECT run FROM controllers WHERE ended_at IS NULL AND lease_ends > $1 AND NOT EXISTS \
     (SELECT 1 FROM drops WHERE drops.holder = controllers.run AND drops.run = controllers.run \
     AND drops.campaign IS NULL AND drops.outcome IS NULL) LIMIT 1"
);

/// Those of living controllers, in this order, which all take.
const BOUND_LEASES: Sql = sql!(
    "UPDATE controllers SET lease_ends = $1 WHERE run IN \
     (SELECT run FROM controllers WHERE ended_at IS NULL AND lease_ends > $2 ORDER BY run",
    ["", " FOR UPDATE SKIP LOCKED"],
    ")"
);

/// What another is about to change is passed over.
const BOUND_CONTACTS: Sql = sql!(
    "UPDATE contacts SET due_at = $1 WHERE id IN \
     (SELECT contacts.id FROM controllers CROSS JOIN contacts WHERE contacts.holder = controllers.run \
     AND contacts.stage = 'leased' AND contacts.due_at > $2 ORDER BY contacts.id",
    ["", " FOR UPDATE OF contacts SKIP LOCKED"],
    ")"
);

const RENEW: Sql =
    sql!("UPDATE controllers SET lease_ends = $2 WHERE run = $1 AND ended_at IS NULL");

const END: Sql = sql!("UPDATE controllers SET ended_at = $2 WHERE run = $1 AND ended_at IS NULL");

pub(super) const END_LEASES: Sql = sql!(
    "UPDATE contacts SET stage = 'due', due_at = was_due, holder = NULL FROM ",
    { run TEXT },
    " WHERE contacts.holder = given.run AND contacts.stage = 'leased'"
);

const END_GONE: Sql = sql!(
    "UPDATE controllers SET ended_at = $4 WHERE pbx = $3 AND run <> $2 AND ended_at IS NULL \
     AND (lease_ends < $4 OR run IN (SELECT given.run FROM ",
    { run TEXT },
    "))"
);

/// For how long others' starts wait when a controller joins, in microseconds: longer than one takes from its intent to the
/// PBX.
const JOINS_AFTER: i64 = 1_000_000;

const JOIN: Sql = sql!(
    "UPDATE paces SET next_at = $2 WHERE next_at < $2 AND scope IN (SELECT scope FROM paces \
     WHERE (scope = $1 OR ($3 = 0 AND scope LIKE 'campaign:%')) AND EXISTS \
     (SELECT 1 FROM controllers WHERE ended_at IS NULL AND run <> $4) ORDER BY scope",
    ["", " FOR UPDATE"],
    ")"
);

/// Those that have left something.
const GONE: Sql = sql!(
    "SELECT run FROM controllers WHERE pbx = $2 AND run <> $1 AND ended_at IS NOT NULL AND \
     (EXISTS (SELECT 1 FROM drops WHERE drops.holder = controllers.run AND drops.outcome IS NULL) \
     OR EXISTS (SELECT 1 FROM contacts WHERE contacts.holder = controllers.run)) ORDER BY run"
);

/// Those that have ended and have left nothing, so that their number does not grow for ever.
pub(super) const FORGET: Sql = sql!(
    "DELETE FROM controllers WHERE pbx = $1 AND ended_at IS NOT NULL AND \
     NOT EXISTS (SELECT 1 FROM drops WHERE drops.holder = controllers.run AND drops.outcome IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM contacts WHERE contacts.holder = controllers.run)"
);

const ADOPT_CONTACTS: Sql = sql!(
    "UPDATE contacts SET holder = $2 FROM ",
    { run TEXT },
    " WHERE contacts.holder = given.run AND contacts.stage = 'dialling'"
);

const ADOPT: Sql = sql!(
    "UPDATE drops SET holder = $2 FROM ",
    { run TEXT },
    " WHERE drops.holder = given.run AND drops.outcome IS NULL AND drops.pbx = $3"
);

/// What a controller has of others.
const ADOPTED: Sql = sql!(
    "SELECT id, run, campaign, contact, attempt, pbx, technique, started_at, \
     (SELECT name FROM campaigns WHERE campaigns.id = drops.campaign), \
     (SELECT traceparent FROM ordered_drops WHERE ordered_drops.drop_id = drops.id) FROM drops \
     WHERE holder = $1 AND run <> $1 AND outcome IS NULL AND pbx = $2"
);

/// Runs that are gone and have left drops of no campaign; locked before these, as a commit takes them.
const STRAYED: Sql = sql!(
    "SELECT run FROM controllers WHERE pbx = $3 AND run <> $2 AND \
     (ended_at IS NOT NULL OR run IN (SELECT given.run FROM ",
    { run TEXT, lives BIGINT },
    " WHERE given.lives = 0) OR (lease_ends < $4 AND run NOT IN (SELECT given.run FROM ",
    { run TEXT, lives BIGINT },
    " WHERE given.lives = 1))) AND EXISTS (SELECT 1 FROM drops WHERE drops.holder = controllers.run \
     AND drops.campaign IS NULL AND drops.outcome IS NULL) ORDER BY run",
    ["", " FOR UPDATE"]
);

const ADOPT_STRAYS: Sql = sql!(
    "UPDATE drops SET holder = $2 FROM ",
    { run TEXT },
    " WHERE drops.holder = given.run AND drops.outcome IS NULL AND drops.campaign IS NULL \
     AND drops.pbx = $3 \
     RETURNING id, drops.run, campaign, contact, attempt, pbx, technique, started_at, CAST(NULL AS TEXT), \
     (SELECT traceparent FROM ordered_drops WHERE ordered_drops.drop_id = drops.id)"
);

/// Those that have nothing any more.
const END_EMPTY: Sql = sql!(
    "UPDATE controllers SET ended_at = $2 WHERE ended_at IS NULL \
     AND run IN (SELECT given.run FROM ",
    { run TEXT },
    ") AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.holder = controllers.run AND drops.outcome IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM contacts WHERE contacts.holder = controllers.run)"
);
