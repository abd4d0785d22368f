//! The table, and what is said below it.

use std::fmt::Write as _;

use crate::{
    score::{Record, Score, Share, quantile},
    system::System,
    watcher::Load,
};

/// Everything that is measured of one corpus.
pub(crate) struct Sheet {
    pub(crate) corpus: String,
    pub(crate) records: Vec<Record>,
    pub(crate) load: Load,
}

type Cell = fn(&Score) -> Option<f64>;

/// What a row says, how to read its value, its decimals, and the goal.
#[rustfmt::skip]
const ROWS: &[(&str, Cell, usize, &str)] = &[
    ("beeps heard (%)", |score| score.beeps?.percent(), 1, ">= 98"),
    ("beeps heard that are none, a minute of greeting", |score| score.false_a_minute, 2, "<= 0.1"),
    ("error of a beep's end, p90 (ms)", |score| Some(1e3 * quantile(&score.beep_end, 0.9)?), 0, "<= 30"),
    ("messages to machines whose start is not recorded (%)", |score| score.cut.percent(), 1, "<= 2"),
    ("machines with an intact message after at most 2.5 s (%)", |score| score.intact.percent(), 1, ">= 85"),
    ("dead air before the message, p50 (s)", |score| quantile(&score.dead_air, 0.5), 2, "<= 0.4"),
    ("dead air before the message, p90 (s)", |score| quantile(&score.dead_air, 0.9), 2, "<= 2.1"),
    ("people who hear any of it, business greetings left out (%)", |score| score.people.percent(), 1, "<= 2"),
    ("people who hear any of it (%)", |score| score.business.percent(), 1, "<= 8"),
    ("fax and intercept tones named (%)", |score| named(score), 1, ">= 95"),
    ("fax and intercept tones played to (%)", |score| score.tones_played_to.percent(), 1, "0"),
    ("fax, intercept, menu, full mailbox, silence played to (%)", |score| score.others_played_to.percent(), 1, ""),
    ("a person is let go after the first turn, p50 (s)", |score| quantile(&score.let_go, 0.5), 2, "<= 1.6"),
    ("a person is let go after the first turn, p90 (s)", |score| quantile(&score.let_go, 0.9), 2, "<= 3"),
];

/// The scores of all systems as Markdown: all corpora pooled, and in brackets the range of the single ones.
pub(crate) fn markdown(sheets: &[Sheet]) -> String {
    let all: Vec<Record> = sheets
        .iter()
        .flat_map(|sheet| sheet.records.iter().cloned())
        .collect();
    let systems: Vec<System> = System::ALL
        .into_iter()
        .filter(|system| all.iter().any(|record| record.system == *system))
        .collect();
    let pooled: Vec<Score> = systems
        .iter()
        .map(|system| Score::of(&all, *system))
        .collect();
    let single: Vec<Vec<Score>> = systems
        .iter()
        .map(|system| {
            sheets
                .iter()
                .map(|sheet| Score::of(&sheet.records, *system))
                .collect()
        })
        .collect();
    let mut text = String::from("| |");
    for system in &systems {
        let _ = write!(text, " {} |", system.title());
    }
    text.push_str(" goal |\n|---|");
    text.push_str(&"---:|".repeat(systems.len() + 1));
    text.push('\n');
    for (name, cell, decimals, goal) in ROWS {
        let _ = write!(text, "| {name} |");
        for (score, single) in pooled.iter().zip(&single) {
            let _ = write!(text, " {} |", value(score, single, *cell, *decimals));
        }
        let _ = writeln!(text, " {goal} |");
    }
    let _ = writeln!(text);
    for sheet in sheets {
        let _ = writeln!(text, "{}", sheet.summary());
    }
    text
}

fn value(pooled: &Score, single: &[Score], cell: Cell, decimals: usize) -> String {
    let Some(value) = cell(pooled) else {
        return "-".to_owned();
    };
    let values: Vec<f64> = single.iter().filter_map(cell).collect();
    let shown = |value: f64| format!("{value:.decimals$}");
    let (least, most) = (
        values.iter().copied().fold(value, f64::min),
        values.iter().copied().fold(value, f64::max),
    );
    if values.len() < 2 {
        shown(value)
    } else {
        format!("{} ({} to {})", shown(value), shown(least), shown(most))
    }
}

/// No system is asked to name what it has no word for.
fn named(score: &Score) -> Option<f64> {
    score.beeps?;
    score.named.percent()
}

impl Sheet {
    /// What was rung, and how the machine bore it.
    fn summary(&self) -> String {
        let count = |system: System| {
            self.records
                .iter()
                .filter(|record| record.system == system)
                .count()
        };
        let deaf = self
            .records
            .iter()
            .filter(|record| record.told.deaf.is_some())
            .count();
        let delays: Vec<f64> = self
            .records
            .iter()
            .filter_map(|record| record.delay_s)
            .collect();
        let played: Vec<&Record> = self
            .records
            .iter()
            .filter(|record| record.last_s.is_some())
            .collect();
        let slipped = Share {
            of: played.len(),
            n: played.iter().filter(|record| record.slip_s >= 0.02).count(),
        };
        let failed = self
            .records
            .iter()
            .filter(|record| !record.answered)
            .count();
        let lost = self
            .records
            .iter()
            .filter(|record| record.answered && record.origin_s.is_none())
            .count();
        let ms = |share| {
            quantile(&delays, share)
                .map_or_else(|| "-".to_owned(), |delay| format!("{:.0} ms", 1e3 * delay))
        };
        format!(
            "{}: {} calls in {:.0} s; {} processors, {:.0} % busy, load average at most {:.1}; {} echoes came back after {} (p50) and at most {}; \
             {} of {} messages slipped by a packet; taps lost: {deaf}; calls that failed: {failed}; items not found in the carrier's recording: {lost}",
            self.corpus,
            self.records.len() - count(System::Echo),
            self.load.seconds,
            self.load.processors,
            100.0 * self.load.busy,
            self.load.load,
            count(System::Echo),
            ms(0.5),
            ms(1.0),
            slipped.n,
            slipped.of,
        )
    }
}
