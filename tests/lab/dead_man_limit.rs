//! What ends a call if we cannot: the far end is let go as soon as we die, and in the end if we are frozen; and no
//! message is cut by the limit that does that.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, beside_others, check,
    fault_proxy::Moment,
    faults::Watched,
    listen::{LISTEN, has, nothing_is_left},
    network::{Message, Number, Recording, now, wait_for},
    recording::{find, likeness, peak},
    subscribers::PATIENCE,
};

/// A test for each thing that the limit must do, and must not.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (subscriber, name, when) in DEATHS {
        let bench = Arc::clone(bench);
        let name = format!("dead_man_limit::{subscriber}_{name}_is_let_go_when_we_die");
        trials.push(Trial::test(name, move || {
            bench.shared(|| killed(&bench, subscriber, when))
        }));
    }
    for (subscriber, restarts) in [("0101", 0), ("0131", 1)] {
        let bench = Arc::clone(bench);
        let name = format!("dead_man_limit::{subscriber}_gets_a_long_message_whole");
        trials.push(Trial::test(name, move || {
            bench.shared(|| long_message(&bench, subscriber, restarts))
        }));
    }
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(
            bench,
            format!("dead_man_limit::{name}"),
            test,
        ));
    };
    single("a_frozen_program_loses_its_call_at_the_limit", stopped);
    single("a_long_call_is_listened_to_on_and_on", long_call);
    single("a_link_that_stays_away_ends_no_call", link_away);
    trials
}

/// When the program is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// As soon as the call can be heard.
    Heard,
    /// When the mailbox has recorded some of the message.
    Recorded,
}

/// More than one of a kind: in the moment of our death the PBX sees the end of the audio and of the events in either order.
const DEATHS: [(&str, &str, When); 6] = [
    ("0102", "a_person", When::Heard),
    ("0101", "a_mailbox_in_its_greeting", When::Heard),
    ("0104", "a_mailbox_in_its_greeting", When::Heard),
    ("0101", "a_mailbox_that_records", When::Recorded),
    ("0104", "a_mailbox_that_records", When::Recorded),
    ("0116", "a_mailbox_that_records", When::Recorded),
];

/// No sweep is needed: the PBX does it by itself, within a second.
fn killed(bench: &Bench, subscriber: &str, when: When) -> Result<(), Failed> {
    let watched = Watched::new(bench, subscriber)?;
    let lab = bench.lab();
    let copied = watched.proxy.tell_when(Moment::CopyEnters);
    let dropping = watched.start_with(&[LISTEN])?;
    let run = wait_for(PATIENCE, || watched.run())?;
    copied.recv_timeout(PATIENCE)?;
    if when == When::Recorded {
        wait_for(PATIENCE, || {
            let recorded = lab.recordings(&watched.number, Recording::Mailbox)?;
            let loud = recorded.last().is_some_and(|last| peak(last) > 0.1);
            check!(loud, "nothing is recorded yet");
            Ok(())
        })?;
    }
    dropping.signal("-KILL")?;
    let died = now();
    lab.wait_for_silence_of(&run, Duration::from_secs(4))?;
    let lasted = died.elapsed();
    check!(lasted < SOON, "still up {lasted:?} after our death");
    dropping.finish(PATIENCE)?;
    let heard = wait_for(SOON, || {
        let over = lab.calls(&watched.number)?;
        let count = |event: &str| over.iter().filter(|seen| seen.event == event).count();
        check!(count("hangup") == count("invite"), "still called");
        lab.recordings(&watched.number, Recording::Heard)
    })?;
    let alike = likeness(
        &bench.message().samples,
        heard.last().ok_or("nobody answered")?,
    );
    check!((alike < 0.5) == (when == When::Heard), "heard: {alike}");
    watched.next_start()?;
    nothing_is_left(lab, &run)
}

