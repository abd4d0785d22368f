//! `aftertone events`: what happened, from the log of events.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use tokio::time::sleep;

use super::{CliError, Exit, campaign, database, printer::Printer, stop::Stop};
use crate::{
    config::Config,
    events::{EventFilter, LoggedEvent},
    store::{EventRange, Store},
};

/// Show what happened to drops, contacts, campaigns and lists
///
/// Prints one line for each event, the oldest first. Events are numbered in the order in which they can be seen: whoever goes on
/// from the last number, with --after, misses none and sees none twice. Each drop has exactly one event that ends it, `drop.ended`
/// or `drop.withdrawn`, whatever died meanwhile. Events are kept as long as `retention.events` says.
#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    /// Only events behind the one with this number
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after: u64,
    /// Only events of this type or group, such as `drop.ended` or `campaign.*`; may be given more than once
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only events of this campaign
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// At most so many events
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// Wait for further events, until interrupted
    #[arg(long)]
    follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Show numbers unmasked
    #[arg(long)]
    full_number: bool,
}

/// Prints events.
///
/// # Errors
/// [`CliError`] if a type or campaign does not exist, or the database fails.
pub(super) async fn run(
    args: &EventsArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let kinds = EventFilter::kinds(args.types.iter().map(String::as_str)).map_err(|wrong| {
        CliError::new(anyhow!("there is no type of events `{wrong}`"))
            .hint("name one such as `drop.ended`, or a group such as `drop.*`")
    })?;
    let store = database::open(config).await?;
    let mut filter = EventFilter {
        kinds,
        campaign: None,
    };
    if let Some(name) = &args.campaign {
        filter.campaign = Some(campaign::find(name, &store).await?.id);
    }
    let mut stop = Stop::new().map_err(CliError::new)?;
    tokio::select! {
        done = print(args, &store, &filter, printer) => done.map(|()| Exit::Success),
        () = stop.requested() => Ok(Exit::Success),
    }
}

async fn print(
    args: &EventsArgs,
    store: &Store,
    filter: &EventFilter,
    printer: Printer,
) -> Result<(), CliError> {
    let mut after = args.after;
    let mut left = args.limit.unwrap_or(u64::MAX);
    loop {
        let at_most = usize::try_from(left).unwrap_or(AT_A_TIME).min(AT_A_TIME);
        let read = store.events(after, filter, at_most).await;
        let (events, range) = read.map_err(database::trouble)?;
        if let Some(words) = missed(after, range) {
            printer.warning(&words);
            after = range.oldest.saturating_sub(1);
        }
        for event in &events {
            if args.json {
                printer.line(&event.to_program(args.full_number).to_string());
            } else {
                printer.line(&line(event, args.full_number));
            }
            after = event.sequence;
        }
        left -= events.len() as u64;
        if left == 0 || (events.len() < at_most && !args.follow) {
            return Ok(());
        }
        if events.len() < at_most {
            sleep(LOOK_EVERY).await;
        }
    }
}

/// What there is to say if events that were asked for are gone.
fn missed(after: u64, range: EventRange) -> Option<String> {
    (range.missed(after) > 0).then(|| {
        format!(
            "events {} to {} are not kept any more; see `retention.events`",
            after + 1,
            range.oldest - 1
        )
    })
}

/// An event in one line.
fn line(event: &LoggedEvent, full_number: bool) -> String {
    let mut words = vec![
        event.sequence.to_string(),
        format!("{:.3}", event.at),
        event.slug.clone(),
    ];
    if let Some((id, name)) = &event.campaign {
        words.push(name.clone().unwrap_or_else(|| format!("campaign {id}")));
    }
    let stored = event.drop.as_ref().and_then(|drop| drop.stored.as_ref());
    let numbers = [
        stored.and_then(|stored| stored.number.as_ref()),
        event.contact.as_ref().and_then(|of| of.number.as_ref()),
        event.number.as_ref(),
    ];
    let number = numbers.into_iter().flatten().next();
    words.extend(number.map(|number| number.shown(full_number)));
    if let Some(drop) = &event.drop {
        words.push(drop.id.to_string());
    }
    if let Some(stored) = stored {
        words.extend(stored.outcome.map(|outcome| outcome.slug().to_owned()));
        words.extend(stored.proof.map(|proof| proof.slug().to_owned()));
    }
    if let Some(detail) = event.detail.as_object() {
        for (key, value) in detail.iter().filter(|(_, value)| !value.is_null()) {
            match value.as_str() {
                Some(text) => words.push(format!("{key} {text}")),
                None => words.push(format!("{key} {value}")),
            }
        }
    }
    words.join("  ")
}

/// How many are read at a time.
const AT_A_TIME: usize = 1_000;

const LOOK_EVERY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_and_is_gone_is_named() {
        let range = EventRange {
            oldest: 11,
            newest: 20,
        };
        assert_eq!(missed(0, range), None, "all that there is");
        assert_eq!(missed(10, range), None);
        assert_eq!(missed(20, range), None);
        let words = missed(9, range).unwrap();
        assert!(words.contains("events 10 to 10 "), "{words}");
        let empty = EventRange {
            oldest: 21,
            newest: 20,
        };
        assert!(missed(12, empty).unwrap().contains("events 13 to 20 "));
        assert_eq!(missed(20, empty), None);
    }
}
