//! The one loop that owns the board: takes in what happened, hands on what drops want, sleeps until the next deadline.

mod record;
#[cfg(debug_assertions)]
mod standstill;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tracing::{Span, debug, error, info, info_span, trace, warn};

use self::record::Record;
use super::{
    call::CallSpec,
    executor::CommandContext,
    listener::{Cue, ToListener},
    reconciler::{Asked, Reconciled, Reconciler},
};
use crate::{
    ari::{AdoptedChannels, AidDid, Arrival, Events, Incoming, Notice, Pulse, Visit},
    clock,
    drop::{Board, Command, Event, Milestone, Mode, Moment, Outcome, Report, Voice},
    evidence::Recorder,
    id::{ChannelId, DropId, RunName},
    metrics::{self, EndedCalls},
    tasks,
    words::{Leg, Verdict},
};

/// What others ask of the driver.
#[derive(Debug)]
pub enum Order {
    /// Start a drop.
    Start {
        /// The drop.
        spec: Box<CallSpec>,
        /// Records what is heard of it; `None` if no evidence is kept.
        tape: Option<Recorder>,
        /// Takes its updates.
        updates: mpsc::UnboundedSender<DropUpdate>,
    },
    /// End a drop.
    Cancel(DropId),
    /// End all drops.
    CancelAll,
    /// Answer once all that has come before is taken in.
    Settle(oneshot::Sender<()>),
    /// Start nothing more, and end when the last drop has.
    Drain,
}

/// What became of a drop, as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropUpdate {
    /// A milestone, with a detail beyond its name.
    Moment(Moment, Option<String>),
    /// The end; nothing follows.
    Ended(Box<Report>),
}

/// The state of the event link to the PBX. Nothing is dialled unless it is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PbxLink {
    /// Events flow, and what was missed is known.
    Up,
    /// The PBX is away, or is being asked what happened meanwhile.
    Away,
    /// Another program has taken our app name; there is no way back.
    Taken,
}

/// Why the driver ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverError {
    /// Another program took our app name: events went to it, so every drop was let go.
    Replaced,
}

/// The loop and all it knows.
pub(super) struct Driver {
    run: RunName,
    /// Whether calls can bring us their audio.
    listens: bool,
    /// How long the prompt is that answers a call screener, if there is one.
    prompt: Option<Duration>,
    board: Board,
    records: BTreeMap<DropId, Record>,
    link: LinkState,
    events: Events,
    orders: mpsc::Receiver<Order>,
    reports: mpsc::Receiver<(DropId, Event)>,
    commands: mpsc::UnboundedSender<CommandContext>,
    reconciler: Reconciler,
    told: watch::Sender<PbxLink>,
    /// Calls of others that wait in our app; nothing takes them if the receiver is gone.
    visits: mpsc::UnboundedSender<Visit>,
    /// The channels that were taken over.
    adopted: AdoptedChannels,
    pulse: Pulse,
    draining: bool,
    /// Until when deadlines wait, because one was slept through.
    catching_up: Option<Instant>,
}

/// The channels that connect a driver to the rest.
pub(super) struct DriverIo {
    pub(super) events: Events,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) reports: mpsc::Receiver<(DropId, Event)>,
    pub(super) commands: mpsc::UnboundedSender<CommandContext>,
    pub(super) link: watch::Sender<PbxLink>,
    pub(super) visits: mpsc::UnboundedSender<Visit>,
    pub(super) adopted: AdoptedChannels,
    /// Beaten with each turn of the loop.
    pub(super) pulse: Pulse,
}

impl Driver {
    /// A driver without drops whose link to the PBX is up.
    pub(super) fn new(
        run: RunName,
        reconciler: Reconciler,
        (listens, prompt): (bool, Option<Duration>),
        io: DriverIo,
    ) -> Self {
        Self {
            run,
            listens,
            prompt,
            board: Board::new(),
            records: BTreeMap::new(),
            link: LinkState::Up,
            events: io.events,
            orders: io.orders,
            reports: io.reports,
            commands: io.commands,
            told: io.link,
            visits: io.visits,
            adopted: io.adopted,
            pulse: io.pulse,
            reconciler,
            draining: false,
            catching_up: None,
        }
    }

