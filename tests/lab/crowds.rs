//! Many calls of others at once: agents who hand theirs over, and people who call back and press all sorts of keys.

use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    Bench,
    agents::{Call, program, serving_api},
    callbacks::{Caller, taking},
    check,
    network::{Lab, wait_for},
    serve::Api,
    subscribers::{PATIENCE, delivered},
};

const AGENTS: usize = 30;

/// How many of them may have lost or doubled a packet inside, on a machine that has the far end as well.
const MAY_SLIP: usize = 2;

/// How many callers do each: the keys, what comes of it, how often.
const CALLERS: [(&str, &str, usize); 4] = [
    ("w9", "opted_out", 20),
    ("w1", "connected", 10),
    // A key that means nothing.
    ("w5", "listened", 10),
    // They hang up in the midst of the prompt.
    ("wwwwwwwwwwwwwwwwwwww", "hung_up", 10),
];

/// Tests that need the machine for themselves.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let (agents, callers) = (Arc::clone(bench), Arc::clone(bench));
    vec![
        Trial::test(
            "crowds::thirty_agents_hand_their_calls_over_at_once",
            move || agents.alone(|| thirty_agents(&agents)),
        ),
        Trial::test("crowds::fifty_people_call_back_at_once", move || {
            callers.alone(|| fifty_callers(&callers))
        }),
    ]
}

/// Does something so many times at once.
fn at_once<T: Send>(
    times: usize,
    each: impl Fn(usize) -> Result<T, Failed> + Sync,
) -> Result<Vec<T>, Failed> {
    thread::scope(|scope| {
        let each = &each;
        let begun: Vec<_> = (0..times)
            .map(|nth| scope.spawn(move || each(nth)))
            .collect();
        let ended = begun.into_iter().map(|one| one.join());
        ended
            .map(|one| one.unwrap_or_else(|_| Err("it panicked".into())))
            .collect()
    })
}

fn thirty_agents(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentcrd");
    let (service, api) = serving_api(&program, lab, "agentcrd")?;
    let calls = at_once(AGENTS, |_| {
        let call = Call::made(lab, "agentcrd", "0104")?;
        call.hand_over(&bench.message().name)?;
        Ok(call)
    })?;
    let mut slipped = 0;
    for call in &calls {
        let ended = call.ended(&api)?;
        check!(
            ended["outcome"] == "delivered" && ended["technique"] == "adopted",
            "{ended:#}\n{}",
            service.said()
        );
        let found = delivered(bench, &call.number)?;
        check!(found.has_both_ends(), "{found}");
        slipped += usize::from(!found.is_whole());
        check!(lab.times_called(&call.number)? == 1);
        call.until_gone(Duration::from_secs(3))?;
    }
    check!(slipped <= MAY_SLIP, "{slipped} messages have holes");
    let numbers: Vec<_> = calls.iter().map(|call| call.number.to_string()).collect();
    nothing_is_up(lab, &numbers)?;
    for kind in ["drop.started", "drop.ended"] {
        let told = told(&api, kind)?;
        check!(told.len() == AGENTS, "{kind}: {}", told.len());
    }
    wait_for(PATIENCE, || {
        let books = lab.books()?;
        let missing: Vec<_> = numbers
            .iter()
            .filter(|number| !books.contains(*number))
            .collect();
        check!(missing.is_empty(), "not in the books: {missing:?}");
        Ok(())
    })?;
    service.stop()
}

fn fifty_callers(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backcrwd");
    let (service, api) = serving_api(&program, lab, "backcrwd")?;
    // Mixed, as they come.
    let mut kinds: Vec<_> = CALLERS
        .iter()
        .flat_map(|&(keys, outcome, times)| {
            (0..times).map(move |nth| (nth * 50 / times, keys, outcome))
        })
        .collect();
    kinds.sort_unstable();
    let callers = at_once(kinds.len(), |nth| {
        let (_, keys, outcome) = kinds[nth];
        let caller = Caller::calls(lab, "backcrwd", "0104", keys)?;
        if outcome == "hung_up" {
            caller.is_at("aftertone-callback")?;
            caller.hangs_up()?;
        }
        Ok((caller, outcome))
    })?;
    let ended = wait_for(PATIENCE, || {
        let ended = told(&api, "callback.ended")?;
        check!(
            ended.len() == callers.len(),
            "{} of {} have ended\n{}",
            ended.len(),
            callers.len(),
            service.said()
        );
        Ok(ended)
    })?;
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &ended {
        *counted
            .entry(event["data"]["outcome"].as_str().unwrap_or_default())
            .or_default() += 1;
    }
    let expected: BTreeMap<_, _> = CALLERS
        .iter()
        .map(|&(_, outcome, times)| (outcome, times))
        .collect();
    check!(counted == expected, "{counted:?}\n{}", service.said());
    check!(told(&api, "callback.received")?.len() == callers.len());
    check!(told(&api, "contact.opted_out")?.len() == expected["opted_out"]);
    for (caller, outcome) in &callers {
        let path = format!("/do-not-call/callback/numbers/%2B{}", caller.number);
        let is_barred = api.ask("GET", &path, None).is_ok();
        check!(
            is_barred == (*outcome == "opted_out"),
            "{} {outcome}",
            caller.number
        );
        if *outcome == "connected" {
            caller.is_at("lab-back")?;
            caller.hangs_up()?;
        }
        caller.until_gone()?;
    }
    let numbers: Vec<_> = callers
        .iter()
        .map(|(caller, _)| caller.number.to_string())
        .collect();
    nothing_is_up(lab, &numbers)?;
    service.stop()
}

/// Neither server has a channel that names one of these.
fn nothing_is_up(lab: &Lab, numbers: &[String]) -> Result<(), Failed> {
    wait_for(Duration::from_secs(5), || {
        for list in [
            lab.ask("GET", "channels")?,
            lab.ask_carrier("GET", "channels")?,
        ] {
            let channels = list.as_array().ok_or("no list of channels")?;
            let is_of = |channel: &&Value| {
                let text = channel.to_string();
                numbers.iter().any(|number| text.contains(number))
            };
            let left: Vec<_> = channels.iter().filter(is_of).collect();
            check!(left.is_empty(), "still up: {left:#?}");
        }
        Ok(())
    })
}

/// All events of a type.
fn told(api: &Api, kind: &str) -> Result<Vec<Value>, Failed> {
    let page = api.ask("GET", &format!("/events?types={kind}&limit=200"), None)?;
    Ok(page["items"].as_array().ok_or("no events")?.clone())
}
