//! What was sent to endpoints of webhooks: its log, and sending it again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::{
    endpoint::{StoredWebhook, WebhookId},
    queue::{DeliveryAttempt, DeliveryState},
};
use crate::{
    events::EventKind,
    store::{
        Store, StoreError,
        codec::micros,
        sql::{Sql, args, row, rows, sql},
        tally::{known, time},
        transaction::Tx,
    },
};

/// A message to an endpoint, as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Its number; it is written `dlv_` and the number.
    pub id: i64,
    /// The `webhook-id`.
    pub message: String,
    /// The number of its first event.
    pub first: u64,
    /// The number of its last event.
    pub last: u64,
    /// How many events it holds.
    pub events: u64,
    /// Their types.
    pub types: Vec<String>,
    /// Whether it was delivered.
    pub state: DeliveryState,
    /// When it is sent next.
    pub due_at: Option<Timestamp>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub settled_at: Option<Timestamp>,
    /// Every attempt, the first one first.
    pub attempts: Vec<DeliveryAttempt>,
}

/// What is to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Only events from then on.
    pub since: Option<Timestamp>,
    /// Only events until then.
    pub until: Option<Timestamp>,
    /// Only these types; empty: all.
    pub kinds: Vec<String>,
    /// The same as they were given, such as `drop.*`.
    pub types: Vec<String>,
    /// Only what was given up; else all events, whether they were delivered or not.
    pub only_dead: bool,
}

/// What came of an order to send something again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// There is no such endpoint or message.
    Unknown,
    /// Nothing is sent to the endpoint.
    Disabled,
    /// So many messages are due at once.
    Due(u64),
    /// The log is gone through from behind this number up to that one.
    From {
        /// Nothing up to this number.
        after: u64,
        /// Nothing beyond this number.
        up_to: u64,
    },
}

