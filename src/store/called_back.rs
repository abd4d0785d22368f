//! What is known of calls that came back: of a person, of a drop, of a campaign, of a day.

use jiff::Timestamp;

use super::{
    Store, StoreError, StoredDrop,
    callbacks::STEP,
    codec::{self, micros},
    sql::{Sql, args, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::{
    callback::{CallbackId, CallbackOutcome},
    campaign::engine::{CampaignId, ContactId},
    id::DropId,
};

/// A call that a person made back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonCallback {
    /// Its id.
    pub id: CallbackId,
    /// When it came.
    pub at: Timestamp,
    /// The number that they called, as the PBX has it.
    pub called: Option<String>,
    /// The drop that it answers.
    pub drop: Option<DropId>,
    /// What came of it; `None` while it is up.
    pub outcome: Option<CallbackOutcome>,
}

/// Contacts that called back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalledBack {
    /// The variant that they were left.
    pub variant: Option<String>,
    /// Whether the message was left.
    pub is_delivered: bool,
    /// What came of their last call; `None` while it is up.
    pub outcome: Option<CallbackOutcome>,
    /// How many of them there are.
    pub contacts: u64,
}

/// How many calls came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallbackCount {
    /// All of them.
    pub calls: u64,
    /// Those in which a number was put on the do-not-call list.
    pub opted_out: u64,
}

impl Store {
    /// The contacts of a campaign that called back, those counted that have the same in common.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn called_back(&self, campaign: CampaignId) -> Result<Vec<CalledBack>, StoreError> {
        let mut tx = self
            .read(format!("count who called campaign {campaign} back"))
            .await?;
        if !tx.has_step(STEP) {
            return Ok(Vec::new());
        }
        let stored: Vec<(Option<String>, i64, Option<String>, i64)> =
            tx.all(COUNTS, args![campaign.0]).await?;
        let read = |(variant, is_delivered, outcome, count): (_, i64, Option<String>, i64)| {
            let outcome = outcome.map(|slug| known(&tx, CallbackOutcome::read(&slug), "outcome"));
            Ok(CalledBack {
                variant,
                is_delivered: is_delivered == 1,
                outcome: outcome.transpose()?,
                contacts: count.unsigned_abs(),
            })
        };
        stored.into_iter().map(read).collect()
    }

    /// The calls that a contact of a campaign made back, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn callbacks_of_contact(
        &self,
        campaign: CampaignId,
        contact: ContactId,
    ) -> Result<Vec<PersonCallback>, StoreError> {
        let mut tx = self
            .read(format!("read who called back: contact {}", contact.0))
            .await?;
        if !tx.has_step(STEP) {
            return Ok(Vec::new());
        }
        let stored = tx.all(OF_CONTACT, args![campaign.0, contact.0]).await?;
        tx.read_callbacks(stored)
    }

    /// The calls that came back and answer a drop, oldest first. Of somebody who was erased there are none, unless the drop is of a
    /// campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn callbacks_of_drop(
        &self,
        drop: &StoredDrop,
    ) -> Result<Vec<PersonCallback>, StoreError> {
        let mut tx = self
            .read(format!("read who called back: drop {}", drop.id))
            .await?;
        if !tx.has_step(STEP) {
            return Ok(Vec::new());
        }
        let id = drop.id.to_string();
        // By what there is an index of.
        let stored = match (drop.contact, &drop.number) {
            (Some(contact), _) => tx.all(OF_CAMPAIGNS_DROP, args![&id, contact]).await?,
            (None, Some(number)) => tx.all(OF_DROP, args![&id, codec::number(number)]).await?,
            (None, None) => Vec::new(),
        };
        tx.read_callbacks(stored)
    }

    /// How many calls came back from a moment on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_callbacks(&self, since: Timestamp) -> Result<CallbackCount, StoreError> {
        let mut tx = self.read("count who called back").await?;
        if !tx.has_step(STEP) {
            return Ok(CallbackCount::default());
        }
        let counted: Option<(i64, i64)> = tx.one(SINCE, args![micros(since)]).await?;
        let (calls, opted_out) = counted.unwrap_or_default();
        Ok(CallbackCount {
            calls: calls.unsigned_abs(),
            opted_out: opted_out.unsigned_abs(),
        })
    }
}

/// A row as it is stored.
type CallbackColumns = (String, i64, Option<String>, Option<String>, Option<String>);

impl Tx {
    /// The calls that came back from these numbers, oldest first.
    pub(super) async fn callbacks_of(
        &mut self,
        given: &str,
    ) -> Result<Vec<PersonCallback>, StoreError> {
        if !self.has_step(STEP) {
            return Ok(Vec::new());
        }
        let stored = self.all(OF_PERSON, args![given]).await?;
        self.read_callbacks(stored)
    }

    fn read_callbacks(
        &self,
        stored: Vec<CallbackColumns>,
    ) -> Result<Vec<PersonCallback>, StoreError> {
        let read = |(id, at, called, drop, outcome): CallbackColumns| {
            let outcome = outcome.map(|slug| known(self, CallbackOutcome::read(&slug), "outcome"));
            let drop = drop.map(|id| known(self, id.parse().ok(), "drop's id"));
            Ok(PersonCallback {
                id: known(self, id.parse().ok(), "call's id")?,
                at: time(self, at)?,
                called,
                drop: drop.transpose()?,
                outcome: outcome.transpose()?,
            })
        };
        stored.into_iter().map(read).collect()
    }
}

/// By the variant that was left last.
const COUNTS: Sql = sql!(
    "SELECT (SELECT callbacks.variant FROM callbacks WHERE callbacks.campaign = contacts.campaign \
     AND callbacks.contact = contacts.id ORDER BY callbacks.at DESC LIMIT 1) AS left_variant, \
     CAST(CASE WHEN contacts.outcome = 'delivered' THEN 1 ELSE 0 END AS BIGINT) AS is_delivered, contacts.callback, count(*) \
     FROM contacts WHERE contacts.campaign = $1 AND contacts.called_back_at IS NOT NULL \
     GROUP BY left_variant, is_delivered, contacts.callback ORDER BY left_variant, is_delivered, contacts.callback"
);

const OF_PERSON: Sql = sql!(
    "SELECT callbacks.id, callbacks.at, callbacks.called, callbacks.drop_id, callbacks.outcome FROM ",
    { number BIGINT },
    " CROSS JOIN callbacks WHERE callbacks.number = given.number ORDER BY callbacks.at, callbacks.id"
);

const OF_CONTACT: Sql = sql!(
    "SELECT id, at, called, drop_id, outcome FROM callbacks WHERE campaign = $1 AND contact = $2 ORDER BY at, id"
);

/// A drop is its contact's, whose campaign finds the calls.
const OF_CAMPAIGNS_DROP: Sql = sql!(
    "SELECT callbacks.id, callbacks.at, callbacks.called, callbacks.drop_id, callbacks.outcome FROM contacts \
     CROSS JOIN callbacks WHERE contacts.id = $2 AND callbacks.campaign = contacts.campaign \
     AND callbacks.contact = contacts.id AND callbacks.drop_id = $1 ORDER BY callbacks.at, callbacks.id"
);

const OF_DROP: Sql = sql!(
    "SELECT id, at, called, drop_id, outcome FROM callbacks WHERE number = $2 AND drop_id = $1 ORDER BY at, id"
);

const SINCE: Sql = sql!(
    "SELECT count(*), coalesce(sum(CASE WHEN outcome = 'opted_out' THEN 1 ELSE 0 END), 0) FROM callbacks WHERE at >= $1"
);
