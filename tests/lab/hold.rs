//! Far ends that do not take what we say: on hold, dead, or gone before its end. What we report is what arrived.

use std::{
    io::Read as _,
    net::TcpStream,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    Bench, check,
    dead_man_limit::arrived_whole,
    faults::{Watched, take_app},
    listen::{LISTEN, nothing_is_left},
    network::{Lab, Message, Number, Recording, now, wait_for},
    recording::{RATE, audible, find, likeness},
    subscribers::PATIENCE,
    wire::Wire,
};

/// A test for each of them.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    type Test = fn(&Bench) -> Result<(), Failed>;
    let tests: [(&str, Test); 6] = [
        ("0140_a_message_that_is_held_starts_again", held),
        ("0140_a_line_that_stays_on_hold_is_cut_off", held_for_good),
        ("0140_a_mailbox_that_is_held_is_not_ready", held_before),
        (
            "0141_a_mailbox_that_sends_nothing_proves_nothing",
            mute_mailbox,
        ),
        ("0142_a_greeting_that_stops_is_no_person", mute_greeting),
        ("0143_a_hang_up_in_the_last_silence_cuts_nothing", tail),
    ];
    let trials = tests.into_iter().map(|(name, test)| {
        let bench = Arc::clone(bench);
        Trial::test(format!("hold::{name}"), move || {
            bench.shared(|| test(&bench))
        })
    });
    trials.collect()
}

/// Controls the mailboxes of the carrier that wait for it.
struct Steering<'a> {
    lab: &'a Lab,
}

impl<'a> Steering<'a> {
    /// Registers the app that they enter, for as long as the tests run.
    fn of(lab: &'a Lab) -> Result<Self, Failed> {
        static APP: Mutex<Option<TcpStream>> = Mutex::new(None);
        let mut registered = APP.lock().unwrap_or_else(PoisonError::into_inner);
        if registered.is_none() {
            let app = take_app(lab.carrier_url(), lab.carrier_login(), "lab")?;
            // What it says has to be read, and is not needed.
            let mut reader = app.try_clone()?;
            thread::spawn(move || while reader.read(&mut [0; 4_096]).is_ok_and(|read| read > 0) {});
            *registered = Some(app);
        }
        Ok(Self { lab })
    }

    /// The carrier's channel of a number, once it waits to be steered.
    fn channel(&self, number: &Number) -> Result<String, Failed> {
        wait_for(PATIENCE, || {
            let list = self.lab.ask_carrier("GET", "channels")?;
            let channels = list.as_array().ok_or("no list of channels")?.iter();
            let waits = |channel: &&Value| {
                let plan = &channel["dialplan"];
                plan["app_name"] == "Stasis" && plan["app_data"] == format!("lab,{number}")
            };
            let mut waiting = channels.filter(waits);
            let id = waiting.find_map(|channel| channel["id"].as_str());
            Ok(id.ok_or("it does not wait yet")?.to_owned())
        })
    }

    /// The same, which from then on sends silence, as others do that record.
    fn recorder(&self, number: &Number) -> Result<String, Failed> {
        let channel = self.channel(number)?;
        let path = format!("channels/{channel}/silence");
        self.lab.ask_carrier("POST", &path)?;
        Ok(channel)
    }

    fn hold(&self, channel: &str) -> Result<(), Failed> {
        let path = format!("channels/{channel}/hold");
        self.lab.ask_carrier("POST", &path).map(drop)
    }

    fn unhold(&self, channel: &str) -> Result<(), Failed> {
        let path = format!("channels/{channel}/hold");
        self.lab.ask_carrier("DELETE", &path).map(drop)
    }
}

/// Held for two seconds in the message, which comes whole after that.
fn held(bench: &Bench) -> Result<(), Failed> {
    let steering = Steering::of(bench.lab())?;
    let (watched, wire) = (Watched::new(bench, "0140")?, Wire::open()?);
    let dropping = watched.start_behind(&wire, &[LISTEN])?;
    let channel = steering.recorder(&watched.number)?;
    wire.until_spoken(Duration::from_millis(1_000))?;
    steering.hold(&channel)?;
    until_silent(&wire)?;
    steering.unhold(&channel)?;
    let dropped = dropping.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["restarts"] == 1, "{json:#}");
    check!(json["proof"] == "probable", "{json:#}");
    // The recording has the first piece, a pause, and all of it.
    let recorded = bench
        .lab()
        .recordings(&watched.number, Recording::Mailbox)?;
    let recorded = recorded.last().ok_or("no mailbox recorded anything")?;
    let own = &bench.message().samples;
    let from = recorded.len().saturating_sub(own.len() + RATE / 2);
    let found = find(own, &recorded[from..]).ok_or("the message is not in the mailbox")?;
    check!(found.is_whole(), "{found}\n{json:#}");
    nothing_is_left(bench.lab(), dropped.id())
}

