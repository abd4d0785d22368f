//! What stops intents holds from its return on, and is soon done, however many controllers write.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use aftertone::{
    campaign::engine::{Contact, InFlight},
    store::{ControllerLease, ListName, OWN_LIST, OperatorCommand, Store, Write, Written},
};
use jiff::Timestamp;
use libtest_mimic::Trial;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    base::{Base, Kind, OwnServer, Server},
    fixture::{self, Fixture, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        [Kind::Postgres],
        a_pause_passes_fifty_controllers,
        a_pause_of_an_earlier_version_passes_fifty_controllers,
        a_bar_passes_fifty_controllers,
        a_bar_of_an_earlier_version_passes_fifty_controllers,
        what_stops_intents_waits_for_those_of_an_earlier_version,
    )
}

async fn a_pause_passes_fifty_controllers(_: &Base) {
    let crowd = Crowd::of_contacts("pause").await;
    let store = crowd.base.open().await;
    let (id, now) = (crowd.fixture.campaign, crowd.fixture.start);
    // It is connected.
    store.campaigns(0).await.unwrap();
    crowd.busy().await;
    let before = crowd.written.load(Ordering::SeqCst);
    let pause = OperatorCommand::Pause(InFlight::Finish);
    store.order(id, pause, now).await.unwrap();
    crowd.stopped(before).await;
}

async fn a_pause_of_an_earlier_version_passes_fifty_controllers(_: &Base) {
    let crowd = Crowd::of_contacts("old-pause").await;
    let mut connection = crowd.base.postgres().await;
    crowd.busy().await;
    let before = crowd.written.load(Ordering::SeqCst);
    let id = crowd.fixture.campaign;
    let pause = AssertSqlSafe(format!(
        "BEGIN; UPDATE counters SET value = value + 1 WHERE name = 'campaign'; \
         SELECT id FROM campaigns WHERE id = {id} FOR NO KEY UPDATE; \
         UPDATE campaigns SET standing = 'paused', version = version + 1000 WHERE id = {id}; COMMIT"
    ));
    sqlx::raw_sql(pause).execute(&mut connection).await.unwrap();
    crowd.stopped(before).await;
}

async fn a_bar_passes_fifty_controllers(_: &Base) {
    let crowd = Crowd::of_numbers("bar").await;
    let store = crowd.base.open().await;
    store.campaigns(0).await.unwrap();
    crowd.busy().await;
    let before = crowd.written.load(Ordering::SeqCst);
    let own = ListName::new(OWN_LIST).unwrap();
    let numbers: Vec<_> = (0..CONTROLLERS).map(number).collect();
    let now = Timestamp::now();
    let barred = store.bar(&own, &numbers, None, now).await.unwrap();
    assert_eq!(barred, CONTROLLERS as u64);
    crowd.stopped(before).await;
}

async fn a_bar_of_an_earlier_version_passes_fifty_controllers(_: &Base) {
    let crowd = Crowd::of_numbers("old-bar").await;
    let mut connection = crowd.base.postgres().await;
    crowd.busy().await;
    let before = crowd.written.load(Ordering::SeqCst);
    let first = fixture::digits(0);
    let bar = AssertSqlSafe(format!(
        "BEGIN; INSERT INTO lists (name, created_at) VALUES ('own', 0); \
         INSERT INTO do_not_call (number, list, at) SELECT {first} + n, lists.id, 0 \
         FROM lists, generate_series(0, {CONTROLLERS} - 1) AS n; \
         UPDATE counters SET value = value + 1 WHERE name = 'do_not_call'; COMMIT"
    ));
    sqlx::raw_sql(bar).execute(&mut connection).await.unwrap();
    crowd.stopped(before).await;
}

/// These share rows, and know nothing of the locks.
async fn what_stops_intents_waits_for_those_of_an_earlier_version(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let mut old = base.postgres().await;
    let id = fixture.campaign;
    let share = AssertSqlSafe(format!(
        "BEGIN; SELECT standing FROM campaigns WHERE id = {id} FOR SHARE; \
         SELECT value FROM counters WHERE name = 'do_not_call' FOR SHARE"
    ));
    sqlx::raw_sql(share).execute(&mut old).await.unwrap();
    let (store, now) = (fixture.store.clone(), fixture.start);
    let bar = tokio::spawn(async move {
        let own = ListName::new(OWN_LIST).unwrap();
        store.bar(&own, &[number(0)], None, now).await.unwrap()
    });
    let store = fixture.store.clone();
    let pause = tokio::spawn(async move {
        let pause = OperatorCommand::Pause(InFlight::Finish);
        store.order(id, pause, now).await.unwrap()
    });
    let waiting = "SELECT CAST(count(*) AS TEXT) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while base.texts(waiting).await != ["2"] {
        tokio::task::yield_now().await;
    }
    assert!(!bar.is_finished() && !pause.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
    assert_eq!(bar.await.unwrap(), 1);
    pause.await.unwrap();
    old.close().await.unwrap();
}

