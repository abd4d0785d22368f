//! From the verdict to the end of the message.

use std::time::{Duration, Instant};

use super::{DropPhase, Ears, EventLink, Parting, VoicemailDrop, ending::REASON};
use crate::{
    drop::{
        elapsed::Elapsed,
        event::{Command, PbxTime, PlaybackEnd},
        outcome::{EndedBy, Outcome},
        plan::{Voice, WhenUnsure},
        proof::Ready,
        report::Milestone,
        timer::Timer,
    },
    id::Play,
    words::{Leg, Verdict},
};

impl VoicemailDrop {
    pub(super) fn on_screened(&mut self, leg: Leg, verdict: Verdict, cause: String, now: Instant) {
        match self.phase {
            // Our own ears hear a leg only once it was sent to us.
            DropPhase::Answered { live } if live == leg && !self.is_listening() => {
                self.on_first_verdict(live, verdict, cause, now);
            }
            DropPhase::Screening { live } if live == leg => {
                self.on_first_verdict(live, verdict, cause, now);
            }
            DropPhase::Awaiting { live, .. }
            | DropPhase::Explaining { live, .. }
            | DropPhase::Starting { live, .. }
            | DropPhase::Playing { live, .. }
                if live == leg =>
            {
                self.on_further_verdict(verdict, cause, now);
            }
            DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => {}
        }
    }

    fn on_first_verdict(&mut self, live: Leg, verdict: Verdict, cause: String, now: Instant) {
        if self.is_silence_after_prompt(verdict) {
            return self.end_ourselves(Outcome::NotVoicemail, now);
        }
        self.note_verdict(verdict, cause, now);
        match verdict {
            Verdict::Machine => self.await_ready_point(live, now),
            Verdict::Human => self.end_ourselves(Outcome::Human, now),
            Verdict::Unsure | Verdict::Silence => match self.plan.when_unsure {
                WhenUnsure::HangUp => self.end_ourselves(Outcome::Unsure, now),
                WhenUnsure::Play => self.await_ready_point_of_unsure(live, verdict, now),
            },
            Verdict::Fax | Verdict::Menu => self.end_ourselves(Outcome::NotVoicemail, now),
            Verdict::Screening => self.on_screener(live, now),
            Verdict::Sit => self.end_ourselves(Outcome::Failed, now),
        }
    }

    /// The dialplan's first verdict counts, but for a person, who is let go whenever one is noticed. Our own ears go on
    /// listening, and may find that it is no mailbox, or one that takes no message.
    fn on_further_verdict(&mut self, verdict: Verdict, cause: String, now: Instant) {
        match verdict {
            // It says now why the message may start.
            Verdict::Machine if self.is_listening() && !cause.is_empty() => {
                self.found.reasons = Some(cause);
            }
            Verdict::Human => {
                self.found.words = None;
                self.end_in_silence(Outcome::Human, (verdict, cause), now);
            }
            Verdict::Screening if self.is_listening() => self.on_late_screener(cause, now),
            Verdict::Fax | Verdict::Menu if self.is_listening() => {
                self.end_in_silence(Outcome::NotVoicemail, (verdict, cause), now);
            }
            Verdict::Sit if self.is_listening() => {
                self.end_in_silence(Outcome::Failed, (verdict, cause), now);
            }
            Verdict::Unsure if self.is_listening() => self.on_takes_no_message(cause, now),
            Verdict::Silence if self.is_listening() => self.on_nobody(cause, now),
            Verdict::Machine
            | Verdict::Unsure
            | Verdict::Fax
            | Verdict::Sit
            | Verdict::Silence
            | Verdict::Menu
            | Verdict::Screening => {}
        }
    }

    /// Ends the drop by a verdict, whatever plays: silence at once, should the hang-up be refused.
    pub(super) fn end_in_silence(
        &mut self,
        outcome: Outcome,
        (verdict, cause): (Verdict, String),
        now: Instant,
    ) {
        self.note_verdict(verdict, cause, now);
        self.stop_playing(now);
        self.end_ourselves(outcome, now);
    }

    pub(super) fn note_verdict(&mut self, verdict: Verdict, cause: String, now: Instant) {
        let cause = Some(cause).filter(|cause| !cause.is_empty());
        self.found.verdict = Some(verdict);
        match self.ears {
            Ears::Dialplan | Ears::Parted(_) => self.found.amd_cause = cause,
            Ears::Ours | Ears::Returning(_) => self.found.reasons = cause,
        }
        self.record(Milestone::Verdict, now);
    }

    pub(super) fn await_ready_point(&mut self, live: Leg, now: Instant) {
        self.phase = DropPhase::Awaiting { live, ready: None };
        self.timers.set(Timer::Ready, now + self.plan.ready_timeout);
    }

