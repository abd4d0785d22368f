//! What listening to the live leg ourselves brings: every subscriber ends as it should, the message begins with the
//! mailbox's recording, and a connection that is lost before it costs time and nothing else.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, beside_others, check,
    fault_proxy::{Moment, Request, Wrong},
    faults::Watched,
    network::{Dropped, Dropping, Lab, Number, Recording, wait_for},
    recording::likeness,
    subscribers::{PATIENCE, delivered},
    wire::{Wire, own_port},
};

/// A test for each subscriber, and one for each way to lose the audio connection.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in CASES {
        let bench = Arc::clone(bench);
        let name = format!("listen::{}_{}", case.subscriber, case.name);
        trials.push(Trial::test(name, move || bench.shared(|| case.run(&bench))));
    }
    for (subscriber, when) in LOSSES {
        let bench = Arc::clone(bench);
        let name = format!(
            "listen::{subscriber}_the_connection_is_lost_{}",
            when.slug()
        );
        trials.push(Trial::test(name, move || {
            bench.shared(|| connection_lost(&bench, subscriber, when))
        }));
    }
    for wrong in COPY_REFUSED {
        let bench = Arc::clone(bench);
        let name = format!("listen::amd_s_copy_goes_wrong_by_{wrong:?}");
        trials.push(Trial::test(name, move || {
            bench.shared(|| copy_refused(&bench, wrong))
        }));
    }
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(bench, format!("listen::{name}"), test));
    };
    single("the_connection_is_refused", refused);
    single("it_is_lost_in_the_message", lost_in_the_message);
    single("only_the_pbx_has_the_message", of_the_pbx);
    single("a_link_that_is_cut_while_it_listens_is_survived", link_cut);
    single("a_copy_of_a_call_is_not_in_the_books", books);
    trials
}

/// What needs the PBX for itself.
pub(crate) fn alone(bench: &Arc<Bench>) -> Vec<Trial> {
    let bench = Arc::clone(bench);
    vec![Trial::test(
        "listen::the_pbx_has_no_audiosocket",
        move || bench.alone(|| no_app(&bench)),
    )]
}

/// No prompt is known.
const NO_BOOK: (&str, &str) = ("AFTERTONE__SCREEN__BOOK", "false");

/// A message may begin by silence alone.
pub(crate) const PLAY: (&str, &str) = ("AFTERTONE__SCREEN__NO_BEEP", "play");

pub(crate) const LISTEN: (&str, &str) = ("AFTERTONE__SCREEN__MODE", "listen");

/// For tests of the PBX's own screening.
pub(crate) const DIALPLAN: (&str, &str) = ("AFTERTONE__SCREEN__MODE", "dialplan");

/// One drop to one subscriber, and what must come of it.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    subscriber: &'static str,
    outcome: &'static str,
    ready_by: Option<&'static str>,
    restarts: u64,
    left: Left,
    /// Settings.
    with: &'static [(&'static str, &'static str)],
}

/// What the drop leaves at the far end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// The whole message in the mailbox, at most this long after it began to record, in milliseconds.
    Message(u64),
    /// A person or a machine answered, and heard nothing of it.
    Nothing,
    /// They heard some of it.
    Part,
}

const fn case(
    subscriber: &'static str,
    name: &'static str,
    outcome: &'static str,
    ready_by: Option<&'static str>,
    left: Left,
) -> Case {
    Case {
        name,
        subscriber,
        outcome,
        ready_by,
        restarts: 0,
        left,
        with: &[],
    }
}

const BEEP: Option<&str> = Some("beep");
const SILENCE: Option<&str> = Some("silence");

/// What a machine under the load of many tests may add to the guard after the beep.
const AT_ONCE: Left = Left::Message(600);

const CASES: [Case; 15] = [
    case("0101", "a_mailbox_beeps", "delivered", BEEP, AT_ONCE),
    case(
        "0102",
        "a_person_lifts_the_second_call",
        "human",
        None,
        Left::Nothing,
    ),
    case(
        "0103",
        "a_person_lifts_the_first_call",
        "human",
        None,
        Left::Nothing,
    ),
    case("0104", "a_phone_is_off", "delivered", BEEP, AT_ONCE),
    case(
        "0105",
        "a_network_sends_only_183",
        "delivered",
        BEEP,
        AT_ONCE,
    ),
    case(
        "0111",
        "a_mailbox_hangs_up_in_the_message",
        "cut_off",
        BEEP,
        Left::Part,
    ),
    case("0113", "a_greeting_pauses", "delivered", BEEP, AT_ONCE),
    Case {
        with: &[PLAY],
        ..case(
            "0114",
            "a_mailbox_does_not_beep",
            "delivered",
            SILENCE,
            Left::Message(2_500),
        )
    },
    // The book that comes with the program knows its greeting.
    case(
        "0114",
        "the_book_speaks_for_a_mailbox",
        "delivered",
        SILENCE,
        Left::Message(4_000),
    ),
    Case {
        with: &[NO_BOOK],
        ..case(
            "0114",
            "nothing_but_a_turn_speaks_for_a_mailbox",
            "unsure",
            None,
            Left::Nothing,
        )
    },
    case(
        "0115",
        "a_silent_far_end_answers",
        "unsure",
        None,
        Left::Nothing,
    ),
    case("0116", "a_greeting_is_short", "delivered", BEEP, AT_ONCE),
    Case {
        restarts: 1,
        ..case("0131", "a_beep_comes_late", "delivered", BEEP, AT_ONCE)
    },
    case(
        "0132",
        "a_mailbox_takes_no_more",
        "cut_off",
        BEEP,
        Left::Part,
    ),
    Case {
        with: &[PLAY],
        ..case(
            "0133",
            "a_voice_answers_the_message",
            "human",
            SILENCE,
            Left::Part,
        )
    },
];

