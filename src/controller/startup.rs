//! The start of a controller, in the order in which nothing is forgotten.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::{info, warn};

use super::{
    Controller, ControllerError, PBX, Selection,
    app_lock::AppLock,
    campaign_table::{CampaignTable, PreparedCampaign},
    control_loop::{ControlLoop, Health, Past},
    evidence,
    gate::{self, CampaignGate},
    in_flight::InFlightTable,
    lease,
    messages::{Messages, Uses},
    rescuer::{self, OrphanRescuer},
    status::Reporter,
    store_writer::StoreIo,
    worker::DropWorker,
};
use crate::{
    audio::Library,
    campaign::{
        engine::{CampaignId, Engine, Event},
        pace::Rate,
    },
    clock::{self, Steady},
    config::{Config, ScreenMode},
    drop::Mode,
    error_chain::chain,
    id::RunName,
    runtime::{
        TrunkState,
        session::{App, Claim, app_of_instance},
    },
    store::{Campaign, ControllerLease, OperatorCommand, Orphan, Status, Store, StoreError},
};

impl Controller {
    /// Starts: takes the app's lock, the lease and the run's own lock; adopts what dead controllers have left; reaches the
    /// PBX and has their calls ended there. Nothing is dialled before [`Self::run`].
    ///
    /// # Errors
    /// [`ControllerError`]; nothing is left behind then but what was adopted, which the next controller finds.
    pub async fn open(
        config: &Config,
        store: Store,
        which: Selection,
    ) -> Result<Self, ControllerError> {
        let clock = Arc::new(Steady::start());
        let app = app_of_instance(config);
        let lock = AppLock::take(&config.state_dir, config.pbx.url.as_str(), &app)?;
        gate::warn_of_what_is_off(&config.gate);
        let mut campaigns = Vec::new();
        for row in selected(&store, &which, clock.now()).await? {
            campaigns.push(PreparedCampaign::read(&store, row, clock.now()).await?);
        }
        let config = with_listening(config, &campaigns);
        let library = Library::new(&config.pbx.sounds_dir, &config.pbx.pbx_sounds_dir);
        let library = library.map_err(ControllerError::Library)?;
        let archive = match config.evidence.dir.clone() {
            Some(dir) => {
                let opened = evidence::open(dir, &config).await;
                Some(opened.map_err(ControllerError::Evidence)?)
            }
            None => None,
        };

        let renewed = clock::now();
        let claim = Claim::new(&config)?;
        let (holder, orphans) = match lease_and_adopt(&config, &store, &claim, &clock).await {
            Ok(leased) => leased,
            Err(error) => {
                claim.abandon();
                return Err(error);
            }
        };
        let session = match claim.open(&config, App::OfTheInstance(app)).await {
            Ok(session) => session,
            Err(error) => {
                // What was adopted is without a controller again.
                if let Err(error) = store.end_controller(&holder, clock.now()).await {
                    warn!(
                        error = chain(&error),
                        "the lease was not given back; it ends by itself"
                    );
                }
                return Err(error.into());
            }
        };
        let events = match past_calls(&config, &store, &holder, &campaigns, clock.now()).await {
            Ok(events) => events,
            Err(error) => {
                let _ = session.close().await;
                return Err(error.into());
            }
        };

        let (to_loop, inputs) = mpsc::unbounded_channel();
        let gate = CampaignGate::new(config.gate.clone());
        let (store_io, store_writer) = StoreIo::new(
            store.clone(),
            holder.clone(),
            gate.rules().clone(),
            Arc::clone(&clock),
            to_loop.clone(),
        );
        let mut helpers = JoinSet::new();
        helpers.spawn(lease::keep(
            store.clone(),
            holder.clone(),
            Arc::clone(&clock),
            to_loop.clone(),
        ));
        let mut ended = rescuer::end_calls(&session.reconciler(), &orphans).await;
        // What was up when the session began, its own sweep has hung up before.
        ended.alive.extend(session.swept().iter().cloned());
        let rescuer = OrphanRescuer {
            store: store.clone(),
            holder: holder.clone(),
            reconciler: session.reconciler(),
            clock: Arc::clone(&clock),
            inputs: to_loop.clone(),
            stuck: ended.stuck.clone(),
        };
        helpers.spawn(rescuer.work());
        let probe = session.trunk();
        let (trunk_changes, trunk) =
            watch::channel(probe.ask().await.unwrap_or(TrunkState::Usable));
        helpers.spawn(probe.clone().watch(trunk_changes));

        let listens = config.screen.mode == ScreenMode::Listen;
        let uses = Uses {
            echo: listens,
            samples: listens || archive.is_some(),
        };
        let now = clock.now();
        let mut engine = Engine::new(gate, now);
        engine.set_pbx(PBX, &config.trunk, now);
        let (reporter, view, notes) = Reporter::new(Arc::clone(&clock));
        info!(run = %session.run(), campaigns = campaigns.len(), "campaigns are run");
        let mut control_loop = ControlLoop {
            engine,
            store_io,
            in_flight: InFlightTable::new(config.trunk.rate),
            campaigns: CampaignTable::new(which == Selection::All),
            health: Health::new(session.link(), trunk, renewed),
            reporter,
            worker: Arc::new(DropWorker {
                config,
                run: session.run().clone(),
                orders: session.orders(),
                link: session.link(),
                trunk: probe,
                archive,
                inputs: to_loop.clone(),
            }),
            messages: Messages::new(library, uses),
            ending: None,
        };
        control_loop.load(Past {
            campaigns,
            events,
            orphans,
            ended,
        });
        Ok(Self {
            control_loop,
            inputs,
            clock,
            session,
            store,
            holder,
            store_writer: tokio::spawn(store_writer.work()),
            helpers,
            view,
            orders: to_loop,
            notes: Some(notes),
            _app: lock,
        })
    }
}

