//! The controller within a service: opened however often it takes, and followed until the service ends.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval, sleep},
};
use tracing::{debug, info};

use super::{
    budget_watch::BudgetWatch,
    gauges::{gauges, nothing},
};
use crate::{
    cli::{campaign::note_line, database, printer::Printer},
    clock,
    config::Config,
    controller::{Controller, ControllerError, Ended, Selection},
    error_chain::chain,
    events::EventKind,
    http::LinkCondition,
    metrics,
    orders::{NoteLevel, View},
    runtime::PbxLink,
    store::Store,
};

/// An order to the controller, whether it is there at this moment or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiallingOrder {
    /// To take up the configuration in force.
    Reconfigure,
    /// To start nothing more, and end when the drops in flight have.
    Finish,
    /// To hang up what is in flight, and end.
    HangUp,
}

/// What the controller does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DiallingState {
    /// The way to the PBX.
    pub(super) link: LinkCondition,
    /// When the loops last turned: the driver's and the controller's own; while there is none, the one that waits for it.
    pub(super) turned_at: Instant,
    /// What it does, for people.
    pub(super) words: String,
}

/// The task of the controller.
pub(super) struct Dialling {
    pub(super) orders: mpsc::UnboundedSender<DiallingOrder>,
    pub(super) state: watch::Receiver<DiallingState>,
    pub(super) task: JoinHandle<Result<(), ControllerError>>,
}

/// Where the controller's view goes, for whoever asks over HTTP.
pub(super) type ShownView = watch::Sender<Option<Arc<View>>>;

impl Dialling {
    /// Begins to run every campaign that is started, now and later.
    pub(super) fn start(
        config: watch::Receiver<Arc<Config>>,
        store: Store,
        printer: Printer,
        view: ShownView,
    ) -> Self {
        let words = "reaching the PBX".to_owned();
        let (state, seen) = watch::channel(DiallingState {
            link: LinkCondition::Away(words.clone()),
            turned_at: clock::now(),
            words,
        });
        let (orders, ordered) = mpsc::unbounded_channel();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        metrics::pbx_connected(false);
        metrics::campaigns(&nothing());
        let budget = BudgetWatch::new(store.clone());
        let supervisor = Supervisor {
            config,
            store,
            printer,
            view,
            orders: ordered,
            state,
            ticks,
            said: None,
            was_up: None,
            budget,
        };
        Self {
            orders,
            state: seen,
            task: tokio::spawn(supervisor.work()),
        }
    }

    /// Gives it an order. One that has ended needs none.
    pub(super) fn order(&self, order: DiallingOrder) {
        let _ = self.orders.send(order);
    }
}

/// Opens the controller again and again.
struct Supervisor {
    config: watch::Receiver<Arc<Config>>,
    store: Store,
    printer: Printer,
    view: ShownView,
    orders: mpsc::UnboundedReceiver<DiallingOrder>,
    state: watch::Sender<DiallingState>,
    ticks: Interval,
    /// What was last said of why there is no controller.
    said: Option<String>,
    /// Whether the way to the PBX was there when that was last told; `None`: it never was.
    was_up: Option<bool>,
    budget: BudgetWatch,
}