    pub(super) fn on_ready(&mut self, leg: Leg, ready: Ready, now: Instant) {
        let DropPhase::Awaiting { live, .. } = self.phase else {
            return;
        };
        if live != leg || self.leg(live).far_end.is_some() || !self.may_say_ready(ready.by) {
            return;
        }
        self.phase = DropPhase::Awaiting {
            live,
            ready: Some(ready),
        };
        self.found.flaws.held = self.leg(live).held;
        self.play_if_possible(now);
    }

    /// Plays from a ready point that was found, unless the play has to wait: for the event link, since a play asked for
    /// without it could be mistaken for one whose end was missed; for the end of a hold; for the leg's return.
    pub(super) fn play_if_possible(&mut self, now: Instant) {
        let DropPhase::Awaiting {
            live,
            ready: Some(ready),
        } = self.phase
        else {
            return;
        };
        let state = self.leg(live);
        if self.link == EventLink::Lost || state.held || state.far_end.is_some() {
            return;
        }
        let by = match (self.ears, self.plan.voice) {
            (Ears::Ours, Voice::Ours) => Voice::Ours,
            (Ears::Ours, Voice::Pbx) => {
                self.commands.push_back(Command::Release(live));
                return self.part(Parting::Released, now);
            }
            (Ears::Returning(_), _) => return,
            (Ears::Dialplan | Ears::Parted(_), _) => Voice::Pbx,
        };
        self.interrupted = false;
        // One that a play starts again from was said before.
        if self.found.ready.replace(ready) != Some(ready) {
            self.record(Milestone::Ready, now);
        }
        self.start_playing(live, by, now);
        self.timers.stop(Timer::Ready);
        self.timers.stop(Timer::Screening);
    }

    pub(super) fn start_playing(&mut self, live: Leg, by: Voice, now: Instant) {
        self.plays += 1;
        self.found.flaws.unwatched = self.link == EventLink::Lost;
        let play = Play(self.plays);
        self.phase = DropPhase::Starting {
            live,
            play,
            asked: now,
            by,
        };
        self.sent = (by == Voice::Ours).then_some(play);
        self.commands.push_back(match by {
            Voice::Ours => {
                self.speaking = Some(play);
                Command::Speak(live, play)
            }
            Voice::Pbx => Command::Play(live, play),
        });
        self.found.play_asked = Some(now);
        self.timers.set(Timer::PlayStart, now + PLAY_START);
    }

    /// The play that is asked for or goes on, and who plays it.
    pub(super) const fn current_play(&self) -> Option<(Leg, Play, Voice)> {
        match self.phase {
            DropPhase::Starting { live, play, by, .. }
            | DropPhase::Playing { live, play, by, .. } => Some((live, play, by)),
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => None,
        }
    }

    /// Stops what plays, at once, and keeps how much of it was played.
    pub(super) fn stop_playing(&mut self, now: Instant) {
        if let Some((_, play, by)) = self.current_play() {
            self.note_played(None, now);
            match by {
                Voice::Ours => self.hush(),
                Voice::Pbx => self.commands.push_back(Command::StopPlay(play)),
            }
        }
    }

    /// Stops what plays, and waits for a ready point to start again from.
    pub(super) fn rewind(&mut self, ready: Option<Ready>, now: Instant) {
        let Some((live, ..)) = self.current_play() else {
            return;
        };
        self.stop_playing(now);
        self.timers.stop(Timer::Playback);
        self.timers.stop(Timer::PlayStart);
        self.await_ready_point(live, now);
        self.phase = DropPhase::Awaiting { live, ready };
    }

    pub(super) fn on_not_ready(&mut self, leg: Leg, now: Instant) {
        if matches!(self.phase, DropPhase::Awaiting { live, .. } if live == leg) {
            self.end_ourselves(self.unready(), now);
        }
    }

    /// The outcome if no ready point was found. Some of the message may have been heard before it started again.
    pub(super) const fn unready(&self) -> Outcome {
        if self.prompted && matches!(self.found.verdict, Some(Verdict::Screening)) {
            Outcome::NotVoicemail
        } else if self.found.played.is_zero() {
            Outcome::Unsure
        } else {
            Outcome::CutOff
        }
    }

    pub(super) fn on_playback_started(&mut self, play: Play, at: Option<PbxTime>, now: Instant) {
        if let DropPhase::Starting {
            play: current,
            by: Voice::Pbx,
            ..
        } = self.phase
            && play == current
        {
            self.begin_to_play(now, at, now);
        }
    }

    /// The message plays, since `since` as far as we know.
    pub(super) fn begin_to_play(&mut self, since: Instant, pbx: Option<PbxTime>, now: Instant) {
        let Some((live, play, by)) = self.current_play() else {
            return;
        };
        self.phase = DropPhase::Playing {
            live,
            play,
            since,
            by,
            pbx,
        };
        self.found.flaws.beeped_over = false;
        self.found.flaws.gap = Duration::ZERO;
        self.found.flaws.unheard = Duration::ZERO;
        let milestone = match self.restarts() {
            0 => Milestone::PlayStarted,
            _ => Milestone::PlayRestarted,
        };
        self.record(milestone, now);
        self.timers.stop(Timer::PlayStart);
        self.timers.set(
            Timer::Playback,
            now + self.plan.message_limit() + PLAYBACK_OVERDUE,
        );
    }

