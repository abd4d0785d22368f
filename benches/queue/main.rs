//! What it costs to find out whom to call: contacts that calling hours hold, and contacts that are gone from the front of the
//! queue while somebody's snapshot keeps PostgreSQL from forgetting them.
//!
//! | part | what is measured |
//! |---|---|
//! | held | a pass of the queue over contacts that hours hold by place, with a few open ones behind them; beside it, per contact, what it costs to hold each by itself |
//! | dead | a lease before and after many contacts at the front have ended under an open snapshot: the first one of a controller, and those that follow |
//!
//! Compare within one run: the ratios are what counts.
//!
//! `cargo bench --bench queue [-- --quick] [--store sqlite|postgres] [--held N] [--dead N]`

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a benchmark is about the clock")]

#[expect(dead_code, reason = "processor time is no matter here")]
#[path = "../drops/child.rs"]
mod child;
#[expect(dead_code, reason = "processor time is no matter here")]
#[path = "../campaigns/database.rs"]
mod database;
mod dead;
mod held;
mod queue_base;

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use database::{Database, Kind};
use queue_base::QueueBase;

fn main() -> ExitCode {
    match measure(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result<()> {
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let number = |flag: &str, otherwise: usize| {
        value(flag).map_or(Ok(otherwise), |text| {
            text.parse().with_context(|| format!("`{flag} {text}`"))
        })
    };
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let held = number("--held", if is_quick { 20_000 } else { 1_000_000 })?;
    let dead = number("--dead", if is_quick { 10_000 } else { 100_000 })?;
    let kinds = match value("--store") {
        Some("sqlite") => vec![Kind::Sqlite],
        Some(_) => vec![Kind::Postgres],
        None => vec![Kind::Sqlite, Kind::Postgres],
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for kind in kinds {
        let folder = tempfile::tempdir()?;
        let database = Database::new(kind, folder.path())?;
        runtime.block_on(async {
            let base = QueueBase::open(kind, database.url()).await?;
            if held > 0 {
                held::measure(&base, held).await?;
            }
            if dead > 0 && kind == Kind::Postgres {
                dead::measure(&base, dead).await?;
            }
            base.close().await
        })?;
    }
    Ok(())
}
