//! Agents who hand over calls that they have made: into the greeting, behind the beep, with a person on the line, to a number that
//! must not get a message, with nobody there to take them.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::{
    Bench, beside_others,
    campaigns::program::{Program, Running},
    check,
    network::{Lab, Number, Recording, wait_for},
    recording::likeness,
    serve::{Api, address},
    subscribers::{PATIENCE, delivered},
};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(bench, format!("agents::{name}"), test));
    };
    single(
        "a_call_handed_over_in_the_greeting_is_delivered",
        in_greeting,
    );
    single(
        "a_call_handed_over_behind_the_beep_is_delivered",
        behind_beep,
    );
    single("a_call_asked_for_by_the_api_is_delivered", by_api);
    single("a_person_gets_no_message", person);
    single("a_person_goes_back_to_the_agent", person_goes_back);
    single("a_number_on_a_list_gets_no_message", barred);
    single("without_a_program_the_call_goes_on", nobody);
    single("a_call_that_comes_too_late_goes_on", too_late);
    single("a_call_that_waits_is_taken_by_the_next_program", waits);
    single(
        "a_call_that_waits_for_nobody_is_ended_by_the_pbx",
        waits_for_nobody,
    );
    single("three_calls_at_once_are_delivered", three_at_once);
    single("campaign_run_takes_calls_as_well", taken_by_campaign_run);
    single(
        "a_feature_code_of_the_agent_hands_the_call_over",
        by_feature_code,
    );
    single("over_a_websocket_it_is_delivered_as_well", over_websocket);
    trials
}

/// A program that takes calls under an app of its own, of eight characters.
pub(crate) fn program<'a>(lab: &'a Lab, app: &str) -> Program<'a> {
    crate::serve::program(lab, app).with("INCOMING__APP", app)
}

/// The same, serving, once it has the app.
pub(crate) fn serving(program: &Program<'_>, lab: &Lab, app: &str) -> Result<Running, Failed> {
    let service = program.serve()?;
    address(&service)?;
    has_app(&service, lab, app)?;
    Ok(service)
}

/// The same, with its API.
pub(crate) fn serving_api(
    program: &Program<'_>,
    lab: &Lab,
    app: &str,
) -> Result<(Running, Api), Failed> {
    let service = serving(program, lab, app)?;
    let api = Api::new(program, &service)?;
    Ok((service, api))
}

/// Waits until it has the app.
fn has_app(running: &Running, lab: &Lab, app: &str) -> Result<(), Failed> {
    wait_for(PATIENCE, || {
        let apps = lab.ask("GET", "applications")?;
        let apps = apps.as_array().ok_or("no list of apps")?.iter();
        let names: Vec<_> = apps.filter_map(|each| each["name"].as_str()).collect();
        check!(names.contains(&app), "{names:?}\n{}", running.said());
        Ok(())
    })
}

/// The PBX does not end it by itself.
pub(crate) fn has_no_limit(lab: &Lab, channel: &str) -> Result<(), Failed> {
    let path = format!("channels/{channel}/variable?variable=TIMEOUT(absolute)");
    let limit = lab.ask("GET", &path)?;
    check!(limit["value"] == "0", "{limit}");
    Ok(())
}

/// A call that an agent has made.
pub(crate) struct Call<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) number: Number,
}

impl<'a> Call<'a> {
    /// An agent calls a subscriber, who has answered.
    pub(crate) fn made(lab: &'a Lab, app: &str, subscriber: &str) -> Result<Self, Failed> {
        Self::made_by(lab, app, subscriber, "application Wait 60")
    }

    /// The same, by an agent who does this on the line.
    fn made_by(lab: &'a Lab, app: &str, subscriber: &str, does: &str) -> Result<Self, Failed> {
        let call = Self {
            lab,
            number: lab.number(subscriber),
        };
        let agent = format!(
            "channel originate Local/{app}{}@lab-agent/n {does}",
            call.number.e164()
        );
        lab.console("pbx", &agent)?;
        call.until("answer")?;
        Ok(call)
    }

    /// Waits until the carrier has seen this of it.
    pub(crate) fn until(&self, event: &str) -> Result<(), Failed> {
        wait_for(PATIENCE, || {
            let calls = self.lab.calls(&self.number)?;
            check!(calls.iter().any(|seen| seen.event == event), "{calls:?}");
            Ok(())
        })
    }

    /// All channels of it, as the PBX lists them.
    fn channels(&self) -> Result<Vec<Value>, Failed> {
        let all = self.lab.ask("GET", "channels")?;
        let number = self.number.e164();
        let all = all.as_array().ok_or("no list of channels")?.iter();
        let is_of = |channel: &&Value| channel.to_string().contains(&number);
        Ok(all.filter(is_of).cloned().collect())
    }

