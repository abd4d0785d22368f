//! The messages of an endpoint between the log of events and their end: what the server that holds the endpoint does.
//!
//! ```text
//!   log ── queue_messages ──> pending (taken) ── settle_deliveries ──> delivered
//!                               ^    ^                 │     └───────> dead
//!              take_deliveries ─┘    └── due again ────┘
//! ```
//!
//! One server holds an endpoint at a time, by a lease; whatever it writes is checked against that. What it has in memory is
//! marked, and the mark is void as soon as another one begins: nothing is lost with a server that dies, and what it had
//! sent and not written is sent again, with the same id.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::endpoint::{DisabledBecause, SealedSecret, Webhook, WebhookHealth, WebhookId};
use crate::{
    events::EventKind,
    store::{
        Store, StoreError,
        codec::micros,
        sql::{Sql, args, row, rows, sql},
        tally::time,
        transaction::Tx,
    },
};

/// What a server looks at to see whether an endpoint needs anything of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookSign {
    /// The endpoint.
    pub id: WebhookId,
    /// Grows with each change.
    pub version: i64,
    /// Grows with each order to send something again.
    pub orders: i64,
    /// Whether anything is sent to it.
    pub is_enabled: bool,
    /// Whether another server holds it.
    pub is_held: bool,
}

/// A message that is to be queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The `webhook-id`.
    pub message: String,
    /// The number of its first event.
    pub first: u64,
    /// The number of its last event.
    pub last: u64,
    /// How many events it holds.
    pub events: u32,
    /// Their types.
    pub types: Vec<String>,
    /// The bytes that are signed and sent.
    pub body: String,
}

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    /// The number of its row.
    pub id: i64,
    /// The `webhook-id`.
    pub message: String,
    /// The number of its first event.
    pub first: u64,
    /// The number of its last event.
    pub last: u64,
    /// How many events it holds.
    pub events: u32,
    /// The types of its events.
    pub types: Vec<String>,
    /// The bytes that are signed and sent; `None`: they are to be made from the events.
    pub body: Option<String>,
    /// Attempts since it was queued, or ordered to be sent again.
    pub attempts: u32,
}

/// What the log was looked through for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogProgress {
    /// What is new.
    New {
        /// The position that the endpoint had.
        from: u64,
        /// The position that it has now.
        to: u64,
        /// Events in between that were not kept.
        missed: u64,
    },
    /// An order to send events again.
    Again {
        /// The order.
        replay: i64,
        /// Up to which number the log was looked through.
        to: u64,
        /// Whether nothing is left of it.
        is_done: bool,
    },
}

/// Whether a message was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Not yet.
    Pending,
    /// It was.
    Delivered,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The word under which it is stored and told.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in ms.
    pub took_ms: u64,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What kind of fault it was, as a slug; none if there was an answer that is not a redirect.
    pub fault: Option<String>,
    /// The beginning of what was answered.
    pub answer: Option<String>,
}

/// What an attempt changes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledDelivery {
    /// The number of its row.
    pub id: i64,
    /// What it is from now on.
    pub state: DeliveryState,
    /// When it is due again, if it is pending.
    pub due_at: Option<Timestamp>,
    /// The attempt.
    pub attempt: DeliveryAttempt,
}

/// An order to send events again that is not carried out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayOrder {
    /// Its number.
    pub id: i64,
    /// Only events from then on.
    pub since: Option<Timestamp>,
    /// Only events until then.
    pub until: Option<Timestamp>,
    /// Only these types or groups; empty: those of the endpoint.
    pub types: Vec<String>,
    /// Up to which number the log was looked through.
    pub position: u64,
    /// Up to which number it is to be looked through.
    pub up_to: u64,
}

