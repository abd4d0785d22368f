//! What breaks, breaks for real: killed processes, cut sockets, servers that stop, requests that go wrong. In none of it
//! is the message played twice, played to a person, or a number rung again.

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, beside_others, check,
    fault_proxy::{FaultProxy, Moment, Request, Wrong},
    listen::DIALPLAN,
    network::{Dropped, Dropping, Lab, Message, Number, Recording, wait_for},
    recording::likeness,
    subscribers::{PATIENCE, delivered},
    wire::Wire,
};

/// A test for each fault.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for moment in KILLS {
        let bench = Arc::clone(bench);
        let name = format!("faults::killed_when_{moment:?}_and_swept_by_the_next_start");
        trials.push(Trial::test(name, move || {
            bench.shared(|| killed_and_swept(&bench, moment))
        }));
    }
    for moment in [
        Moment::DropLegAnswers,
        Moment::DropLegEnters,
        Moment::Verdict,
    ] {
        let bench = Arc::clone(bench);
        let name = format!("faults::event_link_cut_when_{moment:?}_plays_nothing_to_a_person");
        trials.push(Trial::test(name, move || {
            bench.shared(|| link_cut_with_a_person(&bench, moment))
        }));
    }
    for (moment, outcome) in CUTS {
        let bench = Arc::clone(bench);
        let name = format!("faults::event_link_cut_when_{moment:?}_ends_{outcome}");
        trials.push(Trial::test(name, move || {
            bench.shared(|| link_cut(&bench, moment, outcome))
        }));
    }
    for request in REQUESTS {
        for wrong in WRONGS {
            let bench = Arc::clone(bench);
            let name = format!("faults::{request:?}_goes_wrong_by_{}", slug(wrong));
            trials.push(Trial::test(name, move || {
                bench.shared(|| request_broken(&bench, request, wrong))
            }));
        }
    }
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(bench, format!("faults::{name}"), test));
    };
    single(
        "killed_while_it_rings_for_ever_the_pbx_ends_the_calls",
        fail_safe_while_ringing,
    );
    single(
        "killed_when_a_person_answers_the_pbx_lets_them_go",
        fail_safe_for_a_person,
    );
    single(
        "killed_while_it_plays_the_pbx_ends_the_call",
        fail_safe_while_playing,
    );
    single(
        "interrupted_both_legs_are_gone_before_it_exits",
        interrupted,
    );
    single("another_client_takes_the_app_name", replaced);
    for (subscriber, moment) in RESTARTS {
        let name = format!("faults::the_pbx_crashes_when_{moment:?}");
        trials.push(Trial::test(name, move || pbx_crashes(subscriber, moment)));
        let name = format!("faults::the_pbx_is_restarted_when_{moment:?}");
        trials.push(Trial::test(name, move || {
            pbx_is_restarted(subscriber, moment)
        }));
    }
    trials
}

const KILLS: [Moment; 8] = [
    Moment::BusyLegRings,
    Moment::DropLegRings,
    Moment::DropLegAnswers,
    Moment::DropLegEnters,
    Moment::Verdict,
    Moment::Ready,
    Moment::PlaybackStarts,
    Moment::PlaybackEnds,
];

/// The link comes back within a second, so what can still be read from the PBX is; an end of playback that went by
/// unheard cannot.
const CUTS: [(Moment, &str); 8] = [
    (Moment::BusyLegRings, "delivered"),
    (Moment::DropLegRings, "delivered"),
    (Moment::DropLegAnswers, "delivered"),
    (Moment::DropLegEnters, "delivered"),
    (Moment::Verdict, "delivered"),
    (Moment::Ready, "delivered"),
    (Moment::PlaybackStarts, "delivered"),
    (Moment::PlaybackEnds, "lost"),
];

const RESTARTS: [(&str, Moment); 2] = [
    ("0108", Moment::DropLegRings),
    ("0101", Moment::PlaybackStarts),
];

