//! The tables, and what is said below them.

mod curve;
mod detail;
mod figure;

use std::{collections::BTreeSet, fmt::Write as _};

pub(crate) use self::curve::curve;
use self::figure::{Figure, Row};
use crate::{
    score::{Column, Record, Score, Share, quantile},
    system::System,
    watcher::Load,
};

/// Everything that is measured of one corpus.
pub(crate) struct Sheet {
    pub(crate) corpus: String,
    /// The share of machines that it was made with that have no beep, in percent.
    pub(crate) no_beep: Option<f64>,
    pub(crate) records: Vec<Record>,
    /// What the machine had to bear; `None` if nothing was rung.
    pub(crate) load: Option<Load>,
}

/// Each row of the first table: what it says, its figure, and the goal.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row("people who hear any of it, business greetings left out (%)", Figure::Percent(|score| Some(score.people)), "<= 0.5"),
    Row("people who hear any of it (%)", Figure::Percent(|score| Some(score.business)), "<= 1"),
    Row("people taken for machines (%)", Figure::Percent(|score| Some(score.taken)), "<= 3"),
    Row("menu, full mailbox, silence, screening, out of service, hold played to (%)", Figure::Percent(|score| Some(score.others_played_to)), "<= 3"),
    Row("the same, prompt heard before (%)", Figure::Percent(|score| Some(score.others_again)), ""),
    Row("machines with a beep: intact message after at most 2.5 s (%)", Figure::Percent(|score| Some(score.with_beep)), ">= 95"),
    Row("all machines, first call: intact message after at most 2.5 s (%)", Figure::Percent(|score| Some(score.intact)), ">= 86"),
    Row("all machines, prompt heard before: the same (%)", Figure::Percent(|score| Some(score.again)), ">= 94"),
    Row("machines without a beep: the same (%)", Figure::Percent(|score| Some(score.without_beep)), ""),
    Row("messages to machines that start early (%)", Figure::Percent(|score| Some(score.cut)), "<= 1"),
    Row("ringback behind an announcement taken for a beep", Figure::Count(|score| score.ringback_taken), "0 of 60"),
    Row("ringback behind an announcement reported as a beep", Figure::Count(|score| score.ringback_reported), ""),
    Row("ringback behind an announcement played to", Figure::Count(|score| Some(score.ringback_played_to)), ""),
    Row("dead air before the message, p50 (s)", Figure::Quantile(|score| &score.dead_air, 0.5, 1.0, 2), "<= 0.3"),
    Row("dead air before the message, p90 (s)", Figure::Quantile(|score| &score.dead_air, 0.9, 1.0, 2), "<= 1.5"),
    Row("a person is let go after the first turn, p50 (s)", Figure::Quantile(|score| &score.let_go, 0.5, 1.0, 2), "<= 1.5"),
    Row("a person is let go after the first turn, p90 (s)", Figure::Quantile(|score| &score.let_go, 0.9, 1.0, 2), "<= 2.7"),
    Row("beeps heard (%)", Figure::Percent(|score| score.beeps), ">= 98"),
    Row("beeps heard that are none, a minute of greeting", Figure::Rate(Score::false_a_minute, |score| score.false_beeps), "<= 0.1"),
    Row("error of a beep's end, p90 (ms)", Figure::Quantile(|score| &score.beep_end, 0.9, 1e3, 0), "<= 30"),
    Row("fax and intercept tones named (%)", Figure::Percent(named), ">= 95"),
    Row("fax and intercept tones played to (%)", Figure::Percent(|score| Some(score.tones_played_to)), "0"),
];

/// No system is asked to name what it has no word for.
fn named(score: &Score) -> Option<Share> {
    score.beeps?;
    Some(score.named)
}

