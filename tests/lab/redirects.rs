//! A network that answers with another number, and a trunk that is away: no number is rung that the gate was not asked about.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    Bench, check,
    listen::DIALPLAN,
    network::{Dropping, Number, wait_for},
    subscribers::PATIENCE,
};

/// Tests of redirections and of a trunk that is away.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let trial = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        let bench = Arc::clone(bench);
        Trial::test(format!("redirects::{name}"), move || {
            bench.shared(|| test(&bench))
        })
    };
    vec![
        trial("one_through_the_dialplan_rings_no_phone", |bench| {
            rings_nobody(bench, "redirecting-user")
        }),
        trial("one_to_an_address_rings_no_phone", |bench| {
            rings_nobody(bench, "redirecting-core")
        }),
        trial("one_that_pjsip_follows_stays_the_same_call", stays_ours),
        trial("the_doctor_says_where_redirections_lead", doctor),
        trial("nothing_is_dialled_by_a_trunk_that_is_away", offline),
    ]
}

const ENDPOINT: &str = "AFTERTONE__PBX__ENDPOINT";

/// To whom 0134 redirects.
fn stranger(number: &Number) -> Result<Number, Failed> {
    let area: u16 = number.to_string()[1..4].parse()?;
    Ok(Number::new(area, "0101"))
}

fn rings_nobody(bench: &Bench, trunk: &str) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0134");
    let other = stranger(&number)?;
    let mut program = lab.aftertone();
    program.envs([DIALPLAN]);
    program.env(ENDPOINT, format!("PJSIP/{{number}}@{trunk}"));
    let dropped =
        Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
    let json = &dropped.json;
    check!(
        dropped.outcome() == "failed" && json["reason"] == "redirected",
        "{json:#}\n{}",
        dropped.talk
    );
    check!(
        json["words"] == "the network redirected the call",
        "{json:#}"
    );
    check!(json["legs"]["drop"] == Value::Null, "{json:#}");
    lab.wait_for_silence_of(dropped.id(), Duration::from_secs(2))?;
    // Every call that reached the other number, if one did, has ended by now or ends at once, and rang nowhere.
    let seen = wait_for(Duration::from_secs(3), || {
        let seen = lab.calls(&other)?;
        let begun = seen.iter().filter(|seen| seen.event == "invite").count();
        let ended = seen.iter().filter(|seen| seen.event == "hangup").count();
        check!(begun == ended, "a call to a stranger is up: {seen:#?}");
        Ok(seen)
    })?;
    let rang = |event: &str| ["ringing", "progress", "answer"].contains(&event);
    check!(
        !seen.iter().any(|seen| rang(&seen.event)),
        "a stranger was rung: {seen:#?}\n{}",
        dropped.talk
    );
    Ok(())
}

fn stays_ours(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let number = lab.number("0134");
    let mut program = lab.aftertone();
    program.envs([DIALPLAN]);
    let dropped =
        Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
    check!(
        dropped.outcome() == "delivered",
        "{:#}\n{}",
        dropped.json,
        dropped.talk
    );
    lab.wait_for_silence_of(dropped.id(), Duration::from_secs(2))
}

fn doctor(bench: &Bench) -> Result<(), Failed> {
    for (trunk, status) in [
        ("carrier", "ok"),
        ("redirecting-user", "warn"),
        ("redirecting-core", "warn"),
    ] {
        let mut program = bench.lab().aftertone();
        program.env(ENDPOINT, format!("PJSIP/{{number}}@{trunk}"));
        let out = program.args(["doctor", "--json"]).output()?;
        let text = String::from_utf8(out.stdout)?;
        let checks: Value = serde_json::from_str(&text)?;
        let found = find(&checks, "redirects").ok_or_else(|| format!("no such check: {text}"))?;
        check!(found["status"] == status, "{trunk}: {found:#}");
    }
    Ok(())
}

fn find<'a>(checks: &'a Value, name: &str) -> Option<&'a Value> {
    match checks {
        Value::Array(all) => all.iter().find_map(|each| find(each, name)),
        Value::Object(all) if all.get("check").is_some_and(|check| check == name) => Some(checks),
        Value::Object(all) => all.values().find_map(|each| find(each, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn offline(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    // Its state is known some seconds after the PBX has started.
    wait_for(Duration::from_secs(20), || {
        let state = lab.ask("GET", "endpoints/PJSIP/offline")?;
        check!(state.to_string().contains("offline"), "{state}");
        Ok(())
    })?;
    let number = lab.number("0101");
    let mut program = lab.aftertone();
    program.env(ENDPOINT, "PJSIP/{number}@offline");
    let message = &bench.message().name;
    program.args(["drop", &format!("+{number}"), "--message", message]);
    let out = program.output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    check!(out.status.code() == Some(2), "{:?}: {said}", out.status);
    check!(
        said.contains("PJSIP/offline") && said.contains("offline"),
        "{said}"
    );
    check!(lab.times_called(&number)? == 0);
    Ok(())
}
