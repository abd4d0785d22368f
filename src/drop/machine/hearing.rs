//! What only our own ears tell: announcements, beeps while the message plays, and that they hear no more.

use std::time::Instant;

use super::{Ears, Phase, VoicemailDrop, playing::PLAYED_TOLERANCE};
use crate::{
    drop::{
        event::{Command, Sit},
        outcome::{Milestone, Outcome},
        timer::Timer,
    },
    id::Play,
    words::{Leg, ReadyBy, Verdict},
};

impl VoicemailDrop {
    pub(super) fn on_intercepted(&mut self, leg: Leg, sit: Sit, cause: String, now: Instant) {
        let (first, live) = match self.phase {
            Phase::Answered { live } | Phase::Screening { live } => (true, live),
            Phase::Awaiting { live, .. }
            | Phase::Starting { live, .. }
            | Phase::Playing { live, .. } => (false, live),
            Phase::Lead
            | Phase::Dialling
            | Phase::Explaining { .. }
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => return,
        };
        if live == leg && (first || self.is_listening()) {
            let outcome = Outcome::of_announcement(sit);
            self.end_in_silence(outcome, (Verdict::Sit, cause), now);
        }
    }

    /// Somebody speaks over the message where no beep had started it: the greeting may have gone on. The ears tell next
    /// who it is, or the true ready point.
    pub(super) fn on_interrupted(&mut self, leg: Leg, now: Instant) {
        let Some(play) = self.heard_play(leg) else {
            return;
        };
        if self.restarts() >= self.plan.max_restarts {
            let cause = "a voice answered the message".to_owned();
            self.end_in_silence(Outcome::Human, (Verdict::Human, cause), now);
            return;
        }
        self.interrupted = true;
        self.rewind(leg, play, now);
    }

    /// Nothing is recorded before the beep, so nothing is lost if the message starts again.
    pub(super) fn on_late_beep(&mut self, leg: Leg, now: Instant) {
        let Some(play) = self.heard_play(leg) else {
            return;
        };
        if self.restarts() >= self.plan.max_restarts {
            self.on_limit_beep(leg, now);
            return;
        }
        self.rewind(leg, play, now);
    }

    /// The play that goes on, on the live leg, while our own ears hear it.
    fn heard_play(&self, leg: Leg) -> Option<Play> {
        match self.phase {
            Phase::Playing { live, play, .. } if live == leg && self.is_listening() => Some(play),
            Phase::Lead
            | Phase::Dialling
            | Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Explaining { .. }
            | Phase::Awaiting { .. }
            | Phase::Starting { .. }
            | Phase::Playing { .. }
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => None,
        }
    }

    fn rewind(&mut self, live: Leg, play: Play, now: Instant) {
        self.note_played(None, now);
        self.commands.push_back(Command::Rewind(live, play));
        self.timers.stop(Timer::Playback);
        self.await_ready_point(live, now);
        // The dialplan may have found the last ready point; the next one only we hear.
        self.ears = Ears::Ours;
    }

    /// The mailbox takes no more.
    pub(super) fn on_limit_beep(&mut self, leg: Leg, now: Instant) {
        if let Some(play) = self.heard_play(leg) {
            self.on_limit(play, "the mailbox beeped and takes no more", now);
        }
    }

    /// A busy tone, or the like: whatever the greeting was, nobody records any more.
    pub(super) fn on_takes_no_message(&mut self, cause: String, now: Instant) {
        let words = "the line gave a busy tone: the mailbox takes no message";
        match self.phase {
            Phase::Playing { play, .. } => self.on_limit(play, words, now),
            // What it was while the greeting spoke it still is.
            Phase::Awaiting { .. } | Phase::Starting { .. }
                if self.found.verdict == Some(Verdict::Machine) =>
            {
                let outcome = if self.found.played.is_zero() {
                    Outcome::NotVoicemail
                } else {
                    Outcome::CutOff
                };
                self.found.words = Some(words.to_owned());
                self.end_in_silence(outcome, (Verdict::Machine, cause), now);
            }
            // Nobody knows what it was, and the dialplan waits for silence.
            Phase::Awaiting { .. } | Phase::Starting { .. } => {}
            Phase::Lead
            | Phase::Dialling
            | Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Explaining { .. }
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => {}
        }
    }

    /// What is left when all that can be heard was played is silence, and need not be recorded.
    fn on_limit(&mut self, play: Play, words: &str, now: Instant) {
        self.note_played(None, now);
        let message = self.plan.message;
        let whole = message.is_some_and(|message| self.found.played + PLAYED_TOLERANCE >= message);
        if whole || self.found.played.is_zero() {
            self.found.beeped_over = true;
            return;
        }
        self.commands.push_back(Command::StopPlay(play));
        self.found.words = Some(words.to_owned());
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
        self.tell(Milestone::TapLost, now);
        if self.interrupted {
            // It may have been a person. The dialplan's silence would play to them again.
            let words = "somebody spoke over the message, and then the live audio was lost";
            self.found.words = Some(words.to_owned());
            self.end_ourselves(self.unready(), now);
            return;
        }
        self.commands.extend(command);
    }

    pub(super) const fn is_listening(&self) -> bool {
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
