//! What operators do to endpoints of webhooks.

use jiff::Timestamp;

use super::endpoint::{
    DisabledBecause, SealedSecret, StoredWebhook, Webhook, WebhookId, WebhookSettings,
};
use crate::{
    events::EventKind,
    store::{
        AuditEntry, Store, StoreError,
        codec::micros,
        sql::{Sql, args, sql},
        tally::time,
    },
};

/// How much an endpoint has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookBacklog {
    /// Messages that are queued and not delivered.
    pub pending: u64,
    /// When the oldest of them was queued.
    pub oldest_pending_at: Option<Timestamp>,
    /// Messages that were given up.
    pub dead: u64,
    /// Orders to send events again that are still being carried out.
    pub replays: u64,
}

/// What came of giving an endpoint another secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotatedSecret {
    /// It has one.
    Done(Box<Webhook>),
    /// Four secrets count already.
    TooMany,
    /// There is no such endpoint.
    Unknown,
}

impl Store {
    /// Makes an endpoint that is told of the events behind a number, with its row in the audit log; `seal` gives its secret,
    /// sealed for its id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_webhook(
        &self,
        settings: &WebhookSettings,
        position: u64,
        mut audit: AuditEntry,
        seal: impl FnOnce(WebhookId) -> String + Send,
    ) -> Result<Webhook, StoreError> {
        let now = audit.at;
        let mut tx = self.write("add a webhook").await?;
        let types = settings.types.join(" ");
        let given = args![
            &settings.url,
            settings.description.as_deref(),
            &types,
            settings.campaign.map(|campaign| campaign.0),
            i64::from(settings.full_numbers),
            i64::from(settings.concurrency),
            settings.per_second.map(i64::from),
            i64::from(settings.ordered),
            i64::from(settings.batch),
            i64::from(settings.linger_ms),
            micros(now),
            &audit.who,
            i64::try_from(position).unwrap_or(i64::MAX),
        ];
        let added: Option<(i64,)> = tx.one(ADD, given).await?;
        let Some((id,)) = added else {
            return Err(tx.broken("a row that was added has no id"));
        };
        let sealed = seal(WebhookId(id));
        tx.execute(ADD_SECRET, args![id, &sealed, micros(now)])
            .await?;
        let webhook = tx.webhook(WebhookId(id)).await?;
        let webhook = webhook.ok_or_else(|| tx.broken("a row that was added is not there"))?;
        audit.object = webhook.id.to_string();
        tx.append_audit(&audit).await?;
        tx.commit().await?;
        Ok(webhook)
    }

    /// An endpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        let mut tx = self.read("read a webhook").await?;
        if !tx.has_step(super::STEP) {
            return Ok(None);
        }
        tx.webhook(id).await
    }

    /// Endpoints before one, the latest first, or after it, the earliest first; at most so many. `None`: from that end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhooks(
        &self,
        from: Option<WebhookId>,
        is_backward: bool,
        at_most: usize,
    ) -> Result<Vec<Webhook>, StoreError> {
        let mut tx = self.read("read the webhooks").await?;
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let from = from.map(|id| id.0);
        let stored: Vec<StoredWebhook> = if is_backward {
            tx.all(BEFORE, args![from.unwrap_or(i64::MAX), at_most])
                .await?
        } else {
            tx.all(AFTER, args![from.unwrap_or(0), at_most]).await?
        };
        stored.into_iter().map(|stored| stored.read(&tx)).collect()
    }

    /// The secrets of an endpoint that count at a moment, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_secrets(
        &self,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        let mut tx = self.read("read the secrets of a webhook").await?;
        tx.webhook_secrets(id, now).await
    }

    /// How much an endpoint has before it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_backlog(&self, id: WebhookId) -> Result<WebhookBacklog, StoreError> {
        let mut tx = self.read("count what a webhook has before it").await?;
        let found: Option<(i64, Option<i64>, i64, i64)> = tx.one(BACKLOG, args![id.0]).await?;
        let (pending, oldest, dead, replays) = found.unwrap_or_default();
        Ok(WebhookBacklog {
            pending: pending.unsigned_abs(),
            oldest_pending_at: oldest.map(|at| time(&tx, at)).transpose()?,
            dead: dead.unsigned_abs(),
            replays: replays.unsigned_abs(),
        })
    }

    /// Each endpoint that something is sent to, and since when its oldest message waits: in its queue, or in the log before it.
    /// It costs a look at an index for each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_waits(&self) -> Result<Vec<(WebhookId, Option<Timestamp>)>, StoreError> {
        let mut tx = self.read("look for how long webhooks wait").await?;
        if !tx.has_step(super::STEP) {
            return Ok(Vec::new());
        }
        let stored: Vec<(i64, Option<i64>, Option<i64>)> = tx.all(WAITS, &[]).await?;
        let mut waits = Vec::with_capacity(stored.len());
        for (id, queued, logged) in stored {
            let since = [queued, logged].into_iter().flatten().min();
            let since = since.map(|at| time(&tx, at)).transpose()?;
            waits.push((WebhookId(id), since));
        }
        Ok(waits)
    }

    /// Each endpoint that is not being removed, and whether it is disabled by what it answered, or that it did not: an operator
    /// did not say so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_stops(&self) -> Result<Vec<(WebhookId, bool)>, StoreError> {
        let mut tx = self.read("look which webhooks are disabled").await?;
        if !tx.has_step(super::STEP) {
            return Ok(Vec::new());
        }
        let [operator, removed] = [DisabledBecause::Operator, DisabledBecause::Removed];
        let given = args![operator.slug(), removed.slug()];
        let stored: Vec<(i64, i64)> = tx.all(STOPS, given).await?;
        let stops = stored.into_iter();
        let stops = stops.map(|(id, is_stopped)| (WebhookId(id), is_stopped == 1));
        Ok(stops.collect())
    }

    /// Changes the settings of an endpoint that is still of this version, and says whether anything is sent to it; `None` if it
    /// was changed meanwhile. One that is enabled again begins anew: all that is pending is due at once. What was to be sent
    /// elsewhere, or in another form, is made anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_webhook(
        &self,
        (id, version): (WebhookId, i64),
        settings: &WebhookSettings,
        enabled: bool,
        now: Timestamp,
    ) -> Result<Option<Webhook>, StoreError> {
        let mut tx = self.write(format!("change webhook {id}")).await?;
        let types = settings.types.join(" ");
        let given = args![
            id.0,
            version,
            &settings.url,
            settings.description.as_deref(),
            &types,
            settings.campaign.map(|campaign| campaign.0),
            i64::from(settings.full_numbers),
            i64::from(settings.concurrency),
            settings.per_second.map(i64::from),
            i64::from(settings.ordered),
            i64::from(settings.batch),
            i64::from(settings.linger_ms),
        ];
        let before = tx.webhook(id).await?;
        if tx.execute(CHANGE, given).await? == 0 {
            return Ok(None);
        }
        if before.is_none_or(|before| has_other_form(&before.settings, settings)) {
            tx.execute(MAKE_ANEW, args![id.0]).await?;
        }
        if enabled {
            if tx.execute(ENABLE, args![id.0]).await? > 0 {
                tx.execute(DUE_AT_ONCE, args![id.0, micros(now)]).await?;
            }
        } else {
            let because = DisabledBecause::Operator.slug();
            if tx
                .execute(DISABLE, args![id.0, micros(now), because])
                .await?
                > 0
            {
                let detail = serde_json::json!({ "webhook": id.to_string(), "because": because });
                tx.tell_of_webhook(EventKind::WebhookDisabled, &detail, micros(now))
                    .await?;
            }
        }
        let webhook = tx.webhook(id).await?;
        tx.commit().await?;
        Ok(webhook)
    }

    /// Gives an endpoint another secret. Those of before count until then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rotate_webhook_secret(
        &self,
        id: WebhookId,
        sealed: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<RotatedSecret, StoreError> {
        let mut tx = self
            .write(format!("rotate the secret of webhook {id}"))
            .await?;
        if tx.execute(TOUCH, args![id.0]).await? == 0 {
            return Ok(RotatedSecret::Unknown);
        }
        let now = micros(now);
        tx.execute(EXPIRE, args![id.0, micros(until)]).await?;
        tx.execute(FORGET_SECRETS, args![id.0, now]).await?;
        let count: Option<(i64,)> = tx.one(COUNT_SECRETS, args![id.0]).await?;
        if count.is_some_and(|(count,)| count >= MOST_SECRETS) {
            return Ok(RotatedSecret::TooMany);
        }
        tx.execute(ADD_SECRET, args![id.0, sealed, now]).await?;
        let webhook = tx.webhook(id).await?;
        tx.commit().await?;
        Ok(webhook.map_or(RotatedSecret::Unknown, |webhook| {
            RotatedSecret::Done(Box::new(webhook))
        }))
    }

    /// Begins to remove an endpoint: nothing is sent to it from here on. `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_webhook_removal(
        &self,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(format!("remove webhook {id}")).await?;
        let because = DisabledBecause::Removed.slug();
        let given = args![id.0, micros(now), because];
        if tx.execute(REMOVE_SOON, given).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Removes some of the deliveries of an endpoint whose removal was begun, and the endpoint with the last of them. Returns
    /// whether it is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_some_of_webhook(&self, id: WebhookId) -> Result<bool, StoreError> {
        let mut tx = self.write(format!("remove webhook {id}")).await?;
        let some = tx.execute(REMOVE_DELIVERIES, args![id.0]).await?;
        let is_last = some < 1_000;
        if is_last {
            tx.execute(REMOVE, args![id.0]).await?;
        }
        tx.commit().await?;
        if !is_last {
            self.give_way().await;
        }
        Ok(is_last)
    }
}

