//! The live state over HTTP: whole at first, then what has changed, as often as somebody can look at it.

use aftertone::{
    auth::{Role, UserName},
    store::UserChange,
};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{access::session, events::Stream, server::ApiServer};
use crate::{
    base::{Kind as Database, Server},
    fake::script::Script,
    program::pbx,
};

#[tokio::test]
async fn the_state_is_told_whole_and_then_by_what_has_changed() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    create(&server, "spring").await;
    let once = server.get("/live?once=true").await;
    assert_eq!(once.status, 200, "{once:?}");
    server.fits(&once.body, "Live");
    assert_eq!(once.body["campaigns"][0]["campaign"], "spring");
    assert_eq!(once.body["campaigns"][0]["standing"], "draft");
    assert!(once.body["fleet"]["pbxes"].is_array());

    let mut stream = Stream::open_at(&server, "/live", None).await;
    let first = stream.next().await;
    assert_eq!(first.name, "view");
    assert_eq!(first.data["campaigns"][0]["standing"], "draft");
    create(&server, "summer").await;
    let change = until(&mut stream, |change| {
        change["campaigns"][0]["campaign"] == "summer"
    })
    .await;
    // What is as it was is not told again.
    assert_eq!(change["campaigns"].as_array().unwrap().len(), 1);
    let mut told: Vec<Timestamp> = Vec::new();
    for _ in 0..20 {
        for standing in ["running", "paused"] {
            let standing = json!({"standing": standing});
            let put = server.put("/campaigns/spring/standing", &standing).await;
            assert_eq!(put.status, 200);
        }
    }
    for standing in ["running", "paused"] {
        let wanted = json!({"standing": standing});
        server.put("/campaigns/spring/standing", &wanted).await;
        until(&mut stream, |change| {
            told.push(change["at"].as_str().unwrap().parse().unwrap());
            change["campaigns"][0]["standing"] == standing
        })
        .await;
    }
    // However often it changes, two changes a second are told.
    for pair in told.windows(2) {
        let between = pair[1].duration_since(pair[0]).as_millis();
        assert!(between >= 450, "{between} ms: {told:?}");
    }
    let gone = server
        .send(server.request(Method::DELETE, "/campaigns/summer"))
        .await;
    assert_eq!(gone.status, 204);
    until(&mut stream, |change| change["gone"] == json!(["summer"])).await;

    // The fleet is for those who may see it.
    let token = server.token(&["campaigns:read"]).await;
    let request = server.plain(Method::GET, "/live?once=true");
    let seen = server.send(request.bearer_auth(&token)).await;
    assert_eq!((seen.status, &seen.body["fleet"]), (200, &Value::Null));
    let stopped = server.stop();
    let (bye, ()) = tokio::join!(until_named(&mut stream, "bye"), stopped);
    assert_eq!(bye, json!({"reason": "stopping"}));
}

#[tokio::test]
async fn a_token_has_eight_streams_of_all_kinds() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let mut streams = Vec::new();
    for nth in 0..8 {
        let path = if nth % 2 == 0 {
            "/live"
        } else {
            "/events/stream"
        };
        streams.push(Stream::open_at(&server, path, None).await);
    }
    for path in ["/live", "/events/stream"] {
        let refused = server.get(path).await;
        assert_eq!(
            (refused.status, refused.problem()),
            (429, "too_many_requests")
        );
    }
    assert_eq!(server.get("/live?once=true").await.status, 200);
    drop(streams);
    server.stop().await;
}

/// Whoever reads a stream is looked at again while it is open: it ends as soon as a request would not be answered.
#[tokio::test]
async fn a_stream_ends_when_its_reader_may_not_read_it_any_more() {
    let postgres = Server::default();
    let settings = pbx(Script::mailbox());
    let server = ApiServer::start_on(settings, "", Database::Postgres, &postgres).await;
    let scopes = ["events:read", "campaigns:read", "numbers:full"];
    let paths = ["/events/stream?full_numbers=true", "/live"];
    let token = server.token(&scopes).await;
    let mut streams = Vec::new();
    for path in paths {
        streams.push(Stream::of_token(&server, path, &token).await);
    }
    server.revoke(&token).await;
    for stream in &mut streams {
        assert_eq!(until_named(stream, "bye").await["reason"], "revoked");
    }
    let expiring = server.token(&scopes).await;
    let networked = server.token(&scopes).await;
    for (token, change, reason) in [
        (expiring, "expires_at = 1", "expired"),
        (networked, "networks = '192.0.2.0/24'", "network"),
    ] {
        let mut stream = Stream::of_token(&server, paths[0], &token).await;
        let id = &token["aft_".len()..][..8];
        server
            .run(&format!("UPDATE tokens SET {change} WHERE id = '{id}'"))
            .await;
        assert_eq!(until_named(&mut stream, "bye").await["reason"], reason);
    }

    let now = Timestamp::now();
    let feed = async |cookie: &str| Stream::of_page(&server, "/feed", cookie).await;
    let ann = session(&server, "ann", Role::Viewer, now).await;
    let mut stream = feed(&ann).await;
    // Those of others go on.
    let bob = session(&server, "bob", Role::Viewer, now).await;
    let mut others = feed(&bob).await;
    let out = server
        .plain(Method::DELETE, "/sessions/current")
        .header("cookie", &ann)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(server.send(out).await.status, 204);
    assert_eq!(
        until_named(&mut stream, "bye").await["reason"],
        "session_over"
    );
    assert_eq!(others.next().await.name, "cells");
    let bob = UserName::parse("bob").unwrap();
    let disabled = UserChange::Disabled(now);
    assert!(server.store.change_user(&bob, &disabled).await.unwrap());
    assert_eq!(
        until_named(&mut others, "bye").await["reason"],
        "session_over"
    );
    let cat = session(&server, "cat", Role::Viewer, now).await;
    let mut stream = feed(&cat).await;
    // However it comes about.
    server
        .run("UPDATE users SET role = 'operator' WHERE name = 'cat'")
        .await;
    assert_eq!(until_named(&mut stream, "bye").await["reason"], "changed");
    server.stop().await;
    postgres.down();
}

async fn create(server: &ApiServer, name: &str) {
    let new = json!({"name": name, "kind": "marketing", "message": "sound:hello", "rate": "2/s"});
    let created = server.send(server.post("/campaigns", &new)).await;
    assert_eq!(created.status, 201, "{created:?}");
}

/// The first change that is as a test waits for.
async fn until(stream: &mut Stream, mut is_it: impl FnMut(&Value) -> bool) -> Value {
    loop {
        let next = stream.next().await;
        if next.name == "change" && is_it(&next.data) {
            return next.data;
        }
    }
}

async fn until_named(stream: &mut Stream, name: &str) -> Value {
    loop {
        let next = stream.next().await;
        if next.name == name {
            return next.data;
        }
    }
}