/// Its connections stay, and are not served: the PBX ends the call at the limit that it was given before.
fn stopped(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0115")?;
    let copied = watched.proxy.tell_when(Moment::CopyEnters);
    let short = [
        LISTEN,
        ("AFTERTONE__DROP__SCREENING_TIMEOUT", "3s"),
        ("AFTERTONE__SCREEN__MAX_RESTARTS", "0"),
    ];
    let dropping = watched.start_with(&short)?;
    let run = wait_for(PATIENCE, || watched.run())?;
    copied.recv_timeout(PATIENCE)?;
    dropping.signal("-STOP")?;
    let stood = now();
    // Three seconds of screening, four of message, and five.
    let gone = bench
        .lab()
        .wait_for_silence_of(&run, Duration::from_secs(15));
    let lasted = stood.elapsed();
    dropping.signal("-CONT")?;
    gone?;
    check!(lasted > Duration::from_secs(6), "ended after {lasted:?}");
    let dropped = dropping.finish(PATIENCE)?;
    check!(dropped.outcome() != "delivered", "{:#}", dropped.json);
    nothing_is_left(bench.lab(), &run)
}

fn long_message(bench: &Bench, subscriber: &str, restarts: u64) -> Result<(), Failed> {
    let watched = Watched::new(bench, subscriber)?;
    let message = long(bench, subscriber)?;
    let dropped = watched
        .start_to_play(&message, &[LISTEN])?
        .finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(
        json["restarts"].as_u64().unwrap_or(0) == restarts,
        "{json:#}"
    );
    arrived_whole(bench, &watched.number, &message)?;
    nothing_is_left(bench.lab(), dropped.id())
}

/// The far end is silent for long; we let it go, by what we heard.
fn long_call(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0115")?;
    let dropped = watched.start_with(&[LISTEN, LATE])?.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(dropped.outcome() == "unsure", "{json:#}\n{}", dropped.talk);
    check!(json["ended_by"] == "us", "{json:#}");
    check!(json["verdict"] == "silence", "{json:#}");
    check!(!has(&dropped, "tap_lost"), "{json:#}");
    nothing_is_left(bench.lab(), dropped.id())
}

/// Requests go through, and no event comes back: what our ears hear ends the call, and nothing does before.
fn link_away(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0115")?;
    let told = watched.proxy.cut_for_good_when(Moment::CopyEnters);
    let dropping = watched.start_with(&[LISTEN, LATE])?;
    told.recv_timeout(PATIENCE)
        .map_err(|_| "the moment never came")?;
    let cut = now();
    let lasted = wait_for(PATIENCE, || {
        let calls = bench.lab().calls(&watched.number)?;
        let over = calls.iter().filter(|seen| seen.event == "hangup").count();
        check!(over == 2, "still called: {calls:#?}");
        Ok(cut.elapsed())
    })?;
    check!(lasted > Duration::from_secs(12), "ended after {lasted:?}");
    let dropped = dropping.finish(PATIENCE)?;
    check!(
        ["unsure", "lost"].contains(&dropped.outcome()),
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    watched.check_no_harm(dropped.id())
}

/// A message of a test's own: another may be preparing its own at the same moment.
fn long(bench: &Bench, whose: &str) -> Result<Message, Failed> {
    bench.lab().prepare(&format!("long{whose}"), LONG)
}

pub(crate) fn arrived_whole(
    bench: &Bench,
    number: &Number,
    message: &Message,
) -> Result<(), Failed> {
    wait_for(Duration::from_secs(3), || {
        let recorded = bench.lab().recordings(number, Recording::Mailbox)?;
        let last = recorded.last().ok_or("no mailbox recorded anything")?;
        let found = find(&message.samples, last).ok_or("the message is not in the mailbox")?;
        check!(found.is_whole(), "{found}");
        Ok(())
    })
}

/// Of the message, in seconds.
const LONG: f32 = 12.0;

/// Silence counts only after so long.
const LATE: (&str, &str) = ("AFTERTONE__SCREEN__INITIAL_SILENCE", "14");

/// Until a call is gone when we died.
const SOON: Duration = Duration::from_secs(1);
