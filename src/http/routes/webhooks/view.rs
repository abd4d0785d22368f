//! Endpoints and messages as they are shown.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    campaign::engine::CampaignId,
    hooks::{HookAttempt, SecretShown, WebhookSecret, shown},
    http::{Api, problem::Problem},
    store::{
        DeliveryAttempt, SealedSecret, Webhook, WebhookBacklog, WebhookDelivery, WebhookSettings,
    },
};

/// An endpoint.
#[derive(Debug, Serialize)]
pub(in crate::http) struct WebhookResource {
    id: String,
    /// Grows with each change; the `ETag`.
    pub(super) version: i64,
    #[serde(flatten)]
    settings: SettingsView,
    enabled: bool,
    /// Why nothing is sent to it: `operator`, `failing`, `gone` or `removed`.
    disabled_because: Option<&'static str>,
    disabled_at: Option<Timestamp>,
    created_at: Timestamp,
    created_by: String,
    /// Of the events up to this number, each that it is told of is queued or sent.
    position: u64,
    /// How many events behind it there are, whether it is told of them or not.
    behind: u64,
    /// Messages that are queued and not delivered.
    pending: u64,
    oldest_pending_at: Option<Timestamp>,
    /// Messages that were given up.
    dead: u64,
    /// Events that were not kept until it could be told of them.
    missed: u64,
    /// Orders to send events again that are still being carried out.
    replays: u64,
    /// Failures in a row; from 10 on, one request at a time tries whether it answers.
    failures: u32,
    failing_since: Option<Timestamp>,
    last_failure_at: Option<Timestamp>,
    last_success_at: Option<Timestamp>,
    secrets: Vec<SecretView>,
    /// Of a secret that was just made, and never again; none of `v1a`.
    pub(super) secret: Option<String>,
}

/// What whoever made an endpoint said of it.
#[derive(Debug, Serialize)]
pub(super) struct SettingsView {
    url: String,
    description: Option<String>,
    types: Vec<String>,
    campaign: Option<String>,
    full_numbers: bool,
    concurrency: u32,
    per_second: Option<u32>,
    ordered: bool,
    batch: u32,
    linger: String,
}

/// A secret, without itself.
#[derive(Debug, Serialize)]
struct SecretView {
    /// How messages are signed: `v1` or `v1a`.
    signature: &'static str,
    /// What verifies `v1a`.
    public_key: Option<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

/// A message to an endpoint.
#[derive(Debug, Serialize)]
pub(in crate::http) struct DeliveryView {
    id: String,
    webhook_id: String,
    state: &'static str,
    types: Vec<String>,
    events: u64,
    first_sequence: u64,
    last_sequence: u64,
    created_at: Timestamp,
    due_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    attempts: Vec<AttemptView>,
}

/// An attempt to send a message.
#[derive(Debug, Serialize)]
struct AttemptView {
    at: Timestamp,
    took_ms: u64,
    status: Option<u16>,
    fault: Option<String>,
    answer: Option<String>,
}

/// What came of a ping.
#[derive(Debug, Serialize)]
pub(in crate::http) struct PingView {
    delivered: bool,
    took_ms: u64,
    status: Option<u16>,
    fault: Option<&'static str>,
    words: Option<&'static str>,
    answer: Option<String>,
}

impl WebhookResource {
    /// Reads what belongs to an endpoint.
    pub(super) async fn read(api: &Api, webhook: Webhook, now: Timestamp) -> Result<Self, Problem> {
        let backlog = api.store.webhook_backlog(webhook.id).await?;
        let secrets = api.store.webhook_secrets(webhook.id, now).await?;
        let newest = api.store.event_range().await?.newest;
        let campaign = match webhook.settings.campaign {
            Some(id) => name_of(api, id).await?,
            None => None,
        };
        Ok(Self::of(webhook, campaign, &backlog, &secrets, newest))
    }

