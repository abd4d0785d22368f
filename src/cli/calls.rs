//! `aftertone calls`: drops of campaigns and single ones, the latest first.

use anyhow::anyhow;
use clap::Args;
use jiff::{Timestamp, tz::TimeZone};

use super::{CliError, Exit, campaign::moment, contact::spellings, database, printer::Printer};
use crate::{
    config::Config,
    orders::DropView,
    phone::{Disclosure, PhoneNumber},
    store::{DropFilter, HeldState, Store, StoredDrop},
};

/// Show drops of all campaigns and single ones, the latest first
///
/// One line a drop: when it began, the number, the campaign and the attempt (or `single`), the outcome with its proof, and its id, which
/// `aftertone explain` and the API know. Numbers are masked unless --full-number is given. The results of one campaign, for
/// spreadsheets, are `aftertone campaign results`; what is known of a person beside calls is `aftertone contact show`. The exit status is
/// 0, also if there is none.
#[derive(Debug, Args)]
pub(super) struct CallsArgs {
    /// Only drops to this number, in every spelling
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Only drops to whoever has this id in your own system
    #[arg(long, value_name = "ID", conflicts_with = "number")]
    foreign_id: Option<String>,
    /// Only drops that began at this time or later: 2026-11-23, 2026-11-23T14:00 or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only drops that began before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// At most so many drops
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
    /// Show numbers unmasked
    #[arg(long)]
    full_number: bool,
}

/// Shows them.
///
/// # Errors
/// [`CliError`] if the number or the database cannot be read.
pub(super) async fn run(
    args: &CallsArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let numbers = match &args.number {
        Some(number) => spellings(number, config)?,
        None => Vec::new(),
    };
    if args.limit == 0 {
        let error = anyhow!("`--limit` is at least 1");
        return Err(CliError::new(error));
    }
    let store = database::open_to_read(config).await?;
    let filters = filters(args, &numbers);
    let mut drops = Vec::new();
    for filter in &filters {
        drops.extend(wanted(&store, filter, args).await?);
    }
    drops.sort_by_key(|drop| std::cmp::Reverse(drop.id));
    let is_more = drops.len() > args.limit;
    drops.truncate(args.limit);
    if args.json {
        let views = drops.iter();
        let views: Vec<_> = views
            .map(|drop| DropView::of(drop, Disclosure::of_program(args.full_number)))
            .collect();
        printer.json(&views);
    } else {
        let zone = TimeZone::system();
        for drop in &drops {
            printer.line(&line(drop, args.full_number, &zone));
        }
    }
    if drops.is_empty() {
        printer.note(&none(&numbers));
    }
    if is_more {
        printer.note(&format!(
            "these are the latest {}; --limit shows more",
            args.limit
        ));
    }
    Ok(Exit::Success)
}

fn filters(args: &CallsArgs, numbers: &[PhoneNumber]) -> Vec<DropFilter> {
    if let Some(id) = &args.foreign_id {
        return vec![DropFilter::ForeignId(id.clone())];
    }
    if numbers.is_empty() {
        return vec![DropFilter::All];
    }
    let numbers = numbers.iter().cloned();
    numbers.map(DropFilter::Number).collect()
}

/// Those that were ordered within the time that is asked for, the latest first: one more than are shown, so that it is known
/// whether there are more. Ids are in the order of that time.
async fn wanted(
    store: &Store,
    filter: &DropFilter,
    args: &CallsArgs,
) -> Result<Vec<StoredDrop>, CliError> {
    let mut drops = Vec::new();
    let mut from = None;
    loop {
        let page = store.drops(filter, from, true, PAGE).await;
        let page = page.map_err(database::trouble)?;
        let is_last = page.len() < PAGE;
        from = page.last().map(|drop| drop.id);
        for drop in page {
            let at = ordered_at(&drop);
            if args.since.is_some_and(|since| at < since) {
                return Ok(drops);
            }
            if args.until.is_none_or(|until| at < until) {
                drops.push(drop);
            }
            if drops.len() > args.limit {
                return Ok(drops);
            }
        }
        if is_last {
            return Ok(drops);
        }
    }
}

fn line(drop: &StoredDrop, full_number: bool, zone: &TimeZone) -> String {
    let at = drop.started_at.unwrap_or_else(|| ordered_at(drop));
    let at = at.to_zoned(zone.clone());
    let at = at.strftime("%Y-%m-%d %H:%M:%S");
    let number = match &drop.number {
        Some(number) => number.shown(full_number),
        None => "(erased)".to_owned(),
    };
    let of = match &drop.campaign {
        Some(campaign) => format!("{campaign} #{}", drop.attempt),
        None => "single".to_owned(),
    };
    let outcome = match (drop.outcome, drop.proof) {
        (None, _) => match &drop.hold {
            None => "in flight".to_owned(),
            Some(hold) if hold.state == HeldState::Waiting => format!("held: {}", hold.reason),
            Some(hold) => format!("refused: {}", hold.reason),
        },
        (Some(outcome), None) => outcome.slug().to_owned(),
        (Some(outcome), Some(proof)) => format!("{} ({})", outcome.slug(), proof.slug()),
    };
    let evidence = if drop.evidence.is_some() {
        "  evidence"
    } else {
        ""
    };
    format!(
        "{at}  {number:<16}  {of:<20}  {outcome:<24}  {}{evidence}",
        drop.id
    )
}

/// When it was ordered: of one that the gate held, before it was dialled.
fn ordered_at(drop: &StoredDrop) -> Timestamp {
    let made = drop.id.made_at_ms().and_then(|ms| i64::try_from(ms).ok());
    let made = made.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    made.or(drop.started_at).unwrap_or_default()
}

fn none(numbers: &[PhoneNumber]) -> String {
    match numbers.first() {
        Some(number) => format!("no drop to {number} is known"),
        None => "no such drop is known".to_owned(),
    }
}

/// How many drops are read at once.
const PAGE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        drop::{Outcome, Proof, Technique},
        id::DropId,
    };

    #[test]
    fn a_drop_is_a_line() {
        let mut drop = StoredDrop {
            id: DropId::from_u128(1),
            campaign: Some("spring".to_owned()),
            contact: Some(7),
            attempt: 2,
            number: Some(PhoneNumber::from_digits(12_025_550_101).unwrap()),
            pbx: "aftertone".to_owned(),
            technique: Technique::Double,
            message: "promo".to_owned(),
            variant: None,
            caller_id: None,
            ruling: "{}".to_owned(),
            started_at: Some("2026-11-23T18:00:00Z".parse().unwrap()),
            ended_at: None,
            outcome: Some(Outcome::Delivered),
            proof: Some(Proof::Proven),
            report: None,
            evidence: Some("/evidence/1".to_owned()),
            foreign_id: None,
            metadata: None,
            ordered_by: None,
            expires_at: None,
            traceparent: None,
            hold: None,
        };
        let shown = |drop: &StoredDrop, full| line(drop, full, &TimeZone::UTC);
        insta::assert_snapshot!(shown(&drop, false), @"2026-11-23 18:00:00  +1202•••0101      spring #2             delivered (proven)        00000000000000000000000000000001  evidence");
        assert!(shown(&drop, true).contains("+12025550101"));
        drop.number = None;
        drop.campaign = None;
        drop.outcome = None;
        drop.evidence = None;
        insta::assert_snapshot!(shown(&drop, true), @"2026-11-23 18:00:00  (erased)          single                in flight                 00000000000000000000000000000001");
    }
}
