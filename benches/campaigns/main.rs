//! How fast one controller works through a list, and whether the list's length shows: the program itself, with a store,
//! against the fake Asterisk.
//!
//! ```text
//!   bench ──spawns──> fake Asterisk            the PBX, and the clock by which starts are counted
//!         ──spawns──> aftertone campaign run   the controller, as a user runs it ──> SQLite
//!         ──spawns──> PostgreSQL               of the benchmark's own            ──> or this
//! ```
//!
//! Measured for each store, over lists of 1,000 to 1,000,000 contacts: the processor time of a drop in the middle of a
//! run at a slow, even pace, the controller's and the database's; the memory; the time from the start of the process to
//! its first call. Then, on the longest list, what it sustains at a pace just above the goal. Beside it are two floors:
//! the program's own driver that is given the same drops without a campaign and a store, and the store that is given the
//! writes of the same drops, fifty at a time, without a call.
//!
//! Every drop is two calls of 2.25 s together, every contact is another number with consent, and the gate is in force with all
//! its rules but calling hours: a benchmark has to run at any hour. The dialplan screens, and no evidence is kept. What the fake PBX itself costs
//! is in the table: it shares the machine's processors with what is measured. On PostgreSQL a `VACUUM ANALYZE` and a
//! checkpoint follow the import. At the end of each run it is checked that every drop played its message and that no number was
//! called twice.
//!
//! `cargo bench --bench campaigns [-- --quick | --full] [--store sqlite|postgres] [--rate N] [--single] [--strict]`:
//! `--quick` takes seconds and says little, `--full` goes up to 1,000,000 contacts and a minute at full pace, `--rate`
//! sets that pace, `--single` makes drops of one call (the fake PBX has half of the work), `--strict` exits with 1 if a
//! goal is missed.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a benchmark is about the clock")]

mod alone;
mod bare;
#[path = "../drops/child.rs"]
mod child;
#[expect(
    dead_code,
    reason = "what serves is measured by the benchmark of the service"
)]
mod controller;
mod database;
#[path = "../drops/aftertone_driver.rs"]
mod driver;
#[expect(dead_code, reason = "the tests need faults, the benchmark does not")]
#[path = "../../tests/it/fake/mod.rs"]
mod fake;
mod list;
#[path = "../drops/load.rs"]
mod load;
mod pbx;
mod round;
mod table;

use std::{fs, path::Path, process::ExitCode};

use aftertone::words::Leg;
use anyhow::{Context, Result};

