//! What the calls of a trunk were like, in the figures that the field asks for.

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::{self, micros},
    sql::{Sql, args, sql},
    tally::{known, phone},
};
use crate::{drop::Outcome, phone::PhoneNumber};

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

/// A drop that ended lately, as far as it tells of the way to its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampledDrop {
    /// The number that was called; `None` if the person was erased.
    pub number: Option<PhoneNumber>,
    /// The number that it showed; `None`: that of the PBX.
    pub caller_id: Option<String>,
    /// Legs that were dialled.
    pub legs: u64,
    /// Legs that were answered.
    pub answered: u64,
    /// How long these lasted, in milliseconds.
    pub talked_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The cause with which the leg that reaches the callee ended, by ITU-T Q.850.
    pub q850: Option<u16>,
}

impl Store {
    /// The drops of a trunk that ended after a moment, of each PBX the latest ones, so many at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn trunk_sample(
        &self,
        trunk: &str,
        since: Timestamp,
        at_most: usize,
    ) -> Result<Vec<SampledDrop>, StoreError> {
        let mut tx = self.read("read the latest drops of a trunk").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let pbxes: Vec<(String,)> = tx.all(PBXES_OF, args![trunk]).await?;
        let mut sampled = Vec::new();
        for (pbx,) in pbxes {
            let stored: Vec<StoredSample> =
                tx.all(LATEST, args![&pbx, micros(since), at_most]).await?;
            for (number, caller_id, legs, answered, talked_ms, outcome, q850) in stored {
                sampled.push(SampledDrop {
                    number: phone(&tx, number)?,
                    caller_id,
                    legs: legs.unsigned_abs(),
                    answered: answered.unsigned_abs(),
                    talked_ms: talked_ms.unsigned_abs(),
                    outcome: known(&tx, codec::outcome(&outcome), "outcome")?,
                    q850: q850.and_then(|cause| u16::try_from(cause).ok()),
                });
            }
        }
        Ok(sampled)
    }

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

/// A row of [`LATEST`].
type StoredSample = (i64, Option<String>, i64, i64, i64, String, Option<i64>);

const PBXES_OF: Sql = sql!("SELECT name FROM pbxes WHERE trunk = $1 ORDER BY name");

const LATEST: Sql = sql!(
    "SELECT number, caller_id, CAST(busy_legs + drop_legs AS BIGINT), CAST(answered AS BIGINT), \
     CAST(busy_up_ms + drop_up_ms AS BIGINT), outcome, ",
    [
        "CAST(json_extract(report, '$.legs.drop.q850') AS INTEGER)",
        "CAST(CAST(report AS jsonb) #>> '{legs,drop,q850}' AS BIGINT)"
    ],
    " FROM drops WHERE pbx = $1 AND ended_at > $2 ORDER BY ended_at DESC LIMIT $3"
);
