//! What follows from what has happened.

use std::collections::BTreeSet;

use super::{
    CampaignId, Command, Contact, ContactId, End, Engine, Event, Gate, Next, Phase, Settlement,
    campaign::{DropInFlight, FilesAway},
    supply::PATIENCE,
};
use crate::{
    campaign::{
        budget::{Calls, TechniqueRule},
        pace::Stretch,
    },
    drop::{Outcome, OutcomeReason},
};

impl<G: Gate> Engine<G> {
    pub(super) fn on_event(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Due {
                campaign,
                contacts,
                unready,
                next,
            } => self.on_due(campaign, contacts, &unready, next),
            Event::MessageReady { campaign, contact } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.message_ready(contact);
                }
            }
            Event::FilesAway {
                campaign,
                why,
                until,
            } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.files_away = Some(FilesAway { why, until });
                }
            }
            Event::FetchFailed { campaign } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.failures = campaign.failures.saturating_add(1);
                    campaign.supply.failed(campaign.failures, now);
                }
            }
            Event::More { campaign } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    if campaign.phase == Phase::Over(End::Complete) {
                        campaign.phase = Phase::Running;
                    }
                    campaign.supply.note(now);
                }
            }
            Event::NotDialled {
                campaign,
                contact,
                attempt,
            } => self.on_not_dialled(campaign, contact, attempt),
            // A drop that was cancelled while it waited for its PBX has dialled nothing.
            Event::Ended {
                campaign,
                contact,
                attempt,
                outcome: Outcome::Cancelled,
                reason: _,
                calls: Calls::NONE,
            } => self.on_not_dialled(campaign, contact, attempt),
            Event::Ended {
                campaign,
                contact,
                attempt,
                outcome,
                reason,
                calls,
            } => {
                if self.land(campaign, contact, attempt, calls) {
                    self.settle_attempt(campaign, contact, attempt, (outcome, reason), calls);
                }
            }
            Event::Found {
                campaign,
                contact,
                attempt,
                pbx,
                outcome,
                calls,
            } => {
                if let Some(pbx) = self.pbxs.get_mut(&pbx) {
                    pbx.budget.add(calls, now);
                }
                self.settle_attempt(campaign, contact, attempt, (outcome, None), calls);
            }
            Event::Had {
                campaign,
                refused,
                of,
            } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.refusals.had(refused, of);
                }
            }
            Event::Started { campaign, pbx, at } => {
                let of_campaign = self.campaigns.get_mut(&campaign);
                let paces = [
                    of_campaign.and_then(|campaign| campaign.pace.as_mut()),
                    self.pbxs.get_mut(&pbx).map(|pbx| &mut pbx.pace),
                ];
                for pace in paces.into_iter().flatten() {
                    pace.note(Stretch::NONE, at.min(now));
                }
            }
            Event::Called { pbx, calls, at } => {
                if let Some(pbx) = self.pbxs.get_mut(&pbx) {
                    pbx.budget.add(calls, at.min(now));
                }
            }
            Event::EndedElsewhere {
                campaign: id,
                outcome,
                drops,
                at,
            } => {
                let campaign = self.campaigns.get_mut(&id);
                let why = campaign
                    .and_then(|campaign| campaign.note_elsewhere(outcome, drops, at.min(now)));
                if let Some(why) = why {
                    self.commands
                        .push_back(Command::Paused { campaign: id, why });
                }
            }
            Event::ShownElsewhere {
                campaign,
                caller_id,
                calls,
            } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.callers.note_used(&caller_id, calls);
                }
            }
            Event::Waiting {
                campaign,
                reason,
                until,
                zone,
                contacts,
            } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign
                        .waiting
                        .note(reason, until, zone.as_ref(), contacts);
                }
            }
            Event::PlacesHeld { campaign, held } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.waiting.set_places(&held);
                }
            }
            Event::LookedAgain { campaign } => {
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.waiting.forget_holds();
                    campaign.supply.note(now);
                }
            }
            Event::Pbx(id, reach) => {
                if let Some(pbx) = self.pbxs.get_mut(&id) {
                    pbx.reach = reach;
                }
            }
            Event::Trunk(id, reach) => {
                if let Some(pbx) = self.pbxs.get_mut(&id) {
                    pbx.trunk = reach;
                }
            }
            Event::Store(reach) => self.store = reach,
            Event::Clocks(reach) => self.clocks = reach,
        }
    }

    fn on_due(
        &mut self,
        id: CampaignId,
        contacts: Vec<Contact>,
        unready: &BTreeSet<ContactId>,
        next: Next,
    ) {
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            self.release(id, contacts);
            return;
        };
        let ready = campaign.ready.iter().map(|contact| contact.id).collect();
        let contacts: Vec<_> = contacts
            .into_iter()
            .filter(|contact| campaign.is_new(contact, &ready))
            .collect();
        let gave = !contacts.is_empty();
        if campaign.supply.answered(next, gave, self.now) {
            campaign.failures = 0;
            campaign.is_stale = false;
            if gave {
                campaign.makes_messages = !unready.is_empty();
            }
            for contact in contacts {
                if unready.contains(&contact.id) {
                    campaign.preparing.insert(contact.id, contact);
                } else {
                    campaign.ready.push_back(contact);
                }
            }
        } else if gave {
            campaign.supply.note(self.now);
            self.release(id, contacts);
        }
    }

    fn on_not_dialled(&mut self, id: CampaignId, contact: ContactId, attempt: u32) {
        if !self.land(id, contact, attempt, Calls::NONE) {
            return;
        }
        if let Some(campaign) = self.campaigns.get_mut(&id) {
            // Not at once: what kept it from being dialled may still be there.
            campaign.supply.note(self.now + PATIENCE);
        }
        self.commands.push_back(Command::Settle {
            campaign: id,
            contact,
            settlement: Settlement::NotDialled { attempt },
        });
    }

    /// Takes a drop out of flight; returns whether this attempt was in flight.
    fn land(&mut self, id: CampaignId, contact: ContactId, attempt: u32, calls: Calls) -> bool {
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            return false;
        };
        let is_it = |flight: &DropInFlight| flight.attempt == attempt;
        if !campaign.in_flight.get(&contact).is_some_and(is_it) {
            return false;
        }
        if let Some(flight) = campaign.in_flight.remove(&contact) {
            self.numbers.remove(&flight.number);
            if let Some(pbx) = self.pbxs.get_mut(&flight.pbx) {
                pbx.in_flight = pbx.in_flight.saturating_sub(1);
                pbx.budget.settle(flight.technique, calls, self.now);
            }
        }
        true
    }

    fn settle_attempt(
        &mut self,
        id: CampaignId,
        contact: ContactId,
        attempt: u32,
        (outcome, reason): (Outcome, Option<OutcomeReason>),
        calls: Calls,
    ) {
        let now = self.now;
        let campaign = self.campaigns.get_mut(&id);
        let again = campaign.as_ref().and_then(|campaign| {
            let settings = &campaign.settings;
            // Two calls would find the number busy with the first once more.
            let is_vain = reason == Some(OutcomeReason::OwnBusyLeg)
                && settings.technique == TechniqueRule::Double;
            // Nothing was dialled, and what the PBX could not make may be made later.
            let rule = match reason {
                Some(OutcomeReason::NotMade) => Outcome::Failed,
                Some(_) | None => outcome,
            };
            let next = || settings.retry.next(rule, contact, attempt, now);
            (!is_vain).then(next).flatten()
        });
        self.commands.push_back(Command::Settle {
            campaign: id,
            contact,
            settlement: Settlement::Ended {
                attempt,
                outcome,
                calls,
                again,
            },
        });
        let Some(campaign) = campaign else {
            return;
        };
        campaign.is_stale = true;
        if let Some(again) = again {
            campaign.waiting.note(None, again, None, 1);
            campaign.supply.note(again);
        }
        if let Some(why) = campaign.note_outcome(outcome, now) {
            self.commands
                .push_back(Command::Paused { campaign: id, why });
        }
    }
}
