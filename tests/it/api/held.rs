//! Drops that the gate holds and that were ordered to wait: dialled when it allows them, once, by whichever server is there then.

use std::{collections::BTreeSet, fs, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{killed::Serving, server::ApiServer};
use crate::{
    base::{Kind as Database, Server},
    fake::{
        fault::Kind,
        log::What,
        script::{Call, Script},
    },
    http_client,
    program::{NUMBER, Program, pbx, send_signal},
};

/// One drop to a number in a day: the next is held until tomorrow.
const ONCE: &str = "hours = false\nconsent = false\nlimits = [\"1 per 24h\"]";

#[tokio::test]
async fn a_drop_that_is_held_is_dialled_when_the_gate_allows_it() {
    for database in [Database::Sqlite, Database::Postgres] {
        let postgres = Server::default();
        let server = ApiServer::start_on(pbx(Script::mailbox()), ONCE, database, &postgres).await;
        server.use_up_the_cap().await;
        // As ever, unless it is ordered to wait.
        let refused = server
            .order("k1", &to_wait(&json!({"when_held": "refuse"})))
            .await;
        assert_eq!((refused.status, refused.problem()), (422, "held"));
        let drop = text(&refused.body["drop"]);
        let shown = server.get(&format!("/drops/{drop}")).await.body;
        assert_eq!(
            (&shown["status"], &shown["refused"]),
            (&"refused".into(), &"frequency_cap".into())
        );

        let held = server.order("k2", &to_wait(&json!({}))).await;
        assert_eq!(held.status, 202, "{held:?}");
        server.fits(&held.body, "DropAccepted");
        assert_eq!(
            (&held.body["status"], &held.body["held"]),
            (&"held".into(), &"frequency_cap".into())
        );
        let (drop, until) = (text(&held.body["drop"]), text(&held.body["until"]));
        assert_eq!(held.header("location"), format!("/api/v1/drops/{drop}"));
        let again = server.order("k2", &to_wait(&json!({}))).await;
        assert_eq!((again.status, &again.body), (202, &held.body));
        assert_eq!(again.header("idempotent-replayed"), "true");
        let shown = server.get(&format!("/drops/{drop}")).await.body;
        server.fits(&shown, "Drop");
        assert_eq!(
            (&shown["status"], &shown["until"]),
            (&"held".into(), &until.as_str().into())
        );
        assert_eq!(
            (&shown["outcome"], &shown["started_at"]),
            (&Value::Null, &Value::Null)
        );
        let listed = server.get("/drops?status=held").await.body;
        server.fits(&listed, "DropPage");
        assert_eq!(drops_of(&listed), [drop.as_str()]);
        let timeline = server.get(&format!("/drops/{drop}/timeline")).await.body;
        assert_eq!(timeline["ruling"]["decision"], "held");
        assert_eq!(server.originates(), 2);

        // Whoever waits for its end waits for that of the calls.
        let waiting = server.post("/drops", &to_wait(&json!({"to": "+12025550101"})));
        let waiting = waiting
            .header("idempotency-key", "k3")
            .header("prefer", "wait=60");
        let (waited, ()) = tokio::join!(server.send(waiting), async {
            server.until_held(2).await;
            server.set_gate(|gate| gate.caps = false);
        });
        assert_eq!(
            (waited.status, &waited.body["outcome"]),
            (200, &"delivered".into())
        );
        let ended = server.ended(&drop).await;
        assert_eq!(
            (&ended["outcome"], &ended["held"]),
            (&"delivered".into(), &Value::Null)
        );
        assert_eq!(ended["foreign_id"], "c-17");
        assert!(server.originates() <= 6);
        assert_eq!(
            kinds_of(&server, &drop).await,
            ["drop.held", "drop.started", "drop.ended"]
        );
        let none = server.get("/drops?status=held").await.body;
        assert_eq!(none["items"], json!([]));
        server.stop().await;
        postgres.down();
    }
}

#[tokio::test]
async fn two_servers_dial_what_was_held_once() {
    let postgres = Server::default();
    let server =
        ApiServer::start_on(pbx(Script::mailbox()), ONCE, Database::Postgres, &postgres).await;
    server.use_up_the_cap().await;
    let (_others, other, stopping) = server.drops_besides();
    let mut drops = Vec::new();
    for n in 0..12 {
        let held = server.order(&format!("w{n}"), &to_wait(&json!({}))).await;
        assert_eq!(held.body["status"], "held", "{held:?}");
        drops.push(text(&held.body["drop"]));
    }
    server.set_gate(|gate| gate.caps = false);
    for drop in &drops {
        assert_eq!(server.ended(drop).await["outcome"], "delivered");
        let kinds = kinds_of(&server, drop).await;
        // Its turn on the trunk that they share may have passed, so that it waited once more.
        let ends = kinds.iter().filter(|kind| *kind == "drop.ended");
        assert_eq!(
            (ends.count(), kinds.last().unwrap().as_str()),
            (1, "drop.ended"),
            "{kinds:?}"
        );
    }
    // Each leg of each drop was called once at most, and by one of the two.
    let called = called(&server.program);
    for drop in &drops {
        let legs: Vec<_> = called.iter().filter(|id| id.contains(drop)).collect();
        let ends = legs.iter().map(|id| id.rsplit('-').next().unwrap());
        let ends: BTreeSet<_> = ends.collect();
        assert!(
            !legs.is_empty() && ends.len() == legs.len(),
            "{drop}: {legs:?}"
        );
        let runs: BTreeSet<_> = legs
            .iter()
            .map(|id| id.split('-').next().unwrap())
            .collect();
        assert_eq!(runs.len(), 1, "{drop}: {legs:?}");
    }
    stopping.cancel();
    other.await.unwrap();
    server.stop().await;
    postgres.down();
}

#[tokio::test]
async fn a_drop_that_is_held_is_cancelled_refused_or_expires_once() {
    let server = ApiServer::start(pbx(Script::mailbox()), ONCE).await;
    server.use_up_the_cap().await;
    let before = server.originates();
    let cancelled = text(&server.order("k1", &to_wait(&json!({}))).await.body["drop"]);
    let path = format!("/drops/{cancelled}");
    let answer = server.send(server.request(Method::DELETE, &path)).await;
    assert_eq!(
        (answer.status, &answer.body["outcome"]),
        (202, &"cancelled".into())
    );
    server.fits(&answer.body, "Drop");
    let again = server.send(server.request(Method::DELETE, &path)).await;
    assert_eq!((again.status, again.problem()), (409, "conflict"));
    assert_eq!(
        kinds_of(&server, &cancelled).await,
        ["drop.held", "drop.ended"]
    );

    let soon = jiff::Timestamp::now() + Duration::from_millis(1_500);
    let expires = to_wait(&json!({"expires_at": soon.to_string()}));
    let expired = text(&server.order("k2", &expires).await.body["drop"]);
    let shown = server.refused(&expired).await;
    assert_eq!(
        (&shown["refused"], &shown["outcome"]),
        (&"expired".into(), &Value::Null)
    );
    assert!(text(&shown["words"]).contains("expired"), "{shown}");
    assert_eq!(
        kinds_of(&server, &expired).await,
        ["drop.held", "drop.refused"]
    );

    let refused = text(&server.order("k3", &to_wait(&json!({}))).await.body["drop"]);
    let list = json!({"because": "asked"});
    let put = server
        .put(&format!("/do-not-call/own/numbers/{NUMBER}"), &list)
        .await;
    assert_eq!(put.status, 201, "{put:?}");
    server.set_gate(|gate| gate.caps = false);
    let shown = server.refused(&refused).await;
    assert_eq!(shown["refused"], "do_not_call");
    assert_eq!(
        kinds_of(&server, &refused).await,
        ["drop.held", "drop.refused"]
    );
    assert_eq!(server.originates(), before);
    server.stop().await;
}

#[tokio::test]
async fn what_expires_while_it_waits_for_the_trunk_is_not_dialled() {
    let program = Program::new(pbx(Script(vec![Call::ringing_for_ever()]))).await;
    program.trunk("in_flight = 1");
    let server = ApiServer::of(program).await;
    let past = to_wait(&json!({"expires_at": "2026-01-01T00:00:00Z", "when_held": "later"}));
    let invalid = server.order("k0", &past).await;
    assert_eq!((invalid.status, invalid.problem()), (422, "invalid"));
    let pointers = invalid.body["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = pointers.map(|fault| text(&fault["pointer"])).collect();
    assert_eq!(pointers, ["/expires_at", "/when_held"]);

    let first = server.order("k1", &to_wait(&json!({}))).await;
    assert_eq!(first.status, 202, "{first:?}");
    let before = server.originates();
    let soon = jiff::Timestamp::now() + Duration::from_secs(1);
    let second = json!({"to": "+12025550102", "expires_at": soon.to_string()});
    let expired = server.order("k2", &to_wait(&second)).await;
    assert_eq!(
        (expired.status, expired.problem()),
        (422, "expired"),
        "{expired:?}"
    );
    server.fits_problem(&expired.body);
    // It is so for good.
    let again = server.order("k2", &to_wait(&second)).await;
    assert_eq!(
        (again.problem(), again.header("idempotent-replayed")),
        ("expired", "true")
    );
    let drop = text(&expired.body["drop"]);
    assert_eq!(kinds_of(&server, &drop).await, ["drop.refused"]);
    server.ended(&text(&first.body["drop"])).await;
    assert!(server.originates() <= before + 1, "both were dialled");
    server.stop().await;
}

/// How often the server is killed, from right behind the change of the rules to when all is dialled.
const KILLS: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_is_dialled_once_whenever_the_server_is_killed() {
    let program = Program::new(pbx(Script::mailbox())).await;
    program.gate(ONCE);
    let path = program.path("aftertone.toml");
    let held_by = fs::read_to_string(&path).unwrap();
    let listen = "[serve]\nlisten = \"127.0.0.1:0\"\n[store]\n";
    let held_by = held_by.replacen("[store]\n", listen, 1);
    let free = held_by.replace("limits = [\"1 per 24h\"]", "caps = false");
    assert_ne!(free, held_by);
    fs::write(&path, &free).unwrap();
    let scopes = [
        "drops:write",
        "--scope",
        "drops:read",
        "--scope",
        "events:read",
    ];
    let made = program
        .run(&[&["token", "add", "test", "--json", "--scope"][..], &scopes].concat())
        .await;
    let token = text(&made.json()["token"]);

    let mut drops = Vec::new();
    let serving = Serving::start(&program).await;
    for n in 0..KILLS {
        // One that reached nobody does not count.
        for attempt in 0.. {
            let first = send(&serving, &token, n, &format!("first{attempt}-")).await;
            let shown = until(&serving, &token, &first, "ended").await;
            if shown["outcome"] == "delivered" {
                break;
            }
            assert!(attempt < 5, "{shown}");
        }
    }
    serving.end().await;
    for n in 0..KILLS {
        fs::write(&path, &held_by).unwrap();
        let mut serving = Serving::start(&program).await;
        let drop = send(&serving, &token, n, "second").await;
        until(&serving, &token, &drop, "held").await;
        send_signal("KILL", &serving.child);
        serving.child.wait().await.unwrap();
        // From before it is looked at to when it is dialled.
        fs::write(&path, &free).unwrap();
        let mut serving = Serving::start(&program).await;
        sleep(Duration::from_millis(n * 60)).await;
        send_signal("KILL", &serving.child);
        serving.child.wait().await.unwrap();
        drops.push(drop);
    }
    let serving = Serving::start(&program).await;
    let mut outcomes = Vec::new();
    for drop in &drops {
        let shown = until(&serving, &token, drop, "ended").await;
        outcomes.push(text(&shown["outcome"]));
        let url = format!("{}/api/v1/events?limit=1000&types=drop.*", serving.url);
        let events = http_client()
            .get(url)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        let events: Value = events.json().await.unwrap();
        let kinds = kinds_in(&events, drop);
        let ends = kinds.iter().filter(|kind| *kind == "drop.ended");
        assert_eq!(
            (ends.count(), kinds.last().unwrap().as_str()),
            (1, "drop.ended"),
            "{kinds:?}"
        );
    }
    serving.end().await;
    let known = |outcome: &String| outcome == "delivered" || outcome == "lost";
    assert!(outcomes.iter().all(known), "{outcomes:?}");
    assert!(
        outcomes.iter().any(|outcome| outcome == "delivered"),
        "{outcomes:?}"
    );
    // Each leg of each drop was called once at most.
    let called = called(&program);
    for drop in &drops {
        let legs: Vec<_> = called.iter().filter(|id| id.contains(drop)).collect();
        let ends = legs.iter().map(|id| id.rsplit('-').next().unwrap());
        let ends: BTreeSet<_> = ends.collect();
        assert_eq!(ends.len(), legs.len(), "{drop}: {legs:?}");
    }
}

async fn send(serving: &Serving, token: &str, n: u64, key: &str) -> String {
    let to = format!("+12025550{}", 120 + n);
    let body = to_wait(&json!({"to": to}));
    let request = http_client().post(format!("{}/api/v1/drops", serving.url));
    let request = request.bearer_auth(token).json(&body);
    let answer = request.header("idempotency-key", format!("{key}{n}"));
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let body: Value = answer.json().await.unwrap();
    text(&body["drop"])
}

async fn until(serving: &Serving, token: &str, drop: &str, status: &str) -> Value {
    let asking = async {
        loop {
            let url = format!("{}/api/v1/drops/{drop}", serving.url);
            let shown = http_client().get(url).bearer_auth(token).send().await;
            let shown: Value = shown.unwrap().json().await.unwrap();
            if shown["status"] == status {
                return shown;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let shown = timeout(Duration::from_secs(60), asking).await;
    shown.unwrap_or_else(|_| panic!("{drop} is never {status}"))
}

impl ApiServer {
    /// Calls the number once, so that the cap holds the next drop to it.
    async fn use_up_the_cap(&self) {
        let first = self.order("first", &to_wait(&json!({}))).await;
        assert_eq!(first.body["status"], "queued", "{first:?}");
        self.ended(&text(&first.body["drop"])).await;
    }

    async fn until_held(&self, drops: usize) {
        let asking = async {
            loop {
                let listed = self.get("/drops?status=held").await.body;
                if listed["items"].as_array().unwrap().len() == drops {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let held = timeout(Duration::from_secs(60), asking).await;
        held.expect("they are never held");
    }

    /// The drop, once it is refused.
    async fn refused(&self, drop: &str) -> Value {
        let asking = async {
            loop {
                let shown = self.get(&format!("/drops/{drop}")).await.body;
                if shown["status"] == "refused" {
                    return shown;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let shown = timeout(Duration::from_secs(60), asking).await;
        let shown = shown.expect("it is never refused");
        self.fits(&shown, "Drop");
        shown
    }
}

/// An order that waits if it is held, with other members in place of its own.
fn to_wait(members: &Value) -> Value {
    let mut order = json!({
        "to": NUMBER, "message": "sound:hello-world", "kind": "informational", "when_held": "wait", "foreign_id": "c-17",
    });
    for (name, value) in members.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

/// What is told of a drop, in its order.
async fn kinds_of(server: &ApiServer, drop: &str) -> Vec<String> {
    let page = server.get("/events?limit=1000&types=drop.*").await.body;
    server.fits(&page, "EventPage");
    kinds_in(&page, drop)
}

fn kinds_in(page: &Value, drop: &str) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    let of_drop = items.filter(|event| event["data"]["drop"] == drop);
    of_drop.map(|event| text(&event["type"])).collect()
}

fn drops_of(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["drop"].as_str().unwrap()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The channels that calls were asked for with, each as often as it was.
fn called(program: &Program) -> Vec<String> {
    program.fake.with(|world| {
        let requests = world.log.iter().filter_map(|entry| match &entry.what {
            What::Request {
                kind: Kind::Originate,
                channel,
                ..
            } => channel.clone(),
            What::Request { .. } | What::Event { .. } => None,
        });
        requests.collect()
    })
}
