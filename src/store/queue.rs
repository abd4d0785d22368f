//! Contacts that are due, leased to a controller with all that the gate has to know of them.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    ControllerLease, Store, StoreError,
    codec::{consent, held, micros, number, read_number, read_time, technique},
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::{
    campaign::{
        HeldReason,
        budget::Calls,
        engine::{CampaignId, Contact, ContactId, Next},
        policy::{Consent, Start},
    },
    drop::Technique,
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

/// What the gate has to know of a number, and of the contact, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The contact's time zone, as their list has it.
    pub zone: Option<String>,
    /// The contact's state, as their list has it.
    pub state: Option<String>,
    /// The consent on record.
    pub consent: Option<Consent>,
    /// The do-not-call list that the number is on.
    pub do_not_call: Option<String>,
    /// Whether everything about the person was erased: no reason sets the list aside then.
    pub is_erased: bool,
    /// The drops to this number that began within the history asked for, over all campaigns and controllers.
    pub starts: Vec<Start>,
    /// Grows with each drop to this number: an intent is only written if it is still the same.
    pub version: i64,
}

/// A start of the last moments, for the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// The campaign it belongs to; `None`: to none.
    pub campaign: Option<CampaignId>,
    /// When the call was made.
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
    /// What they wait for; `None`: their next attempt.
    pub reason: Option<HeldReason>,
    /// Until when they wait, to the minute.
    pub until: Timestamp,
    /// The zone whose hours hold them, by its IANA name.
    pub zone: Option<String>,
    /// How many contacts wait.
    pub contacts: u64,
}

