//! The gate in front of `aftertone drop`: what is refused or held dials nothing, and says why and until when; what is set
//! aside or switched off is logged.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{path::Path, time::Duration};

use aftertone::{
    phone::{PhoneNumber, Rules},
    store::{DatabaseAddress, ListName, OWN_LIST, Store},
};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    fake::{
        fault::{Fault, Kind, Rule},
        script::{Call, Script},
    },
    program::{Ended, NUMBER, Program, count, pbx, send_signal, wait},
};

const WRITTEN: [&str; 6] = [
    "--consent",
    "written",
    "--consent-at",
    "2026-03-01",
    "--consent-source",
    "web form",
];

#[tokio::test]
async fn a_number_on_a_do_not_call_list_is_never_dialled() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("hours = false\nconsent = false");
    bar(&program, NUMBER).await;
    let ended = program.drop(&[]).await;
    assert_refused(&program, &ended, "do_not_call");
    // The PBX does not even hear of it.
    assert!(program.fake.with(|world| world.log.is_empty()));
    insta::assert_snapshot!(said(&ended), @r#"
    Some(2)
    error: refused (do_not_call): the number is on the do-not-call list `own`
    hint: `aftertone dnc check` tells since when and why it stands there; who asked not to be called is not called
    "#);

    // No reason in the world opens it by another rule's name.
    let ended = program
        .drop(&["--override", "consent", "--because", "a test"])
        .await;
    assert_refused(&program, &ended, "do_not_call");
    // Its own does, and is kept.
    let ended = program
        .drop(&[
            "--override",
            "do_not_call",
            "--because",
            "they asked for it",
        ])
        .await;
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
    let ruling = ruling(&program).await;
    let aside = &ruling["findings"][1]["outcome"]["set_aside"];
    assert_eq!(aside["because"], "they asked for it", "{ruling}");
    assert_eq!(aside["instead_of"]["of"], "do_not_call", "{ruling}");
}

#[tokio::test]
async fn without_consent_on_record_nothing_is_dialled() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("hours = false\ncaps = false");
    let ended = program.drop(&[]).await;
    assert_refused(&program, &ended, "no_consent");
    insta::assert_snapshot!(said(&ended), @r#"
    Some(2)
    error: refused (no_consent): no consent is on record
    hint: tell the consent you have: `--consent written --consent-at 2026-03-01 --consent-source "web form"`; for a telephone of your own: `--override consent --because "my own telephone"`
    "#);

    let verbal = WRITTEN.map(|word| if word == "written" { "verbal" } else { word });
    let ended = program.drop(&verbal).await;
    assert_refused(&program, &ended, "no_consent");
    let ended = program
        .drop(
            &WRITTEN
                .map(|word| word.replace("2026-03-01", "2999-01-01"))
                .each_ref()
                .map(String::as_str),
        )
        .await;
    assert_refused(&program, &ended, "no_consent");

    let informational = [&verbal[..], &["--kind", "informational"]].concat();
    for consent in [&WRITTEN[..], &informational] {
        let ended = program.drop(consent).await;
        assert_eq!(ended.outcome(), "delivered", "{consent:?}: {ended:?}");
    }
}

#[tokio::test]
async fn a_blocked_prefix_is_never_dialled() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("enabled = false\nblocked_prefixes = [\"+1202555\"]");
    let ended = program.drop(&[]).await;
    assert_refused(&program, &ended, "blocked_prefix");
    insta::assert_snapshot!(said(&ended), @r#"
    Some(2)
    error: refused (blocked_prefix): +1202•••0101 begins with +1202555, which the settings block
    hint: see `gate.blocked_prefixes` in the configuration
    "#);
}

#[tokio::test]
async fn a_number_is_held_until_its_hours_begin() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let washington = TimeZone::get("America/New_York").unwrap();
    let today = Timestamp::try_from(aftertone::clock::wall())
        .unwrap()
        .to_zoned(washington.clone())
        .date();
    let closed = [-1, 0, 1].map(|days| (today + days.days()).to_string());
    // In place of the law, so that the hour at which the test runs does not matter.
    program.gate(&format!(
        "consent = false\n[[gate.rules]]\nname = \"mourning\"\nclosed = {closed:?}\ninstead_of_law = \"a test\""
    ));
    let ended = program.drop(&[]).await;
    assert_held(&program, &ended, "calling_hours");
    let opens = (today + 2.days()).to_zoned(washington).unwrap().timestamp();
    assert_eq!(ended.json()["until"], opens.to_string(), "{ended:?}");
    for part in [
        "error: held (calling_hours) until ",
        "mourning allows no calls on this day; opens ",
        "hint: run it again then; or, with a reason that is logged and kept: `--override calling_hours --because TEXT`",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
    assert!(
        ended.stderr.contains("stands in place of the law"),
        "{ended:?}"
    );
    let ended = program
        .drop(&["--override", "calling_hours", "--because", "a test"])
        .await;
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
}

