//! The control loop: each input goes to the engine, and each of the engine's commands to the part that carries it out.
//!
//! | field | what it is |
//! |---|---|
//! | `engine` | decides whom to call, when, and how fast; asks the gate for each call |
//! | `store_io` | what goes to the store writer, and what is read from the store |
//! | `in_flight` | every contact from the decision to its settlement: [`super::in_flight`] has its stages |
//! | `campaigns` | the campaigns that are run, and how far the operator's commands were read |
//! | `health` | whether the store, the lease, the PBX and the trunk are there, and the clocks can be relied on |
//! | `reporter` | what is shown and noted |
//! | `worker` | carries out each drop, in a task of its own |
//! | `messages` | the recordings that drops leave |
//! | `preparations` | the messages that are made for contacts which wait to be decided on |
//! | `settings` | the configuration in force, for those who look at it by themselves |
//! | `elsewhere` | what other controllers do on the same trunk and in the same campaigns |
//! | `ending` | why it ends, once it does |

mod commands;
mod fetched;
mod health;
mod inputs;
mod reconfigure;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::{info, warn};

use super::{
    ControllerError, Ended, Input,
    campaign_table::{CampaignState, CampaignTable, PreparedCampaign, refused_of},
    desired_state::steps,
    elsewhere::Elsewhere,
    gate::{self, CampaignGate},
    in_flight::InFlightTable,
    messages::Messages,
    preparations::Preparations,
    stats::Account,
    status::{self, Reporter},
    store_writer::StoreIo,
    worker::DropWorker,
};
use crate::{
    campaign::engine::{CampaignId, End, Engine, Event, InFlight, Phase},
    clock,
    config::Config,
    error_chain::chain,
    orders::View,
    runtime::reconciler::EndedDrops,
    store::{Orphan, StartTerms, Status, StoreError},
};

pub(super) use self::health::Health;

/// The loop and all it knows.
pub(super) struct ControlLoop {
    pub(super) engine: Engine<CampaignGate>,
    pub(super) store_io: StoreIo,
    pub(super) in_flight: InFlightTable,
    pub(super) campaigns: CampaignTable,
    pub(super) health: Health,
    pub(super) reporter: Reporter,
    pub(super) worker: Arc<DropWorker>,
    pub(super) messages: Messages,
    pub(super) preparations: Preparations,
    pub(super) elsewhere: Elsewhere,
    pub(super) settings: watch::Sender<Config>,
    pub(super) ending: Option<Ending>,
}

/// That it comes to its end.
pub(super) struct Ending {
    reason: EndReason,
    /// Nothing is in flight any more, as far as the engine knows.
    is_drained: bool,
}

/// Why it comes to its end.
enum EndReason {
    Operator,
    Replaced,
    TakenOver,
    /// The clock was set back, which a run cannot follow.
    SetBack,
    Broken(StoreError),
}

/// What there was before the loop began.
pub(super) struct Past {
    pub(super) campaigns: Vec<PreparedCampaign>,
    /// Starts and calls that count for rates and budget, in their order.
    pub(super) events: Vec<Event>,
    /// The drops of dead controllers.
    pub(super) orphans: Vec<Orphan>,
    /// What came of ending their calls.
    pub(super) ended: EndedDrops,
}

impl ControlLoop {
    /// Gives the engine all of the past, in its order. The commands that follow from it are executed by [`Self::run`].
    pub(super) fn load(&mut self, past: Past) {
        // Before it is fed: nothing is started by a trunk that is offline, or by clocks that differ.
        self.on_trunk();
        self.tell_clocks();
        let mut waiting = Vec::new();
        for mut prepared in past.campaigns {
            waiting.append(&mut prepared.waiting);
            self.take_up(prepared);
        }
        // Calls in the order of their times: those of orphans count from this moment on.
        for event in past.events {
            if let Event::Started { campaign, at, .. } = event {
                self.in_flight.note_past_start(campaign, at);
            }
            self.tell(event);
        }
        self.on_found(past.orphans, &past.ended);
        for event in waiting {
            self.tell(event);
        }
    }

