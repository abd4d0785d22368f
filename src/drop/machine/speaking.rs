//! The message that we send ourselves, over the leg's audio connection: what was sent is known to the frame.

use std::time::{Duration, Instant};

use super::{DropPhase, VoicemailDrop, playing::PLAYED_TOLERANCE};
use crate::{
    drop::{
        event::{Command, Spoken, SpokenEnd},
        outcome::{EndedBy, Outcome},
        plan::Voice,
        report::Milestone,
        timer::Timer,
    },
    id::Play,
    words::{Leg, Verdict},
};

impl VoicemailDrop {
    pub(super) fn on_speaking(&mut self, play: Play, now: Instant) {
        if play == Play::PROMPT {
            return self.on_saying(now);
        }
        if let DropPhase::Starting {
            play: current,
            by: Voice::Ours,
            ..
        } = self.phase
            && play == current
        {
            self.begin_to_play(now, None, now);
        }
    }

    /// Sending stalled in the middle of the message. If little of it was sent, it starts again at once: the mailbox records
    /// already, and a whole message after a scrap is better than one with a hole.
    pub(super) fn on_stumbled(&mut self, play: Play, gap: Duration, now: Instant) {
        let Some((live, current, Voice::Ours)) = self.current_play() else {
            return;
        };
        if play != current {
            return;
        }
        self.note_played(None, now);
        let sent = self.found.played.saturating_sub(gap);
        let may_restart = !self.returned && self.restarts() < self.plan.max_restarts;
        if sent <= SCRAP && may_restart {
            self.hush();
            self.timers.stop(Timer::Playback);
            self.start_playing(live, Voice::Ours, now);
            return;
        }
        self.found.flaws.gap = self.found.flaws.gap.max(gap);
        // It ends so much later.
        if let Some(deadline) = self.timers.get(Timer::Playback) {
            self.timers.set(Timer::Playback, deadline + gap);
        }
    }

    pub(super) fn on_spoken(&mut self, play: Play, spoken: Spoken, now: Instant) {
        if play == Play::PROMPT {
            return self.on_said(spoken, now);
        }
        if self.speaking == Some(play) {
            self.speaking = None;
        }
        if self.sent == Some(play) {
            self.note_sent(spoken.sent);
        }
        let Some((live, current, Voice::Ours)) = self.current_play() else {
            return;
        };
        if play != current {
            return;
        }
        self.found.flaws.unheard = spoken.unheard;
        let message = self.plan.message.unwrap_or_default();
        let is_short = spoken.sent + PLAYED_TOLERANCE < message;
        match spoken.end {
            SpokenEnd::Whole | SpokenEnd::Unconfirmed if is_short => self.on_lost(live, now),
            // A stop that the drop does not wait for.
            SpokenEnd::Stopped => {}
            SpokenEnd::Whole | SpokenEnd::Unconfirmed => {
                if matches!(self.phase, DropPhase::Starting { .. }) {
                    self.begin_to_play(now, None, now);
                    self.note_sent(spoken.sent);
                    self.found.flaws.unheard = spoken.unheard;
                }
                self.timers.stop(Timer::Playback);
                self.record(Milestone::PlayFinished, now);
                if self.leg(live).far_end.is_some() {
                    self.finish_with_far_end(EndedBy::FarEnd, now);
                } else if spoken.end == SpokenEnd::Whole {
                    self.found.played = message;
                    self.end_ourselves(Outcome::Delivered, now);
                } else {
                    self.lose("the PBX did not take the end of the message", now);
                }
            }
            SpokenEnd::Lost if spoken.sent.is_zero() => self.play_later(),
            SpokenEnd::Lost => self.on_lost(live, now),
        }
    }

    /// The message did not get to its end, for a reason that is not known yet.
    pub(super) fn on_lost(&mut self, live: Leg, now: Instant) {
        // It had begun.
        self.found.played = self.found.played.max(FRAME);
        self.timers.stop(Timer::Playback);
        self.record(Milestone::PlayFinished, now);
        if self.leg(live).far_end.is_some() {
            self.finish_with_far_end(EndedBy::FarEnd, now);
        } else {
            let words = "the audio connection ended while the message played".to_owned();
            self.explain(live, Outcome::CutOff, words, now);
        }
    }

    /// Nothing of the play was sent: it is as if it had not been asked for, and its ready point still waits.
    pub(super) fn play_later(&mut self) {
        if let DropPhase::Starting { live, .. } = self.phase {
            self.plays -= 1;
            self.speaking = None;
            self.timers.stop(Timer::PlayStart);
            self.phase = DropPhase::Awaiting {
                live,
                ready: self.found.ready,
            };
        }
    }

    /// Sends no more of what we send.
    pub(super) fn hush(&mut self) {
        if let Some(play) = self.speaking.take() {
            self.commands.push_back(Command::Hush(play));
        }
    }

    /// Keeps how much of the last play was sent, which is known exactly.
    fn note_sent(&mut self, sent: Duration) {
        if sent.is_zero() {
            return;
        }
        if let DropPhase::Clearing { outcome } = &mut self.phase {
            match outcome {
                // What was missing of it is silence.
                Outcome::Delivered => return,
                // A stop and the first frames have crossed.
                Outcome::Unsure | Outcome::HungUp => *outcome = Outcome::CutOff,
                Outcome::NotVoicemail if self.found.verdict == Some(Verdict::Machine) => {
                    *outcome = Outcome::CutOff;
                }
                Outcome::Human
                | Outcome::NotVoicemail
                | Outcome::CutOff
                | Outcome::NoAnswer
                | Outcome::Busy
                | Outcome::Rejected
                | Outcome::InvalidNumber
                | Outcome::Congestion
                | Outcome::Failed
                | Outcome::Cancelled
                | Outcome::Lost
                | Outcome::Error => {}
            }
        }
        // An estimate by the clock came before it.
        if self.found.heard == self.found.played {
            self.found.heard = Duration::ZERO;
        }
        self.found.played = sent.min(self.plan.message.unwrap_or(sent));
        self.found.heard = self.found.heard.max(self.found.played);
    }
}

/// The least that is sent of a message that begins.
const FRAME: Duration = Duration::from_millis(20);

/// At most so much of a message is a scrap.
const SCRAP: Duration = Duration::from_secs(1);
