//! What only reads works where nothing can be written: for a user who may only read, and on a standby.

use std::sync::Arc;

use aftertone::{
    campaign::{
        RefusedReason,
        engine::{InFlight, Settlement},
    },
    drop::Outcome,
    store::{DatabaseAddress, ErrorClass, Filter, OperatorCommand, Store},
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, OwnServer, Server},
    fixture::Fixture,
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        [Kind::Postgres],
        a_user_who_may_only_read_sees_results,
        transactions_that_are_read_only_show_results,
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

async fn a_standby_shows_results(_shared: &Base) {
    let server = OwnServer::up("test-read-only");
    let base = Base::on(Some(&server.url)).await;
    let fixture = with_a_drop(&base).await;
    let standby = server.standby();
    standby.follow(&server).await;
    let name = base.url().rsplit('/').next().unwrap();
    let url = standby.url.strip_suffix("/postgres").unwrap();
    let place = DatabaseAddress::Postgres(format!("{url}/{name}").into());
    reads(&place, &fixture).await;
    let store = Store::open(&place).await.unwrap();
    let error = pause(&store, &fixture).await;
    assert_eq!(error.class, ErrorClass::Away, "{error:?}");
    assert!(error.hint().unwrap().contains("read replica"), "{error:?}");
    assert!(!error.source.to_string().contains("cannot execute"));
    store.close().await;
    // What is written later is seen there.
    let (contacts, _) = fixture.lease(1, 5).await;
    let refused = Settlement::Refused(RefusedReason::DoNotCall);
    fixture
        .commit(&[fixture.settle(&contacts[0], refused)], 5)
        .await;
    standby.follow(&server).await;
    let store = Store::open_to_read(&place).await.unwrap();
    assert_eq!(store.tally(fixture.campaign).await.unwrap().waiting, 1);
    store.close().await;
}

async fn transactions_that_are_read_only_show_results(base: &Base) {
    let fixture = with_a_drop(base).await;
    base.run(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
    )
    .await;
    reads(&base.place(), &fixture).await;

    let store = Store::open(&base.place()).await.unwrap();
    let error = pause(&store, &fixture).await;
    assert!(error.hint().unwrap().contains("read replica"), "{error:?}");
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
