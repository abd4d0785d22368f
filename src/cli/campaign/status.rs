//! `aftertone campaign status`: the state of campaigns, from the database, whether a controller runs them or not.

use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::{
    board::REFUSED,
    create::{find, start_words},
    import,
    words::{clock, count, counted},
};
use crate::{
    cli::{CliError, Exit, database, printer::Printer},
    config::Config,
    orders::{CampaignView, stored_view},
    store::Status,
};

pub(super) use crate::orders::standing_words as state;

/// Show the state of campaigns
///
/// Contacts by their last outcome, contacts that the gate refused and why, and what the others wait for. Times are in
/// this machine's time zone. A campaign that no controller runs is shown as `waiting for a controller`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The campaign's name [default: all]
    name: Option<String>,
    /// Print a JSON array, or an object if a campaign is named
    #[arg(long)]
    json: bool,
}

/// Shows the state of campaigns.
///
/// # Errors
/// [`CliError`] if the database cannot be read, or there is no campaign of that name.
pub(super) async fn run(
    args: &StatusArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let store = database::open_to_read(config).await?;
    let now = database::now();
    let mut campaigns = match &args.name {
        Some(name) => vec![find(name, &store).await?],
        None => store.campaigns(0).await.map_err(database::trouble)?,
    };
    campaigns.sort_by_key(|campaign| campaign.id);
    let mut all = Vec::with_capacity(campaigns.len());
    for campaign in campaigns {
        let view = stored_view(campaign, &store, now).await;
        all.push(view.map_err(database::trouble)?);
    }
    let turn = store.prune_turn(now).await.map_err(database::trouble)?;
    if let Some(words) = turn.why_not() {
        printer.warning(&words);
        printer.hint("`aftertone prune` deletes it now");
    }
    if args.json {
        let objects: Vec<Value> = all.iter().map(|view| serde_json::json!(view)).collect();
        match (&args.name, objects.as_slice()) {
            (Some(_), [one]) => printer.json(one),
            _ => printer.json(&objects),
        }
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        printer.line("there is no campaign yet");
        printer
            .hint("`aftertone campaign create NAME --message M --kind KIND LIST.csv` creates one");
    }
    let zone = TimeZone::system();
    for line in all.iter().flat_map(|view| lines(view, now, &zone)) {
        printer.line(&line);
    }
    let waiting = all.iter().find(|view| {
        let stored = view.stored.as_ref();
        stored.is_some_and(|stored| waits_for_controller(view.standing, stored.has_controller))
    });
    if let Some(view) = waiting {
        let name = &view.name;
        printer.hint(&format!("`aftertone campaign run {name}` runs it"));
    } else if let Some(draft) = all
        .iter()
        .find(|view| view.standing == Status::Draft.slug())
    {
        let has_controller = draft.stored.as_ref();
        let has_controller = has_controller.is_some_and(|stored| stored.has_controller);
        printer.hint(&start_words(&draft.name, has_controller));
    }
    Ok(Exit::Success)
}

/// Whether a campaign is left alone: it has work to do, and no controller is alive.
fn waits_for_controller(standing: &str, has_controller: bool) -> bool {
    !has_controller && matches!(standing, "running" | "cancelling")
}

fn lines(view: &CampaignView, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let Some(stored) = &view.stored else {
        return Vec::new();
    };
    let state = state(view.standing, stored.has_controller);
    let why = stored.why.as_ref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    let is_called_off = [Status::Cancelled, Status::DatesOver]
        .iter()
        .any(|standing| standing.slug() == view.standing);
    let waiting = if is_called_off {
        "never dialled"
    } else {
        "waiting"
    };
    let mut lines = vec![
        format!("{}: {state}{why}", view.name),
        format!(
            "  {}: {} ended, {} refused, {} in flight, {} {waiting}; {}",
            counted(view.contacts, "contact"),
            count(view.outcomes.values().sum()),
            count(view.refused.values().sum()),
            count(view.in_flight),
            count(stored.waiting),
            counted(stored.drops, "drop")
        ),
    ];
    let outcomes = view.outcomes.iter();
    let outcomes = outcomes.map(|(o, n)| format!("{} {}", o.slug(), count(*n)));
    let refused = view.refused.iter();
    let refused = refused.map(|(r, n)| format!("{} {}", r.slug(), count(*n)));
    for (label, counts) in [
        ("contacts by last outcome", outcomes.collect::<Vec<_>>()),
        (REFUSED, refused.collect()),
    ] {
        if !counts.is_empty() {
            lines.push(format!("  {label}: {}", counts.join(", ")));
        }
    }
    for group in &stored.waiting_for {
        let what = match (group.reason, &group.zone) {
            (None, _) => "next attempt".to_owned(),
            (Some(reason), None) => format!("held by the gate, {}", reason.slug()),
            (Some(reason), Some(zone)) => format!("held by the gate, {} in {zone}", reason.slug()),
        };
        lines.push(format!(
            "  {} until {}: {what}",
            counted(group.contacts, "contact"),
            clock(group.until, now, zone)
        ));
    }
    if let Some(list) = &stored.interrupted_import {
        let words = import::unfinished_words(&view.name, list);
        lines.push(format!("  {words}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        campaign::{HeldReason, RefusedReason, engine::CampaignId},
        drop::Outcome,
        orders::{StoredView, WaitingView},
    };

    #[test]
    fn a_campaign_is_a_few_lines() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        insta::assert_snapshot!(lines(&spring(), now, &TimeZone::UTC).join("\n"));
        let object = serde_json::to_value(spring()).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&object).unwrap());
    }

    #[test]
    fn a_campaign_that_no_controller_runs_waits_for_one() {
        for (standing, has_controller, shown) in [
            ("draft", false, "draft, not started"),
            ("draft", true, "draft, not started"),
            ("running", true, "running"),
            ("running", false, "waiting for a controller"),
            ("cancelling", true, "cancelling"),
            ("cancelling", false, "cancelling, waiting for a controller"),
            ("paused", false, "paused"),
            ("dates_over", false, "dates over"),
        ] {
            assert_eq!(state(standing, has_controller), shown);
        }
    }

    fn spring() -> CampaignView {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let group = |reason, until, zone: Option<&str>, contacts| WaitingView {
            reason,
            until: at(until),
            zone: zone.map(str::to_owned),
            contacts,
        };
        CampaignView {
            id: CampaignId(3),
            name: "spring".to_owned(),
            standing: "paused",
            contacts: 1_300,
            done: 299,
            in_flight: 1,
            outcomes: BTreeMap::from([(Outcome::Delivered, 240), (Outcome::Busy, 9)]),
            refused: BTreeMap::from([(RefusedReason::NoConsent, 50)]),
            stored: Some(StoredView {
                why: Some("stopped: 11 of the last 20 drops failed".to_owned()),
                created_at: at("2026-11-23T12:00:00Z"),
                has_controller: true,
                waiting: 1_000,
                drops: 260,
                waiting_for: vec![
                    group(
                        Some(HeldReason::CallingHours),
                        "2026-11-24T14:00:00Z",
                        Some("America/Chicago"),
                        990,
                    ),
                    group(None, "2026-11-24T12:15:00Z", None, 10),
                ],
                interrupted_import: Some("leads.csv".to_owned()),
            }),
            run: None,
        }
    }
}
