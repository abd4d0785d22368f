//! `aftertone serve`, its PBX and its database die again and again while it dials, on PostgreSQL with two controllers: each drop ends once
//! in the log of events, and who reads on from the last number misses nothing.
//!
//! In a few seconds as a test; `make proof` has 20,000 drops and 200 failures, on either database.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Stdio,
    time::Duration,
};

use aftertone::{
    campaign::budget::TechniqueRule,
    drop::Outcome,
    events::{EventFilter, EventKind, LoggedEvent},
    id::{ChannelId, DropId},
    phone::{PhoneNumber, Rules},
    store::{Status, Store, Tally},
};
use jiff::Timestamp;
use tokio::{
    process::Child,
    sync::watch,
    task::JoinHandle,
    time::{interval, timeout},
};

use crate::{
    base::{Base, Kind, OwnServer},
    campaign::campaign_fixture::{add_contacts, informational, start},
    fake::{
        fault,
        log::What,
        script::{Call, Detector, Far, Playback, Script},
    },
    program::{Program, pbx, send_signal},
};

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    storm(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    storm(Some(OwnServer::up("test-storm"))).await;
}

/// What fails next. Services die more often than what is around them.
enum Failure {
    Service,
    Pbx,
    Database,
}

async fn storm(server: Option<OwnServer>) {
    let (drops, failures) = match std::env::var_os("PROOF") {
        Some(_) => (20_000, 200),
        None => (320, 8),
    };
    let base = Base::on(server.as_ref().map(|server| server.url.as_str())).await;
    let store = Store::open(&base.place()).await.unwrap();
    let mut sites = Vec::new();
    // A file is one machine's; a server has two controllers, each with a PBX of its own.
    for name in [Some("here"), server.as_ref().map(|_| "there")]
        .into_iter()
        .flatten()
    {
        sites.push(Site::new(name, &base).await);
    }
    fill(&store, drops).await;

    let mut dialled = dialled(&sites);
    let (is_over, told) = watch::channel(false);
    let reader = read(base.open().await, told);
    for nth in 0..failures {
        for site in &mut sites {
            site.serve();
        }
        // A share of half of all together, and something dies while some of it is in flight.
        let share = dialled.borrow().len() + usize::try_from(drops / failures / 2).unwrap();
        let enough = dialled.wait_for(|dialled| dialled.len() >= share);
        if timeout(PATIENCE, enough).await.is_err() {
            let tally = tally(&store).await;
            panic!("nothing is dialled any more before failure {nth}: {tally:?}");
        }
        let site = usize::try_from(nth / 4).unwrap() % sites.len();
        let failure = match (nth % 4, &server) {
            (1, _) => Failure::Pbx,
            (2, Some(_)) => Failure::Database,
            _ => Failure::Service,
        };
        match (failure, &server) {
            (Failure::Pbx, _) => sites[site].restart_pbx().await,
            (Failure::Database, Some(server)) => {
                server.killer()();
                server.restart();
            }
            (Failure::Database | Failure::Service, _) => sites[site].kill().await,
        }
    }
    for site in &mut sites {
        site.serve();
    }
    until_complete(&store).await;
    for site in &mut sites {
        site.end().await;
    }
    is_over.send_replace(true);
    let seen = reader.await.unwrap();

    let lives = lives(&seen);
    for (drop, kinds) in &lives {
        assert_eq!(kinds[0], EventKind::DropStarted, "{drop}: {kinds:?}");
        let ends = kinds.iter().filter(|kind| kind.ends_drop());
        assert_eq!(ends.count(), 1, "{drop}: {kinds:?}");
        assert!(kinds[kinds.len() - 1].ends_drop(), "{drop}: {kinds:?}");
    }
    // Whoever was called is in the log, once; whoever has an outcome was called, or ended without.
    let dialled = dialled.borrow().clone();
    let unknown: Vec<_> = dialled
        .iter()
        .filter(|id| !lives.contains_key(id))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let tally = tally(&store).await;
    assert_eq!(
        tally.outcomes.values().sum::<u64>(),
        u64::from(drops),
        "{tally:?}"
    );
    let ended = lives
        .values()
        .filter(|kinds| kinds.contains(&EventKind::DropEnded));
    assert_eq!(ended.count() as u64, u64::from(drops), "{tally:?}");
    // What died took drops with it, and others came to their end.
    for outcome in [Outcome::Lost, Outcome::Delivered] {
        assert!(tally.outcomes.contains_key(&outcome), "{tally:?}");
    }
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for site in &sites {
        site.program.fake.with(|world| {
            for (number, count) in &world.calls {
                *calls.entry(number.clone()).or_default() += *count;
            }
            let up: Vec<_> = world.channels.keys().cloned().collect();
            assert!(up.is_empty(), "{up:?}");
        });
    }
    calls.retain(|_, calls| *calls > 1);
    assert!(calls.is_empty(), "{calls:?}");
    store.close().await;
    base.remove().await;
}

/// A PBX, and the service beside it, if one runs.
struct Site {
    program: Program,
    serving: Option<Child>,
}

