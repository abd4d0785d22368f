//! What the PBX's books and the phone at the far end see of a drop.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, check,
    listen::DIALPLAN,
    network::{Dropping, Recording, Seen, wait_for},
    subscribers::{PATIENCE, delivered},
};

/// Tests of the books and of the order of things on the line.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let trial = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        let bench = Arc::clone(bench);
        Trial::test(format!("trunk::{name}"), move || {
            bench.shared(|| test(&bench))
        })
    };
    vec![
        trial("the_busy_leg_is_not_in_the_books", books),
        trial("a_promoted_busy_leg_is_in_the_books", promoted_books),
        trial(
            "the_first_call_ends_after_the_second_alerts_and_before_it_answers",
            order_on_the_line,
        ),
        trial(
            "a_file_is_prepared_on_the_fly_and_leaves_nothing_behind",
            on_the_fly,
        ),
        trial("the_doctor_finds_a_healthy_pbx", doctor),
    ]
}

fn books(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0101");
    let mut program = lab.aftertone();
    program.envs([DIALPLAN]);
    let dropped =
        Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
    check!(dropped.outcome() == "delivered", "{:#}", dropped.json);

    // The same call without the property, so that the absence of the other means something.
    let plain = lab.number("0108");
    let id = format!("plain-{plain}");
    let endpoint = format!("PJSIP/%2B{plain}@carrier");
    lab.ask(
        "POST",
        &format!("channels?endpoint={endpoint}&app=aftertone-books&channelId={id}&timeout=1"),
    )?;
    let rows = wait_for(Duration::from_secs(10), || {
        let books = lab.books()?;
        check!(books.contains(&id), "no row of the plain call yet");
        Ok(books)
    })?;
    check!(
        rows.contains(&format!("{}-drop", dropped.id())),
        "no row of the drop leg"
    );
    check!(
        !rows.contains(&format!("{}-busy", dropped.id())),
        "the busy leg is in the books"
    );
    Ok(())
}

fn promoted_books(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0104");
    let mut program = lab.aftertone();
    program.envs([DIALPLAN]);
    let dropped =
        Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
    check!(
        dropped.outcome() == "delivered" && dropped.json["promoted"] == true,
        "{:#}",
        dropped.json
    );
    wait_for(Duration::from_secs(10), || {
        check!(
            lab.books()?.contains(&format!("{}-busy", dropped.id())),
            "no row of the promoted leg"
        );
        Ok(())
    })
}

fn order_on_the_line(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    for subscriber in ["0101", "0105", "0112"] {
        let number = lab.number(subscriber);
        let dropped = Dropping::start(lab.aftertone(), &number, &bench.message().name, &[])?
            .finish(PATIENCE)?;
        check!(dropped.outcome() == "delivered", "{:#}", dropped.json);
        let calls = lab.calls(&number)?;
        let at = |call: u8, events: &[&str]| {
            let seen = calls
                .iter()
                .find(|seen| seen.call == call && events.contains(&seen.event.as_str()));
            seen.and_then(Seen::ms)
                .ok_or_else(|| format!("no {events:?} of call {call}: {calls:#?}"))
        };
        let alerted = at(2, &["ringing", "progress"])?;
        let cancelled = at(1, &["hangup"])?;
        let answered = at(2, &["answer"])?;
        check!(
            alerted <= cancelled && cancelled < answered,
            "{subscriber}: {alerted} {cancelled} {answered}"
        );
    }
    Ok(())
}

fn on_the_fly(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0116");
    let source = lab.folder().join("test-source.wav");
    let path = source.to_str().ok_or("an odd path")?;
    let before = files(bench, None)?;
    let dropped = Dropping::start(lab.aftertone(), &number, path, &[])?.finish(PATIENCE)?;
    check!(
        dropped.outcome() == "delivered",
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    let found = delivered(bench, &number)?;
    check!(found.is_whole(), "{found}");
    check!(!lab.recordings(&number, Recording::Mailbox)?.is_empty());
    let after = files(bench, Some(dropped.id()))?;
    check!(after == before, "{before:?} became {after:?}");
    Ok(())
}

/// The files that prepared messages are made of, with those of one drop's own message; others that are made on the fly beside it come
/// and go.
fn files(bench: &Bench, drop: Option<&str>) -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(bench.lab().sounds())? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    let is_own = |name: &String| drop.is_some_and(|drop| name.contains(drop));
    names.retain(|name| !name.starts_with("once-") || is_own(name));
    names.sort();
    Ok(names)
}

fn doctor(bench: &Bench) -> Result<(), Failed> {
    let out = bench
        .lab()
        .aftertone()
        .args(["doctor", "--json"])
        .output()?;
    check!(
        out.status.code() == Some(0),
        "{}",
        crate::network::told(&out)
    );
    let checks: serde_json::Value = serde_json::from_slice(&out.stdout)?;
    check!(
        checks.as_array().is_some_and(|checks| checks.len() >= 10),
        "{checks:#}"
    );
    Ok(())
}
