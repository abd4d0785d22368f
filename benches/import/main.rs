//! How fast a list comes into the store, and in how much memory, beside floors that do less.
//!
//! Each subject is a process of its own, on the same list: 1,000,000 rows of nine columns, their numbers all different and in
//! no order, as an export of a customer database has them.
//!
//! | subject | what it does |
//! |---|---|
//! | `csv` | a bare loop of the `csv` crate: rows are split and forgotten |
//! | `survey` | our reader alone, with its limits, and the digest |
//! | `rows` | all that is done before the store, on one core: numbers, zones, consents |
//! | `sqlite3` | the shell's `.import` into a table of texts with a unique number, if it is installed: nothing is checked |
//! | `aftertone sqlite`, `aftertone postgres` | `import`, durable, with how far it is in every transaction |
//! | the same with `+` | while another process adds an opt-out twenty times a second: the longest that one took |
//!
//! `cargo bench --bench import [-- --rows N] [--postgres URL] [--only SUBJECT] [--strict]`: the database of the URL has to be
//! empty; `--strict` exits with 1 if a goal is missed.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a benchmark is about the clock")]

mod list;
mod subject;

use std::{
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};

use subject::{Figures, Subject};

/// Rows a second on two cores, into SQLite and into PostgreSQL.
const GOAL_SQLITE: f64 = 100_000.0;
const GOAL_POSTGRES: f64 = 60_000.0;

/// How long an opt-out may take beside an import, in seconds.
const GOAL_WAIT: f64 = 0.25;

/// Most memory of the whole program, in MB of 10^6 bytes.
const GOAL_MEMORY: f64 = 64.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match subject::asked(&arguments) {
        Some(asked) => asked.and_then(|asked| asked.run()).map(|figures| {
            println!("{}", figures.line());
            true
        }),
        None => compare(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all subjects and prints the table; whether the goals are met, or not asked for.
fn compare(arguments: &[String]) -> Result<bool> {
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let rows: u64 = after("--rows")
        .unwrap_or("1000000")
        .parse()
        .context("--rows N")?;
    let only = after("--only");
    let folder = tempfile::tempdir()?;
    let list = folder.path().join("list.csv");
    let size = list::write(&list, rows)?;
    println!("{rows} rows, {:.1} MB\n", megabytes(size));
    println!(
        "subject              seconds    rows/s   MB/s   peak MB   of csv   longest opt-out (ms)"
    );

    let mut floor = None;
    let mut met = true;
    for subject in Subject::all(after("--postgres")) {
        if only.is_some_and(|only| !subject.name().contains(only)) {
            continue;
        }
        let Some(figures) = run(&subject, &list)? else {
            println!("{:<20} is not installed", subject.name());
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let rate = rows as f64 / figures.seconds;
        let floor = *floor.get_or_insert(figures.seconds);
        println!(
            "{:<20} {:>7.2} {:>9.0} {:>6.1} {:>9} {:>7.1}x {:>9}",
            subject.name(),
            figures.seconds,
            rate,
            megabytes(size) / figures.seconds,
            figures
                .peak_mb
                .map_or_else(|| "-".to_owned(), |peak| format!("{peak:.1}")),
            figures.seconds / floor,
            figures
                .longest_wait
                .map_or_else(|| "-".to_owned(), |wait| format!("{:.0}", wait * 1e3)),
        );
        met &= match subject {
            Subject::Sqlite => {
                rate >= GOAL_SQLITE && figures.peak_mb.is_some_and(|peak| peak <= GOAL_MEMORY)
            }
            Subject::Postgres(_) => rate >= GOAL_POSTGRES,
            Subject::SqliteBeside | Subject::PostgresBeside(_) => {
                figures.longest_wait.is_some_and(|wait| wait <= GOAL_WAIT)
            }
            Subject::Csv | Subject::Fingerprint | Subject::Rows | Subject::Shell => true,
        };
    }
    let word = if met { "met" } else { "MISSED" };
    println!(
        "\ngoals: {GOAL_SQLITE:.0} rows/s into SQLite within {GOAL_MEMORY:.0} MB, {GOAL_POSTGRES:.0} into PostgreSQL, \
         an opt-out within {:.0} ms: {word}",
        GOAL_WAIT * 1e3
    );
    Ok(met || !arguments.iter().any(|argument| argument == "--strict"))
}

/// Runs a subject in a process of its own; `None` if what it needs is not there.
fn run(subject: &Subject, list: &Path) -> Result<Option<Figures>> {
    let folder = tempfile::tempdir()?;
    if matches!(subject, Subject::Shell) {
        return subject::shell(list, folder.path());
    }
    let output = Command::new(std::env::current_exe()?)
        .args(subject.arguments(list, folder.path()))
        .output()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{}: {told}{}",
            subject.name(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Figures::parse(told.trim()).map(Some)
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let bytes = bytes as f64;
    bytes / 1e6
}
