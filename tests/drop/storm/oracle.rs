//! What must hold of every drop, whatever happens to it: judged from what goes in and comes out, not from inside.

use std::time::{Duration, Instant};

use aftertone::{
    drop::{
        Begin, Command, EndedBy, Event, Milestone, Mode, Moment, Outcome, Plan, PlaybackEnd, Proof,
        ReadyPoint, RefusalKind, Report, SpokenEnd, Technique, Voice, WhenBusyLegAnswered,
        WhenScreened, WhenUnsure,
    },
    id::Play,
    words::{Leg, ReadyBy, Verdict},
};

use super::{handing::Handing, pbx::LATEST};
use crate::script;

/// What one drop was given in one step, and what followed.
pub(super) struct Step<'a> {
    pub(super) now: Instant,
    /// Whether the link is up when the step is over.
    pub(super) linked: bool,
    pub(super) events: &'a [Event],
    pub(super) commands: &'a [Command],
    pub(super) moments: &'a [Moment],
    pub(super) ended: &'a [Report],
}

/// Watches one drop.
pub(super) struct Oracle {
    plan: Plan,
    legs: [View; 2],
    started: Option<Instant>,
    first_progress: Option<Instant>,
    /// When the drop leg was dialled.
    drop_dialled: Option<Instant>,
    promoted: bool,
    /// The hang-up of the live leg, or of all legs, was asked for.
    decided: bool,
    screened: bool,
    /// The leg that our own ears listen to.
    listened: Option<Leg>,
    /// The ears hear no more: their connection was lost, or we let it end.
    deaf: bool,
    /// The leg came back into our app from its connection.
    returned: bool,
    /// The prompt for a call screener was said.
    prompted: bool,
    /// Something speaks against the current play as a proof.
    flawed: bool,
    /// The dialplan has the leg, or had it last.
    in_dialplan: bool,
    /// The dialplan is asked for the leg in this step.
    in_dialplan_now: bool,
    play: Option<Play>,
    /// The current play was asked for, and nothing of it was played.
    unbegun: bool,
    /// Nothing of the current play is heard any more: it was stopped, or is over.
    is_silent: bool,
    /// The current play is known to have been whole.
    done: bool,
    /// Our ears heard it when that was said.
    heard_whole: bool,
    milestones: Vec<Moment>,
    ended: bool,
    /// Of a call that an agent hands over.
    handing: Option<Handing>,
}

/// One leg as it is seen from outside.
#[derive(Default)]
struct View {
    dialled: bool,
    /// The PBX certainly did not dial it.
    refused: bool,
    /// The originate was answered, in words or by the channel.
    settled: bool,
    answered: bool,
    verdict: Option<Verdict>,
    /// An event said that a machine answered.
    machine: bool,
    /// An event said that nothing was heard.
    silent: bool,
    /// Our ears heard a call screener.
    screener: bool,
    human: bool,
    /// Our ears found that it is no mailbox.
    disowned: bool,
    ready: bool,
    far_end: bool,
    held: bool,
    /// The PBX reported its end.
    gone: bool,
    /// Its end was concluded by the drop.
    concluded: bool,
    asked: bool,
}

impl View {
    const fn is_up_for_all_we_know(&self) -> bool {
        self.dialled && !self.refused && !self.gone && !self.concluded
    }
}

/// How long a drop may live at most: every wait of its plan, once, with those of the core (until the PBX plays, until a
/// playback is overdue, for two explanations, for the end of its legs). If the link is away at the end of the lead, it
/// is waited for as long as for an answer.
fn lifetime(plan: &Plan) -> Duration {
    let lead = match plan.technique {
        Technique::Double => plan.lead + plan.answer_timeout,
        Technique::Single | Technique::Adopted => Duration::ZERO,
    };
    // Standstills make the message longer, and an odd end may wait for the link.
    let core = Duration::from_secs(25 + 3 + 2 + 15 + 5 + 30 + 60);
    let again = plan.ready_timeout + Duration::from_secs(25 + 3) + plan.message_limit();
    let restarts = again * plan.max_restarts;
    lead + plan.answer_timeout + plan.screening_timeout + plan.message_limit() + restarts + core
}

