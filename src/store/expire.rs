//! Campaigns that go as a whole by their age, with all that is known by them: their contacts, drops, decisions and imports.
//!
//! ```text
//!   expired ──> begin ──> some drops, then some contacts, .. ──> the campaign itself
//! ```
//!
//! One that has anything open stays, and so does one of which anything is younger than what is asked for. Whoever is stopped
//! in between leaves a cancelled campaign that is still as old, so that the next one goes on with it.

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::micros,
    delete::{self, EXPIRED},
    intent_locks::hold_campaign,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::campaign::engine::CampaignId;

/// What one transaction deleted of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// So many contacts; drops go before them.
    Some(u64),
    /// All that was left.
    All,
}

impl Store {
    /// The campaigns that may go as a whole: they are over, and nothing of them is open or younger than this.
    pub(super) async fn expired(&self, before: Timestamp) -> Result<Vec<CampaignId>, StoreError> {
        let mut tx = self.read("read which campaigns are old").await?;
        let found: Vec<(i64,)> = tx.all(WHICH, args![micros(before)]).await?;
        Ok(found.into_iter().map(|(id,)| CampaignId(id)).collect())
    }

    /// How many contacts campaigns have.
    pub(super) async fn contacts_of(&self, campaigns: &[CampaignId]) -> Result<u64, StoreError> {
        let mut contacts = 0;
        for campaign in campaigns {
            contacts += self.tally(*campaign).await?.contacts;
        }
        Ok(contacts)
    }

    /// Begins to delete a campaign; from its return on nothing of it is started, and no list is added to it. `false` if it
    /// may not go any more.
    pub(super) async fn begin_expiry(
        &self,
        campaign: CampaignId,
        before: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self
            .write(format!("delete campaign {campaign} for its age"))
            .await?;
        let version = tx.next_version().await?;
        hold_campaign(&mut tx, campaign).await?;
        let args = args![micros(before), campaign.0, EXPIRED, version];
        let begun = tx.execute(BEGIN, args).await? > 0;
        tx.commit().await?;
        Ok(begun)
    }

    /// Deletes some of a campaign whose deletion was begun: drops, then contacts, then the rest of it.
    pub(super) async fn expire_some(&self, campaign: CampaignId) -> Result<Expired, StoreError> {
        let doing = format!("delete campaign {campaign} for its age");
        let mut tx = self.write(doing.clone()).await?;
        let begun: Option<(i64,)> = tx.one(delete::BEGUN, args![campaign.0, EXPIRED]).await?;
        if begun.is_none() {
            return Err(tx.refuse("its deletion was not begun"));
        }
        if tx.execute(SOME_DROPS, args![campaign.0]).await? > 0 {
            tx.commit().await?;
            return Ok(Expired::Some(0));
        }
        let contacts: Vec<(i64, i64)> = tx.all(SOME, args![campaign.0]).await?;
        if contacts.is_empty() {
            drop(tx);
            self.forget_campaign(campaign, &doing).await?;
            return Ok(Expired::All);
        }
        let numbers = rows(contacts.iter().map(|(_, number)| row! { number: number }));
        let ids = rows(contacts.iter().map(|(id, _)| row! { id: id }));
        // Numbers before contacts, as a commit takes them.
        tx.forget_numbers(numbers, campaign).await?;
        for sql in delete::OF_CONTACTS {
            tx.execute(sql, args![&ids]).await?;
        }
        tx.commit().await?;
        Ok(Expired::Some(contacts.len() as u64))
    }

    /// Deletes what is left of a campaign without drops and contacts.
    async fn forget_campaign(&self, campaign: CampaignId, doing: &str) -> Result<(), StoreError> {
        // SQLite would read every contact there is, to see that none is of the campaign's imports, while nothing else is
        // written.
        self.pragma(doing, "PRAGMA foreign_keys = OFF").await?;
        let done = async {
            let mut tx = self.write(doing).await?;
            if let Some((_,)) = tx.one::<(i64,)>(SOMETHING, args![campaign.0]).await? {
                return Err(tx.refuse("contacts or drops of it are there again"));
            }
            tx.forget_campaign(campaign).await?;
            tx.commit().await
        };
        let done = done.await;
        self.pragma(doing, "PRAGMA foreign_keys = ON").await?;
        done
    }
}

impl Tx {
    /// Forgets those of these numbers that no contact but those of a campaign and no drop has.
    pub(super) async fn forget_numbers(
        &mut self,
        numbers: String,
        campaign: CampaignId,
    ) -> Result<(), StoreError> {
        let args = args![&numbers, campaign.0];
        self.execute(NUMBERS, args).await.map(drop)
    }
}

/// A statement on the campaigns that may go. The sign keeps SQLite from an index of all contacts of a campaign: few have a
/// holder.
macro_rules! of_old {
    ($begin:literal, $end:literal) => {
        sql!(
            $begin,
            " campaigns.standing IN ('complete', 'cancelled', 'dates_over') AND campaigns.changed_at < $1 \
             AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.campaign = campaigns.id AND drops.outcome IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.campaign = campaigns.id AND drops.ended_at >= $1) \
             AND NOT EXISTS (SELECT 1 FROM contacts WHERE contacts.holder IS NOT NULL AND +contacts.campaign = campaigns.id) \
             AND NOT EXISTS (SELECT 1 FROM imports WHERE imports.campaign = campaigns.id AND imports.changed_at >= $1) ",
            $end
        )
    };
}

const WHICH: Sql = of_old!("SELECT id FROM campaigns WHERE", "ORDER BY id");

/// When it was last changed stays, so that it is as old as before.
const BEGIN: Sql = of_old!(
    "UPDATE campaigns SET standing = 'cancelled', why = $3, version = $4 WHERE id = $2 AND",
    ""
);

const SOME_DROPS: Sql = sql!(
    "DELETE FROM drops WHERE id IN \
     (SELECT id FROM drops WHERE campaign = $1 AND ended_at IS NOT NULL ORDER BY ended_at LIMIT 500)"
);

const SOME: Sql =
    sql!("SELECT id, number FROM contacts WHERE campaign = $1 ORDER BY id LIMIT 1000");

/// What an intent is being written for is passed over.
const NUMBERS: Sql = sql!(
    "DELETE FROM numbers WHERE number IN (SELECT numbers.number FROM ",
    { number BIGINT },
    " CROSS JOIN numbers WHERE numbers.number = given.number \
     AND NOT EXISTS (SELECT 1 FROM contacts WHERE contacts.number = given.number AND contacts.campaign <> $2) \
     AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.number = given.number) ORDER BY numbers.number",
    [")", " FOR UPDATE OF numbers SKIP LOCKED)"]
);

const SOMETHING: Sql = sql!(
    "SELECT id FROM campaigns WHERE id = $1 AND (EXISTS (SELECT 1 FROM contacts WHERE contacts.campaign = $1) \
     OR EXISTS (SELECT 1 FROM drops WHERE drops.campaign = $1))"
);
