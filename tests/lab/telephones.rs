//! The same by SIP telephones, whose keys are events in RTP: an agent who hands a call over by a feature code or a blind transfer, and
//! somebody who calls back through the network.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench,
    agents::{Call, agent_is_free, program, serving_api},
    beside_others,
    callbacks::{Caller, is_barred, taking, told},
    check,
    network::{Lab, wait_for},
    subscribers::delivered,
};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(bench, format!("telephones::{name}"), test));
    };
    single("an_agent_presses_a_feature_code", |bench| {
        handed_over(bench, "telecode", "wws5")
    });
    single("an_agent_transfers_the_call", |bench| {
        handed_over(bench, "telerefe", "blind")
    });
    single("whoever_calls_back_presses_the_key", called_back);
    trials
}

/// Calls the lab's PBX from a telephone on the carrier, which does this on the line.
fn dials(lab: &Lab, extension: &str, does: &str) -> Result<(), Failed> {
    let line = format!(
        "channel originate PJSIP/anonymous/sip:{extension}@127.0.0.1:{} extension {does}@lab-telephone",
        lab.port(1)
    );
    lab.console("carrier", &line).map(drop)
}

fn handed_over(bench: &Bench, app: &str, does: &str) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, app);
    let (service, api) = serving_api(&program, lab, app)?;
    check!(
        bench.message().name == "test",
        "the lab's dialplan names it"
    );
    let call = Call {
        lab,
        number: lab.number("0104"),
    };
    dials(lab, &format!("tel{app}{}", call.number.e164()), does)?;
    call.until("answer")?;
    let ended = call.is_delivered(&api, &service)?;
    check!(ended["technique"] == "adopted", "{ended:#}");
    check!(ended["metadata"]["agent"] == "ann", "{ended:#}");
    agent_is_free(&call)?;
    let found = delivered(bench, &call.number)?;
    check!(found.is_whole(), "{found}");
    check!(lab.times_called(&call.number)? == 1);
    call.until_gone(Duration::from_secs(3))?;
    service.stop()
}

fn called_back(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = taking(bench, lab, "telecall");
    let (service, api) = serving_api(&program, lab, "telecall")?;
    let caller = Caller::of(lab, lab.number("0104"));
    let extension = format!("caltelecall{}{}", caller.number.e164(), caller.called);
    dials(lab, &extension, "w9")?;
    let events = caller.ended(&api)?;
    let expected = ["callback.received", "contact.opted_out", "callback.ended"];
    check!(
        told(&events) == (expected.to_vec(), "opted_out"),
        "{events:#?}\n{}",
        service.said()
    );
    check!(is_barred(&program, &caller.number.e164())?);
    wait_for(Duration::from_secs(3), || {
        let left = lab.ask("GET", "channels")?;
        check!(
            !left.to_string().contains(&caller.number.e164()),
            "{left:#}"
        );
        Ok(())
    })?;
    service.stop()
}
