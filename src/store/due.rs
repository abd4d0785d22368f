//! Leasing contacts that are due.
//!
//! A place that hours hold costs nothing: its contacts are passed over as a whole, and those of open places come in the
//! order in which they are due. In one statement each open place gives its first contacts; of these the first of all are
//! locked, whichever of them no other controller has by then.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    ControllerLease, Store, StoreError,
    codec::{micros, read_time},
    due_queue::{DueQueue, QueuePosition, QueueRange},
    leases::{CONTACT_LEASE, lease_end},
    queue::{Leased, STRANGE_TIME, StoredContact, read_contact, with_known},
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::campaign::engine::{CampaignId, Next};

impl Store {
    /// Leases contacts of a campaign that are due, those first that have been due the longest, and returns when the next
    /// is ([`Next::At`], with the meaning that [`Next`] gives it). Places that hours hold are passed over: their contacts
    /// are due when their hours begin. If several places have more contacts due than they can be given, they take
    /// turns. `history` is how far back drops to a number count; the queue is the same one from lease to lease.
    ///
    /// A controller that was ended, or a campaign that does not run, gets none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease(
        &self,
        holder: &ControllerLease,
        campaign: CampaignId,
        at_most: usize,
        history: SignedDuration,
        queue: &mut DueQueue,
        now: Timestamp,
    ) -> Result<(Vec<Leased>, Next), StoreError> {
        let doing = format!("lease contacts of campaign {campaign}");
        let mut tx = self.write(doing).await?;
        let may = tx.is_alive(holder).await?
            && tx.one::<(i64,)>(RUNS, args![campaign.0]).await?.is_some();
        let (given, moment) = (now, tx.lease_time(now).await?);
        let now = read_time(moment).ok_or_else(|| tx.broken(STRANGE_TIME))?;
        let mut is_full = !queue.is_looked_at();
        tx.read_places(campaign, queue, is_full).await?;
        queue.refresh(now);
        if !is_full {
            tx.look_back(campaign, queue, now).await?;
        }

        let mut due = Vec::new();
        if may {
            due = tx.due(campaign, at_most, queue, is_full, now).await?;
            if due.is_empty() && !is_full {
                is_full = true;
                tx.read_places(campaign, queue, is_full).await?;
                queue.refresh(now);
                due = tx.due(campaign, at_most, queue, is_full, now).await?;
            }
        }
        let ids = rows(due.iter().map(|stored| row! { id: stored.0 }));
        if !due.is_empty() {
            let run = holder.run.as_str();
            let until = lease_end(moment, CONTACT_LEASE);
            tx.execute(LEASE, args![&ids, run, until]).await?;
        }
        let leased: Vec<i64> = due.iter().map(|stored| stored.0).collect();
        let mut heads = tx.heads(campaign, queue, is_full, &leased).await?;
        if heads.is_empty() && !is_full {
            is_full = true;
            heads = tx.heads(campaign, queue, is_full, &leased).await?;
        }
        let next = queue.next(&heads);
        let next = next.ok_or_else(|| tx.broken(STRANGE_TIME))?;

        let mut contacts = Vec::with_capacity(due.len());
        for stored in due {
            let id = stored.0;
            let Some(contact) = read_contact(stored) else {
                return Err(tx.broken(format!("the row of contact {id} cannot be read")));
            };
            contacts.push(contact);
        }
        let numbers = contacts.iter().map(|leased| &leased.contact.number);
        let mut known = tx.known(numbers, history, None, given).await?;
        with_known(&mut contacts, &mut known);
        if let Some(held) = queue.change() {
            tx.write_holds(campaign, &held, now).await?;
        }
        tx.commit().await?;
        queue.looked(&heads, leased.len(), is_full, now);
        Ok((contacts, next))
    }
}

impl Tx {
    /// Takes up the places of a campaign that the queue does not know.
    async fn read_places(
        &mut self,
        campaign: CampaignId,
        queue: &mut DueQueue,
        is_full: bool,
    ) -> Result<(), StoreError> {
        let places: Vec<(i64,)> = self.all(PLACES, args![campaign.0]).await?;
        let new = places.into_iter().filter(|(place,)| !queue.knows(*place));
        let new: Vec<_> = new.map(|(place,)| row! { place: place }).collect();
        if !new.is_empty() {
            let given = rows(new);
            let texts: Vec<(i64, String)> = self.all(TEXTS, args![&given, campaign.0]).await?;
            for (place, text) in texts {
                queue.add(place, Some(&text));
            }
        }
        if is_full {
            // Those that nothing says anything of: their contacts are asked about one by one.
            let places: Vec<(i64,)> = self.all(PLACES_OF_CONTACTS, args![campaign.0]).await?;
            for (place,) in places {
                if !queue.knows(place) {
                    queue.add(place, None);
                }
            }
        }
        Ok(())
    }

