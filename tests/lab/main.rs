//! Proof against the real thing: real Asterisk servers, real RTP, real recordings.
//!
//! The lab is brought up before the first test and taken down after the last. Arguments are those of any Rust test.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a panic is the report of a failure"
)]

mod agent_deaths;
mod agents;
mod answer_classes;
mod callbacks;
mod campaigns;
mod concurrent_programs;
mod crowds;
mod dead_man_limit;
mod doctor;
mod drops;
mod evidence;
mod far;
mod fault_proxy;
mod faults;
mod find_message_selftest;
mod hold;
mod hundred_drops;
mod listen;
mod recordings;
mod redirects;
mod serve;
mod subscribers;
mod telephones;
mod templates;
mod trunk;
mod websocket;
mod wire;

use std::{
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use aftertone_lab::{
    network::{self, Lab, Message},
    recording, test_speech,
};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::fault_proxy::FaultProxy;

/// Fails the test with the text of the condition, and what the rest of the arguments say of it.
#[macro_export]
macro_rules! check {
    ($condition:expr $(,)?) => {
        $crate::check!($condition, "")
    };
    ($condition:expr, $($words:tt)+) => {{
        let holds: bool = $condition;
        if !holds {
            return Err(format!("not so: {}\n  {}", stringify!($condition), format!($($words)+)).into());
        }
    }};
}

/// What the tests share: one lab, brought up by the first test that needs it, and one message.
#[derive(Default)]
pub(crate) struct Bench {
    lab: OnceLock<Result<(Lab, Message), String>>,
    /// How far away the PBX is, if it is to be.
    far: OnceLock<FaultProxy>,
    /// Held for reading by a test that others may run beside, for writing by one that needs the machine for itself.
    quiet: RwLock<()>,
}

impl Bench {
    /// The lab that tests share. None may stop its servers.
    pub(crate) fn lab(&self) -> &Lab {
        &self.ready().0
    }

    /// A message of four seconds.
    pub(crate) fn message(&self) -> &Message {
        &self.ready().1
    }

    /// Runs a test beside others.
    pub(crate) fn shared(&self, test: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
        let _beside = self.quiet.read().unwrap_or_else(PoisonError::into_inner);
        test()
    }

    /// Runs a test alone.
    pub(crate) fn alone(&self, test: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
        let _alone = self.quiet.write().unwrap_or_else(PoisonError::into_inner);
        test()
    }

    /// A lab for one test, which may stop its servers.
    pub(crate) fn of_its_own(name: &str) -> Self {
        let bench = Self::default();
        bench.ready_by(|| Lab::up(PROGRAM, name));
        bench
    }

    fn ready(&self) -> &(Lab, Message) {
        self.ready_by(|| Lab::up_as_set(PROGRAM, "test"))
    }

    fn ready_by(&self, up: impl FnOnce() -> Result<Lab, Failed>) -> &(Lab, Message) {
        let words = |error: Failed| error.message().unwrap_or_default().to_owned();
        let ready = || {
            let lab = up()?;
            let message = lab.prepare("test", 4.0)?;
            Ok((lab, message))
        };
        let lab = self.lab.get_or_init(|| {
            let lab = ready().map_err(words)?;
            let delay = std::env::var("LAB_DELAY")
                .ok()
                .and_then(|ms| ms.parse().ok());
            if let Some(ms) = delay {
                let far = FaultProxy::open(lab.0.pbx_url()).map_err(words)?;
                far.delay(Duration::from_millis(ms));
                lab.0.reach_by(far.url());
                let _ = self.far.set(far);
            }
            Ok(lab)
        });
        lab.as_ref()
            .unwrap_or_else(|error| panic!("no lab: {error}"))
    }
}

/// A test that others may run beside.
pub(crate) fn beside_others(
    bench: &Arc<Bench>,
    name: String,
    test: fn(&Bench) -> Result<(), Failed>,
) -> Trial {
    let bench = Arc::clone(bench);
    Trial::test(name, move || bench.shared(|| test(&bench)))
}

/// What is tested.
const PROGRAM: &str = env!("CARGO_BIN_EXE_aftertone");

fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .unwrap();
    // A test mostly waits for the telephone network, so many may wait at once.
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(8);
    let bench = Arc::new(Bench::default());
    let trials: Vec<Trial> = [
        find_message_selftest::trials(),
        subscribers::trials(&bench),
        answer_classes::trials(&bench),
        trunk::trials(&bench),
        redirects::trials(&bench),
        doctor::trials(),
        concurrent_programs::trials(&bench),
        listen::trials(&bench),
        dead_man_limit::trials(&bench),
        evidence::trials(&bench),
        far::trials(&bench),
        websocket::trials(&bench),
        hold::trials(&bench),
        faults::trials(&bench),
        serve::trials(&bench),
        agents::trials(&bench),
        agent_deaths::trials(&bench),
        callbacks::trials(&bench),
        telephones::trials(&bench),
        recordings::trials(&bench),
        templates::trials(&bench),
        // What is to come of each of hundreds holds on a machine that keeps up: theirs is the load that the lab is made for.
        campaigns::beside(&bench),
        // Last: before one that runs alone, all others have to end, and nothing is begun beside it.
        listen::alone(&bench),
        hundred_drops::trials(&bench),
        crowds::trials(&bench),
        campaigns::alone(&bench),
    ]
    .into_iter()
    .flatten()
    .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The lab goes down before the program exits.
    drop(bench);
    conclusion.exit();
}
