//! Where a share of a trunk's calls is beside its limit, as it is told.

use super::{BudgetLimits, Reading};

/// Where a share is beside its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GaugeState {
    /// Dialling goes on as it is, or the share has no limit, or it is of too few calls to be judged.
    #[default]
    Well,
    /// Dialling slows down.
    Near,
    /// It has passed its limit, and has not come back from it.
    Exceeded,
}

impl GaugeState {
    /// Its word.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Near => "near",
            Self::Exceeded => "exceeded",
        }
    }

    /// The state of this slug.
    pub fn read(slug: &str) -> Option<Self> {
        let all = [Self::Well, Self::Near, Self::Exceeded];
        all.into_iter().find(|state| state.slug() == slug)
    }
}

impl Reading {
    /// Where the share is, with these limits.
    pub fn state(&self, limits: &BudgetLimits) -> GaugeState {
        let Some(limit) = self.limit else {
            return GaugeState::Well;
        };
        if self.over {
            return GaugeState::Exceeded;
        }
        let is_judged = self.whole >= u64::from(limits.at_least);
        if is_judged && self.share() > limit.times(limits.near) {
            GaugeState::Near
        } else {
            GaugeState::Well
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::budget::{Gauge, Share};

    #[test]
    fn a_share_is_near_from_where_dialling_slows_down() {
        let limits = BudgetLimits {
            short: Some(Share::percent(10)),
            ..BudgetLimits::default()
        };
        let read = |part, whole, over| {
            let limit = limits.short;
            Reading {
                gauge: Gauge::Short,
                part,
                whole,
                limit,
                over,
            }
            .state(&limits)
        };
        assert_eq!(read(9, 99, false), GaugeState::Well, "too few to be judged");
        assert_eq!(read(8, 100, false), GaugeState::Well);
        assert_eq!(read(9, 100, false), GaugeState::Near);
        assert_eq!(read(9, 100, true), GaugeState::Exceeded, "not back yet");
        let free = Reading {
            gauge: Gauge::Short,
            part: 100,
            whole: 100,
            limit: None,
            over: false,
        };
        assert_eq!(free.state(&limits), GaugeState::Well);
        for state in [GaugeState::Well, GaugeState::Near, GaugeState::Exceeded] {
            assert_eq!(GaugeState::read(state.slug()), Some(state));
        }
    }
}
