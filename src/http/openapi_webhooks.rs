//! The schemas of webhooks in the OpenAPI document, as types that are nothing else.

#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::ToSchema;

/// An endpoint that is to be created.
#[derive(ToSchema)]
pub(super) struct WebhookOrder {
    /// Where it is.
    url: String,
    /// What it is for, at most 200 bytes.
    description: Option<String>,
    /// Types of events, or groups such as `drop.*`; all unless given.
    types: Option<Vec<String>>,
    /// Only events of this campaign.
    campaign: Option<String>,
    /// Whether numbers are told unmasked, which takes the scope `numbers:full`.
    full_numbers: Option<bool>,
    /// Most requests at a time, 1 to 50; 8 unless given.
    concurrency: Option<u32>,
    /// Most requests a second, 1 to 1,000.
    per_second: Option<u32>,
    /// Whether each message waits until the one before it is delivered or given up.
    ordered: Option<bool>,
    /// Most events in a message, 1 to 500; 1 unless given.
    batch: Option<u32>,
    /// How long a message waits for further events, such as `2s`; 60 s at most.
    linger: Option<String>,
    /// The number of the event behind which it begins; the newest unless given.
    after: Option<u32>,
    /// How messages are signed: `v1`, by a secret that both sides have, unless given, or `v1a`, Ed25519, for which the endpoint has a
    /// public key.
    signature: Option<String>,
}

/// What is to be changed of an endpoint.
#[derive(ToSchema)]
pub(super) struct WebhookChange {
    /// Where it is.
    url: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// Types of events, or groups such as `drop.*`; all if there are none.
    types: Option<Vec<String>>,
    /// Only events of this campaign; null for all.
    campaign: Option<String>,
    /// Whether numbers are told unmasked.
    full_numbers: Option<bool>,
    /// Most requests at a time.
    concurrency: Option<u32>,
    /// Most requests a second; null for no limit.
    per_second: Option<u32>,
    /// Whether each message waits until the one before it is delivered or given up.
    ordered: Option<bool>,
    /// Most events in a message.
    batch: Option<u32>,
    /// How long a message waits for further events.
    linger: Option<String>,
    /// Whether anything is sent to it.
    enabled: Option<bool>,
}

/// An endpoint.
#[derive(ToSchema)]
#[schema(as = Webhook)]
pub(super) struct WebhookShown {
    /// Its id.
    id: String,
    /// Grows with each change; the `ETag`.
    version: i64,
    /// Where it is.
    url: String,
    /// What it is for.
    description: Option<String>,
    /// Types of events, or groups of them; all if there are none.
    types: Vec<String>,
    /// Only events of this campaign.
    campaign: Option<String>,
    /// Whether numbers are told unmasked.
    full_numbers: bool,
    /// Most requests at a time.
    concurrency: u32,
    /// Most requests a second.
    per_second: Option<u32>,
    /// Whether each message waits until the one before it is delivered or given up.
    ordered: bool,
    /// Most events in a message.
    batch: u32,
    /// How long a message waits for further events.
    linger: String,
    /// Whether anything is sent to it.
    enabled: bool,
    /// Why not: `operator`, `failing` (five days without a success), `gone` (it answered 410), `removed`.
    disabled_because: Option<String>,
    /// Since when not.
    #[schema(format = DateTime)]
    disabled_at: Option<String>,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who created it.
    created_by: String,
    /// Of the events up to this number, each that it is told of is queued or sent.
    position: u64,
    /// How many events behind it there are, whether it is told of them or not.
    behind: u64,
    /// Messages that are queued and not delivered.
    pending: u64,
    /// When the oldest of them was queued.
    #[schema(format = DateTime)]
    oldest_pending_at: Option<String>,
    /// Messages that were given up.
    dead: u64,
    /// Events that were not kept until it could be told of them.
    missed: u64,
    /// Orders to send events again that are still being carried out.
    replays: u64,
    /// Failures in a row; from 10 on, one request at a time tries whether it answers.
    failures: u32,
    /// Since when attempts fail.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// When an attempt last failed.
    #[schema(format = DateTime)]
    last_failure_at: Option<String>,
    /// When an attempt last succeeded.
    #[schema(format = DateTime)]
    last_success_at: Option<String>,
    /// The secrets that count, the latest first, without themselves.
    secrets: Vec<SecretOfWebhook>,
    /// The secret that was just made, if it is of `v1`; it is in no other answer.
    secret: Option<String>,
}

