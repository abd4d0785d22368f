//! A hundred drops at once, in one process, on one PBX.

use std::{sync::Arc, time::Duration};

use aftertone::{config::ScreenMode, drop::Outcome, words::ReadyBy};
use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, check,
    drops::all_at_once,
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
            "hundred_drops::a_hundred_drops_at_once_are_all_delivered_whole",
            move || bench.alone(|| hundred(&bench, ScreenMode::Dialplan, ReadyBy::Dialplan)),
        ),
        Trial::test(
            "hundred_drops::a_hundred_drops_that_we_listen_to_are_all_delivered_whole",
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
    let reports = runtime.block_on(all_at_once(
        bench.lab(),
        bench.message(),
        |config| config.screen.mode = mode,
        &numbers,
        PATIENCE,
    ))?;
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
