//! What a controller deletes by itself, and what it says if it cannot.

use std::fs;

use aftertone::{
    campaign::engine::InFlight,
    controller::{Controller, Selection},
    orders::NoteLevel,
    store::OperatorCommand,
};
use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::timeout;

use super::campaign_fixture::{CampaignFixture, PATIENCE, end_of, informational, now};
use crate::fake::script::Script;

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_deletes_what_is_too_old_by_itself() {
    let fixture = with_old_campaign().await;
    let controller = open(&fixture).await;
    let (mut view, orders) = (controller.watch(), controller.orders());
    let running = tokio::spawn(controller.run());
    let gone = async {
        while fixture.store.campaign("old").await.unwrap().is_some() {
            view.changed().await.unwrap();
        }
        while fixture
            .store
            .prune_turn(now())
            .await
            .unwrap()
            .done_at
            .is_none()
        {
            view.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, gone).await.expect("it stays");
    assert!(fixture.store.campaign("young").await.unwrap().is_some());
    orders.finish();
    end_of(running).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deleted_is_said_wherever_somebody_looks() {
    let fixture = with_old_campaign().await;
    let file = SqliteConnectOptions::new().filename(fixture.program.path("aftertone.db"));
    let mut connection = SqliteConnection::connect_with(&file).await.unwrap();
    let fault =
        "CREATE TRIGGER fault BEFORE DELETE ON campaigns BEGIN SELECT RAISE(ABORT, 'no room'); END";
    sqlx::raw_sql(fault).execute(&mut connection).await.unwrap();

    let mut controller = open(&fixture).await;
    let (mut notes, orders) = (controller.notes(), controller.orders());
    let running = tokio::spawn(controller.run());
    let words = async {
        loop {
            let note = notes.recv().await.unwrap();
            if note.level == NoteLevel::Warned && note.words.contains("[retention]") {
                return note.words;
            }
        }
    };
    let words = timeout(PATIENCE, words).await.expect("nothing is said");
    assert!(words.contains("no room"), "{words}");
    orders.finish();
    end_of(running).await.unwrap();

    let status = fixture.program.run(&["campaign", "status"]).await;
    assert_eq!(status.status, Some(0));
    assert!(status.stderr.contains("was not deleted"), "{status:?}");
    let doctor = fixture.program.run(&["doctor"]).await;
    assert!(doctor.stdout.contains("warn retention: "), "{doctor:?}");

    sqlx::raw_sql("DROP TRIGGER fault")
        .execute(&mut connection)
        .await
        .unwrap();
    let pruned = fixture.program.run(&["prune"]).await;
    assert_eq!(pruned.status, Some(0), "{pruned:?}");
    assert!(
        pruned.stdout.starts_with("1 campaign from before "),
        "{pruned:?}"
    );
    let status = fixture.program.run(&["campaign", "status"]).await;
    assert!(!status.stderr.contains("was not deleted"), "{status:?}");
}

/// A campaign that was cancelled three years ago, one that is paused, and `[retention]` of two years.
async fn with_old_campaign() -> CampaignFixture {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    let path = fixture.program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        format!("{text}\n[retention]\ncampaigns = \"730d\"\n"),
    )
    .unwrap();
    let ago = |days: i64| -> Timestamp { now() - SignedDuration::from_hours(24 * days) };
    let old = informational("old", |_| ());
    let old = fixture.store.create_campaign(&old, ago(1_100)).await;
    let cancel = OperatorCommand::Cancel(InFlight::Finish);
    let cancelled = fixture.store.order(old.unwrap().id, cancel, ago(1_095));
    cancelled.await.unwrap();
    let young = fixture.campaign("young", 1).await;
    let pause = OperatorCommand::Pause(InFlight::Finish);
    fixture.store.order(young, pause, now()).await.unwrap();
    fixture
}

async fn open(fixture: &CampaignFixture) -> Controller {
    fixture.open(Selection::All).await.unwrap()
}
