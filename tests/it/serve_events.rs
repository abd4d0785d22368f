//! What a service tells of that happens to itself: its trunk's budget, its database, attempts to sign in.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use aftertone::{
    events::{EventFilter, LoggedEvent},
    phone::Disclosure,
    store::Store,
};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::{sleep, timeout};

use crate::{
    fake::script::Script,
    http_client,
    serve::{Service, draft_that_is_started, fixture, replace, until_all_ended},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_past_its_limit_is_told_of_and_when_it_is_back() {
    let fixture = fixture(Script::mailbox()).await;
    // Half of the calls of double drops are cancelled.
    replace(
        &fixture,
        "cancelled = \"none\"",
        "cancelled = 60\nat_least = 4",
    );
    draft_that_is_started(&fixture, "spring", 100..104).await;
    let service = Service::start(&fixture).await;
    let near = until_told(&fixture.store, "budget.near", 1).await;
    assert_eq!(near[0]["gauge"], "cancelled");
    assert_eq!(
        (&near[0]["share"], &near[0]["limit"]),
        (&json!(0.5), &json!(0.6))
    );
    assert!(
        near[0]["trunk"].as_str().unwrap().starts_with("carrier@"),
        "{near:?}"
    );
    until_all_ended(&fixture, "spring", 4).await;

    for (before, after, kind) in [
        ("cancelled = 60", "cancelled = 20", "budget.exceeded"),
        ("cancelled = 20", "cancelled = \"none\"", "budget.recovered"),
    ] {
        replace(&fixture, before, after);
        let reloaded = fixture.program.run(&["reload"]).await;
        assert_eq!(reloaded.status, Some(0), "{reloaded:?}");
        until_told(&fixture.store, kind, 1).await;
    }
    let all = told(&fixture.store, "budget.*").await;
    let kinds: Vec<_> = all.iter().map(|event| event.slug.as_str()).collect();
    assert_eq!(
        kinds,
        ["budget.near", "budget.exceeded", "budget.recovered"]
    );
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_away_is_told_of_once_it_is_back() {
    let fixture = fixture(Script::mailbox()).await;
    let service = Service::start(&fixture).await;
    service.until_ready(200).await;
    let options = SqliteConnectOptions::new().filename(fixture.program.path("aftertone.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("PRAGMA busy_timeout = 20000").await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    service.until_said("the database is away").await;
    other.execute("COMMIT").await.unwrap();
    let restored = until_told(&fixture.store, "store.restored", 1).await;
    let away = told(&fixture.store, "store.away").await;
    assert_eq!(away.len(), 1);
    assert_eq!(restored[0]["since"], away[0].at.to_string());
    assert_eq!(restored[0]["instance"], "aftertone");
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_logins_are_told_of_once() {
    let fixture = fixture(Script::mailbox()).await;
    let service = Service::start(&fixture).await;
    let guess = async |n: u32| {
        let client = http_client();
        let url = format!("{}/api/v1/", service.url);
        let answer = if n.is_multiple_of(2) {
            let guess = json!({"user": format!("user{n}"), "password": "guess"});
            client.post(url + "sessions").json(&guess).send().await
        } else {
            let token = "aft_abcdefgh_0000000000000000000000000000000000000000000000000";
            client.get(url + "drops").bearer_auth(token).send().await
        };
        answer.unwrap().status()
    };
    for n in 0..100 {
        let status = guess(n).await;
        assert!([401, 429].contains(&status.as_u16()), "{status}");
    }
    let attacked = until_told(&fixture.store, "auth.attacked", 1).await;
    assert_eq!(
        (&attacked[0]["ip"], &attacked[0]["refused"]),
        (&"127.0.0.1".into(), &20.into())
    );
    // Not even by the next process.
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let service = Service::start(&fixture).await;
    for n in 0..30 {
        let guess = json!({"user": format!("user{n}"), "password": "guess"});
        let url = format!("{}/api/v1/sessions", service.url);
        http_client().post(url).json(&guess).send().await.unwrap();
    }
    service.end().await;
    assert_eq!(told(&fixture.store, "auth.attacked").await.len(), 1);
}

/// What is told of a kind, once there is so much of it.
async fn until_told(store: &Store, kind: &str, count: usize) -> Vec<Value> {
    let looking = async {
        loop {
            let events = told(store, kind).await;
            if events.len() >= count {
                return events
                    .iter()
                    .map(|event| event.to_json(Disclosure::Programs)["data"].clone())
                    .collect();
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let told = timeout(Duration::from_secs(60), looking).await;
    told.unwrap_or_else(|_| panic!("`{kind}` is never told"))
}

async fn told(store: &Store, kind: &str) -> Vec<LoggedEvent> {
    let filter = EventFilter {
        kinds: EventFilter::kinds([kind]).unwrap(),
        campaign: None,
    };
    store.events(0, &filter, 999).await.unwrap().0
}
