//! The API over a real socket: drops by the fake PBX, keys that are sent again, tokens and scopes, and the document that
//! describes it all.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod access;
mod agents;
mod audit;
pub(crate) mod callbacks;
mod callers;
mod events;
mod evidence;
mod held;
pub(crate) mod killed;
mod limits;
mod live;
mod pages;
mod patience;
mod person;
pub(crate) mod receiver;
pub(crate) mod server;
mod signatures;
mod templates;
mod tls;
mod webhooks;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use self::server::{Answer, ApiServer};
use crate::{
    base::{Kind as Database, Server},
    fake::{fault::Kind, script::Script},
    program::{NUMBER, count, pbx},
};

/// An order that the gate allows, since it is switched off.
fn hello() -> Value {
    json!({
        "to": NUMBER, "message": "sound:hello-world", "kind": "marketing", "foreign_id": "c-17", "metadata": {"a": 1}
    })
}

#[tokio::test]
async fn a_drop_is_ordered_followed_and_found_again() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let ordered = server.order("k1", &hello()).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    assert_eq!(ordered.body["status"], "queued");
    assert_eq!(ordered.body["number"], "+1202•••0101");
    let drop = ordered.body["drop"].as_str().unwrap().to_owned();
    assert_eq!(ordered.header("location"), format!("/api/v1/drops/{drop}"));
    server.fits(&ordered.body, "DropAccepted");

    let other = json!({"to": "+12025550103", "message": "sound:hello-world", "kind": "marketing", "foreign_id": "c-17"});
    let waiting = server.post("/drops", &other).header("prefer", "wait=60");
    let waited = server.send(waiting.header("idempotency-key", "k2")).await;
    assert_eq!(waited.status, 200, "{waited:?}");
    assert_eq!(waited.body["outcome"], "delivered");
    assert_eq!(waited.header("preference-applied"), "wait=60");
    server.fits(&waited.body, "Drop");

    let ended = server.ended(&drop).await;
    assert_eq!(ended["outcome"], "delivered", "{ended}");
    assert_eq!(ended["report"]["drop"], drop.as_str());
    assert_eq!(ended["foreign_id"], "c-17");
    assert_eq!(ended["metadata"], json!({"a": 1}));
    let found = server.get("/drops?foreign_id=c-17").await;
    assert_eq!(found.body["items"].as_array().unwrap().len(), 2);
    server.fits(&found.body, "DropPage");
    let none = server.get("/drops?foreign_id=c-18").await;
    assert_eq!(none.body["items"], json!([]));
    let by_number = server.get("/drops?number=%2B12025550101").await;
    assert_eq!(by_number.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(by_number.body["items"][0]["drop"], drop.as_str());
    // A premium-rate number is looked for like any other: it may have been dialled under another setting.
    let premium = server.get("/drops?number=%2B19005550101").await;
    assert_eq!((premium.status, &premium.body["items"]), (200, &json!([])));
    let timeline = server.get(&format!("/drops/{drop}/timeline")).await;
    assert_eq!(timeline.body["timeline"][0]["event"], "busy_dialled");
    assert_eq!(timeline.body["ruling"]["decision"], "allowed");
    server.fits(&timeline.body, "DropTimeline");
    // Two drops, two pairs of calls, by one run.
    assert_eq!(server.originates(), 4);
    server.stop().await;
}

