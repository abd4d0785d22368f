//! Drops that are ordered over HTTP: the key that a client chose is written in the transaction of the intent, so that a
//! request which is sent again, whatever died in between, dials nothing twice.

use jiff::Timestamp;

use super::{
    AuditEntry, ControllerLease, Intent, Store, StoreError, Write, Written,
    codec::{micros, sha256},
    commit::write_alone,
    sql::{Sql, args, sql},
    transaction::Tx,
};
use crate::id::DropId;

/// A key that a client chose for a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    /// Who asked; the keys of others are others.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The key itself.
    pub key: String,
}

/// The SHA-256 of a request's body, in hexadecimal digits: by it another request with the same key is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDigest(String);

/// What was answered to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The digest of the request.
    pub request: RequestDigest,
    /// The status of the answer.
    pub status: u16,
    /// Its body.
    pub body: String,
    /// The drop that it is about.
    pub drop: DropId,
}

/// An answer, with the key under which it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedAnswer {
    /// The key.
    pub key: IdempotencyKey,
    /// The answer.
    pub answer: KeptAnswer,
    /// What was answered before this moment is forgotten: its key is a new one.
    pub oldest: Timestamp,
}

/// What is written with the intent of a drop that was ordered over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRecord {
    /// What is answered to the order.
    pub keyed: KeyedAnswer,
    /// The id under which the user's own system knows the callee.
    pub foreign_id: Option<String>,
    /// What the user's own system wants back with it, as JSON.
    pub metadata: Option<String>,
    /// From then on it is not dialled.
    pub expires_at: Option<Timestamp>,
    /// Where it belongs in the trace of whoever ordered it, as W3C Trace Context has it.
    pub traceparent: Option<String>,
    /// The call that it takes over: the PBX, and the channel there.
    pub channel: Option<String>,
    /// Who ordered it.
    pub audit: AuditEntry,
}

/// Where the order of a drop is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderKeeping {
    /// It is written with the intent.
    WithIntent(Box<OrderRecord>),
    /// It is there already: the gate held the drop.
    Held,
}

/// What came of the intent of an ordered drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderWritten {
    /// What would have come of it without a key.
    Written(Written),
    /// The key was used meanwhile, by another process, or the drop that was held does not wait any more: nothing was written.
    KeyTaken,
}

impl RequestDigest {
    /// The digest of a body.
    pub fn of(body: &[u8]) -> Self {
        Self(sha256(body))
    }
}

impl Store {
    /// What seals the cursors of lists: the same in every process on this database, and of it alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cursor_key(&self) -> Result<String, StoreError> {
        let mut tx = self.read("read what seals cursors").await?;
        let salt = tx.salt().await?;
        Ok(RequestDigest::of(format!("cursors:{salt}").as_bytes()).0)
    }

    /// What was answered to a key, unless that was before `oldest`. It is of this request if it was kept for the same one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept_answer(
        &self,
        key: &IdempotencyKey,
        asked: &RequestDigest,
        oldest: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let mut tx = self.read("look up an idempotency key").await?;
        let given = args![&key.principal, &key.route, &key.key, micros(oldest)];
        let stored: Option<(String, i64, String, String)> = tx.one(KEPT, given).await?;
        let Some((request, status, body, drop)) = stored else {
            return Ok(None);
        };
        let read = || Some((u16::try_from(status).ok()?, drop.parse().ok()?));
        let (status, drop) = read().ok_or_else(|| tx.broken("the row of a key cannot be read"))?;
        // A program of an earlier version keeps the digest itself.
        let is_same = request == tx.salted(asked).await? || request == asked.0;
        Ok(Some(KeptAnswer {
            request: if is_same {
                asked.clone()
            } else {
                RequestDigest(request)
            },
            status,
            body,
            drop,
        }))
    }

    /// Writes the intent of an ordered drop as [`Self::commit`] does, and what belongs to the order with it.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written, or its reply was lost.
    pub async fn commit_order(
        &self,
        holder: &ControllerLease,
        intent: Intent,
        order: &OrderRecord,
        now: Timestamp,
    ) -> Result<OrderWritten, StoreError> {
        let mut tx = self.write("write what a drop does").await?;
        let drop = intent.drop;
        let writes = [Write::Start(Box::new(intent))];
        let written = write_alone(&mut tx, holder, &writes, now).await?;
        match written {
            Written::Applied | Written::Scheduled(_) => {}
            Written::Fenced
            | Written::OnDoNotCallList(_)
            | Written::Conflict
            | Written::Full(_) => return Ok(OrderWritten::Written(written)),
        }
        if !tx.keep_answer(&order.keyed, now).await? {
            return Ok(OrderWritten::KeyTaken);
        }
        if !tx.keep_order(drop, order).await? {
            return Ok(OrderWritten::KeyTaken);
        }
        tx.append_audit(&order.audit).await?;
        tx.commit().await?;
        Ok(OrderWritten::Written(written))
    }

    /// Takes back the intent of an ordered drop that was not dialled and not answered for: its key is a new one again. What
    /// the audit log says of it stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_back_order(
        &self,
        holder: &ControllerLease,
        drop: DropId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("take an order back").await?;
        let writes = [Write::TakeBack { drop }];
        write_alone(&mut tx, holder, &writes, now).await?;
        let drop = drop.to_string();
        tx.execute(FORGET_KEY, args![&drop]).await?;
        tx.execute(FORGET_ORDER, args![&drop]).await?;
        tx.commit().await
    }
}

