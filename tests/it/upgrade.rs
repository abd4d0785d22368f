//! An upgrade as a package does it, in the midst of a run: the service is ended in an orderly way, and the next version begins on the
//! database that it left, of the schema before.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use aftertone::store::Status;
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    campaign::slow,
    fake::fault::Kind,
    program::send_signal,
    serve::{Service, draft_that_is_started, fixture, until_all_ended},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_in_the_midst_of_a_run_rings_nobody_twice() {
    let fixture = fixture(slow()).await;
    let before = Service::start(&fixture).await;
    before.until_ready(200).await;
    draft_that_is_started(&fixture, "spring", 0..40).await;
    fixture.until_dialled(20).await;
    // As `systemctl try-restart` has it: the order, and the next one when all is over.
    send_signal("TERM", &before.child);
    let ended = before.ended().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    fixture.assert_nothing_up();
    let dialled = fixture.requests(Kind::Originate);
    assert!(dialled < 80, "it was in the midst of it");
    to_schema_before(&fixture.program.path("aftertone.db")).await;

    let after = Service::start(&fixture).await;
    after.until_said("was brought from schema").await;
    until_all_ended(&fixture, "spring", 40).await;
    fixture.assert_each(40, "delivered").await;
    // What it was is kept, and the program before refuses what a later one has made.
    assert!(fixture.program.path("aftertone.db.before-0017").exists());
    let campaign = fixture.store.campaign("spring").await.unwrap().unwrap();
    assert_ne!(campaign.status, Status::Paused);
    let ended = after.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// Takes the last step back that brought users, as if it had not been made.
async fn to_schema_before(path: &std::path::Path) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    for sql in [
        "DROP TABLE sessions",
        "DROP TABLE users",
        "DELETE FROM aftertone_migrations WHERE version = 17",
    ] {
        database.execute(sql).await.unwrap();
    }
    database.close().await.unwrap();
}
