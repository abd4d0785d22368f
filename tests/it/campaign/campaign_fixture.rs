//! The program with a store: campaigns in it, a controller beside it, and what must be true of all that were called.

use std::{collections::BTreeMap, fs, ops::Range, process::Stdio, sync::Arc, time::Duration};

use aftertone::{
    campaign::{
        engine::CampaignId,
        pace::Rate,
        policy::{CallingPlace, CampaignKind},
        retry::RetryRules,
    },
    config::Config,
    controller::{Controller, ControllerError, Ended, Selection},
    drop::Outcome,
    id::RunName,
    orders::{Spec, View},
    phone::{PhoneNumber, Rules},
    store::{
        Across, DatabaseAddress, NewCampaign, NewContact, OperatorCommand, Registration, Source,
        Store, Tally,
    },
};
use jiff::Timestamp;
use tokio::{
    process::Child,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    fake::{World, fault::Kind, log::What, script::Script, wire::ASTERISK_ID},
    program::{Program, pbx},
};

/// Another controller of the program's instance.
pub(crate) fn registration(fixture: &CampaignFixture, run: &RunName) -> Registration {
    let url = fixture.program.fake.url();
    let port = url.rsplit(':').next().unwrap();
    Registration {
        run: run.clone(),
        pbx: "aftertone".to_owned(),
        identity: format!("{ASTERISK_ID}:{port}"),
        marker: None,
        trunk: "other".to_owned(),
        rate: Rate::new(50, Duration::from_secs(1)).unwrap(),
        in_flight: 20,
        is_single: false,
    }
}

/// A fake PBX, a store, and the configuration for both.
pub(crate) struct CampaignFixture {
    pub(crate) program: Program,
    pub(crate) store: Store,
}

impl CampaignFixture {
    pub(crate) async fn new(script: Script) -> Self {
        let program = Program::new(pbx(script)).await;
        let path = program.path("aftertone.toml");
        let text = fs::read_to_string(&path).unwrap();
        let sections = "[trunk]\nstarts_per_second = 50\nin_flight = 20\ncancelled = \"none\"\nshort = \"none\"\npeople = \"none\"\n\
             [screen]";
        fs::write(&path, text.replacen("[screen]", sections, 1)).unwrap();
        let place = DatabaseAddress::Sqlite(program.path("aftertone.db"));
        let store = Store::open(&place).await.unwrap();
        Self { program, store }
    }

    /// Replaces the trunk's rate and room.
    pub(crate) fn trunk(&self, lines: &str) {
        let path = self.program.path("aftertone.toml");
        let text = fs::read_to_string(&path).unwrap();
        let changed = text.replacen("starts_per_second = 50\nin_flight = 20", lines, 1);
        assert_ne!(changed, text);
        fs::write(&path, changed).unwrap();
    }

    /// Numbers that end in these digits do this.
    pub(crate) fn script(&self, ending: &str, script: Script) {
        self.program.fake.with(|world| {
            world.settings.scripts.insert(ending.to_owned(), script);
        });
    }

    /// A campaign of so many contacts, each of which has one attempt.
    pub(crate) async fn campaign(&self, name: &str, contacts: u32) -> CampaignId {
        self.campaign_with(name, contacts, |_| ()).await
    }

    pub(crate) async fn campaign_of(&self, name: &str, contacts: Range<u32>) -> CampaignId {
        let id = self.campaign_with(name, 0, |_| ()).await;
        self.add(id, "list", contacts).await;
        id
    }

    pub(crate) async fn campaign_with(
        &self,
        name: &str,
        contacts: u32,
        change: impl FnOnce(&mut Spec),
    ) -> CampaignId {
        let new = informational(name, change);
        let campaign = self.store.create_campaign(&new, now()).await.unwrap();
        start(&self.store, campaign.id).await;
        // Each campaign has an area code of its own.
        let first = u32::try_from(campaign.id.0).unwrap() * 1_000;
        if contacts > 0 {
            self.add(campaign.id, "list", first..first + contacts).await;
        }
        campaign.id
    }

    pub(crate) async fn add(&self, id: CampaignId, list: &str, contacts: Range<u32>) {
        add_contacts(&self.store, id, list, contacts).await;
    }

    pub(crate) async fn open(&self, which: Selection) -> Result<Controller, ControllerError> {
        self.open_as(which, |_| ()).await
    }

    /// A controller of another configuration.
    pub(crate) async fn open_as(
        &self,
        which: Selection,
        change: impl FnOnce(&mut Config),
    ) -> Result<Controller, ControllerError> {
        self.open_with(&self.store, which, change).await
    }

    /// A controller of this PBX, with this store.
    pub(crate) async fn open_with(
        &self,
        store: &Store,
        which: Selection,
        change: impl FnOnce(&mut Config),
    ) -> Result<Controller, ControllerError> {
        let mut config = Config::load(Some(&self.program.path("aftertone.toml"))).unwrap();
        change(&mut config);
        Controller::open(&config, store.clone(), which).await
    }

