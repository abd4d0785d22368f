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

mod bulk;
mod campaigns;
mod codec;
mod commit;
mod controllers;
mod do_not_call;
mod error;
mod import;
mod lookup;
mod open;
mod prune;
mod queue;
mod results;
mod retry;
mod sql;
mod tally;
mod timely;
mod transaction;

use std::sync::Arc;

pub use campaigns::{Campaign, NewCampaign, OperatorCommand, Status};
pub use commit::{DropEnd, Intent, Write, Written};
pub use controllers::{CLOCKS_WITHIN, CONTROLLER_LEASE, ControllerLease, Orphan};
pub use do_not_call::{Barred, ListName, OWN_LIST};
pub use error::{ErrorClass, StoreError};
pub use import::{Across, Added, Importing, NewContact, PackedContacts, Source};
pub use open::{
    DatabaseAddress, DatabaseCopy, Opened, PostgresAddress, UpgradePlan, Upgraded, copies_of,
};
pub use prune::{Prunable, Pruned};
pub use queue::{CONTACT_LEASE, Facts, Leased, Recent, RecentCalls, WaitingGroup};
pub use results::{Cursor, Filter, ResultRow};
pub use tally::{CallsOfLength, Tally};

use open::Access;
use transaction::Pools;

/// A database, open, with the schema of this version or, to be read, as it is. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pools: Pools,
    /// Which database it is, for people.
    place: Arc<str>,
    opened: Arc<Opened>,
    access: Access,
}
