//! What follows from what a caller does.

use std::time::Duration;

use super::{CallbackOutcome, CallbackPlan, CallbackPrompt, WhenSilent};
use crate::phone::{PhoneNumber, Rules};

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackInput {
    /// The call is answered, and prompts can be played.
    Answered,
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
    /// The call is sent on.
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
    Typing(String),
    /// A number is being put on the list.
    OptingOut,
    /// The last prompt plays.
    Last,
    Over,
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
    pub fn on(&mut self, input: CallbackInput) -> Vec<CallbackStep> {
        match input {
            CallbackInput::Gone => {
                // Of a number that is being put on the list it is still to be heard whether it is.
                if self.phase != CallPhase::OptingOut {
                    self.phase = CallPhase::Over;
                }
                Vec::new()
            }
            CallbackInput::OptedOut(is_done) => self.on_opted_out(is_done),
            CallbackInput::Answered => match self.phase {
                CallPhase::Ringing => self.menu(),
                CallPhase::Menu
                | CallPhase::Typing(_)
                | CallPhase::OptingOut
                | CallPhase::Last
                | CallPhase::Over => Vec::new(),
            },
            CallbackInput::Played(prompt) => {
                self.has_heard |= prompt == CallbackPrompt::Menu && self.phase == CallPhase::Menu;
                self.on_played(prompt)
            }
            CallbackInput::NotPlayed(prompt) => self.on_played(prompt),
            CallbackInput::Key(key) => self.on_key(key),
            CallbackInput::Elapsed => self.on_elapsed(),
        }
    }

    fn menu(&mut self) -> Vec<CallbackStep> {
        self.phase = CallPhase::Menu;
        self.menus += 1;
        vec![CallbackStep::Play(CallbackPrompt::Menu)]
    }

    fn on_played(&mut self, prompt: CallbackPrompt) -> Vec<CallbackStep> {
        match (&self.phase, prompt) {
            (CallPhase::Menu, CallbackPrompt::Menu) => vec![CallbackStep::Wait(self.plan.wait)],
            (CallPhase::Typing(typed), CallbackPrompt::WhichNumber) if typed.is_empty() => {
                vec![CallbackStep::Wait(self.plan.wait)]
            }
            (CallPhase::Last, CallbackPrompt::Removed | CallbackPrompt::Failed) => self.hang_up(),
            // One that was cut short by a key.
            _ => Vec::new(),
        }
    }

    fn on_key(&mut self, key: char) -> Vec<CallbackStep> {
        match &mut self.phase {
            CallPhase::Menu if key == self.plan.opt_out => match self.caller.clone() {
                Some(caller) => self.opt_out(caller),
                None => self.ask(),
            },
            CallPhase::Menu if Some(key) == self.plan.connect => self.connect(),
            // A key that means nothing leaves the menu as it is: it may have been a slip.
            CallPhase::Menu => Vec::new(),
            CallPhase::Typing(typed) => match key {
                '#' => self.on_typed(),
                '*' => self.ask(),
                '0'..='9' if typed.len() < LONGEST => {
                    typed.push(key);
                    vec![CallbackStep::Silence, CallbackStep::Wait(NEXT_DIGIT)]
                }
                _ => Vec::new(),
            },
            CallPhase::Ringing | CallPhase::OptingOut | CallPhase::Last | CallPhase::Over => {
                Vec::new()
            }
        }
    }

    fn on_elapsed(&mut self) -> Vec<CallbackStep> {
        match &self.phase {
            CallPhase::Menu if self.menus < self.plan.times => self.menu(),
            CallPhase::Menu => match (self.plan.when_silent, self.plan.connect) {
                (WhenSilent::Connect, Some(_)) => self.connect(),
                (WhenSilent::Connect, None) | (WhenSilent::HangUp, _) => self.hang_up(),
            },
            CallPhase::Typing(_) => self.on_typed(),
            CallPhase::Ringing | CallPhase::OptingOut | CallPhase::Last | CallPhase::Over => {
                Vec::new()
            }
        }
    }

    /// Asks for a number, if that was not asked too often.
    fn ask(&mut self) -> Vec<CallbackStep> {
        if self.entries == MOST_ENTRIES {
            return self.last(CallbackPrompt::Failed);
        }
        self.entries += 1;
        self.phase = CallPhase::Typing(String::new());
        vec![CallbackStep::Play(CallbackPrompt::WhichNumber)]
    }

    /// Reads what was typed, with the country's code or as it is dialled at home.
    fn on_typed(&mut self) -> Vec<CallbackStep> {
        let CallPhase::Typing(typed) = &self.phase else {
            return Vec::new();
        };
        match typed_number(typed, self.rules) {
            Some(number) => self.opt_out(number),
            None => self.ask(),
        }
    }

    fn opt_out(&mut self, number: PhoneNumber) -> Vec<CallbackStep> {
        self.phase = CallPhase::OptingOut;
        vec![CallbackStep::Silence, CallbackStep::OptOut(number)]
    }

    fn on_opted_out(&mut self, is_done: bool) -> Vec<CallbackStep> {
        if self.phase != CallPhase::OptingOut {
            return Vec::new();
        }
        self.has_opted_out |= is_done;
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
        self.phase = CallPhase::Over;
        self.is_connected = true;
        vec![CallbackStep::Silence, CallbackStep::Connect]
    }

    fn hang_up(&mut self) -> Vec<CallbackStep> {
        self.phase = CallPhase::Over;
        vec![CallbackStep::HangUp]
    }
}

