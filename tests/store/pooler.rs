//! PostgreSQL by way of PgBouncer, which gives each transaction whatever session is free.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use aftertone::{
    drop::Outcome,
    phone::PhoneNumber,
    store::{
        Across, DatabaseAddress, ErrorClass, Filter, ListName, NewContact, Source, Store, Written,
    },
};
use jiff::Timestamp;
use libtest_mimic::Trial;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    base::{Base, Kind, Server},
    fixture::{HISTORY, campaign, controller, end, lease, number, start},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        [Kind::Postgres],
        a_pooler_of_transactions_carries_everything,
        a_pooler_that_ignores_settings_is_known_for_one,
        a_pooler_of_sessions_works_too,
        a_pooler_of_statements_is_refused_at_once,
    )
}

async fn a_pooler_of_transactions_carries_everything(base: &Base) {
    let pooler = Pooler::up(base, "pool_mode = transaction\ndefault_pool_size = 3");
    works(&pooler, base).await;

    // What each transaction sets is gone with it, and no statement keeps its name in a session that others have next.
    for _ in 0..3 {
        let mut any = PgConnection::connect(&pooler.url).await;
        // The startup of whoever is no friend of poolers is refused; so ask without it.
        if any.is_err() {
            any = PgConnection::connect_with(&pooler.plain()).await;
        }
        let mut any = any.unwrap();
        let kept = "SELECT current_setting('lock_timeout') || ' ' || current_setting('random_page_cost') || ' ' \
            || (SELECT count(*) FROM pg_prepared_statements)";
        let row = sqlx::raw_sql(kept).fetch_one(&mut any).await.unwrap();
        assert_eq!(sqlx::Row::get::<String, _>(&row, 0), "0 4 0");
    }
}

async fn a_pooler_that_ignores_settings_is_known_for_one(base: &Base) {
    let settings = "pool_mode = transaction\ndefault_pool_size = 2\n\
        ignore_startup_parameters = extra_float_digits, options";
    works(&Pooler::up(base, settings), base).await;
}

async fn a_pooler_of_sessions_works_too(base: &Base) {
    let settings = "pool_mode = session\ndefault_pool_size = 40";
    works(&Pooler::up(base, settings), base).await;
}

async fn a_pooler_of_statements_is_refused_at_once(base: &Base) {
    let pooler = Pooler::up(base, "pool_mode = statement");
    for opened in [
        Store::open(&pooler.place()).await,
        Store::open_to_read(&pooler.place()).await,
    ] {
        let error = opened.unwrap_err();
        assert_eq!(error.class, ErrorClass::Broken, "{error:?}");
        assert!(error.hint().unwrap().contains("pool_mode"), "{error:?}");
        assert!(!error.passes());
    }
}

/// A schema, a list, calls and opt-outs, by several programs at once.
async fn works(pooler: &Pooler, base: &Base) {
    let first = Store::open(&pooler.place()).await.unwrap();
    let now = Timestamp::now();
    let campaign = campaign(&first, "one", now).await;
    let source = Source {
        name: "a.csv".to_owned(),
        size: 9_000,
        digest: "a".to_owned(),
    };
    let mut importing = first.begin_import(campaign, &source, now).await.unwrap();
    for batch in 0..4 {
        importing.bytes += 1_000;
        let contacts: Vec<_> = (0..50).map(|nth| contact(batch * 50 + nth)).collect();
        let added = first
            .add_contacts(&importing, Across::SkipOpen, &contacts, now)
            .await
            .unwrap();
        assert_eq!(added.added, 50);
    }
    let programs = (0..4).map(|program: usize| {
        let place = pooler.place();
        tokio::spawn(async move {
            let store = Store::open(&place).await.unwrap();
            let list = ListName::new("own").unwrap();
            let holder = controller(&store, &format!("run{program}")).await;
            let mut ended = 0;
            for round in 0..12_u128 {
                let (contacts, _) = lease(&store, &holder, campaign, 5, now).await;
                for (nth, contact) in contacts.iter().enumerate() {
                    let drop = 1_000 * program as u128 + 10 * round + nth as u128 + 1;
                    let write = [start(campaign, contact, drop)];
                    let written = store.commit(&holder, &write, now).await.unwrap();
                    assert_eq!(written, [Written::Applied]);
                    let settled = aftertone::store::Write::Settle {
                        campaign,
                        contact: contact.id,
                        settlement: aftertone::campaign::engine::Settlement::Ended {
                            attempt: 1,
                            outcome: Outcome::Delivered,
                            calls: aftertone::campaign::budget::Calls::at_least(
                                aftertone::drop::Technique::Double,
                            ),
                            again: None,
                        },
                        ruling: None,
                        zone: None,
                        place: None,
                        end: Some(Box::new(end(drop, Outcome::Delivered))),
                    };
                    let written = store.commit(&holder, &[settled], now).await.unwrap();
                    assert_eq!(written, [Written::Applied]);
                    ended += 1;
                }
                let opt_out = PhoneNumber::from_digits(
                    13_025_550_000 + 100 * program as u64 + u64::try_from(round).unwrap(),
                );
                let barred = store.bar(&list, &[opt_out.unwrap()], None, now).await;
                assert_eq!(barred.unwrap(), 1);
                let facts = store.facts_of(&[number(1)], HISTORY, now).await.unwrap();
                assert_eq!(facts.len(), 1);
                store.tally(campaign).await.unwrap();
            }
            store.close().await;
            ended
        })
    });
    let mut ended = 0;
    for program in futures::future::join_all(programs).await {
        ended += program.unwrap();
    }
    assert_eq!(ended, 200);
    let tally = first.tally(campaign).await.unwrap();
    assert_eq!(tally.outcomes[&Outcome::Delivered], 200);
    let read = Store::open_to_read(&pooler.place()).await.unwrap();
    let rows = read
        .results(campaign, &Filter::default(), None, 500)
        .await
        .unwrap();
    assert_eq!(rows.0.len(), 200);
    read.close().await;
    first.close().await;
    let there = base.texts("SELECT CAST(count(*) AS TEXT) FROM do_not_call");
    assert_eq!(there.await, ["48"]);
}

