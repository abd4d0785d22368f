//! Traces of drops, received by a collector over OTLP/HTTP as any other would receive them.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use aftertone::clock;
use axum::{
    Router, body::Bytes, extract::State, http::header, response::IntoResponse, routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value as AnyValue,
    trace::v1::{Span, status::StatusCode},
};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use crate::{
    api::receiver::{Receiver, Reply},
    campaign::campaign_fixture::CampaignFixture,
    fake::{
        World,
        fault::Kind,
        script::{Call, Script},
    },
    http_client,
    program::{NUMBER, count},
    serve::{Service, draft, draft_that_is_started, fixture, replace, until_all_ended},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test(flavor = "multi_thread")]
async fn each_drop_is_one_trace_within_that_of_whoever_ordered_it() {
    let collector = Collector::start(false).await;
    let fixture = fixture(Script::mailbox()).await;
    sends_to(&fixture, &collector, 100);
    let token = token(&fixture).await;
    draft_that_is_started(&fixture, "spring", 100..103).await;
    let service = Service::start(&fixture).await;
    until_all_ended(&fixture, "spring", 3).await;
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let drop = order(&service, &token, "k1", Some(&parent)).await;
    let shown = ended(&service, &token, &drop).await;
    assert_eq!(shown["traceparent"], parent.as_str());
    let alone = order_to(&service, &token, "k2", "+12025550103", Some("not one")).await;
    let shown = ended(&service, &token, &alone).await;
    assert_eq!(shown["traceparent"], Value::Null);
    let url = format!("{}/api/v1/events?types=drop.*&limit=1000", service.url);
    let events = http_client()
        .get(url)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    let events: Value = events.json().await.unwrap();
    let told = events["items"].as_array().unwrap().iter();
    let told: Vec<_> = told
        .filter(|event| event["data"]["drop"] == drop.as_str())
        .map(|event| event["data"]["traceparent"].clone())
        .collect();
    assert_eq!(told, [parent.as_str(), parent.as_str()]);
    let stopped = service.end().await;
    assert_eq!(stopped.status, Some(0), "{stopped:?}");

    let spans = collector.spans();
    let roots: Vec<_> = spans.iter().filter(|span| span.name == "drop").collect();
    let of_drop: BTreeMap<_, _> = roots
        .iter()
        .map(|span| (attribute(span, "aftertone.drop"), *span))
        .collect();
    assert_eq!(
        (roots.len(), of_drop.len()),
        (5, 5),
        "one trace for each drop"
    );
    let ordered = of_drop[&drop];
    assert_eq!(hex(&ordered.trace_id), TRACE);
    assert_eq!(hex(&ordered.parent_span_id), CALLER);
    assert_eq!(attribute(ordered, "aftertone.outcome"), "delivered");
    assert_eq!(attribute(ordered, "aftertone.technique"), "double");
    // Without a caller's it is the drop's own.
    assert_eq!(hex(&of_drop[&alone].trace_id), alone);
    assert!(of_drop[&alone].parent_span_id.is_empty());
    let of_campaign = roots
        .iter()
        .filter(|span| attribute(span, "aftertone.campaign") == "spring");
    assert_eq!(of_campaign.count(), 3);
    for root in &roots {
        let children = spans
            .iter()
            .filter(|span| span.parent_span_id == root.span_id);
        let mut names = Vec::new();
        for child in children {
            assert_eq!(child.trace_id, root.trace_id);
            assert!(
                child.start_time_unix_nano >= root.start_time_unix_nano,
                "{child:?}"
            );
            assert!(
                child.end_time_unix_nano <= root.end_time_unix_nano,
                "{child:?} {root:?}"
            );
            names.push(child.name.as_str());
        }
        let expected = [
            "gate",
            "store.commit",
            "originate busy",
            "originate drop",
            "alerting",
            "screen",
            "play",
        ];
        assert_eq!(names, expected);
    }
    assert_eq!(spans.len(), 5 * 8);
    // Nobody's number is in any of it.
    let bytes = collector.bytes();
    let number = &NUMBER.as_bytes()[1..8];
    assert!(!bytes.windows(number.len()).any(|part| part == number));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_is_sent_and_what_a_caller_samples() {
    let collector = Collector::start(false).await;
    let fixture = fixture(Script::mailbox()).await;
    // It cannot be told who answers.
    fixture.script("0177", Script::mailbox().found("NOTSURE", "TOOLONG-5000"));
    sends_to(&fixture, &collector, 0);
    let token = token(&fixture).await;
    let service = Service::start(&fixture).await;
    let sampled = format!("00-{TRACE}-{CALLER}-01");
    let not_sampled = format!("00-{}-{CALLER}-00", "1".repeat(32));
    let first = order(&service, &token, "k1", Some(&sampled)).await;
    ended(&service, &token, &first).await;
    let second = order(&service, &token, "k2", Some(&not_sampled)).await;
    ended(&service, &token, &second).await;
    let third = order_to(&service, &token, "k3", "+12025550177", None).await;
    let shown = ended(&service, &token, &third).await;
    assert_eq!(shown["outcome"], "unsure", "{shown}");
    service.end().await;
    let spans = collector.spans();
    let roots = spans.iter().filter(|span| span.name == "drop");
    let mut sent: Vec<_> = roots
        .map(|span| attribute(span, "aftertone.drop"))
        .collect();
    sent.sort_unstable();
    let mut expected = [first, third];
    expected.sort_unstable();
    assert_eq!(sent, expected);
    let is_error = |span: &Span| {
        let status = span.status.as_ref();
        status.is_some_and(|status| status.code == StatusCode::Error as i32)
    };
    assert!(!spans.iter().any(is_error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_whose_process_died_is_a_trace_and_so_is_what_tells_of_it() {
    let collector = Collector::start(false).await;
    let fixture = fixture(Script(vec![Call::ringing_for_ever()])).await;
    replace(
        &fixture,
        "[store]\n",
        "[webhooks]\nallow = [\"127.0.0.0/8\"]\n[store]\n",
    );
    sends_to(&fixture, &collector, 0);
    let token = token(&fixture).await;
    let service = Service::start(&fixture).await;
    let receiver = Receiver::always(Reply::Status(503)).await;
    let body = json!({"url": receiver.url(), "types": ["drop.ended"]});
    let request = http_client().post(format!("{}/api/v1/webhooks", service.url));
    let added = request.bearer_auth(&token).json(&body).send().await;
    assert_eq!(added.unwrap().status(), 201);
    let parent = format!("00-{TRACE}-{CALLER}-00");
    let drop = order(&service, &token, "k1", Some(&parent)).await;
    let dialled = |world: &mut World| (count(world, Kind::Originate, None) >= 2).then_some(());
    fixture.program.fake.until("calls", dialled).await;
    service.kill().await;
    let service = Service::start(&fixture).await;
    // The next order begins a run, which settles what the one before has left.
    fixture.script("0177", Script::mailbox());
    let next = order_to(&service, &token, "k2", "+12025550177", None).await;
    ended(&service, &token, &drop).await;
    ended(&service, &token, &next).await;
    receiver.until(1).await;
    let of = async |name: &str| {
        let looking = async {
            loop {
                let spans = collector.spans().into_iter();
                let found: Vec<_> = spans.filter(|span| span.name == name).collect();
                if !found.is_empty() {
                    return found;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), looking).await.unwrap()
    };
    let lost = of("drop").await;
    assert_eq!(lost.len(), 1);
    assert_eq!(attribute(&lost[0], "aftertone.drop"), drop);
    assert_eq!(attribute(&lost[0], "aftertone.outcome"), "lost");
    assert_eq!(hex(&lost[0].trace_id), TRACE);
    assert_eq!(hex(&lost[0].parent_span_id), CALLER);
    let told = of("webhook").await;
    let links: Vec<_> = told[0].links.iter().collect();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].trace_id, lost[0].trace_id);
    assert_eq!(links[0].span_id, lost[0].span_id);
    assert_ne!(told[0].trace_id, lost[0].trace_id);
    assert_eq!(attribute(&told[0], "http.response.status_code"), "503");
    for span in [&lost[0], &told[0]] {
        let status = span.status.as_ref().unwrap();
        assert_eq!(status.code, StatusCode::Error as i32);
    }
    let stopped = service.end().await;
    assert_eq!(stopped.status, Some(0), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_dial_send_traces_as_well() {
    let collector = Collector::start(false).await;
    let fixture = fixture(Script::mailbox()).await;
    sends_to(&fixture, &collector, 100);
    let line = ["drop", NUMBER, "--message", "sound:hello-world"];
    let ended = fixture.program.run(&line).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let sent = || {
        let roots = collector.spans().into_iter();
        let roots = roots.filter(|span| span.name == "drop");
        roots
            .map(|span| attribute(&span, "aftertone.campaign"))
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(), [""]);
    draft(&fixture, "spring", 100..102).await;
    let ended = fixture.program.run(&["campaign", "run", "spring"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(sent(), ["", "spring", "spring"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_does_not_answer_delays_nothing() {
    let collector = Collector::start(true).await;
    let fixture = fixture(Script::mailbox()).await;
    sends_to(&fixture, &collector, 100);
    draft_that_is_started(&fixture, "spring", 100..120).await;
    let service = Service::start(&fixture).await;
    until_all_ended(&fixture, "spring", 20).await;
    collector.until_asked().await;
    let began = clock::now();
    let stopped = service.end().await;
    assert_eq!(stopped.status, Some(0), "{stopped:?}");
    let took = clock::now().duration_since(began);
    assert!(took < Duration::from_secs(8), "the end took {took:?}");
}

/// A collector on this machine.
struct Collector {
    at: SocketAddr,
    received: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    /// One that takes what it is sent, or never answers.
    async fn start(is_stuck: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let take = move |State(received): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes| async move {
            received.lock().unwrap().push(body);
            if is_stuck {
                std::future::pending::<()>().await;
            }
            ([(header::CONTENT_TYPE, "application/x-protobuf")], "").into_response()
        };
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&received));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { at, received }
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().unwrap();
        let requests = received
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        self.received.lock().unwrap().concat()
    }

    async fn until_asked(&self) {
        let looking = async {
            while self.received.lock().unwrap().is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let asked = timeout(Duration::from_secs(30), looking).await;
        asked.expect("nothing is sent");
    }
}

/// Has a service send traces, so many of a hundred.
fn sends_to(fixture: &CampaignFixture, collector: &Collector, percent: u32) {
    let section = format!(
        "[telemetry]\notlp = \"http://{}\"\ntraces = {percent}\n[store]\n",
        collector.at
    );
    replace(fixture, "[store]\n", &section);
}

async fn token(fixture: &CampaignFixture) -> String {
    let add = ["token", "add", "crm", "--json", "--scope", "drops:write"];
    let scopes = [
        "--scope",
        "drops:read",
        "--scope",
        "events:read",
        "--scope",
        "webhooks:write",
    ];
    let made = fixture.program.run(&[&add[..], &scopes].concat()).await;
    made.json()["token"].as_str().unwrap().to_owned()
}

async fn order(service: &Service, token: &str, key: &str, parent: Option<&str>) -> String {
    order_to(service, token, key, NUMBER, parent).await
}

async fn order_to(
    service: &Service,
    token: &str,
    key: &str,
    to: &str,
    parent: Option<&str>,
) -> String {
    let body = json!({"to": to, "message": "sound:hello-world", "kind": "informational"});
    let request = http_client().post(format!("{}/api/v1/drops", service.url));
    let mut request = request.bearer_auth(token).json(&body);
    if let Some(parent) = parent {
        request = request.header("traceparent", parent);
    }
    let answer = request.header("idempotency-key", key).send().await.unwrap();
    let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, 202, "{body}");
    body["drop"].as_str().unwrap().to_owned()
}

async fn ended(service: &Service, token: &str, drop: &str) -> Value {
    let asking = async {
        loop {
            let url = format!("{}/api/v1/drops/{drop}", service.url);
            let shown = http_client().get(url).bearer_auth(token).send().await;
            let shown: Value = shown.unwrap().json().await.unwrap();
            if shown["status"] == "ended" {
                return shown;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), asking).await.unwrap()
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key);
    let value = found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref());
    match value {
        Some(AnyValue::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
