//! A controller's view as lines: the board of a terminal, the lines of a log, and the objects of `--json`.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::words::{clock, count, span, tenths};
use crate::{
    campaign::engine::Phase,
    orders::{CampaignView, GaugeView, Note, RunView, View, phase_slug},
};

/// The board: a block for each campaign, the trunk, and trouble if there is any. No line is longer than `width`
/// characters; times are local times of `zone`.
pub(super) fn board(view: &View, zone: &TimeZone, width: usize) -> Vec<String> {
    let width = width.max(NARROWEST);
    let longest = view.campaigns.iter().map(|c| c.name.chars().count()).max();
    let column = longest.unwrap_or(0).clamp(5, 20).min(width / 5);
    let mut lines = Vec::new();
    for campaign in &view.campaigns {
        lines.push(clip(&head(campaign, view.at, zone, column, width), width));
        let numbers = campaign.run.as_ref().map(|run| numbers(campaign, run));
        let endings = Some(endings(campaign)).filter(|text| !text.is_empty());
        for text in [numbers, endings].into_iter().flatten() {
            lines.extend(wrap(&text, width, column + 2));
        }
        lines.extend(wrap(&standing(campaign), width, column + 2));
    }
    for (at, reading) in budget(&view.budget).into_iter().enumerate() {
        let label = if at == 0 { "trunk" } else { "" };
        lines.extend(wrap_after(label, &reading, width, column + 2));
    }
    if let Some(trouble) = &view.trouble {
        lines.extend(wrap_after("wait", trouble, width, column + 2));
    }
    if view.draining {
        let words = "stopping: drops in flight finish; Ctrl-C hangs them up";
        lines.extend(wrap_after("stop", words, width, column + 2));
    }
    lines
}

/// One line of a log for a campaign, without a time that changes by itself.
pub(super) fn line(campaign: &CampaignView) -> String {
    let endings = endings(campaign);
    let endings = if endings.is_empty() {
        endings
    } else {
        format!("; {endings}")
    };
    format!(
        "{}: {} of {} done, {} in flight, {} started{endings}; {}",
        campaign.name,
        count(campaign.done),
        count(campaign.contacts),
        count(campaign.in_flight),
        count(campaign.run.as_ref().map_or(0, |run| run.started)),
        standing(campaign)
    )
}

/// What a campaign is doing. The text changes only if the campaign does something else: it names a time, not a duration.
pub(super) fn standing(campaign: &CampaignView) -> String {
    let Some(run) = &campaign.run else {
        return campaign.standing.replace('_', " ");
    };
    match (&run.idle_words, run.phase) {
        (Some(words), _) => words.clone(),
        (None, Phase::Running) => "dialling".to_owned(),
        (None, phase @ (Phase::Paused(_) | Phase::Cancelling | Phase::Over(_))) => {
            phase_slug(phase).replace('_', " ")
        }
    }
}

/// The view as one object.
pub(super) fn json(view: &View) -> Value {
    event("view", json!(view))
}

/// A note as one object.
pub(super) fn note_json(note: &Note) -> Value {
    event("note", json!(note))
}

fn event(name: &str, mut object: Value) -> Value {
    object["event"] = json!(name);
    object
}

/// A note as a line.
pub(in crate::cli) fn note_line(note: &Note) -> String {
    match &note.campaign {
        Some(campaign) => format!("{campaign}: {}", note.words),
        None => note.words.clone(),
    }
}

