//! What the gate has to know of contacts and numbers, and what contacts wait for.

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
        engine::{CampaignId, Contact, ContactId},
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
    /// Whether hours hold their places as a whole, and the contacts themselves are untouched.
    pub by_place: bool,
}

impl Store {
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

    /// What the contacts of a campaign wait for; leased ones are left out. Those whose places hours hold come behind those
    /// that wait by themselves.
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
        let stored = tx.all(WAITING, args![campaign.0, micros(now)]).await?;
        let mut groups = tx.groups(stored, false)?;
        groups.extend(tx.waiting_by_place(campaign, now).await?);
        Ok(groups)
    }

    /// The contacts of a campaign that would be due if hours did not hold their places.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_by_place(
        &self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<Vec<WaitingGroup>, StoreError> {
        let doing = format!("read which places of campaign {campaign} are held");
        self.read(doing)
            .await?
            .waiting_by_place(campaign, now)
            .await
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
    async fn waiting_by_place(
        &mut self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<Vec<WaitingGroup>, StoreError> {
        let args = args![campaign.0, micros(now)];
        let stored = self.all(WAITING_BY_PLACE, args).await?;
        self.groups(stored, true)
    }

    fn groups(
        &self,
        stored: Vec<StoredGroup>,
        by_place: bool,
    ) -> Result<Vec<WaitingGroup>, StoreError> {
        let read = |(reason, until, zone, contacts): StoredGroup| {
            let reason = match reason {
                Some(slug) => Some(held(&slug)?),
                None => None,
            };
            Some(WaitingGroup {
                reason,
                until: read_time(until)?,
                zone,
                contacts: contacts.unsigned_abs(),
                by_place,
            })
        };
        let groups: Option<Vec<_>> = stored.into_iter().map(read).collect();
        groups.ok_or_else(|| self.broken("a reason or a time in it cannot be read"))
    }

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
        let barred: Vec<(i64, String)> = self.all(BARRED, args![&given]).await?;
        for (number, list) in barred {
            if let Some(facts) = known.get_mut(&number) {
                facts.do_not_call = Some(list);
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

/// The columns of a contact as [`read_contact`] takes them.
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

/// The columns of [`WAITING`] and [`WAITING_BY_PLACE`].
type StoredGroup = (Option<String>, i64, Option<String>, i64);

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

pub(super) const STRANGE_TIME: &str = "a time in it cannot be read";

const VERSIONS: Sql = sql!(
    "SELECT numbers.number, numbers.version FROM ",
    { number BIGINT },
    " CROSS JOIN numbers WHERE numbers.number = given.number"
);

pub(super) const BARRED: Sql = sql!(
    "SELECT do_not_call.number, min(lists.name) FROM ",
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

/// Contacts that would be due if hours did not hold their places.
const WAITING_BY_PLACE: Sql = sql!(
    "SELECT 'calling_hours' AS held, (held_until + 59999999) / 60000000 * 60000000 AS until, \
     campaign_places.held_zone AS zone, count(*) FROM campaign_places JOIN contacts \
     ON contacts.campaign = campaign_places.campaign AND contacts.place = campaign_places.place \
     WHERE campaign_places.campaign = $1 AND campaign_places.held_until > $2 AND contacts.due_at <= $2 \
     AND contacts.stage = 'due' GROUP BY 2, 3 ORDER BY 2, 3"
);

const CALLER_IDS: Sql = sql!(
    "SELECT caller_id, count(*) FROM drops WHERE campaign = $1 AND caller_id IS NOT NULL \
     GROUP BY caller_id ORDER BY caller_id"
);
