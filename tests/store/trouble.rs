//! A database that is none, that is damaged, locked, full or away: what is said, and that nothing is lost.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use aftertone::{
    drop::Outcome,
    store::{DatabaseAddress, ErrorClass, Store, StoreError, Written},
};

use libtest_mimic::Trial;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::net::TcpSocket;

use crate::{
    base::{Base, Kind, OwnServer, Server},
    fixture::Fixture,
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    let mut all = crate::trials!(
        server,
        Kind::BOTH,
        a_later_schema_is_refused,
        a_schema_that_was_changed_is_refused,
        tables_of_another_program_are_left_alone,
    );
    all.extend(crate::trials!(
        server,
        [Kind::Sqlite],
        what_is_no_database_is_refused,
        a_damaged_file_is_broken,
        a_locked_file_is_away_until_it_is_not,
        a_full_disk_loses_nothing,
    ));
    all.extend(crate::trials!(
        server,
        [Kind::Postgres],
        a_server_that_cannot_be_used_is_said_so,
        a_standby_server_is_away,
        a_server_that_is_killed_loses_nothing_that_was_acknowledged,
    ));
    all
}

async fn a_later_schema_is_refused(base: &Base) {
    base.open().await.close().await;
    base.run(
        "INSERT INTO aftertone_migrations (version, description, success, checksum, execution_time) \
         SELECT 999, 'later', success, checksum, 0 FROM aftertone_migrations WHERE version = 1",
    )
    .await;
    base.run("UPDATE schema_compatibility SET programs_from = 999")
        .await;
    let error = refused(base.place()).await;
    assert_eq!(error.class, ErrorClass::Broken);
    assert!(error.hint().unwrap().contains("later version"), "{error:?}");
}

async fn a_schema_that_was_changed_is_refused(base: &Base) {
    base.open().await.close().await;
    let other = match base.kind {
        Kind::Sqlite => "x'00'",
        Kind::Postgres => "'\\x00'",
    };
    base.run(format!(
        "UPDATE aftertone_migrations SET checksum = {other}"
    ))
    .await;
    assert_eq!(refused(base.place()).await.class, ErrorClass::Broken);
}

async fn tables_of_another_program_are_left_alone(base: &Base) {
    base.run("CREATE TABLE campaigns (mine INTEGER)").await;
    let error = refused(base.place()).await;
    assert_eq!(error.class, ErrorClass::Broken);
    assert!(
        error.hint().unwrap().contains("another program"),
        "{error:?}"
    );
    assert!(
        base.texts("SELECT CAST(mine AS TEXT) FROM campaigns")
            .await
            .is_empty()
    );
}

