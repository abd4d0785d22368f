//! The wall clock is set while the program runs: it dials nobody by a time that may be wrong, says so, and goes on by itself
//! when the clocks agree again.
//!
//! The clock of the program alone is set, by Debian's package `faketime`; the time since the machine was started stays as it
//! is.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use aftertone::{
    controller::{Ended, Selection},
    phone::{PhoneNumber, Rules},
    store::{Across, DatabaseAddress, NewContact, Source, Store},
};
use aftertone_lab::own::{OwnName, cache};
use jiff::{Timestamp, ToSpan as _, civil::Weekday, tz::TimeZone};
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{
    campaign::campaign_fixture::{CampaignFixture, PATIENCE, now},
    fake::{World, fault::Kind, log::What, script::Script},
    program::{NUMBER, Program, send_signal, wait},
};

const HOUR: i64 = 3_600;

/// It is three at night in London and noon in Tokyo; ten hours later it would be the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_dialled_at_night_by_a_clock_that_jumped() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.trunk("starts_per_second = 2\nin_flight = 4");
    fixture.program.gate("consent = false\ncaps = false");
    let campaign = fixture.campaign("night", 0).await;
    let numbers = |prefix: &str, count: u32| {
        let numbers = (0..count).map(|nth| format!("{prefix}{nth:02}"));
        numbers.collect::<Vec<_>>()
    };
    add(
        &fixture.store,
        campaign,
        "london",
        &numbers("+4420794601", 6),
    )
    .await;
    add(
        &fixture.store,
        campaign,
        "tokyo",
        &numbers("+813322450", 60),
    )
    .await;

    let night = until_night();
    set_clock(&fixture.program, night);
    let mut run = Run::start(&fixture.program, &["campaign", "run", "--json"]);
    fixture.until_dialled(6).await;

    set_clock(&fixture.program, night + 10 * HOUR);
    let words = run.until_trouble(true).await;
    assert!(
        words.contains("the clock of this machine jumped by +10 h 0 min at 03:"),
        "{words}"
    );
    let dialled = fixture.first_calls().len();
    time_passes(&fixture.program).await;
    assert_eq!(
        fixture.first_calls().len(),
        dialled,
        "{}",
        fixture.program.fake.ladder()
    );

    // It is put right: it goes on by itself, at once and not ten hours later.
    set_clock(&fixture.program, night);
    run.until_trouble(false).await;
    fixture.until_dialled(2 * dialled + 8).await;
    // And back.
    set_clock(&fixture.program, night - 10 * HOUR);
    let words = run.until_trouble(true).await;
    assert!(words.contains("jumped by -"), "{words}");
    set_clock(&fixture.program, night);
    run.until_trouble(false).await;

    send_signal("INT", &run.child);
    let ended = run.end().await;
    assert_eq!(ended, Some(1));
    let london = fixture.program.fake.with(|world| dialled_in(world, "+44"));
    assert_eq!(london, 0, "{}", fixture.program.fake.ladder());
    // Nothing was written by the clock that had jumped.
    let late = (Timestamp::now() + (night + 60).seconds()).as_microsecond();
    let sql = format!("SELECT count(*) FROM drops WHERE started_at > {late} OR ended_at > {late}");
    assert_eq!(count(&fixture.program, &sql).await, 0);
    fixture.assert_no_contact_twice();
    fixture.assert_nothing_up();
}

