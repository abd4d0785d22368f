//! `cargo bench --bench tap`: what it costs to listen to the live leg ourselves, beside the dialplan's own screening.
//!
//! The same drops go through the same lab in both modes, in turn, and the kernel says what the PBX's process and this
//! one used meanwhile, less what they use where no call is up. A drop that is listened to ends sooner, so the cost is
//! told by the drop and by the second of answered call. `LAB` and `PORTS` name the lab, `ROUNDS` how often (5).

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its data")]

mod drops;
// Not `expect`: that would keep alive what it stands before, and find nothing dead.
#[allow(dead_code, reason = "the tests use all of it")]
mod network;
#[allow(dead_code, reason = "the tests use all of it")]
mod recording;
#[allow(dead_code, reason = "the tests use all of it")]
mod voice;

use std::{fs, time::Duration};

use aftertone::{
    config::ScreenMode,
    drop::{Milestone, Outcome, Report},
    words::ReadyBy,
};
use libtest_mimic::Failed;

use crate::{
    drops::all_at_once,
    network::{Lab, Message, Number, now},
};

/// Drops at once.
const SIZES: [usize; 2] = [30, 100];

/// Each is one batch of drops in either mode, at each size.
const ROUNDS: usize = 5;

/// How long the PBX is watched before each batch, while no call is up.
const IDLE: Duration = Duration::from_secs(2);

/// Longest wait for the end of one drop.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<(), Failed> {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only wants to know that it builds.
        return Ok(());
    }
    // The harness asks the PBX, too.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "another provider of TLS is there")?;
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = set("LAB").map_or("tap", |name| &*name.leak());
    let ports = set("PORTS").map_or(Ok(31_000), |ports| ports.parse())?;
    let rounds = set("ROUNDS").map_or(Ok(ROUNDS), |rounds| rounds.parse())?;
    let lab = Lab::up(name, ports)?;
    let line = Line::of(&lab)?;
    println!("load at the start: {}", load()?);
    for size in SIZES {
        let mut seen: Vec<[Batch; 2]> = Vec::new();
        for round in 0..rounds {
            let dialplan = |line: &Line<'_>| line.batch(ScreenMode::Dialplan, size);
            let listen = |line: &Line<'_>| line.batch(ScreenMode::Listen, size);
            // Whoever is second finds warmer caches, and another load.
            let both = if round % 2 == 0 {
                let first = dialplan(&line)?;
                [first, listen(&line)?]
            } else {
                let first = listen(&line)?;
                [dialplan(&line)?, first]
            };
            seen.push(both);
        }
        print(size, &seen);
    }
    println!("\nload at the end: {}", load()?);
    Ok(())
}

/// All that each batch uses.
struct Line<'a> {
    lab: &'a Lab,
    pbx: u32,
    message: Message,
    numbers: Vec<Number>,
    runtime: tokio::runtime::Runtime,
}

impl<'a> Line<'a> {
    fn of(lab: &'a Lab) -> Result<Self, Failed> {
        let facts = fs::read(lab.folder().join("lab.json"))?;
        let facts: serde_json::Value = serde_json::from_slice(&facts)?;
        let pbx = facts["pbx_pid"].as_u64().ok_or("no PBX runs")?;
        let most = SIZES.into_iter().max().unwrap_or_default();
        Ok(Self {
            lab,
            pbx: u32::try_from(pbx)?,
            message: lab.prepare("tap", 4.0)?,
            numbers: (0..most).map(|_| lab.number("0101")).collect(),
            // As the program itself has it.
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?,
        })
    }

    /// Lets so many drops run at once, and says what they used.
    fn batch(&self, mode: ScreenMode, size: usize) -> Result<Batch, Failed> {
        let idle = self.idle()?;
        let began = (now(), cpu("self")?, cpu(self.pbx)?);
        let drops = all_at_once(
            self.lab,
            &self.message,
            mode,
            &self.numbers[..size],
            PATIENCE,
        );
        let reports = self.runtime.block_on(drops)?;
        let took = began.0.elapsed().as_secs_f64();
        let ours = cpu("self")? - began.1;
        let pbx = cpu(self.pbx)? - began.2 - idle * took;
        let by = match mode {
            ScreenMode::Dialplan => ReadyBy::Dialplan,
            ScreenMode::Listen => ReadyBy::Beep,
        };
        let whole =
            |report: &&Report| report.outcome == Outcome::Delivered && report.ready_by == Some(by);
        let drops = size as f64;
        let answered: f64 = reports.iter().filter_map(answered).sum();
        Ok(Batch {
            as_meant: reports.iter().filter(whole).count(),
            call: answered / drops,
            pbx: pbx * 1e3 / drops,
            pbx_second: pbx * 1e3 / answered,
            ours: ours * 1e3 / drops,
            ours_second: ours * 1e3 / answered,
        })
    }

