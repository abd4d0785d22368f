//! A run of its own on a PBX: its lock, its event link, its driver.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use backon::Retryable as _;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{error::Elapsed, sleep, timeout},
};
use tracing::{info, warn};

use super::{
    app_lease::{AppLease, LeaseError},
    call::{CallSpec, Trunk},
    carrier::Carrier,
    driver::{Driver, DriverError, DriverIo, DropUpdate, Order, PbxLink},
    error::SessionError,
    executor,
    identity::PbxIdentity,
    prompts::Prompts,
    reach::{pauses, settings},
    recogniser::Recogniser,
    reconciler::{self, Reconciler, Remains},
    run_locks::{LiveRun, Runs},
    trunk::TrunkProbe,
};
use crate::{
    ari::{
        self, AdoptedChannels, Arrival, Events, Failure, LinkError, MediaServer, Pbx, Pulse, Rest,
        Visit,
    },
    audio::{Library, Name},
    config::{Config, ScreenMode},
    drop::{Adoption, Mode, Plan, RefusalKind, Voice},
    error_chain::chain,
    evidence::Recorder,
    id::{DropId, RunName},
    screen::RATE,
    tasks,
};

/// A run on a PBX, beside others.
pub struct Session {
    rest: Rest,
    run: RunName,
    identity: PbxIdentity,
    live: LiveRun,
    orders: Orders,
    link: watch::Receiver<PbxLink>,
    reconciler: Reconciler,
    trunk: TrunkProbe,
    /// Runs that were dead when it began.
    dead: Vec<RunName>,
    /// Drops of theirs that still had a channel, which its sweep has ended.
    swept: BTreeSet<(RunName, DropId)>,
    /// What carries the audio of calls, if anything does.
    media: Option<Carrier>,
    /// The lease of its app, if other controllers would register the same.
    lease: Option<AppLease>,
    driver: JoinHandle<Result<(), DriverError>>,
    executor: JoinHandle<()>,
    /// Keeps the recogniser running, if there is one.
    supervisor: Option<JoinHandle<()>>,
    /// Calls of others that wait in its app.
    visits: Option<mpsc::UnboundedReceiver<Visit>>,
    /// Beaten with each turn of the driver.
    pulse: Pulse,
}

impl Session {
    /// Begins a run with an app name of its own: takes its lock, reaches the PBX, listens, and sweeps what runs that died
    /// have left. Calls that are listened to are compared with `prompts`.
    ///
    /// # Errors
    /// [`SessionError`]; nothing has been dialled then, and nothing is left behind.
    pub async fn open(config: &Config, prompts: Option<Prompts>) -> Result<Self, SessionError> {
        let claim = match Claim::new(config).await {
            Ok(claim) => claim,
            Err(error @ SessionError::Pbx { .. }) => return Err(link_error(config, error).await),
            Err(error) => return Err(error),
        };
        let app = app_of(&config.pbx.app, claim.run());
        claim.open(config, App::OfThisRun(app), prompts).await
    }

    /// The same under an app that calls of others enter, which one run of all has at a time.
    ///
    /// # Errors
    /// [`SessionError`], [`SessionError::Taken`] among them.
    pub(crate) async fn open_to_calls(
        config: &Config,
        app: &str,
        prompts: Option<Prompts>,
    ) -> Result<Self, SessionError> {
        let claim = Claim::new(config).await?;
        let app = App::OfTheInstance(app.to_owned());
        claim.open(config, app, prompts).await
    }

    /// The calls of others that wait in its app, those that were there before it first, and what becomes of them. There is one receiver: the first caller's.
    pub(crate) fn visits(&mut self) -> mpsc::UnboundedReceiver<Visit> {
        self.visits
            .take()
            .unwrap_or_else(|| mpsc::unbounded_channel().1)
    }

    /// The app that it has registered.
    pub(crate) fn app(&self) -> &str {
        self.reconciler.app()
    }

    /// Sends requests to the PBX.
    pub(crate) fn rest(&self) -> Rest {
        self.rest.clone()
    }

    /// The name of the run, which is part of its channels' ids.
    pub const fn run(&self) -> &RunName {
        &self.run
    }

    /// Which PBX it is.
    pub(crate) const fn identity(&self) -> &PbxIdentity {
        &self.identity
    }

