//! What becomes of contacts that the store has leased: their messages are made, if they are made one by one.

use std::{collections::BTreeSet, sync::Arc};

use jiff::SignedDuration;

use super::ControlLoop;
use crate::{
    audio::template::Template,
    campaign::engine::{CampaignId, Contact, ContactId, Event, Next},
    controller::{gate::OUTDATED, preparations::MessageMade},
    store::Leased,
};

impl ControlLoop {
    /// Contacts of a campaign were leased; the drops to their numbers were looked up so far back.
    pub(super) fn on_fetched(
        &mut self,
        campaign: CampaignId,
        contacts: Vec<Leased>,
        history: SignedDuration,
        next: Next,
    ) {
        let gate = self.engine.gate_mut();
        // Fetched before caps were set that look back further: the store is to ask again.
        let is_short = history < gate.history();
        let contacts = contacts.into_iter().map(|mut leased| {
            if is_short {
                leased.facts.version = OUTDATED;
            }
            gate.remember(leased)
        });
        let contacts: Vec<_> = contacts.collect();
        let unready = self.make_messages(campaign, &contacts);
        let making = unready.clone();
        self.tell(Event::Due {
            campaign,
            contacts,
            unready,
            next,
        });
        for contact in making {
            // The engine does not take those that it has given back meanwhile.
            if !self.engine.has(campaign, contact) {
                self.preparations.forget((campaign, contact));
            }
        }
    }

    /// A message is made, or it is certain that it cannot be.
    pub(super) fn on_message_made(&mut self, made: MessageMade) {
        let Some(((campaign, contact), made)) = self.preparations.on_made(made) else {
            return;
        };
        if let Err(why) = &made.message
            && why.is_passing(self.engine.names(campaign, &made.template))
        {
            // It is given back with all others that are at hand.
            let words = Arc::clone(&why.words);
            return self.on_files_away(campaign, &words);
        }
        self.tell(Event::MessageReady { campaign, contact });
    }

    /// Begins to make the messages of contacts that were leased, of those whose messages are made; returns these.
    fn make_messages(&mut self, campaign: CampaignId, contacts: &[Contact]) -> BTreeSet<ContactId> {
        let engine = &self.engine;
        let templates = contacts.iter().filter_map(|contact| {
            let message = engine.message_of(campaign, contact)?;
            Template::is_one(message).then(|| (contact.id, Arc::from(message)))
        });
        let templates: Vec<_> = templates.collect();
        let unready = templates.iter().map(|(contact, _)| *contact).collect();
        if !templates.is_empty() {
            self.preparations.begin(campaign, templates);
        }
        unready
    }
}
