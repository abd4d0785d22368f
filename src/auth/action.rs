//! What can be done, and who may do it.

use std::fmt;

use super::{Role, Scope, Scopes};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What stands for it in the audit log, and keeps its idempotency keys apart from those of others: `token:` and the
    /// token's id, or `user:` and the user's name.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// The role, if it is a person who has signed in; `None` of a token.
    pub role: Option<Role>,
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
    /// Deletes a contact that was never called.
    DeleteContact,
    /// Reads which lists were sent, and what came of them.
    ReadImports,
    /// Sends a list into a campaign.
    AddImport,
    /// Exports the rows of a list that were not taken in.
    ReadRejects,
    /// Ends the work on a list that was sent, and forgets it.
    ForgetImport,
    /// Asks the gate about numbers, and dials nothing.
    Check,
    /// Looks numbers up on do-not-call lists.
    ReadDoNotCall,
    /// Puts a number on a do-not-call list.
    Bar,
    /// Takes a number off a do-not-call list.
    Unbar,
    /// Erases everything about a person.
    Erase,
    /// Hands out all that is known of a person, evidence and whole numbers included.
    ExportPerson,
    /// Reads messages.
    ReadMessages,
    /// Prepares a message.
    PrepareMessage,
    /// Removes a message.
    RemoveMessage,
    /// Says how a prompt of the book ends, or forgets it.
    ChangePrompt,
    /// Reads the state of PBXes, controllers and the trunk.
    ReadFleet,
    /// Makes the checks of the PBX, which call it from itself.
    Examine,
    /// Reads the configuration in force.
    ReadConfiguration,
    /// Has the configuration read anew.
    Reload,
    /// Reads what the process counts.
    ReadMetrics,
    /// Reads or follows the log of events.
    ReadEvents,
    /// Reads or follows the state of all campaigns.
    ReadLive,
    /// Reads webhooks and what was sent to them.
    ReadWebhooks,
    /// Adds a webhook.
    AddWebhook,
    /// Changes a webhook.
    ChangeWebhook,
    /// Removes a webhook.
    RemoveWebhook,
    /// Gives a webhook another secret.
    RotateWebhookSecret,
    /// Tries a webhook.
    PingWebhook,
    /// Has something sent to a webhook again.
    ReplayWebhook,
    /// Reads the audit log.
    ReadAudit,
    /// Reads numbers unmasked.
    ReadFullNumbers,
    /// Reads and ends sessions of one's own.
    OwnSessions,
    /// Makes and removes a PIN of one's own, by which messages are recorded by telephone.
    OwnPin,
    /// Reads the users and the sessions of others.
    ReadUsers,
    /// Makes users, changes their roles, and ends their sessions.
    ManageUsers,
    /// Reads the tokens, without their secrets.
    ReadTokens,
    /// Makes and revokes tokens.
    ManageTokens,
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
    /// The scope that it takes; of what only people do, one that those roles hold which may do it.
    pub missing: Scope,
    /// What does not suffice.
    pub by: DeniedBy,
}

