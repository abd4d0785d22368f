//! How drops end that the gate held and that were not dialled: refused, cancelled, expired, or not to be dialled at all.

use jiff::Timestamp;
use serde_json::json;

use super::{
    SpokenColumns, Store, StoreError,
    codec::{self, micros},
    events::EventRow,
    ordered::forget_answers,
    retry::Attempts,
    sql::{Sql, args, row, rows, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::{drop::Outcome, events::EventKind, id::DropId};

/// How a drop ends that the gate held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldEnd {
    /// The gate refuses it now.
    Refused {
        /// The reason's slug.
        reason: &'static str,
        /// What the rule says.
        words: String,
        /// The gate's ruling, as JSON.
        ruling: String,
    },
    /// Everything about the person was erased.
    Erased,
    /// It has expired: the gate did not allow it in time.
    Expired,
    /// An operator cancelled it.
    Cancelled,
    /// It waits in a database that was restored, where nothing goes on by itself; in words.
    Restored(String),
    /// It cannot be dialled, by a fault that does not pass; in words.
    Failed(String),
}

/// What is kept of a drop that the gate held and that was not dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledHold {
    /// Where it is.
    pub state: HeldState,
    /// Of one that waits or is refused, why.
    pub reason: String,
    /// The same for people, if there is more to be said.
    pub words: Option<String>,
    /// Of one that waits, until when it is held, as far as is known.
    pub until: Timestamp,
}

/// A drop to a person that the gate held and that was not dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonHold {
    /// The drop.
    pub drop: DropId,
    /// The message.
    pub message: String,
    /// What the message says of them.
    pub fields: SpokenColumns,
    /// When it was ordered.
    pub held_at: Timestamp,
    /// What the gate has made of it.
    pub hold: SettledHold,
}

/// Where a drop is that the gate held and that was not dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldState {
    /// The gate is asked again.
    Waiting,
    /// It is not dialled, ever.
    Refused,
    /// It has an outcome without a call.
    Ended,
}

impl HeldState {
    /// Its slug.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Ended => "ended",
        }
    }

    /// The state of this slug; `None` of what was dialled, too.
    pub(super) fn read(slug: &str) -> Option<Self> {
        let all = [Self::Waiting, Self::Refused, Self::Ended];
        all.into_iter().find(|state| state.slug() == slug)
    }
}

impl HeldEnd {
    /// The state, the reason or outcome, and the words that are kept.
    fn kept(&self) -> (&'static str, &'static str, &str) {
        match self {
            Self::Refused { reason, words, .. } => ("refused", reason, words),
            Self::Erased => ("refused", ERASED, ERASED_WORDS),
            Self::Expired => ("refused", EXPIRED, EXPIRED_WORDS),
            Self::Cancelled => (
                "ended",
                Outcome::Cancelled.slug(),
                "it was cancelled before a call was made",
            ),
            Self::Restored(words) => ("ended", Outcome::Cancelled.slug(), words),
            Self::Failed(words) => ("ended", Outcome::Error.slug(), words),
        }
    }
}

