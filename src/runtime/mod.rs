//! Wires the edges to the pure parts: events to the board, the board's commands to the PBX.
//!
//! ```text
//!   ari socket ──(bounded)──> ┌────────┐ ──(unbounded)──> dialler ── requests ──> PBX
//!                             │ driver │ <──(bounded)──── reports, one task a command
//!   orders ─────(bounded)──>  └────────┘ ── news of each drop ──> who ordered it
//!                           owns the board
//! ```
//!
//! The [`driver`] is one loop; it owns the board, so nothing is locked. What a drop wants goes to the [`dialler`] over
//! an unbounded channel (a drop wants a handful of things, and the board is bounded); what came of it returns over a
//! bounded one. Two bounded channels that face each other would deadlock. A leg that we listen to ourselves has a task
//! (`listener`) that hears it, speaks to it, and says to the driver, in the core's events, what became of both. [`runs`] and
//! [`sweep`] see to it that nothing a killed process left behind stays alive, `app_lease` that no controller takes the app of
//! another.

mod app_lease;
pub(crate) mod call;
pub(crate) mod carrier;
pub mod driver;
pub mod executor;
pub(crate) mod listener;
pub mod reconciler;
pub(crate) mod release;
pub mod run_locks;
pub mod session;
mod trunk;

pub use call::{CallSpec, Connections, Trunk};
pub use carrier::Carrier;
pub use driver::{DriverError, DropUpdate, Order, PbxLink};
pub use session::{Session, SessionError, plan};
pub use trunk::{TrunkProbe, TrunkState};
