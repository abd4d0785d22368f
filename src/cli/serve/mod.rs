//! `aftertone serve`: the controller of this instance and the HTTP server in one process, until it is ordered to end.
//!
//! ```text
//!   signals, control socket ──> Service ── orders ──> Dialling ──> Controller
//!                                │   ^                   │
//!              configuration in force │                  │ link, turns
//!                                v   └── DiallingState <─┘
//!                         http::Server (Condition)       ──> service manager: READY, STATUS, WATCHDOG
//! ```

mod budget_watch;
mod control_socket;
mod dialling;
mod examiner;
mod gauges;
mod service_manager;
mod signals;
mod store_watch;

use std::{
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use clap::Args;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(in crate::cli) use self::control_socket::ask_to_reload;

use self::{
    control_socket::ControlSocket,
    dialling::{Dialling, DiallingOrder},
    examiner::Examiner,
    service_manager::ServiceManager,
    signals::{ServiceSignals, SignalRequest},
    store_watch::watch_store,
};
use super::{CliError, Exit, campaign::wait, database, printer::Printer, traced};
use crate::{
    clock,
    config::{Config, StoreUrl},
    controller::{ControllerError, incoming::IncomingCalls, ordered_drops::OrderedDrops},
    error_chain::chain,
    hooks::{Webhooks, begin_sending},
    http::{
        Api, ApiState, Certificate, Condition, DriverCondition, Server, ServerError, ServerTls,
    },
    import::{SpooledUploads, UploadRules},
    metrics,
    orders::{Examinations, ReloadAnswer, ReloadRequest, SingleDrops},
    store::{ErrorClass::Away, Store},
    tasks, telemetry,
};

/// Run as a service: dial every campaign that is started, and serve the HTTP API
///
/// With `[pbx]` in the configuration it is the controller of this instance: it runs all campaigns that are started, now and later,
/// and goes on when none is left. A draft is never dialled before somebody starts it. Without `[pbx]` it serves the API alone,
/// beside controllers on the same database. `aftertone campaign`, `dnc` and the others go on working beside it.
///
/// It is ready once the database is open and the address is listened on; a PBX that is unavailable then or later is waited for.
/// `/readyz` says whether all is as it should be. SIGTERM (or Ctrl-C) starts nothing more and lets drops in flight finish, for
/// `serve.drain` at most, and a second one hangs them up; SIGHUP, or `aftertone reload`, reads the configuration anew. systemd is
/// told when it is ready, what it does and that it lives (`Type=notify`, `WatchdogSec=`).
///
/// The exit status is 0 if it was ordered to end, 1 if it could not go on, and 2 if it could not begin.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// How long to wait for a database that is unavailable at startup: 0s to 1h
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = wait)]
    wait: Duration,
}

