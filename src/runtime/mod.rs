//! One PBX: events to the board, the board's commands to the PBX.
//!
//! ```text
//!   ari socket ──(bounded)──> ┌────────┐ ──(unbounded)──> executor ── requests ──> PBX
//!                             │ driver │ <──(bounded)──── reports, one task a command
//!   orders ─────(bounded)──>  └────────┘ ── updates of each drop ──> its caller
//!                           owns the board
//! ```
//!
//! The [`driver`] is one loop; it owns the board, so nothing is locked. What a drop wants goes to the [`executor`] over
//! an unbounded channel (a drop wants a handful of things, and the board is bounded); what came of it returns over a
//! bounded one. Two bounded channels that face each other would deadlock. A leg that we listen to ourselves has a task
//! (`listener`) that hears it, speaks to it, and reports to the driver, in the core's events, what became of both.
//! [`run_locks`] and the [`reconciler`] see to it that nothing a killed process left behind stays alive, `app_lease` that
//! no controller takes the app of another. A [`CallSpec`] is one drop as it is to be carried out.

mod app_lease;
pub(crate) mod call;
pub(crate) mod carrier;
pub mod driver;
mod error;
pub mod executor;
mod identity;
pub(crate) mod listener;
pub mod prompts;
pub(crate) mod reach;
mod recogniser;
pub mod reconciler;
pub(crate) mod release;
pub mod run_locks;
pub mod session;
mod trunk;

pub use call::{CallSpec, Connections, Trunk};
pub use carrier::Carrier;
pub use driver::{DriverError, DropUpdate, Order, PbxLink};
pub use error::SessionError;
pub use identity::PbxIdentity;
pub use recogniser::Recogniser;
pub(crate) use recogniser::{Trial, trial};
pub use session::{Session, plan};
pub use trunk::{TrunkProbe, TrunkState};
