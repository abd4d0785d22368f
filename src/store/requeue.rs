//! Contacts that have come to their end, brought back by a person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Status, Store, StoreError,
    codec::{self, micros},
    sql::{Sql, args, row, rows, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::{
    campaign::{RefusedReason, engine::CampaignId},
    drop::Outcome,
};

/// How a contact came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContactEnd {
    /// Its last drop ended like this.
    Outcome(Outcome),
    /// The gate refused it.
    Refused(RefusedReason),
}

/// Who changes something that was decided, and why; both are kept with the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator<'a> {
    /// Who it is, as people know them.
    pub who: &'a str,
    /// The reason, if one is given.
    pub because: Option<&'a str>,
}

/// What a requeue has brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requeued {
    /// How many contacts, by how they had ended.
    pub contacts: BTreeMap<ContactEnd, u64>,
    /// The status of the campaign, which a requeue does not change.
    pub status: Status,
}

/// A requeue that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requeue {
    /// When.
    pub at: Timestamp,
    /// Who made it.
    pub who: String,
    /// Why.
    pub because: Option<String>,
    /// What was asked for: slugs of outcomes and refusals, with commas.
    pub which: String,
    /// How many contacts came back.
    pub contacts: u64,
}

impl ContactEnd {
    /// The name under which it is printed: an outcome's slug, or `refused:` with that of the reason.
    pub fn name(self) -> String {
        match self {
            Self::Outcome(outcome) => outcome.slug().to_owned(),
            Self::Refused(reason) => format!("refused:{}", reason.slug()),
        }
    }
}

impl Requeued {
    /// How many contacts in all.
    pub fn all(&self) -> u64 {
        self.contacts.values().sum()
    }
}

impl Store {
    /// Makes contacts due again that came to their end by `now`, in parts: until its end others can write, and of what was
    /// brought back before an error came everything holds. The gate is asked about each of them as about any other, their
    /// attempts are counted on, and who did it, when and why is kept.
    ///
    /// The campaign keeps its status: one that is over dials none of them before it is resumed.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is no such campaign, or it is cancelled or about to be.
    pub async fn requeue(
        &self,
        campaign: CampaignId,
        which: &BTreeSet<ContactEnd>,
        by: Operator<'_>,
        now: Timestamp,
    ) -> Result<Requeued, StoreError> {
        let doing = format!("requeue contacts of campaign {campaign}");
        let names: Vec<_> = which.iter().map(|end| end.name()).collect();
        let mut requeued = Requeued {
            contacts: BTreeMap::new(),
            status: Status::Running,
        };
        let mut noted = None;
        for &end in which {
            loop {
                let mut tx = self.write(doing.clone()).await?;
                requeued.status = tx.hold_for_requeue(campaign, now).await?;
                let back = tx.bring_back(campaign, end, now).await?;
                let Some(count) = (!back.is_empty()).then_some(back.len() as u64) else {
                    break;
                };
                let id = match noted {
                    Some(id) => id,
                    None => tx.note_requeue(campaign, &names.join(","), by, now).await?,
                };
                tx.trace(id, &back, end).await?;
                if requeued.status.is_over() {
                    tx.execute(SAY_WHY, args![campaign.0, BACK]).await?;
                }
                tx.commit().await?;
                noted = Some(id);
                *requeued.contacts.entry(end).or_default() += count;
                if count < AT_A_TIME.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(requeued)
    }

    /// How many contacts of a campaign ended like each of these.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended(
        &self,
        campaign: CampaignId,
        which: &BTreeSet<ContactEnd>,
    ) -> Result<BTreeMap<ContactEnd, u64>, StoreError> {
        let doing = format!("count the contacts of campaign {campaign}");
        let mut tx = self.read(doing).await?;
        let mut counts = BTreeMap::new();
        for &end in which {
            let (sql, slug) = match end {
                ContactEnd::Outcome(outcome) => (COUNT_OUTCOME, outcome.slug()),
                ContactEnd::Refused(reason) => (COUNT_REFUSED, reason.slug()),
            };
            let count: Option<(i64,)> = tx.one(sql, args![campaign.0, slug]).await?;
            let count = count.map_or(0, |(count,)| count.unsigned_abs());
            if count > 0 {
                counts.insert(end, count);
            }
        }
        Ok(counts)
    }

    /// The requeues of a campaign, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requeues(&self, campaign: CampaignId) -> Result<Vec<Requeue>, StoreError> {
        let doing = format!("read the requeues of campaign {campaign}");
        let mut tx = self.read(doing).await?;
        let stored: Vec<(i64, String, Option<String>, String, i64)> =
            tx.all(REQUEUES, args![campaign.0]).await?;
        let read = |(at, who, because, which, contacts): (i64, _, _, _, i64)| {
            Ok(Requeue {
                at: time(&tx, at)?,
                who,
                because,
                which,
                contacts: contacts.unsigned_abs(),
            })
        };
        stored.into_iter().map(read).collect()
    }

    /// How a contact ended before each time that it was brought back, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requeues_of(
        &self,
        contact: crate::campaign::engine::ContactId,
    ) -> Result<Vec<(ContactEnd, Requeue)>, StoreError> {
        let mut tx = self
            .read(format!("read the requeues of contact {contact}"))
            .await?;
        let stored: Vec<StoredRequeued> = tx.all(REQUEUES_OF, args![contact.0]).await?;
        let read = |stored: StoredRequeued| {
            let (outcome, refused, at, who, because, which, contacts) = stored;
            let end = match (outcome, refused) {
                (Some(slug), _) => codec::outcome(&slug).map(ContactEnd::Outcome),
                (None, Some(slug)) => codec::refused(&slug).map(ContactEnd::Refused),
                (None, None) => None,
            };
            let requeue = Requeue {
                at: time(&tx, at)?,
                who,
                because,
                which,
                contacts: contacts.unsigned_abs(),
            };
            Ok((known(&tx, end, "end of a contact")?, requeue))
        };
        stored.into_iter().map(read).collect()
    }
}