/// Serves until it is ordered to end, or cannot go on.
///
/// # Errors
/// [`CliError`] if it could not begin.
pub(super) async fn run(
    args: &ServeArgs,
    file: Option<&Path>,
    printer: Printer,
) -> Result<Exit, CliError> {
    let config = Config::load_for_service(file).map_err(CliError::new)?;
    metrics::begin(env!("CARGO_PKG_VERSION"), &gauges::labels());
    set_log(&config);
    let mut manager = ServiceManager::of_environment();
    let mut signals = ServiceSignals::new().map_err(CliError::new)?;
    manager.status("opening the database");
    let opening = open_store(args.wait, &config, &mut signals, &manager, printer);
    // A copy of a large database and the steps of its schema take their time.
    let opened = with_signs(opening, SIGN, || manager.starting(EXTENSION)).await?;
    let Some(store) = opened else {
        return Ok(Exit::Success);
    };
    let lists = match &config.store.url {
        StoreUrl::Sqlite(_) => {
            let opened = Store::open(&database::address(&config)).await;
            opened.map_err(database::trouble)?
        }
        StoreUrl::Postgres(_) => store.clone(),
    };
    if store.users().await.is_ok_and(|users| users.is_empty()) {
        printer.hint(
            "nobody can sign in yet: `aftertone user add NAME --role admin` makes the first user",
        );
    }
    let tracing = traced::begin(&config)?;
    let (listen, certificate) = (config.serve.listen, certificate(&config)?);
    let tls = certificate.as_ref().map(ServerTls::new);
    let server = Server::bind(listen).await.map_err(|error| {
        CliError::new(error)
            .hint("another service may have it; set `serve.listen`, or end that one")
    })?;
    let server = match &tls {
        Some(tls) => server.with_tls(tls.clone()),
        None => server,
    };
    let url = server.url();
    let control = ControlSocket::bind(&config.state_dir, listen);
    let control = control.inspect_err(|error| {
        warn!(%error, "`aftertone reload` cannot reach this service; SIGHUP can");
    });
    let was_killed = control.as_ref().is_ok_and(|control| control.replaces_one);
    metrics::killed_before(was_killed);
    if !config.has_pbx {
        printer.note("`[pbx]` names no PBX: this service serves the API and dials nothing");
    }

    let (config_in_force, config_seen) = watch::channel(Arc::new(config));
    let has_pbx = config_seen.borrow().has_pbx;
    let (condition, condition_seen) = watch::channel(Condition::default());
    let (view, view_seen) = watch::channel(None);
    let (stopping, closed) = (CancellationToken::new(), CancellationToken::new());
    let hang_up = CancellationToken::new();
    let drops = has_pbx.then(|| {
        let ends = (stopping.clone(), hang_up.clone());
        let (incoming, taking) = IncomingCalls::begin(
            store.clone(),
            config_seen.clone(),
            ends.0.clone(),
            ends.1.clone(),
        );
        let (store, config) = (store.clone(), config_seen.clone());
        let (drops, dropping) = OrderedDrops::begin(store, config, ends.0, ends.1);
        let drops = drops.beside(incoming);
        let both = async move {
            let _ = tokio::join!(taking, dropping);
        };
        (drops, tokio::spawn(both))
    });
    let (drops, dropping) = drops.unzip();
    let (uploads, uploading) = {
        let (seen, state_dir) = (config_seen.clone(), config_seen.borrow().state_dir.clone());
        let rules = Arc::new(move || {
            let config = seen.borrow();
            UploadRules {
                phone: config.pbx.rules,
                gate: config.gate.clone(),
            }
        });
        SpooledUploads::begin(store.clone(), lists, &state_dir, rules, stopping.clone())
    };
    let webhooks = Webhooks::new(config_seen.clone()).map_err(CliError::new)?;
    let watching = watch_store(store.clone(), config_seen.clone(), stopping.clone());
    let sending = begin_sending(store.clone(), webhooks.clone(), stopping.clone());
    let (ask_for_reload, reloads) = mpsc::unbounded_channel();
    let api = Api {
        store: store.clone(),
        config: config_seen.clone(),
        condition: condition_seen,
        stopping: stopping.clone(),
        drops: drops.map(|drops| Arc::new(drops) as Arc<dyn SingleDrops>),
        view: view_seen,
        examinations: has_pbx
            .then(|| Arc::new(Examiner(config_seen.clone())) as Arc<dyn Examinations>),
        uploads: Arc::new(uploads),
        reloads: ask_for_reload,
        webhooks,
        state: ApiState::default(),
    };
    let mut service = Service {
        file: file.map(Path::to_owned),
        printer,
        manager,
        config: config_in_force,
        condition,
        stopping,
        tls: tls.zip(certificate),
        dialling: has_pbx.then(|| Dialling::start(config_seen, store, printer, view)),
        drops: dropping,
        sending,
        hang_up,
        reloads,
        ending: None,
    };
    service.show();
    let serving = tokio::spawn(server.serve(api, closed.clone()));
    printer.line(&format!("listening on {url}"));
    info!(url, has_pbx, "the service is up");
    service.manager.ready();
    let exit = service
        .work(&mut signals, control.ok(), serving, closed)
        .await;
    if let Some(tracing) = tracing {
        tracing.end().await;
    }
    // Nothing is in the middle of anything there.
    watching.abort();
    // It ends behind the transaction that it is at; the next service goes on with the list.
    if timeout(LAST_ANSWERS, uploading).await.is_err() {
        warn!("a list is left in the middle of a transaction, which is taken back");
    }
    Ok(exit)
}

/// Opens the database, waiting for one that is unavailable; `None` if the service is ordered to end first.
async fn open_store(
    patience: Duration,
    config: &Config,
    signals: &mut ServiceSignals,
    manager: &ServiceManager,
    printer: Printer,
) -> Result<Option<Store>, CliError> {
    let until = clock::now() + patience;
    let mut said = None;
    loop {
        let opened = tokio::select! {
            opened = database::try_open(config) => opened,
            () = signals.end() => return Ok(None),
        };
        match opened {
            Ok(store) => return Ok(Some(store)),
            Err(error) if error.class == Away && clock::now() < until => {
                let words = chain(&error);
                if said.as_ref() != Some(&words) {
                    printer.warning(&format!("{words}; waiting for it"));
                    said = Some(words);
                }
                manager.alive();
                tokio::select! {
                    () = sleep(DATABASE_PAUSE) => {}
                    () = signals.end() => return Ok(None),
                }
            }
            Err(error) => return Err(database::trouble(error)),
        }
    }
}

