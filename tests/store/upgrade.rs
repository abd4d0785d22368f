//! A database of the first release, with rows of every kind: brought forward, read as it is, and used by programs of both
//! versions at once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aftertone::{
    campaign::{HeldReason, RefusedReason, engine::CampaignId},
    drop::Outcome,
    phone::PhoneNumber,
    store::{
        ContactStep, DatabaseAddress, Filter, ListName, Opened, Status, Store, StoreError, Tally,
    },
};
use jiff::Timestamp;
use libtest_mimic::Trial;
use secrecy::ExposeSecret as _;

use crate::{
    base::{Base, Kind, Server},
    first_release::{FirstProgram, fill, install},
    fixture::{HISTORY, controller, end, lease, start},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    let mut all = crate::trials!(
        server,
        Kind::BOTH,
        a_database_of_the_first_release_comes_forward_with_all_that_is_in_it,
        a_database_of_the_first_release_is_read_as_it_is,
        several_that_bring_it_forward_at_once_all_get_in,
    );
    all.extend(crate::trials!(
        server,
        [Kind::Postgres],
        the_program_of_the_first_release_goes_on_beside_this_one,
        a_migration_waits_for_a_lock_without_stopping_others,
        who_may_only_read_reads,
    ));
    all
}

async fn a_database_of_the_first_release_comes_forward_with_all_that_is_in_it(base: &Base) {
    install(base).await;
    fill(base).await;
    let before = base.dump_of_first_release().await;
    let store = base.open().await;
    let Opened::Upgraded(upgraded) = store.opened() else {
        panic!("{:?}", store.opened());
    };
    assert_eq!(upgraded.from, 1);
    assert_eq!(upgraded.copy.is_some(), base.kind == Kind::Sqlite);
    let after = base.dump_of_first_release().await;
    assert_eq!(after, before, "no row was lost or changed");
    right(&store).await;

    // Again there is nothing to do.
    let again = base.open().await;
    assert_eq!(*again.opened(), Opened::AsItWas);

    // What it holds goes on: the contact that was due is leased, and one whose lease has ended.
    let holder = controller(&store, "new").await;
    let now = Timestamp::now();
    let (leased, _) = lease(&store, &holder, CampaignId(1), 10, now).await;
    assert_eq!(crate::fixture::ids(&leased), [1, 2]);
}

/// All that can be read of it.
async fn right(store: &Store) {
    let campaigns = store.campaigns(0).await.unwrap();
    let campaigns: Vec<_> = campaigns
        .iter()
        .map(|campaign| (campaign.id.0, campaign.name.as_str(), campaign.status))
        .collect();
    assert_eq!(
        campaigns,
        [
            (1, "spring", Status::Running),
            (2, "autumn", Status::Complete)
        ]
    );
    let wanted = Tally {
        contacts: 7,
        waiting: 4,
        in_flight: 1,
        outcomes: BTreeMap::from([(Outcome::Delivered, 1)]),
        refused: BTreeMap::from([(RefusedReason::DoNotCall, 1)]),
        drops: 3,
    };
    assert_eq!(store.tally(CampaignId(1)).await.unwrap(), wanted);
    let filter = Filter {
        undialled: true,
        ..Filter::default()
    };
    let (rows, _) = store
        .results(CampaignId(1), &filter, None, 100)
        .await
        .unwrap();
    assert_eq!(rows.len(), 7);
    let held = rows.iter().find(|row| row.held.is_some()).unwrap();
    assert_eq!(held.held.unwrap().0, HeldReason::CallingHours);
    assert!(
        held.ruling.as_ref().unwrap().contains("\"nth\":2"),
        "{held:?}"
    );
    let delivered = rows
        .iter()
        .find(|row| row.outcome == Some(Outcome::Delivered))
        .unwrap();
    assert_eq!(delivered.variant.as_deref(), Some("A"));
    let barred = store.barred(&number(5)).await.unwrap();
    assert_eq!(barred[0].because.as_deref(), Some("asked"));
    assert_eq!(store.lists().await.unwrap().len(), 2);
    let facts = store.facts(&number(9), HISTORY, Timestamp::now()).await;
    assert_eq!(facts.unwrap().do_not_call.as_deref(), Some("federal"));
    let imports = store.imports(CampaignId(1)).await.unwrap();
    assert_eq!((imports[0].1.rows, imports[0].1.is_complete), (7, true));
    let person = store.person(&[number(1)]).await.unwrap();
    assert_eq!((person.contacts.len(), person.calls.len()), (2, 2));
    assert_eq!(person.contacts[0].others["city"], "Albany");
    assert_eq!(person.contacts[1].step, ContactStep::Ended(Outcome::Busy));
    let person = store.person(&[number(6)]).await.unwrap();
    assert!(!person.contacts[0].decisions.is_empty());
}

