//! What else may answer: a fax, an announcement, a menu, mailboxes and persons that are hard to distinguish. We listen for
//! ourselves; what the far end recorded says what they heard.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, beside_others, check,
    network::{Dropped, Dropping, Lab, Message, Number, Recording},
    recording::{Found, RATE, find},
    subscribers::{Case, Left, PATIENCE, case, delivered},
};

/// A test for each of them.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in CASES {
        let bench = Arc::clone(bench);
        let name = format!("answer_classes::{}_{}", case.subscriber, case.name);
        trials.push(Trial::test(name, move || bench.shared(|| case.run(&bench))));
    }
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(
            bench,
            format!("answer_classes::{name}"),
            test,
        ));
    };
    single("0121_a_menu_repeats_itself", menu);
    single("0127_a_line_returns_an_echo", echo);
    single("0144_a_telephone_is_told_who_calls", screener);
    single("0130_a_busy_tone_begins_like_a_beep", busy);
    single("0128_a_mailbox_takes_ten_seconds", limit);
    trials
}

const BEEP: &[(&str, &str)] = &[("verdict", "machine"), ("ready_by", "beep")];

const CASES: [Case; 10] = [
    nothing_heard(
        "a_fax_answers",
        "0118",
        "not_voicemail",
        &[("verdict", "fax")],
    ),
    nothing_heard(
        "a_number_is_intercepted",
        "0119",
        "invalid_number",
        &[("verdict", "sit")],
    ),
    nothing_heard(
        "no_circuit_is_free",
        "0120",
        "congestion",
        &[("verdict", "sit")],
    ),
    left_at_once("music_comes_before_the_greeting", "0122"),
    left_at_once("a_mailbox_beeps_twice", "0123"),
    left_at_once("a_beep_is_low_and_quiet", "0124"),
    nothing_heard(
        "a_person_says_hello_twice",
        "0125",
        "human",
        &[("verdict", "human")],
    ),
    nothing_heard(
        "a_person_answers_like_a_business",
        "0126",
        "human",
        &[("verdict", "human")],
    ),
    // The book that comes with the program has its words.
    nothing_heard(
        "a_mailbox_is_full",
        "0129",
        "not_voicemail",
        &[("verdict", "menu")],
    ),
    nothing_heard(
        "a_telephone_asks_who_calls",
        "0144",
        "not_voicemail",
        &[("verdict", "screening")],
    ),
];

const fn nothing_heard(
    name: &'static str,
    subscriber: &'static str,
    outcome: &'static str,
    says: &'static [(&'static str, &'static str)],
) -> Case {
    case(name, subscriber, outcome, false, 2, Left::Silence).listening(says)
}

const fn left_at_once(name: &'static str, subscriber: &'static str) -> Case {
    case(name, subscriber, "delivered", false, 2, Left::MessageAtOnce).listening(BEEP)
}

const LISTEN: (&str, &str) = ("AFTERTONE__SCREEN__MODE", "listen");

/// A menu is a machine until it says the same again; by then the message may have begun by the rule of silence.
fn menu(bench: &Bench) -> Result<(), Failed> {
    let (number, message) = (bench.lab().number("0121"), long(bench.lab(), "menu")?);
    let dropped = leave(bench, &number, &message)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "not_voicemail",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["verdict"] == "menu", "{json:#}");
    check!(json["played_ms"].as_u64() <= Some(5_000), "{json:#}");
    // Two prompts of 10.5 s, the pause between them, and the time until a voice speaks.
    let heard = bench.lab().recordings(&number, Recording::Heard)?;
    let heard = heard.last().ok_or("nobody answered")?;
    let longest = Duration::from_secs(28);
    check!(length(heard) < longest, "{json:#}");
    Ok(())
}

/// It hears who calls, once, and the mailbox behind it gets the message.
fn screener(bench: &Bench) -> Result<(), Failed> {
    let (lab, number) = (bench.lab(), bench.lab().number("0144"));
    let prompt = lab.prepare("who-calls", 2.0)?;
    let mut program = lab.aftertone();
    program.envs([
        LISTEN,
        ("AFTERTONE__DROP__WHEN_SCREENED", "say"),
        ("AFTERTONE__DROP__SCREENING_PROMPT", prompt.name.as_str()),
    ]);
    let dropped =
        Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["ready_by"] == "beep", "{json:#}");
    let whole = delivered(bench, &number)?;
    check!(whole.is_whole(), "{whole}\n{json:#}");
    let heard = lab.recordings(&number, Recording::Heard)?;
    let heard = heard.last().ok_or("nobody answered")?;
    let told = find(&prompt.samples, heard).ok_or("it was not told who calls")?;
    check!(told.is_whole(), "{told}\n{json:#}");
    Ok(())
}