impl Supervisor {
    async fn work(mut self) -> Result<(), ControllerError> {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let Some(opened) = self.open().await else {
                return Ok(());
            };
            let error = match opened {
                Ok(controller) => {
                    pause = SHORTEST_PAUSE;
                    if self.said.take().is_some() {
                        self.printer.talk("the PBX is reached");
                    }
                    match self.follow(controller).await {
                        Ok(Ended::Drained | Ended::Over) => return Ok(()),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if !comes_back(&error) {
                return Err(error);
            }
            metrics::pbx_connected(false);
            metrics::campaigns(&nothing());
            let words = chain(&error);
            if self.said.as_ref() != Some(&words) {
                self.printer
                    .warning(&format!("nothing is dialled: {words}; it is tried again"));
                self.said = Some(words.clone());
            }
            self.tell_of_link(false, &words);
            self.state.send_modify(|state| {
                state.link = LinkCondition::Away(words.clone());
                state.words = format!("nothing is dialled: {words}");
            });
            if !self.wait(pause).await {
                return Ok(());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Opens a controller; `None` if the service is to end first.
    async fn open(&mut self) -> Option<Result<Controller, ControllerError>> {
        let config = Arc::clone(&self.config.borrow_and_update());
        let opening = Controller::open(&config, self.store.clone(), Selection::Service);
        tokio::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => return Some(opened),
                order = self.orders.recv() => match order {
                    // It is given the configuration of then as soon as it is there.
                    Some(DiallingOrder::Reconfigure) => {}
                    Some(DiallingOrder::Finish | DiallingOrder::HangUp) | None => return None,
                },
                _ = self.ticks.tick() => self.state.send_modify(|state| state.turned_at = clock::now()),
            }
        }
    }

    /// Waits before the next attempt; `false` if the service is to end first.
    async fn wait(&mut self, pause: Duration) -> bool {
        let over = sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return true,
                order = self.orders.recv() => match order {
                    // What was wrong may be right now.
                    Some(DiallingOrder::Reconfigure) => return true,
                    Some(DiallingOrder::Finish | DiallingOrder::HangUp) | None => return false,
                },
                _ = self.ticks.tick() => self.state.send_modify(|state| state.turned_at = clock::now()),
            }
        }
    }

    /// Follows a controller to its end.
    async fn follow(&mut self, mut controller: Controller) -> Result<Ended, ControllerError> {
        let (mut views, mut notes) = (controller.watch(), controller.notes());
        let (mut link, turns) = (controller.link(), controller.turns());
        let orders = controller.orders();
        orders.reconfigure(&self.config.borrow_and_update());
        self.show_link(*link.borrow_and_update());
        let running = controller.run();
        tokio::pin!(running);
        let mut turned = turns();
        let mut shown_at = clock::now();
        // Each ends before the controller does.
        let (mut has_views, mut has_notes, mut has_link) = (true, true, true);
        let ended = loop {
            tokio::select! {
                ended = &mut running => break ended,
                note = notes.recv(), if has_notes => match note {
                    Some(note) => self.say(note.level, &note_line(&note)),
                    None => has_notes = false,
                },
                changed = views.changed(), if has_views => {
                    has_views = changed.is_ok();
                    shown_at = clock::now();
                    let view = views.borrow_and_update().clone();
                    metrics::campaigns(&gauges(&view));
                    self.budget.look(&self.config.borrow().instance, &view);
                    let words = state_words(&view);
                    self.view.send_replace(Some(Arc::new(view)));
                    self.state.send_if_modified(|state| {
                        std::mem::replace(&mut state.words, words.clone()) != words
                    });
                }
                changed = link.changed(), if has_link => {
                    has_link = changed.is_ok();
                    let now = *link.borrow_and_update();
                    self.show_link(now);
                }
                order = self.orders.recv() => match order {
                    Some(DiallingOrder::Reconfigure) => {
                        orders.reconfigure(&self.config.borrow_and_update());
                    }
                    Some(DiallingOrder::Finish) => orders.finish(),
                    Some(DiallingOrder::HangUp) | None => orders.hang_up(),
                },
                _ = self.ticks.tick() => {
                    // Once nothing more is shown, the rest is written and closed, which has its own limits.
                    let now = clock::now();
                    let is_shown = !has_views || now.duration_since(shown_at) < SHOWN_WITHIN;
                    let count = turns();
                    let is_driven = !has_views || count != turned;
                    turned = count;
                    if is_shown && is_driven {
                        self.state.send_modify(|state| state.turned_at = now);
                    }
                }
            }
        };
        self.view.send_replace(None);
        while let Ok(note) = notes.try_recv() {
            self.say(note.level, &note_line(&note));
        }
        info!(?ended, "the controller has ended");
        ended
    }

    fn show_link(&mut self, link: PbxLink) {
        metrics::pbx_connected(link == PbxLink::Up);
        let link = match link {
            PbxLink::Up => {
                self.tell_of_link(true, "");
                LinkCondition::Up
            }
            PbxLink::Away => self.lost("the PBX cannot be reached"),
            PbxLink::Taken => self.lost("another program has registered the app"),
        };
        self.state.send_modify(|state| state.link = link);
    }

    fn lost(&mut self, why: &str) -> LinkCondition {
        self.tell_of_link(false, why);
        LinkCondition::Away(why.to_owned())
    }

    /// Tells of a way that is lost or there again, in the log of events. What cannot be written is left out: who cannot reach the
    /// database cannot dial either.
    fn tell_of_link(&mut self, is_up: bool, why: &str) {
        let kind = match (self.was_up, is_up) {
            (Some(true), false) => EventKind::PbxLost,
            (Some(false), true) => EventKind::PbxRestored,
            // One that was never there was not lost.
            (None, false) | (Some(false), false) | (None | Some(true), true) => {
                self.was_up = self.was_up.or(is_up.then_some(true));
                return;
            }
        };
        self.was_up = Some(is_up);
        let why = (!why.is_empty()).then_some(why);
        let detail = json!({"pbx": self.config.borrow().instance, "why": why});
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.tell(kind, &detail, database::now()).await {
                debug!(error = chain(&error), %kind, "an event was not written");
            }
        });
    }

    fn say(&self, level: NoteLevel, words: &str) {
        match level {
            NoteLevel::Said => self.printer.talk(words),
            NoteLevel::Warned => self.printer.warning(words),
        }
    }
}

/// Whether another controller may do what this one could not: nothing is wrong with what was ordered.
const fn comes_back(error: &ControllerError) -> bool {
    error.is_away()
        || matches!(
            error,
            ControllerError::ClockSetBack | ControllerError::TakenOver
        )
}

/// What a controller does, in one line.
fn state_words(view: &View) -> String {
    if let Some(trouble) = &view.trouble {
        return format!("nothing is dialled: {trouble}");
    }
    let started = view.campaigns.iter().filter(|campaign| {
        let is_over = ["complete", "cancelled", "dates_over"].contains(&campaign.standing);
        !is_over
    });
    let mut started: Vec<_> = started.collect();
    let in_flight: u64 = view
        .campaigns
        .iter()
        .map(|campaign| campaign.in_flight)
        .sum();
    if view.draining {
        return format!("ending: {in_flight} drops in flight");
    }
    started.sort_by_key(|campaign| campaign.idle().is_some());
    match started.as_slice() {
        [] => "no campaign is started".to_owned(),
        [first, rest @ ..] => {
            let does = match first.idle() {
                Some((_, words)) => words.to_owned(),
                None => "dialling".to_owned(),
            };
            let more = match rest.len() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            format!("{in_flight} in flight; {}: {does}{more}", first.name)
        }
    }
}

/// How often it is looked whether the loops turn.
const TICK: Duration = Duration::from_secs(1);

/// A controller shows its state once a second, unless its loop is stuck.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// From one attempt to reach the PBX to the next.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
