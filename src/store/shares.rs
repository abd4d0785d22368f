//! Who shares the limits of a trunk and of campaigns, so that each asks for its part alone. The limits themselves are held
//! where intents are written: see [`super::Store::commit`].

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    ControllerLease, Store, StoreError,
    sql::{Sql, args, sql},
};
use crate::campaign::engine::{CampaignId, Sharing};

/// The parts of a controller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Of its trunk.
    pub trunk: Sharing,
    /// Of each campaign that other controllers have a part of.
    pub campaigns: BTreeMap<CampaignId, Sharing>,
}

impl Store {
    /// Notes which campaigns a controller has contacts of to dial now; whoever has none leaves its parts to others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_busy(
        &self,
        holder: &ControllerLease,
        busy_with: &[CampaignId],
    ) -> Result<(), StoreError> {
        let ids: Vec<i64> = busy_with.iter().map(|campaign| campaign.0).collect();
        let ids = serde_json::to_string(&ids).expect("whole numbers are JSON");
        let mut tx = self.write("note what this controller dials").await?;
        tx.execute(BUSY, args![holder.run.as_str(), &ids]).await?;
        tx.commit().await
    }

    /// The parts that this controller has of its trunk and of campaigns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shares(
        &self,
        holder: &ControllerLease,
        now: Timestamp,
    ) -> Result<Shares, StoreError> {
        let mut tx = self.read("read who shares the trunk").await?;
        let run = holder.run.as_str();
        let now = tx.lease_time(now).await?;
        let others: Vec<(Option<String>, Option<String>)> = tx.all(OTHERS, args![run, now]).await?;
        let in_flight: Vec<(Option<i64>, i64, i64)> =
            tx.all(IN_FLIGHT, args![run, &holder.trunk]).await?;
        let mut shares = Shares::default();
        for (trunk, busy_with) in others {
            // The program of schema 0001 does not say what it dials.
            let busy_with: Option<Vec<i64>> = match busy_with {
                Some(text) => {
                    let read = serde_json::from_str(&text).ok();
                    Some(read.ok_or_else(|| tx.broken("what a controller dials cannot be read"))?)
                }
                None => None,
            };
            if busy_with.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            if trunk.as_deref() == Some(&*holder.trunk) {
                shares.trunk.sharers += 1;
            }
            for campaign in busy_with.into_iter().flatten() {
                let share = shares.campaigns.entry(CampaignId(campaign)).or_default();
                share.sharers += 1;
            }
        }
        for (campaign, on_trunk, count) in in_flight {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            if on_trunk != 0 {
                shares.trunk.others_in_flight += count;
            }
            if let Some(campaign) = campaign {
                let share = shares.campaigns.entry(CampaignId(campaign)).or_default();
                share.others_in_flight += count;
            }
        }
        Ok(shares)
    }
}

const BUSY: Sql = sql!("UPDATE controllers SET busy_with = $2 WHERE run = $1 AND ended_at IS NULL");

const OTHERS: Sql = sql!(
    "SELECT ",
    TRUNK,
    ", controllers.busy_with FROM ",
    CONTROLLERS,
    " WHERE controllers.ended_at IS NULL AND controllers.run <> $1 AND controllers.lease_ends > $2 \
     AND COALESCE(controllers.is_single, 0) = 0"
);

/// Drops of others in flight, also those of controllers that died.
const IN_FLIGHT: Sql = sql!(
    "SELECT drops.campaign, CAST(CASE WHEN drops.pbx IN (SELECT name FROM pbxes WHERE trunk = $2) THEN 1 ELSE 0 END \
     AS BIGINT) AS on_trunk, count(*) FROM drops WHERE drops.outcome IS NULL AND drops.holder <> $1 \
     GROUP BY drops.campaign, on_trunk"
);
