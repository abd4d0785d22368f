//! A drop's end as one object, the same for `drop --json`, the evidence and the store.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use super::{
    event::Cause,
    outcome::{EndedBy, Outcome},
    proof::{Beep, Proof},
    report::{Milestone, Moment, Report},
    unanswered::OutcomeReason,
};
use crate::{
    id::{ChannelId, DropId, RunName},
    words::{Leg, ReadyBy, Verdict},
};

/// The one object that `drop --json` prints when the drop has ended.
#[derive(Debug, Serialize)]
pub struct DropRecord<'a> {
    drop: DropId,
    number: String,
    outcome: Outcome,
    verdict: Option<Verdict>,
    amd_cause: Option<&'a str>,
    /// Why, in the words of our own ears; left out if the verdict is the dialplan's.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<&'a str>,
    promoted: bool,
    ready_by: Option<ReadyBy>,
    played_ms: u64,
    /// How often the message started again.
    restarts: u32,
    /// How much of the message a person, or a machine that is no mailbox, heard at most.
    heard_ms: u64,
    ended_by: Option<EndedBy>,
    legs: Legs,
    timeline: Vec<MomentRecord>,
    /// When the ready point was found; like every time here, since the first originate.
    ready_at_ms: Option<u64>,
    /// The beep that marked it, if our own ears heard one.
    beep: Option<BeepRecord>,
    proof: Proof,
    proof_reasons: &'a [String],
    /// What the outcome alone does not say; left out if it says all.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<OutcomeReason>,
    /// The words of the PBX for an outcome that is the PBX's or ours, or those of `reason`; left out without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a str>,
    /// The path of the evidence; left out if none is kept.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceRecord>,
}

#[derive(Debug, Serialize)]
struct EvidenceRecord {
    evidence: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_words: Option<String>,
}

impl<'a> DropRecord<'a> {
    /// `number` is shown as it is given: masked, or not.
    pub fn new(run: &RunName, drop: DropId, number: String, report: &'a Report) -> Self {
        let leg = |leg| {
            report.leg(leg).map(|cause: Cause| LegRecord {
                channel: ChannelId::leg(run.clone(), drop, leg).to_string(),
                q850: cause.q850,
                sip: cause.sip,
            })
        };
        let happened = |moment: &Moment| MomentRecord {
            at_ms: millis(moment.at),
            event: moment.event,
        };
        Self {
            drop,
            number,
            outcome: report.outcome,
            verdict: report.verdict,
            amd_cause: report
                .amd_cause
                .as_deref()
                .filter(|cause| !cause.is_empty()),
            reasons: report.reasons.as_deref(),
            promoted: report.promoted,
            ready_by: report.ready_by,
            restarts: report.restarts,
            heard_ms: millis(report.heard),
            played_ms: millis(report.played),
            ended_by: report.ended_by,
            legs: Legs {
                busy: leg(Leg::Busy),
                drop: leg(Leg::Drop),
            },
            timeline: report.timeline.iter().map(happened).collect(),
            ready_at_ms: report.ready_at.map(millis),
            beep: report.beep.map(BeepRecord::of),
            proof: report.proof,
            proof_reasons: &report.proof_reasons,
            reason: report.reason,
            words: report.words.as_deref(),
            evidence: None,
        }
    }

    /// Adds the path of the evidence, or why there is none.
    pub fn with_evidence(self, kept: Result<PathBuf, String>) -> Self {
        let (evidence, evidence_words) = match kept {
            Ok(path) => (Some(path.display().to_string()), None),
            Err(words) => (None, Some(words)),
        };
        Self {
            evidence: Some(EvidenceRecord {
                evidence,
                evidence_words,
            }),
            ..self
        }
    }
}

#[derive(Debug, Serialize)]
struct BeepRecord {
    hz: u32,
    start_ms: u64,
    end_ms: u64,
}

impl BeepRecord {
    fn of(beep: Beep) -> Self {
        Self {
            hz: beep.hz,
            start_ms: millis(beep.start),
            end_ms: millis(beep.end),
        }
    }
}

#[derive(Debug, Serialize)]
struct Legs {
    busy: Option<LegRecord>,
    drop: Option<LegRecord>,
}

#[derive(Debug, Serialize)]
struct LegRecord {
    channel: String,
    q850: Option<u16>,
    sip: Option<u16>,
}

#[derive(Debug, Serialize)]
struct MomentRecord {
    at_ms: u64,
    event: Milestone,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
