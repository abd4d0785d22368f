//! `aftertone serve` killed again and again while it dials: each drop ends once in the log of events, and who reads on from the last
//! number misses nothing.
//!
//! In a few seconds as a test; `make proof` has 20,000 drops and 200 kills, on either database.

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
    store::{Status, Store},
};
use tokio::{
    process::Child,
    sync::watch,
    task::JoinHandle,
    time::{interval, timeout},
};

use crate::{
    base::{Base, Kind, Server},
    campaign::campaign_fixture::{CampaignFixture, add_contacts},
    fake::{
        fault,
        log::What,
        script::{Call, Detector, Far, Playback, Script},
    },
    program::{Program, pbx, send_signal},
};

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    storm(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    storm(Kind::Postgres).await;
}

async fn storm(kind: Kind) {
    let (drops, kills) = match std::env::var_os("PROOF") {
        Some(_) => (20_000, 200),
        None => (320, 8),
    };
    let server = Server::default();
    let base = Base::fresh(kind, &server).await;
    let fixture = fixture(&base).await;
    let campaign = fixture
        .campaign_with("storm", 0, |spec| spec.technique = TechniqueRule::Single)
        .await;
    for (nth, thousand) in thousands(drops).into_iter().enumerate() {
        let first = 1_000 * thousand;
        let count = (drops - 1_000 * u32::try_from(nth).unwrap()).min(1_000);
        let list = format!("list {thousand}");
        add_contacts(&fixture.store, campaign, &list, first..first + count).await;
    }

    let mut dialled = dialled(&fixture);
    let (is_over, told) = watch::channel(false);
    let reader = read(base.open().await, told);
    for kill in 0..kills {
        let mut serving = serve(&fixture.program);
        // Each dials its share, half of all together, and is killed while some of it is in flight.
        let share = dialled.borrow().len() + usize::try_from(drops / kills / 2).unwrap();
        let enough = dialled.wait_for(|dialled| dialled.len() >= share);
        if timeout(PATIENCE, enough).await.is_err() {
            let tally = fixture.tally("storm").await;
            panic!("service {kill} dials no more: {tally:?}");
        }
        send_signal("KILL", &serving);
        serving.wait().await.unwrap();
    }
    let mut serving = serve(&fixture.program);
    until_complete(&fixture.store).await;
    send_signal("TERM", &serving);
    let ended = timeout(PATIENCE, serving.wait()).await;
    assert!(ended.expect("it never ends").unwrap().success());
    is_over.send_replace(true);
    let seen = reader.await.unwrap();

    let lives = lives(&seen);
    for (drop, kinds) in &lives {
        assert_eq!(kinds[0], EventKind::DropStarted, "{drop}: {kinds:?}");
        let ends = kinds.iter().filter(|kind| kind.ends_drop());
        assert_eq!(ends.count(), 1, "{drop}: {kinds:?}");
        assert!(kinds[kinds.len() - 1].ends_drop(), "{drop}: {kinds:?}");
    }
    // Whoever was called is in the log, once; whoever has an outcome was called.
    let dialled = dialled.borrow().clone();
    let unknown: Vec<_> = dialled
        .iter()
        .filter(|id| !lives.contains_key(id))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let tally = fixture.tally("storm").await;
    assert_eq!(
        tally.outcomes.values().sum::<u64>(),
        u64::from(drops),
        "{tally:?}"
    );
    let ended = lives
        .values()
        .filter(|kinds| kinds.contains(&EventKind::DropEnded));
    assert_eq!(ended.count() as u64, u64::from(drops), "{tally:?}");
    // It was killed while drops were in flight, and others came to their end.
    for outcome in [Outcome::Lost, Outcome::Delivered] {
        assert!(tally.outcomes.contains_key(&outcome), "{tally:?}");
    }
    let twice = fixture.program.fake.with(|world| {
        let calls = world.calls.iter().filter(|(_, calls)| **calls > 1);
        calls.map(|(number, _)| number.clone()).collect::<Vec<_>>()
    });
    assert!(twice.is_empty(), "{twice:?}");
    fixture.assert_nothing_up();
    fixture.store.close().await;
    base.remove().await;
}

/// A program on this database, whose drops are one call of half a second.
async fn fixture(base: &Base) -> CampaignFixture {
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
    let changed = text
        .replace(&own, &format!("url = \"{url}\""))
        .replacen("[store]\n", listen, 1);
    assert!(changed.contains(&url) && changed.contains(listen), "{text}");
    fs::write(&path, changed).unwrap();
    CampaignFixture {
        program,
        store: Store::open(&base.place()).await.unwrap(),
    }
}

fn serve(program: &Program) -> Child {
    let mut command = program.command(&["serve"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
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
fn dialled(fixture: &CampaignFixture) -> watch::Receiver<BTreeSet<DropId>> {
    let (seen, dialled) = watch::channel(BTreeSet::new());
    fixture.program.fake.with(|world| {
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
            let (events, _) = store.events(last, &filter, 500).await.unwrap();
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
            let campaign = store.campaign("storm").await.unwrap().unwrap();
            if campaign.status == Status::Complete {
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
