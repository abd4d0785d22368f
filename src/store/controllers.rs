//! Controllers: the processes that dial, each with a lease that it renews, and what they leave when they die.

use std::time::Duration;

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::{
    campaign::engine::{CampaignId, ContactId},
    drop::Technique,
    id::{DropId, RunName},
};

/// A living controller: whose leases and drops its writes are checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its run's name, which is part of its channels' ids.
    pub run: RunName,
    /// The PBX, with the trunk behind it, by the instance's name.
    pub pbx: String,
}

/// A drop without an outcome whose controller is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The drop.
    pub drop: DropId,
    /// Whose channels it had.
    pub run: RunName,
    /// Of which campaign; `None`: of no campaign.
    pub campaign: Option<CampaignId>,
    /// Whose; `None`: of no campaign.
    pub contact: Option<ContactId>,
    /// Which attempt.
    pub attempt: u32,
    /// The PBX, by its controller's instance.
    pub pbx: String,
    /// One call or two.
    pub technique: Technique,
    /// When it was to begin.
    pub started_at: Timestamp,
}

impl Store {
    /// Begins a controller whose lease lasts until [`CONTROLLER_LEASE`] from `now`, unless it is renewed.
    ///
    /// # Errors
    /// [`StoreError`], refused where the run's name is known, or where our clock and the server's differ too much.
    pub async fn begin_controller(
        &self,
        run: &RunName,
        pbx: &str,
        now: Timestamp,
    ) -> Result<Holder, StoreError> {
        todo!()
    }

    /// Renews its lease; `false` where it had ended and somebody has taken its drops over: it has to stop then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renew(&self, holder: &Holder, now: Timestamp) -> Result<bool, StoreError> {
        todo!()
    }

    /// Ends it: its leases are given back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_controller(&self, holder: &Holder, now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }

    /// Takes over the drops without outcome of controllers of this PBX that are gone: those whose lease has ended, and
    /// those of `dead`, which are known to be gone. They are this holder's then; nobody else gets them. The leases of
    /// contacts of these controllers end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn adopt(
        &self,
        holder: &Holder,
        dead: &[RunName],
        now: Timestamp,
    ) -> Result<Vec<Orphan>, StoreError> {
        todo!()
    }
}

/// How long a controller's lease lasts.
pub const CONTROLLER_LEASE: Duration = Duration::from_secs(30);
