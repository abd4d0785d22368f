//! A controller's view as lines: the board of a terminal, the lines of a log, and the objects of `--json`.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::words::{clock, count, span};
use crate::{
    campaign::{
        budget::Gauge,
        engine::{End, PauseReason, Phase},
    },
    orders::{CampaignView, GaugeView, Note, NoteLevel, View},
};

/// The board: a block for each campaign, the trunk, and trouble where there is any. No line is longer than `width`
/// characters; moments are told by the clocks of `zone`.
pub(super) fn board(view: &View, zone: &TimeZone, width: usize) -> Vec<String> {
    let width = width.max(NARROWEST);
    let longest = view.campaigns.iter().map(|c| c.name.chars().count()).max();
    let column = longest.unwrap_or(0).clamp(5, 20).min(width / 5);
    let mut lines = Vec::new();
    for campaign in &view.campaigns {
        lines.push(clip(&head(campaign, view.at, zone, column, width), width));
        let told = [numbers(campaign), endings(campaign)];
        for text in told.into_iter().filter(|text| !text.is_empty()) {
            lines.extend(wrap(&text, width, column + 2));
        }
        lines.extend(wrap(&standing(campaign), width, column + 2));
    }
    let budget = budget(&view.budget);
    if !budget.is_empty() {
        lines.extend(wrap_after("trunk", &budget, width, column + 2));
    }
    if let Some(trouble) = &view.trouble {
        lines.extend(wrap_after("wait", trouble, width, column + 2));
    }
    if view.draining {
        let words = "stopping: drops in flight come to their end; Ctrl-C hangs them up";
        lines.extend(wrap_after("stop", words, width, column + 2));
    }
    lines
}

/// One line of a log for a campaign: all that counts, without a moment that moves by itself.
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
        count(done(campaign)),
        count(campaign.contacts),
        count(campaign.in_flight),
        count(campaign.started),
        standing(campaign)
    )
}

/// What a campaign is doing, as words that change only where it does something else: until when stands in the words.
pub(super) fn standing(campaign: &CampaignView) -> String {
    match (&campaign.idle, campaign.phase) {
        (Some((_, words)), _) => words.clone(),
        (None, Phase::Running) => "dialling".to_owned(),
        (None, phase) => phase_slug(phase).replace('_', " "),
    }
}

/// The view as one object.
pub(super) fn json(view: &View) -> Value {
    let campaigns: Vec<Value> = view.campaigns.iter().map(campaign_json).collect();
    let budget: Vec<Value> = view
        .budget
        .iter()
        .map(|reading| {
            json!({
                "gauge": gauge_slug(reading.gauge),
                "share": f64::from(reading.share.as_thousandths()) / 1_000.0,
                "limit": reading.limit.map(|limit| f64::from(limit.as_thousandths()) / 1_000.0),
            })
        })
        .collect();
    json!({
        "event": "view",
        "at": view.at,
        "campaigns": campaigns,
        "budget": budget,
        "trouble": view.trouble,
        "draining": view.draining,
    })
}

/// A note as one object.
pub(super) fn note_json(note: &Note) -> Value {
    json!({
        "event": "note",
        "at": note.at,
        "level": match note.level {
            NoteLevel::Said => "info",
            NoteLevel::Warned => "warning",
        },
        "campaign": note.campaign,
        "words": note.words,
    })
}

/// A note as a line.
pub(super) fn note_line(note: &Note) -> String {
    match &note.campaign {
        Some(campaign) => format!("{campaign}: {}", note.words),
        None => note.words.clone(),
    }
}

/// Contacts that have come to their end.
pub(super) fn done(campaign: &CampaignView) -> u64 {
    campaign.outcomes.values().sum::<u64>() + campaign.refused.values().sum::<u64>()
}

/// The word for a phase.
pub(super) const fn phase_slug(phase: Phase) -> &'static str {
    match phase {
        Phase::Running => "running",
        Phase::Paused(PauseReason::Operator) => "paused",
        Phase::Paused(PauseReason::Errors { .. }) => "stopped_on_errors",
        Phase::Paused(PauseReason::Refusals { .. }) => "stopped_on_refusals",
        Phase::Cancelling => "cancelling",
        Phase::Over(End::Complete) => "complete",
        Phase::Over(End::Cancelled) => "cancelled",
        Phase::Over(End::DatesOver) => "dates_over",
    }
}

/// The word for a share of the trunk's budget.
pub(super) const fn gauge_slug(gauge: Gauge) -> &'static str {
    match gauge {
        Gauge::Cancelled => "cancelled",
        Gauge::GivenUp => "given_up",
        Gauge::Short => "short",
        Gauge::People => "people",
    }
}

fn campaign_json(campaign: &CampaignView) -> Value {
    let outcomes: BTreeMap<_, _> = slugs(&campaign.outcomes, |o| o.slug());
    let refused: BTreeMap<_, _> = slugs(&campaign.refused, |r| r.slug());
    let (why, words) = campaign.idle.clone().unzip();
    json!({
        "campaign": campaign.name,
        "phase": phase_slug(campaign.phase),
        "contacts": campaign.contacts,
        "done": done(campaign),
        "in_flight": campaign.in_flight,
        "started": campaign.started,
        "starts_a_minute": campaign.starts_a_minute,
        "outcomes": outcomes,
        "refused": refused,
        "idle": why,
        "idle_words": words,
        "idle_until": campaign.idle_until,
        "ends_at": campaign.ends_at,
    })
}

fn slugs<K: Ord>(
    counts: &BTreeMap<K, u64>,
    slug: fn(&K) -> &'static str,
) -> BTreeMap<&'static str, u64> {
    counts.iter().map(|(key, n)| (slug(key), *n)).collect()
}

