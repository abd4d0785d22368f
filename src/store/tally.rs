//! What came of campaigns, counted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::{self, ContactStage},
    sql::{Sql, args, sql},
    transaction::Tx,
};
use crate::{
    campaign::{RefusedReason, engine::CampaignId},
    drop::{Outcome, Proof},
    phone::PhoneNumber,
    words::Leg,
};

/// How many contacts of a campaign are in which stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Contacts in all.
    pub contacts: u64,
    /// Waiting for their first or next attempt, leased ones included.
    pub waiting: u64,
    /// In mid-drop.
    pub in_flight: u64,
    /// For good, by their last outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Refused, by why.
    pub refused: BTreeMap<RefusedReason, u64>,
    /// Drops in all, ended or not, and those that were pruned.
    pub drops: u64,
}

/// Calls of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsOfLength {
    /// The leg.
    pub leg: Leg,
    /// How long they were up, in seconds, begun ones counted whole; 0 unless they were answered.
    pub seconds: u64,
    /// How many calls were that long.
    pub calls: u64,
}

impl Store {
    /// How many contacts of a campaign are in which stage.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tally(&self, campaign: CampaignId) -> Result<Tally, StoreError> {
        let mut tx = self
            .read(format!("count the contacts of campaign {campaign}"))
            .await?;
        let counts: Vec<(String, String, i64)> = tx.all(COUNTS, args![campaign.0]).await?;
        let pruned = tx.pruned(campaign, "drops").await?;
        let mut tally = Tally {
            drops: pruned.iter().map(|one| one.count.unsigned_abs()).sum(),
            ..Tally::default()
        };
        for (stage, reason, count) in counts {
            let count = count.unsigned_abs();
            if stage == DROP {
                tally.drops += count;
                continue;
            }
            tally.contacts += count;
            match known(&tx, ContactStage::read(&stage), "stage")? {
                ContactStage::Due | ContactStage::Leased => tally.waiting += count,
                ContactStage::Dialling => tally.in_flight += count,
                ContactStage::Ended => {
                    let outcome = known(&tx, codec::outcome(&reason), "outcome")?;
                    *tally.outcomes.entry(outcome).or_default() += count;
                }
                ContactStage::Refused => {
                    let refused = known(&tx, codec::refused(&reason), "reason")?;
                    *tally.refused.entry(refused).or_default() += count;
                }
            }
        }
        Ok(tally)
    }

    /// When the first and the last drop of a campaign ended that have; `None` unless one has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ends(
        &self,
        campaign: CampaignId,
    ) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        let mut tx = self
            .read(format!("read when drops of campaign {campaign} ended"))
            .await?;
        let ends: Option<(Option<i64>, Option<i64>)> =
            tx.one(FIRST_LAST, args![campaign.0]).await?;
        let mut all = Vec::new();
        if let Some((Some(first), Some(last))) = ends {
            all.extend([time(&tx, first)?, time(&tx, last)?]);
        }
        for pruned in tx.pruned(campaign, "drops").await? {
            all.push(time(&tx, pruned.at)?);
        }
        Ok(all.iter().min().copied().zip(all.iter().max().copied()))
    }

    /// Outcomes of a campaign's drops by the time they came, in spans of so many seconds that begin at multiples of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outcomes_over_time(
        &self,
        campaign: CampaignId,
        seconds: u32,
    ) -> Result<BTreeMap<(Timestamp, Outcome), u64>, StoreError> {
        let mut tx = self
            .read(format!("count the outcomes of campaign {campaign}"))
            .await?;
        let span = i64::from(seconds.max(1)) * 1_000_000;
        let mut found: Vec<(i64, String, i64)> = tx.all(OVER_TIME, args![campaign.0, span]).await?;
        let pruned = tx.pruned(campaign, "drops").await?.into_iter();
        found.extend(pruned.map(|one| (one.at / span * span, one.outcome, one.count)));
        let mut counts = BTreeMap::new();
        for (at, slug, count) in found {
            let outcome = known(&tx, codec::outcome(&slug), "outcome")?;
            *counts.entry((time(&tx, at)?, outcome)).or_default() += count.unsigned_abs();
        }
        Ok(counts)
    }

    /// How sure it is of the drops of a campaign that left their message that they did. Of those that an earlier version has
    /// pruned it is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn proofs(&self, campaign: CampaignId) -> Result<BTreeMap<Proof, u64>, StoreError> {
        let mut tx = self
            .read(format!("count the proofs of campaign {campaign}"))
            .await?;
        let mut stored: Vec<(String, i64)> = tx.all(PROOFS, args![campaign.0]).await?;
        let pruned = tx.pruned(campaign, "drops").await?.into_iter();
        let pruned = pruned.filter(|one| one.outcome == "delivered" && !one.name.is_empty());
        stored.extend(pruned.map(|one| (one.name, one.count)));
        let mut counts = BTreeMap::new();
        for (slug, count) in stored {
            let proof = known(&tx, codec::proof(&slug), "proof")?;
            *counts.entry(proof).or_default() += count.unsigned_abs();
        }
        Ok(counts)
    }

    /// How the contacts of a campaign ended to whom a variant was left, by variant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn variants(
        &self,
        campaign: CampaignId,
    ) -> Result<BTreeMap<String, BTreeMap<Outcome, u64>>, StoreError> {
        let mut tx = self
            .read(format!("compare the variants of campaign {campaign}"))
            .await?;
        let mut counts: Vec<(String, String, i64)> = tx.all(VARIANTS, args![campaign.0]).await?;
        let pruned = tx.pruned(campaign, "variant").await?.into_iter();
        counts.extend(pruned.map(|one| (one.name, one.outcome, one.count)));
        let mut variants: BTreeMap<_, BTreeMap<_, u64>> = BTreeMap::new();
        for (variant, slug, count) in counts {
            let outcome = known(&tx, codec::outcome(&slug), "outcome")?;
            let outcomes = variants.entry(variant).or_default();
            *outcomes.entry(outcome).or_default() += count.unsigned_abs();
        }
        Ok(variants)
    }

    /// All calls of a campaign's drops that have ended, by leg and length.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calls_by_length(
        &self,
        campaign: CampaignId,
    ) -> Result<Vec<CallsOfLength>, StoreError> {
        let mut tx = self
            .read(format!("measure the calls of campaign {campaign}"))
            .await?;
        let mut all = Vec::new();
        for (leg, sql, pruned) in [
            (Leg::Busy, BUSY_LENGTHS, "busy"),
            (Leg::Drop, DROP_LENGTHS, "drop"),
        ] {
            let found: Vec<(i64, i64)> = tx.all(sql, args![campaign.0]).await?;
            let pruned = tx.pruned(campaign, pruned).await?.into_iter();
            let mut lengths = BTreeMap::<i64, i64>::new();
            for (seconds, calls) in found
                .into_iter()
                .chain(pruned.map(|one| (one.at, one.count)))
            {
                *lengths.entry(seconds).or_default() += calls;
            }
            all.extend(lengths.into_iter().map(|(seconds, calls)| CallsOfLength {
                leg,
                seconds: seconds.unsigned_abs(),
                calls: calls.unsigned_abs(),
            }));
        }
        Ok(all)
    }
}

