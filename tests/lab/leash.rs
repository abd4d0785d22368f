//! The dead man's limit: whoever answered is let go soon after we die, and no message is cut by it.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench,
    between::{Moment, Request, Wrong},
    check,
    faults::Watched,
    listen::{LISTEN, has, nothing_is_left},
    network::{Lab, Message, Number, Recording, now, wait_for},
    recording::{find, likeness},
    subscribers::PATIENCE,
};

/// A test for each thing that the limit must do, and must not.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (subscriber, name, when) in DEATHS {
        let bench = Arc::clone(bench);
        let name = format!("leash::{subscriber}_{name}_is_let_go_when_we_die");
        trials.push(Trial::test(name, move || {
            bench.shared(|| killed(&bench, subscriber, when))
        }));
    }
    for (subscriber, restarts) in [("0101", 0), ("0131", 1)] {
        let bench = Arc::clone(bench);
        let name = format!("leash::{subscriber}_gets_a_long_message_whole");
        trials.push(Trial::test(name, move || {
            bench.shared(|| long_message(&bench, subscriber, restarts))
        }));
    }
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        let bench = Arc::clone(bench);
        trials.push(Trial::test(format!("leash::{name}"), move || {
            bench.shared(|| test(&bench))
        }));
    };
    single("a_long_call_is_listened_to_on_and_on", long_call);
    single("a_link_that_stays_away_ends_no_call", link_away);
    single("a_slow_renewal_is_waited_for_before_the_play", slow_renewal);
    trials
}

/// When the program is killed.
#[derive(Clone, Copy)]
enum When {
    /// As soon as the leg can be heard.
    Heard,
    /// When its time has been renewed once, three seconds later.
    Renewed,
}

const DEATHS: [(&str, &str, When); 2] = [
    ("0102", "a_person", When::Heard),
    ("0101", "a_mailbox_in_its_greeting", When::Renewed),
];

/// Nobody sweeps: the PBX does it by itself.
fn killed(bench: &Bench, subscriber: &str, when: When) -> Result<(), Failed> {
    let watched = Watched::new(bench, subscriber)?;
    let lab = bench.lab();
    let dropping = watched.start_with(&[LISTEN])?;
    let run = wait_for(PATIENCE, || watched.run())?;
    wait_for(PATIENCE, || {
        check!(match when {
            When::Heard => watched.between.reached(Request::AddToBridge) == 1,
            When::Renewed => watched.between.reached(Request::Limit) == 2,
        });
        Ok(())
    })?;
    check_limit_of_the_tap(lab, &run)?;
    dropping.signal("-KILL")?;
    let died = now();
    dropping.finish(PATIENCE)?;
    let left = lab.channels()?;
    check!(
        left.iter().any(|id| id.starts_with(&run)),
        "nothing was left to end: {left:?}"
    );
    wait_for(FREE, || {
        let calls = lab.calls(&watched.number)?;
        let over = calls.iter().filter(|seen| seen.event == "hangup").count();
        check!(over == 2, "still called: {calls:#?}");
        Ok(())
    })?;
    let waited = died.elapsed();
    check!(waited > Duration::from_secs(5), "ended by us? {waited:?}");
    // What let us hear the leg goes with it, but for the bridge, in which nobody is.
    lab.wait_for_silence_of(&run, Duration::from_secs(2))?;
    let heard = lab.recordings(&watched.number, Recording::Heard)?;
    let heard = heard.last().ok_or("nobody answered")?;
    let alike = likeness(&bench.message().samples, heard);
    check!(alike < 0.5, "something was played: {alike}");
    watched.next_start()?;
    nothing_is_left(lab, &run)
}

