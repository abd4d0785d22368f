//! What is done to a database that was restored, before anything uses it: it knows nothing of what was done after the backup,
//! so that nothing of it may go on by itself.

use jiff::Timestamp;

use super::{
    Store, StoreError, codec, intent_locks,
    sql::{Sql, args, sql},
    transaction::{Pools, Tx},
};
use crate::campaign::engine::CampaignId;

/// What was stopped in a database that was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quietened {
    /// Campaigns that ran, and are paused.
    pub paused: Vec<String>,
    /// Contacts that were leased to controllers, and are due as before.
    pub given_back: u64,
    /// Drops that the gate held, and that are not dialled any more.
    pub held: u64,
    /// Lists that were coming in over HTTP.
    pub uploads: u64,
    /// Sessions of people, who have to sign in again.
    pub sessions: u64,
    /// Answers to keys of the API, which are kept as if they were given now.
    pub keys: u64,
}

impl Store {
    /// Stops all that would go on by itself: campaigns that run are paused for this reason, controllers are ended and what
    /// they had leased is given back, drops that the gate held are ended, lists that were coming in are interrupted, and sessions end. Keys of the API are kept from
    /// now on, so that none is carried out again. The next event has a number that none after the backup had. Drops in flight are
    /// left to whoever settles them; their controllers are gone.
    ///
    /// # Errors
    /// [`StoreError`], refused if a controller of it is alive by its lease, unless `is_copy` says that it is a copy which
    /// nobody uses.
    pub async fn quieten(
        &self,
        because: &str,
        is_copy: bool,
        now: Timestamp,
    ) -> Result<Quietened, StoreError> {
        let mut tx = self.write("stop what a backup would go on with").await?;
        let at = tx.lease_time(now).await?;
        let alive: Option<(String,)> = tx.one(ALIVE, args![at]).await?;
        if let Some((run,)) = alive.filter(|_| !is_copy) {
            return Err(tx.refuse(format!(
                "its controller `{run}` is alive by its lease: end it; if this is a copy, its lease ends within half a minute"
            )));
        }
        let mut done = Quietened::default();
        // First, so that what is told of here is behind the gap as well.
        let gap = match &self.pools {
            Pools::Sqlite { .. } => {
                tx.execute(COUNT_EVENTS, args![]).await?;
                SQLITE_GAP
            }
            Pools::Postgres { .. } => POSTGRES_GAP,
        };
        tx.execute(gap, args![EVENTS_BETWEEN]).await?;
        tx.execute(END_CONTROLLERS, args![at]).await?;
        done.given_back = tx.execute(GIVE_BACK, args![]).await?;
        let running: Vec<(i64, String)> = tx.all(RUNNING, args![]).await?;
        for (id, name) in running {
            tx.pause_restored(CampaignId(id), because, now).await?;
            done.paused.push(name);
        }
        let written = codec::micros(tx.past(now).await?);
        done.held = tx.end_restored_holds(because, now).await?;
        done.uploads = tx.execute(INTERRUPT, args![because, written]).await?;
        done.sessions = tx.execute(END_SESSIONS, args![]).await?;
        tx.execute(END_LINKS, args![]).await?;
        done.keys = tx.execute(KEEP_KEYS, args![written]).await?;
        tx.execute(FREE_WEBHOOKS, args![]).await?;
        tx.execute(FREE_DELIVERIES, args![]).await?;
        tx.commit().await?;
        Ok(done)
    }
}

impl Tx {
    async fn pause_restored(
        &mut self,
        campaign: CampaignId,
        because: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let version = self.next_version().await?;
        intent_locks::hold_campaign(self, campaign).await?;
        let now = codec::micros(self.past(now).await?);
        let args = args![campaign.0, because, now, version];
        self.execute(PAUSE, args).await?;
        Ok(())
    }
}

/// How many numbers of events are passed over: more than any service tells of between a backup and its restoration, so that none
/// is given twice.
const EVENTS_BETWEEN: i64 = 1_000_000_000;

const ALIVE: Sql = sql!(
    "SELECT run FROM controllers WHERE ended_at IS NULL AND lease_ends > $1 ORDER BY run LIMIT 1"
);

const COUNT_EVENTS: Sql = sql!(
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 0 \
     WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')"
);

const SQLITE_GAP: Sql = sql!("UPDATE sqlite_sequence SET seq = seq + $1 WHERE name = 'events'");

const POSTGRES_GAP: Sql = sql!("UPDATE counters SET value = value + $1 WHERE name = 'events'");

/// Ended before this moment, so that what they left in flight is anybody's to settle.
const END_CONTROLLERS: Sql = sql!(
    "UPDATE controllers SET ended_at = coalesce(ended_at, $1), \
     lease_ends = CASE WHEN lease_ends < $1 THEN lease_ends ELSE $1 - 1 END"
);

const GIVE_BACK: Sql = sql!(
    "UPDATE contacts SET stage = 'due', due_at = was_due, holder = NULL WHERE stage = 'leased'"
);

const RUNNING: Sql = sql!("SELECT id, name FROM campaigns WHERE standing = 'running' ORDER BY id");

const PAUSE: Sql = sql!(
    "UPDATE campaigns SET standing = 'paused', why = $2, in_flight = 'finish', changed_at = $3, version = $4 WHERE id = $1"
);

const INTERRUPT: Sql = sql!(
    "UPDATE uploads SET state = 'interrupted', why = $1, beat_at = $2 \
     WHERE state IN ('receiving', 'checking', 'importing')"
);

const END_SESSIONS: Sql = sql!("DELETE FROM sessions");

const END_LINKS: Sql =
    sql!("UPDATE users SET link_digest = NULL, link_until = NULL WHERE link_digest IS NOT NULL");

const KEEP_KEYS: Sql = sql!("UPDATE idempotency_keys SET at = $1");

const FREE_WEBHOOKS: Sql =
    sql!("UPDATE webhooks SET holder = NULL, lease_ends = NULL WHERE holder IS NOT NULL");

const FREE_DELIVERIES: Sql = sql!("UPDATE webhook_deliveries SET taken = 0 WHERE taken <> 0");