#[tokio::test]
async fn fifty_requests_of_one_key_make_one_drop() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(pbx(Script::mailbox()), "", database, &postgres).await;
        let order = async || loop {
            let answer = server.order("k1", &hello()).await;
            match answer.status {
                409 => {
                    assert_eq!(answer.problem(), "idempotency_in_progress");
                    assert_eq!(answer.header("retry-after"), "1");
                    // As a client does, but sooner than the second it is told.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                _ => return answer,
            }
        };
        let answers = futures::future::join_all((0..50).map(|_| order())).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (202, &answers[0].body));
        }
        let replayed = answers
            .iter()
            .filter(|answer| answer.header("idempotent-replayed") == "true");
        assert_eq!(replayed.count(), 49);
        let drop = answers[0].body["drop"].as_str().unwrap().to_owned();
        assert_eq!(server.ended(&drop).await["outcome"], "delivered");
        assert_eq!(server.originates(), 2);
        let all = server.get("/drops").await;
        assert_eq!(all.body["items"].as_array().unwrap().len(), 1);
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test]
async fn a_key_stays_with_its_request_across_a_process_that_is_gone() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let first = server.order("k1", &hello()).await;
    let drop = first.body["drop"].as_str().unwrap().to_owned();
    server.ended(&drop).await;
    // Another body, and the same one in another order of its members.
    let other = server.order("k1", &json!({"to": "+12025550102"})).await;
    assert_eq!(
        (other.status, other.problem()),
        (422, "idempotency_key_reused")
    );
    let text = r#"{"metadata":{"a":1},"foreign_id":"c-17","kind":"marketing","message":"sound:hello-world","to":"+12025550101"}"#;
    let again = server
        .send(
            server
                .post("/drops", &hello())
                .body(text)
                .header("idempotency-key", "\"k1\""),
        )
        .await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    // Of another principal it is another key.
    let other = server.token(&["drops:write"]).await;
    let answer = server
        .send(
            server
                .post("/drops", &hello())
                .header("idempotency-key", "k1")
                .bearer_auth(&other),
        )
        .await;
    assert_eq!(
        (answer.status, answer.header("idempotent-replayed")),
        (202, "")
    );
    server.ended(answer.body["drop"].as_str().unwrap()).await;
    let originates = server.originates();
    // A process that knows nothing of it but what the database does.
    let server = server.restart().await;
    let again = server.order("k1", &hello()).await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(server.originates(), originates);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_has_gone_finds_its_drop_by_its_key() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    // It hangs up before it has an answer.
    let body = hello().to_string();
    let head = format!(
        "POST /api/v1/drops HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {}\r\nidempotency-key: k1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.admin,
        body.len(),
        at = server.at,
    );
    let mut client = tokio::net::TcpStream::connect(server.at).await.unwrap();
    client
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    drop(client);
    let answer = loop {
        let answer = server.order("k1", &hello()).await;
        if answer.status != 409 {
            break answer;
        }
    };
    assert_eq!(answer.status, 202, "{answer:?}");
    server.ended(answer.body["drop"].as_str().unwrap()).await;
    assert_eq!(server.originates(), 2);
    server.stop().await;
}

