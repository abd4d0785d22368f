//! The requests that wait for the store, in their order, and how many go into one transaction.

use std::collections::VecDeque;

use crate::{
    campaign::{
        engine::{CampaignId, ContactId},
        pace::Rate,
        policy::Gate,
    },
    store::Write,
};

/// Something that the control loop asks of the store.
#[derive(Clone, Debug)]
pub(in crate::controller) enum StoreRequest {
    /// To write this.
    Write(Box<Write>),
    /// To lease contacts that are due; all that was asked before is written by then.
    Fetch {
        /// The campaign they belong to.
        campaign: CampaignId,
        /// The most contacts to lease.
        at_most: usize,
    },
    /// To make contacts due that are held under other rules than these; all that was asked before is written by then.
    LookAgain(LookAgain),
    /// To look contacts up by these rules from then on.
    Rules(Box<Gate>),
    /// To register that the trunk takes so many starts, and so many drops in flight.
    Limits(Rate, u32),
    /// To count the contacts of a campaign; all that was asked before is written by then, and nothing that was asked later.
    Count(CampaignId),
}

/// A look at the contacts of a campaign that are held.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::controller) struct LookAgain {
    /// The campaign they belong to.
    pub(in crate::controller) campaign: CampaignId,
    /// A digest of the rules by which this controller holds.
    pub(in crate::controller) rules: String,
    /// Behind which contact to go on.
    pub(in crate::controller) after: Option<ContactId>,
    /// How many were made due so far.
    pub(in crate::controller) contacts: u64,
}

/// One request to the store.
#[derive(Clone, Debug)]
pub(in crate::controller) enum Work {
    /// All of it in one transaction.
    Commit(Vec<Write>),
    /// Contacts that are due.
    Fetch {
        /// The campaign they belong to.
        campaign: CampaignId,
        /// The most contacts to lease.
        at_most: usize,
    },
    /// A look at held contacts.
    LookAgain(LookAgain),
    /// Rules to look contacts up by.
    Rules(Box<Gate>),
    /// What the trunk carries.
    Limits(Rate, u32),
    /// The states of a campaign's contacts.
    Count(CampaignId),
}

/// What was not asked of the store yet. While one request is under way the next one gathers here.
#[derive(Debug, Default)]
pub(in crate::controller) struct Backlog {
    requests: VecDeque<StoreRequest>,
}

impl Backlog {
    /// How many requests wait.
    pub(in crate::controller) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(in crate::controller) fn push(&mut self, request: StoreRequest) {
        self.requests.push_back(request);
    }

    pub(in crate::controller) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The next request: all writes in front, [`MOST_AT_ONCE`] at most, or the one fetch, look or count.
    pub(in crate::controller) fn next(&mut self) -> Option<Work> {
        let mut writes = Vec::new();
        while writes.len() < MOST_AT_ONCE {
            match self.requests.pop_front() {
                Some(StoreRequest::Write(write)) => writes.push(*write),
                Some(StoreRequest::Fetch { campaign, at_most }) if writes.is_empty() => {
                    return Some(Work::Fetch { campaign, at_most });
                }
                Some(StoreRequest::LookAgain(look)) if writes.is_empty() => {
                    return Some(Work::LookAgain(look));
                }
                Some(StoreRequest::Rules(rules)) if writes.is_empty() => {
                    return Some(Work::Rules(rules));
                }
                Some(StoreRequest::Limits(rate, in_flight)) if writes.is_empty() => {
                    return Some(Work::Limits(rate, in_flight));
                }
                Some(StoreRequest::Count(campaign)) if writes.is_empty() => {
                    return Some(Work::Count(campaign));
                }
                Some(
                    alone @ (StoreRequest::Fetch { .. }
                    | StoreRequest::LookAgain(_)
                    | StoreRequest::Rules(_)
                    | StoreRequest::Limits(..)
                    | StoreRequest::Count(_)),
                ) => {
                    self.requests.push_front(alone);
                    break;
                }
                None => break,
            }
        }
        (!writes.is_empty()).then_some(Work::Commit(writes))
    }
}

/// Most writes of one transaction: others of the database's users have to get in between.
const MOST_AT_ONCE: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_gather_and_a_fetch_waits_for_those_before_it() {
        let mut backlog = Backlog::default();
        for request in [
            write(1),
            write(2),
            fetch(7),
            fetch(8),
            write(3),
            look(9),
            write(4),
            StoreRequest::Rules(Box::default()),
            StoreRequest::Count(CampaignId(7)),
            write(5),
        ] {
            backlog.push(request);
        }
        assert_eq!(
            told(&mut backlog),
            [
                "1 2", "fetch 7", "fetch 8", "3", "look 9", "4", "rules", "count 7", "5"
            ]
        );
        assert!(backlog.is_empty());
    }

    #[test]
    fn a_transaction_has_an_end() {
        let mut backlog = Backlog::default();
        for id in 0..=MOST_AT_ONCE {
            backlog.push(write(i64::try_from(id).unwrap()));
        }
        let sizes: Vec<_> = std::iter::from_fn(|| backlog.next())
            .map(|work| match work {
                Work::Commit(writes) => writes.len(),
                Work::Fetch { .. }
                | Work::LookAgain(_)
                | Work::Rules(_)
                | Work::Limits(..)
                | Work::Count(_) => 0,
            })
            .collect();
        assert_eq!(sizes, [MOST_AT_ONCE, 1]);
    }

    fn told(backlog: &mut Backlog) -> Vec<String> {
        std::iter::from_fn(|| backlog.next())
            .map(|work| match work {
                Work::Commit(writes) => {
                    let ids = writes.iter().map(|write| {
                        if let Write::Paused { campaign, .. } = write {
                            campaign.to_string()
                        } else {
                            format!("{write:?}")
                        }
                    });
                    ids.collect::<Vec<_>>().join(" ")
                }
                Work::Fetch { campaign, .. } => format!("fetch {campaign}"),
                Work::LookAgain(look) => format!("look {}", look.campaign),
                Work::Rules(_) => "rules".to_owned(),
                Work::Limits(rate, in_flight) => format!("limits {rate}, {in_flight}"),
                Work::Count(campaign) => format!("count {campaign}"),
            })
            .collect()
    }

    fn write(id: i64) -> StoreRequest {
        StoreRequest::Write(Box::new(Write::Paused {
            campaign: CampaignId(id),
            why: String::new(),
        }))
    }

    fn look(id: i64) -> StoreRequest {
        StoreRequest::LookAgain(LookAgain {
            campaign: CampaignId(id),
            rules: String::new(),
            after: None,
            contacts: 0,
        })
    }

    fn fetch(id: i64) -> StoreRequest {
        StoreRequest::Fetch {
            campaign: CampaignId(id),
            at_most: 1,
        }
    }
}
