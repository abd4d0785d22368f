//! The last few milliseconds before a drop is dialled: the pace, held once more.
//!
//! The engine paces its decisions. Between a decision and the first request lies the transaction that writes the intent,
//! now quick and now slow, and two starts that were decided far enough apart may come out of it too close. So the rates
//! are held here too, by the moment at which drops are released. If other controllers share a rate, the store has given the
//! drop a moment of its own: it is released within its [`LaunchWindow`] or not at all.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    campaign::{
        engine::CampaignId,
        pace::{Pace, Rate, Stretch},
    },
    drop::Plan,
};

/// Drops whose intents are written, in the order in which they came.
#[derive(Debug)]
pub(super) struct LaunchPacer<T> {
    trunk: Pace,
    campaigns: BTreeMap<CampaignId, Pace>,
    waiting: VecDeque<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    campaign: CampaignId,
    since: Timestamp,
    window: Option<LaunchWindow>,
    what: T,
}

/// The time in which a drop may be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaunchWindow {
    /// From then on.
    pub(super) from: Timestamp,
    /// Before then.
    pub(super) until: Timestamp,
    /// Once it is released it is dialled by then, or not at all.
    pub(super) dial_by: Timestamp,
}

impl<T> Waiting<T> {
    /// From when on it is stale.
    fn stale_at(&self) -> Timestamp {
        let stale = self.since + STALE_AFTER + TICK;
        self.window.map_or(stale, |window| window.until.min(stale))
    }

    /// Whether its moment has come.
    fn has_come(&self, now: Timestamp) -> bool {
        self.window.is_none_or(|window| window.from <= now)
    }
}

/// What becomes of a drop.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Release<T> {
    /// It is to be dialled.
    Dial(T),
    /// It has waited too long for its place: what allowed it may not hold any more.
    Stale(T),
}

impl<T> LaunchPacer<T> {
    /// An empty one before a trunk with this rate.
    pub(super) const fn new(trunk: Rate) -> Self {
        Self {
            trunk: Pace::new(trunk),
            campaigns: BTreeMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Limits the trunk to this rate from here on.
    pub(super) fn set_trunk(&mut self, rate: Rate) {
        self.trunk.set_rate(rate);
    }

    /// Limits a campaign to a rate of its own from here on, or to none.
    pub(super) fn set_campaign(&mut self, campaign: CampaignId, rate: Option<Rate>) {
        match (self.campaigns.get_mut(&campaign), rate) {
            (Some(pace), Some(rate)) => pace.set_rate(rate),
            (None, Some(rate)) => {
                self.campaigns.insert(campaign, Pace::new(rate));
            }
            (_, None) => {
                self.campaigns.remove(&campaign);
            }
        }
    }

    /// A drop may be dialled as soon as the rates let it, by `now` as seen by the engine when it decided on it.
    pub(super) fn push(
        &mut self,
        campaign: CampaignId,
        what: T,
        decided: Timestamp,
        window: Option<LaunchWindow>,
    ) {
        self.waiting.push_back(Waiting {
            campaign,
            since: decided,
            window,
            what,
        });
    }

    /// The next drop that is released at `now`.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Release<T>> {
        let stale = |waiting: &Waiting<T>| now >= waiting.stale_at();
        if let Some(at) = self.waiting.iter().position(stale) {
            let waiting = self.waiting.remove(at)?;
            return Some(Release::Stale(waiting.what));
        }
        if !self.trunk.is_open(now) {
            return None;
        }
        let open = |waiting: &Waiting<T>| {
            let pace = self.campaigns.get(&waiting.campaign);
            waiting.has_come(now) && pace.is_none_or(|pace| pace.is_open(now))
        };
        let at = self.waiting.iter().position(open)?;
        let waiting = self.waiting.remove(at)?;
        self.note(waiting.campaign, now);
        Some(Release::Dial(waiting.what))
    }

    /// When the next drop is released; `None` if none waits.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let soonest = self.waiting.iter().map(|waiting| {
            let pace = self.campaigns.get(&waiting.campaign);
            let own = pace.and_then(Pace::next);
            let from = waiting.window.map(|window| window.from);
            let open = own.max(self.trunk.next()).max(from);
            open.unwrap_or(waiting.since).min(waiting.stale_at())
        });
        soonest.min()
    }

    /// Counts a start, of this run or an earlier one.
    pub(super) fn note(&mut self, campaign: CampaignId, at: Timestamp) {
        self.trunk.note(Stretch::NONE, at);
        if let Some(pace) = self.campaigns.get_mut(&campaign) {
            pace.note(Stretch::NONE, at);
        }
    }
}

/// How long after the engine's decision a drop may still be dialled.
pub(super) const STALE_AFTER: Duration = Plan::DIAL_WITHIN;

/// The precision of a moment.
const TICK: Duration = Duration::from_micros(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_one_does_not_bring_two_into_one_span() {
        let mut ramp = ramp(2);
        let mut left = Vec::new();
        // Decided every 500 ms; the first comes out of its transaction 300 ms late.
        for (decided, ready) in [(0, 300), (500, 510), (1_000, 1_010), (1_500, 1_510)] {
            ramp.push(CampaignId(1), decided, at(decided), None);
            let mut now = ready;
            while let Some(next) = ramp.next() {
                now = now.max(next.as_millisecond());
                if ramp.pop(at(now)).is_some() {
                    left.push(now);
                }
            }
        }
        assert_eq!(left.len(), 4);
        assert!(left.windows(3).all(|w| w[2] - w[0] >= 1_000), "{left:?}");
    }

    #[test]
    fn a_campaign_s_own_rate_does_not_hold_up_others() {
        let mut ramp = ramp(100);
        ramp.set_campaign(CampaignId(1), Rate::new(1, Duration::from_secs(10)));
        for (campaign, what) in [(1, "a"), (1, "b"), (2, "c")] {
            ramp.push(CampaignId(campaign), what, at(0), None);
        }
        assert_eq!(ramp.pop(at(0)), Some(Release::Dial("a")));
        assert_eq!(ramp.pop(at(10)), Some(Release::Dial("c")));
        assert_eq!(ramp.pop(at(20)), None);
        assert_eq!(ramp.next(), Some(at(5_000) + TICK));
        assert_eq!(ramp.pop(at(5_001)), Some(Release::Stale("b")));
        assert_eq!(ramp.next(), None);
    }

    #[test]
    fn a_drop_with_a_moment_of_its_own_is_released_within_its_window_or_not_at_all() {
        let mut ramp = ramp(100);
        let window = |from, until| {
            Some(LaunchWindow {
                from: at(from),
                until: at(until),
                dial_by: at(until + 50),
            })
        };
        ramp.push(CampaignId(1), "late", at(0), window(900, 950));
        ramp.push(CampaignId(1), "soon", at(0), window(100, 150));
        assert_eq!(ramp.pop(at(99)), None);
        assert_eq!(ramp.next(), Some(at(100)));
        assert_eq!(ramp.pop(at(100)), Some(Release::Dial("soon")));
        assert_eq!(ramp.next(), Some(at(900)));
        assert_eq!(ramp.pop(at(950)), Some(Release::Stale("late")));
        assert_eq!(ramp.next(), None);
    }

    fn ramp<T>(starts: u32) -> LaunchPacer<T> {
        LaunchPacer::new(Rate::new(starts, Duration::from_secs(1)).unwrap())
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }
}