impl Store {
    /// Messages to an endpoint before one, the latest first, or after it, the earliest first; at most so many, and only those
    /// of a state if one is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_deliveries(
        &self,
        id: WebhookId,
        state: Option<DeliveryState>,
        (from, is_backward): (Option<i64>, bool),
        at_most: usize,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        let mut tx = self.read("read what was sent to a webhook").await?;
        let from = from.unwrap_or(if is_backward { i64::MAX } else { 0 });
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let stored: Vec<StoredRow> = match (state, is_backward) {
            (None, true) => tx.all(BEFORE, args![id.0, from, at_most]).await?,
            (None, false) => tx.all(AFTER, args![id.0, from, at_most]).await?,
            (Some(state), true) => {
                tx.all(BEFORE_IN, args![id.0, from, at_most, state.slug()])
                    .await?
            }
            (Some(state), false) => {
                tx.all(AFTER_IN, args![id.0, from, at_most, state.slug()])
                    .await?
            }
        };
        tx.with_attempts(stored).await
    }

    /// One message to an endpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_delivery(
        &self,
        id: WebhookId,
        delivery: i64,
    ) -> Result<Option<WebhookDelivery>, StoreError> {
        let mut tx = self.read("read what was sent to a webhook").await?;
        let stored: Vec<StoredRow> = tx.all(ONE, args![id.0, delivery]).await?;
        Ok(tx.with_attempts(stored).await?.pop())
    }

    /// Has one message sent again, or at once if it waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay_delivery(
        &self,
        id: WebhookId,
        delivery: i64,
        now: Timestamp,
    ) -> Result<Replayed, StoreError> {
        let mut tx = self.write("send a message again").await?;
        if let Some(refused) = tx.order_webhook(id).await? {
            return Ok(refused);
        }
        let given = args![id.0, delivery, micros(now)];
        let due = tx.execute(AGAIN, given).await?;
        if due == 0 {
            return Ok(Replayed::Unknown);
        }
        tx.commit().await?;
        Ok(Replayed::Due(due))
    }

    /// Has messages of an endpoint sent again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay_webhook(
        &self,
        id: WebhookId,
        request: &ReplayRequest,
        now: Timestamp,
    ) -> Result<Replayed, StoreError> {
        let mut tx = self.write("send messages again").await?;
        if let Some(refused) = tx.order_webhook(id).await? {
            return Ok(refused);
        }
        let moment = |at: Option<Timestamp>, open: i64| at.map_or(open, micros);
        let replayed = if request.only_dead {
            let kinds = rows(request.kinds.iter().map(|slug| row! { slug: slug }));
            let given = args![
                &kinds,
                id.0,
                moment(request.since, i64::MIN),
                moment(request.until, i64::MAX),
                i64::from(request.kinds.is_empty()),
                micros(now),
            ];
            Replayed::Due(tx.execute(DEAD_AGAIN, given).await?)
        } else {
            let webhook = tx.webhook(id).await?;
            let up_to = webhook.map_or(0, |webhook| webhook.position);
            // Times are almost in the order of numbers: what is before all of them need not be looked through.
            let first: Option<(Option<i64>,)> = tx
                .one(FIRST_SINCE, args![moment(request.since, i64::MIN)])
                .await?;
            let first = first.and_then(|(first,)| first);
            let after = first.map_or(up_to, |first| first.unsigned_abs().saturating_sub(1));
            let types = request.types.join(" ");
            let given = args![
                id.0,
                request.since.map(micros),
                request.until.map(micros),
                &types,
                i64::try_from(after.min(up_to)).unwrap_or(i64::MAX),
                i64::try_from(up_to).unwrap_or(i64::MAX),
                micros(now),
            ];
            tx.execute(ADD_REPLAY, given).await?;
            Replayed::From {
                after: after.min(up_to),
                up_to,
            }
        };
        tx.commit().await?;
        Ok(replayed)
    }

    /// Tells each endpoint, and whoever follows the log, how many of its events are about to be deleted before it was sent them,
    /// whether anything is sent to it at present or not. Each is told of once: its place in the log moves past them, and messages
    /// of them are given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::store) async fn note_missed(
        &self,
        (before, over): (i64, i64),
    ) -> Result<(), StoreError> {
        let mut tx = self.write("note what webhooks have missed").await?;
        if !tx.has_step(super::STEP) {
            return Ok(());
        }
        let range = tx.event_range().await?;
        let kept: Option<(Option<i64>,)> = tx.one(FIRST_KEPT, args![before, over]).await?;
        let newest = i64::try_from(range.newest).unwrap_or(i64::MAX);
        let gone_to = match kept.and_then(|(first,)| first) {
            Some(first) => first - 1,
            None => newest,
        };
        let stored: Vec<StoredWebhook> = tx.all(ALL, &[]).await?;
        for stored in stored {
            let webhook = stored.read(&tx)?;
            let position = i64::try_from(webhook.position).unwrap_or(i64::MAX);
            let mut missed = 0;
            if let Some(filter) = webhook.settings.filter() {
                let kinds = filter.kinds.iter();
                let kinds = rows(kinds.map(|kind| row! { slug: kind.slug() }));
                let given = args![
                    &kinds,
                    position,
                    i64::from(filter.kinds.is_empty()),
                    filter.campaign.map(|campaign| campaign.0),
                    before,
                    over
                ];
                let counted: Option<(i64,)> = tx.one(COUNT_UNQUEUED, given).await?;
                missed += counted.map_or(0, |(count,)| count);
            }
            let given_up: Vec<(i64,)> = tx.all(GIVE_UP, args![webhook.id.0, gone_to]).await?;
            missed += given_up.into_iter().map(|(events,)| events).sum::<i64>();
            tx.execute(PASS, args![webhook.id.0, gone_to, missed])
                .await?;
            tx.tell_missed(webhook.id, missed).await?;
        }
        tx.commit().await
    }

    /// Deletes messages whose events are not kept any more, some at a time. What was still to be sent is told to be missed.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted before it stays deleted.
    pub(in crate::store) async fn prune_deliveries(&self) -> Result<(), StoreError> {
        loop {
            let mut tx = self.write("prune what was sent to webhooks").await?;
            let old: Vec<(i64, i64, i64)> = tx.all(OLD, &[]).await?;
            if old.is_empty() {
                return Ok(());
            }
            let missed = old.iter().filter(|(_, _, missed)| *missed > 0);
            let missed =
                rows(missed.map(|(_, webhook, missed)| row! { webhook: webhook, missed: missed }));
            tx.execute(COUNT_MISSED, args![&missed]).await?;
            let mut of_each = BTreeMap::new();
            for (_, webhook, missed) in &old {
                *of_each.entry(WebhookId(*webhook)).or_default() += missed;
            }
            for (webhook, missed) in of_each {
                tx.tell_missed(webhook, missed).await?;
            }
            let given = rows(old.iter().map(|(id, ..)| row! { id: id }));
            tx.execute(DELETE, args![&given]).await?;
            tx.commit().await?;
            if old.len() < 1_000 {
                return Ok(());
            }
            self.give_way().await;
        }
    }
}

