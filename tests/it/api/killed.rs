//! `aftertone serve` killed at moments between an order and its answer: the same request finds the same drop, or is the first.

use std::{collections::BTreeMap, fs, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
    time::{sleep, timeout},
};

use crate::{
    fake::{fault::Kind, log::What, script::Script},
    http_client,
    program::{Program, pbx, send_signal},
};

/// How often it is killed, each time later after the order was sent.
const KILLS: u64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_before_it_answers_dials_nothing_twice() {
    let program = Program::new(pbx(Script::mailbox())).await;
    let path = program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replacen(
        "[store]\n",
        "[serve]\nlisten = \"127.0.0.1:0\"\n[store]\n",
        1,
    );
    fs::write(&path, text).unwrap();
    let made = program
        .run(&[
            "token",
            "add",
            "test",
            "--scope",
            "drops:write",
            "--scope",
            "drops:read",
            "--json",
        ])
        .await;
    let token = made.json()["token"].as_str().unwrap().to_owned();

    let mut answered = BTreeMap::new();
    for kill in 0..KILLS {
        let mut serving = Serving::start(&program).await;
        let first = tokio::spawn(order(serving.url.clone(), token.clone(), kill));
        // From before the request is read to after the drop is dialled.
        sleep(Duration::from_millis(kill * 12)).await;
        send_signal("KILL", &serving.child);
        serving.child.wait().await.unwrap();
        let first = first.await.unwrap();

        let serving = Serving::start(&program).await;
        let again = loop {
            match order(serving.url.clone(), token.clone(), kill).await {
                Some((202, drop)) => break drop,
                Some((409 | 503, _)) => sleep(Duration::from_millis(50)).await,
                other => panic!("{other:?}"),
            }
        };
        if let Some((202, drop)) = first {
            assert_eq!(drop, again, "another drop for the same key");
        }
        let outcome = ended(&serving, &token, &again).await;
        answered.insert(again, outcome);
        serving.end().await;
    }
    // Each number was called by one drop: each leg of it once at most, however often it was ordered.
    let mut legs: BTreeMap<String, usize> = BTreeMap::new();
    program.fake.with(|world| {
        for entry in &world.log {
            if let What::Request {
                kind: Kind::Originate,
                body,
                ..
            } = &entry.what
            {
                let body: Value = serde_json::from_str(body).unwrap();
                let endpoint = body["endpoint"].as_str().unwrap().to_owned();
                *legs.entry(endpoint).or_default() += 1;
            }
        }
    });
    assert_eq!(answered.len() as u64, KILLS, "{answered:?}");
    assert!(legs.values().all(|legs| *legs <= 2), "{legs:?}");
    let outcomes: Vec<_> = answered.into_values().collect();
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome == "delivered" || outcome == "lost"),
        "{outcomes:?}"
    );
    // It was killed early and late enough for both.
    assert!(
        outcomes.iter().any(|outcome| outcome == "delivered"),
        "{outcomes:?}"
    );
}

/// Orders a drop; `None` if there is no answer.
async fn order(url: String, token: String, nth: u64) -> Option<(u16, String)> {
    // A number of its own for each.
    let to = format!("+12025550{}", 100 + nth);
    let body = json!({"to": to, "message": "sound:hello-world", "kind": "marketing"});
    let request = http_client()
        .post(format!("{url}/api/v1/drops"))
        .bearer_auth(token);
    let response = request
        .header("idempotency-key", format!("k{nth}"))
        .json(&body)
        .send()
        .await
        .ok()?;
    let status = response.status().as_u16();
    let body: Value = response.json().await.ok()?;
    Some((status, body["drop"].as_str().unwrap_or("").to_owned()))
}

/// The outcome of a drop, once it has one.
async fn ended(serving: &Serving, token: &str, drop: &str) -> String {
    let asking = async {
        loop {
            let url = format!("{}/api/v1/drops/{drop}", serving.url);
            let shown = http_client()
                .get(url)
                .bearer_auth(token)
                .send()
                .await
                .unwrap();
            let shown: Value = shown.json().await.unwrap();
            if let Some(outcome) = shown["outcome"].as_str() {
                return outcome.to_owned();
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), asking)
        .await
        .expect("it never ends")
}

/// `aftertone serve` as a process.
pub(super) struct Serving {
    pub(super) child: Child,
    pub(super) url: String,
    /// Open, so that what is printed goes somewhere.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Serving {
    pub(super) async fn start(program: &Program) -> Self {
        let mut command = program.command(&["serve"]);
        command.stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(Duration::from_secs(60), lines.next_line()).await;
        let line = line
            .expect("it never listens")
            .unwrap()
            .expect("it has ended");
        let url = line.strip_prefix("listening on ").expect(&line).to_owned();
        Self {
            child,
            url,
            _stdout: lines,
        }
    }

    pub(super) async fn end(mut self) {
        send_signal("TERM", &self.child);
        let status = timeout(Duration::from_secs(60), self.child.wait()).await;
        assert!(status.expect("it never ends").unwrap().success());
    }
}
