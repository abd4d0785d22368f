//! People who call back: what is dialled to whoever wants no more calls, and how a call is sent on.

use std::{fs, time::Duration};

use aftertone::words::Leg;
use serde_json::{Value, json};

use super::server::ApiServer;
use crate::{
    fake::{
        Settings, World,
        fault::{Fault, Kind, Rule},
        log::What,
        script::{Call, Script},
    },
    program::{NUMBER, Program, count, pbx},
};

/// The call that comes in.
const CHANNEL: &str = "1700000000.7";

/// A server that answers calls which come back, once it has the app.
async fn answering(settings: Settings, lead: &str) -> ApiServer {
    let program = Program::new(settings).await;
    program.set("lead", lead);
    configure(&program);
    let server = ApiServer::of(program).await;
    record_prompts(&server.program).await;
    let has_app =
        |world: &mut World| (world.active_apps().contains(&"aftertone".to_owned())).then_some(());
    server.program.fake.until("its app", has_app).await;
    server
}

/// The sections that have calls answered which come back.
pub(crate) fn configure(program: &Program) {
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let sections = "[incoming]\napp = \"aftertone\"\n[callback]\nprompt = \"menu\"\nremoved = \"removed\"\nwhich_number = \"which\"\n\
         goes_to = \"sales,s,1\"\nwait = \"20s\"\n[store]\n";
    fs::write(path, text.replacen("[store]\n", sections, 1)).unwrap();
}

pub(crate) async fn record_prompts(program: &Program) {
    for name in ["menu", "removed", "which"] {
        let file = program.record("recording.wav", 1_200);
        let added = program
            .run(&["message", "add", name, file.to_str().unwrap()])
            .await;
        assert_eq!(added.status, Some(0), "{added:?}");
    }
}

/// Somebody calls back, and is there.
pub(crate) fn calls_back(world: &mut World, channel: &str, number: &str) {
    world.agent_calls(channel, true, Call::of(&[]));
    world.visits(
        channel,
        "aftertone",
        &format!("callback,{number},+12025550100"),
    );
}

/// Where in the log this is first played to the call.
pub(crate) fn played(world: &World, channel: &str, prompt: &str) -> Option<usize> {
    let prompt = format!("/{prompt}\"");
    world.log.iter().position(|entry| match &entry.what {
        What::Request {
            kind: Kind::Play,
            channel: Some(of),
            body,
            ..
        } => of == channel && body.contains(&prompt),
        What::Request { .. } | What::Event { .. } => false,
    })
}

/// The places in the log at which something was dialled.
pub(crate) fn dialled(world: &World) -> Vec<usize> {
    let log = world.log.iter().enumerate();
    let originates = log.filter(|(_, entry)| entry.is_request(Kind::Originate));
    originates.map(|(at, _)| at).collect()
}

impl ApiServer {
    /// They hear the menu, and press a key.
    async fn presses(&self, channel: &str, key: char) {
        let fake = &self.program.fake;
        let menu = |world: &mut World| played(world, channel, "menu");
        fake.until("the menu", menu).await;
        fake.with(|world| world.presses(channel, key));
    }

