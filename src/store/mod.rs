//! What outlives the program: campaigns, contacts, drops, do-not-call lists; in SQLite or in PostgreSQL, with the same
//! behaviour.
//!
//! ```text
//!            import                lease               Start            Settle: ended, for good
//!   list ────────────> due ────────────────> leased ────────────> dialling ────────────> ended
//!                       ^  ^   Release, or     │  │                  │
//!                       │  └── the lease ends ─┘  └─> refused        │ Settle: again, at a time
//!                       └────────────────────────────────────────────┘
//! ```
//!
//! A contact that is leased or in mid-drop belongs to one controller, by its run's name. Everything that a controller
//! writes is checked against that (a fence): one whose lease has ended, and whose contact another has, writes
//! nothing. All that [`Store::commit`] is given at once is one transaction, and may be given again when its reply was
//! lost: what is written already is left as it is.
//!
//! Times are arguments; controllers that share a database have clocks that agree to within a second or so, which is
//! checked on PostgreSQL when a controller begins.

mod campaigns;
mod codec;
mod commit;
mod controllers;
mod delete;
mod do_not_call;
mod error;
mod held;
mod import;
mod lookup;
mod open;
mod queue;
mod removals;
mod requeue;
mod results;
mod sql;
mod tally;
mod transaction;

use std::sync::Arc;

pub use campaigns::{Campaign, NewCampaign, OperatorCommand, Status};
pub use commit::{DropEnd, Intent, Write, Written};
pub use controllers::{CLOCKS_WITHIN, CONTROLLER_LEASE, ControllerLease, Orphan};
pub use do_not_call::{Barred, ListName, OWN_LIST};
pub use error::{ErrorClass, StoreError};
pub use held::LookedAgain;
pub use import::{Across, Added, Adding, Importing, InCampaign, NewContact, Source};
pub use lookup::OpenContact;
pub use open::DatabaseAddress;
pub use queue::{CONTACT_LEASE, Facts, Leased, Recent, RecentCalls, WaitingGroup};
pub use removals::Removal;
pub use requeue::{ContactEnd, Operator, Requeue, Requeued};
pub use results::{Cursor, Filter, ResultRow};
pub use tally::{CallsOfLength, Tally};

use transaction::Pools;

/// A database, open and with the schema of this version. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pools: Pools,
    /// Which database it is, for people.
    place: Arc<str>,
}
