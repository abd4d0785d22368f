//! Contacts that calling hours hold.

use std::time::{Duration, Instant};

use aftertone::{
    campaign::{
        Decision,
        engine::{CampaignId, Settlement},
        policy::{CallingPlace, CampaignKind, Case, Consent, ConsentKind},
    },
    store::{Leased, Write},
};
use anyhow::{Context as _, Result, ensure};
use jiff::{Timestamp, ToSpan as _};

use crate::queue_base::{QueueBase, numbers};

pub(crate) async fn measure(base: &QueueBase, contacts: usize) -> Result<()> {
    let now: Timestamp = EVENING.parse()?;
    let due = now - 4.hours();
    let all = numbers(CLOSED, contacts, 0).chain(numbers(OPEN, OPEN_CONTACTS, 0));
    let campaign = base.campaign("by_place", all, true, due).await?;

    let before = base.written().await?;
    let begun = Instant::now();
    let mut queue = base.queue();
    let (mut given, mut first) = (0, None);
    loop {
        let (leased, _) = base.lease(campaign, 100, &mut queue, now).await?;
        if leased.is_empty() {
            break;
        }
        first.get_or_insert_with(|| begun.elapsed());
        given += leased.len();
    }
    let took = begun.elapsed();
    ensure!(given == OPEN_CONTACTS, "{given} contacts were given out");
    let (log, size) = base.written().await?.since(before);
    println!(
        "{}: {contacts} held by place, {OPEN_CONTACTS} open behind them: the first open one after {:.1} ms, \
         all of them after {:.3} s; {log:.1} MB of log, {size:.1} MB more",
        base.kind,
        first.unwrap_or_default().as_secs_f64() * 1e3,
        took.as_secs_f64()
    );

    let begun = Instant::now();
    let waiting = base.store.waiting(campaign, now).await?;
    let count: u64 = waiting.iter().map(|group| group.contacts).sum();
    ensure!(count == contacts as u64, "{count} contacts are shown");
    println!(
        "{}: they are counted in {:.3} s",
        base.kind,
        begun.elapsed().as_secs_f64()
    );

    let alone = contacts.min(50_000);
    let campaign = base
        .campaign("alone", numbers(CLOSED, alone, 1), false, due)
        .await?;
    let before = base.written().await?;
    let single = one_by_one(base, campaign, alone, now).await?;
    let (log, size) = base.written().await?.since(before);
    let each = |took: Duration, contacts: usize| took.as_secs_f64() * 1e6 / contacts as f64;
    println!(
        "{}: {alone} held one by one: {:.2} s; {log:.1} MB of log, {size:.1} MB more; per contact {:.2} us, {:.0} times as much as by place",
        base.kind,
        single.as_secs_f64(),
        each(single, alone),
        each(single, alone) / each(took, contacts)
    );
    Ok(())
}

/// Holds contacts whose places are not known, as a controller does.
async fn one_by_one(
    base: &QueueBase,
    campaign: CampaignId,
    contacts: usize,
    now: Timestamp,
) -> Result<Duration> {
    let begun = Instant::now();
    let mut queue = base.queue();
    let mut done = 0;
    while done < contacts {
        let (leased, _) = base.lease(campaign, 1_000, &mut queue, now).await?;
        ensure!(!leased.is_empty(), "nothing is due after {done} contacts");
        done += leased.len();
        let holds: Result<Vec<_>> = leased
            .iter()
            .map(|leased| hold(base, campaign, leased, now))
            .collect();
        base.store.commit(&base.holder, &holds?, now).await?;
    }
    Ok(begun.elapsed())
}

fn hold(base: &QueueBase, campaign: CampaignId, leased: &Leased, now: Timestamp) -> Result<Write> {
    let consent = Consent {
        kind: ConsentKind::Written,
        at: Some(now - 240.hours()),
        source: Some("web form".into()),
    };
    let number = &leased.contact.number;
    let case = Case {
        number: Ok(number),
        zone: None,
        state: None,
        consent: Some(&consent),
        campaign: CampaignKind::Marketing,
        calls: 2,
        do_not_call: None,
        starts: &[],
        overrides: &[],
    };
    let ruling = base.gate.decide(&case, now);
    let held = match ruling.decision {
        Decision::Held { reason, until } => Some(Settlement::Held { reason, until }),
        Decision::Allowed | Decision::Refused(_) => None,
    };
    Ok(Write::Settle {
        campaign,
        contact: leased.contact.id,
        settlement: held.context("it is not held")?,
        ruling: Some(ruling.json()),
        zone: ruling.closed_zone().map(str::to_owned),
        place: CallingPlace::of(number, None, None).map(Box::new),
        end: None,
    })
}

/// After nine in the evening as far as Chicago, before eight on the west coast.
const EVENING: &str = "2026-12-02T03:30:00Z";

/// Area codes that are closed then.
const CLOSED: &[u64] = &[
    202, 205, 210, 212, 214, 215, 216, 217, 225, 240, 251, 256, 260, 262, 267, 301, 302, 305, 312,
    313, 314, 317, 318, 319, 401, 402, 404, 405, 410, 412, 414, 501, 502, 504, 512, 513, 601, 612,
    617, 704, 713, 803, 901, 919,
];

/// Area codes that are open then.
const OPEN: &[u64] = &[310, 415, 503];

/// How many contacts there are in open zones.
const OPEN_CONTACTS: usize = 1_000;