impl Tx {
    /// Tells that an endpoint has missed so many events, if it has any.
    async fn tell_missed(&mut self, id: WebhookId, missed: i64) -> Result<(), StoreError> {
        if missed > 0 {
            let detail = json!({ "webhook": id.to_string(), "events": missed });
            let detail = detail.to_string();
            let kind = EventKind::WebhookMissed.slug();
            self.execute(TELL_NOW, args![kind, &detail]).await?;
        }
        Ok(())
    }

    /// Notes that something is to be sent again; says why not, if it cannot be.
    async fn order_webhook(&mut self, id: WebhookId) -> Result<Option<Replayed>, StoreError> {
        if self.execute(ORDER, args![id.0]).await? == 0 {
            return Ok(Some(Replayed::Unknown));
        }
        let webhook = self.webhook(id).await?;
        let is_enabled = webhook.is_some_and(|webhook| webhook.disabled.is_none());
        Ok((!is_enabled).then_some(Replayed::Disabled))
    }

    /// Takes what is said of a person out of messages that wait to be sent: they are made anew from their events, which do not
    /// name the person any more. What servers have in memory, or make of the log at this moment, is void. Before the person's
    /// rows are emptied.
    pub(in crate::store) async fn forget_deliveries(
        &mut self,
        given: &str,
    ) -> Result<(), StoreError> {
        if self.has_step(super::STEP) {
            // First, as servers do: the endpoint, and then its messages.
            self.execute(FORGET_MEMORY, &[]).await?;
            self.execute(FORGET_ANSWERS, args![given]).await?;
            self.execute(FORGET_BODIES, args![given]).await?;
        }
        Ok(())
    }

    async fn with_attempts(
        &mut self,
        stored: Vec<StoredRow>,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        let given = rows(stored.iter().map(|row| row! { id: row.0 }));
        let attempts: Vec<StoredAttempt> = self.all(ATTEMPTS, args![&given]).await?;
        let mut all = Vec::with_capacity(stored.len());
        for row in stored {
            let (
                id,
                message,
                first,
                last,
                events,
                types,
                state,
                due_at,
                taken,
                created_at,
                settled_at,
            ) = row;
            let moment = |at: Option<i64>| at.map(|at| time(self, at)).transpose();
            let mut states = DeliveryState::ALL.into_iter();
            let state = states.find(|known| known.slug() == state);
            let own = attempts.iter().filter(|attempt| attempt.0 == id);
            let own = own.map(|attempt| read_attempt(self, attempt));
            all.push(WebhookDelivery {
                id,
                message,
                first: first.unsigned_abs(),
                last: last.unsigned_abs(),
                events: events.unsigned_abs(),
                types: types.split_ascii_whitespace().map(str::to_owned).collect(),
                state: known(self, state, "state of a delivery")?,
                due_at: moment(due_at.filter(|_| taken == 0))?,
                created_at: time(self, created_at)?,
                settled_at: moment(settled_at)?,
                attempts: own.collect::<Result<_, _>>()?,
            });
        }
        Ok(all)
    }
}

