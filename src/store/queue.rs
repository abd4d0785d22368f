//! What the gate has to know of contacts and numbers, and what contacts wait for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    ControllerLease, Store, StoreError,
    codec::{consent, micros, number, read_number, read_time, technique},
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, Contact, ContactId},
        policy::{Consent, Start},
    },
    drop::Technique,
    id::DropId,
    phone::PhoneNumber,
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
        self.facts_but(number, history, None, now).await
    }

    /// The same, with one drop left out of its starts: the one that is decided on again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts_but(
        &self,
        number: &PhoneNumber,
        history: SignedDuration,
        but: Option<DropId>,
        now: Timestamp,
    ) -> Result<Facts, StoreError> {
        let mut tx = self.read("look a number up").await?;
        tx.lease_time(now).await?;
        let known = tx.known([number], history, but, now).await?;
        Ok(known.into_values().next().unwrap_or_default())
    }

    /// Drops of a trunk, over all PBXes before it, that began after `since`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recent_starts(
        &self,
        trunk: &str,
        since: Timestamp,
    ) -> Result<Vec<Recent>, StoreError> {
        let mut tx = self.read("read the latest starts").await?;
        let stored: Vec<(Option<i64>, i64)> =
            tx.all(RECENT_STARTS, args![trunk, micros(since)]).await?;
        let read = |(campaign, at): (Option<i64>, i64)| {
            Ok(Recent {
                campaign: campaign.map(CampaignId),
                at: read_time(at).ok_or_else(|| tx.broken(STRANGE_TIME))?,
            })
        };
        stored.into_iter().map(read).collect()
    }

    /// Calls of a trunk's drops, over all PBXes before it, that ended after `since`, oldest first; those of one second
    /// come summed. `but` leaves those out that this run wrote.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recent_calls(
        &self,
        trunk: &str,
        since: Timestamp,
        but: Option<&ControllerLease>,
    ) -> Result<Vec<RecentCalls>, StoreError> {
        let mut tx = self.read("read the latest calls").await?;
        let but = but.map_or("", |holder| holder.run.as_str());
        let args = args![trunk, micros(since), but];
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
}

impl Tx {
    /// What is known of numbers over all campaigns, by their digits, `but` left out of their starts. The version is read before the starts: one that is
    /// written between the two makes the intent fail, and is not missed.
    pub(super) async fn known<'a>(
        &mut self,
        numbers: impl IntoIterator<Item = &'a PhoneNumber>,
        history: SignedDuration,
        but: Option<DropId>,
        now: Timestamp,
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
        for (number, list, is_erased) in self.barred_among(known.keys().copied()).await? {
            if let Some(facts) = known.get_mut(&number) {
                facts.do_not_call = Some(list);
                facts.is_erased = is_erased;
            }
        }
        let but = but.map_or_else(String::new, |drop| drop.to_string());
        let starts: Vec<StoredStart> = self
            .all(STARTS, args![&given, micros(now - history), &but])
            .await?;
        for (number, at, slug, ended, legs) in starts {
            let (Some(at), Some(technique)) = (read_time(at), technique(&slug)) else {
                return Err(self.broken("the row of a drop cannot be read"));
            };
            if let Some(facts) = known.get_mut(&number) {
                let calls = calls_of(technique, (ended != 0).then_some(legs));
                // One that a clock which was wrong has put into the future counts as one of this moment.
                let at = at.min(now);
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
        (Some(..=1), Technique::Double | Technique::Single | Technique::Adopted)
        | (None, Technique::Single | Technique::Adopted) => 1,
        (Some(_), Technique::Double | Technique::Single | Technique::Adopted)
        | (None, Technique::Double) => 2,
    }
}

pub(super) const STRANGE_TIME: &str = "a time in it cannot be read";

const VERSIONS: Sql = sql!(
    "SELECT numbers.number, numbers.version FROM ",
    { number BIGINT },
    " CROSS JOIN numbers WHERE numbers.number = given.number"
);

/// Those that count by [`crate::campaign::policy::counts`]; a drop that is in flight or was lost counts, since it is not known
/// what it reached. The report of a drop has the milestones of its legs.
const STARTS: Sql = sql!(
    "SELECT drops.number, drops.started_at, drops.technique, \
     CAST(CASE WHEN drops.outcome IS NULL THEN 0 ELSE 1 END AS BIGINT), \
     drops.busy_legs + drops.drop_legs FROM ",
    { number BIGINT },
    " CROSS JOIN drops WHERE drops.number = given.number AND drops.started_at > $2 \
     AND drops.id <> $3 AND (drops.outcome IS NULL OR drops.outcome = 'lost' OR (drops.busy_legs + drops.drop_legs > 0 \
     AND (drops.outcome NOT IN ('busy', 'invalid_number', 'congestion', 'failed', 'cancelled', 'error') \
     OR drops.answered > 0 OR drops.report IS NULL OR drops.report LIKE '%_alerting\"%'))) \
     ORDER BY drops.started_at"
);

const RECENT_STARTS: Sql = sql!(
    "SELECT drops.campaign, drops.started_at FROM pbxes CROSS JOIN drops \
     WHERE pbxes.trunk = $1 AND drops.pbx = pbxes.name AND drops.started_at > $2 ORDER BY drops.started_at"
);

const RECENT_CALLS: Sql = sql!(
    "SELECT max(drops.ended_at), CAST(sum(busy_legs) AS BIGINT), CAST(sum(drop_legs) AS BIGINT), \
     CAST(sum(released) AS BIGINT), CAST(sum(given_up) AS BIGINT), CAST(sum(answered) AS BIGINT), \
     CAST(sum(short) AS BIGINT), CAST(sum(people) AS BIGINT) \
     FROM pbxes CROSS JOIN drops WHERE pbxes.trunk = $1 AND drops.pbx = pbxes.name \
     AND drops.ended_at > $2 AND drops.holder <> $3 GROUP BY drops.ended_at / 1000000 ORDER BY 1"
);
