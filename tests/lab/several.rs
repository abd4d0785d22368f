//! Several programs at once on one PBX: none disturbs another.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, check,
    network::{Dropping, told, wait_for},
    subscribers::{PATIENCE, delivered},
};

/// Five drops and a doctor, one of the drops killed in between.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let bench = Arc::clone(bench);
    vec![Trial::test(
        "several::five_drops_and_a_doctor_and_one_of_them_killed",
        move || bench.shared(|| five_and_a_doctor(&bench)),
    )]
}

fn five_and_a_doctor(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let numbers: Vec<_> = (0..5).map(|_| lab.number("0101")).collect();
    let mut drops = numbers
        .iter()
        .map(|number| Dropping::start(lab.aftertone(), number, &bench.message().name, &[]))
        .collect::<Result<Vec<_>, _>>()?;
    let out = lab.aftertone().arg("doctor").output()?;
    check!(out.status.code() == Some(0), "{}", told(&out));

    // By now they ring, and some have answered.
    let victim = drops.remove(0);
    victim.signal("-KILL")?;
    victim.finish(PATIENCE)?;
    for (dropping, number) in drops.into_iter().zip(&numbers[1..]) {
        let dropped = dropping.finish(PATIENCE)?;
        check!(
            dropped.outcome() == "delivered",
            "{:#}\n{}",
            dropped.json,
            dropped.talk
        );
        let found = delivered(bench, number)?;
        check!(found.is_whole(), "{found}");
        check!(lab.times_called(number)? == 2);
    }
    // What the dead one left, the next start takes away.
    let out = lab.aftertone().arg("doctor").output()?;
    check!(out.status.code() == Some(0), "{}", told(&out));
    wait_for(Duration::from_secs(5), || {
        let calls = lab.calls(&numbers[0])?;
        let count = |event: &str| calls.iter().filter(|seen| seen.event == event).count();
        check!(count("invite") == count("hangup"), "{calls:#?}");
        Ok(())
    })
}