/// The tap's connection ends with us, and where the network goes without a word the PBX ends it in the end.
fn check_limit_of_the_tap(lab: &Lab, run: &str) -> Result<(), Failed> {
    let channels = lab.channels()?;
    let tap = channels
        .iter()
        .find(|id| id.starts_with(run) && id.ends_with("-tap"))
        .ok_or("no tap")?;
    let left = lab.ask(
        "GET",
        &format!("channels/{tap}/variable?variable=TIMEOUT(absolute)"),
    )?;
    let seconds = left["value"]
        .as_str()
        .and_then(|left| left.parse::<f64>().ok());
    check!(seconds.is_some_and(|left| left > 60.0), "{left:#}");
    Ok(())
}

/// Longer than the limit by which a leg is listened to.
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
    check_limits(&watched, &message)?;
    nothing_is_left(bench.lab(), dropped.id())
}

/// Somebody is silent for longer than the limit; it is us who let them go, by what we heard.
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

/// Requests go through, and no event comes back: the call is not ended by our own limit.
fn link_away(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0115")?;
    let told = watched.between.cut_for_good_when(Moment::TapEnters);
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

/// The PBX takes so long for each renewal that one is under way at the ready point.
fn slow_renewal(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    let message = long(bench, "slow")?;
    let told = watched.between.tell_when(Moment::TapEnters);
    let dropping = watched.start_to_play(&message, &[LISTEN])?;
    told.recv_timeout(PATIENCE)
        .map_err(|_| "the moment never came")?;
    for _ in 0..4 {
        let slow = Wrong::Slow(Duration::from_millis(1_900));
        watched.between.break_one(Request::Limit, slow);
    }
    let dropped = dropping.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    arrived_whole(bench, &watched.number, &message)?;
    check_limits(&watched, &message)?;
    nothing_is_left(bench.lab(), dropped.id())
}

/// A message of a test's own: another may be preparing its own at the same moment.
fn long(bench: &Bench, whose: &str) -> Result<Message, Failed> {
    bench.lab().prepare(&format!("long{whose}"), LONG)
}

fn arrived_whole(bench: &Bench, number: &Number, message: &Message) -> Result<(), Failed> {
    wait_for(Duration::from_secs(3), || {
        let recorded = bench.lab().recordings(number, Recording::Mailbox)?;
        let last = recorded.last().ok_or("no mailbox recorded anything")?;
        let found = find(&message.samples, last).ok_or("the message is not in the mailbox")?;
        check!(found.is_whole(), "{found}");
        Ok(())
    })
}

/// The last limit that the PBX got before each play is the play's own, and none came while it played: the PBX got the
/// next request about the leg only when it stopped or ended the play.
fn check_limits(watched: &Watched<'_>, message: &Message) -> Result<(), Failed> {
    let own = format!("\"{}\"", message.samples.len().div_ceil(8_000) + 5);
    let asked = watched.between.asked();
    let shown = asked.join("\n");
    let about: Vec<&String> = asked
        .iter()
        .filter(|asked| asked.contains("-drop") || asked.contains("/playbacks/"))
        .filter(|asked| !asked.starts_with("GET "))
        .collect();
    let plays: Vec<usize> = (0..about.len())
        .filter(|&index| Request::Play.is_of(about[index]))
        .collect();
    check!(!plays.is_empty(), "nothing was played\n{shown}");
    for play in plays {
        check!(
            play > 0 && Request::Limit.is_of(about[play - 1]) && about[play - 1].contains(&own),
            "the limit before the play is not its own\n{shown}"
        );
        check!(
            about
                .get(play + 1)
                .is_some_and(|next| next.starts_with("DELETE ")),
            "something came between the play and its end\n{shown}"
        );
    }
    Ok(())
}

/// Of the message, in seconds: longer than the limit, and than what is left of it after a renewal.
const LONG: f32 = 12.0;

/// Silence counts only after longer than the limit.
const LATE: (&str, &str) = ("AFTERTONE__SCREEN__INITIAL_SILENCE", "14");

/// Until the far end is free, when we died: the limit, and what the PBX and the network take.
const FREE: Duration = Duration::from_secs(12);
