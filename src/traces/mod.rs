//! A drop as a trace: which spans it has, and whether it is sent; and the deliveries that tell of it. Pure.
//!
//! ```text
//!   drop ─┬─ gate ── store.commit                       parent: the caller's span, if the order came with one
//!         ├─ originate busy ├─ originate drop
//!         └─ alerting ── screen ── play
//! ```
//!
//! All of it is decided once the drop has ended, by its report: what went wrong is sent always, and of the rest a part. A trace
//! without a caller's has the drop's id as its own. A request to a webhook is a trace of its own, with links to the drops whose ends it
//! tells of: it may come days later, and again.

mod delivery;
mod parent;
mod sample;
mod spans;

pub use delivery::{DeliveryTrace, ToldDrop};
pub use parent::TraceParent;
pub use sample::TracesKept;
pub use spans::{DropTrace, TraceSpan, trace_of};