/// Name, bar, share, expected end.
fn head(
    campaign: &CampaignView,
    now: Timestamp,
    zone: &TimeZone,
    column: usize,
    width: usize,
) -> String {
    let name = clip(&campaign.name, column);
    let (done, all) = (campaign.done, campaign.contacts);
    // Rounded down: 100 % means that all are done.
    let share = (done * 1_000).checked_div(all).unwrap_or(0).min(1_000);
    let figures = format!("{:>7}  {} of {}", tenths(share), count(done), count(all));
    let taken = |ends: &str| column + 6 + figures.chars().count() + ends.chars().count();
    let fits = |ends: &String| taken(ends) + NARROWEST_BAR <= width;
    let run = campaign.run.as_ref();
    let ends = match (campaign.standing, run.and_then(|run| run.ends_at)) {
        ("running", Some(at)) if at > now => {
            let left = at.duration_since(now).unsigned_abs();
            let short = format!("  ends {}", clock(at, now, zone));
            let long = format!("{short} (in {})", span(left));
            [long, short].into_iter().find(fits).unwrap_or_default()
        }
        _ => String::new(),
    };
    let taken = taken(&ends);
    let room = width.saturating_sub(taken).min(WIDEST_BAR);
    if room < NARROWEST_BAR {
        return format!("{name:column$}  {figures}{ends}");
    }
    let filled = usize::try_from(share).unwrap_or(1_000).min(1_000) * room / 1_000;
    let bar = format!("[{}{}]", "#".repeat(filled), " ".repeat(room - filled));
    format!("{name:column$}  {bar} {figures}{ends}")
}

fn numbers(campaign: &CampaignView, run: &RunView) -> String {
    format!(
        "{} in flight, {} started in the last minute, {} by this run",
        count(campaign.in_flight),
        count(run.starts_a_minute),
        count(run.started)
    )
}

/// Contacts by their last outcome, or by why the gate refused them.
fn endings(campaign: &CampaignView) -> String {
    let outcomes = campaign.outcomes.iter().map(|(o, n)| (o.slug(), *n));
    let refused = campaign.refused.iter().map(|(r, n)| (r.slug(), *n));
    let list = |rows: Vec<(&str, u64)>| {
        let rows = rows.into_iter().filter(|(_, n)| *n > 0);
        let rows: Vec<_> = rows
            .map(|(slug, n)| format!("{slug} {}", count(n)))
            .collect();
        rows.join(", ")
    };
    let (outcomes, refused) = (list(outcomes.collect()), list(refused.collect()));
    match (outcomes.is_empty(), refused.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("contacts: {outcomes}"),
        (true, false) => format!("contacts {REFUSED}: {refused}"),
        (false, false) => format!("contacts: {outcomes}; {REFUSED}: {refused}"),
    }
}

/// A line for each share of the trunk's budget that has a limit.
fn budget(readings: &[GaugeView]) -> Vec<String> {
    let limited = readings.iter().filter_map(|reading| {
        let (limit, gauge) = (reading.limit?, reading.gauge);
        let over = if reading.share > limit {
            ": exceeded"
        } else {
            ""
        };
        let (share, key) = (reading.share, gauge.key());
        Some(format!(
            "{share} {}, limit {limit} (`{key}`){over}",
            gauge.words()
        ))
    });
    limited.collect()
}

/// Breaks a text between words into lines that are indented.
fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    wrap_after("", text, width, indent)
}