/// Drops that were written by a clock ten hours ahead are of this moment at most: the rate does not wait for them.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrong_clock_has_written_into_the_future_holds_nothing_up() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.trunk("starts_per_second = 10\nin_flight = 4");
    fixture.campaign("spring", 4).await;
    let late = (now() + 10.hours()).as_microsecond();
    let sql = format!(
        "INSERT INTO drops (id, attempt, number, pbx, run, holder, technique, message, ruling, despite_do_not_call, \
         started_at, ended_at, outcome, busy_legs, drop_legs) VALUES ('late', 1, 12025550999, 'aftertone', 'dead', 'dead', \
         'double', 'm', '{{}}', 0, {late}, {late}, 'delivered', 1, 1)"
    );
    connect(&fixture.program)
        .await
        .execute(sqlx::AssertSqlSafe(sql))
        .await
        .unwrap();
    let controller = fixture.open(Selection::All).await.unwrap();
    let ended = timeout(PATIENCE, controller.run()).await;
    assert_eq!(ended.expect("it waits for ten hours").unwrap(), Ended::Over);
    fixture.assert_each(4, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_database_server_whose_clock_differs_nothing_is_dialled() {
    let server = Server::up();
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.trunk("starts_per_second = 2\nin_flight = 4");
    let program = &fixture.program;
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let sqlite = format!("sqlite:{}", program.path("aftertone.db").display());
    fs::write(&path, text.replace(&sqlite, &server.url)).unwrap();
    let place = DatabaseAddress::Postgres(server.url.clone().into());
    let store = Store::open(&place).await.unwrap();
    let fixture = CampaignFixture { store, ..fixture };
    let program = &fixture.program;

    // One drop: five seconds are too many, one is not. How many are certain depends on how quickly the server answers.
    for (ahead, words) in [
        (5, " s ahead of the database server's"),
        (-36_000, " behind the database server's"),
    ] {
        set_clock(program, ahead);
        let drop = ["drop", NUMBER, "--message", "sound:hello-world", "--json"];
        let ended = wait(with_own_clock(program, &drop).spawn().unwrap()).await;
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
        assert!(
            ended
                .stderr
                .contains("hint: let this machine and the database server keep"),
            "{ended:?}"
        );
    }
    set_clock(program, 1);
    let drop = ["drop", NUMBER, "--message", "sound:hello-world", "--json"];
    let ended = wait(with_own_clock(program, &drop).spawn().unwrap()).await;
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");

    // A controller that begins with a clock that is wrong, and one that is set while it runs.
    fixture.campaign("spring", 60).await;
    set_clock(program, 10 * HOUR);
    let before = fixture.first_calls().len();
    let mut run = Run::start(program, &["campaign", "run", "--json"]);
    let words = run.until_trouble(true).await;
    assert!(words.contains(" ahead of the database server's"), "{words}");
    time_passes(program).await;
    assert_eq!(fixture.first_calls().len(), before);
    set_clock(program, 0);
    run.until_trouble(false).await;
    fixture.until_dialled(2 * before + 6).await;

    set_clock(program, 10 * HOUR);
    let words = run.until_trouble(true).await;
    assert!(
        words.contains("ahead of the database server's: it jumped at "),
        "{words}"
    );
    let dialled = fixture.first_calls().len();
    time_passes(program).await;
    assert_eq!(
        fixture.first_calls().len(),
        dialled,
        "{}",
        program.fake.ladder()
    );
    // Its lease is renewed by the server's clock all the while.
    assert!(fixture.store.has_controller(now()).await.unwrap());
    set_clock(program, 0);
    run.until_trouble(false).await;
    fixture.until_dialled(2 * dialled + 4).await;
    send_signal("INT", &run.child);
    assert_eq!(run.end().await, Some(1));
    fixture.assert_no_contact_twice();
    fixture.store.close().await;
}

/// A program that runs, and the lines that it prints.
struct Run {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Run {
    fn start(program: &Program, arguments: &[&str]) -> Self {
        let mut command = with_own_clock(program, arguments);
        // Nothing reads it while it runs.
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for a view with trouble, and returns its words, or for one without.
    async fn until_trouble(&mut self, is_there: bool) -> String {
        let seen = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it ended");
                let view: Value = serde_json::from_str(&line).unwrap();
                let trouble = view.get("trouble").and_then(Value::as_str);
                if view.get("trouble").is_some() && trouble.is_some() == is_there {
                    return trouble.unwrap_or_default().to_owned();
                }
            }
        };
        timeout(PATIENCE, seen).await.expect("no such view ever")
    }

    async fn end(mut self) -> Option<i32> {
        let drained = async {
            while let Ok(Some(_)) = self.lines.next_line().await {}
            self.child.wait().await.unwrap().code()
        };
        timeout(PATIENCE, drained).await.expect("it never ends")
    }
}

/// The program with a clock of its own, as [`set_clock`] sets it.
fn with_own_clock(program: &Program, arguments: &[&str]) -> Command {
    let library = library();
    let mut command = program.command(arguments);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", program.path("clock"))
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("NO_FAKE_STAT", "1");
    command
}

fn library() -> String {
    let found = fs::read_dir("/usr/lib").unwrap().find_map(|entry| {
        let path = entry.unwrap().path().join("faketime/libfaketimeMT.so.1");
        path.exists().then_some(path)
    });
    let found = found.expect("libfaketime is missing; install it: tests/setup.sh clock");
    found.to_str().unwrap().to_owned()
}

/// Sets the clock of a program that runs with its own, or will: so many seconds ahead of the real one.
fn set_clock(program: &Program, ahead: i64) {
    let new = program.path("clock.new");
    fs::write(&new, format!("{ahead:+}")).unwrap();
    fs::rename(new, program.path("clock")).unwrap();
}

/// Waits until the program has renewed its app's lease a few times, which takes some seconds.
async fn time_passes(program: &Program) {
    let renewals = |world: &World| {
        let those = world
            .log
            .iter()
            .filter(|entry| entry.is_request(Kind::SetGlobal));
        those.count()
    };
    let before = program.fake.with(|world| renewals(world));
    let enough = |world: &mut World| (renewals(world) >= before + 4).then_some(());
    program.fake.until("renewals", enough).await;
}

/// In how many seconds it is three at night in London on some Wednesday.
fn until_night() -> i64 {
    let zone = TimeZone::get("Europe/London").unwrap();
    let now = Timestamp::now();
    let mut at = now.to_zoned(zone);
    loop {
        let night = at
            .with()
            .hour(3)
            .minute(0)
            .second(0)
            .subsec_nanosecond(0)
            .build()
            .unwrap();
        if night.weekday() == Weekday::Wednesday && night.timestamp() > now {
            return night.timestamp().duration_since(now).as_secs();
        }
        at = at.tomorrow().unwrap();
    }
}

async fn add(
    store: &Store,
    campaign: aftertone::campaign::engine::CampaignId,
    list: &str,
    numbers: &[String],
) {
    let source = Source {
        name: list.to_owned(),
        size: 1,
        digest: list.to_owned(),
    };
    let mut importing = store.begin_import(campaign, &source, now()).await.unwrap();
    (importing.bytes, importing.is_complete) = (1, true);
    let contacts: Vec<_> = numbers
        .iter()
        .zip(2..)
        .map(|(number, line)| NewContact {
            line,
            number: PhoneNumber::parse(number, Rules::default()).unwrap(),
            name: None,
            zone: None,
            state: None,
            place: None,
            consent: None,
            message: None,
            foreign_id: None,
            others: BTreeMap::new(),
        })
        .collect();
    let added = store.add_contacts(&importing, Across::Allow, &contacts, now());
    assert_eq!(added.await.unwrap().added, numbers.len() as u64);
}

/// How many calls were made to numbers that begin so.
fn dialled_in(world: &World, prefix: &str) -> usize {
    let calls = world.log.iter().filter(|entry| match &entry.what {
        What::Request {
            kind: Kind::Originate,
            body,
            ..
        } => body.contains(&format!("PJSIP/{prefix}")),
        What::Request { .. } | What::Event { .. } => false,
    });
    calls.count()
}

async fn count(program: &Program, sql: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    let mut connection = connect(program).await;
    sqlx::query_scalar(sql)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

async fn connect(program: &Program) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(program.path("aftertone.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// A PostgreSQL server of this test's own.
struct Server {
    name: OwnName,
    url: String,
}

impl Server {
    fn up() -> Self {
        let name = OwnName::first_free(&cache().join("postgres"), "test-clocks").unwrap();
        script(&["down", "--name", name.as_str()]);
        script(&["up", "--name", name.as_str()]);
        let url = script(&["url", "--name", name.as_str()]).trim().to_owned();
        Self { name, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        script(&["down", "--name", self.name.as_str()]);
    }
}

fn script(arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/db/postgres.sh");
    let mut command = std::process::Command::new(path);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let out = command.output().unwrap();
    assert!(out.status.success(), "postgres.sh {}", arguments.join(" "));
    String::from_utf8(out.stdout).unwrap()
}