impl Tx {
    /// Holds a campaign's row, gives it a version of its own, and returns its status, unless nothing of it may come back.
    async fn hold_for_requeue(
        &mut self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<Status, StoreError> {
        let version = self.next_version().await?;
        let changed = args![campaign.0, micros(now), version];
        self.execute(CHANGE, changed).await?;
        match self.status_of(campaign).await? {
            None => Err(self.refuse("there is no such campaign")),
            Some(status @ (Status::Cancelled | Status::Cancelling)) => {
                Err(self.refuse(format!("it is {status}, which is for good")))
            }
            Some(
                status @ (Status::Draft
                | Status::Running
                | Status::Paused
                | Status::Complete
                | Status::DatesOver),
            ) => Ok(status),
        }
    }

    /// Makes some contacts due that ended like this, and returns their ids.
    async fn bring_back(
        &mut self,
        campaign: CampaignId,
        end: ContactEnd,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        let (sql, slug) = match end {
            ContactEnd::Outcome(outcome) => (BACK_FROM_OUTCOME, outcome.slug()),
            ContactEnd::Refused(reason) => (BACK_FROM_REFUSED, reason.slug()),
        };
        let given = args![campaign.0, slug, micros(now), AT_A_TIME];
        let back: Vec<(i64,)> = self.all(sql, given).await?;
        Ok(back.into_iter().map(|(id,)| id).collect())
    }

    async fn note_requeue(
        &mut self,
        campaign: CampaignId,
        which: &str,
        by: Operator<'_>,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let given = args![campaign.0, micros(now), by.who, by.because, which];
        let noted = self.one(NOTE, given).await?;
        noted
            .map(|(id,)| id)
            .ok_or_else(|| self.broken("the row of the requeue is missing"))
    }

    /// Keeps how these contacts had ended; their last drops are not final any more.
    async fn trace(
        &mut self,
        requeue: i64,
        contacts: &[i64],
        end: ContactEnd,
    ) -> Result<(), StoreError> {
        let given = rows(contacts.iter().map(|id| row! { contact: id }));
        let (outcome, refused) = match end {
            ContactEnd::Outcome(outcome) => (Some(outcome.slug()), None),
            ContactEnd::Refused(reason) => (None, Some(reason.slug())),
        };
        self.execute(NOT_FINAL, args![&given]).await?;
        self.execute(TRACE, args![&given, requeue, outcome, refused])
            .await?;
        self.execute(COUNT_UP, args![requeue, contacts.len() as i64])
            .await?;
        Ok(())
    }
}

/// The columns of [`REQUEUES_OF`].
type StoredRequeued = (
    Option<String>,
    Option<String>,
    i64,
    String,
    Option<String>,
    String,
    i64,
);

/// Contacts of one transaction: so few that no other writer waits for long.
const AT_A_TIME: i64 = 2_000;

/// Why a campaign that is over has contacts that are due.
const BACK: &str = "contacts were requeued; they wait until it is resumed";

const CHANGE: Sql = sql!("UPDATE campaigns SET changed_at = $2, version = $3 WHERE id = $1");

const SAY_WHY: Sql = sql!("UPDATE campaigns SET why = $2 WHERE id = $1");

const COUNT_OUTCOME: Sql =
    sql!("SELECT count(*) FROM contacts WHERE campaign = $1 AND outcome = $2");

const COUNT_REFUSED: Sql =
    sql!("SELECT count(*) FROM contacts WHERE campaign = $1 AND refused = $2");

/// Those that ended later, some of them once more, are left as they are.
macro_rules! back_from {
    ($column:literal) => {
        sql!(
            "UPDATE contacts SET stage = 'due', due_at = $3, was_due = $3, holder = NULL, held = NULL, held_zone = NULL, \
             outcome = NULL, refused = NULL, ended_at = NULL \
             WHERE id IN (SELECT id FROM contacts WHERE campaign = $1 AND ",
            $column,
            " = $2 AND ended_at <= $3 LIMIT $4",
            ["", " FOR UPDATE"],
            ") RETURNING id"
        )
    };
}

const BACK_FROM_OUTCOME: Sql = back_from!("outcome");

const BACK_FROM_REFUSED: Sql = back_from!("refused");

const NOTE: Sql = sql!(
    "INSERT INTO requeues (campaign, at, who, because, which) VALUES ($1, $2, $3, $4, $5) RETURNING id"
);

const COUNT_UP: Sql = sql!("UPDATE requeues SET contacts = contacts + $2 WHERE id = $1");

const NOT_FINAL: Sql = sql!(
    "UPDATE drops SET is_final = 0 WHERE is_final = 1 AND contact IN (SELECT given.contact FROM ",
    { contact BIGINT },
    ")"
);

const TRACE: Sql = sql!(
    "INSERT INTO requeued (contact, requeue, outcome, refused) SELECT given.contact, $2, $3, $4 FROM ",
    { contact BIGINT }
);

const REQUEUES: Sql =
    sql!("SELECT at, who, because, which, contacts FROM requeues WHERE campaign = $1 ORDER BY id");

const REQUEUES_OF: Sql = sql!(
    "SELECT requeued.outcome, requeued.refused, requeues.at, requeues.who, requeues.because, requeues.which, \
     requeues.contacts FROM requeued JOIN requeues ON requeues.id = requeued.requeue \
     WHERE requeued.contact = $1 ORDER BY requeues.id"
);