    /// A controller in a process of its own.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let arguments = [&["campaign", "run"], arguments].concat();
        let mut command = self.program.command(&arguments);
        // Nothing reads it while it runs, and a full pipe would hold it up.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    pub(crate) async fn tally(&self, name: &str) -> Tally {
        let campaign = self.store.campaign(name).await.unwrap().unwrap();
        self.store.tally(campaign.id).await.unwrap()
    }

    pub(crate) fn requests(&self, of: Kind) -> usize {
        self.program.fake.with(|world| {
            let those = world.log.iter().filter(|entry| entry.is_request(of));
            those.count()
        })
    }

    /// Waits until so many calls were made in all.
    pub(crate) async fn until_dialled(&self, calls: usize) {
        let enough = |world: &mut World| {
            let those = world.log.iter().filter(|e| e.is_request(Kind::Originate));
            (those.count() >= calls).then_some(())
        };
        self.program.fake.until("calls", enough).await;
    }

    pub(crate) async fn until_view(
        &self,
        view: &mut watch::Receiver<View>,
        fits: impl FnMut(&View) -> bool,
    ) -> View {
        let seen = timeout(PATIENCE, view.wait_for(fits)).await;
        seen.expect("no such view ever").unwrap().clone()
    }

    /// Everybody has this outcome, and was called once: one busy leg, one drop leg.
    pub(crate) async fn assert_each(&self, contacts: u64, outcome: &str) {
        let mut all: BTreeMap<Outcome, u64> = BTreeMap::new();
        for row in self.store.campaigns(0).await.unwrap() {
            for (outcome, count) in self.store.tally(row.id).await.unwrap().outcomes {
                *all.entry(outcome).or_default() += count;
            }
        }
        let told: Vec<_> = all.iter().map(|(o, n)| (o.slug(), *n)).collect();
        assert_eq!(told, [(outcome, contacts)]);
        self.assert_no_contact_twice();
        let called = self.program.fake.with(|world| calls(world).len());
        assert_eq!(called as u64, contacts);
        self.assert_nothing_up();
    }

    /// No number saw more than one busy leg and one drop leg.
    pub(crate) fn assert_no_contact_twice(&self) {
        let calls = self.program.fake.with(|world| calls(world));
        for (endpoint, legs) in calls {
            let twice = legs.values().any(|&count| count > 1);
            assert!(
                !twice,
                "{endpoint}: {legs:?}\n{}",
                self.program.fake.ladder()
            );
        }
    }

    pub(crate) fn assert_nothing_up(&self) {
        let up: Vec<_> = self
            .program
            .fake
            .with(|world| world.channels.keys().cloned().collect());
        assert!(up.is_empty(), "{up:?}");
    }

    /// When the PBX saw the first call of each drop come.
    pub(crate) fn first_calls(&self) -> Vec<Instant> {
        self.program.fake.with(|world| {
            let busy = world.log.iter().filter(|entry| match &entry.what {
                What::Request {
                    kind: Kind::Originate,
                    channel,
                    ..
                } => channel.as_deref().is_some_and(|id| id.ends_with("-busy")),
                What::Request { .. } | What::Event { .. } => false,
            });
            busy.map(|entry| entry.at).collect()
        })
    }

    /// Never more first calls than `starts` within `span`, as the PBX saw them come; it sees them a little apart from how
    /// they left.
    pub(crate) fn assert_pace(&self, starts: usize, span: Duration) {
        let times = self.first_calls();
        for window in times.windows(starts + 1) {
            let took = window[starts].duration_since(window[0]);
            let least = span - Duration::from_millis(60);
            assert!(took >= least, "{} starts within {took:?}", starts + 1);
        }
    }
}

/// A campaign in which each contact has one attempt of two calls.
pub(crate) fn informational(name: &str, change: impl FnOnce(&mut Spec)) -> NewCampaign {
    let mut spec = Spec::new(CampaignKind::Informational, "sound:hello-world");
    spec.retry = RetryRules::none();
    spec.technique = aftertone::campaign::budget::TechniqueRule::Double;
    spec.stop_on = None;
    change(&mut spec);
    NewCampaign {
        name: name.to_owned(),
        spec: spec.to_json(),
    }
}

/// Starts a campaign.
pub(crate) async fn start(store: &Store, id: CampaignId) {
    let started = store.order(id, OperatorCommand::Resume, now()).await;
    started.unwrap();
}

/// Adds these numbers to a campaign, as a list of its own.
pub(crate) async fn add_contacts(store: &Store, id: CampaignId, list: &str, contacts: Range<u32>) {
    let source = Source {
        name: list.to_owned(),
        size: 1,
        digest: format!("{list} of {id}"),
    };
    let mut importing = store.begin_import(id, &source, now()).await.unwrap();
    (importing.bytes, importing.is_complete) = (1, true);
    let contacts: Vec<_> = contacts
        .map(|nth| NewContact {
            line: u64::from(nth) + 2,
            number: number(nth),
            name: None,
            zone: None,
            state: None,
            place: CallingPlace::of(&number(nth), None, None).map(Arc::new),
            consent: None,
            message: None,
            foreign_id: None,
            others: BTreeMap::new(),
        })
        .collect();
    let added = store.add_contacts(&importing, Across::Allow, &contacts, now());
    assert_eq!(added.await.unwrap().added, contacts.len() as u64);
}

/// How a controller ended, which it does.
pub(crate) async fn end_of(
    running: JoinHandle<Result<Ended, ControllerError>>,
) -> Result<Ended, ControllerError> {
    let ended = timeout(2 * PATIENCE, running).await;
    ended.expect("it never ended").unwrap()
}

/// The legs that were originated, by the endpoint that was dialled and the kind of leg.
fn calls(world: &World) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut calls: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for entry in &world.log {
        let What::Request {
            kind: Kind::Originate,
            channel: Some(channel),
            body,
            ..
        } = &entry.what
        else {
            continue;
        };
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let endpoint = body["endpoint"].as_str().unwrap().to_owned();
        let leg = channel.rsplit('-').next().unwrap().to_owned();
        *calls.entry(endpoint).or_default().entry(leg).or_default() += 1;
    }
    calls
}

/// A fictional number: thousands are area codes.
pub(crate) fn number(nth: u32) -> PhoneNumber {
    let area = 202 + nth / 1_000;
    let text = format!("+1{area}555{:04}", 100 + nth % 1_000);
    PhoneNumber::parse(&text, Rules::default()).unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// How long anything here may take to show.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
