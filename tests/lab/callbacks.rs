//! People who call back, by real channels: every key, none, wrong ones, a number that is withheld, whoever hangs up at which prompt
//! ever, with nobody there to take the call, with the program killed while they listen, and with a campaign that is about to call them.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    Bench,
    agents::{has_no_limit, program, serving_api},
    beside_others,
    campaigns::program::Program,
    check,
    network::{Lab, Number, wait_for},
    serve::Api,
    subscribers::PATIENCE,
};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(bench, format!("callbacks::{name}"), test));
    };
    single("whoever_wants_no_more_calls_gets_none", opted_out);
    single("a_number_is_typed_if_none_came_with_the_call", typed);
    single(
        "whoever_has_a_number_that_is_never_dialled_gets_no_calls_either",
        never_dialled,
    );
    single("a_call_is_sent_on_with_what_is_known_of_it", connected);
    single("who_presses_nothing_or_hangs_up_is_counted", silent);
    single(
        "whoever_hangs_up_at_a_prompt_is_counted",
        hung_up_at_prompts,
    );
    single(
        "half_a_number_and_wrong_ones_are_put_on_no_list",
        wrongly_typed,
    );
    single(
        "no_call_follows_while_a_campaign_dials",
        opted_out_while_dialling,
    );
    single("without_a_program_the_call_goes_on", nobody);
    single("killed_the_call_is_taken_by_the_next_program", killed);
    trials
}

/// A program that takes calls that come back, under an app of eight characters.
pub(crate) fn taking<'a>(bench: &Bench, lab: &'a Lab, app: &str) -> Program<'a> {
    let prompt = &bench.message().name;
    program(lab, app)
        .with("CALLBACK__PROMPT", prompt)
        .with("CALLBACK__REMOVED", prompt)
        .with("CALLBACK__WHICH_NUMBER", prompt)
        .with("CALLBACK__GOES_TO", "lab-back,s,1")
        .with("CALLBACK__WAIT", "1s")
        .with("CALLBACK__TIMES", "1")
}

/// Somebody who calls.
pub(crate) struct Caller<'a> {
    lab: &'a Lab,
    pub(crate) number: Number,
    pub(crate) called: String,
}

impl<'a> Caller<'a> {
    /// Calls, and presses these keys.
    pub(crate) fn calls(
        lab: &'a Lab,
        app: &str,
        subscriber: &str,
        keys: &str,
    ) -> Result<Self, Failed> {
        Self::calls_from(lab, app, lab.number(subscriber), keys)
    }

    /// The same, from this number.
    fn calls_from(lab: &'a Lab, app: &str, number: Number, keys: &str) -> Result<Self, Failed> {
        let caller = Self::of(lab, number);
        let line = format!(
            "channel originate Local/{app}{}{}@lab-callback/n extension {keys}@lab-keys",
            caller.number.e164(),
            caller.called
        );
        lab.console("pbx", &line)?;
        Ok(caller)
    }

    /// Whoever has this number, before they call.
    pub(crate) fn of(lab: &'a Lab, number: Number) -> Self {
        Self {
            lab,
            number,
            // A number of their own, which no other test's caller calls.
            called: lab.number("0100").e164(),
        }
    }

    /// The channel by which the call came in.
    fn channel(&self) -> Result<Value, Failed> {
        self.side(";2")
    }

    fn side(&self, end: &str) -> Result<Value, Failed> {
        let all = self.lab.ask("GET", "channels")?;
        let mut all = all.as_array().ok_or("no list of channels")?.iter();
        let found = all.find(|channel| {
            let name = channel["name"].as_str().unwrap_or_default();
            name.contains(&self.number.e164()) && name.ends_with(end)
        });
        found.cloned().ok_or_else(|| "no call is up".into())
    }

    /// Waits until all keys are pressed.
    fn has_pressed(&self) -> Result<(), Failed> {
        wait_for(PATIENCE, || {
            let own = self.side(";1")?;
            check!(own["dialplan"]["priority"] == 4, "{own:#}");
            Ok(())
        })
    }

    /// Hangs up, by their own telephone.
    pub(crate) fn hangs_up(&self) -> Result<(), Failed> {
        let own = self.side(";1")?;
        let id = own["id"].as_str().ok_or("no id")?;
        self.lab.ask("DELETE", &format!("channels/{id}")).map(drop)
    }

