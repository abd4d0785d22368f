//! The figures as Markdown tables, beside the goals.

use crate::{
    alone::{Bare, Driver},
    database::Kind,
    round::Round,
};

/// What came of one length of list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sized {
    pub(crate) contacts: u32,
    /// Rows a second that came in.
    pub(crate) import: f64,
    pub(crate) round: Round,
}

/// What came of one store under full load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sustained {
    pub(crate) kind: Kind,
    pub(crate) contacts: u32,
    pub(crate) round: Round,
    pub(crate) bare: Bare,
}

/// Prints what a drop costs at each length of list; whether the goals are met.
pub(crate) fn print_sizes(kind: Kind, rate: u32, rounds: u32, sizes: &[Sized]) -> bool {
    println!(
        "\n### {kind}: does the list's length show? ({rate} drops a second, median of {rounds} rounds)\n"
    );
    println!(
        "| contacts pending | rows a second imported | start-up (s) | controller, ms of processor a drop | database | both, to the shortest list | controller's memory at start, end, peak (MB) | peak, to the shortest list | the fake PBX's own |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    );
    let Some(shortest) = sizes.first().map(|sized| sized.round) else {
        return true;
    };
    let mut met = true;
    for Sized {
        contacts,
        import,
        round,
    } in sizes
    {
        let cost = round.cost() / shortest.cost();
        let memory = round.memory[2] / shortest.memory[2];
        met &= cost <= FLAT && memory <= FLAT && round.start_up <= START_UP;
        println!(
            "| {contacts} | {import:.0} | {:.2} | {:.2} | {:.2} | {cost:.2} | {} | {memory:.2} | {:.2} |",
            round.start_up,
            round.controller,
            round.database,
            memories(round),
            round.pbx
        );
    }
    let word = word(met);
    println!(
        "\nGoals: at most {FLAT} times the shortest list's, start-up within {START_UP} s: {word}."
    );
    met
}

/// Prints what one controller sustains; whether the goals are met.
pub(crate) fn print_sustained(driver: &Driver, all: &[Sustained]) -> bool {
    println!("\n### Sustained\n");
    let heads = all
        .iter()
        .map(|one| format!("{}, {} contacts", one.kind, one.contacts));
    let heads: Vec<String> = heads.collect();
    println!("| | the driver alone | {} | goal |", heads.join(" | "));
    println!("|---|---:|{}---|", "---:|".repeat(all.len()));
    let row = |name: &str, driver: String, figure: &dyn Fn(&Sustained) -> String, goal: &str| {
        let cells: Vec<String> = all.iter().map(figure).collect();
        println!("| {name} | {driver} | {} | {goal} |", cells.join(" | "));
    };
    row(
        "drops a second",
        format!("{:.1}", driver.rate),
        &|one| format!("{:.1}", one.round.rate),
        &format!("at least {RATE}"),
    );
    row(
        "fewest and most within a second",
        format!("{}, {}", driver.least_in_a_second, driver.most_in_a_second),
        &|one| {
            format!(
                "{}, {}",
                one.round.least_in_a_second, one.round.most_in_a_second
            )
        },
        "",
    );
    row(
        "in flight",
        driver.in_flight.to_string(),
        &|one| one.round.in_flight.to_string(),
        "",
    );
    row(
        "controller, ms of processor a drop",
        format!("{:.2}", driver.cpu),
        &|one| format!("{:.2}", one.round.controller),
        "",
    );
    row(
        "database, ms of processor a drop",
        String::new(),
        &|one| format!("{:.2}", one.round.database),
        "",
    );
    row(
        "both, to the driver alone",
        "1".into(),
        &|one| format!("{:.2}", one.round.cost() / driver.cpu),
        "",
    );
    row(
        "the fake PBX's own, ms of processor a drop",
        format!("{:.2}", driver.pbx),
        &|one| format!("{:.2}", one.round.pbx),
        "",
    );
    row(
        "controller's memory at start, end, peak (MB)",
        format!("{:.1}, , {:.1}", driver.memory[0], driver.memory[1]),
        &|one| memories(&one.round),
        &format!("the end at most {FLAT} times the start"),
    );
    row(
        "the store alone: drops a second written, ms of processor a drop",
        String::new(),
        &|one| format!("{:.0}, {:.2}", one.bare.rate, one.bare.cost),
        "",
    );
    let met = all
        .iter()
        .all(|one| one.round.rate >= RATE && one.round.memory[1] <= FLAT * one.round.memory[0]);
    println!("\nGoals: {}.", word(met));
    met
}

impl Round {
    /// What a drop costs the controller and the database together.
    fn cost(&self) -> f64 {
        self.controller + self.database
    }
}

fn memories(round: &Round) -> String {
    let [start, end, peak] = round.memory;
    format!("{start:.1}, {end:.1}, {peak:.1}")
}

const fn word(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// Drops a second that one controller is to sustain.
const RATE: f64 = 500.0;

/// How much more counts as flat: what two runs of the same thing differ by on a machine that does other work, too.
const FLAT: f64 = 1.25;

/// How long a start may take, in seconds.
const START_UP: f64 = 2.0;
