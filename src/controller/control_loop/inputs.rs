//! What becomes of each input.

use std::{collections::BTreeMap, time::Duration};

use tracing::{debug, warn};

use super::{ControlLoop, EndReason};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, CampaignSettings, Event, InFlight, Phase},
    },
    clock,
    controller::{
        ControllerError, Input, PBX,
        campaign_table::places_held,
        carry_out,
        desired_state::{DesiredStep, steps},
        gone::{self, GivenUp},
        status,
        store_writer::{StartTiming, StoreEvent},
        worker::{Attempt, Completed},
    },
    drop::Outcome,
    error_chain::chain,
    runtime::reconciler::EndedDrops,
    store::{Campaign, Full, Intent, Orphan, Write, Written},
};

impl ControlLoop {
    pub(super) fn on_input(&mut self, input: Input) {
        match input {
            Input::Store(event) => self.on_store(event),
            Input::Completed(completed) => self.on_completed(completed),
            Input::MessageMade(made) => self.on_message_made(*made),
            Input::NotDialled(attempt) => self.not_dialled((attempt.campaign, attempt.contact)),
            Input::FilesAway(attempt, words) => {
                self.on_files_away(attempt.campaign, &words);
                self.not_dialled((attempt.campaign, attempt.contact));
            }
            Input::Renewed(at, took) => {
                self.note_commit(took);
                self.health.note_renewal(at);
                self.tell_store();
            }
            Input::TakenOver => {
                let words = "another controller has taken over: every call is hung up";
                self.reporter.warn(None, words);
                self.end(EndReason::TakenOver, InFlight::HangUp);
            }
            Input::Found { orphans, ended } => self.on_found(orphans, &ended),
            Input::GivenUp(given_up) => self.on_given_up(given_up),
            Input::NotPruned(words) => self.reporter.warn(
                None,
                format!(
                    "what `[retention]` says was not deleted: {words}; to be tried again in an hour"
                ),
            ),
            Input::Elsewhere(answer) => {
                for event in self.elsewhere.take(answer) {
                    self.tell(event);
                }
            }
            Input::Campaigns { rows, asked_at } => {
                let is_current = self.campaigns.end_reading(asked_at);
                match rows {
                    Ok(rows) if is_current => self.on_campaigns(rows),
                    Ok(_) => {}
                    Err(error) => debug!(error = chain(&error), "campaigns cannot be read"),
                }
            }
            Input::Shares(shares) => {
                self.store_io.shares_read();
                match shares {
                    Ok(shares) => {
                        let now = self.store_io.now();
                        self.engine.share_pbx(PBX, shares.trunk, now);
                        self.engine.share_campaigns(&shares.campaigns, now);
                    }
                    Err(error) => {
                        debug!(error = chain(&error), "who shares the trunk is not known")
                    }
                }
            }
            Input::PlacesHeld(campaign, groups) => {
                self.tell(places_held(campaign, groups));
                self.reporter.changed();
            }
            Input::Prepared(prepared) => {
                let waiting = prepared.waiting.clone();
                self.take_up(*prepared);
                for event in waiting {
                    self.tell(event);
                }
            }
            Input::Unprepared(row, error) => self.on_unprepared(&row, &error),
            Input::Reconfigured(config) => self.reconfigure(&config),
            Input::LeftAlone(drop) => {
                if let Some(key) = self.in_flight.cancel_drop(drop) {
                    self.not_dialled(key);
                }
            }
            Input::Drain(in_flight) => self.end(EndReason::Operator, in_flight),
        }
    }

