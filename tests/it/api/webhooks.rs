//! Webhooks over real sockets: what is sent and how it is signed, receivers that are unwell, addresses that are not for us, servers
//! that are killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use aftertone::{auth::Seal, clock};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    killed::Serving,
    receiver::{Received, Receiver, Reply},
    server::{Answer, ApiServer},
};
use crate::{
    base::{Kind as Database, Server},
    fake::Settings,
    http_client,
    program::{Program, send_signal},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_sent_signed_and_once() {
    for database in Database::BOTH {
        let postgres = Server::default();
        let server = ApiServer::with_webhooks(database, &postgres).await;
        let receiver = Receiver::always(Reply::Status(204)).await;
        let made = server
            .add(&receiver, json!({"types": ["do_not_call.*"]}))
            .await;
        let secret = made.body["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("whsec_"), "{secret}");
        // Two servers share the queue.
        let (stop, other) = server.send_besides();
        for nth in 0..20 {
            server.bar(nth).await;
        }
        let all = receiver.until(20).await;
        for received in &all {
            assert_eq!(received.path, "/hook");
            assert_eq!(received.header("content-type"), "application/json");
            assert!(is_signed_with(received, &secret), "{received:?}");
            assert_eq!(received.body["type"], "do_not_call.added");
            assert_eq!(received.body["id"], received.id());
            let number = received.body["data"]["number"].as_str().unwrap();
            assert!(number.contains("•••"), "{number}");
        }
        let ids: BTreeSet<_> = all
            .iter()
            .map(|received| received.id().to_owned())
            .collect();
        assert_eq!(ids.len(), 20);
        assert!(receiver.most_open() <= 8, "{}", receiver.most_open());
        let id = made.body["id"].as_str().unwrap();
        let shown = server.until(id, |shown| shown["pending"] == 0).await;
        assert_eq!(shown["secret"], Value::Null);
        assert_eq!(shown["failures"], 0);
        assert!(shown["last_success_at"].is_string());
        let log = server
            .get(&format!("/webhooks/{id}/deliveries?limit=5"))
            .await;
        server.fits(&log.body, "DeliveryPage");
        assert_eq!(log.body["items"].as_array().unwrap().len(), 5);
        let delivery = &log.body["items"][0];
        assert_eq!(delivery["state"], "delivered");
        assert_eq!(delivery["attempts"][0]["status"], 204);
        // Nobody has the same twice, however many servers there are.
        stop.cancel();
        other.await.unwrap();
        assert_eq!(receiver.all().len(), 20);
        // The database has no secret, and the log of changes neither.
        let audit = server.get("/audit").await.body.to_string();
        assert!(!audit.contains(&secret["whsec_".len()..]), "{audit}");
        assert!(audit.contains("webhook.add"), "{audit}");
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_unwell_is_tried_again_and_delays_nobody() {
    let server = ApiServer::with_webhooks(Database::Sqlite, &Server::default()).await;
    let elsewhere = Receiver::always(Reply::Status(200)).await;
    let to = format!("location: {}\r\n", elsewhere.url());
    let to: &'static str = to.leak();
    let long = "no".repeat(5_000);
    let cases = [
        ("500", Reply::With(500, "", long), Some(500), None),
        ("404", Reply::Status(404), Some(404), None),
        (
            "redirect",
            Reply::With(302, to, String::new()),
            Some(302),
            Some("redirect"),
        ),
        (
            "429",
            Reply::With(429, "retry-after: 7\r\n", String::new()),
            Some(429),
            None,
        ),
        (
            "503",
            Reply::With(503, "retry-after: 999999\r\n", String::new()),
            Some(503),
            None,
        ),
        ("reset", Reply::Reset, None, Some("closed")),
        ("hang", Reply::Hang, None, Some("timeout")),
        ("endless", Reply::Endless, Some(200), None),
    ];
    let mut unwell = Vec::new();
    for (name, reply, status, fault) in cases {
        // Each is well from its second request on.
        let receiver = Receiver::start(move |_, nth| match nth {
            0 => reply.clone(),
            _ => Reply::Status(200),
        })
        .await;
        let types = json!({"types": ["do_not_call.added"], "ordered": true});
        let made = server.add(&receiver, types).await;
        let id = made.body["id"].as_str().unwrap().to_owned();
        unwell.push((name, receiver, id, status, fault));
    }
    let well = Receiver::always(Reply::Status(200)).await;
    server
        .add(&well, json!({"types": ["do_not_call.added"]}))
        .await;
    // Nobody listens there any more.
    let gone = Receiver::always(Reply::Status(200)).await;
    let refused = server.add(&gone, json!({})).await;
    let refused = refused.body["id"].as_str().unwrap().to_owned();
    drop(gone);

    let begun = clock::now();
    server.bar(0).await;
    well.until(1).await;
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    for (name, receiver, id, status, fault) in &unwell {
        let path = format!("/webhooks/{id}/deliveries");
        let delivery = loop {
            let log = server.get(&path).await.body;
            let delivery = log["items"][0].clone();
            if delivery["attempts"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
            {
                break delivery;
            }
            sleep(Duration::from_millis(50)).await;
        };
        let attempt = &delivery["attempts"][0];
        assert_eq!(attempt["status"], json!(status), "{name}: {delivery}");
        assert_eq!(attempt["fault"], json!(fault), "{name}: {delivery}");
        if *name == "endless" {
            assert_eq!(delivery["state"], "delivered", "{delivery}");
            continue;
        }
        if *name == "500" {
            assert_eq!(attempt["answer"].as_str().unwrap().len(), 1_024);
        }
        let at: jiff::Timestamp = attempt["at"].as_str().unwrap().parse().unwrap();
        if *name == "503" {
            let due: jiff::Timestamp = delivery["due_at"].as_str().unwrap().parse().unwrap();
            let wait = due.duration_since(at).as_secs();
            assert!((3_595..=3_605).contains(&wait), "{wait}");
            continue;
        }
        // The second attempt is the same message.
        let all = receiver.until(2).await;
        assert_eq!(all[0].id(), all[1].id(), "{name}");
        assert_eq!(all[0].text, all[1].text, "{name}");
        let second = |received: &Received| received.header("webhook-timestamp").parse::<i64>();
        let wait = second(&all[1]).unwrap() - second(&all[0]).unwrap();
        let took = attempt["took_ms"].as_i64().unwrap() / 1_000;
        let least = if *name == "429" { 7 } else { 4 };
        assert!(
            (least + took..=least + took + 5).contains(&wait),
            "{name}: {wait}"
        );
    }
    assert_eq!(elsewhere.all().len(), 0);
    let shown = server
        .get(&format!("/webhooks/{refused}/deliveries"))
        .await
        .body;
    assert_eq!(
        shown["items"][0]["attempts"][0]["fault"], "connect",
        "{shown}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_disabled_and_nothing_is_lost_meanwhile() {
    let server = ApiServer::with_webhooks(Database::Sqlite, &Server::default()).await;
    let receiver = Receiver::start(|_, nth| match nth {
        0 => Reply::Status(410),
        _ => Reply::Status(200),
    })
    .await;
    let watcher = Receiver::always(Reply::Status(200)).await;
    server.add(&watcher, json!({"types": ["webhook.*"]})).await;
    let made = server
        .add(
            &receiver,
            json!({"types": ["do_not_call.added"], "ordered": true}),
        )
        .await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    server.bar(0).await;
    let shown = server.until(&id, |shown| shown["enabled"] == false).await;
    assert_eq!(shown["disabled_because"], "gone");
    let told = &watcher.until(1).await[0];
    assert_eq!(told.body["type"], "webhook.disabled");
    assert_eq!(told.body["data"]["webhook"], id.as_str());
    assert_eq!(told.body["data"]["because"], "gone");
    for nth in 1..5 {
        server.bar(nth).await;
    }
    let replay = server.post(&format!("/webhooks/{id}/replays"), &json!({"only": "dead"}));
    let refused = server.send(replay).await;
    assert_eq!((refused.status, refused.problem()), (409, "conflict"));
    let enabled = server.patch(&id, &json!({"enabled": true})).await;
    assert_eq!(enabled.status, 200, "{enabled:?}");
    let all = receiver.until(6).await;
    let sequences: Vec<_> = all[1..]
        .iter()
        .map(|received| received.body["sequence"].as_u64().unwrap())
        .collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    assert_eq!(all[0].id(), all[1].id());
    server.until(&id, |shown| shown["pending"] == 0).await;

    // What was delivered is sent again when it is asked for, with its id; by a time, or one of them.
    let ordered = server
        .send(server.post(&format!("/webhooks/{id}/replays"), &json!({"only": "all"})))
        .await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    server.fits(&ordered.body, "Replay");
    let again = receiver.until(11).await;
    let ids = |all: &[Received]| -> BTreeSet<String> {
        all.iter()
            .map(|received| received.id().to_owned())
            .collect()
    };
    assert_eq!(ids(&again[6..]), ids(&again[1..6]));
    let bodies: BTreeMap<_, _> = again[1..6]
        .iter()
        .map(|one| (one.id(), &one.text))
        .collect();
    assert!(again[6..].iter().all(|one| bodies[one.id()] == &one.text));
    server
        .until(&id, |shown| shown["pending"] == 0 && shown["replays"] == 0)
        .await;
    let log = server
        .get(&format!("/webhooks/{id}/deliveries?state=delivered"))
        .await
        .body;
    let one = log["items"][0]["id"].as_str().unwrap();
    let path = format!("/webhooks/{id}/deliveries/{one}/replays");
    let ordered = server.send(server.request(Method::POST, &path)).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    server.fits(&ordered.body, "Delivery");
    let all = receiver.until(12).await;
    assert_eq!(
        all[11].id(),
        log["items"][0]["webhook_id"].as_str().unwrap()
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dead_is_listed_and_sent_again() {
    let postgres = Server::default();
    let server = ApiServer::with_webhooks(Database::Postgres, &postgres).await;
    let receiver = Receiver::start(|_, nth| match nth {
        0..2 => Reply::Status(500),
        _ => Reply::Status(200),
    })
    .await;
    let made = server
        .add(&receiver, json!({"types": ["do_not_call.added"]}))
        .await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    server.bar(0).await;
    receiver.until(1).await;
    server.until(&id, |shown| shown["failures"] == 1).await;
    // As if eight further attempts had failed over the days.
    server
        .run("UPDATE webhook_deliveries SET attempts = 9")
        .await;
    let shown = server.until(&id, |shown| shown["dead"] == 1).await;
    assert_eq!(
        (&shown["pending"], &shown["enabled"]),
        (&json!(0), &json!(true))
    );
    let dead = server
        .get(&format!("/webhooks/{id}/deliveries?state=dead"))
        .await
        .body;
    assert_eq!(dead["items"].as_array().unwrap().len(), 1);
    assert_eq!(dead["items"][0]["attempts"].as_array().unwrap().len(), 2);
    let only = json!({"only": "dead", "types": ["do_not_call.*"], "from": "2020-01-01T00:00:00Z"});
    let ordered = server
        .send(server.post(&format!("/webhooks/{id}/replays"), &only))
        .await;
    assert_eq!(
        (ordered.status, &ordered.body["messages"]),
        (202, &json!(1)),
        "{ordered:?}"
    );
    let all = receiver.until(3).await;
    assert!(all.iter().all(|received| received.id() == all[0].id()));
    server
        .until(&id, |shown| shown["dead"] == 0 && shown["pending"] == 0)
        .await;
    server.stop().await;
    postgres.down();
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_inside_are_refused_when_they_are_saved_and_when_they_are_used() {
    let server = ApiServer::with_webhooks(Database::Sqlite, &Server::default()).await;
    let receiver = Receiver::always(Reply::Status(200)).await;
    let port = receiver.at.port();
    // While they are allowed: an address, and a name.
    let mut ids = Vec::new();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{port}/hook");
        let made = server
            .send(server.post("/webhooks", &json!({"url": url})))
            .await;
        // The name may have another address that is not allowed.
        if made.status == 201 {
            ids.push(made.body["id"].as_str().unwrap().to_owned());
        }
    }
    server.bar(0).await;
    receiver.until(ids.len()).await;
    server.allow_no_webhooks();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fd00::1]",
        "[fe80::1]",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "224.0.0.1",
        "localhost",
    ] {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{host}:{port}/hook");
            let refused = server
                .send(server.post("/webhooks", &json!({"url": url})))
                .await;
            assert_eq!(
                (refused.status, refused.problem()),
                (422, "invalid"),
                "{url}"
            );
            let fault = &refused.body["errors"][0];
            assert_eq!(fault["pointer"], "/url", "{url}");
            let detail = fault["detail"].as_str().unwrap();
            assert!(detail.contains("not a public one"), "{url}: {detail}");
            let moved = server.patch(&ids[0], &json!({"url": url})).await;
            assert_eq!(moved.status, 422, "{url}");
        }
    }
    let plain = server
        .send(server.post("/webhooks", &json!({"url": "http://1.1.1.1/"})))
        .await;
    let detail = plain.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("expected `https`"), "{detail}");
    // What was saved before is looked at again: nothing of it is connected to.
    let before = receiver.all().len();
    server.bar(1).await;
    for id in &ids {
        let shown = server.until(id, |shown| shown["failures"] != 0).await;
        assert_eq!(shown["enabled"], true);
        let log = server.get(&format!("/webhooks/{id}/deliveries")).await.body;
        assert_eq!(log["items"][0]["attempts"][0]["fault"], "address", "{log}");
        let ping = server
            .send(server.request(Method::POST, &format!("/webhooks/{id}/ping")))
            .await;
        assert_eq!(
            (&ping.body["delivered"], &ping.body["fault"]),
            (&json!(false), &json!("address"))
        );
        server.fits(&ping.body, "Ping");
    }
    assert_eq!(receiver.all().len(), before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_changed_and_held_to() {
    let server = ApiServer::with_webhooks(Database::Sqlite, &Server::default()).await;
    let receiver = Receiver::always(Reply::Status(200)).await;
    let wrong = json!({
        "url": "ftp://crm.example", "types": ["drop.ended", "drop"], "campaign": "none", "concurrency": 0, "per_second": "x",
        "batch": 501, "linger": "soon", "ordered": 1, "tpyo": 1, "description": "a\nb"
    });
    let answer = server.send(server.post("/webhooks", &wrong)).await;
    assert_eq!((answer.status, answer.problem()), (422, "invalid"));
    let pointers: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        [
            "/batch",
            "/campaign",
            "/concurrency",
            "/description",
            "/linger",
            "/ordered",
            "/per_second",
            "/tpyo",
            "/types/1",
            "/url"
        ]
    );
    let made = server
        .add(
            &receiver,
            json!({"description": "crm", "linger": "500ms", "per_second": 9}),
        )
        .await;
    assert_eq!(made.status, 201);
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/api/v1/webhooks/{id}"));
    assert_eq!(made.header("etag"), "\"1\"");
    server.fits(&made.body, "Webhook");
    let path = format!("/webhooks/{id}");
    let shown = server.get(&path).await;
    server.fits(&shown.body, "Webhook");
    assert_eq!(shown.body["linger"], "500ms");
    let without = server
        .send(server.request(Method::PATCH, &path).json(&json!({})))
        .await;
    assert_eq!(
        (without.status, without.problem()),
        (428, "precondition_required")
    );
    let changed = server
        .patch(
            &id,
            &json!({"per_second": null, "description": null, "types": ["drop.*"]}),
        )
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["per_second"], Value::Null);
    assert_eq!(changed.body["description"], Value::Null);
    assert_eq!(changed.body["types"], json!(["drop.*"]));
    assert_eq!(changed.body["linger"], "500ms");
    let stale = server
        .request(Method::PATCH, &path)
        .json(&json!({"batch": 3}))
        .header("if-match", "\"1\"");
    let stale = server.send(stale).await;
    assert_eq!((stale.status, stale.problem()), (412, "changed"));
    let listed = server.get("/webhooks").await;
    server.fits(&listed.body, "WebhookPage");
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);

    // Whole numbers are granted by who may read them, and so is another place for them.
    let token = server.token(&["webhooks:write"]).await;
    let full = json!({"url": receiver.url(), "full_numbers": true});
    let kept_out = server
        .send(server.post("/webhooks", &full).bearer_auth(&token))
        .await;
    assert_eq!(
        (kept_out.status, &kept_out.body["scope"]),
        (403, &json!("numbers:full"))
    );
    let granted = server
        .patch(&id, &json!({"full_numbers": true, "types": []}))
        .await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let elsewhere = server
        .plain(Method::PATCH, &path)
        .json(&json!({"url": format!("{}?elsewhere", receiver.url())}))
        .header("if-match", "*");
    let kept_out = server.send(elsewhere.bearer_auth(&token)).await;
    assert_eq!(
        (kept_out.status, &kept_out.body["scope"]),
        (403, &json!("numbers:full"))
    );
    server.bar(7).await;
    let told = receiver.until(1).await;
    assert_eq!(told[0].body["data"]["number"], "+12025550107");

    let ping = server
        .send(server.request(Method::POST, &format!("{path}/ping")))
        .await;
    assert_eq!(
        (ping.status, &ping.body["delivered"]),
        (200, &json!(true)),
        "{ping:?}"
    );
    let pinged = receiver
        .until_all(|all| all.iter().any(|one| one.body["type"] == "ping"))
        .await;
    let pinged = pinged
        .iter()
        .find(|one| one.body["type"] == "ping")
        .unwrap();
    assert!(is_signed_with(
        pinged,
        made.body["secret"].as_str().unwrap()
    ));
    assert!(pinged.id().starts_with("ping_"));
    let gone = server.send(server.request(Method::DELETE, &path)).await;
    assert_eq!(gone.status, 204);
    assert_eq!(server.get(&path).await.status, 404);
    assert_eq!(server.get("/webhooks/1").await.status, 404);
    let audit = server.get("/audit?limit=9").await.body.to_string();
    for action in ["webhook.add", "webhook.change", "webhook.remove"] {
        assert!(audit.contains(action), "{action}: {audit}");
    }
    assert!(
        !audit.contains("?elsewhere") && !audit.contains("/hook"),
        "{audit}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_end_with_the_grant_whatever_waits() {
    for database in Database::BOTH {
        let postgres = Server::default();
        let server = ApiServer::with_webhooks(database, &postgres).await;
        let receiver = Receiver::start(|_, nth| match nth {
            0 => Reply::Status(500),
            _ => Reply::Status(200),
        })
        .await;
        let with = json!({"types": ["do_not_call.added"], "full_numbers": true, "per_second": 4});
        let made = server.add(&receiver, with).await;
        let id = made.body["id"].as_str().unwrap().to_owned();
        server.bar(0).await;
        server.until(&id, |shown| shown["failures"] == 1).await;
        // One waits in the database, the others in memory for their turn.
        for nth in 1..12 {
            server.bar(nth).await;
        }
        receiver.until(3).await;
        let changed = server.patch(&id, &json!({"full_numbers": false})).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let begun = receiver.all().len();
        server.until(&id, |shown| shown["pending"] == 0).await;
        let all = receiver.all();
        assert!(all[0].text.contains("+12025550100"), "{:?}", all[0]);
        // One may have been on its way.
        assert!(all.len() > begun + 3, "{begun} {}", all.len());
        for one in &all[begun + 1..] {
            assert!(one.text.contains("•••"), "{one:?}");
        }
        let ids: BTreeSet<_> = all.iter().map(Received::id).collect();
        assert_eq!(ids.len(), 12);
        let again = all[1..].iter().find(|one| one.id() == all[0].id());
        assert!(again.is_some_and(|one| one.text.contains("•••")));
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_webhook_whatever_waits_in_memory() {
    for database in Database::BOTH {
        let postgres = Server::default();
        let server = ApiServer::with_webhooks(database, &postgres).await;
        let receiver = Receiver::always(Reply::Status(200)).await;
        // One second apart, so that most wait in memory.
        let with = json!({"types": ["do_not_call.added"], "full_numbers": true, "per_second": 1});
        let made = server.add(&receiver, with).await;
        let id = made.body["id"].as_str().unwrap().to_owned();
        for nth in 0..6 {
            server.bar(nth).await;
        }
        receiver.until(2).await;
        let person = json!({"number": "+12025550105", "because": "asked"});
        let erased = server.send(server.post("/erasures", &person)).await;
        assert_eq!(erased.status, 200, "{erased:?}");
        server.until(&id, |shown| shown["pending"] == 0).await;
        let all = receiver.all();
        let ids: BTreeSet<_> = all.iter().map(Received::id).collect();
        assert!(ids.len() >= 6, "{all:?}");
        assert!(all.iter().any(|one| one.text.contains("+12025550104")));
        for one in &all {
            assert!(!one.text.contains("2025550105"), "{one:?}");
        }
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_kept_for_an_endpoint_is_said() {
    for database in Database::BOTH {
        let postgres = Server::default();
        let server = ApiServer::with_webhooks(database, &postgres).await;
        let receiver = Receiver::always(Reply::Status(200)).await;
        let types = json!({"types": ["do_not_call.added", "webhook.missed"], "ordered": true});
        let made = server.add(&receiver, types).await;
        let id = made.body["id"].as_str().unwrap().to_owned();
        server.bar(0).await;
        receiver.until(1).await;
        server.until(&id, |shown| shown["pending"] == 0).await;
        server.patch(&id, &json!({"enabled": false})).await;
        for nth in 1..=5 {
            server.bar(nth).await;
        }
        // Five of six are gone; one of them tells of the endpoint itself, of which it is not told.
        server.prune_events().await;
        server.patch(&id, &json!({"enabled": true})).await;
        let all = receiver.until(3).await;
        let types: Vec<_> = all
            .iter()
            .map(|one| one.body["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            types,
            ["do_not_call.added", "do_not_call.added", "webhook.missed"]
        );
        let told = &all[2].body["data"];
        assert_eq!((&told["webhook"], &told["events"]), (&json!(id), &json!(4)));
        let shown = server.until(&id, |shown| shown["pending"] == 0).await;
        assert_eq!(shown["missed"], 4);
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_while_the_database_failed_is_sent_without_a_restart() {
    let postgres = Server::default();
    let server = ApiServer::with_webhooks(Database::Postgres, &postgres).await;
    let receiver = Receiver::start(|_, nth| match nth {
        0 => Reply::Status(500),
        _ => Reply::Status(200),
    })
    .await;
    let types = json!({"types": ["do_not_call.added"]});
    let made = server.add(&receiver, types).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    server.bar(0).await;
    server.until(&id, |shown| shown["failures"] == 1).await;
    // From here on what is due can be taken, and the transaction behind that fails.
    server
        .run(
            "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS \
             $$BEGIN RAISE EXCEPTION 'the disk is full'; END$$; \
             CREATE TRIGGER fails BEFORE UPDATE OF position ON webhooks FOR EACH ROW EXECUTE FUNCTION fails()",
        )
        .await;
    server.bar(1).await;
    let path = format!("/webhooks/{id}/deliveries");
    loop {
        let log = server.get(&path).await.body;
        if log["items"][0]["due_at"].is_null() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    server.run("DROP TRIGGER fails ON webhooks").await;
    let all = receiver.until(3).await;
    assert_eq!(
        all.iter().filter(|one| one.id() == all[0].id()).count(),
        2,
        "{all:?}"
    );
    let shown = server.until(&id, |shown| shown["pending"] == 0).await;
    assert_eq!(shown["failures"], 0);
    server.stop().await;
    postgres.down();
}

/// `tests/webhooks.sh` gives what was received to the published libraries of other languages.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_without_a_gap() {
    let server = ApiServer::with_webhooks(Database::Sqlite, &Server::default()).await;
    let receiver = Receiver::always(Reply::Status(200)).await;
    let made = server
        .add(&receiver, json!({"types": ["do_not_call.added"]}))
        .await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    let old = made.body["secret"].as_str().unwrap().to_owned();
    server.bar(0).await;
    receiver.until(1).await;
    let path = format!("/webhooks/{id}/secret");
    let rotated = server.send(server.request(Method::POST, &path)).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let new = rotated.body["secret"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    assert_eq!(rotated.body["secrets"].as_array().unwrap().len(), 2);
    server.bar(1).await;
    let all = receiver.until(2).await;
    assert!(is_signed_with(&all[0], &old) && !is_signed_with(&all[0], &new));
    assert!(is_signed_with(&all[1], &old) && is_signed_with(&all[1], &new));
    if let Ok(file) = std::env::var("AFTERTONE_WEBHOOKS_RECEIVED") {
        let shown = |received: &Received| {
            json!({
                "id": received.id(), "timestamp": received.header("webhook-timestamp"),
                "signature": received.header("webhook-signature"), "body": received.text
            })
        };
        let dump =
            json!({"old": old, "new": new, "before": shown(&all[0]), "during": shown(&all[1])});
        fs::write(file, dump.to_string()).unwrap();
    }
    let at_once = server
        .send(
            server
                .request(Method::POST, &path)
                .json(&json!({"overlap": "0s"})),
        )
        .await;
    let last = at_once.body["secret"].as_str().unwrap().to_owned();
    assert_eq!(at_once.body["secrets"].as_array().unwrap().len(), 1);
    server.bar(2).await;
    let all = receiver.until(3).await;
    assert!(is_signed_with(&all[2], &last));
    assert!(!is_signed_with(&all[2], &old) && !is_signed_with(&all[2], &new));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_sent_together() {
    for database in Database::BOTH {
        let postgres = Server::default();
        let server = ApiServer::with_webhooks(database, &postgres).await;
        let receiver = Receiver::start(|_, nth| match nth {
            0 => Reply::Status(500),
            _ => Reply::Status(200),
        })
        .await;
        let terms =
            json!({"types": ["do_not_call.added"], "batch": 5, "linger": "2s", "ordered": true});
        server.add(&receiver, terms).await;
        for nth in 0..12 {
            server.bar(nth).await;
        }
        let events = |all: &[Received]| -> Vec<u64> {
            let within = all
                .iter()
                .flat_map(|one| one.body["data"]["events"].as_array().unwrap());
            within
                .map(|event| event["sequence"].as_u64().unwrap())
                .collect()
        };
        let all = receiver
            .until_all(|all| !all.is_empty() && events(&all[1..]).len() >= 12)
            .await;
        assert_eq!((all[0].id(), &all[0].text), (all[1].id(), &all[1].text));
        let told = events(&all[1..]);
        assert!(told.is_sorted() && told.len() == 12, "{told:?}");
        assert!(all.iter().all(|one| one.body["type"] == "batch"));
        assert!(all.len() <= 6, "{}", all.len());
        assert_eq!(receiver.most_open(), 1);
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_made_anew_of_its_own_events() {
    let postgres = Server::default();
    let server = ApiServer::with_webhooks(Database::Postgres, &postgres).await;
    let failing = || {
        Receiver::start(|_, nth| match nth {
            0 => Reply::Status(500),
            _ => Reply::Status(200),
        })
    };
    let batch = |types: Value| json!({"types": types, "batch": 500, "linger": "500ms"});
    let within = |one: &Received| -> Vec<u64> {
        let events = one.body["data"]["events"].as_array().unwrap();
        let numbers = events.iter().map(|one| one["sequence"].as_u64().unwrap());
        numbers.collect()
    };

    // Of one campaign, with many events of another in between; then it is told of both, elsewhere.
    let receiver = failing().await;
    let made = server
        .add(&receiver, batch(json!(["campaign.changed"])))
        .await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    server
        .run("UPDATE webhooks SET campaign = 1, version = version + 1")
        .await;
    server
        .run(
            "INSERT INTO events (at, type, campaign) SELECT 1800000000000000, 'campaign.changed', \
             CASE n % 400 WHEN 0 THEN 1 ELSE 2 END FROM generate_series(0, 1200) AS n",
        )
        .await;
    server.until(&id, |shown| shown["failures"] == 1).await;
    let elsewhere = format!("{}?elsewhere", receiver.url());
    let changed = server
        .patch(&id, &json!({"campaign": null, "url": elsewhere}))
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let all = receiver.until(2).await;
    assert_eq!(
        (within(&all[0]).len(), all[1].path.as_str()),
        (4, "/hook?elsewhere")
    );
    assert_eq!(all[0].id(), all[1].id());
    assert_eq!(within(&all[0]), within(&all[1]));

    // Of two types, of which it is told of one then.
    let receiver = failing().await;
    let types = json!(["campaign.changed", "campaign.paused"]);
    let made = server.add(&receiver, batch(types)).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    server
        .run(
            "INSERT INTO events (at, type, campaign) VALUES (1800000000000000, 'campaign.changed', 1), \
             (1800000000000000, 'campaign.paused', 1), (1800000000000000, 'campaign.changed', 2)",
        )
        .await;
    server.until(&id, |shown| shown["failures"] == 1).await;
    let narrowed = json!({"types": ["campaign.paused"]});
    assert_eq!(server.patch(&id, &narrowed).await.status, 200);
    let all = receiver.until(2).await;
    assert_eq!(all[0].id(), all[1].id());
    assert_eq!(within(&all[0]).len(), 3);
    assert_eq!(within(&all[1]), [within(&all[0])[1]]);

    // Nothing of it is left, which is not that it was given up.
    let receiver = failing().await;
    let made = server
        .add(&receiver, batch(json!(["campaign.changed"])))
        .await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    server
        .run("INSERT INTO events (at, type, campaign) VALUES (1800000000000000, 'campaign.changed', 1)")
        .await;
    server.until(&id, |shown| shown["failures"] == 1).await;
    assert_eq!(server.patch(&id, &narrowed).await.status, 200);
    server.until(&id, |shown| shown["dead"] == 1).await;
    let log = server.get(&format!("/webhooks/{id}/deliveries")).await.body;
    assert_eq!(log["items"][0]["attempts"][1]["fault"], "not_told", "{log}");
    assert_eq!(receiver.all().len(), 1);
    server.stop().await;
    postgres.down();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_amid_deliveries_loses_none() {
    let program = Program::new(Settings::default()).await;
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let serve = "[serve]\nlisten = \"127.0.0.1:0\"\n[webhooks]\nallow = [\"127.0.0.1\"]\n[store]\n";
    fs::write(&path, text.replacen("[store]\n", serve, 1)).unwrap();
    let made = program
        .run(&["token", "add", "test", "--scope", "admin", "--json"])
        .await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let receiver = Receiver::always(Reply::After(Duration::from_millis(20), 200)).await;

    let client = http_client();
    let mut serving = Serving::start(&program).await;
    let url = format!("{}/api/v1/webhooks", serving.url);
    let hook = json!({"url": receiver.url(), "types": ["do_not_call.added"]});
    let made = client
        .post(url)
        .bearer_auth(&token)
        .json(&hook)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    let id: Value = made.json().await.unwrap();
    let id = id["id"].as_str().unwrap().to_owned();
    let mut told = 0;
    for kill in 0..4 {
        for _ in 0..60 {
            let url = format!(
                "{}/api/v1/do-not-call/own/numbers/+1202555{told:04}",
                serving.url
            );
            let put = client.put(url).bearer_auth(&token).send().await.unwrap();
            assert_eq!(put.status(), 201);
            told += 1;
        }
        // At another moment each time: while the first are sent, or the last.
        let some = told - 60 + 15 * kill;
        receiver.until(some.max(1)).await;
        send_signal("KILL", &serving.child);
        serving.child.wait().await.unwrap();
        serving = Serving::start(&program).await;
    }
    let url = format!("{}/api/v1/webhooks/{id}", serving.url);
    let draining = async {
        loop {
            let shown = client.get(&url).bearer_auth(&token).send().await.unwrap();
            let shown: Value = shown.json().await.unwrap();
            if shown["pending"] == 0 && shown["behind"] == 0 {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), draining)
        .await
        .expect("it does not drain");
    let all = receiver.all();
    let ids: BTreeSet<_> = all
        .iter()
        .map(|received| received.id().to_owned())
        .collect();
    assert_eq!(ids.len(), told, "of {} received", all.len());
    // The same id is the same message.
    let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
    for received in &all {
        let text = texts.entry(received.id()).or_insert(&received.text);
        assert_eq!(*text, received.text);
    }
    assert!(receiver.most_open() <= 16, "{}", receiver.most_open());
    serving.end().await;
}

/// 500 events a second for some seconds, at an endpoint that takes 20 ms: `AFTERTONE_WEBHOOKS_SECONDS=60` for a figure.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figure is the result")]
async fn five_hundred_events_a_second_drain() {
    let seconds = std::env::var("AFTERTONE_WEBHOOKS_SECONDS").ok();
    let seconds: usize = seconds.map_or(3, |seconds| seconds.parse().unwrap());
    let postgres = Server::default();
    let server = ApiServer::with_webhooks(Database::Postgres, &postgres).await;
    let taking = || Receiver::always(Reply::After(Duration::from_millis(20), 200));
    let (single, batched) = (taking().await, taking().await);
    // Eight at a time carry 400 a second.
    let terms = json!({"types": ["campaign.changed"], "concurrency": 16});
    let one = server.add(&single, terms).await;
    let terms = json!({"types": ["campaign.changed"], "batch": 100, "linger": "1s"});
    let many = server.add(&batched, terms).await;
    let begun = clock::now();
    for second in 0..seconds {
        server
            .run("INSERT INTO events (at, type) SELECT aftertone_now(), 'campaign.changed' FROM generate_series(1, 500)")
            .await;
        let next = Duration::from_secs(second as u64 + 1);
        sleep(next.saturating_sub(begun.elapsed())).await;
    }
    let all = 500 * seconds;
    let drained = async |made: &Answer| {
        let id = made.body["id"].as_str().unwrap().to_owned();
        server
            .until(&id, |shown| {
                shown["pending"] == 0 && shown["position"].as_u64().unwrap() >= all as u64
            })
            .await;
        begun.elapsed().as_secs_f64()
    };
    let (batches_took, took) = (drained(&many).await, drained(&one).await);
    let ids: BTreeSet<_> = single.all().iter().map(|one| one.id().to_owned()).collect();
    assert_eq!((ids.len(), single.all().len()), (all, all));
    let batches = batched.all();
    let within = batches
        .iter()
        .map(|one| one.body["data"]["events"].as_array().unwrap().len());
    assert_eq!(within.sum::<usize>(), all);
    assert!(single.most_open() <= 16 && batched.most_open() <= 8);
    println!(
        "{all} events in {seconds} s: one by one after {took:.1} s, in {} batches after {batches_took:.1} s, at most {} requests open",
        batches.len(),
        single.most_open()
    );
    server.stop().await;
    postgres.down();
}

impl ApiServer {
    /// An endpoint at a receiver.
    pub(super) async fn add(&self, receiver: &Receiver, mut with: Value) -> Answer {
        with["url"] = receiver.url().into();
        let made = self.send(self.post("/webhooks", &with)).await;
        assert_eq!(made.status, 201, "{made:?}");
        made
    }

    /// Something happens: a number comes onto a list.
    pub(super) async fn bar(&self, nth: u64) {
        let path = format!("/do-not-call/own/numbers/+12025550{}", 100 + nth);
        let put = self.put(&path, &json!({})).await;
        assert_eq!(put.status, 201, "{put:?}");
    }

    async fn patch(&self, id: &str, change: &Value) -> Answer {
        let request = self.request(Method::PATCH, &format!("/webhooks/{id}"));
        self.send(request.json(change).header("if-match", "*"))
            .await
    }

    /// An endpoint, once it is as a test waits for.
    pub(super) async fn until(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let shown = self.get(&format!("/webhooks/{id}")).await.body;
                if is_so(&shown) {
                    return shown;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = timeout(Duration::from_secs(60), waiting).await;
        match waited {
            Ok(shown) => shown,
            Err(_) => panic!("{}", self.get(&format!("/webhooks/{id}")).await.body),
        }
    }
}

/// Whether one of the signatures is made with a secret.
fn is_signed_with(received: &Received, secret: &str) -> bool {
    let key = BASE64_STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let (id, at) = (received.id(), received.header("webhook-timestamp"));
    let tag = Seal::new(&key).tag(format!("{id}.{at}.{}", received.text).as_bytes());
    let wanted = format!("v1,{}", BASE64_STANDARD.encode(tag));
    let mut signatures = received.header("webhook-signature").split(' ');
    signatures.any(|signature| signature == wanted)
}
