//! What the service costs, and how fast it answers: the program itself, with a store, against the fake Asterisk.
//!
//! ```text
//!   bench ──spawns──> fake Asterisk     the PBX
//!         ──spawns──> aftertone serve   controller and API, as a user runs it ──> SQLite or PostgreSQL
//!         ──asks────> /api/v1           over connections that stay open
//! ```
//!
//! | part | what is measured |
//! |---|---|
//! | cost | the processor time of a drop that `serve` dials, and of one that `campaign run` dials, in turn on one list |
//! | rest | requests a second, and their times, of a service that dials nothing: campaigns read, drops ordered |
//! | dialling | the times of the same requests, so many a second, while a campaign runs at full pace |
//! | list | starts a second before and while a list of a million rows is sent to another campaign, and the times of requests meanwhile |
//!
//! Orders are single drops, each to another number, with a key of their own; the gate is asked about each. An order is answered
//! when its intent is on disk. The fake PBX and the requests share the machine's processors with what is measured.
//!
//! `cargo bench --bench service [-- --quick] [--store sqlite|postgres] [--rate N] [--rows N]`: `--rate` is the full pace, in drops a
//! second, `--rows` the length of the list that is sent while a campaign is dialled.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a benchmark is about the clock")]

#[expect(dead_code, reason = "a program that is measured is started elsewhere")]
#[path = "../drops/child.rs"]
mod child;
#[path = "../campaigns/controller.rs"]
mod controller;
#[expect(dead_code, reason = "no store is measured alone here")]
#[path = "../campaigns/database.rs"]
mod database;
#[expect(dead_code, reason = "the tests need faults, the benchmark does not")]
#[path = "../../tests/it/fake/mod.rs"]
mod fake;
#[path = "../campaigns/list.rs"]
mod list;
#[expect(dead_code, reason = "only its lead is used")]
#[path = "../drops/load.rs"]
mod load;
#[path = "../campaigns/pbx.rs"]
mod pbx;
mod requests;
#[path = "../campaigns/round.rs"]
mod round;

use std::{fs, path::Path, process::ExitCode, thread, time::Duration};

use aftertone::{
    phone::{PhoneNumber, Rules},
    words::Leg,
};
use anyhow::{Context as _, Result, anyhow, bail, ensure};

