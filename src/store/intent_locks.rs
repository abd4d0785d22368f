//! Locks on PostgreSQL that keep an intent from being written once a number is barred or a campaign stopped.
//!
//! From the return of [`Store::bar`](super::Store::bar) on no intent for these numbers is written, and from that of a pause on
//! none of the campaign. For that whoever bars or stops must wait for the intents that are being written, which may not have
//! seen it, and those that come behind must see it.
//!
//! Rows that are shared (`FOR SHARE`) would do, but for the wait: whoever shares a row may share it while another waits to
//! change it, so that fifty controllers that write without a pause let nobody in between. An advisory lock has a queue:
//!
//! ```text
//!   intents (shared)    ──A── ──B──     ├─C─ waits, then sees it
//!   bar     (exclusive)      ├─ waits ─┤ commits
//! ```
//!
//! There is one for the do-not-call lists, one for each campaign, and one for all campaigns. They are of the transaction, so
//! that they need no session of their own, and end when it is over, whichever way.
//!
//! - An intent is written with all three shared, taken before what it is decided on is read: each statement sees what was
//!   committed before it began.
//! - Triggers take them for whoever inserts into `do_not_call`, or has a campaign run no more, whichever version of the
//!   program it is.
//! - [`hold_campaign`] takes a campaign's before its row is touched: an intent that is being written may still have to refer
//!   to the row. An earlier version touches the row first, so a trigger takes the lock of all campaigns for it before that.
//! - Intents of earlier versions share the rows `counters.do_not_call` and `campaigns`, and know no lock. So whoever bars
//!   or stops changes these rows as well, and waits for them.
//!
//! A number that intents compare instead, and that grows with each change, would need one last look just before the commit,
//! and still leave a gap between the two.
//!
//! Their place in the order in which all is locked is that of the rows: see [`commit`](super::commit).

use std::collections::BTreeSet;

use super::{
    StoreError,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::campaign::engine::CampaignId;

/// Takes what a batch needs: its campaigns, shared, or exclusive if it changes them, and the do-not-call lists, shared, if it
/// has intents.
pub(super) async fn take(
    tx: &mut Tx,
    campaigns: &BTreeSet<i64>,
    changes_campaigns: bool,
    has_intents: bool,
) -> Result<(), StoreError> {
    let keys: BTreeSet<i64> = campaigns.iter().map(|id| key(*id)).collect();
    let of_campaigns = keys.iter().map(|key| row! { class: CAMPAIGN, key: key });
    let of_lists = has_intents.then(|| row! { class: ALL, key: LISTS });
    let shared: Vec<_> = if changes_campaigns {
        tx.hold(rows(of_campaigns)).await?;
        of_lists.into_iter().collect()
    } else {
        let of_all = (!campaigns.is_empty()).then(|| row! { class: ALL, key: CAMPAIGNS });
        of_all
            .into_iter()
            .chain(of_campaigns)
            .chain(of_lists)
            .collect()
    };
    if !shared.is_empty() {
        tx.execute(SHARED, args![&rows(shared)]).await?;
    }
    Ok(())
}

/// From here on no intent of this campaign is written until the transaction is over.
pub(super) async fn hold_campaign(tx: &mut Tx, campaign: CampaignId) -> Result<(), StoreError> {
    let row = row! { class: CAMPAIGN, key: key(campaign.0) };
    tx.hold(rows([row])).await
}

/// This transaction changes campaigns, and stops none of them.
pub(super) async fn hold_none(tx: &mut Tx) -> Result<(), StoreError> {
    tx.execute(HOLDS, &[]).await?;
    Ok(())
}

impl Tx {
    async fn hold(&mut self, locks: String) -> Result<(), StoreError> {
        self.execute(HOLDS, &[]).await?;
        self.execute(EXCLUSIVE, args![&locks]).await?;
        Ok(())
    }
}

/// A campaign's key, as its trigger has it. Two campaigns may share one: they wait for each other then, no more.
const fn key(campaign: i64) -> i64 {
    campaign & 0x7fff_ffff
}

/// The classes of the locks, in PostgreSQL's room of locks that programs share: those of everything, and of one campaign.
const ALL: i32 = 0x6166_7431;
const CAMPAIGN: i32 = 0x6166_7432;

/// The keys of the first class.
const LISTS: i32 = 0;
const CAMPAIGNS: i32 = 1;

/// The trigger need not hold the intents of all campaigns.
const HOLDS: Sql = sql!(
    "SELECT ",
    ["1", "set_config('aftertone.holds_intents', 'yes', true)"]
);

const SHARED: Sql = sql!(
    "SELECT ",
    ["1", "pg_advisory_xact_lock_shared(class, key)"],
    " FROM (SELECT CAST(class AS INTEGER) AS class, CAST(key AS INTEGER) AS key FROM ",
    { class BIGINT, key BIGINT },
    " ORDER BY given.nth) AS locks"
);

const EXCLUSIVE: Sql = sql!(
    "SELECT ",
    ["1", "pg_advisory_xact_lock(class, key)"],
    " FROM (SELECT CAST(class AS INTEGER) AS class, CAST(key AS INTEGER) AS key FROM ",
    { class BIGINT, key BIGINT },
    " ORDER BY given.nth) AS locks"
);