/// What was typed as a number: as it is dialled at home, or with the country's code.
fn typed_number(typed: &str, rules: Rules) -> Option<PhoneNumber> {
    let home = PhoneNumber::parse(typed, rules);
    home.or_else(|_| PhoneNumber::parse(&format!("+{typed}"), rules))
        .ok()
}

/// How long the next digit of a number is waited for.
const NEXT_DIGIT: Duration = Duration::from_secs(5);

/// How often a number is asked for.
const MOST_ENTRIES: u8 = 3;

/// Most digits of a number with a prefix: 15 by E.164, and what is dialled before them.
const LONGEST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(6);

    fn plan() -> CallbackPlan {
        CallbackPlan {
            opt_out: '9',
            connect: Some('1'),
            when_silent: WhenSilent::HangUp,
            wait: WAIT,
            times: 2,
        }
    }

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, Rules::default()).unwrap()
    }

    fn answered(plan: CallbackPlan, caller: Option<&str>) -> CallbackMachine {
        let mut machine = CallbackMachine::new(plan, caller.map(number), Rules::default());
        let menu = machine.on(CallbackInput::Answered);
        assert_eq!(menu, [CallbackStep::Play(CallbackPrompt::Menu)]);
        machine
    }

    fn keys(machine: &mut CallbackMachine, keys: &str) -> Vec<CallbackStep> {
        let steps = keys.chars().map(|key| machine.on(CallbackInput::Key(key)));
        steps.last().unwrap()
    }

    #[test]
    fn a_number_is_on_the_list_before_that_is_said() {
        let mut machine = answered(plan(), Some("+12025550101"));
        let steps = keys(&mut machine, "9");
        let opt_out = CallbackStep::OptOut(number("+12025550101"));
        assert_eq!(steps, [CallbackStep::Silence, opt_out]);
        assert_eq!(machine.outcome(), CallbackOutcome::HungUp);
        // The menu that was cut short, and keys that are pressed again, change nothing.
        assert_eq!(machine.on(CallbackInput::Played(CallbackPrompt::Menu)), []);
        assert_eq!(keys(&mut machine, "91"), []);
        let steps = machine.on(CallbackInput::OptedOut(true));
        assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::Removed)]);
        assert_eq!(machine.outcome(), CallbackOutcome::OptedOut);
        let steps = machine.on(CallbackInput::Played(CallbackPrompt::Removed));
        assert_eq!(steps, [CallbackStep::HangUp]);
        assert!(machine.is_over());
    }

    #[test]
    fn whoever_hangs_up_meanwhile_has_opted_out_all_the_same() {
        let mut machine = answered(plan(), Some("+12025550101"));
        keys(&mut machine, "9");
        assert_eq!(machine.on(CallbackInput::Gone), []);
        assert!(!machine.is_over());
        machine.on(CallbackInput::OptedOut(true));
        assert_eq!(machine.outcome(), CallbackOutcome::OptedOut);
        machine.on(CallbackInput::Gone);
        assert!(machine.is_over());
    }

    #[test]
    fn what_is_not_on_the_list_is_never_confirmed() {
        let mut machine = answered(plan(), Some("+12025550101"));
        keys(&mut machine, "9");
        let steps = machine.on(CallbackInput::OptedOut(false));
        assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::Failed)]);
        let steps = machine.on(CallbackInput::Played(CallbackPrompt::Failed));
        assert_eq!(steps, [CallbackStep::HangUp]);
        assert_ne!(machine.outcome(), CallbackOutcome::OptedOut);
    }

    #[test]
    fn a_caller_without_a_number_types_one() {
        for (typed, wanted) in [
            ("2025550101#", "+12025550101"),
            ("12025550101#", "+12025550101"),
            ("442079460101#", "+442079460101"),
            // Begun anew.
            ("202*2025550101#", "+12025550101"),
            // Not a number, and once more.
            ("123#2025550101#", "+12025550101"),
        ] {
            let mut machine = answered(plan(), None);
            let steps = keys(&mut machine, "9");
            assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::WhichNumber)]);
            let steps = keys(&mut machine, typed);
            let opt_out = CallbackStep::OptOut(number(wanted));
            assert_eq!(steps, [CallbackStep::Silence, opt_out], "{typed}");
        }
        // `#` is left out: the number is read once no digit follows.
        let mut machine = answered(plan(), None);
        keys(&mut machine, "9");
        let steps = keys(&mut machine, "2025550101");
        assert_eq!(
            steps,
            [CallbackStep::Silence, CallbackStep::Wait(NEXT_DIGIT)]
        );
        let steps = machine.on(CallbackInput::Elapsed);
        assert_eq!(steps[1], CallbackStep::OptOut(number("+12025550101")));
        // Nothing that could be read, again and again.
        let mut machine = answered(plan(), None);
        keys(&mut machine, "9");
        let steps = keys(&mut machine, "1#2#3#");
        assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::Failed)]);
    }

    #[test]
    fn a_call_is_sent_on_by_its_key_if_there_is_somewhere() {
        let mut machine = answered(plan(), None);
        let steps = keys(&mut machine, "1");
        assert_eq!(steps, [CallbackStep::Silence, CallbackStep::Connect]);
        assert_eq!(machine.outcome(), CallbackOutcome::Connected);
        let nowhere = CallbackPlan {
            connect: None,
            ..plan()
        };
        let mut machine = answered(nowhere, None);
        assert_eq!(keys(&mut machine, "1"), []);
        assert!(!machine.is_over());
    }

    #[test]
    fn who_presses_nothing_hears_the_menu_again_and_then_what_the_setting_says() {
        for (when_silent, connect, last) in [
            (WhenSilent::HangUp, Some('1'), CallbackStep::HangUp),
            (WhenSilent::Connect, Some('1'), CallbackStep::Connect),
            (WhenSilent::Connect, None, CallbackStep::HangUp),
        ] {
            let silent = CallbackPlan {
                when_silent,
                connect,
                ..plan()
            };
            let mut machine = answered(silent, Some("+12025550101"));
            let played = CallbackInput::Played(CallbackPrompt::Menu);
            assert_eq!(machine.on(played.clone()), [CallbackStep::Wait(WAIT)]);
            // A slip of the finger.
            assert_eq!(keys(&mut machine, "5"), []);
            let steps = machine.on(CallbackInput::Elapsed);
            assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::Menu)]);
            machine.on(played);
            let steps = machine.on(CallbackInput::Elapsed);
            assert_eq!(steps.last(), Some(&last));
        }
    }

    #[test]
    fn a_prompt_that_was_not_played_was_heard_by_nobody() {
        let mut machine = answered(plan(), Some("+12025550101"));
        let menu = CallbackPrompt::Menu;
        let steps = machine.on(CallbackInput::NotPlayed(menu));
        assert_eq!(steps, [CallbackStep::Wait(WAIT)]);
        machine.on(CallbackInput::Gone);
        assert_eq!(machine.outcome(), CallbackOutcome::HungUp);
    }

    #[test]
    fn whoever_hangs_up_has_listened_or_not() {
        let mut machine = answered(plan(), Some("+12025550101"));
        machine.on(CallbackInput::Gone);
        assert_eq!(machine.outcome(), CallbackOutcome::HungUp);
        let mut machine = answered(plan(), Some("+12025550101"));
        machine.on(CallbackInput::Played(CallbackPrompt::Menu));
        machine.on(CallbackInput::Gone);
        assert_eq!(machine.outcome(), CallbackOutcome::Listened);
        assert!(machine.is_over());
    }

    #[test]
    fn no_call_lasts_for_ever() {
        // Whatever is done, in whichever order: each of these moves on, or waits for a time that was set.
        let mut seed = 1_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..2_000 {
            let caller = (random(2) == 0).then_some("+12025550101");
            let mut machine = answered(plan(), caller);
            let mut steps = 0;
            while !machine.is_over() && steps < 200 {
                steps += 1;
                let key = ['1', '9', '#', '*', '4'][usize::try_from(random(5)).unwrap()];
                machine.on(match random(4) {
                    0 if key != '1' => CallbackInput::Key(key),
                    1 => CallbackInput::OptedOut(random(2) == 0),
                    2 => CallbackInput::Elapsed,
                    _ => CallbackInput::Played(
                        [
                            CallbackPrompt::Menu,
                            CallbackPrompt::WhichNumber,
                            CallbackPrompt::Removed,
                            CallbackPrompt::Failed,
                        ][usize::try_from(random(4)).unwrap()],
                    ),
                });
            }
            assert!(machine.is_over());
        }
    }
}
