//! Contacts that are due, leased to a controller with all that the gate has to know of them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Holder, Store, StoreError};
use crate::{
    campaign::{
        HeldReason,
        budget::Calls,
        engine::{CampaignId, Contact, Next},
        policy::{Consent, Start},
    },
    phone::{CallerId, PhoneNumber},
};

/// A contact that is leased to a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The contact, as the engine knows it.
    pub contact: Contact,
    /// What the gate has to know.
    pub facts: Facts,
}

/// What the gate has to know of a number, and of the contact where there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The contact's time zone, as their list has it.
    pub zone: Option<String>,
    /// The contact's state, as their list has it.
    pub state: Option<String>,
    /// The consent on record.
    pub consent: Option<Consent>,
    /// The do-not-call list on which the number stands.
    pub do_not_call: Option<String>,
    /// The drops to this number that began within the history asked for, over all campaigns and controllers.
    pub starts: Vec<Start>,
    /// Grows with each drop to this number: an intent is only written if it is still the same.
    pub version: i64,
}

/// A start of the last moments, for the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Of which campaign; `None`: of no campaign.
    pub campaign: Option<CampaignId>,
    /// When.
    pub at: Timestamp,
}

/// Calls of a drop that has ended, for the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentCalls {
    /// The calls.
    pub calls: Calls,
    /// When they ended.
    pub at: Timestamp,
}

/// Contacts that wait for the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingGroup {
    /// For what; `None`: for their next attempt.
    pub reason: Option<HeldReason>,
    /// Until when, to the minute.
    pub until: Timestamp,
    /// The zone whose hours hold them, by its IANA name.
    pub zone: Option<String>,
    /// How many.
    pub contacts: u64,
}

impl Store {
    /// Leases contacts of a campaign that are due, those first that have been due the longest, and tells when the next
    /// is ([`Next::At`], with the meaning that [`Next`] gives it). `history` is how far back drops to a number count.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease(
        &self,
        holder: &Holder,
        campaign: CampaignId,
        at_most: usize,
        history: SignedDuration,
        now: Timestamp,
    ) -> Result<(Vec<Leased>, Next), StoreError> {
        todo!()
    }

    /// What the gate has to know of a number that belongs to no campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts(
        &self,
        number: &PhoneNumber,
        history: SignedDuration,
        now: Timestamp,
    ) -> Result<Facts, StoreError> {
        todo!()
    }

    /// Drops of a PBX that began after `since`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recent_starts(
        &self,
        pbx: &str,
        since: Timestamp,
    ) -> Result<Vec<Recent>, StoreError> {
        todo!()
    }

    /// Calls of a PBX's drops that ended after `since`, oldest first; those of one second of one kind may come summed.
    /// `but` leaves those out that this run wrote.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recent_calls(
        &self,
        pbx: &str,
        since: Timestamp,
        but: Option<&Holder>,
    ) -> Result<Vec<RecentCalls>, StoreError> {
        todo!()
    }

    /// For what the contacts of a campaign wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(
        &self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<Vec<WaitingGroup>, StoreError> {
        todo!()
    }

    /// How often each caller id was shown by a campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn caller_ids_used(
        &self,
        campaign: CampaignId,
    ) -> Result<Vec<(CallerId, u64)>, StoreError> {
        todo!()
    }
}

/// How long a contact stays leased without an intent.
pub const CONTACT_LEASE: Duration = Duration::from_secs(90);