    /// Its far end.
    pub(crate) fn far_end(&self) -> Result<Value, Failed> {
        let all = wait_for(PATIENCE, || {
            let all = self.channels()?;
            let is_far = |channel: &Value| {
                let name = channel["name"].as_str().unwrap_or_default();
                name.starts_with("PJSIP/") && channel["state"] == "Up"
            };
            all.into_iter()
                .find(is_far)
                .ok_or_else(|| "no far end".into())
        })?;
        Ok(all)
    }

    /// Hands it over; returns the id of the far end's channel.
    pub(crate) fn hand_over(&self, message: &str) -> Result<String, Failed> {
        let far = self.far_end()?;
        let name = far["name"].as_str().ok_or("no name")?;
        let redirect = format!("channel redirect {name} aftertone-leave,{message},1");
        self.lab.console("pbx", &redirect)?;
        Ok(far["id"].as_str().ok_or("no id")?.to_owned())
    }

    /// Where its far end is in the dialplan.
    fn place(&self, channel: &str) -> Result<Value, Failed> {
        Ok(self.lab.ask("GET", &format!("channels/{channel}"))?["dialplan"].take())
    }

    /// Waits until nothing of it is up.
    pub(crate) fn until_gone(&self, patience: Duration) -> Result<(), Failed> {
        wait_for(patience, || {
            let left = self.channels()?;
            check!(left.is_empty(), "still up: {left:#?}");
            Ok(())
        })
    }

    /// The one drop that there is of it, once it has ended.
    pub(crate) fn ended(&self, api: &Api) -> Result<Value, Failed> {
        wait_for(PATIENCE, || {
            let path = format!("/drops?number=%2B{}", &self.number.e164()[1..]);
            let page = api.ask("GET", &path, None)?;
            let drops = page["items"].as_array().ok_or("no drops")?;
            check!(drops.len() == 1, "{page:#}");
            check!(drops[0]["status"] == "ended", "{page:#}");
            Ok(drops[0].clone())
        })
    }

    /// The same, which has to be delivered.
    pub(crate) fn is_delivered(&self, api: &Api, service: &Running) -> Result<Value, Failed> {
        let ended = self.ended(api)?;
        check!(
            ended["outcome"] == "delivered",
            "{ended:#}\n{}",
            service.said()
        );
        Ok(ended)
    }

    /// That the far end heard nothing of the message.
    fn heard_nothing(&self, bench: &Bench) -> Result<(), Failed> {
        let heard = self.lab.recordings(&self.number, Recording::Heard)?;
        let heard = heard.last().ok_or("nobody answered")?;
        check!(likeness(&bench.message().samples, heard) < 0.5);
        Ok(())
    }
}

/// The agent's own channel, which does not wait for the message.
pub(crate) fn agent_is_free(call: &Call<'_>) -> Result<(), Failed> {
    wait_for(Duration::from_secs(3), || {
        let left = call.channels()?;
        let is_agents = |channel: &Value| {
            let name = channel["name"].as_str().unwrap_or_default();
            name.starts_with("Local/") || channel["dialplan"]["context"] == "lab-agent"
        };
        check!(!left.iter().any(is_agents), "{left:#?}");
        Ok(())
    })
}

fn in_greeting(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentgre");
    let (service, api) = serving_api(&program, lab, "agentgre")?;
    let call = Call::made(lab, "agentgre", "0104")?;
    call.hand_over(&bench.message().name)?;
    agent_is_free(&call)?;
    let ended = call.is_delivered(&api, &service)?;
    check!(ended["technique"] == "adopted", "{ended:#}");
    // A machine under load may stall, which is said.
    let stalled = ended.to_string().contains("this machine stalled");
    check!(ended["proof"] == "proven" || stalled, "{ended:#}");
    check!(ended["foreign_id"] == "C-7", "{ended:#}");
    check!(ended["metadata"]["agent"] == "ann", "{ended:#}");
    let found = delivered(bench, &call.number)?;
    check!(found.is_whole(), "{found}");
    check!(lab.times_called(&call.number)? == 1);
    call.until_gone(Duration::from_secs(3))?;
    // It is in the books as any call of the agent's is.
    wait_for(Duration::from_secs(5), || {
        check!(
            lab.books()?.contains(&call.number.e164()),
            "{}",
            lab.books()?
        );
        Ok(())
    })?;
    let told = api.ask("GET", "/events?after=0", None)?;
    let told = told["items"].as_array().ok_or("no events")?.iter();
    let ends: Vec<_> = told.filter(|event| event["type"] == "drop.ended").collect();
    check!(ends.len() == 1, "{ends:#?}");
    check!(ends[0].to_string().contains("adopted"), "{ends:#?}");
    service.stop()
}

