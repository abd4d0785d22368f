//! How often a number may be called within times that slide.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    facts::Start,
    jurisdiction::Jurisdiction,
    law::{Counted, Law, Limit},
    settings::GateSettings,
};
use crate::drop::Outcome;

/// A limit, whose it is, and how much of it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitUse {
    /// Whose: the law's name, or `gate.caps`.
    pub source: String,
    /// The limit.
    pub limit: Limit,
    /// How much of it earlier drops use.
    pub used: u32,
    /// How much this drop would add.
    pub adds: u32,
    /// When there is room for this drop; `None` if there never is.
    pub opens: Option<Timestamp>,
}

impl LimitUse {
    /// Whether there is room for this drop at a moment that `opens` was found for.
    pub(super) fn has_room(&self, at: Timestamp) -> bool {
        self.opens.is_some_and(|opens| opens <= at)
    }
}

/// Whether a drop that ended counts for the caps: a call of it alerted or was answered, or may have been.
///
/// An answered call, one that rang until the deadline and one that was declined have reached the callee by their outcome;
/// of one that was lost nothing is known. Any other counts only if something alerted: if the network had no way
/// through, the line was busy or the trunk refused, no telephone rang. The store counts by the same rule.
pub const fn counts(outcome: Outcome, has_alerted: bool) -> bool {
    match outcome {
        Outcome::Delivered
        | Outcome::Human
        | Outcome::HungUp
        | Outcome::NotVoicemail
        | Outcome::Unsure
        | Outcome::CutOff
        | Outcome::NoAnswer
        | Outcome::Rejected
        | Outcome::Lost => true,
        Outcome::Busy
        | Outcome::InvalidNumber
        | Outcome::Congestion
        | Outcome::Failed
        | Outcome::Cancelled
        | Outcome::Error => has_alerted,
    }
}

/// What each limit that holds in these places leaves, for a drop of so many calls.
pub(super) fn uses(
    settings: &GateSettings,
    places: &[Jurisdiction],
    starts: &[Start],
    calls: u32,
    now: Timestamp,
) -> Vec<LimitUse> {
    let own = settings
        .limits
        .iter()
        .map(|&limit| ("gate.caps".to_owned(), limit));
    let legal = Law::of(places)
        .into_iter()
        .flat_map(|law| law.limits.iter().map(|&limit| (law.name(), limit)));
    own.chain(legal)
        .map(|(source, limit)| LimitUse {
            source,
            limit,
            used: starts
                .iter()
                .filter(|start| ends(start, limit) > now)
                .map(|start| weight(start.calls, limit))
                .fold(0, u32::saturating_add),
            adds: weight(calls, limit),
            opens: opens(limit, starts, calls, now),
        })
        .collect()
}

/// The first moment, from now on, at which there is room for a drop; `None` if it is more than the limit by itself.
fn opens(limit: Limit, starts: &[Start], calls: u32, now: Timestamp) -> Option<Timestamp> {
    let room = limit.most.checked_sub(weight(calls, limit))?;
    let mut counted: Vec<_> = starts
        .iter()
        .map(|start| (ends(start, limit), weight(start.calls, limit)))
        .filter(|&(ends, _)| ends > now)
        .collect();
    counted.sort_unstable();

    let mut used = counted
        .iter()
        .map(|&(_, weight)| weight)
        .fold(0, u32::saturating_add);
    let mut at = now;
    for (ends, weight) in counted {
        if used <= room {
            break;
        }
        used = used.saturating_sub(weight);
        at = ends;
    }
    Some(at)
}

/// When a start does not count any more: exactly the limit's time after it.
fn ends(start: &Start, limit: Limit) -> Timestamp {
    start
        .at
        .checked_add(SignedDuration::from_hours(i64::from(limit.hours)))
        .unwrap_or(Timestamp::MAX)
}

/// How much a drop of so many calls counts.
fn weight(calls: u32, limit: Limit) -> u32 {
    match limit.of {
        Counted::Drops => 1,
        Counted::Calls => calls,
    }
}