/// The scores of all systems as Markdown: all corpora pooled, and in brackets the range of the single ones and the number of calls.
/// `streams` is how many streams a core hears, if that was measured.
pub(crate) fn markdown(sheets: &[Sheet], streams: Option<u64>) -> String {
    let all: Vec<Record> = sheets
        .iter()
        .flat_map(|sheet| sheet.records.iter().cloned())
        .collect();
    let columns = columns(&all);
    let pooled: Vec<Score> = columns
        .iter()
        .map(|column| Score::of(&all, column))
        .collect();
    let single: Vec<Vec<Score>> = columns
        .iter()
        .map(|column| {
            sheets
                .iter()
                .map(|sheet| Score::of(&sheet.records, column))
                .collect()
        })
        .collect();
    let mut text = String::new();
    if sheets.iter().any(|sheet| sheet.load.is_none()) {
        text.push_str(OFFLINE);
    }
    text.push_str(&head(&columns, true));
    for Row(name, figure, goal) in ROWS {
        let cells: Vec<String> = pooled
            .iter()
            .zip(&single)
            .map(|(score, single)| figure.cell(score, single))
            .collect();
        line(&mut text, name, &cells, Some(goal));
    }
    let heard = |column: &Column| match streams {
        Some(streams) if column.system.has_ears() => streams.to_string(),
        Some(_) | None => figure::NOTHING.to_owned(),
    };
    let cells: Vec<String> = columns.iter().map(heard).collect();
    line(
        &mut text,
        "streams a core (`cargo bench --bench ears`)",
        &cells,
        Some(">= 2000"),
    );
    let _ = writeln!(text, "\nBy kind and by noise, so many of so many:\n");
    text.push_str(&detail::markdown(&all, &columns));
    let _ = writeln!(text);
    for sheet in sheets {
        let _ = writeln!(text, "{}", sheet.summary());
    }
    text
}

/// What there is a column of, in order; the echo is none.
fn columns(records: &[Record]) -> Vec<Column> {
    let there: BTreeSet<Column> = records
        .iter()
        .map(Record::column)
        .filter(|column| System::ALL.contains(&column.system))
        .collect();
    there.into_iter().collect()
}

/// The head of a table.
fn head(columns: &[Column], has_goal: bool) -> String {
    let mut text = String::from("| |");
    for column in columns {
        let _ = write!(text, " {} |", column.title());
    }
    text.push_str(if has_goal {
        " goal |\n|---|"
    } else {
        "\n|---|"
    });
    text.push_str(&"---:|".repeat(columns.len() + usize::from(has_goal)));
    text.push('\n');
    text
}

/// A line of a table.
fn line(text: &mut String, name: &str, cells: &[String], goal: Option<&str>) {
    let _ = write!(text, "| {name} |");
    for cell in cells.iter().map(String::as_str).chain(goal) {
        let _ = write!(text, " {cell} |");
    }
    text.push('\n');
}

impl Sheet {
    /// What was rung, and how the machine bore it.
    fn summary(&self) -> String {
        let no_beep = self.no_beep.map_or_else(String::new, |share| {
            format!(" ({share} % of the machines without a beep)")
        });
        let Some(load) = self.load else {
            return format!(
                "{}{no_beep}: {} calls heard offline",
                self.corpus,
                self.records.len()
            );
        };
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
            "{}{no_beep}: {} calls in {:.0} s; {} processors, {:.0} % busy, load average at most {:.1}; {} echoes came back after {} (p50) and at most {}; \
             {} of {} messages slipped by a packet; taps lost: {deaf}; calls that failed: {failed}; items not found in the carrier's recording: {lost}",
            self.corpus,
            self.records.len() - count(System::Echo),
            load.seconds,
            load.processors,
            100.0 * load.busy,
            load.load,
            count(System::Echo),
            ms(0.5),
            ms(1.0),
            slipped.n,
            slipped.of,
        )
    }
}

/// What is said above a table of calls that were not rung.
const OFFLINE: &str = "Offline: the ears alone, over the sound of the calls as it was composed; no telephone network, no peers, and none of the network's delay.\n\n";
