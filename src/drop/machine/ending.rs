//! The ends of legs, refusals, deadlines, and the way out.

use std::time::{Duration, Instant};

use super::{DropPhase, EventLink, GivingBack, VoicemailDrop, by_leg, holding::HELD};
use crate::{
    drop::{
        event::{Cause, Command, Refusal, RefusalKind},
        leg_state::{Doubt, HangUp, LegStage, Originate},
        outcome::{EndedBy, Outcome},
        report::Milestone,
        timer::Timer,
        unanswered::{OutcomeReason, Unanswered},
    },
    words::Leg,
};

/// The ends of legs.
impl VoicemailDrop {
    pub(super) fn on_far_end_hung_up(&mut self, leg: Leg, cause: Cause, now: Instant) {
        if !self.leg(leg).is_alive() {
            return;
        }
        let state = self.leg_mut(leg);
        state.originate = Originate::Settled;
        state.far_end.get_or_insert(cause);
        state.cause = cause.or(state.cause);
        if matches!(self.phase, DropPhase::Explaining { live, .. } if live == leg) {
            self.finish_with_far_end(EndedBy::FarEnd, now);
        } else {
            // The channel's end follows at once; if it does not, this event takes its place.
            self.doubt(leg, now);
        }
    }

    pub(super) fn on_gone(&mut self, leg: Leg, cause: Cause, now: Instant) {
        let state = self.leg_mut(leg);
        if !state.was_dialled() || state.stage == LegStage::Gone {
            return;
        }
        state.cause = cause.or(state.cause);
        if state.stage == LegStage::Absent {
            // Its end was concluded, and what follows from it was done.
            state.stage = LegStage::Gone;
            return;
        }
        self.leave(leg, LegStage::Gone, now);
        self.decide_by_end(leg, now);
    }

    /// The PBX says that there is no such channel. The event of its end may still be on its way to us, and says more.
    pub(super) fn on_absent(&mut self, leg: Leg, now: Instant) {
        if !self.leg(leg).is_alive() || !self.leg(leg).is_settled() {
            return;
        }
        match self.link {
            EventLink::Lost => self.conclude_absent(leg, now),
            EventLink::Up => self.doubt(leg, now),
        }
    }

    fn doubt(&mut self, leg: Leg, now: Instant) {
        self.leg_mut(leg).doubt = Doubt::Doubted;
        if !self.timers.is_set(Timer::Reason) {
            self.timers.set(Timer::Reason, now + REASON);
        }
    }

    /// The leg is gone without an event of its end; at most the far end's hang-up was reported.
    pub(super) fn conclude_absent(&mut self, leg: Leg, now: Instant) {
        let wanted = self.leg(leg).is_held();
        self.leave(leg, LegStage::Absent, now);
        if wanted {
            // What was read of the PBX may be older than the channel. If it is right, this finds nothing.
            self.want_hang_up(leg);
        }
        if self.leg(leg).far_end.is_some() {
            return self.decide_by_end(leg, now);
        }
        let decides = match self.phase {
            DropPhase::Lead => wanted,
            DropPhase::Dialling => leg == Leg::Drop,
            DropPhase::Answered { live }
            | DropPhase::Screening { live }
            | DropPhase::Awaiting { live, .. }
            | DropPhase::Starting { live, .. }
            | DropPhase::Playing { live, .. }
            | DropPhase::Explaining { live, .. } => live == leg,
            DropPhase::Clearing { .. } => {
                self.end_if_clear();
                false
            }
            DropPhase::Ended { .. } => false,
        };
        if !decides {
            return;
        }
        self.note_played(None, now);
        if let DropPhase::Explaining {
            otherwise: Outcome::CutOff,
            ..
        } = self.phase
        {
            // It is known that the message did not get to its end, whichever side ended it.
            self.clear(Outcome::CutOff, now);
        } else {
            self.lose("the leg ended unheard", now);
        }
    }

    /// Takes note that a leg is no more.
    fn leave(&mut self, leg: Leg, stage: LegStage, now: Instant) {
        let state = self.leg_mut(leg);
        state.stage = stage;
        state.originate = Originate::Settled;
        self.record(by_leg(leg, Milestone::BusyGone, Milestone::DropGone), now);
        self.rest_from_hanging_up();
    }

