//! What the engine's commands become.

use std::sync::Arc;

use tracing::{debug, info, warn};

use super::ControlLoop;
use crate::{
    audio::template::Template,
    campaign::engine::{
        CampaignId, Command, ContactId, End, Event, PauseReason, Settlement, Start,
    },
    clock,
    controller::{
        admission::AdmissionSteps,
        in_flight::ContactKey,
        launch_pacer::{Release, STALE_AFTER},
        status,
        worker::{Attempt, DropTask},
    },
    id::DropId,
    store::{Intent, StartTerms, Write},
    telemetry,
};

impl ControlLoop {
    pub(super) fn execute(&mut self, command: Command) {
        match command {
            Command::Fetch { campaign, at_most } => self.store_io.fetch(campaign, at_most),
            Command::Start(start) => self.write_intent(start),
            Command::Settle {
                campaign,
                contact,
                settlement,
            } => self.write_settlement(campaign, contact, settlement),
            Command::Release { campaign, contacts } => {
                for &contact in &contacts {
                    self.engine.gate_mut().forget(contact);
                    self.preparations.forget((campaign, contact));
                }
                self.store_io.write(Write::Release { campaign, contacts });
            }
            Command::HangUp { campaign, contact } => {
                self.in_flight.cancel((campaign, contact));
            }
            Command::Paused { campaign, why } => self.on_paused(campaign, why),
            Command::Finished { campaign, end } => self.write_finished(campaign, end),
            Command::Drained => {
                if let Some(ending) = &mut self.ending {
                    ending.is_drained = true;
                }
            }
        }
    }

    /// Writes the intent of a drop. Nothing is dialled before it is committed: see [`Self::on_intent`].
    fn write_intent(&mut self, start: Start) {
        let now = self.store_io.now();
        let key = (start.campaign, start.contact.id);
        let made = if Template::is_one(&start.message) {
            let made = self.preparations.take(key, &start.message);
            if made.is_none() {
                debug!(campaign = %key.0, contact = %key.1, "not dialled: its message was made from another template");
                self.tell(Event::NotDialled {
                    campaign: key.0,
                    contact: key.1,
                    attempt: start.attempt,
                });
                return;
            }
            made
        } else {
            None
        };
        let ruled = self.engine.gate_mut().take_ruling(start.contact.id);
        let (ruling, version) = ruled.map_or_else(
            || ("null".to_owned(), None),
            |ruled| (ruled.ruling, ruled.version),
        );
        let drop = DropId::generate();
        let shown = start.caller_id.clone();
        let intent = Intent {
            drop,
            of: Some((start.campaign, start.contact.id)),
            attempt: start.attempt,
            number: start.contact.number.clone(),
            pbx: start.pbx,
            technique: start.technique,
            message: start.message.clone(),
            variant: start.variant.clone(),
            caller_id: shown.or_else(|| Some(self.worker.config.pbx.caller_id.clone())),
            ruling,
            version,
            despite_do_not_call: false,
            terms: self
                .campaigns
                .get(start.campaign)
                .map_or_else(StartTerms::default, |campaign| campaign.terms),
        };
        if let Some(campaign) = self.campaigns.get_mut(start.campaign) {
            campaign.account.note_start(now);
        }
        self.in_flight.decide(drop, start, made, now);
        self.store_io.write(Write::Start(Box::new(intent)));
    }

    fn write_settlement(
        &mut self,
        campaign: CampaignId,
        contact: ContactId,
        settlement: Settlement,
    ) {
        self.preparations.forget((campaign, contact));
        let ruled = self.engine.gate_mut().settled(contact, &settlement);
        let (ruling, zone, place) = match ruled {
            Some(ruled) => (Some(ruled.ruling), ruled.zone, ruled.place.map(Box::new)),
            None => (None, None, None),
        };
        if let Some(state) = self.campaigns.get_mut(campaign) {
            state.account.note(&settlement, self.store_io.now());
        }
        let end = self.in_flight.settle((campaign, contact));
        let end = end.filter(|_| match settlement {
            Settlement::Ended { .. } => true,
            Settlement::Refused(_) | Settlement::Held { .. } | Settlement::NotDialled { .. } => {
                false
            }
        });
        self.store_io.write(Write::Settle {
            campaign,
            contact,
            settlement,
            ruling,
            zone,
            place,
            end,
        });
    }