    /// Drives until it is drained, or until it cannot go on.
    ///
    /// # Errors
    /// [`DriverError`] if it ended for a reason of its own; no drop is in flight then either.
    pub(super) async fn drive(mut self) -> Result<(), DriverError> {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !(self.board.is_empty() && (self.draining || self.link.is_taken())) {
            #[cfg(debug_assertions)]
            standstill::stand_if_ordered().await;
            self.pulse.beat();
            let deadline = self.board.poll_timeout();
            let deadline = deadline.map(|at| self.catching_up.map_or(at, |until| at.max(until)));
            tokio::select! {
                // Events first: what the PBX said before a deadline or an order counts before it.
                biased;
                Some(incoming) = self.events.next() => self.on_incoming(incoming),
                Some((drop, event)) = self.reports.recv() => self.on_event(drop, event),
                () = clock::reach(deadline) => self.on_deadline(deadline),
                done = self.link.reconciled() => self.on_reconciled(done),
                order = self.orders.recv(), if !self.is_deaf() => {
                    self.on_order(order.unwrap_or(Order::Drain));
                }
                _ = beat.tick() => {}
            }
            self.settle();
            self.publish_link();
        }
        let taken = self.link.is_taken();
        self.events.close().await;
        if taken {
            Err(DriverError::Replaced)
        } else {
            Ok(())
        }
    }

    /// Lets deadlines act. If this one is seen late, what has come meanwhile counts before it, and may still have to be
    /// read from a socket: deadlines wait a moment.
    fn on_deadline(&mut self, deadline: Option<Instant>) {
        let now = clock::now();
        let due = deadline.unwrap_or(now);
        let slept = clock::suspended_for(due, now);
        if let Some(late) = slept {
            warn!(
                late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
                "this program stood still; what has come meanwhile is taken in first"
            );
        }
        let has_waited = self.catching_up.is_some() && slept.is_none();
        let wait = clock::catch_up(due, now).filter(|_| !has_waited);
        self.catching_up = wait.map(|wait| now + wait);
        if wait.is_none() {
            self.board.handle_timeout(now);
        }
    }

    fn on_incoming(&mut self, incoming: Incoming) {
        let now = clock::now();
        match incoming {
            Incoming::Notice(Notice::Drop { drop, event }) => self.on_event(drop, event),
            Incoming::Notice(Notice::Aid { channel, did }) => self.on_aid(channel, did),
            Incoming::Notice(Notice::Stranger {
                channel,
                ours,
                drop,
            }) => self.on_stranger(channel, ours, drop),
            Incoming::Notice(Notice::Arrived(arrival)) => self.on_arrival(arrival),
            // If nobody takes calls of others, nobody waits for it.
            Incoming::Notice(Notice::Caller(did)) => drop(self.visits.send(Visit::Did(did))),
            Incoming::Notice(Notice::Forwarded { drop, channel }) => {
                warn!(%drop, channel, "the network redirects a call; the call to the other number is hung up");
                self.reconciler.hang_up_stranger(channel);
            }
            Incoming::Down { why } => {
                debug!(why, "nothing is dialled until the event link is back");
                self.cut(now);
            }
            Incoming::Up { first: true } => {}
            Incoming::Up { first: false } => {
                metrics::pbx_reconnected();
                self.cut(now);
                self.reconcile();
            }
            Incoming::Replaced => {
                error!(
                    app = self.reconciler.app(),
                    "another program has registered our app name; every call is let go and nothing more is started"
                );
                self.link = LinkState::Taken;
                self.board.link_lost(now);
                self.board.cancel_all(now);
            }
        }
    }

    fn on_event(&mut self, drop: DropId, event: Event) {
        let now = clock::now();
        let record = self.records.get_mut(&drop);
        let span = record.as_ref().map_or_else(Span::none, |r| r.span.clone());
        let _inside = span.enter();
        trace!(?event, "happened");
        if let Some(record) = record {
            record.note(&event);
        }
        self.board.handle_event(drop, event, now);
    }

