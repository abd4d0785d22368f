//! Imports of the same numbers at the same time: PostgreSQL takes one of two transactions back that wait for each other.

use std::{collections::BTreeMap, sync::Arc};

use aftertone::{
    campaign::engine::CampaignId,
    store::{Across, Added, Importing, NewContact, Source, Store},
};
use jiff::Timestamp;
use libtest_mimic::Trial;
use sqlx::{Connection as _, PgConnection};

use crate::{
    base::{Base, Kind, Server},
    fixture::{campaign, digits, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    let mut all = crate::trials!(
        server,
        Kind::BOTH,
        lists_with_the_same_numbers_come_in_at_the_same_time,
    );
    all.extend(crate::trials!(
        server,
        [Kind::Postgres],
        an_import_that_is_taken_back_for_another_is_done_again,
    ));
    all
}

async fn lists_with_the_same_numbers_come_in_at_the_same_time(base: &Base) {
    const NUMBERS: usize = 600;
    let stores = [base.open().await, base.open().await];
    let campaign = campaign(&stores[0], "one", at(0)).await;
    let imports = stores
        .iter()
        .zip(["a", "b"])
        .map(|(store, list)| async move {
            let mut importing = begin(store, campaign, list).await;
            let mut contacts: Vec<_> = (0..NUMBERS).map(|n| contact(n as u64 + 2, n)).collect();
            if list == "b" {
                contacts.reverse();
            }
            let mut added = Added::default();
            for some in contacts.chunks(100) {
                importing.bytes += 1_000;
                let one = store.add_contacts(&importing, Across::Allow, some, at(1));
                let one = one.await.unwrap();
                added.added += one.added;
                added.unchanged += one.unchanged;
            }
            added
        });
    let [a, b] = <[Added; 2]>::try_from(futures::future::join_all(imports).await).unwrap();
    assert_eq!(a.added + b.added, NUMBERS as u64);
    assert_eq!(a.unchanged + b.unchanged, NUMBERS as u64);
    let tally = stores[0].tally(campaign).await.unwrap();
    assert_eq!(tally.waiting, NUMBERS as u64);
}

async fn an_import_that_is_taken_back_for_another_is_done_again(base: &Base) {
    // Whose wait is the first to last for so long is taken back: the store's.
    base.run(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''2s''', current_database()); END $$",
    )
    .await;
    let store = base.open().await;
    let campaign = campaign(&store, "one", at(0)).await;
    let mut importing = begin(&store, campaign, "a").await;
    importing.bytes = 1_000;

    // Another program, which adds the same numbers in the opposite order.
    let mut other = PgConnection::connect(base.url()).await.unwrap();
    let insert = |nth: usize| {
        let number = digits(nth);
        sqlx::AssertSqlSafe(format!(
            "INSERT INTO contacts (campaign, number, due_at) VALUES ({campaign}, {number}, 0) ON CONFLICT DO NOTHING"
        ))
    };
    let run = async |connection: &mut PgConnection, sql| {
        sqlx::raw_sql(sql).execute(connection).await.unwrap();
    };
    let begin = "SET deadlock_timeout = '10min'; BEGIN".to_owned();
    run(&mut other, sqlx::AssertSqlSafe(begin)).await;
    run(&mut other, insert(2)).await;
    let importer = tokio::spawn(async move {
        let contacts = [contact(2, 1), contact(3, 2)];
        store
            .add_contacts(&importing, Across::Allow, &contacts, at(1))
            .await
    });
    until(
        base,
        "SELECT CAST(count(*) AS TEXT) FROM pg_stat_activity WHERE datname = current_database() \
        AND wait_event_type = 'Lock'",
    )
    .await;
    run(&mut other, insert(1)).await;
    until(
        base,
        "SELECT CAST(deadlocks AS TEXT) FROM pg_stat_database WHERE datname = current_database()",
    )
    .await;
    run(&mut other, sqlx::AssertSqlSafe("COMMIT".to_owned())).await;
    let wanted = Added {
        unchanged: 2,
        ..Added::default()
    };
    assert_eq!(importer.await.unwrap().unwrap(), wanted);
}

/// Asks until it is not 0.
async fn until(base: &Base, sql: &str) {
    for _ in 0..3_000 {
        if base.texts(sql).await != ["0"] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{sql}");
}

fn contact(line: u64, nth: usize) -> NewContact {
    NewContact {
        line,
        number: number(nth),
        name: None,
        zone: None,
        state: None,
        place: None,
        consent: None,
        message: None,
        foreign_id: None,
        others: BTreeMap::new(),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

async fn begin(store: &Store, campaign: CampaignId, list: &str) -> Importing {
    let source = Source {
        name: format!("{list}.csv"),
        size: 1_000,
        digest: list.to_owned(),
    };
    store.begin_import(campaign, &source, at(0)).await.unwrap()
}