    fn on_paused(&mut self, campaign: CampaignId, why: PauseReason) {
        let words = why.to_string();
        warn!(
            campaign = campaign.0,
            words, "a campaign has paused by itself"
        );
        if let Some(name) = self.campaigns.name(campaign) {
            let note = status::paused_words(&words, name);
            self.reporter.warn(Some(name), note);
        }
        self.write_standing(Write::Paused {
            campaign,
            why: words,
        });
    }

    /// Writes that a campaign is over as far as this controller goes; whether it is, the store knows.
    pub(super) fn write_finished(&mut self, campaign: CampaignId, end: End) {
        self.campaigns.await_end(campaign, end);
        self.write_standing(Write::Finished { campaign, end });
    }

    /// A campaign is over.
    pub(super) fn on_over(&mut self, campaign: CampaignId, end: End) {
        self.campaigns.await_no_more(campaign);
        let words = status::end_words(end);
        if let Some(state) = self.campaigns.get(campaign) {
            let tally = state.account.tally();
            info!(
                campaign = campaign.0,
                name = state.row.name,
                contacts = tally.contacts,
                outcomes = ?tally.outcomes,
                refused = ?tally.refused,
                words,
                "campaign ended"
            );
        }
        self.reporter.note(self.campaigns.name(campaign), words);
        self.reporter.changed();
    }

    /// Changes a campaign's state: what the store answered before does not count.
    fn write_standing(&mut self, write: Write) {
        self.reporter.changed();
        self.campaigns.note_own_change();
        self.store_io.write(write);
    }

    /// Dials the drops whose turn has come; returns whether one was reported to the engine as not dialled.
    pub(super) fn launch(&mut self) -> bool {
        let mut told = false;
        let now = self.store_io.now();
        while let Some(release) = self.in_flight.next_release(now) {
            match release {
                Release::Dial(key) if self.may_dial() => self.dial(key),
                Release::Dial(key) | Release::Stale(key) => {
                    self.not_dialled(key);
                    told = true;
                }
            }
        }
        told
    }

    fn dial(&mut self, key: ContactKey) {
        let Some(launch) = self.in_flight.dial(key) else {
            return;
        };
        let mode = self.campaigns.get(key.0).and_then(|state| state.mode);
        let now = clock::now();
        let age = self.store_io.now().duration_since(launch.decided);
        // Its message and the folder of its evidence may take their time, on a disk that is slow.
        let left = STALE_AFTER.saturating_sub(age.unsigned_abs());
        let dial_by = match launch.window {
            Some(window) => self
                .store_io
                .clock()
                .instant(window.dial_by)
                .min(now + left),
            None => now + left,
        };
        let task = DropTask {
            drop: launch.drop,
            is_of_campaign: self.engine.names(key.0, &launch.start.message),
            message: match launch.made {
                Some(made) => self.messages.made(made),
                None => self.messages.get(&launch.start.message, now),
            },
            start: *launch.start,
            mode,
            dial_by,
            stale_at: launch.decided + STALE_AFTER,
            steps: AdmissionSteps {
                asked_at: launch.decided,
                decided_at: launch.decided,
                committed_at: launch.committed,
            },
            campaign: telemetry::sends_traces()
                .then(|| self.campaigns.name(key.0).map(str::to_owned))
                .flatten(),
            cancel: launch.cancel,
        };
        tokio::spawn(Arc::clone(&self.worker).run_drop(task));
    }

    /// Nothing was dialled, for certain: this is reported to the engine.
    pub(super) fn not_dialled(&mut self, key: ContactKey) {
        let Some(attempt) = self.in_flight.remove(key) else {
            return;
        };
        let Attempt {
            campaign,
            contact,
            number,
        } = attempt;
        self.tell(Event::NotDialled {
            campaign,
            contact,
            attempt: number,
        });
    }
}
