//! How long a request may take, and what becomes of one that takes longer.

use std::{fs, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::server::ApiServer;
use crate::{
    fake::script::{Call, Script},
    program::{NUMBER, Program, pbx},
};

/// How long a request takes at most here.
const LONGEST: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_the_trunk_is_never_said_to_be_undone() {
    let server = start().await;
    let first = server.order("k1", &order(NUMBER)).await;
    assert_eq!(first.status, 202, "{first:?}");
    let second = order("+12025550102");
    let waits = server.order("k2", &second).await;
    assert_eq!(
        (waits.status, waits.problem(), waits.header("retry-after")),
        (409, "idempotency_in_progress", "1"),
        "{waits:?}"
    );
    let again = server.order("k2", &second).await;
    assert_eq!(again.problem(), "idempotency_in_progress");
    cancel(&server, &first.body).await;
    let ordered = loop {
        let answer = server.order("k2", &second).await;
        if answer.status != 409 {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let all = server.get("/drops").await;
    assert_eq!(all.body["items"].as_array().unwrap().len(), 2);
    cancel(&server, &ordered.body).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_the_end_of_a_drop_for_longer_than_a_request_takes() {
    let server = start().await;
    let waiting = server
        .post("/drops", &order(NUMBER))
        .header("idempotency-key", "k1")
        .header("prefer", "wait=60");
    let meanwhile = async {
        let drop = loop {
            let all = server.get("/drops").await;
            if let Some(drop) = all.body["items"].get(0) {
                break drop.clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        // What begins behind it has come to its limit.
        let late = stalled(&server, "/welcome").await;
        assert!(late.starts_with("HTTP/1.1 503 "), "{late}");
        cancel(&server, &drop).await;
    };
    let (waited, ()) = tokio::join!(server.send(waiting), meanwhile);
    assert_eq!(waited.status, 200, "{waited:?}");
    assert_eq!(waited.body["outcome"], "cancelled");
    assert_eq!(waited.header("preference-applied"), "wait=60");
    // Who waits for less is told that it was ordered.
    let short = server
        .post("/drops", &order("+12025550102"))
        .header("idempotency-key", "k2")
        .header("prefer", "wait=0");
    let short = server.send(short).await;
    assert_eq!(
        (short.status, &short.body["status"]),
        (202, &json!("queued"))
    );
    cancel(&server, &short.body).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_comes_to_a_standstill_holds_no_connection() {
    let server = start().await;
    let (welcome, login) = tokio::join!(stalled(&server, "/welcome"), stalled(&server, "/login"));
    for late in [welcome, login] {
        assert!(late.starts_with("HTTP/1.1 503 "), "{late}");
        assert!(late.contains("connection: close"), "{late}");
        assert!(late.contains("may have been done"), "{late}");
    }
    server.stop().await;
}

/// All that is answered, until the connection is closed, to a form of which the rest never comes.
async fn stalled(server: &ApiServer, path: &str) -> String {
    let mut connection = TcpStream::connect(server.at).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\ncode=",
        server.at
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).await.unwrap();
    text
}

/// Hangs up what rings for ever, and waits for its end.
async fn cancel(server: &ApiServer, drop: &Value) {
    let drop = drop["drop"].as_str().unwrap();
    let path = format!("/drops/{drop}");
    let cancelled = server.send(server.request(Method::DELETE, &path)).await;
    assert_eq!(cancelled.status, 202, "{cancelled:?}");
    assert_eq!(server.ended(drop).await["outcome"], "cancelled");
}

fn order(number: &str) -> Value {
    json!({"to": number, "message": "sound:hello-world", "kind": "marketing", "technique": "single"})
}

/// A server whose trunk carries one call, which rings until it is cancelled.
async fn start() -> ApiServer {
    let program = Program::new(pbx(Script(vec![Call::ringing_for_ever()]))).await;
    program.trunk("in_flight = 1");
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let patient = text.replace("answer_timeout = \"3s\"", "answer_timeout = \"120s\"");
    assert_ne!(text, patient);
    fs::write(path, patient).unwrap();
    ApiServer::answering_within(program, LONGEST).await
}
