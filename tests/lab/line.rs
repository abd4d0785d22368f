//! `cargo bench --bench line`: what the phone at the far end sees of a drop. From the second call's ringing to the first
//! call's end, by the carrier's clock, over fifty drops through the lab.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its data")]

mod drops;

use std::time::Duration;

use aftertone::{
    config::{Config, ScreenMode},
    drop::Milestone,
    runtime::{DropUpdate, Session},
};
use aftertone_lab::{
    network::{self, Lab, Number, Seen},
    recording,
};
use libtest_mimic::Failed;

use crate::drops::{follow, start};

const DROPS: usize = 50;

/// From one drop's start to the next's.
const PACE: Duration = Duration::from_millis(250);

/// Longer than the wait for any answer.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Failed> {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only wants to know that it builds.
        return Ok(());
    }
    let lab = Lab::up_as_set(env!("CARGO_BIN_EXE_aftertone"), "line")?;
    let numbers: Vec<_> = (0..DROPS).map(|_| lab.number("0101")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(ring(&lab, &numbers))?;
    let mut intervals = numbers
        .iter()
        .map(|number| interval(&lab, number))
        .collect::<Result<Vec<_>, _>>()?;
    intervals.sort_unstable();
    println!("second call's 180 to first call's end, at the carrier, {DROPS} drops:");
    println!(
        "p50 {} ms, max {} ms",
        intervals[DROPS / 2],
        intervals[DROPS - 1]
    );
    Ok(())
}

/// Starts the drops one after the other, and hangs each up when its second call is answered.
async fn ring(lab: &Lab, numbers: &[Number]) -> Result<(), Failed> {
    let mut config = Config::load(Some(lab.config()))?;
    // No call is listened to: all are let go when they answer.
    config.screen.mode = ScreenMode::Dialplan;
    let session = Session::open(&config, None).await?;
    let mut pace = tokio::time::interval(PACE);
    let mut drops = Vec::new();
    for number in numbers {
        pace.tick().await;
        let length = Duration::from_secs(1);
        let message = ("sound:silence/1", length, None);
        drops.push(start(&session, &config, number, message).await?);
    }
    for news in &mut drops {
        let answered = |news| match news {
            DropUpdate::Moment(moment, _) => {
                (moment.event == Milestone::DropAnswered).then_some(())
            }
            DropUpdate::Ended(_) => None,
        };
        follow(news, PATIENCE, answered).await?;
    }
    session.cancel_all().await;
    session
        .close()
        .await
        .map_err(|error| format!("{error:?}").into())
}

fn interval(lab: &Lab, number: &Number) -> Result<i64, Failed> {
    let calls = lab.calls(number)?;
    let at = |call: u8, event: &str| {
        let seen = calls
            .iter()
            .find(|seen| seen.call == call && seen.event == event);
        seen.and_then(Seen::ms)
            .ok_or_else(|| format!("no {event} of call {call}: {calls:#?}"))
    };
    Ok(at(1, "hangup")? - at(2, "ringing")?)
}