    /// What came of so many calls, the last one last, once they are over.
    async fn came_of(&self, calls: usize) -> Vec<Value> {
        let asking = async {
            loop {
                let told = self.get("/events?types=callback.ended").await;
                let told = told.body["items"].as_array().unwrap().clone();
                if told.len() == calls {
                    let came_of = told.iter().map(|event| event["data"]["outcome"].clone());
                    return came_of.collect();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came_of = tokio::time::timeout(Duration::from_secs(20), asking).await;
        came_of.expect("they are never over")
    }
}

/// The first call rings, and the second one is about to be made.
#[tokio::test]
async fn what_this_process_dials_ends_before_the_opt_out_is_confirmed() {
    let server = answering(pbx(Script::mailbox()), "15s").await;
    let fake = &server.program.fake;
    let order = json!({"to": NUMBER, "message": "sound:hello-world", "kind": "marketing"});
    let ordered = server.order("k1", &order).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let rings =
        |world: &mut World| (count(world, Kind::Originate, Some(Leg::Busy)) == 1).then_some(());
    fake.until("the first call", rings).await;
    fake.with(|world| calls_back(world, CHANNEL, NUMBER));
    server.presses(CHANNEL, '9').await;
    let removed = fake
        .until("the confirmation", |world| {
            played(world, CHANNEL, "removed")
        })
        .await;
    let drop = ordered.body["drop"].as_str().unwrap();
    let ended = server.ended(drop).await;
    assert_eq!(ended["outcome"], "cancelled", "{ended}");
    let all = fake.with(|world| dialled(world));
    assert_eq!(all.len(), 1, "{}", fake.ladder());
    assert!(all[0] < removed);
    assert_eq!(server.came_of(1).await, ["opted_out"]);
    server.stop().await;
}

#[tokio::test]
async fn what_another_process_dials_is_waited_for_before_the_opt_out_is_confirmed() {
    let server = answering(pbx(Script::mailbox()), "3s").await;
    let fake = &server.program.fake;
    let other = server.program.drop(&[]);
    let caller = async {
        let rings =
            |world: &mut World| (count(world, Kind::Originate, Some(Leg::Busy)) == 1).then_some(());
        fake.until("the first call", rings).await;
        fake.with(|world| calls_back(world, CHANNEL, NUMBER));
        server.presses(CHANNEL, '9').await;
        fake.until("the confirmation", |world| {
            played(world, CHANNEL, "removed")
        })
        .await
    };
    let (ended, removed) = tokio::join!(other, caller);
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
    let all = fake.with(|world| dialled(world));
    assert_eq!(all.len(), 2, "{}", fake.ladder());
    assert!(all[1] < removed, "{}", fake.ladder());
    assert_eq!(server.came_of(1).await, ["opted_out"]);
    server.stop().await;
}

#[tokio::test]
async fn a_call_is_connected_once_the_pbx_has_taken_it_and_lasts_as_long_as_it_wants() {
    let settings = Settings {
        sends_on: true,
        ..pbx(Script::mailbox())
    };
    let server = answering(settings, "150ms").await;
    let fake = &server.program.fake;
    let refused = Fault::Refuse(503);
    let twice = Rule {
        times: 2,
        ..Rule::always(Kind::Continue, refused.clone())
    };
    let unheard = Rule::once(Kind::Continue, Fault::Hang { done: true });
    for (nth, rule) in [twice, unheard].into_iter().enumerate() {
        let channel = format!("1700000000.{nth}");
        fake.with(|world| {
            world.rules = vec![rule];
            // The PBX ends it by itself, as the dialplan says.
            calls_back(world, &channel, NUMBER);
        });
        server.presses(&channel, '1').await;
        let goes_on = |world: &mut World| {
            let place = &world.channels.get(&channel)?.place;
            (place.context == "sales").then_some(())
        };
        fake.until("it goes on", goes_on).await;
        let set = fake.with(|world| {
            let all = world.log.iter().filter_map(|entry| match &entry.what {
                What::Request {
                    kind: Kind::SetVariable,
                    channel: Some(of),
                    body,
                    ..
                } if *of == channel => Some(body.clone()),
                What::Request { .. } | What::Event { .. } => None,
            });
            all.collect::<Vec<_>>()
        });
        let limit = r#"{"variable":"TIMEOUT(absolute)","value":"0"}"#;
        assert_eq!(set.last().map(String::as_str), Some(limit), "{set:?}");
        assert!(set[0].contains("AFTERTONE_CAMPAIGN"), "{set:?}");
        assert_eq!(server.came_of(nth + 1).await[nth], "connected");
        assert!(fake.with(|world| world.channels.contains_key(&channel)));
    }
    // It takes none: nobody is left in silence, and nobody is connected.
    fake.with(|world| {
        world.rules = vec![Rule::always(Kind::Continue, refused)];
        calls_back(world, CHANNEL, NUMBER);
    });
    server.presses(CHANNEL, '1').await;
    let gone = |world: &mut World| (!world.channels.contains_key(CHANNEL)).then_some(());
    fake.until("it is hung up", gone).await;
    assert_eq!(server.came_of(3).await[2], "hung_up");
    server.stop().await;
}