impl Case {
    fn run(&self, bench: &Bench) -> Result<(), Failed> {
        let lab = bench.lab();
        let number = lab.number(self.subscriber);
        let mut program = lab.aftertone();
        program.envs([LISTEN]);
        program.envs(self.with.iter().copied());
        let dropped =
            Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
        let json = &dropped.json;
        check!(
            dropped.outcome() == self.outcome,
            "{json:#}\n{}",
            dropped.talk
        );
        check!(json["ready_by"].as_str() == self.ready_by, "{json:#}");
        check!(
            json["restarts"].as_u64().unwrap_or(0) == self.restarts,
            "{json:#}"
        );
        check!(!has(&dropped, "tap_lost"), "{json:#}\n{}", dropped.talk);
        check!(json["reasons"].is_string(), "{json:#}");
        nothing_is_left(lab, dropped.id())?;
        self.check_what_is_left(bench, &number, &dropped)
    }

    fn check_what_is_left(
        &self,
        bench: &Bench,
        number: &Number,
        dropped: &Dropped,
    ) -> Result<(), Failed> {
        let message = &bench.message().samples;
        let heard = bench.lab().recordings(number, Recording::Heard)?;
        match self.left {
            Left::Message(latest) => {
                let found = delivered(bench, number)?;
                check!(found.is_whole(), "{found}\n{:#}", dropped.json);
                let waited = found.silence_before;
                check!(
                    waited <= Duration::from_millis(latest),
                    "{found}\n{:#}",
                    dropped.json
                );
            }
            Left::Nothing => {
                check!(!heard.is_empty(), "nobody answered");
                for heard in heard {
                    let alike = likeness(message, &heard);
                    check!(
                        alike < 0.5,
                        "they heard something like the message: {alike}"
                    );
                }
            }
            Left::Part => {
                let heard = heard.last().ok_or("nobody answered")?;
                check!(likeness(message, heard) > 0.5, "they heard nothing of it");
                check!(
                    dropped.json["played_ms"].as_u64() > Some(0),
                    "{:#}",
                    dropped.json
                );
            }
        }
        Ok(())
    }
}

/// When the connection is lost.
#[derive(Clone, Copy)]
enum When {
    /// As soon as it is there: it is not known yet who answered.
    AtOnce,
    /// When the mailbox records, and we still wait whether it beeps.
    AwaitingReady,
}

impl When {
    const fn slug(self) -> &'static str {
        match self {
            Self::AtOnce => "before_the_verdict",
            Self::AwaitingReady => "before_the_ready_point",
        }
    }
}

const LOSSES: [(&str, When); 4] = [
    ("0101", When::AtOnce),
    ("0104", When::AtOnce),
    ("0102", When::AtOnce),
    ("0114", When::AwaitingReady),
];

fn connection_lost(bench: &Bench, subscriber: &str, when: When) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number(subscriber);
    let wire = Wire::open()?;
    let mut program = lab.aftertone();
    wire.lead_to(program.envs([LISTEN]));
    let dropping = Dropping::start(program, &number, &bench.message().name, &[])?;
    wire.until_made()?;
    if matches!(when, When::AwaitingReady) {
        wait_for(PATIENCE, || {
            let ready = lab.calls(&number)?.iter().any(|seen| seen.event == "ready");
            check!(ready, "the mailbox does not record yet");
            Ok(())
        })?;
    }
    wire.cut();
    let dropped = dropping.finish(PATIENCE)?;
    if subscriber == "0102" {
        let json = &dropped.json;
        check!(has(&dropped, "tap_lost"), "{json:#}\n{}", dropped.talk);
        check!(dropped.outcome() == "human", "{json:#}");
        let heard = lab.recordings(&number, Recording::Heard)?;
        let heard = heard.last().ok_or("nobody answered")?;
        check!(likeness(&bench.message().samples, heard) < 0.5);
        return nothing_is_left(lab, dropped.id());
    }
    screened_by_dialplan(bench, &number, &dropped)
}

/// Delivered by what the dialplan found, and said so.
fn screened_by_dialplan(bench: &Bench, number: &Number, dropped: &Dropped) -> Result<(), Failed> {
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(has(dropped, "tap_lost"), "{json:#}\n{}", dropped.talk);
    let told = dropped.talk.contains("the live audio is lost");
    check!(told, "{}", dropped.talk);
    check!(json["ready_by"] == "dialplan", "{json:#}");
    check!(json["proof"] == "probable", "{json:#}");
    let found = delivered(bench, number)?;
    check!(found.is_whole(), "{found}\n{json:#}");
    nothing_is_left(bench.lab(), dropped.id())
}