    fn on_store(&mut self, event: StoreEvent) {
        match event {
            StoreEvent::Committed {
                writes,
                written,
                at_once,
                took,
                timing,
            } => {
                self.note_commit(took);
                self.store_io.confirm(writes.len());
                for (write, written) in writes.into_iter().zip(written) {
                    let timing = at_once.then_some(&timing);
                    self.on_written(write, &written, timing);
                }
            }
            StoreEvent::Fetched {
                campaign,
                contacts,
                history,
                next,
                has_news,
                took,
            } => {
                self.note_commit(took);
                if has_news {
                    self.store_io.count_places_held(campaign);
                }
                self.on_fetched(campaign, contacts, history, next);
            }
            StoreEvent::FetchFailed { campaign } => self.tell(Event::FetchFailed { campaign }),
            StoreEvent::Counted { campaign, tally } => {
                if let Some(state) = self.campaigns.get_mut(campaign) {
                    state.account.recount(tally);
                    self.reporter.changed();
                }
            }
            StoreEvent::LookedAgain {
                campaign,
                contacts,
                is_done,
            } => self.on_looked_again(campaign, contacts, is_done),
            StoreEvent::Unavailable(words) => {
                let note = format!("the database is unavailable, so nothing is dialled: {words}");
                self.reporter.warn(None, note);
                self.health.store_away = Some(words);
                self.tell_store();
            }
            StoreEvent::Recovered => {
                self.reporter.note(None, "the database is back");
                self.health.store_away = None;
                self.tell_store();
            }
            StoreEvent::Failed(error) => {
                let note = format!("the database can no longer be used: {}", chain(&error));
                self.reporter.warn(None, note);
                self.end(EndReason::Broken(error), InFlight::Finish);
                // The store will not say what became of these intents, and no call is made without that.
                for key in self.in_flight.not_yet_dialled() {
                    self.not_dialled(key);
                }
            }
        }
    }

    /// Held contacts are due, because the rules by which they were held are others.
    fn on_looked_again(&mut self, campaign: CampaignId, contacts: u64, is_done: bool) {
        if contacts == 0 {
            return;
        }
        self.tell(Event::LookedAgain { campaign });
        if is_done {
            let note = status::looked_again_words(contacts);
            self.reporter.note(self.campaigns.name(campaign), note);
        }
    }

    /// What came of a write. `timing` is there if it was written when it was asked for the first time.
    fn on_written(&mut self, write: Write, written: &Written, timing: Option<&StartTiming>) {
        match write {
            Write::Start(intent) => {
                self.on_intent(&intent, written, timing);
            }
            Write::Settle {
                campaign,
                contact,
                settlement,
                ..
            } => {
                if let Some(state) = self.campaigns.get_mut(campaign) {
                    state.account.written(&settlement);
                }
                if *written != Written::Applied {
                    debug!(%campaign, %contact, ?settlement, ?written, "not settled: it is not ours any more");
                }
            }
            Write::Paused { .. } => self.campaigns.own_change_written(),
            Write::Finished { campaign, end } => {
                self.campaigns.own_change_written();
                match written {
                    Written::Applied => self.on_over(campaign, end),
                    // Others have drops of it in flight, or contacts were added meanwhile.
                    Written::Scheduled(_)
                    | Written::Full(_)
                    | Written::Fenced
                    | Written::OnDoNotCallList(_)
                    | Written::Conflict => {
                        self.campaigns.look_again(campaign, clock::now());
                        self.reporter.changed();
                    }
                }
            }
            Write::EndDrop { .. } | Write::TakeBack { .. } | Write::Release { .. } => {}
        }
    }

    /// The answer to an intent. Only one that is committed without a doubt is dialled.
    fn on_intent(&mut self, intent: &Intent, written: &Written, timing: Option<&StartTiming>) {
        let Some(key) = intent.of else {
            return;
        };
        let drop = intent.drop;
        let Some(is_wanted) = self.in_flight.is_committing(key, drop) else {
            return;
        };
        let timing = timing.filter(|_| is_wanted);
        let now = self.store_io.now();
        match written {
            Written::Applied if timing.is_some() => self.in_flight.await_turn(key, None, now),
            Written::Applied => self.not_dialled(key),
            Written::Scheduled(slot) => {
                match timing.and_then(|timing| timing.window(*slot, intent.terms)) {
                    Some(window) => self.in_flight.await_turn(key, Some(window), now),
                    None => self.not_dialled(key),
                }
            }
            Written::Full(full) => {
                debug!(%drop, ?full, "not dialled: others use what the trunk or the campaign carries");
                self.hold_off(key.0, *full);
                self.not_dialled(key);
            }
            Written::Fenced | Written::OnDoNotCallList(_) | Written::Conflict => {
                debug!(%drop, ?written, "not dialled: things have changed since it was decided on");
                self.not_dialled(key);
            }
        }
    }