fn read_attempt(tx: &Tx, attempt: &StoredAttempt) -> Result<DeliveryAttempt, StoreError> {
    let (_, at, took_ms, status, fault, answer) = attempt;
    Ok(DeliveryAttempt {
        at: time(tx, *at)?,
        took_ms: took_ms.unsigned_abs(),
        status: status.and_then(|status| u16::try_from(status).ok()),
        fault: fault.clone(),
        answer: answer.clone(),
    })
}

/// The columns of [`BEFORE`].
type StoredRow = (
    i64,
    String,
    i64,
    i64,
    i64,
    String,
    String,
    Option<i64>,
    i64,
    i64,
    Option<i64>,
);

/// The columns of [`ATTEMPTS`].
type StoredAttempt = (i64, i64, i64, Option<i64>, Option<String>, Option<String>);

const BEFORE: Sql = sql!(
    "SELECT id, message, first_sequence, last_sequence, events, types, state, due_at, taken, created_at, settled_at \
     FROM webhook_deliveries WHERE webhook = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
);

const AFTER: Sql = sql!(
    "SELECT id, message, first_sequence, last_sequence, events, types, state, due_at, taken, created_at, settled_at \
     FROM webhook_deliveries WHERE webhook = $1 AND id > $2 ORDER BY id LIMIT $3"
);

const BEFORE_IN: Sql = sql!(
    "SELECT id, message, first_sequence, last_sequence, events, types, state, due_at, taken, created_at, settled_at \
     FROM webhook_deliveries WHERE webhook = $1 AND state = $4 AND id < $2 ORDER BY id DESC LIMIT $3"
);

const AFTER_IN: Sql = sql!(
    "SELECT id, message, first_sequence, last_sequence, events, types, state, due_at, taken, created_at, settled_at \
     FROM webhook_deliveries WHERE webhook = $1 AND state = $4 AND id > $2 ORDER BY id LIMIT $3"
);

const ONE: Sql = sql!(
    "SELECT id, message, first_sequence, last_sequence, events, types, state, due_at, taken, created_at, settled_at \
     FROM webhook_deliveries WHERE webhook = $1 AND id = $2"
);

const ATTEMPTS: Sql = sql!(
    "SELECT attempt.delivery, attempt.at, attempt.took_ms, attempt.status, attempt.fault, attempt.answer FROM ",
    { id BIGINT },
    " JOIN webhook_attempts attempt ON attempt.delivery = given.id ORDER BY attempt.delivery, attempt.nth"
);

const ORDER: Sql = sql!("UPDATE webhooks SET orders = orders + 1 WHERE id = $1");

/// One that is in the sender's memory is sent anyway.
const AGAIN: Sql = sql!(
    "UPDATE webhook_deliveries SET state = 'pending', due_at = $3, settled_at = NULL, \
     attempts = CASE WHEN state = 'pending' THEN attempts ELSE 0 END WHERE webhook = $1 AND id = $2"
);

const DEAD_AGAIN: Sql = sql!(
    "UPDATE webhook_deliveries SET state = 'pending', due_at = $6, settled_at = NULL, attempts = 0 \
     WHERE webhook = $2 AND state = 'dead' AND EXISTS (SELECT 1 FROM events WHERE events.sequence \
     BETWEEN webhook_deliveries.first_sequence AND webhook_deliveries.last_sequence AND events.at BETWEEN $3 AND $4 \
     AND webhook_deliveries.types LIKE '% ' || events.type || ' %' AND ($5 = 1 OR events.type IN (SELECT given.slug FROM ",
    { slug TEXT },
    ")))"
);

const FIRST_SINCE: Sql =
    sql!("SELECT min(sequence) FROM events WHERE at >= $1 AND sequence IS NOT NULL");

const ADD_REPLAY: Sql = sql!(
    "INSERT INTO webhook_replays (webhook, since, until, types, position, up_to, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)"
);

