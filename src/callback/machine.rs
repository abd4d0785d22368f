//! What follows from what a caller does.

use std::time::{Duration, Instant};

use super::{CallbackOutcome, CallbackPlan, CallbackPrompt, WhenSilent};
use crate::phone::{PhoneNumber, Rules};

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackInput {
    /// The call is answered, and prompts can be played.
    Answered,
    /// A prompt has begun to play.
    Began(CallbackPrompt),
    /// A prompt was played to its end.
    Played(CallbackPrompt),
    /// A prompt could not be played, or not to its end.
    NotPlayed(CallbackPrompt),
    /// A key: `0` to `9`, `*`, `#`, `A` to `D`.
    Key(char),
    /// The time of the last [`CallbackStep::Wait`] is over.
    Elapsed,
    /// Whether the number that was to be put on the list is on it.
    OptedOut(bool),
    /// Whether the call that was to be sent on has gone on.
    Connected(bool),
    /// The caller has hung up, or the call is lost.
    Gone,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackStep {
    /// A prompt begins, in the place of one that plays.
    Play(CallbackPrompt),
    /// What plays ends.
    Silence,
    /// [`CallbackInput::Elapsed`] is to come after this time, and no earlier one.
    Wait(Duration),
    /// A number is to be put on the do-not-call list.
    OptOut(PhoneNumber),
    /// The call is sent on; [`CallbackInput::Connected`] is to follow.
    Connect,
    /// The call is hung up.
    HangUp,
}

/// One call.
#[derive(Clone, Debug)]
pub struct CallbackMachine {
    plan: CallbackPlan,
    /// Who calls; `None` if that is withheld, or is no number.
    caller: Option<PhoneNumber>,
    rules: Rules,
    phase: CallPhase,
    /// How often the menu has begun.
    menus: u32,
    /// How often a number was asked for.
    entries: u8,
    /// What was typed and may be meant otherwise: it counts if it is typed once more.
    doubted: Option<PhoneNumber>,
    has_heard: bool,
    has_opted_out: bool,
    is_connected: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum CallPhase {
    Ringing,
    /// The menu plays, or a key is waited for.
    Menu,
    /// A number is typed.
    Typing(Entry),
    /// A number is being put on the list.
    OptingOut {
        /// Whether the caller is there to hear of it.
        is_there: bool,
    },
    /// The call is being sent on.
    Connecting,
    /// The last prompt plays.
    Last,
    Over,
}

/// A number on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    typed: String,
    /// The key for which it is asked for.
    asked_by: Option<char>,
    /// Until when that key, should it come again before any other, is no digit; `None` while the prompt has not begun.
    echoes_until: Option<Instant>,
}

impl Entry {
    /// Whether a key is the one that has led here once more: it bounced, was heard twice, or was pressed again because nothing
    /// could be heard yet.
    fn is_echo(&self, key: char, now: Instant) -> bool {
        self.asked_by == Some(key)
            && self.typed.is_empty()
            && self.echoes_until.is_none_or(|until| now < until)
    }
}

impl CallbackMachine {
    /// A call; `rules` say how a number is read that is typed.
    pub const fn new(plan: CallbackPlan, caller: Option<PhoneNumber>, rules: Rules) -> Self {
        Self {
            plan,
            caller,
            rules,
            phase: CallPhase::Ringing,
            menus: 0,
            entries: 0,
            doubted: None,
            has_heard: false,
            has_opted_out: false,
            is_connected: false,
        }
    }

    /// How it has ended, or would if it ended now.
    pub const fn outcome(&self) -> CallbackOutcome {
        if self.has_opted_out {
            CallbackOutcome::OptedOut
        } else if self.is_connected {
            CallbackOutcome::Connected
        } else if self.has_heard {
            CallbackOutcome::Listened
        } else {
            CallbackOutcome::HungUp
        }
    }

    /// Whether nothing more follows. A number that is being put on a list is still put there.
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, CallPhase::Over)
    }

    /// What follows from what has happened.
    pub fn on(&mut self, input: CallbackInput, now: Instant) -> Vec<CallbackStep> {
        match input {
            CallbackInput::Gone => {
                // Of a number that is being put on the list it is still to be heard whether it is.
                match &mut self.phase {
                    CallPhase::OptingOut { is_there } => *is_there = false,
                    CallPhase::Ringing
                    | CallPhase::Menu
                    | CallPhase::Typing(_)
                    | CallPhase::Connecting
                    | CallPhase::Last
                    | CallPhase::Over => self.phase = CallPhase::Over,
                }
                Vec::new()
            }
            CallbackInput::OptedOut(is_done) => self.on_opted_out(is_done),
            CallbackInput::Connected(is_done) => self.on_connected(is_done),
            CallbackInput::Answered => match self.phase {
                CallPhase::Ringing => self.menu(),
                CallPhase::Menu
                | CallPhase::Typing(_)
                | CallPhase::OptingOut { .. }
                | CallPhase::Connecting
                | CallPhase::Last
                | CallPhase::Over => Vec::new(),
            },
            CallbackInput::Began(prompt) => {
                self.on_begun(prompt, now);
                Vec::new()
            }
            CallbackInput::Played(prompt) => {
                self.has_heard |= prompt == CallbackPrompt::Menu && self.phase == CallPhase::Menu;
                self.on_played(prompt, now)
            }
            CallbackInput::NotPlayed(prompt) => self.on_played(prompt, now),
            CallbackInput::Key(key) => self.on_key(key, now),
            CallbackInput::Elapsed => self.on_elapsed(),
        }
    }

    fn menu(&mut self) -> Vec<CallbackStep> {
        self.phase = CallPhase::Menu;
        self.menus += 1;
        vec![CallbackStep::Play(CallbackPrompt::Menu)]
    }

    fn on_begun(&mut self, prompt: CallbackPrompt, now: Instant) {
        if let (CallPhase::Typing(entry), CallbackPrompt::WhichNumber) = (&mut self.phase, prompt) {
            entry.echoes_until.get_or_insert(now + ECHO);
        }
    }

    fn on_played(&mut self, prompt: CallbackPrompt, now: Instant) -> Vec<CallbackStep> {
        // One that could not begin is over all the same.
        self.on_begun(prompt, now);
        match (&self.phase, prompt) {
            (CallPhase::Menu, CallbackPrompt::Menu) => vec![CallbackStep::Wait(self.plan.wait)],
            (CallPhase::Typing(entry), CallbackPrompt::WhichNumber) if entry.typed.is_empty() => {
                vec![CallbackStep::Wait(self.plan.wait)]
            }
            (CallPhase::Last, CallbackPrompt::Removed | CallbackPrompt::Failed) => self.hang_up(),
            // One that was cut short by a key.
            _ => Vec::new(),
        }
    }

    fn on_key(&mut self, key: char, now: Instant) -> Vec<CallbackStep> {
        match &mut self.phase {
            CallPhase::Menu if key == self.plan.opt_out => match self.caller.clone() {
                Some(caller) => self.opt_out(caller),
                None => self.ask(Some(key)),
            },
            CallPhase::Menu if Some(key) == self.plan.connect => self.connect(),
            // A key that means nothing leaves the menu as it is: it may have been a slip.
            CallPhase::Menu => Vec::new(),
            CallPhase::Typing(entry) if entry.is_echo(key, now) => Vec::new(),
            CallPhase::Typing(entry) => match key {
                '#' => self.on_typed(Some(key)),
                '*' => self.ask(Some(key)),
                '0'..='9' if entry.typed.len() < LONGEST => {
                    entry.typed.push(key);
                    vec![CallbackStep::Silence, CallbackStep::Wait(NEXT_DIGIT)]
                }
                _ => Vec::new(),
            },
            CallPhase::Ringing
            | CallPhase::OptingOut { .. }
            | CallPhase::Connecting
            | CallPhase::Last
            | CallPhase::Over => Vec::new(),
        }
    }

    fn on_elapsed(&mut self) -> Vec<CallbackStep> {
        match &self.phase {
            CallPhase::Menu if self.menus < self.plan.times => self.menu(),
            CallPhase::Menu => match (self.plan.when_silent, self.plan.connect) {
                (WhenSilent::Connect, Some(_)) => self.connect(),
                (WhenSilent::Connect, None) | (WhenSilent::HangUp, _) => self.hang_up(),
            },
            CallPhase::Typing(_) => self.on_typed(None),
            CallPhase::Ringing
            | CallPhase::OptingOut { .. }
            | CallPhase::Connecting
            | CallPhase::Last
            | CallPhase::Over => Vec::new(),
        }
    }

    /// Asks for a number, if that was not asked too often.
    fn ask(&mut self, asked_by: Option<char>) -> Vec<CallbackStep> {
        if self.entries == MOST_ENTRIES {
            return self.last(CallbackPrompt::Failed);
        }
        self.entries += 1;
        self.phase = CallPhase::Typing(Entry {
            typed: String::new(),
            asked_by,
            echoes_until: None,
        });
        vec![CallbackStep::Play(CallbackPrompt::WhichNumber)]
    }

    /// Reads what was typed, ended by a key or because no digit followed. What may be another number than the one that is meant, or
    /// only its beginning, is asked for once more: a list is to have no stranger's number, and the caller's.
    fn on_typed(&mut self, ended_by: Option<char>) -> Vec<CallbackStep> {
        let CallPhase::Typing(entry) = &self.phase else {
            return Vec::new();
        };
        match self.read(&entry.typed, ended_by.is_some()) {
            Some((number, true)) => self.opt_out(number),
            Some((number, false)) if self.doubted.as_ref() == Some(&number) => self.opt_out(number),
            Some((number, false)) => {
                self.doubted = Some(number);
                self.ask(ended_by)
            }
            None => self.ask(ended_by),
        }
    }

    /// What was typed as a number, and whether it is certain that this one is meant: as it is dialled at home or, if it was ended by
    /// a key, with the country's code.
    fn read(&self, typed: &str, is_ended: bool) -> Option<(PhoneNumber, bool)> {
        let (number, is_whole) = match PhoneNumber::parse(typed, self.rules) {
            Ok(number) => {
                let is_whole = is_ended || !number.may_go_on();
                (number, is_whole)
            }
            Err(_) if is_ended => (
                PhoneNumber::parse(&format!("+{typed}"), self.rules).ok()?,
                true,
            ),
            Err(_) => return None,
        };
        // The key that was to lead to the question may have become the first digit of the answer.
        let rest = typed.strip_prefix(self.plan.opt_out);
        let rest = rest.and_then(|rest| PhoneNumber::parse(rest, self.rules).ok());
        let is_another = self.entries == 1 && rest.is_some_and(|rest| rest != number);
        Some((number, is_whole && !is_another))
    }

    fn opt_out(&mut self, number: PhoneNumber) -> Vec<CallbackStep> {
        self.phase = CallPhase::OptingOut { is_there: true };
        vec![CallbackStep::Silence, CallbackStep::OptOut(number)]
    }

    fn on_opted_out(&mut self, is_done: bool) -> Vec<CallbackStep> {
        let CallPhase::OptingOut { is_there } = self.phase else {
            return Vec::new();
        };
        self.has_opted_out |= is_done;
        if !is_there {
            self.phase = CallPhase::Over;
            return Vec::new();
        }
        self.last(if is_done {
            CallbackPrompt::Removed
        } else {
            CallbackPrompt::Failed
        })
    }

    fn last(&mut self, prompt: CallbackPrompt) -> Vec<CallbackStep> {
        self.phase = CallPhase::Last;
        vec![CallbackStep::Play(prompt)]
    }

    fn connect(&mut self) -> Vec<CallbackStep> {
        self.phase = CallPhase::Connecting;
        vec![CallbackStep::Silence, CallbackStep::Connect]
    }

    fn on_connected(&mut self, is_done: bool) -> Vec<CallbackStep> {
        if self.phase != CallPhase::Connecting {
            return Vec::new();
        }
        if !is_done {
            return self.hang_up();
        }
        self.phase = CallPhase::Over;
        self.is_connected = true;
        Vec::new()
    }

    fn hang_up(&mut self) -> Vec<CallbackStep> {
        self.phase = CallPhase::Over;
        vec![CallbackStep::HangUp]
    }
}

/// How long the next digit of a number is waited for.
pub(super) const NEXT_DIGIT: Duration = Duration::from_secs(5);

/// For how long the key that led to the question for a number is no digit of it, from when the prompt has begun. Whoever presses a key
/// twice on purpose hears the prompt by then; a carrier that sends a key as a tone and as an event has sent both.
pub(super) const ECHO: Duration = Duration::from_millis(500);

/// How often a number is asked for.
pub(super) const MOST_ENTRIES: u8 = 3;

/// Most digits of a number with a prefix: 15 by E.164, and what is dialled before them.
const LONGEST: usize = 20;