impl Oracle {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            handing: Handing::of(&plan),
            plan,
            legs: [View::default(), View::default()],
            started: None,
            first_progress: None,
            drop_dialled: None,
            promoted: false,
            decided: false,
            screened: false,
            listened: None,
            deaf: false,
            returned: false,
            prompted: false,
            flawed: false,
            in_dialplan: false,
            in_dialplan_now: false,
            play: None,
            unbegun: false,
            is_silent: false,
            done: false,
            heard_whole: false,
            milestones: Vec::new(),
            ended: false,
        }
    }

    pub(super) fn see(&mut self, step: &Step<'_>) -> Result<(), String> {
        let mut due = Vec::new();
        self.adopt(step);
        // A list of channels can say in one breath that it is unknown who answered, for which the dialplan is asked to
        // wait, and that it has waited.
        self.in_dialplan_now = step
            .commands
            .iter()
            .any(|command| matches!(command, Command::AwaitReady(_)));
        self.flawed |= !step.linked && !self.done;
        let voice = self.voice_over_message(step);
        for event in step.events {
            self.hear(event, step.now, &mut due);
        }
        let alerting = step.events.iter().any(|event| self.is_alerting(event));
        let release_due = alerting
            && self.leg(Leg::Drop).is_up_for_all_we_know()
            && self.leg(Leg::Busy).is_up_for_all_we_know()
            && !self.leg(Leg::Busy).asked
            && !self.ended;
        // An end that is concluded in the same step comes after the dialling, if two deadlines were noticed at once.
        for &command in step.commands {
            if let Command::Dial(leg) = command {
                self.check_dial(leg, step)
                    .map_err(|fault| format!("dial {leg}: {fault}"))?;
            }
        }
        for moment in step.moments {
            self.note(*moment)?;
        }
        for &command in step.commands {
            self.check(command, step, alerting)
                .map_err(|fault| format!("{}: {fault}", script::command_words(command)))?;
        }
        if release_due && !self.promoted {
            due.push(Leg::Busy);
        }
        // One leg goes live: the other is hung up, whether it rings or is up.
        let promoted_now = step.moments.iter().any(|m| m.event == Milestone::Promoted);
        if promoted_now && self.leg(Leg::Drop).is_up_for_all_we_know() {
            due.push(Leg::Drop);
        }
        for leg in due {
            if !step.commands.contains(&Command::HangUp(leg)) {
                return Err(format!("the {leg} leg is not hung up at once"));
            }
        }
        let waited = self.plan.release_on_progress.zip(self.first_progress);
        if let Some((wait, since)) = waited
            && step.now > since + wait + LATEST
            && self.leg(Leg::Busy).is_up_for_all_we_know()
            && !(self.leg(Leg::Busy).asked || self.promoted || self.ended)
        {
            return Err("the busy leg was not released after the wait for ringing".into());
        }
        if let Some(handing) = &mut self.handing {
            handing.see(step)?;
        }
        if let Some(play) = voice {
            let silenced = step.commands.iter().any(|command| {
                *command == Command::Hush(play)
                    || *command == Command::StopPlay(play)
                    || matches!(command, Command::HangUp(_))
            });
            ensure(silenced, "goes on with the message to a person")?;
        }
        for report in step.ended {
            self.end(report, step.now)?;
        }
        Ok(())
    }

    /// A call that an agent hands over is up when the drop begins.
    fn adopt(&mut self, step: &Step<'_>) {
        let taken = |moment: &Moment| moment.event == Milestone::DropAnswered;
        if self.handing.is_none() || self.started.is_some() || !step.moments.iter().any(taken) {
            return;
        }
        self.started = Some(step.now);
        let says = self.plan.mode == Mode::Dialplan || self.plan.adoption.begin == Begin::AtOnce;
        let at_once = self.plan.mode == Mode::Dialplan && self.plan.adoption.begin == Begin::AtOnce;
        let view = self.leg_mut(Leg::Drop);
        view.dialled = true;
        view.settled = true;
        view.answered = true;
        // The agent has heard that it is a mailbox, and may have heard its beep.
        view.verdict = says.then_some(Verdict::Machine);
        view.machine = says;
        view.ready = at_once;
    }

    /// The message that plays while our ears hear a person for the first time.
    fn voice_over_message(&self, step: &Step<'_>) -> Option<Play> {
        let listened = self.listened.filter(|_| !self.deaf && !self.done)?;
        let play = self
            .play
            .filter(|_| !self.ended && !self.decided && !self.is_silent)?;
        let is_voice = |event: &Event| matches!(event, Event::Screened { leg, verdict: Verdict::Human, .. } if *leg == listened);
        (!self.leg(listened).human && step.events.iter().any(is_voice)).then_some(play)
    }

    pub(super) fn close(&self) -> Result<(), String> {
        if self.ended {
            Ok(())
        } else {
            Err("has not ended".into())
        }
    }

    /// Takes in what the drop is given; `due` are the legs that have to be hung up for it at once.
    fn hear(&mut self, event: &Event, now: Instant, due: &mut Vec<Leg>) {
        if let Some(leg) = event.shows_alive() {
            let (ended, view) = (self.ended, self.leg_mut(leg));
            if ended {
                due.push(leg);
            } else if view.dialled && !view.gone && (view.concluded || view.refused) {
                // It lives although it was denied or refused.
                due.push(leg);
                view.concluded = false;
                view.refused = false;
                view.asked = true;
            }
            let view = self.leg_mut(leg);
            view.settled |= view.dialled;
        }
        let play = self.play;
        let listens = self.plan.mode == Mode::Listen;
        match event {
            Event::Answered(leg) | Event::Entered(leg) => {
                let view = self.leg_mut(*leg);
                if view.is_up_for_all_we_know() && !view.answered {
                    view.answered = true;
                    // A CANCEL that crossed the 200 OK.
                    if view.asked {
                        due.push(*leg);
                    }
                }
            }
            Event::Progress(Leg::Drop) => {
                let counts = self.leg(Leg::Drop).is_up_for_all_we_know();
                if counts && self.leg(Leg::Busy).is_up_for_all_we_know() {
                    self.first_progress.get_or_insert(now);
                }
            }
            Event::Screened { leg, verdict, .. } => {
                // A leg that was not sent to our ears yet is not heard by them.
                let hears = !listens || self.listened == Some(*leg);
                let says = self.plan.when_screened == WhenScreened::Say;
                let view = self.leg_mut(*leg);
                if view.answered {
                    view.verdict.get_or_insert(*verdict);
                    view.machine |= *verdict == Verdict::Machine;
                    view.silent |= *verdict == Verdict::Silence;
                    view.human |= *verdict == Verdict::Human && hears;
                    view.screener |= *verdict == Verdict::Screening && hears;
                    view.disowned |= listens
                        && match verdict {
                            Verdict::Fax | Verdict::Sit | Verdict::Menu => true,
                            // It may have been answered.
                            Verdict::Screening => !says,
                            Verdict::Machine
                            | Verdict::Human
                            | Verdict::Unsure
                            | Verdict::Silence => false,
                        };
                }
            }
            Event::Ready(leg, point) => {
                let from_dialplan = *point == ReadyPoint::Dialplan;
                let fit = match self.plan.mode {
                    Mode::Dialplan => true,
                    Mode::Listen if from_dialplan => self.in_dialplan || self.in_dialplan_now,
                    Mode::Listen => !self.in_dialplan,
                };
                let view = self.leg_mut(*leg);
                view.ready |= view.verdict.is_some() && fit;
            }
            Event::Intercepted { leg, .. } => {
                let view = self.leg_mut(*leg);
                if view.answered {
                    view.verdict.get_or_insert(Verdict::Sit);
                    view.disowned |= listens;
                }
            }
            Event::TapLost { leg, .. } => self.deaf |= self.listened == Some(*leg),
            Event::Returned(leg) => self.returned |= self.listened == Some(*leg),
            Event::Held(leg) => {
                self.leg_mut(*leg).held = true;
                self.flawed |= play.is_some() && !self.done;
            }
            Event::Resumed(leg) => self.leg_mut(*leg).held = false,
            Event::Speaking(which) => self.unbegun &= Some(*which) != play,
            Event::Stumbled { play: which, .. } => {
                self.flawed |= Some(*which) == play && !self.done;
            }
            Event::Spoken {
                play: which,
                spoken,
            } => {
                if Some(*which) == play {
                    self.is_silent = true;
                    let message = self.plan.message.unwrap_or_default();
                    let all = spoken.sent + Duration::from_millis(200) >= message;
                    let whole = spoken.end == SpokenEnd::Whole && all;
                    self.flawed |= spoken.unheard >= Duration::from_secs(1) && !self.done;
                    self.done |= whole;
                    self.heard_whole |= whole && !self.deaf;
                }
            }
            Event::PlaybackFinished {
                play: which, end, ..
            } => {
                self.is_silent |= Some(*which) == play;
                self.done |= Some(*which) == play && *end == PlaybackEnd::Done;
            }
            // What was recorded before it is nothing, or unknown.
            Event::LateBeep(leg) | Event::Interrupted(leg) | Event::BeepWasRing(leg) => {
                let begun = play.is_some() && !self.unbegun;
                self.leg_mut(*leg).ready &= !begun;
            }
            Event::FarEndHungUp { leg, .. } => {
                let view = self.leg_mut(*leg);
                view.far_end |= view.is_up_for_all_we_know();
                view.settled |= view.dialled;
            }
            Event::Gone { leg, .. } => {
                let view = self.leg_mut(*leg);
                view.gone |= view.dialled && !view.refused;
                view.settled |= view.dialled;
            }
            Event::Refused {
                command: Command::Dial(leg),
                why,
            } => {
                let certain = match why.kind {
                    RefusalKind::NotFound
                    | RefusalKind::WrongState
                    | RefusalKind::Rejected
                    | RefusalKind::NotMade
                    | RefusalKind::Unreachable
                    | RefusalKind::TooLate => true,
                    RefusalKind::Failed | RefusalKind::NoReply => false,
                };
                let view = self.leg_mut(*leg);
                view.refused |= certain && view.dialled && !view.settled;
                view.settled |= view.dialled;
            }
            Event::Accepted(_)
            | Event::Progress(Leg::Busy)
            | Event::Ringing(_)
            | Event::Redirected(_)
            | Event::NotReady(_)
            | Event::NoAudio { .. }
            | Event::LimitBeep(_)
            | Event::NoReason { .. }
            | Event::PlaybackStarted { .. }
            | Event::Absent(_)
            | Event::GivenBack(_)
            | Event::Refused { .. } => {}
        }
    }

    /// Whether the drop leg shows that it was diverted, and the busy leg has done its work.
    fn is_alerting(&self, event: &Event) -> bool {
        match event {
            Event::Ringing(leg) | Event::Answered(leg) | Event::Entered(leg) => *leg == Leg::Drop,
            Event::Progress(leg) => {
                *leg == Leg::Drop && self.plan.release_on_progress == Some(Duration::ZERO)
            }
            Event::Accepted(_)
            | Event::Redirected(_)
            | Event::Screened { .. }
            | Event::Ready(..)
            | Event::NotReady(_)
            | Event::Intercepted { .. }
            | Event::Interrupted(_)
            | Event::LateBeep(_)
            | Event::LimitBeep(_)
            | Event::BeepWasRing(_)
            | Event::NoReason { .. }
            | Event::TapLost { .. }
            | Event::Returned(_)
            | Event::NoAudio { .. }
            | Event::Held(_)
            | Event::Resumed(_)
            | Event::Speaking(_)
            | Event::Stumbled { .. }
            | Event::Spoken { .. }
            | Event::PlaybackStarted { .. }
            | Event::PlaybackFinished { .. }
            | Event::FarEndHungUp { .. }
            | Event::Gone { .. }
            | Event::Absent(_)
            | Event::GivenBack(_)
            | Event::Refused { .. } => false,
        }
    }

    fn note(&mut self, moment: Moment) -> Result<(), String> {
        match moment.event {
            Milestone::Promoted => self.promoted = true,
            Milestone::BusyGone => self.conclude(Leg::Busy),
            Milestone::DropGone => self.conclude(Leg::Drop),
            Milestone::BusyDialled
            | Milestone::DropDialled
            | Milestone::BusyAlerting
            | Milestone::DropAlerting
            | Milestone::BusyHungUp
            | Milestone::BusyAnswered
            | Milestone::DropAnswered
            | Milestone::Verdict
            | Milestone::Ready
            | Milestone::PlayStarted
            | Milestone::PlayFinished
            | Milestone::PlayRestarted
            | Milestone::PromptStarted
            | Milestone::PromptFinished
            | Milestone::TapLost
            | Milestone::GivenBack
            | Milestone::DropHungUp => {}
        }
        if self
            .milestones
            .last()
            .is_some_and(|last| last.at > moment.at)
        {
            return Err("the timeline goes back".into());
        }
        self.milestones.push(moment);
        let once = [
            Milestone::BusyDialled,
            Milestone::DropDialled,
            Milestone::BusyHungUp,
            Milestone::DropHungUp,
            Milestone::Promoted,
            Milestone::PlayStarted,
            Milestone::PlayFinished,
            Milestone::PromptStarted,
            Milestone::PromptFinished,
            Milestone::TapLost,
        ];
        let told = |event| self.milestones.iter().filter(|m| m.event == event).count();
        if once.contains(&moment.event) && told(moment.event) > 1 {
            return Err(format!("{} twice", moment.event.as_str()));
        }
        let plays = 1 + usize::try_from(self.plan.max_restarts).unwrap();
        if told(Milestone::Ready) > plays || told(Milestone::PlayRestarted) >= plays {
            return Err("the message starts again more often than it may".into());
        }
        Ok(())
    }

    fn conclude(&mut self, leg: Leg) {
        let view = self.leg_mut(leg);
        view.concluded = !view.gone;
    }

    fn check(&mut self, command: Command, step: &Step<'_>, alerting: bool) -> Result<(), String> {
        let wants_more = match command {
            Command::Dial(_)
            | Command::Screen(_)
            | Command::Listen(_)
            | Command::AwaitReady(_)
            | Command::Speak(..)
            | Command::Say(_)
            | Command::Release(_)
            | Command::Play(..)
            | Command::GiveBack(_)
            | Command::StopPlay(_) => true,
            Command::Hush(_) | Command::HangUp(_) => false,
        };
        if wants_more && (self.ended || self.decided) {
            return Err("although all is decided".into());
        }
        match command {
            Command::Dial(_) => Ok(()),
            Command::Say(leg) => {
                let twice = std::mem::replace(&mut self.prompted, true);
                let says = self.plan.when_screened == WhenScreened::Say;
                let view = self.leg(leg);
                ensure(!twice, "twice")?;
                ensure(
                    says && self.plan.prompt.is_some(),
                    "by a plan that says nothing",
                )?;
                ensure(self.listened == Some(leg), "to a leg that we do not hear")?;
                ensure(view.screener && !view.human, "to no call screener")
            }
            Command::Screen(leg) => {
                let twice = std::mem::replace(&mut self.screened, true);
                self.in_dialplan = true;
                let view = self.leg(leg);
                ensure(!twice, "twice")?;
                ensure(
                    self.plan.mode == Mode::Dialplan
                        || (self.listened == Some(leg) && self.returned),
                    "although we listen",
                )?;
                ensure(view.answered && !view.asked, "without an answer")
            }
            Command::Listen(leg) => {
                let twice = self.listened.replace(leg).is_some();
                let view = self.leg(leg);
                ensure(!twice, "twice")?;
                ensure(self.plan.mode == Mode::Listen, "by a plan without ears")?;
                ensure(view.answered && !view.asked, "without an answer")
            }
            Command::AwaitReady(leg) => {
                let twice = std::mem::replace(&mut self.in_dialplan, true);
                let view = self.leg(leg);
                ensure(!twice, "although the leg is in the dialplan")?;
                ensure(view.verdict.is_some(), "without a verdict")
            }
            Command::Release(leg) => {
                let listens = self.listened == Some(leg) && !self.deaf;
                self.deaf = true;
                // An agent is to have the call again in which a person is.
                let gives_back = self.handing.is_some();
                ensure(listens, "that we do not listen to")?;
                ensure(
                    self.plan.voice == Voice::Pbx || gives_back,
                    "although we have the message",
                )
            }
            Command::Speak(leg, play) => {
                let listens = self.listened == Some(leg) && !self.deaf && !self.returned;
                ensure(listens, "to a leg without a connection")?;
                ensure(self.plan.voice == Voice::Ours, "without the message")?;
                // A message with a gap starts again by itself.
                let again = step
                    .events
                    .iter()
                    .any(|e| matches!(e, Event::Stumbled { .. }));
                ensure(step.linked || again, "while the link is lost")?;
                self.check_play(leg, play)
            }
            Command::Hush(Play::PROMPT) => ensure(self.prompted, "that was not asked for"),
            Command::Hush(play) => {
                self.is_silent = true;
                ensure(self.play == Some(play), "that was not asked for")
            }
            Command::Play(leg, play) => {
                let in_app = self.plan.mode == Mode::Dialplan || self.returned || self.in_dialplan;
                ensure(in_app, "to a leg that is not in our app")?;
                ensure(step.linked, "while the link is lost")?;
                self.check_play(leg, play)
            }
            Command::StopPlay(play) => {
                self.is_silent = true;
                ensure(self.play == Some(play), "that was not asked for")
            }
            Command::GiveBack(leg) => {
                let in_app = self.plan.mode == Mode::Dialplan || self.returned || self.in_dialplan;
                // Nothing more becomes of it here.
                self.decided = true;
                ensure(self.handing.is_some(), "a call of ours")?;
                ensure(in_app, "that is not in our app")?;
                ensure(!self.leg(leg).asked, "that was hung up")
            }
            Command::HangUp(leg) => {
                self.check_hang_up(leg, step, alerting);
                let ended = self.ended || !step.ended.is_empty();
                ensure(
                    self.leg(leg).dialled || ended,
                    "of a leg that was never dialled",
                )
            }
        }
    }

    /// What has to hold of a play, whichever side plays.
    fn check_play(&mut self, leg: Leg, play: Play) -> Result<(), String> {
        let before = self.play.replace(play).map_or(0, |play| play.0);
        let again = std::mem::replace(&mut self.unbegun, true) && play.0 == before;
        self.done = false;
        self.is_silent = false;
        self.heard_whole = false;
        self.flawed = false;
        let view = self.leg(leg);
        let fit = match view.verdict {
            _ if view.machine => true,
            _ if view.silent => self.plan.when_unsure == WhenUnsure::Play,
            Some(Verdict::Unsure | Verdict::Silence) => self.plan.when_unsure == WhenUnsure::Play,
            Some(
                Verdict::Machine
                | Verdict::Human
                | Verdict::Fax
                | Verdict::Sit
                | Verdict::Menu
                | Verdict::Screening,
            )
            | None => false,
        };
        // Our own ears need no other ready point than the silence that they have heard.
        let silent = view.silent && self.listened == Some(leg);
        ensure(play.0 == before + 1 || again, "out of its order")?;
        ensure(
            play.0 <= self.plan.max_restarts + 1,
            "more often than it may start",
        )?;
        ensure(view.answered, "without an answer")?;
        ensure(fit && !view.human, "without a machine's verdict")?;
        ensure(view.ready || silent, "without a ready point")?;
        ensure(!view.held, "to a leg that is held")?;
        ensure(
            !view.asked && !view.gone && !view.far_end,
            "to a leg that has ended",
        )
    }

    fn check_dial(&mut self, leg: Leg, step: &Step<'_>) -> Result<(), String> {
        let started = *self.started.get_or_insert(step.now);
        let double = self.plan.technique == Technique::Double;
        let busy = self.leg(Leg::Busy);
        ensure(!self.ended && !self.decided, "although all is decided")?;
        ensure(step.linked, "while the link is lost")?;
        ensure(!self.leg(leg).dialled, "twice")?;
        match leg {
            Leg::Busy => ensure(double, "of a single call")?,
            Leg::Drop if double => {
                let hung_up = busy.asked || busy.gone || busy.refused || busy.concluded;
                let go_on = self.plan.when_busy_leg_answered == WhenBusyLegAnswered::Continue;
                ensure(busy.dialled, "before the busy leg")?;
                ensure(
                    step.now >= started + self.plan.lead,
                    "before the lead is over",
                )?;
                ensure(
                    !hung_up || (go_on && busy.answered),
                    "although the busy leg failed",
                )?;
                ensure(busy.settled, "before the PBX has answered for the busy leg")?;
                ensure(!self.promoted, "although the busy leg was promoted")?;
                self.drop_dialled = Some(step.now);
            }
            Leg::Drop => {}
        }
        self.leg_mut(leg).dialled = true;
        Ok(())
    }

    /// Takes note of a hang-up; one of a busy leg that has no reason of its own means that all is decided.
    fn check_hang_up(&mut self, leg: Leg, step: &Step<'_>, alerting: bool) {
        let answered = step
            .events
            .iter()
            .any(|e| matches!(e, Event::Answered(Leg::Busy) | Event::Entered(Leg::Busy)));
        let refused = step
            .events
            .iter()
            .any(|e| matches!(e, Event::Refused { command: Command::Dial(of), .. } if *of == leg));
        let go_on = self.plan.when_busy_leg_answered == WhenBusyLegAnswered::Continue;
        let waited = self.plan.release_on_progress.zip(self.first_progress);
        let waited = waited.is_some_and(|(wait, since)| step.now >= since + wait);
        let unheard = self.plan.release_when_unheard.zip(self.drop_dialled);
        let unheard = unheard.is_some_and(|(wait, since)| step.now >= since + wait);
        let dropped = self.leg(Leg::Drop).dialled;
        let precaution = self.leg(leg).concluded;
        let of_its_own = match leg {
            Leg::Busy if self.promoted => false,
            Leg::Busy => {
                (dropped && (alerting || waited || unheard || refused || precaution))
                    || (go_on && answered)
            }
            Leg::Drop => self.promoted,
        };
        if !self.leg(leg).asked && !of_its_own {
            self.decided = true;
        }
        self.leg_mut(leg).asked = true;
    }

    fn end(&mut self, report: &Report, now: Instant) -> Result<(), String> {
        ensure(!self.ended, "ended twice")?;
        self.ended = true;
        for leg in Leg::BOTH {
            let view = self.leg(leg);
            let dialled = view.dialled && !view.refused;
            let given_back = self.handing.as_ref().is_some_and(Handing::is_given_back);
            if dialled && !view.gone && !view.asked && !given_back {
                return Err(format!("ended, and the {leg} leg was left up"));
            }
            if report.leg(leg).is_some() != dialled {
                return Err(format!(
                    "the report is wrong about whether the {leg} leg was dialled"
                ));
            }
        }
        let took = now - self.started.unwrap_or(now);
        ensure(
            took <= lifetime(&self.plan) + LATEST * 9,
            "outlived its lifetime",
        )?;
        let played = self.play.is_some();
        let human = report.verdict == Some(Verdict::Human);
        ensure(
            report.timeline == self.milestones,
            "reports another timeline",
        )?;
        ensure(report.promoted == self.promoted, "is wrong about promotion")?;
        ensure(
            report.restarts <= self.play.map_or(0, |play| play.0 - 1),
            "counts restarts that were none",
        )?;
        ensure(
            played || report.played.is_zero(),
            "played without asking for it",
        )?;
        ensure(
            human == (report.outcome == Outcome::Human),
            "is wrong about a person",
        )?;
        self.check_proof(report)?;
        match report.outcome {
            Outcome::Delivered => {
                // What is missing then is the silence at its end.
                let left = report.ended_by == Some(EndedBy::FarEnd);
                ensure(
                    played && (self.done || left),
                    "delivered without an end of the playback",
                )?;
                let whole = self
                    .plan
                    .message
                    .is_none_or(|message| report.played == message);
                ensure(whole, "delivered a part")
            }
            Outcome::CutOff => ensure(!report.played.is_zero(), "cut off before it played"),
            Outcome::Human => Ok(()),
            Outcome::NotVoicemail
            | Outcome::InvalidNumber
            | Outcome::Congestion
            | Outcome::Failed => {
                let legs = Leg::BOTH.map(|leg| self.leg(leg));
                let disowned = legs.iter().any(|leg| leg.disowned || leg.screener);
                ensure(disowned || report.played.is_zero(), "played all the same")
            }
            Outcome::HungUp
            | Outcome::Unsure
            | Outcome::NoAnswer
            | Outcome::Busy
            | Outcome::Rejected => ensure(report.played.is_zero(), "played all the same"),
            Outcome::Cancelled | Outcome::Lost | Outcome::Error => Ok(()),
        }
    }

    /// A proof claims no more than what was reported.
    fn check_proof(&self, report: &Report) -> Result<(), String> {
        let delivered = report.outcome == Outcome::Delivered;
        ensure(
            delivered == (report.proof != Proof::Unproven),
            "proves what was not delivered, or does not say that it was",
        )?;
        ensure(!report.proof_reasons.is_empty(), "gives no reason")?;
        let by_beep = report.ready_by == Some(ReadyBy::Beep);
        ensure(by_beep == report.beep.is_some(), "is wrong about a beep")?;
        let ready = report.ready_by.is_some();
        ensure(ready == report.ready_at.is_some(), "is ready at no time")?;
        if let Some(beep) = report.beep {
            let order = beep.start <= beep.end && Some(beep.end) <= report.ready_at;
            ensure(order, "was ready before the beep")?;
        }
        let no_mailbox = matches!(report.outcome, Outcome::Human | Outcome::NotVoicemail);
        ensure(
            report.heard.is_zero() || (no_mailbox && report.heard >= report.played),
            "is wrong about what was heard",
        )?;
        if report.proof != Proof::Proven {
            return Ok(());
        }
        ensure(by_beep, "proven without a beep")?;
        ensure(self.heard_whole, "proven although nobody heard it")?;
        ensure(!self.flawed, "proven although something speaks against it")?;
        ensure(self.plan.message.is_some(), "proven to an unknown length")?;
        ensure(report.ended_by == Some(EndedBy::Us), "proven though cut")?;
        let began = self.milestones.iter().rev().find(|moment| {
            matches!(
                moment.event,
                Milestone::PlayStarted | Milestone::PlayRestarted
            )
        });
        let after = report.beep.zip(began);
        ensure(
            after.is_some_and(|(beep, began)| began.at >= beep.end),
            "proven although it began before the beep's end",
        )
    }

    const fn leg(&self, leg: Leg) -> &View {
        match leg {
            Leg::Busy => &self.legs[0],
            Leg::Drop => &self.legs[1],
        }
    }

    const fn leg_mut(&mut self, leg: Leg) -> &mut View {
        match leg {
            Leg::Busy => &mut self.legs[0],
            Leg::Drop => &mut self.legs[1],
        }
    }
}

fn ensure(holds: bool, fault: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault.to_owned()) }
}
