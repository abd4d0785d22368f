//! Whole calls, and any order of what may happen in one.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{
    machine::{ECHO, MOST_ENTRIES, NEXT_DIGIT},
    *,
};
use crate::{
    clock,
    phone::{PhoneNumber, Region, Rules},
};

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

fn rules_of(region: &str) -> Rules {
    Rules {
        default_region: Region::parse(region).unwrap(),
        ..Rules::default()
    }
}

/// A call, and the time in it.
struct Call {
    machine: CallbackMachine,
    now: Instant,
}

impl Call {
    fn of(plan: CallbackPlan, caller: Option<&str>, rules: Rules) -> Self {
        let caller = caller.map(|caller| PhoneNumber::parse(caller, rules).unwrap());
        let mut call = Self {
            machine: CallbackMachine::new(plan, caller, rules),
            now: clock::now(),
        };
        let menu = call.on(CallbackInput::Answered);
        assert_eq!(menu, [CallbackStep::Play(CallbackPrompt::Menu)]);
        call
    }

    fn answered(plan: CallbackPlan, caller: Option<&str>) -> Self {
        Self::of(plan, caller, Rules::default())
    }

    /// One whose number is withheld, and who has pressed the key and hears what is asked.
    fn asked(rules: Rules) -> Self {
        let mut call = Self::of(plan(), None, rules);
        assert_eq!(call.keys("9"), ASKS);
        call.hears_the_question();
        call
    }

    fn on(&mut self, input: CallbackInput) -> Vec<CallbackStep> {
        self.machine.on(input, self.now)
    }

    fn hears_the_question(&mut self) {
        assert_eq!(
            self.on(CallbackInput::Began(CallbackPrompt::WhichNumber)),
            []
        );
        self.passes(ECHO);
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
    }

    /// Keys one after the other; what the last one led to.
    fn keys(&mut self, keys: &str) -> Vec<CallbackStep> {
        let steps = keys.chars().map(|key| self.on(CallbackInput::Key(key)));
        steps.last().unwrap()
    }
}

const ASKS: [CallbackStep; 1] = [CallbackStep::Play(CallbackPrompt::WhichNumber)];

/// What puts a number on the list.
fn bars(number: PhoneNumber) -> [CallbackStep; 2] {
    [CallbackStep::Silence, CallbackStep::OptOut(number)]
}

#[test]
fn a_number_is_on_the_list_before_that_is_said() {
    let mut call = Call::answered(plan(), Some("+12025550101"));
    assert_eq!(call.keys("9"), bars(number("+12025550101")));
    assert_eq!(call.machine.outcome(), CallbackOutcome::HungUp);
    // The menu that was cut short, and keys that are pressed again, change nothing.
    assert_eq!(call.on(CallbackInput::Played(CallbackPrompt::Menu)), []);
    assert_eq!(call.keys("91"), []);
    let steps = call.on(CallbackInput::OptedOut(true));
    assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::Removed)]);
    assert_eq!(call.machine.outcome(), CallbackOutcome::OptedOut);
    let steps = call.on(CallbackInput::Played(CallbackPrompt::Removed));
    assert_eq!(steps, [CallbackStep::HangUp]);
    assert!(call.machine.is_over());
}

#[test]
fn whoever_hangs_up_meanwhile_has_opted_out_all_the_same() {
    for is_done in [true, false] {
        let mut call = Call::answered(plan(), Some("+12025550101"));
        call.keys("9");
        assert_eq!(call.on(CallbackInput::Gone), []);
        assert!(!call.machine.is_over());
        // Nothing is played to nobody.
        assert_eq!(call.on(CallbackInput::OptedOut(is_done)), []);
        assert!(call.machine.is_over());
        let has_opted_out = call.machine.outcome() == CallbackOutcome::OptedOut;
        assert_eq!(has_opted_out, is_done);
    }
}

