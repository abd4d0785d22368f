//! What grows with the number of contacts, and what waits if many controllers write.
//!
//! One database of each kind grows to 100,000, 1,000,000 and 10,000,000 contacts, which statements make: due ones, held ones,
//! some to be tried again, a tenth that have ended with a drop each, and some refused. At each size it is measured how long it
//! takes to open it, to tally the campaign, to read what it waits for, to run `campaign status`, and to do all that a
//! controller does in the store before it dials. Beside them are the same figures from the rows themselves, as they were
//! counted before there were counts.
//!
//! Then, on PostgreSQL, fifty writers of intents run without a pause, while numbers are barred and the campaign is paused and
//! resumed: with shared rows, as it was before, and with locks that queue, the same statements but for those; and the store
//! itself. The first two ways take minutes, because nobody gets in; `--only store` leaves them out.
//!
//! `cargo bench --bench growth [-- --contacts N,N,.. ] [--store sqlite|postgres] [--only counts|locks|store]`. 10,000,000
//! contacts take some 3 GB of disk.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a benchmark is about the clock")]

#[expect(dead_code, reason = "here only processors are asked for")]
#[path = "../drops/child.rs"]
mod child;
mod counts;
#[expect(dead_code, reason = "here nothing is asked of processors")]
#[path = "../campaigns/database.rs"]
mod database;
mod locks;

use anyhow::{Context as _, Result, bail};

use database::{Database, Kind};

#[tokio::main]
async fn main() -> Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok()
        .context("TLS")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let kinds = match value("--store") {
        Some("sqlite") => vec![Kind::Sqlite],
        Some("postgres") => vec![Kind::Postgres],
        Some(other) => bail!("--store is `{other}`; expected sqlite or postgres"),
        None => vec![Kind::Sqlite, Kind::Postgres],
    };
    let sizes = value("--contacts").unwrap_or("100000,1000000,10000000");
    let sizes: Vec<u64> = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let only = value("--only");
    for kind in &kinds {
        if !matches!(only, Some("locks" | "store")) {
            counts::measure(*kind, &sizes).await?;
        }
    }
    if only != Some("counts") && kinds.contains(&Kind::Postgres) {
        locks::measure(only == Some("store")).await?;
    }
    Ok(())
}

/// A folder and a database in it.
fn fresh(kind: Kind) -> Result<(tempfile::TempDir, Database)> {
    let folder = tempfile::tempdir()?;
    let database = Database::new(kind, folder.path())?;
    Ok((folder, database))
}
