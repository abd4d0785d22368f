//! What a controller may not do: call before that is written, go on if another has taken over, call those who asked not to
//! be called, go on without a store, or leave no proof.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use aftertone::{
    campaign::RefusedReason,
    controller::{ControllerError, Ended, Selection},
    drop::Outcome,
    id::RunName,
    orders::NoteLevel,
};
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    campaign_fixture::{CampaignFixture, end_of, now, registration},
    slow,
};
use crate::fake::{
    fault::Kind,
    log::{Entry, What},
    script::{Playback, Script},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_call_has_its_intent_in_the_store_before_the_pbx_hears_of_it() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.campaign("spring", 12).await;
    let file = fixture.program.path("aftertone.db");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let witness = move |entry: &Entry| {
        let What::Request {
            kind: Kind::Originate,
            channel: Some(channel),
            ..
        } = &entry.what
        else {
            return;
        };
        let drop = channel.rsplit('-').nth(1).unwrap().to_owned();
        let stands = stands(&file, &drop);
        told.lock().unwrap().push((drop, stands));
    };
    fixture
        .program
        .fake
        .with(|world| world.witness = Some(Box::new(witness)));
    let controller = fixture.open(Selection::All).await.unwrap();
    assert_eq!(controller.run().await.unwrap(), Ended::Over);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 24, "{seen:?}");
    let early: Vec<_> = seen.iter().filter(|(_, stands)| !stands).collect();
    assert!(early.is_empty(), "{early:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_whose_place_another_has_taken_lets_go_of_all() {
    // Calls that end by being hung up alone.
    let fixture = CampaignFixture::new(slow().playing(Playback::Endless)).await;
    fixture.trunk("starts_per_second = 4\nin_flight = 4");
    fixture.campaign("spring", 60).await;
    let mut controller = fixture.open(Selection::All).await.unwrap();
    let mut notes = controller.notes();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(6).await;

    // The other one takes the first for dead, as it does with one whose lease has ended.
    let first = RunName::new(&text(&fixture, "SELECT run FROM controllers").await).unwrap();
    let other = RunName::new("other").unwrap();
    let other = fixture
        .store
        .begin_controller(&registration(&fixture, &other), now())
        .await;
    let other = other.unwrap();
    let taken = fixture.store.adopt(&other, &[first], now()).await.unwrap();
    assert!(!taken.is_empty());
    let intents = count(&fixture, "SELECT count(*) FROM drops").await;

    let ended = end_of(running).await;
    assert!(
        matches!(ended, Err(ControllerError::TakenOver)),
        "{ended:?}"
    );
    assert!(ended.unwrap_err().hint().unwrap().contains("again"));
    fixture.assert_nothing_up();
    fixture.assert_no_contact_twice();
    // Nothing was begun after that moment, and of what had begun nothing was settled by the one that had lost it.
    let later = count(&fixture, "SELECT count(*) FROM drops").await;
    assert_eq!(later, intents);
    assert!(fixture.first_calls().len() <= usize::try_from(intents).unwrap());
    let open = "SELECT count(*) FROM drops WHERE outcome IS NULL AND holder = 'other'";
    assert_eq!(count(&fixture, open).await, taken.len() as i64);
    let mut warned = Vec::new();
    while let Ok(note) = notes.try_recv() {
        if note.level == NoteLevel::Warned {
            warned.push(note.words);
        }
    }
    let loud = warned.iter().any(|words| words.contains("taken over"));
    assert!(loud, "{warned:?}");

    // What the other has left is found by the next one, as lost.
    fixture.store.end_controller(&other, now()).await.unwrap();
    let controller = fixture.open(Selection::All).await.unwrap();
    let orders = controller.orders();
    orders.finish();
    assert_eq!(controller.run().await.unwrap(), Ended::Drained);
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.outcomes[&Outcome::Lost], taken.len() as u64);
    assert_eq!(tally.in_flight, 0, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_not_to_be_called_while_it_runs_is_not_called() {
    let fixture = CampaignFixture::new(slow()).await;
    // All of them are at hand from the beginning, and called one after the other.
    fixture.trunk("starts_per_second = 4\nin_flight = 1");
    let id = fixture.campaign("spring", 6).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(2).await;
    let leased = "SELECT count(*) FROM contacts WHERE stage = 'leased'";
    assert!(count(&fixture, leased).await >= 4);
    let area = 202 + id.0;
    let last = [104, 105].map(|nth| format!("+1{area}555{nth:04}"));
    let line = ["dnc", "add", &last[0], &last[1], "--because", "asked"];
    let added = fixture.program.run(&line).await;
    assert_eq!(added.status, Some(0), "{added:?}");
    let before = fixture.program.fake.ladder();
    assert!(
        !last.iter().any(|n| before.contains(n.as_str())),
        "{before}"
    );
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    let ladder = fixture.program.fake.ladder();
    assert!(
        !last.iter().any(|n| ladder.contains(n.as_str())),
        "{ladder}"
    );
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.outcomes[&Outcome::Delivered], 4, "{tally:?}");
    assert_eq!(tally.refused[&RefusedReason::DoNotCall], 2, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_damaged_under_it_ends_it_with_what_to_do() {
    let fixture = CampaignFixture::new(slow()).await;
    fixture.trunk("starts_per_second = 10\nin_flight = 6");
    fixture.campaign("spring", 200).await;
    let mut controller = fixture.open(Selection::All).await.unwrap();
    let mut notes = controller.notes();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(8).await;
    let mut other = connect(&fixture.program.path("aftertone.db")).await;
    // In one transaction: from here on no intent can be written.
    other
        .execute("ALTER TABLE drops RENAME TO gone")
        .await
        .unwrap();
    let intents: (i64,) = sqlx::query_as("SELECT count(*) FROM gone")
        .fetch_one(&mut other)
        .await
        .unwrap();

    let ended = end_of(running).await;
    let Err(ControllerError::Store(error)) = ended else {
        panic!("{ended:?}");
    };
    assert!(error.to_string().contains("aftertone.db"), "{error}");
    fixture.assert_nothing_up();
    fixture.assert_no_contact_twice();
    let calls = fixture.first_calls().len();
    assert!(calls as i64 <= intents.0, "{calls} of {intents:?}");
    assert!(calls < 60, "it went on dialling");
    // Those in flight came to their end, and were not cut off.
    let whole = fixture.program.fake.with(|world| {
        let plays = world.log.iter();
        plays.filter(|e| e.is_event("PlaybackFinished")).count()
    });
    assert_eq!(whole, calls, "{}", fixture.program.fake.ladder());
    let mut said = Vec::new();
    while let Ok(note) = notes.try_recv() {
        said.push(note.words);
    }
    let told = said
        .iter()
        .any(|words| words.contains("can no longer be used"));
    assert!(told, "{said:?}");
    assert!(view.borrow_and_update().trouble.is_some());

    // It is repaired: the rest is called, and no contact twice.
    other
        .execute("ALTER TABLE gone RENAME TO drops")
        .await
        .unwrap();
    other.close().await.unwrap();
    let controller = fixture.open(Selection::All).await.unwrap();
    let orders = controller.orders();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(2 * calls + 8).await;
    orders.finish();
    assert_eq!(end_of(running).await.unwrap(), Ended::Drained);
    fixture.assert_no_contact_twice();
    let tally = fixture.tally("spring").await;
    // Their ends were not written: they are lost, as soon as the lease of the one that could not give it back has ended.
    let lost = tally.outcomes.get(&Outcome::Lost).copied().unwrap_or(0);
    assert!((1..=6).contains(&(lost + tally.in_flight)), "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_drop_of_a_campaign_keeps_its_evidence() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.script("7", Script::refusing(17, 486));
    let path = fixture.program.path("aftertone.toml");
    let kept = fixture.program.path("kept");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}[evidence]\ndir = {kept:?}\n")).unwrap();
    fixture.campaign("spring", 10).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    assert_eq!(controller.run().await.unwrap(), Ended::Over);

    let line = ["campaign", "results", "spring", "--json"];
    let rows = fixture.program.run(&line).await.json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let folder = row["evidence"].as_str().unwrap();
        assert!(folder.starts_with(kept.to_str().unwrap()), "{row}");
        let account = fs::read_to_string(Path::new(folder).join("drop.json")).unwrap();
        let account: Value = serde_json::from_str(&account).unwrap();
        for key in ["drop", "number", "outcome"] {
            assert_eq!(account[key], row[key], "{key}: {account}");
        }
        assert!(account["number"].as_str().unwrap().contains('•'));
    }
    let folders = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap());
    let partial = folders.filter(|f| f.file_name().to_str().unwrap().starts_with(".partial-"));
    assert_eq!(partial.count(), 0);
}

/// Whether the intent of a drop is in the database, by a connection of its own.
fn stands(file: &Path, drop: &str) -> bool {
    let (file, drop) = (file.to_owned(), drop.to_owned());
    let looking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut connection = connect(&file).await;
            let open = "SELECT count(*) FROM drops WHERE id = $1 AND outcome IS NULL";
            let (found,): (i64,) = sqlx::query_as(open)
                .bind(drop)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
            found == 1
        })
    });
    looking.join().unwrap()
}

async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection
        .execute("PRAGMA busy_timeout = 20000")
        .await
        .unwrap();
    connection
}

async fn text(fixture: &CampaignFixture, query: &'static str) -> String {
    let mut connection = connect(&fixture.program.path("aftertone.db")).await;
    let (text,): (String,) = sqlx::query_as(query)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    text
}

async fn count(fixture: &CampaignFixture, query: &'static str) -> i64 {
    let mut connection = connect(&fixture.program.path("aftertone.db")).await;
    let (count,): (i64,) = sqlx::query_as(query)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    count
}