#[test]
fn what_is_not_on_the_list_is_never_confirmed() {
    let mut call = Call::answered(plan(), Some("+12025550101"));
    call.keys("9");
    let steps = call.on(CallbackInput::OptedOut(false));
    assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::Failed)]);
    let steps = call.on(CallbackInput::Played(CallbackPrompt::Failed));
    assert_eq!(steps, [CallbackStep::HangUp]);
    assert_ne!(call.machine.outcome(), CallbackOutcome::OptedOut);
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
        let mut call = Call::asked(Rules::default());
        assert_eq!(call.keys(typed), bars(number(wanted)), "{typed}");
    }
    // `#` is left out: the number is read once no digit follows.
    let mut call = Call::asked(Rules::default());
    let steps = call.keys("2025550101");
    assert_eq!(
        steps,
        [CallbackStep::Silence, CallbackStep::Wait(NEXT_DIGIT)]
    );
    let steps = call.on(CallbackInput::Elapsed);
    assert_eq!(steps, bars(number("+12025550101")));
    // Nothing that could be read, again and again.
    let mut call = Call::asked(Rules::default());
    let steps = call.keys("1#2#3#");
    assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::Failed)]);
}

#[test]
fn the_key_that_led_to_the_question_is_no_digit_if_it_comes_twice() {
    // It bounced, was sent as a tone and as an event, or was pressed again while nothing could be heard.
    let mut call = Call::answered(plan(), None);
    assert_eq!(call.keys("9"), ASKS);
    assert_eq!(call.keys("9"), []);
    call.passes(Duration::from_secs(3));
    assert_eq!(call.keys("99"), []);
    call.on(CallbackInput::Began(CallbackPrompt::WhichNumber));
    call.passes(ECHO.saturating_sub(Duration::from_millis(1)));
    assert_eq!(call.keys("9"), []);
    call.passes(ECHO);
    assert_eq!(call.keys("12025550101#"), bars(number("+12025550101")));
    // As soon as a digit has come it is one, and so it is once the question is heard.
    for wait in [Duration::ZERO, ECHO] {
        let mut call = Call::answered(plan(), None);
        call.keys("9");
        call.on(CallbackInput::Began(CallbackPrompt::WhichNumber));
        call.passes(wait);
        let typed = if wait.is_zero() {
            "2129550101#"
        } else {
            "9725550101#"
        };
        assert_eq!(call.keys(typed), bars(number(&typed[..10])), "{typed}");
    }
    // A question that cannot be played.
    let mut call = Call::answered(plan(), None);
    call.keys("9");
    let steps = call.on(CallbackInput::NotPlayed(CallbackPrompt::WhichNumber));
    assert_eq!(steps, [CallbackStep::Wait(WAIT)]);
    assert_eq!(call.keys("9"), []);
    call.passes(ECHO);
    assert_eq!(call.keys("9725550101#"), bars(number("9725550101")));
}

#[test]
fn keys_that_come_twice_do_not_use_up_the_questions() {
    let mut call = Call::asked(Rules::default());
    assert_eq!(call.keys("1#"), ASKS);
    assert_eq!(call.keys("#"), []);
    assert_eq!(call.keys("2*"), ASKS);
    assert_eq!(call.keys("*"), []);
    assert_eq!(call.keys("2025550101#"), bars(number("+12025550101")));
    assert_eq!(call.keys("#"), []);
}

#[test]
fn a_number_behind_the_key_is_not_taken_for_one_of_another_country() {
    // `+91 20 2555 0101` is a number of India. Most likely it is none that is meant.
    let mut call = Call::asked(Rules::default());
    assert_eq!(call.keys("912025550101#"), ASKS);
    assert_eq!(call.keys("12025550101#"), bars(number("+12025550101")));
    // Whoever types it again means it.
    let mut call = Call::asked(Rules::default());
    assert_eq!(call.keys("912025550101#"), ASKS);
    assert_eq!(call.keys("912025550101#"), bars(number("+912025550101")));
    // Without `#`, what follows may only be late.
    let mut call = Call::asked(Rules::default());
    call.keys("442079460101");
    assert_eq!(call.on(CallbackInput::Elapsed), ASKS);
}

