use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::{phone::PhoneNumber, store::ErrorClass};

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
async fn a_schema_comes_forward_and_a_program_goes_on_with_a_later_one_that_it_can_use() {
    let folder = tempfile::tempdir().unwrap();
    let place = DatabaseAddress::Sqlite(folder.path().join("aftertone.db"));
    let first = Store::open(&place).await.unwrap();
    first.close().await;

    let later = Store::open_with(&place, with_one_more, WRITE)
        .await
        .unwrap();
    let mut tx = later.read("look").await.unwrap();
    let row: Option<(i64,)> = tx.one(sql!("SELECT number FROM later"), &[]).await.unwrap();
    assert_eq!(row, Some((7,)));
    drop(tx);

    let ours = newest(migrations);
    let same = Store::open(&place).await.unwrap();
    assert_eq!(*same.opened(), Opened::Ahead { version: ours + 1 });
    same.ping().await.unwrap();
    let read = Store::open_to_read(&place).await.unwrap();
    assert_eq!(*read.opened(), Opened::Ahead { version: ours + 1 });

    let raise = sql!("UPDATE schema_compatibility SET programs_from = 1000");
    let mut tx = later.write("raise it").await.unwrap();
    tx.execute(raise, &[]).await.unwrap();
    tx.commit().await.unwrap();
    for opened in [Store::open(&place).await, Store::open_to_read(&place).await] {
        let error = opened.unwrap_err();
        assert_eq!(error.class, ErrorClass::Broken);
        assert!(error.hint().unwrap().contains("later version"), "{error:?}");
        let why = error.source.to_string();
        assert!(
            why.contains(&format!("this program has schema {ours}")),
            "{why}"
        );
        assert!(why.contains("schema 1000 and later"), "{why}");
    }
}

#[tokio::test]
async fn a_file_is_copied_for_its_owner_before_it_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aftertone.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    old(&place).await;

    let plan = Store::plan_upgrade(&place).await.unwrap();
    assert_eq!((plan.from, plan.to), (1, newest(migrations)));
    assert_eq!(plan.steps.len(), migrations(Database::Sqlite).len() - 1);
    let planned = plan.copy.unwrap();
    assert!(planned.bytes >= 4_096 && planned.free.is_some());
    assert!(copies_of(&path).is_empty(), "a plan changes nothing");

    let store = Store::open(&place).await.unwrap();
    let Opened::Upgraded(upgraded) = store.opened() else {
        panic!("{:?}", store.opened())
    };
    let copy = upgraded.copy.as_ref().unwrap().path.clone();
    assert_eq!((upgraded.from, upgraded.to), (1, newest(migrations)));
    assert_eq!(copy, planned.path);
    assert_eq!(copies_of(&path), std::slice::from_ref(&copy));
    let mode = copy.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // It is the database as it was, whole, and a program of its schema opens it.
    let copied = DatabaseAddress::Sqlite(copy);
    let before = Store::open_with(&copied, first_only, Access::Read)
        .await
        .unwrap();
    assert_eq!(*before.opened(), Opened::AsItWas);
    let mut tx = before.read("look").await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql!("SELECT name FROM lists"), &[]).await.unwrap();
    assert_eq!(rows, [("kept".to_owned(),)]);
    drop(tx);

    // What is as it must be is not copied.
    store.close().await;
    let again = Store::open(&place).await.unwrap();
    assert_eq!(*again.opened(), Opened::AsItWas);
    assert_eq!(copies_of(&path).len(), 1);
}

#[tokio::test]
async fn copies_that_hold_a_person_are_named_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aftertone.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    old(&place).await;
    let number = |digits| PhoneNumber::from_digits(digits).unwrap();
    let (person, other) = ([number(12_025_550_101)], [number(12_025_550_102)]);
    let before = Store::open_with(&place, first_only, WRITE).await.unwrap();
    let mut tx = before.write("bar").await.unwrap();
    let bar = sql!("INSERT INTO do_not_call (list, number, at) VALUES (1, 12025550101, 0)");
    tx.execute(bar, &[]).await.unwrap();
    tx.commit().await.unwrap();
    before.close().await;
    Store::open(&place).await.unwrap().close().await;
    let copies = copies_of(&path);
    assert_eq!(copies.len(), 1);
    for _ in 0..2 {
        assert_eq!(copies_holding(&path, &person).await, copies);
        assert_eq!(copies_holding(&path, &other).await, Vec::<PathBuf>::new());
    }
    // Nothing came beside it, and what cannot be read may hold anybody.
    assert_eq!(copies_of(&path), copies);
    let half = folder.path().join("aftertone.db.before-0003.partial");
    std::fs::write(&half, "half of it").unwrap();
    assert_eq!(copies_holding(&path, &other).await, [half]);
}

#[tokio::test]
async fn a_new_file_is_not_copied_nor_is_one_whose_copy_is_not_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aftertone.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    let store = Store::open(&place).await.unwrap();
    let to = newest(migrations);
    let made = |from| {
        Opened::Upgraded(Upgraded {
            from,
            to,
            copy: None,
        })
    };
    assert_eq!(*store.opened(), made(0));
    store.close().await;
    let path = folder.path().join("other.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    old(&place).await;
    let store = Store::migrate(&place, false).await.unwrap();
    assert_eq!(*store.opened(), made(1));
    assert!(copies_of(&path).is_empty());
}

