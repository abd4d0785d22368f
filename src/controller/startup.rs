//! The beginning of a controller, in the order in which nothing is forgotten.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use jiff::{Timestamp, tz::TimeZone};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinSet, spawn_blocking},
};
use tracing::{info, warn};

use super::{
    Controller, ControllerError, Selection,
    app_lock::AppLock,
    control_loop::{Begin, ControlLoop},
    gate::{self, CampaignGate},
    lease::{self, OrphanRescuer},
    messages::{Messages, Uses},
    status::Notes,
    store_writer::StoreWriter,
    worker::DropWorker,
};
use crate::{
    audio::Library,
    campaign::{
        caller::CallerIds,
        engine::{CampaignId, CampaignSettings, Engine, Event, PbxId},
        pace::Rate,
    },
    clock::{self, Steady},
    config::{Config, ScreenMode},
    drop::Mode,
    error_chain::chain,
    evidence::{Archive, RetentionLimits},
    id::RunName,
    orders::Spec,
    runtime::{
        Session, TrunkState,
        session::{App, Claim, app_of_instance},
    },
    store::{
        Campaign, ControllerLease, OperatorCommand, Orphan, Standing, Store, StoreError, Tally,
    },
};

/// The one PBX of a controller, in the engine's numbering.
pub(super) const PBX: PbxId = PbxId(0);

/// A campaign as the loop takes it up: its row, and what the store knows of its past.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) row: Campaign,
    pub(super) spec: Spec,
    pub(super) settings: CampaignSettings,
    pub(super) tally: Tally,
    /// Groups of contacts that wait.
    pub(super) waiting: Vec<Event>,
}

impl Controller {
    /// Begins: takes the app's lock, the lease and the run's own lock; adopts what dead controllers have left; reaches the
    /// PBX and has their calls ended there. Nothing is dialled before [`Self::run`].
    ///
    /// # Errors
    /// [`ControllerError`]; nothing is left behind then but what was adopted, which the next one finds.
    pub async fn open(
        config: &Config,
        store: Store,
        which: Selection,
    ) -> Result<Self, ControllerError> {
        let clock = Arc::new(Steady::start());
        let app = app_of_instance(config);
        let lock = AppLock::take(&config.state_dir, config.pbx.url.as_str(), &app)?;
        gate::warn_of_what_is_off(&config.gate);
        let rows = wanted(&store, &which, clock.now()).await?;
        let mut campaigns = Vec::new();
        for row in rows {
            campaigns.push(prepare(&store, row, clock.now()).await?);
        }
        let mut config = config.clone();
        let listens = |campaign: &Prepared| campaign.spec.screen == Some(Mode::Listen);
        if campaigns.iter().any(listens) {
            config.screen.mode = ScreenMode::Listen;
        }
        let library = Library::new(&config.pbx.sounds_dir, &config.pbx.pbx_sounds_dir);
        let library = library.map_err(ControllerError::Library)?;
        let archive = archive(&config).await?;
        let renewed = clock::now();
        let Boarded {
            session,
            holder,
            orphans,
        } = Boarded::new(&config, &store, &clock).await?;
        let begun = Begun {
            config,
            clock,
            store,
            holder,
            renewed,
            archive,
            library,
            which,
        };
        match begun.past(&campaigns).await {
            Ok(past) => Ok(begun
                .into_controller(session, campaigns, orphans, past, lock)
                .await),
            Err(error) => {
                let _ = session.close().await;
                Err(error.into())
            }
        }
    }
}

/// A run that is known to the store and to the PBX.
struct Boarded {
    session: Session,
    holder: ControllerLease,
    orphans: Vec<Orphan>,
}

