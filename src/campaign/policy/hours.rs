//! When calls may be made where a contact may be.
//!
//! A zone is open while its civil time is within the hours that all rules leave open on its civil day. That holds through
//! every change of clocks: an hour that comes twice is open twice, one that is left out is never there. A call needs all
//! zones open at once.

use jiff::{
    SignedDuration, Timestamp,
    civil::Date,
    tz::{AmbiguousOffset, TimeZone},
};

use super::{
    jurisdiction::Jurisdiction, law::Law, settings::UserRule, span::Span, whereabouts::Whereabouts,
};
use crate::phone::PhoneNumber;

/// The rules on hours that hold for one number, and the zones it may be in.
pub(super) struct Hours<'a> {
    pub(super) zones: &'a [TimeZone],
    pub(super) laws: Vec<&'static Law>,
    pub(super) rules: Vec<&'a UserRule>,
}

impl<'a> Hours<'a> {
    /// The rules that hold where a contact may be. Forced rules take the place of the laws of the places they name.
    pub(super) fn of(
        whereabouts: &'a Whereabouts,
        rules: &'a [UserRule],
        number: Option<&PhoneNumber>,
    ) -> Self {
        let mut places = whereabouts.places.clone();
        // No law is of a place abroad, but rules of the user's own may be.
        if let Some(number) = number
            && rules.iter().any(UserRule::names_a_place_abroad)
        {
            let abroad = number.countries_abroad();
            places.extend(abroad.into_iter().map(Jurisdiction::known));
        }
        let places = &places;
        let rules: Vec<_> = rules.iter().filter(|rule| rule.holds_in(places)).collect();
        let forced = |place: &Jurisdiction| rules.iter().any(|rule| rule.replaces_law_of(*place));
        let everywhere = rules
            .iter()
            .any(|rule| rule.instead_of_law.is_some() && rule.places.is_empty());
        let by_law: Vec<_> = places.iter().copied().filter(|p| !forced(p)).collect();
        let laws = if everywhere || (by_law.is_empty() && !places.is_empty()) {
            Vec::new()
        } else {
            Law::of(&by_law)
        };
        Self {
            zones: &whereabouts.zones,
            laws,
            rules,
        }
    }

    /// Whether a call may be made at a moment. Never if no zone is known.
    pub(super) fn are_open(&self, at: Timestamp) -> bool {
        !self.zones.is_empty() && self.zones.iter().all(|zone| self.is_zone_open(zone, at))
    }

    /// The first moment, from this one on, at which a call may be made; `None` if there is none within [`HORIZON`].
    pub(super) fn open_from(&self, from: Timestamp) -> Option<Timestamp> {
        if self.zones.is_empty() {
            return None;
        }
        let end = from.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
        let mut at = from;
        // Each zone in turn moves the moment on to its own next opening. Once none does, all are open, and nothing
        // before was: each step went no further than it had to.
        loop {
            let mut next = at;
            for zone in self.zones {
                next = self.zone_open_from(zone, next, end)?;
            }
            if next == at {
                return Some(at);
            }
            at = next;
        }
    }

    /// The hours left open on a civil day.
    pub(super) fn on(&self, day: Date) -> Option<Span> {
        let by_law = self.laws.iter().map(|law| law.on(day).0);
        let by_rule = self.rules.iter().map(|rule| rule.on(day));
        by_law
            .chain(by_rule)
            .try_fold(Span::DAY, |left, span| left.and(span?))
    }

    /// Whether a zone is open at a moment.
    pub(super) fn is_zone_open(&self, zone: &TimeZone, at: Timestamp) -> bool {
        let local = zone.to_datetime(at);
        self.on(local.date())
            .is_some_and(|span| span.holds(local.time()))
    }

    /// The first moment, from this one on and not after the end, at which one zone is open.
    fn zone_open_from(
        &self,
        zone: &TimeZone,
        from: Timestamp,
        end: Timestamp,
    ) -> Option<Timestamp> {
        if self.is_zone_open(zone, from) {
            return (from <= end).then_some(from);
        }
        let mut day = zone.to_datetime(from).date();
        // A day can come back: if clocks are set back over midnight, the evening before is there twice.
        if let Ok(before) = day.yesterday() {
            day = before;
        }
        loop {
            let next = day.tomorrow().ok()?;
            let first = [day, next, next.tomorrow().ok()?]
                .into_iter()
                .flat_map(|day| self.openings(zone, day))
                .filter(|&at| at >= from && self.is_zone_open(zone, at))
                .min();
            match first {
                // Whatever comes on the third day or later may have a rival on a day that was not looked at.
                Some(first) if zone.to_datetime(first).date() <= next => {
                    return (first <= end).then_some(first);
                }
                None if start_of(zone, day) > end => return None,
                Some(_) | None => day = next,
            }
        }
    }

    /// The moments around a civil day at which a zone can turn open: when its clock shows the hour that the day opens
    /// at, and when the clock is changed.
    fn openings(&self, zone: &TimeZone, day: Date) -> impl Iterator<Item = Timestamp> {
        let opening = self.on(day).map(|span| day.to_datetime(span.opens()));
        let shown = opening.into_iter().flat_map(move |opening| {
            let offsets = match zone.to_ambiguous_timestamp(opening).offset() {
                AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
                AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
                AmbiguousOffset::Gap { .. } => [None, None],
            };
            offsets
                .into_iter()
                .flatten()
                .filter_map(move |offset| offset.to_timestamp(opening).ok())
        });
        let start = start_of(zone, day);
        let changed = zone
            .following(start)
            .map(|change| change.timestamp())
            .take_while(move |&at| at.duration_since(start) <= SignedDuration::from_hours(48));
        shown.chain(changed)
    }
}

/// A moment at which a day has not begun yet in a zone, at most a day before.
fn start_of(zone: &TimeZone, day: Date) -> Timestamp {
    day.yesterday()
        .ok()
        .and_then(|day| zone.to_timestamp(day.at(12, 0, 0, 0)).ok())
        .unwrap_or(Timestamp::MIN)
}

/// How far ahead an opening is looked for: a year and a day.
pub(super) const HORIZON: SignedDuration = SignedDuration::from_hours(366 * 24);
