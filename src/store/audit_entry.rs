//! What the audit log says of a change.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

/// Something that was done, or read in full. It holds no secret and no whole number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: `token:` and its id, `user:` and a name, `agent:` and a name, or the name of this system's user.
    pub who: String,
    /// By which way: `api`, by a token; `session`, by a person; `link`, by the link that sets a password; `cli`; or `pbx`, by the dialplan.
    pub via: &'static str,
    /// The address it came from.
    pub ip: Option<String>,
    /// The request that it was.
    pub request_id: Option<String>,
    /// What was done, such as `campaign.create`.
    pub action: String,
    /// To what: a campaign's name, a drop's id, a number with its middle masked.
    pub object: String,
    /// What it was before, as JSON.
    pub before: Option<String>,
    /// What it is now, as JSON.
    pub after: Option<String>,
}

/// What the changes of a store leave in the audit log.
#[derive(Debug)]
pub(super) struct AuditSlip {
    pub(super) entry: AuditEntry,
    /// Whether one row is enough, however many transactions there are.
    is_once: bool,
    is_written: AtomicBool,
}

impl AuditSlip {
    pub(super) const fn new(entry: AuditEntry, is_once: bool) -> Self {
        Self {
            entry,
            is_once,
            is_written: AtomicBool::new(false),
        }
    }

    /// Whether a transaction that ends at this moment leaves a row.
    pub(super) fn is_due(&self) -> bool {
        !self.is_once || !self.is_written.load(Ordering::Relaxed)
    }

    /// A transaction has left one.
    pub(super) fn note_written(&self) {
        self.is_written.store(true, Ordering::Relaxed);
    }
}