/// Nothing listens at the address that the PBX is to connect to.
fn refused(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0101");
    let mut program = lab.aftertone();
    let port = own_port()?;
    program.envs([LISTEN]);
    program.env(
        "AFTERTONE__SCREEN__ADVERTISE",
        port.local_addr()?.to_string(),
    );
    let dropped =
        Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
    screened_by_dialplan(bench, &number, &dropped)
}

/// A PBX without the application: its dialplan goes on at once.
fn no_app(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    lab.console("pbx", "module unload app_audiosocket.so")?;
    let number = lab.number("0101");
    let mut program = lab.aftertone();
    program.envs([LISTEN, ("AFTERTONE__SCREEN__MEDIA", "audiosocket")]);
    let dropped = Dropping::start(program, &number, &bench.message().name, &[])
        .and_then(|dropping| dropping.finish(PATIENCE));
    lab.console("pbx", "module load app_audiosocket.so")?;
    screened_by_dialplan(bench, &number, &dropped?)
}

/// What is in the mailbox is a part of the message; nothing is played again.
fn lost_in_the_message(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0101");
    let wire = Wire::open()?;
    let mut program = lab.aftertone();
    wire.lead_to(program.envs([LISTEN]));
    let dropping = Dropping::start(program, &number, &bench.message().name, &[])?;
    wire.until_spoken(Duration::from_secs(1))?;
    wire.cut();
    let dropped = dropping.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(dropped.outcome() == "cut_off", "{json:#}\n{}", dropped.talk);
    check!(wire.made() == 1, "{} connections", wire.made());
    let played = json["played_ms"].as_u64().unwrap_or(0);
    check!((900..2_000).contains(&played), "{json:#}");
    nothing_is_left(lab, dropped.id())
}

/// The connection ends before, so that the PBX can play.
fn of_the_pbx(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0101");
    let mut program = lab.aftertone();
    program.envs([LISTEN]);
    let dropped = Dropping::start(program, &number, "sound:vm-nobodyavail", &[])?;
    let dropped = dropped.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["ready_by"] == "beep", "{json:#}");
    check!(!has(&dropped, "tap_lost"), "{json:#}");
    nothing_is_left(lab, dropped.id())
}

const COPY_REFUSED: [Wrong; 3] = [Wrong::Status(500), Wrong::Nothing, Wrong::NoReply];

/// AMD's word is one reason among others, and can be missing.
fn copy_refused(bench: &Bench, wrong: Wrong) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    watched.proxy.break_one(Request::Snoop, wrong);
    let dropped = watched.start_with(&[LISTEN])?.finish(PATIENCE)?;
    check!(watched.proxy.is_spent(), "the fault did not happen");
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["ready_by"] == "beep", "{json:#}");
    let found = delivered(bench, &watched.number)?;
    check!(found.is_whole(), "{found}\n{json:#}");
    watched.check_no_harm(dropped.id())?;
    nothing_is_left(bench.lab(), dropped.id())
}

/// The audio comes by another way than the events do. A machine that is too slow to bring it in time says so.
fn link_cut(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    let told = watched.proxy.cut_when(Moment::CopyEnters);
    let dropping = watched.start_with(&[LISTEN])?;
    told.recv_timeout(PATIENCE)
        .map_err(|_| "the moment never came")?;
    let dropped = dropping.finish(PATIENCE)?;
    check!(
        dropped.outcome() == "delivered",
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    check!(
        dropped.json["ready_by"] == "beep" || has(&dropped, "tap_lost"),
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    let found = delivered(bench, &watched.number)?;
    check!(found.is_whole(), "{found}\n{:#}", dropped.json);
    watched.check_no_harm(dropped.id())?;
    nothing_is_left(bench.lab(), dropped.id())
}

fn books(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0116");
    let mut program = lab.aftertone();
    program.envs([LISTEN]);
    let dropped =
        Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
    check!(dropped.outcome() == "delivered", "{:#}", dropped.json);
    // The leg's own row is written last of all.
    let rows = wait_for(Duration::from_secs(5), || {
        let books = lab.books()?;
        let rows: Vec<_> = books
            .lines()
            .filter(|row| row.contains(dropped.id()))
            .map(str::to_owned)
            .collect();
        check!(!rows.is_empty(), "no row of the drop leg");
        Ok(rows)
    })?;
    check!(rows.len() == 1 && rows[0].contains("-drop\""), "{rows:#?}");
    Ok(())
}

/// No channel of a drop, or of a run.
pub(crate) fn nothing_is_left(lab: &Lab, part: &str) -> Result<(), Failed> {
    lab.wait_for_silence_of(part, Duration::from_secs(2))
}

pub(crate) fn has(dropped: &Dropped, event: &str) -> bool {
    let timeline = dropped.json["timeline"].as_array();
    timeline.is_some_and(|timeline| timeline.iter().any(|moment| moment["event"] == event))
}