async fn what_is_no_database_is_refused(base: &Base) {
    let path = base.folder().join("aftertone.db");
    let long = "number,name\n+12025550101,Ann\n".repeat(100);
    fs::write(&path, long).unwrap();
    let error = refused(base.place()).await;
    assert_eq!(error.class, ErrorClass::Broken);
    assert!(error.to_string().contains("aftertone.db"), "{error}");
    assert!(
        error.hint().unwrap().contains("not an SQLite database"),
        "{error:?}"
    );

    let nowhere = DatabaseAddress::Sqlite(base.folder().join("no/such/folder.db"));
    let error = refused(nowhere).await;
    assert_eq!(error.class, ErrorClass::Broken);
    assert!(error.hint().unwrap().contains("folder"), "{error:?}");
    assert_eq!(
        refused(DatabaseAddress::Sqlite(base.folder().into()))
            .await
            .class,
        ErrorClass::Broken
    );

    for url in [
        "",
        "sqlite:",
        "sqlite::memory:",
        "mysql://user:hunter2@host/db",
        "postgres://user:hunter2@host:notaport/db",
    ] {
        let error = DatabaseAddress::parse(&url.to_owned().into()).unwrap_err();
        assert_eq!(error.class, ErrorClass::Broken, "{url}");
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}

async fn a_damaged_file_is_broken(base: &Base) {
    let fixture = Fixture::of(base, 2_000).await;
    fixture.store.close().await;
    let path = base.folder().join("aftertone.db");
    let mut bytes = fs::read(&path).unwrap();
    // All but the header and the schema.
    let from = 40 * 4_096;
    assert!(bytes.len() > 2 * from);
    bytes[from..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let store = Store::open(&base.place()).await;
    let error = match store {
        Err(error) => error,
        Ok(store) => {
            let mut queue = crate::fixture::queue();
            let lease = store.lease(
                &fixture.holder,
                fixture.campaign,
                1_000,
                crate::fixture::HISTORY,
                &mut queue,
                fixture.at(1),
            );
            lease.await.unwrap_err()
        }
    };
    assert_eq!(error.class, ErrorClass::Broken, "{error:?}");
    assert!(error.hint().unwrap().contains("damaged"), "{error:?}");
}

async fn a_locked_file_is_away_until_it_is_not(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    let options = SqliteConnectOptions::new().filename(base.folder().join("aftertone.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let writes = [fixture.start_of(&all[0], 1)];
    let result = fixture
        .store
        .commit(&fixture.holder, &writes, fixture.at(1))
        .await;
    let error = result.unwrap_err();
    assert_eq!(error.class, ErrorClass::Away, "{error:?}");
    assert!(error.hint().unwrap().contains("locked"), "{error:?}");
    // Who only reads is not kept from it.
    assert_eq!(fixture.store.campaigns(0).await.unwrap().len(), 1);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    fixture.store.ping().await.unwrap();
    assert_eq!(fixture.commit(&writes, 2).await, [Written::Applied]);
}

async fn a_full_disk_loses_nothing(base: &Base) {
    // A file system of its own takes root; elsewhere this cannot be tried.
    let Some(disk) = SmallDisk::mount(base.folder()) else {
        return;
    };
    let fixture = Fixture::of(base, 4).await;
    let (all, _) = fixture.lease(4, 0).await;
    assert_eq!(
        fixture.commit(&[fixture.start_of(&all[0], 1)], 1).await,
        [Written::Applied]
    );
    disk.fill();
    let mut failed = None;
    for drop in 2..400 {
        let Err(error) = fixture
            .store
            .commit(
                &fixture.holder,
                &[big(fixture.start_of(&all[1], drop))],
                fixture.at(2),
            )
            .await
        else {
            // There was room left in what the log had.
            let back = fixture.settle(
                &all[1],
                aftertone::campaign::engine::Settlement::NotDialled { attempt: 1 },
            );
            if fixture
                .store
                .commit(&fixture.holder, &[back], fixture.at(2))
                .await
                .is_err()
            {
                panic!("no room to take an intent back, but for writing it");
            }
            let (again, _) = fixture.lease(1, 2).await;
            assert_eq!(again.len(), 1);
            continue;
        };
        failed = Some(error);
        break;
    }
    let error = failed.expect("a disk that is full");
    assert_eq!(error.class, ErrorClass::Away, "{error:?}");
    assert!(error.hint().unwrap().contains("full"), "{error:?}");
    disk.make_room();
    fixture.store.ping().await.unwrap();
    let ended = fixture.ended(&all[0], 1, Outcome::Delivered, None);
    let written = fixture
        .commit(&[ended, fixture.start_of(&all[2], 900)], 3)
        .await;
    assert_eq!(written, [Written::Applied, Written::Applied]);
    assert_eq!(base.texts("PRAGMA integrity_check").await, ["ok"]);
    fixture.store.close().await;
    drop(disk);
}

async fn a_server_that_cannot_be_used_is_said_so(base: &Base) {
    let DatabaseAddress::Postgres(url) = base.place() else {
        panic!()
    };
    let url = secrecy::ExposeSecret::expose_secret(&url).to_owned();
    // A port that is taken, and that no server listens on.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = closed.local_addr().unwrap().port();
    let away = format!("postgres://someone:hunter2@127.0.0.1:{port}/calls");
    for (url, trouble, hint) in [
        (away, ErrorClass::Away, "server runs"),
        (format!("{url}missing"), ErrorClass::Broken, "createdb"),
        (
            url.replace("postgres@", "nobody:hunter2@"),
            ErrorClass::Broken,
            "password",
        ),
    ] {
        let error = refused(DatabaseAddress::Postgres(url.into())).await;
        assert_eq!(error.class, trouble, "{error:?}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
        let words = format!("{error} {error:?}");
        assert!(
            words.contains("127.0.0.1:") && !words.contains("hunter2"),
            "{words}"
        );
    }
}

/// A standby takes no writes, until it has taken over.
async fn a_standby_server_is_away(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let (all, _) = fixture.lease(1, 0).await;
    base.run(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
    )
    .await;
    let write = [fixture.start_of(&all[0], 1)];
    let error = match Store::open(&base.place()).await {
        Ok(store) => store
            .commit(&fixture.holder, &write, fixture.at(1))
            .await
            .unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.class, ErrorClass::Away, "{error:?}");
    assert!(error.hint().unwrap().contains("read replica"), "{error:?}");
}

async fn a_server_that_is_killed_loses_nothing_that_was_acknowledged(_shared: &Base) {
    const DROPS: usize = 120;
    let server = OwnServer::up("test-store-killed");
    let base = Base::on(Some(&server.url)).await;
    let fixture = Fixture::of(&base, DROPS).await;
    let (all, _) = fixture.lease(DROPS, 0).await;
    let mut away = 0;
    for (nth, contact) in all.iter().enumerate() {
        let drop = nth as u128 + 1;
        let write = [fixture.start_of(contact, drop)];
        if nth % 60 == 30 {
            let commit = fixture.store.commit(&fixture.holder, &write, fixture.at(1));
            let kill = tokio::task::spawn_blocking({
                let server = server.killer();
                move || server()
            });
            let (first, killed) = tokio::join!(commit, kill);
            killed.unwrap();
            if let Err(error) = first {
                assert_eq!(error.class, ErrorClass::Away, "{error:?}");
            }
            let error = fixture.store.ping().await.unwrap_err();
            assert_eq!(error.class, ErrorClass::Away, "{error:?}");
            assert!(error.hint().unwrap().contains("server"), "{error:?}");
            away += 1;
            server.restart();
        }
        // As for any reply that was lost: it is asked again until it is known.
        let written = again(&fixture, &write).await;
        assert_eq!(written, [Written::Applied]);
    }
    assert_eq!(away, 2);
    let drops = base.texts("SELECT CAST(count(*) AS TEXT) FROM drops").await;
    assert_eq!(drops, [DROPS.to_string()]);
    let versions = base
        .texts("SELECT DISTINCT CAST(version AS TEXT) FROM numbers")
        .await;
    assert_eq!(versions, ["1"]);
    fixture.store.close().await;
}

/// Asks until there is an answer.
async fn again(fixture: &Fixture, writes: &[aftertone::store::Write]) -> Vec<Written> {
    for _ in 0..10 {
        match fixture
            .store
            .commit(&fixture.holder, writes, fixture.at(2))
            .await
        {
            Ok(written) => return written,
            Err(error) => assert_eq!(error.class, ErrorClass::Away, "{error:?}"),
        }
    }
    panic!("the server is back, and does not answer");
}

async fn refused(place: DatabaseAddress) -> StoreError {
    match Store::open(&place).await {
        Ok(_) => panic!("{place:?} was opened"),
        Err(error) => error,
    }
}

/// An intent that takes some pages.
fn big(mut write: aftertone::store::Write) -> aftertone::store::Write {
    if let aftertone::store::Write::Start(intent) = &mut write {
        intent.ruling = "x".repeat(64 * 1_024);
    }
    write
}

/// A file system of a megabyte over a folder.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(at)
            .output()
            .ok()?;
        mount.status.success().then(|| Self { at: at.to_owned() })
    }

    fn fill(&self) {
        let mut bytes = 1_usize << 20;
        let filler = self.at.join("filler");
        let mut file = fs::File::create(filler).unwrap();
        while bytes >= 4_096 {
            if std::io::Write::write_all(&mut file, &vec![1; bytes]).is_err() {
                bytes /= 2;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.at.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}
