//! The order of a single drop: what a caller has to say of it, and nothing that is only known once it is carried out.

use std::path::PathBuf;

use crate::{
    audio::{Library, Reference, Targets},
    campaign::policy::{CampaignKind, Consent, Override},
    drop::Plan,
    id::DropId,
    phone::{CallerId, PhoneNumber},
    store::{AuditEntry, OrderRecord},
};

/// A drop outside any campaign, as it is ordered.
#[derive(Debug)]
pub struct SingleDrop {
    /// The drop's id.
    pub drop: DropId,
    /// The number to call.
    pub number: PhoneNumber,
    /// What the call is for.
    pub kind: CampaignKind,
    /// The consent that is on record.
    pub consent: Option<Consent>,
    /// The rules that are set aside, and why.
    pub overrides: Vec<Override>,
    /// How it is called. The message's length is found out.
    pub plan: Plan,
    /// The message.
    pub message: Reference,
    /// The message, as it was named.
    pub message_name: String,
    /// The folder of messages.
    pub library: Library,
    /// What a recording that is prepared for this drop is to be like.
    pub targets: Targets,
    /// The number shown.
    pub caller_id: CallerId,
    /// The folder of all evidence; `None` if none is kept.
    pub evidence: Option<PathBuf>,
    /// The number as the evidence shows it.
    pub shown_number: String,
    /// What is kept with its intent if it was ordered over HTTP.
    pub record: Option<Box<OrderRecord>>,
    /// What the audit log says of it if it was not.
    pub audit: Option<AuditEntry>,
}