async fn a_database_of_the_first_release_is_read_as_it_is(base: &Base) {
    install(base).await;
    fill(base).await;
    let store = Store::open_to_read(&base.place()).await.unwrap();
    assert_eq!(*store.opened(), Opened::Behind { version: 1 });
    assert_eq!(store.campaigns(0).await.unwrap().len(), 2);
    assert_eq!(store.barred(&number(5)).await.unwrap().len(), 1);
    assert_eq!(store.lists().await.unwrap().len(), 2);
    // What needs more than the first schema has says so.
    right_or_earlier(store.tally(CampaignId(1)).await, |tally| {
        tally.contacts == 7
    });
    let filter = Filter::default();
    let results = store.results(CampaignId(1), &filter, None, 100).await;
    right_or_earlier(results, |(rows, _)| rows.len() == 3);
    let waiting = store.waiting(CampaignId(1), Timestamp::now()).await;
    right_or_earlier(waiting, |groups| !groups.is_empty());
    let person = store.person(&[number(1)]).await;
    right_or_earlier(person, |person| person.contacts.len() == 2);
    // Nothing of it has changed.
    let own = ListName::new("own").unwrap();
    let error = store.bar(&own, &[number(7)], None, Timestamp::now()).await;
    assert!(error.is_err());
    let versions = base
        .texts("SELECT CAST(version AS TEXT) FROM aftertone_migrations")
        .await;
    assert_eq!(versions, ["1"]);
}

fn right_or_earlier<T: std::fmt::Debug>(read: Result<T, StoreError>, is_right: fn(&T) -> bool) {
    match read {
        Ok(value) => assert!(is_right(&value), "{value:?}"),
        Err(error) => assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("aftertone store migrate")),
            "{error:?}"
        ),
    }
}

async fn several_that_bring_it_forward_at_once_all_get_in(base: &Base) {
    install(base).await;
    fill(base).await;
    let opened = (0..6).map(|_| {
        let place = base.place();
        tokio::spawn(async move { Store::open(&place).await })
    });
    for opened in futures::future::join_all(opened).await {
        let store = opened.unwrap().unwrap();
        right(&store).await;
        store.close().await;
    }
}

