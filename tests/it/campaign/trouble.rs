//! What goes away under a campaign and comes back: the PBX, the store, the controller itself.

use std::time::Duration;

use aftertone::{
    controller::{Ended, Selection},
    drop::Outcome,
    orders::View,
};
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::Instant,
};

use super::{
    slow,
    stage::{Stage, end_of},
};
use crate::{
    desk::{send_signal, wait},
    fake::{
        World,
        fault::Kind,
        script::{Call, Script},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_that_is_cut_off_and_comes_back_is_waited_for() {
    let stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 20\nin_flight = 6");
    stage.campaign("spring", 30).await;
    let controller = stage.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    stage.until_dialled(8).await;
    stage
        .desk
        .fake
        .with(|world| world.cut("aftertone-aftertone"));
    stage
        .until_view(&mut view, |view| view.trouble.is_some())
        .await;
    stage
        .until_view(&mut view, |view| view.trouble.is_none())
        .await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    stage.assert_nobody_twice();
    stage.assert_nothing_up();
    let tally = stage.tally("spring").await;
    assert_eq!(tally.outcomes.values().sum::<u64>(), 30, "{tally:?}");
    // A link that is back soon costs little: the drops in flight are found as they are.
    assert!(tally.outcomes[&Outcome::Delivered] >= 20, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_that_restarts_loses_no_more_than_was_in_flight() {
    let mut stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 20\nin_flight = 6");
    stage.campaign("spring", 30).await;
    let controller = stage.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    stage.until_dialled(8).await;
    stage.desk.fake.stop();
    stage
        .until_view(&mut view, |view| view.trouble.is_some())
        .await;
    stage.desk.fake.start_again().await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    stage.assert_nobody_twice();
    stage.assert_nothing_up();
    let tally = stage.tally("spring").await;
    assert_eq!(tally.outcomes.values().sum::<u64>(), 30, "{tally:?}");
    assert!(tally.outcomes[&Outcome::Delivered] >= 24, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_locked_stops_dialling_and_forgets_nothing() {
    let stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 10\nin_flight = 6");
    stage.campaign("spring", 30).await;
    let controller = stage.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    stage.until_dialled(8).await;

    let options = SqliteConnectOptions::new().filename(stage.desk.path("aftertone.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("PRAGMA busy_timeout = 20000").await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    // What was written just before may still be on its way.
    #[expect(
        clippy::disallowed_methods,
        reason = "the fake's log has the clock's own times"
    )]
    let locked = Instant::now() + Duration::from_millis(300);
    let away = |view: &View| {
        let trouble = view.trouble.as_deref();
        trouble.is_some_and(|words| words.contains("store is away"))
    };
    stage.until_view(&mut view, away).await;
    // Drops in flight come to their end all the same; what is to be written of them waits.
    let at_rest = |world: &mut World| world.channels.is_empty().then_some(());
    stage.desk.fake.until("the end of all calls", at_rest).await;
    for _ in 0..4 {
        view.changed().await.unwrap();
    }
    assert!(view.borrow().trouble.is_some(), "{:?}", view.borrow());
    let calls = stage.first_calls();
    let since = calls.iter().filter(|at| **at > locked).count();
    assert_eq!(since, 0, "dialled although nothing could be written");
    other.execute("COMMIT").await.unwrap();

    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    stage.assert_each(30, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_slow_is_told_as_the_reason() {
    let stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 10\nin_flight = 6");
    stage.campaign("spring", 20).await;
    let controller = stage.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    stage.until_dialled(4).await;
    let options = SqliteConnectOptions::new().filename(stage.desk.path("aftertone.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("PRAGMA busy_timeout = 20000").await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    // As slow as a disk that needs so long, and shorter than what counts as away.
    tokio::time::sleep(Duration::from_secs(3)).await;
    other.execute("COMMIT").await.unwrap();
    let is_slow = |view: &View| {
        let trouble = view.trouble.as_deref();
        trouble.is_some_and(|words| words.starts_with("the store is slow: "))
    };
    stage.until_view(&mut view, is_slow).await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    stage.assert_each(20, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_dead_controller_that_were_still_up_are_told_as_such() {
    let stage = Stage::new(slow()).await;
    stage.desk.set("answer_timeout", "30s");
    stage.script("1", Script(vec![Call::ringing_for_ever()]));
    stage.campaign("spring", 2).await;
    let mut child = stage.spawn(&["spring"]);
    stage.until_dialled(4).await;
    let up = |world: &mut World| (world.channels.len() == 2).then_some(());
    stage.desk.fake.until("one that rings on", up).await;
    send_signal("KILL", &child);
    child.wait().await.unwrap();

    let mut controller = stage.open(Selection::All).await.unwrap();
    let mut notes = controller.notes();
    let told = notes.recv().await.unwrap().words;
    assert!(
        told.contains("still had a call, which was hung up"),
        "{told}"
    );
    assert_eq!(controller.run().await.unwrap(), Ended::Over);
    stage.assert_nothing_up();
    assert!(stage.tally("spring").await.outcomes[&Outcome::Lost] >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_that_is_away_at_the_start_is_waited_for_so_long() {
    let mut stage = Stage::new(slow()).await;
    stage.campaign("spring", 2).await;
    stage.desk.fake.stop();
    let at_once = ["campaign", "run", "spring", "--wait", "0s"];
    let ended = stage.desk.run(&at_once).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("Connection refused"), "{ended:?}");
    assert!(!ended.stderr.contains("waiting"), "{ended:?}");

    let line = ["campaign", "run", "spring", "--wait", "50s"];
    let mut child = stage.desk.command(&line).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = loop {
        let line = stderr.next_line().await.unwrap().unwrap();
        if line.contains("waiting for it, at most 50 s") {
            break line;
        }
    };
    assert!(waits.contains("Connection refused"), "{waits}");
    stage.desk.fake.start_again().await;
    let ended = wait(child).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let mut rest = Vec::new();
    while let Some(line) = stderr.next_line().await.unwrap() {
        rest.push(line);
    }
    assert!(
        rest.iter().any(|line| line == "it is available"),
        "{rest:?}"
    );
    stage.assert_each(2, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_killed_rings_nobody_twice_and_forgets_nobody() {
    let stage = Stage::new(slow()).await;
    stage.trunk("starts_per_second = 20\nin_flight = 6");
    stage.campaign("spring", 40).await;
    let mut calls = 0;
    for _ in 0..3 {
        let mut child = stage.spawn(&["spring"]);
        calls = stage.requests(Kind::Originate).max(calls) + 12;
        stage.until_dialled(calls).await;
        send_signal("KILL", &child);
        child.wait().await.unwrap();
    }
    let ended = wait(stage.spawn(&["spring"])).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    stage.assert_nobody_twice();
    stage.assert_nothing_up();
    let tally = stage.tally("spring").await;
    assert_eq!(tally.in_flight + tally.waiting, 0, "{tally:?}");
    let count = |outcome| tally.outcomes.get(&outcome).copied().unwrap_or(0);
    let lost = count(Outcome::Lost);
    assert!((1..=3 * 6).contains(&lost), "{tally:?}");
    assert_eq!(count(Outcome::Delivered), 40 - lost, "{tally:?}");
}