    /// For tasks that start drops of their own.
    pub(crate) fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// The state of the event link. Its sender ends with the driver.
    pub(crate) fn link(&self) -> watch::Receiver<PbxLink> {
        self.link.clone()
    }

    /// The state of the event link once it is no longer away, or after this time.
    pub async fn link_within(&self, patience: Duration) -> PbxLink {
        let (settle, settled) = oneshot::channel();
        self.orders.give(Order::Settle(settle)).await;
        // A driver that is gone has published the state of the link.
        let _ = settled.await;
        let mut link = self.link.clone();
        let settled = link.wait_for(|link| *link != PbxLink::Away);
        match timeout(patience, settled).await {
            Ok(Ok(link)) => *link,
            // Its sender ends with the driver: nothing is dialled any more.
            Ok(Err(_)) | Err(_) => PbxLink::Away,
        }
    }

    /// Counts the turns of the driver's loop, of which there is at least one a second.
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Asks the PBX whether calls can be made by the trunk.
    pub fn trunk(&self) -> TrunkProbe {
        self.trunk.clone()
    }

    /// Looks after what runs that died have left.
    pub(crate) fn reconciler(&self) -> Reconciler {
        self.reconciler.clone()
    }

    /// The runs of this machine that were dead when this one began. Its sweep may have forgotten their locks since.
    pub(crate) fn dead(&self) -> &[RunName] {
        &self.dead
    }

    /// The drops of runs that had died which still had a channel when this run began; its sweep has hung it up.
    pub(crate) const fn swept(&self) -> &BTreeSet<(RunName, DropId)> {
        &self.swept
    }

    /// Starts a drop; `tape` records what is heard of it. Its updates end with [`DropUpdate::Ended`], or without it if
    /// the run has ended first.
    pub async fn start(
        &self,
        spec: CallSpec,
        tape: Option<Recorder>,
    ) -> mpsc::UnboundedReceiver<DropUpdate> {
        self.orders.start(spec, tape).await
    }

    /// Ends all drops, as the operator ordered; each reports its own end.
    pub async fn cancel_all(&self) {
        self.orders.give(Order::CancelAll).await;
    }

    /// Ends the run once its drops have ended, and looks whether anything of it is left on the PBX.
    ///
    /// # Errors
    /// [`DriverError`] if the run had ended before for a reason of its own.
    pub async fn close(self) -> Result<(), DriverError> {
        self.orders.give(Order::Drain).await;
        let ended = tasks::join(self.driver).await;
        if let Some(lease) = self.lease {
            lease.release().await;
        }
        // The driver has dropped its end of the commands, so the executor sees the last ones through and ends.
        if timeout(LAST_COMMANDS, tasks::join(self.executor))
            .await
            .is_err()
        {
            warn!("requests to the pbx are still unanswered");
        }
        if let Some(supervisor) = self.supervisor
            && timeout(LAST_COMMANDS, tasks::join(supervisor))
                .await
                .is_err()
        {
            warn!("the recogniser of `screen.words` has not ended");
        }
        if timeout(LAST_COMMANDS, self.reconciler.strangers_gone())
            .await
            .is_err()
        {
            warn!("a call that the network redirected may still be up");
        }
        match timeout(
            LAST_LOOK,
            reconciler::clear(&self.rest, &self.run, self.media.is_some()),
        )
        .await
        {
            Ok(Ok(left)) if left.is_empty() => self.live.end(),
            Ok(Ok(left)) => warn!(
                channels = left.len(),
                "calls were left on the pbx and have been hung up; the next run looks again"
            ),
            Ok(Err(Failure { detail, .. })) => {
                warn!(
                    detail,
                    "it is not known whether calls are left on the pbx; the next run looks"
                );
            }
            Err(Elapsed { .. }) => {
                warn!("it is not known whether calls are left on the pbx; the next run looks");
            }
        }
        let server = self.media.as_ref().and_then(Carrier::server);
        if let Some(counts) = server.map(MediaServer::counts)
            && counts.total() > 0
        {
            warn!(
                ?counts,
                "connections to the listener for the audio of calls were turned away"
            );
        }
        ended
    }
}

