//! How fast and how frugal the driver is, measured from outside, beside a floor.
//!
//! ```text
//!   bench ──spawns──> fake Asterisk     one process: the PBX, and the clock by which all is measured
//!         ──spawns──> subject           another: aftertone's driver, or the floor
//! ```
//!
//! The floor is a bare loop over the same events that makes the very same requests with the same HTTP client and knows
//! nothing: no state machine, no deadlines, no way out when anything goes wrong. What aftertone costs beyond it is the
//! price of being right. Floor and aftertone take turns on the same machine; each figure is the median of the rounds.
//!
//! `cargo bench --bench drops [-- --quick] [-- --strict]`: `--quick` is one short round, `--strict` exits with 1 if
//! a goal is missed.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a benchmark is about the clock")]

mod aftertone_driver;
mod child;
#[expect(dead_code, reason = "the tests need faults, the benchmark does not")]
#[path = "../../tests/it/fake/mod.rs"]
mod fake;
mod floor;
mod load;
mod measure;
mod process;
mod table;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use load::{LEAD, Load};
use process::{Figures, Pbx};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let done = match process::role(&arguments) {
        Some(role) => role.play().map(|()| true),
        None => compare(has("--quick")).map(|met| met || !has("--strict")),
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

/// Runs all loads and prints the table; whether all goals are met.
fn compare(quick: bool) -> Result<bool> {
    let loads: &[(Load, u32)] = if quick {
        &[(Load::new(200, 300), 1), (Load::new(1_000, 1_000), 1)]
    } else {
        &[
            (Load::new(200, 1_000), 5),
            (Load::new(500, 2_000), 3),
            (Load::new(1_000, 4_000), 3),
        ]
    };
    let mut met = true;
    let mut curve = Vec::new();
    for &(load, rounds) in loads {
        let mut floor = Vec::new();
        let mut aftertone = Vec::new();
        for _ in 0..rounds {
            floor.push(one("floor", load)?);
            aftertone.push(one("aftertone", load)?);
        }
        let (floor, aftertone) = (Figures::median(&floor), Figures::median(&aftertone));
        met &= table::print(load, rounds, &floor, &aftertone);
        curve.push((load, floor, aftertone));
    }
    table::print_curve(&curve);
    Ok(met)
}

/// One subject under one load, with a PBX of its own.
fn one(subject: &str, load: Load) -> Result<Figures> {
    let pbx = Pbx::start()?;
    let figures = pbx
        .measure(subject, load)
        .with_context(|| format!("{subject} at {} drops a second", load.rate))?;
    if figures.delivered != load.drops {
        bail!(
            "{subject} delivered {} of {} drops at {} a second",
            figures.delivered,
            load.drops,
            load.rate
        );
    }
    Ok(figures)
}