    /// A leg that was dialled has ended: what becomes of the drop?
    fn decide_by_end(&mut self, leg: Leg, now: Instant) {
        let by = if self.leg(leg).ended_by_limit() {
            EndedBy::Limit
        } else {
            EndedBy::FarEnd
        };
        match self.phase {
            // The end of a busy leg that was hung up, because it was answered and the plan says to go on, decides nothing.
            DropPhase::Lead if self.leg(leg).is_leaving() => {}
            DropPhase::Lead => self.end_unanswered(leg, now),
            DropPhase::Dialling if leg == Leg::Drop => self.end_unanswered(leg, now),
            DropPhase::Answered { live }
            | DropPhase::Screening { live }
            | DropPhase::Awaiting { live, .. }
            | DropPhase::Starting { live, .. }
            | DropPhase::Playing { live, .. }
            | DropPhase::Explaining { live, .. }
                if live == leg =>
            {
                self.note_played(None, now);
                self.finish_with_far_end(by, now);
            }
            DropPhase::Clearing { .. } => {
                // One that was to be given back was not ended by us.
                if self.giving_back != GivingBack::No {
                    self.found.ended_by.get_or_insert(by);
                }
                self.end_if_clear();
            }
            DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Ended { .. } => {}
        }
    }

    /// A leg ended before it was answered, and that decides the drop.
    pub(super) fn end_unanswered(&mut self, leg: Leg, now: Instant) {
        // Asterisk before 20.18 and 22.8 reports no cause if the originate's own timeout ended the call (#1660).
        let rang_out = self.leg(leg).ended_by_limit()
            && self
                .timers
                .get(Timer::Answer)
                .is_some_and(|deadline| now + RING_OUT >= deadline);
        let (end, by) = if self.leg(leg).redirected {
            let end = Unanswered::because(Outcome::Failed, OutcomeReason::Redirected);
            (end, EndedBy::FarEnd)
        } else if rang_out {
            (Unanswered::of_silence(self.has_alerted()), EndedBy::Limit)
        } else {
            let end = Unanswered::of(self.leg(leg).cause, self.has_alerted());
            (end, EndedBy::FarEnd)
        };
        // Only our own call is known to be on the line.
        let is_ours =
            leg == Leg::Drop && self.busy.is_held() && self.busy.stage == LegStage::Alerting;
        let end = if is_ours && end.outcome == Outcome::Busy {
            Unanswered::because(Outcome::Busy, OutcomeReason::OwnBusyLeg)
        } else {
            end
        };
        self.found.ended_by = Some(by);
        self.note_reason(end.reason);
        self.clear(end.outcome, now);
    }

    fn note_reason(&mut self, reason: Option<OutcomeReason>) {
        self.found.reason = reason;
        self.found.words = reason.map(|reason| reason.words().to_owned());
    }

    /// Whether any leg ever alerted.
    fn has_alerted(&self) -> bool {
        let mut events = self.timeline.iter().map(|moment| moment.event);
        events.any(|event| matches!(event, Milestone::BusyAlerting | Milestone::DropAlerting))
    }
}

/// What follows a request that was refused.
impl VoicemailDrop {
    pub(super) fn on_refused(&mut self, command: Command, why: Refusal, now: Instant) {
        match command {
            Command::Dial(leg) => self.on_dial_refused(leg, why, now),
            Command::Screen(leg) => {
                if matches!(self.phase, DropPhase::Screening { live } if live == leg) {
                    self.on_live_leg_refused(leg, command, why, now);
                }
            }
            Command::Listen(leg) => {
                if self.waits_for_ears(leg) {
                    self.on_live_leg_refused(leg, command, why, now);
                }
            }
            Command::AwaitReady(leg) => {
                if matches!(self.phase, DropPhase::Awaiting { live, .. } if live == leg) {
                    self.on_live_leg_refused(leg, command, why, now);
                }
            }
            Command::Play(leg, play) => {
                if matches!(self.phase, DropPhase::Starting { play: current, .. } if current == play)
                {
                    self.on_live_leg_refused(leg, command, why, now);
                }
            }
            // If the drop has ended, the hang-up that follows stops the play as well.
            Command::StopPlay(_) => {
                if let DropPhase::Awaiting { live, .. } = self.phase {
                    self.on_live_leg_refused(live, command, why, now);
                }
            }
            // These are no requests: what becomes of them, the connection says.
            Command::Speak(..) | Command::Say(_) | Command::Hush(_) | Command::Release(_) => {}
            Command::GiveBack(_) => self.keep(now),
            Command::HangUp(leg) => {
                if self.leg(leg).is_alive() && self.leg(leg).is_leaving() {
                    self.timers.set(Timer::HangUpAgain, now + HANG_UP_REFUSED);
                }
            }
        }
    }

