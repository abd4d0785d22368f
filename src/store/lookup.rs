//! Contacts and numbers that are looked at, and neither leased nor changed.

use jiff::{SignedDuration, Timestamp};

use super::{
    Store, StoreError,
    codec::number,
    queue::{Facts, Leased, StoredContact, read_contact, with_known},
    sql::{Sql, args, sql},
    tally::time,
};
use crate::{
    campaign::engine::{CampaignId, ContactId},
    phone::PhoneNumber,
};

/// A contact that is looked at, and not leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenContact {
    /// The contact, with what the gate has to know of it.
    pub leased: Leased,
    /// When it is due, were it not leased to a controller.
    pub due_at: Timestamp,
    /// Whether the gate holds it until then; otherwise it waits for its first or next attempt.
    pub is_held: bool,
}

impl Store {
    /// Contacts of a campaign that have not come to their end and are not in mid-drop, with what the gate has to know of
    /// them, ordered by their ids from behind `after` on; at most so many. `history` is how far back drops to a number
    /// count.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn peek(
        &self,
        campaign: CampaignId,
        after: Option<ContactId>,
        at_most: usize,
        history: SignedDuration,
        now: Timestamp,
    ) -> Result<Vec<OpenContact>, StoreError> {
        let doing = format!("read the contacts of campaign {campaign}");
        let mut tx = self.read(doing).await?;
        let after = after.map_or(i64::MIN, |after| after.0);
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let stored: Vec<StoredContact> = tx.all(OPEN, args![campaign.0, after, at_most]).await?;
        let waits: Vec<(i64, i64)> = tx.all(WAITS, args![campaign.0, after, at_most]).await?;
        let mut contacts = Vec::with_capacity(stored.len());
        for stored in stored {
            let id = stored.0;
            let Some(contact) = read_contact(stored) else {
                return Err(tx.broken(format!("the row of contact {id} cannot be read")));
            };
            contacts.push(contact);
        }
        let numbers = contacts.iter().map(|leased| &leased.contact.number);
        let mut known = tx.known(numbers, history, None, now).await?;
        with_known(&mut contacts, &mut known);
        let contacts = contacts.into_iter().zip(waits);
        contacts
            .map(|(leased, (due_at, is_held))| {
                Ok(OpenContact {
                    leased,
                    due_at: time(&tx, due_at)?,
                    is_held: is_held == 1,
                })
            })
            .collect()
    }

    /// What the gate has to know of each of these numbers, as of numbers that belong to no campaign, in their order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts_of(
        &self,
        numbers: &[PhoneNumber],
        history: SignedDuration,
        now: Timestamp,
    ) -> Result<Vec<Facts>, StoreError> {
        let mut tx = self.read("look numbers up").await?;
        let known = tx.known(numbers, history, None, now).await?;
        let of = |each: &PhoneNumber| known.get(&number(each)).cloned().unwrap_or_default();
        Ok(numbers.iter().map(of).collect())
    }
}

const OPEN: Sql = sql!(
    "SELECT id, number, attempts, message, zone, state, consent, consent_at, consent_source, \
     CAST(CASE WHEN attempts > 0 AND EXISTS (SELECT 1 FROM drops WHERE drops.contact = contacts.id \
     AND drops.outcome = 'busy' AND drops.report LIKE '%\"reason\":\"own_busy_leg\"%') THEN 1 ELSE 0 END AS BIGINT) \
     FROM contacts WHERE campaign = $1 AND id > $2 AND due_at IS NOT NULL ORDER BY id LIMIT $3"
);

/// Of the contacts of [`OPEN`], in the same order. The transaction sees both at one moment.
const WAITS: Sql = sql!(
    "SELECT CASE stage WHEN 'leased' THEN coalesce(was_due, due_at) ELSE due_at END, \
     CAST(CASE WHEN stage = 'due' AND held IS NOT NULL THEN 1 ELSE 0 END AS BIGINT) \
     FROM contacts WHERE campaign = $1 AND id > $2 AND due_at IS NOT NULL ORDER BY id LIMIT $3"
);
