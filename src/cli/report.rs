//! The progress and the outcome of a drop, for people.

use std::time::Duration;

use serde::Serialize;

use crate::{
    drop::{EndedBy, Milestone, Moment, Outcome, Report, Unanswered},
    id::DropId,
};

/// The one object for a decision that dialled nothing.
#[derive(Debug, Serialize)]
pub(super) struct NotDialled {
    drop: DropId,
    outcome: Option<Outcome>,
    refused: Option<&'static str>,
    held: Option<&'static str>,
    until: Option<String>,
}

impl NotDialled {
    /// A drop that will never be dialled, for the reason that `slug` names.
    pub(super) const fn refused(drop: DropId, slug: &'static str) -> Self {
        Self {
            drop,
            outcome: None,
            refused: Some(slug),
            held: None,
            until: None,
        }
    }

    /// A drop that was not dialled for a reason other than the gate.
    pub(super) const fn for_other_reasons(drop: DropId) -> Self {
        Self {
            drop,
            outcome: None,
            refused: None,
            held: None,
            until: None,
        }
    }

    /// A drop that may be dialled later: why not before, and from when on, in RFC 3339.
    pub(super) const fn held(drop: DropId, slug: &'static str, until: String) -> Self {
        Self {
            drop,
            outcome: None,
            refused: None,
            held: Some(slug),
            until: Some(until),
        }
    }
}

/// One line of the timeline.
pub(super) fn moment_line(moment: Moment, note: Option<&str>) -> String {
    let seconds = moment.at.as_secs_f64();
    let words = moment_words(moment.event);
    match note {
        Some(note) => format!("{seconds:9.3}  {words}: {note}"),
        None => format!("{seconds:9.3}  {words}"),
    }
}

/// What is happening after a milestone, until the next one.
pub(super) fn status_line(since_start: Duration, last: Milestone) -> String {
    let seconds = since_start.as_secs_f64();
    format!("{seconds:7.1}    {} ...", awaited(last))
}

const fn awaited(last: Milestone) -> &'static str {
    match last {
        Milestone::BusyDialled => "calling",
        Milestone::BusyAlerting => "keeping the line busy",
        Milestone::DropDialled
        | Milestone::DropAlerting
        | Milestone::BusyHungUp
        | Milestone::BusyGone => "waiting for an answer",
        Milestone::BusyAnswered | Milestone::Promoted | Milestone::DropAnswered => {
            "listening to who answered"
        }
        Milestone::Verdict => "waiting for the end of the greeting",
        Milestone::PromptStarted => "answering a call screener",
        Milestone::PromptFinished => "listening to who comes",
        Milestone::TapLost => "leaving the screening to the dialplan",
        Milestone::GivenBack => "done",
        Milestone::Ready => "starting to play",
        Milestone::PlayStarted | Milestone::PlayRestarted => "playing",
        Milestone::PlayFinished | Milestone::DropHungUp | Milestone::DropGone => "hanging up",
    }
}

/// The last line: the slug, and what it means for this drop.
pub(super) fn outcome_words(report: &Report) -> String {
    let played = report.played.as_secs_f64();
    let what = match report.outcome {
        Outcome::Delivered => {
            format!("the whole message ({played:.1} s) was played after the mailbox's greeting")
        }
        Outcome::Human if report.played.is_zero() => "a person answered; nothing was played".into(),
        Outcome::Human => format!("a person answered; playback was stopped after {played:.1} s"),
        Outcome::HungUp => "the far end answered and hung up before anything was played".into(),
        Outcome::NotVoicemail if report.played.is_zero() => {
            "a machine answered that does not take messages; nothing was played".into()
        }
        Outcome::NotVoicemail => {
            format!(
                "a machine answered that does not take messages; playback was stopped after {played:.1} s"
            )
        }
        Outcome::Unsure => {
            "could not tell who answered or when to start; nothing was played".into()
        }
        Outcome::CutOff if report.ended_by == Some(EndedBy::Us) => {
            format!("the mailbox did not take the whole message; {played:.1} s of it were played")
        }
        Outcome::CutOff => format!("the far end hung up {played:.1} s into the message"),
        Outcome::NoAnswer => "there was no answer in time".into(),
        Outcome::Busy => "the number is busy".into(),
        Outcome::Rejected => "the call was declined".into(),
        Outcome::InvalidNumber => "the network reports that the number does not exist".into(),
        Outcome::Congestion => "the network could not route the call".into(),
        Outcome::Failed => "the call failed".into(),
        Outcome::Cancelled => "stopped by the operator; every call is hung up".into(),
        Outcome::Lost => {
            "the connection to the PBX was lost, and the end of the call is not known".into()
        }
        Outcome::Error => "the PBX did not do what it was asked".into(),
    };
    let cause = last_cause(report).map_or_else(String::new, |cause| format!(" [{cause}]"));
    let words = report
        .words
        .as_deref()
        .map_or_else(String::new, |words| format!(": {words}"));
    format!("{what}{words}{cause}")
}