const FIRST_KEPT: Sql = sql!(
    "SELECT min(sequence) FROM events WHERE sequence IS NOT NULL AND at >= $1 AND sequence > $2"
);

const ALL: Sql = sql!(
    "SELECT * FROM webhooks WHERE coalesce(disabled_because, '') <> 'removed' ORDER BY id",
    ["", " FOR UPDATE"]
);

const COUNT_UNQUEUED: Sql = sql!(
    "SELECT count(*) FROM events WHERE sequence IS NOT NULL AND sequence > $2 AND (at < $5 OR sequence <= $6) \
     AND ($3 = 1 OR type IN (SELECT given.slug FROM ",
    { slug TEXT },
    ")) AND ($4 IS NULL OR campaign = $4)"
);

const GIVE_UP: Sql = sql!(
    "UPDATE webhook_deliveries SET state = 'dead', due_at = NULL, taken = 0 \
     WHERE webhook = $1 AND state = 'pending' AND last_sequence <= $2 RETURNING events"
);

const PASS: Sql = sql!(
    "UPDATE webhooks SET position = CASE WHEN position < $2 THEN $2 ELSE position END, missed = missed + $3 WHERE id = $1"
);

const TELL_NOW: Sql = sql!(
    "INSERT INTO events (at, type, detail) VALUES (",
    [
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        "aftertone_now()"
    ],
    ", $1, $2)"
);

/// With how many events of it nobody was told of.
const OLD: Sql = sql!(
    "SELECT id, webhook, CASE WHEN state = 'pending' THEN events ELSE 0 END FROM webhook_deliveries \
     WHERE last_sequence < coalesce((SELECT min(sequence) FROM events), 9223372036854775807) \
     ORDER BY last_sequence, id LIMIT 1000",
    ["", " FOR UPDATE SKIP LOCKED"]
);

const COUNT_MISSED: Sql = sql!(
    "UPDATE webhooks SET missed = missed + (SELECT sum(given.missed) FROM ",
    { webhook BIGINT, missed BIGINT },
    " WHERE given.webhook = webhooks.id) WHERE id IN (SELECT given.webhook FROM ",
    { webhook BIGINT, missed BIGINT },
    ")"
);

const DELETE: Sql = sql!(
    "DELETE FROM webhook_deliveries WHERE id IN (SELECT given.id FROM ",
    { id BIGINT },
    ")"
);

/// What servers have in memory of messages is void: they were made before the person was erased.
const FORGET_MEMORY: Sql = sql!("UPDATE webhooks SET version = version + 1");

/// Chooses messages that may tell of persons: by their events, and without a look at them if some of those are gone, or a row that
/// they name is.
macro_rules! may_tell_of {
    ($before:literal, $behind:literal) => {
        sql!(
            $before,
            "(webhook_deliveries.first_sequence < coalesce((SELECT min(sequence) FROM events), 9223372036854775807) \
             OR EXISTS (SELECT 1 FROM events \
             LEFT JOIN contacts ON contacts.id = events.contact LEFT JOIN drops ON drops.id = events.drop_id \
             WHERE events.sequence BETWEEN webhook_deliveries.first_sequence AND webhook_deliveries.last_sequence \
             AND ((events.contact IS NOT NULL AND contacts.id IS NULL) OR (events.drop_id IS NOT NULL AND drops.id IS NULL) \
             OR EXISTS (SELECT 1 FROM ",
            { number BIGINT },
            " WHERE given.number IN (events.number, contacts.number, drops.number)))))",
            $behind
        )
    };
}

const FORGET_BODIES: Sql = may_tell_of!(
    "UPDATE webhook_deliveries SET body = NULL WHERE body IS NOT NULL AND ",
    ""
);

/// Whoever was told of a person may have answered with what they were told.
const FORGET_ANSWERS: Sql = may_tell_of!(
    "UPDATE webhook_attempts SET answer = NULL WHERE answer IS NOT NULL AND delivery IN \
     (SELECT webhook_deliveries.id FROM webhook_deliveries WHERE ",
    ")"
);