/// Waits for the end of a work, and gives a sign at its beginning and again and again meanwhile.
async fn with_signs<T>(work: impl Future<Output = T>, every: Duration, sign: impl Fn()) -> T {
    let mut work = pin!(work);
    let mut signs = interval(every);
    loop {
        tokio::select! {
            biased;
            _ = signs.tick() => sign(),
            done = &mut work => return done,
        }
    }
}

/// The certificate that is configured, if any is.
fn certificate(config: &Config) -> Result<Option<Certificate>, CliError> {
    let read = config.serve.tls.as_ref().map(Certificate::read).transpose();
    read.map_err(|error| {
        CliError::new(error)
            .hint("the service does not start with a certificate that it cannot show")
    })
}

fn set_log(config: &Config) {
    if let Err(problem) = telemetry::set_filter(config.serve.log.as_deref()) {
        warn!("{problem}");
    }
}

/// The service and all it knows.
struct Service {
    /// The configuration file that the command line names.
    file: Option<PathBuf>,
    printer: Printer,
    manager: ServiceManager,
    config: watch::Sender<Arc<Config>>,
    condition: watch::Sender<Condition>,
    stopping: CancellationToken,
    /// What the server shows, and the certificate of it; `None` if it speaks plain HTTP.
    tls: Option<(ServerTls, Certificate)>,
    /// The controller; `None` if there is no PBX, or if it has ended.
    dialling: Option<Dialling>,
    /// The single drops that are ordered over HTTP; `None` if there is no PBX, or if they have ended.
    drops: Option<JoinHandle<()>>,
    /// Sends webhooks, until `stopping`.
    sending: JoinHandle<()>,
    /// Hangs drops up.
    hang_up: CancellationToken,
    /// Those who want a reload over HTTP.
    reloads: mpsc::UnboundedReceiver<ReloadRequest>,
    ending: Option<ServiceEnding>,
}

/// That the service comes to its end.
struct ServiceEnding {
    /// How often it was ordered.
    orders: u32,
    /// When what is in flight is hung up; `None` if that is ordered already.
    hang_up_at: Option<Instant>,
    exit: Exit,
}

/// Whether the service goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    /// Nothing is in flight any more, and all is written.
    Close,
    /// At once, whatever is left.
    Quit,
}

impl Service {
    async fn work(
        mut self,
        signals: &mut ServiceSignals,
        mut control: Option<ControlSocket>,
        mut serving: JoinHandle<Result<(), ServerError>>,
        closed: CancellationToken,
    ) -> Exit {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_serving = true;
        loop {
            let hang_up_at = self.ending.as_ref().and_then(|ending| ending.hang_up_at);
            let next = tokio::select! {
                signal = signals.next() => match signal {
                    SignalRequest::End => self.on_end(),
                    SignalRequest::Reload => {
                        let answer = self.reload();
                        self.say(&answer);
                        Next::GoOn
                    }
                },
                Some(request) = requested(control.as_mut()) => {
                    let answer = self.reload();
                    self.say(&answer);
                    // Whoever asked may be gone.
                    let _ = request.send(answer);
                    Next::GoOn
                }
                Some(request) = self.reloads.recv() => {
                    let answer = self.reload();
                    self.say(&answer);
                    // Whoever asked may be gone.
                    let _ = request.send(answer);
                    Next::GoOn
                }
                ended = ended(self.dialling.as_mut()) => self.on_controller_ended(ended),
                () = dropped(self.drops.as_mut()) => {
                    self.drops = None;
                    self.close_if_ended()
                }
                served = &mut serving, if is_serving => {
                    is_serving = false;
                    self.on_server_ended(served.map_err(anyhow::Error::new).and_then(|served| Ok(served?)))
                }
                () = clock::reach(hang_up_at) => self.hang_up(),
                _ = ticks.tick() => {
                    self.show();
                    Next::GoOn
                }
            };
            match next {
                Next::GoOn => {}
                Next::Close => break,
                Next::Quit => return Exit::Failure,
            }
        }
        drop(control);
        closed.cancel();
        if is_serving && timeout(LAST_ANSWERS, &mut serving).await.is_err() {
            warn!("requests were not answered to their end");
        }
        // What was sent is written; what was not is in the log.
        self.stopping.cancel();
        if timeout(LAST_ANSWERS, &mut self.sending).await.is_err() {
            warn!("webhooks that were being sent will be sent again");
        }
        info!("the service has ended");
        self.ending.map_or(Exit::Failure, |ending| ending.exit)
    }