#[test]
fn the_beginning_of_a_number_is_not_taken_for_the_whole() {
    // German numbers have from 5 to 11 digits behind their zero, in one town as well.
    let rules = rules_of("DE");
    let typed = |text: &str| PhoneNumber::parse(text, rules).unwrap();
    assert!(typed("03090182").may_go_on() && typed("030901820").may_go_on());
    let mut call = Call::asked(rules);
    call.keys("03090182");
    assert_eq!(call.on(CallbackInput::Elapsed), ASKS);
    assert_eq!(call.keys("030901820#"), bars(typed("030901820")));
    // Who leaves `#` out types it twice.
    let mut call = Call::asked(rules);
    call.keys("030901820");
    assert_eq!(call.on(CallbackInput::Elapsed), ASKS);
    call.keys("030901820");
    assert_eq!(call.on(CallbackInput::Elapsed), bars(typed("030901820")));
    // Two beginnings are none.
    let mut call = Call::asked(rules);
    call.keys("03090182");
    assert_eq!(call.on(CallbackInput::Elapsed), ASKS);
    call.keys("030901820");
    assert_eq!(call.on(CallbackInput::Elapsed), ASKS);
    call.keys("0309018201");
    let failed = [CallbackStep::Play(CallbackPrompt::Failed)];
    assert_eq!(call.on(CallbackInput::Elapsed), failed);
}

#[test]
fn a_call_is_sent_on_by_its_key_if_there_is_somewhere() {
    let mut call = Call::answered(plan(), None);
    let steps = call.keys("1");
    assert_eq!(steps, [CallbackStep::Silence, CallbackStep::Connect]);
    assert_eq!(call.on(CallbackInput::Connected(true)), []);
    assert_eq!(call.machine.outcome(), CallbackOutcome::Connected);
    assert!(call.machine.is_over());
    let nowhere = CallbackPlan {
        connect: None,
        ..plan()
    };
    let mut call = Call::answered(nowhere, None);
    assert_eq!(call.keys("1"), []);
    assert!(!call.machine.is_over());
}

#[test]
fn a_call_that_cannot_be_sent_on_is_not_connected() {
    let mut call = Call::answered(plan(), None);
    call.on(CallbackInput::Played(CallbackPrompt::Menu));
    call.keys("1");
    assert_eq!(
        call.on(CallbackInput::Connected(false)),
        [CallbackStep::HangUp]
    );
    assert_eq!(call.machine.outcome(), CallbackOutcome::Listened);
    assert!(call.machine.is_over());
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
        let mut call = Call::answered(silent, Some("+12025550101"));
        let played = CallbackInput::Played(CallbackPrompt::Menu);
        assert_eq!(call.on(played.clone()), [CallbackStep::Wait(WAIT)]);
        // A slip of the finger.
        assert_eq!(call.keys("5"), []);
        let steps = call.on(CallbackInput::Elapsed);
        assert_eq!(steps, [CallbackStep::Play(CallbackPrompt::Menu)]);
        call.on(played);
        let steps = call.on(CallbackInput::Elapsed);
        assert_eq!(steps.last(), Some(&last));
    }
}

#[test]
fn a_prompt_that_was_not_played_was_heard_by_nobody() {
    let mut call = Call::answered(plan(), Some("+12025550101"));
    let menu = CallbackPrompt::Menu;
    let steps = call.on(CallbackInput::NotPlayed(menu));
    assert_eq!(steps, [CallbackStep::Wait(WAIT)]);
    call.on(CallbackInput::Gone);
    assert_eq!(call.machine.outcome(), CallbackOutcome::HungUp);
}