    /// A channel entered our app that lets us hear a leg. If nothing listens to the leg any more it came too late.
    fn on_aid(&mut self, channel: ChannelId, did: AidDid) {
        let cue = match did {
            AidDid::Entered => Cue::Entered(channel.role),
            AidDid::Judged(status) => Cue::Judged(status),
        };
        let record = self.records.get(&channel.drop);
        let cues = record.and_then(|record| record.cues.as_ref());
        let told = cues.is_some_and(|cues| cues.send(cue).is_ok());
        if !told {
            debug!(%channel, "nothing listens by it any more; it is hung up");
            self.reconciler.hang_up(channel);
        }
    }

    /// A call of somebody else's entered our app and says what for.
    fn on_arrival(&mut self, arrival: Arrival) {
        let channel = arrival.channel.clone();
        if self.visits.send(Visit::Came(arrival)).is_err() {
            warn!(
                channel,
                "a call that wants something of us entered an app that takes none, and is left alone"
            );
        }
    }

    /// A channel that no drop of ours knows entered our app. One that brings the id of a drop was made by the PBX in the
    /// place of a leg, for a number that the gate was not asked about.
    fn on_stranger(&mut self, channel: String, ours: Option<ChannelId>, drop: Option<DropId>) {
        match (ours, drop) {
            (Some(id), _) if id.run == self.run => {
                warn!(channel, "a channel of ours that no drop owns is hung up");
                self.reconciler.hang_up(id);
            }
            (None, Some(drop)) => {
                warn!(%drop, channel, "a call that the network redirected entered our app and is hung up");
                self.reconciler.hang_up_stranger(channel);
            }
            (Some(_), _) | (None, None) => warn!(
                channel,
                "a channel that is not ours entered our app and is left alone"
            ),
        }
    }

    fn on_order(&mut self, order: Order) {
        let now = clock::now();
        match order {
            Order::Start { spec, .. } if self.draining || self.link.is_taken() => {
                // Its caller sees the channel closed without an end.
                debug!(drop = %spec.drop, "not started: no more drops are taken");
            }
            Order::Start { spec, updates, .. } if now > spec.dial_by => {
                let report = Report::not_dialled("it took too long until it could be dialled");
                // There may be no receiver.
                let _ = updates.send(DropUpdate::Ended(Box::new(report)));
            }
            Order::Start {
                spec,
                tape,
                updates,
            } => self.start(*spec, tape, updates, now),
            Order::Cancel(id) => self.board.cancel(id, now),
            Order::CancelAll => self.board.cancel_all(now),
            Order::Settle(settled) => {
                self.publish_link();
                // There may be no receiver.
                let _ = settled.send(());
            }
            Order::Drain => self.draining = true,
        }
    }

    /// Whether no order can come any more.
    fn is_deaf(&self) -> bool {
        self.orders.is_closed() && self.orders.is_empty()
    }

    fn start(
        &mut self,
        mut spec: CallSpec,
        tape: Option<Recorder>,
        updates: mpsc::UnboundedSender<DropUpdate>,
        now: Instant,
    ) {
        spec.plan.voice = match spec.sound {
            Some(_) => Voice::Ours,
            None => Voice::Pbx,
        };
        spec.plan.prompt = self.prompt;
        if !self.listens {
            spec.plan.mode = Mode::Dialplan;
        }
        let drop = spec.drop;
        let mut dialled = BTreeSet::new();
        if let Some(channel) = &spec.adopted {
            let leg = ChannelId::leg(self.run.clone(), drop, Leg::Drop);
            if !self.adopted.adopt(channel, &leg) {
                let report = Report::not_dialled("the call is the leg of another drop");
                // There may be no receiver.
                let _ = updates.send(DropUpdate::Ended(Box::new(report)));
                return;
            }
            dialled.insert(Leg::Drop);
        }
        let campaign = spec.campaign.map(|campaign| campaign.0);
        let span = info_span!("drop", id = %spec.drop, number = %spec.number, campaign);
        span.in_scope(|| info!(technique = ?spec.plan.technique, "drop began"));
        metrics::drop_began(spec.plan.technique.slug());
        self.board.start(drop, spec.plan.clone(), now);
        let record = Record {
            spec: Arc::new(spec),
            updates,
            span,
            verdict: None,
            deaf: None,
            cues: None,
            tape,
            moments: Vec::new(),
            dialled,
            unanswered: BTreeSet::new(),
            plays: BTreeSet::new(),
        };
        self.records.insert(drop, record);
    }