    fn on_dial_refused(&mut self, leg: Leg, why: Refusal, now: Instant) {
        let state = self.leg_mut(leg);
        // The channel has shown itself, whatever became of the reply.
        if !state.was_dialled() || state.is_settled() {
            return;
        }
        let nothing_dialled = !self.leg(leg.other()).was_dialled();
        let state = self.leg_mut(leg);
        let (may_live, outcome) = match why.kind {
            // The other leg keeps the called line busy.
            RefusalKind::TooLate if nothing_dialled => (false, Outcome::Cancelled),
            RefusalKind::TooLate => (false, Outcome::Error),
            RefusalKind::NotFound
            | RefusalKind::WrongState
            | RefusalKind::Rejected
            | RefusalKind::NotMade
            | RefusalKind::Unreachable => (false, Outcome::Error),
            RefusalKind::Failed => (true, Outcome::Error),
            RefusalKind::NoReply => (true, Outcome::Lost),
        };
        let was_leaving = state.is_leaving();
        if !may_live {
            state.originate = Originate::Refused;
            state.stage = LegStage::Idle;
            self.rest_from_hanging_up();
        } else {
            // It may be ringing all the same, and an earlier hang-up may have come before it.
            state.originate = Originate::Settled;
            if was_leaving {
                self.ask_hang_up(leg, now);
            } else {
                self.hang_up(leg, now);
            }
        }
        let decides = match self.phase {
            DropPhase::Lead => !was_leaving,
            DropPhase::Dialling => leg == Leg::Drop,
            DropPhase::Clearing { .. } => {
                self.end_if_clear();
                false
            }
            DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Ended { .. } => false,
        };
        if decides {
            self.found.reason =
                (why.kind == RefusalKind::NotMade).then_some(OutcomeReason::NotMade);
            self.found.words = Some(why.words);
            self.clear(outcome, now);
        }
    }

    /// A request that the live leg needs was not carried out.
    fn on_live_leg_refused(&mut self, live: Leg, command: Command, why: Refusal, now: Instant) {
        let outcome = match why.kind {
            RefusalKind::NotFound => {
                self.note_gone_before(command);
                return self.on_absent(live, now);
            }
            // The leg is ending: the reply of the request and the event come by different ways.
            RefusalKind::WrongState if self.leg(live).far_end.is_some() => {
                return self.cut_off(EndedBy::FarEnd, now);
            }
            RefusalKind::WrongState => {
                return self.explain(live, Outcome::Error, why.words, now);
            }
            RefusalKind::Rejected | RefusalKind::NotMade | RefusalKind::Failed => Outcome::Error,
            // The PBX is away, or may have done it; and a request is never made twice.
            RefusalKind::NoReply | RefusalKind::Unreachable | RefusalKind::TooLate => Outcome::Lost,
        };
        self.found.words = Some(why.words);
        self.end_ourselves(outcome, now);
    }
}

/// What follows a deadline.
impl VoicemailDrop {
    pub(super) fn on_timer(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Lead => self.on_lead_over(now),
            Timer::Progress => {
                if matches!(self.phase, DropPhase::Dialling) {
                    self.release_busy_leg(now);
                }
            }
            Timer::Unheard => {
                if matches!(self.phase, DropPhase::Dialling) {
                    self.release_busy_leg(now);
                }
            }
            Timer::Answer => self.on_answer_overdue(now),
            Timer::Screening | Timer::Ready => {
                if Leg::BOTH.iter().any(|&leg| self.leg(leg).held) {
                    self.found.words = Some(HELD.to_owned());
                }
                self.on_deadline(self.unready(), now);
            }
            Timer::Return => self.on_return_missing(now),
            Timer::PlayStart => self.lose("the PBX did not say that it plays", now),
            Timer::Playback => {
                self.note_played(None, now);
                self.lose("the PBX did not say that the playback ended", now);
            }
            Timer::Reason => self.on_reason_missing(now),
            Timer::HangUpAgain => self.hang_up_again(now),
            Timer::Clearing => self.end(),
        }
    }

    fn on_answer_overdue(&mut self, now: Instant) {
        if matches!(self.phase, DropPhase::Lead) && self.link == EventLink::Up {
            return self.lose("the PBX did not answer the request for the busy leg", now);
        }
        let end = Unanswered::of_silence(self.has_alerted());
        if self.link == EventLink::Up {
            self.note_reason(end.reason);
        }
        self.on_deadline(end.outcome, now);
    }

    fn on_deadline(&mut self, outcome: Outcome, now: Instant) {
        match self.link {
            EventLink::Up => self.end_ourselves(outcome, now),
            EventLink::Lost => self.lose("the event link was down when the deadline passed", now),
        }
    }

    fn on_reason_missing(&mut self, now: Instant) {
        for leg in Leg::BOTH {
            if self.leg(leg).is_doubted() {
                self.conclude_absent(leg, now);
            }
        }
        match (self.phase, self.link) {
            (DropPhase::Explaining { otherwise, .. }, EventLink::Up) => {
                self.end_ourselves(otherwise, now)
            }
            // The explanation may have been missed. It is read when the link is back.
            (DropPhase::Explaining { .. }, EventLink::Lost) => {
                self.timers.set(Timer::Playback, now + UNEXPLAINED);
            }
            (
                DropPhase::Lead
                | DropPhase::Dialling
                | DropPhase::Answered { .. }
                | DropPhase::Screening { .. }
                | DropPhase::Awaiting { .. }
                | DropPhase::Starting { .. }
                | DropPhase::Playing { .. }
                | DropPhase::Clearing { .. }
                | DropPhase::Ended { .. },
                EventLink::Up | EventLink::Lost,
            ) => {}
        }
    }
}

