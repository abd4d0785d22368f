//! One drop as a state machine.
//!
//! ```text
//!  Lead ──lead over──> Dialling ──answered──> Answered ──in our app──> Screening
//!    └───busy leg answered, promoted────────────^                          │ machine
//!                                    Playing <──started── Starting <──ready── Awaiting
//!                                       └──ended oddly──> Explaining
//!  from everywhere: Clearing (hang up what is left, wait until the PBX says it is gone) ──> Ended
//! ```

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    board::Seen,
    event::{Cause, Command, Event, PbxTime, PlaybackEnd, Refusal, RefusalKind},
    outcome::{EndedBy, Milestone, Moment, Outcome, Report},
    plan::{Plan, Technique, WhenBusyLegAnswered, WhenUnsure},
    timer::{Timer, Timers},
    track::{Doubt, HangUp, Originate, Stage, Track},
};
use crate::{
    id::Play,
    words::{Leg, ReadyBy, Verdict},
};

/// One attempt to leave one message at one number.
///
/// Feed it with [`handle_event`](Self::handle_event) and [`handle_timeout`](Self::handle_timeout); after each, drain
/// [`poll_command`](Self::poll_command) and ask [`poll_timeout`](Self::poll_timeout) anew. [`super::Board`] does this
/// for many.
#[derive(Debug)]
pub struct VoicemailDrop {
    plan: Plan,
    started: Instant,
    phase: Phase,
    busy: Track,
    drop: Track,
    link: Link,
    timers: Timers,
    commands: VecDeque<Command>,
    timeline: Vec<Moment>,
    told: usize,
    plays: u32,
    found: Findings,
}

/// Where the drop stands, with what only this phase knows.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The busy leg is dialled, the drop leg is not.
    Lead,
    /// The drop leg is dialled, and nobody has answered.
    Dialling,
    /// The live leg is up, but not yet ours to steer.
    Answered { live: Leg },
    /// The live leg is being screened.
    Screening { live: Leg },
    /// It is to be played to, from its ready point on.
    Awaiting { live: Leg },
    /// The play was asked for.
    Starting {
        live: Leg,
        play: Play,
        asked: Instant,
    },
    /// The PBX plays.
    Playing {
        live: Leg,
        play: Play,
        since: Instant,
        pbx: Option<PbxTime>,
    },
    /// The playback ended too early; the next event tells whether the far end was the reason.
    Explaining { live: Leg, end: PlaybackEnd },
    /// All is decided; the legs that are left are being hung up.
    Clearing { outcome: Outcome },
    /// No leg is left.
    Ended { outcome: Outcome },
}

/// Whether we hear what happens on the PBX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Up,
    Lost,
}

/// What was found out, for the report.
#[derive(Clone, Debug, Default)]
struct Findings {
    verdict: Option<Verdict>,
    amd_cause: Option<String>,
    ready_by: Option<ReadyBy>,
    promoted: bool,
    played: Duration,
    ended_by: Option<EndedBy>,
    words: Option<String>,
}

impl VoicemailDrop {
    /// A drop that starts at `now`; its first command is ready to be polled.
    pub fn new(plan: Plan, now: Instant) -> Self {
        let mut this = Self {
            started: now,
            phase: Phase::Lead,
            busy: Track::default(),
            drop: Track::default(),
            link: Link::Up,
            timers: Timers::default(),
            commands: VecDeque::new(),
            timeline: Vec::new(),
            told: 0,
            plays: 0,
            found: Findings::default(),
            plan,
        };
        match this.plan.technique {
            Technique::Double => {
                this.dial(Leg::Busy, now);
                this.timers.set(Timer::Lead, now + this.plan.lead);
            }
            Technique::Single => this.dial_drop_leg(now),
        }
        this
    }

