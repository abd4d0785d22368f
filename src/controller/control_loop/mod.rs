//! The loop: what happened goes to the engine, and the engine's commands to whoever carries them out.

mod commands;
mod inputs;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant as TokioInstant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tracing::{info, warn};

use super::{
    ControllerError, Ended, Input,
    gate::CampaignGate,
    launch_pacer::LaunchPacer,
    messages::Messages,
    startup::{PBX, Prepared},
    stats::Account,
    status::{self, Notes},
    store_writer::{CommitLatency, Wanted},
    worker::{Aloft, DropWorker},
};
use crate::{
    campaign::{
        engine::{Availability, CampaignId, ContactId, Engine, Event, InFlight, Phase},
        pace::Rate,
    },
    clock::{self, Steady},
    drop::{Mode, Outcome},
    id::DropId,
    orders::View,
    runtime::{PbxLink, TrunkState, reconciler::EndedDrops},
    store::{CONTROLLER_LEASE, Campaign, DropEnd, Orphan, Store, StoreError, Tally},
};

/// Whose drop it is.
type Key = (CampaignId, ContactId);

/// The loop and all it knows.
pub(super) struct ControlLoop {
    engine: Engine<CampaignGate>,
    clock: Arc<Steady>,
    store: Store,
    drop_worker: Arc<DropWorker>,
    messages: Messages,
    link: watch::Receiver<PbxLink>,
    /// Whether calls can be made by the trunk.
    line: watch::Receiver<TrunkState>,
    wanted: mpsc::UnboundedSender<Wanted>,
    happened: mpsc::UnboundedSender<Input>,
    happens: mpsc::UnboundedReceiver<Input>,
    notes: Notes,
    shown: watch::Sender<View>,
    /// Whether campaigns are run that nobody named.
    takes_up: bool,
    known: BTreeMap<CampaignId, Known>,
    /// Drops from their start on until their end is told.
    aloft: BTreeMap<Key, Aloft>,
    /// Ends that were told to the engine and not settled yet.
    ends: BTreeMap<Key, Box<DropEnd>>,
    ramp: LaunchPacer<Key>,
    /// Drops of dead controllers that were told to the engine.
    found: BTreeSet<DropId>,
    /// Writes that the store has not confirmed.
    unwritten: usize,
    desired_state: Wishes,
    reach: Health,
    /// Campaigns that are over as far as we know, of which others have drops in flight; when to look again.
    look_again: BTreeMap<CampaignId, Instant>,
    ending: Option<Ending>,
    drained: bool,
    /// Something of note has changed.
    dirty: bool,
}

/// What is known of a campaign beside the engine.
struct Known {
    row: Campaign,
    account: Account,
    /// Who finds out who answered; `None`: as the configuration has it.
    mode: Option<Mode>,
}

/// How far the operator's wishes were read.
#[derive(Default)]
struct Wishes {
    /// The last change that was read.
    version: i64,
    /// How often we ourselves have changed how a campaign stands.
    own: u64,
    /// How many of these changes are not written yet: until then the store tells how all stood before.
    unwritten: usize,
    is_asking: bool,
}

/// What can be reached.
struct Health {
    /// Why the store is away, where it is.
    store_away: Option<String>,
    /// When the request began that last renewed the lease.
    renewed: Instant,
    /// How long it takes.
    haste: CommitLatency,
    /// As the engine was told.
    told: Availability,
    /// The trunk, as the engine was told.
    trunk: Availability,
}

/// Why it comes to its end.
enum Ending {
    Operator,
    Replaced,
    TakenOver,
    Broken(StoreError),
}

/// What the loop begins with.
pub(super) struct Begin {
    pub(super) engine: Engine<CampaignGate>,
    pub(super) clock: Arc<Steady>,
    pub(super) store: Store,
    pub(super) drop_worker: Arc<DropWorker>,
    pub(super) messages: Messages,
    pub(super) link: watch::Receiver<PbxLink>,
    pub(super) line: watch::Receiver<TrunkState>,
    pub(super) wanted: mpsc::UnboundedSender<Wanted>,
    pub(super) happened: mpsc::UnboundedSender<Input>,
    pub(super) happens: mpsc::UnboundedReceiver<Input>,
    pub(super) notes: Notes,
    pub(super) shown: watch::Sender<View>,
    pub(super) takes_up: bool,
    pub(super) rate: Rate,
    pub(super) renewed: Instant,
    pub(super) campaigns: Vec<Prepared>,
    pub(super) found: (Vec<Orphan>, EndedDrops),
    /// Starts and calls of the past, in their order.
    pub(super) past: Vec<Event>,
}

