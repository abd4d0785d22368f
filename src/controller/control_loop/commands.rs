//! What the engine's commands become.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{ControlLoop, Key};
use crate::{
    campaign::engine::{
        CampaignId, Command, ContactId, End, Event, PauseReason, Settlement, Start,
    },
    clock,
    controller::{
        launch_pacer::{Release, STALE_AFTER},
        status,
        store_writer::Wanted,
        worker::{Aloft, Attempt, DropTask, Stage},
    },
    id::DropId,
    store::{Intent, Write},
};

impl ControlLoop {
    pub(super) fn execute(&mut self, command: Command) {
        match command {
            Command::Fetch { campaign, at_most } => self.want(Wanted::Fetch { campaign, at_most }),
            Command::Start(start) => self.write_intent(start),
            Command::Settle {
                campaign,
                contact,
                settlement,
            } => self.write_settlement(campaign, contact, settlement),
            Command::Release { campaign, contacts } => {
                for &contact in &contacts {
                    self.engine.gate_mut().forget(contact);
                }
                self.write(Write::Release { campaign, contacts });
            }
            Command::HangUp { campaign, contact } => {
                if let Some(aloft) = self.aloft.get(&(campaign, contact)) {
                    aloft.cancel.cancel();
                }
            }
            Command::Paused { campaign, why } => self.on_paused(campaign, why),
            Command::Finished { campaign, end } => self.on_finished(campaign, end),
            Command::Drained => self.drained = true,
        }
    }

    fn write_intent(&mut self, start: Start) {
        let decided = self.clock.now();
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
            caller_id: shown.or_else(|| Some(self.drop_worker.config.pbx.caller_id.clone())),
            ruling,
            version,
            despite_do_not_call: false,
        };
        if let Some(known) = self.known.get_mut(&start.campaign) {
            known.account.note_start(decided);
        }
        let attempt = Attempt {
            campaign: start.campaign,
            contact: start.contact.id,
            number: start.attempt,
        };
        let aloft = Aloft {
            attempt,
            drop,
            decided,
            cancel: CancellationToken::new(),
            stage: Stage::Writing(Box::new(start)),
        };
        self.aloft
            .insert((attempt.campaign, attempt.contact), aloft);
        self.write(Write::Start(Box::new(intent)));
    }

    fn write_settlement(
        &mut self,
        campaign: CampaignId,
        contact: ContactId,
        settlement: Settlement,
    ) {
        let ruled = self.engine.gate_mut().settled(contact, &settlement);
        let (ruling, zone) = ruled.map_or((None, None), |ruled| (Some(ruled.ruling), ruled.zone));
        if let Some(known) = self.known.get_mut(&campaign) {
            known.account.note(&settlement, self.clock.now());
        }
        let end = self.ends.remove(&(campaign, contact));
        let end = end.filter(|_| match settlement {
            Settlement::Ended { .. } => true,
            Settlement::Refused(_) | Settlement::Held { .. } | Settlement::NotDialled { .. } => {
                false
            }
        });
        self.write(Write::Settle {
            campaign,
            contact,
            settlement,
            ruling,
            zone,
            end,
        });
    }

    fn on_paused(&mut self, campaign: CampaignId, why: PauseReason) {
        let words = why.to_string();
        warn!(
            campaign = campaign.0,
            words, "a campaign has paused by itself"
        );
        if let Some(name) = self.name(campaign) {
            let note = status::paused_words(&words, name);
            self.notes.warned(Some(name), note);
        }
        self.write_standing(Write::Paused {
            campaign,
            why: words,
        });
    }

    fn on_finished(&mut self, campaign: CampaignId, end: End) {
        let words = status::end_words(end);
        if let Some(known) = self.known.get(&campaign) {
            let tally = known.account.tally();
            info!(
                campaign = campaign.0,
                name = known.row.name,
                contacts = tally.contacts,
                outcomes = ?tally.outcomes,
                refused = ?tally.refused,
                words,
                "campaign ended"
            );
        }
        self.notes.said(self.name(campaign), words);
        self.write_standing(Write::Finished { campaign, end });
    }

    /// Changes how a campaign stands: what the store tells of before that is not listened to.
    fn write_standing(&mut self, write: Write) {
        self.dirty = true;
        self.desired_state.own += 1;
        self.desired_state.unwritten += 1;
        self.write(write);
    }

    pub(super) fn write(&mut self, write: Write) {
        self.unwritten += 1;
        self.want(Wanted::Write(Box::new(write)));
    }

    fn want(&self, wanted: Wanted) {
        if self.wanted.send(wanted).is_err() {
            debug!("the store is not asked any more");
        }
    }

    /// Lets go of the drops whose place has come; returns whether the engine was told something.
    pub(super) fn launch(&mut self) -> bool {
        let mut told = false;
        let now = self.clock.now();
        while let Some(leaves) = self.ramp.pop(now) {
            let key = match leaves {
                Release::Dial(key) if self.may_dial() => key,
                Release::Dial(key) | Release::Stale(key) => {
                    self.not_dialled(key);
                    told = true;
                    continue;
                }
            };
            self.run_drop(key);
        }
        told
    }

    fn run_drop(&mut self, key: Key) {
        let Some(aloft) = self.aloft.get_mut(&key) else {
            return;
        };
        let start = match std::mem::replace(&mut aloft.stage, Stage::Flying) {
            Stage::Writing(start) | Stage::Waiting(start) => *start,
            Stage::Flying => return,
        };
        let mode = self.known.get(&key.0).and_then(|known| known.mode);
        let now = clock::now();
        let age = self.clock.now().duration_since(aloft.decided);
        // Its message and the folder of its evidence may take their time, on a disk that stands still.
        let left = STALE_AFTER.saturating_sub(age.unsigned_abs());
        let flight = DropTask {
            attempt: aloft.attempt,
            drop: aloft.drop,
            number: start.contact.number,
            technique: start.technique,
            mode,
            caller_id: start.caller_id,
            message: self.messages.get(&start.message, now),
            dial_by: now + left,
            cancel: aloft.cancel.clone(),
        };
        tokio::spawn(Arc::clone(&self.drop_worker).run_drop(flight));
    }

    /// Tells the engine that certainly nothing was dialled.
    pub(super) fn not_dialled(&mut self, key: Key) {
        let Some(aloft) = self.aloft.remove(&key) else {
            return;
        };
        let Attempt {
            campaign,
            contact,
            number,
        } = aloft.attempt;
        self.tell(Event::NotDialled {
            campaign,
            contact,
            attempt: number,
        });
    }
}