impl Site {
    /// One on this database, whose drops are one call of half a second.
    async fn new(instance: &str, base: &Base) -> Self {
        let mut mailbox = Call::of(&[(50, Far::Ringing), (100, Far::Answer)]);
        mailbox.detector = Detector {
            verdict_after: Duration::from_millis(100),
            wait: Duration::from_millis(50),
            ..mailbox.detector
        };
        mailbox.playback = Playback::Whole(Duration::from_millis(200));
        let program = Program::new(pbx(Script(vec![mailbox]))).await;
        program.trunk(
            "starts_per_second = 100\nin_flight = 100\ncancelled = \"none\"\nshort = \"none\"\npeople = \"none\"",
        );
        let path = program.path("aftertone.toml");
        let text = fs::read_to_string(&path).unwrap();
        let own = format!(
            "url = \"sqlite:{}\"",
            program.path("aftertone.db").display()
        );
        let url = match base.kind {
            Kind::Sqlite => format!("sqlite:{}", base.folder().join("aftertone.db").display()),
            Kind::Postgres => base.url().to_owned(),
        };
        let listen = "[serve]\nlisten = \"127.0.0.1:0\"\n[store]\n";
        let changed =
            text.replace(&own, &format!("url = \"{url}\""))
                .replacen("[store]\n", listen, 1);
        assert!(changed.contains(&url) && changed.contains(listen), "{text}");
        fs::write(&path, format!("instance = \"{instance}\"\n{changed}")).unwrap();
        Self {
            program,
            serving: None,
        }
    }

    /// Has a service run, if none does.
    fn serve(&mut self) {
        let begin = || {
            let mut command = self.program.command(&["serve"]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        self.serving.get_or_insert_with(begin);
    }

    async fn kill(&mut self) {
        let mut serving = self.serving.take().unwrap();
        send_signal("KILL", &serving);
        serving.wait().await.unwrap();
    }

    async fn restart_pbx(&mut self) {
        self.program.fake.stop();
        self.program.fake.start_again().await;
    }

    async fn end(&mut self) {
        let mut serving = self.serving.take().unwrap();
        send_signal("TERM", &serving);
        let ended = timeout(PATIENCE, serving.wait()).await;
        assert!(ended.expect("it never ends").unwrap().success());
    }
}

/// A campaign of so many numbers, which is started.
async fn fill(store: &Store, drops: u32) {
    let new = informational("storm", |spec| spec.technique = TechniqueRule::Single);
    let campaign = store.create_campaign(&new, Timestamp::now()).await.unwrap();
    start(store, campaign.id).await;
    for (nth, thousand) in thousands(drops).into_iter().enumerate() {
        let first = 1_000 * thousand;
        let count = (drops - 1_000 * u32::try_from(nth).unwrap()).min(1_000);
        let list = format!("list {thousand}");
        add_contacts(store, campaign.id, &list, first..first + count).await;
    }
}

async fn tally(store: &Store) -> Tally {
    let campaign = store.campaign("storm").await.unwrap().unwrap();
    store.tally(campaign.id).await.unwrap()
}

/// Enough thousands of numbers; some are no area codes.
pub(crate) fn thousands(contacts: u32) -> Vec<u32> {
    let is_area = |nth: &u32| {
        PhoneNumber::parse(&format!("+1{}5550500", 202 + nth), Rules::default()).is_ok()
    };
    let enough = contacts.div_ceil(1_000) as usize;
    (0..700).filter(is_area).take(enough).collect()
}

/// The drops for which the PBX was asked to make a call, as they come.
fn dialled(sites: &[Site]) -> watch::Receiver<BTreeSet<DropId>> {
    let (seen, dialled) = watch::channel(BTreeSet::new());
    for site in sites {
        let seen = seen.clone();
        site.program.fake.with(|world| {
            world.witness = Some(Box::new(move |entry| {
                if let What::Request {
                    kind: fault::Kind::Originate,
                    channel: Some(channel),
                    ..
                } = &entry.what
                    && let Ok(id) = channel.parse::<ChannelId>()
                {
                    seen.send_modify(|seen| {
                        seen.insert(id.drop);
                    });
                }
            }));
        });
    }
    dialled
}

/// Reads on from the last number until it is over, and nothing is left.
fn read(store: Store, is_over: watch::Receiver<bool>) -> JoinHandle<Vec<LoggedEvent>> {
    tokio::spawn(async move {
        let (mut last, mut seen) = (0, Vec::new());
        let mut looks = interval(Duration::from_millis(20));
        loop {
            looks.tick().await;
            let was_over = *is_over.borrow();
            let filter = EventFilter::default();
            // The database is one of what dies.
            let Ok((events, _)) = store.events(last, &filter, 500).await else {
                continue;
            };
            for event in &events {
                assert!(event.sequence > last, "{} behind {last}", event.sequence);
                last = event.sequence;
            }
            if events.is_empty() && was_over {
                store.close().await;
                return seen;
            }
            seen.extend(events);
        }
    })
}

/// What was told of each drop.
fn lives(seen: &[LoggedEvent]) -> BTreeMap<DropId, Vec<EventKind>> {
    let mut lives: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in seen {
        if let (Some(drop), Some(kind)) = (&event.drop, event.kind) {
            lives.entry(drop.id).or_default().push(kind);
        }
    }
    lives
}

async fn until_complete(store: &Store) {
    let looking = async {
        let mut looks = interval(Duration::from_millis(50));
        loop {
            looks.tick().await;
            let campaign = store.campaign("storm").await;
            if campaign.is_ok_and(|found| found.unwrap().status == Status::Complete) {
                return;
            }
        }
    };
    timeout(3 * PATIENCE, looking)
        .await
        .expect("it never completes");
}

/// How long anything here may take to show.
const PATIENCE: Duration = Duration::from_secs(60);
