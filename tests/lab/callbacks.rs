//! People who call back, by real channels: every key, none, a number that is withheld, whoever hangs up, with nobody there to take the
//! call, and with the program killed while they listen.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    Bench,
    agents::{program, serving},
    campaigns::program::Program,
    check,
    network::{Lab, Number, wait_for},
    serve::Api,
    subscribers::PATIENCE,
};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        let bench = Arc::clone(bench);
        trials.push(Trial::test(format!("callbacks::{name}"), move || {
            bench.shared(|| test(&bench))
        }));
    };
    single("whoever_wants_no_more_calls_gets_none", opted_out);
    single("a_number_is_typed_if_none_came_with_the_call", typed);
    single("a_call_is_sent_on_with_what_is_known_of_it", connected);
    single("who_presses_nothing_or_hangs_up_is_counted", silent);
    single("without_a_program_the_call_goes_on", nobody);
    single("killed_the_call_is_taken_by_the_next_program", killed);
    trials
}

/// A program that takes calls that come back, under an app of eight characters.
fn taking<'a>(bench: &Bench, lab: &'a Lab, app: &str) -> Program<'a> {
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
struct Caller<'a> {
    lab: &'a Lab,
    number: Number,
    called: String,
}

impl<'a> Caller<'a> {
    /// Calls, and presses these keys.
    fn calls(lab: &'a Lab, app: &str, subscriber: &str, keys: &str) -> Result<Self, Failed> {
        let number = lab.number(subscriber);
        // A number of their own, which no other test's caller calls.
        let called = lab.number("0100").e164();
        let line = format!(
            "channel originate Local/{app}{}{called}@lab-callback/n extension {keys}@lab-keys",
            number.e164()
        );
        lab.console("pbx", &line)?;
        Ok(Self {
            lab,
            number,
            called,
        })
    }

    /// The channel by which the call came in.
    fn channel(&self) -> Result<Value, Failed> {
        let all = self.lab.ask("GET", "channels")?;
        let mut all = all.as_array().ok_or("no list of channels")?.iter();
        let found = all.find(|channel| {
            let name = channel["name"].as_str().unwrap_or_default();
            name.contains(&self.number.e164()) && name.ends_with(";2")
        });
        found.cloned().ok_or_else(|| "no call is up".into())
    }

    fn is_at(&self, context: &str) -> Result<Value, Failed> {
        wait_for(PATIENCE, || {
            let channel = self.channel()?;
            check!(channel["dialplan"]["context"] == context, "{channel:#}");
            Ok(channel)
        })
    }

    fn until_gone(&self) -> Result<(), Failed> {
        wait_for(PATIENCE, || {
            check!(self.channel().is_err(), "it is still up");
            Ok(())
        })
    }

    /// What was told of it once it is over.
    fn ended(&self, api: &Api) -> Result<Vec<Value>, Failed> {
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
fn told(events: &[Value]) -> (Vec<&str>, &str) {
    let types = events.iter().filter_map(|event| event["type"].as_str());
    let last = events.last().map_or("", |event| {
        event["data"]["outcome"].as_str().unwrap_or_default()
    });
    (types.collect(), last)
}

fn is_barred(program: &Program<'_>, number: &str) -> Result<bool, Failed> {
    // It fails if the number is on a list.
    let said = program.ask(&["dnc", "check", number]);
    let said = said.unwrap_or_else(|error| format!("{error:?}"));
    Ok(said.contains("callback"))
}

fn opted_out(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backgone");
    let service = serving(&program, lab, "backgone")?;
    let api = Api::new(&program, &service)?;
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
    service.signal("-TERM")?;
    service.finish(Duration::from_secs(30)).map(drop)
}

fn typed(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "hidegone");
    let service = serving(&program, lab, "hidegone")?;
    let api = Api::new(&program, &service)?;
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
    service.signal("-TERM")?;
    service.finish(Duration::from_secs(30)).map(drop)
}

fn connected(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backtalk");
    let service = serving(&program, lab, "backtalk")?;
    let api = Api::new(&program, &service)?;
    let caller = Caller::calls(lab, "backtalk", "0104", "w1")?;
    let channel = caller.is_at("lab-back")?;
    let id = channel["id"].as_str().ok_or("no id")?;
    let path = format!("channels/{id}/variable?variable=AFTERTONE_DROP");
    // Nobody has called this number: there is nothing to know.
    check!(lab.ask("GET", &path)?["value"] == "", "{channel:#}");
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
    service.signal("-TERM")?;
    service.finish(Duration::from_secs(30))?;
    check!(caller.is_at("lab-back").is_ok());
    lab.ask("DELETE", &format!("channels/{id}")).map(drop)
}

fn silent(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "backwait");
    let service = serving(&program, lab, "backwait")?;
    let api = Api::new(&program, &service)?;
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
    service.signal("-TERM")?;
    service.finish(Duration::from_secs(30)).map(drop)
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
    let mut service = serving(&program, lab, "backkill")?;
    let api = Api::new(&program, &service)?;
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
    let service = serving(&program, lab, "backkill")?;
    let api = Api::new(&program, &service)?;
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
    service.signal("-TERM")?;
    service.finish(Duration::from_secs(30)).map(drop)
}
