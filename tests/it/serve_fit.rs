//! Whether `aftertone serve` is fit, as those see it who look after it: `aftertone healthcheck`, `/readyz` and the watchdog.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, net::TcpListener, time::Duration};

use tokio::{net::UnixDatagram, time::timeout};

use crate::{
    campaign::campaign_fixture::{CampaignFixture, PATIENCE},
    fake::script::Script,
    serve::{Service, fixture, replace, set, until_told},
    serve_tls::write,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_stands_still_is_not_ready_and_feeds_no_watchdog() {
    let fixture = fixture(Script::mailbox()).await;
    let (path, order) = (
        fixture.program.path("notify"),
        fixture.program.path("standstill"),
    );
    let told = UnixDatagram::bind(&path).unwrap();
    let service = Service::start_with(&fixture, |command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "30000000")
            .env("AFTERTONE_TEST_STANDSTILL", &order);
    })
    .await;
    service.until_ready(200).await;
    until_told(&told, &["WATCHDOG=1"]).await;

    fs::write(&order, "").unwrap();
    let report = service.until_ready(503).await;
    let checks = report["checks"].as_array().unwrap().iter();
    let failed: Vec<_> = checks.filter(|check| check["ok"] == false).collect();
    assert_eq!(failed.len(), 1, "{report}");
    assert_eq!(failed[0]["check"], "driver");
    // What was sent before is read; the process itself goes on looking each second, and says nothing more.
    let mut buffer = [0; 4_096];
    while told.try_recv(&mut buffer).is_ok() {}
    let silence = timeout(Duration::from_secs(3), until_told_of_life(&told)).await;
    assert!(silence.is_err(), "the watchdog is fed");
    assert_eq!(service.get("/healthz").await.0, 200);

    fs::remove_file(&order).unwrap();
    service.until_ready(200).await;
    timeout(PATIENCE, until_told_of_life(&told)).await.unwrap();
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_a_service_is_an_exit_status() {
    let mut fixture = fixture(Script::mailbox()).await;
    listen_on_a_port_that_is_known(&fixture);
    let away = fixture.program.run(&["healthcheck"]).await;
    assert_eq!(away.status, Some(1), "{away:?}");
    assert!(
        away.stderr.contains("answers as `aftertone serve` does"),
        "{away:?}"
    );

    let service = Service::start(&fixture).await;
    service.until_ready(200).await;
    let ready = fixture.program.run(&["healthcheck"]).await;
    assert_eq!(
        (ready.status, ready.stdout.trim()),
        (Some(0), "ready"),
        "{ready:?}"
    );
    fixture.program.fake.stop();
    service.until_ready(503).await;
    let without = fixture.program.run(&["healthcheck"]).await;
    assert_eq!(
        (without.status, without.stdout.trim()),
        (Some(1), "not ready: pbx"),
        "{without:?}"
    );
    fixture.program.fake.start_again().await;
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");

    // Over TLS, whatever the name of the certificate is.
    set(&fixture, "tls_certificate = \"serve.crt\"");
    set(&fixture, "tls_key = \"serve.key\"");
    write(&fixture, "serve");
    let service = Service::start(&fixture).await;
    service.until_ready_over_tls(&fixture).await;
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");

    replace(&fixture, "drain", "drian");
    let wrong = fixture.program.run(&["healthcheck"]).await;
    assert_eq!(wrong.status, Some(2), "{wrong:?}");
}

impl Service {
    async fn until_ready_over_tls(&self, fixture: &CampaignFixture) {
        let asking =
            async { while fixture.program.run(&["healthcheck"]).await.status != Some(0) {} };
        timeout(PATIENCE, asking).await.expect("it is never ready");
    }
}

/// Takes a port that is free now, since the configuration has to name it.
fn listen_on_a_port_that_is_known(fixture: &CampaignFixture) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    replace(
        fixture,
        "listen = \"127.0.0.1:0\"",
        &format!("listen = \"{at}\"\ndrain = \"5s\""),
    );
}

async fn until_told_of_life(socket: &UnixDatagram) {
    let mut buffer = [0; 4_096];
    loop {
        let size = socket.recv(&mut buffer).await.unwrap();
        let text = std::str::from_utf8(&buffer[..size]).unwrap();
        if text.lines().any(|line| line == "WATCHDOG=1") {
            return;
        }
    }
}
