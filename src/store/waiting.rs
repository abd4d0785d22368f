//! What the contacts of a campaign wait for.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Store, StoreError,
    codec::micros,
    sql::{Sql, args, sql},
    tally::time,
    transaction::Tx,
};
use crate::campaign::{HeldReason, engine::CampaignId};

/// Contacts that wait for the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingGroup {
    /// What they wait for; `None`: their next attempt.
    pub reason: Option<HeldReason>,
    /// Until when they wait, to the minute.
    pub until: Timestamp,
    /// The zone whose hours hold them, by its IANA name.
    pub zone: Option<String>,
    /// How many contacts wait.
    pub contacts: u64,
    /// Whether hours hold their places as a whole, and the contacts themselves are untouched.
    pub by_place: bool,
}

impl Store {
    /// What the contacts of a campaign wait for; leased ones are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(
        &self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<Vec<WaitingGroup>, StoreError> {
        let doing = format!("read what campaign {campaign} waits for");
        let mut tx = self.read(doing).await?;
        let held = tx.held_places(campaign, now).await?;
        tx.groups(campaign, &held, now).await
    }

    /// The contacts of a campaign that would be due if hours did not hold their places.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_by_place(
        &self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<Vec<WaitingGroup>, StoreError> {
        let doing = format!("read which places of campaign {campaign} are closed");
        let mut tx = self.read(doing).await?;
        let held = tx.held_places(campaign, now).await?;
        // In the daytime nothing is counted.
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let mut groups = tx.groups(campaign, &held, now).await?;
        groups.retain(|group| group.by_place);
        Ok(groups)
    }
}

impl Tx {
    /// Until when hours hold places, and the zone that is closed.
    async fn held_places(
        &mut self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<HeldPlaces, StoreError> {
        let stored: Vec<StoredHold> = self
            .all(HELD_PLACES, args![campaign.0, micros(now)])
            .await?;
        let mut held = BTreeMap::new();
        for (place, until, zone) in stored {
            held.insert(place, (time(self, until)?, zone));
        }
        Ok(held)
    }

    /// What contacts wait for, where hours hold these places.
    async fn groups(
        &mut self,
        campaign: CampaignId,
        held: &HeldPlaces,
        now: Timestamp,
    ) -> Result<Vec<WaitingGroup>, StoreError> {
        let mut groups: BTreeMap<_, u64> = BTreeMap::new();
        for count in self.due_counts(campaign, now).await? {
            let key = match (count.until, held.get(&count.place)) {
                (Some(until), _) => (until, count.reason, count.zone, false),
                (None, Some((until, zone))) => {
                    (*until, Some(HeldReason::CallingHours), zone.clone(), true)
                }
                // They are due.
                (None, None) => continue,
            };
            *groups.entry(key).or_default() += count.contacts;
        }
        let group = |((until, reason, zone, by_place), contacts)| WaitingGroup {
            reason,
            until,
            zone,
            contacts,
            by_place,
        };
        Ok(groups.into_iter().map(group).collect())
    }
}

type HeldPlaces = BTreeMap<i64, (Timestamp, Option<String>)>;

/// The columns of [`HELD_PLACES`].
type StoredHold = (i64, i64, Option<String>);

/// Places that hours hold, until the minute in which that is over.
const HELD_PLACES: Sql = sql!(
    "SELECT place, (held_until + 59999999) / 60000000 * 60000000, held_zone FROM campaign_places \
     WHERE campaign = $1 AND held_until > $2"
);
