//! One run of the program against the fake PBX, watched from outside.

use std::{
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    controller::{Controller, Dialler, Home, Pace},
    database::Database,
    pbx::{Pbx, Seen},
};

/// What is measured, and between which drops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Measuring begins when so many have begun.
    pub(crate) from: u32,
    /// It ends when so many have.
    pub(crate) to: u32,
}

/// What one run says. Processor times in milliseconds a drop, memory in MB of a million bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Round {
    /// From the moment before the process was made to its first originate, in seconds.
    pub(crate) start_up: f64,
    /// Starts a second over the whole run.
    pub(crate) rate: f64,
    pub(crate) least_in_a_second: u32,
    pub(crate) most_in_a_second: u32,
    pub(crate) in_flight: u32,
    pub(crate) controller: f64,
    pub(crate) database: f64,
    pub(crate) pbx: f64,
    /// The controller's at the window's begin and end, and its most.
    pub(crate) memory: [f64; 3],
}

/// Runs the campaign until the window has passed, lets it drain, and checks that every call was one that had to be.
pub(crate) fn run(
    home: &Home,
    database: &Database,
    pace: Pace,
    window: Window,
    dialler: Dialler,
) -> Result<Round> {
    let mut pbx = Pbx::start(pace.technique())?;
    let mut controller = home.run(&pbx.url, pace, dialler)?;
    wait(&mut pbx, &mut controller, window.from)?;
    let begin = Meters::read(&controller, database, &mut pbx)?;
    wait(&mut pbx, &mut controller, window.to)?;
    let end = Meters::read(&controller, database, &mut pbx)?;
    let peak = controller.memory("VmHWM")?;
    let begun_at = controller.begun_at.duration_since(UNIX_EPOCH)?;
    controller.drain()?;
    let seen = pbx.report()?;
    check(&seen, pace)?;
    let first_at = Duration::from_micros(seen.first_at);
    let drops = f64::from(end.started - begin.started);
    let each = |begin: f64, end: f64| 1_000.0 * (end - begin) / drops;
    Ok(Round {
        start_up: first_at.saturating_sub(begun_at).as_secs_f64(),
        rate: seen.rate(),
        least_in_a_second: seen.least_in_a_second,
        most_in_a_second: seen.most_in_a_second,
        in_flight: seen.in_flight,
        controller: each(begin.controller, end.controller),
        database: each(begin.database, end.database),
        pbx: each(begin.pbx, end.pbx),
        memory: [begin.memory, end.memory, peak],
    })
}

impl Round {
    /// Each figure's median over the rounds.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |figure: &dyn Fn(&Self) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        let most = |figure: fn(&Self) -> u32| rounds.iter().map(figure).max().unwrap_or_default();
        let least = |figure: fn(&Self) -> u32| rounds.iter().map(figure).min().unwrap_or_default();
        Self {
            start_up: of(&|round| round.start_up),
            rate: of(&|round| round.rate),
            least_in_a_second: least(|round| round.least_in_a_second),
            most_in_a_second: most(|round| round.most_in_a_second),
            in_flight: most(|round| round.in_flight),
            controller: of(&|round| round.controller),
            database: of(&|round| round.database),
            pbx: of(&|round| round.pbx),
            memory: [0, 1, 2].map(|nth| of(&|round| round.memory[nth])),
        }
    }
}

/// All meters at one moment.
struct Meters {
    started: u32,
    controller: f64,
    database: f64,
    pbx: f64,
    memory: f64,
}

impl Meters {
    fn read(controller: &Controller, database: &Database, pbx: &mut Pbx) -> Result<Self> {
        Ok(Self {
            started: pbx.seen()?.started,
            controller: controller.cpu()?,
            database: database.cpu()?,
            pbx: pbx.cpu()?,
            memory: controller.memory("VmRSS")?,
        })
    }
}

/// Waits until so many drops have begun.
pub(crate) fn wait(pbx: &mut Pbx, controller: &mut Controller, drops: u32) -> Result<()> {
    let mut last = (0, Instant::now());
    loop {
        let started = pbx.seen()?.started;
        if started >= drops {
            return Ok(());
        }
        controller.must_live()?;
        if started > last.0 {
            last = (started, Instant::now());
        } else if last.1.elapsed() > STALLED {
            bail!(
                "after {started} drops no other begins\n{}",
                controller.said()
            );
        }
        thread::sleep(LOOK);
    }
}

/// Nothing is left in flight, everything was played, and no contact was called again.
fn check(seen: &Seen, pace: Pace) -> Result<()> {
    let started = usize::try_from(seen.started).context("more drops than memory")?;
    ensure!(
        seen.played == seen.started && seen.ended == seen.started,
        "not every drop came to its end: {seen:?}"
    );
    ensure!(
        seen.numbers == started && seen.most_calls == pace.calls(),
        "somebody was called more often than once: {seen:?}"
    );
    // As the PBX sees it: what was a little apart on its way may arrive together on a machine that is busy.
    ensure!(
        seen.most_in_a_second <= pace.rate + pace.rate / 5,
        "more drops began within a second than were allowed: {seen:?}"
    );
    Ok(())
}

/// How often the PBX is asked.
const LOOK: Duration = Duration::from_millis(20);

/// For how long nothing begins before the run has failed.
const STALLED: Duration = Duration::from_secs(60);