#[tokio::test]
async fn a_step_that_fails_changes_nothing_and_leaves_no_copy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aftertone.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    old(&place).await;
    let error = Store::open_with(&place, with_a_fault, WRITE)
        .await
        .unwrap_err();
    assert!(error.source.to_string().contains("(faulty)"), "{error:?}");
    assert!(copies_of(&path).is_empty());
    let plan = Store::plan_upgrade(&place).await.unwrap();
    assert_eq!(plan.from, 1);
}

#[tokio::test]
async fn a_copy_that_is_cut_or_a_step_that_is_cut_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aftertone.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    old(&place).await;
    // A program that was killed left it.
    let killed = folder.path().join("aftertone.db.before-0001.partial");
    std::fs::write(&killed, "half").unwrap();

    let is_there = |end: &str| {
        let copies = copies_of(&path).into_iter();
        let mut copies = copies.filter(|copy| *copy != killed);
        copies.any(|copy| copy.to_str().unwrap().ends_with(end))
    };
    for end in [".before-0002.partial", ".before-0002"] {
        let mut opening = Box::pin(Store::open(&place));
        while !is_there(end) {
            assert!(
                futures::poll!(&mut opening).is_pending(),
                "{end}: it was not cut"
            );
            tokio::task::yield_now().await;
        }
        drop(opening);
        assert_eq!(copies_of(&path), Vec::<PathBuf>::new(), "{end}");
        let plan = Store::plan_upgrade(&place).await.unwrap();
        assert_eq!(plan.from, 1, "{end}");
    }
    Store::open(&place).await.unwrap().close().await;
    assert_eq!(
        copies_of(&path),
        [folder.path().join("aftertone.db.before-0002")]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_that_bring_a_file_forward_at_once_make_one_copy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aftertone.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    old(&place).await;
    let opened = (0..6).map(|_| {
        let place = place.clone();
        tokio::spawn(async move { Store::open(&place).await })
    });
    for opened in futures::future::join_all(opened).await {
        opened.unwrap().unwrap().ping().await.unwrap();
    }
    assert_eq!(copies_of(&path).len(), 1);
}

#[tokio::test]
async fn a_file_that_is_read_is_neither_made_nor_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aftertone.db");
    let place = DatabaseAddress::Sqlite(path.clone());
    let none = Store::open_to_read(&place).await.unwrap();
    assert_eq!(*none.opened(), Opened::Missing);
    assert_eq!(none.campaigns(0).await.unwrap(), []);
    assert!(!path.exists());

    old(&place).await;
    let read = Store::open_to_read(&place).await.unwrap();
    assert_eq!(*read.opened(), Opened::Behind { version: 1 });
    assert_eq!(read.campaigns(0).await.unwrap(), []);
    assert_eq!(read.lists().await.unwrap().len(), 1);
    let error = read.ping().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Refused, "{error:?}");
    // What only a later schema has is named as such.
    let mut tx = read.read("look").await.unwrap();
    let missing = sql!("SELECT programs_from FROM schema_compatibility");
    let error = tx.one::<(i64,)>(missing, &[]).await.unwrap_err();
    assert!(
        error.hint().unwrap().contains("aftertone store migrate"),
        "{error:?}"
    );
    assert!(
        error.source.to_string().contains("earlier version (1)"),
        "{error:?}"
    );
    drop(tx);
    read.close().await;
    let plan = Store::plan_upgrade(&place).await.unwrap();
    assert_eq!(plan.from, 1);
    assert!(copies_of(&path).is_empty());
}

/// A database of the first schema, with something in it.
async fn old(place: &DatabaseAddress) {
    let store = Store::open_with(place, first_only, WRITE).await.unwrap();
    let mut tx = store.write("add a list").await.unwrap();
    let add = sql!("INSERT INTO lists (name, created_at) VALUES ('kept', 0)");
    tx.execute(add, &[]).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
}

fn first_only(database: Database) -> Vec<Migration> {
    let mut all = migrations(database);
    all.truncate(1);
    all
}

fn newest(migrations: fn(Database) -> Vec<Migration>) -> i64 {
    migrations(Database::Sqlite).last().unwrap().version
}

fn with_one_more(database: Database) -> Vec<Migration> {
    let text = "CREATE TABLE later (number INTEGER); INSERT INTO later VALUES (7);";
    with(database, "later", text)
}

fn with_a_fault(database: Database) -> Vec<Migration> {
    with(
        database,
        "faulty",
        "CREATE TABLE half (number INTEGER); SELECT nothing FROM nowhere;",
    )
}

fn with(database: Database, name: &'static str, text: &'static str) -> Vec<Migration> {
    let mut all = migrations(database);
    let next = all.last().unwrap().version + 1;
    let kind = MigrationType::Simple;
    all.push(Migration::new(
        next,
        name.into(),
        kind,
        text.into_sql_str(),
        false,
    ));
    all
}
