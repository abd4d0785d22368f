//! What must hold of a whole run.

use std::collections::BTreeMap;

use aftertone::campaign::{
    Decision,
    engine::{CampaignId, End},
    pace::Rate,
};
use jiff::Timestamp;

use crate::{
    store::State,
    world::{Started, World},
};

impl World {
    /// Holds the whole log against the rates, over every sliding span of time.
    pub(crate) fn check_rates(&self) {
        for (&id, pbx) in &self.pbxs {
            self.check_rate(pbx.rate, |started| started.pbx == id);
        }
        for (&id, campaign) in &self.campaigns {
            if let Some(rate) = campaign.rate {
                self.check_rate(rate, |started| started.campaign == id);
            }
        }
    }

    fn check_rate(&self, rate: Rate, of: impl Fn(&Started) -> bool) {
        let times: Vec<_> = self.log.iter().filter(|s| of(s)).map(|s| s.at).collect();
        // A span that holds one start too many begins with one, so these are all spans there are.
        for span in times.windows(rate.starts() as usize + 1) {
            let (first, last) = (span[0], span[span.len() - 1]);
            let took = last.duration_since(first).unsigned_abs();
            assert!(took >= rate.per(), "{rate:?}: {span:?}");
        }
    }

    /// Holds the whole log against the gate's frequency cap.
    pub(crate) fn check_caps(&self) {
        let Some(cap) = self.engine.gate().cap else {
            return;
        };
        let mut last: BTreeMap<_, Timestamp> = BTreeMap::new();
        for started in &self.log {
            if let Some(before) = last.insert(&started.number, started.at) {
                let since = started.at.duration_since(before).unsigned_abs();
                assert!(since >= cap, "{started:?}, {since:?} after the last");
            }
        }
    }

    /// Holds the store against what must have become of each contact if a campaign is complete.
    pub(crate) fn check_no_contact_is_forgotten(&self, id: i64) {
        let id = CampaignId(id);
        assert_eq!(self.finished.get(&id), Some(&End::Complete), "{id}");
        let most = self.campaigns[&id].retry.most_attempts();
        for (contact, state, starts) in self.store.states(id) {
            assert!(
                matches!(state, State::Ended(_) | State::Refused(_)),
                "{contact:?} is {state:?}"
            );
            assert!(starts <= most, "{contact:?} was started {starts} times");
            let refused = matches!(state, State::Refused(_));
            let rule = self.engine.gate().rule_but_for_caps(contact, self.now);
            let expected = matches!(rule, Decision::Refused(_));
            assert_eq!(refused, expected, "{contact:?}");
            assert_eq!(starts == 0, refused, "{contact:?}");
        }
    }
}
