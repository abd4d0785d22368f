//! The second carrier of a call's audio, chan_websocket: near, and across a network that is slow and loses packets.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, check,
    evidence::check_proven,
    faults::{instance_of, run_in},
    listen::{LISTEN, has, nothing_is_left},
    network::{Dropping, Lab, Number, Recording, now, wait_for},
    recording::{likeness, peak},
    subscribers::{PATIENCE, delivered},
};

type Test = Box<dyn Fn(&Bench) -> Result<(), Failed> + Send>;

/// A test for each subscriber and network, and one for each way in which the connection ends.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: String, test: Test| {
        let bench = Arc::clone(bench);
        trials.push(Trial::test(format!("websocket::{name}"), move || {
            bench.shared(|| test(&bench))
        }));
    };
    for case in CASES {
        add(
            format!("{}_near_is_{}", case.subscriber, case.outcome),
            Box::new(move |bench| case.run(bench, None)),
        );
        add(
            format!("{}_far_is_{}", case.subscriber, case.outcome),
            Box::new(move |bench| case.run(bench, Some(LOSSY))),
        );
    }
    add(
        "a_message_that_only_the_pbx_has_is_played_by_it".into(),
        Box::new(of_the_pbx),
    );
    add("a_call_whose_aftertone_dies_ends".into(), Box::new(killed));
    add(
        "a_connection_that_is_lost_in_the_message_ends_the_call".into(),
        Box::new(lost_in_the_message),
    );
    add(
        "a_connection_that_is_lost_leaves_it_to_the_dialplan".into(),
        Box::new(lost),
    );
    trials
}

const WEBSOCKET: (&str, &str) = ("AFTERTONE__SCREEN__MEDIA", "websocket");

/// One drop to one subscriber, and what must come of it.
#[derive(Clone, Copy)]
struct Case {
    subscriber: &'static str,
    outcome: &'static str,
    restarts: u64,
}

const CASES: [Case; 5] = [
    Case {
        subscriber: "0101",
        outcome: "delivered",
        restarts: 0,
    },
    Case {
        subscriber: "0102",
        outcome: "human",
        restarts: 0,
    },
    Case {
        subscriber: "0131",
        outcome: "delivered",
        restarts: 1,
    },
    Case {
        subscriber: "0111",
        outcome: "cut_off",
        restarts: 0,
    },
    Case {
        subscriber: "0133",
        outcome: "human",
        restarts: 0,
    },
];

impl Case {
    fn run(self, bench: &Bench, network: Option<Network>) -> Result<(), Failed> {
        let lab = bench.lab();
        let number = lab.number(self.subscriber);
        let mut program = lab.aftertone();
        program.envs([LISTEN, WEBSOCKET]);
        let proxy = match network {
            Some(network) => Some(NetworkProxy::open(lab.pbx_url(), network)?),
            None => None,
        };
        if let Some(proxy) = &proxy {
            program.env("AFTERTONE__PBX__URL", proxy.url());
            program.env("AFTERTONE__INSTANCE", instance_of(&proxy.url()));
        }
        let dropped =
            Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
        let json = &dropped.json;
        check!(
            dropped.outcome() == self.outcome,
            "{json:#}\n{}",
            dropped.talk
        );
        check!(!has(&dropped, "tap_lost"), "{json:#}\n{}", dropped.talk);
        // A piece that the network holds is a silence, and the beep behind it comes late.
        let late = u64::from(network.is_some());
        let restarts = json["restarts"].as_u64().unwrap_or(0);
        check!(
            (self.restarts..=self.restarts + late).contains(&restarts),
            "{json:#}"
        );
        if self.outcome == "delivered" {
            let found = delivered(bench, &number)?;
            check!(found.is_whole(), "{found}\n{json:#}");
            check!(json["ready_by"] == "beep", "{json:#}");
            check_proven(json)?;
        }
        if self.subscriber == "0102" {
            unheard(bench, &number)?;
        }
        nothing_is_left(lab, dropped.id())
    }
}

fn unheard(bench: &Bench, number: &Number) -> Result<(), Failed> {
    let heard = bench.lab().recordings(number, Recording::Heard)?;
    let heard = heard.last().ok_or("nobody answered")?;
    let alike = likeness(&bench.message().samples, heard);
    check!(
        alike < 0.5,
        "they heard something like the message: {alike}"
    );
    Ok(())
}

/// The leg stays in our app, where only its limit ends it.
fn killed(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0115");
    let state = lab.folder().join(format!("state-{number}"));
    let mut program = lab.aftertone();
    program.env("AFTERTONE__STATE_DIR", &state).envs([
        LISTEN,
        WEBSOCKET,
        ("AFTERTONE__SCREEN__INITIAL_SILENCE", "14"),
    ]);
    let dropping = Dropping::start(program, &number, &bench.message().name, &[])?;
    let tap = tap_of(lab, &state)?;
    let id = tap.trim_end_matches("-tap").to_owned();
    dropping.signal("-KILL")?;
    let died = now();
    wait_for(Duration::from_secs(14), || {
        let channels = lab.channels()?;
        let left: Vec<_> = channels
            .iter()
            .filter(|channel| channel.starts_with(&id))
            .collect();
        check!(
            left.is_empty(),
            "{left:?} still there {:?} after our death",
            died.elapsed()
        );
        Ok(())
    })?;
    dropping.finish(PATIENCE)?;
    unheard(bench, &number)?;
    // What is left is a bridge, which the next run sweeps.
    let mut program = lab.aftertone();
    program
        .env("AFTERTONE__STATE_DIR", &state)
        .envs([LISTEN, WEBSOCKET]);
    let next = lab.number("0102");
    Dropping::start(program, &next, &bench.message().name, &[])?.finish(PATIENCE)?;
    nothing_is_left(lab, &id)
}