impl ControlLoop {
    /// Tells the engine all of the past, in its order. What it wants of that is done once it runs.
    pub(super) fn begin(begin: Begin) -> Self {
        let mut this = Self {
            engine: begin.engine,
            clock: begin.clock,
            store: begin.store,
            drop_worker: begin.drop_worker,
            messages: begin.messages,
            link: begin.link,
            line: begin.line,
            wanted: begin.wanted,
            happened: begin.happened,
            happens: begin.happens,
            notes: begin.notes,
            shown: begin.shown,
            takes_up: begin.takes_up,
            known: BTreeMap::new(),
            aloft: BTreeMap::new(),
            ends: BTreeMap::new(),
            ramp: LaunchPacer::new(begin.rate),
            found: BTreeSet::new(),
            unwritten: 0,
            desired_state: Wishes::default(),
            reach: Health {
                store_away: None,
                renewed: begin.renewed,
                haste: CommitLatency::default(),
                told: Availability::Up,
                trunk: Availability::Up,
            },
            look_again: BTreeMap::new(),
            ending: None,
            drained: false,
            dirty: true,
        };
        // Before it is fed: nothing is started by a trunk that is offline.
        this.on_line();
        let mut waiting = Vec::new();
        for mut prepared in begin.campaigns {
            waiting.append(&mut prepared.waiting);
            this.take_up(prepared);
        }
        // Calls in the order of their times: those that are found count from this moment on.
        for event in begin.past {
            if let Event::Started { campaign, at, .. } = event {
                this.ramp.note(campaign, at);
            }
            this.tell(event);
        }
        let (orphans, ended) = begin.found;
        this.on_found(orphans, &ended);
        for event in waiting {
            this.tell(event);
        }
        this
    }

    pub(super) fn clock(&self) -> Arc<Steady> {
        Arc::clone(&self.clock)
    }

