//! What only our own ears say: announcements, voices over the message, and beeps while it plays.

use std::time::Instant;

use super::{DropPhase, Ears, VoicemailDrop, playing::PLAYED_TOLERANCE};
use crate::{
    drop::{
        event::{ReadyPoint, Sit},
        outcome::Outcome,
        proof::Ready,
    },
    words::{Leg, ReadyBy, Verdict},
};

impl VoicemailDrop {
    pub(super) fn on_intercepted(&mut self, leg: Leg, sit: Sit, cause: String, now: Instant) {
        let (first, live) = match self.phase {
            DropPhase::Screening { live } => (true, live),
            DropPhase::Awaiting { live, .. }
            | DropPhase::Starting { live, .. }
            | DropPhase::Playing { live, .. } => (false, live),
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => return,
        };
        if live == leg && (first || self.is_listening()) {
            let outcome = Outcome::of_announcement(sit);
            self.end_in_silence(outcome, (Verdict::Sit, cause), now);
        }
    }

    /// A voice over the message that no beep had started: the greeting may have continued. The ears report next
    /// who it is, or the true ready point.
    pub(super) fn on_interrupted(&mut self, leg: Leg, now: Instant) {
        self.interrupted |= self.forget_ready_point(leg);
        if !self.is_heard_playing(leg) {
            return;
        }
        if self.restarts() >= self.plan.max_restarts {
            let cause = "a voice answered the message".to_owned();
            self.end_in_silence(Outcome::Human, (Verdict::Human, cause), now);
            return;
        }
        self.interrupted = true;
        self.rewind(None, now);
    }

    /// Nothing is recorded before the beep, so nothing is lost if the message starts again.
    pub(super) fn on_late_beep(&mut self, leg: Leg, now: Instant) {
        self.forget_ready_point(leg);
        if !self.is_heard_playing(leg) {
            return;
        }
        if self.restarts() >= self.plan.max_restarts {
            self.on_limit_beep(leg, now);
            return;
        }
        self.rewind(None, now);
    }

    /// The message played into a telephone that rings: nothing was recorded, and whoever takes the call is not to hear the rest
    /// of it. What follows is listened to like the beginning of a call.
    pub(super) fn on_beep_was_ring(&mut self, leg: Leg, now: Instant) {
        // Played whole before the next ring, and yet not left.
        if let DropPhase::Clearing { outcome } = &mut self.phase
            && *outcome == Outcome::Delivered
            && self.ears == Ears::Ours
        {
            *outcome = Outcome::CutOff;
            self.found.words = Some(RANG.to_owned());
            self.found.ready = None;
            return;
        }
        self.forget_ready_point(leg);
        if !self.is_heard_playing(leg) {
            return;
        }
        self.found.ready = None;
        if self.restarts() >= self.plan.max_restarts {
            self.note_played(None, now);
            let outcome = self.unready();
            self.found.words = Some(RANG.to_owned());
            self.end_in_silence(outcome, (Verdict::Unsure, RANG.to_owned()), now);
            return;
        }
        self.rewind(None, now);
    }

    /// The ears listened for a beep as long as one can come, and know of no other reason to play.
    pub(super) fn on_no_reason(&mut self, leg: Leg, cause: String, now: Instant) {
        match self.phase {
            DropPhase::Screening { live } | DropPhase::Awaiting { live, .. }
                if live == leg && self.is_listening() =>
            {
                self.note_verdict(Verdict::Unsure, cause, now);
                self.end_ourselves(self.unready(), now);
            }
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => {}
        }
    }

    /// It rang after the greeting, and nobody took the call: no ready point comes.
    pub(super) fn on_nobody(&mut self, cause: String, now: Instant) {
        if let DropPhase::Awaiting { ready: None, .. } = self.phase {
            self.note_verdict(Verdict::Silence, cause, now);
            self.end_ourselves(self.unready(), now);
        }
    }

    /// A ready point that waits was none: the ears find the true one next. Returns whether one waited.
    fn forget_ready_point(&mut self, leg: Leg) -> bool {
        match &mut self.phase {
            DropPhase::Awaiting { live, ready } if *live == leg && self.ears == Ears::Ours => {
                ready.take().is_some()
            }
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => false,
        }
    }

    /// Whether the message plays to this leg while our own ears hear it.
    fn is_heard_playing(&self, leg: Leg) -> bool {
        matches!(self.phase, DropPhase::Playing { live, .. } if live == leg) && self.is_listening()
    }

    /// The mailbox takes no more.
    pub(super) fn on_limit_beep(&mut self, leg: Leg, now: Instant) {
        if self.is_heard_playing(leg) {
            self.on_limit("the mailbox beeped and takes no more", now);
        }
    }

    /// A busy tone, or the like: whatever the greeting was, nothing records any more.
    pub(super) fn on_takes_no_message(&mut self, cause: String, now: Instant) {
        let words = "the line gave a busy tone: the mailbox takes no message";
        match self.phase {
            DropPhase::Playing { .. } => self.on_limit(words, now),
            // What it was while the greeting spoke it still is.
            DropPhase::Awaiting { .. } | DropPhase::Starting { .. }
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
            // It is not known what it was, and the dialplan waits for silence.
            DropPhase::Awaiting { .. } | DropPhase::Starting { .. } => {}
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => {}
        }
    }

    /// What is left when all that can be heard was played is silence, and need not be recorded.
    fn on_limit(&mut self, words: &str, now: Instant) {
        self.note_played(None, now);
        let message = self.plan.message;
        let whole = message.is_some_and(|message| self.found.played + PLAYED_TOLERANCE >= message);
        if whole || self.found.played.is_zero() {
            self.found.flaws.beeped_over = true;
            return;
        }
        self.stop_playing(now);
        self.found.words = Some(words.to_owned());
        self.end_ourselves(Outcome::CutOff, now);
    }

    /// Whether a leg is on its way to our ears, or may have come to them.
    pub(super) fn waits_for_ears(&self, leg: Leg) -> bool {
        let is_live = matches!(
            self.phase,
            DropPhase::Screening { live } | DropPhase::Awaiting { live, .. } if live == leg
        );
        is_live && self.ears == Ears::Ours && !self.returned
    }

    pub(super) const fn is_listening(&self) -> bool {
        matches!(self.ears, Ears::Ours)
    }

    /// It is not known who answered, and the plan says to play all the same. Our ears look for no ready point then: if
    /// nothing was heard the silence has lasted already, and a busy tone never ends in one.
    pub(super) fn await_ready_point_of_unsure(
        &mut self,
        live: Leg,
        verdict: Verdict,
        now: Instant,
    ) {
        self.await_ready_point(live, now);
        if self.is_listening() && verdict == Verdict::Silence {
            let at = now.saturating_duration_since(self.started);
            self.on_ready(live, Ready::found(ReadyPoint::Silence, at), now);
        }
    }

    /// Whether a ready point found this way can be played to: a leg in the dialplan cannot, until it comes back.
    pub(super) const fn may_say_ready(&self, by: ReadyBy) -> bool {
        match by {
            ReadyBy::Dialplan => matches!(self.ears, Ears::Dialplan | Ears::Parted(_)),
            // What the agent says comes with the audio connection, if there is to be one.
            ReadyBy::Beep | ReadyBy::Silence | ReadyBy::Agent => {
                matches!(self.ears, Ears::Dialplan | Ears::Ours)
            }
        }
    }
}

/// Why a message that was played is not left.
const RANG: &str = "the tone before the message was a ring: it came again";
