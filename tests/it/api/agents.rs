//! `POST /drops` with `channel`: a call that an agent has made is taken over, or left as it is with the reason why.

use std::{fs, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::server::{Answer, ApiServer};
use crate::{
    base::{Kind as Database, Server},
    fake::{
        Settings, World,
        fault::{Fault, Kind, Rule},
        log::{Entry, What},
        script::{Call, Playback, Script},
    },
    program::{Program, count, pbx},
};

/// The far end of the agent's call.
const CHANNEL: &str = "1700000000.42";

fn order() -> Value {
    json!({
        "to": "+12025550101", "channel": CHANNEL, "message": "sound:hello-world", "kind": "marketing", "begin": "now",
        "foreign_id": "c-17",
    })
}

/// A server that takes calls of others, once it has the app.
async fn taking(settings: Settings, gate: &str) -> ApiServer {
    taking_on(settings, gate, Database::Sqlite, &Server::default()).await
}

/// The same on a database.
async fn taking_on(
    settings: Settings,
    gate: &str,
    database: Database,
    postgres: &Server,
) -> ApiServer {
    let program = Program::new(settings).await;
    if !gate.is_empty() {
        program.gate(gate);
    }
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replacen("[store]\n", "[incoming]\napp = \"aftertone\"\n[store]\n", 1);
    fs::write(path, text).unwrap();
    let server = ApiServer::start_program(program, database, postgres).await;
    let has_app = |world: &mut World| {
        let apps = world.active_apps();
        apps.contains(&"aftertone".to_owned()).then_some(())
    };
    server.program.fake.until("its app", has_app).await;
    // It takes calls, and looks for what a process before it has recorded.
    let takes = |world: &mut World| {
        let sweeps = |entry: &Entry| match &entry.what {
            What::Request { line, .. } => line.contains("/recordings/stored"),
            What::Event { .. } => false,
        };
        world.log.iter().any(sweeps).then_some(())
    };
    server.program.fake.until("its run", takes).await;
    server
}

impl ApiServer {
    /// An agent's call is up.
    fn agent_calls(&self, channel: &str, call: Call) {
        let fake = &self.program.fake;
        fake.with(|world| world.agent_calls(channel, true, call));
    }

    fn is_up(&self, channel: &str) -> bool {
        let fake = &self.program.fake;
        fake.with(|world| world.channels.contains_key(channel))
    }

    /// How often something was played.
    fn plays(&self) -> usize {
        let fake = &self.program.fake;
        fake.with(|world| count(world, Kind::Play, None))
    }

    async fn has_no_drop(&self) {
        let all = self.get("/drops").await;
        assert_eq!(all.body["items"], json!([]), "{all:?}");
    }
}

/// The members of a body that are refused.
fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["pointer"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_call_that_is_up_is_taken_over_once_however_often_it_is_asked_for() {
    let server = taking(pbx(Script::mailbox()), "").await;
    server.agent_calls(CHANNEL, Call::of(&[]));
    let ordered = server.order("k1", &order()).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    server.fits(&ordered.body, "DropAccepted");
    let drop = ordered.body["drop"].as_str().unwrap().to_owned();
    let ended = server.ended(&drop).await;
    assert_eq!(ended["outcome"], "delivered", "{ended}");
    assert_eq!(ended["technique"], "adopted");
    assert_eq!(ended["foreign_id"], "c-17");
    assert_eq!(ended["report"]["ready_by"], "agent");
    // The call by which it was asked for is no leg, and no call record has it.
    assert!(ended["report"]["legs"]["busy"].is_null(), "{ended}");
    let fetcher = server.program.fake.with(|world| {
        let mut log = crate::program::requests(world);
        log.truncate(20_000);
        log
    });
    assert!(fetcher.contains("CDR_PROP(disable)"), "{fetcher}");
    let again = server.order("k1", &order()).await;
    assert_eq!((again.status, &again.body), (202, &ordered.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((server.originates(), server.plays()), (1, 1));
    assert!(!server.is_up(CHANNEL));
    // It is gone: a second drop of it cannot be.
    let gone = server.order("k2", &order()).await;
    assert_eq!((gone.status, pointers(&gone)), (422, vec!["/channel"]));
    let left: Vec<String> = server
        .program
        .fake
        .with(|world| world.channels.keys().cloned().collect());
    assert_eq!(left, [""; 0]);
    server.stop().await;
}

#[tokio::test]
async fn a_call_is_left_what_is_made_for_whoever_is_called() {
    let server = taking(pbx(Script::mailbox()), "").await;
    for (name, milliseconds) in [("intro", 1_500), ("names/ann", 400)] {
        let file = server.program.record("recording.wav", milliseconds);
        let added = server
            .program
            .run(&["message", "add", name, file.to_str().unwrap()])
            .await;
        assert_eq!(added.status, Some(0), "{added:?}");
    }
    server.agent_calls(CHANNEL, Call::of(&[]));
    let mut wanted = order();
    // What cannot be left is no reason to take the call from its agent.
    wanted["message"] = "nothing_of_this_name".into();
    let unusable = server.order("k1", &wanted).await;
    assert_eq!(
        (unusable.status, pointers(&unusable)),
        (422, vec!["/message"])
    );
    wanted["message"] = "intro + names/{first_name}".into();
    let unfilled = server.order("k1", &wanted).await;
    assert_eq!(
        (unfilled.status, pointers(&unfilled)),
        (422, vec!["/fields"])
    );
    assert!(server.is_up(CHANNEL), "nobody touched it");
    assert_eq!((server.originates(), server.plays()), (0, 0));
    // Nobody has recorded this name.
    wanted["fields"] = json!({"first_name": "Bob"});
    let unmade = server.order("k1", &wanted).await;
    assert_eq!((unmade.status, pointers(&unmade)), (422, vec!["/message"]));
    assert!(server.is_up(CHANNEL), "nobody touched it");
    assert_eq!((server.originates(), server.plays()), (0, 0));
    wanted["fields"] = json!({"first_name": "Ann"});
    let ordered = server.order("k1", &wanted).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let ended = server.ended(ordered.body["drop"].as_str().unwrap()).await;
    assert_eq!(ended["outcome"], "delivered", "{ended}");
    assert_eq!(ended["message"], wanted["message"]);
    assert!(!ended.to_string().contains("Ann"), "{ended}");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_is_not_there_or_not_answered_is_refused_and_its_key_is_free() {
    let server = taking(pbx(Script::mailbox()), "").await;
    let unknown = server.order("k1", &order()).await;
    assert_eq!((unknown.status, unknown.problem()), (422, "invalid"));
    assert_eq!(pointers(&unknown), ["/channel"]);
    server.fits_problem(&unknown.body);
    let fake = &server.program.fake;
    fake.with(|world| world.agent_calls(CHANNEL, false, Call::of(&[])));
    let rings = server.order("k1", &order()).await;
    assert_eq!((rings.status, pointers(&rings)), (422, vec!["/channel"]));
    assert!(server.is_up(CHANNEL), "nobody touched it");
    assert_eq!((server.originates(), server.plays()), (0, 0));
    server.has_no_drop().await;
    // The button is pressed again when it is answered.
    server.agent_calls(CHANNEL, Call::of(&[]));
    let ordered = server.order("k1", &order()).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let drop = ordered.body["drop"].as_str().unwrap();
    assert_eq!(server.ended(drop).await["outcome"], "delivered");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_is_in_hand_is_not_taken_twice_and_its_drop_can_be_cancelled() {
    let server = taking(pbx(Script::mailbox()), "").await;
    let mut call = Call::of(&[]);
    call.playback = Playback::Endless;
    server.agent_calls(CHANNEL, call);
    let ordered = server.order("k1", &order()).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let second = server.order("k2", &order()).await;
    assert_eq!((second.status, second.problem()), (409, "contended"));
    server.fits_problem(&second.body);
    assert_eq!(server.originates(), 1);
    // Nor is a leg of a drop of ours.
    let drop = ordered.body["drop"].as_str().unwrap().to_owned();
    let mut ours = order();
    ours["channel"] = json!(format!("run1-{drop}-drop"));
    let ours = server.order("k3", &ours).await;
    assert_eq!((ours.status, pointers(&ours)), (422, vec!["/channel"]));
    let words = ours.body["errors"][0]["detail"].as_str().unwrap();
    assert!(words.contains("a drop already"), "{words}");

    let plays = |world: &mut World| (count(world, Kind::Play, None) == 1).then_some(());
    server.program.fake.until("the message", plays).await;
    let cancel = server.request(Method::DELETE, &format!("/drops/{drop}"));
    let cancelled = server.send(cancel).await;
    assert_eq!(cancelled.status, 202, "{cancelled:?}");
    assert_eq!(server.ended(&drop).await["outcome"], "cancelled");
    assert!(!server.is_up(CHANNEL));
    server.stop().await;
}

#[tokio::test]
async fn a_number_on_a_list_gets_nothing_and_the_call_is_hung_up() {
    let server = taking(pbx(Script::mailbox()), "hours = false\nconsent = false").await;
    let put = server
        .put("/do-not-call/own/numbers/+12025550101", &json!({}))
        .await;
    assert_eq!(put.status, 201, "{put:?}");
    server.agent_calls(CHANNEL, Call::of(&[]));
    let refused = server.order("k1", &order()).await;
    assert_eq!((refused.status, refused.problem()), (422, "refused"));
    assert_eq!(refused.body["reason"], "do_not_call");
    server.fits_problem(&refused.body);
    let gone = |world: &mut World| (!world.channels.contains_key(CHANNEL)).then_some(());
    server.program.fake.until("the call to end", gone).await;
    assert_eq!(server.plays(), 0);
    let drops = server.get("/drops").await.body;
    let drop = &drops["items"][0];
    assert_eq!(drop["drop"], refused.body["drop"], "{drops}");
    assert_eq!(
        (&drop["status"], &drop["refused"], &drop["technique"]),
        (&json!("refused"), &json!("do_not_call"), &json!("adopted"))
    );
    // It stays with its key, whatever becomes of the list, and of a call that has the channel's name.
    let off = server.request(Method::DELETE, "/do-not-call/own/numbers/+12025550101");
    assert_eq!(server.send(off).await.status, 204);
    server.agent_calls(CHANNEL, Call::of(&[]));
    let again = server.order("k1", &order()).await;
    assert_eq!((again.status, again.problem()), (422, "refused"));
    assert!(server.is_up(CHANNEL));
    let told = server.get("/events?types=drop.refused").await;
    assert_eq!(told.body["items"].as_array().unwrap().len(), 1, "{told:?}");
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_of_a_call_is_refused_before_the_pbx_hears_of_it() {
    let server = taking(pbx(Script::mailbox()), "").await;
    server.agent_calls(CHANNEL, Call::of(&[]));
    let with = |key: &str, value: Value| {
        let mut order = order();
        order[key] = value;
        order
    };
    for (key, value, pointer) in [
        ("technique", json!("single"), "/technique"),
        ("caller_id", json!("+12025550100"), "/caller_id"),
        ("when_held", json!("wait"), "/when_held"),
        ("expires_at", json!("2099-01-01T00:00:00Z"), "/expires_at"),
        ("begin", json!("later"), "/begin"),
        ("channel", json!("../channels"), "/channel"),
        ("channel", json!("1.2?app=x"), "/channel"),
        ("channel", json!(""), "/channel"),
        ("channel", json!("7".repeat(150)), "/channel"),
        ("channel", Value::Null, "/begin"),
    ] {
        let refused = server.order("k1", &with(key, value.clone())).await;
        assert_eq!(
            (refused.status, refused.problem()),
            (422, "invalid"),
            "{key}: {value}"
        );
        assert_eq!(pointers(&refused), [pointer], "{key}: {value}");
    }
    // Who may not order drops may not take calls over either.
    let reader = server.token(&["drops:read"]).await;
    let asked = server
        .post("/drops", &order())
        .header("idempotency-key", "k1")
        .bearer_auth(&reader);
    let forbidden = server.send(asked).await;
    assert_eq!((forbidden.status, forbidden.problem()), (403, "forbidden"));
    let without_key = server.send(server.post("/drops", &order())).await;
    assert_eq!(without_key.status, 400, "{without_key:?}");
    assert_eq!((server.originates(), server.plays()), (0, 0));
    assert!(server.is_up(CHANNEL));

    // A key stays with its call.
    let writer = server.token(&["drops:write"]).await;
    let asked = server
        .post("/drops", &order())
        .header("idempotency-key", "k1")
        .bearer_auth(&writer);
    let ordered = server.send(asked).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    server.ended(ordered.body["drop"].as_str().unwrap()).await;
    server.agent_calls("1700000000.43", Call::of(&[]));
    let other = server
        .post("/drops", &with("channel", json!("1700000000.43")))
        .header("idempotency-key", "k1")
        .bearer_auth(&writer);
    let other = server.send(other).await;
    assert_eq!(
        (other.status, other.problem()),
        (422, "idempotency_key_reused")
    );
    assert!(server.is_up("1700000000.43"));
    assert_eq!(server.originates(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_nobody_can_take_stays_where_it_is() {
    // No app that calls enter.
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    server.agent_calls(CHANNEL, Call::of(&[]));
    let away = server.order("k1", &order()).await;
    assert_eq!((away.status, away.problem()), (503, "pbx_away"));
    let words = away.body["detail"].as_str().unwrap();
    assert!(words.contains("incoming.app"), "{words}");
    assert!(server.is_up(CHANNEL));
    server.stop().await;

    // A dialplan that does not hand it over.
    let settings = Settings {
        hands_over: false,
        ..pbx(Script::mailbox())
    };
    let server = taking(settings, "").await;
    server.agent_calls(CHANNEL, Call::of(&[]));
    let wanted = order();
    let asked = server.order("k1", &wanted);
    let away = tokio::time::timeout(Duration::from_secs(20), asked)
        .await
        .unwrap();
    assert_eq!((away.status, away.problem()), (503, "pbx_away"), "{away:?}");
    let words = away.body["detail"].as_str().unwrap();
    assert!(words.contains("aftertone-fetch"), "{words}");
    assert!(server.is_up(CHANNEL));
    server.has_no_drop().await;
    // Its key is free.
    let fake = &server.program.fake;
    fake.with(|world| world.settings.hands_over = true);
    let ordered = server.order("k1", &order()).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let drop = ordered.body["drop"].as_str().unwrap();
    assert_eq!(server.ended(drop).await["outcome"], "delivered");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_ends_before_it_is_a_leg_had_hung_up() {
    let server = taking(pbx(Script::mailbox()), "").await;
    for (nth, begin) in [(1, Some("now")), (2, None)] {
        let channel = format!("{CHANNEL}{nth}");
        server.agent_calls(&channel, Call::of(&[]));
        let mut wanted = order();
        wanted["channel"] = channel.as_str().into();
        if begin.is_none() {
            wanted.as_object_mut().unwrap().remove("begin");
        }
        let key = format!("k{nth}");
        let ordering = server.order(&key, &wanted);
        // In the moment in which it has entered our app: the event of its end names no leg of ours.
        let fake = &server.program.fake;
        let ending = fake.until("the call in our app", |world| {
            let is_there = world.channels.get(&channel)?.place.app == "Stasis";
            is_there.then(|| world.vanishes(&channel))
        });
        let (ordered, ()) = tokio::join!(ordering, ending);
        assert_eq!(ordered.status, 202, "{ordered:?}");
        let ended = server.ended(ordered.body["drop"].as_str().unwrap()).await;
        assert_eq!(ended["outcome"], "hung_up", "{begin:?}: {ended}");
    }
    server.stop().await;
}

/// Each reply of a PBX far away takes its time, and nothing is heard meanwhile.
#[tokio::test]
async fn all_that_a_call_needs_is_asked_for_before_the_pbx_has_answered_any_of_it() {
    let server = taking(pbx(Script::mailbox()), "").await;
    server.agent_calls(CHANNEL, Call::of(&[]));
    let slow = Fault::Slow(Duration::from_secs(2));
    let rules =
        [Kind::SetVariable, Kind::Applications].map(|kind| Rule::always(kind, slow.clone()));
    let fake = &server.program.fake;
    fake.with(|world| world.rules = rules.into());
    let mut wanted = order();
    wanted.as_object_mut().unwrap().remove("begin");
    let ordered = server.order("k1", &wanted).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    // Its events, its limit, and four variables.
    fake.until("six requests without an answer", |world| {
        let open = world.log.iter().filter(|entry| match &entry.what {
            What::Request {
                kind,
                channel,
                status: None,
                ..
            } => {
                let is_variable = *kind == Kind::SetVariable;
                let is_its_own = is_variable && channel.as_deref() == Some(CHANNEL);
                is_its_own || *kind == Kind::Applications
            }
            What::Request { .. } | What::Event { .. } => false,
        });
        (open.count() == 6).then_some(())
    })
    .await;
    let goes_on = |world: &World| count(world, Kind::Continue, None);
    assert_eq!(fake.with(|world| goes_on(world)), 0, "not before they are");
    fake.with(|world| world.rules.clear());
    let ended = server.ended(ordered.body["drop"].as_str().unwrap()).await;
    assert_eq!(ended["outcome"], "delivered", "{ended}");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_is_asked_for_twice_at_once_is_taken_once() {
    let server = taking(pbx(Script::mailbox()), "").await;
    let fake = &server.program.fake;
    server.agent_calls(CHANNEL, Call::of(&[]));
    let slow = Rule::once(Kind::Originate, Fault::Late(Duration::from_secs(2)));
    fake.with(|world| world.rules = vec![slow]);
    let wanted = order();
    let first = server.order("k1", &wanted);
    let second = async {
        // The PBX is looked at before it is asked.
        let looked = |world: &mut World| (count(world, Kind::GetChannel, None) > 0).then_some(());
        fake.until("the first one", looked).await;
        server.order("k2", &wanted).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((second.status, second.problem()), (409, "contended"));
    assert_eq!(first.status, 202, "{first:?}");
    let drop = first.body["drop"].as_str().unwrap();
    assert_eq!(server.ended(drop).await["outcome"], "delivered");
    assert_eq!((server.originates(), server.plays()), (1, 1));
    server.stop().await;
}

/// The PBX hands it over when whoever asked has given the answer up.
#[tokio::test]
async fn a_call_that_comes_late_is_taken() {
    let server = taking(pbx(Script::mailbox()), "").await;
    let fake = &server.program.fake;
    server.agent_calls(CHANNEL, Call::of(&[]));
    let late = Rule::once(Kind::Originate, Fault::Late(Duration::from_secs(12)));
    fake.with(|world| world.rules = vec![late]);
    let ordered = server.order("k1", &order()).await;
    assert_eq!(ordered.status, 202, "{ordered:?}\n{}", fake.ladder());
    let drop = ordered.body["drop"].as_str().unwrap();
    assert_eq!(server.ended(drop).await["outcome"], "delivered");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_comes_again_while_it_is_sent_on_is_taken() {
    let settings = Settings {
        sends_on: true,
        ..pbx(Script::mailbox())
    };
    let server = taking(settings, "").await;
    let fake = &server.program.fake;
    server.agent_calls(CHANNEL, Call::of(&[]));
    // The PBX has long sent it on when it says so.
    let slow = Rule::once(Kind::Continue, Fault::Slow(Duration::from_secs(1)));
    fake.with(|world| {
        world.rules = vec![slow];
        world.visits(CHANNEL, "aftertone", "leave");
    });
    let sent_on = |world: &mut World| {
        let channel = world.channels.get(CHANNEL)?;
        let status = channel.variables.get("AFTERTONE_STATUS")?;
        (status == "no_message" && channel.place.app == "Wait").then_some(())
    };
    fake.until("it goes on", sent_on).await;
    fake.with(|world| {
        let args = "leave,sound:hello-world,now,+12025550101";
        world.visits(CHANNEL, "aftertone", args);
    });
    let gone = |world: &mut World| (!world.channels.contains_key(CHANNEL)).then_some(());
    fake.until("its end", gone).await;
    assert_eq!(server.plays(), 1);
    let all = server.get("/drops").await.body["items"].clone();
    let drop = all[0]["drop"].as_str().unwrap();
    assert_eq!(server.ended(drop).await["outcome"], "delivered", "{all}");
    server.stop().await;
}

#[tokio::test]
async fn a_call_goes_on_in_time_if_the_database_is_silent_and_is_never_touched_again() {
    let settings = Settings {
        sends_on: true,
        ..pbx(Script::mailbox())
    };
    let postgres = Server::default();
    let server = taking_on(settings, "", Database::Postgres, &postgres).await;
    let fake = &server.program.fake;
    let url = server.database_url().unwrap();
    let mut other = PgConnection::connect(url).await.unwrap();
    let lock = "BEGIN; LOCK TABLE drops IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let ended = "1700000000.43";
    for channel in [CHANNEL, ended] {
        server.agent_calls(channel, Call::of(&[]));
        let args = "leave,sound:hello-world,now,+12025550101";
        fake.with(|world| world.visits(channel, "aftertone", args));
    }
    fake.with(|world| world.hangs_up(ended));
    let sent_on = |world: &mut World| {
        let channel = world.channels.get(CHANNEL)?;
        let status = channel.variables.get("AFTERTONE_STATUS")?;
        (status == "unavailable" && channel.place.app == "Wait").then_some(())
    };
    fake.until("it goes on", sent_on).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    // It ends once all is withdrawn.
    let server = server.restart().await;
    server.has_no_drop().await;
    assert_eq!(server.plays(), 0);
    let fake = &server.program.fake;
    assert_eq!(fake.with(|world| count(world, Kind::HangUp, None)), 0);
    assert!(server.is_up(CHANNEL));
    server.stop().await;
}
