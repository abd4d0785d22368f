//! What a drop was on the trunk: its calls, and which of them count against a limit.

use std::{
    ops::{AddAssign, SubAssign},
    time::Duration,
};

use crate::{
    drop::{Milestone, Outcome, Report, Technique},
    words::Leg,
};

/// An answered call of at most this length is a short one, by what trunks charge for.
pub const SHORT_CALL: Duration = Duration::from_secs(6);

/// Calls on a trunk, of one drop or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Busy legs that were dialled.
    pub busy_legs: u64,
    /// Drop legs that were dialled.
    pub drop_legs: u64,
    /// Busy legs that we ended before they were answered.
    pub released: u64,
    /// Drop legs that we, or the time limit that we had set, ended before they were answered.
    pub given_up: u64,
    /// Legs of either kind that were answered.
    pub answered: u64,
    /// Answered legs of at most [`SHORT_CALL`].
    pub short: u64,
    /// Legs that a person answered and that we hung up on.
    pub people: u64,
}

impl Calls {
    /// No call.
    pub const NONE: Self = Self {
        busy_legs: 0,
        drop_legs: 0,
        released: 0,
        given_up: 0,
        answered: 0,
        short: 0,
        people: 0,
    };

    /// All calls.
    pub const fn all(self) -> u64 {
        self.busy_legs + self.drop_legs
    }

    /// Calls that we ended before they were answered.
    pub const fn cancelled(self) -> u64 {
        self.released + self.given_up
    }

    /// What a drop will have made, if all goes as it is meant to.
    pub const fn at_least(technique: Technique) -> Self {
        let mut calls = Self::NONE;
        calls.drop_legs = 1;
        match technique {
            Technique::Double => {
                calls.busy_legs = 1;
                calls.released = 1;
            }
            Technique::Single | Technique::Adopted => {}
        }
        calls
    }

    /// What a drop made, by its report.
    ///
    /// A leg was answered by its own milestones. One that was not, and that we hung up, or that ended with neither a
    /// SIP status nor a cause from the network (so by the time limit that we had set on the PBX), was cancelled.
    pub fn of(report: &Report) -> Self {
        let mut calls = Self::NONE;
        for leg in Leg::BOTH {
            let Some(cause) = report.leg(leg) else {
                continue;
            };
            let times = LegTimes::of(report, leg);
            let ours = times.hung_up.is_some()
                || (cause.sip.is_none() && matches!(cause.q850, None | Some(0)));
            let cancelled = u64::from(times.answered.is_none() && ours);
            match leg {
                Leg::Busy => {
                    calls.busy_legs += 1;
                    calls.released += cancelled;
                }
                Leg::Drop => {
                    calls.drop_legs += 1;
                    calls.given_up += cancelled;
                }
            }
            if let Some(answered) = times.answered {
                calls.answered += 1;
                let length = times.ended.saturating_sub(answered);
                calls.short += u64::from(length <= SHORT_CALL);
            }
        }
        if report.outcome == Outcome::Human {
            calls.people = 1;
        }
        calls
    }

    /// What a drop is likely to have made that ended like this, if there is no report of it: in a simulation, or
    /// for a drop that was lost. `length` is the answered call's, if one was answered.
    pub fn likely(technique: Technique, outcome: Outcome, length: Duration) -> Self {
        let whole = Self::at_least(technique);
        let short = u64::from(length <= SHORT_CALL);
        let answered = Self {
            answered: 1,
            short,
            ..whole
        };
        match outcome {
            Outcome::Delivered
            | Outcome::HungUp
            | Outcome::NotVoicemail
            | Outcome::Unsure
            | Outcome::CutOff => answered,
            Outcome::Human => Self {
                people: 1,
                ..answered
            },
            // We gave up: the call was not answered.
            Outcome::NoAnswer | Outcome::Cancelled | Outcome::Lost => Self {
                given_up: 1,
                ..whole
            },
            // The first leg found it out, so there was no second one.
            Outcome::Busy
            | Outcome::Rejected
            | Outcome::InvalidNumber
            | Outcome::Congestion
            | Outcome::Failed => {
                let (busy_legs, drop_legs) = match technique {
                    Technique::Double => (1, 0),
                    Technique::Single | Technique::Adopted => (0, 1),
                };
                Self {
                    busy_legs,
                    drop_legs,
                    ..Self::NONE
                }
            }
            // The PBX refused; nothing reached the trunk.
            Outcome::Error => Self::NONE,
        }
    }
}

impl AddAssign for Calls {
    fn add_assign(&mut self, other: Self) {
        self.busy_legs += other.busy_legs;
        self.drop_legs += other.drop_legs;
        self.released += other.released;
        self.given_up += other.given_up;
        self.answered += other.answered;
        self.short += other.short;
        self.people += other.people;
    }
}

impl SubAssign for Calls {
    fn sub_assign(&mut self, other: Self) {
        self.busy_legs = self.busy_legs.saturating_sub(other.busy_legs);
        self.drop_legs = self.drop_legs.saturating_sub(other.drop_legs);
        self.released = self.released.saturating_sub(other.released);
        self.given_up = self.given_up.saturating_sub(other.given_up);
        self.answered = self.answered.saturating_sub(other.answered);
        self.short = self.short.saturating_sub(other.short);
        self.people = self.people.saturating_sub(other.people);
    }
}

/// The moments of one leg, from the timeline.
struct LegTimes {
    answered: Option<Duration>,
    hung_up: Option<Duration>,
    /// When it was gone; the end of the timeline if that is not known.
    ended: Duration,
}

impl LegTimes {
    fn of(report: &Report, leg: Leg) -> Self {
        let (answered, hung_up, gone) = match leg {
            Leg::Busy => (
                Milestone::BusyAnswered,
                Milestone::BusyHungUp,
                Milestone::BusyGone,
            ),
            Leg::Drop => (
                Milestone::DropAnswered,
                Milestone::DropHungUp,
                Milestone::DropGone,
            ),
        };
        let at = |event| {
            let moment = report.timeline.iter().find(|moment| moment.event == event);
            moment.map(|moment| moment.at)
        };
        let last = report.timeline.last().map(|moment| moment.at);
        Self {
            answered: at(answered),
            hung_up: at(hung_up),
            ended: at(gone).or(last).unwrap_or_default(),
        }
    }
}