    /// Runs until every campaign is over, or it has to stop.
    ///
    /// # Errors
    /// [`ControllerError`] where it could not go on.
    pub(super) async fn run(mut self) -> Result<Ended, ControllerError> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut quiet_ticks = 0;
        loop {
            self.settle();
            if self.dirty {
                self.show();
                quiet_ticks = 0;
            }
            if self.is_done() {
                break;
            }
            let deadline = [self.engine.poll_timeout(), self.ramp.next()];
            let deadline = deadline.into_iter().flatten().min();
            let deadline = deadline.map(|at| self.clock.instant(at));
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    self.on_tick();
                    quiet_ticks += 1;
                    self.dirty |= quiet_ticks >= SHOWN_EVERY;
                }
                Ok(()) = self.link.changed() => self.on_link(),
                Ok(()) = self.line.changed() => self.on_line(),
                () = at(deadline) => self.engine.handle_timeout(self.clock.now()),
                Some(happened) = self.happens.recv() => self.on_input(happened),
            }
        }
        self.count_all().await;
        self.show();
        match self.ending {
            None => Ok(Ended::Over),
            Some(Ending::Operator) if self.all_over() => Ok(Ended::Over),
            Some(Ending::Operator) => Ok(Ended::Drained),
            Some(Ending::Replaced) => Err(ControllerError::Replaced),
            Some(Ending::TakenOver) => Err(ControllerError::TakenOver),
            Some(Ending::Broken(error)) => Err(error.into()),
        }
    }

    /// Counts all campaigns as the store has them: what is shown last is theirs, not this controller's part.
    async fn count_all(&mut self) {
        if self.is_mute() || self.reach.store_away.is_some() {
            return;
        }
        let counting = async {
            for (&id, known) in &mut self.known {
                match self.store.tally(id).await {
                    Ok(tally) => known.account.set(tally),
                    Err(error) => {
                        warn!(
                            error = crate::error_chain::chain(&error),
                            "not counted at the end"
                        );
                    }
                }
            }
        };
        if timeout(LAST_COUNT, counting).await.is_err() {
            warn!("the store does not count in time; what is shown is what this controller knows");
        }
    }

    /// Does all that the engine wants, and lets go of drops whose time has come.
    fn settle(&mut self) {
        loop {
            while let Some(command) = self.engine.poll_command() {
                self.execute(command);
            }
            // What is not dialled after all gives the engine something to say.
            if !self.launch() {
                return;
            }
        }
    }

    fn tell(&mut self, event: Event) {
        self.engine.handle_event(event, self.clock.now());
    }

    /// Whether nothing is left to do.
    fn is_done(&self) -> bool {
        let at_rest = self.aloft.is_empty() && (self.unwritten == 0 || self.is_mute());
        match self.ending {
            None => at_rest && self.all_over() && self.look_again.is_empty(),
            Some(_) => at_rest && self.drained,
        }
    }

    /// Whether nothing is written any more.
    const fn is_mute(&self) -> bool {
        match self.ending {
            Some(Ending::Broken(_)) => true,
            None | Some(Ending::Operator | Ending::Replaced | Ending::TakenOver) => false,
        }
    }

    fn all_over(&self) -> bool {
        let mut known = self.known.values();
        known.all(|known| matches!(status::phase_of(&self.engine, &known.row), Phase::Over(_)))
    }

    /// Whether a drop whose intent stands there may be dialled.
    fn may_dial(&self) -> bool {
        let goes_on = match self.ending {
            None | Some(Ending::Operator) => true,
            Some(Ending::Replaced | Ending::TakenOver | Ending::Broken(_)) => false,
        };
        goes_on
            && self.is_lease_sure()
            && *self.link.borrow() == PbxLink::Up
            && *self.line.borrow() == TrunkState::Usable
    }

    /// Whether nobody can have taken over yet.
    fn is_lease_sure(&self) -> bool {
        let age = clock::now().duration_since(self.reach.renewed);
        age < CONTROLLER_LEASE.saturating_sub(LEASE_MARGIN)
    }

    /// Tells the engine whether the store is there, where that has changed.
    fn tell_reach(&mut self) {
        let there = self.reach.store_away.is_none() && self.is_lease_sure();
        let reach = if there {
            Availability::Up
        } else {
            Availability::Away
        };
        if reach != self.reach.told {
            self.reach.told = reach;
            self.dirty = true;
            self.tell(Event::Store(reach));
        }
    }

    /// Takes note of how long the store took for something that it had to make durable.
    fn note_took(&mut self, took: Duration) {
        self.dirty |= self.reach.haste.note(took, clock::now());
    }

    fn on_tick(&mut self) {
        self.tell_reach();
        let now = clock::now();
        let due = self.look_again.iter().filter(|(_, at)| **at <= now);
        for id in due.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.look_again.remove(&id);
            self.tell(Event::More { campaign: id });
            // Others have settled contacts since.
            self.count(id);
        }
        self.ask_for_wishes();
    }

    fn on_link(&mut self) {
        self.dirty = true;
        let link = *self.link.borrow_and_update();
        match link {
            PbxLink::Up => {
                self.notes.said(None, "the PBX is back");
                self.tell(Event::Pbx(PBX, Availability::Up));
            }
            PbxLink::Away => {
                let words = "the PBX cannot be reached; nothing is started until it is back";
                self.notes.warned(None, words);
                warn!("{words}");
                self.tell(Event::Pbx(PBX, Availability::Away));
            }
            PbxLink::Taken => {
                let words =
                    "another program has registered our app on the PBX: every call is let go";
                self.notes.warned(None, words);
                self.end(Ending::Replaced, InFlight::HangUp);
            }
        }
    }

    /// Tells the engine how the trunk stands, and people where that has changed.
    fn on_line(&mut self) {
        self.dirty = true;
        let state = *self.line.borrow_and_update();
        let reach = match state {
            TrunkState::Usable => Availability::Up,
            TrunkState::Offline => Availability::Away,
        };
        if std::mem::replace(&mut self.reach.trunk, reach) == reach {
            return;
        }
        match state {
            TrunkState::Usable => self.notes.said(None, "the trunk is back"),
            TrunkState::Offline => self
                .notes
                .warned(None, format!("{OFFLINE}; nothing is started until it does")),
        }
        self.tell(Event::Trunk(PBX, reach));
    }

    /// Comes to its end. A worse reason replaces another.
    fn end(&mut self, why: Ending, in_flight: InFlight) {
        match (&self.ending, &why) {
            (Some(Ending::Replaced | Ending::TakenOver | Ending::Broken(_)), _) => {}
            (None | Some(Ending::Operator), _) => self.ending = Some(why),
        }
        self.dirty = true;
        self.engine.drain(in_flight, self.clock.now());
    }

    /// Shows all to those who watch.
    fn show(&mut self) {
        self.dirty = false;
        let now = self.clock.now();
        let known = self.known.values();
        let campaigns =
            known.map(|known| status::campaign(&self.engine, &known.row, &known.account, now));
        let view = View {
            at: now,
            campaigns: campaigns.collect(),
            budget: status::gauges(&self.engine),
            trouble: self.trouble(),
            draining: self.ending.is_some(),
        };
        self.shown.send_replace(view);
    }

    fn trouble(&self) -> Option<String> {
        if let Some(Ending::Broken(error)) = &self.ending {
            return Some(crate::error_chain::chain(error));
        }
        if let Some(words) = &self.reach.store_away {
            return Some(format!("the store is away: {words}"));
        }
        if !self.is_lease_sure() {
            return Some("the store does not renew our lease".to_owned());
        }
        match *self.link.borrow() {
            PbxLink::Up if self.reach.trunk == Availability::Away => Some(OFFLINE.to_owned()),
            PbxLink::Up => self.reach.haste.words(),
            PbxLink::Away => Some("the PBX cannot be reached".to_owned()),
            PbxLink::Taken => Some("another program has our app on the PBX".to_owned()),
        }
    }

    fn name(&self, id: CampaignId) -> Option<&str> {
        self.known.get(&id).map(|known| known.row.name.as_str())
    }

    /// Takes a campaign up, or takes its settings anew.
    fn take_up(&mut self, prepared: Prepared) {
        let Prepared {
            row,
            spec,
            settings,
            tally,
            waiting: _,
        } = prepared;
        let id = row.id;
        let seen = self.known.remove(&id);
        if seen
            .as_ref()
            .is_some_and(|seen| seen.row.version > row.version)
        {
            self.known.extend(seen.map(|seen| (id, seen)));
            return;
        }
        self.dirty = true;
        let phase = self.engine.phase(id);
        let steps = super::desired_state::steps(seen.as_ref().map(|seen| &seen.row), &row, phase);
        let had = seen.is_none().then(|| refused_of(&tally));
        let account = match seen {
            Some(mut seen) => {
                seen.account.recount(&tally);
                seen.account
            }
            None => {
                info!(
                    campaign = id.0,
                    name = row.name,
                    contacts = tally.contacts,
                    "campaign began"
                );
                Account::new(tally)
            }
        };
        let known = Known {
            account,
            mode: spec.screen,
            row: row.clone(),
        };
        self.known.insert(id, known);
        self.engine.gate_mut().set_campaign(id, spec.kind);
        self.ramp.set_campaign(id, settings.rate);
        for step in steps {
            self.take(step, &row, Some(&settings));
        }
        if let Some((refused, of)) = had {
            self.tell(Event::Had {
                campaign: id,
                refused,
                of,
            });
        }
    }
}

/// How many of a campaign's contacts were declined or have no such number, and of how many that have come to their end.
fn refused_of(tally: &Tally) -> (u64, u64) {
    let of = |outcome| tally.outcomes.get(&outcome).copied().unwrap_or(0);
    let refused = of(Outcome::Rejected) + of(Outcome::InvalidNumber);
    (refused, tally.outcomes.values().sum())
}

/// What is said of a trunk that is offline.
const OFFLINE: &str = "the trunk is offline: its far end does not answer the PBX";

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(TokioInstant::from_std(deadline)).await,
        None => std::future::pending().await,
    }
}

/// How often the operator's wishes are read.
const TICK: Duration = Duration::from_millis(500);

/// After how many ticks all is shown where nothing of note has changed.
const SHOWN_EVERY: u32 = 2;

/// How long before the end of the lease, counted from its last renewal, nothing is dialled any more.
const LEASE_MARGIN: Duration = Duration::from_secs(10);

/// How long the last count of all campaigns may take.
const LAST_COUNT: Duration = Duration::from_secs(10);

/// After which time a campaign that others still have drops of is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
