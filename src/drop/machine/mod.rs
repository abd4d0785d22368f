//! One drop as a state machine.
//!
//! ```text
//!  Lead ──lead over──> Dialling ──answered──> Answered ──in our app──> Screening
//!    └───busy leg answered, promoted────────────^                          │ machine
//!                                    Playing <──started── Starting <──ready── Awaiting <─┐
//!                                       ├──ended oddly──> Explaining                      │
//!                                       └──first beep came late ─────────────────────────┘
//!  from everywhere: Clearing (hang up what is left, wait until the PBX says it is gone) ──> Ended
//! ```
//!
//! If our own ears listen, the live leg is in the dialplan's `AudioSocket()` while it is screened, awaited and played to:
//! we hear and speak on its audio connection. When that ends, the leg comes back into our app, and the dialplan goes on.
//!
//! The steps themselves are in `calling` (until the answer), `playing` (from the verdict to the message's end), `speaking`
//! (the message that we send ourselves), `hearing` (what only our own ears say), `returning` (when the audio connection
//! ends), `holding` (a far end that holds the call), `screened` (a call screener), `adopted` (a call that an agent hands over) and
//! `ending` (ends of legs, refusals, deadlines, the way out).
//!
//! A call that an agent hands over is up from the start: its drop begins in Screening, or Awaiting, with one leg.

mod adopted;
mod calling;
mod ending;
mod hearing;
mod holding;
mod playing;
mod returning;
mod screened;
mod speaking;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    event::{Command, Event, PbxTime, Seen},
    leg_state::{HangUp, LegStage, LegState, Originate},
    outcome::{EndedBy, Outcome},
    plan::{Mode, Plan, Technique, Voice},
    proof::{Attention, Flaws, Grounds, Ready},
    report::{Milestone, Moment, Report},
    timer::{Timer, Timers},
    unanswered::OutcomeReason,
};
use crate::{
    id::Play,
    words::{Leg, Verdict},
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
    phase: DropPhase,
    busy: LegState,
    drop: LegState,
    link: EventLink,
    ears: Ears,
    /// The leg that left our app to be listened to is back in it.
    returned: bool,
    /// The play that we send, as long as we do.
    speaking: Option<Play>,
    /// The last play, if it was ours to send.
    sent: Option<Play>,
    /// A voice was heard over the message, and it is not known yet whose.
    interrupted: bool,
    /// The prompt that answers a call screener was asked for; it is said once.
    prompted: bool,
    /// How far a call that is given back has come.
    giving_back: GivingBack,
    timers: Timers,
    commands: VecDeque<Command>,
    timeline: Vec<Moment>,
    polled: usize,
    plays: u32,
    found: Findings,
}

/// The phase of the drop, with what only this phase knows.
#[derive(Clone, Copy, Debug)]
enum DropPhase {
    /// The busy leg is dialled, the drop leg is not.
    Lead,
    /// The drop leg is dialled and not answered.
    Dialling,
    /// The live leg is up, but not yet ours to steer.
    Answered { live: Leg },
    /// The live leg is being screened.
    Screening { live: Leg },
    /// It is to be played to, from its ready point on.
    Awaiting {
        live: Leg,
        /// The ready point came, and the play waits: for the event link, for the end of a hold, or for the leg's return.
        ready: Option<Ready>,
    },
    /// The play was asked for.
    Starting {
        live: Leg,
        play: Play,
        asked: Instant,
        by: Voice,
    },
    /// The message is being played.
    Playing {
        live: Leg,
        play: Play,
        since: Instant,
        by: Voice,
        /// The PBX's own time of the start, if it plays and said so.
        pbx: Option<PbxTime>,
    },
    /// The playback ended too early, or a request found the leg in another state than it was in; the next event says
    /// whether the far end was the reason.
    Explaining {
        live: Leg,
        /// The outcome if no event explains it.
        otherwise: Outcome,
    },
    /// All is decided; the legs that are left are being hung up.
    Clearing { outcome: Outcome },
    /// No leg is left.
    Ended { outcome: Outcome },
}

