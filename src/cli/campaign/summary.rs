//! The results of a campaign as counts, and its outcomes over time as a picture.

use std::{collections::BTreeMap, path::Path};

use anyhow::anyhow;
use jiff::Timestamp;

use super::{
    board::REFUSED,
    status::state,
    words::{count, counted, percent},
};
use crate::{
    campaign::cost::Price,
    cli::{CliError, database, printer::Printer},
    drop::Outcome,
    evidence::{Bar, Chart, Layout, Part, PictureFormat, save},
    orders::{CallbackSummary, CampaignSummary},
    store::{Campaign, Store},
};

/// Prints the counts of a campaign, as text or as one JSON object.
///
/// # Errors
/// [`CliError`] if they cannot be read.
pub(super) async fn print(
    store: &Store,
    campaign: &Campaign,
    price: Option<&Price>,
    json: bool,
    printer: Printer,
) -> Result<(), CliError> {
    let summary = CampaignSummary::of(store, campaign, price, database::now()).await;
    let summary = summary.map_err(database::trouble)?;
    if json {
        printer.json(&serde_json::json!(summary));
    } else {
        for line in lines(&summary) {
            printer.line(&line);
        }
    }
    Ok(())
}

/// Draws the outcomes of a campaign over time into a file whose name ends in `.svg` or `.png`.
///
/// # Errors
/// [`CliError`] if the file's name ends otherwise, or it cannot be written, or the outcomes cannot be read.
pub(super) async fn draw(
    store: &Store,
    campaign: &Campaign,
    path: &Path,
    printer: Printer,
) -> Result<(), CliError> {
    let format = PictureFormat::of(path).ok_or_else(|| {
        let path = path.display();
        CliError::new(anyhow!("`--picture {path}` does not end in .svg or .png"))
            .hint("name a file that ends in .svg or .png, such as `--picture outcomes.svg`")
    })?;
    let ends = store.ends(campaign.id).await.map_err(database::trouble)?;
    let seconds = ends.map_or(SPANS[0], |(first, last)| span(first, last));
    let counts = store.outcomes_over_time(campaign.id, seconds).await;
    let chart = chart(&campaign.name, seconds, &counts.map_err(database::trouble)?);
    save(&Layout::of_chart(&chart), format, path).map_err(|error| {
        CliError::new(error).hint("name a file in a folder that exists and that you may write to")
    })?;
    printer.talk(&format!("picture: {}", path.display()));
    Ok(())
}

/// What there is to say if drops of a campaign were pruned.
pub(super) fn pruned_words(pruned: u64) -> Option<String> {
    (pruned > 0).then(|| {
        format!(
            "{} deleted by `aftertone prune`: counted here, without rows",
            counted(pruned, "drop")
        )
    })
}

/// The same for people.
fn lines(summary: &CampaignSummary) -> Vec<String> {
    let ended: u64 = summary.outcomes.values().sum();
    let refused: u64 = summary.refused.values().sum();
    let state = state(summary.standing, summary.has_controller);
    let mut lines = vec![
        format!("campaign {}: {state}", summary.campaign),
        format!(
            "{}: {} ended, {} refused, {} waiting, {} in flight; {}",
            counted(summary.contacts, "contact"),
            count(ended),
            count(refused),
            count(summary.waiting),
            count(summary.in_flight),
            counted(summary.drops, "drop")
        ),
    ];
    lines.extend(pruned_words(summary.drops_pruned));
    if ended > 0 {
        lines.push("contacts by last outcome:".to_owned());
    }
    for outcome in Outcome::ALL {
        let Some(contacts) = summary.outcomes.get(&outcome) else {
            continue;
        };
        let (slug, share) = (outcome.slug(), percent(*contacts, ended));
        lines.push(format!("  {slug:15} {:>9}  {share:>7}", count(*contacts)));
    }
    if !summary.proofs.is_empty() {
        let proofs = summary.proofs.iter();
        let proofs = proofs.map(|(proof, drops)| format!("{} {proof}", count(*drops)));
        let proofs: Vec<_> = proofs.collect();
        lines.push(format!(
            "drops that left their message: {}",
            proofs.join(", ")
        ));
    }
    lines.extend(callback_words(&summary.callbacks));
    if refused > 0 {
        lines.push(format!("contacts {REFUSED}:"));
    }
    for (reason, contacts) in &summary.refused {
        lines.push(format!("  {:15} {:>9}", reason.slug(), count(*contacts)));
    }
    if let Some(cost) = &summary.cost {
        lines.push(format!(
            "cost: {} {} (drop legs {}, busy legs {})",
            cost.total, cost.currency, cost.drop_legs, cost.busy_legs
        ));
    }
    if !summary.variants.is_empty() {
        lines.push("drops delivered, by variant, with the 95 % confidence interval:".into());
    }
    for variant in &summary.variants {
        let share = match (variant.delivered_share, variant.confidence_95) {
            (Some(share), Some([low, high])) => {
                let [share, low, high] = [share, low, high].map(|share| share * 100.0);
                format!("{share:5.1} % ({low:.1} % to {high:.1} %)")
            }
            _ => "none ended yet".to_owned(),
        };
        let name = variant.variant.escape_debug();
        let (delivered, all) = (count(variant.delivered), count(variant.ended));
        lines.push(format!("  {name:15} {delivered:>9} of {all:<9} {share}"));
    }
    lines
}

