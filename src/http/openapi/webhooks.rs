//! Webhooks in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use utoipa::ToSchema;

use super::{Operation, Schemas};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "POST",
        path: "/webhooks",
        id: "create_webhook",
        summary: "Create an endpoint that is told what happens",
        description: "Messages are signed after Standard Webhooks 1.0.0 with a secret that is shown in this answer and never again. It is told of what \
            happens from now on, or behind `after`. The address is looked at here and again at each connection: a public one over `https`, or one \
            of a network that the server's configuration allows. `full_numbers` takes the scope `numbers:full`.",
        parameters: &[],
        request: Some("WebhookOrder"),
        responses: &[(201, "It is created", Some("Webhook"))],
    },
    Operation {
        method: "GET",
        path: "/webhooks",
        id: "list_webhooks",
        summary: "List the endpoints, the latest first",
        description: "",
        parameters: &["limit", "cursor"],
        request: None,
        responses: &[(200, "A page", Some("WebhookPage"))],
    },
    Operation {
        method: "GET",
        path: "/webhooks/{webhook}",
        id: "show_webhook",
        summary: "Show an endpoint: its settings, its health, and what it has before it",
        description: "",
        parameters: &["{webhook}"],
        request: None,
        responses: &[(200, "The endpoint", Some("Webhook"))],
    },
    Operation {
        method: "PATCH",
        path: "/webhooks/{webhook}",
        id: "change_webhook",
        summary: "Change, disable or enable an endpoint",
        description: "What is not given stays. One that is enabled again goes on where it was: nothing in between is lost as long as its events are kept.",
        parameters: &["{webhook}", "If-Match"],
        request: Some("WebhookChange"),
        responses: &[(200, "It is changed", Some("Webhook"))],
    },
    Operation {
        method: "DELETE",
        path: "/webhooks/{webhook}",
        id: "remove_webhook",
        summary: "Remove an endpoint, with the log of what was sent to it",
        description: "",
        parameters: &["{webhook}"],
        request: None,
        responses: &[(204, "It is gone", None)],
    },
    Operation {
        method: "POST",
        path: "/webhooks/{webhook}/secret",
        id: "rotate_webhook_secret",
        summary: "Give an endpoint another secret",
        description: "Earlier secrets count for 24 h, or for `overlap`: until then each message has a signature of each. The secret is shown in this answer and never again.",
        parameters: &["{webhook}"],
        request: Some("SecretRotation"),
        responses: &[(200, "It has another secret", Some("Webhook"))],
    },
    Operation {
        method: "POST",
        path: "/webhooks/{webhook}/ping",
        id: "ping_webhook",
        summary: "Send a message of type `ping` and wait for the answer",
        description: "Also to one that is disabled. Nothing of it is kept.",
        parameters: &["{webhook}"],
        request: None,
        responses: &[(200, "What came of it", Some("Ping"))],
    },
    Operation {
        method: "GET",
        path: "/webhooks/{webhook}/deliveries",
        id: "list_deliveries",
        summary: "List what was sent to an endpoint, the latest first",
        description: "With each attempt. They are kept as long as the events that they tell of.",
        parameters: &["{webhook}", "limit", "cursor", "state"],
        request: None,
        responses: &[(200, "A page", Some("DeliveryPage"))],
    },
    Operation {
        method: "POST",
        path: "/webhooks/{webhook}/deliveries/{delivery}/replays",
        id: "replay_delivery",
        summary: "Send one message again, with the same id",
        description: "One that waits is sent at once.",
        parameters: &["{webhook}", "{delivery}"],
        request: None,
        responses: &[(202, "It is due", Some("Delivery"))],
    },
    Operation {
        method: "POST",
        path: "/webhooks/{webhook}/replays",
        id: "replay_webhook",
        summary: "Send messages again, with the same ids",
        description: "What was given up (`dead`), or all events of a time, whether they were delivered or not.",
        parameters: &["{webhook}"],
        request: Some("ReplayOrder"),
        responses: &[(202, "It is ordered", Some("Replay"))],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<WebhookOrder>();
    all.add::<WebhookChange>();
    all.add::<WebhookPage>();
    all.add::<SecretRotation>();
    all.add::<PingShown>();
    all.add::<DeliveryPage>();
    all.add::<ReplayOrdered>();
    all.add::<ReplayShown>();
}

/// An endpoint that is to be created.
#[derive(ToSchema)]
struct WebhookOrder {
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
struct WebhookChange {
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
struct WebhookShown {
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
struct SecretOfWebhook {
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
struct WebhookPage {
    /// The endpoints.
    items: Vec<WebhookShown>,
    /// The cursor of the page behind this one; null at the end.
    next: Option<String>,
    /// The cursor of the page before this one; null at the beginning.
    previous: Option<String>,
}

/// How a secret is to be replaced.
#[derive(ToSchema)]
struct SecretRotation {
    /// How long earlier secrets count, such as `24h`; a week at most.
    overlap: Option<String>,
    /// How messages are to be signed, `v1` or `v1a`; as until now unless given.
    signature: Option<String>,
}

/// What came of a ping.
#[derive(ToSchema)]
#[schema(as = Ping)]
struct PingShown {
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
struct DeliveryShown {
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
struct DeliveryAttemptShown {
    /// When it began.
    #[schema(format = DateTime)]
    at: String,
    /// How long it took.
    took_ms: u64,
    /// The status of the answer.
    status: Option<u16>,
    /// Why there was none that counts, as of a ping; `not_kept` if the events were not kept, `not_told` if the endpoint is not told of them any more.
    fault: Option<String>,
    /// The first 1,024 bytes of an answer that is no success.
    answer: Option<String>,
}

/// A page of messages.
#[derive(ToSchema)]
struct DeliveryPage {
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
struct ReplayOrdered {
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
struct ReplayShown {
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
