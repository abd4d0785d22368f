//! `cargo bench --bench tap`: what it costs to listen to the live leg ourselves, beside the dialplan's own screening.
//!
//! The same drops go through the same lab in three ways, in turn: screened by the dialplan, listened to with AMD's word, and
//! listened to without it. The kernel says what the PBX's process and this one used meanwhile, less what they use while no call is
//! up. A drop that is listened to ends sooner, so the cost is given by the drop and by the second of answered call. `LAB` and
//! `PORTS` name the lab, `ROUNDS` how often (5), `SIZES` how many drops at once (`30,100`).
//!
//! `cargo bench --bench tap -- --whole` only asks whether a hundred drops at once that are listened to are all left whole, three
//! times in a row.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its data")]

mod drops;

use std::{fs, time::Duration};

use aftertone::{
    config::{Config, ScreenMode},
    drop::{Milestone, Moment, Outcome, Report},
    words::ReadyBy,
};
use aftertone_lab::{
    network::{self, Lab, Message, Number, Recording, now},
    recording::{self, RATE, audible, find},
};
use libtest_mimic::Failed;

use crate::drops::all_at_once;

/// Drops at once.
const SIZES: &str = "30,100";

/// Each is one batch of drops in every way, at each size.
const ROUNDS: usize = 5;

/// How often a hundred drops at once have to be whole, one time after the other.
const WHOLE: usize = 3;

/// How long the PBX is watched before each batch, while no call is up.
const IDLE: Duration = Duration::from_secs(2);

/// Longest wait for the end of one drop.
const PATIENCE: Duration = Duration::from_secs(120);

/// A way to screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Dialplan,
    WithAmd,
    WithoutAmd,
}

impl Way {
    const ALL: [Self; 3] = [Self::Dialplan, Self::WithAmd, Self::WithoutAmd];

    const fn set(self, config: &mut Config) {
        config.screen.mode = match self {
            Self::Dialplan => ScreenMode::Dialplan,
            Self::WithAmd | Self::WithoutAmd => ScreenMode::Listen,
        };
        config.screen.amd = matches!(self, Self::WithAmd);
    }

    const fn ready_by(self) -> ReadyBy {
        match self {
            Self::Dialplan => ReadyBy::Dialplan,
            Self::WithAmd | Self::WithoutAmd => ReadyBy::Beep,
        }
    }
}

fn main() -> Result<(), Failed> {
    let asked = |wanted| std::env::args().any(|argument| argument == wanted);
    if !asked("--bench") {
        // `cargo test --benches` only wants to know that it builds.
        return Ok(());
    }
    // The harness asks the PBX, too.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "another provider of TLS is there")?;
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let rounds = set("ROUNDS").map_or(Ok(ROUNDS), |rounds| rounds.parse())?;
    let sizes = set("SIZES").unwrap_or_else(|| SIZES.to_owned());
    let sizes = sizes.split(',').map(str::parse::<usize>);
    let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
    let lab = Lab::up_as_set(env!("CARGO_BIN_EXE_aftertone"), "tap")?;
    let most = sizes.iter().copied().max().unwrap_or_default().max(100);
    let line = Line::of(&lab, most)?;
    println!("load at the start: {}", load()?);
    if asked("--whole") {
        line.check_whole()?;
    } else {
        for size in sizes {
            let mut seen: Vec<[Batch; 3]> = Vec::new();
            for round in 0..rounds {
                // The later ones find warmer caches, and another load.
                let mut batches = [None; 3];
                for turn in 0..3 {
                    let which = (turn + round) % 3;
                    batches[which] = Some(line.batch(Way::ALL[which], size)?);
                }
                seen.extend(all(batches));
            }
            print(size, &seen);
        }
    }
    println!("\nload at the end: {}", load()?);
    Ok(())
}