impl Store {
    /// Ends a drop that waits, and tells of it. `false` if it does not wait any more: nothing was written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_held(
        &self,
        drop: DropId,
        end: &HeldEnd,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("end a drop that was held").await?;
        if !tx.settle_held(&drop.to_string(), end, now).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Ends drops of all PBXes that have expired, at most so many, and tells of them; returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expire_held(&self, now: Timestamp, at_most: usize) -> Result<usize, StoreError> {
        let mut tx = self.read("look for held drops that have expired").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let expired: Vec<(String,)> = tx.all(EXPIRING, args![micros(now), at_most]).await?;
        drop(tx);
        let mut count = 0;
        for (id,) in expired {
            let mut tx = self.write("end a drop that has expired").await?;
            if tx.settle_held(&id, &HeldEnd::Expired, now).await? {
                tx.commit().await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// When the next drop of any PBX expires that waits; `None` if none does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.read("read when a held drop expires").await?;
        let next: Option<(Option<i64>,)> = tx.one(NEXT_EXPIRY, &[]).await?;
        let next = next.and_then(|(next,)| next);
        next.map(|next| time(&tx, next)).transpose()
    }

    /// Deletes held drops that were settled before, with their orders; some in each transaction. Returns how many went.
    pub(super) async fn prune_held(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let mut attempts = Attempts::default();
            let some = loop {
                match self.prune_some_held(before).await {
                    Err(error) if attempts.again(&error).await => {}
                    done => break done?,
                }
            };
            gone += some;
            if some == 0 {
                return Ok(gone);
            }
            self.give_way().await;
        }
    }

    async fn prune_some_held(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.write("prune drops that were held").await?;
        let found: Vec<(String,)> = tx.all(SETTLED, args![micros(before)]).await?;
        if found.is_empty() {
            return Ok(0);
        }
        let given = rows(found.iter().map(|(id,)| row! { id: id }));
        tx.execute(DELETE_ORDERS, args![&given]).await?;
        let gone = tx.execute(DELETE, args![&given]).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// How many [`Self::prune_held`] would delete.
    pub(super) async fn prunable_held(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.read("count what can be pruned").await?;
        if !tx.has_step(STEP) {
            return Ok(0);
        }
        let count: Option<(i64,)> = tx.one(COUNT_SETTLED, args![micros(before)]).await?;
        Ok(count.map_or(0, |(count,)| count.unsigned_abs()))
    }
}

impl Tx {
    /// Ends all drops that wait in a database that was restored; returns how many.
    pub(super) async fn end_restored_holds(
        &mut self,
        because: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let waiting: Vec<(String,)> = self.all(ALL_WAITING, args![]).await?;
        for (drop,) in &waiting {
            let end = HeldEnd::Restored(because.to_owned());
            self.settle_held(drop, &end, now).await?;
        }
        Ok(waiting.len() as u64)
    }

    async fn settle_held(
        &mut self,
        drop: &str,
        end: &HeldEnd,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(waiting) = self.waiting(drop).await? else {
            return Ok(false);
        };
        let (state, reason, words) = end.kept();
        let ruling = match end {
            HeldEnd::Refused { ruling, .. } => Some(ruling.as_str()),
            HeldEnd::Erased
            | HeldEnd::Expired
            | HeldEnd::Cancelled
            | HeldEnd::Restored(_)
            | HeldEnd::Failed(_) => None,
        };
        let given = args![drop, state, reason, words, ruling, micros(now)];
        self.execute(SETTLE, given).await?;
        let (kind, why) = match end {
            HeldEnd::Refused { .. } | HeldEnd::Erased | HeldEnd::Expired => {
                (EventKind::DropRefused, "reason")
            }
            HeldEnd::Cancelled | HeldEnd::Restored(_) | HeldEnd::Failed(_) => {
                (EventKind::DropEnded, "outcome")
            }
        };
        let is_erased = *end == HeldEnd::Erased;
        let mut detail = json!({ "words": words });
        detail[why] = reason.into();
        if !is_erased {
            detail["foreign_id"] = waiting.foreign_id.clone().into();
        }
        let told = EventRow {
            kind,
            campaign: None,
            drop: Some(drop),
            number: (!is_erased).then_some(waiting.number),
            detail: &detail,
        };
        self.tell(&told, micros(now)).await?;
        Ok(true)
    }

    /// Takes a person out of the drops that the gate held: those that wait are refused, and nothing of the person stays.
    pub(super) async fn forget_held(
        &mut self,
        given: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !self.has_step(STEP) {
            return Ok(());
        }
        let waiting: Vec<(String,)> = self.all(WAITING_OF, args![given]).await?;
        for (drop,) in waiting {
            self.settle_held(&drop, &HeldEnd::Erased, now).await?;
        }
        self.forget_answers(FORGET_ANSWERS, given).await?;
        self.execute(FORGET_ORDERS, args![given]).await?;
        self.execute(FORGET, args![given]).await?;
        Ok(())
    }

    /// Drops to a person that the gate held and that were not dialled, oldest first.
    pub(super) async fn holds_of(&mut self, given: &str) -> Result<Vec<PersonHold>, StoreError> {
        if !self.has_step(STEP) {
            return Ok(Vec::new());
        }
        let sql = if self.has_step(FIELDS_STEP) {
            HOLDS_OF
        } else {
            HOLDS_OF_EARLIER
        };
        let stored: Vec<StoredHoldOf> = self.all(sql, args![given]).await?;
        let mut all = Vec::with_capacity(stored.len());
        for (id, message, held_at, state, reason, words, until, fields) in stored {
            let Some(hold) = self.settled_hold((&state, reason, words, until))? else {
                continue;
            };
            let fields = fields.as_deref().map(serde_json::from_str).transpose();
            let fields: Option<SpokenColumns> = known(self, fields.ok(), "field of a message")?;
            all.push(PersonHold {
                drop: known(self, id.parse().ok(), "drop's id")?,
                message,
                fields: fields.unwrap_or_default(),
                held_at: time(self, held_at)?,
                hold,
            });
        }
        Ok(all)
    }

    /// What is kept of a drop that the gate held; `None` if it was dialled since.
    pub(super) fn settled_hold(
        &self,
        (state, reason, words, until): (&str, String, Option<String>, i64),
    ) -> Result<Option<SettledHold>, StoreError> {
        if state == "dialled" {
            return Ok(None);
        }
        Ok(Some(SettledHold {
            state: known(self, HeldState::read(state), "state of a held drop")?,
            reason,
            words,
            until: time(self, until)?,
        }))
    }

    /// The outcome of a drop that has ended without a call.
    pub(super) fn outcome_of_hold(
        &self,
        hold: &SettledHold,
    ) -> Result<Option<Outcome>, StoreError> {
        match hold.state {
            HeldState::Ended => known(self, codec::outcome(&hold.reason), "outcome").map(Some),
            HeldState::Waiting | HeldState::Refused => Ok(None),
        }
    }
}

/// The columns of [`HOLDS_OF`].
type StoredHoldOf = (
    String,
    String,
    i64,
    String,
    String,
    Option<String>,
    i64,
    Option<String>,
);

/// The step of the schema with held drops.
const STEP: i64 = 18;

/// The step with what their messages say of people.
const FIELDS_STEP: i64 = 23;

/// The reason of a drop that was not allowed in time, and what it says.
const EXPIRED: &str = "expired";
const EXPIRED_WORDS: &str = "it expired before it could be dialled";

/// The reason of a drop to somebody who was erased.
const ERASED: &str = "erased";
const ERASED_WORDS: &str =
    "everything about the person was erased, and they are never called again";

const EXPIRING: Sql = sql!(
    "SELECT drop_id FROM held_drops WHERE state = 'waiting' AND expires_at <= $1 ORDER BY expires_at LIMIT $2"
);

const NEXT_EXPIRY: Sql = sql!(
    "SELECT min(expires_at) FROM held_drops WHERE state = 'waiting' AND expires_at IS NOT NULL"
);

const ALL_WAITING: Sql =
    sql!("SELECT drop_id FROM held_drops WHERE state = 'waiting' ORDER BY drop_id");

const SETTLE: Sql = sql!(
    "UPDATE held_drops SET state = $2, reason = $3, words = $4, ruling = coalesce($5, ruling), settled_at = $6, \
     fields = NULL \
     WHERE drop_id = $1 AND state = 'waiting'"
);

const SETTLED: Sql = sql!(
    "SELECT drop_id FROM held_drops WHERE settled_at IS NOT NULL AND settled_at < $1 ORDER BY settled_at LIMIT 1000"
);

const COUNT_SETTLED: Sql =
    sql!("SELECT count(*) FROM held_drops WHERE settled_at IS NOT NULL AND settled_at < $1");

const DELETE: Sql = sql!(
    "DELETE FROM held_drops WHERE drop_id IN (SELECT given.id FROM ",
    { id TEXT },
    ")"
);

const DELETE_ORDERS: Sql = sql!(
    "DELETE FROM ordered_drops WHERE drop_id IN (SELECT given.id FROM ",
    { id TEXT },
    ")"
);

const WAITING_OF: Sql = sql!(
    "SELECT held_drops.drop_id FROM ",
    { number BIGINT },
    " CROSS JOIN held_drops WHERE held_drops.number = given.number AND held_drops.state = 'waiting' \
     ORDER BY held_drops.drop_id",
    ["", " FOR UPDATE OF held_drops"]
);

const HOLDS_OF: Sql = sql!(
    "SELECT held_drops.drop_id, held_drops.message, held_drops.held_at, held_drops.state, held_drops.reason, \
     held_drops.words, held_drops.until, held_drops.fields FROM ",
    { number BIGINT },
    " CROSS JOIN held_drops WHERE held_drops.number = given.number ORDER BY held_drops.held_at, held_drops.drop_id"
);

const HOLDS_OF_EARLIER: Sql = sql!(
    "SELECT held_drops.drop_id, held_drops.message, held_drops.held_at, held_drops.state, held_drops.reason, \
     held_drops.words, held_drops.until, CAST(NULL AS TEXT) FROM ",
    { number BIGINT },
    " CROSS JOIN held_drops WHERE held_drops.number = given.number ORDER BY held_drops.held_at, held_drops.drop_id"
);

const FORGET_ANSWERS: [Sql; 2] = forget_answers!("held_drops");

const FORGET_ORDERS: Sql = sql!(
    "DELETE FROM ordered_drops WHERE drop_id IN (SELECT held_drops.drop_id FROM ",
    { number BIGINT },
    " CROSS JOIN held_drops WHERE held_drops.number = given.number)"
);

const FORGET: Sql = sql!(
    "UPDATE held_drops SET number = 0, consent = NULL, consent_at = NULL, consent_source = NULL, overrides = NULL, \
     ruling = '{}', words = NULL, fields = NULL WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);
