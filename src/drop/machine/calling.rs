//! From the first originate to the answer.

use std::time::{Duration, Instant};

use super::{DropPhase, EventLink, VoicemailDrop, by_leg};
use crate::{
    drop::{
        event::Command,
        leg_state::LegStage,
        outcome::Outcome,
        plan::{Mode, Plan, WhenBusyLegAnswered},
        report::Milestone,
        timer::Timer,
    },
    words::Leg,
};

impl VoicemailDrop {
    pub(super) fn dial(&mut self, leg: Leg, now: Instant) {
        self.leg_mut(leg).stage = LegStage::Dialled;
        self.commands.push_back(Command::Dial(leg));
        self.record(
            by_leg(leg, Milestone::BusyDialled, Milestone::DropDialled),
            now,
        );
    }

    pub(super) fn dial_drop_leg(&mut self, now: Instant) {
        self.phase = DropPhase::Dialling;
        self.dial(Leg::Drop, now);
        self.timers
            .set(Timer::Answer, now + self.plan.answer_timeout);
        if let Some(wait) = self.plan.release_when_unheard
            && self.busy.is_held()
        {
            self.timers.set(Timer::Unheard, now + wait);
        }
    }

    pub(super) fn on_lead_over(&mut self, now: Instant) {
        if !matches!(self.phase, DropPhase::Lead) {
            return;
        }
        if self.link == EventLink::Up && !self.busy.is_unanswered_for() {
            return self.dial_drop_leg(now);
        }
        // Without the link nothing is dialled, nor while it is not known that the busy leg holds the line. This is made up
        // for if either is there soon; what allowed the call does not hold for long.
        let patience = match self.link {
            EventLink::Lost => Plan::DIAL_WITHIN,
            EventLink::Up => self.plan.answer_timeout,
        };
        self.timers.set(Timer::Answer, now + patience);
    }

    /// Dials the drop leg if only the link, or the PBX's answer for the busy leg, was missing at the end of the lead.
    pub(super) fn dial_when_lead_is_over(&mut self, now: Instant) {
        let waits = matches!(self.phase, DropPhase::Lead) && !self.timers.is_set(Timer::Lead);
        let missing = self.link == EventLink::Lost || self.busy.is_unanswered_for();
        // If the far end has ended the busy leg, its end follows, and decides.
        if waits && !missing && self.busy.far_end.is_none() {
            self.dial_drop_leg(now);
        }
    }

    pub(super) fn on_ringing(&mut self, leg: Leg, now: Instant) {
        if self.is_drop_leg_alerting(leg, now) {
            self.release_busy_leg(now);
        }
    }

    pub(super) fn on_progress(&mut self, leg: Leg, now: Instant) {
        if !self.is_drop_leg_alerting(leg, now) {
            return;
        }
        match self.plan.release_on_progress {
            Some(Duration::ZERO) => self.release_busy_leg(now),
            Some(wait) if self.busy.is_held() && !self.timers.is_set(Timer::Progress) => {
                self.timers.set(Timer::Progress, now + wait);
            }
            Some(_) | None => {}
        }
    }

    /// Takes note that a leg alerts; returns whether it is the drop leg, while the busy leg may still hold the line.
    fn is_drop_leg_alerting(&mut self, leg: Leg, now: Instant) -> bool {
        if self.leg(leg).stage < LegStage::Alerting {
            self.leg_mut(leg).stage = LegStage::Alerting;
            if leg == Leg::Drop {
                self.timers.stop(Timer::Unheard);
            }
            self.record(
                by_leg(leg, Milestone::BusyAlerting, Milestone::DropAlerting),
                now,
            );
        }
        leg == Leg::Drop && matches!(self.phase, DropPhase::Dialling)
    }

    /// The drop leg rings although the line is taken: it was diverted, so the busy leg has done its work.
    pub(super) fn release_busy_leg(&mut self, now: Instant) {
        self.timers.stop(Timer::Progress);
        self.timers.stop(Timer::Unheard);
        self.hang_up(Leg::Busy, now);
    }

    /// The network names another number instead of an answer. The gate was not asked about that number, so the call is
    /// over, whatever becomes of it.
    pub(super) fn on_redirected(&mut self, leg: Leg, now: Instant) {
        if !self.leg(leg).is_alive() {
            return;
        }
        self.leg_mut(leg).redirected = true;
        let decides = match self.phase {
            DropPhase::Lead => !self.leg(leg).is_leaving(),
            DropPhase::Dialling => leg == Leg::Drop,
            DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => false,
        };
        if decides {
            self.end_unanswered(leg, now);
        }
    }

    pub(super) fn on_answered(&mut self, leg: Leg, now: Instant) {
        let leaving = self.leg(leg).is_leaving();
        if self.leg(leg).stage < LegStage::Up {
            self.leg_mut(leg).stage = LegStage::Up;
            self.record(
                by_leg(leg, Milestone::BusyAnswered, Milestone::DropAnswered),
                now,
            );
            // A CANCEL that crossed the 200 OK: the leg is not wanted any more.
            if leaving {
                self.ask_hang_up(leg, now);
            }
        }
        if leaving {
            return;
        }
        match self.phase {
            DropPhase::Lead | DropPhase::Dialling => match leg {
                Leg::Busy => self.on_busy_leg_answered(now),
                Leg::Drop => self.go_live(Leg::Drop, now),
            },
            // One leg is live or all is decided: the other was hung up then, and does not come here.
            DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => {}
        }
    }

    fn on_busy_leg_answered(&mut self, now: Instant) {
        match self.plan.when_busy_leg_answered {
            WhenBusyLegAnswered::Promote => {
                self.found.promoted = true;
                self.record(Milestone::Promoted, now);
                self.go_live(Leg::Busy, now);
            }
            WhenBusyLegAnswered::Continue => self.hang_up(Leg::Busy, now),
            WhenBusyLegAnswered::GiveUp => self.end_ourselves(Outcome::Unsure, now),
        }
    }

    /// The first leg to be answered is the live one; the other is not wanted any more.
    fn go_live(&mut self, live: Leg, now: Instant) {
        self.hang_up(live.other(), now);
        self.phase = DropPhase::Answered { live };
        self.timers.stop(Timer::Lead);
        self.timers.stop(Timer::Progress);
        self.timers.stop(Timer::Unheard);
        self.timers.stop(Timer::Answer);
        self.timers
            .set(Timer::Screening, now + self.plan.screening_timeout);
    }

    pub(super) fn on_entered(&mut self, leg: Leg, now: Instant) {
        // Only an answered leg enters the app, so that an answer that was not heard of is made up for here.
        self.on_answered(leg, now);
        if let DropPhase::Answered { live } = self.phase
            && live == leg
        {
            self.phase = DropPhase::Screening { live };
            self.commands.push_back(match self.plan.mode {
                Mode::Dialplan => Command::Screen(live),
                Mode::Listen => Command::Listen(live),
            });
        }
    }
}
