//! A database of one test's own, and a look into it that does not go through the store.

use std::{
    fmt,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use aftertone::store::{DatabaseAddress, Store};
use aftertone_lab::own::{OwnName, cache};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// A database of one test's own.
pub(crate) struct Base {
    pub(crate) kind: Kind,
    folder: TempDir,
    /// The addresses of the server's own database, and of this one.
    postgres: Option<(String, String)>,
}

impl Base {
    pub(crate) async fn fresh(kind: Kind, server: &Server) -> Self {
        match kind {
            Kind::Sqlite => Self::on(None).await,
            Kind::Postgres => Self::on(Some(server.url())).await,
        }
    }

    /// A database on a server, or in a file.
    pub(crate) async fn on(server: Option<&str>) -> Self {
        let postgres = match server {
            None => None,
            Some(url) => {
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let name = format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed));
                let mut connection = PgConnection::connect(url).await.unwrap();
                let make = AssertSqlSafe(format!("CREATE DATABASE {name}"));
                sqlx::raw_sql(make).execute(&mut connection).await.unwrap();
                let own = format!("{}/{name}", url.strip_suffix("/postgres").unwrap());
                Some((url.to_owned(), own))
            }
        };
        Self {
            kind: match server {
                None => Kind::Sqlite,
                Some(_) => Kind::Postgres,
            },
            folder: tempfile::tempdir().unwrap(),
            postgres,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn place(&self) -> DatabaseAddress {
        match &self.postgres {
            None => DatabaseAddress::Sqlite(self.folder().join("aftertone.db")),
            Some((_, url)) => DatabaseAddress::Postgres(url.clone().into()),
        }
    }

    /// Its address, if it is on a server.
    pub(crate) fn url(&self) -> &str {
        let (_, own) = self.postgres.as_ref().unwrap();
        own
    }

    /// Another store on it, as another process would have it; time is what a test says.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.place()).await.unwrap().by_given_times()
    }

    /// Runs statements behind the store's back.
    pub(crate) async fn run(&self, sql: impl Into<String>) {
        self.try_run(sql).await.unwrap();
    }

    /// The same, which may fail.
    pub(crate) async fn try_run(&self, sql: impl Into<String>) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.into());
        match &self.postgres {
            None => {
                let mut connection = self.sqlite().await;
                let done = sqlx::raw_sql(sql).execute(&mut connection).await;
                connection.close().await?;
                done.map(drop)
            }
            Some((_, url)) => {
                let mut connection = PgConnection::connect(url).await?;
                let done = sqlx::raw_sql(sql).execute(&mut connection).await;
                connection.close().await?;
                done.map(drop)
            }
        }
    }

    /// The rows of a query of one text column.
    pub(crate) async fn texts(&self, sql: impl Into<String>) -> Vec<String> {
        let sql = AssertSqlSafe(sql.into());
        match &self.postgres {
            None => {
                let mut connection = self.sqlite().await;
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Some((_, url)) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// All that is kept of contacts, drops, decisions and numbers, one line a row.
    pub(crate) async fn dump(&self) -> Vec<String> {
        self.texts(DUMP).await
    }

    /// The same of a database of the first release, which has a row for each decision.
    pub(crate) async fn dump_of_first_release(&self) -> Vec<String> {
        self.texts(DUMP.replace("|| ' ' || times_held FROM last_decisions", "FROM decisions"))
            .await
    }

    pub(crate) async fn remove(self) {
        if let Some((server, own)) = &self.postgres {
            let name = own.rsplit('/').next().unwrap();
            let mut connection = PgConnection::connect(server).await.unwrap();
            let drop = AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
            sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
        }
    }

    /// A connection to it, past the store.
    pub(crate) async fn postgres(&self) -> PgConnection {
        let (_, url) = self.postgres.as_ref().unwrap();
        PgConnection::connect(url).await.unwrap()
    }

    async fn sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(self.folder().join("aftertone.db"))
            .create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }
}

/// The PostgreSQL server that tests share, started by the first that needs it.
#[derive(Default)]
pub(crate) struct Server {
    running: Mutex<Option<OwnServer>>,
    url: OnceLock<String>,
}

impl Server {
    pub(crate) fn url(&self) -> &str {
        self.url.get_or_init(|| {
            // As a person wants it who looks into the server while the tests run.
            let port = std::env::var("POSTGRES_PORT").ok();
            let server = OwnServer::on("test-store", port.as_deref());
            let url = server.url.clone();
            *self.running.lock().unwrap() = Some(server);
            url
        })
    }

    pub(crate) fn down(&self) {
        drop(self.running.lock().unwrap().take());
    }
}

/// A server of this process's own. One that a test has for itself it may kill.
pub(crate) struct OwnServer {
    name: OwnName,
    pub(crate) url: String,
}

impl OwnServer {
    pub(crate) fn up(name: &str) -> Self {
        Self::on(name, None)
    }

    fn on(name: &str, port: Option<&str>) -> Self {
        let name = OwnName::first_free(&cache().join("postgres"), name).unwrap();
        // What a run that was killed left behind would be of another one's making.
        script(&["down", "--name", name.as_str()]);
        let mut arguments = vec!["up", "--name", name.as_str()];
        if let Some(port) = port {
            arguments.extend(["--port", port]);
        }
        script(&arguments);
        let url = script(&["url", "--name", name.as_str()]);
        Self {
            url: url.trim().to_owned(),
            name,
        }
    }

    /// A hot standby that follows it.
    pub(crate) fn standby(&self) -> Self {
        let name = format!("{}-standby", self.name);
        let name = OwnName::first_free(&cache().join("postgres"), &name).unwrap();
        script(&["down", "--name", name.as_str()]);
        let primary = self.name.to_string();
        script(&["standby", "--name", name.as_str(), "--of", &primary]);
        let url = script(&["url", "--name", name.as_str()]);
        Self {
            url: url.trim().to_owned(),
            name,
        }
    }

    /// Waits until it, as a standby, has replayed all that its primary has written.
    pub(crate) async fn follow(&self, primary: &Self) {
        let mut connection = PgConnection::connect(&primary.url).await.unwrap();
        let written = sqlx::query_scalar("SELECT CAST(pg_current_wal_lsn() AS TEXT)");
        let written: String = written.fetch_one(&mut connection).await.unwrap();
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        for _ in 0..3_000 {
            let replayed =
                sqlx::query_scalar("SELECT pg_last_wal_replay_lsn() >= CAST($1 AS PG_LSN)");
            let replayed = replayed.bind(&written).fetch_one(&mut connection).await;
            if replayed.unwrap() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the standby does not follow");
    }

    /// What kills it at once, from wherever it is called.
    pub(crate) fn killer(&self) -> impl Fn() + Send + 'static {
        let name = self.name.to_string();
        move || {
            script(&["kill", "--name", &name]);
        }
    }

    pub(crate) fn restart(&self) {
        script(&["restart", "--name", self.name.as_str()]);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        script(&["down", "--name", self.name.as_str()]);
    }
}

fn script(arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/db/postgres.sh");
    let mut command = Command::new(path);
    // The server outlives the script and would keep a pipe open.
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let out = command.output().unwrap();
    assert!(out.status.success(), "postgres.sh {}", arguments.join(" "));
    String::from_utf8(out.stdout).unwrap()
}

const DUMP: &str = "SELECT 'contact ' || id || ' ' || stage || ' due ' || coalesce(CAST(due_at AS TEXT), '-') \
    || ' was ' || coalesce(CAST(was_due AS TEXT), '-') || ' by ' || coalesce(holder, '-') || ' attempts ' || attempts \
    || ' ' || coalesce(held, '-') || ' ' || coalesce(outcome, '-') || ' ' || coalesce(refused, '-') AS line FROM contacts \
    UNION ALL SELECT 'drop ' || id || ' of ' || coalesce(CAST(contact AS TEXT), '-') || ' ' || attempt || ' by ' || holder || ' ' \
    || coalesce(outcome, '-') || ' ' || coalesce(CAST(ended_at AS TEXT), '-') FROM drops \
    UNION ALL SELECT 'decision on ' || contact || ' ' || decision || ' ' || reason || ' ' || times_held FROM last_decisions \
    UNION ALL SELECT 'number ' || number || ' ' || version FROM numbers WHERE version > 0 ORDER BY 1";
