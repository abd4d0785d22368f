//! A database that was restored: nothing of it goes on by itself. On PostgreSQL it comes by `pg_dump` and `pg_restore`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use aftertone::{
    campaign::engine::InFlight,
    drop::Outcome,
    store::{DatabaseAddress, OperatorCommand, Status, Store},
};
use jiff::ToSpan as _;
use libtest_mimic::Trial;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, campaign, controller_at, queue},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    let mut all = crate::trials!(server, Kind::BOTH, nothing_goes_on_by_itself);
    all.extend(crate::trials!(
        server,
        [Kind::Postgres],
        what_is_dumped_while_it_is_written_is_restored_elsewhere,
    ));
    all
}

async fn nothing_goes_on_by_itself(base: &Base) {
    let fixture = Fixture::of(base, 6).await;
    let store = &fixture.store;
    let draft = campaign(store, "draft", fixture.start).await;
    store
        .order(
            draft,
            OperatorCommand::Cancel(InFlight::Finish),
            fixture.start,
        )
        .await
        .unwrap();
    let (leased, _) = fixture.lease(3, 1).await;
    fixture.commit(&[fixture.start_of(&leased[0], 1)], 1).await;
    base.run(
        "INSERT INTO sessions (digest, user_name, began_at, seen_at) VALUES ('d', 'ann', 1, 1); \
         INSERT INTO users (name, role, created_at, created_by, link_digest, link_until) VALUES ('ann', 'viewer', 1, 'x', 'd', 9); \
         INSERT INTO idempotency_keys (principal, route, key, request, status, body, drop_id, at) \
         VALUES ('token:a', 'POST /drops', 'k', 'r', 202, '{}', 'd', 1)",
    )
    .await;
    let (_, before) = store.events(0, &Default::default(), 1).await.unwrap();

    // While a controller may be alive it is somebody's.
    let words = "restored from a backup";
    let refused = store.quieten(words, false, fixture.at(10)).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("cannot stop what a backup would go on with"),
        "{refused}"
    );
    assert_eq!(
        base.texts("SELECT standing FROM campaigns WHERE name = 'one'")
            .await,
        ["running"]
    );

    let done = store.quieten(words, false, fixture.at(100)).await.unwrap();
    assert_eq!(done.paused, ["one"]);
    assert_eq!((done.given_back, done.sessions, done.keys), (2, 1, 1));
    let campaigns = store.campaigns(0).await.unwrap();
    let states: Vec<_> = campaigns
        .iter()
        .map(|row| (row.name.as_str(), row.status, row.why.as_deref()))
        .collect();
    assert!(
        states.contains(&("one", Status::Paused, Some(words))),
        "{states:?}"
    );
    assert!(states.iter().any(|state| state.1 == Status::Cancelled));
    assert!(!store.has_controller(fixture.at(100)).await.unwrap());
    let kept = "SELECT CAST(at AS TEXT) FROM idempotency_keys";
    assert_eq!(
        base.texts(kept).await,
        [fixture.at(100).as_microsecond().to_string()]
    );
    let links =
        "SELECT name FROM users WHERE link_digest IS NOT NULL UNION SELECT user_name FROM sessions";
    assert!(base.texts(links).await.is_empty());
    // An event that is told of now has a number that none after the backup had.
    let (told, after) = store
        .events(before.newest, &Default::default(), 100)
        .await
        .unwrap();
    assert!(
        after.newest > before.newest + 1_000_000_000,
        "{before:?} {after:?}"
    );
    assert!(
        told.iter()
            .all(|event| event.sequence > before.newest + 1_000_000_000)
    );

    // Who held it writes nothing any more, and a controller that comes leases nothing.
    let settled = fixture
        .commit(&[fixture.start_of(&leased[1], 2)], 101)
        .await;
    assert_eq!(settled, [aftertone::store::Written::Fenced]);
    let holder = controller_at(store, "next", fixture.at(101)).await;
    let adopted = store.adopt(&holder, &[], fixture.at(101)).await.unwrap();
    assert_eq!(
        adopted.len(),
        1,
        "the drop in flight is there to be settled"
    );
    // Twice is once.
    let again = store.quieten(words, true, fixture.at(200)).await.unwrap();
    assert_eq!(
        (again.paused.len(), again.given_back, again.sessions),
        (0, 0, 0)
    );
}