#[tokio::test]
async fn a_second_drop_to_a_number_is_held_for_a_day() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("hours = false\nconsent = false");
    let before = now();
    let ended = program.drop(&[]).await;
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
    let after = now();
    let dialled = originates(&program);

    let ended = program.drop(&[]).await;
    assert_held(&program, &ended, "frequency_cap");
    let until: Timestamp = ended.json()["until"].as_str().unwrap().parse().unwrap();
    assert!((before..=after).contains(&(until - 24.hours())), "{until}");
    assert_eq!(originates(&program), dialled, "{}", program.fake.ladder());
    // Another number is another matter.
    let other = [
        "drop",
        "+12025550102",
        "--message",
        "sound:hello-world",
        "--json",
    ];
    let ended = program.run(&other).await;
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");

    let again = program
        .drop(&[
            "--override",
            "frequency_cap",
            "--because",
            "asked by +12025550101 to try again",
        ])
        .await;
    assert_eq!(again.outcome(), "delivered", "{again:?}");
    let warning = again
        .stderr
        .lines()
        .find(|line| line.contains("a rule of the gate was set aside"));
    let warning = warning.unwrap_or_else(|| panic!("it was not logged: {again:?}"));
    for part in [
        "WARN",
        "number=+1202•••0101",
        "rule=frequency_cap",
        "to try again",
        "would=\"frequency_cap\"",
    ] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    assert!(!again.stderr.contains("2025550101"), "{again:?}");
    let kept = ruling(&program).await;
    assert!(!kept.to_string().contains("2025550101"), "{kept}");
    assert_eq!(
        kept["findings"][3]["outcome"]["set_aside"]["because"],
        "asked by +••••••••••• to try again"
    );
}

#[tokio::test]
async fn of_several_drops_to_a_number_at_once_one_is_made() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("hours = false\nconsent = false");
    let number = ["drop", NUMBER, "--message", "sound:hello-world", "--json"];
    let at_once: Vec<_> = (0..8)
        .map(|_| program.command(&number).spawn().unwrap())
        .collect();
    let mut made = 0;
    for child in at_once {
        let ended = wait(child).await;
        if ended.outcome() == "delivered" {
            made += 1;
        } else {
            assert_eq!(ended.status, Some(2), "{ended:?}");
            assert_eq!(ended.json()["held"], "frequency_cap", "{ended:?}");
        }
    }
    assert_eq!(made, 1, "{}", program.fake.ladder());
    assert_eq!(originates(&program), 2, "{}", program.fake.ladder());
}

#[tokio::test]
async fn a_drop_that_was_killed_counts() {
    let program = Program::new(pbx(Script(vec![Call::ringing_for_ever()]))).await;
    program.gate("hours = false\nconsent = false");
    let drop = ["drop", NUMBER, "--message", "sound:hello-world", "--json"];
    let child = program.command(&drop).spawn().unwrap();
    program
        .fake
        .until("the first call", |world| {
            (count(world, Kind::Originate, None) > 0).then_some(())
        })
        .await;
    send_signal("KILL", &child);
    assert_eq!(wait(child).await.status, None);

    let ended = program.drop(&[]).await;
    assert_held(&program, &ended, "frequency_cap");
}

#[tokio::test]
async fn what_is_switched_off_is_logged_once_and_holds_nothing() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("hours = false\ncaps = false\nconsent = false");
    for _ in 0..2 {
        let ended = program.drop(&[]).await;
        assert_eq!(ended.outcome(), "delivered", "{ended:?}");
        for (rule, setting) in [
            ("consent", "gate.consent"),
            ("frequency_cap", "gate.caps"),
            ("calling_hours", "gate.hours"),
        ] {
            let told =
                format!("a rule of the gate is switched off rule=\"{rule}\" setting=\"{setting}\"");
            let times = ended.stderr.matches(&told).count();
            assert_eq!(times, 1, "{told}: {ended:?}");
        }
    }
    // With all rules in force nothing is said of them.
    program.configure(&program.fake.url());
    program.gate("enabled = true");
    let ended = program.drop(&[]).await;
    assert_refused(&program, &ended, "no_consent");
    assert!(!ended.stderr.contains("switched off"), "{ended:?}");
}

#[tokio::test]
async fn without_a_store_nothing_is_dialled() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let mut command =
        program.command(&["drop", NUMBER, "--message", "sound:hello-world", "--json"]);
    command.env("AFTERTONE__STORE__URL", "sqlite:none/aftertone.db");
    let ended = wait(command.spawn().unwrap()).await;
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (Some(2), ""),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("\nhint: "), "{ended:?}");
    assert_eq!(originates(&program), 0);
    assert!(program.fake.with(|world| world.log.is_empty()));
}