    /// What the PBX uses where it has nothing to do, in seconds of processor time a second.
    fn idle(&self) -> Result<f64, Failed> {
        // Channels of the batch before may be on their way out.
        self.lab.wait_for_silence_of("-", PATIENCE)?;
        let (began, before) = (now(), cpu(self.pbx)?);
        self.runtime
            .block_on(async { tokio::time::sleep(IDLE).await });
        Ok((cpu(self.pbx)? - before) / began.elapsed().as_secs_f64())
    }
}

/// What the drops of one batch used, in milliseconds of processor time a drop, or a second of answered call.
#[derive(Clone, Copy, Debug)]
struct Batch {
    /// Drops that were delivered, and by the mode that was asked for.
    as_meant: usize,
    /// From answer to end, in seconds.
    call: f64,
    pbx: f64,
    pbx_second: f64,
    ours: f64,
    ours_second: f64,
}

/// One of its figures.
type Figure = fn(&Batch) -> f64;

/// How long the drop leg was up, in seconds.
fn answered(report: &Report) -> Option<f64> {
    let at = |wanted| {
        let moments = report.timeline.iter();
        moments
            .filter(|moment| moment.event == wanted)
            .map(|moment| moment.at.as_secs_f64())
            .next()
    };
    Some(at(Milestone::DropGone)? - at(Milestone::DropAnswered)?)
}

/// Prints what was seen as a Markdown table: medians of the rounds, and the median of each round's own ratio with its
/// range.
fn print(size: usize, seen: &[[Batch; 2]]) {
    println!(
        "\n### {size} drops at once (medians of {} rounds)\n",
        seen.len()
    );
    println!("| | dialplan | listen | ratio (least to most) |\n|---|---:|---:|---:|");
    let rows: [(&str, Figure); 5] = [
        ("PBX, ms of processor a drop", |batch| batch.pbx),
        ("PBX, ms a second of answered call", |batch| {
            batch.pbx_second
        }),
        ("aftertone, ms of processor a drop", |batch| batch.ours),
        ("aftertone, ms a second of answered call", |batch| {
            batch.ours_second
        }),
        ("answered call, s", |batch| batch.call),
    ];
    for (name, read) in rows {
        let side = |n: usize| median(seen.iter().map(|both| read(&both[n])).collect());
        let mut ratios: Vec<_> = seen
            .iter()
            .map(|[dialplan, listen]| read(listen) / read(dialplan))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let ends = ratios.first().zip(ratios.last());
        let (least, most) = ends.map_or((f64::NAN, f64::NAN), |(least, most)| (*least, *most));
        println!(
            "| {name} | {:.1} | {:.1} | {:.2} ({least:.2} to {most:.2}) |",
            side(0),
            side(1),
            median(ratios),
        );
    }
    let meant = |n: usize| seen.iter().map(|both| both[n].as_meant).sum::<usize>();
    let all = size * seen.len();
    println!(
        "\ndelivered, and screened by the mode's own means: {} of {all}, {} of {all}",
        meant(0),
        meant(1)
    );
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor seconds that a process used so far, user and system (proc(5), fields 14 and 15, in hundredths of a second).
fn cpu(process: impl std::fmt::Display) -> Result<f64, Failed> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, after_name) = stat.rsplit_once(')').ok_or("an odd stat file")?;
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks = fields.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}

/// Processes that ran or waited to, on average over the last minute, and the processors there are.
fn load() -> Result<String, Failed> {
    let average = fs::read_to_string("/proc/loadavg")?;
    let minute = average.split(' ').next().unwrap_or_default();
    let processors = std::thread::available_parallelism()?;
    Ok(format!("{minute} on {processors} processors"))
}
