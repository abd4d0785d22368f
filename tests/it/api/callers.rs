//! People who call back, by the fake PBX: what the link or the network does to what they press, and to the end of their call.

use std::{fs, time::Duration};

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::server::ApiServer;
use crate::{
    fake::{
        World,
        fault::{Fault, Kind, Rule},
        script::{Call, Playback, Script},
    },
    program::{Program, count, pbx},
};

const CALLER: &str = "1700000000.77";

/// A server that takes calls that come back, once it has the app.
async fn taking() -> ApiServer {
    let program = Program::new(pbx(Script::mailbox())).await;
    let file = program.record("prompt.wav", 1_000);
    let added = program
        .run(&["message", "add", "prompt", file.to_str().unwrap()])
        .await;
    assert_eq!(added.status, Some(0), "{added:?}");
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let sections = "[incoming]\napp = \"aftertone\"\n\
        [callback]\nprompt = \"prompt\"\nremoved = \"prompt\"\nwhich_number = \"prompt\"\ngoes_to = \"sales,s,1\"\n\
        wait = \"1s\"\ntimes = 1\nwhen_silent = \"connect\"\n[store]\n";
    fs::write(path, text.replacen("[store]\n", sections, 1)).unwrap();
    let server = ApiServer::of(program).await;
    let has_app = |world: &mut World| {
        let apps = world.active_apps();
        apps.contains(&"aftertone".to_owned()).then_some(())
    };
    server.program.fake.until("its app", has_app).await;
    server
}

impl ApiServer {
    /// Somebody calls, and hears the prompt, which does not end by itself.
    async fn is_called(&self, caller: &str) {
        let mut call = Call::of(&[]);
        call.playback = Playback::Endless;
        let args = format!("callback,{caller},+12025550100");
        let fake = &self.program.fake;
        fake.with(|world| world.calls_back(CALLER, "aftertone", &args, call));
        self.has_played(1).await;
    }

    async fn has_played(&self, prompts: usize) {
        let begun = |world: &mut World| (count(world, Kind::Play, None) == prompts).then_some(());
        self.program.fake.until("a prompt", begun).await;
    }

    fn press(&self, keys: &str) {
        let fake = &self.program.fake;
        fake.with(|world| keys.chars().for_each(|key| world.presses(CALLER, key)));
    }

    /// What was told of the call once it is over.
    async fn told_of_the_call(&self) -> Vec<Value> {
        let told = async {
            loop {
                let page = self.get("/events?types=callback.*,contact.opted_out").await;
                let events = page.body["items"].as_array().unwrap().clone();
                if events.iter().any(|event| event["type"] == "callback.ended") {
                    return events;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), told).await.unwrap()
    }

    async fn outcome_of_the_call(&self) -> String {
        let told = self.told_of_the_call().await;
        let outcome = &told.last().unwrap()["data"]["outcome"];
        outcome.as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_key_that_comes_twice_is_no_digit_of_the_number_that_is_asked_for() {
    let server = taking().await;
    server.is_called("anonymous").await;
    server.press("99");
    server.has_played(2).await;
    server.press("12025550101#");
    // That it is done.
    server.has_played(3).await;
    server.program.fake.with(|world| world.hangs_up(CALLER));
    let told = server.told_of_the_call().await;
    let barred: Vec<_> = told
        .iter()
        .filter(|event| event["type"] == "contact.opted_out")
        .map(|event| &event["data"]["number"])
        .collect();
    assert_eq!(barred, ["+1202\u{2022}\u{2022}\u{2022}0101"], "{told:#?}");
    server.stop().await;
}

#[tokio::test]
async fn who_has_hung_up_unheard_is_not_connected() {
    let server = taking().await;
    server.is_called("+12025550101").await;
    server.program.fake.with(|world| world.vanishes(CALLER));
    assert_eq!(server.outcome_of_the_call().await, "hung_up");
    // It was not tried.
    let sent_on = server
        .program
        .fake
        .with(|world| count(world, Kind::SetVariable, None));
    assert_eq!(sent_on, 0, "{}", server.program.fake.ladder());
    server.stop().await;
}

#[tokio::test]
async fn who_cannot_be_sent_on_is_hung_up_and_not_connected() {
    let server = taking().await;
    // It is tried again for some seconds.
    let rule = Rule::always(Kind::Continue, Fault::Refuse(500));
    server.program.fake.with(|world| world.rules = vec![rule]);
    server.is_called("+12025550101").await;
    server.press("1");
    assert_eq!(server.outcome_of_the_call().await, "hung_up");
    let is_up = server
        .program
        .fake
        .with(|world| world.channels.contains_key(CALLER));
    assert!(!is_up);
    server.stop().await;
}
