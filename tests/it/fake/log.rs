//! What the fake writes down: every request and every event, with the time on the clock that never goes back.

use tokio::time::Instant;

use super::fault::Kind;

/// One line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// A request's last byte was read; an event was written, or came up while no program listened.
    pub(crate) at: Instant,
    pub(crate) what: What,
}

impl Entry {
    /// Whether it is an event of this type.
    pub(crate) fn is_event(&self, of: &str) -> bool {
        matches!(&self.what, What::Event { kind, .. } if *kind == of)
    }

    /// Whether it is a request of this kind.
    pub(crate) fn is_request(&self, of: Kind) -> bool {
        matches!(&self.what, What::Request { kind, .. } if *kind == of)
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Request {
        kind: Kind,
        channel: Option<String>,
        line: String,
        body: String,
        /// `None` while it is not answered.
        status: Option<u16>,
    },
    Event {
        kind: &'static str,
        channel: Option<String>,
        /// What distinguishes it from others of its type: a state, a dial status, a variable's name, the arguments.
        detail: String,
        /// Whether it was written to anybody.
        sent: bool,
    },
}
