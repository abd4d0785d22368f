//! From the verdict to the end of the message.

use std::time::{Duration, Instant};

use super::{Ears, Link, Phase, VoicemailDrop, ending::REASON};
use crate::{
    drop::{
        elapsed::Elapsed,
        event::{Command, PbxTime, PlaybackEnd},
        outcome::{EndedBy, Milestone, Outcome},
        plan::WhenUnsure,
        proof::Ready,
        timer::Timer,
    },
    id::Play,
    words::{Leg, Verdict},
};

impl VoicemailDrop {
    pub(super) fn on_screened(&mut self, leg: Leg, verdict: Verdict, cause: String, now: Instant) {
        match self.phase {
            Phase::Answered { live } | Phase::Screening { live } if live == leg => {
                self.on_first_verdict(live, verdict, cause, now);
            }
            Phase::Awaiting { live, .. }
            | Phase::Explaining { live }
            | Phase::Starting { live, .. }
            | Phase::Playing { live, .. }
                if live == leg =>
            {
                self.on_further_verdict(verdict, cause, now);
            }
            Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Awaiting { .. }
            | Phase::Explaining { .. }
            | Phase::Starting { .. }
            | Phase::Playing { .. }
            | Phase::Lead
            | Phase::Dialling
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => {}
        }
    }

    fn on_first_verdict(&mut self, live: Leg, verdict: Verdict, cause: String, now: Instant) {
        self.note_verdict(verdict, cause, now);
        match verdict {
            Verdict::Machine => self.await_ready_point(live, now),
            Verdict::Human => self.end_ourselves(Outcome::Human, now),
            Verdict::Unsure | Verdict::Silence => match self.plan.when_unsure {
                WhenUnsure::HangUp => self.end_ourselves(Outcome::Unsure, now),
                WhenUnsure::Play => {
                    self.await_ready_point(live, now);
                    self.leave_ready_point_to_dialplan(live);
                }
            },
            Verdict::Fax | Verdict::Menu => self.end_ourselves(Outcome::NotVoicemail, now),
            Verdict::Sit => self.end_ourselves(Outcome::Failed, now),
        }
    }