/// We hear who answers and when the mailbox records, and leave the leg to the PBX then.
fn of_the_pbx(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0101");
    let mut program = lab.aftertone();
    program.envs([LISTEN, WEBSOCKET]);
    let dropped =
        Dropping::start(program, &number, "sound:vm-nobodyavail", &[])?.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["ready_by"] == "beep", "{json:#}\n{}", dropped.talk);
    check!(!has(&dropped, "tap_lost"), "{json:#}\n{}", dropped.talk);
    nothing_is_left(lab, dropped.id())
}

/// The leg is free at once, and the dialplan screens it.
fn lost(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0101");
    let state = lab.folder().join(format!("state-{number}"));
    let mut program = lab.aftertone();
    program
        .env("AFTERTONE__STATE_DIR", &state)
        .envs([LISTEN, WEBSOCKET]);
    let dropping = Dropping::start(program, &number, &bench.message().name, &[])?;
    let tap = tap_of(lab, &state)?;
    lab.ask("DELETE", &format!("channels/{tap}"))?;
    let dropped = dropping.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(has(&dropped, "tap_lost"), "{json:#}\n{}", dropped.talk);
    check!(
        dropped.outcome() == "delivered",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(json["ready_by"] == "dialplan", "{json:#}");
    let found = delivered(bench, &number)?;
    check!(found.is_whole(), "{found}\n{json:#}");
    nothing_is_left(lab, dropped.id())
}

/// The mailbox has a part of the message, and gets no second one.
fn lost_in_the_message(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0101");
    let state = lab.folder().join(format!("state-{number}"));
    let mut program = lab.aftertone();
    program
        .env("AFTERTONE__STATE_DIR", &state)
        .envs([LISTEN, WEBSOCKET]);
    let dropping = Dropping::start(program, &number, &bench.message().name, &[])?;
    let tap = tap_of(lab, &state)?;
    wait_for(PATIENCE, || {
        let recorded = lab.recordings(&number, Recording::Mailbox)?;
        let loud = recorded.last().is_some_and(|last| peak(last) > 0.1);
        check!(loud, "nothing is recorded yet");
        Ok(())
    })?;
    lab.ask("DELETE", &format!("channels/{tap}"))?;
    let dropped = dropping.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(dropped.outcome() == "cut_off", "{json:#}\n{}", dropped.talk);
    check!(json["played_ms"].as_u64() > Some(0), "{json:#}");
    nothing_is_left(lab, dropped.id())
}

/// The channel that carries the audio of the only call of this program, once the leg is joined with it.
fn tap_of(lab: &Lab, state: &Path) -> Result<String, Failed> {
    let run = wait_for(PATIENCE, || run_in(state))?;
    wait_for(PATIENCE, || {
        let bridges = lab.ask("GET", "bridges")?;
        let bridges = bridges.as_array().ok_or("no list of bridges")?;
        let channels = bridges
            .iter()
            .filter_map(|bridge| bridge["channels"].as_array());
        let channels = channels.filter(|joined| joined.len() == 2).flatten();
        let mut ids = channels.filter_map(|id| id.as_str());
        let ours = |id: &&str| id.starts_with(&format!("{run}-")) && id.ends_with("-tap");
        Ok(ids.find(ours).ok_or("no tap yet")?.to_owned())
    })
}

/// How a network is.
#[derive(Clone, Copy)]
struct Network {
    /// The way there, and the way back.
    delay: Duration,
    /// Of how many pieces one is lost.
    loses: u32,
    /// How long TCP takes to notice and to send it again; all that follows waits for it.
    again: Duration,
}

/// 60 ms there and back, and one packet of a hundred is lost.
const LOSSY: Network = Network {
    delay: Duration::from_millis(30),
    loses: 100,
    again: Duration::from_millis(260),
};

/// Passes bytes between the program and the PBX as such a network does.
struct NetworkProxy {
    at: SocketAddr,
    closing: Arc<AtomicBool>,
}

impl NetworkProxy {
    fn open(pbx: &str, network: Network) -> Result<Self, Failed> {
        let pbx = pbx
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let at = listener.local_addr()?;
        let closing = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&closing);
        thread::spawn(move || {
            for (nth, client) in (1_u32..).zip(listener.incoming().map_while(Result::ok)) {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                // The program sees that the PBX is gone.
                let _ = join(client, &pbx, network, nth);
            }
        });
        Ok(Self { at, closing })
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }
}

impl Drop for NetworkProxy {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        // So that it looks.
        let _ = TcpStream::connect(self.at);
    }
}

fn join(client: TcpStream, pbx: &str, network: Network, nth: u32) -> io::Result<()> {
    let pbx = TcpStream::connect(pbx)?;
    for stream in [&client, &pbx] {
        stream.set_nodelay(true)?;
    }
    pass(client.try_clone()?, pbx.try_clone()?, network, nth);
    pass(pbx, client, network, nth.wrapping_mul(31));
    Ok(())
}

/// Passes one direction, late.
fn pass(mut from: TcpStream, mut to: TcpStream, network: Network, seed: u32) {
    let (late, pieces) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let (_kept, never) = mpsc::channel::<()>();
        for (due, bytes) in pieces {
            // Nothing comes; its time passes.
            let _ = never.recv_timeout(due.saturating_duration_since(now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut buffer = [0; 1_400];
        let (mut random, mut last) = (seed | 1, now());
        while let Ok(count) = from.read(&mut buffer) {
            if count == 0 {
                break;
            }
            // Xorshift (Marsaglia 2003): the same losses each time.
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let lost = random % network.loses == 0;
            let again = if lost { network.again } else { Duration::ZERO };
            last = last.max(now() + network.delay + again);
            if late.send((last, buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    });
}
