//! Several controllers, each with a PBX of its own, before one trunk: what the trunk and the campaign carry holds over all.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{collections::BTreeMap, fs, process::Stdio, time::Duration};

use aftertone::{
    campaign::{
        engine::{CampaignId, InFlight},
        pace::Rate,
    },
    orders::Spec,
    store::{DatabaseAddress, OperatorCommand, Store},
};
use tokio::{
    process::Child,
    time::{Instant, timeout},
};

use crate::{
    base::{Base, OwnServer},
    campaign::{
        campaign_fixture::{PATIENCE, add_contacts, informational, now, start},
        slow,
    },
    fake::{World, fault::Kind, log::What, script::Script},
    program::{Program, pbx, send_signal, wait},
};

/// Controllers on one database, which share a trunk.
struct Fleet {
    programs: Vec<Program>,
    controllers: Vec<Option<Child>>,
    store: Store,
    base: Base,
}

impl Fleet {
    /// So many, with these lines of `[trunk]`, in which `PBX` is the number of each.
    async fn of(size: usize, base: Base, trunk: &str, script: &Script) -> Self {
        let DatabaseAddress::Postgres(url) = base.place() else {
            unreachable!("a fleet is on PostgreSQL");
        };
        let url = secrecy::ExposeSecret::expose_secret(&url).to_owned();
        let mut programs = Vec::new();
        for nth in 0..size {
            let program = Program::new(pbx(script.clone())).await;
            let path = program.path("aftertone.toml");
            let text = fs::read_to_string(&path).unwrap();
            let sqlite = format!("sqlite:{}", program.path("aftertone.db").display());
            let text = text.replace(&sqlite, &url);
            let sections = format!(
                "[trunk]\n{}\ncancelled = \"none\"\nshort = \"none\"\npeople = \"none\"\n[screen]",
                trunk.replace("PBX", &nth.to_string())
            );
            let text = text.replacen("[screen]", &sections, 1);
            fs::write(&path, format!("instance = \"pbx{nth}\"\n{text}")).unwrap();
            programs.push(program);
        }
        let store = base.open().await;
        Self {
            controllers: programs.iter().map(|_| None).collect(),
            programs,
            store,
            base,
        }
    }

    fn start(&mut self, nth: usize) {
        let mut command = self.programs[nth].command(&["campaign", "run"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.controllers[nth] = Some(command.spawn().unwrap());
    }

    fn signal(&self, nth: usize, signal: &str) {
        send_signal(signal, self.controllers[nth].as_ref().unwrap());
    }

    async fn kill(&mut self, nth: usize) {
        let mut child = self.controllers[nth].take().unwrap();
        child.kill().await.unwrap();
    }

    /// The moments of all first calls so far, over all PBXes.
    fn starts(&self) -> Vec<Instant> {
        let mut starts: Vec<_> = self
            .programs
            .iter()
            .flat_map(|program| program.fake.with(|world| first_calls(world)))
            .collect();
        starts.sort_unstable();
        starts
    }

    /// Waits until so many drops were started over all PBXes.
    async fn until_started(&self, starts: usize) {
        self.until("starts", |fleet| fleet.starts().len() >= starts)
            .await;
    }

    async fn until(&self, what: &str, fits: impl Fn(&Self) -> bool) {
        let looking = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            while !fits(self) {
                ticks.tick().await;
            }
        };
        let found = timeout(6 * PATIENCE, looking).await;
        assert!(
            found.is_ok(),
            "never came: {what}; {} starts",
            self.starts().len()
        );
    }

    /// Waits until every contact has its outcome.
    async fn until_all_ended(&self, campaign: CampaignId, contacts: u32) {
        let all = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(50));
            loop {
                let tally = self.store.tally(campaign).await.unwrap();
                if tally.outcomes.values().sum::<u64>() == u64::from(contacts) {
                    return;
                }
                ticks.tick().await;
            }
        };
        timeout(6 * PATIENCE, all).await.expect("it never ends")
    }

    /// Never more starts than these within a second, but one.
    fn assert_rate(&self, starts: usize) {
        let times = self.starts();
        for window in times.windows(starts + 2) {
            let took = window[starts + 1].duration_since(window[0]);
            // The PBXes see them a little apart from how they left.
            let least = Duration::from_millis(940);
            assert!(took >= least, "{} starts within {took:?}", starts + 2);
        }
    }

    /// Never more drops up at once than these.
    fn assert_in_flight(&self, most: i64) {
        let mut changes: Vec<(Instant, i64)> = self
            .programs
            .iter()
            .flat_map(|program| program.fake.with(|world| lives(world)))
            .flat_map(|(began, ended)| [(began, 1)].into_iter().chain(ended.map(|at| (at, -1))))
            .collect();
        changes.sort_unstable();
        let mut up = 0;
        for (_, change) in changes {
            up += change;
            assert!(up <= most, "{up} drops are up");
        }
    }

    /// No number was rung twice, on whichever PBX.
    fn assert_nobody_twice(&self) {
        let mut all: BTreeMap<String, usize> = BTreeMap::new();
        for program in &self.programs {
            program.fake.with(|world| {
                for entry in &world.log {
                    if let What::Request {
                        kind: Kind::Originate,
                        channel: Some(channel),
                        body,
                        ..
                    } = &entry.what
                        && channel.ends_with("-drop")
                    {
                        let body: serde_json::Value = serde_json::from_str(body).unwrap();
                        *all.entry(body["endpoint"].to_string()).or_default() += 1;
                    }
                }
            });
        }
        let twice: Vec<_> = all.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    async fn end(self) {
        for child in self.controllers.into_iter().flatten() {
            send_signal("INT", &child);
            wait(child).await;
        }
        self.store.close().await;
        self.base.remove().await;
    }
}