/// Name, bar, share, when it ends.
fn head(
    campaign: &CampaignView,
    now: Timestamp,
    zone: &TimeZone,
    column: usize,
    width: usize,
) -> String {
    let name = clip(&campaign.name, column);
    let (done, all) = (done(campaign), campaign.contacts);
    // Full at the very end only.
    let percent = (done * 100).checked_div(all).unwrap_or(0).min(100);
    let figures = format!("{percent:>3} %  {} of {}", count(done), count(all));
    let taken = |ends: &str| column + 6 + figures.chars().count() + ends.chars().count();
    let fits = |ends: &String| taken(ends) + NARROWEST_BAR <= width;
    let ends = match (campaign.phase, campaign.ends_at) {
        (Phase::Running, Some(at)) if at > now => {
            let left = at.duration_since(now).unsigned_abs();
            let short = format!("  ends {}", clock(at, now, zone));
            let long = format!("{short} (in {})", span(left));
            [long, short].into_iter().find(fits).unwrap_or_default()
        }
        (Phase::Running | Phase::Paused(_) | Phase::Cancelling | Phase::Over(_), _) => {
            String::new()
        }
    };
    let taken = taken(&ends);
    let room = width.saturating_sub(taken).min(WIDEST_BAR);
    if room < NARROWEST_BAR {
        return format!("{name:column$}  {figures}{ends}");
    }
    let filled = usize::try_from(percent).unwrap_or(100).min(100) * room / 100;
    let bar = format!("[{}{}]", "#".repeat(filled), " ".repeat(room - filled));
    format!("{name:column$}  {bar} {figures}{ends}")
}

fn numbers(campaign: &CampaignView) -> String {
    format!(
        "{} in flight, {} started in the last minute, {} by this run",
        count(campaign.in_flight),
        count(campaign.starts_a_minute),
        count(campaign.started)
    )
}

/// Contacts by their last outcome, or by why they were refused.
fn endings(campaign: &CampaignView) -> String {
    let outcomes = campaign.outcomes.iter().map(|(o, n)| (o.slug(), *n));
    let refused = campaign.refused.iter().map(|(r, n)| (r.slug(), *n));
    let told = |rows: Vec<(&str, u64)>| {
        let rows = rows.into_iter().filter(|(_, n)| *n > 0);
        let rows: Vec<_> = rows
            .map(|(slug, n)| format!("{slug} {}", count(n)))
            .collect();
        rows.join(", ")
    };
    let (outcomes, refused) = (told(outcomes.collect()), told(refused.collect()));
    match (outcomes.is_empty(), refused.is_empty()) {
        (_, true) => outcomes,
        (true, false) => format!("refused: {refused}"),
        (false, false) => format!("{outcomes}; refused: {refused}"),
    }
}

fn budget(readings: &[GaugeView]) -> String {
    let told = readings.iter().filter_map(|reading| {
        let limit = reading.limit?;
        let gauge = gauge_slug(reading.gauge).replace('_', " ");
        let over = if reading.share > limit { " (over)" } else { "" };
        Some(format!("{gauge} {} of {limit}{over}", reading.share))
    });
    told.collect::<Vec<_>>().join(", ")
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

/// Narrower terminals are taken to be as wide as this.
const NARROWEST: usize = 40;

const NARROWEST_BAR: usize = 8;

const WIDEST_BAR: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        campaign::{RefusedReason, budget::Share, engine::CampaignId},
        drop::Outcome,
    };

    #[test]
    fn the_board_tells_all_that_goes_on() {
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
        campaign.refused = BTreeMap::new();
        campaign.outcomes = BTreeMap::from([(Outcome::Delivered, 999)]);
        let bar = |campaign: &CampaignView| head(campaign, now(), &TimeZone::UTC, 5, 100);
        assert!(bar(&campaign).contains(" 99 %"), "{}", bar(&campaign));
        assert!(bar(&campaign).contains("# ]"), "{}", bar(&campaign));
        campaign.outcomes = BTreeMap::from([(Outcome::Delivered, 1_000)]);
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
    fn a_log_tells_the_same_in_a_line() {
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
        let held = CampaignView {
            idle: Some((
                "waiting".to_owned(),
                "calling hours: opens 09:00 in 2 zones (1,212 contacts), 10:00 in America/Denver (88 contacts)"
                    .to_owned(),
            )),
            idle_until: Some("2026-11-24T14:00:00Z".parse().unwrap()),
            ends_at: None,
            in_flight: 0,
            starts_a_minute: 0,
            ..campaign("a-campaign-with-a-long-name")
        };
        let paused = CampaignView {
            phase: Phase::Paused(PauseReason::Operator),
            idle: Some(("paused".to_owned(), "paused by the operator".to_owned())),
            outcomes: BTreeMap::new(),
            refused: BTreeMap::new(),
            ..campaign("slow")
        };
        let reading = |gauge, share, limit| GaugeView {
            gauge,
            share: Share::thousandths(share),
            limit: Some(Share::percent(limit)),
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
                "the store cannot be reached or written since 12:01; asked again every second"
                    .to_owned(),
            ),
            draining: true,
        }
    }

    fn campaign(name: &str) -> CampaignView {
        CampaignView {
            id: CampaignId(1),
            name: name.to_owned(),
            phase: Phase::Running,
            contacts: 1_000,
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
            in_flight: 12,
            started: 1_441,
            starts_a_minute: 118,
            ends_at: Some("2026-11-24T14:10:30Z".parse().unwrap()),
            idle: None,
            idle_until: None,
        }
    }

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }
}