    fn of(
        webhook: Webhook,
        campaign: Option<String>,
        backlog: &WebhookBacklog,
        secrets: &[SealedSecret],
        newest: u64,
    ) -> Self {
        let secret = |secret: &SealedSecret| {
            let SecretShown { kind, public_key } = shown(&secret.sealed);
            SecretView {
                signature: kind.slug(),
                public_key,
                created_at: secret.created_at,
                expires_at: secret.expires_at,
            }
        };
        Self {
            id: webhook.id.to_string(),
            version: webhook.version,
            settings: SettingsView::of(&webhook.settings, campaign),
            enabled: webhook.disabled.is_none(),
            disabled_because: webhook.disabled.map(|(because, _)| because.slug()),
            disabled_at: webhook.disabled.map(|(_, at)| at),
            created_at: webhook.created_at,
            created_by: webhook.created_by,
            position: webhook.position,
            behind: newest.saturating_sub(webhook.position),
            pending: backlog.pending,
            oldest_pending_at: backlog.oldest_pending_at,
            dead: backlog.dead,
            missed: webhook.missed,
            replays: backlog.replays,
            failures: webhook.health.failures,
            failing_since: webhook.health.failing_since,
            last_failure_at: webhook.health.last_failure_at,
            last_success_at: webhook.health.last_success_at,
            secrets: secrets.iter().map(secret).collect(),
            secret: None,
        }
    }

    /// The same with a secret that was just made.
    pub(super) fn with_secret(self, secret: &WebhookSecret) -> Self {
        Self {
            secret: secret.expose(),
            ..self
        }
    }
}

impl SettingsView {
    pub(super) fn of(settings: &WebhookSettings, campaign: Option<String>) -> Self {
        Self {
            url: settings.url.clone(),
            description: settings.description.clone(),
            types: settings.types.clone(),
            campaign,
            full_numbers: settings.full_numbers,
            concurrency: settings.concurrency,
            per_second: settings.per_second,
            ordered: settings.ordered,
            batch: settings.batch,
            linger: shown_duration(settings.linger_ms),
        }
    }
}

impl From<WebhookDelivery> for DeliveryView {
    fn from(delivery: WebhookDelivery) -> Self {
        let attempt = |attempt: DeliveryAttempt| AttemptView {
            at: attempt.at,
            took_ms: attempt.took_ms,
            status: attempt.status,
            fault: attempt.fault,
            answer: attempt.answer,
        };
        Self {
            id: format!("dlv_{}", delivery.id),
            webhook_id: delivery.message,
            state: delivery.state.slug(),
            types: delivery.types,
            events: delivery.events,
            first_sequence: delivery.first,
            last_sequence: delivery.last,
            created_at: delivery.created_at,
            due_at: delivery.due_at,
            settled_at: delivery.settled_at,
            attempts: delivery.attempts.into_iter().map(attempt).collect(),
        }
    }
}

impl From<HookAttempt> for PingView {
    fn from(attempt: HookAttempt) -> Self {
        Self {
            delivered: attempt.is_success(),
            took_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
            status: attempt.status,
            fault: attempt.fault.map(|fault| fault.slug()),
            words: attempt.fault.map(|fault| fault.words()),
            answer: attempt.answer,
        }
    }
}

/// A duration in the form in which it is given.
fn shown_duration(ms: u32) -> String {
    if ms.is_multiple_of(1_000) {
        format!("{}s", ms / 1_000)
    } else {
        format!("{ms}ms")
    }
}

/// The name of a campaign; `None` if it is gone.
pub(super) async fn name_of(api: &Api, id: CampaignId) -> Result<Option<String>, Problem> {
    let before = CampaignId(id.0 - 1);
    let found = api.store.campaigns_from(Some(before), false, 1).await?;
    let found = found.into_iter().find(|campaign| campaign.id == id);
    Ok(found.map(|campaign| campaign.name))
}
