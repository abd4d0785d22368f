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
//! Times are arguments. On PostgreSQL leases go by the server's clock all the same, and nothing that has happened is written
//! later than it shows: see [`Compared`].

mod audit;
mod audit_entry;
mod bulk;
mod callbacks;
mod called_back;
mod campaigns;
mod codec;
mod commit;
mod contacts;
mod controllers;
mod counts;
mod delete;
mod digest;
mod do_not_call;
mod drops;
mod due;
mod due_queue;
mod elsewhere;
mod erase;
mod error;
mod events;
mod expire;
mod fleet;
mod held;
mod held_drops;
mod held_ends;
mod import;
mod intent_locks;
mod leases;
mod lookup;
mod open;
mod ordered;
mod pages;
mod person;
mod pins;
mod places;
mod prompts;
mod prune;
mod prune_turn;
mod queue;
mod refused;
mod removals;
mod requeue;
mod restored;
mod results;
mod retry;
mod salt;
mod server_clock;
mod sessions;
mod shares;
mod spoken;
mod sql;
mod sweep;
mod tally;
mod timely;
mod tokens;
mod told;
mod transaction;
mod trunk_talk;
mod turnstile;
mod uploads;
mod users;
mod waiting;
mod webhooks;

use std::sync::Arc;

pub use audit::{AuditRow, AuditState};
pub use audit_entry::AuditEntry;
pub use callbacks::{AnsweredDrop, DropsLeftAlone, NewCallback};
pub use called_back::{CallbackCount, CalledBack, PersonCallback};
pub use campaigns::{Campaign, NewCampaign, OperatorCommand, Status};
pub use commit::{DropEnd, Full, Intent, StartSlot, StartTerms, Write, Written};
pub use contacts::{ContactFilter, ContactHistory, ContactSearch, StoredContact};
pub use controllers::{ControllerLease, Orphan, Registration};
pub use do_not_call::{Barred, ListName, OWN_LIST};
pub use drops::{DropFilter, StoredDrop};
pub use due_queue::DueQueue;
pub use elsewhere::{EndsElsewhere, ShownElsewhere};
pub use erase::{ErasedPerson, PersonDrop};
pub use error::{ErrorClass, StoreError};
pub use events::EventRange;
pub use fleet::{
    Fleet, FleetController, FleetPbx, Gone, GoneDrop, InFlightOf, RegisteredPbx, Stated,
};
pub use held::LookedAgain;
pub use held_drops::{GateHold, HeldDrop};
pub use held_ends::{HeldEnd, HeldState, PersonHold, SettledHold};
pub use import::{
    Across, Added, Importing, InCampaign, NewContact, PackedContacts, PutContact, PutOutcome,
    Source,
};
pub use leases::{CONTACT_LEASE, CONTROLLER_LEASE};
pub use lookup::OpenContact;
pub use open::{
    DatabaseAddress, DatabaseCopy, ExposedFile, Opened, PostgresAddress, UpgradePlan, Upgraded,
    copies_holding, copies_of,
};
pub use ordered::{
    IdempotencyKey, KeptAnswer, KeyedAnswer, OrderKeeping, OrderRecord, OrderWritten, RequestDigest,
};
pub use person::{
    ContactStep, PersonCall, PersonContact, PersonDecision, PersonPrompt, PersonRecord,
    PersonRemoval,
};
pub use prompts::{NewPrompt, PromptHearing, PromptOrigin, StoredPrompt};
pub use prune::{Prunable, Pruned};
pub use prune_turn::PruneTurn;
pub use queue::{Facts, Leased, Recent, RecentCalls};
pub use refused::{RefusedDrop, RefusedOrder};
pub use removals::Removal;
pub use requeue::{ContactEnd, Operator, Requeue, Requeued};
pub use restored::Quietened;
pub use results::{Cursor, Filter, ResultRow};
pub use server_clock::Compared;
pub use shares::Shares;
pub use spoken::SpokenColumns;
pub use tally::{CallsOfLength, Tally};
pub use trunk_talk::{SampledDrop, TrunkTalk};
pub use uploads::{AcceptedUpload, NewUpload, StoredUpload, UploadCounts, UploadEnd, UploadState};
pub use users::UserChange;
pub use waiting::WaitingGroup;
pub use webhooks::{
    DeliveryAttempt, DeliveryState, DisabledBecause, DueDelivery, LogProgress, NewMessage,
    ReplayOrder, ReplayRequest, Replayed, RotatedSecret, SealedSecret, SettledDelivery,
    WEBHOOK_LEASE, Webhook, WebhookBacklog, WebhookDelivery, WebhookHealth, WebhookId,
    WebhookSettings, WebhookSign,
};

use salt::Salt;
use server_clock::ServerClock;
use transaction::Pools;

/// A database, open, with the schema of this version or, to be read, as it is. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pools: Pools,
    /// Which database it is, for people.
    place: Arc<str>,
    clock: ServerClock,
    opened: Arc<Opened>,
    /// The version of its schema, if that is of an earlier version of the program.
    behind: Option<i64>,
    /// Whether it was opened to read, and nothing is written.
    is_to_read: bool,
    salt: Salt,
    /// What this process has in flight that is to be ended.
    left_alone: callbacks::LeftAlone,
    /// What its changes leave in the audit log.
    audit: Option<Arc<audit_entry::AuditSlip>>,
}