impl Store {
    /// All endpoints, as far as a server needs to know what to do.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_signs(
        &self,
        server: &str,
        now: Timestamp,
    ) -> Result<Vec<WebhookSign>, StoreError> {
        let mut tx = self.read("look at the webhooks").await?;
        let stored: Vec<(i64, i64, i64, i64, i64)> = tx
            .all(SIGNS, args![server, micros(now), longest_lease()])
            .await?;
        let sign =
            |(id, version, orders, is_enabled, is_held): (i64, i64, i64, i64, i64)| WebhookSign {
                id: WebhookId(id),
                version,
                orders,
                is_enabled: is_enabled == 1,
                is_held: is_held == 1,
            };
        Ok(stored.into_iter().map(sign).collect())
    }

    /// Takes endpoints that nobody holds, and holds those on that this server has; returns all that it has from now on. Those of
    /// `except` it cannot send to, and gives back. A lease that ends later than one that is made now ever could is of a clock that
    /// was set back since, and void.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_webhooks(
        &self,
        server: &str,
        except: &[WebhookId],
        now: Timestamp,
    ) -> Result<Vec<WebhookId>, StoreError> {
        let mut tx = self.write("hold webhooks").await?;
        let lease = i64::try_from(WEBHOOK_LEASE.as_micros()).unwrap_or(i64::MAX);
        let except = rows(except.iter().map(|id| row! { id: id.0 }));
        tx.execute(GIVE_SOME_BACK, args![&except, server]).await?;
        let given = args![&except, server, micros(now), lease, longest_lease()];
        let held: Vec<(i64,)> = tx.all(HOLD, given).await?;
        tx.commit().await?;
        Ok(held.into_iter().map(|(id,)| WebhookId(id)).collect())
    }

    /// Gives back all endpoints that this server holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give_webhooks_back(&self, server: &str) -> Result<(), StoreError> {
        let mut tx = self.write("give webhooks back").await?;
        tx.execute(GIVE_BACK, args![server]).await?;
        tx.commit().await
    }

    /// Begins to send to an endpoint that this server holds: what another one had in memory is in no memory any more. `None` if
    /// it is not held, or not enabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_webhook(
        &self,
        id: WebhookId,
        server: &str,
        now: Timestamp,
    ) -> Result<Option<(Webhook, Vec<SealedSecret>)>, StoreError> {
        let mut tx = self.write("begin with a webhook").await?;
        if !tx.holds_webhook(id, server).await? {
            return Ok(None);
        }
        tx.execute(VOID_MARKS, args![id.0]).await?;
        let webhook = tx.webhook(id).await?;
        let secrets = tx.webhook_secrets(id, now).await?;
        tx.commit().await?;
        Ok(webhook.map(|webhook| (webhook, secrets)))
    }

    /// Queues messages, which this server has in memory, and notes how far the log was looked through for them. Returns the
    /// numbers of their rows with their ids; one that waits to be sent already is not among them. `None` if this server does
    /// not hold the endpoint any more, or not as it is: they were made for what it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn queue_messages(
        &self,
        (id, version, server): (WebhookId, i64, &str),
        progress: LogProgress,
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Result<Option<Vec<(i64, String)>>, StoreError> {
        let mut tx = self.write("queue messages of a webhook").await?;
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        match progress {
            LogProgress::New { from, to, missed } => {
                let given = args![id.0, server, whole(from), whole(to), whole(missed), version];
                if tx.execute(MOVE_ON, given).await? == 0 {
                    return Ok(None);
                }
                if missed > 0 {
                    let detail = serde_json::json!({ "webhook": id.to_string(), "events": missed });
                    tx.tell_of_webhook(EventKind::WebhookMissed, &detail, micros(now))
                        .await?;
                }
            }
            LogProgress::Again {
                replay,
                to,
                is_done,
            } => {
                let held: Option<(i64,)> = tx.one(HOLDS, args![id.0, server]).await?;
                if held != Some((version,)) {
                    return Ok(None);
                }
                if is_done {
                    tx.execute(END_REPLAY, args![replay]).await?;
                } else {
                    tx.execute(MOVE_REPLAY_ON, args![replay, whole(to)]).await?;
                }
            }
        }
        let given = rows(messages.iter().map(|message| {
            row! {
                message: &message.message, first: message.first, last: message.last, events: message.events,
                types: format!(" {} ", message.types.join(" ")), body: &message.body
            }
        }));
        let queued: Vec<(i64, String)> = if messages.is_empty() {
            Vec::new()
        } else {
            tx.all(QUEUE, args![&given, id.0, micros(now)]).await?
        };
        tx.commit().await?;
        Ok(Some(queued))
    }

    /// Takes all messages out of this server's memory but these, which it has: what it had taken while the database failed is in
    /// no memory. `false` if it does not hold the endpoint any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_all_but(
        &self,
        (id, server): (WebhookId, &str),
        here: &[i64],
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("give messages back that were lost").await?;
        if !tx.holds_webhook(id, server).await? {
            return Ok(false);
        }
        let here = rows(here.iter().map(|id| row! { id: id }));
        tx.execute(RELEASE_OTHERS, args![&here, id.0]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Has messages sent at once that are due later than their schedule can have said: the clock was set back since. `longest` is
    /// how long a message waits at most after so many attempts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bound_deliveries(
        &self,
        id: WebhookId,
        longest: &[(u32, Duration)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("bound when messages are due").await?;
        let longest = rows(longest.iter().map(|(attempts, wait)| {
            let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
            row! { attempts: attempts, within: wait }
        }));
        tx.execute(BOUND, args![&longest, id.0, micros(now)])
            .await?;
        tx.commit().await
    }

    /// Takes messages that are due into this server's memory, at most so many, in the order in which they are due; those of
    /// an ordered endpoint in the order of their events, and none behind one that is not due yet. Returns also when the next
    /// one is due. `None` if this server does not hold the endpoint any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_deliveries(
        &self,
        (id, server): (WebhookId, &str),
        is_ordered: bool,
        at_most: usize,
        now: Timestamp,
    ) -> Result<Option<(Vec<DueDelivery>, Option<Timestamp>)>, StoreError> {
        let (next, take) = if is_ordered {
            (NEXT_IN_ORDER, TAKE_IN_ORDER)
        } else {
            (NEXT_DUE, TAKE_DUE)
        };
        let mut tx = self.read("look for messages that are due").await?;
        let due: Option<(Option<i64>,)> = tx.one(next, args![id.0]).await?;
        let due = due.and_then(|(due,)| due);
        if at_most == 0 || due.is_none_or(|due| due > micros(now)) {
            let due = due.map(|due| time(&tx, due)).transpose()?;
            return Ok(Some((Vec::new(), due)));
        }
        drop(tx);
        let mut tx = self.write("take messages that are due").await?;
        if !tx.holds_webhook(id, server).await? {
            return Ok(None);
        }
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let taken: Vec<StoredDelivery> = tx.all(take, args![id.0, micros(now), at_most]).await?;
        let next: Option<(Option<i64>,)> = tx.one(next, args![id.0]).await?;
        let next = next.and_then(|(due,)| due);
        let next = next.map(|due| time(&tx, due)).transpose()?;
        tx.commit().await?;
        let mut taken: Vec<_> = taken.into_iter().map(read_delivery).collect();
        if is_ordered {
            taken.sort_by_key(|(_, delivery)| (delivery.first, delivery.id));
        } else {
            taken.sort_by_key(|(due, delivery)| (*due, delivery.id));
        }
        let taken = taken.into_iter().map(|(_, delivery)| delivery).collect();
        Ok(Some((taken, next)))
    }

    /// Whether this server may send what it made for an endpoint as it was: it holds it, and nothing of it was changed since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn may_send(
        &self,
        (id, version, server): (WebhookId, i64, &str),
    ) -> Result<bool, StoreError> {
        let mut tx = self.read("look whether a webhook was changed").await?;
        let held: Option<(i64,)> = tx.one(MAY_SEND, args![id.0, version, server]).await?;
        Ok(held.is_some())
    }

    /// Writes what came of attempts, and the health of the endpoint after them; takes those of `released` out of memory; and if
    /// the endpoint is to be disabled, does that and tells of it. `false` if this server does not hold it any more: nothing
    /// was written. If the endpoint was changed since, or somebody was erased, answers are not kept: they may repeat what they
    /// were told. Of a message that is in no memory nothing is written either: it was written before, though the answer of the
    /// database was lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_deliveries(
        &self,
        (id, version, server): (WebhookId, i64, &str),
        settled: &[SettledDelivery],
        released: &[i64],
        health: &WebhookHealth,
        disable: Option<DisabledBecause>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("settle messages of a webhook").await?;
        let moment = |at: Option<Timestamp>| at.map(micros);
        let given = args![
            id.0,
            server,
            i64::from(health.failures),
            moment(health.failing_since),
            moment(health.last_failure_at),
            moment(health.last_success_at),
            moment(health.probe_at),
        ];
        if tx.execute(KEEP_HEALTH, given).await? == 0 {
            return Ok(false);
        }
        let given = rows(settled.iter().map(|settled| {
            let attempt = &settled.attempt;
            row! {
                id: settled.id, state: settled.state.slug(), due_at: moment(settled.due_at), at: micros(attempt.at),
                took_ms: attempt.took_ms, status: attempt.status, fault: &attempt.fault, answer: &attempt.answer
            }
        }));
        if !settled.is_empty() {
            tx.execute(ADD_ATTEMPTS, args![&given, id.0, version])
                .await?;
            tx.execute(SETTLE, args![&given, micros(now)]).await?;
        }
        if !released.is_empty() {
            let given = rows(released.iter().map(|id| row! { id: id }));
            tx.execute(RELEASE, args![&given]).await?;
        }
        if let Some(because) = disable {
            let given = args![id.0, micros(now), because.slug()];
            if tx.execute(DISABLE, given).await? > 0 {
                let detail =
                    serde_json::json!({ "webhook": id.to_string(), "because": because.slug() });
                tx.tell_of_webhook(EventKind::WebhookDisabled, &detail, micros(now))
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The oldest order to send events of an endpoint again that is not carried out yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_replay(&self, id: WebhookId) -> Result<Option<ReplayOrder>, StoreError> {
        let mut tx = self.read("read what is to be sent again").await?;
        let stored: Option<StoredReplay> = tx.one(NEXT_REPLAY, args![id.0]).await?;
        let Some((id, since, until, types, position, up_to)) = stored else {
            return Ok(None);
        };
        let moment = |at: Option<i64>| at.map(|at| time(&tx, at)).transpose();
        Ok(Some(ReplayOrder {
            id,
            since: moment(since)?,
            until: moment(until)?,
            types: types.split_ascii_whitespace().map(str::to_owned).collect(),
            position: position.unsigned_abs(),
            up_to: up_to.unsigned_abs(),
        }))
    }
}

impl Tx {
    /// Whether this server holds an endpoint that is enabled; its row stays as it is until this transaction ends.
    async fn holds_webhook(&mut self, id: WebhookId, server: &str) -> Result<bool, StoreError> {
        let held: Option<(i64,)> = self.one(HOLDS, args![id.0, server]).await?;
        Ok(held.is_some())
    }
}

/// The columns of [`TAKE_DUE`].
type StoredDelivery = (i64, String, i64, i64, i64, String, Option<String>, i64, i64);

/// The columns of [`NEXT_REPLAY`].
type StoredReplay = (i64, Option<i64>, Option<i64>, String, i64, i64);

/// A delivery, and when it was due.
fn read_delivery(stored: StoredDelivery) -> (i64, DueDelivery) {
    let (id, message, first, last, events, types, body, attempts, due) = stored;
    let types = types.split_ascii_whitespace();
    let delivery = DueDelivery {
        id,
        message,
        first: first.unsigned_abs(),
        last: last.unsigned_abs(),
        events: u32::try_from(events).unwrap_or(u32::MAX),
        types: types.map(str::to_owned).collect(),
        body,
        attempts: u32::try_from(attempts).unwrap_or(0),
    };
    (due, delivery)
}

/// How long a server holds an endpoint without saying so again.
pub const WEBHOOK_LEASE: SignedDuration = SignedDuration::from_secs(6);

/// How far in the future a lease ends at most, in microseconds: that of a server whose clock, or whose moment, is a little ahead
/// of this one's.
fn longest_lease() -> i64 {
    i64::try_from(2 * WEBHOOK_LEASE.as_micros()).unwrap_or(i64::MAX)
}

const SIGNS: Sql = sql!(
    "SELECT id, version, orders, CAST(CASE WHEN disabled_at IS NULL THEN 1 ELSE 0 END AS BIGINT), \
     CAST(CASE WHEN holder <> $1 AND lease_ends > coalesce(",
    SERVER_TIME,
    ", $2) AND lease_ends <= coalesce(",
    SERVER_TIME,
    ", $2) + $3 THEN 1 ELSE 0 END AS BIGINT) FROM webhooks ORDER BY id"
);

const HOLD: Sql = sql!(
    "UPDATE webhooks SET holder = $2, lease_ends = coalesce(",
    SERVER_TIME,
    ", $3) + $4 WHERE disabled_at IS NULL AND (holder IS NULL OR holder = $2 OR lease_ends <= coalesce(",
    SERVER_TIME,
    ", $3) OR lease_ends > coalesce(",
    SERVER_TIME,
    ", $3) + $5) AND id NOT IN (SELECT given.id FROM ",
    { id BIGINT },
    ") RETURNING id"
);

const GIVE_SOME_BACK: Sql = sql!(
    "UPDATE webhooks SET holder = NULL, lease_ends = NULL WHERE holder = $2 AND id IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const GIVE_BACK: Sql =
    sql!("UPDATE webhooks SET holder = NULL, lease_ends = NULL WHERE holder = $1");

const HOLDS: Sql = sql!(
    "SELECT version FROM webhooks WHERE id = $1 AND holder = $2 AND disabled_at IS NULL",
    ["", " FOR UPDATE"]
);

const MAY_SEND: Sql = sql!(
    "SELECT id FROM webhooks WHERE id = $1 AND version = $2 AND holder = $3 AND disabled_at IS NULL"
);

const VOID_MARKS: Sql =
    sql!("UPDATE webhook_deliveries SET taken = 0 WHERE webhook = $1 AND taken = 1");

const MOVE_ON: Sql = sql!(
    "UPDATE webhooks SET position = $4, missed = missed + $5 \
     WHERE id = $1 AND holder = $2 AND disabled_at IS NULL AND position = $3 AND version = $6"
);

const MOVE_REPLAY_ON: Sql = sql!("UPDATE webhook_replays SET position = $2 WHERE id = $1");

const END_REPLAY: Sql = sql!("DELETE FROM webhook_replays WHERE id = $1");

const NEXT_REPLAY: Sql = sql!(
    "SELECT id, since, until, types, position, up_to FROM webhook_replays WHERE webhook = $1 ORDER BY id LIMIT 1"
);

const QUEUE: Sql = sql!(
    "INSERT INTO webhook_deliveries (webhook, message, first_sequence, last_sequence, events, types, body, state, \
     attempts, due_at, taken, created_at) SELECT $2, given.message, given.first, given.last, given.events, given.types, \
     given.body, 'pending', 0, $3, 1, $3 FROM ",
    { message TEXT, first BIGINT, last BIGINT, events BIGINT, types TEXT, body TEXT },
    " WHERE 1 = 1 ORDER BY given.nth ON CONFLICT (webhook, message) DO UPDATE SET state = 'pending', body = excluded.body, \
     attempts = 0, due_at = excluded.due_at, taken = 1, settled_at = NULL \
     WHERE webhook_deliveries.state <> 'pending' RETURNING id, message"
);

const BOUND: Sql = sql!(
    "UPDATE webhook_deliveries SET due_at = $3 FROM ",
    { attempts BIGINT, within BIGINT },
    " WHERE webhook_deliveries.webhook = $2 AND webhook_deliveries.state = 'pending' AND webhook_deliveries.taken = 0 \
     AND webhook_deliveries.attempts = given.attempts AND webhook_deliveries.due_at > $3 + given.within"
);

const NEXT_DUE: Sql = sql!(
    "SELECT min(due_at) FROM webhook_deliveries WHERE webhook = $1 AND state = 'pending' AND taken = 0"
);

/// The first of all decides when the next one is due.
const NEXT_IN_ORDER: Sql = sql!(
    "SELECT CASE WHEN taken = 0 THEN due_at END FROM webhook_deliveries WHERE webhook = $1 AND state = 'pending' \
     ORDER BY first_sequence, id LIMIT 1"
);

const TAKE_DUE: Sql = sql!(
    "UPDATE webhook_deliveries SET taken = 1 WHERE id IN (SELECT id FROM webhook_deliveries \
     WHERE webhook = $1 AND state = 'pending' AND taken = 0 AND due_at <= $2 ORDER BY due_at, id LIMIT $3) \
     RETURNING id, message, first_sequence, last_sequence, events, types, body, attempts, due_at"
);

const TAKE_IN_ORDER: Sql = sql!(
    "UPDATE webhook_deliveries SET taken = 1 WHERE id IN (SELECT id FROM webhook_deliveries \
     WHERE webhook = $1 AND state = 'pending' AND taken = 0 AND $2 >= 0 ORDER BY first_sequence, id LIMIT $3) \
     RETURNING id, message, first_sequence, last_sequence, events, types, body, attempts, due_at"
);

const KEEP_HEALTH: Sql = sql!(
    "UPDATE webhooks SET failures = $3, failing_since = $4, last_failure_at = $5, last_success_at = $6, probe_at = $7 \
     WHERE id = $1 AND holder = $2 AND disabled_at IS NULL"
);

const ADD_ATTEMPTS: Sql = sql!(
    "INSERT INTO webhook_attempts (delivery, nth, at, took_ms, status, fault, answer) SELECT given.id, \
     1 + coalesce((SELECT max(earlier.nth) FROM webhook_attempts earlier WHERE earlier.delivery = given.id), 0), \
     given.at, given.took_ms, given.status, given.fault, \
     CASE WHEN (SELECT webhooks.version FROM webhooks WHERE webhooks.id = $2) = $3 THEN given.answer END FROM ",
    { id BIGINT, at BIGINT, took_ms BIGINT, status BIGINT, fault TEXT, answer TEXT },
    " WHERE EXISTS (SELECT 1 FROM webhook_deliveries WHERE webhook_deliveries.id = given.id \
     AND webhook_deliveries.taken = 1)"
);

/// What is delivered can be made from its events again.
const SETTLE: Sql = sql!(
    "UPDATE webhook_deliveries SET state = given.state, due_at = given.due_at, attempts = attempts + 1, taken = 0, \
     settled_at = CASE WHEN given.state = 'pending' THEN NULL ELSE $2 END, \
     body = CASE WHEN given.state = 'delivered' THEN NULL ELSE body END FROM ",
    { id BIGINT, state TEXT, due_at BIGINT },
    " WHERE webhook_deliveries.id = given.id AND webhook_deliveries.taken = 1"
);

const RELEASE: Sql = sql!(
    "UPDATE webhook_deliveries SET taken = 0 WHERE id IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const RELEASE_OTHERS: Sql = sql!(
    "UPDATE webhook_deliveries SET taken = 0 WHERE webhook = $2 AND taken = 1 AND id NOT IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

const DISABLE: Sql = sql!(
    "UPDATE webhooks SET disabled_at = $2, disabled_because = $3, version = version + 1, holder = NULL, lease_ends = NULL \
     WHERE id = $1 AND disabled_at IS NULL"
);