    pub(crate) fn is_at(&self, context: &str) -> Result<Value, Failed> {
        wait_for(PATIENCE, || {
            let channel = self.channel()?;
            check!(channel["dialplan"]["context"] == context, "{channel:#}");
            Ok(channel)
        })
    }

    pub(crate) fn until_gone(&self) -> Result<(), Failed> {
        wait_for(PATIENCE, || {
            check!(self.channel().is_err(), "it is still up");
            Ok(())
        })
    }

    /// What was told of it once it is over.
    pub(crate) fn ended(&self, api: &Api) -> Result<Vec<Value>, Failed> {
        wait_for(PATIENCE, || {
            let page = api.ask(
                "GET",
                "/events?types=callback.*,contact.opted_out&limit=200",
                None,
            )?;
            let events = page["items"].as_array().ok_or("no events")?;
            check!(
                events.iter().any(|event| event["type"] == "callback.ended"),
                "{page:#}"
            );
            Ok(events.clone())
        })
    }
}

/// The types of what was told, and what came of the call.
pub(crate) fn told(events: &[Value]) -> (Vec<&str>, &str) {
    let types = events.iter().filter_map(|event| event["type"].as_str());
    let last = events.last().map_or("", |event| {
        event["data"]["outcome"].as_str().unwrap_or_default()
    });
    (types.collect(), last)
}

pub(crate) fn is_barred(program: &Program<'_>, number: &str) -> Result<bool, Failed> {
    // It fails if the number is on a list.
    let said = program.ask(&["dnc", "check", number]);
    let said = said.unwrap_or_else(|error| format!("{error:?}"));
    Ok(said.contains("callback"))
}

fn opted_out(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backgone");
    let (service, api) = serving_api(&program, lab, "backgone")?;
    let caller = Caller::calls(lab, "backgone", "0104", "w9")?;
    let events = caller.ended(&api)?;
    let expected = ["callback.received", "contact.opted_out", "callback.ended"];
    check!(
        told(&events) == (expected.to_vec(), "opted_out"),
        "{events:#?}\n{}",
        service.said()
    );
    check!(is_barred(&program, &caller.number.e164())?);
    caller.until_gone()?;
    service.stop()
}

fn typed(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "hidegone");
    let (service, api) = serving_api(&program, lab, "hidegone")?;
    let caller = Caller::calls(lab, "hidegone", "0104", "w9ww2025550177h")?;
    let events = caller.ended(&api)?;
    check!(
        told(&events).1 == "opted_out",
        "{events:#?}\n{}",
        service.said()
    );
    check!(is_barred(&program, "+12025550177")?);
    // Whose number it is was not to be known.
    check!(!is_barred(&program, &caller.number.e164())?);
    check!(events[0]["data"]["number"] == Value::Null, "{events:#?}");
    caller.until_gone()?;
    service.stop()
}

fn never_dialled(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    // A premium-rate number, which calls or is typed in.
    let premium = Number::new(900, "0179");
    for (app, keys) in [("backcost", "w9"), ("hidecost", "w9ww9005550179h")] {
        let program = taking(bench, lab, app);
        let (service, api) = serving_api(&program, lab, app)?;
        let caller = Caller::calls_from(lab, app, premium.clone(), keys)?;
        let events = caller.ended(&api)?;
        check!(
            told(&events).1 == "opted_out",
            "{events:#?}\n{}",
            service.said()
        );
        check!(is_barred(&program, &premium.e164())?);
        caller.until_gone()?;
        service.stop()?;
    }
    Ok(())
}

fn connected(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backtalk");
    let (service, api) = serving_api(&program, lab, "backtalk")?;
    let caller = Caller::calls(lab, "backtalk", "0104", "w1")?;
    let channel = caller.is_at("lab-back")?;
    let id = channel["id"].as_str().ok_or("no id")?;
    let path = format!("channels/{id}/variable?variable=AFTERTONE_DROP");
    // Nobody has called this number: there is nothing to know.
    check!(lab.ask("GET", &path)?["value"] == "", "{channel:#}");
    // From here on it lasts as long as it wants.
    has_no_limit(lab, id)?;
    let events = caller.ended(&api)?;
    check!(
        told(&events) == (vec!["callback.received", "callback.ended"], "connected"),
        "{events:#?}"
    );
    check!(
        events[0]["data"]["called"] == caller.called.as_str(),
        "{events:#?}"
    );
    // It is none of the program's any more, which may end.
    service.stop()?;
    check!(caller.is_at("lab-back").is_ok());
    lab.ask("DELETE", &format!("channels/{id}")).map(drop)
}

