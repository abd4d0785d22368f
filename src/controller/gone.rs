//! What is left of controllers that are gone: leased contacts, which are given back at once, and drops without an end, which
//! are settled as lost where no controller of their PBX comes back to have their calls ended there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use super::carry_out;
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, ContactId, Settlement},
        retry::RetryRules,
    },
    clock::Steady,
    drop::Outcome,
    error_chain::chain,
    id::RunName,
    orders::Spec,
    store::{
        ControllerLease, Gone, GoneDrop, OperatorCommand, Orphan, Status, Store, StoreError, Write,
        Written,
    },
};

/// What was settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// Drops that are lost, by PBX and campaign; `None`: of no campaign.
    pub lost: BTreeMap<(String, Option<CampaignId>), u64>,
    /// Campaigns that are cancelled with that.
    pub cancelled: Vec<CampaignId>,
}

/// Settles as lost the drops of controllers that are gone; `words` says why, by the name of their PBX. A campaign that was
/// to be cancelled is, if these were its last.
///
/// # Errors
/// [`StoreError`]; what was settled until then is.
pub async fn give_up(
    store: &Store,
    gone: Gone<'_>,
    words: impl Fn(&str) -> String,
    now: Timestamp,
) -> Result<GivenUp, StoreError> {
    let mut given_up = GivenUp::default();
    let drops = store.gone_drops(gone, now).await?;
    if !drops.is_empty() {
        let rules = retry_rules(store).await?;
        let mut by_holder: BTreeMap<RunName, (ControllerLease, Vec<Orphan>)> = BTreeMap::new();
        for GoneDrop { orphan, holder } in drops {
            let run = holder.run.clone();
            let those = by_holder.entry(run).or_insert_with(|| (holder, Vec::new()));
            those.1.push(orphan);
        }
        for (holder, orphans) in by_holder.values() {
            for orphans in orphans.chunks(AT_ONCE) {
                let ends: Vec<Write> = orphans
                    .iter()
                    .map(|orphan| end_of(orphan, &words(&orphan.pbx), &rules, now))
                    .collect();
                let written = store.settle_gone(holder, gone, &ends, now).await?;
                let Some(written) = written else {
                    info!(run = %holder.run, "a controller that was taken for gone is back");
                    break;
                };
                for (orphan, written) in orphans.iter().zip(written) {
                    if written != Written::Applied {
                        debug!(drop = %orphan.drop, ?written, "not given up: another has settled it");
                        continue;
                    }
                    let why = words(&orphan.pbx);
                    warn!(drop = %orphan.drop, pbx = orphan.pbx, why, "a drop is lost");
                    carry_out::trace_lost(orphan, &why, now);
                    let of = (orphan.pbx.clone(), orphan.campaign);
                    *given_up.lost.entry(of).or_default() += 1;
                }
            }
        }
    }
    given_up.cancelled = finish_cancelled(store, now).await?;
    Ok(given_up)
}

/// Cancels the campaigns that are to be cancelled and of which nothing is in flight any more.
///
/// # Errors
/// [`StoreError`].
async fn finish_cancelled(store: &Store, now: Timestamp) -> Result<Vec<CampaignId>, StoreError> {
    let mut cancelled = Vec::new();
    for row in store.cancelling_at_rest().await? {
        let order = OperatorCommand::Cancel(row.in_flight);
        match store.order(row.id, order, now).await {
            Ok(row) if row.status == Status::Cancelled => cancelled.push(row.id),
            Ok(_) => {}
            Err(error) => debug!(error = chain(&error), "another has cancelled it"),
        }
    }
    Ok(cancelled)
}

/// Why drops of a PBX are lost that did not come back within this time.
pub fn words(pbx: &str, after: Duration) -> String {
    let after = jiff::SignedDuration::try_from(after).unwrap_or(jiff::SignedDuration::MAX);
    format!("the PBX `{pbx}` did not come back for {after:#}")
}

/// Gives the contacts back, every few seconds, that are leased to controllers which are gone.
pub(super) async fn give_back(store: Store, clock: Arc<Steady>) {
    let mut ticks = interval(GIVE_BACK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.give_back_leases(clock.now()).await {
            Ok(0) => {}
            Ok(contacts) => info!(
                contacts,
                "contacts of controllers that are gone are given back"
            ),
            Err(error) => debug!(
                error = chain(&error),
                "leases are not given back; to be tried again"
            ),
        }
    }
}

/// What follows a lost drop, by campaign. One whose settings cannot be read is not tried again.
async fn retry_rules(store: &Store) -> Result<BTreeMap<CampaignId, RetryRules>, StoreError> {
    let rows = store.campaigns(0).await?.into_iter();
    let rules = rows.filter_map(|row| {
        let settings = Spec::from_json(&row.spec).ok()?.settings().ok()?;
        Some((row.id, settings.retry))
    });
    Ok(rules.collect())
}

fn end_of(
    orphan: &Orphan,
    words: &str,
    rules: &BTreeMap<CampaignId, RetryRules>,
    now: Timestamp,
) -> Write {
    let end = carry_out::lost(&orphan.run, orphan.drop, words);
    let calls = Calls::likely(orphan.technique, Outcome::Lost, Duration::ZERO);
    let Some((campaign, contact)) = orphan.campaign.zip(orphan.contact) else {
        return Write::EndDrop { end, calls };
    };
    let again = |contact: ContactId| {
        let rules = rules.get(&campaign)?;
        rules.next(Outcome::Lost, contact, orphan.attempt, now)
    };
    Write::Settle {
        campaign,
        contact,
        settlement: Settlement::Ended {
            attempt: orphan.attempt,
            outcome: Outcome::Lost,
            calls,
            again: again(contact),
        },
        ruling: None,
        zone: None,
        place: None,
        end: Some(end),
    }
}

/// How many drops are settled in one transaction.
const AT_ONCE: usize = 500;

/// How soon after the end of its controller's lease a contact is given back.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(5);