#[tokio::test]
async fn what_the_gate_refuses_stays_refused_under_its_key() {
    let server = ApiServer::start(pbx(Script::mailbox()), "hours = false\nconsent = false").await;
    let put = server
        .put(
            "/do-not-call/own/numbers/+12025550101",
            &json!({"because": "asked"}),
        )
        .await;
    assert_eq!(put.status, 201, "{put:?}");
    server.fits(&put.body, "DoNotCallEntry");
    let refused = server.order("k1", &hello()).await;
    assert_eq!((refused.status, refused.problem()), (422, "refused"));
    assert_eq!(refused.body["reason"], "do_not_call");
    assert_eq!(refused.body["rule"], "do_not_call");
    assert!(
        refused.body["detail"].as_str().unwrap().contains("`own`"),
        "{refused:?}"
    );
    server.fits_problem(&refused.body);
    // It is a drop that is known, with the ruling, however it is looked for.
    let drop = refused.body["drop"].as_str().unwrap();
    let shown = server.get(&format!("/drops/{drop}")).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    server.fits(&shown.body, "Drop");
    assert_eq!(
        (&shown.body["status"], &shown.body["refused"]),
        (&json!("refused"), &json!("do_not_call"))
    );
    assert_eq!(shown.body["words"], refused.body["detail"]);
    assert_eq!(shown.body["foreign_id"], "c-17");
    let timeline = server.get(&format!("/drops/{drop}/timeline")).await.body;
    assert_eq!(timeline["ruling"]["decision"], "refused");
    for query in ["number=%2B12025550101", "foreign_id=c-17"] {
        let listed = server.get(&format!("/drops?{query}")).await.body;
        assert_eq!(listed["items"][0]["drop"], drop, "{query}");
    }
    let calls = server.program.run(&["calls", "--number", NUMBER]).await;
    assert!(calls.stdout.contains("refused: do_not_call"), "{calls:?}");
    let cancelled = server.send(server.request(Method::DELETE, &format!("/drops/{drop}")));
    assert_eq!(cancelled.await.status, 409);
    // Taken off the list, the same key dials nothing all the same.
    let gone = server
        .send(server.request(Method::DELETE, "/do-not-call/own/numbers/+12025550101"))
        .await;
    assert_eq!(gone.status, 204);
    let again = server.order("k1", &hello()).await;
    assert_eq!((again.status, again.problem()), (422, "refused"));
    assert_eq!(again.body["drop"], refused.body["drop"]);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(server.originates(), 0);
    // A new key is a new order.
    let allowed = server.order("k2", &hello()).await;
    assert_eq!(allowed.status, 202);
    server.ended(allowed.body["drop"].as_str().unwrap()).await;
    let audit = server.get("/audit").await;
    let actions: Vec<_> = audit.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].clone())
        .collect();
    assert_eq!(
        actions,
        [
            "drop.order",
            "do_not_call.remove",
            "drop.order",
            "do_not_call.add",
            "token.add"
        ]
    );
    server.fits(&audit.body, "AuditPage");
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_valid_is_named_in_full_and_leaves_its_key_free() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let wrong = json!({"to": "12", "kind": "sale", "consent": {"level": "loud"}, "tpyo": 1});
    let answer = server.order("k1", &wrong).await;
    assert_eq!((answer.status, answer.problem()), (422, "invalid"));
    let pointers: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].clone())
        .collect();
    assert_eq!(
        pointers,
        [
            "/consent/at",
            "/consent/level",
            "/consent/source",
            "/kind",
            "/message",
            "/to",
            "/tpyo"
        ]
    );
    server.fits_problem(&answer.body);
    let missing = server
        .order(
            "k1",
            &json!({"to": NUMBER, "message": "none", "kind": "marketing"}),
        )
        .await;
    assert_eq!(
        missing.body["errors"][0]["pointer"], "/message",
        "{missing:?}"
    );
    let file = server
        .order(
            "k1",
            &json!({"to": NUMBER, "message": "/etc/passwd", "kind": "marketing"}),
        )
        .await;
    assert_eq!(file.body["errors"][0]["pointer"], "/message", "{file:?}");
    let none = server.send(server.post("/drops", &hello())).await;
    assert_eq!(
        (none.status, none.problem()),
        (400, "idempotency_key_missing")
    );
    let text = server
        .send(
            server
                .request(Method::POST, "/drops")
                .header("content-type", "text/plain")
                .header("idempotency-key", "k1")
                .body("{}"),
        )
        .await;
    assert_eq!(
        (text.status, text.problem()),
        (415, "unsupported_media_type")
    );
    let broken = server
        .send(
            server
                .post("/drops", &hello())
                .body("{")
                .header("idempotency-key", "k1"),
        )
        .await;
    assert_eq!((broken.status, broken.problem()), (400, "malformed"));
    let long = "x".repeat(70_000);
    let long = server
        .send(
            server
                .post("/drops", &hello())
                .body(long)
                .header("idempotency-key", "k1"),
        )
        .await;
    assert_eq!((long.status, long.problem()), (413, "too_large"));
    assert_eq!(server.originates(), 0);
    let right = server.order("k1", &hello()).await;
    assert_eq!(
        (right.status, right.header("idempotent-replayed")),
        (202, "")
    );
    server.ended(right.body["drop"].as_str().unwrap()).await;
    server.stop().await;
}

#[tokio::test]
async fn every_route_asks_for_its_scope_and_no_other_opens_it() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let document = server.get("/openapi.json").await.body;
    let scopes: Vec<_> = aftertone::auth::Scope::ALL
        .iter()
        .map(|scope| scope.slug())
        .collect();
    let mut tokens = Vec::new();
    for scope in &scopes {
        tokens.push((*scope, server.token(&[scope]).await));
    }
    let mut walked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path
                .replace("{drop}", "0199aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
                .replace("{campaign}", "none")
                .replace("{webhook}", "wh_77")
                .replace("{delivery}", "dlv_77")
                .replace("{list}", "own")
                .replace("{number}", "+12025550199");
            let words = operation["description"].as_str().unwrap();
            let wanted = words
                .split("Takes the scope `")
                .nth(1)
                .and_then(|rest| rest.split('`').next());
            let ask = async |token: &str| {
                server
                    .send(server.plain(method.clone(), &path).bearer_auth(token))
                    .await
            };
            // What only people do, and how they sign in, has tests of its own.
            if words.contains("No token does this") || path == "/sessions" {
                continue;
            }
            let without = server.send(server.plain(method.clone(), &path)).await;
            let Some(wanted) = wanted else {
                assert_eq!(without.status, 200, "{method} {path} needs no token");
                continue;
            };
            assert_eq!(
                (without.status, without.problem()),
                (401, "unauthorized"),
                "{method} {path}"
            );
            assert_eq!(without.header("www-authenticate"), "Bearer");
            let more = words
                .split("It takes the scope `")
                .nth(1)
                .and_then(|rest| rest.split('`').next());
            if let Some(more) = more {
                let both = server.token(&[wanted, more]).await;
                assert_ne!(ask(&both).await.status, 403, "{method} {path}");
            }
            for (scope, token) in &tokens {
                let answer = ask(token).await;
                let may = (*scope == wanted && more.is_none()) || *scope == "admin";
                let lacks = more.filter(|_| *scope == wanted).unwrap_or(wanted);
                let is_kept_out = answer.status == 403;
                assert_eq!(
                    is_kept_out, !may,
                    "{method} {path} with {scope}: {answer:?}"
                );
                if is_kept_out {
                    assert_eq!(
                        (answer.problem(), &answer.body["scope"]),
                        ("forbidden", &json!(lacks))
                    );
                }
                walked += 1;
            }
        }
    }
    assert!(walked >= 18 * scopes.len(), "{walked}");
    server.stop().await;
}