/// The line after it: how sure it is that the message was left, and why.
pub(super) fn proof_words(report: &Report) -> String {
    format!(
        "proof: {} ({})",
        report.proof,
        report.proof_reasons.join("; ")
    )
}

fn moment_words(event: Milestone) -> &'static str {
    match event {
        Milestone::BusyDialled => "busy leg dialled",
        Milestone::DropDialled => "drop leg dialled",
        Milestone::BusyAlerting => "busy leg rings",
        Milestone::DropAlerting => "drop leg rings",
        Milestone::BusyHungUp => "busy leg let go",
        Milestone::BusyAnswered => "busy leg answered",
        Milestone::BusyGone => "busy leg gone",
        Milestone::Promoted => "busy leg is now the live leg",
        Milestone::DropAnswered => "drop leg answered",
        Milestone::Verdict => "verdict",
        Milestone::Ready => "the mailbox records",
        Milestone::PlayStarted => "message playing",
        Milestone::PlayFinished => "playback over",
        Milestone::PlayRestarted => "message playing from its start again",
        Milestone::PromptStarted => "prompt for the call screener playing",
        Milestone::PromptFinished => "prompt over",
        Milestone::TapLost => "the live audio is lost",
        Milestone::GivenBack => "given back to the dialplan",
        Milestone::DropHungUp => "drop leg let go",
        Milestone::DropGone => "drop leg gone",
    }
}

