//! Webhooks after Standard Webhooks 1.0.0: what happens is told to endpoints of the user's own, at least once, signed, and over
//! days if it has to be.
//!
//! ```text
//!                 ┌────────────── WebhookSender: holds endpoints by leases ─────────────┐
//!                 │   EndpointWorker, one for each                                      │
//!   log of events ──> Loader ──> EndpointQueue ──> HookClient ── signed POST ──> endpoint
//!       store  <──────────────────── settle <───────── HookAttempt                      │
//!                 └─────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! `queue`, `schedule`, `health`, `address`, `message`, `signature` and `verify` decide and touch nothing: the time and what is
//! random are arguments. `client` is the only place that connects to an endpoint, and judges each address before it does.

mod address;
mod attempt;
mod client;
mod health;
mod key_file;
mod load;
mod message;
mod queue;
mod schedule;
mod sender;
mod signature;
mod vault;
mod verify;
mod webhooks;
mod worker;

pub use address::TargetFault;
pub use attempt::{HookAttempt, HookFault};
pub use client::HookClientError;
pub use key_file::KeyFileError;
pub use schedule::SCHEDULE;
pub use sender::begin_sending;
pub use signature::{SignatureKind, WebhookSecret};
pub use vault::{SecretShown, shown};
pub use verify::{MessageFault, ReceivedMessage, VerifiedMessage, VerifyingKey};
pub use webhooks::Webhooks;
