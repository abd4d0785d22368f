//! A machine that asks for the caller's name and reason, and lets a person listen: it is hung up on, or a prompt answers it,
//! once, and what follows is screened as if the call had just been answered.
//!
//! ```text
//!  Screening, or Awaiting ──screening──> Screening, the prompt is said ──its end──> Screening ── as for any call
//! ```

use std::time::Instant;

use super::{DropPhase, Ears, VoicemailDrop, playing::PLAY_START, playing::PLAYBACK_OVERDUE};
use crate::{
    drop::{
        event::{Command, Spoken, SpokenEnd},
        outcome::Outcome,
        plan::{Voice, WhenScreened},
        report::Milestone,
        timer::Timer,
    },
    id::Play,
    words::{Leg, Verdict},
};

impl VoicemailDrop {
    /// The live leg is screened; nothing of the message was played.
    pub(super) fn on_screener(&mut self, live: Leg, now: Instant) {
        let state = self.leg(live);
        let may_say = self.plan.when_screened == WhenScreened::Say
            && self.plan.prompt.is_some()
            && self.plan.voice == Voice::Ours
            && self.ears == Ears::Ours
            && !self.prompted
            && !state.held
            && state.far_end.is_none();
        if !may_say {
            return self.end_ourselves(Outcome::NotVoicemail, now);
        }
        self.prompted = true;
        self.speaking = Some(Play::PROMPT);
        self.phase = DropPhase::Screening { live };
        self.commands.push_back(Command::Say(live));
        self.timers.stop(Timer::Ready);
        self.timers.set(Timer::PlayStart, now + PLAY_START);
    }

    /// It was taken for another machine before.
    pub(super) fn on_late_screener(&mut self, cause: String, now: Instant) {
        let found = (Verdict::Screening, cause);
        match self.phase {
            DropPhase::Awaiting { live, .. } if self.found.played.is_zero() => {
                let (verdict, cause) = found;
                self.note_verdict(verdict, cause, now);
                self.on_screener(live, now);
            }
            DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => {
                self.end_in_silence(Outcome::NotVoicemail, found, now);
            }
        }
    }

    /// The prompt goes out.
    pub(super) fn on_saying(&mut self, now: Instant) {
        if !self.is_prompting() {
            return;
        }
        self.record(Milestone::PromptStarted, now);
        self.timers.stop(Timer::PlayStart);
        let length = self.plan.prompt.unwrap_or_default();
        let overdue = now + length + PLAYBACK_OVERDUE;
        self.timers.set(Timer::Playback, overdue);
    }

    /// The prompt is over: whoever comes now is judged as on any call.
    pub(super) fn on_said(&mut self, spoken: Spoken, now: Instant) {
        if !self.is_prompting() {
            return;
        }
        self.speaking = None;
        self.timers.stop(Timer::PlayStart);
        self.timers.stop(Timer::Playback);
        match spoken.end {
            SpokenEnd::Whole => self.record(Milestone::PromptFinished, now),
            // The connection says next how it ended.
            SpokenEnd::Stopped | SpokenEnd::Lost | SpokenEnd::Unconfirmed => {}
        }
    }

    /// Nobody and nothing came after the prompt.
    pub(super) const fn is_silence_after_prompt(&self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Unsure | Verdict::Silence => self.prompted,
            Verdict::Machine
            | Verdict::Human
            | Verdict::Fax
            | Verdict::Sit
            | Verdict::Menu
            | Verdict::Screening => false,
        }
    }

    fn is_prompting(&self) -> bool {
        self.speaking == Some(Play::PROMPT) && matches!(self.phase, DropPhase::Screening { .. })
    }
}