use controller::{Controller, Dialler, Home, Pace};
use database::{Database, Kind};
use pbx::{Pbx, Seen};
use requests::{Client, Numbers, Times};
use round::{Round, Window};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, role)) if first == "--role" => play(role),
        Some(_) | None => Scale::chosen(&arguments).and_then(|scale| scale.measure()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How much is measured.
struct Scale {
    stores: Vec<Kind>,
    contacts: u32,
    /// Runs of each dialler.
    rounds: u32,
    /// Drops a second if the two are compared, and at full pace.
    slow: u32,
    rate: u32,
    /// How long each kind of request is made.
    asks: Duration,
    /// Rows of the list that is sent while a campaign is dialled.
    rows: u32,
}

impl Scale {
    fn chosen(arguments: &[String]) -> Result<Self> {
        let value = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(at + 1).map(String::as_str)
        };
        let is_quick = arguments.iter().any(|argument| argument == "--quick");
        Ok(Self {
            stores: match value("--store") {
                Some("sqlite") => vec![Kind::Sqlite],
                Some("postgres") => vec![Kind::Postgres],
                Some(other) => bail!("--store is `{other}`; expected sqlite or postgres"),
                None => vec![Kind::Sqlite, Kind::Postgres],
            },
            contacts: if is_quick { 6_000 } else { 50_000 },
            rounds: if is_quick { 1 } else { 5 },
            slow: 100,
            rate: value("--rate").map_or(Ok(if is_quick { 100 } else { 500 }), str::parse)?,
            asks: Duration::from_secs(if is_quick { 2 } else { 15 }),
            rows: value("--rows")
                .map_or(Ok(if is_quick { 20_000 } else { 1_000_000 }), str::parse)?,
        })
    }

    fn measure(&self) -> Result<()> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        for &kind in &self.stores {
            let at = |part: &str| format!("{kind}, {part}");
            let folder = folder.path().join(kind.slug());
            let place = Place::new(kind, &folder, self.contacts, self.pace(self.slow))?;
            println!("\n### {kind}\n");
            self.cost(&place).with_context(|| at("cost"))?;
            println!(
                "| | requests a second | p50 (ms) | p99 (ms) | longest (ms) |\n|---|---:|---:|---:|---:|"
            );
            self.rest(&place).with_context(|| at("rest"))?;
            self.dialling(&place).with_context(|| at("dialling"))?;
            self.list(&place, &folder).with_context(|| at("list"))?;
        }
        Ok(())
    }

    const fn pace(&self, rate: u32) -> Pace {
        Pace {
            rate,
            in_flight: 10 * self.rate,
            first: Leg::Drop,
        }
    }

    /// What a drop costs either way, in turn.
    fn cost(&self, place: &Place) -> Result<()> {
        let window = Window { from: 300, to: 950 };
        let pace = self.pace(self.slow);
        let of = |dialler| round::run(&place.home, &place.database, pace, window, dialler);
        place
            .home
            .carry_out(&["campaign", "start", controller::CAMPAIGN])?;
        let (mut run, mut serve) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            run.push(of(Dialler::CampaignRun)?);
            serve.push(of(Dialler::Serve)?);
        }
        let (run, serve) = (Round::median(&run), Round::median(&serve));
        let cost = |round: &Round| round.controller + round.database;
        println!(
            "A drop costs {:.2} ms of processor with `campaign run` and {:.2} with `serve`, {:.2} times as much \
             ({} drops a second, median of {} rounds each, in turn); at their most they take {:.1} and {:.1} MB.\n",
            cost(&run),
            cost(&serve),
            cost(&serve) / cost(&run),
            self.slow,
            self.rounds,
            run.memory[2],
            serve.memory[2],
        );
        place
            .home
            .carry_out(&["campaign", "pause", controller::CAMPAIGN])?;
        Ok(())
    }

    /// Requests to a service that has nothing to dial but what they order.
    fn rest(&self, place: &Place) -> Result<()> {
        let pbx = Pbx::start("single")?;
        let mut service = place.home.run(&pbx.url, self.trunk(), Dialler::Serve)?;
        let client = place.client(&mut service)?;
        let read = client.read(None, self.asks)?;
        print("campaigns read, at rest", &read);
        let ordered = client.order(None, self.asks, &place.numbers)?;
        print("drops ordered, at rest", &ordered);
        service.drain()
    }

    /// What the trunk carries beside the campaign's own pace: an order waits for its turn if the trunk is full.
    const fn trunk(&self) -> Pace {
        self.pace(self.rate + ROOM)
    }

    /// A service that dials the campaign at this rate, for two seconds by now.
    fn dial(&self, place: &Place, rate: u32) -> Result<(Pbx, Controller, Client)> {
        let shown = format!("{rate}/s");
        place
            .home
            .carry_out(&["campaign", "set", controller::CAMPAIGN, "--rate", &shown])?;
        place
            .home
            .carry_out(&["campaign", "start", controller::CAMPAIGN])?;
        let mut pbx = Pbx::start("single")?;
        let mut service = place.home.run(&pbx.url, self.trunk(), Dialler::Serve)?;
        let client = place.client(&mut service)?;
        round::wait(&mut pbx, &mut service, 2 * rate)?;
        Ok((pbx, service, client))
    }

    /// Requests at an even pace while a campaign is dialled.
    fn dialling(&self, place: &Place) -> Result<()> {
        let (mut pbx, service, client) = self.dial(place, self.rate)?;
        let before = pbx.seen()?;
        let what = format!("at {} drops a second", self.rate);
        let read = client.read(Some(READ), self.asks)?;
        let ordered = client.order(Some(ORDERED), self.asks, &place.numbers)?;
        let after = pbx.seen()?;
        print(&format!("campaigns read, {what}"), &read);
        print(&format!("drops ordered, {what}"), &ordered);
        let drops = f64::from(after.started - before.started);
        let seconds = (after.span - before.span) as f64 / 1e6;
        println!("\nMeanwhile {:.1} drops a second began.\n", drops / seconds);
        ensure!(drops > 0.0, "nothing was dialled");
        service.drain()?;
        place
            .home
            .carry_out(&["campaign", "pause", controller::CAMPAIGN])?;
        Ok(())
    }

    /// Starts while a list comes in.
    fn list(&self, place: &Place, folder: &Path) -> Result<()> {
        let list = folder.join("sent.csv");
        list::write(&list, self.rows)?;
        let list = fs::read(&list)?;
        let (mut pbx, mut service, client) = self.dial(place, self.slow)?;
        let sender = place.client(&mut service)?;
        let first = pbx.seen()?;
        round::wait(&mut pbx, &mut service, first.started + self.slow * ALONE)?;
        let memory = service.memory("VmRSS")?;
        let before = pbx.seen()?;
        let (took, read) = thread::scope(|scope| {
            let sending = scope.spawn(|| sender.send(list));
            let mut read = Vec::new();
            while !sending.is_finished() {
                read.push(client.read(Some(READ), ASKED_FOR)?);
            }
            let took = sending
                .join()
                .map_err(|_| anyhow!("the sender panicked"))??;
            Ok::<_, anyhow::Error>((took, read))
        })?;
        let after = pbx.seen()?;
        let grown = service.memory("VmHWM")? - memory;
        print(
            "campaigns read, while the list comes in",
            &Times::together(read),
        );
        let rate = |from: &Seen, to: &Seen| {
            f64::from(to.started - from.started) / ((to.span - from.span) as f64 / 1e6)
        };
        println!(
            "\n{} rows were sent and taken in within {:.0} s, {:.0} a second. {:.1} drops a second began before, {:.1} meanwhile. The service \
             took at most {grown:.0} MB more than before.",
            self.rows,
            took.as_secs_f64(),
            f64::from(self.rows) / took.as_secs_f64(),
            rate(&first, &before),
            rate(&before, &after),
        );
        service.drain()?;
        place
            .home
            .carry_out(&["campaign", "pause", controller::CAMPAIGN])?;
        Ok(())
    }
}

