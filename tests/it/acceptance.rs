//! What a sceptic would try of `aftertone serve` as a process, and no other test does: long walks and exports, many streams at its
//! end, streams through a proxy, secrets in what it says, and what it costs while nothing happens. Each has a short form; the
//! variables that make it long are in the book.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and some measure how long things take and say so"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use crate::{
    api::{
        killed::Serving,
        receiver::{Receiver, Reply},
    },
    base::{Base, Kind as Database, Server},
    campaign::campaign_fixture::PATIENCE,
    fake::script::Script,
    http_client,
    program::send_signal,
    serve::{Service, draft_that_is_started, fixture, set, until_all_ended},
    uploads::{
        killed::{ask, program, show},
        list,
        memory::resident,
    },
};

/// Check 7. `WALK_ROWS=1000000` makes it long.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_by_thousands_misses_none_while_others_come_in() {
    let rows = of_environment("WALK_ROWS");
    let is_measured = rows.is_some();
    let rows = rows.unwrap_or(6_000);
    let base = Base::fresh(Database::Sqlite, &Server::default()).await;
    let (program, token) = program(&base).await;
    let serving = Serving::start(&program).await;
    take(&serving, &token, "spring", rows).await;
    let before = rows / 10 * 8;
    // 10,000 more rows come in meanwhile.
    let more = async {
        let text = list(rows + 12_500).split_off(list(rows).len());
        let sent = send(&serving, &token, "spring", format!("phone,name,id\n{text}")).await;
        until_complete(&serving, &token, &sent).await;
    };
    let walk = async {
        let (mut ids, mut pages) = (Vec::new(), Vec::new());
        let mut path = "/campaigns/spring/contacts?limit=1000".to_owned();
        loop {
            let began = Instant::now();
            let page = get(&serving, &token, &path).await;
            pages.push(began.elapsed());
            let items = page["items"].as_array().unwrap().iter();
            ids.extend(items.map(|item| item["contact"].as_i64().unwrap()));
            let Some(next) = page["next"].as_str() else {
                return (ids, pages);
            };
            path = format!("/campaigns/spring/contacts?limit=1000&cursor={next}");
        }
    };
    let ((ids, pages), ()) = tokio::join!(walk, more);
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "one was given twice");
    let old = (1..).take_while(|id| *id <= i64::try_from(before).unwrap());
    assert!(old.into_iter().all(|id| different.contains(&id)));
    let (first, last) = (pages[0], pages[pages.len() - 2]);
    println!(
        "{} pages; the first took {first:?}, the last whole one {last:?}",
        pages.len()
    );
    // The first reads what nobody has read.
    assert!(!is_measured || last < first * 3 / 2 + Duration::from_millis(20));
    serving.end().await;
    base.remove().await;
}