    /// Carries out an order to end.
    fn on_end(&mut self) -> Next {
        let orders = self.ending.as_ref().map_or(0, |ending| ending.orders) + 1;
        match orders {
            1 => {
                let drain = self.config.borrow().serve.drain;
                self.begin_to_end(drain, Exit::Success)
            }
            2 => {
                self.note_order(orders);
                self.hang_up()
            }
            _ => {
                self.printer.talk("quit; the next controller, or the PBX's own time limits, end the calls that are left");
                Next::Quit
            }
        }
    }

    /// Starts nothing more: streams end, and drops in flight finish.
    fn begin_to_end(&mut self, drain: Duration, exit: Exit) -> Next {
        self.stopping.cancel();
        self.ending = Some(ServiceEnding {
            orders: 1,
            hang_up_at: Some(clock::now() + drain),
            exit,
        });
        self.manager.stopping(EXTENSION);
        let Some(dialling) = &self.dialling else {
            return self.close_if_ended();
        };
        self.printer.talk(&format!(
            "ending: drops in flight finish, and are hung up in {} s, or at the next signal",
            drain.as_secs()
        ));
        dialling.order(DiallingOrder::Finish);
        Next::GoOn
    }

    fn note_order(&mut self, orders: u32) {
        if let Some(ending) = &mut self.ending {
            ending.orders = orders;
        }
    }

    /// Hangs up what is in flight.
    fn hang_up(&mut self) -> Next {
        if let Some(ending) = &mut self.ending {
            ending.hang_up_at = None;
        }
        self.hang_up.cancel();
        if let Some(dialling) = &self.dialling {
            self.printer.talk("hanging up");
            dialling.order(DiallingOrder::HangUp);
        }
        Next::GoOn
    }

    /// The controller has ended: as ordered, or because it cannot go on.
    fn on_controller_ended(&mut self, ended: Result<(), ControllerError>) -> Next {
        self.dialling = None;
        self.condition.send_replace(Condition::default());
        if let Err(error) = ended {
            let hint = error.hint();
            CliError::new(error).maybe_hint(hint).print(self.printer);
            self.stopping.cancel();
            let ending = self.ending.get_or_insert(ServiceEnding {
                orders: 0,
                hang_up_at: None,
                exit: Exit::Failure,
            });
            ending.exit = Exit::Failure;
            self.hang_up.cancel();
        }
        // The drops that were ordered end with it.
        self.stopping.cancel();
        self.close_if_ended()
    }

    /// Closes, once neither the controller nor ordered drops have anything in flight.
    const fn close_if_ended(&self) -> Next {
        if self.dialling.is_none() && self.drops.is_none() {
            Next::Close
        } else {
            Next::GoOn
        }
    }

    /// The HTTP server has ended, which it does only if it cannot go on: nobody could look or stop any more.
    fn on_server_ended(&mut self, ended: anyhow::Result<()>) -> Next {
        let error = ended
            .err()
            .unwrap_or_else(|| anyhow!("the HTTP server has ended"));
        CliError::new(error).print(self.printer);
        match &mut self.ending {
            Some(ending) => {
                ending.exit = Exit::Failure;
                Next::GoOn
            }
            None => {
                let drain = self.config.borrow().serve.drain;
                self.begin_to_end(drain, Exit::Failure)
            }
        }
    }

    /// Reads the configuration anew, and has what can be taken up taken up.
    fn reload(&mut self) -> ReloadAnswer {
        self.manager.reloading();
        let read = Config::load_for_service(self.file.as_deref());
        let read = read.map_err(anyhow::Error::new);
        let answer = match read.and_then(|new| self.take_up(&new)) {
            Ok(answer) => answer,
            Err(error) => ReloadAnswer {
                error: Some(chain(error.as_ref())),
                ..ReloadAnswer::default()
            },
        };
        self.manager.ready();
        answer
    }