/// The cause of the outcome, if the call failed in the network: it was not answered, and the far end ended it.
fn last_cause(report: &Report) -> Option<String> {
    let cause = report.drop.or(report.busy)?;
    let outcomes = [true, false].map(|alerted| Unanswered::of(cause, alerted).outcome);
    if !outcomes.contains(&report.outcome) {
        return None;
    }
    match (cause.q850, cause.sip) {
        (Some(q850), Some(sip)) => Some(format!("Q.850 {q850}, SIP {sip}")),
        (Some(q850), None) => Some(format!("Q.850 {q850}")),
        (None, Some(sip)) => Some(format!("SIP {sip}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        drop::{Beep, Cause, DropRecord, Proof},
        id::RunName,
        words::{ReadyBy, Verdict},
    };

    #[test]
    fn the_object_has_the_keys_that_programs_read() {
        let run = RunName::new("run1").unwrap();
        let report = report(Outcome::Delivered);
        let ended = DropRecord::new(&run, DropId::from_u128(7), "+1202•••0101".into(), &report);
        insta::assert_snapshot!(serde_json::to_string_pretty(&ended).unwrap(), @r#"
        {
          "drop": "00000000000000000000000000000007",
          "number": "+1202•••0101",
          "outcome": "delivered",
          "verdict": "machine",
          "amd_cause": "LONGGREETING-1500-1500",
          "promoted": false,
          "ready_by": "beep",
          "played_ms": 7240,
          "restarts": 0,
          "heard_ms": 0,
          "ended_by": "us",
          "legs": {
            "busy": {
              "channel": "run1-00000000000000000000000000000007-busy",
              "q850": 16,
              "sip": null
            },
            "drop": {
              "channel": "run1-00000000000000000000000000000007-drop",
              "q850": 16,
              "sip": null
            }
          },
          "timeline": [
            {
              "at_ms": 0,
              "event": "busy_dialled"
            },
            {
              "at_ms": 2001,
              "event": "drop_dialled"
            },
            {
              "at_ms": 3120,
              "event": "drop_alerting"
            },
            {
              "at_ms": 3121,
              "event": "busy_hung_up"
            }
          ],
          "ready_at_ms": 6510,
          "beep": {
            "hz": 1004,
            "start_ms": 5890,
            "end_ms": 6310
          },
          "proof": "proven",
          "proof_reasons": [
            "beep 1004 Hz, 0.42 s, ended 6.31 s",
            "played whole after it"
          ]
        }
        "#);
    }

    #[test]
    fn what_dialled_nothing_says_why() {
        let refused = NotDialled::refused(DropId::from_u128(7), "emergency_number");
        insta::assert_snapshot!(serde_json::to_string(&refused).unwrap(), @r#"{"drop":"00000000000000000000000000000007","outcome":null,"refused":"emergency_number","held":null,"until":null}"#);
    }

    #[test]
    fn a_leg_that_was_never_dialled_is_null_and_words_show_where_there_are_any() {
        let run = RunName::new("run1").unwrap();
        let report = Report {
            busy: None,
            words: Some("500 Allocation failed".into()),
            amd_cause: Some(String::new()),
            ..report(Outcome::Error)
        };
        let ended = DropRecord::new(&run, DropId::from_u128(7), "+1202•••0101".into(), &report);
        let value = serde_json::to_value(&ended).unwrap();
        assert_eq!(value["legs"]["busy"], serde_json::Value::Null);
        assert_eq!(value["amd_cause"], serde_json::Value::Null);
        assert_eq!(value["words"], "500 Allocation failed");
    }

    #[test]
    fn evidence_is_shown_if_it_was_asked_for() {
        let run = RunName::new("run1").unwrap();
        let report = report(Outcome::Delivered);
        let ended = || DropRecord::new(&run, DropId::from_u128(7), String::new(), &report);
        let value = |ended| serde_json::to_value::<DropRecord<'_>>(ended).unwrap();
        assert_eq!(value(ended()).get("evidence"), None);
        let kept = value(ended().with_evidence(Ok("/e/x".into())));
        assert_eq!(kept["evidence"], "/e/x");
        assert_eq!(kept.get("evidence_words"), None);
        let failed = value(ended().with_evidence(Err("disk full".into())));
        assert_eq!(failed.get("evidence"), Some(&serde_json::Value::Null));
        assert_eq!(failed["evidence_words"], "disk full");
    }

    #[test]
    fn the_proof_is_a_line() {
        let line = proof_words(&report(Outcome::Delivered));
        assert_eq!(
            line,
            "proof: proven (beep 1004 Hz, 0.42 s, ended 6.31 s; played whole after it)"
        );
    }

    #[test]
    fn each_end_has_its_words() {
        let lines: Vec<_> = Outcome::ALL
            .iter()
            .map(|&outcome| {
                let cause = Cause {
                    q850: Some(17),
                    sip: Some(486),
                };
                let by = if outcome == Outcome::CutOff {
                    EndedBy::FarEnd
                } else {
                    EndedBy::Us
                };
                let report = Report {
                    drop: Some(cause),
                    ended_by: Some(by),
                    ..report(outcome)
                };
                format!("{outcome}: {}", outcome_words(&report))
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        delivered: the whole message (7.2 s) was played after the mailbox's greeting
        human: a person answered; playback was stopped after 7.2 s
        hung_up: the far end answered and hung up before anything was played
        not_voicemail: a machine answered that does not take messages; playback was stopped after 7.2 s
        unsure: could not tell who answered or when to start; nothing was played
        cut_off: the far end hung up 7.2 s into the message
        no_answer: there was no answer in time
        busy: the number is busy [Q.850 17, SIP 486]
        rejected: the call was declined
        invalid_number: the network reports that the number does not exist
        congestion: the network could not route the call
        failed: the call failed
        cancelled: stopped by the operator; every call is hung up
        lost: the connection to the PBX was lost, and the end of the call is not known
        error: the PBX did not do what it was asked
        "#);
    }

    #[test]
    fn a_moment_is_a_line() {
        let moment = Moment {
            at: Duration::from_micros(6_037_400),
            event: Milestone::Verdict,
        };
        let line = moment_line(moment, Some("machine (MAXWORDS-3-2)"));
        assert_eq!(line, "    6.037  verdict: machine (MAXWORDS-3-2)");
        assert_eq!(moment_line(moment, None), "    6.037  verdict");
    }

    fn report(outcome: Outcome) -> Report {
        let moment = |ms, event| Moment {
            at: Duration::from_millis(ms),
            event,
        };
        Report {
            outcome,
            reason: None,
            verdict: Some(Verdict::Machine),
            amd_cause: Some("LONGGREETING-1500-1500".into()),
            reasons: None,
            restarts: 0,
            heard: Duration::ZERO,
            promoted: false,
            ready_by: Some(ReadyBy::Beep),
            ready_at: Some(Duration::from_millis(6_510)),
            beep: Some(Beep {
                hz: 1_004,
                start: Duration::from_millis(5_890),
                end: Duration::from_millis(6_310),
            }),
            proof: Proof::Proven,
            proof_reasons: vec![
                "beep 1004 Hz, 0.42 s, ended 6.31 s".into(),
                "played whole after it".into(),
            ],
            played: Duration::from_millis(7_240),
            ended_by: Some(EndedBy::Us),
            words: None,
            busy: Some(Cause::q850(16)),
            drop: Some(Cause::q850(16)),
            timeline: vec![
                moment(0, Milestone::BusyDialled),
                moment(2_001, Milestone::DropDialled),
                moment(3_120, Milestone::DropAlerting),
                moment(3_121, Milestone::BusyHungUp),
            ],
        }
    }
}
