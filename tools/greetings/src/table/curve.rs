//! The curve where goals fight: what settings and shares of machines without a beep make of the four figures that pull at each other.

use std::fmt::Write as _;

use super::{
    Sheet, columns,
    figure::{Figure, NOTHING},
};
use crate::score::{Record, Score};

#[rustfmt::skip]
const FIGURES: &[(&str, Figure)] = &[
    ("people hear it, no business (%)", Figure::Percent(|score| Some(score.people))),
    ("people hear it, all (%)", Figure::Percent(|score| Some(score.business))),
    ("people taken for machines (%)", Figure::Percent(|score| Some(score.taken))),
    ("others played to (%)", Figure::Percent(|score| Some(score.others_played_to))),
    ("machines without a beep, intact (%)", Figure::Percent(|score| Some(score.without_beep))),
    ("all machines, intact (%)", Figure::Percent(|score| Some(score.intact))),
    ("started early (%)", Figure::Percent(|score| Some(score.cut))),
    ("dead air p50 (s)", Figure::Quantile(|score| &score.dead_air, 0.5, 1.0, 2)),
    ("dead air p90 (s)", Figure::Quantile(|score| &score.dead_air, 0.9, 1.0, 2)),
    ("let go p50 (s)", Figure::Quantile(|score| &score.let_go, 0.5, 1.0, 2)),
    ("let go p90 (s)", Figure::Quantile(|score| &score.let_go, 0.9, 1.0, 2)),
];

/// A line for each column and each share of machines without a beep, all seeds pooled; `tables` are of one share each.
pub(crate) fn curve(tables: &[(Option<f64>, Vec<Sheet>)]) -> String {
    let mut text = String::from("| | no beep (%) |");
    for (name, _) in FIGURES {
        let _ = write!(text, " {name} |");
    }
    let _ = write!(text, "\n|---|{}\n", "---:|".repeat(FIGURES.len() + 1));
    let pooled: Vec<(String, Vec<Record>)> = tables
        .iter()
        .map(|(share, sheets)| {
            let records = sheets
                .iter()
                .flat_map(|sheet| sheet.records.iter().cloned());
            let share = share.map_or_else(|| NOTHING.to_owned(), |share| share.to_string());
            (share, records.collect())
        })
        .collect();
    let Some((_, first)) = pooled.first() else {
        return text;
    };
    for column in columns(first) {
        for (share, records) in &pooled {
            let score = Score::of(records, &column);
            let _ = write!(text, "| {} | {share} |", column.title());
            for (_, figure) in FIGURES {
                let _ = write!(text, " {} |", figure.plain(&score));
            }
            text.push('\n');
        }
    }
    text
}