/// The way out.
impl VoicemailDrop {
    /// What happened cannot be known: lets go of everything.
    pub(super) fn lose(&mut self, words: &str, now: Instant) {
        self.found.words = Some(words.to_owned());
        self.clear(Outcome::Lost, now);
    }

    /// Decides the drop, and hangs up the leg that is live.
    pub(super) fn end_ourselves(&mut self, outcome: Outcome, now: Instant) {
        if outcome == Outcome::Human && self.may_give_back() {
            return self.give_back(now);
        }
        self.found.ended_by = Some(EndedBy::Us);
        self.clear(outcome, now);
    }

    pub(super) fn clear(&mut self, outcome: Outcome, now: Instant) {
        // Silence at once, should the hang-up be slow or be refused.
        self.hush();
        self.phase = DropPhase::Clearing { outcome };
        self.timers.clear_all_but(Timer::HangUpAgain);
        self.timers.set(Timer::Clearing, now + CLEARING);
        for leg in Leg::BOTH {
            self.hang_up(leg, now);
            if self.leg(leg).is_doubted() {
                self.timers.set(Timer::Reason, now + REASON);
            }
        }
        self.end_if_clear();
    }

    pub(super) fn end_if_clear(&mut self) {
        if !self.busy.is_alive() && !self.drop.is_alive() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let DropPhase::Clearing { outcome } = self.phase {
            self.phase = DropPhase::Ended { outcome };
            self.timers.clear();
        }
    }

    /// Asks for the end of a leg that lives, once.
    pub(super) fn hang_up(&mut self, leg: Leg, now: Instant) {
        if !self.leg(leg).is_held() {
            return;
        }
        self.leg_mut(leg).hang_up = HangUp::Asked;
        self.ask_hang_up(leg, now);
        self.record(
            by_leg(leg, Milestone::BusyHungUp, Milestone::DropHungUp),
            now,
        );
    }

    pub(super) fn ask_hang_up(&mut self, leg: Leg, now: Instant) {
        self.want_hang_up(leg);
        if !self.timers.is_set(Timer::HangUpAgain) {
            self.timers.set(Timer::HangUpAgain, now + HANG_UP_UNHEARD);
        }
    }

    /// One event can give two reasons, as an answer does that is also the first sign of life; one request will do.
    pub(super) fn want_hang_up(&mut self, leg: Leg) {
        let command = Command::HangUp(leg);
        if !self.commands.contains(&command) {
            self.commands.push_back(command);
        }
    }

    fn hang_up_again(&mut self, now: Instant) {
        for leg in Leg::BOTH {
            if self.leg(leg).is_leaving() && self.leg(leg).is_alive() {
                self.ask_hang_up(leg, now);
            }
        }
    }

    /// There is nothing to repeat if no leg is on its way out.
    fn rest_from_hanging_up(&mut self) {
        let leaving = |leg| self.leg(leg).is_alive() && self.leg(leg).is_leaving();
        if !Leg::BOTH.into_iter().any(leaving) {
            self.timers.stop(Timer::HangUpAgain);
        }
    }
}

/// How long to wait for the event that explains what has just been seen. Asterisk sends them back to back.
pub(super) const REASON: Duration = Duration::from_secs(1);

/// How long before our own deadline an end without a cause may be the PBX's ring timeout, which is as long as ours.
const RING_OUT: Duration = Duration::from_secs(1);

/// How long a drop whose odd end is not explained waits for the event link.
const UNEXPLAINED: Duration = Duration::from_secs(30);

/// When a hang-up that the PBX refused is asked for once more.
const HANG_UP_REFUSED: Duration = Duration::from_millis(500);

/// When a hang-up is asked for once more because the leg's end was not reported.
const HANG_UP_UNHEARD: Duration = Duration::from_secs(3);

/// How long a decided drop waits for the end of its legs. After it the PBX's own limits and the sweep end them.
const CLEARING: Duration = Duration::from_secs(15);