    fn on_reconciled(&mut self, done: Reconciled) {
        // A leg whose originate was answered only after the list was read is neither there nor gone.
        let overtaken = done.unanswered.iter().any(|(drop, leg)| {
            let seen = done.seen.get(drop);
            let missing = seen.is_none_or(|seen| !seen.legs.contains_key(leg));
            let record = self.records.get(drop);
            missing && record.is_some_and(|record| !record.unanswered.contains(leg))
        });
        if overtaken {
            self.reconcile();
            return;
        }
        for arrival in done.waiting {
            self.on_arrival(arrival);
        }
        for channel in done.channels {
            if !self.board.owns(channel.drop) {
                warn!(%channel, "a channel that no drop owns is hung up");
                self.reconciler.hang_up(channel);
            }
        }
        self.link = LinkState::Up;
        self.board.link_restored(&done.seen, clock::now());
    }

    /// Publishes the state of the link, if it has changed.
    fn publish_link(&self) {
        let state = match self.link {
            LinkState::Up => PbxLink::Up,
            LinkState::Down | LinkState::Restoring(_) => PbxLink::Away,
            LinkState::Taken => PbxLink::Taken,
        };
        self.told
            .send_if_modified(|known| std::mem::replace(known, state) != state);
    }

    fn cut(&mut self, now: Instant) {
        if !self.link.is_taken() {
            self.link = LinkState::Down;
            self.board.link_lost(now);
        }
    }

    /// Asks the PBX what there is, as events flow again. What arrives meanwhile goes to the board as ever.
    fn reconcile(&mut self) {
        if self.link.is_taken() {
            return;
        }
        let of_each = |of: fn(&Record) -> &BTreeSet<Leg>| {
            let legs = self.records.iter();
            legs.flat_map(move |(&drop, record)| of(record).iter().map(move |&leg| (drop, leg)))
        };
        let plays = self.records.iter().flat_map(|(&drop, record)| {
            let plays = record.plays.iter().copied();
            plays.map(move |play| (drop, play))
        });
        let asked = Asked {
            legs: of_each(|record| &record.dialled).collect(),
            unanswered: of_each(|record| &record.unanswered).collect(),
            plays: plays.collect(),
        };
        let task = self.reconciler.begin(asked);
        self.link = LinkState::Restoring(Abort(task));
    }

    /// Passes on all that the board wants and reports.
    fn settle(&mut self) {
        while let Some((drop, command)) = self.board.poll_command() {
            self.hand_on(drop, command);
        }
        while let Some((drop, moment)) = self.board.poll_moment() {
            let Some(record) = self.records.get_mut(&drop) else {
                continue;
            };
            record.moments.push(moment);
            let note = record.words_for(moment.event);
            // There may be no receiver.
            let _ = record.updates.send(DropUpdate::Moment(moment, note));
        }
        while let Some((drop, mut report)) = self.board.poll_ended() {
            if self.link.is_taken() && report.outcome == Outcome::Cancelled {
                // It was not ordered: how it would have ended is not known.
                report.lose("another program registered our app name");
            }
            if let Some(record) = self.records.remove(&drop) {
                report.words = report.words.take().or_else(|| record.sent_nowhere(&report));
                if record.spec.adopted.is_some() && is_over(&report) {
                    let leg = ChannelId::leg(self.run.clone(), drop, Leg::Drop);
                    self.adopted.forget(&leg);
                }
                record.span.in_scope(|| log_end(&report));
                metrics::calls_ended(&measured(&report));
                let _ = record.updates.send(DropUpdate::Ended(Box::new(report)));
            }
        }
    }