/// What does not suffice for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedBy {
    /// The scopes of a token.
    Scopes,
    /// That it is a token: only people do this.
    BeingToken,
    /// The role of a person.
    Role(Role),
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
    let by = match principal.role {
        None if action.is_for_people() => DeniedBy::BeingToken,
        None => DeniedBy::Scopes,
        Some(role) => DeniedBy::Role(role),
    };
    let may = match by {
        DeniedBy::BeingToken => false,
        DeniedBy::Role(role) if !action.suits(role) => false,
        DeniedBy::Scopes | DeniedBy::Role(_) => principal.scopes.hold(missing),
    };
    if may {
        Ok(())
    } else {
        Err(Denied { missing, by })
    }
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 49] = [
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
        Self::DeleteContact,
        Self::ReadImports,
        Self::AddImport,
        Self::ReadRejects,
        Self::ForgetImport,
        Self::Check,
        Self::ReadDoNotCall,
        Self::Bar,
        Self::Unbar,
        Self::Erase,
        Self::ExportPerson,
        Self::ReadMessages,
        Self::PrepareMessage,
        Self::RemoveMessage,
        Self::ChangePrompt,
        Self::ReadFleet,
        Self::Examine,
        Self::ReadConfiguration,
        Self::Reload,
        Self::ReadMetrics,
        Self::ReadEvents,
        Self::ReadLive,
        Self::ReadWebhooks,
        Self::AddWebhook,
        Self::ChangeWebhook,
        Self::RemoveWebhook,
        Self::RotateWebhookSecret,
        Self::PingWebhook,
        Self::ReplayWebhook,
        Self::ReadAudit,
        Self::ReadFullNumbers,
        Self::OwnSessions,
        Self::OwnPin,
        Self::ReadUsers,
        Self::ManageUsers,
        Self::ReadTokens,
        Self::ManageTokens,
    ];

    /// Whether no token may do it, whatever its scopes: who has a token that leaked makes no further access.
    pub const fn is_for_people(self) -> bool {
        matches!(
            self,
            Self::OwnSessions
                | Self::OwnPin
                | Self::ReadUsers
                | Self::ManageUsers
                | Self::ReadTokens
                | Self::ManageTokens
        )
    }

    /// Whether a role that holds the scope may do it: what a person takes away in one file is more than what they see.
    fn suits(self, role: Role) -> bool {
        let is_export = matches!(self, Self::ReadResults | Self::ReadRejects);
        match role {
            Role::Viewer => !is_export,
            Role::Operator => !is_export && self != Self::Unbar,
            Role::Manager | Role::Auditor | Role::Admin => true,
        }
    }

    /// The scope that it takes.
    pub const fn scope(self) -> Scope {
        match self {
            Self::OrderDrop | Self::CancelDrop => Scope::DropsWrite,
            Self::ReadDrops => Scope::DropsRead,
            Self::ReadEvidence | Self::ExportPerson => Scope::EvidenceRead,
            Self::ReadCampaigns | Self::ReadResults | Self::ReadLive => Scope::CampaignsRead,
            Self::CreateCampaign
            | Self::ChangeCampaign
            | Self::DeleteCampaign
            | Self::ChangePrompt => Scope::CampaignsWrite,
            Self::RunCampaign => Scope::CampaignsRun,
            Self::ReadContacts | Self::ReadImports | Self::ReadRejects | Self::Check => {
                Scope::ContactsRead
            }
            Self::AddContacts | Self::DeleteContact | Self::AddImport | Self::ForgetImport => {
                Scope::ContactsWrite
            }
            Self::ReadDoNotCall => Scope::DoNotCallRead,
            Self::Bar | Self::Unbar => Scope::DoNotCallWrite,
            Self::Erase | Self::Examine | Self::ReadConfiguration | Self::Reload => Scope::Admin,
            Self::ReadMessages => Scope::MessagesRead,
            Self::PrepareMessage | Self::RemoveMessage | Self::OwnPin => Scope::MessagesWrite,
            Self::ReadFleet | Self::ReadMetrics => Scope::MetricsRead,
            Self::ReadEvents => Scope::EventsRead,
            Self::ReadWebhooks
            | Self::AddWebhook
            | Self::ChangeWebhook
            | Self::RemoveWebhook
            | Self::RotateWebhookSecret
            | Self::PingWebhook
            | Self::ReplayWebhook => Scope::WebhooksWrite,
            Self::ReadAudit => Scope::AuditRead,
            Self::ReadFullNumbers => Scope::NumbersFull,
            // Every role holds it.
            Self::OwnSessions => Scope::DropsRead,
            Self::ReadUsers | Self::ManageUsers | Self::ReadTokens | Self::ManageTokens => {
                Scope::Admin
            }
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
            Self::DeleteContact => "contact.delete",
            Self::ReadImports => "import.read",
            Self::AddImport => "import.add",
            Self::ReadRejects => "rejects.read",
            Self::ForgetImport => "import.forget",
            Self::Check => "number.check",
            Self::ReadDoNotCall => "do_not_call.read",
            Self::Bar => "do_not_call.add",
            Self::Unbar => "do_not_call.remove",
            Self::Erase => "person.erase",
            Self::ExportPerson => "person.export",
            Self::ReadMessages => "message.read",
            Self::PrepareMessage => "message.add",
            Self::RemoveMessage => "message.remove",
            Self::ChangePrompt => "prompt.change",
            Self::ReadFleet => "fleet.read",
            Self::Examine => "pbx.examine",
            Self::ReadConfiguration => "configuration.read",
            Self::Reload => "configuration.reload",
            Self::ReadMetrics => "metrics.read",
            Self::ReadEvents => "events.read",
            Self::ReadLive => "live.read",
            Self::ReadWebhooks => "webhook.read",
            Self::AddWebhook => "webhook.add",
            Self::ChangeWebhook => "webhook.change",
            Self::RemoveWebhook => "webhook.remove",
            Self::RotateWebhookSecret => "webhook.rotate",
            Self::PingWebhook => "webhook.ping",
            Self::ReplayWebhook => "webhook.replay",
            Self::ReadAudit => "audit.read",
            Self::ReadFullNumbers => "numbers.read",
            Self::OwnSessions => "session.own",
            Self::OwnPin => "pin.own",
            Self::ReadUsers => "user.read",
            Self::ManageUsers => "user.manage",
            Self::ReadTokens => "token.read",
            Self::ManageTokens => "token.manage",
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
                let holds = scope == action.scope() || scope == Scope::Admin;
                let should = holds && !action.is_for_people();
                assert_eq!(may.is_ok(), should, "{action} with {scope}");
            }
        }
    }

    /// What each role may do, action by action: a new one has to be given its row.
    #[test]
    fn each_role_may_what_its_row_says() {
        use Action as A;
        for action in Action::ALL {
            // Viewer, operator, manager, auditor, admin.
            let row = match action {
                A::ReadDrops
                | A::ReadCampaigns
                | A::ReadLive
                | A::ReadContacts
                | A::ReadImports
                | A::Check
                | A::ReadDoNotCall
                | A::ReadMessages
                | A::ReadFleet
                | A::ReadMetrics
                | A::ReadEvents
                | A::OwnSessions => "v o m a A",
                A::RunCampaign | A::Bar => "- o m - A",
                A::OrderDrop
                | A::CancelDrop
                | A::CreateCampaign
                | A::ChangeCampaign
                | A::DeleteCampaign
                | A::AddContacts
                | A::DeleteContact
                | A::AddImport
                | A::ForgetImport
                | A::Unbar
                | A::PrepareMessage
                | A::RemoveMessage
                | A::OwnPin
                | A::ChangePrompt => "- - m - A",
                A::ReadResults | A::ReadRejects => "- - m a A",
                A::ReadEvidence | A::ExportPerson | A::ReadAudit | A::ReadFullNumbers => {
                    "- - - a A"
                }
                A::ReadWebhooks
                | A::AddWebhook
                | A::ChangeWebhook
                | A::RemoveWebhook
                | A::RotateWebhookSecret
                | A::PingWebhook
                | A::ReplayWebhook
                | A::Erase
                | A::Examine
                | A::ReadConfiguration
                | A::Reload
                | A::ReadUsers
                | A::ManageUsers
                | A::ReadTokens
                | A::ManageTokens => "- - - - A",
            };
            for (role, letter) in Role::ALL.into_iter().zip(row.split(' ')) {
                let may = allows(&person(role), action, Object::Any);
                assert_eq!(may.is_ok(), letter != "-", "{action} by {role}");
                if let Err(denied) = may {
                    assert_eq!(denied.by, DeniedBy::Role(role));
                }
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
        for role in Role::ALL {
            let may = allows(&person(role), Action::OrderDrop, Object::DespiteGate);
            assert_eq!(may.is_ok(), role == Role::Admin, "{role}");
        }
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
            role: None,
        }
    }

    fn person(role: Role) -> Principal {
        Principal {
            id: "user:ann".to_owned(),
            name: "ann".to_owned(),
            scopes: role.scopes(),
            role: Some(role),
        }
    }
}
