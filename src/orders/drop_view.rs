//! A drop as it is shown to programs.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    drop::{Outcome, Proof, Technique},
    id::DropId,
    phone::Disclosure,
    store::{HeldState, StoredDrop},
};

/// A drop, of a campaign or by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DropView {
    /// Its id.
    pub drop: DropId,
    /// `held`, `in_flight`, `ended` or `refused`.
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
    /// Why the gate holds it: a reason's slug.
    pub held: Option<String>,
    /// Until when it is held, as far as is known.
    pub until: Option<Timestamp>,
    /// Why it was held and then refused: a reason's slug, or `expired` or `erased`.
    pub refused: Option<String>,
    /// Of one that was not dialled, why, for people.
    pub words: Option<String>,
    /// From then on it is not dialled.
    pub expires_at: Option<Timestamp>,
    /// Where it belongs in the trace of whoever ordered it, as it came.
    pub traceparent: Option<String>,
    /// When its intent was written; `None` unless it was.
    pub started_at: Option<Timestamp>,
    /// When it ended, or was refused.
    pub ended_at: Option<Timestamp>,
    /// Its outcome; `None` while it is held or in flight, and if it was refused.
    pub outcome: Option<Outcome>,
    /// How sure it is that the message was left.
    pub proof: Option<Proof>,
    /// Whether evidence of it is kept.
    pub has_evidence: bool,
    /// The object that `aftertone drop --json` prints; `None` while it is in flight.
    pub report: Option<Value>,
}

/// Where a drop is: `held`, `in_flight`, `ended` or `refused`.
pub fn drop_status(stored: &StoredDrop) -> &'static str {
    match (stored.outcome, stored.hold.as_ref().map(|hold| hold.state)) {
        (Some(_), _) | (None, Some(HeldState::Ended)) => "ended",
        (None, Some(HeldState::Waiting)) => "held",
        (None, Some(HeldState::Refused)) => "refused",
        (None, None) => "in_flight",
    }
}

impl DropView {
    /// A drop as it is stored, with what of the person is shown.
    pub fn of(stored: &StoredDrop, shown: Disclosure) -> Self {
        let number = stored.number.as_ref();
        let number = number.map(|number| shown.number(number));
        let foreign_id = stored.foreign_id.as_deref();
        let report = stored.report.as_deref();
        let hold = stored.hold.as_ref();
        let reason_in = |wanted| {
            let hold = hold.filter(|hold| hold.state == wanted)?;
            Some(hold.reason.clone())
        };
        Self {
            drop: stored.id,
            status: drop_status(stored),
            number,
            campaign: stored.campaign.clone(),
            contact: stored.contact,
            attempt: stored.attempt,
            message: stored.message.clone(),
            variant: stored.variant.clone(),
            technique: stored.technique,
            caller_id: stored.caller_id.clone(),
            foreign_id: foreign_id.map(|id| shown.id(id).into_owned()),
            metadata: stored
                .metadata
                .as_ref()
                .map(|object| shown.metadata(object)),
            held: reason_in(HeldState::Waiting),
            until: hold
                .filter(|hold| hold.state == HeldState::Waiting)
                .map(|hold| hold.until),
            refused: reason_in(HeldState::Refused),
            words: hold.and_then(|hold| hold.words.clone()),
            expires_at: stored.expires_at,
            traceparent: stored.traceparent.clone(),
            started_at: stored.started_at,
            ended_at: stored.ended_at,
            outcome: stored.outcome,
            proof: stored.proof,
            has_evidence: stored.evidence.is_some(),
            report: report.and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}