fn silent(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backwait");
    let (service, api) = serving_api(&program, lab, "backwait")?;
    // Another key than those that mean something.
    let caller = Caller::calls(lab, "backwait", "0104", "w5")?;
    let events = caller.ended(&api)?;
    check!(
        told(&events).1 == "listened",
        "{events:#?}\n{}",
        service.said()
    );
    caller.until_gone()?;
    let caller = Caller::calls(lab, "backwait", "0125", "ww")?;
    let channel = caller.is_at("aftertone-callback")?;
    let received = |api: &Api| -> Result<usize, Failed> {
        let page = api.ask("GET", "/events?types=callback.*&limit=200", None)?;
        Ok(page["items"].as_array().map_or(0, Vec::len))
    };
    wait_for(PATIENCE, || {
        check!(received(&api)? == 3);
        Ok(())
    })?;
    let id = channel["id"].as_str().ok_or("no id")?;
    lab.ask("DELETE", &format!("channels/{id}"))?;
    let last = wait_for(PATIENCE, || {
        check!(received(&api)? == 4);
        let page = api.ask("GET", "/events?types=callback.ended&limit=200", None)?;
        let events = page["items"].as_array().ok_or("no events")?;
        Ok(events.last().cloned().unwrap_or_default())
    })?;
    check!(last["data"]["outcome"] == "hung_up", "{last:#}");
    service.stop()
}

/// All that was told of these types, in its order.
fn told_of(api: &Api, types: &str) -> Result<Vec<Value>, Failed> {
    let page = api.ask("GET", &format!("/events?types={types}&limit=200"), None)?;
    Ok(page["items"].as_array().ok_or("no events")?.clone())
}

/// What came of the last call, once so many are over.
fn last_of(api: &Api, calls: usize) -> Result<String, Failed> {
    wait_for(PATIENCE, || {
        let ended = told_of(api, "callback.ended")?;
        check!(ended.len() == calls, "{ended:#?}");
        let last = ended.last().ok_or("none")?;
        Ok(last["data"]["outcome"].as_str().ok_or("none")?.to_owned())
    })
}

fn hung_up_at_prompts(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backhang");
    let (service, api) = serving_api(&program, lab, "backhang")?;
    // At the menu.
    let caller = Caller::calls(lab, "backhang", "0104", "wwwwwwwwwwwwwwwwwwww")?;
    caller.is_at("aftertone-callback")?;
    wait_for(PATIENCE, || {
        check!(told_of(&api, "callback.received")?.len() == 1);
        Ok(())
    })?;
    caller.hangs_up()?;
    check!(last_of(&api, 1)? == "hung_up", "{}", service.said());
    // At the confirmation, which says what is so already.
    let caller = Caller::calls(lab, "backhang", "0104", "w9")?;
    wait_for(PATIENCE, || {
        check!(told_of(&api, "contact.opted_out")?.len() == 1);
        Ok(())
    })?;
    caller.hangs_up()?;
    check!(last_of(&api, 2)? == "opted_out", "{}", service.said());
    check!(is_barred(&program, &caller.number.e164())?);
    caller.until_gone()?;
    service.stop()
}

fn wrongly_typed(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "hidetype").with("CALLBACK__FAILED", &bench.message().name);
    let (service, api) = serving_api(&program, lab, "hidetype")?;
    let cases = [
        // They hang up when they are asked for a number, in the midst of it, and when they hear that it did not work.
        ("w9", true, "hung_up"),
        ("w9ww202555", true, "hung_up"),
        ("w9ww1hww2hww3h", true, "hung_up"),
        // Wrong, begun anew, and right; with a key too many at the end.
        ("w9ww12hww202s2025550178h1", false, "opted_out"),
    ];
    for (calls, (keys, hangs_up, outcome)) in (1..).zip(cases) {
        let caller = Caller::calls(lab, "hidetype", "0104", keys)?;
        if hangs_up {
            caller.has_pressed()?;
            caller.hangs_up()?;
        }
        let last = last_of(&api, calls)?;
        check!(last == outcome, "{keys}: {last}\n{}", service.said());
        check!(!is_barred(&program, &caller.number.e164())?);
        caller.until_gone()?;
    }
    check!(is_barred(&program, "+12025550178")?);
    check!(told_of(&api, "contact.opted_out")?.len() == 1);
    service.stop()
}