fn behind_beep(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "oncebeep");
    let (service, api) = serving_api(&program, lab, "oncebeep")?;
    let call = Call::made(lab, "oncebeep", "0116")?;
    // The mailbox records.
    call.until("ready")?;
    call.hand_over(&bench.message().name)?;
    let ended = call.is_delivered(&api, &service)?;
    let shown = api.ask(
        "GET",
        &format!("/drops/{}", ended["drop"].as_str().unwrap_or_default()),
        None,
    )?;
    check!(shown["report"]["ready_by"] == "agent", "{shown:#}");
    check!(ended["proof"] == "probable", "{ended:#}");
    let found = delivered(bench, &call.number)?;
    check!(found.is_whole(), "{found}");
    call.until_gone(Duration::from_secs(3))?;
    service.stop()
}

fn by_api(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentapi");
    let (service, api) = serving_api(&program, lab, "agentapi")?;
    let call = Call::made(lab, "agentapi", "0104")?;
    let far = call.far_end()?;
    let order = json!({
        "to": call.number.e164(), "channel": far["id"], "message": bench.message().name,
        "kind": "informational",
    });
    let ended = api.json("POST", "/drops", &order)?;
    check!(
        ended["outcome"] == "delivered",
        "{ended:#}\n{}",
        service.said()
    );
    check!(ended["technique"] == "adopted", "{ended:#}");
    let found = delivered(bench, &call.number)?;
    check!(found.is_whole(), "{found}");
    call.until_gone(Duration::from_secs(3))?;
    service.stop()
}

/// The person says hello again 2.5 s later: whatever the hand-over takes, that is heard.
fn person(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentper");
    let (service, api) = serving_api(&program, lab, "agentper")?;
    let call = Call::made(lab, "agentper", "0125")?;
    call.hand_over(&bench.message().name)?;
    let ended = call.ended(&api)?;
    check!(ended["outcome"] == "human", "{ended:#}\n{}", service.said());
    call.until_gone(Duration::from_secs(3))?;
    call.heard_nothing(bench)?;
    service.stop()
}

fn person_goes_back(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "backpers");
    let (service, api) = serving_api(&program, lab, "backpers")?;
    let call = Call::made(lab, "backpers", "0125")?;
    let channel = call.hand_over(&bench.message().name)?;
    let ended = call.ended(&api)?;
    check!(ended["outcome"] == "human", "{ended:#}\n{}", service.said());
    let place = call.place(&channel)?;
    check!(place["context"] == "lab-back", "{place:#}");
    has_no_limit(lab, &channel)?;
    // It is none of the program's any more, which may end.
    service.stop()?;
    let place = call.place(&channel)?;
    check!(place["context"] == "lab-back", "{place:#}");
    lab.ask("DELETE", &format!("channels/{channel}"))?;
    call.heard_nothing(bench)
}

fn barred(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentdnc");
    let (service, api) = serving_api(&program, lab, "agentdnc")?;
    let call = Call::made(lab, "agentdnc", "0104")?;
    program.ask(&[
        "dnc",
        "add",
        "--because",
        "asked for it",
        &call.number.e164(),
    ])?;
    call.hand_over(&bench.message().name)?;
    call.until_gone(Duration::from_secs(5))?;
    let path = format!("/drops?number=%2B{}", &call.number.e164()[1..]);
    // It is kept as what it was, once the call is gone.
    wait_for(PATIENCE, || {
        let page = api.ask("GET", &path, None)?;
        let kept = &page["items"][0];
        check!(
            kept["status"] == "refused" && kept["started_at"] == json!(null),
            "{page:#}"
        );
        Ok(())
    })?;
    call.heard_nothing(bench)?;
    check!(service.said().contains("refused"), "{}", service.said());
    service.stop()
}

fn nobody(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let call = Call::made(lab, "agentnob", "0104")?;
    let channel = call.hand_over(&bench.message().name)?;
    let at = |context: &str| {
        wait_for(Duration::from_secs(5), || {
            let place = call.place(&channel)?;
            check!(place["context"] == context, "{place:#}");
            Ok(())
        })
    };
    at("lab-else")?;
    let path = format!("channels/{channel}/variable?variable=AFTERTONE_STATUS");
    let status = lab.ask("GET", &path)?;
    check!(status["value"] == "not_running", "{status:#}");
    lab.ask("DELETE", &format!("channels/{channel}"))?;
    call.heard_nothing(bench)
}