fn contact(nth: u64) -> NewContact {
    NewContact {
        line: nth + 2,
        number: number(usize::try_from(nth).unwrap()),
        name: Some(format!("Ann {nth}")),
        zone: None,
        state: None,
        place: None,
        consent: None,
        message: None,
        foreign_id: None,
        others: std::collections::BTreeMap::new(),
    }
}

/// A pooler of one test's own before its database, stopped with it.
struct Pooler {
    process: Child,
    url: String,
    port: u16,
    database: String,
    /// Its configuration and its log.
    folder: TempDir,
}

impl Pooler {
    fn up(base: &Base, settings: &str) -> Self {
        for _ in 0..20 {
            if let Some(pooler) = Self::try_up(base, settings) {
                return pooler;
            }
        }
        panic!("PgBouncer does not start; tests/setup.sh store installs it");
    }

    #[expect(clippy::disallowed_methods, reason = "it waits for another process")]
    fn try_up(base: &Base, settings: &str) -> Option<Self> {
        let (rest, database) = base.url().rsplit_once('/').unwrap();
        let server = rest.rsplit(':').next().unwrap();
        // It has no way to take a port that is free, so try one that the system gives to no connection.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nth = 31 * std::process::id() + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 31_000 + u16::try_from(nth % 1_000).unwrap();
        TcpListener::bind(("127.0.0.1", port)).ok()?;
        let folder = tempfile::tempdir().unwrap();
        // It refuses root, and reads these as another user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let users = folder.path().join("users.txt");
        fs::write(&users, "\"postgres\" \"\"\n").unwrap();
        let config = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{database} = host=127.0.0.1 port={server} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\n{settings}\n",
            users.display()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("/usr/sbin/pgbouncer");
        if fs::metadata("/root").is_ok() && fs::read_dir("/root").is_ok() {
            command.args(["-u", "postgres"]);
        }
        let process = command
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut pooler = Self {
            process,
            url: format!("postgres://postgres@127.0.0.1:{port}/{database}"),
            port,
            database: database.to_owned(),
            folder,
        };
        for _ in 0..1_000 {
            let log = fs::read_to_string(pooler.folder.path().join("log")).unwrap();
            if log.contains("process up") {
                return Some(pooler);
            }
            if pooler.process.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        None
    }

    fn place(&self) -> DatabaseAddress {
        DatabaseAddress::Postgres(self.url.clone().into())
    }

    /// A connection that begins with nothing that a pooler refuses.
    fn plain(&self) -> sqlx::postgres::PgConnectOptions {
        sqlx::postgres::PgConnectOptions::new()
            .host("127.0.0.1")
            .port(self.port)
            .username("postgres")
            .database(&self.database)
            .extra_float_digits(None)
    }
}

impl Drop for Pooler {
    #[expect(clippy::print_stderr, reason = "why a test failed")]
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log"));
            eprintln!("{}", log.unwrap_or_default());
        }
    }
}