    /// Takes in something that happened.
    pub fn handle_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Accepted(leg) => self.on_accepted(leg, now),
            Event::Progress(leg) => {
                if self.on_alerting(leg, now) {
                    self.on_drop_leg_progress(now);
                }
            }
            Event::Ringing(leg) => {
                if self.on_alerting(leg, now) {
                    self.release_busy_leg(now);
                }
            }
            Event::Answered(leg) => self.on_answered(leg, now),
            Event::Entered(leg) => self.on_entered(leg, now),
            Event::Screened {
                leg,
                verdict,
                cause,
            } => self.on_screened(leg, verdict, cause, now),
            Event::Ready(leg, by) => self.on_ready(leg, by, now),
            Event::NotReady(leg) => self.on_not_ready(leg, now),
            Event::PlaybackStarted { play, at } => self.on_playback_started(play, at, now),
            Event::PlaybackFinished { play, end, at } => {
                self.on_playback_finished(play, end, at, now)
            }
            Event::FarEndHungUp { leg, cause } => self.on_far_end_hung_up(leg, cause, now),
            Event::Gone { leg, cause } => self.on_gone(leg, cause, now),
            Event::Absent(leg) => self.on_absent(leg, now),
            Event::Refused { command, why } => self.on_refused(command, why, now),
        }
    }

    /// Acts on every deadline that has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_due(now) {
            self.on_timer(timer, now);
        }
    }

    /// Ends the drop on the operator's wish.
    pub fn cancel(&mut self, now: Instant) {
        match self.phase {
            Phase::Clearing { .. } | Phase::Ended { .. } => {}
            Phase::Lead
            | Phase::Dialling
            | Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Awaiting { .. }
            | Phase::Starting { .. }
            | Phase::Playing { .. }
            | Phase::Explaining { .. } => {
                self.note_played(None, now);
                self.end_ourselves(Outcome::Cancelled, now);
            }
        }
    }

    /// The event link to the PBX broke: what happens from here on is not heard of. Nothing is dialled until it is back.
    pub fn link_lost(&mut self, _now: Instant) {
        self.link = Link::Lost;
    }

    /// The link is back: `seen` is what the PBX has of this drop.
    ///
    /// A leg that the PBX does not have is gone, and how it ended will never be known, unless its originate is still
    /// unanswered. A playback whose end was missed is not known to have been heard.
    pub fn link_restored(&mut self, seen: &Seen, now: Instant) {
        self.link = Link::Up;
        for leg in Leg::BOTH {
            match seen.legs.get(&leg) {
                Some(events) => {
                    for event in events {
                        self.handle_event(event.clone(), now);
                    }
                }
                None if self.track(leg).is_alive() && self.track(leg).is_settled() => {
                    self.conclude_absent(leg, now);
                }
                None => {}
            }
        }
        match self.phase {
            Phase::Starting { play, .. } | Phase::Playing { play, .. }
                if !seen.plays.contains(&play) =>
            {
                self.note_played(None, now);
                self.lose(
                    "the end of the playback was missed while the event link was down",
                    now,
                );
            }
            Phase::Starting { .. } => self.expect_playback_end(now),
            Phase::Lead if !self.timers.is_set(Timer::Lead) => self.dial_drop_leg(now),
            Phase::Lead
            | Phase::Dialling
            | Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Awaiting { .. }
            | Phase::Playing { .. }
            | Phase::Explaining { .. }
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => {}
        }
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// The next milestone that has not been told yet.
    pub fn poll_moment(&mut self) -> Option<Moment> {
        let moment = self.timeline.get(self.told).copied()?;
        self.told += 1;
        Some(moment)
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// How the drop ended, once no leg of it is left.
    pub fn outcome(&self) -> Option<Outcome> {
        if let Phase::Ended { outcome } = self.phase {
            Some(outcome)
        } else {
            None
        }
    }

    /// What is known of the drop, once it has ended.
    pub fn report(&self) -> Option<Report> {
        let outcome = self.outcome()?;
        let ended = |track: &Track| track.was_dialled().then_some(track.cause);
        Some(Report {
            outcome,
            verdict: self.found.verdict,
            amd_cause: self.found.amd_cause.clone(),
            promoted: self.found.promoted,
            ready_by: self.found.ready_by,
            played: self.found.played,
            ended_by: self.found.ended_by,
            words: self.found.words.clone(),
            busy: ended(&self.busy),
            drop: ended(&self.drop),
            timeline: self.timeline.clone(),
        })
    }
}

/// From the first originate to the answer.
impl VoicemailDrop {
    fn dial(&mut self, leg: Leg, now: Instant) {
        self.track_mut(leg).stage = Stage::Dialled;
        self.commands.push_back(Command::Dial(leg));
        self.tell(
            by_leg(leg, Milestone::BusyDialled, Milestone::DropDialled),
            now,
        );
    }

    fn dial_drop_leg(&mut self, now: Instant) {
        self.phase = Phase::Dialling;
        self.dial(Leg::Drop, now);
        self.timers
            .set(Timer::Answer, now + self.plan.answer_timeout);
    }

    fn on_accepted(&mut self, leg: Leg, now: Instant) {
        let track = self.track_mut(leg);
        if track.originate == Originate::Settled || !track.was_dialled() {
            return;
        }
        track.originate = Originate::Settled;
        // A hang-up sent before the PBX had made the channel found nothing to hang up.
        if track.is_leaving() && track.is_alive() {
            self.ask_hang_up(leg, now);
        }
    }

    /// Returns whether this is the drop leg, alerting while the line may still be held by the busy leg.
    fn on_alerting(&mut self, leg: Leg, now: Instant) -> bool {
        if !self.shows_life(leg, now) {
            return false;
        }
        if self.track(leg).stage < Stage::Alerting {
            self.track_mut(leg).stage = Stage::Alerting;
            self.tell(
                by_leg(leg, Milestone::BusyAlerting, Milestone::DropAlerting),
                now,
            );
        }
        leg == Leg::Drop && matches!(self.phase, Phase::Dialling)
    }

    fn on_drop_leg_progress(&mut self, now: Instant) {
        match self.plan.release_on_progress {
            Some(Duration::ZERO) => self.release_busy_leg(now),
            Some(wait) if !self.timers.is_set(Timer::Progress) => {
                self.timers.set(Timer::Progress, now + wait)
            }
            Some(_) | None => {}
        }
    }

    /// The drop leg rings although the line is taken: it was diverted, so the busy leg has done its work.
    fn release_busy_leg(&mut self, now: Instant) {
        self.timers.stop(Timer::Progress);
        self.hang_up(Leg::Busy, now);
    }

    fn on_answered(&mut self, leg: Leg, now: Instant) {
        if !self.shows_life(leg, now) {
            return;
        }
        if self.track(leg).stage < Stage::Up {
            self.track_mut(leg).stage = Stage::Up;
            self.tell(
                by_leg(leg, Milestone::BusyAnswered, Milestone::DropAnswered),
                now,
            );
            // A CANCEL that crossed the 200 OK: the leg is wanted by nobody.
            if self.track(leg).is_leaving() {
                self.ask_hang_up(leg, now);
            }
        }
        if self.track(leg).is_leaving() {
            return;
        }
        match (self.phase, leg) {
            (Phase::Lead | Phase::Dialling, Leg::Busy) => self.on_busy_leg_answered(now),
            (Phase::Lead | Phase::Dialling, Leg::Drop) => {
                self.release_busy_leg(now);
                self.go_live(Leg::Drop, now);
            }
            (
                Phase::Answered { live }
                | Phase::Screening { live }
                | Phase::Awaiting { live }
                | Phase::Starting { live, .. }
                | Phase::Playing { live, .. }
                | Phase::Explaining { live, .. },
                leg,
            ) => {
                if live != leg {
                    self.hang_up(leg, now);
                }
            }
            (Phase::Clearing { .. } | Phase::Ended { .. }, leg) => self.hang_up(leg, now),
        }
    }

    fn on_busy_leg_answered(&mut self, now: Instant) {
        match self.plan.when_busy_leg_answered {
            WhenBusyLegAnswered::Promote => {
                self.found.promoted = true;
                self.tell(Milestone::Promoted, now);
                self.hang_up(Leg::Drop, now);
                self.go_live(Leg::Busy, now);
            }
            WhenBusyLegAnswered::Continue => self.hang_up(Leg::Busy, now),
            WhenBusyLegAnswered::GiveUp => self.end_ourselves(Outcome::Unsure, now),
        }
    }

    fn go_live(&mut self, live: Leg, now: Instant) {
        self.phase = Phase::Answered { live };
        self.timers.stop(Timer::Lead);
        self.timers.stop(Timer::Progress);
        self.timers.stop(Timer::Answer);
        self.timers
            .set(Timer::Screening, now + self.plan.screening_timeout);
    }

    fn on_entered(&mut self, leg: Leg, now: Instant) {
        // Only an answered leg enters the app, so that an answer that was not heard of is made up for here.
        self.on_answered(leg, now);
        if let Phase::Answered { live } = self.phase
            && live == leg
        {
            self.phase = Phase::Screening { live };
            self.commands.push_back(Command::Screen(live));
        }
    }
}

/// From the verdict to the end of the message.
impl VoicemailDrop {
    fn on_screened(&mut self, leg: Leg, verdict: Verdict, cause: String, now: Instant) {
        let (Phase::Answered { live } | Phase::Screening { live }) = self.phase else {
            return;
        };
        if live != leg {
            return;
        }
        self.found.verdict = Some(verdict);
        self.found.amd_cause = Some(cause).filter(|cause| !cause.is_empty());
        self.tell(Milestone::Verdict, now);
        match verdict {
            Verdict::Machine => self.await_ready_point(live, now),
            Verdict::Human => self.end_ourselves(Outcome::Human, now),
            Verdict::Unsure | Verdict::Silence => match self.plan.when_unsure {
                WhenUnsure::HangUp => self.end_ourselves(Outcome::Unsure, now),
                WhenUnsure::Play => self.await_ready_point(live, now),
            },
            Verdict::Fax | Verdict::Menu => self.end_ourselves(Outcome::NotVoicemail, now),
            Verdict::Sit => self.end_ourselves(Outcome::Failed, now),
        }
    }

    fn await_ready_point(&mut self, live: Leg, now: Instant) {
        self.phase = Phase::Awaiting { live };
        self.timers.set(Timer::Ready, now + self.plan.ready_timeout);
    }

    fn on_ready(&mut self, leg: Leg, by: ReadyBy, now: Instant) {
        let Phase::Awaiting { live } = self.phase else {
            return;
        };
        if live != leg || self.track(live).far_end.is_some() || self.link == Link::Lost {
            return;
        }
        self.found.ready_by = Some(by);
        self.tell(Milestone::Ready, now);
        self.plays += 1;
        let play = Play(self.plays);
        self.phase = Phase::Starting {
            live,
            play,
            asked: now,
        };
        self.commands.push_back(Command::Play(live, play));
        self.timers.stop(Timer::Ready);
        self.timers.stop(Timer::Screening);
        self.timers.set(Timer::PlayStart, now + PLAY_START);
    }

    fn on_not_ready(&mut self, leg: Leg, now: Instant) {
        if matches!(self.phase, Phase::Awaiting { live } if live == leg) {
            self.end_ourselves(Outcome::Unsure, now);
        }
    }

    fn on_playback_started(&mut self, play: Play, at: Option<PbxTime>, now: Instant) {
        if let Phase::Starting {
            live,
            play: current,
            ..
        } = self.phase
            && play == current
        {
            self.phase = Phase::Playing {
                live,
                play,
                since: now,
                pbx: at,
            };
            self.tell(Milestone::PlayStarted, now);
            self.expect_playback_end(now);
        }
    }

    fn expect_playback_end(&mut self, now: Instant) {
        self.timers.stop(Timer::PlayStart);
        self.timers.set(
            Timer::Playback,
            now + self.plan.message_limit() + PLAYBACK_OVERDUE,
        );
    }

    fn on_playback_finished(
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
        let elapsed = self.note_played(at, now);
        let whole = end == PlaybackEnd::Done
            && elapsed + PLAYED_TOLERANCE >= self.plan.message.unwrap_or_default();
        self.timers.stop(Timer::PlayStart);
        self.timers.stop(Timer::Playback);
        self.tell(Milestone::PlayFinished, now);
        if self.track(live).far_end.is_some() || self.track(live).is_over() {
            self.cut_off(EndedBy::FarEnd, now);
        } else if whole {
            self.found.played = self.plan.message.unwrap_or(elapsed);
            self.end_ourselves(Outcome::Delivered, now);
        } else {
            self.phase = Phase::Explaining { live, end };
            self.timers.set(Timer::Reason, now + REASON);
        }
    }

    /// Keeps how much was played until `now`, and returns it. The PBX's own times count where both are known: an event
    /// may have waited on its way.
    fn note_played(&mut self, at: Option<PbxTime>, now: Instant) -> Duration {
        let elapsed = match self.phase {
            Phase::Playing { since, pbx, .. } => match (pbx, at) {
                (Some(began), Some(ended)) => ended.since(began),
                (None, _) | (_, None) => now.saturating_duration_since(since),
            },
            Phase::Starting { asked, .. } if at.is_some() => now.saturating_duration_since(asked),
            Phase::Lead
            | Phase::Dialling
            | Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Awaiting { .. }
            | Phase::Starting { .. }
            | Phase::Explaining { .. }
            | Phase::Clearing { .. }
            | Phase::Ended { .. } => return self.found.played,
        };
        self.found.played = elapsed.min(self.plan.message.unwrap_or(elapsed));
        elapsed
    }

    fn cut_off(&mut self, by: EndedBy, now: Instant) {
        self.found.ended_by = Some(by);
        let outcome = if self.found.played.is_zero() {
            Outcome::HungUp
        } else {
            Outcome::CutOff
        };
        self.clear(outcome, now);
    }
}

/// The ends of legs, and refusals.
impl VoicemailDrop {
    fn on_far_end_hung_up(&mut self, leg: Leg, cause: Cause, now: Instant) {
        if !self.track(leg).is_alive() {
            return;
        }
        let track = self.track_mut(leg);
        track.far_end.get_or_insert(cause);
        track.cause = cause.or(track.cause);
        if matches!(self.phase, Phase::Explaining { live, .. } if live == leg) {
            self.cut_off(EndedBy::FarEnd, now);
        }
    }

    fn on_gone(&mut self, leg: Leg, cause: Cause, now: Instant) {
        if !self.track(leg).was_dialled() || self.track(leg).stage == Stage::Gone {
            return;
        }
        let was_absent = self.track(leg).stage == Stage::Absent;
        let track = self.track_mut(leg);
        track.stage = Stage::Gone;
        track.originate = Originate::Settled;
        track.cause = cause.or(track.cause);
        if !was_absent {
            self.tell(by_leg(leg, Milestone::BusyGone, Milestone::DropGone), now);
        }
        let by = if self.track(leg).ended_by_limit() {
            EndedBy::Limit
        } else {
            EndedBy::FarEnd
        };
        match self.phase {
            // Ours to hang up: the busy leg of `continue`, whose end is no answer to anything.
            Phase::Lead if !self.track(leg).is_leaving() => self.end_unanswered(leg, now),
            Phase::Dialling if leg == Leg::Drop => self.end_unanswered(leg, now),
            Phase::Answered { live } | Phase::Screening { live } | Phase::Awaiting { live }
                if live == leg =>
            {
                self.found.ended_by = Some(by);
                let outcome = match by {
                    EndedBy::Limit => Outcome::Unsure,
                    EndedBy::FarEnd | EndedBy::Us => Outcome::HungUp,
                };
                self.clear(outcome, now);
            }
            Phase::Starting { live, .. }
            | Phase::Playing { live, .. }
            | Phase::Explaining { live, .. }
                if live == leg =>
            {
                self.note_played(None, now);
                match by {
                    EndedBy::Limit if self.found.played.is_zero() => {
                        self.found.ended_by = Some(by);
                        self.clear(Outcome::Unsure, now);
                    }
                    EndedBy::Limit | EndedBy::FarEnd | EndedBy::Us => self.cut_off(by, now),
                }
            }
            Phase::Clearing { .. } => self.end_if_clear(),
            Phase::Lead
            | Phase::Dialling
            | Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Awaiting { .. }
            | Phase::Starting { .. }
            | Phase::Playing { .. }
            | Phase::Explaining { .. }
            | Phase::Ended { .. } => {}
        }
    }

    /// A leg ended before it was answered, and that decides the drop.
    fn end_unanswered(&mut self, leg: Leg, now: Instant) {
        let track = self.track(leg);
        let limit = track.ended_by_limit();
        let outcome = Outcome::of_unanswered(track.cause);
        self.found.ended_by = Some(if limit {
            EndedBy::Limit
        } else {
            EndedBy::FarEnd
        });
        // Asterisk before 20.18 and 22.8 reports no cause where the originate's own timeout ended the call (#1660).
        let rang_out = limit && now >= self.started + self.plan.answer_timeout;
        self.clear(if rang_out { Outcome::NoAnswer } else { outcome }, now);
    }

    /// The PBX says that there is no such channel. Its end may still be on its way to us, and tells more.
    fn on_absent(&mut self, leg: Leg, now: Instant) {
        let track = self.track(leg);
        if !track.is_alive() || !track.is_settled() {
            return;
        }
        match self.link {
            Link::Lost => self.conclude_absent(leg, now),
            Link::Up => {
                self.track_mut(leg).doubt = Doubt::Doubted;
                if !self.timers.is_set(Timer::Reason) {
                    self.timers.set(Timer::Reason, now + REASON);
                }
            }
        }
    }

    /// The leg is gone, and why is not known.
    fn conclude_absent(&mut self, leg: Leg, now: Instant) {
        let far_end = self.track(leg).far_end;
        if let Some(cause) = far_end {
            return self.on_gone(leg, cause, now);
        }
        self.track_mut(leg).stage = Stage::Absent;
        self.tell(by_leg(leg, Milestone::BusyGone, Milestone::DropGone), now);
        let decides = match self.phase {
            Phase::Lead => !self.track(leg).is_leaving(),
            Phase::Dialling => leg == Leg::Drop,
            Phase::Answered { live }
            | Phase::Screening { live }
            | Phase::Awaiting { live }
            | Phase::Starting { live, .. }
            | Phase::Playing { live, .. }
            | Phase::Explaining { live, .. } => live == leg,
            Phase::Clearing { .. } => {
                self.end_if_clear();
                false
            }
            Phase::Ended { .. } => false,
        };
        if decides {
            self.note_played(None, now);
            self.lose("the leg ended unheard", now);
        }
    }

    fn on_refused(&mut self, command: Command, why: Refusal, now: Instant) {
        match command {
            Command::Dial(leg) => self.on_dial_refused(leg, why, now),
            Command::Screen(leg) => {
                if matches!(self.phase, Phase::Screening { live } if live == leg) {
                    self.on_live_leg_refused(leg, why, now);
                }
            }
            Command::Play(leg, play) => {
                if matches!(self.phase, Phase::Starting { play: current, .. } if current == play) {
                    self.on_live_leg_refused(leg, why, now);
                }
            }
            // The hang-up that follows it stops the play as well.
            Command::StopPlay(_) => {}
            Command::HangUp(leg) => {
                if self.track(leg).is_alive() {
                    self.timers.set(Timer::HangUpAgain, now + HANG_UP_REFUSED);
                }
            }
        }
    }

    fn on_dial_refused(&mut self, leg: Leg, why: Refusal, now: Instant) {
        let track = self.track_mut(leg);
        // The channel has shown itself, whatever became of the reply.
        if !track.was_dialled() || track.is_settled() {
            return;
        }
        track.originate = Originate::Settled;
        let (may_live, outcome) = match why.kind {
            RefusalKind::NotFound
            | RefusalKind::WrongState
            | RefusalKind::Rejected
            | RefusalKind::Unreachable => (false, Outcome::Error),
            RefusalKind::Failed => (true, Outcome::Error),
            RefusalKind::NoReply => (true, Outcome::Lost),
        };
        let was_leaving = track.is_leaving();
        if may_live {
            // It may be ringing all the same.
            track.hang_up = HangUp::No;
            self.hang_up(leg, now);
        } else {
            track.stage = Stage::Idle;
        }
        let decides = match self.phase {
            Phase::Lead => !was_leaving,
            Phase::Dialling => leg == Leg::Drop,
            Phase::Clearing { .. } => {
                self.end_if_clear();
                false
            }
            Phase::Answered { .. }
            | Phase::Screening { .. }
            | Phase::Awaiting { .. }
            | Phase::Starting { .. }
            | Phase::Playing { .. }
            | Phase::Explaining { .. }
            | Phase::Ended { .. } => false,
        };
        if decides {
            self.found.words = Some(why.words);
            self.clear(outcome, now);
        }
    }

    /// A request that the live leg needs was not carried out.
    fn on_live_leg_refused(&mut self, live: Leg, why: Refusal, now: Instant) {
        let outcome = match why.kind {
            RefusalKind::NotFound => return self.on_absent(live, now),
            // The leg left the app because it is ending; its end tells the rest.
            RefusalKind::WrongState if self.track(live).far_end.is_some() => {
                return self.on_absent(live, now);
            }
            RefusalKind::WrongState | RefusalKind::Rejected | RefusalKind::Failed => Outcome::Error,
            // Whether it was carried out is not known, and it is never asked for twice.
            RefusalKind::NoReply | RefusalKind::Unreachable => Outcome::Lost,
        };
        self.found.words = Some(why.words);
        self.end_ourselves(outcome, now);
    }
}

/// Deadlines, and the way out.
impl VoicemailDrop {
    fn on_timer(&mut self, timer: Timer, now: Instant) {
        match timer {
            // Without the link nothing is dialled; when it is back, the passed deadline is made up for.
            Timer::Lead => {
                if self.link == Link::Up && matches!(self.phase, Phase::Lead) {
                    self.dial_drop_leg(now);
                }
            }
            Timer::Progress => {
                if matches!(self.phase, Phase::Dialling) {
                    self.release_busy_leg(now);
                }
            }
            Timer::Answer => self.on_deadline(Outcome::NoAnswer, now),
            Timer::Screening | Timer::Ready => self.on_deadline(Outcome::Unsure, now),
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

    fn on_deadline(&mut self, outcome: Outcome, now: Instant) {
        match self.link {
            Link::Up => self.end_ourselves(outcome, now),
            Link::Lost => self.lose("the event link was down when the deadline passed", now),
        }
    }

    fn on_reason_missing(&mut self, now: Instant) {
        if let Phase::Explaining { end, .. } = self.phase {
            let played = self.found.played.as_millis();
            self.found.words = Some(match end {
                PlaybackEnd::Done => {
                    format!("the playback ended after {played} ms, before the message's end")
                }
                PlaybackEnd::Failed => {
                    format!(
                        "the PBX failed to play the message after {played} ms; can it read the file?"
                    )
                }
            });
            self.end_ourselves(Outcome::Error, now);
        }
        for leg in Leg::BOTH {
            if self.track(leg).is_doubted() {
                self.conclude_absent(leg, now);
            }
        }
    }

    /// The truth cannot be known any more: lets go of everything.
    fn lose(&mut self, words: &str, now: Instant) {
        self.found.words = Some(words.to_owned());
        self.clear(Outcome::Lost, now);
    }

    /// Decides the drop, and hangs up the leg that is live.
    fn end_ourselves(&mut self, outcome: Outcome, now: Instant) {
        self.found.ended_by = Some(EndedBy::Us);
        self.clear(outcome, now);
    }

    fn clear(&mut self, outcome: Outcome, now: Instant) {
        self.phase = Phase::Clearing { outcome };
        self.timers.clear();
        self.timers.set(Timer::Clearing, now + CLEARING);
        for leg in Leg::BOTH {
            self.hang_up(leg, now);
            if self.track(leg).is_alive() {
                self.timers.set(Timer::HangUpAgain, now + HANG_UP_UNHEARD);
            }
            if self.track(leg).is_doubted() {
                self.timers.set(Timer::Reason, now + REASON);
            }
        }
        self.end_if_clear();
    }

    fn end_if_clear(&mut self) {
        if !self.busy.is_alive() && !self.drop.is_alive() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Phase::Clearing { outcome } = self.phase {
            self.phase = Phase::Ended { outcome };
            self.timers.clear();
        }
    }

    /// Asks for the end of a leg that lives, once.
    fn hang_up(&mut self, leg: Leg, now: Instant) {
        let track = self.track_mut(leg);
        if !track.is_alive() || track.is_leaving() {
            return;
        }
        track.hang_up = HangUp::Asked;
        self.ask_hang_up(leg, now);
        self.tell(
            by_leg(leg, Milestone::BusyHungUp, Milestone::DropHungUp),
            now,
        );
    }

    fn ask_hang_up(&mut self, leg: Leg, now: Instant) {
        self.commands.push_back(Command::HangUp(leg));
        self.timers.set(Timer::HangUpAgain, now + HANG_UP_UNHEARD);
    }

    fn hang_up_again(&mut self, now: Instant) {
        for leg in Leg::BOTH {
            if self.track(leg).is_leaving() && self.track(leg).is_alive() {
                self.ask_hang_up(leg, now);
            }
        }
    }

    /// Takes note that the channel exists; returns whether the event may count.
    fn shows_life(&mut self, leg: Leg, now: Instant) -> bool {
        let track = self.track_mut(leg);
        match track.stage {
            Stage::Idle | Stage::Gone => false,
            // The PBX had denied it, and here it is.
            Stage::Absent => {
                track.stage = Stage::Dialled;
                track.doubt = Doubt::Sure;
                track.hang_up = HangUp::Asked;
                self.ask_hang_up(leg, now);
                false
            }
            Stage::Dialled | Stage::Alerting | Stage::Up => {
                track.originate = Originate::Settled;
                true
            }
        }
    }

    fn tell(&mut self, event: Milestone, now: Instant) {
        let at = now.saturating_duration_since(self.started);
        self.timeline.push(Moment { at, event });
    }

    const fn track(&self, leg: Leg) -> &Track {
        match leg {
            Leg::Busy => &self.busy,
            Leg::Drop => &self.drop,
        }
    }

    const fn track_mut(&mut self, leg: Leg) -> &mut Track {
        match leg {
            Leg::Busy => &mut self.busy,
            Leg::Drop => &mut self.drop,
        }
    }
}

const fn by_leg(leg: Leg, busy: Milestone, drop: Milestone) -> Milestone {
    match leg {
        Leg::Busy => busy,
        Leg::Drop => drop,
    }
}

/// How long the PBX may take to say that it plays: two requests, each with its own shorter limit, come before it.
const PLAY_START: Duration = Duration::from_secs(25);

/// How long after the message's length a playback that has not ended is given up. Below the five seconds after which
/// the PBX ends the leg by itself.
const PLAYBACK_OVERDUE: Duration = Duration::from_secs(3);

/// By how much a playback may fall short of the message's length and still count as whole: the silence that every
/// prepared message ends in.
const PLAYED_TOLERANCE: Duration = Duration::from_millis(200);

/// How long to wait for the event that explains what has just been seen. Asterisk sends them back to back.
const REASON: Duration = Duration::from_secs(1);

/// When a hang-up that the PBX refused is asked for once more.
const HANG_UP_REFUSED: Duration = Duration::from_millis(500);

/// When a hang-up is asked for once more because nobody told of the leg's end.
const HANG_UP_UNHEARD: Duration = Duration::from_secs(3);

/// How long a decided drop waits for the end of its legs. After it the PBX's own limits and the sweep end them.
const CLEARING: Duration = Duration::from_secs(15);