/// It is sent to the program when whoever asked for it has given it up.
fn too_late(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentlat");
    let service = serving(&program, lab, "agentlat")?;
    let call = Call::made(lab, "agentlat", "0104")?;
    let far = call.far_end()?;
    let (name, channel) = (far["name"].as_str(), far["id"].as_str());
    let (name, channel) = name.zip(channel).ok_or("no name or no id")?;
    let drop = "00000000000000000000000000000007";
    let redirect = format!("channel redirect {name} aftertone-fetched,{drop},1");
    lab.console("pbx", &redirect)?;
    wait_for(Duration::from_secs(5), || {
        let place = call.place(channel)?;
        check!(place["context"] == "lab-else", "{place:#}");
        Ok(())
    })?;
    let path = format!("channels/{channel}/variable?variable=AFTERTONE_STATUS");
    let status = lab.ask("GET", &path)?;
    check!(status["value"] == "unavailable", "{status:#}");
    has_no_limit(lab, channel)?;
    lab.ask("DELETE", &format!("channels/{channel}"))?;
    call.heard_nothing(bench)?;
    service.stop()
}

/// It dies before it has begun with a call; the next one finds the call in the app, and takes it.
fn waits(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentwai");
    let mut service = serving(&program, lab, "agentwai")?;
    // It can be killed while it stands still, and the PBX does not notice.
    service.signal("-STOP")?;
    let call = Call::made(lab, "agentwai", "0113")?;
    call.hand_over(&bench.message().name)?;
    wait_for(Duration::from_secs(5), || {
        let far = call.far_end()?;
        check!(far["dialplan"]["app_name"] == "Stasis", "{far:#}");
        Ok(())
    })?;
    service.kill()?;
    let (service, api) = serving_api(&program, lab, "agentwai")?;
    call.is_delivered(&api, &service)?;
    let found = delivered(bench, &call.number)?;
    check!(found.is_whole(), "{found}");
    call.until_gone(Duration::from_secs(3))?;
    service.stop()
}

/// The same, and none follows: the limit that the dialplan has set ends the call.
fn waits_for_nobody(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentnon");
    let mut service = serving(&program, lab, "agentnon")?;
    service.signal("-STOP")?;
    // The far end does not hang up by itself.
    let call = Call::made(lab, "agentnon", "0103")?;
    call.hand_over(&bench.message().name)?;
    service.kill()?;
    call.until_gone(Duration::from_secs(33))?;
    call.heard_nothing(bench)
}

fn three_at_once(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentall");
    let (service, api) = serving_api(&program, lab, "agentall")?;
    let made = (0..3).map(|_| Call::made(lab, "agentall", "0104"));
    let calls: Vec<_> = made.collect::<Result<_, _>>()?;
    for call in &calls {
        call.hand_over(&bench.message().name)?;
    }
    for call in &calls {
        let ended = call.ended(&api)?;
        check!(ended["outcome"] == "delivered", "{ended:#}");
        let found = delivered(bench, &call.number)?;
        check!(found.is_whole(), "{found}");
        call.until_gone(Duration::from_secs(3))?;
    }
    service.stop()
}

fn taken_by_campaign_run(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentrun");
    // A contact whose telephone rings for as long as this takes.
    let list = lab.folder().join("agentrun.csv");
    std::fs::write(&list, format!("phone\n{}\n", lab.number("0108").e164()))?;
    program.create("ringing", &bench.message().name, &[], &list)?;
    let running = program.run("ringing")?;
    has_app(&running, lab, "agentrun")?;
    let call = Call::made(lab, "agentrun", "0104")?;
    call.hand_over(&bench.message().name)?;
    let found = delivered_later(bench, &call)?;
    check!(found, "{}", running.said());
    // Its campaign is over, and so is it.
    running.finish(PATIENCE).map(drop)
}

/// Whether the message arrives whole.
fn delivered_later(bench: &Bench, call: &Call<'_>) -> Result<bool, Failed> {
    call.until_gone(PATIENCE)?;
    Ok(delivered(bench, &call.number)?.is_whole())
}

/// The agent presses the keys of features.conf, and nothing else happens to the call.
fn by_feature_code(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentkey");
    let (service, api) = serving_api(&program, lab, "agentkey")?;
    check!(bench.message().name == "test", "features.conf names it");
    let call = Call::made_by(lab, "agentkey", "0104", "extension wws5@lab-keys")?;
    let ended = call.is_delivered(&api, &service)?;
    check!(ended["technique"] == "adopted", "{ended:#}");
    agent_is_free(&call)?;
    let found = delivered(bench, &call.number)?;
    check!(found.is_whole(), "{found}");
    call.until_gone(Duration::from_secs(3))?;
    service.stop()
}

fn over_websocket(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "agentweb").with("SCREEN__MEDIA", "websocket");
    let (service, api) = serving_api(&program, lab, "agentweb")?;
    let call = Call::made(lab, "agentweb", "0104")?;
    call.hand_over(&bench.message().name)?;
    agent_is_free(&call)?;
    call.is_delivered(&api, &service)?;
    let found = delivered(bench, &call.number)?;
    check!(found.is_whole(), "{found}");
    check!(lab.times_called(&call.number)? == 1);
    call.until_gone(Duration::from_secs(3))?;
    service.stop()
}
