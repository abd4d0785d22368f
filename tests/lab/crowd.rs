//! A hundred drops at once, in one process, on one PBX.

use std::{sync::Arc, time::Duration};

use aftertone::{
    config::{Config, ScreenMode},
    drop::{Outcome, Report},
    run::{News, Session},
    words::ReadyBy,
};
use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, check,
    drops::{follow, start},
    network::Number,
    recording::RATE,
    subscribers::{PATIENCE, delivered},
};

const DROPS: usize = 100;

/// How many of the hundred may have lost or doubled a packet inside, and how much of the message that may be: two
/// software PBXs and their far end share the cores of one machine.
const MAY_SLIP: usize = 2;
const SLIP: Duration = Duration::from_millis(200);

/// Tests that need the machine for themselves.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let bench = Arc::clone(bench);
    let listening = Arc::clone(&bench);
    vec![
        Trial::test(
            "crowd::a_hundred_drops_at_once_are_all_delivered_whole",
            move || bench.alone(|| hundred(&bench, ScreenMode::Dialplan, ReadyBy::Dialplan)),
        ),
        Trial::test(
            "crowd::a_hundred_drops_that_we_listen_to_are_all_delivered_whole",
            move || listening.alone(|| hundred(&listening, ScreenMode::Listen, ReadyBy::Beep)),
        ),
    ]
}

fn hundred(bench: &Bench, mode: ScreenMode, by: ReadyBy) -> Result<(), Failed> {
    let numbers: Vec<_> = (0..DROPS).map(|_| bench.lab().number("0101")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let reports = runtime.block_on(all_at_once(bench, mode, &numbers))?;
    for (number, report) in numbers.iter().zip(&reports) {
        check!(report.outcome == Outcome::Delivered, "{report:#?}");
        // Without optimisation our ears need more of the machine than it has for a hundred; then the dialplan helps out.
        check!(
            report.ready_by == Some(by) || cfg!(debug_assertions),
            "{report:#?}"
        );
        check!(bench.lab().times_called(number)? == 2);
    }
    let found = numbers
        .iter()
        .map(|number| delivered(bench, number))
        .collect::<Result<Vec<_>, _>>()?;
    let cut: Vec<_> = found
        .iter()
        .filter(|found| !found.has_both_ends())
        .map(ToString::to_string)
        .collect();
    check!(cut.is_empty(), "{cut:#?}");
    let slipped: Vec<_> = found.iter().filter(|found| !found.is_whole()).collect();
    check!(slipped.len() <= MAY_SLIP, "{slipped:#?}");
    check!(
        slipped
            .iter()
            .all(|found| found.slip < SLIP && found.inside_missing < SLIP),
        "{slipped:#?}"
    );
    Ok(())
}

async fn all_at_once(
    bench: &Bench,
    mode: ScreenMode,
    numbers: &[Number],
) -> Result<Vec<Report>, Failed> {
    let mut config = Config::load(Some(bench.lab().config()))?;
    config.screen.mode = mode;
    let session = Session::open(&config).await?;
    let message = bench.message();
    let length = Duration::from_secs_f64(message.samples.len() as f64 / RATE as f64);
    let folder = config.pbx.pbx_sounds_dir.display();
    let media = format!("sound:{folder}/{}", message.name);
    let mut drops = Vec::new();
    for number in numbers {
        drops.push(start(&session, &config, number, &media, length).await?);
    }
    let mut reports = Vec::new();
    for news in &mut drops {
        let ended = |news| match news {
            News::Ended(report) => Some(*report),
            News::Moment(..) => None,
        };
        reports.push(follow(news, PATIENCE, ended).await?);
    }
    session
        .close()
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(reports)
}