    /// Others use up a limit: it is left alone for a moment, in which more is learnt of them.
    fn hold_off(&mut self, campaign: CampaignId, full: Full) {
        let now = self.store_io.now();
        let wait = full
            .wait
            .unwrap_or(WHEN_FULL)
            .clamp(SHORTEST_HOLD, LONGEST_HOLD);
        let campaign = full.of_campaign.then_some(campaign);
        self.engine.hold_off(PBX, campaign, now + wait);
        self.read_shares();
    }

    /// What the drops of a campaign need of files cannot be read or written. It is said once, until a drop has had it again.
    pub(super) fn on_files_away(&mut self, campaign: CampaignId, words: &str) {
        if let Some(state) = self.campaigns.get_mut(campaign)
            && !std::mem::replace(&mut state.lacks_files, true)
        {
            warn!(
                campaign = campaign.0,
                words, "a campaign dials nothing until it has its files"
            );
            let note = format!("nothing is dialled until it is mended: {words}");
            self.reporter.warn(Some(&state.row.name), note);
        }
        self.reporter.changed();
        self.tell(Event::FilesAway {
            campaign,
            why: words.to_owned(),
            until: self.store_io.now() + TRY_FILES_AGAIN,
        });
    }

    fn on_completed(&mut self, completed: Completed) {
        let Attempt {
            campaign,
            contact,
            number,
        } = completed.attempt;
        if let Some(state) = self.campaigns.get_mut(campaign) {
            state.lacks_files = false;
        }
        self.in_flight.complete(completed.attempt, completed.end);
        self.tell(Event::Ended {
            campaign,
            contact,
            attempt: number,
            outcome: completed.outcome,
            reason: completed.reason,
            calls: completed.calls,
        });
    }

    /// Settles drops whose controllers died, and reports them.
    pub(super) fn on_found(&mut self, orphans: Vec<Orphan>, ended: &EndedDrops) {
        let mut lost: BTreeMap<Option<CampaignId>, (usize, usize)> = BTreeMap::new();
        for orphan in orphans {
            if !self.in_flight.is_new_orphan(orphan.drop) {
                continue;
            }
            let id = (orphan.run.clone(), orphan.drop);
            let was_up = ended.alive.contains(&id);
            let counts = lost.entry(orphan.campaign).or_default();
            counts.0 += 1;
            counts.1 += usize::from(was_up && !ended.stuck.contains(&id));
            let words = ended.words("controller", &id);
            let end = carry_out::lost(&orphan.run, orphan.drop, &words);
            carry_out::trace_lost(&orphan, &words, self.worker.clock.now());
            let calls = Calls::likely(orphan.technique, Outcome::Lost, Duration::ZERO);
            warn!(
                drop = %orphan.drop,
                campaign = orphan.campaign.map(|campaign| campaign.0),
                run = %orphan.run,
                was_up,
                "a drop is lost: its controller died"
            );
            match orphan.campaign.zip(orphan.contact) {
                Some((campaign, contact)) => {
                    let attempt = Attempt {
                        campaign,
                        contact,
                        number: orphan.attempt,
                    };
                    self.in_flight.adopt(attempt, end);
                    self.tell(Event::Found {
                        campaign,
                        contact,
                        attempt: orphan.attempt,
                        pbx: PBX,
                        outcome: Outcome::Lost,
                        calls,
                    });
                }
                None => {
                    let at = self.store_io.now();
                    self.tell(Event::Called {
                        pbx: PBX,
                        calls,
                        at,
                    });
                    self.store_io.write(Write::EndDrop { end, calls });
                }
            }
        }
        if !ended.stuck.is_empty() {
            let words = status::stuck_words(ended.stuck.len());
            self.reporter.warn(None, words);
        }
        for (campaign, (lost, alive)) in lost {
            let name = campaign.and_then(|campaign| self.campaigns.name(campaign));
            self.reporter.warn(name, status::lost_words(lost, alive));
        }
    }