    fn hand_on(&mut self, drop: DropId, command: Command) {
        let record = self.records.get_mut(&drop);
        let span = record.as_ref().map_or_else(Span::none, |r| r.span.clone());
        let mut listen = None;
        let spec = record.map(|record| {
            match command {
                Command::Dial(leg) => {
                    record.dialled.insert(leg);
                    record.unanswered.insert(leg);
                }
                Command::Play(_, play) => {
                    record.plays.insert(play);
                }
                Command::Listen(leg) => {
                    let (cues, heard) = mpsc::unbounded_channel();
                    record.cues = Some(cues);
                    listen = Some(ToListener {
                        cues: heard,
                        call: record.call(leg),
                        tape: record.tape.take(),
                    });
                }
                // At once, and in their order.
                Command::Speak(_, play) => record.cue(Cue::Speak(play)),
                Command::Say(_) => record.cue(Cue::Say),
                Command::Hush(play) => record.cue(Cue::Hush(play)),
                Command::Release(_) => record.cue(Cue::Goodbye),
                Command::Screen(_) | Command::AwaitReady(_) => record.tell_fallback(),
                Command::StopPlay(_) | Command::GiveBack(_) | Command::HangUp(_) => {}
            }
            Arc::clone(&record.spec)
        });
        let context = CommandContext {
            drop,
            command,
            spec,
            listen,
            span,
        };
        if self.commands.send(context).is_err() {
            error!(%drop, ?command, "the executor is gone; nothing can be carried out");
        }
    }
}

/// The event link, as the board knows it.
enum LinkState {
    Up,
    Down,
    /// Events flow, and the PBX is being asked what happened meanwhile.
    Restoring(Abort<Reconciled>),
    /// Another program has it.
    Taken,
}

impl LinkState {
    const fn is_taken(&self) -> bool {
        matches!(self, Self::Taken)
    }

    /// Waits for the end of [`Self::Restoring`]; for ever in any other state.
    async fn reconciled(&mut self) -> Reconciled {
        let Self::Restoring(task) = self else {
            return std::future::pending().await;
        };
        // It is aborted only when it is dropped.
        tasks::outcome((&mut task.0).await)
    }
}

/// A task that ends with its handle.
struct Abort<T>(JoinHandle<T>);

impl<T> Drop for Abort<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether nothing is up any more that was taken over, or it is none of ours.
fn is_over(report: &Report) -> bool {
    let mut events = report.timeline.iter().map(|moment| moment.event);
    events.any(|event| matches!(event, Milestone::DropGone | Milestone::GivenBack))
}

/// The longest from one turn of the loop to the next, unless the program is halted.
const BEAT: Duration = Duration::from_secs(1);

/// What is counted of a drop.
fn measured(report: &Report) -> EndedCalls {
    let at = |event: Milestone| {
        let moment = report.timeline.iter().find(|moment| moment.event == event);
        moment.map(|moment| moment.at)
    };
    let between = |from: Option<Duration>, to: Option<Duration>| to?.checked_sub(from?);
    let count = |event: Milestone| {
        let all = report
            .timeline
            .iter()
            .filter(|moment| moment.event == event);
        u32::try_from(all.count()).unwrap_or(u32::MAX)
    };
    let answered = if report.promoted {
        at(Milestone::BusyAnswered)
    } else {
        at(Milestone::DropAnswered)
    };
    let (ready, played) = (at(Milestone::Ready), at(Milestone::PlayStarted));
    let legs = [Leg::Busy, Leg::Drop].map(|leg| Some((leg.as_str(), report.leg(leg)?.q850)));
    EndedCalls {
        verdict: report.verdict.map(Verdict::as_str),
        has_beep: report.beep.is_some(),
        heard_by_person: report.verdict == Some(Verdict::Human) && !report.heard.is_zero(),
        restarts: report.restarts,
        taps_lost: count(Milestone::TapLost),
        legs: legs.into_iter().flatten().collect(),
        alerting_to_hangup: between(at(Milestone::DropAlerting), at(Milestone::BusyHungUp)),
        to_verdict: between(answered, at(Milestone::Verdict)),
        ready_to_play: between(ready, played),
        dead_air: between(answered, played),
    }
}

fn log_end(report: &Report) {
    let first = |event: Milestone| {
        let moment = report
            .timeline
            .iter()
            .find(|moment| moment.event == event)?;
        u64::try_from(moment.at.as_millis()).ok()
    };
    info!(
        outcome = report.outcome.slug(),
        promoted = report.promoted,
        alerting_ms = first(Milestone::DropAlerting),
        answered_ms = first(Milestone::DropAnswered).or(first(Milestone::BusyAnswered)),
        verdict_ms = first(Milestone::Verdict),
        ready_ms = first(Milestone::Ready),
        play_ms = first(Milestone::PlayStarted),
        played_ms = u64::try_from(report.played.as_millis()).unwrap_or(u64::MAX),
        words = report.words,
        "drop ended"
    );
}
