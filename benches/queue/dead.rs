//! Contacts that are gone from the front of the queue, while a snapshot is open that could see them.

use std::time::Duration;

use aftertone::campaign::engine::CampaignId;
use anyhow::{Result, ensure};
use jiff::{Timestamp, ToSpan as _};
use sqlx::Connection as _;

use crate::queue_base::{QueueBase, numbers};

pub(crate) async fn measure(base: &QueueBase, dead: usize) -> Result<()> {
    for (name, areas, series) in [("one_place", ONE, 3), ("many_places", MANY, 4)] {
        let now: Timestamp = NOON.parse()?;
        let all = numbers(areas, 2 * dead, series);
        let campaign = base.campaign(name, all, true, now - 1.hours()).await?;

        let mut queue = base.queue();
        base.lease(campaign, AT_MOST, &mut queue, now).await?;
        let (before, most_before) = leases(base, campaign, &mut queue, now).await?;

        let mut snapshot = base.connection().await?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM campaigns";
        sqlx::raw_sql(begin).execute(&mut snapshot).await?;
        base.run(format!(
            "UPDATE contacts SET stage = 'ended', outcome = 'delivered', due_at = NULL, holder = NULL, ended_at = 1 \
             WHERE id IN (SELECT id FROM contacts WHERE campaign = {campaign} ORDER BY due_at, id LIMIT {dead})"
        ))
        .await?;
        let mut fresh = base.queue();
        let (leased, first) = base.lease(campaign, AT_MOST, &mut fresh, now).await?;
        ensure!(leased.len() == AT_MOST, "{} were leased", leased.len());
        let (after, most_after) = leases(base, campaign, &mut fresh, now).await?;
        snapshot.close().await?;

        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        println!(
            "{}, {name}: a lease of {AT_MOST} takes {:.2} ms (most {:.2}); with {dead} dead entries under an open snapshot \
             {:.2} ms (most {:.2}), {:.1} times as much; a controller's first {:.2} ms",
            base.kind,
            ms(before),
            ms(most_before),
            ms(after),
            ms(most_after),
            ms(after) / ms(before),
            ms(first)
        );
    }
    Ok(())
}

/// The median and the longest of many leases.
async fn leases(
    base: &QueueBase,
    campaign: CampaignId,
    queue: &mut aftertone::store::DueQueue,
    now: Timestamp,
) -> Result<(Duration, Duration)> {
    let mut all = Vec::new();
    for _ in 0..LEASES {
        let (leased, took) = base.lease(campaign, AT_MOST, queue, now).await?;
        ensure!(leased.len() == AT_MOST, "{} were leased", leased.len());
        all.push(took);
    }
    all.sort_unstable();
    let longest = all.last().copied().unwrap_or_default();
    Ok((all[all.len() / 2], longest))
}

/// It is day in all of the United States.
const NOON: &str = "2026-12-02T20:00:00Z";

const ONE: &[u64] = &[212];

const MANY: &[u64] = &[
    202, 205, 210, 212, 214, 215, 216, 217, 225, 240, 251, 256, 260, 262, 267, 301, 302, 305, 312,
    313, 314, 317, 318, 319, 401, 402, 404, 405, 410, 412, 414, 501, 502, 504, 512, 513, 601, 612,
    617, 704, 713, 803, 901, 919, 310, 415, 503,
];

/// Contacts of a lease.
const AT_MOST: usize = 20;

/// Leases that are measured.
const LEASES: usize = 200;
