//! `aftertone campaign status`: how campaigns stand, from the database, whoever runs them.

use std::collections::BTreeMap;

use clap::Args as ClapArgs;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    create::find,
    import,
    words::{clock, count, counted},
};
use crate::{
    cli::{CliError, Exit, database, printer::Printer},
    config::Config,
    store::{Campaign, Status, Store, Tally, WaitingGroup},
};

/// Show how campaigns stand
///
/// Contacts by their last outcome, who was refused and why, and for what the others wait. Times are this machine's.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The campaign's name [default: all]
    name: Option<String>,
    /// Print a JSON array, or for one campaign an object
    #[arg(long)]
    json: bool,
}

/// Shows how campaigns stand.
///
/// # Errors
/// [`CliError`] where that cannot be told.
pub(super) async fn run(args: &Args, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let now = database::now();
    let mut campaigns = match &args.name {
        Some(name) => vec![find(name, &store).await?],
        None => store.campaigns(0).await.map_err(database::trouble)?,
    };
    campaigns.sort_by_key(|campaign| campaign.id);
    let mut all = Vec::with_capacity(campaigns.len());
    for campaign in campaigns {
        all.push(State::of(campaign, &store, now).await?);
    }
    if args.json {
        let objects: Vec<Value> = all.iter().map(State::object).collect();
        match (&args.name, objects.as_slice()) {
            (Some(_), [one]) => printer.json(one),
            _ => printer.json(&objects),
        }
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        printer.line("there is no campaign yet");
        printer.hint("`aftertone campaign create NAME --message M --kind KIND LIST.csv` makes one");
    }
    let zone = TimeZone::system();
    for state in &all {
        for line in state.lines(now, &zone) {
            printer.line(&line);
        }
    }
    Ok(Exit::Success)
}

/// How one campaign stands.
struct State {
    campaign: Campaign,
    tally: Tally,
    waiting: Vec<WaitingGroup>,
    /// The list whose import was interrupted.
    unfinished: Option<String>,
}

impl State {
    async fn of(campaign: Campaign, store: &Store, now: Timestamp) -> Result<Self, CliError> {
        let tally = store.tally(campaign.id).await.map_err(database::trouble)?;
        let waiting = store.waiting(campaign.id, now).await;
        Ok(Self {
            waiting: waiting.map_err(database::trouble)?,
            unfinished: import::unfinished(&campaign, store).await?,
            campaign,
            tally,
        })
    }

    fn lines(&self, now: Timestamp, zone: &TimeZone) -> Vec<String> {
        let (campaign, tally) = (&self.campaign, &self.tally);
        let standing = campaign.status.slug().replace('_', " ");
        let why = campaign
            .why
            .as_ref()
            .map_or_else(String::new, |why| format!(" ({why})"));
        let is_called_off = matches!(campaign.status, Status::Cancelled | Status::DatesOver);
        let mut lines = vec![
            format!("{}: {standing}{why}", campaign.name),
            format!(
                "  {}: {} done, {} refused, {} in flight, {} {}; {}",
                counted(tally.contacts, "contact"),
                count(tally.outcomes.values().sum()),
                count(tally.refused.values().sum()),
                count(tally.in_flight),
                count(tally.waiting),
                if is_called_off {
                    "never called"
                } else {
                    "waiting"
                },
                counted(tally.drops, "drop")
            ),
        ];
        let outcomes = tally
            .outcomes
            .iter()
            .map(|(o, n)| format!("{} {}", o.slug(), count(*n)));
        let refused = tally
            .refused
            .iter()
            .map(|(r, n)| format!("{} {}", r.slug(), count(*n)));
        for (label, told) in [
            ("", outcomes.collect::<Vec<_>>()),
            ("refused: ", refused.collect()),
        ] {
            if !told.is_empty() {
                lines.push(format!("  {label}{}", told.join(", ")));
            }
        }
        for group in &self.waiting {
            let what = group.reason.map_or("next attempt", |reason| reason.slug());
            let place = group
                .zone
                .as_ref()
                .map_or_else(String::new, |zone| format!(" in {zone}"));
            lines.push(format!(
                "  {} until {}: {what}{place}",
                counted(group.contacts, "contact"),
                clock(group.until, now, zone)
            ));
        }
        if let Some(list) = &self.unfinished {
            let words = import::unfinished_words(&campaign.name, list);
            lines.push(format!("  {words}"));
        }
        lines
    }

    fn object(&self) -> Value {
        let (campaign, tally) = (&self.campaign, &self.tally);
        let outcomes: BTreeMap<_, _> = tally.outcomes.iter().map(|(o, n)| (o.slug(), n)).collect();
        let refused: BTreeMap<_, _> = tally.refused.iter().map(|(r, n)| (r.slug(), n)).collect();
        let waiting: Vec<Value> = self
            .waiting
            .iter()
            .map(|group| {
                json!({
                    "reason": group.reason.map(|reason| reason.slug()),
                    "until": group.until,
                    "zone": group.zone,
                    "contacts": group.contacts,
                })
            })
            .collect();
        json!({
            "campaign": campaign.name,
            "standing": campaign.status.slug(),
            "why": campaign.why,
            "created_at": campaign.created_at,
            "contacts": tally.contacts,
            "waiting": tally.waiting,
            "in_flight": tally.in_flight,
            "drops": tally.drops,
            "outcomes": outcomes,
            "refused": refused,
            "waiting_for": waiting,
            "interrupted_import": self.unfinished,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        campaign::{
            HeldReason, RefusedReason,
            engine::{CampaignId, InFlight},
        },
        drop::Outcome,
        store::Status,
    };

    #[test]
    fn a_campaign_is_a_few_lines() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        insta::assert_snapshot!(state().lines(now, &TimeZone::UTC).join("\n"));
        insta::assert_snapshot!(serde_json::to_string_pretty(&state().object()).unwrap());
    }

    fn state() -> State {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let group = |reason, until, zone: Option<&str>, contacts| WaitingGroup {
            reason,
            until: at(until),
            zone: zone.map(str::to_owned),
            contacts,
        };
        State {
            unfinished: Some("leads.csv".to_owned()),
            campaign: Campaign {
                id: CampaignId(3),
                name: "spring".to_owned(),
                spec: "{}".to_owned(),
                status: Status::Paused,
                why: Some("stopped: 11 of the last 20 drops failed".to_owned()),
                in_flight: InFlight::Finish,
                created_at: at("2026-11-23T12:00:00Z"),
                version: 7,
            },
            tally: Tally {
                contacts: 1_300,
                waiting: 1_000,
                in_flight: 1,
                outcomes: BTreeMap::from([(Outcome::Delivered, 240), (Outcome::Busy, 9)]),
                refused: BTreeMap::from([(RefusedReason::NoConsent, 50)]),
                drops: 260,
            },
            waiting: vec![
                group(
                    Some(HeldReason::CallingHours),
                    "2026-11-24T14:00:00Z",
                    Some("America/Chicago"),
                    990,
                ),
                group(None, "2026-11-24T12:15:00Z", None, 10),
            ],
        }
    }
}
