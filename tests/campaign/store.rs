//! A store in memory that checks every step of every contact.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aftertone::{
    campaign::{
        RefusedReason,
        engine::{CampaignId, Contact, ContactId, Next, Settlement, Start},
    },
    drop::Outcome,
};
use jiff::Timestamp;

/// All contacts of all campaigns.
#[derive(Debug, Default)]
pub(crate) struct Store {
    rows: BTreeMap<(CampaignId, ContactId), Row>,
    due: BTreeSet<(CampaignId, Timestamp, ContactId)>,
}

#[derive(Debug)]
struct Row {
    contact: Contact,
    state: State,
    starts: u32,
}

/// The state of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Due(Timestamp),
    /// To the engine, until then.
    Leased(Timestamp),
    Dialling(u32),
    Ended(Outcome),
    Refused(RefusedReason),
}

impl Store {
    pub(crate) fn add(&mut self, campaign: CampaignId, contact: Contact, due: Timestamp) {
        self.due.insert((campaign, due, contact.id));
        let row = Row {
            state: State::Due(due),
            starts: 0,
            contact,
        };
        let before = self.rows.insert((campaign, row.contact.id), row);
        assert!(before.is_none());
    }

    /// Leases contacts that are due, and returns when the next is.
    pub(crate) fn fetch(
        &mut self,
        campaign: CampaignId,
        at_most: usize,
        now: Timestamp,
    ) -> (Vec<Contact>, Next) {
        let mut contacts = Vec::new();
        while contacts.len() < at_most
            && let Some((at, id)) = self.first_due(campaign)
            && at <= now
        {
            self.set(campaign, id, State::Leased(now + LEASE));
            contacts.push(self.row(campaign, id).contact.clone());
        }
        // What this answer brings the engine knows of; of a lease that ends for another contact it is informed.
        let first = (campaign, Timestamp::MIN, ContactId(i64::MIN));
        let others = self
            .due
            .range(first..)
            .take_while(|(of, _, _)| *of == campaign)
            .find(|(_, _, id)| !contacts.iter().any(|contact| contact.id == *id));
        let next = others.map_or(Next::Never, |&(_, at, _)| Next::At(at));
        (contacts, next)
    }

    pub(crate) fn start(&mut self, start: &Start) {
        let row = self.row(start.campaign, start.contact.id);
        assert!(matches!(row.state, State::Leased(_)), "{start:?}");
        assert_eq!(row.contact.attempts + 1, start.attempt, "{start:?}");
        row.contact.attempts = start.attempt;
        row.starts += 1;
        let state = State::Dialling(start.attempt);
        self.set(start.campaign, start.contact.id, state);
    }

    pub(crate) fn settle(
        &mut self,
        campaign: CampaignId,
        id: ContactId,
        settlement: Settlement,
        now: Timestamp,
    ) {
        let row = self.row(campaign, id);
        let state = match settlement {
            Settlement::Refused(reason) => {
                assert!(matches!(row.state, State::Leased(_)));
                State::Refused(reason)
            }
            Settlement::Held { until, .. } => {
                assert!(matches!(row.state, State::Leased(_)));
                assert!(until > now, "held until {until}, at {now}");
                State::Due(until)
            }
            Settlement::Ended {
                attempt,
                outcome,
                again,
                ..
            } => {
                assert_eq!(row.state, State::Dialling(attempt));
                assert!(again.is_none_or(|again| again > now));
                again.map_or(State::Ended(outcome), State::Due)
            }
            Settlement::NotDialled { attempt } => {
                assert_eq!(row.state, State::Dialling(attempt));
                row.contact.attempts -= 1;
                row.starts -= 1;
                State::Due(now)
            }
        };
        self.set(campaign, id, state);
    }

    /// Ends the leases of contacts; those that are not leased stay as they are.
    pub(crate) fn release(&mut self, campaign: CampaignId, ids: &[ContactId], now: Timestamp) {
        for &id in ids {
            if matches!(self.row(campaign, id).state, State::Leased(_)) {
                self.set(campaign, id, State::Due(now));
            }
        }
    }

    /// The controller died: its leases end, and the contacts in mid-drop are returned.
    pub(crate) fn recover(&mut self, now: Timestamp) -> Vec<(CampaignId, ContactId, u32)> {
        let keys: Vec<_> = self.rows.keys().copied().collect();
        let mut mid_drop = Vec::new();
        for (campaign, id) in keys {
            match self.row(campaign, id).state {
                State::Leased(_) => self.set(campaign, id, State::Due(now)),
                State::Dialling(attempt) => mid_drop.push((campaign, id, attempt)),
                State::Due(_) | State::Ended(_) | State::Refused(_) => {}
            }
        }
        mid_drop
    }

    /// The state of every contact of a campaign, with how often it was started.
    pub(crate) fn states(
        &self,
        campaign: CampaignId,
    ) -> impl Iterator<Item = (&Contact, State, u32)> {
        self.rows
            .range((campaign, ContactId(i64::MIN))..=(campaign, ContactId(i64::MAX)))
            .map(|(_, row)| (&row.contact, row.state, row.starts))
    }

    fn first_due(&self, campaign: CampaignId) -> Option<(Timestamp, ContactId)> {
        let first = (campaign, Timestamp::MIN, ContactId(i64::MIN));
        let (of, at, id) = self.due.range(first..).next()?;
        (*of == campaign).then_some((*at, *id))
    }

    fn set(&mut self, campaign: CampaignId, id: ContactId, state: State) {
        let before = std::mem::replace(&mut self.row(campaign, id).state, state);
        for (state, is_due) in [(before, false), (state, true)] {
            if let State::Due(at) | State::Leased(at) = state {
                let key = (campaign, at, id);
                let changed = if is_due {
                    self.due.insert(key)
                } else {
                    self.due.remove(&key)
                };
                assert!(changed);
            }
        }
    }

    fn row(&mut self, campaign: CampaignId, id: ContactId) -> &mut Row {
        self.rows.get_mut(&(campaign, id)).unwrap()
    }
}

/// How long a lease lasts; shorter than an engine may keep a contact at hand, so that it ends there too.
const LEASE: Duration = Duration::from_secs(90);