/// What the mailbox's line returns is our own message, and no person's voice.
fn echo(bench: &Bench) -> Result<(), Failed> {
    let (lab, number) = (bench.lab(), bench.lab().number("0127"));
    let dropped = leave(bench, &number, bench.message())?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["ready_by"] == "beep", "{json:#}");
    check!(json["restarts"].as_u64().unwrap_or(0) == 0, "{json:#}");
    let whole = delivered(bench, &number)?;
    check!(whole.is_whole(), "{whole}\n{json:#}");

    // The echo was there, or the test proves nothing.
    let message = &bench.message().samples;
    let recorded = |kind| -> Result<(Found, f32), Failed> {
        let all = lab.recordings(&number, kind)?;
        let last = all.last().ok_or("the line recorded nothing")?;
        let found = find(message, last).ok_or("the message is not on the line")?;
        Ok((found, rms(last)))
    };
    let (said, loud) = recorded(Recording::Mailbox)?;
    let (returned, quiet) = recorded(Recording::Returned)?;
    let loss = 20.0 * (loud / quiet).log10();
    check!((19.0..21.0).contains(&loss), "the echo is {loss} dB down");
    let apart = returned.silence_before.abs_diff(said.silence_before);
    check!(apart < Duration::from_millis(100), "{said}\n{returned}");
    Ok(())
}

/// A mailbox's limit: what was said until then is in it, and we stop.
fn limit(bench: &Bench) -> Result<(), Failed> {
    let (number, message) = (bench.lab().number("0128"), long(bench.lab(), "limit")?);
    let dropped = leave(bench, &number, &message)?;
    let json = &dropped.json;
    check!(dropped.outcome() == "cut_off", "{json:#}\n{}", dropped.talk);
    check!(
        json["ended_by"] == "us" && json["ready_by"] == "beep",
        "{json:#}"
    );
    let recorded = bench.lab().recordings(&number, Recording::Mailbox)?;
    let recorded = recorded.last().ok_or("no mailbox recorded anything")?;
    let lasted = length(recorded);
    let ten = Duration::from_secs(10);
    check!(
        lasted.abs_diff(ten) < Duration::from_millis(400),
        "it took {lasted:?}"
    );
    let found = find(&message.samples, recorded).ok_or("the message is not in the mailbox")?;
    check!(found.start_missing < FRAME, "{found}");
    check!(found.end_missing > Duration::from_secs(1), "{found}");
    // The guard, and the beep of 0.4 s until it is one.
    let played = Duration::from_millis(json["played_ms"].as_u64().unwrap_or(0));
    check!(
        (ten..ten + Duration::from_secs(1)).contains(&played),
        "{json:#}"
    );
    Ok(())
}

/// The first burst of a busy tone may be a beep; the third is none, and what takes a message there has hung up.
fn busy(bench: &Bench) -> Result<(), Failed> {
    let number = bench.lab().number("0130");
    let dropped = leave(bench, &number, bench.message())?;
    let json = &dropped.json;
    let outcomes = ["not_voicemail", "cut_off"];
    check!(
        outcomes.contains(&dropped.outcome()),
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["ended_by"] == "us", "{json:#}");
    check!(json["played_ms"].as_u64() < Some(3_000), "{json:#}");
    Ok(())
}

fn leave(bench: &Bench, number: &Number, message: &Message) -> Result<Dropped, Failed> {
    let mut program = bench.lab().aftertone();
    program.envs([LISTEN]);
    Dropping::start(program, number, &message.name, &[])?.finish(PATIENCE)
}

/// A message of twelve seconds.
fn long(lab: &Lab, name: &str) -> Result<Message, Failed> {
    lab.prepare(&format!("long-{name}"), 12.0)
}

fn length(samples: &[f32]) -> Duration {
    Duration::from_secs_f64(samples.len() as f64 / RATE as f64)
}

fn rms(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|sample| sample * sample).sum();
    (sum / samples.len().max(1) as f32).sqrt()
}

/// One frame of telephony.
const FRAME: Duration = Duration::from_millis(20);
