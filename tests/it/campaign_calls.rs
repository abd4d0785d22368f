//! `aftertone campaign` while and after it calls: what it shows of each drop, and how a user stops it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{collections::BTreeMap, fs, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    task::JoinHandle,
};

use crate::{
    fake::{
        World,
        fault::{Fault, Kind, Rule},
        log::Entry,
        script::{Call, Far, Playback, Script},
    },
    program::{Ended, Program, count, pbx, send_signal, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn each_drop_is_shown_alike_in_every_form_and_each_filter_chooses() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let busy = Script::refusing(17, 486);
    program.fake.with(|world| {
        world.settings.scripts.insert("7".to_owned(), busy);
    });
    price(&program);
    let list = "phone,name,id\n\
                +12025550101,=1+1,@a1\n+12025550102,-2+3,\"\tb2\"\n+12025550103,+1-1,\"\rc3\"\n\
                +12025550107,Eve,d4\n+13055550108,Fay,e5\n";
    fs::write(program.path("leads.csv"), list).unwrap();
    let barred = program.run(&["dnc", "add", "+13055550108"]).await;
    assert_eq!(barred.status, Some(0), "{barred:?}");
    let ended = program
        .run(&words(
            "campaign run leads.csv --kind informational --variant A=sound:a --variant B=sound:b --technique double --retry never",
        ))
        .await;
    assert_eq!(
        ended.status,
        Some(0),
        "{ended:?}\n{}",
        program.fake.ladder()
    );

    let json = rows(&program, "--json").await;
    assert_eq!(json.len(), 4, "{json:?}");
    let csv = program.run(&words("campaign results leads")).await;
    let told = table(&csv.stdout);
    assert_eq!(told.len(), 4);
    for (cells, row) in told.iter().zip(&json) {
        assert_eq!(cells.len(), row.as_object().unwrap().len());
        for (name, cell) in cells {
            let value = match &row[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
                Value::Number(number) if name.starts_with("cost") => {
                    let cost: f64 = cell.parse().unwrap();
                    assert!(
                        (cost - number.as_f64().unwrap()).abs() < 1e-9,
                        "{name}: {cell}"
                    );
                    continue;
                }
                Value::Number(number) => number.to_string(),
                Value::Array(list) => {
                    let list: Vec<_> = list.iter().map(|text| text.as_str().unwrap()).collect();
                    list.join("; ")
                }
                Value::Object(_) => panic!("{name}: {row}"),
            };
            // What a spreadsheet would take for a formula is behind an apostrophe there, and there alone.
            let guarded = ["name", "foreign_id"].contains(&name.as_str())
                && value.starts_with(['=', '+', '-', '@', '\t', '\r']);
            let wanted = if guarded { format!("'{value}") } else { value };
            assert_eq!(*cell, wanted, "{name}");
        }
    }
    let ids: Vec<_> = json.iter().map(|row| row["foreign_id"].as_str()).collect();
    for id in ["@a1", "d4"] {
        assert!(ids.contains(&Some(id)), "{ids:?}");
    }
    assert!(ids.iter().all(Option::is_some), "{ids:?}");
    assert!(!csv.stdout.contains("2025550101"), "{csv:?}");
    for row in &json {
        let (all, busy) = (&row["cost"], &row["cost_busy"]);
        // Each leg that is dialled is an attempt: the busy leg's is listed apart, and is counted once.
        let cost = [all, busy].map(|cost| (cost.as_f64().unwrap() * 1e6).round());
        let answered = row["outcome"] == "delivered";
        let wanted = if answered {
            [2_006_000.0, 1_000_000.0]
        } else {
            [1_000_000.0; 2]
        };
        assert_eq!(cost, wanted, "{row}");
        assert_eq!(row["currency"], "USD");
    }
    let summary = program
        .run(&words("campaign results leads --summary --json"))
        .await;
    let cost = summary.json()["cost"].clone();
    assert!(cost.to_string().contains("7.018"), "{cost}");

    let variant = json[0]["variant"].as_str().unwrap();
    let of_variant = json.iter().filter(|row| row["variant"] == variant).count();
    let started: Vec<_> = json
        .iter()
        .map(|row| row["started_at"].as_str().unwrap())
        .collect();
    let last = started.iter().max().unwrap();
    let before = started.iter().filter(|at| *at < last).count();
    for (filter, count) in [
        ("--outcome busy", 1),
        ("--outcome delivered", 3),
        ("--outcome lost", 0),
        ("--foreign-id d4", 1),
        ("--foreign-id e5", 0),
        ("--number +12025550102", 1),
        ("--number +13055550108", 0),
        ("--undialled", 5),
        (&format!("--variant {variant}"), of_variant),
        ("--variant C", 0),
        (&format!("--since {last}"), 4 - before),
        (&format!("--until {last}"), before),
        ("--since 2999-01-01", 0),
    ] {
        let chosen = rows(&program, &format!("--json {filter}")).await;
        assert_eq!(chosen.len(), count, "{filter}: {chosen:?}");
    }
    let whole = rows(&program, "--json --undialled --full-number --foreign-id e5").await;
    assert_eq!(whole[0]["number"], "+13055550108");
    assert_eq!(whole[0]["refused"], "do_not_call");
    assert!(
        whole[0]["reason"].as_str().unwrap().contains("`own`"),
        "{whole:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_paused_resumed_and_cancelled_while_it_calls() {
    for (hang_up, outcome) in [(false, "delivered"), (true, "cancelled")] {
        let program = Program::new(pbx(slow())).await;
        fs::write(program.path("leads.csv"), leads(60)).unwrap();
        let running = run(&program, "--rate 5/s --in-flight 3 --technique single");
        let dialled = until_dialled(&program, 2).await;
        assert!(dialled >= 2);
        // The command did not say how calls in flight end: they finish.
        let paused = program.run(&words("campaign pause leads")).await;
        assert_eq!(paused.stdout, "leads: paused\n", "{paused:?}");
        program.fake.until("the end of all calls", at_rest).await;
        let status = until_status(&program, |status| status["in_flight"] == 0).await;
        assert_eq!(status["standing"], "paused", "{status}");
        let before = calls(&program);
        let delivered = status["outcomes"]["delivered"].as_u64().unwrap();
        assert_eq!(delivered, before as u64, "{status}");

        let resumed = program.run(&words("campaign resume leads")).await;
        assert_eq!(resumed.stdout, "leads: running\n", "{resumed:?}");
        // One more than a trunk of three can have begun before it heard of the pause.
        until_dialled(&program, before + 4).await;
        let cancel = if hang_up {
            "campaign cancel leads --hang-up"
        } else {
            "campaign cancel leads"
        };
        let cancelled = program.run(&words(cancel)).await;
        assert_eq!(cancelled.status, Some(0), "{cancelled:?}");
        let ended = running.await.unwrap();
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let status = until_status(&program, |_| true).await;
        assert_eq!(status["standing"], "cancelled", "{status}");
        let outcomes = status["outcomes"].as_object().unwrap();
        let sum: u64 = outcomes.values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(sum, calls(&program) as u64, "{status}");
        assert!(sum < 60, "{status}");
        let others = outcomes.keys().filter(|slug| *slug != "delivered");
        assert_eq!(others.count(), usize::from(hang_up), "{status}");
        assert!(outcomes[outcome].as_u64().unwrap() > 0, "{status}");
        assert!(program.fake.with(|world| world.channels.is_empty()));

        // It is over for good.
        let made = calls(&program);
        let again = program.run(&words("campaign run leads")).await;
        assert_eq!(again.status, Some(0), "{again:?}");
        assert!(again.stdout.contains("cancelled"), "{again:?}");
        let resumed = program.run(&words("campaign resume leads")).await;
        assert_eq!(resumed.status, Some(2), "{resumed:?}");
        assert_eq!(calls(&program), made);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_errors_pause_it_until_it_is_resumed() {
    let program = Program::new(pbx(Script::refusing(38, 503))).await;
    fs::write(program.path("leads.csv"), leads(40)).unwrap();
    let line = "campaign run leads.csv --message sound:a --kind informational --technique single --rate 10/s --in-flight 2 \
                --retry never --stop-on share=50%,at_least=5 --until-idle";
    let ended = program.run(&words(line)).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let status = until_status(&program, |_| true).await;
    assert_eq!(status["standing"], "paused", "{status}");
    let made = calls(&program);
    assert!((5..=7).contains(&made), "{made} calls: {status}");
    let why = "drops failed; resume it once the cause is found";
    assert!(ended.stderr.contains(why), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_ctrl_c_quits_at_once_and_the_next_run_hangs_up() {
    let script = Script(vec![Call::mailbox()]).playing(Playback::Endless);
    let program = Program::new(pbx(script)).await;
    fs::write(program.path("leads.csv"), leads(1)).unwrap();
    let line = "campaign run leads.csv --message sound:a --kind informational --technique single --json --every 1s";
    let mut child = program.command(&words(line)).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let playing = |world: &mut World| {
        let mut log = world.log.iter();
        log.any(|entry| entry.is_event("PlaybackStarted"))
            .then_some(())
    };
    program.fake.until("a playback", playing).await;
    // Hanging up takes for ever: the PBX does not answer.
    let silent = Fault::Silence { done: false };
    program.fake.with(|world| {
        for kind in [Kind::HangUp, Kind::StopPlay] {
            world.rules.push(Rule::always(kind, silent.clone()));
        }
    });
    send_signal("INT", &child);
    loop {
        let line = lines.next_line().await.unwrap();
        if line
            .expect("it says that it drains")
            .contains(r#""draining":true"#)
        {
            break;
        }
    }
    send_signal("INT", &child);
    let hanging_up = |world: &mut World| {
        let mut log = world.log.iter();
        let those =
            |entry: &Entry| entry.is_request(Kind::HangUp) || entry.is_request(Kind::StopPlay);
        log.any(those).then_some(())
    };
    program.fake.until("the end of the call", hanging_up).await;
    // It writes on, and a full pipe would hold it up.
    let rest = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    send_signal("INT", &child);
    let ended = wait(child).await;
    rest.await.unwrap();
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert_eq!(program.fake.with(|world| world.channels.len()), 1);
    program.fake.with(|world| world.rules.clear());

    let ended = program.run(&words("campaign run leads")).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(calls(&program), 1);
    assert!(program.fake.with(|world| world.channels.is_empty()));
    let status = until_status(&program, |_| true).await;
    assert_eq!(status["outcomes"]["lost"], 1, "{status}");
}

#[tokio::test]
async fn a_check_knows_lists_and_earlier_drops_and_leaves_nothing_behind() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("hours = false\nconsent = false");
    for line in [
        "dnc add +12025550102",
        "drop +12025550101 --message sound:a",
    ] {
        let ended = program.run(&words(line)).await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
    }
    let before = calls(&program);
    fs::write(program.path("leads.csv"), leads(3) + "12\n").unwrap();
    let line = "campaign check leads.csv --kind informational --all";
    let told = program.run(&words(line)).await;
    for said in [
        "line 2: +1202•••0100  allowed",
        "line 3: +1202•••0101  held (frequency_cap)",
        "line 4: +1202•••0102  refused (do_not_call)",
        "line 5:               rejected (invalid_number)",
    ] {
        assert!(told.stdout.contains(said), "{said}: {told:?}");
    }
    assert!(!told.stdout.contains("2025550102"), "{told:?}");
    let whole = program
        .run(&words(&format!("{line} --full-number --json")))
        .await;
    assert!(whole.stdout.contains("\"+12025550101\""), "{whole:?}");
    let status = program.run(&words("campaign status")).await;
    assert!(
        status.stdout.contains("there is no campaign yet"),
        "{status:?}"
    );
    assert!(!program.path("leads.rejects.csv").exists());
    assert_eq!(calls(&program), before);
}

/// A mailbox whose message is long enough for something to happen meanwhile.
fn slow() -> Script {
    let mut mailbox = Call::of(&[(30, Far::Ringing), (60, Far::Answer)]);
    mailbox.playback = Playback::Whole(Duration::from_millis(1_500));
    Script(vec![mailbox])
}

fn price(program: &Program) {
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let price = "[price]\nper_minute = \"0.06\"\nper_attempt = \"1\"\nincrement = \"6/6\"\n";
    fs::write(&path, format!("{text}{price}")).unwrap();
}

/// A list of so many contacts.
fn leads(contacts: u32) -> String {
    let rows = (0..contacts).map(|nth| format!("+1202555{:04}\n", 100 + nth));
    "phone\n".to_owned() + &rows.collect::<String>()
}

/// Runs a campaign of `leads.csv` in the background.
fn run(program: &Program, more: &str) -> JoinHandle<Ended> {
    let line = format!(
        "campaign run leads.csv --message sound:a --kind informational --retry never {more}"
    );
    let child = program.command(&words(&line)).spawn().unwrap();
    tokio::spawn(wait(child))
}

async fn rows(program: &Program, more: &str) -> Vec<Value> {
    let line = format!("campaign results leads {more}");
    let ended = program.run(&words(&line)).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    ended.json().as_array().unwrap().clone()
}

/// Waits until the store has of the campaign what is wanted: what the PBX has seen is written a moment later.
async fn until_status(program: &Program, mut fits: impl FnMut(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..200 {
        let status = program.run(&words("campaign status leads --json")).await;
        last = status.json();
        if fits(&last) {
            return last;
        }
    }
    panic!("it never stood so: {last}");
}

async fn until_dialled(program: &Program, many: usize) -> usize {
    let enough = |world: &mut World| {
        let made = count(world, Kind::Originate, None);
        (made >= many).then_some(made)
    };
    program.fake.until("calls", enough).await
}

fn at_rest(world: &mut World) -> Option<()> {
    world.channels.is_empty().then_some(())
}

fn calls(program: &Program) -> usize {
    program
        .fake
        .with(|world| count(world, Kind::Originate, None))
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The rows of a CSV file, by the names of its columns.
fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let cells = names.iter().zip(&row);
        cells
            .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
            .collect()
    });
    rows.collect()
}
