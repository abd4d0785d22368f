//! Drops that were killed, or whose caller went away: their end is in the database all the same.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{
    fake::{
        Fake,
        fault::Kind,
        script::{Call, Script},
    },
    program::{Program, count, pbx, send_signal, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_that_was_killed_is_settled_by_the_next_which_touches_no_other() {
    let program = Program::new(pbx(Script(vec![Call::ringing_for_ever()]))).await;
    program.set("answer_timeout", "8s");
    program.fake.with(|world| {
        world
            .settings
            .scripts
            .insert("0103".to_owned(), Script::mailbox());
    });
    let mut dialled = 0;
    let mut children = Vec::new();
    for number in ["+12025550101", "+12025550102"] {
        let line = ["drop", number, "--message", "sound:hello-world", "--json"];
        children.push(program.command(&line).spawn().unwrap());
        // Both legs of it: the lead is short.
        dialled += 2;
        program
            .fake
            .until("calls", |world| {
                (count(world, Kind::Originate, None) >= dialled).then_some(())
            })
            .await;
    }
    let lives = children.pop().unwrap();
    let killed = children.pop().unwrap();
    send_signal("KILL", &killed);
    assert_eq!(wait(killed).await.status, None);
    assert_eq!(books(&program).await, ["+12025550101 -", "+12025550102 -"]);

    let line = ["drop", "+12025550103", "--message", "sound:hello-world"];
    let next = program.run(&line).await;
    assert_eq!(next.status, Some(0), "{next:?}");
    assert!(next.stderr.contains("an earlier drop is lost"), "{next:?}");
    let told = books(&program).await;
    let lost = "+12025550101 lost: its process died; its call was still up and was hung up";
    assert_eq!(told[0], lost, "{told:?}");
    assert_eq!(told[2], "+12025550103 delivered", "{told:?}");

    let ended = wait(lives).await;
    assert_eq!(ended.outcome(), "no_answer", "{ended:?}");
    let told = books(&program).await;
    assert_eq!(told[1], "+12025550102 no_answer", "{told:?}");
    let up = program.fake.with(|world| world.channels.len());
    assert_eq!(up, 0, "{}", program.fake.ladder());

    // There is nothing left to report.
    let line = ["drop", "+12025550103", "--message", "sound:hello-world"];
    let next = program.run(&line).await;
    assert!(!next.stderr.contains("lost"), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_drop_left_on_one_pbx_is_not_forgotten_over_another() {
    let program = Program::new(pbx(Script(vec![Call::ringing_for_ever()]))).await;
    program.set("answer_timeout", "30s");
    let other = Fake::start(pbx(Script::mailbox())).await;
    let line = ["drop", "+12025550101", "--message", "sound:hello-world"];
    let killed = program.command(&line).spawn().unwrap();
    program
        .fake
        .until("calls", |world| {
            (count(world, Kind::Originate, None) >= 2).then_some(())
        })
        .await;
    send_signal("KILL", &killed);
    wait(killed).await;
    let up = || program.fake.with(|world| world.channels.len());
    assert_eq!(up(), 2);
    // One state folder, one store, another PBX.
    program.configure(&other.url());
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("instance = \"other\"\n{text}")).unwrap();
    let next = program.run(&["drop", "+12025550102", "--message", "sound:x"]);
    assert_eq!(next.await.status, Some(0));
    assert_eq!(up(), 2);
    program.configure(&program.fake.url());
    program.fake.with(|world| {
        world
            .settings
            .scripts
            .insert("0103".to_owned(), Script::mailbox());
    });
    let next = program.run(&["drop", "+12025550103", "--message", "sound:x"]);
    let next = next.await;
    assert_eq!(next.status, Some(0), "{next:?}");
    assert!(next.stderr.contains("an earlier drop is lost"), "{next:?}");
    assert_eq!(up(), 0, "{}", program.fake.ladder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_whose_caller_went_away_is_in_the_database() {
    let settings = crate::fake::Settings {
        hang_up_takes: std::time::Duration::from_secs(20),
        ..pbx(Script(vec![Call::ringing_for_ever()]))
    };
    let program = Program::new(settings).await;
    let number = "+12025550101";
    let line = ["drop", number, "--message", "sound:hello-world", "--json"];
    let child = program.command(&line).spawn().unwrap();
    for (what, kind) in [("calls", Kind::Originate), ("the hang-up", Kind::HangUp)] {
        program
            .fake
            .until(what, |world| (count(world, kind, None) > 0).then_some(()))
            .await;
        send_signal("INT", &child);
    }
    let ended = wait(child).await;
    assert_eq!(
        (ended.outcome().as_str(), ended.status),
        ("cancelled", Some(1)),
        "{ended:?}"
    );
    let told = "+12025550101 cancelled: the operator quit before its calls had ended";
    assert_eq!(books(&program).await, [told]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_drop_is_written_once_the_store_is_back() {
    let program = Program::new(pbx(Script(vec![Call::ringing_for_ever()]))).await;
    program.set("answer_timeout", "3s");
    let line = ["drop", "+12025550101", "--message", "sound:hello-world"];
    let mut child = program.command(&line).spawn().unwrap();
    program
        .fake
        .until("calls", |world| {
            (count(world, Kind::Originate, None) > 0).then_some(())
        })
        .await;
    let options = SqliteConnectOptions::new().filename(program.path("aftertone.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("PRAGMA busy_timeout = 20000").await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    while let Some(line) = said.next_line().await.unwrap() {
        if line.contains("the store is away; how the drop ended is written when it is back") {
            break;
        }
    }
    other.execute("COMMIT").await.unwrap();
    let rest = async { while said.next_line().await.unwrap().is_some() {} };
    let (ended, ()) = tokio::join!(wait(child), rest);
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert_eq!(books(&program).await, ["+12025550101 no_answer"]);
}

/// Every drop in its order: its number, its outcome, and its report's words if it has any.
async fn books(program: &Program) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(program.path("aftertone.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let all = "SELECT '+' || number || ' ' || coalesce(outcome, '-') || coalesce(': ' || (report ->> 'words'), '') \
               FROM drops ORDER BY number, started_at";
    let rows: Vec<(String,)> = sqlx::query_as(all)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    rows.into_iter().map(|(row,)| row).collect()
}
