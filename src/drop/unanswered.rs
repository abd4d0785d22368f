//! How a leg that was never answered ended: the SIP status is looked at first, then the Q.850 cause, then whether any leg
//! of the drop ever alerted.
//!
//! Asterisk reports the SIP status from 20.17, 22.7 and 23.1 on, and maps several statuses to one cause. If only the
//! cause is known, the doubt falls on the side that can be tried again: a refusal before anything alerted may be a trunk
//! that does not take our calls, and is not counted against the callee.

use serde::Serialize;

use super::{event::Cause, outcome::Outcome};

/// What an outcome alone does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeReason {
    /// The trunk or the carrier does not take our calls; the callee has no part in it.
    TrunkRefused,
    /// Nothing ever alerted: the network gave no sign that it reached the number.
    NotReached,
    /// The network answered with another number to call, which the gate was not asked about.
    Redirected,
    /// The drop leg found the number busy while our own busy leg rang there: no mailbox answers behind a busy line.
    OwnBusyLeg,
    /// The PBX could not make the call, and certainly dialled nothing.
    NotMade,
}

impl OutcomeReason {
    /// The name under which it is stored and printed.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::TrunkRefused => "trunk_refused",
            Self::NotReached => "not_reached",
            Self::Redirected => "redirected",
            Self::OwnBusyLeg => "own_busy_leg",
            Self::NotMade => "not_made",
        }
    }

    /// What it means, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TrunkRefused => "the trunk or the carrier refuses the calls",
            Self::NotReached => {
                "nothing alerted: the network gave no sign that it reached the number"
            }
            Self::Redirected => "the network redirected the call",
            Self::OwnBusyLeg => {
                "the busy leg itself makes the number busy: no mailbox answers behind a busy line"
            }
            Self::NotMade => "the PBX could not make the call",
        }
    }
}

/// The end of a leg that was never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The outcome.
    pub outcome: Outcome,
    /// What the outcome alone does not say.
    pub reason: Option<OutcomeReason>,
}

impl Unanswered {
    /// Judges a leg by how it ended and by whether any leg of its drop ever alerted. A cause that is not known, or that
    /// no row names, falls on the carrier's side, which alerts.
    pub const fn of(cause: Cause, alerted: bool) -> Self {
        match (cause.sip, cause.q850) {
            (Some(status), _) => Self::of_sip(status, alerted),
            (None, Some(cause)) => Self::of_q850(cause, alerted),
            (None, None) => Self::just(Outcome::Failed),
        }
    }

    /// The end of the wait for an answer, whether our deadline or the network's.
    pub const fn of_silence(alerted: bool) -> Self {
        if alerted {
            Self::just(Outcome::NoAnswer)
        } else {
            Self::because(Outcome::Congestion, OutcomeReason::NotReached)
        }
    }

    /// The final statuses of RFC 3261, 5393, 8197 and 8688. A server's failure is the network's, any other refusal the
    /// carrier's.
    const fn of_sip(status: u16, alerted: bool) -> Self {
        match status {
            300..=399 => Self::because(Outcome::Failed, OutcomeReason::Redirected),
            401 | 402 | 403 | 407 => Self::because(Outcome::Failed, OutcomeReason::TrunkRefused),
            404 | 410 | 484 | 485 | 604 => Self::just(Outcome::InvalidNumber),
            408 | 480 | 483 | 504 => Self::of_silence(alerted),
            486 | 600 => Self::just(Outcome::Busy),
            603 | 607 | 608 => Self::just(Outcome::Rejected),
            501 => Self::just(Outcome::Failed),
            409 | 500..=599 => Self::just(Outcome::Congestion),
            _ => Self::just(Outcome::Failed),
        }
    }

    /// ITU-T Q.850, 2.2.7. Cause 19 says by its definition that the user was alerted. Causes 18 and 102 are a trunk that
    /// does not answer unless something alerted, and 21 is a refusal of the trunk: Asterisk reports 401 and 403 by it as
    /// well as 603.
    const fn of_q850(cause: u16, alerted: bool) -> Self {
        match cause {
            17 => Self::just(Outcome::Busy),
            18 | 102 => Self::of_silence(alerted),
            19 => Self::just(Outcome::NoAnswer),
            21 if alerted => Self::just(Outcome::Rejected),
            21 => Self::because(Outcome::Failed, OutcomeReason::TrunkRefused),
            1 | 22 | 28 => Self::just(Outcome::InvalidNumber),
            23 => Self::because(Outcome::Failed, OutcomeReason::Redirected),
            27 | 34 | 38 | 41 | 42 | 44 | 47 => Self::just(Outcome::Congestion),
            _ => Self::just(Outcome::Failed),
        }
    }

    const fn just(outcome: Outcome) -> Self {
        Self {
            outcome,
            reason: None,
        }
    }

