//! `aftertone serve` as a process: what it dials and what it does not, how it ends, what it reads anew, and what it says of itself.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use aftertone::{
    campaign::engine::CampaignId,
    drop::Outcome,
    events::{EventFilter, EventKind},
    store::{Status, Store},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines},
    net::UnixDatagram,
    process::{Child, ChildStdout, Command},
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    campaign::{
        campaign_fixture::{CampaignFixture, PATIENCE, add_contacts, informational, now},
        slow,
    },
    fake::script::{Call, Far, Playback, Script},
    http_client,
    program::{Ended, send_signal},
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_dialled_before_somebody_starts_it() {
    let fixture = fixture(Script::mailbox()).await;
    let draft = draft(&fixture, "draft", 100..103).await;
    let service = Service::start(&fixture).await;
    // Another campaign is worked through meanwhile, created and started while the service runs.
    let list = "phone\n+12025550901\n+12025550902\n";
    fs::write(fixture.program.path("spring.csv"), list).unwrap();
    let created = fixture
        .program
        .run(&[
            "campaign",
            "create",
            "spring",
            "spring.csv",
            "--message",
            "sound:hello-world",
            "--kind",
            "informational",
        ])
        .await;
    assert_eq!(created.status, Some(0), "{created:?}");
    assert!(
        created.stderr.contains("`aftertone campaign start spring`"),
        "{created:?}"
    );
    assert_eq!(status(&fixture.store, "spring").await, Status::Draft);
    let started = fixture.program.run(&["campaign", "start", "spring"]).await;
    assert_eq!(started.stdout.trim(), "spring: running", "{started:?}");
    until_all_ended(&fixture, "spring", 2).await;
    until_status(&fixture.store, "spring", Status::Complete).await;
    assert_eq!(fixture.requests(crate::fake::fault::Kind::Originate), 4);

    // What is added to it rings nobody, and neither does the draft, after a restart either.
    add_contacts(
        &fixture.store,
        id(&fixture.store, "spring").await,
        "more",
        950..952,
    )
    .await;
    assert_eq!(status(&fixture.store, "spring").await, Status::Draft);
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let service = Service::start(&fixture).await;
    let other = draft_that_is_started(&fixture, "other", 200..201).await;
    until_all_ended(&fixture, "other", 1).await;
    assert_eq!(fixture.requests(crate::fake::fault::Kind::Originate), 6);
    for (name, waiting) in [("draft", 3), ("spring", 2), ("other", 0)] {
        assert_eq!(fixture.tally(name).await.waiting, waiting, "{name}");
    }
    let shown = fixture.program.run(&["campaign", "status", "draft"]).await;
    assert!(
        shown.stdout.contains("draft: draft, not started"),
        "{shown:?}"
    );
    assert!(shown.stderr.contains("campaign start draft"), "{shown:?}");
    assert_ne!(other, draft);

    // Somebody says run.
    let started = fixture.program.run(&["campaign", "start", "draft"]).await;
    assert_eq!(started.status, Some(0), "{started:?}");
    until_all_ended(&fixture, "draft", 3).await;
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_to_end_lets_drops_finish() {
    let fixture = fixture(slow()).await;
    let service = Service::start(&fixture).await;
    service.until_ready(200).await;
    draft_that_is_started(&fixture, "spring", 0..2).await;
    fixture.until_dialled(2).await;
    send_signal("TERM", &service.child);
    let ready = service.until_ready(503).await;
    assert_eq!(ready["checks"][0]["check"], "running");
    assert_eq!(ready["checks"][0]["ok"], false);
    let ended = service.ended().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    // What was dialled has its message, nothing was begun after that, and the lease is given back.
    let tally = fixture.tally("spring").await;
    assert!(
        tally.outcomes[&Outcome::Delivered] >= 1,
        "{tally:?}\n{ended:?}"
    );
    assert_eq!(tally.in_flight, 0, "{tally:?}");
    assert_eq!(
        tally.outcomes.values().sum::<u64>(),
        tally.outcomes[&Outcome::Delivered],
        "{tally:?}"
    );
    fixture.assert_nothing_up();
    assert!(!fixture.store.has_controller(now()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_order_hangs_up_and_so_does_the_end_of_the_drain() {
    for (drain, orders) in [("120s", 2), ("1s", 1)] {
        let fixture = fixture(endless()).await;
        set(&fixture, &format!("drain = \"{drain}\""));
        let service = Service::start(&fixture).await;
        draft_that_is_started(&fixture, "spring", 0..2).await;
        fixture
            .program
            .fake
            .until("a message that is played", |world| {
                let mut log = world.log.iter();
                log.any(|entry| entry.is_event("PlaybackStarted"))
                    .then_some(())
            })
            .await;
        for nth in 0..orders {
            send_signal("TERM", &service.child);
            if nth == 0 {
                service.until_said("drops in flight finish").await;
            }
        }
        let ended = service.ended().await;
        assert_eq!(ended.status, Some(0), "{drain}: {ended:?}");
        assert!(ended.stderr.contains("hanging up"), "{drain}: {ended:?}");
        let tally = fixture.tally("spring").await;
        assert_eq!(tally.in_flight, 0, "{drain}: {tally:?}");
        fixture.assert_nothing_up();
        assert!(!fixture.store.has_controller(now()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_anew_counts_at_once_and_what_is_wrong_does_not() {
    let fixture = fixture(endless()).await;
    replace(&fixture, "in_flight = 20", "in_flight = 1");
    let service = Service::start(&fixture).await;
    draft_that_is_started(&fixture, "spring", 0..20).await;
    until_up(&fixture, 1).await;

    // A key that is wrong changes nothing, and is named: to whoever asks, and in what the service says.
    replace(&fixture, "in_flight = 1\n", "in_flight = 0\n");
    let refused = fixture.program.run(&["reload"]).await;
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("`trunk.in_flight`"), "{refused:?}");
    send_signal("HUP", &service.child);
    let said = service
        .until_said("the configuration stays as it was")
        .await;
    assert!(said.contains("`trunk.in_flight`"), "{said}");

    // Neither does a file that is emptied to be written.
    let path = fixture.program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, "").unwrap();
    send_signal("HUP", &service.child);
    service.until_said("it sets nothing").await;
    fs::write(&path, text).unwrap();

    // What is right is taken up while a call is up; what needs a restart is named, and waits for it.
    replace(&fixture, "in_flight = 0\n", "in_flight = 4\n");
    replace(
        &fixture,
        "answer_timeout = \"3s\"",
        "answer_timeout = \"4s\"",
    );
    set(&fixture, "log = \"info\"");
    let taken = fixture.program.run(&["reload", "--json"]).await;
    assert_eq!(taken.status, Some(0), "{taken:?}");
    let answer = taken.json();
    assert_eq!(
        answer["live"],
        serde_json::json!(["serve.log", "trunk.in_flight"])
    );
    assert_eq!(
        answer["at_restart"],
        serde_json::json!(["drop.answer_timeout"])
    );
    until_up(&fixture, 4).await;
    // Over HTTP it is the same.
    let token = ["token", "add", "ops", "--scope", "admin", "--json"];
    let token = fixture.program.run(&token).await.json();
    let token = token["token"].as_str().unwrap().to_owned();
    replace(&fixture, "in_flight = 4\n", "in_flight = 5\n");
    let reload = async || {
        let url = format!("{}/api/v1/configuration/reloads", service.url);
        let request = http_client().post(url).bearer_auth(&token);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let answer = reload().await;
    assert_eq!(
        (&answer["live"], &answer["error"]),
        (&serde_json::json!(["trunk.in_flight"]), &Value::Null)
    );
    until_up(&fixture, 5).await;
    replace(&fixture, "in_flight = 5\n", "in_flight = 0\n");
    let answer = reload().await;
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("`trunk.in_flight`"),
        "{answer}"
    );
    replace(&fixture, "in_flight = 0\n", "in_flight = 5\n");
    // The log talks more than before.
    service.until_said(" INFO ").await;
    for _ in 0..2 {
        send_signal("TERM", &service.child);
        service.until_said("drops in flight finish").await;
    }
    let ended = service.ended().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    fixture.assert_nothing_up();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_that_is_away_is_waited_for() {
    let mut fixture = fixture(Script::mailbox()).await;
    fixture.program.fake.stop();
    draft_that_is_started(&fixture, "spring", 0..2).await;
    let service = Service::start(&fixture).await;
    assert_eq!(service.get("/healthz").await.0, 200);
    let ready = service.until_ready(503).await;
    let pbx = ready["checks"].as_array().unwrap().iter();
    let failed: Vec<_> = pbx.filter(|check| check["ok"] == false).collect();
    assert_eq!(failed.len(), 1, "{ready}");
    assert_eq!(failed[0]["check"], "pbx");
    service.until_said("nothing is dialled").await;
    fixture.program.fake.start_again().await;
    service.until_ready(200).await;
    until_all_ended(&fixture, "spring", 2).await;
    // It goes away and comes back while the service runs.
    fixture.program.fake.stop();
    service.until_ready(503).await;
    fixture.program.fake.start_again().await;
    service.until_ready(200).await;
    // That is told; that it was away at first is not.
    let told = timeout(PATIENCE, async {
        let filter = EventFilter {
            kinds: vec![EventKind::PbxLost, EventKind::PbxRestored],
            campaign: None,
        };
        loop {
            let (events, _) = fixture.store.events(0, &filter, 9).await.unwrap();
            if events.len() >= 2 {
                return events;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let told = told.await.expect("it is not told");
    let kinds: Vec<_> = told.iter().map(|event| event.slug.as_str()).collect();
    assert_eq!(kinds, ["pbx.lost", "pbx.restored"]);
    assert!(told[0].detail["why"].is_string());
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pbx_it_serves_the_api_alone() {
    let fixture = fixture(Script::mailbox()).await;
    draft_that_is_started(&fixture, "spring", 0..1).await;
    let path = fixture.program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("[pbx]\n").unwrap();
    let (_, after) = after.split_once("[store]").unwrap();
    fs::write(&path, format!("{before}[store]{after}")).unwrap();
    set(&fixture, "listen = \"127.0.0.1:0\"");
    let service = Service::start(&fixture).await;
    let ready = service.until_ready(200).await;
    let checks = ready["checks"].as_array().unwrap().iter();
    let names: Vec<_> = checks
        .map(|check| check["check"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["running", "store", "disk"]);
    service.until_said("serves the API and dials nothing").await;
    let ended = service.end().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(fixture.requests(crate::fake::fault::Kind::Originate), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_listens_on_this_machine_unless_a_proxy_is_named() {
    let fixture = fixture(Script::mailbox()).await;
    let everywhere = [("AFTERTONE__SERVE__LISTEN", "0.0.0.0:0")];
    let refused = fixture.program.run_with(&["serve"], &everywhere).await;
    assert_eq!(refused.status, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("`serve.listen`"), "{refused:?}");
    assert!(refused.stderr.contains("plain_http"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_told() {
    let fixture = fixture(Script::mailbox()).await;
    let path = fixture.program.path("notify");
    let told = UnixDatagram::bind(&path).unwrap();
    let service = Service::start_with(&fixture, |command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "30000000");
    })
    .await;
    // While the database is opened, which may copy it and change its schema.
    until_told(&told, &["EXTEND_TIMEOUT_USEC=30000000"]).await;
    let up = ["READY=1", "WATCHDOG=1", "STATUS=no campaign is started"];
    until_told(&told, &up).await;
    send_signal("HUP", &service.child);
    until_told(&told, &["RELOADING=1"]).await;
    until_told(&told, &["READY=1"]).await;
    send_signal("TERM", &service.child);
    until_told(&told, &["STOPPING=1"]).await;
    let ended = service.ended().await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

/// A service that runs.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) url: String,
    said: Said,
    /// Open, so that what is printed goes somewhere.
    _stdout: Lines<BufReader<ChildStdout>>,
}

/// What it says on stderr.
#[derive(Clone)]
struct Said {
    text: Arc<Mutex<String>>,
    changes: watch::Receiver<()>,
}

impl Service {
    pub(crate) async fn start(fixture: &CampaignFixture) -> Self {
        Self::start_with(fixture, |_| ()).await
    }

    pub(crate) async fn start_with(
        fixture: &CampaignFixture,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = fixture.program.command(&["serve"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let said = Said::of(child.stderr.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await;
        let line = line.expect("it never listens").unwrap();
        let line = line.unwrap_or_else(|| panic!("{}", said.text()));
        let url = line.strip_prefix("listening on ").expect(&line).to_owned();
        Self {
            child,
            url,
            said,
            _stdout: lines,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let answer = http_client()
            .get(format!("{}{path}", self.url))
            .send()
            .await;
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Asks until it is ready, or not, as wanted.
    pub(crate) async fn until_ready(&self, wanted: u16) -> Value {
        let asking = async {
            loop {
                let (status, report) = self.get("/readyz").await;
                if status == wanted {
                    return report;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        match timeout(PATIENCE, asking).await {
            Ok(report) => report,
            Err(_) => panic!("never {wanted}\n{}", self.said.text()),
        }
    }

    /// Waits until it has said this; returns all that it has said.
    pub(crate) async fn until_said(&self, words: &str) -> String {
        self.until_said_times(words, 1).await
    }

    /// The same for what it says again and again.
    pub(crate) async fn until_said_times(&self, words: &str, times: usize) -> String {
        let is_said = |text: &str| text.matches(words).count() >= times;
        let mut said = self.said.clone();
        let waiting = async {
            loop {
                let text = said.text();
                if is_said(&text) || said.changes.changed().await.is_err() {
                    return text;
                }
            }
        };
        let text = timeout(PATIENCE, waiting).await;
        let text = text.unwrap_or_else(|_| panic!("never said: {words}\n{}", self.said.text()));
        assert!(is_said(&text), "{text}");
        text
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Kills it.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Orders it to end, and waits for that.
    pub(crate) async fn end(self) -> Ended {
        send_signal("TERM", &self.child);
        self.ended().await
    }

    pub(crate) async fn ended(mut self) -> Ended {
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("it never ends\n{}", self.said.text()));
        let stderr = timeout(PATIENCE, async {
            while self.said.changes.changed().await.is_ok() {}
        });
        stderr.await.unwrap();
        Ended {
            status: status.unwrap().code(),
            stdout: String::new(),
            stderr: self.said.text(),
        }
    }
}

impl Said {
    fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let (change, changes) = watch::channel(());
        let writer = Arc::clone(&text);
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut text = writer.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
                drop(text);
                change.send_replace(());
            }
        });
        Self { text, changes }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

pub(crate) async fn fixture(script: Script) -> CampaignFixture {
    let fixture = CampaignFixture::new(script).await;
    set(&fixture, "listen = \"127.0.0.1:0\"");
    fixture
}

/// Sets a key of `[serve]`.
pub(crate) fn set(fixture: &CampaignFixture, line: &str) {
    let path = fixture.program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    let section = "[serve]\n";
    let text = if text.contains(section) {
        text.replacen(section, &format!("{section}{line}\n"), 1)
    } else {
        text.replacen("[store]\n", &format!("{section}{line}\n[store]\n"), 1)
    };
    fs::write(&path, text).unwrap();
}

/// Writes other lines in place of these.
pub(crate) fn replace(fixture: &CampaignFixture, before: &str, after: &str) {
    let path = fixture.program.path("aftertone.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(before), "{text}");
    fs::write(&path, text.replacen(before, after, 1)).unwrap();
}

/// A message that never comes to its end.
fn endless() -> Script {
    let mut call = Call::of(&[(30, Far::Ringing), (60, Far::Answer)]);
    call.playback = Playback::Endless;
    Script(vec![Call::ringing_for_ever(), call])
}

pub(crate) async fn draft(
    fixture: &CampaignFixture,
    name: &str,
    contacts: std::ops::Range<u32>,
) -> CampaignId {
    let new = informational(name, |_| ());
    let made = fixture.store.create_campaign(&new, now()).await.unwrap();
    add_contacts(&fixture.store, made.id, "list", contacts).await;
    made.id
}

pub(crate) async fn draft_that_is_started(
    fixture: &CampaignFixture,
    name: &str,
    contacts: std::ops::Range<u32>,
) -> CampaignId {
    let id = draft(fixture, name, contacts).await;
    crate::campaign::campaign_fixture::start(&fixture.store, id).await;
    id
}

async fn id(store: &Store, name: &str) -> CampaignId {
    store.campaign(name).await.unwrap().unwrap().id
}

async fn status(store: &Store, name: &str) -> Status {
    store.campaign(name).await.unwrap().unwrap().status
}

async fn until_status(store: &Store, name: &str, wanted: Status) {
    let looking = async {
        while status(store, name).await != wanted {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, looking)
        .await
        .expect("never of that status");
}

pub(crate) async fn until_all_ended(fixture: &CampaignFixture, name: &str, contacts: u64) {
    let looking = async {
        loop {
            let tally = fixture.tally(name).await;
            if tally.outcomes.get(&Outcome::Delivered) == Some(&contacts) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    if timeout(PATIENCE, looking).await.is_err() {
        let tally = fixture.tally(name).await;
        panic!("{name}: {tally:?}\n{}", fixture.program.fake.ladder());
    }
}

/// Waits until exactly so many drops play their message at once.
async fn until_up(fixture: &CampaignFixture, drops: usize) {
    fixture
        .program
        .fake
        .until("so many at once", |world| {
            let played = world
                .log
                .iter()
                .filter(|entry| entry.is_event("PlaybackStarted"));
            let played = played.count();
            assert!(played <= drops, "{played} are played at once");
            (played == drops).then_some(())
        })
        .await;
}

/// Waits until all of this was told, in whatever order.
pub(crate) async fn until_told(socket: &UnixDatagram, wanted: &[&str]) {
    let mut left = wanted.to_vec();
    let hearing = async {
        let mut buffer = [0; 4_096];
        while !left.is_empty() {
            let size = socket.recv(&mut buffer).await.unwrap();
            let text = std::str::from_utf8(&buffer[..size]).unwrap();
            left.retain(|wanted| !text.lines().any(|line| line == *wanted));
        }
    };
    let heard = timeout(PATIENCE, hearing).await;
    assert!(heard.is_ok(), "never told: {left:?}");
}
