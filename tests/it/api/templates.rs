//! Messages that are made for one person, by the API: what a drop says of whoever is called, and the sample of a campaign.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use super::server::ApiServer;
use crate::{
    fake::script::Script,
    program::{Program, pbx},
};

const TEMPLATE: &str = "intro + names/{first_name}";

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_is_given_what_its_message_says_of_whoever_is_called() {
    let server = serving("").await;
    let order = async |key: &str, members: Value| {
        let mut body = json!({
            "to": "+12025550101", "message": TEMPLATE, "kind": "informational",
        });
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        let request = server.post("/drops", &body);
        let request = request
            .header("idempotency-key", key)
            .header("prefer", "wait=60");
        server.send(request).await
    };
    let pointer = |answer: &super::server::Answer| {
        answer.body["errors"][0]["pointer"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let long = "x".repeat(201);
    let many: serde_json::Map<String, Value> =
        (0..33).map(|nth| (format!("f{nth}"), json!("x"))).collect();
    for (key, members, at) in [
        ("k1", json!({}), "/fields"),
        ("k2", json!({"fields": {"first_name": " "}}), "/fields"),
        (
            "k3",
            json!({"fields": {"first_name": 1}}),
            "/fields/first_name",
        ),
        (
            "k4",
            json!({"fields": {"first_name": long}}),
            "/fields/first_name",
        ),
        ("k5", json!({"fields": many}), "/fields"),
        ("k6", json!({"message": "intro + {first_name}"}), "/message"),
        ("k7", json!({"message": "outro + intro"}), "/message"),
        ("k8", json!({"message": "\"Hello\""}), "/message"),
        ("k9", json!({"fields": {"first_name": "Zoe"}}), "/message"),
    ] {
        let refused = order(key, members).await;
        assert_eq!(refused.status, 422, "{key}: {refused:?}");
        assert_eq!(pointer(&refused), at, "{key}: {refused:?}");
        server.fits_problem(&refused.body);
    }
    assert_eq!(server.originates(), 0);
    let ended = order(
        "k10",
        json!({"fields": {"First Name": "Ann", "not used": "x", "nothing": null}}),
    )
    .await;
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(ended.body["outcome"], "delivered");
    // What was given is nowhere but in what was played.
    assert_eq!(ended.body["message"], TEMPLATE);
    let log = server.get("/audit?limit=100").await.body;
    let rows = log["items"].as_array().unwrap().iter();
    let mut orders = rows.filter(|row| row["action"] == "drop.order");
    for told in [&ended.body, orders.next().unwrap()] {
        let told = told.to_string();
        assert!(
            !told.contains("Ann") && !told.contains("names/ann"),
            "{told}"
        );
    }
    assert_eq!(made_files(&server.program), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_that_is_held_says_the_same_after_a_restart() {
    let once = "hours = false\nconsent = false\nlimits = [\"1 per 24h\"]";
    let server = serving(once).await;
    let body = |message: &str| {
        json!({
            "to": "+12025550101", "message": message, "kind": "informational", "when_held": "wait",
            "fields": {"first_name": "Ann"},
        })
    };
    let first = server.post("/drops", &body("intro"));
    let first = first
        .header("idempotency-key", "first")
        .header("prefer", "wait=60");
    assert_eq!(server.send(first).await.status, 200);
    let held = server.order("k1", &body(TEMPLATE)).await;
    assert_eq!(held.body["status"], "held", "{held:?}");
    assert!(!held.body.to_string().contains("Ann"), "{held:?}");
    let lacks = json!({
        "to": "+12025550101", "message": TEMPLATE, "kind": "informational", "when_held": "wait",
    });
    assert_eq!(
        server.order("k2", &lacks).await.status,
        422,
        "it is refused, not held"
    );

    let server = server.restart().await;
    let drop = held.body["drop"].as_str().unwrap();
    server.set_gate(|gate| gate.caps = false);
    let ended = server.ended(drop).await;
    assert_eq!(ended["outcome"], "delivered", "{ended}");
    assert_eq!(ended["message"], TEMPLATE);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_contacts_of_a_campaign_are_heard_before_it_runs() {
    let server = serving("").await;
    let new = json!({"name": "visits", "kind": "informational", "message": "outro + intro"});
    let refused = server.send(server.post("/campaigns", &new)).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let new = json!({"name": "visits", "kind": "informational", "message": TEMPLATE});
    let made = server.send(server.post("/campaigns", &new)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let empty = server.get("/campaigns/visits/sample").await;
    assert_eq!(empty.body, json!({"items": []}));

    // A list that lacks a column is refused before it is taken in.
    let list = |text: &'static str| {
        let request = server.request(Method::POST, "/campaigns/visits/imports");
        request.header("content-type", "text/csv").body(text)
    };
    let lacks = server.send(list("phone,city\n+12025550103,Oslo\n")).await;
    assert_eq!(lacks.status, 422, "{lacks:?}");
    assert!(lacks.body.to_string().contains("`first_name`"), "{lacks:?}");

    let contacts = json!([
        {"number": "+12025550101", "first_name": "Ann", "last_name": "Fox"},
        {"number": "+12025550102", "columns": {"First Name": "Zoe"}},
        {"number": "+12025550103", "first_name": "Bob", "message": "intro"},
    ]);
    let added = server
        .send(server.post("/campaigns/visits/contacts", &contacts))
        .await;
    assert_eq!(added.status, 200, "{added:?}");
    let sample = server.get("/campaigns/visits/sample").await;
    server.fits(&sample.body, "CampaignSample");
    let items = sample.body["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|item| (item["words"].as_str(), item["problem"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("[intro] [names/ann]"), None),
            (None, Some("there is no recording `names/zoe`")),
            (Some("[intro]"), None),
        ]
    );
    assert!(
        !sample.body.to_string().contains("2025550101"),
        "{sample:?}"
    );
    let href = items[0]["href"].as_str().unwrap();
    let path = href.strip_prefix("/api/v1").unwrap();
    let sound = server.request(Method::GET, path).send().await.unwrap();
    assert_eq!(sound.status().as_u16(), 200);
    assert_eq!(sound.headers()["content-type"], "audio/wav");
    let sound = sound.bytes().await.unwrap();
    let wav = hound::WavReader::new(&sound[..]).unwrap();
    assert_eq!(wav.spec().sample_rate, 16_000);
    // The intro, and the clip behind it.
    assert!(wav.duration() > 16_000, "{}", wav.duration());
    let unmade = items[1]["contact"].as_i64().unwrap();
    let conflict = server
        .get(&format!("/campaigns/visits/sample/{unmade}/audio"))
        .await;
    assert_eq!((conflict.status, conflict.problem()), (409, "conflict"));
    assert_eq!(
        server
            .get("/campaigns/visits/sample/9999/audio")
            .await
            .status,
        404
    );
    let log = server.get("/audit?limit=100").await.body;
    let rows = log["items"].as_array().unwrap().iter();
    let heard = rows.filter(|row| {
        let object = row["object"].as_str().unwrap_or_default();
        row["action"] == "contact.read" && object.starts_with("visits/sample/")
    });
    assert_eq!(heard.count(), 1);
    assert_eq!(server.originates(), 0);
    assert_eq!(made_files(&server.program), 0);

    // Messages can be said to nobody who may not hear them.
    for (scopes, listed, heard) in [
        (&["campaigns:read"][..], 403, 403),
        (&["contacts:read"], 200, 403),
        (&["contacts:read", "messages:read"], 200, 200),
    ] {
        let token = server.token(scopes).await;
        let status = async |path: &str| {
            let request = server.plain(Method::GET, path).bearer_auth(&token);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(
            status("/campaigns/visits/sample").await,
            listed,
            "{scopes:?}"
        );
        assert_eq!(status(path).await, heard, "{scopes:?}");
    }
    server.stop().await;
}

/// A server with a recording and a clip.
async fn serving(gate: &str) -> ApiServer {
    let program = Program::new(pbx(Script::mailbox())).await;
    if !gate.is_empty() {
        program.gate(gate);
    }
    for (name, milliseconds) in [("intro", 1_500), ("names/ann", 400), ("names/bob", 400)] {
        let file = program.record("recording.wav", milliseconds);
        let added = program
            .run(&["message", "add", name, file.to_str().unwrap()])
            .await;
        assert_eq!(added.status, Some(0), "{added:?}");
    }
    ApiServer::of(program).await
}

fn made_files(program: &Program) -> usize {
    let files = fs::read_dir(program.path("sounds")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("once-")).count()
}
