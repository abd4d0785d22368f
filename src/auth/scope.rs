//! What a token is good for.

use std::{collections::BTreeSet, fmt, str::FromStr};

use thiserror::Error;

/// One thing that a token is good for. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Orders and cancels single drops.
    DropsWrite,
    /// Reads drops.
    DropsRead,
    /// Reads campaigns.
    CampaignsRead,
    /// Creates, changes and deletes campaigns.
    CampaignsWrite,
    /// Says run, pause and cancel.
    CampaignsRun,
    /// Reads contacts, with their history.
    ContactsRead,
    /// Adds contacts.
    ContactsWrite,
    /// Reads numbers unmasked; each such reading is in the audit log.
    NumbersFull,
    /// Reads evidence: recordings and pictures of calls.
    EvidenceRead,
    /// Reads messages.
    MessagesRead,
    /// Prepares and removes messages.
    MessagesWrite,
    /// Looks numbers up on do-not-call lists.
    DoNotCallRead,
    /// Puts numbers on do-not-call lists, and takes them off.
    DoNotCallWrite,
    /// Reads the log of events.
    EventsRead,
    /// Manages webhooks.
    WebhooksWrite,
    /// Reads metrics and the state of PBXes, controllers and the trunk.
    MetricsRead,
    /// Reads the audit log.
    AuditRead,
    /// All of the above, and what sets the gate aside.
    Admin,
}

/// A set of scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a scope; the scopes are {all}", all = Scope::slugs())]
pub struct ScopeError(String);

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 18] = [
        Self::DropsWrite,
        Self::DropsRead,
        Self::CampaignsRead,
        Self::CampaignsWrite,
        Self::CampaignsRun,
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::NumbersFull,
        Self::EvidenceRead,
        Self::MessagesRead,
        Self::MessagesWrite,
        Self::DoNotCallRead,
        Self::DoNotCallWrite,
        Self::EventsRead,
        Self::WebhooksWrite,
        Self::MetricsRead,
        Self::AuditRead,
        Self::Admin,
    ];

    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::DropsWrite => "drops:write",
            Self::DropsRead => "drops:read",
            Self::CampaignsRead => "campaigns:read",
            Self::CampaignsWrite => "campaigns:write",
            Self::CampaignsRun => "campaigns:run",
            Self::ContactsRead => "contacts:read",
            Self::ContactsWrite => "contacts:write",
            Self::NumbersFull => "numbers:full",
            Self::EvidenceRead => "evidence:read",
            Self::MessagesRead => "messages:read",
            Self::MessagesWrite => "messages:write",
            Self::DoNotCallRead => "do_not_call:read",
            Self::DoNotCallWrite => "do_not_call:write",
            Self::EventsRead => "events:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::MetricsRead => "metrics:read",
            Self::AuditRead => "audit:read",
            Self::Admin => "admin",
        }
    }

    fn slugs() -> String {
        let slugs: Vec<_> = Self::ALL.iter().map(|scope| scope.slug()).collect();
        slugs.join(", ")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let found = Self::ALL.into_iter().find(|scope| scope.slug() == text);
        found.ok_or_else(|| ScopeError(text.to_owned()))
    }
}

impl Scopes {
    /// Whether it holds a scope, or [`Scope::Admin`], which holds all.
    pub fn hold(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || self.0.contains(&Scope::Admin)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes that were given, in the order of [`Scope::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// Reads them as they are stored; what later versions of the program know and this one does not is left out, and allows
    /// nothing.
    pub fn read(stored: &str) -> Self {
        stored
            .split_ascii_whitespace()
            .flat_map(str::parse)
            .collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// As they are stored.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slugs: Vec<_> = self.iter().map(Scope::slug).collect();
        f.write_str(&slugs.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.slug().parse(), Ok(scope));
        }
        let error = "drops".parse::<Scope>().unwrap_err().to_string();
        assert!(error.contains("`drops` is not a scope"), "{error}");
        assert!(error.contains("drops:read"), "{error}");
    }

    #[test]
    fn stored_scopes_that_are_not_known_allow_nothing() {
        let scopes = Scopes::read("drops:read time:travel admins");
        assert_eq!(scopes.to_string(), "drops:read");
        assert!(scopes.hold(Scope::DropsRead));
        assert!(!scopes.hold(Scope::DropsWrite));
        assert!(Scopes::read("").is_empty());
    }

    #[test]
    fn admin_holds_every_scope() {
        let admin = Scopes::from_iter([Scope::Admin]);
        assert!(Scope::ALL.into_iter().all(|scope| admin.hold(scope)));
    }
}
