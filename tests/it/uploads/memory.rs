//! What a long list costs the server that takes it, and those who ask it meanwhile. `UPLOAD_ROWS=1000000` makes it as long as a
//! list may well be.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures how long things take, and says so"
)]

use std::{
    env, fs,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    killed::{ask, program, show},
    list, number,
};
use crate::{
    api::killed::Serving,
    base::{Base, Kind as Database, Server},
};

/// Most that the memory of the server may grow, in KiB.
const MOST_GROWTH: u64 = 40 * 1024;

/// Within which time 99 of 100 others are answered, where that is measured: how fast a machine is at other times is no matter of a test.
const WITHIN: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_takes_little_memory_and_lets_others_in() {
    let rows = env::var("UPLOAD_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok());
    let is_measured = rows.is_some();
    let rows: u64 = rows.unwrap_or(30_000);
    let base = Base::fresh(Database::Sqlite, &Server::default()).await;
    let (program, token) = program(&base).await;
    let serving = Serving::start(&program).await;
    for name in ["spring", "small"] {
        let new = json!({"name": name, "kind": "marketing", "message": "sound:hello"});
        let made = ask(&serving, &token, Method::POST, "/campaigns")
            .json(&new)
            .send()
            .await;
        assert_eq!(made.unwrap().status().as_u16(), 201);
    }
    let send = async |campaign: &str, text: String| {
        let path = format!("/campaigns/{campaign}/imports");
        let sent = ask(&serving, &token, Method::POST, &path).header("content-type", "text/csv");
        let sent = sent.body(text).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 202);
        let body: Value = sent.json().await.unwrap();
        body["id"].as_str().unwrap().to_owned()
    };
    // What a server of the API has once it works: connections, their buffers, threads.
    let first = send("small", list(10)).await;
    while show(&serving, &token, &first).await["state"] != "complete" {
        sleep(Duration::from_millis(20)).await;
    }
    let pid = serving.child.id().unwrap();
    let before = resident(pid);
    let began = Instant::now();
    let id = send("spring", list(rows)).await;
    let taken = began.elapsed();
    let (mut most, mut reads, mut writes, mut nth) = (0, Vec::new(), Vec::new(), 0);
    let importing = async {
        loop {
            most = most.max(resident(pid));
            let asked = Instant::now();
            let read = ask(&serving, &token, Method::GET, "/campaigns")
                .send()
                .await
                .unwrap();
            assert_eq!(read.status().as_u16(), 200);
            reads.push(asked.elapsed());
            let asked = Instant::now();
            let one = json!({"number": number(2_000_000 + nth)});
            let put = ask(&serving, &token, Method::POST, "/campaigns/small/contacts").json(&one);
            assert_eq!(put.send().await.unwrap().status().as_u16(), 200);
            writes.push(asked.elapsed());
            nth += 1;
            let shown = show(&serving, &token, &id).await;
            match shown["state"].as_str().unwrap() {
                "complete" => return shown,
                "failed" => panic!("{shown}"),
                _ => {}
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let shown = timeout(Duration::from_secs(1_200), importing)
        .await
        .unwrap();
    let took = began.elapsed();
    reads.sort();
    writes.sort();
    let p99 = |all: &[Duration]| all[(all.len() * 99 / 100).min(all.len() - 1)];
    println!(
        "{rows} rows: on the disk in {taken:?}, in after {took:?} ({} rows/s at its end); {before} KiB, at most {most} KiB; \
         p99 of {} reads {:?}, of writes {:?}",
        shown["rows_per_second"],
        reads.len(),
        p99(&reads),
        p99(&writes),
    );
    assert_eq!(shown["added"], rows / 10 * 8, "{shown}");
    assert!(
        most <= before + MOST_GROWTH,
        "{before} KiB have become {most}"
    );
    for others in [p99(&reads), p99(&writes)] {
        assert!(!is_measured || others < WITHIN, "{others:?}");
    }
    serving.end().await;
    base.remove().await;
}

/// How much memory a process has, in KiB.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