/// Orders to the driver of a run. Clones act on the same one.
#[derive(Clone)]
pub(crate) struct Orders(mpsc::Sender<Order>);

impl Orders {
    /// As [`Session::start`].
    pub(crate) async fn start(
        &self,
        spec: CallSpec,
        tape: Option<Recorder>,
    ) -> mpsc::UnboundedReceiver<DropUpdate> {
        let (updates, updated) = mpsc::unbounded_channel();
        let spec = Box::new(spec);
        self.give(Order::Start {
            spec,
            tape,
            updates,
        })
        .await;
        updated
    }

    /// Ends a drop, as the operator ordered; it reports its own end.
    pub(crate) async fn cancel(&self, drop: DropId) {
        self.give(Order::Cancel(drop)).await;
    }

    async fn give(&self, order: Order) {
        // A driver that is gone takes no orders; `Session::close` returns why.
        let _ = self.0.send(order).await;
    }
}

/// An app that is registered with the PBX.
#[derive(Clone, Debug)]
pub(crate) enum App {
    /// No other run registers one of this name.
    OfThisRun(String),
    /// Controllers of the same instance register it, one at a time.
    OfTheInstance(String),
}

impl App {
    fn name(&self) -> &str {
        match self {
            Self::OfThisRun(name) | Self::OfTheInstance(name) => name,
        }
    }
}

/// The name and the lock of a run that does not listen to the PBX yet.
pub(crate) struct Claim {
    run: RunName,
    identity: PbxIdentity,
    pbx: Pbx,
    live: LiveRun,
    remains: Remains,
}

impl Claim {
    /// Asks the PBX which it is, and takes the lock of a run there with a name of its own.
    ///
    /// # Errors
    /// [`SessionError`]; nothing is left behind then.
    pub(crate) async fn new(config: &Config) -> Result<Self, SessionError> {
        let run = RunName::unique(&config.instance).map_err(SessionError::Instance)?;
        let pbx = Pbx::new(&settings(config)).map_err(SessionError::Settings)?;
        let identity = PbxIdentity::ask_and_mark(&pbx.rest(), &config.pbx.url).await;
        let identity = identity.map_err(|source| SessionError::Pbx {
            url: config.pbx.url.to_string(),
            source,
        })?;
        let runs = Runs::open(&config.state_dir, identity.as_str())?;
        let library = config.messages().library();
        let library = library.map_err(SessionError::Library)?;
        let live = runs.begin(&run)?;
        Ok(Self {
            run,
            identity,
            pbx,
            live,
            remains: Remains { runs, library },
        })
    }

    /// Which PBX it is.
    pub(crate) const fn identity(&self) -> &PbxIdentity {
        &self.identity
    }

    /// The name of the run.
    pub(crate) const fn run(&self) -> &RunName {
        &self.run
    }

    /// The names of the runs of this machine that died; they stay until a sweep has looked after them.
    ///
    /// # Errors
    /// [`SessionError::Runs`] if the locks cannot be read.
    pub(crate) fn dead(&self) -> Result<Vec<RunName>, SessionError> {
        let dead = self.remains.runs.dead()?;
        Ok(dead.into_iter().map(|dead| dead.run).collect())
    }

    /// Reaches the PBX, listens under `app`, and sweeps what runs that died have left.
    ///
    /// # Errors
    /// [`SessionError`]; nothing has been dialled then, and nothing is left behind.
    pub(crate) async fn open(
        self,
        config: &Config,
        app: App,
        prompts: Option<Prompts>,
    ) -> Result<Session, SessionError> {
        let mut lease = None;
        let reached = async {
            // Before the sweep forgets them.
            let dead = self.dead()?;
            if let App::OfTheInstance(name) = &app {
                lease = Some(self.lease(config, name, &dead).await?);
            }
            let remains = self.remains.clone();
            let ours = (&self.run, app.name());
            let reached = Reached::new(config, &self.pbx, ours, remains, prompts).await?;
            Ok((reached, dead))
        };
        match reached.await {
            Ok((reached, dead)) => {
                Ok(reached.into_session((self.run, self.identity, self.live), lease, dead))
            }
            Err(error) => {
                if let Some(lease) = lease {
                    lease.release().await;
                }
                self.live.end();
                Err(error)
            }
        }
    }

