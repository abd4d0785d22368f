//! The databases: SQLite in a file, and PostgreSQL with a server of its own for each list.

use std::{
    fmt, fs,
    net::TcpListener,
    path::Path,
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use aftertone::store::DatabaseAddress;
use anyhow::{Context, Result, ensure};
use sqlx::{Connection as _, PgConnection};

use crate::child;

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A database that nobody else uses. It ends with its handle.
pub(crate) struct Database {
    url: String,
    server: Option<Server>,
}

impl Database {
    pub(crate) fn new(kind: Kind, folder: &Path) -> Result<Self> {
        match kind {
            Kind::Sqlite => Ok(Self {
                url: format!("sqlite:{}", folder.join("aftertone.db").display()),
                server: None,
            }),
            Kind::Postgres => {
                let server = Server::start()?;
                Ok(Self {
                    url: server.url()?,
                    server: Some(server),
                })
            }
        }
    }

    /// As `store.url` has it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Processor seconds that it has used beside the program: none where it is part of it.
    pub(crate) fn cpu(&self) -> Result<f64> {
        self.server.as_ref().map_or(Ok(0.0), Server::cpu)
    }

    /// Does at once what a server does some time after many rows have come in, so that it does not fall into a measurement.
    pub(crate) fn settle(&self) -> Result<()> {
        if self.server.is_none() {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url).await?;
            for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
                sqlx::raw_sql(statement).execute(&mut connection).await?;
            }
            Ok(connection.close().await?)
        })
    }
}

/// Where a URL points.
pub(crate) fn place(url: &str) -> DatabaseAddress {
    match url.strip_prefix("sqlite:") {
        Some(file) => DatabaseAddress::Sqlite(file.into()),
        None => DatabaseAddress::Postgres(url.into()),
    }
}

/// A PostgreSQL server as Debian's package has it, every setting by default.
struct Server {
    name: String,
    /// The process whose children do the work.
    first: u32,
}

impl Server {
    fn start() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench-{}-{nth}", process::id());
        // Free a moment ago, and nobody else picks among the free ones in order.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        script(&["up", "--name", &name, "--port", &port.to_string()])?;
        let first = first_process(port)?;
        Ok(Self { name, first })
    }

    fn url(&self) -> Result<String> {
        script(&["url", "--name", &self.name])
    }

    /// Those of its processes that live, and of those that have ended.
    fn cpu(&self) -> Result<f64> {
        // utime, stime, and what ended children have used.
        let mut ticks = child::ticks(self.first, 11, 4)?;
        for process in processes()? {
            let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else {
                continue;
            };
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
            if parent.and_then(|id| id.trim().parse().ok()) == Some(self.first) {
                // It may have ended since: then it is among those that have.
                ticks += child::ticks(process, 11, 2).unwrap_or_default();
            }
        }
        Ok(ticks / 100.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it fails a server is left, and its name says whose it was.
        let _ = script(&["down", "--name", &self.name]);
    }
}

/// Runs the script that has servers for tests; returns what it says.
fn script(arguments: &[&str]) -> Result<String> {
    let done = Command::new("tests/db/postgres.sh")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .context("cannot run tests/db/postgres.sh")?;
    ensure!(
        done.status.success(),
        "tests/db/postgres.sh {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}

/// The first process of the server on a port.
fn first_process(port: u16) -> Result<u32> {
    let port = port.to_string();
    let found = processes()?.into_iter().find(|process| {
        let line = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let mut words = line.split('\0');
        let is_server = words
            .next()
            .is_some_and(|first| first.ends_with("/postgres"));
        is_server && line.contains(&format!("\0-p\0{port}\0"))
    });
    found.context("the server's first process is not found")
}

fn processes() -> Result<Vec<u32>> {
    let folders = fs::read_dir("/proc")?.filter_map(Result::ok);
    let ids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    Ok(ids.collect())
}