/// Some of a campaign's contacts call while it dials, and want no more calls: whoever is not on their way by then is not called.
fn opted_out_while_dialling(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backdial");
    let (service, api) = serving_api(&program, lab, "backdial")?;
    let contacts: Vec<_> = (0..30).map(|_| lab.number("0106")).collect();
    let lines: Vec<_> = contacts.iter().map(Number::e164).collect();
    let list = lab.folder().join("backdial.csv");
    std::fs::write(&list, format!("phone\n{}\n", lines.join("\n")))?;
    let slowly = ["--rate", "2/s", "--technique", "single"];
    program.create("dialling", &bench.message().name, &slowly, &list)?;
    program.ask(&["campaign", "start", "dialling"])?;
    let callers: Vec<_> = contacts.iter().skip(2).step_by(4).collect();
    for number in &callers {
        Caller::calls_from(lab, "backdial", (*number).clone(), "w9")?;
    }
    wait_for(PATIENCE, || {
        let state = program.ask(&["campaign", "status", "dialling"])?;
        check!(state.contains("dialling: complete"), "{state}");
        check!(told_of(&api, "contact.opted_out")?.len() == callers.len());
        Ok(())
    })?;
    // An intent that missed its moment on the trunk is taken back, and written again.
    let log = told_of(&api, "drop.started,drop.withdrawn,contact.opted_out")?;
    let mut spared = 0;
    for number in &contacts {
        let e164 = number.e164();
        let masked = format!("{}\u{2022}\u{2022}\u{2022}{}", &e164[..5], &e164[8..]);
        let of_it = log
            .iter()
            .filter(|event| event["data"]["number"] == masked.as_str());
        let of_it: Vec<_> = of_it.filter_map(|event| event["type"].as_str()).collect();
        let of = |kind: &str| of_it.iter().filter(|one| **one == kind).count();
        let opted_out = of_it.iter().position(|kind| *kind == "contact.opted_out");
        if let Some(at) = opted_out {
            let after = &of_it[at..];
            check!(!after.contains(&"drop.started"), "{e164}: {of_it:?}");
        }
        let calls = lab.times_called(number)?;
        let dialled = of("drop.started") - of("drop.withdrawn");
        check!(
            calls == dialled,
            "{e164} was called {calls} times: {of_it:?}"
        );
        check!(calls == 1 || opted_out.is_some(), "{e164}: {of_it:?}");
        spared += usize::from(calls == 0);
    }
    check!(spared >= 2, "all were called before: {spared}");
    let summary = program.summary("dialling")?;
    check!(summary["refused"]["do_not_call"] == spared, "{summary:#}");
    service.stop()
}

fn nobody(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let caller = Caller::calls(lab, "backnone", "0104", "ww")?;
    let channel = caller.is_at("lab-else")?;
    let id = channel["id"].as_str().ok_or("no id")?;
    let status = lab.ask(
        "GET",
        &format!("channels/{id}/variable?variable=AFTERTONE_STATUS"),
    )?;
    check!(status["value"] == "not_running", "{status}");
    lab.ask("DELETE", &format!("channels/{id}")).map(drop)
}

fn killed(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backkill");
    let (mut service, api) = serving_api(&program, lab, "backkill")?;
    let caller = Caller::calls(
        lab,
        "backkill",
        "0104",
        "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww9",
    )?;
    caller.is_at("aftertone-callback")?;
    wait_for(PATIENCE, || {
        let page = api.ask("GET", "/events?types=callback.received", None)?;
        check!(
            page["items"].as_array().is_some_and(|all| all.len() == 1),
            "{page:#}"
        );
        Ok(())
    })?;
    service.kill()?;
    let (service, api) = serving_api(&program, lab, "backkill")?;
    // The first is over, and the second is another call to the store.
    wait_for(PATIENCE, || {
        let page = api.ask("GET", "/events?types=callback.*&limit=200", None)?;
        let all = page["items"].as_array().ok_or("no events")?;
        let of = |kind: &str| all.iter().filter(|event| event["type"] == kind).count();
        check!(
            (of("callback.received"), of("callback.ended")) == (2, 2),
            "{page:#}"
        );
        Ok(())
    })?;
    caller.until_gone()?;
    service.stop()
}
