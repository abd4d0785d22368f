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
    campaign_fixture::{CampaignFixture, end_of},
    slow,
};
use crate::{
    fake::{
        World,
        fault::Kind,
        script::{Call, Script},
    },
    program::{send_signal, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_that_is_cut_off_and_comes_back_is_waited_for() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 6");
    fixture.campaign("spring", 30).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(8).await;
    fixture
        .program
        .fake
        .with(|world| world.cut("aftertone-aftertone"));
    fixture
        .until_view(&mut view, |view| view.trouble.is_some())
        .await;
    fixture
        .until_view(&mut view, |view| view.trouble.is_none())
        .await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_no_contact_twice();
    fixture.assert_nothing_up();
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.outcomes.values().sum::<u64>(), 30, "{tally:?}");
    // A link that is back soon costs little: the drops in flight are found as they are.
    assert!(tally.outcomes[&Outcome::Delivered] >= 20, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_that_restarts_loses_no_more_than_was_in_flight() {
    let mut fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 6");
    fixture.campaign("spring", 30).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(8).await;
    fixture.program.fake.stop();
    fixture
        .until_view(&mut view, |view| view.trouble.is_some())
        .await;
    fixture.program.fake.start_again().await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_no_contact_twice();
    fixture.assert_nothing_up();
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.outcomes.values().sum::<u64>(), 30, "{tally:?}");
    assert!(tally.outcomes[&Outcome::Delivered] >= 24, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_locked_stops_dialling_and_forgets_nothing() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 10\nin_flight = 6");
    fixture.campaign("spring", 30).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(8).await;

    let options = SqliteConnectOptions::new().filename(fixture.program.path("aftertone.db"));
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
        trouble.is_some_and(|words| words.contains("database is unavailable"))
    };
    fixture.until_view(&mut view, away).await;
    // Drops in flight come to their end all the same; what is to be written of them waits.
    let at_rest = |world: &mut World| world.channels.is_empty().then_some(());
    fixture
        .program
        .fake
        .until("the end of all calls", at_rest)
        .await;
    for _ in 0..4 {
        view.changed().await.unwrap();
    }
    assert!(view.borrow().trouble.is_some(), "{:?}", view.borrow());
    let calls = fixture.first_calls();
    let since = calls.iter().filter(|at| **at > locked).count();
    assert_eq!(since, 0, "dialled although nothing could be written");
    other.execute("COMMIT").await.unwrap();

    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_each(30, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_is_given_as_the_reason() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 10\nin_flight = 6");
    fixture.campaign("spring", 20).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(4).await;
    let options = SqliteConnectOptions::new().filename(fixture.program.path("aftertone.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("PRAGMA busy_timeout = 20000").await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    // As slow as a disk that needs so long, and shorter than what counts as away.
    tokio::time::sleep(Duration::from_secs(3)).await;
    other.execute("COMMIT").await.unwrap();
    let is_slow = |view: &View| {
        let trouble = view.trouble.as_deref();
        trouble.is_some_and(|words| words.starts_with("the database is slow ("))
    };
    fixture.until_view(&mut view, is_slow).await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_each(20, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_dead_controller_that_were_still_up_are_reported_as_such() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.program.set("answer_timeout", "30s");
    fixture.script("1", Script(vec![Call::ringing_for_ever()]));
    fixture.campaign("spring", 2).await;
    let mut child = fixture.spawn(&["spring"]);
    fixture.until_dialled(4).await;
    let up = |world: &mut World| (world.channels.len() == 2).then_some(());
    fixture.program.fake.until("one that rings on", up).await;
    send_signal("KILL", &child);
    child.wait().await.unwrap();

    let mut controller = fixture.open(Selection::All).await.unwrap();
    let mut notes = controller.notes();
    let told = notes.recv().await.unwrap().words;
    assert!(
        told.contains("still had a call, which was hung up"),
        "{told}"
    );
    assert_eq!(controller.run().await.unwrap(), Ended::Over);
    fixture.assert_nothing_up();
    assert!(fixture.tally("spring").await.outcomes[&Outcome::Lost] >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_that_is_away_at_the_start_is_waited_for_so_long() {
    let mut fixture = CampaignFixture::new(slow()).await;
    fixture.campaign("spring", 2).await;
    fixture.program.fake.stop();
    let at_once = ["campaign", "run", "spring", "--wait", "0s"];
    let ended = fixture.program.run(&at_once).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("Connection refused"), "{ended:?}");
    assert!(!ended.stderr.contains("waiting"), "{ended:?}");

    let line = ["campaign", "run", "spring", "--wait", "50s"];
    let mut child = fixture.program.command(&line).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = loop {
        let line = stderr.next_line().await.unwrap().unwrap();
        if line.contains("waiting for it, at most 50 s") {
            break line;
        }
    };
    assert!(waits.contains("Connection refused"), "{waits}");
    fixture.program.fake.start_again().await;
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
    fixture.assert_each(2, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_killed_rings_no_contact_twice_and_forgets_none() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 20\nin_flight = 6");
    fixture.campaign("spring", 40).await;
    let mut calls = 0;
    for _ in 0..3 {
        let mut child = fixture.spawn(&["spring"]);
        calls = fixture.requests(Kind::Originate).max(calls) + 12;
        fixture.until_dialled(calls).await;
        send_signal("KILL", &child);
        child.wait().await.unwrap();
    }
    let ended = wait(fixture.spawn(&["spring"])).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    fixture.assert_no_contact_twice();
    fixture.assert_nothing_up();
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.in_flight + tally.waiting, 0, "{tally:?}");
    let count = |outcome| tally.outcomes.get(&outcome).copied().unwrap_or(0);
    let lost = count(Outcome::Lost);
    assert!((1..=3 * 6).contains(&lost), "{tally:?}");
    assert_eq!(count(Outcome::Delivered), 40 - lost, "{tally:?}");
}