    /// Runs until every campaign is over, or it has to stop.
    ///
    /// # Errors
    /// [`ControllerError`] if it could not go on.
    pub(super) async fn run(
        mut self,
        mut inputs: mpsc::UnboundedReceiver<Input>,
    ) -> Result<Ended, ControllerError> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut quiet_ticks = 0;
        loop {
            self.tell_clocks();
            self.settle();
            if self.reporter.is_stale() {
                self.show();
                quiet_ticks = 0;
            }
            if self.is_done() {
                break;
            }
            let deadline = [self.engine.poll_timeout(), self.in_flight.next_turn()];
            let deadline = deadline.into_iter().flatten().min();
            let deadline = deadline.map(|at| self.store_io.clock().instant(at));
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    self.on_tick();
                    quiet_ticks += 1;
                    if quiet_ticks >= SHOWN_EVERY {
                        self.reporter.changed();
                    }
                }
                change = self.health.changed() => self.on_health(change),
                () = clock::reach(deadline) => {
                    self.tell_clocks();
                    self.engine.handle_timeout(self.store_io.now());
                }
                Some(input) = inputs.recv() => {
                    self.tell_clocks();
                    self.on_input(input);
                }
            }
        }
        self.count_all().await;
        self.show();
        let all_over = self.campaigns.all_over(&self.engine);
        match self.ending.map(|ending| ending.reason) {
            None => Ok(Ended::Over),
            Some(EndReason::Operator | EndReason::SetBack) if all_over => Ok(Ended::Over),
            Some(EndReason::Operator) => Ok(Ended::Drained),
            Some(EndReason::Replaced) => Err(ControllerError::Replaced),
            Some(EndReason::TakenOver) => Err(ControllerError::TakenOver),
            Some(EndReason::SetBack) => Err(ControllerError::ClockSetBack),
            Some(EndReason::Broken(error)) => Err(error.into()),
        }
    }

    /// Counts all campaigns as the store has them: what is shown last is theirs, not this controller's part.
    async fn count_all(&mut self) {
        if self.is_broken() || self.health.store_away.is_some() {
            return;
        }
        let counting = async {
            for (id, campaign) in self.campaigns.iter_mut() {
                match self.store_io.tally(id).await {
                    Ok(tally) => campaign.account.set(tally),
                    Err(error) => warn!(error = chain(&error), "not counted at the end"),
                }
            }
        };
        if timeout(LAST_COUNT, counting).await.is_err() {
            warn!("the store does not count in time; what is shown is what this controller knows");
        }
    }

    /// Executes all commands of the engine, and dials drops whose turn has come.
    fn settle(&mut self) {
        loop {
            while let Some(command) = self.engine.poll_command() {
                self.execute(command);
            }
            // A drop that is not dialled after all may lead to more commands.
            if !self.launch() {
                return;
            }
        }
    }

    fn tell(&mut self, event: Event) {
        self.engine.handle_event(event, self.store_io.now());
    }

    /// Whether nothing is left to do.
    fn is_done(&self) -> bool {
        let is_written = self.store_io.is_confirmed() || self.is_broken();
        let at_rest = self.in_flight.is_at_rest() && is_written;
        match &self.ending {
            None => {
                at_rest
                    && self.campaigns.all_over(&self.engine)
                    && !self.campaigns.is_looking_again()
            }
            Some(ending) => at_rest && ending.is_drained,
        }
    }

    /// Whether the store has failed for good, so that nothing is written any more.
    const fn is_broken(&self) -> bool {
        match &self.ending {
            Some(ending) => matches!(ending.reason, EndReason::Broken(_)),
            None => false,
        }
    }

    /// Whether a drop whose intent is committed may be dialled.
    fn may_dial(&self) -> bool {
        let goes_on = match self.ending.as_ref().map(|ending| &ending.reason) {
            None | Some(EndReason::Operator) => true,
            Some(
                EndReason::Replaced
                | EndReason::TakenOver
                | EndReason::SetBack
                | EndReason::Broken(_),
            ) => false,
        };
        goes_on && self.health.may_dial()
    }

    fn on_tick(&mut self) {
        self.tell_store();
        for campaign in self.campaigns.due_again(clock::now()) {
            self.finish_again(campaign);
            // Others have settled contacts since.
            self.store_io.count(campaign);
        }
        self.read_elsewhere();
        self.read_desired_state();
        self.read_shares();
    }

    /// Looks who shares the trunk and the campaigns, and says what this controller has to dial.
    fn read_shares(&mut self) {
        if !self.is_broken() {
            self.store_io.read_shares(self.engine.busy_with());
        }
    }

    /// Looks again whether a campaign is over that has come to its end here.
    fn finish_again(&mut self, id: CampaignId) {
        let Some(row) = self.campaigns.get(id).map(|campaign| &campaign.row) else {
            return;
        };
        let (status, phase) = (row.status, self.engine.phase(id));
        match (status, phase) {
            // It was cancelled since.
            (Status::Cancelling, Some(Phase::Over(_))) => self.write_finished(id, End::Cancelled),
            (Status::Running | Status::Paused, Some(Phase::Over(End::Complete))) => {
                self.tell(Event::More { campaign: id });
            }
            (Status::Running | Status::Paused, Some(Phase::Over(end))) => {
                self.write_finished(id, end);
            }
            // It goes on here.
            (Status::Running | Status::Paused | Status::Cancelling, _) => {
                self.campaigns.await_no_more(id);
            }
            // Another was the last. What was added since waits until somebody starts it.
            (Status::Complete | Status::Draft, _) => self.on_over(id, End::Complete),
            (Status::Cancelled, _) => self.on_over(id, End::Cancelled),
            (Status::DatesOver, _) => self.on_over(id, End::DatesOver),
        }
    }

    /// Comes to its end. A worse reason replaces the operator's.
    fn end(&mut self, reason: EndReason, in_flight: InFlight) {
        match &mut self.ending {
            None => {
                self.ending = Some(Ending {
                    reason,
                    is_drained: false,
                });
            }
            Some(ending) => match ending.reason {
                EndReason::Operator | EndReason::SetBack => ending.reason = reason,
                EndReason::Replaced | EndReason::TakenOver | EndReason::Broken(_) => {}
            },
        }
        self.reporter.changed();
        self.engine.drain(in_flight, self.store_io.now());
    }

    /// Shows all to those who watch.
    fn show(&mut self) {
        let now = self.store_io.now();
        let campaigns = self.campaigns.iter().map(|campaign| {
            let awaited = self.campaigns.awaited(campaign.row.id);
            status::campaign(
                &self.engine,
                (&campaign.row, awaited),
                &campaign.account,
                now,
            )
        });
        let trouble = match self.ending.as_ref().map(|ending| &ending.reason) {
            Some(EndReason::Broken(error)) => Some(chain(error)),
            Some(
                EndReason::Operator
                | EndReason::Replaced
                | EndReason::TakenOver
                | EndReason::SetBack,
            )
            | None => self.health.trouble(),
        };
        let view = View {
            at: now,
            campaigns: campaigns.collect(),
            budget: status::gauges(&self.engine),
            trouble,
            draining: self.ending.is_some(),
        };
        self.reporter.show(view);
    }

    /// Takes a campaign up, or its settings anew.
    fn take_up(&mut self, prepared: PreparedCampaign) {
        let PreparedCampaign {
            row,
            spec,
            settings,
            tally,
            waiting: _,
            at,
        } = prepared;
        let id = row.id;
        let is_overtaken = |seen: &CampaignState| seen.row.version > row.version;
        if self.campaigns.get(id).is_some_and(is_overtaken) {
            return;
        }
        let seen = self.campaigns.remove(id);
        self.reporter.changed();
        let steps = steps(
            seen.as_ref().map(|seen| &seen.row),
            &row,
            self.engine.phase(id),
        );
        let had = seen.is_none().then(|| refused_of(&tally));
        let account = match seen {
            // What was counted beside the writes of this controller does not fit to its own count.
            Some(seen) => {
                self.store_io.count(id);
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
        self.campaigns.insert(CampaignState {
            lacks_files: false,
            account,
            mode: spec.screen,
            row: row.clone(),
            terms: StartTerms {
                rate: settings.rate,
                in_flight: settings.in_flight,
                ..StartTerms::default()
            },
        });
        self.engine.gate_mut().set_campaign(id, spec.kind);
        self.in_flight.set_rate(id, settings.rate);
        self.elsewhere.take_up(id, &settings, at);
        for step in steps {
            self.take(step, &row, Some(&settings));
        }
        // Before its contacts are fetched, and after all that was held by the settings that it had.
        let rules = gate::rules_digest(&self.worker.config.gate, &spec);
        self.store_io.look_again(id, rules);
        if let Some((refused, of)) = had {
            self.tell(Event::Had {
                campaign: id,
                refused,
                of,
            });
        }
    }
}

/// How often the operator's commands are read.
const TICK: Duration = Duration::from_millis(500);

/// After how many ticks all is shown if nothing of note has changed.
const SHOWN_EVERY: u32 = 2;

/// How long the last count of all campaigns may take.
const LAST_COUNT: Duration = Duration::from_secs(10);
