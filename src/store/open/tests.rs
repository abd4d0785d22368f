use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::store::ErrorClass;

const WRITE: Access = Access::Write { wants_copy: true };

#[tokio::test]
async fn a_fresh_file_is_for_its_owner_only_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aftertone.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    for _ in 0..2 {
        let store = Store::open(&place).await.unwrap();
        store.ping().await.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_that_open_a_fresh_file_at_the_same_moment_all_get_in() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let place = DatabaseAddress::Sqlite(folder.path().join(format!("{round}.db")));
        let opened = (0..6).map(|_| {
            let place = place.clone();
            tokio::spawn(async move { Store::open(&place).await })
        });
        for opened in futures::future::join_all(opened).await {
            let store = opened.unwrap().unwrap();
            store.ping().await.unwrap();
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_schema_comes_forward_and_a_later_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = DatabaseAddress::Sqlite(folder.path().join("aftertone.db"));
    let first = Store::open(&place).await.unwrap();
    first.close().await;

    let later = Store::open_with(&place, with_one_more, WRITE).await.unwrap();
    let mut tx = later.read("look").await.unwrap();
    let row: Option<(i64,)> = tx.one(sql!("SELECT number FROM later"), &[]).await.unwrap();
    assert_eq!(row, Some((7,)));
    drop(tx);
    later.close().await;

    let error = Store::open(&place).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Broken);
    assert!(error.hint().unwrap().contains("later version"), "{error:?}");
}

fn with_one_more(database: Database) -> Vec<Migration> {
    let mut all = migrations(database);
    let text = "CREATE TABLE later (number INTEGER); INSERT INTO later VALUES (7);";
    let kind = MigrationType::Simple;
    let next = all.last().unwrap().version + 1;
    all.push(Migration::new(
        next,
        "later".into(),
        kind,
        text.into_sql_str(),
        false,
    ));
    all
}
