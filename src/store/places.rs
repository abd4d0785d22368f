//! The places of a campaign's contacts, and which of them hours hold.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    StoreError,
    codec::micros,
    due_queue::PlaceHold,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::campaign::engine::CampaignId;

impl Tx {
    /// Adds places to a campaign that it has not: their texts by their numbers.
    pub(super) async fn add_places(
        &mut self,
        campaign: i64,
        places: &BTreeMap<i64, String>,
    ) -> Result<(), StoreError> {
        if places.is_empty() {
            return Ok(());
        }
        // In the order of their numbers, in which all take them.
        let given = places.iter();
        let given = rows(given.map(|(place, text)| row! { place: place, text: text }));
        self.execute(ADD_PLACES, args![&given, campaign]).await?;
        Ok(())
    }

    /// Writes which places of a campaign hours hold: these, and no others.
    pub(super) async fn write_holds(
        &mut self,
        campaign: CampaignId,
        held: &[(i64, &PlaceHold)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // In the order of their numbers, in which all take them.
        let _: Vec<(i64,)> = self.all(LOCK_PLACES, args![campaign.0]).await?;
        let given = rows(held.iter().map(|(place, hold)| {
            row! { place: place, until: hold.until, zone: hold.zone, ruling: hold.ruling }
        }));
        let args = args![&given, campaign.0, micros(now)];
        self.execute(HOLD_PLACES, args).await?;
        self.execute(OPEN_PLACES, args![&given, campaign.0]).await?;
        Ok(())
    }
}

const ADD_PLACES: Sql = sql!(
    "INSERT INTO campaign_places (campaign, place, text) SELECT $2, place, text FROM ",
    { place BIGINT, text TEXT },
    " WHERE true ORDER BY nth ON CONFLICT (campaign, place) DO NOTHING"
);

const LOCK_PLACES: Sql = sql!(
    "SELECT place FROM campaign_places WHERE campaign = $1 ORDER BY place",
    ["", " FOR UPDATE"]
);

/// What is held already is left as it is.
const HOLD_PLACES: Sql = sql!(
    "UPDATE campaign_places SET held_until = given.until, held_zone = given.zone, ruling = given.ruling, \
     held_at = $3, times_held = times_held + 1, held_since = coalesce(held_since, $3) FROM ",
    { place BIGINT, until BIGINT, zone TEXT, ruling TEXT },
    " WHERE campaign_places.campaign = $2 AND campaign_places.place = given.place \
     AND (campaign_places.held_until IS NULL OR campaign_places.held_until <> given.until)"
);

const OPEN_PLACES: Sql = sql!(
    "UPDATE campaign_places SET held_until = NULL, held_zone = NULL, ruling = NULL, held_at = NULL \
     WHERE campaign = $2 AND held_until IS NOT NULL AND place NOT IN (SELECT given.place FROM ",
    { place BIGINT, until BIGINT, zone TEXT, ruling TEXT },
    ")"
);
