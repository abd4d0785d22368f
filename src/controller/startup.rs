//! The start of a controller, in the order in which nothing is forgotten.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::{debug, info, warn};

use super::{
    Controller, ControllerError, Input, PBX, Selection,
    app_lock::AppLock,
    campaign_table::{CampaignTable, PreparedCampaign},
    control_loop::{ControlLoop, Health, Past},
    elsewhere::Elsewhere,
    evidence,
    gate::{self, CampaignGate},
    gone,
    in_flight::InFlightTable,
    lease,
    messages::{Messages, Uses},
    preparations::Preparations,
    prompts::BookKeeper,
    pruner::{Pruner, prune_speech},
    registration::registration,
    rescuer::{self, OrphanRescuer},
    status::Reporter,
    store_writer::StoreIo,
    worker::DropWorker,
};
use crate::{
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
    store::{
        Campaign, ControllerLease, DropsLeftAlone, OperatorCommand, Orphan, Status, Store,
        StoreError,
    },
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
            match PreparedCampaign::read(&store, row, clock.now()).await {
                Ok(prepared) => campaigns.push(prepared),
                // The loop reads it once more and says so; the others do not wait for it.
                Err(error @ ControllerError::Spec { .. }) if which == Selection::Service => {
                    debug!(error = chain(&error), "a campaign is left out");
                }
                Err(error) => return Err(error),
            }
        }
        let config = with_listening(config, &campaigns);
        let composer = config.messages().composer();
        let composer = composer.map_err(ControllerError::Library)?;
        let archive = match config.evidence.dir.clone() {
            Some(dir) => {
                let opened = evidence::open(dir, &config).await;
                Some(opened.map_err(ControllerError::Evidence)?)
            }
            None => None,
        };

        let claim = Claim::new(&config).await?;
        let renewed = clock::since_boot();
        let leased = lease_and_adopt(&config, &store, &claim, &clock).await;
        let (holder, orphans) = match leased {
            Ok(leased) => leased,
            Err(error) => {
                claim.abandon();
                return Err(error);
            }
        };
        let (keeper, prompts) = match BookKeeper::of(&store, &config, &clock).await {
            Ok(kept) => kept.unzip(),
            Err(error) => {
                let _ = store.end_controller(&holder, clock.now()).await;
                claim.abandon();
                return Err(error.into());
            }
        };
        let app = App::OfTheInstance(app);
        let session = match claim.open(&config, app, prompts).await {
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
        let past = past(&config, &store, &holder, &campaigns, clock.now()).await;
        let (events, elsewhere, disagreement) = match past {
            Ok(past) => past,
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
            lost_after: config.store.lost_after,
            stuck: ended.stuck.clone(),
        };
        helpers.spawn(rescuer.work());
        let (settings, settings_in_force) = watch::channel(config.clone());
        helpers.spawn(prune_speech(settings_in_force.clone(), Arc::clone(&clock)));
        let pruner = Pruner {
            config: settings_in_force,
            store: store.clone(),
            holder: holder.clone(),
            clock: Arc::clone(&clock),
            inputs: to_loop.clone(),
        };
        helpers.spawn(pruner.work());
        helpers.spawn(gone::give_back(store.clone(), Arc::clone(&clock)));
        helpers.spawn(tell_of_those_left_alone(
            store.left_alone(),
            to_loop.clone(),
        ));
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
            campaigns: CampaignTable::new(&which),
            health: Health::new(session.link(), trunk, Arc::clone(&clock), renewed),
            reporter,
            worker: Arc::new(DropWorker {
                clock: Arc::clone(&clock),
                config,
                store: store.clone(),
                run: session.run().clone(),
                orders: session.orders(),
                link: session.link(),
                trunk: probe,
                archive,
                inputs: to_loop.clone(),
            }),
            messages: Messages::new(composer.library().clone(), session.run().clone(), uses),
            preparations: Preparations::new(
                composer,
                store.clone(),
                session.run().clone(),
                to_loop.clone(),
            ),
            elsewhere,
            settings,
            ending: None,
        };
        if let Some(words) = disagreement {
            control_loop.reporter.warn(None, words);
        }
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
            book: keeper.map(|keeper| tokio::spawn(keeper.keep())),
            view,
            orders: to_loop,
            notes: Some(notes),
            _app: lock,
        })
    }
}

/// Tells the loop of drops that are to be ended because whoever they call wants no more calls.
async fn tell_of_those_left_alone(
    mut left_alone: DropsLeftAlone,
    inputs: mpsc::UnboundedSender<Input>,
) {
    loop {
        let drop = left_alone.next().await;
        if inputs.send(Input::LeftAlone(drop)).is_err() {
            return;
        }
    }
}

/// Takes a lease for the run, and adopts what dead controllers have left: what is adopted here is ours for good.
async fn lease_and_adopt(
    config: &Config,
    store: &Store,
    claim: &Claim,
    clock: &Steady,
) -> Result<(ControllerLease, Vec<Orphan>), ControllerError> {
    let (run, identity) = (claim.run(), claim.identity());
    let registration = registration(config, store, run, identity, false).await?;
    let holder = store.begin_controller(&registration, clock.now()).await?;
    // Before anything else goes by it: a clock that differs from the server's is not the one to go by.
    lease::compare(store, clock);
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

/// What the trunk and the campaigns have seen that still counts, in the order in which the engine wants it; what follows
/// it is read later; and what to say if the controllers of the trunk do not agree on its limits.
async fn past(
    config: &Config,
    store: &Store,
    holder: &ControllerLease,
    campaigns: &[PreparedCampaign],
    now: Timestamp,
) -> Result<(Vec<Event>, Elsewhere, Option<String>), StoreError> {
    let own = campaigns.iter().filter_map(|c| c.settings.rate);
    let rates = own.chain([config.trunk.rate]);
    let span = rates.map(Rate::per).max().unwrap_or_default();
    let since = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let starts = store.recent_starts(&holder.trunk, since(span)).await?;
    let started = starts.into_iter().map(|start| Event::Started {
        campaign: start.campaign.unwrap_or(OF_NO_CAMPAIGN),
        pbx: PBX,
        // What a clock that was wrong has put into the future counts as of this moment.
        at: start.at.min(now),
    });
    let window = config.trunk.limits.window;
    let mut elsewhere = Elsewhere::new(holder.clone(), since(window));
    for campaign in campaigns {
        elsewhere.take_up(campaign.row.id, &campaign.settings, campaign.at);
    }
    let question = elsewhere.ask(|_| true, now, clock::now());
    let read = elsewhere.take(Ok(question.read(store).await?));
    let disagreement = store.fleet(now).await?.disagreement(&holder.trunk);
    Ok((started.chain(read).collect(), elsewhere, disagreement))
}

/// The rows of the campaigns that are to be run.
async fn selected(
    store: &Store,
    which: &Selection,
    now: Timestamp,
) -> Result<Vec<Campaign>, ControllerError> {
    match which {
        Selection::All | Selection::Service => {
            let mut rows = store.campaigns(0).await?;
            rows.retain(|row| row.status.is_started());
            Ok(rows)
        }
        Selection::Names(names) => {
            let mut rows = Vec::new();
            // Each once, however often it is named.
            for name in names.iter().collect::<BTreeSet<_>>() {
                let row = store.campaign(name).await?;
                let row = row.ok_or_else(|| ControllerError::NoCampaign { name: name.clone() })?;
                rows.push(match row.status {
                    // To name it is to want it to run: nobody may have started it yet, contacts may have been added since, or
                    // its dates changed.
                    Status::Draft | Status::Complete | Status::DatesOver => {
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