/// Who called back, if anybody did.
fn callback_words(callbacks: &CallbackSummary) -> Option<String> {
    if callbacks.contacts == 0 {
        return None;
    }
    let share = |share: Option<f64>, interval: Option<[f64; 2]>| match (share, interval) {
        (Some(share), Some([low, high])) => {
            let [share, low, high] = [share, low, high].map(|share| share * 100.0);
            format!(" ({share:.1} % of those with the message, {low:.1} % to {high:.1} %)")
        }
        _ => String::new(),
    };
    Some(format!(
        "called back: {}{}; {} opted out{}, {} connected, {} listened, {} hung up",
        count(callbacks.contacts),
        share(callbacks.response_share, callbacks.response_95),
        count(callbacks.opted_out),
        share(callbacks.opt_out_share, callbacks.opt_out_95),
        count(callbacks.connected),
        count(callbacks.listened),
        count(callbacks.hung_up),
    ))
}

/// The span for which the time from the first to the last end makes a picture that can be read, in seconds.
fn span(first: Timestamp, last: Timestamp) -> u32 {
    let whole = last.as_second().saturating_sub(first.as_second());
    let whole = u64::try_from(whole).unwrap_or(0);
    let fits = |span: &u32| whole / u64::from(*span) < BARS;
    let week = SPANS[SPANS.len() - 1];
    SPANS.into_iter().find(fits).unwrap_or_else(|| {
        let weeks = whole.div_ceil(u64::from(week) * BARS);
        u32::try_from(weeks.saturating_mul(u64::from(week))).unwrap_or(u32::MAX)
    })
}

fn chart(name: &str, seconds: u32, counts: &BTreeMap<(Timestamp, Outcome), u64>) -> Chart {
    let all: u64 = counts.values().sum();
    let (first, last) = match (counts.keys().next(), counts.keys().next_back()) {
        (Some((first, _)), Some((last, _))) => (first.as_second(), last.as_second()),
        _ => (0, -1),
    };
    // Each label says all that makes it different from the others.
    let form = match seconds {
        0..60 => "%m-%d %H:%M:%S",
        60..86_400 => "%m-%d %H:%M",
        86_400.. => "%Y-%m-%d",
    };
    let starts = (first..=last).step_by(seconds as usize);
    let bars = starts.filter_map(|start| Timestamp::from_second(start).ok());
    let bars = bars.map(|start| Bar {
        label: start.strftime(form).to_string(),
        counts: Outcome::ALL
            .into_iter()
            .map(|outcome| counts.get(&(start, outcome)).copied().unwrap_or(0))
            .collect(),
    });
    let parts = Outcome::ALL.into_iter().enumerate();
    Chart {
        title: format!("campaign {name}"),
        lines: vec![format!(
            "{all} drops (not contacts) by their outcome, one bar for every {}; times are UTC",
            length(seconds)
        )],
        bars: bars.collect(),
        parts: parts
            .map(|(colour, outcome)| Part {
                name: outcome.slug().to_owned(),
                colour,
            })
            .collect(),
    }
}

fn length(seconds: u32) -> String {
    let (count, unit) = match seconds {
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        86_400..604_800 => (seconds / 86_400, "day"),
        604_800.. => (seconds / 604_800, "week"),
        _ => (seconds, "second"),
    };
    match count {
        1 => unit.to_owned(),
        count => format!("{count} {unit}s"),
    }
}

/// Seconds of the spans that people count by, the shortest first.
const SPANS: [u32; 15] = [
    1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];
/// Most bars of a picture.
const BARS: u64 = 90;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_bar_for_each_span_those_without_any_drop_too() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let counts = [
            ((at("2026-11-23T14:00:00Z"), Outcome::Delivered), 3),
            ((at("2026-11-23T14:00:00Z"), Outcome::Error), 1),
            ((at("2026-11-23T14:15:00Z"), Outcome::Busy), 2),
        ];
        let chart = chart("spring", 300, &counts.into());
        assert_eq!(
            chart.lines,
            ["6 drops (not contacts) by their outcome, one bar for every 5 minutes; times are UTC"]
        );
        let sums: Vec<(&str, u64)> = chart
            .bars
            .iter()
            .map(|bar| (bar.label.as_str(), bar.counts.iter().sum()))
            .collect();
        assert_eq!(
            sums,
            [
                ("11-23 14:00", 4),
                ("11-23 14:05", 0),
                ("11-23 14:10", 0),
                ("11-23 14:15", 2)
            ]
        );
        assert_eq!((chart.bars[0].counts[0], chart.bars[0].counts[14]), (3, 1));
        assert!(super::chart("spring", 60, &BTreeMap::new()).bars.is_empty());
    }

    #[test]
    fn no_two_bars_have_the_same_label() {
        let first = Timestamp::from_second(1_795_000_000).unwrap();
        for seconds in SPANS {
            let last = first + jiff::SignedDuration::from_secs(89 * i64::from(seconds));
            let counts = [first, last].map(|at| ((at, Outcome::Delivered), 1));
            let chart = chart("spring", seconds, &counts.into());
            let labels: std::collections::BTreeSet<_> =
                chart.bars.iter().map(|bar| &bar.label).collect();
            assert_eq!((labels.len(), chart.bars.len()), (90, 90), "{seconds}");
        }
    }

    #[test]
    fn spans_are_round_and_leave_a_picture_that_can_be_read() {
        let first = Timestamp::from_second(1_795_000_000).unwrap();
        for (seconds, wanted) in [
            (0, 1),
            (89, 1),
            (90, 5),
            (3_600, 60),
            (86_400, 1_800),
            (30 * 86_400, 43_200),
            (10 * 365 * 86_400, 6 * 604_800),
        ] {
            let last = Timestamp::from_second(1_795_000_000 + seconds).unwrap();
            assert_eq!(span(first, last), wanted, "{seconds}");
        }
        assert_eq!(span(Timestamp::MAX, Timestamp::MIN), 1);
    }
}