/// A campaign whose list has come in, where it is kept, and a token.
struct Place {
    database: Database,
    home: Home,
    token: String,
    /// Whom nobody has called yet.
    numbers: Numbers,
}

impl Place {
    fn new(kind: Kind, folder: &Path, contacts: u32, pace: Pace) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let list = folder.join("list.csv");
        list::write(&list, contacts)?;
        let database = Database::new(kind, folder)?;
        // Orders name no zone, and the benchmark has to run at any hour.
        let home = Home::new(folder, database.url())?.with("[gate]\nhours = false\n");
        home.create(&list, pace)?;
        database.settle()?;
        let made = home.carry_out(&["token", "add", "bench", "--scope", "admin", "--json"])?;
        let object = made.find('{').context("no token was made")?;
        let made: serde_json::Value = serde_json::from_str(&made[object..])?;
        // Others than those of the campaign.
        let more = folder.join("more.csv");
        list::write(&more, contacts + ORDERS)?;
        let text = fs::read_to_string(&more)?;
        let numbers = text.lines().filter_map(|line| line.split(',').next());
        let numbers = numbers.skip(1 + contacts as usize).map(str::to_owned);
        let is_valid = |number: &String| PhoneNumber::parse(number, Rules::default()).is_ok();
        Ok(Self {
            database,
            home,
            token: made["token"].as_str().context("no token")?.to_owned(),
            numbers: Numbers::new(numbers.filter(is_valid).collect()),
        })
    }

    fn client(&self, service: &mut Controller) -> Result<Client> {
        Client::new(&service.address()?, &self.token)
    }
}

fn print(what: &str, times: &Times) {
    println!(
        "| {what} | {:.0} | {:.1} | {:.1} | {:.1} |",
        times.rate(),
        times.percentile(0.5),
        times.percentile(0.99),
        times.percentile(1.0),
    );
}

/// What a process does that the benchmark has started.
fn play(role: &[String]) -> Result<()> {
    let role: Vec<&str> = role.iter().map(String::as_str).collect();
    let first = match role.as_slice() {
        ["pbx", "double"] => Leg::Busy,
        ["pbx", "single"] => Leg::Drop,
        _ => bail!("there is no such role: {role:?}"),
    };
    // One thread: half of the smallest machine.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build()?.block_on(pbx::serve(first))
}

/// Numbers for orders, as many as no run needs.
const ORDERS: u32 = 100_000;

/// Starts a second that the trunk carries for orders.
const ROOM: u32 = 500;

/// For how many seconds starts are counted before a list is sent.
const ALONE: u32 = 20;

/// How long requests are made before it is looked whether the list is in.
const ASKED_FOR: Duration = Duration::from_secs(1);

/// Requests a second while a campaign is dialled.
const READ: u32 = 50;
const ORDERED: u32 = 20;