/// Fifty controllers, each of which writes one intent after the other until it must not.
struct Crowd {
    base: Base,
    fixture: Fixture,
    tasks: JoinSet<()>,
    /// They begin together.
    begin: Arc<Barrier>,
    /// How many intents were written.
    written: Arc<AtomicUsize>,
    /// Set when what stops them has returned.
    returned: Arc<AtomicBool>,
    _server: OwnServer,
}

impl Crowd {
    /// They dial the contacts of one campaign.
    async fn of_contacts(name: &str) -> Self {
        let mut crowd = Self::new(name, CONTROLLERS * EACH).await;
        let id = crowd.fixture.campaign;
        let stores = crowd.stores().await;
        for nth in 0..CONTROLLERS {
            let store = stores[nth % STORES].clone();
            let holder = fixture::controller(&store, &format!("run{nth}")).await;
            let (leased, _) = fixture::lease(&store, &holder, id, EACH, crowd.fixture.start).await;
            assert_eq!(leased.len(), EACH);
            let drop = |contact: &Contact| u128::from(contact.id.0.unsigned_abs());
            let writes = leased.iter();
            let writes = writes.map(|contact| fixture::start(id, contact, drop(contact)));
            crowd.add(store, holder, writes.collect());
        }
        crowd
    }

    /// Each dials a number of its own, outside any campaign.
    async fn of_numbers(name: &str) -> Self {
        let mut crowd = Self::new(name, 0).await;
        let stores = crowd.stores().await;
        for nth in 0..CONTROLLERS {
            let store = stores[nth % STORES].clone();
            let holder = fixture::controller(&store, &format!("run{nth}")).await;
            let writes = (0..EACH).map(|each| {
                let drop = (nth * EACH + each + 1) as u128;
                Write::Start(Box::new(fixture::intent(None, number(nth), drop)))
            });
            crowd.add(store, holder, writes.collect());
        }
        crowd
    }

    async fn new(name: &str, contacts: usize) -> Self {
        let server = OwnServer::up(&format!("locks-{name}"));
        let base = Base::on(Some(&server.url)).await;
        Self {
            fixture: Fixture::of(&base, contacts).await,
            base,
            tasks: JoinSet::new(),
            begin: Arc::new(Barrier::new(CONTROLLERS + 1)),
            written: Arc::default(),
            returned: Arc::default(),
            _server: server,
        }
    }

    /// So many that each controller has a connection, and no more than the server takes.
    async fn stores(&self) -> Vec<Store> {
        let mut stores = Vec::new();
        for _ in 0..STORES {
            stores.push(self.base.open().await);
        }
        stores
    }

    fn add(&mut self, store: Store, holder: ControllerLease, writes: Vec<Write>) {
        let (written, returned) = (Arc::clone(&self.written), Arc::clone(&self.returned));
        let (begin, now) = (Arc::clone(&self.begin), self.fixture.start);
        self.tasks.spawn(async move {
            begin.wait().await;
            let mut stopped = 0;
            let mut writes = writes.into_iter().peekable();
            while let Some(write) = writes.peek() {
                let is_after = returned.load(Ordering::SeqCst);
                let write = std::slice::from_ref(write);
                let what = store.commit(&holder, write, now).await.unwrap();
                match what.as_slice() {
                    [Written::Applied] => {
                        assert!(!is_after);
                        written.fetch_add(1, Ordering::SeqCst);
                        writes.next();
                    }
                    [Written::Fenced | Written::OnDoNotCallList(_)] if is_after => stopped += 1,
                    [Written::Fenced | Written::OnDoNotCallList(_)] => {}
                    other => panic!("{other:?}"),
                }
                if stopped == 2 {
                    return;
                }
            }
            panic!("so many intents passed that none are left");
        });
    }

    /// Lets them begin, and waits until they have written some.
    async fn busy(&self) {
        self.begin.wait().await;
        while self.written.load(Ordering::SeqCst) < 2 * CONTROLLERS {
            tokio::task::yield_now().await;
        }
    }

    /// What stops them has returned: `before` intents were written before it was asked for.
    async fn stopped(mut self, before: usize) {
        let passed = self.written.load(Ordering::SeqCst) - before;
        let drops = self.drops().await;
        self.returned.store(true, Ordering::SeqCst);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        assert_eq!(self.drops().await, drops, "intents came after the return");
        assert!(
            passed <= 2 * CONTROLLERS,
            "{passed} intents passed between the request and its return"
        );
        assert_eq!(self.fixture.store.recount().await.unwrap(), 0);
        self.base.remove().await;
    }

    async fn drops(&self) -> BTreeSet<String> {
        let drops = self.base.texts("SELECT id FROM drops").await;
        drops.into_iter().collect()
    }
}

const CONTROLLERS: usize = 50;

/// A store has eight connections.
const STORES: usize = 7;

/// How many intents each could write.
const EACH: usize = 100;