impl Boarded {
    async fn new(config: &Config, store: &Store, clock: &Steady) -> Result<Self, ControllerError> {
        let claim = Claim::new(config)?;
        let lease = async {
            let holder = store
                .begin_controller(claim.run(), &config.instance, clock.now())
                .await?;
            // Before the session's own sweep forgets them. What is adopted here is ours for good.
            let dead: Vec<RunName> = claim.dead()?;
            let orphans = store.adopt(&holder, &dead, clock.now()).await?;
            Ok::<_, ControllerError>((holder, orphans))
        };
        let (holder, orphans) = match lease.await {
            Ok(leased) => leased,
            Err(error) => {
                claim.abandon();
                return Err(error);
            }
        };
        let app = App::OfTheInstance(app_of_instance(config));
        match claim.open(config, app).await {
            Ok(session) => Ok(Self {
                session,
                holder,
                orphans,
            }),
            Err(error) => {
                // What was adopted is without a controller again.
                if let Err(error) = store.end_controller(&holder, clock.now()).await {
                    warn!(
                        error = chain(&error),
                        "the lease was not given back; it ends by itself"
                    );
                }
                Err(error.into())
            }
        }
    }
}

/// What there is once all is reached.
struct Begun {
    config: Config,
    clock: Arc<Steady>,
    store: Store,
    holder: ControllerLease,
    /// When the lease was not asked for yet.
    renewed: Instant,
    archive: Option<Archive>,
    library: Library,
    which: Selection,
}

impl Begun {
    /// What the trunk has seen that still counts, in the order in which the engine wants it.
    async fn past(&self, campaigns: &[Prepared]) -> Result<Vec<Event>, StoreError> {
        let now = self.clock.now();
        let own = campaigns.iter().filter_map(|c| c.settings.rate);
        let rates = own.chain([self.config.trunk.rate]);
        let span = rates.map(Rate::per).max().unwrap_or_default();
        let since = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
        let pbx = &self.holder.pbx;
        let starts = self.store.recent_starts(pbx, since(span)).await?;
        let started = starts.into_iter().map(|start| Event::Started {
            campaign: start.campaign.unwrap_or(OF_NO_CAMPAIGN),
            pbx: PBX,
            at: start.at,
        });
        let window = self.config.trunk.limits.window;
        let calls = self.store.recent_calls(pbx, since(window), None).await?;
        let called = calls.into_iter().map(|called| Event::Called {
            pbx: PBX,
            calls: called.calls,
            at: called.at,
        });
        Ok(started.chain(called).collect())
    }

    async fn into_controller(
        self,
        session: Session,
        campaigns: Vec<Prepared>,
        orphans: Vec<Orphan>,
        past: Vec<Event>,
        lock: AppLock,
    ) -> Controller {
        let Self {
            config,
            clock,
            store,
            holder,
            renewed,
            archive,
            library,
            which,
        } = self;
        let (happened, happens) = mpsc::unbounded_channel();
        let (wanted, wanted_in) = mpsc::unbounded_channel();
        let gate = CampaignGate::new(config.gate.clone());
        let history = gate.history();
        let store_writer = StoreWriter {
            store: store.clone(),
            holder: holder.clone(),
            history,
            clock: Arc::clone(&clock),
            wanted: wanted_in,
            happened: happened.clone(),
        };
        let mut helpers = JoinSet::new();
        helpers.spawn(lease::keep(
            store.clone(),
            holder.clone(),
            Arc::clone(&clock),
            happened.clone(),
        ));
        let mut ended = lease::end_calls(&session.reconciler(), &orphans).await;
        // What was up when the session began, its own sweep has hung up before.
        ended.alive.extend(session.swept().iter().cloned());
        let rescuer = OrphanRescuer {
            store: store.clone(),
            holder: holder.clone(),
            reconciler: session.reconciler(),
            clock: Arc::clone(&clock),
            happened: happened.clone(),
            stuck: ended.stuck.clone(),
        };
        helpers.spawn(rescuer.work());
        let listens = config.screen.mode == ScreenMode::Listen;
        let uses = Uses {
            echo: listens,
            samples: listens || archive.is_some(),
        };
        let probe = session.trunk();
        let (line_told, line) = watch::channel(probe.ask().await.unwrap_or(TrunkState::Usable));
        helpers.spawn(probe.clone().watch(line_told));
        let trunk = config.trunk.clone();
        let drop_worker = DropWorker {
            config,
            run: session.run().clone(),
            orders: session.orders(),
            link: session.link(),
            trunk: probe,
            archive,
            happened: happened.clone(),
        };
        let now = clock.now();
        let mut engine = Engine::new(gate, now);
        engine.set_pbx(PBX, &trunk, now);
        let (notes, noted) = Notes::new(Arc::clone(&clock));
        let (shown, view) = watch::channel(super::status::nothing(now));
        info!(run = %session.run(), campaigns = campaigns.len(), "campaigns are run");
        let steer = ControlLoop::begin(Begin {
            engine,
            clock,
            store: store.clone(),
            drop_worker: Arc::new(drop_worker),
            messages: Messages::new(library, uses),
            link: session.link(),
            line,
            wanted,
            happened: happened.clone(),
            happens,
            notes,
            shown,
            takes_up: which == Selection::All,
            rate: trunk.rate,
            renewed,
            campaigns,
            found: (orphans, ended),
            past,
        });
        Controller {
            steer,
            session,
            store,
            holder,
            store_writer: tokio::spawn(store_writer.work()),
            helpers,
            view,
            orders: happened,
            notes: Some(noted),
            _app: lock,
        }
    }
}

