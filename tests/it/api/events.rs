//! Events over HTTP: pages that are gone on from, and streams that are resumed, cut and ended.

use reqwest::{Method, Response};
use serde_json::Value;

use super::{hello, server::ApiServer};
use crate::{
    fake::script::Script,
    program::{NUMBER, pbx},
};

#[tokio::test]
async fn events_are_read_page_by_page() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let before = server.get("/events").await.body["next"].as_u64().unwrap();
    let ordered = server.order("k1", &hello()).await;
    let drop = ordered.body["drop"].as_str().unwrap().to_owned();
    server.ended(&drop).await;
    let path = format!("/events?after={before}&types=drop.*");
    let page = server.get(&path).await;
    assert_eq!(page.status, 200, "{page:?}");
    server.fits(&page.body, "EventPage");
    assert_eq!(types(&page.body), ["drop.started", "drop.ended"]);
    let ended = &page.body["items"][1]["data"];
    assert_eq!(ended["drop"], drop.as_str());
    assert_eq!(ended["outcome"], "delivered");
    assert_eq!(ended["foreign_id"], "c-17");
    assert_eq!(ended["number"], "+1202•••0101");
    assert!(!page.body.to_string().contains("2025550101"));
    let next = page.body["next"].as_u64().unwrap();
    let behind = server.get(&format!("/events?after={next}")).await.body;
    assert_eq!(
        (types(&behind).len(), &behind["has_more"]),
        (0, &false.into())
    );
    let one = server.get(&format!("{path}&limit=1")).await.body;
    assert_eq!(types(&one), ["drop.started"]);
    assert_eq!(one["has_more"], true);
    let rest = server
        .get(&format!("/events?after={}&types=drop.ended", one["next"]))
        .await;
    assert_eq!(types(&rest.body), ["drop.ended"]);

    // Whole numbers take their scope, and are in the audit log.
    let full = server.get(&format!("{path}&full_numbers=true")).await.body;
    assert_eq!(full["items"][1]["data"]["number"], NUMBER);
    let audit = server.get("/audit?limit=1").await.body;
    assert_eq!(audit["items"][0]["action"], "numbers.read");
    let token = server.token(&["events:read"]).await;
    let request = server.plain(Method::GET, "/events?full_numbers=true");
    let refused = server.send(request.bearer_auth(&token)).await;
    assert_eq!(
        (refused.status, &refused.body["scope"]),
        (403, &"numbers:full".into())
    );

    let wrong = server
        .get("/events?after=x&types=drop.ended,nothing&limit=0&since=1")
        .await;
    assert_eq!((wrong.status, wrong.problem()), (422, "invalid"));
    let pointers = wrong.body["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = pointers
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["?after", "?limit", "?since", "?types"]);
    let unknown = server.get("/events?campaign=none").await;
    assert_eq!((unknown.status, unknown.problem()), (404, "not_found"));
    server.stop().await;
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_cut() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let mut first = Stream::open(&server, "?types=drop.*", None).await;
    let ordered = server.order("k1", &hello()).await;
    server.ended(ordered.body["drop"].as_str().unwrap()).await;
    let started = first.next().await;
    assert_eq!(started.name, "drop.started");
    let ended = first.next().await;
    assert_eq!(
        (ended.name.as_str(), &ended.data["data"]["outcome"]),
        ("drop.ended", &"delivered".into())
    );
    assert_eq!(ended.data["sequence"].to_string(), ended.id);
    drop(first);
    // Whoever had the first alone gets the second, and what comes later, once.
    let mut again = Stream::open(&server, "?types=drop.*&after=0", Some(&started.id)).await;
    assert_eq!(again.next().await.id, ended.id);
    let ordered = server.order("k2", &hello()).await;
    server.ended(ordered.body["drop"].as_str().unwrap()).await;
    assert_eq!(again.next().await.name, "drop.started");
    assert_eq!(again.next().await.name, "drop.ended");

    // The end of the server is said, and does not wait for readers.
    let stopped = server.stop();
    let (bye, ()) = tokio::join!(again.next(), stopped);
    assert_eq!(bye.name, "bye");
    assert_eq!(again.end().await, "");
}