#[test]
fn whoever_hangs_up_has_listened_or_not() {
    let mut call = Call::answered(plan(), Some("+12025550101"));
    call.on(CallbackInput::Gone);
    assert_eq!(call.machine.outcome(), CallbackOutcome::HungUp);
    let mut call = Call::answered(plan(), Some("+12025550101"));
    call.on(CallbackInput::Played(CallbackPrompt::Menu));
    call.on(CallbackInput::Gone);
    assert_eq!(call.machine.outcome(), CallbackOutcome::Listened);
    assert!(call.machine.is_over());
}

fn prompt() -> impl Strategy<Value = CallbackPrompt> {
    proptest::sample::select(vec![
        CallbackPrompt::Menu,
        CallbackPrompt::WhichNumber,
        CallbackPrompt::Removed,
        CallbackPrompt::Failed,
    ])
}

/// Whatever may happen, likely or not; single keys, and whole numbers in a hurry.
fn inputs() -> impl Strategy<Value = Vec<CallbackInput>> {
    let key = proptest::sample::select("0123456789*#A".chars().collect::<Vec<_>>());
    let one = prop_oneof![
        4 => key.prop_map(CallbackInput::Key),
        1 => prompt().prop_map(CallbackInput::Began),
        3 => prompt().prop_map(CallbackInput::Played),
        1 => prompt().prop_map(CallbackInput::NotPlayed),
        2 => Just(CallbackInput::Elapsed),
        2 => any::<bool>().prop_map(CallbackInput::OptedOut),
        1 => any::<bool>().prop_map(CallbackInput::Connected),
        1 => Just(CallbackInput::Answered),
        1 => Just(CallbackInput::Gone),
    ];
    let typed = proptest::sample::select(vec![
        "9",
        "99",
        "2025550101#",
        "912025550101#",
        "12025550101",
        "030901820",
    ]);
    let typed = typed.prop_map(|keys| keys.chars().map(CallbackInput::Key).collect());
    let some = prop_oneof![3 => one.prop_map(|one| vec![one]), 1 => typed];
    proptest::collection::vec(some, 0..60).prop_map(|all| all.concat())
}

fn any_plan() -> impl Strategy<Value = CallbackPlan> {
    let silent = proptest::sample::select(vec![WhenSilent::HangUp, WhenSilent::Connect]);
    let connect = proptest::sample::select(vec![None, Some('1'), Some('#')]);
    let opt_out = proptest::sample::select(vec!['9', '0', '*']);
    (opt_out, connect, silent, 1..=3_u32).prop_map(|(opt_out, connect, when_silent, times)| {
        CallbackPlan {
            opt_out,
            connect,
            when_silent,
            wait: WAIT,
            times,
        }
    })
}

/// What must hold of a call, whatever happens in it.
#[derive(Default)]
struct Witness {
    barred: u32,
    is_awaited: bool,
    is_barred: bool,
    is_gone: bool,
    asked: u32,
    menus: u32,
}