fn held_for_good(bench: &Bench) -> Result<(), Failed> {
    let steering = Steering::of(bench.lab())?;
    let (watched, wire) = (Watched::new(bench, "0140")?, Wire::open()?);
    let impatient = [LISTEN, ("AFTERTONE__DROP__READY_TIMEOUT", "15s")];
    let dropping = watched.start_behind(&wire, &impatient)?;
    let channel = steering.recorder(&watched.number)?;
    wire.until_spoken(Duration::from_millis(1_000))?;
    steering.hold(&channel)?;
    let dropped = dropping.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(dropped.outcome() == "cut_off", "{json:#}\n{}", dropped.talk);
    check!(json["words"] == "the far end holds the call", "{json:#}");
    check!(json["proof"] == "unproven", "{json:#}");
    nothing_is_left(bench.lab(), dropped.id())
}

/// Held right after its beep, before our guard is over, and for a while.
fn held_before(bench: &Bench) -> Result<(), Failed> {
    let steering = Steering::of(bench.lab())?;
    let (watched, wire) = (Watched::new(bench, "0140")?, Wire::open()?);
    // Time enough to hold it.
    let careful = [LISTEN, ("AFTERTONE__SCREEN__BEEP_GUARD", "1.5")];
    let dropping = watched.start_behind(&wire, &careful)?;
    let channel = steering.recorder(&watched.number)?;
    steering.hold(&channel)?;
    let quiet = wait_for(Duration::from_secs(4), || {
        check!(!wire.spoken().is_zero());
        Ok(())
    });
    check!(quiet.is_err(), "it spoke to a line on hold");
    steering.unhold(&channel)?;
    let dropped = dropping.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["proof"] == "probable", "{json:#}");
    arrived_whole(bench, &watched.number, bench.message())?;
    nothing_is_left(bench.lab(), dropped.id())
}

fn until_silent(wire: &Wire) -> Result<(), Failed> {
    let (mut before, mut since) = (wire.spoken(), now());
    wait_for(PATIENCE, || {
        let spoken = wire.spoken();
        if std::mem::replace(&mut before, spoken) != spoken {
            since = now();
        }
        check!(since.elapsed() > Duration::from_millis(300), "it goes on");
        Ok(())
    })
}

/// It records, and that is not known: the line may as well be dead.
fn mute_mailbox(bench: &Bench) -> Result<(), Failed> {
    let _steering = Steering::of(bench.lab())?;
    let watched = Watched::new(bench, "0141")?;
    let dropped = watched.start_with(&[LISTEN])?.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["proof"] == "probable", "{json:#}");
    let reasons = json["proof_reasons"].to_string();
    check!(reasons.contains("no sound came"), "{json:#}");
    arrived_whole(bench, &watched.number, bench.message())?;
    nothing_is_left(bench.lab(), dropped.id())
}

fn mute_greeting(bench: &Bench) -> Result<(), Failed> {
    let _steering = Steering::of(bench.lab())?;
    let watched = Watched::new(bench, "0142")?;
    let dropped = watched.start_with(&[LISTEN])?.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(dropped.outcome() == "unsure", "{json:#}\n{}", dropped.talk);
    let heard = bench.lab().recordings(&watched.number, Recording::Heard)?;
    let heard = heard.last().ok_or("nobody answered")?;
    check!(likeness(&bench.message().samples, heard) < 0.5);
    nothing_is_left(bench.lab(), dropped.id())
}

/// All that can be heard of the message is in the mailbox when it hangs up.
fn tail(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0143")?;
    let message: &Message = bench.message();
    // It hangs up 0.1 s of noise after the message's beginning, and this: 60 ms after its audible end.
    let audible = audible(&message.samples).len() as f64 / RATE as f64;
    let wait = audible - 0.04;
    let put = format!("database put lab tail {wait:.2}");
    bench.lab().console("carrier", &put)?;
    let dropped = watched.start_with(&[LISTEN])?.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["ended_by"] == "far_end", "{json:#}");
    check!(json["proof"] == "probable", "{json:#}");
    let recorded = bench
        .lab()
        .recordings(&watched.number, Recording::Mailbox)?;
    let recorded = recorded.last().ok_or("no mailbox recorded anything")?;
    let found = find(&message.samples, recorded).ok_or("the message is not in the mailbox")?;
    check!(found.end_missing < Duration::from_millis(40), "{found}");
    nothing_is_left(bench.lab(), dropped.id())
}
