//! What other controllers do: for limits that hold over all of them, each of which sees only its own drops.

use jiff::Timestamp;

use super::{
    ControllerLease, Store, StoreError,
    codec::{self, micros},
    sql::{Sql, args, row, rows, sql},
    tally::{known, time},
};
use crate::{campaign::engine::CampaignId, drop::Outcome, phone::CallerId};

/// Drops of other controllers that ended alike within one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndsElsewhere {
    /// Their campaign.
    pub campaign: CampaignId,
    /// How they ended.
    pub outcome: Outcome,
    /// How many there are.
    pub drops: u64,
    /// When the last of them ended.
    pub at: Timestamp,
}

/// Calls of other controllers that began within one second and show the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownElsewhere {
    /// Their campaign.
    pub campaign: CampaignId,
    /// The number shown.
    pub caller_id: CallerId,
    /// How many there are.
    pub calls: u64,
    /// When the last of them began.
    pub at: Timestamp,
}

impl Store {
    /// How drops of campaigns ended that others wrote, each campaign's after its own moment and after it was last resumed;
    /// oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ends_elsewhere(
        &self,
        holder: &ControllerLease,
        since: &[(CampaignId, Timestamp)],
    ) -> Result<Vec<EndsElsewhere>, StoreError> {
        if since.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self
            .read("read how drops of other controllers ended")
            .await?;
        let since = moments(since);
        let args = args![&since, holder.run.as_str()];
        let stored: Vec<(i64, i64, String, i64)> = tx.all(ENDS, args).await?;
        let read = |(campaign, at, slug, drops): (i64, i64, String, i64)| {
            Ok(EndsElsewhere {
                campaign: CampaignId(campaign),
                outcome: known(&tx, codec::outcome(&slug), "outcome")?,
                drops: drops.unsigned_abs(),
                at: time(&tx, at)?,
            })
        };
        stored.into_iter().map(read).collect()
    }

    /// Which numbers the calls of campaigns show that others make, each campaign's after its own moment; oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shown_elsewhere(
        &self,
        holder: &ControllerLease,
        since: &[(CampaignId, Timestamp)],
    ) -> Result<Vec<ShownElsewhere>, StoreError> {
        if since.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self
            .read("read the caller ids of other controllers")
            .await?;
        let since = moments(since);
        let args = args![&since, holder.run.as_str()];
        let stored: Vec<(i64, i64, String, i64)> = tx.all(SHOWN, args).await?;
        let read = |(campaign, at, caller_id, calls): (i64, i64, String, i64)| {
            Ok(ShownElsewhere {
                campaign: CampaignId(campaign),
                caller_id: known(&tx, CallerId::parse(&caller_id).ok(), "caller id")?,
                calls: calls.unsigned_abs(),
                at: time(&tx, at)?,
            })
        };
        stored.into_iter().map(read).collect()
    }

    /// How often each caller id was shown by a campaign's calls, over all controllers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn caller_ids_used(
        &self,
        campaign: CampaignId,
    ) -> Result<Vec<(CallerId, u64)>, StoreError> {
        let doing = format!("read the caller ids of campaign {campaign}");
        let mut tx = self.read(doing).await?;
        let stored: Vec<(String, i64)> = tx.all(CALLER_IDS, args![campaign.0]).await?;
        let read = |(caller_id, calls): (String, i64)| {
            let caller_id = known(&tx, CallerId::parse(&caller_id).ok(), "caller id")?;
            Ok((caller_id, calls.unsigned_abs()))
        };
        stored.into_iter().map(read).collect()
    }
}

fn moments(since: &[(CampaignId, Timestamp)]) -> String {
    let each = since
        .iter()
        .map(|(campaign, since)| row! { campaign: campaign.0, since: micros(*since) });
    rows(each)
}

const ENDS: Sql = sql!(
    "SELECT drops.campaign, max(drops.ended_at) AS at, drops.outcome, count(*) FROM ",
    { campaign BIGINT, since BIGINT },
    " CROSS JOIN campaigns CROSS JOIN drops WHERE campaigns.id = given.campaign \
     AND drops.campaign = campaigns.id AND drops.ended_at > given.since \
     AND drops.ended_at > COALESCE(campaigns.resumed_at, 0) AND drops.holder <> $2 \
     GROUP BY drops.campaign, drops.ended_at / 1000000, drops.outcome ORDER BY at"
);

/// Each is in flight, or ended after it began.
const SHOWN: Sql = sql!(
    "SELECT campaign, max(started_at) AS at, caller_id, count(*) FROM \
     (SELECT drops.campaign, drops.started_at, drops.caller_id FROM ",
    { campaign BIGINT, since BIGINT },
    " CROSS JOIN drops WHERE drops.campaign = given.campaign AND drops.outcome IS NULL \
     AND drops.started_at > given.since AND drops.run <> $2 \
     UNION ALL SELECT drops.campaign, drops.started_at, drops.caller_id FROM ",
    { campaign BIGINT, since BIGINT },
    " CROSS JOIN drops WHERE drops.campaign = given.campaign AND drops.ended_at > given.since \
     AND drops.started_at > given.since AND drops.run <> $2) AS calls \
     WHERE caller_id IS NOT NULL GROUP BY campaign, started_at / 1000000, caller_id ORDER BY at"
);

const CALLER_IDS: Sql = sql!(
    "SELECT reason, CAST(sum(count) AS BIGINT) FROM counted WHERE campaign = $1 AND stage = 'drop' AND reason <> '' \
     GROUP BY reason HAVING sum(count) <> 0 ORDER BY reason"
);
