//! Several programs at once on one PBX: none disturbs another.

use std::{fs, process::Stdio, sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, check,
    network::{Dropping, Number, now, told, wait_for},
    subscribers::{PATIENCE, delivered},
};

/// Five drops and a doctor, one of the drops killed in between.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let (drops, controllers) = (Arc::clone(bench), Arc::clone(bench));
    vec![
        Trial::test(
            "concurrent_programs::five_drops_and_a_doctor_and_one_of_them_killed",
            move || drops.shared(|| five_and_a_doctor(&drops)),
        ),
        Trial::test(
            "concurrent_programs::of_two_controllers_of_one_app_the_second_is_kept_out",
            move || controllers.shared(|| one_controller_an_app(&controllers)),
        ),
    ]
}

/// Two that start at the same moment, as two users who share nothing but the PBX; and one after another that was killed.
fn one_controller_an_app(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let command = |user: &str| {
        let mut command = lab.aftertone();
        let store = lab.folder().join(format!("leased-{user}.db"));
        command
            .env("AFTERTONE__INSTANCE", "leased")
            .env(
                "AFTERTONE__STATE_DIR",
                lab.folder().join(format!("leased-{user}")),
            )
            .env(
                "AFTERTONE__STORE__URL",
                format!("sqlite:{}", store.display()),
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    let create = |user: &str, name: &str, number: &Number| -> Result<(), Failed> {
        let list = lab.folder().join(format!("leased-{name}.csv"));
        fs::write(&list, format!("phone\n{}\n", number.e164()))?;
        let mut command = command(user);
        command.args([
            "campaign",
            "create",
            name,
            "--message",
            &bench.message().name,
        ]);
        command.args(["--kind", "informational", "--retry", "never"]);
        command.args(["--technique", "single"]);
        let out = command.arg(&list).output()?;
        check!(out.status.success(), "{}", told(&out));
        Ok(())
    };
    let users = ["one", "other"];
    for user in users {
        create(user, &format!("with-{user}"), &lab.number("0104"))?;
    }
    let run = |user: &str, name: &str| command(user).args(["campaign", "run", name]).spawn();
    let both = [run(users[0], "with-one")?, run(users[1], "with-other")?];
    let [one, other] = both.map(std::process::Child::wait_with_output);
    let (one, other) = (one?, other?);
    let (won, lost, loser) = if one.status.success() {
        (one, other, users[1])
    } else {
        (other, one, users[0])
    };
    check!(won.status.code() == Some(0), "{}", told(&won));
    check!(lost.status.code() == Some(2), "{}", told(&lost));
    let words = "the app `aftertone-leased` of the PBX at";
    check!(told(&lost).contains(words), "{}", told(&lost));
    let who = "is taken, by instance `leased` on the host `";
    check!(told(&lost).contains(who), "{}", told(&lost));
    let out = run(loser, &format!("with-{loser}"))?.wait_with_output()?;
    check!(out.status.code() == Some(0), "{}", told(&out));

    let rings = lab.number("0108");
    create("one", "killed", &rings)?;
    create("other", "after", &lab.number("0104"))?;
    let mut killed = run("one", "killed")?;
    wait_for(PATIENCE, || {
        let calls = lab.calls(&rings)?;
        check!(!calls.is_empty(), "it is not called");
        Ok(())
    })?;
    killed.kill()?;
    killed.wait()?;
    let began = now();
    let out = run("other", "after")?.wait_with_output()?;
    check!(out.status.code() == Some(0), "{}", told(&out));
    let took = now().duration_since(began);
    check!(took < Duration::from_secs(60), "{took:?}");
    Ok(())
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
