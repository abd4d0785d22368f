//! A store in memory that checks every step of every contact.

use std::collections::{BTreeMap, BTreeSet};

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

/// How a contact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Due(Timestamp),
    Leased,
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

    /// Leases contacts that are due, and tells when the next is.
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
            self.due.remove(&(campaign, at, id));
            let row = self.rows.get_mut(&(campaign, id)).unwrap();
            assert_eq!(row.state, State::Due(at));
            row.state = State::Leased;
            contacts.push(row.contact.clone());
        }
        let next = self.first_due(campaign);
        (contacts, next.map_or(Next::Never, |(at, _)| Next::At(at)))
    }

    pub(crate) fn start(&mut self, start: &Start) {
        let row = self.row(start.campaign, start.contact.id);
        assert_eq!(row.state, State::Leased, "{start:?}");
        assert_eq!(row.contact.attempts + 1, start.attempt, "{start:?}");
        row.contact.attempts = start.attempt;
        row.starts += 1;
        row.state = State::Dialling(start.attempt);
    }

    pub(crate) fn settle(
        &mut self,
        campaign: CampaignId,
        id: ContactId,
        settlement: Settlement,
        now: Timestamp,
    ) {
        let row = self.row(campaign, id);
        row.state = match settlement {
            Settlement::Refused(reason) => {
                assert_eq!(row.state, State::Leased);
                State::Refused(reason)
            }
            Settlement::Held { until, .. } => {
                assert_eq!(row.state, State::Leased);
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
        if let State::Due(at) = row.state {
            self.due.insert((campaign, at, id));
        }
    }

    pub(crate) fn release(&mut self, campaign: CampaignId, ids: &[ContactId], now: Timestamp) {
        for &id in ids {
            let row = self.row(campaign, id);
            assert_eq!(row.state, State::Leased);
            row.state = State::Due(now);
            self.due.insert((campaign, now, id));
        }
    }

    /// The controller died: its leases end, and who was in mid-drop is told.
    pub(crate) fn recover(&mut self, now: Timestamp) -> Vec<(CampaignId, ContactId, u32)> {
        let mut mid_drop = Vec::new();
        for (&(campaign, id), row) in &mut self.rows {
            match row.state {
                State::Leased => {
                    row.state = State::Due(now);
                    self.due.insert((campaign, now, id));
                }
                State::Dialling(attempt) => mid_drop.push((campaign, id, attempt)),
                State::Due(_) | State::Ended(_) | State::Refused(_) => {}
            }
        }
        mid_drop
    }

    /// How every contact of a campaign stands, with how often it was started.
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

    fn row(&mut self, campaign: CampaignId, id: ContactId) -> &mut Row {
        self.rows.get_mut(&(campaign, id)).unwrap()
    }
}