    /// Takes up what can be of a configuration, or nothing.
    ///
    /// # Errors
    /// If it gives nothing at all, or its certificate cannot be used.
    fn take_up(&mut self, new: &Config) -> anyhow::Result<ReloadAnswer> {
        let before = Arc::clone(&self.config.borrow());
        // A program that writes it in place empties it first.
        if new.is_blank() && !before.is_blank() {
            anyhow::bail!("it sets nothing; reload again when the file is written");
        }
        let change = before.change_to(new);
        let now = before.with_live_part_of(new);
        let mut live = change.live;
        // The files may be others under the names that they had.
        if let (Some((tls, shown)), Some(files)) = (&mut self.tls, &now.serve.tls) {
            let certificate = Certificate::read(files)?;
            if !certificate.is_same_as(shown) && !live.iter().any(|key| key == CERTIFICATE) {
                live.push(CERTIFICATE.to_owned());
                live.sort();
            }
            tls.exchange(&certificate);
            *shown = certificate;
        }
        set_log(&now);
        self.config.send_replace(Arc::new(now));
        if let Some(dialling) = &self.dialling {
            dialling.order(DiallingOrder::Reconfigure);
        }
        Ok(ReloadAnswer {
            live,
            at_restart: change.at_restart,
            error: None,
        })
    }

    /// Says what came of a reload.
    fn say(&self, answer: &ReloadAnswer) {
        if let Some(error) = &answer.error {
            let words = format!("the configuration stays as it was: {error}");
            self.printer.warning(&words);
            return;
        }
        let (live, later) = (answer.live.join(", "), answer.at_restart.join(", "));
        if live.is_empty() {
            self.printer
                .talk("reloaded: nothing has changed that can be taken up");
        } else {
            self.printer.talk(&format!("reloaded: {live}"));
        }
        if !later.is_empty() {
            self.printer
                .warning(&format!("from the next start on: {later}"));
        }
    }

    /// Shows the state of the controller to those who ask, and to the service manager, which is told that the process lives only
    /// while its loops turn.
    fn show(&mut self) {
        let Some(dialling) = &self.dialling else {
            self.manager.status("serving the API");
            self.manager.alive();
            return;
        };
        let state = dialling.state.borrow().clone();
        self.manager.status(&state.words);
        if clock::now().saturating_duration_since(state.turned_at) < TURNS_WITHIN {
            self.manager.alive();
        }
        if self.ending.is_some() {
            self.manager.stopping(EXTENSION);
        }
        let driver = DriverCondition {
            link: state.link,
            turned_at: Some(state.turned_at),
        };
        self.condition.send_replace(Condition {
            driver: Some(driver),
        });
    }
}

/// Waits for a request of the control socket, if there is one.
async fn requested(control: Option<&mut ControlSocket>) -> Option<ReloadRequest> {
    match control {
        Some(control) => control.next().await,
        None => std::future::pending().await,
    }
}

/// Waits for the end of the controller, if there is one; its panic is ours.
async fn ended(dialling: Option<&mut Dialling>) -> Result<(), ControllerError> {
    let Some(dialling) = dialling else {
        return std::future::pending().await;
    };
    tasks::outcome((&mut dialling.task).await)
}

/// Waits for the end of the ordered drops, if there are any; their panic is ours.
async fn dropped(drops: Option<&mut JoinHandle<()>>) {
    let Some(drops) = drops else {
        return std::future::pending().await;
    };
    tasks::outcome(drops.await);
}

/// What a reload names if another certificate is shown.
const CERTIFICATE: &str = "serve.tls_certificate";

/// How often the state is looked at.
const TICK: Duration = Duration::from_secs(1);

/// The loops turn once a second at least.
const TURNS_WITHIN: Duration = Duration::from_secs(5);

/// From one sign that the start goes on to the next: within [`EXTENSION`], with room for a machine that is busy.
const SIGN: Duration = Duration::from_secs(5);

/// From one attempt to open the database to the next.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// How long requests may go on once all else has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How much longer the start or the end may take, as the service manager is told again and again.
const EXTENSION: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn, task::Poll};

    use super::*;

    #[tokio::test]
    async fn signs_are_given_until_the_work_is_done() {
        let given = Cell::new(0);
        let sign = || given.set(given.get() + 1);
        // It wakes nobody: what is given wakes it.
        let work = poll_fn(|_| match given.get() {
            ..7 => Poll::Pending,
            count => Poll::Ready(count),
        });
        let every = Duration::from_millis(1);
        // More of them are given before it is looked at if this machine is busy.
        let seen = with_signs(work, every, sign).await;
        assert!(seen >= 7 && given.get() == seen, "{seen}");
        assert!(SIGN * 2 < EXTENSION);
    }
}
