//! `aftertone contact` and `aftertone store`: all that is known of a person, its end, and the database itself.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, os::unix::fs::PermissionsExt as _};

use aftertone::store::{DatabaseAddress, Store};

use crate::{
    fake::script::Script,
    program::{NUMBER, Program, pbx},
};

const LIST: &str = "phone,name,state,consent,consent_at,consent_source,city\n\
                    +12025550101,Ann,DC,written,2026-03-01,web form,Albany\n\
                    +13055550102,Bob,FL,written,2026-03-01,web form,Miami\n\
                    12,Short,DC,written,2026-03-01,web form,Bonn\n";

async fn program() -> Program {
    let program = Program::new(pbx(Script::mailbox())).await;
    fs::write(program.path("leads.csv"), LIST).unwrap();
    let created = program
        .run(&[
            "campaign",
            "create",
            "spring",
            "leads.csv",
            "--message",
            "sound:promo",
            "--kind",
            "marketing",
        ])
        .await;
    assert_eq!(created.status, Some(0), "{created:?}");
    let started = program.run(&["campaign", "start", "spring"]).await;
    assert_eq!(started.status, Some(0), "{started:?}");
    program
}

#[tokio::test]
async fn all_that_is_known_of_a_person_is_shown_and_erased_for_good() {
    let program = program().await;
    let dropped = program.drop(&["--evidence", "kept"]).await;
    assert_eq!(dropped.status, Some(0), "{dropped:?}");
    let evidence = dropped.json()["evidence"].as_str().unwrap().to_owned();
    program
        .run(&["dnc", "add", NUMBER, "--because", "asked by phone"])
        .await;

    let shown = program.run(&["contact", "show", NUMBER]).await;
    assert_eq!(shown.status, Some(0), "{shown:?}");
    for words in [
        "+1202•••0101",
        "in campaign `spring` (running), from `leads.csv`, line 2",
        "name `Ann`",
        "city `Albany`",
        "consent: written at 2026-03-01",
        "on the do-not-call list `own` since",
        "asked by phone",
        "a single drop: delivered",
        evidence.as_str(),
        "next: due since",
    ] {
        assert!(shown.stdout.contains(words), "{words}: {shown:?}");
    }
    assert!(!shown.stdout.contains("2025550101"), "{shown:?}");
    let json = program
        .run(&[
            "contact",
            "show",
            "(202) 555-0101",
            "--json",
            "--full-number",
        ])
        .await
        .json();
    assert_eq!(json["number"], NUMBER);
    assert_eq!(json["contacts"][0]["columns"]["city"], "Albany");
    assert_eq!(json["contacts"][0]["next"]["why"], "due");
    assert_eq!(json["calls"][0]["outcome"], "delivered");
    assert_eq!(json["erased"], serde_json::Value::Null);

    let asked = program.run(&["contact", "erase", NUMBER]).await;
    assert_eq!(asked.status, Some(2), "{asked:?}");
    assert!(
        asked.stdout.contains("would be erased: 1 contact, 1 call,"),
        "{asked:?}"
    );
    assert!(asked.stderr.contains("`--yes`"), "{asked:?}");
    assert!(fs::exists(&evidence).unwrap());

    let erased = program
        .run(&["contact", "erase", NUMBER, "--yes", "--because", "a letter"])
        .await;
    assert_eq!(erased.status, Some(0), "{erased:?}");
    assert!(
        erased.stdout.contains(
            "erased: 1 contact, 1 call, 0 decisions, 1 do-not-call entry, 1 folder of evidence"
        ),
        "{erased:?}"
    );
    assert!(erased.stdout.contains("`leads.csv`"), "{erased:?}");
    assert!(!fs::exists(&evidence).unwrap());
    for ended in [&asked, &erased] {
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            !all.contains("2025550101") && !all.contains("0101"),
            "{all}"
        );
    }

    // Never called again, and no list brings them back.
    let check = program.run(&["dnc", "check", NUMBER]).await;
    assert_eq!(check.status, Some(1), "{check:?}");
    assert!(check.stdout.contains("a letter"), "{check:?}");
    program.gate("");
    let dropped = program.drop(&[]).await;
    assert_eq!(dropped.status, Some(2), "{dropped:?}");
    assert_eq!(dropped.json()["refused"], "do_not_call", "{dropped:?}");
    fs::write(program.path("more.csv"), LIST.replace("Bonn", "Rome")).unwrap();
    let added = program
        .run(&["campaign", "add", "spring", "more.csv"])
        .await;
    assert!(added.stdout.contains("erased 1"), "{added:?}");

    // The contact is counted, and has no number.
    let results = program
        .run(&["campaign", "results", "spring", "--undialled", "--json"])
        .await;
    let rows = results.json();
    let rows = rows.as_array().unwrap();
    assert!(
        rows.iter().any(|row| row["number"].is_null()),
        "{results:?}"
    );
    let shown = program.run(&["contact", "show", NUMBER]).await;
    assert!(
        shown
            .stdout
            .contains("everything about the person was erased"),
        "{shown:?}"
    );
    let again = program.run(&["contact", "erase", NUMBER, "--yes"]).await;
    assert_eq!(again.status, Some(0), "{again:?}");
    assert!(
        again.stdout.contains("erased: 0 contacts, 0 calls"),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_database_that_others_can_read_is_warned_of_once_a_command() {
    let program = program().await;
    let path = program.path("aftertone.db");
    let quiet = program.run(&["campaign", "status"]).await;
    assert!(!quiet.stderr.contains("chmod"), "{quiet:?}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    for command in [
        &["campaign", "status"][..],
        &["dnc", "add", "+12025550109"],
        &["doctor"],
        &["drop", NUMBER, "--message", "sound:hello-world"],
    ] {
        let ended = program.run(command).await;
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(all.matches("chmod go-rwx").count(), 1, "{ended:?}");
        assert!(all.contains("(mode 0644)"), "{ended:?}");
    }
}

#[tokio::test]
async fn commands_that_read_make_and_change_no_database() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let path = program.path("aftertone.db");
    let status = program.run(&["campaign", "status"]).await;
    assert_eq!(status.status, Some(0), "{status:?}");
    assert!(
        status.stdout.contains("there is no campaign yet"),
        "{status:?}"
    );
    assert!(!path.exists());
    let plan = program.run(&["store", "migrate", "--dry-run"]).await;
    assert_eq!(plan.status, Some(0), "{plan:?}");
    assert!(
        plan.stdout.contains("would be made, with schema"),
        "{plan:?}"
    );
    assert!(!path.exists());

    // A database of the first release.
    let first = include_str!("../../src/store/migrations/0001.sqlite.sql");
    make_first(&path, first).await;
    let before = fs::read(&path).unwrap();
    for command in [
        &["campaign", "status"][..],
        &["dnc", "check", NUMBER],
        &["contact", "show", NUMBER],
        &["store", "migrate", "--dry-run"],
    ] {
        let ended = program.run(command).await;
        let is_told = ended.stderr.contains("aftertone store migrate");
        assert!(
            ended.status == Some(0) || (ended.status == Some(2) && is_told),
            "{ended:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), before, "{command:?}");
    }

    let added = program.run(&["dnc", "add", NUMBER]).await;
    assert_eq!(added.status, Some(0), "{added:?}");
    assert!(
        added.stderr.contains("was brought from schema 1 to"),
        "{added:?}"
    );
    assert!(added.stderr.contains("aftertone.db.before-0"), "{added:?}");
    let again = program.run(&["store", "migrate"]).await;
    assert_eq!(again.status, Some(0), "{again:?}");
    assert!(again.stdout.contains("there is nothing to do"), "{again:?}");
    let store = Store::open(&DatabaseAddress::Sqlite(path)).await.unwrap();
    assert_eq!(store.lists().await.unwrap().len(), 1);
}

async fn make_first(path: &std::path::Path, schema: &'static str) {
    use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _};
    let step = sqlx::migrate::Migration::new(
        1,
        "first".into(),
        sqlx::migrate::MigrationType::Simple,
        schema.into_sql_str(),
        false,
    );
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let mut connection = options.connect().await.unwrap();
    let mut migrator = sqlx::migrate::Migrator::with_migrations(vec![step]);
    migrator.dangerous_set_table_name("aftertone_migrations");
    migrator
        .run_direct(None, &mut connection, false)
        .await
        .unwrap();
    connection.close().await.unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