    /// Takes the lease of an app that others may have.
    async fn lease(
        &self,
        config: &Config,
        app: &str,
        dead: &[RunName],
    ) -> Result<AppLease, SessionError> {
        let rest = self.pbx.rest();
        let lease = AppLease::take(&rest, app, &self.run, &config.instance, dead).await;
        let url = config.pbx.url.to_string();
        lease.map_err(|error| match error {
            LeaseError::Taken(by) => SessionError::Taken {
                app: app.to_owned(),
                url,
                by,
            },
            LeaseError::Failure(source) => SessionError::Pbx { url, source },
        })
    }

    /// Gives the lock back unused.
    pub(crate) fn abandon(self) {
        self.live.end();
    }
}

/// The plan of a drop as the configuration has it, for a message of a known length, or one that only the PBX knows.
pub fn plan(config: &Config, message: Option<Duration>) -> Plan {
    let settings = &config.drop;
    Plan {
        technique: settings.technique,
        lead: settings.lead,
        answer_timeout: settings.answer_timeout,
        screening_timeout: settings.screening_timeout,
        ready_timeout: settings.ready_timeout,
        release_on_progress: settings.release_on_progress,
        release_when_unheard: settings.release_when_unheard,
        when_unsure: settings.when_unsure,
        when_screened: settings.when_screened,
        // By what the run has when the drop starts.
        prompt: None,
        when_busy_leg_answered: settings.when_busy_leg_answered,
        mode: match config.screen.mode {
            ScreenMode::Dialplan => Mode::Dialplan,
            ScreenMode::Listen => Mode::Listen,
        },
        // By what is known of the message when the drop starts.
        voice: Voice::default(),
        max_restarts: config.screen.ears.max_restarts as u32,
        message,
        adoption: Adoption::default(),
    }
}

/// What answers a call screener, if the configuration names it.
fn prompt(config: &Config, library: &Library) -> Result<Option<Arc<[i16]>>, SessionError> {
    let Some(name) = &config.drop.screening_prompt else {
        return Ok(None);
    };
    let unusable = |why: String| SessionError::Prompt {
        name: name.clone(),
        why,
    };
    let parsed: Name = name.parse().map_err(|error| unusable(chain(&error)))?;
    let shown = library.show(&parsed);
    let shown = shown.map_err(|error| unusable(chain(&error)))?;
    let samples = library.samples(&shown);
    let samples = samples.ok_or_else(|| unusable("its file cannot be read".to_owned()))?;
    Ok(Some(samples.into()))
}

/// How long 8 kHz samples last.
fn lasts(samples: &[i16]) -> Duration {
    Duration::from_secs_f64(samples.len() as f64 / RATE as f64)
}

/// A PBX that answers, sends its events, and has been swept.
struct Reached {
    rest: Rest,
    events: Events,
    trunk: Trunk,
    pulse: Pulse,
    supervisor: Option<JoinHandle<()>>,
    reconciler: Reconciler,
    swept: BTreeSet<(RunName, DropId)>,
    adopted: AdoptedChannels,
    waiting: Vec<Arrival>,
}

impl Reached {
    async fn new(
        config: &Config,
        pbx: &Pbx,
        (run, app): (&RunName, &str),
        remains: Remains,
        prompts: Option<Prompts>,
    ) -> Result<Self, SessionError> {
        let prompt = prompt(config, &remains.library)?;
        let pulse = Pulse::default();
        let server = Carrier::prepare(config, &pulse)?;
        let url = config.pbx.url.to_string();
        let failed = |source| SessionError::Pbx {
            url: url.clone(),
            source,
        };
        let rest = pbx.rest();
        let events = || pbx.listen(app, run);
        let events = events.retry(pauses()).sleep(sleep);
        let events = events.when(|error| matches!(error, LinkError::Closed { .. }));
        let events = events.await.map_err(|source| SessionError::Link {
            url: url.clone(),
            source,
        })?;
        info!(%run, app, "listening to the pbx");
        let channels = || rest.channels();
        let channels = channels.retry(pauses()).sleep(sleep);
        let channels = channels.when(|failure| failure.kind == RefusalKind::NoReply);
        let channels = channels.await.map_err(failed)?;
        let swept = reconciler::sweep(&rest, &remains, &channels).await;
        for channel in ari::in_place_of_ours(app, &channels) {
            warn!(
                channel,
                "a call that a run that died has left in this app is hung up"
            );
            reconciler::end_stranger(&rest, &channel).await;
        }
        let waiting = ari::waiting(app, &channels);
        let media = Carrier::choose(config, pbx, server, &pulse).await?;
        let command = config.screen.words.clone();
        let started = command.filter(|_| media.is_some()).map(Recogniser::start);
        let (recogniser, supervisor) = started.unzip();
        let trunk = Trunk {
            run: run.clone(),
            app: app.to_owned(),
            context: config.pbx.context.clone(),
            endpoint: config.pbx.endpoint.clone(),
            caller_id: config.pbx.caller_id.clone(),
            media,
            amd: config.screen.amd,
            ears: config.screen.ears,
            prompt,
            recogniser,
            prompts,
        };
        Ok(Self {
            reconciler: Reconciler::new(rest.clone(), run.clone(), app.to_owned(), remains),
            rest,
            events,
            trunk,
            pulse,
            supervisor,
            swept,
            adopted: pbx.adopted(),
            waiting,
        })
    }

