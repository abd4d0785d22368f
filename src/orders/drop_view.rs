//! A drop as it is shown to programs.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    drop::{Outcome, Proof, Technique},
    id::DropId,
    store::StoredDrop,
};

/// A drop, of a campaign or by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DropView {
    /// Its id.
    pub drop: DropId,
    /// `in_flight` or `ended`.
    pub status: &'static str,
    /// The number, its middle masked unless it was asked for in full; `None` if the person was erased.
    pub number: Option<String>,
    /// The campaign's name; `None` outside campaigns.
    pub campaign: Option<String>,
    /// The contact's number; `None` outside campaigns.
    pub contact: Option<i64>,
    /// The number of the attempt, from 1.
    pub attempt: u64,
    /// The message.
    pub message: String,
    /// The variant's name, if the campaign has variants.
    pub variant: Option<String>,
    /// Two calls or one.
    pub technique: Technique,
    /// The number shown, if the campaign or the order chose one.
    pub caller_id: Option<String>,
    /// The id under which the user's own system knows the callee.
    pub foreign_id: Option<String>,
    /// What came with the order.
    pub metadata: Option<Map<String, Value>>,
    /// When its intent was written.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its outcome; `None` while it is in flight.
    pub outcome: Option<Outcome>,
    /// How sure it is that the message was left.
    pub proof: Option<Proof>,
    /// Whether evidence of it is kept.
    pub has_evidence: bool,
    /// The object that `aftertone drop --json` prints; `None` while it is in flight.
    pub report: Option<Value>,
}

impl DropView {
    /// A drop as it is stored; `is_full`: with its whole number.
    pub fn of(stored: &StoredDrop, is_full: bool) -> Self {
        let number = stored.number.as_ref().map(|number| number.shown(is_full));
        let report = stored.report.as_deref();
        Self {
            drop: stored.id,
            status: match stored.outcome {
                Some(_) => "ended",
                None => "in_flight",
            },
            number,
            campaign: stored.campaign.clone(),
            contact: stored.contact,
            attempt: stored.attempt,
            message: stored.message.clone(),
            variant: stored.variant.clone(),
            technique: stored.technique,
            caller_id: stored.caller_id.clone(),
            foreign_id: stored.foreign_id.clone(),
            metadata: stored.metadata.clone(),
            started_at: stored.started_at,
            ended_at: stored.ended_at,
            outcome: stored.outcome,
            proof: stored.proof,
            has_evidence: stored.evidence.is_some(),
            report: report.and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}
