//! The fake PBX in a process of its own, and what it saw of the program that dialled.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aftertone::words::Leg;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    child::{self, Started},
    fake::{
        Fake, Settings,
        fault::Kind,
        leg_of,
        log::{Entry, What},
        script::{Call, Detector, Far, Playback, Script},
    },
};

/// What the PBX has seen so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Drops whose first call was originated.
    pub(crate) started: u32,
    /// Drops that played their message to its end.
    pub(crate) played: u32,
    /// Drops whose last call is gone.
    pub(crate) ended: u32,
    /// Most drops in flight at once.
    pub(crate) in_flight: u32,
    /// Most starts within any second that slides.
    pub(crate) most_in_a_second: u32,
    /// Fewest starts within one of the seconds counted from the first start, the last one left out.
    pub(crate) least_in_a_second: u32,
    /// When the first call was originated, in microseconds since 1970; 0 before.
    pub(crate) first_at: u64,
    /// From the first start to the last one, in microseconds.
    pub(crate) span: u64,
    /// Numbers that were called; in a report only.
    pub(crate) numbers: usize,
    /// Calls to the number that was called most often; in a report only.
    pub(crate) most_calls: usize,
}

/// Runs the PBX: prints its address, and what it has seen whenever it is asked.
pub(crate) async fn serve(first: Leg) -> Result<()> {
    let fake = Fake::start(Settings {
        session_limit: 1_000,
        files: false,
        other_numbers: number(first),
        ..Settings::default()
    })
    .await;
    let account = Arc::new(Mutex::new(Account::default()));
    let told = Arc::clone(&account);
    fake.with(|world| {
        world.witness = Some(Box::new(move |entry| {
            let mut account = told.lock().unwrap_or_else(PoisonError::into_inner);
            account.take(first, entry);
        }));
    });
    println!("{}", fake.url());
    while let Some(word) = child::told().await? {
        let mut seen = account
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .seen();
        if word == REPORT {
            fake.with(|world| {
                seen.numbers = world.calls.len();
                seen.most_calls = world.calls.values().copied().max().unwrap_or_default();
            });
        }
        println!("{}", serde_json::to_string(&seen)?);
    }
    Ok(())
}

/// A drop of 2.25 s, or if only one call is made, of 0.95 s.
fn number(first: Leg) -> Script {
    let mut mailbox = Call::of(&[(100, Far::Ringing), (200, Far::Answer)]);
    mailbox.detector = Detector {
        verdict_after: Duration::from_millis(300),
        wait: Duration::from_millis(150),
        ..mailbox.detector
    };
    mailbox.playback = Playback::Whole(Duration::from_millis(200));
    match first {
        Leg::Busy => Script(vec![Call::of(&[(100, Far::Ringing)]), mailbox]),
        Leg::Drop => Script(vec![mailbox]),
    }
}

/// Counts what happens as it does: the log of a million drops would not fit.
#[derive(Default)]
struct Account {
    seen: Seen,
    first: Option<Instant>,
    last: Option<Instant>,
    /// The starts of the last second.
    second: VecDeque<Instant>,
    /// Starts in each second counted from the first start.
    seconds: Vec<u32>,
}

impl Account {
    fn take(&mut self, first: Leg, entry: &Entry) {
        match &entry.what {
            What::Request {
                kind: Kind::Originate,
                channel: Some(id),
                ..
            } if leg_of(id) == Some(first) => self.start(entry.at),
            What::Event {
                kind: "PlaybackFinished",
                ..
            } => self.seen.played += 1,
            What::Event {
                kind: "ChannelDestroyed",
                channel: Some(id),
                ..
            } if leg_of(id) == Some(Leg::Drop) => self.seen.ended += 1,
            What::Request { .. } | What::Event { .. } => {}
        }
        let in_flight = self.seen.started.saturating_sub(self.seen.ended);
        self.seen.in_flight = self.seen.in_flight.max(in_flight);
    }

    fn start(&mut self, at: Instant) {
        self.seen.started += 1;
        self.last = Some(at);
        let first = *self.first.get_or_insert_with(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let now = now.unwrap_or_default().saturating_sub(at.elapsed());
            self.seen.first_at = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
            at
        });
        let nth = usize::try_from(at.duration_since(first).as_secs()).unwrap_or(usize::MAX);
        self.seconds.resize(self.seconds.len().max(nth + 1), 0);
        self.seconds[nth] += 1;
        self.second.push_back(at);
        while self
            .second
            .front()
            .is_some_and(|&early| at.duration_since(early).as_secs() > 0)
        {
            self.second.pop_front();
        }
        let within = u32::try_from(self.second.len()).unwrap_or(u32::MAX);
        self.seen.most_in_a_second = self.seen.most_in_a_second.max(within);
    }

    fn seen(&self) -> Seen {
        let span = self
            .first
            .zip(self.last)
            .map(|(first, last)| last.duration_since(first));
        let whole = self
            .seconds
            .split_last()
            .map_or(&[][..], |(_, whole)| whole);
        Seen {
            span: u64::try_from(span.unwrap_or_default().as_micros()).unwrap_or(u64::MAX),
            least_in_a_second: whole.iter().copied().min().unwrap_or_default(),
            ..self.seen
        }
    }
}

impl Seen {
    /// Starts a second, from the first to the last.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.started.saturating_sub(1)) / (self.span.max(1) as f64 / 1e6)
    }
}

/// The PBX, from outside.
pub(crate) struct Pbx {
    process: Started,
    pub(crate) url: String,
}

impl Pbx {
    /// Starts one that expects drops of this technique.
    pub(crate) fn start(technique: &str) -> Result<Self> {
        let mut process = Started::new(&["pbx".into(), technique.into()])?;
        let url = process.line().context("the fake PBX does not start")?;
        Ok(Self { process, url })
    }

    /// What it has seen, but for who was called: it may be asked often.
    pub(crate) fn seen(&mut self) -> Result<Seen> {
        self.ask("seen")
    }

    /// All that it has seen.
    pub(crate) fn report(&mut self) -> Result<Seen> {
        self.ask(REPORT)
    }

    fn ask(&mut self, word: &str) -> Result<Seen> {
        self.process.say(word)?;
        Ok(serde_json::from_str(&self.process.line()?)?)
    }

    /// Processor seconds used so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        self.process.cpu()
    }
}

/// Asks for who was called, too.
const REPORT: &str = "report";