const REQUESTS: [Request; 6] = [
    Request::DialBusyLeg,
    Request::DialDropLeg,
    Request::HangUpBusyLeg,
    Request::HangUpDropLeg,
    Request::Continue,
    Request::Play,
];

const WRONGS: [Wrong; 6] = [
    Wrong::Status(500),
    Wrong::Status(503),
    Wrong::Nothing,
    Wrong::NoReply,
    Wrong::Garbage,
    Wrong::Slow(Duration::from_millis(1_500)),
];

fn slug(wrong: Wrong) -> String {
    match wrong {
        Wrong::Status(status) => status.to_string(),
        Wrong::Nothing => "nothing".to_owned(),
        Wrong::NoReply => "no_reply".to_owned(),
        Wrong::Garbage => "garbage".to_owned(),
        Wrong::Slow(_) => "slowness".to_owned(),
    }
}

/// A drop whose requests and events go through a proxy, with a state folder of its own, so that no other test's
/// start sweeps what this one leaves behind.
pub(crate) struct Watched<'a> {
    bench: &'a Bench,
    pub(crate) proxy: FaultProxy,
    state: PathBuf,
    pub(crate) number: Number,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(bench: &'a Bench, subscriber: &str) -> Result<Self, Failed> {
        let lab = bench.lab();
        let number = lab.number(subscriber);
        let state = lab.folder().join(format!("state-{number}"));
        fs::create_dir_all(&state)?;
        Ok(Self {
            bench,
            proxy: FaultProxy::open(lab.pbx_url())?,
            state,
            number,
        })
    }

    fn program(&self) -> Command {
        let mut program = self.bench.lab().aftertone();
        program.envs([DIALPLAN]);
        program.env("AFTERTONE__STATE_DIR", &self.state);
        // By another port the PBX is another one, and each of them has an instance of its own.
        program.env("AFTERTONE__INSTANCE", instance_of(&self.proxy.url()));
        program
    }

    fn start(&self) -> Result<Dropping, Failed> {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, settings: &[(&str, &str)]) -> Result<Dropping, Failed> {
        self.start_to_play(self.bench.message(), settings)
    }

    pub(crate) fn start_to_play(
        &self,
        message: &Message,
        settings: &[(&str, &str)],
    ) -> Result<Dropping, Failed> {
        let mut program = self.program();
        program.env("AFTERTONE__PBX__URL", self.proxy.url());
        program.envs(settings.iter().copied());
        Dropping::start(program, &self.number, &message.name, &[])
    }

    /// The same with our ears behind a wire.
    pub(crate) fn start_behind(
        &self,
        wire: &Wire,
        settings: &[(&str, &str)],
    ) -> Result<Dropping, Failed> {
        self.start_behind_to_play(wire, self.bench.message(), settings)
    }

    pub(crate) fn start_behind_to_play(
        &self,
        wire: &Wire,
        message: &Message,
        settings: &[(&str, &str)],
    ) -> Result<Dropping, Failed> {
        let mut program = self.program();
        program.env("AFTERTONE__PBX__URL", self.proxy.url());
        program.envs(settings.iter().copied());
        wire.lead_to(&mut program);
        Dropping::start(program, &self.number, &message.name, &[])
    }

    /// The next start of the program on this machine, to a number that does not answer.
    pub(crate) fn next_start(&self) -> Result<Dropped, Failed> {
        let nobody = self.bench.lab().number("0107");
        let mut program = self.program();
        // The PBX is known by its address.
        program.env("AFTERTONE__PBX__URL", self.proxy.url());
        Dropping::start(program, &nobody, &self.bench.message().name, &[])?.finish(PATIENCE)
    }

    /// The name of the run whose channels are up, as in their ids.
    pub(crate) fn run(&self) -> Result<String, Failed> {
        run_in(&self.state)
    }

    /// What holds whatever goes wrong: each leg dialled at most once, the message at most once, no channel left.
    pub(crate) fn check_no_harm(&self, id_part: &str) -> Result<(), Failed> {
        self.check_nothing_is_left(id_part)?;
        self.check_nothing_twice()
    }

    fn check_nothing_is_left(&self, id_part: &str) -> Result<(), Failed> {
        let lab = self.bench.lab();
        lab.wait_for_silence_of(id_part, Duration::from_secs(2))
    }

    fn check_nothing_twice(&self) -> Result<(), Failed> {
        let lab = self.bench.lab();
        check!(
            lab.times_called(&self.number)? <= 2,
            "{:#?}",
            lab.calls(&self.number)?
        );
        check!(self.proxy.reached(Request::DialBusyLeg) <= 1);
        check!(self.proxy.reached(Request::DialDropLeg) <= 1);
        check!(self.proxy.reached(Request::Play) <= 1, "played twice");
        Ok(())
    }
}