    /// The dialplan's first verdict counts, but for a person, who is let go whenever one is noticed. Our own ears go on
    /// listening, and may find that it is no mailbox, or one that takes no message.
    fn on_further_verdict(&mut self, verdict: Verdict, cause: String, now: Instant) {
        match verdict {
            Verdict::Human => {
                self.found.words = None;
                self.end_in_silence(Outcome::Human, (verdict, cause), now);
            }
            Verdict::Fax | Verdict::Menu if self.is_listening() => {
                self.end_in_silence(Outcome::NotVoicemail, (verdict, cause), now);
            }
            Verdict::Sit if self.is_listening() => {
                self.end_in_silence(Outcome::Failed, (verdict, cause), now);
            }
            Verdict::Unsure if self.is_listening() => self.on_takes_no_message(cause, now),
            Verdict::Machine
            | Verdict::Unsure
            | Verdict::Fax
            | Verdict::Sit
            | Verdict::Silence
            | Verdict::Menu => {}
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
        if let Phase::Starting { play, .. } | Phase::Playing { play, .. } = self.phase {
            self.commands.push_back(Command::StopPlay(play));
            self.note_played(None, now);
        }
        self.end_ourselves(outcome, now);
    }

    pub(super) fn note_verdict(&mut self, verdict: Verdict, cause: String, now: Instant) {
        let cause = Some(cause).filter(|cause| !cause.is_empty());
        self.found.verdict = Some(verdict);
        match self.ears {
            Ears::Dialplan | Ears::Lost => self.found.amd_cause = cause,
            Ears::Ours | Ears::Shared => self.found.reasons = cause,
        }
        self.tell(Milestone::Verdict, now);
    }

    pub(super) fn await_ready_point(&mut self, live: Leg, now: Instant) {
        self.phase = Phase::Awaiting { live, ready: None };
        self.timers.set(Timer::Ready, now + self.plan.ready_timeout);
    }

    pub(super) fn on_ready(&mut self, leg: Leg, ready: Ready, now: Instant) {
        let Phase::Awaiting { live, .. } = self.phase else {
            return;
        };
        if live != leg || self.track(live).far_end.is_some() || !self.may_tell_ready(ready.by) {
            return;
        }
        if self.link == Link::Lost {
            // A play asked for now could be mistaken for one whose end was missed.
            self.phase = Phase::Awaiting {
                live,
                ready: Some(ready),
            };
            return;
        }
        self.found.ready = Some(ready);
        self.interrupted = false;
        self.tell(Milestone::Ready, now);
        self.plays += 1;
        let play = Play(self.plays);
        self.phase = Phase::Starting {
            live,
            play,
            asked: now,
        };
        self.found.play_asked = Some(now);
        self.commands.push_back(Command::Play(live, play));
        self.timers.stop(Timer::Ready);
        self.timers.stop(Timer::Screening);
        self.timers.set(Timer::PlayStart, now + PLAY_START);
    }

    pub(super) fn on_not_ready(&mut self, leg: Leg, now: Instant) {
        if matches!(self.phase, Phase::Awaiting { live, .. } if live == leg) {
            self.end_ourselves(self.unready(), now);
        }
    }

    /// The outcome where no ready point was found. Some of the message may have been heard before it started again.
    pub(super) const fn unready(&self) -> Outcome {
        if self.found.played.is_zero() {
            Outcome::Unsure
        } else {
            Outcome::CutOff
        }
    }

    pub(super) fn on_playback_started(&mut self, play: Play, at: Option<PbxTime>, now: Instant) {
        if let Phase::Starting {
            live,
            play: current,
            ..
        } = self.phase
            && play == current
        {
            self.begin_to_play(live, play, now, at, now);
        }
    }

    /// The PBX plays, since `since` as far as we know.
    pub(super) fn begin_to_play(
        &mut self,
        live: Leg,
        play: Play,
        since: Instant,
        pbx: Option<PbxTime>,
        now: Instant,
    ) {
        self.phase = Phase::Playing {
            live,
            play,
            since,
            pbx,
        };
        self.found.beeped_over = false;
        let milestone = match self.restarts() {
            0 => Milestone::PlayStarted,
            _ => Milestone::PlayRestarted,
        };
        self.tell(milestone, now);
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
        let (live, current) = match self.phase {
            Phase::Starting { live, play, .. } | Phase::Playing { live, play, .. } => (live, play),
            Phase::Lead
            | Phase::Dialling
            | Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Awaiting { .. }
            | Phase::Explaining { .. }
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => return,
        };
        if play != current {
            return;
        }
        // A playback that is done without having begun began unheard, after it was asked for.
        if let Phase::Starting { asked, .. } = self.phase
            && end == PlaybackEnd::Done
        {
            self.begin_to_play(live, play, asked, None, now);
        }
        self.note_played(at, now);
        let played = self.found.played;
        let far_end = self.track(live).far_end.is_some();
        self.timers.stop(Timer::Playback);
        self.tell(Milestone::PlayFinished, now);
        let whole = end == PlaybackEnd::Done
            && played + PLAYED_TOLERANCE >= self.plan.message.unwrap_or_default();
        if whole && far_end && self.plan.message.is_some() {
            // The far end hung up after the last word.
            self.found.played = self.plan.message.unwrap_or(played);
            self.found.ended_by = Some(EndedBy::FarEnd);
            self.clear(Outcome::Delivered, now);
        } else if far_end {
            self.cut_off(EndedBy::FarEnd, now);
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
            self.explain(live, words, now);
        }
    }

    /// Waits for the event that explains an odd end; `words` tell of it where none comes.
    pub(super) fn explain(&mut self, live: Leg, words: String, now: Instant) {
        self.phase = Phase::Explaining { live };
        self.found.words = Some(words);
        self.timers.stop(Timer::PlayStart);
        self.timers.stop(Timer::Screening);
        self.timers.stop(Timer::Ready);
        self.timers.set(Timer::Reason, now + REASON);
    }

    /// Keeps how much was played until `now`.
    pub(super) fn note_played(&mut self, at: Option<PbxTime>, now: Instant) {
        let Phase::Playing {
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
            far_end_hung_up: self.track(live).far_end.is_some(),
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
const PLAY_START: Duration = Duration::from_secs(25);

/// How long after the message's length a playback that has not ended is given up. Below the five seconds after which
/// the PBX ends the leg by itself.
const PLAYBACK_OVERDUE: Duration = Duration::from_secs(3);

/// By how much a playback may fall short of the message's length and still count as whole: the silence that every
/// prepared message ends in.
pub(super) const PLAYED_TOLERANCE: Duration = Duration::from_millis(200);
