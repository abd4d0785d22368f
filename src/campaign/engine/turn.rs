//! Whose turn it is, the attempt itself, and when there can be another.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Ask, CampaignId, Command, Contact, Engine, Gate, PbxId, Phase, Settlement, Start,
    campaign::DropInFlight,
};
use crate::{
    campaign::{Decision, HeldReason, budget::TechniqueRule, window::Opening},
    drop::Technique,
};

impl<G: Gate> Engine<G> {
    /// Starts all that may start at this moment.
    pub(super) fn schedule(&mut self) {
        if !self.may_start() {
            return;
        }
        while let Some((pbx, campaign, technique)) = self.choose() {
            self.attempt(pbx, campaign, technique);
        }
    }

    /// The PBX that is least full, of those that are free, and the campaign whose turn it is there.
    fn choose(&mut self) -> Option<(PbxId, CampaignId, Technique)> {
        let now = self.now;
        let mut free: Vec<_> = self
            .pbxs
            .iter()
            .filter(|(_, pbx)| pbx.is_free(now))
            .map(|(&id, pbx)| (pbx.load(), id))
            .collect();
        if free.is_empty() {
            return None;
        }
        free.sort_unstable();
        for campaign in self.campaigns.values_mut() {
            let able = campaign.is_able(now);
            // A campaign that had nothing to start has saved nothing up.
            if able && !campaign.was_able {
                campaign.pass = campaign.pass.max(self.turn);
            }
            campaign.was_able = able;
        }
        free.into_iter().find_map(|(_, id)| {
            let pbx = self.pbxs.get(&id)?;
            let able = self.campaigns.iter().filter(|(_, c)| c.was_able);
            able.filter_map(|(&campaign, c)| {
                let technique = pbx.budget.technique(c.settings.terms()).ok()?;
                Some((c.pass, campaign, technique))
            })
            .min_by_key(|&(pass, campaign, _)| (pass, campaign))
            .map(|(_, campaign, technique)| (id, campaign, technique))
        })
    }

    /// Asks the gate for the campaign's next contact, and does as it says.
    fn attempt(&mut self, pbx: PbxId, id: CampaignId, technique: Technique) {
        let now = self.now;
        let Some(campaign) = self.campaigns.get_mut(&id) else {
            return;
        };
        let Some(contact) = campaign.take() else {
            return;
        };
        let technique = match campaign.settings.technique {
            TechniqueRule::ByShare if contact.only_single => Technique::Single,
            TechniqueRule::ByShare | TechniqueRule::Double | TechniqueRule::Single => technique,
        };
        let ask = Ask {
            campaign: id,
            contact: &contact,
            technique,
        };
        let decision = if self.numbers.contains(&contact.number) {
            Decision::Held {
                reason: HeldReason::FrequencyCap,
                until: now + LINE_IN_USE,
            }
        } else {
            self.gate.decide(&ask, now)
        };
        campaign.note_asked(decision == Decision::Allowed);
        match decision {
            Decision::Allowed => {
                self.gate.started(&ask, now);
                self.start(pbx, id, technique, contact);
            }
            Decision::Held { reason, until } => {
                let until = until.max(now + SHORTEST_HOLD);
                let zone = self.gate.zone(&contact);
                campaign.waiting.note(Some(reason), until, zone.as_ref(), 1);
                campaign.supply.note(until);
                self.settle(id, &contact, Settlement::Held { reason, until });
            }
            Decision::Refused(reason) => self.settle(id, &contact, Settlement::Refused(reason)),
        }
    }

    fn settle(&mut self, campaign: CampaignId, contact: &Contact, settlement: Settlement) {
        self.commands.push_back(Command::Settle {
            campaign,
            contact: contact.id,
            settlement,
        });
    }

    fn start(&mut self, pbx_id: PbxId, id: CampaignId, technique: Technique, contact: Contact) {
        let now = self.now;
        let (Some(campaign), Some(pbx)) = (self.campaigns.get_mut(&id), self.pbxs.get_mut(&pbx_id))
        else {
            return;
        };
        let terms = campaign.settings.terms();
        let stretch = pbx.budget.stretch(terms);
        pbx.note_start(terms, technique, now);
        if let Some(pace) = &mut campaign.pace {
            pace.note(stretch, now);
        }
        self.turn = campaign.pass;
        campaign.pass += STRIDE / u64::from(campaign.settings.weight.max(1));
        let attempt = contact.attempts.saturating_add(1);
        self.numbers.insert(contact.number.clone());
        campaign.in_flight.insert(
            contact.id,
            DropInFlight {
                attempt,
                pbx: pbx_id,
                technique,
                number: contact.number.clone(),
            },
        );
        let settings = &campaign.settings;
        let chosen =
            settings
                .messages
                .choose(settings.seed, contact.id, contact.message.as_deref());
        let (message, variant) = (chosen.message.to_owned(), chosen.variant.map(str::to_owned));
        self.commands.push_back(Command::Start(Start {
            campaign: id,
            attempt,
            pbx: pbx_id,
            technique,
            message,
            variant,
            caller_id: campaign.callers.take(&contact.number),
            contact,
        }));
    }

    /// When there may be something to do for a campaign, if nothing happens until then.
    pub(super) fn deadline_of(&self, id: CampaignId) -> Option<Timestamp> {
        let campaign = self.campaigns.get(&id)?;
        if campaign.phase != Phase::Running {
            return None;
        }
        let closes = match campaign.opening {
            Opening::Open { until } => until,
            Opening::Closed { until } => return Some(until),
            Opening::Over => return None,
        };
        if let Some(away) = &campaign.files_away {
            return closes.into_iter().chain([away.until]).min();
        }
        let terms = campaign.settings.terms();
        let up = || self.pbxs.values().filter(|pbx| pbx.is_up());
        let recovers = up().filter_map(|pbx| pbx.budget.recovers(terms)).min();
        let serving = || up().filter(|pbx| pbx.serves(terms));
        let fetch = serving().next().and_then(|_| campaign.supply.next());
        let start = (!campaign.ready.is_empty() && campaign.has_room())
            .then(|| {
                let own = campaign.next_start();
                serving()
                    .filter(|pbx| pbx.has_room())
                    .map(|pbx| pbx.next_start().max(own).unwrap_or(self.now))
                    .min()
            })
            .flatten();
        // While enough contacts are at hand no more are asked for, however many are due.
        let fetch = fetch.filter(|&at| at > self.now || campaign.at_hand() == 0);
        let answer = campaign.supply.answer_by();
        [closes, recovers, fetch, answer, start]
            .into_iter()
            .flatten()
            .min()
    }
}

/// How far a campaign of weight 1 goes back in the row with each start.
const STRIDE: u64 = 1 << 32;

/// How long a contact waits whose number is being called at that moment, for another contact with the same number.
const LINE_IN_USE: Duration = Duration::from_secs(60);

/// The shortest time that a contact is held, however soon the gate wants to be asked again.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);