/// Takes a lease for the run, and adopts what dead controllers have left: what is adopted here is ours for good.
async fn lease_and_adopt(
    config: &Config,
    store: &Store,
    claim: &Claim,
    clock: &Steady,
) -> Result<(ControllerLease, Vec<Orphan>), ControllerError> {
    let holder = store
        .begin_controller(claim.run(), &config.instance, clock.now())
        .await?;
    // Before the session's own sweep forgets them.
    let dead: Vec<RunName> = claim.dead()?;
    let orphans = store.adopt(&holder, &dead, clock.now()).await?;
    Ok((holder, orphans))
}

/// The configuration, with our own listening if a campaign wants it.
fn with_listening(config: &Config, campaigns: &[PreparedCampaign]) -> Config {
    let mut config = config.clone();
    let listens = |campaign: &PreparedCampaign| campaign.spec.screen == Some(Mode::Listen);
    if campaigns.iter().any(listens) {
        config.screen.mode = ScreenMode::Listen;
    }
    config
}

/// What the trunk has seen that still counts for rates and budget, in the order in which the engine wants it.
async fn past_calls(
    config: &Config,
    store: &Store,
    holder: &ControllerLease,
    campaigns: &[PreparedCampaign],
    now: Timestamp,
) -> Result<Vec<Event>, StoreError> {
    let own = campaigns.iter().filter_map(|c| c.settings.rate);
    let rates = own.chain([config.trunk.rate]);
    let span = rates.map(Rate::per).max().unwrap_or_default();
    let since = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let starts = store.recent_starts(&holder.pbx, since(span)).await?;
    let started = starts.into_iter().map(|start| Event::Started {
        campaign: start.campaign.unwrap_or(OF_NO_CAMPAIGN),
        pbx: PBX,
        at: start.at,
    });
    let window = config.trunk.limits.window;
    let calls = store.recent_calls(&holder.pbx, since(window), None).await?;
    let called = calls.into_iter().map(|called| Event::Called {
        pbx: PBX,
        calls: called.calls,
        at: called.at,
    });
    Ok(started.chain(called).collect())
}

/// The rows of the campaigns that are to be run.
async fn selected(
    store: &Store,
    which: &Selection,
    now: Timestamp,
) -> Result<Vec<Campaign>, ControllerError> {
    match which {
        Selection::All => {
            let mut rows = store.campaigns(0).await?;
            rows.retain(|row| !row.status.is_over());
            Ok(rows)
        }
        Selection::Names(names) => {
            let mut rows = Vec::new();
            // Each once, however often it is named.
            for name in names.iter().collect::<BTreeSet<_>>() {
                let row = store.campaign(name).await?;
                let row = row.ok_or_else(|| ControllerError::NoCampaign { name: name.clone() })?;
                rows.push(match row.status {
                    // To name it is to want it to run: contacts may have been added since, or its dates changed.
                    Status::Complete | Status::DatesOver => {
                        store.order(row.id, OperatorCommand::Resume, now).await?
                    }
                    Status::Running | Status::Paused | Status::Cancelling | Status::Cancelled => {
                        row
                    }
                });
            }
            Ok(rows)
        }
    }
}

/// The campaign of drops that belong to none: they count for the PBX alone.
const OF_NO_CAMPAIGN: CampaignId = CampaignId(i64::MIN);