fn all(batches: [Option<Batch>; 3]) -> Option<[Batch; 3]> {
    let [first, second, third] = batches;
    Some([first?, second?, third?])
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
    fn of(lab: &'a Lab, most: usize) -> Result<Self, Failed> {
        let facts = fs::read(lab.folder().join("lab.json"))?;
        let facts: serde_json::Value = serde_json::from_slice(&facts)?;
        let pbx = facts["pbx_pid"].as_u64().ok_or("no PBX runs")?;
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
    fn batch(&self, way: Way, size: usize) -> Result<Batch, Failed> {
        let idle = self.idle()?;
        self.lab.forget_calls()?;
        let began = (now(), cpu("self")?, cpu(self.pbx)?);
        let numbers = &self.numbers[..size];
        let set = |config: &mut Config| way.set(config);
        let drops = all_at_once(self.lab, &self.message, set, numbers, PATIENCE);
        let reports = self.runtime.block_on(drops)?;
        let took = began.0.elapsed().as_secs_f64();
        let ours = cpu("self")? - began.1;
        let pbx = cpu(self.pbx)? - began.2 - idle * took;
        let is_as_meant = |report: &&Report| {
            report.outcome == Outcome::Delivered && report.ready_by == Some(way.ready_by())
        };
        let drops = size as f64;
        let answered: f64 = reports.iter().filter_map(answered).sum();
        self.lab.wait_for_silence_of("-", PATIENCE)?;
        let starts = numbers.iter().zip(&reports);
        let starts = starts.filter_map(|(number, report)| self.start(number, report));
        Ok(Batch {
            as_meant: reports.iter().filter(is_as_meant).count(),
            whole: numbers
                .iter()
                .filter(|number| self.is_whole(number))
                .count(),
            call: answered / drops,
            pbx: pbx * 1e3 / drops,
            pbx_second: pbx * 1e3 / answered,
            ours: ours * 1e3 / drops,
            ours_second: ours * 1e3 / answered,
            start: median(starts.collect()),
            own_start: median(reports.iter().filter_map(own_start).collect()),
        })
    }

    /// Whether the whole message is in the mailbox.
    fn is_whole(&self, number: &Number) -> bool {
        let recorded = self.lab.recordings(number, Recording::Mailbox);
        let recorded = recorded.ok().and_then(|mut all| all.pop());
        let found = recorded.and_then(|recorded| find(&self.message.samples, &recorded));
        found.is_some_and(|found| found.is_whole())
    }

    /// From the beep's end to the message, in milliseconds: the end is the carrier's, which records from then on, and so is the
    /// message, in what it heard since the answer. Its mailbox's own recording has no time in it but what is sent. What it heard
    /// begins with the first packet, some frames after the answer was written down, so that this is too little by as much.
    fn start(&self, number: &Number, report: &Report) -> Option<f64> {
        report.beep?;
        let heard = self.lab.recordings(number, Recording::Heard).ok()?.pop()?;
        let found = find(&self.message.samples, &heard)?;
        let lead = audible(&self.message.samples).start as f64 / RATE as f64;
        let began = (found.silence_before.as_secs_f64() - lead) * 1e3;
        let calls = self.lab.calls(number).ok()?;
        let at = |event: &str| {
            let mut seen = calls.iter().rev();
            seen.find(|seen| seen.event == event)?.ms()
        };
        Some(began - (at("ready")? - at("answer")?) as f64)
    }

    /// A hundred at once, listened to, and all whole; that again and again.
    fn check_whole(&self) -> Result<(), Failed> {
        let mut failed = 0;
        for round in 1..=WHOLE {
            let batch = self.batch(Way::WithAmd, 100)?;
            println!(
                "round {round} of {WHOLE}: {} of 100 delivered by the beep, {} whole in the mailbox; PBX {:.1} ms a drop; load {}",
                batch.as_meant,
                batch.whole,
                batch.pbx,
                load()?
            );
            failed += 200 - batch.as_meant - batch.whole;
        }
        if failed > 0 {
            return Err("not all were left whole".into());
        }
        Ok(())
    }

    /// What the PBX uses while it has nothing to do, in seconds of processor time a second.
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
    /// Drops that were delivered, and by the means that were asked for.
    as_meant: usize,
    /// Mailboxes that have the whole message.
    whole: usize,
    /// From answer to end, in seconds.
    call: f64,
    pbx: f64,
    pbx_second: f64,
    ours: f64,
    ours_second: f64,
    /// From the beep to the message, in milliseconds, by the carrier.
    start: f64,
    /// The same, by what we heard and sent.
    own_start: f64,
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

/// From the beep's end, as we heard it, to our first frame, in milliseconds.
fn own_start(report: &Report) -> Option<f64> {
    let began = |moment: &&Moment| {
        matches!(
            moment.event,
            Milestone::PlayStarted | Milestone::PlayRestarted
        )
    };
    let last = report.timeline.iter().rev().find(began)?.at;
    Some((last.as_secs_f64() - report.beep?.end.as_secs_f64()) * 1e3)
}

/// Prints what was seen as a Markdown table: medians of the rounds, and the median of each round's own ratios with its
/// range.
fn print(size: usize, seen: &[[Batch; 3]]) {
    println!(
        "\n### {size} drops at once (medians of {} rounds)\n",
        seen.len()
    );
    println!(
        "| | dialplan | listen | ratio (least to most) | listen, `amd = false` | ratio (least to most) |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
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
        let side = |n: usize| median(seen.iter().map(|batches| read(&batches[n])).collect());
        let ratio = |n: usize| {
            let mut ratios: Vec<_> = seen
                .iter()
                .map(|batches| read(&batches[n]) / read(&batches[0]))
                .collect();
            ratios.sort_by(f64::total_cmp);
            let ends = ratios.first().zip(ratios.last());
            let (least, most) = ends.map_or((f64::NAN, f64::NAN), |(least, most)| (*least, *most));
            format!("{:.2} ({least:.2} to {most:.2})", median(ratios))
        };
        println!(
            "| {name} | {:.1} | {:.1} | {} | {:.1} | {} |",
            side(0),
            side(1),
            ratio(1),
            side(2),
            ratio(2),
        );
    }
    let sum = |n: usize, read: fn(&Batch) -> usize| {
        let batches = seen.iter().map(|batches| read(&batches[n]));
        batches.sum::<usize>()
    };
    let of_each = |read| [0, 1, 2].map(|n| sum(n, read)).map(|sum| sum.to_string());
    println!(
        "\nof {} each: delivered, and by the way's own means: {}; whole in the mailbox: {}",
        size * seen.len(),
        of_each(|batch| batch.as_meant).join(", "),
        of_each(|batch| batch.whole).join(", ")
    );
    let figure = |n: usize, read: Figure| median(seen.iter().map(|all| read(&all[n])).collect());
    println!(
        "from the beep's end to the message: {:.0} ms, without AMD {:.0} ms; by the carrier {:.0} and {:.0} ms",
        figure(1, |batch| batch.own_start),
        figure(2, |batch| batch.own_start),
        figure(1, |batch| batch.start),
        figure(2, |batch| batch.start)
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