/// What was read, or the error that this program never wrote it.
pub(super) fn known<T>(tx: &Tx, read: Option<T>, what: &str) -> Result<T, StoreError> {
    read.ok_or_else(|| tx.broken(format!("there is an unknown {what} in it")))
}

/// A time that was stored.
pub(super) fn time(tx: &Tx, micros: i64) -> Result<Timestamp, StoreError> {
    known(tx, codec::read_time(micros), "time")
}

/// A phone number that was stored; an erased person has none.
pub(super) fn phone(tx: &Tx, digits: i64) -> Result<Option<PhoneNumber>, StoreError> {
    match digits {
        ..=0 => Ok(None),
        digits => known(tx, codec::read_number(digits), "number").map(Some),
    }
}

/// The stage under which drops are counted.
const DROP: &str = "drop";

const COUNTS: Sql = sql!(
    "SELECT stage, reason, CAST(sum(count) AS BIGINT) FROM counted WHERE campaign = $1 \
     GROUP BY stage, reason HAVING sum(count) <> 0"
);

/// Each of the two by itself, so that SQLite looks it up as well.
const FIRST_LAST: Sql = sql!(
    "SELECT (SELECT min(ended_at) FROM drops WHERE campaign = $1 AND ended_at IS NOT NULL), \
     (SELECT max(ended_at) FROM drops WHERE campaign = $1 AND ended_at IS NOT NULL)"
);

const OVER_TIME: Sql = sql!(
    "SELECT ended_at / $2 * $2 AS span, outcome, count(*) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL GROUP BY span, outcome"
);

const PROOFS: Sql = sql!(
    "SELECT proof, count(*) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL AND outcome = 'delivered' AND proof IS NOT NULL GROUP BY proof"
);

const VARIANTS: Sql = sql!(
    "SELECT variant, outcome, count(*) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL AND is_final = 1 AND variant IS NOT NULL GROUP BY variant, outcome"
);

const BUSY_LENGTHS: Sql = sql!(
    "SELECT (busy_up_ms + 999) / 1000 AS seconds, CAST(sum(busy_legs) AS BIGINT) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL AND busy_legs > 0 GROUP BY seconds"
);

const DROP_LENGTHS: Sql = sql!(
    "SELECT (drop_up_ms + 999) / 1000 AS seconds, CAST(sum(drop_legs) AS BIGINT) FROM drops \
     WHERE campaign = $1 AND ended_at IS NOT NULL AND drop_legs > 0 GROUP BY seconds"
);