async fn what_is_dumped_while_it_is_written_is_restored_elsewhere(base: &Base) {
    let fixture = Fixture::of(base, 600).await;
    // By the server's clock the lease of who writes is over when the copy is looked at.
    base.run("UPDATE controllers SET lease_ends = lease_ends - 60000000")
        .await;
    let (is_over, written) = (AtomicBool::new(false), AtomicU32::new(0));
    let work = async {
        let mut drop = 0_u128;
        while !is_over.load(Ordering::Relaxed) && drop < 600 {
            let (leased, _) = fixture.lease(3, 0).await;
            for contact in leased {
                drop += 1;
                fixture.commit(&[fixture.start_of(&contact, drop)], 0).await;
                if !drop.is_multiple_of(3) {
                    let end = fixture.ended(&contact, drop, Outcome::Delivered, None);
                    fixture.commit(&[end], 0).await;
                }
                written.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let file = base.folder().join("aftertone.dump");
    let dump = async {
        while written.load(Ordering::Relaxed) < 30 {
            tokio::task::yield_now().await;
        }
        let arguments = [
            "--format=custom",
            "--file",
            file.to_str().unwrap(),
            base.url(),
        ];
        let mut command = postgres("pg_dump");
        command.args(arguments);
        let dumped = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
        assert_success(&dumped.unwrap());
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(work, dump);

    let (server, _) = base.url().rsplit_once('/').unwrap();
    let name = format!("{}_copy", base.url().rsplit('/').next().unwrap());
    let mut connection = PgConnection::connect(&format!("{server}/postgres"))
        .await
        .unwrap();
    let make = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(make).execute(&mut connection).await.unwrap();
    let copy = format!("{server}/{name}");
    let restored = postgres("pg_restore")
        .args(["--exit-on-error", "--dbname", &copy])
        .arg(&file)
        .output()
        .unwrap();
    assert_success(&restored);

    // The command of the book.
    let folder = base.folder().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    let config = folder.join("aftertone.toml");
    fs::write(&config, format!("[store]\nurl = \"{copy}\"\n")).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let quiet = Command::new(env!("CARGO_BIN_EXE_aftertone"))
        .args([
            "store",
            "restored",
            "--json",
            "--taken-at",
            "2026-12-01T10:00:00Z",
        ])
        .current_dir(&folder)
        .env_clear()
        .env("HOME", &folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_success(&quiet);
    let object: serde_json::Value = serde_json::from_slice(&quiet.stdout).unwrap();
    assert_eq!(object["paused"], serde_json::json!(["one"]));

    let store = Store::open(&DatabaseAddress::Postgres(copy.into()))
        .await
        .unwrap();
    let tally = store.tally(fixture.campaign).await.unwrap();
    assert_eq!((tally.contacts, tally.in_flight), (600, 0), "{tally:?}");
    assert!(
        tally.waiting > 0 && tally.outcomes[&Outcome::Delivered] > 0,
        "{tally:?}"
    );
    assert_eq!(object["lost"], tally.outcomes[&Outcome::Lost], "{tally:?}");
    let stored = store.campaign("one").await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Paused);
    assert!(stored.why.unwrap().contains("2026-12-01T10:00:00Z"));
    // Nobody of whom it knows a drop is due.
    let holder = controller_at(&store, "next", jiff::Timestamp::now()).await;
    store
        .order(
            fixture.campaign,
            OperatorCommand::Resume,
            jiff::Timestamp::now(),
        )
        .await
        .unwrap();
    let mut queue = queue();
    let (leased, _) = store
        .lease(
            &holder,
            fixture.campaign,
            600,
            crate::fixture::HISTORY,
            &mut queue,
            jiff::Timestamp::now() + 1.second(),
        )
        .await
        .unwrap();
    assert!(!leased.is_empty());
    assert!(leased.iter().all(|leased| leased.contact.attempts == 0));
    store.close().await;
    let drop = AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
    sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
}

/// A program of the newest version that Debian has installed.
fn postgres(program: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").unwrap();
    let found = versions.map(|version| version.unwrap().path().join("bin").join(program));
    let newest: Option<PathBuf> = found.filter(|path| path.exists()).max();
    Command::new(newest.expect("PostgreSQL is installed"))
}

fn assert_success(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
