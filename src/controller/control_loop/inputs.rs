//! What becomes of all that happens.

use std::collections::BTreeMap;

use tracing::{debug, warn};

use super::{ControlLoop, Ending, Key, LOOK_AGAIN};
use crate::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, CampaignSettings, ContactId, End, Event, InFlight},
    },
    clock,
    controller::{
        ControllerError, Input,
        desired_state::{Step, steps},
        startup::{self, PBX},
        status,
        store_writer::StoreEvent,
        worker::{self, Completed, Stage},
    },
    drop::Outcome,
    error_chain::chain,
    id::DropId,
    runtime::reconciler::EndedDrops,
    store::{Campaign, Orphan, Write, Written},
};

impl ControlLoop {
    pub(super) fn on_input(&mut self, happened: Input) {
        match happened {
            Input::Store(said) => self.on_store(said),
            Input::Completed(completed) => self.on_completed(completed),
            Input::NotDialled(attempt) => self.not_dialled((attempt.campaign, attempt.contact)),
            Input::Renewed(at, took) => {
                self.note_took(took);
                self.reach.renewed = at;
                self.tell_reach();
            }
            Input::TakenOver => {
                let words = "another controller has taken over: every call is let go";
                self.notes.warned(None, words);
                self.end(Ending::TakenOver, InFlight::HangUp);
            }
            Input::Found { orphans, ended } => self.on_found(orphans, &ended),
            Input::Campaigns { rows, asked_at } => {
                self.desired_state.is_asking = false;
                match rows {
                    // What was read before a change of our own was written tells nothing.
                    Ok(rows) if asked_at == self.desired_state.own => self.on_campaigns(rows),
                    Ok(_) => {}
                    Err(error) => debug!(error = chain(&error), "wishes cannot be read"),
                }
            }
            Input::Counted(campaign, tally) => {
                if let Some(known) = self.known.get_mut(&campaign) {
                    known.account.recount(&tally);
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
            Input::Drain(in_flight) => self.end(Ending::Operator, in_flight),
        }
    }

    fn on_store(&mut self, said: StoreEvent) {
        match said {
            StoreEvent::Committed {
                writes,
                written,
                at_once,
                took,
            } => {
                self.note_took(took);
                self.unwritten = self.unwritten.saturating_sub(writes.len());
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
                self.note_took(took);
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
            StoreEvent::Unavailable(words) => {
                let note = format!("the store is away, so nothing is dialled: {words}");
                self.notes.warned(None, note);
                self.reach.store_away = Some(words);
                self.tell_reach();
            }
            StoreEvent::Recovered => {
                self.notes.said(None, "the store is back");
                self.reach.store_away = None;
                self.tell_reach();
            }
            StoreEvent::Failed(error) => {
                let note = format!("the store cannot be used any more: {}", chain(&error));
                self.notes.warned(None, note);
                self.end(Ending::Broken(error), InFlight::Finish);
                // Nobody will tell what became of these intents, and no call is made without that.
                let failed_before_dial = self.aloft.iter().filter(|(_, aloft)| match aloft.stage {
                    Stage::Writing(_) | Stage::Waiting(_) => true,
                    Stage::Flying => false,
                });
                for key in failed_before_dial.map(|(&key, _)| key).collect::<Vec<_>>() {
                    self.not_dialled(key);
                }
            }
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
            Write::Paused { .. } => {
                self.desired_state.unwritten = self.desired_state.unwritten.saturating_sub(1);
            }
            Write::Finished { campaign, end } => {
                self.desired_state.unwritten = self.desired_state.unwritten.saturating_sub(1);
                if *written != Written::Applied && end == End::Complete {
                    // Others have drops of it in flight, or contacts were added meanwhile.
                    self.look_again.insert(campaign, clock::now() + LOOK_AGAIN);
                }
            }
            Write::EndDrop { .. } | Write::TakeBack { .. } | Write::Release { .. } => {}
        }
    }

    /// The answer to an intent. Only one that stands there without a doubt is dialled.
    fn on_intent(&mut self, key: Key, drop: DropId, written: &Written, at_once: bool) {
        let Some(aloft) = self.aloft.get_mut(&key).filter(|aloft| aloft.drop == drop) else {
            return;
        };
        match written {
            Written::Applied if at_once && !aloft.cancel.is_cancelled() => {
                let decided = aloft.decided;
                if let Stage::Writing(start) = std::mem::replace(&mut aloft.stage, Stage::Flying) {
                    aloft.stage = Stage::Waiting(start);
                }
                self.ramp.push(key.0, key, decided);
            }
            Written::Applied => self.not_dialled(key),
            Written::Fenced | Written::OnDoNotCallList(_) | Written::Conflict => {
                debug!(%drop, ?written, "not dialled: things have changed since it was decided on");
                self.not_dialled(key);
            }
        }
    }

    fn on_completed(&mut self, completed: Completed) {
        let attempt = completed.attempt;
        let key = (attempt.campaign, attempt.contact);
        self.aloft.remove(&key);
        self.ends.insert(key, completed.end);
        self.tell(Event::Ended {
            campaign: attempt.campaign,
            contact: attempt.contact,
            attempt: attempt.number,
            outcome: completed.outcome,
            reason: completed.reason,
            calls: completed.calls,
        });
    }

    /// Settles drops whose controllers died, and says so.
    pub(super) fn on_found(&mut self, orphans: Vec<Orphan>, ended: &EndedDrops) {
        let mut lost: BTreeMap<Option<CampaignId>, (usize, usize)> = BTreeMap::new();
        for orphan in orphans {
            if !self.found.insert(orphan.drop) {
                continue;
            }
            let id = (orphan.run.clone(), orphan.drop);
            let was_up = ended.alive.contains(&id);
            let counts = lost.entry(orphan.campaign).or_default();
            counts.0 += 1;
            counts.1 += usize::from(was_up && !ended.stuck.contains(&id));
            let words = ended.words("controller", &id);
            let end = worker::lost(&orphan.run, orphan.drop, &words);
            let calls = Calls::likely(orphan.technique, Outcome::Lost, std::time::Duration::ZERO);
            warn!(
                drop = %orphan.drop,
                campaign = orphan.campaign.map(|campaign| campaign.0),
                run = %orphan.run,
                was_up,
                "a drop is lost: its controller died"
            );
            match orphan.campaign.zip(orphan.contact) {
                Some((campaign, contact)) => {
                    self.ends.insert((campaign, contact), end);
                    self.tell_found(campaign, contact, orphan.attempt, calls);
                }
                None => {
                    let at = self.clock.now();
                    self.tell(Event::Called {
                        pbx: PBX,
                        calls,
                        at,
                    });
                    self.write(Write::EndDrop { end, calls });
                }
            }
        }
        if !ended.stuck.is_empty() {
            self.notes
                .warned(None, status::stuck_words(ended.stuck.len()));
        }
        for (campaign, (lost, alive)) in lost {
            let name = campaign.and_then(|campaign| self.name(campaign));
            self.notes.warned(name, status::lost_words(lost, alive));
        }
    }

    fn tell_found(&mut self, campaign: CampaignId, contact: ContactId, attempt: u32, calls: Calls) {
        self.tell(Event::Found {
            campaign,
            contact,
            attempt,
            pbx: PBX,
            outcome: Outcome::Lost,
            calls,
        });
    }

    /// Reads what the operator wishes, unless changes of our own are on their way.
    pub(super) fn ask_for_wishes(&mut self) {
        if self.desired_state.is_asking || self.desired_state.unwritten > 0 || self.is_mute() {
            return;
        }
        self.desired_state.is_asking = true;
        let (store, happened) = (self.store.clone(), self.happened.clone());
        let (after, asked_at) = (self.desired_state.version, self.desired_state.own);
        tokio::spawn(async move {
            let rows = store.campaigns(after).await;
            let _ = happened.send(Input::Campaigns { rows, asked_at });
        });
    }

    fn on_campaigns(&mut self, rows: Vec<Campaign>) {
        for row in rows {
            self.desired_state.version = self.desired_state.version.max(row.version);
            let Some(known) = self.known.get(&row.id) else {
                if self.takes_up && !startup::is_over(row.status) {
                    self.prepare(row);
                }
                continue;
            };
            if known.row.version >= row.version {
                continue;
            }
            let steps = steps(Some(&known.row), &row, self.engine.phase(row.id));
            if steps.contains(&Step::Set) {
                self.prepare(row);
                continue;
            }
            self.dirty = true;
            for step in steps {
                self.take(step, &row, None);
            }
            if let Some(known) = self.known.get_mut(&row.id) {
                known.row = row;
            }
        }
    }

    /// Does one step. `settings` are those that [`Step::Set`] takes up.
    pub(super) fn take(&mut self, step: Step, row: &Campaign, settings: Option<&CampaignSettings>) {
        let (id, now) = (row.id, self.clock.now());
        match step {
            Step::Set => {
                if let Some(settings) = settings {
                    self.engine.set_campaign(id, settings.clone(), now);
                }
            }
            Step::Pause(in_flight) => {
                // Where it had stopped by itself, before this run, the store knows why.
                let why = row.why.as_deref().unwrap_or("paused by the operator");
                let words = status::paused_words(why, &row.name);
                self.notes.said(Some(&row.name), words);
                self.engine.pause(id, in_flight, now);
            }
            Step::Resume => {
                self.notes.said(Some(&row.name), "goes on");
                self.engine.resume(id, now);
            }
            Step::Cancel(in_flight) => {
                self.notes
                    .said(Some(&row.name), "cancelled by the operator");
                self.engine.cancel(id, in_flight, now);
            }
            Step::More => {
                self.tell(Event::More { campaign: id });
                self.count(id);
            }
        }
    }

    /// Reads what the loop needs of a campaign to take it up.
    fn prepare(&self, row: Campaign) {
        let (store, happened) = (self.store.clone(), self.happened.clone());
        let now = self.clock.now();
        tokio::spawn(async move {
            let told = match startup::prepare(&store, row.clone(), now).await {
                Ok(prepared) => Input::Prepared(Box::new(prepared)),
                Err(error) => Input::Unprepared(Box::new(row), error),
            };
            let _ = happened.send(told);
        });
    }

    fn on_unprepared(&mut self, row: &Campaign, error: &ControllerError) {
        let words = chain(error);
        warn!(
            campaign = row.id.0,
            words, "a campaign is not taken up as it is ordered"
        );
        if let ControllerError::Store(_) = error {
            // It was not read to its end: the next look at the wishes begins there.
            self.desired_state.version = self.desired_state.version.min(row.version - 1);
        } else {
            self.notes.warned(Some(&row.name), words);
        }
    }

    /// Asks the store how a campaign's contacts stand.
    pub(super) fn count(&self, campaign: CampaignId) {
        let (store, happened) = (self.store.clone(), self.happened.clone());
        tokio::spawn(async move {
            if let Ok(tally) = store.tally(campaign).await {
                let _ = happened.send(Input::Counted(campaign, tally));
            }
        });
    }
}
