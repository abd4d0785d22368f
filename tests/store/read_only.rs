//! What only reads works where nothing can be written: for a user who may only read, and on a standby.

use std::sync::Arc;

use aftertone::{
    campaign::engine::InFlight,
    drop::Outcome,
    store::{DatabaseAddress, ErrorClass, Filter, OperatorCommand, Store},
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::Fixture,
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        [Kind::Postgres],
        a_user_who_may_only_read_sees_results,
        a_standby_shows_results,
    )
}

async fn a_user_who_may_only_read_sees_results(base: &Base) {
    let fixture = with_a_drop(base).await;
    // Users are the whole server's, and databases of tests go.
    let name = base.url().rsplit('/').next().unwrap();
    let reader = format!("reader_{name}");
    base.run(format!(
        "DROP ROLE IF EXISTS {reader}; CREATE ROLE {reader} LOGIN; GRANT USAGE ON SCHEMA public TO {reader}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"
    ))
    .await;
    let url = base.url().replace("postgres@", &format!("{reader}@"));
    let place = DatabaseAddress::Postgres(url.into());
    reads(&place, &fixture).await;

    let store = Store::open(&place).await.unwrap();
    let error = pause(&store, &fixture).await;
    assert_eq!(error.class, ErrorClass::Broken, "{error:?}");
    assert!(error.hint().unwrap().contains("lacks a right"), "{error:?}");
    assert!(!error.passes());
    store.close().await;
    base.run(format!("DROP OWNED BY {reader}; DROP ROLE {reader}"))
        .await;
}

async fn a_standby_shows_results(base: &Base) {
    let fixture = with_a_drop(base).await;
    base.run(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
    )
    .await;
    reads(&base.place(), &fixture).await;

    let store = Store::open(&base.place()).await.unwrap();
    let error = pause(&store, &fixture).await;
    assert!(
        error.hint().unwrap().contains("takes no writes"),
        "{error:?}"
    );
    assert!(!error.passes(), "nobody waits for it");
    store.close().await;
}

/// All that `status` and `results` ask.
async fn reads(place: &DatabaseAddress, fixture: &Fixture) {
    let campaign = fixture.campaign;
    let store = Store::open_to_read(place).await.unwrap();
    assert_eq!(store.campaigns(0).await.unwrap().len(), 1);
    assert!(store.campaign("one").await.unwrap().is_some());
    let tally = store.tally(campaign).await.unwrap();
    assert_eq!((tally.waiting, tally.drops), (2, 1));
    assert_eq!(tally.outcomes[&Outcome::Delivered], 1);
    let (rows, _) = store
        .results(campaign, &Filter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert!(store.has_controller(fixture.at(3)).await.unwrap());
    assert!(store.imports(campaign).await.unwrap().is_empty());
    assert!(store.ends(campaign).await.unwrap().is_some());
    assert!(store.lists().await.unwrap().is_empty());
    let error = store.ping().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Refused);
    store.close().await;
}

async fn pause(store: &Store, fixture: &Fixture) -> aftertone::store::StoreError {
    let command = OperatorCommand::Pause(InFlight::Finish);
    let ordered = store.order(fixture.campaign, command, fixture.at(4));
    ordered.await.unwrap_err()
}

async fn with_a_drop(base: &Base) -> Fixture {
    let fixture = Fixture::of(base, 3).await;
    let (contacts, _) = fixture.lease(1, 0).await;
    fixture
        .commit(&[fixture.start_of(&contacts[0], 1)], 1)
        .await;
    let ended = fixture.ended(&contacts[0], 1, Outcome::Delivered, None);
    fixture.commit(&[ended], 2).await;
    fixture
}