impl Witness {
    /// Takes in what an input has led to.
    fn sees(&mut self, input: &CallbackInput, steps: &[CallbackStep]) {
        match input {
            CallbackInput::Gone => self.is_gone = true,
            CallbackInput::OptedOut(is_done) if self.is_awaited => {
                self.is_awaited = false;
                self.is_barred = *is_done;
            }
            CallbackInput::Answered
            | CallbackInput::Began(_)
            | CallbackInput::Played(_)
            | CallbackInput::NotPlayed(_)
            | CallbackInput::Key(_)
            | CallbackInput::Elapsed
            | CallbackInput::OptedOut(_)
            | CallbackInput::Connected(_) => {}
        }
        for step in steps {
            assert!(!self.is_gone, "{step:?} for nobody, after {input:?}");
            match step {
                CallbackStep::Play(CallbackPrompt::Removed) => {
                    assert!(self.is_barred, "what is on no list is confirmed");
                }
                CallbackStep::Play(CallbackPrompt::WhichNumber) => self.asked += 1,
                CallbackStep::Play(CallbackPrompt::Menu) => self.menus += 1,
                CallbackStep::OptOut(_) => {
                    self.barred += 1;
                    self.is_awaited = true;
                }
                CallbackStep::Play(CallbackPrompt::Failed)
                | CallbackStep::Silence
                | CallbackStep::Wait(_)
                | CallbackStep::Connect
                | CallbackStep::HangUp => {}
            }
        }
        assert!(self.barred <= 1, "a call bars one number");
        assert!(self.asked <= u32::from(MOST_ENTRIES));
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_confirmed_that_is_not_so_and_nothing_is_played_to_nobody(
        plan in any_plan(),
        caller in proptest::sample::select(vec![None, Some("+12025550101")]),
        region in proptest::sample::select(vec!["US", "DE"]),
        inputs in inputs(),
        waits in proptest::collection::vec(0..1_000_u64, 1..20),
    ) {
        let times = plan.times;
        let mut call = Call::of(plan, caller, rules_of(region));
        let mut witness = Witness { menus: 1, ..Witness::default() };
        for (input, wait) in inputs.into_iter().zip(waits.iter().cycle()) {
            call.passes(Duration::from_millis(*wait));
            let was_over = call.machine.is_over();
            let outcome = call.machine.outcome();
            let steps = call.on(input.clone());
            if was_over {
                prop_assert_eq!(&steps, &[]);
                prop_assert_eq!(call.machine.outcome(), outcome);
            }
            witness.sees(&input, &steps);
        }
        prop_assert!(witness.menus <= times);
        let has_opted_out = call.machine.outcome() == CallbackOutcome::OptedOut;
        prop_assert_eq!(has_opted_out, witness.is_barred);
    }

    /// From wherever a call is: what was asked for comes, and nothing else does any more.
    #[test]
    fn a_call_in_which_nothing_more_is_pressed_ends(
        plan in any_plan(),
        caller in proptest::sample::select(vec![None, Some("+12025550101")]),
        inputs in inputs(),
        is_done in any::<bool>(),
    ) {
        let longest = 2 * (plan.times + u32::from(MOST_ENTRIES)) + 4;
        let mut call = Call::of(plan, caller, Rules::default());
        let mut next = Some(CallbackInput::Played(CallbackPrompt::Menu));
        let follows = |steps: &[CallbackStep]| steps.iter().rev().find_map(|step| match step {
            CallbackStep::Play(prompt) => Some(CallbackInput::Played(*prompt)),
            CallbackStep::Wait(_) => Some(CallbackInput::Elapsed),
            CallbackStep::OptOut(_) => Some(CallbackInput::OptedOut(is_done)),
            CallbackStep::Connect => Some(CallbackInput::Connected(is_done)),
            CallbackStep::Silence | CallbackStep::HangUp => None,
        });
        for input in inputs {
            // What was not asked for does not come.
            let comes = match &input {
                CallbackInput::Key(_) | CallbackInput::Gone => true,
                CallbackInput::Answered | CallbackInput::Began(_) => false,
                CallbackInput::Played(_)
                | CallbackInput::NotPlayed(_)
                | CallbackInput::Elapsed
                | CallbackInput::OptedOut(_)
                | CallbackInput::Connected(_) => next.as_ref() == Some(&input),
            };
            if comes {
                let steps = call.on(input.clone());
                let is_answer = next.as_ref() == Some(&input);
                next = follows(&steps).or(next.filter(|_| !is_answer));
            }
        }
        let mut inputs = 0;
        while !call.machine.is_over() {
            let input = next.take();
            prop_assert!(input.is_some(), "it waits for nothing");
            prop_assert!(inputs < longest, "it goes on and on");
            inputs += 1;
            let steps = call.on(input.unwrap());
            next = follows(&steps);
        }
    }
}