/// Whether a message that was made for these settings is not one for those. How many events are sent together is said by a
/// message's id, and holds for the message.
fn has_other_form(before: &WebhookSettings, settings: &WebhookSettings) -> bool {
    before.url != settings.url
        || before.full_numbers != settings.full_numbers
        || before.types != settings.types
        || before.campaign != settings.campaign
}

/// Most secrets of an endpoint that count at a time.
const MOST_SECRETS: i64 = 4;

const ADD: Sql = sql!(
    "INSERT INTO webhooks (url, description, types, campaign, full_numbers, concurrency, per_second, ordered, batch, \
     linger_ms, created_at, created_by, position, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1) RETURNING id"
);

const ADD_SECRET: Sql =
    sql!("INSERT INTO webhook_secrets (webhook, sealed, created_at) VALUES ($1, $2, $3)");

const BEFORE: Sql = sql!("SELECT * FROM webhooks WHERE id < $1 ORDER BY id DESC LIMIT $2");

const AFTER: Sql = sql!("SELECT * FROM webhooks WHERE id > $1 ORDER BY id LIMIT $2");

const BACKLOG: Sql = sql!(
    "SELECT (SELECT count(*) FROM webhook_deliveries WHERE webhook = $1 AND state = 'pending'), \
     (SELECT min(created_at) FROM webhook_deliveries WHERE webhook = $1 AND state = 'pending'), \
     (SELECT count(*) FROM webhook_deliveries WHERE webhook = $1 AND state = 'dead'), \
     (SELECT count(*) FROM webhook_replays WHERE webhook = $1)"
);