#[tokio::test]
async fn half_an_override_or_a_consent_is_a_usage_error() {
    let program = Program::new(pbx(Script::mailbox())).await;
    for arguments in [
        &["--override", "consent"][..],
        &["--because", "a test"],
        &["--override", "number", "--because", "a test"],
        &["--override", "no_such", "--because", "a test"],
        &["--override", "consent", "--because", " "],
        &["--consent", "written"],
        &["--consent-at", "2026-03-01"],
        &[
            "--consent",
            "yes",
            "--consent-at",
            "2026-03-01",
            "--consent-source",
            "x",
        ],
        &["--kind", "spam"],
    ] {
        let ended = program.drop(arguments).await;
        assert_eq!(ended.status, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("error: "), "{arguments:?}: {ended:?}");
    }
    assert_eq!(originates(&program), 0);
}

#[tokio::test]
async fn the_store_knows_how_a_drop_ended_and_what_it_was_let_off() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("hours = false\nconsent = false\ncaps = false");
    let aside = ["--override", "do_not_call", "--because", "a test"];
    for (more, despite) in [(&[][..], 0), (&aside, 1)] {
        let ended = program.drop(more).await;
        assert_eq!(ended.outcome(), "delivered", "{ended:?}");
        let query =
            "SELECT outcome, despite_do_not_call FROM drops ORDER BY started_at DESC LIMIT 1";
        let mut connection = connect(&program.path("aftertone.db")).await;
        let row: (Option<String>, i64) = sqlx::query_as(query)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(row, (Some("delivered".to_owned()), despite), "{more:?}");
    }
}

#[tokio::test]
async fn an_opt_out_at_the_last_moment_is_heard() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate("hours = false\nconsent = false");
    // The PBX takes its time before the call, and the gate has let it pass by then.
    program.fake.with(|world| {
        let slow = Fault::Slow(Duration::from_millis(1_500));
        world.rules = vec![Rule::once(Kind::ListChannels, slow)];
    });
    let drop = ["drop", NUMBER, "--message", "sound:hello-world", "--json"];
    let child = program.command(&drop).spawn().unwrap();
    program
        .fake
        .until("the first request", |world| {
            (count(world, Kind::ListChannels, None) > 0).then_some(())
        })
        .await;
    bar(&program, NUMBER).await;
    let ended = wait(child).await;
    assert_refused(&program, &ended, "do_not_call");
    assert_eq!(originates(&program), 0, "{}", program.fake.ladder());
}

#[track_caller]
fn assert_refused(program: &Program, ended: &Ended, slug: &str) {
    assert_stopped(program, ended);
    let json = ended.json();
    assert_eq!(json["refused"], slug, "{ended:?}");
    assert!(
        json["held"].is_null() && json["until"].is_null(),
        "{ended:?}"
    );
}

#[track_caller]
fn assert_held(program: &Program, ended: &Ended, slug: &str) {
    assert_stopped(program, ended);
    let json = ended.json();
    assert_eq!(json["held"], slug, "{ended:?}");
    assert!(
        json["refused"].is_null() && json["until"].is_string(),
        "{ended:?}"
    );
}

/// One object of five fields, exit status 2, an error.
#[track_caller]
fn assert_stopped(program: &Program, ended: &Ended) {
    assert_eq!(
        ended.status,
        Some(2),
        "{ended:?}\n{}",
        program.fake.ladder()
    );
    let json = ended.json();
    let names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names.join(" "),
        "drop held outcome refused until",
        "{ended:?}"
    );
    assert!(json["outcome"].is_null(), "{ended:?}");
    assert!(ended.stderr.contains("error: "), "{ended:?}");
}

/// What was said beside the log, with the exit status.
fn said(ended: &Ended) -> String {
    let lines = ended.stderr.lines();
    let said: Vec<_> = lines.filter(|line| !line.contains(" WARN ")).collect();
    format!("{:?}\n{}", ended.status, said.join("\n"))
}

fn originates(program: &Program) -> usize {
    program
        .fake
        .with(|world| count(world, Kind::Originate, None))
}

async fn bar(program: &Program, number: &str) {
    let store = Store::open(&DatabaseAddress::Sqlite(program.path("aftertone.db")))
        .await
        .unwrap();
    let number = PhoneNumber::parse(number, Rules::default()).unwrap();
    let own = ListName::new(OWN_LIST).unwrap();
    store.bar(&own, &[number], None, now()).await.unwrap();
    store.close().await;
}

/// The ruling that is kept with the last drop.
async fn ruling(program: &Program) -> Value {
    let text = kept(&program.path("aftertone.db")).await;
    serde_json::from_str(&text).unwrap()
}

async fn kept(file: &Path) -> String {
    let mut connection = connect(file).await;
    let last = "SELECT ruling FROM drops ORDER BY started_at DESC LIMIT 1";
    let (ruling,): (String,) = sqlx::query_as(last)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    ruling
}

async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options).await.unwrap()
}

fn now() -> Timestamp {
    Timestamp::try_from(aftertone::clock::wall()).unwrap()
}