/// The rows of the campaigns that are to be run.
async fn wanted(
    store: &Store,
    which: &Selection,
    now: Timestamp,
) -> Result<Vec<Campaign>, ControllerError> {
    match which {
        Selection::All => {
            let rows = store.campaigns(0).await?;
            Ok(rows
                .into_iter()
                .filter(|row| !is_over(row.standing))
                .collect())
        }
        Selection::Names(names) => {
            let mut rows = Vec::new();
            // Each once, however often it is named.
            for name in names.iter().collect::<BTreeSet<_>>() {
                let row = store.campaign(name).await?;
                let row = row.ok_or_else(|| ControllerError::NoCampaign { name: name.clone() })?;
                rows.push(match row.standing {
                    // Who names it wants it to run: contacts may have been added since, or its dates changed.
                    Standing::Complete | Standing::DatesOver => {
                        store.order(row.id, OperatorCommand::Resume, now).await?
                    }
                    Standing::Running
                    | Standing::Paused
                    | Standing::Cancelling
                    | Standing::Cancelled => row,
                });
            }
            Ok(rows)
        }
    }
}

/// Whether there is nothing to do for a campaign unless somebody wishes it.
pub(super) const fn is_over(standing: Standing) -> bool {
    match standing {
        Standing::Running | Standing::Paused | Standing::Cancelling => false,
        Standing::Complete | Standing::Cancelled | Standing::DatesOver => true,
    }
}

/// Reads what the loop needs of a campaign.
///
/// # Errors
/// [`ControllerError`] where it cannot be carried out as it is ordered, or the store does not tell.
pub(super) async fn prepare(
    store: &Store,
    row: Campaign,
    now: Timestamp,
) -> Result<Prepared, ControllerError> {
    let wrong = |source| ControllerError::Spec {
        name: row.name.clone(),
        source,
    };
    let spec = Spec::from_json(&row.spec).map_err(wrong)?;
    let mut settings = spec.settings().map_err(wrong)?;
    match &mut settings.caller_ids {
        CallerIds::Fixed(_) => {}
        CallerIds::ByAreaCode(pool) | CallerIds::LeastUsed(pool) => {
            for (number, calls) in store.caller_ids_used(row.id).await? {
                pool.note_used(&number, calls);
            }
        }
    }
    let groups = store.waiting(row.id, now).await?;
    let waiting = groups.into_iter().map(|group| Event::Waiting {
        campaign: row.id,
        reason: group.reason,
        until: group.until,
        zone: group.zone.and_then(|zone| TimeZone::get(&zone).ok()),
        contacts: group.contacts,
    });
    let waiting = waiting.collect();
    Ok(Prepared {
        spec,
        settings,
        tally: store.tally(row.id).await?,
        waiting,
        row,
    })
}

async fn archive(config: &Config) -> Result<Option<Archive>, ControllerError> {
    let Some(dir) = config.evidence.dir.clone() else {
        return Ok(None);
    };
    let limits = RetentionLimits {
        max_age: config.evidence.max_age,
        max_size: config.evidence.max_size,
    };
    let opened = spawn_blocking(move || Archive::open(&dir, limits, clock::wall()));
    match opened.await {
        Ok(opened) => opened.map(Some).map_err(ControllerError::Evidence),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Stands for starts of drops that belong to no campaign: they count for the PBX alone.
const OF_NO_CAMPAIGN: CampaignId = CampaignId(i64::MIN);