/// A secret, without itself.
#[derive(ToSchema)]
#[schema(as = Secret)]
pub(super) struct SecretOfWebhook {
    /// How messages are signed: `v1` or `v1a`.
    signature: String,
    /// What verifies them, `whpk_` and 32 bytes in base64, of `v1a`.
    public_key: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Until when it counts.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A page of endpoints.
#[derive(ToSchema)]
pub(super) struct WebhookPage {
    /// The endpoints.
    items: Vec<WebhookShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// How a secret is to be replaced.
#[derive(ToSchema)]
pub(super) struct SecretRotation {
    /// How long earlier secrets count, such as `24h`; a week at most.
    overlap: Option<String>,
    /// How messages are to be signed, `v1` or `v1a`; as until now unless given.
    signature: Option<String>,
}

/// What came of a ping.
#[derive(ToSchema)]
#[schema(as = Ping)]
pub(super) struct PingShown {
    /// Whether it was answered with 2xx.
    delivered: bool,
    /// How long it took.
    took_ms: u64,
    /// The status of the answer.
    status: Option<u16>,
    /// Why there was none: `name`, `address`, `connect`, `tls`, `timeout`, `closed`, or `redirect`.
    fault: Option<String>,
    /// The same for people.
    words: Option<String>,
    /// The first 1,024 bytes of an answer that is no success.
    answer: Option<String>,
}

/// A message to an endpoint.
#[derive(ToSchema)]
#[schema(as = Delivery)]
pub(super) struct DeliveryShown {
    /// Its id in this log.
    id: String,
    /// The `webhook-id`, the same however often it is sent.
    webhook_id: String,
    /// `pending`, `delivered` or `dead`.
    state: String,
    /// The types of its events.
    types: Vec<String>,
    /// How many events it holds.
    events: u64,
    /// The number of the first one.
    first_sequence: u64,
    /// The number of the last one.
    last_sequence: u64,
    /// When it was queued.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it is sent next; null while it is being sent.
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// When it was delivered or given up.
    #[schema(format = DateTime)]
    settled_at: Option<String>,
    /// Every attempt, the first one first.
    attempts: Vec<DeliveryAttemptShown>,
}

/// An attempt to send a message.
#[derive(ToSchema)]
#[schema(as = DeliveryAttempt)]
pub(super) struct DeliveryAttemptShown {
    /// When it began.
    #[schema(format = DateTime)]
    at: String,
    /// How long it took.
    took_ms: u64,
    /// The status of the answer.
    status: Option<u16>,
    /// Why there was none that counts, as of a ping; `not_kept` if the events were not kept.
    fault: Option<String>,
    /// The first 1,024 bytes of an answer that is no success.
    answer: Option<String>,
}

/// A page of messages.
#[derive(ToSchema)]
pub(super) struct DeliveryPage {
    /// The messages.
    items: Vec<DeliveryShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// What is to be sent again.
#[derive(ToSchema)]
#[schema(as = ReplayOrder)]
pub(super) struct ReplayOrdered {
    /// `dead`: what was given up; `all`: every event, whether it was delivered or not.
    only: String,
    /// Only events from then on.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Only events until then.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Only events of these types or groups.
    types: Option<Vec<String>>,
}

/// What will be sent again.
#[derive(ToSchema)]
#[schema(as = Replay)]
pub(super) struct ReplayShown {
    /// As it was given.
    only: String,
    /// As it was given.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// As it was given.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// As they were given.
    types: Vec<String>,
    /// How many messages are due now; null for `all`.
    messages: Option<u64>,
    /// For `all`: behind which event the log is gone through.
    after: Option<u64>,
    /// For `all`: up to which event.
    up_to: Option<u64>,
}
