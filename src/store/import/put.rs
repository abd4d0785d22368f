//! Contacts that are added one by one, by no list.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::{
    Across, NewContact, PackedContacts,
    contacts::CONTACTS,
    transaction::{ELSEWHERE, HOLD_ERASURES, IMPORT_LOCK, mark, numbers},
};
use crate::{
    campaign::{
        engine::{CampaignId, ContactId},
        policy::CallingPlace,
    },
    store::{
        Status, Store, StoreError, codec,
        retry::Attempts,
        sql::{Sql, args, sql},
        transaction::Tx,
    },
};

/// What became of a contact that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutContact {
    /// The contact that the campaign has of this number; `None` if it has none.
    pub contact: Option<ContactId>,
    /// What became of it.
    pub outcome: PutOutcome,
}

/// What became of a contact that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is new.
    Added,
    /// The campaign had it, and never called it: it is as it was given now.
    Updated,
    /// The campaign had it as it was given.
    Unchanged,
    /// It was given before, in the same request.
    Duplicate,
    /// The campaign has called it, or calls it: it stays as it is.
    AlreadyCalled,
    /// Another campaign has it.
    Elsewhere,
    /// Everything about the person was erased.
    Erased,
}

impl Store {
    /// Adds contacts to a campaign in one transaction, due at once, or changes those that it has and never called. One that was
    /// complete is a draft then. Says of each what became of it, in their order.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is no such campaign, or it is cancelled; then nothing is added.
    pub async fn put_contacts(
        &self,
        campaign: CampaignId,
        contacts: &[NewContact],
        across: Across,
        now: Timestamp,
    ) -> Result<Vec<PutContact>, StoreError> {
        let mut attempts = Attempts::default();
        loop {
            match self.try_put(campaign, contacts, across, now).await {
                Err(error) if attempts.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn try_put(
        &self,
        campaign: CampaignId,
        contacts: &[NewContact],
        across: Across,
        now: Timestamp,
    ) -> Result<Vec<PutContact>, StoreError> {
        let mut tx = self
            .write(format!("add contacts to campaign {campaign}"))
            .await?;
        // As imports do it: see `Store::add_packed`.
        tx.take_turns(IMPORT_LOCK | campaign.0).await?;
        tx.all::<(i64,)>(HOLD_ERASURES, &[]).await?;
        match tx.status_of(campaign).await? {
            None => return Err(tx.refuse("there is no such campaign")),
            Some(Status::Cancelled | Status::Cancelling) => {
                return Err(tx.refuse("it is cancelled"));
            }
            Some(
                Status::Draft
                | Status::Running
                | Status::Paused
                | Status::Complete
                | Status::DatesOver,
            ) => {}
        }
        let now = tx.past(now).await?;
        let packed: PackedContacts = contacts.iter().collect();
        let rows: Vec<_> = packed.rows().collect();
        let digits: Vec<i64> = contacts
            .iter()
            .map(|contact| codec::number(&contact.number))
            .collect();
        let erased = if tx.has_erasures().await? {
            let all: BTreeSet<i64> = digits.iter().copied().collect();
            tx.erased_among(&all).await?
        } else {
            BTreeSet::new()
        };
        let asked = numbers(&rows);
        let there = known(&mut tx, campaign, &asked).await?;
        let mut is_elsewhere = vec![false; rows.len()];
        if across != Across::Allow {
            let given = args![&asked, campaign.0, across.stored()];
            let found: Vec<(i64,)> = tx.all(ELSEWHERE, given).await?;
            for (nth,) in found {
                mark(&mut is_elsewhere, nth, true);
            }
        }
        let mut seen = HashSet::new();
        let (mut outcomes, mut new, mut changes) = (Vec::new(), Vec::new(), 0);
        for (at, contact) in contacts.iter().enumerate() {
            let number = digits[at];
            let outcome = match there.get(&number) {
                _ if erased.contains(&number) => PutOutcome::Erased,
                _ if !seen.insert(number) => PutOutcome::Duplicate,
                Some((_, true)) => PutOutcome::AlreadyCalled,
                Some((id, false)) => {
                    if update(&mut tx, *id, contact, now).await? {
                        changes += 1;
                        PutOutcome::Updated
                    } else {
                        PutOutcome::Unchanged
                    }
                }
                None if is_elsewhere[at] => PutOutcome::Elsewhere,
                None => {
                    new.push(rows[at]);
                    PutOutcome::Added
                }
            };
            outcomes.push(outcome);
        }
        if !new.is_empty() {
            let is_all_counted = tx.is_all_counted().await?;
            let due = codec::micros(now);
            let same = args![campaign.0, None::<i64>, due];
            tx.insert_rows(&CONTACTS, same, &new).await?;
            if is_all_counted {
                let mut by_place = BTreeMap::new();
                for row in &new {
                    *by_place.entry(super::contacts::place(*row)).or_default() += 1;
                }
                tx.count_added(campaign.0, due, &by_place).await?;
            }
        }
        let there = if new.is_empty() {
            there
        } else {
            known(&mut tx, campaign, &asked).await?
        };
        let put = outcomes.into_iter().zip(&digits).map(|(outcome, number)| {
            let contact = there.get(number).map(|(id, _)| ContactId(*id));
            PutContact { contact, outcome }
        });
        let put = put.collect();
        if changes > 0 || !new.is_empty() {
            // The campaign's controller looks for what has changed.
            tx.touch(campaign, now).await?;
            // Last: who adds the same places waits for this transaction to end.
            tx.add_places(campaign.0, packed.places()).await?;
        }
        tx.commit().await?;
        Ok(put)
    }
}

/// The contacts that a campaign has of these numbers, and whether each was called.
async fn known(
    tx: &mut Tx,
    campaign: CampaignId,
    numbers: &str,
) -> Result<HashMap<i64, (i64, bool)>, StoreError> {
    let found: Vec<(i64, i64, i64)> = tx.all(KNOWN, args![numbers, campaign.0]).await?;
    let found = found.into_iter();
    Ok(found
        .map(|(number, id, is_called)| (number, (id, is_called == 1)))
        .collect())
}

/// Makes a contact that was never called what is given; `false` if it was.
async fn update(
    tx: &mut Tx,
    id: i64,
    contact: &NewContact,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let consent = contact.consent.as_ref();
    let others = (!contact.others.is_empty()).then(|| {
        let others = serde_json::to_string(&contact.others);
        others.expect("texts by texts are JSON")
    });
    let given = args![
        id,
        contact.name.as_deref(),
        contact.zone.as_deref(),
        contact.state.as_deref(),
        consent.map(|consent| codec::consent_slug(consent.kind)),
        consent.and_then(|consent| consent.at).map(codec::micros),
        consent.and_then(|consent| consent.source.as_deref()),
        contact.message.as_deref(),
        contact.foreign_id.as_deref(),
        others.as_deref(),
        contact.place.as_deref().map_or(0, CallingPlace::key),
        codec::micros(now),
    ];
    Ok(tx.execute(UPDATE, given).await? == 1)
}

// By the index on numbers, one after the other: see `transaction`.
const KNOWN: Sql = sql!(
    [
        "SELECT contacts.number, contacts.id, ",
        "SELECT there.number, there.id, there.is_called FROM unnest(CAST(translate($1, '[]', '{}') AS BIGINT[])) \
         AS given (value) CROSS JOIN LATERAL (SELECT contacts.number, contacts.id, "
    ],
    "CAST(CASE WHEN contacts.attempts > 0 OR contacts.stage IN ('dialling', 'ended') \
     OR EXISTS (SELECT 1 FROM drops WHERE drops.contact = contacts.id) THEN 1 ELSE 0 END AS BIGINT) AS is_called ",
    [
        "FROM json_each($1) AS given CROSS JOIN contacts ON contacts.number = given.value AND contacts.campaign + 0 = $2",
        "FROM contacts WHERE contacts.number = given.value AND contacts.campaign + 0 = $2 LIMIT 1) AS there"
    ]
);

const UPDATE: Sql = sql!(
    "UPDATE contacts SET name = $2, zone = $3, state = $4, consent = $5, consent_at = $6, consent_source = $7, \
     message = $8, foreign_id = $9, others = $10, place = $11, \
     due_at = CASE WHEN stage = 'leased' THEN coalesce(was_due, $12) \
     WHEN stage = 'due' AND held IS NULL THEN due_at ELSE $12 END, \
     stage = 'due', holder = NULL, held = NULL, held_zone = NULL, refused = NULL, ended_at = NULL \
     WHERE id = $1 AND stage IN ('due', 'leased', 'refused') AND attempts = 0 \
     AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.contact = contacts.id) \
     AND (name, zone, state, consent, consent_at, consent_source, message, foreign_id, others) ",
    ["IS NOT", "IS DISTINCT FROM"],
    " ($2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