    pub(super) const fn because(outcome: Outcome, reason: OutcomeReason) -> Self {
        Self {
            outcome,
            reason: Some(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::outcome::Blame;

    /// From, to, the outcome if nothing alerted and if something had, and the reason if nothing had.
    const STATUSES: &[(u16, u16, &str, &str, &str)] = &[
        (300, 399, "failed", "failed", "redirected"),
        (400, 400, "failed", "failed", ""),
        (401, 403, "failed", "failed", "trunk_refused"),
        (404, 404, "invalid_number", "invalid_number", ""),
        (405, 406, "failed", "failed", ""),
        (407, 407, "failed", "failed", "trunk_refused"),
        (408, 408, "congestion", "no_answer", "not_reached"),
        (409, 409, "congestion", "congestion", ""),
        (410, 410, "invalid_number", "invalid_number", ""),
        (411, 479, "failed", "failed", ""),
        (480, 480, "congestion", "no_answer", "not_reached"),
        (481, 482, "failed", "failed", ""),
        (483, 483, "congestion", "no_answer", "not_reached"),
        (484, 485, "invalid_number", "invalid_number", ""),
        (486, 486, "busy", "busy", ""),
        (487, 499, "failed", "failed", ""),
        (500, 500, "congestion", "congestion", ""),
        (501, 501, "failed", "failed", ""),
        (502, 503, "congestion", "congestion", ""),
        (504, 504, "congestion", "no_answer", "not_reached"),
        (505, 599, "congestion", "congestion", ""),
        (600, 600, "busy", "busy", ""),
        (601, 602, "failed", "failed", ""),
        (603, 603, "rejected", "rejected", ""),
        (604, 604, "invalid_number", "invalid_number", ""),
        (605, 606, "failed", "failed", ""),
        (607, 608, "rejected", "rejected", ""),
        (609, 699, "failed", "failed", ""),
    ];

    #[test]
    fn each_final_status_has_its_outcome_whatever_the_cause_beside_it() {
        let mut next = 300;
        for &(from, to, unalerted, alerted, reason) in STATUSES {
            assert_eq!(from, next, "the table has a gap or a status twice");
            next = to + 1;
            for status in from..=to {
                for q850 in [
                    None,
                    Some(0),
                    Some(16),
                    Some(17),
                    Some(21),
                    Some(23),
                    Some(127),
                ] {
                    let cause = Cause {
                        q850,
                        sip: Some(status),
                    };
                    let found = Unanswered::of(cause, false);
                    let slug = found.reason.map_or("", OutcomeReason::slug);
                    assert_eq!(
                        (found.outcome.slug(), slug),
                        (unalerted, reason),
                        "{status}"
                    );
                    let found = Unanswered::of(cause, true).outcome.slug();
                    assert_eq!(found, alerted, "{status}, alerted");
                }
            }
        }
        assert_eq!(next, 700);
    }

    #[test]
    fn each_cause_has_its_outcome_if_no_status_is_known() {
        let rows = [
            ("unallocated", 1, "invalid_number", "invalid_number"),
            ("normal clearing before answer", 16, "failed", "failed"),
            ("user busy", 17, "busy", "busy"),
            ("no user responding", 18, "congestion", "no_answer"),
            ("no answer, alerted", 19, "no_answer", "no_answer"),
            ("rejected", 21, "failed", "rejected"),
            ("number changed", 22, "invalid_number", "invalid_number"),
            ("redirected", 23, "failed", "failed"),
            ("destination out of order", 27, "congestion", "congestion"),
            ("number incomplete", 28, "invalid_number", "invalid_number"),
            ("normal unspecified", 31, "failed", "failed"),
            ("no circuit", 34, "congestion", "congestion"),
            ("network out of order", 38, "congestion", "congestion"),
            ("temporary failure", 41, "congestion", "congestion"),
            ("switch congestion", 42, "congestion", "congestion"),
            ("channel not available", 44, "congestion", "congestion"),
            ("resource unavailable", 47, "congestion", "congestion"),
            ("timer expired", 102, "congestion", "no_answer"),
            ("interworking", 127, "failed", "failed"),
            ("limit, before answer", 0, "failed", "failed"),
            ("unknown to us", 999, "failed", "failed"),
        ];
        for (name, code, unalerted, alerted) in rows {
            for (has_alerted, slug) in [(false, unalerted), (true, alerted)] {
                let found = Unanswered::of(Cause::q850(code), has_alerted).outcome;
                assert_eq!(found.slug(), slug, "{name}, alerted: {has_alerted}");
            }
        }
        let unknown = Unanswered::of(Cause::default(), false).outcome;
        assert_eq!(
            (unknown, unknown.blame()),
            (Outcome::Failed, Blame::Carrier)
        );
    }

    #[test]
    fn what_refuses_us_before_anything_alerted_is_never_the_callee_s_fault_for_good() {
        use crate::drop::outcome::Retry;
        for cause in [
            Cause::q850(18),
            Cause::q850(21),
            Cause::q850(102),
            Cause::default(),
        ] {
            let outcome = Unanswered::of(cause, false).outcome;
            assert_eq!(outcome.blame(), Blame::Carrier, "{cause:?}");
            assert_eq!(outcome.retry(), Retry::YesLater, "{cause:?}");
        }
    }

    #[test]
    fn reasons_serialise_as_they_are_written() {
        for reason in [
            OutcomeReason::TrunkRefused,
            OutcomeReason::NotReached,
            OutcomeReason::Redirected,
            OutcomeReason::OwnBusyLeg,
            OutcomeReason::NotMade,
        ] {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.slug()));
            assert!(!reason.words().is_empty());
        }
    }
}