/// Check 9. `EXPORT_ROWS=1000000` makes it long.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_begins_at_once_takes_no_memory_and_ends_with_its_reader() {
    let rows = of_environment("EXPORT_ROWS").unwrap_or(20_000);
    let base = Base::fresh(Database::Sqlite, &Server::default()).await;
    let (program, token) = program(&base).await;
    let serving = Serving::start(&program).await;
    take(&serving, &token, "spring", rows).await;
    let export = async || -> Response {
        let path = "/campaigns/spring/results?undialled=true";
        let asked = ask(&serving, &token, Method::GET, path).header("accept", "text/csv");
        asked.send().await.unwrap()
    };
    // Once, so that all is there that an export needs.
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    let pid = serving.child.id().unwrap();
    let mut growth = Vec::new();
    for _ in 0..2 {
        let before = resident(pid);
        let began = Instant::now();
        let mut answer = export().await;
        assert_eq!(answer.status(), 200);
        let begun = answer.chunk().await.unwrap().unwrap();
        let (mut all, mut most) = (lines(&begun), before);
        let first = began.elapsed();
        assert!(first < Duration::from_secs(1), "{first:?}");
        while let Some(part) = answer.chunk().await.unwrap() {
            all += lines(&part);
            most = most.max(resident(pid));
        }
        assert_eq!(all, 1 + rows / 10 * 8);
        growth.push(most.saturating_sub(before));
        println!(
            "{all} lines in {:?}, the first after {first:?}; {before} KiB, at most {most} KiB",
            began.elapsed()
        );
    }
    assert!(growth[1] < 8 * 1024, "{growth:?} KiB");
    // Two are on their way and nobody reads them; a third is refused, unless one of the two has gone.
    let (one, two) = (export().await, export().await);
    assert_eq!(
        (one.status(), two.status()),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    if rows > 100_000 {
        let third = export().await;
        assert_eq!(third.status(), 429);
        assert_eq!(third.headers()["retry-after"], "5");
    }
    drop((one, two));
    let free = async {
        loop {
            let (one, two) = (export().await, export().await);
            if one.status() == 200 && two.status() == 200 {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, free)
        .await
        .expect("whoever has gone still reads");
    serving.end().await;
    base.remove().await;
}

/// Check 15, its end: a hundred readers hold nothing up.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_streams_do_not_delay_the_end() {
    let fixture = fixture(Script::mailbox()).await;
    let service = Service::start(&fixture).await;
    let mut streams = Vec::new();
    for _ in 0..13 {
        // Eight of a token.
        let token = token(&fixture.program, &["events:read"]).await;
        for _ in 0..8 {
            let url = format!("{}/api/v1/events/stream", service.url);
            let opened = http_client().get(url).bearer_auth(&token).send().await;
            let opened = opened.unwrap();
            assert_eq!(opened.status(), 200);
            streams.push(opened);
        }
    }
    assert_eq!(streams.len(), 104);
    let began = Instant::now();
    let ended = service.end().await;
    let took = began.elapsed();
    assert_eq!(ended.status, Some(0), "{ended:?}");
    // The drain is 120 s.
    assert!(took < Duration::from_secs(10), "{took:?}");
    for stream in streams {
        let text = stream.text().await.unwrap();
        assert!(text.contains("event: bye"), "{text}");
    }
}

/// Check 15, its proxy: Debian's nginx as it is, which buffers.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_comes_through_nginx_as_it_happens() {
    if env::var_os("AFTERTONE_TEST_NGINX").is_none() {
        return;
    }
    let fixture = fixture(Script::mailbox()).await;
    let service = Service::start(&fixture).await;
    let folder = fixture.program.path("nginx");
    fs::create_dir(&folder).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let upstream = &service.url;
    let config = format!(
        "daemon off; pid nginx.pid; error_log error.log; events {{}}\n\
         http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; \
         uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
         server {{ listen {at}; location / {{ proxy_pass {upstream}; }} }} }}\n"
    );
    fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut nginx = Command::new("nginx")
        .arg("-p")
        .arg(&folder)
        .args(["-c", "nginx.conf", "-e", "error.log"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Debian's nginx");
    let token = token(&fixture.program, &["events:read"]).await;
    let client = http_client();
    let opening = async {
        loop {
            let url = format!("http://{at}/api/v1/events/stream?types=do_not_call.*");
            match client.get(url).bearer_auth(&token).send().await {
                Ok(answer) if answer.status() == 200 => return answer,
                Ok(_) | Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let mut stream = timeout(PATIENCE, opening)
        .await
        .expect("nginx never answers");
    for number in ["+12025550901", "+12025550902"] {
        let happened = Instant::now();
        let added = fixture.program.run(&["dnc", "add", number]).await;
        assert_eq!(added.status, Some(0), "{added:?}");
        let done = happened.elapsed();
        let event = async {
            loop {
                let part = stream.chunk().await.unwrap().expect("it has ended");
                if String::from_utf8_lossy(&part).contains("do_not_call.added") {
                    return;
                }
            }
        };
        timeout(PATIENCE, event).await.expect("nginx keeps it");
        let late = happened.elapsed() - done;
        assert!(late < Duration::from_secs(1), "{late:?}");
    }
    send_signal("QUIT", &nginx);
    drop(stream);
    nginx.wait().await.unwrap();
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// Check 24: numbers that are called and barred, the token and the secret of a webhook are in nothing that anybody gets who
/// was not given the right to see them.
#[tokio::test(flavor = "multi_thread")]
async fn planted_numbers_and_secrets_are_nowhere() {
    let fixture = fixture(Script::mailbox()).await;
    set(&fixture, "log = \"debug\"");
    let path = fixture.program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let more = "[webhooks]\nallow = [\"127.0.0.0/8\"]\n";
    fs::write(&path, format!("{text}\n{more}")).unwrap();
    const CALLED: u32 = 200;
    draft_that_is_started(&fixture, "spring", 100..100 + CALLED).await;
    let service = Service::start(&fixture).await;
    let admin = token(&fixture.program, &["admin"]).await;
    let masked = [
        "events:read",
        "drops:read",
        "contacts:read",
        "campaigns:read",
        "audit:read",
        "metrics:read",
    ];
    let reader = token(&fixture.program, &masked).await;
    let client = http_client();
    let receiver = Receiver::always(Reply::Status(204)).await;
    let made = client
        .post(format!("{}/api/v1/webhooks", service.url))
        .bearer_auth(&admin)
        .json(&json!({"url": receiver.url(), "after": 0}))
        .send()
        .await
        .unwrap();
    let made: Value = made.json().await.unwrap();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let barred = "/api/v1/do-not-call/own/numbers/%2B12025559876";
    let put = client
        .put(format!("{}{barred}", service.url))
        .bearer_auth(&admin)
        .json(&json!({"because": "asked"}))
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), 201);
    until_all_ended(&fixture, "spring", u64::from(CALLED)).await;
    let is_told = |all: &[crate::api::receiver::Received]| {
        let ended = all.iter().filter(|one| one.body["type"] == "contact.ended");
        ended.count() == CALLED as usize
    };
    let told = receiver.until_all(is_told).await;
    let mut seen: Vec<(String, String)> = told
        .iter()
        .map(|one| ("a webhook".to_owned(), one.text.clone()))
        .collect();
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/api/v1/events?limit=1000",
        "/api/v1/drops?limit=1000",
        "/api/v1/campaigns/spring/contacts?limit=1000",
        "/api/v1/campaigns/spring/results",
        "/api/v1/campaigns/spring/live",
        "/api/v1/audit?limit=1000",
        "/api/v1/drops?limit=0",
        "/nothing/+12025559876",
    ] {
        let asked = client.get(format!("{}{path}", service.url));
        let text = asked.bearer_auth(&reader).send().await.unwrap();
        seen.push((path.to_owned(), text.text().await.unwrap()));
    }
    let ended = service.end().await;
    seen.push(("its log".to_owned(), ended.stderr));
    let called = (100..100 + CALLED).map(|nth| format!("2025550{}", 100 + nth));
    let mut planted: Vec<String> = called.collect();
    planted.push("2025559876".to_owned());
    planted.extend([
        admin,
        reader,
        secret.trim_start_matches("whsec_").to_owned(),
    ]);
    for (place, text) in &seen {
        assert!(!text.is_empty() || place.starts_with("/nothing"), "{place}");
        for word in &planted {
            // What was asked for is said back to whoever asked.
            let is_said_back = place.contains(word.as_str());
            assert!(
                is_said_back || !text.contains(word.as_str()),
                "{word} is in {place}:\n{text}"
            );
        }
    }
}

/// Check 27: what it listens on, as `ss` sees it.
#[tokio::test(flavor = "multi_thread")]
async fn it_listens_on_this_machine_alone() {
    let fixture = fixture(Script::mailbox()).await;
    let service = Service::start(&fixture).await;
    let pid = format!("pid={},", service.pid());
    let listed = Command::new("ss").arg("-Hltnp").output().await.unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let own: Vec<_> = listed.lines().filter(|line| line.contains(&pid)).collect();
    assert!(!own.is_empty(), "{listed}");
    for line in own {
        let at = line.split_whitespace().nth(3).unwrap();
        assert!(
            at.starts_with("127.0.0.1:") || at.starts_with("[::1]:"),
            "{line}"
        );
    }
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// Check 35, its rest. `IDLE_SECONDS=60` makes it long; then it is a bound, for a program that is optimised.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_nothing_costs_next_to_nothing() {
    let seconds = of_environment("IDLE_SECONDS");
    let fixture = fixture(Script::mailbox()).await;
    let service = Service::start(&fixture).await;
    service.until_ready(200).await;
    let pid = service.pid();
    // What its start leaves to do.
    sleep(Duration::from_secs(2)).await;
    let before = ticks(pid);
    sleep(Duration::from_secs(seconds.unwrap_or(3))).await;
    let used = ticks(pid) - before;
    let hundredths = used * 100 / (seconds.unwrap_or(3) * 100);
    let memory = resident(pid);
    println!(
        "{used} ticks of 10 ms in {} s; {memory} KiB",
        seconds.unwrap_or(3)
    );
    match seconds {
        Some(seconds) => {
            assert!(
                used <= seconds / 2,
                "more than 0.5 % of a core: {used} ticks"
            );
            assert!(memory <= 40 * 1024, "{memory} KiB");
        }
        // One that is not optimised.
        None => assert!(hundredths <= 10, "{used} ticks"),
    }
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// User and system time of a process, in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<_> = rest.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn of_environment(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

async fn token(program: &crate::program::Program, scopes: &[&str]) -> String {
    let mut arguments = vec!["token", "add", "acceptance"];
    for scope in scopes {
        arguments.extend(["--scope", scope]);
    }
    let made = program.run(&arguments).await;
    assert_eq!(made.status, Some(0), "{made:?}");
    made.stdout.trim().to_owned()
}

async fn get(serving: &Serving, token: &str, path: &str) -> Value {
    let answer = ask(serving, token, Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// A campaign of so many rows.
async fn take(serving: &Serving, token: &str, campaign: &str, rows: u64) {
    let new = json!({"name": campaign, "kind": "marketing", "message": "sound:hello"});
    let made = ask(serving, token, Method::POST, "/campaigns").json(&new);
    assert_eq!(made.send().await.unwrap().status(), 201);
    let id = send(serving, token, campaign, list(rows)).await;
    until_complete(serving, token, &id).await;
}

async fn send(serving: &Serving, token: &str, campaign: &str, text: String) -> String {
    let path = format!("/campaigns/{campaign}/imports");
    let sent = ask(serving, token, Method::POST, &path).header("content-type", "text/csv");
    let sent = sent.body(text).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let body: Value = sent.json().await.unwrap();
    body["id"].as_str().unwrap().to_owned()
}

async fn until_complete(serving: &Serving, token: &str, id: &str) {
    let coming = async {
        while show(serving, token, id).await["state"] != "complete" {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(600), coming)
        .await
        .expect("it never ends");
}
