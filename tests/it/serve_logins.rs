//! A thousand wrong passwords a second beside a campaign: it dials as fast as without them.
//!
//! With 40 drops and 400 a second as a test, which the unoptimised program answers on two cores beside other tests; `LOGIN_DROPS` has
//! more, and a thousand, so that a hundredth shows.

#![expect(clippy::print_stderr, reason = "the figures are what the test is for")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use aftertone::clock;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    fake::script::Script,
    http_client,
    serve::{Service, draft_that_is_started, fixture, set, until_all_ended},
};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_do_not_slow_dialling_down() {
    let fixture = fixture(Script::mailbox()).await;
    fixture.trunk("starts_per_second = 10\nin_flight = 50");
    // So that the attempts come from many addresses, as far as the service sees.
    set(&fixture, "trusted_proxies = [\"127.0.0.1\"]");
    let made = fixture
        .program
        .run(&["user", "add", "ann", "--role", "viewer"])
        .await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let service = Service::start(&fixture).await;
    service.until_ready(200).await;
    let wanted = std::env::var("LOGIN_DROPS");
    let every = Duration::from_millis(if wanted.is_ok() { 4 } else { 10 });
    let drops = wanted.map_or(40, |drops| drops.parse().unwrap());
    // How many are begun in a second, as the PBX sees it, and how long all take.
    let dialled = async |name: &str, from: u32| {
        let before = fixture.first_calls().len();
        let began = clock::now();
        draft_that_is_started(&fixture, name, from..from + drops).await;
        until_all_ended(&fixture, name, drops.into()).await;
        let took = clock::now().duration_since(began);
        let calls = &fixture.first_calls()[before..];
        let first_to_last = calls[calls.len() - 1].duration_since(calls[0]);
        (f64::from(drops - 1) / first_to_last.as_secs_f64(), took)
    };
    let (quiet_rate, quiet) = dialled("quiet", 100).await;

    let (ends, asked, compared) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let attackers: Vec<_> = (0..4_u64)
        .map(|attacker| {
            let (ends, asked, compared) =
                (Arc::clone(&ends), Arc::clone(&asked), Arc::clone(&compared));
            let url = format!("{}/api/v1/sessions", service.url);
            tokio::spawn(async move {
                let client = http_client();
                let mut ticks = tokio::time::interval(every);
                // Sent whether the ones before are answered or not.
                let mut sent = JoinSet::new();
                for n in 0.. {
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                    ticks.tick().await;
                    while sent.try_join_next().is_some() {}
                    let from = format!("10.{attacker}.{}.{}", n / 256 % 256, n % 256);
                    let guess = json!({"user": format!("user{attacker}-{n}"), "password": "guess"});
                    let request = client
                        .post(&url)
                        .header("x-forwarded-for", from)
                        .json(&guess);
                    let (asked, compared) = (Arc::clone(&asked), Arc::clone(&compared));
                    sent.spawn(async move {
                        let answer = request.send().await.unwrap();
                        asked.fetch_add(1, Ordering::Relaxed);
                        match answer.status().as_u16() {
                            401 => compared.fetch_add(1, Ordering::Relaxed),
                            429 => 0,
                            status => panic!("{status}"),
                        }
                    });
                }
                while let Some(answered) = sent.join_next().await {
                    answered.unwrap();
                }
            })
        })
        .collect();
    let (attacked_rate, attacked) = dialled("attacked", 1_100).await;
    ends.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.await.unwrap();
    }
    let seconds = attacked.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let rate = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / seconds;
    eprintln!(
        "{quiet_rate:.2} starts a second, and {attacked_rate:.2} beside {:.0} wrong logins a second, of which {:.0} were compared: {:.1} %",
        rate(&asked),
        rate(&compared),
        100.0 * attacked_rate / quiet_rate,
    );
    assert!(compared.load(Ordering::Relaxed) > 0);
    // A machine that does other work is slow by itself; if logins were in the way, it would be many times as long.
    assert!(attacked < 3 * quiet + Duration::from_secs(5));
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}
