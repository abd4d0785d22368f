//! A call that an agent has made, and hands over: it is up already, and in our app.
//!
//! ```text
//!  adopted ──listen──> Screening ── as any call, but that it has one leg from the start
//!     └──at once, or by the dialplan──> Awaiting
//!  not there any more ──> hung_up: the far end has ended it while it was handed over
//!  a person ──> Clearing ──> released ──> in our app ──> given back to the dialplan ──> Ended
//!                  └── whatever fails on this way: hung up
//! ```

use std::time::{Duration, Instant};

use super::{DropPhase, Ears, GivingBack, Parting, VoicemailDrop};
use crate::{
    drop::{
        event::{Cause, Command, ReadyPoint},
        leg_state::{LegStage, Originate},
        outcome::Outcome,
        plan::{Begin, Mode, WhenHuman},
        proof::Ready,
        report::Milestone,
        timer::Timer,
    },
    words::{Leg, Verdict},
};

impl VoicemailDrop {
    /// Begins with a call that is up: from here on it is the drop leg.
    pub(super) fn adopt(&mut self, now: Instant) {
        let live = Leg::Drop;
        self.drop.stage = LegStage::Up;
        self.drop.originate = Originate::Settled;
        self.record(Milestone::DropAnswered, now);
        self.timers
            .set(Timer::Screening, now + self.plan.screening_timeout);
        match (self.plan.mode, self.plan.adoption.begin) {
            (Mode::Listen, Begin::AtReadyPoint) => {
                self.phase = DropPhase::Screening { live };
                self.commands.push_back(Command::Listen(live));
            }
            // The ears say when the call can be spoken to, and hear a person who is there all the same.
            (Mode::Listen, Begin::AtOnce) => {
                self.take_agents_word(live, now);
                self.commands.push_back(Command::Listen(live));
            }
            (Mode::Dialplan, Begin::AtReadyPoint) => {
                self.take_agents_word(live, now);
                self.commands.push_back(Command::AwaitReady(live));
            }
            (Mode::Dialplan, Begin::AtOnce) => {
                self.take_agents_word(live, now);
                self.on_ready(live, Ready::found(ReadyPoint::Agent, Duration::ZERO), now);
            }
        }
    }

    /// The agent has heard that it is a mailbox.
    fn take_agents_word(&mut self, live: Leg, now: Instant) {
        self.found.verdict = Some(Verdict::Machine);
        self.found.reasons = Some(AGENT.to_owned());
        self.record(Milestone::Verdict, now);
        self.await_ready_point(live, now);
    }

    /// The PBX does not know the call that a command is about. One that is not there when it is to be taken over has ended
    /// while it was handed over: the event of that came before anybody knew whose leg it is, and comes no more.
    pub(super) fn note_gone_before(&mut self, command: Command) {
        if self.takes_over(command) {
            self.drop.far_end.get_or_insert_with(Cause::default);
        }
    }

    /// Whether a command is the first that a call hears of us.
    const fn takes_over(&self, command: Command) -> bool {
        if !self.plan.technique.is_adopted() {
            return false;
        }
        match (self.plan.mode, command) {
            (Mode::Listen, Command::Listen(_)) | (Mode::Dialplan, Command::AwaitReady(_)) => true,
            (Mode::Dialplan, Command::Play(..)) => {
                matches!(self.plan.adoption.begin, Begin::AtOnce) && self.plays == 1
            }
            (
                Mode::Listen | Mode::Dialplan,
                Command::Dial(_)
                | Command::Screen(_)
                | Command::Listen(_)
                | Command::AwaitReady(_)
                | Command::GiveBack(_)
                | Command::Play(..)
                | Command::Speak(..)
                | Command::Say(_)
                | Command::Hush(_)
                | Command::Release(_)
                | Command::StopPlay(_)
                | Command::HangUp(_),
            ) => false,
        }
    }

    /// Whether a person on the line is to have the agent again.
    pub(super) fn may_give_back(&self) -> bool {
        self.plan.technique.is_adopted()
            && self.plan.adoption.when_human == WhenHuman::GiveBack
            && self.giving_back == GivingBack::No
            && self.drop.is_held()
            && self.drop.far_end.is_none()
    }

    /// Lets go of a call in which a person is: silence at once, and the agent has it again.
    pub(super) fn give_back(&mut self, now: Instant) {
        let live = Leg::Drop;
        self.hush();
        self.phase = DropPhase::Clearing {
            outcome: Outcome::Human,
        };
        self.timers.clear();
        match self.ears {
            Ears::Ours => {
                self.giving_back = GivingBack::Releasing(live);
                self.ears = Ears::Returning(Parting::Released);
                self.commands.push_back(Command::Release(live));
                self.timers.set(Timer::Return, now + RELEASE);
                if self.returned {
                    self.ask_to_give_back(live, now);
                }
            }
            Ears::Returning(_) if !self.returned => {
                self.giving_back = GivingBack::Releasing(live);
                self.timers.set(Timer::Return, now + RELEASE);
            }
            Ears::Returning(_) | Ears::Dialplan | Ears::Parted(_) => {
                self.ask_to_give_back(live, now);
            }
        }
    }

    pub(super) fn ask_to_give_back(&mut self, live: Leg, now: Instant) {
        self.giving_back = GivingBack::Asked(live);
        self.commands.push_back(Command::GiveBack(live));
        self.timers.set(Timer::Return, now + RELEASE);
    }

    /// It cannot be given back, or may not have been: what is up without us is hung up.
    pub(super) fn keep(&mut self, now: Instant) {
        if let DropPhase::Clearing { outcome } = self.phase {
            self.giving_back = GivingBack::Kept;
            self.end_ourselves(outcome, now);
        }
    }

    /// The dialplan has it. What becomes of it there is no part of the drop.
    pub(super) fn on_given_back(&mut self, leg: Leg, now: Instant) {
        if self.giving_back != GivingBack::Asked(leg) || !self.leg(leg).is_alive() {
            return;
        }
        self.leg_mut(leg).stage = LegStage::Gone;
        self.record(Milestone::GivenBack, now);
        self.end_if_clear();
    }
}

/// What the evidence says of a verdict that is the agent's.
const AGENT: &str = "the agent says so";

/// How long a call may take to come into our app, and then to leave it, before it is hung up.
const RELEASE: Duration = Duration::from_secs(3);