/// A program of the first release works through a campaign while the schema is brought forward, and goes on afterwards
/// beside two of this version.
async fn the_program_of_the_first_release_goes_on_beside_this_one(base: &Base) {
    install(base).await;
    let url = url(base);
    let now = Timestamp::now().as_microsecond();
    base.run(format!(
        "INSERT INTO campaigns (name, spec, standing, in_flight, created_at, changed_at, version) \
         VALUES ('storm', '{{}}', 'running', 'finish', {now}, {now}, 1); \
         UPDATE counters SET value = 1 WHERE name = 'campaign'; \
         INSERT INTO contacts (campaign, number, due_at) \
         SELECT 1, 12025560000 + n, {now} - 1000000 + n FROM generate_series(1, {CONTACTS}) AS n"
    ))
    .await;
    let mut old = FirstProgram::begin(&url, "old", 1, now).await;
    old.lease_and_start(20, now).await;

    let old = tokio::spawn(async move {
        let mut idle = 0;
        for round in 0_i64.. {
            let now = Timestamp::now().as_microsecond();
            let leased = old.lease_and_start(5, now).await;
            if round % 3 == 0 {
                old.end_all(now).await;
            }
            if round == 4 {
                old.bar(12_025_560_000 + CONTACTS, now).await;
                old.add((1..=ADDED).map(|n| 12_025_570_000 + n), now).await;
            }
            // The others may have something left to add.
            idle = if leased == 0 { idle + 1 } else { 0 };
            if idle > 20 && round > 4 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        old.end_all(Timestamp::now().as_microsecond()).await;
        old.started
    });
    let place = base.place();
    let news = (0..2_u128).map(|nth| {
        let place = place.clone();
        tokio::spawn(async move {
            let store = Store::open(&place).await.unwrap();
            work(&store, nth).await
        })
    });
    let news: Vec<u64> = futures::future::join_all(news)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let old = old.await.unwrap();

    // Everybody was called once, but for the one that was barred; nothing is open, and the counts are right.
    let store = base.open().await;
    let tally = store.tally(CampaignId(1)).await.unwrap();
    let all = (CONTACTS + ADDED) as u64;
    let barred = tally.refused.values().sum::<u64>();
    assert!(barred <= 1, "{tally:?}");
    let started = old + news.iter().sum::<u64>();
    assert!(
        old > 20 && news.iter().all(|new| *new > 0),
        "{old} {news:?}"
    );
    assert_eq!(
        (tally.contacts, tally.waiting, tally.in_flight),
        (all, 0, 0),
        "{tally:?}"
    );
    assert_eq!(tally.outcomes[&Outcome::Delivered] + barred, all);
    assert_eq!((tally.drops, started), (all - barred, all - barred));
    let versions = "SELECT CAST(count(*) AS TEXT) FROM numbers WHERE version <> \
        (SELECT count(*) FROM drops WHERE drops.number = numbers.number)";
    assert_eq!(base.texts(versions).await, ["0"]);
    let twice = "SELECT CAST(number AS TEXT) FROM drops GROUP BY number HAVING count(*) > 1";
    assert!(base.texts(twice).await.is_empty());
}

/// Works through the campaign as a controller of this version; returns how many drops it has started.
async fn work(store: &Store, nth: u128) -> u64 {
    let holder = controller(store, &format!("new{nth}")).await;
    let mut started = 0;
    let mut idle = 0;
    while idle < 20 {
        let (contacts, _) = lease(store, &holder, CampaignId(1), 3, Timestamp::now()).await;
        idle = if contacts.is_empty() { idle + 1 } else { 0 };
        for contact in contacts {
            let drop = (nth + 1) * 1_000_000_000 + u128::from(started);
            let now = Timestamp::now();
            let written = store
                .commit(&holder, &[start(CampaignId(1), &contact, drop)], now)
                .await
                .unwrap();
            let settlement = match &written[0] {
                aftertone::store::Written::Applied => {
                    started += 1;
                    aftertone::campaign::engine::Settlement::Ended {
                        attempt: contact.attempts + 1,
                        outcome: Outcome::Delivered,
                        calls: aftertone::campaign::budget::Calls::at_least(
                            aftertone::drop::Technique::Double,
                        ),
                        again: None,
                    }
                }
                aftertone::store::Written::OnDoNotCallList(_) => {
                    aftertone::campaign::engine::Settlement::Refused(RefusedReason::DoNotCall)
                }
                other @ (aftertone::store::Written::Fenced
                | aftertone::store::Written::Conflict
                | aftertone::store::Written::Scheduled(_)
                | aftertone::store::Written::Full(_)) => panic!("{other:?}"),
            };
            let mut settle = crate::fixture::settle(CampaignId(1), contact.id, settlement);
            if let aftertone::store::Write::Settle { end: ended, .. } = &mut settle
                && written[0] == aftertone::store::Written::Applied
            {
                *ended = Some(Box::new(end(drop, Outcome::Delivered)));
            }
            let written = store.commit(&holder, &[settle], now).await.unwrap();
            assert_eq!(written, [aftertone::store::Written::Applied]);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    started
}

/// Somebody who holds a lock that a step wants makes it wait, and all others get on meanwhile, also those who want the same
/// table: the step lets go after a moment.
async fn a_migration_waits_for_a_lock_without_stopping_others(base: &Base) {
    use sqlx::Connection as _;
    install(base).await;
    fill(base).await;
    let url = url(base);
    let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut tx = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE controllers IN ACCESS SHARE MODE")
        .execute(&mut *tx)
        .await
        .unwrap();
    let place = base.place();
    let opened = tokio::spawn(async move { Store::open(&place).await });
    let waits = "SELECT mode FROM pg_locks WHERE NOT granted AND relation = CAST('controllers' AS REGCLASS)";
    while base.texts(waits).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let works = async {
        let mut third = FirstProgram::begin(&url, "third", 1, 0).await;
        third.lease_and_start(1, 1_764_000_000_000_001).await
    };
    let works = tokio::time::timeout(Duration::from_secs(60), works).await;
    assert_eq!(works.expect("others wait behind the step"), 1);
    tx.rollback().await.unwrap();
    right_after(opened.await.unwrap().unwrap()).await;
}

async fn right_after(store: Store) {
    let tally = store.tally(CampaignId(1)).await.unwrap();
    assert_eq!((tally.contacts, tally.in_flight), (7, 2));
}

/// A role that may only read, as on a replica.
async fn who_may_only_read_reads(base: &Base) {
    install(base).await;
    fill(base).await;
    base.open().await.close().await;
    base.run(
        "DO $$ BEGIN \
         IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'reader') THEN CREATE ROLE reader LOGIN; END IF; \
         END $$; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    )
    .await;
    let url = url(base).replace("postgres://postgres@", "postgres://reader@");
    let place = DatabaseAddress::Postgres(url.into());
    let store = Store::open_to_read(&place).await.unwrap();
    right(&store).await;
    store.close().await;
    // A program that writes has nothing to bring forward, and so gets in; it cannot write.
    let store = Store::open(&place).await.unwrap();
    assert!(store.ping().await.is_err());
    store.close().await;
    base.run("DROP OWNED BY reader").await;
}

fn url(base: &Base) -> String {
    match base.place() {
        DatabaseAddress::Postgres(url) => url.expose_secret().to_owned(),
        DatabaseAddress::Sqlite(_) => panic!("only PostgreSQL has an address"),
    }
}

fn number(nth: u64) -> PhoneNumber {
    PhoneNumber::from_digits(12_025_550_000 + nth).unwrap()
}

const CONTACTS: i64 = 200;
const ADDED: i64 = 20;