    /// Drops of controllers that are gone were settled, by whichever controller was the first.
    fn on_given_up(&mut self, given_up: GivenUp) {
        let after = self.worker.config.store.lost_after;
        for ((pbx, campaign), lost) in given_up.lost {
            let name = campaign.and_then(|campaign| self.campaigns.name(campaign));
            let drops = if lost == 1 { "drop is" } else { "drops are" };
            self.reporter.warn(
                name,
                format!("{lost} {drops} lost: {}", gone::words(&pbx, after)),
            );
            if let Some(campaign) = campaign {
                self.tell(Event::More { campaign });
                self.store_io.count(campaign);
            }
        }
    }

    /// Reads what other controllers have done, if it is time.
    pub(super) fn read_elsewhere(&mut self) {
        let began = clock::now();
        if self.is_broken() || !self.elsewhere.is_due(began) {
            return;
        }
        let (engine, now) = (&self.engine, self.store_io.now());
        let runs = |id| !matches!(engine.phase(id), None | Some(Phase::Over(_)));
        let question = self.elsewhere.ask(runs, now, began);
        self.store_io.read_elsewhere(question);
    }

    /// Reads what the operator has ordered, unless changes of this controller are on their way.
    pub(super) fn read_desired_state(&mut self) {
        if self.is_broken() {
            return;
        }
        if let Some((after, asked_at)) = self.campaigns.begin_reading() {
            self.store_io.read_campaigns(after, asked_at);
        }
    }

    fn on_campaigns(&mut self, rows: Vec<Campaign>) {
        for row in rows {
            self.campaigns.note_read(row.version);
            let Some(state) = self.campaigns.get(row.id) else {
                if self.campaigns.takes_up(&row) {
                    self.store_io.prepare(row);
                }
                continue;
            };
            if state.row.version >= row.version {
                continue;
            }
            let steps = steps(Some(&state.row), &row, self.engine.phase(row.id));
            if steps.contains(&DesiredStep::Set) {
                self.store_io.prepare(row);
                continue;
            }
            self.reporter.changed();
            for step in steps {
                self.take(step, &row, None);
            }
            if let Some(state) = self.campaigns.get_mut(row.id) {
                state.row = row;
            }
        }
    }

    /// Does one step. `settings` are those that [`DesiredStep::Set`] takes up.
    pub(super) fn take(
        &mut self,
        step: DesiredStep,
        row: &Campaign,
        settings: Option<&CampaignSettings>,
    ) {
        let (id, now) = (row.id, self.store_io.now());
        match step {
            DesiredStep::Set => {
                if let Some(settings) = settings {
                    self.engine.set_campaign(id, settings.clone(), now);
                }
            }
            DesiredStep::Pause(in_flight) => {
                // If it had stopped by itself, before this run, the store knows why.
                let why = row.why.as_deref().unwrap_or("paused by the operator");
                let words = status::paused_words(why, &row.name);
                self.reporter.note(Some(&row.name), words);
                self.engine.pause(id, in_flight, now);
            }
            DesiredStep::Resume => {
                self.reporter.note(Some(&row.name), "resumed");
                self.engine.resume(id, now);
            }
            DesiredStep::Cancel(in_flight) => {
                self.reporter
                    .note(Some(&row.name), "cancelled by the operator");
                self.engine.cancel(id, in_flight, now);
            }
            DesiredStep::More => {
                self.tell(Event::More { campaign: id });
                self.store_io.count(id);
                self.store_io.count_places_held(id);
            }
        }
    }

    fn on_unprepared(&mut self, row: &Campaign, error: &ControllerError) {
        let words = chain(error);
        warn!(
            campaign = row.id.0,
            words, "a campaign is not taken up as it is ordered"
        );
        if let ControllerError::Store(_) = error {
            // It was not read to its end: the next read begins there.
            self.campaigns.read_again(row.version);
        } else {
            self.reporter.warn(Some(&row.name), words);
        }
    }
}

/// How long a limit is left alone if others have used up its room.
const WHEN_FULL: Duration = Duration::from_millis(500);

/// After which time files that could not be read or written are tried again.
const TRY_FILES_AGAIN: Duration = Duration::from_secs(10);

const SHORTEST_HOLD: Duration = Duration::from_millis(50);
const LONGEST_HOLD: Duration = Duration::from_secs(30);