/// Whether we hear what happens on the PBX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EventLink {
    Up,
    /// It broke, and what happened meanwhile has not been read yet. Events may flow again already.
    Lost,
}

/// Who listens to the live leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ears {
    /// The dialplan, from the start.
    Dialplan,
    /// We do: verdict, ready point, and what happens while the message plays.
    Ours,
    /// We did. The audio connection has ended, and the leg is on its way back into our app.
    Returning(Parting),
    /// The dialplan, since the audio connection ended.
    Parted(Parting),
}

/// Why our own ears listen no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    /// The connection was lost.
    Lost,
    /// We ended it, so that the PBX can play what only it has.
    Released,
}

/// How far a call that an agent handed over, and in which a person is, has come on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GivingBack {
    /// It is not given back.
    No,
    /// Its audio connection is being ended, so that it comes into our app.
    Releasing(Leg),
    /// The PBX was asked to take it.
    Asked(Leg),
    /// That has failed, and it is hung up.
    Kept,
}

/// What was found out, for the report.
#[derive(Clone, Debug, Default)]
struct Findings {
    verdict: Option<Verdict>,
    amd_cause: Option<String>,
    reasons: Option<String>,
    /// The last ready point that was acted on.
    ready: Option<Ready>,
    promoted: bool,
    /// When the last play was asked for.
    play_asked: Option<Instant>,
    /// Of the last play.
    played: Duration,
    /// The longest of any play.
    heard: Duration,
    /// What weakens the last play as a proof.
    flaws: Flaws,
    ended_by: Option<EndedBy>,
    reason: Option<OutcomeReason>,
    words: Option<String>,
}

impl VoicemailDrop {
    /// A drop that starts at `now`; its first command is ready to be polled.
    pub fn new(plan: Plan, now: Instant) -> Self {
        let mut this = Self {
            started: now,
            phase: DropPhase::Lead,
            busy: LegState::default(),
            drop: LegState::default(),
            link: EventLink::Up,
            returned: false,
            speaking: None,
            sent: None,
            interrupted: false,
            prompted: false,
            giving_back: GivingBack::No,
            ears: match plan.mode {
                Mode::Dialplan => Ears::Dialplan,
                Mode::Listen => Ears::Ours,
            },
            timers: Timers::default(),
            commands: VecDeque::new(),
            timeline: Vec::new(),
            polled: 0,
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
            Technique::Adopted => this.adopt(now),
        }
        this
    }

    /// Takes in something that happened. After the end, a leg that shows that it lives is hung up, and no more.
    pub fn handle_event(&mut self, event: Event, now: Instant) {
        self.take_in(event, now);
        self.dial_when_lead_is_over(now);
    }