fn soon(told: &mpsc::Receiver<()>) -> Result<(), Failed> {
    told.recv_timeout(PATIENCE)
        .map_err(|_| "the moment never came".into())
}

fn killed_and_swept(bench: &Bench, moment: Moment) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    let told = watched.proxy.tell_when(moment);
    let dropping = watched.start()?;
    soon(&told)?;
    let run = watched.run()?;
    dropping.signal("-KILL")?;
    let killed = dropping.finish(PATIENCE)?;
    check!(
        killed.status.is_none(),
        "it was killed: {:?}",
        killed.status
    );
    let left = bench.lab().channels()?;
    // When the message has ended, the hang-up may have been on its way.
    check!(
        moment == Moment::PlaybackEnds || left.iter().any(|id| id.starts_with(&run)),
        "nothing was left to sweep: {left:?}"
    );

    // Before the next one dials its own number.
    watched.check_nothing_twice()?;
    let next = watched.next_start()?;
    check!(
        next.outcome() == "invalid_number",
        "{:#}\n{}",
        next.json,
        next.talk
    );
    watched.check_nothing_is_left(&run)?;
    check!(watched.run().is_err(), "the dead run's lock is still there");
    Ok(())
}

fn link_cut(bench: &Bench, moment: Moment, outcome: &str) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    let told = watched.proxy.cut_when(moment);
    let dropping = watched.start()?;
    soon(&told)?;
    let dropped = dropping.finish(PATIENCE)?;
    check!(
        dropped.outcome() == outcome,
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    watched.check_no_harm(dropped.id())?;
    if outcome == "delivered" {
        let found = delivered(bench, &watched.number)?;
        check!(found.is_whole(), "{found}\n{:#}", dropped.json);
    }
    Ok(())
}

/// The verdict may get lost with the link: the PBX lets a person go within two seconds, whether or not we hear of it.
fn link_cut_with_a_person(bench: &Bench, moment: Moment) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0102")?;
    let told = watched.proxy.cut_when(moment);
    let dropping = watched.start()?;
    soon(&told)?;
    let dropped = dropping.finish(PATIENCE)?;
    check!(
        ["human", "lost"].contains(&dropped.outcome()),
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    watched.check_no_harm(dropped.id())?;
    check!(watched.proxy.reached(Request::Play) == 0);
    let heard = bench.lab().recordings(&watched.number, Recording::Heard)?;
    let alike = likeness(
        &bench.message().samples,
        heard.last().ok_or("nobody answered")?,
    );
    check!(alike < 0.5, "{alike}");
    Ok(())
}

