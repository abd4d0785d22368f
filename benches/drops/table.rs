//! The figures as a Markdown table, beside the goals.

use crate::{Load, process::Figures};

/// Prints one load's table; whether its goals are met.
pub(crate) fn print(load: Load, rounds: u32, floor: &Figures, aftertone: &Figures) -> bool {
    let memory_goal = 20.0 + 0.01 * f64::from(aftertone.in_flight);
    let rows = [
        Row::beside(
            "alerting to hang-up, p50",
            "ms",
            floor.hang_up.0,
            aftertone.hang_up.0,
            Some(1.3),
        ),
        Row::beside(
            "alerting to hang-up, p99",
            "ms",
            floor.hang_up.1,
            aftertone.hang_up.1,
            Some(2.0),
        ),
        Row::beside(
            "ready to play, p50",
            "ms",
            floor.play.0,
            aftertone.play.0,
            None,
        ),
        Row::beside(
            "ready to play, p99",
            "ms",
            floor.play.1,
            aftertone.play.1,
            None,
        ),
        Row::beside(
            "error of the lead, p50",
            "ms",
            floor.lead.0,
            aftertone.lead.0,
            None,
        ),
        Row::below(
            "error of the lead, p99",
            "ms",
            floor.lead.1,
            aftertone.lead.1,
            3.0,
        ),
        Row::beside(
            "processor time per 1,000 drops",
            "s",
            floor.cpu,
            aftertone.cpu,
            Some(1.5),
        ),
        Row::beside(
            "the fake PBX's own",
            "s",
            floor.pbx_cpu,
            aftertone.pbx_cpu,
            None,
        ),
        Row::beside(
            "memory at start",
            "MB",
            floor.memory_at_start,
            aftertone.memory_at_start,
            None,
        ),
        Row::below(
            "memory at peak",
            "MB",
            floor.memory_at_peak,
            aftertone.memory_at_peak,
            memory_goal,
        ),
    ];
    println!(
        "\n### {} drops a second, {} drops, {} in flight (median of {rounds} rounds)\n",
        load.rate, load.drops, aftertone.in_flight
    );
    println!("| | floor | aftertone | ratio | goal | |\n|---|---:|---:|---:|---:|---|");
    for row in &rows {
        row.print();
    }
    rows.iter().all(Row::met)
}

/// Prints what a drop costs at each load.
pub(crate) fn print_curve(curve: &[(Load, Figures, Figures)]) {
    println!("\n### Cost per drop\n");
    println!(
        "| drops a second | in flight | floor, ms of processor | aftertone | KB of memory a drop in flight |"
    );
    println!("|---:|---:|---:|---:|---:|");
    for (load, floor, aftertone) in curve {
        let grown = aftertone.memory_at_peak - aftertone.memory_at_start;
        println!(
            "| {} | {} | {:.2} | {:.2} | {:.1} |",
            load.rate,
            aftertone.in_flight,
            floor.cpu,
            aftertone.cpu,
            1_000.0 * grown / f64::from(aftertone.in_flight.max(1))
        );
    }
}

struct Row {
    name: &'static str,
    unit: &'static str,
    floor: f64,
    aftertone: f64,
    goal: Goal,
}

enum Goal {
    None,
    /// At most so many times the floor's.
    Times(f64),
    /// At most this.
    AtMost(f64),
}

impl Row {
    fn beside(
        name: &'static str,
        unit: &'static str,
        floor: f64,
        aftertone: f64,
        times: Option<f64>,
    ) -> Self {
        Self {
            name,
            unit,
            floor,
            aftertone,
            goal: times.map_or(Goal::None, Goal::Times),
        }
    }

    fn below(
        name: &'static str,
        unit: &'static str,
        floor: f64,
        aftertone: f64,
        most: f64,
    ) -> Self {
        Self {
            goal: Goal::AtMost(most),
            ..Self::beside(name, unit, floor, aftertone, None)
        }
    }

    fn met(&self) -> bool {
        match self.goal {
            Goal::None => true,
            Goal::Times(times) => self.aftertone <= times * self.floor,
            Goal::AtMost(most) => self.aftertone <= most,
        }
    }

    fn print(&self) {
        let goal = match self.goal {
            Goal::None => String::new(),
            Goal::Times(times) => format!("{times} x"),
            Goal::AtMost(most) => format!("{most:.1} {}", self.unit),
        };
        let word = match (&self.goal, self.met()) {
            (Goal::None, _) => "",
            (Goal::Times(_) | Goal::AtMost(_), true) => "met",
            (Goal::Times(_) | Goal::AtMost(_), false) => "missed",
        };
        let ratio = self.aftertone / self.floor;
        let (name, unit) = (self.name, self.unit);
        println!(
            "| {name} ({unit}) | {:.3} | {:.3} | {ratio:.2} | {goal} | {word} |",
            self.floor, self.aftertone
        );
    }
}
