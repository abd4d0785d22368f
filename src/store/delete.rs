//! Campaigns that go, with their contacts and imports. One that has drops stays: they are the record of who was called.

use jiff::Timestamp;

use super::{
    Store, StoreError,
    callbacks::FORGET_CAMPAIGN,
    codec::micros,
    intent_locks::hold_campaign,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::campaign::engine::CampaignId;

impl Store {
    /// Begins to delete a campaign: from its return on nothing of it is started, and no list is added to it. If that is
    /// all that was done, it is a cancelled campaign, and deleting it goes on from there.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is no such campaign, or it has drops.
    pub async fn begin_deletion(
        &self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(format!("delete campaign {campaign}")).await?;
        let version = tx.next_version().await?;
        hold_campaign(&mut tx, campaign).await?;
        let given = args![campaign.0, BEING_DELETED, micros(now), version];
        // Holds its row: an intent is written while it is shared.
        if tx.execute(CANCEL, given).await? == 0 {
            return Err(tx.refuse("there is no such campaign"));
        }
        if tx.one::<(i64,)>(DROP, args![campaign.0]).await?.is_some() {
            return Err(tx.refuse("it has drops, which are kept"));
        }
        if tx.one::<(i64,)>(PRUNED, args![campaign.0]).await?.is_some() {
            return Err(tx.refuse("it had drops, whose counts are kept"));
        }
        tx.commit().await
    }

    /// Deletes some contacts of a campaign whose deletion was begun, or, once it has none, the rest of it; returns how many
    /// contacts went, and 0 when nothing is left.
    ///
    /// # Errors
    /// [`StoreError`], refused if its deletion was not begun.
    pub async fn delete_some(&self, campaign: CampaignId) -> Result<u64, StoreError> {
        let mut tx = self.write(format!("delete campaign {campaign}")).await?;
        let begun: Option<(i64,)> = tx.one(BEGUN, args![campaign.0, BEING_DELETED]).await?;
        if begun.is_none() {
            return Err(tx.refuse("its deletion was not begun"));
        }
        let contacts: Vec<(i64,)> = tx.all(SOME, args![campaign.0, AT_A_TIME]).await?;
        let given = rows(contacts.iter().map(|(id,)| row! { id: id }));
        if contacts.is_empty() {
            tx.forget_campaign(campaign).await?;
        } else {
            for sql in OF_CONTACTS {
                tx.execute(sql, args![&given]).await?;
            }
        }
        tx.commit().await?;
        Ok(contacts.len() as u64)
    }
}

impl Tx {
    /// Deletes what is left of a campaign without drops and contacts.
    pub(super) async fn forget_campaign(&mut self, campaign: CampaignId) -> Result<(), StoreError> {
        let scope = format!("campaign:{campaign}");
        self.execute(PACE, args![&scope]).await?;
        for sql in [
            HELD_UNDER,
            REQUEUES,
            PLACES,
            IMPORTS,
            PRUNED_COUNTS,
            FORGET_CAMPAIGN,
            CAMPAIGN,
        ] {
            self.execute(sql, args![campaign.0]).await?;
        }
        Ok(())
    }
}

/// Why a campaign is cancelled that is being deleted, by the operator, or for its age, with its drops.
const BEING_DELETED: &str = "being deleted";
pub(super) const EXPIRED: &str = "being deleted for its age";

/// Contacts of one transaction: so few that no other writer waits for long.
const AT_A_TIME: i64 = 5_000;

const CANCEL: Sql = sql!(
    "UPDATE campaigns SET standing = 'cancelled', why = $2, changed_at = $3, version = $4 WHERE id = $1"
);

const DROP: Sql = sql!("SELECT attempt FROM drops WHERE campaign = $1 LIMIT 1");

const PRUNED: Sql = sql!("SELECT at FROM pruned WHERE campaign = $1 LIMIT 1");

pub(super) const BEGUN: Sql =
    sql!("SELECT id FROM campaigns WHERE id = $1 AND standing = 'cancelled' AND why = $2");

const SOME: Sql = sql!(
    "SELECT id FROM contacts WHERE campaign = $1 ORDER BY id LIMIT $2",
    ["", " FOR UPDATE"]
);

/// All that contacts have but drops, and contacts.
pub(super) const OF_CONTACTS: [Sql; 4] = [DECISIONS, LAST_DECISIONS, REQUEUED, CONTACTS];

const DECISIONS: Sql = sql!(
    "DELETE FROM decisions WHERE contact IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const LAST_DECISIONS: Sql = sql!(
    "DELETE FROM last_decisions WHERE contact IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const REQUEUED: Sql = sql!(
    "DELETE FROM requeued WHERE contact IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const CONTACTS: Sql = sql!(
    "DELETE FROM contacts WHERE id IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const HELD_UNDER: Sql = sql!("DELETE FROM held_under WHERE campaign = $1");

const REQUEUES: Sql = sql!("DELETE FROM requeues WHERE campaign = $1");

const PLACES: Sql = sql!("DELETE FROM campaign_places WHERE campaign = $1");

const IMPORTS: Sql = sql!("DELETE FROM imports WHERE campaign = $1");

const PRUNED_COUNTS: Sql = sql!("DELETE FROM pruned WHERE campaign = $1");

const PACE: Sql = sql!("DELETE FROM paces WHERE scope = $1");

const CAMPAIGN: Sql = sql!("DELETE FROM campaigns WHERE id = $1");