impl Store {
    /// Leases contacts of a campaign that are due, those first that have been due the longest, and returns when the next
    /// is ([`Next::At`], with the meaning that [`Next`] gives it). `history` is how far back drops to a number count.
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
        now: Timestamp,
    ) -> Result<(Vec<Leased>, Next), StoreError> {
        let doing = format!("lease contacts of campaign {campaign}");
        let mut tx = self.write(doing).await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let may = tx.is_alive(holder).await?
            && tx.one::<(i64,)>(RUNS, args![campaign.0]).await?.is_some();
        let due: Vec<StoredContact> = if may {
            let args = args![campaign.0, micros(now), at_most];
            tx.all(DUE, args).await?
        } else {
            Vec::new()
        };
        let ids = rows(due.iter().map(|stored| row! { id: stored.0 }));
        if !due.is_empty() {
            let run = holder.run.as_str();
            let until = micros(now + CONTACT_LEASE);
            tx.execute(LEASE, args![&ids, run, until]).await?;
        }
        let next = tx.one(NEXT, args![&ids, campaign.0]).await?;
        let next = match next {
            Some((at,)) => Next::At(read_time(at).ok_or_else(|| tx.broken(STRANGE_TIME))?),
            None => Next::Never,
        };

        let mut contacts = Vec::with_capacity(due.len());
        for stored in due {
            let id = stored.0;
            let Some(contact) = read_contact(stored) else {
                return Err(tx.broken(format!("the row of contact {id} cannot be read")));
            };
            contacts.push(contact);
        }
        let numbers = contacts.iter().map(|leased| &leased.contact.number);
        let mut known = tx.known(numbers, micros(now - history)).await?;
        with_known(&mut contacts, &mut known);
        tx.commit().await?;
        Ok((contacts, next))
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
        let mut tx = self.read("look a number up").await?;
        let known = tx.known([number], micros(now - history)).await?;
        Ok(known.into_values().next().unwrap_or_default())
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
        let mut tx = self.read("read the latest starts").await?;
        let stored: Vec<(Option<i64>, i64)> =
            tx.all(RECENT_STARTS, args![pbx, micros(since)]).await?;
        let read = |(campaign, at): (Option<i64>, i64)| {
            Ok(Recent {
                campaign: campaign.map(CampaignId),
                at: read_time(at).ok_or_else(|| tx.broken(STRANGE_TIME))?,
            })
        };
        stored.into_iter().map(read).collect()
    }

    /// Calls of a PBX's drops that ended after `since`, oldest first; those of one second come summed. `but` leaves those
    /// out that this run wrote.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recent_calls(
        &self,
        pbx: &str,
        since: Timestamp,
        but: Option<&ControllerLease>,
    ) -> Result<Vec<RecentCalls>, StoreError> {
        let mut tx = self.read("read the latest calls").await?;
        let but = but.map_or("", |holder| holder.run.as_str());
        let args = args![pbx, micros(since), but];
        let stored: Vec<StoredCalls> = tx.all(RECENT_CALLS, args).await?;
        let mut all = Vec::with_capacity(stored.len());
        for (at, busy_legs, drop_legs, released, given_up, answered, short, people) in stored {
            all.push(RecentCalls {
                calls: Calls {
                    busy_legs: busy_legs.unsigned_abs(),
                    drop_legs: drop_legs.unsigned_abs(),
                    released: released.unsigned_abs(),
                    given_up: given_up.unsigned_abs(),
                    answered: answered.unsigned_abs(),
                    short: short.unsigned_abs(),
                    people: people.unsigned_abs(),
                },
                at: read_time(at).ok_or_else(|| tx.broken(STRANGE_TIME))?,
            });
        }
        Ok(all)
    }

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
        let stored: Vec<(Option<String>, i64, Option<String>, i64)> =
            tx.all(WAITING, args![campaign.0, micros(now)]).await?;
        let read = |(reason, until, zone, contacts): (Option<String>, i64, _, i64)| {
            let reason = match reason {
                Some(slug) => Some(held(&slug)?),
                None => None,
            };
            Some(WaitingGroup {
                reason,
                until: read_time(until)?,
                zone,
                contacts: contacts.unsigned_abs(),
            })
        };
        let groups: Option<Vec<_>> = stored.into_iter().map(read).collect();
        groups.ok_or_else(|| tx.broken("a reason or a time in it cannot be read"))
    }

    /// How often each caller id was shown by a campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn caller_ids_used(
        &self,
        campaign: CampaignId,
    ) -> Result<Vec<(CallerId, u64)>, StoreError> {
        let doing = format!("read the caller ids of campaign {campaign}");
        let mut tx = self.read(doing).await?;
        let stored: Vec<(String, i64)> = tx.all(CALLER_IDS, args![campaign.0]).await?;
        let read = |(caller_id, times): (String, i64)| {
            let caller_id = CallerId::parse(&caller_id);
            let caller_id = caller_id.map_err(|_| tx.broken("a caller id cannot be read"))?;
            Ok((caller_id, times.unsigned_abs()))
        };
        stored.into_iter().map(read).collect()
    }
}

impl Tx {
    /// What is known of numbers over all campaigns, by their digits. The version is read before the starts: one that is
    /// written between the two makes the intent fail, and is not missed.
    pub(super) async fn known<'a>(
        &mut self,
        numbers: impl IntoIterator<Item = &'a PhoneNumber>,
        since: i64,
    ) -> Result<BTreeMap<i64, Facts>, StoreError> {
        let mut known: BTreeMap<i64, Facts> = numbers
            .into_iter()
            .map(|each| (number(each), Facts::default()))
            .collect();
        if known.is_empty() {
            return Ok(known);
        }
        let given = rows(known.keys().map(|number| row! { number: number }));
        let versions: Vec<(i64, i64)> = self.all(VERSIONS, args![&given]).await?;
        for (number, version) in versions {
            if let Some(facts) = known.get_mut(&number) {
                facts.version = version;
            }
        }
        for (number, list, is_erased) in self.barred(known.keys().copied()).await? {
            if let Some(facts) = known.get_mut(&number) {
                facts.do_not_call = Some(list);
                facts.is_erased = is_erased;
            }
        }
        let starts: Vec<StoredStart> = self.all(STARTS, args![&given, since]).await?;
        for (number, at, slug, ended, legs) in starts {
            let (Some(at), Some(technique)) = (read_time(at), technique(&slug)) else {
                return Err(self.broken("the row of a drop cannot be read"));
            };
            if let Some(facts) = known.get_mut(&number) {
                let calls = calls_of(technique, (ended != 0).then_some(legs));
                facts.starts.push(Start { at, calls });
            }
        }
        Ok(known)
    }
}

