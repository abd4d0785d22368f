//! How often somebody may ask: a token, and whoever tries to sign in.

use std::time::Duration;

use aftertone::clock;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::server::ApiServer;
use crate::{fake::script::Script, program::pbx};

#[tokio::test]
async fn a_token_may_ask_so_often_and_is_told_what_is_left() {
    let server = start("requests_per_second = 5").await;
    let first = server.get("/campaigns").await;
    assert_eq!(first.header("ratelimit-policy"), "\"requests\";q=10;w=2");
    assert!(
        first.header("ratelimit").starts_with("\"requests\";r="),
        "{first:?}"
    );
    let asked = futures::future::join_all((0..40).map(|_| server.get("/campaigns"))).await;
    let (done, refused): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|answer| answer.status == 200);
    assert!(done.len() >= 9 && refused.len() >= 10, "{}", done.len());
    for answer in &refused {
        assert_eq!(
            (answer.status, answer.problem()),
            (429, "too_many_requests")
        );
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=3).contains(&wait), "{wait}");
    }
    // Another one has its own allowance.
    let other = server.token(&["campaigns:read"]).await;
    let ask = server.plain(Method::GET, "/campaigns").bearer_auth(&other);
    assert_eq!(server.send(ask).await.status, 200);
    // What is waited for comes.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.get("/campaigns").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_on_which_something_was_refused_takes_the_next_request() {
    let server = start("").await;
    let mut connection = TcpStream::connect(server.at).await.unwrap();
    let head = |size: usize| {
        format!(
            "POST /api/v1/drops HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer aft_none\r\n\
             content-type: application/json\r\ncontent-length: {size}\r\n\r\n",
            server.at
        )
    };
    let body = vec![b' '; 300_000];
    for _ in 0..3 {
        let head = head(body.len());
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&body).await.unwrap();
        let answer = answer(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    // One who stops in the midst of it is answered all the same, and that this connection is over.
    let head = head(body.len());
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body[..1_000]).await.unwrap();
    let answer = answer(&mut connection).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(connection.read(&mut [0; 1]).await.unwrap(), 0);
    server.stop().await;
}

/// An answer with its body, whose length it says.
async fn answer(connection: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut part = [0; 4_096];
        let read = connection.read(&mut part).await.unwrap();
        assert!(read > 0, "it was closed behind {text:?}");
        text.push_str(std::str::from_utf8(&part[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if length.unwrap().parse::<usize>().unwrap() == body.len() {
            return text;
        }
    }
}

#[tokio::test]
async fn whoever_guesses_is_sent_away_and_others_are_not() {
    let server = start("trusted_proxies = [\"127.0.0.1\"]").await;
    let guess = async |from: &str, name: &str| {
        let request = server
            .plain(Method::POST, "/sessions")
            .header("x-forwarded-for", from)
            .json(&json!({"user": name, "password": "guess"}));
        server.send(request).await
    };
    let began = clock::now();
    for n in 0..10 {
        let answer = guess("198.51.100.1", &format!("user{n}")).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    let away = guess("198.51.100.1", "ann").await;
    assert_eq!((away.status, away.problem()), (429, "too_many_requests"));
    let wait: u64 = away.header("retry-after").parse().unwrap();
    // A minute from the first on, however long they took.
    let since = clock::now().duration_since(began).as_secs();
    assert!(
        (58..=62).contains(&(wait + since)),
        "{wait} after {since} s"
    );
    assert_eq!(guess("198.51.100.2", "ann").await.status, 401);
    // A name has its own allowance, from wherever it is tried.
    for n in 0..10 {
        assert_eq!(guess(&format!("203.0.113.{n}"), "bob").await.status, 401);
    }
    assert_eq!(guess("203.0.113.99", "bob").await.status, 429);
    server.stop().await;
}

async fn start(serve: &str) -> ApiServer {
    let settings = pbx(Script::mailbox());
    ApiServer::start_with(settings, &format!("[serve]\n{serve}\n")).await
}
