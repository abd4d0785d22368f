//! The clock of the database server. SQLite has none: its processes share a machine, and the times of callers are gone by.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

/// What the server's clock showed, beside the time that a caller gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// What the caller had given before the server was asked.
    pub given: Timestamp,
    /// What the server's clock showed when it answered.
    pub server: Timestamp,
}

/// Which clock leases go by. Clones share what was last compared.
#[derive(Clone, Debug)]
pub(super) enum ServerClock {
    /// The caller's.
    None,
    /// The server's.
    Of(Arc<Mutex<Option<Compared>>>),
}
