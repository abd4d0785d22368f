//! Webhooks: endpoints, the messages that are queued for them, and the log of what was sent.
//!
//! Messages are made from the log of events by its numbers, in the order in which events can be seen: of the events up to an
//! endpoint's position, each that it is told of has a row here, whatever died in between. A row keeps what is sent until it is
//! delivered, and goes with its events.

mod endpoint;
mod log;
mod manage;
mod queue;

pub use endpoint::{
    DisabledBecause, SealedSecret, Webhook, WebhookHealth, WebhookId, WebhookSettings,
};
pub use log::{ReplayRequest, Replayed, WebhookDelivery};
pub use manage::{RotatedSecret, WebhookBacklog};
pub use queue::{
    DeliveryAttempt, DeliveryState, DueDelivery, LogProgress, NewMessage, ReplayOrder,
    SettledDelivery, WEBHOOK_LEASE, WebhookSign,
};

/// The step of the schema with webhooks.
const STEP: i64 = 15;
