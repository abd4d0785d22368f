//! Whole calls as ladders: what happened, and what followed.

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::*;

/// Carries a call on by words, one event each, and writes what follows beside it.
///
/// `k:12#` keys, of which the last counts; `+Menu` played, `-Menu` not played; `right`, `wrong`, `barred`, `unknown` of a PIN; `recorded`, `lost`; `fit`, `taken`,
/// `short`, `unfit`, `broken` of a recording; `kept`, `since` (there is one of the name since), `unkept`; `elapsed`, `gone`.
fn ladder(events: &str) -> String {
    let mut machine = RecordMachine::new(RecordPlan {
        keep: '1',
        hear: '2',
        again: '3',
        wait: Duration::from_secs(8),
    });
    let mut text = String::new();
    for event in events.split_whitespace() {
        let steps: Vec<_> = match event.strip_prefix("k:") {
            // What the last of them led to.
            Some(keys) => keys
                .chars()
                .map(|key| machine.on(RecordInput::Key(key)))
                .last()
                .unwrap_or_default(),
            None => machine.on(input(event)),
        };
        let steps: Vec<_> = steps.iter().map(words).collect();
        let line = format!("{event:<14} {}", steps.join("; "));
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    let end = if machine.is_over() { "over" } else { "up" };
    write!(text, "{end}: {}", machine.outcome().slug()).unwrap();
    text
}

fn input(event: &str) -> RecordInput {
    use KeepVerdict as K;
    use PinVerdict as P;
    use RecordInput as I;
    use TakeVerdict as T;
    match event {
        "answered" => I::Answered,
        "elapsed" => I::Elapsed,
        "right" => I::Checked(P::Right),
        "wrong" => I::Checked(P::Wrong),
        "barred" => I::Checked(P::Barred),
        "unknown" => I::Checked(P::Unknown),
        "recorded" => I::Recorded(true),
        "lost" => I::Recorded(false),
        "fit" => I::Prepared(T::Fit { is_taken: false }),
        "taken" => I::Prepared(T::Fit { is_taken: true }),
        "short" => I::Prepared(T::TooShort),
        "unfit" => I::Prepared(T::Unfit),
        "broken" => I::Prepared(T::Failed),
        "kept" => I::Kept(K::Kept),
        "since" => I::Kept(K::Taken),
        "unkept" => I::Kept(K::Failed),
        "gone" => I::Gone,
        _ => match event.split_at(1) {
            ("+", name) => I::Played(prompt(name)),
            ("-", name) => I::NotPlayed(prompt(name)),
            _ => panic!("what is `{event}`?"),
        },
    }
}

const PROMPTS: [RecordPrompt; 14] = [
    RecordPrompt::AskPin,
    RecordPrompt::WrongPin,
    RecordPrompt::Instructions,
    RecordPrompt::Beep,
    RecordPrompt::Prepared,
    RecordPrompt::AsRecorded,
    RecordPrompt::Menu,
    RecordPrompt::Taken,
    RecordPrompt::Saved,
    RecordPrompt::Discarded,
    RecordPrompt::TooShort,
    RecordPrompt::Refused,
    RecordPrompt::Failed,
    RecordPrompt::Goodbye,
];

fn prompt(name: &str) -> RecordPrompt {
    let mut all = PROMPTS.into_iter();
    all.find(|prompt| format!("{prompt:?}") == name).unwrap()
}

fn words(step: &RecordStep) -> String {
    match step {
        RecordStep::CheckPin(typed) => format!("CheckPin {}", typed.expose()),
        RecordStep::Wait(time) => format!("Wait {} s", time.as_secs()),
        RecordStep::Play(_)
        | RecordStep::Silence
        | RecordStep::Record(_)
        | RecordStep::Prepare
        | RecordStep::Keep { .. }
        | RecordStep::HangUp => format!("{step:?}"),
    }
}

/// What follows the tone, of somebody who was let in.
fn let_in(events: &str) -> String {
    let whole = ladder(&format!("{LET_IN} {events}"));
    let before = ladder(LET_IN).replace("up: hung_up", "");
    whole.strip_prefix(&before).unwrap().to_owned()
}

/// Up to the tone, as `a_message_is_recorded_heard_and_kept` shows it.
const LET_IN: &str = "answered +AskPin k:1234567890# right +Instructions +Beep";

#[test]
fn a_message_is_recorded_heard_and_kept() {
    let events = format!("{LET_IN} recorded fit +Prepared +Menu k:1 kept +Saved");
    assert_snapshot!(ladder(&events), @r"
    answered       Play(AskPin)
    +AskPin        Wait 8 s
    k:1234567890#  Silence; CheckPin 1234567890
    right          Play(Instructions)
    +Instructions  Play(Beep)
    +Beep          Record(1)
    recorded       Prepare
    fit            Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    k:1            Silence; Keep { replace: false }
    kept           Play(Saved)
    +Saved         HangUp
    over: kept
    ");
}

#[test]
fn a_key_is_taken_before_a_prompt_has_ended() {
    let events = "answered k:1234567890# right +Instructions +Beep recorded fit k:1 kept +Saved";
    assert_snapshot!(ladder(events), @r"
    answered       Play(AskPin)
    k:1234567890#  Silence; CheckPin 1234567890
    right          Play(Instructions)
    +Instructions  Play(Beep)
    +Beep          Record(1)
    recorded       Prepare
    fit            Play(Prepared)
    k:1            Silence; Keep { replace: false }
    kept           Play(Saved)
    +Saved         HangUp
    over: kept
    ");
}

#[test]
fn three_wrong_pins_end_the_call() {
    let events =
        "answered +AskPin k:1# wrong +WrongPin k:22*3# wrong +WrongPin k:4 elapsed wrong +Goodbye";
    assert_snapshot!(ladder(events), @r"
    answered       Play(AskPin)
    +AskPin        Wait 8 s
    k:1#           Silence; CheckPin 1
    wrong          Play(WrongPin)
    +WrongPin      Wait 8 s
    k:22*3#        Silence; CheckPin 3
    wrong          Play(WrongPin)
    +WrongPin      Wait 8 s
    k:4            Silence; Wait 5 s
    elapsed        Silence; CheckPin 4
    wrong          Play(Goodbye)
    +Goodbye       HangUp
    over: wrong_pin
    ");
}

#[test]
fn nothing_typed_is_a_wrong_pin_and_silence_ends_the_call() {
    assert_snapshot!(ladder("answered k:# +WrongPin k:# +WrongPin k:# +Goodbye"), @r"
    answered       Play(AskPin)
    k:#            Play(WrongPin)
    +WrongPin      Wait 8 s
    k:#            Play(WrongPin)
    +WrongPin      Wait 8 s
    k:#            Play(Goodbye)
    +Goodbye       HangUp
    over: wrong_pin
    ");
    assert_snapshot!(ladder("answered +AskPin elapsed +Goodbye"), @r"
    answered       Play(AskPin)
    +AskPin        Wait 8 s
    elapsed        Play(Goodbye)
    +Goodbye       HangUp
    over: hung_up
    ");
}

#[test]
fn a_pin_without_end_is_looked_at_once() {
    let keys = "7".repeat(400);
    let said = ladder(&format!("answered k:{keys}#"));
    assert!(said.contains("CheckPin 77777777777777777\n"), "{said}");
}

#[test]
fn who_is_barred_and_what_cannot_be_looked_at_end_the_call() {
    assert_snapshot!(ladder("answered k:1# barred +Goodbye"), @r"
    answered       Play(AskPin)
    k:1#           Silence; CheckPin 1
    barred         Play(Goodbye)
    +Goodbye       HangUp
    over: wrong_pin
    ");
    assert_snapshot!(ladder("answered k:1# unknown +Failed"), @r"
    answered       Play(AskPin)
    k:1#           Silence; CheckPin 1
    unknown        Play(Failed)
    +Failed        HangUp
    over: failed
    ");
}

#[test]
fn it_is_heard_again_and_recorded_again() {
    let events = "recorded fit +Prepared +Menu k:2 +Prepared +Menu k:3 +Instructions +Beep recorded fit k:1 kept +Saved";
    assert_snapshot!(let_in(events), @r"
    recorded       Prepare
    fit            Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    k:2            Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    k:3            Play(Instructions)
    +Instructions  Play(Beep)
    +Beep          Record(2)
    recorded       Prepare
    fit            Play(Prepared)
    k:1            Silence; Keep { replace: false }
    kept           Play(Saved)
    +Saved         HangUp
    over: kept
    ");
}

#[test]
fn another_key_or_none_keeps_nothing() {
    let heard = "recorded fit +Prepared +Menu";
    assert_snapshot!(let_in(&format!("{heard} k:#* k:7 +Discarded")), @r"
    recorded       Prepare
    fit            Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    k:#*
    k:7            Play(Discarded)
    +Discarded     HangUp
    over: discarded
    ");
    assert_snapshot!(let_in(&format!("{heard} elapsed +Menu elapsed +Menu elapsed +Discarded")), @r"
    recorded       Prepare
    fit            Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    elapsed        Play(Menu)
    +Menu          Wait 8 s
    elapsed        Play(Menu)
    +Menu          Wait 8 s
    elapsed        Play(Discarded)
    +Discarded     HangUp
    over: discarded
    ");
}

#[test]
fn a_name_that_is_taken_asks_for_the_key_twice() {
    let heard = "recorded taken +Prepared +Menu";
    assert_snapshot!(let_in(&format!("{heard} k:1 +Taken k:1 kept +Saved")), @r"
    recorded       Prepare
    taken          Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    k:1            Play(Taken)
    +Taken         Wait 8 s
    k:1            Silence; Keep { replace: true }
    kept           Play(Saved)
    +Saved         HangUp
    over: kept
    ");
    assert_snapshot!(let_in(&format!("{heard} k:1 +Taken elapsed +Menu k:4 +Discarded")), @r"
    recorded       Prepare
    taken          Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    k:1            Play(Taken)
    +Taken         Wait 8 s
    elapsed        Play(Menu)
    +Menu          Wait 8 s
    k:4            Play(Discarded)
    +Discarded     HangUp
    over: discarded
    ");
    assert_snapshot!(let_in(&format!("{heard} k:1 k:2 +Prepared +Menu k:1 k:3 +Instructions")), @r"
    recorded       Prepare
    taken          Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    k:1            Play(Taken)
    k:2            Play(Prepared)
    +Prepared      Play(Menu)
    +Menu          Wait 8 s
    k:1            Play(Taken)
    k:3            Play(Instructions)
    +Instructions  Play(Beep)
    up: hung_up
    ");
}

#[test]
fn a_name_that_was_taken_meanwhile_asks_for_the_key_again() {
    let events = "recorded fit k:1 since +Taken k:1 kept +Saved";
    assert_snapshot!(let_in(events), @r"
    recorded       Prepare
    fit            Play(Prepared)
    k:1            Silence; Keep { replace: false }
    since          Play(Taken)
    +Taken         Wait 8 s
    k:1            Silence; Keep { replace: true }
    kept           Play(Saved)
    +Saved         HangUp
    over: kept
    ");
}

#[test]
fn what_cannot_be_a_message_is_said_and_recorded_again() {
    let events =
        "recorded short +TooShort +Instructions +Beep recorded unfit +Refused +Instructions";
    assert_snapshot!(let_in(events), @r"
    recorded       Prepare
    short          Play(TooShort)
    +TooShort      Play(Instructions)
    +Instructions  Play(Beep)
    +Beep          Record(2)
    recorded       Prepare
    unfit          Play(Refused)
    +Refused       Play(Instructions)
    +Instructions  Play(Beep)
    up: hung_up
    ");
}

#[test]
fn it_is_recorded_ten_times_and_no_more() {
    let more = " recorded short +TooShort +Instructions +Beep".repeat(9);
    let said = ladder(&format!("{LET_IN}{more} recorded short +Goodbye"));
    assert!(said.contains("Record(10)"), "{said}");
    assert!(
        said.ends_with("short          Play(Goodbye)\n+Goodbye       HangUp\nover: discarded"),
        "{said}"
    );
}

#[test]
fn what_fails_here_is_said() {
    assert_snapshot!(let_in("lost +Failed"), @r"
    lost           Play(Failed)
    +Failed        HangUp
    over: failed
    ");
    assert_snapshot!(let_in("recorded broken +Failed"), @r"
    recorded       Prepare
    broken         Play(Failed)
    +Failed        HangUp
    over: failed
    ");
    assert_snapshot!(let_in("recorded fit k:1 unkept -Failed"), @r"
    recorded       Prepare
    fit            Play(Prepared)
    k:1            Silence; Keep { replace: false }
    unkept         Play(Failed)
    -Failed        HangUp
    over: failed
    ");
}

#[test]
fn what_the_pbx_cannot_see_is_played_as_it_was_recorded() {
    let events = "recorded fit -Prepared +AsRecorded +Menu";
    assert_snapshot!(let_in(events), @r"
    recorded       Prepare
    fit            Play(Prepared)
    -Prepared      Play(AsRecorded)
    +AsRecorded    Play(Menu)
    +Menu          Wait 8 s
    up: hung_up
    ");
    // Nobody keeps what they have not heard.
    let events = "recorded fit -Prepared -AsRecorded +Failed";
    assert_snapshot!(let_in(events), @r"
    recorded       Prepare
    fit            Play(Prepared)
    -Prepared      Play(AsRecorded)
    -AsRecorded    Play(Failed)
    +Failed        HangUp
    over: failed
    ");
}

#[test]
fn who_hangs_up_keeps_nothing_unless_the_key_was_pressed() {
    let until = [
        "answered".to_owned(),
        "answered +AskPin k:12".to_owned(),
        "answered k:12#".to_owned(),
        "answered k:1# right".to_owned(),
        LET_IN.to_owned(),
        format!("{LET_IN} recorded"),
        format!("{LET_IN} recorded fit"),
        format!("{LET_IN} recorded fit +Prepared +Menu"),
        format!("{LET_IN} recorded taken k:1"),
    ];
    for until in until {
        let said = ladder(&format!(
            "{until} gone right recorded fit kept k:1 elapsed +Menu"
        ));
        assert!(!said.contains("Keep "), "{until}: {said}");
        assert!(said.ends_with("over: hung_up"), "{until}: {said}");
    }
    assert_snapshot!(let_in("recorded fit k:1 gone kept -Saved"), @r"
    recorded       Prepare
    fit            Play(Prepared)
    k:1            Silence; Keep { replace: false }
    gone
    kept           Play(Saved)
    -Saved         HangUp
    over: kept
    ");
}

#[test]
fn no_event_out_of_its_turn_keeps_or_lets_in() {
    let before = "right recorded fit kept +Beep +Menu elapsed k:1";
    assert_snapshot!(ladder(before), @r"
    right
    recorded
    fit
    kept
    +Beep
    +Menu
    elapsed
    k:1
    up: hung_up
    ");
    let said = ladder("answered recorded fit kept right +Beep +Menu k:1");
    assert!(
        !said.contains("Keep") && !said.contains("Record("),
        "{said}"
    );
}

#[test]
fn neither_keys_nor_pins_are_in_what_a_log_may_show() {
    let mut machine = RecordMachine::new(RecordPlan {
        keep: '1',
        hear: '2',
        again: '3',
        wait: Duration::from_secs(8),
    });
    let mut said = String::new();
    for input in [
        RecordInput::Answered,
        RecordInput::Key('4'),
        RecordInput::Key('7'),
        RecordInput::Key('#'),
    ] {
        write!(said, "{input:?}").unwrap();
        let steps = machine.on(input);
        write!(said, "{steps:?}{machine:?}").unwrap();
    }
    assert!(!said.contains("47") && !said.contains("'4'"), "{said}");
}
