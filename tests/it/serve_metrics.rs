//! `/metrics` of a service that dials: who may read it, what it counts, that the rules and the board name nothing else, and that
//! nothing in it grows with who is called. With `AFTERTONE_TEST_PROMETHEUS`, a real Prometheus reads it (tests/metrics.sh).

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use reqwest::Client;
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

use crate::{
    api::receiver::{Receiver, Reply},
    campaign::campaign_fixture::{CampaignFixture, PATIENCE},
    fake::script::Script,
    http_client,
    serve::{Service, draft_that_is_started, fixture, until_all_ended},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_is_true_bounded_and_nobody_else_s_business() {
    let fixture = fixture(Script::mailbox()).await;
    draft_that_is_started(&fixture, "spring", 100..104).await;
    let service = Service::start(&fixture).await;
    until_all_ended(&fixture, "spring", 4).await;
    let (token, other) = (
        token(&fixture, "metrics:read").await,
        token(&fixture, "drops:read").await,
    );

    let refused = service.get("/metrics").await;
    assert_eq!(
        (refused.0, &refused.1["type"]),
        (401, &"/docs/problems#unauthorized".into())
    );
    assert_eq!(ask(&service, &other).await.0, 403);

    // Whoever is on a list is refused at the first question.
    let barred = fixture.program.run(&["dnc", "add", "+12025550999"]).await;
    assert_eq!(barred.status, Some(0), "{barred:?}");
    let body = serde_json::json!({
        "to": "+12025550999", "message": "sound:hello-world", "kind": "informational"
    });
    let order = http_client()
        .post(format!("{}/api/v1/drops", service.url))
        .bearer_auth(self::token(&fixture, "drops:write").await)
        .header("idempotency-key", "k1")
        .json(&body);
    let ordered = order.send().await.unwrap();
    let body: Value = ordered.json().await.unwrap();
    assert_eq!(body["reason"], "do_not_call", "{body}");

    // The pattern of a route is what counts, whatever is asked for.
    let visit = async |what: &str| {
        for path in [
            "/api/v1/drops/",
            "/api/v1/campaigns/",
            "/api/v1/nothing/",
            "/nothing/",
        ] {
            service.get(&format!("{path}{what}")).await;
        }
    };
    visit("a").await;
    let until = async |line: &str| {
        let looking = async {
            loop {
                let (status, text) = ask(&service, &token).await;
                assert_eq!(status, 200, "{text}");
                if text.lines().any(|had| had == line) {
                    return text;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let found = timeout(PATIENCE, looking).await;
        match found {
            Ok(text) => text,
            Err(_) => panic!("never {line}:\n{}", ask(&service, &token).await.1),
        }
    };
    let text = until("aftertone_contacts{stage=\"ended\"} 4").await;
    for line in [
        "aftertone_drops_started_total{technique=\"double\"} 4",
        "aftertone_drops_started_total{technique=\"single\"} 0",
        "aftertone_drops_total{outcome=\"delivered\"} 4",
        "aftertone_drops_total{outcome=\"lost\"} 0",
        "aftertone_drops_in_flight 0",
        "aftertone_refused_total{reason=\"do_not_call\"} 1",
        "aftertone_verdicts_total{verdict=\"machine\"} 4",
        "aftertone_pbx_connected 1",
        "aftertone_store_up 1",
        "aftertone_starts_limit_per_second 50",
        "aftertone_verdict_seconds_count 4",
        "aftertone_auth_failures_total{kind=\"scope\"} 1",
    ] {
        assert!(text.lines().any(|had| had == line), "{line}:\n{text}");
    }
    for personal in ["spring", "2025550", "+1", "prometheus"] {
        assert!(!text.contains(personal), "{personal}:\n{text}");
    }

    // More contacts, more drops, another campaign: the same series.
    let before = series(&text);
    draft_that_is_started(&fixture, "summer", 200..230).await;
    until_all_ended(&fixture, "summer", 30).await;
    for what in ["b", "+12025550100", "spring"] {
        visit(what).await;
    }
    let text = until("aftertone_contacts{stage=\"ended\"} 34").await;
    let after = series(&text);
    let new: Vec<_> = after.symmetric_difference(&before).collect();
    assert_eq!(new, Vec::<&String>::new());

    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_board_and_book_name_what_there_is_and_nothing_else() {
    let fixture = fixture(Script::mailbox()).await;
    fs::create_dir(fixture.program.path("evidence")).unwrap();
    let path = fixture.program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let more = "[evidence]\ndir = \"evidence\"\n[webhooks]\nallow = [\"127.0.0.0/8\"]\n";
    fs::write(&path, format!("{text}\n{more}")).unwrap();
    draft_that_is_started(&fixture, "spring", 100..102).await;
    let service = Service::start(&fixture).await;
    until_all_ended(&fixture, "spring", 2).await;
    let receiver = Receiver::always(Reply::Status(204)).await;
    add_endpoint(&fixture, &service, &receiver).await;
    let token = token(&fixture, "metrics:read").await;
    // Its own answer is counted from the second on, and the budget once the controller has shown it.
    let scraping = async {
        loop {
            let (_, text) = ask(&service, &token).await;
            let has = |name: &str| text.contains(&format!("\n{name}"));
            let names = [
                "aftertone_http_requests_total",
                "aftertone_trunk_budget_ratio",
                "aftertone_webhook_attempts_total",
                "aftertone_webhook_oldest_pending_seconds",
                "aftertone_webhook_disabled",
            ];
            if names.iter().all(|name| has(name)) {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let text = timeout(PATIENCE, scraping).await.unwrap();
    let there = families(&text);

    let book = repository("docs/src/guide/monitoring.md");
    let rows = book.lines().filter_map(|line| line.strip_prefix("| `"));
    let described: BTreeMap<_, _> = rows
        .filter_map(|row| {
            let mut cells = row.split('|');
            let name = cells.next()?.trim().trim_end_matches('`').to_owned();
            let labels = cells
                .next()?
                .split(',')
                .map(|word| word.trim().trim_matches('`'));
            let labels = labels.filter(|word| !word.is_empty()).map(str::to_owned);
            let is_metric = name.starts_with("aftertone_") || name.starts_with("process_");
            is_metric.then(|| (name, labels.collect::<BTreeSet<_>>()))
        })
        .collect();
    // Where nothing limits a share there is no limit, and nothing is delivered that is heard by people or refused.
    let mut expected = described.clone();
    for (name, labels) in &there {
        assert_eq!(
            expected.remove(name).as_ref(),
            Some(labels),
            "{name} and the book"
        );
    }
    let absent: Vec<_> = expected.keys().map(String::as_str).collect();
    let of_tls = "aftertone_certificate_expires_timestamp_seconds";
    assert_eq!(absent, [of_tls, "aftertone_trunk_budget_limit_ratio"]);

    let mut expressions = expressions_of_the_board();
    assert!(expressions.len() > 40, "{}", expressions.len());
    let rules = repository("ops/prometheus/aftertone.rules.yml");
    let rules = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    expressions.extend(rules.map(str::to_owned));
    let mut used = BTreeSet::new();
    for expression in &expressions {
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in
            words.filter(|word| word.starts_with("aftertone_") || word.starts_with("process_"))
        {
            let family = ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|end| word.strip_suffix(end))
                .filter(|family| described.contains_key(*family));
            let family = family.unwrap_or(word);
            assert!(described.contains_key(family), "{word} in {expression}");
            used.insert(family.to_owned());
        }
    }
    // What nobody looks at by itself.
    let unused: Vec<_> = described
        .keys()
        .filter(|name| !used.contains(*name))
        .collect();
    let known = [
        "process_max_fds",
        "process_open_fds",
        "process_threads",
        "process_virtual_memory_bytes",
    ];
    assert_eq!(unused, known);

    if std::env::var_os("AFTERTONE_TEST_PROMETHEUS").is_some() {
        check_with_promtool(&text).await;
        query_a_prometheus(&fixture, &service, &token, &expressions).await;
    }
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// An endpoint that is told of all that happens.
async fn add_endpoint(fixture: &CampaignFixture, service: &Service, receiver: &Receiver) {
    let token = token(fixture, "webhooks:write").await;
    let added = http_client()
        .post(format!("{}/api/v1/webhooks", service.url))
        .bearer_auth(token)
        .json(&serde_json::json!({"url": receiver.url()}))
        .send()
        .await
        .unwrap();
    assert_eq!(added.status(), 201, "{:?}", added.text().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_fail_lists_that_come_in_and_a_kill_are_told() {
    let fixture = fixture(Script::mailbox()).await;
    let path = fixture.program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let more = "[webhooks]\nallow = [\"127.0.0.0/8\"]\n";
    fs::write(&path, format!("{text}\n{more}")).unwrap();
    let service = Service::start(&fixture).await;
    let reader = token(&fixture, "metrics:read").await;
    let value = async |service: &Service, series: &str| {
        let (_, text) = ask(service, &reader).await;
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.map(|value| value.trim().to_owned())
    };
    assert_eq!(
        value(&service, "aftertone_killed_before").await.as_deref(),
        Some("0")
    );
    let receiver = Receiver::always(Reply::Status(500)).await;
    add_endpoint(&fixture, &service, &receiver).await;
    let list = "number\n+12025550101\n+12025550102\nnobody\n";
    let writer = token(&fixture, "contacts:write").await;
    crate::serve::draft(&fixture, "autumn", 900..901).await;
    let sent = http_client()
        .post(format!(
            "{}/api/v1/campaigns/autumn/imports?name=list.csv",
            service.url
        ))
        .bearer_auth(writer)
        .header("content-type", "text/csv")
        .body(list)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 202, "{:?}", sent.text().await);
    let until = async |series: &str, wanted: &str| {
        let looking = async {
            while value(&service, series).await.as_deref() != Some(wanted) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let found = timeout(PATIENCE, looking).await;
        assert!(found.is_ok(), "never {series} {wanted}");
    };
    until("aftertone_import_rows_total{result=\"added\"}", "2").await;
    until("aftertone_import_rows_total{result=\"rejected\"}", "1").await;
    until("aftertone_imports_waiting", "0").await;
    receiver.until(1).await;
    // The next attempt is the last one.
    let database = fixture.program.path("aftertone.db");
    let url = format!("sqlite://{}", database.display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE webhook_deliveries SET attempts = 9 WHERE state = 'pending'")
        .execute(&mut database)
        .await
        .unwrap();
    let dead = async {
        let series = "aftertone_webhook_dead_total{endpoint=\"wh_1\"}";
        while value(&service, series)
            .await
            .is_none_or(|count| count == "0")
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, dead).await.expect("nothing is given up");
    let (_, text) = ask(&service, &reader).await;
    let series = "aftertone_webhook_attempts_total{endpoint=\"wh_1\",result=\"status\"} ";
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    assert!(line.is_some_and(|count| count != "0"), "{text}");

    until("aftertone_webhook_disabled{endpoint=\"wh_1\"}", "0").await;
    sqlx::query("UPDATE webhooks SET disabled_at = 1, disabled_because = 'gone'")
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    until("aftertone_webhook_disabled{endpoint=\"wh_1\"}", "1").await;

    service.kill().await;
    let service = Service::start(&fixture).await;
    assert_eq!(
        value(&service, "aftertone_killed_before").await.as_deref(),
        Some("1")
    );
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// The published lint of the format.
async fn check_with_promtool(text: &str) {
    let mut lint = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of Debian's prometheus");
    let mut stdin = lint.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).await.unwrap();
    drop(stdin);
    let linted = lint.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&linted.stderr);
    assert!(linted.status.success(), "{said}");
}

/// Has a Prometheus of its own scrape the service, and asks it everything that the rules and the board ask.
async fn query_a_prometheus(
    fixture: &CampaignFixture,
    service: &Service,
    token: &str,
    expressions: &[String],
) {
    let folder = fixture.program.path("prometheus");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("token"), token).unwrap();
    fs::write(
        folder.join("aftertone.rules.yml"),
        repository("ops/prometheus/aftertone.rules.yml"),
    )
    .unwrap();
    // The example, with the place of this service.
    let target = service.url.strip_prefix("http://").unwrap();
    let config = repository("ops/prometheus/prometheus.yml")
        .replace("15s", "1s")
        .replace("/etc/prometheus/aftertone.token", "token")
        .replace("127.0.0.1:8090", target);
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let mut prometheus = Command::new("prometheus")
        .current_dir(&folder)
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .arg(format!("--web.listen-address={at}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Debian's prometheus");
    let client = http_client();
    let query = async |expression: &str| query(&client, &at.to_string(), expression).await;
    let scraped = async {
        // A rate takes two samples.
        let enough = "count_over_time(aftertone_build_info[1m]) >= 3";
        while query(enough)
            .await
            .is_none_or(|answer| answer["data"]["result"] == Value::Array(Vec::new()))
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, scraped)
        .await
        .expect("it is never scraped");
    // Something has to happen while it looks.
    draft_that_is_started(fixture, "summer", 200..204).await;
    until_all_ended(fixture, "summer", 4).await;
    let seen = async {
        let seen = "sum(increase(aftertone_drops_total[1h])) > 0 and sum(rate(aftertone_drops_started_total[10s])) >= 0";
        while query(seen)
            .await
            .is_none_or(|answer| answer["data"]["result"] == Value::Array(Vec::new()))
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, seen)
        .await
        .expect("nothing is seen to happen");
    let is_rule = |expression: &str| !expression.contains("$instance");
    let mut empty = Vec::new();
    for expression in expressions {
        let asked = expression
            .replace("$__rate_interval", "10s")
            .replace("$instance", ".*");
        let answer = query(&asked).await.unwrap();
        assert_eq!(answer["status"], "success", "{asked}: {answer}");
        if answer["data"]["result"] == Value::Array(Vec::new()) {
            empty.push(expression.as_str());
        }
    }
    // An alert that is not raised is empty, and so is what has not happened.
    let rules = client
        .get(format!("http://{at}/api/v1/rules"))
        .send()
        .await
        .unwrap();
    let rules: Value = rules.json().await.unwrap();
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap();
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        // How full the disks of this machine are is not for this to say.
        if rule["name"] != "AftertoneDiskLow" {
            assert_eq!(rule["state"], "inactive", "{rule}");
        }
    }
    empty.retain(|expression| !is_rule(expression));
    let known = [
        "sum by (reason) (increase(aftertone_refused_total{instance=~\"$instance\"}[1h])) > 0",
        "aftertone_trunk_budget_limit_ratio{instance=~\"$instance\"}",
        "sum by (code) (rate(aftertone_http_requests_total{instance=~\"$instance\",code=~\"[45]..\"}[$__rate_interval]))",
        "aftertone_certificate_expires_timestamp_seconds{instance=~\"$instance\"} - time()",
    ];
    assert_eq!(empty, known);
    prometheus.kill().await.unwrap();
}

async fn query(client: &Client, at: &str, expression: &str) -> Option<Value> {
    let asked = client
        .get(format!("http://{at}/api/v1/query"))
        .query(&[("query", expression)]);
    asked.send().await.ok()?.json().await.ok()
}

fn expressions_of_the_board() -> Vec<String> {
    let board: Value = serde_json::from_str(&repository("ops/grafana/aftertone.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let expressions = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap().to_owned());
    expressions.collect()
}

/// The names of what is given, each with its labels, and all of them with a help and a type.
fn families(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            kinds.insert(name.to_owned(), kind.to_owned());
            assert!(
                text.contains(&format!("# HELP {name} ")),
                "{name} has no help"
            );
        }
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let family = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .filter(|family| kinds.get(*family).is_some_and(|kind| kind == "histogram"));
        let labels = labels
            .split(',')
            .filter_map(|label| Some(label.split_once('=')?.0));
        let labels = labels.filter(|label| *label != "le").map(str::to_owned);
        found
            .entry(family.unwrap_or(name).to_owned())
            .or_insert_with(BTreeSet::new)
            .extend(labels);
    }
    found
}

/// All series, but those of the scrapes themselves, of which the first is counted only once it is answered.
fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.filter(|line| !line.contains("route=\"/metrics\""));
    lines
        .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
        .collect()
}

async fn ask(service: &Service, token: &str) -> (u16, String) {
    let asked = http_client()
        .get(format!("{}/metrics", service.url))
        .bearer_auth(token);
    let answer = asked.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn token(fixture: &CampaignFixture, scope: &str) -> String {
    let made = fixture
        .program
        .run(&["token", "add", "prometheus", "--scope", scope])
        .await;
    assert_eq!(made.status, Some(0), "{made:?}");
    made.stdout.trim().to_owned()
}

fn repository(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
