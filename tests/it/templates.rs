//! Messages that are made for each contact: before anything is decided about the call, one beside the other, and gone with it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, path::Path, time::Duration};

use aftertone::{
    drop::Outcome,
    phone::{PhoneNumber, Rules},
    store::{DatabaseAddress, Store},
};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    fake::{
        Settings, World,
        fault::Kind,
        log::What,
        script::{Call, Script},
    },
    program::{Ended, Program, count, pbx, send_signal, wait},
};

const TEMPLATE: &str = "intro + names/{first_name}";

#[tokio::test(flavor = "multi_thread")]
async fn each_contact_is_left_their_own_message_and_who_cannot_have_one_is_not_called() {
    let program = fixture("[evidence]\ndir = \"evidence\"\n").await;
    let list = "phone,First Name\n+12025550101,Ann\n+12025550102,Bob\n+12025550103,Zoë\n+12025550104,Ann\n+12025550105,\n";
    fs::write(program.path("leads.csv"), list).unwrap();
    let ended = run(&program, TEMPLATE, &[]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    // Of the two that cannot be made nothing was dialled; before anything was, it was said.
    assert_eq!(count_originates(&program), 6, "{}", program.fake.ladder());
    assert!(
        ended.stderr.contains("`first_name` is empty in 1 row"),
        "{ended:?}"
    );
    assert!(
        ended
            .stderr
            .contains("of the first 5 contacts, 2 cannot be left a message"),
        "{ended:?}"
    );
    let rows = results(&program).await;
    let outcome = |last: &str| {
        let of = |row: &&Value| row["number"].as_str().unwrap().ends_with(last);
        let row = rows.iter().find(of).unwrap();
        assert_eq!(row["message"], TEMPLATE, "{row}");
        row["outcome"].as_str().unwrap().to_owned()
    };
    for (last, expected) in [
        ("0101", "delivered"),
        ("0102", "delivered"),
        ("0103", "error"),
        ("0104", "delivered"),
        ("0105", "error"),
    ] {
        assert_eq!(outcome(last), expected, "{last}");
    }
    // Nothing that says who was called is kept beside the contact's own columns.
    let told = rows.iter().map(Value::to_string).collect::<String>();
    assert!(
        !told.contains("names/ann") && !told.contains("zoe"),
        "{told}"
    );
    assert_eq!(made_files(&program), Vec::<String>::new());

    let mut words: Vec<String> = fs::read_dir(program.path("evidence"))
        .unwrap()
        .filter_map(|folder| fs::read_to_string(folder.unwrap().path().join("drop.json")).ok())
        .map(|text| serde_json::from_str::<Value>(&text).unwrap())
        .map(|drop| drop["message_parts"]["words"].as_str().unwrap().to_owned())
        .collect();
    words.sort();
    assert_eq!(
        words,
        [
            "[intro] [names/ann]",
            "[intro] [names/ann]",
            "[intro] [names/bob]"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slow_message_delays_nobody_and_no_intent_is_written_before_it_is_made() {
    let program = fixture(&speech(2)).await;
    let rings = Script(vec![Call::ringing_for_ever()]);
    program.fake.with(|world| {
        world.settings.scripts.insert("9".to_owned(), rings);
    });
    program.set("answer_timeout", "60s");
    let people = ["slow", "Ann", "Bob", "Cleo", "Dan", "Eve", "Fay", "Gus"];
    let rows = people.iter().enumerate();
    let rows: String = rows
        .map(|(nth, name)| format!("+1202555{:04},{name}\n", 100 + nth))
        .collect();
    let list = format!("phone,first_name\n{rows}+12025550109,Hal\n");
    fs::write(program.path("leads.csv"), list).unwrap();
    let message = "\"Good morning {first_name}.\"";
    let arguments = arguments(message, &["--technique", "single"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = program.command(&arguments).spawn().unwrap();
    until("the slow one is spoken", || program.path("waits").exists()).await;
    let place = DatabaseAddress::Sqlite(program.path("aftertone.db"));
    let store = Store::open(&place).await.unwrap();
    // All others are through while it is being made, but one whose call goes on.
    until_delivered(&store, 7).await;
    let drops_to = async |number: &str| {
        let number = PhoneNumber::parse(number, Rules::default()).unwrap();
        store.drops_to(&[number]).await.unwrap().len()
    };
    assert_eq!(
        drops_to("+12025550100").await,
        0,
        "an intent without its message"
    );
    until_dialled(&program, 8).await;
    assert_eq!(drops_to("+12025550109").await, 1);
    // That call's message is there, and nobody else's.
    assert!(!made_files(&program).is_empty());

    // A process that dies while it makes one leaves nothing that counts.
    send_signal("KILL", &child);
    child.wait().await.unwrap();
    assert!(
        !made_files(&program).is_empty(),
        "what it had made stays behind"
    );
    fs::write(program.path("release"), "").unwrap();
    let ended = wait(
        program
            .command(&["campaign", "run", "leads"])
            .spawn()
            .unwrap(),
    )
    .await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let tally = tally(&store).await;
    assert_eq!(tally.get(&Outcome::Delivered), Some(&8), "{tally:?}");
    assert_eq!(tally.get(&Outcome::Lost), Some(&1), "{tally:?}");
    assert_eq!(drops_to("+12025550100").await, 1);
    assert_eq!(made_files(&program), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_so_many_messages_are_made_at_once() {
    let program = fixture(&speech(16)).await;
    let rows: String = (0..24)
        .map(|nth| format!("+1202555{:04},slow {nth}\n", 100 + nth))
        .collect();
    let list = format!("phone,first_name\n{rows}");
    fs::write(program.path("leads.csv"), list).unwrap();
    let message = "\"Good morning {first_name}.\"";
    let running = arguments(message, &["--technique", "single"]);
    let running: Vec<&str> = running.iter().map(String::as_str).collect();
    let child = program.command(&running).spawn().unwrap();
    let log = program.path("log");
    let begun = || fs::read_to_string(&log).unwrap_or_default();
    until("as many as may be", || begun().matches('+').count() >= MOST).await;
    assert_eq!(count_originates(&program), 0);
    fs::write(program.path("release"), "").unwrap();
    let ended = wait(child).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let (mut now, mut most) = (0_usize, 0);
    for line in begun().lines() {
        now = if line == "+" { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    assert_eq!(most, MOST, "{}", begun());
    assert_eq!(begun().matches('+').count(), 24);
    assert_eq!(made_files(&program), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_gives_back_what_is_being_made_and_an_end_waits_for_nothing() {
    let program = fixture(&speech(2)).await;
    fs::write(
        program.path("leads.csv"),
        "phone,first_name\n+12025550100,slow\n",
    )
    .unwrap();
    let message = "\"Good morning {first_name}.\"";
    let running = arguments(message, &["--technique", "single"]);
    let running: Vec<&str> = running.iter().map(String::as_str).collect();
    let child = program.command(&running).spawn().unwrap();
    until("it is spoken", || program.path("waits").exists()).await;
    let told = program.run(&["campaign", "pause", "leads"]).await;
    assert_eq!(told.status, Some(0), "{told:?}");
    until_campaign(&program, |status| {
        status["waiting"] == 1 && status["standing"] == "paused"
    })
    .await;
    fs::write(program.path("release"), "").unwrap();
    let told = program.run(&["campaign", "resume", "leads"]).await;
    assert_eq!(told.status, Some(0), "{told:?}");
    let ended = wait(child).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(results(&program).await[0]["outcome"], "delivered");

    // Asked to end while one is made, it ends.
    fs::remove_file(program.path("release")).unwrap();
    fs::remove_file(program.path("waits")).unwrap();
    fs::write(
        program.path("more.csv"),
        "phone,first_name\n+12025550201,slow again\n",
    )
    .unwrap();
    let line = [
        "campaign",
        "run",
        "more.csv",
        "--kind",
        "informational",
        "--message",
        message,
    ];
    let child = program.command(&line).spawn().unwrap();
    until("it is spoken", || program.path("waits").exists()).await;
    send_signal("INT", &child);
    let ended = wait(child).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert_eq!(made_files(&program), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_list_lacks_is_said_before_anything_is_made() {
    let program = fixture("").await;
    fs::write(program.path("leads.csv"), "phone\n+12025550101\n").unwrap();
    for command in [
        "create spring leads.csv",
        "check leads.csv",
        "run leads.csv",
    ] {
        let line = format!("campaign {command} --kind informational --message");
        let line: Vec<&str> = line.split(' ').chain([TEMPLATE]).collect();
        let ended = program.run(&line).await;
        assert_eq!(ended.status, Some(2), "{command}: {ended:?}");
        assert!(
            ended.stderr.contains("needs the column `first_name`"),
            "{command}: {ended:?}"
        );
    }
    // What is not there, too.
    for (message, words) in [
        ("outro + names/{first_name}", "outro"),
        ("intro + towns/{city}", "towns"),
        ("intro + \"on {date}\"", "no command that speaks"),
        ("intro + {first_name}", "outside of quotes"),
    ] {
        let line = [
            "campaign",
            "create",
            "spring",
            "--kind",
            "informational",
            "--message",
            message,
        ];
        let ended = program.run(&line).await;
        assert_eq!(ended.status, Some(2), "{message}: {ended:?}");
        assert!(ended.stderr.contains(words), "{message}: {ended:?}");
    }
    let status = program.run(&["campaign", "status", "--json"]).await;
    assert_eq!(status.json(), serde_json::json!([]), "nothing was created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_heard_before_a_campaign_runs() {
    let program = fixture("").await;
    let list = "phone,first_name\n+12025550101,Ann\n+12025550102,Zoe\n";
    fs::write(program.path("leads.csv"), list).unwrap();
    let line = [
        "campaign",
        "create",
        "spring",
        "leads.csv",
        "--kind",
        "informational",
        "--message",
        TEMPLATE,
    ];
    let created = program.run(&line).await;
    assert_eq!(created.status, Some(0), "{created:?}");
    let heard = program
        .run(&["campaign", "hear", "spring", "--into", "heard"])
        .await;
    assert_eq!(heard.status, Some(1), "{heard:?}");
    let lines: Vec<_> = heard.stdout.lines().collect();
    assert!(
        lines[0].ends_with("+1202•••0101  [intro] [names/ann]"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("cannot be made: there is no recording `names/zoe`"),
        "{lines:?}"
    );
    let files: Vec<_> = fs::read_dir(program.path("heard")).unwrap().collect();
    assert_eq!(files.len(), 1);
    let wav = hound::WavReader::open(files[0].as_ref().unwrap().path()).unwrap();
    assert_eq!(wav.spec().sample_rate, 16_000);
    assert!(wav.duration() > 16_000, "{}", wav.duration());
    assert_eq!(made_files(&program), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_drop_says_what_it_is_given() {
    let program = fixture("").await;
    let order = async |fields: &[&str]| {
        let line = ["drop", "+12025550101", "--json", "--message", TEMPLATE];
        program.run(&[&line[..], fields].concat()).await
    };
    let lacks = order(&[]).await;
    assert_eq!(lacks.status, Some(2), "{lacks:?}");
    assert!(
        lacks.stderr.contains("column `first_name` is empty"),
        "{lacks:?}"
    );
    let missing = order(&["--field", "first_name=Zoe"]).await;
    assert_eq!(missing.status, Some(2), "{missing:?}");
    assert_eq!(count_originates(&program), 0);
    let ended = order(&["--field", "First Name=Ann", "--evidence", "evidence"]).await;
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
    assert_eq!(made_files(&program), Vec::<String>::new());
    let folder = fs::read_dir(program.path("evidence")).unwrap();
    let folder = folder
        .map(|folder| folder.unwrap().path())
        .find(|path| path.join("drop.json").exists())
        .unwrap();
    let explained = program.run(&["explain", folder.to_str().unwrap()]).await;
    assert!(
        explained.stdout.contains("message  [intro] [names/ann]"),
        "{explained:?}"
    );
}

/// A program with prepared recordings, whose PBX looks at the files that it is to play, and these sections.
async fn fixture(sections: &str) -> Program {
    // By one call or by two, it is a mailbox that answers.
    let script = if sections.contains("[speech]") {
        Script(vec![Call::mailbox()])
    } else {
        Script::mailbox()
    };
    let settings = Settings {
        files: true,
        ..pbx(script)
    };
    let program = Program::new(settings).await;
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let trunk = "[trunk]\nstarts_per_second = 50\nin_flight = 50\ncancelled = \"none\"\nshort = \"none\"\npeople = \"none\"\n";
    let sections = sections.replace("{dir}", program.folder.path().to_str().unwrap());
    let pbx = "sounds_dir = \"sounds\"\n";
    let seen = format!(
        "{pbx}pbx_sounds_dir = \"{}\"\n",
        program.path("sounds").display()
    );
    let text = text.replacen(pbx, &seen, 1);
    fs::write(
        &path,
        text.replacen("[screen]", &format!("{sections}{trunk}[screen]"), 1),
    )
    .unwrap();
    for (name, milliseconds) in [("intro", 1_500), ("names/ann", 400), ("names/bob", 700)] {
        let file = program.record("recording.wav", milliseconds);
        let added = program
            .run(&["message", "add", name, file.to_str().unwrap()])
            .await;
        assert_eq!(added.status, Some(0), "{added:?}");
    }
    program.record("voice.wav", 1_200);
    fs::write(program.path("speak.sh"), SPEAK).unwrap();
    program
}

/// Speech by a script, so many at once.
fn speech(at_once: u32) -> String {
    format!(
        "[speech]\ncommand = [\"/bin/sh\", \"{{dir}}/speak.sh\", \"{{dir}}\", \"{{output}}\"]\nat_once = {at_once}\ntimeout = \"60s\"\n"
    )
}

/// Says the same whatever it is to say; of who is slow not before it is told to.
const SPEAK: &str = r#"read -r text
cd "$1"
case "$text" in *slow*)
    echo + >> log
    : > waits
    while [ ! -e release ]; do sleep 0.05; done
    echo - >> log
esac
cp voice.wav "$2"
"#;

/// How many messages of a campaign are made at once.
const MOST: usize = 8;

fn arguments(message: &str, more: &[&str]) -> Vec<String> {
    let first = [
        "campaign",
        "run",
        "leads.csv",
        "--kind",
        "informational",
        "--retry",
        "never",
        "--message",
        message,
    ];
    first
        .iter()
        .chain(more)
        .map(|text| (*text).to_owned())
        .collect()
}

async fn run(program: &Program, message: &str, more: &[&str]) -> Ended {
    let arguments = arguments(message, more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program.run(&arguments).await
}

async fn results(program: &Program) -> Vec<Value> {
    let ended = program
        .run(&["campaign", "results", "leads", "--json"])
        .await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    ended.json().as_array().unwrap().clone()
}

fn count_originates(program: &Program) -> usize {
    program
        .fake
        .with(|world| count(world, Kind::Originate, None))
}

/// The files of messages that were made for one contact.
fn made_files(program: &Program) -> Vec<String> {
    fn files(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).unwrap();
        files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("once-"))
            .collect()
    }
    files(&program.path("sounds"))
}

async fn until_dialled(program: &Program, calls: usize) {
    let enough = |world: &mut World| {
        let dialled = world.log.iter().filter(|entry| {
            matches!(
                entry.what,
                What::Request {
                    kind: Kind::Originate,
                    ..
                }
            )
        });
        (dialled.count() >= calls).then_some(())
    };
    program.fake.until("calls", enough).await;
}

async fn tally(store: &Store) -> std::collections::BTreeMap<Outcome, u64> {
    let campaign = store.campaign("leads").await.unwrap().unwrap();
    store.tally(campaign.id).await.unwrap().outcomes
}

async fn until_delivered(store: &Store, contacts: u64) {
    let waiting = async {
        while tally(store).await.get(&Outcome::Delivered) != Some(&contacts) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("they are delayed");
}

async fn until_campaign(program: &Program, fits: impl Fn(&Value) -> bool) {
    let waiting = async {
        loop {
            let status = program
                .run(&["campaign", "status", "leads", "--json"])
                .await;
            if fits(&status.json()) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it never is");
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect(what);
}

const PATIENCE: Duration = Duration::from_secs(60);