use alone::{Bare, Driver};
use controller::{Dialler, Home, Pace};
use database::{Database, Kind};
use load::{LEAD, Load};
use round::{Round, Window};
use table::{Sized, Sustained};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let done = match arguments.split_first() {
        Some((first, role)) if first == "--role" => play(role).map(|()| true),
        Some(_) | None => Scale::chosen(&arguments)
            .and_then(|scale| measure(&scale))
            .map(|met| met || !has("--strict")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How much is measured.
struct Scale {
    stores: Vec<Kind>,
    /// Contacts of each list.
    sizes: &'static [u32],
    /// Runs on each list.
    rounds: u32,
    /// Drops a second when the lists are compared.
    slow: u32,
    /// Drops a second at full pace.
    rate: u32,
    /// Drops at full pace.
    drops: u32,
    /// The leg that is dialled first.
    first: Leg,
}

impl Scale {
    const fn pace(&self, rate: u32) -> Pace {
        Pace {
            rate,
            in_flight: 10 * rate,
            first: self.first,
        }
    }

    fn chosen(arguments: &[String]) -> Result<Self> {
        let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
        let value = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(at + 1).map(String::as_str)
        };
        let (sizes, rounds, drops): (&[u32], _, _) = if has("--quick") {
            (&[1_000, 4_000], 1, 2_000)
        } else if has("--full") {
            (&[1_000, 10_000, 100_000, 1_000_000], 3, 31_500)
        } else {
            (&[1_000, 100_000], 1, 10_500)
        };
        Ok(Self {
            stores: match value("--store") {
                Some("sqlite") => vec![Kind::Sqlite],
                Some("postgres") => vec![Kind::Postgres],
                Some(other) => anyhow::bail!("--store is `{other}`; expected sqlite or postgres"),
                None => vec![Kind::Sqlite, Kind::Postgres],
            },
            sizes,
            rounds,
            slow: if has("--quick") { 200 } else { 100 },
            rate: value("--rate").map_or(Ok(525), str::parse)?,
            drops,
            first: if has("--single") {
                Leg::Drop
            } else {
                Leg::Busy
            },
        })
    }
}

/// Runs it all and prints the tables; whether all goals are met.
fn measure(scale: &Scale) -> Result<bool> {
    println!("{}", machine("begins")?);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (slow, full) = (scale.pace(scale.slow), scale.pace(scale.rate));
    let driver =
        Driver::measure(full, Load::new(scale.rate, scale.drops)).context("the driver alone")?;
    let mut met = true;
    let mut sustained = Vec::new();
    for &kind in &scale.stores {
        let mut sizes = Vec::new();
        for &contacts in scale.sizes {
            let at = |part: &str| format!("{kind}, {contacts} contacts, {part}");
            let folder = folder.path().join(format!("{}-{contacts}", kind.slug()));
            let mut filled =
                Filled::new(kind, &folder, contacts, slow).with_context(|| at("import"))?;
            let mut rounds = Vec::new();
            for nth in 0..scale.rounds {
                // A run takes a thousand contacts: of a short list, too many for the next one.
                if nth > 0 && contacts <= 10_000 {
                    drop(filled);
                    filled =
                        Filled::new(kind, &folder, contacts, slow).with_context(|| at("import"))?;
                }
                rounds.push(told(&at("slow pace"), filled.run(slow, SLOW))?);
            }
            sizes.push(Sized {
                contacts,
                import: filled.rows_a_second,
                round: Round::median(&rounds),
            });
            if Some(&contacts) == scale.sizes.last() {
                let window = Window {
                    from: scale.drops / 6,
                    to: scale.drops,
                };
                let round = told(&at("full pace"), filled.run(full, window))?;
                let bare = Bare::measure(&filled.database, scale.drops / 4, 50);
                sustained.push(Sustained {
                    kind,
                    contacts,
                    round,
                    bare: bare.with_context(|| at("the store alone"))?,
                });
            }
        }
        met &= table::print_sizes(kind, scale.slow, scale.rounds, &sizes);
    }
    met &= table::print_sustained(&driver, &sustained);
    println!("\n{}", machine("ends")?);
    Ok(met)
}

/// Reports each run as it is over: all of them take a while.
#[expect(
    clippy::print_stderr,
    reason = "talk, beside the tables on standard output"
)]
fn told(what: &str, round: Result<Round>) -> Result<Round> {
    let round = round.with_context(|| what.to_owned())?;
    eprintln!("{what}: {round:.2?}");
    Ok(round)
}

/// A campaign whose list has come in, and where it is kept.
struct Filled {
    database: Database,
    home: Home,
    rows_a_second: f64,
}

impl Filled {
    fn new(kind: Kind, folder: &Path, contacts: u32, pace: Pace) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let list = folder.join("list.csv");
        list::write(&list, contacts)?;
        let database = Database::new(kind, folder)?;
        let home = Home::new(folder, database.url())?.with("[gate]\nhours = false\n");
        let took = home.create(&list, pace)?;
        database.settle()?;
        Ok(Self {
            database,
            home,
            rows_a_second: f64::from(contacts) / took.as_secs_f64(),
        })
    }

    fn run(&self, pace: Pace, window: Window) -> Result<Round> {
        round::run(
            &self.home,
            &self.database,
            pace,
            window,
            Dialler::CampaignRun,
        )
    }
}

/// What a process does that the benchmark has started.
fn play(role: &[String]) -> Result<()> {
    let role: Vec<&str> = role.iter().map(String::as_str).collect();
    let role = role.as_slice();
    // The PBX gets one thread: half of the smallest machine. The others get what the program gives itself.
    let mut builder = match role {
        ["pbx", ..] => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match role {
            ["pbx", "double"] => pbx::serve(Leg::Busy).await,
            ["pbx", "single"] => pbx::serve(Leg::Drop).await,
            ["driver", url, technique, rate, drops] => {
                driver::run(url, Load::new(rate.parse()?, drops.parse()?), technique).await
            }
            ["store", url, campaign, drops, batch] => {
                let place = database::place(url);
                bare::run(&place, campaign, drops.parse()?, batch.parse()?).await
            }
            _ => anyhow::bail!("there is no such role: {role:?}"),
        }
    })
}

/// The machine, and how busy it is.
fn machine(word: &str) -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model
        .unwrap_or_default()
        .trim_start_matches(['\t', ' ', ':']);
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned();
    let count = std::thread::available_parallelism()?;
    Ok(format!(
        "{count} processors ({model}); as it {word} the machine's load is {load}"
    ))
}

/// Which part of a run of a thousand drops is measured: the calls in flight have become as many as they will be.
const SLOW: Window = Window { from: 300, to: 950 };