/// The same, with a word in front of the first line.
fn wrap_after(label: &str, text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = vec![format!("{label:indent$}")];
    let mut is_begun = false;
    for word in text.split(' ') {
        let Some(last) = lines.last_mut() else {
            break;
        };
        let longer = last.chars().count() + usize::from(is_begun) + word.chars().count();
        if is_begun && longer > width {
            lines.push(format!("{:indent$}{word}", ""));
        } else {
            if is_begun {
                last.push(' ');
            }
            last.push_str(word);
        }
        is_begun = true;
    }
    lines.iter().map(|line| clip(line, width)).collect()
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// What `refused` means, wherever a count of it is shown.
pub(super) const REFUSED: &str = "refused by the gate, never dialled";

/// Narrower terminals are taken to be as wide as this.
const NARROWEST: usize = 40;

const NARROWEST_BAR: usize = 8;

const WIDEST_BAR: usize = 40;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        campaign::{
            RefusedReason,
            budget::{Gauge, GaugeState, Share},
            engine::{CampaignId, PauseReason, Why},
        },
        drop::Outcome,
        orders::NoteLevel,
    };

    #[test]
    fn the_board_shows_everything() {
        insta::assert_snapshot!(board(&view(), &TimeZone::UTC, 100).join("\n"));
    }

    #[test]
    fn on_a_narrow_terminal_it_is_higher_and_not_wider() {
        let lines = board(&view(), &TimeZone::UTC, 60);
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [0, 1, 40, 41, 57, 80, 100, 200] {
            for line in board(&view(), &TimeZone::UTC, width) {
                let long = line.chars().count();
                assert!(long <= width.max(NARROWEST), "{width}: {long}: {line}");
            }
        }
    }

    #[test]
    fn a_bar_is_full_at_the_end_only() {
        let mut campaign = campaign("promo");
        campaign.done = 999;
        let bar = |campaign: &CampaignView| head(campaign, now(), &TimeZone::UTC, 5, 100);
        assert!(bar(&campaign).contains(" 99.9 %"), "{}", bar(&campaign));
        assert!(bar(&campaign).contains("# ]"), "{}", bar(&campaign));
        campaign.done = 1_000;
        assert!(bar(&campaign).contains("#]"), "{}", bar(&campaign));
        campaign.contacts = 0;
        assert!(
            !board(
                &View {
                    campaigns: vec![campaign],
                    ..view()
                },
                &TimeZone::UTC,
                80
            )
            .is_empty()
        );
    }

    #[test]
    fn a_log_has_the_same_in_a_line() {
        let lines: Vec<_> = view().campaigns.iter().map(line).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn programs_read_an_object_a_line() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&json(&view())).unwrap());
        let note = Note {
            at: now(),
            level: NoteLevel::Warned,
            campaign: Some("promo".to_owned()),
            words: "3 drops of an earlier run are lost".to_owned(),
        };
        assert_eq!(
            note_line(&note),
            "promo: 3 drops of an earlier run are lost"
        );
        insta::assert_snapshot!(note_json(&note).to_string());
    }

    fn view() -> View {
        let opens = "calling hours: opens 09:00 in 2 zones (1,212 contacts), 10:00 in America/Denver (88 contacts)";
        let held = CampaignView {
            in_flight: 0,
            run: Some(RunView {
                idle: Some(Why::Waiting(opens.to_owned())),
                idle_words: Some(opens.to_owned()),
                idle_until: Some("2026-11-24T14:00:00Z".parse().unwrap()),
                ends_at: None,
                starts_a_minute: 0,
                ..run()
            }),
            ..campaign("a-campaign-with-a-long-name")
        };
        let paused = CampaignView {
            standing: "paused",
            done: 0,
            outcomes: BTreeMap::new(),
            refused: BTreeMap::new(),
            run: Some(RunView {
                phase: Phase::Paused(PauseReason::Operator),
                idle: Some(Why::Paused(PauseReason::Operator)),
                idle_words: Some("paused by the operator".to_owned()),
                ..run()
            }),
            ..campaign("slow")
        };
        let reading = |gauge, share, limit| GaugeView {
            gauge,
            share: Share::thousandths(share),
            limit: Some(Share::percent(limit)),
            state: GaugeState::Well,
        };
        View {
            at: now(),
            campaigns: vec![campaign("promo"), held, paused],
            budget: vec![
                reading(Gauge::Cancelled, 124, 20),
                reading(Gauge::GivenUp, 30, 20),
                reading(Gauge::Short, 151, 15),
                GaugeView {
                    limit: None,
                    ..reading(Gauge::People, 4, 3)
                },
            ],
            trouble: Some(
                "the database has been unavailable since 12:01; trying again every second"
                    .to_owned(),
            ),
            draining: true,
        }
    }

    fn campaign(name: &str) -> CampaignView {
        CampaignView {
            id: CampaignId(1),
            name: name.to_owned(),
            standing: "running",
            contacts: 1_000,
            done: 430,
            in_flight: 12,
            outcomes: BTreeMap::from([
                (Outcome::Delivered, 301),
                (Outcome::Human, 12),
                (Outcome::NoAnswer, 80),
                (Outcome::Lost, 0),
            ]),
            refused: BTreeMap::from([
                (RefusedReason::DoNotCall, 30),
                (RefusedReason::NoConsent, 7),
            ]),
            stored: None,
            run: Some(run()),
        }
    }

    fn run() -> RunView {
        RunView {
            phase: Phase::Running,
            started: 1_441,
            starts_a_minute: 118,
            ends_at: Some("2026-11-24T14:10:30Z".parse().unwrap()),
            idle: None,
            idle_words: None,
            idle_until: None,
        }
    }

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }
}