#[tokio::test]
async fn a_token_is_asked_for_and_a_host_is_known() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let ask = async |header: &str, value: &str| {
        server
            .send(server.plain(Method::GET, "/drops").header(header, value))
            .await
    };
    for bad in [
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer x",
        &format!("Bearer {}", "a".repeat(62)),
    ] {
        let answer = ask("authorization", bad).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (401, "unauthorized"),
            "{bad}"
        );
    }
    assert_eq!(
        ask("cookie", &format!("token={}", server.admin))
            .await
            .status,
        401
    );
    let tampered = server.admin.replacen("_", "-", 2);
    assert_eq!(
        ask("authorization", &format!("Bearer {tampered}"))
            .await
            .status,
        401
    );
    let revoked = server.token(&["drops:read"]).await;
    let ok = server
        .send(server.plain(Method::GET, "/drops").bearer_auth(&revoked))
        .await;
    assert_eq!(ok.status, 200);
    server.revoke(&revoked).await;
    let no = server
        .send(server.plain(Method::GET, "/drops").bearer_auth(&revoked))
        .await;
    assert_eq!(no.status, 401);
    let evil = server
        .send(
            server
                .request(Method::GET, "/drops")
                .header("host", "evil.example"),
        )
        .await;
    assert_eq!((evil.status, evil.problem()), (421, "unknown_host"));
    let nothing = server.get("/nothing").await;
    assert_eq!((nothing.status, nothing.problem()), (404, "not_found"));
    let method = server.send(server.request(Method::PUT, "/drops")).await;
    assert_eq!(
        (method.status, method.problem()),
        (405, "method_not_allowed")
    );
    let own = server
        .send(
            server
                .request(Method::GET, "/drops")
                .header("x-request-id", "mine-1"),
        )
        .await;
    assert_eq!(own.header("x-request-id"), "mine-1");
    assert_eq!(own.header("cache-control"), "no-store");
    assert_eq!(server.get("/drops").await.header("x-request-id").len(), 32);
    server.stop().await;
}

#[tokio::test]
async fn whole_numbers_take_a_scope_and_leave_a_row() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let ordered = server.order("k1", &hello()).await;
    let drop = ordered.body["drop"].as_str().unwrap().to_owned();
    server.ended(&drop).await;
    let path = format!("/drops/{drop}?full_numbers=true");
    let reader = server.token(&["drops:read"]).await;
    let kept_out = server
        .send(server.plain(Method::GET, &path).bearer_auth(&reader))
        .await;
    assert_eq!(
        (kept_out.status, &kept_out.body["scope"]),
        (403, &json!("numbers:full"))
    );
    let full = server.get(&path).await;
    assert_eq!(full.body["number"], NUMBER);
    let rows = server.get("/audit?limit=1").await;
    assert_eq!(rows.body["items"][0]["action"], "numbers.read");
    assert_eq!(rows.body["items"][0]["object"], drop.as_str());
    assert!(!rows.body.to_string().contains("12025550101"));
    server.stop().await;
}

