//! From the first originate to the answer.

use std::time::{Duration, Instant};

use super::{Phase, VoicemailDrop, by_leg};
use crate::{
    drop::{
        event::Command,
        outcome::{Milestone, Outcome},
        plan::{Mode, WhenBusyLegAnswered},
        timer::Timer,
        track::Stage,
    },
    words::Leg,
};

impl VoicemailDrop {
    pub(super) fn dial(&mut self, leg: Leg, now: Instant) {
        self.track_mut(leg).stage = Stage::Dialled;
        self.commands.push_back(Command::Dial(leg));
        self.tell(
            by_leg(leg, Milestone::BusyDialled, Milestone::DropDialled),
            now,
        );
    }

    pub(super) fn dial_drop_leg(&mut self, now: Instant) {
        self.phase = Phase::Dialling;
        self.dial(Leg::Drop, now);
        self.timers
            .set(Timer::Answer, now + self.plan.answer_timeout);
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
        if self.track(leg).stage < Stage::Alerting {
            self.track_mut(leg).stage = Stage::Alerting;
            self.tell(
                by_leg(leg, Milestone::BusyAlerting, Milestone::DropAlerting),
                now,
            );
        }
        leg == Leg::Drop && matches!(self.phase, Phase::Dialling)
    }

    /// The drop leg rings although the line is taken: it was diverted, so the busy leg has done its work.
    pub(super) fn release_busy_leg(&mut self, now: Instant) {
        self.timers.stop(Timer::Progress);
        self.hang_up(Leg::Busy, now);
    }

    pub(super) fn on_answered(&mut self, leg: Leg, now: Instant) {
        let leaving = self.track(leg).is_leaving();
        if self.track(leg).stage < Stage::Up {
            self.track_mut(leg).stage = Stage::Up;
            self.tell(
                by_leg(leg, Milestone::BusyAnswered, Milestone::DropAnswered),
                now,
            );
            // A CANCEL that crossed the 200 OK: the leg is wanted by nobody.
            if leaving {
                self.ask_hang_up(leg, now);
            }
        }
        if leaving {
            return;
        }
        match self.phase {
            Phase::Lead | Phase::Dialling => match leg {
                Leg::Busy => self.on_busy_leg_answered(now),
                Leg::Drop => self.go_live(Leg::Drop, now),
            },
            // One leg is live or all is decided: the other was hung up then, and does not come here.
            Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Awaiting { .. }
            | Phase::Starting { .. }
            | Phase::Playing { .. }
            | Phase::Explaining { .. }
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => {}
        }
    }

    fn on_busy_leg_answered(&mut self, now: Instant) {
        match self.plan.when_busy_leg_answered {
            WhenBusyLegAnswered::Promote => {
                self.found.promoted = true;
                self.tell(Milestone::Promoted, now);
                self.go_live(Leg::Busy, now);
            }
            WhenBusyLegAnswered::Continue => self.hang_up(Leg::Busy, now),
            WhenBusyLegAnswered::GiveUp => self.end_ourselves(Outcome::Unsure, now),
        }
    }

    /// The first leg to be answered is the live one; the other is not wanted any more.
    fn go_live(&mut self, live: Leg, now: Instant) {
        self.hang_up(live.other(), now);
        self.phase = Phase::Answered { live };
        self.timers.stop(Timer::Lead);
        self.timers.stop(Timer::Progress);
        self.timers.stop(Timer::Answer);
        self.timers
            .set(Timer::Screening, now + self.plan.screening_timeout);
    }

    pub(super) fn on_entered(&mut self, leg: Leg, now: Instant) {
        // Only an answered leg enters the app, so that an answer that was not heard of is made up for here.
        self.on_answered(leg, now);
        if let Phase::Answered { live } = self.phase
            && live == leg
        {
            self.phase = Phase::Screening { live };
            self.commands.push_back(match self.plan.mode {
                Mode::Dialplan => Command::Screen(live),
                Mode::Listen => Command::Listen(live),
            });
        }
    }
}