/// When the first call of each drop came.
fn first_calls(world: &World) -> Vec<Instant> {
    lives(world).into_iter().map(|(began, _)| began).collect()
}

/// When the first call of each drop came, and when its last one was gone.
fn lives(world: &World) -> Vec<(Instant, Option<Instant>)> {
    let mut drops: BTreeMap<&str, (Instant, Option<Instant>)> = BTreeMap::new();
    let name = |channel: &str| {
        channel
            .rsplit_once('-')
            .is_some_and(|(_, leg)| leg == "busy" || leg == "drop")
    };
    for entry in &world.log {
        match &entry.what {
            What::Request {
                kind: Kind::Originate,
                channel: Some(channel),
                ..
            } if name(channel) => {
                let drop = channel.rsplit_once('-').unwrap().0;
                drops.entry(drop).or_insert((entry.at, None));
            }
            What::Event {
                kind: "ChannelDestroyed",
                channel: Some(channel),
                ..
            } if name(channel) => {
                let drop = channel.rsplit_once('-').unwrap().0;
                if let Some(life) = drops.get_mut(drop) {
                    life.1 = Some(entry.at);
                }
            }
            What::Request { .. } | What::Event { .. } => {}
        }
    }
    drops.into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_over_two_six_and_twelve_controllers() {
    let server = OwnServer::up("test-fleet");
    for size in [2, 6, 12] {
        let base = Base::on(Some(&server.url)).await;
        let trunk = "name = \"carrier\"\nstarts_per_second = 6\nin_flight = 5";
        let mut fleet = Fleet::of(size, base, trunk, &Script::mailbox()).await;
        let contacts = 48;
        let campaign = fleet
            .store
            .create_campaign(&informational("spring", |_| ()), now())
            .await;
        let campaign = campaign.unwrap().id;
        start(&fleet.store, campaign).await;
        add_contacts(&fleet.store, campaign, "list", 0..contacts).await;
        for nth in 1..size {
            fleet.start(nth);
        }
        fleet.until_started(6).await;
        // One stands still for a while, one dies, and two join late.
        fleet.start(0);
        fleet.signal(size - 1, "STOP");
        fleet.until_started(12).await;
        fleet.signal(size - 1, "CONT");
        fleet.until_started(18).await;
        fleet.kill(1).await;
        fleet.until_started(22).await;
        fleet.start(1);
        fleet.until_started(26).await;
        let pause = OperatorCommand::Pause(InFlight::Finish);
        fleet.store.order(campaign, pause, now()).await.unwrap();
        let paused = fleet.starts().len();
        fleet
            .until("rest", |fleet| {
                let up = |program: &Program| program.fake.with(|world| world.channels.len());
                fleet.programs.iter().all(|program| up(program) == 0)
            })
            .await;
        assert!(fleet.starts().len() <= paused + 8, "it goes on");
        fleet
            .store
            .order(campaign, OperatorCommand::Resume, now())
            .await
            .unwrap();
        fleet.until_all_ended(campaign, contacts).await;
        fleet.assert_nobody_twice();
        fleet.assert_rate(6);
        fleet.assert_in_flight(5);
        fleet.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_s_limits_hold_over_trunks() {
    let server = OwnServer::up("test-fleet");
    let base = Base::on(Some(&server.url)).await;
    let trunk = "name = \"carrier-PBX\"\nstarts_per_second = 50\nin_flight = 50";
    let mut fleet = Fleet::of(3, base, trunk, &Script::mailbox()).await;
    let limits = |spec: &mut Spec| {
        spec.rate = Rate::new(5, Duration::from_secs(1));
        spec.in_flight = Some(3);
    };
    let campaign = fleet
        .store
        .create_campaign(&informational("spring", limits), now())
        .await;
    let campaign = campaign.unwrap().id;
    start(&fleet.store, campaign).await;
    add_contacts(&fleet.store, campaign, "list", 0..30).await;
    for nth in 0..3 {
        fleet.start(nth);
    }
    fleet.until_all_ended(campaign, 30).await;
    fleet.assert_nobody_twice();
    fleet.assert_rate(5);
    fleet.assert_in_flight(3);
    let used = fleet.programs.iter().filter(|program| {
        let starts = program.fake.with(|world| first_calls(world).len());
        starts > 0
    });
    assert!(used.count() > 1, "one controller alone has done it");
    fleet.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_drop_waits_for_room_on_the_trunk() {
    let server = OwnServer::up("test-fleet");
    let base = Base::on(Some(&server.url)).await;
    let trunk = "name = \"carrier\"\nstarts_per_second = 50\nin_flight = 1";
    let mut fleet = Fleet::of(2, base, trunk, &slow()).await;
    let campaign = fleet
        .store
        .create_campaign(&informational("spring", |_| ()), now())
        .await;
    let campaign = campaign.unwrap().id;
    start(&fleet.store, campaign).await;
    add_contacts(&fleet.store, campaign, "list", 0..4).await;
    fleet.start(0);
    fleet.until_started(1).await;
    let ended = fleet.programs[1].drop(&[]).await;
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
    assert!(ended.stderr.contains("waiting for room"), "{ended:?}");
    fleet.until_all_ended(campaign, 4).await;
    fleet.assert_in_flight(1);
    fleet.end().await;
}
