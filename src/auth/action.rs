//! What can be done, and who may do it.

use std::fmt;

use super::{Scope, Scopes};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What stands for it in the audit log, and keeps its idempotency keys apart from those of others: `token:` and the
    /// token's id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
}

/// Something that can be done over HTTP. Slugs are in the audit log and never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Orders a single drop.
    OrderDrop,
    /// Reads drops, their timelines and their rulings.
    ReadDrops,
    /// Cancels a single drop.
    CancelDrop,
    /// Reads evidence of a drop, the picture included.
    ReadEvidence,
    /// Reads campaigns and what came of them.
    ReadCampaigns,
    /// Creates a campaign.
    CreateCampaign,
    /// Changes a campaign's settings.
    ChangeCampaign,
    /// Deletes a campaign.
    DeleteCampaign,
    /// Says run, pause or cancel.
    RunCampaign,
    /// Exports results.
    ReadResults,
    /// Reads contacts and their history.
    ReadContacts,
    /// Adds contacts.
    AddContacts,
    /// Asks the gate about numbers, and dials nothing.
    Check,
    /// Looks numbers up on do-not-call lists.
    ReadDoNotCall,
    /// Puts a number on a do-not-call list.
    Bar,
    /// Takes a number off a do-not-call list.
    Unbar,
    /// Reads messages.
    ReadMessages,
    /// Prepares a message.
    PrepareMessage,
    /// Removes a message.
    RemoveMessage,
    /// Reads the state of PBXes, controllers and the trunk.
    ReadFleet,
    /// Reads what the process counts.
    ReadMetrics,
    /// Reads or follows the log of events.
    ReadEvents,
    /// Reads the audit log.
    ReadAudit,
    /// Reads numbers unmasked.
    ReadFullNumbers,
}

/// What it is done to, as far as that decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Object {
    /// Whatever it is.
    #[default]
    Any,
    /// A drop for which rules of the gate are set aside.
    DespiteGate,
}

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The scope that is missing.
    pub missing: Scope,
}

/// Whether somebody may do something to an object.
///
/// # Errors
/// [`Denied`], with the scope that is missing.
pub fn allows(principal: &Principal, action: Action, object: Object) -> Result<(), Denied> {
    let missing = match object {
        Object::Any => action.scope(),
        Object::DespiteGate => Scope::Admin,
    };
    if principal.scopes.hold(missing) {
        Ok(())
    } else {
        Err(Denied { missing })
    }
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 24] = [
        Self::OrderDrop,
        Self::ReadDrops,
        Self::CancelDrop,
        Self::ReadEvidence,
        Self::ReadCampaigns,
        Self::CreateCampaign,
        Self::ChangeCampaign,
        Self::DeleteCampaign,
        Self::RunCampaign,
        Self::ReadResults,
        Self::ReadContacts,
        Self::AddContacts,
        Self::Check,
        Self::ReadDoNotCall,
        Self::Bar,
        Self::Unbar,
        Self::ReadMessages,
        Self::PrepareMessage,
        Self::RemoveMessage,
        Self::ReadFleet,
        Self::ReadMetrics,
        Self::ReadEvents,
        Self::ReadAudit,
        Self::ReadFullNumbers,
    ];

    /// The scope that it takes.
    pub const fn scope(self) -> Scope {
        match self {
            Self::OrderDrop | Self::CancelDrop => Scope::DropsWrite,
            Self::ReadDrops => Scope::DropsRead,
            Self::ReadEvidence => Scope::EvidenceRead,
            Self::ReadCampaigns | Self::ReadResults => Scope::CampaignsRead,
            Self::CreateCampaign | Self::ChangeCampaign | Self::DeleteCampaign => {
                Scope::CampaignsWrite
            }
            Self::RunCampaign => Scope::CampaignsRun,
            Self::ReadContacts | Self::Check => Scope::ContactsRead,
            Self::AddContacts => Scope::ContactsWrite,
            Self::ReadDoNotCall => Scope::DoNotCallRead,
            Self::Bar | Self::Unbar => Scope::DoNotCallWrite,
            Self::ReadMessages => Scope::MessagesRead,
            Self::PrepareMessage | Self::RemoveMessage => Scope::MessagesWrite,
            Self::ReadFleet | Self::ReadMetrics => Scope::MetricsRead,
            Self::ReadEvents => Scope::EventsRead,
            Self::ReadAudit => Scope::AuditRead,
            Self::ReadFullNumbers => Scope::NumbersFull,
        }
    }

    /// The name under which it is in the audit log.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::OrderDrop => "drop.order",
            Self::ReadDrops => "drop.read",
            Self::CancelDrop => "drop.cancel",
            Self::ReadEvidence => "evidence.read",
            Self::ReadCampaigns => "campaign.read",
            Self::CreateCampaign => "campaign.create",
            Self::ChangeCampaign => "campaign.change",
            Self::DeleteCampaign => "campaign.delete",
            Self::RunCampaign => "campaign.standing",
            Self::ReadResults => "results.read",
            Self::ReadContacts => "contact.read",
            Self::AddContacts => "contact.add",
            Self::Check => "number.check",
            Self::ReadDoNotCall => "do_not_call.read",
            Self::Bar => "do_not_call.add",
            Self::Unbar => "do_not_call.remove",
            Self::ReadMessages => "message.read",
            Self::PrepareMessage => "message.add",
            Self::RemoveMessage => "message.remove",
            Self::ReadFleet => "fleet.read",
            Self::ReadMetrics => "metrics.read",
            Self::ReadEvents => "events.read",
            Self::ReadAudit => "audit.read",
            Self::ReadFullNumbers => "numbers.read",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn who_holds_the_scope_may_and_nobody_else() {
        for action in Action::ALL {
            for scope in Scope::ALL {
                let may = allows(&with(scope), action, Object::Any);
                let should = scope == action.scope() || scope == Scope::Admin;
                assert_eq!(may.is_ok(), should, "{action} with {scope}");
            }
        }
    }

    #[test]
    fn only_an_admin_sets_the_gate_aside() {
        for scope in Scope::ALL {
            let may = allows(&with(scope), Action::OrderDrop, Object::DespiteGate);
            assert_eq!(may.is_ok(), scope == Scope::Admin, "{scope}");
        }
        let denied = allows(
            &with(Scope::DropsWrite),
            Action::OrderDrop,
            Object::DespiteGate,
        );
        assert_eq!(denied.unwrap_err().missing, Scope::Admin);
    }

    #[test]
    fn no_two_actions_have_one_name() {
        let slugs: BTreeSet<_> = Action::ALL.iter().map(|action| action.slug()).collect();
        assert_eq!(slugs.len(), Action::ALL.len());
    }

    fn with(scope: Scope) -> Principal {
        Principal {
            id: "token:abcdefgh".to_owned(),
            name: "crm".to_owned(),
            scopes: Scopes::from_iter([scope]),
        }
    }
}