    fn take_in(&mut self, event: Event, now: Instant) {
        if let Some(leg) = event.shows_alive()
            && !self.shows_life(leg, now)
        {
            return;
        }
        if matches!(self.phase, DropPhase::Ended { .. }) {
            return;
        }
        match event {
            // That the channel exists is all that it says.
            Event::Accepted(_) => {}
            Event::Progress(leg) => self.on_progress(leg, now),
            Event::Ringing(leg) => self.on_ringing(leg, now),
            Event::Redirected(leg) => self.on_redirected(leg, now),
            Event::Answered(leg) => self.on_answered(leg, now),
            Event::Entered(leg) => self.on_entered(leg, now),
            Event::Screened {
                leg,
                verdict,
                cause,
            } => self.on_screened(leg, verdict, cause, now),
            Event::Ready(leg, point) => {
                let at = now.saturating_duration_since(self.started);
                self.on_ready(leg, Ready::found(point, at), now);
            }
            Event::NotReady(leg) => self.on_not_ready(leg, now),
            Event::Intercepted { leg, sit, cause } => self.on_intercepted(leg, sit, cause, now),
            Event::Interrupted(leg) => self.on_interrupted(leg, now),
            Event::LateBeep(leg) => self.on_late_beep(leg, now),
            Event::LimitBeep(leg) => self.on_limit_beep(leg, now),
            Event::BeepWasRing(leg) => self.on_beep_was_ring(leg, now),
            Event::NoReason { leg, cause } => self.on_no_reason(leg, cause, now),
            Event::TapLost { leg, why: _ } => self.on_deaf(leg, now),
            Event::Returned(leg) => self.on_returned(leg, now),
            Event::NoAudio { leg, pbx_answers } => self.on_no_audio(leg, pbx_answers, now),
            Event::Held(leg) => self.on_held(leg, now),
            Event::Resumed(leg) => self.on_resumed(leg, now),
            Event::GivenBack(leg) => self.on_given_back(leg, now),
            Event::Speaking(play) => self.on_speaking(play, now),
            Event::Stumbled { play, gap } => self.on_stumbled(play, gap, now),
            Event::Spoken { play, spoken } => self.on_spoken(play, spoken, now),
            Event::PlaybackStarted { play, at } => self.on_playback_started(play, at, now),
            Event::PlaybackFinished { play, end, at } => {
                self.on_playback_finished(play, end, at, now);
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

    /// Ends the drop because the operator cancelled it.
    pub fn cancel(&mut self, now: Instant) {
        match self.phase {
            DropPhase::Clearing { .. } | DropPhase::Ended { .. } => {}
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Starting { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Explaining { .. } => {
                self.note_played(None, now);
                self.found.words = None;
                self.end_ourselves(Outcome::Cancelled, now);
            }
        }
    }

    /// The event link to the PBX broke, or is back and what happened meanwhile is about to be read: until
    /// [`Self::link_restored`] nothing is dialled and nothing is played.
    pub fn link_lost(&mut self, _now: Instant) {
        self.link = EventLink::Lost;
        if let DropPhase::Starting { .. } | DropPhase::Playing { .. } = self.phase {
            self.found.flaws.unwatched = true;
        }
        for leg in Leg::BOTH {
            self.leg_mut(leg).grow_old();
        }
    }

    /// The link is back: `seen` is what the PBX has of this drop, read after the last [`Self::link_lost`].
    ///
    /// A leg that the PBX does not have is gone, and how it ended will never be known, unless its originate was still
    /// unanswered when `seen` was read. A playback whose end was missed is not known to have been heard.
    pub fn link_restored(&mut self, seen: &Seen, now: Instant) {
        self.link = EventLink::Up;
        // What we send ourselves ends on its own connection, whatever was missed on the link.
        let missed = match self.phase {
            DropPhase::Starting { play, by, .. } | DropPhase::Playing { play, by, .. } => {
                (by == Voice::Pbx).then_some(play)
            }
            DropPhase::Lead
            | DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Awaiting { .. }
            | DropPhase::Explaining { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => None,
        };
        // What lives first: the drop must not end over one leg while the other is there.
        for (&leg, events) in &seen.legs {
            self.shows_life(leg, now);
            for event in events {
                self.take_in(event.clone(), now);
            }
        }
        for leg in Leg::BOTH {
            let state = self.leg(leg);
            if state.is_alive() && state.would_be_listed() && !seen.legs.contains_key(&leg) {
                self.conclude_absent(leg, now);
            }
            self.leg_mut(leg).grow_old();
        }
        match self.phase {
            // We send it ourselves, or the play of a ready point that was read just now has not begun.
            DropPhase::Starting { play, .. } | DropPhase::Playing { play, .. }
                if missed != Some(play) => {}
            DropPhase::Starting { play, .. } | DropPhase::Playing { play, .. }
                if !seen.plays.contains(&play) =>
            {
                self.note_played(None, now);
                self.lose(
                    "the end of the playback was missed while the event link was down",
                    now,
                );
            }
            DropPhase::Starting { asked, .. } => self.begin_to_play(asked, None, now),
            DropPhase::Awaiting { .. } => self.play_if_possible(now),
            DropPhase::Explaining { .. } => self.timers.set(Timer::Reason, now + ending::REASON),
            DropPhase::Lead => self.dial_when_lead_is_over(now),
            DropPhase::Dialling
            | DropPhase::Answered { .. }
            | DropPhase::Screening { .. }
            | DropPhase::Playing { .. }
            | DropPhase::Clearing { .. }
            | DropPhase::Ended { .. } => {}
        }
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// The next milestone that was not polled yet.
    pub fn poll_moment(&mut self) -> Option<Moment> {
        let moment = self.timeline.get(self.polled).copied()?;
        self.polled += 1;
        Some(moment)
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// How the drop ended, once no leg of it is left.
    pub fn outcome(&self) -> Option<Outcome> {
        if let DropPhase::Ended { outcome } = self.phase {
            Some(outcome)
        } else {
            None
        }
    }

    /// What is known of the drop, once it has ended.
    pub fn report(&self) -> Option<Report> {
        let outcome = self.outcome()?;
        let ended = |state: &LegState| state.was_dialled().then_some(state.cause);
        let (proof, proof_reasons) = self.grounds(outcome).judge();
        let heard = if outcome.is_no_mailbox() {
            self.found.heard
        } else {
            Duration::ZERO
        };
        Some(Report {
            outcome,
            reason: self.found.reason,
            verdict: self.found.verdict,
            amd_cause: self.found.amd_cause.clone(),
            reasons: self.found.reasons.clone(),
            promoted: self.found.promoted,
            ready_by: self.found.ready.map(|ready| ready.by),
            ready_at: self.found.ready.map(|ready| ready.at),
            beep: self.found.ready.and_then(|ready| ready.beep),
            played: self.found.played,
            restarts: self.restarts(),
            heard,
            proof,
            proof_reasons,
            ended_by: self.found.ended_by,
            words: self.found.words.clone(),
            busy: ended(&self.busy),
            drop: ended(&self.drop),
            timeline: self.timeline.clone(),
        })
    }

    fn grounds(&self, outcome: Outcome) -> Grounds {
        Grounds {
            outcome,
            ready: self.found.ready,
            played: self.found.played,
            length_known: self.plan.message.is_some(),
            attention: match self.ears {
                Ears::Dialplan => Attention::None,
                Ears::Returning(Parting::Lost) | Ears::Parted(Parting::Lost) => Attention::Lost,
                Ears::Returning(Parting::Released) | Ears::Parted(Parting::Released) => {
                    Attention::None
                }
                Ears::Ours => Attention::Quiet,
            },
            flaws: self.found.flaws,
            ended_by: self.found.ended_by,
        }
    }

    /// Takes note that the channel exists; returns whether what it does may count.
    fn shows_life(&mut self, leg: Leg, now: Instant) -> bool {
        if matches!(self.phase, DropPhase::Ended { .. }) {
            self.want_hang_up(leg);
            return false;
        }
        let link = self.link;
        let state = self.leg_mut(leg);
        match (state.stage, state.originate) {
            (LegStage::Gone, _) => false,
            (LegStage::Idle, Originate::Unanswered | Originate::Fresh | Originate::Settled) => {
                false
            }
            // The PBX had denied or refused it, and here it is.
            (LegStage::Absent, _) | (LegStage::Idle, Originate::Refused) => {
                state.revive();
                self.ask_hang_up(leg, now);
                false
            }
            (LegStage::Dialled | LegStage::Alerting | LegStage::Up, Originate::Unanswered) => {
                state.originate = match link {
                    EventLink::Up => Originate::Settled,
                    EventLink::Lost => Originate::Fresh,
                };
                // A hang-up sent before the PBX had made the channel found nothing to hang up.
                if state.hang_up == HangUp::Asked {
                    self.ask_hang_up(leg, now);
                }
                true
            }
            (
                LegStage::Dialled | LegStage::Alerting | LegStage::Up,
                Originate::Fresh | Originate::Settled | Originate::Refused,
            ) => true,
        }
    }

    /// How often the message has started again, or is about to.
    const fn restarts(&self) -> u32 {
        self.plays.saturating_sub(1)
    }

    fn record(&mut self, event: Milestone, now: Instant) {
        let at = now.saturating_duration_since(self.started);
        self.timeline.push(Moment { at, event });
    }

    const fn leg(&self, leg: Leg) -> &LegState {
        match leg {
            Leg::Busy => &self.busy,
            Leg::Drop => &self.drop,
        }
    }

    const fn leg_mut(&mut self, leg: Leg) -> &mut LegState {
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