fn request_broken(bench: &Bench, request: Request, wrong: Wrong) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    watched.proxy.break_one(request, wrong);
    let dropped = watched.start()?.finish(PATIENCE)?;
    check!(watched.proxy.is_spent(), "the fault did not happen");
    let expected: &[&str] = match (request, wrong) {
        // A hang-up is asked for until it is done, and what is slow is waited for.
        (Request::HangUpBusyLeg | Request::HangUpDropLeg, _) | (_, Wrong::Slow(_)) => {
            &["delivered"]
        }
        // The line is free for the second call, which waits until the mailbox takes it.
        (Request::DialBusyLeg, Wrong::Nothing) => &["delivered", "lost"],
        // The channel itself shows that it was dialled, that it was screened, that it plays.
        (_, Wrong::NoReply | Wrong::Garbage) => &["delivered", "lost"],
        // Our patience with the request ends when the PBX's own limit ends the leg: ten seconds for this message.
        (Request::Play, Wrong::Nothing) => &["lost", "unsure"],
        (_, Wrong::Nothing) => &["lost"],
        (_, Wrong::Status(_)) => &["error"],
    };
    check!(
        expected.contains(&dropped.outcome()),
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    watched.check_no_harm(dropped.id())?;
    if dropped.outcome() == "delivered" {
        let found = delivered(bench, &watched.number)?;
        check!(found.is_whole(), "{found}\n{:#}", dropped.json);
    }
    Ok(())
}

fn fail_safe_while_ringing(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0108")?;
    let told = watched.proxy.tell_when(Moment::BusyLegRings);
    // The busy leg may ring for the lead and this long, and not longer, whether or not anybody lives to end it.
    let dropping = watched.start_with(&[("AFTERTONE__DROP__ANSWER_TIMEOUT", "2s")])?;
    soon(&told)?;
    let run = watched.run()?;
    dropping.signal("-KILL")?;
    dropping.finish(PATIENCE)?;
    check!(
        bench
            .lab()
            .channels()?
            .iter()
            .any(|id| id.starts_with(&run))
    );
    bench
        .lab()
        .wait_for_silence_of(&run, Duration::from_secs(7))
}

fn fail_safe_for_a_person(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0102")?;
    let told = watched.proxy.tell_when(Moment::DropLegEnters);
    let asked = Duration::from_millis(500);
    let dropping = watched.start()?;
    soon(&told)?;
    // The leg has to be in the dialplan before the program dies.
    wait_for(asked * 4, || {
        check!(watched.proxy.reached(Request::Continue) == 1);
        Ok(())
    })?;
    let run = watched.run()?;
    dropping.signal("-KILL")?;
    dropping.finish(PATIENCE)?;
    // Five seconds at most to find out who it is, and two to let go.
    bench
        .lab()
        .wait_for_silence_of(&run, Duration::from_secs(8))?;
    let heard = bench.lab().recordings(&watched.number, Recording::Heard)?;
    check!(
        likeness(
            &bench.message().samples,
            heard.last().ok_or("nobody answered")?
        ) < 0.5
    );
    Ok(())
}

fn fail_safe_while_playing(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    let told = watched.proxy.tell_when(Moment::PlaybackStarts);
    let dropping = watched.start()?;
    soon(&told)?;
    let run = watched.run()?;
    dropping.signal("-KILL")?;
    dropping.finish(PATIENCE)?;
    // The message is four seconds long, and the limit five more than it.
    bench
        .lab()
        .wait_for_silence_of(&run, Duration::from_secs(11))
}

