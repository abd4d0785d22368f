//! Contacts that the gate holds, looked at again when its rules are others.
//!
//! Each controller notes under which rules it holds contacts of a campaign. One that comes with other rules than any that
//! is noted makes the held contacts due, so that the gate is asked again: by these rules they may be allowed now, and held
//! for longer. A retry that waits after an outcome is not a hold, and stays.

use jiff::Timestamp;

use super::{
    ControllerLease, Store, StoreError,
    codec::micros,
    sql::{Sql, args, sql},
    transaction::Tx,
};
use crate::campaign::engine::{CampaignId, ContactId};

/// What came of a look at some of the held contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedAgain {
    /// How many are due now.
    pub contacts: u64,
    /// Behind which contact to go on; `None`: all were looked at.
    pub next: Option<ContactId>,
}

impl Store {
    /// Makes contacts due that are held under other rules than these, which `rules` is a digest of; those whose ids are
    /// behind `after`, and so many of them that no other writer waits for long. Once all were looked at, notes that this
    /// controller holds under these rules from here on.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is noted, so that whoever asks next begins again.
    pub async fn look_again_at_held(
        &self,
        holder: &ControllerLease,
        campaign: CampaignId,
        rules: &str,
        after: Option<ContactId>,
        now: Timestamp,
    ) -> Result<LookedAgain, StoreError> {
        let doing = format!("look again at the held contacts of campaign {campaign}");
        let mut tx = self.write(doing).await?;
        let mut looked = LookedAgain {
            contacts: 0,
            next: None,
        };
        let may_differ = after.is_some() || tx.holds_differ(campaign, rules, now).await?;
        if may_differ {
            let behind = after.map_or(i64::MIN, |after| after.0);
            let last: Option<(Option<i64>,)> =
                tx.one(WINDOW, args![campaign.0, behind, AT_A_TIME]).await?;
            if let Some((Some(last),)) = last {
                let given = args![campaign.0, behind, last, micros(now)];
                looked.contacts = tx.execute(DUE_AT_ONCE, given).await?;
                looked.next = Some(ContactId(last));
            }
        }
        if looked.next.is_none() {
            tx.execute(FORGET, args![campaign.0]).await?;
            let run = holder.run.as_str();
            tx.execute(NOTE, args![campaign.0, run, rules]).await?;
        }
        tx.commit().await?;
        Ok(looked)
    }

    /// Whether contacts of a campaign are held under other rules than these, as far as that is known: a controller that
    /// comes with these makes them due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_held_otherwise(
        &self,
        campaign: CampaignId,
        rules: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = format!("read the rules of campaign {campaign}");
        let mut tx = self.read(doing).await?;
        tx.holds_differ(campaign, rules, now).await
    }
}

impl Tx {
    /// Whether any contact waits by a hold, and any hold may be by other rules than these.
    async fn holds_differ(
        &mut self,
        campaign: CampaignId,
        rules: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let digests: Vec<(String,)> = self.all(DIGESTS, args![campaign.0]).await?;
        // By an earlier version, or by none.
        let is_unknown = digests.is_empty();
        if !is_unknown && digests.iter().all(|(digest,)| digest == rules) {
            return Ok(false);
        }
        let held: Option<(i64,)> = self.one(ANY, args![campaign.0, micros(now)]).await?;
        Ok(held.is_some())
    }
}

/// Contacts that are looked at in one transaction, held or not.
const AT_A_TIME: i64 = 20_000;

const DIGESTS: Sql = sql!("SELECT DISTINCT digest FROM held_under WHERE campaign = $1");

/// By the minute in which a hold is over.
const ANY: Sql = sql!(
    "SELECT until FROM counted WHERE campaign = $1 AND stage = 'due' AND reason <> '' AND until > $2 \
     GROUP BY reason, place, zone, until HAVING sum(count) > 0 LIMIT 1"
);

const WINDOW: Sql = sql!(
    "SELECT max(id) FROM (SELECT id FROM contacts WHERE campaign = $1 AND id > $2 ORDER BY id LIMIT $3) AS window_of"
);

const DUE_AT_ONCE: Sql = sql!(
    "UPDATE contacts SET due_at = $4, was_due = $4, held = NULL, held_zone = NULL \
     WHERE campaign = $1 AND id > $2 AND id <= $3 AND stage = 'due' AND held IS NOT NULL AND due_at > $4"
);

/// What a controller that is alive has noted stays: it goes on to hold by it.
const FORGET: Sql = sql!(
    "DELETE FROM held_under WHERE campaign = $1 AND run NOT IN \
     (SELECT controllers.run FROM controllers WHERE controllers.ended_at IS NULL)"
);

const NOTE: Sql = sql!(
    "INSERT INTO held_under (campaign, run, digest) VALUES ($1, $2, $3) \
     ON CONFLICT (campaign, run) DO UPDATE SET digest = excluded.digest"
);