impl Tx {
    /// Those of these numbers that are on a do-not-call list, each with a list's name, and whether the person was erased.
    pub(super) async fn barred(
        &mut self,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<Vec<(i64, String, bool)>, StoreError> {
        let barred: Vec<(i64, String, i64)> = if self.knows_erasures() {
            let given = self.rows_with_digests(numbers).await?;
            self.all(BARRED, args![&given]).await?
        } else {
            let given = rows(numbers.map(|number| row! { number: number }));
            self.all(BARRED_BY_NUMBER, args![&given]).await?
        };
        let barred = barred.into_iter();
        Ok(barred
            .map(|(number, list, is_erased)| (number, list, is_erased == 1))
            .collect())
    }
}

/// Adds what is known of numbers to the contacts that have them. A number is in a campaign once.
pub(super) fn with_known(contacts: &mut [Leased], known: &mut BTreeMap<i64, Facts>) {
    for Leased { contact, facts } in contacts {
        if let Some(known) = known.remove(&number(&contact.number)) {
            *facts = Facts {
                zone: facts.zone.take(),
                state: facts.state.take(),
                consent: facts.consent.take(),
                ..known
            };
        }
    }
}

/// The columns of [`DUE`].
pub(super) type StoredContact = (
    i64,
    i64,
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
    i64,
);

/// The columns of [`RECENT_CALLS`].
type StoredCalls = (i64, i64, i64, i64, i64, i64, i64, i64);

/// The columns of [`STARTS`].
type StoredStart = (i64, i64, String, i64, i64);

pub(super) fn read_contact(stored: StoredContact) -> Option<Leased> {
    let (id, digits, attempts, message, zone, state, kind, at, source, only_single) = stored;
    let consent = match kind {
        Some(slug) => Some(Consent {
            kind: consent(&slug)?,
            at: match at {
                Some(at) => Some(read_time(at)?),
                None => None,
            },
            source,
        }),
        None => None,
    };
    Some(Leased {
        contact: Contact {
            id: ContactId(id),
            number: read_number(digits)?,
            attempts: attempts.try_into().ok()?,
            message,
            only_single: only_single != 0,
        },
        facts: Facts {
            zone,
            state,
            consent,
            ..Facts::default()
        },
    })
}

/// How many calls a drop counts as: those that were dialled once that is known, and until then those it may dial; at
/// least one.
fn calls_of(technique: Technique, legs: Option<i64>) -> u32 {
    match (legs, technique) {
        (Some(..=1), Technique::Double | Technique::Single) | (None, Technique::Single) => 1,
        (Some(_), Technique::Double | Technique::Single) | (None, Technique::Double) => 2,
    }
}

/// How long a contact stays leased without an intent.
pub const CONTACT_LEASE: Duration = Duration::from_secs(90);

const STRANGE_TIME: &str = "a time in it cannot be read";

const RUNS: Sql = sql!("SELECT id FROM campaigns WHERE id = $1 AND standing = 'running'");

/// What another is about to take is passed over. If our own busy leg has made a number busy, only one call makes
/// sense; the report of such a drop holds the slug of its reason.
const DUE: Sql = sql!(
    "SELECT id, number, attempts, message, zone, state, consent, consent_at, consent_source, \
     CAST(CASE WHEN attempts > 0 AND EXISTS (SELECT 1 FROM drops WHERE drops.contact = contacts.id \
     AND drops.outcome = 'busy' AND drops.report LIKE '%\"reason\":\"own_busy_leg\"%') THEN 1 ELSE 0 END AS BIGINT) \
     FROM contacts WHERE campaign = $1 AND due_at <= $2 ORDER BY due_at, id LIMIT $3",
    ["", " FOR UPDATE SKIP LOCKED"]
);

/// A contact that was held is not any more; one whose lease has ended keeps its place from before it.
const LEASE: Sql = sql!(
    "UPDATE contacts SET was_due = CASE stage WHEN 'leased' THEN was_due ELSE due_at END, \
     stage = 'leased', due_at = $3, holder = $2, held = NULL, held_zone = NULL FROM ",
    { id BIGINT },
    " WHERE contacts.id = given.id"
);

const NEXT: Sql = sql!(
    "SELECT due_at FROM contacts WHERE campaign = $2 AND due_at IS NOT NULL \
     AND id NOT IN (SELECT given.id FROM ",
    { id BIGINT },
    ") ORDER BY due_at, id LIMIT 1"
);

const VERSIONS: Sql = sql!(
    "SELECT numbers.number, numbers.version FROM ",
    { number BIGINT },
    " CROSS JOIN numbers WHERE numbers.number = given.number"
);

const BARRED: Sql = sql!(
    "SELECT number, min(list), max(is_erased) FROM (SELECT do_not_call.number AS number, lists.name AS list, \
     CAST(0 AS BIGINT) AS is_erased FROM ",
    { number BIGINT, digest TEXT },
    " CROSS JOIN do_not_call CROSS JOIN lists WHERE do_not_call.number = given.number \
     AND lists.id = do_not_call.list UNION ALL SELECT given.number, 'own', CAST(1 AS BIGINT) FROM ",
    { number BIGINT, digest TEXT },
    " CROSS JOIN erased_numbers WHERE erased_numbers.digest = given.digest) AS barred GROUP BY number"
);

const BARRED_BY_NUMBER: Sql = sql!(
    "SELECT do_not_call.number, min(lists.name), CAST(0 AS BIGINT) FROM ",
    { number BIGINT },
    " CROSS JOIN do_not_call CROSS JOIN lists WHERE do_not_call.number = given.number \
     AND lists.id = do_not_call.list GROUP BY do_not_call.number"
);

/// Those that count by [`crate::campaign::policy::counts`]; a drop that is in flight or was lost counts, since it is not known
/// what it reached. The report of a drop has the milestones of its legs.
const STARTS: Sql = sql!(
    "SELECT drops.number, drops.started_at, drops.technique, \
     CAST(CASE WHEN drops.outcome IS NULL THEN 0 ELSE 1 END AS BIGINT), \
     drops.busy_legs + drops.drop_legs FROM ",
    { number BIGINT },
    " CROSS JOIN drops WHERE drops.number = given.number AND drops.started_at > $2 \
     AND (drops.outcome IS NULL OR drops.outcome = 'lost' OR (drops.busy_legs + drops.drop_legs > 0 \
     AND (drops.outcome NOT IN ('busy', 'invalid_number', 'congestion', 'failed', 'cancelled', 'error') \
     OR drops.answered > 0 OR drops.report IS NULL OR drops.report LIKE '%_alerting\"%'))) \
     ORDER BY drops.started_at"
);

const RECENT_STARTS: Sql = sql!(
    "SELECT campaign, started_at FROM drops WHERE pbx = $1 AND started_at > $2 ORDER BY started_at"
);

const RECENT_CALLS: Sql = sql!(
    "SELECT max(ended_at), CAST(sum(busy_legs) AS BIGINT), CAST(sum(drop_legs) AS BIGINT), \
     CAST(sum(released) AS BIGINT), CAST(sum(given_up) AS BIGINT), CAST(sum(answered) AS BIGINT), \
     CAST(sum(short) AS BIGINT), CAST(sum(people) AS BIGINT) \
     FROM drops WHERE pbx = $1 AND ended_at > $2 AND holder <> $3 \
     GROUP BY ended_at / 1000000 ORDER BY 1"
);

/// To the minute in which the time is over.
const WAITING: Sql = sql!(
    "SELECT held, (due_at + 59999999) / 60000000 * 60000000 AS until, held_zone, count(*) \
     FROM contacts WHERE campaign = $1 AND due_at > $2 AND stage = 'due' \
     GROUP BY 1, 2, 3 ORDER BY 2, 1, 3"
);

const CALLER_IDS: Sql = sql!(
    "SELECT caller_id, count(*) FROM drops WHERE campaign = $1 AND caller_id IS NOT NULL \
     GROUP BY caller_id ORDER BY caller_id"
);