fn interrupted(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    let told = watched.proxy.tell_when(Moment::DropLegAnswers);
    let dropping = watched.start()?;
    soon(&told)?;
    let run = watched.run()?;
    dropping.signal("-INT")?;
    let dropped = dropping.finish(PATIENCE)?;
    let left = bench.lab().channels()?;
    check!(!left.iter().any(|id| id.starts_with(&run)), "{left:?}");
    check!(
        dropped.outcome() == "cancelled" && dropped.status == Some(1),
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    watched.check_no_harm(&run)
}

fn replaced(bench: &Bench) -> Result<(), Failed> {
    let watched = Watched::new(bench, "0101")?;
    let told = watched.proxy.tell_when(Moment::DropLegAnswers);
    let dropping = watched.start()?;
    soon(&told)?;
    let run = watched.run()?;
    let lab = bench.lab();
    let apps = lab.ask("GET", "applications")?;
    let ours = |app: &serde_json::Value| {
        let ids = app["channel_ids"].as_array().cloned().unwrap_or_default();
        ids.iter()
            .any(|id| id.as_str().is_some_and(|id| id.starts_with(&run)))
    };
    let app = apps
        .as_array()
        .and_then(|apps| apps.iter().find(|app| ours(app)))
        .ok_or("no app of the run")?;
    let name = app["name"].as_str().ok_or("no name")?;
    let thief = take_app(lab.pbx_url(), lab.login(), name)?;
    let dropped = dropping.finish(PATIENCE)?;
    drop(thief);
    check!(dropped.status == Some(1), "{:?}", dropped.status);
    check!(dropped.outcome() == "lost", "{:#}", dropped.json);
    check!(
        dropped.talk.contains("app"),
        "it does not say why: {}",
        dropped.talk
    );
    watched.check_no_harm(&run)
}

/// Registers an app name that is in use, as a second program with the same configuration would.
pub(crate) fn take_app(
    url: &str,
    (user, password): (&str, &str),
    app: &str,
) -> Result<TcpStream, Failed> {
    let address = url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address)?;
    write!(
        socket,
        "GET /ari/events?app={app}&api_key={user}:{password} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: ari\r\n\r\n"
    )?;
    let mut answer = [0; 12];
    socket.read_exact(&mut answer)?;
    check!(
        answer == *b"HTTP/1.1 101",
        "{}",
        String::from_utf8_lossy(&answer)
    );
    Ok(socket)
}

fn pbx_crashes(subscriber: &str, moment: Moment) -> Result<(), Failed> {
    pbx_goes(subscriber, moment, Lab::crash_pbx, &["lost"])
}

/// A PBX that is stopped in good order still reports that it ends its channels, and gives no cause.
fn pbx_is_restarted(subscriber: &str, moment: Moment) -> Result<(), Failed> {
    pbx_goes(
        subscriber,
        moment,
        Lab::restart_pbx,
        &["lost", "failed", "cut_off"],
    )
}

/// One at a time: all use the same lab of their own, whose servers other tests need not miss.
fn pbx_goes(
    subscriber: &str,
    moment: Moment,
    go: fn(&Lab) -> Result<(), Failed>,
    outcomes: &[&str],
) -> Result<(), Failed> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let own = Bench::of_its_own("restarts");
    let watched = Watched::new(&own, subscriber)?;
    let told = watched.proxy.tell_when(moment);
    let dropping = watched.start()?;
    soon(&told)?;
    go(own.lab())?;
    let dropped = dropping.finish(PATIENCE)?;
    check!(
        outcomes.contains(&dropped.outcome()),
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    check!(dropped.status == Some(1));
    watched.check_no_harm(dropped.id())
}

/// The only run that keeps its lock in this folder of state, in the folder of its PBX.
pub(crate) fn run_in(state: &Path) -> Result<String, Failed> {
    let mut names = Vec::new();
    for pbx in fs::read_dir(state.join("runs"))? {
        let Ok(locks) = fs::read_dir(pbx?.path()) else {
            continue;
        };
        let name = |lock: io::Result<fs::DirEntry>| {
            let path = lock.ok()?.path();
            let is_lock = path.extension()? == "lock";
            is_lock.then(|| path.file_stem()?.to_str().map(str::to_owned))?
        };
        names.extend(locks.filter_map(name));
    }
    match names.as_slice() {
        [one] => Ok(one.clone()),
        other => Err(format!("one run was expected: {other:?}").into()),
    }
}

/// A name of its own for whoever reaches the PBX by this URL.
pub(crate) fn instance_of(url: &str) -> String {
    let port = url.rsplit(':').next().unwrap_or_default();
    format!("lab{}", port.trim_end_matches('/'))
}