#[tokio::test]
async fn a_campaign_is_created_changed_and_ordered() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let wrong = server
        .send(server.post(
            "/campaigns",
            &json!({"name": "A b", "kind": "x", "rate": "fast", "message": "none"}),
        ))
        .await;
    let pointers: Vec<_> = wrong.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].clone())
        .collect();
    assert_eq!(
        pointers,
        ["/kind", "/message", "/name", "/rate"],
        "{wrong:?}"
    );
    let new =
        json!({"name": "spring", "kind": "marketing", "message": "sound:hello", "rate": "2/s"});
    let created = server.send(server.post("/campaigns", &new)).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("location"), "/api/v1/campaigns/spring");
    assert_eq!(created.body["settings"]["rate"], "2/s");
    server.fits(&created.body, "Campaign");
    let again = server.send(server.post("/campaigns", &new)).await;
    assert_eq!((again.status, again.problem()), (409, "exists"));

    let read = server.get("/campaigns/spring").await;
    let tag = read.header("etag").to_owned();
    let patch = |tag: &str, body: Value| {
        let request = server
            .request(Method::PATCH, "/campaigns/spring")
            .json(&body);
        server.send(if tag.is_empty() {
            request
        } else {
            request.header("if-match", tag)
        })
    };
    let without = patch("", json!({"rate": "3/s"})).await;
    assert_eq!(
        (without.status, without.problem()),
        (428, "precondition_required")
    );
    let changed = patch(&tag, json!({"rate": "3/s"})).await;
    assert_eq!(
        (changed.status, &changed.body["settings"]["rate"]),
        (200, &json!("3/s"))
    );
    assert_eq!(changed.body["settings"]["kind"], "marketing");
    let stale = patch(&tag, json!({"rate": "4/s"})).await;
    assert_eq!((stale.status, stale.problem()), (412, "changed"));
    let unknown = patch(changed.header("etag"), json!({"rte": "4/s"})).await;
    assert_eq!(unknown.body["errors"][0]["pointer"], "/rte", "{unknown:?}");

    let stand = async |body: Value| server.put("/campaigns/spring/standing", &body).await;
    let paused = server
        .put("/campaigns/spring/standing", &json!({"standing": "paused"}))
        .await;
    assert_eq!(
        (paused.status, &paused.body["detail"]),
        (409, &json!("`spring` is a draft, nothing of it is dialled")),
        "{paused:?}"
    );
    assert_eq!(
        stand(json!({"standing": "running"})).await.body["standing"],
        "running"
    );
    assert_eq!(
        stand(json!({"standing": "paused"})).await.body["standing"],
        "paused"
    );
    assert_eq!(
        stand(json!({"standing": "paused"})).await.body["standing"],
        "paused"
    );
    assert_eq!(stand(json!({"standing": "asleep"})).await.status, 422);
    let cancelled = stand(json!({"standing": "cancelled"})).await;
    assert_eq!(
        (cancelled.status, &cancelled.body["standing"]),
        (200, &json!("cancelled"))
    );
    let again = stand(json!({"standing": "cancelled"})).await;
    assert_eq!(
        (again.status, again.header("etag")),
        (200, cancelled.header("etag"))
    );
    let over = stand(json!({"standing": "running"})).await;
    assert_eq!((over.status, over.problem()), (409, "conflict"));
    assert_eq!(over.body["detail"], "`spring` is cancelled");
    assert_eq!(
        server.get("/campaigns/spring/waiting").await.body,
        json!({"items": []})
    );

    for n in 0..5 {
        let new = json!({"name": format!("c{n}"), "kind": "marketing", "message": "sound:hello"});
        assert_eq!(
            server.send(server.post("/campaigns", &new)).await.status,
            201
        );
    }
    let first = server.get("/campaigns?limit=4").await;
    server.fits(&first.body, "CampaignPage");
    let next = first.body["next"].as_str().unwrap();
    let second = server
        .get(&format!("/campaigns?limit=4&cursor={next}"))
        .await;
    let names = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["campaign"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&first.body), ["c4", "c3", "c2", "c1"]);
    assert_eq!(names(&second.body), ["c0", "spring"]);
    let previous = second.body["previous"].as_str().unwrap();
    let back = server
        .get(&format!("/campaigns?limit=4&cursor={previous}"))
        .await;
    assert_eq!(back.body["items"], first.body["items"]);
    let alien = server.get(&format!("/audit?cursor={next}")).await;
    assert_eq!((alien.status, alien.problem()), (400, "cursor_invalid"));

    let gone = server
        .send(server.request(Method::DELETE, "/campaigns/spring"))
        .await;
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(server.get("/campaigns/spring").await.status, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_message_is_prepared_listed_and_removed() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let recording = std::fs::read(server.program.record("tone.wav", 2_000)).unwrap();
    let put = async |body: Vec<u8>| {
        server
            .send(server.request(Method::PUT, "/messages/spring").body(body))
            .await
    };
    let prepared = put(recording.clone()).await;
    assert_eq!(prepared.status, 201, "{prepared:?}");
    server.fits(&prepared.body, "Message");
    assert_eq!(put(recording).await.status, 200);
    let wrong = put(b"no sound".to_vec()).await;
    assert_eq!(
        (wrong.status, wrong.problem()),
        (422, "invalid"),
        "{wrong:?}"
    );
    assert!(!wrong.body.to_string().contains("/tmp"), "{wrong:?}");
    let listed = server.get("/messages").await;
    assert_eq!(listed.body["items"][0]["name"], "spring");
    server.fits(&listed.body, "MessageList");
    assert_eq!(
        server.get("/messages/spring").await.body,
        listed.body["items"][0]
    );
    assert_eq!(server.get("/messages/none").await.status, 404);
    let ordered = json!({"to": NUMBER, "message": "spring", "kind": "marketing"});
    let ordered = server.order("k1", &ordered).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    assert_eq!(
        server.ended(ordered.body["drop"].as_str().unwrap()).await["message"],
        "spring"
    );
    let gone = server
        .send(server.request(Method::DELETE, "/messages/spring"))
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(server.get("/messages/spring").await.status, 404);
    let fleet = server.get("/fleet").await;
    server.fits(&fleet.body, "Fleet");
    assert_eq!(fleet.body["pbxes"][0]["controllers"][0]["runs"], "drop");
    server.stop().await;
}

