//! What the calls of a trunk were like, in the figures that the field asks for.

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::micros,
    sql::{Sql, args, sql},
};

/// Sums over the drops of a trunk that ended lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrunkTalk {
    /// Legs that were dialled.
    pub legs: u64,
    /// Legs that were answered.
    pub answered: u64,
    /// How long these lasted, in milliseconds.
    pub talked_ms: u64,
    /// Drops.
    pub drops: u64,
    /// Drops that the network brought to an end of the callee's: all but those that it could not carry, or that were lost.
    pub reached: u64,
}

impl Store {
    /// What the calls of a trunk's drops were like that ended after a moment, over all PBXes before it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn trunk_talk(&self, trunk: &str, since: Timestamp) -> Result<TrunkTalk, StoreError> {
        let mut tx = self.read("sum the calls of a trunk").await?;
        let sums: Option<(i64, i64, i64, i64, i64)> =
            tx.one(TALK, args![trunk, micros(since)]).await?;
        let (legs, answered, talked_ms, drops, reached) = sums.unwrap_or_default();
        Ok(TrunkTalk {
            legs: legs.unsigned_abs(),
            answered: answered.unsigned_abs(),
            talked_ms: talked_ms.unsigned_abs(),
            drops: drops.unsigned_abs(),
            reached: reached.unsigned_abs(),
        })
    }
}

const TALK: Sql = sql!(
    "SELECT CAST(coalesce(sum(drops.busy_legs + drops.drop_legs), 0) AS BIGINT), \
     CAST(coalesce(sum(drops.answered), 0) AS BIGINT), \
     CAST(coalesce(sum(drops.busy_up_ms + drops.drop_up_ms), 0) AS BIGINT), count(*), \
     CAST(coalesce(sum(CASE WHEN drops.outcome IN ('congestion', 'failed', 'error', 'lost') THEN 0 ELSE 1 END), 0) AS BIGINT) \
     FROM pbxes CROSS JOIN drops WHERE pbxes.trunk = $1 AND drops.pbx = pbxes.name AND drops.ended_at > $2"
);
