//! The databases: SQLite in a file, and PostgreSQL with a server of its own for each list.

use std::{fmt, fs, path::Path, process::Command, time::Duration};

use aftertone::{
    campaign::pace::Rate,
    id::RunName,
    store::{DatabaseAddress, Registration},
};
use aftertone_lab::own::{OwnName, cache};
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

/// A database of its own. It ends with its handle.
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

    /// Processor seconds that it has used beside the program: none if it is part of it.
    pub(crate) fn cpu(&self) -> Result<f64> {
        self.server.as_ref().map_or(Ok(0.0), Server::cpu)
    }

    /// Does at once what a server does some time after many rows have come in, so that it does not fall into a measurement.
    pub(crate) fn settle(&self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.settle_all())
    }

    /// The same, in a runtime.
    pub(crate) async fn settle_all(&self) -> Result<()> {
        if self.server.is_none() {
            return Ok(());
        }
        let mut connection = PgConnection::connect(&self.url).await?;
        for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }
}

/// The store that a URL names.
pub(crate) fn place(url: &str) -> DatabaseAddress {
    match url.strip_prefix("sqlite:") {
        Some(file) => DatabaseAddress::Sqlite(file.into()),
        None => DatabaseAddress::Postgres(url.into()),
    }
}

/// A PostgreSQL server as Debian's package has it, every setting by default.
struct Server {
    name: OwnName,
    /// The process whose children do the work.
    first: u32,
}

impl Server {
    fn start() -> Result<Self> {
        let name = OwnName::first_free(&cache().join("postgres"), "bench")?;
        // What a run that was killed has left.
        script(&["down", "--name", name.as_str()])?;
        script(&["up", "--name", name.as_str()])?;
        let url = script(&["url", "--name", name.as_str()])?;
        let first = first_process(port(&url)?)?;
        Ok(Self { name, first })
    }

    fn url(&self) -> Result<String> {
        script(&["url", "--name", self.name.as_str()])
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
        // If it fails, the next server of this name ends this one.
        let _ = script(&["down", "--name", self.name.as_str()]);
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

fn port(url: &str) -> Result<u16> {
    let (_, port) = url.rsplit_once(':').context("an address without a port")?;
    Ok(port.split('/').next().unwrap_or_default().parse()?)
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

/// A controller of this name, with a trunk of its own that stops nothing.
pub(crate) fn registration(name: &str) -> Result<Registration> {
    Ok(Registration {
        run: RunName::unique(name)?,
        pbx: name.to_owned(),
        identity: name.to_owned(),
        marker: None,
        trunk: name.to_owned(),
        rate: Rate::new(Rate::MOST_STARTS, Duration::from_secs(1)).context("a rate")?,
        in_flight: 1_000_000,
        is_single: false,
    })
}