    pub(super) fn on_playback_finished(
        &mut self,
        play: Play,
        end: PlaybackEnd,
        at: Option<PbxTime>,
        now: Instant,
    ) {
        let Some((live, current, Voice::Pbx)) = self.current_play() else {
            return;
        };
        if play != current {
            return;
        }
        // A playback that is done without having begun began unheard, after it was asked for.
        if let DropPhase::Starting { asked, .. } = self.phase
            && end == PlaybackEnd::Done
        {
            self.begin_to_play(asked, None, now);
        }
        self.note_played(at, now);
        let played = self.found.played;
        self.timers.stop(Timer::Playback);
        self.record(Milestone::PlayFinished, now);
        let whole = end == PlaybackEnd::Done
            && played + PLAYED_TOLERANCE >= self.plan.message.unwrap_or_default();
        if self.leg(live).far_end.is_some() {
            self.finish_with_far_end(EndedBy::FarEnd, now);
        } else if whole {
            self.found.played = self.plan.message.unwrap_or(played);
            self.end_ourselves(Outcome::Delivered, now);
        } else {
            let played = played.as_millis();
            let words = match end {
                PlaybackEnd::Done => {
                    format!("the playback ended after {played} ms, before the message's end")
                }
                PlaybackEnd::Failed => {
                    format!(
                        "the PBX failed to play the message after {played} ms; can it read the file?"
                    )
                }
            };
            self.explain(live, Outcome::Error, words, now);
        }
    }

    /// The live leg ended by itself while the message played, or as it ended; how much was played is kept. If all that can
    /// be heard of it was, the message was left: what is missing is silence.
    pub(super) fn finish_with_far_end(&mut self, by: EndedBy, now: Instant) {
        let played = self.found.played;
        match self.plan.message {
            Some(message)
                if by == EndedBy::FarEnd
                    && !played.is_zero()
                    && played + PLAYED_TOLERANCE >= message =>
            {
                self.found.played = message;
                self.found.ended_by = Some(by);
                self.found.words = None;
                self.clear(Outcome::Delivered, now);
            }
            Some(_) | None => self.cut_off(by, now),
        }
    }

    /// Waits for the event that explains an odd end. If none comes, the drop ends as `otherwise`, for the reason in `words`.
    pub(super) fn explain(&mut self, live: Leg, otherwise: Outcome, words: String, now: Instant) {
        self.phase = DropPhase::Explaining { live, otherwise };
        self.found.words = Some(words);
        self.timers.stop(Timer::PlayStart);
        self.timers.stop(Timer::Screening);
        self.timers.stop(Timer::Ready);
        self.timers.set(Timer::Reason, now + REASON);
    }

    /// Keeps how much was played until `now`.
    pub(super) fn note_played(&mut self, at: Option<PbxTime>, now: Instant) {
        let DropPhase::Playing {
            live, since, pbx, ..
        } = self.phase
        else {
            return;
        };
        let asked = self.found.play_asked.unwrap_or(since);
        let elapsed = Elapsed {
            pbx: pbx.zip(at).map(|(began, ended)| ended.since(began)),
            ours: now.saturating_duration_since(since),
            asked: now.saturating_duration_since(asked),
            far_end_hung_up: self.leg(live).far_end.is_some(),
        };
        let elapsed = elapsed.lasted();
        self.found.played = elapsed.min(self.plan.message.unwrap_or(elapsed));
        self.found.heard = self.found.heard.max(self.found.played);
    }

    /// The live leg ended although we had more to play.
    pub(super) fn cut_off(&mut self, by: EndedBy, now: Instant) {
        let outcome = match (by, self.found.played) {
            (EndedBy::Limit, Duration::ZERO) => Outcome::Unsure,
            (EndedBy::Us | EndedBy::FarEnd, Duration::ZERO) => Outcome::HungUp,
            (EndedBy::Us | EndedBy::FarEnd | EndedBy::Limit, _) => Outcome::CutOff,
        };
        self.found.ended_by = Some(by);
        self.found.words = None;
        self.clear(outcome, now);
    }
}

/// How long the PBX may take to say that it plays: two requests, each with its own shorter limit, come before it.
pub(super) const PLAY_START: Duration = Duration::from_secs(25);

/// How long after the message's length a playback that has not ended is given up. Below the five seconds after which
/// the PBX ends the leg by itself.
pub(super) const PLAYBACK_OVERDUE: Duration = Duration::from_secs(3);

/// By how much a playback may fall short of the message's length and still count as whole: the silence that every
/// prepared message ends in.
pub(super) const PLAYED_TOLERANCE: Duration = Duration::from_millis(200);