impl Tx {
    /// Keeps what belongs to an order, beside its key; `false` if the call that it takes over has a drop already.
    pub(super) async fn keep_order(
        &mut self,
        drop: DropId,
        order: &OrderRecord,
    ) -> Result<bool, StoreError> {
        let drop = drop.to_string();
        let (foreign_id, metadata) = (order.foreign_id.as_deref(), order.metadata.as_deref());
        let given = args![
            &drop,
            &order.keyed.key.principal,
            foreign_id,
            metadata,
            order.expires_at.map(micros),
            order.traceparent.as_deref(),
            order.channel.as_deref()
        ];
        Ok(self.execute(ORDERED, given).await? == 1)
    }

    /// A digest as it is kept: a body may be little more than a phone number, and all numbers are soon tried without the salt.
    async fn salted(&mut self, request: &RequestDigest) -> Result<String, StoreError> {
        let salt = self.salt().await?;
        Ok(sha256(format!("requests:{salt}:{}", request.0)))
    }

    /// Takes all that is a person's out of what was answered to keys, of which the drops are given by a statement of `forget` and
    /// `unbind`. A key stays bound, so that nothing is dialled by it, but if it holds the number itself.
    pub(super) async fn forget_answers(
        &mut self,
        [unbind, forget]: [Sql; 2],
        given: &str,
    ) -> Result<(), StoreError> {
        self.execute(unbind, args![given]).await?;
        self.execute(forget, args![given]).await.map(drop)
    }

    /// Keeps an answer, and forgets some that are too old; `false` if the key was used meanwhile.
    pub(super) async fn keep_answer(
        &mut self,
        keyed: &KeyedAnswer,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let KeyedAnswer {
            key,
            answer,
            oldest,
        } = keyed;
        let drop = answer.drop.to_string();
        let request = self.salted(&answer.request).await?;
        let given = args![
            &key.principal,
            &key.route,
            &key.key,
            &request,
            i64::from(answer.status),
            &answer.body,
            &drop,
            micros(now),
            micros(*oldest),
        ];
        let is_new = self.execute(KEEP, given).await? == 1;
        if is_new {
            self.execute(FORGET_OLD, args![micros(*oldest)]).await?;
        }
        Ok(is_new)
    }
}

/// What is done to the answers about a person's drops, which are in a table with their numbers.
macro_rules! forget_answers {
    ($table:literal) => {
        [
            $crate::store::sql::sql!(
                "DELETE FROM idempotency_keys WHERE EXISTS (SELECT 1 FROM ",
                { number BIGINT },
                " CROSS JOIN ",
                $table,
                " AS theirs WHERE theirs.number = given.number AND theirs.drop_id = idempotency_keys.drop_id \
                 AND idempotency_keys.key LIKE '%' || CAST(given.number AS TEXT) || '%')"
            ),
            $crate::store::sql::sql!(
                "UPDATE idempotency_keys SET request = 'erased', body = '{}' WHERE drop_id IN (SELECT theirs.drop_id FROM ",
                { number BIGINT },
                " CROSS JOIN ",
                $table,
                " AS theirs WHERE theirs.number = given.number)"
            ),
        ]
    };
}

pub(super) use forget_answers;

const KEPT: Sql = sql!(
    "SELECT request, status, body, drop_id FROM idempotency_keys \
     WHERE principal = $1 AND route = $2 AND key = $3 AND at >= $4"
);

const KEEP: Sql = sql!(
    "INSERT INTO idempotency_keys (principal, route, key, request, status, body, drop_id, at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (principal, route, key) DO UPDATE SET \
     request = excluded.request, status = excluded.status, body = excluded.body, drop_id = excluded.drop_id, \
     at = excluded.at WHERE idempotency_keys.at < $9"
);

/// Two at a time, so that they go faster than they come. Whoever else forgets the same is not waited for.
const FORGET_OLD: Sql = sql!([
    "DELETE FROM idempotency_keys WHERE (principal, route, key) IN \
         (SELECT principal, route, key FROM idempotency_keys WHERE at < $1 ORDER BY at LIMIT 2)",
    "DELETE FROM idempotency_keys WHERE (principal, route, key) IN \
         (SELECT principal, route, key FROM idempotency_keys WHERE at < $1 ORDER BY at LIMIT 2 FOR UPDATE SKIP LOCKED)"
]);

const ORDERED: Sql = sql!(
    "INSERT INTO ordered_drops (drop_id, principal, foreign_id, metadata, expires_at, traceparent, channel) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
);

const FORGET_KEY: Sql = sql!("DELETE FROM idempotency_keys WHERE drop_id = $1");

const FORGET_ORDER: Sql = sql!("DELETE FROM ordered_drops WHERE drop_id = $1");