    /// Looks for contacts that have come back with a time that has passed.
    async fn look_back(
        &mut self,
        campaign: CampaignId,
        queue: &mut DueQueue,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut found: Vec<(i64, i64, i64)> = Vec::new();
        if !queue.returned().is_empty() {
            let returned = queue.returned().iter();
            let given = rows(returned.map(|contact| row! { id: contact.0 }));
            found = self.all(RETURNED, args![&given, campaign.0]).await?;
        }
        let passed = queue.passed(now);
        if !passed.is_empty() {
            let given = rows(passed.iter().map(|QueueRange { place, from, to }| {
                row! {
                    place: place, due_at: from.due_at, id: from.id, to_due_at: to.due_at, to_id: to.id
                }
            }));
            found.append(&mut self.all(PASSED, args![&given, campaign.0]).await?);
        }
        for (place, due_at, id) in found {
            queue.found(place, QueuePosition { due_at, id });
        }
        Ok(())
    }

    /// Locks contacts that are due in open places.
    async fn due(
        &mut self,
        campaign: CampaignId,
        at_most: usize,
        queue: &DueQueue,
        is_full: bool,
        now: Timestamp,
    ) -> Result<Vec<StoredContact>, StoreError> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let given: Vec<_> = queue
            .open(is_full)
            .map(|(place, from)| row! { place: place, due_at: from.due_at, id: from.id })
            .collect();
        let places = given.len().max(1);
        let given = rows(given);
        // Other controllers may take some of them at the same moment.
        let mut wanted = at_most + at_most / 2 + SPARE;
        let mut turns = MOST_TURNS;
        loop {
            let each = (2 * wanted).div_ceil(places).max(SPARE).min(wanted);
            let args = args![&given, campaign.0, micros(now), count(each), count(wanted)];
            let found: Vec<(i64,)> = self.all(DUE, args).await?;
            if found.is_empty() {
                return Ok(Vec::new());
            }
            let is_all = found.len() < wanted;
            let ids = rows(found.into_iter().map(|(id,)| row! { id: id }));
            let args = args![&ids, micros(now), count(at_most)];
            let due: Vec<StoredContact> = self.all(TAKE, args).await?;
            turns -= 1;
            if due.len() >= at_most || is_all || turns == 0 {
                return Ok(due);
            }
            wanted = wanted.saturating_mul(4);
        }
    }

    /// The first contact that waits in each place, these left out.
    async fn heads(
        &mut self,
        campaign: CampaignId,
        queue: &DueQueue,
        is_full: bool,
        leased: &[i64],
    ) -> Result<BTreeMap<i64, QueuePosition>, StoreError> {
        let given = rows(
            queue
                .all(is_full)
                .map(|(place, from)| row! { place: place, due_at: from.due_at, id: from.id }),
        );
        let leased = serde_json::to_string(leased).unwrap_or_else(|_| "[]".to_owned());
        let args = args![&given, campaign.0, &leased];
        let heads: Vec<(i64, i64, i64)> = self.all(HEADS, args).await?;
        let head = |(place, due_at, id)| (place, QueuePosition { due_at, id });
        Ok(heads.into_iter().map(head).collect())
    }
}

/// How many contacts more are looked at than are wanted, at the least.
const SPARE: usize = 8;

/// How often more are looked at if other controllers have them all.
const MOST_TURNS: u32 = 3;

const RUNS: Sql = sql!("SELECT id FROM campaigns WHERE id = $1 AND standing = 'running'");

const PLACES: Sql = sql!("SELECT place FROM campaign_places WHERE campaign = $1");

/// The places of contacts that are open, each found behind the one before it.
const PLACES_OF_CONTACTS: Sql = sql!(
    "WITH RECURSIVE found (place) AS ( \
     SELECT min(place) FROM contacts WHERE campaign = $1 AND due_at IS NOT NULL \
     UNION ALL SELECT (SELECT min(contacts.place) FROM contacts WHERE campaign = $1 AND due_at IS NOT NULL \
     AND contacts.place > found.place) FROM found WHERE found.place IS NOT NULL) \
     SELECT place FROM found WHERE place IS NOT NULL"
);

const TEXTS: Sql = sql!(
    "SELECT campaign_places.place, campaign_places.text FROM ",
    { place BIGINT },
    " CROSS JOIN campaign_places WHERE campaign_places.campaign = $2 \
     AND campaign_places.place = given.place"
);