    fn into_session(
        self,
        (run, identity, live): (RunName, PbxIdentity, LiveRun),
        lease: Option<AppLease>,
        dead: Vec<RunName>,
    ) -> Session {
        let (orders, orders_in) = mpsc::channel(ORDERS);
        let (reports_out, reports) = mpsc::channel(REPORTS);
        let (commands, commands_in) = mpsc::unbounded_channel();
        let (link_changes, link) = watch::channel(PbxLink::Up);
        let (visit, visits) = mpsc::unbounded_channel();
        for arrival in self.waiting {
            // The receiver is at hand.
            let _ = visit.send(Visit::Came(arrival));
        }
        let media = self.trunk.media.clone();
        let prompt = self.trunk.prompt.as_deref().map(lasts);
        let probe = TrunkProbe::new(self.rest.clone(), self.trunk.endpoint.clone());
        let executor = tokio::spawn(executor::run(
            self.rest.clone(),
            Arc::new(self.trunk),
            commands_in,
            reports_out,
        ));
        let io = DriverIo {
            events: self.events,
            orders: orders_in,
            reports,
            commands,
            link: link_changes,
            visits: visit,
            adopted: self.adopted,
            pulse: self.pulse.clone(),
        };
        let driver = Driver::new(
            run.clone(),
            self.reconciler.clone(),
            (media.is_some(), prompt),
            io,
        );
        Session {
            rest: self.rest,
            run,
            identity,
            live,
            orders: Orders(orders),
            link,
            reconciler: self.reconciler,
            trunk: probe,
            dead,
            swept: self.swept,
            media,
            lease,
            driver: tokio::spawn(driver.drive()),
            executor,
            supervisor: self.supervisor,
            visits: Some(visits),
            pulse: self.pulse,
        }
    }
}

/// Why a PBX does not answer a request, as its event websocket has it, which knows more of it; `error` if that opens.
async fn link_error(config: &Config, error: SessionError) -> SessionError {
    let (Ok(pbx), Ok(run)) = (
        Pbx::new(&settings(config)),
        RunName::unique(&config.instance),
    ) else {
        return error;
    };
    match pbx.listen(&app_of(&config.pbx.app, &run), &run).await {
        Ok(_) => error,
        Err(source) => SessionError::Link {
            url: config.pbx.url.to_string(),
            source,
        },
    }
}

/// The app name of the controllers of an instance.
pub(crate) fn app_of_instance(config: &Config) -> String {
    format!("{}-{}", config.pbx.app, config.instance)
}

/// The app name of a run of its own: no events of others come to it, and none of its own go elsewhere.
pub(crate) fn app_of(app: &str, run: &RunName) -> String {
    format!("{app}-{run}")
}

/// Orders that wait for the driver.
const ORDERS: usize = 64;

/// Reports of the executor that wait for the driver; a task that reports waits for room.
const REPORTS: usize = 1_024;

/// How long the last requests may take when all drops have ended.
const LAST_COMMANDS: Duration = Duration::from_secs(5);

/// How long the last look at the PBX may take.
const LAST_LOOK: Duration = Duration::from_secs(5);