#[tokio::test]
async fn results_are_given_as_they_are_read_in_each_format() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    std::fs::write(
        server.program.path("leads.csv"),
        "phone,state,consent,consent_at,consent_source,id\n\
         +12025550101,DC,written,2026-03-01,web form,a1\n\
         +12025550102,DC,written,2026-03-01,web form,a2\n",
    )
    .unwrap();
    let list = [
        "campaign",
        "create",
        "spring",
        "leads.csv",
        "--kind",
        "marketing",
        "--message",
        "sound:hello",
    ];
    let created = server.program.run(&list).await;
    assert_eq!(created.status, Some(0), "{created:?}");
    let path = "/campaigns/spring/results?undialled=true&fields=foreign_id,number,outcome";
    let csv = server.text(server.request(Method::GET, path)).await;
    assert_eq!(csv.0, 200);
    assert_eq!(
        csv.1,
        "foreign_id,number,outcome\r\na1,+1202•••0101,\r\na2,+1202•••0102,\r\n"
    );
    let ndjson = server
        .request(Method::GET, path)
        .header("accept", "application/x-ndjson");
    let ndjson = server.text(ndjson).await.1;
    assert_eq!(ndjson.lines().count(), 2);
    let json = server
        .request(Method::GET, &format!("{path}&full_numbers=true"))
        .header("accept", "application/json");
    let json: Value = serde_json::from_str(&server.text(json).await.1).unwrap();
    assert_eq!(
        json[0],
        json!({"foreign_id": "a1", "number": NUMBER, "outcome": null})
    );
    let none = server
        .text(server.request(
            Method::GET,
            "/campaigns/spring/results?outcome=delivered&fields=drop",
        ))
        .await;
    assert_eq!(none.1, "drop\r\n");
    let wrong = server
        .get("/campaigns/spring/results?outcome=won&fields=tune&since=today")
        .await;
    let pointers: Vec<_> = wrong.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].clone())
        .collect();
    assert_eq!(pointers, ["?fields", "?outcome", "?since"]);
    let picture = server
        .send(
            server
                .request(Method::GET, path)
                .header("accept", "image/png"),
        )
        .await;
    assert_eq!((picture.status, picture.problem()), (406, "not_acceptable"));
    server.stop().await;
}