#[tokio::test]
async fn a_token_has_eight_streams() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(Stream::open(&server, "", None).await);
    }
    let refused = server.get("/events/stream").await;
    assert_eq!(
        (refused.status, refused.problem()),
        (429, "too_many_requests")
    );
    assert_eq!(refused.header("retry-after"), "1");
    // Those of others are their own.
    let other = server.token(&["events:read"]).await;
    let request = server
        .plain(Method::GET, "/events/stream")
        .bearer_auth(other);
    assert_eq!(request.send().await.unwrap().status(), 200);
    streams.pop();
    loop {
        // The server learns of it by itself.
        let response = server.request(Method::GET, "/events/stream").send().await;
        if response.unwrap().status() == 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(streams);
    server.stop().await;
}

/// Whoever reads learns of every event that is not kept any more, at the beginning and while the stream is open.
#[tokio::test]
async fn a_stream_says_what_it_has_missed() {
    let server = ApiServer::start(pbx(Script::mailbox()), "").await;
    for nth in 0..3 {
        server.bar(nth).await;
    }
    server.prune_events().await;
    let mut stream = Stream::open(&server, "?after=1", None).await;
    let reset = stream.next().await;
    assert_eq!(reset.name, "reset");
    let first = stream.next().await;
    assert_eq!(reset.data["oldest"].to_string(), first.id);
    let mut last: u64 = first.id.parse().unwrap();
    // How the log is looked at between these is not up to the test: nothing is left out without a word, and once it has to be said.
    let mut is_said = false;
    for nth in 3..100 {
        server.bar(nth).await;
        server.bar(nth + 100).await;
        server.prune_events().await;
        let newest = server.get("/events").await.body["newest"].as_u64().unwrap();
        while last < newest {
            let told = stream.next().await;
            if told.name == "reset" {
                is_said = true;
                let oldest = told.data["oldest"].as_u64().unwrap();
                last = last.max(oldest - 1);
                continue;
            }
            let id: u64 = told.id.parse().unwrap();
            assert_eq!(id, last + 1, "events are left out without a word");
            last = id;
        }
        if is_said {
            server.stop().await;
            return;
        }
    }
    panic!("the log was pruned behind a stream a hundred times, and it never said so");
}

fn types(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["type"].as_str().unwrap()).collect()
}

/// A stream of server-sent events.
pub(super) struct Stream {
    response: Response,
    text: String,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) data: Value,
}

impl Stream {
    /// Opens it, and waits until it has begun.
    async fn open(server: &ApiServer, query: &str, last: Option<&str>) -> Self {
        Self::open_at(server, &format!("/events/stream{query}"), last).await
    }

    /// The same of whatever is streamed.
    pub(super) async fn open_at(server: &ApiServer, path: &str, last: Option<&str>) -> Self {
        let mut request = server.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Self::of(request).await
    }

    /// The same of somebody else's token.
    pub(super) async fn of_token(server: &ApiServer, path: &str, token: &str) -> Self {
        Self::of(server.plain(Method::GET, path).bearer_auth(token)).await
    }

    /// The same of a page, as one of the server's own pages follows it.
    pub(super) async fn of_page(server: &ApiServer, path: &str, cookie: &str) -> Self {
        let request = server.client.get(format!("http://{}{path}", server.at));
        let request = request.header("cookie", cookie);
        Self::of(request.header("sec-fetch-site", "same-origin")).await
    }

    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut stream = Self {
            response,
            text: String::new(),
        };
        let hello = stream.block().await;
        assert!(hello.contains("retry: 2000"), "{hello}");
        stream
    }

    pub(super) async fn next(&mut self) -> Received {
        loop {
            let block = self.block().await;
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim_start().to_owned())
            };
            if let Some(name) = field("event:") {
                return Received {
                    id: field("id:").unwrap_or_default(),
                    name,
                    data: serde_json::from_str(&field("data:").unwrap()).unwrap(),
                };
            }
        }
    }

    /// What is left, once the server has ended it.
    async fn end(mut self) -> String {
        while let Some(chunk) = self.response.chunk().await.unwrap() {
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        self.text
    }

    /// The text up to the next empty line.
    async fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return block;
            }
            let chunk = self.response.chunk().await.unwrap();
            let chunk = chunk.expect("the stream has ended");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}
