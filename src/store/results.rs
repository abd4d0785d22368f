//! What came of campaigns: counts, and a row for each drop and for each contact that was never dialled.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::{
    campaign::{HeldReason, RefusedReason, budget::Calls, engine::CampaignId},
    drop::{Outcome, Proof, Technique},
    id::DropId,
    phone::PhoneNumber,
};

/// How the contacts of a campaign stand.
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
    /// Drops in all, ended or not.
    pub drops: u64,
}

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these outcomes; empty: all.
    pub outcomes: Vec<Outcome>,
    /// Only drops that began at or after this moment.
    pub since: Option<Timestamp>,
    /// Only drops that began before this moment.
    pub until: Option<Timestamp>,
    /// Only this number.
    pub number: Option<PhoneNumber>,
    /// Only this foreign id.
    pub foreign_id: Option<String>,
    /// Only this variant.
    pub variant: Option<String>,
    /// Whether contacts without any drop are wanted, too: refused, held or waiting ones. They have no outcome, time or variant.
    pub undialled: bool,
}

/// One drop, or one contact that was not dialled.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    /// The row of the list the contact came from.
    pub line: Option<u64>,
    /// The number.
    pub number: PhoneNumber,
    /// The contact's name.
    pub name: Option<String>,
    /// The id under which the user's own system knows the contact.
    pub foreign_id: Option<String>,
    /// The drop; `None` where nothing was dialled.
    pub drop: Option<DropId>,
    /// Which attempt.
    pub attempt: u32,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended; `None` while it has not.
    pub outcome: Option<Outcome>,
    /// Whether it is the contact's last.
    pub is_final: bool,
    /// How sure it is that the message was left.
    pub proof: Option<Proof>,
    /// Why it will never be dialled.
    pub refused: Option<RefusedReason>,
    /// Why it waits, and until when.
    pub held: Option<(HeldReason, Timestamp)>,
    /// The gate's ruling on it, as JSON.
    pub ruling: Option<String>,
    /// One call or two.
    pub technique: Option<Technique>,
    /// The message.
    pub message: Option<String>,
    /// The variant.
    pub variant: Option<String>,
    /// What the drop was on the trunk.
    pub calls: Calls,
    /// How long the busy leg was up, in ms.
    pub busy_up_ms: u64,
    /// How long the drop leg was up, in ms.
    pub drop_up_ms: u64,
    /// What `drop --json` printed of it, its number masked.
    pub report: Option<String>,
    /// The folder of its evidence.
    pub evidence: Option<String>,
}

impl Store {
    /// How the contacts of a campaign stand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tally(&self, campaign: CampaignId) -> Result<Tally, StoreError> {
        todo!()
    }

    /// The rows after `after` rows' key, at most so many, ordered by contact and attempt; with the key to go on with,
    /// `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn results(
        &self,
        campaign: CampaignId,
        filter: &Filter,
        after: Option<i64>,
        at_most: usize,
    ) -> Result<(Vec<ResultRow>, Option<i64>), StoreError> {
        todo!()
    }

    /// Outcomes of a campaign by the time they came, in spans of so many seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outcomes_over_time(
        &self,
        campaign: CampaignId,
        seconds: u32,
    ) -> Result<BTreeMap<(Timestamp, Outcome), u64>, StoreError> {
        todo!()
    }
}
