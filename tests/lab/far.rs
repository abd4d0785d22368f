//! A PBX that is far away, and a network between that breaks: what holds on loopback holds there.
//!
//! `LAB_DELAY`, in milliseconds, has every program of the whole suite reach the PBX that far away (`make lab-far`); here are those
//! that are tried at a distance each time.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, check,
    dead_man_limit::arrived_whole,
    faults::Watched,
    listen::{DIALPLAN, LISTEN, has, nothing_is_left},
    network::{Message, Recording},
    recording::likeness,
    subscribers::{PATIENCE, delivered},
    wire::Wire,
};

type Test = Box<dyn Fn(&Bench) -> Result<(), Failed> + Send>;

/// A test for each distance, and each way in which the link breaks while the message is spoken.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: String, test: Test| {
        let bench = Arc::clone(bench);
        trials.push(Trial::test(format!("far::{name}"), move || {
            bench.shared(|| test(&bench))
        }));
    };
    for ms in [30, 60, 120] {
        let name = format!("0131_a_late_beep_{ms}_ms_away");
        add(name, Box::new(move |bench| late_beep(bench, ms)));
    }
    for (subscriber, mode, outcome) in AWAY {
        let name = format!("{subscriber}_{}_60_ms_away_is_{outcome}", mode.1);
        add(
            name,
            Box::new(move |bench| away(bench, subscriber, mode, outcome)),
        );
    }
    for round in 1..=5 {
        let breaks = if round % 2 == 1 {
            Break::Cut
        } else {
            Break::HalfOpen
        };
        let name = format!("0133_a_voice_stops_the_message_{breaks:?}_{round}");
        add(name, Box::new(move |bench| voice(bench, round, breaks)));
    }
    trials
}

/// The distance that is tried each time.
const DISTANCE: Duration = Duration::from_millis(60);

const AWAY: [(&str, (&str, &str), &str); 9] = [
    ("0101", LISTEN, "delivered"),
    ("0102", LISTEN, "human"),
    ("0103", LISTEN, "human"),
    ("0104", LISTEN, "delivered"),
    ("0111", LISTEN, "cut_off"),
    ("0114", LISTEN, "delivered"),
    ("0116", LISTEN, "delivered"),
    ("0101", DIALPLAN, "delivered"),
    ("0102", DIALPLAN, "human"),
];

fn away(bench: &Bench, subscriber: &str, mode: (&str, &str), outcome: &str) -> Result<(), Failed> {
    let watched = Watched::new(bench, subscriber)?;
    watched.proxy.delay(DISTANCE);
    let dropped = watched.start_with(&[mode])?.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(dropped.outcome() == outcome, "{json:#}\n{}", dropped.talk);
    check!(!has(&dropped, "tap_lost"), "{json:#}");
    if outcome == "delivered" {
        let found = delivered(bench, &watched.number)?;
        check!(found.is_whole(), "{found}\n{json:#}");
    }
    if outcome == "human" {
        let heard = bench.lab().recordings(&watched.number, Recording::Heard)?;
        let heard = heard.last().ok_or("nobody answered")?;
        check!(likeness(&bench.message().samples, heard) < 0.5);
    }
    watched.check_no_harm(dropped.id())
}

/// The message starts again after the beep, and is longer than any limit that was set before it.
fn late_beep(bench: &Bench, ms: u64) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0131")?;
    watched.proxy.delay(Duration::from_millis(ms));
    let message = long(bench, &format!("far{ms}"))?;
    let dropped = watched
        .start_to_play(&message, &[LISTEN])?
        .finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["restarts"] == 1, "{json:#}");
    arrived_whole(bench, &watched.number, &message)?;
    nothing_is_left(bench.lab(), dropped.id())
}

/// What becomes of the event link when the message begins.
#[derive(Clone, Copy, Debug)]
enum Break {
    Cut,
    HalfOpen,
}

/// Our ears hear the person over the call's own connection, whatever the link says.
fn voice(bench: &Bench, round: u32, breaks: Break) -> Result<(), Failed> {
    let (watched, wire) = (Watched::new(bench, "0133")?, Wire::open()?);
    let message = long(bench, &format!("voice{round}"))?;
    let dropping = watched.start_behind_to_play(&wire, &message, &[LISTEN])?;
    wire.until_spoken(Duration::from_millis(20))?;
    match breaks {
        Break::Cut => watched.proxy.cut(),
        Break::HalfOpen => watched.proxy.stall(),
    }
    let dropped = dropping.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(dropped.outcome() == "human", "{json:#}\n{}", dropped.talk);
    let spoken = wire.spoken();
    check!(spoken < Duration::from_secs(6), "{spoken:?}: {json:#}");
    check!(json["heard_ms"].as_u64() > Some(0), "{json:#}");
    watched.check_no_harm(dropped.id())
}

/// Twenty seconds; of a test's own, as another may be preparing its own at the same moment.
fn long(bench: &Bench, whose: &str) -> Result<Message, Failed> {
    bench.lab().prepare(whose, 20.0)
}
