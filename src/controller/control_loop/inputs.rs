//! What becomes of each input.

use std::{collections::BTreeMap, time::Duration};

use tracing::{debug, warn};

use super::{ControlLoop, EndReason};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, CampaignSettings, End, Event, InFlight},
    },
    clock,
    controller::{
        ControllerError, Input, PBX, carry_out,
        desired_state::{DesiredStep, steps},
        in_flight::ContactKey,
        status,
        store_writer::StoreEvent,
        worker::{Attempt, Completed},
    },
    drop::Outcome,
    error_chain::chain,
    id::DropId,
    runtime::reconciler::EndedDrops,
    store::{Campaign, Orphan, Write, Written},
};

impl ControlLoop {
    pub(super) fn on_input(&mut self, input: Input) {
        match input {
            Input::Store(event) => self.on_store(event),
            Input::Completed(completed) => self.on_completed(completed),
            Input::NotDialled(attempt) => self.not_dialled((attempt.campaign, attempt.contact)),
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
            Input::Campaigns { rows, asked_at } => {
                let is_current = self.campaigns.end_reading(asked_at);
                match rows {
                    Ok(rows) if is_current => self.on_campaigns(rows),
                    Ok(_) => {}
                    Err(error) => debug!(error = chain(&error), "campaigns cannot be read"),
                }
            }
            Input::Counted(campaign, tally) => {
                if let Some(state) = self.campaigns.get_mut(campaign) {
                    state.account.recount(&tally);
                }
            }
            Input::Prepared(prepared) => {
                let waiting = prepared.waiting.clone();
                self.take_up(*prepared);
                for event in waiting {
                    self.tell(event);
                }
            }
            Input::Unprepared(row, error) => self.on_unprepared(&row, &error),
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
            } => {
                self.note_commit(took);
                self.store_io.confirm(writes.len());
                for (write, written) in writes.into_iter().zip(written) {
                    self.on_written(write, &written, at_once);
                }
            }
            StoreEvent::Fetched {
                campaign,
                contacts,
                next,
                took,
            } => {
                self.note_commit(took);
                let gate = self.engine.gate_mut();
                let contacts = contacts.into_iter().map(|leased| gate.remember(leased));
                let contacts = contacts.collect();
                self.tell(Event::Due {
                    campaign,
                    contacts,
                    next,
                });
            }
            StoreEvent::FetchFailed { campaign } => self.tell(Event::FetchFailed { campaign }),
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

    fn on_written(&mut self, write: Write, written: &Written, at_once: bool) {
        match write {
            Write::Start(intent) => {
                if let Some((campaign, contact)) = intent.of {
                    self.on_intent((campaign, contact), intent.drop, written, at_once);
                }
            }
            Write::Settle {
                campaign,
                contact,
                settlement,
                ..
            } => {
                if *written != Written::Applied {
                    debug!(%campaign, %contact, ?settlement, ?written, "not settled: it is not ours any more");
                }
            }
            Write::Paused { .. } => self.campaigns.own_change_written(),
            Write::Finished { campaign, end } => {
                self.campaigns.own_change_written();
                if *written != Written::Applied && end == End::Complete {
                    // Others have drops of it in flight, or contacts were added meanwhile.
                    self.campaigns.look_again(campaign, clock::now());
                }
            }
            Write::EndDrop { .. } | Write::TakeBack { .. } | Write::Release { .. } => {}
        }
    }

    /// The answer to an intent. Only one that is committed without a doubt is dialled.
    fn on_intent(&mut self, key: ContactKey, drop: DropId, written: &Written, at_once: bool) {
        let Some(is_wanted) = self.in_flight.is_committing(key, drop) else {
            return;
        };
        match written {
            Written::Applied if at_once && is_wanted => self.in_flight.await_turn(key),
            Written::Applied => self.not_dialled(key),
            Written::Fenced | Written::OnDoNotCallList(_) | Written::Conflict => {
                debug!(%drop, ?written, "not dialled: things have changed since it was decided on");
                self.not_dialled(key);
            }
        }
    }

    fn on_completed(&mut self, completed: Completed) {
        let Attempt {
            campaign,
            contact,
            number,
        } = completed.attempt;
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