/// The first contacts of each place, `$4` of each at most. Campaign and place are compared by themselves: of rows that are
/// compared as a whole PostgreSQL ends a scan only where the first column does, at the end of the campaign. A limit that it
/// knows beforehand keeps it from taking the statement for one that is worth compiling, which takes longer than the statement.
const DUE: Sql = sql!(
    "SELECT ",
    ["contacts.id", "due.id"],
    " FROM ",
    { place BIGINT, due_at BIGINT, id BIGINT },
    [
        " CROSS JOIN contacts WHERE contacts.id IN (SELECT it.id FROM contacts AS it INDEXED BY contacts_by_place \
          WHERE it.campaign = $2 AND it.place = given.place AND it.due_at IS NOT NULL \
          AND (it.due_at, it.id) >= (given.due_at, given.id) AND it.due_at <= $3 \
          ORDER BY it.due_at, it.id LIMIT $4) ORDER BY contacts.due_at, contacts.id LIMIT $5",
        " CROSS JOIN LATERAL (SELECT first.id, first.due_at FROM \
          (SELECT it.due_at, it.id FROM contacts AS it WHERE it.campaign = $2 AND it.place = given.place \
          AND it.due_at IS NOT NULL AND (it.due_at, it.id) >= (given.due_at, given.id) AND it.due_at <= $3 \
          ORDER BY it.due_at, it.id LIMIT 2000) AS first \
          ORDER BY first.due_at, first.id LIMIT $4) AS due \
          ORDER BY due.due_at, due.id LIMIT $5"
    ]
);

/// What another is about to take is passed over. If our own busy leg has made a number busy, only one call makes
/// sense; the report of such a drop holds the slug of its reason.
const TAKE: Sql = sql!(
    "SELECT contacts.id, number, attempts, message, zone, state, consent, consent_at, consent_source, \
     CAST(CASE WHEN attempts > 0 AND EXISTS (SELECT 1 FROM drops WHERE drops.contact = contacts.id \
     AND drops.outcome = 'busy' AND drops.report LIKE '%\"reason\":\"own_busy_leg\"%') THEN 1 ELSE 0 END AS BIGINT) \
     FROM ",
    { id BIGINT },
    " CROSS JOIN contacts WHERE contacts.id = given.id AND due_at <= $2 ORDER BY due_at, contacts.id LIMIT $3",
    ["", " FOR UPDATE OF contacts SKIP LOCKED"]
);

/// A contact that was held is not any more; one whose lease has ended keeps its place from before it.
const LEASE: Sql = sql!(
    "UPDATE contacts SET was_due = CASE stage WHEN 'leased' THEN was_due ELSE due_at END, \
     stage = 'leased', due_at = $3, holder = $2, held = NULL, held_zone = NULL FROM ",
    { id BIGINT },
    " WHERE contacts.id = given.id"
);

const HEADS: Sql = sql!(
    "SELECT given.place, head.due_at, head.id FROM ",
    { place BIGINT, due_at BIGINT, id BIGINT },
    [
        " CROSS JOIN contacts AS head WHERE head.id = (SELECT it.id FROM contacts AS it INDEXED BY contacts_by_place \
          WHERE it.campaign = $2 AND it.place = given.place AND it.due_at IS NOT NULL \
          AND (it.due_at, it.id) >= (given.due_at, given.id) \
          AND it.id NOT IN (SELECT value FROM json_each($3)) ORDER BY it.due_at, it.id LIMIT 1)",
        " CROSS JOIN LATERAL (SELECT it.id, it.due_at FROM contacts AS it WHERE it.campaign = $2 \
          AND it.place = given.place AND it.due_at IS NOT NULL AND (it.due_at, it.id) >= (given.due_at, given.id) \
          AND it.id NOT IN (SELECT CAST(value AS BIGINT) FROM jsonb_array_elements_text(CAST($3 AS jsonb))) \
          ORDER BY it.due_at, it.id LIMIT 1) AS head"
    ]
);

const RETURNED: Sql = sql!(
    "SELECT contacts.place, contacts.due_at, contacts.id FROM ",
    { id BIGINT },
    " CROSS JOIN contacts WHERE contacts.id = given.id AND contacts.campaign = $2 AND contacts.due_at IS NOT NULL"
);

/// The first contact in each range.
const PASSED: Sql = sql!(
    "SELECT given.place, head.due_at, head.id FROM ",
    { place BIGINT, due_at BIGINT, id BIGINT, to_due_at BIGINT, to_id BIGINT },
    [
        " CROSS JOIN contacts AS head WHERE head.id = (SELECT it.id FROM contacts AS it INDEXED BY contacts_by_place \
          WHERE it.campaign = $2 AND it.place = given.place AND it.due_at IS NOT NULL \
          AND (it.due_at, it.id) >= (given.due_at, given.id) AND (it.due_at, it.id) < (given.to_due_at, given.to_id) \
          ORDER BY it.due_at, it.id LIMIT 1)",
        " CROSS JOIN LATERAL (SELECT it.id, it.due_at FROM contacts AS it WHERE it.campaign = $2 \
          AND it.place = given.place AND it.due_at IS NOT NULL AND (it.due_at, it.id) >= (given.due_at, given.id) \
          AND it.due_at <= given.to_due_at AND (it.due_at, it.id) < (given.to_due_at, given.to_id) \
          ORDER BY it.due_at, it.id LIMIT 1) AS head"
    ]
);