#[tokio::test]
async fn the_gate_is_asked_without_dialling() {
    let server = ApiServer::start(pbx(Script::mailbox()), "hours = false").await;
    server
        .put("/do-not-call/own/numbers/+12025550102", &json!({}))
        .await;
    let request = json!({
        "numbers": ["+12025550101", "+12025550102", "12"],
        "kind": "marketing",
        "consent": {"level": "written", "at": "2026-03-01", "source": "web form"},
    });
    let checked = server.send(server.post("/checks", &request)).await;
    server.fits(&checked.body, "Checks");
    let decisions: Vec<_> = checked.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["decision"].clone())
        .collect();
    assert_eq!(decisions, ["allowed", "refused", "rejected"], "{checked:?}");
    assert_eq!(checked.body["items"][1]["reason"], "do_not_call");
    let without = server
        .send(server.post(
            "/checks",
            &json!({"numbers": [NUMBER], "kind": "marketing"}),
        ))
        .await;
    assert_eq!(without.body["items"][0]["reason"], "no_consent");
    let lists = server.get("/do-not-call").await;
    assert_eq!(
        lists.body,
        json!({"items": [{"list": "own", "numbers": 1}]})
    );
    server.fits(&lists.body, "DoNotCallLists");
    let twice = server
        .put(
            "/do-not-call/own/numbers/+12025550102",
            &json!({"because": "again"}),
        )
        .await;
    assert_eq!((twice.status, &twice.body["because"]), (200, &Value::Null));
    assert_eq!(
        server
            .get("/do-not-call/own/numbers/+12025550101")
            .await
            .status,
        404
    );
    assert_eq!(server.get("/do-not-call/Own!/numbers/12").await.status, 422);
    assert_eq!(server.originates(), 0);
    server.stop().await;
}

#[tokio::test]
async fn only_an_admin_sets_the_gate_aside_and_says_why() {
    let server = ApiServer::start(pbx(Script::mailbox()), "hours = false").await;
    let order = json!({
        "to": NUMBER, "message": "sound:hello-world", "kind": "marketing",
        "override": {"rules": ["consent"], "because": "my own telephone"},
    });
    let writer = server.token(&["drops:write"]).await;
    let request = server
        .post("/drops", &order)
        .header("idempotency-key", "k1")
        .bearer_auth(&writer);
    let kept_out = server.send(request).await;
    assert_eq!(
        (kept_out.status, &kept_out.body["scope"]),
        (403, &json!("admin"))
    );
    let refused = server
        .order(
            "k1",
            &json!({"to": NUMBER, "message": "sound:hello-world", "kind": "marketing"}),
        )
        .await;
    assert_eq!(refused.body["reason"], "no_consent");
    let allowed = server.order("k2", &order).await;
    assert_eq!(allowed.status, 202, "{allowed:?}");
    let drop = allowed.body["drop"].as_str().unwrap().to_owned();
    server.ended(&drop).await;
    let timeline = server.get(&format!("/drops/{drop}/timeline")).await;
    assert!(
        timeline.body["ruling"]
            .to_string()
            .contains("my own telephone")
    );
    server.stop().await;
}

#[tokio::test]
async fn a_drop_in_flight_is_cancelled() {
    let server = ApiServer::start(
        pbx(Script(vec![crate::fake::script::Call::ringing_for_ever()])),
        "",
    )
    .await;
    let ordered = server.order("k1", &hello()).await;
    let drop = ordered.body["drop"].as_str().unwrap().to_owned();
    let path = format!("/drops/{drop}");
    let cancelled = server.send(server.request(Method::DELETE, &path)).await;
    assert_eq!(cancelled.status, 202, "{cancelled:?}");
    assert_eq!(server.ended(&drop).await["outcome"], "cancelled");
    let over = server.send(server.request(Method::DELETE, &path)).await;
    assert_eq!((over.status, over.problem()), (409, "conflict"));
    let none = server
        .send(server.request(Method::DELETE, "/drops/0199aaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
        .await;
    assert_eq!(none.status, 404);
    server.stop().await;
}

impl ApiServer {
    /// How many calls the PBX was asked for.
    pub(crate) fn originates(&self) -> usize {
        self.program
            .fake
            .with(|world| count(world, Kind::Originate, None))
    }

    /// The drop, once it has ended.
    pub(crate) async fn ended(&self, drop: &str) -> Value {
        let mut last = Value::Null;
        let asking = async {
            loop {
                let Answer { status, body, .. } = self.get(&format!("/drops/{drop}")).await;
                assert_eq!(status, 200, "{body}");
                last.clone_from(&body);
                if body["status"] == "ended" {
                    return body;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(60), asking).await;
        let Ok(body) = ended else {
            panic!("it never ends: {last}")
        };
        self.fits(&body, "Drop");
        body
    }
}