/// The first by its events is the oldest; one that is sent again by an order waits from then on.
const WAITS: Sql = sql!(
    "SELECT id, (SELECT CASE attempts WHEN 0 THEN due_at ELSE created_at END FROM webhook_deliveries \
     WHERE webhook = webhooks.id AND state = 'pending' ORDER BY first_sequence LIMIT 1), \
     (SELECT at FROM events WHERE sequence > webhooks.position ORDER BY sequence LIMIT 1) \
     FROM webhooks WHERE disabled_at IS NULL ORDER BY id"
);

const STOPS: Sql = sql!(
    "SELECT id, CAST(CASE WHEN disabled_at IS NOT NULL AND coalesce(disabled_because, '') <> $1 THEN 1 ELSE 0 END AS BIGINT) \
     FROM webhooks WHERE coalesce(disabled_because, '') <> $2 ORDER BY id"
);

const CHANGE: Sql = sql!(
    "UPDATE webhooks SET url = $3, description = $4, types = $5, campaign = $6, full_numbers = $7, concurrency = $8, \
     per_second = $9, ordered = $10, batch = $11, linger_ms = $12, version = version + 1 WHERE id = $1 AND version = $2"
);

const MAKE_ANEW: Sql =
    sql!("UPDATE webhook_deliveries SET body = NULL WHERE webhook = $1 AND body IS NOT NULL");

const ENABLE: Sql = sql!(
    "UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL, failures = 0, failing_since = NULL, probe_at = NULL \
     WHERE id = $1 AND disabled_at IS NOT NULL"
);

const DUE_AT_ONCE: Sql = sql!(
    "UPDATE webhook_deliveries SET due_at = $2, attempts = 0 WHERE webhook = $1 AND state = 'pending'"
);

const DISABLE: Sql = sql!(
    "UPDATE webhooks SET disabled_at = $2, disabled_because = $3 WHERE id = $1 AND disabled_at IS NULL"
);

const TOUCH: Sql = sql!("UPDATE webhooks SET version = version + 1 WHERE id = $1");

/// One that ends sooner does so.
const EXPIRE: Sql = sql!(
    "UPDATE webhook_secrets SET expires_at = $2 WHERE webhook = $1 AND (expires_at IS NULL OR expires_at > $2)"
);

const FORGET_SECRETS: Sql =
    sql!("DELETE FROM webhook_secrets WHERE webhook = $1 AND expires_at <= $2");

const COUNT_SECRETS: Sql = sql!("SELECT count(*) FROM webhook_secrets WHERE webhook = $1");

const REMOVE_SOON: Sql = sql!(
    "UPDATE webhooks SET disabled_at = $2, disabled_because = $3, version = version + 1 WHERE id = $1"
);

const REMOVE_DELIVERIES: Sql = sql!(
    "DELETE FROM webhook_deliveries WHERE id IN \
     (SELECT id FROM webhook_deliveries WHERE webhook = $1 ORDER BY id LIMIT 1000)"
);

const REMOVE: Sql = sql!("DELETE FROM webhooks WHERE id = $1");
