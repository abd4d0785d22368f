//! Campaigns as rows: a name, what was ordered, how it stands.

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::campaign::engine::{CampaignId, InFlight};

/// A campaign to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCampaign {
    /// `[a-z0-9_-]{1,64}`, unique.
    pub name: String,
    /// What was ordered, as JSON; the store does not look into it.
    pub spec: String,
}

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its number.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// What was ordered, as JSON.
    pub spec: String,
    /// How it stands.
    pub standing: Standing,
    /// Why it stands so, in words, where there is a reason.
    pub why: Option<String>,
    /// What is to become of drops in flight where it is paused or cancelled.
    pub in_flight: InFlight,
    /// When it was made.
    pub created_at: Timestamp,
    /// Grows with each change to a campaign, over all campaigns.
    pub version: i64,
}

/// How a campaign stands. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// `running`: to be dialled by any controller that runs it.
    Running,
    /// `paused`: by the operator, or by itself.
    Paused,
    /// `cancelling`: to come to its end.
    Cancelling,
    /// `complete`: every contact has come to its end.
    Complete,
    /// `cancelled`.
    Cancelled,
    /// `dates_over`: its last date is over.
    DatesOver,
}

/// What the operator wants of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// That nothing is started until it is resumed.
    Pause(InFlight),
    /// That it goes on; one that is over by its dates, or complete, may have more to do.
    Resume,
    /// That it ends. It is over at once where nothing of it is in flight.
    Cancel(InFlight),
}

impl Store {
    /// Makes a campaign that is running and has no contacts.
    ///
    /// # Errors
    /// [`StoreError`], refused where the name is taken.
    pub async fn create_campaign(
        &self,
        new: &NewCampaign,
        now: Timestamp,
    ) -> Result<Campaign, StoreError> {
        todo!()
    }

    /// The campaign of a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaign(&self, name: &str) -> Result<Option<Campaign>, StoreError> {
        todo!()
    }

    /// All campaigns changed after a version, oldest change first; 0 gives all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaigns(&self, after_version: i64) -> Result<Vec<Campaign>, StoreError> {
        todo!()
    }

    /// Changes what was ordered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reorder(
        &self,
        campaign: CampaignId,
        spec: &str,
        now: Timestamp,
    ) -> Result<Campaign, StoreError> {
        todo!()
    }

    /// Writes what the operator wants, for the controller that runs the campaign, now or later, to obey.
    ///
    /// # Errors
    /// [`StoreError`], refused where the campaign is cancelled.
    pub async fn wish(
        &self,
        campaign: CampaignId,
        wish: Wish,
        now: Timestamp,
    ) -> Result<Campaign, StoreError> {
        todo!()
    }
}
