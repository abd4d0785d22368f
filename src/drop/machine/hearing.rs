//! What only our own ears tell: announcements, beeps while the message plays, and that they hear no more.

use std::time::Instant;

use super::{Ears, Phase, VoicemailDrop, playing::PLAYED_TOLERANCE};
use crate::{
    drop::{
        event::{Command, Sit},
        outcome::{Milestone, Outcome},
        timer::Timer,
    },
    words::{Leg, ReadyBy, Verdict},
};

impl VoicemailDrop {
    pub(super) fn on_intercepted(&mut self, leg: Leg, sit: Sit, cause: String, now: Instant) {
        if let Phase::Answered { live } | Phase::Screening { live } = self.phase
            && live == leg
        {
            self.note_verdict(Verdict::Sit, cause, now);
            self.end_ourselves(Outcome::of_announcement(sit), now);
        }
    }

    /// Nothing is recorded before the beep, so nothing is lost if the message starts again.
    pub(super) fn on_late_beep(&mut self, leg: Leg, now: Instant) {
        let Phase::Playing { live, play, .. } = self.phase else {
            return;
        };
        if live != leg || !self.is_listening() {
            return;
        }
        if self.restarts() >= self.plan.max_restarts {
            self.on_limit_beep(leg, now);
            return;
        }
        self.note_played(None, now);
        self.commands.push_back(Command::Rewind(live, play));
        self.timers.stop(Timer::Playback);
        self.await_ready_point(live, now);
        // The dialplan may have found the last ready point; this one follows a beep, which only we hear.
        self.ears = Ears::Ours;
    }

    /// The mailbox takes no more. What is left when all that can be heard was played is silence.
    pub(super) fn on_limit_beep(&mut self, leg: Leg, now: Instant) {
        let Phase::Playing { live, play, .. } = self.phase else {
            return;
        };
        if live != leg || !self.is_listening() {
            return;
        }
        self.note_played(None, now);
        let message = self.plan.message;
        let whole = message.is_some_and(|message| self.found.played + PLAYED_TOLERANCE >= message);
        if whole || self.found.played.is_zero() {
            self.found.beeped_over = true;
            return;
        }
        self.commands.push_back(Command::StopPlay(play));
        self.found.words = Some("the mailbox beeped and takes no more".to_owned());
        self.end_ourselves(Outcome::CutOff, now);
    }

    /// The dialplan takes over what is still to be found out. While the message plays, nothing is.
    pub(super) fn on_deaf(&mut self, leg: Leg, now: Instant) {
        let (live, command) = match self.phase {
            Phase::Screening { live } => (live, Some(Command::Screen(live))),
            Phase::Awaiting { live, ready: None } if self.ears == Ears::Ours => {
                (live, Some(Command::AwaitReady(live)))
            }
            Phase::Awaiting { live, .. }
            | Phase::Starting { live, .. }
            | Phase::Playing { live, .. } => (live, None),
            Phase::Lead
            | Phase::Dialling
            | Phase::Answered { .. }
            | Phase::Explaining { .. }
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => return,
        };
        if live != leg || !self.is_listening() {
            return;
        }
        self.ears = Ears::Lost;
        self.commands.extend(command);
        self.tell(Milestone::TapLost, now);
    }

    const fn is_listening(&self) -> bool {
        matches!(self.ears, Ears::Ours | Ears::Shared)
    }

    /// It is not known who answered, so the ears look for no ready point: the dialplan's silence has to do.
    pub(super) fn leave_ready_point_to_dialplan(&mut self, live: Leg) {
        if self.ears == Ears::Ours {
            self.ears = Ears::Shared;
            self.commands.push_back(Command::AwaitReady(live));
        }
    }

    /// Whether a ready point found this way can be played to: a leg in the dialplan cannot, until it comes back.
    pub(super) const fn may_tell_ready(&self, by: ReadyBy) -> bool {
        match by {
            ReadyBy::Dialplan => !matches!(self.ears, Ears::Ours),
            ReadyBy::Beep | ReadyBy::Silence => !matches!(self.ears, Ears::Shared | Ears::Lost),
        }
    }
}
