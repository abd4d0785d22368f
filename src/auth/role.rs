//! What a person may do: five roles.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::{Scope, Scopes};

/// The role of a user. Slugs are stored and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees what happens, with numbers masked, and hears nothing.
    Viewer,
    /// A viewer who says run, pause and cancel, and puts numbers on do-not-call lists.
    Operator,
    /// An operator who orders drops, makes campaigns, brings contacts and messages in, and takes numbers off lists.
    Manager,
    /// Sees everything, whole numbers and recordings and the audit log included, and changes nothing.
    Auditor,
    /// Everything, users and what sets the gate aside included.
    Admin,
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a role; the roles are {all}", all = Role::slugs())]
pub struct RoleError(String);

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Operator,
        Self::Manager,
        Self::Auditor,
        Self::Admin,
    ];

    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Manager => "manager",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    /// What it is good for.
    pub fn scopes(self) -> Scopes {
        use Scope as S;
        let own: &[Scope] = match self {
            Self::Viewer => &[],
            Self::Operator => &[S::CampaignsRun, S::DoNotCallWrite],
            Self::Manager => &[
                S::CampaignsRun,
                S::DoNotCallWrite,
                S::DropsWrite,
                S::CampaignsWrite,
                S::ContactsWrite,
                S::MessagesWrite,
            ],
            Self::Auditor => &[S::NumbersFull, S::EvidenceRead, S::AuditRead],
            Self::Admin => &[S::Admin],
        };
        let seen = [
            S::DropsRead,
            S::CampaignsRead,
            S::ContactsRead,
            S::MessagesRead,
            S::DoNotCallRead,
            S::EventsRead,
            S::MetricsRead,
        ];
        seen.iter().chain(own).copied().collect()
    }

    fn slugs() -> String {
        Self::ALL.map(Self::slug).join(", ")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let found = Self::ALL.into_iter().find(|role| role.slug() == text);
        found.ok_or_else(|| RoleError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.slug().parse(), Ok(role));
        }
        let error = "boss".parse::<Role>().unwrap_err().to_string();
        assert!(error.contains("viewer, operator, manager"), "{error}");
    }

    #[test]
    fn who_may_more_may_all_of_it() {
        let holds = |role: Role, scope| role.scopes().hold(scope);
        for scope in Scope::ALL {
            assert!(holds(Role::Admin, scope));
            assert!(!holds(Role::Viewer, scope) || holds(Role::Operator, scope));
            assert!(!holds(Role::Operator, scope) || holds(Role::Manager, scope));
            assert!(!holds(Role::Viewer, scope) || holds(Role::Auditor, scope));
        }
        for writes in [
            Scope::DropsWrite,
            Scope::CampaignsRun,
            Scope::DoNotCallWrite,
        ] {
            assert!(!holds(Role::Auditor, writes) && !holds(Role::Viewer, writes));
        }
        for personal in [Scope::NumbersFull, Scope::EvidenceRead] {
            assert!(!holds(Role::Manager, personal));
        }
    }
}
